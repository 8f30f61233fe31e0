// SPDX-License-Identifier: GPL-3.0-or-later
// Density at a distance from the trap's centre. Check: P = 1, D = 1, psi = exp(-x^2 / 2): n(r) = exp(-r^2) / sqrt(pi),
// 0.5642 at the centre.
#include "vmc/observables.h"
#include "vmc/units.h"

#include <math.h>

extern const struct observable_type observable_radial;

static void describe(struct observables *observables, size_t own[4])
{
    static const char *const units[] = { UNIT_PER_LENGTH, UNIT_PER_LENGTH "^2", UNIT_PER_LENGTH "^3" };
    own[0] = observables_add_histogram(
        observables,
        &(struct observables_histogram){
            .name = "density_radial",
            .long_name = "density at a distance from the centre; its integral over space is the number of particles",
            .unit = units[observables->system.dimensions - 1],
            .n_axes = 1,
            .shells = true,
            .total = (double)observables->system.particles,
            .axis = { { .name = "radius",
                        .long_name = "distance from the centre of the trap",
                        .extent = EXTENT_RADIUS,
                        .bins = observables->bins } } });
}

static void particles(const struct observables *observables, const size_t own[4], const struct observables_place *place,
                      const double *x)
{
    const size_t dimensions = observables->system.dimensions;
    for (size_t p = 0; p < observables->system.particles; p++, x += dimensions * WALKERS) {
        double r[WALKERS] = { 0 };
        for (size_t d = 0; d < dimensions; d++)
            for (size_t w = 0; w < WALKERS; w++)
                r[w] += x[d * WALKERS + w] * x[d * WALKERS + w];
        for (size_t w = 0; w < WALKERS; w++)
            r[w] = sqrt(r[w]);
        observables_count(observables, place, own[0], r, NULL);
    }
}

const struct observable_type observable_radial = {
    .name = "density-radial",
    .summary = "density at a distance from the centre of the trap",
    .describe = describe,
    .particles = particles,
};
