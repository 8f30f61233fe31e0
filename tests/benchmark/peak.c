// SPDX-License-Identifier: GPL-3.0-or-later
// What the multipliers of this processor can do: 12 independent chains of fused multiply-adds in registers. Compiled
// once per level, as PEAK.
#include "base/pack.h"

double PEAK(size_t rounds, double *flops);

enum { CHAINS = 12 };

// Returns something that depends on every chain; `flops`: operations done.
double PEAK(size_t rounds, double *flops)
{
    pack sum[CHAINS];
    for (int k = 0; k < CHAINS; k++)
        sum[k] = pack_all(k);
    const pack factor = pack_all(0.999999), term = pack_all(1e-6);
    for (size_t r = 0; r < rounds; r++)
#pragma GCC unroll 12
        for (int k = 0; k < CHAINS; k++)
            sum[k] = pack_fma(sum[k], factor, term);
    pack all = pack_all(0.0);
    for (int k = 0; k < CHAINS; k++)
        all += sum[k];
    *flops = 2.0 * PACK_WIDTH * CHAINS * (double)rounds;
    return all[0];
}
