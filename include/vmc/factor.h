// SPDX-License-Identifier: GPL-3.0-or-later
// The contract of a factor phi of the wave function: what it declares of itself, and its kernels over blocks of
// walkers. The mantissa of a weight stays within 2^-60 .. 2^60, or is 0 (vmc/wavefunction.h).
#ifndef VMC_FACTOR_H
#define VMC_FACTOR_H

#include "vmc/error.h"
#include "vmc/geometry.h"
#include "vmc/param.h"
#include "vmc/system.h"

#include <stdbool.h>
#include <stddef.h>

// A named, shaped part of a factor's parameters, for the results file: "a" [M], "w" [M, N], "sigma" [D].
struct factor_view {
    const char *name;       // data set name
    const char *long_name;  // in words
    const char *unit;       // NULL: a pure number
    size_t rank, extent[2];
    const char *label[2];  // names of the axes
    size_t first;          // offset into the factor's own parameters; unused when `fixed`
    bool logarithm;        // the parameter is ln of the value (sigma)
    bool shared;           // one parameter stands for all values
    const double *fixed;   // not NULL: the values are no parameters (an untrained sigma) and stand here
};
enum { FACTOR_VIEWS_MOST = 6 };

enum factor_symmetry { FACTOR_UNSYMMETRIC, FACTOR_SYMMETRIC, FACTOR_ANTISYMMETRIC };
// How ln|phi| behaves where two particles of a class meet: slope r, or power ln r.
struct factor_contact {
    double slope, power;
};
// What a factor declares of itself, at its parameters in use; nothing is assumed where nothing is said.
struct factor_traits {
    enum factor_symmetry symmetry;  // under exchange of particles with the same spin
    bool has_nodes;                 // changes sign somewhere
    bool scalable;  // its trained parameters can stretch it as a whole: where all factors are, the virial theorem holds
                    // at the optimum
    double core;    // phi = 0 where two particles are closer; 0: nowhere
    struct factor_contact contact[PAIR_CLASSES];
};

// When in training a parameter joins (docs/optimizers.md, "Stages"): at the beginning; once those have settled, the
// strengths of backflow; last what reads the surroundings of particles.
enum factor_stage { FACTOR_FIRST, FACTOR_BACKFLOW, FACTOR_UNITS, FACTOR_STAGES, FACTOR_LAST = FACTOR_STAGES - 1 };

// What a factor may know of what it stands beside.
struct factor_surroundings {
    bool others_carry_trap;  // another factor of the product has the trap's Gaussian
    // what the pair force asks of psi where two particles meet
    double slope[PAIR_CLASSES];  // d ln|psi| / dr of a class; 0: none
    double power;  // ln|psi| ~ power ln r; 0: none. On a line without a force 1 / r^2 it is 1, the power of a node
    double core;   // psi = 0 where they are closer; 0: nowhere
};

// Parameters that need no code of their own, one or a short list: where they are set (double), whether they are trained
// (bool), and where the values in use go (double), as offsets into the state.
struct factor_numbers {
    const char *name, *long_name, *unit;
    size_t setting, train, value;
    size_t count;       // of how many there are (size_t), as an offset; 0: one
    const char *label;  // name of the list's axis
    bool logarithm;     // the parameters are ln of the values, which are above 0
};

struct factor_type {
    const char *name, *summary;
    size_t state_size;
    const struct param *params;  // into the state
    bool carries_trap;           // has the trap's Gaussian in it by itself
    bool has_minima;             // its energy has several, between which random starting parameters decide

    // The type that serves this state once its params are bound, where settings decide; NULL: this one.
    const struct factor_type *(*instead)(const void *state);

    // ---- required of every factor
    const struct factor_numbers *numbers;  // in place of the next four; `views` then adds what is no parameter
    size_t (*n_parameters)(const void *state);
    size_t (*views)(const void *state, struct factor_view view[FACTOR_VIEWS_MOST]);
    // Starting parameters. `uniform()` of `random` gives doubles in (0, 1).
    void (*start)(const void *state, double (*uniform)(void *random), void *random, double *theta);
    // Takes over new parameters; everything below sees these. False when they make no wave function (sigma not finite,
    // …).
    bool (*prepare)(void *state, const double *theta);
    void (*traits)(const void *state, struct factor_traits *traits);

    // ---- kernels: no allocation, no failure. Any of them may be called for another block by another thread at the
    // same time. Either those of a product over pairs, ln phi = sum_{p<q} f(r_pq), a tile of pairs at a time; the
    // product does the rest: value[k] += f of pair k; rows.
    void (*pair_values)(const void *state, const struct pairs *pairs, double *value);
    // Optional, all three or none, for products in which no other factor is one over pairs; then nobody else needs rows
    // of pairs. sum[0] += f of a row of pairs, and unless NULL r[k] = distance of pair k.
    void (*pair_row)(const void *state, const struct pair_row *row, double *r, double *sum);
    // sum[0] += f of the pairs of particle p among all whose r were kept, pair (p, q) as row p (p - 1) / 2 + q.
    void (*pair_kept)(const void *state, const struct system *system, size_t p, const double *r, double *sum);
    // All terms of a row of pairs at once: gradient [M] += those of both particles of each pair; sums: PAIR_SUMS rows,
    // then d/dtheta [K]. r: the distances, or NULL.
    void (*pair_row_terms)(const void *state, const struct pair_row *row, const double *r, double *gradient,
                           double *sums);
    // value[0] += sum_k f, slope[k] += f'/r, curvature[0] += sum_k [ f'' + (D - 1) f'/r ]; rows
    void (*pair_terms)(const void *state, const struct pairs *pairs, double *value, double *slope, double *curvature);
    // o[K rows] += sum_k df/dtheta; where `along` is not NULL, response[K rows] += sum_k (d/dr df/dtheta) / r along[k]
    void (*pair_derivatives)(const void *state, const struct pairs *pairs, const double *along, double *o,
                             double *response);

    // … or these. weight[0], weight[1]: mantissa and exponent rows of |phi|^2.
    // Weight, grad ln phi [M] and Laplacian ln phi [1] (sum over all coordinates), the latter two added to the rows
    // given where FACTOR_ADD; leaves in the cache what `accumulate`, `derivatives` and `ratio` need. FACTOR_KEPT: the
    // move rows of the cache are those of x already.
    void (*evaluate)(const void *state, const struct configuration *at, unsigned how, double *weight, double *gradient,
                     double *laplacian, double *cache);
    // O_k = d ln phi / d theta_k as rows [K]. After `evaluate` of the same x.
    void (*derivatives)(const void *state, const struct configuration *at, const double *cache, double *o);

    // ---- optional
    // The stage of training in which a parameter joins. NULL: the first.
    enum factor_stage (*stage)(const void *state, size_t parameter);
    // After the params are bound.
    bool (*build)(void *state, const struct system *system, const struct factor_surroundings *surroundings,
                  struct error *error);
    void (*finish)(void *state);
    size_t (*n_cache_rows)(const void *state);
    const char *(*representation)(const void *state);  // an attribute the results file keeps
    void (*describe)(const void *state, char *text,
                     size_t size);  // what building chose and a person should know: a filling of shells
    // The weight alone, and the move rows of the cache. NULL: `evaluate`, into rows of scratch; then the cache has no
    // move rows.
    void (*weigh)(const void *state, const struct configuration *at, double *weight, double *cache);
    // One-particle moves. Weight of the configuration `at`, in which particle p has moved from old_x; old_weight and
    // old_cache are those of before. What `accept` will need goes into `cache`, of the trial. NULL: `weigh`.
    void (*ratio)(const void *state, size_t p, const double *old_x, const double *old_weight, const double *old_cache,
                  const struct configuration *at, double *weight, double *cache);
    // Multiplies `row` by the sign of phi's ratio that `ratio` of p has left in the trial's cache. NULL: phi has no
    // nodes, or nobody can ask.
    void (*sign)(const void *state, size_t p, const double *trial_cache, double *row);
    // What accepting changes in the cache, for the walkers of the mask. NULL: the move rows are taken over from the
    // trial.
    void (*accept)(const void *state, size_t p, const double *mask, const double *trial_cache, double *cache);
    // grad_p ln phi, [D] rows, added to `gradient`, between one-particle moves: of the configuration that the move rows
    // of `cache` belong to, or, where `trial` is not NULL, of the one that `ratio` of p has left there; `at` is the
    // configuration meant. NULL: `evaluate`, which costs all particles.
    void (*particle_gradient)(const void *state, size_t p, const struct configuration *at, const double *cache,
                              const double *trial, double *gradient);
    // The cache: n_move_rows rows that one-particle moves start from, then n_kept_rows that `derivatives`,
    // `accumulate`, `features` and samplers read after `evaluate`. Moves of all particles leave the former behind.
    size_t (*n_move_rows)(const void *state);
    size_t (*n_kept_rows)(const void *state);
    // Adds sum over walkers of ( c O_k - 1/2 grad u . grad O_k ) to the accumulator, c a row, grad u (du) [M] rows or
    // NULL for none. After `evaluate`. The accumulator has n_sum_rows rows in a form of the factor's own, of which
    // `collect` makes out[K]; NULL: K rows, to be summed. NULL: made of `derivatives`, for an energy without control
    // variates, whose gradient needs no grad O.
    void (*accumulate)(const void *state, const double *x, const double *cache, const double *c, const double *du,
                       double *scratch, double *sums);
    void (*collect)(const void *state, const double *sums, double *out);
    size_t (*n_sum_rows)(const void *state);
    size_t (*n_scratch_rows)(const void *state);

    // Reduced coordinates theta', in which methods without a metric take their steps: d theta = T d theta', with T of
    // the parameters in use. The gradient by theta' from that by theta, T^T; a step of theta from one of theta', T; in
    // place [K]. Both or neither; NULL: lengths in units of the trap's.
    void (*reduce_gradient)(const void *state, double *gradient);
    void (*restore_step)(const void *state, double *step);

    // Displacements of all coordinates between maxima of |phi|^2 that lie apart, so that walkers hardly cross from one
    // to the other by themselves: number k < n_jumps, [M]; false where the two maxima of that number are one. Of the
    // parameters in use; both or neither. NULL: none.
    size_t (*n_jumps)(const void *state);
    bool (*jump)(const void *state, size_t k, double *displacement);
    // The same between maxima that only a search finds, from those around the highest to others: up to `most` of them
    // into displacement [most][M]; returns how many. NULL: none.
    size_t (*seek_jumps)(const void *state, size_t most, double *displacement);

    // For methods that need O of every sample without storing it: features, few numbers of which O is made, kept as
    // [feature][sample]. NULL n_features: the features are the O_k themselves (`derivatives`).
    size_t (*n_features)(const void *state);
    void (*features)(const void *state, const double *x, const double *cache, double *rows);  // after `evaluate`
    // O of n samples, [K][n], from features that lie `stride` apart.
    void (*expand)(const void *state, size_t n, size_t stride, const double *features, double *o);
    // out [n] += O v; out [K] += O^T y; out [n n] += O diag(weight) O^T with weight [K] from `scale`. NULL: by way of
    // `expand`.
    void (*apply)(const void *state, size_t n, size_t stride, const double *features, const double *v, double *work,
                  double *out);
    void (*transpose)(const void *state, size_t n, size_t stride, const double *features, const double *y, double *work,
                      double *out);
    void (*gram)(const void *state, size_t n, size_t stride, const double *features, const double *weight, double *work,
                 double *out);
    // The covariances of O as a matrix, [K][K], with `room` doubles of work; false: not in a better way than `expand`.
    bool (*matrix)(const void *state, size_t n, size_t stride, const double *features, size_t room, double *work,
                   double *out);
    // A scale of the variance of O_k over the samples, [K], such that `gram` is fast with weights of that form. NULL:
    // the variance itself.
    void (*scale)(const void *state, size_t n, size_t stride, const double *features, double *work, double *out);
    // What that scale counts for at least, for parameters that are plain numbers of order 1: the shift of the metric is
    // relative to it, and parameters without influence would be driven off by noise. 0: no such bound.
    double scale_least;
    // An approximate inverse of S + shift D, where D is the scale: `condition` takes what it needs of the samples into
    // a condition of n_condition doubles, `precondition` applies it, in coordinates in which D is 1, with [K] in and
    // out. NULL: none, or not worth its cost for this shape.
    size_t (*n_condition)(const void *state);
    bool (*condition)(const void *state, size_t n, size_t stride, const double *features, double *condition);
    void (*precondition)(const void *state, double shift, double *condition, const double *in, double *out);
};
enum { FACTOR_ADD = 1, FACTOR_KEPT = 2 };
// Sums over pairs: 1/r, f, f'' + (D - 1) f'/r.
enum { PAIR_SUM_INVERSE, PAIR_SUM_VALUE, PAIR_SUM_CURVATURE, PAIR_SUMS };

#endif
