// SPDX-License-Identifier: GPL-3.0-or-later
// Where the results go, and what happens to a file that is already there.
#ifndef VMC_CLI_TARGET_H
#define VMC_CLI_TARGET_H

#include "vmc/error.h"

#include <limits.h>
#include <stdbool.h>

struct cli_target {
    char path[PATH_MAX];
    char kept[PATH_MAX];  // where a complete file was moved to; empty: there was none
};

// `output`, or the configuration's stem with .h5 in the current folder where it is NULL.
bool cli_target_choose(struct cli_target *target, const char *output, const char *config, struct error *error);
// Refuses what must not be overwritten (ERROR_EXISTS) or cannot be written (ERROR_WRITE), then moves a complete file out of the way.
bool cli_target_prepare(struct cli_target *target, const char *config, bool force, struct error *error);
// After a run that wrote nothing: the file that was moved goes back.
void cli_target_restore(struct cli_target *target);

#endif
