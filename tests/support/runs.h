// SPDX-License-Identifier: GPL-3.0-or-later
// For tests of whole runs: a folder of their own, runs of a parameter set's system, and what their files hold.
#ifndef VMC_TEST_RUNS_H
#define VMC_TEST_RUNS_H

#include "support/model.h"

#include "vmc/run.h"

enum { RUNS_PATH_SIZE = 256 };

// The folder: before all tests, and after them.
int runs_make_folder(void **state);
int runs_remove_folder(void **state);
// How many files are in it.
size_t runs_count_files(void);
// A path in it; good until three more were asked for.
const char *runs_path(const char *name);

// Parameters start from the seed.
struct runs_outcome {
    bool good;
    enum error_kind kind;
    char text[600];
    struct run_result result;
};
struct runs_outcome runs_of(const struct oracle_rbm *rbm, const char *const *overrides, const char *output,
                            struct run_options options);
const struct oracle_rbm *runs_set(const char *name);

// Of a file's root; malloc'ed.
char *runs_attribute(const char *path, const char *name);
// Values of an array of at most `most` numbers; how many there are.
size_t runs_array(const char *path, const char *name, size_t most, double *values);

// Data sets of two files whose numbers are the same to the bit, and others; times and numbers of threads are not looked
// at.
struct runs_comparison {
    size_t same, different;
};
struct runs_comparison runs_compare(const char *path, const char *other);

#endif
