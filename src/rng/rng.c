// SPDX-License-Identifier: GPL-3.0-or-later
// xoshiro256++ per walker, in packs; normals by Box and Muller, Ann. Math. Stat. 29, 610 (1958).
// Check: state {1, 2, 3, 4} gives 41943041, 58720359, 3588806011781223, … (the authors' reference values).
#include "vmc/rng.h"

#include "base/pack.h"

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

void rng_start(struct rng *rng, uint64_t seed, uint64_t stream)
{
    // the seed is scrambled before the stream enters, so that neighbouring seeds and neighbouring streams have nothing in common
    uint64_t state = seed;
    state = splitmix(&state) ^ (stream * 0xd1342543de82ef95);
    for (int k = 0; k < 4; k++)
        rng->s[k] = splitmix(&state);
}

static uint64_t rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

uint64_t rng_next(struct rng *rng)
{
    uint64_t *s = rng->s;
    const uint64_t result = rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

double rng_uniform(void *rng) { return ((double)(rng_next(rng) >> 12) + 0.5) * 0x1p-52; }

void rng_start_block(uint64_t *rows, uint64_t seed, uint64_t first)
{
    for (uint64_t w = 0; w < WALKERS; w++) {
        struct rng one;
        rng_start(&one, seed, first + w);
        for (size_t k = 0; k < RNG_ROWS; k++)
            rows[k * WALKERS + w] = one.s[k];
    }
}

PACK_INLINE pack_words next_words(pack_words s[4])
{
    const pack_words sum = s[0] + s[3], result = ((sum << 23) | (sum >> 41)) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return result;
}

// 52 random bits as the mantissa of a number in [1, 2); 2 minus it lies in (0, 1]
PACK_INLINE pack unit_interval(pack_words bits) { return 2.0 - (pack)((bits >> 12) | 0x3ff0000000000000); }

void rng_uniforms(uint64_t *rows, size_t n, double *out)
{
    pack_words *state = (pack_words *)rows;
    for (size_t p = 0; p < ROW_PACKS; p++) {
        pack_words s[4] = { state[p], state[ROW_PACKS + p], state[2 * ROW_PACKS + p], state[3 * ROW_PACKS + p] };
        for (size_t k = 0; k < n; k++)
            ((pack *)out)[k * ROW_PACKS + p] = unit_interval(next_words(s));
        for (size_t k = 0; k < RNG_ROWS; k++)
            state[k * ROW_PACKS + p] = s[k];
    }
}

void rng_normals(uint64_t *rows, size_t n, double *out)
{
    pack_words *state = (pack_words *)rows;
    pack *row = (pack *)out;
    for (size_t p = 0; p < ROW_PACKS; p++) {
        pack_words s[4] = { state[p], state[ROW_PACKS + p], state[2 * ROW_PACKS + p], state[3 * ROW_PACKS + p] };
        for (size_t k = 0; k < n; k += 2) {
            const pack radius = pack_sqrt(-2.0 * pack_log(unit_interval(next_words(s))));
            pack sine, cosine;
            pack_sincos_turn(unit_interval(next_words(s)), &sine, &cosine);
            row[k * ROW_PACKS + p] = radius * cosine;
            if (k + 1 < n)
                row[(k + 1) * ROW_PACKS + p] = radius * sine;
        }
        for (size_t k = 0; k < RNG_ROWS; k++)
            state[k * ROW_PACKS + p] = s[k];
    }
}
