// SPDX-License-Identifier: GPL-3.0-or-later
// A record as the bytes of an HDF5 file, built in memory (core driver), so that HDF5 never meets a full disk.
// Layout: format of HDF5 1.10 (its metadata bears checksums); arrays in checksummed chunks; numbers without extent in
// the checksummed header of their data set; groups and attributes in the order they were made, which netCDF-4 asks for.
#include "record/private.h"

#include <endian.h>
#include <hdf5_hl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// 1 MiB of doubles; and what is worth the time that compressing takes
enum { CHUNK_VALUES = 1 << 17, COMPRESSED_VALUES = 1 << 14 };

// What every object is made with.
struct image {
    hid_t file, group, link, attribute, string, scalar;
    const char *path;  // of the results file, for messages
    struct error *error;
    unsigned char *bytes;  // the driver's memory, taken over when it closes the file
    const char *made;      // a path of the record whose groups are there
};

static bool fail(struct image *image, const char *what, const char *name)
{
    char reason[256];
    return error_add(image->error, ERROR_WRITE, "%s: cannot build %s %s: %s", image->path, what, name,
                     record_hdf5_reason(reason, sizeof reason));
}

static herr_t reason_take(unsigned n, const H5E_error2_t *entry, void *context)
{
    const char **reason = context;
    (void)n;
    if (*reason == NULL && entry->desc != NULL)
        *reason = entry->desc;
    return 0;
}

const char *record_hdf5_reason(char *text, size_t size)
{
    const char *reason = NULL;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, reason_take, &reason);
    // a failed system call: its own words out of two lines of numbers
    static const char mark[] = "error message = '";
    const char *words = reason != NULL ? strstr(reason, mark) : NULL;
    if (words != NULL)
        snprintf(text, size, "%.*s", (int)strcspn(words + sizeof mark - 1, "'"), words + sizeof mark - 1);
    else
        snprintf(text, size, "%s", reason != NULL ? reason : "no reason given by HDF5");
    return text;
}

static hid_t native_type(const struct image *image, enum record_kind kind)
{
    switch (kind) {
    case RECORD_REAL: return H5T_NATIVE_DOUBLE;
    case RECORD_INT64: return H5T_NATIVE_INT64;
    case RECORD_UINT64: return H5T_NATIVE_UINT64;
    case RECORD_INT8: return H5T_NATIVE_INT8;
    case RECORD_STRING: return image->string;
    }
    return -1;
}

// One value of this type.
static bool attribute_write_as(struct image *image, hid_t object, const char *name, hid_t type, const void *value)
{
    hid_t id = H5Acreate2(object, name, type, image->scalar, image->attribute, H5P_DEFAULT);
    bool good = id >= 0 && H5Awrite(id, type, value) >= 0;
    record_id_close(id);
    return good || fail(image, "attribute", name);
}

static bool attribute_write(struct image *image, hid_t object, const char *name, const char *value)
{
    return attribute_write_as(image, object, name, image->string, &value);
}

// Leaves what is there, a data set too.
static bool group_make(struct image *image, const char *path)
{
    if (H5Lexists(image->file, path, H5P_DEFAULT) > 0)
        return true;
    hid_t id = H5Gcreate2(image->file, path, image->link, image->group, H5P_DEFAULT);
    record_id_close(id);
    return id >= 0;
}

// Makes the groups above `path` that are missing. (HDF5 could, but would not keep their order of creation.)
static bool groups_make(struct image *image, const char *path)
{
    const size_t above = (size_t)(strrchr(path, '/') - path);
    if (image->made != NULL && strncmp(image->made, path, above) == 0 && image->made[above] == '/')
        return true;
    image->made = path;
    char *part = memory_text(path);
    bool good = part != NULL;
    for (char *slash = good ? strchr(part + 1, '/') : NULL; good && slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        good = group_make(image, part);
        *slash = '/';
    }
    free(part);
    return good || fail(image, "groups of", path);
}

// A chunk is the array, halved along its slowest axes until it is small.
static void chunk_choose(const struct record_item *item, hsize_t chunk[RECORD_RANK_MOST])
{
    size_t d = 0;
    for (size_t i = 0; i < item->rank; i++)
        chunk[i] = item->extent[i];
    for (size_t n = record_item_count(item); n > CHUNK_VALUES && d < item->rank;) {
        if (chunk[d] == 1) {
            d++;
            continue;
        }
        n = n / chunk[d] * ((chunk[d] + 1) / 2);
        chunk[d] = (chunk[d] + 1) / 2;
    }
}

// Room that is not in use yet.
static bool is_mostly_zero(const struct record_item *item)
{
    const double *values = item->values;
    size_t zeros = 0;
    if (item->kind != RECORD_REAL || item->rank == 0 || !values)
        return false;
    for (size_t k = 0; k < record_item_count(item); k++)
        zeros += values[k] == 0;
    return 2 * zeros > record_item_count(item);
}

// Checksums always. Compression for axes, counts, small arrays and empty ones; the mantissas of a long series are
// noise: a third of the space at most, for ten times the time.
static bool filters_set(hid_t properties, const struct record_item *item)
{
    hsize_t chunk[RECORD_RANK_MOST];
    chunk_choose(item, chunk);
    bool good = H5Pset_chunk(properties, (int)item->rank, chunk) >= 0;
    if (item->is_axis || item->kind == RECORD_INT64 || record_item_count(item) <= COMPRESSED_VALUES ||
        is_mostly_zero(item))
        good = good && H5Pset_shuffle(properties) >= 0 && H5Pset_deflate(properties, 1) >= 0;
    return good && H5Pset_fletcher32(properties) >= 0;
}

// Properties of the data set of an item, or -1.
static hid_t layout_create(const struct record_item *item)
{
    bool numeric = item->kind != RECORD_STRING;
    hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    bool good = properties >= 0 &&
                H5Pset_attr_creation_order(properties, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >= 0 &&
                H5Pset_obj_track_times(properties, false) >= 0;
    if (good && item->rank == 0)
        good = H5Pset_layout(properties, H5D_COMPACT) >= 0;
    else if (good && numeric && record_item_count(item) > 0)
        good = filters_set(properties, item);
    if (good)
        return properties;
    record_id_close(properties);
    return -1;
}

static hid_t space_create(const struct record_item *item)
{
    hsize_t extent[RECORD_RANK_MOST];
    for (size_t d = 0; d < item->rank; d++)
        extent[d] = item->extent[d];
    return item->rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple((int)item->rank, extent, NULL);
}

// 0, 1, 2, … times the step for an axis without values of its own.
static bool ramp_write(hid_t id, size_t n, size_t step)
{
    int64_t *ramp = memory_take((n > 0 ? n : 1) * sizeof *ramp);
    for (size_t i = 0; ramp != NULL && i < n; i++)
        ramp[i] = (int64_t)(i * step);
    bool good = ramp != NULL && H5Dwrite(id, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, ramp) >= 0;
    free(ramp);
    return good;
}

static bool values_write(const struct image *image, hid_t id, const struct record_item *item)
{
    if (record_item_count(item) == 0)
        return true;
    if (item->values == NULL)
        return item->is_axis && ramp_write(id, item->extent[0], item->step);
    return H5Dwrite(id, native_type(image, item->kind), H5S_ALL, H5S_ALL, record_transfer(), item->values) >= 0;
}

static bool scales_attach(const struct image *image, hid_t id, const struct record_item *item)
{
    bool good = true;
    for (unsigned d = 0; good && !item->is_axis && d < item->rank; d++) {
        hid_t scale = H5Dopen2(image->file, item->axis[d], H5P_DEFAULT);
        good = scale >= 0 && H5DSattach_scale(id, scale, d) >= 0;
        record_id_close(scale);
    }
    return good;
}

static bool item_write(struct image *image, const struct record_item *item)
{
    const char *name = strrchr(item->path, '/') + 1;
    if (!groups_make(image, item->path))
        return false;
    hid_t properties = layout_create(item), space = space_create(item), id = -1;
    if (properties >= 0 && space >= 0)
        id = H5Dcreate2(image->file, item->path, native_type(image, item->kind), space, image->link, properties,
                        H5P_DEFAULT);
    bool good = (id >= 0 && values_write(image, id, item) && (!item->is_axis || H5DSset_scale(id, name) >= 0) &&
                 scales_attach(image, id, item)) ||
                fail(image, "data set", item->path);
    if (good && item->kind != RECORD_STRING)
        good = attribute_write(image, id, "units", item->unit != NULL ? item->unit : "1");
    good = good && attribute_write(image, id, "long_name", item->long_name != NULL ? item->long_name : name);
    record_id_close(id);
    record_id_close(space);
    record_id_close(properties);
    return good;
}

static bool note_write(struct image *image, const struct record_note *note)
{
    if (strcmp(note->path, "/") != 0 && !groups_make(image, note->path))
        return false;
    bool there = strcmp(note->path, "/") == 0 || group_make(image, note->path);
    hid_t id = there ? H5Oopen(image->file, note->path, H5P_DEFAULT) : -1;
    bool good = id < 0                ? fail(image, "object", note->path)
                : note->value != NULL ? attribute_write(image, id, note->name, note->value)
                                      : attribute_write_as(image, id, note->name, H5T_NATIVE_INT64, &note->number);
    record_id_close(id);
    return good;
}

// Links and attributes of groups in the order they were made, no time stamps: equal content gives equal bytes.
static bool group_properties(hid_t properties)
{
    unsigned order = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
    return properties >= 0 && H5Pset_link_creation_order(properties, order) >= 0 &&
           H5Pset_attr_creation_order(properties, order) >= 0 && H5Pset_obj_track_times(properties, false) >= 0;
}

static bool properties_open(struct image *image)
{
    image->group = H5Pcreate(H5P_GROUP_CREATE);
    image->link = H5Pcreate(H5P_LINK_CREATE);
    image->attribute = H5Pcreate(H5P_ATTRIBUTE_CREATE);
    image->string = H5Tcopy(H5T_C_S1);
    image->scalar = H5Screate(H5S_SCALAR);
    return group_properties(image->group) && image->scalar >= 0 &&
           H5Pset_char_encoding(image->link, H5T_CSET_UTF8) >= 0 &&
           H5Pset_char_encoding(image->attribute, H5T_CSET_UTF8) >= 0 &&
           H5Tset_size(image->string, H5T_VARIABLE) >= 0 && H5Tset_cset(image->string, H5T_CSET_UTF8) >= 0;
}

hid_t record_file_create(const char *name, unsigned flags, hid_t access)
{
    hid_t creation = H5Pcreate(H5P_FILE_CREATE);
    hid_t file = group_properties(creation) && access >= 0 ? H5Fcreate(name, flags, creation, access) : -1;
    hid_t why = file < 0 ? H5Eget_current_stack() : -1;  // which calls that succeed would empty
    record_id_close(creation);
    record_id_close(access);
    if (why >= 0)
        H5Eset_current_stack(why);
    return file;
}

static bool image_open(struct image *image)
{
    if (properties_open(image))
        image->file = record_file_create("results in memory", H5F_ACC_TRUNC, record_access_write(&image->bytes));
    return image->file >= 0 || fail(image, "file", "in memory");
}

static void properties_close(struct image *image)
{
    const hid_t ids[] = { image->group, image->link, image->attribute, image->string, image->scalar };
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        record_id_close(ids[i]);
}

static bool digest_keep(struct image *image, bool known, const char *digest)
{
    hid_t root = known ? H5Oopen(image->file, "/", H5P_DEFAULT) : -1;
    bool good = root >= 0 ? attribute_write(image, root, "digest", digest) : fail(image, "digest", "of values");
    record_id_close(root);
    return good;
}

static bool digest_write(struct image *image)
{
    struct record_table table;
    char digest[RECORD_DIGEST_SIZE];
    if (!record_table_build(&table, image->file, "/", false))
        return fail(image, "list", "of objects");
    bool good = digest_keep(image, record_digest(image->file, &table, digest), digest);
    record_table_finish(&table);
    return good;
}

// Closes the file; its bytes stay. The memory is a little larger than the file, whose end stands in the superblock
// (versions 2 and 3: 8 bytes at 28), also where HDF5 looks for it.
static bool file_close(struct image *image, size_t *size)
{
    hid_t file = image->file;
    uint64_t end = 0;
    image->file = -1;
    if (file < 0 || H5Fclose(file) < 0 || image->bytes == NULL || image->bytes[8] < 2)
        return fail(image, "file", "in memory");
    memcpy(&end, image->bytes + 28, sizeof end);
    *size = le64toh(end);
    return true;
}

static bool seal_append(struct image *image, size_t *size)
{
    unsigned char *more = memory_grow(image->bytes, *size + RECORD_SEAL_SIZE);
    if (more == NULL)
        return error_add(image->error, ERROR_WRITE, "%s: out of memory", image->path);
    image->bytes = more;
    record_seal_make(more, *size, more + *size);
    *size += RECORD_SEAL_SIZE;
    return true;
}

// Axes come first, since arrays are attached to them.
static bool list_write(struct image *image, const struct record *record)
{
    bool good = true;
    for (int axes = 1; axes >= 0; axes--)
        for (size_t i = 0; good && i < record->n_items; i++)
            good = record->items[i].is_axis != (axes == 1) || item_write(image, &record->items[i]);
    for (size_t i = 0; good && i < record->n_notes; i++)
        good = note_write(image, &record->notes[i]);
    return good;
}

bool record_write_list(hid_t file, const struct record *record, const char *path, struct error *error)
{
    struct image image = { .file = file, .path = path, .error = error };
    if (record->error.n_messages > 0)
        return error_add(error, record->error.kind, "%s: %s", path,
                         record->error.text != NULL ? record->error.text : "out of memory");
    bool good = (properties_open(&image) || fail(&image, "properties", "of objects")) && list_write(&image, record);
    properties_close(&image);
    return good;
}

bool record_write_digest(hid_t file, const char *split, const char *path, struct error *error)
{
    struct image image = { .file = file, .path = path, .error = error };
    char digest[RECORD_DIGEST_SIZE];
    bool good = (properties_open(&image) || fail(&image, "properties", "of objects")) &&
                digest_keep(&image, record_digest_parts(file, split, digest), digest);
    properties_close(&image);
    return good;
}

bool record_image(const struct record *record, const char *path, unsigned char **bytes, size_t *size,
                  struct error *error)
{
    struct image image = { .file = -1, .path = path, .error = error };
    bool good = image_open(&image) && list_write(&image, record) && digest_write(&image);
    properties_close(&image);
    if (good)
        good = file_close(&image, size) && seal_append(&image, size);
    else
        record_id_close(image.file);
    if (good)
        *bytes = image.bytes;
    else
        free(image.bytes);
    return good;
}
