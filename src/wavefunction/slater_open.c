// SPDX-License-Identifier: GPL-3.0-or-later
// What the derivative by alpha takes where shells of orbitals are open.
// W = sum x G = sum_d sum_k n_d(k) + sum_pk w_k(r_p) B_kp, w_k the functions two quanta below orbital k that are no
// orbitals, and d_qe W = sum_k (d_e w_k)(r_q) B_kq - sum_p [ sum_k w_k(r_p) B_kq ] [ sum_k (d_e phi_k)(r_q) B_kp ].
#include "wavefunction/slater.h"

#include <string.h>

struct open_shell {
    const struct slater *slater;
    size_t spin, l;
    const double *x;
    const pack *b;                               // [p][k]
    pack lowered[ORBITALS_MOST][ORBITALS_MOST];  // sum_k w_k(r_p) B_kq as [p][q]
};

static void find_functions(const struct open_shell *shell, size_t p, pack *functions)
{
    const struct orbitals *orbitals = &shell->slater->orbitals[shell->spin];
    const size_t row = (shell->slater->first_particle[shell->spin] + p) * shell->slater->dimensions;
    slater_functions(shell->slater, orbitals, orbitals->n_functions, 1,
                     (const pack *)shell->x + row * ROW_PACKS + shell->l, functions);
}

static long below(const struct orbitals *orbitals, long k, size_t d)
{
    return k == ORBITALS_NONE ? k : orbitals->lower[d][k];
}

// w_k, or with e < D its derivative without the scale
static pack lowered_function(const struct orbitals *orbitals, size_t k, size_t e, const pack *functions)
{
    pack sum = pack_all(0.0);
    for (size_t d = 0; d < orbitals->dimensions; d++) {
        const long twice = below(orbitals, below(orbitals, (long)k, d), d);
        const long at = twice < (long)orbitals->n  ? ORBITALS_NONE
                        : e < orbitals->dimensions ? below(orbitals, twice, e)
                                                   : twice;
        if (at != ORBITALS_NONE)
            sum += functions[at];
    }
    return sum;
}

static void add_lowered(struct open_shell *shell, pack *total)
{
    const struct orbitals *orbitals = &shell->slater->orbitals[shell->spin];
    const size_t n = orbitals->n;
    pack functions[ORBITALS_FUNCTIONS_MOST];
    for (size_t p = 0; p < n; p++) {
        find_functions(shell, p, functions);
        memset(shell->lowered[p], 0, sizeof shell->lowered[p]);
        for (size_t k = 0; k < n; k++) {
            const pack w = lowered_function(orbitals, k, orbitals->dimensions, functions);
            for (size_t q = 0; q < n; q++)
                shell->lowered[p][q] = pack_fma(w, shell->b[q * n + k], shell->lowered[p][q]);
        }
        *total += shell->lowered[p][p];
    }
}

static void lowered_gradient(const struct open_shell *shell, double *gradient)
{
    const struct slater *slater = shell->slater;
    const struct orbitals *orbitals = &slater->orbitals[shell->spin];
    const size_t n = orbitals->n;
    pack functions[ORBITALS_FUNCTIONS_MOST];
    for (size_t q = 0; q < n; q++) {
        find_functions(shell, q, functions);
        for (size_t e = 0; e < slater->dimensions; e++) {
            pack sum = pack_all(0.0);
            for (size_t k = 0; k < n; k++)
                sum = pack_fma(lowered_function(orbitals, k, e, functions), shell->b[q * n + k], sum);
            for (size_t p = 0; p < n; p++) {
                pack slope = pack_all(0.0);
                for (size_t k = 0; k < n; k++)
                    if (orbitals->lower[e][k] != ORBITALS_NONE)
                        slope = pack_fma(functions[orbitals->lower[e][k]], shell->b[p * n + k], slope);
                sum -= shell->lowered[p][q] * slope;
            }
            ((pack *)gradient)[((slater->first_particle[shell->spin] + q) * slater->dimensions + e) * ROW_PACKS +
                               shell->l] = slater->scale[e] * sum;
        }
    }
}

// kept: sum x G, its gradient [M]
void slater_keep_open_shells(const struct slater *slater, size_t l, const double *x, const double *cache, double *kept)
{
    struct open_shell shell = { .slater = slater, .l = l, .x = x };
    pack total = pack_all(0.0), b[ORBITALS_MOST * ORBITALS_MOST];
    for (size_t spin = 0; spin < SPINS; spin++) {
        const size_t n = slater->orbitals[spin].n;
        for (size_t k = 0; k < n * n; k++)
            b[k] = ((const pack *)rows_at_const(cache, slater->first_row[spin]))[rows_by_lines(n * n, k, l)];
        for (size_t d = 0; d < slater->dimensions; d++)
            total += slater->orbitals[spin].sum[d];
        shell.spin = spin;
        shell.b = b;
        add_lowered(&shell, &total);
        lowered_gradient(&shell, rows_at(kept, 1));
    }
    ((pack *)kept)[l] = total;
}
