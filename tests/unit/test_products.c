// SPDX-License-Identifier: GPL-3.0-or-later
// Products of rows over samples, of every size that a tile can have, against sums written out.
#include "base/memory.h"
#include "base/products.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 1064, STRIDE = N + 8, ROWS = 13 };  // two pieces of 512 samples and a third

static double *build_rows(size_t n)
{
    double *rows = memory_doubles(n * STRIDE);
    assert_non_null(rows);
    for (size_t k = 0; k < n * STRIDE; k++)
        rows[k] = sin(0.37 * (double)k * (double)k) + 0.1;
    return rows;
}

static void assert_near(double found, long double truth)
{
    if (!(fabsl(found - truth) <= 1e-11L))
        fail_msg("%.17g instead of %.17Lg", found, truth);
}

static void test_outer_and_apply(void **state)
{
    (void)state;
    double *rows = build_rows(2 * ROWS + 1), *w = memory_doubles(ROWS * ROWS), *out = memory_doubles(N);
    const double *a = rows, *b = rows + ROWS * STRIDE, *y = b + ROWS * STRIDE;
    for (size_t left = 1; left <= ROWS; left++)
        for (size_t right = 1; right <= ROWS; right++) {
            const struct products_rows l = { left, STRIDE, a }, r = { right, STRIDE, b };
            for (size_t k = 0; k < left * right; k++)
                w[k] = (double)k;
            products_outer(N, l, r, y, w);
            for (size_t i = 0; i < left; i++)
                for (size_t j = 0; j < right; j++) {
                    long double sum = (long double)(i * right + j);
                    for (size_t s = 0; s < N; s++)
                        sum += (long double)y[s] * a[i * STRIDE + s] * b[j * STRIDE + s];
                    assert_near(w[i * right + j], sum);
                    w[i * right + j] = cos((double)(i * right + j));
                }
            memcpy(out, y, N * sizeof *out);
            products_apply(N, l, r, w, out);
            for (size_t s = 0; s < N; s += 97) {
                long double sum = y[s];
                for (size_t i = 0; i < left; i++)
                    for (size_t j = 0; j < right; j++)
                        sum += (long double)a[i * STRIDE + s] * w[i * right + j] * b[j * STRIDE + s];
                assert_near(out[s], sum);
            }
        }
    memory_free(out);
    memory_free(w);
    memory_free(rows);
}

static void test_gram_and_sums(void **state)
{
    (void)state;
    double *rows = build_rows(ROWS), *gram = memory_doubles(ROWS * (ROWS + 3)), sum[ROWS], square[ROWS];
    for (size_t n = 1; n <= ROWS; n++) {
        const struct products_rows some = { n, STRIDE, rows };
        const size_t stride = ROWS + 3;
        memset(gram, 0, ROWS * stride * sizeof *gram);
        products_gram(N, some, stride, gram);
        products_sums(N, some, sum, square);
        for (size_t i = 0; i < n; i++) {
            long double total = 0;
            for (size_t s = 0; s < N; s++)
                total += rows[i * STRIDE + s];
            assert_near(sum[i], total);
            for (size_t k = 0; k <= i; k++) {
                long double product = 0;
                for (size_t s = 0; s < N; s++)
                    product += (long double)rows[i * STRIDE + s] * rows[k * STRIDE + s];
                assert_near(gram[i * stride + k], product);
                if (k == i)
                    assert_near(square[i], product);
            }
        }
    }
    memory_free(gram);
    memory_free(rows);
}

static void test_small(void **state)
{
    (void)state;
    double *rows = memory_doubles(3 * 16), *out = memory_doubles(16);
    const double centre[2] = { 1, 2 };
    for (size_t k = 0; k < 3 * 16; k++)
        rows[k] = (double)k;
    products_rows_times(16, rows, rows + 16, out);
    for (size_t s = 0; s < 16; s++)
        assert_true(out[s] == (double)(s * (16 + s)));
    products_centre(16, 2, centre, rows);
    for (size_t k = 0; k < 3 * 16; k++)
        assert_true(rows[k] == (double)k - (k < 32 ? centre[k / 16] : 0));
    memory_free(out);
    memory_free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_outer_and_apply), cmocka_unit_test(test_gram_and_sums),
                                        cmocka_unit_test(test_small) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
