// SPDX-License-Identifier: GPL-3.0-or-later
// The parts statistics_analyse is made of. Every one takes the mean of all values, computed once in statistics.c.
#ifndef VMC_ESTIMATOR_STATISTICS_PARTS_H
#define VMC_ESTIMATOR_STATISTICS_PARTS_H

#include "vmc/statistics.h"

// error, level, plateau.
bool statistics_reblock(const struct series *series, double mean, struct statistics *out, struct error *error);

// autocorrelation_time, error_autocorrelation, effective_samples.
bool statistics_autocorrelate(const struct series *series, double mean, struct statistics *out, struct error *error);

// r_hat, worst_chain, worst_distance.
bool statistics_mix(const struct series *series, double mean, struct statistics *out, struct error *error);

// t such that a Student variable of `freedom` > 0 degrees of freedom lies within +-t as often as a normal one within
// +-1 (68.27 %).
double statistics_student(double freedom);

#endif
