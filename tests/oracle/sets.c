// SPDX-License-Identifier: GPL-3.0-or-later
// Fixed, lopsided parameter sets with known <T>, <trap>, <pair>: nothing in them is symmetric, so that a swapped index
// shows.
#include "oracle.h"

#include <string.h>

// 2 particles in 2D, 3 hidden units: for amplitude-2p2d and probability-2p2d
static const double plane_a[] = { 0.3, -0.4, -0.2, 0.5 };
static const double plane_b[] = { 0.4, -0.7, 0.2 };
static const double plane_w[] = { 0.7, -0.5, 0.9, -0.6, 0.8, 0.55, 0.65, -0.95, -0.5, 0.75, 0.5, -0.85 };
static const double plane_sigma[] = { 1, 1 };

// sigma not 1, 4 hidden units, displaced a
static const double wide_a[] = { 0.9, -0.7, -0.8, 0.6 };
static const double wide_b[] = { -0.3, 0.5, 0.1, -0.6 };
static const double wide_w[] = { 0.5,   -0.35, 0.25, 0.6,   -0.45, 0.3, 0.7,  -0.2,
                                 -0.55, 0.4,   0.35, -0.65, 0.3,   0.6, -0.5, 0.45 };
static const double wide_sigma[] = { 0.8, 0.8 };

// A width and a trap of its own in every direction
static const double oval_a[] = { 0.2, 0.35, -0.45, -0.15 };
static const double oval_b[] = { 0.25, -0.4, 0.6 };
static const double oval_w[] = { 0.6, -0.8, 0.4, 0.45, 0.5, -0.35, -0.7, 0.55, 0.65, -0.3, -0.6, 0.5 };
static const double oval_sigma[] = { 0.75, 0.55 };

// 3 particles in 3D
static const double space_a[] = { 0.5, -0.3, 0.2, -0.6, 0.4, -0.1, 0.15, -0.25, 0.35 };
static const double space_b[] = { 0.3, -0.2, 0.5 };
static const double space_w[] = { 0.5,  -0.7, 0.3, 0.8,  0.2,   -0.6, -0.4, 0.55, 0.45,  -0.65, 0.35,  0.75, 0.25, -0.5,
                                  -0.3, 0.6,  0.4, -0.8, -0.55, 0.7,  0.2,  0.35, -0.45, 0.5,   -0.25, 0.3,  0.65 };
static const double space_sigma[] = { 1.1, 1.1, 1.1 };

// psi = exp(-(x + 1.5)^2 / 2) + e^0.2 exp(-(x - 1.5)^2 / 2): h = 0, 1 have their peaks at a and a + w, and a w + w^2 /
// 2 = 0
static const double bumps_a[] = { -1.5 };
static const double bumps_b[] = { 0.2 };
static const double bumps_w[] = { 3 };
static const double bumps_sigma[] = { 1 };

// 2 particles on a line
static const double line_a[] = { 0.6, -0.5 };
static const double line_b[] = { -0.4, 0.3 };
static const double line_w[] = { 0.9, -0.6, -0.7, 0.8 };
static const double line_sigma[] = { 0.9 };

#define SIZES(P, D, N) .particles = P, .dimensions = D, .hidden = N
#define VALUES(NAME) .a = NAME##_a, .b = NAME##_b, .w = NAME##_w, .sigma = NAME##_sigma
#define COULOMB .interaction = ORACLE_COULOMB, .strength = 1

static const char closed[] = "closed form, all digits";
static const char one_dimensional[] = "closed form and spectrally convergent 1D quadratures, < 1e-14";

const struct oracle_set oracle_sets[] = {
    { "amplitude-2p2d",
      closed,
      { SIZES(2, 2, 3), VALUES(plane), .amplitude = 1, .envelope = true, .omega = { 1, 1 }, COULOMB } },
    { "probability-2p2d",
      one_dimensional,
      { SIZES(2, 2, 3), VALUES(plane), .amplitude = 0, .envelope = true, .omega = { 1, 1 }, COULOMB } },
    { "amplitude-displaced",
      closed,
      { SIZES(2, 2, 4), VALUES(wide), .amplitude = 1, .envelope = true, .omega = { 0.5, 0.5 }, COULOMB,
        .train_sigma = true } },
    { "probability-anisotropic",
      one_dimensional,
      { SIZES(2, 2, 3), VALUES(oval), .amplitude = 0, .envelope = true, .omega = { 0.8, 1.5 }, COULOMB,
        .train_sigma = true } },
    { "amplitude-3p3d",
      closed,
      { SIZES(3, 3, 3), VALUES(space), .amplitude = 1, .envelope = true, .omega = { 0.7, 0.7, 0.7 }, COULOMB } },
    { "amplitude-bumps",
      closed,
      { SIZES(1, 1, 1), VALUES(bumps), .amplitude = 1, .envelope = true, .omega = { 1 }, .interaction = ORACLE_NONE } },
    { "amplitude-soft",
      one_dimensional,
      { SIZES(2, 1, 2), VALUES(line), .amplitude = 1, .envelope = true, .omega = { 1 }, .interaction = ORACLE_SOFT,
        .strength = 1, .softening = 0.5 } },
    { "probability-soft",
      one_dimensional,
      { SIZES(2, 1, 2), VALUES(line), .amplitude = 0, .envelope = true, .omega = { 1 }, .interaction = ORACLE_SOFT,
        .strength = 1.5, .softening = 0.5 } },
    { "amplitude-gaussian",
      closed,
      { SIZES(2, 2, 3), VALUES(plane), .amplitude = 1, .envelope = true, .omega = { 0.6, 0.6 }, COULOMB,
        .gaussian_alpha = 0.4 } },
    { "amplitude-bare",
      one_dimensional,
      { SIZES(2, 2, 3), VALUES(plane), .amplitude = 1, .envelope = false, .omega = { 0.8, 1.2 }, COULOMB,
        .gaussian_alpha = 1.1 } },
    { "probability-bare",
      one_dimensional,
      { SIZES(2, 2, 3), VALUES(oval), .amplitude = 0, .envelope = false, .omega = { 1, 1 }, COULOMB,
        .gaussian_alpha = 0.9, .train_sigma = true } },
};
const size_t oracle_n_sets = sizeof oracle_sets / sizeof *oracle_sets;

const struct oracle_set *oracle_set_find(const char *name)
{
    for (size_t k = 0; k < oracle_n_sets; k++)
        if (strcmp(oracle_sets[k].name, name) == 0)
            return &oracle_sets[k];
    return NULL;
}
