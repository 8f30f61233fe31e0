// SPDX-License-Identifier: GPL-3.0-or-later
#include "naive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

// xoshiro256++, as in the program; (0, 1)
static double uniform(struct naive *naive)
{
    uint64_t *s = naive->random;
    const uint64_t result = rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return ((double)(result >> 12) + 0.5) * 0x1p-52;
}

// Box and Muller, both numbers used
static void normals(struct naive *naive, size_t n, double *out)
{
    for (size_t k = 0; k < n; k += 2) {
        const double radius = sqrt(-2 * log(uniform(naive))), angle = 6.283185307179586 * uniform(naive);
        out[k] = radius * cos(angle);
        if (k + 1 < n)
            out[k + 1] = radius * sin(angle);
    }
}

static size_t coordinates(const struct naive *naive) { return naive->particles * naive->dimensions; }

static void activate(struct naive *naive, const double *x)
{
    const size_t m = coordinates(naive), n = naive->hidden;
    memcpy(naive->theta, naive->b, n * sizeof(double));
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            naive->theta[j] += x[i] * naive->w[i * n + j];
}

static double log_psi(struct naive *naive, const double *x)
{
    double sum = 0;
    activate(naive, x);
    for (size_t i = 0; i < coordinates(naive); i++)
        sum -= 0.5 * (x[i] - naive->a[i]) * (x[i] - naive->a[i]);
    for (size_t j = 0; j < naive->hidden; j++)
        sum += log1p(exp(naive->theta[j]));
    return sum;
}

// leaves s_j behind
static void gradient(struct naive *naive, const double *x, double *out)
{
    const size_t n = naive->hidden;
    activate(naive, x);
    for (size_t j = 0; j < n; j++)
        naive->s[j] = 1 / (1 + exp(-naive->theta[j]));
    for (size_t i = 0; i < coordinates(naive); i++) {
        double sum = naive->a[i] - x[i];
        for (size_t j = 0; j < n; j++)
            sum += naive->w[i * n + j] * naive->s[j];
        out[i] = sum;
    }
}

static double laplacian(const struct naive *naive)
{
    const size_t m = coordinates(naive), n = naive->hidden;
    double sum = -(double)m;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            sum += naive->w[i * n + j] * naive->w[i * n + j] * naive->s[j] * (1 - naive->s[j]);
    return sum;
}

static double potential(const struct naive *naive)
{
    const size_t dimensions = naive->dimensions;
    double sum = 0;
    for (size_t i = 0; i < coordinates(naive); i++)
        sum += 0.5 * naive->x[i] * naive->x[i];
    for (size_t p = 1; p < naive->particles; p++)
        for (size_t q = 0; q < p; q++) {
            double r2 = 0;
            for (size_t d = 0; d < dimensions; d++) {
                const double step = naive->x[p * dimensions + d] - naive->x[q * dimensions + d];
                r2 += step * step;
            }
            sum += 1 / sqrt(r2);
        }
    return sum;
}

double naive_accumulate(struct naive *naive)
{
    const size_t m = coordinates(naive), n = naive->hidden;
    double square = 0;
    gradient(naive, naive->x, naive->gradient);
    for (size_t i = 0; i < m; i++)
        square += naive->gradient[i] * naive->gradient[i];
    const double energy = -0.5 * (square + laplacian(naive)) + potential(naive);
    double *o = naive->o, *eo = naive->eo;
    naive->energy += energy;
    for (size_t i = 0; i < m; i++) {
        o[i] += naive->x[i] - naive->a[i];
        eo[i] += energy * (naive->x[i] - naive->a[i]);
    }
    for (size_t j = 0; j < n; j++) {
        o[m + j] += naive->s[j];
        eo[m + j] += energy * naive->s[j];
    }
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            o[m + n + i * n + j] += naive->x[i] * naive->s[j];
            eo[m + n + i * n + j] += energy * naive->x[i] * naive->s[j];
        }
    return energy;
}

static void metropolis(struct naive *naive)
{
    const size_t m = coordinates(naive),
                 first = naive->dimensions * (size_t)(uniform(naive) * (double)naive->particles);
    memcpy(naive->trial, naive->x, m * sizeof(double));
    normals(naive, naive->dimensions, naive->xi);
    for (size_t d = 0; d < naive->dimensions; d++)
        naive->trial[first + d] += naive->step * naive->xi[d];
    const double trial = log_psi(naive, naive->trial);
    if (uniform(naive) < exp(2 * (trial - naive->log_psi))) {
        memcpy(naive->x, naive->trial, m * sizeof(double));
        naive->log_psi = trial;
    }
}

static void langevin(struct naive *naive)
{
    const size_t m = coordinates(naive);
    const double s = sqrt(naive->step);
    double green = 0;
    normals(naive, m, naive->xi);
    for (size_t i = 0; i < m; i++)
        naive->trial[i] = naive->x[i] + naive->step * naive->gradient[i] + s * naive->xi[i];
    const double trial = log_psi(naive, naive->trial);
    gradient(naive, naive->trial, naive->trial_gradient);
    for (size_t i = 0; i < m; i++) {
        const double push = s * (naive->gradient[i] + naive->trial_gradient[i]);
        green -= push * (naive->xi[i] + 0.5 * push);
    }
    if (uniform(naive) < exp(2 * (trial - naive->log_psi) + green)) {
        memcpy(naive->x, naive->trial, m * sizeof(double));
        memcpy(naive->gradient, naive->trial_gradient, m * sizeof(double));
        naive->log_psi = trial;
    }
}

// two copies of the hidden layer, since psi and not |psi|^2 is the marginal
static void gibbs(struct naive *naive)
{
    const size_t m = coordinates(naive), n = naive->hidden;
    activate(naive, naive->x);
    for (size_t j = 0; j < n; j++) {
        const double s = 1 / (1 + exp(-naive->theta[j]));
        naive->h[j] = (uniform(naive) < s) + (uniform(naive) < s);
    }
    normals(naive, m, naive->xi);
    for (size_t i = 0; i < m; i++) {
        double sum = 0;
        for (size_t j = 0; j < n; j++)
            sum += naive->w[i * n + j] * naive->h[j];
        naive->x[i] = naive->a[i] + 0.5 * sum + 0.7071067811865476 * naive->xi[i];
    }
}

void naive_run(struct naive *naive, enum naive_method method, size_t n, size_t thin)
{
    static void (*const step[])(struct naive *) = { metropolis, langevin, gibbs };
    for (size_t k = 1; k <= n; k++) {
        step[method](naive);
        if (k % thin == 0)
            naive_accumulate(naive);
    }
}

void naive_start(struct naive *naive, const double *x, double step)
{
    static const uint64_t seed[4] = { 1, 2, 3, 4 };
    const size_t parameters = coordinates(naive) * (1 + naive->hidden) + naive->hidden;
    memcpy(naive->random, seed, sizeof seed);
    memcpy(naive->x, x, coordinates(naive) * sizeof *x);
    naive->step = step;
    naive->log_psi = log_psi(naive, naive->x);
    gradient(naive, naive->x, naive->gradient);
    naive->energy = 0;
    memset(naive->o, 0, parameters * sizeof(double));
    memset(naive->eo, 0, parameters * sizeof(double));
}

struct naive *naive_create(size_t particles, size_t dimensions, size_t hidden, const double *a, const double *b,
                           const double *w)
{
    struct naive *naive = malloc(sizeof *naive);
    const size_t m = particles * dimensions, parameters = m * (1 + hidden) + hidden;
    if (!naive)
        abort();
    *naive =
        (struct naive){ .particles = particles, .dimensions = dimensions, .hidden = hidden, .a = a, .b = b, .w = w };
    double **rows[] = { &naive->x, &naive->trial, &naive->gradient, &naive->trial_gradient,
                        &naive->s, &naive->theta, &naive->xi,       &naive->h,
                        &naive->o, &naive->eo };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        if (!(*rows[k] = calloc(k < 8 ? m + hidden + 1 : parameters, sizeof(double))))
            abort();
    return naive;
}

void naive_destroy(struct naive *naive)
{
    double *rows[] = { naive->x, naive->trial, naive->gradient, naive->trial_gradient,
                       naive->s, naive->theta, naive->xi,       naive->h,
                       naive->o, naive->eo };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        free(rows[k]);
    free(naive);
}
