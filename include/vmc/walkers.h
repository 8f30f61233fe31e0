// SPDX-License-Identifier: GPL-3.0-or-later
// Blocks of 32 walkers: a frame, another one on loan for trial moves, and one random stream per walker.
#ifndef VMC_WALKERS_H
#define VMC_WALKERS_H

#include "vmc/layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block {
    double *current, *trial;  // frames (vmc/wavefunction.h)
    uint64_t *random;         // RNG_ROWS rows of 32 words: state of xoshiro256++ per walker
    bool evaluated;           // `current` holds gradient and Laplacian of its x
    bool movable;             // `current` holds what one-particle moves start from (wavefunction_refresh)
    bool updated;             // … and has been updated by such moves since it was computed from scratch
    bool remembered;          // what its sampler's scratch holds of the last sweep still belongs to `current`
    size_t divergent;         // trajectories whose energy was not kept, counted up by samplers that have trajectories
};

#endif
