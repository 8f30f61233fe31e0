// SPDX-License-Identifier: GPL-3.0-or-later
// Pade-Jastrow factor where no other factor is one over pairs: the pairs of one particle in one pass, with one root and
// at most one division each. Formulas: pade_jastrow.c.
#include "wavefunction/pade_jastrow.h"
#include "wavefunction/pair_row.h"

#include "base/rows.h"
#include "vmc/factor.h"

// A sum of r / (1 + beta r) as one running fraction, so that many pairs take one division.
struct fraction {
    pack above, below;
};
// Until it is divided: 1 + beta r is far below 2^30, and so their product a normal number.
enum { FRACTION_MOST = 32 };

PACK_INLINE void fraction_add(pack beta, pack r, struct fraction *sum)
{
    const pack b = pack_fma(beta, r, pack_all(1.0)), share = r * sum->below;
    sum->above = pack_fma(sum->above, b, share);
    sum->below *= b;
}

// Fractions of both classes at some walkers, and what was divided already.
struct fractions {
    struct fraction here[TILE_PACKS], other[TILE_PACKS];  // of the class at hand, and of the other one
    size_t class, count;
    pack total[TILE_PACKS];
};

PACK_INLINE void fractions_clear(struct fractions *sums)
{
    ROWS_UNROLLED
    for (size_t s = 0; s < TILE_PACKS; s++)
        sums->here[s] = sums->other[s] = (struct fraction){ pack_all(0.0), pack_all(1.0) };
    sums->count = 0;
}

// a_0 n_0 / d_0 + a_1 n_1 / d_1 by one division
PACK_INLINE void fractions_divide(const struct pade_jastrow *jastrow, struct fractions *sums)
{
    const pack a = pack_all(jastrow->cusp_used[sums->class]), b = pack_all(jastrow->cusp_used[1 - sums->class]);
    ROWS_UNROLLED
    for (size_t s = 0; s < TILE_PACKS; s++) {
        const struct fraction *here = &sums->here[s], *other = &sums->other[s];
        const pack above = pack_fma(a * here->above, other->below, b * other->above * here->below);
        sums->total[s] += above / (here->below * other->below);
    }
    fractions_clear(sums);
}

// Makes room for a piece of pairs of class c.
PACK_INLINE void fractions_turn(const struct pade_jastrow *jastrow, size_t c, const struct pair_piece *piece,
                                struct fractions *sums)
{
    const size_t n = piece->end - piece->first;
    if (sums->count + n > FRACTION_MOST)
        fractions_divide(jastrow, sums);
    if (c != sums->class)
        ROWS_UNROLLED
    for (size_t s = 0; s < TILE_PACKS; s++) {
        const struct fraction kept = sums->here[s];
        sums->here[s] = sums->other[s];
        sums->other[s] = kept;
    }
    sums->class = c;
    sums->count += n;
}

PACK_INLINE void fractions_begin(struct fractions *sums)
{
    fractions_clear(sums);
    sums->class = 0;
    ROWS_UNROLLED
    for (size_t s = 0; s < TILE_PACKS; s++)
        sums->total[s] = pack_all(0.0);
}

PACK_INLINE size_t column_of(const struct pade_jastrow *jastrow, const struct pair_row *row,
                             const struct pair_piece *piece)
{
    return jastrow->column[system_pair_class(row->system, row->p, piece->first)];
}

PACK_INLINE void sum_row(size_t dimensions, const struct pade_jastrow *jastrow, const struct pair_row *row,
                         double *kept, double *sum)
{
    for (size_t l = 0; l < ROW_PACKS; l += TILE_PACKS) {
        struct pair_row_own own;
        struct pair_piece piece = pair_piece_before(row);
        struct fractions sums;
        size_t k = 0;
        pair_row_load(dimensions, TILE_PACKS, row, l, &own);
        fractions_begin(&sums);
        while (pair_piece_next(row, &piece)) {
            const size_t c = column_of(jastrow, row, &piece);
            const pack beta = pack_all(jastrow->beta_used[c]);
            fractions_turn(jastrow, c, &piece, &sums);
            for (size_t q = piece.first; q < piece.end; q++, k++)
                ROWS_UNROLLED
            for (size_t s = 0; s < TILE_PACKS; s++) {
                const pack r = pack_sqrt(pair_row_square(dimensions, row, &own, q, l, s));
                fraction_add(beta, r, &sums.here[s]);
                if (kept)
                    ((pack *)kept)[rows_by_lines(row->n_kept, k, l + s)] = r;
            }
        }
        fractions_divide(jastrow, &sums);
        ROWS_UNROLLED
        for (size_t s = 0; s < TILE_PACKS; s++)
            ((pack *)sum)[l + s] += sums.total[s];
    }
}

PACK_HOT void pade_jastrow_row(const void *state, const struct pair_row *row, double *kept, double *sum)
{
    if (kept)
        PAIR_ROW_BY_DIMENSIONS(row->system->dimensions, sum_row, state, row, kept, sum)
    else
        PAIR_ROW_BY_DIMENSIONS(row->system->dimensions, sum_row, state, row, NULL, sum)
}

PACK_HOT void pade_jastrow_kept(const void *state, const struct system *system, size_t p, const double *kept,
                                double *sum)
{
    const struct pade_jastrow *jastrow = state;
    const struct pair_row row = { .system = system, .p = p, .end = system->particles };
    const size_t n = system_pairs(system);
    for (size_t l = 0; l < ROW_PACKS; l += TILE_PACKS) {
        struct pair_piece piece = pair_piece_before(&row);
        struct fractions sums;
        fractions_begin(&sums);
        while (pair_piece_next(&row, &piece)) {
            const size_t c = column_of(jastrow, &row, &piece);
            const pack beta = pack_all(jastrow->beta_used[c]);
            fractions_turn(jastrow, c, &piece, &sums);
            for (size_t q = piece.first; q < piece.end; q++) {
                const pack *r = (const pack *)kept + rows_by_lines(n, pair_row_of(p, q), l);
                ROWS_UNROLLED
                for (size_t s = 0; s < TILE_PACKS; s++)
                    fraction_add(beta, r[rows_by_lines(n, 0, s)], &sums.here[s]);
            }
        }
        fractions_divide(jastrow, &sums);
        ROWS_UNROLLED
        for (size_t s = 0; s < TILE_PACKS; s++)
            ((pack *)sum)[l + s] += sums.total[s];
    }
}

PACK_INLINE pack divisor(pack beta, pack r) { return pack_fma(beta, r, pack_all(1.0)); }

// The terms of a piece: pushes on both particles of every pair, and the sums. q = 1 / (r (1 + beta r)) gives 1 / r and
// t.
PACK_INLINE void add_piece(size_t dimensions, const struct pade_jastrow *jastrow, const struct pair_row *whole,
                           const struct pair_piece *part, const double *kept, double *gradient, double *sums)
{
    // copies, so that no row that is written makes the compiler read them again
    const struct pair_row row[1] = { *whole };
    const struct pair_piece piece[1] = { *part };
    const size_t c = column_of(jastrow, row, piece);
    const pack a = pack_all(jastrow->cusp_used[c]), beta = pack_all(jastrow->beta_used[c]),
               axes = pack_all((double)dimensions - 1), scale = -a * beta;
    struct pair_ahead ahead;
    pair_ahead_begin(dimensions, row, piece, kept, divisor, beta, &ahead);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        struct pair_row_own own;
        // of r t, t^2 / r, t^3, r^2 t^2, 1 / r
        pack value = pack_all(0.0), steep = value, cube = value, square = value, inverse = value;
        pack *mine = (pack *)rows_at(gradient, row->p * dimensions) + l, push[DIMENSIONS_MOST], *to = (pack *)sums + l;
        pair_row_load(dimensions, 1, row, l, &own);
        for (size_t d = 0; d < dimensions; d++)
            push[d] = mine[d * ROW_PACKS];
        for (size_t k = 0, q = piece->first; q < piece->end; q++, k++) {
            const pack *there = (const pack *)rows_at_const(row->x, q * dimensions) + l;
            pack *other = (pack *)rows_at(gradient, q * dimensions) + l;
            pair_ahead_step(dimensions, row, piece, kept, divisor, beta, l, k, &ahead);
            const pack r = pair_ahead_distance(row, kept, l, k, &ahead), quotient = ahead.quotient[l % 2][k],
                       one = divisor(beta, r) * quotient, t = r * quotient, rt = r * t, t2 = t * t, pull = t2 * one,
                       slope = a * pull;
            value += rt;
            steep += pull;
            cube = pack_fma(t2, t, cube);
            square = pack_fma(rt, rt, square);
            inverse += one;
            for (size_t d = 0; d < dimensions; d++) {
                const pack force = slope * (own.x[d][0] - there[d * ROW_PACKS]);
                push[d] += force;
                other[d * ROW_PACKS] -= force;
            }
        }
        for (size_t d = 0; d < dimensions; d++)
            mine[d * ROW_PACKS] = push[d];
        to[PAIR_SUM_INVERSE * ROW_PACKS] += inverse;
        to[PAIR_SUM_VALUE * ROW_PACKS] = pack_fma(a, value, to[PAIR_SUM_VALUE * ROW_PACKS]);
        to[PAIR_SUM_CURVATURE * ROW_PACKS] = pack_fma(a, pack_fma(axes, steep, -2.0 * beta * cube),
                                                      to[PAIR_SUM_CURVATURE * ROW_PACKS]);
        if (jastrow->train)
            to[(PAIR_SUMS + c) * ROW_PACKS] = pack_fma(scale, square, to[(PAIR_SUMS + c) * ROW_PACKS]);
    }
}

PACK_INLINE void sum_terms(size_t dimensions, const struct pade_jastrow *jastrow, const struct pair_row *row,
                           const double *kept, double *gradient, double *sums)
{
    struct pair_piece piece = pair_piece_before(row);
    while (pair_piece_next(row, &piece))
        add_piece(dimensions, jastrow, row, &piece, kept ? rows_line_at_const(kept, piece.first - row->first) : NULL,
                  gradient, sums);
}

PACK_HOT void pade_jastrow_row_terms(const void *state, const struct pair_row *row, const double *r, double *gradient,
                                     double *sums)
{
    if (r)
        PAIR_ROW_BY_DIMENSIONS(row->system->dimensions, sum_terms, state, row, r, gradient, sums)
    else
        PAIR_ROW_BY_DIMENSIONS(row->system->dimensions, sum_terms, state, row, NULL, gradient, sums)
}
