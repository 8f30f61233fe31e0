// SPDX-License-Identifier: GPL-3.0-or-later
// Training by the closed form of the energy (optimizer.method = exact).
#ifndef VMC_RUN_TRAIN_EXACT_H
#define VMC_RUN_TRAIN_EXACT_H

#include "run/state.h"

// Whether the optimiser is of that kind.
bool train_exact_asked(const struct settings *settings);
// False with the reason where there is no closed form.
bool train_exact_suits(const struct run *run, struct error *error);
// About how many seconds of CPU it takes.
double train_exact_seconds(const struct run *run);
// From good_theta, the parameters of the first start, to the lowest end of all starts in theta. False without an error:
// cut short.
bool train_exact(struct run *run, struct error *error);

#endif
