// SPDX-License-Identifier: GPL-3.0-or-later
// Slater determinants, beyond the contract of factors (test_factors.c): how shells are filled and what is refused,
// symmetries, and states that are exact.
#include "support/fermions.h"
#include "vmc/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_filling(const char *text, const char *filling)
{
    struct fermions outcome = fermions_build(text);
    char found[1000];
    if (!outcome.built)
        fail_msg("%s-> %s", text, outcome.error.text);
    const struct factor *factor = &outcome.model.ensemble.wavefunction.factor[0];
    factor->type->describe(factor->state, found, sizeof found);
    assert_string_equal(found, filling);
    fermions_finish(&outcome);
}

static void expect_refusal(const char *text, const char *said)
{
    struct fermions outcome = fermions_build(text);
    if (outcome.built || !strstr(outcome.error.text, said))
        fail_msg("%s-> %s\nexpected: %s", text, outcome.built ? "taken" : outcome.error.text, said);
    assert_int_equal(outcome.error.kind, ERROR_CONFIG);
    fermions_finish(&outcome);
}

static void test_filling(void **state)
{
    (void)state;
    expect_filling(FREE("particles = 6\ndimensions = 2\n"),
                   "orbitals of spin up: 0 0, 1 0, 0 1; spin down: 0 0, 1 0, 0 1");
    expect_filling(FREE("particles = 3\ndimensions = 2\nspin_up = 3\n"), "orbitals of spin up: 0 0, 1 0, 0 1");
    expect_filling(FREE("particles = 3\ndimensions = 2\nspin_up = 0\n"), "orbitals of spin down: 0 0, 1 0, 0 1");
    expect_filling(FREE("particles = 5\ndimensions = 3\nspin_up = 4\n"),
                   "orbitals of spin up: 0 0 0, 1 0 0, 0 1 0, 0 0 1; spin down: 0 0 0");
    expect_filling(FREE("particles = 5\ndimensions = 1\n"), "orbitals of spin up: 0, 1, 2; spin down: 0, 1");
    // by energy: 0, 1, 2, 2.5, 3, 3.5, …
    expect_filling(FREE("particles = 9\ndimensions = 2\nomega = 1, 2.5\n"),
                   "orbitals of spin up: 0 0, 1 0, 2 0, 0 1, 3 0; spin down: 0 0, 1 0, 2 0, 0 1");
    expect_filling(FREE("particles = 3\ndimensions = 2\n") "[slater]\norbitals_up = 0 0, 2 1\norbitals_down =  1  0 \n",
                   "orbitals of spin up: 0 0, 2 1; spin down: 1 0");
    expect_refusal(FREE("particles = 8\ndimensions = 2\n"),
                   "[slater] orbitals_up = auto: 4 particles do not fill shells (nearest: 3 or 6)");
    expect_refusal(FREE("particles = 8\ndimensions = 2\n"), "as 0 0, 1 0, 0 1");
    expect_refusal(FREE("particles = 7\ndimensions = 3\n"),
                   "orbitals_down = auto: 3 particles do not fill shells (nearest: 1 or 4)");
    expect_refusal(FREE("particles = 4\ndimensions = 2\nomega = 1, 2\nspin_up = 3\n"),
                   "3 particles do not fill shells (nearest: 2 or 4)");
    expect_refusal(FREE("particles = 200\ndimensions = 2\n"), "at most 64");
    expect_refusal(FREE("particles = 2\ndimensions = 2\n") "[slater]\norbitals_up = 0\n",
                   "number 1 is no orbital; give 2 quantum numbers");
    expect_refusal(FREE("particles = 2\ndimensions = 2\n") "[slater]\norbitals_up = 0 0 0\n", "number 1 is no orbital");
    expect_refusal(FREE("particles = 2\ndimensions = 2\n") "[slater]\norbitals_up = 0 -1\n", "number 1 is no orbital");
    expect_refusal(FREE("particles = 2\ndimensions = 2\n") "[slater]\norbitals_up = 0 41\n", "from 0 to 40");
    expect_refusal(FREE("particles = 2\ndimensions = 2\n") "[slater]\norbitals_down = 0 0, 1 0\n",
                   "orbitals_down = 0 0, 1 0: 2 orbitals for 1 particle of");
    expect_refusal(
        FREE("particles = 4\ndimensions = 2\n") "[slater]\norbitals_up = 1 0, 1 0\norbitals_down = 0 0, 1 0\n",
        "number 2 is there twice");
}

static void test_mixing_refused(void **state)
{
    (void)state;
    expect_refusal(FREE("particles = 2\ndimensions = 2\n") "[slater]\nmixing = yes\n",
                   "all are of one shell; use mixing = no");
    expect_refusal(FREE("particles = 14\ndimensions = 1\n") "[slater]\nmixing = yes\n",
                   "of more than 6 shells; use mixing = no");
    expect_refusal(FREE("particles = 42\ndimensions = 2\n") "[slater]\nmixing = yes\n", "at most 40 are possible");
    static const char *const six[] = { "", "orbitals_up = 0, 5, 1, 4, 2, 3\norbitals_down = 3, 1, 5, 0, 2, 4\n" };
    for (size_t k = 0; k < sizeof six / sizeof *six; k++) {
        char text[500];
        snprintf(text, sizeof text, FREE("particles = 12\ndimensions = 1\n") "[slater]\nmixing = yes\n%s", six[k]);
        struct fermions outcome = fermions_build(text);
        assert_true(outcome.built);
        assert_int_equal(outcome.model.ensemble.wavefunction.n_parameters, 1 + 5 * 5);
        fermions_finish(&outcome);
    }
}

static void test_statistics(void **state)
{
    (void)state;
    struct fermions outcome;
    expect_refusal("[system]\nparticles = 6\ndimensions = 2\n[wavefunction]\nfactors = slater\n",
                   "set system.statistics = fermions");
    expect_refusal(
        "[system]\nparticles = 6\ndimensions = 2\nstatistics = fermions\n[wavefunction]\nfactors = gaussian\n",
        "need an antisymmetric factor");
    expect_refusal(SYSTEM("particles = 6\ndimensions = 2\n") ", rbm\n", "allow_unsymmetric = yes");
    expect_refusal(SYSTEM("particles = 6\ndimensions = 2\n") ", rbm\n", "factors: rbm is not symmetric");
    expect_refusal("[system]\nparticles = 6\ndimensions = 2\nstatistics = fermions\n"
                   "[wavefunction]\nfactors = rbm, slater\n",
                   "factors: rbm is not symmetric");
    outcome = fermions_build(SYSTEM("particles = 6\ndimensions = 2\n") ", rbm\nallow_unsymmetric = yes\n");
    assert_true(outcome.built);
    fermions_finish(&outcome);
    outcome = fermions_build(
        "[system]\nparticles = 2\ndimensions = 2\nstatistics = fermions\n");  // nothing to be antisymmetric in
    assert_true(outcome.built);
    fermions_finish(&outcome);
}

// --- symmetries ---

static void swap_rows(double *frame, size_t a, size_t b, size_t n)
{
    for (size_t k = 0; k < n * WALKERS; k++) {
        const double kept = frame[a * WALKERS + k];
        frame[a * WALKERS + k] = frame[b * WALKERS + k];
        frame[b * WALKERS + k] = kept;
    }
}

// What a symmetry must leave: ln|psi|, |grad ln|psi||^2 and the Laplacian, as rows, and the sizes of their terms.
struct invariants {
    double value[3][WALKERS], size[3][WALKERS];
};

static void find_invariants(const struct wavefunction *wavefunction, double *frame, struct invariants *out)
{
    wavefunction_evaluate(wavefunction, frame);
    wavefunction_log(wavefunction, frame, out->value[0]);
    for (size_t w = 0; w < WALKERS; w++) {
        double square = 0;
        for (size_t i = 0; i < wavefunction->n_coordinates; i++)
            square += pow(frame[(wavefunction->row_gradient + i) * WALKERS + w], 2);
        out->value[1][w] = square;
        out->value[2][w] = frame[wavefunction->row_laplacian * WALKERS + w];
        out->size[0][w] = 1 + fabs(out->value[0][w]);
        out->size[1][w] = out->size[2][w] = 1 + square + fabs(out->value[2][w]);
    }
}

// The largest difference, relative to the sum of the terms' sizes.
static double differ(const struct wavefunction *wavefunction, double *frame, const struct invariants *truth)
{
    struct invariants found;
    double most = 0;
    find_invariants(wavefunction, frame, &found);
    for (size_t k = 0; k < 3; k++)
        for (size_t w = 0; w < WALKERS; w++)
            most = fmax(most, fabs(found.value[k][w] - truth->value[k][w]) / truth->size[k][w]);
    return most;
}

static const char *const symmetric[] = {
    ELECTRONS("", ""),
    ELECTRONS(", gaussian-pair", ""),
    ELECTRONS(", pade-jastrow", PAIRS),
    ELECTRONS(", rbm", UNITS "environment\n"),
    ELECTRONS(", rbm", UNITS "environment\nvectors = no\n"),
    ELECTRONS(", pade-jastrow, rbm", PAIRS UNITS "environment\n"),
    ELECTRONS(", pade-jastrow, rbm", PAIRS UNITS "pairs\n"),
    ELECTRONS("", "[slater]\nbackflow = exponential\n"),
    ELECTRONS("", "[slater]\nbackflow = two-scales\n"),
    ELECTRONS("", "[slater]\nmixing = yes\n"),
    ELECTRONS(", pade-jastrow", PAIRS "[slater]\nbackflow = exponential\ntrain_backflow_length = yes\n"),
    ELECTRONS(", pade-jastrow", PAIRS "[slater]\nbackflow = two-scales\nmixing = yes\n"),
    ELECTRONS(", pade-jastrow, rbm", PAIRS UNITS "environment\n[slater]\nbackflow = exponential\nmixing = yes\n"),
    ELECTRONS(", pade-jastrow, rbm", PAIRS UNITS "environment\n[slater]\nbackflow = two-scales\n"),
};

// In whatever order orbitals are listed, shells are mixed and electrons moved in the same way.
static void test_order_of_orbitals(void **state)
{
    (void)state;
    static const char *const orders[] = { "0 0, 1 0, 0 1, 3 0, 2 1, 0 4", "0 4, 0 1, 2 1, 0 0, 3 0, 1 0",
                                          "0 0, 3 0, 1 0, 0 4, 0 1, 2 1" };
    static const char *const flows[] = { "mixing = yes", "backflow = exponential",
                                         "backflow = two-scales\nmixing = yes" };
    for (size_t c = 0; c < sizeof flows / sizeof *flows; c++) {
        struct fermions first = { 0 };
        struct invariants truth;
        for (size_t k = 0; k < sizeof orders / sizeof *orders; k++) {
            char text[1000];
            snprintf(text, sizeof text, ELECTRONS("", "[slater]\n%s\norbitals_up = %s\norbitals_down = %s\n"), flows[c],
                     orders[k], orders[sizeof orders / sizeof *orders - 1 - k]);
            struct fermions outcome = fermions_build_moved(text);
            const struct wavefunction *wavefunction = &outcome.model.ensemble.wavefunction;
            double *frame = outcome.model.ensemble.block[0].current;
            if (k == 0) {
                first = outcome;
                find_invariants(wavefunction, frame, &truth);
                continue;
            }
            assert_int_equal(wavefunction->n_parameters, first.model.ensemble.wavefunction.n_parameters);
            memcpy(frame, first.model.ensemble.block[0].current,
                   wavefunction->n_coordinates * WALKERS * sizeof(double));
            assert_true(differ(wavefunction, frame, &truth) < 1e-11);
            fermions_finish(&outcome);
        }
        fermions_finish(&first);
    }
}

// Nothing changes under exchange of equal spins and under a flip of all spins, and something does under exchange of
// different ones.
static void test_symmetry(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof symmetric / sizeof *symmetric; c++) {
        struct fermions outcome = fermions_build_moved(symmetric[c]);
        const struct wavefunction *wavefunction = &outcome.model.ensemble.wavefunction;
        double *frame = outcome.model.ensemble.block[0].current, most = 0;
        struct invariants truth;
        find_invariants(wavefunction, frame, &truth);
        swap_rows(frame, 2 * 1, 2 * 4, 2);
        most = fmax(most, differ(wavefunction, frame, &truth));
        swap_rows(frame, 2 * 7, 2 * 11, 2);
        most = fmax(most, differ(wavefunction, frame, &truth));
        swap_rows(frame, 0, 12, 12);
        most = fmax(most, differ(wavefunction, frame, &truth));
        swap_rows(frame, 2 * 2, 2 * 9, 2);
        const double other = differ(wavefunction, frame, &truth);
        print_message("product %zu: exchange and flip to %.1e; different spins %.1e\n", c, most, other);
        assert_true(most <= 1e-8 && other > 1e-3);
        fermions_finish(&outcome);
    }
}

// Where two equal spins meet along a line psi, even in size, goes through zero like their distance: its sign changes
// under exchange.
static void test_sign(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof symmetric / sizeof *symmetric; c++) {
        struct fermions outcome = fermions_build_moved(symmetric[c]);
        const struct wavefunction *wavefunction = &outcome.model.ensemble.wavefunction;
        double *frame = outcome.model.ensemble.block[0].current, found[2][WALKERS], centre[2 * WALKERS];
        memcpy(centre, frame, sizeof centre);
        for (size_t k = 0; k < 2; k++) {
            for (size_t i = 0; i < WALKERS; i++)
                for (size_t d = 0; d < 2; d++) {
                    const double off = (k == 0 ? 1e-4 : 2e-4) * (d == 0 ? 0.6 : 0.8);
                    frame[d * WALKERS + i] = centre[d * WALKERS + i] + off;
                    frame[(2 * 3 + d) * WALKERS + i] = centre[d * WALKERS + i] - off;
                }
            wavefunction_weigh(wavefunction, frame);
            wavefunction_log(wavefunction, frame, found[k]);
        }
        for (size_t w = 0; w < WALKERS; w++)
            assert_true(fabs(found[1][w] - found[0][w] - log(2)) < 1e-2);
        fermions_finish(&outcome);
    }
}

// --- exact states ---

static double bound_variance;
static void look(const struct ensemble_draw *draw, void *context)
{
    for (size_t w = 0; w < WALKERS; w++)
        bound_variance = fmax(bound_variance,
                              fabs(draw->energy[ENERGY_LOCAL * WALKERS + w] - *(const double *)context));
}

// Free fermions, and harmonic ones with E = D omega / 2 + Omega (E_0 / omega - D / 2), Omega^2 = omega^2 + P kappa: no
// scatter at all.
static void test_exact(void **state)
{
    (void)state;
    static const struct {
        const char *system;
        double energy;
    } cases[] = {
        { FREE("particles = 6\ndimensions = 2\n"), 10 },
        { FREE("particles = 12\ndimensions = 2\n"), 28 },
        { FREE("particles = 20\ndimensions = 2\n"), 60 },
        { FREE("particles = 8\ndimensions = 3\nomega = 0.5\n"), 9 },
        { FREE("particles = 20\ndimensions = 3\n"), 60 },
        { FREE("particles = 9\ndimensions = 2\nomega = 1, 2.5\n"), 9 * 1.75 + 2 * (0 + 1 + 2 + 2.5) + 3 },
        { FREE("particles = 10\ndimensions = 1\nspin_up = 10\n"), 50 },
        { SYSTEM("particles = 6\ndimensions = 2\ninteraction = harmonic\n") ", gaussian-pair\n[interaction]\nkappa = "
                                                                            "0.5\n[gaussian-pair]\n"
                                                                            "gamma = 0.083333333333333333\n",
          19 },
        { SYSTEM("particles = 20\ndimensions = 2\ninteraction = harmonic\n") ", gaussian-pair\n[interaction]\nkappa = "
                                                                             "0.15\n[gaussian-pair]\ngamma = 0.025\n",
          1 + 2 * 59.0 },
        { SYSTEM("particles = 8\ndimensions = 3\ninteraction = harmonic\n") ", gaussian-pair\n[interaction]\nkappa = "
                                                                            "0.375\n[gaussian-pair]\ngamma = 0.0625\n",
          1.5 + 2 * 16.5 },
    };
    static const char *const methods[] = { "metropolis", "langevin" };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (size_t k = 0; k < 2; k++) {
            char text[800];
            const char *at = strstr(cases[c].system, "walkers = 32\n");
            snprintf(text, sizeof text, "%.*smethod = %s\n%s[measure]\ncontrols = none\n", (int)(at - cases[c].system),
                     cases[c].system, methods[k], at);
            struct fermions outcome = fermions_build(text);
            struct ensemble_sums sums;
            if (!outcome.built)
                fail_msg("%s-> %s", text, outcome.error.text);
            outcome.model.ensemble.reference = cases[c].energy;
            bound_variance = 0;
            ensemble_burn_in(&outcome.model.ensemble, 200, true);
            ensemble_pass(&outcome.model.ensemble, 300, 0, look, (void *)(uintptr_t)&cases[c].energy, &sums);
            print_message("%zu particles %zuD, %-10s E - exact %+.1e, variance %.1e, worst sample %.1e\n",
                          outcome.model.ensemble.wavefunction.system.particles,
                          outcome.model.ensemble.wavefunction.system.dimensions, methods[k], sums.local / sums.samples,
                          sums.local2 / sums.samples, bound_variance);
            assert_true(fabs(sums.local / sums.samples) < 1e-11 * cases[c].energy &&
                        sums.local2 / sums.samples < 1e-16);
            fermions_finish(&outcome);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_filling),    cmocka_unit_test(test_mixing_refused),
                                        cmocka_unit_test(test_statistics), cmocka_unit_test(test_order_of_orbitals),
                                        cmocka_unit_test(test_symmetry),   cmocka_unit_test(test_sign),
                                        cmocka_unit_test(test_exact) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
