// SPDX-License-Identifier: GPL-3.0-or-later
// The one-body density matrix rho(r, r') = P int psi*(r, R) psi(r', R) dR / int |psi|^2, in the trap's oscillator
// states:
//     rho_ij = < sum_p phi_i(r_p) [ phi_j(r') / g(r') ] psi(r_p -> r') / psi >
// with r' drawn from g, a Gaussian of twice the variance of the bare trap's density, the same for all particles of a
// walker. The square of what is averaged has a finite mean whatever the nodes of psi: psi^2 in the denominator cancels
// the weight of the configuration. i and j change places in half of the sum, since rho is symmetric.
// Check: no force, bosons: psi = prod phi_0(r_p), rho = P at i = j = 0 and 0 elsewhere.
#include "vmc/observables.h"

#include "base/rows.h"
#include "vmc/rng.h"

#include <math.h>
#include <string.h>

extern const struct observable_type observable_one_body;

// Quanta per dimension of the states: shell by shell, up to 9, 4, 3 quanta in 1, 2, 3 dimensions.
enum { QUANTA_MOST = 9 };
static const size_t quanta_most[] = { 9, 4, 3 };

size_t observables_one_body_states(size_t dimensions, unsigned char quanta[ONE_BODY_STATES_MOST][DIMENSIONS_MOST])
{
    size_t n = 0;
    for (size_t shell = 0; shell <= quanta_most[dimensions - 1]; shell++)
        for (size_t a = shell + 1; a-- > 0;)
            for (size_t b = shell - a + 1; b-- > 0;) {
                const size_t c = shell - a - b;
                if ((dimensions < 2 && b > 0) || (dimensions < 3 && c > 0))
                    continue;
                quanta[n][0] = (unsigned char)a;
                quanta[n][1] = (unsigned char)b;
                quanta[n++][2] = (unsigned char)c;
            }
    return n;
}

static void describe(struct observables *observables, size_t own[4])
{
    unsigned char quanta[ONE_BODY_STATES_MOST][DIMENSIONS_MOST];
    const size_t n = observables_one_body_states(observables->system.dimensions, quanta);
    own[0] = observables_add_matrix(
        observables, &(struct observables_matrix){ .name = "one_body",
                                                   .long_name = "one-body density matrix in the oscillator states of "
                                                                "the trap; its trace is the number of particles",
                                                   .n = n });
}

// phi_k at one place, rows [n]: products of the normalised oscillator functions
//     h_0 = (omega / pi)^(1/4) exp(-omega x^2 / 2),   h_(k+1) = sqrt(2 omega / (k + 1)) x h_k - sqrt(k / (k + 1))
//     h_(k-1)
static void find_states(const struct system *system, size_t n, unsigned char quanta[][DIMENSIONS_MOST], const double *x,
                        double *states)
{
    _Alignas(64) double function[DIMENSIONS_MOST][QUANTA_MOST + 1][WALKERS];
    for (size_t d = 0; d < system->dimensions; d++) {
        const double omega = system->omega[d], scale = sqrt(sqrt(omega / 3.14159265358979323846));
        for (size_t l = 0; l < ROW_PACKS; l++) {
            const pack here = ((const pack *)rows_at_const(x, d))[l];
            ((pack *)function[d][0])[l] = scale * pack_exp(-0.5 * omega * here * here);
        }
        for (size_t k = 0; k < quanta_most[system->dimensions - 1]; k++) {
            const double up = sqrt(2 * omega / (double)(k + 1)), down = sqrt((double)k / (double)(k + 1));
            for (size_t w = 0; w < WALKERS; w++)
                function[d][k + 1][w] = up * x[d * WALKERS + w] * function[d][k][w] -
                                        (k > 0 ? down * function[d][k - 1][w] : 0);
        }
    }
    for (size_t k = 0; k < n; k++)
        for (size_t w = 0; w < WALKERS; w++) {
            double product = 1;
            for (size_t d = 0; d < system->dimensions; d++)
                product *= function[d][quanta[k][d]][w];
            states[k * WALKERS + w] = product;
        }
}

// A place per walker, the density it was drawn with, of numbers of its own: neither the walkers' streams nor the other
// observables notice.
static void draw_place(const struct system *system, uint64_t look, const double *x, double *place, double *density)
{
    _Alignas(64) uint64_t streams[RNG_ROWS * WALKERS];
    uint64_t bits;
    memcpy(&bits, x, sizeof bits);
    rng_start_block(streams, bits, look * WALKERS);
    rng_normals(streams, system->dimensions, place);
    rows_fill(1, 1, density);
    for (size_t d = 0; d < system->dimensions; d++) {
        const double width = 1 / sqrt(system->omega[d]);
        for (size_t l = 0; l < ROW_PACKS; l++) {
            pack *at = (pack *)rows_at(place, d) + l;
            ((pack *)density)[l] *= pack_exp(-0.5 * *at * *at) * (1 / (2.5066282746310002 * width));
            *at *= width;
        }
    }
}

// psi of the trial over that of the frame, with its sign.
static void find_ratio(const struct wavefunction *wavefunction, size_t p, const double *frame, const double *trial,
                       double *ratio)
{
    const double *now = rows_at_const(trial, wavefunction->row_weight),
                 *before = rows_at_const(frame, wavefunction->row_weight);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack mantissa = pack_all(1.0), exponent = pack_all(0.0);
        for (size_t f = 0; f < wavefunction->n_weights; f++) {
            const size_t row = 2 * f * ROW_PACKS + l;
            mantissa *= ((const pack *)now)[row] / ((const pack *)before)[row];
            exponent += ((const pack *)now)[row + ROW_PACKS] - ((const pack *)before)[row + ROW_PACKS];
        }
        ((pack *)ratio)[l] = pack_sqrt(mantissa) * pack_exp(0.5 * exponent);
    }
    wavefunction_sign(wavefunction, p, trial, ratio);
}

static void add_products(const struct observables *observables, const struct observables_place *place, size_t which,
                         size_t n, const double *moved, const double *states, const double *density)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double value[WALKERS];
            for (size_t w = 0; w < WALKERS; w++)
                value[w] = 0.5 *
                           (moved[i * WALKERS + w] * states[j * WALKERS + w] +
                            moved[j * WALKERS + w] * states[i * WALKERS + w]) /
                           density[w];
            observables_sum(observables, place, observables->matrix[which].first + i * n + j, value);
        }
}

static void look_around(const struct observables *observables, const size_t own[4],
                        const struct observables_place *place, const double *x)
{
    const struct wavefunction *wavefunction = observables->wavefunction;
    const struct system *system = &observables->system;
    const size_t dimensions = system->dimensions, m = wavefunction->n_coordinates;
    unsigned char quanta[ONE_BODY_STATES_MOST][DIMENSIONS_MOST];
    _Alignas(64) double at[DIMENSIONS_MOST * WALKERS], density[WALKERS], ratio[WALKERS],
        states[ONE_BODY_STATES_MOST * WALKERS], moved[ONE_BODY_STATES_MOST * WALKERS];
    double *frame = place->scratch, *trial = rows_at(frame, wavefunction->n_rows);
    const size_t n = observables_one_body_states(dimensions, quanta);
    draw_place(system, place->look, x, at, density);
    rows_copy(m, x, frame);
    wavefunction_refresh(wavefunction, false, frame);
    rows_copy(m, x, trial);
    rows_fill(n, 0, moved);
    for (size_t p = 0; p < system->particles; p++) {
        rows_copy(dimensions, at, rows_at(trial, p * dimensions));
        wavefunction_ratio(wavefunction, p, frame, trial);
        find_ratio(wavefunction, p, frame, trial, ratio);
        rows_copy(dimensions, rows_at_const(x, p * dimensions), rows_at(trial, p * dimensions));
        find_states(system, n, quanta, rows_at_const(x, p * dimensions), states);
        for (size_t k = 0; k < n; k++)
            for (size_t w = 0; w < WALKERS; w++)
                moved[k * WALKERS + w] += states[k * WALKERS + w] * ratio[w];
    }
    find_states(system, n, quanta, at, states);
    add_products(observables, place, own[0], n, moved, states, density);
}

const struct observable_type observable_one_body = {
    .name = "one-body",
    .summary = "one-body density matrix in the oscillator states of the trap, and its natural occupations; not in auto",
    .on_request = true,
    .describe = describe,
    .frames = look_around,
};
