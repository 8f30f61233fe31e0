// SPDX-License-Identifier: GPL-3.0-or-later
// Passes over rows of walkers: sums of squares and the products that every factor with weights needs, tiled for the
// registers in this one place.
#ifndef VMC_BASE_ROWS_H
#define VMC_BASE_ROWS_H

#include "base/pack.h"

#include <string.h>

#define ROWS_INLINE static inline PACK_HOT __attribute__((unused))

PACK_INLINE double *rows_at(double *rows, size_t k) { return rows + k * WALKERS; }
PACK_INLINE const double *rows_at_const(const double *rows, size_t k) { return rows + k * WALKERS; }

// Where few walkers are taken at a time, what is read of them lies close together: n rows by cache lines, LINE packs of
// row after row and then the next line of all. Pack l of row k:
enum { LINE = 8 / PACK_WIDTH };
PACK_INLINE size_t rows_by_lines(size_t n, size_t k, size_t l) { return (l / LINE * n + k) * LINE + l % LINE; }
// row k's first walkers, and so the rows from there on
PACK_INLINE double *rows_line_at(double *rows, size_t k) { return rows + k * LINE * PACK_WIDTH; }
PACK_INLINE const double *rows_line_at_const(const double *rows, size_t k) { return rows + k * LINE * PACK_WIDTH; }

ROWS_INLINE void rows_copy(size_t n, const double *from, double *to) { memcpy(to, from, n * WALKERS * sizeof(double)); }
ROWS_INLINE void rows_fill(size_t n, double value, double *rows)
{
    for (size_t k = 0; k < n * WALKERS; k++)
        rows[k] = value;
}

// to[k] = from[k] where the mask (a row of bits) is set; n rows
ROWS_INLINE void rows_blend(size_t n, const double *mask, const double *from, double *to)
{
    for (size_t l = 0; l < ROW_PACKS; l += TILE_PACKS) {
        pack bits[TILE_PACKS];
        for (size_t p = 0; p < TILE_PACKS; p++)
            bits[p] = ((const pack *)mask)[l + p];
        for (size_t k = l; k < n * ROW_PACKS; k += ROW_PACKS)
            for (size_t p = 0; p < TILE_PACKS; p++)
                ((pack *)to)[k + p] = pack_select_sign(bits[p], ((const pack *)from)[k + p], ((const pack *)to)[k + p]);
    }
}

// out[0] = sum_i scale[i % period] (rows[i] - centre[i])^2; scale and centre NULL for 1 and 0, period 0 for scale[i].
ROWS_INLINE void rows_sum_squares(size_t n, const double *scale, size_t period, const double *centre,
                                  const double *rows, double *out)
{
    for (size_t l = 0; l < ROW_PACKS; l += TILE_PACKS) {
        pack sum[TILE_PACKS] = { { 0 } };
        for (size_t i = 0, k = 0; i < n; i++, k = period == 0 || k + 1 < period ? k + 1 : 0) {
            const pack weight = pack_all(scale ? scale[k] : 1), zero = pack_all(centre ? centre[i] : 0);
            for (size_t p = 0; p < TILE_PACKS; p++) {
                const pack distance = ((const pack *)rows)[i * ROW_PACKS + l + p] - zero;
                sum[p] = pack_fma(weight * distance, distance, sum[p]);
            }
        }
        for (size_t p = 0; p < TILE_PACKS; p++)
            ((pack *)out)[l + p] = sum[p];
    }
}

// out[0] = sum_k rows[k], and what it held where `add`; n rows
ROWS_INLINE void rows_add_up(size_t n, const double *rows, bool add, double *out)
{
    for (size_t l = 0; l < ROW_PACKS; l += TILE_PACKS) {
        pack sum[TILE_PACKS];
        for (size_t p = 0; p < TILE_PACKS; p++)
            sum[p] = add ? ((const pack *)out)[l + p] : pack_all(0.0);
        for (size_t k = 0; k < n; k++)
            for (size_t p = 0; p < TILE_PACKS; p++)
                sum[p] += ((const pack *)rows)[k * ROW_PACKS + l + p];
        for (size_t p = 0; p < TILE_PACKS; p++)
            ((pack *)out)[l + p] = sum[p];
    }
}

// ---- tiles: every product below is cut into pieces of at most TILE_ROWS by TILE_PACKS accumulators, which stay in
// registers

// The next piece of what is `left`, `most` at once; what does not divide evenly is shared by the last two.
PACK_INLINE size_t rows_piece(size_t left, size_t most)
{
    return left <= most ? left : left < 2 * most ? (left + 1) / 2 : most;
}

// Calls tile(height, width, ...) with both sizes known to the compiler.
#define ROWS_WIDTHS(height, width, tile, ...)    \
    switch ((size_t)(width)) {                   \
    case 1: tile(height, 1, __VA_ARGS__); break; \
    case 2: tile(height, 2, __VA_ARGS__); break; \
    case 3: tile(height, 3, __VA_ARGS__); break; \
    default: tile(height, 4, __VA_ARGS__);       \
    }
#define ROWS_TILE(height, width, tile, ...)      \
    if (TILE_ROWS > 3 && (height) == 4) {        \
        ROWS_WIDTHS(4, width, tile, __VA_ARGS__) \
    } else if (TILE_ROWS > 2 && (height) == 3) { \
        ROWS_WIDTHS(3, width, tile, __VA_ARGS__) \
    } else if ((height) == 2) {                  \
        ROWS_WIDTHS(2, width, tile, __VA_ARGS__) \
    } else {                                     \
        ROWS_WIDTHS(1, width, tile, __VA_ARGS__) \
    }
typedef pack rows_tile[4][TILE_PACKS];
// On every loop over a tile's accumulators: one that gcc leaves a loop keeps them in memory.
#define ROWS_UNROLLED _Pragma("GCC unroll 4")

// Where the sums of a product start: bias[o] + slope[o] rows[o], and what `out` holds if `add`. NULL: nothing of that
// kind.
struct rows_start {
    const double *bias, *slope, *rows;
    bool add;
};

PACK_INLINE void rows_multiply_tile(size_t height, size_t o, size_t l, size_t n_in, const double *coefficient,
                                    const struct rows_start *start, const double *in, double *out)
{
    rows_tile sum;
    pack *to = (pack *)out + o * ROW_PACKS + l;
    ROWS_UNROLLED
    for (size_t r = 0; r < height; r++) {
        const pack bias = pack_all(start->bias ? start->bias[o + r] : 0);
        ROWS_UNROLLED
        for (size_t p = 0; p < TILE_PACKS; p++)
            sum[r][p] = start->add ? (pack)(to[r * ROW_PACKS + p] + bias) : bias;
    }
    if (start->slope)
        ROWS_UNROLLED
    for (size_t r = 0; r < height; r++) {
        const pack slope = pack_all(start->slope[o + r]);
        ROWS_UNROLLED
        for (size_t p = 0; p < TILE_PACKS; p++)
            sum[r][p] = pack_fma(slope, ((const pack *)start->rows)[(o + r) * ROW_PACKS + l + p], sum[r][p]);
    }
    for (size_t i = 0; i < n_in; i++)
        ROWS_UNROLLED
    for (size_t r = 0; r < height; r++) {
        const pack c = pack_all(coefficient[(o + r) * n_in + i]);
        ROWS_UNROLLED
        for (size_t p = 0; p < TILE_PACKS; p++)
            sum[r][p] = pack_fma(c, ((const pack *)in)[i * ROW_PACKS + l + p], sum[r][p]);
    }
    ROWS_UNROLLED
    for (size_t r = 0; r < height; r++)
        ROWS_UNROLLED
    for (size_t p = 0; p < TILE_PACKS; p++)
        to[r * ROW_PACKS + p] = sum[r][p];
}

PACK_INLINE void rows_multiply_some(size_t height, size_t o, size_t n_in, const double *coefficient,
                                    const struct rows_start *start, const double *in, double *out)
{
    for (size_t l = 0; l < ROW_PACKS; l += TILE_PACKS)
        rows_multiply_tile(height, o, l, n_in, coefficient, start, in, out);
}

// out[o] = start + sum_i coefficient[o n_in + i] in[i]; rows in: [n_in], out: [n_out], coefficient: [n_out n_in].
ROWS_INLINE void rows_multiply(size_t n_out, size_t n_in, const double *coefficient, const struct rows_start *start,
                               const double *in, double *out)
{
    for (size_t o = 0, height; o < n_out; o += height) {
        height = rows_piece(n_out - o, TILE_ROWS);
        if (TILE_ROWS > 3 && height == 4)
            rows_multiply_some(4, o, n_in, coefficient, start, in, out);
        else if (TILE_ROWS > 2 && height == 3)
            rows_multiply_some(3, o, n_in, coefficient, start, in, out);
        else if (height == 2)
            rows_multiply_some(2, o, n_in, coefficient, start, in, out);
        else
            rows_multiply_some(1, o, n_in, coefficient, start, in, out);
    }
}

// Sums over walkers in columns: walkers k, k + 8, k + 16 and k + 24 add up in column k, whatever the width of the
// packs.
enum { COLUMNS = 8, COLUMN_PACKS = COLUMNS / PACK_WIDTH };

ROWS_INLINE double rows_column_total(const double *column)
{
    typedef double four __attribute__((vector_size(32), may_alias, aligned(8)));
    const four half = *(const four *)column + *(const four *)(column + 4);
    return (half[0] + half[2]) + (half[1] + half[3]);
}

// sums[k][COLUMNS] += rows[k]; n rows
ROWS_INLINE void rows_column_sums(size_t n, const double *rows, double *sums)
{
    for (size_t k = 0; k < n; k++)
        for (size_t c = 0; c < COLUMN_PACKS; c++) {
            pack sum = ((pack *)sums)[k * COLUMN_PACKS + c];
            for (size_t l = c; l < ROW_PACKS; l += COLUMN_PACKS)
                sum += ((const pack *)rows)[k * ROW_PACKS + l];
            ((pack *)sums)[k * COLUMN_PACKS + c] = sum;
        }
}

#define ROWS_OUTER_UNROLLED _Pragma("GCC unroll 5")
// Some rows of `left` by all of `right`: the left ones stay in registers.
#if PACK_WIDTH == 8
enum { OUTER_ROWS = 5 };
#else
enum { OUTER_ROWS = 2 };
#endif
PACK_INLINE void rows_outer_tile(size_t height, size_t i, size_t c, size_t n_right, size_t stride, const double *scale,
                                 const double *left, const double *right, double *sums, double *columns)
{
    enum { DEPTH = ROW_PACKS / COLUMN_PACKS };
    pack a[OUTER_ROWS][DEPTH], *to = (pack *)sums + i * stride * COLUMN_PACKS + c;
    const pack *b = (const pack *)right + c;
    ROWS_OUTER_UNROLLED
    for (size_t d = 0; d < DEPTH; d++)
        ROWS_OUTER_UNROLLED
    for (size_t r = 0; r < height; r++) {
        a[r][d] = ((const pack *)left)[(i + r) * ROW_PACKS + d * COLUMN_PACKS + c];
        if (scale)
            a[r][d] *= ((const pack *)scale)[d * COLUMN_PACKS + c];
    }
    ROWS_OUTER_UNROLLED
    for (size_t r = 0; columns && r < height; r++) {
        pack *column = (pack *)columns + (i + r) * COLUMN_PACKS + c, sum = *column;
        for (size_t d = 0; d < DEPTH; d++)
            sum += a[r][d];
        *column = sum;
    }
    for (size_t j = 0; j < n_right; j++, b += ROW_PACKS, to += COLUMN_PACKS) {
        pack sum[OUTER_ROWS];
        ROWS_OUTER_UNROLLED
        for (size_t r = 0; r < height; r++)
            sum[r] = to[r * stride * COLUMN_PACKS];
        ROWS_OUTER_UNROLLED
        for (size_t d = 0; d < DEPTH; d++)
            ROWS_OUTER_UNROLLED
        for (size_t r = 0; r < height; r++)
            sum[r] = pack_fma(a[r][d], b[d * COLUMN_PACKS], sum[r]);
        ROWS_OUTER_UNROLLED
        for (size_t r = 0; r < height; r++)
            to[r * stride * COLUMN_PACKS] = sum[r];
    }
}

// sums[i stride + j][COLUMNS] += l[i] right[j] and, unless NULL, columns[i][COLUMNS] += l[i]; l[i] = left[i], times the
// row `scale` unless NULL
ROWS_INLINE void rows_outer_and_sums(size_t n_left, size_t n_right, size_t stride, const double *scale,
                                     const double *left, const double *right, double *sums, double *columns)
{
    for (size_t i = 0, height; i < n_left; i += height) {
        height = rows_piece(n_left - i, OUTER_ROWS);
        for (size_t c = 0; c < COLUMN_PACKS; c++)
            if (OUTER_ROWS > 2 && height == 5)
                rows_outer_tile(OUTER_ROWS, i, c, n_right, stride, scale, left, right, sums, columns);
            else if (OUTER_ROWS > 2 && height == 4)
                rows_outer_tile(OUTER_ROWS - 1, i, c, n_right, stride, scale, left, right, sums, columns);
            else if (OUTER_ROWS > 2 && height == 3)
                rows_outer_tile(OUTER_ROWS - 2, i, c, n_right, stride, scale, left, right, sums, columns);
            else if (height == 2)
                rows_outer_tile(2, i, c, n_right, stride, scale, left, right, sums, columns);
            else
                rows_outer_tile(1, i, c, n_right, stride, scale, left, right, sums, columns);
    }
}

// Outer products for few weights, whose sums fit into the first-level cache.
ROWS_INLINE void rows_outer(size_t n_left, size_t n_right, size_t stride, const double *left, const double *right,
                            double *sums)
{
    rows_outer_and_sums(n_left, n_right, stride, NULL, left, right, sums, NULL);
}

// Walker-major copy of n rows: out[walker * stride + row]. Eight rows at a time, which are one line of the cache: lines
// that lie a power of two apart share few places in it.
ROWS_INLINE void rows_transpose(size_t n, const double *rows, size_t stride, double *out)
{
    enum { PER_LINE = 8 };
    size_t k = 0;
    for (; k + PER_LINE <= n; k += PER_LINE)
        for (size_t w = 0; w < WALKERS; w++)
            for (size_t r = 0; r < PER_LINE; r++)
                out[w * stride + k + r] = rows[(k + r) * WALKERS + w];
    for (size_t w = 0; w < WALKERS; w++)
        for (size_t r = k; r < n; r++)
            out[w * stride + r] = rows[r * WALKERS + w];
}

PACK_INLINE void rows_rank_tile(size_t height, size_t width, size_t i, size_t j, size_t stride, const double *left,
                                const double *right, double *sums)
{
    rows_tile sum;
    pack *to = (pack *)(sums + i * stride) + j;
    ROWS_UNROLLED
    for (size_t r = 0; r < height; r++)
        ROWS_UNROLLED
    for (size_t p = 0; p < width; p++)
        sum[r][p] = to[r * (stride / PACK_WIDTH) + p];
    for (size_t w = 0; w < WALKERS; w++)
        ROWS_UNROLLED
    for (size_t r = 0; r < height; r++) {
        const pack a = pack_all(left[(i + r) * WALKERS + w]);
        ROWS_UNROLLED
        for (size_t p = 0; p < width; p++)
            sum[r][p] = pack_fma(a, ((const pack *)(right + w * stride))[j + p], sum[r][p]);
    }
    ROWS_UNROLLED
    for (size_t r = 0; r < height; r++)
        ROWS_UNROLLED
    for (size_t p = 0; p < width; p++)
        to[r * (stride / PACK_WIDTH) + p] = sum[r][p];
}

// The same for many weights, without columns: sums[i stride + j] += sum_w left[i][w] right[w stride + j], n_right
// padded to `stride`, a multiple of 8. Walkers are taken in order for every element, so the width of the packs does not
// show in the bits.
ROWS_INLINE void rows_rank_update(size_t n_left, size_t n_right, size_t stride, const double *left, const double *right,
                                  double *sums)
{
    const size_t packs = (n_right + PACK_WIDTH - 1) / PACK_WIDTH;
    for (size_t i = 0, height; i < n_left; i += height) {
        height = rows_piece(n_left - i, TILE_ROWS);
        for (size_t j = 0, width; j < packs; j += width) {
            width = rows_piece(packs - j, TILE_PACKS);
            ROWS_TILE(height, width, rows_rank_tile, i, j, stride, left, right, sums)
        }
    }
}

#endif
