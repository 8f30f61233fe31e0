// SPDX-License-Identifier: GPL-3.0-or-later
// A state the run can go back to: taken at a boundary, kept in memory, written into the results file, read from it.
// What belongs to it stands in kept_numbers and kept_arrays. Between passes all there is to know of the walkers is
// their coordinates and random streams: everything else of a frame follows from x and theta. Histories and series only
// grow, so a state holds how much of them belongs to it; they stand in /training and /measurement.
#ifndef VMC_RUN_CHECKPOINT_H
#define VMC_RUN_CHECKPOINT_H

#include "run/state.h"

// Takes the state of the present stage.
void checkpoint_take(struct run *run);
// Back to a state.
bool checkpoint_restore(struct run *run, size_t which, struct error *error);
// A number of a state, by the member of struct run that it was taken from.
#define CHECKPOINT_NUMBER(checkpoint, member) checkpoint_number(checkpoint, offsetof(struct run, member))
double checkpoint_number(const struct checkpoint *checkpoint, size_t offset);
// The last state there is: of measuring, else of training.
size_t checkpoint_last(const struct run *run);
// The walkers' part of a state to the first process (TEAM_GATHER), or all of it from there (TEAM_DEAL).
void checkpoint_move(struct run *run, size_t which, enum team_way way);
// Into /checkpoint; values are borrowed.
void checkpoint_add(const struct run *run, struct record *record);
// From /checkpoint; `there` says whether it has this one. ERROR_DAMAGED.
bool checkpoint_load(struct run *run, struct record_file *file, size_t which, struct error *error);

#endif
