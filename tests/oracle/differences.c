// SPDX-License-Identifier: GPL-3.0-or-later
// Derivatives by central differences. Of 8th order, with steps h:
//   f'  = sum_k c_k (f(kh) - f(-kh)) / h,                       c = 4/5, -1/5, 4/105, -1/280      error h^8 f^(9) / 630
//   f'' = (-205/72 f(0) + sum_k e_k (f(kh) + f(-kh))) / h^2,    e = 8/5, -1/5, 8/315, -1/560      error h^8 f^(10) /
//   3150
// ln(1 + e^theta) has its poles at theta = +-i pi, so f^(n) ~ n! (w/sigma^2)^n / pi^n: at h = 2^-7 and w/sigma^2 = 4
// the error is below 1e-13; rounding in 64 bits adds some 1e-19 |ln psi| / h^2 ~ 1e-14.
#include "oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 4 };
static const long double first[POINTS] = { 4 / 5.0L, -1 / 5.0L, 4 / 105.0L, -1 / 280.0L };
static const long double second[POINTS] = { 8 / 5.0L, -1 / 5.0L, 8 / 315.0L, -1 / 560.0L };
static const long double centre = -205 / 72.0L;

// Steps are powers of two, so that x + k h is exact or nearly so. Parameters are doubles and act through x w / sigma^2:
// smaller steps.
static const long double step_x = 0x1p-7L;
static const double step_parameter = 0x1p-9;

// f' and f'' from f(kh) and f(-kh), k = 1..4
struct slopes {
    long double first, second;
};

static struct slopes along(const struct oracle_rbm *rbm, long double *x, size_t i, long double here)
{
    const long double kept = x[i];
    struct slopes sum = { 0, centre * here };
    for (int k = 0; k < POINTS; k++) {
        x[i] = kept + (k + 1) * step_x;
        const long double up = oracle_log_psi(rbm, x);
        x[i] = kept - (k + 1) * step_x;
        const long double down = oracle_log_psi(rbm, x);
        sum.first += first[k] * (up - down);
        sum.second += second[k] * (up + down);
    }
    x[i] = kept;
    return (struct slopes){ sum.first / step_x, sum.second / (step_x * step_x) };
}

long double oracle_gradient(const struct oracle_rbm *rbm, const long double *x, long double *gradient)
{
    const size_t m = oracle_coordinates(rbm);
    long double *moved = malloc(m * sizeof *moved), laplacian = 0;
    if (moved == NULL)
        abort();
    memcpy(moved, x, m * sizeof *moved);
    const long double here = oracle_log_psi(rbm, x);
    for (size_t i = 0; i < m; i++) {
        const struct slopes slopes = along(rbm, moved, i, here);
        gradient[i] = slopes.first;
        laplacian += slopes.second;
    }
    free(moved);
    return laplacian;
}

struct oracle_local oracle_local_energy(const struct oracle_rbm *rbm, const long double *x)
{
    struct oracle_local local;
    long double *gradient = calloc(oracle_coordinates(rbm), sizeof *gradient), square = 0;
    if (gradient == NULL)
        abort();
    const long double laplacian = oracle_gradient(rbm, x, gradient);
    for (size_t i = 0; i < oracle_coordinates(rbm); i++)
        square += gradient[i] * gradient[i];
    free(gradient);
    oracle_potential(rbm, x, &local);
    local.kinetic = -0.5L * (square + laplacian);
    local.kinetic_gradient = 0.5L * square;
    local.energy = local.kinetic + local.trap + local.pair;
    return local;
}

// d f / d parameter for every parameter, f a function of the parameters (and of x, where it cares)
static void by_parameters(const struct oracle_rbm *rbm,
                          long double (*f)(const struct oracle_rbm *, const long double *), const long double *x,
                          long double *out)
{
    struct oracle_copy copy;
    oracle_copy_init(&copy, rbm);
    for (size_t k = 0; k < oracle_parameters(rbm); k++) {
        out[k] = 0;
        for (int point = 0; point < POINTS; point++) {
            oracle_copy_shift(&copy, rbm, k, (point + 1) * step_parameter);
            const long double up = f(&copy.rbm, x);
            oracle_copy_shift(&copy, rbm, k, -(point + 1) * step_parameter);
            out[k] += first[point] * (up - f(&copy.rbm, x)) / step_parameter;
        }
    }
    oracle_copy_finish(&copy);
}

void oracle_derivatives(const struct oracle_rbm *rbm, const long double *x, long double *o)
{
    by_parameters(rbm, oracle_log_psi, x, o);
}

static long double mean_energy(const struct oracle_rbm *rbm, const long double *x)
{
    (void)x;
    return oracle_exact(rbm).energy;
}

void oracle_energy_gradient(const struct oracle_rbm *rbm, long double *gradient)
{
    by_parameters(rbm, mean_energy, NULL, gradient);
}
