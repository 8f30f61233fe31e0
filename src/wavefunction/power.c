// SPDX-License-Identifier: GPL-3.0-or-later
// Powers of the distances, phi = prod_{p<q} r_pq^mu (docs/theory.md, eq. 2.14); beside a pair force g / r^2 the local
// energy is finite at contact for mu (mu + D - 2) = g. On a line, with the trap's Gaussian, exact for the Calogero
// model (g = lambda (lambda - 1), mu = lambda) and for points that cannot pass one another (g = 0, mu = 1; Girardeau,
// J. Math. Phys. 1, 516 (1960)).
//     f = mu ln r,   f'/r = mu / r^2,   f'' + (D - 1) f'/r = mu (D - 2) / r^2,   df/d mu = ln r,   (d/dr df/d mu) / r =
//     1 / r^2
// Check: mu = 2, r = e, D = 3: f = 2.
#include "base/rows.h"
#include "vmc/units.h"
#include "vmc/wavefunction.h"

#include <math.h>

struct power {
    double mu;  // starting value, or the fixed one; NAN: auto
    bool train;
    double dimensions, first, value;  // first: mu at the start; value: in use
};

extern const struct factor_type factor_power;

static const struct param params[] = {
    PARAM_REAL(power, mu, .range = PARAM_ANY, .may_be_auto = true, .fallback = "auto",
               .help = "mu in r^mu: the value, or where training starts; auto: that of the pair force g / r^2, mu (mu "
                       "+ D - 2) = g; on a line without one 1; beside hard spheres (3 - D) / 2"),
    PARAM_BOOL(power, train, .fallback = "no", .help = "train mu"),
    PARAM_END,
};

// Of r^mu the kinetic energy is finite where the integral of r^(2 mu - 2) r^(D - 1) is.
static bool is_finite_energy(double mu, double dimensions) { return mu == 0 || 2 * mu + dimensions > 2; }

static bool build(void *state, const struct system *system, const struct factor_surroundings *surroundings,
                  struct error *error)
{
    struct power *power = state;
    power->dimensions = (double)system->dimensions;
    power->value = power->first = isnan(power->mu) ? surroundings->power : power->mu;
    if (isnan(power->mu) && power->first == 0 && system->particles > 1)
        return error_add(error, ERROR_CONFIG,
                         "[power] mu = auto: this pair force asks for no power of r, and the factor would be 1; give a "
                         "value, or leave "
                         "the factor out of wavefunction.factors");
    return is_finite_energy(power->first, power->dimensions) ||
           error_add(error, ERROR_CONFIG,
                     "[power] mu = %g: in %zu dimension%s the kinetic energy of r^mu is infinite unless mu is above %g",
                     power->first, system->dimensions, system->dimensions > 1 ? "s" : "", 1 - power->dimensions / 2);
}

static size_t n_parameters(const void *state) { return ((const struct power *)state)->train; }

static size_t views(const void *state, struct factor_view view[FACTOR_VIEWS_MOST])
{
    const struct power *power = state;
    view[0] =
        (struct factor_view){ .name = "mu", .long_name = "mu in r^mu", .fixed = power->train ? NULL : &power->value };
    return 1;
}

static void start(const void *state, double (*uniform)(void *random), void *random, double *theta)
{
    (void)uniform;
    (void)random;
    if (n_parameters(state) > 0)
        theta[0] = ((const struct power *)state)->first;
}

static bool prepare(void *state, const double *theta)
{
    struct power *power = state;
    power->value = power->train ? theta[0] : power->first;
    return isfinite(power->value) && is_finite_energy(power->value, power->dimensions);
}

// A stretch of all distances multiplies it by a number: it leaves the other factors as scalable as they are.
static void traits(const void *state, struct factor_traits *traits)
{
    const double mu = ((const struct power *)state)->value;
    *traits = (struct factor_traits){ .symmetry = FACTOR_SYMMETRIC, .scalable = true };
    for (size_t class = 0; class < PAIR_CLASSES; class ++)
        traits->contact[class].power = mu;
}

// ln r; r = 0, which two random points never are, counts as the smallest normal number
PACK_INLINE pack log_distance(pack r2) { return 0.5 * pack_log(pack_max(r2, pack_all(0x1p-1022))); }

static void pair_values(const void *state, const struct pairs *pairs, double *value)
{
    const pack mu = pack_all(((const struct power *)state)->value);
    for (size_t k = 0; k < pairs->n * ROW_PACKS; k++)
        ((pack *)value)[k] = pack_fma(mu, log_distance(((const pack *)pairs->r2)[k]), ((pack *)value)[k]);
}

static void pair_terms(const void *state, const struct pairs *pairs, double *value, double *slope, double *curvature)
{
    const struct power *power = state;
    const pack mu = pack_all(power->value), axes = pack_all((double)pairs->dimensions - 2);
    for (size_t k = 0; k < pairs->n; k++)
        for (size_t l = 0, at = k * ROW_PACKS; l < ROW_PACKS; l++, at++) {
            const pack inverse = ((const pack *)pairs->inverse)[at], steep = mu * inverse * inverse;
            ((pack *)value)[l] = pack_fma(mu, log_distance(((const pack *)pairs->r2)[at]), ((pack *)value)[l]);
            ((pack *)slope)[at] += steep;
            ((pack *)curvature)[l] = pack_fma(axes, steep, ((pack *)curvature)[l]);
        }
}

static void pair_derivatives(const void *state, const struct pairs *pairs, const double *along, double *o,
                             double *response)
{
    (void)state;
    for (size_t k = 0; k < pairs->n * ROW_PACKS; k++) {
        const pack inverse = ((const pack *)pairs->inverse)[k];
        ((pack *)o)[k % ROW_PACKS] += log_distance(((const pack *)pairs->r2)[k]);
        if (along)
            ((pack *)response)[k % ROW_PACKS] = pack_fma(inverse * inverse, ((const pack *)along)[k],
                                                         ((pack *)response)[k % ROW_PACKS]);
    }
}

const struct factor_type factor_power = {
    .name = "power",
    .summary = "powers of the distances, r^mu over pairs",
    .state_size = sizeof(struct power),
    .params = params,
    .build = build,
    .n_parameters = n_parameters,
    .views = views,
    .start = start,
    .prepare = prepare,
    .traits = traits,
    .pair_values = pair_values,
    .pair_terms = pair_terms,
    .pair_derivatives = pair_derivatives,
};
