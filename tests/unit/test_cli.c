// SPDX-License-Identifier: GPL-3.0-or-later
// How the program writes numbers, lengths of time and the progress line. Built with src/cli/text.c and
// src/cli/progress.c.
#include "support/terminal.h"

#include "cli/progress.h"
#include "cli/text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void errors_in_parentheses(void **unused)
{
    static const struct {
        double value, error;
        const char *text;
    } cases[] = { { 3.06523, 0.0007, "3.0652(7)" },
                  { 3.0, 0.00095, "3.0000(10)" },
                  { 3.0, 0.00096, "3.0000(10)" },
                  { 3.14159, 0.0012, "3.1416(12)" },
                  { 3.14159, 0.0199, "3.14(2)" },
                  { 12.345, 1.4, "12.3(1.4)" },
                  { 12.345, 3.2, "12(3)" },
                  { 1234.5, 47, "1234(47)" },
                  { 3, 0.96, "3.0(1.0)" },
                  { 3, 0.3, "3.0(3)" },
                  { -2.5, 0.04, "-2.50(4)" },
                  { 0, 0.002, "0.000(2)" },
                  { 1.52e-7, 3e-9, "1.52(3)e-07" },
                  { 1.5e12, 2e9, "1.500(2)e+12" },
                  { 2, 0, "2" },
                  { 2, NAN, "2" },
                  { 3.07861, INFINITY, "3.07861" },
                  { NAN, 1, "nan" },
                  { 1e-300, 1e-302, "1.000(10)e-300" },
                  { 0, 5e-9, "0(5)e-09" },
                  { 1, 1e-30, "1" },
                  { 16.5 + 4e-15, 5e-17, "16.5" },
                  { 30.8496231931986072, 1e-16, "30.8496231931986" },
                  { 0, 1e-30, "0.0(1.0)e-30" } };
    (void)unused;
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        char text[CLI_NUMBER_SIZE];
        cli_number(cases[k].value, cases[k].error, text);
        if (strcmp(text, cases[k].text) != 0)
            fail_msg("%g +- %g: %s instead of %s", cases[k].value, cases[k].error, text, cases[k].text);
    }
}

static void durations_and_bytes(void **unused)
{
    static const struct {
        double seconds;
        const char *text;
    } times[] = { { 0.0123, "0.012 s" }, { 2, "2 s" },          { 9.99, "10 s" },        { 59.4, "59 s" },
                  { 59.7, "1 min 0 s" }, { 200, "3 min 20 s" }, { 3599.6, "1 h 0 min" }, { 7500, "2 h 5 min" },
                  { 86399, "1 d 0 h" },  { 273600, "3 d 4 h" }, { NAN, "nan s" } };
    static const struct {
        double bytes;
        const char *text;
    } sizes[] = { { 0, "0 B" },        { 512, "512 B" },  { 1234, "1.2 kB" },
                  { 999.6, "1.0 kB" }, { 34e6, "34 MB" }, { 2e15, "2.0 PB" } };
    char text[CLI_NUMBER_SIZE];
    (void)unused;
    for (size_t k = 0; k < sizeof times / sizeof times[0]; k++) {
        cli_duration(times[k].seconds, text);
        assert_string_equal(text, times[k].text);
    }
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        cli_bytes(sizes[k].bytes, text);
        assert_string_equal(text, sizes[k].text);
    }
}

static const struct run_progress middle = { .phase = RUN_TRAIN,
                                            .done = 120,
                                            .total = 300,
                                            .energy = 3.06521,
                                            .energy_error = 0.0007,
                                            .variance = 0.0312,
                                            .acceptance = 0.571,
                                            .seconds_left = 2.2 };

static void progress_line_is_as_promised(void **unused)
{
    char line[CLI_LINE_SIZE];
    (void)unused;
    cli_progress_line(&middle, 80, line);
    assert_string_equal(line, "train 120/300  E = 3.0652(7)  var 0.031  acc 0.57  ETA < 2 s");
    const struct run_progress start = { .phase = RUN_BURN_IN,
                                        .total = 200,
                                        .energy = NAN,
                                        .energy_error = NAN,
                                        .variance = NAN,
                                        .acceptance = NAN,
                                        .seconds_left = NAN };
    cli_progress_line(&start, 80, line);
    assert_string_equal(line, "burn-in 0/200");
    const struct run_progress measuring = { .phase = RUN_MEASURE,
                                            .done = 70313,
                                            .total = 4687500,
                                            .energy = 3.06521,
                                            .energy_error = 0.0007,
                                            .variance = NAN,
                                            .acceptance = NAN,
                                            .seconds_left = 65,
                                            .walkers = 64 };
    cli_progress_line(&measuring, 80, line);
    assert_string_equal(line, "measuring 1.5 %, 4.5e6 of 3e8 samples  E = 3.0652(7)  ETA 1 min 5 s");
    cli_progress_line(&(struct run_progress){ .phase = RUN_MEASURE,
                                              .done = 100,
                                              .total = 100,
                                              .energy = NAN,
                                              .variance = NAN,
                                              .acceptance = NAN,
                                              .seconds_left = NAN,
                                              .walkers = 64 },
                      80, line);
    assert_string_equal(line, "measuring 100 %, 6400 of 6400 samples");
}

static void progress_line_fits_every_width(void **unused)
{
    char line[CLI_LINE_SIZE];
    struct run_progress wide = middle;
    (void)unused;
    for (size_t columns = 0; columns < 300; columns++) {
        cli_progress_line(&middle, columns, line);
        assert_true(strlen(line) <= columns);
        assert_true(strncmp(line, "train 120/300", columns < 13 ? columns : 13) == 0);
    }
    cli_progress_line(&middle, 40, line);
    assert_string_equal(line, "train 120/300  E = 3.0652(7)  ETA < 2 s");
    wide.done = wide.total = SIZE_MAX;
    wide.energy = -1e308;
    wide.energy_error = 1e-308;
    wide.seconds_left = 1e300;
    for (size_t columns = 0; columns < 300; columns++) {
        cli_progress_line(&wide, columns, line);
        assert_true(strlen(line) <= columns);
    }
}

// On a terminal nothing wraps, however long the name before the line: one column stays free.
static void named_lines_fit_every_terminal(void **unused)
{
    (void)unused;
    const struct terminal terminal = terminal_open(80, 0);
    const int kept = dup(STDERR_FILENO);
    assert_true(setenv("TERM", "xterm", 1) == 0);
    for (unsigned short columns = 2; columns < 60; columns++) {
        char said[2 * CLI_LINE_SIZE];
        struct cli_progress progress;
        terminal_resize(&terminal, columns);
        dup2(terminal.theirs, STDERR_FILENO);
        cli_progress_start(&progress, CLI_PROGRESS_ALWAYS, false);
        cli_progress_name(&progress, "point 1003 of 2000  ");
        cli_progress_show(&middle, &progress);
        dup2(kept, STDERR_FILENO);
        const ssize_t n = read(terminal.ours, said, sizeof said);
        assert_true(n > 1 && said[0] == '\r');
        assert_true(n - 1 < columns && (n - 1 == columns - 1 || columns > 34));
        assert_memory_equal(said + 1, "point 1003 of 2000  train", n - 1 < 25 ? (size_t)n - 1 : 25);
    }
    close(terminal.theirs);
    close(terminal.ours);
    close(kept);
}

static void wraps_words(void **unused)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    (void)unused;
    cli_wrap(out, 2, 4, 12, "one two  three averyverylongword \xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9 x");
    cli_wrap(out, 0, 4, 12, "");
    fclose(out);
    assert_string_equal(text, "one two\n    three\n    averyverylongword\n    \xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9 x\n\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_in_parentheses),          cmocka_unit_test(durations_and_bytes),
        cmocka_unit_test(progress_line_is_as_promised),   cmocka_unit_test(progress_line_fits_every_width),
        cmocka_unit_test(named_lines_fit_every_terminal), cmocka_unit_test(wraps_words)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
