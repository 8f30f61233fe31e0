// SPDX-License-Identifier: GPL-3.0-or-later
// Hidden units that particles share, in place of the RBM's own where rbm.sharing asks for them. Their state is that of
// the RBM.
#ifndef VMC_WAVEFUNCTION_ENVIRONMENT_H
#define VMC_WAVEFUNCTION_ENVIRONMENT_H

#include "wavefunction/rbm.h"

enum { ENVIRONMENT_UNITS_MOST = 32 };

extern const struct factor_type environment_units;  // look at the surroundings of each particle (environment.c)
extern const struct factor_type environment_pairs;  // look at each pair (environment_pairs.c)

#endif
