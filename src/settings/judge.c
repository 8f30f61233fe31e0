// SPDX-License-Identifier: GPL-3.0-or-later
// Judges the sections and entries of a configuration in the order of their lines, and binds what is in use.
#include "settings/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What an entry belongs to.
struct target {
    size_t kind;                 // KINDS: a fixed section
    struct settings_member member;
    const struct param *row;     // NULL: there is no such key
    void *state;                 // NULL: the member is not in use
};

// --- choices ---

// Whether the file by itself, without overrides, chooses this member.
static bool file_chooses(const struct settings_binder *binder, size_t kind, size_t member)
{
    const struct settings_kind *chooser = &settings_kinds[kind];
    const struct param *row = settings_chooser(chooser);
    const struct config_entry *entry = config_find(binder->config, chooser->chooser, chooser->key);
    const char *text = !entry ? row->fallback : entry->source == CONFIG_BY_FILE ? entry->value : entry->file_value ? entry->file_value : row->fallback;
    struct settings scratch = { 0 };
    char why[PARAM_TEXT_SIZE];
    size_t position;
    return param_parse(row, text, (char *)&scratch + settings_fixed_find(chooser->chooser)->offset, why) &&
           settings_is_chosen(&scratch, kind, member, &position);
}

// Whether a sweep made the choice: other points of it may choose otherwise.
static bool chosen_by_sweep(const struct settings_binder *binder, size_t kind)
{
    const struct config_entry *entry = config_find(binder->config, settings_kinds[kind].chooser, settings_kinds[kind].key);
    return entry && entry->source == CONFIG_BY_SWEEP;
}

// --- entries ---

// The chosen member that has the key, or else any other.
static struct target locate_member(struct settings_binder *binder, size_t kind, const struct config_entry *entry)
{
    struct target target = { .kind = kind };
    struct settings_member member;
    for (size_t k = 0; (member = settings_kinds[kind].member(k)).name; k++) {
        size_t position;
        const struct param *row = param_find(member.params, entry->key);
        bool chosen = settings_is_chosen(binder->settings, kind, k, &position);
        if (!row || strcmp(settings_section_of(&settings_kinds[kind], &member), entry->section) != 0 || (target.row && !chosen))
            continue;
        target = (struct target){ kind, member, row, chosen ? *settings_state(binder->settings, kind, position) : NULL };
    }
    return target;
}

static struct target locate(struct settings_binder *binder, const struct config_entry *entry)
{
    const struct settings_fixed *fixed = settings_fixed_find(entry->section);
    const struct param *row = fixed ? param_find(fixed->params, entry->key) : NULL;
    if (row)
        return (struct target){ KINDS, { fixed->name, fixed->summary, 0, fixed->params }, row, (char *)binder->settings + fixed->offset };
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct target target = locate_member(binder, kind, entry);
        if (target.row)
            return target;
    }
    return (struct target){ .row = NULL };
}

static void refuse_key(struct settings_binder *binder, const struct config_entry *entry)
{
    char list[PARAM_TEXT_SIZE];
    struct settings_names keys = settings_key_names(entry->section);
    const char *nearest = config_nearest(entry->key, keys.name), *home = nearest ? NULL : settings_home_of(entry->key, entry->section);
    if (keys.n == 0)
        settings_complain(binder, entry, NULL, "there is no such key; this section has none");
    else if (home)
        settings_complain(binder, entry, NULL, "there is no such key here, it stands in [%s]; allowed: %s", home,
                          settings_join(&keys, list, sizeof list));
    else
        settings_complain(binder, entry, nearest, "there is no such key; allowed: %s", settings_join(&keys, list, sizeof list));
}

// Parses into the state, or on trial where the key is not in use: a wrong value is an error even where it is ignored.
static void bind(struct settings_binder *binder, const struct config_entry *entry, const struct target *target)
{
    char why[PARAM_TEXT_SIZE];
    void *trial = target->state ? NULL : calloc(1, target->member.state_size);
    void *state = target->state ? target->state : trial;
    if (!state)
        settings_complain(binder, entry, NULL, "not enough memory to judge it");
    else if (!param_parse(target->row, entry->value, state, why))
        settings_complain(binder, entry, settings_nearest_choice(target->row, entry->value), "%s", why);
    if (trial)
        param_release(target->member.params, trial);
    free(trial);
}

static bool has_keys(const struct param *rows)
{
    return rows && rows->key;
}

// The chosen interaction, sampler or optimiser.
static struct settings_member chosen_member(const struct settings_binder *binder, size_t kind)
{
    size_t index[FACTORS_MOST] = { 0 };
    settings_chosen(binder->settings, kind, index);
    return settings_kinds[kind].member(index[0]);
}

// Whether the file by itself chooses a member with this key (NULL: with any key) in this section.
static bool file_uses(const struct settings_binder *binder, size_t kind, const char *section, const char *key)
{
    struct settings_member member;
    for (size_t k = 0; (member = settings_kinds[kind].member(k)).name; k++)
        if (strcmp(settings_section_of(&settings_kinds[kind], &member), section) == 0 && file_chooses(binder, kind, k) &&
            (key ? param_find(member.params, key) != NULL : kind == KIND_FACTOR || has_keys(member.params)))
            return true;
    return false;
}

// A key of something that is not chosen.
static void judge_unused(struct settings_binder *binder, const struct config_entry *entry, const struct target *target)
{
    const struct settings_kind *kind = &settings_kinds[target->kind];
    const char *owner = target->member.name;
    char place[SETTINGS_PLACE_SIZE], what[400], list[PARAM_TEXT_SIZE];
    bool in_file = entry->source == CONFIG_BY_FILE || chosen_by_sweep(binder, target->kind);
    settings_place(entry->origin, entry->line, entry->section, entry->key, place, sizeof place);
    if (target->kind == KIND_SAMPLER || target->kind == KIND_OPTIMIZER) {
        snprintf(what, sizeof what, "belongs to method = %s and is ignored with method = %s", owner, chosen_member(binder, target->kind).name);
        settings_note(binder, place, what);
        return;
    }
    if (target->kind == KIND_FACTOR) {
        if (!in_file)
            settings_complain(binder, entry, NULL, "the factor %s is not in use; allowed: add it with --set %s.%s=...", owner, kind->chooser,
                              kind->key);
        return;
    }
    struct settings_member chosen = chosen_member(binder, target->kind);
    if (!has_keys(chosen.params) && in_file)
        return;  // said once, of the whole section
    if (in_file && (chosen_by_sweep(binder, target->kind) || file_uses(binder, target->kind, entry->section, entry->key))) {
        snprintf(what, sizeof what, "belongs to interaction = %s and is ignored with interaction = %s", owner, chosen.name);
        settings_note(binder, place, what);
        return;
    }
    struct settings_names keys = { 0 };
    settings_add_keys(&keys, chosen.params);
    settings_complain(binder, entry, NULL, "a key of interaction = %s, but [system] interaction = %s; allowed: %s", owner, chosen.name,
                      keys.n > 0 ? settings_join(&keys, list, sizeof list) : "no keys");
}

static void refuse_section(struct settings_binder *binder, const char *origin, size_t line, const char *name, const char *key)
{
    char place[SETTINGS_PLACE_SIZE], list[PARAM_TEXT_SIZE], what[PARAM_TEXT_SIZE + 80];
    struct settings_names sections = settings_section_names();
    snprintf(what, sizeof what, "there is no such section; allowed: %s", settings_join(&sections, list, sizeof list));
    settings_add_message(binder, name, settings_place(origin, line, name, key, place, sizeof place), what, config_nearest(name, sections.name));
}

static void judge_entry(struct settings_binder *binder, const struct config_entry *entry)
{
    if (*entry->section == '\0' || strcmp(entry->section, SETTINGS_SWEEP) == 0)
        return;  // the reader has said that the section lacks a name; a sweep is judged by its points
    if (!settings_section_known(entry->section)) {
        if (!config_find_section(binder->config, entry->section))
            refuse_section(binder, entry->origin, entry->line, entry->section, entry->key);
        return;
    }
    struct target target = locate(binder, entry);
    if (!target.row) {
        refuse_key(binder, entry);
        return;
    }
    bind(binder, entry, &target);
    if (!target.state && binder->decided[target.kind])
        judge_unused(binder, entry, &target);
}

// --- sections ---

static void judge_unused_section(struct settings_binder *binder, const struct config_section *section, size_t kind)
{
    const struct settings_kind *chooser = &settings_kinds[kind];
    char place[SETTINGS_PLACE_SIZE], chosen[PARAM_TEXT_SIZE], what[PARAM_TEXT_SIZE + 200];
    param_print(settings_chooser(chooser), (const char *)binder->settings + settings_fixed_find(chooser->chooser)->offset, chosen);
    settings_place(binder->config->file, section->line, section->name, NULL, place, sizeof place);
    bool sweeps = chosen_by_sweep(binder, kind);
    if (sweeps || file_uses(binder, kind, section->name, NULL)) {
        snprintf(what, sizeof what, "ignored, since %s makes it %s = %s", sweeps ? "the sweep" : "--set", chooser->key, chosen);
        settings_note(binder, place, what);
    } else {
        settings_complain_section(binder, section, NULL, "not in use, since [%s] %s = %s; allowed: remove the section, or choose %s",
                                  chooser->chooser, chooser->key, chosen, kind == KIND_FACTOR ? "this factor there" : "an interaction that has keys");
    }
}

static void judge_section(struct settings_binder *binder, const struct config_section *section)
{
    if (*section->name == '\0' || strcmp(section->name, SETTINGS_SWEEP) == 0 || config_find_section(binder->config, section->name) != section || settings_fixed_find(section->name))
        return;
    if (!settings_section_known(section->name)) {
        refuse_section(binder, binder->config->file, section->line, section->name, NULL);
        return;
    }
    if (strcmp(section->name, "interaction") == 0) {
        if (binder->decided[KIND_INTERACTION] && !has_keys(chosen_member(binder, KIND_INTERACTION).params))
            judge_unused_section(binder, section, KIND_INTERACTION);
        return;
    }
    for (size_t k = 0; k < binder->settings->n_factors; k++)
        if (strcmp(binder->settings->factor_type[k]->name, section->name) == 0)
            return;
    if (binder->decided[KIND_FACTOR])
        judge_unused_section(binder, section, KIND_FACTOR);
}

// Sections and entries in the order of their lines.
void settings_judge(struct settings_binder *binder)
{
    const struct config *config = binder->config;
    size_t s = 0;
    for (size_t k = 0; k < config->n_entries; k++) {
        for (; s < config->n_sections && config->sections[s].line < config->entries[k].line; s++)
            judge_section(binder, &config->sections[s]);
        judge_entry(binder, &config->entries[k]);
    }
    for (; s < config->n_sections; s++)
        judge_section(binder, &config->sections[s]);
}
