// SPDX-License-Identifier: GPL-3.0-or-later
#include "vmc/verify.h"

#include "base/memory.h"
#include "run/ensemble.h"
#include "run/recall.h"
#include "vmc/record.h"
#include "vmc/referee.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Relative to the value or 1: what rounding may make of a mean whose error is 0, as that of the exact ground state is.
static const double rounding = 1e-11;

static bool read_measured(struct record_file *file, const char *path, struct run_verification *out, struct error *error)
{
    static const struct {
        const char *name, *title;
    } parts[VERIFY_PARTS] = { { "energy", "energy" },
                              { "kinetic", "kinetic energy" },
                              { "trap", "trap energy" },
                              { "pair", "pair energy" },
                              { "kinetic_gradient", "kinetic energy by the gradient" } };
    uint64_t samples = 0;
    char name[64];
    bool good = record_read_count(file, "/result/n_samples", &samples, error);
    out->n_samples = (double)samples;
    if (good && samples == 0)
        return error_add(error, ERROR_CONFIG, "%s: nothing has been measured yet; finish the run with --resume", path);
    for (size_t k = 0; good && k < VERIFY_PARTS; k++) {
        struct verified_part *part = &out->part[k];
        part->name = parts[k].name;
        part->title = parts[k].title;
        snprintf(name, sizeof name, "/result/%s", part->name);
        good = record_read_reals(file, name, 1, &part->measured, error);
        snprintf(name, sizeof name, "/result/%s_error", part->name);
        good = good && record_read_reals(file, name, 1, &part->error, error);
        if (good && !(isfinite(part->measured) && isfinite(part->error)))
            return error_add(error, ERROR_CONFIG, "%s: the %s and its error are not both known; measure more samples",
                             path, part->title);
    }
    return good;
}

static void compare(const struct referee_energy *exact, struct run_verification *out)
{
    const double values[VERIFY_PARTS] = { exact->energy, exact->kinetic, exact->trap, exact->pair, exact->kinetic };
    for (size_t k = 0; k < VERIFY_PARTS; k++) {
        struct verified_part *part = &out->part[k];
        part->exact = values[k];
        const double apart = part->measured - part->exact;
        part->deviation = fabs(apart) <= rounding * fmax(1, fabs(part->exact)) ? 0 : apart / part->error;
        if (fabs(part->deviation) > fabs(out->part[out->worst].deviation))
            out->worst = k;
    }
}

static bool evaluate(struct record_file *file, const char *path, struct wavefunction *wavefunction,
                     const struct hamiltonian *hamiltonian, struct run_verification *out, struct error *error)
{
    struct referee_energy exact;
    double *theta = memory_doubles(wavefunction->n_parameters);
    struct referee *referee = referee_create(wavefunction, hamiltonian, error);
    bool good = referee &&
                (theta ||
                 error_add(error, ERROR_INTERNAL, "no memory for %zu parameters", wavefunction->n_parameters)) &&
                record_load_wavefunction(file, wavefunction, theta, error);
    if (good && !referee_evaluate(referee, theta, &exact, NULL))
        good = error_add(error, ERROR_CONFIG,
                         "%s: the weights are too large for the closed form's numbers and quadratures", path);
    if (good) {
        out->terms = referee_terms(referee);
        compare(&exact, out);
    }
    referee_destroy(referee);
    memory_free(theta);
    return good;
}

static bool verify(struct record_file *file, const char *path, const struct settings *settings,
                   struct run_verification *out, struct error *error)
{
    struct wavefunction wavefunction;
    struct hamiltonian hamiltonian;
    if (!ensemble_build_model(settings, &hamiltonian, &wavefunction, error))
        return false;
    const bool good = evaluate(file, path, &wavefunction, &hamiltonian, out, error);
    wavefunction_finish(&wavefunction);
    return good;
}

bool run_verify(const char *path, struct run_verification *out, struct error *error)
{
    struct settings settings;
    *out = (struct run_verification){ .worst = 0 };
    struct record_file *file = record_open(path, false, error);
    if (!file)
        return false;
    bool good = recall_settings(file, path, &settings, error);
    if (good) {
        good = read_measured(file, path, out, error) && verify(file, path, &settings, out, error);
        settings_finish(&settings);
    }
    record_close(file);
    return good;
}
