// SPDX-License-Identifier: GPL-3.0-or-later
// What was observed, in the results file: histograms and means, the blocking curve, configurations.
#ifndef VMC_RUN_PUBLISH_PARTS_H
#define VMC_RUN_PUBLISH_PARTS_H

#include "run/state.h"

// Numbers that have to stay until the file is written.
size_t publish_room(const struct run *run);
void publish_observed(struct record *record, const struct run *run, double *numbers);
// From the other processes.
void publish_gather(struct run *run);

#endif
