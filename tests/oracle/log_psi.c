// SPDX-License-Identifier: GPL-3.0-or-later
// ln psi as it is defined, and the potential.
#include "oracle.h"

#include <math.h>

static long double sigma2(const struct oracle_rbm *rbm, size_t i)
{
    const long double sigma = rbm->sigma[i % rbm->dimensions];
    return sigma * sigma;
}

static bool is_on(size_t hidden, size_t j) { return j < 8 * sizeof hidden && (hidden >> j & 1) != 0; }

// E(x, h), bit j of `hidden` being h_j, those beyond its bits 0, term by term.
static long double machine_energy(const struct oracle_rbm *rbm, const long double *x, size_t hidden)
{
    long double energy = 0;
    for (size_t i = 0; i < oracle_coordinates(rbm); i++) {
        const long double distance = x[i] - rbm->a[i];
        if (rbm->envelope)
            energy += distance * distance / (2 * sigma2(rbm, i));
        for (size_t j = 0; j < rbm->hidden; j++)
            if (is_on(hidden, j))
                energy -= x[i] * rbm->w[i * rbm->hidden + j] / sigma2(rbm, i);
    }
    for (size_t j = 0; j < rbm->hidden; j++)
        if (is_on(hidden, j))
            energy -= rbm->b[j];
    return energy;
}

// The extra factor exp(-1/2 alpha sum omega_i x_i^2)
static long double gaussian(const struct oracle_rbm *rbm, const long double *x)
{
    long double sum = 0;
    for (size_t i = 0; i < oracle_coordinates(rbm); i++)
        sum += rbm->omega[i % rbm->dimensions] * x[i] * x[i];
    return -0.5L * rbm->gaussian_alpha * sum;
}

static long double exponent(const struct oracle_rbm *rbm) { return rbm->amplitude ? 1 : 0.5L; }

// F = sum_h exp(-E), the largest term taken out so that nothing under- or overflows.
long double oracle_log_psi_sum(const struct oracle_rbm *rbm, const long double *x)
{
    const size_t configurations = (size_t)1 << rbm->hidden;
    long double least = machine_energy(rbm, x, 0), sum = 0;
    for (size_t h = 1; h < configurations; h++)
        least = fminl(least, machine_energy(rbm, x, h));
    for (size_t h = 0; h < configurations; h++)
        sum += expl(least - machine_energy(rbm, x, h));
    return exponent(rbm) * (logl(sum) - least) + gaussian(rbm, x);
}

// ln F = -sum_i (x_i - a_i)^2 / (2 sigma_i^2) + sum_j ln(1 + e^theta_j): the sum over h_j = 0, 1 is a factor of its own
// for every j.
long double oracle_log_psi_softplus(const struct oracle_rbm *rbm, const long double *x)
{
    long double log_f = -machine_energy(rbm, x, 0);
    for (size_t j = 0; j < rbm->hidden; j++) {
        long double theta = rbm->b[j];
        for (size_t i = 0; i < oracle_coordinates(rbm); i++)
            theta += x[i] * rbm->w[i * rbm->hidden + j] / sigma2(rbm, i);
        log_f += fmaxl(theta, 0) + log1pl(expl(-fabsl(theta)));
    }
    return exponent(rbm) * log_f + gaussian(rbm, x);
}

long double oracle_log_psi(const struct oracle_rbm *rbm, const long double *x)
{
    return rbm->hidden <= 12 ? oracle_log_psi_sum(rbm, x) : oracle_log_psi_softplus(rbm, x);
}

// v(r) and r dv/dr of one pair
static void pair(const struct oracle_rbm *rbm, const long double *p, const long double *q, struct oracle_local *local)
{
    long double r2 = 0;
    for (size_t d = 0; d < rbm->dimensions; d++)
        r2 += (p[d] - q[d]) * (p[d] - q[d]);
    const long double soft = rbm->interaction == ORACLE_SOFT ? rbm->softening : 0;
    const long double distance2 = r2 + soft * soft, v = rbm->strength / sqrtl(distance2);
    local->pair += v;
    local->virial -= v * (r2 / distance2);
}

void oracle_potential(const struct oracle_rbm *rbm, const long double *x, struct oracle_local *local)
{
    local->trap = local->pair = local->virial = 0;
    for (size_t i = 0; i < oracle_coordinates(rbm); i++) {
        const long double omega = rbm->omega[i % rbm->dimensions];
        local->trap += 0.5L * omega * omega * x[i] * x[i];
    }
    for (size_t p = 0; rbm->interaction != ORACLE_NONE && p < rbm->particles; p++)
        for (size_t q = 0; q < p; q++)
            pair(rbm, x + p * rbm->dimensions, x + q * rbm->dimensions, local);
    local->virial += 2 * local->trap;
}
