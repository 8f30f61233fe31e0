// SPDX-License-Identifier: GPL-3.0-or-later
// What stochastic reconfiguration asks of an RBM. O_w = (c / sigma_i^2) x_i s_j factorises, so the features x [M], s
// [N] and O of ln sigma [D] of every sample stand for all M + N + M N + D derivatives: O v, O^T y are two matrix
// products, the Gram matrix of the weights an elementwise product of two (docs/theory.md, section 7).
#include "wavefunction/rbm_metric.h"

#include "base/memory.h"
#include "base/rows.h"

#include <cblas.h>
#include <math.h>

// Samples per product: the intermediate rows stay in the second-level cache.
enum { SAMPLES_AT_ONCE = 512 };

static double envelope_scale(const struct rbm *rbm, size_t i)
{
    return rbm->envelope ? rbm->c * rbm->inverse_variance[i] : 0;
}
static size_t n_sigma(const struct rbm *rbm) { return rbm->n_widths; }
static size_t at_once(size_t n, size_t first) { return n - first < SAMPLES_AT_ONCE ? n - first : SAMPLES_AT_ONCE; }

size_t rbm_n_features(const void *state)
{
    const struct rbm *rbm = state;
    return rbm->n_coordinates + rbm->hidden + n_sigma(rbm);
}

void rbm_features(const void *state, const double *x, const double *cache, double *rows)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    rows_copy(m, x, rows);
    rows_copy(n, rbm_sigmoid(rbm, cache), rows_at(rows, m));
    rbm_sigma_derivatives(rbm, x, cache, rows_at(rows, m + n));
}

void rbm_expand(const void *state, size_t n, size_t stride, const double *features, double *o)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, hidden = rbm->hidden;
    const double *x = features, *s = features + m * stride, *sigma = s + hidden * stride;
    for (size_t i = 0; i < m; i++) {
        for (size_t k = 0; k < n; k++)
            o[i * n + k] = envelope_scale(rbm, i) * (x[i * stride + k] - rbm->a[i]);
        for (size_t j = 0; j < hidden; j++)
            for (size_t k = 0; k < n; k++)
                o[(m + hidden + i * hidden + j) * n + k] = rbm->c * rbm->inverse_variance[i] * x[i * stride + k] *
                                                           s[j * stride + k];
    }
    for (size_t j = 0; j < hidden; j++)
        for (size_t k = 0; k < n; k++)
            o[(m + j) * n + k] = rbm->c * s[j * stride + k];
    for (size_t d = 0; d < n_sigma(rbm); d++)
        for (size_t k = 0; k < n; k++)
            o[(m + hidden + m * hidden + d) * n + k] = sigma[d * stride + k];
}

// out += sum_i (c / sigma_i^2) [ (x_i - a_i) v_i + x_i sum_j v_ij s_j ] + c sum_j v_j s_j + sum_d v_d O_d; work: [M +
// 1][SAMPLES_AT_ONCE]
static void apply_part(const struct rbm *rbm, size_t n, size_t stride, const double *x, const double *v, double *work,
                       double *out)
{
    const size_t m = rbm->n_coordinates, hidden = rbm->hidden;
    const double *s = x + m * stride, *sigma = s + hidden * stride, *b = v + m, *w = b + hidden, *last = w + m * hidden;
    for (size_t j = 0; j < hidden; j++)
        cblas_daxpy((int)n, rbm->c * b[j], s + j * stride, 1, out, 1);
    if (hidden)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)n, (int)hidden, 1, w, (int)hidden, s,
                    (int)stride, 0, work, (int)n);
    for (size_t i = 0; i < m; i++) {
        const double weight = rbm->c * rbm->inverse_variance[i], slope = envelope_scale(rbm, i) * v[i];
        for (size_t k = 0; k < n; k++)
            out[k] += slope * (x[i * stride + k] - rbm->a[i]) +
                      (hidden ? weight * x[i * stride + k] * work[i * n + k] : 0);
    }
    for (size_t d = 0; d < n_sigma(rbm); d++)
        cblas_daxpy((int)n, last[d], sigma + d * stride, 1, out, 1);
}

void rbm_apply(const void *state, size_t n, size_t stride, const double *features, const double *v, double *work,
               double *out)
{
    for (size_t first = 0; first < n; first += SAMPLES_AT_ONCE)
        apply_part(state, at_once(n, first), stride, features + first, v, work, out + first);
}

static void transpose_part(const struct rbm *rbm, size_t n, size_t stride, const double *x, const double *y,
                           double *work, double *out)
{
    const size_t m = rbm->n_coordinates, hidden = rbm->hidden;
    const double *s = x + m * stride, *sigma = s + hidden * stride;
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += y[k];
    for (size_t i = 0; i < m; i++) {
        out[i] += envelope_scale(rbm, i) * (cblas_ddot((int)n, x + i * stride, 1, y, 1) - rbm->a[i] * sum);
        for (size_t k = 0; k < n; k++)
            work[i * n + k] = rbm->c * rbm->inverse_variance[i] * x[i * stride + k] * y[k];
    }
    for (size_t j = 0; j < hidden; j++)
        out[m + j] += rbm->c * cblas_ddot((int)n, s + j * stride, 1, y, 1);
    if (hidden)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)hidden, (int)n, 1, work, (int)n, s,
                    (int)stride, 1, out + m + hidden, (int)hidden);
    for (size_t d = 0; d < n_sigma(rbm); d++)
        out[m + hidden + m * hidden + d] += cblas_ddot((int)n, sigma + d * stride, 1, y, 1);
}

void rbm_transpose(const void *state, size_t n, size_t stride, const double *features, const double *y, double *work,
                   double *out)
{
    for (size_t first = 0; first < n; first += SAMPLES_AT_ONCE)
        transpose_part(state, at_once(n, first), stride, features + first, y + first, work, out);
}

static double mean_square(size_t n, const double *row) { return cblas_ddot((int)n, row, 1, row, 1) / (double)n; }

// In eight sums, which the compiler may keep in one register; samples come in whole blocks of walkers.
static double mean(size_t n, const double *row)
{
    double sum[8] = { 0 };
    for (size_t k = 0; k < n; k += 8)
        for (size_t l = 0; l < 8; l++)
            sum[l] += row[k + l];
    return (((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]))) / (double)n;
}

static double variance(size_t n, const double *row)
{
    const double centre = mean(n, row);
    return fmax(0, mean_square(n, row) - centre * centre);
}

// A unit whose s_j hardly differs from 0 on the samples has derivatives near 0, and a shift relative to them would let
// noise drive its parameters far out, unseen by the metric: its s_j^2 counts as this much more (s_j^2 is at most 1).
static const double silent_unit = 0.01;

// Variances; for the weights <x_i^2><s_j^2>, which factorises as their Gram matrix needs it.
void rbm_scale(const void *state, size_t n, size_t stride, const double *features, double *out)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, hidden = rbm->hidden;
    const double *s = features + m * stride, *sigma = s + hidden * stride;
    double *b = out + m, *w = b + hidden, *last = w + m * hidden;
    for (size_t i = 0; i < m; i++) {
        const double *row = features + i * stride, weight = rbm->c * rbm->inverse_variance[i];
        out[i] = envelope_scale(rbm, i) * envelope_scale(rbm, i) * variance(n, row);
        const double square = weight * weight * mean_square(n, row);
        for (size_t j = 0; j < hidden; j++)
            w[i * hidden + j] = square;
    }
    for (size_t j = 0; j < hidden; j++) {
        const double *row = s + j * stride, square = mean_square(n, row) + silent_unit;
        b[j] = rbm->c * rbm->c * (variance(n, row) + silent_unit);
        for (size_t i = 0; i < m; i++)
            w[i * hidden + j] *= square;
    }
    for (size_t d = 0; d < n_sigma(rbm); d++)
        last[d] = variance(n, sigma + d * stride);
}

// lower triangle of out += sum_k (root_k row_k)(root_k row_k)^T; root NULL: 1
static void add_gram(size_t n, size_t rows, double *scaled, double beta, double *out)
{
    if (rows)
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, (int)n, (int)rows, 1, scaled, (int)n, beta, out, (int)n);
}

static void scaled_rows(size_t n, size_t rows, size_t stride, const double *from, const double *shift,
                        const double *weight, double *to)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < n; k++)
            to[r * n + k] = weight[r] * (from[r * stride + k] - (shift ? shift[r] : 0));
}

static bool separable(size_t m, size_t hidden, const double *weight)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < hidden; j++) {
            const double product = weight[i * hidden] * weight[j], other = weight[i * hidden + j] * weight[0];
            if (!(fabs(product - other) <= 1e-9 * fabs(other)))
                return false;
        }
    return true;
}

// Weights p_i q_j: (X^T p X) o (S^T q S)
static void gram_product(const struct rbm *rbm, size_t n, size_t stride, const double *features, const double *weight,
                         double *rows, double *root, double *left, double *right, double *out)
{
    const size_t m = rbm->n_coordinates, hidden = rbm->hidden;
    for (size_t i = 0; i < m; i++)
        root[i] = rbm->c * rbm->inverse_variance[i] * sqrt(weight[i * hidden]);
    scaled_rows(n, m, stride, features, NULL, root, rows);
    add_gram(n, m, rows, 0, left);
    for (size_t j = 0; j < hidden; j++)
        root[j] = sqrt(weight[j] / weight[0]);
    scaled_rows(n, hidden, stride, features + m * stride, NULL, root, rows);
    add_gram(n, hidden, rows, 0, right);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            out[i * n + j] += left[i * n + j] * right[i * n + j];
}

// Weights of any form, one hidden unit at a time.
static void gram_general(const struct rbm *rbm, size_t n, size_t stride, const double *features, const double *weight,
                         double *rows, double *out)
{
    const size_t m = rbm->n_coordinates, hidden = rbm->hidden;
    for (size_t j = 0; j < hidden; j++) {
        const double *s = features + (m + j) * stride;
        for (size_t i = 0; i < m; i++)
            for (size_t k = 0; k < n; k++)
                rows[i * n + k] = rbm->c * rbm->inverse_variance[i] * sqrt(weight[i * hidden + j]) *
                                  features[i * stride + k] * s[k];
        add_gram(n, m, rows, 1, out);
    }
}

void rbm_gram(const void *state, size_t n, size_t stride, const double *features, const double *weight, double *work,
              double *out)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, hidden = rbm->hidden, most = m + hidden + n_sigma(rbm);
    double *rows = memory_doubles(most * n), *root = memory_doubles(most), *left = memory_doubles(n * n),
           *right = memory_doubles(n * n);
    const double *w = weight + m + hidden;
    (void)work;
    if (!rows || !root || !left || !right) {
        out[0] = NAN;  // the solver sees that there is no matrix
    } else {
        for (size_t k = 0; k < most; k++)
            root[k] = k < m            ? envelope_scale(rbm, k) * sqrt(weight[k])
                      : k < m + hidden ? rbm->c * sqrt(weight[k])
                                       : sqrt(w[m * hidden + k - m - hidden]);
        scaled_rows(n, m, stride, features, rbm->a, root, rows);
        scaled_rows(n, most - m, stride, features + m * stride, NULL, root + m, rows + m * n);
        add_gram(n, most, rows, 1, out);
        if (hidden && separable(m, hidden, w))
            gram_product(rbm, n, stride, features, w, rows, root, left, right, out);
        else if (hidden)
            gram_general(rbm, n, stride, features, w, rows, out);
    }
    memory_free(rows);
    memory_free(root);
    memory_free(left);
    memory_free(right);
}
