// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/runs.h"

#include "vmc/record.h"

#include <dirent.h>
#include <gsl/gsl_errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[RUNS_PATH_SIZE] = "/tmp/vmc-test-run-XXXXXX";

const char *runs_path(const char *name)
{
    static char path[4][2 * RUNS_PATH_SIZE];
    static unsigned turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static void callers_handler(const char *reason, const char *file, int line, int code)
{
    fail_msg("GSL: %s (%s:%d, %d)", reason, file, line, code);
}

// The caller's handler of GSL's errors is neither called by a run nor lost in it.
struct runs_outcome runs_of(const struct oracle_rbm *rbm, const char *const *overrides, const char *output,
                            struct run_options options)
{
    struct runs_outcome outcome = { .kind = ERROR_NONE };
    struct settings settings;
    struct error error = { 0 };
    model_settings(&settings, rbm, overrides);
    options.output = output;
    options.threads = options.threads ? options.threads : 1;
    gsl_error_handler_t *before = gsl_set_error_handler(callers_handler);
    outcome.good = run_execute(&settings, &options, &outcome.result, &error);
    assert_ptr_equal(gsl_set_error_handler(before), callers_handler);
    outcome.kind = error.kind;
    snprintf(outcome.text, sizeof outcome.text, "%s", error.text ? error.text : "");
    error_clear(&error);
    settings_finish(&settings);
    return outcome;
}

const struct oracle_rbm *runs_set(const char *name) { return &oracle_set_find(name)->rbm; }

char *runs_attribute(const char *path, const char *name)
{
    struct error error = { 0 };
    struct record_file *file = record_open(path, false, &error);
    char *text = file ? record_read_attribute(file, "/", name, &error) : NULL;
    record_close(file);
    error_clear(&error);
    return text ? text : strdup("");
}

size_t runs_array(const char *path, const char *name, size_t most, double *values)
{
    struct error error = { 0 };
    size_t rank, extent[3] = { 1, 1, 1 }, n = 1;
    struct record_file *file = record_open(path, false, &error);
    assert_non_null(file);
    assert_true(record_shape(file, name, &rank, extent, &error));
    for (size_t d = 0; d < rank; d++)
        n *= extent[d];
    assert_true(n <= most);
    assert_true(record_read_reals(file, name, n, values, &error));
    record_close(file);
    return n;
}

size_t runs_count_files(void)
{
    DIR *opened = opendir(folder);
    size_t n = 0;
    for (const struct dirent *entry; (entry = readdir(opened));)
        n += entry->d_name[0] != '.' || (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0);
    closedir(opened);
    return n;
}

int runs_make_folder(void **state)
{
    (void)state;
    record_prepare_hdf5();
    return mkdtemp(folder) ? 0 : -1;
}

int runs_remove_folder(void **state)
{
    (void)state;
    DIR *opened = opendir(folder);
    for (const struct dirent *entry; (entry = readdir(opened));)
        if (entry->d_name[0] != '.')
            remove(runs_path(entry->d_name));
    closedir(opened);
    return rmdir(folder);
}
