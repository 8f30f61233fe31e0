// SPDX-License-Identifier: GPL-3.0-or-later
// The table of merged runs: one row per run; columns for what was swept, for other settings in which the runs differ,
// and for the results.
#include "record/private.h"

#include "vmc/config.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CELL_NAME_SIZE = 256 };

// --- texts ---

// FNV-1a
static size_t text_hash(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
    return (size_t)(hash ^ hash >> 32);
}

static char **pool_place(const struct record_pool *pool, const char *text)
{
    size_t k = text_hash(text);
    while (pool->slot[k &= pool->size - 1] != NULL && strcmp(pool->slot[k], text) != 0)
        k++;
    return &pool->slot[k];
}

static bool pool_grow(struct record_pool *pool)
{
    struct record_pool larger = { .n = pool->n, .size = pool->size == 0 ? 1024 : 2 * pool->size };
    if ((larger.slot = memory_take_zeroed(larger.size, sizeof *larger.slot)) == NULL)
        return false;
    for (size_t k = 0; k < pool->size; k++)
        if (pool->slot[k] != NULL)
            *pool_place(&larger, pool->slot[k]) = pool->slot[k];
    free(pool->slot);
    *pool = larger;
    return true;
}

// The pool's own copy of a text, which it takes over; NULL for NULL, or without memory.
static const char *pool_take(struct record_pool *pool, char *text)
{
    char **place = NULL;
    if (text != NULL && (2 * pool->n < pool->size || pool_grow(pool)))
        place = pool_place(pool, text);
    if (place == NULL || *place != NULL) {
        free(text);
        return place == NULL ? NULL : *place;
    }
    pool->n++;
    return *place = text;
}

void record_pool_finish(struct record_pool *pool)
{
    for (size_t k = 0; k < pool->size; k++)
        free(pool->slot[k]);
    free(pool->slot);
    *pool = (struct record_pool){ 0 };
}

// --- rows ---

static struct record_cell *cell_add(struct record_row *row, struct record_pool *pool, const char *name)
{
    if (row->n == row->most) {
        size_t most = row->most == 0 ? 128 : row->most + 32;
        struct record_cell *more = memory_grow(row->cell, most * sizeof *more);
        if (more == NULL)
            return NULL;
        row->cell = more;
        row->most = most;
    }
    row->cell[row->n] = (struct record_cell){ .name = pool_take(pool, memory_text(name)), .number = NAN };
    return row->cell[row->n].name != NULL ? &row->cell[row->n++] : NULL;
}

// A single number as the shortest text that reads back to it, whole numbers to the last digit.
static char *number_text(const struct record_source *source, double value)
{
    static const struct param real = { .key = "value", .kind = PARAM_KIND_REAL, .range = PARAM_ANY };
    char text[PARAM_TEXT_SIZE] = "";
    int64_t number;
    uint64_t count;
    if (source->class == H5T_INTEGER && record_source_read(source, H5T_NATIVE_INT64, &number) && number >= 0 &&
        record_source_read(source, H5T_NATIVE_UINT64, &count))
        snprintf(text, sizeof text, "%llu", (unsigned long long)count);
    else if (!isnan(value))
        param_print(&real, &value, text);
    return memory_text(text);
}

// `text` is that of a setting, which is taken over, or NULL.
static bool cell_read(struct record_row *row, struct record_pool *pool, const struct record_source *source,
                      const char *name, char *text)
{
    const bool is_number = source->rank == 0 && (source->class == H5T_INTEGER || source->class == H5T_FLOAT),
               is_setting = text != NULL;
    if (!is_number && !is_setting)
        return true;
    struct record_cell *cell = cell_add(row, pool, name);
    if (cell == NULL) {
        free(text);
        return false;
    }
    cell->is_setting = is_setting;
    cell->is_number = is_number && record_source_read(source, H5T_NATIVE_DOUBLE, &cell->number);
    cell->unit = is_number ? pool_take(pool, record_source_text(source->id, "units")) : NULL;
    cell->long_name = pool_take(pool, record_source_text(source->id, "long_name"));
    cell->text = pool_take(pool, is_setting ? text : number_text(source, cell->number));
    return true;
}

// Settings are those data sets below /config/<section> that say how they would stand in an INI; an axis does not. Each
// object is opened once: with thousands of files to merge that is what takes the time.
static bool entry_read(struct record_row *row, struct record_pool *pool, struct record_file *file, const char *path)
{
    static const char config[] = "/config/", result[] = "/result/";
    char name[CELL_NAME_SIZE];
    const char *key = strncmp(path, config, sizeof config - 1) == 0 ? strchr(path + sizeof config - 1, '/') : NULL;
    const bool is_result = strncmp(path, result, sizeof result - 1) == 0;
    struct record_source source;
    if ((key == NULL && !is_result) || !record_source_dataset(&source, file->file, path))
        return true;
    char *text = key != NULL ? record_source_text(source.id, "text") : NULL;
    if (text != NULL)
        snprintf(name, sizeof name, "%.*s.%s", (int)(key - path - (long)sizeof config + 1), path + sizeof config - 1,
                 key + 1);
    else
        snprintf(name, sizeof name, "%s", path + sizeof result - 1);
    const bool good = (text == NULL && !is_result) || cell_read(row, pool, &source, name, text);
    record_source_close(&source);
    return good;
}

bool record_row_read(struct record_row *row, struct record_pool *pool, struct record_file *file, struct error *error)
{
    *row = (struct record_row){ .file = pool_take(pool, memory_text(file->path)),
                                .status = pool_take(pool, record_read_attribute(file, "/", "status", error)) };
    bool good = row->file != NULL && row->status != NULL;
    row->verdict = pool_take(pool, record_has(file, "/result/verdict") ? record_read_text(file, "/result/verdict", error)
                                                                       : memory_text(""));
    good = good && row->verdict != NULL;
    if (record_has(file, "/config/text"))
        row->config = pool_take(pool, record_read_text(file, "/config/text", NULL));
    for (size_t i = 0; good && i < file->table.n; i++)
        if (!file->table.entry[i].is_group)
            good = entry_read(row, pool, file, file->table.entry[i].path) ||
                   error_add(error, ERROR_INTERNAL, "%s: out of memory", file->path);
    return good;
}

void record_row_finish(struct record_row *row)
{
    free(row->cell);
    *row = (struct record_row){ 0 };
}

// Rows of one sweep have their cells at the same places.
static const struct record_cell *cell_find(const struct record_row *row, const char *name, size_t hint)
{
    if (hint < row->n && strcmp(row->cell[hint].name, name) == 0)
        return &row->cell[hint];
    for (size_t k = 0; k < row->n; k++)
        if (strcmp(row->cell[k].name, name) == 0)
            return &row->cell[k];
    return NULL;
}

// --- columns ---

static struct record_column *column_add(struct record_columns *columns, const char *name, size_t n)
{
    if (columns->n == columns->most) {
        size_t most = columns->most == 0 ? 64 : 2 * columns->most;
        struct record_column *more = memory_grow(columns->column, most * sizeof *more);
        if (more == NULL)
            return NULL;
        columns->column = more;
        columns->most = most;
    }
    struct record_column *column = &columns->column[columns->n++];
    *column = (struct record_column){ .name = memory_text(name),
                                      .number = memory_take((n + 1) * sizeof(double)),
                                      .text = memory_take_zeroed(n + 1, sizeof(char *)) };
    return column->name != NULL && column->number != NULL && column->text != NULL ? column : NULL;
}

static bool column_known(const struct record_columns *columns, const char *name)
{
    for (size_t k = 0; k < columns->n; k++)
        if (strcmp(columns->column[k].name, name) == 0)
            return true;
    return false;
}

static bool column_fill(struct record_columns *columns, const char *name, const struct record_row *rows, size_t n)
{
    if (column_known(columns, name))
        return true;
    struct record_column *column = column_add(columns, name, n);
    size_t filled = 0, place = 0;
    for (size_t r = 0; column != NULL && r < n; r++) {
        const struct record_cell *cell = cell_find(&rows[r], name, place);
        place = cell != NULL ? (size_t)(cell - rows[r].cell) : place;
        column->number[r] = cell != NULL ? cell->number : NAN;
        column->text[r] = cell != NULL && cell->text != NULL ? cell->text : "";
        column->is_text = column->is_text || (cell != NULL && !cell->is_number);
        column->unit = column->unit != NULL || cell == NULL ? column->unit : cell->unit;
        column->long_name = column->long_name != NULL || cell == NULL ? column->long_name : cell->long_name;
        filled += cell != NULL;
    }
    if (column != NULL && filled == 0) {  // named, but in no file
        columns->n--;
        free(column->name);
        free(column->number);
        free(column->text);
    }
    return column != NULL;
}

static bool swept_add(struct record_columns *columns, const struct record_row *rows, size_t n)
{
    bool good = true;
    for (size_t r = 0; good && r < n; r++) {
        struct config config;
        if (rows[r].config == NULL ||
            (r > 0 && rows[r - 1].config != NULL && strcmp(rows[r].config, rows[r - 1].config) == 0))
            continue;
        config_parse(&config, rows[r].file, rows[r].config, strlen(rows[r].config), NULL);
        for (size_t k = 0; good && k < config.n_entries; k++)
            if (strcmp(config.entries[k].section, "sweep") == 0)
                good = column_fill(columns, config.entries[k].key, rows, n);
        config_finish(&config);
    }
    return good;
}

static bool varies(const char *name, const struct record_row *rows, size_t n, size_t place)
{
    const char *first = NULL;
    for (size_t r = 0; r < n; r++) {
        const struct record_cell *cell = cell_find(&rows[r], name, place);
        const char *text = cell != NULL && cell->text != NULL ? cell->text : "";
        if (first != NULL && strcmp(text, first) != 0)
            return true;
        first = text;
    }
    return false;
}

// Settings in which the runs differ, or results.
static bool others_add(struct record_columns *columns, const struct record_row *rows, size_t n, bool settings)
{
    bool good = true;
    for (size_t r = 0; good && r < n; r++)
        for (size_t k = 0; good && k < rows[r].n; k++) {
            const struct record_cell *cell = &rows[r].cell[k];
            if (r > 0 && k < rows[r - 1].n && strcmp(rows[r - 1].cell[k].name, cell->name) == 0)
                continue;  // judged with the row before
            bool wanted = cell->is_setting == settings && !column_known(columns, cell->name);
            if (wanted && (!settings || varies(cell->name, rows, n, k)))
                good = column_fill(columns, cell->name, rows, n);
        }
    return good;
}

static bool names_add(struct record_columns *columns, const struct record_row *rows, size_t n)
{
    static const char *const names[] = { "file", "status", "verdict" }, *const long_names[] = {
        "results file", "status of the run", "good, doubtful or bad; empty: not judged"
    };
    for (size_t c = 0; c < sizeof names / sizeof *names; c++) {
        struct record_column *column = column_add(columns, names[c], n);
        if (column == NULL)
            return false;
        column->is_text = true;
        column->long_name = long_names[c];
        for (size_t r = 0; r < n; r++)
            column->text[r] = c == 0 ? rows[r].file : c == 1 ? rows[r].status : rows[r].verdict;
    }
    return true;
}

bool record_columns_build(struct record_columns *columns, const struct record_row *rows, size_t n,
                          const char *const *results)
{
    *columns = (struct record_columns){ 0 };
    bool good = names_add(columns, rows, n) && swept_add(columns, rows, n) && others_add(columns, rows, n, true);
    for (; good && results != NULL && *results != NULL; results++)
        good = column_fill(columns, *results, rows, n);
    return good && others_add(columns, rows, n, false);
}

void record_columns_finish(struct record_columns *columns)
{
    for (size_t k = 0; k < columns->n; k++) {
        free(columns->column[k].name);
        free(columns->column[k].number);
        free(columns->column[k].text);
    }
    free(columns->column);
    *columns = (struct record_columns){ 0 };
}

void record_columns_add(struct record *record, const struct record_columns *columns, size_t n)
{
    const struct record_axis axis = { .name = "run", .extent = n, .unit = "1", .long_name = "number of the run" };
    char path[CELL_NAME_SIZE + 16];
    for (size_t k = 0; k < columns->n; k++) {
        const struct record_column *column = &columns->column[k];
        snprintf(path, sizeof path, "/table/%s", column->name);
        if (column->is_text)
            record_add_texts(record, &(struct record_texts){ path, column->long_name, axis, column->text });
        else
            record_add_array(
                record, &(struct record_array){ path, column->unit, column->long_name, 1, { axis }, column->number });
    }
}

// --- comma-separated values ---

static void csv_write(FILE *out, const char *text)
{
    if (text[strcspn(text, ",\"\r\n")] == '\0') {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++)
        fputs(*text == '"' ? "\"\"" : (char[]){ *text, '\0' }, out);
    fputc('"', out);
}

char *record_columns_csv(const struct record_columns *columns, size_t n)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL)
        return NULL;
    fputs("run", out);
    for (size_t k = 0; k < columns->n; k++) {
        fputc(',', out);
        csv_write(out, columns->column[k].name);
    }
    fputc('\n', out);
    for (size_t r = 0; r < n; r++) {
        fprintf(out, "%zu", r);
        for (size_t k = 0; k < columns->n; k++) {
            fputc(',', out);
            csv_write(out, columns->column[k].text[r]);
        }
        fputc('\n', out);
    }
    return fclose(out) == 0 ? text : NULL;
}
