// SPDX-License-Identifier: GPL-3.0-or-later
// Pictures of results files: scripts/plot.py, which is part of the program, run by the Python that is there.
#ifndef VMC_CLI_PLOT_H
#define VMC_CLI_PLOT_H

#include "cli/options.h"

bool cli_plot(const struct cli_options *options, struct error *error);

#endif
