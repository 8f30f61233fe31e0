// SPDX-License-Identifier: GPL-3.0-or-later
// The surroundings of a particle as features F(p), for each class of pairs that there is, in lengths of 1/sqrt(omega)
// (geometric mean), d = r_p - r_q:
//     s_c(p) = sum_{q in c} f(r_pq), f = r^2 / (1 + r^2), and where `vectors` are wanted the products of
//     G_c(p) = sum_{q in c} d g(r_pq), g = 1 / (1 + (1.5 r)^2):   |G_par|^2, |G_anti|^2, G_par . G_anti
// They are unchanged when equal particles are exchanged, and f'(0) = 0 leaves the cusp to others. Hidden units that are
// shared (environment.c) and the mixing of orbitals (mixing.c) read them here: weights v [classes] and y [products]
// make one number theta = v.s + y.(products) of them. With J_q = g + (g'/r) d d^T and w_c = d(sum_j y_j Q_j)/dG_c its
// slopes are n_q = (v_c f'/r + (g'/r) d.w_c) d + g w_c, summed, for p itself and -n_q for q, and
//     Laplacian theta = 2 sum_q [ v_c (f'' + (D-1) f'/r) + w_c.d (g'' + (D+1) g'/r) ] + 2 sum_j y_j R_j,
//     R of |G_c|^2: |sum_q J_q|^2 + sum_q |J_q|^2 (Frobenius), of G_par.G_anti: tr(J_par J_anti), sums over the class.
#ifndef VMC_WAVEFUNCTION_SURROUNDINGS_H
#define VMC_WAVEFUNCTION_SURROUNDINGS_H

#include "base/rows.h"
#include "vmc/wavefunction.h"

enum { SURROUNDINGS_PRODUCTS_MOST = 3, SURROUNDINGS_MOST = PAIR_CLASSES + SURROUNDINGS_PRODUCTS_MOST };
#define SURROUNDINGS_STEEP (1.5 * 1.5)

// Features stand in the order of s, parallel before antiparallel spins, then products.
struct surroundings_shape {
    const struct system *system;
    size_t dimensions, classes, products, n, column[PAIR_CLASSES];
    double scale;  // sqrt(omega)
};
struct surroundings_shape surroundings_shape(const struct system *system, bool vectors);

// Of one particle, for one pack of walkers.
struct surroundings {
    pack feature[SURROUNDINGS_MOST];
    pack vector[PAIR_CLASSES][DIMENSIONS_MOST];  // G_c
};
void surroundings_look(const struct surroundings_shape *shape, size_t p, size_t l, const double *x,
                       struct surroundings *out);
// grad F . du of every feature at p
void surroundings_look_along(const struct surroundings_shape *shape, size_t p, size_t l, const double *x,
                             const double *du, const struct surroundings *here, pack out[SURROUNDINGS_MOST]);

// Weights of the features, and w_c that follows from them.
struct surroundings_pull {
    pack v[PAIR_CLASSES], w[PAIR_CLASSES][DIMENSIONS_MOST], y[SURROUNDINGS_PRODUCTS_MOST];
};
void surroundings_aim(const struct surroundings_shape *shape, const struct surroundings *at,
                      struct surroundings_pull *pull);

// A neighbour q of p.
struct surroundings_pair {
    size_t column;
    pack d[DIMENSIONS_MOST], r2, t, steep, g, bend, curl;  // 1/(1 + r^2), f'/r, g, g'/r, -(g'' + (D + 1) g'/r)
};

// Sums over neighbours that all weights share: sum_q |J_q|^2, sum_q J_q.
struct surroundings_around {
    pack frobenius[PAIR_CLASSES], matrix[PAIR_CLASSES][DIMENSIONS_MOST][DIMENSIONS_MOST];
};
// 2 sum_j y_j R_j
pack surroundings_products(const struct surroundings_shape *shape, const struct surroundings_pull *pull,
                           const struct surroundings_around *around);

PACK_INLINE pack surroundings_dot(size_t n, const pack *a, const pack *b)
{
    pack sum = pack_all(0.0);
    for (size_t k = 0; k < n; k++)
        sum = pack_fma(a[k], b[k], sum);
    return sum;
}

PACK_INLINE void surroundings_meet(const struct surroundings_shape *shape, size_t p, size_t q, size_t l,
                                   const double *x, struct surroundings_pair *pair)
{
    const size_t dimensions = shape->dimensions;
    pair->r2 = pack_all(0.0);
    for (size_t k = 0; k < dimensions; k++) {
        pair->d[k] = shape->scale * (((const pack *)x)[(p * dimensions + k) * ROW_PACKS + l] -
                                     ((const pack *)x)[(q * dimensions + k) * ROW_PACKS + l]);
        pair->r2 = pack_fma(pair->d[k], pair->d[k], pair->r2);
    }
    pair->column = shape->column[system_pair_class(shape->system, p, q)];
    pair->t = 1.0 / (pair->r2 + 1.0);
    pair->steep = 2.0 * pair->t * pair->t;
    pair->g = pair->bend = pair->curl = pack_all(0.0);
    if (shape->products == 0)
        return;
    pair->g = 1.0 / pack_fma(pack_all(SURROUNDINGS_STEEP), pair->r2, pack_all(1.0));
    pair->bend = -2 * SURROUNDINGS_STEEP * pair->g * pair->g;
    pair->curl = pair->bend * ((double)dimensions + 2.0 - 4 * SURROUNDINGS_STEEP * pair->r2 * pair->g);
}

// n_q
PACK_INLINE void surroundings_slope(const struct surroundings_shape *shape, const struct surroundings_pull *pull,
                                    const struct surroundings_pair *pair, pack *n)
{
    const size_t dimensions = shape->dimensions, column = pair->column;
    pack along = pull->v[column] * pair->steep;
    if (shape->products > 0)
        along = pack_fma(pair->bend, surroundings_dot(dimensions, pair->d, pull->w[column]), along);
    for (size_t k = 0; k < dimensions; k++)
        n[k] = pack_fma(along, pair->d[k], shape->products > 0 ? (pack)(pair->g * pull->w[column][k]) : pack_all(0.0));
}

// The pair's part of Laplacian theta, but for the products:
// f'' + (D - 1) f'/r = 2 D t^2 - 8 r^2 t^3;   g'' + (D + 1) g'/r = -2 a (D + 2) g^2 + 8 a^2 r^2 g^3, a = 1.5^2
PACK_INLINE pack surroundings_bend(const struct surroundings_shape *shape, const struct surroundings_pull *pull,
                                   const struct surroundings_pair *pair, pack sum)
{
    const double dimensions = (double)shape->dimensions;
    sum = pack_fma(pull->v[pair->column], 2.0 * pair->steep * (dimensions - 4.0 * pair->r2 * pair->t), sum);
    if (shape->products == 0)
        return sum;
    return pack_fma(2.0 * surroundings_dot(shape->dimensions, pair->d, pull->w[pair->column]), pair->curl, sum);
}

PACK_INLINE void surroundings_gather(const struct surroundings_shape *shape, const struct surroundings_pair *pair,
                                     struct surroundings_around *around)
{
    const size_t dimensions = shape->dimensions, column = pair->column;
    if (shape->products == 0)
        return;
    around->frobenius[column] += (double)dimensions * pair->g * pair->g +
                                 pair->bend * pair->r2 * pack_fma(pair->bend, pair->r2, 2.0 * pair->g);
    for (size_t i = 0; i < dimensions; i++)
        for (size_t j = 0; j < dimensions; j++)
            around->matrix[column][i][j] += i == j ? pack_fma(pair->bend * pair->d[i], pair->d[j], pair->g)
                                                   : (pack)(pair->bend * pair->d[i] * pair->d[j]);
}

#endif
