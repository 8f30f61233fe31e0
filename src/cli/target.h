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
    struct record_lock *lock;
    char *unwritable;  // to be resumed from a folder that cannot be written: why; NULL else
};

// `output`, or the configuration's stem with .h5 in the current folder where it is NULL.
bool cli_target_choose(struct cli_target *target, const char *output, const char *config, struct error *error);
// Refuses what must not be overwritten (ERROR_EXISTS) or cannot be written (ERROR_WRITE), locks it, then moves a
// complete file out of the way.
enum cli_target_use {
    CLI_TARGET_NEW,
    CLI_TARGET_FORCE,
    CLI_TARGET_RESUME
};  // the last two leave the file there in place
bool cli_target_prepare(struct cli_target *target, const char *config, enum cli_target_use use, struct error *error);
// After the run: the lock goes, and where nothing was written the file that was moved comes back.
void cli_target_finish(struct cli_target *target);

#endif
