// SPDX-License-Identifier: GPL-3.0-or-later
// Gaussian pair factor, phi = prod_{p<q} exp(-gamma r_pq^2); with the trap's Gaussian exact for harmonic pairs, at
// gamma = (sqrt(omega^2 + P kappa) - omega) / (2 P) (docs/theory.md, eq. 2.11).
//     f = -gamma r^2,   f'/r = -2 gamma,   f'' + (D - 1) f'/r = -2 D gamma,   df/d gamma = -r^2
// Check: gamma = 1/4, r = 2: f = -1.
#include "base/rows.h"
#include "vmc/units.h"
#include "vmc/wavefunction.h"

struct gaussian_pair {
    double gamma, value;  // as set, and in use
    bool train;
};

extern const struct factor_type factor_gaussian_pair;

static const struct param params[] = {
    PARAM_REAL(gaussian_pair, gamma, .range = PARAM_ANY, .fallback = "0", .unit = UNIT_PER_LENGTH "^2",
               .help = "gamma in exp(-gamma r^2): the value, or where training starts"),
    PARAM_BOOL(gaussian_pair, train, .fallback = "yes", .help = "train gamma"),
    PARAM_END,
};

static const struct factor_numbers gamma_row = {
    .name = "gamma",
    .long_name = "gamma in exp(-gamma r^2)",
    .unit = UNIT_PER_LENGTH "^2",
    .setting = offsetof(struct gaussian_pair, gamma),
    .train = offsetof(struct gaussian_pair, train),
    .value = offsetof(struct gaussian_pair, value),
};

static void traits(const void *state, struct factor_traits *traits)
{
    *traits = (struct factor_traits){ .symmetry = FACTOR_SYMMETRIC,
                                      .scalable = ((const struct gaussian_pair *)state)->train };
}

static void pair_values(const void *state, const struct pairs *pairs, double *value)
{
    const pack gamma = pack_all(((const struct gaussian_pair *)state)->value);
    for (size_t k = 0; k < pairs->n * ROW_PACKS; k++)
        ((pack *)value)[k] -= gamma * ((const pack *)pairs->r2)[k];
}

static void pair_terms(const void *state, const struct pairs *pairs, double *value, double *slope, double *curvature)
{
    const double gamma = ((const struct gaussian_pair *)state)->value, bend = 2 * gamma * (double)pairs->dimensions;
    for (size_t k = 0; k < pairs->n * ROW_PACKS; k++) {
        ((pack *)value)[k % ROW_PACKS] -= gamma * ((const pack *)pairs->r2)[k];
        ((pack *)slope)[k] -= 2 * gamma;
        ((pack *)curvature)[k % ROW_PACKS] -= bend;
    }
}

// d/dr (df/d gamma) / r = -2
static void pair_derivatives(const void *state, const struct pairs *pairs, const double *along, double *o,
                             double *response)
{
    (void)state;
    for (size_t k = 0; k < pairs->n * ROW_PACKS; k++) {
        ((pack *)o)[k % ROW_PACKS] -= ((const pack *)pairs->r2)[k];
        if (along)
            ((pack *)response)[k % ROW_PACKS] -= 2.0 * ((const pack *)along)[k];
    }
}

const struct factor_type factor_gaussian_pair = {
    .name = "gaussian-pair",
    .summary = "Gaussian pair correlation, exp(-gamma r^2) over pairs",
    .state_size = sizeof(struct gaussian_pair),
    .params = params,
    .numbers = &gamma_row,
    .traits = traits,
    .pair_values = pair_values,
    .pair_terms = pair_terms,
    .pair_derivatives = pair_derivatives,
};
