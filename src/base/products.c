// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/products.h"

#include "base/rows.h"

// Accumulators of a tile, which stay in registers beside a column of one side and an element of the other.
#if PACK_WIDTH == 8
enum { SIDE = 5 };
#else
enum { SIDE = 3 };
#endif
#define UNROLLED _Pragma("GCC unroll 5")
// Samples at a time: the rows of a tile stay in the first-level cache.
enum { SAMPLES_AT_ONCE = 512 };

typedef double loose_pack __attribute__((vector_size(8 * PACK_WIDTH), may_alias, aligned(8)));
PACK_INLINE pack load(const double *from) { return *(const loose_pack *)from; }

// w[i][j] += sum_s y[s] left[i][s] right[j][s], height rows by width; y NULL: 1
PACK_INLINE void outer_tile(size_t height, size_t width, size_t n, size_t left_stride, size_t right_stride,
                            const double *left, const double *right, const double *y, size_t stride, double *w)
{
    double columns[SIDE][SIDE][COLUMNS] __attribute__((aligned(64)));
    for (size_t c = 0; c < COLUMN_PACKS; c++) {
        pack sum[SIDE][SIDE];
        UNROLLED
        for (size_t r = 0; r < height; r++)
            UNROLLED
        for (size_t q = 0; q < width; q++)
            sum[r][q] = pack_all(0.0);
        for (size_t s = c * PACK_WIDTH; s < n; s += COLUMNS) {
            pack a[SIDE];
            UNROLLED
            for (size_t r = 0; r < height; r++)
                a[r] = y ? (pack)(load(left + r * left_stride + s) * load(y + s)) : load(left + r * left_stride + s);
            UNROLLED
            for (size_t q = 0; q < width; q++) {
                const pack b = load(right + q * right_stride + s);
                UNROLLED
                for (size_t r = 0; r < height; r++)
                    sum[r][q] = pack_fma(a[r], b, sum[r][q]);
            }
        }
        UNROLLED
        for (size_t r = 0; r < height; r++)
            UNROLLED
        for (size_t q = 0; q < width; q++)
            *(pack *)(columns[r][q] + c * PACK_WIDTH) = sum[r][q];
    }
    for (size_t r = 0; r < height; r++)
        for (size_t q = 0; q < width; q++)
            w[r * stride + q] += rows_column_total(columns[r][q]);
}

// Calls tile(height, width, ...) with both sizes known to the compiler.
#define WIDTHS(height, width, ...)                            \
    switch ((size_t)(width)) {                                \
    case 1: outer_tile(height, 1, __VA_ARGS__); break;        \
    case 2: outer_tile(height, 2, __VA_ARGS__); break;        \
    case 3: outer_tile(height, 3, __VA_ARGS__); break;        \
    case 4: outer_tile(height, SIDE - 1, __VA_ARGS__); break; \
    default: outer_tile(height, SIDE, __VA_ARGS__);           \
    }

static void outer_some(size_t height, size_t width, size_t n, struct products_rows left, struct products_rows right,
                       size_t i, size_t j, const double *y, size_t stride, double *w)
{
    const double *a = left.row + i * left.stride, *b = right.row + j * right.stride;
    switch (height) {
    case 1: WIDTHS(1, width, n, left.stride, right.stride, a, b, y, stride, w) break;
    case 2: WIDTHS(2, width, n, left.stride, right.stride, a, b, y, stride, w) break;
    case 3: WIDTHS(3, width, n, left.stride, right.stride, a, b, y, stride, w) break;
    case 4: WIDTHS(SIDE - 1, width, n, left.stride, right.stride, a, b, y, stride, w) break;
    default: WIDTHS(SIDE, width, n, left.stride, right.stride, a, b, y, stride, w)
    }
}

static size_t at_once(size_t n, size_t first) { return n - first < SAMPLES_AT_ONCE ? n - first : SAMPLES_AT_ONCE; }

static struct products_rows from_sample(struct products_rows rows, size_t first)
{
    return (struct products_rows){ rows.n, rows.stride, rows.row + first };
}

PACK_HOT void products_outer(size_t n, struct products_rows left, struct products_rows right, const double *y,
                             double *w)
{
    for (size_t first = 0; first < n; first += SAMPLES_AT_ONCE)
        for (size_t i = 0, height; i < left.n; i += height) {
            height = rows_piece(left.n - i, SIDE);
            for (size_t j = 0, width; j < right.n; j += width) {
                width = rows_piece(right.n - j, SIDE);
                outer_some(height, width, at_once(n, first), from_sample(left, first), from_sample(right, first), i, j,
                           y + first, right.n, w + i * right.n + j);
            }
        }
}

// A tile on the diagonal, of which the lower triangle counts
static void add_diagonal(size_t height, size_t n, struct products_rows rows, size_t i, size_t stride_out, double *out)
{
    double tile[SIDE * SIDE] = { 0 };
    outer_some(height, height, n, rows, rows, i, i, NULL, SIDE, tile);
    for (size_t r = 0; r < height; r++)
        for (size_t q = 0; q <= r; q++)
            out[(i + r) * stride_out + i + q] += tile[r * SIDE + q];
}

PACK_HOT void products_gram(size_t n, struct products_rows rows, size_t stride_out, double *out)
{
    for (size_t first = 0; first < n; first += SAMPLES_AT_ONCE) {
        const struct products_rows some = from_sample(rows, first);
        const size_t samples = at_once(n, first);
        for (size_t i = 0, height; i < rows.n; i += height) {
            height = rows_piece(rows.n - i, SIDE);
            for (size_t j = 0, width; j < i; j += width) {
                width = rows_piece(rows.n - j, SIDE);
                outer_some(height, width, samples, some, some, i, j, NULL, stride_out, out + i * stride_out + j);
            }
            add_diagonal(height, samples, some, i, stride_out, out);
        }
    }
}

void products_rows_times(size_t n, const double *a, const double *b, double *restrict out)
{
    for (size_t s = 0; s < n; s++)
        out[s] = a[s] * b[s];
}

void products_centre(size_t n, size_t n_rows, const double *centre, double *rows)
{
    for (size_t k = 0; k < n_rows; k++)
        for (size_t s = 0; s < n; s++)
            rows[k * n + s] -= centre[k];
}

PACK_INLINE void sums_tile(size_t height, size_t n, size_t stride, const double *row, double *sum, double *square)
{
    double columns[2][TILE_ROWS][COLUMNS] __attribute__((aligned(64)));
    for (size_t c = 0; c < COLUMN_PACKS; c++) {
        pack plain[TILE_ROWS], squared[TILE_ROWS];
        for (size_t r = 0; r < height; r++)
            plain[r] = squared[r] = pack_all(0.0);
        for (size_t s = c * PACK_WIDTH; s < n; s += COLUMNS)
            ROWS_UNROLLED
        for (size_t r = 0; r < height; r++) {
            const pack x = load(row + r * stride + s);
            plain[r] += x;
            squared[r] = pack_fma(x, x, squared[r]);
        }
        for (size_t r = 0; r < height; r++) {
            *(pack *)(columns[0][r] + c * PACK_WIDTH) = plain[r];
            *(pack *)(columns[1][r] + c * PACK_WIDTH) = squared[r];
        }
    }
    for (size_t r = 0; r < height; r++) {
        sum[r] = rows_column_total(columns[0][r]);
        square[r] = rows_column_total(columns[1][r]);
    }
}

void products_sums(size_t n, struct products_rows rows, double *sum, double *square)
{
    size_t k = 0;
    for (; k + TILE_ROWS <= rows.n; k += TILE_ROWS)
        sums_tile(TILE_ROWS, n, rows.stride, rows.row + k * rows.stride, sum + k, square + k);
    for (; k < rows.n; k++)
        sums_tile(1, n, rows.stride, rows.row + k * rows.stride, sum + k, square + k);
}

// Rows of `right` by w, for TILE_PACKS packs of samples: each sum multiplies its row of `left`.
PACK_INLINE void apply_tile(size_t height, size_t packs, size_t i, size_t s, struct products_rows left,
                            struct products_rows right, const double *w, double *out)
{
    rows_tile sum;
    ROWS_UNROLLED
    for (size_t r = 0; r < height; r++)
        ROWS_UNROLLED
    for (size_t p = 0; p < packs; p++)
        sum[r][p] = pack_all(0.0);
    for (size_t j = 0; j < right.n; j++)
        ROWS_UNROLLED
    for (size_t r = 0; r < height; r++) {
        const pack c = pack_all(w[(i + r) * right.n + j]);
        ROWS_UNROLLED
        for (size_t p = 0; p < packs; p++)
            sum[r][p] = pack_fma(c, load(right.row + j * right.stride + s + p * PACK_WIDTH), sum[r][p]);
    }
    ROWS_UNROLLED
    for (size_t p = 0; p < packs; p++) {
        double *const to = out + s + p * PACK_WIDTH;
        pack total = load(to);
        ROWS_UNROLLED
        for (size_t r = 0; r < height; r++)
            total = pack_fma(load(left.row + (i + r) * left.stride + s + p * PACK_WIDTH), sum[r][p], total);
        *(loose_pack *)to = total;
    }
}

PACK_INLINE void apply_some(size_t packs, size_t s, struct products_rows left, struct products_rows right,
                            const double *w, double *out)
{
    for (size_t i = 0, height; i < left.n; i += height) {
        height = rows_piece(left.n - i, TILE_ROWS);
        switch (height) {
        case 1: apply_tile(1, packs, i, s, left, right, w, out); break;
        case 2: apply_tile(2, packs, i, s, left, right, w, out); break;
        case 3: apply_tile(3, packs, i, s, left, right, w, out); break;
        default: apply_tile(4, packs, i, s, left, right, w, out);
        }
    }
}

PACK_HOT void products_apply(size_t n, struct products_rows left, struct products_rows right, const double *w,
                             double *out)
{
    size_t s = 0;
    for (; s + TILE_PACKS * PACK_WIDTH <= n; s += TILE_PACKS * PACK_WIDTH)
        apply_some(TILE_PACKS, s, left, right, w, out);
    for (; s < n; s += PACK_WIDTH)
        apply_some(1, s, left, right, w, out);
}
