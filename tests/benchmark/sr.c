// SPDX-License-Identifier: GPL-3.0-or-later
// What one step of stochastic reconfiguration costs: ms of thread CPU time, the least of several. Samples are random
// numbers: the cost does not depend on their values.
#include "support/model.h"

#include "optimizer/sr.h"
#include "run/metric.h"
#include "vmc/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void openblas_set_num_threads(int n);

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return 1e3 * (double)time.tv_sec + 1e-6 * (double)time.tv_nsec;
}

struct bench {
    struct model model;
    struct metric metric;
    const struct optimizer_metric *operators;
    double *force, *scale, *delta, *samples;
};

static void build(struct bench *bench, size_t particles, size_t dimensions, size_t hidden, size_t samples)
{
    static double values[40000];
    static const double sigma[3] = { 1, 1, 1 };
    struct rng rng;
    const size_t m = particles * dimensions;
    rng_start(&rng, 1, 1);
    for (size_t k = 0; k < sizeof values / sizeof *values; k++)
        values[k] = 0.1 * (2 * rng_uniform(&rng) - 1);
    const struct oracle_rbm rbm = { .particles = particles,
                                    .dimensions = dimensions,
                                    .hidden = hidden,
                                    .amplitude = 1,
                                    .envelope = true,
                                    .a = values,
                                    .b = values + m,
                                    .w = values + m + hidden,
                                    .sigma = sigma,
                                    .omega = { 1, 1, 1 } };
    model_build(&bench->model, &rbm, (const char *const[]){ "sampler.walkers=32", NULL }, 1);
    metric_build(&bench->metric, &bench->model.ensemble.wavefunction, samples);
    // x [M], 1, s [N]
    for (size_t k = 0; k < bench->model.ensemble.wavefunction.n_features * samples; k++)
        bench->metric.features[k] = k / samples == m ? 1 : 2 * rng_uniform(&rng) - (k < m * samples ? 1 : 0);
    bench->operators = metric_ready(&bench->metric, samples);
    const size_t n = bench->operators->n_parameters;
    bench->force = calloc(3 * n + samples, sizeof(double));
    bench->scale = bench->force + n;
    bench->delta = bench->scale + n;
    bench->samples = bench->delta + n;
    for (size_t k = 0; k < samples; k++)
        bench->samples[k] = sin((double)k);
    bench->operators->transpose(bench->operators->context, bench->samples, bench->force);
    bench->operators->scale(bench->operators->context, bench->scale);
}

static void finish(struct bench *bench)
{
    free(bench->force);
    metric_finish(&bench->metric);
    model_finish(&bench->model);
}

// apply and transpose: one iteration of conjugate gradients
static void one_iteration(struct bench *bench)
{
    bench->operators->apply(bench->operators->context, bench->force, bench->samples);
    bench->operators->transpose(bench->operators->context, bench->samples, bench->delta);
}

static void step(struct bench *bench, bool (*solver)(const struct sr_problem *))
{
    if (!solver(&(struct sr_problem){ bench->operators, 1e-3, 1e-6, 1000, bench->force, bench->scale, bench->delta }))
        abort();
}

static void minsr(struct bench *bench) { step(bench, sr_minimum_norm); }
static void cholesky(struct bench *bench) { step(bench, sr_cholesky); }

static void measure(const char *what, struct bench *bench, void (*work)(struct bench *), int repeats, double asked)
{
    double best = INFINITY;
    for (int k = 0; k < repeats; k++) {
        const double start = now();
        work(bench);
        best = fmin(best, now() - start);
    }
    printf("%6zu parameters, %6zu samples, %-22s %9.2f ms", bench->operators->n_parameters, bench->operators->n_samples,
           what, best);
    if (asked > 0)
        printf("   asked: %.0f", asked);
    putchar('\n');
}

int main(void)
{
    static const struct {
        size_t particles, dimensions, hidden, samples;
        double cg, minsr;
        bool cholesky;
    } cases[] = {
        { 4, 2, 22, 10000, 0, 0, true },                                         // 206 parameters
        { 20, 2, 48, 10000, 3, 0, false },                                       // 2008
        { 20, 2, 48, 1000, 0, 0, true },    { 20, 3, 164, 1000, 0, 20, false },  // 10064
        { 20, 3, 164, 10000, 0, 0, false },
    };
    openblas_set_num_threads(1);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct bench bench;
        build(&bench, cases[k].particles, cases[k].dimensions, cases[k].hidden, cases[k].samples);
        measure("one iteration of cg", &bench, one_iteration, 20, cases[k].cg);
        if (cases[k].samples <= 1000 && bench.operators->n_parameters > cases[k].samples)
            measure("minsr, whole step", &bench, minsr, 5, cases[k].minsr);
        if (cases[k].cholesky)
            measure("cholesky, whole step", &bench, cholesky, 2, 0);
        finish(&bench);
    }
    return 0;
}
