// SPDX-License-Identifier: GPL-3.0-or-later
// Error messages with their location, and the names they suggest.
#include "settings/parts.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

// --- messages ---

char *settings_location(const char *origin, size_t line, const char *section, const char *key, char *text, size_t size)
{
    char number[24] = "";
    if (line > 0)
        snprintf(number, sizeof number, ":%zu", line);
    snprintf(text, size, "%.300s%s: [%.80s]%s%.80s", origin, number, section, key ? " " : "", key ? key : "");
    return text;
}

void settings_add_complaint(struct settings_binder *binder, const char *section, const char *location, const char *what,
                            const char *nearest)
{
    binder->failed = true;
    if (strcmp(section, "system") == 0 || strcmp(section, "interaction") == 0)
        binder->system_failed = true;
    error_add(binder->error, ERROR_CONFIG, "%s: %s%s%s%s", location, what, nearest ? "; did you mean '" : "",
              nearest ? nearest : "", nearest ? "'?" : "");
}

void settings_complain(struct settings_binder *binder, const struct config_entry *entry, const char *nearest,
                       const char *format, ...)
{
    char location[SETTINGS_LOCATION_SIZE], what[2 * PARAM_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    settings_location(entry->origin, entry->line, entry->section, entry->key, location, sizeof location);
    settings_add_complaint(binder, entry->section, location, what, nearest);
}

void settings_complain_section(struct settings_binder *binder, const struct config_section *section,
                               const char *nearest, const char *format, ...)
{
    char location[SETTINGS_LOCATION_SIZE], what[2 * PARAM_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    settings_location(binder->config->file, section->line, section->name, NULL, location, sizeof location);
    settings_add_complaint(binder, section->name, location, what, nearest);
}

void settings_note(struct settings_binder *binder, const char *location, const char *what)
{
    error_add(binder->notes, ERROR_CONFIG, "%s: %s", location, what);
}

struct config_entry settings_entry(const struct settings_binder *binder, const char *section, const char *key)
{
    const struct config_entry *entry = config_find(binder->config, section, key);
    if (entry)
        return *entry;
    return (struct config_entry){ .section = (char *)(uintptr_t)section,
                                  .key = (char *)(uintptr_t)key,
                                  .origin = binder->config->file };
}

// --- names, for "allowed" and "did you mean" ---

static void add_name(struct settings_names *names, const char *name)
{
    for (size_t k = 0; k < names->n; k++)
        if (strcmp(names->name[k], name) == 0)
            return;
    if (names->n < SETTINGS_NAMES_MOST)
        names->name[names->n++] = name;
}

void settings_add_keys(struct settings_names *names, const struct param *rows)
{
    for (; rows && rows->key; rows++)
        add_name(names, rows->key);
}

struct settings_names settings_section_names(void)
{
    struct settings_names names = { 0 };
    struct settings_member member;
    for (const struct settings_fixed *fixed = settings_fixed; fixed->name; fixed++)
        add_name(&names, fixed->name);
    for (size_t kind = 0; kind < SETTINGS_KINDS; kind++)
        for (size_t k = 0; (member = settings_kinds[kind].member(k)).name; k++)
            add_name(&names, settings_section_of(&settings_kinds[kind], &member));
    add_name(&names, SETTINGS_SWEEP);
    return names;
}

struct settings_names settings_key_names(const char *section)
{
    struct settings_names names = { 0 };
    struct settings_member member;
    const struct settings_fixed *fixed = settings_fixed_find(section);
    if (fixed)
        settings_add_keys(&names, fixed->params);
    for (size_t kind = 0; kind < SETTINGS_KINDS; kind++)
        for (size_t k = 0; (member = settings_kinds[kind].member(k)).name; k++)
            if (strcmp(settings_section_of(&settings_kinds[kind], &member), section) == 0)
                settings_add_keys(&names, member.params);
    return names;
}

char *settings_join_names(const struct settings_names *names, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t k = 0; k < names->n && used < size; k++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", k > 0 ? ", " : "", names->name[k]);
    return text;
}

// What keys and choices are called elsewhere; `say` replaces the name in the message.
static const struct {
    const char *word, *name, *say;
} usual[] = { { "importance", "langevin", NULL },
              { "importance", "method", "method = langevin" },
              { "importance_sampling", "langevin", NULL },
              { "importance_sampling", "method", "method = langevin" },
              { "importance-sampling", "langevin", NULL },
              { "mala", "langevin", NULL },
              { "brute-force", "metropolis", NULL },
              { "brute_force", "metropolis", NULL },
              { "random-walk", "metropolis", NULL },
              { "gd", "sgd", NULL },
              { "gradient-descent", "sgd", NULL },
              { "natural-gradient", "sr", NULL },
              { "stochastic-reconfiguration", "sr", NULL },
              { "jastrow", "pade-jastrow", NULL },
              { "lr", "learning_rate", NULL },
              { "eta", "learning_rate", NULL },
              { "n_hidden", "hidden", NULL },
              { "hidden_units", "hidden", NULL },
              { "dt", "step", NULL },
              { "timestep", "step", NULL },
              { "time_step", "step", NULL },
              { "cycles", "samples", NULL },
              { "mc_cycles", "samples", NULL },
              { "equilibration", "burn_in", NULL },
              { "thermalization", "burn_in", NULL },
              { "chains", "walkers", NULL },
              { "n_particles", "particles", NULL },
              { "dim", "dimensions", NULL },
              { "potential", "interaction", NULL },
              { "spin", "spin_up", NULL } };

const char *settings_suggest(const char *word, const struct settings_names *names)
{
    for (size_t k = 0; k < sizeof usual / sizeof *usual; k++)
        for (size_t j = 0; strcasecmp(usual[k].word, word) == 0 && j < names->n; j++)
            if (strcmp(names->name[j], usual[k].name) == 0)
                return usual[k].say ? usual[k].say : usual[k].name;
    return config_nearest(word, names->name);
}

const char *settings_suggest_choice(const struct param *row, const char *value)
{
    struct settings_names names = { 0 };
    char copy[CONFIG_LINE_MOST + 1], *rest = copy;
    if (row->may_be_auto)
        add_name(&names, "auto");
    if (row->may_be_none)
        add_name(&names, "none");
    for (size_t k = 0; row->choice && row->choice(k); k++)
        add_name(&names, row->choice(k));
    snprintf(copy, sizeof copy, "%s", value);
    for (char *item; (item = strsep(&rest, ","));) {
        item += strspn(item, " \t");
        item[strcspn(item, " \t")] = '\0';
        const char *meant = settings_suggest(item, &names);
        if (meant && strcmp(meant, item) != 0)
            return meant;
    }
    return NULL;
}

bool settings_section_used(const char *section, enum config_job job)
{
    const struct settings_fixed *fixed = settings_fixed_find(section);
    return fixed ? settings_fixed_used(fixed, job) : job == CONFIG_RUN;
}

const char *settings_section_with_key(const char *key, const char *section, enum config_job job)
{
    struct settings_names sections = settings_section_names();
    const char *idle = NULL;
    for (size_t k = 0; k < sections.n; k++) {
        struct settings_names keys = settings_key_names(sections.name[k]);
        for (size_t j = 0; j < keys.n; j++) {
            if (strcmp(keys.name[j], key) != 0 || strcmp(sections.name[k], section) == 0)
                continue;
            if (settings_section_used(sections.name[k], job))
                return sections.name[k];
            idle = idle ? idle : sections.name[k];
        }
    }
    return idle;
}

bool settings_section_known(const char *section)
{
    struct settings_names sections = settings_section_names();
    for (size_t k = 0; k < sections.n; k++)
        if (strcmp(sections.name[k], section) == 0)
            return true;
    return false;
}
