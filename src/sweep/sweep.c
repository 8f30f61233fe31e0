// SPDX-License-Identifier: GPL-3.0-or-later
// The points of a sweep.
//
// A point is a copy of the configuration in which the swept keys have the point's values and the place of their line in [sweep], so that the
// tables judge them, and complain of them, as of any other entry.  Check: axes of 3 and 4 values make 12 points; point 7 has values 1 and 3.
#include "vmc/sweep.h"

#include "settings/parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCHEMA_MOST = 128, COMPLAINTS_MOST = 50, NUMBER_SIZE = 64 };

struct reader {
    struct sweep *sweep;
    struct error *error;
    const struct config_entry *entry;  // being read
    bool good;
};

// --- complaints ---

__attribute__((format(printf, 2, 3))) static bool complain(struct reader *reader, const char *format, ...)
{
    char place[SETTINGS_PLACE_SIZE], what[2 * PARAM_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    const struct config_entry *entry = reader->entry;
    settings_place(entry->origin, entry->line, entry->section, entry->key, place, sizeof place);
    return reader->good = error_add(reader->error, ERROR_CONFIG, "%s: %s", place, what);
}

static bool out_of_memory(struct reader *reader)
{
    return reader->good = error_add(reader->error, ERROR_INTERNAL, "not enough memory for the sweep");
}

// --- values ---

static bool add_value(struct reader *reader, struct sweep_axis *axis, const char *text)
{
    if (axis->n == SWEEP_POINTS_MOST)
        return complain(reader, "more than %d values", SWEEP_POINTS_MOST);
    char **values = realloc(axis->values, (axis->n + 1) * sizeof *values);
    if (!values)
        return out_of_memory(reader);
    axis->values = values;
    if (!(values[axis->n] = strdup(text)))
        return out_of_memory(reader);
    axis->n++;
    return true;
}

struct range { double start, stop; size_t count; };
static const struct param range_rows[] = {
    PARAM_REAL(range, start, .range = PARAM_ANY),
    PARAM_REAL(range, stop, .range = PARAM_ANY),
    PARAM_COUNT(range, count, .range = PARAM_WITHIN(2, SWEEP_POINTS_MOST)),
    PARAM_END
};
static const struct param real_row = PARAM_REAL(range, start, .range = PARAM_ANY);

// Twelve digits: 0.1:0.5:5 has 0.3 in it, and not 0.30000000000000004. The ends stay as they are.
static double range_value(const struct range *range, size_t k)
{
    char text[NUMBER_SIZE];
    if (k == 0 || k + 1 == range->count)
        return k == 0 ? range->start : range->stop;
    snprintf(text, sizeof text, "%.12g", range->start + (range->stop - range->start) * (double)k / (double)(range->count - 1));
    return strtod(text, NULL);
}

static bool add_range(struct reader *reader, struct sweep_axis *axis, const char *text)
{
    struct range range = { 0 };
    char copy[CONFIG_LINE_MOST + 1], why[PARAM_TEXT_SIZE], number[PARAM_TEXT_SIZE], *rest = copy;
    snprintf(copy, sizeof copy, "%s", text);
    for (const struct param *row = range_rows; row->key; row++) {
        char *part = strsep(&rest, ":");
        if (!param_parse(row, part, &range, why))
            return complain(reader, "'%.60s' is no range start:stop:count: %s: %s", text, row->key, why);
    }
    for (size_t k = 0; k < range.count; k++) {
        param_print(&real_row, &(struct range){ .start = range_value(&range, k) }, number);
        if (!add_value(reader, axis, number))
            return false;
    }
    return true;
}

static const struct param *find_row(const char *section, const char *key)
{
    struct settings_schema_row rows[SCHEMA_MOST];
    size_t n = settings_schema(rows, SCHEMA_MOST);
    for (size_t k = 0; k < n && k < SCHEMA_MOST; k++) {
        const struct param *row = strcmp(rows[k].section, section) == 0 ? param_find(rows[k].params, key) : NULL;
        if (row)
            return row;
    }
    return NULL;
}

// Colons may stand in names of files: a range is for keys that are numbers.
static bool is_range(const struct sweep_axis *axis, const char *text)
{
    const struct param *row = find_row(axis->section, axis->key);
    size_t colons = 0;
    for (const char *c = text; *c; c++)
        colons += *c == ':';
    return colons == 2 && row && (row->kind == PARAM_KIND_REAL || row->kind == PARAM_KIND_REALS || row->kind == PARAM_KIND_COUNT ||
                                  row->kind == PARAM_KIND_SEED);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// In order of their text, equal values are neighbours.
static bool refuse_twice(struct reader *reader, const struct sweep_axis *axis)
{
    const char **sorted = malloc(axis->n * sizeof *sorted);
    bool good = sorted || out_of_memory(reader);
    if (sorted) {
        memcpy(sorted, axis->values, axis->n * sizeof *sorted);
        qsort(sorted, axis->n, sizeof *sorted, by_text);
    }
    for (size_t k = 1; good && k < axis->n; k++)
        if (strcmp(sorted[k - 1], sorted[k]) == 0)
            good = complain(reader, "'%.60s' is given twice; for repeats sweep run.seed", sorted[k]);
    free(sorted);
    return good;
}

static char *trim(char *text)
{
    text += strspn(text, " \t");
    for (size_t n = strlen(text); n > 0 && strchr(" \t", text[n - 1]);)
        text[--n] = '\0';
    return text;
}

static bool read_values(struct reader *reader, struct sweep_axis *axis)
{
    char copy[CONFIG_LINE_MOST + 1], *rest = copy;
    snprintf(copy, sizeof copy, "%s", reader->entry->value);
    for (char *item; (item = strsep(&rest, "|"));) {
        item = trim(item);
        if (*item == '\0')
            return complain(reader, "a value is missing; write v1 | v2 | ..., or start:stop:count");
        if (*item == ';' || *item == '#')
            return complain(reader, "'%.60s' would be read as a comment; a value begins otherwise", item);
        if (!(is_range(axis, item) ? add_range(reader, axis, item) : add_value(reader, axis, item)))
            return false;
    }
    return refuse_twice(reader, axis);
}

// --- axes ---

static bool name_axis(struct reader *reader, struct sweep_axis *axis)
{
    const struct config_entry *entry = reader->entry;
    const char *dot = strchr(entry->key, '.'), *home = dot ? NULL : settings_home_of(entry->key, "");
    if (!dot || dot == entry->key || dot[1] == '\0')
        return complain(reader, "write section.key = v1 | v2 | ...%s%s%s%.80s%s", home ? "; did you mean '" : ", as in system.omega",
                        home ? home : "", home ? "." : "", home ? entry->key : "", home ? "'?" : "");
    axis->section = strndup(entry->key, (size_t)(dot - entry->key));
    axis->key = strdup(dot + 1);
    axis->origin = entry->origin;
    axis->line = entry->line;
    if (!axis->section || !axis->key)
        return out_of_memory(reader);
    return strcmp(axis->section, SETTINGS_SWEEP) != 0 || complain(reader, "a sweep of a sweep; name the key itself");
}

static void read_axis(struct reader *reader)
{
    struct sweep *sweep = reader->sweep;
    if (sweep->n_axes == SWEEP_AXES_MOST) {
        complain(reader, "more than %d swept keys", SWEEP_AXES_MOST);
        return;
    }
    struct sweep_axis *axis = &sweep->axes[sweep->n_axes++];
    if (!name_axis(reader, axis) || !read_values(reader, axis))
        return;
    if (strcmp(axis->section, "run") == 0 && strcmp(axis->key, "seed") == 0)
        sweep->seed_swept = true;
    // n is at most 10000, so that the product cannot overflow before it is refused
    if (sweep->n_points <= SWEEP_POINTS_MOST)
        sweep->n_points *= axis->n;
    if (sweep->n_points > SWEEP_POINTS_MOST)
        complain(reader, "with this key the sweep has more than %d points", SWEEP_POINTS_MOST);
}

// Two answers to one question.
static void refuse_set(struct reader *reader, const struct config *config)
{
    for (size_t k = 0; k < reader->sweep->n_axes; k++) {
        const struct sweep_axis *axis = &reader->sweep->axes[k];
        const struct config_entry *entry = axis->section && axis->key ? config_find(config, axis->section, axis->key) : NULL;
        if (!entry || entry->source != CONFIG_BY_SET)
            continue;
        reader->entry = entry;
        complain(reader, "this key is swept; change the sweep with --set sweep.%s.%s=...", axis->section, axis->key);
    }
}

bool sweep_asked(const struct config *config)
{
    if (config_find_section(config, SETTINGS_SWEEP))
        return true;
    for (size_t k = 0; k < config->n_entries; k++)
        if (strcmp(config->entries[k].section, SETTINGS_SWEEP) == 0)
            return true;
    return false;
}

bool sweep_read(struct sweep *sweep, const struct config *config, struct error *error)
{
    struct reader reader = { .sweep = sweep, .error = error, .good = true };
    *sweep = (struct sweep){ .n_points = 1 };
    for (size_t k = 0; k < config->n_entries; k++)
        if (strcmp(config->entries[k].section, SETTINGS_SWEEP) == 0) {
            reader.entry = &config->entries[k];
            read_axis(&reader);
        }
    const struct config_section *section = config_find_section(config, SETTINGS_SWEEP);
    const struct config_entry stand_in = { .section = (char *)(uintptr_t)SETTINGS_SWEEP, .origin = config->file, .line = section ? section->line : 0 };
    reader.entry = &stand_in;
    if (sweep->n_axes == 0)
        complain(&reader, "no key to sweep; write section.key = v1 | v2 | ..., as in system.omega = 0.5 | 1, or remove the section");
    refuse_set(&reader, config);
    return reader.good;
}

void sweep_finish(struct sweep *sweep)
{
    for (size_t a = 0; a < sweep->n_axes; a++) {
        struct sweep_axis *axis = &sweep->axes[a];
        for (size_t k = 0; k < axis->n; k++)
            free(axis->values[k]);
        free(axis->values);
        free(axis->section);
        free(axis->key);
    }
    *sweep = (struct sweep){ 0 };
}

// --- points ---

const char *sweep_value(const struct sweep *sweep, size_t axis, size_t point)
{
    for (size_t a = sweep->n_axes; --a > axis;)
        point /= sweep->axes[a].n;
    return sweep->axes[axis].values[point % sweep->axes[axis].n];
}

// A seed that cannot be read is left for the tables to refuse.
static bool place_seed(const struct config *config, size_t point, struct config *out, struct error *error)
{
    const struct param *row = find_row("run", "seed");
    const struct config_entry *entry = config_find(config, "run", "seed");
    struct settings_run run = { 0 };
    char text[PARAM_TEXT_SIZE];
    if (point == 0 || !param_parse(row, entry ? entry->value : row->fallback, (char *)&run, text))
        return true;
    run.seed += point;
    param_print(row, &run, text);
    return config_place(out, &(struct config_place){ "run", "seed", entry ? entry->origin : config->file, entry ? entry->line : 0 }, text, error);
}

bool sweep_point(const struct sweep *sweep, const struct config *config, size_t point, struct config *out, struct error *error)
{
    if (!config_copy(out, config, error))
        return false;
    bool good = sweep->seed_swept || place_seed(config, point, out, error);
    for (size_t a = 0; good && a < sweep->n_axes; a++) {
        const struct sweep_axis *axis = &sweep->axes[a];
        good = config_place(out, &(struct config_place){ axis->section, axis->key, axis->origin, axis->line }, sweep_value(sweep, a, point), error);
    }
    if (!good)
        config_finish(out);
    return good;
}

static bool has_line(const struct error *error, const char *line)
{
    size_t length = strlen(line);
    for (const char *at = error->text; at && (at = strstr(at, line)); at++)
        if ((at == error->text || at[-1] == '\n') && (at[length] == '\n' || at[length] == '\0'))
            return true;
    return false;
}

// Every message that is not there yet.
static void add_new(struct error *error, const struct error *more)
{
    char *copy = more->text && error ? strdup(more->text) : NULL, *rest = copy;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (!has_line(error, line))
            error_add(error, more->kind, "%s", line);
    free(copy);
}

static bool check_point(const struct sweep *sweep, const struct config *config, size_t point, struct error *error, struct error *notes)
{
    struct config one;
    struct settings settings;
    struct error own = { 0 }, said = { 0 };
    if (!sweep_point(sweep, config, point, &one, error))
        return false;
    bool good = settings_build(&settings, &one, &own, &said);
    if (good)
        settings_finish(&settings);
    config_finish(&one);
    add_new(error, &own);
    add_new(notes, &said);
    error_clear(&own);
    error_clear(&said);
    return good;
}

bool sweep_check(const struct sweep *sweep, const struct config *config, struct error *error, struct error *notes)
{
    bool good = true;
    for (size_t k = 0; k < sweep->n_points && (!error || error->n_messages < COMPLAINTS_MOST); k++)
        good = check_point(sweep, config, k, error, notes) && good;
    return good;
}

bool sweep_output(const char *output, size_t point, char *path, size_t size)
{
    const char *slash = strrchr(output, '/'), *base = slash ? slash + 1 : output, *dot = strrchr(base, '.');
    size_t stem = dot && dot > base ? (size_t)(dot - output) : strlen(output);
    int length = snprintf(path, size, "%.*s-%04zu%s", (int)stem, output, point, output + stem);
    return length > 0 && (size_t)length < size;
}
