// SPDX-License-Identifier: GPL-3.0-or-later
// Polynomial controls. linear: u = sum_p x_pd per axis d, C = -sum_p g_pd.
// quadratic: per axis u = 1/2 sum_p x_pd^2, C = -1/2 P - sum_p x_pd g_pd, and the centre of mass, u = 1/2 X_d^2 with X_d = sum_p x_pd,
// C = -1/2 P - X_d sum_p g_pd. Sums over pairs of r_d^2 = P sum x^2 - X^2 are made up of these two.
// Check: P = D = 1, psi = exp(-x^2/2), x = 2: linear 2, quadratic -1/2 + 4 for both.
#include "base/rows.h"
#include "vmc/estimator.h"

extern const struct control_type control_linear, control_quadratic;

static bool always(const struct hamiltonian *hamiltonian, const struct wavefunction *wavefunction)
{
    (void)hamiltonian;
    (void)wavefunction;
    return true;
}

static size_t axes(const struct system *system) { return system->dimensions; }
// of one particle the centre of mass is nothing new
static size_t axes_and_centre(const struct system *system) { return system->dimensions * (system->particles > 1 ? 2 : 1); }

static pack sum_axis(const struct system *system, size_t d, size_t l, const double *rows)
{
    pack sum = pack_all(0.0);
    for (size_t p = 0; p < system->particles; p++)
        sum += ((const pack *)rows)[(p * system->dimensions + d) * ROW_PACKS + l];
    return sum;
}

static void evaluate_linear(const struct controls *controls, const double *x, const double *gradient, double *scratch, double *c)
{
    (void)x;
    (void)scratch;
    for (size_t d = 0; d < controls->system.dimensions; d++)
        for (size_t l = 0; l < ROW_PACKS; l++)
            ((pack *)c)[d * ROW_PACKS + l] = -sum_axis(&controls->system, d, l, gradient);
}

static void slope_linear(const struct controls *controls, const double *coefficient, const double *x, double *scratch, double *du)
{
    (void)x;
    (void)scratch;
    for (size_t i = 0; i < system_coordinates(&controls->system); i++)
        for (size_t l = 0; l < ROW_PACKS; l++)
            ((pack *)du)[i * ROW_PACKS + l] += coefficient[i % controls->system.dimensions];
}

const struct control_type control_linear = {
    .name = "linear", .summary = "u = centre of mass, per axis", .applies = always, .n_functions = axes, .evaluate = evaluate_linear,
    .slope = slope_linear };

static void evaluate_quadratic(const struct controls *controls, const double *x, const double *gradient, double *scratch, double *c)
{
    const struct system *system = &controls->system;
    const double half = -0.5 * (double)system->particles;
    (void)scratch;
    for (size_t d = 0; d < system->dimensions; d++)
        for (size_t l = 0; l < ROW_PACKS; l++) {
            pack sum = pack_all(0.0);
            for (size_t p = 0; p < system->particles; p++) {
                const size_t at = (p * system->dimensions + d) * ROW_PACKS + l;
                sum = pack_fma(((const pack *)x)[at], ((const pack *)gradient)[at], sum);
            }
            ((pack *)c)[d * ROW_PACKS + l] = half - sum;
            if (system->particles > 1)
                ((pack *)c)[(system->dimensions + d) * ROW_PACKS + l] = half - sum_axis(system, d, l, x) * sum_axis(system, d, l, gradient);
        }
}

static void slope_quadratic(const struct controls *controls, const double *coefficient, const double *x, double *scratch, double *du)
{
    const struct system *system = &controls->system;
    (void)scratch;
    for (size_t d = 0; d < system->dimensions; d++)
        for (size_t l = 0; l < ROW_PACKS; l++) {
            const pack centre = system->particles > 1 ? (pack)(coefficient[system->dimensions + d] * sum_axis(system, d, l, x)) : pack_all(0.0);
            for (size_t p = 0; p < system->particles; p++) {
                const size_t at = (p * system->dimensions + d) * ROW_PACKS + l;
                ((pack *)du)[at] += pack_fma(pack_all(coefficient[d]), ((const pack *)x)[at], centre);
            }
        }
}

const struct control_type control_quadratic = {
    .name = "quadratic", .summary = "u = x^2 / 2 per axis, of all particles and of the centre of mass", .applies = always,
    .n_functions = axes_and_centre, .evaluate = evaluate_quadratic, .slope = slope_quadratic };
