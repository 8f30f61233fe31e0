// SPDX-License-Identifier: GPL-3.0-or-later
// The Pade-Jastrow factor's state, and its kernels over the pairs of one particle.
#ifndef VMC_WAVEFUNCTION_PADE_JASTROW_H
#define VMC_WAVEFUNCTION_PADE_JASTROW_H

#include "vmc/param.h"
#include "vmc/system.h"

struct pair_row;

struct pade_jastrow {
    struct param_reals beta, cusp;  // as set: none (auto), one for both classes, or antiparallel's after parallel's
    bool train;
    size_t n_classes, column[PAIR_CLASSES];  // classes that the system has, and the place of each among them
    double first_beta[PAIR_CLASSES], beta_used[PAIR_CLASSES], cusp_used[PAIR_CLASSES];  // [n_classes]
};

// As pair_row, pair_kept and pair_row_terms of a factor (vmc/factor.h).
void pade_jastrow_row(const void *state, const struct pair_row *row, double *kept, double *sum);
void pade_jastrow_kept(const void *state, const struct system *system, size_t p, const double *kept, double *sum);
void pade_jastrow_row_terms(const void *state, const struct pair_row *row, const double *r, double *gradient,
                            double *sums);

#endif
