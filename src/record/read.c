// SPDX-License-Identifier: GPL-3.0-or-later
// Reading single values from an open file. Only paths found when it was opened can be read.
#include "record/private.h"

#include <stdlib.h>
#include <string.h>

bool record_has(struct record_file *file, const char *path) { return record_table_find(&file->table, path) != NULL; }

static bool complain(const struct record_file *file, const char *path, const char *what, struct error *error)
{
    return error_add(error, ERROR_DAMAGED, "%s: %s %s", file->path, path, what);
}

static bool dataset_open(struct record_file *file, const char *path, struct record_source *source, struct error *error)
{
    const struct record_entry *entry = record_table_find(&file->table, path);
    if (entry == NULL || entry->is_group)
        return complain(file, path, entry == NULL ? "is missing" : "is a group, not a data set", error);
    return record_source_dataset(source, file->file, path) ||
           complain(file, path, "cannot be opened, or its extents are absurd", error);
}

static bool is_number(const struct record_source *source)
{
    return source->class == H5T_INTEGER || source->class == H5T_FLOAT;
}

bool record_shape(struct record_file *file, const char *path, size_t *rank, size_t extent[3], struct error *error)
{
    struct record_source source;
    if (!dataset_open(file, path, &source, error))
        return false;
    *rank = source.rank;
    memcpy(extent, source.extent, sizeof source.extent);
    bool good = is_number(&source) || complain(file, path, "holds no numbers", error);
    record_source_close(&source);
    return good;
}

// n numbers as `type`; `integer`: nothing but whole numbers will do.
static bool numbers_read(struct record_file *file, const char *path, size_t n, bool integer, hid_t type, void *values,
                         struct error *error)
{
    struct record_source source;
    bool good = false;
    if (!dataset_open(file, path, &source, error))
        return false;
    if (!is_number(&source) || (integer && source.class != H5T_INTEGER))
        complain(file, path, integer ? "holds no whole numbers" : "holds no numbers", error);
    else if (source.n != n)
        error_add(error, ERROR_DAMAGED, "%s: %s has %zu values in place of %zu", file->path, path, source.n, n);
    else
        good = n == 0 || record_source_read(&source, type, values) || complain(file, path, "cannot be read", error);
    record_source_close(&source);
    return good;
}

bool record_read_reals(struct record_file *file, const char *path, size_t n, double *values, struct error *error)
{
    return numbers_read(file, path, n, false, H5T_NATIVE_DOUBLE, values, error);
}

// A negative number would be clipped to 0 by HDF5; as a signed number it shows.
bool record_read_count(struct record_file *file, const char *path, uint64_t *value, struct error *error)
{
    int64_t number;
    if (!numbers_read(file, path, 1, true, H5T_NATIVE_INT64, &number, error))
        return false;
    if (number < 0)
        return complain(file, path, "is negative", error);
    return numbers_read(file, path, 1, true, H5T_NATIVE_UINT64, value, error);
}

bool record_read_words(struct record_file *file, const char *path, size_t n, uint64_t *words, struct error *error)
{
    return numbers_read(file, path, n, file->format > 1, H5T_NATIVE_UINT64, words, error);
}

char *record_read_text(struct record_file *file, const char *path, struct error *error)
{
    struct record_source source;
    if (!dataset_open(file, path, &source, error))
        return NULL;
    char *text = record_source_string(&source);
    record_source_close(&source);
    if (text == NULL)
        complain(file, path, "is no text", error);
    return text;
}

char *record_read_attribute(struct record_file *file, const char *path, const char *name, struct error *error)
{
    hid_t object = H5Oopen(file->file, path, H5P_DEFAULT);
    char *text = object >= 0 ? record_source_text(object, name) : NULL;
    record_id_close(object);
    if (text == NULL)
        error_add(error, ERROR_DAMAGED, "%s: %s has no attribute '%s' that is a text", file->path, path, name);
    return text;
}
