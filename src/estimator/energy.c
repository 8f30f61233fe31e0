// SPDX-License-Identifier: GPL-3.0-or-later
// Local energy E_L = -1/2 sum_i (g_i^2 + l_i) + V (docs/theory.md, eq. 12).
#include "vmc/estimator.h"

#include "base/rows.h"

size_t estimator_scratch_rows(const struct hamiltonian *hamiltonian) { return POTENTIAL_ROWS + hamiltonian_scratch_rows(hamiltonian); }

void estimator_assemble(const struct wavefunction *wavefunction, const double *frame, const double *potential_rows, double *out)
{
    const pack *laplacian = (const pack *)rows_at_const(frame, wavefunction->row_laplacian), *potential = (const pack *)potential_rows;
    pack *row = (pack *)out, square[ROW_PACKS];
    rows_sum_squares(wavefunction->n_coordinates, NULL, 1, NULL, rows_at_const(frame, wavefunction->row_gradient), (double *)square);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        const pack kinetic = -0.5 * (square[l] + laplacian[l]);
        const pack trap = potential[POTENTIAL_TRAP * ROW_PACKS + l], pair = potential[POTENTIAL_PAIR * ROW_PACKS + l];
        row[ENERGY_LOCAL * ROW_PACKS + l] = kinetic + trap + pair;
        row[ENERGY_KINETIC * ROW_PACKS + l] = kinetic;
        row[ENERGY_KINETIC_GRADIENT * ROW_PACKS + l] = 0.5 * square[l];
        row[ENERGY_TRAP * ROW_PACKS + l] = trap;
        row[ENERGY_PAIR * ROW_PACKS + l] = pair;
        row[ENERGY_VIRIAL * ROW_PACKS + l] = potential[POTENTIAL_VIRIAL * ROW_PACKS + l];
    }
}

void estimator_energy(const struct hamiltonian *hamiltonian, const struct wavefunction *wavefunction, const double *frame, double *scratch,
                      double *out)
{
    hamiltonian_potential(hamiltonian, frame, rows_at(scratch, POTENTIAL_ROWS), scratch);
    estimator_assemble(wavefunction, frame, scratch, out);
}
