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

// A gap of 1 in place of one that is not: whatever derivatives come of it belong to a configuration that is not taken.
static void pair_terms(const void *state, const struct pairs *pairs, double *value, double *slope, double *curvature)
{
    const struct hard_core *hard = state;
    const pack core = pack_all(hard->core), axes = pack_all((double)pairs->dimensions - 3), wall = pack_all(WALL),
               one = pack_all(1.0), zero = pack_all(0.0);
    for (size_t k = 0; k < pairs->n; k++)
        for (size_t l = 0, at = k * ROW_PACKS; l < ROW_PACKS; l++, at++) {
            const pack inverse = ((const pack *)pairs->inverse)[at], r = ((const pack *)pairs->r2)[at] * inverse,
                       rest = pack_fma(-core, inverse, one);
            const pack_bits outside = rest > zero;
            const pack steep = core * inverse / pack_select(outside, r - core, one);  // a / (r g)
            ((pack *)value)[l] += pack_select(outside, pack_log(pack_select(outside, rest, one)), wall);
            ((pack *)slope)[at] = pack_fma(steep, inverse, ((pack *)slope)[at]);
            ((pack *)curvature)[l] = pack_fma(steep, pack_fma(axes, inverse, -steep), ((pack *)curvature)[l]);
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
    .pair_terms = pair_terms,
    .pair_derivatives = pair_derivatives,
};
