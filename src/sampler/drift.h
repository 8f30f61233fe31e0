// SPDX-License-Identifier: GPL-3.0-or-later
// Near a node or a core, d away, grad ln|psi| = 1 / d, and a step along it overshoots by any length: walkers that come
// there would stay. Where psi vanishes somewhere the drift of each particle is therefore the mean one over the time dt
// as the particle leaves a plane node (Umrigar, Nightingale and Runge, J. Chem. Phys. 99, 2865 (1993), with their a =
// 1):
//     g_p -> 2 g_p / (1 + sqrt(1 + 2 |g_p|^2 dt))
#ifndef VMC_SAMPLER_DRIFT_H
#define VMC_SAMPLER_DRIFT_H

#include "base/rows.h"
#include "vmc/wavefunction.h"

static inline bool drift_needs_limit(const struct wavefunction *wavefunction)
{
    struct factor_traits traits;
    wavefunction_traits(wavefunction, &traits);
    bool limited = traits.has_nodes || traits.core > 0;
    for (size_t class = 0; class < PAIR_CLASSES; class ++)
        limited = limited || (traits.contact[class].power > 0 && system_class_pairs(&wavefunction->system, class) > 0);
    return limited;
}

// What the gradient of a particle, whose first coordinate's is gradient[0], is to be multiplied by.
PACK_INLINE pack drift_scale(pack twice_dt, size_t dimensions, const pack *gradient)
{
    pack sum = pack_all(1.0);
    for (size_t d = 0; d < dimensions; d++)
        sum = pack_fma(twice_dt * gradient[d * ROW_PACKS], gradient[d * ROW_PACKS], sum);
    return 2.0 / (pack_sqrt(sum) + 1.0);
}

// The drift of n coordinates, shortened particle by particle.
static inline void drift_shorten(double dt, size_t dimensions, size_t n, const double *gradient, double *out)
{
    const pack twice = pack_all(2 * dt);
    for (size_t first = 0; first < n; first += dimensions)
        for (size_t l = 0; l < ROW_PACKS; l++) {
            const pack scale = drift_scale(twice, dimensions, (const pack *)gradient + first * ROW_PACKS + l);
            for (size_t d = 0; d < dimensions; d++)
                ((pack *)out)[(first + d) * ROW_PACKS + l] = scale *
                                                             ((const pack *)gradient)[(first + d) * ROW_PACKS + l];
        }
}

#endif
