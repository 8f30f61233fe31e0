// SPDX-License-Identifier: GPL-3.0-or-later
// The digest of a file: SipHash over its objects in order of their paths, each with type, shape, values and attributes
// in order of their names. Numbers count in little-endian order, a reference to an axis counts as the axis' path; so
// layout, compression and byte order of the file do not matter. Left out: the digest itself, and REFERENCE_LIST, which
// only repeats DIMENSION_LIST from the other end.
#include "record/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct digest {
    struct record_hash hash;
    const struct record_table *table;
    bool is_root;
};

static void number_add(struct digest *digest, uint64_t number)
{
    unsigned char bytes[8];
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(number >> 8 * i);
    record_hash_add(&digest->hash, bytes, sizeof bytes);
}

static void text_add(struct digest *digest, const char *text)
{
    number_add(digest, strlen(text));
    record_hash_add(&digest->hash, text, strlen(text));
}

static bool numbers_add(struct digest *digest, const struct record_source *source)
{
    size_t size = source->n * source->size;
    void *values = memory_take(size > 0 ? size : 1);
    hid_t type = H5Tcopy(source->type);
    bool good = values != NULL && type >= 0 && H5Tset_order(type, H5T_ORDER_LE) >= 0 &&
                record_source_read(source, type, values);
    if (good && source->class == H5T_INTEGER)
        number_add(digest, H5Tget_sign(type) == H5T_SGN_NONE);
    if (good)
        record_hash_add(&digest->hash, values, size);
    record_id_close(type);
    free(values);
    return good;
}

static bool fixed_strings_add(struct digest *digest, const struct record_source *source)
{
    size_t size = source->n * source->size;
    void *values = memory_take(size > 0 ? size : 1);
    bool good = values != NULL && record_source_read(source, source->type, values);
    if (good)
        record_hash_add(&digest->hash, values, size);
    free(values);
    return good;
}

static bool variable_strings_add(struct digest *digest, const struct record_source *source)
{
    char **values = memory_take_zeroed(source->n > 0 ? source->n : 1, sizeof *values);
    bool good = values != NULL && record_source_read(source, source->type, values);
    for (size_t i = 0; good && i < source->n; i++)
        text_add(digest, values[i] != NULL ? values[i] : "");
    if (good)
        H5Dvlen_reclaim(source->type, source->space, H5P_DEFAULT, values);
    free(values);
    return good;
}

// DIMENSION_LIST: per dimension a list of references to scales. An object reference is the address of its object; it is
// looked up among the objects found and never followed.
static bool references_add(struct digest *digest, const struct record_source *source)
{
    hid_t base = H5Tget_super(source->type);
    hvl_t *lists = memory_take_zeroed(source->n > 0 ? source->n : 1, sizeof *lists);
    bool good = lists != NULL && base >= 0 && H5Tequal(base, H5T_STD_REF_OBJ) > 0 &&
                record_source_read(source, source->type, lists);
    bool known = good;
    for (size_t i = 0; known && i < source->n; i++) {
        number_add(digest, lists[i].len);
        for (size_t k = 0; known && k < lists[i].len; k++) {
            const char *path = record_table_path(digest->table, ((const hobj_ref_t *)lists[i].p)[k]);
            known = path != NULL;
            text_add(digest, known ? path : "");
        }
    }
    if (good)
        H5Dvlen_reclaim(source->type, source->space, H5P_DEFAULT, lists);
    record_id_close(base);
    free(lists);
    return known;
}

static bool source_add(struct digest *digest, const struct record_source *source)
{
    bool variable = source->class == H5T_STRING && H5Tis_variable_str(source->type) > 0;
    number_add(digest, (uint64_t)source->class);
    number_add(digest, variable ? 0 : source->size);
    number_add(digest, source->rank);
    for (size_t d = 0; d < source->rank; d++)
        number_add(digest, source->extent[d]);
    switch (source->class) {
    case H5T_INTEGER:
    case H5T_FLOAT: return numbers_add(digest, source);
    case H5T_STRING: return variable ? variable_strings_add(digest, source) : fixed_strings_add(digest, source);
    case H5T_VLEN: return references_add(digest, source);
    default: return false;  // nothing else is ever written
    }
}

static herr_t attribute_visit(hid_t object, const char *name, const H5A_info_t *info, void *context)
{
    struct digest *digest = context;
    struct record_source source;
    (void)info;
    if (strcmp(name, "REFERENCE_LIST") == 0 || (digest->is_root && strcmp(name, "digest") == 0))
        return 0;
    if (!record_source_attribute(&source, object, name))
        return -1;
    text_add(digest, name);
    bool good = source_add(digest, &source);
    record_source_close(&source);
    return good ? 0 : -1;
}

static bool attributes_add(struct digest *digest, hid_t object)
{
    bool good = H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, NULL, attribute_visit, digest) >= 0;
    number_add(digest, UINT64_MAX);  // no name is that long: the end
    return good;
}

static bool entry_add(struct digest *digest, hid_t file, const struct record_entry *entry)
{
    struct record_source source;
    digest->is_root = strcmp(entry->path, "/") == 0;
    text_add(digest, entry->path);
    number_add(digest, entry->is_group);
    if (entry->is_group) {
        hid_t group = H5Gopen2(file, entry->path, H5P_DEFAULT);
        bool good = group >= 0 && attributes_add(digest, group);
        record_id_close(group);
        return good;
    }
    if (!record_source_dataset(&source, file, entry->path))
        return false;
    bool good = source_add(digest, &source) && attributes_add(digest, source.id);
    record_source_close(&source);
    return good;
}

static bool table_add(struct digest *digest, hid_t file, const struct record_table *table)
{
    bool good = true;
    digest->table = table;
    for (size_t i = 0; good && i < table->n; i++)
        good = entry_add(digest, file, &table->entry[i]);
    return good;
}

static void digest_end(struct digest *digest, char text[RECORD_DIGEST_SIZE])
{
    char hex[33];
    record_hash_end(&digest->hash, hex);
    snprintf(text, RECORD_DIGEST_SIZE, "siphash-2-4-128:%s", hex);
}

bool record_digest(hid_t file, const struct record_table *table, char text[RECORD_DIGEST_SIZE])
{
    struct digest digest = { .is_root = false };
    record_hash_start(&digest.hash);
    if (!table_add(&digest, file, table))
        return false;
    digest_end(&digest, text);
    return true;
}

// --- by parts ---

struct parts {
    struct digest digest;
    hid_t file;
    const char *group, *split;
};

static bool parts_add(struct parts *parts, const char *group);

// A list of objects for each part: that of thousands of runs would be larger than they are.
static herr_t part_visit(hid_t group, const char *name, const H5L_info_t *link, void *context)
{
    struct parts *parts = context;
    struct record_table table;
    char path[64];
    (void)group, (void)link;
    if (snprintf(path, sizeof path, "%s/%s", parts->group, name) >= (int)sizeof path)
        return -1;
    if (strcmp(path, parts->split) == 0)
        return parts_add(parts, path) ? 0 : -1;
    if (!record_table_build(&table, parts->file, path, false))
        return -1;
    const bool good = table_add(&parts->digest, parts->file, &table);
    record_table_finish(&table);
    return good ? 0 : -1;
}

static bool parts_add(struct parts *parts, const char *group)
{
    const char *outer = parts->group;
    char name[] = "/", *path = *group ? (char *)(uintptr_t)group : name;
    const struct record_entry entry = { .path = path, .is_group = true };
    hid_t id = H5Gopen2(parts->file, path, H5P_DEFAULT);
    parts->group = group;
    const bool good = id >= 0 && entry_add(&parts->digest, parts->file, &entry) &&
                      H5Literate(id, H5_INDEX_NAME, H5_ITER_INC, NULL, part_visit, parts) >= 0;
    parts->group = outer;
    record_id_close(id);
    return good;
}

bool record_digest_parts(hid_t file, const char *split, char text[RECORD_DIGEST_SIZE])
{
    struct parts parts = { .file = file, .split = split };
    record_hash_start(&parts.digest.hash);
    if (!parts_add(&parts, ""))
        return false;
    digest_end(&parts.digest, text);
    return true;
}
