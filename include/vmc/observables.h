// SPDX-License-Identifier: GPL-3.0-or-later
// Where the particles are: histograms and means over configurations (docs/estimators.md). Lengths in a_0. What is
// observed is a list of descriptors, one file each in src/estimator:
//
//   density-radial     n(r) per volume element, r from the trap's centre: sum over bins of n times the volume of the
//   shell = P density-2d         n(x, y) per area, for D = 2 and 3 (there summed over z): sum of n times the bin's area
//   = P pair-distribution  of the relative vector r_p - r_q per volume element: sum of it times the volume of the shell
//   = number of pairs; for each
//                      class of pairs too; and g, that over the same of particles of different walkers, which know
//                      nothing of one another
//   distances          means of r, r^2 and r_pq
//   one-body           rho_ij in the trap's oscillator states, which takes psi, not only |psi|^2 drawn from: on request
// where the volume of a shell is that of 2 dr (D = 1: both sides), 2 pi r dr, 4 pi r^2 dr; what lies beyond the last
// edge is missing in these sums and counted apart.
//
// Errors: walkers are dealt to 32 to 64 batches, which are independent since chains are; the error is the scatter of
// the batches' means, widened by Student's factor. Correlation along the chains is in it, and so is that between bins
// of one batch (errors of different bins are not independent of one another). The scatter says little where a bin has
// few counts, and less the fewer it has: one count is therefore added to what scatters, so that a bin nobody met has
// the error that one visit would have made.
#ifndef VMC_OBSERVABLES_H
#define VMC_OBSERVABLES_H

#include "vmc/error.h"
#include "vmc/wavefunction.h"

#include <stdint.h>

// How far walkers went: |x_d| per dimension, distance from the centre, distance of a pair.
enum { EXTENT_AXIS, EXTENT_RADIUS = DIMENSIONS_MOST, EXTENT_PAIR, EXTENTS };
struct observables_extent {
    double reach[EXTENTS];
};

struct observables_axis {
    const char *name, *long_name;
    size_t extent;   // EXTENT_…: where it ends
    bool symmetric;  // it begins at - that, else at 0
    size_t bins;
    double low, width;  // of a bin, a_0
};

struct observables_histogram {
    const char *name, *long_name, *unit;
    size_t n_axes;
    struct observables_axis axis[2];
    bool shells;     // bins are shells of the axis, else areas
    bool strangers;  // of particles of different walkers: a look takes only some of them
    double total;    // what it adds up to over all space
    size_t first;    // of its counters; the one after its bins counts what lies outside
};
// A histogram over another one with the same axis, bin by bin.
struct observables_ratio {
    const char *name, *long_name;
    size_t over, under;
};
// A mean of sums; `share` of a sum over the walker's particles or pairs.
struct observables_mean {
    const char *name, *long_name, *unit;
    double share;
    size_t first;  // of its sum
};

// A symmetric matrix [n, n], every element a mean like those above.
struct observables_matrix {
    const char *name, *long_name;
    size_t n;
    size_t first;  // of its sums
};

enum { OBSERVABLE_TYPES_MOST = 8, HISTOGRAMS_MOST = 12, RATIOS_MOST = 4, MEANS_MOST = 8, MATRICES_MOST = 2 };

struct observables;
// One batch after another of the group that is being looked at.
struct observables_place {
    uint64_t *count;
    double *sum;
    size_t batches, lanes;
    uint64_t look;    // number of the look in its group
    double *scratch;  // two frames, where an observable asks for psi
};

// What can be observed.
struct observable_type {
    const char *name, *summary;
    bool on_request;  // `auto` leaves it out
    // NULL: always; else NULL or why the system has nothing of the kind.
    const char *(*refuse)(const struct system *system);
    // Adds its histograms, ratios and means; `own` is the place for their numbers.
    void (*describe)(struct observables *observables, size_t own[4]);
    // Takes part in one look; any of them may be NULL. Pairs come a tile at a time; `strangers`: one particle of each
    // walker and those of another.
    void (*particles)(const struct observables *observables, const size_t own[4], const struct observables_place *place,
                      const double *x);
    void (*pairs)(const struct observables *observables, const size_t own[4], const struct observables_place *place,
                  const struct pairs *pairs);
    void (*strangers)(const struct observables *observables, const size_t own[4], const struct observables_place *place,
                      const struct pairs *pairs);
    // … with the wave function: x, the frames of `place`
    void (*frames)(const struct observables *observables, const size_t own[4], const struct observables_place *place,
                   const double *x);
};

const struct observable_type *observable_type_at(size_t index);
const char *observable_name(size_t index);

struct observables {
    struct system system;
    struct geometry geometry;
    size_t bins;  // along an axis; half as many along each of two
    size_t n_types;
    const struct observable_type *type[OBSERVABLE_TYPES_MOST];
    size_t own[OBSERVABLE_TYPES_MOST][4];
    size_t n_histograms, n_ratios, n_means, n_matrices;
    struct observables_histogram histogram[HISTOGRAMS_MOST];
    struct observables_ratio ratio[RATIOS_MOST];
    struct observables_mean mean[MEANS_MOST];
    struct observables_matrix matrix[MATRICES_MOST];
    bool wants_pairs, wants_strangers, wants_frames;
    const struct wavefunction *wavefunction;  // borrowed
    double *scratch;                          // [group][two frames]
    size_t n_batches, parts;                  // batches, and how many of them one group has
    size_t n_counters, n_sums;
    uint64_t *count;                   // [batch][counter]
    double *sum, *samples;             // [batch][sum]; [batch]: configurations seen
    struct observables_extent extent;  // 0: not known yet
};

// n, index: members of the list, those that the system refuses left out; n_groups: groups of blocks, each of which one
// thread serves at a time; wavefunction: NULL where nobody asks for psi.
bool observables_build(struct observables *observables, const struct system *system,
                       const struct wavefunction *wavefunction, size_t n, const size_t *index, size_t bins,
                       size_t n_groups, struct error *error);
void observables_finish(struct observables *observables);

// Widens the extent to the walkers of a block that are there.
void observables_widen(const struct configuration *at, struct observables_extent *extent);
// Where the axes end: `range` a_0 for coordinates and radius and twice that for pairs, or where it is NAN a quarter
// beyond where walkers were seen.
void observables_reach(struct observables *observables, double range, const struct observables_extent *seen);
// The same from the extent in `observables`, as a checkpoint has it.
void observables_place_axes(struct observables *observables);
// One configuration of one block.
void observables_add(struct observables *observables, size_t group, const struct configuration *at);

// ---- for descriptors
size_t observables_add_histogram(struct observables *observables, const struct observables_histogram *histogram);
void observables_add_ratio(struct observables *observables, const struct observables_ratio *ratio);
size_t observables_add_mean(struct observables *observables, const struct observables_mean *mean);
size_t observables_add_matrix(struct observables *observables, const struct observables_matrix *matrix);
struct observables_axis observables_axis_pair(const struct observables *observables);
// Counts a row of values, or of pairs of values, in histogram number `which`.
void observables_count(const struct observables *observables, const struct observables_place *place, size_t which,
                       const double *first, const double *second);
// Adds a row to sum number `sum`: the `first` of a mean, or an element of a matrix.
void observables_sum(const struct observables *observables, const struct observables_place *place, size_t sum,
                     const double *values);
// Quanta per dimension of the states that the one-body density matrix is in; returns how many states.
enum { ONE_BODY_STATES_MOST = 20 };
size_t observables_one_body_states(size_t dimensions, unsigned char quanta[ONE_BODY_STATES_MOST][DIMENSIONS_MOST]);

// ---- results; value and error have observables_bins numbers, rows of the first axis one after the other; 0 before
// there are samples.
double observables_samples(const struct observables *observables);
size_t observables_bins(const struct observables_histogram *histogram);
double observables_edge(const struct observables_axis *axis, size_t k);  // k = 0 .. bins
// Volume element of a bin.
double observables_volume(const struct observables *observables, size_t which, size_t bin);
void observables_density(const struct observables *observables, size_t which, double *value, double *error);
// NAN where there is nothing to divide by.
void observables_over(const struct observables *observables, size_t ratio, double *value, double *error);
// Mean number of particles or pairs per configuration beyond the edges.
double observables_outside(const struct observables *observables, size_t which);
void observables_mean(const struct observables *observables, size_t which, double *mean, double *error);
// Student's factor, by which a standard error from the scatter of the batches is widened.
double observables_widening(const struct observables *observables);
// A matrix [n, n] and the errors of its elements; without batch `left_out` (n_batches: all of them), for a jackknife.
void observables_matrix(const struct observables *observables, size_t which, size_t left_out, double *value,
                        double *error);
// Number of a histogram or mean by its name; SIZE_MAX where there is none.
size_t observables_find(const struct observables *observables, const char *histogram);
size_t observables_find_mean(const struct observables *observables, const char *mean);

#endif
