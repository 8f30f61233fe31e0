// SPDX-License-Identifier: GPL-3.0-or-later
// The metric of an RBM as a matrix. With the rows L = (x, 1) and R = (1, s) every O is, but for constants, a product
// L_i R_j, so that the covariances are made of <L_i L_k R_j R_l>, the same for (i, k) and (k, i) and for (j, l) and
// (l, j), and no O is needed: for 4 coordinates and 10 units 15 times 66 sums instead of 54 times 55 / 2.
#include "wavefunction/rbm_metric.h"

#include "base/products.h"

#include <string.h>

enum { CHUNK = 256 };

static size_t n_pairs(size_t n) { return n * (n + 1) / 2; }

// Of the parameter that belongs to L_i R_j; last of all stands L_M R_0, which is 1.
static size_t place(size_t m, size_t hidden, size_t i, size_t j)
{
    return j > 0 ? (i == m ? m + j - 1 : m + hidden + i * hidden + j - 1) : i == m ? m + hidden + m * hidden : i;
}

// sums[j][pairs][j + 1] += the sums over samples of outer_i outer_k inner_j inner_l, l <= j
static void add_sums(size_t n, struct products_rows outer, struct products_rows inner, double *rows, double *sums)
{
    double *row = rows;
    for (size_t i = 0; i < outer.n; i++)
        for (size_t k = 0; k <= i; k++, row += n)
            products_rows_times(n, outer.row + i * outer.stride, outer.row + k * outer.stride, row);
    const struct products_rows left = { n_pairs(outer.n), n, rows };
    for (size_t j = 0; j < inner.n; j++, sums += left.n * j) {
        const struct products_rows right = { j + 1, inner.stride, inner.row };
        products_outer(n, left, right, inner.row + j * inner.stride, sums);
    }
}

// From the sums to the moments of all parameters and of 1, the lower triangle; `swapped`: `outer` are the rows R.
static void spread(const struct rbm *rbm, bool swapped, const double *sums, double *moments)
{
    const size_t m = rbm->n_coordinates, hidden = rbm->hidden, n = (m + 1) * (hidden + 1),
                 outer = swapped ? hidden + 1 : m + 1, inner = swapped ? m + 1 : hidden + 1;
    for (size_t j = 0; j < inner; j++)
        for (size_t i = 0; i < outer; i++)
            for (size_t k = 0; k <= i; k++)
                for (size_t l = 0; l <= j; l++, sums++)
                    for (int crossed = 0; crossed < 2; crossed++) {
                        const size_t a = crossed ? l : j, b = crossed ? j : l;
                        const size_t first = swapped ? place(m, hidden, a, i) : place(m, hidden, i, a),
                                     second = swapped ? place(m, hidden, b, k) : place(m, hidden, k, b);
                        moments[first > second ? first * n + second : second * n + first] = *sums;
                    }
}

// What L_i R_j counts for in O
static void find_weights(const struct rbm *rbm, double *weight)
{
    const size_t m = rbm->n_coordinates, hidden = rbm->hidden;
    for (size_t i = 0; i < m; i++) {
        const double share = rbm->c * rbm->inverse_variance[i];
        weight[i] = rbm->envelope ? share : 0;
        for (size_t j = 0; j < hidden; j++)
            weight[m + hidden + i * hidden + j] = share;
    }
    for (size_t j = 0; j < hidden; j++)
        weight[m + j] = rbm->c;
}

bool rbm_matrix(const void *state, size_t n, size_t stride, const double *features, size_t room, double *work,
                double *out)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, hidden = rbm->hidden, parameters = m + hidden + m * hidden,
                 all = parameters + 1;
    const bool swapped = hidden < m;
    const size_t outer = swapped ? hidden + 1 : m + 1, inner = swapped ? m + 1 : hidden + 1,
                 n_sums = n_pairs(outer) * n_pairs(inner);
    if (rbm->n_widths > 0 || n_pairs(outer) * CHUNK + n_sums + all * all > room)
        return false;
    double *rows = work, *sums = rows + n_pairs(outer) * CHUNK, *moments = sums + n_sums, *weight = rows;
    memset(sums, 0, n_sums * sizeof *sums);
    for (size_t first = 0; first < n; first += CHUNK) {
        const struct products_rows left = { m + 1, stride, features + first },
                                   right = { hidden + 1, stride, features + m * stride + first };
        add_sums(n - first < CHUNK ? n - first : CHUNK, swapped ? right : left, swapped ? left : right, rows, sums);
    }
    spread(rbm, swapped, sums, moments);
    find_weights(rbm, weight);
    const double *total = moments + parameters * all, share = 1 / (double)n;
    for (size_t i = 0; i < parameters; i++)
        for (size_t k = 0; k <= i; k++)
            out[k * parameters + i] = out[i * parameters + k] = weight[i] * weight[k] * share *
                                                                (moments[i * all + k] - total[i] * share * total[k]);
    return true;
}
