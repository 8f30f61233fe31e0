// SPDX-License-Identifier: GPL-3.0-or-later
// Cells are kept as text until all widths are known.
#include "cli/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void cli_table_start(struct cli_table *table, size_t n_columns)
{
    *table = (struct cli_table){ .n_columns = n_columns };
}

void cli_table_add(struct cli_table *table, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (table->n_cells == table->most) {
        size_t most = table->most == 0 ? 64 : 2 * table->most;
        char **more = realloc(table->cells, most * sizeof *more);
        if (more)
            table->cells = more;
        table->most = more ? most : table->most;
    }
    if (length < 0 || table->n_cells == table->most) {
        table->failed = true;
        if (length >= 0)
            free(text);
        return;
    }
    table->cells[table->n_cells++] = text;
}

// UTF-8: columns, not bytes.
static size_t n_characters(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static size_t column_width(const struct cli_table *table, size_t column)
{
    size_t most = 0;
    for (size_t k = column; k < table->n_cells; k += table->n_columns)
        most = n_characters(table->cells[k]) > most ? n_characters(table->cells[k]) : most;
    return most;
}

void cli_table_write(const struct cli_table *table, FILE *out)
{
    size_t widths[64] = { 0 };
    for (size_t c = 0; c < table->n_columns && c < 64; c++)
        widths[c] = column_width(table, c);
    for (size_t k = 0; k < table->n_cells && !table->failed; k++) {
        size_t c = k % table->n_columns;
        bool last = c + 1 == table->n_columns || k + 1 == table->n_cells;
        size_t pad = last || c >= 64 ? 0 : widths[c] - n_characters(table->cells[k]) + 2;
        fprintf(out, "%s%*s%s", table->cells[k], (int)pad, "", last ? "\n" : "");
    }
}

void cli_table_finish(struct cli_table *table)
{
    for (size_t k = 0; k < table->n_cells; k++)
        free(table->cells[k]);
    free(table->cells);
    *table = (struct cli_table){ 0 };
}
