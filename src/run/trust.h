// SPDX-License-Identifier: GPL-3.0-or-later
// How far steps can be trusted, and whether there is anything left to gain (docs/optimizers.md, "How convergence is
// judged").
#ifndef VMC_RUN_TRUST_H
#define VMC_RUN_TRUST_H

#include "run/state.h"

// With the gradient of fresh samples at the end of the last step: what going on along it would gain, to first order.
// NAN where there is no last step.
double trust_slope(const struct run *run);
// Whether the last steps were too long for the curvature of the energy.
bool trust_overshoots(const struct history *history, size_t since);
// Takes the step from good_theta to theta, shortened and damped more until the wave function follows it: false when it
// cannot.
bool trust_take(struct run *run);

struct trust_gain {
    double mean, error;  // energy per iteration that steps still gain, over the last iterations
    size_t n;            // how many those are
};
struct trust_gain trust_gain(const struct history *history, size_t window, size_t since);

#endif
