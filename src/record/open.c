// SPDX-License-Identifier: GPL-3.0-or-later
// Opening a file: read whole into memory, so that neither locks nor another program's writing can disturb it, then
// checked from the outside in: seal (where it is gone: a trial and the digest), form, format version. Nothing else is
// read before they agree.
#include "record/private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REMEDY "restore it from a copy, or remove it and run again"

void record_prepare_hdf5(void)
{
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

const char *record_hdf5_version(void)
{
    static char text[64];
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    snprintf(text, sizeof text, "%u.%u.%u", major, minor, release);
    return text;
}

void record_close(struct record_file *file)
{
    if (file == NULL)
        return;
    record_table_finish(&file->table);
    if (file->file >= 0)
        H5Fclose(file->file);
    free(file->image);
    free(file->path);
    free(file);
}

static bool image_read(struct record_file *file, struct error *error)
{
    int failure = record_read_file(file->path, &file->image, &file->size);
    if (failure == 0)
        return true;
    return error_add(error, ERROR_INPUT, "%s: cannot be read: %s", file->path,
                     failure == ENODEV ? "it is no regular file" : strerror(failure));
}

static bool seal_check(struct record_file *file, struct error *error)
{
    enum record_seal seal = record_seal_check(file->image, file->size);
    file->is_sealed = seal == RECORD_SEAL_GOOD;
    return seal != RECORD_SEAL_BROKEN ||
           error_add(error, ERROR_DAMAGED, "%s: damaged: its bytes are not those that were written; " REMEDY,
                     file->path);
}

static bool image_open(struct record_file *file, struct error *error)
{
    // HDF5 takes two open images of one name for the same file
    static unsigned long opened;
    char name[48];
    snprintf(name, sizeof name, "results in memory %lu", __atomic_add_fetch(&opened, 1, __ATOMIC_RELAXED));
    hid_t access = file->size > 0 ? record_access_read(file->image, file->size) : -1;
    if (access >= 0)
        file->file = H5Fopen(name, H5F_ACC_RDONLY, access);
    record_id_close(access);
    return file->file >= 0 ||
           error_add(error, ERROR_DAMAGED, "%s: no HDF5 file, or its beginning is damaged; " REMEDY, file->path);
}

// A root attribute, or NULL.
static char *root_text(struct record_file *file, const char *name)
{
    return H5Aexists_by_name(file->file, "/", name, H5P_DEFAULT) > 0 ? record_read_attribute(file, "/", name, NULL)
                                                                     : NULL;
}

unsigned record_format(const struct record_file *file) { return file->format; }

// Format 1 has it as a text. 0: none.
static int64_t version_read(struct record_file *file)
{
    struct record_source source;
    int64_t version = 0;
    hid_t root = H5Oopen(file->file, "/", H5P_DEFAULT);
    if (root >= 0 && H5Aexists(root, "format_version") > 0 &&
        record_source_attribute(&source, root, "format_version")) {
        char *text = record_source_string(&source), *end = NULL;
        if (text != NULL)
            version = strtol(text, &end, 10);
        else if (source.class == H5T_INTEGER && source.n == 1)
            record_source_read(&source, H5T_NATIVE_INT64, &version);
        if (text != NULL && *end != '\0')
            version = 0;
        free(text);
        record_source_close(&source);
    }
    record_id_close(root);
    return version;
}

static bool version_check(struct record_file *file, struct error *error)
{
    const int64_t version = version_read(file);
    if (version > RECORD_FORMAT_VERSION)
        return error_add(error, ERROR_DAMAGED,
                         "%s: written in format %lld by a newer version of the program, this one reads up to format %d",
                         file->path, (long long)version, RECORD_FORMAT_VERSION);
    if (version < 1)
        return error_add(error, ERROR_DAMAGED, "%s: no results file of this program (no format version in it)",
                         file->path);
    file->format = (unsigned)version;
    return true;
}

static bool digest_check(struct record_file *file, struct error *error)
{
    char *kept = root_text(file, "digest"), digest[RECORD_DIGEST_SIZE];
    bool good = kept != NULL && record_digest(file->file, &file->table, digest) && strcmp(kept, digest) == 0;
    free(kept);
    return good || error_add(error, ERROR_DAMAGED, "%s: damaged: its content does not agree with its digest; " REMEDY,
                             file->path);
}

static bool file_check(struct record_file *file, bool foreign_allowed, struct error *error)
{
    bool foreign = foreign_allowed && H5Aexists_by_name(file->file, "/", "digest", H5P_DEFAULT) == 0;
    if (!foreign && !version_check(file, error))
        return false;
    if (!record_table_build(&file->table, file->file, "/", foreign))
        return error_add(error, ERROR_DAMAGED, "%s: damaged: its list of objects cannot be read; " REMEDY, file->path);
    return foreign || file->is_sealed || digest_check(file, error);
}

// All that is ever read of a file without a seal: what the checks read, and the wave function.
struct trial {
    struct record_file *file;
    bool foreign_allowed;
};

static void trial_read(struct record_file *file, const char *path)
{
    size_t rank, extent[RECORD_RANK_MOST], n = 1;
    if (!record_shape(file, path, &rank, extent, NULL))
        return;
    for (size_t d = 0; d < rank; d++)
        n *= extent[d];
    double *values = memory_take_zeroed(n > 0 ? n : 1, sizeof *values);
    if (values != NULL)
        record_read_reals(file, path, n, values, NULL);
    free(values);
}

static void trial_work(void *context)
{
    struct trial *trial = context;
    struct record_file *file = trial->file;
    if (!image_open(file, NULL) || !file_check(file, trial->foreign_allowed, NULL))
        return;
    for (size_t i = 0; i < file->table.n; i++) {
        const struct record_entry *entry = &file->table.entry[i];
        if (strncmp(entry->path, "/wavefunction/", 14) != 0)
            continue;
        if (entry->is_group)
            free(record_read_attribute(file, entry->path, "representation", NULL));
        else
            trial_read(file, entry->path);
    }
    record_close(file);  // the child's own copy
}

static bool trial_check(struct record_file *file, bool foreign_allowed, struct error *error)
{
    struct trial trial = { file, foreign_allowed };
    unsigned seconds = 1 + (unsigned)(file->size >> 22);  // many times what it takes
    if (file->is_sealed)
        return true;
    const enum record_trial how = record_trial(trial_work, &trial, seconds);
    if (how == RECORD_TRIAL_NONE)
        return error_add(error, ERROR_INTERNAL,
                         "%s: has no seal, and no process could be started that tries to read it first: %s", file->path,
                         strerror(errno));
    return how == RECORD_TRIAL_GOOD ||
           error_add(error, ERROR_DAMAGED, "%s: damaged so that HDF5 cannot read it; " REMEDY, file->path);
}

struct record_file *record_open(const char *path, bool foreign_allowed, struct error *error)
{
    struct record_file *file = memory_take_zeroed(1, sizeof *file);
    if (file == NULL || (file->path = memory_text(path)) == NULL) {
        free(file);
        error_add(error, ERROR_INTERNAL, "%s: out of memory", path);
        return NULL;
    }
    file->file = -1;
    if (image_read(file, error) && seal_check(file, error) && trial_check(file, foreign_allowed, error) &&
        image_open(file, error) && file_check(file, foreign_allowed, error))
        return file;
    record_close(file);
    return NULL;
}
