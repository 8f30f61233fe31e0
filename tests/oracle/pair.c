// SPDX-License-Identifier: GPL-3.0-or-later
// Mean of 1/r, or of 1/sqrt(r^2 + eps^2), over a Gaussian vector rho with mean delta and variance v_d per coordinate.
#include "oracle.h"

#include <math.h>

static const long double pi = 3.14159265358979323846264338327950288L;

// e^-z I_0(z) = mean over phi in [0, pi) of exp(-2 z sin^2 phi): periodic and analytic, so n equal steps leave only 2
// e^-z I_n(z), below 1e-20 for n > 10 sqrt(z) + 12. phi and pi - phi are alike.
static long double scaled_bessel(long double z)
{
    const long double half = ceill(5 * sqrtl(z)) + 6;
    long double sum = (1 + expl(-2 * z)) / 2;
    for (long double k = 1; k < half; k++) {
        const long double s = sinl(pi * k / (2 * half));
        sum += expl(-2 * z * s * s);
    }
    return sum / half;
}

// Equal variances v, distance |delta|:
//   2D  sqrt(pi / (2 v)) e^-z I_0(z),  z = delta^2 / (4 v)        3D  erf(delta / sqrt(2 v)) / delta
long double oracle_pair_closed(size_t dimensions, long double distance, long double variance)
{
    if (dimensions == 2)
        return sqrtl(pi / (2 * variance)) * scaled_bessel(distance * distance / (4 * variance));
    if (dimensions != 3)
        return (long double)NAN;
    const long double u = distance / sqrtl(2 * variance);
    if (u < 1e-6L)  // erf(u) / u = 2 / sqrt(pi) (1 - u^2 / 3 + ...)
        return sqrtl(2 / (pi * variance)) * (1 - u * u / 3);
    return erfl(u) / distance;
}

// Any variances: 1/R = 2/sqrt(pi) int_0^inf e^(-t^2 R^2) dt, and a Gaussian's mean of e^(-t^2 rho^2) is, per
// coordinate, (1 + 2 v t^2)^(-1/2) exp(-t^2 delta^2 / (1 + 2 v t^2)). So
//   <1/sqrt(rho^2 + eps^2)> = 2/sqrt(pi) int dt e^(-t^2 eps^2) prod_d ( ... ).
static long double integrand(size_t dimensions, const long double *delta, const long double *variance,
                             long double softening, long double t)
{
    const long double t2 = t * t;
    long double product = 1, exponent = t2 * softening * softening;
    for (size_t d = 0; d < dimensions; d++) {
        const long double widened = 1 + 2 * variance[d] * t2;
        product *= widened;
        exponent += t2 * delta[d] * delta[d] / widened;
    }
    return expl(-exponent) / sqrtl(product);
}

// t = e^s makes both ends decay exponentially; for |Im s| < pi/4 the integrand is analytic and bounded, so that equal
// steps of 1/8 err by e^(-2 pi (pi/4) 8) = 7e-18. One dimension without softening diverges.
long double oracle_pair_quadrature(size_t dimensions, const long double *delta, const long double *variance,
                                   long double softening)
{
    if (dimensions == 1 && softening <= 0)
        return (long double)INFINITY;
    long double largest = 0, smallest = (long double)INFINITY;
    for (size_t d = 0; d < dimensions; d++) {
        largest = fmaxl(largest, 2 * variance[d] + delta[d] * delta[d]);
        smallest = fminl(smallest, 2 * variance[d]);
    }
    const long double step = 0.125L, start = -0.5L * logl(largest + softening * softening) - 46;
    const long double end = softening > 0 ? logl(7.5L / softening) : -0.5L * logl(smallest) + 46;
    long double sum = 0;
    for (long double s = start; s < end; s += step)
        sum += expl(s) * integrand(dimensions, delta, variance, softening, expl(s));
    return 2 / sqrtl(pi) * sum * step;
}
