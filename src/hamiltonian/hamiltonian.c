// SPDX-License-Identifier: GPL-3.0-or-later
// Trap and pair energy of a block of walkers, and the list of interactions.
#include "vmc/hamiltonian.h"

#include "base/list.h"
#include "base/rows.h"

#define INTERACTIONS(X) X(interaction, none) X(interaction, coulomb) X(interaction, soft_coulomb)
LIST(interaction, INTERACTIONS)

static const struct param no_params[] = { PARAM_END };
const struct interaction_type interaction_none = { .name = "none", .summary = "no pair force", .state_size = 1, .params = no_params };

bool hamiltonian_build(struct hamiltonian *hamiltonian, const struct system *system, const struct interaction_type *type, const void *state,
                       struct error *error)
{
    *hamiltonian = (struct hamiltonian){ .system = *system, .type = type, .state = state };
    for (size_t d = 0; d < system->dimensions; d++)
        hamiltonian->stiffness[d] = 0.5 * system->omega[d] * system->omega[d];
    const char *reason = type->refuse ? type->refuse(state, system) : NULL;
    return !reason || error_add(error, ERROR_CONFIG, "[system] interaction = %s: %s", type->name, reason);
}

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

static PACK_HOT void distances(size_t dimensions, size_t p, size_t first, size_t n, const double *x, double *out)
{
    if (dimensions == 3)
        square_distances(3, p, first, n, x, out);
    else if (dimensions == 2)
        square_distances(2, p, first, n, x, out);
    else
        square_distances(1, p, first, n, x, out);
}

void hamiltonian_distances(const struct system *system, size_t p, const double *x, double *out) { distances(system->dimensions, p, 0, p, x, out); }

// What the pairs that wait for their energies are added to. They wait together: few calls for few particles, and rows that stay in the first-level
// cache for many.
struct pair_sums {
    const struct hamiltonian *hamiltonian;
    double *r2, *values, *energy, *virial;  // [PAIRS_AT_ONCE], [PAIRS_AT_ONCE], 1 and 1 rows; the latter two start with the first pairs
    hamiltonian_visit *visit;
    void *context;
};

static PACK_HOT void add_pairs(const struct pair_sums *sums, struct hamiltonian_pairs *pairs, bool first)
{
    const struct interaction_type *type = sums->hamiltonian->type;
    type->pair_energy(sums->hamiltonian->state, pairs->n, sums->r2, sums->values);
    rows_add_up(pairs->n, sums->values, !first, sums->energy);
    if (sums->visit)
        sums->visit(pairs, sums->context);
    if (type->pair_virial) {
        type->pair_virial(sums->hamiltonian->state, pairs->n, sums->r2, sums->values);
        rows_add_up(pairs->n, sums->values, !first, sums->virial);
    }
    pairs->n = 0;
}

static void add_all_pairs(const struct pair_sums *sums, const double *x)
{
    const struct system *system = &sums->hamiltonian->system;
    struct hamiltonian_pairs pairs;
    bool first = true;
    pairs.n = 0;
    pairs.r2 = sums->r2;
    pairs.energy = sums->values;
    for (size_t p = 1; p < system->particles; p++)
        for (size_t q = 0, n; q < p; q += n) {
            n = p - q < PAIRS_AT_ONCE - pairs.n ? p - q : PAIRS_AT_ONCE - pairs.n;
            distances(system->dimensions, p, q, n, x, rows_at(sums->r2, pairs.n));
            for (size_t k = 0; k < n; k++) {
                pairs.p[pairs.n] = p;
                pairs.q[pairs.n++] = q + k;
            }
            if (pairs.n == PAIRS_AT_ONCE) {
                add_pairs(sums, &pairs, first);
                first = false;
            }
        }
    if (pairs.n > 0)
        add_pairs(sums, &pairs, first);
}

PACK_HOT void hamiltonian_visit_pairs(const struct hamiltonian *hamiltonian, const double *x, double *scratch, hamiltonian_visit *visit, void *context,
                             double *out)
{
    const struct system *system = &hamiltonian->system;
    double *trap = rows_at(out, POTENTIAL_TRAP), *pair = rows_at(out, POTENTIAL_PAIR), *virial = rows_at(out, POTENTIAL_VIRIAL);
    rows_sum_squares(system_coordinates(system), hamiltonian->stiffness, system->dimensions, NULL, x, trap);
    if (!hamiltonian->type->pair_energy || system->particles == 1) {
        rows_fill(1, 0, pair);
        rows_fill(1, 0, virial);
    } else
        add_all_pairs(&(struct pair_sums){ hamiltonian, scratch, rows_at(scratch, PAIRS_AT_ONCE), pair, virial, visit, context }, x);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        // a force without a virial of its own is homogeneous of degree -1: r dv/dr = -v
        const pack pairs = hamiltonian->type->pair_virial ? ((const pack *)virial)[l] : -((const pack *)pair)[l];
        ((pack *)virial)[l] = pack_fma(pack_all(2.0), ((const pack *)trap)[l], pairs);
    }
}

void hamiltonian_potential(const struct hamiltonian *hamiltonian, const double *x, double *scratch, double *out)
{
    hamiltonian_visit_pairs(hamiltonian, x, scratch, NULL, NULL, out);
}
