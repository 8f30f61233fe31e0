// SPDX-License-Identifier: GPL-3.0-or-later
// The program: reads the command line, lets the library work, and says what came of it. Exit codes are error kinds.
#include "cli/help.h"
#include "cli/known.h"
#include "cli/merge.h"
#include "cli/options.h"
#include "cli/program.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/summary.h"
#include "cli/sweep.h"
#include "cli/target.h"
#include "cli/text.h"
#include "cli/threads.h"
#include "vmc/level.h"
#include "vmc/run.h"
#include "vmc/sweep.h"

#include <fcntl.h>
#include <gsl/gsl_errno.h>
#include <hdf5.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KNOWN_MOST = 4 };

// What all jobs with a configuration share.
struct job {
    const struct cli_options *options;
    struct config config;
    struct settings settings;
    struct cli_threads threads;
    size_t threads_in_all;
    const struct team *team;         // NULL: alone
    struct error notes;
};

// Takes over the text.
static bool print_text(char *text, struct error *error)
{
    bool good = text ? cli_print(text, error) : error_add(error, ERROR_INTERNAL, "not enough memory");
    free(text);
    return good;
}

// The form of all overrides, before anything is read: a wrong command line is told as such.
static bool check_sets(const struct cli_options *options, struct error *error)
{
    struct config none = { 0 };
    bool good = true;
    for (size_t k = 0; k < options->n_sets; k++)
        good = config_set(&none, options->sets[k], error) && good;
    config_finish(&none);
    return good;
}

// One process reads the file; the others have its text from there, without its complaints.
static bool read_file(struct job *job, struct error *error)
{
    const char *path = job->options->config;
    const bool leads = team_leads(job->team), read = leads && config_read(&job->config, path, error);
    struct { bool there; size_t length; } file = { leads && job->config.text, leads && job->config.text ? strlen(job->config.text) : 0 };
    if (!job->team)
        return read;
    team_share(job->team, &file, sizeof file);
    char *text = leads ? NULL : calloc(file.length + 1, 1);
    bool good = team_agree(job->team, leads || text, error);
    if (good && file.there) {
        team_share(job->team, leads ? job->config.text : text, file.length);
        good = leads ? read : config_parse(&job->config, path, text, file.length, error);
    }
    free(text);
    return good && file.there;
}

// Where it fails with a file in the configuration, the values can be judged all the same.
static bool read_config(struct job *job, struct error *error)
{
    const struct cli_options *options = job->options;
    if (!check_sets(options, error))
        return false;
    bool read = read_file(job, error);
    for (size_t k = 0; job->config.file && k < options->n_sets; k++)
        read = config_set(&job->config, options->sets[k], error) && read;
    return read;
}

static void tell_notes(const struct job *job)
{
    char *text = job->notes.text, *rest = text;
    if (job->options->quiet || !text)
        return;
    for (char *line; (line = strsep(&rest, "\n"));)
        cli_note("note: %s", line);
}

static void choose_threads(struct job *job)
{
    const struct cli_program *program = cli_program();
    job->threads = job->options->threads > 0 ? (struct cli_threads){ job->options->threads, NULL } : cli_threads_default(program->sharing, program->local);
    uint64_t in_all = job->threads.n;
    team_sum(job->team, &in_all, 1);
    job->threads_in_all = in_all;
}

static bool check(struct job *job, struct error *error)
{
    struct run_estimate estimate = { 0 };
    const struct run_options options = { .threads = job->threads.n, .config_text = job->config.text, .command = cli_program()->name };
    if (!run_check(&job->settings, &options, &estimate, error))
        return false;
    return print_text(job->options->json ? cli_estimate_json(&estimate, job->threads.n) : cli_estimate_text(&estimate, job->threads.n), error);
}

static bool tell_result(const struct job *job, const struct run_result *result, const char *output, const char *status, struct error *error)
{
    struct reference_match known[KNOWN_MOST];
    const struct cli_summary summary = { .settings = &job->settings, .result = result, .config = job->options->config, .output = output,
                                         .status = status, .threads = job->threads.n, .threads_reason = job->threads.reason,
                                         .threads_in_all = job->threads_in_all, .ranks = team_ranks(job->team), .mpi = cli_program()->mpi,
                                         .n_known = cli_known_energies(&job->settings, known, KNOWN_MOST), .known = known };
    if (job->options->json)
        return print_text(cli_summary_json(&summary), error);
    return job->options->quiet || print_text(cli_summary_text(&summary, cli_width(stdout)), error);
}

// Results, also of a run that was stopped on the way; its exit code stays that of the stop.
static bool tell_end(struct job *job, bool good, const struct run_result *result, const char *output, struct error *error)
{
    const bool stopped = !good && error->kind == ERROR_STOPPED;
    if (stopped && cli_signals_name() && !job->options->quiet)
        cli_note("%s", cli_signals_name());
    if (good && result->was_complete && !job->options->quiet)
        cli_note("%s is complete; there is nothing left to do", output);
    if (good || (stopped && (job->options->json || result->n_samples > 0)))
        return tell_result(job, result, output, good ? "complete" : "stopped", error) && good;
    return false;
}

static void tell_start(const struct job *job, const struct cli_target *target)
{
    if (*target->kept && !job->options->quiet)
        cli_note("%s was a complete run; it is kept as %s", target->path, target->kept);
    if (job->options->verbose && !job->options->quiet)
        cli_note("%zu threads%s%s%s, instruction set %s, results in %s", job->threads.n, job->team ? " per rank" : "", job->threads.reason ? ": " : "",
                 job->threads.reason ? job->threads.reason : "", level_name(), target->path);
}

// `max_time`: s of wall time, 0 for any.
static bool execute(const struct job *job, struct cli_target *target, enum cli_target_use use, double max_time, struct cli_progress *progress,
                    struct run_result *result, struct error *error)
{
    if (!team_agree(job->team, !team_leads(job->team) || cli_target_prepare(target, job->options->config, use, error), error)) {
        cli_target_finish(target);
        return false;
    }
    tell_start(job, target);
    const struct run_options run_options = { .threads = job->threads.n, .output = target->path, .config_text = job->config.text,
                                             .command = cli_program()->name, .team = job->team, .progress = cli_progress_show, .wish = cli_signals_wish,
                                             .note = cli_progress_note, .context = progress, .max_time = max_time,
                                             .resume = use == CLI_TARGET_RESUME, .lock = target->lock };
    bool good = run_execute(&job->settings, &run_options, result, error);
    cli_progress_end(progress);
    cli_target_finish(target);
    return good;
}

static bool run(struct job *job, struct error *error)
{
    const struct cli_options *options = job->options;
    const enum cli_target_use use = options->resume ? CLI_TARGET_RESUME : options->force ? CLI_TARGET_FORCE : CLI_TARGET_NEW;
    struct cli_target target;
    struct cli_progress progress;
    struct run_result result;
    if (!cli_target_choose(&target, options->output, options->config, error))
        return false;
    cli_signals_catch();
    cli_progress_start(&progress, options->progress, options->quiet);
    bool good = execute(job, &target, use, options->max_time, &progress, &result, error);
    return tell_end(job, good, &result, target.path, error);
}

// A point of a sweep is a job of its own, whose settings belong to the sweep.
static struct job job_of_point(const struct cli_sweep_point *point, const struct job *whole)
{
    return (struct job){ .options = whole->options, .config = *point->config, .settings = *point->settings, .threads = whole->threads,
                         .threads_in_all = whole->threads_in_all, .team = whole->team };
}

static bool run_point(const struct cli_sweep_point *point, void *context, struct error *error)
{
    const struct job *whole = context, job = job_of_point(point, whole);
    struct cli_target target;
    struct run_result result;
    if (!cli_target_choose(&target, point->output, whole->options->config, error))
        return false;
    const enum cli_target_use use = point->resume ? CLI_TARGET_RESUME : point->force ? CLI_TARGET_FORCE : CLI_TARGET_NEW;
    bool good = execute(&job, &target, use, point->max_time, point->progress, &result, error);
    if (!good && error->kind == ERROR_STOPPED && cli_signals_name() && !whole->options->quiet)
        cli_note("%s", cli_signals_name());
    return good;
}

static bool check_point(const struct cli_sweep_point *point, void *context, struct run_estimate *estimate, struct error *error)
{
    const struct job *whole = context;
    const struct run_options options = { .threads = whole->threads.n, .config_text = point->config->text, .command = cli_program()->name };
    return run_check(point->settings, &options, estimate, error);
}

static bool act_on_sweep(struct job *job, bool well_read, struct error *error)
{
    const struct cli_sweep sweep = { .options = job->options, .config = &job->config, .threads = job->threads.n, .team = job->team, .run = run_point,
                                     .check = check_point, .context = job };
    return cli_sweep_act(&sweep, well_read, error);
}

// Mistakes of form and of value are told together.
static bool act_on_run(struct job *job, bool well_read, struct error *error)
{
    const struct cli_options *options = job->options;
    if (options->has_task || options->action == CLI_SWEEP_LIST || options->action == CLI_SWEEP_SCRIPT)
        return error_add(error, ERROR_USAGE, "%s: has no [sweep] section", options->config);
    bool good = settings_build(&job->settings, &job->config, error, &job->notes) && well_read;
    tell_notes(job);
    good = team_agree(job->team, good, error);
    if (good && options->action == CLI_PRINT_CONFIG)
        good = print_text(settings_print(&job->settings), error);
    else if (good)
        good = options->action == CLI_CHECK ? check(job, error) : run(job, error);
    settings_finish(&job->settings);
    return good;
}

static bool act_on_config(const struct cli_options *options, struct error *error)
{
    struct job job = { .options = options, .team = options->action == CLI_RUN ? cli_program()->team : NULL };
    bool good = read_config(&job, error);
    choose_threads(&job);
    if (job.config.file)
        good = sweep_asked(&job.config) ? act_on_sweep(&job, good, error) : act_on_run(&job, good, error);
    config_finish(&job.config);
    error_clear(&job.notes);
    return good;
}

// Only a run takes more than one process.
static bool act(const struct cli_options *options, struct error *error)
{
    char *text = NULL;
    if (options->action != CLI_RUN && !team_leads(cli_program()->team))
        return true;
    switch (options->action) {
    case CLI_HELP:
        return print_text(cli_help_text(), error);
    case CLI_VERSION:
        return print_text(cli_version_text(), error);
    case CLI_HELP_CONFIG:
        text = cli_help_config_text(options->section, cli_width(stdout), error);
        return text && print_text(text, error);
    case CLI_MERGE:
        return cli_merge(options, error);
    default:
        return act_on_config(options, error);
    }
}

// With 0, 1 or 2 closed the next file opened would take their place, and messages would end up in the results.
static void hold_standard_descriptors(void)
{
    int descriptor;
    do
        descriptor = open("/dev/null", O_RDWR);
    while (descriptor >= 0 && descriptor <= STDERR_FILENO);
    if (descriptor > STDERR_FILENO)
        close(descriptor);
}

// HDF5's handler at exit can crash after a failed close on a full disk, and must be off before its first call.
static void prepare_libraries(void)
{
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    gsl_set_error_handler_off();
}

static bool needs_start(const struct cli_options *options)
{
    return options->action != CLI_HELP && options->action != CLI_VERSION && options->action != CLI_HELP_CONFIG;
}

int cli_main(int argc, char **argv, struct cli_program *program)
{
    struct cli_options options = { 0 };
    struct error error = { 0 };
    cli_program_set(program);
    hold_standard_descriptors();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files: the write fails and says so
    prepare_libraries();
    bool good = cli_options_parse(&options, argc, argv, &error);
    const bool start = good && program->start && needs_start(&options);
    good = good && (!start || program->start(program, &error)) && act(&options, &error);
    good = team_agree(program->team, good, &error);
    if (!good)
        cli_report(&error);
    if (start)
        program->finish(program);
    int code = good ? 0 : error.kind != ERROR_NONE ? (int)error.kind : ERROR_INTERNAL;
    cli_options_finish(&options);
    error_clear(&error);
    return code;
}
