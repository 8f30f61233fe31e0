// SPDX-License-Identifier: GPL-3.0-or-later
// Parallel tempering (docs/theory.md, eq. 4.12): a walker at T and the one of the same number at T' exchange their
// configurations with
//     min(1, exp((1/T - 1/T') (l' - l))),   l = 2 ln|psi|,
// which keeps the product of |psi|^(2/T) and |psi|^(2/T') as it is. Whole frames change places, so that nothing is
// computed anew. Geyer, Computing Science and Statistics: 23rd Symposium on the Interface, 156 (1991).
#include "base/rows.h"
#include "vmc/rng.h"
#include "vmc/sampler.h"

static void exchange(size_t n, const pack *mask, double *one, double *other)
{
    for (size_t k = 0; k < n * ROW_PACKS; k++) {
        const pack a = ((const pack *)one)[k], b = ((const pack *)other)[k], bits = mask[k % ROW_PACKS];
        ((pack *)one)[k] = pack_select((pack_bits)bits, b, a);
        ((pack *)other)[k] = pack_select((pack_bits)bits, a, b);
    }
}

// l' - l of a pack of walkers
PACK_INLINE pack find_difference(const struct wavefunction *wavefunction, size_t l, const double *one,
                                 const double *other)
{
    pack old = pack_all(1.0), new = pack_all(1.0), exponent = pack_all(0.0);
    for (size_t f = 0; f < wavefunction->n_weights; f++) {
        const size_t row = wavefunction->row_weight + 2 * f;
        old *= ((const pack *)rows_at_const(one, row))[l];
        new *= ((const pack *)rows_at_const(other, row))[l];
        exponent += ((const pack *)rows_at_const(other, row + 1))[l] - ((const pack *)rows_at_const(one, row + 1))[l];
    }
    return pack_log(new / old) + exponent;
}

size_t sampler_swap(const struct wavefunction *wavefunction, const double temperature[2], struct block *cold,
                    struct block *hot)
{
    double uniform[WALKERS] __attribute__((aligned(64)));
    pack mask[ROW_PACKS];
    const double inverse = 1 / temperature[0] - 1 / temperature[1];
    pack_bits count = { 0 };
    size_t swapped = 0;
    rng_uniforms(cold->random, 1, uniform);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        const pack difference = find_difference(wavefunction, l, cold->current, hot->current);
        const pack_bits yes = (((const pack *)uniform)[l] < pack_exp(inverse * difference)) &
                              (difference == difference);
        mask[l] = (pack)yes;
        count -= yes;
    }
    for (int k = 0; k < PACK_WIDTH; k++)
        swapped += (size_t)count[k];
    if (swapped > 0)
        exchange(wavefunction->n_rows, mask, cold->current, hot->current);
    cold->evaluated = hot->evaluated = cold->evaluated && hot->evaluated;
    cold->movable = hot->movable = cold->movable && hot->movable;
    cold->updated = hot->updated = cold->updated || hot->updated;
    return swapped;
}
