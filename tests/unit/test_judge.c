// SPDX-License-Identifier: GPL-3.0-or-later
// The checks behind a verdict on made-up runs: good ones are called good, and every planted fault is named. 400 runs of
// independent draws, 16 to 64 walkers: at most 4 may be called anything but good.
#include "vmc/judge.h"
#include "vmc/run.h"
#include "vmc/statistics.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CHAINS = 64, DRAWS = 100 };

struct made {
    struct run_result result;
    struct run_evidence evidence;
    double energy[CHAINS * DRAWS];
};

// The figures that a run takes from its series.
static void conclude(struct made *made)
{
    struct statistics found;
    const struct series series = { made->evidence.chains, DRAWS, 1, made->energy };
    assert_true(statistics_analyse(&series, &found, NULL));
    made->result.energy = found.mean;
    made->result.energy_error = found.error;
    made->result.autocorrelation_error = found.error_autocorrelation;
    made->result.autocorrelation_time = found.autocorrelation_time;
    made->result.effective_samples = found.effective_samples;
    made->result.r_hat = found.r_hat;
    made->result.plateau = found.plateau;
}

static void make_good(struct made *made, unsigned long seed, size_t chains)
{
    gsl_rng *random = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(random, seed);
    *made = (struct made){ .result = { .n_samples = (double)(chains * DRAWS),
                                       .kinetic = 1,
                                       .kinetic_error = 0.01,
                                       .kinetic_gradient = 1.02,
                                       .kinetic_gradient_error = 0.01,
                                       .virial_ratio = 1.001,
                                       .virial_ratio_error = 0.001,
                                       .acceptance = 0.57,
                                       .swap_acceptance = NAN,
                                       .iterations = 100,
                                       .training_gain = 1e-6,
                                       .training_gain_error = 1e-6,
                                       .training_end = "converged" },
                           .evidence = { .chains = chains,
                                         .draws = DRAWS,
                                         .draws_per_chain = DRAWS,
                                         .has_step = true,
                                         .scalable = true,
                                         .trained = true,
                                         .exact = 2.9,
                                         .closed_form = NAN } };
    for (size_t i = 0; i < chains * DRAWS; i++)
        made->energy[i] = 3 + 0.1 * gsl_ran_ugaussian(random);
    made->evidence.result = &made->result;
    made->evidence.energy = made->energy;
    gsl_rng_free(random);
    conclude(made);
}

static bool is_found(struct made *made, const char *name)
{
    struct run_judgement judgement;
    bool there = false;
    run_judge(&made->evidence, &judgement);
    for (size_t k = 0; k < judgement.n; k++)
        there = there || strcmp(judgement.finding[k].name, name) == 0;
    return there;
}

static void assert_found(struct made *made, const char *name)
{
    struct run_judgement judgement;
    const bool there = is_found(made, name);
    run_judge(&made->evidence, &judgement);
    if (!there)
        print_error("not found: %s\n", name);
    assert_true(there && judgement.verdict > VERDICT_GOOD);
}

static void test_good(void **state)
{
    (void)state;
    static struct made made;
    struct run_judgement judgement;
    size_t alarms = 0;
    for (unsigned long seed = 1; seed <= 400; seed++) {
        make_good(&made, seed, seed % 3 == 0 ? 16 : seed % 3 == 1 ? 32 : CHAINS);
        run_judge(&made.evidence, &judgement);
        alarms += judgement.verdict != VERDICT_GOOD;
        for (size_t k = 0; k < judgement.n; k++)
            print_message("%lu %s: %s\n", seed, judgement.finding[k].name, judgement.finding[k].what);
    }
    print_message("%zu false alarms\n", alarms);
    assert_true(alarms <= 4);
}

static void shift(struct made *made, size_t first, size_t end, double by)
{
    for (size_t i = first * DRAWS; i < end * DRAWS; i++)
        made->energy[i] += by;
    conclude(made);
}

static void test_walkers(void **state)
{
    (void)state;
    static struct made made;
    make_good(&made, 1, CHAINS);
    shift(&made, 5, 6, 3);
    assert_found(&made, "a walker apart from the others");
    make_good(&made, 1, CHAINS);
    for (size_t t = 40; t < 43; t++)  // a stray that came back
        made.energy[5 * DRAWS + t] += 30;
    conclude(&made);
    assert_false(is_found(&made, "a walker apart from the others"));
    make_good(&made, 1, CHAINS);
    made.evidence.draws = 10;
    made.energy[5 * 10 + 8] += 30;  // a stray among few values
    assert_false(is_found(&made, "a walker apart from the others"));
    made.energy[5 * 10 + 9] += 30;  // the same at the end: it may go on
    assert_true(is_found(&made, "a walker apart from the others"));
    make_good(&made, 1, CHAINS);
    made.evidence.draws = 8;
    for (size_t t = 2; t < 4; t++)  // a quarter of the values
        made.energy[5 * 8 + t] += 30;
    assert_false(is_found(&made, "a walker apart from the others"));
    made.energy[5 * 8 + 4] += 30;  // more than that
    assert_true(is_found(&made, "a walker apart from the others"));
    make_good(&made, 1, CHAINS);
    for (size_t t = 97; t < DRAWS; t++)  // one that is leaving
        made.energy[5 * DRAWS + t] += 10.0 * (double)(t - 96);
    conclude(&made);
    assert_found(&made, "a walker apart from the others");
    make_good(&made, 1, CHAINS);
    shift(&made, 0, 20, 1);
    assert_found(&made, "two groups of walkers");
    assert_found(&made, "walkers disagree");
    make_good(&made, 1, CHAINS);
    for (size_t t = 0; t < DRAWS; t++)
        made.energy[7 * DRAWS + t] = 3.1;
    conclude(&made);
    assert_found(&made, "stuck walkers");
}

static void test_figures(void **state)
{
    (void)state;
    static struct made made;
    static const struct {
        const char *name;
        size_t offset;
        double value;
    } faults[] = {
        { "samples without a finite energy", offsetof(struct run_result, n_bad), 3 },
        { "few moves accepted", offsetof(struct run_result, acceptance), 0.05 },
        { "few effective samples", offsetof(struct run_result, effective_samples), 200 },
        { "kinetic energies disagree", offsetof(struct run_result, kinetic_gradient), 1.2 },
        { "virial theorem", offsetof(struct run_result, virial_ratio), 1.2 },
        { "error bars disagree", offsetof(struct run_result, autocorrelation_error), 1 },
        { "below the exact energy", offsetof(struct run_result, energy), 2.8 },
        { "far above the exact energy", offsetof(struct run_result, energy), 4 },
        { "training not converged", offsetof(struct run_result, training_gain), 0.1 },
    };
    for (size_t k = 0; k < sizeof faults / sizeof *faults; k++) {
        make_good(&made, 1, CHAINS);
        *(double *)(void *)((char *)&made.result + faults[k].offset) = faults[k].value;
        assert_found(&made, faults[k].name);
    }
    make_good(&made, 1, CHAINS);
    made.result.training_end = "failed";
    assert_found(&made, "training failed");
    make_good(&made, 1, CHAINS);
    made.result.steps_back = 20;
    made.result.training_end = "converged";
    assert_false(is_found(&made, "training jumped"));
    made.result.training_end = "stopped";
    assert_found(&made, "training jumped");
    make_good(&made, 1, CHAINS);
    made.evidence.closed_form = made.result.energy + 6 * made.result.energy_error;
    assert_found(&made, "closed form");
}

// Bounds on one number, from both sides.
static void test_bounds(void **state)
{
    (void)state;
    static struct made made;
    make_good(&made, 1, CHAINS);
    const double exact = made.evidence.exact, energy = made.result.energy, error = made.result.energy_error;
    const double width = made.result.n_samples * 1e-3;
    const struct {
        const char *name;
        size_t offset;
        double fine, wrong;
    } cases[] = {
        { "few moves accepted", offsetof(struct run_result, acceptance), 0.151, 0.149 },
        { "few effective samples", offsetof(struct run_result, effective_samples), 401, 399 },
        { "few exchanges between temperatures", offsetof(struct run_result, swap_acceptance), 0.051, 0.049 },
        { "divergent trajectories", offsetof(struct run_result, divergences), 0.99 * width, 1.01 * width },
        { "virial theorem", offsetof(struct run_result, virial_ratio), 1.069, 1.071 },
        { "virial theorem", offsetof(struct run_result, virial_ratio), 0.931, 0.929 },
        { "error bars disagree", offsetof(struct run_result, autocorrelation_error), error / 1.49, error / 1.51 },
        { "error bars disagree", offsetof(struct run_result, autocorrelation_error), error * 1.99, error * 2.01 },
        { "below the exact energy", offsetof(struct run_result, energy), exact - 3.9 * error, exact - 4.1 * error },
        { "far above the exact energy", offsetof(struct run_result, energy), 1.099 * exact, 1.101 * exact },
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        double *value = (double *)(void *)((char *)&made.result + cases[k].offset);
        make_good(&made, 1, CHAINS);
        made.result.virial_ratio_error = 0.01;
        *value = cases[k].fine;
        assert_false(is_found(&made, cases[k].name));
        *value = cases[k].wrong;
        assert_found(&made, cases[k].name);
    }
    for (int sign = -1; sign <= 1; sign += 2) {
        make_good(&made, 1, CHAINS);
        made.evidence.closed_form = energy + sign * 4.9 * error;
        assert_false(is_found(&made, "closed form"));
        made.evidence.closed_form = energy + sign * 5.1 * error;
        assert_found(&made, "closed form");
    }
}

// The verdict of a finding and its words; `what` NULL: there is none of that name.
static void expect(struct made *made, const char *name, enum run_verdict verdict, const char *what)
{
    struct run_judgement judgement;
    const struct run_finding *found = NULL;
    run_judge(&made->evidence, &judgement);
    for (size_t k = 0; k < judgement.n; k++)
        if (strcmp(judgement.finding[k].name, name) == 0)
            found = &judgement.finding[k];
    if (!found != !what)
        fail_msg("%s: %s", name, found ? found->what : "not found");
    if (found) {
        assert_string_equal(found->what, what);
        assert_int_equal(found->verdict, verdict);
        assert_true(judgement.verdict >= verdict && strlen(found->remedy) > 10);
    }
}

// What is said of one number, or of several that have to come together: verdicts, words, and the bounds between them.
static void test_words(void **state)
{
    (void)state;
    static struct made good, made;
    struct run_result *result = &made.result;
    make_good(&good, 1, CHAINS);
#define FRESH (made = good, made.evidence.result = &made.result, made.evidence.energy = made.energy)
    FRESH, result->acceptance = 0.019;
    expect(&made, "few moves accepted", VERDICT_BAD,
           "only 1.9 % of the moves were accepted: the step is too long, and walkers hardly move");
    result->acceptance = 0.021;
    expect(&made, "few moves accepted", VERDICT_DOUBTFUL,
           "only 2.1 % of the moves were accepted: the step is too long, and walkers hardly move");
    made.evidence.has_step = false;
    expect(&made, "few moves accepted", VERDICT_GOOD, NULL);

    FRESH, result->acceptance = 0.98, result->autocorrelation_time = 10.1;
    expect(&made, "steps too short", VERDICT_DOUBTFUL,
           "98.0 % of the moves were accepted and draws are correlated over 10 of them: walkers creep");
    result->autocorrelation_time = 9.9;
    expect(&made, "steps too short", VERDICT_GOOD, NULL);
    result->autocorrelation_time = 10.1, result->acceptance = 0.969;
    expect(&made, "steps too short", VERDICT_GOOD, NULL);

    FRESH, result->effective_samples = 99;
    expect(&made, "few effective samples", VERDICT_BAD,
           "the samples are worth 99 independent ones; below 400 the error bar itself is uncertain");
    result->effective_samples = 101;
    expect(&made, "few effective samples", VERDICT_DOUBTFUL,
           "the samples are worth 101 independent ones; below 400 the error bar itself is uncertain");

    FRESH, result->plateau = false, result->autocorrelation_time = 4, made.evidence.draws_per_chain = 79;
    expect(&made, "short chains", VERDICT_DOUBTFUL,
           "each walker has 79 draws, 20 autocorrelation times, and blocks of no length are independent: the error bar "
           "may be too small");
    made.evidence.draws_per_chain = 81;
    expect(&made, "short chains", VERDICT_GOOD, NULL);
    made.evidence.draws_per_chain = 79, result->plateau = true;
    expect(&made, "short chains", VERDICT_GOOD, NULL);
    result->plateau = false, result->energy_error = 0;
    expect(&made, "short chains", VERDICT_GOOD, NULL);

    // errors of 0.03 and 0.04: 0.05 of the difference
    FRESH, result->kinetic_error = 0.03, result->kinetic_gradient_error = 0.04, result->kinetic_gradient = 1.249;
    expect(&made, "kinetic energies disagree", VERDICT_GOOD, NULL);
    result->kinetic_gradient = 1.255;
    expect(&made, "kinetic energies disagree", VERDICT_DOUBTFUL,
           "the Laplacian and the gradient give kinetic energies 5.1 standard errors apart, though both have the same "
           "mean under |psi|^2: that is not what was sampled");
    result->kinetic_gradient = 0.595;
    expect(&made, "kinetic energies disagree", VERDICT_BAD,
           "the Laplacian and the gradient give kinetic energies 8.1 standard errors apart, though both have the same "
           "mean under |psi|^2: that is not what was sampled");
    result->kinetic_gradient = 0.605;
    expect(&made, "kinetic energies disagree", VERDICT_DOUBTFUL,
           "the Laplacian and the gradient give kinetic energies 7.9 standard errors apart, though both have the same "
           "mean under |psi|^2: that is not what was sampled");
    made.evidence.has_nodes = true;
    expect(&made, "kinetic energies disagree", VERDICT_GOOD, NULL);
    made.evidence.has_nodes = false, result->kinetic_error = result->kinetic_gradient_error = 0;
    expect(&made, "kinetic energies disagree", VERDICT_GOOD, NULL);
    result->kinetic_error = 1e-12, result->kinetic_gradient = 1 + 0.9e-9;  // rounding
    expect(&made, "kinetic energies disagree", VERDICT_GOOD, NULL);

    FRESH, result->virial_ratio = 1.2, result->virial_ratio_error = 0.01;
    expect(&made, "virial theorem", VERDICT_DOUBTFUL,
           "2 <T> / <x dV/dx> is 1.200(1e-02) and not 1: stretching the wave function would lower its energy, so "
           "training is not at its end");
    made.evidence.trained = false;
    expect(&made, "virial theorem", VERDICT_GOOD, NULL);
    made.evidence.trained = true, made.evidence.scalable = false;
    expect(&made, "virial theorem", VERDICT_GOOD, NULL);
    result->trap = 1, result->virial_ratio = 0.5;  // slope -2, curvature 8
    expect(&made, "width", VERDICT_DOUBTFUL,
           "2 <T> / <x dV/dx> is 0.5: the wave function, whose width is fixed, is too wide; stretching it would lower "
           "the energy by some 0.25 hbar omega_0");
    result->virial_ratio = 2;  // slope 1
    expect(&made, "width", VERDICT_DOUBTFUL,
           "2 <T> / <x dV/dx> is 2: the wave function, whose width is fixed, is too narrow; stretching it would lower "
           "the energy by some 0.062 hbar omega_0");
    made.evidence.trained = false;
    expect(&made, "width", VERDICT_GOOD, NULL);

    FRESH, result->energy = 2.9 - 0.005, result->energy_error = 0.001;
    expect(&made, "below the exact energy", VERDICT_BAD,
           "the energy lies 5.0 standard errors below 2.9, which no wave function can");
    result->no_bound = true;
    expect(&made, "below the exact energy", VERDICT_GOOD, NULL);
    result->no_bound = false, result->energy = 2.9 - 2e-9, result->energy_error = 0;  // rounding
    expect(&made, "below the exact energy", VERDICT_GOOD, NULL);
    result->energy = 5.8;
    expect(&made, "far above the exact energy", VERDICT_DOUBTFUL, "the energy is 100 % above the exact 2.9");
    made.evidence.exact = NAN;
    expect(&made, "far above the exact energy", VERDICT_GOOD, NULL);

    FRESH, result->energy = 3, result->energy_error = 0.01, made.evidence.closed_form = 3.06;
    expect(&made, "closed form", VERDICT_BAD,
           "the energy lies 6.0 standard errors below 3.06, that of this very wave function in closed form: samples or "
           "error bar are wrong");
    made.evidence.closed_form = 2.94;
    expect(&made, "closed form", VERDICT_BAD,
           "the energy lies 6.0 standard errors above 2.94, that of this very wave function in closed form: samples or "
           "error bar are wrong");
    result->energy_error = 1e-12, made.evidence.closed_form = 3 + 2.9e-9;  // rounding
    expect(&made, "closed form", VERDICT_GOOD, NULL);
    made.evidence.closed_form = 3 + 3.1e-9;
    assert_found(&made, "closed form");
#undef FRESH
}

// A gain has to be five of its errors, three of the energy's and a thousandth of the energy; one step in twenty may be
// taken back, or three.
static void test_training(void **state)
{
    (void)state;
    static struct made made;
    static const struct {
        double gain, gain_error, error;
        const char *end;
        bool found;
    } gains[] = {
        { 0.01, 0.0019, 0.001, "stopped", true },    { 0.01, 0.0021, 0.001, "stopped", false },
        { 0.01, 0.001, 0.0033, "stopped", true },    { 0.01, 0.001, 0.0034, "stopped", false },
        { 0.0031, 0.0001, 0.0001, "stopped", true }, { 0.0029, 0.0001, 0.0001, "stopped", false },
        { 0.01, 0.001, 0.001, "converged", true },   { NAN, NAN, 0.001, "iterations", true },
        { NAN, NAN, 0.001, "stopped", false },       { 0.001, 0.001, 0.001, "iterations", false },
    };
    static const struct {
        double back, iterations;
        const char *end;
        bool found;
    } steps[] = { { 3, 10, "stopped", false }, { 4, 10, "stopped", true },     { 5, 100, "stopped", false },
                  { 6, 100, "stopped", true }, { 6, 100, "converged", false }, { 6, 100, "failed", true } };
    make_good(&made, 1, CHAINS);
    made.result.energy = 3;
    for (size_t k = 0; k < sizeof gains / sizeof *gains; k++) {
        made.result.training_gain = gains[k].gain;
        made.result.training_gain_error = gains[k].gain_error;
        made.result.energy_error = gains[k].error;
        made.result.training_end = gains[k].end;
        assert_int_equal(is_found(&made, "training not converged"), gains[k].found);
    }
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
        made.result.steps_back = steps[k].back;
        made.result.iterations = steps[k].iterations;
        made.result.training_end = steps[k].end;
        assert_int_equal(is_found(&made, "training jumped"), steps[k].found);
        assert_int_equal(is_found(&made, "training failed"), strcmp(steps[k].end, "failed") == 0);
    }
    made.result.training_gain = 0.01;
    made.result.training_gain_error = 0.001;
    made.result.energy_error = 0.001;
    made.result.training_end = "stopped";
    expect(&made, "training not converged", VERDICT_DOUBTFUL,
           "the energy still fell when training ended; as many iterations again may bring 0.01");
    expect(&made, "training jumped", VERDICT_DOUBTFUL,
           "6 of 100 training steps were undone since the energy jumped or was not finite");
    made.evidence.trained = false;
    expect(&made, "training jumped", VERDICT_GOOD, NULL);
    made.evidence.trained = true;
    made.result.training_end = NULL;
    expect(&made, "training jumped", VERDICT_GOOD, NULL);
}

// Steps far too small: R-hat is about what chains so short in correlation times show, but those are no good chains.
static void test_creeping(void **state)
{
    (void)state;
    static struct made made;
    static const struct {
        double r_hat, time;
    } seen[] = { { 1.0646, 70 }, { 1.0755, 81 }, { 1.47, 200 } };
    for (size_t k = 0; k < sizeof seen / sizeof *seen; k++) {
        make_good(&made, 1, CHAINS);
        made.evidence.draws_per_chain = 1024;
        made.result.autocorrelation_time = seen[k].time;
        made.result.r_hat = seen[k].r_hat;
        assert_found(&made, "walkers disagree");
    }
}

// T = V = 1: at the ratio q stretching would gain 4 (1 - 1/q)^2 / 16, which is 2 % of 3 at 0.671.
static void test_width(void **state)
{
    (void)state;
    static struct made made;
    make_good(&made, 1, CHAINS);
    made.result.trap = 1;
    made.evidence.scalable = false;
    made.result.virial_ratio = 0.69;
    assert_false(is_found(&made, "width"));
    made.result.virial_ratio = 0.66;
    assert_found(&made, "width");
    made.evidence.has_core = true;
    assert_false(is_found(&made, "width"));
}

// 4 standard errors below what no wave function can.
static void test_below(void **state)
{
    (void)state;
    static struct made made;
    make_good(&made, 1, CHAINS);
    made.evidence.exact = made.result.energy + 4.1 * made.result.energy_error;
    assert_found(&made, "below the exact energy");
}

// What does not apply is not judged.
// An exact wave function: what scatters is rounding, which may well be the same for a walker's whole life.
static void test_constant(void **state)
{
    (void)state;
    static struct made made;
    struct run_judgement judgement;
    make_good(&made, 1, CHAINS);
    for (size_t c = 0; c < CHAINS; c++)
        for (size_t t = 0; t < DRAWS; t++)
            made.energy[c * DRAWS + t] = 3 + 4e-16 * (double)(c / 20) + (t == 7 ? 1e-12 : 0);
    conclude(&made);
    made.result.effective_samples = 50;
    run_judge(&made.evidence, &judgement);
    assert_int_equal(judgement.verdict, VERDICT_GOOD);
}

static void test_silence(void **state)
{
    (void)state;
    static struct made made;
    struct run_judgement judgement;
    make_good(&made, 1, CHAINS);
    made.result.kinetic_gradient = 1.2;
    made.result.virial_ratio = 1.2;
    made.result.acceptance = 0;
    made.evidence.has_nodes = true;
    made.evidence.scalable = made.evidence.has_step = false;
    made.evidence.exact = NAN;
    run_judge(&made.evidence, &judgement);
    assert_int_equal(judgement.verdict, VERDICT_GOOD);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_good),     cmocka_unit_test(test_walkers),
                                        cmocka_unit_test(test_figures),  cmocka_unit_test(test_bounds),
                                        cmocka_unit_test(test_creeping), cmocka_unit_test(test_below),
                                        cmocka_unit_test(test_constant), cmocka_unit_test(test_silence),
                                        cmocka_unit_test(test_width),    cmocka_unit_test(test_words),
                                        cmocka_unit_test(test_training) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
