// SPDX-License-Identifier: GPL-3.0-or-later
// Many results files into one, and into one table.
#ifndef VMC_MERGE_H
#define VMC_MERGE_H

#include "vmc/error.h"

#include <stdbool.h>
#include <stddef.h>

struct record_merge {
    const char *output, *table;  // paths of the HDF5 file and of the CSV file; both are replaced whole
    size_t n;
    const char *const *inputs;
    const char *const *results;  // names below /result in the order of their columns, ends with NULL; others follow
};
// Copies every input, digest verified, into /runs/0000, /runs/0001, …, and settings and results into /table over the
// axis `run`. When an input is missing or damaged, all such are named and nothing is written. Unfinished ones are noted
// with their status, one per line of `notes`.
bool record_merge(const struct record_merge *merge, struct error *error, struct error *notes);

// Whether the file at `path` was made by record_merge; false where there is none.
bool record_is_merged(const char *path);

#endif
