// SPDX-License-Identifier: GPL-3.0-or-later
// A sweep of six particles, three per spin, with a Pade-Jastrow factor.
//
// A determinant of 1, x and y is twice the area of a triangle, so neither inverse nor orbitals are needed between
// moves: a particle's new area follows from the differences that its distances take. Rounding apart these are the moves
// of shells_sweep.c. Roots of one pack of walkers, sums over pairs of the one before and the decision of the one before
// that come one after the other, so that a processor has all three at once.
#include "wavefunction/pair_row.h"
#include "wavefunction/shells.h"
#include "wavefunction/shells_chunk.h"

enum { THREE = 3, SIX = 2 * THREE, SIX_PAIRS = 15, SIX_AHEAD = 2, SIX_UNDER_WAY = 4 };

// A move of one pack.
struct six_move {
    pack x[2], r[SIX], area, spread, change;
};
// All numbers are copies, which the compiler knows no row that is written to change.
struct six {
    pack *x, *r;
    const pack *draw;
    double step, stretch, shift, omega[2], alpha;
    struct pairing same, opposite;
    pack area[SPINS][ROW_PACKS], change[ROW_PACKS];  // the latter of ln phi^2 of the pairs
    struct six_move move[SIX_UNDER_WAY];             // of pack l: number l % SIX_UNDER_WAY
};

PACK_INLINE pack cross(const pack a[2], const pack b[2]) { return pack_fma(a[0], b[1], -(a[1] * b[0])); }
PACK_INLINE pack *six_x(const struct six *six, size_t p, size_t d, size_t l)
{
    return six->x + (2 * p + d) * ROW_PACKS + l;
}
PACK_INLINE pack *six_r(const struct six *six, size_t p, size_t q, size_t l)
{
    return six->r + rows_by_lines(SIX_PAIRS, pair_row_of(p, q), l);
}

PACK_INLINE void six_find(struct six *six, size_t p, size_t l)
{
    const pack *row = six->draw + 3 * p * ROW_PACKS + l;
    const size_t base = p / THREE * THREE, one = base + (p + 1) % THREE, two = base + (p + 2) % THREE;
    struct six_move *move = &six->move[l % SIX_UNDER_WAY];
    pack here[2], to_one[2] = { { 0 } }, side[2], spread = pack_all(0.0);
    SHELLS_UNROLLED
    for (size_t d = 0; d < 2; d++) {
        const pack before = *six_x(six, p, d, l);
        here[d] = pack_fma(pack_all(six->step),
                           pack_fma(pack_all(six->stretch), row[d * ROW_PACKS], pack_all(-six->shift)), before);
        spread = pack_fma(six->omega[d] * (here[d] - before), here[d] + before, spread);
        side[d] = *six_x(six, two, d, l) - *six_x(six, one, d, l);
        move->x[d] = here[d];
    }
    move->spread = spread;
    SHELLS_UNROLLED
    for (size_t q = 0; q < SIX; q++) {
        if (q == p)
            continue;
        const pack difference[2] = { here[0] - *six_x(six, q, 0, l), here[1] - *six_x(six, q, 1, l) };
        move->r[q] = pack_sqrt(pack_fma(difference[1], difference[1], difference[0] * difference[0]));
        if (q == one) {
            to_one[0] = difference[0];
            to_one[1] = difference[1];
        }
    }
    move->area = cross(to_one, side);
}

// Change of sum r / (1 + beta r) over the pairs of p with one spin, as above / below.
PACK_INLINE void six_pairs(const struct six *six, size_t p, size_t spin, pack beta, size_t l, pack *above, pack *below)
{
    const struct six_move *move = &six->move[l % SIX_UNDER_WAY];
    pack sum = pack_all(0.0), product = pack_all(1.0);
    SHELLS_UNROLLED
    for (size_t q = THREE * spin; q < THREE * (spin + 1); q++) {
        if (q == p)
            continue;
        const pack new = move->r[q], old = *six_r(six, p, q, l);
        const pack b = pack_fma(beta, new, pack_all(1.0)) * pack_fma(beta, old, pack_all(1.0));
        sum = pack_fma(sum, b, (new - old) * product);
        product *= b;
    }
    *above = sum;
    *below = product;
}

PACK_INLINE void six_change(struct six *six, size_t p, size_t l)
{
    const size_t own = p / THREE;
    pack above[2], below[2];
    six_pairs(six, p, own, six->same.beta, l, &above[0], &below[0]);
    six_pairs(six, p, 1 - own, six->opposite.beta, l, &above[1], &below[1]);
    const pack sum = pack_fma(six->same.cusp * above[0], below[1], six->opposite.cusp * above[1] * below[0]);
    six->move[l % SIX_UNDER_WAY].change = 2.0 * (sum / (below[0] * below[1]));
}

PACK_INLINE pack_bits six_decide(struct six *six, size_t p, size_t l)
{
    const struct six_move *move = &six->move[l % SIX_UNDER_WAY];
    pack *const area = &six->area[p / THREE][l];
    const pack uniform = six->draw[(3 * p + 2) * ROW_PACKS + l],
               exponent = pack_fma(pack_all(-six->alpha), move->spread, move->change), before = *area,
               after = move->area, change = move->change;
    const pack_bits mask = uniform * (before * before) < after * after * pack_exp(exponent);
    *area = pack_select(mask, after, before);
    six->change[l] += pack_select(mask, change, pack_all(0.0));
    SHELLS_UNROLLED
    for (size_t d = 0; d < 2; d++)
        *six_x(six, p, d, l) = pack_select(mask, move->x[d], *six_x(six, p, d, l));
    SHELLS_UNROLLED
    for (size_t q = 0; q < SIX; q++)
        if (q != p)
            *six_r(six, p, q, l) = pack_select(mask, move->r[q], *six_r(six, p, q, l));
    return mask;
}

PACK_INLINE void six_begin(struct six *six)
{
    for (size_t l = 0; l < ROW_PACKS; l++) {
        for (size_t spin = 0; spin < SPINS; spin++) {
            const size_t first = THREE * spin;
            pack side[2][2];
            for (size_t k = 0; k < 2; k++)
                for (size_t d = 0; d < 2; d++)
                    side[k][d] = *six_x(six, first + 1 + k, d, l) - *six_x(six, first, d, l);
            six->area[spin][l] = cross(side[0], side[1]);
        }
        six->change[l] = pack_all(0.0);
    }
}

// B and the weights at the new places.
PACK_INLINE void six_end(const struct six *six, const struct chunk *rows, pack *const b[SPINS])
{
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack mantissa = pack_all(1.0), spread = pack_all(0.0);
        SHELLS_UNROLLED
        for (size_t i = 0; i < 2 * SIX; i++) {
            const pack x = rows->x[i * ROW_PACKS + l];
            spread = pack_fma(rows->omega[i % 2] * x, x, spread);
        }
        for (size_t spin = 0; spin < SPINS; spin++) {
            struct determinant determinant;
            pack a[THREE * THREE], inverse[THREE * THREE];
            SHELLS_UNROLLED
            for (size_t p = 0; p < THREE; p++)
                shells_functions(1, rows->scale[0] * *six_x(six, THREE * spin + p, 0, l),
                                 rows->scale[1] * *six_x(six, THREE * spin + p, 1, l), a + p * THREE);
            inverse_of_three(1, a, inverse, &determinant);
            mantissa *= determinant.mantissa;
            SHELLS_UNROLLED
            for (size_t k = 0; k < THREE * THREE; k++)
                b[spin][rows_by_lines(THREE * THREE, k, l)] = inverse[k];
        }
        rows->mantissa[l] = mantissa * mantissa;
        rows->exponent[l] = -rows->alpha * spread;
        rows->pair_exponent[l] += six->change[l];
    }
}

PACK_HOT void shells_six_sweep(const struct chunk *rows, pack *const b[SPINS], struct chunk *chunk)
{
    struct six six = { .x = rows->x,
                       .r = rows->r,
                       .draw = (const pack *)rows->draws.rows,
                       .step = rows->draws.step,
                       .stretch = rows->draws.stretch,
                       .shift = rows->draws.shift,
                       .omega = { rows->omega[0], rows->omega[1] },
                       .alpha = rows->alpha,
                       .same = rows->same,
                       .opposite = rows->opposite };
    pack_bits accepted = { 0 };
    six_begin(&six);
    for (size_t l = 0; l < SIX_AHEAD; l++)
        six_find(&six, 0, l);
    six_change(&six, 0, 0);
    SHELLS_UNROLLED
    for (size_t p = 0; p < SIX; p++) {
        for (size_t l = 0; l + SIX_AHEAD < ROW_PACKS; l++) {
            six_find(&six, p, l + 2);
            six_change(&six, p, l + 1);
            accepted += six_decide(&six, p, l);
        }
        if (p + 1 < SIX)
            six_find(&six, p + 1, 0);
        six_change(&six, p, ROW_PACKS - 1);
        accepted += six_decide(&six, p, ROW_PACKS - 2);
        if (p + 1 < SIX) {
            six_find(&six, p + 1, 1);
            six_change(&six, p + 1, 0);
        }
        accepted += six_decide(&six, p, ROW_PACKS - 1);
    }
    six_end(&six, rows, b);
    chunk->accepted = accepted;
}
