// SPDX-License-Identifier: GPL-3.0-or-later
// Texts about the program itself.
#ifndef VMC_CLI_HELP_H
#define VMC_CLI_HELP_H

#include "cli/options.h"

// vmc help [COMMAND]
bool cli_help(const struct cli_options *options, struct error *error);
// --help, --version or --help-config, whichever is given.
bool cli_help_act(const struct cli_options *options, struct error *error);

#endif
