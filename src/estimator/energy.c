// SPDX-License-Identifier: GPL-3.0-or-later
// Local energy E_L = -1/2 sum_i (g_i^2 + l_i) + V (docs/theory.md, eq. 3.1).
#include "vmc/estimator.h"

#include "base/rows.h"

_Static_assert(ENERGY_PAIR == ENERGY_TRAP + POTENTIAL_PAIR && ENERGY_VIRIAL == ENERGY_TRAP + POTENTIAL_VIRIAL,
               "the potential's rows are energy rows");

PACK_HOT void estimator_assemble(const struct wavefunction *wavefunction, const double *frame, double *out)
{
    const pack *laplacian = (const pack *)rows_at_const(frame, wavefunction->row_laplacian);
    pack *row = (pack *)out, *square = row + ENERGY_KINETIC_GRADIENT * ROW_PACKS;
    rows_sum_squares(wavefunction->n_coordinates, NULL, 0, NULL, rows_at_const(frame, wavefunction->row_gradient),
                     (double *)square);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        const pack kinetic = -0.5 * (square[l] + laplacian[l]);
        row[ENERGY_LOCAL * ROW_PACKS + l] = kinetic + row[ENERGY_TRAP * ROW_PACKS + l] +
                                            row[ENERGY_PAIR * ROW_PACKS + l];
        row[ENERGY_KINETIC * ROW_PACKS + l] = kinetic;
        square[l] *= 0.5;
    }
}

PACK_HOT void estimator_energy(const struct hamiltonian *hamiltonian, const struct wavefunction *wavefunction,
                               const double *frame, double *out)
{
    const struct configuration at = wavefunction_configuration(wavefunction, frame);
    hamiltonian_potential(hamiltonian, &at, NULL, NULL, rows_at(out, ENERGY_TRAP));
    estimator_assemble(wavefunction, frame, out);
}
