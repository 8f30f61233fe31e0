// SPDX-License-Identifier: GPL-3.0-or-later
// Boltzmann machines against formulas written a second time: ln p~ state by state, gradients of the exact likelihood
// against finite differences, ln Z by annealing against the sum, and chains against the model's exact moments.
#include "vmc/learn.h"
#include "vmc/machine.h"
#include "vmc/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LANES = 32, PARAMETERS_MOST = 400, MOMENTS_MOST = 4000, SAMPLES = 45 };

static const struct machine_shape shapes[] = {
    { MACHINE_GAUSSIAN, 1, 1, 1, 1, 1, { 0 } },   { MACHINE_GAUSSIAN, 4, 3, 1, 2, 2, { 0 } },
    { MACHINE_GAUSSIAN, 6, 5, 1, 3, 1, { 0 } },   { MACHINE_GAUSSIAN, 4, 3, 2, 2, 2, { 0 } },
    { MACHINE_GAUSSIAN, 3, 9, 1, 1, 0, { 0.8 } }, { MACHINE_GAUSSIAN, 5, 0, 2, 1, 1, { 0 } },
    { MACHINE_BINARY, 5, 3, 1, 1, 0, { 0 } },     { MACHINE_BINARY, 4, 11, 1, 1, 0, { 0 } },
    { MACHINE_BINARY, 17, 2, 1, 1, 0, { 0 } },    { MACHINE_BINARY, 3, 0, 1, 1, 0, { 0 } },
    { MACHINE_SPINS, 2, 0, 1, 1, 0, { 0 } },      { MACHINE_SPINS, 7, 0, 1, 1, 0, { 0 } },
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static double normal(struct rng *random)
{
    const double radius = sqrt(-2 * log(rng_uniform(random)));
    return radius * cos(6.283185307179586 * rng_uniform(random));
}

static void draw_parameters(const struct machine_shape *shape, uint64_t seed, double scale, double *theta)
{
    struct rng random;
    rng_start(&random, seed, 7);
    for (size_t k = 0; k < machine_parameters(shape); k++)
        theta[k] = scale * normal(&random);
}

static double draw_value(enum machine_kind kind, struct rng *random)
{
    return kind == MACHINE_GAUSSIAN ? 1.5 * normal(random)
                                    : (rng_next(random) >> 63  ? 1
                                       : kind == MACHINE_SPINS ? -1
                                                               : 0);
}

// ---- naive formulas

static double width_of(const struct machine_shape *shape, const double *theta, size_t i)
{
    const size_t m = shape->visible, n = shape->hidden;
    return shape->kind != MACHINE_GAUSSIAN ? 1
           : shape->widths == 0            ? shape->sigma[i % shape->dimensions]
                                : exp(theta[m + n + m * n + (shape->widths == 1 ? 0 : i % shape->dimensions)]);
}

static double naive_ln_p(const struct machine_shape *shape, const double *theta, const double *x)
{
    const size_t m = shape->visible, n = shape->hidden;
    long double sum = 0;
    if (shape->kind == MACHINE_SPINS) {
        for (size_t i = 0; i < m; i++)
            for (size_t k = i + 1; k < m; k++)
                sum += (long double)*theta++ * x[i] * x[k];
        return (double)sum;
    }
    for (size_t i = 0; i < m; i++)
        sum += shape->kind == MACHINE_GAUSSIAN ? -powl((x[i] - theta[i]) / width_of(shape, theta, i), 2) / 2
                                               : (long double)theta[i] * x[i];
    for (size_t j = 0; j < n; j++) {
        long double t = theta[m + j];
        for (size_t i = 0; i < m; i++)
            t += (long double)x[i] * theta[m + n + i * n + j] / powl(width_of(shape, theta, i), 2);
        sum += logl(1 + expl(t));
    }
    return (double)(sum * (long double)shape->copies);
}

// ln Z of a machine of binary units or spins: all visible states.
static double naive_ln_z(const struct machine_shape *shape, const double *theta)
{
    long double sum = 0;
    double x[32];
    for (size_t state = 0; state < (size_t)1 << shape->visible; state++) {
        for (size_t i = 0; i < shape->visible; i++)
            x[i] = state >> i & 1 ? 1 : shape->kind == MACHINE_SPINS ? -1 : 0;
        sum += expl(naive_ln_p(shape, theta, x));
    }
    return (double)logl(sum);
}

// … and of a Gaussian one with one coordinate: the trapezoidal rule.
static double quadrature_ln_z(const struct machine_shape *shape, const double *theta)
{
    long double sum = 0;
    const double h = 0.005;
    for (int k = -8000; k <= 8000; k++)
        sum += expl(naive_ln_p(shape, theta, (double[]){ k * h }));
    return (double)logl(sum * h);
}

// ---- the tests

static void test_weights(void **state)
{
    (void)state;
    for (size_t s = 0; s < SHAPES; s++) {
        const struct machine_shape *shape = &shapes[s];
        struct machine machine;
        double theta[PARAMETERS_MOST], sample[32];
        draw_parameters(shape, s, 0.7, theta);
        assert_true(machine_build(&machine, shape, NULL) && machine_prepare(&machine, theta));
        double *x = aligned_alloc(64, (shape->visible + 1) * LANES * sizeof *x), *out = x + shape->visible * LANES;
        double *scratch = aligned_alloc(64, machine_scratch_rows(&machine) * LANES * sizeof *scratch);
        struct rng random;
        rng_start(&random, 3, s);
        for (size_t k = 0; k < shape->visible * LANES; k++)
            x[k] = draw_value(shape->kind, &random);
        machine_weigh(&machine, x, out, scratch);
        for (size_t w = 0; w < LANES; w++) {
            for (size_t i = 0; i < shape->visible; i++)
                sample[i] = x[i * LANES + w];
            const double right = naive_ln_p(shape, theta, sample);
            assert_true(fabs(out[w] - right) <= 1e-13 * (10 + fabs(right)));
        }
        free(x);
        free(scratch);
        machine_finish(&machine);
    }
}

static void test_partition(void **state)
{
    (void)state;
    for (size_t s = 0; s < SHAPES; s++) {
        const struct machine_shape *shape = &shapes[s];
        struct machine machine;
        double theta[PARAMETERS_MOST], ln_z;
        draw_parameters(shape, s, 0.7, theta);
        assert_true(machine_build(&machine, shape, NULL) && machine_prepare(&machine, theta));
        assert_true(learn_sum(&machine, 2, &ln_z, NULL, NULL));
        if (shape->kind != MACHINE_GAUSSIAN)
            assert_true(fabs(ln_z - naive_ln_z(shape, theta)) <= 1e-12 * fabs(ln_z));
        else if (shape->visible == 1)
            assert_true(fabs(ln_z - quadrature_ln_z(shape, theta)) <= 1e-12);
        machine_finish(&machine);
    }
}

// With K copies a one-coordinate machine against quadrature too.
static void test_partition_of_copies(void **state)
{
    (void)state;
    const struct machine_shape shape = { MACHINE_GAUSSIAN, 1, 4, 2, 1, 1, { 0 } };
    struct machine machine;
    double theta[PARAMETERS_MOST], ln_z;
    draw_parameters(&shape, 5, 0.8, theta);
    assert_true(machine_build(&machine, &shape, NULL) && machine_prepare(&machine, theta));
    assert_true(learn_sum(&machine, 1, &ln_z, NULL, NULL));
    assert_true(fabs(ln_z - quadrature_ln_z(&shape, theta)) <= 1e-12);
    machine_finish(&machine);
}

// ln p per sample of the exact likelihood.
static double likelihood(struct machine *machine, const double *theta, const double *samples, double *gradient)
{
    double mean, ln_z, model[PARAMETERS_MOST];
    assert_true(machine_prepare(machine, theta));
    assert_true(learn_mean(machine, SAMPLES, samples, 2, &mean, gradient, NULL));
    assert_true(learn_sum(machine, 2, &ln_z, gradient ? model : NULL, NULL));
    for (size_t k = 0; gradient && k < machine->n_parameters; k++)
        gradient[k] -= model[k];
    return mean - ln_z;
}

static void test_gradient(void **state)
{
    (void)state;
    double worst = 0;
    for (size_t s = 0; s < SHAPES; s++)
        for (uint64_t seed = 1; seed <= 4; seed++) {
            const struct machine_shape *shape = &shapes[s];
            struct machine machine;
            double theta[PARAMETERS_MOST], gradient[PARAMETERS_MOST];
            double *samples = malloc(SAMPLES * shape->visible * sizeof *samples);
            struct rng random;
            rng_start(&random, seed, 100 + s);
            for (size_t k = 0; k < SAMPLES * shape->visible; k++)
                samples[k] = draw_value(shape->kind, &random);
            draw_parameters(shape, seed + 10 * s, 0.2 * (double)seed, theta);
            assert_true(machine_build(&machine, shape, NULL));
            likelihood(&machine, theta, samples, gradient);
            for (size_t k = 0; k < machine.n_parameters; k++) {
                const double h = 1e-3, at = theta[k];
                double value[4];
                for (int p = 0; p < 4; p++) {
                    theta[k] = at + h * (const double[]){ -2, -1, 1, 2 }[p];
                    value[p] = likelihood(&machine, theta, samples, NULL);
                }
                theta[k] = at;
                const double slope = (value[0] - 8 * value[1] + 8 * value[2] - value[3]) / (12 * h);
                worst = fmax(worst, fabs(slope - gradient[k]) / fmax(1, fabs(slope)));
            }
            free(samples);
            machine_finish(&machine);
        }
    print_message("largest deviation of the gradient: %.1e\n", worst);
    assert_true(worst <= 1e-7);
}

// Ten machines; each is off by more than 4 sigma once in 16,000 if errors are honest, all ten once in 1,600; the seeds
// are fixed.
static void test_annealing(void **state)
{
    (void)state;
    static const struct machine_shape machines[] = {
        { MACHINE_BINARY, 20, 10, 1, 1, 0, { 0 } },     { MACHINE_BINARY, 10, 14, 1, 1, 0, { 0 } },
        { MACHINE_BINARY, 30, 8, 1, 1, 0, { 0 } },      { MACHINE_BINARY, 6, 6, 1, 1, 0, { 0 } },
        { MACHINE_GAUSSIAN, 4, 6, 1, 2, 1, { 0 } },     { MACHINE_GAUSSIAN, 12, 8, 1, 3, 1, { 0 } },
        { MACHINE_GAUSSIAN, 2, 10, 1, 2, 0, { 1, 2 } }, { MACHINE_GAUSSIAN, 6, 5, 2, 2, 2, { 0 } },
        { MACHINE_SPINS, 12, 0, 1, 1, 0, { 0 } },       { MACHINE_SPINS, 5, 0, 1, 1, 0, { 0 } },
    };
    double squares = 0;
    for (size_t s = 0; s < sizeof machines / sizeof *machines; s++) {
        const struct machine_shape *shape = &machines[s];
        struct machine machine;
        struct learn_partition partition;
        double theta[PARAMETERS_MOST], ln_z;
        draw_parameters(shape, 20 + s, shape->kind == MACHINE_SPINS ? 0.3 : 0.5, theta);
        assert_true(machine_build(&machine, shape, NULL) && machine_prepare(&machine, theta));
        assert_true(learn_sum(&machine, 2, &ln_z, NULL, NULL));
        const struct learn_annealing annealing = { .chains = 256, .steps = 300, .threads = 2, .seed = 9 };
        assert_true(learn_anneal(shape, theta, &annealing, &partition, NULL));
        const double z = (partition.ln_z - ln_z) / partition.error;
        print_message("%s %zu x %zu: ln Z = %.4f, annealed %.4f +- %.4f, z = %.2f\n", machine_kind_name(shape->kind),
                      shape->visible, shape->hidden, ln_z, partition.ln_z, partition.error, z);
        assert_true(fabs(z) <= 4 && partition.error > 0 && partition.error < 0.2);
        squares += z * z;
        machine_finish(&machine);
    }
    // 10 degrees of freedom: beyond these bounds once in 2,000 each
    assert_true(squares > 1.26 && squares < 31.4);
}

// Ten spins with couplings of 1,000: the chains' weights are a power of e^2000 apart, and any of the 32 may be the
// heaviest, alone or not. ln Z is the heaviest one's, and the logarithm of a share.
static void test_annealing_of_heavy_chains(void **state)
{
    const struct machine_shape shape = { MACHINE_SPINS, 10, 0, 1, 1, 0, { 0 } };
    double theta[45];
    (void)state;
    for (size_t k = 0; k < 45; k++)
        theta[k] = 1000;
    for (uint64_t seed = 0; seed < 400; seed++) {
        const struct learn_annealing annealing = { .chains = 32, .steps = 1, .threads = 1, .seed = seed };
        struct learn_partition partition;
        assert_true(learn_anneal(&shape, theta, &annealing, &partition, NULL));
        const double ln_weight = partition.ln_z - 10 * log(2), heaviest = 1000 * ceil(ln_weight / 1000),
                     share = 32 * exp(ln_weight - heaviest);
        assert_true(share > 0.99 && fabs(share - round(share)) < 1e-6);
    }
}

// Means over the chains of a machine against its exact ones: 4096 chains of 60 sweeps, all parameters within 5 sigma.
static void check_chains(const struct machine_shape *shape, bool metropolis)
{
    enum { BLOCKS = 128, SWEEPS = 60 };
    struct machine machine;
    double theta[PARAMETERS_MOST], exact[PARAMETERS_MOST], found[PARAMETERS_MOST], ln_z;
    double total[PARAMETERS_MOST] = { 0 }, square[PARAMETERS_MOST] = { 0 };
    draw_parameters(shape, 4, 0.5, theta);
    assert_true(machine_build(&machine, shape, NULL) && machine_prepare(&machine, theta));
    assert_true(learn_sum(&machine, 1, &ln_z, exact, NULL));
    double *x = aligned_alloc(64, (shape->visible + shape->hidden + 1) * LANES * sizeof *x);
    double *h = x + shape->visible * LANES;
    double *scratch = aligned_alloc(64, machine_scratch_rows(&machine) * LANES * sizeof *scratch);
    uint64_t *random = aligned_alloc(64, RNG_ROWS * LANES * sizeof *random);
    double *moments = aligned_alloc(64, MOMENTS_MOST * sizeof *moments);
    assert_true(machine_moments(&machine) <= MOMENTS_MOST);
    for (size_t b = 0; b < BLOCKS; b++) {
        rng_start_block(random, 11, b * LANES);
        for (size_t k = 0; k < shape->visible * LANES; k++)
            x[k] = shape->kind == MACHINE_GAUSSIAN ? 0 : 1;
        for (size_t k = 0; k < SWEEPS; k++) {
            if (metropolis) {
                machine_metropolis(&machine, random, x, scratch);
            } else {
                machine_draw_hidden(&machine, random, x, h, scratch);
                machine_draw_visible(&machine, random, h, x, scratch);
            }
        }
        memset(moments, 0, MOMENTS_MOST * sizeof *moments);
        machine_add(&machine, LANES, x, moments, NULL, scratch);
        machine_gradient(&machine, moments, LANES, found);
        for (size_t k = 0; k < machine.n_parameters; k++) {
            total[k] += found[k];
            square[k] += found[k] * found[k];
        }
    }
    for (size_t k = 0; k < machine.n_parameters; k++) {
        const double mean = total[k] / BLOCKS, spread = square[k] / BLOCKS - mean * mean;
        if (fabs(mean - exact[k]) > 5 * sqrt(spread / (BLOCKS - 1)))
            fail_msg("%s, parameter %zu, metropolis %d: %g in place of %g +- %g", machine_kind_name(shape->kind), k,
                     metropolis, mean, exact[k], sqrt(spread / (BLOCKS - 1)));
    }
    free(moments);
    free(random);
    free(scratch);
    free(x);
    machine_finish(&machine);
}

static void test_chains(void **state)
{
    (void)state;
    static const size_t some[] = { 1, 3, 6, 11 };
    for (size_t k = 0; k < sizeof some / sizeof *some; k++)
        for (int metropolis = 0; metropolis < 2; metropolis++)
            check_chains(&shapes[some[k]], metropolis);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights),  cmocka_unit_test(test_partition), cmocka_unit_test(test_partition_of_copies),
        cmocka_unit_test(test_gradient), cmocka_unit_test(test_annealing), cmocka_unit_test(test_chains),
        cmocka_unit_test(test_annealing_of_heavy_chains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
