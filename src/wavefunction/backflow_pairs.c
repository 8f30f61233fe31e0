// SPDX-License-Identifier: GPL-3.0-or-later
// Backflow's pass over pairs, of one pack of walkers: x', J, and the fields, with which everything that pairs add later
// is a sum over particles:
//     sum_{p<q} c_pq d . (G_p - G_q) = sum_p G_p . (sum_q c_pq d),   d = x_p - x_q,
// for the Laplacian, c = eta'' + (D + 1) eta'/r, and for O, c = eta / lambda or d eta / d ln length = eta r / length.
#include "wavefunction/backflow.h"

// What a pair has: eta / lambda of each strength, -eta, -eta'/r, eta'' + (D + 1) eta'/r, and eta r.
struct shape {
    pack unit[FLOW_SCALES], minus_eta, minus_steep, spread, stretch;
};

// Of the pairs of one class, for every walker: no row that is written then makes the compiler read them again.
struct constants {
    pack lambda[FLOW_SCALES], steepness[FLOW_SCALES], rate;
};

static const double scales[FLOW_SCALES] = { 1 / (0.667 * 0.667), 1 / (2.0 * 2.0) };  // s of shape_two_scales

PACK_INLINE struct constants constants_of(const struct slater *slater, size_t units, size_t column)
{
    struct constants of = { .rate = pack_all(1 / slater->range) };
    FLOW_UNROLLED
    for (size_t k = 0; k < units; k++) {
        of.lambda[k] = pack_all(slater->lambda[column + k]);
        of.steepness[k] = pack_all(2 * scales[k] * slater->lambda[column + k]);
    }
    return of;
}

PACK_INLINE void shape_exponential(size_t dimensions, const struct constants *of, pack r2, struct shape *shape)
{
    const pack inverse = pack_rsqrt(r2), r = r2 * inverse, unit = pack_exp(-of->rate * r), eta = of->lambda[0] * unit,
               fall = of->rate * eta;
    shape->unit[0] = unit;
    shape->minus_eta = -eta;
    shape->minus_steep = fall * inverse;
    shape->spread = fall * (of->rate - (double)(dimensions + 1) * inverse);
    shape->stretch = eta * r;
}

// With h = 1 / (1 + s r^2): eta = lambda h, eta'/r = -2 s lambda h^2, eta'' + (D + 1) eta'/r = (4 h + D - 2) eta'/r.
// One division for both scales.
PACK_INLINE void shape_two_scales(size_t dimensions, const struct constants *of, pack r2, struct shape *shape)
{
    const pack below = pack_fma(pack_all(scales[0]), r2, pack_all(1.0)),
               other = pack_fma(pack_all(scales[1]), r2, pack_all(1.0)), both = 1.0 / (below * other), *h = shape->unit;
    shape->unit[0] = other * both;
    shape->unit[1] = below * both;
    const pack first = of->steepness[0] * (h[0] * h[0]), second = of->steepness[1] * (h[1] * h[1]);
    shape->minus_eta = -pack_fma(of->lambda[0], h[0], of->lambda[1] * h[1]);
    shape->minus_steep = first + second;
    shape->spread = -4.0 * pack_fma(first, h[0], second * h[1]);
    if (dimensions != 2)
        shape->spread -= ((double)dimensions - 2) * shape->minus_steep;
}

// The pairs of p with particles of one class from `first` to `end`, all below p. Its own fields and place are at hand.
PACK_INLINE void visit_piece(size_t n, bool two, bool slopes, bool length, struct flow *flow, size_t p, size_t first,
                             size_t end)
{
    enum { SPREAD = FLOW_SCALES, STRETCH, SUMS };
    const struct slater *slater = flow->slater;
    const size_t strengths = flow->strengths.n, units = two ? FLOW_SCALES : 1,
                 column = flow->strengths.column[system_pair_class(&slater->system, p, first)],
                 fields = flow->n_fields * n, row = flow->particles * FLOW_BLOCK(n);
    const struct constants constants = constants_of(slater, units, column);
    const pack scale = pack_all(1 / slater->length), *x = (const pack *)flow->x + flow->l,
               *other = x + first * n * ROW_PACKS;
    pack *field = flow_field(flow, n, first, 0), *there = flow_j(flow, n, p, first), *back = flow_j(flow, n, first, p);
    pack here[DIMENSIONS_MOST], sum[SUMS][DIMENSIONS_MOST];
    FLOW_UNROLLED
    for (size_t i = 0; i < n; i++) {
        here[i] = x[(p * n + i) * ROW_PACKS];
        FLOW_UNROLLED
        for (size_t k = 0; k < SUMS; k++)
            sum[k][i] = pack_all(0.0);
    }
    for (size_t q = first; q < end; q++, other += n * ROW_PACKS, field += fields) {
        pack d[DIMENSIONS_MOST], r2 = pack_all(0.0), *unit = field + column * n, *rest = field + strengths * n;
        struct shape shape;
        FLOW_UNROLLED
        for (size_t i = 0; i < n; i++) {
            d[i] = scale * (here[i] - other[i * ROW_PACKS]);
            r2 = pack_fma(d[i], d[i], r2);
        }
        if (two)
            shape_two_scales(n, &constants, r2, &shape);
        else
            shape_exponential(n, &constants, r2, &shape);
        FLOW_UNROLLED
        for (size_t i = 0; i < n; i++) {
            FLOW_UNROLLED
            for (size_t k = 0; k < units; k++) {
                sum[k][i] = pack_fma(shape.unit[k], d[i], sum[k][i]);
                unit[k * n + i] = pack_fma(-shape.unit[k], d[i], unit[k * n + i]);
            }
            if (slopes) {
                sum[SPREAD][i] = pack_fma(shape.spread, d[i], sum[SPREAD][i]);
                rest[i] = pack_fma(-shape.spread, d[i], rest[i]);
            }
            if (slopes && length) {
                sum[STRETCH][i] = pack_fma(shape.stretch, d[i], sum[STRETCH][i]);
                rest[n + i] = pack_fma(-shape.stretch, d[i], rest[n + i]);
            }
        }
        if (!slopes)
            continue;
        FLOW_UNROLLED
        for (size_t i = 0; i < n; i++) {
            const pack pull = shape.minus_steep * d[i];
            FLOW_UNROLLED
            for (size_t j = 0; j <= i; j++)
                there[flow_at(i, j)] = back[flow_at(i, j)] = i == j ? pack_fma(pull, d[j], shape.minus_eta)
                                                                    : (pack)(pull * d[j]);
        }
        there += FLOW_BLOCK(n);
        back += row;
    }
    pack *unit = flow_field(flow, n, p, column), *rest = flow_field(flow, n, p, strengths);
    FLOW_UNROLLED
    for (size_t i = 0; i < n; i++) {
        FLOW_UNROLLED
        for (size_t k = 0; k < units; k++)
            unit[k * n + i] += sum[k][i];
        rest[i] += sum[SPREAD][i];
        if (length)
            rest[n + i] += sum[STRETCH][i];
    }
}

// Particles of the other spin come before those of the own one.
PACK_INLINE void visit_pairs(size_t n, bool two, bool slopes, bool length, struct flow *flow)
{
    const size_t up = flow->slater->system.spin_up;
    for (size_t p = 1; p < flow->particles; p++) {
        const size_t own = p < up ? 0 : up;
        if (own > 0 && flow->strengths.acts[PAIR_ANTIPARALLEL])
            visit_piece(n, two, slopes, length, flow, p, 0, own);
        if (own < p && flow->strengths.acts[PAIR_PARALLEL])
            visit_piece(n, two, slopes, length, flow, p, own, p);
    }
}

PACK_INLINE void move_in(size_t n, struct flow *flow, bool slopes)
{
    const struct slater *slater = flow->slater;
    const bool two = slater->backflow == BACKFLOW_TWO_SCALES, length = backflow_trains_length(slater);
    const double unscale = 1 / slater->length;
    for (size_t k = 0; k < flow->particles * flow->n_fields * n; k++)
        flow->field[k] = pack_all(0.0);
    if (two && slopes)
        visit_pairs(n, true, true, false, flow);
    else if (two)
        visit_pairs(n, true, false, false, flow);
    else if (slopes && length)
        visit_pairs(n, false, true, true, flow);
    else if (slopes)
        visit_pairs(n, false, true, false, flow);
    else
        visit_pairs(n, false, false, false, flow);
    for (size_t p = 0; p < flow->particles; p++)
        FLOW_UNROLLED
    for (size_t i = 0; i < n; i++) {
        pack moved = unscale * ((const pack *)flow->x)[(p * n + i) * ROW_PACKS + flow->l];
        for (size_t k = 0; k < flow->strengths.n; k++)
            moved = pack_fma(pack_all(slater->lambda[k]), flow_field(flow, n, p, k)[i], moved);
        flow->moved[p][i] = slater->scale[i] * slater->length * moved;
    }
}

PACK_HOT void backflow_move(struct flow *flow, bool slopes) { BY_DIMENSIONS(flow, move_in, slopes); }

// grad = J^T G, and sums over the particles of G . field
PACK_INLINE void gather_in(size_t n, struct flow *flow, pack gradient[FLOW_PARTICLES_MOST][DIMENSIONS_MOST],
                           pack o[BACKFLOW_MOST + 1])
{
    const struct slater *slater = flow->slater;
    const size_t strengths = flow->strengths.n;
    pack total[FIELDS_MOST];
    for (size_t k = 0; k < flow->n_fields; k++)
        total[k] = pack_all(0.0);
    for (size_t spin = 0; spin < SPINS; spin++) {
        const struct flow_range range = flow_range(flow, spin);
        const size_t first = slater->first_particle[spin], end = first + slater->orbitals[spin].n;
        for (size_t p = first; p < end; p++) {
            const pack *own = flow_j(flow, n, p, p), *slope = flow->slope[p], *field = flow_field(flow, n, p, 0);
            const bool within = range.first <= p && p < range.end;
            pack sum[DIMENSIONS_MOST];
            FLOW_UNROLLED
            for (size_t i = 0; i < n; i++) {
                sum[i] = pack_all(0.0);
                if (within)
                    continue;
                FLOW_UNROLLED
                for (size_t j = 0; j < n; j++)
                    sum[i] = pack_fma(own[flow_at(i, j)], slope[j], sum[i]);
            }
            for (size_t r = range.first; r < range.end; r++) {
                const pack *block = flow_j_const(flow, n, p, r);
                FLOW_UNROLLED
                for (size_t i = 0; i < n; i++)
                    FLOW_UNROLLED
                for (size_t j = 0; j < n; j++)
                    sum[i] = pack_fma(block[flow_at(i, j)], flow->slope[r][j], sum[i]);
            }
            FLOW_UNROLLED
            for (size_t i = 0; i < n; i++)
                gradient[p][i] = sum[i];
            for (size_t k = 0; k < flow->n_fields; k++)
                FLOW_UNROLLED
            for (size_t i = 0; i < n; i++)
                total[k] = pack_fma(slope[i], field[k * n + i], total[k]);
        }
    }
    for (size_t k = 0; k < strengths; k++)
        o[k] = total[k];
    flow->laplacian = pack_fma(pack_all(2.0), total[strengths], flow->laplacian);
    if (backflow_trains_length(slater))
        o[strengths] = (1 / slater->range) * total[strengths + 1];
}

PACK_HOT void backflow_gather(struct flow *flow, pack gradient[FLOW_PARTICLES_MOST][DIMENSIONS_MOST],
                              pack o[BACKFLOW_MOST + 1])
{
    BY_DIMENSIONS(flow, gather_in, gradient, o);
}
