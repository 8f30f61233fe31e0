// SPDX-License-Identifier: GPL-3.0-or-later
// A state the run can go back to: taken at a boundary, kept in memory, written into the results file, read from it.
#ifndef VMC_RUN_CHECKPOINT_H
#define VMC_RUN_CHECKPOINT_H

#include "vmc/error.h"
#include "vmc/record.h"
#include "vmc/team.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run;

// Two states: the last one of training (kept through measuring, for a run that is to be trained on), and the last one of measuring.
enum { CHECKPOINT_TRAINING, CHECKPOINT_MEASURING, CHECKPOINTS };

// All single numbers; checkpoint.c has a row for each. Whole ones are doubles too: none comes near 2^53.
struct checkpoint_numbers {
    double stage, burn_in, tuning_sum, tuning_count;
    double iterations, stride, kept;
    double shortened, longest, draws, since, backs, fresh, refined, averaged, steps_back, bad, over;
    double step, reference, range;
    double chunks, values, partial, block;
    double sum_samples, sum_bad, sum_accepted, sum_moves, sum_energy, sum_energy2, sum_local, sum_local2, sum_walker2;
};

struct checkpoint {
    bool there;
    struct checkpoint_numbers numbers;
    double *theta, *good_theta, *mean_theta, *memory;  // [K], memory as the optimiser has it; measuring: theta only
    double *x;                                         // [block, coordinate, lane]
    uint64_t *random;                                  // [block, word, lane]
    double *controls;                                  // [quantity, function]
    double *column;                                    // [series, walker]: the values under way
    double *count, *distance, *samples;                // of the observables; [batch, counter], [batch], [batch]
};

// Takes the state of the present stage; no memory: ERROR_INTERNAL.
bool checkpoint_take(struct run *run, struct error *error);
// Back to a state; room for it must have been made (run_measure_prepare).
bool checkpoint_restore(struct run *run, size_t which, struct error *error);
void checkpoint_drop(struct checkpoint *checkpoint);
// The walkers' part of a state to the first process (TEAM_GATHER), or all of it from there (TEAM_DEAL).
bool checkpoint_move(struct run *run, size_t which, enum team_way way, struct error *error);
// Into /checkpoint; values are borrowed.
void checkpoint_add(const struct run *run, struct record *record);
// From /checkpoint; `there` says whether it has this one. ERROR_DAMAGED.
bool checkpoint_load(struct run *run, struct record_file *file, size_t which, struct error *error);

#endif
