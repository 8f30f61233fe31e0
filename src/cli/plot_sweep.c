// SPDX-License-Identifier: GPL-3.0-or-later
// A merged sweep by gnuplot, from the table beside the merged file: energy along one key, another one as colours, the
// rest as panels; runs that differ by their seed are one point, with their standard error as a band.
#include "cli/plot_parts.h"

#include "vmc/record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MOST = 200, PANELS_MOST = 16 };

struct table {
    char *text;  // what the cells point into
    size_t n_columns, n_rows;
    char *name[COLUMNS_MOST];
    char **cell;  // [row, column]
};

// The next cell of a line, unquoted in place; `more`: another one follows on this line.
static char *next_cell(char **at, bool *more)
{
    char *from = *at, *cell = from, *to = from;
    const bool quoted = *from == '"';
    from += quoted;
    while (*from && (quoted || (*from != ',' && *from != '\n'))) {
        if (quoted && *from == '"' && *++from != '"')
            break;
        *to++ = *from++;
    }
    *more = *from == ',';
    *at = *from ? from + 1 : from;
    *to = '\0';
    return cell;
}

static bool parse(struct table *table)
{
    char *at = table->text;
    bool more = true;
    while (more && table->n_columns < COLUMNS_MOST)
        table->name[table->n_columns++] = next_cell(&at, &more);
    while (*at) {
        char **cell = realloc(table->cell, (table->n_rows + 1) * table->n_columns * sizeof *cell);
        if (!cell)
            return false;
        table->cell = cell;
        more = true;
        for (size_t c = 0; c < table->n_columns; c++)
            table->cell[table->n_rows * table->n_columns + c] = more ? next_cell(&at, &more) : "";
        table->n_rows++;
    }
    return true;
}

static bool read_table(struct table *table, const char *merged, struct error *error)
{
    char path[4096];
    const char *end = strrchr(merged, '.');
    snprintf(path, sizeof path, "%.*s.csv", (int)(end ? end - merged : (long)strlen(merged)), merged);
    *table = (struct table){ .text = NULL };
    FILE *in = fopen(path, "r");
    size_t room = 0;
    if (in && getdelim(&table->text, &room, '\0', in) > 0 && parse(table)) {
        fclose(in);
        return true;
    }
    if (in)
        fclose(in);
    return error_add(error, ERROR_INPUT,
                     "%s: gnuplot needs the table that vmc merge writes beside %s; merge again, or install Python with "
                     "matplotlib and h5py",
                     path, merged);
}

static size_t find_column(const struct table *table, const char *name, size_t length)
{
    for (size_t c = 0; c < table->n_columns; c++)
        if (strlen(table->name[c]) == length && strncmp(table->name[c], name, length) == 0)
            return c;
    return table->n_columns;
}

static const char *cell_at(const struct table *table, size_t row, size_t column)
{
    return table->cell[row * table->n_columns + column];
}

// Settings that differ between runs, but for the seed.
static bool is_swept(const struct table *table, size_t column)
{
    if (!strchr(table->name[column], '.') || strcmp(table->name[column], "run.seed") == 0)
        return false;
    for (size_t row = 1; row < table->n_rows; row++)
        if (strcmp(cell_at(table, row, column), cell_at(table, 0, column)) != 0)
            return true;
    return false;
}

struct sweep {
    struct table table;
    size_t along, colour;  // columns; the second may be n_columns: there is none
    size_t energy, error;
    char label[128];  // of the axis, without characters that gnuplot takes for more
    char *unit;       // owned; NULL: none
};

static bool choose_keys(struct sweep *sweep, const char *by, struct error *error)
{
    const struct table *table = &sweep->table;
    size_t chosen[2] = { table->n_columns, table->n_columns }, n = 0;
    for (const char *at = by; at && *at && n < 2; n++) {
        const size_t length = strcspn(at, ",");
        chosen[n] = find_column(table, at, length);
        if (chosen[n] == table->n_columns)
            return error_add(error, ERROR_INPUT, "--by %.*s: the merged table has no such column", (int)length, at);
        at += length + (at[length] == ',');
    }
    for (size_t c = 0; !by && c < table->n_columns && n < 2; c++)
        if (is_swept(table, c))
            chosen[n++] = c;
    if (n == 0)
        return error_add(error, ERROR_INPUT,
                         "the runs of this merged file have the same settings; name a key with --by SECTION.KEY");
    sweep->along = chosen[0];
    sweep->colour = chosen[1];
    sweep->energy = find_column(table, "energy", 6);
    sweep->error = find_column(table, "energy_error", 12);
    return (sweep->energy < table->n_columns && sweep->error < table->n_columns) ||
           error_add(error, ERROR_INPUT, "the merged table has no energies");
}

static bool same_panel(const struct sweep *sweep, size_t a, size_t b)
{
    for (size_t c = 0; c < sweep->table.n_columns; c++)
        if (c != sweep->along && c != sweep->colour && is_swept(&sweep->table, c) &&
            strcmp(cell_at(&sweep->table, a, c), cell_at(&sweep->table, b, c)) != 0)
            return false;
    return true;
}

static bool same_colour(const struct sweep *sweep, size_t a, size_t b)
{
    return same_panel(sweep, a, b) &&
           (sweep->colour == sweep->table.n_columns ||
            strcmp(cell_at(&sweep->table, a, sweep->colour), cell_at(&sweep->table, b, sweep->colour)) == 0);
}

// Whether no earlier row is the same.
static bool is_first(const struct sweep *sweep, size_t row, bool (*same)(const struct sweep *, size_t, size_t))
{
    for (size_t k = 0; k < row; k++)
        if (same(sweep, k, row))
            return false;
    return true;
}

static bool same_place(const struct sweep *sweep, size_t a, size_t b)
{
    return same_colour(sweep, a, b) &&
           strcmp(cell_at(&sweep->table, a, sweep->along), cell_at(&sweep->table, b, sweep->along)) == 0;
}

struct point {
    double x, mean, error;
};

static int by_place(const void *a, const void *b)
{
    const double x = ((const struct point *)a)->x, y = ((const struct point *)b)->x;
    return (x > y) - (x < y);
}

// The mean of runs that differ by their seed, and its standard error: from their scatter, but no less than their error
// bars say.
static struct point put_together(const struct sweep *sweep, size_t row)
{
    const struct table *table = &sweep->table;
    double n = 0, sum = 0, square = 0, bars = 0;
    for (size_t k = row; k < table->n_rows; k++)
        if (same_place(sweep, row, k)) {
            const double energy = atof(cell_at(table, k, sweep->energy)), bar = atof(cell_at(table, k, sweep->error));
            n++;
            sum += energy;
            square += energy * energy;
            bars += bar * bar;
        }
    const double mean = sum / n, scatter = n > 1 ? sqrt(fmax(0, square - n * mean * mean) / (n - 1) / n) : 0;
    return (struct point){ atof(cell_at(table, row, sweep->along)), mean, fmax(scatter, sqrt(bars) / n) };
}

static bool write_group(const struct sweep *sweep, FILE *out, size_t row)
{
    struct point *points = calloc(sweep->table.n_rows, sizeof *points);
    size_t n = 0;
    for (size_t k = row; points && k < sweep->table.n_rows; k++)
        if (same_colour(sweep, row, k) && is_first(sweep, k, same_place))
            points[n++] = put_together(sweep, k);
    if (points)
        qsort(points, n, sizeof *points, by_place);
    fprintf(out, "$group_%zu << EOD\n", row);
    for (size_t k = 0; k < n; k++)
        fprintf(out, "%.10g %.10g %.10g\n", points[k].x, points[k].mean, points[k].error);
    fputs("EOD\n", out);
    free(points);
    return points != NULL;
}

// Counts have ticks at whole numbers.
static void write_ticks(const struct sweep *sweep, FILE *out)
{
    enum { TICKS_MOST = 12 };
    double least = INFINITY, most = -INFINITY;
    bool whole = true;
    for (size_t k = 0; k < sweep->table.n_rows; k++) {
        const double x = atof(cell_at(&sweep->table, k, sweep->along));
        whole = whole && x == floor(x);
        least = fmin(least, x);
        most = fmax(most, x);
    }
    fputs(whole && most > least && most - least <= TICKS_MOST ? "set xtics 1\n" : "set xtics auto\n", out);
}

static const char *unit_words(const char *unit) { return strcmp(unit, "omega_0") == 0 ? "ω_0" : unit; }

static void draw_panel(const struct sweep *sweep, FILE *out, size_t row)
{
    const struct table *table = &sweep->table;
    size_t drawn = 0;
    for (size_t k = row; k < table->n_rows; k++)
        if (same_panel(sweep, row, k) && is_first(sweep, k, same_colour))
            write_group(sweep, out, k);
    write_ticks(sweep, out);
    fprintf(out, "set xlabel \"%s%s%s%s\"\nset ylabel 'energy (ħω_0)'\nset title \"", sweep->label,
            sweep->unit ? " (" : "", sweep->unit ? unit_words(sweep->unit) : "", sweep->unit ? ")" : "");
    for (size_t c = 0, n = 0; c < table->n_columns; c++)
        if (c != sweep->along && c != sweep->colour && is_swept(table, c))
            fprintf(out, "%s%s = %s", n++ > 0 ? ", " : "", table->name[c], cell_at(table, row, c));
    fputs("\" noenhanced\nset key left top\nset offsets graph 0.05, graph 0.05, graph 0.05, graph 0.05\nplot ", out);
    for (size_t k = row; k < table->n_rows; k++) {
        if (!same_panel(sweep, row, k) || !is_first(sweep, k, same_colour))
            continue;
        fprintf(out,
                "%s$group_%zu using 1:($2-$3):($2+$3) with filledcurves lt %zu fs transparent solid 0.25 noborder "
                "notitle, $group_%zu using 1:2:3 with yerrorlines lt %zu",
                drawn > 0 ? ", " : "", k, drawn + 1, k, drawn + 1);
        drawn++;
        if (sweep->colour < table->n_columns)
            fprintf(out, " title \"%s = %s\"", table->name[sweep->colour], cell_at(table, k, sweep->colour));
        else
            fputs(" notitle", out);
    }
    fputs("\n", out);
}

static bool draw(const struct sweep *sweep, FILE *out, const char *picture, struct error *error)
{
    size_t panels = 0;
    for (size_t k = 0; k < sweep->table.n_rows; k++)
        panels += is_first(sweep, k, same_panel);
    const size_t columns = panels < 3 ? panels : 3, rows = columns > 0 ? (panels + columns - 1) / columns : 0;
    if (panels > PANELS_MOST || panels == 0)
        return error_add(error, ERROR_INPUT,
                         "%zu panels, one for each value of the other keys; merge fewer runs, or "
                         "choose other keys with --by",
                         panels);
    if (!cli_plot_head(out, picture, columns, rows, error))
        return false;
    fprintf(out, "set output '%s'\nset multiplot layout %zu,%zu\n", picture, rows, columns);
    for (size_t k = 0; k < sweep->table.n_rows; k++)
        if (is_first(sweep, k, same_panel))
            draw_panel(sweep, out, k);
    fputs("unset multiplot\nunset output\n", out);
    return true;
}

// The name of the key, and its unit as the merged file has it.
static void find_label(struct sweep *sweep, const char *merged)
{
    const char *name = sweep->table.name[sweep->along];
    char path[160];
    size_t used = 0;
    for (const char *at = name; *at && used + 4 < sizeof sweep->label; at++) {
        if (*at == '_') {
            sweep->label[used++] = '\\';
            sweep->label[used++] = '\\';
        }
        sweep->label[used++] = *at;
    }
    sweep->label[used] = '\0';
    snprintf(path, sizeof path, "/table/%s", name);
    struct record_file *file = record_open(merged, true, NULL);
    sweep->unit = file && record_has(file, path) ? record_read_attribute(file, path, "units", NULL) : NULL;
    if (sweep->unit && strcmp(sweep->unit, "1") == 0) {
        free(sweep->unit);
        sweep->unit = NULL;
    }
    if (file)
        record_close(file);
}

bool cli_plot_sweep(const struct cli_options *options, FILE *out, const char *picture, struct error *error)
{
    struct sweep sweep = { .unit = NULL };
    bool good = read_table(&sweep.table, options->words[0], error);
    if (good) {
        char *end;
        good = choose_keys(&sweep, options->by, error);
        if (good && sweep.table.n_rows > 0 && (strtod(cell_at(&sweep.table, 0, sweep.along), &end), *end != '\0'))
            good = error_add(error, ERROR_INPUT,
                             "%s is no number, and gnuplot draws along numbers only; choose with --by",
                             sweep.table.name[sweep.along]);
        if (good)
            find_label(&sweep, options->words[0]);
        good = good && draw(&sweep, out, picture, error);
    }
    free(sweep.unit);
    free(sweep.table.cell);
    free(sweep.table.text);
    return good;
}
