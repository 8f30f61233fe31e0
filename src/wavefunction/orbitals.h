// SPDX-License-Identifier: GPL-3.0-or-later
// One-particle orbitals of a harmonic trap, for particles of one spin: products over dimensions of Hermite polynomials
//     p_n(y) = He_n(y) / n!,   p_(n+1) = (y p_n - p_(n-1)) / (n + 1),   p_n' = p_(n-1),   y = sqrt(2 alpha omega_d)
//     x_d,
// without their common Gaussian. Derivatives of orbitals are orbitals again; the functions that occur are the orbitals
// themselves, in their order, and then what their derivatives need.
#ifndef VMC_WAVEFUNCTION_ORBITALS_H
#define VMC_WAVEFUNCTION_ORBITALS_H

#include "vmc/error.h"
#include "vmc/system.h"

#include <stdbool.h>

enum { ORBITALS_MOST = 64, ORBITALS_FUNCTIONS_MOST = 256, ORBITALS_QUANTUM_MOST = 40, ORBITALS_NONE = -1 };

struct orbitals {
    size_t n, n_functions, dimensions;
    size_t quantum[ORBITALS_FUNCTIONS_MOST][DIMENSIONS_MOST];
    long lower[DIMENSIONS_MOST]
              [ORBITALS_FUNCTIONS_MOST];  // the function with one quantum less in that dimension, or ORBITALS_NONE
    size_t top[DIMENSIONS_MOST];          // largest quantum number
    double sum[DIMENSIONS_MOST];          // of the quantum numbers of the orbitals
    // With every orbital those of two quanta less are there too: the determinant is then one of powers of x,
    // homogeneous in every dimension.
    bool homogeneous;
};

// The n orbitals of lowest energy sum_d omega_d n_d. False where the last of them has the energy of the next, left out:
// an open shell; `below` and `above` are then the nearest numbers that fill shells (below = 0: none).
bool orbitals_fill(struct orbitals *orbitals, const struct system *system, size_t n, size_t *below, size_t *above);
// From text, quantum numbers of n orbitals: "0 0, 1 0, 0 1". False with what is wrong in `error`, which names `key`.
bool orbitals_read(struct orbitals *orbitals, const struct system *system, size_t n, const char *key, const char *text,
                   struct error *error);

#endif
