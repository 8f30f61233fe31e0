// SPDX-License-Identifier: GPL-3.0-or-later
// Determinants of orbitals that fill shells in two dimensions, with every size known to the compiler: loops unroll, and
// what a pack of walkers needs stays in registers. Orbital k of shell s = i + j is p_i(x) p_j(y), k = s (s + 1) / 2 + j
// (the order of orbitals_fill). Every sum is taken in the order in which slater.c takes it for any other orbitals, so
// both give the same bits.
#ifndef VMC_WAVEFUNCTION_SHELLS_H
#define VMC_WAVEFUNCTION_SHELLS_H

#include "wavefunction/inverse.h"

enum { SHELLS_TOP = 3, SHELLS_MOST = 10 };  // the highest shell, and the orbitals up to it
#define SHELLS_UNROLLED _Pragma("GCC unroll 10")

PACK_INLINE size_t shells_orbitals(size_t top) { return (top + 1) * (top + 2) / 2; }
PACK_INLINE size_t shells_index(size_t i, size_t j) { return (i + j) * (i + j + 1) / 2 + j; }

// p_0 … p_top at y
PACK_INLINE void shells_powers(size_t top, pack y, pack out[SHELLS_TOP + 1])
{
    out[0] = pack_all(1.0);
    out[1] = y;
    if (top > 1)
        out[2] = (y * y - 1.0) * 0.5;
    if (top > 2)
        out[3] = (y * out[2] - y) * (1 / 3.0);
}

// All orbitals at (x, y), in units in which they are p_i p_j.
PACK_INLINE void shells_functions(size_t top, pack x, pack y, pack *out)
{
    pack a[SHELLS_TOP + 1], b[SHELLS_TOP + 1];
    shells_powers(top, x, a);
    shells_powers(top, y, b);
    SHELLS_UNROLLED
    for (size_t s = 0; s <= SHELLS_TOP; s++)
        SHELLS_UNROLLED
    for (size_t j = 0; j <= SHELLS_TOP; j++)
        if (s <= top && j <= s)
            out[shells_index(s - j, j)] = s == j ? b[j] : j == 0 ? a[s] : (pack)(a[s - j] * b[j]);
}

// sum_k (d phi_k / dx) b_k and the same of y; b_k lies at b[k * stride].
PACK_INLINE void shells_slopes(size_t top, const pack *functions, const pack *b, size_t stride, pack slope[2])
{
    slope[0] = slope[1] = pack_all(0.0);
    SHELLS_UNROLLED
    for (size_t s = 1; s <= SHELLS_TOP; s++)
        SHELLS_UNROLLED
    for (size_t j = 0; j <= SHELLS_TOP; j++)
        if (s <= top && j <= s) {
            const pack factor = b[shells_index(s - j, j) * stride];
            if (j < s)
                slope[0] = pack_fma(functions[shells_index(s - j - 1, j)], factor, slope[0]);
            if (j > 0)
                slope[1] = pack_fma(functions[shells_index(s - j, j - 1)], factor, slope[1]);
        }
}

// sum_k (d_d d_e phi_k) b_k for (d, e) = (x, x), (x, y), (y, y)
PACK_INLINE void shells_bends(size_t top, const pack *functions, const pack *b, pack bend[3])
{
    bend[0] = bend[1] = bend[2] = pack_all(0.0);
    SHELLS_UNROLLED
    for (size_t s = 2; s <= SHELLS_TOP; s++)
        SHELLS_UNROLLED
    for (size_t j = 0; j <= SHELLS_TOP; j++)
        if (s <= top && j <= s) {
            const pack factor = b[shells_index(s - j, j)];
            if (j + 2 <= s)
                bend[0] = pack_fma(functions[shells_index(s - j - 2, j)], factor, bend[0]);
            if (j > 0 && j < s)
                bend[1] = pack_fma(functions[shells_index(s - j - 1, j - 1)], factor, bend[1]);
            if (j > 1)
                bend[2] = pack_fma(functions[shells_index(s - j, j - 2)], factor, bend[2]);
        }
}

// sum_k a_k b_k, from `start` on
PACK_INLINE pack shells_dot(size_t n, const pack *a, size_t stride_a, const pack *b, size_t stride_b, pack start)
{
    SHELLS_UNROLLED
    for (size_t k = 0; k < n; k++)
        start = pack_fma(a[k * stride_a], b[k * stride_b], start);
    return start;
}

// Row i of the elimination of column k; `row` is row k, scaled.
PACK_INLINE void shells_clear(size_t n, size_t k, const pack *row, pack *other)
{
    const pack factor = -other[k];
    other[k] = pack_all(0.0);
    SHELLS_UNROLLED
    for (size_t j = 0; j < n; j++)
        other[j] = pack_fma(factor, row[j], other[j]);
}

// inverse_eliminate for one pack. The row of the next pivot comes first, so that its division runs beside the others.
PACK_INLINE void shells_eliminate(size_t n, pack *a, struct determinant *determinant)
{
    *determinant = (struct determinant){ pack_all(1.0), pack_all(0.0) };
    for (size_t k = 0; k < n; k++) {
        pack *own = a + k * n, row[SHELLS_MOST];
        const pack inverse = 1.0 / own[k];
        determinant->mantissa *= own[k];
        own[k] = pack_all(1.0);
        SHELLS_UNROLLED
        for (size_t j = 0; j < n; j++)
            own[j] = row[j] = own[j] * inverse;
        for (size_t i = k + 1; i < n; i++)
            shells_clear(n, k, row, a + i * n);
        for (size_t i = 0; i < k; i++)
            shells_clear(n, k, row, a + i * n);
        if (k % 8 == 7 || k + 1 == n)
            determinant_normalise(determinant);
    }
}

#endif
