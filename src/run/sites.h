// SPDX-License-Identifier: GPL-3.0-or-later
// Sites: where particles of the trap would come to rest, each a cloud as wide as a single one's ground state.
#ifndef VMC_RUN_SITES_H
#define VMC_RUN_SITES_H

#include "vmc/hamiltonian.h"
#include "vmc/rng.h"

// Descends from random positions, normal numbers of the trap's length 1 / sqrt(omega), to a minimum of
//     sum_p sum_d omega_d^2 x_pd^2 / 2 + sum_{p<q} v(sqrt(r_pq^2 + s^2)),   s^2 = (1 - 1/D) sum_d 1 / omega_d,
// where s^2 is the mean square of two clouds' distance across the line that joins them. site: [P D], in units of
// length. False without memory.
bool sites_find(const struct hamiltonian *hamiltonian, struct rng *rng, double *site);

#endif
