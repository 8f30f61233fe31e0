// SPDX-License-Identifier: GPL-3.0-or-later
#include "wavefunction/inverse.h"

#include <math.h>
#include <string.h>

static void swap(size_t n, double *a, double *b)
{
    for (size_t j = 0; j < n; j++) {
        const double kept = a[j];
        a[j] = b[j];
        b[j] = kept;
    }
}

static size_t find_pivot(size_t n, size_t k, const double *a)
{
    size_t pivot = k;
    for (size_t i = k + 1; i < n; i++)
        if (fabs(a[i * n + k]) > fabs(a[pivot * n + k]))
            pivot = i;
    return pivot;
}

// Row k of both becomes one with 1 on the diagonal, and the column disappears from all others.
static void clear_column(size_t n, size_t k, double *a, double *inverse)
{
    const double scale = 1 / a[k * n + k];
    for (size_t j = 0; j < n; j++) {
        a[k * n + j] *= scale;
        inverse[k * n + j] *= scale;
    }
    for (size_t i = 0; i < n; i++) {
        const double factor = a[i * n + k];
        for (size_t j = 0; i != k && j < n; j++) {
            a[i * n + j] -= factor * a[k * n + j];
            inverse[i * n + j] -= factor * inverse[k * n + j];
        }
    }
}

void inverse_pivoted(size_t n, double *a, double *inverse, double *mantissa, double *exponent)
{
    int power = 0;
    *mantissa = 1;
    *exponent = 0;
    memset(inverse, 0, n * n * sizeof *inverse);
    for (size_t k = 0; k < n; k++)
        inverse[k * n + k] = 1;
    for (size_t k = 0; k < n; k++) {
        const size_t pivot = find_pivot(n, k, a);
        if (pivot != k) {
            swap(n, a + k * n, a + pivot * n);
            swap(n, inverse + k * n, inverse + pivot * n);
            *mantissa = -*mantissa;
        }
        *mantissa = frexp(*mantissa * a[k * n + k], &power);
        *exponent += power;
        if (!(fabs(a[k * n + k]) > 0x1p-1000)) {  // no inverse: psi = 0, where no walker stays
            *mantissa = 0;
            return;
        }
        clear_column(n, k, a, inverse);
    }
}
