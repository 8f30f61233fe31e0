// SPDX-License-Identifier: GPL-3.0-or-later
// What a sampler has learnt (steps, widths of the coordinates) in the results file, for another run to begin with.
#ifndef VMC_RUN_LEARNT_H
#define VMC_RUN_LEARNT_H

#include "run/state.h"

// Into /sampler; values are borrowed.
void learnt_add(const struct run *run, struct record *record);
// From /sampler of the file that the wave function is loaded from, where the same sampler has learnt for as many
// coordinates and the same temperatures; else nothing happens. ERROR_DAMAGED.
bool learnt_load(struct run *run, struct record_file *file, struct error *error);
// From the first process to the others.
void learnt_share(struct run *run);

#endif
