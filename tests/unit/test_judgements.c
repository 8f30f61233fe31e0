// SPDX-License-Identifier: GPL-3.0-or-later
// Verdicts on runs made up by dice, against a record: every word of every finding, with figures at, just below and just
// above the bounds, and series of walkers that are stuck, apart, in two groups, creeping or constant. `judge` says what
// is right; this says that nothing has changed.
//
//     test_judgements RECORD            compares
//     test_judgements RECORD --write    records anew
#include "support/recorded.h"
#include "vmc/judge.h"
#include "vmc/run.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHAINS_MOST = 45, DRAWS_MOST = 60, RUNS = 1500 };

static uint64_t state;

static size_t below(size_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(state >> 33) % n;
}

static bool one_in(size_t n) { return below(n) == 0; }

// Nearly normal: no function of the C library whose last bit differs between machines.
static double noise(void)
{
    double sum = -6;
    for (int k = 0; k < 12; k++)
        sum += (double)below(1 << 20) / (1 << 20);
    return sum;
}

#define ONE_OF(...) one_of(sizeof(double[]){ __VA_ARGS__ } / sizeof(double), (const double[]){ __VA_ARGS__ })
static double one_of(size_t n, const double *values) { return values[below(n)]; }

// A bound itself and what is next to it, or a value on either side, some way off.
static double around(double bound)
{
    switch (below(6)) {
    case 0: return bound;
    case 1: return nextafter(bound, -INFINITY);
    case 2: return nextafter(bound, INFINITY);
    case 3: return bound * (0.98 + 0.04 * (double)below(1000) / 1000);
    case 4: return bound * ONE_OF(0.2, 0.5, 0.8);
    default: return bound * ONE_OF(1.3, 2, 5);
    }
}

// Half of the time what a good run has.
static double good_or(double good, double other) { return one_in(2) ? good : other; }

static void make_series(struct run_evidence *evidence, double *energy)
{
    static const size_t chains[] = { 1, 2, 15, 16, 17, 19, 20, 21, 40, 41 },
                        draws[] = { 0, 1, 3, 4, 5, 15, 16, 17, 40, 60 };
    evidence->chains = chains[below(sizeof chains / sizeof *chains)];
    evidence->draws = draws[below(sizeof draws / sizeof *draws)];
    evidence->energy = energy;
    const size_t n = evidence->draws, kind = below(7), group = below(6);
    const double middle = kind == 0 && one_in(3) ? 0 : 3, width = kind == 0 && one_in(2) ? 0 : 0.1,
                 creep = ONE_OF(0, 0, 0.5, 0.95), off = ONE_OF(0, 0.1, 0.3, 1, 3, 30);
    for (size_t c = 0; c < evidence->chains; c++) {
        double x = noise();
        const bool stuck = kind == 1 && one_in(8), apart = kind == 2 && c == 0, lower = kind == 3 && c < group,
                   wild = kind == 6 && c == 0;
        const size_t away = below(n + 1), back = kind == 2 && one_in(3) ? away + 1 + below(1 + n / 3) : n;
        for (size_t t = 0; t < n; t++) {
            x = creep * x + sqrt(1 - creep * creep) * noise();
            energy[c * n + t] = middle + (stuck && t > 0 ? energy[c * n] - middle : (wild ? 10 * off : 1) * width * x) +
                                (apart && t >= away && t < back ? off
                                 : lower                        ? -off
                                                                : 0);
        }
        if (kind == 4 && n > 0 && one_in(8))  // all but the last
            for (size_t t = 1; t + 1 < n; t++)
                energy[c * n + t] = energy[c * n];
    }
}

static void make_figures(struct run_result *result)
{
    static const char *const ends[] = { NULL, "converged", "iterations", "stopped", "failed" };
    const double error = ONE_OF(0, 0.01, 0.01, 0.001);
    *result = (struct run_result){ .n_samples = ONE_OF(1000, 32000),
                                   .energy = 3,
                                   .energy_error = error,
                                   .autocorrelation_error = error / good_or(1, one_in(2) ? around(1.5) : around(0.5)),
                                   .autocorrelation_time = good_or(1, ONE_OF(0.5, 2, 9.99, 10, 10.01, 25)),
                                   .effective_samples = good_or(5000, one_in(2) ? around(400) : around(100)),
                                   .kinetic = ONE_OF(1, 1, 0.7, 3),
                                   .kinetic_error = ONE_OF(0, 0.003, 0.01),
                                   .kinetic_gradient_error = ONE_OF(0, 0.004, 0.01),
                                   .trap = ONE_OF(1, 1.3),
                                   .virial_ratio_error = ONE_OF(0, 0.001, 0.01),
                                   .acceptance = good_or(0.5, one_in(2)   ? around(0.15)
                                                              : one_in(2) ? around(0.02)
                                                                          : around(0.97)),
                                   .swap_acceptance = good_or(NAN, around(0.05)),
                                   .iterations = ONE_OF(20, 60, 61, 1000),
                                   .training_gain = good_or(1e-6,
                                                            ONE_OF(NAN, 0.0029, 0.003, 0.0031, 0.03, 0.0301, 0.1)),
                                   .training_gain_error = ONE_OF(0, 1e-6, 0.006, 0.02),
                                   .training_end = ends[below(sizeof ends / sizeof *ends)],
                                   .plateau = one_in(2),
                                   .no_bound = one_in(8) };
    const double kinetic_error = sqrt(result->kinetic_error * result->kinetic_error +
                                      result->kinetic_gradient_error * result->kinetic_gradient_error);
    result->n_bad = good_or(0, ONE_OF(1, 32, 33));
    result->divergences = good_or(0, ONE_OF(1, 32, 33));
    result->steps_back = good_or(0, ONE_OF(3, 4, 49, 50, 51));
    result->kinetic_gradient = result->kinetic -
                               good_or(0, ONE_OF(-1, 1) * (one_in(2) ? around(5) : around(8)) * kinetic_error);
    result->virial_ratio = good_or(1, one_in(3) ? ONE_OF(0.3, 0.6, 0.7, 1.5, 1.9, 2, 4)
                                                : 1 + ONE_OF(-1, 1) * around(0.02 + 5 * result->virial_ratio_error));
    result->r_hat = good_or(1.001, one_in(2) ? around(1.02) : ONE_OF(1.03, 1.05, 1.08, 1.3));
}

static void make(struct run_evidence *evidence, struct run_result *result, double *energy)
{
    *evidence = (struct run_evidence){ .result = result,
                                       .has_step = !one_in(4),
                                       .has_nodes = one_in(4),
                                       .has_core = one_in(4),
                                       .scalable = one_in(2),
                                       .trained = !one_in(4) };
    make_series(evidence, energy);
    make_figures(result);
    const double error = result->energy_error;
    evidence->draws_per_chain = one_in(2) ? (double)evidence->draws : around(20 * result->autocorrelation_time);
    evidence->exact = good_or(2.9, one_in(2) ? 3 + around(4) * error
                                             : ONE_OF(NAN, 3 / 1.1, 2.7, 2.8, -3, 3 + 1e-7, 3 + 2e-9, 3 + 4e-9));
    evidence->closed_form = good_or(NAN, 3 + ONE_OF(-1, 1) * (one_in(2) ? around(5) * error : around(3e-9)));
}

static void say(size_t run, const struct run_judgement *judgement, FILE *out)
{
    char *words = NULL;
    size_t length;
    FILE *to = open_memstream(&words, &length);
    fprintf(out, "%zu %s:", run, run_verdict_name(judgement->verdict));
    for (size_t k = 0; k < judgement->n; k++) {
        const struct run_finding *finding = &judgement->finding[k];
        fprintf(out, " %s%s,", finding->name, finding->verdict == VERDICT_BAD ? " (bad)" : "");
        fprintf(to, "%d %s %s %s\n", (int)finding->verdict, finding->name, finding->what, finding->remedy);
    }
    fclose(to);
    fprintf(out, " %016" PRIx64 "\n", recorded_number(words));
    free(words);
}

int main(int argc, char **argv)
{
    static double energy[CHAINS_MOST * DRAWS_MOST];
    char *now = NULL;
    size_t length = 0;
    if (argc < 2)
        return 2;
    FILE *out = open_memstream(&now, &length);
    for (size_t run = 0; run < RUNS; run++) {
        struct run_evidence evidence;
        struct run_result result;
        struct run_judgement judgement;
        state = run;
        for (int k = 0; k < 4; k++)
            below(1);
        make(&evidence, &result, energy);
        run_judge(&evidence, &judgement);
        say(run, &judgement, out);
    }
    fclose(out);
    const int status = recorded_judge(argv[1], argc > 2 && strcmp(argv[2], "--write") == 0, now);
    free(now);
    return status;
}
