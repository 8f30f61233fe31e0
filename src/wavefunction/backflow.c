// SPDX-License-Identifier: GPL-3.0-or-later
// Slater determinants with backflow (Feynman and Cohen, Phys. Rev. 102, 1189 (1956)): the polynomials of the orbitals
// see every particle moved by its neighbours, while their common Gaussian keeps x,
//     x'_p = x_p + sum_q eta(r_pq) (x_p - x_q),   in lengths of 1/sqrt(omega) (geometric mean)
//     exponential: antiparallel pairs, eta = lambda e^(-r/l);   two-scales: eta = lambda_1 / (1 + (r/0.667)^2) +
//     lambda_2 / (1 + (r/2)^2) per class.
// It moves the nodes. Parallel pairs need eta'(0) = 0, or it would spoil their cusp. With K_pq = eta + (eta'/r) d d^T,
// d = x_p - x_q, and G, T^d_pq = sum_k (d_d phi_k)(x'_p) B_kq as without backflow (slater.c), G_pd = T^d_pp,
//     grad_p = G_p + sum_q K_pq (G_p - G_q),   d/d lambda = sum_{p<q} (eta / lambda) d . (G_p - G_q),
//     Laplacian = sum_{ab} F_ab (J J^T)_ab + 2 sum_{p<q} [ eta'' + (D + 1) eta'/r ] d . (G_p - G_q),
// a = (p, d), b = (q, e) of one spin: F_ab = delta_pq sum_k (d_d d_e phi_k)(x'_p) B_kp - T^d_pq T^e_qp, J_pq = -K_pq,
// J_pp = 1 + sum_q K_pq, so that of n particles of a spin all takes about D^2 n^2 M operations.
// Kept rows: the derivatives O. A move of one particle changes all rows of the determinants: they are computed anew.
#include "wavefunction/slater.h"

#include <math.h>
#include <string.h>

enum { PARTICLES_MOST = 40, SCALES = 2 };
static const double scales[SCALES] = { 0.667, 2 };

// --- parameters: alpha where it is trained, then lambda ---

// Strengths: those of parallel spins come first.
struct strengths {
    size_t n, per_class, column[PAIR_CLASSES];
    bool acts[PAIR_CLASSES];
};

static struct strengths strengths_of(const struct slater *slater)
{
    struct strengths strengths = { .per_class = slater->backflow == BACKFLOW_TWO_SCALES ? SCALES : 1 };
    for (size_t class = PAIR_CLASSES; class -- > 0;) {
        strengths.acts[class] = system_class_pairs(&slater->system, class) > 0 &&
                                (slater->backflow == BACKFLOW_TWO_SCALES || class == PAIR_ANTIPARALLEL);
        strengths.column[class] = strengths.n;
        strengths.n += strengths.acts[class] ? strengths.per_class : 0;
    }
    return strengths;
}

static size_t n_parameters(const void *state)
{
    const struct slater *slater = state;
    return (size_t)slater->train + strengths_of(slater).n;
}

static bool build(void *state, const struct system *system, const struct factor_surroundings *surroundings,
                  struct error *error)
{
    if (system->particles > PARTICLES_MOST)
        return error_add(error, ERROR_CONFIG,
                         "[slater] backflow: %zu particles, and at most %d are possible; use backflow = none",
                         system->particles, PARTICLES_MOST);
    if (!slater_build(state, system, surroundings, error))
        return false;
    return strengths_of(state).n > 0 || error_add(error, ERROR_CONFIG,
                                                  "[slater] backflow = exponential: it acts between antiparallel "
                                                  "spins, and there are none; use two-scales");
}

static size_t views(const void *state, struct factor_view view[FACTOR_VIEWS_MOST])
{
    const struct slater *slater = state;
    const size_t n = slater_views(state, view);
    view[n] = (struct factor_view){ .name = "lambda",
                                    .long_name = "strengths of the backflow, parallel before antiparallel spins",
                                    .rank = 1,
                                    .extent = { strengths_of(slater).n, 0 },
                                    .label = { "backflow", NULL },
                                    .first = slater->train };
    return n + 1;
}

// No backflow: a start that is as good as any.
static void start(const void *state, double (*uniform)(void *random), void *random, double *theta)
{
    const struct slater *slater = state;
    (void)uniform;
    (void)random;
    if (slater->train)
        theta[0] = slater->alpha;
    for (size_t k = slater->train; k < n_parameters(state); k++)
        theta[k] = 0;
}

static bool prepare(void *state, const double *theta)
{
    struct slater *slater = state;
    const size_t n = strengths_of(slater).n;
    bool good = slater_take_alpha(slater, slater->train ? theta[0] : slater->alpha);
    for (size_t k = 0; k < n; k++) {
        slater->lambda[k] = theta[slater->train + k];
        good = good && isfinite(slater->lambda[k]);
    }
    return good;
}

static void traits(const void *state, struct factor_traits *traits)
{
    slater_traits(state, traits);
    traits->scalable = false;
}

// --- one pack of walkers ---

typedef pack matrix[DIMENSIONS_MOST][DIMENSIONS_MOST];

struct flow {
    const struct slater *slater;
    struct strengths strengths;
    size_t particles, dimensions, l;
    const double *x;
    pack moved[PARTICLES_MOST][DIMENSIONS_MOST];              // y of x'
    pack slope[PARTICLES_MOST][DIMENSIONS_MOST];              // G, in lengths of the trap
    matrix k[PARTICLES_MOST][PARTICLES_MOST];                 // K_pq; J_pp on the diagonal
    pack spread[PARTICLES_MOST][PARTICLES_MOST];              // eta'' + (D + 1) eta'/r, p > q
    pack b[PARTICLES_MOST * PARTICLES_MOST];                  // of the spin at hand, [p][k]
    pack t[DIMENSIONS_MOST][PARTICLES_MOST][PARTICLES_MOST];  // T^d_pq of it
    pack laplacian;
};

static bool acts(const struct flow *flow, size_t p, size_t q)
{
    return flow->strengths.acts[system_pair_class(&flow->slater->system, p, q)];
}

static pack distance(const struct flow *flow, size_t p, size_t q, pack d[DIMENSIONS_MOST])
{
    pack sum = pack_all(0.0);
    for (size_t k = 0; k < flow->dimensions; k++) {
        const pack *x = (const pack *)flow->x + flow->l;
        d[k] = (1 / flow->slater->length) *
               (x[(p * flow->dimensions + k) * ROW_PACKS] - x[(q * flow->dimensions + k) * ROW_PACKS]);
        sum = pack_fma(d[k], d[k], sum);
    }
    return sum;
}

// eta / lambda of each strength, and summed with the strengths eta, eta'/r, eta'' + (D + 1) eta'/r
static void shape_pair(const struct flow *flow, size_t p, size_t q, pack r2, pack unit[SCALES], pack sum[3])
{
    const struct slater *slater = flow->slater;
    const double *lambda = slater->lambda + flow->strengths.column[system_pair_class(&slater->system, p, q)],
                 axes = (double)flow->dimensions;
    sum[0] = sum[1] = sum[2] = pack_all(0.0);
    if (slater->backflow == BACKFLOW_EXPONENTIAL) {
        const pack inverse = pack_rsqrt(r2);
        const double rate = 1 / slater->backflow_length;
        unit[0] = pack_exp(-rate * (r2 * inverse));
        sum[0] = lambda[0] * unit[0];
        sum[1] = -rate * sum[0] * inverse;
        sum[2] = rate * sum[0] * (rate - (axes + 1) * inverse);
        return;
    }
    for (size_t k = 0; k < SCALES; k++) {
        const double steep = 1 / (scales[k] * scales[k]);
        const pack h = 1.0 / pack_fma(pack_all(steep), r2, pack_all(1.0));
        unit[k] = h;
        sum[0] += lambda[k] * h;
        sum[1] -= 2 * steep * lambda[k] * h * h;
        sum[2] += 2 * steep * lambda[k] * h * h * (4 * steep * r2 * h - (axes + 2));
    }
}

// x', and K
static void move(struct flow *flow)
{
    const size_t n = flow->dimensions;
    for (size_t p = 0; p < flow->particles; p++) {
        memset(flow->k[p][p], 0, sizeof(matrix));
        for (size_t d = 0; d < n; d++) {
            flow->k[p][p][d][d] = pack_all(1.0);
            flow->moved[p][d] = (1 / flow->slater->length) * ((const pack *)flow->x)[(p * n + d) * ROW_PACKS + flow->l];
        }
    }
    for (size_t p = 1; p < flow->particles; p++)
        for (size_t q = 0; q < p; q++) {
            pack d[DIMENSIONS_MOST], unit[SCALES], sum[3];
            if (!acts(flow, p, q))
                continue;
            shape_pair(flow, p, q, distance(flow, p, q, d), unit, sum);
            flow->spread[p][q] = sum[2];
            for (size_t i = 0; i < n; i++) {
                flow->moved[p][i] = pack_fma(sum[0], d[i], flow->moved[p][i]);
                flow->moved[q][i] = pack_fma(-sum[0], d[i], flow->moved[q][i]);
                for (size_t j = 0; j < n; j++) {
                    const pack value = pack_fma(sum[1] * d[i], d[j], i == j ? sum[0] : pack_all(0.0));
                    flow->k[p][q][i][j] = flow->k[q][p][i][j] = value;
                    flow->k[p][p][i][j] += value;
                    flow->k[q][q][i][j] += value;
                }
            }
        }
    for (size_t p = 0; p < flow->particles; p++)
        for (size_t d = 0; d < n; d++)
            flow->moved[p][d] *= flow->slater->scale[d] * flow->slater->length;
}

// --- determinants ---

static void mend(struct flow *flow, size_t spin, int lane, struct determinant *determinant)
{
    const struct orbitals *orbitals = &flow->slater->orbitals[spin];
    const size_t n = orbitals->n, first = flow->slater->first_particle[spin];
    double a[PARTICLES_MOST * PARTICLES_MOST], inverse[PARTICLES_MOST * PARTICLES_MOST], mantissa, exponent;
    pack functions[ORBITALS_MOST];
    for (size_t p = 0; p < n; p++) {
        slater_products(orbitals, n, 1, flow->moved[first + p], functions);
        for (size_t k = 0; k < n; k++)
            a[k * n + p] = functions[k][lane];
    }
    inverse_pivoted(n, a, inverse, &mantissa, &exponent);
    for (size_t k = 0; k < n * n; k++)
        flow->b[k][lane] = inverse[k];
    determinant->mantissa[lane] = mantissa;
    determinant->exponent[lane] = exponent;
}

static struct determinant invert(struct flow *flow, size_t spin)
{
    const struct orbitals *orbitals = &flow->slater->orbitals[spin];
    const size_t n = orbitals->n, first = flow->slater->first_particle[spin];
    struct determinant determinant;
    pack functions[ORBITALS_MOST], residual = pack_all(0.0);
    for (size_t p = 0; p < n; p++) {
        slater_products(orbitals, n, 1, flow->moved[first + p], functions);
        for (size_t k = 0; k < n; k++)
            flow->b[k * n + p] = functions[k];
    }
    inverse_eliminate(n, 1, flow->b, &determinant);
    for (size_t p = 0; p < n; p++) {
        pack sum = pack_all(-1.0);
        slater_products(orbitals, n, 1, flow->moved[first + p], functions);
        for (size_t k = 0; k < n; k++)
            sum = pack_fma(functions[k], flow->b[p * n + k], sum);
        sum = pack_abs(sum);
        residual = pack_select(sum <= residual, residual, sum);
    }
    for (int lane = 0; lane < PACK_WIDTH; lane++)
        if (!(residual[lane] <= INVERSE_RESIDUAL))
            mend(flow, spin, lane, &determinant);
    return determinant;
}

// T, G, and the share of F_ab that is diagonal in the particles and no product: times (J J^T)_pp
static void find_slopes(struct flow *flow, size_t spin, matrix *own)
{
    const struct slater *slater = flow->slater;
    const struct orbitals *orbitals = &slater->orbitals[spin];
    const size_t n = orbitals->n, first = slater->first_particle[spin];
    pack functions[ORBITALS_FUNCTIONS_MOST];
    for (size_t p = 0; p < n; p++) {
        slater_products(orbitals, orbitals->n_functions, 1, flow->moved[first + p], functions);
        for (size_t d = 0; d < flow->dimensions; d++) {
            const double scale = slater->scale[d] * slater->length;
            for (size_t q = 0; q < n; q++) {
                pack sum = pack_all(0.0);
                for (size_t k = 0; k < n; k++)
                    if (orbitals->lower[d][k] != ORBITALS_NONE)
                        sum = pack_fma(functions[orbitals->lower[d][k]], flow->b[q * n + k], sum);
                flow->t[d][p][q] = scale * sum;
            }
            flow->slope[first + p][d] = flow->t[d][p][p];
            for (size_t e = 0; e < flow->dimensions; e++) {
                pack sum = pack_all(0.0);
                for (size_t k = 0; k < n; k++) {
                    const long once = orbitals->lower[d][k],
                               twice = once == ORBITALS_NONE ? once : orbitals->lower[e][once];
                    if (twice != ORBITALS_NONE)
                        sum = pack_fma(functions[twice], flow->b[p * n + k], sum);
                }
                flow->laplacian = pack_fma(scale * slater->scale[e] * slater->length * sum, own[first + p][d][e],
                                           flow->laplacian);
            }
        }
    }
}

// (J J^T)_pq
static void metric(const struct flow *flow, size_t p, size_t q, matrix out)
{
    const size_t n = flow->dimensions;
    memset(out, 0, sizeof(matrix));
    for (size_t r = 0; r < flow->particles; r++) {
        if ((r != p && !acts(flow, p, r)) || (r != q && !acts(flow, q, r)))
            continue;
        const bool negative = (r == p) != (r == q);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                for (size_t k = 0; k < n; k++) {
                    const pack left = flow->k[p][r][i][k];
                    out[i][j] = pack_fma(negative ? -left : left, flow->k[q][r][j][k], out[i][j]);
                }
    }
}

// - sum_pq T^d_pq T^e_qp (J J^T)_pq of a spin
static void add_products(struct flow *flow, size_t spin, matrix *own)
{
    const size_t n = flow->slater->orbitals[spin].n, first = flow->slater->first_particle[spin],
                 dimensions = flow->dimensions;
    for (size_t p = 0; p < n; p++)
        for (size_t q = 0; q <= p; q++) {
            matrix other;
            if (q < p)
                metric(flow, first + p, first + q, other);
            for (size_t d = 0; d < dimensions; d++)
                for (size_t e = 0; e < dimensions; e++) {
                    const pack product = flow->t[d][p][q] * flow->t[e][q][p],
                               weight = q < p ? other[d][e] : own[first + p][d][e];
                    flow->laplacian = pack_fma((q < p ? -2.0 : -1.0) * product, weight, flow->laplacian);
                }
        }
}

// --- everything ---

// Pairs' share of Laplacian and gradient, and O.
static void add_pairs(struct flow *flow, pack gradient[PARTICLES_MOST][DIMENSIONS_MOST], pack o[BACKFLOW_MOST])
{
    const size_t n = flow->dimensions;
    for (size_t p = 0; p < flow->particles; p++)
        memcpy(gradient[p], flow->slope[p], sizeof gradient[p]);
    for (size_t p = 1; p < flow->particles; p++)
        for (size_t q = 0; q < p; q++) {
            pack d[DIMENSIONS_MOST], unit[SCALES], sum[3], along = pack_all(0.0);
            if (!acts(flow, p, q))
                continue;
            shape_pair(flow, p, q, distance(flow, p, q, d), unit, sum);
            for (size_t i = 0; i < n; i++) {
                const pack apart = flow->slope[p][i] - flow->slope[q][i];
                along = pack_fma(d[i], apart, along);
                for (size_t j = 0; j < n; j++) {
                    gradient[p][j] = pack_fma(flow->k[p][q][j][i], apart, gradient[p][j]);
                    gradient[q][j] = pack_fma(-flow->k[p][q][j][i], apart, gradient[q][j]);
                }
            }
            flow->laplacian = pack_fma(2.0 * flow->spread[p][q], along, flow->laplacian);
            const size_t first = flow->strengths.column[system_pair_class(&flow->slater->system, p, q)];
            for (size_t k = 0; k < flow->strengths.per_class; k++)
                o[first + k] = pack_fma(unit[k], along, o[first + k]);
        }
}

// d/d alpha = (1/2 alpha) sum x' G - 1/2 sum omega x^2
static void keep_derivatives(const struct flow *flow, const pack o[BACKFLOW_MOST], double *kept)
{
    const struct slater *slater = flow->slater;
    pack pull = pack_all(0.0), spread = pack_all(0.0), *out = (pack *)kept + flow->l;
    for (size_t p = 0; p < flow->particles; p++)
        for (size_t d = 0; d < flow->dimensions; d++) {
            const pack x = ((const pack *)flow->x)[(p * flow->dimensions + d) * ROW_PACKS + flow->l];
            pull = pack_fma((1 / (slater->scale[d] * slater->length)) * flow->moved[p][d], flow->slope[p][d], pull);
            spread = pack_fma(slater->omega[d] * x, x, spread);
        }
    if (slater->train) {
        *out = pack_fma(pack_all(0.5 / slater->value), pull, -0.5 * spread);
        out += ROW_PACKS;
    }
    for (size_t k = 0; k < flow->strengths.n; k++)
        out[k * ROW_PACKS] = o[k];
}

static void finish_pack(struct flow *flow, bool add, double *gradient, double *laplacian, double *cache)
{
    const struct slater *slater = flow->slater;
    pack slopes[PARTICLES_MOST][DIMENSIONS_MOST], o[BACKFLOW_MOST], *out = (pack *)laplacian + flow->l;
    double constant = 0;
    memset(o, 0, sizeof o);
    add_pairs(flow, slopes, o);
    for (size_t p = 0; p < flow->particles; p++)
        for (size_t d = 0; d < flow->dimensions; d++) {
            const size_t at = (p * flow->dimensions + d) * ROW_PACKS + flow->l;
            pack *to = (pack *)gradient + at;
            const pack slope = pack_fma(pack_all(-slater->value * slater->omega[d]), ((const pack *)flow->x)[at],
                                        (1 / slater->length) * slopes[p][d]);
            *to = (add ? *to : pack_all(0.0)) + slope;
            constant -= slater->value * slater->omega[d];
        }
    *out = (add ? *out : pack_all(0.0)) +
           pack_fma(pack_all(1 / (slater->length * slater->length)), flow->laplacian, pack_all(constant));
    keep_derivatives(flow, o, cache);
}

static void begin(const struct slater *slater, size_t l, const double *x, struct flow *flow)
{
    flow->slater = slater;
    flow->strengths = strengths_of(slater);
    flow->particles = slater->system.particles;
    flow->dimensions = slater->dimensions;
    flow->l = l;
    flow->x = x;
    flow->laplacian = pack_all(0.0);
    move(flow);
}

static void weigh(const void *state, const struct configuration *at, double *weight, double *cache)
{
    struct flow flow;
    (void)cache;
    for (size_t l = 0; l < ROW_PACKS; l++) {
        struct determinant both = { pack_all(1.0), pack_all(0.0) };
        begin(state, l, at->x, &flow);
        for (size_t spin = 0; spin < SPINS; spin++) {
            const struct determinant one = invert(&flow, spin);
            both.mantissa *= one.mantissa;
            both.exponent += one.exponent;
        }
        slater_set_weight(state, l, at->x, both, weight);
    }
}

static void evaluate(const void *state, const struct configuration *at, unsigned how, double *weight, double *gradient,
                     double *laplacian, double *cache)
{
    struct flow flow;
    for (size_t l = 0; l < ROW_PACKS; l++) {
        struct determinant both = { pack_all(1.0), pack_all(0.0) };
        matrix own[PARTICLES_MOST];
        begin(state, l, at->x, &flow);
        for (size_t p = 0; p < flow.particles; p++)
            metric(&flow, p, p, own[p]);
        for (size_t spin = 0; spin < SPINS; spin++) {
            const struct determinant one = invert(&flow, spin);
            both.mantissa *= one.mantissa;
            both.exponent += one.exponent;
            find_slopes(&flow, spin, own);
            add_products(&flow, spin, own);
        }
        finish_pack(&flow, how & FACTOR_ADD, gradient, laplacian, cache);
        slater_set_weight(state, l, at->x, both, weight);
    }
}

static void derivatives(const void *state, const struct configuration *at, const double *cache, double *o)
{
    (void)at;
    rows_copy(n_parameters(state), cache, o);
}

const struct factor_type slater_backflow = {
    .name = "slater",
    .summary = "Slater determinants with backflow",
    .state_size = sizeof(struct slater),
    .carries_trap = true,
    .build = build,
    .n_parameters = n_parameters,
    .views = views,
    .start = start,
    .prepare = prepare,
    .traits = traits,
    .evaluate = evaluate,
    .derivatives = derivatives,
    .finish = slater_finish,
    .n_cache_rows = n_parameters,
    .weigh = weigh,
    .n_kept_rows = n_parameters,
    .describe = slater_describe,
};
