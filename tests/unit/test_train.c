// SPDX-License-Identifier: GPL-3.0-or-later
// What training foresees and forgets: the time that is left, added up by hand; a new start knows nothing of the one
// before.
#include "support/model.h"

#include "run/phases.h"
#include "run/starts.h"
#include "run/state.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// A pass takes 3 s and a step 0.5 s. Until the first plateau can be there, two windows after the last change, nothing
// is refined; after it 8 times the samples may be taken, once; and every further start has its 100 iterations.
static void test_time_left(void **state)
{
    (void)state;
    static const struct {
        const char *stop;
        size_t since, refined, done;
        double passes, steps;
    } cases[] = {
        { "optimizer.stop=never", 0, 0, 0, 200, 200 },     { "optimizer.stop=never", 0, 0, 70, 130, 130 },
        { "optimizer.stop=plateau", 0, 0, 0, 40, 200 },    { "optimizer.stop=plateau", 0, 0, 30, 10, 170 },
        { "optimizer.stop=plateau", 0, 0, 50, 0, 150 },    { "optimizer.stop=plateau", 100, 0, 70, 70, 130 },
        { "optimizer.stop=plateau", 100, 1, 120, 80, 80 }, { "optimizer.stop=plateau", 170, 0, 120, 80, 80 },
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct model model;
        model_build(&model, &oracle_set_find("amplitude-2p2d")->rbm,
                    (const char *const[]){ "sampler.walkers=32", "optimizer.method=sgd", "optimizer.iterations=200",
                                           cases[c].stop, NULL },
                    1);
        struct run run = { .settings = &model.settings, .ensemble = model.ensemble };
        run.training.window = 20;
        run.training.since = cases[c].since;
        run.training.refined = cases[c].refined;
        const double plain = cases[c].passes, refined = cases[c].steps - plain,
                     expected = 3 * plain + 8 * 3 * refined + 0.5 * cases[c].steps;
        const double left = train_time_most(&run, 3, 0.5, cases[c].done);
        print_message("%s, since %zu, refined %zu, done %zu: %g, by hand %g\n", cases[c].stop, cases[c].since,
                      cases[c].refined, cases[c].done, left, expected);
        assert_true(fabs(left - expected) < 1e-9);
        model_finish(&model);
    }
}

static void test_new_start(void **state)
{
    (void)state;
    enum { MEMORY = 7 };
    struct model model;
    double memory[MEMORY], good[64];
    model_build(&model, &oracle_set_find("amplitude-2p2d")->rbm,
                (const char *const[]){ "sampler.walkers=32", "optimizer.samples=320", NULL }, 1);
    struct run run = { .settings = &model.settings,
                       .ensemble = model.ensemble,
                       .theta = model.theta,
                       .good_theta = good,
                       .memory = memory,
                       .n_memory = MEMORY };
    memset(&run.training, 0x11, sizeof run.training);
    memset(&run.pace, 0x11, sizeof run.pace);
    memset(memory, 0x11, sizeof memory);
    memset(good, 0x11, sizeof good);
    run.history.n = run.history.n_kept = 9;
    run.history.stride = 4;
    starts_reset(&run);
    for (size_t k = 0; k < MEMORY; k++)
        assert_true(memory[k] == 0);
    assert_memory_equal(good, model.theta, model.ensemble.wavefunction.n_parameters * sizeof *good);
    assert_true(run.history.n == 0 && run.history.n_kept == 0 && run.history.stride == 1 && run.pace.n == 0);
    assert_true(run.training.draws == 10 && run.training.shortened == 1 && run.training.longest == 1 &&
                run.training.damping == 1);
    assert_true(run.training.since == 0 && run.training.backs == 0 && run.training.fresh == 0 &&
                run.training.refined == 0 && run.training.averaged == 0);
    assert_true(run.training.gain == 0 && run.training.expected == 0 && run.training.gain_error < 0);
    model_finish(&model);
}

// Energies that are higher than the last one by far more than they scatter, however short the steps become: after four
// steps back they are those of the wave function, and training goes on from there. What is not finite is never believed.
static void test_belief(void **state)
{
    (void)state;
    enum { BEFORE = 4, AFTER = 6, BELIEVED = 4 };
    struct model model;
    model_build(&model, &oracle_set_find("amplitude-2p2d")->rbm,
                (const char *const[]){ "sampler.walkers=32", "sampler.burn_in=10", "optimizer.method=sgd",
                                       "optimizer.samples=320", "optimizer.stop=never", "optimizer.starts=1", NULL },
                1);
    struct run_result result;
    struct error error = { 0 };
    const struct run_options options = { .threads = 1 };
    struct run run = { .settings = &model.settings, .options = &options, .result = &result };
    run_clear(&result);
    assert_true(run_build(&run, &error) && run_begin(&run, &error) && run_burn_in(&run, &error));
    model.settings.optimizer.iterations = BEFORE;
    assert_true(run_train(&run, &error));
    assert_true(run.history.n == BEFORE && run.training.steps_back == 0);
    const double before = run.history.energy[BEFORE - 1];

    run.history.energy[BEFORE - 1] -= 1000;
    run.history.energy_error[BEFORE - 1] = run.history.estimator_variance[BEFORE - 1] = 1e-9;
    model.settings.optimizer.iterations = BEFORE + 1;
    run.stage = STAGE_TRAINING;
    assert_true(run_train(&run, &error));
    assert_true(run.history.n == BEFORE + 1 && run.training.steps_back == BELIEVED);
    assert_true(fabs(run.history.energy[BEFORE] - before) < 1);
    assert_true(fabs(run.training.shortened - pow(0.5, BELIEVED)) < 1e-12);

    model.settings.optimizer.iterations = AFTER;
    run.stage = STAGE_TRAINING;
    assert_true(run_train(&run, &error));
    assert_true(run.history.n == AFTER && run.training.steps_back == BELIEVED && run.training.backs == 0);
    assert_true(fabs(run.training.shortened - 1.1 * pow(0.5, BELIEVED)) < 1e-12);
    run_finish(&run);
    model_finish(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_time_left), cmocka_unit_test(test_new_start),
                                        cmocka_unit_test(test_belief) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
