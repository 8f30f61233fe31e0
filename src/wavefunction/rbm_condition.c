// SPDX-License-Identifier: GPL-3.0-or-later
// A preconditioner for an RBM's metric. The derivatives by a_i and w_ij are x_i times 1 and s_j, so their block of S is
// <x_i x_k t_j t_l> with t = (1, s): nearly <x_i x_k> <t_j t_l>, a Kronecker product of matrices of M and N + 1 rows
// (as for layers of networks: Martens and Grosse, ICML 2015, arXiv:1503.05671). With the eigenvectors of both, dividing
// by the products of eigenvalues plus the shift inverts it. The derivatives by b have the covariance of s; a width
// stands for itself. All scaled to a diagonal of about 1, as S is (rbm_scale).
#include "wavefunction/rbm_metric.h"

#include "base/products.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

// LAPACK, in OpenBLAS: eigenvalues and eigenvectors of a symmetric matrix.
void dsyevd_(const char *job, const char *triangle, const int *n, double *a, const int *lda, double *w, double *work,
             const int *lwork, int *iwork, const int *liwork, int *info);

// Samples that are enough for the moments.
enum { MOMENT_SAMPLES = 2048 };
static const double silent_unit = 0.01;  // as in rbm_scale

struct parts {
    size_t m, t, n;  // rows of <x x>, of <t t> and of cov(s)
    double *x_vectors, *t_vectors, *s_vectors, *x_values, *t_values, *s_values;
    double *work;  // eigenvectors' and three grids' room
    int *integers;
};

static size_t grid_units(const struct rbm *rbm) { return rbm->hidden + (rbm->envelope ? 1 : 0); }
static size_t largest(size_t a, size_t b) { return a > b ? a : b; }

// Matrices of M and N rows cost their cubes, a step of conjugate gradients M N for each of a few thousand samples.
static bool worth_it(const struct rbm *rbm)
{
    const size_t m = rbm->n_coordinates, t = rbm->hidden;
    return m * t >= 64 && m <= 1000 && t <= 1000 && m * m + t * t <= 64 * m * t;
}

static size_t work_doubles(size_t m, size_t t)
{
    const size_t n = largest(m, t), eigen = 1 + 6 * n + 2 * n * n;
    return largest(eigen, 2 * m * t);
}

size_t rbm_n_condition(const void *state)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, t = grid_units(rbm), n = rbm->hidden;
    return worth_it(rbm) ? m * m + t * t + n * n + m + t + n + work_doubles(m, t) + 3 + 5 * largest(m, t) : 0;
}

static struct parts lay_out(const struct rbm *rbm, double *room)
{
    const size_t m = rbm->n_coordinates, t = grid_units(rbm), n = rbm->hidden;
    struct parts parts = { .m = m, .t = t, .n = n };
    const struct {
        double **part;
        size_t size;
    } all[] = { { &parts.x_vectors, m * m },
                { &parts.t_vectors, t * t },
                { &parts.s_vectors, n * n },
                { &parts.x_values, m },
                { &parts.t_values, t },
                { &parts.s_values, n },
                { &parts.work, work_doubles(m, t) } };
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        *all[k].part = room;
        room += all[k].size;
    }
    parts.integers = (int *)(void *)room;
    return parts;
}

// The symmetric matrix in `vectors` (lower triangle by rows) -> its eigenvectors, as rows; values below 0 by rounding
// count as 0.
static bool decompose(const struct parts *parts, size_t n, double *vectors, double *values)
{
    const int rows = (int)n, size = 1 + 6 * rows + 2 * rows * rows, integers = 3 + 5 * rows;
    int info = 0;
    dsyevd_("V", "U", &rows, vectors, &rows, values, parts->work, &size, parts->integers, &integers, &info);
    for (size_t k = 0; k < n; k++)
        values[k] = fmax(0, values[k]);
    return info == 0;
}

// Means over n samples of the products of rows, the lower triangle
static void moments(size_t n, struct products_rows rows, double *out)
{
    memset(out, 0, rows.n * rows.n * sizeof *out);
    products_gram(n, rows, rows.n, out);
    for (size_t k = 0; k < rows.n * rows.n; k++)
        out[k] /= (double)n;
}

// Scaled by 1 / sqrt(d_i d_k), d the diagonal, from row `first` on plus `more`
static void normalise(size_t n, size_t first, double more, double *matrix, double *root)
{
    for (size_t i = 0; i < n; i++) {
        const double square = matrix[i * n + i] + (i < first ? 0 : more);
        root[i] = square > 0 ? 1 / sqrt(square) : 0;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k <= i; k++)
            matrix[i * n + k] *= root[i] * root[k];
}

bool rbm_condition(const void *state, size_t samples, size_t stride, const double *features, double *condition)
{
    const struct rbm *rbm = state;
    const struct parts parts = lay_out(rbm, condition);
    const size_t m = parts.m, t = parts.t, n = parts.n, first = t - n,
                 used = samples < MOMENT_SAMPLES ? samples : MOMENT_SAMPLES;
    const double *s = features + (m + 1) * stride;  // behind x [M] and 1
    moments(used, (struct products_rows){ m, stride, features }, parts.x_vectors);
    moments(used, (struct products_rows){ t, stride, s - first * stride }, parts.t_vectors);
    double *const mean = parts.t_values + first;
    products_sums(used, (struct products_rows){ n, stride, s }, mean, parts.work);
    for (size_t i = 0; i < n; i++) {
        mean[i] /= (double)used;
        for (size_t k = 0; k <= i; k++)
            parts.s_vectors[i * n + k] = parts.t_vectors[(first + i) * t + first + k] - mean[i] * mean[k];
    }
    normalise(m, 0, 0, parts.x_vectors, parts.x_values);
    normalise(n, 0, silent_unit, parts.s_vectors, parts.s_values);
    normalise(t, first, silent_unit, parts.t_vectors, parts.t_values);
    return decompose(&parts, m, parts.x_vectors, parts.x_values) &&
           decompose(&parts, t, parts.t_vectors, parts.t_values) &&
           decompose(&parts, n, parts.s_vectors, parts.s_values);
}

// out = X grid T^T, or with the transposes of X and T
static void turn(const struct parts *p, bool back, const double *grid, double *between, double *out)
{
    const int m = (int)p->m, t = (int)p->t;
    cblas_dgemm(CblasRowMajor, back ? CblasTrans : CblasNoTrans, CblasNoTrans, m, t, m, 1, p->x_vectors, m, grid, t, 0,
                between, t);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, back ? CblasNoTrans : CblasTrans, m, t, t, 1, between, t, p->t_vectors, t,
                0, out, t);
}

static void precondition_grid(const struct rbm *rbm, const struct parts *p, double shift, const double *in, double *out)
{
    const size_t m = p->m, n = p->n, t = p->t, first = t - n, w = m + n;
    double *grid = p->work, *between = grid + m * t;
    for (size_t i = 0; i < m; i++) {
        if (rbm->envelope)
            grid[i * t] = in[i];
        memcpy(grid + i * t + first, in + w + i * n, n * sizeof *grid);
    }
    turn(p, false, grid, between, grid);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < t; j++)
            grid[i * t + j] /= p->x_values[i] * p->t_values[j] + shift;
    turn(p, true, grid, between, grid);
    for (size_t i = 0; i < m; i++) {
        out[i] = rbm->envelope ? grid[i * t] : in[i];
        memcpy(out + w + i * n, grid + i * t + first, n * sizeof *grid);
    }
}

void rbm_precondition(const void *state, double shift, double *condition, const double *in, double *out)
{
    const struct rbm *rbm = state;
    const struct parts p = lay_out(rbm, condition);
    const int n = (int)p.n;
    precondition_grid(rbm, &p, shift, in, out);
    cblas_dgemv(CblasRowMajor, CblasNoTrans, n, n, 1, p.s_vectors, n, in + p.m, 1, 0, p.work, 1);
    for (size_t j = 0; j < p.n; j++)
        p.work[j] /= p.s_values[j] + shift;
    cblas_dgemv(CblasRowMajor, CblasTrans, n, n, 1, p.s_vectors, n, p.work, 1, 0, out + p.m, 1);
    for (size_t k = p.m * (1 + p.n) + p.n; k < rbm->n_coordinates * (1 + rbm->hidden) + rbm->hidden + rbm->n_widths;
         k++)
        out[k] = in[k] / (1 + shift);
}
