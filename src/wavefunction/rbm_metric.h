// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef VMC_WAVEFUNCTION_RBM_METRIC_H
#define VMC_WAVEFUNCTION_RBM_METRIC_H

#include "wavefunction/rbm.h"

// O of ln sigma per dimension as rows [D]; nothing when sigma is not trained. In rbm.c.
void rbm_sigma_derivatives(const struct rbm *rbm, const double *x, const double *cache, double *rows);

size_t rbm_n_features(const void *state);
void rbm_features(const void *state, const double *x, const double *cache, double *rows);
void rbm_expand(const void *state, size_t n, size_t stride, const double *features, double *o);
void rbm_apply(const void *state, size_t n, size_t stride, const double *features, const double *v, double *work,
               double *out);
void rbm_transpose(const void *state, size_t n, size_t stride, const double *features, const double *y, double *work,
                   double *out);
void rbm_gram(const void *state, size_t n, size_t stride, const double *features, const double *weight, double *work,
              double *out);
// rbm_moments.c
bool rbm_matrix(const void *state, size_t n, size_t stride, const double *features, size_t room, double *work,
                double *out);
void rbm_scale(const void *state, size_t n, size_t stride, const double *features, double *work, double *out);

// rbm_condition.c
size_t rbm_n_condition(const void *state);
bool rbm_condition(const void *state, size_t n, size_t stride, const double *features, double *condition);
void rbm_precondition(const void *state, double shift, double *condition, const double *in, double *out);

#endif
