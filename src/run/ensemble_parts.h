// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
// What the files of the ensemble share: a thread's rows, and a block of walkers at all temperatures.
#include "run/ensemble.h"

#include <omp.h>

// Rows of one thread's scratch, in the order in which a draw uses them. The frame for trial moves is the thread's too;
// it changes places with that of a block whose walkers all accept.
struct rows {
    double *trial, *sampler, *factor, *control, *energy, *c, *controlled, *du, *features, *weight, *plain, *moments;
};

// Doubles of one thread's scratch; `rows` points into `scratch`, which may be NULL.
size_t ensemble_lay_out(const struct ensemble *ensemble, double *scratch, struct rows *rows);

// Where one process is cut, all are; how many moves were accepted in all.
uint64_t ensemble_join_cut(struct ensemble *ensemble, uint64_t accepted);

static inline double *rung_numbers(const struct ensemble *ensemble, size_t rung)
{
    return ensemble->rungs + rung * ensemble->rung_row;
}

static inline struct sampler_rung rung_at(const struct ensemble *ensemble, size_t rung)
{
    double *numbers = rung_numbers(ensemble, rung);
    return (struct sampler_rung){ ensemble->temperature[rung], rung ? numbers[RUNG_STEP] : ensemble->step,
                                  numbers + RUNG_OWN };
}

static inline void take_scratch(const struct ensemble *ensemble, struct rows *rows)
{
    const size_t thread = (size_t)omp_get_thread_num();
    ensemble_lay_out(ensemble, ensemble->scratch + thread * ensemble->scratch_doubles, rows);
    rows->trial = ensemble->trial[thread];
}

static inline void give_scratch(struct ensemble *ensemble, const struct rows *rows)
{
    ensemble->trial[omp_get_thread_num()] = rows->trial;
}

static inline void take_fresh(const struct ensemble *ensemble, struct block *block)
{
    wavefunction_evaluate(&ensemble->wavefunction, block->current);
    block->evaluated = true;
    block->movable = block->updated = block->remembered = false;
}

// One block of walkers at all temperatures.
struct ladder {
    struct block block[RUNGS_MOST];
    struct sampler_rung rung[RUNGS_MOST];
    size_t accepted[RUNGS_MOST], swapped[RUNGS_MOST - 1];
};

static inline void take_ladder(const struct ensemble *ensemble, size_t k, struct ladder *ladder)
{
    for (size_t r = 0; r < ensemble->n_rungs; r++) {
        ladder->block[r] = ensemble->block[r * ensemble->n_blocks + k];
        ladder->rung[r] = rung_at(ensemble, r);
        ladder->accepted[r] = ladder->block[r].divergent = 0;
        ladder->block[r].remembered = false;  // scratch is the thread's
    }
    for (size_t r = 0; r + 1 < ensemble->n_rungs; r++)
        ladder->swapped[r] = 0;
}

static inline void give_ladder(struct ensemble *ensemble, size_t k, const struct ladder *ladder)
{
    for (size_t r = 0; r < ensemble->n_rungs; r++)
        ensemble->block[r * ensemble->n_blocks + k] = ladder->block[r];
}

static inline size_t sweep(const struct ensemble *ensemble, const struct sampler_rung *rung, struct block *block,
                           struct rows *rows)
{
    block->evaluated = true;  // a sampler that leaves the frame without gradients says so
    block->trial = rows->trial;
    const size_t accepted = ensemble->sampler->sweep(ensemble->sampler_state, rung, &ensemble->wavefunction, block,
                                                     rows->sampler);
    rows->trial = block->trial;
    return accepted;
}

static inline void jump(const struct ensemble *ensemble, double temperature, struct block *block, struct rows *rows)
{
    block->trial = rows->trial;
    if (sampler_jump(&ensemble->jumps, &ensemble->wavefunction, temperature, block, rows->sampler) > 0)
        take_fresh(ensemble, block);
    rows->trial = block->trial;
}

static inline void sweep_ladder(const struct ensemble *ensemble, struct ladder *ladder, struct rows *rows)
{
    for (size_t r = 0; r < ensemble->n_rungs; r++) {
        ladder->accepted[r] += sweep(ensemble, &ladder->rung[r], &ladder->block[r], rows);
        ladder->block[r].remembered = ladder->block[r].remembered && ensemble->n_rungs == 1;
    }
    for (size_t r = 0; r < ensemble->n_rungs && ensemble->jumps.n > 0; r++)
        jump(ensemble, ensemble->temperature[r], &ladder->block[r], rows);
    // from the hottest down, so that a configuration may come all the way
    for (size_t r = ensemble->n_rungs - 1; r-- > 0;)
        ladder->swapped[r] += sampler_swap(&ensemble->wavefunction, ensemble->temperature + r, &ladder->block[r],
                                           &ladder->block[r + 1]);
}

static inline bool is_cut(const struct ensemble *ensemble)
{
    return __atomic_load_n(&ensemble->was_cut, __ATOMIC_RELAXED);
}

static inline bool cut(struct ensemble *ensemble)
{
    if (!ensemble->cut || is_cut(ensemble))
        return is_cut(ensemble);
    if (!ensemble->cut(ensemble->cut_context))
        return false;
    __atomic_store_n(&ensemble->was_cut, true, __ATOMIC_RELAXED);
    return true;
}
