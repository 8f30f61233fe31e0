// SPDX-License-Identifier: GPL-3.0-or-later
// Products of rows over many samples, for sizes that a library of matrix products is not made for: tens of rows.
// A row has n numbers, n a multiple of 8; rows lie `stride` apart. Sums over samples are taken in the eight columns of
// base/rows.h, samples in order in each, so that their bits depend neither on the pack's width nor on the processor.
#ifndef VMC_BASE_PRODUCTS_H
#define VMC_BASE_PRODUCTS_H

#include <stddef.h>

struct products_rows {
    size_t n, stride;
    const double *row;
};

// out[s] += sum_ij left[i][s] w[i][j] right[j][s]; w: [left.n][right.n]
void products_apply(size_t n, struct products_rows left, struct products_rows right, const double *w, double *out);
// w[i][j] += sum_s y[s] left[i][s] right[j][s]
void products_outer(size_t n, struct products_rows left, struct products_rows right, const double *y, double *w);
// out[i stride_out + k] += sum_s rows[i][s] rows[k][s] for k <= i
void products_gram(size_t n, struct products_rows rows, size_t stride_out, double *out);
// rows[k][s] -= centre[k], rows n apart
void products_centre(size_t n, size_t n_rows, const double *centre, double *rows);
// out[s] = a[s] b[s]
void products_rows_times(size_t n, const double *a, const double *b, double *out);
// Sums of every row and of its squares, [rows.n] each.
void products_sums(size_t n, struct products_rows rows, double *sum, double *square);

#endif
