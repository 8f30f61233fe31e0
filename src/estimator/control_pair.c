// SPDX-License-Identifier: GPL-3.0-or-later
// Pair controls, u_n = sum_{p<q} y^n with y = r / (1 + beta r). With t = 1 / (1 + beta r), dy/dr = t^2:
//     u_n' = n y^(n-1) t^2,   u_n'' = n (n-1) y^(n-2) t^4 - 2 beta n y^(n-1) t^3
//     C_n = -sum_{p<q} [ u_n'' + (D-1) u_n'/r + (u_n'/r) (r_p - r_q).(g_p - g_q) ]
// and with A = D - 3 + (r_p - r_q).(g_p - g_q)
//     C_1 = -sum [ (A + 2) t^2/r - 2 beta t^3 ],   C_2 = -2 sum t^3 (A + 3 t),   C_3 = -3 sum y t^3 (A + 4 t).
// cusp: n = 1, 2, 3. Near contact C_1 -> -(D-1)/r, so kappa_1 = lambda/(D-1) cancels the lambda/r of a Coulomb pair: exactly, in 2D, where the
// plain variance is infinite; in 3D it is finite and kappa_1 is fitted like the others. Powers above the first let the range adapt.
// pair: n = 2, 3, for forces without a 1/r. One division and one inverse root per pair serve all powers, values and slopes.
// Check: beta = 1, r = 1, n = 1: t = 1/2, y = 1/2, u' = 1/4, u'' = -1/4.
#include "base/rows.h"
#include "vmc/estimator.h"

enum { POWERS = 3 };

extern const struct control_type control_cusp, control_pair;

static bool has_pairs(const struct hamiltonian *hamiltonian) { return hamiltonian->type->pair_energy && hamiltonian->system.particles > 1; }

static bool cusp_applies(const struct hamiltonian *hamiltonian, const struct wavefunction *wavefunction)
{
    (void)wavefunction;
    return has_pairs(hamiltonian) && hamiltonian->system.dimensions > 1 && hamiltonian_contact_strength(hamiltonian) > 0;
}

static bool pair_applies(const struct hamiltonian *hamiltonian, const struct wavefunction *wavefunction)
{
    return has_pairs(hamiltonian) && !cusp_applies(hamiltonian, wavefunction);
}

static size_t three(const struct system *system)
{
    (void)system;
    return POWERS;
}

static size_t two(const struct system *system)
{
    (void)system;
    return POWERS - 1;
}

// Up to PAIRS_AT_ONCE pairs p, q and rows over them, filled by one short loop per function, so that a processor has several packs in flight.
enum { PAIRS_AT_ONCE = 16, PAIR_ROWS = 3 * PAIRS_AT_ONCE };
struct pairs {
    size_t n, p[PAIRS_AT_ONCE], q[PAIRS_AT_ONCE];
    double *along, *root, *range;  // A, 1 / r, t
};

PACK_INLINE void find_pairs(size_t dimensions, const struct pairs *pairs, double beta, const double *x, const double *gradient)
{
    pack *along = (pack *)pairs->along, *root = (pack *)pairs->root, *range = (pack *)pairs->range;
    for (size_t k = 0; k < pairs->n; k++)
        for (size_t l = 0; l < ROW_PACKS; l++) {
            pack r2 = pack_all(0.0), sum = pack_all((double)dimensions - 3);
            for (size_t d = 0; d < dimensions; d++) {
                const size_t at = (pairs->p[k] * dimensions + d) * ROW_PACKS + l, to = (pairs->q[k] * dimensions + d) * ROW_PACKS + l;
                const pack step = ((const pack *)x)[at] - ((const pack *)x)[to];
                r2 = pack_fma(step, step, r2);
                sum = pack_fma(step, ((const pack *)gradient)[at] - ((const pack *)gradient)[to], sum);
            }
            range[k * ROW_PACKS + l] = r2;
            along[k * ROW_PACKS + l] = sum;
        }
    for (size_t k = 0; k < pairs->n * ROW_PACKS; k++)
        root[k] = pack_rsqrt(range[k]);
    for (size_t k = 0; k < pairs->n * ROW_PACKS; k++)
        range[k] = 1.0 / pack_fma(beta * range[k], root[k], pack_all(1.0));
}

// t^2 / r, t^3, y t^3 of one pack of pairs, from which all u' and u'' are made
PACK_INLINE void pair_functions(double beta, pack root, pack t, pack out[POWERS])
{
    out[0] = t * t * root;
    out[1] = t * t * t;
    out[2] = out[1] * ((1.0 - t) * (1 / beta));
}

static void add_values(const struct pairs *pairs, double beta, size_t lowest, double *c)
{
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack sum[POWERS] = { { 0 } }, poles = pack_all(0.0), cubes = pack_all(0.0);
        for (size_t q = 0; q < pairs->n; q++) {
            const size_t at = q * ROW_PACKS + l;
            const pack along = ((const pack *)pairs->along)[at], t = ((const pack *)pairs->range)[at];
            pack f[POWERS];
            pair_functions(beta, ((const pack *)pairs->root)[at], t, f);
            sum[0] = pack_fma(f[0], along, sum[0]);
            poles += f[0];
            cubes += f[1];
            sum[1] = pack_fma(f[1], pack_fma(pack_all(3.0), t, along), sum[1]);
            sum[2] = pack_fma(f[2], pack_fma(pack_all(4.0), t, along), sum[2]);
        }
        sum[0] += 2.0 * (poles - beta * cubes);
        for (size_t n = lowest; n < POWERS; n++)
            ((pack *)c)[(n - lowest) * ROW_PACKS + l] -= (double)(n > 0 ? n + 1 : 1) * sum[n];
    }
}

// du += sum_n coefficient[n] grad u_n
PACK_INLINE void add_slopes(size_t dimensions, const struct pairs *pairs, double beta, const double coefficient[POWERS], const double *x, double *du)
{
    const pack weight[POWERS] = { pack_all(coefficient[0]), pack_all(2 * coefficient[1]), pack_all(3 * coefficient[2]) };
    for (size_t k = 0; k < pairs->n; k++) {
        const size_t first = pairs->p[k] * dimensions * ROW_PACKS, second = pairs->q[k] * dimensions * ROW_PACKS;
        for (size_t l = 0; l < ROW_PACKS; l++) {
            const size_t at = k * ROW_PACKS + l;
            pack f[POWERS];
            pair_functions(beta, ((const pack *)pairs->root)[at], ((const pack *)pairs->range)[at], f);
            const pack pull = pack_fma(weight[2], f[2], pack_fma(weight[1], f[1], weight[0] * f[0]));
            for (size_t d = 0; d < dimensions; d++) {
                const size_t here = first + d * ROW_PACKS + l, there = second + d * ROW_PACKS + l;
                const pack push = pull * (((const pack *)x)[here] - ((const pack *)x)[there]);
                ((pack *)du)[here] += push;
                ((pack *)du)[there] -= push;
            }
        }
    }
}

PACK_INLINE void evaluate_some(size_t dimensions, const struct pairs *pairs, double beta, const double *coefficient, size_t lowest, const double *x,
                               const double *gradient, double *c, double *du)
{
    double all[POWERS] = { 0 };
    find_pairs(dimensions, pairs, beta, x, gradient);
    add_values(pairs, beta, lowest, c);
    if (!du)
        return;
    for (size_t n = lowest; n < POWERS; n++)
        all[n] = coefficient[n - lowest];
    add_slopes(dimensions, pairs, beta, all, x, du);
}

static void evaluate_pairs(const struct controls *controls, const double *coefficient, size_t lowest, const double *x, const double *gradient,
                           double *scratch, double *c, double *du)
{
    const size_t particles = controls->system.particles, dimensions = controls->system.dimensions;
    struct pairs pairs = { .along = scratch, .root = rows_at(scratch, PAIRS_AT_ONCE), .range = rows_at(scratch, 2 * PAIRS_AT_ONCE) };
    rows_fill(POWERS - lowest, 0, c);
    for (size_t p = 1; p < particles; p++)
        for (size_t q = 0; q < p; q++) {
            pairs.p[pairs.n] = p;
            pairs.q[pairs.n++] = q;
            if (pairs.n < PAIRS_AT_ONCE && (p + 1 < particles || q + 1 < p))
                continue;
            if (dimensions == 3)
                evaluate_some(3, &pairs, controls->range, coefficient, lowest, x, gradient, c, du);
            else if (dimensions == 2)
                evaluate_some(2, &pairs, controls->range, coefficient, lowest, x, gradient, c, du);
            else
                evaluate_some(1, &pairs, controls->range, coefficient, lowest, x, gradient, c, du);
            pairs.n = 0;
        }
}

static size_t n_scratch_rows(void) { return PAIR_ROWS; }

static void evaluate_cusp(const struct controls *controls, const double *coefficient, const double *x, const double *gradient, double *scratch,
                          double *c, double *du)
{
    evaluate_pairs(controls, coefficient, 0, x, gradient, scratch, c, du);
}

// In 2D the coefficient of y must be exact: the pair energy has the whole 1/r, kinetic and trap energy have none.
static bool cusp_fixed(const struct hamiltonian *hamiltonian, const struct wavefunction *wavefunction, size_t k, size_t quantity, double *value)
{
    (void)wavefunction;
    if (k > 0 || hamiltonian->system.dimensions != 2)
        return false;
    *value = quantity == CONTROLLED_PAIR ? hamiltonian_contact_strength(hamiltonian) : 0;
    return true;
}

const struct control_type control_cusp = {
    .name = "cusp", .summary = "u = y, y^2, y^3 with y = r / (1 + beta r) over pairs; cancels the 1/r of a Coulomb pair", .applies = cusp_applies,
    .n_functions = three, .n_scratch_rows = n_scratch_rows, .evaluate = evaluate_cusp, .fixed = cusp_fixed };

static void evaluate_pair(const struct controls *controls, const double *coefficient, const double *x, const double *gradient, double *scratch,
                          double *c, double *du)
{
    evaluate_pairs(controls, coefficient, 1, x, gradient, scratch, c, du);
}

const struct control_type control_pair = {
    .name = "pair", .summary = "u = y^2, y^3 over pairs, for forces without a 1/r", .applies = pair_applies, .n_functions = two,
    .n_scratch_rows = n_scratch_rows, .evaluate = evaluate_pair };
