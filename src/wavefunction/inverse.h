// SPDX-License-Identifier: GPL-3.0-or-later
// Inverses and determinants of many small matrices at once, lane = walker.
//
// Gauss-Jordan elimination in place and without pivots is twice as fast as with them, but every now and then meets a
// pivot so small that digits are lost: in one of 20,000 configurations of ten electrons of a spin enough to spoil the
// local energy. Whoever uses it therefore looks at the residual, and does what failed once more with pivots, walker by
// walker, so that no walker's bits depend on its neighbours in a pack.
#ifndef VMC_WAVEFUNCTION_INVERSE_H
#define VMC_WAVEFUNCTION_INVERSE_H

#include "base/pack.h"

#include <stddef.h>

// Largest error of the diagonal of A A^-1 that passes.
#define INVERSE_RESIDUAL 1e-11

// A determinant as mantissa 2^exponent.
struct determinant {
    pack mantissa, exponent;
};

// Where x is a normal number, its powers of two go to the exponent; elsewhere it stays as it is.
PACK_INLINE void determinant_normalise(struct determinant *determinant)
{
    const pack size = pack_abs(determinant->mantissa);
    const pack_bits good = (size > 0x1p-1000) & (size < 0x1p1000);
    const pack power = pack_select(good, pack_exponent(pack_select(good, size, pack_all(1.0))), pack_all(0.0));
    determinant->mantissa = pack_scale(determinant->mantissa, -power);
    determinant->exponent += power;
}

// The matrix a [n][n][side], row after row, becomes its inverse; `side` packs of walkers side by side.
PACK_INLINE void inverse_eliminate(size_t n, size_t side, pack *a, struct determinant *determinant)
{
    for (size_t s = 0; s < side; s++)
        determinant[s] = (struct determinant){ pack_all(1.0), pack_all(0.0) };
    for (size_t k = 0; k < n; k++) {
        pack *row = a + k * n * side;
        for (size_t s = 0; s < side; s++) {
            const pack pivot = row[k * side + s];
            determinant[s].mantissa *= pivot;
            row[k * side + s] = pack_all(1.0);
            const pack inverse = 1.0 / pivot;
            for (size_t j = 0; j < n; j++)
                row[j * side + s] *= inverse;
        }
        for (size_t i = 0; i < n; i++) {
            pack *other = a + i * n * side;
            if (i == k)
                continue;
            for (size_t s = 0; s < side; s++) {
                const pack factor = -other[k * side + s];
                other[k * side + s] = pack_all(0.0);
                for (size_t j = 0; j < n; j++)
                    other[j * side + s] = pack_fma(factor, row[j * side + s], other[j * side + s]);
            }
        }
        if (k % 8 == 7 || k + 1 == n)
            for (size_t s = 0; s < side; s++)
                determinant_normalise(&determinant[s]);
    }
}

// Three by three by cofactors: one division, and no pivots that could be small. Row p of `out` is row p of the
// inverse's transpose, which is the cross product of the next two rows of a, divided by the determinant; both
// [3][3][side]. All 0 where that is 0: psi is too, and no walker stays.
#define INVERSE_UNROLLED _Pragma("GCC unroll 3")
PACK_INLINE void inverse_of_three(size_t side, const pack *a, pack *out, struct determinant *determinant)
{
    for (size_t s = 0; s < side; s++) {
        pack cofactor[3][3];
        INVERSE_UNROLLED
        for (size_t p = 0; p < 3; p++) {
            const pack *one = a + (p + 1) % 3 * 3 * side + s, *two = a + (p + 2) % 3 * 3 * side + s;
            INVERSE_UNROLLED
            for (size_t k = 0; k < 3; k++) {
                const size_t i = (k + 1) % 3 * side, j = (k + 2) % 3 * side;
                cofactor[p][k] = pack_fma(one[i], two[j], -(one[j] * two[i]));
            }
        }
        const pack mantissa = pack_fma(a[s], cofactor[0][0],
                                       pack_fma(a[side + s], cofactor[0][1], a[2 * side + s] * cofactor[0][2])),
                   inverse = pack_select(pack_abs(mantissa) > 0x1p-1000, 1.0 / mantissa, pack_all(0.0));
        INVERSE_UNROLLED
        for (size_t p = 0; p < 3; p++)
            INVERSE_UNROLLED
        for (size_t k = 0; k < 3; k++)
            out[(p * 3 + k) * side + s] = cofactor[p][k] * inverse;
        determinant[s] = (struct determinant){ mantissa, pack_all(0.0) };
    }
}

// One matrix a [n][n] with the largest pivot of every column, into `inverse` [n][n]; a is overwritten. The determinant
// is mantissa 2^exponent, its mantissa 0 where the matrix has none of its inverses.
void inverse_pivoted(size_t n, double *a, double *inverse, double *mantissa, double *exponent);

#endif
