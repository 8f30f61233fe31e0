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
                                        cmocka_unit_test(test_width) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
