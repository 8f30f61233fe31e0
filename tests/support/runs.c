// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/runs.h"

#include "vmc/record.h"

#include <dirent.h>
#include <gsl/gsl_errno.h>
#include <hdf5.h>
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

// Data sets that may differ between two equal runs.
static bool may_differ(const char *path)
{
    static const char *const free_ones[] = { "provenance/wall_time",     "provenance/cpu_time",
                                             "provenance/threads",       "provenance/ranks",
                                             "result/wall_time",         "result/cpu_time",
                                             "result/training_cpu_time", "result/measuring_cpu_time" };
    for (size_t k = 0; k < sizeof free_ones / sizeof *free_ones; k++)
        if (strcmp(path, free_ones[k]) == 0)
            return true;
    return false;
}

struct visit {
    hid_t other;
    struct runs_comparison found;
};

// Raw values of a numeric data set; NULL for texts and groups.
static void *raw(hid_t file, const char *path, size_t *bytes)
{
    const hid_t set_id = H5Dopen2(file, path, H5P_DEFAULT), type = H5Dget_type(set_id), space = H5Dget_space(set_id);
    const H5T_class_t class = H5Tget_class(type);
    void *values = NULL;
    *bytes = (size_t)H5Sget_simple_extent_npoints(space) * H5Tget_size(type);
    if (class == H5T_FLOAT || class == H5T_INTEGER) {
        values = calloc(1, *bytes + 1);
        assert_true(H5Dread(set_id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    }
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(set_id);
    return values;
}

static herr_t compare_object(hid_t file, const char *path, const H5O_info_t *info, void *context)
{
    struct visit *visit = context;
    size_t bytes, other_bytes;
    if (info->type != H5O_TYPE_DATASET || may_differ(path))
        return 0;
    assert_true(H5Lexists(visit->other, path, H5P_DEFAULT) > 0);
    void *values = raw(file, path, &bytes), *others = raw(visit->other, path, &other_bytes);
    if (values && (bytes != other_bytes || memcmp(values, others, bytes) != 0)) {
        print_message("    %s differs\n", path);
        visit->found.different++;
    } else if (values) {
        visit->found.same++;
    }
    free(values);
    free(others);
    return 0;
}

struct runs_comparison runs_compare(const char *path, const char *other)
{
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    struct visit visit = { .other = H5Fopen(other, H5F_ACC_RDONLY, H5P_DEFAULT) };
    assert_true(file >= 0 && visit.other >= 0);
    assert_true(H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_NATIVE, compare_object, &visit, H5O_INFO_BASIC) >= 0);
    H5Fclose(file);
    H5Fclose(visit.other);
    return visit.found;
}
