// SPDX-License-Identifier: GPL-3.0-or-later
// Steps that are trusted: the strain of a step beside ln psi written out by the oracle, and what is read from series of
// slopes that were planted: of a training that still gains, of one that only has noise left, of one that swings.
#include "support/model.h"

#include "run/trust.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PARAMETERS_MOST = 64, COORDINATES_MOST = 16, WALKERS_MOST = 2048 };

static double variance(size_t n, const double *x)
{
    double mean = 0, sum = 0;
    for (size_t k = 0; k < n; k++)
        mean += x[k] / (double)n;
    for (size_t k = 0; k < n; k++)
        sum += (x[k] - mean) * (x[k] - mean) / (double)n;
    return sum;
}

// ln psi of walker number k at theta, by the oracle.
static double log_psi(const struct ensemble *ensemble, const struct oracle_rbm *rbm, const double *theta, size_t k)
{
    const size_t m = rbm->particles * rbm->dimensions;
    struct oracle_copy copy;
    long double x[COORDINATES_MOST];
    for (size_t i = 0; i < m; i++)
        x[i] = ensemble->block[k / WALKERS].current[i * WALKERS + k % WALKERS];
    oracle_copy_init(&copy, rbm);
    oracle_copy_set(&copy, theta);
    const double value = (double)oracle_log_psi(&copy.rbm, x);
    oracle_copy_finish(&copy);
    return value;
}

// Of the step from theta to `on` and its opposite, over the walkers.
static struct ensemble_strain strain_of(const struct ensemble *ensemble, const struct oracle_rbm *rbm,
                                        const double *theta, const double *on)
{
    double linear[WALKERS_MOST], quadratic[WALKERS_MOST], back[PARAMETERS_MOST];
    for (size_t k = 0; k < ensemble->wavefunction.n_parameters; k++)
        back[k] = 2 * theta[k] - on[k];
    for (size_t k = 0; k < ensemble->n_walkers; k++) {
        const double now = log_psi(ensemble, rbm, theta, k), up = log_psi(ensemble, rbm, on, k),
                     down = log_psi(ensemble, rbm, back, k);
        linear[k] = 0.5 * (up - down);
        quadratic[k] = 0.5 * (up + down) - now;
    }
    return (struct ensemble_strain){ variance(ensemble->n_walkers, linear), variance(ensemble->n_walkers, quadratic) };
}

static void test_strain(void **state)
{
    (void)state;
    static const char *const names[] = { "amplitude-2p2d", "probability-anisotropic" };
    static const double lengths[] = { 1e-3, 0.05, 0.4 };
    for (size_t s = 0; s < 2; s++)
        for (size_t l = 0; l < 3; l++) {
            const struct oracle_rbm *rbm = &oracle_set_find(names[s])->rbm;
            struct model model;
            double back[PARAMETERS_MOST], on[PARAMETERS_MOST];
            model_build(&model, rbm, (const char *const[]){ "sampler.walkers=96", NULL }, 2);
            struct ensemble *ensemble = &model.ensemble;
            const size_t n = ensemble->wavefunction.n_parameters;
            for (size_t k = 0; k < n; k++) {
                on[k] = model.theta[k] + lengths[l] * cos(1.0 + 2.0 * (double)k);
                back[k] = 2 * model.theta[k] - on[k];
            }
            const struct ensemble_strain expected = strain_of(ensemble, rbm, model.theta, on);
            assert_true(ensemble_take(ensemble, model.theta) && ensemble_foresee(ensemble, back) &&
                        ensemble_take(ensemble, on));
            const struct ensemble_strain strain = ensemble_strain(ensemble);
            const double first = expected.linear, second = expected.quadratic;
            assert_true(first > 0 && second > 0);
            assert_true(fabs(strain.linear - first) < 1e-9 * first);
            assert_true(fabs(strain.quadratic - second) < 1e-5 * second + 1e-18);
            model_finish(&model);
        }
}

// Steps of many lengths: taken at once, with a shift that grows, stays or falls, or halved until they are short enough;
// what follows from the strain by the oracle.
static void test_take(void **state)
{
    (void)state;
    enum { LENGTHS = 24 };
    static const char *const names[] = { "amplitude-2p2d", "probability-anisotropic", "amplitude-bumps" };
    size_t halved = 0, grown = 0, same = 0, fallen = 0;
    for (size_t l = 0; l < 3 * LENGTHS; l++)
        for (size_t metric = 0; metric < 2; metric++) {
            const struct oracle_rbm *rbm = &oracle_set_find(names[l % 3])->rbm;
            struct model model;
            double theta[PARAMETERS_MOST], good[PARAMETERS_MOST], back[PARAMETERS_MOST], memory[PARAMETERS_MOST],
                on[PARAMETERS_MOST], damping = 3, share = 1;
            model_build(&model, rbm, (const char *const[]){ "sampler.walkers=96", NULL }, 1);
            const size_t n = model.ensemble.wavefunction.n_parameters;
            for (size_t k = 0; k < n; k++) {
                good[k] = model.theta[k];
                theta[k] = on[k] = good[k] + pow(1.4, (double)(l / 3) - 16) * cos(1.0 + 2.0 * (double)k);
                memory[k] = 5 + (double)k;
            }
            struct run run = { .settings = &model.settings,
                               .ensemble = model.ensemble,
                               .theta = theta,
                               .good_theta = good,
                               .memory = memory,
                               .step_back = back,
                               .training = { .damping = damping, .shortened = 1 } };
            run.metric.room = metric;
            for (;;) {
                const struct ensemble_strain strain = strain_of(&model.ensemble, rbm, good, on);
                const double ratio = sqrt(strain.quadratic / strain.linear);
                if (ratio < 1 && strain.linear + strain.quadratic < 0.15) {
                    damping *= ratio > 0.5 ? 1.5 : ratio < 0.15 ? 0.7 : 1;
                    grown += ratio > 0.5;
                    fallen += ratio < 0.15;
                    same += ratio >= 0.15 && ratio <= 0.5;
                    break;
                }
                halved++;
                share *= 0.5;
                damping *= 2;
                for (size_t k = 0; k < n; k++)
                    on[k] = 0.5 * (on[k] + good[k]);
            }
            assert_true(trust_take(&run));
            assert_true(fabs(run.training.damping / damping - 1) < 1e-12);
            assert_true(run.training.shortened == (metric ? 1 : share));
            for (size_t k = 0; k < n; k++)
                assert_true(theta[k] == on[k] && memory[k] == share * (5 + (double)k));
            model.ensemble = run.ensemble;
            model_finish(&model);
        }
    print_message("halved %zu, shift grows %zu, stays %zu, falls %zu\n", halved, grown, same, fallen);
    assert_true(halved > 10 && grown > 1 && same > 4 && fallen > 4);
}

// Of many walkers every fourth is asked, and says nearly what all would.
static void test_few_say_enough(void **state)
{
    (void)state;
    const struct oracle_rbm *rbm = &oracle_set_find("amplitude-2p2d")->rbm;
    struct model model;
    double back[PARAMETERS_MOST], on[PARAMETERS_MOST];
    model_build(&model, rbm, (const char *const[]){ "sampler.walkers=2048", NULL }, 2);
    for (size_t k = 0; k < model.ensemble.wavefunction.n_parameters; k++) {
        on[k] = model.theta[k] + 0.05 * cos(1.0 + 2.0 * (double)k);
        back[k] = 2 * model.theta[k] - on[k];
    }
    const struct ensemble_strain all = strain_of(&model.ensemble, rbm, model.theta, on);
    assert_true(ensemble_take(&model.ensemble, model.theta) && ensemble_foresee(&model.ensemble, back) &&
                ensemble_take(&model.ensemble, on));
    const struct ensemble_strain strain = ensemble_strain(&model.ensemble);
    print_message("of all %.4g, %.4g; of a quarter %.4g, %.4g\n", all.linear, all.quadratic, strain.linear,
                  strain.quadratic);
    assert_true(fabs(strain.linear / all.linear - 1) < 0.3 && fabs(strain.quadratic / all.quadratic - 1) < 0.6);
    model_finish(&model);
}

// A run that stands at the set's parameters, for steps of its own.
struct stepping {
    struct model model;
    struct run run;
    double theta[PARAMETERS_MOST], good[PARAMETERS_MOST], back[PARAMETERS_MOST], memory[PARAMETERS_MOST];
};

static void begin_stepping(struct stepping *stepping)
{
    struct model *model = &stepping->model;
    *stepping = (struct stepping){ .run = { 0 } };
    model_build(model, &oracle_set_find("amplitude-2p2d")->rbm, (const char *const[]){ "sampler.walkers=96", NULL }, 1);
    stepping->run = (struct run){ .settings = &model->settings,
                                  .ensemble = model->ensemble,
                                  .theta = stepping->theta,
                                  .good_theta = stepping->good,
                                  .memory = stepping->memory,
                                  .step_back = stepping->back,
                                  .training = { .damping = 1, .shortened = 1 } };
    stepping->run.metric.room = 1;
    memcpy(stepping->good, model->theta, model->ensemble.wavefunction.n_parameters * sizeof *stepping->good);
}

static void end_stepping(struct stepping *stepping)
{
    stepping->model.ensemble = stepping->run.ensemble;
    model_finish(&stepping->model);
}

// Where only centres move, ln psi bends alike for all walkers: rounding must not pass for a bend, nor make its variance
// negative.
static void test_centres(void **state)
{
    (void)state;
    struct stepping stepping;
    begin_stepping(&stepping);
    struct run *run = &stepping.run;
    double *const theta = run->theta, *const good = run->good_theta;
    const size_t n = run->ensemble.wavefunction.n_parameters;
    for (size_t k = 0; k < 100; k++) {
        memcpy(theta, good, n * sizeof *good);
        theta[k % 4] += 1e-3 * (double)(k + 1);
        run->training.damping = 1;
        assert_true(ensemble_take(&run->ensemble, good));
        assert_true(trust_take(run));
        assert_true(fabs(run->training.damping - 0.7) < 1e-12);
        assert_true(fabs(theta[k % 4] - good[k % 4] - 1e-3 * (double)(k + 1)) < 1e-12);
    }
    end_stepping(&stepping);
}

// Nothing helps against a step that is no number; the shift stays within its limits.
static void test_cannot(void **state)
{
    (void)state;
    struct stepping stepping;
    begin_stepping(&stepping);
    struct run *run = &stepping.run;
    double *const theta = run->theta, *const good = run->good_theta;
    const size_t n = run->ensemble.wavefunction.n_parameters;
    memcpy(theta, good, n * sizeof *good);
    theta[0] = NAN;
    assert_false(trust_take(run));
    assert_true(run->training.damping == 1e3);
    for (int k = 0; k < 40; k++) {
        memcpy(theta, good, n * sizeof *good);
        theta[0] += 1e-4;
        assert_true(ensemble_take(&run->ensemble, good));
        assert_true(trust_take(run));
    }
    assert_true(run->training.damping == 1e-2);
    end_stepping(&stepping);
}

// ---- planted slopes

enum { ITERATIONS = 60, WINDOW = 12 };
struct planted {
    struct history history;
    double slope[ITERATIONS], expected[ITERATIONS];
};

// expected[k] = 1, slope[k] = mean + noise, noise of variance `noise`^2 whose mean over any four is 0
static void plant(struct planted *planted, double mean, double noise)
{
    static const double pattern[] = { 1.2, -0.8, 0.8, -1.2 };
    memset(planted, 0, sizeof *planted);
    planted->history.n = ITERATIONS;
    planted->history.slope = planted->slope;
    planted->history.expected = planted->expected;
    for (size_t k = 0; k < ITERATIONS; k++) {
        planted->slope[k] = mean + noise * pattern[k % 4] / sqrt(1.04);
        planted->expected[k] = 1;
    }
}

static void test_gain(void **state)
{
    (void)state;
    struct planted planted;
    plant(&planted, 0.1, 1);
    // half of the iterations since the beginning: 30 of them, with the scatter of the mean
    struct trust_gain gain = trust_gain(&planted.history, WINDOW, 0);
    assert_int_equal(gain.n, 30);
    assert_true(fabs(gain.mean - 0.1) < 0.05 && fabs(gain.error - 1 / sqrt(29)) < 5e-3);
    // of 20 since a change at least a window
    gain = trust_gain(&planted.history, WINDOW, ITERATIONS - 20);
    assert_int_equal(gain.n, WINDOW);
    assert_true(fabs(gain.mean - 0.1) < 1e-12 && fabs(gain.error - 1 / sqrt(11)) < 1e-2);
    // fewer than a window say nothing, nor do steps that were taken back
    assert_int_equal(trust_gain(&planted.history, WINDOW, ITERATIONS - WINDOW + 1).n, 0);
    for (size_t k = 0; k < ITERATIONS; k++)
        planted.slope[k] = k % 8 ? NAN : 1;
    gain = trust_gain(&planted.history, WINDOW, 0);
    assert_true(gain.error > 1e300);
    // what came before the last half counts no more
    plant(&planted, 0, 0.01);
    for (size_t k = 0; k < ITERATIONS / 2; k++)
        planted.slope[k] += 5;
    assert_true(fabs(trust_gain(&planted.history, WINDOW, 0).mean) < 0.01);
}

// A mode whose gap is D keeps 1 - rate D of its slope: nothing to say against 0.6, nor against noise, whose steps climb
// a little; a mode that swings from side to side has turned round.
static void test_overshoots(void **state)
{
    (void)state;
    static const struct {
        double mean, noise;
        bool overshoots;
    } cases[] = {
        { 0.6, 0.3, false }, { -0.4, 0.3, false }, { -0.75, 0.2, false }, { -0.85, 0.2, true }, { -1.5, 1, true }
    };
    struct planted planted;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        plant(&planted, cases[k].mean, cases[k].noise);
        assert_int_equal(trust_overshoots(&planted.history, 0), cases[k].overshoots);
    }
    // eight steps since the last change are asked for, and only those count
    assert_false(trust_overshoots(&planted.history, ITERATIONS - 8));
    assert_true(trust_overshoots(&planted.history, ITERATIONS - 9));
    for (size_t k = 0; k < ITERATIONS - 8; k++)
        planted.slope[k] = 1;
    assert_true(trust_overshoots(&planted.history, 0));
    planted.slope[ITERATIONS - 2] = NAN;
    assert_true(trust_overshoots(&planted.history, 0));
}

// The slope along a step, by the gradient at its end: - gradient . (theta - good_theta)
static void test_slope(void **state)
{
    (void)state;
    double gradient[] = { 1, -2, 3 }, theta[] = { 0.5, 1, 2 }, good[] = { 0.25, 2, 2 };
    struct run run = { .gradient = gradient, .theta = theta, .good_theta = good, .training = { .fresh = 1 } };
    run.ensemble.wavefunction.n_parameters = 3;
    assert_true(fabs(trust_slope(&run) - (-0.25 - 2)) < 1e-15);
    run.training.fresh = 0;
    assert_true(isnan(trust_slope(&run)));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_strain),         cmocka_unit_test(test_take),
                                        cmocka_unit_test(test_few_say_enough), cmocka_unit_test(test_centres),
                                        cmocka_unit_test(test_cannot),         cmocka_unit_test(test_gain),
                                        cmocka_unit_test(test_overshoots),     cmocka_unit_test(test_slope) };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
