// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef VMC_RUN_STOP_H
#define VMC_RUN_STOP_H

#include "run/state.h"

// A boundary is a point between two passes where the whole state is known: there a state is saved now and then, a
// checkpoint published when it is time, and the run stopped where that is wished. False: stopped, or an error.
bool run_boundary(struct run *run, struct error *error);
void run_stop_prepare(struct run *run);

#endif
