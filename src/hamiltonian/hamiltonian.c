// SPDX-License-Identifier: GPL-3.0-or-later
// Trap and pair energy of a block of walkers, and the list of interactions.
#include "vmc/hamiltonian.h"

#include "base/rows.h"

#define INTERACTIONS(X) X(none) X(coulomb) X(soft_coulomb)

#define DECLARE(name) extern const struct interaction_type interaction_##name;
#define ENTRY(name) &interaction_##name,
INTERACTIONS(DECLARE)
static const struct interaction_type *const interaction_types[] = { INTERACTIONS(ENTRY) };

static const struct param no_params[] = { PARAM_END };
const struct interaction_type interaction_none = { .name = "none", .summary = "no pair force", .state_size = 1, .params = no_params };

const struct interaction_type *interaction_type_at(size_t index)
{
    return index < sizeof interaction_types / sizeof *interaction_types ? interaction_types[index] : NULL;
}

const char *interaction_name(size_t index)
{
    const struct interaction_type *type = interaction_type_at(index);
    return type ? type->name : NULL;
}

bool hamiltonian_build(struct hamiltonian *hamiltonian, const struct system *system, const struct interaction_type *type, const void *state,
                       struct error *error)
{
    *hamiltonian = (struct hamiltonian){ .system = *system, .type = type, .state = state };
    const char *reason = type->refuse ? type->refuse(state, system) : NULL;
    return !reason || error_add(error, ERROR_CONFIG, "[system] interaction = %s: %s", type->name, reason);
}

size_t hamiltonian_scratch_rows(const struct hamiltonian *hamiltonian) { return 2 * hamiltonian->system.particles; }

double hamiltonian_contact_strength(const struct hamiltonian *hamiltonian)
{
    return hamiltonian->type->contact_strength ? hamiltonian->type->contact_strength(hamiltonian->state) : 0;
}

void hamiltonian_distances(const struct system *system, size_t p, const double *x, double *out)
{
    const size_t dimensions = system->dimensions;
    for (size_t q = 0; q < p; q++)
        for (size_t l = 0; l < ROW_PACKS; l++) {
            pack sum = pack_all(0.0);
            for (size_t d = 0; d < dimensions; d++) {
                const pack step = ((const pack *)x)[(p * dimensions + d) * ROW_PACKS + l] - ((const pack *)x)[(q * dimensions + d) * ROW_PACKS + l];
                sum = pack_fma(step, step, sum);
            }
            ((pack *)out)[q * ROW_PACKS + l] = sum;
        }
}

static void add_rows(size_t n, const double *rows, pack sum[ROW_PACKS])
{
    for (size_t k = 0; k < n; k++)
        for (size_t l = 0; l < ROW_PACKS; l++)
            sum[l] += ((const pack *)rows)[k * ROW_PACKS + l];
}

static void add_pairs(const struct hamiltonian *hamiltonian, const double *x, double *scratch, pack energy[ROW_PACKS], pack virial[ROW_PACKS])
{
    double *r2 = scratch, *values = rows_at(scratch, hamiltonian->system.particles);
    for (size_t p = 1; p < hamiltonian->system.particles; p++) {
        hamiltonian_distances(&hamiltonian->system, p, x, r2);
        hamiltonian->type->pair_energy(hamiltonian->state, p, r2, values);
        add_rows(p, values, energy);
        if (hamiltonian->type->pair_virial) {
            hamiltonian->type->pair_virial(hamiltonian->state, p, r2, values);
            add_rows(p, values, virial);
        }
    }
}

void hamiltonian_potential(const struct hamiltonian *hamiltonian, const double *x, double *scratch, double *out)
{
    const struct system *system = &hamiltonian->system;
    pack trap[ROW_PACKS] = { { 0 } }, pair[ROW_PACKS] = { { 0 } }, virial[ROW_PACKS] = { { 0 } };
    for (size_t i = 0; i < system_coordinates(system); i++) {
        const double omega = system->omega[i % system->dimensions];
        const pack stiffness = pack_all(0.5 * omega * omega);
        for (size_t l = 0; l < ROW_PACKS; l++) {
            const pack at = ((const pack *)x)[i * ROW_PACKS + l];
            trap[l] = pack_fma(stiffness * at, at, trap[l]);
        }
    }
    if (hamiltonian->type->pair_energy)
        add_pairs(hamiltonian, x, scratch, pair, virial);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        // a force without a virial of its own is homogeneous of degree -1: r dv/dr = -v
        const pack pair_virial = hamiltonian->type->pair_virial ? virial[l] : -pair[l];
        ((pack *)out)[POTENTIAL_TRAP * ROW_PACKS + l] = trap[l];
        ((pack *)out)[POTENTIAL_PAIR * ROW_PACKS + l] = pair[l];
        ((pack *)out)[POTENTIAL_VIRIAL * ROW_PACKS + l] = pack_fma(pack_all(2.0), trap[l], pair_virial);
    }
}
