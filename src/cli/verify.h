// SPDX-License-Identifier: GPL-3.0-or-later
// vmc verify: results beside their closed form.
#ifndef VMC_CLI_VERIFY_H
#define VMC_CLI_VERIFY_H

#include "cli/options.h"

// ERROR_FAULT where a mean lies beyond 4 standard errors, ERROR_CONFIG with the reason where there is no closed form.
// All files are looked at.
bool cli_verify(const struct cli_options *options, struct error *error);

#endif
