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

// ln of a product of up to PAIRS_AT_ONCE factors 1 - a / r. Each is at least 2^-53 where it is positive, so that their
// product is a normal number, and one logarithm does for all. The walls of pairs inside the core come in addition.
struct gaps {
    pack product, walls;
};
PACK_INLINE struct gaps gaps_none(void) { return (struct gaps){ pack_all(1.0), pack_all(0.0) }; }

PACK_INLINE void gaps_add(pack rest, struct gaps *gaps)
{
    const pack one = pack_all(1.0), zero = pack_all(0.0);
    const pack_bits outside = rest > zero;
    gaps->product *= pack_select(outside, rest, one);
    gaps->walls += pack_select(outside, zero, pack_all(WALL));
}

PACK_INLINE pack gaps_value(const struct gaps *gaps) { return pack_log(gaps->product) + gaps->walls; }

// The particles from `first` to `end`; kept are the factors themselves.
PACK_INLINE void sum_some(size_t dimensions, pack core, const struct pair_row *row, size_t first, size_t end,
                          double *kept, double *sum)
{
    for (size_t l = 0; l < ROW_PACKS; l += LINE) {
        struct pair_row_own own;
        struct gaps gaps[LINE];
        pack *to = (pack *)kept + l;
        pair_row_load(dimensions, row, l, &own);
        for (size_t s = 0; s < LINE; s++)
            gaps[s] = gaps_none();
        for (size_t q = first; q < end; q++) {
            if (q == row->p)
                continue;
            for (size_t s = 0; s < LINE; s++) {
                const pack rest = pack_fma(core, pack_rsqrt(pair_row_square(dimensions, row, &own, q, l, s)),
                                           pack_all(1.0));
                gaps_add(rest, &gaps[s]);
                if (kept)
                    to[s] = rest;
            }
            if (kept)
                to += ROW_PACKS;
        }
        for (size_t s = 0; s < LINE; s++)
            ((pack *)sum)[l + s] += gaps_value(&gaps[s]);
    }
}

PACK_INLINE void sum_row(size_t dimensions, const struct hard_core *hard, const struct pair_row *row, double *kept,
                         double *sum)
{
    for (size_t first, end = 0; pair_row_piece(row, &first, &end);) {
        sum_some(dimensions, pack_all(-hard->core), row, first, end, kept, sum);
        if (kept)
            kept = rows_at(kept, end - first - (first <= row->p && row->p < end));
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
static PACK_HOT void pair_kept(const void *state, size_t particles, size_t p, const double *kept, double *sum)
{
    const struct pair_row row = { .p = p, .n = particles - 1 };
    (void)state;
    for (size_t first, end = 0; pair_row_piece(&row, &first, &end);)
        for (size_t l = 0; l < ROW_PACKS; l += LINE) {
            struct gaps gaps[LINE];
            for (size_t s = 0; s < LINE; s++)
                gaps[s] = gaps_none();
            for (size_t q = first; q < end; q++) {
                const pack *from =
                    (const pack *)rows_at_const(kept, q < p ? pair_row_number(p, q) : pair_row_number(q, p)) + l;
                for (size_t s = 0; q != p && s < LINE; s++)
                    gaps_add(from[s], &gaps[s]);
            }
            for (size_t s = 0; s < LINE; s++)
                ((pack *)sum)[l + s] += gaps_value(&gaps[s]);
        }
}

// A gap of 1 in place of one that is not: whatever derivatives come of it belong to a configuration that is not taken.
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
                const pack inverse = ((const pack *)pairs->inverse)[at],
                           gap = pack_fma(((const pack *)pairs->r2)[at], inverse, -core);
                const pack steep = core * inverse / pack_select(gap > zero, gap, one);  // a / (r g)
                gaps_add(gap * inverse, &gaps[s]);
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
    .pair_terms = pair_terms,
    .pair_derivatives = pair_derivatives,
};
