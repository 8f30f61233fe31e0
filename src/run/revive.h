// SPDX-License-Identifier: GPL-3.0-or-later
// Hidden units that have lost their influence: their sigmoids are 0 or 1 on all samples, so they do no more than
// displace centres, and no slope leads back. Nor does any hold their weights: what noise makes of them can become a
// maximum of psi far from all samples (docs/optimizers.md, "Particles apart").
#ifndef VMC_RUN_REVIVE_H
#define VMC_RUN_REVIVE_H

#include "run/state.h"

// Means of s (1 - s), s the sigmoid: at 20 Coulomb bosons with 40 units those that serve have 0.07 and more, idle ones
// 0.03 and less. Below the second bound they do nothing at all.
#define REVIVE_IDLE 0.03
#define REVIVE_DEAD 0.001

// Whether idle units of this machine are given new tasks before its samples grow: an RBM alone, for three particles and
// more, of at most two units for each.
bool revive_applies(const struct run *run);
// Whether dead units are looked for after this iteration: every 16 of them, in any machine of three particles and more,
// where a window of the plateau is left for the mean of the parameters.
bool revive_watches(const struct run *run);
// What units with less influence than `influence` on the metric's first `n_samples` samples did goes into the centres,
// exactly but for what is left of their variation, and each begins anew at the particle that the others do least for.
// Returns how many; the parameters in use do not follow by themselves. Where the samples are: on the leading process.
size_t revive_units(struct run *run, size_t n_samples, double influence);

#endif
