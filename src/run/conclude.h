// SPDX-License-Identifier: GPL-3.0-or-later
// From series to results.
#ifndef VMC_RUN_CONCLUDE_H
#define VMC_RUN_CONCLUDE_H

#include "run/state.h"

// Results from the draws there are.
bool run_conclude(struct run *run, struct error *error);

#endif
