// SPDX-License-Identifier: GPL-3.0-or-later
// Derivatives of ln psi from formulas. With s_j = 1 / (1 + e^-theta_j), e = 1 with the envelope and 0 without:
//   d ln psi / dx_k         = (c / sigma_k^2) ( -e (x_k - a_k) + sum_j w_kj s_j ) - alpha omega_k x_k
//   d^2 ln psi / dx_k^2     = c ( -e / sigma_k^2 + sum_j w_kj^2 s_j (1 - s_j) / sigma_k^4 ) - alpha omega_k
//   d / da_k = c e (x_k - a_k) / sigma_k^2,   d / db_j = c s_j,   d / dw_kj = c x_k s_j / sigma_k^2
//   d / d ln sigma_d = c sum_{k in d} ( e (x_k - a_k)^2 - 2 x_k sum_j w_kj s_j ) / sigma_d^2,   d / d alpha = -1/2
//   sum_k omega_k x_k^2
#include "oracle.h"

#include <math.h>
#include <stdlib.h>

static double power(const struct oracle_rbm *rbm) { return rbm->amplitude ? 1 : 0.5; }

static double width2(const struct oracle_rbm *rbm, size_t i)
{
    const double sigma = rbm->sigma[i % rbm->dimensions];
    return sigma * sigma;
}

// s_j
static double active(const struct oracle_rbm *rbm, const double *x, size_t j)
{
    double theta = rbm->b[j];
    for (size_t i = 0; i < oracle_coordinates(rbm); i++)
        theta += x[i] * rbm->w[i * rbm->hidden + j] / width2(rbm, i);
    return 1 / (1 + exp(-theta));
}

static double *actives(const struct oracle_rbm *rbm, const double *x)
{
    double *s = calloc(rbm->hidden + 1, sizeof *s);
    if (s == NULL)
        abort();
    for (size_t j = 0; j < rbm->hidden; j++)
        s[j] = active(rbm, x, j);
    return s;
}

// sum_j w_kj s_j
static double pull(const struct oracle_rbm *rbm, const double *s, size_t k)
{
    double sum = 0;
    for (size_t j = 0; j < rbm->hidden; j++)
        sum += rbm->w[k * rbm->hidden + j] * s[j];
    return sum;
}

// sum_j w_kj^2 s_j (1 - s_j)
static double spread(const struct oracle_rbm *rbm, const double *s, size_t k)
{
    double sum = 0;
    for (size_t j = 0; j < rbm->hidden; j++)
        sum += rbm->w[k * rbm->hidden + j] * rbm->w[k * rbm->hidden + j] * s[j] * (1 - s[j]);
    return sum;
}

double oracle_analytic_gradient(const struct oracle_rbm *rbm, const double *x, double *gradient)
{
    double *s = actives(rbm, x), laplacian = 0;
    const double c = power(rbm), e = rbm->envelope ? 1 : 0;
    for (size_t k = 0; k < oracle_coordinates(rbm); k++) {
        const double squeeze = rbm->gaussian_alpha * rbm->omega[k % rbm->dimensions], s2 = width2(rbm, k);
        gradient[k] = c / s2 * (-e * (x[k] - rbm->a[k]) + pull(rbm, s, k)) - squeeze * x[k];
        laplacian += c * (-e / s2 + spread(rbm, s, k) / (s2 * s2)) - squeeze;
    }
    free(s);
    return laplacian;
}

static void by_sigma(const struct oracle_rbm *rbm, const double *x, const double *s, double *o)
{
    for (size_t d = 0; d < rbm->dimensions; d++)
        o[d] = 0;
    for (size_t k = 0; k < oracle_coordinates(rbm); k++) {
        const double distance = rbm->envelope ? x[k] - rbm->a[k] : 0;
        o[k % rbm->dimensions] += power(rbm) * (distance * distance - 2 * x[k] * pull(rbm, s, k)) / width2(rbm, k);
    }
}

void oracle_analytic_derivatives(const struct oracle_rbm *rbm, const double *x, double *o)
{
    const size_t m = oracle_coordinates(rbm), n = rbm->hidden;
    const double c = power(rbm);
    double *s = actives(rbm, x), *next = o + m + n + m * n;
    for (size_t j = 0; j < n; j++)
        o[m + j] = c * s[j];
    for (size_t k = 0; k < m; k++) {
        o[k] = rbm->envelope ? c * (x[k] - rbm->a[k]) / width2(rbm, k) : 0;
        for (size_t j = 0; j < n; j++)
            o[m + n + k * n + j] = c * x[k] * s[j] / width2(rbm, k);
    }
    if (rbm->train_sigma) {
        by_sigma(rbm, x, s, next);
        next += rbm->dimensions;
    }
    if (rbm->gaussian_alpha != 0) {
        *next = 0;
        for (size_t k = 0; k < m; k++)
            *next -= 0.5 * rbm->omega[k % rbm->dimensions] * x[k] * x[k];
    }
    free(s);
}

struct oracle_local oracle_analytic_local_energy(const struct oracle_rbm *rbm, const double *x)
{
    const size_t m = oracle_coordinates(rbm);
    struct oracle_local local;
    long double *wide = calloc(m, sizeof *wide);
    double *gradient = calloc(m, sizeof *gradient), square = 0;
    if (wide == NULL || gradient == NULL)
        abort();
    const double laplacian = oracle_analytic_gradient(rbm, x, gradient);
    for (size_t i = 0; i < m; i++) {
        square += gradient[i] * gradient[i];
        wide[i] = x[i];
    }
    oracle_potential(rbm, wide, &local);
    free(gradient);
    free(wide);
    local.kinetic = -0.5 * (square + laplacian);
    local.kinetic_gradient = 0.5 * square;
    local.energy = local.kinetic + local.trap + local.pair;
    return local;
}
