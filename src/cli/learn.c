// SPDX-License-Identifier: GPL-3.0-or-later
// Learns a machine, and reports it.
#include "cli/learn.h"

#include "cli/json.h"
#include "cli/program.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/target.h"
#include "cli/text.h"
#include "vmc/learn.h"

#include <math.h>
#include <stdio.h>

enum { PARAMETERS_SHOWN = 12 };

static void write_machine(FILE *out, const struct settings *settings, const struct learn_result *result)
{
    const char *kind = machine_kind_name(settings->learn.visible);
    fprintf(out, "%s machine of %zu visible and %zu hidden units, %zu parameters; %zu samples", kind, result->n_visible,
            result->n_hidden, result->n_parameters, result->n_train);
    fprintf(out, result->n_held_out > 0 ? " and %zu held out\n" : "\n", result->n_held_out);
}

static void write_line(FILE *out, const char *name, double value, double error, const char *rest)
{
    char number[CLI_NUMBER_SIZE];
    if (isnan(value))
        return;
    cli_number(value, error, number);
    fprintf(out, "%-22s%s%s\n", name, number, rest);
}

static void write_parameters(FILE *out, const struct learn_result *result)
{
    for (size_t k = 0; k < result->n_couplings && k < PARAMETERS_SHOWN; k++) {
        char name[40], mean[CLI_NUMBER_SIZE], width[CLI_NUMBER_SIZE];
        snprintf(name, sizeof name, "parameter %zu", k + 1);
        fprintf(out, "%-22s%.10g", name, result->estimate ? result->estimate[k] : NAN);
        if (result->mean) {
            cli_number(result->mean[k], result->mean_error[k], mean);
            cli_number(result->width[k], result->width_error[k], width);
            fprintf(out, "; posterior mean %s, width %s, R-hat %.3f", mean, width, result->r_hat[k]);
        }
        fputc('\n', out);
    }
    if (result->n_couplings > PARAMETERS_SHOWN)
        fprintf(out, "%zu more parameters are in the file\n", result->n_couplings - PARAMETERS_SHOWN);
}

void cli_learn_write(FILE *out, const struct settings *settings, const struct learn_result *result, size_t threads,
                     const char *output)
{
    char wall[CLI_NUMBER_SIZE], cpu[CLI_NUMBER_SIZE], chains[80];
    write_machine(out, settings, result);
    fprintf(out, "%-22s%zu, end: %s\n", "iterations", result->iterations, result->end ? result->end : "");
    write_line(out, "ln p per sample", result->train, result->train_error, "");
    write_line(out, "held out", result->held_out, result->held_out_error, "");
    snprintf(chains, sizeof chains, result->partition.exact ? " (summed)" : " (annealed, %.0f effective chains)",
             result->partition.effective_chains);
    write_line(out, "ln Z", result->partition.ln_z, result->partition.error, chains);
    write_line(out, "acceptance", result->acceptance, 0, "");
    write_parameters(out, result);
    cli_duration(result->wall_time, wall);
    cli_duration(result->cpu_time, cpu);
    fprintf(out, "%-22s%s, CPU %s", "wall time", wall, cpu);
    if (threads > 0)
        fprintf(out, ", %zu thread%s", threads, threads == 1 ? "" : "s");
    fputc('\n', out);
    fprintf(out, "%-22s%s\n", "results", output);
}

static void write_numbers(FILE *out, const char *name, size_t n, const double *values)
{
    fprintf(out, ", \"%s\": [", name);
    for (size_t k = 0; values && k < n; k++) {
        fputs(k > 0 ? ", " : "", out);
        cli_json_number(out, values[k], false);
    }
    fputc(']', out);
}

static void write_json(FILE *out, const struct cli_learn_job *job, const struct learn_result *result,
                       const char *output)
{
    const struct {
        const char *name;
        double value;
        bool whole;
    } members[] = {
        { "visible_units", (double)result->n_visible, true },
        { "hidden_units", (double)result->n_hidden, true },
        { "parameters", (double)result->n_parameters, true },
        { "samples", (double)result->n_train, true },
        { "samples_held_out", (double)result->n_held_out, true },
        { "iterations", (double)result->iterations, true },
        { "log_likelihood", result->train, false },
        { "log_likelihood_error", result->train_error, false },
        { "held_out", result->held_out, false },
        { "held_out_error", result->held_out_error, false },
        { "ln_partition", result->partition.ln_z, false },
        { "ln_partition_error", result->partition.error, false },
        { "effective_chains", result->partition.effective_chains, false },
        { "acceptance", result->acceptance, false },
        { "posterior_acceptance", result->posterior_acceptance, false },
        { "wall_time", result->wall_time, false },
        { "cpu_time", result->cpu_time, false },
    };
    const struct {
        const char *name;
        const double *values;
    } vectors[] = { { "estimate", result->estimate },       { "mean", result->mean },
                    { "mean_error", result->mean_error },   { "width", result->width },
                    { "width_error", result->width_error }, { "r_hat", result->r_hat } };
    fprintf(out, "{\"output\": ");
    cli_json_string(out, output);
    fprintf(out, ", \"visible\": \"%s\", \"end\": \"%s\"", machine_kind_name(job->settings->learn.visible),
            result->end ? result->end : "");
    for (size_t k = 0; k < sizeof members / sizeof *members; k++) {
        fprintf(out, ", \"%s\": ", members[k].name);
        cli_json_number(out, members[k].value, members[k].whole);
    }
    for (size_t k = 0; k < sizeof vectors / sizeof *vectors; k++)
        if (vectors[k].values)
            write_numbers(out, vectors[k].name, result->n_couplings, vectors[k].values);
    fputs("}\n", out);
}

static bool report(const struct cli_learn_job *job, const struct learn_result *result, const char *output,
                   struct error *error)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return error_add(error, ERROR_INTERNAL, "not enough memory");
    if (job->options->json)
        write_json(out, job, result, output);
    else
        cli_learn_write(out, job->settings, result, job->threads, output);
    return cli_print_stream(out, &text, error);
}

static bool check(const struct cli_learn_job *job, const struct learn_options *options, struct error *error)
{
    struct learn_result result;
    double memory = 0;
    char *text = NULL, bytes[CLI_NUMBER_SIZE];
    size_t length = 0;
    if (!learn_check(job->settings, options, &result, &memory, error))
        return false;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return error_add(error, ERROR_INTERNAL, "not enough memory");
    cli_bytes(memory, bytes);
    if (job->options->json) {
        fprintf(out, "{\"samples\": %zu, \"samples_held_out\": %zu, \"visible_units\": %zu, \"parameters\": %zu, ",
                result.n_train, result.n_held_out, result.n_visible, result.n_parameters);
        fprintf(out, "\"memory\": %.0f}\n", memory);
    } else {
        write_machine(out, job->settings, &result);
        fprintf(out, "memory %s; nothing was learned (--check)\n", bytes);
    }
    return cli_print_stream(out, &text, error);
}

static void show(const struct learn_progress *now, void *context)
{
    static const char *const phases[] = {
        [LEARN_ITERATIONS] = "learn", [LEARN_PARTITION] = "partition function", [LEARN_POSTERIOR] = "posterior"
    };
    char line[CLI_LINE_SIZE], likelihood[40] = "", left[CLI_NUMBER_SIZE + 8] = "", duration[CLI_NUMBER_SIZE];
    if (isfinite(now->log_likelihood))
        snprintf(likelihood, sizeof likelihood, "  ln p = %.5g", now->log_likelihood);
    if (isfinite(now->seconds_left)) {
        cli_duration(now->seconds_left, duration);
        snprintf(left, sizeof left, "  ETA %s", duration);
    }
    snprintf(line, sizeof line, "%s %zu/%zu%s%s", phases[now->phase], now->done, now->total, likelihood, left);
    cli_progress_text(context, line);
}

static bool wants_stop(void *context)
{
    (void)context;
    return cli_signals_wish(NULL) != RUN_GO_ON;
}

static bool learn(const struct cli_learn_job *job, struct cli_target *target, struct learn_options *options,
                  struct learn_result *result, struct error *error)
{
    const enum cli_target_use use = job->options->resume  ? CLI_TARGET_RESUME
                                    : job->options->force ? CLI_TARGET_FORCE
                                                          : CLI_TARGET_NEW;
    struct cli_progress progress;
    if (!cli_target_prepare(target, job->options->config, use, error)) {
        cli_target_finish(target);
        return false;
    }
    cli_signals_catch();
    cli_progress_start(&progress, job->options->progress, job->options->quiet);
    options->output = target->path;
    options->lock = target->lock;
    options->context = &progress;
    const bool good = learn_execute(job->settings, options, result, error);
    cli_progress_end(&progress);
    cli_target_finish(target);
    if (*target->kept && !job->options->quiet)
        cli_note("%s was a complete file; it is kept as %s", target->path, target->kept);
    return good;
}

bool cli_learn_act(const struct cli_learn_job *job, struct error *error)
{
    struct cli_target target;
    struct learn_result result = { .end = NULL };
    struct learn_options options = { .threads = job->threads,
                                     .config = job->options->config,
                                     .config_text = job->config_text,
                                     .command = cli_program()->name,
                                     .progress = show,
                                     .stop = wants_stop,
                                     .note = cli_progress_note,
                                     .max_time = job->options->max_time,
                                     .resume = job->options->resume };
    if (job->options->check)
        return check(job, &options, error);
    if (!cli_target_choose(&target, job->options->output, job->options->config, error))
        return false;
    bool good = learn(job, &target, &options, &result, error);
    if (good && result.was_complete && !job->options->quiet)
        cli_note("%s is complete; there is nothing left to do", target.path);
    if (!good && error->kind == ERROR_STOPPED && cli_signals_name() && !job->options->quiet)
        cli_note("%s", cli_signals_name());
    if (good && (job->options->json || !job->options->quiet))
        good = report(job, &result, target.path, error);
    learn_result_finish(&result);
    return good;
}
