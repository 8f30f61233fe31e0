// SPDX-License-Identifier: GPL-3.0-or-later
#include "run/metric.h"

#include "base/memory.h"
#include "base/products.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

// Samples expanded to O at a time, where a factor has no faster way.
enum { CHUNK = 256 };

static size_t work_doubles(const struct wavefunction *wavefunction, size_t samples)
{
    const size_t expanded = wavefunction->n_parameters * CHUNK, rows = (wavefunction->n_features + 1) * samples;
    return expanded > rows ? expanded : rows;
}

bool metric_build(struct metric *metric, const struct wavefunction *wavefunction, size_t samples)
{
    *metric = (struct metric){ .wavefunction = wavefunction, .room = samples, .stage = FACTOR_LAST };
    metric->features = memory_doubles(wavefunction->n_features * samples);
    metric->mean = memory_doubles(wavefunction->n_parameters);
    metric->work = memory_doubles(work_doubles(wavefunction, samples));
    metric->condition = memory_doubles(wavefunction->n_condition);
    return metric->features && metric->mean && metric->work && metric->condition;
}

void metric_finish(struct metric *metric)
{
    memory_free(metric->features);
    memory_free(metric->mean);
    memory_free(metric->work);
    memory_free(metric->condition);
}

static bool has_joined(const struct metric *metric, size_t parameter)
{
    return wavefunction_stage(metric->wavefunction, parameter) <= metric->stage;
}

static bool all_have_joined(const struct metric *metric)
{
    bool all = true;
    for (size_t k = 0; metric->stage < FACTOR_LAST && k < metric->wavefunction->n_parameters; k++)
        all = all && has_joined(metric, k);
    return all;
}

// v without what has not joined
static void hold(const struct metric *metric, double *v)
{
    for (size_t k = 0; !metric->all_joined && k < metric->wavefunction->n_parameters; k++)
        v[k] = has_joined(metric, k) ? v[k] : 0;
}

void metric_gather(const struct ensemble_draw *draw, void *context)
{
    const struct metric_visit *visit = context;
    struct metric *metric = visit->metric;
    if (draw->draw % visit->every != 0)
        return;
    const size_t kept = (visit->draws + visit->every - 1) / visit->every,
                 sample = (draw->block * kept + draw->draw / visit->every) * WALKERS;
    wavefunction_features(metric->wavefunction, draw->x, draw->spare);
    for (size_t k = 0; k < metric->wavefunction->n_features; k++)
        memcpy(metric->features + k * metric->room + sample, draw->spare + k * WALKERS, WALKERS * sizeof(double));
}

static const double *factor_features(const struct metric *metric, const struct factor *factor)
{
    return metric->features + factor->first_feature * metric->room;
}

// O of samples [first, first + n) of one factor: [K_f][n]
static void expand(const struct metric *metric, const struct factor *factor, size_t first, size_t n, double *o)
{
    const double *features = factor_features(metric, factor) + first;
    if (factor->type->expand)
        factor->type->expand(factor->state, n, metric->room, features, o);
    else
        for (size_t k = 0; k < factor->n_parameters; k++)
            memcpy(o + k * n, features + k * metric->room, n * sizeof *o);
}

static size_t chunk_at(const struct metric *metric, size_t first)
{
    return metric->n_samples - first < CHUNK ? metric->n_samples - first : CHUNK;
}

static void apply(void *context, const double *v, double *out)
{
    const struct metric *metric = context;
    const struct wavefunction *wavefunction = metric->wavefunction;
    const double shift = cblas_ddot((int)wavefunction->n_parameters, v, 1, metric->mean, 1);
    for (size_t k = 0; k < metric->n_samples; k++)
        out[k] = -shift;
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        const double *part = v + factor->first_parameter;
        if (factor->type->apply) {
            factor->type->apply(factor->state, metric->n_samples, metric->room, factor_features(metric, factor), part,
                                metric->work, out);
            continue;
        }
        for (size_t first = 0; factor->n_parameters && first < metric->n_samples; first += CHUNK) {
            const size_t n = chunk_at(metric, first);
            expand(metric, factor, first, n, metric->work);
            cblas_dgemv(CblasRowMajor, CblasTrans, (int)factor->n_parameters, (int)n, 1, metric->work, (int)n, part, 1,
                        1, out + first, 1);
        }
    }
}

// O^T y, not centred
static void transpose_plain(const struct metric *metric, const double *y, double *out)
{
    const struct wavefunction *wavefunction = metric->wavefunction;
    memset(out, 0, wavefunction->n_parameters * sizeof *out);
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        double *part = out + factor->first_parameter;
        if (factor->type->transpose) {
            factor->type->transpose(factor->state, metric->n_samples, metric->room, factor_features(metric, factor), y,
                                    metric->work, part);
            continue;
        }
        for (size_t first = 0; factor->n_parameters && first < metric->n_samples; first += CHUNK) {
            const size_t n = chunk_at(metric, first);
            expand(metric, factor, first, n, metric->work);
            cblas_dgemv(CblasRowMajor, CblasNoTrans, (int)factor->n_parameters, (int)n, 1, metric->work, (int)n,
                        y + first, 1, 1, part, 1);
        }
    }
}

static void transpose(void *context, const double *y, double *out)
{
    const struct metric *metric = context;
    double sum = 0;
    for (size_t k = 0; k < metric->n_samples; k++)
        sum += y[k];
    transpose_plain(metric, y, out);
    cblas_daxpy((int)metric->wavefunction->n_parameters, -sum, metric->mean, 1, out, 1);
    hold(metric, out);
}

// All O of a chunk of samples, centred: [K][n]
static void expand_all(const struct metric *metric, size_t first, size_t n, double *o)
{
    const struct wavefunction *wavefunction = metric->wavefunction;
    for (size_t f = 0; f < wavefunction->n_factors; f++)
        expand(metric, &wavefunction->factor[f], first, n, o + wavefunction->factor[f].first_parameter * n);
    products_centre(n, wavefunction->n_parameters, metric->mean, o);
}

// The one factor that has parameters may know a better way.
static bool matrix_of_one(const struct metric *metric, double *out)
{
    const struct wavefunction *wavefunction = metric->wavefunction;
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        if (factor->n_parameters > 0)
            return factor->n_parameters == wavefunction->n_parameters && factor->type->matrix &&
                   factor->type->matrix(factor->state, metric->n_samples, metric->room, factor_features(metric, factor),
                                        factor->n_parameters * CHUNK, metric->work, out);
    }
    return false;
}

static void matrix_by_expansion(const struct metric *metric, double *out)
{
    const size_t parameters = metric->wavefunction->n_parameters;
    memset(out, 0, parameters * parameters * sizeof *out);
    for (size_t first = 0; first < metric->n_samples; first += CHUNK) {
        const size_t n = chunk_at(metric, first);
        expand_all(metric, first, n, metric->work);
        products_gram(n, (struct products_rows){ parameters, n, metric->work }, parameters, out);
    }
    for (size_t i = 0; i < parameters; i++)
        for (size_t j = 0; j <= i; j++)
            out[j * parameters + i] = out[i * parameters + j] /= (double)metric->n_samples;
}

static void matrix(void *context, double *out)
{
    const struct metric *metric = context;
    const size_t parameters = metric->wavefunction->n_parameters;
    if (!matrix_of_one(metric, out))
        matrix_by_expansion(metric, out);
    for (size_t i = 0; !metric->all_joined && i < parameters; i++)
        for (size_t j = 0; j < parameters; j++)
            if (!has_joined(metric, i) || !has_joined(metric, j))
                out[i * parameters + j] = 0;
}

// Q diag(weight) Q^T from O diag(weight) O^T: with a_i = (O diag(weight) <O>)_i and c = <O>^T diag(weight) <O>, minus
// a_i, minus a_j, plus c
static void centre_gram(const struct metric *metric, const double *weight, double *out)
{
    const size_t n = metric->n_samples, parameters = metric->wavefunction->n_parameters;
    double *weighted = memory_doubles(parameters), *a = memory_doubles(n), c = 0;
    if (!weighted || !a) {
        out[0] = NAN;  // the solver sees that there is no matrix
    } else {
        for (size_t k = 0; k < parameters; k++) {
            weighted[k] = weight[k] * metric->mean[k];
            c += weighted[k] * metric->mean[k];
        }
        apply((void *)(uintptr_t)metric, weighted, a);  // centred: a_i - c
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                out[i * n + j] -= a[i] + a[j] + c;
    }
    memory_free(weighted);
    memory_free(a);
}

// A factor without a way of its own: O of all samples, a few parameters at a time.
static void gram_by_expansion(const struct metric *metric, const struct factor *factor, const double *weight,
                              double *out)
{
    const size_t n = metric->n_samples, parameters = factor->n_parameters;
    double *o = memory_doubles(parameters * n);
    if (!o) {
        out[0] = NAN;
        return;
    }
    expand(metric, factor, 0, n, o);
    for (size_t k = 0; k < parameters; k++)
        cblas_dscal((int)n, sqrt(weight[k]), o + k * n, 1);
    if (parameters)
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, (int)n, (int)parameters, 1, o, (int)n, 1, out, (int)n);
    memory_free(o);
}

static void gram_of_joined(const struct metric *metric, const double *weight, double *out)
{
    const struct wavefunction *wavefunction = metric->wavefunction;
    const size_t n = metric->n_samples;
    memset(out, 0, n * n * sizeof *out);
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        const double *part = weight + factor->first_parameter;
        if (factor->type->gram)
            factor->type->gram(factor->state, n, metric->room, factor_features(metric, factor), part, metric->work,
                               out);
        else
            gram_by_expansion(metric, factor, part, out);
    }
    for (size_t i = 0; i < n; i++)  // the lower triangle is what was filled
        for (size_t j = i + 1; j < n; j++)
            out[i * n + j] = out[j * n + i];
    centre_gram(metric, weight, out);
}

static void gram(void *context, const double *weight, double *out)
{
    const struct metric *metric = context;
    const size_t n = metric->wavefunction->n_parameters;
    double *joined = memory_doubles(n);
    if (!joined) {
        out[0] = NAN;
        return;
    }
    memcpy(joined, weight, n * sizeof *weight);
    hold(metric, joined);
    gram_of_joined(metric, joined, out);
    memory_free(joined);
}

static void variance_of_o(const struct metric *metric, const struct factor *factor, double *out)
{
    memset(out, 0, factor->n_parameters * sizeof *out);
    for (size_t first = 0; first < metric->n_samples; first += CHUNK) {
        const size_t n = chunk_at(metric, first);
        expand(metric, factor, first, n, metric->work);
        for (size_t k = 0; k < factor->n_parameters; k++)
            for (size_t s = 0; s < n; s++) {
                const double step = metric->work[k * n + s] - metric->mean[factor->first_parameter + k];
                out[k] += step * step / (double)metric->n_samples;
            }
    }
}

static void scale(void *context, double *out)
{
    const struct metric *metric = context;
    for (size_t f = 0; f < metric->wavefunction->n_factors; f++) {
        const struct factor *factor = &metric->wavefunction->factor[f];
        double *part = out + factor->first_parameter;
        if (factor->type->scale)
            factor->type->scale(factor->state, metric->n_samples, metric->room, factor_features(metric, factor),
                                metric->work, part);
        else
            variance_of_o(metric, factor, part);
        for (size_t k = 0; k < factor->n_parameters; k++)
            part[k] = fmax(part[k], factor->type->scale_least);
    }
    hold(metric, out);
}

static bool condition(void *context)
{
    const struct metric *metric = context;
    bool good = true;
    for (size_t f = 0; f < metric->wavefunction->n_factors; f++) {
        const struct factor *factor = &metric->wavefunction->factor[f];
        if (factor->n_condition > 0)
            good = factor->type->condition(factor->state, metric->n_samples, metric->room,
                                           factor_features(metric, factor),
                                           metric->condition + factor->first_condition) &&
                   good;
    }
    return good;
}

static void precondition(void *context, double shift, const double *in, double *out)
{
    const struct metric *metric = context;
    for (size_t f = 0; f < metric->wavefunction->n_factors; f++) {
        const struct factor *factor = &metric->wavefunction->factor[f];
        const size_t first = factor->first_parameter;
        if (factor->n_condition > 0)
            factor->type->precondition(factor->state, shift, metric->condition + factor->first_condition, in + first,
                                       out + first);
        else
            for (size_t k = first; k < first + factor->n_parameters; k++)
                out[k] = in[k] / (1 + shift);
    }
}

size_t metric_directions(const struct wavefunction *wavefunction)
{
    const size_t m = wavefunction->n_coordinates, most = m * (m + 1);
    return wavefunction->n_parameters < most ? wavefunction->n_parameters : most;
}

const struct optimizer_metric *metric_ready(struct metric *metric, size_t n_samples)
{
    metric->n_samples = n_samples;
    metric->all_joined = all_have_joined(metric);
    double *ones = memory_doubles(n_samples);
    if (!ones)
        return NULL;
    for (size_t k = 0; k < n_samples; k++)
        ones[k] = 1 / (double)n_samples;
    transpose_plain(metric, ones, metric->mean);
    memory_free(ones);
    metric->operators = (struct optimizer_metric){
        metric->wavefunction->n_parameters,
        n_samples,
        metric,
        scale,
        apply,
        transpose,
        matrix,
        gram,
        condition,
        precondition,
        .n_directions = metric_directions(metric->wavefunction),
    };
    return &metric->operators;
}
