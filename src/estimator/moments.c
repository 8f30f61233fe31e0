// SPDX-License-Identifier: GPL-3.0-or-later
// Sums over draws, per walker of a block until the block is done: e = controlled energy and l = local energy, both less
// a reference near their mean so that squares keep their digits. Rows: sum e, sum e^2, sum l, sum l^2.
// Check: reference 1, one draw with e = l = 3 in all 32 walkers: energy 64, energy2 128, walker2 128.
#include "vmc/estimator.h"

#include "base/rows.h"

#include <math.h>
#include <string.h>

// A row of e and its sums: [2] rows
static void add(double reference, const double *energy, double *rows)
{
    pack *sum = (pack *)rows;
    for (size_t l = 0; l < ROW_PACKS; l++) {
        const pack e = ((const pack *)energy)[l] - reference;
        sum[l] += e;
        sum[ROW_PACKS + l] = pack_fma(e, e, sum[ROW_PACKS + l]);
    }
}

PACK_HOT void moments_add(double reference, const double *energy, const double *controlled, double *rows)
{
    add(reference, rows_at_const(controlled, CONTROLLED_ENERGY_ROW), rows);
    if (energy != controlled)
        add(reference, rows_at_const(energy, ENERGY_LOCAL), rows_at(rows, 2));
}

PACK_HOT void moments_record(double share, bool first, const double *draw, double *value)
{
    const pack weight = pack_all(share);
    for (size_t l = 0; l < ROW_PACKS; l++)
        ((pack *)value)[l] = first ? (pack)(weight * ((const pack *)draw)[l])
                                   : pack_fma(weight, ((const pack *)draw)[l], ((const pack *)value)[l]);
}

// Eight sums side by side, put together in one order at every width of packs.
static PACK_HOT void add_level(const double *row, double *sums)
{
    enum { SIDES = 8 };
    double sum[SIDES] = { 0 }, square[SIDES] = { 0 };
    for (size_t w = 0; w < WALKERS; w += SIDES)
        for (size_t k = 0; k < SIDES; k++) {
            sum[k] += row[w + k];
            square[k] += row[w + k] * row[w + k];
        }
    for (size_t k = 0; k < SIDES; k++) {
        sums[0] += sum[k];
        sums[1] += square[k];
    }
}

PACK_HOT void moments_block(double reference, uint64_t at, const double *draw, double *pending, size_t stride,
                            double *sums)
{
    _Alignas(64) double row[WALKERS];
    for (size_t w = 0; w < WALKERS; w++)
        row[w] = draw[w] - reference;
    for (size_t level = 0; level < MOMENT_LEVELS; level++, at >>= 1, pending += stride, sums += LEVEL_SUMS) {
        add_level(row, sums);
        if (!(at & 1)) {
            memcpy(pending, row, sizeof row);
            return;
        }
        for (size_t w = 0; w < WALKERS; w++)
            row[w] = 0.5 * (pending[w] + row[w]);
        memset(pending, 0, sizeof row);  // what is over takes no room in a file
    }
}

PACK_HOT bool moments_finite(const double *energy, const double *controlled)
{
    pack sum = pack_all(0.0);
    for (size_t l = 0; l < ROW_PACKS; l++)
        sum += ((const pack *)controlled)[CONTROLLED_ENERGY_ROW * ROW_PACKS + l] +
               ((const pack *)energy)[ENERGY_LOCAL * ROW_PACKS + l];
    double total = 0;
    for (int k = 0; k < PACK_WIDTH; k++)
        total += sum[k];
    return isfinite(total);
}

void moments_reduce(const double *rows, double draws, bool controlled, struct moments *moments)
{
    const double *local = rows_at_const(rows, controlled ? 2 : 0);
    double means[WALKERS] __attribute__((aligned(64)));
    for (size_t w = 0; w < WALKERS; w++)
        means[w] = rows[w] / draws * (rows[w] / draws);
    moments->energy += pack_sum_row(rows);
    moments->energy2 += pack_sum_row(rows_at_const(rows, 1));
    moments->local += pack_sum_row(local);
    moments->local2 += pack_sum_row(rows_at_const(local, 1));
    moments->walker2 += pack_sum_row(means);
}

PACK_HOT void moments_centre(const double *energy, const double *weight, double *out)
{
    const double mean = pack_sum_row(energy) / WALKERS;
    for (size_t l = 0; l < ROW_PACKS; l++) {
        const pack centred = (((const pack *)energy)[l] - mean) * (WALKERS / (WALKERS - 1.0));
        ((pack *)out)[l] = weight ? (pack)(centred * ((const pack *)weight)[l]) : centred;
    }
}
