// SPDX-License-Identifier: GPL-3.0-or-later
// A table on a terminal: columns as wide as their widest cell.
#ifndef VMC_CLI_TABLE_H
#define VMC_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct cli_table {
    size_t n_columns, n_cells, most;
    char **cells;  // owned, row by row; the first row is the heading
    bool failed;   // memory was short
};

void cli_table_start(struct cli_table *table, size_t n_columns);
// The next cell, row by row.
void cli_table_add(struct cli_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cli_table_write(const struct cli_table *table, FILE *out);
void cli_table_finish(struct cli_table *table);

#endif
