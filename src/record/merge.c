// SPDX-License-Identifier: GPL-3.0-or-later
// Merging. The file is written to disk as it grows, one input at a time: the inputs of a large sweep together do not
// fit into memory. It is published as results are: a temporary neighbour, flushed, digest inside and seal behind,
// renamed over the old one.
#include "record/private.h"

#include "vmc/merge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MERGED_KIND "merged runs"

enum { SEAL_PIECE = 1 << 20, CACHE_SIZE = 1 << 20 };

struct merging {
    const struct record_merge *merge;
    struct record_row *rows;
    struct record_pool pool;
    struct record_columns columns;
    struct error *notes;
};

// --- inputs ---

static bool refuse_merged(struct record_file *file, struct error *error)
{
    if (!record_has(file, "/table") || !record_has(file, "/runs"))
        return true;
    return error_add(error, ERROR_INPUT, "%s: is itself merged from runs; give the single runs", file->path);
}

// Opens, verifies and reads one input; copies it where `out` is a file.
static bool input_take(struct merging *merging, size_t k, hid_t out, struct error *error)
{
    const char *path = merging->merge->inputs[k];
    char prefix[32];
    struct record_file *file = record_open(path, false, error);
    struct record *record = record_create();
    bool good = file != NULL && record != NULL && refuse_merged(file, error) &&
                record_row_read(&merging->rows[k], &merging->pool, file, error);
    snprintf(prefix, sizeof prefix, "/runs/%04zu", k);
    if (good && out >= 0) {
        record_add_attribute(record, prefix, "file", path);
        good = record_gather(record, file, prefix, error) &&
               record_write_list(out, record, merging->merge->output, error);
    }
    if (good && strcmp(merging->rows[k].status, "complete") != 0)
        error_add(merging->notes, ERROR_STOPPED, "%s: unfinished (status: %s)", path, merging->rows[k].status);
    record_destroy(record);
    record_close(file);
    if (!good && memory_ran_out())
        error_add(error, ERROR_INTERNAL, "%s: out of memory", path);
    return good;
}

// After the first bad one the rest are read only to name the other bad ones.
static bool inputs_take(struct merging *merging, hid_t out, struct error *error)
{
    bool good = true;
    for (size_t k = 0; k < merging->merge->n; k++)
        good = input_take(merging, k, good ? out : -1, error) && good;
    return good;
}

// --- the file ---

static const char *status_of(const struct merging *merging)
{
    for (size_t k = 0; k < merging->merge->n; k++)
        if (strcmp(merging->rows[k].status, "complete") != 0)
            return "stopped";
    return "complete";
}

static void heading_add(struct record *record, const struct merging *merging)
{
    record_add_heading(record, status_of(merging), NULL, "vmc merge");
    record_add_attribute(record, "/", "kind", MERGED_KIND);
}

static bool table_write(struct merging *merging, hid_t out, struct error *error)
{
    const struct record_merge *merge = merging->merge;
    struct record *record = record_create();
    bool good = record != NULL && record_columns_build(&merging->columns, merging->rows, merge->n, merge->results);
    if (good) {
        heading_add(record, merging);
        record_columns_add(record, &merging->columns, merge->n);
        good = record_write_list(out, record, merge->output, error);
    } else {
        error_add(error, ERROR_INTERNAL, "%s: out of memory", merge->output);
    }
    record_destroy(record);
    return good;
}

static bool fail(const struct merging *merging, const char *what, const char *reason, struct error *error)
{
    return error_add(error, ERROR_WRITE, "%s: %s: %s", merging->merge->output, what, reason);
}

// HDF5 keeps what it has read of objects, lets that grow to 32 MiB of the file, and takes twenty times as much for it
// in memory. Here every object is met once or twice, and soon after it was written.
static bool cache_set(hid_t access)
{
    H5AC_cache_config_t config = { .version = H5AC__CURR_CACHE_CONFIG_VERSION };
    if (H5Pget_mdc_config(access, &config) < 0)
        return false;
    config.set_initial_size = true;
    config.initial_size = config.min_size = config.max_size = CACHE_SIZE;
    config.incr_mode = H5C_incr__off;
    config.flash_incr_mode = H5C_flash_incr__off;
    config.decr_mode = H5C_decr__off;
    return H5Pset_mdc_config(access, &config) >= 0;
}

// Locks would only be in the way of a file that nobody else knows.
static hid_t access_create(void)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    bool good = access >= 0 && H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0 && cache_set(access);
#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0))
    good = good && H5Pset_file_locking(access, false, true) >= 0;
#endif
    if (good)
        return access;
    record_id_close(access);
    return -1;
}

// Hashes the file piece by piece and writes the seal behind its end; flushed. 0 or an errno.
static int seal_write(const char *path)
{
    static unsigned char piece[SEAL_PIECE];
    unsigned char seal[RECORD_SEAL_SIZE];
    struct record_hash hash;
    ssize_t n;
    int failure = 0, fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno;
    record_hash_start(&hash);
    while ((n = read(fd, piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            record_hash_add(&hash, piece, (size_t)n);
    record_seal_end(&hash, seal);
    if (n < 0)
        failure = errno;
    else if ((n = write(fd, seal, sizeof seal)) != (ssize_t)sizeof seal)
        failure = n < 0 ? errno : ENOSPC;
    else if (fsync(fd) != 0)
        failure = errno;
    if (close(fd) != 0 && failure == 0 && errno != EINTR)
        failure = errno;
    return failure;
}

static bool file_write(const char *temporary, void *context, struct error *error)
{
    struct merging *merging = context;
    char reason[256];
    hid_t out = record_file_create(temporary, H5F_ACC_EXCL, access_create());
    if (out < 0)
        return fail(merging, "cannot be written", record_hdf5_reason(reason, sizeof reason), error);
    bool good = inputs_take(merging, out, error) && table_write(merging, out, error) &&
                record_write_digest(out, "/runs", merging->merge->output, error);
    if (good && H5Fflush(out, H5F_SCOPE_GLOBAL) < 0)
        good = fail(merging, "cannot be written", record_hdf5_reason(reason, sizeof reason), error);
    if (H5Fclose(out) < 0 && good)
        good = fail(merging, "cannot be written", record_hdf5_reason(reason, sizeof reason), error);
    int failure = good ? seal_write(temporary) : 0;
    return good && (failure == 0 || fail(merging, "cannot be written", strerror(failure), error));
}

// --- the table ---

struct text {
    const char *path, *value;
};

static bool text_write(const char *temporary, void *context, struct error *error)
{
    const struct text *text = context;
    int failure = record_write_file(temporary, text->value, strlen(text->value));
    return failure == 0 || error_add(error, ERROR_WRITE, "%s: cannot be written: %s", text->path, strerror(failure));
}

static bool csv_publish(const struct merging *merging, struct error *error)
{
    struct text text = { .path = merging->merge->table };
    char *value = record_columns_csv(&merging->columns, merging->merge->n);
    text.value = value;
    bool good = value != NULL ? record_place(text.path, text_write, &text, NULL, error)
                              : error_add(error, ERROR_INTERNAL, "%s: out of memory", text.path);
    free(value);
    return good;
}

bool record_merge(const struct record_merge *merge, struct error *error, struct error *notes)
{
    struct merging merging = { .merge = merge,
                               .rows = memory_take_zeroed(merge->n + 1, sizeof *merging.rows),
                               .notes = notes };
    if (merging.rows == NULL)
        return error_add(error, ERROR_INTERNAL, "%s: out of memory", merge->output);
    bool good = record_place(merge->output, file_write, &merging, NULL, error) && csv_publish(&merging, error);
    for (size_t k = 0; k < merge->n; k++)
        record_row_finish(&merging.rows[k]);
    record_columns_finish(&merging.columns);
    record_pool_finish(&merging.pool);
    free(merging.rows);
    return good;
}

// --- looking ---

// In a child of its own, which must not come to its end where the file is another: reading a large file whole only to
// know would take long.
static void read_kind(void *context)
{
    hid_t file = H5Fopen(context, H5F_ACC_RDONLY, access_create());
    struct record_source source;
    char *kind = NULL;
    if (file >= 0 && H5Aexists_by_name(file, "/", "kind", H5P_DEFAULT) > 0) {
        hid_t root = H5Oopen(file, "/", H5P_DEFAULT);
        if (root >= 0 && record_source_attribute(&source, root, "kind"))
            kind = record_source_string(&source);
    }
    if (kind == NULL || strcmp(kind, MERGED_KIND) != 0)
        _exit(1);
}

bool record_is_merged(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, R_OK) == 0 &&
           record_trial(read_kind, (void *)(uintptr_t)path, 10) == RECORD_TRIAL_GOOD;
}
