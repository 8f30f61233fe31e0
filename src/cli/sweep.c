// SPDX-License-Identifier: GPL-3.0-or-later
// The points of a sweep that are asked for, and the state of their results.
#include "cli/sweep_parts.h"

#include "cli/json.h"
#include "cli/target.h"
#include "cli/text.h"
#include "vmc/record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// --- points ---

bool cli_sweep_path(const struct cli_sweep_work *work, size_t point, char path[PATH_MAX], struct error *error)
{
    return sweep_output(work->output, point, path, PATH_MAX) ||
           error_add(error, ERROR_WRITE, "the name of the output is longer than %d bytes", PATH_MAX - 1);
}

bool cli_sweep_settings(const struct cli_sweep_work *work, size_t point, const struct team *team, struct config *config,
                        struct settings *settings, struct error *error)
{
    char path[PATH_MAX];
    if (!sweep_point(&work->sweep, work->job->config, point, config, error))
        return false;
    // a point that has been begun is the same one whatever has become of the defaults
    if (!work->job->options->force && cli_sweep_path(work, point, path, NULL))
        run_recall(config, path, team, NULL);
    if (settings_build(settings, config, error, NULL))
        return true;
    config_finish(config);
    return false;
}

// The key alone, unless another axis has a key of the same name.
static void axis_name(const struct sweep *sweep, size_t axis, char *text, size_t size)
{
    bool alone = true;
    for (size_t a = 0; a < sweep->n_axes; a++)
        alone = alone && (a == axis || strcmp(sweep->axes[a].key, sweep->axes[axis].key) != 0);
    snprintf(text, size, "%s%s%s", alone ? "" : sweep->axes[axis].section, alone ? "" : ".", sweep->axes[axis].key);
}

void cli_sweep_heading(const struct cli_sweep_work *work, struct cli_table *table)
{
    char name[160];
    cli_table_add(table, "point");
    for (size_t a = 0; a < work->sweep.n_axes; a++) {
        axis_name(&work->sweep, a, name, sizeof name);
        cli_table_add(table, "%s", name);
    }
}

void cli_sweep_row(const struct cli_sweep_work *work, size_t point, struct cli_table *table)
{
    cli_table_add(table, "%zu", point);
    for (size_t a = 0; a < work->sweep.n_axes; a++)
        cli_table_add(table, "%s", sweep_value(&work->sweep, a, point));
}

void cli_sweep_title(const struct cli_sweep_work *work, size_t point, char *text, size_t size)
{
    char name[160];
    size_t used = (size_t)snprintf(text, size, "point %zu", point);
    for (size_t a = 0; a < work->sweep.n_axes && used < size; a++) {
        axis_name(&work->sweep, a, name, sizeof name);
        used += (size_t)snprintf(text + used, size - used, "%s%s = %.80s", a == 0 ? " (" : ", ", name,
                                 sweep_value(&work->sweep, a, point));
    }
    if (used < size)
        snprintf(text + used, size - used, ")");
}

static void write_value(FILE *out, const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (end != text && *end == '\0' && isfinite(value))
        cli_json_number(out, value, false);
    else
        cli_json_string(out, text);
}

void cli_sweep_json_start(const struct cli_sweep_work *work, size_t point, const char *status, FILE *out)
{
    char path[PATH_MAX] = "", name[320];
    cli_sweep_path(work, point, path, NULL);
    fprintf(out, "%s  {\n    \"point\": %zu,\n    \"values\": {", point > work->first ? ",\n" : "[\n", point);
    for (size_t a = 0; a < work->sweep.n_axes; a++) {
        const struct sweep_axis *axis = &work->sweep.axes[a];
        snprintf(name, sizeof name, "%.150s.%.150s", axis->section, axis->key);
        fputs(a > 0 ? ", " : " ", out);
        cli_json_string(out, name);
        fputs(": ", out);
        write_value(out, sweep_value(&work->sweep, a, point));
    }
    fputs(" },\n    \"status\": ", out);
    cli_json_string(out, status);
    fputs(",\n    \"config\": ", out);
    cli_json_string(out, work->job->config->file);
    fputs(",\n    \"output\": ", out);
    cli_json_string(out, path);
}

// --- state of a point ---

const char *cli_sweep_state_name(enum cli_sweep_state state)
{
    static const char *const names[] = {
        [CLI_POINT_ABSENT] = "to do",    [CLI_POINT_COMPLETE] = "complete",  [CLI_POINT_UNFINISHED] = "unfinished",
        [CLI_POINT_DAMAGED] = "damaged", [CLI_POINT_OTHER] = "other config",
    };
    return names[state];
}

static void read_results(struct cli_sweep_file *file, struct record_file *record)
{
    char path[96];
    for (const struct run_result_row *row = run_result_rows;
         row->name && file->n_values < sizeof file->value / sizeof file->value[0]; row++) {
        double *value = &file->value[file->n_values++];
        snprintf(path, sizeof path, "/result/%s", row->name);
        if (!record_has(record, path) || !record_read_reals(record, path, 1, value, NULL))
            *value = NAN;
    }
    char *verdict = record_has(record, "/result/verdict") ? record_read_text(record, "/result/verdict", NULL) : NULL;
    snprintf(file->verdict, sizeof file->verdict, "%s", verdict ? verdict : "");
    free(verdict);
}

void cli_sweep_inspect(struct cli_sweep_file *file, const char *path, const struct settings *settings)
{
    struct error why = { 0 };
    *file = (struct cli_sweep_file){ .state = CLI_POINT_ABSENT };
    if (access(path, F_OK) != 0)
        return;
    struct record_file *record = record_open(path, false, &why);
    char *status = record ? record_read_attribute(record, "/", "status", &why) : NULL;
    if (!status) {
        file->state = CLI_POINT_DAMAGED;
        snprintf(file->damage, sizeof file->damage, "%.399s", why.text ? why.text : "cannot be read");
    } else if (!run_same_settings(record, settings)) {
        file->state = CLI_POINT_OTHER;
    } else {
        file->state = strcmp(status, "complete") == 0 ? CLI_POINT_COMPLETE : CLI_POINT_UNFINISHED;
        read_results(file, record);
    }
    free(status);
    record_close(record);
    error_clear(&why);
}

// --- commands ---

static bool choose_points(struct cli_sweep_work *work, struct error *error)
{
    const struct cli_options *options = work->job->options;
    work->first = options->has_task ? options->task_first : 0;
    work->last = options->has_task ? options->task_last : work->sweep.n_points - 1;
    if (work->last < work->sweep.n_points)
        return true;
    return error_add(
        error, ERROR_USAGE, "--task: there is no point %zu; the sweep in %s has %zu point%s, from 0 to %zu", work->last,
        work->job->config->file, work->sweep.n_points, work->sweep.n_points == 1 ? "" : "s", work->sweep.n_points - 1);
}

static bool print_point(const struct cli_sweep_work *work, struct error *error)
{
    struct config config;
    struct settings settings;
    if (work->first != work->last)
        return error_add(error, ERROR_USAGE,
                         "--print-config prints one run, and %s has a sweep of %zu: choose a point with --task K",
                         work->job->config->file, work->sweep.n_points);
    if (!cli_sweep_settings(work, work->first, NULL, &config, &settings, error))
        return false;
    const bool good = cli_print_text(settings_print(&settings), error);
    settings_finish(&settings);
    config_finish(&config);
    return good;
}

bool cli_sweep_default(const struct cli_sweep_work *work, struct error *error)
{
    const struct cli_options *options = work->job->options;
    return options->print_config ? print_point(work, error)
           : options->check      ? cli_sweep_check(work, error)
                                 : cli_sweep_run(work, error);
}

bool cli_sweep_act(const struct cli_sweep *job, bool well_read, struct error *error)
{
    struct cli_sweep_work work = { .job = job };
    struct cli_target target;
    struct error notes = { 0 };
    bool good = sweep_read(&work.sweep, job->config, error);
    // values are checked too, unless the points themselves could not be read
    good = good && sweep_check(&work.sweep, job->config, error, &notes) && well_read;
    if (job->options->verbose && !job->options->quiet)
        cli_report_notes(&notes, "note: ");
    good = team_agree(job->team, good, error) && choose_points(&work, error) &&
           cli_target_choose(&target, job->options->output, job->options->config, error);
    if (good) {
        memcpy(work.output, target.path, sizeof work.output);
        good = job->act(&work, error);
    }
    sweep_finish(&work.sweep);
    error_clear(&notes);
    return good;
}
