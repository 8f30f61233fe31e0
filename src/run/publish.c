// SPDX-License-Identifier: GPL-3.0-or-later
// What a run leaves behind: the results file.
#include "run/file.h"

#include "run/checkpoint.h"
#include "run/judged.h"
#include "run/kept.h"
#include "run/learnt.h"
#include "run/publish_parts.h"
#include "run/series.h"

#include "vmc/level.h"
#include "vmc/units.h"
#include "version.h"

#include <cblas.h>
#include <gsl/gsl_version.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 96, COMMAND_SIZE = 4096 };

struct add_settings {
    struct record *record;
    const char *step_unit;
};

// The step's unit is the chosen sampler's.
static void add_setting(const struct settings_value *value, void *context)
{
    const struct add_settings *add = context;
    struct param row = *value->row;
    if (strcmp(value->section, "sampler") == 0 && strcmp(row.key, "step") == 0)
        row.unit = add->step_unit;
    record_add_setting(add->record, value->section, &row, value->state);
}

static void add_config(struct record *record, const struct run *run)
{
    char *resolved = settings_print(run->settings);
    record_add_text(record, "/config/text", "the configuration as it was read",
                    run->options->config_text ? run->options->config_text : "");
    record_add_text(record, "/config/resolved", "the configuration with every default filled in",
                    resolved ? resolved : "");
    free(resolved);
    settings_each(run->settings, add_setting, &(struct add_settings){ record, run->ensemble.sampler->step_unit });
}

// As a shell would read it; cut where it is very long.
static const char *command_line(char text[COMMAND_SIZE])
{
    FILE *from = fopen("/proc/self/cmdline", "r"), *out = fmemopen(text, COMMAND_SIZE - 1, "w");
    char *word = NULL;
    size_t room = 0, n = 0;
    while (from && out && getdelim(&word, &room, '\0', from) > 0) {
        const bool plain = *word &&
                           strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=,:+%@") ==
                               strlen(word);
        fprintf(out, "%s%s", n++ ? " " : "", plain ? "" : "'");
        for (const char *c = word; *c; c++)
            fprintf(out, *c == '\'' ? "'\\''" : "%c", *c);
        fputs(plain ? "" : "'", out);
    }
    free(word);
    if (from)
        fclose(from);
    if (out)
        fclose(out);
    return text;
}

static void add_provenance(struct record *record, const struct run *run)
{
    char host[256] = "", command[COMMAND_SIZE] = "";
    const char *job = getenv("SLURM_JOB_ID");
    gethostname(host, sizeof host - 1);
    const struct {
        const char *path, *long_name, *value;
    } texts[] = {
        { "/provenance/command_line", "command line", command_line(command) },
        { "/provenance/start", "when this part of the run began, UTC", run->started },
        { "/provenance/git_revision", "revision of the source", VMC_GIT_REVISION },
        { "/provenance/compiler", "compiler", VMC_COMPILER },
        { "/provenance/flags", "compiler flags", VMC_FLAGS },
        { "/provenance/hdf5_version", "HDF5 library", record_hdf5_version() },
        { "/provenance/gsl_version", "GNU Scientific Library", gsl_version },
        { "/provenance/blas_kernel", "processor that OpenBLAS has its kernels for", openblas_get_corename() },
        { "/provenance/host", "machine", host },
        { "/provenance/job", "Slurm job; empty: none", job ? job : "" },
        { "/provenance/instruction_set", "x86-64 level of the kernels", level_name() },
    };
    const struct {
        const char *path, *long_name;
        uint64_t value;
    } counts[] = {
        { "/provenance/threads", "threads of a process", run->options->threads },
        { "/provenance/ranks", "processes", team_ranks(run->options->team) },
        { "/provenance/seed", "seed of the random numbers", run->settings->run.seed },
    };
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
        record_add_text(record, texts[k].path, texts[k].long_name, texts[k].value);
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
        record_add_count(record, counts[k].path, "1", counts[k].long_name, counts[k].value);
    record_add_real(record, "/provenance/wall_time", "s", "wall time", run->result->wall_time);
    record_add_real(record, "/provenance/cpu_time", "s", "CPU time of all threads", run->result->cpu_time);
}

static void free_names(char **names, size_t n)
{
    for (size_t k = 0; names && k < n; k++)
        free(names[k]);
    free(names);
}

// "rbm.w[0,1]", … in the order of the parameter vector; malloc'ed, as is every name. NULL: no memory.
static char **parameter_names(const struct wavefunction *wavefunction)
{
    bool good = true;
    char **names = calloc(wavefunction->n_parameters + 1, sizeof *names);
    for (size_t f = 0; names && f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        struct factor_view view[FACTOR_VIEWS_MOST];
        const size_t n = factor_views(factor, view);
        for (size_t v = 0; v < n; v++) {
            const size_t rows = view[v].rank > 0 ? view[v].extent[0] : 1,
                         columns = view[v].rank > 1 ? view[v].extent[1] : 1;
            for (size_t k = 0; !view[v].fixed && k < (view[v].shared ? 1 : rows * columns); k++) {
                char index[48] = "", name[160];
                if (view[v].rank == 1 && !view[v].shared)
                    snprintf(index, sizeof index, "[%zu]", k);
                if (view[v].rank == 2)
                    snprintf(index, sizeof index, "[%zu,%zu]", k / columns, k % columns);
                snprintf(name, sizeof name, "%s.%s%s%s", factor->type->name, view[v].logarithm ? "ln_" : "",
                         view[v].name, index);
                char **to = &names[factor->first_parameter + view[v].first + k];
                good = (*to = strdup(name)) && good;
            }
        }
    }
    if (!good)
        free_names(names, wavefunction->n_parameters);
    return good ? names : NULL;
}

static void add_training(struct record *record, const struct run *run, char *const *names)
{
    const struct history *history = &run->history;
    const size_t n_parameters = run->ensemble.wavefunction.n_parameters;
    const struct record_axis iteration = {
        .name = "iteration", .extent = history->n, .unit = "1", .long_name = "training iteration"
    };
    char path[PATH_SIZE];
    if (history->n == 0)
        return;
    for (const struct kept_column *column = kept_columns; column->name; column++) {
        snprintf(path, sizeof path, "/training/%s", column->name);
        record_add_array(
            record, &(struct record_array){
                        path, column->unit, column->long_name, 1, { iteration }, *kept_column_of(history, column) });
    }
    record_add_text(record, "/training/stop_reason", "why training ended", run->result->stop_reason);
    record_add_text(record, "/training/end", "why training ended: converged, iterations, stopped or failed",
                    run->result->training_end);
    if (n_parameters == 0)
        return;
    const struct record_axis parameter = {
        .name = "parameter", .extent = n_parameters, .unit = "1", .long_name = "position in the parameter vector"
    };
    record_add_ramp(record, "/training/kept_iteration", "training iteration", history->n_kept, history->stride);
    const struct record_axis kept = { "kept_iteration", history->n_kept, "1", "training iteration", NULL };
    record_add_array(
        record,
        &(struct record_array){
            "/training/parameters", "1", "parameters before the step", 2, { kept, parameter }, history->parameters });
    record_add_texts(record, &(struct record_texts){ "/training/parameter_names", "names of the parameters", parameter,
                                                     (const char *const *)(uintptr_t)names });
}

static void add_result(struct record *record, const struct run *run)
{
    const char *step = run->ensemble.sampler->step_unit;
    char path[PATH_SIZE];
    for (const struct run_result_row *row = run_result_rows; row->name; row++) {
        const double value = *kept_result_at(run->result, row->offset);
        const char *unit = row->unit ? row->unit : step ? step : "1";
        snprintf(path, sizeof path, "/result/%s", row->name);
        if (row->whole)
            record_add_count(record, path, unit, row->long_name, (uint64_t)value);
        else
            record_add_real(record, path, unit, row->long_name, value);
    }
    record_add_count(record, "/result/plateau", "1", "1: the blocking behind the error bar found a plateau",
                     run->result->plateau);
    if (run->result->judgement.verdict != VERDICT_NONE)
        record_add_text(record, "/result/verdict", "good, doubtful or bad: vmc diagnose says why",
                        run_verdict_name(run->result->judgement.verdict));
    record_add_text(record, "/result/training_stop", "why training ended", run->result->stop_reason);
}

static bool add_measurement(struct record *record, const struct run *run, double *packed[SERIES])
{
    const struct measured *measured = &run->measured;
    const size_t walkers = run->ensemble.n_walkers;
    char path[PATH_SIZE];
    if (measured->draws == 0)
        return true;
    const struct record_axis chain = { .name = "chain", .extent = walkers, .unit = "1", .long_name = "walker" };
    record_add_ramp(record, "/measurement/draw", "first draw of the value", measured->draws, measured->block);
    const struct record_axis draw = { "draw", measured->draws, "1", "first draw of the value", NULL };
    for (size_t k = 0; k < SERIES; k++) {
        if (!(packed[k] = malloc(walkers * measured->draws * sizeof(double))))
            return false;
        series_by_walker(run, k, packed[k]);
        snprintf(path, sizeof path, "/measurement/%s", kept_series[k].name);
        record_add_array(record,
                         &(struct record_array){
                             path, kept_series[k].unit, kept_series[k].long_name, 2, { chain, draw }, packed[k] });
    }
    record_add_count(record, "/measurement/block", "1", "draws averaged in each value of the series", measured->block);
    return true;
}

static void add_controls(struct record *record, const struct run *run)
{
    static const char *const parts[CONTROLLED_QUANTITIES] = { "kinetic", "trap", "pair" };
    const struct controls *controls = &run->ensemble.controls;
    char path[96], names[256] = "";
    size_t length = 0;
    if (controls->n_functions == 0)
        return;
    const struct record_axis axis = {
        .name = "function", .extent = controls->n_functions, .unit = "1", .long_name = "control function"
    };
    for (size_t q = 0; q < CONTROLLED_QUANTITIES; q++) {
        snprintf(path, sizeof path, "/controls/%s", parts[q]);
        record_add_array(
            record,
            &(struct record_array){
                path, UNIT_ENERGY, "coefficients, frozen before measuring", 1, { axis }, controls->coefficient[q] });
    }
    record_add_array(record, &(struct record_array){ "/controls/energy",
                                                     UNIT_ENERGY,
                                                     "coefficients for the energy: the sum of the three",
                                                     1,
                                                     { axis },
                                                     controls->total });
    for (size_t t = 0; t < controls->n_types; t++)
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%s (from %zu)", t ? ", " : "",
                                   controls->type[t]->name, controls->first_function[t]);
    record_add_text(record, "/controls/families", "families of control functions and the number of their first", names);
    record_add_real(record, "/controls/range", UNIT_PER_LENGTH, "beta of the pair functions r / (1 + beta r)",
                    controls->range);
}

static bool publish(const struct run *run, const char *status, struct error *error)
{
    if (run->options->lock && !record_lock_held(run->options->lock, error))
        return false;
    struct record *record = record_create();
    double *packed[SERIES] = { NULL };
    double *numbers = calloc(publish_room(run), sizeof *numbers);
    char **names = parameter_names(&run->ensemble.wavefunction);
    bool good = record && numbers && names;
    if (good) {
        record_add_heading(record, status, run->created, run->options->command ? run->options->command : "vmc");
        add_config(record, run);
        add_provenance(record, run);
        add_training(record, run, names);
        record_add_wavefunction(record, &run->ensemble.wavefunction, run->theta);
        add_result(record, run);
        add_controls(record, run);
        learnt_add(run, record);
        publish_observed(record, run, numbers);
        good = add_measurement(record, run, packed);
        checkpoint_add(run, record);
    }
    good = good ? record_publish_locked(record, run->options->output, run->options->lock, error)
                : error_add(error, ERROR_INTERNAL, "no memory to write the results");
    for (size_t k = 0; k < SERIES; k++)
        free(packed[k]);
    free_names(names, run->ensemble.wavefunction.n_parameters);
    free(numbers);
    record_destroy(record);
    return good;
}

// What the other processes know of the walkers: their states, series and histograms.
static void gather(struct run *run)
{
    if (!run->options->team)
        return;
    for (size_t which = 0; which < CHECKPOINTS; which++)
        checkpoint_move(run, which, TEAM_GATHER);
    if (run->stage == STAGE_MEASURING)
        series_gather(run);
    for (const struct kept_array *array = kept_arrays; array->name && run->stage == STAGE_MEASURING; array++)
        if (array->scope == OF_GROUPS)
            kept_array_move(run, array, kept_array_part(run, array, 0, 0), TEAM_GATHER);
    if (run->stage == STAGE_MEASURING)
        publish_gather(run);
}

bool run_publish(struct run *run, const char *status, struct error *error)
{
    const struct team *team = run->options->team;
    run_account(run);
    gather(run);
    if (team_leads(team))
        run_judge_measured(run);
    return team_agree(team, !team_leads(team) || publish(run, status, error), error);
}
