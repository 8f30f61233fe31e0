// SPDX-License-Identifier: GPL-3.0-or-later
#include "wavefunction/surroundings.h"

#include <math.h>
#include <string.h>

struct surroundings_shape surroundings_shape(const struct system *system, bool vectors)
{
    struct surroundings_shape shape = { .system = system, .dimensions = system->dimensions };
    double product = 1;
    for (size_t d = 0; d < system->dimensions; d++)
        product *= system->omega[d];
    shape.scale = sqrt(pow(product, 1 / (double)system->dimensions));
    for (size_t class = PAIR_CLASSES; class -- > 0;)  // parallel before antiparallel
        if (system_class_pairs(system, class) > 0)
            shape.column[class] = shape.classes++;
    shape.products = !vectors ? 0 : shape.classes == 2 ? 3 : shape.classes;
    shape.n = shape.classes + shape.products;
    return shape;
}

void surroundings_look(const struct surroundings_shape *shape, size_t p, size_t l, const double *x,
                       struct surroundings *out)
{
    const size_t dimensions = shape->dimensions;
    memset(out, 0, sizeof *out);
    for (size_t q = 0; q < shape->system->particles; q++) {
        if (q == p)
            continue;
        struct surroundings_pair pair;
        surroundings_meet(shape, p, q, l, x, &pair);
        out->feature[pair.column] += pair.r2 * pair.t;
        for (size_t k = 0; shape->products > 0 && k < dimensions; k++)
            out->vector[pair.column][k] = pack_fma(pair.g, pair.d[k], out->vector[pair.column][k]);
    }
    for (size_t j = 0; j < shape->products; j++)
        out->feature[shape->classes + j] = surroundings_dot(dimensions, out->vector[j < 2 ? j : 0],
                                                            out->vector[j < 2 ? j : 1]);
}

void surroundings_look_along(const struct surroundings_shape *shape, size_t p, size_t l, const double *x,
                             const double *du, const struct surroundings *here, pack out[SURROUNDINGS_MOST])
{
    const size_t dimensions = shape->dimensions;
    pack vector[PAIR_CLASSES][DIMENSIONS_MOST];
    memset(vector, 0, sizeof vector);
    memset(out, 0, SURROUNDINGS_MOST * sizeof *out);
    for (size_t q = 0; q < shape->system->particles; q++) {
        if (q == p)
            continue;
        struct surroundings_pair pair;
        pack step[DIMENSIONS_MOST];
        surroundings_meet(shape, p, q, l, x, &pair);
        for (size_t k = 0; k < dimensions; k++)
            step[k] = shape->scale * (((const pack *)du)[(p * dimensions + k) * ROW_PACKS + l] -
                                      ((const pack *)du)[(q * dimensions + k) * ROW_PACKS + l]);
        const pack along = surroundings_dot(dimensions, pair.d, step);
        out[pair.column] = pack_fma(pair.steep, along, out[pair.column]);
        for (size_t k = 0; shape->products > 0 && k < dimensions; k++)
            vector[pair.column][k] += pack_fma(pair.g, step[k], pair.bend * along * pair.d[k]);
    }
    for (size_t j = 0; j < shape->products; j++) {
        const size_t a = j < 2 ? j : 0, b = j < 2 ? j : 1;
        out[shape->classes + j] = surroundings_dot(dimensions, vector[a], here->vector[b]) +
                                  surroundings_dot(dimensions, here->vector[a], vector[b]);
    }
}

void surroundings_aim(const struct surroundings_shape *shape, const struct surroundings *at,
                      struct surroundings_pull *pull)
{
    for (size_t k = 0; k < shape->dimensions && shape->products > 0; k++) {
        pull->w[0][k] = 2.0 * pull->y[0] * at->vector[0][k];
        if (shape->products < 3)
            continue;
        pull->w[0][k] = pack_fma(pull->y[2], at->vector[1][k], pull->w[0][k]);
        pull->w[1][k] = pack_fma(pull->y[2], at->vector[0][k], 2.0 * pull->y[1] * at->vector[1][k]);
    }
}

pack surroundings_products(const struct surroundings_shape *shape, const struct surroundings_pull *pull,
                           const struct surroundings_around *around)
{
    const size_t n = shape->dimensions;
    pack total = pack_all(0.0);
    for (size_t j = 0; j < shape->products; j++) {
        pack sum = j < 2 ? around->frobenius[j] : pack_all(0.0);
        for (size_t a = 0; a < n; a++)
            for (size_t b = 0; b < n; b++)
                sum = pack_fma(around->matrix[j < 2 ? j : 0][a][b], around->matrix[j < 2 ? j : 1][a][b], sum);
        total = pack_fma(2.0 * pull->y[j], sum, total);
    }
    return total;
}
