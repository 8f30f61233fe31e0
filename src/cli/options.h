// SPDX-License-Identifier: GPL-3.0-or-later
// The command line.
#ifndef VMC_CLI_OPTIONS_H
#define VMC_CLI_OPTIONS_H

#include "vmc/error.h"

#include <stdbool.h>
#include <stddef.h>

enum cli_action { CLI_RUN, CLI_CHECK, CLI_PRINT_CONFIG, CLI_HELP, CLI_HELP_CONFIG, CLI_VERSION, CLI_SWEEP_LIST, CLI_SWEEP_SCRIPT, CLI_MERGE };
enum cli_progress_mode { CLI_PROGRESS_AUTO, CLI_PROGRESS_ALWAYS, CLI_PROGRESS_NEVER };

struct cli_options {
    enum cli_action action;
    const char *config, *output;  // NULL: not given
    const char *section;          // of --help-config; NULL: all
    size_t n_sets;
    const char **sets;            // owned array of borrowed texts
    size_t threads;               // 0: not given
    enum cli_progress_mode progress;
    double max_time;              // s; 0: not given
    bool json, force, resume, quiet, verbose;
    bool has_task;
    size_t task_first, task_last; // points of a sweep
    size_t per_job;               // of the script; 0: not given
    const char *time;             // of the script, as Slurm reads it; NULL: not given
    size_t n_words;
    char **words;                 // of a command: the files; borrowed
};

// ERROR_USAGE with what is wrong and what was meant. The texts point into argv.
bool cli_options_parse(struct cli_options *options, int argc, char **argv, struct error *error);
void cli_options_finish(struct cli_options *options);

#endif
