// SPDX-License-Identifier: GPL-3.0-or-later
// When samples grow and when units may begin anew, on planted histories of machines of many parameters.
#include "support/model.h"

#include "run/revive.h"
#include "run/settle.h"
#include "run/starts.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ITERATIONS = 1000, COORDINATES_MOST = 90, HIDDEN_MOST = 60, WINDOW = 12 };

struct planted {
    struct model model;
    struct run run;
    double energy[ITERATIONS], error[ITERATIONS], spread[ITERATIONS], slope[ITERATIONS];
    double theta[6000];
};

// An energy of -100 that falls by `fall` per iteration, known to 1e-4, and slopes that see just that.
static void plant(struct planted *planted, size_t particles, size_t dimensions, size_t hidden, double fall)
{
    static const double zero[COORDINATES_MOST * HIDDEN_MOST], sigma[] = { 1, 1, 1 };
    const struct oracle_rbm rbm = { .particles = particles,
                                    .dimensions = dimensions,
                                    .hidden = hidden,
                                    .amplitude = true,
                                    .envelope = true,
                                    .a = zero,
                                    .b = zero,
                                    .w = zero,
                                    .sigma = sigma,
                                    .omega = { 1, 1, 1 } };
    model_build(&planted->model, &rbm, (const char *[]){ "sampler.walkers=64", "optimizer.starts=1", NULL }, 1);
    for (size_t k = 0; k < ITERATIONS; k++) {
        planted->energy[k] = -100 - fall * (double)k;
        planted->error[k] = 1e-4;
        planted->spread[k] = 1;
        planted->slope[k] = fall + 1e-6 * (k % 2 ? 1 : -1);
    }
    planted->run = (struct run){
        .settings = &planted->model.settings,
        .ensemble = planted->model.ensemble,
        .theta = planted->theta,
        .training = { .window = WINDOW, .draws = 128, .longest = 1, .shortened = 1 },
        .history = { .energy = planted->energy,
                     .energy_error = planted->error,
                     .estimator_variance = planted->spread,
                     .expected = planted->slope,
                     .slope = planted->slope },
        .metric = { .room = 2048 },
    };
}

static bool may_revive(struct planted *planted, size_t n)
{
    planted->run.history.n = n;
    return settle_may_revive(&planted->run, settle_nothing_left(&planted->run));
}

// By hand: 8192 samples grow by whole factors, up to 8, that keep samples times parameters below 1.5e8, by 2 at least.
static void test_growth(void **state)
{
    (void)state;
    static const size_t row[][2] = { { 20, 8 },   { 2287, 8 }, { 2288, 7 }, { 3050, 6 }, { 3051, 5 },
                                     { 5550, 3 }, { 6102, 3 }, { 6103, 2 }, { 9154, 2 }, { 1000000, 2 } };
    struct planted planted;
    plant(&planted, 3, 2, 2, 0);
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        planted.run.ensemble.wavefunction.n_parameters = row[k][0];
        assert_int_equal(settle_growth(&planted.run, 128), row[k][1]);
        assert_int_equal(settle_growth(&planted.run, 1 << 20), 2);
    }
    model_finish(&planted.model);
}

// Of a copy: it changes what it is asked about.
static bool grows(const struct planted *planted, size_t n)
{
    struct run run = planted->run;
    run.history.n = n;
    assert_false(settle_is_over(&run, settle_nothing_left(&run)));
    assert_int_equal(run.training.draws, run.training.refined ? settle_growth(&run, 128) * 128 : 128);
    return run.training.refined > 0;
}

// 1640 directions of 20 particles in 2D: 500 iterations, then another 250 after units began anew, once; where the
// energy falls, not before the last 164 of 1000, and then no unit begins anew. After a shorter step none does either.
static void test_many(void **state)
{
    (void)state;
    struct planted planted;
    plant(&planted, 20, 2, 40, 0);
    assert_false(grows(&planted, 499) || may_revive(&planted, 499));
    assert_true(grows(&planted, 500) && may_revive(&planted, 500));
    planted.run.history.n = 550;
    settle_has_revived(&planted.run);
    assert_false(grows(&planted, 799) || may_revive(&planted, 799));
    assert_true(grows(&planted, 800) && !may_revive(&planted, 800));
    planted.run.training.longest = 0.5;  // since 550, a shorter step: 500 of all
    assert_true(grows(&planted, 650) && !may_revive(&planted, 650));
    model_finish(&planted.model);

    plant(&planted, 20, 2, 40, 0.05);
    assert_false(grows(&planted, 835) || may_revive(&planted, 835));
    assert_true(grows(&planted, 836) && !may_revive(&planted, 836));
    model_finish(&planted.model);
}

// 5550 parameters of 30 particles in 3D are more than the metric's samples: whether the energy falls or not.
static void test_more_than_samples(void **state)
{
    (void)state;
    struct planted planted;
    plant(&planted, 30, 3, 60, 0.05);
    assert_false(grows(&planted, 249) || may_revive(&planted, 249));
    assert_true(grows(&planted, 250) && may_revive(&planted, 250));
    planted.run.history.n = 250;
    settle_has_revived(&planted.run);
    assert_false(grows(&planted, 374));
    assert_true(grows(&planted, 375));
    planted.model.settings.optimizer.stop = STOP_NEVER;
    assert_false(grows(&planted, 375) || may_revive(&planted, 375));
    planted.run.training.since = 0;
    assert_false(may_revive(&planted, 400));
    model_finish(&planted.model);
}

// Starts that nobody asked for. The first waits for nothing and is not revived; the next two last as long as trainings
// do before their samples grow; what came from one of these has had its time after a window, what came from the first
// has not. Machines of more units have none that last.
static void test_long_starts(void **state)
{
    (void)state;
    struct planted planted;
    plant(&planted, 20, 2, 40, 0);
    struct training *training = &planted.run.training;
    planted.model.settings.optimizer.starts = PARAM_COUNT_AUTO;
    assert_true(starts_wanted(&planted.run) == 3 && starts_short(&planted.run) && !starts_long(&planted.run));
    planted.run.history.n = 23;
    assert_false(starts_over(&planted.run, false));
    planted.run.history.n = 24;
    assert_true(starts_over(&planted.run, false));
    assert_true(settle_nothing_left(&planted.run));
    for (training->start = 1; training->start <= 2; training->start++) {
        assert_true(starts_long(&planted.run) && !starts_were_long(&planted.run));
        assert_false(may_revive(&planted, 499) || settle_is_due(&planted.run, settle_nothing_left(&planted.run)));
        assert_true(may_revive(&planted, 500) && settle_is_due(&planted.run, true));
        assert_false(starts_over(&planted.run, false));
        assert_true(starts_over(&planted.run, true));
        planted.run.history.n = ITERATIONS;
        assert_true(starts_over(&planted.run, false));
    }
    assert_int_equal(starts_iterations_most(&planted.run), ITERATIONS);
    training->best_start = 2;
    assert_true(starts_were_long(&planted.run) && !starts_short(&planted.run) && !starts_long(&planted.run));
    assert_true(!grows(&planted, 11) && grows(&planted, 12) && !may_revive(&planted, 12) && !may_revive(&planted, 600));
    training->best_start = 0;
    assert_false(starts_were_long(&planted.run));
    assert_true(!grows(&planted, 499) && grows(&planted, 500) && may_revive(&planted, 500));
    training->start = 6;  // from parameters that were loaded
    training->best_start = 1;
    assert_false(starts_were_long(&planted.run));
    model_finish(&planted.model);

    plant(&planted, 20, 2, 41, 0);
    planted.model.settings.optimizer.starts = PARAM_COUNT_AUTO;
    planted.run.training.start = 1;
    assert_true(starts_short(&planted.run) && !starts_long(&planted.run));
    assert_int_equal(starts_iterations_most(&planted.run), STARTS_ITERATIONS);
    planted.run.training.start = 3;
    assert_false(starts_were_long(&planted.run));
    model_finish(&planted.model);
}

// Idle units once, after 500 iterations, dead ones after every 16, and neither in short starts.
static void test_revived(void **state)
{
    (void)state;
    struct planted planted;
    plant(&planted, 20, 2, 40, 0);
    struct run *run = &planted.run;
    for (size_t start = 0; start < 3; start++) {
        planted.model.settings.optimizer.starts = start == 0 ? 1 : PARAM_COUNT_AUTO;
        run->training.start = start == 0 ? 0 : start - 1;  // 0 of several is short, 1 is not
        for (run->history.n = 1; run->history.n <= 500; run->history.n++) {
            const size_t n = run->history.n;
            const double influence = settle_revives_below(run, settle_nothing_left(run));
            assert_true(influence == (start == 1 ? 0 : n == 500 ? REVIVE_IDLE : n % 16 == 0 ? REVIVE_DEAD : 0));
        }
    }
    model_finish(&planted.model);
}

static bool ends(const struct planted *planted, size_t n)
{
    struct run run = planted->run;
    run.history.n = n;
    const bool over = settle_is_over(&run, settle_nothing_left(&run));
    assert_true(run.training.converged == over && run.training.over == over && run.training.draws == 128);
    return over;
}

// 12 particles with 48 units, whose 600 directions settle after 150 iterations where the energy stands still. With a
// scatter of 0.1 per iteration in 100, and slopes that noise feigns, the line through 240 of them is known to 0.022,
// and 1.5e-4 of the energy is 0.015: its samples grow once there are 480. Plain gradients have nothing that grows.
static void test_hidden(void **state)
{
    (void)state;
    struct planted planted;
    plant(&planted, 12, 2, 48, 0);
    assert_true(!grows(&planted, 149) && grows(&planted, 150));
    for (size_t k = 0; k < ITERATIONS; k++) {
        planted.energy[k] += k % 4 == 0 || k % 4 == 3 ? 0.1 : -0.1;
        planted.slope[k] = 0.05 + (k % 2 ? 1e-3 : -1e-3);
    }
    assert_true(!grows(&planted, 479) && grows(&planted, 480));
    planted.run.metric.room = 0;
    assert_false(grows(&planted, 480));
    model_finish(&planted.model);
}

// With the samples that have grown: slopes promise nothing, and the energy stands still or falls by 2e-6 of it
// per iteration, which 60 of them, or more, are no end of. And the mean of the parameters has a window.
static void test_ends(void **state)
{
    (void)state;
    struct planted planted;
    for (size_t falls = 0; falls < 2; falls++) {
        plant(&planted, 12, 2, 48, falls ? 2e-4 : 0);
        planted.run.training.refined = SETTLE_REFINEMENTS;
        planted.run.training.since = 200;
        planted.run.training.averaged = WINDOW;
        for (size_t k = 0; k < ITERATIONS; k++)
            planted.slope[k] = k % 2 ? 1e-8 : -1e-8;
        for (size_t n = 250; n < 400; n += 10)
            assert_int_equal(ends(&planted, n), !falls && n >= 260);
        planted.run.training.averaged = WINDOW - 1;
        assert_false(ends(&planted, 300));
        model_finish(&planted.model);
    }
}

// A scatter of 0.02 hides a fall of 3e-5 per iteration from a line of 240 iterations, which knows its gain of 0.0072 to
// 0.0045, not from one of 480 iterations, 0.0144 to 0.0032.
static void test_slow_fall(void **state)
{
    (void)state;
    struct planted planted;
    for (size_t falls = 0; falls < 2; falls++) {
        plant(&planted, 12, 2, 48, falls ? 3e-5 : 0);
        planted.run.training.refined = SETTLE_REFINEMENTS;
        planted.run.training.averaged = WINDOW;
        for (size_t k = 0; k < ITERATIONS; k++) {
            planted.energy[k] += k % 4 == 0 || k % 4 == 3 ? 0.02 : -0.02;
            planted.slope[k] = k % 2 ? 1e-8 : -1e-8;
        }
        assert_true(ends(&planted, 480));
        assert_int_equal(ends(&planted, 960), !falls);
        model_finish(&planted.model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_growth),
                                        cmocka_unit_test(test_hidden),
                                        cmocka_unit_test(test_ends),
                                        cmocka_unit_test(test_slow_fall),
                                        cmocka_unit_test(test_revived),
                                        cmocka_unit_test(test_many),
                                        cmocka_unit_test(test_more_than_samples),
                                        cmocka_unit_test(test_long_starts) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
