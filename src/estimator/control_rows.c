// SPDX-License-Identifier: GPL-3.0-or-later
// Pair controls where the energy of the pairs is known without a visit to them: all of them in one pass, from distances
// that moves have kept, or else from coordinates. Formulas: control_pair.c. One division per pair, with c = 1 + beta r:
//     q = 1 / (r c),   t = r q,   t^2 / r = t q,   y t^3 = t^3 (1 - t) / beta.
#include "estimator/control_rows.h"

#include "base/rows.h"

// Others are taken so many at once: their rows then stay in the first-level cache.
enum { OTHERS_AT_ONCE = 16 };

// The sums that C_n are made of; A = D - 3 + (r_p - r_q).(g_p - g_q).
enum { SUM_LINE, SUM_POLES, SUM_CUBES, SUM_SQUARE, SUM_CUBE, SUMS };

struct range {
    size_t first, end;
};

// The particles before p that are of the class with it.
static inline struct range others_of(const struct system *system, size_t class, size_t p)
{
    const size_t up = system->spin_up;
    if (system->statistics != STATISTICS_FERMIONS)
        return (struct range){ 0, class == PAIR_ANTIPARALLEL ? p : 0 };
    if (p < up)
        return (struct range){ 0, class == PAIR_PARALLEL ? p : 0 };
    return class == PAIR_PARALLEL ? (struct range){ up, p } : (struct range){ 0, up };
}

// Pack l of all pairs of a class; weight: of f in the pull of a pair.
PACK_INLINE void add_class(size_t dimensions, bool kept, bool slopes, double beta, const struct configuration *at,
                           size_t class, const double *gradient, const double weight[CONTROL_POWERS], double *du,
                           size_t l, pack sum[SUMS])
{
    const struct system *system = &at->geometry->system;
    const size_t step = dimensions * ROW_PACKS, particles = system->particles;
    const pack *x = (const pack *)at->x + l, *g = (const pack *)gradient + l;
    for (size_t k = 0; k < SUMS; k++)
        sum[k] = pack_all(0.0);
    for (size_t tile = 0; tile + 1 < particles; tile += OTHERS_AT_ONCE)
        for (size_t p = tile + 1; p < particles; p++) {
            const struct range range = others_of(system, class, p);
            const size_t first = range.first > tile ? range.first : tile,
                         end = range.end < tile + OTHERS_AT_ONCE ? range.end : tile + OTHERS_AT_ONCE;
            const pack *distance = kept ? (const pack *)at->distances +
                                              rows_by_lines(at->geometry->n_pairs, p * (p - 1) / 2 + first, l)
                                        : NULL;
            pack here[DIMENSIONS_MOST], slope[DIMENSIONS_MOST], push[DIMENSIONS_MOST];
            if (first >= end)
                continue;
            for (size_t d = 0; d < dimensions; d++) {
                here[d] = x[p * step + d * ROW_PACKS];
                slope[d] = g[p * step + d * ROW_PACKS];
                push[d] = pack_all(0.0);
            }
            for (size_t q = first; q < end; q++, distance += kept ? LINE : 0) {
                pack away[DIMENSIONS_MOST], along = pack_all((double)dimensions - 3), square = pack_all(0.0);
                for (size_t d = 0; d < dimensions; d++) {
                    away[d] = here[d] - x[q * step + d * ROW_PACKS];
                    along = pack_fma(away[d], slope[d] - g[q * step + d * ROW_PACKS], along);
                    square = pack_fma(away[d], away[d], square);
                }
                const pack r = kept ? *distance : pack_sqrt(square),
                           quotient = 1.0 / (r * pack_fma(pack_all(beta), r, pack_all(1.0))), t = r * quotient,
                           pole = t * quotient, cube = t * t * t, last = pack_fma(-cube, t, cube);
                sum[SUM_LINE] = pack_fma(pole, along, sum[SUM_LINE]);
                sum[SUM_POLES] += pole;
                sum[SUM_CUBES] += cube;
                sum[SUM_SQUARE] = pack_fma(cube, pack_fma(pack_all(3.0), t, along), sum[SUM_SQUARE]);
                sum[SUM_CUBE] = pack_fma(last, pack_fma(pack_all(4.0), t, along), sum[SUM_CUBE]);
                if (slopes) {
                    const pack pull = pack_fma(pack_all(weight[2]), last,
                                               pack_fma(pack_all(weight[1]), cube, weight[0] * pole));
                    for (size_t d = 0; d < dimensions; d++) {
                        pack *other = (pack *)du + q * step + d * ROW_PACKS + l;
                        const pack force = pull * away[d];
                        push[d] += force;
                        *other -= force;
                    }
                }
            }
            for (size_t d = 0; slopes && d < dimensions; d++)
                ((pack *)du)[p * step + d * ROW_PACKS + l] += push[d];
        }
}

// C_n of a class, powers from `lowest` on.
PACK_INLINE void visit_class(size_t dimensions, bool kept, bool slopes, double beta, const struct configuration *at,
                             size_t class, const double *gradient, const double *coefficient, size_t lowest, double *c,
                             double *du)
{
    double weight[CONTROL_POWERS] = { 0 };
    for (size_t power = lowest; power < CONTROL_POWERS; power++)
        weight[power] = (double)(power + 1) * coefficient[power - lowest];
    weight[2] /= beta;
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack sum[SUMS];
        add_class(dimensions, kept, slopes, beta, at, class, gradient, weight, du, l, sum);
        const pack value[CONTROL_POWERS] = { sum[SUM_LINE] + 2.0 * (sum[SUM_POLES] - beta * sum[SUM_CUBES]),
                                             2.0 * sum[SUM_SQUARE], 3 / beta * sum[SUM_CUBE] };
        for (size_t power = lowest; power < CONTROL_POWERS; power++)
            ((pack *)c)[(power - lowest) * ROW_PACKS + l] = -value[power];
    }
}

#define VISIT(dimensions, kept, slopes) \
    visit_class(dimensions, kept, slopes, beta, at, class, gradient, coefficient, lowest, c, du)
#define VISIT_IN(dimensions)            \
    if (at->distances && du)            \
        VISIT(dimensions, true, true);  \
    else if (at->distances)             \
        VISIT(dimensions, true, false); \
    else if (du)                        \
        VISIT(dimensions, false, true); \
    else                                \
        VISIT(dimensions, false, false)

PACK_HOT void control_rows(double beta, const struct configuration *at, size_t class, const double *gradient,
                           const double *coefficient, size_t lowest, double *c, double *du)
{
    switch (at->geometry->system.dimensions) {
    case 1: VISIT_IN(1); break;
    case 2: VISIT_IN(2); break;
    default: VISIT_IN(3);
    }
}
