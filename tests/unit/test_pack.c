// SPDX-License-Identifier: GPL-3.0-or-later
// Vector mathematics against libm in long double, over each function's range; random numbers against their reference
// values and moments.
#include "base/rows.h"
#include "vmc/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { POINTS = 200000 };

static double at(pack (*function)(pack), double x)
{
    const pack out = function(pack_all(x));
    return out[0];
}

static pack exponential(pack x) { return pack_exp(x); }
static pack logarithm(pack x) { return pack_log(x); }
static pack decay(pack x) { return pack_exp_minus_abs(x); }
static pack inverse_root(pack x) { return pack_rsqrt(x); }

static long double exact_rsqrt(long double x) { return 1 / sqrtl(x); }

// `logarithmic`: low and high are powers of ten
static double worst(pack (*function)(pack), long double (*exact)(long double), double low, double high,
                    bool logarithmic)
{
    double found = 0;
    for (int k = 0; k < POINTS; k++) {
        const double t = (k + 0.5) / POINTS, x = logarithmic ? pow(10, low + (high - low) * t) : low + (high - low) * t;
        const long double truth = exact(x);
        found = fmax(found, (double)fabsl((at(function, x) - truth) / truth));
    }
    assert_true(found > 0);
    return found;
}

static void test_functions(void **state)
{
    (void)state;
    const double e = worst(exponential, expl, -708, 708, false), l = worst(logarithm, logl, -300, 300, true);
    const double near_one = worst(logarithm, logl, 0.5, 1.99999, false),
                 r = worst(inverse_root, exact_rsqrt, -300, 300, true);
    assert_true(worst(decay, expl, -708, 0, false) < 2.5e-16);
    print_message("exp %.2e, log %.2e (near 1 %.2e), rsqrt %.2e\n", e, l, near_one, r);
    assert_true(e < 2.5e-16 && l < 4e-16 && near_one < 4e-16 && r < 4e-16);
    assert_true(at(exponential, 0) == 1 && at(logarithm, 1) == 0);
    assert_true(at(exponential, -1e9) > 0 && at(exponential, -1e9) < 1e-300 && isfinite(at(exponential, 1e9)));
}

static void test_sincos(void **state)
{
    (void)state;
    double sine = 0, cosine = 0;
    for (int k = 0; k <= POINTS; k++) {
        const double t = 0.7853981633974483 * (2.0 * k / POINTS - 1);
        pack s, c;
        pack_sincos(pack_all(t), &s, &c);
        sine = fmax(sine, fabs(s[0] - (double)sinl(t)));
        cosine = fmax(cosine, fabs(c[0] - (double)cosl(t)));
    }
    print_message("sin %.2e, cos %.2e\n", sine, cosine);
    assert_true(sine < 3e-12 && cosine < 2e-13);
}

// The authors' reference values for state {1, 2, 3, 4}; every lane of a block gives what the scalar stream of its
// number gives.
static void test_streams(void **state)
{
    (void)state;
    struct rng rng = { { 1, 2, 3, 4 } };
    assert_true(rng_next(&rng) == 41943041 && rng_next(&rng) == 58720359 && rng_next(&rng) == 3588806011781223);
    _Alignas(64) uint64_t rows[RNG_ROWS * WALKERS];
    _Alignas(64) double out[5 * WALKERS];
    rng_start_block(rows, 42, 64);
    rng_uniforms(rows, 5, out);
    for (uint64_t w = 0; w < WALKERS; w++) {
        rng_start(&rng, 42, 64 + w);
        for (size_t k = 0; k < 5; k++) {
            const double expected = 1 - (double)(rng_next(&rng) >> 12) * 0x1p-52;
            assert_true(out[k * WALKERS + w] == expected);
        }
    }
}

// Normals by the C library from the same words: u = 1 - w_0 2^-52, radius sqrt(-2 ln u), angle pi / 2 (w_1 2^-52 - 1/2)
// of the upper 52 bits; the lowest bit of w_1 turns the cosine's sign, the next one exchanges the two.
static void test_normals_by_hand(void **state)
{
    (void)state;
    enum { ROWS = 2000 };
    _Alignas(64) static uint64_t rows[RNG_ROWS * WALKERS];
    _Alignas(64) static double out[ROWS * WALKERS];
    double worst = 0;
    rng_start_block(rows, 11, 0);
    rng_normals(rows, ROWS, out);
    for (size_t w = 0; w < WALKERS; w++) {
        struct rng rng;
        rng_start(&rng, 11, w);
        for (size_t k = 0; k < ROWS; k += 2) {
            const uint64_t first = rng_next(&rng), second = rng_next(&rng);
            const double radius = sqrt(-2 * log(1 - (double)(first >> 12) * 0x1p-52)),
                         angle = acos(-1) / 2 * ((double)(second >> 12) * 0x1p-52 - 0.5), sine = radius * sin(angle),
                         cosine = radius * cos(angle) * (second & 1 ? -1 : 1);
            const double *found = out + k * WALKERS + w;
            worst = fmax(worst, fabs(found[0] - (second & 2 ? sine : cosine)));
            worst = fmax(worst, fabs(found[WALKERS] - (second & 2 ? cosine : sine)));
        }
    }
    print_message("normals off by %.1e at most\n", worst);
    assert_true(worst < 2e-11);
}

// Moments of normals to the fourth order over 6.4e6 numbers: 5 standard errors.
static void test_normals(void **state)
{
    (void)state;
    _Alignas(64) static uint64_t rows[RNG_ROWS * WALKERS];
    enum { ROWS = 10, REPEATS = 20000 };
    _Alignas(64) static double out[ROWS * WALKERS];
    double sum[5] = { 0 }, neighbours = 0;
    rng_start_block(rows, 3, 0);
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        rng_normals(rows, ROWS, out);
        for (size_t k = 0; k < ROWS * WALKERS; k++) {
            double power = 1;
            for (int p = 0; p < 5; p++, power *= out[k])
                sum[p] += power;
            if (k + WALKERS < ROWS * WALKERS)
                neighbours += out[k] * out[k + WALKERS];
        }
    }
    const double n = sum[0], error = 1 / sqrt(n);
    assert_true(fabs(sum[1] / n) < 5 * error);
    assert_true(fabs(sum[2] / n - 1) < 5 * sqrt(2) * error);
    assert_true(fabs(sum[3] / n) < 5 * sqrt(15) * error);
    assert_true(fabs(sum[4] / n - 3) < 5 * sqrt(96) * error);
    assert_true(fabs(neighbours / n) < 5 * error);
}

// Normals and a uniform row in one call are those of two calls, for odd and even numbers.
static void test_normals_and_uniform(void **state)
{
    (void)state;
    enum { MOST = 6 };
    _Alignas(64) uint64_t rows[RNG_ROWS * WALKERS], copy[RNG_ROWS * WALKERS];
    _Alignas(64) double out[(MOST + 1) * WALKERS], expected[(MOST + 1) * WALKERS];
    rng_start_block(rows, 7, 0);
    memcpy(copy, rows, sizeof copy);
    for (size_t n = 1; n <= MOST; n++) {
        rng_normals_and_uniform(rows, n, out);
        rng_normals(copy, n, expected);
        rng_uniforms(copy, 1, expected + n * WALKERS);
        assert_memory_equal(out, expected, (n + 1) * WALKERS * sizeof *out);
        assert_memory_equal(rows, copy, sizeof rows);
    }
}

static void test_sum_row(void **state)
{
    (void)state;
    _Alignas(64) double row[WALKERS];
    for (int w = 0; w < WALKERS; w++)
        row[w] = w + 1;
    assert_true(pack_sum_row(row) == 528);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_functions), cmocka_unit_test(test_sincos),
                                        cmocka_unit_test(test_streams),   cmocka_unit_test(test_normals_by_hand),
                                        cmocka_unit_test(test_normals),   cmocka_unit_test(test_normals_and_uniform),
                                        cmocka_unit_test(test_sum_row) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
