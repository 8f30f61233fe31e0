// SPDX-License-Identifier: GPL-3.0-or-later
// Inverse-square pair force v(r) = lambda (lambda - 1) / r^2. In one dimension the Calogero model, solved exactly: E =
// omega P / 2 (1 + lambda (P - 1)) (Sutherland, J. Math. Phys. 12, 246 (1971)). Check: lambda = 2, r = 2 gives 0.5.
#include "base/rows.h"
#include "vmc/hamiltonian.h"
#include "vmc/units.h"

struct inverse_square {
    double lambda;
};

extern const struct interaction_type interaction_inverse_square;

static const struct param params[] = {
    PARAM_REAL(inverse_square, lambda, .range = PARAM_AT_LEAST(0.5), .fallback = "2",
               .help = "lambda in lambda (lambda - 1) / r^2, in " UNIT_ENERGY " " UNIT_LENGTH
                       "^2; below 1 it attracts"),
    PARAM_END,
};

static double strength(const void *state)
{
    const double lambda = ((const struct inverse_square *)state)->lambda;
    return lambda * (lambda - 1);
}

// Landau and Lifshitz, Quantum Mechanics, section 35: there is no ground state for g < -(D - 2)^2 / 4.
static const char *refuse(const void *state, const struct system *system)
{
    return system->dimensions == 2 && system->particles > 1 && strength(state) < 0
               ? "in two dimensions particles that attract as 1/r^2 fall upon one another; use interaction.lambda of 1 "
                 "or more"
               : NULL;
}

static void pair_energy(const void *state, size_t n, const double *r2, const double *inverse, double *out)
{
    const pack g = pack_all(strength(state));
    (void)r2;
    for (size_t k = 0; k < n * ROW_PACKS; k++)
        ((pack *)out)[k] = g * (((const pack *)inverse)[k] * ((const pack *)inverse)[k]);
}

static void contact(const void *state, struct interaction_contact *contact)
{
    contact->inverse_square = strength(state);
}

const struct interaction_type interaction_inverse_square = {
    .name = "inverse-square",
    .summary = "pair force lambda (lambda - 1) / r^2",
    .state_size = sizeof(struct inverse_square),
    .params = params,
    .refuse = refuse,
    .pair_energy = pair_energy,
    .virial = VIRIAL_HOMOGENEOUS,
    .degree = -2,
    .contact = contact,
};
