// SPDX-License-Identifier: GPL-3.0-or-later
// Importance sampling by the Fokker-Planck equation with D = 1/2 (docs/theory.md, eqs. 4.5 and 4.6): with g = grad
// ln|psi|, s = sqrt(dt),
//     x' = x + g dt + xi s,   accepted with min(1, |psi'/psi|^2 G(x|x') / G(x'|x)),
//     ln G(x|x') - ln G(x'|x) = -sum_i (g + g')_i s [ xi_i + (g + g')_i s / 2 ]
// All particles move at once, or one particle p with grad_p ln|psi| before and after its own move. Roberts and Tweedie,
// Bernoulli 2, 341 (1996).
// Where psi vanishes somewhere the drift is limited (drift.h), in the proposal and in the ratio alike. At a temperature
// T it is g / T.
#include "sampler/accept.h"
#include "sampler/drift.h"
#include "sampler/moves.h"
#include "vmc/rng.h"
#include "vmc/sampler.h"
#include "vmc/units.h"

#include <math.h>
#include <stdint.h>

struct langevin {
    size_t move;
    bool limited;  // the drift
};

static const struct param params[] = {
    PARAM_CHOICE(langevin, move, .choice = move_name, .fallback = "auto", .help = "what one move displaces; auto: all"),
    PARAM_END,
};

extern const struct sampler_type sampler_langevin;

// `move = auto` displaces all particles at once, however many there are (docs/samplers.md).
static bool moves_one(const void *state, const struct system *system)
{
    return move_is_single(((const struct langevin *)state)->move, system, SIZE_MAX);
}

// Roberts and Rosenthal, J. R. Stat. Soc. B 60, 255 (1998), for many dimensions; a few want a little more
static double best_acceptance(const void *state, const struct system *system)
{
    return moves_one(state, system) || system_coordinates(system) < 10 ? 0.7 : 0.574;
}

static double first_step(const void *state, const struct system *system)
{
    (void)state;
    return 0.5 / system->omega[0];
}

static bool prepare(void *state, const struct wavefunction *wavefunction)
{
    ((struct langevin *)state)->limited = drift_needs_limit(wavefunction);
    return true;
}

static size_t moving_coordinates(const void *state, const struct system *system)
{
    return moves_one(state, system) ? system->dimensions : system_coordinates(system);
}

// xi [n], a uniform row, ln of the ratio of G, the mask, both drifts [n] each, and what the gradient of one particle
// takes
static size_t n_scratch_rows(const void *state, const struct wavefunction *wavefunction)
{
    const size_t n = moving_coordinates(state, &wavefunction->system);
    return 3 * n + 3 + (moves_one(state, &wavefunction->system) ? wavefunction->n_particle_rows : 0);
}

static size_t moves_per_sweep(const void *state, const struct system *system)
{
    return moves_one(state, system) ? system->particles : 1;
}

PACK_INLINE void drift(double dt, size_t m, const double *gradient, const double *xi, const double *x, double *out)
{
    const pack s = pack_all(sqrt(dt)), t = pack_all(dt);
    for (size_t k = 0; k < m * ROW_PACKS; k++) {
        const pack diffused = pack_fma(s, ((const pack *)xi)[k], ((const pack *)x)[k]);
        ((pack *)out)[k] = pack_fma(t, ((const pack *)gradient)[k], diffused);
    }
}

// T times the logarithm of the ratio
PACK_INLINE void green_ratio(const struct sampler_rung *rung, size_t m, const double *gradient,
                             const double *new_gradient, const double *xi, double *out)
{
    const double root = sqrt(rung->step);
    const pack half = pack_all(0.5 * root), scale = pack_all(-root * rung->temperature);
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

// The gradient at another temperature, or limited: a call, so that the usual step stays short.
static __attribute__((noinline)) const double *limit_drift(const struct langevin *langevin,
                                                           const struct sampler_rung *rung, size_t dimensions, size_t n,
                                                           const double *gradient, double *rows)
{
    if (rung->temperature != 1) {
        const pack share = pack_all(1 / rung->temperature);
        for (size_t k = 0; k < n * ROW_PACKS; k++)
            ((pack *)rows)[k] = share * ((const pack *)gradient)[k];
        gradient = rows;
    }
    if (!langevin->limited)
        return gradient;
    drift_shorten(rung->step, dimensions, n, gradient, rows);
    return rows;
}

// The gradient itself where nothing is to be limited at T = 1.
PACK_INLINE const double *limit(const struct langevin *langevin, const struct sampler_rung *rung, size_t dimensions,
                                size_t n, const double *gradient, double *rows)
{
    return langevin->limited || rung->temperature != 1 ? limit_drift(langevin, rung, dimensions, n, gradient, rows)
                                                       : gradient;
}

struct rows {  // the uniform row follows xi
    double *xi, *uniform, *ratio, *mask, *before, *after, *factors;
};

static struct rows lay_out(size_t n, double *scratch)
{
    return (struct rows){ scratch,
                          rows_at(scratch, n),
                          rows_at(scratch, n + 1),
                          rows_at(scratch, n + 2),
                          rows_at(scratch, n + 3),
                          rows_at(scratch, 2 * n + 3),
                          rows_at(scratch, 3 * n + 3) };
}

// All particles at T = 1 with the drift limited. Its square roots and divisions take as long as all else that is done
// to coordinates here: the factor of every particle is found beside the sums that need it, and kept for the next step.

// x' = x + scale g dt + xi s. scale: [P] rows, known already or found here.
PACK_INLINE void propose_limited(size_t dimensions, double dt, size_t particles, bool known, const double *gradient,
                                 const double *xi, const double *x, double *scale, double *out)
{
    const pack s = pack_all(sqrt(dt)), t = pack_all(dt), twice = pack_all(2 * dt);
    for (size_t p = 0; p < particles; p++)
        for (size_t l = 0; l < ROW_PACKS; l++) {
            const size_t first = p * dimensions * ROW_PACKS + l;
            pack *const own = (pack *)scale + p * ROW_PACKS + l;
            const pack share = known ? *own : drift_scale(twice, dimensions, (const pack *)gradient + first);
            if (!known)
                *own = share;
            for (size_t k = first; k < first + dimensions * ROW_PACKS; k += ROW_PACKS) {
                const pack diffused = pack_fma(s, ((const pack *)xi)[k], ((const pack *)x)[k]);
                ((pack *)out)[k] = pack_fma(t, share * ((const pack *)gradient)[k], diffused);
            }
        }
}

// The logarithm of the ratio; new_scale: found here.
PACK_INLINE void limited_ratio(size_t dimensions, double dt, size_t particles, const double *gradient,
                               const double *scale, const double *new_gradient, const double *xi, double *new_scale,
                               double *out)
{
    const double root = sqrt(dt);
    const pack half = pack_all(0.5 * root), minus = pack_all(-root), twice = pack_all(2 * dt);
    for (size_t l = 0; l < ROW_PACKS; l += TILE_PACKS) {
        pack sum[TILE_PACKS] = { { 0 } };
        for (size_t p = 0; p < particles; p++)
            ROWS_UNROLLED
        for (size_t s = 0; s < TILE_PACKS; s++) {
            const size_t row = p * ROW_PACKS + l + s, first = p * dimensions * ROW_PACKS + l + s;
            const pack before = ((const pack *)scale)[row],
                       after = drift_scale(twice, dimensions, (const pack *)new_gradient + first);
            ((pack *)new_scale)[row] = after;
            for (size_t k = first; k < first + dimensions * ROW_PACKS; k += ROW_PACKS) {
                const pack both = before * ((const pack *)gradient)[k] + after * ((const pack *)new_gradient)[k];
                sum[s] = pack_fma(both, pack_fma(half, both, ((const pack *)xi)[k]), sum[s]);
            }
        }
        for (size_t s = 0; s < TILE_PACKS; s++)
            ((pack *)out)[l + s] = minus * sum[s];
    }
}

PACK_INLINE size_t step_limited(size_t dimensions, double dt, const struct wavefunction *wavefunction,
                                struct block *block, const struct rows *rows)
{
    const size_t particles = wavefunction->system.particles;
    const double *gradient = rows_at(block->current, wavefunction->row_gradient),
                 *new_gradient = rows_at(block->trial, wavefunction->row_gradient);
    propose_limited(dimensions, dt, particles, block->remembered, gradient, rows->xi, block->current, rows->before,
                    block->trial);
    wavefunction_evaluate(wavefunction, block->trial);
    limited_ratio(dimensions, dt, particles, gradient, rows->before, new_gradient, rows->xi, rows->after, rows->ratio);
    const size_t accepted = accept_mask(wavefunction, block->current, block->trial, rows->uniform, rows->ratio,
                                        wavefunction->n_weights, rows->mask);
    accept_frame(wavefunction, accepted, rows->mask, block);
    if (accepted > 0)
        rows_blend(particles, rows->mask, rows->after, rows->before);
    block->remembered = true;
    return accepted;
}

static PACK_HOT size_t move_limited(const struct sampler_rung *rung, const struct wavefunction *wavefunction,
                                    struct block *block, const struct rows *rows)
{
    switch (wavefunction->system.dimensions) {
    case 1: return step_limited(1, rung->step, wavefunction, block, rows);
    case 2: return step_limited(2, rung->step, wavefunction, block, rows);
    default: return step_limited(3, rung->step, wavefunction, block, rows);
    }
}

static PACK_HOT size_t move_all(const struct langevin *langevin, const struct sampler_rung *rung,
                                const struct wavefunction *wavefunction, struct block *block, double *scratch)
{
    const size_t m = wavefunction->n_coordinates, dimensions = wavefunction->system.dimensions;
    const struct rows rows = lay_out(m, scratch);
    rng_normals_and_uniform(block->random, m, rows.xi);
    if (langevin->limited && rung->temperature == 1)
        return move_limited(rung, wavefunction, block, &rows);
    accept_temper(rung->temperature, rows.uniform);
    const double *before = limit(langevin, rung, dimensions, m, rows_at(block->current, wavefunction->row_gradient),
                                 rows.before);
    drift(rung->step, m, before, rows.xi, block->current, block->trial);
    wavefunction_evaluate(wavefunction, block->trial);
    const double *after = limit(langevin, rung, dimensions, m, rows_at(block->trial, wavefunction->row_gradient),
                                rows.after);
    green_ratio(rung, m, before, after, rows.xi, rows.ratio);
    const size_t accepted = accept_mask(wavefunction, block->current, block->trial, rows.uniform, rows.ratio,
                                        wavefunction->n_weights, rows.mask);
    accept_frame(wavefunction, accepted, rows.mask, block);
    return accepted;
}

static PACK_HOT size_t move_particles(const struct langevin *langevin, const struct sampler_rung *rung,
                                      const struct wavefunction *wavefunction, struct block *block, double *scratch)
{
    const size_t n = wavefunction->system.dimensions;
    const struct rows rows = lay_out(n, scratch);
    size_t accepted = 0;
    if (!block->movable)
        wavefunction_refresh(wavefunction, false, block->current);
    rows_copy(wavefunction->n_coordinates, block->current, block->trial);
    for (size_t p = 0; p < wavefunction->system.particles; p++) {
        rng_normals_and_uniform(block->random, n, rows.xi);
        accept_temper(rung->temperature, rows.uniform);
        wavefunction_particle_gradient(wavefunction, p, block->current, NULL, rows.factors, rows.before);
        limit(langevin, rung, n, n, rows.before, rows.before);
        drift(rung->step, n, rows.before, rows.xi, rows_at(block->current, p * n), rows_at(block->trial, p * n));
        wavefunction_ratio(wavefunction, p, block->current, block->trial);
        wavefunction_particle_gradient(wavefunction, p, block->current, block->trial, rows.factors, rows.after);
        limit(langevin, rung, n, n, rows.after, rows.after);
        green_ratio(rung, n, rows.before, rows.after, rows.xi, rows.ratio);
        accepted += accept_mask(wavefunction, block->current, block->trial, rows.uniform, rows.ratio,
                                wavefunction->n_weights, rows.mask);
        wavefunction_accept(wavefunction, p, rows.mask, block->trial, block->current);
    }
    block->evaluated = false;
    block->movable = block->updated = true;
    return accepted;
}

static size_t sweep(const void *state, const struct sampler_rung *rung, const struct wavefunction *wavefunction,
                    struct block *block, double *scratch)
{
    return (moves_one(state, &wavefunction->system) ? move_particles : move_all)(state, rung, wavefunction, block,
                                                                                 scratch);
}

const struct sampler_type sampler_langevin = {
    .name = "langevin",
    .summary = "importance sampling: drift along grad ln|psi|",
    .state_size = sizeof(struct langevin),
    .params = params,
    .has_step = true,
    .step_unit = "1/" UNIT_FREQUENCY,
    .best_acceptance = best_acceptance,
    .first_step = first_step,
    .prepare = prepare,
    .n_scratch_rows = n_scratch_rows,
    .moves_per_sweep = moves_per_sweep,
    .sweep = sweep,
    .tempers = true,
};
