// SPDX-License-Identifier: GPL-3.0-or-later
// Passes over rows of walkers: the two products that every factor with weights needs, tiled for the registers in this one place.
#ifndef VMC_BASE_ROWS_H
#define VMC_BASE_ROWS_H

#include "base/pack.h"

#include <string.h>

PACK_INLINE double *rows_at(double *rows, size_t k) { return rows + k * WALKERS; }
PACK_INLINE const double *rows_at_const(const double *rows, size_t k) { return rows + k * WALKERS; }

// One tile: `height` output rows by `width` packs, kept in registers over the whole sum.
PACK_INLINE void rows_multiply_tile(size_t height, size_t width, size_t n_in, const double *coefficient, size_t out_stride, size_t in_stride,
                                    const double *bias, const pack *in, pack *out)
{
    pack sum[TILE_ROWS][TILE_PACKS];
    for (size_t o = 0; o < height; o++)
        for (size_t l = 0; l < width; l++)
            sum[o][l] = pack_all(bias ? bias[o] : 0);
    for (size_t i = 0; i < n_in; i++)
        for (size_t o = 0; o < height; o++) {
            const pack c = pack_all(coefficient[o * out_stride + i * in_stride]);
            for (size_t l = 0; l < width; l++)
                sum[o][l] = pack_fma(c, in[i * ROW_PACKS + l], sum[o][l]);
        }
    for (size_t o = 0; o < height; o++)
        for (size_t l = 0; l < width; l++)
            out[o * ROW_PACKS + l] = sum[o][l];
}

// out[o] = bias[o] + sum_i coefficient[o out_stride + i in_stride] in[i]; rows in: [n_in], out: [n_out]; bias [n_out] or NULL for 0.
static inline __attribute__((unused)) void rows_multiply(size_t n_out, size_t n_in, const double *coefficient, size_t out_stride,
                                                         size_t in_stride, const double *bias, const double *in, double *out)
{
    size_t o = 0;
    for (; o + TILE_ROWS <= n_out; o += TILE_ROWS)
        for (size_t l = 0; l < ROW_PACKS; l += TILE_PACKS)
            rows_multiply_tile(TILE_ROWS, TILE_PACKS, n_in, coefficient + o * out_stride, out_stride, in_stride, bias ? bias + o : NULL,
                               (const pack *)in + l, (pack *)out + o * ROW_PACKS + l);
    for (; o < n_out; o++)
        for (size_t l = 0; l < ROW_PACKS; l += TILE_PACKS)
            rows_multiply_tile(1, TILE_PACKS, n_in, coefficient + o * out_stride, out_stride, in_stride, bias ? bias + o : NULL,
                               (const pack *)in + l, (pack *)out + o * ROW_PACKS + l);
}

// Outer products kept per walker: sums[i n_right + j] += left[i] right[j]; with left2 and right2 also + left2[i] right2[j].
static inline __attribute__((unused)) void rows_outer(size_t n_left, size_t n_right, const double *left, const double *right, const double *left2,
                                                      const double *right2, double *sums)
{
    for (size_t i = 0; i < n_left; i++) {
        const pack *a = (const pack *)rows_at_const(left, i), *a2 = left2 ? (const pack *)rows_at_const(left2, i) : NULL;
        for (size_t j = 0; j < n_right; j++) {
            const pack *b = (const pack *)rows_at_const(right, j);
            pack *sum = (pack *)rows_at(sums, i * n_right + j);
            if (left2) {
                const pack *b2 = (const pack *)rows_at_const(right2, j);
                for (size_t l = 0; l < ROW_PACKS; l++)
                    sum[l] = pack_fma(a2[l], b2[l], pack_fma(a[l], b[l], sum[l]));
            } else {
                for (size_t l = 0; l < ROW_PACKS; l++)
                    sum[l] = pack_fma(a[l], b[l], sum[l]);
            }
        }
    }
}

// Walker-major copy of n rows, padded with what `out` holds: out[walker * stride + row].
static inline __attribute__((unused)) void rows_transpose(size_t n, const double *rows, size_t stride, double *out)
{
    for (size_t k = 0; k < n; k++)
        for (size_t w = 0; w < WALKERS; w++)
            out[w * stride + k] = rows[k * WALKERS + w];
}

// The same products summed over the walkers: sums[i stride + j] += sum_w left[i][w] right[w stride + j], n_right padded to `stride`, a multiple
// of 8. Walkers are taken in order for every element, so the width of the packs does not show in the bits.
PACK_INLINE void rows_rank_tile(size_t height, size_t width, const double *left, const double *right, size_t stride, double *sums)
{
    pack sum[TILE_ROWS][TILE_PACKS];
    for (size_t i = 0; i < height; i++)
        for (size_t p = 0; p < width; p++)
            sum[i][p] = ((const pack *)(sums + i * stride))[p];
    for (size_t w = 0; w < WALKERS; w++)
        for (size_t i = 0; i < height; i++) {
            const pack a = pack_all(left[i * WALKERS + w]);
            for (size_t p = 0; p < width; p++)
                sum[i][p] = pack_fma(a, ((const pack *)(right + w * stride))[p], sum[i][p]);
        }
    for (size_t i = 0; i < height; i++)
        for (size_t p = 0; p < width; p++)
            ((pack *)(sums + i * stride))[p] = sum[i][p];
}

static inline __attribute__((unused)) void rows_rank_update(size_t n_left, size_t stride, const double *left, const double *right, double *sums)
{
    const size_t packs = stride / PACK_WIDTH;
    size_t i = 0;
    for (; i < n_left; i += i + TILE_ROWS <= n_left ? TILE_ROWS : 1) {
        const bool whole = i + TILE_ROWS <= n_left;
        size_t p = 0;
        for (; p + TILE_PACKS <= packs; p += TILE_PACKS)
            if (whole)
                rows_rank_tile(TILE_ROWS, TILE_PACKS, rows_at_const(left, i), right + p * PACK_WIDTH, stride, sums + i * stride + p * PACK_WIDTH);
            else
                rows_rank_tile(1, TILE_PACKS, rows_at_const(left, i), right + p * PACK_WIDTH, stride, sums + i * stride + p * PACK_WIDTH);
        for (; p < packs; p++)
            if (whole)
                rows_rank_tile(TILE_ROWS, 1, rows_at_const(left, i), right + p * PACK_WIDTH, stride, sums + i * stride + p * PACK_WIDTH);
            else
                rows_rank_tile(1, 1, rows_at_const(left, i), right + p * PACK_WIDTH, stride, sums + i * stride + p * PACK_WIDTH);
    }
}

// to[k] = from[k] where the mask (a row of bits) is set; n rows
static inline __attribute__((unused)) void rows_blend(size_t n, const double *mask, const double *from, double *to)
{
    for (size_t k = 0; k < n; k++)
        for (size_t l = 0; l < ROW_PACKS; l++) {
            pack *target = (pack *)to + k * ROW_PACKS + l;
            *target = pack_select(((const pack_bits *)mask)[l], ((const pack *)from)[k * ROW_PACKS + l], *target);
        }
}

static inline __attribute__((unused)) void rows_copy(size_t n, const double *from, double *to) { memcpy(to, from, n * WALKERS * sizeof(double)); }
static inline __attribute__((unused)) void rows_fill(size_t n, double value, double *rows)
{
    for (size_t k = 0; k < n * WALKERS; k++)
        rows[k] = value;
}

#endif
