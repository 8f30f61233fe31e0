// SPDX-License-Identifier: GPL-3.0-or-later
// Shared by the files of this room: the fixed sections, and a uniform view of all kinds of descriptors.
#ifndef VMC_SETTINGS_PARTS_H
#define VMC_SETTINGS_PARTS_H

#include "vmc/settings.h"

// A section that is always in use; its state is at `offset` in struct settings.
struct settings_fixed {
    const char *name, *summary;
    const struct param *params;
    size_t offset;
    unsigned jobs;  // SETTINGS_JOB bits of those that read it
};
#define SETTINGS_JOB(job) (1u << (job))
extern const struct settings_fixed settings_fixed[];  // ends with a NULL name

// A descriptor, whatever its kind.
struct settings_member {
    const char *name, *summary;  // NULL name: past the last
    size_t state_size;
    const struct param *params;
    const char *idle;  // NULL, or a key of the fixed section that it does not use
};
struct settings_kind_row {
    const char *noun;           // "interaction", for messages
    const char *section;        // section of its members' keys; NULL: each has a section of its own name
    const char *chooser, *key;  // section and key that choose
    const char *path;           // "system.interaction"
    struct settings_member (*member)(size_t index);
};
extern const struct settings_kind_row settings_kinds[SETTINGS_KINDS];

static inline bool settings_fixed_used(const struct settings_fixed *fixed, enum config_job job)
{
    return fixed->jobs & SETTINGS_JOB(job);
}
const struct settings_fixed *settings_fixed_find(const char *section);
// The section where the keys of this member stand.
const char *settings_section_of(const struct settings_kind_row *kind, const struct settings_member *member);
// The row of the key that chooses.
const struct param *settings_chooser(const struct settings_kind_row *kind);
// Whether a job reads what this kind's chooser chooses.
bool settings_kind_used(enum settings_kind kind, enum config_job job);
// The state of a member; NULL where it is not chosen.
void *settings_state_of(const struct settings *settings, enum settings_kind kind, size_t member);

// --- binding ---

struct settings_binder {
    struct settings *settings;
    const struct config *config;
    struct error *error, *notes;
    bool decided[SETTINGS_KINDS];  // false: the choice could not be read
    bool failed;
    bool system_failed;  // [system] or [interaction] has an error: the interaction is not asked whether it accepts the
                         // system
};

// What sampler.method = auto stands for.
size_t settings_best_sampler(const struct settings_binder *binder);

// The entry of a key, or a substitute if it has its default.
struct config_entry settings_entry(const struct settings_binder *binder, const char *section, const char *key);
// Values of [learn] that contradict each other.
void settings_bind_learn(struct settings_binder *binder);

// One pass over sections and entries.
void settings_bind(struct settings_binder *binder);

// Gives values that have no effect (noted by settings_bind) their defaults, so that the resolved settings can be read
// back without a note.
void settings_drop_ignored(struct settings_binder *binder);

// --- words ---

enum { SETTINGS_LOCATION_SIZE = 600, SETTINGS_NAMES_MOST = 128 };

struct settings_names {
    size_t n;
    const char *name[SETTINGS_NAMES_MOST + 1];  // ends with NULL
};
void settings_add_keys(struct settings_names *names, const struct param *rows);
struct settings_names settings_section_names(void);
bool settings_section_known(const char *section);
// Every key that the section may have, whatever is chosen.
struct settings_names settings_key_names(const char *section);
// The name that an unknown word probably stands for: a usual synonym, or the nearest spelling; NULL if none is near.
const char *settings_suggest(const char *word, const struct settings_names *names);
char *settings_join_names(const struct settings_names *names, char *text, size_t size);
// The same for the first item of a value that is not among the choices.
const char *settings_suggest_choice(const struct param *row, const char *value);
// Whether a job reads the section: all but the fixed ones are of runs.
bool settings_section_used(const char *section, enum config_job job);
// A section other than this one that has the key, one that the job reads if there is any; or NULL.
const char *settings_section_with_key(const char *key, const char *section, enum config_job job);

// "file:line: [section] key"; a line of 0 and a key of NULL are left out.
char *settings_location(const char *origin, size_t line, const char *section, const char *key, char *text, size_t size);
void settings_add_complaint(struct settings_binder *binder, const char *section, const char *location, const char *what,
                            const char *nearest);
void settings_complain(struct settings_binder *binder, const struct config_entry *entry, const char *nearest,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));
void settings_complain_section(struct settings_binder *binder, const struct config_section *section,
                               const char *nearest, const char *format, ...) __attribute__((format(printf, 4, 5)));
void settings_note(struct settings_binder *binder, const char *location, const char *what);

#endif
