// SPDX-License-Identifier: GPL-3.0-or-later
// Trap and pair energy of a block of walkers, and the list of interactions.
#include "vmc/hamiltonian.h"

#include "base/list.h"
#include "base/rows.h"

#include <math.h>

#define INTERACTIONS(X)          \
    X(interaction, none)         \
    X(interaction, coulomb)      \
    X(interaction, soft_coulomb) \
    X(interaction, harmonic) X(interaction, hard_sphere) X(interaction, inverse_square) X(interaction, gaussian)
LIST(interaction, INTERACTIONS)

static const struct param no_params[] = { PARAM_END };

static void no_contact(const void *state, struct interaction_contact *contact)
{
    (void)state;
    (void)contact;
}

const struct interaction_type interaction_none = {
    .name = "none",
    .summary = "no pair force",
    .state_size = 1,
    .params = no_params,
    .virial = VIRIAL_HOMOGENEOUS,
    .contact = no_contact,
};

bool hamiltonian_build(struct hamiltonian *hamiltonian, const struct system *system,
                       const struct interaction_type *type, const void *state, struct error *error)
{
    *hamiltonian = (struct hamiltonian){ .system = *system, .type = type, .state = state };
    for (size_t d = 0; d < system->dimensions; d++)
        hamiltonian->stiffness[d] = 0.5 * system->omega[d] * system->omega[d];
    if (type->virial == VIRIAL_UNDECLARED || (type->virial == VIRIAL_ROWS) != !!type->pair_virial || !type->contact)
        return error_add(error, ERROR_INTERNAL, "interaction %s does not declare its virial and its contact",
                         type->name);
    type->contact(state, &hamiltonian->contact);
    hamiltonian->contact.node = hamiltonian->contact.node ||
                                (system->dimensions == 1 && hamiltonian->contact.inverse > 0);
    const char *reason = type->refuse ? type->refuse(state, system) : NULL;
    return !reason || error_add(error, ERROR_CONFIG, "[system] interaction = %s: %s", type->name, reason);
}

double hamiltonian_slope(const struct hamiltonian *hamiltonian, size_t class)
{
    const double dimensions = (double)hamiltonian->system.dimensions;
    return hamiltonian->contact.inverse / (dimensions + (class == PAIR_PARALLEL || dimensions == 1 ? 1 : -1));
}

double hamiltonian_power(const struct hamiltonian *hamiltonian)
{
    const double dimensions = (double)hamiltonian->system.dimensions, half = 0.5 * (dimensions - 2);
    if (hamiltonian->contact.core > 0)
        return 0.5 * (3 - dimensions);
    return sqrt(fmax(0, half * half + hamiltonian->contact.inverse_square)) - half;
}

bool hamiltonian_has_pairs(const struct hamiltonian *hamiltonian)
{
    return hamiltonian->type->pair_energy && hamiltonian->system.particles > 1;
}

bool hamiltonian_knows_pairs(const struct hamiltonian *hamiltonian, const struct configuration *at)
{
    return hamiltonian_has_pairs(hamiltonian) && at->inverse_sum && hamiltonian->type->of_inverse;
}

struct sums {
    const struct hamiltonian *hamiltonian;
    double *energy, *virial;  // a row each; they begin with the first tile
    bool begun;
    geometry_visitor *visit;
    void *context;
};

static PACK_HOT void add_tile(const struct pairs *pairs, void *context)
{
    struct sums *sums = context;
    const struct interaction_type *type = sums->hamiltonian->type;
    _Alignas(64) double values[PAIRS_AT_ONCE * WALKERS];
    if (type->add_energies) {
        type->add_energies(sums->hamiltonian->state, pairs->n, pairs->r2, pairs->inverse, sums->begun, sums->energy);
    } else {
        type->pair_energy(sums->hamiltonian->state, pairs->n, pairs->r2, pairs->inverse, values);
        rows_add_up(pairs->n, values, sums->begun, sums->energy);
    }
    if (type->virial == VIRIAL_ROWS) {
        type->pair_virial(sums->hamiltonian->state, pairs->n, pairs->r2, pairs->inverse, values);
        rows_add_up(pairs->n, values, sums->begun, sums->virial);
    }
    sums->begun = true;
    if (sums->visit)
        sums->visit(pairs, sums->context);
}

PACK_HOT void hamiltonian_potential(const struct hamiltonian *hamiltonian, const struct configuration *at,
                                    geometry_visitor *visit, void *context, double *out)
{
    const struct system *system = &hamiltonian->system;
    const struct interaction_type *type = hamiltonian->type;
    double *trap = rows_at(out, POTENTIAL_TRAP), *pair = rows_at(out, POTENTIAL_PAIR),
           *virial = rows_at(out, POTENTIAL_VIRIAL);
    rows_sum_squares(system_coordinates(system), hamiltonian->stiffness, system->dimensions, NULL, at->x, trap);
    if (!visit && hamiltonian_knows_pairs(hamiltonian, at)) {
        for (size_t l = 0; l < ROW_PACKS; l++)
            ((pack *)pair)[l] = type->of_inverse(hamiltonian->state) * ((const pack *)at->inverse_sum)[l];
    } else if (hamiltonian_has_pairs(hamiltonian)) {
        geometry_visit(at, add_tile, &(struct sums){ hamiltonian, pair, virial, false, visit, context });
    } else {
        rows_fill(1, 0, pair);
        if (visit && system->particles > 1)
            geometry_visit(at, visit, context);
    }
    const pack degree = pack_all(type->virial == VIRIAL_HOMOGENEOUS ? type->degree : 0);
    const bool rows = type->virial == VIRIAL_ROWS && hamiltonian_has_pairs(hamiltonian);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        const pack pairs = rows ? ((const pack *)virial)[l] : (pack)(degree * ((const pack *)pair)[l]);
        ((pack *)virial)[l] = pack_fma(pack_all(2.0), ((const pack *)trap)[l], pairs);
    }
}
