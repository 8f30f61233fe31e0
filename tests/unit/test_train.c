// SPDX-License-Identifier: GPL-3.0-or-later
// What training foresees and forgets: the time that is left, added up by hand; a new start knows nothing of the one
// before; walkers without a finite energy.
#include "support/model.h"

#include "run/course.h"
#include "run/phases.h"
#include "run/starts.h"
#include "run/state.h"
#include "run/stop.h"

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
// steps back they are those of the wave function, and training goes on from there. What is not finite is never
// believed.
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

// Unit 1 of 7 on 3 particles is off on all samples, with weights that make a maximum far out. After 16 iterations it
// begins anew instead of a step, on one particle, with the weight 1 in the trap's length, 0.1 once the samples have
// grown, and the mean of the parameters begins there, too.
static void test_dead_unit(void **state)
{
    (void)state;
    enum { P = 3, D = 2, M = P * D, N = 7, K = M + N + M * N, DEAD = 1, EVERY = 16, ALL = 30, WINDOW = 12 };
    static const double zero[M * N], sigma[] = { 1, 1 };
    const struct oracle_rbm rbm = { .particles = P,
                                    .dimensions = D,
                                    .hidden = N,
                                    .amplitude = true,
                                    .envelope = true,
                                    .a = zero,
                                    .b = zero,
                                    .w = zero,
                                    .sigma = sigma,
                                    .omega = { 1, 1 } };
    const struct run_options options = { .threads = 1 };
    for (size_t refined = 0; refined < 2; refined++) {
        struct model model;
        struct run_result result;
        struct error error = { 0 };
        model_build(&model, &rbm,
                    (const char *const[]){ "sampler.walkers=32", "sampler.burn_in=10", "optimizer.samples=320",
                                           "optimizer.stop=never", "optimizer.starts=1", "optimizer.iterations=30",
                                           NULL },
                    1);
        struct run run = { .settings = &model.settings, .options = &options, .result = &result };
        run_clear(&result);
        assert_true(run_build(&run, &error) && run_begin(&run, &error) && run_burn_in(&run, &error));
        run.theta[M + DEAD] = -60;
        for (size_t i = 0; i < M; i++)
            run.theta[M + N + i * N + DEAD] = 5;
        assert_true(ensemble_take(&run.ensemble, run.theta));
        starts_reset(&run);
        run.stage = STAGE_TRAINING;
        run.training.refined = refined;
        assert_true(run_train(&run, &error) && run.history.n == ALL && run.history.n_kept == ALL);
        const double *row = run.history.parameters;
        double mean[K] = { 0 };
        for (size_t k = 0; k < ALL; k++) {
            const double *weight = row + k * K + M + N + DEAD;
            double square = 0;
            size_t particles = 0;
            for (size_t p = 0; p < P; p++) {
                const double x = weight[2 * p * N], y = weight[(2 * p + 1) * N];
                square += x * x + y * y;
                particles += x != 0 || y != 0;
            }
            if (k < EVERY)
                assert_true(square > 100 && particles == P);
            if (k == EVERY)
                assert_true(particles == 1 && fabs(sqrt(square) - (refined ? 0.1 : 1)) < 1e-12);
            assert_int_equal(isnan(run.history.expected[k]), k == 0 || k == EVERY);
            if (k >= EVERY)
                course_average(K, mean, row + k * K, k - EVERY, WINDOW);
        }
        for (size_t j = 0; j < K; j++)
            assert_true(fabs(run.theta[j] - mean[j]) < 1e-12);
        run_finish(&run);
        model_finish(&model);
    }
}

// Parameters end at their mean: with a metric over a quarter of the iterations and 12 at least, without over 60 of
// them; where the variance is below 1e-5 of the energy's square over one more than a quarter. Two particles with a unit
// take no step back in 80.
static void test_mean(void **state)
{
    (void)state;
    enum { M = 4, K = 2 * M + 1, ALL = 80, OF_STEPS = 12, OF_GRADIENTS = 60 };
    static const double zero[M], sigma[] = { 1, 1 };
    struct oracle_rbm rbm = { .particles = 2,
                              .dimensions = 2,
                              .hidden = 1,
                              .amplitude = true,
                              .envelope = true,
                              .a = zero,
                              .b = zero,
                              .w = zero,
                              .sigma = sigma,
                              .omega = { 1, 1 } };
    const struct run_options options = { .threads = 1 };
    for (size_t k = 0; k < 3; k++) {
        size_t n_quiet = 0;
        rbm.interaction = k == 2 ? ORACLE_NONE : ORACLE_COULOMB;
        rbm.strength = 1;
        struct model model;
        struct run_result result;
        struct error error = { 0 };
        model_build(&model, &rbm,
                    (const char *const[]){ "sampler.walkers=32", "sampler.burn_in=10", "optimizer.samples=320",
                                           "optimizer.stop=never", "optimizer.starts=1", "optimizer.iterations=80",
                                           k == 1 ? "optimizer.method=momentum" : "optimizer.method=sr", NULL },
                    1);
        struct run run = { .settings = &model.settings, .options = &options, .result = &result };
        run_clear(&result);
        assert_true(run_build(&run, &error) && run_begin(&run, &error) && run_burn_in(&run, &error));
        assert_true(run_train(&run, &error) && run.history.n == ALL && run.history.n_kept == ALL);
        assert_true(run.training.steps_back == 0 && run.training.averaged == ALL);
        double mean[K] = { 0 };
        for (size_t n = 0; n < ALL; n++) {
            const double energy = run.history.energy[n];
            const bool quiet = run.history.estimator_variance[n] < 1e-5 * energy * energy;
            const size_t most = k == 1 ? OF_GRADIENTS : quiet ? 1 + n / 4 : n / 4 > OF_STEPS ? n / 4 : OF_STEPS;
            n_quiet += quiet;
            const double window = (double)(n < most ? n + 1 : most);
            for (size_t j = 0; j < K; j++)
                mean[j] += (run.history.parameters[n * K + j] - mean[j]) / window;
        }
        assert_true(k == 2 ? n_quiet > ALL / 2 : n_quiet < 5);  // its first steps are small
        for (size_t j = 0; j < K; j++)
            assert_true(fabs(run.theta[j] - mean[j]) < 1e-12);
        run_finish(&run);
        model_finish(&model);
    }
}

// With --max-time a run ends early enough to publish: half a second for a pass to end, and what publishing takes, as
// far as is known: 0.1 s and 25 ns a byte, or half as much again as it has taken; of a short time not more than half.
static void test_deadline(void **state)
{
    (void)state;
    // 32 walkers of 4 coordinates: 512 doubles of state, and 128 per draw of the series
    static const struct {
        double most, publishing;
        size_t draws;
        double margin;
    } cases[] = {
        { 1000, 0, 0, 0.5 + 0.1 + 25e-9 * 8 * 512 },
        { 1000, 0, 1000000, 0.5 + 0.1 + 25e-9 * 8 * (512 + 32e6 * SERIES) },
        { 1000, 2, 0, 0.5 + 3 },
        { 1.2, 0, 0, 0.6 },
        { 1, 0, 0, 0.5 },
    };
    struct model model;
    model_build(&model, &oracle_set_find("amplitude-2p2d")->rbm, (const char *const[]){ "sampler.walkers=32", NULL },
                1);
    struct run_options options = { .threads = 1 };
    struct run run = {
        .settings = &model.settings, .options = &options, .ensemble = model.ensemble, .wall_start = run_wall() + 1000
    };
    run_stop_prepare(&run);
    assert_true(isinf(run.stop.deadline) && run.stop.published > 0 && run.stop.saved == run.stop.published);
    assert_true(run.ensemble.cut && run.ensemble.cut_context == &run && !run.stop.stopped && run.stop.asked == 0);
    run.checkpoint[CHECKPOINT_TRAINING].there = true;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        options.max_time = cases[k].most;
        run.measured.draws = cases[k].draws;
        run.stop.publishing = cases[k].publishing;
        run.stop.saved = 1e300;  // nothing is saved now
        run.stage = STAGE_TRAINING;
        run_boundary(&run, NULL);
        const double margin = run.wall_start + cases[k].most - run.stop.deadline;
        print_message("%g s, publishing %g s, %zu draws: %.9g s before the end, by hand %.9g\n", cases[k].most,
                      cases[k].publishing, cases[k].draws, margin, cases[k].margin);
        assert_true(fabs(margin - cases[k].margin) < 1e-6);
    }
    model_finish(&model);
}

// Walkers without a finite energy: those whose particles are close, here. They are counted, have the mean of the others
// of their block, or the reference where there are none, and what their energies were instead of numbers makes no
// difference.
enum { BAD_BLOCKS = 3, BAD_DRAWS = 20, CLOSE_D = 2 };
static double close2, instead;

static void close_energy(const void *state, size_t n, const double *r2, const double *inverse, double *out)
{
    (void)state;
    for (size_t k = 0; k < n * WALKERS; k++)
        out[k] = r2[k] < close2 ? instead : inverse[k];
}

static void expect_mean_of_others(const double *row, const bool *bad, size_t n_bad, double reference)
{
    double mean = 0;
    for (size_t w = 0; w < WALKERS; w++)
        mean += n_bad == WALKERS ? reference / WALKERS : bad[w] ? 0 : row[w] / (double)(WALKERS - n_bad);
    for (size_t w = 0; w < WALKERS; w++)
        assert_true(isfinite(row[w]) && (!bad[w] || fabs(row[w] - mean) < 1e-12 * (1 + fabs(mean))));
}

struct seen {
    size_t bad;
    double reference;
};

static void see_bad(const struct ensemble_draw *draw, void *context)
{
    struct seen *seen = context;
    size_t n_bad = 0;
    bool bad[WALKERS];
    for (size_t w = 0; w < WALKERS; w++) {
        double r2 = 0;
        for (size_t d = 0; d < CLOSE_D; d++)
            r2 += pow(draw->x[d * WALKERS + w] - draw->x[(CLOSE_D + d) * WALKERS + w], 2);
        n_bad += bad[w] = r2 < close2;
    }
    assert_int_equal(draw->bad, n_bad);
    seen->bad += n_bad;
    for (size_t k = 0; k < ENERGY_ROWS; k++)
        expect_mean_of_others(draw->energy + k * WALKERS, bad, n_bad, seen->reference);
    expect_mean_of_others(draw->controlled, bad, n_bad, seen->reference);
}

static void test_not_finite(void **state)
{
    (void)state;
    static const double kinds[] = { NAN, INFINITY, -INFINITY };
    double first[64], gradient[64], coefficients[CONTROLS_MOST];
    for (size_t c = 0; c < sizeof kinds / sizeof *kinds; c++) {
        struct model model;
        model_build(&model, &oracle_set_find("amplitude-2p2d")->rbm,
                    (const char *const[]){ "sampler.walkers=96", "system.interaction=gaussian", NULL }, 1);
        struct ensemble *ensemble = &model.ensemble;
        struct interaction_type type = *ensemble->hamiltonian.type;
        type.pair_energy = close_energy;
        type.add_energies = NULL;
        ensemble->hamiltonian.type = &type;
        instead = kinds[c];
        const size_t n = ensemble->wavefunction.n_parameters;
        struct seen seen;
        struct ensemble_sums sums;
        close2 = 0.09;
        assert_true(n <= 64 && ensemble->n_blocks == BAD_BLOCKS);
        for (size_t pass = 0; pass < 2; pass++) {
            seen = (struct seen){ 0, ensemble->reference };
            ensemble_pass(ensemble, BAD_DRAWS, PASS_GRADIENT | PASS_CONTROLS, see_bad, &seen, &sums);
            assert_true(seen.bad > BAD_BLOCKS && sums.bad == (double)seen.bad);
            assert_true(sums.samples == BAD_BLOCKS * BAD_DRAWS * WALKERS);
            assert_true(isfinite(sums.energy) && isfinite(sums.energy2) && isfinite(sums.local2));
            ensemble_fit(ensemble);
        }
        ensemble_gradient(ensemble, sums.samples, gradient);
        for (size_t k = 0; k < n; k++)
            assert_true(isfinite(gradient[k]));
        if (c == 0) {
            memcpy(first, gradient, n * sizeof *first);
            memcpy(coefficients, ensemble->controls.total, sizeof coefficients);
        }
        assert_memory_equal(first, gradient, n * sizeof *first);
        assert_memory_equal(coefficients, ensemble->controls.total, ensemble->controls.n_functions * sizeof(double));

        close2 = INFINITY;  // all of them
        seen = (struct seen){ 0, ensemble->reference = 2.5 };
        ensemble_pass(ensemble, 1, 0, see_bad, &seen, &sums);
        assert_true(sums.bad == BAD_BLOCKS * WALKERS && sums.energy == 0);
        model_finish(&model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_time_left), cmocka_unit_test(test_new_start),
                                        cmocka_unit_test(test_belief),    cmocka_unit_test(test_dead_unit),
                                        cmocka_unit_test(test_mean),      cmocka_unit_test(test_deadline),
                                        cmocka_unit_test(test_not_finite) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
