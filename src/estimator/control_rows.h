// SPDX-License-Identifier: GPL-3.0-or-later
// Pair controls of one class of pairs, all pairs in one pass.
#ifndef VMC_ESTIMATOR_CONTROL_ROWS_H
#define VMC_ESTIMATOR_CONTROL_ROWS_H

#include "vmc/estimator.h"

enum { CONTROL_POWERS = 3 };  // of y = r / (1 + beta r), the first 1

// C_n of the powers from number `lowest` on into their rows c; where du is not NULL, du += sum_n coefficient[n] grad
// u_n.
void control_rows(double beta, const struct configuration *at, size_t class, const double *gradient,
                  const double *coefficient, size_t lowest, double *c, double *du);

#endif
