// SPDX-License-Identifier: GPL-3.0-or-later
// The list of what goes into one results file. Adding cannot fail for the caller: the first mistake is kept and told by
// record_publish.
#include "record/private.h"

#include "base/utf8.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <time.h>

static void memory_lacks(struct record *record)
{
    error_add(&record->error, ERROR_INTERNAL, "out of memory while gathering results");
}

// Text as it may stand in the file: bytes that are no UTF-8 become U+FFFD, since readers decode strictly.
static char *text_copy(struct record *record, const char *text)
{
    if (text == NULL)
        return NULL;
    size_t left = strlen(text);
    char *copy = memory_take(3 * left + 1), *out = copy;
    if (copy == NULL) {
        memory_lacks(record);
        return NULL;
    }
    for (size_t taken; left > 0; text += taken, left -= taken) {
        const size_t n = utf8_length(text, left);
        memcpy(out, n > 0 ? text : "\xef\xbf\xbd", n > 0 ? n : 3);
        out += n > 0 ? n : 3;
        taken = n > 0 ? n : 1;
    }
    *out = '\0';
    return copy;
}

// Room for one more of n elements, doubling; NULL when there is no memory.
static void *grown(void *list, size_t n, size_t *most, size_t size)
{
    if (n < *most)
        return list;
    size_t wanted = *most == 0 ? 32 : 2 * *most;
    void *more = memory_grow(list, wanted * size);
    if (more != NULL)
        *most = wanted;
    return more;
}

struct record *record_create(void) { return memory_take_zeroed(1, sizeof(struct record)); }

static void item_finish(struct record_item *item)
{
    for (size_t i = 0; i < item->n_strings; i++)
        free(item->strings[i]);
    for (size_t d = 0; d < RECORD_RANK_MOST; d++)
        free(item->axis[d]);
    free(item->strings);
    free(item->owned);
    free(item->path);
    free(item->unit);
    free(item->long_name);
}

void record_destroy(struct record *record)
{
    if (record == NULL)
        return;
    for (size_t i = 0; i < record->n_items; i++)
        item_finish(&record->items[i]);
    for (size_t i = 0; i < record->n_notes; i++) {
        free(record->notes[i].path);
        free(record->notes[i].name);
        free(record->notes[i].value);
    }
    free(record->items);
    free(record->slots);
    free(record->notes);
    error_clear(&record->error);
    free(record);
}

// FNV-1a.
static size_t path_hash(const char *path)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (; *path; path++)
        hash = (hash ^ (unsigned char)*path) * 0x100000001b3;
    return (size_t)(hash ^ hash >> 32);
}

// Where the path is, or the empty place where it belongs; the table is never full.
static size_t *slot_of(const struct record *record, const char *path)
{
    size_t at = path_hash(path) & (record->n_slots - 1);
    while (record->slots[at] != 0 && strcmp(record->items[record->slots[at] - 1].path, path) != 0)
        at = (at + 1) & (record->n_slots - 1);
    return &record->slots[at];
}

static struct record_item *item_find(const struct record *record, const char *path)
{
    const size_t number = record->n_slots > 0 ? *slot_of(record, path) : 0;
    return number > 0 ? &record->items[number - 1] : NULL;
}

// Room in the table for one item more, at most half full.
static bool slots_grow(struct record *record)
{
    if (2 * (record->n_items + 1) <= record->n_slots)
        return true;
    const size_t n = record->n_slots == 0 ? 256 : 2 * record->n_slots;
    size_t *slots = memory_take_zeroed(n, sizeof *slots);
    if (slots == NULL)
        return false;
    free(record->slots);
    record->slots = slots;
    record->n_slots = n;
    for (size_t i = 0; i < record->n_items; i++)
        *slot_of(record, record->items[i].path) = i + 1;
    return true;
}

struct record_item *record_item_add(struct record *record, const char *path, enum record_kind kind, const char *unit,
                                    const char *long_name)
{
    if (record == NULL)
        return NULL;
    if (path[0] != '/' || item_find(record, path) != NULL) {
        error_add(&record->error, ERROR_INTERNAL,
                  path[0] == '/' ? "results: %s was added twice" : "results: path %s lacks its /", path);
        return NULL;
    }
    struct record_item *items = grown(record->items, record->n_items, &record->most_items, sizeof *items);
    if (items != NULL)
        record->items = items;
    if (items == NULL || !slots_grow(record)) {
        memory_lacks(record);
        return NULL;
    }
    struct record_item item = { .path = text_copy(record, path),
                                .unit = text_copy(record, unit),
                                .long_name = text_copy(record, long_name),
                                .kind = kind };
    if (item.path == NULL) {
        item_finish(&item);
        return NULL;
    }
    items[record->n_items] = item;
    *slot_of(record, item.path) = record->n_items + 1;
    return &items[record->n_items++];
}

size_t record_item_count(const struct record_item *item)
{
    size_t n = 1;
    for (size_t d = 0; d < item->rank; d++)
        n *= item->extent[d];
    return n;
}

// The axis stands beside the array: "/training/energy" with axis "iteration" has "/training/iteration".
static char *axis_path(struct record *record, const char *array, const char *name)
{
    size_t folder = (size_t)(strrchr(array, '/') - array) + 1, size = folder + strlen(name) + 1;
    char *path = memory_take(size);
    if (path == NULL)
        memory_lacks(record);
    else
        snprintf(path, size, "%.*s%s", (int)folder, array, name);
    return path;
}

// An axis that is there already must be the same; one without values takes over those of a later mention.
static void axis_add(struct record *record, const char *path, const struct record_axis *axis)
{
    struct record_item *item = item_find(record, path);
    bool fresh = item == NULL;
    if (fresh)
        item = record_item_add(record, path, RECORD_INT64, axis->unit != NULL ? axis->unit : "1",
                               axis->long_name != NULL ? axis->long_name : axis->name);
    if (item == NULL)
        return;
    if (fresh) {
        item->is_axis = true;
        item->step = 1;
        item->rank = 1;
        item->extent[0] = axis->extent;
    }
    bool differs = axis->values != NULL && item->values != NULL &&
                   memcmp(axis->values, item->values, axis->extent * sizeof(double)) != 0;
    if (!item->is_axis || item->extent[0] != axis->extent || differs) {
        error_add(&record->error, ERROR_INTERNAL, "results: axis %s has two meanings (extents %zu and %zu)", path,
                  item->extent[0], axis->extent);
        return;
    }
    if (axis->values != NULL && item->values == NULL) {
        item->kind = RECORD_REAL;
        item->values = axis->values;
    }
}

// Adds the axes of an item that is still to come and leaves their paths; false when there is no room for them.
static bool axes_add(struct record *record, const char *path, size_t rank, const struct record_axis *axis,
                     char *axis_paths[RECORD_RANK_MOST])
{
    for (size_t d = 0; d < rank; d++) {
        axis_paths[d] = axis_path(record, path, axis[d].name);
        if (axis_paths[d] == NULL)
            return false;
        axis_add(record, axis_paths[d], &axis[d]);
    }
    return true;
}

static struct record_item *array_add(struct record *record, const char *path, enum record_kind kind, const char *unit,
                                     const char *long_name, size_t rank, const struct record_axis *axis)
{
    char *paths[RECORD_RANK_MOST] = { NULL };
    struct record_item *item = NULL;
    if (record == NULL)
        return NULL;
    if (path[0] != '/' || rank > RECORD_RANK_MOST)
        error_add(&record->error, ERROR_INTERNAL, "results: %s has no proper path, or more than %d axes", path,
                  RECORD_RANK_MOST);
    else if (axes_add(record, path, rank, axis, paths))
        item = record_item_add(record, path, kind, unit, long_name);
    for (size_t d = 0; d < RECORD_RANK_MOST; d++) {
        if (item == NULL)
            free(paths[d]);
        else
            item->axis[d] = paths[d];
    }
    if (item == NULL)
        return NULL;
    item->rank = rank;
    for (size_t d = 0; d < rank; d++)
        item->extent[d] = axis[d].extent;
    return item;
}

// An array named as its own axis is the axis.
static bool array_is_axis(const struct record_array *array)
{
    const char *slash = strrchr(array->path, '/');
    return array->rank == 1 && slash != NULL && strcmp(slash + 1, array->axis[0].name) == 0;
}

static void array_of_kind(struct record *record, const struct record_array *array, enum record_kind kind,
                          const void *values)
{
    struct record_item *item = array_add(record, array->path, kind, array->unit, array->long_name, array->rank,
                                         array->axis);
    if (item != NULL)
        item->values = values;
}

void record_add_array(struct record *record, const struct record_array *array)
{
    if (record != NULL && array_is_axis(array)) {
        struct record_axis axis = { array->axis[0].name, array->axis[0].extent, array->unit, array->long_name,
                                    array->values };
        axis_add(record, array->path, &axis);
        return;
    }
    array_of_kind(record, array, RECORD_REAL, array->values);
}

void record_add_counts(struct record *record, const struct record_array *array, const uint64_t *values)
{
    array_of_kind(record, array, RECORD_INT64, values);
}

void record_add_words(struct record *record, const struct record_array *array, const uint64_t *values)
{
    array_of_kind(record, array, RECORD_UINT64, values);
}

void record_add_ramp(struct record *record, const char *path, const char *long_name, size_t extent, size_t step)
{
    const struct record_axis axis = { strrchr(path, '/') + 1, extent, "1", long_name, NULL };
    axis_add(record, path, &axis);
    struct record_item *item = item_find(record, path);
    if (item != NULL)
        item->step = step;
}

static void values_own(struct record *record, struct record_item *item, const void *values, size_t size)
{
    item->owned = memory_take(size > 0 ? size : 1);
    if (item->owned == NULL)
        memory_lacks(record);
    else if (size > 0)
        memcpy(item->owned, values, size);
    item->values = item->owned;
}

void record_add_copy(struct record *record, const struct record_array *array)
{
    struct record_item *item = array_add(record, array->path, RECORD_REAL, array->unit, array->long_name, array->rank,
                                         array->axis);
    if (item != NULL)
        values_own(record, item, array->values, record_item_count(item) * sizeof(double));
}

static void coordinate_add(struct record *record, const char *array, const char *name, const char *long_name,
                           size_t particles, size_t dimensions, bool particle)
{
    const size_t n = particles * dimensions;
    const struct record_axis axis = { "coordinate", n, "1", "coordinate", NULL };
    char *path = axis_path(record, array, name);
    uint64_t *number = memory_take_zeroed(n > 0 ? n : 1, sizeof *number);
    for (size_t k = 0; number != NULL && k < n; k++)
        number[k] = particle ? k / dimensions : k % dimensions;
    if (number == NULL)
        memory_lacks(record);
    struct record_item *item = number == NULL || path == NULL || item_find(record, path) != NULL
                                   ? NULL
                                   : array_add(record, path, RECORD_INT64, "1", long_name, 1, &axis);
    if (item != NULL)
        values_own(record, item, number, n * sizeof *number);
    free(number);
    free(path);
}

void record_add_coordinates(struct record *record, const char *path, size_t particles, size_t dimensions)
{
    if (record == NULL)
        return;
    coordinate_add(record, path, "coordinate_particle", "particle of the coordinate", particles, dimensions, true);
    coordinate_add(record, path, "coordinate_dimension", "dimension of the coordinate: x, y, z", particles, dimensions,
                   false);
    record_add_attribute(record, path, "coordinates", "coordinate_particle coordinate_dimension");
}

void record_add_number(struct record *record, const char *path, enum record_kind kind, const char *unit,
                       const char *long_name, const void *value, size_t size)
{
    struct record_item *item = record_item_add(record, path, kind, unit, long_name);
    if (item != NULL)
        values_own(record, item, value, size);
}

void record_add_real(struct record *record, const char *path, const char *unit, const char *long_name, double value)
{
    record_add_number(record, path, RECORD_REAL, unit, long_name, &value, sizeof value);
}

// Signed for the reader's comfort (differences of unsigned numbers surprise); a seed beyond 2^63 - 1 keeps its value
// unsigned.
void record_add_count(struct record *record, const char *path, const char *unit, const char *long_name, uint64_t value)
{
    record_add_number(record, path, value <= INT64_MAX ? RECORD_INT64 : RECORD_UINT64, unit, long_name, &value,
                      sizeof value);
}

static void strings_own(struct record *record, struct record_item *item, size_t n, const char *const *values)
{
    item->strings = memory_take_zeroed(n > 0 ? n : 1, sizeof *item->strings);
    item->n_strings = item->strings != NULL ? n : 0;
    if (item->strings == NULL)
        memory_lacks(record);
    for (size_t i = 0; i < item->n_strings; i++)
        item->strings[i] = text_copy(record, values[i] != NULL ? values[i] : "");
    item->values = item->strings;
}

void record_add_text(struct record *record, const char *path, const char *long_name, const char *value)
{
    struct record_item *item = record_item_add(record, path, RECORD_STRING, NULL, long_name);
    if (item != NULL)
        strings_own(record, item, 1, &value);
}

void record_add_texts(struct record *record, const struct record_texts *texts)
{
    struct record_item *item = array_add(record, texts->path, RECORD_STRING, NULL, texts->long_name, 1, &texts->axis);
    if (item != NULL)
        strings_own(record, item, texts->axis.extent, texts->values);
}

// NULL where there is no memory.
static struct record_note *note_add(struct record *record, const char *path, const char *name)
{
    struct record_note *notes = record != NULL
                                    ? grown(record->notes, record->n_notes, &record->most_notes, sizeof *notes)
                                    : NULL;
    if (record != NULL && notes == NULL)
        memory_lacks(record);
    if (notes == NULL)
        return NULL;
    record->notes = notes;
    notes[record->n_notes] = (struct record_note){ .path = text_copy(record, path), .name = text_copy(record, name) };
    return &notes[record->n_notes++];
}

void record_add_attribute(struct record *record, const char *path, const char *name, const char *value)
{
    struct record_note *note = note_add(record, path, name);
    if (note != NULL)
        note->value = text_copy(record, value != NULL ? value : "");
}

void record_add_attribute_count(struct record *record, const char *path, const char *name, uint64_t value)
{
    struct record_note *note = note_add(record, path, name);
    if (note != NULL)
        note->number = (int64_t)value;
}

void record_now(char text[32])
{
    const time_t seconds = time(NULL);
    struct tm utc;
    strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
}

void record_add_heading(struct record *record, const char *status, const char *created, const char *program)
{
    char now[32];
    record_now(now);
    record_add_attribute_count(record, "/", "format_version", RECORD_FORMAT_VERSION);
    const char *const texts[][2] = {
        { "status", status },       { "created", created ? created : now }, { "modified", now }, { "program", program },
        { "version", VMC_VERSION },
    };
    for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
        record_add_attribute(record, "/", texts[k][0], texts[k][1]);
}
