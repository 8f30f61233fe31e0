// SPDX-License-Identifier: GPL-3.0-or-later
// What the program can do, one row per command. From the rows follow the reading of the command line, the refusal of
// options that do not apply, --help, the manual page, and hints at mistyped words.
#ifndef VMC_CLI_COMMAND_H
#define VMC_CLI_COMMAND_H

#include "vmc/error.h"

#include <stdbool.h>
#include <stddef.h>

// The options, in the order of --help.
enum cli_option {
    CLI_CONFIG,
    CLI_SET,
    CLI_OUTPUT,
    CLI_WHAT,
    CLI_BY,
    CLI_WITH,
    CLI_FOLLOW,
    CLI_FORCE,
    CLI_RESUME,
    CLI_MAX_TIME,
    CLI_TASK,
    CLI_JOBS,
    CLI_PER_JOB,
    CLI_TIME,
    CLI_THREADS,
    CLI_CHECK,
    CLI_PRINT_CONFIG,
    CLI_JSON,
    CLI_QUIET,
    CLI_VERBOSE,
    CLI_PROGRESS,
    CLI_HELP_CONFIG,
    CLI_HELP,
    CLI_VERSION,
    CLI_OPTIONS
};
#define CLI_BIT(option) (1u << (option))

struct cli_options;

struct cli_command {
    const char *words;      // "merge", "sweep list"; "": the main job
    const char *arguments;  // "OUT.h5 IN.h5...", as --help shows them
    unsigned options;       // CLI_BITs; --help-config, --help and --version apply to every command and need none.
                       // With CLI_CONFIG the command works on one configuration, given by that option or as the only
                       // argument
    size_t least, most;   // number of arguments; unused with CLI_CONFIG
    const char *missing;  // message where there are fewer; followed by "vmc merge OUT.h5 IN.h5..."
    const char *help;     // a sentence or two
    bool (*act)(const struct cli_options *options, struct error *error);
};
extern const struct cli_command cli_commands[];  // the main job first; ends with a NULL `words`

// The command whose words these begin with, and how many of them are its own; the main job where there is none.
// NULL with ERROR_USAGE where the words of a command are incomplete or mistyped.
const struct cli_command *cli_command_find(size_t n, char *const *words, size_t *n_own, struct error *error);
// "vmc sweep list"; "vmc FILE" of the main job.
enum { CLI_COMMAND_SIZE = 80 };
char *cli_command_name(const struct cli_command *command, char text[CLI_COMMAND_SIZE]);

#endif
