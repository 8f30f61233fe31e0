// SPDX-License-Identifier: GPL-3.0-or-later
// Units of every number in help, messages and files. hbar = m = 1; frequencies are in units of a reference omega_0,
// lengths in a_0 = sqrt(hbar / (m omega_0)), energies in hbar omega_0: not in units of the trap at hand (two free
// particles in 2D at omega = 0.5 have E = 1). With Coulomb pairs of strength 1 these are (effective) atomic units,
// hartree and bohr.
#ifndef VMC_UNITS_H
#define VMC_UNITS_H

#define UNIT_FREQUENCY "omega_0"
#define UNIT_LENGTH "a_0"
#define UNIT_ENERGY "hbar omega_0"
#define UNIT_ENERGY_SQUARED "(hbar omega_0)^2"
#define UNIT_PER_LENGTH "1/a_0"

#endif
