// SPDX-License-Identifier: GPL-3.0-or-later
// A run in parts, which estimates use too. False without an error: the run is to stop (run->stop.stopped), or a pass
// was cut short (run->ensemble.was_cut).
#ifndef VMC_RUN_PHASES_H
#define VMC_RUN_PHASES_H

#include "run/state.h"

void run_clear(struct run_result *result);
// Memory, then the starting point; run_finish is due in any case.
bool run_build(struct run *run, struct error *error);
bool run_begin(struct run *run, struct error *error);
void run_finish(struct run *run);
bool run_burn_in(struct run *run, struct error *error);
bool run_train(struct run *run, struct error *error);
// The most that the iterations after the first `done` may take, where now one takes so long for its pass and for its
// step: on a plateau the samples grow, and it cannot be known before when that will be.
double train_time_most(const struct run *run, double pass, double step, size_t done);
bool run_measure(struct run *run, struct error *error);

#endif
