// SPDX-License-Identifier: GPL-3.0-or-later
// Solvers of stochastic reconfiguration. All solve, with D = diag(scale),
//     (S + shift D) delta = force,        S = Q^T Q / n
// "minsr" for the part of the force that lies in the span of the samples' derivatives.
#ifndef VMC_OPTIMIZER_SR_H
#define VMC_OPTIMIZER_SR_H

#include "vmc/optimizer.h"

struct sr_problem {
    const struct optimizer_metric *metric;
    double shift, tolerance;
    size_t most;          // iterations of cg
    const double *force;  // [K]
    const double *scale;  // [K], positive
    double *delta;        // out [K]
};

bool sr_cholesky(const struct sr_problem *problem);
bool sr_conjugate_gradients(const struct sr_problem *problem);
bool sr_minimum_norm(const struct sr_problem *problem);

#endif
