// SPDX-License-Identifier: GPL-3.0-or-later
// Training in stages (optimizer.stages): parameters whose directions are stiff or ill-determined until others have
// settled join later (enum factor_stage). What has not joined keeps its starting value: its gradient is zero, and the
// metric does not know it.
#ifndef VMC_RUN_STAGES_H
#define VMC_RUN_STAGES_H

#include "run/state.h"

// The stage that training begins with: the first that has parameters, or the last one where stages are not wanted or
// the parameters come from a file.
void stages_begin(struct run *run);
bool stages_at_last(const struct run *run);
// To the next stage that has parameters.
void stages_advance(struct run *run);
// A gradient without what has not joined.
void stages_hold(const struct run *run, double *gradient);
// In words; NULL where there is only one.
const char *stages_name(const struct run *run);

#endif
