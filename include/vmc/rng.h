// SPDX-License-Identifier: GPL-3.0-or-later
// Random numbers: xoshiro256++ (Blackman and Vigna, ACM Trans. Math. Softw. 47, 36 (2021)), one stream per walker,
// seeded by SplitMix64 from (seed, walker) alone, so that results do not depend on threads.
#ifndef VMC_RNG_H
#define VMC_RNG_H

#include <stddef.h>
#include <stdint.h>

enum { RNG_ROWS = 4 };  // words of state per walker

// One scalar stream, for everything that is not a walker (starting parameters, tests).
struct rng {
    uint64_t s[4];
};
void rng_start(struct rng *rng, uint64_t seed, uint64_t stream);
uint64_t rng_next(struct rng *rng);
double rng_uniform(void *rng);  // (0, 1), struct rng *

// A block's 32 streams, as RNG_ROWS rows of 32 words; walker w of the block has stream first + w.
void rng_start_block(uint64_t *rows, uint64_t seed, uint64_t first);
// n rows of 32 doubles: uniform in (0, 1]; standard normal.
void rng_uniforms(uint64_t *rows, size_t n, double *out);
void rng_normals(uint64_t *rows, size_t n, double *out);
// n rows of normals and one uniform row, [n + 1] in all: the numbers that rng_normals and rng_uniforms give in turn.
void rng_normals_and_uniform(uint64_t *rows, size_t n, double *out);

#endif
