// SPDX-License-Identifier: GPL-3.0-or-later
// Histograms of positions and pair distances. Counters are whole numbers, one set per batch of walkers: the order of adding shows nowhere.
// A batch b has seen w_b configurations and counted y_b; with W = sum w_b
//     mean = sum y_b / W,   error^2 = n / (n - 1) sum (y_b - w_b mean)^2 / W^2
// Check: P = 1, D = 1, psi = exp(-x^2 / 2): n(r) = exp(-r^2) / sqrt(pi), 0.5642 at the centre.
#include "vmc/observables.h"
#include "vmc/units.h"

#include "base/memory.h"
#include "statistics_parts.h"

#include <math.h>
#include <stdlib.h>

enum { SHELLS = 200, PLANE_BINS = 64, BATCHES_LEAST = 32 };
static const double pi = 3.14159265358979323846;

// Radius up to which P pair energies outweigh the trap's: about the size of a classical cloud; 0 without a repulsion. In quarters of an
// oscillator length.
static double cloud_radius(const struct hamiltonian *hamiltonian, double omega)
{
    const double particles = (double)hamiltonian->system.particles, step = 0.25 / sqrt(omega);
    _Alignas(64) double r2[WALKERS], inverse[WALKERS], v[WALKERS];
    size_t k = 0;
    if (!hamiltonian_has_pairs(hamiltonian))
        return 0;
    for (; k < 4096; k++) {
        const double radius = step * (double)(k + 1);
        for (size_t w = 0; w < WALKERS; w++) {
            r2[w] = radius * radius;
            inverse[w] = 1 / radius;
        }
        hamiltonian->type->pair_energy(hamiltonian->state, 1, r2, inverse, v);
        if (!(particles * v[0] > 0.5 * omega * omega * radius * radius))
            break;
    }
    return step * (double)k;
}

// The Gaussian of the bare trap, exp(-omega x^2), is 1e-11 at five lengths.
static double reach(const struct hamiltonian *hamiltonian, size_t d)
{
    const double omega = hamiltonian->system.omega[d];
    return 5 / sqrt(omega) + cloud_radius(hamiltonian, omega);
}

static struct observables_axis axis_over(const char *name, const char *long_name, double low, double high, size_t bins)
{
    return (struct observables_axis){ name, long_name, low, (high - low) / (double)bins, bins };
}

static void describe(struct observables *observables, const struct hamiltonian *hamiltonian)
{
    static const char *const units[] = { UNIT_PER_LENGTH, UNIT_PER_LENGTH "^2", UNIT_PER_LENGTH "^3" };
    const size_t dimensions = hamiltonian->system.dimensions;
    double furthest = 0, extent[DIMENSIONS_MOST];
    for (size_t d = 0; d < dimensions; d++)
        furthest = fmax(furthest, extent[d] = reach(hamiltonian, d));
    observables->histogram[OBSERVABLE_RADIAL] = (struct observables_histogram){
        .name = "density_radial", .long_name = "density at a distance from the centre; its integral over space is the number of particles",
        .unit = units[dimensions - 1], .n_axes = 1, .shells = true,
        .axis = { axis_over("radius", "distance from the centre of the trap", 0, furthest, SHELLS) } };
    if (dimensions > 1)
        observables->histogram[OBSERVABLE_PLANE] = (struct observables_histogram){
            .name = "density_2d", .long_name = "density in the x-y plane (in 3D summed over z); its integral is the number of particles",
            .unit = units[1], .n_axes = 2,
            .axis = { axis_over("x", "position along x", -extent[0], extent[0], PLANE_BINS),
                      axis_over("y", "position along y", -extent[1], extent[1], PLANE_BINS) } };
    if (hamiltonian->system.particles > 1)
        observables->histogram[OBSERVABLE_PAIR] = (struct observables_histogram){
            .name = "pair_distribution", .long_name = "distribution of the vector between two particles; its integral is the number of pairs",
            .unit = units[dimensions - 1], .n_axes = 1, .shells = true,
            .axis = { axis_over("distance", "distance between two particles", 0, 2 * furthest, SHELLS) } };
}

bool observables_build(struct observables *observables, const struct hamiltonian *hamiltonian, size_t n_groups, struct error *error)
{
    *observables = (struct observables){ .system = hamiltonian->system, .parts = 1 };
    describe(observables, hamiltonian);
    while (observables->parts * n_groups < BATCHES_LEAST)
        observables->parts *= 2;
    observables->n_batches = observables->parts * n_groups;
    for (size_t k = 0; k < OBSERVABLES; k++) {
        observables->histogram[k].first = observables->n_counters;
        observables->n_counters += observables_bins(&observables->histogram[k]) + 1;
    }
    observables->count = calloc(observables->n_batches * observables->n_counters, sizeof *observables->count);
    observables->distance = memory_doubles(observables->n_batches);
    observables->samples = memory_doubles(observables->n_batches);
    if (observables->count && observables->distance && observables->samples)
        return true;
    observables_finish(observables);
    return error_add(error, ERROR_INTERNAL, "no memory for the histograms of positions");
}

void observables_finish(struct observables *observables)
{
    free(observables->count);
    memory_free(observables->distance);
    memory_free(observables->samples);
    *observables = (struct observables){ 0 };
}

// ---- results

double observables_samples(const struct observables *observables)
{
    double sum = 0;
    for (size_t b = 0; b < observables->n_batches; b++)
        sum += observables->samples[b];
    return sum;
}

double observables_edge(const struct observables_axis *axis, size_t k) { return axis->low + axis->width * (double)k; }

static double ball(size_t dimensions, double radius)
{
    return dimensions == 1 ? 2 * radius : dimensions == 2 ? pi * radius * radius : 4 * pi / 3 * radius * radius * radius;
}

double observables_volume(const struct observables *observables, size_t which, size_t bin)
{
    const struct observables_histogram *histogram = &observables->histogram[which];
    const size_t dimensions = observables->system.dimensions;
    if (!histogram->shells)
        return histogram->axis[0].width * histogram->axis[1].width;
    return ball(dimensions, observables_edge(&histogram->axis[0], bin + 1)) - ball(dimensions, observables_edge(&histogram->axis[0], bin));
}

// One figure of every batch: a counter, or the sum of distances.
static double of_batch(const struct observables *observables, size_t batch, size_t counter)
{
    return counter < observables->n_counters ? (double)observables->count[batch * observables->n_counters + counter] : observables->distance[batch];
}

static void scatter(const struct observables *observables, size_t counter, double *mean, double *error)
{
    const double samples = observables_samples(observables), n = (double)observables->n_batches;
    double sum = 0, square = 0;
    *mean = *error = 0;
    if (!(samples > 0))
        return;
    for (size_t b = 0; b < observables->n_batches; b++)
        sum += of_batch(observables, b, counter);
    *mean = sum / samples;
    for (size_t b = 0; b < observables->n_batches; b++) {
        const double off = of_batch(observables, b, counter) - observables->samples[b] * *mean;
        square += off * off;
    }
    *error = sqrt(square * n / (n - 1)) / samples;
}

void observables_density(const struct observables *observables, size_t which, double *value, double *error)
{
    const struct observables_histogram *histogram = &observables->histogram[which];
    const double widening = statistics_student((double)observables->n_batches - 1);
    for (size_t k = 0; k < observables_bins(histogram); k++) {
        const double volume = observables_volume(observables, which, k);
        scatter(observables, histogram->first + k, &value[k], &error[k]);
        value[k] /= volume;
        error[k] *= widening / volume;
    }
}

double observables_outside(const struct observables *observables, size_t which)
{
    const struct observables_histogram *histogram = &observables->histogram[which];
    double mean, error;
    scatter(observables, histogram->first + observables_bins(histogram), &mean, &error);
    return mean;
}

void observables_distance(const struct observables *observables, double *mean, double *error)
{
    const double pairs = (double)(observables->system.particles * (observables->system.particles - 1) / 2);
    scatter(observables, observables->n_counters, mean, error);
    *mean /= pairs;
    *error *= statistics_student((double)observables->n_batches - 1) / pairs;
}
