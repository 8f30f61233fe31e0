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

// Rows over the pairs, filled by one short loop per function, so that a processor has several packs in flight.
struct functions {
    double *along, *root, *range;  // A, 1 / r, t: [PAIRS_AT_ONCE] each
};

PACK_INLINE void find_along(size_t dimensions, const struct hamiltonian_pairs *pairs, const double *x, const double *gradient, double *out)
{
    for (size_t k = 0; k < pairs->n; k++) {
        const size_t first = pairs->p[k] * dimensions * ROW_PACKS, second = pairs->q[k] * dimensions * ROW_PACKS;
        for (size_t l = 0; l < ROW_PACKS; l++) {
            pack sum = pack_all((double)dimensions - 3);
            for (size_t d = 0; d < dimensions; d++) {
                const size_t at = first + d * ROW_PACKS + l, to = second + d * ROW_PACKS + l;
                sum = pack_fma(((const pack *)x)[at] - ((const pack *)x)[to], ((const pack *)gradient)[at] - ((const pack *)gradient)[to], sum);
            }
            ((pack *)out)[k * ROW_PACKS + l] = sum;
        }
    }
}

static void find_ranges(const struct hamiltonian *hamiltonian, const struct hamiltonian_pairs *pairs, double beta, const struct functions *functions)
{
    const pack *r2 = (const pack *)pairs->r2, *energy = (const pack *)pairs->energy;
    pack *root = (pack *)functions->root, *range = (pack *)functions->range;
    const double strength = hamiltonian->type->only_contact ? hamiltonian_contact_strength(hamiltonian) : 0, scale = 1 / strength;
    for (size_t k = 0; k < pairs->n * ROW_PACKS; k++)
        root[k] = strength > 0 ? (pack)(energy[k] * scale) : pack_rsqrt(r2[k]);
    for (size_t k = 0; k < pairs->n * ROW_PACKS; k++)
        range[k] = 1.0 / pack_fma(beta * r2[k], root[k], pack_all(1.0));
}

// t^2 / r, t^3, y t^3 of one pack of pairs, from which all u' and u'' are made
PACK_INLINE void pair_functions(double beta, pack root, pack t, pack out[POWERS])
{
    out[0] = t * t * root;
    out[1] = t * t * t;
    out[2] = out[1] * ((1.0 - t) * (1 / beta));
}

// C_n; with weights also the pull of every pair, sum_n weight[n] u_n'/r, in place of A
PACK_INLINE void add_values(size_t n, const struct functions *functions, double beta, size_t lowest, const double *weight, double *c)
{
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack sum[POWERS] = { { 0 } }, poles = pack_all(0.0), cubes = pack_all(0.0);
        for (size_t k = 0; k < n; k++) {
            const size_t at = k * ROW_PACKS + l;
            const pack along = ((const pack *)functions->along)[at], t = ((const pack *)functions->range)[at];
            pack f[POWERS];
            pair_functions(beta, ((const pack *)functions->root)[at], t, f);
            sum[0] = pack_fma(f[0], along, sum[0]);
            poles += f[0];
            cubes += f[1];
            sum[1] = pack_fma(f[1], pack_fma(pack_all(3.0), t, along), sum[1]);
            sum[2] = pack_fma(f[2], pack_fma(pack_all(4.0), t, along), sum[2]);
            if (weight)
                ((pack *)functions->along)[at] = pack_fma(pack_all(weight[2]), f[2], pack_fma(pack_all(weight[1]), f[1], weight[0] * f[0]));
        }
        sum[0] += 2.0 * (poles - beta * cubes);
        for (size_t power = lowest; power < POWERS; power++)
            ((pack *)c)[(power - lowest) * ROW_PACKS + l] -= (double)(power + 1) * sum[power];
    }
}

// du += pull (r_p - r_q) for p, and - for q
PACK_INLINE void add_slopes(size_t dimensions, const struct hamiltonian_pairs *pairs, const double *pull, const double *x, double *du)
{
    for (size_t k = 0; k < pairs->n; k++) {
        const size_t first = pairs->p[k] * dimensions * ROW_PACKS, second = pairs->q[k] * dimensions * ROW_PACKS;
        for (size_t l = 0; l < ROW_PACKS; l++)
            for (size_t d = 0; d < dimensions; d++) {
                const size_t here = first + d * ROW_PACKS + l, there = second + d * ROW_PACKS + l;
                const pack push = ((const pack *)pull)[k * ROW_PACKS + l] * (((const pack *)x)[here] - ((const pack *)x)[there]);
                ((pack *)du)[here] += push;
                ((pack *)du)[there] -= push;
            }
    }
}

PACK_INLINE void evaluate_some(size_t dimensions, const struct hamiltonian_pairs *pairs, const struct functions *functions, double beta,
                               const double *coefficient, size_t lowest, const double *x, const double *gradient, double *c, double *du)
{
    double weight[POWERS] = { 0 };
    for (size_t n = lowest; n < POWERS; n++)
        weight[n] = (double)(n + 1) * coefficient[n - lowest];
    find_along(dimensions, pairs, x, gradient, functions->along);
    if (du) {
        add_values(pairs->n, functions, beta, lowest, weight, c);
        add_slopes(dimensions, pairs, functions->along, x, du);
    } else {
        add_values(pairs->n, functions, beta, lowest, NULL, c);
    }
}

static void evaluate_powers(const struct controls *controls, const struct hamiltonian *hamiltonian, const double *coefficient, size_t lowest,
                            const struct hamiltonian_pairs *pairs, const double *x, const double *gradient, double *scratch, double *c, double *du)
{
    const size_t dimensions = controls->system.dimensions;
    const double beta = controls->range;
    const struct functions functions = { scratch, rows_at(scratch, PAIRS_AT_ONCE), rows_at(scratch, 2 * PAIRS_AT_ONCE) };
    find_ranges(hamiltonian, pairs, beta, &functions);
    if (dimensions == 3)
        evaluate_some(3, pairs, &functions, beta, coefficient, lowest, x, gradient, c, du);
    else if (dimensions == 2)
        evaluate_some(2, pairs, &functions, beta, coefficient, lowest, x, gradient, c, du);
    else
        evaluate_some(1, pairs, &functions, beta, coefficient, lowest, x, gradient, c, du);
}

static void evaluate_cusp(const struct controls *controls, const struct hamiltonian *hamiltonian, const double *coefficient,
                          const struct hamiltonian_pairs *pairs, const double *x, const double *gradient, double *scratch, double *c, double *du)
{
    evaluate_powers(controls, hamiltonian, coefficient, 0, pairs, x, gradient, scratch, c, du);
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
    .n_functions = three, .evaluate_pairs = evaluate_cusp, .fixed = cusp_fixed };

static void evaluate_pair(const struct controls *controls, const struct hamiltonian *hamiltonian, const double *coefficient,
                          const struct hamiltonian_pairs *pairs, const double *x, const double *gradient, double *scratch, double *c, double *du)
{
    evaluate_powers(controls, hamiltonian, coefficient, 1, pairs, x, gradient, scratch, c, du);
}

const struct control_type control_pair = {
    .name = "pair", .summary = "u = y^2, y^3 over pairs, for forces without a 1/r", .applies = pair_applies, .n_functions = two,
    .evaluate_pairs = evaluate_pair };
