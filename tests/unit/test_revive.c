// SPDX-License-Identifier: GPL-3.0-or-later
// Hidden units without influence, by the oracle's ln psi. (Runs that have some: test_resume.c.)
#include "support/model.h"

#include "run/metric.h"
#include "run/revive.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { P = 3, D = 2, M = P * D, N = 5, WALKERS_USED = 64, DRAWS = 2, SAMPLES = WALKERS_USED * DRAWS, POINTS = 12 };
enum { ON = 1, OFF = 3 };  // units without influence: at 1, at 0 on all samples

// Particles 0, 1, 2 are served by the others with 1.69, 0.61 and 0.5.
static const double a[M] = { 0.3, -0.2, 0.1, 0.4, -0.5, 0.2 }, b[N] = { 0.2, 60, -0.3, -55, 0.1 },
                    w[M * N] = { 1.2, 0.7, 0.5, -0.3, 0,   0, 0.2, 0, 0.4,  0, 0.6, -0.6, 0,   0.5, 0,
                                 0,   0.1, 0.5, 0.2,  0.0, 0, 0.3, 0, -0.7, 0, 0,   0.4,  0.5, 0.1, 0.5 };

static struct oracle_rbm machine(bool amplitude, bool train_sigma, double sigma_x, double sigma_y)
{
    static double sigma[D];
    sigma[0] = sigma_x;
    sigma[1] = sigma_y;
    return (struct oracle_rbm){ .particles = P,
                                .dimensions = D,
                                .hidden = N,
                                .amplitude = amplitude,
                                .envelope = true,
                                .a = a,
                                .b = b,
                                .w = w,
                                .sigma = sigma,
                                .omega = { 1, 0.64 },
                                .interaction = ORACLE_COULOMB,
                                .strength = 1,
                                .train_sigma = train_sigma };
}

// Parameters theta: a | b | w | ln sigma.
static double weight(const double *theta, size_t i, size_t j) { return theta[M + N + i * N + j]; }

static long double log_f(const struct oracle_rbm *rbm, const double *theta, const long double *x)
{
    struct oracle_copy copy;
    oracle_copy_init(&copy, rbm);
    oracle_copy_set(&copy, theta);
    const long double log_psi = oracle_log_psi_softplus(&copy.rbm, x);
    oracle_copy_finish(&copy);
    return rbm->amplitude ? log_psi : 2 * log_psi;
}

// What a unit adds to ln F beyond half its displacement.
static long double unit(const struct oracle_rbm *rbm, const double *theta, size_t j, const long double *x)
{
    long double argument = theta[M + j];
    for (size_t i = 0; i < M; i++)
        argument += weight(theta, i, j) * x[i] / (rbm->sigma[i % D] * rbm->sigma[i % D]);
    return log1pl(expl(argument)) - 0.5L * (argument - theta[M + j]);
}

static void compare(struct oracle_rbm rbm)
{
    static const char *const overrides[] = { "sampler.walkers=64", "optimizer.samples=128", NULL };
    struct model model;
    struct ensemble_sums sums;
    model_build(&model, &rbm, overrides, 1);
    const size_t k = model.ensemble.wavefunction.n_parameters;
    struct run run = { .settings = &model.settings, .ensemble = model.ensemble, .theta = model.theta };
    double before[M + N + M * N + D];
    memcpy(before, model.theta, k * sizeof *before);
    assert_true(metric_build(&run.metric, &run.ensemble.wavefunction, SAMPLES));
    struct metric_visit visit = { &run.metric, DRAWS, 1 };
    ensemble_burn_in(&run.ensemble, 50, true);
    ensemble_pass(&run.ensemble, DRAWS, 0, metric_gather, &visit, &sums);
    assert_true(revive_applies(&run));
    assert_int_equal(revive_units(&run, SAMPLES, REVIVE_IDLE), 2);

    // what served before serves as it did
    for (size_t j = 0; j < N; j++)
        for (size_t i = 0; i < M && j != ON && j != OFF; i++)
            assert_true(run.theta[M + j] == before[M + j] && weight(run.theta, i, j) == weight(before, i, j));
    for (size_t i = M + N + M * N; i < k; i++)
        assert_true(run.theta[i] == before[i]);
    // the two begin anew on the particles that were served least, 1 / length long, with nothing displaced there
    static const size_t revived[] = { ON, OFF }, particle[] = { 2, 1 };
    for (size_t r = 0; r < 2; r++) {
        double square = 0, argument = run.theta[M + revived[r]];
        for (size_t i = 0; i < M; i++) {
            double mean = 0;
            for (size_t s = 0; s < SAMPLES; s++)
                mean += run.metric.features[i * run.metric.room + s] / SAMPLES;
            const double v = weight(run.theta, i, revived[r]);
            assert_true(i / D == particle[r] ? v * mean > 0 : v == 0);  // outwards
            square += v * v * rbm.omega[i % D];
            argument += v * mean / (rbm.sigma[i % D] * rbm.sigma[i % D]);
        }
        assert_true(fabs(square - 1) < 1e-12 && fabs(argument) < 1e-12);
    }
    // and beside what they add now, ln F is what it was, up to a constant
    long double first = 0;
    double worst = 0;
    for (size_t n = 0; n < POINTS; n++) {
        long double x[M];
        for (size_t i = 0; i < M; i++)
            x[i] = 1.5L * sinl(1 + (long double)(7 * n + i * i));
        const long double now = log_f(&rbm, run.theta, x) - unit(&rbm, run.theta, ON, x) -
                                unit(&rbm, run.theta, OFF, x) - log_f(&rbm, before, x);
        first = n == 0 ? now : first;
        worst = fmax(worst, (double)fabsl(now - first));
    }
    print_message("%s, widths %g and %g: worst difference %.1e\n", rbm.amplitude ? "amplitude" : "probability",
                  rbm.sigma[0], rbm.sigma[1], worst);
    assert_true(worst < 1e-12);
    assert_int_equal(revive_units(&run, SAMPLES, REVIVE_IDLE), 2);  // the samples are still the old ones
    metric_finish(&run.metric);
    model.ensemble = run.ensemble;
    model_finish(&model);
}

static void test_units(void **state)
{
    (void)state;
    compare(machine(true, false, 1, 1));
    compare(machine(false, false, 0.9, 1.2));
    compare(machine(true, true, 1.2, 1.1));
}

// For three particles up to six units, and no other factor beside them.
static void test_where(void **state)
{
    (void)state;
    static const double zero[2 * M * M];
    static const struct {
        size_t particles, hidden;
        double gaussian;
        bool applies;
    } rows[] = { { 3, 6, 0, true }, { 3, 7, 0, false }, { 2, 4, 0, false }, { 3, 6, 0.5, false } };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        struct oracle_rbm rbm = machine(true, false, 1, 1);
        rbm.particles = rows[k].particles;
        rbm.hidden = rows[k].hidden;
        rbm.gaussian_alpha = rows[k].gaussian;
        rbm.a = rbm.b = rbm.w = zero;
        struct model model;
        model_build(&model, &rbm, (const char *[]){ "sampler.walkers=64", NULL }, 1);
        const struct run run = {
            .settings = &model.settings, .ensemble = model.ensemble, .theta = model.theta, .metric = { .room = 1024 }
        };
        assert_int_equal(revive_applies(&run), rows[k].applies);
        model_finish(&model);
    }
}

// Dead units are looked for after every 16 iterations, however many units there are, while a window is left.
static void test_watched(void **state)
{
    (void)state;
    static const double zero[2 * M * M];
    for (size_t particles = 2; particles <= P; particles++) {
        struct oracle_rbm rbm = machine(true, false, 1, 1);
        rbm.particles = particles;
        rbm.hidden = 2 * M;
        rbm.a = rbm.b = rbm.w = zero;
        struct model model;
        model_build(&model, &rbm, (const char *[]){ "sampler.walkers=64", "optimizer.iterations=100", NULL }, 1);
        struct run run = { .settings = &model.settings,
                           .ensemble = model.ensemble,
                           .theta = model.theta,
                           .training = { .window = 12 },
                           .metric = { .room = 1024 } };
        for (run.history.n = 1; run.history.n <= 100; run.history.n++)
            assert_int_equal(revive_watches(&run), particles == P && run.history.n % 16 == 0 && run.history.n <= 88);
        run.history.n = 16;
        run.metric.room = 0;
        assert_false(revive_watches(&run));
        model_finish(&model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_watched), cmocka_unit_test(test_units), cmocka_unit_test(test_where) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
