// SPDX-License-Identifier: GPL-3.0-or-later
// Merging on the command line. Forgetting OUT would make the first input the output: only what was merged before is
// overwritten.
#include "cli/merge.h"

#include "cli/program.h"
#include "cli/text.h"
#include "vmc/merge.h"
#include "vmc/run.h"
#include "vmc/sweep.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RESULTS_MOST = 128 };

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

struct input {
    struct stat status;
    const char *path;
};

static int by_file(const void *a, const void *b)
{
    const struct stat *x = &((const struct input *)a)->status, *y = &((const struct input *)b)->status;
    if (x->st_dev != y->st_dev)
        return x->st_dev < y->st_dev ? -1 : 1;
    return x->st_ino < y->st_ino ? -1 : x->st_ino > y->st_ino;
}

static bool refuse_twice(struct input *seen, size_t n, struct error *error)
{
    bool good = true;
    qsort(seen, n, sizeof *seen, by_file);
    for (size_t k = 1; k < n; k++)
        if (same_file(&seen[k - 1].status, &seen[k].status))
            good = error_add(error, ERROR_USAGE, "%s: given twice", seen[k].path);
    return good;
}

// The inputs without the output itself (all.h5 in `vmc merge all.h5 *.h5`); a file given twice is refused.
static bool choose_inputs(const struct cli_options *options, const char **inputs, size_t *n, struct error *error)
{
    struct input *seen = calloc(options->n_words, sizeof *seen);
    struct stat output;
    const bool there = stat(options->words[0], &output) == 0;
    size_t n_seen = 0;
    *n = 0;
    if (!seen)
        return error_add(error, ERROR_INTERNAL, "not enough memory");
    for (size_t k = 1; k < options->n_words; k++) {
        struct input *input = &seen[n_seen];
        const bool known = stat(options->words[k], &input->status) == 0;
        if (known && there && same_file(&input->status, &output)) {
            if (!options->quiet)
                cli_note("%s is the output itself and no input", options->words[k]);
            continue;
        }
        input->path = options->words[k];
        n_seen += known;
        inputs[(*n)++] = options->words[k];
    }
    const bool good = refuse_twice(seen, n_seen, error);
    free(seen);
    return good && (*n > 0 ||
                    error_add(error, ERROR_USAGE, "no files to merge; write %s merge OUT IN...", cli_program()->name));
}

static bool table_path(const char *output, char path[PATH_MAX], struct error *error)
{
    int length = snprintf(path, PATH_MAX, "%.*s.csv", (int)sweep_stem(output), output);
    if (length < 0 || length >= PATH_MAX)
        return error_add(error, ERROR_WRITE, "the name of the output is longer than %d bytes", PATH_MAX - 1);
    return strcmp(path, output) != 0 ||
           error_add(error, ERROR_USAGE, "%s: the table will have that name; name the HDF5 file OUT.h5", output);
}

static bool has_folder(const char *output, struct error *error)
{
    char folder[PATH_MAX];
    struct stat status;
    const char *slash = strrchr(output, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - output) + 1 : 0, output);
    if (!slash || stat(folder, &status) == 0)
        return true;
    return error_add(error, ERROR_WRITE, "%s: cannot be written: %s; %schoose another output", output, strerror(errno),
                     errno == ENOENT ? "make the folder first, or " : "");
}

static bool may_overwrite(const char *output, const char *table, bool force, struct error *error)
{
    struct stat status;
    const char *const places[] = { output, table };
    for (size_t k = 0; k < 2; k++)
        if (stat(places[k], &status) == 0 && !S_ISREG(status.st_mode))
            return error_add(error, ERROR_WRITE, "%s: cannot be written: it is %s; choose another output", places[k],
                             S_ISDIR(status.st_mode) ? "a folder" : "no ordinary file");
    if (force)
        return true;
    if (lstat(output, &status) == 0)
        return record_is_merged(output) ||
               error_add(
                   error, ERROR_EXISTS,
                   "%s: is there already and was not made by vmc merge; the output comes first (vmc merge OUT IN...); "
                   "choose another, or overwrite it with --force",
                   output);
    return lstat(table, &status) != 0 ||
           error_add(error, ERROR_EXISTS, "%s: is there already; choose another output, or overwrite it with --force",
                     table);
}

static bool merge(const struct cli_options *options, const char **inputs, struct error *error)
{
    char table[PATH_MAX];
    const char *results[RESULTS_MOST] = { NULL };
    struct error notes = { 0 };
    struct record_merge merge = { .output = options->words[0], .table = table, .inputs = inputs, .results = results };
    for (size_t k = 0; run_result_rows[k].name && k + 1 < RESULTS_MOST; k++)
        results[k] = run_result_rows[k].name;
    if (!choose_inputs(options, inputs, &merge.n, error) || !table_path(merge.output, table, error) ||
        !has_folder(merge.output, error) || !may_overwrite(merge.output, table, options->force, error))
        return false;
    bool good = record_merge(&merge, error, &notes);
    if (good && !options->quiet) {
        cli_report_notes(&notes, "");
        cli_note("%zu run%s in %s and %s%s", merge.n, merge.n == 1 ? "" : "s", merge.output, table,
                 notes.n_messages > 0 ? ", not all of them complete" : "");
    }
    error_clear(&notes);
    return good;
}

bool cli_merge(const struct cli_options *options, struct error *error)
{
    const char **inputs = calloc(options->n_words + 1, sizeof *inputs);
    bool good = inputs ? merge(options, inputs, error) : error_add(error, ERROR_INTERNAL, "not enough memory");
    free(inputs);
    return good;
}
