// SPDX-License-Identifier: GPL-3.0-or-later
// Pair controls, u_n = sum_{p<q} y^n with y = r / (1 + beta r). With t = 1 / (1 + beta r), dy/dr = t^2:
//     u_n' = n y^(n-1) t^2,   u_n'' = n (n-1) y^(n-2) t^4 - 2 beta n y^(n-1) t^3
//     C_n = -sum_{p<q} [ u_n'' + (D-1) u_n'/r + (u_n'/r) (r_p - r_q).(g_p - g_q) ]
// and with A = D - 3 + (r_p - r_q).(g_p - g_q)
//     C_1 = -sum [ (A + 2) t^2/r - 2 beta t^3 ],   C_2 = -2 sum t^3 (A + 3 t),   C_3 = -3 sum y t^3 (A + 4 t).
// cusp: n = 1, 2, 3, for each class of pairs. Near contact C_1 -> -(D-1)/r (between parallel spins -(D+1)/r), so
// kappa_1 = the slope that psi lacks cancels what is left of the lambda/r of a Coulomb pair: exactly, in 2D, where the
// plain variance is infinite; in 3D it is finite and kappa_1 is fitted like the others. Powers above the first let the
// range adapt. pair: n = 2, 3, for forces without a 1/r. One division and one inverse root per pair serve all powers,
// values and slopes.
// Check: beta = 1, r = 1, n = 1: t = 1/2, y = 1/2, u' = 1/4, u'' = -1/4.
#include "estimator/control_rows.h"

#include "base/rows.h"
#include "vmc/estimator.h"

enum { POWERS = CONTROL_POWERS };

extern const struct control_type control_cusp, control_pair;

// Whether the classes of pairs that there are have a cusp: on a line only parallel spins do.
static bool cusp_applies(const struct hamiltonian *hamiltonian, const struct wavefunction *wavefunction)
{
    const struct system *system = &hamiltonian->system;
    (void)wavefunction;
    return hamiltonian_has_pairs(hamiltonian) && hamiltonian->contact.inverse > 0 &&
           (system->dimensions > 1 || system_class_pairs(system, PAIR_ANTIPARALLEL) == 0);
}

static bool pair_applies(const struct hamiltonian *hamiltonian, const struct wavefunction *wavefunction)
{
    return hamiltonian_has_pairs(hamiltonian) && !cusp_applies(hamiltonian, wavefunction);
}

static size_t n_classes(const struct system *system)
{
    return (size_t)(system_class_pairs(system, PAIR_ANTIPARALLEL) > 0) +
           (system_class_pairs(system, PAIR_PARALLEL) > 0);
}

// Antiparallel pairs come first where there are both classes.
static size_t column_of(const struct system *system, size_t class)
{
    return n_classes(system) > 1 && class == PAIR_PARALLEL;
}
static size_t class_of(const struct system *system, size_t column)
{
    return n_classes(system) > 1                           ? column
           : system_class_pairs(system, PAIR_PARALLEL) > 0 ? PAIR_PARALLEL
                                                           : PAIR_ANTIPARALLEL;
}

static size_t n_cusp(const struct system *system) { return POWERS * n_classes(system); }
static size_t n_pair(const struct system *system) { return (POWERS - 1) * n_classes(system); }

// Rows over a tile of pairs, filled by one short loop per function, so that a processor has several packs in flight.
struct functions {
    double along[PAIRS_AT_ONCE * WALKERS], range[PAIRS_AT_ONCE * WALKERS];  // A, later the pull; t
};

PACK_INLINE void find_along(size_t dimensions, const struct pairs *pairs, const double *x, const double *gradient,
                            double *out)
{
    for (size_t k = 0; k < pairs->n; k++) {
        const size_t first = pairs->p[k] * dimensions * ROW_PACKS, second = pairs->q[k] * dimensions * ROW_PACKS;
        for (size_t l = 0; l < ROW_PACKS; l++) {
            pack sum = pack_all((double)dimensions - 3);
            for (size_t d = 0; d < dimensions; d++) {
                const size_t at = first + d * ROW_PACKS + l, to = second + d * ROW_PACKS + l;
                sum = pack_fma(((const pack *)x)[at] - ((const pack *)x)[to],
                               ((const pack *)gradient)[at] - ((const pack *)gradient)[to], sum);
            }
            ((pack *)out)[k * ROW_PACKS + l] = sum;
        }
    }
}

static PACK_HOT void find_ranges(const struct pairs *pairs, double beta, double *range)
{
    const pack *r2 = (const pack *)pairs->r2, *inverse = (const pack *)pairs->inverse;
    for (size_t k = 0; k < pairs->n * ROW_PACKS; k++)
        ((pack *)range)[k] = 1.0 / pack_fma(beta * r2[k], inverse[k], pack_all(1.0));
}

// t^2 / r, t^3, y t^3 of one pack of pairs, from which all u' and u'' are made
PACK_INLINE void pair_functions(double beta, pack root, pack t, pack out[POWERS])
{
    out[0] = t * t * root;
    out[1] = t * t * t;
    out[2] = out[1] * ((1.0 - t) * (1 / beta));
}

// C_n of n pairs, those in the list, or without one the first ones; with weights also the pull of every pair, sum_n
// weight[n] u_n'/r, in place of A
PACK_INLINE void add_values(const struct pairs *pairs, const size_t *list, size_t n, struct functions *functions,
                            double beta, size_t lowest, const double *weight, double *c)
{
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack sum[POWERS] = { { 0 } }, poles = pack_all(0.0), cubes = pack_all(0.0);
        for (size_t k = 0; k < n; k++) {
            const size_t at = (list ? list[k] : k) * ROW_PACKS + l;
            const pack along = ((const pack *)functions->along)[at], t = ((const pack *)functions->range)[at];
            pack f[POWERS];
            pair_functions(beta, ((const pack *)pairs->inverse)[at], t, f);
            sum[0] = pack_fma(f[0], along, sum[0]);
            poles += f[0];
            cubes += f[1];
            sum[1] = pack_fma(f[1], pack_fma(pack_all(3.0), t, along), sum[1]);
            sum[2] = pack_fma(f[2], pack_fma(pack_all(4.0), t, along), sum[2]);
            if (weight)
                ((pack *)functions->along)[at] = pack_fma(pack_all(weight[2]), f[2],
                                                          pack_fma(pack_all(weight[1]), f[1], weight[0] * f[0]));
        }
        sum[0] += 2.0 * (poles - beta * cubes);
        for (size_t power = lowest; power < POWERS; power++)
            ((pack *)c)[(power - lowest) * ROW_PACKS + l] -= (double)(power + 1) * sum[power];
    }
}

// du += pull (r_p - r_q) for p, and - for q
PACK_INLINE void add_slopes(size_t dimensions, const struct pairs *pairs, const double *pull, const double *x,
                            double *du)
{
    for (size_t k = 0; k < pairs->n; k++) {
        const size_t first = pairs->p[k] * dimensions * ROW_PACKS, second = pairs->q[k] * dimensions * ROW_PACKS;
        for (size_t l = 0; l < ROW_PACKS; l++)
            for (size_t d = 0; d < dimensions; d++) {
                const size_t here = first + d * ROW_PACKS + l, there = second + d * ROW_PACKS + l;
                const pack push = ((const pack *)pull)[k * ROW_PACKS + l] *
                                  (((const pack *)x)[here] - ((const pack *)x)[there]);
                ((pack *)du)[here] += push;
                ((pack *)du)[there] -= push;
            }
    }
}

PACK_INLINE void evaluate_some(size_t dimensions, const struct system *system, const struct pairs *pairs,
                               struct functions *functions, double beta, const double *coefficient, size_t lowest,
                               const double *x, const double *gradient, double *c, double *du)
{
    const size_t classes = n_classes(system), powers = POWERS - lowest;
    size_t list[PAIR_CLASSES][PAIRS_AT_ONCE], n[PAIR_CLASSES] = { 0 };  // the pairs of each column
    for (size_t k = 0; classes > 1 && k < pairs->n; k++) {
        const size_t column = column_of(system, pairs->class[k]);
        list[column][n[column]++] = k;
    }
    find_along(dimensions, pairs, x, gradient, functions->along);
    for (size_t k = 0; k < classes; k++) {
        const size_t *some = classes > 1 ? list[k] : NULL, count = classes > 1 ? n[k] : pairs->n;
        double weight[POWERS] = { 0 };
        for (size_t power = lowest; power < POWERS; power++)
            weight[power] = (double)(power + 1) * coefficient[k * powers + power - lowest];
        if (du)
            add_values(pairs, some, count, functions, beta, lowest, weight, rows_at(c, k * powers));
        else
            add_values(pairs, some, count, functions, beta, lowest, NULL, rows_at(c, k * powers));
    }
    if (du)
        add_slopes(dimensions, pairs, functions->along, x, du);
}

static PACK_HOT void evaluate_powers(const struct controls *controls, const double *coefficient, size_t lowest,
                                     const struct pairs *pairs, const double *x, const double *gradient, double *c,
                                     double *du)
{
    const struct system *system = &controls->system;
    const double beta = controls->range;
    _Alignas(64) struct functions functions;
    find_ranges(pairs, beta, functions.range);
    if (system->dimensions == 3)
        evaluate_some(3, system, pairs, &functions, beta, coefficient, lowest, x, gradient, c, du);
    else if (system->dimensions == 2)
        evaluate_some(2, system, pairs, &functions, beta, coefficient, lowest, x, gradient, c, du);
    else
        evaluate_some(1, system, pairs, &functions, beta, coefficient, lowest, x, gradient, c, du);
}

// The same of all pairs at once.
static PACK_HOT void evaluate_all(const struct controls *controls, const double *coefficient, size_t lowest,
                                  const struct configuration *at, const double *gradient, double *c, double *du)
{
    const size_t powers = POWERS - lowest;
    for (size_t k = 0; k < n_classes(&controls->system); k++)
        control_rows(controls->range, at, class_of(&controls->system, k), gradient, coefficient + k * powers, lowest,
                     rows_at(c, k * powers), du);
}

static PACK_HOT void evaluate_cusp(const struct controls *controls, const double *coefficient,
                                   const struct pairs *pairs, const double *x, const double *gradient, double *c,
                                   double *du)
{
    evaluate_powers(controls, coefficient, 0, pairs, x, gradient, c, du);
}

static PACK_HOT void evaluate_all_cusp(const struct controls *controls, const double *coefficient,
                                       const struct configuration *at, const double *gradient, double *c, double *du)
{
    evaluate_all(controls, coefficient, 0, at, gradient, c, du);
}

// In 2D the coefficients of y must be exact: the pair energy's 1/r asks for the slope that psi should have at contact,
// the kinetic energy has what psi's own slope gives, and the trap none. Their sum is the part that psi leaves out.
static bool cusp_fixed(const struct hamiltonian *hamiltonian, const struct wavefunction *wavefunction, size_t k,
                       size_t quantity, double *value)
{
    const struct system *system = &hamiltonian->system;
    const size_t class = class_of(system, k / POWERS);
    struct factor_traits traits;
    if (k % POWERS > 0 || system->dimensions != 2)
        return false;
    wavefunction_traits(wavefunction, &traits);
    *value = quantity == CONTROLLED_PAIR      ? hamiltonian_slope(hamiltonian, class)
             : quantity == CONTROLLED_KINETIC ? -traits.contact[class].slope
                                              : 0;
    return true;
}

const struct control_type control_cusp = {
    .name = "cusp",
    .summary = "u = y, y^2, y^3 with y = r / (1 + beta r) over pairs; cancels the 1/r of a Coulomb pair",
    .applies = cusp_applies,
    .n_functions = n_cusp,
    .evaluate_pairs = evaluate_cusp,
    .evaluate_all = evaluate_all_cusp,
    .fixed = cusp_fixed,
};

static void evaluate_pair(const struct controls *controls, const double *coefficient, const struct pairs *pairs,
                          const double *x, const double *gradient, double *c, double *du)
{
    evaluate_powers(controls, coefficient, 1, pairs, x, gradient, c, du);
}

static PACK_HOT void evaluate_all_pair(const struct controls *controls, const double *coefficient,
                                       const struct configuration *at, const double *gradient, double *c, double *du)
{
    evaluate_all(controls, coefficient, 1, at, gradient, c, du);
}

const struct control_type control_pair = {
    .name = "pair",
    .summary = "u = y^2, y^3 over pairs, for forces without a 1/r",
    .applies = pair_applies,
    .n_functions = n_pair,
    .evaluate_pairs = evaluate_pair,
    .evaluate_all = evaluate_all_pair,
};
