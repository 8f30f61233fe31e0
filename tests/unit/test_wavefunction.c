// SPDX-License-Identifier: GPL-3.0-or-later
// Contract of the wave function and the local energy, over all parameter sets of the oracle: against long-double finite
// differences of the sum over hidden units (1,000 random points, 1e-8), and of the kernels among each other.
#include "support/model.h"

#include "vmc/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const one_block[] = { "sampler.walkers=32", NULL };

static double apart(double value, long double truth) { return (double)(fabsl(value - truth) / (1 + fabsl(truth))); }

static void scatter(struct model *model, struct rng *rng, double width)
{
    double *x = model->ensemble.block[0].current;
    const struct wavefunction *wavefunction = &model->ensemble.wavefunction;
    for (size_t i = 0; i < wavefunction->n_coordinates; i++)
        for (size_t w = 0; w < WALKERS; w++)
            x[i * WALKERS + w] = width * sqrt(-2 * log(rng_uniform(rng))) * cos(6.283185307179586 * rng_uniform(rng));
    wavefunction_evaluate(wavefunction, x);
}

static double compare_point(struct model *model, const struct oracle_rbm *rbm, size_t w, const double *o,
                            const double *energy)
{
    const struct wavefunction *wavefunction = &model->ensemble.wavefunction;
    const size_t m = wavefunction->n_coordinates, k = wavefunction->n_parameters;
    const double *frame = model->ensemble.block[0].current;
    long double *x = calloc(m, sizeof *x), *gradient = calloc(m, sizeof *x), *derivative = calloc(k, sizeof *x);
    double log_psi[WALKERS], worst;
    for (size_t i = 0; i < m; i++)
        x[i] = frame[i * WALKERS + w];
    wavefunction_log(wavefunction, frame, log_psi);
    worst = apart(log_psi[w], oracle_log_psi(rbm, x));
    const long double laplacian = oracle_gradient(rbm, x, gradient);
    worst = fmax(worst, apart(frame[wavefunction->row_laplacian * WALKERS + w], laplacian));
    for (size_t i = 0; i < m; i++)
        worst = fmax(worst, apart(frame[(wavefunction->row_gradient + i) * WALKERS + w], gradient[i]));
    oracle_derivatives(rbm, x, derivative);
    for (size_t i = 0; i < k; i++)
        worst = fmax(worst, apart(o[i * WALKERS + w], derivative[i]));
    const struct oracle_local local = oracle_local_energy(rbm, x);
    worst = fmax(worst, apart(energy[ENERGY_LOCAL * WALKERS + w], local.energy));
    worst = fmax(worst, apart(energy[ENERGY_KINETIC * WALKERS + w], local.kinetic));
    worst = fmax(worst, apart(energy[ENERGY_KINETIC_GRADIENT * WALKERS + w], local.kinetic_gradient));
    worst = fmax(worst, apart(energy[ENERGY_TRAP * WALKERS + w], local.trap));
    worst = fmax(worst, apart(energy[ENERGY_PAIR * WALKERS + w], local.pair));
    worst = fmax(worst, apart(energy[ENERGY_VIRIAL * WALKERS + w], local.virial));
    free(x);
    free(gradient);
    free(derivative);
    return worst;
}

// 3 blocks of 32 points per set, 11 sets: 1,056 points.
static void test_against_differences(void **state)
{
    (void)state;
    struct rng rng;
    rng_start(&rng, 7, 0);
    for (size_t s = 0; s < oracle_n_sets; s++) {
        const struct oracle_rbm *rbm = &oracle_sets[s].rbm;
        struct model model;
        double worst = 0;
        model_build(&model, rbm, one_block, 1);
        const struct ensemble *ensemble = &model.ensemble;
        double *o = aligned_alloc(64, (ensemble->wavefunction.n_parameters + 1) * WALKERS * sizeof(double));
        _Alignas(64) double energy[ENERGY_ROWS * WALKERS];
        for (int repeat = 0; repeat < 3; repeat++) {
            scatter(&model, &rng, 0.4 + 0.6 * repeat);
            wavefunction_derivatives(&ensemble->wavefunction, ensemble->block[0].current, o);
            estimator_energy(&ensemble->hamiltonian, &ensemble->wavefunction, ensemble->block[0].current, energy);
            for (size_t w = 0; w < WALKERS; w++)
                worst = fmax(worst, compare_point(&model, rbm, w, o, energy));
        }
        print_message("%-24s largest relative difference %.1e\n", oracle_sets[s].name, worst);
        assert_true(worst < 1e-8);
        free(o);
        model_finish(&model);
    }
}

// A model of any size with normal parameters, through the same door.
static void random_model(struct oracle_rbm *rbm, size_t particles, size_t dimensions, size_t hidden, int amplitude,
                         double scale, double *values)
{
    struct rng rng;
    const size_t m = particles * dimensions, n = m + hidden + m * hidden;
    static const double sigma[3] = { 0.9, 1.1, 1.0 };
    rng_start(&rng, particles + 100 * hidden, 3);
    for (size_t k = 0; k < n; k++)
        values[k] = scale * (2 * rng_uniform(&rng) - 1);
    *rbm = (struct oracle_rbm){ .particles = particles,
                                .dimensions = dimensions,
                                .hidden = hidden,
                                .amplitude = amplitude,
                                .envelope = true,
                                .a = values,
                                .b = values + m,
                                .w = values + m + hidden,
                                .sigma = sigma,
                                .omega = { 1, 1, 1 },
                                .interaction = dimensions > 1 ? ORACLE_COULOMB : ORACLE_NONE,
                                .strength = 1,
                                .softening = 0,
                                .train_sigma = true };
}

// Beyond the sizes that fit per-walker accumulators and one product of 2s: against the oracle's formulas in double.
static void test_large(void **state)
{
    (void)state;
    static const struct {
        size_t particles, dimensions, hidden;
        int amplitude;
        double scale;
    } cases[] = {
        { 6, 3, 40, 1, 0.3 }, { 2, 2, 1500, 1, 0.02 }, { 3, 1, 700, 0, 0.02 }, { 7, 3, 37, 0, 2.0 }, { 5, 2, 0, 1, 0.3 }
    };
    double *values = calloc(100000, sizeof *values);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct oracle_rbm rbm;
        struct model model;
        struct rng rng;
        double worst = 0, log_psi[WALKERS];
        random_model(&rbm, cases[c].particles, cases[c].dimensions, cases[c].hidden, cases[c].amplitude, cases[c].scale,
                     values);
        model_build(&model, &rbm, one_block, 1);
        rng_start(&rng, 11, c);
        scatter(&model, &rng, 1);
        const struct wavefunction *wavefunction = &model.ensemble.wavefunction;
        const double *frame = model.ensemble.block[0].current;
        wavefunction_log(wavefunction, frame, log_psi);
        for (size_t w = 0; w < WALKERS; w++) {
            double x[64], gradient[64];
            long double longer[64];
            for (size_t i = 0; i < wavefunction->n_coordinates; i++)
                longer[i] = x[i] = frame[i * WALKERS + w];
            worst = fmax(worst, apart(log_psi[w], oracle_log_psi_softplus(&rbm, longer)));
            const double laplacian = oracle_analytic_gradient(&rbm, x, gradient);
            worst = fmax(worst, apart(frame[wavefunction->row_laplacian * WALKERS + w], laplacian));
            for (size_t i = 0; i < wavefunction->n_coordinates; i++)
                worst = fmax(worst, apart(frame[(wavefunction->row_gradient + i) * WALKERS + w], gradient[i]));
        }
        print_message("%zu particles %zuD, %zu hidden: %.1e\n", cases[c].particles, cases[c].dimensions,
                      cases[c].hidden, worst);
        assert_true(worst < 1e-11);
        model_finish(&model);
    }
    free(values);
}

// sums of c O - 1/2 grad u . grad O, against `derivatives` and its directional differences
static double compare_accumulate(struct model *model, const struct oracle_rbm *rbm)
{
    const struct ensemble *ensemble = &model->ensemble;
    const struct wavefunction *wavefunction = &ensemble->wavefunction;
    const size_t m = wavefunction->n_coordinates, k = wavefunction->n_parameters;
    const double *frame = ensemble->block[0].current;
    double *rows = aligned_alloc(64, (m + 1 + wavefunction->n_scratch_rows + wavefunction->n_sum_rows + k) * WALKERS *
                                         sizeof(double));
    double *c = rows, *du = c + WALKERS, *scratch = du + m * WALKERS,
           *sums = scratch + wavefunction->n_scratch_rows * WALKERS;
    double *o = sums + wavefunction->n_sum_rows * WALKERS, *found = calloc(k + 1, sizeof *found),
           *truth = calloc(k + 1, sizeof *truth), worst = 0;
    struct rng rng;
    rng_start(&rng, 5, 5);
    for (size_t at = 0; at < (m + 1) * WALKERS; at++)
        rows[at] = 2 * rng_uniform(&rng) - 1;
    memset(sums, 0, wavefunction->n_sum_rows * WALKERS * sizeof(double));
    wavefunction_accumulate(wavefunction, frame, c, c, du, scratch, sums);
    wavefunction_accumulate(wavefunction, frame, c, c, NULL, scratch, sums);
    wavefunction_collect(wavefunction, sums, found);
    wavefunction_derivatives(wavefunction, frame, o);
    for (size_t w = 0; w < WALKERS; w++) {
        double x[64], ahead[8192], behind[8192];
        const double h = 1e-5;
        for (int side = 0; side < 2; side++) {
            for (size_t i = 0; i < m; i++)
                x[i] = frame[i * WALKERS + w] + (side ? -h : h) * du[i * WALKERS + w];
            oracle_analytic_derivatives(rbm, x, side ? behind : ahead);
        }
        for (size_t i = 0; i < k; i++)
            truth[i] += 2 * c[w] * o[i * WALKERS + w] - 0.5 * (ahead[i] - behind[i]) / (2 * h);
    }
    for (size_t i = 0; i < k; i++)
        worst = fmax(worst, apart(found[i], truth[i]));
    free(rows);
    free(found);
    free(truth);
    return worst;
}

static void test_accumulate(void **state)
{
    (void)state;
    struct rng rng;
    double *values = calloc(100000, sizeof *values);
    rng_start(&rng, 13, 0);
    for (size_t s = 0; s < oracle_n_sets; s++) {
        struct model model;
        model_build(&model, &oracle_sets[s].rbm, one_block, 1);
        scatter(&model, &rng, 1);
        const double worst = compare_accumulate(&model, &oracle_sets[s].rbm);
        assert_true(worst < 2e-8);
        model_finish(&model);
    }
    static const size_t hidden[] = { 13, 42, 1 };  // rank updates, and a padded rest
    for (size_t c = 0; c < sizeof hidden / sizeof *hidden; c++) {
        struct oracle_rbm rbm;
        struct model model;
        random_model(&rbm, 7, 3, hidden[c], 1, 0.3, values);
        model_build(&model, &rbm, one_block, 1);
        scatter(&model, &rng, 1);
        const double worst = compare_accumulate(&model, &rbm);
        print_message("7 particles 3D, %zu hidden: %.1e\n", hidden[c], worst);
        assert_true(worst < 2e-8);
        model_finish(&model);
    }
    free(values);
}

// One-particle updates give the weight that a new evaluation gives, also after many of them in a row.
static void test_moves(void **state)
{
    (void)state;
    for (size_t s = 0; s < oracle_n_sets; s++) {
        struct model model;
        struct rng rng;
        double moved[WALKERS], fresh[WALKERS];
        _Alignas(64) double mask[WALKERS];
        model_build(&model, &oracle_sets[s].rbm, one_block, 1);
        rng_start(&rng, 17, s);
        scatter(&model, &rng, 1);
        const struct wavefunction *wavefunction = &model.ensemble.wavefunction;
        struct block *block = &model.ensemble.block[0];
        for (int repeat = 0; repeat < 100; repeat++) {
            const size_t p = (size_t)repeat % wavefunction->system.particles,
                         first = p * wavefunction->system.dimensions;
            memcpy(block->trial, block->current, wavefunction->n_coordinates * WALKERS * sizeof(double));
            for (size_t at = first * WALKERS; at < (first + wavefunction->system.dimensions) * WALKERS; at++)
                block->trial[at] += rng_uniform(&rng) - 0.5;
            for (size_t w = 0; w < WALKERS; w++)  // some accept, some do not
                mask[w] = rng_uniform(&rng) < 0.7 ? -1 : 1;
            wavefunction_ratio(wavefunction, p, block->current, block->trial);
            wavefunction_accept(wavefunction, p, mask, block->trial, block->current);
        }
        wavefunction_log(wavefunction, block->current, moved);
        wavefunction_weigh(wavefunction, block->current);
        wavefunction_log(wavefunction, block->current, fresh);
        for (size_t w = 0; w < WALKERS; w++)
            assert_true(fabs(moved[w] - fresh[w]) < 1e-12 * (1 + fabs(fresh[w])));
        model_finish(&model);
    }
}

// The ground state of the bare trap: zero variance and the exact energy, in any dimension.
static void test_exact_state(void **state)
{
    (void)state;
    for (size_t dimensions = 1; dimensions <= 3; dimensions++)
        for (int amplitude = 0; amplitude < 2; amplitude++) {
            static const double zero[1000], omega[3] = { 0.5, 1.0, 3.0 };
            double sigma[3];
            for (size_t d = 0; d < 3; d++)
                sigma[d] = sqrt(1 / omega[d] / (amplitude ? 1 : 2));
            const struct oracle_rbm rbm = { .particles = 10,
                                            .dimensions = dimensions,
                                            .hidden = 3,
                                            .amplitude = amplitude,
                                            .envelope = true,
                                            .a = zero,
                                            .b = zero,
                                            .w = zero,
                                            .sigma = sigma,
                                            .omega = { 0.5, 1.0, 3.0 } };
            struct model model;
            struct ensemble_sums sums;
            model_build(&model, &rbm, (const char *const[]){ "sampler.walkers=64", "measure.controls=none", NULL }, 1);
            double exact = 0;
            for (size_t d = 0; d < dimensions; d++)
                exact += 0.5 * omega[d] * 10;
            model.ensemble.reference = exact;
            ensemble_burn_in(&model.ensemble, 50, true);
            ensemble_pass(&model.ensemble, 100, 0, NULL, NULL, &sums);
            assert_true(fabs(sums.local / sums.samples) < 1e-12 * exact);
            assert_true(sums.local2 / sums.samples < 1e-20);
            model_finish(&model);
        }
}

// Reduced coordinates against the formula as it stands in src/wavefunction/rbm_reduced.c, by full matrices: T^T of a
// gradient, T of a step; with one, several and no widths, and without an envelope.
static double *reduced_matrix(const struct oracle_rbm *rbm, size_t k)
{
    const size_t m = rbm->particles * rbm->dimensions, n = rbm->hidden, widths = k - m - n - m * n;
    double *t = calloc(k * k, sizeof *t);
    for (size_t i = 0; i < k; i++)
        t[i * k + i] = i < m + n + m * n ? 1 : sqrt(0.5 * (double)widths / (double)m);
    for (size_t i = 0; i < m; i++) {
        const double length = rbm->sigma[i % rbm->dimensions] * (rbm->amplitude ? 1 : sqrt(2));
        t[i * k + i] = length;
        for (size_t j = 0; j < n; j++) {
            const size_t w = m + n + i * n + j;
            t[w * k + w] = length;
            t[i * k + w] = rbm->envelope ? -length / (1 + exp(-rbm->b[j])) : 0;
        }
    }
    return t;
}

static void test_reduced(void **state)
{
    (void)state;
    for (size_t s = 0; s < oracle_n_sets; s++) {
        const struct oracle_rbm *rbm = &oracle_sets[s].rbm;
        struct model model;
        model_build(&model, rbm, one_block, 1);
        const struct wavefunction *wavefunction = &model.ensemble.wavefunction;
        const size_t k = wavefunction->factor[0].n_parameters, all = wavefunction->n_parameters;
        double *t = reduced_matrix(rbm, k), *v = calloc(3 * all, sizeof *v), *pulled = v + all, *pushed = pulled + all,
               worst = 0;
        for (size_t i = 0; i < all; i++)
            pulled[i] = pushed[i] = v[i] = sin(1.0 + (double)(i * i));
        wavefunction_reduce_gradient(wavefunction, pulled);
        wavefunction_restore_step(wavefunction, pushed);
        for (size_t i = 0; i < k; i++) {
            double down = 0, up = 0;
            for (size_t l = 0; l < k; l++) {
                down += t[l * k + i] * v[l];
                up += t[i * k + l] * v[l];
            }
            worst = fmax(worst, fmax(apart(pulled[i], down), apart(pushed[i], up)));
        }
        print_message("%-24s %.1e\n", oracle_sets[s].name, worst);
        assert_true(worst < 1e-14);
        free(t);
        free(v);
        model_finish(&model);
    }
}

// Of other factors lengths count in those of the trap, 1/2 where omega = 4: gamma in exp(-gamma r^2) in units of 4, but
// not beta, whose parameter is its logarithm.
static void test_reduced_lengths(void **state)
{
    (void)state;
    struct settings settings;
    struct ensemble ensemble;
    struct error error = { 0 };
    const char *const overrides[] = { "wavefunction.factors=gaussian, gaussian-pair, pade-jastrow", "system.omega=4",
                                      "sampler.walkers=32", NULL };
    double gradient[] = { 1, 1, 1 }, step[] = { 1, 1, 1 };
    const double expected[] = { 1, 4, 1 };
    model_settings(&settings, &oracle_sets[0].rbm, overrides);
    assert_true(ensemble_build(&ensemble, &settings, 1, &error));
    assert_int_equal(ensemble.wavefunction.n_parameters, 3);
    wavefunction_reduce_gradient(&ensemble.wavefunction, gradient);
    wavefunction_restore_step(&ensemble.wavefunction, step);
    for (size_t k = 0; k < 3; k++)
        assert_true(fabs(gradient[k] - expected[k]) < 1e-14 && fabs(step[k] - expected[k]) < 1e-14);
    ensemble_finish(&ensemble);
    settings_finish(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_differences), cmocka_unit_test(test_large),
        cmocka_unit_test(test_accumulate),          cmocka_unit_test(test_moves),
        cmocka_unit_test(test_exact_state),         cmocka_unit_test(test_reduced),
        cmocka_unit_test(test_reduced_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
