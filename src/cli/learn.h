// SPDX-License-Identifier: GPL-3.0-or-later
// vmc learn
#ifndef VMC_CLI_LEARN_H
#define VMC_CLI_LEARN_H

#include "cli/options.h"
#include "vmc/learn.h"
#include "vmc/settings.h"

#include <stdio.h>

struct cli_learn_job {
    const struct cli_options *options;
    const struct settings *settings;
    const char *config_text;
    size_t threads;
};
// Learns, or with --check looks at data and memory alone.
bool cli_learn_act(const struct cli_learn_job *job, struct error *error);

// The lines of a result, as after learning; `threads` 0: not known.
void cli_learn_write(FILE *out, const struct settings *settings, const struct learn_result *result, size_t threads,
                     const char *output);

#endif
