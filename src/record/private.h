// SPDX-License-Identifier: GPL-3.0-or-later
// Shared by the files of this room only: the list of a record, an open file's table of objects, and values of data sets
// and attributes.
#ifndef VMC_RECORD_PRIVATE_H
#define VMC_RECORD_PRIVATE_H

#define H5_USE_110_API  // later libraries then offer the same calls

#include "base/memory.h"
#include "vmc/record.h"

#include <hdf5.h>

enum { RECORD_RANK_MOST = 3, RECORD_DIGEST_SIZE = 64, RECORD_SEAL_SIZE = 64 };

// ---- the list (record.c) ----

enum record_kind { RECORD_REAL, RECORD_INT64, RECORD_UINT64, RECORD_INT8, RECORD_STRING };

struct record_item {
    char *path, *unit, *long_name;  // owned; unit and long_name may be NULL
    enum record_kind kind;
    size_t rank, extent[RECORD_RANK_MOST];
    char *axis[RECORD_RANK_MOST];  // owned: paths of the dimension scales
    bool is_axis;
    const void *values;  // NULL on an axis: 0, 1, 2, … times
    size_t step;         // … this
    void *owned;         // what `values` points to, where it is not borrowed
    char **strings;      // RECORD_STRING: n_strings owned texts
    size_t n_strings;
};

struct record_note {            // an attribute
    char *path, *name, *value;  // value NULL: a number
    int64_t number;
};

struct record {
    size_t n_items, most_items;
    struct record_item *items;
    size_t *slots, n_slots;  // hash table of the items' paths: 1 + number of the item, 0 for empty; a power of two
    size_t n_notes, most_notes;
    struct record_note *notes;
    struct error error;  // what went wrong while adding; told by record_publish
};

// A new item with its texts copied, or NULL (then the record's error says why).
struct record_item *record_item_add(struct record *record, const char *path, enum record_kind kind, const char *unit,
                                    const char *long_name);
// A scalar number of the given kind, `size` bytes, copied.
void record_add_number(struct record *record, const char *path, enum record_kind kind, const char *unit,
                       const char *long_name, const void *value, size_t size);
// As record_add_array, with the values copied.
void record_add_copy(struct record *record, const struct record_array *array);
// Number of values.
size_t record_item_count(const struct record_item *item);

// ---- the whole file as bytes (image.c, memory.c, seal.c) ----

// File access properties, or -1. The image of a file written so is left in *image when it is closed (malloc'ed; its
// size is the driver's).
hid_t record_access_write(unsigned char **image);
// The file lives in the image, which must outlive it.
hid_t record_access_read(unsigned char *image, size_t size);

enum record_seal { RECORD_SEAL_NONE, RECORD_SEAL_GOOD, RECORD_SEAL_BROKEN };
void record_seal_make(const unsigned char *bytes, size_t size, unsigned char seal[RECORD_SEAL_SIZE]);
enum record_seal record_seal_check(const unsigned char *bytes, size_t size);
// malloc'ed image of the file, digest and seal included; `path` is for messages.
bool record_image(const struct record *record, const char *path, unsigned char **image, size_t *size,
                  struct error *error);
// The parts of it for a file on disk. The file is made anew and takes over the access properties; -1 where that fails.
hid_t record_file_create(const char *name, unsigned flags, hid_t access);
bool record_write_list(hid_t file, const struct record *record, const char *path, struct error *error);
// `split`: the group whose members are each a part of its own, "/runs".
bool record_write_digest(hid_t file, const char *split, const char *path, struct error *error);
// Why the last HDF5 call failed, in the library's own words.
const char *record_hdf5_reason(char *text, size_t size);

// ---- publishing (publish.c) ----

// `write` makes the temporary neighbour, flushed to disk; then it takes the place of `path`, unless the lock (or NULL)
// was lost meanwhile. ERROR_WRITE where that fails, ERROR_EXISTS where the lock is another's.
bool record_place(const char *path, bool (*write)(const char *temporary, void *context, struct error *error),
                  void *context, struct record_lock *lock, struct error *error);

// ---- system calls of publishing (system.c) ----

// All return 0, or the errno of the first that failed.
int record_write_file(const char *path, const void *bytes, size_t size);  // create, write, fsync, close
int record_replace(const char *from, const char *to);
int record_remove(const char *path);
int record_link(const char *from, const char *to);
int record_sync_folder(const char *path);
int record_read_file(const char *path, unsigned char **bytes, size_t *size);

// Temporaries beside `path` that no process will ask for any more (publish.c).
void record_remove_leftovers(const char *path);

// ---- processes (process.c) ----

enum { RECORD_WORD_SIZE = 128 };
struct record_process {
    char host[RECORD_WORD_SIZE], place[RECORD_WORD_SIZE];  // place: start of the machine and process namespace
    long pid;
    unsigned long long started;  // clock ticks after the start of the machine; 0: not known
};
struct record_process record_process_self(void);
// Whether a process of this place lives. One that has ended and that nobody has waited for yet does not.
bool record_process_lives(long pid, unsigned long long started);
// "<path>.tmp.<host>.<boot>.<namespace>.<pid>", malloc'ed: no other process, here or elsewhere, has the same.
char *record_process_temporary(const char *path);
// Whose temporary it is, by what follows "<path>.tmp."; "….old" is its second name.
enum record_temporary {
    RECORD_TEMPORARY_NONE,
    RECORD_TEMPORARY_DEAD,
    RECORD_TEMPORARY_ALIVE,
    RECORD_TEMPORARY_ELSEWHERE
};
enum record_temporary record_process_judge(const char *name);

// ---- all objects of an open file (table.c) ----

struct record_entry {
    char *path;
    haddr_t address;
    bool is_group;
};
struct record_table {
    size_t n, most, limit;
    struct record_entry *entry;  // sorted by path
    size_t *by_address;          // numbers of the entries in order of address, then of path
    bool soft_links;             // these are followed
};
// All at and below the group `top`.
bool record_table_build(struct record_table *table, hid_t file, const char *top, bool soft_links);
void record_table_finish(struct record_table *table);
const struct record_entry *record_table_find(const struct record_table *table, const char *path);
// The first path of the object at this address, or NULL.
const char *record_table_path(const struct record_table *table, haddr_t address);

// ---- values of a data set or an attribute (source.c) ----

struct record_source {
    hid_t id, type, space;
    bool is_attribute;
    H5T_class_t class;
    size_t rank, extent[RECORD_RANK_MOST], n, size;  // n values of `size` bytes
};
// Refuse ranks above 3 and extents that the bytes stored cannot fill.
bool record_source_dataset(struct record_source *source, hid_t file, const char *path);
bool record_source_attribute(struct record_source *source, hid_t object, const char *name);
void record_source_close(struct record_source *source);
bool record_source_read(const struct record_source *source, hid_t memory_type, void *values);
// How HDF5 moves values, for H5Dread and H5Dwrite: with a small buffer for conversions, since it clears all of it for
// every single text.
hid_t record_transfer(void);
// The single string of a source, fixed or variable in length; malloc'ed, NULL when it is none.
char *record_source_string(const struct record_source *source);
// An object's attribute that is a text, malloc'ed; NULL where there is none.
char *record_source_text(hid_t object, const char *name);
void record_id_close(hid_t id);

// ---- digests (siphash.c, digest.c) ----

struct record_hash {
    uint64_t v[4], tail;
    uint64_t length;
};
void record_hash_start(struct record_hash *hash);
void record_hash_add(struct record_hash *hash, const void *bytes, size_t n);
void record_hash_end(struct record_hash *hash, char hex[33]);

// The seal of all bytes that were added.
void record_seal_end(struct record_hash *hash, unsigned char seal[RECORD_SEAL_SIZE]);

// "siphash-2-4-128:<32 hexadecimal digits>" of every path, type, shape, value and attribute.
bool record_digest(hid_t file, const struct record_table *table, char digest[RECORD_DIGEST_SIZE]);
// The same one of the whole file, for which no list of all objects is made: references stay within a member of the root
// or of the group `split`, and names of these have no character that sorts before '/'.
bool record_digest_parts(hid_t file, const char *split, char digest[RECORD_DIGEST_SIZE]);

// ---- merging (gather.c, merge_table.c) ----

// Everything of an open file into a record, below `prefix` ("/runs/0000"; its root attributes become those of that
// group).
bool record_gather(struct record *record, struct record_file *file, const char *prefix, struct error *error);

// Texts, each once: those of thousands of runs are mostly the same.
struct record_pool {
    size_t n, size;  // texts, slots of a hash table
    char **slot;     // owned
};
void record_pool_finish(struct record_pool *pool);

// What becomes of one input in the table; texts are the pool's.
struct record_cell {
    const char *name;  // "system.omega", or "energy"
    const char *text;  // as in an INI, or a number's shortest text
    double number;     // NAN where it is none
    bool is_number, is_setting;
    const char *unit, *long_name;
};
struct record_row {
    const char *file, *status, *verdict, *config;  // config: the INI as it was read
    size_t n, most;
    struct record_cell *cell;
};
bool record_row_read(struct record_row *row, struct record_pool *pool, struct record_file *file, struct error *error);
void record_row_finish(struct record_row *row);

struct record_columns {
    size_t n, most;
    struct record_column {
        char *name;
        double *number;  // of every row
        const char **text;
        bool is_text;
        const char *unit, *long_name;  // borrowed from the rows
    } * column;
};
// The columns of all rows: file, status, what was swept, other settings in which they differ, then the results, first
// those named.
bool record_columns_build(struct record_columns *columns, const struct record_row *rows, size_t n,
                          const char *const *results);
void record_columns_finish(struct record_columns *columns);
// Into the group /table, over the axis run; numbers and texts are borrowed.
void record_columns_add(struct record *record, const struct record_columns *columns, size_t n);
// As comma-separated values (RFC 4180); malloc'ed.
char *record_columns_csv(const struct record_columns *columns, size_t n);

// ---- a trial (trial.c) ----

// Does the work in a child process, for so many seconds of processor time, and ten times as long by the clock.
// RECORD_TRIAL_NONE: there could be no child, and errno says why.
enum record_trial { RECORD_TRIAL_GOOD, RECORD_TRIAL_BAD, RECORD_TRIAL_NONE };
enum record_trial record_trial(void (*work)(void *context), void *context, unsigned seconds);

// ---- an open file ----

struct record_file {
    char *path;
    unsigned char *image;
    size_t size;
    hid_t file;
    bool is_sealed;
    unsigned format;
    struct record_table table;
};

#endif
