// SPDX-License-Identifier: GPL-3.0-or-later
// A sweep of one-particle moves where determinants of filled shells stand beside one Pade-Jastrow factor.
#ifndef VMC_WAVEFUNCTION_SHELLS_SWEEP_H
#define VMC_WAVEFUNCTION_SHELLS_SWEEP_H

#include "vmc/wavefunction.h"

// Whether this product is such a one.
bool shells_sweep_serves(const struct wavefunction *wavefunction);
// As wavefunction_sweep.
size_t shells_sweep_particles(const struct wavefunction *wavefunction, const struct sweep_draws *draws, double *frame);

#endif
