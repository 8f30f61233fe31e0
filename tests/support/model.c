// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what, struct error *error)
{
    fprintf(stderr, "%s: %s\n", what, error->text ? error->text : "no message");
    abort();
}

static void print_list(FILE *out, const char *key, size_t n, const double *values)
{
    fprintf(out, "%s = ", key);
    for (size_t k = 0; k < n; k++)
        fprintf(out, "%s%.17g", k ? ", " : "", values[k]);
    fputc('\n', out);
}

static void print_ini(FILE *out, const struct oracle_rbm *rbm)
{
    static const char *const names[] = { "none", "coulomb", "soft-coulomb" };
    fprintf(out, "[system]\nparticles = %zu\ndimensions = %zu\ninteraction = %s\n", rbm->particles, rbm->dimensions,
            names[rbm->interaction]);
    print_list(out, "omega", rbm->dimensions, rbm->omega);
    if (rbm->interaction != ORACLE_NONE)
        fprintf(out, "[interaction]\nstrength = %.17g\n", rbm->strength);
    if (rbm->interaction == ORACLE_SOFT)
        fprintf(out, "softening = %.17g\n", rbm->softening);
    fprintf(out, "[wavefunction]\nfactors = rbm%s\n", rbm->gaussian_alpha > 0 ? ", gaussian" : "");
    fprintf(out, "[rbm]\nhidden = %zu\nrepresentation = %s\nenvelope = %s\ntrain_sigma = %s\n", rbm->hidden,
            rbm->amplitude ? "amplitude" : "probability", rbm->envelope ? "yes" : "no",
            rbm->train_sigma ? "yes" : "no");
    print_list(out, "sigma", rbm->dimensions, rbm->sigma);
    if (rbm->gaussian_alpha > 0)
        fprintf(out, "[gaussian]\nalpha = %.17g\n", rbm->gaussian_alpha);
}

void model_settings(struct settings *settings, const struct oracle_rbm *rbm, const char *const *overrides)
{
    char *text = NULL;
    size_t length = 0;
    struct config config;
    struct error error = { 0 };
    FILE *out = open_memstream(&text, &length);
    print_ini(out, rbm);
    fclose(out);
    if (!config_parse(&config, "model", text, length, &error))
        fail(text, &error);
    for (; overrides && *overrides; overrides++)
        if (!config_set(&config, *overrides, &error))
            fail(*overrides, &error);
    if (!settings_build(settings, &config, &error, NULL))
        fail(text, &error);
    config_finish(&config);
    free(text);
}

void model_build(struct model *model, const struct oracle_rbm *rbm, const char *const *overrides, size_t threads)
{
    struct error error = { 0 };
    struct oracle_copy copy;
    model_settings(&model->settings, rbm, overrides);
    if (!ensemble_build(&model->ensemble, &model->settings, threads, &error))
        fail("ensemble", &error);
    model->theta = calloc(oracle_parameters(rbm) + 1, sizeof *model->theta);
    oracle_copy_init(&copy, rbm);
    oracle_copy_get(&copy, model->theta);
    oracle_copy_finish(&copy);
    ensemble_start(&model->ensemble, model->settings.run.seed);
    if (model->ensemble.wavefunction.n_parameters != oracle_parameters(rbm) ||
        !ensemble_take(&model->ensemble, model->theta))
        fail("parameters", &error);
}

void model_finish(struct model *model)
{
    ensemble_finish(&model->ensemble);
    settings_finish(&model->settings);
    free(model->theta);
}

struct tally {
    double *walker;  // [walkers, MODEL_QUANTITIES]
};

static void tally_draw(const struct ensemble_draw *draw, void *context)
{
    const struct tally *tally = context;
    for (size_t w = 0; w < WALKERS; w++) {
        double *sum = tally->walker + (draw->block * WALKERS + w) * MODEL_QUANTITIES;
        sum[MODEL_ENERGY] += draw->controlled[CONTROLLED_ENERGY_ROW * WALKERS + w];
        sum[MODEL_LOCAL] += draw->energy[ENERGY_LOCAL * WALKERS + w];
        sum[MODEL_KINETIC] += draw->energy[ENERGY_KINETIC * WALKERS + w];
        sum[MODEL_KINETIC_GRADIENT] += draw->energy[ENERGY_KINETIC_GRADIENT * WALKERS + w];
        sum[MODEL_TRAP] += draw->energy[ENERGY_TRAP * WALKERS + w];
        sum[MODEL_PAIR] += draw->controlled[(CONTROLLED_ROW + CONTROLLED_PAIR) * WALKERS + w];
    }
}

void model_measure(struct model *model, size_t draws, struct model_mean *out)
{
    const size_t n = model->ensemble.n_walkers;
    struct ensemble_sums sums;
    struct tally tally = { calloc(n * MODEL_QUANTITIES, sizeof(double)) };
    ensemble_pass(&model->ensemble, draws, 0, tally_draw, &tally, &sums);
    for (size_t q = 0; q < MODEL_QUANTITIES; q++) {
        double mean = 0, square = 0;
        for (size_t w = 0; w < n; w++)
            mean += tally.walker[w * MODEL_QUANTITIES + q] / (double)(draws * n);
        for (size_t w = 0; w < n; w++) {
            const double step = tally.walker[w * MODEL_QUANTITIES + q] / (double)draws - mean;
            square += step * step;
        }
        out->mean[q] = mean;
        out->error[q] = sqrt(square / (double)(n * (n - 1)));
    }
    free(tally.walker);
}
