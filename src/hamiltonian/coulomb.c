// SPDX-License-Identifier: GPL-3.0-or-later
// Coulomb repulsion v(r) = lambda / r. Energy in hbar omega_0, r in a_0. Check: lambda = 1, r = 2 gives 0.5.
#include "base/rows.h"
#include "vmc/hamiltonian.h"
#include "vmc/units.h"

struct coulomb {
    double strength;
};

extern const struct interaction_type interaction_coulomb;

static const struct param params[] = {
    PARAM_REAL(coulomb, strength, .range = PARAM_AT_LEAST(0), .fallback = "1", .unit = UNIT_ENERGY " " UNIT_LENGTH,
               .help = "lambda in lambda / r"),
    PARAM_END,
};

static PACK_HOT void pair_energy(const void *state, size_t n, const double *r2, const double *inverse, double *out)
{
    const struct coulomb *coulomb = state;
    (void)r2;
    for (size_t k = 0; k < n * ROW_PACKS; k++)
        ((pack *)out)[k] = coulomb->strength * ((const pack *)inverse)[k];
}

static PACK_HOT void add_energies(const void *state, size_t n, const double *r2, const double *inverse, bool add,
                                  double *sum)
{
    const pack strength = pack_all(((const struct coulomb *)state)->strength);
    (void)r2;
    for (size_t l = 0; l < ROW_PACKS; l += TILE_PACKS) {
        pack total[TILE_PACKS];
        for (size_t w = 0; w < TILE_PACKS; w++)
            total[w] = add ? ((const pack *)sum)[l + w] : pack_all(0.0);
        for (size_t k = 0; k < n; k++)
            for (size_t w = 0; w < TILE_PACKS; w++)
                total[w] += strength * ((const pack *)inverse)[k * ROW_PACKS + l + w];
        for (size_t w = 0; w < TILE_PACKS; w++)
            ((pack *)sum)[l + w] = total[w];
    }
}

static double of_inverse(const void *state) { return ((const struct coulomb *)state)->strength; }

static void contact(const void *state, struct interaction_contact *contact)
{
    contact->inverse = ((const struct coulomb *)state)->strength;
}

const struct interaction_type interaction_coulomb = {
    .name = "coulomb",
    .summary = "repulsion lambda / r",
    .state_size = sizeof(struct coulomb),
    .params = params,
    .pair_energy = pair_energy,
    .add_energies = add_energies,
    .of_inverse = of_inverse,
    .virial = VIRIAL_HOMOGENEOUS,
    .degree = -1,
    .contact = contact,
};
