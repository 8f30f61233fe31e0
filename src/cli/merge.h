// SPDX-License-Identifier: GPL-3.0-or-later
// vmc merge OUT IN…
#ifndef VMC_CLI_MERGE_H
#define VMC_CLI_MERGE_H

#include "cli/options.h"

bool cli_merge(const struct cli_options *options, struct error *error);

#endif
