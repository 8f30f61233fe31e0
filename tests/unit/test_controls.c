// SPDX-License-Identifier: GPL-3.0-or-later
// Control variates: every function of every family has mean zero at random parameters, for every wave function of the
// oracle's sets; the slope it reports is that of the function whose C it reports; fitting finds the least variance; the
// controlled gradient is that of the exact energy. Means within 4.5 standard errors (false alarms 7e-6 per comparison,
// were the seeds not fixed).
#include "support/product.h"

#include "vmc/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t draws = 200;  // 400 with the argument "all"

static void no_energy(const void *state, size_t n, const double *r2, const double *inverse, double *out)
{
    (void)state;
    (void)r2;
    (void)inverse;
    memset(out, 0, n * WALKERS * sizeof *out);
}

// C of every function, by way of coefficients that single one out
static void test_mean_zero(void **state)
{
    (void)state;
    for (size_t s = 0; s < oracle_n_sets; s++) {
        struct model model;
        model_build(&model, &oracle_sets[s].rbm, (const char *const[]){ "sampler.method=langevin", NULL }, 2);
        ensemble_burn_in(&model.ensemble, 300, true);
        struct controls *controls = &model.ensemble.controls;
        assert_true(controls->n_functions > 0);
        for (size_t k = 0; k < controls->n_functions; k++) {
            struct model_mean found;
            memset(controls->coefficient, 0, sizeof controls->coefficient);
            controls->coefficient[CONTROLLED_PAIR][k] = 1;
            // without a pair energy the pair row is C_k
            struct interaction_type silent = *model.ensemble.hamiltonian.type;
            silent.pair_energy = silent.pair_energy ? no_energy : NULL;
            silent.add_energies = NULL;
            model.ensemble.hamiltonian.type = &silent;
            model_measure(&model, draws, &found);
            const double z = found.mean[MODEL_PAIR] / found.error[MODEL_PAIR];
            model.ensemble.hamiltonian.type = interaction_type_at(
                settings_index(&model.settings, SETTINGS_INTERACTION));
            print_message("%-24s function %zu: mean %+.2e error %.1e z %+.2f\n", oracle_sets[s].name, k,
                          found.mean[MODEL_PAIR], found.error[MODEL_PAIR], z);
            assert_true(fabs(z) < 4.5);
        }
        model_finish(&model);
    }
}

// What is added is the sum over the functions that there are, whatever lies before and behind their rows.
static void test_sum(void **state)
{
    (void)state;
    enum { FUNCTIONS = 3 };
    struct controls controls = { .n_functions = FUNCTIONS };
    static _Alignas(64) double energy[ENERGY_ROWS * WALKERS], c[(FUNCTIONS + 2) * WALKERS],
        out[CONTROLLED_ROWS * WALKERS];
    for (size_t k = 0; k < CONTROLS_MOST; k++)
        for (size_t q = 0; q < CONTROLLED_QUANTITIES; q++)
            controls.total[k] += controls.coefficient[q][k] = k < FUNCTIONS ? 0.3 + 0.7 * (double)k - (double)(q * q)
                                                                            : 5;
    for (size_t k = 0; k < ENERGY_ROWS * WALKERS; k++)
        energy[k] = sin((double)k);
    for (size_t k = 0; k < (FUNCTIONS + 2) * WALKERS; k++)
        c[k] = k / WALKERS >= 1 && k / WALKERS <= FUNCTIONS ? cos((double)(k * k)) : NAN;
    static const size_t source[] = { ENERGY_LOCAL, ENERGY_KINETIC, ENERGY_TRAP, ENERGY_PAIR };
    for (size_t parts = 0; parts < 2; parts++) {
        for (size_t k = 0; k < CONTROLLED_ROWS * WALKERS; k++)
            out[k] = 17;
        controls_apply(&controls, parts, energy, c + WALKERS, out);
        for (size_t row = 0; row < CONTROLLED_ROWS; row++)
            for (size_t w = 0; w < WALKERS; w++) {
                double right = energy[source[row] * WALKERS + w];
                for (size_t k = 0; k < FUNCTIONS; k++)
                    right += (row ? controls.coefficient[row - 1][k] : controls.total[k]) * c[(k + 1) * WALKERS + w];
                assert_true(fabs(out[row * WALKERS + w] - (row && !parts ? 17 : right)) < 1e-13);
            }
    }
}

// C = -1/2 div du - du . g, the divergence by differences of the slope
static void test_slope(void **state)
{
    (void)state;
    for (size_t s = 0; s < oracle_n_sets; s++) {
        struct model model;
        model_build(&model, &oracle_sets[s].rbm, (const char *const[]){ "sampler.walkers=32", NULL }, 1);
        struct controls *controls = &model.ensemble.controls;
        const struct wavefunction *wavefunction = &model.ensemble.wavefunction;
        const struct hamiltonian *hamiltonian = &model.ensemble.hamiltonian;
        const size_t m = wavefunction->n_coordinates;
        double *frame = model.ensemble.block[0].current;
        double *rows = aligned_alloc(64,
                                     (controls_scratch_rows(controls) + 2 * CONTROLS_MOST + ENERGY_ROWS + 2 * m + 1) *
                                         WALKERS * sizeof(double));
        double *c = rows, *du = c + CONTROLS_MOST * WALKERS, *other = du + m * WALKERS, *sum = other + m * WALKERS,
               *values = sum + WALKERS, *energy = values + CONTROLS_MOST * WALKERS;
        for (size_t k = 0; k < controls->n_functions; k++) {
            const double h = 1e-5;
            memset(controls->total, 0, sizeof controls->total);
            controls->total[k] = 1;
            controls_evaluate(controls, hamiltonian, wavefunction, frame, false, energy, c, du);
            for (size_t w = 0; w < WALKERS; w++)
                sum[w] = 0;
            for (size_t i = 0; i < m; i++)
                for (int side = -1; side <= 1; side += 2) {
                    for (size_t w = 0; w < WALKERS; w++)
                        frame[i * WALKERS + w] += side * h;
                    controls_evaluate(controls, hamiltonian, wavefunction, frame, false, energy, values, other);
                    for (size_t w = 0; w < WALKERS; w++) {
                        frame[i * WALKERS + w] -= side * h;
                        sum[w] += side * other[i * WALKERS + w] / (2 * h);
                    }
                }
            for (size_t w = 0; w < WALKERS; w++) {
                double along = 0;
                for (size_t i = 0; i < m; i++)
                    along += du[i * WALKERS + w] * frame[(wavefunction->row_gradient + i) * WALKERS + w];
                const double value = c[k * WALKERS + w], truth = -0.5 * sum[w] - along;
                assert_true(fabs(value - truth) < 1e-6 * (1 + fabs(truth)));
            }
        }
        free(rows);
        model_finish(&model);
    }
}

static double pass_variance(struct ensemble *ensemble)
{
    struct ensemble_sums sums;
    ensemble_pass(ensemble, 64, 0, NULL, NULL, &sums);
    ensemble->reference += sums.energy / sums.samples;
    ensemble_pass(ensemble, 200, 0, NULL, NULL, &sums);
    return (sums.energy2 - sums.energy * sums.energy / sums.samples) / sums.samples;
}

// All pairs at once, from coordinates or from distances that moves have kept, against a tile of them at a time.
static void test_pairs_at_once(void **state)
{
    (void)state;
#define PAIRS(particles, dimensions, statistics, factors)                                  \
    "[system]\ninteraction = coulomb\nparticles = " particles "\ndimensions = " dimensions \
    "\nstatistics = " statistics "\n[wavefunction]\nfactors = " factors ", pade-jastrow\n"
    static const struct product_row rows[] = {
        { .name = "dot", .ini = PAIRS("12", "2", "fermions", "slater") },
        { .name = "polarised", .ini = PAIRS("3", "2", "fermions\nspin_up = 3", "slater") },
        { .name = "open shell",
          .ini = PAIRS("5", "3", "fermions", "slater") "[slater]\norbitals_up = 0 0 0, 1 0 0, 0 0 1\n"
                                                       "orbitals_down = 0 0 0, 0 1 0\n" },
        { .name = "polarised, on a line", .ini = PAIRS("3", "1", "fermions\nspin_up = 3", "slater") },
        { .name = "bosons, three tiles", .ini = PAIRS("36", "3", "bosons", "gaussian") },
    };
    for (size_t s = 0; s < sizeof rows / sizeof *rows; s++) {
        struct model model;
        product_build(&model, &rows[s],
                      (const char *const[]){ "sampler.walkers=32", "sampler.method=metropolis", NULL }, 1);
        struct ensemble *ensemble = &model.ensemble;
        struct controls *controls = &ensemble->controls;
        const struct wavefunction *wavefunction = &ensemble->wavefunction;
        struct wavefunction other = *wavefunction;  // to which nobody is alone in reading pairs
        struct block *block = &ensemble->block[0];
        const size_t m = wavefunction->n_coordinates, n = controls->n_functions, size = (ENERGY_ROWS + n + m) * WALKERS;
        double *found[2] = { aligned_alloc(64, size * sizeof(double)), aligned_alloc(64, size * sizeof(double)) };
        other.pair_alone = other.n_factors;
        assert_true(n >= 5);
        for (size_t k = 0; k < n; k++)
            controls->total[k] = 0.3 + 0.2 * (double)k;
        for (size_t t = 0; t < 3; t++)
            ensemble->sampler->sweep(ensemble->sampler_state, &(struct sampler_rung){ 1, 0.5, NULL }, wavefunction,
                                     block, ensemble->scratch + wavefunction->n_rows * WALKERS);
        wavefunction_evaluate_moved(wavefunction, block->current);
        const struct configuration at = wavefunction_configuration(wavefunction, block->current);
        assert_true(hamiltonian_knows_pairs(&ensemble->hamiltonian, &at));
        assert_non_null(wavefunction_distances(wavefunction, block->current));
        for (size_t way = 0; way < 4; way++) {
            const bool slopes = way / 2;
            double off = 0;
            for (size_t k = 0; k < 2; k++) {
                double *c = found[k] + ENERGY_ROWS * WALKERS, *du = c + n * WALKERS;
                controls_evaluate(controls, &ensemble->hamiltonian, k ? wavefunction : &other, block->current,
                                  k && way % 2, found[k], c, slopes ? du : NULL);
            }
            for (size_t k = 0; k < size - (slopes ? 0 : m * WALKERS); k++)
                off = fmax(off, fabs(found[0][k] - found[1][k]) / (1 + fabs(found[0][k])));
            print_message("%s, %s%s: %.1e\n", rows[s].name, way % 2 ? "distances kept" : "from coordinates",
                          slopes ? ", slopes" : "", off);
            assert_true(off < 1e-11);
        }
        free(found[0]);
        free(found[1]);
        model_finish(&model);
    }
}

// Fitted coefficients beat slightly changed ones on other samples.
static void test_fit(void **state)
{
    (void)state;
    struct model model;
    struct ensemble_sums sums;
    model_build(&model, &oracle_set_find("amplitude-3p3d")->rbm, (const char *const[]){ "sampler.method=gibbs", NULL },
                2);
    ensemble_burn_in(&model.ensemble, 200, true);
    ensemble_pass(&model.ensemble, 200, PASS_CONTROLS, NULL, NULL, &sums);
    assert_true(ensemble_fit(&model.ensemble));
    struct controls *controls = &model.ensemble.controls;
    const double best = pass_variance(&model.ensemble);
    for (size_t k = 0; k < controls->n_functions; k++)
        for (int side = -1; side <= 1; side += 2) {
            const double kept = controls->total[k];
            controls->total[k] += side * 0.1;
            const double changed = pass_variance(&model.ensemble);
            controls->total[k] = kept;
            assert_true(changed > best * 0.995);
        }
    memset(controls->total, 0, sizeof controls->total);
    const double plain = pass_variance(&model.ensemble);
    print_message("variance plain %.4f, controlled %.4f\n", plain, best);
    assert_true(best < 0.6 * plain);
    model_finish(&model);
}

// One function, or two that are nearly alike, whose covariances are given: what is fitted, and what drops out, from
// both sides of each bound.
static bool fit(size_t n, const double *moments, struct controls *controls)
{
    *controls = (struct controls){ .n_functions = n };
    controls->coefficient[0][0] = controls->coefficient[0][1] = 17;
    return controls_fit(controls, moments);
}

static void test_bounds(void **state)
{
    (void)state;
    struct controls controls;
    // sums of 1, C, and the three quantities with themselves and those before: variance v of C, covariance v of the
    // first with it
    const double variances[] = { 0.999e-24, 1.001e-24, 0.5 };
    for (size_t k = 0; k < 3; k++) {
        const double v = variances[k], one[] = { 100, 0, 100 * v, 0, 100 * v, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1 };
        assert_true(fit(1, one, &controls));
        assert_true(fabs(controls.coefficient[0][0] + (k > 0)) < 1e-9 && controls.coefficient[1][0] == 0);
        assert_true(controls.total[0] == controls.coefficient[0][0]);
    }
    // as many samples as say something: more than ten for each function and the mean
    for (size_t k = 0; k < 2; k++) {
        const double n = k == 0 ? 20 : 20.5, few[] = { n, 0, n, 0, n, n, 0, 0, 0, 1, 0, 0, 0, 0, 1 };
        assert_true(fit(1, few, &controls) == (k > 0));
        assert_true(fabs(controls.coefficient[0][0] - (k == 0 ? 17 : -1)) < 1e-9);
    }
    // what the second has beyond the first, with the ridge of 1e-10 on both
    const double rests[] = { 0.99e-8, 1.01e-8, 1e-3 };
    for (size_t k = 0; k < 3; k++) {
        const double r = sqrt((1 + 1e-10 - rests[k]) * (1 + 1e-10)),
                     two[] = { 100, 0, 100, 0, 100 * r, 100, 0, 50, 70, 100, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0, 100 };
        assert_true(fit(2, two, &controls));
        const double second = -(0.7 - r * 0.5) / rests[k];
        assert_true(k == 0 ? controls.coefficient[0][1] == 0 : fabs(controls.coefficient[0][1] / second - 1) < 1e-5);
        assert_true(fabs(controls.coefficient[0][0] + 0.5 + r * controls.coefficient[0][1]) <
                    1e-8 * (1 + fabs(second)));
    }
}

// What lies beyond the functions that there are decides nothing: a stack that is full of what is no number.
static __attribute__((noinline)) void litter(void)
{
    volatile double stack[8192];
    for (size_t k = 0; k < sizeof stack / sizeof *stack; k++)
        stack[k] = NAN;
}

static void test_litter(void **state)
{
    (void)state;
    static const double one[] = { 100, 0, 100, 0, 100, 100, 0, 0, 0, 1, 0, 0, 0, 0, 1 };
    struct controls controls;
    for (int k = 0; k < 3; k++) {
        litter();
        assert_true(fit(1, one, &controls));
        assert_true(fabs(controls.coefficient[0][0] + 1) < 1e-9);
    }
}

// (E - mean) W / (W - 1), times a weight of each walker's own.
static void test_centre(void **state)
{
    (void)state;
    static _Alignas(64) double energy[WALKERS], weight[WALKERS], out[WALKERS];
    double mean = 0;
    for (size_t w = 0; w < WALKERS; w++) {
        energy[w] = 3 + 0.25 * (double)(w * w % 11);
        weight[w] = 0.5 * (double)(w % 4);
        mean += energy[w] / WALKERS;
    }
    for (int weighs = 0; weighs < 2; weighs++) {
        moments_centre(energy, weighs ? weight : NULL, out);
        for (size_t w = 0; w < WALKERS; w++)
            assert_true(fabs(out[w] - (energy[w] - mean) * WALKERS / (WALKERS - 1) * (weighs ? weight[w] : 1)) < 1e-13);
    }
}

// An energy that is no number is noticed, whichever walker has it.
static void test_finite(void **state)
{
    (void)state;
    static _Alignas(64) double rows[2][ENERGY_ROWS * WALKERS];
    const size_t at[] = { (size_t)ENERGY_LOCAL * WALKERS, (size_t)CONTROLLED_ENERGY_ROW * WALKERS };
    assert_true(moments_finite(rows[0], rows[1]));
    for (size_t which = 0; which < 2; which++)
        for (size_t w = 0; w < WALKERS; w++) {
            double *value = rows[which] + at[which] + w;
            for (int k = 0; k < 3; k++) {
                *value = (const double[]){ NAN, INFINITY, -INFINITY }[k];
                assert_false(moments_finite(rows[0], rows[1]));
            }
            *value = (double)w;
            assert_true(moments_finite(rows[0], rows[1]));
        }
}

enum { REPEATS = 64 };

// dE/dtheta of every parameter, plain and controlled, against differences of the exact energy; errors from the scatter
// of REPEATS passes. Gibbs draws of 1,024 walkers, thinned, make the passes independent.
static double compare_gradient(const struct oracle_rbm *rbm, const char *name, const char *controls)
{
    struct model model;
    struct ensemble_sums sums;
    const bool gibbs = rbm->envelope;
    const char *const overrides[] = { gibbs ? "sampler.method=gibbs" : "sampler.method=langevin",
                                      gibbs ? "sampler.thin=1" : "sampler.thin=4", controls, NULL };
    model_build(&model, rbm, overrides, 2);
    const size_t n = oracle_parameters(rbm);
    long double *exact = calloc(n, sizeof *exact);
    double *sum = calloc(3 * n, sizeof *sum), *square = sum + n, *gradient = sum + 2 * n, worst = 0, total = 0;
    oracle_energy_gradient(rbm, exact);
    ensemble_burn_in(&model.ensemble, 200, true);
    ensemble_pass(&model.ensemble, 100, PASS_CONTROLS, NULL, NULL, &sums);
    ensemble_fit(&model.ensemble);
    for (size_t repeat = 0; repeat < REPEATS; repeat++) {
        ensemble_pass(&model.ensemble, 20, PASS_GRADIENT, NULL, NULL, &sums);
        ensemble_gradient(&model.ensemble, sums.samples, gradient);
        for (size_t k = 0; k < n; k++) {
            sum[k] += gradient[k] / REPEATS;
            square[k] += gradient[k] * gradient[k] / REPEATS;
        }
    }
    for (size_t k = 0; k < n; k++) {
        const double variance = fmax(0, square[k] - sum[k] * sum[k]), error = sqrt(variance / (REPEATS - 1)),
                     off = (double)(sum[k] - exact[k]);
        const double z = error > 0 ? fabs(off) / error : 0;
        total += variance;
        worst = fmax(worst, z);
        if (z > 4)
            print_message("    parameter %zu: %.6f exact %.6Lf error %.1e\n", k, sum[k], exact[k], error);
        assert_true(fabs(off) <= 4.5 * error + 1e-10);
    }
    print_message("%-24s %-24s largest |z| of %zu parameters %.2f, variance of the gradient %.3e\n", name, controls, n,
                  worst, total);
    free(exact);
    free(sum);
    model_finish(&model);
    return total;
}

static void test_gradient(void **state)
{
    (void)state;
    for (size_t s = 0; s < oracle_n_sets; s++) {
        compare_gradient(&oracle_sets[s].rbm, oracle_sets[s].name, "measure.controls=none");
        compare_gradient(&oracle_sets[s].rbm, oracle_sets[s].name, "measure.controls=auto");
    }
}

static void test_gradient_at_optimum(void **state)
{
    (void)state;
    for (size_t k = 0; k < oracle_n_optima; k++) {
        const struct oracle_optimum *optimum = &oracle_optima[k];
        const double plain = compare_gradient(&optimum->rbm, optimum->name, "measure.controls=none");
        const double controlled = compare_gradient(&optimum->rbm, optimum->name, "measure.controls=auto");
        print_message("%-24s gradient variance %.1f times smaller\n", optimum->name, plain / controlled);
        assert_true(optimum->rbm.dimensions != 2 || plain > 5 * controlled);
    }
}

// With "long": the gradients of all sets and optima, which take their time.
int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    draws = strcmp(how, "all") == 0 ? 400 : draws;
    const struct CMUnitTest quick[] = { cmocka_unit_test(test_sum),    cmocka_unit_test(test_mean_zero),
                                        cmocka_unit_test(test_slope),  cmocka_unit_test(test_pairs_at_once),
                                        cmocka_unit_test(test_fit),    cmocka_unit_test(test_bounds),
                                        cmocka_unit_test(test_litter), cmocka_unit_test(test_centre),
                                        cmocka_unit_test(test_finite) };
    const struct CMUnitTest long_ones[] = { cmocka_unit_test(test_gradient),
                                            cmocka_unit_test(test_gradient_at_optimum) };
    return strcmp(how, "long") == 0 ? cmocka_run_group_tests(long_ones, NULL, NULL)
                                    : cmocka_run_group_tests(quick, NULL, NULL);
}
