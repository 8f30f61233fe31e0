// SPDX-License-Identifier: GPL-3.0-or-later
// Gaussian-binary restricted Boltzmann machine, psi = F^c (docs/theory.md, eqs. 3 to 10):
//     ln psi = c [ -sum_i (x_i - a_i)^2 / (2 sigma_i^2) + sum_j ln(1 + e^theta_j) ],   theta_j = b_j + sum_i x_i w_ij / sigma_i^2
// With v_ij = w_ij / sigma_i^2 and s_j = 1 / (1 + e^-theta_j):
//     d/dx_k = c [ -(x_k - a_k) / sigma_k^2 + sum_j v_kj s_j ],   Laplacian = c [ -sum_k 1/sigma_k^2 + sum_j s_j (1 - s_j) sum_k v_kj^2 ]
// Cache rows: theta [N] (all that one-particle moves keep), s [N], h_i = sum_j v_ij s_j [M].
// Check by hand: M = N = 1, a = b = 0, w = sigma = 1, amplitude, x = 0: ln psi = ln 2, d/dx = 1/2, Laplacian = -1 + 1/4.
#include "wavefunction/rbm.h"
#include "wavefunction/rbm_metric.h"

#include "base/memory.h"
#include "base/rows.h"

#include <math.h>
#include <string.h>

static const char *representation_name(size_t k)
{
    return k == RBM_AMPLITUDE ? "amplitude" : k == RBM_PROBABILITY ? "probability" : NULL;
}

static const char *envelope_name(size_t k)
{
    return k == RBM_ENVELOPE_AUTO ? "auto" : k == RBM_ENVELOPE_YES ? "yes" : k == RBM_ENVELOPE_NO ? "no" : NULL;
}

static const struct param params[] = {
    PARAM_COUNT(rbm, hidden, .range = PARAM_WITHIN(0, 100000), .fallback = "2", .help = "number of hidden units"),
    PARAM_CHOICE(rbm, representation, .choice = representation_name, .fallback = "amplitude",
                 .help = "amplitude: psi = F; probability: |psi|^2 = F, F the marginal of the Boltzmann machine"),
    { .key = "sigma", .kind = PARAM_KIND_REALS, .offset = offsetof(struct rbm, sigma_setting), .range = PARAM_ABOVE(0), .most = DIMENSIONS_MOST,
      .may_be_auto = true, .fallback = "auto", .unit = "a_ho",
      .help = "width of the Gaussian: one value, one per dimension, or auto, the width that is exact for the bare trap" },
    PARAM_BOOL(rbm, train_sigma, .fallback = "no", .help = "train the width, starting from sigma: one, or one per dimension where sigma or the trap has them"),
    { .key = "envelope", .kind = PARAM_KIND_CHOICE, .offset = offsetof(struct rbm, envelope_setting), .choice = envelope_name, .fallback = "auto",
      .help = "whether the RBM has its Gaussian; auto: it is dropped when another factor carries the trap's" },
    PARAM_REAL(rbm, init_scale, .range = PARAM_AT_LEAST(0), .fallback = "0.1",
               .help = "standard deviation of the normally distributed starting parameters a, b and w"),
    PARAM_END
};

static size_t n_parameters(const void *state)
{
    const struct rbm *rbm = state;
    return rbm->n_coordinates * (1 + rbm->hidden) + rbm->hidden + rbm->n_widths;
}

static size_t sigma_offset(const struct rbm *rbm) { return rbm->n_coordinates * (1 + rbm->hidden) + rbm->hidden; }

// sigma_d^2 = 1/omega_d (amplitude) or 1/(2 omega_d) (probability) makes w = 0 the ground state of the bare trap
static double sigma_at_start(const struct rbm *rbm, size_t d)
{
    if (rbm->sigma_setting.n == 0)
        return sqrt(rbm->c / rbm->omega[d]);
    return rbm->sigma_setting.value[rbm->sigma_setting.n == 1 ? 0 : d];
}

// One width for all dimensions where one value was given, or where auto finds an isotropic trap. Free from each other they would follow the
// first hidden units into a lopsided minimum.
static size_t count_widths(const struct rbm *rbm)
{
    bool alike = rbm->sigma_setting.n <= 1;
    for (size_t d = 1; d < rbm->dimensions; d++)
        alike = alike && rbm->sigma[d] == rbm->sigma[0];
    return alike ? 1 : rbm->dimensions;
}

static void finish(void *state)
{
    struct rbm *rbm = state;
    double **owned[] = { &rbm->a, &rbm->b, &rbm->w, &rbm->inverse_variance, &rbm->v, &rbm->v_squared };
    for (size_t k = 0; k < sizeof owned / sizeof *owned; k++) {
        memory_free(*owned[k]);
        *owned[k] = NULL;
    }
}

static bool build(void *state, const struct system *system, bool others_carry_trap, struct error *error)
{
    struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates = system_coordinates(system), n = rbm->hidden;
    rbm->dimensions = system->dimensions;
    rbm->c = rbm->representation == RBM_AMPLITUDE ? 1 : 0.5;
    rbm->envelope = rbm->envelope_setting == RBM_ENVELOPE_YES || (rbm->envelope_setting == RBM_ENVELOPE_AUTO && !others_carry_trap);
    if (!rbm->envelope && !others_carry_trap)
        return error_add(error, ERROR_CONFIG, "[rbm] envelope = no leaves no Gaussian in the wave function; add the factor gaussian or use envelope = auto");
    if (rbm->sigma_setting.n > 1 && rbm->sigma_setting.n != system->dimensions)
        return error_add(error, ERROR_CONFIG, "[rbm] sigma: %zu values for %zu dimensions; give one value, or one per dimension",
                         rbm->sigma_setting.n, system->dimensions);
    for (size_t d = 0; d < system->dimensions; d++) {
        rbm->omega[d] = system->omega[d];
        rbm->sigma[d] = sigma_at_start(rbm, d);
    }
    rbm->n_widths = rbm->train_sigma ? count_widths(rbm) : 0;
    rbm->a = memory_doubles(m);
    rbm->b = memory_doubles(n);
    rbm->w = memory_doubles(m * n);
    rbm->inverse_variance = memory_doubles(m);
    rbm->v = memory_doubles(m * n);
    rbm->v_squared = memory_doubles(n);
    if (!rbm->a || !rbm->b || !rbm->w || !rbm->inverse_variance || !rbm->v || !rbm->v_squared)
        return error_add(error, ERROR_INTERNAL, "no memory for an RBM of %zu coordinates and %zu hidden units", m, n);
    return true;
}

static size_t n_cache_rows(const void *state)
{
    const struct rbm *rbm = state;
    return 2 * rbm->hidden + rbm->n_coordinates;
}

static size_t n_move_rows(const void *state) { return ((const struct rbm *)state)->hidden; }

static size_t views(const void *state, struct factor_view view[FACTOR_VIEWS_MOST])
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    view[0] = (struct factor_view){ .name = "a", .long_name = "visible biases: centres of the Gaussian", .unit = "a_ho", .rank = 1, .extent = { m, 0 },
                                    .label = { "coordinate", NULL }, .first = 0 };
    view[1] = (struct factor_view){ .name = "b", .long_name = "hidden biases", .rank = 1, .extent = { n, 0 }, .label = { "hidden", NULL }, .first = m };
    view[2] = (struct factor_view){ .name = "w", .long_name = "weights between coordinates and hidden units", .unit = "a_ho", .rank = 2,
                                    .extent = { m, n }, .label = { "coordinate", "hidden" }, .first = m + n };
    view[3] = (struct factor_view){ .name = "sigma", .long_name = "width of the Gaussian per dimension", .unit = "a_ho", .rank = 1,
                                    .extent = { rbm->dimensions, 0 }, .label = { "dimension", NULL }, .first = sigma_offset(rbm),
                                    .logarithm = rbm->train_sigma, .shared = rbm->n_widths == 1,
                                    .fixed = rbm->train_sigma ? NULL : rbm->sigma };
    return 4;
}

static const char *representation(const void *state) { return representation_name(((const struct rbm *)state)->representation); }

static void start(const void *state, double (*uniform)(void *random), void *random, double *theta)
{
    const struct rbm *rbm = state;
    for (size_t k = 0; k < sigma_offset(rbm); k++) {
        const double radius = sqrt(-2 * log(uniform(random)));
        theta[k] = rbm->init_scale * radius * cos(6.283185307179586 * uniform(random));
    }
    for (size_t d = 0; d < rbm->n_widths; d++)
        theta[sigma_offset(rbm) + d] = log(sigma_at_start(rbm, d));
}

static bool prepare(void *state, const double *theta)
{
    struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    memcpy(rbm->a, theta, m * sizeof *theta);
    memcpy(rbm->b, theta + m, n * sizeof *theta);
    memcpy(rbm->w, theta + m + n, m * n * sizeof *theta);
    if (rbm->train_sigma)
        for (size_t d = 0; d < rbm->dimensions; d++)
            rbm->sigma[d] = exp(theta[sigma_offset(rbm) + (rbm->n_widths == 1 ? 0 : d)]);
    double sum = 0;
    for (size_t i = 0; i < m; i++) {
        const double sigma = rbm->sigma[i % rbm->dimensions];
        rbm->inverse_variance[i] = 1 / (sigma * sigma);
        sum += rbm->inverse_variance[i] + sigma + theta[i];
    }
    for (size_t j = 0; j < n; j++) {
        rbm->v_squared[j] = 0;
        for (size_t i = 0; i < m; i++) {
            const double v = rbm->v[j * m + i] = rbm->w[i * n + j] * rbm->inverse_variance[i];
            rbm->v_squared[j] += v * v;
        }
        sum += rbm->v_squared[j] + rbm->b[j];
    }
    return isfinite(sum);
}

// The Gaussian's share of ln |psi|^2: out = -c sum_i (x_i - a_i)^2 / sigma_i^2, zero without an envelope.
static void envelope_exponent(const struct rbm *rbm, const double *x, double *out)
{
    pack sum[ROW_PACKS] = { { 0 } };
    for (size_t i = 0; rbm->envelope && i < rbm->n_coordinates; i++) {
        const pack scale = pack_all(-rbm->c * rbm->inverse_variance[i]);
        for (size_t l = 0; l < ROW_PACKS; l++) {
            const pack distance = ((const pack *)x)[i * ROW_PACKS + l] - rbm->a[i];
            sum[l] = pack_fma(scale * distance, distance, sum[l]);
        }
    }
    memcpy(out, sum, sizeof sum);
}

// A product of many factors in [1, 2] leaves the range of doubles after 1023 of them, its square after half as many: now and then its
// logarithm moves to the exponent.
enum { HIDDEN_PER_RENORMALISATION = 256 };

// prod_j (1 + e^-|theta_j|) and sum_j max(theta_j, 0), as |psi|^2 = (product)^2c exp(2c (sum + Gaussian)); eq. 5.
PACK_INLINE void fold_weight(const struct rbm *rbm, size_t l, pack product, pack sum, double *weight)
{
    pack *mantissa = (pack *)weight + l, *exponent = (pack *)weight + ROW_PACKS + l;
    *mantissa = rbm->c == 1 ? (pack)(product * product) : product;
    *exponent = pack_fma(pack_all(2 * rbm->c), sum, *exponent);
}

PACK_INLINE void renormalise(size_t j, pack *product, pack *sum)
{
    if ((j + 1) % HIDDEN_PER_RENORMALISATION == 0) {
        *sum += pack_log(*product);
        *product = pack_all(1.0);
    }
}

// weight[1] must hold the Gaussian's share already
static void weigh_hidden(const struct rbm *rbm, const double *theta, double *weight)
{
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack product = pack_all(1.0), sum = pack_all(0.0);
        for (size_t j = 0; j < rbm->hidden; j++) {
            const pack t = ((const pack *)theta)[j * ROW_PACKS + l];
            product = pack_fma(product, pack_exp(-pack_abs(t)), product);
            sum += pack_max(t, pack_all(0.0));
            renormalise(j, &product, &sum);
        }
        fold_weight(rbm, l, product, sum, weight);
    }
}

static void activate(const struct rbm *rbm, const double *x, double *theta)
{
    rows_multiply(rbm->hidden, rbm->n_coordinates, rbm->v, rbm->n_coordinates, 1, rbm->b, x, theta);
}

static void weigh(const void *state, const double *x, double *weight, double *cache)
{
    const struct rbm *rbm = state;
    envelope_exponent(rbm, x, rows_at(weight, 1));
    activate(rbm, x, cache);
    weigh_hidden(rbm, cache, weight);
}

// theta_j and the Gaussian's share change by what the D coordinates of particle p contribute
static void move(const void *state, size_t p, const double *old_x, const double *old_weight, const double *old_cache, const double *x,
                 double *weight, double *cache)
{
    (void)old_weight;
    const struct rbm *rbm = state;
    const size_t first = p * rbm->dimensions;
    pack step[DIMENSIONS_MOST][ROW_PACKS];
    for (size_t d = 0; d < rbm->dimensions; d++)
        for (size_t l = 0; l < ROW_PACKS; l++)
            step[d][l] = ((const pack *)x)[(first + d) * ROW_PACKS + l] - ((const pack *)old_x)[(first + d) * ROW_PACKS + l];
    for (size_t j = 0; j < rbm->hidden; j++)
        for (size_t l = 0; l < ROW_PACKS; l++) {
            pack t = ((const pack *)old_cache)[j * ROW_PACKS + l];
            for (size_t d = 0; d < rbm->dimensions; d++)
                t = pack_fma(pack_all(rbm->v[j * rbm->n_coordinates + first + d]), step[d][l], t);
            ((pack *)cache)[j * ROW_PACKS + l] = t;
        }
    envelope_exponent(rbm, x, rows_at(weight, 1));
    weigh_hidden(rbm, cache, weight);
}

// s_j, the weight, and the hidden units' share of the Laplacian, in one pass: one exp and one division per hidden unit
static void evaluate_hidden(const struct rbm *rbm, const double *theta, double *weight, double *sigmoid, double *laplacian)
{
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack product = pack_all(1.0), sum = pack_all(0.0), curvature = pack_all(0.0);
        for (size_t j = 0; j < rbm->hidden; j++) {
            const pack t = ((const pack *)theta)[j * ROW_PACKS + l], e = pack_exp(-pack_abs(t)), r = 1.0 / (1.0 + e);
            const pack s = pack_select(t > 0.0, r, e * r);
            ((pack *)sigmoid)[j * ROW_PACKS + l] = s;
            curvature = pack_fma(pack_all(rbm->v_squared[j]) * r, e * r, curvature);  // s (1 - s) = e r^2 for either sign
            product = pack_fma(product, e, product);
            sum += pack_max(t, pack_all(0.0));
            renormalise(j, &product, &sum);
        }
        fold_weight(rbm, l, product, sum, weight);
        ((pack *)laplacian)[l] = pack_fma(pack_all(rbm->c), curvature, ((const pack *)laplacian)[l]);
    }
}

static void evaluate(const void *state, const double *x, double *weight, double *gradient, double *laplacian, double *cache)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    double *theta = cache, *sigmoid = rows_at(cache, n), *h = rows_at(cache, 2 * n);
    envelope_exponent(rbm, x, rows_at(weight, 1));
    activate(rbm, x, theta);
    evaluate_hidden(rbm, theta, weight, sigmoid, laplacian);
    rows_multiply(m, n, rbm->v, 1, m, NULL, sigmoid, h);
    const pack c = pack_all(rbm->c);
    double constant = 0;
    for (size_t i = 0; i < m; i++) {
        const double stiffness = rbm->envelope ? rbm->inverse_variance[i] : 0;
        constant -= rbm->c * stiffness;
        for (size_t l = 0; l < ROW_PACKS; l++) {
            const size_t at = i * ROW_PACKS + l;
            const pack pull = pack_fma(pack_all(-stiffness), ((const pack *)x)[at] - rbm->a[i], ((const pack *)h)[at]);
            ((pack *)gradient)[at] = pack_fma(c, pull, ((const pack *)gradient)[at]);
        }
    }
    for (size_t l = 0; l < ROW_PACKS; l++)
        ((pack *)laplacian)[l] += constant;
}

// A width is that of one dimension, or of all.  d ln phi / d ln sigma_d = c sum_{i in d} [ envelope (x_i - a_i)^2 / sigma_i^2 - 2 x_i h_i ]; eq. 10
static void sigma_derivative(const struct rbm *rbm, size_t d, const double *x, const double *h, pack out[ROW_PACKS])
{
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack sum = pack_all(0.0);
        for (size_t i = d; i < rbm->n_coordinates; i += rbm->n_widths) {
            const pack at = ((const pack *)x)[i * ROW_PACKS + l], distance = at - rbm->a[i];
            const double stiffness = rbm->envelope ? rbm->inverse_variance[i] : 0;
            sum = pack_fma(stiffness * distance, distance, sum);
            sum = pack_fma(-2.0 * at, ((const pack *)h)[i * ROW_PACKS + l], sum);
        }
        out[l] = sum;
    }
}

void rbm_sigma_derivatives(const struct rbm *rbm, const double *x, const double *cache, double *rows)
{
    for (size_t d = 0; d < rbm->n_widths; d++) {
        pack sum[ROW_PACKS];
        sigma_derivative(rbm, d, x, rows_at_const(cache, 2 * rbm->hidden), sum);
        for (size_t l = 0; l < ROW_PACKS; l++)
            ((pack *)rows)[d * ROW_PACKS + l] = rbm->c * sum[l];
    }
}

static void derivatives(const void *state, const double *x, const double *cache, double *o)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    const pack *s = (const pack *)rows_at_const(cache, n), *position = (const pack *)x;
    pack *out = (pack *)o;
    for (size_t l = 0; l < ROW_PACKS; l++) {
        for (size_t i = 0; i < m; i++)
            out[i * ROW_PACKS + l] = (rbm->envelope ? rbm->c * rbm->inverse_variance[i] : 0) * (position[i * ROW_PACKS + l] - rbm->a[i]);
        for (size_t j = 0; j < n; j++)
            out[(m + j) * ROW_PACKS + l] = rbm->c * s[j * ROW_PACKS + l];
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++)
                out[(m + n + i * n + j) * ROW_PACKS + l] =
                    rbm->c * rbm->inverse_variance[i] * position[i * ROW_PACKS + l] * s[j * ROW_PACKS + l];
    }
    rbm_sigma_derivatives(rbm, x, cache, rows_at(o, sigma_offset(rbm)));
}

// The accumulator's weights are kept per walker while they fit into the first-level cache; beyond, each block is summed over its walkers
// (a rank-32 update in register tiles) and one row holds 32 sums.
enum { WEIGHTS_PER_WALKER = 256 };

static bool weights_per_walker(const struct rbm *rbm) { return rbm->n_coordinates * rbm->hidden <= WEIGHTS_PER_WALKER; }
static size_t padded_hidden(const struct rbm *rbm) { return (rbm->hidden + 7) / 8 * 8; }

static size_t n_weight_rows(const struct rbm *rbm)
{
    const size_t m = rbm->n_coordinates;
    return weights_per_walker(rbm) ? m * rbm->hidden : (m * padded_hidden(rbm) + WALKERS - 1) / WALKERS;
}

static size_t n_sum_rows(const void *state)
{
    const struct rbm *rbm = state;
    return rbm->n_coordinates + rbm->hidden + rbm->n_widths + n_weight_rows(rbm);
}

// A_i [M], B_j [N], one row for sums, and the two sides of the rank update by walker
static size_t n_scratch_rows(const void *state)
{
    const struct rbm *rbm = state;
    return rbm->n_coordinates + rbm->hidden + DIMENSIONS_MOST + 2 * padded_hidden(rbm);
}

// B_j = -1/2 s_j (1 - s_j) q_j with q_j = sum_i v_ij d_i u
static void hidden_response(const struct rbm *rbm, const double *sigmoid, const double *du, double *b)
{
    rows_multiply(rbm->hidden, rbm->n_coordinates, rbm->v, rbm->n_coordinates, 1, NULL, du, b);
    for (size_t k = 0; k < rbm->hidden * ROW_PACKS; k++) {
        const pack s = ((const pack *)sigmoid)[k];
        ((pack *)b)[k] *= -0.5 * s * (1.0 - s);
    }
}

// Rows of the sums: a [M] | b [N] | ln sigma [D] | w. Constants (c, 1/sigma^2) wait for collect.
static void accumulate_biases(const struct rbm *rbm, const double *x, const double *sigmoid, const double *c, const double *du, const double *left,
                              const double *response, double *sums)
{
    const pack *weight = (const pack *)c;
    pack *a = (pack *)sums, *b = (pack *)rows_at(sums, rbm->n_coordinates);
    (void)x;
    for (size_t i = 0; i < rbm->n_coordinates; i++)
        for (size_t l = 0; l < ROW_PACKS; l++)
            a[i * ROW_PACKS + l] += pack_fma(weight[l], pack_all(-rbm->a[i]), ((const pack *)left)[i * ROW_PACKS + l]);
    for (size_t j = 0; j < rbm->hidden; j++)
        for (size_t l = 0; l < ROW_PACKS; l++) {
            const size_t at = j * ROW_PACKS + l;
            b[at] = pack_fma(weight[l], ((const pack *)sigmoid)[at], b[at]);
            if (du)
                b[at] += ((const pack *)response)[at];
        }
}

// c O - 1/2 grad u . grad O for ln sigma_d, without the factor c of the representation:
// grad u . grad: sum_{i in d} d_i u [ 2 (x_i - a_i)/sigma_i^2 - 2 h_i ] - 2 sum_j s_j (1 - s_j) q_j sum_{i in d} x_i v_ij
static void accumulate_sigma(const struct rbm *rbm, const double *x, const double *h, const double *c, const double *du, const double *response,
                             double *sums)
{
    for (size_t d = 0; d < rbm->n_widths; d++) {
        pack value[ROW_PACKS], *sum = (pack *)rows_at(sums, rbm->n_coordinates + rbm->hidden + d);
        sigma_derivative(rbm, d, x, h, value);
        for (size_t l = 0; l < ROW_PACKS; l++)
            sum[l] = pack_fma(((const pack *)c)[l], value[l], sum[l]);
        for (size_t i = d; du && i < rbm->n_coordinates; i += rbm->n_widths)
            for (size_t l = 0; l < ROW_PACKS; l++) {
                const size_t at = i * ROW_PACKS + l;
                const pack position = ((const pack *)x)[at], slope = ((const pack *)du)[at];
                const double stiffness = rbm->envelope ? rbm->inverse_variance[i] : 0;
                sum[l] -= slope * (stiffness * (position - rbm->a[i]) - ((const pack *)h)[at]);
                pack pull = pack_all(0.0);
                for (size_t j = 0; j < rbm->hidden; j++)
                    pull = pack_fma(pack_all(rbm->v[j * rbm->n_coordinates + i]), ((const pack *)response)[j * ROW_PACKS + l], pull);
                sum[l] = pack_fma(-2.0 * position, pull, sum[l]);
            }
    }
}

static void accumulate(const void *state, const double *x, const double *cache, const double *c, const double *du, double *scratch, double *sums)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, n = rbm->hidden, stride = padded_hidden(rbm);
    const double *sigmoid = rows_at_const(cache, n), *h = rows_at_const(cache, 2 * n);
    double *left = scratch, *response = rows_at(scratch, m), *by_walker = rows_at(scratch, m + n), *weights = rows_at(sums, m + n + rbm->n_widths);
    for (size_t i = 0; i < m; i++)  // A_i = C x_i - 1/2 d_i u
        for (size_t l = 0; l < ROW_PACKS; l++) {
            const size_t at = i * ROW_PACKS + l;
            const pack product = ((const pack *)c)[l] * ((const pack *)x)[at];
            ((pack *)left)[at] = du ? pack_fma(pack_all(-0.5), ((const pack *)du)[at], product) : product;
        }
    if (du)
        hidden_response(rbm, sigmoid, du, response);
    accumulate_biases(rbm, x, sigmoid, c, du, left, response, sums);
    if (rbm->n_widths)
        accumulate_sigma(rbm, x, h, c, du, response, sums);
    if (weights_per_walker(rbm)) {
        rows_outer(m, n, left, sigmoid, du ? x : NULL, du ? response : NULL, weights);
        return;
    }
    rows_transpose(n, sigmoid, stride, by_walker);
    rows_rank_update(m, stride, left, by_walker, weights);
    if (du) {
        rows_transpose(n, response, stride, by_walker);
        rows_rank_update(m, stride, x, by_walker, weights);
    }
}

static void collect(const void *state, const double *sums, double *out)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    const double *weights = rows_at_const(sums, m + n + rbm->n_widths);
    for (size_t i = 0; i < m; i++)
        out[i] += rbm->envelope ? rbm->c * rbm->inverse_variance[i] * pack_sum_row(rows_at_const(sums, i)) : 0;
    for (size_t j = 0; j < n; j++)
        out[m + j] += rbm->c * pack_sum_row(rows_at_const(sums, m + j));
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            const double sum = weights_per_walker(rbm) ? pack_sum_row(rows_at_const(weights, i * n + j)) : weights[i * padded_hidden(rbm) + j];
            out[m + n + i * n + j] += rbm->c * rbm->inverse_variance[i] * sum;
        }
    for (size_t d = 0; d < rbm->n_widths; d++)
        out[sigma_offset(rbm) + d] += rbm->c * pack_sum_row(rows_at_const(sums, m + n + d));
}

const struct factor_type factor_rbm = {
    .name = "rbm", .summary = "Gaussian-binary restricted Boltzmann machine", .state_size = sizeof(struct rbm), .params = params,
    .carries_trap = false, .build = build, .finish = finish, .n_parameters = n_parameters, .n_cache_rows = n_cache_rows, .views = views,
    .representation = representation, .start = start, .prepare = prepare, .weigh = weigh, .evaluate = evaluate, .move = move,
    .n_move_rows = n_move_rows, .derivatives = derivatives, .accumulate = accumulate, .collect = collect, .n_sum_rows = n_sum_rows,
    .n_scratch_rows = n_scratch_rows, .n_features = rbm_n_features, .features = rbm_features, .expand = rbm_expand, .apply = rbm_apply,
    .transpose = rbm_transpose, .gram = rbm_gram, .scale = rbm_scale };
