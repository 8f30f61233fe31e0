// SPDX-License-Identifier: GPL-3.0-or-later
// Jumps between maxima that lie apart, at fixed parameters: two hidden units whose weights are 8 standard deviations
// long, so that |psi|^2 has three heavy maxima and walkers find from one to another by jumps alone. Shares of the
// maxima and energies are known in closed form. Means over 1,024 walkers, errors from their scatter, 4 of these
// allowed: false alarms in 6e-5 of comparisons, were the seeds not fixed.
#include "support/model.h"
#include "vmc/sampler.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { M = 4, N = 2, MAXIMA = 3, CHAINS = 1024 };
static const double a[M], w[M * N] = { 4, 1, 1, -4, -4, 0.5, -1, 3.5 }, sigma[] = { 1, 1 };
static const double lifted[N] = { 1, 0.8 };  // ln of the share of a unit's maximum over that at the centre, by 2

// The centre, and where both copies of one unit are on. Both units at once count for e^-7.
static double weight(size_t k) { return k == 0 ? 1 : exp(2 * lifted[k - 1]); }

static double length(size_t j)
{
    double square = 0;
    for (size_t i = 0; i < M; i++)
        square += w[i * N + j] * w[i * N + j];
    return sqrt(square);
}

// b that lifts the maxima as said: those of one unit alone have ln of their share 2 b + |w|^2.
static struct oracle_rbm separate(double *b)
{
    for (size_t j = 0; j < N; j++)
        b[j] = lifted[j] - length(j) * length(j) / 2;
    return (struct oracle_rbm){ .particles = 2,
                                .dimensions = 2,
                                .hidden = N,
                                .amplitude = 1,
                                .envelope = true,
                                .a = a,
                                .b = b,
                                .w = w,
                                .sigma = sigma,
                                .omega = { 1, 1 },
                                .interaction = ORACLE_COULOMB,
                                .strength = 1 };
}

static void count(const struct ensemble_draw *draw, void *context)
{
    double(*const visits)[MAXIMA] = context;
    for (size_t l = 0; l < WALKERS; l++) {
        double nearest = INFINITY;
        size_t at = 0;
        for (size_t k = 0; k < MAXIMA; k++) {
            double square = 0;
            for (size_t i = 0; i < M; i++)
                square += pow(draw->x[i * WALKERS + l] - (k ? w[i * N + k - 1] : 0), 2);
            at = square < nearest ? k : at;
            nearest = fmin(nearest, square);
        }
        visits[draw->block * WALKERS + l][at]++;
    }
}

// Shares of the maxima, from `visits` of so many draws.
struct shares {
    double mean[MAXIMA], error[MAXIMA];
};
static struct shares find_shares(double (*visits)[MAXIMA], size_t draws)
{
    struct shares shares;
    for (size_t k = 0; k < MAXIMA; k++) {
        double sum = 0, sum2 = 0;
        for (size_t c = 0; c < CHAINS; c++) {
            const double share = visits[c][k] / (double)draws;
            sum += share;
            sum2 += share * share;
        }
        shares.mean[k] = sum / CHAINS;
        shares.error[k] = sqrt((sum2 / CHAINS - shares.mean[k] * shares.mean[k]) / (CHAINS - 1));
    }
    return shares;
}

static struct shares sample(struct model *model, size_t draws)
{
    static double visits[CHAINS][MAXIMA];
    struct ensemble_sums sums;
    memset(visits, 0, sizeof visits);
    ensemble_burn_in(&model->ensemble, 300, isnan(model->settings.sampler.step));
    ensemble_pass(&model->ensemble, draws, 0, count, visits, &sums);
    return find_shares(visits, draws);
}

static const char *const ways[][2] = {
    { "sampler.method=metropolis", "sampler.move=particle" },
    { "sampler.method=metropolis", "sampler.move=all" },
    { "sampler.method=langevin", "sampler.move=particle" },
    { "sampler.method=langevin", "sampler.move=all" },
    { "sampler.method=hmc" },
    { "sampler.method=gibbs" },
};

static void test_shares(void **state)
{
    (void)state;
    double b[N];
    const struct oracle_rbm rbm = separate(b);
    const double total = weight(0) + weight(1) + weight(2);
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
        struct model model;
        model_build(&model, &rbm, (const char *const[]){ ways[way][0], ways[way][1], NULL }, 2);
        const struct shares shares = sample(&model, 100);
        for (size_t k = 0; k < MAXIMA; k++) {
            print_message("%s %s, maximum %zu: share %.4f(%.4f), exact %.4f\n", ways[way][0],
                          ways[way][1] ? ways[way][1] : "", k, shares.mean[k], shares.error[k], weight(k) / total);
            assert_true(fabs(shares.mean[k] - weight(k) / total) < 4 * shares.error[k] + 1e-3);  // 1e-3: both units on
            assert_true(shares.error[k] < 0.01);
        }
        model_finish(&model);
    }
}

// Without them walkers stay where they came to from the middle of the trap: at the centre, whose share is 0.07.
static void test_without(void **state)
{
    (void)state;
    double b[N];
    const struct oracle_rbm rbm = separate(b);
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
        struct model model;
        const char *const overrides[] = { "sampler.jumps=no", ways[way][0], ways[way][1], NULL };
        model_build(&model, &rbm, overrides, 2);
        const struct shares shares = sample(&model, 50);
        print_message("%s: share of the centre %.3f\n", ways[way][0], shares.mean[0]);
        assert_true(shares.mean[0] > 0.5);
        model_finish(&model);
    }
}

// Energies, of the RBM alone and beside a Gaussian, with its own and without: there displacements miss the other
// maximum by a little.
static void test_energies(void **state)
{
    (void)state;
    double b[N];
    const struct oracle_rbm alone = separate(b);
    for (size_t k = 0; k < 3; k++) {
        struct model model;
        struct model_mean found;
        struct oracle_rbm rbm = alone;
        double low[N] = { b[0], b[1] };
        rbm.gaussian_alpha = k == 0 ? 0 : k == 1 ? 0.1 : 1;
        rbm.envelope = k < 2;
        for (size_t j = 0; j < N && k == 1; j++)
            low[j] += 0.05 * length(j) * length(j);  // the Gaussian takes from what lies outside
        rbm.b = low;
        const struct oracle_mean exact = oracle_exact(&rbm);
        model_build(&model, &rbm, (const char *const[]){ "sampler.method=langevin", NULL }, 2);
        assert_int_equal(model.ensemble.jumps.n, N);
        ensemble_burn_in(&model.ensemble, 300, true);
        model_measure(&model, 1000, &found);
        print_message("energy %.4f(%.4f), exact %.4Lf; trap %.4f(%.4f), exact %.4Lf\n", found.mean[MODEL_ENERGY],
                      found.error[MODEL_ENERGY], exact.energy, found.mean[MODEL_TRAP], found.error[MODEL_TRAP],
                      exact.trap);
        assert_true(fabs(found.mean[MODEL_ENERGY] - (double)exact.energy) < 4 * found.error[MODEL_ENERGY]);
        assert_true(fabs(found.mean[MODEL_TRAP] - (double)exact.trap) < 4 * found.error[MODEL_TRAP]);
        assert_true(found.error[MODEL_ENERGY] < 0.05 && found.error[MODEL_TRAP] < 0.05);
        model_finish(&model);
    }
}

// At temperature T the shares go with the Tth roots of the maxima's heights; they are broader there and overlap by some
// per cent.
static void test_temperature(void **state)
{
    (void)state;
    double b[N], visits[CHAINS][MAXIMA] = { { 0 } };
    const struct oracle_rbm rbm = separate(b);
    const double temperature = 3;
    struct model model;
    model_build(&model, &rbm, (const char *const[]){ "sampler.method=metropolis", "sampler.temperatures=1, 3", NULL },
                2);
    ensemble_burn_in(&model.ensemble, 400, true);
    for (size_t k = 0; k < model.ensemble.n_blocks; k++)
        count(&(struct ensemble_draw){ .block = k, .x = model.ensemble.block[model.ensemble.n_blocks + k].current },
              visits);
    const struct shares shares = find_shares(visits, 1);
    double total = 0;
    for (size_t k = 0; k < MAXIMA; k++)
        total += pow(weight(k), 1 / temperature);
    for (size_t k = 0; k < MAXIMA; k++) {
        const double expected = pow(weight(k), 1 / temperature) / total;
        print_message("maximum %zu at T = 3: share %.3f(%.3f), expected %.3f\n", k, shares.mean[k], shares.error[k],
                      expected);
        assert_true(fabs(shares.mean[k] - expected) < 4 * shares.error[k] + 0.02);
    }
    model_finish(&model);
}

// Six standard deviations of |psi|^2 are apart, which are sigma / sqrt 2 in the amplitude form; less is not, and then
// nothing is drawn or tried: the same bits as without jumps.
static void test_apart(void **state)
{
    (void)state;
    static const double axes[] = { 1, 0.5 };
    for (size_t k = 0; k < 4; k++) {
        const bool amplitude = k < 2;
        const double spread = amplitude ? sqrt(0.5) : 1, reach = (k % 2 ? 6.01 : 5.99) * spread;
        // a third of the square along x of the first particle, two along y of the second
        const double weights[M] = { reach * axes[0] / sqrt(3), 0, 0, reach * axes[1] * sqrt(2.0 / 3) };
        struct oracle_rbm rbm = { .particles = 2,
                                  .dimensions = 2,
                                  .hidden = 1,
                                  .amplitude = amplitude,
                                  .envelope = true,
                                  .a = a,
                                  .b = (const double[]){ -1 },
                                  .w = weights,
                                  .sigma = axes,
                                  .omega = { 1, 1 } };
        struct model model[2];
        struct ensemble_sums sums[2];
        for (size_t on = 0; on < 2; on++) {
            model_build(
                &model[on], &rbm,
                (const char *const[]){ on ? "sampler.jumps=yes" : "sampler.jumps=no", "sampler.walkers=32", NULL }, 1);
            ensemble_pass(&model[on].ensemble, 10, 0, NULL, NULL, &sums[on]);
        }
        assert_int_equal(model[0].ensemble.jumps.n, 0);
        assert_int_equal(model[1].ensemble.jumps.n, k % 2);
        assert_int_equal(sums[0].local == sums[1].local, k % 2 == 0);
        if (k % 2)
            assert_memory_equal(model[1].ensemble.jumps.displacement, weights, sizeof weights);
        for (size_t on = 0; on < 2; on++)
            model_finish(&model[on]);
    }
}

// Four units, each too short for a jump of its own, make a second maximum together, 11 standard deviations off and with
// three quarters of |psi|^2, that no walker finds. A search does.
static void test_sought(void **state)
{
    (void)state;
    enum { TOGETHER = 4 };
    const double along[M] = { 1, -1, 0.5, sqrt(1.75) };  // of length 2
    double weights[M * TOGETHER], biases[TOGETHER];
    for (size_t j = 0; j < TOGETHER; j++) {
        biases[j] = -8 + 1.0 / 8;
        for (size_t i = 0; i < M; i++)
            weights[i * TOGETHER + j] = along[i];
    }
    double unused[N];
    struct oracle_rbm rbm = separate(unused);
    rbm.hidden = TOGETHER;
    rbm.b = biases;
    rbm.w = weights;
    const struct oracle_mean exact = oracle_exact(&rbm);
    for (size_t seek = 0; seek < 2; seek++) {
        struct model model;
        struct model_mean found;
        model_build(&model, &rbm, (const char *const[]){ "sampler.method=metropolis", NULL }, 2);
        assert_int_equal(model.ensemble.jumps.n, 0);
        if (seek) {
            assert_int_equal(ensemble_seek(&model.ensemble, true), 1);
            for (size_t i = 0; i < M; i++)
                assert_true(fabs(fabs(model.ensemble.jumps.displacement[i]) - TOGETHER * fabs(along[i])) < 0.2);
        }
        ensemble_burn_in(&model.ensemble, 300, true);
        model_measure(&model, 300, &found);
        print_message("%s: trap %.4f(%.4f), exact %.4Lf; energy %.4f(%.4f), exact %.4Lf\n",
                      seek ? "sought" : "not sought", found.mean[MODEL_TRAP], found.error[MODEL_TRAP], exact.trap,
                      found.mean[MODEL_ENERGY], found.error[MODEL_ENERGY], exact.energy);
        if (seek) {
            assert_true(fabs(found.mean[MODEL_TRAP] - (double)exact.trap) < 4 * found.error[MODEL_TRAP]);
            assert_true(fabs(found.mean[MODEL_ENERGY] - (double)exact.energy) < 4 * found.error[MODEL_ENERGY]);
            assert_true(found.error[MODEL_TRAP] < 0.1);
        } else
            assert_true(found.mean[MODEL_TRAP] < 0.5 * (double)exact.trap);
        model_finish(&model);
    }
}

// Where there is one maximum, or several that walkers cross between, there is nothing to seek.
static void test_nothing_sought(void **state)
{
    (void)state;
    static const char *const sets[] = { "amplitude-2p2d", "probability-2p2d", "amplitude-3p3d", "amplitude-bumps",
                                        "amplitude-bare" };
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
        struct model model;
        model_build(&model, &oracle_set_find(sets[s])->rbm, (const char *const[]){ "sampler.walkers=32", NULL }, 1);
        assert_int_equal(ensemble_seek(&model.ensemble, true), 0);
        model_finish(&model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_shares),        cmocka_unit_test(test_without),
                                        cmocka_unit_test(test_energies),      cmocka_unit_test(test_temperature),
                                        cmocka_unit_test(test_apart),         cmocka_unit_test(test_sought),
                                        cmocka_unit_test(test_nothing_sought) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
