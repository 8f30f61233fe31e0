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

// Pairs that wait for their energies together: few calls for few particles, and rows that stay in the first-level cache for many.
enum { PAIRS_AT_ONCE = 32 };

size_t hamiltonian_scratch_rows(const struct hamiltonian *hamiltonian)
{
    (void)hamiltonian;
    return 2 * PAIRS_AT_ONCE;
}

double hamiltonian_contact_strength(const struct hamiltonian *hamiltonian)
{
    return hamiltonian->type->contact_strength ? hamiltonian->type->contact_strength(hamiltonian->state) : 0;
}

// r^2 of particle p and the n particles from `first` on: [n] rows. A cache line of walkers at a time, so that p's own coordinates stay in registers.
PACK_INLINE void square_distances(size_t dimensions, size_t p, size_t first, size_t n, const double *x, double *out)
{
    enum { LINE = 8 / PACK_WIDTH };
    for (size_t l = 0; l < ROW_PACKS; l += LINE) {
        const pack *own = (const pack *)x + p * dimensions * ROW_PACKS + l, *other = (const pack *)x + first * dimensions * ROW_PACKS + l;
        pack *to = (pack *)out + l, here[DIMENSIONS_MOST][LINE];
        for (size_t d = 0; d < dimensions; d++)
            for (size_t k = 0; k < LINE; k++)
                here[d][k] = own[d * ROW_PACKS + k];
        for (size_t q = 0; q < n; q++, other += dimensions * ROW_PACKS, to += ROW_PACKS)
            for (size_t k = 0; k < LINE; k++) {
                pack sum = pack_all(0.0);
                for (size_t d = 0; d < dimensions; d++) {
                    const pack step = here[d][k] - other[d * ROW_PACKS + k];
                    sum = pack_fma(step, step, sum);
                }
                to[k] = sum;
            }
    }
}

static void distances(size_t dimensions, size_t p, size_t first, size_t n, const double *x, double *out)
{
    if (dimensions == 3)
        square_distances(3, p, first, n, x, out);
    else if (dimensions == 2)
        square_distances(2, p, first, n, x, out);
    else
        square_distances(1, p, first, n, x, out);
}

void hamiltonian_distances(const struct system *system, size_t p, const double *x, double *out) { distances(system->dimensions, p, 0, p, x, out); }

// energy and virial of n pairs, added to rows of sums
static void add_pairs(const struct hamiltonian *hamiltonian, size_t n, const double *r2, double *values, double *energy, double *virial)
{
    hamiltonian->type->pair_energy(hamiltonian->state, n, r2, values);
    rows_add_up(n, values, energy);
    if (hamiltonian->type->pair_virial) {
        hamiltonian->type->pair_virial(hamiltonian->state, n, r2, values);
        rows_add_up(n, values, virial);
    }
}

static void add_all_pairs(const struct hamiltonian *hamiltonian, const double *x, double *scratch, double *energy, double *virial)
{
    const struct system *system = &hamiltonian->system;
    double *r2 = scratch, *values = rows_at(scratch, PAIRS_AT_ONCE);
    size_t waiting = 0;
    for (size_t p = 1; p < system->particles; p++)
        for (size_t q = 0, n; q < p; q += n) {
            n = p - q < PAIRS_AT_ONCE - waiting ? p - q : PAIRS_AT_ONCE - waiting;
            distances(system->dimensions, p, q, n, x, rows_at(r2, waiting));
            waiting += n;
            if (waiting == PAIRS_AT_ONCE) {
                add_pairs(hamiltonian, waiting, r2, values, energy, virial);
                waiting = 0;
            }
        }
    add_pairs(hamiltonian, waiting, r2, values, energy, virial);
}

void hamiltonian_potential(const struct hamiltonian *hamiltonian, const double *x, double *scratch, double *out)
{
    const struct system *system = &hamiltonian->system;
    double *trap = rows_at(out, POTENTIAL_TRAP), *pair = rows_at(out, POTENTIAL_PAIR), *virial = rows_at(out, POTENTIAL_VIRIAL);
    double stiffness[DIMENSIONS_MOST];
    for (size_t d = 0; d < system->dimensions; d++)
        stiffness[d] = 0.5 * system->omega[d] * system->omega[d];
    rows_sum_squares(system_coordinates(system), stiffness, system->dimensions, NULL, x, trap);
    rows_fill(1, 0, pair);
    rows_fill(1, 0, virial);
    if (hamiltonian->type->pair_energy)
        add_all_pairs(hamiltonian, x, scratch, pair, virial);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        // a force without a virial of its own is homogeneous of degree -1: r dv/dr = -v
        const pack pairs = hamiltonian->type->pair_virial ? ((const pack *)virial)[l] : -((const pack *)pair)[l];
        ((pack *)virial)[l] = pack_fma(pack_all(2.0), ((const pack *)trap)[l], pairs);
    }
}
