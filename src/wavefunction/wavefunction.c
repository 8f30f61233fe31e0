// SPDX-License-Identifier: GPL-3.0-or-later
// The product of factors, and the list of those there are.
#include "vmc/wavefunction.h"

#include "base/list.h"
#include "base/memory.h"
#include "base/rows.h"
#include "wavefunction/pair_product.h"
#include "wavefunction/shells_sweep.h"

#include <math.h>
#include <string.h>

#define FACTORS(X)      \
    X(factor, rbm)      \
    X(factor, gaussian) \
    X(factor, gaussian_pair) X(factor, pade_jastrow) X(factor, slater) X(factor, hard_core) X(factor, power)
LIST(factor, FACTORS)

// Most pairs whose values are kept for one-particle moves: 1.3 MB for a block of 100 particles.
enum { PAIR_VALUES_KEPT = 4950 };

static size_t optional(size_t (*count)(const void *state), const void *state) { return count ? count(state) : 0; }
static size_t most(size_t a, size_t b) { return a > b ? a : b; }

// ---- factors whose parameters are plain numbers

static void *member(const struct factor *factor, size_t offset) { return (char *)factor->state + offset; }

static bool numbers_trained(const struct factor *factor)
{
    return *(const bool *)member(factor, factor->type->numbers->train);
}

static size_t numbers_count(const struct factor *factor)
{
    const size_t count = factor->type->numbers->count;
    return count > 0 ? *(const size_t *)member(factor, count) : 1;
}

static void start_numbers(const struct factor *factor, double *theta)
{
    const struct factor_numbers *numbers = factor->type->numbers;
    const double *setting = member(factor, numbers->setting);
    for (size_t k = 0; k < factor->n_parameters; k++)
        theta[k] = numbers->logarithm ? log(setting[k]) : setting[k];
}

static bool prepare_numbers(const struct factor *factor, const double *theta)
{
    const struct factor_numbers *numbers = factor->type->numbers;
    const double *setting = member(factor, numbers->setting);
    double *value = member(factor, numbers->value);
    bool good = true;
    for (size_t k = 0; k < numbers_count(factor); k++) {
        value[k] = !numbers_trained(factor) ? setting[k] : numbers->logarithm ? exp(theta[k]) : theta[k];
        good = good && isfinite(value[k]) && (!numbers->logarithm || value[k] > 0);
    }
    return good;
}

size_t factor_n_parameters(const struct factor *factor)
{
    if (!factor->type->numbers)
        return factor->type->n_parameters(factor->state);
    return numbers_trained(factor) ? numbers_count(factor) : 0;
}

size_t factor_views(const struct factor *factor, struct factor_view view[FACTOR_VIEWS_MOST])
{
    const struct factor_numbers *numbers = factor->type->numbers;
    if (!numbers)
        return factor->type->views(factor->state, view);
    view[0] = (struct factor_view){ .name = numbers->name,
                                    .long_name = numbers->long_name,
                                    .unit = numbers->unit,
                                    .rank = numbers->count > 0,
                                    .extent = { numbers->count > 0 ? numbers_count(factor) : 0 },
                                    .label = { numbers->label },
                                    .logarithm = numbers->logarithm,
                                    .fixed = numbers_trained(factor) ? NULL : member(factor, numbers->setting) };
    return 1 + (factor->type->views ? factor->type->views(factor->state, view + 1) : 0);
}

static bool is_pair_factor(const struct factor *factor) { return factor->type->pair_terms; }

// Parameters, weights and sums, once every factor knows its own numbers.
static void count_parameters(struct wavefunction *wavefunction)
{
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        struct factor *factor = &wavefunction->factor[f];
        const struct factor_type *type = factor->type;
        factor->first_parameter = wavefunction->n_parameters;
        factor->n_parameters = factor_n_parameters(factor);
        factor->first_sum_row = wavefunction->n_sum_rows;
        factor->first_feature = wavefunction->n_features;
        factor->n_features = type->n_features ? type->n_features(factor->state) : factor->n_parameters;
        wavefunction->n_features += factor->n_features;
        factor->first_condition = wavefunction->n_condition;
        factor->n_condition = optional(factor->type->n_condition, factor->state);
        wavefunction->n_condition += factor->n_condition;
        wavefunction->n_parameters += factor->n_parameters;
        wavefunction->n_sum_rows += type->n_sum_rows ? type->n_sum_rows(factor->state) : factor->n_parameters;
        wavefunction->n_scratch_rows = most(wavefunction->n_scratch_rows,
                                            optional(type->n_scratch_rows, factor->state));
        if (!type->accumulate)
            wavefunction->n_scratch_rows = most(wavefunction->n_scratch_rows, factor->n_parameters);
        wavefunction->wants_plain = wavefunction->wants_plain ||
                                    (!type->accumulate && !type->pair_terms && factor->n_parameters > 0);
        if (is_pair_factor(factor) && !wavefunction->has_pair_factors) {
            wavefunction->has_pair_factors = true;
            wavefunction->pair_weight = wavefunction->n_weights++;
        }
        factor->weight = is_pair_factor(factor) ? wavefunction->pair_weight : wavefunction->n_weights++;
    }
    if (wavefunction->has_pair_factors)
        wavefunction->n_scratch_rows = most(wavefunction->n_scratch_rows, pair_product_scratch_rows(wavefunction));
}

static size_t find_pair_alone(const struct wavefunction *wavefunction)
{
    const size_t none = wavefunction->n_factors;
    size_t alone = none;
    for (size_t f = 0; f < wavefunction->n_factors; f++)
        if (is_pair_factor(&wavefunction->factor[f])) {
            if (alone < none)
                return none;
            alone = f;
        }
    return alone < none && wavefunction->factor[alone].type->pair_row ? alone : none;
}

// Rows of a frame.
static void lay_out(struct wavefunction *wavefunction)
{
    const size_t m = wavefunction->n_coordinates;
    count_parameters(wavefunction);
    wavefunction->pair_alone = find_pair_alone(wavefunction);
    const bool alone = wavefunction->pair_alone < wavefunction->n_factors;
    geometry_build(&wavefunction->geometry, &wavefunction->system, wavefunction->has_pair_factors && !alone);
    wavefunction->keeps_pair_values = wavefunction->has_pair_factors &&
                                      wavefunction->geometry.n_pairs <= PAIR_VALUES_KEPT;
    wavefunction->row_gradient = m;
    wavefunction->row_laplacian = 2 * m;
    wavefunction->row_weight = 2 * m + 1;
    wavefunction->row_pairs = wavefunction->row_weight + 2 * wavefunction->n_weights;
    wavefunction->row_cache = wavefunction->row_pairs + geometry_rows(&wavefunction->geometry) +
                              (alone ? PAIR_SUMS + wavefunction->factor[wavefunction->pair_alone].n_parameters : 0);
    wavefunction->n_rows = wavefunction->row_cache;
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        struct factor *factor = &wavefunction->factor[f];
        factor->first_cache_row = wavefunction->n_rows;
        factor->n_move_rows = optional(factor->type->n_move_rows, factor->state);
        factor->n_kept_rows = optional(factor->type->n_kept_rows, factor->state);
        const size_t n_cache_rows = optional(factor->type->n_cache_rows, factor->state);
        wavefunction->n_rows += n_cache_rows;
        if (!is_pair_factor(factor) && !factor->type->particle_gradient)
            wavefunction->n_particle_rows = most(wavefunction->n_particle_rows, 3 + m + n_cache_rows);
    }
    wavefunction->row_pair_values = wavefunction->n_rows;
    if (wavefunction->keeps_pair_values)
        wavefunction->n_rows += wavefunction->geometry.n_pairs;
    wavefunction->sweeps = shells_sweep_serves(wavefunction);
}

static bool build_factors(struct wavefunction *wavefunction, const struct factor_surroundings *asked,
                          struct error *error)
{
    struct factor_surroundings surroundings = { 0 };
    size_t carriers = 0;
    if (asked)
        surroundings = *asked;
    for (size_t f = 0; f < wavefunction->n_factors; f++)
        carriers += wavefunction->factor[f].type->carries_trap;
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        struct factor *factor = &wavefunction->factor[f];
        surroundings.others_carry_trap = carriers > (factor->type->carries_trap ? 1U : 0U);
        if (factor->type->build && !factor->type->build(factor->state, &wavefunction->system, &surroundings, error))
            return false;
    }
    return true;
}

bool wavefunction_build(struct wavefunction *wavefunction, const struct system *system,
                        const struct factor_surroundings *asked, size_t n_factors,
                        const struct factor_type *const *type, void **state, struct error *error)
{
    *wavefunction =
        (struct wavefunction){ .system = *system, .n_coordinates = system_coordinates(system), .n_factors = n_factors };
    for (size_t f = 0; f < n_factors; f++)
        wavefunction->factor[f] = (struct factor){ .type = type[f]->instead ? type[f]->instead(state[f]) : type[f],
                                                   .state = state[f] };
    if (!build_factors(wavefunction, asked, error)) {
        wavefunction_finish(wavefunction);
        return false;
    }
    lay_out(wavefunction);
    return true;
}

void wavefunction_finish(struct wavefunction *wavefunction)
{
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        struct factor *factor = &wavefunction->factor[f];
        if (factor->type->finish)
            factor->type->finish(factor->state);
    }
    wavefunction->n_factors = 0;
}

void wavefunction_start(const struct wavefunction *wavefunction, double (*uniform)(void *random), void *random,
                        double *theta)
{
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        if (factor->type->numbers)
            start_numbers(factor, theta + factor->first_parameter);
        else
            factor->type->start(factor->state, uniform, random, theta + factor->first_parameter);
    }
}

bool wavefunction_prepare(struct wavefunction *wavefunction, const double *theta)
{
    bool good = true;
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        struct factor *factor = &wavefunction->factor[f];
        good = (factor->type->numbers ? prepare_numbers(factor, theta + factor->first_parameter)
                                      : factor->type->prepare(factor->state, theta + factor->first_parameter)) &&
               good;
    }
    return good;
}

enum factor_stage wavefunction_stage(const struct wavefunction *wavefunction, size_t parameter)
{
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        if (parameter - factor->first_parameter < factor->n_parameters)
            return factor->type->stage ? factor->type->stage(factor->state, parameter - factor->first_parameter)
                                       : FACTOR_FIRST;
    }
    return FACTOR_FIRST;
}

void wavefunction_traits(const struct wavefunction *wavefunction, struct factor_traits *traits)
{
    *traits = (struct factor_traits){ .symmetry = FACTOR_SYMMETRIC, .scalable = true };
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        struct factor_traits own = { .symmetry = FACTOR_UNSYMMETRIC };
        wavefunction->factor[f].type->traits(wavefunction->factor[f].state, &own);
        traits->has_nodes = traits->has_nodes || own.has_nodes;
        traits->scalable = traits->scalable && own.scalable;
        traits->core = fmax(traits->core, own.core);
        if (own.symmetry == FACTOR_UNSYMMETRIC || traits->symmetry == FACTOR_UNSYMMETRIC)
            traits->symmetry = FACTOR_UNSYMMETRIC;
        else  // of two antisymmetric factors the product is symmetric
            traits->symmetry = own.symmetry == traits->symmetry ? FACTOR_SYMMETRIC : FACTOR_ANTISYMMETRIC;
        for (size_t class = 0; class < PAIR_CLASSES; class ++) {
            traits->contact[class].slope += own.contact[class].slope;
            traits->contact[class].power += own.contact[class].power;
        }
    }
}

struct configuration wavefunction_configuration(const struct wavefunction *wavefunction, const double *frame)
{
    const double *pairs = rows_at_const(frame, wavefunction->row_pairs);
    return (struct configuration){
        &wavefunction->geometry, frame, wavefunction->geometry.stored ? pairs : NULL,
        wavefunction->pair_alone < wavefunction->n_factors ? rows_at_const(pairs, PAIR_SUM_INVERSE) : NULL, NULL
    };
}

const double *wavefunction_distances(const struct wavefunction *wavefunction, const double *frame)
{
    return wavefunction->pair_alone < wavefunction->n_factors && wavefunction->keeps_pair_values
               ? rows_at_const(frame, wavefunction->row_pair_values)
               : NULL;
}

static double *weight_rows(const struct wavefunction *wavefunction, const struct factor *factor, double *frame)
{
    return rows_at(frame, wavefunction->row_weight + 2 * factor->weight);
}

// The weight of a factor that is no product over pairs, and what moves start from.
static void weigh(const struct wavefunction *wavefunction, const struct factor *factor, const struct configuration *at,
                  double *frame)
{
    double *weight = weight_rows(wavefunction, factor, frame), *cache = rows_at(frame, factor->first_cache_row);
    if (factor->type->weigh)
        factor->type->weigh(factor->state, at, weight, cache);
    else  // rows of derivatives are of no use in a frame that is only weighed
        factor->type->evaluate(factor->state, at, 0, weight, rows_at(frame, wavefunction->row_gradient),
                               rows_at(frame, wavefunction->row_laplacian), cache);
}

void wavefunction_weigh(const struct wavefunction *wavefunction, double *frame)
{
    const struct configuration at = wavefunction_configuration(wavefunction, frame);
    geometry_update(&wavefunction->geometry, frame, rows_at(frame, wavefunction->row_pairs));
    for (size_t f = 0; f < wavefunction->n_factors; f++)
        if (!is_pair_factor(&wavefunction->factor[f]))
            weigh(wavefunction, &wavefunction->factor[f], &at, frame);
    if (wavefunction->has_pair_factors)
        pair_product_weigh(wavefunction, frame);
}

PACK_INLINE void evaluate(const struct wavefunction *wavefunction, unsigned how, double *frame)
{
    double *gradient = rows_at(frame, wavefunction->row_gradient),
           *laplacian = rows_at(frame, wavefunction->row_laplacian);
    const struct configuration at = wavefunction_configuration(wavefunction, frame);
    bool add = false;
    if (at.pairs)
        geometry_update(&wavefunction->geometry, frame, rows_at(frame, wavefunction->row_pairs));
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        if (is_pair_factor(factor))
            continue;
        factor->type->evaluate(factor->state, &at, how | (add ? FACTOR_ADD : 0),
                               weight_rows(wavefunction, factor, frame), gradient, laplacian,
                               rows_at(frame, factor->first_cache_row));
        add = true;
    }
    if (wavefunction->has_pair_factors)
        pair_product_evaluate(wavefunction, how | (add ? FACTOR_ADD : 0), frame);
}

PACK_HOT void wavefunction_evaluate(const struct wavefunction *wavefunction, double *frame)
{
    evaluate(wavefunction, 0, frame);
}
PACK_HOT void wavefunction_evaluate_moved(const struct wavefunction *wavefunction, double *frame)
{
    evaluate(wavefunction, FACTOR_KEPT, frame);
}

double wavefunction_refresh(const struct wavefunction *wavefunction, bool updated, double *frame)
{
    double before[WALKERS], after[WALKERS], drift = 0;
    if (updated)
        wavefunction_log(wavefunction, frame, before);
    const struct configuration at = wavefunction_configuration(wavefunction, frame);
    geometry_update(&wavefunction->geometry, frame, rows_at(frame, wavefunction->row_pairs));
    for (size_t f = 0; f < wavefunction->n_factors; f++)
        if (!is_pair_factor(&wavefunction->factor[f]))
            weigh(wavefunction, &wavefunction->factor[f], &at, frame);
    if (wavefunction->has_pair_factors)
        pair_product_refresh(wavefunction, frame);
    if (updated) {
        wavefunction_log(wavefunction, frame, after);
        for (size_t w = 0; w < WALKERS; w++)
            drift = fmax(drift, 2 * fabs(after[w] - before[w]));
    }
    return drift;
}

void wavefunction_ratio(const struct wavefunction *wavefunction, size_t p, const double *frame, double *trial)
{
    const struct configuration at = { &wavefunction->geometry, trial, NULL, NULL, NULL };
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        if (is_pair_factor(factor))
            continue;
        if (factor->type->ratio)
            factor->type->ratio(factor->state, p, frame,
                                rows_at_const(frame, wavefunction->row_weight + 2 * factor->weight),
                                rows_at_const(frame, factor->first_cache_row), &at,
                                weight_rows(wavefunction, factor, trial), rows_at(trial, factor->first_cache_row));
        else
            weigh(wavefunction, factor, &at, trial);
    }
    if (wavefunction->has_pair_factors)
        pair_product_ratio(wavefunction, p, frame, trial);
}

void wavefunction_sign(const struct wavefunction *wavefunction, size_t p, const double *trial, double *row)
{
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        if (factor->type->sign)
            factor->type->sign(factor->state, p, rows_at_const(trial, factor->first_cache_row), row);
    }
}

bool wavefunction_knows_sign(const struct wavefunction *wavefunction)
{
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        struct factor_traits traits;
        wavefunction->factor[f].type->traits(wavefunction->factor[f].state, &traits);
        if (traits.has_nodes && !wavefunction->factor[f].type->sign)
            return false;
    }
    return true;
}

// Weight, gradient, Laplacian and cache of all particles, of which the gradient of one is asked.
static void evaluate_particle(const struct wavefunction *wavefunction, const struct factor *factor, size_t p,
                              const struct configuration *at, double *scratch, double *gradient)
{
    const size_t m = wavefunction->n_coordinates, n = wavefunction->system.dimensions;
    double *all = rows_at(scratch, 2);
    factor->type->evaluate(factor->state, at, 0, scratch, all, rows_at(all, m), rows_at(all, m + 1));
    for (size_t k = 0; k < n * ROW_PACKS; k++)
        ((pack *)gradient)[k] += ((const pack *)rows_at(all, p * n))[k];
}

PACK_HOT void wavefunction_particle_gradient(const struct wavefunction *wavefunction, size_t p, const double *frame,
                                             const double *trial, double *scratch, double *gradient)
{
    const struct configuration at = { &wavefunction->geometry, trial ? trial : frame, NULL, NULL, NULL };
    rows_fill(wavefunction->system.dimensions, 0, gradient);
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        if (is_pair_factor(factor))
            continue;
        if (factor->type->particle_gradient)
            factor->type->particle_gradient(factor->state, p, &at, rows_at_const(frame, factor->first_cache_row),
                                            trial ? rows_at_const(trial, factor->first_cache_row) : NULL, gradient);
        else
            evaluate_particle(wavefunction, factor, p, &at, scratch, gradient);
    }
    if (wavefunction->has_pair_factors)
        pair_product_particle_gradient(wavefunction, p, at.x, gradient);
}

void wavefunction_accept(const struct wavefunction *wavefunction, size_t p, const double *mask, double *trial,
                         double *frame)
{
    const size_t n = wavefunction->system.dimensions, first = p * n;
    rows_blend(n, mask, rows_at(trial, first), rows_at(frame, first));
    rows_copy(n, rows_at(frame, first), rows_at(trial, first));
    rows_blend(2 * wavefunction->n_weights, mask, rows_at(trial, wavefunction->row_weight),
               rows_at(frame, wavefunction->row_weight));
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        const double *from = rows_at(trial, factor->first_cache_row);
        if (factor->type->accept)
            factor->type->accept(factor->state, p, mask, from, rows_at(frame, factor->first_cache_row));
        else
            rows_blend(factor->n_move_rows, mask, from, rows_at(frame, factor->first_cache_row));
    }
    if (wavefunction->has_pair_factors)
        pair_product_accept(wavefunction, p, mask, trial, frame);
}

size_t wavefunction_sweep(const struct wavefunction *wavefunction, const struct sweep_draws *draws, double *frame)
{
    return shells_sweep_particles(wavefunction, draws, frame);
}

void wavefunction_derivatives(const struct wavefunction *wavefunction, const double *frame, double *o)
{
    const struct configuration at = wavefunction_configuration(wavefunction, frame);
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        if (!is_pair_factor(factor))
            factor->type->derivatives(factor->state, &at, rows_at_const(frame, factor->first_cache_row),
                                      rows_at(o, factor->first_parameter));
    }
    if (wavefunction->has_pair_factors)
        pair_product_derivatives(wavefunction, frame, o);
}

// From the derivatives: sum_w c O_k, with the plain energy in c, since nothing is known of grad O_k.
static void accumulate_derivatives(const struct wavefunction *wavefunction, const struct factor *factor,
                                   const double *frame, const double *plain, double *scratch, double *sums)
{
    const struct configuration at = wavefunction_configuration(wavefunction, frame);
    factor->type->derivatives(factor->state, &at, rows_at_const(frame, factor->first_cache_row), scratch);
    for (size_t k = 0; k < factor->n_parameters * ROW_PACKS; k++)
        ((pack *)sums)[k] = pack_fma(((const pack *)plain)[k % ROW_PACKS], ((const pack *)scratch)[k],
                                     ((const pack *)sums)[k]);
}

PACK_HOT void wavefunction_accumulate(const struct wavefunction *wavefunction, const double *frame, const double *c,
                                      const double *plain, const double *du, double *scratch, double *sums)
{
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        if (factor->type->accumulate)
            factor->type->accumulate(factor->state, frame, rows_at_const(frame, factor->first_cache_row), c, du,
                                     scratch, rows_at(sums, factor->first_sum_row));
        else if (!is_pair_factor(factor) && factor->n_parameters > 0)
            accumulate_derivatives(wavefunction, factor, frame, plain, scratch, rows_at(sums, factor->first_sum_row));
    }
    if (wavefunction->has_pair_factors)
        pair_product_accumulate(wavefunction, frame, c, du, scratch, sums);
}

void wavefunction_collect(const struct wavefunction *wavefunction, const double *sums, double *out)
{
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        const double *from = rows_at_const(sums, factor->first_sum_row);
        if (factor->type->collect)
            factor->type->collect(factor->state, from, out + factor->first_parameter);
        else
            for (size_t k = 0; k < factor->n_parameters; k++)
                out[factor->first_parameter + k] += pack_sum_row(rows_at_const(from, k));
    }
}

void wavefunction_features(const struct wavefunction *wavefunction, const double *frame, double *rows)
{
    const struct configuration at = wavefunction_configuration(wavefunction, frame);
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        const double *cache = rows_at_const(frame, factor->first_cache_row);
        if (factor->type->features)
            factor->type->features(factor->state, frame, cache, rows_at(rows, factor->first_feature));
        else if (!is_pair_factor(factor))
            factor->type->derivatives(factor->state, &at, cache, rows_at(rows, factor->first_feature));
    }
    if (wavefunction->has_pair_factors)
        pair_product_features(wavefunction, frame, rows);
}

void wavefunction_log(const struct wavefunction *wavefunction, const double *frame, double log_psi[WALKERS])
{
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack sum = pack_all(0.0);
        for (size_t f = 0; f < wavefunction->n_weights; f++) {
            const pack *weight = (const pack *)rows_at_const(frame, wavefunction->row_weight + 2 * f) + l;
            sum += 0.5 * (pack_log(*weight) + weight[ROW_PACKS]);
        }
        memcpy(log_psi + l * PACK_WIDTH, &sum, sizeof sum);
    }
}
