// SPDX-License-Identifier: GPL-3.0-or-later
// Importance sampling by the Fokker-Planck equation with D = 1/2 (docs/theory.md, eqs. 22 and 23): with g = grad ln|psi|, s = sqrt(dt),
//     x' = x + g dt + xi s,   accepted with min(1, |psi'/psi|^2 G(x|x') / G(x'|x)),
//     ln G(x|x') - ln G(x'|x) = -sum_i (g + g')_i s [ xi_i + (g + g')_i s / 2 ]
// All particles move at once. Roberts and Tweedie, Bernoulli 2, 341 (1996).
#include "sampler/accept.h"
#include "vmc/rng.h"
#include "vmc/sampler.h"
#include "vmc/units.h"

#include <math.h>

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

// xi [M], a uniform row, ln of the ratio of G, the mask
static size_t n_scratch_rows(const void *state, const struct wavefunction *wavefunction)
{
    (void)state;
    return wavefunction->n_coordinates + 3;
}

static size_t moves_per_sweep(const void *state, const struct system *system)
{
    (void)state;
    (void)system;
    return 1;
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
    const double *gradient = rows_at(block->current, wavefunction->row_gradient);
    (void)state;
    rng_normals(block->random, m, xi);
    rng_uniforms(block->random, 1, uniform);
    drift(step, m, gradient, xi, block->current, block->trial);
    wavefunction_evaluate(wavefunction, block->trial);
    green_ratio(step, m, gradient, rows_at(block->trial, wavefunction->row_gradient), xi, ratio);
    const size_t accepted = accept_mask(wavefunction, block->current, block->trial, uniform, ratio, wavefunction->n_weights, mask);
    accept_frame(wavefunction, accepted, mask, block);
    return accepted;
}

const struct sampler_type sampler_langevin = {
    .name = "langevin", .summary = "importance sampling: drift along grad ln|psi|", .state_size = 1, .params = params, .has_step = true,
    .step_unit = "1/" UNIT_FREQUENCY, .best_acceptance = best_acceptance, .first_step = first_step, .suits = suits, .n_scratch_rows = n_scratch_rows,
    .moves_per_sweep = moves_per_sweep, .sweep = sweep };
