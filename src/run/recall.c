// SPDX-License-Identifier: GPL-3.0-or-later
// A run that is resumed keeps the settings it was begun with: what the configuration gives must agree with them
// (resume.c), and what it does not give is taken from the results file. So a default may change between versions of the
// program without an old run becoming another one.
#include "run/recall.h"

#include "base/memory.h"
#include "vmc/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 256, ROUNDS_MOST = 8 };

char *recall_text(struct record_file *file, const char *section, const struct param *row)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "/config/%s/%s", section, row->key);
    return record_has(file, path) ? record_read_attribute(file, path, "text", NULL) : NULL;
}

// As the program prints it today; false where it no longer understands it.
static bool normalise(const struct param *row, const char *text, char out[PARAM_TEXT_SIZE])
{
    const struct param alone[] = { *row, PARAM_END };
    void *state = memory_take_zeroed(1, row->offset + sizeof(struct param_reals) + sizeof(struct param_names));
    char why[PARAM_TEXT_SIZE];
    const bool good = state && text && param_parse(row, text, state, why);
    if (good) {
        param_print(row, state, out);
        param_release(alone, state);
    }
    free(state);
    return good;
}

bool recall_same(const struct param *row, const char *one, const char *other)
{
    char first[PARAM_TEXT_SIZE], second[PARAM_TEXT_SIZE];
    return normalise(row, one ? one : row->fallback, first) && normalise(row, other ? other : row->fallback, second) &&
           strcmp(first, second) == 0;
}

// ---- the same run

struct comparison {
    struct record_file *file;
    bool differs;
};

static void compare(const struct settings_value *value, void *context)
{
    struct comparison *comparison = context;
    char text[PARAM_TEXT_SIZE], *stored = recall_text(comparison->file, value->section, value->row);
    param_print(value->row, value->state, text);
    // no result depends on how often it is saved
    if (strcmp(value->row->key, "checkpoint_interval") != 0 && !recall_same(value->row, stored, text))
        comparison->differs = true;
    free(stored);
}

bool run_same_settings(struct record_file *file, const struct settings *settings)
{
    struct comparison comparison = { .file = file };
    settings_each(settings, compare, &comparison);
    return !comparison.differs;
}

// ---- what is not given

struct recall {
    struct config *config;
    struct record_file *file;
    struct error *notes;
    const char *path;
    bool more;  // a key was added in this round
};

static void recall_value(const struct settings_value *value, void *context)
{
    struct recall *recall = context;
    char text[PARAM_TEXT_SIZE], today[PARAM_TEXT_SIZE];
    if (config_find(recall->config, value->section, value->row->key))
        return;
    char *stored = recall_text(recall->file, value->section, value->row);
    param_print(value->row, value->state, today);
    if (stored && normalise(value->row, stored, text) && strcmp(text, today) != 0 &&
        config_recall(recall->config, value->section, value->row->key, text)) {
        error_add(recall->notes, ERROR_CONFIG,
                  "[%s] %s = %s, with which %s was begun; the configuration does not give it", value->section,
                  value->row->key, text, recall->path);
        recall->more = true;
    }
    free(stored);
}

// A choice that is recalled brings keys of its own.
static void recall_all(struct recall *recall)
{
    struct settings settings;
    for (int round = 0; round < ROUNDS_MOST; round++) {
        recall->more = false;
        if (!settings_build(&settings, recall->config, NULL, NULL))
            return;  // whoever builds them next says why
        settings_each(&settings, recall_value, recall);
        settings_finish(&settings);
        if (!recall->more)
            return;
    }
}

// What was recalled, from the first process to the others: lines as --set has them.
static void share(struct config *config, const struct team *team)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = team_leads(team) ? open_memstream(&text, &length) : NULL;
    for (size_t k = 0; out && k < config->n_entries; k++)
        if (config->entries[k].source == CONFIG_BY_RESULTS)
            fprintf(out, "%s.%s=%s\n", config->entries[k].section, config->entries[k].key, config->entries[k].value);
    if (out)
        fclose(out);
    team_share(team, &length, sizeof length);
    if (!team_leads(team))
        text = calloc(length + 1, 1);
    if (team_agree(team, text != NULL, NULL))
        team_share(team, text, length);
    struct config from = { 0 };
    char *rest = team_leads(team) ? NULL : text;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (*line)
            config_set(&from, line, NULL);
    for (size_t k = 0; k < from.n_entries; k++)
        config_recall(config, from.entries[k].section, from.entries[k].key, from.entries[k].value);
    config_finish(&from);
    free(text);
}

void run_recall(struct config *config, const char *path, const struct team *team, struct error *notes)
{
    struct recall recall = { .config = config, .path = path, .notes = notes };
    if (team_leads(team) && access(path, R_OK) == 0 && (recall.file = record_open(path, false, NULL)))
        recall_all(&recall);
    record_close(recall.file);
    if (team)
        share(config, team);
}

bool recall_settings(struct record_file *file, const char *path, struct settings *settings, struct error *error)
{
    struct config config;
    if (!record_has(file, "/config/resolved") || !record_has(file, "/result/energy"))
        return error_add(
            error, ERROR_CONFIG, "%s: holds no results of one run with their configuration%s", path,
            record_has(file, "/runs") ? "; it is merged from runs: give their own files, or look at its table" : "");
    char *text = record_read_text(file, "/config/resolved", error);
    const bool good = text && config_parse(&config, path, text, strlen(text), error) &&
                      settings_build(settings, &config, error, NULL);
    if (text)
        config_finish(&config);
    free(text);
    return good;
}
