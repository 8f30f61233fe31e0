// SPDX-License-Identifier: GPL-3.0-or-later
// What the Gibbs sampler may know of an RBM besides its kernels.
#ifndef VMC_WAVEFUNCTION_RBM_H
#define VMC_WAVEFUNCTION_RBM_H

#include "vmc/wavefunction.h"

enum { RBM_AMPLITUDE, RBM_PROBABILITY };
enum { RBM_OWN_WEIGHTS, RBM_SHARED_ENVIRONMENT, RBM_SHARED_PAIRS };
enum { RBM_ENVELOPE_AUTO, RBM_ENVELOPE_YES, RBM_ENVELOPE_NO };

// theta: a [M], b [N], w [M N] (w_ij at i N + j), then, where trained, ln sigma [n_widths].
struct rbm {
    // [rbm]
    size_t hidden, representation;
    struct param_reals sigma_setting;
    bool train_sigma;
    size_t envelope_setting;
    double init_scale;
    size_t sharing;
    bool vectors;
    // built, units that are shared
    struct system system;
    double scale;  // lengths times this, sqrt(omega), are pure numbers
    size_t n_shared;
    double *shared;  // parameters in use [n_shared]
    // built, weights of every particle's own
    size_t n_coordinates, dimensions;  // M, D
    double omega[DIMENSIONS_MOST];
    bool envelope;
    size_t n_widths;  // trained: none, one for all dimensions, or one each
    double c;         // 1 amplitude, 1/2 probability
    double sigma[DIMENSIONS_MOST];
    double spread[DIMENSIONS_MOST];  // sigma / sqrt(2 c): of a coordinate of |psi|^2 whose hidden units are known
    // from the parameters in use
    double *a, *b, *w;           // [M], [N], [M N]
    double *inverse_variance;    // 1 / sigma_i^2 [M]
    double *v;                   // v_ji = w_ij / sigma_i^2, by hidden unit [N M]
    double *v_squared;           // sum_i v_ji^2 [N]
    double *coupling;            // c v_ij, by coordinate [M N]
    double *stiffness, *offset;  // -c / sigma_i^2 and c a_i / sigma_i^2 [M]; 0 without an envelope
    double curvature;            // the Gaussian's share of the Laplacian, sum_i stiffness_i
};

extern const struct factor_type factor_rbm;

// rbm_build.c
extern const struct param rbm_params[];
size_t rbm_n_parameters(const void *state);
size_t rbm_sigma_offset(const struct rbm *rbm);  // of ln sigma among the parameters
const struct factor_type *rbm_instead(const void *state);
bool rbm_build(void *state, const struct system *system, const struct factor_surroundings *surroundings,
               struct error *error);
void rbm_finish(void *state);
size_t rbm_views(const void *state, struct factor_view view[FACTOR_VIEWS_MOST]);
void rbm_traits(const void *state, struct factor_traits *traits);
const char *rbm_representation(const void *state);
void rbm_start(const void *state, double (*uniform)(void *random), void *random, double *theta);
bool rbm_prepare(void *state, const double *theta);

// rbm_jumps.c
size_t rbm_n_jumps(const void *state);
bool rbm_jump(const void *state, size_t j, double *displacement);
size_t rbm_seek_jumps(const void *state, size_t most, double *displacement);

// rbm_reduced.c
void rbm_reduce_gradient(const void *state, double *gradient);
void rbm_restore_step(const void *state, double *step);

// Rows of the factor's cache: theta_j [N], the Gaussian's share of ln |psi|^2 [1], s_j [N], then, where sigma is
// trained, c h_i = c sum_j v_ij s_j [M].
static inline const double *rbm_sigmoid(const struct rbm *rbm, const double *cache)
{
    return cache + (rbm->hidden + 1) * WALKERS;
}
static inline const double *rbm_field(const struct rbm *rbm, const double *cache)
{
    return cache + (2 * rbm->hidden + 1) * WALKERS;
}

#endif
