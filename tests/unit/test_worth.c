// SPDX-License-Identifier: GPL-3.0-or-later
// What control variates are worth: functions of pairs are kept and dropped on either side of the variance that pays for
// them, with planted moments; the gradient likewise. Coulomb pairs in two dimensions keep theirs. A gradient that does
// without is, to the bit, that of a run without control variates, and looking at the other one changes nothing.
#include "support/model.h"

#include "run/worth.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOMENTS_MOST = 512, SAMPLES = 100000 };

static double *moment(double *moments, size_t i, size_t j)
{
    return i >= j ? &moments[i * (i + 1) / 2 + j] : &moments[j * (j + 1) / 2 + i];
}

// Moments of independent C of variance 1, and of a kinetic energy of variance 1, of which the last function, one of
// pairs, takes away the share `taken`.
static void plant(const struct controls *controls, double taken, double *moments)
{
    const size_t n = controls->n_functions;
    for (size_t k = 0; k < MOMENTS_MOST; k++)  // nobody reads what is behind them
        moments[k] = k < (n + 1 + CONTROLLED_QUANTITIES) * (n + 2 + CONTROLLED_QUANTITIES) / 2 ? 0 : NAN;
    *moment(moments, 0, 0) = SAMPLES;
    for (size_t k = 1; k <= n + 1; k++)
        *moment(moments, k, k) = SAMPLES;
    *moment(moments, n, n + 1) = sqrt(taken) * SAMPLES;
}

static const struct oracle_rbm *set(const char *name) { return &oracle_set_find(name)->rbm; }

static bool drops(const char *name, const char *override, double taken, double *cost)
{
    struct model model;
    double moments[MOMENTS_MOST];
    model_build(&model, set(name), (const char *const[]){ override, NULL }, 1);
    plant(&model.ensemble.controls, taken, moments);
    assert_true(worth_all(&model.ensemble) || controls_fit(&model.ensemble.controls, moments));
    worth_choose(&model.ensemble, moments);
    const bool dropped = model.ensemble.without_pairs;
    const struct controls *all = &model.ensemble.controls, used = worth_in_use(&model.ensemble);
    assert_true(dropped ? used.n_functions < all->n_functions : used.n_functions == all->n_functions);
    assert_true(dropped == worth_dropped(&model.ensemble));
    *cost = worth_pairs_cost(&model.ensemble);
    model_finish(&model);
    return dropped;
}

static void test_energy(void **state)
{
    (void)state;
    const char *three = "amplitude-3p3d", *two = "amplitude-2p2d";
    double cost;
    drops(three, "measure.controls=auto", 0, &cost);
    print_message("3 particles in 3D: functions of pairs cost %.0f %% of a sample\n", 100 * cost);
    assert_true(cost > 0.02 && cost < 2);
    const double border = cost / (1 + cost);  // (1 - taken)(1 + cost) = 1
    assert_true(drops(three, "measure.controls=auto", 0, &cost));
    assert_true(drops(three, "measure.controls=auto", 0.99 * border, &cost));
    assert_false(drops(three, "measure.controls=auto", 1.01 * border, &cost));
    assert_false(drops(three, "measure.controls=linear, cusp", 0, &cost));  // asked for
    assert_false(drops(two, "measure.controls=auto", 0, &cost));            // the variance is infinite without
}

// Two electrons in 2D and three in 3D, after a real fit
static void test_kept_where_it_pays(void **state)
{
    (void)state;
    static const char *const names[] = { "amplitude-2p2d", "amplitude-3p3d" };
    for (size_t s = 0; s < 2; s++) {
        struct model model;
        struct ensemble_sums sums;
        model_build(&model, set(names[s]), (const char *const[]){ "sampler.method=gibbs", NULL }, 2);
        ensemble_burn_in(&model.ensemble, 100, true);
        ensemble_pass(&model.ensemble, 100, PASS_CONTROLS, NULL, NULL, &sums);
        ensemble_fit_for_good(&model.ensemble);
        assert_false(model.ensemble.without_pairs);
        model_finish(&model);
    }
}

static void test_gradient(void **state)
{
    (void)state;
    struct model model;
    // none to be dropped, or none that may be
    for (int may = 0; may < 2; may++)
        for (int n = 0; n < 2; n++) {
            struct ensemble ensemble = { .may_drop = may, .controls = { .n_functions = (size_t)n } };
            assert_true(worth_all(&ensemble) == (!may || n == 0));
            assert_true(worth_all_of_gradient(&ensemble) == (!may || n == 0));
        }
    // a fixed coefficient beyond rounding; that of a function which is fitted does not count
    for (int fixed = 0; fixed < 2; fixed++)
        for (int large = 0; large < 2; large++) {
            const double total = large ? -1.01e-12 : -0.99e-12;
            struct ensemble ensemble = {
                .may_drop = true,
                .controls = { .n_functions = 2, .is_fixed = { false, fixed }, .total = { 1, total } },
            };
            assert_true(worth_all_of_gradient(&ensemble) == (fixed && large));
        }
    model_build(&model, set("amplitude-3p3d"), (const char *const[]){ NULL }, 1);
    const double cost = worth_gradient_cost(&model.ensemble);
    print_message("3 particles in 3D: a controlled gradient costs %.0f %% more\n", 100 * cost);
    assert_true(cost > 0.02 && cost < 2);
    assert_true(worth_gradient(&model.ensemble, 0.99 / (1 + cost)) &&
                !worth_gradient(&model.ensemble, 1.01 / (1 + cost)));
    model_finish(&model);
    model_build(&model, set("amplitude-2p2d"), (const char *const[]){ NULL }, 1);
    assert_true(worth_gradient(&model.ensemble, 10));
    model_finish(&model);
}

// Operations counted by hand, 9 coordinates and 3 pairs: psi 90 + 6 K; a sample 1.5 psi + 225 per sweep, and 36; the
// pairs' functions 3 (33 + 9) and 8 each of all; slopes 3 * 14 + 36, and 4 K more.
static void test_operations(void **state)
{
    (void)state;
    for (unsigned thin = 1; thin <= 2; thin++) {
        struct model model;
        model_build(&model, set("amplitude-3p3d"),
                    (const char *const[]){ thin == 1 ? "sampler.thin=1" : "sampler.thin=2", NULL }, 1);
        const double k = (double)model.ensemble.wavefunction.n_parameters,
                     functions = (double)model.ensemble.controls.n_functions,
                     sample = thin * (1.5 * (90 + 6 * k) + 225) + 36, pairs = 126 + 8 * functions;
        assert_int_equal(model.ensemble.wavefunction.n_coordinates, 9);
        assert_true(fabs(worth_pairs_cost(&model.ensemble) - pairs / sample) < 1e-12);
        assert_true(fabs(worth_gradient_cost(&model.ensemble) - (78 + 4 * k) / (sample + 2 * k + pairs)) < 1e-12);
        model_finish(&model);
    }
}

enum { DRAWS = 30, PARAMETERS_MOST = 64 };

// Of the same walkers, after the same burn-in.
static size_t gradient_of(const char *controls, bool plain, unsigned what, double *gradient)
{
    struct model model;
    struct ensemble_sums sums;
    model_build(&model, set("amplitude-3p3d"), (const char *const[]){ "sampler.walkers=320", controls, NULL }, 2);
    struct ensemble *ensemble = &model.ensemble;
    const size_t n = ensemble->wavefunction.n_parameters;
    ensemble_burn_in(ensemble, 50, true);
    ensemble_pass(ensemble, DRAWS, PASS_CONTROLS, NULL, NULL, &sums);
    ensemble_fit(ensemble);
    ensemble->plain_gradient = plain;
    ensemble_pass(ensemble, DRAWS, PASS_GRADIENT | what, NULL, NULL, &sums);
    ensemble_gradient(ensemble, sums.samples, gradient);
    if (what & PASS_OTHER) {
        ensemble_choose_gradient(ensemble);
        print_message("the gradient is taken %s control variates\n", ensemble->plain_gradient ? "without" : "with");
    }
    model_finish(&model);
    return n * sizeof *gradient;
}

static void test_pass(void **state)
{
    (void)state;
    double none[PARAMETERS_MOST], plain[PARAMETERS_MOST], seen[PARAMETERS_MOST], controlled[PARAMETERS_MOST];
    const size_t size = gradient_of("measure.controls=none", false, 0, none);
    gradient_of("measure.controls=auto", true, 0, plain);
    assert_memory_equal(none, plain, size);
    gradient_of("measure.controls=auto", true, PASS_OTHER, seen);
    assert_memory_equal(none, seen, size);
    gradient_of("measure.controls=auto", false, 0, controlled);
    assert_memory_not_equal(none, controlled, size);
    gradient_of("measure.controls=auto", false, PASS_OTHER, seen);
    assert_memory_equal(controlled, seen, size);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_energy), cmocka_unit_test(test_kept_where_it_pays),
                                        cmocka_unit_test(test_gradient), cmocka_unit_test(test_operations),
                                        cmocka_unit_test(test_pass) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
