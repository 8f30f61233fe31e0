// SPDX-License-Identifier: GPL-3.0-or-later
// ln|det a| in long double, by elimination with pivots.
#ifndef VMC_TESTS_LN_DETERMINANT_H
#define VMC_TESTS_LN_DETERMINANT_H

#include <math.h>
#include <stddef.h>

enum { LN_DETERMINANT_MOST = 10 };

// a: its first n rows and columns; they do not survive.
static inline long double ln_determinant(size_t n, long double a[][LN_DETERMINANT_MOST])
{
    long double sum = 0;
    for (size_t k = 0; k < n; k++) {
        size_t pivot = k;
        for (size_t p = k; p < n; p++)
            pivot = fabsl(a[p][k]) > fabsl(a[pivot][k]) ? p : pivot;
        sum += logl(fabsl(a[pivot][k]));
        for (size_t j = 0; j < n; j++) {
            const long double kept = a[k][j];
            a[k][j] = a[pivot][j];
            a[pivot][j] = kept;
        }
        for (size_t p = k + 1; p < n; p++)
            for (size_t j = n; j-- > k;)
                a[p][j] -= a[p][k] / a[k][k] * a[k][j];
    }
    return sum;
}

#endif
