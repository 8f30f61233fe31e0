// SPDX-License-Identifier: GPL-3.0-or-later
// Jumps between maxima of |psi|^2 (docs/theory.md, eq. 4.14): x' = x + d_j or x - d_j, or two such displacements at
// once, accepted with min(1, |psi'/psi|^2). A displacement and its opposite are proposed as often, so |psi|^2 stays as
// it is. Where a factor has maxima that lie apart, walkers that began in a poor one would never leave it by small
// steps. Andricioaei, Straub and Voter, J. Chem. Phys. 114, 6994 (2001), with the displacements that the hidden units
// give.
#include "sampler/accept.h"
#include "vmc/rng.h"
#include "vmc/sampler.h"

#include "base/memory.h"

enum { SOUGHT_MOST = 4 };  // of each factor

bool sampler_jumps_build(struct sampler_jumps *jumps, const struct wavefunction *wavefunction)
{
    *jumps = (struct sampler_jumps){ 0 };
    for (size_t f = 0; f < wavefunction->n_factors; f++)
        if (wavefunction->factor[f].type->n_jumps)
            jumps->most += wavefunction->factor[f].type->n_jumps(wavefunction->factor[f].state) + SOUGHT_MOST;
    if (jumps->most > 0)
        jumps->displacement = memory_doubles(jumps->most * wavefunction->n_coordinates);
    return jumps->most == 0 || jumps->displacement;
}

void sampler_jumps_finish(struct sampler_jumps *jumps)
{
    memory_free(jumps->displacement);
    *jumps = (struct sampler_jumps){ 0 };
}

void sampler_jumps_take(struct sampler_jumps *jumps, const struct wavefunction *wavefunction)
{
    jumps->n = 0;
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        const size_t n = factor->type->n_jumps ? factor->type->n_jumps(factor->state) : 0;
        for (size_t k = 0; k < n; k++)
            jumps->n += factor->type->jump(factor->state, k,
                                           jumps->displacement + jumps->n * wavefunction->n_coordinates);
    }
}

size_t sampler_jumps_seek(struct sampler_jumps *jumps, const struct wavefunction *wavefunction)
{
    const size_t before = jumps->n;
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        if (factor->type->n_jumps && factor->type->seek_jumps)
            jumps->n += factor->type->seek_jumps(factor->state, SOUGHT_MOST,
                                                 jumps->displacement + jumps->n * wavefunction->n_coordinates);
    }
    return jumps->n - before;
}

// The displacement that a uniform number in (0, 1] points at, times a sign; past them all, none.
static void displace(const struct sampler_jumps *jumps, size_t m, double uniform, size_t choices, size_t w, double *x)
{
    const double at = uniform * (double)choices;
    const size_t k = at < (double)choices ? (size_t)at : choices - 1, j = k / 2;
    const double sign = k % 2 ? -1 : 1;
    for (size_t i = 0; i < m && j < jumps->n; i++)
        x[i * WALKERS + w] += sign * jumps->displacement[j * m + i];
}

// Half of the jumps are two displacements, from one maximum past a third that lies high.
size_t sampler_jump(const struct sampler_jumps *jumps, const struct wavefunction *wavefunction, double temperature,
                    struct block *block, double *scratch)
{
    const size_t m = wavefunction->n_coordinates;
    double *uniform = rows_at(scratch, 2), *mask = rows_at(scratch, 3);
    rng_uniforms(block->random, 3, scratch);
    rows_copy(m, block->current, block->trial);
    for (size_t w = 0; w < WALKERS; w++) {
        displace(jumps, m, scratch[w], 2 * jumps->n, w, block->trial);
        displace(jumps, m, scratch[WALKERS + w], 4 * jumps->n, w, block->trial);
    }
    accept_temper(temperature, uniform);
    wavefunction_weigh(wavefunction, block->trial);
    const size_t accepted = accept_mask(wavefunction, block->current, block->trial, uniform, NULL,
                                        wavefunction->n_weights, mask);
    accept_frame(wavefunction, accepted, mask, block);
    return accepted;
}
