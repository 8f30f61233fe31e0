// SPDX-License-Identifier: GPL-3.0-or-later
// Gaussian pair force v(r) = V exp(-r^2 / (2 s^2)), a repulsion for V > 0 and a well for V < 0; r dv/dr = -(r/s)^2 v.
// Check: V = s = 1, r = sqrt 2 gives e^-1 and r dv/dr = -2 e^-1.
#include "base/rows.h"
#include "vmc/hamiltonian.h"
#include "vmc/units.h"

struct gaussian_force {
    double height, width;
};

extern const struct interaction_type interaction_gaussian;

static const struct param params[] = {
    PARAM_REAL(gaussian_force, height, .range = PARAM_ANY, .fallback = "1", .unit = UNIT_ENERGY,
               .help = "V in V exp(-r^2 / (2 s^2)): above 0 a repulsion, below 0 a well"),
    PARAM_REAL(gaussian_force, width, .range = PARAM_ABOVE(0), .fallback = "1", .unit = UNIT_LENGTH,
               .help = "s in V exp(-r^2 / (2 s^2))"),
    PARAM_END,
};

static PACK_HOT void pair_energy(const void *state, size_t n, const double *r2, const double *inverse, double *out)
{
    const struct gaussian_force *force = state;
    const pack rate = pack_all(-0.5 / (force->width * force->width)), height = pack_all(force->height);
    (void)inverse;
    for (size_t k = 0; k < n * ROW_PACKS; k++)
        ((pack *)out)[k] = height * pack_exp(rate * ((const pack *)r2)[k]);
}

static void pair_virial(const void *state, size_t n, const double *r2, const double *inverse, double *out)
{
    const struct gaussian_force *force = state;
    const pack rate = pack_all(-1 / (force->width * force->width));
    pair_energy(state, n, r2, inverse, out);
    for (size_t k = 0; k < n * ROW_PACKS; k++)
        ((pack *)out)[k] *= rate * ((const pack *)r2)[k];
}

static void contact(const void *state, struct interaction_contact *contact)
{
    (void)state;
    (void)contact;  // finite at r = 0
}

const struct interaction_type interaction_gaussian = {
    .name = "gaussian",
    .summary = "Gaussian pair force V exp(-r^2 / (2 s^2)), of either sign",
    .state_size = sizeof(struct gaussian_force),
    .params = params,
    .pair_energy = pair_energy,
    .virial = VIRIAL_ROWS,
    .pair_virial = pair_virial,
    .contact = contact,
};
