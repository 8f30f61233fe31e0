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
// J_pp = 1 + sum_q K_pq, so that of n particles of a spin all takes about D^2 n^2 M operations. Orbitals may be mixed
// as well, or only (mixing.c). Kept rows: the derivatives O. A move of one particle changes all rows of the
// determinants: they are computed anew.
#include "wavefunction/backflow.h"

#include "wavefunction/shells.h"

#include <math.h>

// --- determinants ---

static void find_orbitals(const struct flow *flow, size_t spin, size_t p, pack *functions)
{
    const struct orbitals *orbitals = &flow->slater->orbitals[spin];
    slater_products(orbitals, orbitals->n, 1, flow->moved[flow->slater->first_particle[spin] + p], functions);
    if (flow->slater->mixing)
        mixing_apply(flow, spin, flow->slater->first_particle[spin] + p, functions);
}

static void mend(struct flow *flow, size_t spin, int lane, struct determinant *determinant)
{
    const size_t n = flow->slater->orbitals[spin].n;
    double a[FLOW_PARTICLES_MOST * FLOW_PARTICLES_MOST], inverse[FLOW_PARTICLES_MOST * FLOW_PARTICLES_MOST], mantissa,
        exponent;
    pack functions[ORBITALS_MOST];
    for (size_t p = 0; p < n; p++) {
        find_orbitals(flow, spin, p, functions);
        for (size_t k = 0; k < n; k++)
            a[k * n + p] = functions[k][lane];
    }
    inverse_pivoted(n, a, inverse, &mantissa, &exponent);
    for (size_t k = 0; k < n * n; k++)
        flow->b[k][lane] = inverse[k];
    determinant->mantissa[lane] = mantissa;
    determinant->exponent[lane] = exponent;
}

// The orbitals of a spin where they fill shells and are nothing but polynomials, else 0
static size_t n_in_shells(const struct flow *flow, size_t spin)
{
    return flow->slater->shells && !flow->slater->mixing ? flow->slater->orbitals[spin].n : 0;
}
PACK_INLINE size_t shells_top(size_t n) { return n == 10 ? 3 : n == 6 ? 2 : 1; }

PACK_INLINE void fill_shells(size_t n, struct flow *flow, size_t spin)
{
    for (size_t p = 0; p < n; p++) {
        const pack *moved = flow->moved[flow->slater->first_particle[spin] + p];
        shells_functions(shells_top(n), moved[0], moved[1], flow->functions + p * n);
    }
}

static PACK_HOT void fill(struct flow *flow, size_t spin)
{
    switch (n_in_shells(flow, spin)) {
    case 3: fill_shells(3, flow, spin); break;
    case 6: fill_shells(6, flow, spin); break;
    case 10: fill_shells(10, flow, spin); break;
    default:
        for (size_t p = 0, n = flow->slater->orbitals[spin].n; p < n; p++)
            find_orbitals(flow, spin, p, flow->functions + p * n);
    }
}

PACK_INLINE struct determinant invert_of(bool known, size_t n, struct flow *flow, size_t spin)
{
    struct determinant determinant;
    const pack *functions = flow->functions;
    pack residual = pack_all(0.0);
    fill(flow, spin);
    for (size_t p = 0; p < n; p++)
        for (size_t k = 0; k < n; k++)
            flow->b[k * n + p] = functions[p * n + k];
    if (known)
        shells_eliminate(n, flow->b, &determinant);
    else
        inverse_eliminate(n, 1, flow->b, &determinant);
    for (size_t p = 0; p < n; p++) {
        const pack sum = pack_abs(shells_dot(n, functions + p * n, 1, flow->b + p * n, 1, pack_all(-1.0)));
        residual = pack_select(sum <= residual, residual, sum);
    }
    for (int lane = 0; lane < PACK_WIDTH; lane++)
        if (!(residual[lane] <= INVERSE_RESIDUAL))
            mend(flow, spin, lane, &determinant);
    return determinant;
}

static PACK_HOT struct determinant invert(struct flow *flow, size_t spin)
{
    switch (flow->slater->orbitals[spin].n) {
    case 3: return invert_of(true, 3, flow, spin);
    case 6: return invert_of(true, 6, flow, spin);
    case 10: return invert_of(true, 10, flow, spin);
    default: return invert_of(false, flow->slater->orbitals[spin].n, flow, spin);
    }
}

// The functions d quanta lower, or d and e, [n] at particle p: derivatives of the orbitals.
static void lower_orbitals(const struct flow *flow, size_t spin, size_t p, size_t d, size_t e, const pack *functions,
                           pack *out)
{
    const struct orbitals *orbitals = &flow->slater->orbitals[spin];
    for (size_t k = 0; k < orbitals->n; k++) {
        long at = orbitals->lower[d][k];
        if (at != ORBITALS_NONE && e < flow->dimensions)
            at = orbitals->lower[e][at];
        out[k] = at == ORBITALS_NONE ? pack_all(0.0) : functions[at];
    }
    if (flow->slater->mixing)
        mixing_apply(flow, spin, p, out);
}

PACK_INLINE pack times_inverse(const struct flow *flow, size_t n, const pack *functions, size_t q)
{
    return shells_dot(n, functions, 1, flow->b + q * n, 1, pack_all(0.0));
}

// T, G, and the share of F_ab that is diagonal in the particles and no product: times (J J^T)_pp
PACK_INLINE void find_slopes_in(struct flow *flow, size_t spin, flow_matrix *own)
{
    const struct slater *slater = flow->slater;
    const struct orbitals *orbitals = &slater->orbitals[spin];
    const size_t n = orbitals->n, first = slater->first_particle[spin], dimensions = flow->dimensions;
    pack functions[ORBITALS_FUNCTIONS_MOST], lowered[ORBITALS_MOST];
    for (size_t p = 0; p < n; p++) {
        slater_products(orbitals, orbitals->n_functions, 1, flow->moved[first + p], functions);
        for (size_t d = 0; d < dimensions; d++) {
            const double scale = slater->scale[d] * slater->length;
            lower_orbitals(flow, spin, first + p, d, dimensions, functions, lowered);
            for (size_t q = 0; q < n; q++)
                flow->t[(p * n + q) * dimensions + d] = scale * times_inverse(flow, n, lowered, q);
            flow->slope[first + p][d] = flow_t(flow, dimensions, n, p, p)[d];
            for (size_t e = 0; e < dimensions; e++) {
                lower_orbitals(flow, spin, first + p, d, e, functions, lowered);
                flow->laplacian = pack_fma(scale * slater->scale[e] * slater->length *
                                               times_inverse(flow, n, lowered, p),
                                           own[first + p][d][e], flow->laplacian);
            }
        }
        if (slater->mixing)
            mixing_find_parts(flow, spin, p, functions);
    }
}

// The same where n orbitals fill shells: a function that is no derivative of one is left out.
PACK_INLINE void find_slopes_of_shells(size_t n, struct flow *flow, size_t spin, flow_matrix *own)
{
    const struct slater *slater = flow->slater;
    const size_t first = slater->first_particle[spin], top = shells_top(n);
    const double x = slater->scale[0] * slater->length, y = slater->scale[1] * slater->length;
    pack laplacian = flow->laplacian;
    for (size_t p = 0; p < n; p++) {
        const pack *functions = flow->functions + p * n;
        pack bend[3], *t = flow->t + p * n * 2;
        for (size_t q = 0; q < n; q++) {
            pack slope[2];
            shells_slopes(top, functions, flow->b + q * n, 1, slope);
            t[2 * q] = x * slope[0];
            t[2 * q + 1] = y * slope[1];
        }
        FLOW_UNROLLED
        for (size_t d = 0; d < 2; d++)
            flow->slope[first + p][d] = t[2 * p + d];
        shells_bends(top, functions, flow->b + p * n, bend);
        laplacian = pack_fma(x * x * bend[0], own[first + p][0][0], laplacian);
        laplacian = pack_fma(2 * x * y * bend[1], own[first + p][0][1], laplacian);
        laplacian = pack_fma(y * y * bend[2], own[first + p][1][1], laplacian);
    }
    flow->laplacian = laplacian;
}

static PACK_HOT void find_slopes(struct flow *flow, size_t spin, flow_matrix *own)
{
    switch (n_in_shells(flow, spin)) {
    case 3: find_slopes_of_shells(3, flow, spin, own); break;
    case 6: find_slopes_of_shells(6, flow, spin, own); break;
    case 10: find_slopes_of_shells(10, flow, spin, own); break;
    default: find_slopes_in(flow, spin, own);
    }
}

// Sum of products of symmetric blocks. Products of the same elements, which the diagonal needs, are summed once.
struct products {
    pack same[FLOW_BLOCK(DIMENSIONS_MOST)], mixed[DIMENSIONS_MOST][DIMENSIONS_MOST];
};

PACK_INLINE void products_clear(size_t dimensions, struct products *sum)
{
    FLOW_UNROLLED
    for (size_t i = 0; i < dimensions; i++)
        FLOW_UNROLLED
    for (size_t j = 0; j < dimensions; j++)
        sum->same[flow_at(i, j)] = sum->mixed[i][j] = pack_all(0.0);
}

PACK_INLINE void products_add(size_t dimensions, const pack *left, const pack *right, struct products *sum)
{
    FLOW_UNROLLED
    for (size_t k = 0; k < FLOW_BLOCK(dimensions); k++)
        sum->same[k] = pack_fma(left[k], right[k], sum->same[k]);
    FLOW_UNROLLED
    for (size_t i = 0; i < dimensions; i++)
        FLOW_UNROLLED
    for (size_t j = 0; j < dimensions; j++) {
        if (i == j)
            continue;
        FLOW_UNROLLED
        for (size_t k = 0; k < dimensions; k++)
            sum->mixed[i][j] = pack_fma(left[flow_at(i, k)], right[flow_at(k, j)], sum->mixed[i][j]);
    }
}

PACK_INLINE void products_finish(size_t dimensions, const struct products *sum, flow_matrix out)
{
    FLOW_UNROLLED
    for (size_t i = 0; i < dimensions; i++) {
        out[i][i] = sum->same[flow_at(i, 0)];
        FLOW_UNROLLED
        for (size_t j = 1; j < dimensions; j++)
            out[i][i] += sum->same[flow_at(i, j)];
        FLOW_UNROLLED
        for (size_t j = 0; j < dimensions; j++)
            if (i != j)
                out[i][j] = sum->mixed[i][j];
    }
}

// J_pp = 1 - sum of all other J_pq, and (J J^T)_pp
PACK_INLINE void find_own(size_t n, struct flow *flow, flow_matrix *own)
{
    for (size_t spin = 0; spin < SPINS; spin++) {
        const struct flow_range range = flow_range(flow, spin);
        const size_t first = flow->slater->first_particle[spin], end = first + flow->slater->orbitals[spin].n;
        for (size_t p = first; p < end; p++) {
            pack here[FLOW_BLOCK(DIMENSIONS_MOST)], *to = flow_j(flow, n, p, p);
            struct products sum;
            products_clear(n, &sum);
            FLOW_UNROLLED
            for (size_t i = 0; i < n; i++)
                FLOW_UNROLLED
            for (size_t j = 0; j <= i; j++)
                here[flow_at(i, j)] = pack_all(i == j ? 1.0 : 0.0);
            for (size_t k = 0; k < FLOW_BLOCK(n); k++)
                to[k] = pack_all(0.0);
            for (size_t r = range.first; r < range.end; r++) {
                const pack *other = flow_j_const(flow, n, p, r);
                products_add(n, other, other, &sum);
                for (size_t k = 0; k < FLOW_BLOCK(n); k++)
                    here[k] -= other[k];
            }
            products_add(n, here, here, &sum);
            products_finish(n, &sum, own[p]);
            for (size_t k = 0; k < FLOW_BLOCK(n); k++)
                to[k] = here[k];
        }
    }
}

// (J J^T)_pq of two particles p > q of one spin, and where `two` also that of p and q + 1 < p: twice as many sums at
// once, which a processor needs to have none of them wait for itself.
PACK_INLINE void metric(size_t n, bool two, const struct flow *flow, struct flow_range range, size_t p, size_t q,
                        flow_matrix out[2])
{
    const pack *left = flow_j_const(flow, n, p, range.first), *right = flow_j_const(flow, n, q, range.first),
               *other = flow_j_const(flow, n, q + 1, range.first);
    struct products sum[2];
    products_clear(n, &sum[0]);
    products_clear(n, &sum[1]);
    for (size_t r = range.first; r < range.end; r++) {
        products_add(n, left, right, &sum[0]);
        if (two)
            products_add(n, left, other, &sum[1]);
        left += FLOW_BLOCK(n);
        right += FLOW_BLOCK(n);
        other += FLOW_BLOCK(n);
    }
    products_finish(n, &sum[0], out[0]);
    if (two)
        products_finish(n, &sum[1], out[1]);
}

// sum_de T^d_pq T^e_qp (J J^T)_(pd)(qe)
PACK_INLINE pack product(size_t dimensions, const struct flow *flow, size_t n, size_t p, size_t q, flow_matrix metric)
{
    const pack *there = flow_t(flow, dimensions, n, p, q), *back = flow_t(flow, dimensions, n, q, p);
    pack sum = pack_all(0.0);
    FLOW_UNROLLED
    for (size_t d = 0; d < dimensions; d++) {
        pack along = metric[d][0] * back[0];
        FLOW_UNROLLED
        for (size_t e = 1; e < dimensions; e++)
            along = pack_fma(metric[d][e], back[e], along);
        sum = pack_fma(there[d], along, sum);
    }
    return sum;
}

// - sum_pq T^d_pq T^e_qp (J J^T)_pq of a spin; what p and q give, q and p give again
PACK_INLINE void add_products_in(size_t dimensions, struct flow *flow, size_t spin, flow_matrix *own)
{
    const size_t n = flow->slater->orbitals[spin].n, first = flow->slater->first_particle[spin];
    const struct flow_range range = flow_range(flow, spin);
    pack once = pack_all(0.0), twice = once;
    for (size_t p = 0; p < n; p++)
        once += product(dimensions, flow, n, p, p, own[first + p]);
    for (size_t q = 0; range.first < range.end && q + 1 < n; q += 2) {
        flow_matrix both[2];
        metric(dimensions, false, flow, range, first + q + 1, first + q, both);
        twice += product(dimensions, flow, n, q + 1, q, both[0]);
        for (size_t p = q + 2; p < n; p++) {
            metric(dimensions, true, flow, range, first + p, first + q, both);
            twice += product(dimensions, flow, n, p, q, both[0]);
            twice += product(dimensions, flow, n, p, q + 1, both[1]);
        }
    }
    flow->laplacian -= pack_fma(pack_all(2.0), twice, once);
}

static PACK_HOT void add_products(struct flow *flow, size_t spin, flow_matrix *own)
{
    BY_DIMENSIONS(flow, add_products_in, spin, own);
}

// --- everything ---

// d/d alpha = (1/2 alpha) sum x' G - 1/2 sum omega x^2
static void keep_derivatives(const struct flow *flow, const pack o[BACKFLOW_MOST + 1], double *kept)
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
    const size_t pairs = flow->strengths.n + backflow_trains_length(slater);
    for (size_t k = 0; k < pairs; k++)
        out[k * ROW_PACKS] = o[k];
    if (slater->mixing)
        mixing_derivatives(flow, out + pairs * ROW_PACKS);
}

static void finish_pack(struct flow *flow, bool add, double *gradient, double *laplacian, double *cache)
{
    const struct slater *slater = flow->slater;
    pack slopes[FLOW_PARTICLES_MOST][DIMENSIONS_MOST], o[BACKFLOW_MOST + 1], *out = (pack *)laplacian + flow->l;
    double constant = 0;
    backflow_gather(flow, slopes, o);
    if (slater->mixing)
        mixing_finish(flow, slopes);
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

static void begin(const struct slater *slater, const struct surroundings_shape *surroundings, size_t l, const double *x,
                  bool slopes, struct flow *flow)
{
    flow->slater = slater;
    flow->strengths = backflow_strengths(slater);
    flow->particles = slater->system.particles;
    flow->dimensions = slater->dimensions;
    flow->n_fields = flow->strengths.n + 1 + backflow_trains_length(slater);
    flow->l = l;
    flow->x = x;
    flow->laplacian = pack_all(0.0);
    flow->surroundings = *surroundings;
    backflow_move(flow, slopes);
    if (slater->mixing)
        mixing_look(flow, slopes);
}

static void weigh(const void *state, const struct configuration *at, double *weight, double *cache)
{
    const struct slater *slater = state;
    const struct surroundings_shape surroundings = surroundings_shape(&slater->system, true);
    struct flow flow;
    (void)cache;
    for (size_t l = 0; l < ROW_PACKS; l++) {
        struct determinant both = { pack_all(1.0), pack_all(0.0) };
        begin(slater, &surroundings, l, at->x, false, &flow);
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
    const struct slater *slater = state;
    const struct surroundings_shape surroundings = surroundings_shape(&slater->system, true);
    struct flow flow;
    for (size_t l = 0; l < ROW_PACKS; l++) {
        struct determinant both = { pack_all(1.0), pack_all(0.0) };
        flow_matrix own[FLOW_PARTICLES_MOST];
        begin(slater, &surroundings, l, at->x, true, &flow);
        BY_DIMENSIONS(&flow, find_own, own);
        for (size_t spin = 0; spin < SPINS; spin++) {
            const struct determinant one = invert(&flow, spin);
            both.mantissa *= one.mantissa;
            both.exponent += one.exponent;
            find_slopes(&flow, spin, own);
            add_products(&flow, spin, own);
            if (slater->mixing)
                mixing_add_products(&flow, spin);
        }
        finish_pack(&flow, how & FACTOR_ADD, gradient, laplacian, cache);
        slater_set_weight(state, l, at->x, both, weight);
    }
}

static void derivatives(const void *state, const struct configuration *at, const double *cache, double *o)
{
    (void)at;
    rows_copy(backflow_n_parameters(state), cache, o);
}

const struct factor_type slater_backflow = {
    .name = "slater",
    .summary = "Slater determinants with backflow or mixing",
    .state_size = sizeof(struct slater),
    .carries_trap = true,
    .build = backflow_build,
    .n_parameters = backflow_n_parameters,
    .views = backflow_views,
    .stage = backflow_stage,
    .start = backflow_start,
    .prepare = backflow_prepare,
    .traits = backflow_traits,
    .evaluate = evaluate,
    .derivatives = derivatives,
    .finish = slater_finish,
    .n_cache_rows = backflow_n_parameters,
    .weigh = weigh,
    .n_kept_rows = backflow_n_parameters,
    .describe = slater_describe,
};
