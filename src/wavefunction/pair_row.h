// SPDX-License-Identifier: GPL-3.0-or-later
// The pairs of one particle with others, a cache line of walkers at a time: distances that one factor alone wants need
// no rows of their own.
#ifndef VMC_WAVEFUNCTION_PAIR_ROW_H
#define VMC_WAVEFUNCTION_PAIR_ROW_H

#include "base/rows.h"
#include "vmc/geometry.h"

// Others are taken so many at once: their rows then stay in the first-level cache.
enum { PAIR_ROW_AT_ONCE = 16 };

// Particles q from `first` to `end`, all of one class with p and none of them p itself.
struct pair_piece {
    size_t first, end;
};

PACK_INLINE struct pair_piece pair_piece_before(const struct pair_row *row)
{
    return (struct pair_piece){ row->first, row->first };
}

// The next piece of the row; returns whether there was one more.
PACK_INLINE bool pair_piece_next(const struct pair_row *row, struct pair_piece *piece)
{
    const size_t up = row->system->spin_up;
    piece->first = piece->end == row->p ? piece->end + 1 : piece->end;
    if (piece->first >= row->end)
        return false;
    piece->end = row->end - piece->first < PAIR_ROW_AT_ONCE ? row->end : piece->first + PAIR_ROW_AT_ONCE;
    if (piece->first < row->p && row->p < piece->end)
        piece->end = row->p;
    if (piece->first < up && up < piece->end)
        piece->end = up;
    return true;
}

// Row of pair (p, q) among those of all pairs, p > q.
PACK_INLINE size_t pair_row_number(size_t p, size_t q) { return p * (p - 1) / 2 + q; }
// The same for any order of them.
PACK_INLINE size_t pair_row_of(size_t p, size_t q) { return q < p ? pair_row_number(p, q) : pair_row_number(q, p); }

// Coordinates of the particle itself, `side` packs from pack l on.
struct pair_row_own {
    pack x[DIMENSIONS_MOST][TILE_PACKS];
};

PACK_INLINE void pair_row_load(size_t dimensions, size_t side, const struct pair_row *row, size_t l,
                               struct pair_row_own *own)
{
    for (size_t d = 0; d < dimensions; d++)
        for (size_t s = 0; s < side; s++)
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

// What follows divides once per pair, which takes as long as all else. The distances of a piece are therefore found two
// packs of walkers ahead of their use, and 1 / (r divisor(r)) one: a processor then divides while it multiplies,
// whereas from one long chain of operations to the next it would wait.
typedef pack pair_divisor(pack constant, pack r);

// Of the packs under way, [pair of the piece].
struct pair_ahead {
    pack r[4][PAIR_ROW_AT_ONCE], quotient[2][PAIR_ROW_AT_ONCE];
};

// Pair k of the piece for pack l, if there is such a pack. kept: the distances of the piece, or NULL.
PACK_INLINE void pair_ahead_find(size_t dimensions, const struct pair_row *row, const struct pair_piece *piece,
                                 const double *kept, size_t l, size_t k, struct pair_ahead *ahead)
{
    const pack *own = (const pack *)row->own + l,
               *other = (const pack *)rows_at_const(row->x, (piece->first + k) * dimensions) + l;
    pack sum = pack_all(0.0);
    if (l >= ROW_PACKS || kept)
        return;
    for (size_t d = 0; d < dimensions; d++) {
        const pack step = own[d * ROW_PACKS] - other[d * ROW_PACKS];
        sum = pack_fma(step, step, sum);
    }
    ahead->r[l % 4][k] = pack_sqrt(sum);
}

PACK_INLINE pack pair_ahead_distance(const struct pair_row *row, const double *kept, size_t l, size_t k,
                                     const struct pair_ahead *ahead)
{
    return kept ? ((const pack *)kept)[rows_by_lines(row->n_kept, k, l)] : ahead->r[l % 4][k];
}

PACK_INLINE void pair_ahead_divide(const struct pair_row *row, const double *kept, pair_divisor *divisor, pack constant,
                                   size_t l, size_t k, struct pair_ahead *ahead)
{
    if (l >= ROW_PACKS)
        return;
    const pack r = pair_ahead_distance(row, kept, l, k, ahead);
    ahead->quotient[l % 2][k] = 1.0 / (r * divisor(constant, r));
}

// Before pack 0.
PACK_INLINE void pair_ahead_begin(size_t dimensions, const struct pair_row *row, const struct pair_piece *piece,
                                  const double *kept, pair_divisor *divisor, pack constant, struct pair_ahead *ahead)
{
    const size_t n = piece->end - piece->first;
    for (size_t k = 0; k < n; k++)
        pair_ahead_find(dimensions, row, piece, kept, 0, k, ahead);
    for (size_t k = 0; k < n; k++) {
        pair_ahead_find(dimensions, row, piece, kept, 1, k, ahead);
        pair_ahead_divide(row, kept, divisor, constant, 0, k, ahead);
    }
}

// Before pair k of pack l.
PACK_INLINE void pair_ahead_step(size_t dimensions, const struct pair_row *row, const struct pair_piece *piece,
                                 const double *kept, pair_divisor *divisor, pack constant, size_t l, size_t k,
                                 struct pair_ahead *ahead)
{
    pair_ahead_divide(row, kept, divisor, constant, l + 1, k, ahead);
    pair_ahead_find(dimensions, row, piece, kept, l + 2, k, ahead);
}

// Calls one of three copies of `call`, in which the number of dimensions is known.
#define PAIR_ROW_BY_DIMENSIONS(dimensions, call, ...) \
    switch (dimensions) {                             \
    case 1: call(1, __VA_ARGS__); break;              \
    case 2: call(2, __VA_ARGS__); break;              \
    default: call(3, __VA_ARGS__);                    \
    }

#endif
