// SPDX-License-Identifier: GPL-3.0-or-later
// A file read back into the list it was written from, below another group. Values are copied; nothing refers to the old
// file afterwards (a virtual data set whose source is missing reads as NaN without a word).
#include "record/private.h"

#include <hdf5_hl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gathering {
    struct record *record;
    struct record_file *file;
    const char *prefix, *path;  // path: of the object in the file
};

enum { GATHER_PATH_SIZE = 4400 };

static bool complain(const struct gathering *gathering, const char *what, struct error *error)
{
    return error_add(error, ERROR_DAMAGED, "%s: %s %s", gathering->file->path, gathering->path, what);
}

// "/result/energy" -> "/runs/0000/result/energy"
static const char *new_path(const struct gathering *gathering, const char *path, char text[GATHER_PATH_SIZE])
{
    snprintf(text, GATHER_PATH_SIZE, "%s%s", gathering->prefix, strcmp(path, "/") == 0 ? "" : path);
    return text;
}

// --- attributes ---

// Those that the list keeps elsewhere, and those of dimension scales, which are made anew.
static bool is_own(const char *name)
{
    static const char *const names[] = { "units", "long_name", "CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST" };
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
        if (strcmp(name, names[k]) == 0)
            return true;
    return false;
}

static herr_t attribute_visit(hid_t object, const char *name, const H5A_info_t *info, void *context)
{
    struct gathering *gathering = context;
    char path[GATHER_PATH_SIZE];
    (void)info;
    if (is_own(name))
        return 0;
    new_path(gathering, gathering->path, path);
    struct record_source source;
    if (!record_source_attribute(&source, object, name))
        return -1;
    char *text = record_source_string(&source);
    int64_t number = 0;
    bool good = text != NULL || (source.class == H5T_INTEGER && source.n == 1 &&
                                 record_source_read(&source, H5T_NATIVE_INT64, &number));
    if (text != NULL)
        record_add_attribute(gathering->record, path, name, text);
    else if (good)
        record_add_attribute_count(gathering->record, path, name, (uint64_t)number);
    record_source_close(&source);
    free(text);
    return good ? 0 : -1;
}

static bool attributes_gather(struct gathering *gathering, hid_t object, struct error *error)
{
    return H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, NULL, attribute_visit, gathering) >= 0 ||
           complain(gathering, "has an attribute that is neither text nor whole number", error);
}

// --- data sets ---

static bool kind_of(const struct record_source *source, enum record_kind *kind)
{
    bool whole = source->class == H5T_INTEGER, is_signed = whole && H5Tget_sign(source->type) == H5T_SGN_2;
    if (source->class == H5T_STRING)
        *kind = RECORD_STRING;
    else if (source->class == H5T_FLOAT && source->size <= sizeof(double))
        *kind = RECORD_REAL;
    else if (whole && source->size == 1 && is_signed)
        *kind = RECORD_INT8;
    else if (whole && source->size <= sizeof(int64_t))
        *kind = is_signed ? RECORD_INT64 : RECORD_UINT64;
    else
        return false;
    return true;
}

struct scale_search {
    const struct gathering *gathering;
    char *path;  // malloc'ed
};

static herr_t scale_visit(hid_t object, unsigned dimension, hid_t scale, void *context)
{
    struct scale_search *search = context;
    char path[GATHER_PATH_SIZE];
    H5O_info_t info;
    (void)object, (void)dimension;
    if (H5Oget_info2(scale, &info, H5O_INFO_BASIC) < 0)
        return -1;
    const char *found = record_table_path(&search->gathering->file->table, info.addr);
    if (found != NULL)
        search->path = memory_text(new_path(search->gathering, found, path));
    return search->path != NULL ? 1 : -1;
}

static bool axes_gather(const struct gathering *gathering, hid_t id, struct record_item *item)
{
    bool good = true;
    for (unsigned d = 0; good && !item->is_axis && d < item->rank; d++) {
        struct scale_search search = { .gathering = gathering };
        H5DSiterate_scales(id, d, NULL, scale_visit, &search);
        item->axis[d] = search.path;
        good = search.path != NULL;
    }
    return good;
}

static bool strings_gather(const struct record_source *source, struct record_item *item)
{
    char **read = memory_take_zeroed(source->n > 0 ? source->n : 1, sizeof *read);
    item->strings = memory_take_zeroed(source->n > 0 ? source->n : 1, sizeof *item->strings);
    bool good = read != NULL && item->strings != NULL && H5Tis_variable_str(source->type) > 0 &&
                record_source_read(source, source->type, read);
    for (size_t i = 0; good && i < source->n; i++)
        item->strings[item->n_strings++] = memory_text(read[i] != NULL ? read[i] : "");
    for (size_t i = 0; good && i < source->n; i++)
        good = item->strings[i] != NULL;
    if (read != NULL && source->n > 0 && read[0] != NULL)
        H5Dvlen_reclaim(source->type, source->space, H5P_DEFAULT, read);
    free(read);
    item->values = item->strings;
    return good;
}

static bool values_gather(const struct record_source *source, struct record_item *item)
{
    hid_t types[] = {
        [RECORD_REAL] = H5T_NATIVE_DOUBLE,
        [RECORD_INT64] = H5T_NATIVE_INT64,
        [RECORD_UINT64] = H5T_NATIVE_UINT64,
        [RECORD_INT8] = H5T_NATIVE_INT8,
    };
    if (item->kind == RECORD_STRING)
        return strings_gather(source, item);
    size_t size = item->kind == RECORD_INT8 ? 1 : 8;
    item->owned = memory_take(source->n > 0 ? source->n * size : 1);
    item->values = item->owned;
    return item->owned != NULL && (source->n == 0 || record_source_read(source, types[item->kind], item->owned));
}

static bool item_fill(const struct gathering *gathering, const struct record_source *source, struct record_item *item,
                      struct error *error)
{
    item->is_axis = H5DSis_scale(source->id) > 0;
    item->rank = source->rank;
    memcpy(item->extent, source->extent, sizeof source->extent);
    if (!axes_gather(gathering, source->id, item))
        return complain(gathering, "has no dimension scale", error);
    return values_gather(source, item) || complain(gathering, "cannot be read", error);
}

static bool dataset_gather(struct gathering *gathering, const struct record_source *source, struct error *error)
{
    char path[GATHER_PATH_SIZE];
    enum record_kind kind;
    if (!kind_of(source, &kind))
        return complain(gathering, "holds values of a type that cannot be merged", error);
    char *unit = record_source_text(source->id, "units"), *long_name = record_source_text(source->id, "long_name");
    struct record_item *item = record_item_add(gathering->record, new_path(gathering, gathering->path, path), kind,
                                               unit, long_name);
    free(unit);
    free(long_name);
    return item != NULL ? item_fill(gathering, source, item, error) && attributes_gather(gathering, source->id, error)
                        : error_add(error, ERROR_INTERNAL, "%s: out of memory", gathering->file->path);
}

static bool entry_gather(struct gathering *gathering, const struct record_entry *entry, struct error *error)
{
    struct record_source source;
    gathering->path = entry->path;
    if (entry->is_group) {
        hid_t group = H5Gopen2(gathering->file->file, entry->path, H5P_DEFAULT);
        bool good = group >= 0 && attributes_gather(gathering, group, error);
        record_id_close(group);
        return good;
    }
    if (!record_source_dataset(&source, gathering->file->file, entry->path))
        return complain(gathering, "cannot be opened", error);
    bool good = dataset_gather(gathering, &source, error);
    record_source_close(&source);
    return good;
}

// What only the run itself needs, and series that nobody reads in a table of hundreds of runs: the run's own file has
// them. With them a run takes three times the room.
static bool is_left_out(const char *path)
{
    static const char checkpoint[] = "/checkpoint";
    static const char *const series[] = { "local_energy", "kinetic", "kinetic_gradient", "trap", "pair", "virial" };
    static const char measurement[] = "/measurement/";
    if (strncmp(path, checkpoint, sizeof checkpoint - 1) == 0)
        return true;
    for (size_t k = 0; k < sizeof series / sizeof *series; k++)
        if (strncmp(path, measurement, sizeof measurement - 1) == 0 &&
            strcmp(path + sizeof measurement - 1, series[k]) == 0)
            return true;
    return false;
}

bool record_gather(struct record *record, struct record_file *file, const char *prefix, struct error *error)
{
    struct gathering gathering = { .record = record, .file = file, .prefix = prefix };
    bool good = true;
    for (size_t i = 0; good && i < file->table.n; i++)
        good = is_left_out(file->table.entry[i].path) || entry_gather(&gathering, &file->table.entry[i], error);
    return good;
}
