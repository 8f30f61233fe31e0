// SPDX-License-Identifier: GPL-3.0-or-later
// Every path of a file, found by a walk that cannot run away: depth and number of objects are bounded, external links
// are not followed.
#include "record/private.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MOST = 16, OBJECTS_MOST = 100000, OBJECT_SIZE_LEAST = 64, TABLE_PATH_MOST = 4096 };

struct walk {
    struct record_table *table;
    size_t depth;
    const char *folder;  // "" for the root
};

static bool table_add(struct record_table *table, const char *path, const H5O_info_t *info)
{
    if (table->n == table->limit)
        return false;
    if (table->n == table->most) {
        size_t most = table->most == 0 ? 64 : 2 * table->most;
        struct record_entry *more = memory_grow(table->entry, most * sizeof *more);
        if (more == NULL)
            return false;
        table->entry = more;
        table->most = most;
    }
    struct record_entry entry = { memory_text(path), info->addr, info->type == H5O_TYPE_GROUP };
    if (entry.path == NULL)
        return false;
    table->entry[table->n++] = entry;
    return true;
}

static bool folder_walk(hid_t group, struct walk *walk);

// Called for every link of a group; below 0 ends the walk as failed.
static herr_t link_visit(hid_t group, const char *name, const H5L_info_t *link, void *context)
{
    struct walk *walk = context;
    char path[TABLE_PATH_MOST];
    size_t folder = strlen(walk->folder), leaf = strlen(name);
    H5O_info_t info;

    bool soft = link->type == H5L_TYPE_SOFT;
    if (link->type != H5L_TYPE_HARD && !(soft && walk->table->soft_links))
        return 0;
    if (folder + leaf + 2 > sizeof path)
        return -1;
    if (H5Oget_info_by_name2(group, name, &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0)
        return soft ? 0 : -1;  // a soft link may dangle
    if (info.type != H5O_TYPE_GROUP && info.type != H5O_TYPE_DATASET)
        return 0;
    memcpy(path, walk->folder, folder);
    path[folder] = '/';
    memcpy(path + folder + 1, name, leaf + 1);
    if (!table_add(walk->table, path, &info))
        return -1;
    if (info.type != H5O_TYPE_GROUP)
        return 0;
    if (walk->depth == DEPTH_MOST)
        return soft ? 0 : -1;
    hid_t inner = H5Gopen2(group, name, H5P_DEFAULT);
    struct walk deeper = { walk->table, walk->depth + 1, path };
    bool good = inner >= 0 && folder_walk(inner, &deeper);
    record_id_close(inner);
    return good ? 0 : -1;
}

static bool folder_walk(hid_t group, struct walk *walk)
{
    return H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, link_visit, walk) >= 0;
}

static int entry_order(const void *a, const void *b)
{
    return strcmp(((const struct record_entry *)a)->path, ((const struct record_entry *)b)->path);
}

struct addressed {
    haddr_t address;
    size_t number;
};

static int addressed_order(const void *a, const void *b)
{
    const struct addressed *x = a, *y = b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static bool address_order(struct record_table *table)
{
    struct addressed *list = memory_take((table->n + 1) * sizeof *list);
    table->by_address = memory_take((table->n + 1) * sizeof *table->by_address);
    const bool good = list != NULL && table->by_address != NULL;
    for (size_t i = 0; good && i < table->n; i++)
        list[i] = (struct addressed){ table->entry[i].address, i };
    if (good)
        qsort(list, table->n, sizeof *list, addressed_order);
    for (size_t i = 0; good && i < table->n; i++)
        table->by_address[i] = list[i].number;
    free(list);
    return good;
}

const char *record_table_path(const struct record_table *table, haddr_t address)
{
    size_t low = 0, high = table->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (table->entry[table->by_address[middle]].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    const struct record_entry *entry = low < table->n ? &table->entry[table->by_address[low]] : NULL;
    return entry != NULL && entry->address == address ? entry->path : NULL;
}

bool record_table_build(struct record_table *table, hid_t file, const char *top, bool soft_links)
{
    *table = (struct record_table){ .soft_links = soft_links, .limit = OBJECTS_MOST };
    H5O_info_t info;
    hsize_t size = 0;
    if (H5Fget_filesize(file, &size) >= 0 && size / OBJECT_SIZE_LEAST > OBJECTS_MOST)
        table->limit = (size_t)(size / OBJECT_SIZE_LEAST);  // many merged runs
    hid_t group = H5Gopen2(file, top, H5P_DEFAULT);
    struct walk walk = { table, 0, strcmp(top, "/") == 0 ? "" : top };
    bool good = group >= 0 && H5Oget_info2(group, &info, H5O_INFO_BASIC) >= 0 && table_add(table, top, &info) &&
                folder_walk(group, &walk);
    record_id_close(group);
    if (good)
        qsort(table->entry, table->n, sizeof *table->entry, entry_order);
    good = good && address_order(table);
    if (!good)
        record_table_finish(table);
    return good;
}

void record_table_finish(struct record_table *table)
{
    for (size_t i = 0; i < table->n; i++)
        free(table->entry[i].path);
    free(table->entry);
    free(table->by_address);
    *table = (struct record_table){ 0 };
}

const struct record_entry *record_table_find(const struct record_table *table, const char *path)
{
    struct record_entry key = { .path = (char *)(uintptr_t)path };
    return table->n == 0 ? NULL : bsearch(&key, table->entry, table->n, sizeof key, entry_order);
}
