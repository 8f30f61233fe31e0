// SPDX-License-Identifier: GPL-3.0-or-later
// Inverses of Slater matrices: eliminations that go wrong without pivots, in the wave function and alone; nodes; how
// far one-particle moves let an inverse drift.
#include "support/fermions.h"
#include "support/ln_determinant.h"
#include "vmc/rng.h"
#include "wavefunction/inverse.h"
#include "wavefunction/slater.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// --- against plain elimination in long double ---

// ln|phi| of a homogeneous 2D state with n_up = n_down = n: a determinant of powers, up to a constant.
static long double log_powers(size_t n, double alpha, const double *x, size_t w)
{
    long double sum = 0;
    for (size_t spin = 0; spin < 2; spin++) {
        long double a[LN_DETERMINANT_MOST][LN_DETERMINANT_MOST];
        for (size_t p = 0; p < n; p++) {
            const long double u = x[((spin * n + p) * 2) * WALKERS + w], v = x[((spin * n + p) * 2 + 1) * WALKERS + w];
            for (size_t k = 0, shell = 0; k < n; shell++)
                for (size_t m = 0; m <= shell; m++)
                    a[p][k++] = powl(u, (long double)(shell - m)) * powl(v, (long double)m);
            sum -= (long double)alpha * (u * u + v * v) / 2;
        }
        sum += ln_determinant(n, a);
    }
    return sum;
}

// Particles that share a coordinate make the second pivot vanish: without pivots nothing is left of the inverse.
static void test_pivots(void **state)
{
    (void)state;
    static const char *const systems[] = { FREE("particles = 6\ndimensions = 2\n"),
                                           FREE("particles = 12\ndimensions = 2\n"),
                                           FREE("particles = 20\ndimensions = 2\n") };
    for (size_t s = 0; s < 3; s++) {
        struct fermions outcome = fermions_build(systems[s]);
        const struct wavefunction *wavefunction = &outcome.model.ensemble.wavefunction;
        double *frame = outcome.model.ensemble.block[0].current, good[WALKERS], found[WALKERS];
        const size_t n = wavefunction->system.particles / 2;
        wavefunction_log(wavefunction, frame, good);
        const double offset = (double)(good[0] - log_powers(n, 1, frame, 0));
        for (double apart = 1e-3; apart > 1e-19; apart *= 0.01) {
            for (size_t w = 0; w < WALKERS; w += 3)  // some walkers only: their neighbours in a pack are as they were
                frame[2 * WALKERS + w] = frame[w] + (apart > 1e-18 ? apart : 0);
            wavefunction_evaluate(wavefunction, frame);
            wavefunction_log(wavefunction, frame, found);
            double kept[WALKERS];
            memcpy(kept, frame + wavefunction->row_gradient * WALKERS, sizeof kept);
            wavefunction_weigh(wavefunction, frame);
            double again[WALKERS];
            wavefunction_log(wavefunction, frame, again);
            assert_memory_equal(found, again, sizeof found);
            for (size_t w = 0; w < WALKERS; w++) {
                assert_true(fabs((double)(found[w] - log_powers(n, 1, frame, w)) - offset) < 1e-8);
                assert_true(w % 3 == 0 || found[w] == good[w]);
                // the energy of a free state does not depend on where the particles are
                double square = 0, trap = 0;
                for (size_t i = 0; i < wavefunction->n_coordinates; i++) {
                    square += pow(frame[(wavefunction->row_gradient + i) * WALKERS + w], 2);
                    trap += pow(frame[i * WALKERS + w], 2) / 2;
                }
                const double energy = trap - (square + frame[wavefunction->row_laplacian * WALKERS + w]) / 2;
                const double exact = n == 3 ? 10 : n == 6 ? 28 : 60;
                assert_true(fabs(energy - exact) < 1e-13 * (square + exact));
            }
        }
        fermions_finish(&outcome);
    }
}

// Two particles of a spin at one place: psi = 0, and no walker goes there.
static void test_node(void **state)
{
    (void)state;
    struct fermions outcome = fermions_build(FREE("particles = 6\ndimensions = 2\n"));
    const struct wavefunction *wavefunction = &outcome.model.ensemble.wavefunction;
    double *frame = outcome.model.ensemble.block[0].current, *trial = outcome.model.ensemble.block[0].trial;
    assert_true(wavefunction_refresh(wavefunction, false, frame) == 0);
    memcpy(trial, frame, wavefunction->n_coordinates * WALKERS * sizeof(double));
    memcpy(trial, frame + 2 * WALKERS, 2 * WALKERS * sizeof(double));
    wavefunction_ratio(wavefunction, 0, frame, trial);
    for (size_t w = 0; w < WALKERS; w++) {
        double mantissa = trial[wavefunction->row_weight * WALKERS + w],
               exponent = trial[(wavefunction->row_weight + 1) * WALKERS + w];
        assert_true(mantissa == 0 || log(mantissa) + exponent < -60);  // |psi|^2 below 1e-26
    }
    wavefunction_weigh(wavefunction, trial);
    for (size_t w = 0; w < WALKERS; w++)
        assert_true(trial[wavefunction->row_weight * WALKERS + w] == 0 ||
                    log(trial[wavefunction->row_weight * WALKERS + w]) +
                            trial[(wavefunction->row_weight + 1) * WALKERS + w] <
                        -60);
    fermions_finish(&outcome);
}

// --- the inverse ---

// 1,000 sweeps of one-particle moves of ten electrons of each spin, without a refresh: every inverse beside one from
// scratch.
static void test_drift(void **state)
{
    (void)state;
    struct fermions outcome = fermions_build(
        "[system]\nstatistics = fermions\nparticles = 20\ndimensions = 2\ninteraction = "
        "coulomb\n[sampler]\nwalkers = 32\n"
        "method = metropolis\n[wavefunction]\nfactors = slater, "
        "pade-jastrow\n[slater]\nalpha = 0.83970\n[pade-jastrow]\nbeta = 0.73336\n");
    struct ensemble *ensemble = &outcome.model.ensemble;
    const struct wavefunction *wavefunction = &ensemble->wavefunction;
    struct block *block = &ensemble->block[0];
    const size_t rows = wavefunction->factor[0].n_move_rows * WALKERS;
    double *scratch = ensemble->scratch + wavefunction->n_rows * WALKERS,
           *cache = block->current + wavefunction->factor[0].first_cache_row * WALKERS;
    double *kept = malloc(rows * sizeof *kept), worst = 0, size = 0;
    ensemble_burn_in(ensemble, 200, true);
    for (int k = 0; k < 1000; k++)
        ensemble->sampler->sweep(ensemble->sampler_state, &(struct sampler_rung){ 1, ensemble->step, NULL },
                                 wavefunction, block, scratch);
    memcpy(kept, cache, rows * sizeof *kept);
    const double drift = wavefunction_refresh(wavefunction, true, block->current);
    for (size_t w = 0; w < WALKERS; w++) {  // relative to a walker's largest element
        double most = 0, off = 0;
        for (size_t k = 0; k < rows; k += WALKERS) {
            most = fmax(most, fabs(cache[k + w]));
            off = fmax(off, fabs(cache[k + w] - kept[k + w]));
        }
        worst = fmax(worst, off / most);
        size = fmax(size, most);
    }
    print_message("after 1000 sweeps: inverse off by %.1e (relative), ln|psi|^2 by %.1e; largest element %.1e\n", worst,
                  drift, size);
    assert_true(worst < 1e-9 && drift < 1e-9 && worst > 0);
    free(kept);
    fermions_finish(&outcome);
}

// det A for n <= 4, expanded along the first row.
static long double expand(size_t n, const long double *a)
{
    long double sum = n == 0 ? 1 : 0, minor[9];
    for (size_t c = 0; c < n; c++) {
        for (size_t i = 1; i < n; i++)
            for (size_t j = 0; j + 1 < n; j++)
                minor[(i - 1) * (n - 1) + j] = a[i * n + j + (j >= c)];
        sum += (c % 2 ? -1 : 1) * a[c] * expand(n - 1, minor);
    }
    return sum;
}

// Elimination with pivots: inverses, and determinants with their signs and powers of two, of matrices that need rows
// exchanged: rows in reverse order, zeros and tiny numbers on the diagonal. Without an inverse the mantissa is 0.
static void test_elimination(void **state)
{
    (void)state;
    struct rng rng;
    rng_start(&rng, 31, 0);
    for (size_t trial = 0; trial < 400; trial++) {
        const size_t n = 1 + trial % 4;
        double a[16], kept[16], inverse[16], mantissa, exponent;
        long double exact[16];
        for (size_t k = 0; k < n * n; k++) {
            const bool diagonal = k / n == k % n, mirrored = k / n + k % n == n - 1;
            a[k] = 2 * rng_uniform(&rng) - 1;
            a[k] = trial % 5 == 1 && diagonal ? 1e-14 * a[k] : trial % 5 == 2 && !mirrored ? 0.01 * a[k] : a[k];
            a[k] = ldexp(a[k] + (trial % 5 == 2 && mirrored), trial % 3 == 1 ? -200 : 0);
            exact[k] = a[k];
        }
        memcpy(kept, a, sizeof a);
        inverse_pivoted(n, a, inverse, &mantissa, &exponent);
        const long double truth = expand(n, exact);
        assert_true(fabs(mantissa) >= 0.5 && fabs(mantissa) < 1);
        assert_true(fabsl(ldexpl(mantissa, (int)exponent) - truth) < 1e-10L * fabsl(truth) || n == 1 || trial % 5 == 1);
        assert_true(signbit(mantissa) == signbit((double)(truth * ldexpl(1, trial % 3 == 1 ? 200 * (int)n : 0))));
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) {
                double sum = 0, size = 1;
                for (size_t k = 0; k < n; k++) {
                    sum += kept[i * n + k] * inverse[k * n + j];
                    size = fmax(size, fabs(kept[i * n + k] * inverse[k * n + j]));
                }
                assert_true(fabs(sum - (i == j)) < 1e-13 * size);
            }
    }
    double twins[4] = { 1, 2, 1, 2 }, inverse[4], mantissa = 1, exponent = 0;
    inverse_pivoted(2, twins, inverse, &mantissa, &exponent);
    assert_true(mantissa == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_pivots), cmocka_unit_test(test_node),
                                        cmocka_unit_test(test_drift), cmocka_unit_test(test_elimination) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
