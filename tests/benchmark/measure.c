// SPDX-License-Identifier: GPL-3.0-or-later
#include "benchmark.h"

#include "vmc/level.h"
#include "vmc/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const struct benchmark_case benchmark_cases[] = {
    { "a", 2, 2, 2, 7, 0.65 },     { "b", 2, 2, 10, 13, 0.65 },     { "c", 6, 2, 12, 30, 0.80 },
    { "d", 20, 2, 40, 195, 0.85 }, { "e", 50, 3, 100, 1400, 0.85 }, { .name = NULL },
};
const char *const benchmark_methods[3] = { "metropolis", "langevin", "gibbs" };

// Parameters of a trained machine's size: theta of order 1 whatever M is.
void benchmark_set_build(struct benchmark_set *set, const struct benchmark_case *size)
{
    static const double sigma[DIMENSIONS_MOST] = { 1, 1, 1 };
    const size_t m = size->particles * size->dimensions, n = size->hidden;
    const double scale = 1 / sqrt((double)m);
    struct rng rng;
    *set = (struct benchmark_set){ .size = *size, .values = malloc((m + n + m * n) * sizeof(double)) };
    if (!set->values)
        abort();
    rng_start(&rng, 2024, m * n);
    for (size_t k = 0; k < m + n + m * n; k++)
        set->values[k] = (k < m ? 0.2 : scale) * (2 * rng_uniform(&rng) - 1);
    set->rbm = (struct oracle_rbm){ .particles = size->particles,
                                    .dimensions = size->dimensions,
                                    .hidden = n,
                                    .amplitude = 1,
                                    .envelope = true,
                                    .a = set->values,
                                    .b = set->values + m,
                                    .w = set->values + m + n,
                                    .sigma = sigma,
                                    .omega = { 1, 1, 1 },
                                    .interaction = ORACLE_COULOMB,
                                    .strength = 1 };
}

void benchmark_set_finish(struct benchmark_set *set)
{
    free(set->values);
    set->values = NULL;
}

void benchmark_model(struct model *model, const struct benchmark_set *set, enum naive_method method, size_t walkers,
                     size_t threads, const char *controls)
{
    char method_key[64], walkers_key[64], controls_key[64];
    snprintf(method_key, sizeof method_key, "sampler.method=%s", benchmark_methods[method]);
    snprintf(walkers_key, sizeof walkers_key, "sampler.walkers=%zu", walkers);
    snprintf(controls_key, sizeof controls_key, "measure.controls=%s", controls);
    // the naive program's proposals are normal
    const char *const proposal = method == NAIVE_METROPOLIS ? "sampler.proposal=normal" : NULL;
    model_build(model, &set->rbm, (const char *const[]){ method_key, walkers_key, controls_key, proposal, NULL },
                threads);
    const size_t sweeps = 200 + 40000 / (set->size.particles * set->size.hidden);
    ensemble_burn_in(&model->ensemble, sweeps < 1000 ? sweeps : 1000, true);
}

static double clock_now(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double benchmark_thread_time(void) { return clock_now(CLOCK_THREAD_CPUTIME_ID); }
double benchmark_process_time(void) { return clock_now(CLOCK_PROCESS_CPUTIME_ID); }
double benchmark_wall_time(void) { return clock_now(CLOCK_MONOTONIC); }

// A pass is long enough for the clock and short enough to fall between two interruptions; the process's clock knows of
// its other threads only from tick to tick.
static const double pass_seconds = 0.003, pass_process_seconds = 0.05;

static double time_pass(struct ensemble *ensemble, size_t draws, unsigned what, double (*clock)(void))
{
    struct ensemble_sums sums;
    const double start = clock();
    ensemble_pass(ensemble, draws, what, NULL, NULL, &sums);
    return clock() - start;
}

double benchmark_pass(struct model *model, size_t thin, unsigned what, double (*clock)(void), double seconds)
{
    struct ensemble *ensemble = &model->ensemble;
    ensemble->thin = thin;
    time_pass(ensemble, 1, what, clock);
    const double one = time_pass(ensemble, 1, what, benchmark_wall_time),
                 length = clock == benchmark_process_time ? pass_process_seconds : pass_seconds;
    const size_t draws = one < length ? 1 + (size_t)(length / (one + 1e-9)) : 1;
    double least = INFINITY;
    for (double spent = 0; spent < seconds;) {
        const double time = time_pass(ensemble, draws, what, clock);
        least = fmin(least, time);
        spent += time;
    }
    return 1e9 * least / (double)(draws * ensemble->n_walkers);
}

double benchmark_naive(const struct benchmark_set *set, enum naive_method method, double step, size_t thin,
                       double seconds)
{
    const struct oracle_rbm *rbm = &set->rbm;
    struct naive *naive = naive_create(rbm->particles, rbm->dimensions, rbm->hidden, rbm->a, rbm->b, rbm->w);
    const size_t m = oracle_coordinates(rbm);
    double x[1024], least = INFINITY;
    for (size_t i = 0; i < m; i++)
        x[i] = sin(1.7 * (double)i + 0.3);
    naive_start(naive, x, step);
    const size_t n = 10 * (1 + 200000 / (m * (rbm->hidden + 10)));
    naive_run(naive, method, n, thin);
    for (double spent = 0; spent < seconds;) {
        const double start = benchmark_thread_time();
        naive_run(naive, method, n, thin);
        const double time = benchmark_thread_time() - start;
        least = fmin(least, time);
        spent += time;
    }
    naive_destroy(naive);
    return 1e9 * least / (double)n;
}

double peak_baseline(size_t rounds, double *flops);
double peak_v3(size_t rounds, double *flops);
double peak_v4(size_t rounds, double *flops);

double benchmark_peak(void)
{
    double (*peak)(size_t, double *) = peak_baseline;
#ifdef HAVE_LEVELS
    if (strcmp(level_name(), "x86-64-v4") == 0)
        peak = peak_v4;
    else if (strcmp(level_name(), "x86-64-v3") == 0)
        peak = peak_v3;
#endif
    double best = 0;
    volatile double sink;
    for (int k = 0; k < 100; k++) {
        double flops;
        const double start = benchmark_thread_time();
        sink = peak(200000, &flops);
        best = fmax(best, flops / (benchmark_thread_time() - start));
    }
    (void)sink;
    return 1e-9 * best;
}

// ns at 137 GFlop/s, where they were measured: multiply-add, hidden unit with and without its sigmoid, normal and
// uniform number, pair in two and three dimensions; then the element-wise operations of a step as such, per coordinate
// (all move, or one particle does), per hidden unit.
static const double peak_measured = 137, multiply_add = 0.0146, hidden_unit = 0.26, hidden_weight = 0.17, normal = 0.55,
                    uniform = 0.115;
static const double pair[DIMENSIONS_MOST + 1] = { 0, 0.165, 0.165, 0.194 };
static const double coordinate = 0.23, coordinate_measured = 0.13, hidden_element = 0.0175, step_element = 0.23;

// sums of O and of E O: two multiply-adds per parameter
static double limit_sums(double m, double n) { return multiply_add * 2 * m * n; }

double benchmark_limit(const struct benchmark_case *size, enum naive_method method, size_t thin, double peak)
{
    const double p = (double)size->particles, d = (double)size->dimensions, m = p * d, n = (double)size->hidden,
                 share = 1 / (double)thin;
    const double pairs = pair[size->dimensions] * p * (p - 1) / 2;
    // theta, s, gradient and Laplacian anew
    const double evaluation = multiply_add * (2 * m * n + n) + hidden_unit * n;
    double step, measured = pairs + limit_sums(m, n);
    if (method == NAIVE_METROPOLIS) {
        step = multiply_add * d * n + hidden_weight * n + normal * d + uniform;
        measured += multiply_add * (m * n + n) + hidden_unit * n + coordinate_measured * m;
    } else if (method == NAIVE_LANGEVIN) {
        step = evaluation + normal * m + uniform + coordinate * m + hidden_element * n + step_element;
    } else {  // one binomial draw per hidden unit instead of the drift; the gradient is needed for the energy only
        step = multiply_add * 2 * m * n + (hidden_unit + uniform + hidden_element) * n + normal * m +
               (coordinate - coordinate_measured) * m;
        measured += multiply_add * (m * n + n) + coordinate_measured * m + step_element;
    }
    return (step + share * measured) * peak_measured / peak;
}
