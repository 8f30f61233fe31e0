// SPDX-License-Identifier: GPL-3.0-or-later
// Every kernel of every descriptor once, from fixed numbers: one line per result with a digest of its bits and its
// first value. The same program is linked with kernels of different widths and levels, whose output must not differ
// (tests/kernels/compare.py).
#include "base/memory.h"
#include "base/products.h"
#include "vmc/hamiltonian.h"
#include "vmc/rng.h"
#include "vmc/sampler.h"
#include "vmc/walkers.h"
#include "vmc/wavefunction.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct system systems[] = {
    { 2, 2, { 1, 1 }, STATISTICS_BOSONS, 0 },
    { 3, 1, { 0.5 }, STATISTICS_BOSONS, 0 },
    { 6, 2, { 0.8, 1.3 }, STATISTICS_FERMIONS, 4 },
    { 5, 3, { 1, 1, 2.82843 }, STATISTICS_BOSONS, 0 },
    { 21, 2, { 1, 1 }, STATISTICS_BOSONS, 0 },  // more pairs than are stored
    // filled shells, both spins alike
    { 2, 2, { 1, 1 }, STATISTICS_FERMIONS, 1 },
    { 6, 2, { 0.8, 0.9 }, STATISTICS_FERMIONS, 3 },
    { 12, 2, { 1, 1 }, STATISTICS_FERMIONS, 6 },
    { 20, 2, { 1, 1 }, STATISTICS_FERMIONS, 10 },
};
// a product and how its keys differ from their defaults
struct product {
    const char *factors[3], *keys[6];
    enum { ALL, FERMIONS, AND_SHELLS } systems;  // that it is tried on; the last: filled shells as well
};
static const struct product products[] = {
    { { "rbm" }, { "hidden=3", "init_scale=0.4" }, ALL },
    { { "rbm" }, { "hidden=7", "representation=probability", "train_sigma=yes" }, ALL },
    { { "rbm" }, { "hidden=2", "sigma=1.1" }, ALL },
    { { "gaussian" }, { "alpha=0.9" }, ALL },
    { { "rbm", "gaussian" }, { "hidden=5" }, ALL },
    { { "gaussian", "pade-jastrow", "gaussian-pair" }, { "alpha=0.9", "beta=0.3, 0.5", "gamma=0.1" }, ALL },
    { { "pade-jastrow", "rbm" }, { "hidden=4", "cusp=0.7", "init_scale=0.2" }, ALL },
    { { "slater", "pade-jastrow" }, { "alpha=0.9", "beta=0.4" }, AND_SHELLS },
    { { "slater", "rbm" }, { "hidden=3", "sharing=environment", "backflow=exponential" }, FERMIONS },
    { { "slater", "rbm" }, { "hidden=2", "sharing=pairs", "backflow=two-scales" }, FERMIONS },
    { { "slater", "pade-jastrow" }, { "mixing=yes", "backflow=exponential", "train_backflow_length=yes" }, FERMIONS },
    { { "slater" }, { "alpha=1.2", "orbitals_up=0 0, 2 0, 1 3, 0 2" }, FERMIONS },
};

static void fail(const char *what)
{
    printf("failed: %s\n", what);
    exit(1);
}

static void say(const char *name, size_t n, const void *words)
{
    uint64_t digest = 0xcbf29ce484222325;  // FNV-1a, by words
    const unsigned char *bytes = words;
    for (size_t k = 0; k < n; k++) {
        uint64_t word;
        memcpy(&word, bytes + 8 * k, 8);
        digest = (digest ^ word) * 0x100000001b3;
        digest ^= digest >> 29;
    }
    double first = 0;
    if (n > 0)
        memcpy(&first, words, 8);
    printf("    %-12s %016llx %a\n", name, (unsigned long long)digest, first);
}

// defaults of all rows, then the keys that this table has
static void *bind(const struct param *rows, size_t size, const char *const *keys, size_t n_keys)
{
    char why[PARAM_TEXT_SIZE];
    void *state = calloc(1, size);
    for (const struct param *row = rows; state && row && row->key; row++) {
        const char *text = row->fallback ? row->fallback : "1";
        for (size_t k = 0; k < n_keys && keys[k]; k++)
            if (strncmp(keys[k], row->key, strlen(row->key)) == 0 && keys[k][strlen(row->key)] == '=')
                text = keys[k] + strlen(row->key) + 1;
        if (!param_parse(row, text, state, why))
            fail(why);
    }
    return state;
}

static bool build(struct wavefunction *wavefunction, const struct system *system, const struct product *product,
                  void *states[3])
{
    const struct factor_type *types[3];
    size_t n = 0;
    for (; n < 3 && product->factors[n]; n++) {
        types[n] = NULL;
        for (size_t k = 0; factor_name(k); k++)
            if (strcmp(factor_name(k), product->factors[n]) == 0)
                types[n] = factor_type_at(k);
        if (!types[n])
            fail(product->factors[n]);
        states[n] = bind(types[n]->params, types[n]->state_size, product->keys, 6);
    }
    struct error error = { 0 };
    const bool built = wavefunction_build(
        wavefunction, system, &(const struct factor_surroundings){ .slope = { 1, 0.5 }, .power = 1.5, .core = 0.01 }, n,
        types, states, &error);
    error_clear(&error);
    return built;
}

static void dump_hamiltonian(const struct system *system, const double *x)
{
    for (size_t k = 0; interaction_name(k); k++) {
        const struct interaction_type *type = interaction_type_at(k);
        void *state = bind(type->params, type->state_size, NULL, 0);
        struct hamiltonian hamiltonian;
        if (hamiltonian_build(&hamiltonian, system, type, state, NULL)) {
            double *out = memory_rows(POTENTIAL_ROWS);
            struct geometry geometry;
            geometry_build(&geometry, system, false);
            hamiltonian_potential(&hamiltonian, &(struct configuration){ .geometry = &geometry, .x = x }, NULL, NULL,
                                  out);
            say(type->name, (size_t)POTENTIAL_ROWS * WALKERS, out);
            memory_free(out);
        }
        param_release(type->params, state);
        free(state);
    }
}

static void dump_derivatives(const struct wavefunction *wavefunction, const double *frame, const double *rows)
{
    const size_t parameters = wavefunction->n_parameters;
    double *o = memory_rows(parameters + 1), *sums = memory_rows(wavefunction->n_sum_rows + 1),
           *out = memory_doubles(parameters + 1);
    double *scratch = memory_rows(wavefunction->n_scratch_rows + 1);
    wavefunction_derivatives(wavefunction, frame, o);
    say("derivatives", parameters * WALKERS, o);
    wavefunction_accumulate(wavefunction, frame, rows, rows, NULL, scratch, sums);
    wavefunction_accumulate(wavefunction, frame, rows, rows, rows + WALKERS, scratch, sums);
    wavefunction_collect(wavefunction, sums, out);
    say("collect", parameters, out);
    memory_free(scratch);
    memory_free(out);
    memory_free(sums);
    memory_free(o);
}

// What stochastic reconfiguration asks of the factors that have ways of their own
static void dump_metric(const struct wavefunction *wavefunction, const double *frame)
{
    enum { ROOM = 1 << 16 };
    double *features = memory_rows(wavefunction->n_features + 1), *work = memory_doubles(ROOM),
           *out = memory_doubles(ROOM), *v = memory_doubles(wavefunction->n_parameters + WALKERS);
    wavefunction_features(wavefunction, frame, features);
    for (size_t k = 0; k < wavefunction->n_parameters + WALKERS; k++)
        v[k] = sin((double)k);
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        const double *own = features + factor->first_feature * WALKERS;
        const size_t n = factor->n_parameters;
        if (!factor->type->apply)
            continue;
        memset(out, 0, ROOM * sizeof *out);
        factor->type->apply(factor->state, WALKERS, WALKERS, own, v, work, out);
        say("apply", WALKERS, out);
        factor->type->transpose(factor->state, WALKERS, WALKERS, own, v, work, out + WALKERS);
        say("transpose", n, out + WALKERS);
        factor->type->scale(factor->state, WALKERS, WALKERS, own, work, out);
        say("scale", n, out);
        if (factor->type->matrix(factor->state, WALKERS, WALKERS, own, ROOM, work, out))
            say("matrix", n * n, out);
    }
    memory_free(v);
    memory_free(out);
    memory_free(work);
    memory_free(features);
}

// Several pieces of samples, and tiles of every size.
static void dump_products(void)
{
    enum { N = 1064, ROWS = 16 };
    double *memory = memory_doubles((2 * ROWS + 1) * N), *y = memory + ROWS * N, *out = y + N;
    uint64_t *random = (uint64_t *)memory_rows(RNG_ROWS);
    rng_start_block(random, 7, 0);
    rng_normals(random, (ROWS + 1) * N / WALKERS, memory);
    for (size_t left = 1; left <= ROWS; left++) {
        const struct products_rows some = { left, N, memory }, all = { ROWS, N, memory };
        memset(out, 0, ROWS * N * sizeof *out);
        products_outer(N, some, all, y, out);
        say("outer", left * ROWS, out);
        memset(out, 0, ROWS * N * sizeof *out);
        products_gram(N, some, left, out);
        say("gram", left * left, out);
        memset(out, 0, ROWS * sizeof *out);
        products_sums(N, some, out, out + ROWS);
        say("sums", ROWS + left, out);
        memset(out, 0, N * sizeof *out);
        products_apply(N, some, all, y, out);
        say("product", N, out);
    }
    memory_free(random);
    memory_free(memory);
}

static void dump_samplers(const struct wavefunction *wavefunction, struct block *block, const double *x,
                          double temperature)
{
    const size_t size = wavefunction->n_coordinates * WALKERS;
    for (size_t k = 0; sampler_name(k); k++) {
        const struct sampler_type *type = sampler_type_at(k);
        void *state = bind(type->params, type->state_size, NULL, 0);
        if ((!type->suits || type->suits(state, wavefunction, NULL)) &&
            (!type->prepare || type->prepare(state, wavefunction))) {
            double *scratch = memory_rows(type->n_scratch_rows(state, wavefunction) + 1);
            rng_start_block(block->random, 7, 100);
            memcpy(block->current, x, size * sizeof(double));
            wavefunction_evaluate(wavefunction, block->current);
            block->evaluated = true;
            block->movable = false;
            size_t accepted = 0;
            double *numbers = memory_doubles(type->n_numbers ? type->n_numbers(&wavefunction->system) : 1);
            const struct sampler_rung rung = {
                .temperature = type->tempers ? temperature : 1,
                .step = type->has_step ? type->first_step(state, &wavefunction->system) : 0,
                .numbers = numbers,
            };
            if (type->begin)
                type->begin(state, &wavefunction->system, numbers);
            for (size_t sweep = 0; sweep < 20; sweep++)
                accepted += type->sweep(state, &rung, wavefunction, block, scratch);
            say(type->name, size, block->current);
            printf("    accepted     %zu\n", accepted);
            memory_free(numbers);
            memory_free(scratch);
        }
        param_release(type->params, state);
        free(state);
    }
}

// Approximate trajectories, and exchanges between the configurations they come to from x and from its mirror image.
static void dump_warm_up(const struct wavefunction *wavefunction, struct block *block, const double *x)
{
    const size_t m = wavefunction->n_coordinates;
    double *scratch = memory_rows(sampler_diffusion_rows(wavefunction)), *frame = memory_rows(wavefunction->n_rows);
    struct block hot = *block;
    hot.current = frame;
    rng_start_block(block->random, 7, 200);
    for (size_t k = 0; k < m * WALKERS; k++) {
        block->current[k] = x[k];
        frame[k] = -1.1 * x[k];
    }
    for (size_t k = 0; k < 3; k++) {
        sampler_diffuse(wavefunction, 1, block, scratch);
        sampler_diffuse(wavefunction, 2.5, &hot, scratch);
        printf("    swapped      %zu\n", sampler_swap(wavefunction, (const double[]){ 1, 2.5 }, block, &hot));
    }
    say("diffusion", m * WALKERS, block->current);
    memory_free(frame);
    memory_free(scratch);
}

static void dump_product(const struct system *system, const struct product *product)
{
    struct wavefunction wavefunction;
    void *states[3];
    if (!build(&wavefunction, system, product, states))
        fail("build");
    const size_t m = wavefunction.n_coordinates;
    struct rng rng;
    rng_start(&rng, 3, 5);
    double *theta = memory_doubles(wavefunction.n_parameters + 1), *rows = memory_rows(m + 1);
    wavefunction_start(&wavefunction, rng_uniform, &rng, theta);
    if (!wavefunction_prepare(&wavefunction, theta))
        fail("prepare");
    struct block block = { .current = memory_rows(wavefunction.n_rows),
                           .trial = memory_rows(wavefunction.n_rows),
                           .random = (uint64_t *)memory_rows(RNG_ROWS) };
    rng_start_block(block.random, 42, 0);
    rng_normals(block.random, m, block.current);
    rng_uniforms(block.random, m + 1, rows);
    say("normals", m * WALKERS, block.current);
    say("uniforms", m * WALKERS, rows);

    dump_hamiltonian(system, block.current);
    wavefunction_evaluate(&wavefunction, block.current);
    say("evaluate", wavefunction.n_rows * WALKERS, block.current);
    dump_derivatives(&wavefunction, block.current, rows);
    dump_metric(&wavefunction, block.current);
    double *x = memory_rows(m);
    memcpy(x, block.current, m * WALKERS * sizeof(double));
    memcpy(block.trial, block.current, m * WALKERS * sizeof(double));
    const size_t p = system->particles - 1;
    for (size_t k = 0; k < system->dimensions * WALKERS; k++)
        block.trial[p * system->dimensions * WALKERS + k] += 0.1 + 0.01 * (double)(k % WALKERS);
    wavefunction_refresh(&wavefunction, false, block.current);
    wavefunction_ratio(&wavefunction, p, block.current, block.trial);
    say("ratio", 2 * wavefunction.n_weights * WALKERS, block.trial + wavefunction.row_weight * WALKERS);
    dump_samplers(&wavefunction, &block, x, 1);
    dump_samplers(&wavefunction, &block, x, 1.7);
    dump_warm_up(&wavefunction, &block, x);

    memory_free(x);
    memory_free(block.random);
    memory_free(block.trial);
    memory_free(block.current);
    memory_free(rows);
    memory_free(theta);
    const size_t n_factors = wavefunction.n_factors;
    wavefunction_finish(&wavefunction);
    for (size_t f = 0; f < n_factors; f++)
        free(states[f]);
}

int main(void)
{
    dump_products();
    for (size_t s = 0; s < sizeof systems / sizeof *systems; s++)
        for (size_t p = 0; p < sizeof products / sizeof *products; p++) {
            const bool fermions = systems[s].statistics == STATISTICS_FERMIONS;
            if ((products[p].systems != ALL && !fermions) ||
                (fermions && 2 * systems[s].spin_up == systems[s].particles && products[p].systems != AND_SHELLS))
                continue;
            printf("system %zu, product %zu\n", s, p);
            dump_product(&systems[s], &products[p]);
        }
    return 0;
}
