// SPDX-License-Identifier: GPL-3.0-or-later
// The trap's Gaussian, phi = exp(-1/2 alpha sum_i omega_d(i) x_i^2); exact for the bare trap at alpha = 1
// (docs/theory.md, eq. 2.9).
//     d/dx_k = -alpha omega x_k,   Laplacian = -alpha P sum_d omega_d,   d/d alpha = -1/2 sum_i omega_i x_i^2
// Check: P = D = 1, alpha = omega = 1, x = 2: ln phi = -2, gradient -2, Laplacian -1.
#include "base/rows.h"
#include "vmc/wavefunction.h"

struct gaussian {
    double alpha, value;  // as set, and in use
    bool train;
    size_t n_coordinates, dimensions;
    double omega[DIMENSIONS_MOST], omega_sum;
};

extern const struct factor_type factor_gaussian;

static const struct param params[] = {
    PARAM_REAL(gaussian, alpha, .range = PARAM_ABOVE(0), .fallback = "1",
               .help = "alpha in exp(-1/2 alpha omega x^2): the value, or where training starts"),
    PARAM_BOOL(gaussian, train, .fallback = "yes", .help = "train alpha"),
    PARAM_END,
};

static bool build(void *state, const struct system *system, const struct factor_surroundings *surroundings,
                  struct error *error)
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
    return true;
}

static const struct factor_numbers alpha_row = {
    .name = "alpha",
    .long_name = "alpha in exp(-1/2 alpha omega x^2)",
    .setting = offsetof(struct gaussian, alpha),
    .train = offsetof(struct gaussian, train),
    .value = offsetof(struct gaussian, value),
};

static void traits(const void *state, struct factor_traits *traits)
{
    *traits = (struct factor_traits){ .symmetry = FACTOR_SYMMETRIC,
                                      .scalable = ((const struct gaussian *)state)->train };
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

static void ratio(const void *state, size_t p, const double *old_x, const double *old_weight, const double *old_cache,
                  const struct configuration *at, double *weight, double *cache)
{
    const struct gaussian *gaussian = state;
    (void)old_cache;
    (void)cache;
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack change = pack_all(0.0);
        for (size_t d = 0; d < gaussian->dimensions; d++) {
            const size_t k = (p * gaussian->dimensions + d) * ROW_PACKS + l;
            const pack now = ((const pack *)at->x)[k], before = ((const pack *)old_x)[k];
            change = pack_fma(gaussian->omega[d] * (now - before), now + before, change);
        }
        ((pack *)weight)[l] = pack_all(1.0);
        ((pack *)weight)[ROW_PACKS + l] = pack_fma(pack_all(-gaussian->value), change,
                                                   ((const pack *)old_weight)[ROW_PACKS + l]);
    }
}

static void evaluate(const void *state, const struct configuration *at, unsigned how, double *weight, double *gradient,
                     double *laplacian, double *cache)
{
    const struct gaussian *gaussian = state;
    const bool add = how & FACTOR_ADD;
    weigh(state, at, weight, cache);
    for (size_t i = 0; i < gaussian->n_coordinates; i++) {
        const pack slope = pack_all(-gaussian->value * gaussian->omega[i % gaussian->dimensions]);
        for (size_t l = 0; l < ROW_PACKS; l++) {
            const size_t k = i * ROW_PACKS + l;
            ((pack *)gradient)[k] = pack_fma(slope, ((const pack *)at->x)[k],
                                             add ? ((const pack *)gradient)[k] : pack_all(0.0));
        }
    }
    const double curvature = -gaussian->value * gaussian->omega_sum;
    for (size_t l = 0; l < ROW_PACKS; l++)
        ((pack *)laplacian)[l] = (add ? ((const pack *)laplacian)[l] : pack_all(0.0)) + curvature;
}

static void particle_gradient(const void *state, size_t p, const struct configuration *at, const double *cache,
                              const double *trial, double *gradient)
{
    const struct gaussian *gaussian = state;
    (void)cache;
    (void)trial;
    for (size_t d = 0; d < gaussian->dimensions; d++)
        for (size_t l = d * ROW_PACKS; l < (d + 1) * ROW_PACKS; l++) {
            const pack x = ((const pack *)at->x)[p * gaussian->dimensions * ROW_PACKS + l];
            ((pack *)gradient)[l] = pack_fma(pack_all(-gaussian->value * gaussian->omega[d]), x, ((pack *)gradient)[l]);
        }
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
static void accumulate(const void *state, const double *x, const double *cache, const double *c, const double *du,
                       double *scratch, double *sums)
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
            out[l] = pack_fma(0.5 * gaussian->omega[i % gaussian->dimensions] * ((const pack *)x)[at],
                              ((const pack *)du)[at], out[l]);
        }
}

const struct factor_type factor_gaussian = {
    .name = "gaussian",
    .summary = "the trap's Gaussian, exp(-1/2 alpha omega x^2)",
    .state_size = sizeof(struct gaussian),
    .params = params,
    .carries_trap = true,
    .numbers = &alpha_row,
    .traits = traits,
    .build = build,
    .weigh = weigh,
    .ratio = ratio,
    .evaluate = evaluate,
    .particle_gradient = particle_gradient,
    .derivatives = derivatives,
    .accumulate = accumulate,
};
