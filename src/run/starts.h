// SPDX-License-Identifier: GPL-3.0-or-later
// optimizer.starts: several short trainings from different starting parameters; the one that ends lowest goes on.
#ifndef VMC_RUN_STARTS_H
#define VMC_RUN_STARTS_H

#include "run/state.h"

// Iterations of a short training. (Where it seems to be at its end before, a lower minimum is often still to come.)
enum { STARTS_ITERATIONS = 150 };

size_t starts_wanted(const struct run *run);
// The first parameters are those to go on with, unless several starts are asked for.
void starts_skip(struct run *run);
// Whether the training under way is a short one.
bool starts_short(const struct run *run);
// Whether it is one that goes on until its samples are to grow; and whether what goes on now came from such a one.
bool starts_long(const struct run *run);
bool starts_were_long(const struct run *run);
// Of one of them, at most.
size_t starts_iterations_most(const struct run *run);
// Whether that one has gone on for long enough; settled: nothing seems left to gain, or its samples are to grow.
bool starts_over(const struct run *run, bool settled);
// The short training under way is over: the next one begins, or the best goes on. False with an error, or when cut.
bool starts_next(struct run *run, struct error *error);
// Training stands at its first iteration.
void starts_reset(struct run *run);

#endif
