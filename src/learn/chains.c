// SPDX-License-Identifier: GPL-3.0-or-later
#include "learn/chains.h"

#include "base/memory.h"
#include "vmc/rng.h"

bool chains_build(struct chains *chains, const struct machine_shape *shape, size_t n, uint64_t seed, uint64_t stream,
                  struct error *error)
{
    *chains = (struct chains){ .n_blocks = n / WALKERS, .n_rows = shape->visible, .n_hidden = shape->hidden };
    chains->x = memory_rows(chains->n_blocks * shape->visible);
    chains->h = memory_rows(chains->n_blocks * shape->hidden);
    chains->random = (uint64_t *)(void *)memory_rows(chains->n_blocks * RNG_ROWS);
    if (!chains->x || !chains->h || !chains->random)
        return error_add(error, ERROR_INTERNAL, "no memory for %zu chains", n);
    for (size_t b = 0; b < chains->n_blocks; b++)
        rng_start_block(chains_random(chains, b), seed, stream + b * WALKERS);
    return true;
}

void chains_finish(struct chains *chains)
{
    memory_free(chains->x);
    memory_free(chains->h);
    memory_free(chains->random);
    *chains = (struct chains){ .n_blocks = 0 };
}

uint64_t *chains_random(const struct chains *chains, size_t b) { return chains->random + b * RNG_ROWS * WALKERS; }
