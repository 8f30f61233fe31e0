// SPDX-License-Identifier: GPL-3.0-or-later
// What a sweep over particles in filled shells (shells_sweep.c) works on.
#ifndef VMC_WAVEFUNCTION_SHELLS_CHUNK_H
#define VMC_WAVEFUNCTION_SHELLS_CHUNK_H

#include "wavefunction/slater.h"

// What the pairs of a class need; nothing where there are none.
struct pairing {
    pack beta, cusp;
};

// Walkers of `side` packs from l on: x as [row][side], rows of the frame itself or copies; distances r, and b of the
// spin at hand, by lines, in the frame.
struct chunk {
    double scale[2], omega[2], alpha;
    struct pairing same, opposite;  // of parallel spins, of antiparallel ones
    struct sweep_draws draws;
    size_t l;
    pack *x, *r, *b, *mantissa, *exponent, *pair_exponent;
    pack_bits accepted;  // less their number
};

// A sweep for three particles of each spin: all walkers of `rows`; the count of accepted moves goes to `chunk`.
void shells_six_sweep(const struct chunk *rows, pack *const b[SPINS], struct chunk *chunk);

#endif
