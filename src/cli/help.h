// SPDX-License-Identifier: GPL-3.0-or-later
// Texts about the program itself; malloc'ed, NULL when memory is short.
#ifndef VMC_CLI_HELP_H
#define VMC_CLI_HELP_H

#include "vmc/error.h"

#include <stdbool.h>
#include <stddef.h>

char *cli_help_text(void);
char *cli_version_text(void);
// Every key, or those of one section; wrapped at `width`. NULL with ERROR_USAGE where there is no such section.
char *cli_help_config_text(const char *section, size_t width, struct error *error);

#endif
