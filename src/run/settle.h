// SPDX-License-Identifier: GPL-3.0-or-later
// When a training has settled: its samples grow then, and the second time it is over (docs/optimizers.md, "How
// convergence is judged"). All of it follows from the run's history, the same in every process and after a cut.
#ifndef VMC_RUN_SETTLE_H
#define VMC_RUN_SETTLE_H

#include "run/state.h"

// On a plateau the samples per iteration grow and the rate falls, so often; then training ends.
enum { SETTLE_REFINEMENTS = 1 };
// How many times as large they grow, where an iteration had `draws` draws of every walker: eight times, but of large
// machines less, twice at least, for the time of an iteration is that of its samples times the parameters.
size_t settle_growth(const struct run *run, size_t draws);

// Whether more iterations like the last would gain nothing that can be seen; notes what they could
// (`training.gain`, in energy).
bool settle_nothing_left(struct run *run);
// What has joined has settled, or has had its time: the next parameters join.
void settle_leave_stage(struct run *run, bool settled);
// Whether samples are to grow: it has settled, or more iterations with as few would lead nowhere.
bool settle_is_due(const struct run *run, bool settled);
// Before its samples grow, and once only: hidden units without influence may begin anew (run/revive.h). They have half
// as many iterations to settle as the others had at least.
bool settle_may_revive(struct run *run, bool settled);
// The influence below which hidden units begin anew after this iteration: idle ones that one time, dead ones whenever
// they are looked for, 0 for none. Short starts end before there is any use of it.
double settle_revives_below(struct run *run, bool settled);
void settle_has_revived(struct run *run);
// True when training is over: nothing is left to gain. Before that it goes on with more samples, which show slopes that
// the noise hid.
bool settle_is_over(struct run *run, bool settled);
// Of a training that has ended, at its last iteration or before.
bool settle_converged(struct run *run);

#endif
