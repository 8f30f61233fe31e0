// SPDX-License-Identifier: GPL-3.0-or-later
// A strict reader of INI text: entries with their location. What keys mean is up to the parameter tables.
#ifndef VMC_CONFIG_H
#define VMC_CONFIG_H

#include "vmc/error.h"

#include <stdbool.h>
#include <stddef.h>

// Limits: bytes of a line and of a file, entries of a file, errors of form before the rest is left unread.
enum { CONFIG_LINE_MOST = 4096, CONFIG_FILE_MOST = 1 << 20, CONFIG_ENTRIES_MOST = 1000, CONFIG_COMPLAINTS_MOST = 50 };

// Who gave an entry its value: the file itself, --set, a point of its sweep, or nobody now: the results file that a run
// is resumed from.
enum config_source { CONFIG_BY_FILE, CONFIG_BY_SET, CONFIG_BY_SWEEP, CONFIG_BY_RESULTS };

struct config_entry {
    char *section, *key, *value;  // owned
    const char *origin;           // file name, or "--set"
    size_t line;                  // 1-based; 0 for --set
    char *file_value;             // owned; what the file says where an override replaced it, else NULL
    enum config_source source;
};

struct config_section {
    char *name;  // owned
    size_t line;
};

// What a configuration is for: sections that only the other job reads are checked but not used.
enum config_job { CONFIG_RUN, CONFIG_LEARN };

struct config {
    enum config_job job;
    char *file;  // as given
    char *text;  // the whole file as read
    size_t n_entries;
    struct config_entry *entries;  // in order; an override replaces the value and origin of the entry it overrides
    size_t n_sections;
    struct config_section *sections;  // as they stand in the file, empty ones too
    bool cut;                         // reading stopped early: what seems missing may be further down
};

// Reads a file. All errors of form are collected, each "file:line: [section] key: …".
// ERROR_INPUT: missing, unreadable, a directory; ERROR_CONFIG: form. After ERROR_CONFIG the entries that could be read
// are there, so that their values can be checked at once; config_finish is due in every case.
bool config_read(struct config *config, const char *path, struct error *error);
// The same from memory; `name` stands for the file in messages.
bool config_parse(struct config *config, const char *name, const char *text, size_t length, struct error *error);
// "section.key=value". ERROR_USAGE when malformed. A later one for the same key wins.
bool config_set(struct config *config, const char *assignment, struct error *error);
void config_finish(struct config *config);

// A copy of everything. On failure (ERROR_INTERNAL) nothing is left to finish.
bool config_copy(struct config *copy, const struct config *from, struct error *error);
// Gives a key the value of a sweep; errors about it will name this origin and line. `origin` is borrowed.
struct config_assignment {
    const char *section, *key, *origin;
    size_t line;
};
bool config_assign(struct config *config, const struct config_assignment *to, const char *value, struct error *error);

// Gives a key that has no entry the value of the results file that a run is resumed from. False: no memory.
bool config_recall(struct config *config, const char *section, const char *key, const char *value);

// The entry, or NULL; the file's section, or NULL.
const struct config_entry *config_find(const struct config *config, const char *section, const char *key);
const struct config_section *config_find_section(const struct config *config, const char *section);

// The nearest of the names to `word` (Damerau-Levenshtein without regard to case, at most a third of its length apart,
// but one letter always), or NULL. names end with NULL.
const char *config_nearest(const char *word, const char *const *names);

#endif
