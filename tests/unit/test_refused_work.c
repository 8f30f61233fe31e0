// SPDX-License-Identifier: GPL-3.0-or-later
// Memory runs out while a machine learns, and while texts are put together: every piece that is asked for is refused.
#include "support/refusal.h"

#include "base/memory.h"
#include "cli/keys.h"
#include "cli/learn.h"
#include "cli/options.h"
#include "cli/summary.h"
#include "cli/table.h"
#include "learn/state.h"
#include "vmc/learn.h"

#include <getopt.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// --- learning

static void append_numbers(char **result, size_t n, const double *values)
{
    char text[40];
    for (size_t k = 0; k < n; k++) {
        snprintf(text, sizeof text, " %.12g", values[k]);
        refusal_append(result, text);
    }
}

static bool build(struct config *config, struct settings *settings, enum config_job job, const char *text,
                  struct error *error)
{
    *config = (struct config){ .job = job };
    bool good = config_parse(config, "f.ini", text, strlen(text), error);
    config->job = job;
    good = good && settings_build(settings, config, error, NULL);
    if (!good)
        config_finish(config);
    return good;
}

static bool check_job(const char *text, char **result, struct error *error)
{
    struct config config;
    struct settings settings;
    struct learn_result found;
    const struct learn_options options = { .threads = 2, .output = "o.h5" };
    double memory = 0;
    if (!build(&config, &settings, CONFIG_LEARN, text, error))
        return false;
    const bool good = learn_check(&settings, &options, &found, &memory, error);
    if (good)
        append_numbers(result, 1, &memory);
    learn_result_finish(&found);
    settings_finish(&settings);
    config_finish(&config);
    return good;
}

static bool make_real(char **result, struct error *error)
{
    return check_job("[learn]\ndata = real.csv\nhidden = 2\nchains = 32\nheld_out = 0.3\n", result, error);
}

static bool make_bits(char **result, struct error *error)
{
    return check_job("[learn]\ndata = bits.csv\nvisible = binary\nnegative = exact\nmethod = exact\n", result, error);
}

static bool make_machine(char **result, struct error *error)
{
    static const struct machine_shape shape = { MACHINE_BINARY, 3, 2, 1, 1, 0, { 0 } };
    static const double theta[11] = { 0.1, -0.2, 0.3, 0.4, 0.5, -0.6, 0.7, 0.8, -0.9, 0.2, 0.3 },
                        samples[6] = { 1, 0, 1, 0, 1, 1 };
    const struct learn_annealing how = { .chains = 32, .steps = 3, .threads = 1, .seed = 1 };
    struct machine machine;
    struct learn_partition found;
    double ln_z, mean, gradient[11];
    if (!machine_build(&machine, &shape, error))
        return false;
    bool good = machine_prepare(&machine, theta) && learn_sum(&machine, 2, &ln_z, gradient, error);
    if (good)
        append_numbers(result, 11, gradient);
    good = good && learn_mean(&machine, 2, samples, 1, &mean, gradient, error) &&
           learn_anneal(&shape, theta, &how, &found, error);
    if (good) {
        append_numbers(result, 11, gradient);
        append_numbers(result, 3, (const double[]){ ln_z, mean, found.ln_z });
    }
    machine_finish(&machine);
    return good;
}

static bool make_posterior(char **result, struct error *error)
{
    static const char text[] = "[learn]\ndata = spins.csv\nvisible = spins\nnegative = exact\nmethod = "
                               "exact\niterations = 5\nposterior = yes\nposterior_samples = 64\n";
    struct config config;
    struct settings settings;
    struct learn_result found = { .end = NULL };
    const struct learn_options options = { .threads = 1, .output = "o.h5" };
    if (!build(&config, &settings, CONFIG_LEARN, text, error))
        return false;
    struct learn learn = { .settings = &settings,
                           .own = &settings.learn,
                           .options = &options,
                           .result = &found,
                           .saved = learn_wall(),
                           .deadline = INFINITY };
    const bool good = learn_build(&learn, error) && learn_iterate(&learn, error) &&
                      learn_sample_posterior(&learn, error);
    if (good) {
        append_numbers(result, learn.n_parameters, found.mean);
        append_numbers(result, learn.n_parameters, found.r_hat);
    }
    learn_finish(&learn);
    learn_result_finish(&found);
    settings_finish(&settings);
    config_finish(&config);
    return good;
}

// --- words

// Takes a text that is NULL where memory is short.
static bool take(char *text, char **result, struct error *error)
{
    if (text)
        refusal_append(result, text);
    free(text);
    return text || (error->n_messages > 0 ? false : error_add(error, ERROR_INTERNAL, "no memory"));
}

static bool make_summaries(char **result, struct error *error)
{
    struct config config;
    struct settings settings;
    const struct reference_match known = { .kind = REFERENCE_EXACT, .value = 3, .uncertainty = NAN, .source = "Who" };
    const struct run_result found = { .energy = 3, .energy_error = 0.1, .iterations = 3, .stop_reason = "done" };
    const struct run_estimate estimate = { .memory = 1e6, .draws = 3 };
    if (!build(&config, &settings, CONFIG_RUN, "[system]\nparticles = 2\ndimensions = 2\n", error))
        return false;
    const struct cli_summary summary = { .settings = &settings,
                                         .result = &found,
                                         .config = "f.ini",
                                         .output = "o.h5",
                                         .status = "complete",
                                         .threads = 2,
                                         .ranks = 1,
                                         .n_known = 1,
                                         .known = &known };
    const bool good = take(cli_summary_text(&summary, 80), result, error) &&
                      take(cli_summary_json(&summary), result, error) &&
                      take(cli_estimate_text(&estimate, 2), result, error) &&
                      take(cli_estimate_json(&estimate, 2), result, error);
    settings_finish(&settings);
    config_finish(&config);
    return good;
}

static bool make_keys(char **result, struct error *error)
{
    return take(cli_keys_text("rbm", 70, error), result, error);
}

static bool make_table(char **result, struct error *error)
{
    struct cli_table table;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return error_add(error, ERROR_INTERNAL, "no memory");
    cli_table_start(&table, 3);
    for (size_t k = 0; k < 100; k++)
        cli_table_add(&table, "cell %zu", k);
    cli_table_write(&table, out);
    const bool whole = !table.failed;
    cli_table_finish(&table);
    const bool good = fclose(out) == 0 && whole;
    if (!good) {
        free(text);
        return error_add(error, ERROR_INTERNAL, "no memory");
    }
    return take(text, result, error);
}

static bool make_options(char **result, struct error *error)
{
    static const char *const words[] = { "vmc", "a.ini", "-s", "a.b=1", "-s", "c.d=2", "-t", "3", "--task", "1-4" };
    enum { WORDS = sizeof words / sizeof *words };
    char *argv[WORDS + 1] = { NULL }, text[100];
    struct cli_options options;
    for (size_t k = 0; k < WORDS; k++)
        argv[k] = (char *)(uintptr_t)words[k];
    optind = 0;
    const bool good = cli_options_parse(&options, WORDS, argv, error);
    if (good) {
        snprintf(text, sizeof text, "%s %zu %zu", options.config, options.n_sets, options.threads);
        refusal_append(result, text);
    }
    cli_options_finish(&options);
    return good;
}

static void check(refusal_maker *make)
{
    const char *wrong = refusal_check(make);
    if (wrong)
        fail_msg("%s", wrong);
}

static void test_real(void **state) { (void)state, check(make_real); }
static void test_bits(void **state) { (void)state, check(make_bits); }
static void test_machine(void **state) { (void)state, check(make_machine); }
static void test_posterior(void **state) { (void)state, check(make_posterior); }
static void test_summaries(void **state) { (void)state, check(make_summaries); }
static void test_keys(void **state) { (void)state, check(make_keys); }
static void test_table(void **state) { (void)state, check(make_table); }
static void test_options(void **state) { (void)state, check(make_options); }

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
}

int main(void)
{
    char folder[] = "/tmp/vmc-refused-XXXXXX", command[sizeof folder + 16];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real),      cmocka_unit_test(test_bits),      cmocka_unit_test(test_machine),
        cmocka_unit_test(test_posterior), cmocka_unit_test(test_summaries), cmocka_unit_test(test_keys),
        cmocka_unit_test(test_table),     cmocka_unit_test(test_options),
    };
    if (!mkdtemp(folder) || chdir(folder) != 0)
        return 2;
    write_file("real.csv", "x,y\n1,2.5\n2,1\n0.5,3\n4,4\n-1,0\n2,2.25\n");
    write_file("bits.csv", "0,1,1\n1,0,1\n1,1,0\n0,0,1\n");
    write_file("spins.csv", "1,1\n-1,1\n1,-1\n-1,-1\n1,1\n");
    const int status = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 ? status : 2;
}
