// SPDX-License-Identifier: GPL-3.0-or-later
// Metropolis's decision for the 32 walkers of a block, and what follows from it.
#ifndef VMC_SAMPLER_ACCEPT_H
#define VMC_SAMPLER_ACCEPT_H

#include "base/rows.h"
#include "vmc/walkers.h"
#include "vmc/wavefunction.h"

// accept_mask, from the weight rows of both frames on
PACK_INLINE size_t accept_some(size_t n_weights, const double *current, const double *trial, const double *uniform,
                               const double *extra, size_t skip, double *mask)
{
    pack_bits count = { 0 };
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack old = ((const pack *)uniform)[l], new = pack_all(1.0),
             exponent = extra ? ((const pack *)extra)[l] : pack_all(0.0);
        for (size_t f = 0; f < n_weights; f++) {
            if (f == skip)
                continue;
            const size_t at = 2 * f * ROW_PACKS + l;
            old *= ((const pack *)current)[at];
            new *= ((const pack *)trial)[at];
            exponent += ((const pack *)trial)[at + ROW_PACKS] - ((const pack *)current)[at + ROW_PACKS];
        }
        const pack_bits yes = old < new *pack_exp(exponent);
        ((pack_bits *)mask)[l] = yes;
        count -= yes;
    }
    size_t accepted = 0;
    for (int k = 0; k < PACK_WIDTH; k++)
        accepted += (size_t)count[k];
    return accepted;
}

// Sets `mask` (a row of bits) where u < |psi'/psi|^2 e^extra, and returns how many walkers accept. |psi|^2 = mantissa
// e^exponent makes that one exponential and no logarithm; a NAN anywhere rejects. Weight `skip` is left out (n_weights:
// none is); extra may be NULL.
static inline size_t accept_mask(const struct wavefunction *wavefunction, const double *current, const double *trial,
                                 const double *uniform, const double *extra, size_t skip, double *mask)
{
    const size_t n = wavefunction->n_weights, first = wavefunction->row_weight;
    current = rows_at_const(current, first);
    trial = rows_at_const(trial, first);
    return n == 1 && skip == 1 ? accept_some(1, current, trial, uniform, extra, 1, mask)
                               : accept_some(n, current, trial, uniform, extra, skip, mask);
}

static __attribute__((noinline, unused)) void accept_raise(double temperature, double *uniform)
{
    for (size_t l = 0; l < ROW_PACKS; l++)
        ((pack *)uniform)[l] = pack_exp(temperature * pack_log(((const pack *)uniform)[l]));
}

// u < |psi'/psi|^(2/T) e^(extra) is u^T < |psi'/psi|^2 e^(T extra): the row of uniform numbers for that.
static inline void accept_temper(double temperature, double *uniform)
{
    if (temperature != 1)
        accept_raise(temperature, uniform);
}

// Whole frames: the walkers of the mask take over the trial, but for caches that only one-particle moves read.
static inline void accept_frame(const struct wavefunction *wavefunction, size_t accepted, const double *mask,
                                struct block *block)
{
    if (accepted == WALKERS) {
        double *frame = block->current;
        block->current = block->trial;
        block->trial = frame;
    } else if (accepted > 0) {
        size_t first = 0, n = wavefunction->row_cache;
        for (const struct factor *factor = wavefunction->factor, *end = factor + wavefunction->n_factors;; factor++) {
            rows_blend(n, mask, rows_at(block->trial, first), rows_at(block->current, first));
            if (factor == end)
                break;
            first = factor->first_cache_row + factor->n_move_rows;
            n = factor->n_kept_rows;
        }
        block->movable = false;
    }
}

#endif
