// SPDX-License-Identifier: GPL-3.0-or-later
// Explains the keys of a configuration, from the same rows that read them.
#include "cli/keys.h"

#include "cli/text.h"
#include "vmc/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INDENT = 4, ROWS_MOST = 64, NARROWEST = 40 };

static void write_indented(FILE *out, size_t width, const char *text)
{
    fprintf(out, "%*s", INDENT, "");
    cli_wrap(out, INDENT, INDENT + 2, width, text);
}

static void write_key(FILE *out, const struct param *row, size_t width)
{
    char allowed[PARAM_TEXT_SIZE], text[2 * PARAM_TEXT_SIZE + 200];
    const char *fallback = !row->fallback ? "" : *row->fallback ? row->fallback : "nothing";
    param_describe(row, allowed);
    snprintf(text, sizeof text, "%s%s%s; %s%s", allowed, row->unit ? "; unit: " : "", row->unit ? row->unit : "",
             row->fallback ? "default: " : "required", fallback);
    fprintf(out, "  %s\n", row->key);
    write_indented(out, width, row->help ? row->help : "");
    write_indented(out, width, text);
}

static void write_row(FILE *out, const struct settings_schema_row *row, size_t width)
{
    char text[400];
    if (row->when)
        snprintf(text, sizeof text, "with %s = %s: %s", row->when, row->owner, row->summary ? row->summary : "");
    else
        snprintf(text, sizeof text, "%s", row->summary);
    int used = fprintf(out, "[%s]  ", row->section);
    cli_wrap(out, (size_t)used, INDENT, width, text);
    for (const struct param *key = row->params; key->key; key++)
        write_key(out, key, width);
    fputc('\n', out);
}

// [sweep] has no keys of its own.
static void write_sweep(FILE *out, size_t width)
{
    int used = fprintf(out, "[%s]  ", SETTINGS_SWEEP);
    cli_wrap(out, (size_t)used, INDENT, width,
             "many runs from one file: the points are all combinations of these values, counted from 0; the last key "
             "varies fastest");
    fprintf(out, "  section.key\n");
    write_indented(out, width, "a key of another section, such as system.omega, and its values");
    write_indented(out, width,
                   "v1 | v2 | ..., or start:stop:count including both ends; the seed of point K is run.seed + K unless "
                   "it is swept");
    fputc('\n', out);
}

static bool refuse_section(const char *section, const struct settings_schema_row *rows, size_t n, struct error *error)
{
    const char *names[ROWS_MOST + 2] = { NULL };
    char list[PARAM_TEXT_SIZE] = "";
    size_t used = 0;
    for (size_t k = 0; k < n; k++) {
        names[k] = rows[k].section;
        if ((k == 0 || strcmp(rows[k].section, rows[k - 1].section) != 0) && used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", k > 0 ? ", " : "", rows[k].section);
    }
    names[n] = SETTINGS_SWEEP;
    const char *nearest = config_nearest(section, names);
    return error_add(error, ERROR_USAGE, "there is no section '%.200s'; allowed: %s, " SETTINGS_SWEEP "%s%s%s", section,
                     list, nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

char *cli_keys_text(const char *section, size_t width, struct error *error)
{
    struct settings_schema_row rows[ROWS_MOST];
    size_t n = settings_schema(rows, ROWS_MOST), shown = 0, length = 0;
    char *text = NULL;
    FILE *out = open_memstream(&text, &length);
    if (!out) {
        error_add(error, ERROR_INTERNAL, "not enough memory");
        return NULL;
    }
    n = n < ROWS_MOST ? n : ROWS_MOST;
    width = width < NARROWEST ? NARROWEST : width;
    for (size_t k = 0; k < n; k++)
        if (!section || strcmp(section, rows[k].section) == 0) {
            write_row(out, &rows[k], width);
            shown++;
        }
    if (!section || strcmp(section, SETTINGS_SWEEP) == 0) {
        write_sweep(out, width);
        shown++;
    }
    fclose(out);
    if (shown > 0)
        return text;
    free(text);
    refuse_section(section, rows, n, error);
    return NULL;
}
