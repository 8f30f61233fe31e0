// SPDX-License-Identifier: GPL-3.0-or-later
#include "learn/passes.h"

#include "base/memory.h"
#include "vmc/layout.h"
#include "vmc/rng.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

// Groups: enough for many threads, few where moments are many: each group has its own. Values in all of them:
enum { GROUPS_MOST = 64, GROUPS_LEAST = 8, VALUES_MOST = 1 << 22 };
// Below so many multiplications threads cost more than they bring.
static const double WORTH_THREADS = 1e6;

bool passes_build(struct passes *passes, const struct machine *machine, size_t threads, struct error *error)
{
    const size_t n = machine_moments(machine), fit = VALUES_MOST / n;
    *passes = (struct passes){ .machine = machine,
                               .threads = threads,
                               .n_moments = n,
                               .n_groups = fit > GROUPS_MOST    ? GROUPS_MOST
                                           : fit < GROUPS_LEAST ? GROUPS_LEAST
                                                                : fit };
    const size_t rows = machine_scratch_rows(machine) + machine->shape.visible + 1 +
                        machine_states_scratch(machine) / WALKERS + 1;
    passes->moments = memory_doubles(passes->n_groups * n);
    passes->sums = memory_doubles(2 * passes->n_groups);
    passes->scratch = calloc(threads, sizeof *passes->scratch);
    bool good = passes->moments && passes->sums && passes->scratch;
    for (size_t t = 0; good && t < threads; t++)
        good = (passes->scratch[t] = memory_rows(rows));
    return good ||
           error_add(error, ERROR_INTERNAL, "no memory to learn a machine of %zu parameters", machine->n_parameters);
}

void passes_finish(struct passes *passes)
{
    for (size_t t = 0; passes->scratch && t < passes->threads; t++)
        memory_free(passes->scratch[t]);
    free(passes->scratch);
    memory_free(passes->moments);
    memory_free(passes->sums);
    *passes = (struct passes){ .threads = 0 };
}

// ---- groups

static size_t n_groups(const struct passes *passes, size_t n) { return n < passes->n_groups ? n : passes->n_groups; }

static size_t threads_for(const struct passes *passes, size_t groups, double multiplications)
{
    return multiplications < WORTH_THREADS ? 1 : passes->threads < groups ? passes->threads : groups;
}

static double *group_moments(struct passes *passes, size_t g) { return passes->moments + g * passes->n_moments; }

static void merge(struct passes *passes, size_t groups, double *moments)
{
    if (!moments)
        return;
    memset(moments, 0, passes->n_moments * sizeof *moments);
    for (size_t g = 0; g < groups; g++)
        for (size_t k = 0; k < passes->n_moments; k++)
            moments[k] += group_moments(passes, g)[k];
}

static double weights_of(const struct passes *passes)
{
    return (double)(passes->machine->shape.visible * passes->machine->stride + 8);
}

// ---- samples

// Sample-major to rows; states beyond n are 0.
static void gather(const struct passes *passes, const double *samples, const size_t *index, size_t first, size_t n,
                   double *rows)
{
    const size_t m = passes->machine->shape.visible;
    if (n < WALKERS)
        memset(rows, 0, m * WALKERS * sizeof *rows);
    for (size_t w = 0; w < n; w++) {
        const double *sample = samples + (index ? index[first + w] : first + w) * m;
        for (size_t i = 0; i < m; i++)
            rows[i * WALKERS + w] = sample[i];
    }
}

static void add_block(struct passes *passes, const double *samples, const size_t *index, size_t first, size_t n,
                      double *moments, double sums[2])
{
    const struct machine *machine = passes->machine;
    double *x = passes->scratch[omp_get_thread_num()], *out = x + machine->shape.visible * WALKERS,
           *scratch = out + WALKERS;
    gather(passes, samples, index, first, n, x);
    if (moments)
        machine_add(machine, n, x, moments, out, scratch);
    else
        machine_weigh(machine, x, out, scratch);
    for (size_t w = 0; w < n; w++) {
        sums[0] += out[w];
        sums[1] += out[w] * out[w];
    }
}

double passes_samples(struct passes *passes, const double *samples, const size_t *index, size_t n, double *moments,
                      double *squares)
{
    const size_t blocks = (n + WALKERS - 1) / WALKERS, groups = n_groups(passes, blocks);
    const size_t threads = threads_for(passes, groups, (double)n * weights_of(passes));
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)threads)
    for (size_t g = 0; g < groups; g++) {
        double *part = moments ? group_moments(passes, g) : NULL, *sums = passes->sums + 2 * g;
        sums[0] = sums[1] = 0;
        if (part)
            memset(part, 0, passes->n_moments * sizeof *part);
        for (size_t b = g * blocks / groups; b < (g + 1) * blocks / groups; b++)
            add_block(passes, samples, index, b * WALKERS, n - b * WALKERS < WALKERS ? n - b * WALKERS : WALKERS, part,
                      sums);
    }
    double total = 0, square = 0;
    for (size_t g = 0; g < groups; g++) {
        total += passes->sums[2 * g];
        square += passes->sums[2 * g + 1];
    }
    merge(passes, groups, moments);
    if (squares)
        *squares = square;
    return total;
}

// ---- chains

// One block of chains; the number of accepted proposals. Gibbs chains keep h of the last x, so that theta is found
// once.
static size_t advance(const struct machine *machine, enum passes_negative negative, size_t steps, double *x, double *h,
                      uint64_t *random, double *moments, double *scratch)
{
    size_t accepted = 0;
    for (size_t k = 0; k < steps; k++) {
        if (negative == PASSES_METROPOLIS)
            accepted += machine_metropolis(machine, random, x, scratch);
        else {
            machine_draw_visible(machine, random, h, x, scratch);
            if (k + 1 < steps)
                machine_draw_hidden(machine, random, x, h, scratch);
        }
    }
    if (negative == PASSES_METROPOLIS)
        machine_add(machine, WALKERS, x, moments, NULL, scratch);
    else
        machine_add_and_draw(machine, random, x, h, moments, scratch);
    return accepted;
}

double passes_chains(struct passes *passes, enum passes_negative negative, size_t steps, struct chains *chains,
                     double *moments)
{
    const size_t blocks = chains->n_blocks, groups = n_groups(passes, blocks);
    const size_t threads = threads_for(passes, groups, (double)(2 * steps * blocks * WALKERS) * weights_of(passes));
    double accepted = 0;
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)threads) reduction(+ : accepted)
    for (size_t g = 0; g < groups; g++) {
        double *part = group_moments(passes, g);
        memset(part, 0, passes->n_moments * sizeof *part);
        for (size_t b = g * blocks / groups; b < (g + 1) * blocks / groups; b++)
            accepted += (double)advance(passes->machine, negative, steps, chains_x(chains, b), chains_h(chains, b),
                                        chains_random(chains, b), part, passes->scratch[omp_get_thread_num()]);
    }
    merge(passes, groups, moments);
    return accepted;
}

void passes_draw_hidden(struct passes *passes, struct chains *chains)
{
    for (size_t b = 0; b < chains->n_blocks; b++)
        machine_draw_hidden(passes->machine, chains_random(chains, b), chains_x(chains, b), chains_h(chains, b),
                            passes->scratch[0]);
}

// ---- states

double passes_states(struct passes *passes, size_t n_states, double *moments)
{
    const struct machine *machine = passes->machine;
    const size_t groups = n_groups(passes, n_states);
    const size_t threads = threads_for(passes, groups, 8 * (double)n_states * weights_of(passes));
    struct machine_sum parts[GROUPS_MOST], sum = { -INFINITY, 0, moments };
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)threads)
    for (size_t g = 0; g < groups; g++) {
        parts[g] = (struct machine_sum){ -INFINITY, 0, moments ? group_moments(passes, g) : NULL };
        if (moments)
            memset(parts[g].moments, 0, passes->n_moments * sizeof *moments);
        machine_add_states(machine, g * n_states / groups, (g + 1) * n_states / groups, &parts[g],
                           passes->scratch[omp_get_thread_num()]);
    }
    if (moments)
        memset(moments, 0, passes->n_moments * sizeof *moments);
    for (size_t g = 0; g < groups; g++)
        machine_merge(machine, &parts[g], &sum);
    for (size_t k = 0; moments && k < passes->n_moments; k++)
        moments[k] /= sum.total;
    return sum.ln_scale + log(sum.total);
}
