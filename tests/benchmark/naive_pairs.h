// SPDX-License-Identifier: GPL-3.0-or-later
// The ordinary program for products with pair factors, to compare speeds with: libm, one walker at a time, ratios of
// one-particle moves in O(P), inverses updated by Sherman and Morrison. With `anew` the simplest one: every move
// computes the whole wave function.
#ifndef NAIVE_PAIRS_H
#define NAIVE_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NAIVE_PARTICLES_MOST = 100, NAIVE_COORDINATES_MOST = 300, NAIVE_ORBITALS_MOST = 10, NAIVE_DERIVATIVES = 3 };

// psi = D exp(-alpha sum x^2 / 2) prod_pairs f, omega = 1. D: the determinants of both spins in two dimensions, or 1.
// f: exp(a r / (1 + beta r)) beside Coulomb's force, or 1 - core / r.
struct naive_pairs {
    size_t particles, dimensions, orbitals;  // orbitals: of each spin; 0: bosons
    bool anew;                               // moves of one particle take ln|psi| from scratch, and so does E
    double alpha, beta, core, step;
    double x[NAIVE_COORDINATES_MOST], gradient[NAIVE_COORDINATES_MOST];
    double inverse[2][NAIVE_ORBITALS_MOST][NAIVE_ORBITALS_MOST];  // [p][k]
    double log_psi;
    uint64_t random[4];
    double energy, o[NAIVE_DERIVATIVES], eo[NAIVE_DERIVATIVES];  // sums; O of alpha and of beta per class of pairs
};

void naive_pairs_start(struct naive_pairs *naive, const double *x, double step);
// n sweeps: P moves of one particle each, or one of all along the drift. Every `thin`-th sweep adds to the sums.
void naive_pairs_run(struct naive_pairs *naive, bool langevin, size_t n, size_t thin);
// Adds E and O of the walker's place, from scratch where `anew`, to the sums; returns E.
double naive_pairs_accumulate(struct naive_pairs *naive, bool anew);

#endif
