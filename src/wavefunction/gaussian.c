// SPDX-License-Identifier: GPL-3.0-or-later
// The trap's Gaussian, phi = exp(-1/2 alpha sum_i omega_d(i) x_i^2); exact for the bare trap at alpha = 1 (docs/theory.md, eq. 11).
//     d/dx_k = -alpha omega x_k,   Laplacian = -alpha P sum_d omega_d,   d/d alpha = -1/2 sum_i omega_i x_i^2
// Check: P = D = 1, alpha = omega = 1, x = 2: ln phi = -2, gradient -2, Laplacian -1.
#include "base/memory.h"
#include "base/rows.h"
#include "vmc/wavefunction.h"

#include <math.h>

struct gaussian {
    double alpha;               // starting value, or the fixed one
    bool train;
    size_t n_coordinates, dimensions;
    double omega[DIMENSIONS_MOST], omega_sum;
    double value;               // alpha in use
};

extern const struct factor_type factor_gaussian;

static const struct param params[] = {
    PARAM_REAL(gaussian, alpha, .range = PARAM_ABOVE(0), .fallback = "1", .help = "alpha in exp(-1/2 alpha omega x^2): the value, or where training starts"),
    PARAM_BOOL(gaussian, train, .fallback = "yes", .help = "train alpha"),
    PARAM_END
};

static bool build(void *state, const struct system *system, const struct factor_surroundings *surroundings, struct error *error)
{
    struct gaussian *gaussian = state;
    (void)surroundings;
    (void)error;
    gaussian->n_coordinates = system_coordinates(system);
    gaussian->dimensions = system->dimensions;
    for (size_t d = 0; d < system->dimensions; d++)
        gaussian->omega[d] = system->omega[d];
    gaussian->omega_sum = 0;
    for (size_t i = 0; i < gaussian->n_coordinates; i++)
        gaussian->omega_sum += gaussian->omega[i % gaussian->dimensions];
    gaussian->value = gaussian->alpha;
    return true;
}


static void traits(const void *state, struct factor_traits *traits)
{
    *traits = (struct factor_traits){ .symmetry = FACTOR_SYMMETRIC, .scalable = ((const struct gaussian *)state)->train };
}

static size_t n_parameters(const void *state) { return ((const struct gaussian *)state)->train ? 1 : 0; }

static size_t views(const void *state, struct factor_view view[FACTOR_VIEWS_MOST])
{
    const struct gaussian *gaussian = state;
    view[0] = (struct factor_view){ .name = "alpha", .long_name = "alpha in exp(-1/2 alpha omega x^2)", .rank = 0,
                                    .fixed = gaussian->train ? NULL : &gaussian->value };
    return 1;
}

static void start(const void *state, double (*uniform)(void *random), void *random, double *theta)
{
    const struct gaussian *gaussian = state;
    (void)uniform;
    (void)random;
    if (gaussian->train)
        theta[0] = gaussian->alpha;
}

static bool prepare(void *state, const double *theta)
{
    struct gaussian *gaussian = state;
    if (gaussian->train)
        gaussian->value = theta[0];
    return isfinite(gaussian->value);
}

// sum_i omega_i x_i^2
static void spread(const struct gaussian *gaussian, const double *x, pack out[ROW_PACKS])
{
    rows_sum_squares(gaussian->n_coordinates, gaussian->omega, gaussian->dimensions, NULL, x, (double *)out);
}

static void weigh(const void *state, const struct configuration *at, double *weight, double *cache)
{
    const struct gaussian *gaussian = state;
    pack sum[ROW_PACKS];
    (void)cache;
    spread(gaussian, at->x, sum);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        ((pack *)weight)[l] = pack_all(1.0);
        ((pack *)weight)[ROW_PACKS + l] = -gaussian->value * sum[l];
    }
}

static void evaluate(const void *state, const struct configuration *at, unsigned how, double *weight, double *gradient, double *laplacian,
                     double *cache)
{
    const struct gaussian *gaussian = state;
    const bool add = how & FACTOR_ADD;
    weigh(state, at, weight, cache);
    for (size_t i = 0; i < gaussian->n_coordinates; i++) {
        const pack slope = pack_all(-gaussian->value * gaussian->omega[i % gaussian->dimensions]);
        for (size_t l = 0; l < ROW_PACKS; l++) {
            const size_t k = i * ROW_PACKS + l;
            ((pack *)gradient)[k] = pack_fma(slope, ((const pack *)at->x)[k], add ? ((const pack *)gradient)[k] : pack_all(0.0));
        }
    }
    const double curvature = -gaussian->value * gaussian->omega_sum;
    for (size_t l = 0; l < ROW_PACKS; l++)
        ((pack *)laplacian)[l] = (add ? ((const pack *)laplacian)[l] : pack_all(0.0)) + curvature;
}

static void derivatives(const void *state, const struct configuration *at, const double *cache, double *o)
{
    const struct gaussian *gaussian = state;
    pack sum[ROW_PACKS];
    (void)cache;
    if (!gaussian->train)
        return;
    spread(gaussian, at->x, sum);
    for (size_t l = 0; l < ROW_PACKS; l++)
        ((pack *)o)[l] = -0.5 * sum[l];
}

// grad u . grad O_alpha = -sum_i omega_i x_i d_i u
static void accumulate(const void *state, const double *x, const double *cache, const double *c, const double *du, double *scratch, double *sums)
{
    const struct gaussian *gaussian = state;
    pack sum[ROW_PACKS], *out = (pack *)sums;
    (void)cache;
    (void)scratch;
    if (!gaussian->train)
        return;
    spread(gaussian, x, sum);
    for (size_t l = 0; l < ROW_PACKS; l++)
        out[l] = pack_fma(-0.5 * ((const pack *)c)[l], sum[l], out[l]);
    for (size_t i = 0; du && i < gaussian->n_coordinates; i++)
        for (size_t l = 0; l < ROW_PACKS; l++) {
            const size_t at = i * ROW_PACKS + l;
            out[l] = pack_fma(0.5 * gaussian->omega[i % gaussian->dimensions] * ((const pack *)x)[at], ((const pack *)du)[at], out[l]);
        }
}

static void collect(const void *state, const double *sums, double *out)
{
    if (n_parameters(state))
        out[0] += pack_sum_row(sums);
}

static size_t n_sum_rows(const void *state) { return n_parameters(state); }

const struct factor_type factor_gaussian = {
    .name = "gaussian", .summary = "the trap's Gaussian, exp(-1/2 alpha omega x^2)", .state_size = sizeof(struct gaussian), .params = params,
    .carries_trap = true, .build = build, .traits = traits, .n_parameters = n_parameters, .views = views, .start = start, .prepare = prepare,
    .weigh = weigh, .evaluate = evaluate, .derivatives = derivatives, .accumulate = accumulate, .collect = collect, .n_sum_rows = n_sum_rows };
