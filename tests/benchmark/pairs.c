// SPDX-License-Identifier: GPL-3.0-or-later
// Time per sweep of one walker where pairs are correlated, as JSON on stdout: determinants, Pade-Jastrow factors, hard
// cores. A sweep is P moves of one particle (metropolis) or one of all (langevin), with the local energy and all
// parameter derivatives every sweep or every THIN-th. Metropolis proposes uniform displacements, as the naive program
// does.
//
//     time_pairs [--seconds S] [--check] [--profile CASE METHOD THIN]
#include "benchmark.h"
#include "naive_pairs.h"

#include "vmc/level.h"
#include "vmc/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THIN = 10, ROUNDS = 4, WALKERS_TIMED = 64 };
static double seconds = 0.2;  // of CPU time per figure

// BACKFLOW: the determinants before with backflow, two scales for 20, compared with them and not with a naive program.
enum kind { DETERMINANTS, BACKFLOW, JASTROW, CORES };
// asked: ns with AVX-512 at an FMA peak of 125 GFlop/s: metropolis, the same every THIN-th, langevin; 0: a share of the
// limit is asked
static const struct pairs_case {
    const char *name;
    enum kind kind;
    size_t particles, dimensions;
    double alpha, beta, core, asked[3];
} cases[] = {
    { "slater, pade-jastrow", DETERMINANTS, 6, 2, 0.92294, 0.55872, 0, { 40, 29, 34 } },
    { "slater, pade-jastrow", DETERMINANTS, 12, 2, 0.87578, 0.65989, 0, { 140, 110, 115 } },
    { "slater, pade-jastrow", DETERMINANTS, 20, 2, 0.83970, 0.73336, 0, { 420, 335, 315 } },
    { "slater, pade-jastrow", BACKFLOW, 6, 2, 0.92294, 0.55872, 0, { 0 } },
    { "slater, pade-jastrow", BACKFLOW, 12, 2, 0.87578, 0.65989, 0, { 0 } },
    { "slater, pade-jastrow", BACKFLOW, 20, 2, 0.83970, 0.73336, 0, { 0 } },
    { "gaussian, pade-jastrow", JASTROW, 10, 3, 0.9, 0.5, 0, { 0 } },
    { "gaussian, pade-jastrow", JASTROW, 50, 3, 0.9, 0.5, 0, { 0 } },
    { "gaussian, pade-jastrow", JASTROW, 100, 3, 0.9, 0.5, 0, { 0 } },
    { "gaussian, hard-core", CORES, 10, 3, 1, 0, 0.0043, { 0 } },
    { "gaussian, hard-core", CORES, 50, 3, 1, 0, 0.0043, { 0 } },
    { "gaussian, hard-core", CORES, 100, 3, 1, 0, 0.0043, { 0 } },
};
enum { CASES = sizeof cases / sizeof *cases };

// ns per operation of one lane at 137 GFlop/s, as in measure.c: multiply-add, root or quotient, exp, normal and uniform
// number; element-wise work per coordinate
static const double peak_measured = 137, multiply_add = 0.0146, quotient = 0.175, exponential = 0.17, normal = 0.55,
                    uniform = 0.115, coordinate = 0.23, coordinate_measured = 0.13;

// A pair's distance and f: its square, a root, and for Jastrow 1 + beta r and a running fraction, for cores a factor.
static double limit_value(const struct pairs_case *one)
{
    const double operations = 2 * (double)one->dimensions + (one->kind == CORES ? 2 : 4);
    return multiply_add * operations + quotient;
}
// The same with f' and f'', pushes on both particles, O and the force: a quotient and some 12 operations more.
static double limit_terms(const struct pairs_case *one)
{
    return multiply_add * (2 * (double)one->dimensions + 14) + 2 * quotient;
}

static double limit(const struct pairs_case *one, bool langevin, size_t thin, double peak)
{
    const double p = (double)one->particles, d = (double)one->dimensions, pairs = p * (p - 1) / 2,
                 n = one->kind == DETERMINANTS ? p / 2 : 0;
    const double terms = pairs * limit_terms(one) + multiply_add * 2 * d * n * n + coordinate_measured * p * d;
    double sweep, measured = terms;
    if (langevin) {  // orbitals, two inversions and their residuals; the drift needs the terms of every sweep
        sweep = multiply_add * (p * n + 2 * n * n * n + 4 * n * n) + 2 * n * quotient + (normal + coordinate) * p * d +
                uniform + exponential + terms;
        measured = 0;
    } else {
        sweep = p * ((d + 1) * uniform + exponential + (n > 0 ? quotient : 0) + (p - 1) * limit_value(one) +
                     multiply_add * (2 * n + 2 * n * n));
    }
    return (sweep + measured / (double)thin) * peak_measured / peak;
}

static void build(struct model *model, const struct pairs_case *one, bool langevin, size_t walkers)
{
    char text[900], factor[4][120];
    struct config config;
    struct error error = { 0 };
    struct rng rng;
    snprintf(factor[DETERMINANTS], sizeof factor[0], "[slater]\nalpha = %.17g\n[pade-jastrow]\nbeta = %.17g\n",
             one->alpha, one->beta);
    snprintf(factor[BACKFLOW], sizeof factor[0],
             "[slater]\nalpha = %.17g\nbackflow = %s\n[pade-jastrow]\nbeta = %.17g\n", one->alpha,
             one->particles < 20 ? "exponential" : "two-scales", one->beta);
    snprintf(factor[JASTROW], sizeof factor[0], "[gaussian]\nalpha = %.17g\n[pade-jastrow]\nbeta = %.17g\n", one->alpha,
             one->beta);
    snprintf(factor[CORES], sizeof factor[0], "[gaussian]\nalpha = %.17g\n[interaction]\ndiameter = %.17g\n",
             one->alpha, one->core);
    snprintf(text, sizeof text,
             "[system]\nparticles = %zu\ndimensions = %zu\nstatistics = %s\ninteraction = %s\n[wavefunction]\n"
             "factors = %s\n%s[sampler]\nmethod = %s\nmove = %s\nwalkers = %zu\n[measure]\ncontrols = none\n",
             one->particles, one->dimensions, one->kind <= BACKFLOW ? "fermions" : "bosons",
             one->kind == CORES ? "hard-sphere" : "coulomb", one->name, factor[one->kind],
             langevin ? "langevin" : "metropolis", langevin ? "all" : "particle\nproposal = uniform", walkers);
    if (!config_parse(&config, "benchmark", text, strlen(text), &error) ||
        !settings_build(&model->settings, &config, &error, NULL) ||
        !ensemble_build(&model->ensemble, &model->settings, 1, &error)) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
    config_finish(&config);
    model->theta = calloc(model->ensemble.wavefunction.n_parameters + 1, sizeof *model->theta);
    rng_start(&rng, 1, 0);
    wavefunction_start(&model->ensemble.wavefunction, rng_uniform, &rng, model->theta);
    ensemble_start(&model->ensemble, 1);
    if (!ensemble_take(&model->ensemble, model->theta))
        abort();
    ensemble_burn_in(&model->ensemble, langevin ? 300 : 100, true);
}

static void naive_of(const struct pairs_case *one, struct naive_pairs *naive)
{
    *naive = (struct naive_pairs){ .particles = one->particles,
                                   .dimensions = one->dimensions,
                                   .orbitals = one->kind == DETERMINANTS ? one->particles / 2 : 0,
                                   .alpha = one->alpha,
                                   .beta = one->beta,
                                   .core = one->core };
}

static double time_naive(const struct pairs_case *one, bool langevin, bool anew, const struct model *model, size_t thin)
{
    static struct naive_pairs naive;
    const size_t m = one->particles * one->dimensions, n = THIN * (1 + 3000 / (one->particles * one->particles));
    double x[NAIVE_COORDINATES_MOST], least = INFINITY;
    for (size_t i = 0; i < m; i++)
        x[i] = model->ensemble.block[0].current[i * WALKERS];
    naive_of(one, &naive);
    naive.anew = anew;
    naive_pairs_start(&naive, x, model->ensemble.step);
    for (double spent = 0; spent < seconds / ROUNDS;) {
        const double start = benchmark_thread_time();
        naive_pairs_run(&naive, langevin, n, thin);
        const double time = benchmark_thread_time() - start;
        least = fmin(least, time);
        spent += time;
    }
    return 1e9 * least / (double)n;
}

static void run_case(const struct pairs_case *one, bool langevin, double peak, bool comma)
{
    static const size_t thins[2] = { 1, THIN };
    struct model model;
    const bool electrons = one->kind == DETERMINANTS && !langevin;
    double draw[2] = { INFINITY, INFINITY }, naive[2] = { INFINITY, INFINITY }, anew[2] = { INFINITY, INFINITY };
    build(&model, one, langevin, WALKERS_TIMED);
    for (size_t round = 0; round < ROUNDS; round++)
        for (size_t k = 0; k < 2; k++) {
            const double now = benchmark_pass(&model, thins[k], PASS_GRADIENT, benchmark_thread_time,
                                              seconds / ROUNDS) /
                               (double)thins[k];
            draw[k] = fmin(draw[k], now);
            naive[k] = fmin(naive[k], time_naive(one, langevin, false, &model, thins[k]));
            if (electrons)
                anew[k] = fmin(anew[k], time_naive(one, langevin, true, &model, thins[k]));
        }
    for (size_t k = 0; k < 2; k++) {
        const double least = limit(one, langevin, thins[k], peak), asked = langevin && k == 1 ? 0
                                                                           : langevin         ? one->asked[2]
                                                                                              : one->asked[k];
        printf("  %s{\"factors\": \"%s\", \"particles\": %zu, \"dimensions\": %zu, \"method\": \"%s\", "
               "\"energies_every\": %zu, \"ns\": %.4g, \"limit_ns\": %.4g, \"limit_share\": %.3f, \"naive_ns\": %.4g, "
               "\"gain\": %.3g, \"target_ns\": %.4g",
               comma || k ? ", " : "", one->name, one->particles, one->dimensions, langevin ? "langevin" : "metropolis",
               thins[k], draw[k], least, least / draw[k], naive[k], naive[k] / draw[k], asked * 125 / peak);
        if (electrons)
            printf(", \"anew_ns\": %.4g, \"gain_anew\": %.3g", anew[k], anew[k] / draw[k]);
        printf("}\n");
        fflush(stdout);
    }
    model_finish(&model);
}

// All-particle steps with backflow, beside the same without.
static void run_backflow(const struct pairs_case *one, bool comma)
{
    struct pairs_case plain = *one;
    struct model model[2];
    double least[2] = { INFINITY, INFINITY };
    plain.kind = DETERMINANTS;
    build(&model[0], &plain, true, WALKERS_TIMED);
    build(&model[1], one, true, WALKERS_TIMED);
    for (size_t round = 0; round < ROUNDS; round++)
        for (size_t k = 0; k < 2; k++)
            least[k] = fmin(least[k],
                            benchmark_pass(&model[k], 1, PASS_GRADIENT, benchmark_thread_time, seconds / ROUNDS));
    printf("  %s{\"particles\": %zu, \"backflow\": \"%s\", \"ns\": %.4g, \"plain_ns\": %.4g, \"ratio\": %.3g}\n",
           comma ? ", " : "", one->particles, one->particles < 20 ? "exponential" : "two-scales", least[1], least[0],
           least[1] / least[0]);
    fflush(stdout);
    model_finish(&model[0]);
    model_finish(&model[1]);
}

struct check {
    struct naive_pairs naive;
    double worst;
};

static void check_draw(const struct ensemble_draw *draw, void *context)
{
    struct check *check = context;
    for (size_t w = 0; w < WALKERS; w++) {
        for (size_t i = 0; i < check->naive.particles * check->naive.dimensions; i++)
            check->naive.x[i] = draw->x[i * WALKERS + w];
        const double energy = naive_pairs_accumulate(&check->naive, true),
                     found = draw->energy[ENERGY_LOCAL * WALKERS + w];
        check->worst = fmax(check->worst, fabs(found - energy) / (1 + fabs(energy)));
    }
}

// The naive program's energies and gradient at the walkers' places, against the kernels'.
static bool check_case(const struct pairs_case *one, bool langevin)
{
    static struct check check;
    struct model model;
    struct ensemble_sums sums;
    double gradient[8], off = 0, largest = 0;
    check.worst = 0;
    naive_of(one, &check.naive);
    build(&model, one, langevin, WALKERS);
    ensemble_pass(&model.ensemble, 1, PASS_GRADIENT, check_draw, &check, &sums);
    ensemble_gradient(&model.ensemble, sums.samples, gradient);
    // the program has parallel before antiparallel spins
    const size_t order[3] = { 0, one->kind == DETERMINANTS ? 2 : 1, 1 };
    for (size_t k = 0; k < model.ensemble.wavefunction.n_parameters; k++) {
        const double mean = check.naive.energy / WALKERS,
                     truth = (check.naive.eo[order[k]] - mean * check.naive.o[order[k]]) * 2 / (WALKERS - 1.0);
        off = fmax(off, fabs(truth - gradient[k]));
        largest = fmax(largest, fabs(truth));
    }
    const bool good = check.worst < 1e-9 && off < 1e-9 * (double)one->particles * (1 + largest);
    printf("%s, %zu, %s: energies differ by %.1e, gradients by %.1e of %.1e: %s\n", one->name, one->particles,
           langevin ? "langevin" : "metropolis", check.worst, off, largest, good ? "good" : "BAD");
    model_finish(&model);
    return good;
}

// With the same random numbers the naive program that computes all anew takes the same walk as the one that updates.
static bool check_anew(const struct pairs_case *one)
{
    enum { SWEEPS = 5 };
    static struct naive_pairs naive[2];
    struct model model;
    double x[NAIVE_COORDINATES_MOST];
    build(&model, one, false, WALKERS);
    for (size_t i = 0; i < one->particles * one->dimensions; i++)
        x[i] = model.ensemble.block[0].current[i * WALKERS];
    for (size_t k = 0; k < 2; k++) {
        naive_of(one, &naive[k]);
        naive[k].anew = k > 0;
        naive_pairs_start(&naive[k], x, model.ensemble.step);
        naive_pairs_run(&naive[k], false, SWEEPS, 1);
    }
    const double off = fabs(naive[1].energy - naive[0].energy) / SWEEPS;
    const bool good = off < 1e-9 * fabs(naive[0].energy) && naive[0].x[0] != x[0];
    printf("%s, %zu, all anew: energies of %d sweeps differ by %.1e: %s\n", one->name, one->particles, SWEEPS, off,
           good ? "good" : "BAD");
    model_finish(&model);
    return good;
}

// One case for a profiler: nothing but its passes, ns per sweep at the end.
static int run_profile(const char *number, const char *method, const char *thin)
{
    const size_t c = strtoul(number, NULL, 10), n = strtoul(thin, NULL, 10);
    struct model model;
    if (c >= CASES || n == 0)
        return 2;
    build(&model, &cases[c], strcmp(method, "langevin") == 0, WALKERS_TIMED);
    printf("%.4g ns\n", benchmark_pass(&model, n, PASS_GRADIENT, benchmark_thread_time, seconds) / (double)n);
    model_finish(&model);
    return 0;
}

int main(int argc, char **argv)
{
    bool good = true;
    for (int k = 1; k < argc; k++) {
        if (strcmp(argv[k], "--check") == 0) {
            for (size_t c = 0; c < CASES; c++)
                if (cases[c].particles <= 20 && cases[c].kind != BACKFLOW)
                    good = check_case(&cases[c], c % 2 == 0) && good;
            for (size_t c = 0; c < CASES; c++)
                if (cases[c].kind == DETERMINANTS)
                    good = check_anew(&cases[c]) && good;
            return good ? 0 : 1;
        }
        if (strcmp(argv[k], "--seconds") == 0 && k + 1 < argc)
            seconds = strtod(argv[++k], NULL);
        if (strcmp(argv[k], "--profile") == 0 && k + 3 < argc)
            return run_profile(argv[k + 1], argv[k + 2], argv[k + 3]);
    }
    const double peak = benchmark_peak();
    printf("{\"level\": \"%s\", \"fma_peak_gflops\": %.4g, \"sweeps\": [\n", level_name(), peak);
    for (size_t c = 0; c < CASES; c++)
        for (int langevin = 0; langevin < 2 && cases[c].kind != BACKFLOW; langevin++)
            run_case(&cases[c], langevin, peak, c > 0 || langevin);
    printf("], \"backflow\": [\n");
    for (size_t c = 0, n = 0; c < CASES; c++)
        if (cases[c].kind == BACKFLOW)
            run_backflow(&cases[c], n++ > 0);
    printf("], \"fma_peak_after_gflops\": %.4g}\n", benchmark_peak());
    return 0;
}
