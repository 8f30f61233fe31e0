// SPDX-License-Identifier: GPL-3.0-or-later
// Gaussian pair factor, phi = prod_{p<q} exp(-gamma r_pq^2); with the trap's Gaussian exact for harmonic pairs, at
// gamma = (sqrt(omega^2 + P kappa) - omega) / (2 P) (docs/theory.md, eq. 11b).
//     f = -gamma r^2,   f'/r = -2 gamma,   f'' + (D - 1) f'/r = -2 D gamma,   df/d gamma = -r^2
// Check: gamma = 1/4, r = 2: f = -1.
#include "base/rows.h"
#include "vmc/units.h"
#include "vmc/wavefunction.h"

#include <math.h>

struct gaussian_pair {
    double gamma;  // starting value, or the fixed one
    bool train;
    double dimensions, value;  // value: gamma in use
};

extern const struct factor_type factor_gaussian_pair;

static const struct param params[] = {
    PARAM_REAL(gaussian_pair, gamma, .range = PARAM_ANY, .fallback = "0", .unit = UNIT_PER_LENGTH "^2",
               .help = "gamma in exp(-gamma r^2): the value, or where training starts"),
    PARAM_BOOL(gaussian_pair, train, .fallback = "yes", .help = "train gamma"),
    PARAM_END
};

static bool build(void *state, const struct system *system, const struct factor_surroundings *surroundings, struct error *error)
{
    struct gaussian_pair *pair = state;
    (void)surroundings;
    (void)error;
    pair->dimensions = (double)system->dimensions;
    pair->value = pair->gamma;
    return true;
}

static size_t n_parameters(const void *state) { return ((const struct gaussian_pair *)state)->train; }

static size_t views(const void *state, struct factor_view view[FACTOR_VIEWS_MOST])
{
    const struct gaussian_pair *pair = state;
    view[0] = (struct factor_view){ .name = "gamma", .long_name = "gamma in exp(-gamma r^2)", .unit = UNIT_PER_LENGTH "^2",
                                    .fixed = pair->train ? NULL : &pair->value };
    return 1;
}

static void start(const void *state, double (*uniform)(void *random), void *random, double *theta)
{
    (void)uniform;
    (void)random;
    if (n_parameters(state) > 0)
        theta[0] = ((const struct gaussian_pair *)state)->gamma;
}

static bool prepare(void *state, const double *theta)
{
    struct gaussian_pair *pair = state;
    pair->value = pair->train ? theta[0] : pair->gamma;
    return isfinite(pair->value);
}

static void traits(const void *state, struct factor_traits *traits)
{
    *traits = (struct factor_traits){ .symmetry = FACTOR_SYMMETRIC, .scalable = n_parameters(state) > 0 };
}

static void pair_values(const void *state, const struct pairs *pairs, double *value)
{
    const pack gamma = pack_all(((const struct gaussian_pair *)state)->value);
    for (size_t k = 0; k < pairs->n * ROW_PACKS; k++)
        ((pack *)value)[k] -= gamma * ((const pack *)pairs->r2)[k];
}

static void pair_terms(const void *state, const struct pairs *pairs, double *value, double *slope, double *curvature)
{
    const struct gaussian_pair *pair = state;
    for (size_t k = 0; k < pairs->n * ROW_PACKS; k++) {
        ((pack *)value)[k % ROW_PACKS] -= pair->value * ((const pack *)pairs->r2)[k];
        ((pack *)slope)[k] -= 2 * pair->value;
        ((pack *)curvature)[k % ROW_PACKS] -= 2 * pair->dimensions * pair->value;
    }
}

// d/dr (df/d gamma) / r = -2
static void pair_derivatives(const void *state, const struct pairs *pairs, const double *along, double *o, double *response)
{
    (void)state;
    for (size_t k = 0; k < pairs->n * ROW_PACKS; k++) {
        ((pack *)o)[k % ROW_PACKS] -= ((const pack *)pairs->r2)[k];
        if (along)
            ((pack *)response)[k % ROW_PACKS] -= 2.0 * ((const pack *)along)[k];
    }
}

const struct factor_type factor_gaussian_pair = {
    .name = "gaussian-pair", .summary = "Gaussian pair correlation, exp(-gamma r^2) over pairs", .state_size = sizeof(struct gaussian_pair),
    .params = params, .build = build, .n_parameters = n_parameters, .views = views, .start = start, .prepare = prepare, .traits = traits,
    .pair_values = pair_values, .pair_terms = pair_terms, .pair_derivatives = pair_derivatives };
