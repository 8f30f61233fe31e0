// SPDX-License-Identifier: GPL-3.0-or-later
// The pairs of one particle with all others, a cache line of walkers at a time: distances that one factor alone wants
// need no rows of their own.
#ifndef VMC_WAVEFUNCTION_PAIR_ROW_H
#define VMC_WAVEFUNCTION_PAIR_ROW_H

#include "base/rows.h"
#include "vmc/geometry.h"

enum { LINE = 8 / PACK_WIDTH };

// Others are taken so many at once, all walkers of them in turn: their rows then stay in the first-level cache.
enum { PAIR_ROW_AT_ONCE = 16 };

// Pieces of the row, from particle `first` up to `end`; returns whether there was one more. Both begin as 0.
PACK_INLINE bool pair_row_piece(const struct pair_row *row, size_t *first, size_t *end)
{
    const size_t most = row->n < row->p ? row->n : row->n + 1, left = most - *end;
    *first = *end;
    *end += left < PAIR_ROW_AT_ONCE ? left : PAIR_ROW_AT_ONCE;
    return left > 0;
}

// Row of pair (p, q) among those of all pairs, p > q.
PACK_INLINE size_t pair_row_number(size_t p, size_t q) { return p * (p - 1) / 2 + q; }

// Coordinates of the particle itself, walkers 8 l / LINE and on.
struct pair_row_own {
    pack x[DIMENSIONS_MOST][LINE];
};

PACK_INLINE void pair_row_load(size_t dimensions, const struct pair_row *row, size_t l, struct pair_row_own *own)
{
    for (size_t d = 0; d < dimensions; d++)
        for (size_t s = 0; s < LINE; s++)
            own->x[d][s] = ((const pack *)row->own)[d * ROW_PACKS + l + s];
}

// r^2 to particle q, in the order of geometry.c.
PACK_INLINE pack pair_row_square(size_t dimensions, const struct pair_row *row, const struct pair_row_own *own,
                                 size_t q, size_t l, size_t s)
{
    const pack *other = (const pack *)rows_at_const(row->x, q * dimensions) + l + s;
    pack sum = pack_all(0.0);
    for (size_t d = 0; d < dimensions; d++) {
        const pack step = own->x[d][s] - other[d * ROW_PACKS];
        sum = pack_fma(step, step, sum);
    }
    return sum;
}

// Calls one of three copies of `call`, in which the number of dimensions is known.
#define PAIR_ROW_BY_DIMENSIONS(dimensions, call, ...) \
    switch (dimensions) {                             \
    case 1: call(1, __VA_ARGS__); break;              \
    case 2: call(2, __VA_ARGS__); break;              \
    default: call(3, __VA_ARGS__);                    \
    }

#endif
