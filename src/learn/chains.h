// SPDX-License-Identifier: GPL-3.0-or-later
// Markov chains of a machine, in blocks of 32.
#ifndef VMC_LEARN_CHAINS_H
#define VMC_LEARN_CHAINS_H

#include "vmc/layout.h"
#include "vmc/machine.h"

// Persistent chains, a block of 32 after the other.
struct chains {
    size_t n_blocks, n_rows, n_hidden;
    double *x, *h;     // [n_blocks][M], [n_blocks][N] rows
    uint64_t *random;  // [n_blocks][RNG_ROWS] rows
};
bool chains_build(struct chains *chains, const struct machine_shape *shape, size_t n, uint64_t seed, uint64_t stream,
                  struct error *error);
void chains_finish(struct chains *chains);
static inline double *chains_x(const struct chains *chains, size_t b)
{
    return chains->x + b * chains->n_rows * WALKERS;
}
static inline double *chains_h(const struct chains *chains, size_t b)
{
    return chains->h + b * chains->n_hidden * WALKERS;
}
uint64_t *chains_random(const struct chains *chains, size_t b);

#endif
