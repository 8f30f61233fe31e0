// SPDX-License-Identifier: GPL-3.0-or-later
// Slater determinants on their short ways: shells that the compiler knows beside the code for any orbitals, whole
// sweeps beside single moves, drifts that are kept beside those that are found anew.
#include "support/fermions.h"

#include "base/memory.h"
#include "vmc/rng.h"
#include "wavefunction/slater.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Shells that the compiler knows, and the code for any orbitals: the same bits.
static void test_shells(void **state)
{
    (void)state;
    static const char *const systems[] = {
        FREE("particles = 2\ndimensions = 2\nspin_up = 1\n"),  FREE("particles = 6\ndimensions = 2\n"),
        FREE("particles = 3\ndimensions = 2\nspin_up = 0\n"),  FREE("particles = 9\ndimensions = 2\nspin_up = 6\n"),
        FREE("particles = 20\ndimensions = 2\nomega = 0.5\n"),
    };
    for (size_t c = 0; c < sizeof systems / sizeof *systems; c++) {
        struct fermions outcome = fermions_build(systems[c]);
        const struct wavefunction *wavefunction = &outcome.model.ensemble.wavefunction;
        struct slater *slater = (struct slater *)wavefunction->factor[0].state;
        const size_t size = wavefunction->n_rows * WALKERS * sizeof(double);
        const double *x = outcome.model.ensemble.block[0].current;
        const size_t coordinates = wavefunction->n_coordinates * WALKERS * sizeof(double);
        double *frames[2] = { aligned_alloc(64, 2 * size), aligned_alloc(64, 2 * size) };
        _Alignas(64) double mask[WALKERS];
        const int64_t bits[2] = { 0, -1 };
        for (size_t w = 0; w < WALKERS; w++)
            memcpy(mask + w, &bits[w % 3 != 1], sizeof *mask);
        assert_true(slater->shells && frames[0] && frames[1]);
        for (size_t k = 0; k < 2; k++) {
            double *here = frames[k], *there = here + wavefunction->n_rows * WALKERS;
            slater->shells = k == 0;
            memset(here, 0, 2 * size);
            memcpy(here, x, coordinates);
            wavefunction_evaluate(wavefunction, here);
            memcpy(there, here, coordinates);
            for (size_t p = 0; p < wavefunction->system.particles; p++) {
                for (size_t i = 2 * p * WALKERS; i < 2 * (p + 1) * WALKERS; i++)
                    there[i] += 0.3;
                wavefunction_ratio(wavefunction, p, here, there);
                wavefunction_accept(wavefunction, p, mask, there, here);
            }
            wavefunction_evaluate_moved(wavefunction, here);
        }
        const size_t rows = (wavefunction->row_cache + wavefunction->factor[0].n_move_rows) * WALKERS * sizeof(double);
        assert_memory_equal(frames[0], frames[1], rows);
        slater->shells = true;
        free(frames[0]);
        free(frames[1]);
        fermions_finish(&outcome);
    }
}

// With backflow sums over orbitals are shorter where shells are known: the same to rounding.
static void test_shells_with_backflow(void **state)
{
    (void)state;
#define FLOWING(keys, backflow) FREE(keys "dimensions = 2\n") "[slater]\nbackflow = " backflow "\n"
    static const char *const systems[] = {
        FLOWING("particles = 6\n", "exponential"),
        FLOWING("particles = 12\n", "exponential"),
        FLOWING("particles = 9\nspin_up = 3\n", "two-scales"),
        FLOWING("particles = 20\nomega = 0.5\n", "two-scales"),
    };
    for (size_t c = 0; c < sizeof systems / sizeof *systems; c++) {
        struct fermions outcome = fermions_build(systems[c]);
        const struct wavefunction *wavefunction = &outcome.model.ensemble.wavefunction;
        struct slater *slater = (struct slater *)wavefunction->factor[0].state;
        const size_t first = wavefunction->row_gradient, n = wavefunction->n_parameters;
        double *frame = outcome.model.ensemble.block[0].current, *found[2], worst = 0;
        for (size_t k = 0; k < n; k++)
            outcome.model.theta[k] += 0.1;
        assert_true(ensemble_take(&outcome.model.ensemble, outcome.model.theta));
        assert_true(slater->shells);
        for (size_t k = 0; k < 2; k++) {
            slater->shells = k == 0;
            wavefunction_evaluate(wavefunction, frame);
            found[k] = aligned_alloc(64, (wavefunction->n_coordinates + 1 + n) * WALKERS * sizeof(double));
            assert_non_null(found[k]);
            memcpy(found[k], frame + first * WALKERS, (wavefunction->n_coordinates + 1) * WALKERS * sizeof(double));
            wavefunction_derivatives(wavefunction, frame, found[k] + (wavefunction->n_coordinates + 1) * WALKERS);
        }
        for (size_t i = 0; i < (wavefunction->n_coordinates + 1 + n) * WALKERS; i++)
            worst = fmax(worst, fabs(found[1][i] - found[0][i]) / (1 + fabs(found[1][i])));
        printf("%zu particles, backflow: shells known or not, relative difference %.1e\n",
               wavefunction->system.particles, worst);
        assert_true(worst < 1e-9);
        slater->shells = true;
        free(found[0]);
        free(found[1]);
        fermions_finish(&outcome);
    }
}

// Largest |a - b| / (1 + |b|) of n rows.
static double largest_difference(const double *a, const double *b, size_t n)
{
    double largest = 0;
    for (size_t k = 0; k < n * WALKERS; k++)
        largest = fmax(largest, fabs(a[k] - b[k]) / (1 + fabs(b[k])));
    return largest;
}

// A whole sweep at once, and one move after the other: the same walk, inverses and distances to the bit and weights to
// rounding, whatever is proposed and at which temperature; for three particles per spin, whose determinants a sweep
// knows in closed form, inverses to rounding as well.
static void test_sweep(void **state)
{
    (void)state;
#define BESIDE_PAIRS(system, keys)                                                                \
    "[system]\nstatistics = fermions\ninteraction = coulomb\ndimensions = 2\nparticles = " system \
    "\n[wavefunction]\nfactors = slater, pade-jastrow\n[sampler]\nmethod = metropolis\nwalkers = 32\n" keys
    static const char *const systems[] = {
        BESIDE_PAIRS("2", ""),
        BESIDE_PAIRS("6", ""),
        BESIDE_PAIRS("12", ""),
        BESIDE_PAIRS("20", ""),
        BESIDE_PAIRS("6\nomega = 0.5, 0.55",
                     "proposal = normal\n[slater]\norbitals_up = 0 0, 1 0, 0 1\n"
                     "orbitals_down = 0 0, 1 0, 0 1\n[pade-jastrow]\nbeta = 0.2, 0.9\ncusp = -0.3, 0.8\n"),
    };
    for (size_t c = 0; c < sizeof systems / sizeof *systems; c++) {
        struct fermions outcome = fermions_build(systems[c]);
        struct ensemble *ensemble = &outcome.model.ensemble;
        struct wavefunction single = ensemble->wavefunction;
        const struct wavefunction *const ways[2] = { &ensemble->wavefunction, &single };
        struct block *block = &ensemble->block[0];
        const size_t m = single.n_coordinates * WALKERS * sizeof(double), size = single.n_rows * WALKERS,
                     table = single.row_pair_values * WALKERS;
        double *scratch = ensemble->scratch + size, *start = malloc(m), *first = memory_rows(single.n_rows);
        size_t accepted[2] = { 0 };
        assert_true(single.sweeps);
        single.sweeps = false;
        memcpy(start, block->current, m);
        for (size_t k = 0; k < 2; k++) {
            memcpy(block->current, start, m);
            block->movable = false;
            rng_start_block(block->random, 5, 0);
            for (size_t t = 0; t < 40; t++)
                accepted[k] += ensemble->sampler->sweep(ensemble->sampler_state,
                                                        &(struct sampler_rung){ t < 20 ? 1 : 1.7, 0.6, NULL }, ways[k],
                                                        block, scratch);
            if (k == 0)
                memcpy(first, block->current, size * sizeof *first);
        }
        assert_int_equal(accepted[0], accepted[1]);
        assert_in_range(accepted[0], 40 * WALKERS * single.system.particles / 10,
                        40 * WALKERS * single.system.particles * 9 / 10);
        assert_memory_equal(first, block->current, m);
        double log_psi[2][WALKERS], off = 0;
        wavefunction_log(&single, first, log_psi[0]);
        wavefunction_log(&single, block->current, log_psi[1]);
        for (size_t w = 0; w < WALKERS; w++)
            off = fmax(off, fabs(log_psi[0][w] - log_psi[1][w]));
        print_message("%zu particles, 40 sweeps: ln psi differs by %.1e\n", single.system.particles, off);
        assert_true(off < 1e-11);
        for (size_t f = 0; f < single.n_factors; f++) {
            const size_t cache = single.factor[f].first_cache_row * WALKERS, n = single.factor[f].n_move_rows;
            if (single.system.particles == 6 && n > 0)
                assert_true(largest_difference(first + cache, block->current + cache, n) < 1e-10);
            else
                assert_memory_equal(first + cache, block->current + cache, n * WALKERS * sizeof *first);
        }
        assert_memory_equal(first + table, block->current + table, single.geometry.n_pairs * WALKERS * sizeof *first);
        memory_free(first);
        free(start);
        fermions_finish(&outcome);
    }
}

// A Langevin step keeps the factors of the drift for the next one: the same walk as where each step finds them.
static void test_remembered_drift(void **state)
{
    (void)state;
    struct fermions outcome = fermions_build(
        "[system]\nstatistics = fermions\nparticles = 6\ndimensions = 2\ninteraction = "
        "coulomb\n[sampler]\nwalkers = 32\nmethod = langevin\n[wavefunction]\n"
        "factors = slater, pade-jastrow\n");
    struct ensemble *ensemble = &outcome.model.ensemble;
    struct block *block = &ensemble->block[0];
    const size_t m = ensemble->wavefunction.n_coordinates * WALKERS;
    double *scratch = ensemble->scratch + ensemble->wavefunction.n_rows * WALKERS, *start = malloc(m * sizeof *start),
           *end = malloc(m * sizeof *end);
    size_t accepted = 0;
    memcpy(start, block->current, m * sizeof *start);
    for (size_t k = 0; k < 2; k++) {
        memcpy(block->current, start, m * sizeof *start);
        wavefunction_evaluate(&ensemble->wavefunction, block->current);
        rng_start_block(block->random, 5, 0);
        block->remembered = false;
        block->trial = ensemble->trial[0];
        for (size_t t = 0; t < 40; t++) {
            accepted += ensemble->sampler->sweep(ensemble->sampler_state, &(struct sampler_rung){ 1, 0.1, NULL },
                                                 &ensemble->wavefunction, block, scratch);
            assert_true(block->remembered);
            block->remembered = k == 0;
        }
        ensemble->trial[0] = block->trial;
        if (k == 0)
            memcpy(end, block->current, m * sizeof *end);
    }
    assert_in_range(accepted, 2 * 40 * WALKERS / 4, 2 * 40 * WALKERS * 95 / 100);
    assert_memory_equal(end, block->current, m * sizeof *end);
    free(end);
    free(start);
    fermions_finish(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_shells), cmocka_unit_test(test_shells_with_backflow),
                                        cmocka_unit_test(test_sweep), cmocka_unit_test(test_remembered_drift) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
