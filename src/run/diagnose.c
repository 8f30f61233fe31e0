// SPDX-License-Identifier: GPL-3.0-or-later
#include "vmc/diagnose.h"

#include "base/memory.h"
#include "run/judged.h"
#include "run/kept.h"
#include "run/recall.h"
#include "run/series.h"
#include "vmc/referee.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- of a run

static void look_at_wavefunction(const struct wavefunction *wavefunction, const struct settings *settings,
                                 struct run_evidence *evidence)
{
    struct factor_traits traits;
    wavefunction_traits(wavefunction, &traits);
    evidence->has_nodes = traits.has_nodes || traits.core > 0;
    evidence->scalable = traits.scalable;
    evidence->has_core = traits.core > 0;
    evidence->trained = settings->optimizer.iterations > 0;
    evidence->has_step = sampler_type_at(settings_index(settings, SETTINGS_SAMPLER))->has_step;
}

// Mean pair energies of a Gaussian, some 50 ns each: per sample, and in all.
static const double pairs_per_sample = 10, pairs_most = 1e7;

// Without samples, where that takes no time worth speaking of beside so many of them.
static double find_closed_form(const struct wavefunction *wavefunction, const struct hamiltonian *hamiltonian,
                               const double *theta, double samples)
{
    const double particles = (double)wavefunction->system.particles;
    struct referee_energy energy;
    struct referee *referee = referee_create(wavefunction, hamiltonian, NULL);
    const bool known = referee &&
                       referee_work(referee) * fmax(1, particles * (particles - 1) / 2) <=
                           fmin(pairs_most, pairs_per_sample * samples) &&
                       referee_evaluate(referee, theta, &energy, NULL);
    if (referee)
        referee_destroy(referee);
    return known ? energy.energy : NAN;
}

void run_judge_measured(struct run *run)
{
    const struct measured *measured = &run->measured;
    struct run_evidence evidence = { .result = run->result, .exact = run->options->exact ? *run->options->exact : NAN };
    const size_t walkers = run->ensemble.n_walkers;
    double *series = run->stage == STAGE_MEASURING && measured->draws > 0
                         ? malloc(walkers * measured->draws * sizeof *series)
                         : NULL;
    run->result->judgement.verdict = VERDICT_NONE;
    if (!series)
        return;
    series_by_walker(run, SERIES_ENERGY, series);
    evidence.chains = walkers;
    evidence.draws = measured->draws;
    evidence.energy = series;
    evidence.draws_per_chain = run->result->n_samples / (double)walkers;
    look_at_wavefunction(&run->ensemble.wavefunction, run->settings, &evidence);
    evidence.closed_form = find_closed_form(&run->ensemble.wavefunction, &run->ensemble.hamiltonian, run->theta,
                                            run->result->n_samples);
    run_judge(&evidence, &run->result->judgement);
    free(series);
}

// ---- of a file

static bool read_result(struct record_file *file, struct run_result *result, struct error *error)
{
    char path[96];
    uint64_t plateau = 0;
    for (const struct run_result_row *row = run_result_rows; row->name; row++) {
        double *value = kept_result_at(result, row->offset);
        snprintf(path, sizeof path, "/result/%s", row->name);
        *value = NAN;
        if (record_has(file, path) && !record_read_reals(file, path, 1, value, error))
            return false;
    }
    if (record_has(file, "/result/plateau") && !record_read_count(file, "/result/plateau", &plateau, error))
        return false;
    result->plateau = plateau > 0;
    return true;
}

static bool read_series(struct record_file *file, const char *path, struct run_reading *reading, struct error *error)
{
    size_t rank, extent[3] = { 0 };
    struct run_evidence *evidence = &reading->evidence;
    if (!record_has(file, "/measurement/energy"))
        return true;
    if (!record_shape(file, "/measurement/energy", &rank, extent, error))
        return false;
    if (rank != 2)
        return error_add(error, ERROR_DAMAGED, "%s: /measurement/energy is no table of walkers and draws", path);
    reading->series = malloc((extent[0] * extent[1] + 1) * sizeof *reading->series);
    if (!reading->series)
        return error_add(error, ERROR_INTERNAL, "no memory to read the series");
    evidence->chains = extent[0];
    evidence->draws = extent[1];
    evidence->energy = reading->series;
    evidence->draws_per_chain = reading->result.n_samples / fmax(1, (double)extent[0]);
    return record_read_reals(file, "/measurement/energy", extent[0] * extent[1], reading->series, error);
}

static bool read_model(struct record_file *file, struct run_reading *reading, struct error *error)
{
    struct wavefunction wavefunction;
    struct hamiltonian hamiltonian;
    if (!ensemble_build_model(&reading->settings, &hamiltonian, &wavefunction, error))
        return false;
    bool has_memory = true;
    double *theta = memory_doubles(wavefunction.n_parameters);
    const bool good = (theta || error_add(error, ERROR_INTERNAL, "no memory for the parameters")) &&
                      record_load_wavefunction(file, &wavefunction, theta, error) &&
                      wavefunction_prepare(&wavefunction, theta);
    if (good) {
        struct factor_traits traits;
        wavefunction_traits(&wavefunction, &traits);
        look_at_wavefunction(&wavefunction, &reading->settings, &reading->evidence);
        memory_ran_out();  // whatever lacked before has been dealt with
        reading->evidence.closed_form = find_closed_form(&wavefunction, &hamiltonian, theta, reading->result.n_samples);
        has_memory = !memory_ran_out() || error_add(error, ERROR_INTERNAL, "no memory for the closed form");
        reading->result.no_bound = reading->settings.system.statistics == STATISTICS_FERMIONS &&
                                   traits.symmetry != FACTOR_ANTISYMMETRIC;
    }
    memory_free(theta);
    wavefunction_finish(&wavefunction);
    return good && has_memory;
}

bool run_reading_open(struct run_reading *reading, const char *path, struct error *error)
{
    *reading = (struct run_reading){ .evidence = { .exact = NAN, .closed_form = NAN } };
    struct record_file *file = record_open(path, false, error);
    if (!file)
        return false;
    if (!recall_settings(file, path, &reading->settings, error)) {
        record_close(file);
        return false;
    }
    reading->evidence.result = &reading->result;
    reading->status = record_read_attribute(file, "/", "status", NULL);
    reading->created = record_read_attribute(file, "/", "created", NULL);
    reading->version = record_read_attribute(file, "/", "version", NULL);
    const bool good = read_result(file, &reading->result, error) && read_series(file, path, reading, error) &&
                      read_model(file, reading, error);
    reading->reason = record_has(file, "/result/training_stop") ? record_read_text(file, "/result/training_stop", NULL)
                                                                : NULL;
    reading->end = record_has(file, "/training/end") ? record_read_text(file, "/training/end", NULL) : NULL;
    reading->result.stop_reason = reading->reason;
    reading->result.training_end = reading->end;
    record_close(file);
    if (!good)
        run_reading_finish(reading);
    return good;
}

bool run_judge_again(struct run *run, struct error *error)
{
    struct run_reading reading;
    if (!run_reading_open(&reading, run->options->output, error))
        return false;
    if (run->options->exact)
        reading.evidence.exact = *run->options->exact;
    run_judge(&reading.evidence, &run->result->judgement);
    run_reading_finish(&reading);
    return true;
}

void run_reading_finish(struct run_reading *reading)
{
    char *const texts[] = { reading->status, reading->created, reading->version, reading->reason, reading->end };
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
        free(texts[k]);
    free(reading->series);
    settings_finish(&reading->settings);
    reading->series = NULL;
}
