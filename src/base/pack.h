// SPDX-License-Identifier: GPL-3.0-or-later
// Packs: PACK_WIDTH walkers in one machine register, and the vector mathematics the kernels need.
//
// Every operation rounds alike at every width: + - * / sqrt are IEEE, products are fused only where pack_fma says so
// (the build switches contraction off), and the functions below use nothing else. So one configuration gives the same
// bits at width 1, 4 and 8 wherever the processor has FMA. Approximate instructions (rsqrt14, …) are not used: their
// bits differ between makers. A row is ROW_PACKS packs, that is WALKERS doubles. Functions state their largest error,
// found by tests/unit/test_pack.c.
#ifndef VMC_BASE_PACK_H
#define VMC_BASE_PACK_H

#include "vmc/layout.h"

#include <stdbool.h>
#include <stdint.h>

#ifndef PACK_WIDTH
#if defined __AVX512F__ && defined __AVX512DQ__
#define PACK_WIDTH 8
#elif defined __AVX2__ && defined __FMA__
#define PACK_WIDTH 4
#elif defined __SSE2__ || defined __aarch64__
#define PACK_WIDTH 2
#else
#define PACK_WIDTH 1
#endif
#endif

#if defined __SSE2__
#include <immintrin.h>
#elif defined __aarch64__
#include <arm_neon.h>
#endif

typedef double pack __attribute__((vector_size(8 * PACK_WIDTH), may_alias));
typedef int64_t pack_bits __attribute__((vector_size(8 * PACK_WIDTH), may_alias));
typedef uint64_t pack_words __attribute__((vector_size(8 * PACK_WIDTH), may_alias));

enum { ROW_PACKS = WALKERS / PACK_WIDTH };

// Registers a tile of a matrix pass may use for accumulators: TILE_ROWS output rows by TILE_PACKS packs.
#if PACK_WIDTH == 8
enum { TILE_ROWS = 4, TILE_PACKS = 4 };
#elif PACK_WIDTH == 4
enum { TILE_ROWS = 3, TILE_PACKS = 4 };
#else
enum { TILE_ROWS = 2, TILE_PACKS = 4 };
#endif

#define PACK_INLINE static inline __attribute__((always_inline, unused))
// What every step runs through lies side by side in memory: scattered, parts of it displace each other where a
// processor keeps decoded instructions.
#define PACK_HOT __attribute__((hot))

PACK_INLINE pack pack_all(double x) { return x - (pack){ 0 }; }

// a b + c, rounded once where the processor can.
PACK_INLINE pack pack_fma(pack a, pack b, pack c)
{
#if PACK_WIDTH == 8 && defined __AVX512F__
    return (pack)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif PACK_WIDTH == 4 && defined __FMA__
    return (pack)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif PACK_WIDTH == 2 && defined __aarch64__
    return (pack)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#elif defined __FMA__ || defined __ARM_FEATURE_FMA
    pack out;
    for (int k = 0; k < PACK_WIDTH; k++)
        out[k] = __builtin_fma(a[k], b[k], c[k]);
    return out;
#else
    return a * b + c;
#endif
}

PACK_INLINE pack pack_sqrt(pack x)
{
#if PACK_WIDTH == 8 && defined __AVX512F__
    return (pack)_mm512_sqrt_pd((__m512d)x);
#elif PACK_WIDTH == 4 && defined __AVX2__
    return (pack)_mm256_sqrt_pd((__m256d)x);
#elif PACK_WIDTH == 2 && defined __SSE2__
    return (pack)_mm_sqrt_pd((__m128d)x);
#elif PACK_WIDTH == 2 && defined __aarch64__
    return (pack)vsqrtq_f64((float64x2_t)x);
#else
    pack out;
    for (int k = 0; k < PACK_WIDTH; k++)
        out[k] = __builtin_sqrt(x[k]);
    return out;
#endif
}

// where the sign bit of `sign` is set a, else b
PACK_INLINE pack pack_select_sign(pack sign, pack a, pack b)
{
#if PACK_WIDTH == 4 && defined __AVX2__ && !defined __clang__
    pack out;  // of the intrinsic gcc makes a comparison with zero and a blend
    __asm__("vblendvpd %3, %2, %1, %0" : "=x"(out) : "x"(b), "xm"(a), "x"(sign));
    return out;
#elif PACK_WIDTH == 4 && defined __AVX2__
    return (pack)_mm256_blendv_pd((__m256d)b, (__m256d)a, (__m256d)sign);
#else
    const pack_bits mask = (pack_bits)sign < 0;
    return (pack)(((pack_bits)a & mask) | ((pack_bits)b & ~mask));
#endif
}

// where `mask` (all bits set or none, per walker) a, else b
PACK_INLINE pack pack_select(pack_bits mask, pack a, pack b)
{
#if PACK_WIDTH == 4 && defined __AVX2__
    return pack_select_sign((pack)mask, a, b);
#else
    return (pack)(((pack_bits)a & mask) | ((pack_bits)b & ~mask));
#endif
}

// whether any walker's bits of a mask are set
PACK_INLINE bool pack_any(pack_bits mask)
{
#if PACK_WIDTH == 8 && defined __AVX512DQ__
    return _mm512_movepi64_mask((__m512i)mask) != 0;
#elif PACK_WIDTH == 4 && defined __AVX2__
    return _mm256_movemask_pd((__m256d)mask) != 0;
#else
    int64_t any = 0;
    for (int k = 0; k < PACK_WIDTH; k++)
        any |= mask[k];
    return any != 0;
#endif
}

PACK_INLINE pack pack_abs(pack x) { return (pack)((pack_bits)x & INT64_MAX); }
PACK_INLINE pack pack_minus_abs(pack x) { return (pack)((pack_bits)x | INT64_MIN); }

// a > b ? a : b, so that a NAN in a gives b
PACK_INLINE pack pack_max(pack a, pack b)
{
#if PACK_WIDTH == 8 && defined __AVX512F__
    return (pack)_mm512_max_pd((__m512d)a, (__m512d)b);
#elif PACK_WIDTH == 4 && defined __AVX2__
    return (pack)_mm256_max_pd((__m256d)a, (__m256d)b);
#else
    return pack_select(a > b, a, b);
#endif
}

// a < b ? a : b
PACK_INLINE pack pack_min(pack a, pack b)
{
#if PACK_WIDTH == 8 && defined __AVX512F__
    return (pack)_mm512_min_pd((__m512d)a, (__m512d)b);
#elif PACK_WIDTH == 4 && defined __AVX2__
    return (pack)_mm256_min_pd((__m256d)a, (__m256d)b);
#else
    return pack_select(a < b, a, b);
#endif
}

// Polynomials below are summed by even and odd powers, which halves the chain of dependent operations.

// Several packs take each step together where a processor's queues are too short to find the others' steps by itself.
enum { PACKS_AT_ONCE = PACK_WIDTH == 8 ? 4 : 1 };
#define PACKS_EACH _Pragma("GCC unroll 4") for (int p = 0; p < n; p++)

// e^x for -708 <= x <= 709, else something finite or infinite of no use; relative error below 2.5e-16. n packs, at most
// PACKS_AT_ONCE.
PACK_INLINE void packs_exp_within(int n, const pack *x, pack *out)
{
    const double round = 6755399441055744.0;  // 1.5 2^52: adding it leaves the nearest integer in the low bits
    pack shifted[PACKS_AT_ONCE], r[PACKS_AT_ONCE], z[PACKS_AT_ONCE], odd[PACKS_AT_ONCE], even[PACKS_AT_ONCE];
    PACKS_EACH shifted[p] = pack_fma(x[p], pack_all(1.4426950408889634), pack_all(round));
    PACKS_EACH z[p] = shifted[p] - round;
    PACKS_EACH r[p] = pack_fma(z[p], pack_all(-0x1.62e42fefa0000p-1), x[p]);  // ln 2, high part: n times it is exact
    PACKS_EACH r[p] = pack_fma(z[p], pack_all(-0x1.cf79abc9e3b3ap-40), r[p]);
    // Chebyshev interpolation of (e^r - 1 - r) / r^2 on |r| <= ln 2 / 2
    PACKS_EACH z[p] = r[p] * r[p];
    PACKS_EACH odd[p] = pack_fma(pack_all(0x1.af38a9b0ec855p-26), z[p], pack_all(0x1.71de0dae63bb3p-19));
    PACKS_EACH even[p] = pack_fma(pack_all(0x1.289185613a3d6p-22), z[p], pack_all(0x1.a019b90d2ae7ap-16));
    PACKS_EACH odd[p] = pack_fma(odd[p], z[p], pack_all(0x1.a01a01a7c41d5p-13));
    PACKS_EACH even[p] = pack_fma(even[p], z[p], pack_all(0x1.6c16c1788bd90p-10));
    PACKS_EACH odd[p] = pack_fma(odd[p], z[p], pack_all(0x1.11111111109b3p-7));
    PACKS_EACH even[p] = pack_fma(even[p], z[p], pack_all(0x1.5555555553d63p-5));
    PACKS_EACH odd[p] = pack_fma(odd[p], z[p], pack_all(0x1.5555555555556p-3));
    PACKS_EACH even[p] = pack_fma(even[p], z[p], pack_all(0.5));
    PACKS_EACH even[p] = pack_fma(odd[p], r[p], even[p]);
    PACKS_EACH even[p] = pack_fma(even[p], z[p], r[p]) + 1.0;
    PACKS_EACH out[p] = (pack)((pack_bits)even[p] + (pack_bits)((pack_words)shifted[p] << 52));
}
PACK_INLINE pack pack_exp_within(pack x)
{
    pack out;
    packs_exp_within(1, &x, &out);
    return out;
}

// e^x for |x| <= 708, e^±708 beyond. NAN gives a number: callers look for non-finite sums elsewhere.
PACK_INLINE pack pack_exp(pack x) { return pack_exp_within(pack_min(pack_max(x, pack_all(-708.0)), pack_all(708.0))); }
// e^-|x|, as far as e^-708
PACK_INLINE void packs_exp_minus_abs(int n, const pack *x, pack *out)
{
    pack within[PACKS_AT_ONCE];
    PACKS_EACH within[p] = pack_max(pack_minus_abs(x[p]), pack_all(-708.0));
    packs_exp_within(n, within, out);
}
PACK_INLINE pack pack_exp_minus_abs(pack x) { return pack_exp_within(pack_max(pack_minus_abs(x), pack_all(-708.0))); }

// ln x for normal x > 0; relative error below 4e-16.
PACK_INLINE pack pack_log(pack x)
{
    // x = 2^k m, m in [1/sqrt 2, sqrt 2); k + 1024 > 0 stands in the upper bits of `moved`
    const pack_words moved = (pack_words)x + 0x00195f619980c433;
    const pack m = (pack)((pack_words)x - (moved & 0xfff0000000000000) + 0x4000000000000000);
    const pack n = (pack)((moved >> 52) | 0x4330000000000000) - (0x1p52 + 1024);
    const pack f = m - 1.0;
    const pack s = f / (f + 2.0), z = s * s, y = z * z;  // ln m = 2 artanh s
    pack even = pack_fma(pack_all(0.14616585424934123), y, pack_all(0.18182889455675105));
    pack odd = pack_fma(pack_all(0.1533171061820642), y, pack_all(0.22222211130259875));
    even = pack_fma(even, y, pack_all(0.2857142862600327));
    odd = pack_fma(odd, y, pack_all(0.39999999999899444));
    even = pack_fma(even, y, pack_all(0.666666666666667));
    const pack p = pack_fma(odd, z, even);
    // 2 s = f - s f, so that the leading term is exact
    const pack log_m = f - s * (f - z * p);
    return pack_fma(n, pack_all(0x1.62e42fefa0000p-1), pack_fma(n, pack_all(0x1.cf79abc9e3b3ap-40), log_m));
}

// k of 2^k <= x < 2^(k+1) for normal x > 0, as a double.
PACK_INLINE pack pack_exponent(pack x) { return (pack)(((pack_words)x >> 52) | 0x4330000000000000) - (0x1p52 + 1023); }

// x 2^k for whole k, where both x and the result are normal.
PACK_INLINE pack pack_scale(pack x, pack k) { return (pack)((pack_words)x + ((pack_words)(k + 0x1.8p52) << 52)); }

// 1/sqrt x for normal x > 0; relative error below 4e-16. A start from the bits (good to 5 %), the parabola in x y^2
// that is best for it (2.2e-5), and a step of fourth order; x = 0 gives a huge number.
PACK_INLINE pack pack_rsqrt(pack x)
{
    pack y = (pack)(0x5fe69b50c7b537a9 - (pack_bits)((pack_words)x >> 1));
    const pack q = x * y * y;
    y *= pack_fma(pack_fma(pack_all(0.39889204501624), q, pack_all(-1.298234465043587)), q,
                  pack_all(1.8993225220731436));
    const pack h = pack_fma(-(x * y), y, pack_all(1.0));
    const pack p = pack_fma(pack_fma(pack_all(0.3125), h, pack_all(0.375)), h, pack_all(0.5));
    return pack_fma(y * h, p, y);
}

// sin and cos of t for |t| <= pi / 4; absolute errors below 3e-12 and 2e-13 (for normal random numbers). Minimax
// polynomials.
PACK_INLINE void pack_sincos(pack t, pack *sine, pack *cosine)
{
    const pack z = t * t;
    pack s = pack_fma(pack_all(0x1.6c8987f0a3309p-19), z, pack_all(-0x1.a00e0e230eba3p-13));
    pack c = pack_fma(pack_all(-0x1.242aeeef484afp-22), z, pack_all(0x1.a011209e57526p-16));
    s = pack_fma(s, z, pack_all(0x1.11110620455bdp-7));
    c = pack_fma(c, z, pack_all(-0x1.6c16b8997d156p-10));
    s = pack_fma(s, z, pack_all(-0x1.555555480c188p-3));
    c = pack_fma(c, z, pack_all(0x1.5555554f4ee78p-5));
    *sine = pack_fma(s * z, t, t);
    *cosine = pack_fma(c * z, z, pack_fma(z, pack_all(-0.5), pack_all(1.0)));
}

// Sum over the 32 walkers of a row, in an order that does not depend on the width: eight columns first, then a tree.
PACK_INLINE double pack_sum_row(const double *row)
{
    double column[8];
    for (int k = 0; k < 8; k++)
        column[k] = ((row[k] + row[k + 8]) + row[k + 16]) + row[k + 24];
    return ((column[0] + column[4]) + (column[2] + column[6])) + ((column[1] + column[5]) + (column[3] + column[7]));
}

#endif
