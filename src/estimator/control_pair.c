// SPDX-License-Identifier: GPL-3.0-or-later
// Pair controls, u_n = sum_{p<q} y^n with y = r / (1 + beta r). With t = 1 / (1 + beta r), dy/dr = t^2:
//     u_n' = n y^(n-1) t^2,   u_n'' = n (n-1) y^(n-2) t^4 - 2 beta n y^(n-1) t^3
//     C_n = -sum_{p<q} [ u_n'' + (D-1) u_n'/r + (u_n'/r) (r_p - r_q).(g_p - g_q) ]
// cusp: n = 1, 2, 3. Near contact C_1 -> -(D-1)/r, so kappa_1 = lambda/(D-1) cancels the lambda/r of a Coulomb pair: exactly, in 2D, where the
// plain variance is infinite; in 3D it is finite and kappa_1 is fitted like the others. Powers above the first let the range adapt.
// pair: n = 2, 3, for forces without a 1/r. One division and one inverse root per pair serve all powers.
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

// u_n' / r and u_n'' for the three powers at one pack of distances
PACK_INLINE void pair_functions(double beta, pack r2, pack slope[POWERS], pack curvature[POWERS])
{
    const pack inverse = pack_rsqrt(r2), r = r2 * inverse, t = 1.0 / pack_fma(pack_all(beta), r, pack_all(1.0)), y = r * t, t2 = t * t;
    const pack bend = -2.0 * beta * t;
    // divided by r: y / r = t
    slope[0] = t2 * inverse;
    slope[1] = 2.0 * t2 * t;
    slope[2] = 3.0 * y * t2 * t;
    curvature[0] = bend * t2;
    curvature[1] = 2.0 * t2 * pack_fma(bend, y, t2);
    curvature[2] = 3.0 * y * t2 * pack_fma(bend, y, 2.0 * t2);
}

PACK_INLINE void evaluate_pairs(const struct controls *controls, const double *x, const double *gradient, size_t lowest, double *c)
{
    const struct system *system = &controls->system;
    const size_t dimensions = system->dimensions;
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack sum[POWERS] = { { 0 } };
        for (size_t p = 1; p < system->particles; p++)
            for (size_t q = 0; q < p; q++) {
                pack r2 = pack_all(0.0), along = pack_all((double)dimensions - 1), slope[POWERS], curvature[POWERS];
                for (size_t d = 0; d < dimensions; d++) {
                    const size_t at = (p * dimensions + d) * ROW_PACKS + l, to = (q * dimensions + d) * ROW_PACKS + l;
                    const pack step = ((const pack *)x)[at] - ((const pack *)x)[to];
                    r2 = pack_fma(step, step, r2);
                    along = pack_fma(step, ((const pack *)gradient)[at] - ((const pack *)gradient)[to], along);
                }
                pair_functions(controls->range, r2, slope, curvature);
                for (size_t n = lowest; n < POWERS; n++)
                    sum[n] += pack_fma(slope[n], along, curvature[n]);
            }
        for (size_t n = lowest; n < POWERS; n++)
            ((pack *)c)[(n - lowest) * ROW_PACKS + l] = -sum[n];
    }
}

PACK_INLINE void slope_pairs(const struct controls *controls, const double *coefficient, const double *x, size_t lowest, double *du)
{
    const struct system *system = &controls->system;
    const size_t dimensions = system->dimensions;
    for (size_t p = 1; p < system->particles; p++)
        for (size_t q = 0; q < p; q++)
            for (size_t l = 0; l < ROW_PACKS; l++) {
                pack r2 = pack_all(0.0), step[DIMENSIONS_MOST], slope[POWERS], curvature[POWERS], pull = pack_all(0.0);
                for (size_t d = 0; d < dimensions; d++) {
                    step[d] = ((const pack *)x)[(p * dimensions + d) * ROW_PACKS + l] - ((const pack *)x)[(q * dimensions + d) * ROW_PACKS + l];
                    r2 = pack_fma(step[d], step[d], r2);
                }
                pair_functions(controls->range, r2, slope, curvature);
                for (size_t n = lowest; n < POWERS; n++)
                    pull = pack_fma(pack_all(coefficient[n - lowest]), slope[n], pull);
                for (size_t d = 0; d < dimensions; d++) {
                    ((pack *)du)[(p * dimensions + d) * ROW_PACKS + l] += pull * step[d];
                    ((pack *)du)[(q * dimensions + d) * ROW_PACKS + l] -= pull * step[d];
                }
            }
}

static void evaluate_cusp(const struct controls *controls, const double *x, const double *gradient, double *scratch, double *c)
{
    (void)scratch;
    evaluate_pairs(controls, x, gradient, 0, c);
}

static void slope_cusp(const struct controls *controls, const double *coefficient, const double *x, double *scratch, double *du)
{
    (void)scratch;
    slope_pairs(controls, coefficient, x, 0, du);
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
    .n_functions = three, .evaluate = evaluate_cusp, .slope = slope_cusp, .fixed = cusp_fixed };

static void evaluate_pair(const struct controls *controls, const double *x, const double *gradient, double *scratch, double *c)
{
    (void)scratch;
    evaluate_pairs(controls, x, gradient, 1, c);
}

static void slope_pair(const struct controls *controls, const double *coefficient, const double *x, double *scratch, double *du)
{
    (void)scratch;
    slope_pairs(controls, coefficient, x, 1, du);
}

const struct control_type control_pair = {
    .name = "pair", .summary = "u = y^2, y^3 over pairs, for forces without a 1/r", .applies = pair_applies, .n_functions = two,
    .evaluate = evaluate_pair, .slope = slope_pair };
