// SPDX-License-Identifier: GPL-3.0-or-later
// Hard cores, phi = prod_{p<q} (1 - a / r) for r > a, else 0: two particles that meet at low energy and cannot come
// closer than a (docs/theory.md, eq. 2.13). With the gap g = r - a:
//     f = ln(g / r),   f'/r = a / (r^2 g),   f'' + (D - 1) f'/r = a / (r g) [ (D - 3) / r - a / (r g) ]
// Inside the core ln phi is a wall: finite, so that sums over pairs stay numbers, and so low that no move there is ever
// accepted.
// Check: a = 1, r = 2: f = -ln 2, f' = 1/2, f'' = -3/4.
#include "base/rows.h"
#include "vmc/units.h"
#include "vmc/wavefunction.h"
#include "wavefunction/pair_row.h"

#include <math.h>

struct hard_core {
    double diameter, core, value;  // as set, NAN: auto; then of the force; in use
    bool train;                    // never: the diameter is the force's
};

extern const struct factor_type factor_hard_core;

// Metropolis compares with e^(2 WALL), and takes e^-708 for it: smaller than any random number.
static const double WALL = -1e6;

static const struct param params[] = {
    PARAM_REAL(hard_core, diameter, .range = PARAM_ABOVE(0), .may_be_auto = true, .fallback = "auto",
               .unit = UNIT_LENGTH, .help = "a in 1 - a / r; auto: the diameter of the hard spheres"),
    PARAM_END,
};

static bool build(void *state, const struct system *system, const struct factor_surroundings *surroundings,
                  struct error *error)
{
    struct hard_core *hard = state;
    hard->core = isnan(hard->diameter) ? surroundings->core : hard->diameter;
    return hard->core > 0 || system->particles == 1 ||
           error_add(error, ERROR_CONFIG,
                     "[hard-core] diameter = auto: this pair force has no core, and the factor would be 1; give a "
                     "value, or leave "
                     "the factor out of wavefunction.factors");
}

static const struct factor_numbers diameter_row = {
    .name = "diameter",
    .long_name = "a in 1 - a / r",
    .unit = UNIT_LENGTH,
    .setting = offsetof(struct hard_core, core),
    .train = offsetof(struct hard_core, train),
    .value = offsetof(struct hard_core, value),
};

static void traits(const void *state, struct factor_traits *traits)
{
    *traits = (struct factor_traits){ .symmetry = FACTOR_SYMMETRIC, .core = ((const struct hard_core *)state)->core };
}

static void pair_values(const void *state, const struct pairs *pairs, double *value)
{
    const pack core = pack_all(((const struct hard_core *)state)->core), wall = pack_all(WALL), one = pack_all(1.0),
               zero = pack_all(0.0);
    for (size_t k = 0; k < pairs->n * ROW_PACKS; k++) {
        const pack rest = pack_fma(-core, ((const pack *)pairs->inverse)[k], one);
        const pack_bits outside = rest > zero;
        ((pack *)value)[k] += pack_select(outside, pack_log(pack_select(outside, rest, one)), wall);
    }
}

// ln of a product of up to PAIR_ROW_AT_ONCE factors (r - a) / r, as one fraction: a normal number, since r and the gap
// are at least 2^-60 or so where r > a. So one division and one logarithm do for all. The walls of pairs inside the
// core come in addition.
struct gaps {
    pack above, below, walls;
};
PACK_INLINE struct gaps gaps_none(void) { return (struct gaps){ pack_all(1.0), pack_all(1.0), pack_all(0.0) }; }

PACK_INLINE void gaps_add(pack core, pack r, struct gaps *gaps)
{
    const pack one = pack_all(1.0), zero = pack_all(0.0), gap = r - core;
    const pack_bits outside = gap > zero;
    gaps->above *= pack_select(outside, gap, one);
    gaps->below *= pack_select(outside, r, one);
    gaps->walls += pack_select(outside, zero, pack_all(WALL));
}

PACK_INLINE pack gaps_value(const struct gaps *gaps) { return pack_log(gaps->above / gaps->below) + gaps->walls; }

PACK_INLINE void sum_row(size_t dimensions, const struct hard_core *hard, const struct pair_row *row, double *kept,
                         double *sum)
{
    const pack core = pack_all(hard->core);
    for (size_t l = 0; l < ROW_PACKS; l += TILE_PACKS) {
        struct pair_row_own own;
        struct pair_piece piece = pair_piece_before(row);
        size_t k = 0;
        pair_row_load(dimensions, TILE_PACKS, row, l, &own);
        while (pair_piece_next(row, &piece)) {
            struct gaps gaps[TILE_PACKS];
            ROWS_UNROLLED
            for (size_t s = 0; s < TILE_PACKS; s++)
                gaps[s] = gaps_none();
            for (size_t q = piece.first; q < piece.end; q++, k++)
                ROWS_UNROLLED
            for (size_t s = 0; s < TILE_PACKS; s++) {
                const pack r = pack_sqrt(pair_row_square(dimensions, row, &own, q, l, s));
                gaps_add(core, r, &gaps[s]);
                if (kept)
                    ((pack *)kept)[rows_by_lines(row->n_kept, k, l + s)] = r;
            }
            ROWS_UNROLLED
            for (size_t s = 0; s < TILE_PACKS; s++)
                ((pack *)sum)[l + s] += gaps_value(&gaps[s]);
        }
    }
}

static PACK_HOT void pair_row(const void *state, const struct pair_row *row, double *kept, double *sum)
{
    if (kept)
        PAIR_ROW_BY_DIMENSIONS(row->system->dimensions, sum_row, state, row, kept, sum)
    else
        PAIR_ROW_BY_DIMENSIONS(row->system->dimensions, sum_row, state, row, NULL, sum)
}

// In the same pieces as when they were found.
static PACK_HOT void pair_kept(const void *state, const struct system *system, size_t p, const double *kept,
                               double *sum)
{
    const struct pair_row row = { .system = system, .p = p, .end = system->particles };
    const size_t n = system_pairs(system);
    const pack core = pack_all(((const struct hard_core *)state)->core);
    for (size_t l = 0; l < ROW_PACKS; l += TILE_PACKS) {
        struct pair_piece piece = pair_piece_before(&row);
        while (pair_piece_next(&row, &piece)) {
            struct gaps gaps[TILE_PACKS];
            ROWS_UNROLLED
            for (size_t s = 0; s < TILE_PACKS; s++)
                gaps[s] = gaps_none();
            for (size_t q = piece.first; q < piece.end; q++) {
                const pack *r = (const pack *)kept + rows_by_lines(n, pair_row_of(p, q), l);
                ROWS_UNROLLED
                for (size_t s = 0; s < TILE_PACKS; s++)
                    gaps_add(core, r[rows_by_lines(n, 0, s)], &gaps[s]);
            }
            ROWS_UNROLLED
            for (size_t s = 0; s < TILE_PACKS; s++)
                ((pack *)sum)[l + s] += gaps_value(&gaps[s]);
        }
    }
}

// A gap of 1 in place of one that is not: whatever derivatives come of it belong to a configuration that is not taken.
PACK_INLINE pack divisor(pack core, pack r)
{
    const pack gap = r - core;
    return pack_select(gap > pack_all(0.0), gap, pack_all(1.0));
}

// The terms of a piece: pushes on both particles of every pair, and the sums. q = 1 / (r g) gives 1 / r and a / (r g).
PACK_INLINE void add_piece(size_t dimensions, pack core, const struct pair_row *whole, const struct pair_piece *part,
                           const double *kept, double *gradient, double *sums)
{
    // copies, so that no row that is written makes the compiler read them again
    const struct pair_row row[1] = { *whole };
    const struct pair_piece piece[1] = { *part };
    const pack axes = pack_all((double)dimensions - 3);
    struct pair_ahead ahead;
    pair_ahead_begin(dimensions, row, piece, kept, divisor, core, &ahead);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        struct pair_row_own own;
        struct gaps gaps = gaps_none();
        pack bend = pack_all(0.0), inverse = bend;
        pack *mine = (pack *)rows_at(gradient, row->p * dimensions) + l, push[DIMENSIONS_MOST], *to = (pack *)sums + l;
        pair_row_load(dimensions, 1, row, l, &own);
        for (size_t d = 0; d < dimensions; d++)
            push[d] = mine[d * ROW_PACKS];
        for (size_t k = 0, q = piece->first; q < piece->end; q++, k++) {
            const pack *there = (const pack *)rows_at_const(row->x, q * dimensions) + l;
            pack *other = (pack *)rows_at(gradient, q * dimensions) + l;
            pair_ahead_step(dimensions, row, piece, kept, divisor, core, l, k, &ahead);
            const pack r = pair_ahead_distance(row, kept, l, k, &ahead), quotient = ahead.quotient[l % 2][k],
                       one = divisor(core, r) * quotient, steep = core * quotient, slope = steep * one;
            gaps_add(core, r, &gaps);
            bend = pack_fma(steep, pack_fma(axes, one, -steep), bend);
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
        to[PAIR_SUM_VALUE * ROW_PACKS] += gaps_value(&gaps);
        to[PAIR_SUM_CURVATURE * ROW_PACKS] += bend;
    }
}

PACK_INLINE void sum_terms(size_t dimensions, const struct hard_core *hard, const struct pair_row *row,
                           const double *kept, double *gradient, double *sums)
{
    struct pair_piece piece = pair_piece_before(row);
    while (pair_piece_next(row, &piece))
        add_piece(dimensions, pack_all(hard->core), row, &piece,
                  kept ? rows_line_at_const(kept, piece.first - row->first) : NULL, gradient, sums);
}

static PACK_HOT void pair_row_terms(const void *state, const struct pair_row *row, const double *r, double *gradient,
                                    double *sums)
{
    if (r)
        PAIR_ROW_BY_DIMENSIONS(row->system->dimensions, sum_terms, state, row, r, gradient, sums)
    else
        PAIR_ROW_BY_DIMENSIONS(row->system->dimensions, sum_terms, state, row, NULL, gradient, sums)
}

static PACK_HOT void pair_terms(const void *state, const struct pairs *pairs, double *value, double *slope,
                                double *curvature)
{
    const struct hard_core *hard = state;
    const pack core = pack_all(hard->core), axes = pack_all((double)pairs->dimensions - 3), one = pack_all(1.0),
               zero = pack_all(0.0);
    for (size_t l = 0; l < ROW_PACKS; l += LINE) {
        struct gaps gaps[LINE];
        pack bend[LINE];
        for (size_t s = 0; s < LINE; s++) {
            gaps[s] = gaps_none();
            bend[s] = ((const pack *)curvature)[l + s];
        }
        for (size_t k = 0; k < pairs->n; k++)
            for (size_t s = 0, at = k * ROW_PACKS + l; s < LINE; s++, at++) {
                const pack inverse = ((const pack *)pairs->inverse)[at], r = ((const pack *)pairs->r2)[at] * inverse,
                           gap = r - core;
                const pack steep = core * inverse / pack_select(gap > zero, gap, one);  // a / (r g)
                gaps_add(core, r, &gaps[s]);
                ((pack *)slope)[at] = pack_fma(steep, inverse, ((pack *)slope)[at]);
                bend[s] = pack_fma(steep, pack_fma(axes, inverse, -steep), bend[s]);
            }
        for (size_t s = 0; s < LINE; s++) {
            ((pack *)value)[l + s] += gaps_value(&gaps[s]);
            ((pack *)curvature)[l + s] = bend[s];
        }
    }
}

static void pair_derivatives(const void *state, const struct pairs *pairs, const double *along, double *o,
                             double *response)
{
    (void)state;
    (void)pairs;
    (void)along;
    (void)o;
    (void)response;  // there are no parameters
}

const struct factor_type factor_hard_core = {
    .name = "hard-core",
    .summary = "hard cores, 1 - a / r over pairs and 0 for r <= a",
    .state_size = sizeof(struct hard_core),
    .params = params,
    .build = build,
    .numbers = &diameter_row,
    .traits = traits,
    .pair_values = pair_values,
    .pair_row = pair_row,
    .pair_kept = pair_kept,
    .pair_row_terms = pair_row_terms,
    .pair_terms = pair_terms,
    .pair_derivatives = pair_derivatives,
};
