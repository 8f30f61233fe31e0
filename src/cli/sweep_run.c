// SPDX-License-Identifier: GPL-3.0-or-later
// Runs the points of a sweep, one after the other. A point that fails does not keep the others from being run; being
// stopped, and a disk that takes nothing more, do.
#include "cli/sweep_jobs.h"
#include "cli/sweep_parts.h"

#include "cli/json.h"
#include "cli/signals.h"
#include "cli/summary.h"
#include "cli/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { RANGES_SIZE = 4000 };

static bool out_of_memory(struct error *error) { return error_add(error, ERROR_INTERNAL, "not enough memory"); }

enum outcome { NOT_RUN, DONE, SKIPPED, STOPPED, FAILED, HELD };
static const char *const outcome_names[] = {
    [NOT_RUN] = "not run", [DONE] = "done",     [SKIPPED] = "already complete",
    [STOPPED] = "stopped", [FAILED] = "failed", [HELD] = "held by another run",
};

struct series {
    const struct cli_sweep_work *work;
    struct cli_progress progress;
    struct ending {
        enum outcome outcome;
        enum error_kind kind;
    } * endings;               // of every point asked for; shared with the processes that run them
    struct error first;        // kind of the first failure
    size_t n_failed, n_held;   // held: another process works on the point now
    size_t n_run;              // points at their end that were not complete before
    struct run_result result;  // of the point under way, and of the last one where its file could not be written
    bool ended;                // the rest is not run
    double start;              // s
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool run_point(struct series *series, size_t k, const struct cli_sweep_point *template, struct error *error)
{
    const struct cli_sweep_work *work = series->work;
    const struct cli_options *options = work->job->options;
    struct cli_sweep_file file;
    struct cli_sweep_point point = *template;
    const struct team *team = work->job->team;
    if (team_leads(team))
        cli_sweep_inspect(&file, point.output, point.settings);
    team_share(team, &file, sizeof file);
    if (file.state == CLI_POINT_COMPLETE && !options->force) {
        series->endings[k - work->first].outcome = SKIPPED;
        return true;
    }
    point.force = options->force || file.state == CLI_POINT_DAMAGED;
    point.resume = !point.force && file.state != CLI_POINT_ABSENT;
    // --max-time is for all points together
    point.max_time = options->max_time > 0 ? options->max_time - (seconds() - series->start) : 0;
    team_share(team, &point.max_time, sizeof point.max_time);
    if (point.max_time < 0)
        return error_add(error, ERROR_STOPPED, "the time given by --max-time is over");
    if (file.state == CLI_POINT_DAMAGED && !options->quiet)
        cli_note("%s; the point is run again", file.damage);
    // one of another configuration is refused there, or extended
    return work->job->run(&point, work->job->context, error);
}

static bool build_and_run(struct series *series, size_t k, struct error *error)
{
    struct config config;
    struct settings settings;
    char path[PATH_MAX];
    if (!cli_sweep_path(series->work, k, path, error) ||
        !cli_sweep_settings(series->work, k, series->work->job->team, &config, &settings, error))
        return false;
    series->result = (struct run_result){ .stop_reason = NULL };
    const struct cli_sweep_point point = {
        .config = &config,
        .settings = &settings,
        .output = path,
        .progress = &series->progress,
        .result = &series->result,
    };
    bool good = run_point(series, k, &point, error);
    settings_finish(&settings);
    config_finish(&config);
    return good;
}

// Every line of it with the point it is about.
static void report_failure(const struct series *series, size_t k, const struct error *own)
{
    char title[400];
    struct error named = { 0 };
    char *copy = own->text ? strdup(own->text) : NULL, *rest = copy;
    cli_sweep_title(series->work, k, title, sizeof title);
    for (char *line; (line = strsep(&rest, "\n"));)
        error_add(&named, ERROR_INTERNAL, "%s: %s", title, line);
    cli_report(&named);
    free(copy);
    error_clear(&named);
}

// The results of a point in a process of its own go when it does.
static void report_unsaved(const struct series *series, size_t k)
{
    char title[400], energy[CLI_NUMBER_SIZE];
    if (!(series->result.n_samples > 0))
        return;
    cli_sweep_title(series->work, k, title, sizeof title);
    cli_number(series->result.energy, series->result.energy_error, energy);
    cli_note("%s: energy %s, not saved", title, energy);
}

// How a point ended, for all to know. A file that another process works on is no failure: it will have the point's
// results.
static void record_ending(struct series *series, size_t k, bool good, const struct error *own)
{
    struct ending *ending = &series->endings[k - series->work->first];
    if (good && ending->outcome == NOT_RUN)
        ending->outcome = DONE;
    if (good)
        return;
    const bool stopped = own->kind == ERROR_STOPPED,
               held = own->kind == ERROR_EXISTS && series->result.stop_reason == NULL;
    *ending = (struct ending){ stopped ? STOPPED : held ? HELD : FAILED, own->kind };
    report_failure(series, k, own);
}

// What follows from it for the rest.
static void count_ending(struct series *series, size_t k)
{
    const struct ending *ending = &series->endings[k - series->work->first];
    const bool stopped = ending->outcome == STOPPED;
    series->n_run += ending->outcome != SKIPPED;
    if (ending->kind == ERROR_NONE)
        return;
    series->n_failed += ending->outcome == FAILED;
    series->n_held += ending->outcome == HELD;
    series->ended = series->ended || stopped || ending->kind == ERROR_WRITE;
    if (series->first.kind == ERROR_NONE || stopped)
        series->first.kind = ending->kind;
}

static void run_and_record(size_t k, void *context)
{
    struct series *series = context;
    struct error own = { 0 };
    const bool good = build_and_run(series, k, &own);
    cli_progress_end(&series->progress);
    record_ending(series, k, good, &own);
    error_clear(&own);
}

// "  3 min 20 s left", from how long those before took; empty where nothing is known.
static void write_left(const struct series *series, size_t left, char text[CLI_NUMBER_SIZE + 8])
{
    char time[CLI_NUMBER_SIZE];
    const double guess = (seconds() - series->start) / (double)series->n_run * (double)left;
    text[0] = '\0';
    if (series->n_run == 0 || guess < 1)
        return;
    cli_duration(guess, time);
    snprintf(text, CLI_NUMBER_SIZE + 8, ", %s left", time);
}

// ---- side by side

static void work_alone(size_t k, void *context)
{
    struct series *series = context;
    cli_signals_announce(false);
    series->progress = (struct cli_progress){ .never = true, .quiet = series->progress.quiet };
    run_and_record(k, series);
    if (series->endings[k - series->work->first].kind == ERROR_WRITE)
        report_unsaved(series, k);
}

static bool take_ending(size_t k, int signal, void *context)
{
    struct series *series = context;
    struct ending *ending = &series->endings[k - series->work->first];
    if (signal != 0 || ending->outcome == NOT_RUN) {
        struct error own = { 0 };
        error_add(&own, ERROR_INTERNAL, "its process was ended by signal %d", signal);
        record_ending(series, k, false, &own);
        error_clear(&own);
    }
    count_ending(series, k);
    return !series->ended;
}

static void show_points(size_t done, size_t running, void *context)
{
    struct series *series = context;
    const size_t n = series->work->last - series->work->first + 1;
    char left[CLI_NUMBER_SIZE + 8], line[CLI_LINE_SIZE];
    write_left(series, n - done, left);
    snprintf(line, sizeof line, "%zu of %zu points done, %zu under way%s", done, n, running, left);
    cli_progress_text(&series->progress, line);
}

static void run_side_by_side(struct series *series, size_t jobs)
{
    cli_jobs_run(&(struct cli_jobs){ series->work->first, series->work->last, jobs, work_alone, take_ending,
                                     show_points, series });
    cli_progress_end(&series->progress);
    if (!series->ended && cli_signals_wish(NULL) != RUN_GO_ON && series->first.kind == ERROR_NONE)
        series->first.kind = ERROR_STOPPED;
}

static void run_in_turn(struct series *series)
{
    const struct cli_sweep_work *work = series->work;
    const size_t n = work->last - work->first + 1;
    for (size_t k = work->first; k <= work->last && !series->ended; k++) {
        char left[CLI_NUMBER_SIZE + 8];
        write_left(series, n - (k - work->first), left);
        if (n > 1)
            cli_progress_name(&series->progress, "point %zu/%zu%s  ", k - work->first + 1, n, left);
        run_and_record(k, series);
        count_ending(series, k);
    }
}

static void run_all(struct series *series)
{
    const struct cli_options *options = series->work->job->options;
    const size_t n = series->work->last - series->work->first + 1, jobs = options->jobs < n ? options->jobs : n;
    cli_signals_catch();
    cli_signals_announce(!options->quiet && team_leads(series->work->job->team));
    cli_progress_start(&series->progress, options->progress, options->quiet);
    if (jobs > 1)
        run_side_by_side(series, jobs);
    else
        run_in_turn(series);
}

// "0-3, 7"
static size_t join_points(const struct series *series, enum outcome outcome, char text[RANGES_SIZE])
{
    size_t n = series->work->last - series->work->first + 1, used = 0, count = 0;
    text[0] = '\0';
    for (size_t k = 0; k < n; k++) {
        size_t end = k;
        if (series->endings[k].outcome != outcome)
            continue;
        while (end + 1 < n && series->endings[end + 1].outcome == outcome)
            end++;
        if (used < RANGES_SIZE)
            used += (size_t)snprintf(text + used, RANGES_SIZE - used, end > k ? "%s%zu-%zu" : "%s%zu",
                                     used > 0 ? ", " : "", series->work->first + k, series->work->first + end);
        count += end - k + 1;
        k = end;
    }
    return count;
}

static void report_skipped(const struct series *series)
{
    char ranges[RANGES_SIZE];
    size_t n = join_points(series, SKIPPED, ranges);
    if (n > 0 && !series->work->job->options->quiet)
        cli_note("skipped %zu point%s already complete: %s", n, n == 1 ? "" : "s", ranges);
}

// What the point's file says now.
static void inspect_again(const struct cli_sweep_work *work, size_t k, struct cli_sweep_file *file)
{
    struct config config;
    struct settings settings;
    char path[PATH_MAX];
    *file = (struct cli_sweep_file){ .state = CLI_POINT_ABSENT };
    if (!cli_sweep_path(work, k, path, NULL) || !cli_sweep_settings(work, k, NULL, &config, &settings, NULL))
        return;
    cli_sweep_inspect(file, path, &settings);
    settings_finish(&settings);
    config_finish(&config);
}

// The results of a point whose file could not be written are nowhere else.
static void take_unsaved(struct cli_sweep_file *file, const struct run_result *result)
{
    if (!(result->n_samples > 0))
        return;
    file->n_values = 0;
    for (const struct run_result_row *row = run_result_rows;
         row->name && file->n_values < sizeof file->value / sizeof file->value[0]; row++)
        file->value[file->n_values++] = *(const double *)(const void *)((const char *)result + row->offset);
}

static double value_of(const struct cli_sweep_file *file, const char *name)
{
    for (size_t k = 0; k < file->n_values; k++)
        if (strcmp(run_result_rows[k].name, name) == 0)
            return file->value[k];
    return NAN;
}

static void write_cells(struct cli_table *table, const struct cli_sweep_file *file, const char *outcome)
{
    char energy[CLI_NUMBER_SIZE], time[CLI_NUMBER_SIZE];
    double variance = value_of(file, "variance");
    cli_number(value_of(file, "energy"), value_of(file, "energy_error"), energy);
    cli_duration(value_of(file, "wall_time"), time);
    bool there = isfinite(value_of(file, "energy"));
    cli_table_add(table, "%s", there ? energy : "-");
    cli_table_add(table, isfinite(variance) ? "%.3g" : "-", variance);
    cli_table_add(table, "%s", isfinite(value_of(file, "wall_time")) ? time : "-");
    cli_table_add(table, "%s", *file->verdict ? file->verdict : "-");
    cli_table_add(table, "%s", outcome);
}

static void write_results_json(FILE *out, const struct cli_sweep_file *file)
{
    for (size_t k = 0; k < file->n_values; k++) {
        fprintf(out, ",\n    \"%s\": ", run_result_rows[k].name);
        cli_json_number(out, file->value[k], run_result_rows[k].whole);
    }
    if (*file->verdict)
        fprintf(out, ",\n    \"verdict\": \"%s\"", file->verdict);
    fputs("\n  }", out);
}

static bool report_results(const struct series *series, struct error *error)
{
    static const char *const headings[] = { "energy", "variance", "wall time", "verdict", "status" };
    const struct cli_sweep_work *work = series->work;
    bool json = work->job->options->json;
    struct cli_table table;
    char *text = NULL;
    size_t length = 0;
    if (!team_leads(work->job->team))
        return true;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return out_of_memory(error);
    cli_table_start(&table, work->sweep.n_axes + 6);
    cli_sweep_heading(work, &table);
    for (size_t k = 0; k < sizeof headings / sizeof *headings; k++)
        cli_table_add(&table, "%s", headings[k]);
    for (size_t k = work->first; k <= work->last; k++) {
        enum outcome outcome = series->endings[k - work->first].outcome;
        struct cli_sweep_file file;
        inspect_again(work, k, &file);
        if (outcome == FAILED && series->ended)
            take_unsaved(&file, &series->result);
        cli_sweep_row(work, k, &table);
        write_cells(&table, &file, outcome_names[outcome]);
        if (json) {
            cli_sweep_json_start(work, k, outcome == DONE || outcome == SKIPPED ? "complete" : outcome_names[outcome],
                                 out);
            write_results_json(out, &file);
        }
    }
    if (json)
        fputs("\n]\n", out);
    else
        cli_table_write(&table, out);
    cli_table_finish(&table);
    return cli_print_stream(out, &text, error);
}

// Every failure was told when it happened; what is left is the exit code, and how to go on.
static bool report_failures(const struct series *series, struct error *error)
{
    const size_t n = series->work->last - series->work->first + 1, failed = series->n_failed, held = series->n_held;
    char text[160] = "";
    if (series->first.kind == ERROR_NONE)
        return true;
    if (held > 0)
        snprintf(text, sizeof text, "%zu of %zu point%s held by another run, which has the results", held, n,
                 n == 1      ? " is"
                 : held == 1 ? "s is"
                             : "s are");
    if (series->first.kind == ERROR_STOPPED && failed == 0)
        return error_add(error, ERROR_STOPPED, "stopped before the end of the sweep; the same command continues it%s%s",
                         held > 0 ? "; " : "", text);
    if (failed == 0)
        return error_add(error, series->first.kind, "%s", text);
    return error_add(error, series->first.kind,
                     "%zu of %zu point%s failed%s%s; the same command tries again what is not complete", failed, n,
                     n == 1 ? "" : "s", held > 0 ? "; " : "", text);
}

bool cli_sweep_run(const struct cli_sweep_work *work, struct error *error)
{
    const size_t size = (work->last - work->first + 1) * sizeof(struct ending);
    struct series series = { .work = work, .start = seconds() };
    void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (work->job->team && work->job->options->jobs > 1)
        return error_add(error, ERROR_USAGE, "--jobs is for one process; vmc-mpi runs one point on all of them");
    if (shared == MAP_FAILED)
        return out_of_memory(error);
    series.endings = shared;
    run_all(&series);
    report_skipped(&series);
    bool quiet = work->job->options->quiet && !work->job->options->json, told = quiet || report_results(&series, error);
    bool good = report_failures(&series, error);
    munmap(shared, size);
    return good && told;
}
