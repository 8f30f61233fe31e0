// SPDX-License-Identifier: GPL-3.0-or-later
#include "run/ensemble_parts.h"

#include "base/rows.h"
#include "vmc/rng.h"

#include <math.h>

// The first particles of a walker that are further apart than a core, up to the one that is closer to some of them.
static size_t count_apart(const struct system *system, double core, size_t w, const double *x, size_t p)
{
    for (; p < system->particles; p++)
        for (size_t q = 0; q < p; q++) {
            double square = 0;
            for (size_t d = 0; d < system->dimensions; d++) {
                const double step = x[(p * system->dimensions + d) * WALKERS + w] -
                                    x[(q * system->dimensions + d) * WALKERS + w];
                square += step * step;
            }
            if (square <= core * core)
                return p;
        }
    return p;
}

// Where psi has a core, walkers must not begin inside: particles that are too close to an earlier one are drawn again,
// from a Gaussian that grows, so that any number of spheres finds room. Numbers come from the walkers' own streams.
static void spread_apart(const struct system *system, double core, double spread, struct block *block)
{
    const double margin = 1.05 * core;
    size_t apart[WALKERS], settled = 0;
    double width[WALKERS], draw[DIMENSIONS_MOST * WALKERS] __attribute__((aligned(64)));
    for (size_t w = 0; w < WALKERS; w++) {
        width[w] = spread;
        apart[w] = count_apart(system, margin, w, block->current, 1);
        settled += apart[w] == system->particles;
    }
    while (settled < WALKERS) {
        rng_normals(block->random, system->dimensions, draw);
        for (size_t w = 0; w < WALKERS; w++) {
            if (apart[w] == system->particles)
                continue;
            for (size_t d = 0; d < system->dimensions; d++)
                block->current[(apart[w] * system->dimensions + d) * WALKERS + w] = width[w] *
                                                                                    sqrt(0.5 / system->omega[d]) *
                                                                                    draw[d * WALKERS + w];
            const size_t now = count_apart(system, margin, w, block->current, apart[w]);
            width[w] = now == apart[w] ? 1.02 * width[w] : spread;
            apart[w] = now;
            settled += apart[w] == system->particles;
        }
    }
}

// Coordinates normally distributed with the width of the bare trap's ground state, times the spread asked for.
void ensemble_start(struct ensemble *ensemble, uint64_t seed)
{
    const struct system *system = &ensemble->wavefunction.system;
    const size_t m = ensemble->wavefunction.n_coordinates;
    struct factor_traits traits;
    wavefunction_traits(&ensemble->wavefunction, &traits);
    for (size_t j = 0; j < ensemble->n_rungs * ensemble->n_blocks; j++) {
        const size_t k = j % ensemble->n_blocks, rung = j / ensemble->n_blocks;
        struct block *block = &ensemble->block[j];
        if (k < ensemble->first_block || k >= ensemble->end_block)
            continue;
        rng_start_block(block->random, seed, ((uint64_t)rung << 40) + k * WALKERS);
        rng_normals(block->random, m, block->current);
        for (size_t i = 0; i < m; i++)
            for (size_t w = 0; w < WALKERS; w++)
                block->current[i * WALKERS + w] *= ensemble->spread * sqrt(0.5 / system->omega[i % system->dimensions]);
        if (traits.core > 0)
            spread_apart(system, traits.core, ensemble->spread, block);
        block->evaluated = false;
    }
}

// Returns how many a search has found.
static size_t take_jumps(struct ensemble *ensemble)
{
    if (!ensemble->may_jump || ensemble_is_independent(ensemble))
        return 0;
    sampler_jumps_take(&ensemble->jumps, &ensemble->wavefunction);
    return ensemble->seeks ? sampler_jumps_seek(&ensemble->jumps, &ensemble->wavefunction) : 0;
}

bool ensemble_take(struct ensemble *ensemble, const double *theta)
{
    if (!wavefunction_prepare(&ensemble->wavefunction, theta))
        return false;
    if (ensemble->sampler->prepare && !ensemble->sampler->prepare(ensemble->sampler_state, &ensemble->wavefunction))
        return false;
    take_jumps(ensemble);
#pragma omp parallel for num_threads((int)ensemble->threads) schedule(static)
    for (size_t k = ensemble->first_block; k < ensemble->end_block; k++)
        for (size_t r = 0; r < ensemble->n_rungs; r++)
            take_fresh(ensemble, &ensemble->block[r * ensemble->n_blocks + k]);
    return true;
}

// Variances to a tenth are enough: some hundred walkers are asked, every how many blocks.
enum { STRAIN_WALKERS = 512 };
static size_t strain_every(const struct ensemble *ensemble)
{
    const size_t blocks = STRAIN_WALKERS / WALKERS;
    return ensemble->n_blocks > blocks ? ensemble->n_blocks / blocks : 1;
}

size_t ensemble_seek(struct ensemble *ensemble, bool seeks)
{
    ensemble->seeks = seeks;
    return take_jumps(ensemble);
}

bool ensemble_foresee(struct ensemble *ensemble, const double *theta_back)
{
    const size_t m = ensemble->wavefunction.n_coordinates, every = strain_every(ensemble),
                 first = (ensemble->first_block + every - 1) / every * every;
    for (size_t k = first; k < ensemble->end_block; k += every)
        wavefunction_log(&ensemble->wavefunction, ensemble->block[k].current, ensemble->log_psi + k * WALKERS);
    if (!wavefunction_prepare(&ensemble->wavefunction, theta_back))
        return false;
#pragma omp parallel for num_threads((int)ensemble->threads) schedule(static)
    for (size_t k = first; k < ensemble->end_block; k += every) {
        struct rows rows;
        take_scratch(ensemble, &rows);
        rows_copy(m, ensemble->block[k].current, rows.trial);
        wavefunction_weigh(&ensemble->wavefunction, rows.trial);
        wavefunction_log(&ensemble->wavefunction, rows.trial, ensemble->log_psi + ensemble->n_walkers + k * WALKERS);
    }
    return true;
}

struct strain_sums {
    double linear, linear2, quadratic, quadratic2, n;
};

// Near a node that a step moves, at distance d, ln psi changes like 1/d to first and 1/d^2 to second order, whose
// variance is infinite: with `bounded` no walker's quadratic part counts for more than its linear one.
static void add_strain(const struct ensemble *ensemble, size_t block, bool bounded, struct strain_sums *sums)
{
    const double *before = ensemble->log_psi + block * WALKERS, *back = before + ensemble->n_walkers;
    double after[WALKERS];
    wavefunction_log(&ensemble->wavefunction, ensemble->block[block].current, after);
    for (size_t w = 0; w < WALKERS; w++) {
        const double linear = 0.5 * (after[w] - back[w]), bend = 0.5 * (after[w] + back[w]) - before[w];
        const double quadratic = bounded ? fmax(-fabs(linear), fmin(fabs(linear), bend)) : bend;
        sums->linear += linear;
        sums->linear2 += linear * linear;
        sums->quadratic += quadratic;
        sums->quadratic2 += quadratic * quadratic;
    }
    sums->n += WALKERS;
}

struct ensemble_strain ensemble_strain(struct ensemble *ensemble)
{
    struct strain_sums sums[GROUPS_MOST] = { { 0 } }, total = { 0 };
    struct factor_traits traits;
    const size_t every = strain_every(ensemble);
    wavefunction_traits(&ensemble->wavefunction, &traits);
    for (size_t g = ensemble->first_group; g < ensemble->end_group; g++)
        for (size_t k = 0; k < ensemble->group[g].n_blocks; k++)
            if ((ensemble->group[g].first_block + k) % every == 0)
                add_strain(ensemble, ensemble->group[g].first_block + k, traits.has_nodes, &sums[g]);
    ensemble_move_groups(ensemble, sums, sizeof *sums, TEAM_GATHER_ALL);
    for (size_t g = 0; g < ensemble->n_groups; g++) {
        total.linear += sums[g].linear;
        total.linear2 += sums[g].linear2;
        total.quadratic += sums[g].quadratic;
        total.quadratic2 += sums[g].quadratic2;
        total.n += sums[g].n;
    }
    const double n = total.n;
    // rounding may take them below 0, where ln psi bends alike for all
    return (struct ensemble_strain){ fmax(0, (total.linear2 - total.linear * total.linear / n) / n),
                                     fmax(0, (total.quadratic2 - total.quadratic * total.quadratic / n) / n) };
}
