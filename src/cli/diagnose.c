// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli/diagnose.h"

#include "cli/json.h"
#include "cli/known.h"
#include "cli/learn.h"
#include "cli/summary.h"
#include "cli/text.h"
#include "vmc/record.h"
#include "vmc/diagnose.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KNOWN_MOST = 8, INDENT = 4 };

double cli_exact_energy(const struct settings *settings)
{
    struct reference_match known[KNOWN_MOST];
    const size_t n = cli_known_energies(settings, known, KNOWN_MOST);
    return n > 0 && known[0].kind == REFERENCE_EXACT ? known[0].value : NAN;
}

// What no run can have: counts and times that are none, shares beyond 1, errors and variances below 0. NaN: there is no
// such number, which goes for counts and times only where an older file may lack them.
static bool is_possible(const struct run_result_row *row, double value)
{
    const bool time = row->unit && strcmp(row->unit, "s") == 0, error = strstr(row->name, "_error") != NULL,
               share = strstr(row->name, "acceptance") != NULL, variance = strstr(row->name, "variance") != NULL;
    if (isnan(value))
        return row->since > 1 || !(row->whole || time);
    if (row->whole || time)
        return value >= 0 && isfinite(value) && (time || value == floor(value));
    return share ? value >= 0 && value <= 1 : value >= 0 || !(error || variance);
}

// Reads a results file whose numbers may be told.
static bool open_reading(struct run_reading *reading, const char *path, struct error *error)
{
    bool good = true;
    if (!run_reading_open(reading, path, error))
        return false;
    for (const struct run_result_row *row = run_result_rows; row->name; row++) {
        const double value = *(const double *)(const void *)((const char *)&reading->result + row->offset);
        if (!is_possible(row, value))
            good = error_add(error, ERROR_DAMAGED, "%s: damaged: /result/%s is %g, which no run has", path, row->name,
                             value);
    }
    if (!good)
        run_reading_finish(reading);
    return good;
}

static void write_finding(FILE *out, const struct run_finding *finding, size_t width)
{
    char text[640];
    fprintf(out, "%*s", INDENT - 2, "");
    snprintf(text, sizeof text, "%s: %s: %s", run_verdict_name(finding->verdict), finding->name, finding->what);
    cli_wrap(out, INDENT - 2, INDENT, width, text);
    fprintf(out, "%*s", INDENT, "");
    snprintf(text, sizeof text, "What to do: %s.", finding->remedy);
    cli_wrap(out, INDENT, INDENT, width, text);
}

static void write_text(FILE *out, const char *path, const struct run_reading *reading,
                       const struct run_judgement *judgement)
{
    char energy[CLI_NUMBER_SIZE];
    cli_number(reading->result.energy, reading->result.energy_error, energy);
    fprintf(out, "%s: %s; energy %s\n", path, run_verdict_name(judgement->verdict), energy);
    for (size_t k = 0; k < judgement->n; k++)
        write_finding(out, &judgement->finding[k], cli_width(stdout));
}

static void write_json(FILE *out, const char *path, const struct run_reading *reading,
                       const struct run_judgement *judgement)
{
    fputs("{\"file\": ", out);
    cli_json_string(out, path);
    fputs(", \"energy\": ", out);
    cli_json_number(out, reading->result.energy, false);
    fprintf(out, ", \"verdict\": \"%s\", \"findings\": [", run_verdict_name(judgement->verdict));
    for (size_t k = 0; k < judgement->n; k++) {
        const struct run_finding *finding = &judgement->finding[k];
        const struct {
            const char *key, *value;
        } members[] = { { "verdict", run_verdict_name(finding->verdict) },
                        { "name", finding->name },
                        { "what", finding->what },
                        { "remedy", finding->remedy } };
        fputs(k > 0 ? ", {" : "{", out);
        for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
            fprintf(out, "%s\"%s\": ", i > 0 ? ", " : "", members[i].key);
            cli_json_string(out, members[i].value);
        }
        fputc('}', out);
    }
    fputs("]}\n", out);
}

// A run that is not at its end has no final result.
static void judge_status(const struct run_reading *reading, struct run_judgement *judgement)
{
    if (!reading->status || strcmp(reading->status, "complete") == 0 || judgement->n == FINDINGS_MOST)
        return;
    struct run_finding *finding = &judgement->finding[judgement->n++];
    *finding =
        (struct run_finding){ .verdict = VERDICT_DOUBTFUL, .name = "not complete", .remedy = "go on with --resume" };
    snprintf(finding->what, sizeof finding->what, "the run was not at its end when this file was written (status: %s)",
             reading->status);
    if (judgement->verdict < VERDICT_DOUBTFUL)
        judgement->verdict = VERDICT_DOUBTFUL;
}

static bool diagnose(const struct cli_options *options, const char *path, struct error *error)
{
    struct run_reading reading;
    struct run_judgement judgement;
    char *text = NULL;
    size_t length = 0;
    if (!open_reading(&reading, path, error))
        return false;
    reading.evidence.exact = cli_exact_energy(&reading.settings);
    if (!(reading.result.n_samples > 0)) {
        run_reading_finish(&reading);
        return error_add(error, ERROR_CONFIG, "%s: nothing has been measured yet; finish the run with --resume", path);
    }
    run_judge(&reading.evidence, &judgement);
    judge_status(&reading, &judgement);
    FILE *out = open_memstream(&text, &length);
    if (out)
        (options->json ? write_json : write_text)(out, path, &reading, &judgement);
    bool good = out && fclose(out) == 0;
    good = (good || error_add(error, ERROR_INTERNAL, "not enough memory")) &&
           ((options->quiet && !options->json) || cli_print(text, error));
    free(text);
    run_reading_finish(&reading);
    if (good && judgement.verdict != VERDICT_GOOD)
        return error_add(error, ERROR_FAULT, "%s: %s", path, run_verdict_name(judgement.verdict));
    return good;
}

bool cli_diagnose(const struct cli_options *options, struct error *error)
{
    bool good = true;
    for (size_t k = 0; k < options->n_words; k++)
        good = diagnose(options, options->words[k], error) && good;
    return good;
}

// ---- in words

struct settings_words {
    FILE *out;
    const char *section;
};

// A default may be written otherwise: 1e6 is 1000000.
static bool is_default(const char *text, const char *fallback)
{
    char *end, *other;
    if (!fallback || strcmp(text, fallback) == 0)
        return fallback != NULL;
    const double value = strtod(text, &end), usual = strtod(fallback, &other);
    return end != text && *end == '\0' && other != fallback && *other == '\0' && value == usual;
}

// Only what was chosen: a setting that has its default says nothing of this run.
static void write_setting(const struct settings_value *value, void *context)
{
    struct settings_words *words = context;
    char text[PARAM_TEXT_SIZE];
    param_print(value->row, value->state, text);
    if (is_default(text, value->row->fallback))
        return;
    if (!words->section || strcmp(words->section, value->section) != 0)
        fprintf(words->out, "  [%s]\n", value->section);
    words->section = value->section;
    fprintf(words->out, "    %s = %s%s%s\n", value->row->key, text, value->row->unit ? " " : "",
            value->row->unit ? value->row->unit : "");
}

static bool show(const struct cli_options *options, const char *path, struct error *error)
{
    struct run_reading reading;
    struct reference_match known[KNOWN_MOST];
    char *text = NULL, *summary;
    size_t length = 0;
    (void)options;
    if (!open_reading(&reading, path, error))
        return false;
    reading.evidence.exact = cli_exact_energy(&reading.settings);
    if (reading.result.n_samples > 0)
        run_judge(&reading.evidence, &reading.result.judgement);
    FILE *out = open_memstream(&text, &length);
    const struct cli_summary told = {
        .settings = &reading.settings,
        .result = &reading.result,
        .config = path,
        .output = path,
        .status = reading.status,
        .n_known = cli_known_energies(&reading.settings, known, KNOWN_MOST),
        .known = known,
    };
    bool good = out && (summary = cli_summary_text(&told, cli_width(stdout)));
    if (good) {
        fprintf(out, "%s: %s, begun %s, vmc %s\n\nsettings that are not the defaults\n", path,
                reading.status ? reading.status : "?", reading.created ? reading.created : "?",
                reading.version ? reading.version : "?");
        settings_each(&reading.settings, write_setting, &(struct settings_words){ .out = out });
        fprintf(out, "\nresults\n%s", summary);
        free(summary);
    }
    good = out && fclose(out) == 0 && good;
    good = (good || error_add(error, ERROR_INTERNAL, "not enough memory")) && cli_print(text, error);
    free(text);
    run_reading_finish(&reading);
    return good;
}

static bool show_learned(const char *path, struct error *error)
{
    struct learn_reading reading;
    char *text = NULL;
    size_t length = 0;
    if (!learn_read(path, &reading, error))
        return false;
    if (!(reading.result.wall_time >= 0 && reading.result.cpu_time >= 0)) {
        error_add(error, ERROR_DAMAGED, "%s: damaged: its times are %g s and %g s", path, reading.result.wall_time,
                  reading.result.cpu_time);
        learn_reading_finish(&reading);
        return false;
    }
    FILE *out = open_memstream(&text, &length);
    if (out) {
        fprintf(out, "%s: %s, begun %s, vmc %s\n\nsettings that are not the defaults\n", path, reading.status,
                reading.created, reading.version);
        settings_each(&reading.settings, write_setting, &(struct settings_words){ .out = out });
        fputs("\nresults\n", out);
        cli_learn_write(out, &reading.settings, &reading.result, 0, path);
    }
    learn_reading_finish(&reading);
    return out ? cli_print_stream(out, &text, error) : error_add(error, ERROR_INTERNAL, "not enough memory");
}

// Whether the file is one of vmc learn.
static bool is_learned(const char *path)
{
    struct record_file *file = record_open(path, false, NULL);
    const bool learned = file && record_has(file, "/result/log_likelihood");
    record_close(file);
    return learned;
}

bool cli_show(const struct cli_options *options, struct error *error)
{
    bool good = true;
    for (size_t k = 0; good && k < options->n_words; k++)
        good = is_learned(options->words[k]) ? show_learned(options->words[k], error)
                                             : show(options, options->words[k], error);
    return good;
}
