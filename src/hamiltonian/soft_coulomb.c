// SPDX-License-Identifier: GPL-3.0-or-later
// Softened Coulomb repulsion v(r) = lambda / sqrt(r^2 + epsilon^2); r dv/dr = -lambda r^2 / (r^2 + epsilon^2)^(3/2).
// Check: lambda = 1, epsilon = 3, r = 4 gives 0.2 and r dv/dr = -16/125.
#include "base/rows.h"
#include "vmc/hamiltonian.h"
#include "vmc/units.h"

struct soft_coulomb {
    double strength, softening;
};

extern const struct interaction_type interaction_soft_coulomb;

static const struct param params[] = {
    PARAM_REAL(soft_coulomb, strength, .range = PARAM_AT_LEAST(0), .fallback = "1", .unit = UNIT_ENERGY " " UNIT_LENGTH,
               .help = "lambda in lambda / sqrt(r^2 + epsilon^2)"),
    PARAM_REAL(soft_coulomb, softening, .range = PARAM_ABOVE(0), .fallback = "1", .unit = UNIT_LENGTH,
               .help = "epsilon in lambda / sqrt(r^2 + epsilon^2)"),
    PARAM_END,
};

static void pair_energy(const void *state, size_t n, const double *r2, const double *inverse, double *out)
{
    const struct soft_coulomb *soft = state;
    (void)inverse;
    for (size_t k = 0; k < n * ROW_PACKS; k++)
        ((pack *)out)[k] = soft->strength * pack_rsqrt(((const pack *)r2)[k] + soft->softening * soft->softening);
}

static void pair_virial(const void *state, size_t n, const double *r2, const double *inverse, double *out)
{
    const struct soft_coulomb *soft = state;
    (void)inverse;
    for (size_t k = 0; k < n * ROW_PACKS; k++) {
        const pack square = ((const pack *)r2)[k], root = pack_rsqrt(square + soft->softening * soft->softening);
        ((pack *)out)[k] = -soft->strength * square * (root * root * root);
    }
}

static void contact(const void *state, struct interaction_contact *contact)
{
    (void)state;
    (void)contact;  // finite at r = 0
}

const struct interaction_type interaction_soft_coulomb = {
    .name = "soft-coulomb",
    .summary = "repulsion lambda / sqrt(r^2 + epsilon^2)",
    .state_size = sizeof(struct soft_coulomb),
    .params = params,
    .pair_energy = pair_energy,
    .virial = VIRIAL_ROWS,
    .pair_virial = pair_virial,
    .contact = contact,
};
