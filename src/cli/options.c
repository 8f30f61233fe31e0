// SPDX-License-Identifier: GPL-3.0-or-later
// The command line. getopt_long knows the options; what it says of a wrong one is too little, so its messages are made here.
#include "cli/options.h"

#include "cli/program.h"
#include "vmc/config.h"
#include "vmc/param.h"
#include "vmc/sweep.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONG_ONLY = 256, OPTION_PRINT_CONFIG, OPTION_HELP_CONFIG, OPTION_CHECK, OPTION_JSON, OPTION_PROGRESS, OPTION_FORCE, OPTION_RESUME,
       OPTION_MAX_TIME, OPTION_TASK, OPTION_PER_JOB, OPTION_TIME };

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' },
    { "set", required_argument, NULL, 's' },
    { "output", required_argument, NULL, 'o' },
    { "threads", required_argument, NULL, 't' },
    { "task", required_argument, NULL, OPTION_TASK },
    { "per-job", required_argument, NULL, OPTION_PER_JOB },
    { "time", required_argument, NULL, OPTION_TIME },
    { "print-config", no_argument, NULL, OPTION_PRINT_CONFIG },
    { "help-config", optional_argument, NULL, OPTION_HELP_CONFIG },
    { "check", no_argument, NULL, OPTION_CHECK },
    { "json", no_argument, NULL, OPTION_JSON },
    { "force", no_argument, NULL, OPTION_FORCE },
    { "resume", no_argument, NULL, OPTION_RESUME },
    { "max-time", required_argument, NULL, OPTION_MAX_TIME },
    { "quiet", no_argument, NULL, 'q' },
    { "verbose", no_argument, NULL, 'v' },
    { "progress", required_argument, NULL, OPTION_PROGRESS },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { NULL, 0, NULL, 0 } };

static const char *progress_mode_name(size_t index)
{
    static const char *const names[] = { "auto", "always", "never" };
    return index < 3 ? names[index] : NULL;
}

// Values of options are read by rows like those of keys, so that they are checked and refused alike.
struct values { size_t threads, progress, task, per_job; };
static const struct param threads_row = PARAM_COUNT(values, threads, .range = PARAM_WITHIN(1, 4096));
static const struct param task_row = PARAM_COUNT(values, task, .range = PARAM_WITHIN(0, SWEEP_POINTS_MOST - 1));
static const struct param per_job_row = { .key = "per-job", .kind = PARAM_KIND_COUNT, .offset = offsetof(struct values, per_job),
                                          .range = PARAM_WITHIN(1, SWEEP_POINTS_MOST) };
static const struct param progress_row = PARAM_CHOICE(values, progress, .choice = progress_mode_name);

static bool read_value(const struct param *row, const char *text, struct values *values, struct error *error)
{
    char why[PARAM_TEXT_SIZE];
    return param_parse(row, text, values, why) || error_add(error, ERROR_USAGE, "--%s: %s", row->key, why);
}

// "90s", "30m", "2h", "1d", plain seconds.
static bool read_duration(const char *text, double *seconds, struct error *error)
{
    static const struct { const char *unit; double seconds; } units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
    char *end = NULL;
    const double number = strtod(text, &end);
    const bool plain = strspn(text, "0123456789.") > 0 && strspn(text, "0123456789.") == (size_t)(end - text);
    for (size_t k = 0; plain && number > 0 && k < sizeof units / sizeof *units; k++)
        if (strcmp(end, units[k].unit) == 0) {
            *seconds = number * units[k].seconds;
            return true;
        }
    return error_add(error, ERROR_USAGE, "--max-time: '%s' is no length of time; give seconds, or 90s, 30m, 2h, 1d", text);
}

static bool take_once(const char **place, const char *value, const char *name, struct error *error)
{
    if (*place)
        return error_add(error, ERROR_USAGE, "--%s is given twice: '%s' and '%s'", name, *place, value);
    if (*value == '\0')
        return error_add(error, ERROR_USAGE, "--%s needs a file name", name);
    *place = value;
    return true;
}

static bool refuse_option(const char *word, struct error *error)
{
    const char *names[sizeof long_options / sizeof long_options[0]] = { NULL }, *nearest = NULL, *program = cli_program()->name;
    char stem[64];
    for (size_t k = 0; long_options[k].name; k++)
        names[k] = long_options[k].name;
    if (strncmp(word, "--", 2) != 0)
        return error_add(error, ERROR_USAGE, "unknown option '-%c'; see %s --help", optopt ? optopt : word[1], program);
    snprintf(stem, sizeof stem, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    size_t fitting = 0;
    for (size_t k = 0; names[k]; k++)
        fitting += strncmp(names[k], stem, strlen(stem)) == 0;
    nearest = config_nearest(stem, names);
    if (optopt && fitting > 0)
        return error_add(error, ERROR_USAGE, "option '--%s' takes no value", stem);
    if (fitting > 1)
        return error_add(error, ERROR_USAGE, "option '--%s' is short for more than one; see %s --help", stem, program);
    return error_add(error, ERROR_USAGE, "unknown option '--%s'; %s%s%s", stem, nearest ? "did you mean '--" : "see ", nearest ? nearest : program,
                     nearest ? "'?" : " --help");
}

// "7" or "3-7"
static bool take_task(struct cli_options *options, const char *text, struct error *error)
{
    struct values first = { 0 }, last = { 0 };
    char copy[64];
    snprintf(copy, sizeof copy, "%s", text);
    char *dash = strchr(copy, '-');
    if (dash)
        *dash = '\0';
    if (!read_value(&task_row, copy, &first, error) || !read_value(&task_row, dash ? dash + 1 : copy, &last, error))
        return false;
    options->has_task = true;
    options->task_first = first.task;
    options->task_last = last.task;
    return first.task <= last.task || error_add(error, ERROR_USAGE, "--task: '%s' ends before it starts; allowed: K, or A-B with A <= B", text);
}

// --help-config SECTION and --help-config=SECTION; getopt knows only the second.
static const char *optional_word(int argc, char **argv)
{
    if (optarg)
        return optarg;
    return optind < argc && argv[optind][0] != '-' ? argv[optind++] : NULL;
}

static bool take(struct cli_options *options, int option, int argc, char **argv, struct error *error)
{
    struct values values = { 0 };
    const char *word = argv[optind - 1];
    switch (option) {
    case 'c':
        return take_once(&options->config, optarg, "config", error);
    case 'o':
        return take_once(&options->output, optarg, "output", error);
    case 's':
        options->sets[options->n_sets++] = optarg;
        return true;
    case 't':
        if (!read_value(&threads_row, optarg, &values, error))
            return false;
        options->threads = values.threads;
        return true;
    case OPTION_PROGRESS:
        if (!read_value(&progress_row, optarg, &values, error))
            return false;
        options->progress = (enum cli_progress_mode)values.progress;
        return true;
    case OPTION_MAX_TIME:
        return read_duration(optarg, &options->max_time, error);
    case OPTION_TASK:
        return take_task(options, optarg, error);
    case OPTION_PER_JOB:
        if (!read_value(&per_job_row, optarg, &values, error))
            return false;
        options->per_job = values.per_job;
        return true;
    case OPTION_TIME:
        options->time = optarg;
        return (*optarg && optarg[strspn(optarg, "0123456789:-")] == '\0') ||
               error_add(error, ERROR_USAGE, "--time: '%s' is no time limit of Slurm; allowed: minutes, hours:minutes:seconds, days-hours, ...", optarg);
    case OPTION_HELP_CONFIG:
        options->section = optional_word(argc, argv);
        options->action = CLI_HELP_CONFIG;
        return true;
    case ':':
        return error_add(error, ERROR_USAGE, "option '%s' needs a value; see %s --help", word, cli_program()->name);
    default:
        return refuse_option(word, error);
    }
}

// Options that only switch something.
static bool take_switch(struct cli_options *options, int option)
{
    switch (option) {
    case OPTION_PRINT_CONFIG:
        options->action = CLI_PRINT_CONFIG;
        return true;
    case OPTION_CHECK:
        options->action = CLI_CHECK;
        return true;
    case 'h':
        options->action = CLI_HELP;
        return true;
    case 'V':
        options->action = CLI_VERSION;
        return true;
    case OPTION_JSON:
        return options->json = true;
    case OPTION_FORCE:
        return options->force = true;
    case OPTION_RESUME:
        return options->resume = true;
    case 'q':
        return options->quiet = true;
    case 'v':
        return options->verbose = true;
    default:
        return false;
    }
}

// The words before the options: "sweep list", "sweep script", "merge"; how many they are.
static int take_command(struct cli_options *options, int argc, char **argv, struct error *error)
{
    const char *first = argc > 1 ? argv[1] : "", *second = argc > 2 ? argv[2] : "", *program = cli_program()->name;
    if (strcmp(first, "merge") == 0) {
        options->action = CLI_MERGE;
        return 1;
    }
    if (strcmp(first, "sweep") != 0)
        return 0;
    options->action = strcmp(second, "script") == 0 ? CLI_SWEEP_SCRIPT : CLI_SWEEP_LIST;
    if (strcmp(second, "list") != 0 && strcmp(second, "script") != 0)
        error_add(error, ERROR_USAGE, "%s sweep%s%s: write %s sweep list FILE, or %s sweep script FILE; see %s --help", program,
                  *second ? " " : "", second, program, program, program);
    return 2;
}

static bool refuse_word(const struct cli_options *options, const char *word, struct error *error)
{
    static const char *const commands[] = { "sweep", "merge", NULL };
    const char *nearest = config_nearest(word, commands);
    if (nearest)
        return error_add(error, ERROR_USAGE, "unexpected argument '%s'; did you mean %s %s?", word, cli_program()->name, nearest);
    return error_add(error, ERROR_USAGE, "unexpected argument '%s'%s%s", word, options->config ? "" : "; did you mean --config ",
                     options->config ? "" : word);
}

// What is left after the options.
static bool take_words(struct cli_options *options, size_t n, char **words, struct error *error)
{
    bool sweep = options->action == CLI_SWEEP_LIST || options->action == CLI_SWEEP_SCRIPT;
    options->n_words = n;
    options->words = words;
    if (sweep && n == 1 && !options->config)
        options->config = words[0];
    else if (sweep && n > 0)
        return error_add(error, ERROR_USAGE, "unexpected argument '%s': a sweep is of one configuration", words[n - 1]);
    else if (options->action == CLI_MERGE && n < 2)
        return error_add(error, ERROR_USAGE, "nothing to merge; write %s merge OUT IN...", cli_program()->name);
    else if (!sweep && options->action != CLI_MERGE && n > 0)
        return refuse_word(options, words[0], error);
    return true;
}

static bool check_together(const struct cli_options *options, struct error *error)
{
    enum cli_action action = options->action;
    const char *program = cli_program()->name;
    if (options->resume && options->force)
        return error_add(error, ERROR_USAGE, "--resume goes on from the file at --output and --force overwrites it; give one of them");
    bool needs_config = action == CLI_RUN || action == CLI_CHECK || action == CLI_PRINT_CONFIG;
    if ((options->per_job > 0 || options->time) && action != CLI_SWEEP_SCRIPT)
        return error_add(error, ERROR_USAGE, "--%s is for %s sweep script", options->per_job > 0 ? "per-job" : "time", program);
    if ((action == CLI_SWEEP_LIST || action == CLI_SWEEP_SCRIPT) && !options->config)
        return error_add(error, ERROR_USAGE, "which sweep? write %s sweep %s FILE", program, action == CLI_SWEEP_LIST ? "list" : "script");
    return !needs_config || options->config ||
           error_add(error, ERROR_USAGE, "nothing to do: give a configuration with --config FILE; see %s --help", program);
}

bool cli_options_parse(struct cli_options *options, int argc, char **argv, struct error *error)
{
    *options = (struct cli_options){ .action = CLI_RUN, .sets = calloc((size_t)argc + 1, sizeof options->sets[0]) };
    if (!options->sets)
        return error_add(error, ERROR_INTERNAL, "not enough memory");
    size_t before = error->n_messages;
    int skipped = take_command(options, argc, argv, error);
    argc -= skipped < argc ? skipped : argc - 1;
    argv += skipped;
    opterr = 0;
    bool good = error->n_messages == before;
    for (int option; (option = getopt_long(argc, argv, ":s:o:t:qvhV", long_options, NULL)) != -1;)
        good = (take_switch(options, option) || take(options, option, argc, argv, error)) && good;
    return good && take_words(options, (size_t)(argc - optind), argv + optind, error) && check_together(options, error);
}

void cli_options_finish(struct cli_options *options)
{
    free(options->sets);
    *options = (struct cli_options){ 0 };
}
