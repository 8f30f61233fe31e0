// SPDX-License-Identifier: GPL-3.0-or-later
// Hidden units that all particles share, for rbm.sharing = environment: each looks at the surroundings of every
// particle in turn,
//     ln phi = c sum_p sum_k ln(1 + e^theta_pk),   theta_pk = b_k + sum_F weight_kF F(p)
// with the features F(p), weights v and y, and slopes n_q of wavefunction/surroundings.h. With S = sigmoid(theta) the
// slopes of theta_p are sum_q n_q for p and -n_q for q, and
//     Laplacian = sum_pk [ S Laplacian theta + S (1 - S) ( |sum_q n_q|^2 + sum_q |n_q|^2 ) ].
// Check: two bosons on a line, vectors = no, b = 0, v = 1, r = 1, omega = 1: theta = 1/2, ln phi = 2 ln(1 + e^(1/2)).
#include "wavefunction/environment.h"

#include "base/memory.h"
#include "wavefunction/surroundings.h"

#include <math.h>
#include <string.h>

// Where what lies: parameters b [K], v [K, classes], y [K, products].
struct shape {
    size_t units;
    struct surroundings_shape features;
};

static struct shape shape_of(const struct rbm *rbm)
{
    return (struct shape){ rbm->hidden, surroundings_shape(&rbm->system, rbm->vectors) };
}

static size_t n_parameters(const void *state)
{
    const struct shape shape = shape_of(state);
    return shape.units * (1 + shape.features.n);
}

static bool build(void *state, const struct system *system, const struct factor_surroundings *surroundings,
                  struct error *error)
{
    struct rbm *rbm = state;
    rbm->system = *system;
    rbm->c = rbm->representation == RBM_AMPLITUDE ? 1 : 0.5;
    rbm->scale = system_inverse_length(system);
    if (!surroundings->others_carry_trap)
        return error_add(error, ERROR_CONFIG,
                         "[rbm] sharing: shared units have no Gaussian of their own; add gaussian or slater to "
                         "wavefunction.factors");
    if (rbm->hidden > ENVIRONMENT_UNITS_MOST)
        return error_add(error, ERROR_CONFIG,
                         "[rbm] hidden = %zu: at most %d shared units; they serve all particles, and few are enough",
                         rbm->hidden, ENVIRONMENT_UNITS_MOST);
    rbm->n_shared = n_parameters(rbm);
    rbm->shared = memory_doubles(rbm->n_shared);
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
    if (shape.features.classes > 0)
        view[n++] = (struct factor_view){ .name = "v",
                                          .long_name = "weights of distances, parallel before antiparallel spins",
                                          .rank = 2,
                                          .extent = { k, shape.features.classes },
                                          .label = { "hidden", "pair_class" },
                                          .first = k };
    if (shape.features.products > 0)
        view[n++] =
            (struct factor_view){ .name = "y",
                                  .long_name = "weights of |G_parallel|^2, |G_antiparallel|^2 and their product",
                                  .rank = 2,
                                  .extent = { k, shape.features.products },
                                  .label = { "hidden", "vector_product" },
                                  .first = k * (1 + shape.features.classes) };
    return n;
}

double environment_normal(double (*uniform)(void *random), void *random)
{
    const double radius = sqrt(-2 * log(uniform(random)));
    return radius * cos(6.283185307179586 * uniform(random));
}

enum factor_stage environment_stage(const void *state, size_t parameter)
{
    (void)state;
    (void)parameter;
    return FACTOR_UNITS;
}

bool environment_prepare(void *state, const double *theta)
{
    struct rbm *rbm = state;
    double sum = 0;
    for (size_t k = 0; k < rbm->n_shared; k++) {
        rbm->shared[k] = theta[k];
        sum += theta[k];
    }
    return isfinite(sum);
}

void environment_traits(const void *state, struct factor_traits *traits)
{
    (void)state;
    *traits = (struct factor_traits){ .symmetry = FACTOR_SYMMETRIC };
}

// From weights much smaller than these d ln psi / db hardly varies: its metric vanishes, and noise carries b away.
static void start(const void *state, double (*uniform)(void *random), void *random, double *theta)
{
    const struct shape shape = shape_of(state);
    const size_t biases = shape.units, ends = biases * (1 + shape.features.classes),
                 all = biases * (1 + shape.features.n);
    for (size_t k = 0; k < all; k++) {
        theta[k] = (k < biases ? 0.3 : k < ends ? 0.15 : 0.05) * environment_normal(uniform, random);
    }
}

static double bias(const struct rbm *rbm, size_t k) { return rbm->shared[k]; }

static double weight_of(const struct rbm *rbm, const struct shape *shape, size_t k, size_t feature)
{
    return feature < shape->features.classes
               ? rbm->shared[shape->units + k * shape->features.classes + feature]
               : rbm->shared[shape->units * (1 + shape->features.classes) + k * shape->features.products + feature -
                             shape->features.classes];
}

// --- angles ---

// theta of unit k at a particle
static pack angle(const struct rbm *rbm, const struct shape *shape, size_t k, const struct surroundings *at)
{
    pack sum = pack_all(bias(rbm, k));
    for (size_t f = 0; f < shape->features.n; f++)
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
            surroundings_look(&shape.features, p, l, at->x, &here);
            for (size_t k = 0; k < shape.units; k++) {
                const pack theta = angle(rbm, &shape, k, &here);
                gather(&gathering, theta, pack_exp_minus_abs(theta));
            }
        }
        set_weight(rbm, l, &gathering, weight);
    }
}

// --- gradient and Laplacian ---

// The weights of a unit, or the mean over the units with their sigmoids.
struct unit {
    struct surroundings_pull pull;
    pack share;                         // S (1 - S)
    pack sum[DIMENSIONS_MOST], square;  // sum_q n_q, sum_q |n_q|^2
};

// A neighbour's part in the gradient, in what the units add up, and in the Laplacian of their mean.
PACK_INLINE pack add_pair(const struct rbm *rbm, const struct shape *shape, size_t p, size_t q, size_t l,
                          const double *x, const struct surroundings_pull *mean, struct unit *unit,
                          struct surroundings_around *around, double *gradient, pack laplacian)
{
    const size_t dimensions = rbm->system.dimensions;
    struct surroundings_pair pair;
    pack n[DIMENSIONS_MOST];
    surroundings_meet(&shape->features, p, q, l, x, &pair);
    surroundings_gather(&shape->features, &pair, around);
    surroundings_slope(&shape->features, mean, &pair, n);
    for (size_t k = 0; k < dimensions; k++) {
        const pack push = rbm->c * rbm->scale * n[k];
        ((pack *)gradient)[(p * dimensions + k) * ROW_PACKS + l] += push;
        ((pack *)gradient)[(q * dimensions + k) * ROW_PACKS + l] -= push;
    }
    for (size_t u = 0; u < shape->units; u++) {
        surroundings_slope(&shape->features, &unit[u].pull, &pair, n);
        for (size_t k = 0; k < dimensions; k++) {
            unit[u].sum[k] += n[k];
            unit[u].square = pack_fma(n[k], n[k], unit[u].square);
        }
    }
    return surroundings_bend(&shape->features, mean, &pair, laplacian);
}

static void take_unit(const struct rbm *rbm, const struct shape *shape, size_t k, pack theta, pack *small,
                      struct surroundings_pull *mean, struct unit *unit)
{
    const pack s = sigmoid(theta, small);
    memset(unit, 0, sizeof *unit);
    unit->share = s * (1.0 - s);
    for (size_t c = 0; c < shape->features.classes; c++) {
        unit->pull.v[c] = pack_all(weight_of(rbm, shape, k, c));
        mean->v[c] = pack_fma(s, unit->pull.v[c], mean->v[c]);
    }
    for (size_t j = 0; j < shape->features.products; j++) {
        unit->pull.y[j] = pack_all(weight_of(rbm, shape, k, shape->features.classes + j));
        mean->y[j] = pack_fma(s, unit->pull.y[j], mean->y[j]);
    }
}

// The surroundings of p, all units
static pack visit_particle(const struct rbm *rbm, const struct shape *shape, size_t p, size_t l, const double *x,
                           struct gathering *gathering, double *gradient)
{
    struct surroundings here;
    struct surroundings_pull mean;
    struct unit unit[ENVIRONMENT_UNITS_MOST];
    struct surroundings_around around;
    pack total = pack_all(0.0);
    memset(&mean, 0, sizeof mean);
    memset(&around, 0, sizeof around);
    surroundings_look(&shape->features, p, l, x, &here);
    for (size_t k = 0; k < shape->units; k++) {
        const pack theta = angle(rbm, shape, k, &here);
        pack small;
        take_unit(rbm, shape, k, theta, &small, &mean, &unit[k]);
        surroundings_aim(&shape->features, &here, &unit[k].pull);
        gather(gathering, theta, small);
    }
    surroundings_aim(&shape->features, &here, &mean);
    for (size_t q = 0; q < rbm->system.particles; q++)
        if (q != p)
            total = add_pair(rbm, shape, p, q, l, x, &mean, unit, &around, gradient, total);
    total += surroundings_products(&shape->features, &mean, &around);
    for (size_t k = 0; k < shape->units; k++)
        total = pack_fma(unit[k].share,
                         unit[k].square + surroundings_dot(rbm->system.dimensions, unit[k].sum, unit[k].sum), total);
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
    return f == shape->features.n        ? k
           : f < shape->features.classes ? shape->units + k * shape->features.classes + f
                                         : shape->units * (1 + shape->features.classes) + k * shape->features.products +
                                               f - shape->features.classes;
}

// Adds O (rows [K]) of a pack, or c O - 1/2 grad u . grad O
static void add_derivatives(const struct rbm *rbm, const struct shape *shape, size_t l, const double *x,
                            const double *c, const double *du, double *out)
{
    const size_t n = shape->features.n;
    const pack factor = rbm->c * (c ? ((const pack *)c)[l] : pack_all(1.0)), half = pack_all(du ? -0.5 * rbm->c : 0);
    for (size_t p = 0; p < rbm->system.particles; p++) {
        struct surroundings here;
        pack along[SURROUNDINGS_MOST + 1];
        surroundings_look(&shape->features, p, l, x, &here);
        if (du)
            surroundings_look_along(&shape->features, p, l, x, du, &here, along);
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
    .stage = environment_stage,
    .scale_least = ENVIRONMENT_SCALE_LEAST,
    .start = start,
    .prepare = environment_prepare,
    .traits = environment_traits,
    .evaluate = evaluate,
    .derivatives = derivatives,
    .finish = finish,
    .weigh = weigh,
    .accumulate = accumulate,
    .collect = collect,
    .n_sum_rows = n_parameters,
};
