// SPDX-License-Identifier: GPL-3.0-or-later
// |psi_rbm|^2 = F^K with K = 2c is the marginal of a Boltzmann machine with K copies of the hidden layer
// (docs/theory.md, eqs. 4.8 and 4.9): what the samplers that draw hidden units share.
#ifndef VMC_SAMPLER_COPIES_H
#define VMC_SAMPLER_COPIES_H

#include "base/rows.h"
#include "vmc/wavefunction.h"
#include "wavefunction/rbm.h"

#include <math.h>

// The factor's number; n_factors where there is none.
static inline size_t copies_find_rbm(const struct wavefunction *wavefunction)
{
    size_t f = 0;
    while (f < wavefunction->n_factors && wavefunction->factor[f].type != &factor_rbm)
        f++;
    return f;
}

// x_i ~ Normal( a_i + (1/K) sum_j w_ij n_j, sigma_i^2 / K ). hidden: n_j [N]; normals [M]; x [M].
static inline void copies_draw_visible(const struct rbm *rbm, const double *hidden, const double *normals, double *x)
{
    rows_multiply(rbm->n_coordinates, rbm->hidden, rbm->w, &(struct rows_start){ .bias = NULL }, hidden, x);
    const pack share = pack_all(1 / (2 * rbm->c));
    for (size_t i = 0, d = 0; i < rbm->n_coordinates; i++, d = d + 1 < rbm->dimensions ? d + 1 : 0) {
        const pack spread = pack_all(rbm->spread[d]);
        for (size_t l = 0; l < ROW_PACKS; l++) {
            pack *at = (pack *)x + i * ROW_PACKS + l;
            const pack centre = pack_fma(*at, share, pack_all(rbm->a[i]));
            *at = pack_fma(spread, ((const pack *)normals)[i * ROW_PACKS + l], centre);
        }
    }
}

#endif
