// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli/command.h"

#include "cli/diagnose.h"
#include "cli/help.h"
#include "cli/job.h"
#include "cli/merge.h"
#include "cli/plot.h"
#include "cli/program.h"
#include "cli/verify.h"
#include "vmc/config.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EVERYWHERE CLI_BIT(CLI_QUIET)
#define CONFIGURED                                                                                   \
    (EVERYWHERE | CLI_BIT(CLI_CONFIG) | CLI_BIT(CLI_SET) | CLI_BIT(CLI_OUTPUT) | CLI_BIT(CLI_TASK) | \
     CLI_BIT(CLI_VERBOSE))

const struct cli_command cli_commands[] = {
    { "", "FILE",
      CONFIGURED | CLI_BIT(CLI_FORCE) | CLI_BIT(CLI_JOBS) | CLI_BIT(CLI_RESUME) | CLI_BIT(CLI_MAX_TIME) |
          CLI_BIT(CLI_THREADS) | CLI_BIT(CLI_CHECK) | CLI_BIT(CLI_PRINT_CONFIG) | CLI_BIT(CLI_JSON) |
          CLI_BIT(CLI_PROGRESS),
      .missing = "nothing to do: give a configuration with --config FILE, or write", .act = cli_job_run,
      .help = "Train and measure what the configuration FILE describes; every point, if it has a [sweep] section. The "
              "same as --config FILE." },
    { "sweep list", "FILE", CONFIGURED | CLI_BIT(CLI_JSON), .missing = "which sweep? Write", .act = cli_job_list,
      .help = "List the points of a sweep and the state of their results." },
    { "sweep script", "FILE", CONFIGURED | CLI_BIT(CLI_THREADS) | CLI_BIT(CLI_PER_JOB) | CLI_BIT(CLI_TIME),
      .missing = "which sweep? Write", .act = cli_job_script, .help = "Print a Slurm job array that runs the sweep." },
    { "merge", "OUT.h5 IN.h5...", EVERYWHERE | CLI_BIT(CLI_FORCE), .least = 2, .most = SIZE_MAX,
      .missing = "nothing to merge; write", .act = cli_merge,
      .help =
          "Merge many results files into one, with a table of settings and results that is also written to OUT.csv." },
    { "diagnose", "FILE.h5...", EVERYWHERE | CLI_BIT(CLI_JSON), .least = 1, .most = SIZE_MAX,
      .missing = "nothing to diagnose; write", .act = cli_diagnose,
      .help =
          "Judge results: good, doubtful or bad, with what was found, what it means and what to do. Exit code 0: all "
          "are good; 1: not all." },
    { "plot", "FILE.h5...",
      EVERYWHERE | CLI_BIT(CLI_OUTPUT) | CLI_BIT(CLI_WHAT) | CLI_BIT(CLI_BY) | CLI_BIT(CLI_WITH) | CLI_BIT(CLI_FOLLOW),
      .least = 1, .most = SIZE_MAX, .missing = "nothing to plot; write", .act = cli_plot,
      .help =
          "Draw training, blocking curve, series, densities and g of results files, or the energy of a merged sweep, "
          "with Python's matplotlib or with gnuplot. The picture is PNG, SVG or PDF by the name given with --output; "
          "default FILE.png." },
    { "learn", "FILE",
      CLI_BIT(CLI_QUIET) | CLI_BIT(CLI_CONFIG) | CLI_BIT(CLI_SET) | CLI_BIT(CLI_OUTPUT) | CLI_BIT(CLI_FORCE) |
          CLI_BIT(CLI_RESUME) | CLI_BIT(CLI_MAX_TIME) | CLI_BIT(CLI_THREADS) | CLI_BIT(CLI_CHECK) |
          CLI_BIT(CLI_PRINT_CONFIG) | CLI_BIT(CLI_JSON) | CLI_BIT(CLI_PROGRESS),
      .missing = "nothing to learn from: give a configuration with --config FILE, or write", .act = cli_learn,
      .help = "Learn a Boltzmann machine from samples by maximum likelihood, as section [learn] of the configuration "
              "FILE describes. A learned Gaussian machine can be loaded as a wave function." },
    { "show", "FILE.h5...", EVERYWHERE, .least = 1, .most = SIZE_MAX, .missing = "nothing to show; write",
      .act = cli_show, .help = "Print settings and results of results files in words." },
    { "verify", "FILE.h5...", EVERYWHERE | CLI_BIT(CLI_JSON), .least = 1, .most = SIZE_MAX,
      .missing = "nothing to verify; write", .act = cli_verify,
      .help = "Compare results with the energy and its parts in closed form, where the wave function is an RBM of few "
              "hidden units. Exit code 0: within "
              "4 standard errors; 1: beyond; 78: there is no closed form." },
    { "help", "[COMMAND|SECTION]", 0, .most = 2, .act = cli_help,
      .help = "Explain a command, a section of the configuration, or everything." },
    { .words = NULL },
};

char *cli_command_name(const struct cli_command *command, char text[CLI_COMMAND_SIZE])
{
    snprintf(text, CLI_COMMAND_SIZE, "%s %s", cli_program()->name,
             *command->words ? command->words : command->arguments);
    return text;
}

// How many of the command's own words (n_own) stand at the beginning of `words`.
static size_t n_common(const struct cli_command *command, size_t n, char *const *words, size_t *n_own)
{
    const char *word = command->words;
    size_t common = 0;
    bool same = true;
    for (*n_own = 0; *word; (*n_own)++) {
        const size_t length = strcspn(word, " ");
        same = same && *n_own < n && strlen(words[*n_own]) == length && strncmp(word, words[*n_own], length) == 0;
        common += same;
        word += length + strspn(word + length, " ");
    }
    return common;
}

// "sweep" alone, or followed by an unknown word.
static const struct cli_command *refuse_begun(size_t n, char *const *words, struct error *error)
{
    char ways[4 * CLI_COMMAND_SIZE] = "", name[CLI_COMMAND_SIZE];
    size_t n_own, used = 0;
    for (const struct cli_command *command = cli_commands; command->words; command++)
        if (n_common(command, 1, words, &n_own) > 0 && used < sizeof ways)
            used += (size_t)snprintf(ways + used, sizeof ways - used, "%s%s %s", used > 0 ? ", or " : "",
                                     cli_command_name(command, name), command->arguments);
    error_add(error, ERROR_USAGE, "'%.200s%s%.200s' is not a command; write %s; see %s --help", words[0],
              n > 1 ? " " : "", n > 1 ? words[1] : "", ways, cli_program()->name);
    return NULL;
}

// Whether a word is near a command's first one and names no file.
static bool is_mistyped(const char *word, char nearest[CLI_COMMAND_SIZE])
{
    for (const struct cli_command *command = cli_commands + 1; command->words; command++) {
        snprintf(nearest, CLI_COMMAND_SIZE, "%.*s", (int)strcspn(command->words, " "), command->words);
        if (config_nearest(word, (const char *const[]){ nearest, NULL }))
            return !strpbrk(word, "./") && access(word, F_OK) != 0;
    }
    return false;
}

const struct cli_command *cli_command_find(size_t n, char *const *words, size_t *n_own, struct error *error)
{
    for (const struct cli_command *command = cli_commands + 1; n > 0 && command->words; command++)
        if (n_common(command, n, words, n_own) == *n_own)
            return command;
    for (const struct cli_command *command = cli_commands + 1; n > 0 && command->words; command++)
        if (n_common(command, n, words, n_own) > 0)
            return refuse_begun(n, words, error);
    char nearest[CLI_COMMAND_SIZE];
    *n_own = 0;
    if (n == 0 || !is_mistyped(words[0], nearest))
        return &cli_commands[0];
    error_add(error, ERROR_USAGE, "unexpected argument '%.200s'; did you mean %s %s?", words[0], cli_program()->name,
              nearest);
    return NULL;
}
