// SPDX-License-Identifier: GPL-3.0-or-later
// Results files looked at again: judged, and told in words.
#ifndef VMC_CLI_DIAGNOSE_H
#define VMC_CLI_DIAGNOSE_H

#include "cli/options.h"
#include "vmc/settings.h"

// ERROR_FAULT where a file is not good.
bool cli_diagnose(const struct cli_options *options, struct error *error);
bool cli_show(const struct cli_options *options, struct error *error);

// The energy that no wave function of the system gets below; NAN where it is not known.
double cli_exact_energy(const struct settings *settings);

#endif
