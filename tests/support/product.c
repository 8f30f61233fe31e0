// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/product.h"

#include "vmc/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long double distance(const struct system *system, const long double *x, size_t p, size_t q)
{
    long double sum = 0;
    for (size_t d = 0; d < system->dimensions; d++)
        sum += powl(x[p * system->dimensions + d] - x[q * system->dimensions + d], 2);
    return sqrtl(sum);
}

// -1/2 alpha sum omega x^2
static long double gaussian(const struct system *system, long double alpha, const long double *x)
{
    long double sum = 0;
    for (size_t i = 0; i < system_coordinates(system); i++)
        sum += system->omega[i % system->dimensions] * x[i] * x[i];
    return -alpha * sum / 2;
}

static long double gaussian_pair(const struct system *system, long double gamma, const long double *x)
{
    long double sum = 0;
    for (size_t p = 0; p < system->particles; p++)
        for (size_t q = 0; q < p; q++)
            sum -= gamma * powl(distance(system, x, p, q), 2);
    return sum;
}

// cusp and beta: parallel, antiparallel
static long double pade(const struct system *system, const long double cusp[2], const long double beta[2], const long double *x)
{
    long double sum = 0;
    for (size_t p = 0; p < system->particles; p++)
        for (size_t q = 0; q < p; q++) {
            const bool parallel = system->statistics == STATISTICS_FERMIONS && (p < system->spin_up) == (q < system->spin_up);
            const long double r = distance(system, x, p, q);
            sum += cusp[!parallel] * r / (1 + beta[!parallel] * r);
        }
    return sum;
}

// theta: a [M], b [N], w [M N]; sigma^2 = 1 / omega in the amplitude form
static long double rbm(const struct system *system, size_t hidden, bool envelope, const long double *theta, const long double *x)
{
    const size_t m = system_coordinates(system);
    long double sum = 0;
    for (size_t i = 0; envelope && i < m; i++)
        sum -= system->omega[i % system->dimensions] * powl(x[i] - theta[i], 2) / 2;
    for (size_t j = 0; j < hidden; j++) {
        long double angle = theta[m + j];
        for (size_t i = 0; i < m; i++)
            angle += x[i] * theta[m + hidden + i * hidden + j] * system->omega[i % system->dimensions];
        sum += logl(1 + expl(angle));
    }
    return sum;
}

static long double log_gaussian(const struct system *system, const long double *theta, const long double *x) { return gaussian(system, theta[0], x); }

static long double log_harmonic(const struct system *system, const long double *theta, const long double *x)
{
    return gaussian(system, theta[0], x) + gaussian_pair(system, theta[1], x);
}

static long double log_harmonic_reversed(const struct system *system, const long double *theta, const long double *x)
{
    return gaussian_pair(system, theta[0], x) + gaussian(system, theta[1], x);
}

static long double log_jastrow(const struct system *system, const long double *theta, const long double *x)
{
    const long double cusp = 1 / (long double)(system->dimensions - 1), both[2] = { cusp, cusp }, beta = expl(theta[1]), betas[2] = { beta, beta };
    return gaussian(system, theta[0], x) + pade(system, both, betas, x);
}

static long double log_fixed_cusp(const struct system *system, const long double *theta, const long double *x)
{
    const long double cusp[2] = { 0.3L, 0.3L }, beta[2] = { expl(theta[0]), expl(theta[0]) };
    return pade(system, cusp, beta, x) + gaussian(system, theta[1], x) + gaussian_pair(system, theta[2], x);
}

static long double log_rbm_jastrow(const struct system *system, const long double *theta, const long double *x)
{
    const size_t n = system_coordinates(system) * 4 + 3;  // hidden = 3
    const long double cusp[2] = { 1, 1 }, beta[2] = { expl(theta[n]), expl(theta[n]) };
    return rbm(system, 3, true, theta, x) + pade(system, cusp, beta, x);
}

// the energies: closed forms and quadrature of data/reference.csv
const struct product_row product_rows[] = {
    { "gaussian", "[system]\nparticles = 3\ndimensions = 2\nomega = 0.8, 1.3\n[wavefunction]\nfactors = gaussian\n[gaussian]\nalpha = 0.9\n", log_gaussian, 1, true,
      3 * (0.8 + 1.3) * (0.9 / 4 + 1 / (4 * 0.9)), 0 },
    { "harmonic pairs", "[system]\nparticles = 4\ndimensions = 3\ninteraction = harmonic\n[interaction]\nkappa = 0.75\n[wavefunction]\n"
      "factors = gaussian, gaussian-pair\n[gaussian-pair]\ngamma = 0.125\n", log_harmonic, 1, true, 10.5, 0 },
    { "harmonic pairs, streamed", "[system]\nparticles = 22\ndimensions = 1\ninteraction = harmonic\n[interaction]\nkappa = 1\n[wavefunction]\n"
      "factors = gaussian-pair, gaussian\n[gaussian-pair]\ngamma = 0.08626889825710725\n", log_harmonic_reversed, 0.4, true, 50.85623099478355, 0 },
    { "two electrons, 2D", "[system]\nparticles = 2\ndimensions = 2\ninteraction = coulomb\n[wavefunction]\nfactors = gaussian, pade-jastrow\n"
      "[gaussian]\nalpha = 0.988541\n[pade-jastrow]\nbeta = 0.398627\n", log_jastrow, 1, false, 3.000342672, 1e-9 },
    { "two electrons, 2D, omega 0.5", "[system]\nparticles = 2\ndimensions = 2\nomega = 0.5\ninteraction = coulomb\n[wavefunction]\n"
      "factors = gaussian, pade-jastrow\n[gaussian]\nalpha = 0.980945\n[pade-jastrow]\nbeta = 0.309834\n", log_jastrow, 1.4, false, 1.660200344, 1e-9 },
    { "two electrons, 3D", "[system]\nparticles = 2\ndimensions = 3\nomega = 0.5\ninteraction = coulomb\n[wavefunction]\n"
      "factors = gaussian, pade-jastrow\n[gaussian]\nalpha = 0.995408\n[pade-jastrow]\nbeta = 0.202722\n", log_jastrow, 1.4, false, 2.000061752, 1e-9 },
    { "three pair factors", "[system]\nparticles = 5\ndimensions = 3\nomega = 1, 1, 2.5\ninteraction = soft-coulomb\n[wavefunction]\n"
      "factors = pade-jastrow, gaussian, gaussian-pair\n[pade-jastrow]\ncusp = 0.3\nbeta = 0.7\n[gaussian-pair]\ngamma = -0.02\n", log_fixed_cusp, 0.8, false, 0, 0 },
    { "RBM and Jastrow", "[system]\nparticles = 4\ndimensions = 2\nomega = 0.7\ninteraction = coulomb\n[wavefunction]\nfactors = rbm, pade-jastrow\n"
      "[rbm]\nhidden = 3\ninit_scale = 0.4\n[pade-jastrow]\nbeta = 0.5\n", log_rbm_jastrow, 1, false, 0, 0 },
};
const size_t n_product_rows = sizeof product_rows / sizeof *product_rows;

static void fail(const char *what, const struct error *error)
{
    fprintf(stderr, "%s: %s\n", what, error->text ? error->text : "no message");
    abort();
}

void product_build(struct model *model, const struct product_row *row, const char *const *overrides, size_t threads)
{
    struct config config;
    struct error error = { 0 };
    struct rng rng;
    if (!config_parse(&config, row->name, row->ini, strlen(row->ini), &error))
        fail(row->name, &error);
    for (; overrides && *overrides; overrides++)
        if (!config_set(&config, *overrides, &error))
            fail(*overrides, &error);
    if (!settings_build(&model->settings, &config, &error, NULL) || !ensemble_build(&model->ensemble, &model->settings, threads, &error))
        fail(row->name, &error);
    config_finish(&config);
    model->theta = calloc(model->ensemble.wavefunction.n_parameters + 1, sizeof *model->theta);
    rng_start(&rng, 11, 0);
    wavefunction_start(&model->ensemble.wavefunction, rng_uniform, &rng, model->theta);
    ensemble_start(&model->ensemble, model->settings.run.seed);
    if (!ensemble_take(&model->ensemble, model->theta))
        fail(row->name, &error);
}
