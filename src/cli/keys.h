// SPDX-License-Identifier: GPL-3.0-or-later
// --help-config: every key of a configuration explained.
#ifndef VMC_CLI_KEYS_H
#define VMC_CLI_KEYS_H

#include "vmc/error.h"

#include <stddef.h>

// Every key, or those of one section; wrapped at `width`. malloc'ed; NULL with ERROR_USAGE where there is no such
// section.
char *cli_keys_text(const char *section, size_t width, struct error *error);

#endif
