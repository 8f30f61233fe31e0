// SPDX-License-Identifier: GPL-3.0-or-later
// Hidden units that all particles share, for rbm.sharing = environment: each looks at the surroundings of every
// particle in turn,
//     ln phi = c sum_p sum_k ln(1 + e^theta_pk),   theta_pk = b_k + sum_F weight_kF F(p)
// with the features F(p), for each class of pairs that there is, in lengths of 1/sqrt(omega) (geometric mean):
//     s_c(p) = sum_{q in c} f(r_pq), f = r^2 / (1 + r^2) (weights v), and with `vectors` (weights y) the products of
//     G_c(p) = sum_{q in c} (r_p - r_q) g(r_pq), g = 1 / (1 + (1.5 r)^2):   |G_par|^2, |G_anti|^2, G_par . G_anti
// so that exchanging equal particles changes nothing, and f'(0) = 0 leaves the cusp to others. With S = sigmoid(theta),
// J_q = g + (g'/r) d d^T, d = r_p - r_q and w_c = d(sum_j y_j Q_j)/dG_c, the slopes of theta_p are n_q = (v_c f'/r +
// (g'/r) d.w_c) d + g w_c for p and -n_q for q, and
//     Laplacian = sum_pk [ S Laplacian theta + S (1 - S) ( |sum_q n_q|^2 + sum_q |n_q|^2 ) ],
//     Laplacian theta = 2 sum_q [ v_c (f'' + (D-1) f'/r) + w_c.d (g'' + (D+1) g'/r) ] + 2 sum_j y_j R_j,
//     R of |G_c|^2: |sum_q J_q|^2 + sum_q |J_q|^2 (Frobenius), of G_par.G_anti: tr(J_par J_anti), sums over the class.
// Check: two bosons on a line, vectors = no, b = 0, v = 1, r = 1, omega = 1: theta = 1/2, ln phi = 2 ln(1 + e^(1/2)).
#include "wavefunction/environment.h"

#include "base/memory.h"
#include "base/rows.h"

#include <math.h>
#include <string.h>

enum { PRODUCTS_MOST = 3, FEATURES_MOST = PAIR_CLASSES + PRODUCTS_MOST, UNITS_AT_ONCE = 16 };
#define STEEP (1.5 * 1.5)

// Where what lies: parameters b [K], v [K, classes], y [K, products]; features in the order of v, then of y.
struct shape {
    size_t units, classes, products, column[PAIR_CLASSES];
};

static struct shape shape_of(const struct rbm *rbm)
{
    struct shape shape = { .units = rbm->hidden };
    for (size_t class = PAIR_CLASSES; class -- > 0;)  // parallel before antiparallel
        if (system_class_pairs(&rbm->system, class) > 0)
            shape.column[class] = shape.classes++;
    shape.products = !rbm->vectors ? 0 : shape.classes == 2 ? 3 : shape.classes;
    return shape;
}

static size_t n_features_of(const struct shape *shape) { return shape->classes + shape->products; }

static size_t n_parameters(const void *state)
{
    const struct shape shape = shape_of(state);
    return shape.units * (1 + n_features_of(&shape));
}

static bool build(void *state, const struct system *system, const struct factor_surroundings *surroundings,
                  struct error *error)
{
    struct rbm *rbm = state;
    double product = 1;
    rbm->system = *system;
    rbm->c = rbm->representation == RBM_AMPLITUDE ? 1 : 0.5;
    for (size_t d = 0; d < system->dimensions; d++)
        product *= system->omega[d];
    rbm->scale = sqrt(pow(product, 1 / (double)system->dimensions));
    if (!surroundings->others_carry_trap)
        return error_add(error, ERROR_CONFIG,
                         "[rbm] sharing: shared units have no Gaussian of their own; add gaussian or slater to "
                         "wavefunction.factors");
    if (rbm->hidden > ENVIRONMENT_UNITS_MOST)
        return error_add(error, ERROR_CONFIG,
                         "[rbm] hidden = %zu: at most %d shared units; they serve all particles, and few are enough",
                         rbm->hidden, ENVIRONMENT_UNITS_MOST);
    rbm->shared = memory_doubles(n_parameters(rbm));
    return rbm->shared || error_add(error, ERROR_INTERNAL, "no memory for %zu hidden units", rbm->hidden);
}

static void finish(void *state)
{
    struct rbm *rbm = state;
    memory_free(rbm->shared);
    rbm->shared = NULL;
}

static size_t views(const void *state, struct factor_view view[FACTOR_VIEWS_MOST])
{
    const struct shape shape = shape_of(state);
    const size_t k = shape.units;
    size_t n = 0;
    view[n++] = (struct factor_view){
        .name = "b", .long_name = "hidden biases", .rank = 1, .extent = { k, 0 }, .label = { "hidden", NULL }
    };
    if (shape.classes > 0)
        view[n++] = (struct factor_view){ .name = "v",
                                          .long_name = "weights of distances, parallel before antiparallel spins",
                                          .rank = 2,
                                          .extent = { k, shape.classes },
                                          .label = { "hidden", "pair_class" },
                                          .first = k };
    if (shape.products > 0)
        view[n++] =
            (struct factor_view){ .name = "y",
                                  .long_name = "weights of |G_parallel|^2, |G_antiparallel|^2 and their product",
                                  .rank = 2,
                                  .extent = { k, shape.products },
                                  .label = { "hidden", "vector_product" },
                                  .first = k * (1 + shape.classes) };
    return n;
}

// From weights much smaller than these d ln psi / db hardly varies: its metric vanishes, and noise carries b away.
static void start(const void *state, double (*uniform)(void *random), void *random, double *theta)
{
    const struct shape shape = shape_of(state);
    const size_t biases = shape.units, ends = biases * (1 + shape.classes), all = biases * (1 + n_features_of(&shape));
    for (size_t k = 0; k < all; k++) {
        const double radius = sqrt(-2 * log(uniform(random))),
                     normal = radius * cos(6.283185307179586 * uniform(random));
        theta[k] = (k < biases ? 0.3 : k < ends ? 0.15 : 0.05) * normal;
    }
}

static bool prepare(void *state, const double *theta)
{
    struct rbm *rbm = state;
    double sum = 0;
    for (size_t k = 0; k < n_parameters(state); k++) {
        rbm->shared[k] = theta[k];
        sum += theta[k];
    }
    return isfinite(sum);
}

static void traits(const void *state, struct factor_traits *traits)
{
    (void)state;
    *traits = (struct factor_traits){ .symmetry = FACTOR_SYMMETRIC };
}

static double bias(const struct rbm *rbm, size_t k) { return rbm->shared[k]; }

static double weight_of(const struct rbm *rbm, const struct shape *shape, size_t k, size_t feature)
{
    return feature < shape->classes
               ? rbm->shared[shape->units + k * shape->classes + feature]
               : rbm->shared[shape->units * (1 + shape->classes) + k * shape->products + feature - shape->classes];
}

// --- the surroundings of one particle, for one pack of walkers ---

struct surroundings {
    pack feature[FEATURES_MOST];
    pack vector[PAIR_CLASSES][DIMENSIONS_MOST];  // G_c
};

// d = r_p - r_q in lengths of 1/sqrt(omega); its square
PACK_INLINE pack distance(const struct rbm *rbm, size_t p, size_t q, size_t l, const double *x, pack d[DIMENSIONS_MOST])
{
    const size_t dimensions = rbm->system.dimensions;
    pack sum = pack_all(0.0);
    for (size_t k = 0; k < dimensions; k++) {
        d[k] = rbm->scale * (((const pack *)x)[(p * dimensions + k) * ROW_PACKS + l] -
                             ((const pack *)x)[(q * dimensions + k) * ROW_PACKS + l]);
        sum = pack_fma(d[k], d[k], sum);
    }
    return sum;
}

PACK_INLINE pack dot(size_t n, const pack *a, const pack *b)
{
    pack sum = pack_all(0.0);
    for (size_t k = 0; k < n; k++)
        sum = pack_fma(a[k], b[k], sum);
    return sum;
}

static void look_around(const struct rbm *rbm, const struct shape *shape, size_t p, size_t l, const double *x,
                        struct surroundings *out)
{
    const size_t dimensions = rbm->system.dimensions;
    memset(out, 0, sizeof *out);
    for (size_t q = 0; q < rbm->system.particles; q++) {
        if (q == p)
            continue;
        const size_t column = shape->column[system_pair_class(&rbm->system, p, q)];
        pack d[DIMENSIONS_MOST];
        const pack r2 = distance(rbm, p, q, l, x, d);
        out->feature[column] += r2 / (r2 + 1.0);
        if (shape->products == 0)
            continue;
        const pack g = 1.0 / pack_fma(pack_all(STEEP), r2, pack_all(1.0));
        for (size_t k = 0; k < dimensions; k++)
            out->vector[column][k] = pack_fma(g, d[k], out->vector[column][k]);
    }
    for (size_t j = 0; j < shape->products; j++)
        out->feature[shape->classes + j] = dot(dimensions, out->vector[j < 2 ? j : 0], out->vector[j < 2 ? j : 1]);
}

// theta of unit k at a particle
static pack angle(const struct rbm *rbm, const struct shape *shape, size_t k, const struct surroundings *at)
{
    pack sum = pack_all(bias(rbm, k));
    for (size_t f = 0; f < n_features_of(shape); f++)
        sum = pack_fma(pack_all(weight_of(rbm, shape, k, f)), at->feature[f], sum);
    return sum;
}

// 1 / (1 + e^-theta); e^-|theta| in `small`
static pack sigmoid(pack theta, pack *small)
{
    *small = pack_exp_minus_abs(theta);
    const pack share = 1.0 / (*small + 1.0);
    return pack_select_sign(theta, *small * share, share);
}

// --- values ---

// Factors 1 + e^-|theta| gather in a product, whose powers of two go to the exponent in time; max(theta, 0) in a sum.
struct gathering {
    pack product, sum;
    size_t n;
};

static void renormalise(struct gathering *gathering)
{
    const pack power = pack_exponent(gathering->product);
    gathering->product = pack_scale(gathering->product, -power);
    gathering->sum = pack_fma(pack_all(0.6931471805599453), power, gathering->sum);
    gathering->n = 0;
}

static void gather(struct gathering *gathering, pack theta, pack small)
{
    gathering->product *= small + 1.0;
    gathering->sum += pack_max(theta, pack_all(0.0));
    if (++gathering->n == 50)
        renormalise(gathering);
}

// |phi|^2 = F^(2 c): with c = 1 the square of the product, with c = 1/2 itself
static void set_weight(const struct rbm *rbm, size_t l, struct gathering *gathering, double *weight)
{
    renormalise(gathering);
    ((pack *)weight)[l] = gathering->product * (rbm->c < 1 ? pack_all(1.0) : gathering->product);
    ((pack *)weight)[ROW_PACKS + l] = 2 * rbm->c * gathering->sum;
}

static void weigh(const void *state, const struct configuration *at, double *weight, double *cache)
{
    const struct rbm *rbm = state;
    const struct shape shape = shape_of(rbm);
    (void)cache;
    for (size_t l = 0; l < ROW_PACKS; l++) {
        struct gathering gathering = { pack_all(1.0), pack_all(0.0), 0 };
        for (size_t p = 0; p < rbm->system.particles; p++) {
            struct surroundings here;
            look_around(rbm, &shape, p, l, at->x, &here);
            for (size_t k = 0; k < shape.units; k++) {
                const pack theta = angle(rbm, &shape, k, &here);
                gather(&gathering, theta, pack_exp_minus_abs(theta));
            }
        }
        set_weight(rbm, l, &gathering, weight);
    }
}

// --- gradient and Laplacian ---

// One way to weight the features: a unit's, or the mean over the units with their sigmoids.
struct pull {
    pack v[PAIR_CLASSES], w[PAIR_CLASSES][DIMENSIONS_MOST], y[PRODUCTS_MOST];
    pack share;                         // S (1 - S)
    pack sum[DIMENSIONS_MOST], square;  // sum_q n_q, sum_q |n_q|^2
};

// w_c = d(sum_j y_j Q_j)/dG_c
static void find_vectors(const struct rbm *rbm, const struct shape *shape, const struct surroundings *at,
                         struct pull *pull)
{
    for (size_t k = 0; k < rbm->system.dimensions && shape->products > 0; k++) {
        pull->w[0][k] = 2.0 * pull->y[0] * at->vector[0][k];
        if (shape->products < 3)
            continue;
        pull->w[0][k] = pack_fma(pull->y[2], at->vector[1][k], pull->w[0][k]);
        pull->w[1][k] = pack_fma(pull->y[2], at->vector[0][k], 2.0 * pull->y[1] * at->vector[1][k]);
    }
}

// n_q
PACK_INLINE void slope_of(size_t dimensions, bool vectors, const struct pull *pull, size_t column, const pack *d,
                          pack steep, pack g, pack bend, pack *n)
{
    pack along = pull->v[column] * steep;
    if (vectors)
        along = pack_fma(bend, dot(dimensions, d, pull->w[column]), along);
    for (size_t k = 0; k < dimensions; k++)
        n[k] = pack_fma(along, d[k], vectors ? (pack)(g * pull->w[column][k]) : pack_all(0.0));
}

// What the second pass around a particle adds up: mean over units first, then the units themselves.
struct around {
    pack laplacian, frobenius[PAIR_CLASSES],
        matrix[PAIR_CLASSES][DIMENSIONS_MOST][DIMENSIONS_MOST];  // sum_q |J_q|^2; sum_q J_q
};

PACK_INLINE void add_pair(const struct rbm *rbm, const struct shape *shape, size_t p, size_t q, size_t l,
                          const double *x, struct pull *mean, struct pull *unit, size_t n_units, struct around *around,
                          double *gradient)
{
    const size_t dimensions = rbm->system.dimensions, column = shape->column[system_pair_class(&rbm->system, p, q)];
    const bool vectors = shape->products > 0;
    pack d[DIMENSIONS_MOST], n[DIMENSIONS_MOST];
    const pack r2 = distance(rbm, p, q, l, x, d), t = 1.0 / (r2 + 1.0), steep = 2.0 * t * t;
    const pack g = 1.0 / pack_fma(pack_all(STEEP), r2, pack_all(1.0)), bend = -2 * STEEP * g * g;
    // f'' + (D - 1) f'/r = 2 D t^2 - 8 r^2 t^3;   g'' + (D + 1) g'/r = -2 a (D + 2) g^2 + 8 a^2 r^2 g^3, a = 1.5^2
    around->laplacian = pack_fma(mean->v[column], 2.0 * steep * ((double)dimensions - 4.0 * r2 * t), around->laplacian);
    if (vectors) {
        const pack curl = bend * ((double)dimensions + 2.0 - 4 * STEEP * r2 * g);
        around->laplacian = pack_fma(2.0 * dot(dimensions, d, mean->w[column]), curl, around->laplacian);
        around->frobenius[column] += (double)dimensions * g * g + bend * r2 * pack_fma(bend, r2, 2.0 * g);
        for (size_t i = 0; i < dimensions; i++)
            for (size_t j = 0; j < dimensions; j++)
                around->matrix[column][i][j] += i == j ? pack_fma(bend * d[i], d[j], g) : (pack)(bend * d[i] * d[j]);
    }
    slope_of(dimensions, vectors, mean, column, d, steep, g, bend, n);
    for (size_t k = 0; k < dimensions; k++) {
        const pack push = rbm->c * rbm->scale * n[k];
        ((pack *)gradient)[(p * dimensions + k) * ROW_PACKS + l] += push;
        ((pack *)gradient)[(q * dimensions + k) * ROW_PACKS + l] -= push;
    }
    for (size_t u = 0; u < n_units; u++) {
        slope_of(dimensions, vectors, &unit[u], column, d, steep, g, bend, n);
        for (size_t k = 0; k < dimensions; k++) {
            unit[u].sum[k] += n[k];
            unit[u].square = pack_fma(n[k], n[k], unit[u].square);
        }
    }
}

// sum_j 2 y_j R_j
static pack add_matrices(const struct rbm *rbm, const struct shape *shape, const struct pull *mean,
                         const struct around *around)
{
    const size_t n = rbm->system.dimensions;
    pack total = pack_all(0.0);
    for (size_t j = 0; j < shape->products; j++) {
        pack sum = j < 2 ? around->frobenius[j] : pack_all(0.0);
        for (size_t a = 0; a < n; a++)
            for (size_t b = 0; b < n; b++)
                sum = pack_fma(around->matrix[j < 2 ? j : 0][a][b], around->matrix[j < 2 ? j : 1][a][b], sum);
        total = pack_fma(2.0 * mean->y[j], sum, total);
    }
    return total;
}

static void take_unit(const struct rbm *rbm, const struct shape *shape, size_t k, pack theta, pack *small,
                      struct pull *mean, struct pull *unit)
{
    const pack s = sigmoid(theta, small);
    memset(unit, 0, sizeof *unit);
    unit->share = s * (1.0 - s);
    for (size_t c = 0; c < shape->classes; c++) {
        unit->v[c] = pack_all(weight_of(rbm, shape, k, c));
        mean->v[c] = pack_fma(s, unit->v[c], mean->v[c]);
    }
    for (size_t j = 0; j < shape->products; j++) {
        unit->y[j] = pack_all(weight_of(rbm, shape, k, shape->classes + j));
        mean->y[j] = pack_fma(s, unit->y[j], mean->y[j]);
    }
}

// The surroundings of p, all units
static pack visit_particle(const struct rbm *rbm, const struct shape *shape, size_t p, size_t l, const double *x,
                           struct gathering *gathering, double *gradient)
{
    struct surroundings here;
    struct pull mean = { .share = pack_all(0.0) }, unit[ENVIRONMENT_UNITS_MOST];
    struct around around;
    memset(&mean, 0, sizeof mean);
    memset(&around, 0, sizeof around);
    look_around(rbm, shape, p, l, x, &here);
    for (size_t k = 0; k < shape->units; k++) {
        const pack theta = angle(rbm, shape, k, &here);
        pack small;
        take_unit(rbm, shape, k, theta, &small, &mean, &unit[k]);
        find_vectors(rbm, shape, &here, &unit[k]);
        gather(gathering, theta, small);
    }
    find_vectors(rbm, shape, &here, &mean);
    for (size_t q = 0; q < rbm->system.particles; q++)
        if (q != p)
            add_pair(rbm, shape, p, q, l, x, &mean, unit, shape->units, &around, gradient);
    pack total = around.laplacian + add_matrices(rbm, shape, &mean, &around);
    for (size_t k = 0; k < shape->units; k++)
        total = pack_fma(unit[k].share, unit[k].square + dot(rbm->system.dimensions, unit[k].sum, unit[k].sum), total);
    return total;
}

static void evaluate(const void *state, const struct configuration *at, unsigned how, double *weight, double *gradient,
                     double *laplacian, double *cache)
{
    const struct rbm *rbm = state;
    const struct shape shape = shape_of(rbm);
    (void)cache;
    if (!(how & FACTOR_ADD)) {
        rows_fill(system_coordinates(&rbm->system), 0, gradient);
        rows_fill(1, 0, laplacian);
    }
    for (size_t l = 0; l < ROW_PACKS; l++) {
        struct gathering gathering = { pack_all(1.0), pack_all(0.0), 0 };
        pack total = pack_all(0.0);
        for (size_t p = 0; p < rbm->system.particles; p++)
            total += visit_particle(rbm, &shape, p, l, at->x, &gathering, gradient);
        ((pack *)laplacian)[l] = pack_fma(pack_all(rbm->c * rbm->scale * rbm->scale), total,
                                          ((const pack *)laplacian)[l]);
        set_weight(rbm, l, &gathering, weight);
    }
}

// --- derivatives ---

// Where O of unit k and feature f (n_features: its bias) stands.
static size_t parameter(const struct shape *shape, size_t k, size_t f)
{
    return f == n_features_of(shape) ? k
           : f < shape->classes      ? shape->units + k * shape->classes + f
                                     : shape->units * (1 + shape->classes) + k * shape->products + f - shape->classes;
}

// dF = grad F . du of every feature at p
static void look_along(const struct rbm *rbm, const struct shape *shape, size_t p, size_t l, const double *x,
                       const double *du, const struct surroundings *here, pack out[FEATURES_MOST])
{
    const size_t dimensions = rbm->system.dimensions;
    pack vector[PAIR_CLASSES][DIMENSIONS_MOST];
    memset(vector, 0, sizeof vector);
    memset(out, 0, FEATURES_MOST * sizeof *out);
    for (size_t q = 0; q < rbm->system.particles; q++) {
        if (q == p)
            continue;
        const size_t column = shape->column[system_pair_class(&rbm->system, p, q)];
        pack d[DIMENSIONS_MOST], step[DIMENSIONS_MOST];
        const pack r2 = distance(rbm, p, q, l, x, d), t = 1.0 / (r2 + 1.0),
                   g = 1.0 / pack_fma(pack_all(STEEP), r2, pack_all(1.0));
        for (size_t k = 0; k < dimensions; k++)
            step[k] = rbm->scale * (((const pack *)du)[(p * dimensions + k) * ROW_PACKS + l] -
                                    ((const pack *)du)[(q * dimensions + k) * ROW_PACKS + l]);
        const pack along = dot(dimensions, d, step);
        out[column] = pack_fma(2.0 * t * t, along, out[column]);
        for (size_t k = 0; k < dimensions; k++)
            vector[column][k] += pack_fma(g, step[k], -2 * STEEP * g * g * along * d[k]);
    }
    for (size_t j = 0; j < shape->products; j++) {
        const size_t a = j < 2 ? j : 0, b = j < 2 ? j : 1;
        out[shape->classes + j] = dot(dimensions, vector[a], here->vector[b]) +
                                  dot(dimensions, here->vector[a], vector[b]);
    }
}

// Adds O (rows [K]) of a pack, or c O - 1/2 grad u . grad O
static void add_derivatives(const struct rbm *rbm, const struct shape *shape, size_t l, const double *x,
                            const double *c, const double *du, double *out)
{
    const size_t n = n_features_of(shape);
    const pack factor = rbm->c * (c ? ((const pack *)c)[l] : pack_all(1.0)), half = pack_all(du ? -0.5 * rbm->c : 0);
    for (size_t p = 0; p < rbm->system.particles; p++) {
        struct surroundings here;
        pack along[FEATURES_MOST + 1];
        look_around(rbm, shape, p, l, x, &here);
        if (du)
            look_along(rbm, shape, p, l, x, du, &here, along);
        for (size_t k = 0; k < shape->units; k++) {
            pack small, slope = pack_all(0.0);
            const pack s = sigmoid(angle(rbm, shape, k, &here), &small), share = s * (1.0 - s);
            for (size_t f = 0; du && f < n; f++)
                slope = pack_fma(pack_all(weight_of(rbm, shape, k, f)), along[f], slope);
            for (size_t f = 0; f <= n; f++) {
                const pack feature = f < n ? here.feature[f] : pack_all(1.0);
                pack *to = (pack *)out + parameter(shape, k, f) * ROW_PACKS + l, turn = share * slope * feature;
                *to = pack_fma(factor * s, feature, *to);
                if (du && f < n)
                    turn = pack_fma(s, along[f], turn);
                if (du)
                    *to = pack_fma(half, turn, *to);
            }
        }
    }
}

static void derivatives(const void *state, const struct configuration *at, const double *cache, double *o)
{
    const struct shape shape = shape_of(state);
    (void)cache;
    rows_fill(n_parameters(state), 0, o);
    for (size_t l = 0; l < ROW_PACKS; l++)
        add_derivatives(state, &shape, l, at->x, NULL, NULL, o);
}

static void accumulate(const void *state, const double *x, const double *cache, const double *c, const double *du,
                       double *scratch, double *sums)
{
    const struct shape shape = shape_of(state);
    (void)cache;
    (void)scratch;
    for (size_t l = 0; l < ROW_PACKS; l++)
        add_derivatives(state, &shape, l, x, c, du, sums);
}

static void collect(const void *state, const double *sums, double *out)
{
    for (size_t k = 0; k < n_parameters(state); k++)
        out[k] += pack_sum_row(rows_at_const(sums, k));
}

const struct factor_type environment_units = {
    .name = "rbm",
    .summary = "hidden units that look at each particle's surroundings",
    .state_size = sizeof(struct rbm),
    .build = build,
    .n_parameters = n_parameters,
    .views = views,
    .start = start,
    .prepare = prepare,
    .traits = traits,
    .evaluate = evaluate,
    .derivatives = derivatives,
    .finish = finish,
    .weigh = weigh,
    .accumulate = accumulate,
    .collect = collect,
    .n_sum_rows = n_parameters,
};
