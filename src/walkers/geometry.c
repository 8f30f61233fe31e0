// SPDX-License-Identifier: GPL-3.0-or-later
#include "vmc/geometry.h"

#include "base/rows.h"

void geometry_build(struct geometry *geometry, const struct system *system, bool kept)
{
    const size_t pairs = system_pairs(system);
    *geometry = (struct geometry){ *system, pairs, kept && pairs <= GEOMETRY_PAIRS_STORED };
}

size_t geometry_rows(const struct geometry *geometry) { return geometry->stored ? 2 * geometry->n_pairs : 0; }

// r^2 from `own` to the n particles from `first` on: [n] rows. A cache line of walkers at a time, so that the own
// coordinates stay in registers.
PACK_INLINE void square_distances(size_t dimensions, size_t first, size_t n, const double *own, const double *x,
                                  double *out)
{
    for (size_t l = 0; l < ROW_PACKS; l += LINE) {
        const pack *mine = (const pack *)own + l, *other = (const pack *)x + first * dimensions * ROW_PACKS + l;
        pack *to = (pack *)out + l, here[DIMENSIONS_MOST][LINE];
        for (size_t d = 0; d < dimensions; d++)
            for (size_t k = 0; k < LINE; k++)
                here[d][k] = mine[d * ROW_PACKS + k];
        for (size_t q = 0; q < n; q++, other += dimensions * ROW_PACKS, to += ROW_PACKS)
            for (size_t k = 0; k < LINE; k++) {
                pack sum = pack_all(0.0);
                for (size_t d = 0; d < dimensions; d++) {
                    const pack step = here[d][k] - other[d * ROW_PACKS + k];
                    sum = pack_fma(step, step, sum);
                }
                to[k] = sum;
            }
    }
}

static PACK_HOT void distances(size_t dimensions, size_t first, size_t n, const double *own, const double *x,
                               double *out)
{
    if (dimensions == 3)
        square_distances(3, first, n, own, x, out);
    else if (dimensions == 2)
        square_distances(2, first, n, own, x, out);
    else
        square_distances(1, first, n, own, x, out);
}

static PACK_HOT void inverses(size_t n, const double *r2, double *out)
{
    for (size_t k = 0; k < n * ROW_PACKS; k++)
        ((pack *)out)[k] = pack_rsqrt(((const pack *)r2)[k]);
}

void geometry_update(const struct geometry *geometry, const double *x, double *pairs)
{
    const size_t dimensions = geometry->system.dimensions;
    if (!geometry->stored)
        return;
    for (size_t p = 1; p < geometry->system.particles; p++)
        distances(dimensions, 0, p, rows_at_const(x, p * dimensions), x, rows_at(pairs, p * (p - 1) / 2));
    inverses(geometry->n_pairs, pairs, rows_at(pairs, geometry->n_pairs));
}

// A tile under way: pairs wait until there are PAIRS_AT_ONCE, or no more. Few calls for few particles, and rows that
// stay in the first-level cache for many.
struct tile {
    struct pairs pairs;
    _Alignas(64) double r2[PAIRS_AT_ONCE * WALKERS], inverse[PAIRS_AT_ONCE * WALKERS];
};

static inline void add_pair(const struct system *system, size_t p, size_t q, struct pairs *pairs)
{
    pairs->p[pairs->n] = p;
    pairs->q[pairs->n] = q;
    pairs->class[pairs->n++] = system_pair_class(system, p, q);
}

static inline void show(struct tile *tile, geometry_visitor *visit, void *context)
{
    inverses(tile->pairs.n, tile->r2, tile->inverse);
    visit(&tile->pairs, context);
    tile->pairs.n = 0;
}

static void visit_computed(const struct geometry *geometry, const double *x, geometry_visitor *visit, void *context)
{
    const size_t dimensions = geometry->system.dimensions;
    struct tile tile;
    tile.pairs.dimensions = dimensions;
    tile.pairs.n = 0;
    tile.pairs.r2 = tile.r2;
    tile.pairs.inverse = tile.inverse;
    for (size_t p = 1; p < geometry->system.particles; p++)
        for (size_t q = 0, n; q < p; q += n) {
            n = p - q < PAIRS_AT_ONCE - tile.pairs.n ? p - q : PAIRS_AT_ONCE - tile.pairs.n;
            distances(dimensions, q, n, rows_at_const(x, p * dimensions), x, rows_at(tile.r2, tile.pairs.n));
            for (size_t k = 0; k < n; k++)
                add_pair(&geometry->system, p, q + k, &tile.pairs);
            if (tile.pairs.n == PAIRS_AT_ONCE)
                show(&tile, visit, context);
        }
    if (tile.pairs.n > 0)
        show(&tile, visit, context);
}

static void visit_stored(const struct geometry *geometry, const double *rows, geometry_visitor *visit, void *context)
{
    struct pairs pairs;
    pairs.dimensions = geometry->system.dimensions;
    pairs.n = 0;
    for (size_t p = 1, k = 0; p < geometry->system.particles; p++)
        for (size_t q = 0; q < p; q++) {
            add_pair(&geometry->system, p, q, &pairs);
            if (pairs.n < PAIRS_AT_ONCE && k + pairs.n < geometry->n_pairs)
                continue;
            pairs.r2 = rows_at_const(rows, k);
            pairs.inverse = rows_at_const(rows, geometry->n_pairs + k);
            visit(&pairs, context);
            k += pairs.n;
            pairs.n = 0;
        }
}

PACK_HOT void geometry_visit(const struct configuration *at, geometry_visitor *visit, void *context)
{
    if (at->pairs)
        visit_stored(at->geometry, at->pairs, visit, context);
    else
        visit_computed(at->geometry, at->x, visit, context);
}

void geometry_visit_particle(const struct geometry *geometry, size_t p, const double *own, const double *x,
                             geometry_visitor *visit, void *context)
{
    const size_t dimensions = geometry->system.dimensions, particles = geometry->system.particles;
    struct tile tile;
    tile.pairs.r2 = tile.r2;
    tile.pairs.inverse = tile.inverse;
    tile.pairs.dimensions = dimensions;
    tile.pairs.n = 0;
    for (size_t q = 0; q < particles;) {
        // up to p, or from the one after it
        const size_t end = q < p ? p : particles, room = PAIRS_AT_ONCE - tile.pairs.n,
                     n = q == p           ? 0
                         : end - q < room ? end - q
                                          : room;
        distances(dimensions, q, n, own, x, rows_at(tile.r2, tile.pairs.n));
        for (size_t k = 0; k < n; k++)
            add_pair(&geometry->system, p > q + k ? p : q + k, p > q + k ? q + k : p, &tile.pairs);
        q += n > 0 ? n : 1;
        if (tile.pairs.n == PAIRS_AT_ONCE)
            show(&tile, visit, context);
    }
    if (tile.pairs.n > 0)
        show(&tile, visit, context);
}
