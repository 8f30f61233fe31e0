// SPDX-License-Identifier: GPL-3.0-or-later
// Distributions that are hard to warm up on, as factors without parameters; known to the tests alone.
//
// mixture: one particle in two dimensions, |psi|^2 a sum of normal distributions along x: half of the mass in a body
// around 0, a tenth in each of two segments of a tail, three tenths in a stinger at its end, beyond a narrow way.
// scales: |psi|^2 a product of normal distributions whose widths rise from 1/1000 to 1, evenly in their logarithm.
#ifndef TARGETS_H
#define TARGETS_H

#include "run/ensemble.h"
#include "vmc/settings.h"

enum { MIXTURE_PARTS = 4 };
struct mixture_part {
    double mass, centre[2], width[2];
};
extern const struct mixture_part mixture_parts[MIXTURE_PARTS];
extern const struct factor_type target_mixture, target_scales;

// Mass of the mixture between two values of x.
double target_mass(double from, double to);
double target_width(size_t coordinate, size_t n_coordinates);  // of scales

struct target {
    struct settings settings;
    struct ensemble ensemble;
    double state;  // the factor's, which needs none
};
// Walkers at their starting points. ini: [system], [sampler] and the like.
void target_build(struct target *target, const struct factor_type *type, const char *ini);
void target_finish(struct target *target);

#endif
