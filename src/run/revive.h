// SPDX-License-Identifier: GPL-3.0-or-later
// Hidden units that have lost their influence: their sigmoids are 0 or 1 on all samples, so they do no more than
// displace centres, and no slope leads back (docs/optimizers.md, "Particles apart").
#ifndef VMC_RUN_REVIVE_H
#define VMC_RUN_REVIVE_H

#include "run/state.h"

// Whether this is a machine whose units may be given new tasks: an RBM alone, for three particles and more, of at most
// two units for each.
bool revive_applies(const struct run *run);
// What units without influence on the metric's first `n_samples` samples did goes into the centres, exactly but for
// what is left of their variation, and each begins anew at the particle that the others do least for. Returns how
// many; the parameters in use do not follow by themselves. Where the samples are: on the leading process.
size_t revive_units(struct run *run, size_t n_samples);

#endif
