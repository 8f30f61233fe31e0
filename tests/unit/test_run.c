// SPDX-License-Identifier: GPL-3.0-or-later
// Whole runs through the library: the same bits for any number of threads, training that steps back from non-finite
// numbers or gives up with the last good state saved, whole draws, and a target error that ends measuring and is
// honest. Seeds are fixed. Energies are held to 4.5 standard errors (false alarms 7e-6 each, were the seeds not fixed).
#define H5_USE_110_API  // H5Ovisit2 of HDF5 1.12 and later
#include "support/model.h"
#include "support/runs.h"

#include "vmc/record.h"

#include <hdf5.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PATH_SIZE = RUNS_PATH_SIZE, OVERRIDES_MOST = 16 };
static bool all;  // as many seeds as tell 30 % too much from enough

// ---- the same bits

// 11 blocks for 1, 2, 3 or 8 threads; 70 blocks (more than there are groups) for 1 and 3.
static void test_threads(void **state)
{
    (void)state;
    static const struct {
        const char *sampler, *walkers, *every;
        size_t threads[5];
        const char *factors;
    } cases[] = {
        { "sampler.method=langevin",
          "sampler.walkers=352",
          "amplitude-displaced",
          { 1, 3, 8 },
          "wavefunction.factors=rbm" },
        { "sampler.method=metropolis", "sampler.walkers=352", "amplitude-3p3d", { 1, 2 }, "wavefunction.factors=rbm" },
        { "sampler.method=gibbs", "sampler.walkers=2240", "probability-soft", { 1, 3 }, "wavefunction.factors=rbm" },
        { "sampler.method=exact", "sampler.walkers=352", "amplitude-displaced", { 1, 3 }, "wavefunction.factors=rbm" },
        { "sampler.method=metropolis",
          "sampler.walkers=352",
          "amplitude-3p3d",
          { 1, 3 },
          "wavefunction.factors=pade-jastrow, rbm, gaussian-pair" },
        { "sampler.method=langevin",
          "sampler.walkers=352",
          "amplitude-3p3d",
          { 1, 3 },
          "wavefunction.factors=rbm, pade-jastrow" },
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const char *const overrides[] = { cases[c].sampler,         cases[c].walkers,
                                          "optimizer.iterations=3", "optimizer.samples=1000",
                                          "measure.samples=4000",   "sampler.burn_in=20",
                                          cases[c].factors,         NULL };
        for (size_t k = 0; cases[c].threads[k]; k++) {
            const char *first = runs_path("threads-1.h5"), *output = k == 0 ? first : runs_path("threads-n.h5");
            const struct runs_outcome outcome = runs_of(runs_set(cases[c].every), overrides, output,
                                                        (struct run_options){ .threads = cases[c].threads[k] });
            assert_true(outcome.good);
            const struct runs_comparison found = runs_compare(first, output);
            print_message("%s, %s, %zu threads: %zu data sets alike, %zu not\n", cases[c].every, cases[c].sampler,
                          cases[c].threads[k], found.same, found.different);
            assert_int_equal(found.different, 0);
            assert_true(found.same > 80);
        }
    }
}

// Another seed gives other bits: the comparison can see a difference.
static void test_seed_shows(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        const char *const overrides[] = { k ? "run.seed=2" : "run.seed=1", "sampler.walkers=64",
                                          "optimizer.iterations=2",        "optimizer.samples=640",
                                          "measure.samples=640",           NULL };
        assert_true(runs_of(runs_set("amplitude-2p2d"), overrides, runs_path(k ? "seed-2.h5" : "seed-1.h5"),
                            (struct run_options){ 0 })
                        .good);
    }
    assert_true(runs_compare(runs_path("seed-1.h5"), runs_path("seed-2.h5")).different > 20);
}

// ---- numbers that are not finite

static void assert_finite_file(const char *path)
{
    double values[4096];
    static const char *const arrays[] = { "/wavefunction/rbm/a",     "/wavefunction/rbm/b", "/wavefunction/rbm/w",
                                          "/wavefunction/rbm/sigma", "/training/energy",    "/training/gradient_norm",
                                          "/training/parameters" };
    for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++) {
        const size_t n = runs_array(path, arrays[k], 4096, values);
        for (size_t i = 0; i < n; i++)
            assert_true(isfinite(values[i]));
    }
}

// A step into nowhere: noticed at once (nothing non-finite is recorded, the parameters in the file are those the first
// step began from), and at last the run ends with the reason.
static void test_hopeless(void **state)
{
    (void)state;
    enum { STEPS_BACK = 12 };
    // sigma or the squares of weights overflow, and there is no wave function; or only squares of energies do
    static const char *const ways[][3] = {
        { "amplitude-displaced", "optimizer.method=sgd", "optimizer.learning_rate=1e300" },
        { "amplitude-displaced", "optimizer.method=adam", "optimizer.learning_rate=1e300" },
        { "amplitude-2p2d", "optimizer.method=momentum", "optimizer.learning_rate=1e300" },
        { "amplitude-2p2d", "optimizer.method=adam", "optimizer.learning_rate=1e300" },
        { "amplitude-2p2d", "optimizer.method=sgd", "optimizer.learning_rate=1e160" },
        { "amplitude-2p2d", "optimizer.method=sgd", "optimizer.learning_rate=1e100" }
    };
    for (size_t k = 0; k < sizeof ways / sizeof *ways; k++) {
        const char *path = runs_path("hopeless.h5");
        const char *const overrides[] = { ways[k][1],
                                          ways[k][2],
                                          "sampler.walkers=64",
                                          "optimizer.iterations=50",
                                          "optimizer.samples=640",
                                          "measure.samples=640",
                                          NULL };
        double parameters[4096], a[16];
        const struct runs_outcome outcome = runs_of(runs_set(ways[k][0]), overrides, path, (struct run_options){ 0 });
        print_message("%s, %s, %s: %.0f steps back, %.0f bad samples; %s\n", ways[k][0], ways[k][1], ways[k][2],
                      outcome.result.steps_back, outcome.result.n_bad_training, outcome.text);
        assert_false(outcome.good);
        assert_int_equal(outcome.kind, ERROR_INTERNAL);
        assert_non_null(strstr(outcome.text, "not finite"));
        assert_true(outcome.result.steps_back == STEPS_BACK);
        char *status = runs_attribute(path, "status");
        assert_string_equal(status, "stopped");
        free(status);
        assert_finite_file(path);
        runs_array(path, "/training/parameters", 4096, parameters);
        assert_int_equal(runs_array(path, "/wavefunction/rbm/a", 16, a), 4);
        assert_memory_equal(a, parameters, sizeof(double[4]));
    }
}

// Steps that are too long by orders of magnitude: ln sigma overflows, steps are taken back and halved until they fit,
// and training goes on.
static void test_recovers(void **state)
{
    (void)state;
    static const char *const rates[] = { "optimizer.learning_rate=1e6", "optimizer.learning_rate=1e7",
                                         "optimizer.learning_rate=1e8" };
    for (size_t k = 0; k < sizeof rates / sizeof *rates; k++) {
        const char *path = runs_path("recovers.h5");
        const char *const overrides[] = { "optimizer.method=sgd",   rates[k],
                                          "sampler.walkers=64",     "optimizer.iterations=30",
                                          "optimizer.samples=1280", "optimizer.stop=never",
                                          "measure.samples=6400",   NULL };
        const struct runs_outcome outcome = runs_of(runs_set("amplitude-displaced"), overrides, path,
                                                    (struct run_options){ 0 });
        print_message("%s: %.0f steps back, E = %.4f; %s\n", rates[k], outcome.result.steps_back, outcome.result.energy,
                      outcome.text);
        assert_true(outcome.good);
        assert_true(outcome.result.steps_back >= 1);
        assert_true(outcome.result.iterations == 30);
        assert_true(isfinite(outcome.result.energy) && outcome.result.energy_error > 0);
        assert_finite_file(path);
    }
}

// ---- measuring

// Whole draws of all walkers; where the series are averaged in blocks, whole blocks.
static void test_samples(void **state)
{
    (void)state;
    static const struct {
        const char *walkers, *samples;
        double expected;
    } cases[] = {
        { "sampler.walkers=64", "measure.samples=1", 64 },
        { "sampler.walkers=64", "measure.samples=64", 64 },
        { "sampler.walkers=64", "measure.samples=65", 128 },
        { "sampler.walkers=64", "measure.samples=6400", 6400 },
        { "sampler.walkers=96", "measure.samples=10000", 10080 },
        { "sampler.walkers=32", "measure.samples=1.4e5", 140288 },
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const char *const overrides[] = { cases[k].walkers, cases[k].samples, "optimizer.iterations=0",
                                          "sampler.burn_in=20", NULL };
        const struct runs_outcome outcome = runs_of(runs_set("amplitude-bumps"), overrides, NULL,
                                                    (struct run_options){ 0 });
        assert_true(outcome.good);
        assert_true(outcome.result.n_samples == cases[k].expected);
        assert_true(outcome.result.n_bad == 0);
    }
}

// The autocorrelation time and the share of effective samples are those of draws, whether the series has draws (1,875
// per walker) or means over 8.
static void test_times(void **state)
{
    (void)state;
    static const char *const samples[2] = { "measure.samples=60000", "measure.samples=480000" };
    double time[2], share[2];
    for (size_t k = 0; k < 2; k++) {
        const char *const overrides[] = { samples[k],
                                          "sampler.walkers=32",
                                          "measure.series_values=65536",
                                          "optimizer.iterations=0",
                                          "sampler.burn_in=200",
                                          NULL };
        const struct runs_outcome outcome = runs_of(runs_set("amplitude-soft"), overrides, NULL,
                                                    (struct run_options){ 0 });
        assert_true(outcome.good);
        time[k] = outcome.result.autocorrelation_time;
        share[k] = outcome.result.effective_samples / outcome.result.n_samples;
    }
    print_message("autocorrelation times %.3f and %.3f, effective share %.3f and %.3f\n", time[0], time[1], share[0],
                  share[1]);
    assert_true(fabs(time[1] / time[0] - 1) < 0.2 && fabs(share[1] / share[0] - 1) < 0.2);
}

// A file with the set's own parameters, and the override that loads it.
static void fix_parameters(const struct oracle_rbm *rbm, char load[3 * PATH_SIZE])
{
    struct model model;
    struct error error = { 0 };
    model_build(&model, rbm, (const char *const[]){ "sampler.walkers=32", NULL }, 1);
    struct record *record = record_create();
    const char *path = runs_path("fixed.h5");
    record_add_attribute_count(record, "/", "format_version", RECORD_FORMAT_VERSION);
    record_add_wavefunction(record, &model.ensemble.wavefunction, model.theta);
    assert_true(record_publish(record, path, &error));
    record_destroy(record);
    model_finish(&model);
    snprintf(load, 3 * PATH_SIZE, "wavefunction.load=%s", path);
}

// The virial ratio of two electrons in two dimensions, where the plain pair energy has no variance: z against the exact
// ratio over 40 seeds has variance 1 and mean 0, to 3 sigma; over 150 in ci.
static void test_virial(void **state)
{
    (void)state;
    const int seeds = all ? 150 : 40;
    const struct oracle_rbm *rbm = runs_set("amplitude-2p2d");
    const struct oracle_mean mean = oracle_exact(rbm);
    const double exact = (double)(2 * mean.kinetic / (2 * mean.trap - mean.pair));
    double square = 0, sum = 0, error = 0;
    char load[3 * PATH_SIZE];
    fix_parameters(rbm, load);
    for (int seed = 1; seed <= seeds; seed++) {
        char number[32];
        snprintf(number, sizeof number, "run.seed=%d", seed);
        const char *const overrides[] = { load,
                                          number,
                                          "optimizer.iterations=0",
                                          "sampler.walkers=64",
                                          "sampler.burn_in=100",
                                          "measure.samples=12800",
                                          NULL };
        const struct runs_outcome outcome = runs_of(rbm, overrides, NULL, (struct run_options){ 0 });
        assert_true(outcome.good);
        const double z = (outcome.result.virial_ratio - exact) / outcome.result.virial_ratio_error;
        sum += z / seeds;
        square += z * z / seeds;
        error += outcome.result.virial_ratio_error / seeds;
    }
    print_message("virial ratio %.5f, error %.1e: mean of z %.3f, variance %.3f\n", exact, error, sum, square);
    assert_true(fabs(square - 1) < 3 * sqrt(2.0 / seeds) && fabs(sum) < 3 / sqrt(seeds));
}

// The target is reached, with fewer samples than the cap; and the error is true in spite of the look at it that ended
// the run: z of 40 or 150 seeds has variance 1 to 3 sigma. A target out of reach takes all samples.
static void test_target(void **state)
{
    (void)state;
    const int seeds = all ? 150 : 40;
    const struct oracle_rbm *rbm = runs_set("amplitude-soft");
    struct runs_outcome outcome = runs_of(rbm,
                                          (const char *const[]){ "optimizer.iterations=0", "sampler.walkers=64",
                                                                 "measure.samples=30000", "measure.target_error=1e-9",
                                                                 NULL },
                                          NULL, (struct run_options){ 0 });
    assert_true(outcome.good && outcome.result.n_samples == 30080);
    char load[3 * PATH_SIZE];
    fix_parameters(rbm, load);
    const double exact = (double)oracle_exact(rbm).energy;
    double square = 0, most = 0, samples = 0;
    for (int seed = 1; seed <= seeds; seed++) {
        char number[32];
        snprintf(number, sizeof number, "run.seed=%d", seed);
        const char *const overrides[] = { load,
                                          number,
                                          "optimizer.iterations=0",
                                          "sampler.walkers=64",
                                          "sampler.burn_in=100",
                                          "measure.samples=1e5",
                                          "measure.target_error=4e-3",
                                          NULL };
        outcome = runs_of(rbm, overrides, NULL, (struct run_options){ 0 });
        if (!outcome.good)
            fail_msg("%s", outcome.text);
        assert_true(outcome.result.energy_error <= 4e-3);
        most = fmax(most, outcome.result.n_samples);
        samples += outcome.result.n_samples / seeds;
        square += pow((outcome.result.energy - exact) / outcome.result.energy_error, 2) / seeds;
    }
    print_message("target error: %.0f samples on average, %.0f at most of 1e5; variance of z %.3f\n", samples, most,
                  square);
    assert_true(most < 1e5 && samples > 8192);
    assert_true(fabs(square - 1) < 3 * sqrt(2.0 / seeds));
}

// ---- numbers with a closed form

// Four free coordinates in exp(-alpha x^2 / 2), alpha = 0.8: E_L = 2 alpha + (1 - alpha^2) sum x^2 / 2 has the mean
// alpha + 1 / alpha and the variance (1 - alpha^2)^2 / (2 alpha^2); <T> = alpha, <V> = 1 / alpha. With control variates
// nothing scatters. The plain variance is of some 60,000 independent samples of a chi-squared number: 1 % is 3 sigma.
static void test_closed_form(void **state)
{
    (void)state;
    const char *const overrides[] = { "wavefunction.factors=gaussian", "gaussian.alpha=0.8",
                                      "system.interaction=none",       "optimizer.iterations=0",
                                      "measure.samples=200000",        NULL };
    const struct runs_outcome outcome = runs_of(runs_set("amplitude-2p2d"), overrides, runs_path("closed.h5"),
                                                (struct run_options){ 0 });
    const struct run_result *result = &outcome.result;
    assert_true(outcome.good);
    print_message("energy %.12f, variance %.6f and %.2e, virial ratio %.12f\n", result->energy, result->variance,
                  result->estimator_variance, result->virial_ratio);
    assert_true(fabs(result->energy - 2.05) < 1e-11 && fabs(result->kinetic - 0.8) < 1e-11 &&
                fabs(result->trap - 1.25) < 1e-11 && fabs(result->virial_ratio - 0.64) < 1e-11);
    assert_true(fabs(result->variance / 0.10125 - 1) < 0.03 && result->estimator_variance < 1e-18);
    assert_true(fabs(result->local_energy - 2.05) < 4.5 * result->local_energy_error &&
                fabs(result->kinetic_gradient - 0.8) < 4.5 * result->kinetic_gradient_error);
    assert_true(result->n_samples >= 200000 && result->autocorrelation_time < 20);
}

// What one-particle moves have updated is computed from scratch every 64 sweeps, and where a pass begins: the rounding
// that had gathered is known then, and not before.
static double drift_after(const char *sampler, size_t first, size_t second)
{
    struct model model;
    struct ensemble_sums sums;
    model_build(&model, &oracle_set_find("amplitude-3p3d")->rbm, (const char *const[]){ sampler, NULL }, 1);
    ensemble_burn_in(&model.ensemble, 5, false);
    ensemble_pass(&model.ensemble, first, 0, NULL, NULL, &sums);
    if (second > 0)
        ensemble_pass(&model.ensemble, second, 0, NULL, NULL, &sums);
    const double drift = model.ensemble.drift;
    model_finish(&model);
    return drift;
}

static void test_refreshed(void **state)
{
    (void)state;
    const char *moves = "sampler.method=metropolis";
    const double before = drift_after(moves, 63, 0);
    assert_true(drift_after(moves, 64, 0) > before);
    assert_true(drift_after(moves, 63, 1) > before);
    assert_true(drift_after(moves, 200, 0) < 1e-9);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_refreshed),  cmocka_unit_test(test_threads),
                                        cmocka_unit_test(test_seed_shows), cmocka_unit_test(test_hopeless),
                                        cmocka_unit_test(test_recovers),   cmocka_unit_test(test_samples),
                                        cmocka_unit_test(test_times),      cmocka_unit_test(test_target),
                                        cmocka_unit_test(test_virial),     cmocka_unit_test(test_closed_form) };
    all = argc > 1 && strcmp(argv[1], "all") == 0;
    return cmocka_run_group_tests(tests, runs_make_folder, runs_remove_folder);
}
