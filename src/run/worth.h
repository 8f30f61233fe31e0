// SPDX-License-Identifier: GPL-3.0-or-later
// What control variates are worth: the variance they leave against the operations they cost (docs/estimators.md). By
// counts and by measured variances, never by a clock, so that every machine decides alike.
#ifndef VMC_RUN_WORTH_H
#define VMC_RUN_WORTH_H

#include "run/ensemble.h"

// Whether nothing may be dropped: the settings name the control variates, there are none, or one of them cancels an
// infinite variance: in two dimensions that of Coulomb pairs' energy, and of a gradient while psi has no cusp.
bool worth_all(const struct ensemble *ensemble);
bool worth_all_of_gradient(const struct ensemble *ensemble);
// Those in use while the functions of pairs are left out (`without_pairs`), or all; functions of pairs are the last.
struct controls worth_in_use(const struct ensemble *ensemble);
// Whether coefficients of 0 say that they were left out.
bool worth_dropped(const struct ensemble *ensemble);
// From the moments of a fit: drops the functions of pairs where the variance they take away is less than what they
// cost, and fits the others anew.
void worth_choose(struct ensemble *ensemble, const double *moments);
// Whether the controlled gradient is worth its cost, from the variance of its mean over that of the plain one.
bool worth_gradient(const struct ensemble *ensemble, double ratio);
// Operations beside those of a sample without: of the functions of pairs, and of what a gradient takes more.
double worth_pairs_cost(const struct ensemble *ensemble);
double worth_gradient_cost(const struct ensemble *ensemble);

#endif
