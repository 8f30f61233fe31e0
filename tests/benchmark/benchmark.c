// SPDX-License-Identifier: GPL-3.0-or-later
// Time per step of one walker, as JSON on stdout. A step is a proposal, its acceptance and, every thin-th time, the
// local energy and the sum of (E - mean) O over all parameters. Langevin and Gibbs move all coordinates; Metropolis
// moves one particle, and its time comes from sweeps of P moves with two values of thin, since the program measures
// after whole sweeps.
//
//     time_steps [--seconds S] [--cases abcde] [--growth | --scale | --check | --profile CASE METHOD [WHAT]]
#include "benchmark.h"

#include "vmc/level.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double seconds = 0.2;  // of CPU time per figure

static double moves(const struct model *model, enum naive_method method)
{
    return method == NAIVE_METROPOLIS ? (double)model->ensemble.wavefunction.system.particles : 1;
}

enum { THIN = 10, ROUNDS = 4, WALKERS_TIMED = 256 };

// What one draw takes, with a sweep per draw and with THIN of them, on one and on two threads; and the naive program's
// step.
struct times {
    double one[2], two[2], naive[2], wall[2];  // wall: with a sweep per draw, of one thread and of two
};

static void least(double *kept, double found) { *kept = fmin(*kept, found); }

// Rounds over all figures, so that an interruption does not spoil one of them.
static void take_times(const struct benchmark_set *set, enum naive_method method, struct model *one, struct model *two,
                       struct times *out)
{
    static const size_t thins[2] = { 1, THIN };
    for (size_t k = 0; k < 2; k++)
        out->one[k] = out->two[k] = out->naive[k] = out->wall[k] = INFINITY;
    for (size_t round = 0; round < ROUNDS; round++)
        for (size_t k = 0; k < 2; k++) {
            least(&out->wall[k],
                  benchmark_pass(k == 0 ? one : two, 1, PASS_GRADIENT, benchmark_wall_time, seconds / ROUNDS));
            least(&out->one[k], benchmark_pass(one, thins[k], PASS_GRADIENT, benchmark_thread_time, seconds / ROUNDS));
            least(&out->two[k], benchmark_pass(two, thins[k], PASS_GRADIENT, benchmark_process_time, seconds / ROUNDS));
            least(&out->naive[k], benchmark_naive(set, method, one->ensemble.step, thins[k], seconds / ROUNDS));
        }
}

// ns per step with energies every step and every THIN-th: a draw costs thin moves step + measured.
static void per_step(double n, const double draw[2], double out[2])
{
    const double step = (draw[1] - draw[0]) / ((THIN - 1) * n), measured = draw[0] - n * step;
    out[0] = step + measured;
    out[1] = step + measured / THIN;
}

static void run_method(const struct benchmark_set *set, enum naive_method method, double peak, bool comma)
{
    static const size_t thins[2] = { 1, THIN };
    struct model one, two;
    struct times times;
    double single[2], twice[2];
    benchmark_model(&one, set, method, WALKERS_TIMED, 1, "none");
    benchmark_model(&two, set, method, WALKERS_TIMED, 2, "none");
    take_times(set, method, &one, &two, &times);
    per_step(moves(&one, method), times.one, single);
    per_step(moves(&two, method), times.two, twice);
    for (size_t k = 0; k < 2; k++) {
        const double limit = benchmark_limit(&set->size, method, thins[k], peak), naive = times.naive[k];
        const bool asked = method == NAIVE_LANGEVIN && k == 0;
        printf("  %s{\"case\": \"%s\", \"particles\": %zu, \"dimensions\": %zu, \"hidden\": %zu, \"method\": \"%s\", "
               "\"energies_every\": %zu, "
               "\"ns\": %.4g, \"limit_ns\": %.4g, \"limit_share\": %.3f, \"naive_ns\": %.4g, \"gain\": %.3g, "
               "\"two_threads_ns\": %.4g, "
               "\"speed_up\": %.3g, \"target_ns\": %.4g, \"target_share\": %.3g}\n",
               comma || k ? ", " : "", set->size.name, set->size.particles, set->size.dimensions, set->size.hidden,
               benchmark_methods[method], thins[k], single[k], limit, limit / single[k], naive, naive / single[k],
               twice[k], times.wall[0] / times.wall[1],
               asked ? set->size.target * (level_pack_width() == 8 ? 1 : 3) : 0, asked ? set->size.least_ratio : 0);
        fflush(stdout);
    }
    model_finish(&two);
    model_finish(&one);
}

// ns per Langevin draw: plain, with controls for the energy, with controls for energy and gradient; the last also
// gathers for their fit
static void run_controls(const struct benchmark_case *size, bool comma)
{
    struct benchmark_set set;
    struct model none, all;
    double plain = INFINITY, energies = INFINITY, controlled = INFINITY, gradients = INFINITY, fitted = INFINITY;
    benchmark_set_build(&set, size);
    benchmark_model(&none, &set, NAIVE_LANGEVIN, WALKERS_TIMED, 1, "none");
    benchmark_model(&all, &set, NAIVE_LANGEVIN, WALKERS_TIMED, 1, "auto");
    for (size_t round = 0; round < ROUNDS; round++) {
        least(&plain, benchmark_pass(&none, 1, PASS_GRADIENT, benchmark_thread_time, seconds / ROUNDS));
        least(&energies, benchmark_pass(&none, 1, 0, benchmark_thread_time, seconds / ROUNDS));
        least(&controlled, benchmark_pass(&all, 1, 0, benchmark_thread_time, seconds / ROUNDS));
        least(&gradients, benchmark_pass(&all, 1, PASS_GRADIENT, benchmark_thread_time, seconds / ROUNDS));
        least(&fitted, benchmark_pass(&all, 1, PASS_GRADIENT | PASS_CONTROLS, benchmark_thread_time, seconds / ROUNDS));
    }
    printf("  %s{\"case\": \"%s\", \"step_ns\": %.4g, \"step_energy_ns\": %.4g, \"energy_ns\": %.4g, \"gradient_ns\": "
           "%.4g, \"fit_ns\": %.4g, "
           "\"energy_cost\": %.3f, \"gradient_cost\": %.3f, \"fit_cost\": %.3f}\n",
           comma ? ", " : "", size->name, plain, energies, controlled, gradients, fitted,
           (controlled - energies) / plain, gradients / plain - 1, (fitted - gradients) / plain);
    fflush(stdout);
    model_finish(&all);
    model_finish(&none);
    benchmark_set_finish(&set);
}

static int run_cases(const char *names)
{
    const double peak = benchmark_peak();
    bool comma = false;
    printf("{\"level\": \"%s\", \"pack_width\": %zu, \"fma_peak_gflops\": %.4g,\n\"steps\": [\n", level_name(),
           level_pack_width(), peak);
    for (const struct benchmark_case *size = benchmark_cases; size->name; size++) {
        struct benchmark_set set;
        if (!strstr(names, size->name))
            continue;
        benchmark_set_build(&set, size);
        for (enum naive_method method = NAIVE_METROPOLIS; method <= NAIVE_GIBBS; method++) {
            run_method(&set, method, peak, comma);
            comma = true;
        }
        benchmark_set_finish(&set);
    }
    printf("], \"controls\": [\n");
    run_controls(&benchmark_cases[1], false);
    run_controls(&benchmark_cases[2], true);
    run_controls(&benchmark_cases[4], true);
    printf("], \"fma_peak_after_gflops\": %.4g}\n", benchmark_peak());
    return 0;
}

// One Langevin step with E_L and O, in three dimensions.
struct growth {
    size_t particles, hidden, bytes_per_walker;
    double ns;
};

enum { GROWTH_WALKERS = 64 };

static void time_size(struct growth *size)
{
    const struct benchmark_case named = { "growth", size->particles, 3, size->hidden, 0, 0 };
    struct benchmark_set set;
    struct model model;
    benchmark_set_build(&set, &named);
    benchmark_model(&model, &set, NAIVE_LANGEVIN, GROWTH_WALKERS, 1, "none");
    least(&size->ns, benchmark_pass(&model, 1, PASS_GRADIENT, benchmark_thread_time, seconds / ROUNDS));
    size->bytes_per_walker = ensemble_memory(&model.ensemble) / GROWTH_WALKERS;
    model_finish(&model);
    benchmark_set_finish(&set);
}

static int run_growth(void)
{
    static const size_t particles[] = { 2, 3, 4, 6, 8, 10, 12, 16, 20, 26, 32, 40, 50, 64, 80, 100 };
    static const size_t hidden[] = { 2,  3,  4,  6,  8,   10,  12,  14,  16,  20,  26,  32,
                                     40, 50, 64, 80, 100, 128, 160, 200, 256, 320, 400, 500 };
    enum { PARTICLES = sizeof particles / sizeof *particles, HIDDEN = sizeof hidden / sizeof *hidden };
    struct growth sizes[PARTICLES + 2 * HIDDEN];
    size_t n = 0;
    for (size_t k = 0; k < PARTICLES; k++)
        sizes[n++] = (struct growth){ .particles = particles[k], .hidden = 50, .ns = INFINITY };
    for (size_t k = 0; k < HIDDEN; k++)
        sizes[n++] = (struct growth){ .particles = 20, .hidden = hidden[k], .ns = INFINITY };
    for (size_t k = 1; k < HIDDEN; k += 2)
        sizes[n++] = (struct growth){ .particles = 100, .hidden = hidden[k], .ns = INFINITY };
    for (size_t round = 0; round < ROUNDS; round++)
        for (size_t k = 0; k < n; k++)
            time_size(&sizes[k]);
    printf("{\"level\": \"%s\", \"fma_peak_gflops\": %.4g, \"sizes\": [\n", level_name(), benchmark_peak());
    for (size_t k = 0; k < n; k++)
        printf("  %s{\"particles\": %zu, \"hidden\": %zu, \"ns\": %.5g, \"bytes_per_walker\": %zu}\n", k ? ", " : "",
               sizes[k].particles, sizes[k].hidden, sizes[k].ns, sizes[k].bytes_per_walker);
    printf("]}\n");
    return 0;
}

// Few walkers and many, one draw per pass as in training: case c.
static int run_scale(void)
{
    static const size_t walkers[] = { 32, 64, 128, 1024, 10016, 100000 };
    printf("{\"level\": \"%s\", \"fma_peak_gflops\": %.4g, \"walkers\": [\n", level_name(), benchmark_peak());
    for (size_t k = 0; k < sizeof walkers / sizeof *walkers; k++) {
        struct benchmark_set set;
        struct model model;
        benchmark_set_build(&set, &benchmark_cases[2]);
        benchmark_model(&model, &set, NAIVE_LANGEVIN, walkers[k], 1, "none");
        model.ensemble.thin = 1;
        double least = INFINITY;
        for (double spent = 0; spent < seconds;) {
            struct ensemble_sums sums;
            const double start = benchmark_thread_time();
            ensemble_pass(&model.ensemble, 1, PASS_GRADIENT, NULL, NULL, &sums);
            const double time = benchmark_thread_time() - start;
            least = fmin(least, time);
            spent += time;
        }
        printf("  %s{\"walkers\": %zu, \"one_draw_ns\": %.4g, \"many_draws_ns\": %.4g, \"bytes_per_walker\": %zu}\n",
               k ? ", " : "", walkers[k], 1e9 * least / (double)walkers[k],
               benchmark_pass(&model, 1, PASS_GRADIENT, benchmark_thread_time, seconds),
               ensemble_memory(&model.ensemble) / walkers[k]);
        fflush(stdout);
        model_finish(&model);
        benchmark_set_finish(&set);
    }
    printf("]}\n");
    return 0;
}

struct check {
    struct naive *naive;
    size_t m;
    double worst;
};

// the naive program's energy at the place of every walker, against the kernels'
static void check_draw(const struct ensemble_draw *draw, void *context)
{
    struct check *check = context;
    for (size_t w = 0; w < WALKERS; w++) {
        double *x = check->naive->x;
        for (size_t i = 0; i < check->m; i++)
            x[i] = draw->x[i * WALKERS + w];
        const double energy = naive_accumulate(check->naive), found = draw->energy[ENERGY_LOCAL * WALKERS + w];
        check->worst = fmax(check->worst, fabs(found - energy) / (1 + fabs(energy)));
    }
}

// Sums of a pass over one block and one draw: 2 / W sum (E - mean) O W / (W - 1) by both.
static bool check_case(const struct benchmark_case *size)
{
    struct benchmark_set set;
    struct model model;
    struct ensemble_sums sums;
    benchmark_set_build(&set, size);
    benchmark_model(&model, &set, NAIVE_LANGEVIN, WALKERS, 1, "none");
    const struct oracle_rbm *rbm = &set.rbm;
    struct check check = { naive_create(rbm->particles, rbm->dimensions, rbm->hidden, rbm->a, rbm->b, rbm->w),
                           oracle_coordinates(rbm), 0 };
    const size_t n = oracle_parameters(rbm);
    double *gradient = calloc(n, sizeof *gradient), off = 0, largest = 0;
    if (!gradient)
        abort();
    ensemble_pass(&model.ensemble, 1, PASS_GRADIENT, check_draw, &check, &sums);
    ensemble_gradient(&model.ensemble, sums.samples, gradient);
    for (size_t k = 0; k < n; k++) {
        const double mean = check.naive->energy / WALKERS,
                     covariance = (check.naive->eo[k] - mean * check.naive->o[k]) * 2 / (WALKERS - 1.0);
        off = fmax(off, fabs(covariance - gradient[k]));
        largest = fmax(largest, fabs(covariance));
    }
    const bool good = check.worst < 1e-12 && off < 1e-12 * (double)(size->particles * size->particles) * (1 + largest);
    printf("case %s: energies differ by %.1e, gradients by %.1e of %.1e: %s\n", size->name, check.worst, off, largest,
           good ? "good" : "BAD");
    free(gradient);
    naive_destroy(check.naive);
    model_finish(&model);
    benchmark_set_finish(&set);
    return good;
}

static int run_check(void)
{
    bool good = true;
    for (const struct benchmark_case *size = benchmark_cases; size->name; size++)
        good = check_case(size) && good;
    return good ? 0 : 1;
}

// One case for a profiler: nothing but its passes. what: "plain", or with controls "energy", "gradient" or "fit".
static int run_profile(const char *name, const char *method, const char *what)
{
    const bool controls = strcmp(what, "plain") != 0;
    const unsigned sums = (strcmp(what, "energy") != 0 ? PASS_GRADIENT : 0) |
                          (strcmp(what, "fit") == 0 ? PASS_CONTROLS : 0);
    for (const struct benchmark_case *size = benchmark_cases; size->name; size++)
        for (enum naive_method k = NAIVE_METROPOLIS; k <= NAIVE_GIBBS; k++)
            if (strcmp(size->name, name) == 0 && strcmp(benchmark_methods[k], method) == 0) {
                struct benchmark_set set;
                struct model model;
                benchmark_set_build(&set, size);
                benchmark_model(&model, &set, k, WALKERS_TIMED, 1, controls ? "auto" : "none");
                printf("%.4g ns\n", benchmark_pass(&model, 1, sums, benchmark_thread_time, seconds));
                model_finish(&model);
                benchmark_set_finish(&set);
            }
    return 0;
}

int main(int argc, char **argv)
{
    const char *cases = "abcde";
    for (int k = 1; k < argc; k++) {
        if (strcmp(argv[k], "--check") == 0)
            return run_check();
        if (strcmp(argv[k], "--growth") == 0)
            return run_growth();
        if (strcmp(argv[k], "--scale") == 0)
            return run_scale();
        if (strcmp(argv[k], "--seconds") == 0 && k + 1 < argc)
            seconds = strtod(argv[++k], NULL);
        else if (strcmp(argv[k], "--cases") == 0 && k + 1 < argc)
            cases = argv[++k];
        else if (strcmp(argv[k], "--profile") == 0 && k + 2 < argc)
            return run_profile(argv[k + 1], argv[k + 2], k + 3 < argc ? argv[k + 3] : "plain");
        else {
            fprintf(stderr,
                    "usage: %s [--seconds S] [--cases abcde] [--growth | --scale | --check | --profile CASE METHOD "
                    "[WHAT]]\n",
                    argv[0]);
            return 2;
        }
    }
    return run_cases(cases);
}
