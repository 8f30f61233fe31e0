// SPDX-License-Identifier: GPL-3.0-or-later
// ln Z: as a sum over states where there are few, else by annealed importance sampling: chains go from a machine
// without couplings, whose Z is known, to the one at hand through machines with couplings and biases in proportion.
// Each chain gives a weight with mean Z / Z_0; ln of the mean weight has the error sqrt(var(weight) / n) /
// mean(weight).
#include "learn/passes.h"
#include "vmc/learn.h"

#include "base/memory.h"
#include "vmc/layout.h"
#include "vmc/rng.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t STREAM_ANNEALING = (uint64_t)1 << 40;

static double *take_moments(size_t n, struct error *error)
{
    double *moments = memory_doubles(n);
    if (!moments)
        error_add(error, ERROR_INTERNAL, "no memory for %zu moments", n);
    return moments;
}

bool learn_sum(const struct machine *machine, size_t threads, double *ln_z, double *gradient, struct error *error)
{
    const size_t states = machine_states(&machine->shape);
    struct passes passes;
    double *moments = NULL;
    if (states == 0)
        return error_add(error, ERROR_CONFIG, "the machine has more than %d states of its smaller layer",
                         MACHINE_STATES_MOST);
    bool good = passes_build(&passes, machine, threads, error) &&
                (!gradient || (moments = take_moments(passes.n_moments, error)));
    if (good) {
        *ln_z = passes_states(&passes, states, moments);
        if (gradient)
            machine_gradient(machine, moments, 1, gradient);
    }
    memory_free(moments);
    passes_finish(&passes);
    return good;
}

bool learn_mean(const struct machine *machine, size_t n, const double *samples, size_t threads, double *value,
                double *gradient, struct error *error)
{
    struct passes passes;
    double *moments = NULL;
    bool good = passes_build(&passes, machine, threads, error) && (moments = take_moments(passes.n_moments, error));
    if (good) {
        *value = passes_samples(&passes, samples, NULL, n, moments, NULL) / (double)n;
        if (gradient)
            machine_gradient(machine, moments, (double)n, gradient);
    }
    memory_free(moments);
    passes_finish(&passes);
    return good;
}

// ---- annealing

struct path {
    size_t m, n_couplings;  // parameters: a [M], then couplings, then widths that stay
    size_t n_parameters;
    const double *theta, *start_a;
};

// Biases from those of the start, couplings from 0.
static void path_at(const struct path *path, double beta, double *theta)
{
    for (size_t k = 0; k < path->n_parameters; k++)
        theta[k] = k < path->m                       ? (1 - beta) * path->start_a[k] + beta * path->theta[k]
                   : k < path->m + path->n_couplings ? beta * path->theta[k]
                                                     : path->theta[k];
}

// ln Z of a machine without couplings.
static double ln_z_start(const struct machine *machine)
{
    const struct machine_shape *shape = &machine->shape;
    const double ln_2 = 0.6931471805599453, k = (double)shape->copies;
    if (shape->kind == MACHINE_SPINS)
        return ln_2 * (double)shape->visible;
    double sum = ln_2 * k * (double)shape->hidden;
    for (size_t i = 0; i < shape->visible; i++)
        sum += shape->kind == MACHINE_GAUSSIAN ? 0.5 * log(6.283185307179586 / k) + log(machine->sigma[i])
                                               : fmax(machine->a[i], 0) + log1p(exp(-fabs(machine->a[i])));
    return sum;
}

struct annealing {
    struct machine machine[2];
    struct passes passes;
    struct chains chains;
    double *theta, *ln_weight;  // [chains]
};

// ln w += ln p~ under the next machine - ln p~ under this one, then a sweep under the next.
static void anneal_block(struct annealing *annealing, size_t now, size_t b, double *scratch)
{
    const struct machine *this = &annealing->machine[now], *next = &annealing->machine[1 - now];
    double *x = chains_x(&annealing->chains, b), *h = chains_h(&annealing->chains, b), *row = scratch,
           *ln_weight = annealing->ln_weight + b * WALKERS;
    uint64_t *random = chains_random(&annealing->chains, b);
    scratch += WALKERS;
    machine_weigh(this, x, row, scratch);
    for (size_t w = 0; w < WALKERS; w++)
        ln_weight[w] -= row[w];
    machine_weigh(next, x, row, scratch);
    for (size_t w = 0; w < WALKERS; w++)
        ln_weight[w] += row[w];
    machine_draw_hidden(next, random, x, h, scratch);
    machine_draw_visible(next, random, h, x, scratch);
}

static bool anneal(struct annealing *annealing, const struct path *path, const struct learn_annealing *how)
{
    const size_t blocks = annealing->chains.n_blocks, threads = how->threads < blocks ? how->threads : blocks;
    size_t now = 0;
    path_at(path, 0, annealing->theta);
    if (!machine_prepare(&annealing->machine[0], annealing->theta))
        return false;
    // exact draws of the start: no unit is coupled to another
    for (size_t b = 0; b < blocks; b++) {
        double *x = chains_x(&annealing->chains, b), *h = chains_h(&annealing->chains, b);
        uint64_t *random = chains_random(&annealing->chains, b);
        machine_draw_hidden(&annealing->machine[0], random, x, h, annealing->passes.scratch[0]);
        machine_draw_visible(&annealing->machine[0], random, h, x, annealing->passes.scratch[0]);
    }
    for (size_t k = 1; k <= how->steps; k++, now = 1 - now) {
        if (how->stop && how->stop(how->context))
            return false;
        path_at(path, (double)k / (double)how->steps, annealing->theta);
        if (!machine_prepare(&annealing->machine[1 - now], annealing->theta))
            return false;
#pragma omp parallel for schedule(static) num_threads((int)threads)
        for (size_t b = 0; b < blocks; b++)
            anneal_block(annealing, now, b, annealing->passes.scratch[omp_get_thread_num()]);
    }
    return true;
}

static void conclude(const struct annealing *annealing, double ln_z_0, size_t n, struct learn_partition *partition)
{
    double most = -INFINITY, sum = 0, squares = 0, spread = 0;
    for (size_t c = 0; c < n; c++)
        most = fmax(most, annealing->ln_weight[c]);
    for (size_t c = 0; c < n; c++) {
        const double weight = exp(annealing->ln_weight[c] - most);
        sum += weight;
        squares += weight * weight;
    }
    const double mean = sum / (double)n;
    for (size_t c = 0; c < n; c++)
        spread += pow(exp(annealing->ln_weight[c] - most) - mean, 2);
    *partition = (struct learn_partition){ .ln_z = ln_z_0 + most + log(mean),
                                           .error = sqrt(spread / (double)(n - 1) / (double)n) / mean,
                                           .effective_chains = sum * sum / squares };
}

bool learn_anneal(const struct machine_shape *shape, const double *theta, const struct learn_annealing *how,
                  struct learn_partition *partition, struct error *error)
{
    struct annealing annealing = { .theta = memory_doubles(machine_parameters(shape)),
                                   .ln_weight = memory_doubles(how->chains) };
    double *zeros = memory_doubles(shape->visible);
    const bool spins = shape->kind == MACHINE_SPINS;
    const struct path path = { .m = spins ? 0 : shape->visible,
                               .n_couplings = machine_parameters(shape) - (spins ? 0 : shape->visible + shape->widths),
                               .n_parameters = machine_parameters(shape),
                               .theta = theta,
                               .start_a = how->start_a ? how->start_a : zeros };
    bool good = annealing.theta && annealing.ln_weight && zeros;
    if (!good)
        error_add(error, ERROR_INTERNAL, "no memory for %zu chains", how->chains);
    good = good && machine_build(&annealing.machine[0], shape, error) &&
           machine_build(&annealing.machine[1], shape, error) &&
           passes_build(&annealing.passes, &annealing.machine[0], how->threads, error) &&
           chains_build(&annealing.chains, shape, how->chains, how->seed, STREAM_ANNEALING, error);
    if (good) {
        path_at(&path, 0, annealing.theta);
        good = machine_prepare(&annealing.machine[0], annealing.theta);
        const double ln_z_0 = ln_z_start(&annealing.machine[0]);
        if ((good = good && anneal(&annealing, &path, how)))
            conclude(&annealing, ln_z_0, how->chains, partition);
    }
    passes_finish(&annealing.passes);
    chains_finish(&annealing.chains);
    machine_finish(&annealing.machine[0]);
    machine_finish(&annealing.machine[1]);
    memory_free(annealing.theta);
    memory_free(annealing.ln_weight);
    memory_free(zeros);
    return good;
}
