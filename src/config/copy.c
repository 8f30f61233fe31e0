// SPDX-License-Identifier: GPL-3.0-or-later
// Copies of a configuration in which some entries are replaced: the points of a sweep.
#include "vmc/config.h"

#include <stdlib.h>
#include <string.h>

static bool copy_text(char **to, const char *from)
{
    *to = from ? strdup(from) : NULL;
    return !from || *to;
}

// Origins point to the file's name, which the copy has of its own, or to static text.
static bool copy_entries(struct config *copy, const struct config *from)
{
    copy->entries = calloc(from->n_entries + 1, sizeof *copy->entries);
    for (size_t k = 0; copy->entries && k < from->n_entries; k++) {
        const struct config_entry *old = &from->entries[k];
        struct config_entry *entry = &copy->entries[copy->n_entries++];
        *entry = (struct config_entry){ .origin = old->origin == from->file ? copy->file : old->origin,
                                        .line = old->line,
                                        .source = old->source };
        if (!copy_text(&entry->section, old->section) || !copy_text(&entry->key, old->key) ||
            !copy_text(&entry->value, old->value) || !copy_text(&entry->file_value, old->file_value))
            return false;
    }
    return copy->entries != NULL;
}

static bool copy_sections(struct config *copy, const struct config *from)
{
    copy->sections = calloc(from->n_sections + 1, sizeof *copy->sections);
    for (size_t k = 0; copy->sections && k < from->n_sections; k++) {
        copy->sections[copy->n_sections++].line = from->sections[k].line;
        if (!copy_text(&copy->sections[k].name, from->sections[k].name))
            return false;
    }
    return copy->sections != NULL;
}

static bool out_of_memory(struct error *error)
{
    return error_add(error, ERROR_INTERNAL, "not enough memory for the configuration");
}

bool config_copy(struct config *copy, const struct config *from, struct error *error)
{
    *copy = (struct config){ .job = from->job, .cut = from->cut };
    if (copy_text(&copy->file, from->file) && copy_text(&copy->text, from->text) && copy_entries(copy, from) &&
        copy_sections(copy, from))
        return true;
    config_finish(copy);
    return out_of_memory(error);
}

static struct config_entry *find(const struct config *config, const char *section, const char *key)
{
    for (size_t k = 0; k < config->n_entries; k++)
        if (strcmp(config->entries[k].section, section) == 0 && strcmp(config->entries[k].key, key) == 0)
            return &config->entries[k];
    return NULL;
}

// An empty entry at the end; NULL when memory is short.
static struct config_entry *append(struct config *config, const char *section, const char *key)
{
    struct config_entry *larger = realloc(config->entries, (config->n_entries + 1) * sizeof *larger);
    if (!larger)
        return NULL;
    config->entries = larger;
    struct config_entry *entry = &larger[config->n_entries++];
    *entry = (struct config_entry){ 0 };
    return copy_text(&entry->section, section) && copy_text(&entry->key, key) ? entry : NULL;
}

bool config_assign(struct config *config, const struct config_assignment *to, const char *value, struct error *error)
{
    struct config_entry *entry = find(config, to->section, to->key);
    char *text = strdup(value);
    if (!entry)
        entry = append(config, to->section, to->key);
    if (!entry || !text) {
        free(text);
        return out_of_memory(error);
    }
    if (entry->value && entry->source == CONFIG_BY_FILE)
        entry->file_value = entry->value;
    else
        free(entry->value);
    entry->value = text;
    entry->origin = to->origin;
    entry->line = to->line;
    entry->source = CONFIG_BY_SWEEP;
    return true;
}

bool config_recall(struct config *config, const char *section, const char *key, const char *value)
{
    const struct config_assignment assignment = { section, key, "the results file", 0 };
    if (!config_assign(config, &assignment, value, NULL))
        return false;
    find(config, section, key)->source = CONFIG_BY_RESULTS;
    return true;
}
