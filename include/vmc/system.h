// SPDX-License-Identifier: GPL-3.0-or-later
// The physical system, as every room above sees it: P particles in D dimensions in a harmonic trap.
#ifndef VMC_SYSTEM_H
#define VMC_SYSTEM_H

#include <math.h>
#include <stddef.h>

enum { DIMENSIONS_MOST = 3 };
enum { STATISTICS_BOSONS, STATISTICS_FERMIONS };

struct system {
    size_t particles;               // P
    size_t dimensions;              // D, 1 to 3
    double omega[DIMENSIONS_MOST];  // trap frequency per dimension, omega_0
    size_t statistics;              // STATISTICS_…
    size_t spin_up;  // fermions of spin 1/2: particles 0 … spin_up - 1 are up, the others down; bosons: P
};

// Classes of pairs. Parallel spins keep apart (their relative motion is a p wave); antiparallel ones, and all pairs of
// bosons, need not.
enum { PAIR_ANTIPARALLEL, PAIR_PARALLEL, PAIR_CLASSES };

// M = P D; coordinate d of particle p is row p D + d.
static inline size_t system_coordinates(const struct system *system) { return system->particles * system->dimensions; }
static inline size_t system_pairs(const struct system *system)
{
    return system->particles * (system->particles - 1) / 2;
}

// The scale of inverse lengths, the root of the geometric mean of the trap's frequencies, sqrt(omega_0).
static inline double system_inverse_length(const struct system *system)
{
    double product = 1;
    for (size_t d = 0; d < system->dimensions; d++)
        product *= system->omega[d];
    return sqrt(pow(product, 1 / (double)system->dimensions));
}

static inline size_t system_pair_class(const struct system *system, size_t p, size_t q)
{
    return system->statistics == STATISTICS_FERMIONS && (p < system->spin_up) == (q < system->spin_up)
               ? PAIR_PARALLEL
               : PAIR_ANTIPARALLEL;
}

// Pairs of a class.
static inline size_t system_class_pairs(const struct system *system, size_t class)
{
    const size_t up = system->spin_up, down = system->particles - up;
    const size_t parallel = system->statistics == STATISTICS_FERMIONS
                                ? (up * (up - (up > 0)) + down * (down - (down > 0))) / 2
                                : 0;
    return class == PAIR_PARALLEL ? parallel : system_pairs(system) - parallel;
}

#endif
