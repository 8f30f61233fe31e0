// SPDX-License-Identifier: GPL-3.0-or-later
// xoshiro256++ per walker, in packs; normals by Box and Muller, Ann. Math. Stat. 29, 610 (1958).
// Check: state {1, 2, 3, 4} gives 41943041, 58720359, 3588806011781223, … (the authors' reference values).
#include "vmc/rng.h"

#include "base/pack.h"

#include <string.h>

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

void rng_start(struct rng *rng, uint64_t seed, uint64_t stream)
{
    // the seed is scrambled before the stream enters, so that neighbouring seeds and neighbouring streams have nothing
    // in common
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

// 52 random bits as the mantissa of a number in [1, 2)
PACK_INLINE pack mantissa(pack_words bits) { return (pack)((bits >> 12) | 0x3ff0000000000000); }

// A number in (0, 1]
PACK_INLINE pack uniform(pack_words bits) { return 2.0 - mantissa(bits); }

// n rows of words from every stream, then `uniforms` rows of numbers in (0, 1]
PACK_INLINE void draw(pack_words *state, size_t n, size_t uniforms, pack_words *out)
{
    for (size_t p = 0; p < ROW_PACKS; p++) {
        pack_words s[RNG_ROWS] = { state[p], state[ROW_PACKS + p], state[2 * ROW_PACKS + p], state[3 * ROW_PACKS + p] };
        pack_words *to = out + p;
        for (size_t k = 0; k < n; k++, to += ROW_PACKS)
            *to = next_words(s);
        for (size_t k = 0; k < uniforms; k++, to += ROW_PACKS)
            *to = (pack_words)uniform(next_words(s));
        for (size_t r = 0; r < RNG_ROWS; r++)
            state[r * ROW_PACKS + p] = s[r];
    }
}

PACK_HOT void rng_uniforms(uint64_t *rows, size_t n, double *out) { draw((pack_words *)rows, 0, n, (pack_words *)out); }

// -2 ln u for normal u in (0, 1]; relative error below 1e-11, which no run can see.
PACK_INLINE pack square_radius(pack u)
{
    // as pack_log: u = 2^k m, ln m = 2 artanh s
    const pack_words moved = (pack_words)u + 0x00195f619980c433;
    const pack m = (pack)((pack_words)u - (moved & 0xfff0000000000000) + 0x4000000000000000);
    const pack n = (pack)((moved >> 52) | 0x4330000000000000) - (0x1p52 + 1024);
    const pack s = (m - 1.0) / (m + 1.0), z = s * s, y = z * z;
    pack even = pack_fma(pack_all(-0x1.e3b04fb630ae1p-2), y, pack_all(-0x1.999a9ca219beap-1));
    const pack odd = pack_fma(pack_all(-0x1.2432bbca4afabp-1), y, pack_all(-0x1.555554dac58f5p+0));
    even = pack_fma(even, y, pack_all(-0x1.0000000004a23p+2));
    return pack_fma(n, pack_all(-0x1.62e42fefa39efp+0), s * pack_fma(odd, z, even));
}

// Two rows of words become two of normals, `pairs` times: a radius, and a direction, of which 52 bits are the angle
// within a quarter of the circle and two of the others say which.
static PACK_HOT void box_muller(size_t pairs, pack *rows)
{
    for (size_t k = 0; k < pairs; k++, rows += 2 * ROW_PACKS)
        for (size_t p = 0; p < ROW_PACKS; p++) {
            pack sine, cosine;
            const pack radius = pack_sqrt(square_radius(uniform((pack_words)rows[p])));
            const pack_words bits = (pack_words)rows[ROW_PACKS + p];
            // pi / 2 (mantissa - 3/2)
            pack_sincos(pack_fma(mantissa(bits), pack_all(1.5707963267948966), pack_all(-2.356194490192345)), &sine,
                        &cosine);
            cosine = (pack)((pack_words)cosine ^ (bits << 63));
            const pack swap = (pack)(bits << 62);
            rows[p] = radius * pack_select_sign(swap, sine, cosine);
            rows[ROW_PACKS + p] = radius * pack_select_sign(swap, cosine, sine);
        }
}

// Two at a time; of an odd number the last one's companion is dropped: it lies where the uniform row comes to lie.
PACK_HOT void rng_normals_and_uniform(uint64_t *rows, size_t n, double *out)
{
    pack_words *state = (pack_words *)rows, *words = (pack_words *)out;
    if (n % 2 == 0) {
        draw(state, n, 1, words);
        box_muller(n / 2, (pack *)out);
    } else {
        draw(state, n + 1, 0, words);
        box_muller((n + 1) / 2, (pack *)out);
        draw(state, 0, 1, words + n * ROW_PACKS);
    }
}

PACK_HOT void rng_normals(uint64_t *rows, size_t n, double *out)
{
    pack_words *state = (pack_words *)rows;
    pack last[2 * ROW_PACKS];
    draw(state, n / 2 * 2, 0, (pack_words *)out);
    box_muller(n / 2, (pack *)out);
    if (n % 2) {
        draw(state, 2, 0, (pack_words *)last);
        box_muller(1, last);
        memcpy((pack *)out + (n - 1) * ROW_PACKS, last, sizeof last / 2);
    }
}
