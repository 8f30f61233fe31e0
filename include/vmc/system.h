// SPDX-License-Identifier: GPL-3.0-or-later
// The physical system, as every room above sees it: P particles in D dimensions in a harmonic trap.
#ifndef VMC_SYSTEM_H
#define VMC_SYSTEM_H

#include <stddef.h>

enum { DIMENSIONS_MOST = 3 };
enum { STATISTICS_BOSONS, STATISTICS_FERMIONS };

struct system {
    size_t particles;                // P
    size_t dimensions;               // D, 1 to 3
    double omega[DIMENSIONS_MOST];   // trap frequency per dimension
    size_t statistics;               // STATISTICS_BOSONS or STATISTICS_FERMIONS
    size_t spin_up;                  // fermions: particles 0 .. spin_up - 1 have spin up, the others spin down; bosons: P
};

// M = P D; coordinate d of particle p is row p D + d.
static inline size_t system_coordinates(const struct system *system) { return system->particles * system->dimensions; }

#endif
