// SPDX-License-Identifier: GPL-3.0-or-later
// Gaussian-binary restricted Boltzmann machine, psi = F^c (docs/theory.md, eqs. 2.2 to 2.8):
//     ln psi = c [ -sum_i (x_i - a_i)^2 / (2 sigma_i^2) + sum_j ln(1 + e^theta_j) ],   theta_j = b_j + sum_i x_i w_ij /
//     sigma_i^2
// With v_ij = w_ij / sigma_i^2 and s_j = 1 / (1 + e^-theta_j):
//     d/dx_k = c [ -(x_k - a_k) / sigma_k^2 + sum_j v_kj s_j ],   Laplacian = c [ -sum_k 1/sigma_k^2 + sum_j s_j (1 -
//     s_j) sum_k v_kj^2 ]
// Cache rows: theta [N] and the Gaussian's share (what one-particle moves keep) | s [N], c h_i = c sum_j v_ij s_j [M]
// (what derivatives need).
// Check by hand: M = N = 1, a = b = 0, w = sigma = 1, amplitude, x = 0: ln psi = ln 2, d/dx = 1/2, Laplacian = -1 +
// 1/4.
#include "wavefunction/rbm.h"
#include "wavefunction/rbm_metric.h"

#include "base/rows.h"

static size_t n_move_rows(const void *state) { return ((const struct rbm *)state)->hidden + 1; }

static size_t n_kept_rows(const void *state)
{
    const struct rbm *rbm = state;
    return rbm->hidden + (rbm->train_sigma ? rbm->n_coordinates : 0);
}

static size_t n_cache_rows(const void *state) { return n_move_rows(state) + n_kept_rows(state); }

// A product of n factors in [1, 2] is at most 2^n, and its square 4^n: before a mantissa leaves 2^60 its powers of two
// move to the exponent.
enum { HIDDEN_AT_ONCE = 58 };

// sum counts twice ln of what it takes over (see fold_hidden)
PACK_INLINE void renormalise(pack *product, pack *sum)
{
    const pack power = pack_exponent(*product);
    *product = pack_scale(*product, -power);
    *sum = pack_fma(pack_all(2 * 0.6931471805599453), power, *sum);
}

// e^-|theta_j|, [N] rows, in a short loop of its own: a processor then has several packs in flight.
static void exponentials(size_t n, const double *theta, double *out)
{
    for (size_t k = 0; k < n * ROW_PACKS; k += PACKS_AT_ONCE)
        packs_exp_minus_abs(PACKS_AT_ONCE, (const pack *)theta + k, (pack *)out + k);
}

// |psi|^2 = (product)^2c exp(c sum + Gaussian) with prod_j (1 + e^-|theta_j|) and sum_j (theta_j + |theta_j|); eq. 2.4.
// unit: [N] rows of e^-|theta_j|, which become s_j where the Laplacian is asked for (else NULL), c sum_j s_j (1 - s_j)
// sum_i v_ij^2 and the Gaussian's share.
PACK_INLINE void fold_hidden(const struct rbm *rbm, const double *theta, double *unit, const double *gaussian, bool add,
                             double *weight, double *laplacian)
{
    enum { AT_ONCE = 2 };
    const size_t at_once = rbm->c == 1 ? HIDDEN_AT_ONCE / 2 : HIDDEN_AT_ONCE;
    for (size_t l = 0; l < ROW_PACKS; l += AT_ONCE) {
        size_t left = at_once;
        pack product[AT_ONCE], sum[AT_ONCE] = { { 0 } }, curved[AT_ONCE] = { { 0 } };
        for (size_t p = 0; p < AT_ONCE; p++)
            product[p] = pack_all(1.0);
        for (size_t j = 0; j < rbm->hidden; j++) {
            if (left-- == 0) {
                left = at_once - 1;
                for (size_t p = 0; p < AT_ONCE; p++)
                    renormalise(&product[p], &sum[p]);
            }
            const pack width = pack_all(rbm->v_squared[j]);
            for (size_t p = 0; p < AT_ONCE; p++) {
                const size_t at = j * ROW_PACKS + l + p;
                const pack t = ((const pack *)theta)[at], e = ((const pack *)unit)[at];
                product[p] = pack_fma(product[p], e, product[p]);
                sum[p] += t + pack_abs(t);
                if (laplacian) {
                    const pack r = 1.0 / (1.0 + e), er = e * r;
                    ((pack *)unit)[at] = pack_select_sign(t, er, r);
                    curved[p] = pack_fma(width * r, er, curved[p]);  // s (1 - s) = e r^2 for either sign
                }
            }
        }
        for (size_t p = 0; p < AT_ONCE; p++) {
            ((pack *)weight)[l + p] = rbm->c == 1 ? (pack)(product[p] * product[p]) : product[p];
            ((pack *)weight)[ROW_PACKS + l + p] = pack_fma(pack_all(rbm->c), sum[p], ((const pack *)gaussian)[l + p]);
            if (laplacian) {
                pack *out = (pack *)laplacian + l + p;
                const pack own = pack_fma(pack_all(rbm->c), curved[p], pack_all(rbm->curvature));
                *out = add ? (pack)(*out + own) : own;
            }
        }
    }
}

static PACK_HOT void weigh_hidden(const struct rbm *rbm, const double *theta, double *exponential,
                                  const double *gaussian, double *weight)
{
    exponentials(rbm->hidden, theta, exponential);
    fold_hidden(rbm, theta, exponential, gaussian, false, weight, NULL);
}

static PACK_HOT void activate(const struct rbm *rbm, const double *x, double *theta, double *gaussian)
{
    rows_multiply(rbm->hidden, rbm->n_coordinates, rbm->v, &(struct rows_start){ .bias = rbm->b }, x, theta);
    rows_sum_squares(rbm->envelope ? rbm->n_coordinates : 0, rbm->stiffness, 0, rbm->a, x, gaussian);
}

// the rows of s_j serve for e^-|theta_j|
static PACK_HOT void weigh(const void *state, const struct configuration *at, double *weight, double *cache)
{
    const struct rbm *rbm = state;
    double *gaussian = rows_at(cache, rbm->hidden), *exponential = rows_at(cache, rbm->hidden + 1);
    activate(rbm, at->x, cache, gaussian);
    weigh_hidden(rbm, cache, exponential, gaussian, weight);
}

// theta_j += sum_d v_jd step_d over the D coordinates of a particle
PACK_INLINE void move_theta(const struct rbm *rbm, size_t dimensions, size_t first,
                            pack step[DIMENSIONS_MOST][ROW_PACKS], const double *old, double *theta)
{
    for (size_t j = 0; j < rbm->hidden; j++)
        for (size_t l = 0; l < ROW_PACKS; l++) {
            pack t = ((const pack *)old)[j * ROW_PACKS + l];
            for (size_t d = 0; d < dimensions; d++)
                t = pack_fma(pack_all(rbm->v[j * rbm->n_coordinates + first + d]), step[d][l], t);
            ((pack *)theta)[j * ROW_PACKS + l] = t;
        }
}

// theta_j and the Gaussian's share change by what the coordinates of particle p contribute
static void ratio(const void *state, size_t p, const double *old_x, const double *old_weight, const double *old_cache,
                  const struct configuration *at, double *weight, double *cache)
{
    (void)old_weight;
    const struct rbm *rbm = state;
    const double *x = at->x;
    const size_t dimensions = rbm->dimensions, first = p * dimensions;
    pack step[DIMENSIONS_MOST][ROW_PACKS];
    double *gaussian = rows_at(cache, rbm->hidden), *exponential = rows_at(cache, rbm->hidden + 1);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack sum = ((const pack *)old_cache)[rbm->hidden * ROW_PACKS + l];
        for (size_t d = 0; d < dimensions; d++) {
            const pack new = ((const pack *)x)[(first + d) * ROW_PACKS + l],
                       old = ((const pack *)old_x)[(first + d) * ROW_PACKS + l];
            step[d][l] = new - old;
            sum = pack_fma(rbm->stiffness[first + d] * step[d][l],
                           (new - rbm->a[first + d]) + (old - rbm->a[first + d]), sum);
        }
        ((pack *)gaussian)[l] = sum;
    }
    if (dimensions == 3)
        move_theta(rbm, 3, first, step, old_cache, cache);
    else if (dimensions == 2)
        move_theta(rbm, 2, first, step, old_cache, cache);
    else
        move_theta(rbm, 1, first, step, old_cache, cache);
    weigh_hidden(rbm, cache, exponential, gaussian, weight);
}

static PACK_HOT void evaluate(const void *state, const struct configuration *at, unsigned how, double *weight,
                              double *gradient, double *laplacian, double *cache)
{
    const struct rbm *rbm = state;
    const bool add = how & FACTOR_ADD;
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    double *theta = cache, *gaussian = rows_at(cache, n), *sigmoid = rows_at(cache, n + 1),
           *field = rows_at(cache, 2 * n + 1);
    if (!(how & FACTOR_KEPT))
        activate(rbm, at->x, theta, gaussian);
    exponentials(n, theta, sigmoid);
    fold_hidden(rbm, theta, sigmoid, gaussian, add, weight, laplacian);
    const struct rows_start envelope = { rbm->offset, rbm->stiffness, at->x, add };
    rows_multiply(m, n, rbm->coupling, &envelope, sigmoid, gradient);
    if (rbm->n_widths)
        rows_multiply(m, n, rbm->coupling, &(struct rows_start){ .bias = NULL }, sigmoid, field);
}

// grad_p ln phi = offset + stiffness x_p + c sum_j v_pj s_j, the s_j from the angles that moves keep
static void particle_gradient(const void *state, size_t p, const struct configuration *at, const double *cache,
                              const double *trial, double *gradient)
{
    const struct rbm *rbm = state;
    const double *theta = trial ? trial : cache;
    const size_t dimensions = rbm->dimensions, first = p * dimensions;
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack sum[DIMENSIONS_MOST];
        for (size_t d = 0; d < dimensions; d++)
            sum[d] = pack_fma(pack_all(rbm->stiffness[first + d]), ((const pack *)at->x)[(first + d) * ROW_PACKS + l],
                              pack_all(rbm->offset[first + d]));
        for (size_t j = 0; j < rbm->hidden; j++) {
            const pack t = ((const pack *)theta)[j * ROW_PACKS + l], e = pack_exp_minus_abs(t), r = 1.0 / (1.0 + e);
            const pack s = pack_select_sign(t, e * r, r);
            for (size_t d = 0; d < dimensions; d++)
                sum[d] = pack_fma(pack_all(rbm->coupling[(first + d) * rbm->hidden + j]), s, sum[d]);
        }
        for (size_t d = 0; d < dimensions; d++)
            ((pack *)gradient)[d * ROW_PACKS + l] += sum[d];
    }
}

// A width is that of one dimension, or of all.  d ln phi / d ln sigma_d = c sum_{i in d} [ envelope (x_i - a_i)^2 /
// sigma_i^2 - 2 x_i h_i ]; eq. 2.8
static void sigma_derivative(const struct rbm *rbm, size_t d, const double *x, const double *field, pack out[ROW_PACKS])
{
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack sum = pack_all(0.0);
        for (size_t i = d; i < rbm->n_coordinates; i += rbm->n_widths) {
            const pack at = ((const pack *)x)[i * ROW_PACKS + l], distance = at - rbm->a[i];
            sum = pack_fma(-rbm->stiffness[i] * distance, distance, sum);
            sum = pack_fma(-2.0 * at, ((const pack *)field)[i * ROW_PACKS + l], sum);
        }
        out[l] = sum;
    }
}

void rbm_sigma_derivatives(const struct rbm *rbm, const double *x, const double *cache, double *rows)
{
    for (size_t d = 0; d < rbm->n_widths; d++)
        sigma_derivative(rbm, d, x, rbm_field(rbm, cache), (pack *)rows_at(rows, d));
}

static void derivatives(const void *state, const struct configuration *at, const double *cache, double *o)
{
    const struct rbm *rbm = state;
    const double *x = at->x;
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    const pack *s = (const pack *)rbm_sigmoid(rbm, cache), *position = (const pack *)x;
    pack *out = (pack *)o;
    for (size_t l = 0; l < ROW_PACKS; l++) {
        for (size_t i = 0; i < m; i++)
            out[i * ROW_PACKS + l] = -rbm->stiffness[i] * (position[i * ROW_PACKS + l] - rbm->a[i]);
        for (size_t j = 0; j < n; j++)
            out[(m + j) * ROW_PACKS + l] = rbm->c * s[j * ROW_PACKS + l];
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++)
                out[(m + n + i * n + j) * ROW_PACKS + l] = rbm->c * rbm->inverse_variance[i] *
                                                           position[i * ROW_PACKS + l] * s[j * ROW_PACKS + l];
    }
    rbm_sigma_derivatives(rbm, x, cache, rows_at(o, rbm_sigma_offset(rbm)));
}

// The accumulator holds sums over walkers of the products of two sets of rows, A_i with s_j: left are C x_i - 1/2 d_i u
// (for w) and C itself (for b), and for grad O also x_i with B_j. In columns while they fit into the first-level cache,
// else summed outright (a rank-32 update). In it: products [M + 1][N], in columns [COLUMNS] each or rows padded to 8 |
// A_i and C in columns [M + 1][COLUMNS] (for a) | ln sigma [D] rows.
enum { WEIGHTS_IN_COLUMNS = 256 };

static bool in_columns(const struct rbm *rbm) { return rbm->n_coordinates * rbm->hidden <= WEIGHTS_IN_COLUMNS; }
static size_t padded_hidden(const struct rbm *rbm) { return (rbm->hidden + 7) / 8 * 8; }

static size_t n_products(const struct rbm *rbm)
{
    return (rbm->n_coordinates + 1) * (in_columns(rbm) ? rbm->hidden * COLUMNS : padded_hidden(rbm));
}

static size_t n_column_rows(const struct rbm *rbm)
{
    return (n_products(rbm) + (rbm->n_coordinates + 1) * COLUMNS + WALKERS - 1) / WALKERS;
}

static size_t n_sum_rows(const void *state) { return n_column_rows(state) + ((const struct rbm *)state)->n_widths; }

// A_i and C [M + 1], B_j [N], one side of the rank update by walker
static size_t n_scratch_rows(const void *state)
{
    const struct rbm *rbm = state;
    return rbm->n_coordinates + 1 + rbm->hidden + padded_hidden(rbm);
}

// B_j = -1/2 s_j (1 - s_j) q_j with q_j = sum_i v_ij d_i u
static void hidden_response(const struct rbm *rbm, const double *sigmoid, const double *du, double *b)
{
    rows_multiply(rbm->hidden, rbm->n_coordinates, rbm->v, &(struct rows_start){ .bias = NULL }, du, b);
    for (size_t k = 0; k < rbm->hidden * ROW_PACKS; k++) {
        const pack s = ((const pack *)sigmoid)[k];
        ((pack *)b)[k] *= -0.5 * s * (1.0 - s);
    }
}

// Unless NULL, `columns` gets the sums of `left` itself.
static inline void add_products(const struct rbm *rbm, size_t n_left, const double *left, const double *right,
                                double *by_walker, double *sums, double *columns)
{
    const size_t n = rbm->hidden, stride = padded_hidden(rbm);
    if (in_columns(rbm)) {
        rows_outer_and_sums(n_left, n, n, NULL, left, right, sums, columns);
    } else {
        if (columns)
            rows_column_sums(n_left, left, columns);
        rows_transpose(n, right, stride, by_walker);
        rows_rank_update(n_left, n, stride, left, by_walker, sums);
    }
}

// C x_i and C with s_j, in columns
static void add_plain(const struct rbm *rbm, const double *x, const double *sigmoid, const double *c, double *sums)
{
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    double *columns = sums + n_products(rbm);
    rows_outer_and_sums(m, n, n, c, x, sigmoid, sums, columns);
    rows_outer_and_sums(1, n, n, NULL, c, sigmoid, sums + m * n * COLUMNS, columns + m * COLUMNS);
}

// b: the products' last row
static void add_response(const struct rbm *rbm, const double *response, double *sums)
{
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    if (in_columns(rbm))
        rows_column_sums(n, response, sums + m * n * COLUMNS);
    else
        for (size_t j = 0; j < n; j++)
            sums[m * padded_hidden(rbm) + j] += pack_sum_row(rows_at_const(response, j));
}

// C O - 1/2 grad u . grad O for ln sigma_d; grad u . grad:
// c sum_{i in d} d_i u [ 2 (x_i - a_i)/sigma_i^2 - 2 h_i ] - 2 c sum_j s_j (1 - s_j) q_j sum_{i in d} x_i v_ij
static void accumulate_sigma(const struct rbm *rbm, const double *x, const double *field, const double *c,
                             const double *du, const double *response, double *sums)
{
    for (size_t d = 0; d < rbm->n_widths; d++) {
        pack value[ROW_PACKS], *sum = (pack *)rows_at(sums, d);
        sigma_derivative(rbm, d, x, field, value);
        for (size_t l = 0; l < ROW_PACKS; l++)
            sum[l] = pack_fma(((const pack *)c)[l], value[l], sum[l]);
        for (size_t i = d; du && i < rbm->n_coordinates; i += rbm->n_widths)
            for (size_t l = 0; l < ROW_PACKS; l++) {
                const size_t at = i * ROW_PACKS + l;
                const pack position = ((const pack *)x)[at], slope = ((const pack *)du)[at];
                sum[l] = pack_fma(
                    slope, pack_fma(pack_all(rbm->stiffness[i]), position - rbm->a[i], ((const pack *)field)[at]),
                    sum[l]);
                pack turned = pack_all(0.0);
                for (size_t j = 0; j < rbm->hidden; j++)
                    turned = pack_fma(pack_all(rbm->coupling[i * rbm->hidden + j]),
                                      ((const pack *)response)[j * ROW_PACKS + l], turned);
                sum[l] = pack_fma(-2.0 * position, turned, sum[l]);
            }
    }
}

static PACK_HOT void accumulate(const void *state, const double *x, const double *cache, const double *c,
                                const double *du, double *scratch, double *sums)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates;
    const double *sigmoid = rbm_sigmoid(rbm, cache);
    double *left = scratch, *response = rows_at(scratch, m + 1), *by_walker = rows_at(response, rbm->hidden);
    if (!du && in_columns(rbm)) {
        add_plain(rbm, x, sigmoid, c, sums);
        if (rbm->n_widths)
            accumulate_sigma(rbm, x, rbm_field(rbm, cache), c, NULL, NULL, rows_at(sums, n_column_rows(rbm)));
        return;
    }
    for (size_t i = 0; i < m; i++)
        for (size_t l = 0; l < ROW_PACKS; l++) {
            const size_t at = i * ROW_PACKS + l;
            const pack product = ((const pack *)c)[l] * ((const pack *)x)[at];
            ((pack *)left)[at] = du ? pack_fma(pack_all(-0.5), ((const pack *)du)[at], product) : product;
        }
    rows_copy(1, c, rows_at(left, m));
    add_products(rbm, m + 1, left, sigmoid, by_walker, sums, sums + n_products(rbm));
    if (du) {
        hidden_response(rbm, sigmoid, du, response);
        add_products(rbm, m, x, response, by_walker, sums, NULL);
        add_response(rbm, response, sums);
    }
    if (rbm->n_widths)
        accumulate_sigma(rbm, x, rbm_field(rbm, cache), c, du, response, rows_at(sums, n_column_rows(rbm)));
}

static double product_sum(const struct rbm *rbm, size_t i, size_t j, const double *sums)
{
    return in_columns(rbm) ? rows_column_total(sums + (i * rbm->hidden + j) * COLUMNS)
                           : sums[i * padded_hidden(rbm) + j];
}

static void collect(const void *state, const double *sums, double *out)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    const double *columns = sums + n_products(rbm), total = rows_column_total(columns + m * COLUMNS);
    for (size_t i = 0; i < m; i++)
        out[i] -= rbm->stiffness[i] * (rows_column_total(columns + i * COLUMNS) - rbm->a[i] * total);
    for (size_t j = 0; j < n; j++)
        out[m + j] += rbm->c * product_sum(rbm, m, j, sums);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            out[m + n + i * n + j] += rbm->c * rbm->inverse_variance[i] * product_sum(rbm, i, j, sums);
    for (size_t d = 0; d < rbm->n_widths; d++)
        out[rbm_sigma_offset(rbm) + d] += pack_sum_row(rows_at_const(sums, n_column_rows(rbm) + d));
}

const struct factor_type factor_rbm = {
    .name = "rbm",
    .summary = "Gaussian-binary restricted Boltzmann machine",
    .state_size = sizeof(struct rbm),
    .params = rbm_params,
    .instead = rbm_instead,
    .carries_trap = false,
    .has_minima = true,
    .build = rbm_build,
    .finish = rbm_finish,
    .n_parameters = rbm_n_parameters,
    .n_cache_rows = n_cache_rows,
    .views = rbm_views,
    .representation = rbm_representation,
    .start = rbm_start,
    .prepare = rbm_prepare,
    .weigh = weigh,
    .evaluate = evaluate,
    .ratio = ratio,
    .particle_gradient = particle_gradient,
    .traits = rbm_traits,
    .n_move_rows = n_move_rows,
    .n_kept_rows = n_kept_rows,
    .derivatives = derivatives,
    .accumulate = accumulate,
    .collect = collect,
    .n_sum_rows = n_sum_rows,
    .n_scratch_rows = n_scratch_rows,
    .reduce_gradient = rbm_reduce_gradient,
    .restore_step = rbm_restore_step,
    .n_jumps = rbm_n_jumps,
    .jump = rbm_jump,
    .seek_jumps = rbm_seek_jumps,
    .n_features = rbm_n_features,
    .features = rbm_features,
    .expand = rbm_expand,
    .apply = rbm_apply,
    .transpose = rbm_transpose,
    .gram = rbm_gram,
    .matrix = rbm_matrix,
    .scale = rbm_scale,
    .n_condition = rbm_n_condition,
    .condition = rbm_condition,
    .precondition = rbm_precondition,
};
