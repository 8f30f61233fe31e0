// SPDX-License-Identifier: GPL-3.0-or-later
// Where the particles are: histograms of positions and pair distances over walkers (docs/estimators.md). Lengths in a_0.
//
//   density_radial     n(r) per volume element, r from the trap's centre: sum over bins of n times the volume of the shell = P
//   density_2d         n(x, y) per area, for D = 2 and 3 (there summed over z): sum of n times the bin's area = P
//   pair_distribution  of the relative vector r_p - r_q per volume element: sum of it times the volume of the shell = P (P - 1) / 2
//   mean_distance      mean of r_pq over pairs
// where the volume of a shell is that of 2 dr (D = 1: both sides), 2 pi r dr, 4 pi r^2 dr; what lies beyond the last edge is missing in
// these sums and counted apart.
//
// Errors: walkers are dealt to 32 to 64 batches, which are independent since chains are; the error is the scatter of the batches' means, widened by
// Student's factor. Correlation along the chains is in it, and so is that between bins of one batch (errors of different bins are not
// independent of one another). A bin that no walker ever met has value 0 and error 0.
#ifndef VMC_OBSERVABLES_H
#define VMC_OBSERVABLES_H

#include "vmc/hamiltonian.h"
#include "vmc/walkers.h"

#include <stdint.h>

enum { OBSERVABLE_RADIAL, OBSERVABLE_PLANE, OBSERVABLE_PAIR, OBSERVABLES };

struct observables_axis {
    const char *name, *long_name;
    double low, width;                  // of a bin, a_0
    size_t bins;
};

struct observables_histogram {
    const char *name, *long_name, *unit;
    size_t n_axes;                      // 0: this system has none
    struct observables_axis axis[2];
    bool shells;                        // bins are shells of the axis, else areas
    size_t first;                       // of its counters; the one after its bins counts what lies outside
};

struct observables {
    struct system system;
    struct observables_histogram histogram[OBSERVABLES];
    size_t n_batches, parts;            // batches, and how many of them one group has
    size_t n_counters;
    uint64_t *count;                    // [batch][counter]
    double *distance, *samples;         // [batch]: sum of mean distances; configurations seen
};

// n_groups: groups of blocks, each of which one thread serves at a time.
bool observables_build(struct observables *observables, const struct hamiltonian *hamiltonian, size_t n_groups, struct error *error);
void observables_finish(struct observables *observables);
// One configuration of one block: x [M] rows.
void observables_add(struct observables *observables, size_t group, const double *x);

double observables_samples(const struct observables *observables);
size_t observables_bins(const struct observables_histogram *histogram);
double observables_edge(const struct observables_axis *axis, size_t k);  // k = 0 .. bins
// Volume element of a bin.
double observables_volume(const struct observables *observables, size_t which, size_t bin);
// value and error [bins], rows of the first axis one after the other; both 0 before there are samples.
void observables_density(const struct observables *observables, size_t which, double *value, double *error);
// Mean number of particles (pairs) beyond the last edge.
double observables_outside(const struct observables *observables, size_t which);
void observables_distance(const struct observables *observables, double *mean, double *error);

#endif
