// SPDX-License-Identifier: GPL-3.0-or-later
// Importance sampling by the Fokker-Planck equation with D = 1/2 (docs/theory.md, eqs. 22 and 23): with g = grad ln|psi|, s = sqrt(dt),
//     x' = x + g dt + xi s,   accepted with min(1, |psi'/psi|^2 G(x|x') / G(x'|x)),
//     ln G(x|x') - ln G(x'|x) = -sum_i (g + g')_i s [ xi_i + (g + g')_i s / 2 ]
// All particles move at once. Roberts and Tweedie, Bernoulli 2, 341 (1996).
//
// Near a node, d away, g = 1 / d, and a step of that drift overshoots by any length: walkers that come there would stay. Where psi has nodes the drift
// of each particle is therefore the mean one over the time dt as the particle leaves a plane node (Umrigar, Nightingale and Runge, J. Chem. Phys. 99,
// 2865 (1993), with their a = 1), in the proposal and in the ratio alike:
//     g_p -> 2 g_p / (1 + sqrt(1 + 2 |g_p|^2 dt))
#include "sampler/accept.h"
#include "vmc/rng.h"
#include "vmc/sampler.h"
#include "vmc/units.h"

#include <math.h>

struct langevin {
    bool limited;  // psi has nodes
};

static const struct param params[] = { PARAM_END };

extern const struct sampler_type sampler_langevin;

// Roberts and Rosenthal, J. R. Stat. Soc. B 60, 255 (1998), for many dimensions; a few want a little more
static double best_acceptance(const void *state, const struct system *system)
{
    (void)state;
    return system_coordinates(system) < 10 ? 0.7 : 0.574;
}

static double first_step(const void *state, const struct system *system)
{
    (void)state;
    return 0.5 / system->omega[0];
}

static bool suits(const void *state, const struct wavefunction *wavefunction, struct error *error)
{
    (void)state;
    (void)wavefunction;
    (void)error;
    return true;
}

static bool prepare(void *state, const struct wavefunction *wavefunction)
{
    struct factor_traits traits;
    wavefunction_traits(wavefunction, &traits);
    ((struct langevin *)state)->limited = traits.has_nodes;
    return true;
}

// xi [M], a uniform row, ln of the ratio of G, the mask; limited drifts before and after [2 M]
static size_t n_scratch_rows(const void *state, const struct wavefunction *wavefunction)
{
    (void)state;
    return 3 * wavefunction->n_coordinates + 3;
}

static size_t moves_per_sweep(const void *state, const struct system *system)
{
    (void)state;
    (void)system;
    return 1;
}

// [M] rows of the drift: the gradient, or what is left of it near nodes, in `room`
static const double *limit(const struct langevin *langevin, double dt, const struct wavefunction *wavefunction, const double *frame, double *room)
{
    const size_t dimensions = wavefunction->system.dimensions;
    const double *gradient = rows_at_const(frame, wavefunction->row_gradient);
    if (!langevin->limited)
        return gradient;
    for (size_t first = 0; first < wavefunction->n_coordinates; first += dimensions)
        for (size_t l = 0; l < ROW_PACKS; l++) {
            pack sum = pack_all(1.0);
            for (size_t d = 0; d < dimensions; d++) {
                const pack slope = ((const pack *)gradient)[(first + d) * ROW_PACKS + l];
                sum = pack_fma(2 * dt * slope, slope, sum);
            }
            const pack scale = 2.0 / pack_fma(sum, pack_rsqrt(sum), pack_all(1.0));
            for (size_t d = 0; d < dimensions; d++)
                ((pack *)room)[(first + d) * ROW_PACKS + l] = scale * ((const pack *)gradient)[(first + d) * ROW_PACKS + l];
        }
    return room;
}

static void drift(double dt, size_t m, const double *gradient, const double *xi, const double *x, double *out)
{
    const pack s = pack_all(sqrt(dt)), t = pack_all(dt);
    for (size_t k = 0; k < m * ROW_PACKS; k++) {
        const pack diffused = pack_fma(s, ((const pack *)xi)[k], ((const pack *)x)[k]);
        ((pack *)out)[k] = pack_fma(t, ((const pack *)gradient)[k], diffused);
    }
}

static void green_ratio(double dt, size_t m, const double *gradient, const double *new_gradient, const double *xi, double *out)
{
    const pack half = pack_all(0.5 * sqrt(dt)), scale = pack_all(-sqrt(dt));
    for (size_t l = 0; l < ROW_PACKS; l += TILE_PACKS) {
        pack sum[TILE_PACKS] = { { 0 } };
        for (size_t k = l; k < m * ROW_PACKS; k += ROW_PACKS)
            for (size_t p = 0; p < TILE_PACKS; p++) {
                const pack both = ((const pack *)gradient)[k + p] + ((const pack *)new_gradient)[k + p];
                sum[p] = pack_fma(both, pack_fma(half, both, ((const pack *)xi)[k + p]), sum[p]);
            }
        for (size_t p = 0; p < TILE_PACKS; p++)
            ((pack *)out)[l + p] = scale * sum[p];
    }
}

static PACK_HOT size_t sweep(const void *state, double step, const struct wavefunction *wavefunction, struct block *block, double *scratch)
{
    const size_t m = wavefunction->n_coordinates;
    double *xi = scratch, *uniform = rows_at(scratch, m), *ratio = rows_at(scratch, m + 1), *mask = rows_at(scratch, m + 2);
    double *room = rows_at(scratch, m + 3);
    const double *before = limit(state, step, wavefunction, block->current, room);
    rng_normals(block->random, m, xi);
    rng_uniforms(block->random, 1, uniform);
    drift(step, m, before, xi, block->current, block->trial);
    wavefunction_evaluate(wavefunction, block->trial);
    green_ratio(step, m, before, limit(state, step, wavefunction, block->trial, rows_at(room, m)), xi, ratio);
    const size_t accepted = accept_mask(wavefunction, block->current, block->trial, uniform, ratio, wavefunction->n_weights, mask);
    accept_frame(wavefunction, accepted, mask, block);
    return accepted;
}

const struct sampler_type sampler_langevin = {
    .name = "langevin", .summary = "importance sampling: drift along grad ln|psi|", .state_size = sizeof(struct langevin), .params = params, .has_step = true,
    .step_unit = "1/" UNIT_FREQUENCY, .best_acceptance = best_acceptance, .first_step = first_step, .suits = suits, .prepare = prepare, .n_scratch_rows = n_scratch_rows,
    .moves_per_sweep = moves_per_sweep, .sweep = sweep };
