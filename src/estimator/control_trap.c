// SPDX-License-Identifier: GPL-3.0-or-later
// Polynomial controls. linear: u = sum_p x_pd per axis d, C = -sum_p g_pd.
// quadratic: per axis u = 1/2 sum_p x_pd^2, C = -1/2 P - sum_p x_pd g_pd, and the centre of mass, u = 1/2 X_d^2 with
// X_d = sum_p x_pd, C = -1/2 P - X_d sum_p g_pd. Sums over pairs of r_d^2 = P sum x^2 - X^2 are made up of these two.
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
static size_t axes_and_centre(const struct system *system)
{
    return system->dimensions * (system->particles > 1 ? 2 : 1);
}

// Rows of axis d, TILE_PACKS packs of the walkers at a time
PACK_INLINE const pack *axis_row(const struct system *system, size_t p, size_t d, size_t l, const double *rows)
{
    return (const pack *)rows + (p * system->dimensions + d) * ROW_PACKS + l;
}

static PACK_HOT void evaluate_linear(const struct controls *controls, const double *coefficient, const double *x,
                                     const double *gradient, double *c, double *du)
{
    const struct system *system = &controls->system;
    (void)x;
    for (size_t d = 0; d < system->dimensions; d++)
        for (size_t l = 0; l < ROW_PACKS; l += TILE_PACKS) {
            pack sum[TILE_PACKS] = { { 0 } };
            for (size_t p = 0; p < system->particles; p++)
                ROWS_UNROLLED
            for (size_t k = 0; k < TILE_PACKS; k++)
                sum[k] -= axis_row(system, p, d, l, gradient)[k];
            ROWS_UNROLLED
            for (size_t k = 0; k < TILE_PACKS; k++)
                ((pack *)c)[d * ROW_PACKS + l + k] = sum[k];
            for (size_t p = 0; du && p < system->particles; p++)
                ROWS_UNROLLED
            for (size_t k = 0; k < TILE_PACKS; k++)
                ((pack *)du)[(p * system->dimensions + d) * ROW_PACKS + l + k] += coefficient[d];
        }
}

const struct control_type control_linear = {
    .name = "linear",
    .summary = "u = centre of mass, per axis",
    .applies = always,
    .n_functions = axes,
    .evaluate = evaluate_linear,
};

// du += coefficient of the axis times x, and of the centre of mass times X
PACK_INLINE void slope_quadratic(const struct system *system, const double *coefficient, size_t d, size_t l,
                                 const pack centre[TILE_PACKS], const double *x, double *du)
{
    const double whole = system->particles > 1 ? coefficient[system->dimensions + d] : 0;
    for (size_t p = 0; p < system->particles; p++) {
        pack *out = (pack *)du + (p * system->dimensions + d) * ROW_PACKS + l;
        ROWS_UNROLLED
        for (size_t k = 0; k < TILE_PACKS; k++)
            out[k] += pack_fma(pack_all(coefficient[d]), axis_row(system, p, d, l, x)[k], whole * centre[k]);
    }
}

static PACK_HOT void evaluate_quadratic(const struct controls *controls, const double *coefficient, const double *x,
                                        const double *gradient, double *c, double *du)
{
    const struct system *system = &controls->system;
    const double half = -0.5 * (double)system->particles;
    for (size_t d = 0; d < system->dimensions; d++)
        for (size_t l = 0; l < ROW_PACKS; l += TILE_PACKS) {
            pack product[TILE_PACKS] = { { 0 } }, centre[TILE_PACKS] = { { 0 } }, drift[TILE_PACKS] = { { 0 } };
            for (size_t p = 0; p < system->particles; p++)
                ROWS_UNROLLED
            for (size_t k = 0; k < TILE_PACKS; k++) {
                const pack at = axis_row(system, p, d, l, x)[k], slope = axis_row(system, p, d, l, gradient)[k];
                product[k] = pack_fma(at, slope, product[k]);
                centre[k] += at;
                drift[k] += slope;
            }
            ROWS_UNROLLED
            for (size_t k = 0; k < TILE_PACKS; k++) {
                ((pack *)c)[d * ROW_PACKS + l + k] = half - product[k];
                if (system->particles > 1)
                    ((pack *)c)[(system->dimensions + d) * ROW_PACKS + l + k] = half - centre[k] * drift[k];
            }
            if (du)
                slope_quadratic(system, coefficient, d, l, centre, x, du);
        }
}

const struct control_type control_quadratic = {
    .name = "quadratic",
    .summary = "u = x^2 / 2 per axis, of all particles and of the centre of mass",
    .applies = always,
    .n_functions = axes_and_centre,
    .evaluate = evaluate_quadratic,
};
