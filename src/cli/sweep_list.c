// SPDX-License-Identifier: GPL-3.0-or-later
// Lists the points of a sweep with the state of their files, and checks them with an estimate of what they take.
#include "cli/sweep_parts.h"

#include "cli/json.h"
#include "cli/text.h"

#include <stdlib.h>

static bool out_of_memory(struct error *error) { return error_add(error, ERROR_INTERNAL, "not enough memory"); }

static void write_estimate_cells(struct cli_table *table, const struct run_estimate *estimate)
{
    char memory[CLI_NUMBER_SIZE], file[CLI_NUMBER_SIZE], cpu[CLI_NUMBER_SIZE];
    cli_bytes(estimate->memory, memory);
    cli_bytes(estimate->file_size, file);
    cli_duration(estimate->cpu_time, cpu);
    cli_table_add(table, "%zu", estimate->n_parameters);
    cli_table_add(table, "%s", memory);
    cli_table_add(table, "%s", file);
    cli_table_add(table, "%s", cpu);
}

// --- list ---

bool cli_sweep_list(const struct cli_sweep_work *work, struct error *error)
{
    bool json = work->job->options->json;
    struct cli_table table;
    char *text = NULL, path[PATH_MAX];
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    bool good = out != NULL || out_of_memory(error);
    cli_table_start(&table, work->sweep.n_axes + 3);
    cli_sweep_heading(work, &table);
    cli_table_add(&table, "output");
    cli_table_add(&table, "status");
    for (size_t k = work->first; good && k <= work->last; k++) {
        struct config config;
        struct settings settings;
        struct cli_sweep_file file;
        if (!(good = cli_sweep_path(work, k, path, error) &&
                     cli_sweep_settings(work, k, NULL, &config, &settings, error)))
            break;
        cli_sweep_inspect(&file, path, &settings);
        settings_finish(&settings);
        config_finish(&config);
        cli_sweep_row(work, k, &table);
        cli_table_add(&table, "%s", path);
        cli_table_add(&table, "%s", cli_sweep_state_name(file.state));
        if (json) {
            cli_sweep_json_start(work, k, cli_sweep_state_name(file.state), out);
            fputs("\n  }", out);
        }
    }
    if (out && json)
        fputs("\n]\n", out);
    else if (out)
        cli_table_write(&table, out);
    cli_table_finish(&table);
    return out ? cli_print_stream(out, &text, good ? error : NULL) && good : good;
}

// --- check ---

static void write_estimate_json(FILE *out, const struct run_estimate *estimate)
{
    const struct {
        const char *name;
        double value;
    } members[] = { { "n_parameters", (double)estimate->n_parameters },
                    { "walkers", (double)estimate->walkers },
                    { "draws", (double)estimate->draws },
                    { "memory", estimate->memory },
                    { "memory_per_walker", estimate->memory_per_walker },
                    { "file_size", estimate->file_size },
                    { "iterations", (double)estimate->iterations },
                    { "iteration_time", estimate->iteration_time },
                    { "draw_time", estimate->draw_time },
                    { "cpu_time", estimate->cpu_time },
                    { "wall_time", estimate->wall_time } };
    for (size_t k = 0; k < sizeof members / sizeof members[0]; k++) {
        fprintf(out, ",\n    \"%s\": ", members[k].name);
        cli_json_number(out, members[k].value, false);
    }
    fputs("\n  }", out);
}

static bool check_point(const struct cli_sweep_work *work, size_t k, struct run_estimate *estimate, struct error *error)
{
    struct config config;
    struct settings settings;
    if (!cli_sweep_settings(work, k, NULL, &config, &settings, error))
        return false;
    const struct cli_sweep_point point = { .config = &config, .settings = &settings };
    bool good = work->job->check(&point, work->job->context, estimate, error);
    settings_finish(&settings);
    config_finish(&config);
    return good;
}

bool cli_sweep_check(const struct cli_sweep_work *work, struct error *error)
{
    static const char *const headings[] = { "parameters", "memory", "file at most", "CPU time at most" };
    bool json = work->job->options->json;
    struct run_estimate total = { 0 };
    struct cli_table table;
    char *text = NULL, file[CLI_NUMBER_SIZE], cpu[CLI_NUMBER_SIZE];
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    bool good = out != NULL || out_of_memory(error);
    cli_table_start(&table, work->sweep.n_axes + 5);
    cli_sweep_heading(work, &table);
    for (size_t k = 0; k < sizeof headings / sizeof *headings; k++)
        cli_table_add(&table, "%s", headings[k]);
    for (size_t k = work->first; good && k <= work->last; k++) {
        struct run_estimate estimate = { 0 };
        if (!(good = check_point(work, k, &estimate, error)))
            break;
        total.file_size += estimate.file_size;
        total.cpu_time += estimate.cpu_time;
        cli_sweep_row(work, k, &table);
        write_estimate_cells(&table, &estimate);
        if (json) {
            cli_sweep_json_start(work, k, "valid", out);
            write_estimate_json(out, &estimate);
        }
    }
    if (good && json) {
        fputs("\n]\n", out);
    } else if (good) {
        cli_table_write(&table, out);
        cli_bytes(total.file_size, file);
        cli_duration(total.cpu_time, cpu);
        const size_t n = work->last - work->first + 1;
        if (n == 1)
            fputs("this point is valid", out);
        else
            fprintf(out, "all %zu points are valid", n);
        fprintf(out, "; %sat most %s of files and %s of CPU time\n", n == 1 ? "" : "together ", file, cpu);
    }
    cli_table_finish(&table);
    return out ? cli_print_stream(out, &text, good ? error : NULL) && good : good;
}
