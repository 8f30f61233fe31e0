// SPDX-License-Identifier: GPL-3.0-or-later
// Fermions with a Slater determinant for tests, built from the text of a configuration.
#ifndef VMC_TEST_FERMIONS_H
#define VMC_TEST_FERMIONS_H

#include "support/model.h"

struct fermions {
    bool built;
    struct model model;
    struct error error;  // what is wrong where they were not built
};

struct fermions fermions_build(const char *text);
// With every parameter away from where it starts.
struct fermions fermions_build_moved(const char *text);
void fermions_finish(struct fermions *fermions);

#define SYSTEM(keys) \
    "[system]\nstatistics = fermions\n" keys "[sampler]\nwalkers = 32\n[wavefunction]\nfactors = slater"
#define FREE(keys) SYSTEM(keys) "\n"

#define ELECTRONS(factors, keys)                                                                                    \
    "[system]\nstatistics = fermions\nparticles = 12\ndimensions = 2\ninteraction = coulomb\n[sampler]\nwalkers = " \
    "32\n"                                                                                                          \
    "[wavefunction]\nfactors = slater" factors "\n" keys
#define PAIRS "[pade-jastrow]\nbeta = 0.3, 0.5\n"
#define UNITS "[rbm]\nhidden = 2\nsharing = "

#endif
