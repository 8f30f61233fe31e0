// SPDX-License-Identifier: GPL-3.0-or-later
// Mean of a pair energy over a Gaussian relative vector rho, means delta_d, variances s_d (docs/theory.md, eqs. 8.6
// to 8.9).
//   Coulomb, all s_d = s:  2D: sqrt(pi/(2s)) e^-z I0(z), z = delta^2/(4s);   3D: erf(t)/delta, t = delta/sqrt(2s)
//   otherwise 1/sqrt(r^2 + e^2) = (2/sqrt pi) int_0^inf exp(-(r^2 + e^2) t^2) dt makes the mean one integral over t of
//       exp(-e^2 t^2) prod_d (1 + 2 s_d t^2)^-1/2 exp(-delta_d^2 t^2/(1 + 2 s_d t^2))
// Bare Coulomb: 2 s t^2 = u^2/(1 - u^2) with the geometric mean s turns it into an integral over [-1, 1] with weight
// (1 - u^2)^((D-3)/2) and an analytic rest: Gauss-Gegenbauer. Softened: sqrt(2 s) t = sinh y, and the trapezoid rule,
// since the integrand is even in y and falls off doubly exponentially.
// Check: delta = 0, s = 1, lambda = 1: 2D sqrt(pi/2) = 1.2533, 3D sqrt(2/pi) = 0.79788.
#include "referee/parts.h"

#include "vmc/param.h"

#include <gsl/gsl_integration.h>
#include <gsl/gsl_sf_bessel.h>
#include <math.h>
#include <string.h>

static const double pi = 3.14159265358979323846;
static const size_t nodes[PAIR_TABLES] = { 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024 };

static double square(size_t n, const double *v)
{
    double sum = 0;
    for (size_t d = 0; d < n; d++)
        sum += v[d] * v[d];
    return sum;
}

// From f' = df/d(delta^2) of the mean f and df/ds, all s_d = s. By the heat equation df/ds_d = (1/2) d^2f/d(delta_d)^2
// = f' + 2 delta_d^2 f'', and their sum is df/ds.
static void spread(struct referee_pair *pair, const double *delta, double by_square, double by_variance,
                   double *by_delta)
{
    const double square_sum = square(pair->dimensions, delta),
                 rest = by_variance - (double)pair->dimensions * by_square;
    for (size_t d = 0; d < pair->dimensions; d++) {
        by_delta[d] = 2 * by_square * delta[d];
        pair->by_variance[d] = by_square + (square_sum > 0 ? delta[d] * delta[d] / square_sum * rest : 0);
    }
}

// f = e^-z I0(z) and f' = g - f, g = e^-z I1(z), are what a closed form in 2D spends its time on: power series about
// the middles of cells of 1/8, from z g' = z f - (z + 1) g.
static const double cell = 0.125;

static void prepare_bessel(struct referee_pair *pair)
{
    for (size_t k = 0; k < BESSEL_CELLS; k++) {
        const double z = ((double)k + 0.5) * cell;
        double *f = pair->bessel[k], g[BESSEL_TERMS] = { gsl_sf_bessel_I1_scaled(z) };
        f[0] = gsl_sf_bessel_I0_scaled(z);
        for (size_t i = 0; i + 1 < BESSEL_TERMS; i++) {
            const double n = (double)i + 1;
            f[i + 1] = (g[i] - f[i]) / n;
            g[i + 1] = (z * f[i] - (z + n) * g[i] + (i > 0 ? f[i - 1] - g[i - 1] : 0)) / (z * n);
        }
    }
}

static void bessel(const struct referee_pair *pair, double z, double *value, double *slope)
{
    if (!(z < BESSEL_CELLS * cell)) {
        *value = gsl_sf_bessel_I0_scaled(z);
        *slope = gsl_sf_bessel_I1_scaled(z) - *value;
        return;
    }
    const size_t k = (size_t)(z / cell);
    const double x = z - ((double)k + 0.5) * cell, *f = pair->bessel[k];
    // even and odd powers apart: chains of half the length; the derivative from the same coefficients
    const double y = x * x;
    double even = f[BESSEL_TERMS - 2], odd = f[BESSEL_TERMS - 1], by_even = (BESSEL_TERMS - 1) * f[BESSEL_TERMS - 1],
           by_odd = (BESSEL_TERMS - 2) * f[BESSEL_TERMS - 2];
    for (size_t i = BESSEL_TERMS - 2; i > 0; i -= 2) {
        even = even * y + f[i - 2];
        odd = odd * y + f[i - 1];
        by_even = by_even * y + (double)(i - 1) * f[i - 1];
        by_odd = i > 2 ? by_odd * y + (double)(i - 2) * f[i - 2] : by_odd;
    }
    *value = even + x * odd;
    *slope = by_even + x * by_odd;
}

static void coulomb_plane(struct referee_pair *pair, const double *delta, double *mean, double *by_delta)
{
    const double s = pair->variance[0], z = square(2, delta) / (4 * s), factor = pair->strength * sqrt(pi / (2 * s));
    double value, slope;
    bessel(pair, z, &value, &slope);
    *mean = factor * value;
    spread(pair, delta, factor * slope / (4 * s), -factor * (0.5 * value + z * slope) / s, by_delta);
}

// erf(t)/t and its derivative by y = t^2; near 0 by its series, since the derivative is a small difference there.
static void error_function(double y, double *value, double *slope)
{
    const double t = sqrt(y), factor = 2 / sqrt(pi);
    if (y > 0.5) {
        *value = erf(t) / t;
        *slope = (factor * exp(-y) - *value) / (2 * y);
        return;
    }
    double term = factor;  // (-y)^k / k!
    *value = factor;
    *slope = 0;
    for (int k = 1; k < 20; k++) {
        *slope -= term / (2 * k + 1);
        term *= -y / k;
        *value += term / (2 * k + 1);
    }
}

static void coulomb_space(struct referee_pair *pair, const double *delta, double *mean, double *by_delta)
{
    const double s = pair->variance[0], y = square(3, delta) / (2 * s), factor = pair->strength / sqrt(2 * s);
    double value, slope;
    error_function(y, &value, &slope);
    *mean = factor * value;
    spread(pair, delta, factor * slope / (2 * s), -factor * (0.5 * value + y * slope) / s, by_delta);
}

// One node of the integral over t: adds weight times the integrand (but for the softening) and its derivatives; q =
// t^2.
static void add_node(struct referee_pair *pair, const double *delta, double q, double weight, double *mean,
                     double *by_delta)
{
    double product = 1, exponent = 0, inverse[DIMENSIONS_MOST];
    for (size_t d = 0; d < pair->dimensions; d++) {
        inverse[d] = 1 / (1 + 2 * pair->variance[d] * q);
        product *= inverse[d];
        exponent -= delta[d] * delta[d] * q * inverse[d];
    }
    const double value = weight * sqrt(product) * exp(exponent);
    *mean += value;
    for (size_t d = 0; d < pair->dimensions; d++) {
        const double pull = delta[d] * q * inverse[d];
        by_delta[d] -= 2 * value * pull;
        pair->by_variance[d] += value * (2 * pull * pull - q * inverse[d]);
    }
}

static void clear(struct referee_pair *pair, double *mean, double *by_delta)
{
    *mean = 0;
    memset(by_delta, 0, pair->dimensions * sizeof *by_delta);
    memset(pair->by_variance, 0, sizeof pair->by_variance);
}

static const gsl_integration_fixed_workspace *rule(struct referee_pair *pair, double least)
{
    for (size_t k = 0; k < PAIR_TABLES; k++)
        if ((double)nodes[k] >= least) {
            const double power = 0.5 * ((double)pair->dimensions - 3);
            if (!pair->table[k])
                pair->table[k] = gsl_integration_fixed_alloc(gsl_integration_fixed_gegenbauer, nodes[k], -1, 1, power,
                                                             0);
            return pair->table[k];
        }
    return NULL;
}

// Gaussians of width 1/sqrt(2 a) in u take 6.1 sqrt(a) nodes, and the nearest pole as many as `resolution` says.
static void coulomb_quadrature(struct referee_pair *pair, const double *delta, double *mean, double *by_delta)
{
    const double a = square(pair->dimensions, delta) / (2 * pair->scale);
    const gsl_integration_fixed_workspace *table = rule(pair, 24 / pair->resolution + 6.5 * sqrt(a));
    clear(pair, mean, by_delta);
    if (!table) {
        *mean = NAN;
        return;
    }
    const double factor = pair->strength / sqrt(2 * pi * pair->scale);
    for (size_t k = 0; k < table->n; k++) {
        const double u = table->x[k], rest = (1 - u) * (1 + u);
        if (u > 0)  // even in u, and an even number of nodes; (1 + 2 s t^2)^(D/2) is left over from dt
            add_node(pair, delta, u * u / (2 * pair->scale * rest),
                     2 * factor * table->weights[k] * pow(rest, -0.5 * (double)pair->dimensions), mean, by_delta);
    }
}

// On lines Im y = eta < pi/4 the softening still falls off, and exp(-a tanh^2 y) grows to e^(a eta^2): steps that leave
// e^-37.
static void softened(struct referee_pair *pair, const double *delta, double *mean, double *by_delta)
{
    const double a = square(pair->dimensions, delta) / (2 * pair->scale),
                 ratio = pair->length * pair->length / (2 * pair->scale);
    const double step = fmin(0.1 * fmin(1, pair->resolution), 0.45 / sqrt(a + 1e-300)), end = asinh(sqrt(42 / ratio));
    const double factor = 2 * pair->strength / sqrt(2 * pi * pair->scale) * step;
    clear(pair, mean, by_delta);
    if (!(end / step < 1e5)) {
        *mean = NAN;
        return;
    }
    for (double k = 0; k * step <= end; k++) {
        const double s = sinh(k * step), weight = (k > 0 ? 1 : 0.5) * factor * sqrt(1 + s * s) * exp(-ratio * s * s);
        add_node(pair, delta, s * s / (2 * pair->scale), weight, mean, by_delta);
    }
}

// kappa/2 sum_d (delta_d^2 + s_d)
static void harmonic(struct referee_pair *pair, const double *delta, double *mean, double *by_delta)
{
    *mean = 0;
    for (size_t d = 0; d < pair->dimensions; d++) {
        *mean += 0.5 * pair->strength * (delta[d] * delta[d] + pair->variance[d]);
        by_delta[d] = pair->strength * delta[d];
        pair->by_variance[d] = 0.5 * pair->strength;
    }
}

// height exp(-r^2/(2 width^2)): a Gaussian of a Gaussian
static void gaussian(struct referee_pair *pair, const double *delta, double *mean, double *by_delta)
{
    const double width2 = pair->length * pair->length;
    double inverse[DIMENSIONS_MOST];
    *mean = pair->strength;
    for (size_t d = 0; d < pair->dimensions; d++) {
        inverse[d] = 1 / (width2 + pair->variance[d]);
        *mean *= sqrt(width2 * inverse[d]) * exp(-0.5 * delta[d] * delta[d] * inverse[d]);
    }
    for (size_t d = 0; d < pair->dimensions; d++) {
        const double pull = delta[d] * inverse[d];
        by_delta[d] = -*mean * pull;
        pair->by_variance[d] = 0.5 * *mean * (pull * pull - inverse[d]);
    }
}

static double value_of(const struct hamiltonian *hamiltonian, const char *key)
{
    double value[PARAM_LIST_MOST];
    const struct param *row = param_find(hamiltonian->type->params, key);
    return row && param_numbers(row, hamiltonian->state, value) == 1 ? value[0] : NAN;
}

bool referee_pair_build(struct referee_pair *pair, const struct hamiltonian *hamiltonian)
{
    static const struct {
        const char *name, *strength, *length;
        referee_pair_mean *mean;
    } forces[] = { { "coulomb", "strength", NULL, coulomb_quadrature },
                   { "soft-coulomb", "strength", "softening", softened },
                   { "harmonic", "kappa", NULL, harmonic },
                   { "gaussian", "height", "width", gaussian } };
    *pair = (struct referee_pair){ .dimensions = hamiltonian->system.dimensions };
    prepare_bessel(pair);
    if (!hamiltonian_has_pairs(hamiltonian))
        return hamiltonian->system.particles == 1 || !(hamiltonian->contact.core > 0);
    for (size_t k = 0; k < sizeof forces / sizeof *forces; k++)
        if (strcmp(forces[k].name, hamiltonian->type->name) == 0) {
            pair->mean = forces[k].mean;
            pair->strength = value_of(hamiltonian, forces[k].strength);
            pair->length = forces[k].length ? value_of(hamiltonian, forces[k].length) : 1;
            if (pair->strength == 0)
                pair->mean = NULL;
            return isfinite(pair->strength) && isfinite(pair->length);
        }
    return false;
}

void referee_pair_finish(struct referee_pair *pair)
{
    for (size_t k = 0; k < PAIR_TABLES; k++)
        if (pair->table[k])
            gsl_integration_fixed_free(pair->table[k]);
    *pair = (struct referee_pair){ 0 };
}

// Poles lie at u = 1/sqrt(1 - s_d/s), where the Bernstein ellipse through them has the logarithm of its half axes' sum
// in `resolution`.
void referee_pair_set(struct referee_pair *pair, const double *variance)
{
    double log_product = 0, least = INFINITY;
    bool isotropic = true;
    for (size_t d = 0; d < pair->dimensions; d++) {
        pair->variance[d] = variance[d];
        log_product += log(variance[d]);
        isotropic = isotropic && variance[d] == variance[0];
    }
    pair->scale = exp(log_product / (double)pair->dimensions);
    for (size_t d = 0; d < pair->dimensions; d++) {
        const double ratio = variance[d] / pair->scale, x = 1 / sqrt(fabs(1 - ratio) + 1e-300);
        least = fmin(least, ratio > 1 ? asinh(x) : x > 1 ? acosh(x) : INFINITY);
    }
    pair->resolution = fmin(least, 2);
    if (pair->mean == coulomb_quadrature || pair->mean == coulomb_plane || pair->mean == coulomb_space)
        pair->mean = isotropic && pair->dimensions == 2   ? coulomb_plane
                     : isotropic && pair->dimensions == 3 ? coulomb_space
                                                          : coulomb_quadrature;
}
