// SPDX-License-Identifier: GPL-3.0-or-later
// Eigenvectors by Jacobi's rotations, in the place of LAPACK's where this is linked into a test: the same on all
// machines. Columns of a, in ascending order of their values.
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void turn(int n, double *a, double *v, int p, int q)
{
    const double theta = 0.5 * (a[q * n + q] - a[p * n + p]) / a[p * n + q],
                 t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1)), c = 1 / sqrt(t * t + 1), s = t * c;
    for (int k = 0; k < n; k++) {
        const double x = a[k * n + p], y = a[k * n + q];
        a[k * n + p] = c * x - s * y;
        a[k * n + q] = s * x + c * y;
    }
    for (int k = 0; k < n; k++) {
        const double x = a[p * n + k], y = a[q * n + k], z = v[p * n + k];
        a[p * n + k] = c * x - s * y;
        a[q * n + k] = s * x + c * y;
        v[p * n + k] = c * z - s * v[q * n + k];
        v[q * n + k] = s * z + c * v[q * n + k];
    }
}

void dsyevd_(const char *job, const char *half, const int *size, double *a, const int *stride, double *values,
             double *work, const int *n_work, int *whole, const int *n_whole, int *status);
void dsyevd_(const char *job, const char *half, const int *size, double *a, const int *stride, double *values,
             double *work, const int *n_work, int *whole, const int *n_whole, int *status)
{
    enum { ROUNDS = 12 };
    const int n = *size;
    (void)job, (void)stride;
    *status = 0;
    if (*n_work < 0 || *n_whole < 0) {  // how much room there should be
        *work = 1 + 6 * n + 2 * n * n;
        *whole = 3 + 5 * n;
        return;
    }
    double *own = malloc(2 * (size_t)n * (size_t)n * sizeof *own), *v = own + n * n;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            own[i * n + j] = (*half == 'L') == (i > j) ? a[j * n + i] : a[i * n + j];
            v[i * n + j] = i == j;
        }
    for (int round = 0; round < ROUNDS; round++)
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++)
                if (fabs(own[p * n + q]) > 0)
                    turn(n, own, v, p, q);
    for (int i = 0; i < n; i++) {
        int rank = 0;
        for (int j = 0; j < n; j++)
            rank += own[j * n + j] < own[i * n + i] || (j < i && !(own[j * n + j] > own[i * n + i]));
        values[rank] = own[i * n + i];
        memcpy(a + rank * n, v + i * n, (size_t)n * sizeof *a);
    }
    free(own);
}
