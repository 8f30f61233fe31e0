// SPDX-License-Identifier: GPL-3.0-or-later
// What the files of the referee share: averages over one Gaussian that the closed form is made of, and its parameters.
#ifndef VMC_REFEREE_PARTS_H
#define VMC_REFEREE_PARTS_H

#include "vmc/hamiltonian.h"
#include "vmc/referee.h"

// <v(|rho|)> over a Gaussian vector rho of means delta[D] and variances[D], with its derivatives.
enum { PAIR_TABLES = 11, BESSEL_CELLS = 64, BESSEL_TERMS = 10 };
struct referee_pair;
typedef void referee_pair_mean(struct referee_pair *pair, const double *delta, double *mean, double *by_delta);
struct referee_pair {
    referee_pair_mean *mean;  // NULL: no force
    size_t dimensions;
    double strength, length;  // lambda and softening; kappa; height and width
    double variance[DIMENSIONS_MOST];
    double by_variance[DIMENSIONS_MOST];  // of the last mean
    bool isotropic;
    double scale;                               // geometric mean of the variances
    double resolution;                          // -ln of the error per node, from how unlike the variances are
    double bessel[BESSEL_CELLS][BESSEL_TERMS];  // e^-z I0(z) as power series about the middles of cells
    void *table[PAIR_TABLES];                   // Gauss-Gegenbauer rules, made when first needed
};

// False where the force is not among those that are known here.
bool referee_pair_build(struct referee_pair *pair, const struct hamiltonian *hamiltonian);
void referee_pair_finish(struct referee_pair *pair);
void referee_pair_set(struct referee_pair *pair, const double *variance);

// Means of s (1 - s), s = 1/(1 + e^-theta), and of its derivatives by the mean and by the variance of theta.
struct referee_bell {
    double mean, by_centre, by_variance;
};
struct referee_bell referee_bell(double centre, double variance);

// How many parameters there are, and a length or 1 for each of them [n].
size_t referee_parameters(const struct referee *referee);
// How many coordinates; the hidden units at hand, all of them or the first so many (theta is then that of a machine of
// so many); the width sigma_i.
size_t referee_coordinates(const struct referee *referee);
size_t referee_units_used(const struct referee *referee);
void referee_use(struct referee *referee, size_t hidden);
double referee_width(const struct referee *referee, const double *theta, size_t i);
void referee_units(const struct referee *referee, const double *theta, double *unit);

#endif
