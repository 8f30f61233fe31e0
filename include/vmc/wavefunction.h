// SPDX-License-Identifier: GPL-3.0-or-later
// Wave functions: a product of factors, ln|psi| = sum_f ln|phi_f|, over blocks of walkers (docs/theory.md, section 2).
//
// Memory.  A block is WALKERS = 32 walkers side by side; a row is WALKERS doubles, one per walker, 64-byte aligned. All that is known of a
// block at one configuration lies in one contiguous frame of rows:
//     x [M] | gradient of ln psi [M] | Laplacian of ln psi [1] | weight of factor f: mantissa, exponent [F][2] | cache of factor f [...]
// so that accepting a move is a swap of two frames, or one blend. |phi_f|^2 = mantissa * exp(exponent), mantissa in a safe range: ratios of
// |psi|^2 then need one exp and no logarithm.
#ifndef VMC_WAVEFUNCTION_H
#define VMC_WAVEFUNCTION_H

#include "vmc/error.h"
#include "vmc/param.h"
#include "vmc/system.h"

#include <stdbool.h>
#include <stddef.h>

enum { WALKERS = 32, FACTORS_MOST = 8 };

// A named, shaped part of a factor's parameters, for the results file: "a" [M], "w" [M, N], "sigma" [D].
struct factor_view {
    const char *name;       // data set name
    const char *long_name;  // in words
    const char *unit;       // NULL: a pure number
    size_t rank, extent[2];
    const char *label[2];   // names of the axes
    size_t first;           // offset into the factor's own parameters; unused when `fixed`
    bool logarithm;         // the parameter is ln of the value (sigma)
    bool shared;            // one parameter stands for all values
    const double *fixed;    // not NULL: the values are no parameters (an untrained sigma) and stand here
};
enum { FACTOR_VIEWS_MOST = 6 };

struct factor_type {
    const char *name, *summary;
    size_t state_size;
    const struct param *params;  // into the state
    bool carries_trap;           // has the trap's Gaussian in it by itself

    // After the params are bound. `others_carry_trap`: another factor of the product has the trap's Gaussian.
    bool (*build)(void *state, const struct system *system, bool others_carry_trap, struct error *error);
    void (*finish)(void *state);
    size_t (*n_parameters)(const void *state);
    size_t (*n_cache_rows)(const void *state);
    size_t (*views)(const void *state, struct factor_view view[FACTOR_VIEWS_MOST]);
    const char *(*representation)(const void *state);  // NULL, or an attribute the results file keeps
    // Starting parameters. `uniform()` of `random` gives doubles in (0, 1).
    void (*start)(const void *state, double (*uniform)(void *random), void *random, double *theta);
    // Takes over new parameters; everything below sees these. False when they make no wave function (sigma not finite, …).
    bool (*prepare)(void *state, const double *theta);

    // Kernels: no allocation, no failure. x: [M] rows. Any of them may be called for another block by another thread at the same time.
    // weight[0], weight[1]: mantissa and exponent rows of |phi|^2.
    void (*weigh)(const void *state, const double *x, double *weight, double *cache);
    // weight, grad ln phi [M] and Laplacian ln phi [1] (sum over all coordinates), the latter two added to the rows given where `add`; leaves in
    // the cache what `accumulate`, `derivatives` and `move` need.
    void (*evaluate)(const void *state, const double *x, bool add, double *weight, double *gradient, double *laplacian, double *cache);
    // Weight of the configuration in which particle p moved: `x` holds the new coordinates, `old_x`, `old_weight` and `old_cache` the old
    // ones; fills weight and cache so that a further `move` can start there. NULL: `weigh` is used.
    void (*move)(const void *state, size_t p, const double *old_x, const double *old_weight, const double *old_cache, const double *x,
                 double *weight, double *cache);
    // The cache: n_move_rows rows that `move` starts from and writes, then n_kept_rows that `derivatives`, `accumulate`, `features` and samplers
    // read after `evaluate`. Moves of all particles leave the former behind.
    size_t (*n_move_rows)(const void *state);
    size_t (*n_kept_rows)(const void *state);
    // O_k = d ln phi / d theta_k as rows [K]. After `evaluate` of the same x.
    void (*derivatives)(const void *state, const double *x, const double *cache, double *o);
    // Adds sum over walkers of ( c O_k - 1/2 grad u . grad O_k ) to the accumulator, c a row, grad u (du) [M] rows or NULL for none. After
    // `evaluate`. The accumulator has n_sums rows in a form of the factor's own (per walker where K is small); `collect` adds it to out[K].
    void (*accumulate)(const void *state, const double *x, const double *cache, const double *c, const double *du, double *scratch, double *sums);
    void (*collect)(const void *state, const double *sums, double *out);
    size_t (*n_sum_rows)(const void *state);
    size_t (*n_scratch_rows)(const void *state);

    // For methods that need O of every sample without storing it: features, few numbers of which O is made, kept as [feature][sample].
    // NULL n_features: the features are the O_k themselves (`derivatives`).
    size_t (*n_features)(const void *state);
    void (*features)(const void *state, const double *x, const double *cache, double *rows);  // after `evaluate`
    // O of n samples, [K][n], from features that lie `stride` apart.
    void (*expand)(const void *state, size_t n, size_t stride, const double *features, double *o);
    // out [n] += O v; out [K] += O^T y; out [n n] += O diag(weight) O^T with weight [K] from `scale`. NULL: by way of `expand`.
    void (*apply)(const void *state, size_t n, size_t stride, const double *features, const double *v, double *work, double *out);
    void (*transpose)(const void *state, size_t n, size_t stride, const double *features, const double *y, double *work, double *out);
    void (*gram)(const void *state, size_t n, size_t stride, const double *features, const double *weight, double *work, double *out);
    // A scale of the variance of O_k over the samples, [K], such that `gram` is fast with weights of that form. NULL: the variance itself.
    void (*scale)(const void *state, size_t n, size_t stride, const double *features, double *out);
};

struct factor {
    const struct factor_type *type;
    void *state;                  // borrowed; its built parts are the wave function's
    size_t first_parameter, n_parameters;
    size_t first_cache_row, n_move_rows, n_kept_rows, first_sum_row;
    size_t first_feature, n_features;
};

struct wavefunction {
    struct system system;
    size_t n_coordinates, n_factors, n_parameters;
    struct factor factor[FACTORS_MOST];
    // row numbers within a frame
    size_t row_gradient, row_laplacian, row_weight, row_cache, n_rows;
    size_t n_scratch_rows, n_sum_rows, n_features;
};

// The members of the list, in order; NULL past the last.
const struct factor_type *factor_type_at(size_t index);
const char *factor_name(size_t index);

// Borrows the states (zeroed, state_size bytes, params bound), in the order of the product, and builds them. On failure nothing is left to
// finish.
bool wavefunction_build(struct wavefunction *wavefunction, const struct system *system, size_t n_factors,
                        const struct factor_type *const *type, void **state, struct error *error);
void wavefunction_finish(struct wavefunction *wavefunction);
void wavefunction_start(const struct wavefunction *wavefunction, double (*uniform)(void *random), void *random, double *theta);
bool wavefunction_prepare(struct wavefunction *wavefunction, const double *theta);

// On one frame (n_rows rows); x must stand in its first M rows.
void wavefunction_weigh(const struct wavefunction *wavefunction, double *frame);
void wavefunction_evaluate(const struct wavefunction *wavefunction, double *frame);
void wavefunction_move(const struct wavefunction *wavefunction, size_t p, const double *frame, double *trial);
void wavefunction_derivatives(const struct wavefunction *wavefunction, const double *frame, double *o);
void wavefunction_accumulate(const struct wavefunction *wavefunction, const double *frame, const double *c, const double *du, double *scratch,
                             double *sums);
void wavefunction_collect(const struct wavefunction *wavefunction, const double *sums, double *out);
// Features of all factors, [n_features] rows.
void wavefunction_features(const struct wavefunction *wavefunction, const double *frame, double *rows);
// ln|psi| per walker, for tests and tempering.
void wavefunction_log(const struct wavefunction *wavefunction, const double *frame, double log_psi[WALKERS]);

#endif
