// SPDX-License-Identifier: GPL-3.0-or-later
// Hidden units that look at every pair, for rbm.sharing = pairs: with z = omega r^2 (omega the geometric mean) and s_k
// = sigmoid(b_k + v_k z)
//     f = c sum_k ln(1 + e^(b_k + v_k z)),   f'/r = 2 omega c sum_k v_k s_k,
//     f'' + (D - 1) f'/r = 2 omega c sum_k v_k [ D s_k + 2 z v_k s_k (1 - s_k) ],
//     df/db_k = c s_k,   df/dv_k = c z s_k,   (d/dr df/db_k)/r = 2 omega c v_k s_k (1 - s_k),   (d/dr df/dv_k)/r = 2
//     omega c [ s_k + z v_k s_k (1 - s_k) ]
// Check: b = 0, v = 1, omega = r = c = 1, D = 1: s = sigmoid(1), f'/r = 2 s.
#include "wavefunction/environment.h"

#include "base/memory.h"
#include "base/rows.h"

#include <math.h>

static size_t n_parameters(const void *state) { return 2 * ((const struct rbm *)state)->hidden; }

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
                         "[rbm] hidden = %zu: at most %d shared units; they serve all pairs, and few are enough",
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
    const size_t k = ((const struct rbm *)state)->hidden;
    view[0] = (struct factor_view){
        .name = "b", .long_name = "hidden biases", .rank = 1, .extent = { k, 0 }, .label = { "hidden", NULL }
    };
    view[1] = (struct factor_view){ .name = "v",
                                    .long_name = "weights of squared distances",
                                    .rank = 1,
                                    .extent = { k, 0 },
                                    .label = { "hidden", NULL },
                                    .first = k };
    return 2;
}

// b, then v; there are some P / 2 pairs for every particle, which add up
static void start(const void *state, double (*uniform)(void *random), void *random, double *theta)
{
    const struct rbm *rbm = state;
    for (size_t k = 0; k < n_parameters(state); k++) {
        theta[k] = (k < rbm->hidden ? 0.3 : 0.15 / (double)rbm->system.particles) * environment_normal(uniform, random);
    }
}

// s, and ln(1 + e^theta)
static pack sigmoid(pack theta, pack *log_sum)
{
    const pack small = pack_exp_minus_abs(theta), share = 1.0 / (small + 1.0);
    *log_sum = pack_max(theta, pack_all(0.0)) + pack_log(small + 1.0);
    return pack_select_sign(theta, small * share, share);
}

static void pair_values(const void *state, const struct pairs *pairs, double *value)
{
    const struct rbm *rbm = state;
    for (size_t at = 0; at < pairs->n * ROW_PACKS; at++) {
        const pack z = rbm->scale * rbm->scale * ((const pack *)pairs->r2)[at];
        for (size_t k = 0; k < rbm->hidden; k++) {
            pack log_sum;
            sigmoid(pack_fma(pack_all(rbm->shared[rbm->hidden + k]), z, pack_all(rbm->shared[k])), &log_sum);
            ((pack *)value)[at] = pack_fma(pack_all(rbm->c), log_sum, ((pack *)value)[at]);
        }
    }
}

static void pair_terms(const void *state, const struct pairs *pairs, double *value, double *slope, double *curvature)
{
    const struct rbm *rbm = state;
    const double omega = rbm->scale * rbm->scale, dimensions = (double)rbm->system.dimensions;
    for (size_t at = 0; at < pairs->n * ROW_PACKS; at++) {
        const pack z = omega * ((const pack *)pairs->r2)[at];
        pack *sum = (pack *)value + at % ROW_PACKS, *bend = (pack *)curvature + at % ROW_PACKS;
        for (size_t k = 0; k < rbm->hidden; k++) {
            const double v = rbm->shared[rbm->hidden + k], pull = 2 * omega * rbm->c * v;
            pack log_sum;
            const pack s = sigmoid(pack_fma(pack_all(v), z, pack_all(rbm->shared[k])), &log_sum);
            *sum = pack_fma(pack_all(rbm->c), log_sum, *sum);
            ((pack *)slope)[at] = pack_fma(pack_all(pull), s, ((pack *)slope)[at]);
            *bend = pack_fma(pull * s, dimensions + 2 * v * z * (1.0 - s), *bend);
        }
    }
}

static void pair_derivatives(const void *state, const struct pairs *pairs, const double *along, double *o,
                             double *response)
{
    const struct rbm *rbm = state;
    const double omega = rbm->scale * rbm->scale;
    for (size_t at = 0; at < pairs->n * ROW_PACKS; at++) {
        const size_t l = at % ROW_PACKS;
        const pack z = omega * ((const pack *)pairs->r2)[at];
        for (size_t k = 0; k < rbm->hidden; k++) {
            const double v = rbm->shared[rbm->hidden + k];
            const size_t biases = k * ROW_PACKS + l, weights = (rbm->hidden + k) * ROW_PACKS + l;
            pack log_sum;
            const pack s = sigmoid(pack_fma(pack_all(v), z, pack_all(rbm->shared[k])), &log_sum),
                       turn = v * s * (1.0 - s);
            ((pack *)o)[biases] += rbm->c * s;
            ((pack *)o)[weights] = pack_fma(rbm->c * s, z, ((pack *)o)[weights]);
            if (!along)
                continue;
            const pack scaled = 2 * omega * rbm->c * ((const pack *)along)[at];
            ((pack *)response)[biases] = pack_fma(turn, scaled, ((pack *)response)[biases]);
            ((pack *)response)[weights] = pack_fma(pack_fma(z, turn, s), scaled, ((pack *)response)[weights]);
        }
    }
}

const struct factor_type environment_pairs = {
    .name = "rbm",
    .summary = "hidden units that look at every pair",
    .state_size = sizeof(struct rbm),
    .build = build,
    .n_parameters = n_parameters,
    .views = views,
    .stage = environment_stage,
    .scale_least = ENVIRONMENT_SCALE_LEAST,
    .start = start,
    .prepare = environment_prepare,
    .traits = environment_traits,
    .finish = finish,
    .pair_values = pair_values,
    .pair_terms = pair_terms,
    .pair_derivatives = pair_derivatives,
};
