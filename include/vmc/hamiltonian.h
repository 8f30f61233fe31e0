// SPDX-License-Identifier: GPL-3.0-or-later
// H = sum_i ( -1/2 d^2/dx_i^2 + 1/2 omega_d(i)^2 x_i^2 ) + sum_{p<q} v(r_pq)   (docs/theory.md, eq. 1.1). The
// potential; it never sees psi.
#ifndef VMC_HAMILTONIAN_H
#define VMC_HAMILTONIAN_H

#include "vmc/error.h"
#include "vmc/geometry.h"
#include "vmc/param.h"
#include "vmc/system.h"

// What v does where two particles meet: v -> inverse / r + inverse_square / r^2, or it forbids r < core. All 0: nothing
// of the kind.
struct interaction_contact {
    double inverse, inverse_square, core;
    bool node;  // psi must vanish at r = 0, or at the core: points that cannot pass, 1 / r on a line (set by
                // hamiltonian_build)
};

// How r dv/dr is known, for the virial theorem: v is homogeneous (r dv/dr = degree v), by rows of its own, or not at
// all (v is no function).
enum interaction_virial { VIRIAL_UNDECLARED, VIRIAL_HOMOGENEOUS, VIRIAL_ROWS, VIRIAL_NONE };

struct interaction_type {
    const char *name, *summary;
    size_t state_size;
    const struct param *params;
    // NULL: serves every system; else NULL or the reason with the remedy.
    const char *(*refuse)(const void *state, const struct system *system);
    // v(r) of n rows of r^2 and 1/r. NULL: there is no interaction, or none but its core.
    void (*pair_energy)(const void *state, size_t n, const double *r2, const double *inverse, double *out);
    // May be NULL: adds v(r) of n rows, in their order, to the row `sum`, or writes their sum there unless `add`. For a
    // v that is cheap enough for the rows in between to cost something.
    void (*add_energies)(const void *state, size_t n, const double *r2, const double *inverse, bool add, double *sum);
    double (*of_inverse)(const void *state);  // c where v = c / r; NULL: it is something else
    enum interaction_virial virial;
    double degree;  // VIRIAL_HOMOGENEOUS
    void (*pair_virial)(const void *state, size_t n, const double *r2, const double *inverse,
                        double *out);  // VIRIAL_ROWS: r dv/dr
    void (*contact)(const void *state, struct interaction_contact *contact);
};

const struct interaction_type *interaction_type_at(size_t index);
const char *interaction_name(size_t index);

struct hamiltonian {
    struct system system;
    const struct interaction_type *type;
    const void *state;                  // borrowed
    double stiffness[DIMENSIONS_MOST];  // omega_d^2 / 2
    struct interaction_contact contact;
};

// What one evaluation yields, as rows over the walkers of a block.
enum { POTENTIAL_TRAP, POTENTIAL_PAIR, POTENTIAL_VIRIAL, POTENTIAL_ROWS };
// POTENTIAL_VIRIAL = sum_i x_i dV/dx_i = 2 V_trap + sum_{p<q} r dv/dr; 2 V_trap alone where VIRIAL_NONE

// Borrows the state (params bound). False where the interaction refuses the system.
bool hamiltonian_build(struct hamiltonian *hamiltonian, const struct system *system,
                       const struct interaction_type *type, const void *state, struct error *error);
// d ln|psi| / dr where two particles of a class meet, for a finite local energy beside lambda / r: lambda / (D - 1),
// between parallel spins lambda / (D + 1); 0 where v has no such singularity. On a line psi has a node at every
// contact, ln|psi| = ln r + lambda r / 2.
double hamiltonian_slope(const struct hamiltonian *hamiltonian, size_t class);
// mu of ln|psi| ~ mu ln r where two particles meet in an s wave, for a finite local energy beside g / r^2: the larger
// root of mu (mu + D - 2) = g. Without such a force it is 0, and on a line 1, the power of a node.
// Beside a core a: that of r^mu (1 - a / r), (3 - D) / 2.
double hamiltonian_power(const struct hamiltonian *hamiltonian);
// Whether there are pairs with an energy.
bool hamiltonian_has_pairs(const struct hamiltonian *hamiltonian);
// Whether the energy of the pairs follows from what is known of them, without a visit.
bool hamiltonian_knows_pairs(const struct hamiltonian *hamiltonian, const struct configuration *at);
// out: POTENTIAL_ROWS rows. Its pairs are shown to `visit` too, unless NULL: a tile at a time, as to geometry_visit.
void hamiltonian_potential(const struct hamiltonian *hamiltonian, const struct configuration *at,
                           geometry_visitor *visit, void *context, double *out);

#endif
