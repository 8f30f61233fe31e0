// SPDX-License-Identifier: GPL-3.0-or-later
// Where the particles of a block are relative to one another: the one owner of pair distances. Pairs come in the order
// (1,0), (2,0), (2,1), …, that is p > q with q fastest; pair (p, q) is number p (p - 1) / 2 + q.
//
// A triangle of distances is either stored with the configuration, where a factor of the wave function and the energy
// both read it and it fits the second-level cache, or computed anew, a tile at a time, whenever it is read
// (docs/tried.md has the measurement behind the bound).
#ifndef VMC_GEOMETRY_H
#define VMC_GEOMETRY_H

#include "vmc/layout.h"
#include "vmc/system.h"

#include <stdbool.h>

enum { PAIRS_AT_ONCE = 16, GEOMETRY_PAIRS_STORED = 190 };

struct geometry {
    struct system system;
    size_t n_pairs;
    bool stored;
};

// One configuration of a block.
struct configuration {
    const struct geometry *geometry;
    const double *x;            // [M] rows
    const double *pairs;        // geometry_rows rows: r^2 [n_pairs], 1/r [n_pairs]; NULL where they are not stored
    const double *inverse_sum;  // a row, 1/r summed over all pairs; NULL where it is not known
    const double *distances;  // r of all pairs, by lines (base/rows.h), that moves have kept; NULL where they have not
};

// Up to PAIRS_AT_ONCE pairs, their distances in the first-level cache.
struct pairs {
    size_t dimensions, n, p[PAIRS_AT_ONCE], q[PAIRS_AT_ONCE], class[PAIRS_AT_ONCE];
    const double *r2, *inverse;  // rows of r^2 and 1/r, [n] each
};
// The pairs of particle p with the others from `first` up to `end`, itself left out.
struct pair_row {
    const struct system *system;
    size_t p, first, end;
    const double *own, *x;  // where it is, [D] rows; the others, [M] rows, of which its own are not read
    size_t n_kept;          // distances that are kept of it lie by lines, as some of so many (base/rows.h)
};

typedef void geometry_visitor(const struct pairs *pairs, void *context);

// `kept`: pairs are read more than once per configuration.
void geometry_build(struct geometry *geometry, const struct system *system, bool kept);
size_t geometry_rows(const struct geometry *geometry);
// Fills the rows that are stored, if any.
void geometry_update(const struct geometry *geometry, const double *x, double *pairs);
// Shows all pairs.
void geometry_visit(const struct configuration *at, geometry_visitor *visit, void *context);
// Shows the pairs of particle p at `own` ([D] rows) with all others at x, in the order of the others; (p, q) whichever
// is larger.
void geometry_visit_particle(const struct geometry *geometry, size_t p, const double *own, const double *x,
                             geometry_visitor *visit, void *context);

#endif
