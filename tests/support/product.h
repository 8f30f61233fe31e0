// SPDX-License-Identifier: GPL-3.0-or-later
// Products of factors with an independent formula for ln|psi| each: what the tests of the contract of factors loop
// over. A new factor adds a row to product_rows (tests/support/product.c).
#ifndef PRODUCT_H
#define PRODUCT_H

#include "support/model.h"

struct product_row {
    const char *name, *ini;  // the configuration, without [sampler] and the like
    // ln|psi| at x [P D] with the program's parameters theta (in the order of its factors), up to a constant.
    long double (*log)(const struct system *system, const long double *theta, const long double *x);
    double width;                 // of the points that are tried, per coordinate
    bool smooth;                  // also where particles meet
    double energy, energy_error;  // known mean energy at the starting parameters; 0: none
    double core;                  // psi = 0 where two particles are closer
    bool vanishes;                // psi = 0 at contact: g^2 and the pair energy may have an infinite variance
    double shift;                 // added to the starting parameters: those that start at 0 are tried elsewhere
};
extern const struct product_row product_rows[];
extern const size_t n_product_rows;

// Settings and walkers at the starting parameters, or at `theta` unless NULL.
void product_build(struct model *model, const struct product_row *row, const char *const *overrides, size_t threads);

#endif
