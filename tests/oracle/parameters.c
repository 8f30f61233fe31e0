// SPDX-License-Identifier: GPL-3.0-or-later
// The flat order of parameters, and copies of a parameter set that can be changed.
#include "oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t oracle_coordinates(const struct oracle_rbm *rbm) { return rbm->particles * rbm->dimensions; }

// a, b and w
static size_t weights(const struct oracle_rbm *rbm)
{
    const size_t m = oracle_coordinates(rbm);
    return m + rbm->hidden + m * rbm->hidden;
}

size_t oracle_parameters(const struct oracle_rbm *rbm)
{
    return weights(rbm) + (rbm->train_sigma ? rbm->dimensions : 0) + (rbm->gaussian_alpha != 0 ? 1 : 0);
}

static void fill(struct oracle_copy *copy, const struct oracle_rbm *rbm)
{
    const size_t m = oracle_coordinates(rbm), n = rbm->hidden;
    memcpy(copy->values, rbm->a, m * sizeof(double));
    if (n > 0) {
        memcpy(copy->values + m, rbm->b, n * sizeof(double));
        memcpy(copy->values + m + n, rbm->w, m * n * sizeof(double));
    }
    memcpy(copy->values + weights(rbm), rbm->sigma, rbm->dimensions * sizeof(double));
    copy->rbm = *rbm;
    copy->rbm.a = copy->values;
    copy->rbm.b = copy->values + m;
    copy->rbm.w = copy->values + m + n;
    copy->rbm.sigma = copy->values + weights(rbm);
}

void oracle_copy_init(struct oracle_copy *copy, const struct oracle_rbm *rbm)
{
    copy->values = calloc(weights(rbm) + rbm->dimensions, sizeof(double));
    if (copy->values == NULL)
        abort();
    fill(copy, rbm);
}

void oracle_copy_finish(struct oracle_copy *copy)
{
    free(copy->values);
    copy->values = NULL;
}

// Values k < weights are a, b, w; then sigma, if trained; what is left is alpha.
static bool is_alpha(const struct oracle_rbm *rbm, size_t k)
{
    return k >= weights(rbm) + (rbm->train_sigma ? rbm->dimensions : 0);
}

void oracle_copy_shift(struct oracle_copy *copy, const struct oracle_rbm *rbm, size_t k, double step)
{
    fill(copy, rbm);
    if (is_alpha(rbm, k))
        copy->rbm.gaussian_alpha += step;
    else if (k >= weights(rbm))
        copy->values[k] *= exp(step);
    else
        copy->values[k] += step;
}

void oracle_copy_set(struct oracle_copy *copy, const double *theta)
{
    for (size_t k = 0; k < oracle_parameters(&copy->rbm); k++) {
        if (is_alpha(&copy->rbm, k))
            copy->rbm.gaussian_alpha = theta[k];
        else
            copy->values[k] = k < weights(&copy->rbm) ? theta[k] : exp(theta[k]);
    }
}

void oracle_copy_get(const struct oracle_copy *copy, double *theta)
{
    for (size_t k = 0; k < oracle_parameters(&copy->rbm); k++) {
        if (is_alpha(&copy->rbm, k))
            theta[k] = copy->rbm.gaussian_alpha;
        else
            theta[k] = k < weights(&copy->rbm) ? copy->values[k] : log(copy->values[k]);
    }
}
