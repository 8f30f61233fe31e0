// SPDX-License-Identifier: GPL-3.0-or-later
// Blocks of 32 walkers: a frame, another one on loan for trial moves, and one random stream per walker.
#ifndef VMC_WALKERS_H
#define VMC_WALKERS_H

#include "vmc/wavefunction.h"

#include <stdint.h>

struct block {
    double *current, *trial;         // frames, wavefunction.n_rows rows each
    uint64_t *random;                // RANDOM_ROWS rows of 32 words: state of xoshiro256++ per walker
    bool evaluated;                  // `current` holds gradient and Laplacian of its x
};

#endif
