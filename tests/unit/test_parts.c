// SPDX-License-Identifier: GPL-3.0-or-later
// What everything stands on, against a record: rows of parameters of every kind with texts of every kind, messages,
// memory, products of rows in just their memory; sweeps and questions about known values that dice make up. Long
// records are kept as digests, which --show writes out.
//
//     test_parts RECORD            compares
//     test_parts RECORD --write    records anew
//     test_parts --show            prints everything
#include "support/recorded.h"
#include "support/shown.h"

#include "base/gsl_guard.h"
#include "base/memory.h"
#include "base/products.h"
#include "vmc/config.h"
#include "vmc/param.h"
#include "vmc/reference.h"
#include "vmc/rng.h"
#include "vmc/sweep.h"

#include <gsl/gsl_errno.h>
#include <locale.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool shows;

// ---- parameters

struct state {
    double real;
    size_t count, choice;
    uint64_t seed;
    bool flag;
    struct param_reals reals;
    struct param_names names;
    char *text;
};

static const char *colour(size_t index)
{
    static const char *const names[] = { "red", "green", "blue" };
    return index < 3 ? names[index] : NULL;
}

// Eighteen names, more than a list may have, and longer than a text.
static const char *word(size_t index)
{
    static char names[18][48];
    if (index >= 18)
        return NULL;
    snprintf(names[index], sizeof names[index], "a-name-that-is-longer-than-names-are-%zu", index);
    return names[index];
}

#define NAMES(...) PARAM_NAMES(state, names, __VA_ARGS__)
static const struct param rows[] = {
    PARAM_REAL(state, real, .range = PARAM_ANY),
    PARAM_REAL(state, real, .unit = "s"),
    PARAM_REAL(state, real, .range = PARAM_ABOVE(0), .may_be_auto = true),
    PARAM_REAL(state, real, .range = PARAM_AT_LEAST(0.1)),
    PARAM_REAL(state, real, .range = PARAM_WITHIN(-1, 1)),
    PARAM_REAL(state, real, .range = PARAM_ABOVE_BELOW(0, 1)),
    PARAM_REAL(state, real, .range = { 0, 1, false, true }),
    PARAM_REAL(state, real, .range = { 0, 1, true, false }),
    PARAM_REAL(state, real, .range = { -INFINITY, 3, true, false }),
    PARAM_REAL(state, real, .range = { -INFINITY, 3, true, true }),
    PARAM_REAL(state, real, .range = { 0, 0, true, false }),
    PARAM_REAL(state, real, .range = { 0, 0, false, true }),
    PARAM_COUNT(state, count, .fallback = "1"),
    PARAM_COUNT(state, count, .range = PARAM_WITHIN(1, 1e6)),
    PARAM_COUNT(state, count, .range = PARAM_WITHIN(32, 1e9), .multiple = 32),
    PARAM_COUNT(state, count, .range = PARAM_WITHIN(33, 1e9), .multiple = 32),
    PARAM_COUNT(state, count, .multiple = 5, .may_be_auto = true),
    PARAM_COUNT(state, count, .may_be_auto = true),
    PARAM_SEED(state, seed, .help = ""),
    PARAM_BOOL(state, flag, .help = ""),
    PARAM_CHOICE(state, choice, .choice = colour),
    PARAM_CHOICE(state, choice, .choice = word),
    PARAM_REALS(state, reals, .range = PARAM_ABOVE(0), .most = 3, .may_be_auto = true),
    PARAM_REALS(state, reals, .range = PARAM_ANY, .most = 2),
    PARAM_REALS(state, reals, .range = PARAM_AT_LEAST(0), .most = 1, .may_be_none = true),
    PARAM_REALS(state, reals, .range = PARAM_ANY),
    PARAM_REALS(state, reals, .range = PARAM_ANY, .most = 20),
    NAMES(.choice = colour),
    NAMES(.choice = colour, .most = 1),
    NAMES(.choice = colour, .most = 2, .may_be_auto = true),
    NAMES(.choice = colour, .may_be_none = true),
    NAMES(.choice = colour, .may_be_none = true, .may_be_auto = true),
    NAMES(.choice = word, .may_be_auto = true),
    NAMES(.choice = word, .most = 17),
    PARAM_TEXT(state, text, .help = ""),
};
enum { ROWS = sizeof rows / sizeof *rows };

static const char *const texts[] = {
    "",
    "0",
    "1",
    "-1",
    "+1",
    "00",
    "007",
    "0.1",
    ".5",
    "5.",
    "1e0",
    "1e3",
    "1E3",
    "1e-3",
    "-0",
    "-0.0",
    "1.5",
    "2.5e1",
    "0.3",
    "0.30000000000000004",
    "1e-320",
    "1e308",
    "1e309",
    "-1e309",
    "1e400",
    "9007199254740992",
    "9007199254740993",
    "9.007199254740992e15",
    "9.007199254740994e15",
    "1e16",
    "18446744073709551615",
    "18446744073709551616",
    "1.8446744073709552e19",
    "31",
    "32",
    "33",
    "64",
    "63.5",
    "1e9",
    "1000000000",
    "1000000001",
    "96",
    "100",
    "5",
    "7",
    "3",
    "2.9999999999999996",
    "3.0000000000000004",
    "1e6",
    "1000001",
    "nan",
    "inf",
    "infinity",
    "0x10",
    "1 ",
    " 1",
    "1 2",
    "1,2",
    "1, 2",
    "1,2,3",
    "1,2,3,4",
    "1,,2",
    ",1",
    "1,",
    ",",
    "1,-2",
    "0,1",
    "1,2,3,4,5,6,7,8",
    "1,2,3,4,5,6,7,8,9",
    "1, x",
    "1e400, 2",
    "e5",
    "--1",
    "1-1",
    "1e",
    "yes",
    "no",
    "YES",
    "True",
    "false",
    "on",
    "oFF",
    "y",
    "auto",
    "none",
    "Auto",
    "auto, 1",
    "auto, red",
    "red, auto",
    "none, red",
    "red",
    "green",
    "blue",
    "Red",
    "red,green",
    "red, green, blue",
    "red,red",
    "red,,blue",
    "red , blue",
    "\tred\t,\tblue\t",
    "yellow",
    "red, yellow",
    "re",
    "redd",
    "a\tb",
    "a\x01\x7f"
    "b",
    "caf\xc3\xa9",
    "a text of sixty bytes, which is as long as what is quoted....",
    "a text of sixty-one bytes, that is one more than is quoted...",
    "fifty-nine bytes and then a letter of two, which is the e:.\xc3\xa9 and more",
    "\xe2\x82\xac",
    "\xff\xfe",
    "a-name-that-is-longer-than-names-are-0",
    "a-name-that-is-longer-than-names-are-17, a-name-that-is-longer-than-names-are-2",
};
enum { TEXTS = sizeof texts / sizeof *texts };

static void say_value(FILE *out, const struct param *row, const char *text, struct state *state)
{
    char why[PARAM_TEXT_SIZE], printed[PARAM_TEXT_SIZE];
    double numbers[PARAM_LIST_MOST] = { 7.5, 7.5, 7.5 };
    const bool good = param_parse(row, text, state, why);
    fprintf(out, "'%s': %d %s;", text, good, why);
    param_print(row, state, printed);
    const size_t n = param_numbers(row, state, numbers);
    fprintf(out, " %s; %zu", printed, n);
    for (size_t k = 0; k < (n > 0 ? n : 1); k++)
        fprintf(out, " %.17g", numbers[k]);
    if (row->kind == PARAM_KIND_NAMES)
        fprintf(out, "; %zu %d", state->names.n, state->names.is_auto);
    fputc('\n', out);
}

static void say_params(FILE *out)
{
    static const struct state first = { .real = 0.25, .count = 3, .choice = 1, .seed = 9 };
    for (size_t r = 0; r < ROWS; r++) {
        struct recorded_part part;
        FILE *own = recorded_begin(&part, out);
        struct state state = first;
        char name[40], allowed[PARAM_TEXT_SIZE], most[2][PARAM_TEXT_SIZE + 2];
        param_describe(&rows[r], allowed);
        fprintf(own, "%s\n", allowed);
        for (size_t t = 0; t < TEXTS; t++)
            say_value(own, &rows[r], texts[t], &state);
        for (size_t k = 0; k < 2; k++) {  // as long as a text may be, and longer
            memset(most[k], 'x', sizeof most[k]);
            most[k][PARAM_TEXT_SIZE - 1 + k] = '\0';
            say_value(own, &rows[r], most[k], &state);
            most[k][PARAM_TEXT_SIZE / 2] = ',';
            say_value(own, &rows[r], most[k], &state);
            memset(most[k], '1', strlen(most[k]));
            say_value(own, &rows[r], most[k], &state);
            most[k][0] = ',';
            say_value(own, &rows[r], most[k], &state);
        }
        param_release(NULL, &state);
        const struct param alone[] = { rows[r], PARAM_END };
        param_release(alone, &state);
        fprintf(own, "%d\n", state.text == NULL);
        snprintf(name, sizeof name, "row %zu", r);
        recorded_end(&part, own, name, shows);
    }
    const struct param some[] = { rows[0], rows[12], PARAM_END };
    fprintf(out, "found: %d %d %d %d\n", param_find(some, "real") == &some[0], param_find(some, "count") == &some[1],
            param_find(some, "reals") == NULL, param_find(NULL, "real") == NULL);
}

static void say_reals(FILE *out)
{
    struct recorded_part part;
    FILE *own = recorded_begin(&part, out);
    struct rng rng;
    rng_start(&rng, 1, 2);
    for (int k = 0; k < 400; k++) {
        const double value = (rng_uniform(&rng) - 0.5) * pow(10, floor(40 * rng_uniform(&rng)) - 20);
        struct state state = { .real = k % 3 == 0 ? strtod("0.1", NULL) * k : value };
        char text[PARAM_TEXT_SIZE];
        param_print(&rows[0], &state, text);
        fprintf(own, "%s %d\n", text, strtod(text, NULL) == state.real);
    }
    recorded_end(&part, own, "reals", shows);
}

// ---- messages

static void say_errors(FILE *out)
{
    static const char *const said[] = { "plain",        "a\nb\tc",
                                        "a\x1b[31mb",   "caf\xc3\xa9 \xe2\x82\xac \xf0\x9d\x84\x9e",
                                        "cut \xe2\x82", "\xc3(",
                                        "\x7f",         "",
                                        "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                        "\xc0\x80",     "end\x01" };
    struct error error = { 0 };
    error_clear(&error);
    error_clear(NULL);
    fprintf(out, "messages: %d", error_add(NULL, ERROR_USAGE, "%s", "nobody hears"));
    for (size_t k = 0; k < sizeof said / sizeof *said; k++) {
        error_add(&error, k == 0 ? ERROR_CONFIG : ERROR_WRITE, "%s %zu", said[k], k);
        fprintf(out, " %d/%zu", (int)error.kind, error.n_messages);
    }
    fprintf(out, "\n%s\n", error.text);
    error_clear(&error);
    fprintf(out, "cleared: %d %zu %d\n", (int)error.kind, error.n_messages, error.text == NULL);
    // lack of memory makes another error of the next one, once
    for (int k = 0; k < 3; k++) {
        volatile size_t absurd = SIZE_MAX / 4;
        if (k < 2)
            free(memory_take(absurd));
        error_add(&error, k == 1 ? ERROR_INTERNAL : ERROR_DAMAGED, "message %d", k);
        fprintf(out, "%d %zu: %s\n", (int)error.kind, error.n_messages, error.text);
        error_clear(&error);
    }
}

// ---- memory

static bool is_zero(const double *values, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (values[k] != 0)
            return false;
    return true;
}

static void say_memory(FILE *out)
{
    static const size_t sizes[] = { 0, 1, 7, 8, 9, 511, 131071, 131072, 131073, 131200, 140000, 300001 };
    fputs("memory:", out);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const size_t n = sizes[k], filled = (n > 0 ? (n + 7) / 8 : 1) * 8;
        bool zero = true;
        for (int turn = 0; turn < 3; turn++) {  // what another one leaves behind is taken again
            void *between = malloc(100 + 5000 * (size_t)turn);
            double *memory = memory_doubles(n);
            zero = zero && memory && (uintptr_t)memory % 64 == 0 && is_zero(memory, filled);
            for (size_t i = 0; i < filled; i++)
                memory[i] = 1;
            memory_free(memory);
            free(between);
        }
        fprintf(out, " %zu %d", n, zero);
    }
    double *rows_of = memory_rows(3);
    fprintf(out, "; rows %d", is_zero(rows_of, 96));
    memory_free(rows_of);
    memory_free(NULL);
    (void)memory_ran_out();
    fprintf(out, "; absurd %d", memory_doubles(SIZE_MAX / 16) == NULL);
    fprintf(out, " %d", memory_ran_out());
    fprintf(out, " %d", memory_doubles(SIZE_MAX / 16 + 1) == NULL);
    fprintf(out, " %d", memory_ran_out());
    fprintf(out, " %d %d %d", memory_doubles(SIZE_MAX) == NULL, memory_rows(SIZE_MAX / 32) == NULL,
            memory_rows(SIZE_MAX / 32 + 1) == NULL);
    volatile size_t most = SIZE_MAX / 4;
    fprintf(out, " %d", memory_ran_out());
    fprintf(out, " %d", memory_take(most) == NULL);
    fprintf(out, " %d", memory_ran_out());
    fprintf(out, " %d", memory_take_zeroed(most, 8) == NULL);
    fprintf(out, " %d", memory_ran_out());
    fprintf(out, " %d", memory_grow(NULL, most) == NULL);
    fprintf(out, " %d", memory_ran_out());
    fprintf(out, " %d\n", memory_ran_out());
    char *copy = memory_text("a copy"), *part = memory_text_part("a part", 3),
         *grown = memory_grow(memory_text("grown"), 90);
    unsigned char *zeros = memory_take_zeroed(3, 5);
    fprintf(out, "pieces: %s, %s, %s, %d\n", copy, part, grown, zeros[0] == 0 && zeros[14] == 0);
    free(copy);
    free(part);
    free(grown);
    free(zeros);
}

static void own_handler(const char *reason, const char *file, int line, int number)
{
    (void)reason, (void)file, (void)line, (void)number;
}

static gsl_error_handler_t *handler_now(void)
{
    gsl_error_handler_t *now = gsl_set_error_handler_off();
    gsl_set_error_handler(now);
    return now;
}

static void say_guard(FILE *out)
{
    gsl_error_handler_t *before = gsl_set_error_handler(own_handler);
    fputs("guard:", out);
    for (int turn = 0; turn < 2; turn++) {
        gsl_guard_begin();
        fprintf(out, " %d", handler_now() == own_handler);
        gsl_guard_begin();
        gsl_guard_end();
        fprintf(out, " %d", handler_now() == own_handler);
        gsl_guard_end();
        fprintf(out, " %d", handler_now() == own_handler);
    }
    gsl_set_error_handler(before);
    fputc('\n', out);
}

// ---- products

enum { MARKS = 32 };
static const double MARK = 8.125e20;

static double *take_random(size_t n, uint64_t seed)
{
    struct rng rng;
    rng_start(&rng, seed, n);
    double *values = memory_doubles(n + MARKS);
    for (size_t k = 0; k < n + MARKS; k++)
        values[k] = k < n ? 2 * rng_uniform(&rng) - 1 : MARK;
    return values;
}

static void give(FILE *out, double *values, size_t n)
{
    for (size_t k = n; k < n + MARKS; k++)
        if (values[k] != MARK)
            fprintf(out, " beyond");
    memory_free(values);
}

static void say_products_of(FILE *out, size_t n, size_t n_left, size_t n_right, size_t more)
{
    const size_t stride = n + more;
    double *left = take_random(stride * n_left, 1), *right = take_random(stride * n_right, 2), *y = take_random(n, 3),
           *w = take_random(n_left * n_right, 4), *result = take_random(n, 5),
           *gram = take_random(n_left * (n_left + 3), 6), *sum = take_random(n_left, 7),
           *square = take_random(n_left, 8), *centred = take_random(n * n_left, 9);
    const struct products_rows a = { n_left, stride, left }, b = { n_right, stride, right };
    fprintf(out, "%zu x %zu, %zu (+%zu):", n_left, n_right, n, more);
    products_apply(n, a, b, w, result);
    shown_numbers(out, n, result);
    products_outer(n, a, b, y, w);
    shown_numbers(out, n_left * n_right, w);
    products_gram(n, a, n_left + 3, gram);
    shown_numbers(out, n_left * (n_left + 3), gram);
    products_sums(n, a, sum, square);
    shown_numbers(out, n_left, sum);
    shown_numbers(out, n_left, square);
    products_centre(n, n_left, sum, centred);
    shown_numbers(out, n * n_left, centred);
    products_rows_times(n, y, right, result);
    shown_numbers(out, n, result);
    give(out, left, stride * n_left);
    give(out, right, stride * n_right);
    give(out, y, n);
    give(out, w, n_left * n_right);
    give(out, result, n);
    give(out, gram, n_left * (n_left + 3));
    give(out, sum, n_left);
    give(out, square, n_left);
    give(out, centred, n * n_left);
    fputc('\n', out);
}

static void say_products(FILE *out)
{
    static const size_t samples[] = { 8, 16, 24, 504, 512, 520, 1024, 1032, 1544 };
    for (size_t k = 0; k < sizeof samples / sizeof *samples; k++)
        for (size_t n_left = 1; n_left<14; n_left += k> 1 ? 2 : 1)
            say_products_of(out, samples[k], n_left, 1 + (n_left * 5 + k) % 12, 8 * ((n_left + k) % 3));
}

// ---- sweeps

static const char *const entries[] = {
    "system.omega = 0.5 | 1 | 2",
    "system.omega = 0.5:2:4",
    "system.omega = 0.1:0.5:5",
    "system.omega = 0.1:0.12345678901234567:3",
    "system.omega = 0.12345678901234567:1:3",
    "system.omega = 1, 2 | 2, 1",
    "system.omega = 1:2",
    "system.omega = 1:2:1",
    "system.omega = 1:2:3:4",
    "system.omega = 1:x:3",
    "system.omega = a:2:3",
    "system.omega = 1:2:x",
    "system.omega = 1:2:10001",
    "system.omega = 2:1:3",
    "system.omega = 1 | 1",
    "system.omega = 1:2:3 | 1.5",
    "system.omega = 0:1:3",
    "system.omega = -1 | 1",
    "system.omega = | 1",
    "system.omega = 1 |",
    "system.omega = 1 || 2",
    "system.omega =",
    "system.omega = 1 | ; 2",
    "system.omega = #1 | 2",
    "system.omega = 1",
    "rbm.hidden = 1:3:3",
    "rbm.hidden = 2 | 4",
    "rbm.hidden = 2, 4",
    "rbm.hidden = 1:4:3",
    "rbm.hidden = -1 | 2 | 3",
    "rbm.hidden = two | 2",
    "rbm.sigma = 1 | auto",
    "rbm.sigma = 0.7:0.9:3",
    "run.seed = 1 | 2 | 3",
    "run.seed = 1:5:5",
    "run.seed = x",
    "run.sed = 1 | 2",
    "system.particles = 1 | 2",
    "system.dimensions = 1 | 2 | 3",
    "system.interaction = none | coulomb",
    "system.interaction = coulomb, none",
    "optimizer.method = adam | sgd | sr",
    "optimizer.method = adam, sgd",
    "optimizer.learning_rate = 0.1 | 0.01",
    "optimizer.iterations = 0 | 10",
    "wavefunction.factors = rbm | rbm, pade-jastrow",
    "wavefunction.load = a:b:c | d:e:f",
    "sampler.method = metropolis | langevin",
    "sampler.step = 0.5:1:2",
    "sampler.walkers = 64 | 65",
    "interaction.strength = 0 | 1",
    "interaction.softening = 0.1 | 0.2",
    "nowhere.key = 1 | 2",
    "system.nothing = 1 | 2",
    "omega = 1 | 2",
    "hidden = 1 | 2",
    "nothing = 1 | 2",
    ".omega = 1 | 2",
    "system. = 1 | 2",
    "sweep.omega = 1 | 2",
    "measure.samples = 3200 | 6400",
    "gaussian.alpha = 0.8:1.2:3",
};
enum { ENTRIES = sizeof entries / sizeof *entries };

static void say_point(FILE *out, const struct sweep *sweep, const struct config *config, size_t point)
{
    struct config one;
    struct error error = { 0 };
    fprintf(out, "    %zu:", point);
    for (size_t a = 0; a < sweep->n_axes; a++)
        fprintf(out, " %s", sweep_value(sweep, a, point));
    if (sweep_point(sweep, config, point, &one, &error)) {
        for (size_t k = 0; k < one.n_entries; k++)
            if (strcmp(one.entries[k].section, "sweep") != 0)
                fprintf(out, "; %s.%s = %s (%zu)", one.entries[k].section, one.entries[k].key, one.entries[k].value,
                        one.entries[k].line);
        config_finish(&one);
    }
    fprintf(out, " %s\n", error.text ? error.text : "");
    error_clear(&error);
}

static void say_sweep(FILE *out, const char *text, const char *set)
{
    struct config config = { .job = CONFIG_RUN };
    struct sweep sweep;
    struct error error = { 0 }, notes = { 0 };
    fprintf(out, "%s", text);
    if (config_parse(&config, "f.ini", text, strlen(text), &error) && (!set || config_set(&config, set, &error))) {
        fprintf(out, "  asked %d\n", sweep_asked(&config));
        const bool read = sweep_read(&sweep, &config, &error);
        fprintf(out, "  read %d: %zu axes, %zu points, %d\n", read, sweep.n_axes, sweep.n_points, sweep.seed_swept);
        for (size_t a = 0; a < sweep.n_axes; a++) {
            fprintf(out, "   %s.%s %zu %s:", sweep.axes[a].section ? sweep.axes[a].section : "?",
                    sweep.axes[a].key ? sweep.axes[a].key : "?", sweep.axes[a].line,
                    sweep.axes[a].origin ? sweep.axes[a].origin : "?");
            for (size_t k = 0; k < sweep.axes[a].n && k < 12; k++)
                fprintf(out, " %s", sweep.axes[a].values[k]);
            fprintf(out, " %zu\n", sweep.axes[a].n);
        }
        for (size_t k = 0; read && k < sweep.n_points && k < 200; k += 1 + k / 4)
            say_point(out, &sweep, &config, k);
        if (read && sweep.n_points < 400)
            fprintf(out, "  checked %d\n", sweep_check(&sweep, &config, &error, &notes));
        sweep_finish(&sweep);
    }
    config_finish(&config);
    fprintf(out, "  %d %zu: %s\n  notes %zu: %s\n", (int)error.kind, error.n_messages, error.text ? error.text : "",
            notes.n_messages, notes.text ? notes.text : "");
    error_clear(&error);
    error_clear(&notes);
}

static void say_sweeps(FILE *out)
{
    static const char *const starts[] = {
        "", "[run]\nseed = 7\n", "[system]\nparticles = 2\ndimensions = 2\ninteraction = coulomb\n[run]\nseed = x\n",
        "[system]\nparticles = 2\ndimensions = 2\n[wavefunction]\nfactors = gaussian\n[optimizer]\niterations = 0\n",
        "[system]\nparticles = 0\n[rbm]\nhidden = 1\n"
    };
    static const char *const sets[] = { NULL,           "sweep.system.omega=1 | 3", "system.omega=3",
                                        "rbm.hidden=1", "sweep.run.seed=4:8:3",     "run.seed=18446744073709551615" };
    struct rng rng;
    rng_start(&rng, 77, 1);
    for (size_t k = 0; k < 6; k++) {
        struct recorded_part part;
        FILE *own = recorded_begin(&part, out);
        char name[40];
        for (size_t turn = 0; turn < 60; turn++) {
            char text[2000];
            int used = snprintf(text, sizeof text, "%s[sweep]\n", starts[rng_next(&rng) % 5]);
            const size_t n = rng_next(&rng) % 4;
            for (size_t e = 0; e < n || (k == 0 && e < 1); e++)
                used += snprintf(text + used, sizeof text - (size_t)used, "%s\n",
                                 entries[k == 0 && e == 0 ? turn % ENTRIES : rng_next(&rng) % ENTRIES]);
            say_sweep(own, text, rng_next(&rng) % 3 == 0 ? sets[rng_next(&rng) % 6] : NULL);
        }
        snprintf(name, sizeof name, "sweeps %zu", k);
        recorded_end(&part, own, name, shows);
    }
}

static void say_sweep_bounds(FILE *out)
{
    struct recorded_part part;
    FILE *own = recorded_begin(&part, out);
    static const char *const bounds[] = { "[sweep]\nsystem.omega = 1:2:100\nrun.seed = 1:100:100\n",
                                          "[sweep]\nsystem.omega = 1:2:100\nrun.seed = 1:101:101\n",
                                          "[sweep]\nsystem.omega = 1:2:10000\n",
                                          "[sweep]\nsystem.omega = 1:2:10000 | 3\n",
                                          "[sweep]\nsystem.omega = 1:2:5000\nrbm.hidden = 1 | 2\n",
                                          "[sweep]\nsystem.omega = 1:2:5001\nrbm.hidden = 1 | 2\nrun.seed = 1 | 2\n",
                                          "[system]\nparticles = 2\n",
                                          "[sweep]\n" };
    for (size_t k = 0; k < sizeof bounds / sizeof *bounds; k++)
        say_sweep(own, bounds[k], NULL);
    say_sweep(own, "[system]\nparticles = 2\n", "sweep.system.omega=1 | 2");
    say_sweep(own, "", "sweep.system.omega=1 | 2");
    for (size_t n = 15; n < 18; n++) {
        char text[1000];
        int used = snprintf(text, sizeof text, "[sweep]\n");
        for (size_t k = 0; k < n; k++)
            used += snprintf(text + used, sizeof text - (size_t)used, "system.omega%zu = 1\n", k);
        say_sweep(own, text, NULL);
    }
    // more complaints than are told, and findings that need more memory
    say_sweep(own,
              "[sweep]\nrbm.hidden = "
              "a1|a2|a3|a4|a5|a6|a7|a8|a9|b1|b2|b3|b4|b5|b6|b7|b8|b9|c1|c2|c3|c4|c5|c6|c7|c8|c9|d1|d2|d3|"
              "d4|d5|d6|d7|d8|d9|e1|e2|e3|e4|e5|e6|e7|e8|e9|f1|f2|f3|f4|f5|f6|f7|f8|f9\n",
              NULL);
    say_sweep(own, "[sweep]\nsystem.omega = x | 1 | 2\nrbm.hidden = y | 1\n", NULL);
    static const char *const paths[] = { "a.h5", "a",  ".h5",    "b/.h5",  "b.c/a", "b.c/a.d.h5", "/",
                                         "a.",   "b/", "a/b.c/", "./a.h5", "..",    "",           "a..h5" };
    for (size_t k = 0; k < sizeof paths / sizeof *paths; k++)
        for (size_t size = 1; size < 20; size++) {
            char path[20] = "";
            const bool fits = sweep_output(paths[k], size * 777, path, size);
            fprintf(own, "%s %zu %zu %d %s\n", paths[k], sweep_stem(paths[k]), size, fits, path);
        }
    recorded_end(&part, own, "bounds of sweeps", shows);
}

// ---- known values

static double one_of(struct rng *rng, size_t n, const double *values)
{
    static const double off[] = { 9e-10, -9e-10, 1.1e-9, -1.1e-9 };
    const double value = values[rng_next(rng) % n];
    return rng_next(rng) % 12 == 0 ? value * (1 + off[rng_next(rng) % 4]) : value;
}
#define ONE_OF(rng, ...) \
    one_of(rng, sizeof((const double[]){ __VA_ARGS__ }) / sizeof(double), (const double[]){ __VA_ARGS__ })

static void say_questions(FILE *out, uint64_t seed)
{
    static const char *const interactions[] = { "coulomb",      "coulomb",     "none",          "harmonic",
                                                "soft-coulomb", "hard-sphere", "inverse-square" },
                             *const factors[] = { NULL,
                                                  "gaussian",
                                                  "rbm",
                                                  "gaussian, pade-jastrow",
                                                  "pade-jastrow,gaussian",
                                                  "rbm, pade-jastrow",
                                                  "pade-jastrow rbm",
                                                  "slater, pade-jastrow",
                                                  "rbm,rbm",
                                                  "gaussian, hard-core",
                                                  "gaussian, x",
                                                  "pade" },
                             *const representations[] = { NULL, "amplitude", "amplitude", "probability" },
                             *const quantities[] = { "energy", "energy", "energy",        "variance", "kinetic",
                                                     "trap",   "pair",   "mean_distance", "nothing" };
    static const size_t particles[] = { 2, 2, 2, 1, 3, 6, 8, 10, 12, 20 };
    struct recorded_part part;
    FILE *own = recorded_begin(&part, out);
    struct rng rng;
    size_t matched = 0;
    char name[60];
    rng_start(&rng, seed, 5);
    for (size_t k = 0; k < 3000; k++) {
        const double first = ONE_OF(&rng, 1, 1, 1, 0.5, 0.1, 1.0 / 6, 2, 5, 10, 0.28, 0.8);
        const bool even = rng_next(&rng) % 4 > 0;
        const struct reference_value values[] = {
            { "interaction.strength", ONE_OF(&rng, 1, 1, 1, 0, 2) },
            { "interaction.kappa", ONE_OF(&rng, 0.5, 1, 0, 2) },
            { "interaction.lambda", ONE_OF(&rng, 1, 2, 0.5) },
            { "interaction.softening", ONE_OF(&rng, 1, 0.1) },
            { "gaussian.alpha", ONE_OF(&rng, 1, 0.5, 0.988541, 0.980945) },
            { "pade-jastrow.beta", ONE_OF(&rng, 0.398627, 0.309834, 0.55872, 0.32604, 0.65989) },
            { "slater.alpha", ONE_OF(&rng, 0.92294, 0.8727, 0.87578) },
        };
        struct reference_query query = {
            .system = { .particles = particles[rng_next(&rng) % 10], .dimensions = 1 + rng_next(&rng) % 3 },
            .fermions = rng_next(&rng) % 3 == 0,
            .interaction = interactions[rng_next(&rng) % 7],
            .factors = factors[rng_next(&rng) % 12],
            .representation = representations[rng_next(&rng) % 4],
            .hidden = rng_next(&rng) % 10,
            .train_sigma = rng_next(&rng) % 2,
            .values = values + rng_next(&rng) % 2,
        };
        query.n_values = 6 + (query.values == values);
        query.values = rng_next(&rng) % 5 == 0 ? query.values : values;
        query.n_values = rng_next(&rng) % 6 == 0 ? rng_next(&rng) % 6 : query.n_values;
        query.spin_up = rng_next(&rng) % 4 == 0 ? rng_next(&rng) % 4 : query.system.particles / 2;
        const double sigma = ONE_OF(&rng, 1, 1, 1 / sqrt(2), 1 / sqrt(0.1), sqrt(2), 0.9);
        for (size_t d = 0; d < DIMENSIONS_MOST; d++) {
            query.system.omega[d] = even || d == 0 ? first : first == 0.8 ? 1.2 : ONE_OF(&rng, 1, 2, 0.5);
            query.sigma[d] = even || d == 0 ? sigma : ONE_OF(&rng, 1, 0.9, 1 / sqrt(2));
        }
        struct reference_match found[3];
        const char *quantity = quantities[rng_next(&rng) % 9];
        const size_t most = rng_next(&rng) % 4, n = reference_lookup(&query, quantity, found, most);
        matched += n > 0;
        fprintf(own, "%zu", n);
        for (size_t i = 0; i < n && i < most; i++)
            fprintf(own, "; %s %s %.12g %.6g %d %s %s", found[i].id, reference_kind_name(found[i].kind), found[i].value,
                    found[i].uncertainty, found[i].upper_bound, found[i].ansatz ? found[i].ansatz : "-",
                    found[i].source);
        fputc('\n', own);
    }
    snprintf(name, sizeof name, "questions %zu, %zu with an answer", (size_t)seed, matched);
    recorded_end(&part, own, name, shows);
}

int main(int argc, char **argv)
{
    char *now = NULL;
    size_t length = 0;
    if (argc < 2)
        return 2;
    shows = strcmp(argv[1], "--show") == 0;
    mallopt(M_MMAP_THRESHOLD, 64 << 20);  // large pieces are taken again as they were left
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    FILE *out = shows ? stdout : open_memstream(&now, &length);
    say_params(out);
    say_reals(out);
    say_errors(out);
    say_memory(out);
    say_guard(out);
    say_products(out);
    say_sweeps(out);
    say_sweep_bounds(out);
    for (uint64_t seed = 1; seed < 11; seed++)
        say_questions(out, seed);
    fclose(out);
    const int status = shows ? 0 : recorded_judge_nearly(argv[1], argc > 2, now, 1e-8);
    free(now);
    return status;
}
