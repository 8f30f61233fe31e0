// SPDX-License-Identifier: GPL-3.0-or-later
// Commands that work on a configuration.
#ifndef VMC_CLI_JOB_H
#define VMC_CLI_JOB_H

#include "cli/options.h"

// Runs it, or with --check and --print-config checks or prints it.
bool cli_job_run(const struct cli_options *options, struct error *error);
bool cli_learn(const struct cli_options *options, struct error *error);
// vmc sweep list, vmc sweep script
bool cli_job_list(const struct cli_options *options, struct error *error);
bool cli_job_script(const struct cli_options *options, struct error *error);

#endif
