// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef VMC_RUN_JUDGED_H
#define VMC_RUN_JUDGED_H

#include "run/state.h"

// Judges what was measured so far, by the first process; result->judgement.
void run_judge_measured(struct run *run);

// Judges a complete run by its file, which is read once more; result->judgement.
bool run_judge_again(struct run *run, struct error *error);

#endif
