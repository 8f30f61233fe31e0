// SPDX-License-Identifier: GPL-3.0-or-later
// vmc learn
#ifndef VMC_CLI_LEARN_H
#define VMC_CLI_LEARN_H

#include "cli/options.h"
#include "vmc/settings.h"

struct cli_learn_job {
    const struct cli_options *options;
    const struct settings *settings;
    const char *config_text;
    size_t threads;
};
// Learns, or with --check looks at data and memory alone.
bool cli_learn_act(const struct cli_learn_job *job, struct error *error);

#endif
