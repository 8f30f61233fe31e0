// SPDX-License-Identifier: GPL-3.0-or-later
// The points of a sweep.
//
// A point is a copy of the configuration in which the swept keys have the point's values and the location of their line
// in [sweep], so that they are checked, and errors reported, as for any other entry.  Check: axes of 3 and 4 values
// make 12 points; point 7 has values 1 and 3.
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

// --- messages ---

__attribute__((format(printf, 2, 3))) static bool complain(struct reader *reader, const char *format, ...)
{
    char location[SETTINGS_LOCATION_SIZE], what[2 * PARAM_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    const struct config_entry *entry = reader->entry;
    settings_location(entry->origin, entry->line, entry->section, entry->key, location, sizeof location);
    return reader->good = error_add(reader->error, ERROR_CONFIG, "%s: %s", location, what);
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

// start:stop:count
struct grid {
    double start, stop;
    size_t count;
};
static const struct param grid_rows[] = {
    PARAM_REAL(grid, start, .range = PARAM_ANY),
    PARAM_REAL(grid, stop, .range = PARAM_ANY),
    PARAM_COUNT(grid, count, .range = PARAM_WITHIN(2, SWEEP_POINTS_MOST)),
    PARAM_END,
};
static const struct param real_row = PARAM_REAL(grid, start, .range = PARAM_ANY);

// Rounded to twelve digits, so that 0.1:0.5:5 contains 0.3 and not 0.30000000000000004. The ends are exact.
static double grid_value(const struct grid *grid, size_t k)
{
    char text[NUMBER_SIZE];
    if (k == 0 || k + 1 == grid->count)
        return k == 0 ? grid->start : grid->stop;
    snprintf(text, sizeof text, "%.12g",
             grid->start + (grid->stop - grid->start) * (double)k / (double)(grid->count - 1));
    return strtod(text, NULL);
}

static bool add_grid(struct reader *reader, struct sweep_axis *axis, const char *text)
{
    struct grid grid = { 0 };
    char copy[CONFIG_LINE_MOST + 1], why[PARAM_TEXT_SIZE], number[PARAM_TEXT_SIZE], *rest = copy;
    snprintf(copy, sizeof copy, "%s", text);
    for (const struct param *row = grid_rows; row->key; row++) {
        char *part = strsep(&rest, ":");
        if (!param_parse(row, part, &grid, why))
            return complain(reader, "'%.60s' is not a range start:stop:count: %s: %s", text, row->key, why);
    }
    for (size_t k = 0; k < grid.count; k++) {
        param_print(&real_row, &(struct grid){ .start = grid_value(&grid, k) }, number);
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

// Only for keys that are numbers: file names may contain colons.
static bool is_grid(const struct sweep_axis *axis, const char *text)
{
    const struct param *row = find_row(axis->section, axis->key);
    size_t colons = 0;
    for (const char *c = text; *c; c++)
        colons += *c == ':';
    return colons == 2 && row &&
           (row->kind == PARAM_KIND_REAL || row->kind == PARAM_KIND_REALS || row->kind == PARAM_KIND_COUNT ||
            row->kind == PARAM_KIND_SEED);
}

static int compare_texts(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

// Sorted as text, equal values are neighbours.
static bool refuse_duplicates(struct reader *reader, const struct sweep_axis *axis)
{
    const char **sorted = malloc(axis->n * sizeof *sorted);
    bool good = sorted || out_of_memory(reader);
    if (sorted) {
        memcpy(sorted, axis->values, axis->n * sizeof *sorted);
        qsort(sorted, axis->n, sizeof *sorted, compare_texts);
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

// "2,4" for a key that takes one value: written as a list instead of as a sweep.
static bool is_list_of_singles(const struct sweep_axis *axis, const char *text)
{
    const struct param *row = find_row(axis->section, axis->key);
    const bool is_list = row && (row->kind == PARAM_KIND_REALS || row->kind == PARAM_KIND_TEXT ||
                                 (row->kind == PARAM_KIND_NAMES && row->most != 1));
    return row && !is_list && strchr(text, ',');
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
            return complain(reader, "'%.60s' would be read as a comment", item);
        if (is_list_of_singles(axis, item))
            return complain(reader, "'%.60s' has commas; separate the values of a sweep by |", item);
        if (!(is_grid(axis, item) ? add_grid(reader, axis, item) : add_value(reader, axis, item)))
            return false;
    }
    return refuse_duplicates(reader, axis);
}

// --- axes ---

static bool name_axis(struct reader *reader, struct sweep_axis *axis)
{
    const struct config_entry *entry = reader->entry;
    const char *dot = strchr(entry->key, '.'),
               *home = dot ? NULL : settings_section_with_key(entry->key, "", CONFIG_RUN);
    if (!dot || dot == entry->key || dot[1] == '\0')
        return complain(reader, "write section.key = v1 | v2 | ...%s%s%s%.80s%s",
                        home ? "; did you mean '" : ", as in system.omega", home ? home : "", home ? "." : "",
                        home ? entry->key : "", home ? "'?" : "");
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
        complain(reader, "this key brings the sweep to more than %d points", SWEEP_POINTS_MOST);
}

// An override of a swept key would contradict the sweep.
static void refuse_overridden_axes(struct reader *reader, const struct config *config)
{
    for (size_t k = 0; k < reader->sweep->n_axes; k++) {
        const struct sweep_axis *axis = &reader->sweep->axes[k];
        const struct config_entry *entry = axis->section && axis->key ? config_find(config, axis->section, axis->key)
                                                                      : NULL;
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
    const struct config_entry stand_in = {
        .section = (char *)(uintptr_t)SETTINGS_SWEEP,
        .origin = config->file,
        .line = section ? section->line : 0,
    };
    reader.entry = &stand_in;
    if (sweep->n_axes == 0)
        complain(
            &reader,
            "no key to sweep; write section.key = v1 | v2 | ..., as in system.omega = 0.5 | 1, or remove the section");
    refuse_overridden_axes(&reader, config);
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

// A seed that cannot be parsed is left alone; settings_build reports it.
static bool set_seed(const struct config *config, size_t point, struct config *out, struct error *error)
{
    const struct param *row = find_row("run", "seed");
    const struct config_entry *entry = config_find(config, "run", "seed");
    struct settings_run run = { 0 };
    char text[PARAM_TEXT_SIZE];
    if (point == 0 || !param_parse(row, entry ? entry->value : row->fallback, (char *)&run, text))
        return true;
    run.seed += point;
    param_print(row, &run, text);
    return config_assign(
        out,
        &(struct config_assignment){ "run", "seed", entry ? entry->origin : config->file, entry ? entry->line : 0 },
        text, error);
}

bool sweep_point(const struct sweep *sweep, const struct config *config, size_t point, struct config *out,
                 struct error *error)
{
    if (!config_copy(out, config, error))
        return false;
    bool good = sweep->seed_swept || set_seed(config, point, out, error);
    for (size_t a = 0; good && a < sweep->n_axes; a++) {
        const struct sweep_axis *axis = &sweep->axes[a];
        good = config_assign(out, &(struct config_assignment){ axis->section, axis->key, axis->origin, axis->line },
                             sweep_value(sweep, a, point), error);
    }
    if (!good)
        config_finish(out);
    return good;
}

// Errors or notes of points: every message once, with the first point it is about and the number of such points.
struct finding {
    char *text;
    enum error_kind kind;
    size_t first, n_points;
};
struct findings {
    size_t n, most;
    struct finding *items;
};

static void findings_add(struct findings *findings, enum error_kind kind, size_t point, const char *text)
{
    for (size_t k = 0; k < findings->n; k++)
        if (strcmp(findings->items[k].text, text) == 0) {
            findings->items[k].n_points++;
            return;
        }
    if (findings->n == findings->most) {
        const size_t most = findings->most == 0 ? 16 : 2 * findings->most;
        struct finding *items = realloc(findings->items, most * sizeof *items);
        if (!items)
            return;
        findings->items = items;
        findings->most = most;
    }
    char *copy = strdup(text);
    if (copy)
        findings->items[findings->n++] = (struct finding){ copy, kind, point, 1 };
}

static void findings_add_lines(struct findings *findings, size_t point, const struct error *error)
{
    char *copy = error->text ? strdup(error->text) : NULL, *rest = copy;
    for (char *line; (line = strsep(&rest, "\n"));)
        findings_add(findings, error->kind, point, line);
    free(copy);
}

// Moves the findings to `error`; those that only some points share name a point.
static void findings_report(struct findings *findings, size_t n_points, struct error *error)
{
    for (size_t k = 0; k < findings->n; k++) {
        const struct finding *finding = &findings->items[k];
        char points[80] = "";
        if (finding->n_points == 1 && n_points > 1)
            snprintf(points, sizeof points, " (point %zu)", finding->first);
        else if (finding->n_points < n_points)
            snprintf(points, sizeof points, " (point %zu and %zu more)", finding->first, finding->n_points - 1);
        error_add(error, finding->kind, "%s%s", finding->text, points);
        free(finding->text);
    }
    free(findings->items);
}

static bool check_point(const struct sweep *sweep, const struct config *config, size_t point, struct findings *errors,
                        struct findings *notes)
{
    struct config one;
    struct settings settings;
    struct error own = { 0 }, said = { 0 };
    bool good = sweep_point(sweep, config, point, &one, &own);
    if (good) {
        good = settings_build(&settings, &one, &own, &said);
        if (good)
            settings_finish(&settings);
        config_finish(&one);
    }
    findings_add_lines(errors, point, &own);
    findings_add_lines(notes, point, &said);
    error_clear(&own);
    error_clear(&said);
    return good;
}

bool sweep_check(const struct sweep *sweep, const struct config *config, struct error *error, struct error *notes)
{
    struct findings errors = { 0 }, said = { 0 };
    bool good = true;
    size_t k = 0;
    for (; k < sweep->n_points && errors.n < COMPLAINTS_MOST; k++)
        good = check_point(sweep, config, k, &errors, &said) && good;
    if (!good && errors.n == 0)
        error_add(error, ERROR_INTERNAL, "not enough memory to say what is wrong with the sweep");
    findings_report(&errors, k, error);
    findings_report(&said, k, notes);
    return good;
}

size_t sweep_stem(const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
    return dot && dot > base ? (size_t)(dot - path) : strlen(path);
}

bool sweep_output(const char *output, size_t point, char *path, size_t size)
{
    const size_t stem = sweep_stem(output);
    int length = snprintf(path, size, "%.*s-%04zu%s", (int)stem, output, point, output + stem);
    return length > 0 && (size_t)length < size;
}
