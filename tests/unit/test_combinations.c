// SPDX-License-Identifier: GPL-3.0-or-later
// Every force with every few factors, in one, two and three dimensions, for bosons, electrons and fermions of one spin,
// with every sampler: what is refused and noted, how many parameters and control variates there are, what they would
// cost and how much memory it takes, and whether the sampler keeps to it, against a record.
//
//     test_combinations RECORD            compares
//     test_combinations RECORD --write    records anew
//     test_combinations RECORD FORCE      prints all of a force
#include "support/recorded.h"

#include "run/compatibility.h"
#include "run/ensemble.h"
#include "run/ensemble_parts.h"
#include "run/worth.h"
#include "vmc/rng.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const forces[] = {
    "none",     "coulomb",  "soft-coulomb",   "hard-sphere\n[interaction]\ndiameter = 0.3",
    "harmonic", "gaussian", "inverse-square", "coulomb\n[interaction]\nstrength = 0",
};
static const char *const products[] = {
    "rbm",
    "rbm\n[rbm]\nhidden = 0",
    "rbm\n[rbm]\nrepresentation = probability\ntrain_sigma = yes",
    "gaussian",
    "gaussian, pade-jastrow",
    "gaussian, gaussian-pair",
    "gaussian, power",
    "gaussian, power\n[power]\nmu = 1",
    "gaussian, hard-core\n[hard-core]\ndiameter = 0.3",
    "gaussian, rbm\n[rbm]\nsharing = pairs",
    "gaussian, pade-jastrow, rbm\n[rbm]\nsharing = environment",
    "slater",
    "slater, pade-jastrow",
    "slater, power",
    "slater, rbm",
    "slater, pade-jastrow\n[slater]\nbackflow = exponential",
    "slater, pade-jastrow, rbm\n[slater]\nbackflow = two-scales\nmixing = yes\n[rbm]\nsharing = environment",
};
static const char *const statistics[] = { "3\nstatistics = bosons", "4\nstatistics = fermions",
                                          "3\nstatistics = fermions\nspin_up = 3", "1\nstatistics = bosons" };
static const char *const samplers[] = {
    "langevin", "langevin\nmove = particle", "metropolis", "metropolis\nmove = all", "gibbs", "hmc", "exact"
};

static void take_note(const char *text, void *context) { fprintf(context, "note: %s\n", text); }

static void describe(const struct ensemble *ensemble, FILE *out)
{
    const struct wavefunction *wavefunction = &ensemble->wavefunction;
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        char text[400] = "";
        if (wavefunction->factor[f].type->describe)
            wavefunction->factor[f].type->describe(wavefunction->factor[f].state, text, sizeof text);
        fprintf(out, "%s: %s\n", wavefunction->factor[f].type->name, text);
    }
    compatibility_note(&ensemble->hamiltonian, wavefunction, take_note, out);
    compatibility_note_sampler(ensemble->sampler, wavefunction, take_note, out);
    fprintf(out, "%zu parameters, %zu features, %zu control variates; %zu bytes\n", wavefunction->n_parameters,
            wavefunction->n_features, ensemble->controls.n_functions, ensemble_memory(ensemble));
    fprintf(out, "worth: %d %d %.9g %.9g\n", worth_all(ensemble), worth_all_of_gradient(ensemble),
            worth_pairs_cost(ensemble), worth_gradient_cost(ensemble));
}

// Two sweeps in just the scratch memory that the sampler asks for: what lies behind it stays as it was.
static bool keeps_to_scratch(struct ensemble *ensemble)
{
    enum { BEYOND = 8, MARK = 0x5a };
    const struct wavefunction *wavefunction = &ensemble->wavefunction;
    const size_t row = WALKERS * sizeof(double),
                 rows = ensemble->sampler->n_scratch_rows(ensemble->sampler_state, wavefunction);
    double *theta = calloc(wavefunction->n_parameters + 1, sizeof *theta);
    unsigned char *scratch = aligned_alloc(64, (rows + BEYOND) * row);
    struct block block = ensemble->block[0];
    struct sampler_rung rung = rung_at(ensemble, 0);
    struct rng rng;
    bool kept = true;
    rng_start(&rng, 7, 0);
    wavefunction_start(wavefunction, rng_uniform, &rng, theta);
    ensemble_start(ensemble, 3);
    memset(scratch, MARK, (rows + BEYOND) * row);
    if (ensemble_take(ensemble, theta))
        for (size_t s = 0; s < 2; s++) {
            block = s == 0 ? ensemble->block[0] : block;
            block.trial = s == 0 ? ensemble->trial[0] : block.trial;
            block.remembered = false;
            ensemble->sampler->sweep(ensemble->sampler_state, &rung, wavefunction, &block, (double *)scratch);
        }
    ensemble->block[0] = block;
    ensemble->trial[0] = block.trial;
    for (size_t k = rows * row; k < (rows + BEYOND) * row; k++)
        kept = kept && scratch[k] == MARK;
    free(theta);
    free(scratch);
    return kept;
}

static bool judge(const char *text, FILE *out)
{
    struct config config;
    struct settings settings;
    struct ensemble ensemble;
    struct error error = { 0 };
    bool good = config_parse(&config, "f.ini", text, strlen(text), &error) &&
                settings_build(&settings, &config, &error, NULL);
    if (good) {
        good = ensemble_build(&ensemble, &settings, 1, &error);
        if (good) {
            describe(&ensemble, out);
            fprintf(out, "scratch memory: %s\n", keeps_to_scratch(&ensemble) ? "kept to" : "OVERRUN");
        }
        ensemble_finish(&ensemble);
        settings_finish(&settings);
    }
    if (error.text)
        fprintf(out, "%d %s\n", (int)error.kind, error.text);
    config_finish(&config);
    error_clear(&error);
    return good;
}

// One line per product and kind of particles: a mark per number of dimensions and sampler.
static void record(size_t force, size_t product, size_t kind, bool shows, FILE *out)
{
    char text[600], marks[3 * (sizeof samplers / sizeof *samplers + 1) + 1] = "", *said = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&said, &length);
    for (size_t d = 1; d <= 3; d++) {
        for (size_t s = 0; s < sizeof samplers / sizeof *samplers; s++) {
            snprintf(text, sizeof text,
                     "[system]\ndimensions = %zu\nparticles = %s\ninteraction = %s\n[sampler]\nwalkers = 32\n"
                     "method = %s\n[wavefunction]\nfactors = %s\n",
                     d, statistics[kind], forces[force], samplers[s], products[product]);
            fprintf(to, "-- %zu dimensions, %s\n", d, samplers[s]);
            strcat(marks, judge(text, to) ? "o" : "x");
        }
        strcat(marks, d < 3 ? " " : "");
    }
    fclose(to);
    snprintf(text, sizeof text, "%s; %s; %s", forces[force], statistics[kind], products[product]);
    for (char *at = text; *at; at++)
        *at = *at == '\n' ? ' ' : *at;
    fprintf(out, "%s: %s %016" PRIx64 "\n", text, marks, recorded_number(said));
    if (shows)
        fputs(said, out);
    free(said);
}

int main(int argc, char **argv)
{
    char *now = NULL;
    size_t length = 0;
    if (argc < 2)
        return 2;
    const bool writes = argc > 2 && strcmp(argv[2], "--write") == 0;
    const char *only = argc > 2 && !writes ? argv[2] : NULL;
    FILE *out = only ? stdout : open_memstream(&now, &length);
    for (size_t force = 0; force < sizeof forces / sizeof *forces; force++)
        for (size_t product = 0; product < sizeof products / sizeof *products; product++)
            for (size_t kind = 0; kind < sizeof statistics / sizeof *statistics; kind++)
                if (!only || strcmp(only, forces[force]) == 0)
                    record(force, product, kind, only != NULL, out);
    if (only)
        return 0;
    fclose(out);
    const int status = recorded_judge(argv[1], writes, now);
    free(now);
    return status;
}
