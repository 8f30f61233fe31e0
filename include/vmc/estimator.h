// SPDX-License-Identifier: GPL-3.0-or-later
// The local energy and its parts, and control variates that make their variance finite and small (docs/theory.md,
// sections 3 and 6).
#ifndef VMC_ESTIMATOR_H
#define VMC_ESTIMATOR_H

#include "vmc/error.h"
#include "vmc/hamiltonian.h"
#include "vmc/wavefunction.h"

#include <stdint.h>

// Rows over the walkers of a block. The first four are also what controls add to (CONTROLLED_ROWS), those from TRAP on
// what the potential fills in.
enum { ENERGY_LOCAL, ENERGY_KINETIC, ENERGY_TRAP, ENERGY_PAIR, ENERGY_VIRIAL, ENERGY_KINETIC_GRADIENT, ENERGY_ROWS };
// KINETIC = -1/2 sum (g^2 + l); KINETIC_GRADIENT = 1/2 sum g^2 has the same mean; LOCAL = KINETIC + TRAP + PAIR;
// VIRIAL = sum_i x_i dV/dx_i.

// The frame must be evaluated. out: ENERGY_ROWS rows.
void estimator_energy(const struct hamiltonian *hamiltonian, const struct wavefunction *wavefunction,
                      const double *frame, double *out);
// The same where the rows of hamiltonian_potential stand in `out` already, from ENERGY_TRAP on.
void estimator_assemble(const struct wavefunction *wavefunction, const double *frame, double *out);

// ---- sums over draws

// Of all walkers and draws, energies relative to a reference.
struct moments {
    double energy, energy2;  // controlled
    double local, local2;    // E_L itself
    double walker2;          // squares of the walkers' means (controlled)
};
enum { MOMENT_ROWS = 4 };
// A draw of a block, per walker: energy [ENERGY_ROWS], controlled [CONTROLLED_ROWS] rows; one and the same where there
// are no controls.
void moments_add(double reference, const double *energy, const double *controlled, double *rows);
// A row of a series whose values are means over 1 / share draws: `share` of the draw's row is added to it, or begins it
// (`first`).
void moments_record(double share, bool first, const double *draw, double *value);
// Reblocking on the fly: draw number `at` of a block of walkers goes up the levels, where blocks of 2^level draws are
// complete. pending: a row per level, `stride` doubles apart, of the means that wait for their other half (those whose
// bit is set in the number of draws); sums: per level the sum of the block means and of their squares, relative to the
// reference.
enum { MOMENT_LEVELS = 40, LEVEL_SUMS = 2 };
void moments_block(double reference, uint64_t at, const double *draw, double *pending, size_t stride, double *sums);
// Whether both energies of all walkers are.
bool moments_finite(const double *energy, const double *controlled);
// Adds a block whose rows hold `draws` draws; controlled: whether there were controls.
void moments_reduce(const double *rows, double draws, bool controlled, struct moments *moments);
// (E - mean of the block) W / (W - 1) times `weight` (NULL: 1): with it the sum over a block of E O is W times an
// unbiased covariance.
void moments_centre(const double *energy, const double *weight, double *out);

// ---- control variates: C_u = -1/2 Laplacian u - grad u . grad ln|psi| has mean 0 under |psi|^2 for every u

enum { CONTROLS_MOST = 24, CONTROL_TYPES_MOST = 8 };
// What is controlled; the energy is the sum of the three, and so are its coefficients.
enum { CONTROLLED_KINETIC, CONTROLLED_TRAP, CONTROLLED_PAIR, CONTROLLED_QUANTITIES };

struct controls;

// A family of functions u_k.
struct control_type {
    const char *name, *summary;
    bool (*applies)(const struct hamiltonian *hamiltonian, const struct wavefunction *wavefunction);
    size_t (*n_functions)(const struct system *system);
    // Rows C_u of every function, from x and the gradient of ln|psi|, [M] rows; where du [M rows] is not NULL, also
    // du += sum_k coefficient[k] grad u_k. One of two: at once, or pairs at a time, as the potential meets them, added
    // to rows that start at 0; and then also all pairs at once, for a potential that meets none.
    void (*evaluate)(const struct controls *controls, const double *coefficient, const double *x,
                     const double *gradient, double *c, double *du);
    void (*evaluate_pairs)(const struct controls *controls, const double *coefficient, const struct pairs *pairs,
                           const double *x, const double *gradient, double *c, double *du);
    void (*evaluate_all)(const struct controls *controls, const double *coefficient, const struct configuration *at,
                         const double *gradient, double *c, double *du);
    // Where physics fixes the coefficient of function k for a quantity: true, and the value. NULL: all are fitted.
    bool (*fixed)(const struct hamiltonian *hamiltonian, const struct wavefunction *wavefunction, size_t k,
                  size_t quantity, double *value);
};

const struct control_type *control_type_at(size_t index);
const char *control_name(size_t index);

struct controls {
    struct system system;
    double range;  // beta of the pair functions r / (1 + beta r), 1 / a_0
    size_t n_types, n_functions;
    const struct control_type *type[CONTROL_TYPES_MOST];
    size_t first_function[CONTROL_TYPES_MOST];
    bool is_fixed[CONTROLS_MOST];
    double coefficient[CONTROLLED_QUANTITIES][CONTROLS_MOST];
    double total[CONTROLS_MOST];  // their sum: the coefficients of the energy
};

// Chooses those of the list (indices into control_type_at) that apply. n = 0: none. False where there are more
// functions than CONTROLS_MOST.
bool controls_build(struct controls *controls, const struct hamiltonian *hamiltonian,
                    const struct wavefunction *wavefunction, size_t n, const size_t *index, struct error *error);
size_t controls_scratch_rows(const struct controls *controls);  // of controls_gather
// The energies (ENERGY_ROWS rows) and the controls, in one pass over the pairs; `moved`: wavefunction_evaluate_moved
// has evaluated the frame. c: n_functions rows; du, unless NULL: [M] rows, gradient of the energy's u = sum_k total_k
// u_k
void controls_evaluate(const struct controls *controls, const struct hamiltonian *hamiltonian,
                       const struct wavefunction *wavefunction, const double *frame, bool moved, double *energy,
                       double *c, double *du);
// energy rows with the controls added: LOCAL and, as `parts`, KINETIC, TRAP, PAIR of `energy` (ENERGY_ROWS rows) ->
// out[0..3] rows
enum { CONTROLLED_ENERGY_ROW, CONTROLLED_ROW, CONTROLLED_ROWS = CONTROLLED_ROW + CONTROLLED_QUANTITIES };
void controls_apply(const struct controls *controls, bool parts, const double *energy, const double *c, double *out);

// Fitting: least squares with an intercept on earlier samples, then frozen.
// sums: controls_sum_rows rows, added to per block; merged by plain addition.
size_t controls_sum_rows(const struct controls *controls);
void controls_gather(const struct controls *controls, const double *energy, const double *c, double *scratch,
                     double *sums);
size_t controls_moments(const struct controls *controls);                                    // doubles
void controls_reduce(const struct controls *controls, const double *sums, double *moments);  // adds
// Takes the coefficients that minimise the variance of each quantity; keeps the old ones (and returns false) when the
// fit is not usable.
bool controls_fit(struct controls *controls, const double *moments);

#endif
