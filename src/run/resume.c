// SPDX-License-Identifier: GPL-3.0-or-later
// Going on from a results file: the configuration must be the one it was begun with, but for what lets a run be
// extended.
#include "run/file.h"

#include "run/checkpoint.h"
#include "run/judged.h"
#include "run/kept.h"
#include "run/recall.h"
#include "run/series.h"
#include "version.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 256 };

struct resume {
    struct run *run;
    struct record_file *file;
    struct error *error;
    bool differs, more_samples, more_iterations, smaller_error;
};

// ---- the configuration

static bool is(const struct settings_value *value, const char *section, const char *key)
{
    return strcmp(value->section, section) == 0 && strcmp(value->row->key, key) == 0;
}

// More of the same: then the run so far is the beginning of the longer one.
static bool grown(struct resume *resume, const struct settings_value *value, const char *path)
{
    const struct settings *settings = resume->run->settings;
    uint64_t count = 0;
    double error = 0;
    if (is(value, "run", "checkpoint_interval"))
        return true;
    if (is(value, "measure", "samples") && record_read_count(resume->file, path, &count, NULL))
        return resume->more_samples = settings->measure.samples > count;
    // half a cosine over more iterations is another one from its start
    if (is(value, "optimizer", "iterations") && settings->optimizer.schedule != SCHEDULE_COSINE &&
        record_read_count(resume->file, path, &count, NULL))
        return resume->more_iterations = settings->optimizer.iterations > count;
    if (is(value, "measure", "target_error") && record_read_reals(resume->file, path, 1, &error, NULL))
        return resume->smaller_error = error > 0 && settings->measure.target_error < error;
    return false;
}

static void compare(const struct settings_value *value, void *context)
{
    struct resume *resume = context;
    const struct param *row = value->row;
    char path[PATH_SIZE], text[PARAM_TEXT_SIZE];
    if (resume->differs)
        return;
    snprintf(path, sizeof path, "/config/%s/%s", value->section, row->key);
    param_print(row, value->state, text);
    char *stored = recall_text(resume->file, value->section, row);
    resume->differs = !recall_same(row, stored, text) && !grown(resume, value, path);
    if (resume->differs)
        error_add(
            resume->error, ERROR_CONFIG,
            "%s: [%s] %s was '%s' and is now '%s'; resume with the configuration the run was begun with, or start "
            "another one with another --output",
            resume->run->options->output, value->section, row->key,
            stored          ? stored
            : row->fallback ? row->fallback
                            : "",
            text);
    free(stored);
}

// Bits are only promised for one build.
static void compare_builds(const struct resume *resume)
{
    char *revision = record_read_text(resume->file, "/provenance/git_revision", NULL),
         *version = record_read_attribute(resume->file, "/", "version", NULL);
    if (!revision || !version || strcmp(revision, VMC_GIT_REVISION) != 0 || strcmp(version, VMC_VERSION) != 0)
        run_note(resume->run,
                 "%s was begun with another build of the program (%s, revision %s); the last digits may differ from "
                 "those of a run in one go",
                 resume->run->options->output, version ? version : "unknown", revision ? revision : "unknown");
    free(revision);
    free(version);
}

// ---- arrays that the file may hold more of than belongs to the state

// [rows_in_file, columns_in_file] -> the first rows and columns of it, `stride` apart.
static bool load_corner(const struct resume *resume, const char *path, size_t rows, size_t columns, size_t stride,
                        double *out)
{
    size_t rank, extent[3] = { 1, 1, 1 };
    if (rows == 0 || columns == 0)
        return true;
    if (!record_shape(resume->file, path, &rank, extent, resume->error))
        return false;
    const size_t wide = rank == 2 ? extent[1] : 1;
    if (rank < 1 || rank > 2 || extent[0] < rows || wide < columns)
        return error_add(resume->error, ERROR_DAMAGED, "%s: %s is smaller than its checkpoint says",
                         resume->run->options->output, path);
    double *all = malloc(extent[0] * wide * sizeof *all);
    const bool good = all ? record_read_reals(resume->file, path, extent[0] * wide, all, resume->error)
                          : error_add(resume->error, ERROR_INTERNAL, "no memory to read %s", path);
    for (size_t r = 0; good && r < rows; r++)
        memcpy(out + r * stride, all + r * wide, columns * sizeof *out);
    free(all);
    return good;
}

// What came with a later format than the file's is NaN.
static bool lacks(const struct resume *resume, const char *path, unsigned since, size_t n, double *values)
{
    if (record_format(resume->file) >= since || record_has(resume->file, path))
        return false;
    for (size_t k = 0; k < n; k++)
        values[k] = NAN;
    return true;
}

static bool load_history(const struct resume *resume, const struct checkpoint *checkpoint)
{
    struct history *history = &resume->run->history;
    const size_t n = (size_t)CHECKPOINT_NUMBER(checkpoint, history.n),
                 kept = (size_t)CHECKPOINT_NUMBER(checkpoint, history.n_kept);
    const size_t parameters = resume->run->ensemble.wavefunction.n_parameters;
    char path[PATH_SIZE];
    for (const struct kept_column *column = kept_columns; column->name; column++) {
        double *values = *kept_column_of(history, column);
        snprintf(path, sizeof path, "/training/%s", column->name);
        if (!lacks(resume, path, column->since, n, values) && !load_corner(resume, path, n, 1, 1, values))
            return false;
    }
    return load_corner(resume, "/training/parameters", kept, parameters, parameters, history->parameters);
}

static bool load_series(const struct resume *resume, const struct checkpoint *checkpoint)
{
    const double values = CHECKPOINT_NUMBER(checkpoint, measured.draws);
    if (CHECKPOINT_NUMBER(checkpoint, stage) < STAGE_MEASURING || !(values > 0))
        return true;
    if (!(values <= (double)resume->run->measured.capacity))
        return error_add(resume->error, ERROR_DAMAGED,
                         "%s: its series are longer than this version of the program keeps, so it cannot go on from "
                         "there; run it anew with --force",
                         resume->run->options->output);
    const size_t walkers = resume->run->ensemble.n_walkers, draws = (size_t)values;
    double *by_walker = malloc(walkers * draws * sizeof *by_walker);
    bool good = by_walker || error_add(resume->error, ERROR_INTERNAL, "no memory to read the series");
    char path[PATH_SIZE];
    for (size_t k = 0; good && k < SERIES; k++) {
        snprintf(path, sizeof path, "/measurement/%s", kept_series[k].name);
        good = lacks(resume, path, kept_series[k].since, walkers * draws, by_walker) ||
               load_corner(resume, path, walkers, draws, draws, by_walker);
        if (good)
            series_take(resume->run, k, draws, by_walker);
    }
    free(by_walker);
    return good;
}

// ---- a complete file

static bool load_result(const struct resume *resume)
{
    struct run_result *result = resume->run->result;
    char path[PATH_SIZE];
    uint64_t plateau = 0;
    for (const struct run_result_row *row = run_result_rows; row->name; row++) {
        double *value = kept_result_at(result, row->offset);
        snprintf(path, sizeof path, "/result/%s", row->name);
        if (!lacks(resume, path, row->since, 1, value) &&
            !record_read_reals(resume->file, path, 1, value, resume->error))
            return false;
    }
    if (!record_read_count(resume->file, "/result/plateau", &plateau, resume->error))
        return false;
    result->plateau = plateau > 0;
    result->was_complete = true;
    resume->run->history.n = (size_t)result->iterations;
    char *reason = record_read_text(resume->file, "/result/training_stop", NULL);
    resume->run->training.converged = result->converged > 0;
    resume->run->training.over = result->converged > 0 ||
                                 (reason && strcmp(reason, "the energy no longer falls") == 0);  // as format 1 has it
    free(reason);
    result->stop_reason = run_stop_reason(resume->run);
    result->training_end = run_training_end(resume->run);
    return true;
}

// ---- where to go on

// Of the run's earlier parts.
static bool load_times(const struct resume *resume)
{
    struct run *run = resume->run;
    const struct {
        const char *path;
        double *seconds;
    } times[] = { { "/result/wall_time", &run->wall_before },
                  { "/result/cpu_time", &run->cpu_before },
                  { "/result/training_cpu_time", &run->result->training_cpu_time },
                  { "/result/measuring_cpu_time", &run->result->measuring_cpu_time } };
    bool good = true;
    for (size_t k = 0; k < sizeof times / sizeof *times; k++)
        good = good && record_read_reals(resume->file, times[k].path, 1, times[k].seconds, resume->error);
    return good;
}

// Values per walker in the series of the file. Earlier versions kept more of them than are kept now.
static size_t values_there(const struct resume *resume)
{
    static const char *const paths[] = { "/checkpoint/measuring/room", "/checkpoint/measuring/values" };
    uint64_t values = 0;
    record_read_count(resume->file, paths[!record_has(resume->file, paths[0])], &values, NULL);
    return values < (uint64_t)1 << 28 ? (size_t)values : 0;
}

// Room for them, too.
static bool load_states(const struct resume *resume)
{
    struct run *run = resume->run;
    if (record_has(resume->file, "/checkpoint/measuring/observables_count"))
        run_note(run, "%s has histograms of positions that this version does not go on with; they begin anew",
                 run->options->output);
    return series_grow(run, values_there(resume), resume->error) &&
           checkpoint_load(run, resume->file, CHECKPOINT_TRAINING, resume->error) &&
           checkpoint_load(run, resume->file, CHECKPOINT_MEASURING, resume->error);
}

static void load_created(const struct resume *resume)
{
    char *created = record_read_attribute(resume->file, "/", "created", NULL);
    if (created)
        snprintf(resume->run->created, sizeof resume->run->created, "%s", created);
    free(created);
}

static enum run_resumed go_on(struct resume *resume, bool complete)
{
    struct run *run = resume->run;
    struct checkpoint *training = &run->checkpoint[CHECKPOINT_TRAINING],
                      *measuring = &run->checkpoint[CHECKPOINT_MEASURING];
    const bool over = measuring->there && CHECKPOINT_NUMBER(measuring, training.over) > 0;
    const bool train = resume->more_iterations && measuring->there && !over;
    if (complete && !resume->more_samples && !resume->smaller_error && !train)
        return load_result(resume) ? RESUME_COMPLETE : RESUME_FAILED;
    if (train && !training->there) {
        measuring->there = false;  // it was not trained at all
        return RESUME_FRESH;
    }
    if (train)
        measuring->there = false;
    const struct checkpoint *last = &run->checkpoint[checkpoint_last(run)];
    if (!last->there) {
        error_add(resume->error, ERROR_DAMAGED, "%s: has no checkpoint to go on from", run->options->output);
        return RESUME_FAILED;
    }
    load_created(resume);
    if (!load_times(resume) || !load_history(resume, last) || (last == measuring && !load_series(resume, last)))
        return RESUME_FAILED;
    compare_builds(resume);
    return RESUME_CONTINUED;
}

static bool holds_run(const struct resume *resume)
{
    return record_has(resume->file, "/config/system") ||
           error_add(resume->error, ERROR_CONFIG, "%s: cannot be resumed: %s; choose another --output",
                     resume->run->options->output,
                     record_has(resume->file, "/runs")           ? "it is merged from runs"
                     : record_has(resume->file, "/config/learn") ? "it was learned from data, by vmc learn"
                                                                 : "it holds no configuration of a run");
}

static enum run_resumed read_file(struct run *run, struct error *error)
{
    const char *output = run->options->output;
    struct resume resume = { .run = run, .error = error };
    if (access(output, F_OK) != 0 && errno == ENOENT) {
        run_note(run, "%s: there is nothing to resume; starts from the beginning", output);
        return RESUME_FRESH;
    }
    enum run_resumed resumed = RESUME_FAILED;
    char *status = NULL;
    resume.file = record_open(output, false, error);
    if (resume.file && (status = record_read_attribute(resume.file, "/", "status", error))) {
        const bool complete = strcmp(status, "complete") == 0;
        const bool comparable = holds_run(&resume);
        if (comparable)
            settings_each(run->settings, compare, &resume);
        if (comparable && !resume.differs && load_states(&resume))
            resumed = go_on(&resume, complete);
    }
    free(status);
    record_close(resume.file);
    if (resumed == RESUME_COMPLETE && !run_judge_again(run, error))
        resumed = RESUME_FAILED;
    return resumed;
}

// What the first process has read, to all.
static bool share(struct run *run, struct error *error)
{
    const struct team *team = run->options->team;
    size_t room = run->measured.room;
    team_share(team, &room, sizeof room);
    if (!team_agree(team, series_grow(run, room, error), error))
        return false;
    for (size_t which = 0; which < CHECKPOINTS; which++)
        checkpoint_move(run, which, TEAM_DEAL);
    const struct checkpoint *last = &run->checkpoint[checkpoint_last(run)];
    const size_t iterations = (size_t)CHECKPOINT_NUMBER(last, history.n);
    for (const struct kept_column *column = kept_columns; column->name; column++)
        team_share(team, *kept_column_of(&run->history, column), iterations * sizeof(double));
    for (size_t k = 0; CHECKPOINT_NUMBER(last, stage) == STAGE_MEASURING && k < SERIES; k++)
        series_share(run, k, TEAM_DEAL);
    return true;
}

// One process reads and tells the others.
enum run_resumed run_resume(struct run *run, struct error *error)
{
    const struct team *team = run->options->team;
    enum run_resumed resumed = team_leads(team) ? read_file(run, error) : RESUME_FRESH;
    if (!team_agree(team, resumed != RESUME_FAILED, error))
        return RESUME_FAILED;
    team_share(team, &resumed, sizeof resumed);
    if (resumed != RESUME_CONTINUED)
        return resumed;
    return share(run, error) && checkpoint_restore(run, checkpoint_last(run), error) ? RESUME_CONTINUED : RESUME_FAILED;
}
