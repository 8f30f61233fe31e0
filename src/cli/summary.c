// SPDX-License-Identifier: GPL-3.0-or-later
// The summary: one aligned line per quantity, absent ones left out. Units come from the table of results.
#include "cli/summary.h"

#include "cli/text.h"

#include "vmc/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL = 22, ALONE = -1 };
// Standard errors within which two values agree; by which, and by what share, one above a minimum is far from it.
static const double AGREES = 3, ABOVE = 10, ABOVE_SHARE = 3e-3;
// columns of a label; an entry without an error

struct line {
    const char *label;
    size_t value;
    long error;        // offset of the error, or ALONE
    const char *unit;  // NULL: that of the result's table
};
#define AT(member) offsetof(struct run_result, member)

static const struct line lines[] = {
    { "energy", AT(energy), AT(energy_error), NULL },
    { "variance", AT(variance), ALONE, NULL },
    { "controlled variance", AT(estimator_variance), ALONE, NULL },
    { "kinetic energy", AT(kinetic), AT(kinetic_error), NULL },
    { "trap energy", AT(trap), AT(trap_error), NULL },
    { "pair energy", AT(pair), AT(pair_error), NULL },
    { "virial ratio", AT(virial_ratio), AT(virial_ratio_error), NULL },
    { "acceptance", AT(acceptance), ALONE, NULL },
    { "swaps accepted", AT(swap_acceptance), ALONE, NULL },
    { "autocorrelation time", AT(autocorrelation_time), ALONE, "draws" },
    { "effective samples", AT(effective_samples), ALONE, NULL },
    { "R-hat", AT(r_hat), ALONE, NULL },
};

static double value_at(const struct run_result *result, size_t offset)
{
    return *(const double *)(const void *)((const char *)result + offset);
}

// The unit of a member, "" for pure numbers.
static const char *unit_of(size_t offset)
{
    for (const struct run_result_row *row = run_result_rows; row->name; row++)
        if (row->offset == offset && row->unit && strcmp(row->unit, "1") != 0)
            return row->unit;
    return "";
}

static void write_label(FILE *out, const char *label) { fprintf(out, "%-*s", LABEL, label); }

static void write_line(FILE *out, const struct line *line, const struct run_result *result)
{
    char number[CLI_NUMBER_SIZE];
    double value = value_at(result, line->value),
           error = line->error == ALONE ? NAN : value_at(result, (size_t)line->error);
    const char *unit = line->unit ? line->unit : unit_of(line->value);
    if (isnan(value))
        return;
    if (line->error == ALONE)
        snprintf(number, sizeof number, fabs(value) >= 1e5 && fabs(value) < 1e15 ? "%.0f" : "%.5g", value);
    else
        cli_number(value, error, number);
    write_label(out, line->label);
    fprintf(out, "%s%s%s\n", number, *unit ? " " : "", unit);
}

static const char *known_label(const struct reference_match *match)
{
    if (match->kind == REFERENCE_EXACT)
        return "exact value";
    if (match->kind == REFERENCE_MINIMUM)
        return match->upper_bound ? "best known of ansatz" : "minimum of ansatz";
    return match->kind == REFERENCE_FIXED_PARAMETER ? "value of ansatz" : "published value";
}

// Standard error of the distance to a known value.
static double distance_error(const struct reference_match *match, const struct run_result *result)
{
    return hypot(result->energy_error, isfinite(match->uncertainty) ? match->uncertainty : 0);
}

static void write_known(FILE *out, const struct reference_match *match, const struct run_result *result, size_t width)
{
    char value[CLI_NUMBER_SIZE], apart[CLI_NUMBER_SIZE], how[128], text[1200];
    const double distance = fabs(result->energy - match->value), error = distance_error(match, result);
    cli_number(match->value, match->uncertainty, value);
    cli_number(distance, error, apart);
    if (isnan(distance))
        snprintf(how, sizeof how, "has measured nothing yet");
    else if (error > 0 && distance <= AGREES * error)
        snprintf(how, sizeof how, "agrees within %.1f standard errors", fmax(0.1, ceil(10 * distance / error) / 10));
    else
        snprintf(how, sizeof how, "is %s %s", apart, result->energy >= match->value ? "above" : "below");
    snprintf(text, sizeof text, "%s; this run %s (%s%s%s)", value, how, match->ansatz ? match->ansatz : "",
             match->ansatz ? "; " : "", match->source ? match->source : "no source");
    write_label(out, known_label(match));
    cli_wrap(out, LABEL, LABEL, width, text);
}

// Without a word about it, six bosons pass for six electrons.
static void write_system(FILE *out, const struct system *system, size_t width)
{
    const bool fermions = system->statistics == STATISTICS_FERMIONS;
    char spins[64] = "", text[200];
    if (fermions)
        snprintf(spins, sizeof spins, ", %zu with spin up", system->spin_up);
    snprintf(text, sizeof text, "%zu %s%s in %zu dimension%s%s%s", system->particles, fermions ? "fermion" : "boson",
             system->particles == 1 ? "" : "s", system->dimensions, system->dimensions == 1 ? "" : "s", spins,
             !fermions && system->particles == 2 ? ", or two electrons in their singlet: the same wave function" : "");
    write_label(out, "system");
    cli_wrap(out, LABEL, LABEL, width, text);
}

static void write_time(FILE *out, const char *label, double seconds)
{
    char text[CLI_NUMBER_SIZE];
    cli_duration(seconds, text);
    write_label(out, label);
    fprintf(out, "%s\n", text);
}

// Of trajectories.
static void write_divergences(FILE *out, const struct cli_summary *summary)
{
    if (!sampler_type_at(settings_index(summary->settings, SETTINGS_SAMPLER))->learn)
        return;
    write_label(out, "divergences");
    fprintf(out, "%.0f of %.0f trajectories\n", summary->result->divergences,
            summary->result->n_samples * (double)summary->settings->sampler.thin);
}

static void write_training(FILE *out, const struct run_result *result, size_t width)
{
    char text[400];
    if (!(result->iterations > 0)) {
        if (result->converged > 0 && result->stop_reason) {
            write_label(out, "training");
            cli_wrap(out, LABEL, LABEL, width, result->stop_reason);
        }
        return;
    }
    snprintf(text, sizeof text, "%.0f iteration%s%s%s", result->iterations, result->iterations > 1 ? "s" : "",
             result->stop_reason ? "; " : "", result->stop_reason ? result->stop_reason : "");
    // nothing to worry about: a step that is too long is taken again, shorter
    if (result->steps_back > 0)
        snprintf(text + strlen(text), sizeof text - strlen(text), "; %.0f training step%s undone", result->steps_back,
                 result->steps_back > 1 ? "s" : "");
    write_label(out, "training");
    cli_wrap(out, LABEL, LABEL, width, text);
    if (isfinite(result->training_gain + result->training_gain_error)) {
        snprintf(text, sizeof text, "at most %.1g %s in as many iterations again",
                 result->training_gain + 2 * result->training_gain_error, UNIT_ENERGY);
        write_label(out, "still to gain");
        cli_wrap(out, LABEL, LABEL, width, text);
    }
}

static void write_caution(FILE *out, size_t width, const char *text)
{
    write_label(out, "caution");
    cli_wrap(out, LABEL, LABEL, width, text);
}

// Chains and bounds are judged with the run (run/judge.c); a minimum of its ansatz is known here alone.
static void write_energy_doubts(FILE *out, const struct cli_summary *summary, size_t width)
{
    const struct run_result *result = summary->result;
    char text[400];
    for (size_t k = 0; k < summary->n_known; k++) {
        const struct reference_match *known = &summary->known[k];
        const double above = result->energy - known->value, error = distance_error(known, result),
                     scale = fabs(known->value);
        if (known->kind == REFERENCE_MINIMUM && result->iterations > 0 && above > ABOVE * error &&
            above > ABOVE_SHARE * scale) {
            snprintf(text, sizeof text,
                     "the energy lies %.2g above the %s, %.0f standard errors: training has not reached it; allow more "
                     "optimizer.iterations, or begin from another run.seed",
                     above, known_label(known), above / error);
            write_caution(out, width, text);
        }
    }
}

// Without a plateau the error is the scatter of whole walkers: honest where each of them has gone through many
// autocorrelation times.
static void write_doubts(FILE *out, const struct cli_summary *summary, size_t width)
{
    const struct run_result *result = summary->result;
    const double draws = result->n_samples / (double)summary->settings->sampler.walkers;
    char text[200];
    if (result->judgement.verdict != VERDICT_NONE)
        fprintf(out, "%-*s%s\n", LABEL, "verdict", run_verdict_name(result->judgement.verdict));
    for (size_t k = 0; k < result->judgement.n && result->judgement.verdict != VERDICT_NONE; k++) {
        const struct run_finding *finding = &result->judgement.finding[k];
        char words[640];
        snprintf(words, sizeof words, "%s: %s; %s", finding->name, finding->what, finding->remedy);
        write_label(out, run_verdict_name(finding->verdict));
        cli_wrap(out, LABEL, LABEL, width, words);
    }
    write_energy_doubts(out, summary, width);
    if (result->judgement.verdict == VERDICT_NONE && !result->plateau && result->energy_error > 0 &&
        !(draws >= 50 * result->autocorrelation_time)) {
        write_caution(out, width, "too few draws for a sure error bar, which may be too small; raise measure.samples");
    }
    if (result->no_bound) {
        write_caution(
            out, width,
            "the energy is no upper bound: a factor is not symmetric under exchange of fermions with the same spin");
    }
    if (result->n_bad > 0) {
        snprintf(text, sizeof text, "%.0f of %.0f samples were not finite and are left out", result->n_bad,
                 result->n_samples);
        write_caution(out, width, text);
    }
    if (result->n_bad_training > 0)
        fprintf(out, "%-*s%.0f samples were not finite and are left out\n", LABEL, "in training",
                result->n_bad_training);
}

static void write_threads(FILE *out, const struct cli_summary *summary)
{
    const bool alike = summary->threads_in_all == summary->ranks * summary->threads;
    if (summary->mpi) {
        write_label(out, "ranks");
        fprintf(out, "%zu (%s)\n", summary->ranks, summary->mpi);
    }
    if (summary->threads == 0)
        return;
    write_label(out, "threads");
    fprintf(out, "%zu%s", alike ? summary->threads : summary->threads_in_all,
            summary->ranks == 1 ? ""
            : alike             ? " per rank"
                                : " in all");
    if (summary->threads_reason)
        fprintf(out, " (%s)", summary->threads_reason);
    fputc('\n', out);
}

static void write_summary(FILE *out, const struct cli_summary *summary, size_t width)
{
    const struct run_result *result = summary->result;
    write_system(out, &summary->settings->system, width);
    for (size_t k = 0; k < sizeof lines / sizeof lines[0]; k++) {
        write_line(out, &lines[k], result);
        for (size_t j = 0; k == 0 && j < summary->n_known; j++)
            write_known(out, &summary->known[j], result, width);
    }
    write_divergences(out, summary);
    write_training(out, result, width);
    write_doubts(out, summary, width);
    write_time(out, "wall time", result->wall_time);
    write_time(out, "CPU time", result->cpu_time);
    write_threads(out, summary);
    write_label(out, "results");
    fprintf(out, "%s\n", summary->output ? summary->output : "not saved under the name asked for");
}

char *cli_summary_text(const struct cli_summary *summary, size_t width)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return NULL;
    write_summary(out, summary, width < 40 ? 40 : width);
    return fclose(out) == 0 ? text : NULL;
}

static void write_each(FILE *out, const char *label, double seconds, size_t n, const char *what)
{
    char text[CLI_NUMBER_SIZE];
    if (!isfinite(seconds))
        return;
    cli_duration(seconds, text);
    write_label(out, label);
    fprintf(out, "%s of CPU time, %zu %s\n", text, n, what);
}

char *cli_estimate_text(const struct run_estimate *estimate, size_t threads)
{
    char memory[CLI_NUMBER_SIZE], each[CLI_NUMBER_SIZE], file[CLI_NUMBER_SIZE], cpu[CLI_NUMBER_SIZE],
        wall[CLI_NUMBER_SIZE], *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return NULL;
    cli_bytes(estimate->memory, memory);
    cli_bytes(estimate->memory_per_walker, each);
    cli_bytes(estimate->file_size, file);
    cli_duration(estimate->cpu_time, cpu);
    cli_duration(estimate->wall_time, wall);
    fprintf(out, "%-*svalid\n%-*s%zu\n%-*s%zu\n", LABEL, "configuration", LABEL, "parameters", estimate->n_parameters,
            LABEL, "walkers", estimate->walkers);
    fprintf(out, "%-*s%s (%s per walker)\n%-*sat most %s\n", LABEL, "memory", memory, each, LABEL, "results file",
            file);
    write_each(out, "per iteration", estimate->iteration_time, estimate->iterations, "iterations at most");
    write_each(out, "per draw", estimate->draw_time, estimate->draws, "draws per walker");
    fprintf(out, "%-*sat most %s of CPU time, and %s by the clock on %zu thread%s\n", LABEL, "in all", cpu, wall,
            threads, threads == 1 ? "" : "s");
    return fclose(out) == 0 ? text : NULL;
}
