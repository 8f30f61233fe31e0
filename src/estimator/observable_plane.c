// SPDX-License-Identifier: GPL-3.0-or-later
// Density in the x-y plane. Check: P = 1, D = 2, psi = exp(-r^2 / 2): n = exp(-r^2) / pi, 0.3183 at the centre.
#include "vmc/observables.h"
#include "vmc/units.h"

extern const struct observable_type observable_plane;

static const char *refuse(const struct system *system)
{
    return system->dimensions < 2 ? "needs two or three dimensions" : NULL;
}

static struct observables_axis axis(const struct observables *observables, const char *name, const char *long_name,
                                    size_t d)
{
    return (struct observables_axis){ .name = name,
                                      .long_name = long_name,
                                      .extent = EXTENT_AXIS + d,
                                      .symmetric = true,
                                      .bins = (observables->bins + 1) / 2 };
}

static void describe(struct observables *observables, size_t own[4])
{
    own[0] = observables_add_histogram(
        observables,
        &(struct observables_histogram){
            .name = "density_2d",
            .long_name = "density in the x-y plane (in 3D summed over z); its integral is the number of particles",
            .unit = UNIT_PER_LENGTH "^2",
            .n_axes = 2,
            .total = (double)observables->system.particles,
            .axis = { axis(observables, "x", "position along x", 0), axis(observables, "y", "position along y", 1) } });
}

static void particles(const struct observables *observables, const size_t own[4], const struct observables_place *place,
                      const double *x)
{
    const size_t dimensions = observables->system.dimensions;
    for (size_t p = 0; p < observables->system.particles; p++, x += dimensions * WALKERS)
        observables_count(observables, place, own[0], x, x + WALKERS);
}

const struct observable_type observable_plane = { .name = "density-2d",
                                                  .summary =
                                                      "density in the x-y plane, in three dimensions summed over z",
                                                  .refuse = refuse,
                                                  .describe = describe,
                                                  .particles = particles };
