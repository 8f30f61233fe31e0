// SPDX-License-Identifier: GPL-3.0-or-later
// Harmonic pair force v(r) = kappa r^2 / 2, attractive for kappa > 0. Exactly solvable: the centre of mass oscillates
// with omega, all else with Omega = sqrt(omega^2 + P kappa) (docs/theory.md, eq. 1.3). Check: kappa = 1, r = 2 gives
// 2.
#include "base/rows.h"
#include "vmc/hamiltonian.h"
#include "vmc/units.h"

struct harmonic {
    double kappa;
};

extern const struct interaction_type interaction_harmonic;

static const struct param params[] = {
    PARAM_REAL(harmonic, kappa, .range = PARAM_ANY, .fallback = "1", .unit = UNIT_ENERGY "/" UNIT_LENGTH "^2",
               .help = "kappa in kappa r^2 / 2; a repulsion, kappa < 0, must leave omega^2 + P kappa above 0"),
    PARAM_END,
};

static const char *refuse(const void *state, const struct system *system)
{
    const struct harmonic *harmonic = state;
    for (size_t d = 0; d < system->dimensions; d++)
        if (system->particles > 1 &&
            !(system->omega[d] * system->omega[d] + (double)system->particles * harmonic->kappa > 0))
            return "the repulsion is stronger than the trap, and nothing is bound; use interaction.kappa above "
                   "-omega^2 / particles";
    return NULL;
}

static void pair_energy(const void *state, size_t n, const double *r2, const double *inverse, double *out)
{
    const pack half = pack_all(0.5 * ((const struct harmonic *)state)->kappa);
    (void)inverse;
    for (size_t k = 0; k < n * ROW_PACKS; k++)
        ((pack *)out)[k] = half * ((const pack *)r2)[k];
}

static void contact(const void *state, struct interaction_contact *contact)
{
    (void)state;
    (void)contact;  // none
}

const struct interaction_type interaction_harmonic = {
    .name = "harmonic",
    .summary = "harmonic pair force kappa r^2 / 2",
    .state_size = sizeof(struct harmonic),
    .params = params,
    .refuse = refuse,
    .pair_energy = pair_energy,
    .virial = VIRIAL_HOMOGENEOUS,
    .degree = 2,
    .contact = contact,
};
