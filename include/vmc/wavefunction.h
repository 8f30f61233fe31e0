// SPDX-License-Identifier: GPL-3.0-or-later
// Wave functions: a product of factors, ln|psi| = sum_f ln|phi_f|, over blocks of walkers (docs/theory.md, section 2).
//
// Memory. All that is known of a block at one configuration lies in one contiguous frame of rows (vmc/layout.h):
//     x [M] | gradient of ln|psi| [M] | Laplacian [1] | weights: mantissa, exponent [n_weights][2] | distances | cache
//     of factor f [...] | pair values
// so that accepting a move of all particles is a swap of two frames, or one blend. |phi_f|^2 = mantissa * exp(exponent)
// with the mantissa within 2^-60 .. 2^60, or 0: ratios of |psi|^2 then need one exp and no logarithm, and no product of
// factors overflows. All factors that are products over pairs share one weight.
#ifndef VMC_WAVEFUNCTION_H
#define VMC_WAVEFUNCTION_H

#include "vmc/error.h"
#include "vmc/factor.h"
#include "vmc/geometry.h"
#include "vmc/layout.h"
#include "vmc/system.h"

#include <stdbool.h>
#include <stddef.h>

enum { FACTORS_MOST = 8 };

struct factor {
    const struct factor_type *type;
    void *state;  // borrowed; its built parts are the wave function's
    size_t first_parameter, n_parameters;
    size_t weight;  // number of its weight; products over pairs share one
    size_t first_cache_row, n_move_rows, n_kept_rows, first_sum_row;
    size_t first_feature, n_features;
    size_t first_condition, n_condition;
};

struct wavefunction {
    struct system system;
    struct geometry geometry;
    size_t n_coordinates, n_factors, n_parameters, n_weights;
    struct factor factor[FACTORS_MOST];
    // products over pairs: their weight; whether the values of all pairs (the distances, if one is alone) are kept for
    // one-particle moves
    bool has_pair_factors, keeps_pair_values;
    size_t pair_alone;  // number of the only one of them, if it sums the pairs of a particle itself; else n_factors
    size_t pair_weight;
    bool sweeps;       // wavefunction_sweep serves it
    bool wants_plain;  // a factor's gradient needs the plain energy (wavefunction_accumulate)
    // row numbers within a frame
    size_t row_gradient, row_laplacian, row_weight, row_pairs, row_cache, row_pair_values, n_rows;
    size_t n_scratch_rows, n_sum_rows, n_features, n_condition;
    size_t n_particle_rows;  // scratch of wavefunction_particle_gradient
};

// The members of the list, in order; NULL past the last.
const struct factor_type *factor_type_at(size_t index);
const char *factor_name(size_t index);

// Of one factor: its own functions, or what follows from its one number.
size_t factor_n_parameters(const struct factor *factor);
size_t factor_views(const struct factor *factor, struct factor_view view[FACTOR_VIEWS_MOST]);

// Borrows the states (zeroed, state_size bytes, params bound), in the order of the product, and builds them. On failure
// nothing is left to finish. asked: what the pair force asks of psi at contact; NULL: nothing.
bool wavefunction_build(struct wavefunction *wavefunction, const struct system *system,
                        const struct factor_surroundings *asked, size_t n_factors,
                        const struct factor_type *const *type, void **state, struct error *error);
void wavefunction_finish(struct wavefunction *wavefunction);
void wavefunction_start(const struct wavefunction *wavefunction, double (*uniform)(void *random), void *random,
                        double *theta);
bool wavefunction_prepare(struct wavefunction *wavefunction, const double *theta);
// To the reduced coordinates of all factors and back, in place [K] (vmc/factor.h).
void wavefunction_reduce_gradient(const struct wavefunction *wavefunction, double *gradient);
void wavefunction_restore_step(const struct wavefunction *wavefunction, double *step);
enum factor_stage wavefunction_stage(const struct wavefunction *wavefunction, size_t parameter);

// Of the whole product at the parameters in use: antisymmetric where one factor is and the others are symmetric;
// contacts add up.
void wavefunction_traits(const struct wavefunction *wavefunction, struct factor_traits *traits);

// On one frame (n_rows rows); x must stand in its first M rows.
struct configuration wavefunction_configuration(const struct wavefunction *wavefunction, const double *frame);
// The distances that one-particle moves keep in a frame, by lines (base/rows.h), or NULL where they keep none.
const double *wavefunction_distances(const struct wavefunction *wavefunction, const double *frame);
// The weights alone.
void wavefunction_weigh(const struct wavefunction *wavefunction, double *frame);
void wavefunction_evaluate(const struct wavefunction *wavefunction, double *frame);
// The same where one-particle moves have kept the weights and the move rows of the caches up to date.
void wavefunction_evaluate_moved(const struct wavefunction *wavefunction, double *frame);
// What one-particle moves start from, from scratch: weights and the move rows of the caches. Returns the largest change
// of ln|psi|^2 that this makes in a frame which moves have kept up to date (`updated`), else 0.
double wavefunction_refresh(const struct wavefunction *wavefunction, bool updated, double *frame);
// Weights of `trial`, whose x differs from that of `frame` in particle p alone; what accepting will need is left in the
// trial.
void wavefunction_ratio(const struct wavefunction *wavefunction, size_t p, const double *frame, double *trial);
// Multiplies `row` by the sign of psi's ratio, after wavefunction_ratio of p; whether all factors know theirs.
void wavefunction_sign(const struct wavefunction *wavefunction, size_t p, const double *trial, double *row);
bool wavefunction_knows_sign(const struct wavefunction *wavefunction);
// grad_p ln|psi|, [D] rows: of the frame, or, where `trial` is not NULL, of the trial after wavefunction_ratio of p.
// scratch: n_particle_rows rows.
void wavefunction_particle_gradient(const struct wavefunction *wavefunction, size_t p, const double *frame,
                                    const double *trial, double *scratch, double *gradient);
// The walkers of the mask take over the move of p: x, weights, move rows. The trial's x is that of the frame
// afterwards.
void wavefunction_accept(const struct wavefunction *wavefunction, size_t p, const double *mask, double *trial,
                         double *frame);
// Random numbers of a sweep of one-particle moves, particle after particle: per dimension a displacement, step (stretch
// draw - shift), then a number within (0, 1], [P][D + 1] rows.
struct sweep_draws {
    const double *rows;
    double step, stretch, shift;
};
// Such moves of all particles in turn, as ratio, Metropolis's decision and accept do them one by one; where `sweeps`.
// Returns how many were accepted.
size_t wavefunction_sweep(const struct wavefunction *wavefunction, const struct sweep_draws *draws, double *frame);
void wavefunction_derivatives(const struct wavefunction *wavefunction, const double *frame, double *o);
// c: row of the controlled energy's deviations, plain: of those of the plain energy (read where wants_plain); du: see
// factor_type.accumulate.
void wavefunction_accumulate(const struct wavefunction *wavefunction, const double *frame, const double *c,
                             const double *plain, const double *du, double *scratch, double *sums);
void wavefunction_collect(const struct wavefunction *wavefunction, const double *sums, double *out);
// Features of all factors, [n_features] rows.
void wavefunction_features(const struct wavefunction *wavefunction, const double *frame, double *rows);
// ln|psi| per walker, for tests and tempering.
void wavefunction_log(const struct wavefunction *wavefunction, const double *frame, double log_psi[WALKERS]);

#endif
