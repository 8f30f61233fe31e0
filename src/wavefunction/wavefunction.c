// SPDX-License-Identifier: GPL-3.0-or-later
// The product of factors, and the list of those there are.
#include "vmc/wavefunction.h"

#include "base/list.h"
#include "base/memory.h"
#include "base/rows.h"

#include <math.h>
#include <string.h>

#define FACTORS(X) X(factor, rbm) X(factor, gaussian)
LIST(factor, FACTORS)

static size_t optional(size_t (*count)(const void *state), const void *state) { return count ? count(state) : 0; }
static size_t most(size_t a, size_t b) { return a > b ? a : b; }

// Rows of a frame and parameters, once every factor knows its own numbers.
static void lay_out(struct wavefunction *wavefunction)
{
    const size_t m = wavefunction->n_coordinates;
    wavefunction->row_gradient = m;
    wavefunction->row_laplacian = 2 * m;
    wavefunction->row_weight = 2 * m + 1;
    wavefunction->row_cache = wavefunction->row_weight + 2 * wavefunction->n_factors;
    wavefunction->n_rows = wavefunction->row_cache;
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        struct factor *factor = &wavefunction->factor[f];
        factor->first_parameter = wavefunction->n_parameters;
        factor->n_parameters = factor->type->n_parameters(factor->state);
        factor->first_cache_row = wavefunction->n_rows;
        factor->n_move_rows = optional(factor->type->n_move_rows, factor->state);
        factor->n_kept_rows = optional(factor->type->n_kept_rows, factor->state);
        factor->first_sum_row = wavefunction->n_sum_rows;
        factor->first_feature = wavefunction->n_features;
        factor->n_features = factor->type->n_features ? factor->type->n_features(factor->state) : factor->n_parameters;
        wavefunction->n_features += factor->n_features;
        wavefunction->n_parameters += factor->n_parameters;
        wavefunction->n_rows += optional(factor->type->n_cache_rows, factor->state);
        wavefunction->n_sum_rows += optional(factor->type->n_sum_rows, factor->state);
        wavefunction->n_scratch_rows = most(wavefunction->n_scratch_rows, optional(factor->type->n_scratch_rows, factor->state));
    }
}

static bool build_factors(struct wavefunction *wavefunction, struct error *error)
{
    size_t carriers = 0;
    for (size_t f = 0; f < wavefunction->n_factors; f++)
        carriers += wavefunction->factor[f].type->carries_trap;
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        struct factor *factor = &wavefunction->factor[f];
        const bool others = carriers > (factor->type->carries_trap ? 1U : 0U);
        if (!factor->type->build(factor->state, &wavefunction->system, others, error))
            return false;
    }
    return true;
}

bool wavefunction_build(struct wavefunction *wavefunction, const struct system *system, size_t n_factors, const struct factor_type *const *type,
                        void **state, struct error *error)
{
    *wavefunction = (struct wavefunction){ .system = *system, .n_coordinates = system_coordinates(system), .n_factors = n_factors };
    for (size_t f = 0; f < n_factors; f++)
        wavefunction->factor[f] = (struct factor){ .type = type[f], .state = state[f] };
    if (!build_factors(wavefunction, error)) {
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
        factor->type->finish(factor->state);
    }
    wavefunction->n_factors = 0;
}

void wavefunction_start(const struct wavefunction *wavefunction, double (*uniform)(void *random), void *random, double *theta)
{
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        factor->type->start(factor->state, uniform, random, theta + factor->first_parameter);
    }
}

bool wavefunction_prepare(struct wavefunction *wavefunction, const double *theta)
{
    bool good = true;
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        struct factor *factor = &wavefunction->factor[f];
        good = factor->type->prepare(factor->state, theta + factor->first_parameter) && good;
    }
    return good;
}

static double *weight_rows(const struct wavefunction *wavefunction, size_t f, double *frame)
{
    return rows_at(frame, wavefunction->row_weight + 2 * f);
}

void wavefunction_weigh(const struct wavefunction *wavefunction, double *frame)
{
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        factor->type->weigh(factor->state, frame, weight_rows(wavefunction, f, frame), rows_at(frame, factor->first_cache_row));
    }
}

PACK_HOT void wavefunction_evaluate(const struct wavefunction *wavefunction, double *frame)
{
    double *gradient = rows_at(frame, wavefunction->row_gradient), *laplacian = rows_at(frame, wavefunction->row_laplacian);
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        factor->type->evaluate(factor->state, frame, f > 0, weight_rows(wavefunction, f, frame), gradient, laplacian,
                               rows_at(frame, factor->first_cache_row));
    }
}

void wavefunction_move(const struct wavefunction *wavefunction, size_t p, const double *frame, double *trial)
{
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        const size_t weight = wavefunction->row_weight + 2 * f, cache = factor->first_cache_row;
        if (factor->type->move)
            factor->type->move(factor->state, p, frame, rows_at_const(frame, weight), rows_at_const(frame, cache), trial, rows_at(trial, weight),
                               rows_at(trial, cache));
        else
            factor->type->weigh(factor->state, trial, rows_at(trial, weight), rows_at(trial, cache));
    }
}

void wavefunction_derivatives(const struct wavefunction *wavefunction, const double *frame, double *o)
{
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        factor->type->derivatives(factor->state, frame, rows_at_const(frame, factor->first_cache_row), rows_at(o, factor->first_parameter));
    }
}

PACK_HOT void wavefunction_accumulate(const struct wavefunction *wavefunction, const double *frame, const double *c, const double *du, double *scratch,
                             double *sums)
{
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        factor->type->accumulate(factor->state, frame, rows_at_const(frame, factor->first_cache_row), c, du, scratch,
                                 rows_at(sums, factor->first_sum_row));
    }
}

void wavefunction_collect(const struct wavefunction *wavefunction, const double *sums, double *out)
{
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        factor->type->collect(factor->state, rows_at_const(sums, factor->first_sum_row), out + factor->first_parameter);
    }
}

void wavefunction_features(const struct wavefunction *wavefunction, const double *frame, double *rows)
{
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        const double *cache = rows_at_const(frame, factor->first_cache_row);
        (factor->type->features ? factor->type->features : factor->type->derivatives)(factor->state, frame, cache, rows_at(rows, factor->first_feature));
    }
}

void wavefunction_log(const struct wavefunction *wavefunction, const double *frame, double log_psi[WALKERS])
{
    for (size_t w = 0; w < WALKERS; w++) {
        log_psi[w] = 0;
        for (size_t f = 0; f < wavefunction->n_factors; f++) {
            const double *weight = rows_at_const(frame, wavefunction->row_weight + 2 * f);
            log_psi[w] += 0.5 * (log(weight[w]) + weight[WALKERS + w]);
        }
    }
}
