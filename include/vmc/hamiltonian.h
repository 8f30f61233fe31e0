// SPDX-License-Identifier: GPL-3.0-or-later
// H = sum_i ( -1/2 d^2/dx_i^2 + 1/2 omega_d(i)^2 x_i^2 ) + sum_{p<q} v(r_pq)   (docs/theory.md, eq. 1). The potential; it never sees psi.
#ifndef VMC_HAMILTONIAN_H
#define VMC_HAMILTONIAN_H

#include "vmc/error.h"
#include "vmc/param.h"
#include "vmc/system.h"

struct interaction_type {
    const char *name, *summary;
    size_t state_size;
    const struct param *params;
    // NULL: serves every system; else NULL or the reason with the remedy.
    const char *(*refuse)(const void *state, const struct system *system);
    // v(r) of n rows of squared distances. NULL: there is no interaction.
    void (*pair_energy)(const void *state, size_t n, const double *r2, double *out);
    // r dv/dr of n rows, for the virial. NULL: v is homogeneous of degree -1, so that r dv/dr = -v.
    void (*pair_virial)(const void *state, size_t n, const double *r2, double *out);
    // lambda where v -> lambda / r at contact. NULL: v has no such singularity.
    double (*contact_strength)(const void *state);
    bool only_contact;          // v is contact_strength / r at every r
};

const struct interaction_type *interaction_type_at(size_t index);
const char *interaction_name(size_t index);

struct hamiltonian {
    struct system system;
    const struct interaction_type *type;
    const void *state;          // borrowed
    double stiffness[DIMENSIONS_MOST];  // omega_d^2 / 2
};

// What one evaluation yields, as rows over the walkers of a block.
enum { POTENTIAL_TRAP, POTENTIAL_PAIR, POTENTIAL_VIRIAL, POTENTIAL_ROWS };
// POTENTIAL_VIRIAL = sum_i x_i dV/dx_i = 2 V_trap + sum_{p<q} r dv/dr

// Borrows the state (params bound). False where the interaction refuses the system.
bool hamiltonian_build(struct hamiltonian *hamiltonian, const struct system *system, const struct interaction_type *type, const void *state,
                       struct error *error);
size_t hamiltonian_scratch_rows(const struct hamiltonian *hamiltonian);
// x: [M] rows; out: POTENTIAL_ROWS rows; scratch: hamiltonian_scratch_rows rows.
void hamiltonian_potential(const struct hamiltonian *hamiltonian, const double *x, double *scratch, double *out);
// The same, and shows its pairs p > q to `visit`, up to PAIRS_AT_ONCE at a time: rows of r^2 and of v(r), in the first-level cache.
enum { PAIRS_AT_ONCE = 16 };
struct hamiltonian_pairs {
    size_t n, p[PAIRS_AT_ONCE], q[PAIRS_AT_ONCE];
    const double *r2, *energy;
};
typedef void hamiltonian_visit(const struct hamiltonian_pairs *pairs, void *context);
void hamiltonian_visit_pairs(const struct hamiltonian *hamiltonian, const double *x, double *scratch, hamiltonian_visit *visit, void *context,
                             double *out);
// lambda of the pair force's 1/r singularity, 0 when it has none.
double hamiltonian_contact_strength(const struct hamiltonian *hamiltonian);

// Squared distances of particle p to the particles before it: rows 0 .. p-1 of out. x: [P D] rows.
void hamiltonian_distances(const struct system *system, size_t p, const double *x, double *out);

#endif
