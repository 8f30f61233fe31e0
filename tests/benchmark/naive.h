// SPDX-License-Identifier: GPL-3.0-or-later
// The same Monte Carlo as a careful program would write it first: one walker at a time, libm, no packs, no caches
// between steps. The benchmark's measure of what the kernels gained, and an oracle of their sums. Shares no code with
// the program.
#ifndef NAIVE_H
#define NAIVE_H

#include <stddef.h>
#include <stdint.h>

enum naive_method { NAIVE_METROPOLIS, NAIVE_LANGEVIN, NAIVE_GIBBS };

// psi = exp(-sum (x - a)^2 / 2) prod_j (1 + e^theta_j), theta_j = b_j + sum_i x_i w_ij; omega = sigma = 1, Coulomb
// repulsion 1 / r.
struct naive {
    size_t particles, dimensions, hidden;
    const double *a, *b, *w;  // [M], [N], [M N]
    double step;
    // one walker
    double *x, *trial, *gradient, *trial_gradient, *s, *theta, *xi, *h;
    double log_psi;
    uint64_t random[4];
    // sums over steps: E, O [K], E O [K]
    double energy, *o, *eo;
};

struct naive *naive_create(size_t particles, size_t dimensions, size_t hidden, const double *a, const double *b,
                           const double *w);
void naive_destroy(struct naive *naive);
// Places the walker at x [M].
void naive_start(struct naive *naive, const double *x, double step);
// n steps: one-particle moves (metropolis), moves of all coordinates (langevin, gibbs). Every `thin`-th adds to the
// sums.
void naive_run(struct naive *naive, enum naive_method method, size_t n, size_t thin);
// Adds E, O and E O of the walker's place to the sums; returns E.
double naive_accumulate(struct naive *naive);

#endif
