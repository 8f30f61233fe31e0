// SPDX-License-Identifier: GPL-3.0-or-later
// Means of the distance from the centre, of its square, and of the distance of two particles.
// Check: P = 1, D = 2, psi = exp(-r^2 / 2): <r> = sqrt(pi) / 2 = 0.8862, <r^2> = 1.
#include "vmc/observables.h"
#include "vmc/units.h"

#include "base/rows.h"

#include <math.h>

extern const struct observable_type observable_distances;

enum { OWN_RADIUS, OWN_SQUARE, OWN_DISTANCE };

static void describe(struct observables *observables, size_t own[4])
{
    const size_t particles = observables->system.particles;
    own[OWN_RADIUS] = observables_add_mean(
        observables,
        &(struct observables_mean){ "mean_radius", "mean distance of a particle from the centre of the trap",
                                    UNIT_LENGTH, 1 / (double)particles, 0 });
    own[OWN_SQUARE] = observables_add_mean(
        observables, &(struct observables_mean){ "mean_square_radius", "mean square of that distance", UNIT_LENGTH "^2",
                                                 1 / (double)particles, 0 });
    own[OWN_DISTANCE] = SIZE_MAX;
    if (particles > 1)
        own[OWN_DISTANCE] = observables_add_mean(
            observables, &(struct observables_mean){ "mean_distance", "mean distance of two particles", UNIT_LENGTH,
                                                     1 / (double)system_pairs(&observables->system), 0 });
}

static void particles(const struct observables *observables, const size_t own[4], const struct observables_place *place,
                      const double *x)
{
    const size_t dimensions = observables->system.dimensions;
    double sum[WALKERS] = { 0 }, squares[WALKERS] = { 0 };
    for (size_t p = 0; p < observables->system.particles; p++, x += dimensions * WALKERS) {
        double r2[WALKERS] = { 0 };
        for (size_t d = 0; d < dimensions; d++)
            for (size_t w = 0; w < WALKERS; w++)
                r2[w] += x[d * WALKERS + w] * x[d * WALKERS + w];
        for (size_t w = 0; w < WALKERS; w++) {
            sum[w] += sqrt(r2[w]);
            squares[w] += r2[w];
        }
    }
    observables_sum(observables, place, observables->mean[own[OWN_RADIUS]].first, sum);
    observables_sum(observables, place, observables->mean[own[OWN_SQUARE]].first, squares);
}

static void pairs_add(const struct observables *observables, const size_t own[4], const struct observables_place *place,
                      const struct pairs *pairs)
{
    double sum[WALKERS] = { 0 };
    if (own[OWN_DISTANCE] == SIZE_MAX)
        return;
    for (size_t k = 0; k < pairs->n; k++)
        for (size_t w = 0; w < WALKERS; w++)
            sum[w] += sqrt(rows_at_const(pairs->r2, k)[w]);
    observables_sum(observables, place, observables->mean[own[OWN_DISTANCE]].first, sum);
}

const struct observable_type observable_distances = {
    .name = "distances",
    .summary = "means of the distance from the centre, of its square and of the distance of two particles",
    .describe = describe,
    .particles = particles,
    .pairs = pairs_add,
};
