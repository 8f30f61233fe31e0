// SPDX-License-Identifier: GPL-3.0-or-later
// The phases of a run. False without an error: the run is to stop (run->stop.stopped), or a pass was cut short
// (run->ensemble.was_cut).
#ifndef VMC_RUN_PHASES_H
#define VMC_RUN_PHASES_H

#include "run/state.h"

bool run_train(struct run *run, struct error *error);
bool run_measure(struct run *run, struct error *error);

#endif
