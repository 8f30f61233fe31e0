// SPDX-License-Identifier: GPL-3.0-or-later
// Binds the entries of a configuration in the order of their lines, and reports what is unknown, wrong or not in use.
#include "settings/parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What an entry refers to.
struct target {
    size_t kind;  // SETTINGS_KINDS: a fixed section
    struct settings_member member;
    const struct param *row;  // NULL: there is no such key
    void *state;              // NULL: the member is not in use
};

// --- choices ---

// Whether the file by itself, without overrides, chooses this member.
static bool file_chooses(const struct settings_binder *binder, size_t kind, size_t member)
{
    const struct settings_kind_row *chooser = &settings_kinds[kind];
    const struct param *row = settings_chooser(chooser);
    const struct config_entry *entry = config_find(binder->config, chooser->chooser, chooser->key);
    const char *text = !entry                            ? row->fallback
                       : entry->source == CONFIG_BY_FILE ? entry->value
                       : entry->file_value               ? entry->file_value
                                                         : row->fallback;
    struct settings scratch = { 0 };
    char why[PARAM_TEXT_SIZE];
    return param_parse(row, text, (char *)&scratch + settings_fixed_find(chooser->chooser)->offset, why) &&
           settings_chooses(&scratch, kind, member);
}

// Whether a sweep made the choice: its other points may choose otherwise.
static bool chosen_by_sweep(const struct settings_binder *binder, size_t kind)
{
    const struct config_entry *entry = config_find(binder->config, settings_kinds[kind].chooser,
                                                   settings_kinds[kind].key);
    return entry && entry->source == CONFIG_BY_SWEEP;
}

// What is chosen, in words: "rbm, gaussian".
static const char *chosen_text(const struct settings_binder *binder, size_t kind, char text[PARAM_TEXT_SIZE])
{
    const struct settings_kind_row *chooser = &settings_kinds[kind];
    param_print(settings_chooser(chooser),
                (const char *)binder->settings + settings_fixed_find(chooser->chooser)->offset, text);
    return text;
}

// --- entries ---

// The member with this key: a chosen one if there is one, otherwise any.
static struct target find_member(struct settings_binder *binder, size_t kind, const struct config_entry *entry)
{
    struct target target = { .kind = kind };
    struct settings_member member;
    for (size_t k = 0; (member = settings_kinds[kind].member(k)).name; k++) {
        const struct param *row = param_find(member.params, entry->key);
        void *state = settings_state_of(binder->settings, kind, k);
        if (row && strcmp(settings_section_of(&settings_kinds[kind], &member), entry->section) == 0 &&
            (!target.row || state))
            target = (struct target){ kind, member, row, state };
    }
    return target;
}

static struct target find_target(struct settings_binder *binder, const struct config_entry *entry)
{
    const struct settings_fixed *fixed = settings_fixed_find(entry->section);
    const struct param *row = fixed ? param_find(fixed->params, entry->key) : NULL;
    if (row)
        return (struct target){ SETTINGS_KINDS,
                                { .name = fixed->name, .params = fixed->params },
                                row,
                                (char *)binder->settings + fixed->offset };
    for (size_t kind = 0; kind < SETTINGS_KINDS; kind++) {
        struct target target = find_member(binder, kind, entry);
        if (target.row)
            return target;
    }
    return (struct target){ .row = NULL };
}

static void refuse_key(struct settings_binder *binder, const struct config_entry *entry)
{
    char list[PARAM_TEXT_SIZE];
    struct settings_names keys = settings_key_names(entry->section);
    const char *nearest = settings_suggest(entry->key, &keys),
               *home = nearest ? NULL : settings_section_with_key(entry->key, entry->section, binder->settings->job);
    if (keys.n == 0)
        settings_complain(binder, entry, NULL, "there is no such key; this section has none");
    else if (home)
        settings_complain(binder, entry, NULL, "there is no such key here; it belongs in [%s]; allowed: %s", home,
                          settings_join_names(&keys, list, sizeof list));
    else
        settings_complain(binder, entry, nearest, "there is no such key; allowed: %s",
                          settings_join_names(&keys, list, sizeof list));
}

// Whether the entry chooses members of a kind, which has been done: what `auto` stands for stays.
static bool is_decided(const struct settings_binder *binder, const struct config_entry *entry)
{
    for (size_t kind = 0; kind < SETTINGS_KINDS; kind++)
        if (strcmp(settings_kinds[kind].chooser, entry->section) == 0 &&
            strcmp(settings_kinds[kind].key, entry->key) == 0)
            return binder->decided[kind];
    return false;
}

// Into the state, or into a scratch copy where the key is not in use: a wrong value is an error even where it is
// ignored.
static void parse_value(struct settings_binder *binder, const struct config_entry *entry, const struct target *target)
{
    char why[PARAM_TEXT_SIZE] = "";
    if (is_decided(binder, entry))
        return;
    void *trial = target->state ? NULL : calloc(1, target->member.state_size);
    void *state = target->state ? target->state : trial;
    if (!state)
        settings_complain(binder, entry, NULL, "not enough memory to check it");
    else if (!param_parse(target->row, entry->value, state, why) && strchr(entry->value, '|') &&
             entry->source != CONFIG_BY_SWEEP)
        settings_complain(binder, entry, NULL, "%s; for several values write %s.%s = %.80s in [sweep]", why,
                          entry->section, entry->key, entry->value);
    else if (*why)
        settings_complain(binder, entry, settings_suggest_choice(target->row, entry->value), "%s", why);
    if (trial)
        param_release(target->member.params, trial);
    free(trial);
}

static bool has_keys(const struct param *rows) { return rows && rows->key; }

// Keys of the chosen members in this section.
static struct settings_names chosen_keys(const struct settings_binder *binder, size_t kind, const char *section)
{
    const struct settings_kind_row *row = &settings_kinds[kind];
    const struct param_names *members = &binder->settings->chosen[kind].members;
    struct settings_names names = { 0 };
    for (size_t k = 0; k < members->n; k++) {
        struct settings_member member = row->member(members->index[k]);
        if (strcmp(settings_section_of(row, &member), section) == 0)
            settings_add_keys(&names, member.params);
    }
    return names;
}

// Whether the file by itself chooses a member with this key (NULL: any) in this section.
static bool file_uses(const struct settings_binder *binder, size_t kind, const char *section, const char *key)
{
    const struct settings_kind_row *row = &settings_kinds[kind];
    struct settings_member member;
    for (size_t k = 0; (member = row->member(k)).name; k++)
        if (strcmp(settings_section_of(row, &member), section) == 0 && file_chooses(binder, kind, k) &&
            (key ? param_find(member.params, key) != NULL : !row->section || has_keys(member.params)))
            return true;
    return false;
}

static void add_note(struct settings_binder *binder, const struct config_entry *entry, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void add_note(struct settings_binder *binder, const struct config_entry *entry, const char *format, ...)
{
    char location[SETTINGS_LOCATION_SIZE], what[2 * PARAM_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    settings_location(entry->origin, entry->line, entry->section, entry->key, location, sizeof location);
    settings_note(binder, location, what);
}

// A key of something that is not chosen: an error if the file by itself says so, a note if --set or a sweep changed the
// choice.
static void report_unused_key(struct settings_binder *binder, const struct config_entry *entry,
                              const struct target *target)
{
    const struct settings_kind_row *kind = &settings_kinds[target->kind];
    const char *owner = target->member.name;
    char chosen[PARAM_TEXT_SIZE], list[PARAM_TEXT_SIZE];
    const struct settings_names keys = chosen_keys(binder, target->kind, entry->section);
    const bool by_sweep = chosen_by_sweep(binder, target->kind), in_file = entry->source == CONFIG_BY_FILE || by_sweep;
    chosen_text(binder, target->kind, chosen);
    if (kind->section && settings_fixed_find(kind->section))
        add_note(binder, entry, "belongs to %s = %s and is ignored with %s = %s", kind->key, owner, kind->key, chosen);
    else if (in_file && keys.n == 0)
        return;  // reported once, for the whole section
    else if (!kind->section)
        settings_complain(binder, entry, NULL, "the %s %s is not in use; allowed: add it with --set %s=...", kind->noun,
                          owner, kind->path);
    else if (in_file && (by_sweep || file_uses(binder, target->kind, entry->section, entry->key)))
        add_note(binder, entry, "belongs to %s = %s and is ignored with %s = %s", kind->key, owner, kind->key, chosen);
    else
        settings_complain(binder, entry, NULL, "a key of %s = %s, but [%s] %s = %s; allowed: %s", kind->key, owner,
                          kind->chooser, kind->key, chosen,
                          keys.n > 0 ? settings_join_names(&keys, list, sizeof list) : "no keys");
}

// "schedule = inverse": the key has an effect only while another key of its section has that value. Says what that
// other key and its value are when it is another.
static bool condition_is_unmet(const struct settings_binder *binder, const struct config_entry *entry,
                               const struct target *target, char key[40], char value[PARAM_TEXT_SIZE])
{
    if (!target->row->applies || !target->state || sscanf(target->row->applies, "%39s =", key) != 1)
        return false;
    const struct param *other = param_find(target->member.params, key);
    const struct config_entry *given = config_find(binder->config, entry->section, key);
    const char *needed = strstr(target->row->applies, "= ") + 2, *now = given ? given->value : other->fallback;
    snprintf(value, PARAM_TEXT_SIZE, "%s", now);
    return strcmp(value, needed) != 0 && strcmp(entry->value, target->row->fallback) != 0;
}

// The kind whose chosen member does not use this key of the section that all members share, or SETTINGS_KINDS.
static size_t kind_that_idles(const struct settings_binder *binder, const struct config_entry *entry,
                              const struct target *target)
{
    for (size_t kind = 0; kind < SETTINGS_KINDS; kind++) {
        const struct settings_kind_row *row = &settings_kinds[kind];
        const struct settings_choice *choice = &binder->settings->chosen[kind];
        if (!row->section || strcmp(row->section, entry->section) != 0 || choice->members.n != 1 ||
            !binder->decided[kind])
            continue;
        struct settings_member member = row->member(choice->members.index[0]);
        if (member.idle && strcmp(member.idle, entry->key) == 0 && strcmp(entry->value, target->row->fallback) != 0)
            return kind;
    }
    return SETTINGS_KINDS;
}

static void note_value_without_effect(struct settings_binder *binder, const struct config_entry *entry,
                                      const struct target *target)
{
    char key[40], value[PARAM_TEXT_SIZE];
    if (condition_is_unmet(binder, entry, target, key, value))
        add_note(binder, entry, "belongs to %s and is ignored with %s = %s", target->row->applies, key, value);
    const size_t kind = kind_that_idles(binder, entry, target);
    if (kind < SETTINGS_KINDS)
        add_note(binder, entry, "is ignored with %s = %s, which has no such parameter", settings_kinds[kind].key,
                 settings_kinds[kind].member(binder->settings->chosen[kind].members.index[0]).name);
}

void settings_drop_ignored(struct settings_binder *binder)
{
    char key[40], value[PARAM_TEXT_SIZE], why[PARAM_TEXT_SIZE];
    for (size_t k = 0; k < binder->config->n_entries; k++) {
        const struct config_entry *entry = &binder->config->entries[k];
        const struct target target = settings_section_known(entry->section) ? find_target(binder, entry)
                                                                            : (struct target){ 0 };
        if (target.row && target.state &&
            (condition_is_unmet(binder, entry, &target, key, value) ||
             kind_that_idles(binder, entry, &target) < SETTINGS_KINDS))
            param_parse(target.row, target.row->fallback, target.state, why);
    }
}

static void refuse_section(struct settings_binder *binder, const char *origin, size_t line, const char *name,
                           const char *key)
{
    char location[SETTINGS_LOCATION_SIZE], list[PARAM_TEXT_SIZE], what[PARAM_TEXT_SIZE + 80];
    struct settings_names sections = settings_section_names();
    snprintf(what, sizeof what, "there is no such section; allowed: %s",
             settings_join_names(&sections, list, sizeof list));
    settings_add_complaint(binder, name, settings_location(origin, line, name, key, location, sizeof location), what,
                           settings_suggest(name, &sections));
}

// Of the other job: one file may serve both.
static bool section_is_idle(const struct settings_binder *binder, const char *name)
{
    return settings_section_known(name) && !settings_section_used(name, binder->settings->job);
}

static void bind_entry(struct settings_binder *binder, const struct config_entry *entry)
{
    if (*entry->section == '\0' || strcmp(entry->section, SETTINGS_SWEEP) == 0)
        return;  // a missing section name was reported by the reader; a sweep is checked point by point
    if (!settings_section_known(entry->section)) {
        if (!config_find_section(binder->config, entry->section))
            refuse_section(binder, entry->origin, entry->line, entry->section, entry->key);
        return;
    }
    struct target target = find_target(binder, entry);
    if (!target.row) {
        refuse_key(binder, entry);
        return;
    }
    parse_value(binder, entry, &target);
    if (section_is_idle(binder, entry->section))
        return;
    note_value_without_effect(binder, entry, &target);
    if (!target.state && binder->decided[target.kind])
        report_unused_key(binder, entry, &target);
}

// --- sections ---

static void report_unused_section(struct settings_binder *binder, const struct config_section *section, size_t kind)
{
    const struct settings_kind_row *row = &settings_kinds[kind];
    char location[SETTINGS_LOCATION_SIZE], chosen[PARAM_TEXT_SIZE], what[PARAM_TEXT_SIZE + 200];
    const bool by_sweep = chosen_by_sweep(binder, kind);
    chosen_text(binder, kind, chosen);
    settings_location(binder->config->file, section->line, section->name, NULL, location, sizeof location);
    if (by_sweep || file_uses(binder, kind, section->name, NULL)) {
        snprintf(what, sizeof what, "ignored, since %s makes it %s = %s", by_sweep ? "the sweep" : "--set", row->key,
                 chosen);
        settings_note(binder, location, what);
    } else {
        settings_complain_section(binder, section, NULL,
                                  "not in use, since [%s] %s = %s; allowed: remove the section, or choose %s %s%s",
                                  row->chooser, row->key, chosen, row->section ? "another" : "this", row->noun,
                                  row->section ? " that has keys" : " there");
    }
}

// Whether this is the own section of a chosen member, or a common section in which a chosen member has keys.
static bool section_is_in_use(const struct settings_binder *binder, size_t kind, const char *section)
{
    const struct settings_kind_row *row = &settings_kinds[kind];
    const struct param_names *members = &binder->settings->chosen[kind].members;
    for (size_t k = 0; k < members->n && !row->section; k++)
        if (strcmp(row->member(members->index[k]).name, section) == 0)
            return true;
    return chosen_keys(binder, kind, section).n > 0;
}

static bool kind_owns_section(size_t kind, const char *section)
{
    struct settings_member member;
    for (size_t k = 0; (member = settings_kinds[kind].member(k)).name; k++)
        if (strcmp(settings_section_of(&settings_kinds[kind], &member), section) == 0)
            return true;
    return false;
}

static void check_section(struct settings_binder *binder, const struct config_section *section)
{
    const char *name = section->name;
    if (section_is_idle(binder, name)) {
        char location[SETTINGS_LOCATION_SIZE];
        settings_location(binder->config->file, section->line, name, NULL, location, sizeof location);
        settings_note(binder, location,
                      binder->settings->job == CONFIG_LEARN ? "vmc learn does not read this section"
                                                            : "only vmc learn reads this section");
        return;
    }
    if (*name == '\0' || strcmp(name, SETTINGS_SWEEP) == 0 || config_find_section(binder->config, name) != section ||
        settings_fixed_find(name))
        return;
    if (!settings_section_known(name)) {
        refuse_section(binder, binder->config->file, section->line, name, NULL);
        return;
    }
    for (size_t kind = 0; kind < SETTINGS_KINDS; kind++)
        if (kind_owns_section(kind, name) && binder->decided[kind] && !section_is_in_use(binder, kind, name))
            report_unused_section(binder, section, kind);
}

// Sections and entries in the order of their lines.
void settings_bind(struct settings_binder *binder)
{
    const struct config *config = binder->config;
    size_t s = 0;
    for (size_t k = 0; k < config->n_entries; k++) {
        for (; s < config->n_sections && config->sections[s].line < config->entries[k].line; s++)
            check_section(binder, &config->sections[s]);
        bind_entry(binder, &config->entries[k]);
    }
    for (; s < config->n_sections; s++)
        check_section(binder, &config->sections[s]);
}
