// SPDX-License-Identifier: GPL-3.0-or-later
// Slater determinants, beyond the contract of factors (test_factors.c): how shells are filled and what is refused,
// eliminations that go wrong without pivots, how far one-particle moves let the inverse drift, symmetries, and states
// that are exact.
#include "support/model.h"
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

struct outcome {
    bool built;
    struct model model;
    struct error error;
};

// Settings and walkers; what is wrong is left in the error.
static struct outcome build(const char *text)
{
    struct outcome outcome = { .built = false };
    struct config config;
    struct rng rng;
    assert_true(config_parse(&config, "f.ini", text, strlen(text), &outcome.error));
    assert_true(settings_build(&outcome.model.settings, &config, &outcome.error, NULL));
    config_finish(&config);
    outcome.built = ensemble_build(&outcome.model.ensemble, &outcome.model.settings, 1, &outcome.error);
    if (!outcome.built) {
        settings_finish(&outcome.model.settings);
        return outcome;
    }
    outcome.model.theta = calloc(outcome.model.ensemble.wavefunction.n_parameters + 1, sizeof(double));
    rng_start(&rng, 11, 0);
    wavefunction_start(&outcome.model.ensemble.wavefunction, rng_uniform, &rng, outcome.model.theta);
    ensemble_start(&outcome.model.ensemble, 3);
    assert_true(ensemble_take(&outcome.model.ensemble, outcome.model.theta));
    return outcome;
}

static void finish(struct outcome *outcome)
{
    if (outcome->built)
        model_finish(&outcome->model);
    error_clear(&outcome->error);
}

#define SYSTEM(keys) \
    "[system]\nstatistics = fermions\n" keys "[sampler]\nwalkers = 32\n[wavefunction]\nfactors = slater"
#define FREE(keys) SYSTEM(keys) "\n"

static void expect_filling(const char *text, const char *filling)
{
    struct outcome outcome = build(text);
    char found[1000];
    if (!outcome.built)
        fail_msg("%s-> %s", text, outcome.error.text);
    const struct factor *factor = &outcome.model.ensemble.wavefunction.factor[0];
    factor->type->describe(factor->state, found, sizeof found);
    assert_string_equal(found, filling);
    finish(&outcome);
}

static void expect_refusal(const char *text, const char *said)
{
    struct outcome outcome = build(text);
    if (outcome.built || !strstr(outcome.error.text, said))
        fail_msg("%s-> %s\nexpected: %s", text, outcome.built ? "taken" : outcome.error.text, said);
    assert_int_equal(outcome.error.kind, ERROR_CONFIG);
    finish(&outcome);
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
        struct outcome outcome = build(text);
        assert_true(outcome.built);
        assert_int_equal(outcome.model.ensemble.wavefunction.n_parameters, 1 + 5 * 5);
        finish(&outcome);
    }
}

static void test_statistics(void **state)
{
    (void)state;
    struct outcome outcome;
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
    outcome = build(SYSTEM("particles = 6\ndimensions = 2\n") ", rbm\nallow_unsymmetric = yes\n");
    assert_true(outcome.built);
    finish(&outcome);
    outcome = build(
        "[system]\nparticles = 2\ndimensions = 2\nstatistics = fermions\n");  // nothing to be antisymmetric in
    assert_true(outcome.built);
    finish(&outcome);
}

// --- against plain elimination in long double ---

// ln|phi| of a homogeneous 2D state with n_up = n_down = n: a determinant of powers, up to a constant.
static long double log_powers(size_t n, double alpha, const double *x, size_t w)
{
    long double sum = 0;
    for (size_t spin = 0; spin < 2; spin++) {
        long double a[10][10];
        for (size_t p = 0; p < n; p++) {
            const long double u = x[((spin * n + p) * 2) * WALKERS + w], v = x[((spin * n + p) * 2 + 1) * WALKERS + w];
            for (size_t k = 0, shell = 0; k < n; shell++)
                for (size_t m = 0; m <= shell; m++)
                    a[p][k++] = powl(u, (long double)(shell - m)) * powl(v, (long double)m);
            sum -= (long double)alpha * (u * u + v * v) / 2;
        }
        for (size_t k = 0; k < n; k++) {
            size_t pivot = k;
            for (size_t p = k; p < n; p++)
                pivot = fabsl(a[p][k]) > fabsl(a[pivot][k]) ? p : pivot;
            sum += logl(fabsl(a[pivot][k]));
            for (size_t j = 0; j < n; j++) {
                const long double kept = a[k][j];
                a[k][j] = a[pivot][j];
                a[pivot][j] = kept;
            }
            for (size_t p = k + 1; p < n; p++)
                for (size_t j = n; j-- > k;)
                    a[p][j] -= a[p][k] / a[k][k] * a[k][j];
        }
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
        struct outcome outcome = build(systems[s]);
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
        finish(&outcome);
    }
}

// Two particles of a spin at one place: psi = 0, and no walker goes there.
static void test_node(void **state)
{
    (void)state;
    struct outcome outcome = build(FREE("particles = 6\ndimensions = 2\n"));
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
    finish(&outcome);
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

#define ELECTRONS(factors, keys)                                                                                    \
    "[system]\nstatistics = fermions\nparticles = 12\ndimensions = 2\ninteraction = coulomb\n[sampler]\nwalkers = " \
    "32\n"                                                                                                          \
    "[wavefunction]\nfactors = slater" factors "\n" keys
#define PAIRS "[pade-jastrow]\nbeta = 0.3, 0.5\n"
#define UNITS "[rbm]\nhidden = 2\nsharing = "

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

// As built, with every parameter away from where it starts.
static struct outcome build_symmetric(const char *text)
{
    struct outcome outcome = build(text);
    struct rng rng;
    if (!outcome.built)
        fail_msg("%s-> %s", text, outcome.error.text);
    rng_start(&rng, 5, 0);
    for (size_t k = 0; k < outcome.model.ensemble.wavefunction.n_parameters; k++)
        outcome.model.theta[k] += 0.1 * (rng_uniform(&rng) - 0.5);
    assert_true(ensemble_take(&outcome.model.ensemble, outcome.model.theta));
    return outcome;
}

// In whatever order orbitals are listed, shells are mixed and electrons moved in the same way.
static void test_order_of_orbitals(void **state)
{
    (void)state;
    static const char *const orders[] = { "0 0, 1 0, 0 1, 3 0, 2 1, 0 4", "0 4, 0 1, 2 1, 0 0, 3 0, 1 0",
                                          "0 0, 3 0, 1 0, 0 4, 0 1, 2 1" };
    static const char *const flows[] = { "mixing = yes", "backflow = exponential",
                                         "backflow = two-scales\nmixing = yes" };
    for (size_t c = 0; c < sizeof flows / sizeof *flows; c++) {
        struct outcome first = { 0 };
        struct invariants truth;
        for (size_t k = 0; k < sizeof orders / sizeof *orders; k++) {
            char text[1000];
            snprintf(text, sizeof text, ELECTRONS("", "[slater]\n%s\norbitals_up = %s\norbitals_down = %s\n"), flows[c],
                     orders[k], orders[sizeof orders / sizeof *orders - 1 - k]);
            struct outcome outcome = build_symmetric(text);
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
            finish(&outcome);
        }
        finish(&first);
    }
}

// Nothing changes under exchange of equal spins and under a flip of all spins, and something does under exchange of
// different ones.
static void test_symmetry(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof symmetric / sizeof *symmetric; c++) {
        struct outcome outcome = build_symmetric(symmetric[c]);
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
        finish(&outcome);
    }
}

// Where two equal spins meet along a line psi, even in size, goes through zero like their distance: its sign changes
// under exchange.
static void test_sign(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof symmetric / sizeof *symmetric; c++) {
        struct outcome outcome = build_symmetric(symmetric[c]);
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
        finish(&outcome);
    }
}

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
        struct outcome outcome = build(systems[c]);
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
        finish(&outcome);
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
        struct outcome outcome = build(systems[c]);
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
        finish(&outcome);
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
        struct outcome outcome = build(systems[c]);
        struct ensemble *ensemble = &outcome.model.ensemble;
        struct wavefunction single = ensemble->wavefunction;
        const struct wavefunction *const ways[2] = { &ensemble->wavefunction, &single };
        struct block *block = &ensemble->block[0];
        const size_t m = single.n_coordinates * WALKERS * sizeof(double), size = single.n_rows * WALKERS,
                     table = single.row_pair_values * WALKERS;
        double *scratch = ensemble->scratch + size, *start = malloc(m), *first = malloc(size * sizeof *first);
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
        free(first);
        free(start);
        finish(&outcome);
    }
}

// A Langevin step keeps the factors of the drift for the next one: the same walk as where each step finds them.
static void test_remembered_drift(void **state)
{
    (void)state;
    struct outcome outcome = build("[system]\nstatistics = fermions\nparticles = 6\ndimensions = 2\ninteraction = "
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
    finish(&outcome);
}

// --- the inverse ---

// 1,000 sweeps of one-particle moves of ten electrons of each spin, without a refresh: every inverse beside one from
// scratch.
static void test_drift(void **state)
{
    (void)state;
    struct outcome outcome = build("[system]\nstatistics = fermions\nparticles = 20\ndimensions = 2\ninteraction = "
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
    finish(&outcome);
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
            struct outcome outcome = build(text);
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
            finish(&outcome);
        }
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
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_filling),    cmocka_unit_test(test_mixing_refused),
                                        cmocka_unit_test(test_statistics), cmocka_unit_test(test_pivots),
                                        cmocka_unit_test(test_node),       cmocka_unit_test(test_order_of_orbitals),
                                        cmocka_unit_test(test_symmetry),   cmocka_unit_test(test_sign),
                                        cmocka_unit_test(test_shells),     cmocka_unit_test(test_shells_with_backflow),
                                        cmocka_unit_test(test_sweep),      cmocka_unit_test(test_remembered_drift),
                                        cmocka_unit_test(test_drift),      cmocka_unit_test(test_exact),
                                        cmocka_unit_test(test_elimination) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
