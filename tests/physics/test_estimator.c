// SPDX-License-Identifier: GPL-3.0-or-later
// What control variates are worth, at fixed parameters with exact energies. Means are held to 4 standard errors (false
// alarms 6e-5 each, were the seeds not fixed).
#include "support/model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Coefficients from earlier samples, as in a run.
static void prepare(struct model *model, size_t draws)
{
    struct ensemble_sums sums;
    ensemble_burn_in(&model->ensemble, 300, isnan(model->settings.sampler.step));
    ensemble_pass(&model->ensemble, draws, PASS_CONTROLS, NULL, NULL, &sums);
    ensemble_fit(&model->ensemble);
    model->ensemble.reference += sums.energy / sums.samples;
}

// ---- largest single values

struct extremes {
    double controlled[64], plain[64];  // per group: no two threads write the same
};

static void note_extremes(const struct ensemble_draw *draw, void *context)
{
    struct extremes *extremes = context;
    for (size_t w = 0; w < WALKERS; w++) {
        extremes->controlled[draw->group] = fmax(extremes->controlled[draw->group],
                                                 fabs(draw->controlled[CONTROLLED_ENERGY_ROW * WALKERS + w]));
        extremes->plain[draw->group] = fmax(extremes->plain[draw->group],
                                            fabs(draw->energy[ENERGY_LOCAL * WALKERS + w]));
    }
}

static double largest(const double *values)
{
    double most = 0;
    for (size_t g = 0; g < 64; g++)
        most = fmax(most, values[g]);
    return most;
}

// Two electrons at the plain machine's optimum, 1e7 samples and more.
static void test_optimum(void **state)
{
    (void)state;
    enum { DRAWS = 9766, PARTS = 4 };  // 1.00004e7 samples each
    const struct oracle_optimum *optimum = oracle_optimum_find("rbm-amp-s1-h2");
    struct extremes extremes = { { 0 }, { 0 } };
    struct model model;
    struct ensemble_sums sums;
    double energy = 0, square = 0, plain = 0, variance = 0;
    model_build(&model, &optimum->rbm, (const char *const[]){ "sampler.method=gibbs", NULL }, 2);
    prepare(&model, 200);
    for (size_t part = 0; part < PARTS; part++) {
        ensemble_pass(&model.ensemble, DRAWS, 0, part == 0 ? note_extremes : NULL, &extremes, &sums);
        const double mean = sums.energy / sums.samples;
        energy += (model.ensemble.reference + mean) / PARTS;
        square += sums.walker2 / 1024 - mean * mean;  // scatter of the walkers' means over one part
        variance += (sums.energy2 / sums.samples - mean * mean) / PARTS;
        plain += (sums.local2 / sums.samples - sums.local * sums.local / (sums.samples * sums.samples)) / PARTS;
    }
    const double error = sqrt(square / 1023) / PARTS;
    print_message("E = %.7f +- %.1e, exact %.7f; variance %.5f, plain %.2f; largest value of 1e7: %.2f, plain %.0f\n",
                  energy, error, optimum->energy, variance, plain, largest(extremes.controlled),
                  largest(extremes.plain));
    assert_true(fabs(energy - optimum->energy) < 4 * error);
    assert_true(error <= 3e-5);
    assert_true(variance <= 0.0125);
    assert_true(largest(extremes.controlled) <= 20);
    assert_true(largest(extremes.plain) > 200);
    model_finish(&model);
}

// ---- controls against none

// Paired per walker: the controls' own mean.
struct pairing {
    double *controlled, *plain;  // sums per walker
};

static void note_pairs(const struct ensemble_draw *draw, void *context)
{
    const struct pairing *pairing = context;
    for (size_t w = 0; w < WALKERS; w++) {
        pairing->controlled[draw->block * WALKERS + w] += draw->controlled[CONTROLLED_ENERGY_ROW * WALKERS + w];
        pairing->plain[draw->block * WALKERS + w] += draw->energy[ENERGY_LOCAL * WALKERS + w];
    }
}

static void mean_and_error(size_t n, const double *first, const double *second, double draws, double *mean,
                           double *error)
{
    double sum = 0, square = 0;
    for (size_t w = 0; w < n; w++) {
        const double value = (first[w] - (second ? second[w] : 0)) / draws;
        sum += value;
        square += value * value;
    }
    *mean = sum / (double)n;
    *error = sqrt(fmax(0, square / (double)n - *mean * *mean) / (double)(n - 1));
}

// Same means as the plain estimator on the same walkers (and as the exact energy), and a variance that is not larger by
// more than 5 %.
static void compare(const char *name, const struct oracle_rbm *rbm, size_t draws)
{
    struct model model;
    struct ensemble_sums sums;
    model_build(&model, rbm, (const char *const[]){ "sampler.method=langevin", NULL }, 2);
    const size_t n = model.ensemble.n_walkers;
    struct pairing pairing = { calloc(n, sizeof(double)), calloc(n, sizeof(double)) };
    const double exact = (double)oracle_exact(rbm).energy;
    double mean, error, difference, difference_error;
    prepare(&model, 32);
    ensemble_pass(&model.ensemble, draws, 0, note_pairs, &pairing, &sums);
    mean_and_error(n, pairing.controlled, NULL, (double)draws, &mean, &error);
    mean_and_error(n, pairing.controlled, pairing.plain, (double)draws, &difference, &difference_error);
    const double variance = sums.energy2 / sums.samples - pow(sums.energy / sums.samples, 2);
    const double plain = sums.local2 / sums.samples - pow(sums.local / sums.samples, 2);
    print_message(
        "%-24s E %.5f exact %.5f error %.1e z %+.2f; controls' own mean %+.1e error %.1e; variance %.4g, plain %.4g\n",
        name, mean, exact, error, (mean - exact) / error, difference, difference_error, variance, plain);
    assert_true(fabs(mean - exact) < 4 * error);
    assert_true(fabs(difference) < 4 * difference_error);
    assert_true(variance < 1.05 * plain);
    free(pairing.controlled);
    free(pairing.plain);
    model_finish(&model);
}

static void test_all_sets(void **state)
{
    (void)state;
    for (size_t s = 0; s < oracle_n_sets; s++)
        compare(oracle_sets[s].name, &oracle_sets[s].rbm, 600);
    for (size_t k = 0; k < oracle_n_optima; k++)
        compare(oracle_optima[k].name, &oracle_optima[k].rbm, 600);
}

// Six particles: ring of visible biases, small lopsided weights.
static void test_six(void **state)
{
    (void)state;
    for (size_t dimensions = 1; dimensions <= 3; dimensions++)
        for (int amplitude = 0; amplitude < 2; amplitude++) {
            enum { P = 6, HIDDEN = 3 };
            const size_t m = P * dimensions;
            double a[18], b[HIDDEN] = { 0.2, -0.3, 0.1 }, w[18 * HIDDEN];
            const double sigma[3] = { amplitude ? 1 : 0.7, amplitude ? 1 : 0.7, amplitude ? 1 : 0.7 };
            for (size_t i = 0; i < m; i++) {
                a[i] = 0.9 * cos(1.7 * (double)i + 0.3);
                for (size_t j = 0; j < HIDDEN; j++)
                    w[i * HIDDEN + j] = 0.35 * sin(2.3 * (double)i + 1.1 * (double)j);
            }
            const struct oracle_rbm rbm = { .particles = P,
                                            .dimensions = dimensions,
                                            .hidden = HIDDEN,
                                            .amplitude = amplitude,
                                            .envelope = true,
                                            .a = a,
                                            .b = b,
                                            .w = w,
                                            .sigma = sigma,
                                            .omega = { 1, 1, 1 },
                                            .interaction = dimensions == 1 ? ORACLE_SOFT : ORACLE_COULOMB,
                                            .strength = 1,
                                            .softening = 0.3 };
            char name[40];
            snprintf(name, sizeof name, "6 in %zuD, %s", dimensions, amplitude ? "amplitude" : "probability");
            compare(name, &rbm, 400);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_optimum), cmocka_unit_test(test_all_sets),
                                        cmocka_unit_test(test_six) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
