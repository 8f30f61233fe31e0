// SPDX-License-Identifier: GPL-3.0-or-later
// Values of a data set or an attribute, one way to read both. Sizes come from a file and are not believed: a value that
// is not in the file (extents beyond what the stored bytes can hold) is refused before memory is asked for.
#include "record/private.h"

#include <stdlib.h>
#include <string.h>

// Deflate shrinks at most 1,032 times; an attribute is small by nature.
enum { EXPANSION_MOST = 1100, SOURCE_SLACK = 65536, ATTRIBUTE_MOST = 16 << 20, CONVERSION_BUFFER = 1 << 14 };

void record_id_close(hid_t id)
{
    if (id >= 0)
        H5Idec_ref(id);
}

void record_source_close(struct record_source *source)
{
    record_id_close(source->type);
    record_id_close(source->space);
    record_id_close(source->id);
}

// Bytes that the storage of the source could at most stand for.
static uint64_t bytes_most(const struct record_source *source)
{
    uint64_t stored = source->is_attribute ? ATTRIBUTE_MOST : H5Dget_storage_size(source->id);
    return stored > UINT64_MAX / EXPANSION_MOST - SOURCE_SLACK ? 0 : stored * EXPANSION_MOST + SOURCE_SLACK;
}

static bool shape_read(struct record_source *source)
{
    int rank = H5Sget_simple_extent_ndims(source->space);
    hsize_t extent[RECORD_RANK_MOST] = { 0 };
    if (rank < 0 || rank > RECORD_RANK_MOST || H5Sget_simple_extent_type(source->space) == H5S_NULL ||
        H5Sget_simple_extent_dims(source->space, extent, NULL) < 0)
        return false;
    source->rank = (size_t)rank;
    source->n = 1;
    source->size = H5Tget_size(source->type);
    uint64_t bytes = source->size;
    for (size_t d = 0; d < source->rank; d++) {
        source->extent[d] = extent[d];
        if (__builtin_mul_overflow(source->n, extent[d], &source->n) ||
            __builtin_mul_overflow(bytes, extent[d], &bytes))
            return false;
    }
    return source->size > 0 && bytes <= bytes_most(source);
}

// Takes over the id, also on failure.
static bool source_fill(struct record_source *source, hid_t id, bool is_attribute)
{
    *source = (struct record_source){ .id = id, .type = -1, .space = -1, .is_attribute = is_attribute };
    if (id < 0)
        return false;
    source->type = is_attribute ? H5Aget_type(id) : H5Dget_type(id);
    source->space = is_attribute ? H5Aget_space(id) : H5Dget_space(id);
    source->class = source->type >= 0 ? H5Tget_class(source->type) : H5T_NO_CLASS;
    bool good = source->type >= 0 && source->space >= 0 && source->class != H5T_NO_CLASS && shape_read(source);
    if (!good) {
        record_source_close(source);
        source->id = source->type = source->space = -1;
    }
    return good;
}

bool record_source_dataset(struct record_source *source, hid_t file, const char *path)
{
    return source_fill(source, H5Dopen2(file, path, H5P_DEFAULT), false);
}

bool record_source_attribute(struct record_source *source, hid_t object, const char *name)
{
    return source_fill(source, H5Aopen(object, name, H5P_DEFAULT), true);
}

hid_t record_transfer(void)
{
    static hid_t transfer = -1;
    if (transfer < 0 && (transfer = H5Pcreate(H5P_DATASET_XFER)) >= 0)
        H5Pset_buffer(transfer, CONVERSION_BUFFER, NULL, NULL);
    return transfer < 0 ? H5P_DEFAULT : transfer;
}

bool record_source_read(const struct record_source *source, hid_t memory_type, void *values)
{
    return (source->is_attribute ? H5Aread(source->id, memory_type, values)
                                 : H5Dread(source->id, memory_type, H5S_ALL, H5S_ALL, record_transfer(), values)) >= 0;
}

static char *variable_string(const struct record_source *source)
{
    char *text = NULL, *copy = NULL;
    if (record_source_read(source, source->type, &text)) {
        copy = memory_text(text != NULL ? text : "");
        H5free_memory(text);
    }
    return copy;
}

char *record_source_string(const struct record_source *source)
{
    if (source->class != H5T_STRING || source->n != 1)
        return NULL;
    if (H5Tis_variable_str(source->type) > 0)
        return variable_string(source);
    char *text = memory_take_zeroed(1, source->size + 1);
    if (text != NULL && !record_source_read(source, source->type, text)) {
        free(text);
        return NULL;
    }
    if (text != NULL && H5Tget_strpad(source->type) == H5T_STR_SPACEPAD)
        for (size_t n = strlen(text); n > 0 && text[n - 1] == ' '; n--)
            text[n - 1] = '\0';
    return text;
}

char *record_source_text(hid_t object, const char *name)
{
    struct record_source source;
    if (H5Aexists(object, name) <= 0 || !record_source_attribute(&source, object, name))
        return NULL;
    char *text = record_source_string(&source);
    record_source_close(&source);
    return text;
}
