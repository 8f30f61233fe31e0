// SPDX-License-Identifier: GPL-3.0-or-later
// What the command line means: values of options, their units, and what is refused.
#include "cli/options.h"

#include <getopt.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS_MOST = 12 };

// Parses "vmc" and the words up to NULL.
static bool parse(struct cli_options *options, const char *const *words, struct error *error)
{
    static char copies[WORDS_MOST][64];
    static char *argv[WORDS_MOST + 1];
    int argc = 1;
    strcpy(copies[0], "vmc");
    argv[0] = copies[0];
    for (; *words; words++, argc++) {
        strncpy(copies[argc], *words, sizeof copies[argc] - 1);
        argv[argc] = copies[argc];
    }
    argv[argc] = NULL;
    optind = 0;  // getopt begins anew
    return cli_options_parse(options, argc, argv, error);
}

static void test_max_time(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double seconds;  // 0: refused
    } cases[] = { { "90", 90 },     { "90s", 90 },   { "1.5m", 90 },     { "30m", 1800 }, { "2h", 7200 },
                  { "0.5h", 1800 }, { "1d", 86400 }, { "0.25d", 21600 }, { "0", 0 },      { "0s", 0 },
                  { "-3s", 0 },     { "5x", 0 },     { "h", 0 },         { "", 0 },       { "1h30m", 0 },
                  { "1e3", 0 },     { "inf", 0 },    { "0x10", 0 },      { "nan", 0 },    { " 5s", 0 } };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct cli_options options;
        struct error error = { 0 };
        const bool good = parse(
            &options, (const char *const[]){ "--config", "x.ini", "--max-time", cases[k].text, NULL }, &error);
        assert_int_equal(good, cases[k].seconds > 0);
        if (good)
            assert_true(fabs(options.max_time - cases[k].seconds) < 1e-9);
        else
            assert_int_equal(error.kind, ERROR_USAGE);
        error_clear(&error);
        cli_options_finish(&options);
    }
}

static void test_tasks(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        size_t first, last;
    } cases[] = { { "7", true, 7, 7 },    { "3-7", true, 3, 7 }, { "0", true, 0, 0 },   { "4-4", true, 4, 4 },
                  { "7-3", false, 0, 0 }, { "-3", false, 0, 0 }, { "3-", false, 0, 0 }, { "a", false, 0, 0 } };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct cli_options options;
        struct error error = { 0 };
        const bool good = parse(&options, (const char *const[]){ "--config", "x.ini", "--task", cases[k].text, NULL },
                                &error);
        assert_int_equal(good, cases[k].good);
        if (good)
            assert_true(options.has_task && options.task_first == cases[k].first && options.task_last == cases[k].last);
        error_clear(&error);
        cli_options_finish(&options);
    }
}

static void test_run(void **state)
{
    (void)state;
    struct cli_options options;
    struct error error = { 0 };
    assert_true(parse(&options,
                      (const char *const[]){ "--config", "a.ini", "-o", "b.h5", "-t", "3", "-s", "x.y=1", "--set",
                                             "z.w=2", "-q", NULL },
                      &error));
    assert_string_equal(options.config, "a.ini");
    assert_string_equal(options.output, "b.h5");
    assert_int_equal(options.threads, 3);
    assert_int_equal(options.n_sets, 2);
    assert_string_equal(options.sets[0], "x.y=1");
    assert_string_equal(options.sets[1], "z.w=2");
    assert_true(options.quiet && !options.verbose && !options.force && !options.resume && !options.json &&
                !options.check);
    assert_true(options.max_time == 0 && !options.has_task && cli_options_run(&options));
    cli_options_finish(&options);
    assert_true(parse(&options, (const char *const[]){ "--config", "a.ini", "--check", NULL }, &error));
    assert_true(options.check && !cli_options_run(&options) && options.threads == 0 && options.n_sets == 0);
    cli_options_finish(&options);
    static const char *const refused[][4] = { { "--config", "a.ini", "-t", "0" },
                                              { "--config", "a.ini", "-t", "x" },
                                              { "--config", "a.ini", "--nothing", "1" },
                                              { "--config", "a.ini", "--progress", "maybe" },
                                              { "--resume", NULL },
                                              { "--config", NULL } };
    for (size_t k = 0; k < sizeof refused / sizeof *refused; k++) {
        const char *words[5] = { refused[k][0], refused[k][1], refused[k][2], refused[k][3], NULL };
        assert_false(parse(&options, words, &error));
        assert_int_equal(error.kind, ERROR_USAGE);
        error_clear(&error);
        cli_options_finish(&options);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_max_time), cmocka_unit_test(test_tasks),
                                        cmocka_unit_test(test_run) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
