// SPDX-License-Identifier: GPL-3.0-or-later
// What stochastic reconfiguration asks of an RBM. O_w = (c / sigma_i^2) x_i s_j factorises, so the features x [M], 1,
// s [N] and O of ln sigma [D] of every sample stand for all M + N + M N + D derivatives: with the rows (x, 1) and (1,
// s) O v is a bilinear form, O^T y its M + 1 by N + 1 moments, and the Gram matrix of the weights an elementwise
// product of two (docs/theory.md, section 7).
#include "wavefunction/rbm_metric.h"

#include "base/memory.h"
#include "base/products.h"
#include "base/rows.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

static double envelope_scale(const struct rbm *rbm, size_t i)
{
    return rbm->envelope ? rbm->c * rbm->inverse_variance[i] : 0;
}
static size_t n_sigma(const struct rbm *rbm) { return rbm->n_widths; }

size_t rbm_n_features(const void *state)
{
    const struct rbm *rbm = state;
    return rbm->n_coordinates + 1 + rbm->hidden + n_sigma(rbm);
}

void rbm_features(const void *state, const double *x, const double *cache, double *rows)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    rows_copy(m, x, rows);
    rows_fill(1, 1, rows_at(rows, m));
    rows_copy(n, rbm_sigmoid(rbm, cache), rows_at(rows, m + 1));
    rbm_sigma_derivatives(rbm, x, cache, rows_at(rows, m + 1 + n));
}

struct features {
    struct products_rows left, right, ones, x, s, sigma;  // (x, 1), (1, s), and their parts
};

static struct features find_features(const struct rbm *rbm, size_t stride, const double *x)
{
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    const double *ones = x + m * stride;
    return (struct features){ { m + 1, stride, x },         { 1 + n, stride, ones },
                              { 1, stride, ones },          { m, stride, x },
                              { n, stride, ones + stride }, { n_sigma(rbm), stride, ones + (1 + n) * stride } };
}

void rbm_expand(const void *state, size_t n, size_t stride, const double *features, double *o)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, hidden = rbm->hidden;
    const struct features from = find_features(rbm, stride, features);
    for (size_t i = 0; i < m; i++) {
        const double *x = features + i * stride, weight = rbm->c * rbm->inverse_variance[i];
        for (size_t k = 0; k < n; k++)
            o[i * n + k] = envelope_scale(rbm, i) * (x[k] - rbm->a[i]);
        for (size_t j = 0; j < hidden; j++) {
            const double *s = from.s.row + j * stride;
            double *restrict out = o + (m + hidden + i * hidden + j) * n;
            for (size_t k = 0; k < n; k++)
                out[k] = weight * x[k] * s[k];
        }
    }
    for (size_t j = 0; j < hidden; j++)
        for (size_t k = 0; k < n; k++)
            o[(m + j) * n + k] = rbm->c * from.s.row[j * stride + k];
    for (size_t d = 0; d < from.sigma.n; d++)
        memcpy(o + (m + hidden + m * hidden + d) * n, from.sigma.row + d * stride, n * sizeof *o);
}

// out += sum_i (c / sigma_i^2) [ (x_i - a_i) v_i + x_i sum_j v_ij s_j ] + c sum_j v_j s_j + sum_d v_d O_d; work: [M +
// 1][1 + N]
void rbm_apply(const void *state, size_t n, size_t stride, const double *features, const double *v, double *work,
               double *out)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, hidden = rbm->hidden;
    const struct features from = find_features(rbm, stride, features);
    const double *b = v + m, *w = b + hidden, *last = w + m * hidden;
    double *const ones = work + m * (1 + hidden);
    ones[0] = 0;
    for (size_t i = 0; i < m; i++) {
        double *row = work + i * (1 + hidden);
        row[0] = envelope_scale(rbm, i) * v[i];
        ones[0] -= row[0] * rbm->a[i];
        for (size_t j = 0; j < hidden; j++)
            row[1 + j] = rbm->c * rbm->inverse_variance[i] * w[i * hidden + j];
    }
    for (size_t j = 0; j < hidden; j++)
        ones[1 + j] = rbm->c * b[j];
    products_apply(n, from.left, from.right, work, out);
    products_apply(n, from.ones, from.sigma, last, out);
}

void rbm_transpose(const void *state, size_t n, size_t stride, const double *features, const double *y, double *work,
                   double *out)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, hidden = rbm->hidden;
    const struct features from = find_features(rbm, stride, features);
    double *b = out + m, *w = b + hidden, *last = w + m * hidden, *const ones = work + m * (1 + hidden);
    memset(work, 0, (m + 1) * (1 + hidden) * sizeof *work);
    products_outer(n, from.left, from.right, y, work);
    for (size_t i = 0; i < m; i++) {
        const double *row = work + i * (1 + hidden);
        out[i] += envelope_scale(rbm, i) * (row[0] - rbm->a[i] * ones[0]);
        for (size_t j = 0; j < hidden; j++)
            w[i * hidden + j] += rbm->c * rbm->inverse_variance[i] * row[1 + j];
    }
    for (size_t j = 0; j < hidden; j++)
        b[j] += rbm->c * ones[1 + j];
    products_outer(n, from.ones, from.sigma, y, last);
}

// A unit whose s_j hardly differs from 0 on the samples has derivatives near 0, and a shift relative to them would let
// noise drive its parameters far out, unseen by the metric: its s_j^2 counts as this much more (s_j^2 is at most 1).
static const double silent_unit = 0.01;

static double variance(double n, double sum, double square) { return fmax(0, square / n - sum / n * (sum / n)); }

// Variances; for the weights <x_i^2><s_j^2>, which factorises as their Gram matrix needs it.
void rbm_scale(const void *state, size_t n, size_t stride, const double *features, double *work, double *out)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, hidden = rbm->hidden;
    const double count = (double)n, *sum = work, *square = work + m + 1 + hidden + n_sigma(rbm);
    double *b = out + m, *w = b + hidden, *last = w + m * hidden;
    products_sums(n, (struct products_rows){ m + 1 + hidden + n_sigma(rbm), stride, features }, work,
                  work + m + 1 + hidden + n_sigma(rbm));
    for (size_t i = 0; i < m; i++) {
        const double weight = rbm->c * rbm->inverse_variance[i];
        out[i] = envelope_scale(rbm, i) * envelope_scale(rbm, i) * variance(count, sum[i], square[i]);
        for (size_t j = 0; j < hidden; j++)
            w[i * hidden + j] = weight * weight * (square[i] / count) * (square[m + 1 + j] / count + silent_unit);
    }
    for (size_t j = 0; j < hidden; j++)
        b[j] = rbm->c * rbm->c * (variance(count, sum[m + 1 + j], square[m + 1 + j]) + silent_unit);
    for (size_t d = 0; d < n_sigma(rbm); d++)
        last[d] = variance(count, sum[m + 1 + hidden + d], square[m + 1 + hidden + d]);
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
    scaled_rows(n, hidden, stride, features + (m + 1) * stride, NULL, root, rows);
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
        const double *s = features + (m + 1 + j) * stride;
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
        scaled_rows(n, most - m, stride, features + (m + 1) * stride, NULL, root + m, rows + m * n);
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
