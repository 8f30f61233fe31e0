// SPDX-License-Identifier: GPL-3.0-or-later
// Hidden units that particles share, in place of the RBM's own where rbm.sharing asks for them. Their state is that of
// the RBM.
#ifndef VMC_WAVEFUNCTION_ENVIRONMENT_H
#define VMC_WAVEFUNCTION_ENVIRONMENT_H

#include "wavefunction/rbm.h"

enum { ENVIRONMENT_UNITS_MOST = 32 };

// Where ln psi hardly depends on the bias of a unit, noise would drive it off, and the unit die (docs/optimizers.md).
#define ENVIRONMENT_SCALE_LEAST 1e-2

// What both kinds have in common; rbm.shared holds the parameters.
enum factor_stage environment_stage(const void *state, size_t parameter);
bool environment_prepare(void *state, const double *theta);
void environment_traits(const void *state, struct factor_traits *traits);
double environment_normal(double (*uniform)(void *random), void *random);

extern const struct factor_type environment_units;  // look at the surroundings of each particle (environment.c)
extern const struct factor_type environment_pairs;  // look at each pair (environment_pairs.c)

#endif
