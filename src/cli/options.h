// SPDX-License-Identifier: GPL-3.0-or-later
// The command line.
#ifndef VMC_CLI_OPTIONS_H
#define VMC_CLI_OPTIONS_H

#include "cli/command.h"
#include "vmc/error.h"

#include <stdbool.h>
#include <stddef.h>

enum cli_progress_mode { CLI_PROGRESS_AUTO, CLI_PROGRESS_ALWAYS, CLI_PROGRESS_NEVER };

struct cli_options {
    const struct cli_command *command;
    unsigned given;                // CLI_BITs of the options given
    const char *config, *output;   // NULL: not given
    const char *what, *by, *with;  // of a picture; NULL: not given
    bool follow;
    size_t n_sets;
    const char **sets;  // owned array of borrowed texts
    size_t threads;     // 0: not given
    enum cli_progress_mode progress;
    double max_time;  // s; 0: not given
    bool check, print_config, json, force, resume, quiet, verbose;
    bool help, version;
    const char *section;  // of --help-config; NULL: all
    bool has_task;
    size_t task_first, task_last;  // points of a sweep
    size_t per_job;                // of the script; 0: not given
    size_t jobs;                   // points of a sweep side by side; 0: not given
    const char *time;              // of the script, as Slurm reads it; NULL: not given
    size_t n_words;
    char **words;  // arguments of the command, without its own words; borrowed
};

// ERROR_USAGE with what is wrong and what was meant. The texts point into argv.
bool cli_options_parse(struct cli_options *options, int argc, char **argv, struct error *error);
void cli_options_finish(struct cli_options *options);

// One option, as it is read and explained; the index is its enum cli_option.
struct cli_option_row {
    const char *name;
    char letter;        // 0: it has none
    const char *value;  // "FILE"; "[SECTION]" may be left out; NULL: it takes none
    size_t flag;        // without a value: offset of a bool in struct cli_options
    bool (*set)(struct cli_options *options, const char *text,
                struct error *error);  // with a value; NULL where it may be left out
    const char *help;
};
extern const struct cli_option_row cli_option_rows[CLI_OPTIONS];

// Options that print a text and do nothing else.
#define CLI_TEXTS (CLI_BIT(CLI_HELP_CONFIG) | CLI_BIT(CLI_HELP) | CLI_BIT(CLI_VERSION))

// Whether this is a run: the only job for more than one process.
static inline bool cli_options_run(const struct cli_options *options)
{
    return options->command == &cli_commands[0] && !options->check && !options->print_config;
}

#endif
