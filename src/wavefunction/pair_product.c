// SPDX-License-Identifier: GPL-3.0-or-later
// With F(r) the sum of all f, and r_pq = x_p - x_q:
//     ln phi = sum_{p<q} F(r_pq),   grad_p ln phi = sum_q (F'/r) r_pq,   Laplacian ln phi = 2 sum_{p<q} [ F'' + (D - 1)
//     F'/r ] grad u . grad O_k = sum_{p<q} (1/r d/dr df/dtheta_k) r_pq . (grad_p u - grad_q u)
#include "wavefunction/pair_product.h"

#include "base/rows.h"
#include "wavefunction/pair_row.h"

enum { TILE_DOUBLES = PAIRS_AT_ONCE * WALKERS };

struct pass {
    const struct wavefunction *wavefunction;
    const double *x, *du;
    double *value, *curvature, *gradient;  // rows added to
    double *table;         // values of all pairs, or of the pairs of one particle, as they come; NULL: none are kept
    double *o, *response;  // [n_parameters] rows, or [n_features]; response may be NULL
    bool features;         // which of them
};

// The pair factors in turn.
static const struct factor *next(const struct wavefunction *wavefunction, const struct factor *factor)
{
    const struct factor *const end = wavefunction->factor + wavefunction->n_factors;
    for (factor = factor ? factor + 1 : wavefunction->factor; factor < end; factor++)
        if (factor->type->pair_terms)
            return factor;
    return NULL;
}

static double *weight_of(const struct wavefunction *wavefunction, double *frame)
{
    return rows_at(frame, wavefunction->row_weight + 2 * wavefunction->pair_weight);
}

// |phi|^2 = e^(2 ln phi); `value` may be the exponent's row itself
static void set_weight(const double *value, double *weight)
{
    for (size_t l = 0; l < ROW_PACKS; l++) {
        ((pack *)weight)[ROW_PACKS + l] = 2.0 * ((const pack *)value)[l];
        ((pack *)weight)[l] = pack_all(1.0);
    }
}

static void visit_values(const struct pairs *pairs, void *context)
{
    struct pass *pass = context;
    _Alignas(64) double tile[TILE_DOUBLES];
    double *values = pass->table ? pass->table : tile;
    rows_fill(pairs->n, 0, values);
    for (const struct factor *factor = NULL; (factor = next(pass->wavefunction, factor));)
        factor->type->pair_values(factor->state, pairs, values);
    rows_add_up(pairs->n, values, true, pass->value);
    if (pass->table)
        pass->table = rows_at(pass->table, pairs->n);
}

static const struct factor *pair_alone(const struct wavefunction *wavefunction)
{
    return wavefunction->pair_alone < wavefunction->n_factors ? &wavefunction->factor[wavefunction->pair_alone] : NULL;
}

static void sum_values(const struct wavefunction *wavefunction, double *frame, double *table)
{
    _Alignas(64) double value[WALKERS] = { 0 };
    const struct configuration at = wavefunction_configuration(wavefunction, frame);
    geometry_visit(&at, visit_values, &(struct pass){ .wavefunction = wavefunction, .value = value, .table = table });
    set_weight(value, weight_of(wavefunction, frame));
}

void pair_product_weigh(const struct wavefunction *wavefunction, double *frame)
{
    sum_values(wavefunction, frame, NULL);
}

// Pairs in rows: (1,0), (2,0), (2,1), …
static void sum_rows(const struct wavefunction *wavefunction, double *frame, double *table)
{
    const struct factor *alone = pair_alone(wavefunction);
    _Alignas(64) double value[WALKERS] = { 0 };
    for (size_t p = 1; p < wavefunction->system.particles; p++) {
        const double *own = rows_at_const(frame, p * wavefunction->system.dimensions);
        alone->type->pair_row(
            alone->state,
            &(struct pair_row){ &wavefunction->system, p, 0, p, own, frame, wavefunction->geometry.n_pairs },
            rows_line_at(table, pair_row_number(p, 0)), value);
    }
    set_weight(value, weight_of(wavefunction, frame));
}

void pair_product_refresh(const struct wavefunction *wavefunction, double *frame)
{
    double *table = wavefunction->keeps_pair_values ? rows_at(frame, wavefunction->row_pair_values) : NULL;
    (table && pair_alone(wavefunction) ? sum_rows : sum_values)(wavefunction, frame, table);
}

// gradient += slope (x_p - x_q) for p, and - for q. Of pairs with the same p, its own rows stay in registers.
PACK_INLINE void add_slopes(size_t dimensions, const struct pairs *pairs, const double *slope, const double *x,
                            double *gradient)
{
    for (size_t k = 0, end; k < pairs->n; k = end) {
        const size_t p = pairs->p[k];
        for (end = k + 1; end < pairs->n && pairs->p[end] == p;)
            end++;
        for (size_t l = 0; l < ROW_PACKS; l += LINE) {
            pack *own = (pack *)rows_at(gradient, p * dimensions) + l, here[DIMENSIONS_MOST][LINE],
                 sum[DIMENSIONS_MOST][LINE];
            for (size_t d = 0; d < dimensions; d++)
                for (size_t s = 0; s < LINE; s++) {
                    here[d][s] = ((const pack *)rows_at_const(x, p * dimensions + d))[l + s];
                    sum[d][s] = own[d * ROW_PACKS + s];
                }
            for (size_t j = k; j < end; j++) {
                const pack *steep = (const pack *)slope + j * ROW_PACKS + l,
                           *there = (const pack *)rows_at_const(x, pairs->q[j] * dimensions) + l;
                pack *other = (pack *)rows_at(gradient, pairs->q[j] * dimensions) + l;
                for (size_t d = 0; d < dimensions; d++)
                    for (size_t s = 0; s < LINE; s++) {
                        const pack push = steep[s] * (here[d][s] - there[d * ROW_PACKS + s]);
                        sum[d][s] += push;
                        other[d * ROW_PACKS + s] -= push;
                    }
            }
            for (size_t d = 0; d < dimensions; d++)
                for (size_t s = 0; s < LINE; s++)
                    own[d * ROW_PACKS + s] = sum[d][s];
        }
    }
}

static void visit_terms(const struct pairs *pairs, void *context)
{
    const struct pass *pass = context;
    const size_t dimensions = pass->wavefunction->system.dimensions;
    _Alignas(64) double slope[TILE_DOUBLES];
    rows_fill(pairs->n, 0, slope);
    for (const struct factor *factor = NULL; (factor = next(pass->wavefunction, factor));)
        factor->type->pair_terms(factor->state, pairs, pass->value, slope, pass->curvature);
    if (dimensions == 3)
        add_slopes(3, pairs, slope, pass->x, pass->gradient);
    else if (dimensions == 2)
        add_slopes(2, pairs, slope, pass->x, pass->gradient);
    else
        add_slopes(1, pairs, slope, pass->x, pass->gradient);
}

// Tiles of pairs whose others stay in the first-level cache; distances from the table where moves have kept them.
static void evaluate_rows(const struct wavefunction *wavefunction, const double *table, double *frame)
{
    const struct factor *alone = pair_alone(wavefunction);
    const size_t particles = wavefunction->system.particles;
    double *gradient = rows_at(frame, wavefunction->row_gradient), *sums = rows_at(frame, wavefunction->row_pairs),
           *laplacian = rows_at(frame, wavefunction->row_laplacian);
    rows_fill(PAIR_SUMS + alone->n_parameters, 0, sums);
    for (size_t first = 0; first + 1 < particles; first += PAIR_ROW_AT_ONCE)
        for (size_t p = first + 1; p < particles; p++) {
            const size_t end = p - first < PAIR_ROW_AT_ONCE ? p : first + PAIR_ROW_AT_ONCE;
            alone->type->pair_row_terms(alone->state,
                                        &(struct pair_row){ &wavefunction->system, p, first, end,
                                                            rows_at(frame, p * wavefunction->system.dimensions), frame,
                                                            wavefunction->geometry.n_pairs },
                                        table ? rows_line_at_const(table, pair_row_number(p, first)) : NULL, gradient,
                                        sums);
        }
    set_weight(rows_at(sums, PAIR_SUM_VALUE), weight_of(wavefunction, frame));
    for (size_t l = 0; l < ROW_PACKS; l++)
        ((pack *)laplacian)[l] = pack_fma(pack_all(2.0), ((pack *)rows_at(sums, PAIR_SUM_CURVATURE))[l],
                                          ((const pack *)laplacian)[l]);
}

void pair_product_evaluate(const struct wavefunction *wavefunction, unsigned how, double *frame)
{
    const bool kept = (how & FACTOR_KEPT) && wavefunction->keeps_pair_values;
    _Alignas(64) double value[WALKERS] = { 0 }, curvature[WALKERS] = { 0 };
    double *gradient = rows_at(frame, wavefunction->row_gradient),
           *laplacian = rows_at(frame, wavefunction->row_laplacian);
    const struct configuration at = wavefunction_configuration(wavefunction, frame);
    if (!(how & FACTOR_ADD))
        rows_fill(wavefunction->n_coordinates + 1, 0, gradient);
    if (pair_alone(wavefunction)) {
        evaluate_rows(wavefunction, kept ? rows_at(frame, wavefunction->row_pair_values) : NULL, frame);
        return;
    }
    geometry_visit(
        &at, visit_terms,
        &(struct pass){
            .wavefunction = wavefunction, .x = frame, .value = value, .curvature = curvature, .gradient = gradient });
    set_weight(value, weight_of(wavefunction, frame));
    for (size_t l = 0; l < ROW_PACKS; l++)
        ((pack *)laplacian)[l] = pack_fma(pack_all(2.0), ((const pack *)curvature)[l], ((const pack *)laplacian)[l]);
}

static void add_values(size_t particles, size_t p, const double *values, double *out)
{
    for (size_t l = 0; l < ROW_PACKS; l += TILE_PACKS) {
        pack sum[TILE_PACKS];
        for (size_t s = 0; s < TILE_PACKS; s++)
            sum[s] = pack_all(0.0);
        for (size_t q = 0; q < particles; q++) {
            const pack *row =
                (const pack *)rows_at_const(values, q < p ? pair_row_number(p, q) : pair_row_number(q, p)) + l;
            for (size_t s = 0; q != p && s < TILE_PACKS; s++)
                sum[s] += row[s];
        }
        for (size_t s = 0; s < TILE_PACKS; s++)
            ((pack *)out)[l + s] = sum[s];
    }
}

// The sum over the pairs of p, of what was kept of them.
static void sum_kept(const struct wavefunction *wavefunction, size_t p, const double *frame, double *sum)
{
    const struct factor *alone = pair_alone(wavefunction);
    const double *table = rows_at_const(frame, wavefunction->row_pair_values);
    if (alone)
        alone->type->pair_kept(alone->state, &wavefunction->system, p, table, sum);
    else
        add_values(wavefunction->system.particles, p, table, sum);
}

// The sum over the pairs of p at `own` with the others at x; what is kept of each goes to `table` unless that is NULL.
static void sum_particle(const struct wavefunction *wavefunction, size_t p, const double *own, const double *x,
                         double *table, double *sum)
{
    const struct factor *alone = pair_alone(wavefunction);
    if (alone)
        alone->type->pair_row(alone->state,
                              &(struct pair_row){ &wavefunction->system, p, 0, wavefunction->system.particles, own, x,
                                                  wavefunction->system.particles - 1 },
                              table, sum);
    else
        geometry_visit_particle(&wavefunction->geometry, p, own, x, visit_values,
                                &(struct pass){ .wavefunction = wavefunction, .value = sum, .table = table });
}

// ln phi changes by the values of the pairs of p, after less before
void pair_product_ratio(const struct wavefunction *wavefunction, size_t p, const double *frame, double *trial)
{
    const size_t first = p * wavefunction->system.dimensions;
    const bool kept = wavefunction->keeps_pair_values;
    _Alignas(64) double after[WALKERS] = { 0 }, before[WALKERS] = { 0 };
    double *weight = weight_of(wavefunction, trial);
    const double *old_weight = rows_at_const(frame, wavefunction->row_weight + 2 * wavefunction->pair_weight);
    sum_particle(wavefunction, p, rows_at(trial, first), frame,
                 kept ? rows_at(trial, wavefunction->row_pair_values) : NULL, after);
    if (kept)
        sum_kept(wavefunction, p, frame, before);
    else
        sum_particle(wavefunction, p, rows_at_const(frame, first), frame, NULL, before);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        const pack change = ((const pack *)after)[l] - ((const pack *)before)[l];
        ((pack *)weight)[ROW_PACKS + l] = pack_fma(pack_all(2.0), change, ((const pack *)old_weight)[ROW_PACKS + l]);
        ((pack *)weight)[l] = ((const pack *)old_weight)[l];
    }
}

struct particle_pass {
    const struct wavefunction *wavefunction;
    size_t p;
    const double *x;
    double *gradient;
};

PACK_INLINE void add_particle_slopes(size_t dimensions, size_t p, const struct pairs *pairs, const double *slope,
                                     const double *x, double *gradient)
{
    for (size_t k = 0; k < pairs->n; k++) {
        const size_t own = p * dimensions * ROW_PACKS,
                     other = (pairs->p[k] == p ? pairs->q[k] : pairs->p[k]) * dimensions * ROW_PACKS;
        for (size_t d = 0; d < dimensions; d++)
            for (size_t l = d * ROW_PACKS, at = k * ROW_PACKS; l < (d + 1) * ROW_PACKS; l++, at++)
                ((pack *)gradient)[l] = pack_fma(((const pack *)slope)[at],
                                                 ((const pack *)x)[own + l] - ((const pack *)x)[other + l],
                                                 ((pack *)gradient)[l]);
    }
}

static void visit_particle_slopes(const struct pairs *pairs, void *context)
{
    const struct particle_pass *pass = context;
    const size_t dimensions = pass->wavefunction->system.dimensions;
    _Alignas(64) double slope[TILE_DOUBLES], value[WALKERS] = { 0 },
                                             curvature[WALKERS] = { 0 };  // the latter two are of no use here
    rows_fill(pairs->n, 0, slope);
    for (const struct factor *factor = NULL; (factor = next(pass->wavefunction, factor));)
        factor->type->pair_terms(factor->state, pairs, value, slope, curvature);
    if (dimensions == 3)
        add_particle_slopes(3, pass->p, pairs, slope, pass->x, pass->gradient);
    else if (dimensions == 2)
        add_particle_slopes(2, pass->p, pairs, slope, pass->x, pass->gradient);
    else
        add_particle_slopes(1, pass->p, pairs, slope, pass->x, pass->gradient);
}

void pair_product_particle_gradient(const struct wavefunction *wavefunction, size_t p, const double *x,
                                    double *gradient)
{
    const double *own = rows_at_const(x, p * wavefunction->system.dimensions);
    geometry_visit_particle(&wavefunction->geometry, p, own, x, visit_particle_slopes,
                            &(struct particle_pass){ wavefunction, p, x, gradient });
}

// The distances of p, for the walkers of the mask; both by lines.
static void blend_lines(size_t particles, size_t p, const double *mask, const double *from, double *table)
{
    const size_t n = particles * (particles - 1) / 2;
    for (size_t l = 0; l < ROW_PACKS; l++) {
        const pack sign = ((const pack *)mask)[l];
        for (size_t q = 0, k = 0; q < particles; q++)
            if (q != p) {
                pack *to = (pack *)table + rows_by_lines(n, pair_row_of(p, q), l);
                *to = pack_select_sign(sign, ((const pack *)from)[rows_by_lines(particles - 1, k++, l)], *to);
            }
    }
}

void pair_product_accept(const struct wavefunction *wavefunction, size_t p, const double *mask, const double *trial,
                         double *frame)
{
    if (!wavefunction->keeps_pair_values)
        return;
    const double *values = rows_at_const(trial, wavefunction->row_pair_values);
    double *table = rows_at(frame, wavefunction->row_pair_values);
    if (pair_alone(wavefunction)) {
        blend_lines(wavefunction->system.particles, p, mask, values, table);
        return;
    }
    rows_blend(p, mask, values, rows_at(table, p > 0 ? pair_row_number(p, 0) : 0));
    for (size_t q = p + 1; q < wavefunction->system.particles; q++)
        rows_blend(1, mask, rows_at_const(values, q - 1), rows_at(table, pair_row_number(q, p)));
}

// (x_p - x_q) . (du_p - du_q)
static void project(size_t dimensions, const struct pairs *pairs, const double *x, const double *du, double *along)
{
    for (size_t k = 0; k < pairs->n; k++) {
        const size_t first = pairs->p[k] * dimensions * ROW_PACKS, second = pairs->q[k] * dimensions * ROW_PACKS;
        for (size_t l = 0; l < ROW_PACKS; l++) {
            pack sum = pack_all(0.0);
            for (size_t d = 0; d < dimensions; d++) {
                const size_t here = first + d * ROW_PACKS + l, there = second + d * ROW_PACKS + l;
                sum = pack_fma(((const pack *)x)[here] - ((const pack *)x)[there],
                               ((const pack *)du)[here] - ((const pack *)du)[there], sum);
            }
            ((pack *)along)[k * ROW_PACKS + l] = sum;
        }
    }
}

static size_t first_row(const struct pass *pass, const struct factor *factor)
{
    return pass->features ? factor->first_feature : factor->first_parameter;
}

static void visit_derivatives(const struct pairs *pairs, void *context)
{
    const struct pass *pass = context;
    _Alignas(64) double along[TILE_DOUBLES];
    if (pass->response)
        project(pass->wavefunction->system.dimensions, pairs, pass->x, pass->du, along);
    for (const struct factor *factor = NULL; (factor = next(pass->wavefunction, factor));)
        if (factor->n_parameters > 0)
            factor->type->pair_derivatives(factor->state, pairs, pass->response ? along : NULL,
                                           rows_at(pass->o, first_row(pass, factor)),
                                           pass->response ? rows_at(pass->response, first_row(pass, factor)) : NULL);
}

static void differentiate(const struct pass *pass)
{
    const struct configuration at = wavefunction_configuration(pass->wavefunction, pass->x);
    const struct factor *alone = pair_alone(pass->wavefunction);
    if (alone && !pass->response) {  // evaluating has left them
        rows_copy(alone->n_parameters, rows_at_const(pass->x, pass->wavefunction->row_pairs + PAIR_SUMS),
                  rows_at(pass->o, first_row(pass, alone)));
        return;
    }
    for (const struct factor *factor = NULL; (factor = next(pass->wavefunction, factor));) {
        rows_fill(factor->n_parameters, 0, rows_at(pass->o, first_row(pass, factor)));
        if (pass->response)
            rows_fill(factor->n_parameters, 0, rows_at(pass->response, first_row(pass, factor)));
    }
    geometry_visit(&at, visit_derivatives, (void *)(uintptr_t)pass);
}

void pair_product_derivatives(const struct wavefunction *wavefunction, const double *frame, double *o)
{
    differentiate(&(struct pass){ .wavefunction = wavefunction, .x = frame, .o = o });
}

void pair_product_features(const struct wavefunction *wavefunction, const double *frame, double *rows)
{
    differentiate(&(struct pass){ .wavefunction = wavefunction, .x = frame, .o = rows, .features = true });
}

// O and the responses, over all parameters so that the rows have their usual places
size_t pair_product_scratch_rows(const struct wavefunction *wavefunction) { return 2 * wavefunction->n_parameters; }

void pair_product_accumulate(const struct wavefunction *wavefunction, const double *frame, const double *c,
                             const double *du, double *scratch, double *sums)
{
    double *o = scratch, *response = rows_at(scratch, wavefunction->n_parameters);
    differentiate(
        &(struct pass){ .wavefunction = wavefunction, .x = frame, .du = du, .o = o, .response = du ? response : NULL });
    for (const struct factor *factor = NULL; (factor = next(wavefunction, factor));)
        for (size_t k = 0; k < factor->n_parameters * ROW_PACKS; k++) {
            pack *sum = (pack *)rows_at(sums, factor->first_sum_row) + k;
            const size_t from = factor->first_parameter * ROW_PACKS + k;
            *sum = pack_fma(((const pack *)c)[k % ROW_PACKS], ((const pack *)o)[from], *sum);
            if (du)
                *sum -= 0.5 * ((const pack *)response)[from];
        }
}
