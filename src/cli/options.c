// SPDX-License-Identifier: GPL-3.0-or-later
// The command line. getopt_long finds the options; its own messages say too little, so they are written here.
#include "cli/options.h"

#include "cli/program.h"
#include "vmc/config.h"
#include "vmc/param.h"
#include "vmc/sweep.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONG_ONLY = 256 };  // an option without a letter is LONG_ONLY + its index

// --- values ---

static const char *progress_mode_name(size_t index)
{
    static const char *const names[] = { "auto", "always", "never" };
    return index < 3 ? names[index] : NULL;
}

// Values of options are read by the same kind of rows as keys, so that they are checked and refused in the same way.
struct values {
    size_t threads, progress, task, per_job, jobs;
};
static const struct param threads_row = PARAM_COUNT(values, threads, .range = PARAM_WITHIN(1, 4096));
static const struct param task_row = PARAM_COUNT(values, task, .range = PARAM_WITHIN(0, SWEEP_POINTS_MOST - 1));
static const struct param per_job_row = {
    .key = "per-job",
    .kind = PARAM_KIND_COUNT,
    .offset = offsetof(struct values, per_job),
    .range = PARAM_WITHIN(1, SWEEP_POINTS_MOST),
};
static const struct param jobs_row = PARAM_COUNT(values, jobs, .range = PARAM_WITHIN(1, 4096));
static const struct param progress_row = PARAM_CHOICE(values, progress, .choice = progress_mode_name);

static bool read_value(const struct param *row, const char *text, struct values *values, struct error *error)
{
    char why[PARAM_TEXT_SIZE];
    return param_parse(row, text, values, why) || error_add(error, ERROR_USAGE, "--%s: %s", row->key, why);
}

static bool set_file(const char **place, const char *text, const char *name, struct error *error)
{
    if (*place)
        return error_add(error, ERROR_USAGE, "--%s is given twice: '%s' and '%s'", name, *place, text);
    if (*text == '\0')
        return error_add(error, ERROR_USAGE, "--%s needs a file name", name);
    *place = text;
    return true;
}

static bool set_config(struct cli_options *options, const char *text, struct error *error)
{
    return set_file(&options->config, text, "config", error);
}

static bool set_output(struct cli_options *options, const char *text, struct error *error)
{
    return set_file(&options->output, text, "output", error);
}

static bool set_what(struct cli_options *options, const char *text, struct error *error)
{
    (void)error;
    options->what = text;
    return true;
}

static bool set_by(struct cli_options *options, const char *text, struct error *error)
{
    (void)error;
    options->by = text;
    return true;
}

static bool set_with(struct cli_options *options, const char *text, struct error *error)
{
    (void)error;
    options->with = text;
    return true;
}

static bool add_set(struct cli_options *options, const char *text, struct error *error)
{
    (void)error;
    options->sets[options->n_sets++] = text;
    return true;
}

// "90s", "30m", "2h", "1d", plain seconds.
static bool set_max_time(struct cli_options *options, const char *text, struct error *error)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
    char *end = NULL;
    const double number = strtod(text, &end);
    const bool plain = strspn(text, "0123456789.") > 0 && strspn(text, "0123456789.") == (size_t)(end - text);
    for (size_t k = 0; plain && number > 0 && k < sizeof units / sizeof *units; k++)
        if (strcmp(end, units[k].unit) == 0) {
            options->max_time = number * units[k].seconds;
            return true;
        }
    return error_add(error, ERROR_USAGE, "--max-time: '%s' is not a length of time; give seconds, or 90s, 30m, 2h, 1d",
                     text);
}

// "7" or "3-7"
static bool set_task(struct cli_options *options, const char *text, struct error *error)
{
    struct values first = { 0 }, last = { 0 };
    char copy[64];
    if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy)
        return error_add(error, ERROR_USAGE, "--task: '%s' is too long; allowed: K, or A-B with A <= B", text);
    char *dash = strchr(copy, '-');
    if (dash)
        *dash = '\0';
    if (!read_value(&task_row, copy, &first, error) || !read_value(&task_row, dash ? dash + 1 : copy, &last, error))
        return false;
    options->has_task = true;
    options->task_first = first.task;
    options->task_last = last.task;
    return first.task <= last.task ||
           error_add(error, ERROR_USAGE, "--task: '%s' ends before it starts; allowed: K, or A-B with A <= B", text);
}

static bool set_per_job(struct cli_options *options, const char *text, struct error *error)
{
    struct values values = { 0 };
    const bool good = read_value(&per_job_row, text, &values, error);
    options->per_job = values.per_job;
    return good;
}

static bool set_jobs(struct cli_options *options, const char *text, struct error *error)
{
    struct values values = { 0 };
    const bool good = read_value(&jobs_row, text, &values, error);
    options->jobs = values.jobs;
    return good;
}

static bool set_time(struct cli_options *options, const char *text, struct error *error)
{
    options->time = text;
    return (*text && text[strspn(text, "0123456789:-")] == '\0') ||
           error_add(error, ERROR_USAGE,
                     "--time: '%s' is not a time limit that Slurm reads; allowed: minutes, hours:minutes:seconds, "
                     "days-hours, ...",
                     text);
}

static bool set_threads(struct cli_options *options, const char *text, struct error *error)
{
    struct values values = { 0 };
    const bool good = read_value(&threads_row, text, &values, error);
    options->threads = values.threads;
    return good;
}

static bool set_progress(struct cli_options *options, const char *text, struct error *error)
{
    struct values values = { 0 };
    const bool good = read_value(&progress_row, text, &values, error);
    options->progress = (enum cli_progress_mode)values.progress;
    return good;
}

// --- the table ---

#define FLAG(member) NULL, offsetof(struct cli_options, member), NULL

const struct cli_option_row cli_option_rows[CLI_OPTIONS] = {
    [CLI_CONFIG] = { "config", 0, "FILE", 0, set_config, "the configuration (INI); see --help-config" },
    [CLI_SET] = { "set", 's', "SECTION.KEY=VALUE", 0, add_set, "override one entry; repeatable, the last one wins" },
    [CLI_OUTPUT] = { "output", 'o', "FILE", 0, set_output,
                     "results file; default: the configuration's name with .h5, in the current folder. A complete file "
                     "already there is kept as NAME.1.h5 (the next free number). Of vmc plot: the picture" },
    [CLI_WHAT] = { "what", 0, "KIND", 0, set_what,
                   "overview (the default), training, blocking, series, density, plane, pairs or sweep" },
    [CLI_BY] = { "by", 0, "SECTION.KEY[,SECTION.KEY]", 0, set_by,
                 "of a merged sweep: the key along the axis, and the one that colours tell apart; further keys are "
                 "panels" },
    [CLI_WITH] = { "with", 0, "PROGRAM", 0, set_with,
                   "what draws: matplotlib or gnuplot; default: whichever is there, matplotlib first" },
    [CLI_FOLLOW] = { "follow", 0, FLAG(follow), "draw again whenever the runs save, until they are at their end" },
    [CLI_FORCE] = { "force", 0, FLAG(force), "overwrite an unfinished or foreign file at --output" },
    [CLI_RESUME] = { "resume", 0, FLAG(resume),
                     "continue the unfinished run at --output; a complete one is extended if more samples are asked "
                     "for" },
    [CLI_MAX_TIME] = { "max-time", 0, "DURATION", 0, set_max_time,
                       "stop cleanly before this much wall time has passed: 90s, 30m, 2h" },
    [CLI_TASK] = { "task", 0, "K | A-B", 0, set_task,
                   "of a sweep, run only point K (from 0) or points A to B; default: all, one after the other. Point K "
                   "is written to NAME-K.h5 "
                   "(four digits), and skipped if that file is complete" },
    [CLI_JOBS] = { "jobs", 'j', "N", 0, set_jobs,
                   "of a sweep, run N points side by side; each has its share of the threads" },
    [CLI_PER_JOB] = { "per-job", 0, "N", 0, set_per_job, "points in one job of the array; default 1" },
    [CLI_TIME] = { "time", 0, "LIMIT", 0, set_time, "time limit of a job, as Slurm reads it; default 01:00:00" },
    [CLI_THREADS] = { "threads", 't', "N", 0, set_threads,
                      "number of threads; default: all that this process may use" },
    [CLI_CHECK] = { "check", 0, FLAG(check), "validate, estimate memory, file size and time, and exit" },
    [CLI_PRINT_CONFIG] = { "print-config", 0, FLAG(print_config),
                           "print the configuration with all defaults, and exit" },
    [CLI_JSON] = { "json", 0, FLAG(json), "print results as JSON" },
    [CLI_QUIET] = { "quiet", 'q', FLAG(quiet), "print nothing but errors, and JSON if asked for" },
    [CLI_VERBOSE] = { "verbose", 'v', FLAG(verbose), "print more about what is being done" },
    [CLI_PROGRESS] = { "progress", 0, "WHEN", 0, set_progress,
                       "auto: one updating line on a terminal, otherwise a line every 30 s; always: also at the start "
                       "and end of each phase; never" },
    [CLI_HELP_CONFIG] = { "help-config", 0, "[SECTION]", 0, NULL, "explain every key of the configuration, and exit" },
    [CLI_HELP] = { "help", 'h', FLAG(help), "this text; for one command: vmc help COMMAND" },
    [CLI_VERSION] = { "version", 'V', FLAG(version), "version, and what the program was built from" },
};

// The same for getopt_long; `letters` has room for two characters an option and three more.
static void list_for_getopt(struct option long_options[CLI_OPTIONS + 1], char *letters)
{
    *letters++ = ':';
    for (int k = 0; k < CLI_OPTIONS; k++) {
        const struct cli_option_row *row = &cli_option_rows[k];
        long_options[k] = (struct option){ row->name,
                                           !row->value ? no_argument
                                           : row->set  ? required_argument
                                                       : optional_argument,
                                           NULL, row->letter ? row->letter : LONG_ONLY + k };
        if (row->letter)
            *letters++ = row->letter;
        if (row->letter && row->value)
            *letters++ = ':';
    }
    long_options[CLI_OPTIONS] = (struct option){ .name = NULL };
    *letters = '\0';
}

static int index_of(int option)
{
    for (int k = 0; k < CLI_OPTIONS; k++)
        if (option == (cli_option_rows[k].letter ? cli_option_rows[k].letter : LONG_ONLY + k))
            return k;
    return CLI_OPTIONS;
}

// --- what is wrong ---

static bool refuse_unknown(const char *word, struct error *error)
{
    const char *names[CLI_OPTIONS + 1] = { NULL }, *program = cli_program()->name;
    char stem[64];
    if (strncmp(word, "--", 2) != 0)
        return error_add(error, ERROR_USAGE, "unknown option '-%c'; see %s --help", optopt ? optopt : word[1], program);
    snprintf(stem, sizeof stem, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    size_t fitting = 0;
    for (size_t k = 0; k < CLI_OPTIONS; k++) {
        names[k] = cli_option_rows[k].name;
        fitting += strncmp(names[k], stem, strlen(stem)) == 0;
    }
    if (optopt && fitting > 0)
        return error_add(error, ERROR_USAGE, "option '--%s' takes no value", stem);
    if (fitting > 1)
        return error_add(error, ERROR_USAGE, "option '--%s' is ambiguous; see %s --help", stem, program);
    const char *nearest = config_nearest(stem, names);
    return error_add(error, ERROR_USAGE, "unknown option '--%s'; %s%s%s", stem, nearest ? "did you mean '--" : "see ",
                     nearest ? nearest : program, nearest ? "'?" : " --help");
}

// Options of other commands, with the commands they apply to.
static bool refuse_options(const struct cli_options *options, struct error *error)
{
    const unsigned wrong = options->given & ~options->command->options;
    for (unsigned k = 0; k < CLI_OPTIONS; k++) {
        char name[CLI_COMMAND_SIZE], homes[6 * CLI_COMMAND_SIZE] = "";
        size_t used = 0;
        for (const struct cli_command *command = cli_commands; command->words; command++)
            if (command->options & CLI_BIT(k) && used < sizeof homes)
                used += (size_t)snprintf(homes + used, sizeof homes - used, "%s%s", used > 0 ? ", " : "",
                                         cli_command_name(command, name));
        if (wrong & CLI_BIT(k))
            error_add(error, ERROR_USAGE, "--%s does not apply to %s; it applies to %s", cli_option_rows[k].name,
                      cli_command_name(options->command, name), homes);
    }
    return wrong == 0;
}

static bool refuse_argument(const struct cli_options *options, struct error *error)
{
    const bool config = options->command->options & CLI_BIT(CLI_CONFIG);
    return error_add(error, ERROR_USAGE, "unexpected argument '%s'%s%s%s", options->words[options->n_words - 1],
                     config ? ": the configuration is already '" : "", config ? options->config : "",
                     config ? "'" : "");
}

// --- parsing ---

// --help-config SECTION and --help-config=SECTION; getopt knows only the second.
static const char *optional_word(int argc, char **argv)
{
    if (optarg)
        return optarg;
    return optind < argc && argv[optind][0] != '-' ? argv[optind++] : NULL;
}

static bool parse_option(struct cli_options *options, int option, int argc, char **argv, struct error *error)
{
    const char *word = argv[optind - 1];
    const int k = index_of(option);
    if (option == ':')
        return error_add(error, ERROR_USAGE, "option '%s' needs a value; see %s --help", word, cli_program()->name);
    if (k == CLI_OPTIONS)
        return refuse_unknown(word, error);
    const struct cli_option_row *row = &cli_option_rows[k];
    options->given |= CLI_BIT(k);
    if (row->set)
        return row->set(options, optarg, error);
    if (k == CLI_HELP_CONFIG)
        options->section = optional_word(argc, argv);
    else
        *(bool *)((char *)options + row->flag) = true;
    return true;
}

// What is left after the options: the words of a command and its arguments.
static bool parse_words(struct cli_options *options, size_t n, char **words, struct error *error)
{
    size_t n_own;
    const struct cli_command *command = options->command = cli_command_find(n, words, &n_own, error);
    if (!command)
        return false;
    options->n_words = n - n_own;
    options->words = words + n_own;
    const bool config = command->options & CLI_BIT(CLI_CONFIG);
    if (config && options->n_words > 0 && !options->config) {
        options->config = *options->words++;
        options->n_words--;
    }
    const size_t least = config ? 0 : command->least, most = config ? 0 : command->most;
    char name[CLI_COMMAND_SIZE];
    if (options->n_words < least || (config && !options->config))
        return error_add(error, ERROR_USAGE, "%s %s%s%s; see %s --help", command->missing,
                         cli_command_name(command, name), *command->words ? " " : "",
                         *command->words ? command->arguments : "", cli_program()->name);
    return options->n_words <= most || refuse_argument(options, error);
}

bool cli_options_parse(struct cli_options *options, int argc, char **argv, struct error *error)
{
    struct option long_options[CLI_OPTIONS + 1];
    char letters[2 * CLI_OPTIONS + 3];
    *options = (struct cli_options){ .command = cli_commands,
                                     .sets = calloc((size_t)argc + 1, sizeof options->sets[0]) };
    if (!options->sets)
        return error_add(error, ERROR_INTERNAL, "not enough memory");
    list_for_getopt(long_options, letters);
    opterr = 0;
    bool good = true;
    for (int option; (option = getopt_long(argc, argv, letters, long_options, NULL)) != -1;)
        good = parse_option(options, option, argc, argv, error) && good;
    if (options->given & CLI_TEXTS) {  // whatever else is there
        size_t n_own;
        options->command = cli_command_find((size_t)(argc - optind), argv + optind, &n_own, NULL);
        return good;
    }
    if (!good || !parse_words(options, (size_t)(argc - optind), argv + optind, error) ||
        !refuse_options(options, error))
        return false;
    return !options->resume || !options->force ||
           error_add(error, ERROR_USAGE,
                     "--resume continues the file at --output and --force overwrites it; give one of them");
}

void cli_options_finish(struct cli_options *options)
{
    free(options->sets);
    *options = (struct cli_options){ 0 };
}
