// SPDX-License-Identifier: GPL-3.0-or-later
// The main job: reads a configuration, has the library run it, and reports the results.
#include "cli/job.h"

#include "cli/diagnose.h"
#include "cli/known.h"
#include "cli/learn.h"
#include "cli/program.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/summary.h"
#include "cli/sweep_parts.h"
#include "cli/target.h"
#include "cli/text.h"
#include "cli/threads.h"
#include "vmc/level.h"
#include "vmc/run.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { KNOWN_MOST = 4 };

// A job with a configuration.
struct job {
    const struct cli_options *options;
    struct config config;
    struct settings settings;
    struct cli_threads threads;
    size_t threads_in_all;
    const struct team *team;  // NULL: alone
    struct error notes;
};

// The form of all overrides, before anything is read: an error there is one of the command line.
static bool check_sets(const struct cli_options *options, struct error *error)
{
    struct config none = { 0 };
    bool good = true;
    for (size_t k = 0; k < options->n_sets; k++)
        good = config_set(&none, options->sets[k], error) && good;
    config_finish(&none);
    return good;
}

// One process reads the file and reports errors; the others get the text from it.
static bool read_file(struct job *job, struct error *error)
{
    const char *path = job->options->config;
    const bool leads = team_leads(job->team), read = leads && config_read(&job->config, path, error);
    struct {
        bool there;
        size_t length;
    } file = { leads && job->config.text, leads && job->config.text ? strlen(job->config.text) : 0 };
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

// If it fails but job->config.file is set, the values can still be checked.
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

static void choose_threads(struct job *job)
{
    const struct cli_program *program = cli_program();
    job->threads = job->options->threads > 0 ? (struct cli_threads){ job->options->threads, NULL }
                                             : cli_threads_default(program->sharing, program->local);
    if (job->options->jobs > 1 && job->options->threads == 0)
        job->threads.n = job->threads.n > job->options->jobs ? job->threads.n / job->options->jobs : 1;
    uint64_t in_all = job->threads.n;
    team_sum(job->team, &in_all, 1);
    job->threads_in_all = in_all;
}

static bool check(struct job *job, struct error *error)
{
    struct run_estimate estimate = { 0 };
    const struct run_options options = { .threads = job->threads.n,
                                         .config_text = job->config.text,
                                         .command = cli_program()->name };
    if (!run_check(&job->settings, &options, &estimate, error))
        return false;
    return cli_print_text(job->options->json ? cli_estimate_json(&estimate, job->threads.n)
                                             : cli_estimate_text(&estimate, job->threads.n),
                          error);
}

static bool report_result(const struct job *job, const struct run_result *result, const char *output,
                          const char *status, struct error *error)
{
    struct reference_match known[KNOWN_MOST];
    const struct cli_summary summary = {
        .settings = &job->settings,
        .result = result,
        .config = job->options->config,
        .output = output,
        .status = status,
        .threads = job->threads.n,
        .threads_reason = job->threads.reason,
        .threads_in_all = job->threads_in_all,
        .ranks = team_ranks(job->team),
        .mpi = cli_program()->mpi,
        .n_known = cli_known_energies(&job->settings, known, KNOWN_MOST),
        .known = known,
    };
    if (job->options->json)
        return cli_print_text(cli_summary_json(&summary), error);
    return job->options->quiet || cli_print_text(cli_summary_text(&summary, cli_width(stdout)), error);
}

// Results, also of a run that was stopped on the way, and where they could not be saved under their name; the exit code
// stays that of the failure.
static bool report_end(const struct job *job, bool good, const struct run_result *result, const char *output,
                       struct error *error)
{
    const bool stopped = !good && error->kind == ERROR_STOPPED, began = result->stop_reason != NULL;
    const bool unsaved = !good && began && (error->kind == ERROR_WRITE || error->kind == ERROR_EXISTS);
    if (stopped && cli_signals_name() && !job->options->quiet)
        cli_note("%s", cli_signals_name());
    if (good && result->was_complete && !job->options->quiet)
        cli_note("%s is complete; there is nothing left to do", output);
    if (good || ((stopped || unsaved) && (job->options->json || result->n_samples > 0)))
        return report_result(job, result, unsaved ? NULL : output,
                             good      ? "complete"
                             : unsaved ? "unsaved"
                                       : "stopped",
                             error) &&
               good;
    return false;
}

static void report_start(const struct job *job, const struct cli_target *target)
{
    if (job->options->verbose && !job->options->quiet)
        cli_note("%zu thread%s%s%s%s, instruction set %s, results in %s", job->threads.n,
                 job->threads.n == 1 ? "" : "s", job->team ? " per rank" : "",
                 job->threads.reason ? ": " : "", job->threads.reason ? job->threads.reason : "", level_name(),
                 target->path);
}

// `max_time`: s of wall time, 0 for any.
static bool execute(const struct job *job, struct cli_target *target, enum cli_target_use use, double max_time,
                    struct cli_progress *progress, struct run_result *result, struct error *error)
{
    if (!team_agree(job->team, !team_leads(job->team) || cli_target_prepare(target, job->options->config, use, error),
                    error)) {
        cli_target_finish(target);
        return false;
    }
    report_start(job, target);
    const double exact = cli_exact_energy(&job->settings);
    const struct run_options run_options = {
        .exact = isnan(exact) ? NULL : &exact,
        .threads = job->threads.n,
        .output = target->path,
        .config_text = job->config.text,
        .command = cli_program()->name,
        .team = job->team,
        .progress = cli_progress_show,
        .wish = cli_signals_wish,
        .note = cli_progress_note,
        .context = progress,
        .max_time = max_time,
        .resume = use == CLI_TARGET_RESUME,
        .lock = target->lock,
        .unwritable = target->unwritable,
    };
    bool good = run_execute(&job->settings, &run_options, result, error);
    cli_progress_end(progress);
    cli_target_finish(target);
    // not before: where nothing was written the file has come back
    if (*target->kept && !job->options->quiet)
        cli_note("%s was a complete run; it is kept as %s", target->path, target->kept);
    return good;
}

static bool run(struct job *job, struct error *error)
{
    const struct cli_options *options = job->options;
    const enum cli_target_use use = options->resume  ? CLI_TARGET_RESUME
                                    : options->force ? CLI_TARGET_FORCE
                                                     : CLI_TARGET_NEW;
    struct cli_target target;
    struct cli_progress progress;
    struct run_result result = { .stop_reason = NULL };
    if (!cli_target_choose(&target, options->output, options->config, error))
        return false;
    cli_signals_catch();
    cli_signals_announce(!options->quiet && team_leads(job->team));
    cli_progress_start(&progress, options->progress, options->quiet);
    bool good = execute(job, &target, use, options->max_time, &progress, &result, error);
    return report_end(job, good, &result, target.path, error);
}

// A point of a sweep is a job of its own; its settings belong to the sweep.
static struct job job_of_point(const struct cli_sweep_point *point, const struct job *whole)
{
    return (struct job){ .options = whole->options,
                         .config = *point->config,
                         .settings = *point->settings,
                         .threads = whole->threads,
                         .threads_in_all = whole->threads_in_all,
                         .team = whole->team };
}

static bool run_point(const struct cli_sweep_point *point, void *context, struct error *error)
{
    const struct job *whole = context, job = job_of_point(point, whole);
    struct cli_target target;
    if (!cli_target_choose(&target, point->output, whole->options->config, error))
        return false;
    const enum cli_target_use use = point->resume  ? CLI_TARGET_RESUME
                                    : point->force ? CLI_TARGET_FORCE
                                                   : CLI_TARGET_NEW;
    bool good = execute(&job, &target, use, point->max_time, point->progress, point->result, error);
    if (!good && error->kind == ERROR_STOPPED && cli_signals_name() && !whole->options->quiet)
        cli_note("%s", cli_signals_name());
    return good;
}

static bool check_point(const struct cli_sweep_point *point, void *context, struct run_estimate *estimate,
                        struct error *error)
{
    const struct job *whole = context;
    const struct run_options options = { .threads = whole->threads.n,
                                         .config_text = point->config->text,
                                         .command = cli_program()->name };
    return run_check(point->settings, &options, estimate, error);
}

// What a command does with a configuration, or with the points of its sweep.
struct action {
    bool (*points)(const struct cli_sweep_work *work, struct error *error);
    bool needs_sweep;
    enum config_job job;
};

// The job of vmc learn, whose settings are good.
static bool learn(const struct job *job, struct error *error)
{
    return cli_learn_act(&(struct cli_learn_job){ .options = job->options,
                                                  .settings = &job->settings,
                                                  .config_text = job->config.text,
                                                  .threads = job->threads.n },
                         error);
}

static bool act_on_sweep(struct job *job, const struct action *action, bool well_read, struct error *error)
{
    const struct cli_sweep sweep = {
        .options = job->options,
        .config = &job->config,
        .threads = job->threads.n,
        .team = job->team,
        .run = run_point,
        .check = check_point,
        .act = action->points,
        .context = job,
    };
    return cli_sweep_act(&sweep, well_read, error);
}

// Errors of form and of values are reported together.
static bool act_on_run(struct job *job, const struct action *action, bool well_read, struct error *error)
{
    const struct cli_options *options = job->options;
    if (options->has_task || options->jobs > 0 || action->needs_sweep)
        return error_add(error, ERROR_USAGE, "%s: has no [sweep] section", options->config);
    struct cli_target target;
    if (options->resume && cli_target_choose(&target, options->output, options->config, NULL))
        run_recall(&job->config, target.path, job->team, &job->notes);
    bool good = settings_build(&job->settings, &job->config, error, &job->notes) && well_read;
    if (!options->quiet)
        cli_report_notes(&job->notes, "note: ");
    good = team_agree(job->team, good, error);
    if (good && options->print_config)
        good = cli_print_text(settings_print(&job->settings), error);
    else if (good && action->job == CONFIG_LEARN)
        good = learn(job, error);
    else if (good)
        good = options->check ? check(job, error) : run(job, error);
    settings_finish(&job->settings);
    return good;
}

static bool act_on_config(const struct cli_options *options, const struct action *action, struct error *error)
{
    struct job job = { .options = options, .team = cli_options_run(options) ? cli_program()->team : NULL };
    bool good = read_config(&job, error);
    choose_threads(&job);
    job.config.job = action->job;
    if (job.config.file && action->job == CONFIG_LEARN && sweep_asked(&job.config))
        good = error_add(error, ERROR_CONFIG, "%s: vmc learn runs no [sweep]; remove the section", options->config);
    else if (job.config.file)
        good = sweep_asked(&job.config) ? act_on_sweep(&job, action, good, error)
                                        : act_on_run(&job, action, good, error);
    config_finish(&job.config);
    error_clear(&job.notes);
    return good;
}

bool cli_job_run(const struct cli_options *options, struct error *error)
{
    return act_on_config(options, &(struct action){ .points = cli_sweep_default }, error);
}

bool cli_learn(const struct cli_options *options, struct error *error)
{
    return act_on_config(options, &(struct action){ .job = CONFIG_LEARN }, error);
}

bool cli_job_list(const struct cli_options *options, struct error *error)
{
    return act_on_config(options, &(struct action){ .points = cli_sweep_list, .needs_sweep = true }, error);
}

bool cli_job_script(const struct cli_options *options, struct error *error)
{
    return act_on_config(options, &(struct action){ .points = cli_sweep_script, .needs_sweep = true }, error);
}
