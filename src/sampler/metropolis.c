// SPDX-License-Identifier: GPL-3.0-or-later
// Random-walk Metropolis (docs/theory.md, eq. 4.4): x' = x + step times uniform numbers in [-1, 1] or normal ones, one
// particle or all at a time, accepted with min(1, |psi'/psi|^2). Only |psi|^2 is needed; one-particle moves update it
// instead of computing it anew. Metropolis et al., J. Chem. Phys. 21, 1087 (1953).
#include "sampler/accept.h"
#include "sampler/moves.h"
#include "vmc/rng.h"
#include "vmc/sampler.h"
#include "vmc/units.h"

#include <math.h>

struct metropolis {
    size_t move, proposal;
};
enum { PROPOSAL_NORMAL, PROPOSAL_UNIFORM };

extern const struct sampler_type sampler_metropolis;

static const char *proposal_name(size_t k)
{
    return k == PROPOSAL_NORMAL ? "normal" : k == PROPOSAL_UNIFORM ? "uniform" : NULL;
}

static const struct param params[] = {
    PARAM_CHOICE(metropolis, move, .choice = move_name, .fallback = "auto",
                 .help = "what one move displaces; auto: particle"),
    PARAM_CHOICE(metropolis, proposal, .choice = proposal_name, .fallback = "uniform",
                 .help = "displacements: uniform within plus or minus step, or normal with standard deviation step"),
    PARAM_END,
};

// One-particle moves are worth it for any number of particles (docs/samplers.md).
static bool moves_one(const struct metropolis *metropolis, const struct system *system)
{
    return move_is_single(metropolis->move, system, 0);
}

static size_t moving_coordinates(const struct metropolis *metropolis, const struct system *system)
{
    return moves_one(metropolis, system) ? system->dimensions : system_coordinates(system);
}

// Roberts, Gelman and Gilks, Ann. Appl. Probab. 7, 110 (1997): 0.44 in one dimension, 0.234 in many; between them
// measured values
static double best_acceptance(const void *state, const struct system *system)
{
    static const double best[] = { 0.44, 0.35, 0.31, 0.28, 0.27 };
    const size_t n = moving_coordinates(state, system);
    return n <= sizeof best / sizeof *best ? best[n - 1] : 0.25;
}

static double first_step(const void *state, const struct system *system)
{
    const struct metropolis *metropolis = state;
    const double spread = metropolis->proposal == PROPOSAL_UNIFORM ? 1.7 : 1.0;
    return spread * 1.6 / sqrt(system->omega[0] * (double)moving_coordinates(metropolis, system));
}

// A particle's displacements and the uniform number of its decision, for all of them.
static size_t sweep_rows(const struct wavefunction *wavefunction)
{
    return wavefunction->n_coordinates + wavefunction->system.particles;
}

// displacements [M], a uniform row, the mask
static size_t n_scratch_rows(const void *state, const struct wavefunction *wavefunction)
{
    const size_t one = moving_coordinates(state, &wavefunction->system) + 2, all = sweep_rows(wavefunction);
    return wavefunction->sweeps && all > one ? all : one;
}

static size_t moves_per_sweep(const void *state, const struct system *system)
{
    return moves_one(state, system) ? system->particles : 1;
}

// x' of n coordinates from row `first` on; leaves the uniform row for the decision behind the displacements
static void propose(const struct metropolis *metropolis, const struct sampler_rung *rung, size_t first, size_t n,
                    struct block *block, double *scratch)
{
    const bool normal = metropolis->proposal == PROPOSAL_NORMAL;
    const pack step = pack_all(rung->step);
    if (normal)
        rng_normals_and_uniform(block->random, n, scratch);
    else
        rng_uniforms(block->random, n + 1, scratch);
    accept_temper(rung->temperature, rows_at(scratch, n));
    for (size_t k = 0; k < n * ROW_PACKS; k++) {
        const pack draw = ((const pack *)scratch)[k], displacement = normal ? draw : (pack)(2.0 * draw - 1.0);
        ((pack *)rows_at(block->trial, first))[k] = pack_fma(step, displacement,
                                                             ((const pack *)rows_at(block->current, first))[k]);
    }
}

static size_t move_all(const struct metropolis *metropolis, const struct sampler_rung *rung,
                       const struct wavefunction *wavefunction, struct block *block, double *scratch)
{
    const size_t m = wavefunction->n_coordinates;
    double *uniform = rows_at(scratch, m), *mask = rows_at(scratch, m + 1);
    propose(metropolis, rung, 0, m, block, scratch);
    wavefunction_weigh(wavefunction, block->trial);
    const size_t accepted = accept_mask(wavefunction, block->current, block->trial, uniform, NULL,
                                        wavefunction->n_weights, mask);
    accept_frame(wavefunction, accepted, mask, block);
    return accepted;
}

// All random numbers at once, and all moves.
static size_t move_in_turn(const struct metropolis *metropolis, const struct sampler_rung *rung,
                           const struct wavefunction *wavefunction, struct block *block, double *scratch)
{
    const size_t dimensions = wavefunction->system.dimensions, particles = wavefunction->system.particles;
    const bool normal = metropolis->proposal == PROPOSAL_NORMAL;
    if (normal)
        for (size_t p = 0; p < particles; p++)
            rng_normals_and_uniform(block->random, dimensions, rows_at(scratch, p * (dimensions + 1)));
    else
        rng_uniforms(block->random, sweep_rows(wavefunction), scratch);
    for (size_t p = 0; p < particles; p++)
        accept_temper(rung->temperature, rows_at(scratch, p * (dimensions + 1) + dimensions));
    return wavefunction_sweep(
        wavefunction, &(struct sweep_draws){ scratch, rung->step, normal ? 1 : 2, normal ? 0 : 1 }, block->current);
}

static size_t move_particles(const struct metropolis *metropolis, const struct sampler_rung *rung,
                             const struct wavefunction *wavefunction, struct block *block, double *scratch)
{
    const size_t dimensions = wavefunction->system.dimensions;
    double *uniform = rows_at(scratch, dimensions), *mask = rows_at(scratch, dimensions + 1);
    size_t accepted = 0;
    if (!block->movable)
        wavefunction_refresh(wavefunction, false, block->current);
    if (wavefunction->sweeps) {
        block->movable = block->updated = true;
        return move_in_turn(metropolis, rung, wavefunction, block, scratch);
    }
    rows_copy(wavefunction->n_coordinates, block->current, block->trial);
    for (size_t p = 0; p < wavefunction->system.particles; p++) {
        propose(metropolis, rung, p * dimensions, dimensions, block, scratch);
        wavefunction_ratio(wavefunction, p, block->current, block->trial);
        accepted += accept_mask(wavefunction, block->current, block->trial, uniform, NULL, wavefunction->n_weights,
                                mask);
        wavefunction_accept(wavefunction, p, mask, block->trial, block->current);
    }
    block->movable = block->updated = true;
    return accepted;
}

static size_t sweep(const void *state, const struct sampler_rung *rung, const struct wavefunction *wavefunction,
                    struct block *block, double *scratch)
{
    const struct metropolis *metropolis = state;
    block->evaluated = false;
    return (moves_one(metropolis, &wavefunction->system) ? move_particles : move_all)(metropolis, rung, wavefunction,
                                                                                      block, scratch);
}

const struct sampler_type sampler_metropolis = {
    .name = "metropolis",
    .summary = "random walk",
    .state_size = sizeof(struct metropolis),
    .params = params,
    .has_step = true,
    .step_unit = UNIT_LENGTH,
    .best_acceptance = best_acceptance,
    .first_step = first_step,
    .n_scratch_rows = n_scratch_rows,
    .moves_per_sweep = moves_per_sweep,
    .sweep = sweep,
    .tempers = true,
};
