// SPDX-License-Identifier: GPL-3.0-or-later
// Variational minima of plain RBMs for two particles with Coulomb repulsion, found by find_optimum.c (from random
// starts, the least kept; at omega = 0.1 there is a local minimum at 0.474245 too) and polished by Newton steps until
// all |d<E>/d parameter| < 1e-13. b = 0, and a and w of particle 1 are minus those of particle 0. A rotated set is as
// good.
#include "oracle.h"

#include <string.h>

static const double amp_s1_h1_a[] = { 0.50514868347320085, -0.31616544015967202, -0.50514868347320152,
                                      0.31616544015967135 };
static const double amp_s1_h1_b[] = { 0 };
static const double amp_s1_h1_w[] = { -1.0102973669464039, 0.63233088031934148, 1.0102973669464046,
                                      -0.63233088031934048 };
static const double amp_s1_h1_sigma[] = { 1, 1 };

static const double amp_s1_h2_a[] = { 0.21070853993637248, -0.7144915294502785, -0.21070853993637231,
                                      0.71449152945027716 };
static const double amp_s1_h2_b[] = { 0, 0 };
static const double amp_s1_h2_w[] = { 0.50378298951390743,  -0.92520006938665045, 0.92520006938665034,
                                      0.50378298951390832,  -0.50378298951390676, 0.92520006938664912,
                                      -0.92520006938665023, -0.50378298951390599 };
static const double amp_s1_h2_sigma[] = { 1, 1 };

static const double prob_s_h1_a[] = { 0.43801080652080943, -0.24226499389322528, -0.43801080652080965,
                                      0.24226499389322534 };
static const double prob_s_h1_b[] = { 0 };
static const double prob_s_h1_w[] = { -0.87602161304161841, 0.48452998778645023, 0.87602161304161874,
                                      -0.48452998778645046 };
static const double prob_s_h1_sigma[] = { 0.70710678118654757, 0.70710678118654757 };

static const double prob_s_h2_a[] = { 0.1615785123231043, -0.57798812196537119, -0.16157851232310505,
                                      0.57798812196537064 };
static const double prob_s_h2_b[] = { 0, 0 };
static const double prob_s_h2_w[] = { 0.41640960964226553,  -0.73956663428847458, 0.73956663428847491,
                                      0.41640960964226531,  -0.41640960964226459, 0.7395666342884748,
                                      -0.73956663428847391, -0.41640960964226503 };
static const double prob_s_h2_sigma[] = { 0.70710678118654757, 0.70710678118654757 };

static const double amp_free_h2_a[] = { 0.58741599340499406, -0.50503978301175922, -0.58741599340499262,
                                        0.50503978301175623 };
static const double amp_free_h2_b[] = { 0, 0 };
static const double amp_free_h2_w[] = { -0.082376210393236476, -1.0924557764167511,  1.0924557764167511,
                                        -0.082376210393234853, 0.082376210393236629, 1.0924557764167482,
                                        -1.0924557764167486,   0.08237621039323853 };
static const double amp_free_h2_sigma[] = { 0.95537914033114324, 0.95537914033114335 };

static const double prob_free_h2_a[] = { 0.28484686543826077, -0.55735014304981456, -0.28484686543826049,
                                         0.55735014304981445 };
static const double prob_free_h2_b[] = { 0, 0 };
static const double prob_free_h2_w[] = { 0.27250327761155407,  -0.84219700848807544, 0.84219700848807544,
                                         0.2725032776115538,   -0.27250327761155424, 0.84219700848807477,
                                         -0.84219700848807522, -0.2725032776115543 };
static const double prob_free_h2_sigma[] = { 0.67634983790755465, 0.67634983790755454 };

static const double amp_w01_h2_a[] = { 1.4364419105610085, 3.3228745145594054, -1.4364419105609967,
                                       -3.3228745145594152 };
static const double amp_w01_h2_b[] = { 0, 0 };
static const double amp_w01_h2_w[] = { 1.8864326039984036, -4.7593164251204172, -4.7593164251204056,
                                       -1.886432603998409, -1.8864326039984176, 4.759316425120411,
                                       4.7593164251204145, 1.8864326039984187 };
static const double amp_w01_h2_sigma[] = { 3.1622776601683795, 3.1622776601683795 };

static const double d3d_h3_a[] = { 0.72038715663119379,  -0.70973089221792485, 0.065891514286997035,
                                   -0.72038715663119302, 0.70973089221790786,  -0.065891514286992872 };
static const double d3d_h3_b[] = { 0, 0, 0 };
static const double d3d_h3_w[] = { -0.19457191456238385, -0.096324233855648908, -1.1498781648443674,
                                   0.84059809904839777,  0.78703089549439276,   -0.20816721010695632,
                                   0.79050173174379579,  -0.86061628700577431,  -0.061668473311991281,
                                   0.19457191456238165,  0.096324233855647923,  1.1498781648443681,
                                   -0.84059809904838834, -0.78703089549438832,  0.20816721010697517,
                                   -0.79050173174381033, 0.86061628700578297,   0.061668473311989602 };
static const double d3d_h3_sigma[] = { 1.4142135623730951, 1.4142135623730951, 1.4142135623730951 };

#define VALUES(NAME) .a = NAME##_a, .b = NAME##_b, .w = NAME##_w, .sigma = NAME##_sigma
#define PAIR(D, N, OMEGA)                                                                             \
    .particles = 2, .dimensions = D, .hidden = N, .envelope = true, .omega = { OMEGA, OMEGA, OMEGA }, \
    .interaction = ORACLE_COULOMB, .strength = 1

const struct oracle_optimum oracle_optima[] = {
    { "rbm-amp-s1-h1", { PAIR(2, 1, 1), VALUES(amp_s1_h1), .amplitude = 1 }, 3.141926301291974 },
    { "rbm-amp-s1-h2", { PAIR(2, 2, 1), VALUES(amp_s1_h2), .amplitude = 1 }, 3.078613760710763 },
    { "rbm-prob-s-h1", { PAIR(2, 1, 1), VALUES(prob_s_h1), .amplitude = 0 }, 3.128992713513546 },
    { "rbm-prob-s-h2", { PAIR(2, 2, 1), VALUES(prob_s_h2), .amplitude = 0 }, 3.064931774848316 },
    { "rbm-amp-free-h2",
      { PAIR(2, 2, 1), VALUES(amp_free_h2), .amplitude = 1, .train_sigma = true },
      3.074406940517553 },
    { "rbm-prob-free-h2",
      { PAIR(2, 2, 1), VALUES(prob_free_h2), .amplitude = 0, .train_sigma = true },
      3.060091480085829 },
    { "rbm-amp-w01-h2", { PAIR(2, 2, 0.1), VALUES(amp_w01_h2), .amplitude = 1 }, 0.467688526986799 },
    { "rbm-3d-h3", { PAIR(3, 3, 0.5), VALUES(d3d_h3), .amplitude = 1 }, 2.015752786039099 },
};
const size_t oracle_n_optima = sizeof oracle_optima / sizeof *oracle_optima;

const struct oracle_optimum *oracle_optimum_find(const char *name)
{
    for (size_t k = 0; k < oracle_n_optima; k++)
        if (strcmp(oracle_optima[k].name, name) == 0)
            return &oracle_optima[k];
    return NULL;
}
