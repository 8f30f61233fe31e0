// SPDX-License-Identifier: GPL-3.0-or-later
// Exact expectation values for fixed parameters.
//
// Density. With K = 2c, |psi|^2 = F^K exp(-alpha sum omega_i x_i^2) is a sum over K copies of the hidden layer. Only
// n_j = sum over copies of h_j counts (0..K, in binomial(K, n_j) ways), and the exponent is
//   b.n + sum_i [ -e K (x_i - a_i)^2 / (2 sigma_i^2) + x_i sum_j w_ij n_j / sigma_i^2 - alpha omega_i x_i^2 ]
// = b.n + sum_i [ -p_i x_i^2 / 2 + q_i x_i - e K a_i^2 / (2 sigma_i^2) ],
//   p_i = e K / sigma_i^2 + 2 alpha omega_i,   q_i = e K a_i / sigma_i^2 + sum_j w_ij n_j / sigma_i^2:
// a mixture of (K + 1)^N Gaussians of mean q_i / p_i and variance 1 / p_i with
//   ln weight = b.n + sum_j ln binomial(K, n_j) + sum_i [ q_i^2 / (2 p_i) - e K a_i^2 / (2 sigma_i^2) + 1/2 ln(2 pi /
//   p_i) ].
// For the amplitude form without the extra factor the means are a + w n / 2 and the variances sigma^2 / 2.
//
// Trap: <x_i^2> = mean^2 + 1 / p_i. Pair: the relative vector of a component is Gaussian, variance 2 / p_d (pair.c).
//
// Kinetic energy, by T = 1/2 <|grad ln psi|^2> = -1/4 <Laplacian ln psi> (partial integration), so
//   T = 1/2 sum_i [ p_i / 4 - (c / (2 sigma_i^4)) sum_j w_ij^2 <s_j (1 - s_j)> ].
// Given x, n_j is Binomial(K, s_j). Hence for K = 2 <s_j (1 - s_j)> = 1/2 Prob(n_j = 1): closed. (Check, without
// partial integration: the pair (h, h') of Gaussians in grad F . grad F has int = weight (P_i / 2 - (u_i - u'_i)^2 /
// 4), P = p / 2, u_i = w_i.h / sigma_i^2, and the signs of h_j - h'_j = +-1 average out between different j.) For K =
// 1, theta_j is Gaussian in every component, of variance sum_i w_ij^2 / (sigma_i^4 p_i), and s (1 - s) = 1 / (4
// cosh^2(theta/2)) is averaged over it by quadrature.
#include "oracle.h"

#include <math.h>
#include <stdlib.h>

static const long double pi = 3.14159265358979323846264338327950288L;

static size_t copies(const struct oracle_rbm *rbm) { return rbm->amplitude ? 2 : 1; }

static long double sigma2(const struct oracle_rbm *rbm, size_t i)
{
    const long double sigma = rbm->sigma[i % rbm->dimensions];
    return sigma * sigma;
}

long double oracle_precision(const struct oracle_rbm *rbm, size_t dimension)
{
    const long double squeeze = 2 * (long double)rbm->gaussian_alpha * rbm->omega[dimension];
    return squeeze + (rbm->envelope ? (long double)copies(rbm) / sigma2(rbm, dimension) : 0);
}

static long double precision(const struct oracle_rbm *rbm, size_t i)
{
    return oracle_precision(rbm, i % rbm->dimensions);
}

size_t oracle_components(const struct oracle_rbm *rbm)
{
    size_t count = 1;
    for (size_t j = 0; j < rbm->hidden; j++)
        count *= copies(rbm) + 1;
    return count;
}

// n_j of a component: digit j of its index in base K + 1
static size_t digit(const struct oracle_rbm *rbm, size_t index, size_t j)
{
    for (size_t k = 0; k < j; k++)
        index /= copies(rbm) + 1;
    return index % (copies(rbm) + 1);
}

// sum_j w_ij n_j
static long double pull(const struct oracle_rbm *rbm, size_t index, size_t i)
{
    long double sum = 0;
    for (size_t j = 0; j < rbm->hidden; j++)
        sum += rbm->w[i * rbm->hidden + j] * (long double)digit(rbm, index, j);
    return sum;
}

long double oracle_component(const struct oracle_rbm *rbm, size_t index, long double *mean)
{
    const long double k = rbm->envelope ? (long double)copies(rbm) : 0;
    long double log_weight = 0;
    for (size_t j = 0; j < rbm->hidden; j++) {
        const size_t n = digit(rbm, index, j);
        log_weight += rbm->b[j] * (long double)n + (copies(rbm) == 2 && n == 1 ? logl(2) : 0);
    }
    for (size_t i = 0; i < oracle_coordinates(rbm); i++) {
        const long double p = precision(rbm, i), a = rbm->a[i];
        const long double q = (k * a + pull(rbm, index, i)) / sigma2(rbm, i);
        mean[i] = q / p;
        log_weight += q * q / (2 * p) - k * a * a / (2 * sigma2(rbm, i)) + 0.5L * logl(2 * pi / p);
    }
    return log_weight;
}

// Mean of 1 / (4 cosh^2(theta/2)) over theta of mean mu and variance v. Poles at +-i pi, and the Gaussian's own decay:
// with steps min(0.4, 0.6 sqrt v) both errors of the trapezoid rule, e^(-2 pi^2 / h) and e^(-2 pi^2 v / h^2), are below
// 1e-21.
static long double bell(long double mu, long double v)
{
    const long double width = sqrtl(v);
    if (width < 1e-30L)
        return 0.25L / (coshl(mu / 2) * coshl(mu / 2));
    const long double step = fminl(0.4L, 0.6L * width), end = ceill(11 * width / step);
    long double sum = 0;
    for (long double k = -end; k <= end; k++) {
        const long double z = k * step / width, decay = expl(-fabsl(mu + k * step));
        sum += expl(-z * z / 2) * decay / ((1 + decay) * (1 + decay));
    }
    return sum * step / (width * sqrtl(2 * pi));
}

// <s_j (1 - s_j)> within a component
static long double fluctuation(const struct oracle_rbm *rbm, size_t index, const long double *mean, size_t j)
{
    if (copies(rbm) == 2)
        return digit(rbm, index, j) == 1 ? 0.5L : 0;
    long double mu = rbm->b[j], v = 0;
    for (size_t i = 0; i < oracle_coordinates(rbm); i++) {
        const long double slope = rbm->w[i * rbm->hidden + j] / sigma2(rbm, i);
        mu += mean[i] * slope;
        v += slope * slope / precision(rbm, i);
    }
    return bell(mu, v);
}

static long double kinetic(const struct oracle_rbm *rbm, size_t index, const long double *mean)
{
    const long double c = (long double)copies(rbm) / 2;
    long double sum = 0;
    for (size_t i = 0; i < oracle_coordinates(rbm); i++)
        sum += precision(rbm, i) / 4;
    for (size_t j = 0; j < rbm->hidden; j++) {
        const long double mean_spread = fluctuation(rbm, index, mean, j);
        for (size_t i = 0; i < oracle_coordinates(rbm); i++) {
            const long double slope = rbm->w[i * rbm->hidden + j] / sigma2(rbm, i);
            sum -= c / 2 * slope * slope * mean_spread;
        }
    }
    return sum / 2;
}

static long double trap(const struct oracle_rbm *rbm, const long double *mean)
{
    long double sum = 0;
    for (size_t i = 0; i < oracle_coordinates(rbm); i++) {
        const long double omega = rbm->omega[i % rbm->dimensions];
        sum += 0.5L * omega * omega * (mean[i] * mean[i] + 1 / precision(rbm, i));
    }
    return sum;
}

static long double one_pair(const struct oracle_rbm *rbm, const long double *p, const long double *q)
{
    long double delta[3], variance[3], distance2 = 0;
    bool isotropic = rbm->dimensions > 1 && rbm->interaction == ORACLE_COULOMB;
    for (size_t d = 0; d < rbm->dimensions; d++) {
        delta[d] = p[d] - q[d];
        variance[d] = 2 / oracle_precision(rbm, d);
        distance2 += delta[d] * delta[d];
        isotropic = isotropic && variance[d] == variance[0];
    }
    if (isotropic)
        return rbm->strength * oracle_pair_closed(rbm->dimensions, sqrtl(distance2), variance[0]);
    const long double softening = rbm->interaction == ORACLE_SOFT ? rbm->softening : 0;
    return rbm->strength * oracle_pair_quadrature(rbm->dimensions, delta, variance, softening);
}

static long double pairs(const struct oracle_rbm *rbm, const long double *mean)
{
    long double sum = 0;
    for (size_t p = 0; rbm->interaction != ORACLE_NONE && p < rbm->particles; p++)
        for (size_t q = 0; q < p; q++)
            sum += one_pair(rbm, mean + p * rbm->dimensions, mean + q * rbm->dimensions);
    return sum;
}

static long double heaviest(const struct oracle_rbm *rbm, long double *mean)
{
    long double most = -(long double)INFINITY;
    for (size_t index = 0; index < oracle_components(rbm); index++)
        most = fmaxl(most, oracle_component(rbm, index, mean));
    return most;
}

struct oracle_mean oracle_exact(const struct oracle_rbm *rbm)
{
    struct oracle_mean sum = { 0 };
    long double norm = 0, *mean = calloc(oracle_coordinates(rbm), sizeof *mean);
    if (mean == NULL)
        abort();
    const long double most = heaviest(rbm, mean);
    for (size_t index = 0; index < oracle_components(rbm); index++) {
        const long double weight = expl(oracle_component(rbm, index, mean) - most);
        norm += weight;
        sum.kinetic += weight * kinetic(rbm, index, mean);
        sum.trap += weight * trap(rbm, mean);
        sum.pair += weight * pairs(rbm, mean);
    }
    free(mean);
    sum.kinetic /= norm;
    sum.trap /= norm;
    sum.pair /= norm;
    sum.energy = sum.kinetic + sum.trap + sum.pair;
    sum.log_norm = most + logl(norm);
    return sum;
}
