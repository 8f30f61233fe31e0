// SPDX-License-Identifier: GPL-3.0-or-later
// Hard spheres: no two particles closer than their diameter, and no force beyond. The energy is kinetic and that of the
// trap; psi has the core. On a line the diameter may be 0: points that cannot pass one another.
#include "vmc/hamiltonian.h"
#include "vmc/units.h"

struct hard_sphere {
    double diameter;
};

extern const struct interaction_type interaction_hard_sphere;

static const struct param params[] = {
    PARAM_REAL(
        hard_sphere, diameter, .range = PARAM_AT_LEAST(0), .fallback = "0.0043", .unit = UNIT_LENGTH,
        .help = "closest distance of two particles; in one dimension 0 stands for points that cannot pass one another"),
    PARAM_END,
};

static const char *refuse(const void *state, const struct system *system)
{
    return system->dimensions > 1 && system->particles > 1 && ((const struct hard_sphere *)state)->diameter == 0
               ? "points never meet in more than one dimension; use interaction.diameter above 0, or interaction = none"
               : NULL;
}

static void contact(const void *state, struct interaction_contact *contact)
{
    contact->core = ((const struct hard_sphere *)state)->diameter;
    contact->node = true;
}

const struct interaction_type interaction_hard_sphere = {
    .name = "hard-sphere",
    .summary = "hard spheres: psi = 0 where two particles are closer than a diameter",
    .state_size = sizeof(struct hard_sphere),
    .params = params,
    .refuse = refuse,
    .virial = VIRIAL_NONE,
    .contact = contact,
};
