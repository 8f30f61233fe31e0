// SPDX-License-Identifier: GPL-3.0-or-later
// One picture by gnuplot, which reads no HDF5: the numbers stand in the script.
#ifndef VMC_CLI_PLOT_PARTS_H
#define VMC_CLI_PLOT_PARTS_H

#include "cli/options.h"

#include <stdio.h>

// A known energy, for a line in the panel of training.
struct cli_plot_line {
    const char *file;
    char label[64], value[32];
};
enum { CLI_PLOT_LINES_MOST = 32 };

// Colours and terminals: the head of every script. ERROR_USAGE for an output that is no picture.
bool cli_plot_head(FILE *out, const char *picture, size_t columns, size_t rows, struct error *error);
// The panels of one or several files.
bool cli_plot_panels(const struct cli_options *options, FILE *out, const char *picture,
                     const struct cli_plot_line *lines, size_t n_lines, struct error *error);
// A merged sweep, from the table that `vmc merge` writes beside the file.
bool cli_plot_sweep(const struct cli_options *options, FILE *out, const char *picture, struct error *error);

#endif
