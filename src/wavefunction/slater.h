// SPDX-License-Identifier: GPL-3.0-or-later
// What the files of the factor slater share.
#ifndef VMC_WAVEFUNCTION_SLATER_H
#define VMC_WAVEFUNCTION_SLATER_H

#include "base/rows.h"
#include "vmc/wavefunction.h"
#include "wavefunction/inverse.h"
#include "wavefunction/orbitals.h"

enum { SPINS = 2 };

struct slater {
    double alpha;                    // starting value, or the fixed one
    bool train;
    char *orbitals_up, *orbitals_down;
    size_t n_coordinates, dimensions;
    double omega[DIMENSIONS_MOST];
    struct orbitals *orbitals;       // [SPINS]
    size_t first_particle[SPINS], first_row[SPINS];  // of each spin: its first particle, its inverse in the cache
    double *quantum[SPINS];          // [n, D], for the results file
    bool homogeneous;                // both determinants are
    double value;                    // alpha in use
    double scale[DIMENSIONS_MOST];   // y = scale x
};

// p_n(y) of `side` packs, n = 0 … top, as [n][side].
PACK_INLINE void slater_powers(size_t side, double scale, size_t top, const pack *x, pack *out)
{
    for (size_t s = 0; s < side; s++) {
        const pack y = scale * x[s];
        out[s] = pack_all(1.0);
        if (top > 0)
            out[side + s] = y;
        for (size_t n = 1; n < top; n++)
            out[(n + 1) * side + s] = (y * out[n * side + s] - out[(n - 1) * side + s]) * (1 / (double)(n + 1));
    }
}

// The first n functions at a particle whose first coordinate is the row that begins at x; `side` packs each.
PACK_INLINE void slater_functions(const struct slater *slater, const struct orbitals *orbitals, size_t n, size_t side, const pack *x, pack *out)
{
    pack table[DIMENSIONS_MOST][(ORBITALS_QUANTUM_MOST + 1) * 4];  // filled for the dimensions there are
    slater_powers(side, slater->scale[0], orbitals->top[0], x, table[0]);
    for (size_t d = 1; d < slater->dimensions; d++)
        slater_powers(side, slater->scale[d], orbitals->top[d], x + d * ROW_PACKS, table[d]);
    for (size_t k = 0; k < n; k++)
        for (size_t s = 0; s < side; s++) {
            pack product = table[0][orbitals->quantum[k][0] * side + s];
            for (size_t d = 1; d < slater->dimensions; d++)
                product *= table[d][orbitals->quantum[k][d] * side + s];
            out[k * side + s] = product;
        }
}

#endif
