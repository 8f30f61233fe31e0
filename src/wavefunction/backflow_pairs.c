// SPDX-License-Identifier: GPL-3.0-or-later
// Backflow's passes over pairs, of one pack of walkers: x' and J before the determinants, what pairs add to gradient,
// Laplacian and O after them.
#include "wavefunction/backflow.h"

#include <string.h>

static const double scales[FLOW_SCALES] = { 0.667, 2 };

PACK_INLINE pack distance(size_t dimensions, const struct flow *flow, size_t p, size_t q, pack d[DIMENSIONS_MOST])
{
    const double scale = 1 / flow->slater->length;
    pack sum = pack_all(0.0);
    for (size_t k = 0; k < dimensions; k++) {
        const pack *x = (const pack *)flow->x + flow->l;
        d[k] = scale * (x[(p * dimensions + k) * ROW_PACKS] - x[(q * dimensions + k) * ROW_PACKS]);
        sum = pack_fma(d[k], d[k], sum);
    }
    return sum;
}

// eta / lambda of each strength, and summed with the strengths eta, eta'/r, eta'' + (D + 1) eta'/r
PACK_INLINE void shape_pair(size_t dimensions, const struct flow *flow, size_t p, size_t q, pack r2,
                            pack unit[FLOW_SCALES], pack sum[3])
{
    const struct slater *slater = flow->slater;
    const double *lambda = slater->lambda + flow->strengths.column[system_pair_class(&slater->system, p, q)],
                 axes = (double)dimensions;
    sum[0] = sum[1] = sum[2] = pack_all(0.0);
    if (slater->backflow == BACKFLOW_EXPONENTIAL) {
        const pack inverse = pack_rsqrt(r2);
        const double rate = 1 / slater->range;
        unit[0] = pack_exp(-rate * (r2 * inverse));
        sum[0] = lambda[0] * unit[0];
        sum[1] = -rate * sum[0] * inverse;
        sum[2] = rate * sum[0] * (rate - (axes + 1) * inverse);
        return;
    }
    // one division for both scales
    const double first = 1 / (scales[0] * scales[0]), second = 1 / (scales[1] * scales[1]);
    const pack below = pack_fma(pack_all(first), r2, pack_all(1.0)),
               other = pack_fma(pack_all(second), r2, pack_all(1.0)), both = 1.0 / (below * other);
    unit[0] = other * both;
    unit[1] = below * both;
    for (size_t k = 0; k < FLOW_SCALES; k++) {
        const double steep = k > 0 ? second : first;
        const pack h = unit[k], slope = (2 * steep * lambda[k]) * h * h;
        sum[0] = pack_fma(pack_all(lambda[k]), h, sum[0]);
        sum[1] -= slope;
        sum[2] = pack_fma(slope, pack_fma(4 * steep * r2, h, pack_all(-(axes + 2))), sum[2]);
    }
}

// x', and J. What belongs to p stays in registers.
PACK_INLINE void move_in(size_t n, struct flow *flow, double unscale)
{
    for (size_t p = 0; p < flow->particles; p++) {
        pack *own = flow_j(flow, n, p, p);
        for (size_t d = 0; d < n * n; d++)
            own[d] = pack_all(d % (n + 1) == 0 ? 1.0 : 0.0);
        for (size_t d = 0; d < n; d++)
            flow->moved[p][d] = unscale * ((const pack *)flow->x)[(p * n + d) * ROW_PACKS + flow->l];
    }
    for (size_t p = 1; p < flow->particles; p++) {
        pack *own = flow_j(flow, n, p, p), mine[DIMENSIONS_MOST * DIMENSIONS_MOST], moved[DIMENSIONS_MOST];
        for (size_t k = 0; k < n * n; k++)
            mine[k] = own[k];
        for (size_t k = 0; k < n; k++)
            moved[k] = flow->moved[p][k];
        for (size_t q = 0; q < p; q++) {
            pack d[DIMENSIONS_MOST], sum[3];
            if (!flow_acts(flow, p, q))
                continue;
            shape_pair(n, flow, p, q, distance(n, flow, p, q, d), flow->unit[p][q], sum);
            flow->spread[p][q] = sum[2];
            pack *here = flow_j(flow, n, p, q), *there = flow_j(flow, n, q, p), *second = flow_j(flow, n, q, q);
            for (size_t i = 0; i < n; i++) {
                const pack pull = sum[1] * d[i];
                moved[i] = pack_fma(sum[0], d[i], moved[i]);
                flow->moved[q][i] = pack_fma(-sum[0], d[i], flow->moved[q][i]);
                for (size_t j = 0; j < n; j++) {
                    const pack value = i == j ? pack_fma(pull, d[j], sum[0]) : (pack)(pull * d[j]);
                    here[i * n + j] = there[i * n + j] = -value;
                    mine[i * n + j] += value;
                    second[i * n + j] += value;
                }
            }
        }
        for (size_t k = 0; k < n * n; k++)
            own[k] = mine[k];
        for (size_t k = 0; k < n; k++)
            flow->moved[p][k] = moved[k];
    }
    for (size_t p = 0; p < flow->particles; p++)
        for (size_t d = 0; d < n; d++)
            flow->moved[p][d] *= flow->slater->scale[d] * flow->slater->length;
}

PACK_HOT void backflow_move(struct flow *flow) { BY_DIMENSIONS(flow, move_in, 1 / flow->slater->length); }

// Pairs' share of Laplacian and gradient, and O.
PACK_INLINE void add_pairs_in(size_t n, struct flow *flow, pack gradient[FLOW_PARTICLES_MOST][DIMENSIONS_MOST],
                              pack o[BACKFLOW_MOST + 1])
{
    const bool length = backflow_trains_length(flow->slater);
    pack laplacian = flow->laplacian;
    for (size_t p = 0; p < flow->particles; p++)
        memcpy(gradient[p], flow->slope[p], sizeof gradient[p]);
    for (size_t p = 1; p < flow->particles; p++) {
        pack mine[DIMENSIONS_MOST], slope[DIMENSIONS_MOST];  // of p, in registers
        for (size_t i = 0; i < n; i++) {
            mine[i] = gradient[p][i];
            slope[i] = flow->slope[p][i];
        }
        for (size_t q = 0; q < p; q++) {
            pack d[DIMENSIONS_MOST], along = pack_all(0.0);
            if (!flow_acts(flow, p, q))
                continue;
            const pack r2 = distance(n, flow, p, q, d), *push = flow_j_const(flow, n, p, q);
            for (size_t i = 0; i < n; i++) {
                const pack apart = slope[i] - flow->slope[q][i];
                along = pack_fma(d[i], apart, along);
                for (size_t j = 0; j < n; j++) {
                    mine[j] = pack_fma(-push[j * n + i], apart, mine[j]);
                    gradient[q][j] = pack_fma(push[j * n + i], apart, gradient[q][j]);
                }
            }
            laplacian = pack_fma(2.0 * flow->spread[p][q], along, laplacian);
            const size_t first = flow->strengths.column[system_pair_class(&flow->slater->system, p, q)];
            for (size_t k = 0; k < flow->strengths.per_class; k++)
                o[first + k] = pack_fma(flow->unit[p][q][k], along, o[first + k]);
            if (length)  // d eta / d ln l = eta r / l
                o[flow->strengths.n] = pack_fma(flow->slater->lambda[first] * flow->unit[p][q][0] * along,
                                                (1 / flow->slater->range) * pack_sqrt(r2), o[flow->strengths.n]);
        }
        for (size_t i = 0; i < n; i++)
            gradient[p][i] = mine[i];
    }
    flow->laplacian = laplacian;
}

PACK_HOT void backflow_add_pairs(struct flow *flow, pack gradient[FLOW_PARTICLES_MOST][DIMENSIONS_MOST],
                                 pack o[BACKFLOW_MOST + 1])
{
    BY_DIMENSIONS(flow, add_pairs_in, gradient, o);
}
