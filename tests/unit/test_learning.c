// SPDX-License-Identifier: GPL-3.0-or-later
// Boltzmann machines and learning, against a record of eight digits: machines of many shapes in just the memory that
// they ask for, passes over few and many samples, annealing, and jobs with every method, schedule and end, with all
// that their files hold, what is reported on the way, and how they go on. Time goes by looks at the clock.
//
//     test_learning RECORD            compares
//     test_learning RECORD --write    records anew
//     test_learning --show            prints everything
#include "support/clock.h"
#include "support/recorded.h"
#include "support/shown.h"

#include "base/memory.h"
#include "learn/state.h"
#include "vmc/learn.h"
#include "vmc/level.h"
#include "vmc/machine.h"
#include "vmc/record.h"
#include "vmc/rng.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- memory with marks behind it

enum { MARKS = 2 * WALKERS };
static const double MARK = -7.25e11;

static double *take(size_t n)
{
    double *memory = memory_doubles(n + MARKS);
    for (size_t k = 0; k < n + MARKS; k++)
        memory[k] = k < n ? NAN : MARK;
    return memory;
}

static void give(FILE *out, double *memory, size_t n)
{
    for (size_t k = n; k < n + MARKS; k++)
        if (memory[k] != MARK) {
            fprintf(out, "    written %zu beyond %zu\n", k - n, n);
            break;
        }
    memory_free(memory);
}

static void clear(size_t n, double *values) { memset(values, 0, n * sizeof *values); }

// ---- machines

static const struct machine_shape shapes[] = {
    { MACHINE_GAUSSIAN, 1, 1, 1, 1, 1, { 0 } },   { MACHINE_GAUSSIAN, 4, 3, 1, 2, 2, { 0 } },
    { MACHINE_GAUSSIAN, 6, 5, 1, 3, 1, { 0 } },   { MACHINE_GAUSSIAN, 6, 4, 2, 3, 3, { 0 } },
    { MACHINE_GAUSSIAN, 3, 9, 1, 1, 0, { 0.8 } }, { MACHINE_GAUSSIAN, 4, 2, 2, 2, 0, { 0.8, 1.3 } },
    { MACHINE_GAUSSIAN, 5, 0, 2, 1, 1, { 0 } },   { MACHINE_GAUSSIAN, 9, 8, 1, 3, 0, { 1, 0.5, 2 } },
    { MACHINE_GAUSSIAN, 2, 33, 1, 2, 2, { 0 } },  { MACHINE_GAUSSIAN, 3, 64, 2, 3, 1, { 0 } },
    { MACHINE_GAUSSIAN, 2, 65, 1, 1, 1, { 0 } },  { MACHINE_BINARY, 5, 3, 1, 1, 0, { 0 } },
    { MACHINE_BINARY, 4, 11, 1, 1, 0, { 0 } },    { MACHINE_BINARY, 7, 7, 1, 1, 0, { 0 } },
    { MACHINE_BINARY, 17, 2, 1, 1, 0, { 0 } },    { MACHINE_BINARY, 3, 0, 1, 1, 0, { 0 } },
    { MACHINE_BINARY, 40, 33, 1, 1, 0, { 0 } },   { MACHINE_SPINS, 2, 0, 1, 1, 0, { 0 } },
    { MACHINE_SPINS, 7, 0, 1, 1, 0, { 0 } },      { MACHINE_SPINS, 8, 0, 1, 1, 0, { 0 } },
    { MACHINE_SPINS, 12, 0, 1, 1, 0, { 0 } },
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void draw_parameters(const struct machine_shape *shape, uint64_t seed, double scale, double *theta)
{
    struct rng random;
    rng_start(&random, seed, 7);
    for (size_t k = 0; k < machine_parameters(shape); k++)
        theta[k] = scale * (4 * rng_uniform(&random) - 2);
}

static double draw_value(enum machine_kind kind, struct rng *random)
{
    const double u = rng_uniform(random);
    return kind == MACHINE_GAUSSIAN ? 4 * u - 2 : u < 0.4 ? (kind == MACHINE_SPINS ? -1 : 0) : 1;
}

// Rows of n states; those of others are 0.
static void draw_rows(const struct machine_shape *shape, size_t n, uint64_t seed, double *x)
{
    struct rng random;
    rng_start(&random, seed, 70 + n);
    for (size_t i = 0; i < shape->visible; i++)
        for (size_t w = 0; w < WALKERS; w++)
            x[i * WALKERS + w] = w < n ? draw_value(shape->kind, &random) : 0;
}

static void say_sums(FILE *out, const char *name, size_t n, const double *values)
{
    fprintf(out, "  %s:", name);
    shown_numbers(out, n, values);
    fputc('\n', out);
}

// Without the columns that only fill up rows of products.
static void say_moments(FILE *out, const struct machine *machine, const double *moments)
{
    const struct machine_shape *shape = &machine->shape;
    const size_t m = shape->visible, n = shape->kind == MACHINE_SPINS ? m : shape->hidden;
    double *kept = memory_doubles(m * n + 2 * m + shape->hidden);
    for (size_t i = 0; i < m; i++)
        memcpy(kept + i * n, moments + i * machine->stride, n * sizeof *kept);
    memcpy(kept + m * n, moments + m * machine->stride, (2 * m + shape->hidden) * sizeof *kept);
    shown_numbers(out, m * n + 2 * m + shape->hidden, kept);
    memory_free(kept);
}

static void say_blocks(FILE *out, const struct machine *machine)
{
    static const size_t counts[] = { 1, 2, 7, 31, 32 };
    const struct machine_shape *shape = &machine->shape;
    const size_t n_x = shape->visible * WALKERS, n_scratch = machine_scratch_rows(machine) * WALKERS,
                 n_moments = machine_moments(machine);
    double *x = take(n_x), *row = take(WALKERS), *moments = take(n_moments), *gradient = take(machine->n_parameters);
    draw_rows(shape, WALKERS, 1, x);
    double *scratch = take(n_scratch);
    machine_weigh(machine, x, row, scratch);
    give(out, scratch, n_scratch);
    say_sums(out, "ln p", WALKERS, row);
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
        for (int with = 0; with < 2; with++) {
            draw_rows(shape, counts[k], 2, x);
            clear(n_moments, moments);
            scratch = take(n_scratch);
            machine_add(machine, counts[k], x, moments, with ? row : NULL, scratch);
            give(out, scratch, n_scratch);
            fprintf(out, "  %zu states%s:", counts[k], with ? "" : ", moments alone");
            say_moments(out, machine, moments);
            if (with)
                shown_numbers(out, WALKERS, row);
            machine_gradient(machine, moments, (double)counts[k], gradient);
            shown_numbers(out, machine->n_parameters, gradient);
            fputc('\n', out);
        }
    give(out, x, n_x);
    give(out, row, WALKERS);
    give(out, moments, n_moments);
    give(out, gradient, machine->n_parameters);
}

static void say_chains(FILE *out, const struct machine *machine)
{
    const struct machine_shape *shape = &machine->shape;
    const size_t n_x = shape->visible * WALKERS, n_h = shape->hidden * WALKERS,
                 n_scratch = machine_scratch_rows(machine) * WALKERS, n_moments = machine_moments(machine);
    double *x = take(n_x), *h = take(n_h), *moments = take(n_moments), *scratch = take(n_scratch);
    uint64_t *random = (uint64_t *)(void *)memory_doubles(RNG_ROWS * WALKERS);
    rng_start_block(random, 5, 64);
    draw_rows(shape, WALKERS, 3, x);
    clear(n_moments, moments);
    for (size_t k = 0; k < 3; k++) {
        machine_draw_hidden(machine, random, x, h, scratch);
        machine_draw_visible(machine, random, h, x, scratch);
    }
    machine_add_and_draw(machine, random, x, h, moments, scratch);
    fprintf(out, "  gibbs:");
    shown_numbers(out, n_x, x);
    shown_numbers(out, n_h, shape->kind == MACHINE_SPINS ? x : h);
    say_moments(out, machine, moments);
    size_t accepted = 0;
    for (size_t k = 0; k < 3; k++)
        accepted += machine_metropolis(machine, random, x, scratch);
    fprintf(out, "; metropolis: %zu", accepted);
    shown_numbers(out, n_x, x);
    fputc('\n', out);
    give(out, x, n_x);
    give(out, h, n_h);
    give(out, moments, n_moments);
    give(out, scratch, n_scratch);
    memory_free(random);
}

static void say_states(FILE *out, const struct machine *machine)
{
    const size_t states = machine_states(&machine->shape), n_moments = machine_moments(machine),
                 n_scratch = machine_states_scratch(machine);
    double *moments = take(n_moments), *part_moments = take(n_moments), *scratch = take(n_scratch);
    fprintf(out, "  %zu states, %zu", states, n_scratch);
    for (int with = 0; with < 2 && states > 0 && states <= 1 << 15; with++) {
        struct machine_sum sum = { -INFINITY, 0, with ? moments : NULL };
        clear(n_moments, moments);
        const size_t parts = states < 3 ? 1 : 3;
        for (size_t part = 0; part < parts; part++) {
            struct machine_sum one = { -INFINITY, 0, with ? part_moments : NULL };
            clear(n_moments, part_moments);
            machine_add_states(machine, part * states / parts, (part + 1) * states / parts, &one, scratch);
            machine_merge(machine, &one, &sum);
        }
        shown_number(out, sum.ln_scale + log(sum.total));
        if (with)
            say_moments(out, machine, moments);
    }
    fputc('\n', out);
    give(out, moments, n_moments);
    give(out, part_moments, n_moments);
    give(out, scratch, n_scratch);
}

static void say_machines(FILE *out)
{
    struct machine machine;
    for (size_t s = 0; s < SHAPES; s++)
        for (int large = 0; large < 2; large++) {
            const struct machine_shape *shape = &shapes[s];
            double *theta = take(machine_parameters(shape));
            draw_parameters(shape, s, large ? 3 : 0.4, theta);
            if (!machine_build(&machine, shape, NULL))
                abort();
            fprintf(out, "== %s %zu x %zu, %zu copies, %zu widths%s: %zu %zu %zu %zu, prepared %d\n",
                    machine_kind_name(shape->kind), shape->visible, shape->hidden, shape->copies, shape->widths,
                    large ? ", large" : "", machine.n_parameters, machine.stride, machine_moments(&machine),
                    machine_scratch_rows(&machine), machine_prepare(&machine, theta));
            say_sums(out, "forward", machine.shape.visible * machine.shape.hidden, machine.forward);
            say_sums(out, "widths", machine.shape.visible, machine.sigma);
            say_blocks(out, &machine);
            say_chains(out, &machine);
            say_states(out, &machine);
            for (size_t k = 0; k < machine.n_parameters; k += 3) {  // one that is no number, or has no limit
                const double kept = theta[k];
                theta[k] = k % 2 == 0 ? NAN : INFINITY;
                if (machine_prepare(&machine, theta))
                    fprintf(out, "  %g as parameter %zu\n", theta[k], k);
                theta[k] = kept;
            }
            give(out, theta, machine.n_parameters);
            machine_finish(&machine);
        }
    static const struct machine_shape many[] = {
        { MACHINE_BINARY, 24, 30, 1, 1, 0, { 0 } },  { MACHINE_BINARY, 25, 30, 1, 1, 0, { 0 } },
        { MACHINE_BINARY, 30, 24, 1, 1, 0, { 0 } },  { MACHINE_BINARY, 30, 25, 1, 1, 0, { 0 } },
        { MACHINE_GAUSSIAN, 4, 15, 2, 1, 1, { 0 } }, { MACHINE_GAUSSIAN, 4, 16, 2, 1, 1, { 0 } },
        { MACHINE_SPINS, 24, 0, 1, 1, 0, { 0 } },    { MACHINE_SPINS, 25, 0, 1, 1, 0, { 0 } },
        { MACHINE_GAUSSIAN, 4, 24, 1, 1, 1, { 0 } }, { MACHINE_GAUSSIAN, 4, 200, 1, 1, 1, { 0 } },
    };
    fprintf(out, "== states:");
    for (size_t s = 0; s < sizeof many / sizeof *many; s++)
        fprintf(out, " %zu", machine_states(&many[s]));
    fprintf(out, "\n== kinds: %s %s\n", machine_kind_name(2), machine_kind_name(3) ? machine_kind_name(3) : "none");
}

// ---- passes

static void say_passes(FILE *out)
{
    static const size_t counts[] = { 1, 2, 31, 32, 33, 63, 64, 65, 1000, 2048, 2049, 2111 };
    static const size_t some[] = { 1, 3, 5, 11, 16, 18 };
    enum { MOST = 2111, BLOCKS = 70 };
    for (size_t s = 0; s < sizeof some / sizeof *some; s++) {
        const struct machine_shape *shape = &shapes[some[s]];
        struct machine machine;
        struct passes passes;
        struct chains chains;
        struct rng random;
        double theta[4000], squares;
        static size_t index[MOST];
        draw_parameters(shape, 3, 0.3, theta);
        if (!machine_build(&machine, shape, NULL) || !machine_prepare(&machine, theta) ||
            !passes_build(&passes, &machine, 1 + s % 3, NULL) ||
            !chains_build(&chains, shape, BLOCKS * WALKERS, 9, 3, NULL))
            abort();
        double *samples = take(MOST * shape->visible), *moments = take(passes.n_moments);
        rng_start(&random, 4, s);
        for (size_t k = 0; k < MOST * shape->visible; k++)
            samples[k] = draw_value(shape->kind, &random);
        for (size_t k = 0; k < MOST; k++)
            index[k] = k * 1009 % MOST;
        fprintf(out, "== passes of %s %zu x %zu: %zu groups\n", machine_kind_name(shape->kind), shape->visible,
                shape->hidden, passes.n_groups);
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
            const bool picks = k % 2 == 0;
            fprintf(out, "  %zu samples:", counts[k]);
            shown_number(out, passes_samples(&passes, samples, picks ? index : NULL, counts[k], moments, &squares));
            shown_number(out, squares);
            say_moments(out, &machine, moments);
            shown_number(out, passes_samples(&passes, samples, picks ? NULL : index, counts[k], NULL, NULL));
            fputc('\n', out);
        }
        for (size_t k = 0; k < BLOCKS; k++)
            draw_rows(shape, WALKERS, k, chains_x(&chains, k));
        passes_draw_hidden(&passes, &chains);
        for (size_t steps = 1; steps < 3; steps++)
            for (int negative = 0; negative < 2; negative++) {
                const double accepted = passes_chains(&passes, negative ? PASSES_METROPOLIS : PASSES_GIBBS, steps,
                                                      &chains, moments);
                fprintf(out, "  %zu steps of %s: %.0f", steps, negative ? "metropolis" : "gibbs", accepted);
                say_moments(out, &machine, moments);
                shown_numbers(out, BLOCKS * WALKERS * shape->visible, chains.x);
                fputc('\n', out);
            }
        const size_t states = machine_states(shape);
        if (states > 0 && states < 1 << 14) {
            fprintf(out, "  states:");
            shown_number(out, passes_states(&passes, states, NULL));
            shown_number(out, passes_states(&passes, states, moments));
            say_moments(out, &machine, moments);
            fputc('\n', out);
        }
        give(out, samples, MOST * shape->visible);
        give(out, moments, passes.n_moments);
        chains_finish(&chains);
        passes_finish(&passes);
        machine_finish(&machine);
    }
    static const struct machine_shape large[] = {
        { MACHINE_BINARY, 200, 304, 1, 1, 0, { 0 } },
        { MACHINE_BINARY, 280, 240, 1, 1, 0, { 0 } },
        { MACHINE_BINARY, 500, 400, 1, 1, 0, { 0 } },
        { MACHINE_BINARY, 800, 800, 1, 1, 0, { 0 } },
    };
    for (size_t s = 0; s < sizeof large / sizeof *large; s++) {
        const struct machine stand_in = { .shape = large[s], .stride = (large[s].hidden + 7) / 8 * 8 };
        struct passes passes;
        if (passes_build(&passes, &stand_in, 2, NULL))
            fprintf(out, "== %zu x %zu: %zu moments, %zu groups\n", large[s].visible, large[s].hidden, passes.n_moments,
                    passes.n_groups);
        passes_finish(&passes);
    }
}

// ---- ln Z

static bool count_down(void *context) { return (*(size_t *)context)-- == 0; }

static void say_partition(FILE *out)
{
    for (size_t s = 0; s < SHAPES; s++) {
        const struct machine_shape *shape = &shapes[s];
        struct machine machine;
        struct learn_partition found;
        struct error error = { 0 };
        double theta[4000], start[64], gradient[4000], samples[64 * 3], value, ln_z;
        struct rng random;
        rng_start(&random, 1, s);
        draw_parameters(shape, 2, 0.3, theta);
        for (size_t i = 0; i < 64; i++)
            start[i] = 0.1 * (double)(i % 5) - 0.2;
        for (size_t i = 0; i < 3 * shape->visible; i++)
            samples[i] = draw_value(shape->kind, &random);
        if (!machine_build(&machine, shape, NULL) || !machine_prepare(&machine, theta))
            abort();
        fprintf(out, "== ln Z %zu:", s);
        if (learn_mean(&machine, 3, samples, 1, &value, gradient, &error))
            shown_numbers(out, machine.n_parameters, gradient);
        if (learn_mean(&machine, 2, samples, 1, &value, NULL, &error))
            shown_number(out, value);
        if (machine_states(shape) < 1 << 15 && learn_sum(&machine, 1, &ln_z, gradient, &error)) {
            shown_number(out, ln_z);
            shown_numbers(out, machine.n_parameters, gradient);
        }
        for (size_t k = 0; k < 5; k++) {
            size_t left = k == 3 ? 2 : 1000;
            const struct learn_annealing how = { .chains = k == 1 ? 96 : 32,
                                                 .steps = 1 + 4 * k,
                                                 .threads = 1 + k % 2,
                                                 .seed = 3 + k,
                                                 .start_a = k % 2 == 0 ? start : NULL,
                                                 .stop = k > 1 ? count_down : NULL,
                                                 .context = &left };
            const bool good = learn_anneal(shape, theta, &how, &found, &error);
            fprintf(out, " %d %zu", good, left);
            if (good) {
                shown_number(out, found.ln_z);
                shown_number(out, found.error);
                shown_number(out, found.effective_chains);
                fprintf(out, " %d", found.exact);
            }
        }
        theta[0] = NAN;
        const struct learn_annealing how = { .chains = 32, .steps = 4, .threads = 1, .seed = 3 };
        fprintf(out, " %d %s\n", learn_anneal(shape, theta, &how, &found, &error), error.text ? error.text : "");
        error_clear(&error);
        machine_finish(&machine);
    }
    const struct machine_shape many = { MACHINE_BINARY, 30, 30, 1, 1, 0, { 0 } };
    struct machine machine;
    struct error error = { 0 };
    double ln_z;
    const bool summed = machine_build(&machine, &many, NULL) && learn_sum(&machine, 1, &ln_z, NULL, &error);
    fprintf(out, "== too many: %d %d %s\n", summed, (int)error.kind, error.text);
    error_clear(&error);
    machine_finish(&machine);
}

// ---- jobs

static void write_samples(const char *path, enum machine_kind kind, size_t n, size_t m, uint64_t seed)
{
    FILE *file = fopen(path, "w");
    struct rng random;
    rng_start(&random, seed, 0);
    for (size_t k = 0; k < n; k++) {
        double last = 0;
        for (size_t i = 0; i < m; i++) {
            const double u = rng_uniform(&random);
            last = kind == MACHINE_GAUSSIAN ? 0.6 * last + (1 + (double)(i % 2)) * (4 * u - 2) + 3
                                            : (u < (last > 0 ? 0.3 : 0.6) ? (kind == MACHINE_SPINS ? -1 : 0) : 1);
            fprintf(file, "%s%.10g", i > 0 ? "," : "", last);
        }
        fputc('\n', file);
    }
    fclose(file);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
}

struct watch {
    FILE *out;
    size_t reports, stops_at, looks;  // stops_at 0: never
    double sum;
};

static void hear_progress(const struct learn_progress *now, void *context)
{
    struct watch *watch = context;
    watch->reports++;
    watch->sum += (double)watch->reports * ((double)now->phase + (double)now->done * 1.5 + (double)now->total * 0.25);
    if (isfinite(now->log_likelihood))
        watch->sum += now->log_likelihood;
    if (isfinite(now->seconds_left))
        watch->sum += 0.125 * now->seconds_left;
}

static void hear_note(const char *text, void *context)
{
    fprintf(((struct watch *)context)->out, "  note: %s\n", text);
}

static bool hear_stop(void *context)
{
    struct watch *watch = context;
    return ++watch->looks == watch->stops_at;
}

struct job {
    const char *keys;
    size_t stops_at;
    double max_time;
    bool resume, checks;
};

static void say_reading(FILE *out, const char *path)
{
    struct learn_reading reading;
    struct error error = { 0 };
    if (learn_read(path, &reading, &error)) {
        const struct learn_result *r = &reading.result;
        const double numbers[] = {
            r->train,          r->train_error,     r->held_out,   r->held_out_error,       r->wall_time,    r->cpu_time,
            r->partition.ln_z, r->partition.error, r->acceptance, r->posterior_acceptance, r->gradient_norm
        };
        const double *const vectors[] = { r->estimate, r->mean, r->mean_error, r->width, r->width_error, r->r_hat };
        fprintf(out, "  read: %s %s %s %zu %zu %zu %zu %zu %zu %zu %d", reading.status, reading.created, reading.end,
                r->n_train, r->n_held_out, r->n_visible, r->n_hidden, r->n_parameters, r->iterations, r->n_couplings,
                r->partition.exact);
        shown_numbers(out, sizeof numbers / sizeof *numbers - 1, numbers);
        for (size_t k = 0; k < sizeof vectors / sizeof *vectors; k++)
            if (vectors[k])
                shown_numbers(out, r->n_couplings, vectors[k]);
        fputc('\n', out);
        learn_reading_finish(&reading);
    } else {
        fprintf(out, "  not read: %s\n", error.text ? error.text : "");
    }
    error_clear(&error);
}

static void say_job(FILE *out, const struct job *job)
{
    char text[1000];
    struct config config = { .job = CONFIG_LEARN };
    struct settings settings;
    struct error error = { 0 };
    struct learn_result result = { .end = NULL };
    struct watch watch = { .out = out, .stops_at = job->stops_at };
    double memory = 0;
    snprintf(text, sizeof text, "[learn]\n%s", job->keys);
    fprintf(out, "== ");
    for (const char *c = job->keys; *c; c++)
        fputs(*c == '\n' ? "; " : (char[]){ *c, '\0' }, out);
    fputs(job->resume ? "; resumed" : job->checks ? "; checked" : "", out);
    if (job->stops_at > 0)
        fprintf(out, ", stopped at look %zu", job->stops_at);
    fputc('\n', out);
    clock_begin(0.01);
    bool good = config_parse(&config, "f.ini", text, strlen(text), &error);
    config.job = CONFIG_LEARN;
    if (good && settings_build(&settings, &config, &error, NULL)) {
        const struct learn_options options = { .threads = 1,
                                               .config = "f.ini",
                                               .output = "o.h5",
                                               .config_text = text,
                                               .command = "test",
                                               .progress = hear_progress,
                                               .stop = hear_stop,
                                               .note = hear_note,
                                               .context = &watch,
                                               .max_time = job->max_time,
                                               .resume = job->resume };
        if (!job->resume && !job->checks)
            unlink("o.h5");
        good = job->checks ? learn_check(&settings, &options, &result, &memory, &error)
                           : learn_execute(&settings, &options, &result, &error);
        fprintf(out, "  %d %s, %zu parameters, %zu + %zu samples, %zu reports:", good, result.end ? result.end : "-",
                result.n_parameters, result.n_train, result.n_held_out, watch.reports);
        shown_number(out, watch.sum);
        shown_number(out, memory);
        fprintf(out, " %d\n", result.was_complete);
        if (!job->checks && (good || error.kind == ERROR_STOPPED)) {
            shown_file(out, "o.h5");
            say_reading(out, "o.h5");
        }
        learn_result_finish(&result);
        settings_finish(&settings);
    }
    if (error.text)
        fprintf(out, "  %d: %s\n", (int)error.kind, error.text);
    error_clear(&error);
    config_finish(&config);
}

#define EXACT "negative = exact\nmethod = exact\n"
#define SPINS "data = spins.csv\nvisible = spins\n"
#define BITS "data = bits.csv\nvisible = binary\n"
#define REAL "data = real.csv\n"

static const struct job jobs[] = {
    // descents: to their end, through windows of 20 steps and more pairs than are kept, from several starts
    { SPINS EXACT "iterations = 100", 0, 0, false, false },
    { SPINS EXACT "iterations = 100\nprior = 0.5", 0, 0, false, false },
    { SPINS EXACT "iterations = 3", 0, 0, false, false },
    { SPINS EXACT "iterations = 50\npartition = no", 0, 0, false, false },
    { BITS EXACT "hidden = 2\niterations = 90\nstarts = 2", 0, 0, false, false },
    { BITS EXACT "hidden = 1\niterations = 200\nstarts = 3\nheld_out = 0", 0, 0, false, false },
    { BITS EXACT "hidden = 0\niterations = 30\nstarts = 3", 0, 0, false, false },
    { REAL EXACT "hidden = 2\niterations = 70\nstarts = 2", 0, 0, false, false },
    { REAL EXACT "hidden = 3\niterations = 45\nstarts = 1\nsigma = 1, 2\ndimensions = 2", 0, 0, false, false },
    { REAL EXACT "hidden = 1\niterations = 60\ntrain_sigma = no\ninit_scale = 2", 0, 0, false, false },
    { REAL EXACT "hidden = 2\niterations = 40\nrepresentation = amplitude", 0, 0, false, false },
    // others: each method, schedule and negative phase
    { BITS "hidden = 2\nchains = 64\niterations = 40\nsamples = 16", 0, 0, false, false },
    { BITS "hidden = 3\nchains = 32\niterations = 130\nsamples = 16\nsteps = 2\nschedule = inverse\ndecay = 0.1", 0, 0,
      false, false },
    { BITS "hidden = 2\nnegative = metropolis\nchains = 64\niterations = 30\nmethod = momentum", 0, 0, false, false },
    { BITS "hidden = 2\nnegative = metropolis\nsteps = 3\nchains = 32\niterations = 33\nmethod = sgd\nschedule = "
           "constant\nclip = 0.05",
      0, 0, false, false },
    { BITS "hidden = 2\nnegative = exact\niterations = 30\nmethod = adam\nlearning_rate = 0.05\nprior = 2", 0, 0, false,
      false },
    { BITS "hidden = 2\nnegative = exact\npartition = no\niterations = 30\nmethod = sgd\nlearning_rate = 0.05", 0, 0,
      false, false },
    { SPINS "chains = 32\niterations = 35\nmethod = adam\nais_chains = 32\nais_steps = 5", 0, 0, false, false },
    { SPINS "negative = metropolis\nchains = 32\niterations = 20\nmethod = sgd", 0, 0, false, false },
    { SPINS "negative = exact\niterations = 25\nmethod = momentum\nsamples = 20\nheld_out = 0.3", 0, 0, false, false },
    { REAL "hidden = 2\nchains = 32\niterations = 40\nmethod = sgd\nsamples = 16\nclip = 0.2", 0, 0, false, false },
    { REAL "hidden = 2\nchains = 32\niterations = 25\nrepresentation = amplitude\nheld_out = 0.5", 0, 0, false, false },
    { REAL
      "hidden = 1\nnegative = metropolis\nchains = 32\niterations = 25\ndimensions = 2\nsigma = 1.5\nrepresentation = "
      "amplitude",
      0, 0, false, false },
    { REAL "hidden = 1\nnegative = metropolis\nchains = 32\niterations = 25\ndimensions = 4\nsigma = 1, 2, 3", 0, 0,
      false, false },
    { REAL
      "hidden = 2\nnegative = exact\niterations = 20\nmethod = adam\ndimensions = 2\nsigma = 1, 3\ntrain_sigma = no",
      0, 0, false, false },
    { REAL "hidden = 2\nnegative = exact\niterations = 20\nmethod = adam\nlearning_rate = 1e300", 0, 0, false, false },
    { REAL "hidden = 2\nnegative = exact\niterations = 20\nmethod = sgd\nlearning_rate = 1e3", 0, 0, false, false },
    { REAL "hidden = 2\nnegative = exact\niterations = 1\nmethod = sgd\nlearning_rate = 1e308", 0, 0, false, false },
    { REAL "hidden = 2\nnegative = exact\niterations = 0", 0, 0, false, false },
    { REAL "hidden = 2\nnegative = exact\niterations = 0\nmethod = exact", 0, 0, false, false },
    // the history beyond its first memory
    { BITS "hidden = 0\nnegative = exact\niterations = 1100\nmethod = adam\nheld_out = 0", 0, 0, false, false },
    { BITS EXACT "hidden = 3\nstarts = 5\niterations = 120\n[run]\nseed = 4\ncheckpoint_interval = 0.2", 0, 0, false,
      false },
    // a posterior
    { SPINS EXACT "iterations = 30\nposterior = yes\nposterior_samples = 256", 0, 0, false, false },
    { "data = pair.csv\nvisible = spins\n" EXACT
      "iterations = 10\nposterior = yes\nposterior_samples = 13500\nprior = 3",
      0, 0, false, false },
    { BITS EXACT "hidden = 1\niterations = 30\nstarts = 1\nposterior = yes\nposterior_samples = 130", 0, 0, false,
      false },
    // ln Z: more states than are summed, at most 2^14 of them now and then, more operations than are worth it
    { "data = wide.csv\nvisible = binary\nhidden = 30\nchains = 32\niterations = 12\nais_chains = 64\nais_steps = 9", 0,
      0, false, false },
    { "data = wide.csv\nvisible = binary\nhidden = 22\nchains = 32\niterations = 3\nais_chains = 32\nais_steps = 3", 0,
      0, false, false },
    { "data = wide.csv\nvisible = binary\nhidden = 30\n" EXACT "iterations = 3", 0, 0, false, false },
    { "data = wide.csv\nvisible = binary\nhidden = 20\nnegative = exact\niterations = 3", 0, 0, false, true },
    { "data = wide.csv\nvisible = binary\nhidden = 21\nnegative = exact\niterations = 3", 0, 0, false, true },
    { "data = wide.csv\nvisible = binary\nhidden = 14\nchains = 32\niterations = 2\nsamples = 30\nheld_out = 0", 0, 0,
      false, false },
    { "data = wide.csv\nvisible = binary\nhidden = 15\nchains = 32\niterations = 2\nsamples = 30\nheld_out = 0", 0, 0,
      false, false },
    // what is looked at without learning
    { BITS "hidden = 2\nchains = 64", 0, 0, false, true },
    { BITS EXACT "hidden = 2", 0, 0, false, true },
    { REAL "hidden = 40\nchains = 32\nheld_out = 0.5", 0, 0, false, true },
    { SPINS "negative = metropolis\nchains = 96", 0, 0, false, true },
    // what is refused
    { "data = equal.csv\nvisible = spins\n" EXACT, 0, 0, false, false },
    { "data = opposite.csv\nvisible = spins\n" EXACT, 0, 0, false, false },
    { "data = equal.csv\nvisible = spins\nprior = 1\niterations = 5\n" EXACT, 0, 0, false, false },
    { "data = one.csv\nvisible = spins\n" EXACT, 0, 0, false, false },
    { "data = one.csv\nvisible = binary\niterations = 5\n" EXACT, 0, 0, false, false },
    { REAL EXACT "dimensions = 3", 0, 0, false, false },
    { REAL EXACT "dimensions = 2\nsigma = 1, 2, 3", 0, 0, false, false },
    { "data = flat.csv\n" EXACT "held_out = 0.5\niterations = 3", 0, 0, false, false },
    { "data = flat.csv\n" EXACT "held_out = 0.5\niterations = 3\n[run]\nseed = 2", 0, 0, false, false },
    { "data = flat.csv\n" EXACT "held_out = 0.5\niterations = 3\n[run]\nseed = 3", 0, 0, false, false },
    { "data = nowhere.csv\n" EXACT, 0, 0, false, false },
    { "data = three.csv\nvisible = binary\nheld_out = 0.9\niterations = 2\n" EXACT, 0, 0, false, false },
    { "data = three.csv\nvisible = binary\nheld_out = 0.6\niterations = 2\n" EXACT, 0, 0, false, false },
    { "data = three.csv\nvisible = binary\nheld_out = 0.17\niterations = 2\n" EXACT, 0, 0, false, false },
    // a unit that is the same in all samples to learn from
    { "data = almost.csv\nvisible = binary\nheld_out = 0.5\niterations = 2\n" EXACT "[run]\nseed = 1", 0, 0, false,
      false },
    { "data = almost.csv\nvisible = binary\nheld_out = 0.5\niterations = 2\n" EXACT "[run]\nseed = 2", 0, 0, false,
      false },
    { "data = almost.csv\nvisible = binary\nheld_out = 0.5\niterations = 2\n" EXACT "[run]\nseed = 3", 0, 0, false,
      false },
    // complete, and nothing is asked for beyond it
    { SPINS EXACT "iterations = 3", 0, 0, false, false },
    { SPINS EXACT "iterations = 3", 0, 0, true, false },
    { SPINS EXACT "iterations = 4", 0, 0, true, false },
    // stopped and gone on with: in the iterations, while ln Z is found, in the posterior; by time
    { SPINS EXACT "iterations = 40", 7, 0, false, false },
    { SPINS EXACT "iterations = 40", 0, 0, true, false },
    { SPINS EXACT "iterations = 40", 0, 0, true, false },
    { SPINS EXACT "iterations = 60", 0, 0, true, false },
    { SPINS EXACT "iterations = 20", 0, 0, true, false },
    { SPINS EXACT "iterations = 40\nprior = 1", 0, 0, true, false },
    { BITS EXACT "iterations = 40\nheld_out = 0.2", 0, 0, true, false },
    { BITS EXACT "hidden = 2\niterations = 30\nstarts = 2", 25, 0, false, false },
    { BITS EXACT "hidden = 2\niterations = 30\nstarts = 2", 0, 0, true, false },
    { BITS EXACT "hidden = 2\niterations = 50\nstarts = 2", 0, 0, true, false },
    { BITS "hidden = 2\nchains = 32\niterations = 20\nsamples = 12", 9, 0, false, false },
    { BITS "hidden = 2\nchains = 32\niterations = 20\nsamples = 12", 5, 0, true, false },
    { BITS "hidden = 2\nchains = 32\niterations = 20\nsamples = 12", 0, 0, true, false },
    { BITS "hidden = 2\nchains = 32\niterations = 30\nsamples = 12", 0, 0, true, false },
    { BITS "hidden = 2\nnegative = metropolis\nchains = 32\niterations = 20", 0, 0.3, false, false },
    { BITS "hidden = 2\nnegative = metropolis\nchains = 32\niterations = 20", 0, 1, true, false },
    { "data = wide.csv\nvisible = binary\nhidden = 30\nchains = 32\niterations = 3\nais_chains = 32\nais_steps = 9", 6,
      0, false, false },
    { "data = wide.csv\nvisible = binary\nhidden = 30\nchains = 32\niterations = 3\nais_chains = 32\nais_steps = 9", 0,
      0, true, false },
    { SPINS EXACT "iterations = 8\nposterior = yes\nposterior_samples = 64", 90, 0, false, false },
    { SPINS EXACT "iterations = 8\nposterior = yes\nposterior_samples = 64", 0, 0, true, false },
};

// The same again with settings thrown together.
static void say_random_jobs(FILE *out)
{
    static const char *const data[] = { SPINS, BITS, REAL }, *const negatives[] = { "gibbs", "metropolis", "exact" },
                             *const methods[] = { "adam", "sgd", "momentum", "exact" },
                             *const schedules[] = { "constant", "inverse", "cosine" };
    struct rng random;
    rng_start(&random, 12, 34);
    for (size_t k = 0; k < 24; k++) {
        char keys[900];
        const size_t negative = rng_next(&random) % 3, method = rng_next(&random) % (negative == 2 ? 4 : 3);
        int used = snprintf(keys, sizeof keys, "%snegative = %s\nmethod = %s\n", data[rng_next(&random) % 3],
                            negatives[negative], methods[method]);
        const struct {
            const char *key;
            double least, most;
            bool whole;
        } numbers[] = { { "hidden", 0, 4, true },
                        { "iterations", 1, 40, true },
                        { "samples", 1, 90, true },
                        { "steps", 1, 4, true },
                        { "learning_rate", 0.001, 0.2, false },
                        { "decay", 0.01, 1, false },
                        { "clip", 0.01, 1, false },
                        { "held_out", 0, 0.6, false },
                        { "prior", 0.3, 3, false },
                        { "init_scale", 0, 1, false },
                        { "starts", 1, 3, true },
                        { "dimensions", 1, 3, true } };
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
            const double value = numbers[i].least + rng_uniform(&random) * (numbers[i].most - numbers[i].least);
            if (i < 2 || rng_next(&random) % 3 == 0)
                used += snprintf(keys + used, sizeof keys - (size_t)used,
                                 numbers[i].whole ? "%s = %.0f\n" : "%s = %.3g\n", numbers[i].key, value);
        }
        used += snprintf(keys + used, sizeof keys - (size_t)used,
                         "chains = 32\nais_chains = 32\nais_steps = 4\nschedule = %s\n",
                         schedules[rng_next(&random) % 3]);
        if (rng_next(&random) % 4 == 0)
            snprintf(keys + used, sizeof keys - (size_t)used, "train_sigma = no\nrepresentation = amplitude\n");
        say_job(out, &(struct job){ .keys = keys });
    }
}

static void say_jobs(FILE *out)
{
    write_samples("spins.csv", MACHINE_SPINS, 60, 4, 1);
    write_samples("pair.csv", MACHINE_SPINS, 60, 2, 8);
    write_samples("bits.csv", MACHINE_BINARY, 70, 5, 2);
    write_samples("real.csv", MACHINE_GAUSSIAN, 80, 4, 3);
    write_samples("wide.csv", MACHINE_BINARY, 40, 40, 4);
    write_samples("one.csv", MACHINE_SPINS, 0, 1, 5);
    write_text("equal.csv", "1,1,1\n-1,-1,1\n1,1,-1\n-1,-1,-1\n");
    write_text("opposite.csv", "1,1,-1\n-1,1,1\n1,-1,-1\n-1,-1,1\n");
    write_text("one.csv", "1\n-1\n1\n");
    write_text("flat.csv", "1,2\n1,3\n1,5\n1,1\n1,2\n1,7\n1,9\n8,1\n");
    write_text("almost.csv", "0,1,1\n1,0,1\n1,0,0\n1,0,1\n1,0,0\n1,0,1\n1,0,0\n1,0,1\n");
    write_text("three.csv", "0,1\n1,0\n1,1\n");
    for (size_t k = 0; k < sizeof jobs / sizeof *jobs; k++)
        say_job(out, &jobs[k]);
    // other samples than those it was begun with
    say_job(out, &(struct job){ .keys = SPINS EXACT "iterations = 20", .stops_at = 5 });
    write_samples("spins.csv", MACHINE_SPINS, 60, 4, 6);
    say_job(out, &(struct job){ .keys = SPINS EXACT "iterations = 20", .resume = true });
    unlink("o.h5");
    say_job(out, &(struct job){ .keys = SPINS EXACT "iterations = 20", .resume = true });
    say_random_jobs(out);
}

int main(int argc, char **argv)
{
    char *now = NULL, folder[] = "/tmp/vmc-learning-XXXXXX", record[PATH_MAX] = "";
    size_t length = 0;
    if (argc < 2)
        return 2;
    const bool shows = strcmp(argv[1], "--show") == 0;
    if (!shows && strcmp(level_name(), "x86-64") == 0) {
        printf("skipped: without fused multiply-adds chains go other ways\n");
        return 77;
    }
    if ((!shows && !realpath(argv[1], record)) || !mkdtemp(folder) || chdir(folder) != 0)
        return 2;
    record_prepare_hdf5();
    FILE *out = shows ? stdout : open_memstream(&now, &length);
    say_machines(out);
    say_passes(out);
    say_partition(out);
    say_jobs(out);
    fclose(out);
    const int status = shows ? 0 : recorded_judge_nearly(record, argc > 2, now, 1e-8);
    free(now);
    char command[sizeof folder + 16];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 ? status : 2;
}
