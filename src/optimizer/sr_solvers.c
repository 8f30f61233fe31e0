// SPDX-License-Identifier: GPL-3.0-or-later
// Three ways to one step. In coordinates scaled by D^-1/2 the shift is shift * 1 in each of them.
//   cholesky   S as a matrix: n K^2 + K^3 / 3 operations, for few parameters.
//   cg         conjugate gradients with S v = Q^T (Q v) / n, never formed (Hestenes and Stiefel, J. Res. NBS 49, 409
//   (1952)). minsr      for K > n (Chen and Heyl, Nature Physics 20, 1476 (2024)): with G = Q D^-1 Q^T,
//              delta = D^-1 Q^T (G/n + shift)^-1 z,  where z solves G z = Q D^-1 force: the force's projection on the
//              samples' span. For a force Q^T e it is z = e, and the three agree.
#include "optimizer/sr.h"

#include "base/gsl_guard.h"
#include "base/memory.h"

#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double dot(size_t n, const double *a, const double *b) { return cblas_ddot((int)n, a, 1, b, 1); }

static bool all_finite(size_t n, const double *v)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += fabs(v[k]);
    return isfinite(sum);
}

// Cholesky in place of a matrix whose diagonal is about 1; a little more on the diagonal until it goes.
static bool decompose(size_t n, double *matrix, const double *original)
{
    gsl_matrix_view view = gsl_matrix_view_array(matrix, n, n);
    for (double extra = 0; extra<1e-2; extra = extra> 0 ? 100 * extra : 1e-12) {
        memcpy(matrix, original, n * n * sizeof *matrix);
        for (size_t k = 0; k < n; k++)
            matrix[k * n + k] += extra;
        if (!all_finite(n * n, matrix))
            return false;
        gsl_guard_begin();
        const int failure = gsl_linalg_cholesky_decomp1(&view.matrix);
        gsl_guard_end();
        if (failure == 0)
            return true;
    }
    return false;
}

static void solve_decomposed(size_t n, const double *factor, double *x)
{
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, (int)n, factor, (int)n, x, 1);
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit, (int)n, factor, (int)n, x, 1);
}

bool sr_cholesky(const struct sr_problem *problem)
{
    const size_t n = problem->metric->n_parameters;
    double *s = memory_take(n * n * sizeof *s), *factor = memory_take(n * n * sizeof *factor),
           *inverse_root = memory_take(n * sizeof *inverse_root);
    bool good = s && factor && inverse_root;
    if (good) {
        problem->metric->matrix(problem->metric->context, s);
        for (size_t i = 0; i < n; i++)
            inverse_root[i] = 1 / sqrt(problem->scale[i]);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                s[i * n + j] = s[i * n + j] * (inverse_root[i] * inverse_root[j]) + (i == j ? problem->shift : 0);
        good = decompose(n, factor, s);
    }
    if (good) {
        for (size_t k = 0; k < n; k++)
            problem->delta[k] = problem->force[k] * inverse_root[k];
        solve_decomposed(n, factor, problem->delta);
        for (size_t k = 0; k < n; k++)
            problem->delta[k] *= inverse_root[k];
    }
    free(s);
    free(factor);
    free(inverse_root);
    return good && all_finite(n, problem->delta);
}

// out = (D^-1/2 S D^-1/2 + shift) v
static void scaled_metric(const struct sr_problem *problem, const double *root, const double *v, double *samples,
                          double *work, double *out)
{
    const struct optimizer_metric *metric = problem->metric;
    const size_t n = metric->n_parameters;
    for (size_t k = 0; k < n; k++)
        work[k] = v[k] / root[k];
    metric->apply(metric->context, work, samples);
    metric->transpose(metric->context, samples, out);
    for (size_t k = 0; k < n; k++)
        out[k] = out[k] / ((double)metric->n_samples * root[k]) + problem->shift * v[k];
}

static void precondition(const struct sr_problem *problem, const double *in, double *out)
{
    if (problem->metric->condition)
        problem->metric->precondition(problem->metric->context, problem->shift, in, out);
    else
        memcpy(out, in, problem->metric->n_parameters * sizeof *out);
}

bool sr_conjugate_gradients(const struct sr_problem *problem)
{
    const struct optimizer_metric *metric = problem->metric;
    const size_t n = metric->n_parameters;
    double *work = memory_take_zeroed(6 * n + metric->n_samples, sizeof *work);
    if (!work || (metric->condition && !metric->condition(metric->context))) {
        free(work);
        return false;
    }
    double *root = work, *residual = root + n, *direction = residual + n, *image = direction + n, *close = image + n,
           *scratch = close + n;
    double *samples = scratch + n, *x = problem->delta;
    for (size_t k = 0; k < n; k++) {
        root[k] = sqrt(problem->scale[k]);
        residual[k] = problem->force[k] / root[k];
        x[k] = 0;
    }
    precondition(problem, residual, close);
    memcpy(direction, close, n * sizeof *close);
    const double start = dot(n, residual, close);
    double square = start;
    for (size_t k = 0; k < problem->most && square > start * problem->tolerance * problem->tolerance; k++) {
        scaled_metric(problem, root, direction, samples, scratch, image);
        const double length = square / dot(n, direction, image);
        if (!isfinite(length))
            break;
        cblas_daxpy((int)n, length, direction, 1, x, 1);
        cblas_daxpy((int)n, -length, image, 1, residual, 1);
        precondition(problem, residual, close);
        const double next = dot(n, residual, close);
        for (size_t i = 0; i < n; i++)
            direction[i] = close[i] + next / square * direction[i];
        square = next;
    }
    for (size_t k = 0; k < n; k++)
        x[k] /= root[k];
    free(work);
    return all_finite(n, x);
}

enum { PROJECTION_ITERATIONS = 60 };

// G z = b by conjugate gradients with (G/n + shift)^-1 before it: a few iterations where the samples span b well;
// directions that they hardly span are left out when the iterations end.
static void project(size_t n, const double *gram, const double *factor, const double *b, double *z, double *work)
{
    double *residual = work, *close = residual + n, *direction = close + n, *image = direction + n;
    memset(z, 0, n * sizeof *z);
    memcpy(residual, b, n * sizeof *b);
    memcpy(close, b, n * sizeof *b);
    solve_decomposed(n, factor, close);
    memcpy(direction, close, n * sizeof *b);
    double product = dot(n, residual, close);
    const double start = product;
    for (int k = 0; k < PROJECTION_ITERATIONS && product > 1e-26 * start; k++) {
        cblas_dsymv(CblasRowMajor, CblasLower, (int)n, 1, gram, (int)n, direction, 1, 0, image, 1);
        const double length = product / dot(n, direction, image);
        if (!isfinite(length) || length <= 0)
            break;
        cblas_daxpy((int)n, length, direction, 1, z, 1);
        cblas_daxpy((int)n, -length, image, 1, residual, 1);
        memcpy(close, residual, n * sizeof *close);
        solve_decomposed(n, factor, close);
        const double next = dot(n, residual, close);
        for (size_t i = 0; i < n; i++)
            direction[i] = close[i] + next / product * direction[i];
        product = next;
    }
}

bool sr_minimum_norm(const struct sr_problem *problem)
{
    const struct optimizer_metric *metric = problem->metric;
    const size_t n = metric->n_samples, parameters = metric->n_parameters;
    double *gram = memory_take(n * n * sizeof *gram), *shifted = memory_take(n * n * sizeof *gram),
           *factor = memory_take(n * n * sizeof *gram);
    double *work = memory_take((6 * n + parameters) * sizeof *work);
    bool good = gram && shifted && factor && work;
    if (good) {
        double *weight = work, *b = weight + parameters, *z = b + n, *rest = z + n;
        for (size_t k = 0; k < parameters; k++)
            weight[k] = 1 / problem->scale[k];
        metric->gram(metric->context, weight, gram);
        for (size_t k = 0; k < n * n; k++)
            shifted[k] = gram[k] / (double)n;
        for (size_t k = 0; k < n; k++)
            shifted[k * n + k] += problem->shift;
        good = decompose(n, factor, shifted);
        for (size_t k = 0; k < parameters; k++)
            problem->delta[k] = problem->force[k] * weight[k];
        metric->apply(metric->context, problem->delta, b);
        if (good) {
            project(n, gram, factor, b, z, rest);
            solve_decomposed(n, factor, z);
            metric->transpose(metric->context, z, problem->delta);
            for (size_t k = 0; k < parameters; k++)
                problem->delta[k] *= weight[k];
        }
    }
    free(gram);
    free(shifted);
    free(factor);
    free(work);
    return good && all_finite(parameters, problem->delta);
}
