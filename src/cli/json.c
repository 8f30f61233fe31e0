// SPDX-License-Identifier: GPL-3.0-or-later
// Results as one JSON object (RFC 8259). Numbers are written so that they read back to the same bits.
#include "cli/json.h"
#include "cli/program.h"
#include "cli/summary.h"

#include "base/utf8.h"
#include "version.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cli_json_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (size_t left = strlen(text), n; left > 0; text += n, left -= n) {
        const unsigned char c = (unsigned char)*text;
        const size_t length = utf8_length(text, left);
        n = length > 0 ? length : 1;
        if (length == 0)
            fputs("\\ufffd", out);
        else if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\u%04x", c);
        else
            fwrite(text, 1, n, out);
    }
    fputc('"', out);
}

void cli_json_number(FILE *out, double value, bool whole)
{
    char text[64];
    if (!isfinite(value)) {
        fputs("null", out);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    if (whole && fabs(value) < 1e18)
        snprintf(text, sizeof text, "%.0f", value);
    fputs(text, out);
}

static void write_key(FILE *out, const char *key)
{
    fprintf(out, ",\n  ");
    cli_json_string(out, key);
    fputs(": ", out);
}

static void write_text_member(FILE *out, const char *key, const char *value)
{
    write_key(out, key);
    if (value)
        cli_json_string(out, value);
    else
        fputs("null", out);
}

static void write_number_member(FILE *out, const char *key, double value, bool whole)
{
    write_key(out, key);
    cli_json_number(out, value, whole);
}

static void write_match(FILE *out, const struct reference_match *match)
{
    fputs("{ \"kind\": ", out);
    cli_json_string(out, reference_kind_name(match->kind));
    fputs(", \"value\": ", out);
    cli_json_number(out, match->value, false);
    fputs(", \"uncertainty\": ", out);
    cli_json_number(out, match->uncertainty, false);
    fputs(match->upper_bound ? ", \"upper_bound\": true" : ", \"upper_bound\": false", out);
    fputs(", \"ansatz\": ", out);
    if (match->ansatz)
        cli_json_string(out, match->ansatz);
    else
        fputs("null", out);
    fputs(", \"source\": ", out);
    cli_json_string(out, match->source ? match->source : "");
    fputs(" }", out);
}

static void write_known(FILE *out, const struct cli_summary *summary)
{
    write_key(out, "known");
    fputc('[', out);
    for (size_t k = 0; k < summary->n_known; k++) {
        fputs(k > 0 ? ",\n    " : "\n    ", out);
        write_match(out, &summary->known[k]);
    }
    fputs(summary->n_known > 0 ? "\n  ]" : "]", out);
}

static void write_rows(FILE *out, const struct run_result *result)
{
    for (const struct run_result_row *row = run_result_rows; row->name; row++)
        write_number_member(out, row->name, *(const double *)(const void *)((const char *)result + row->offset),
                            row->whole);
    write_key(out, "plateau");
    fputs(result->plateau ? "true" : "false", out);
    write_text_member(out, "stop_reason", result->stop_reason);
    write_text_member(out, "training_end", result->training_end);
    write_text_member(out, "verdict",
                      result->judgement.verdict == VERDICT_NONE ? NULL : run_verdict_name(result->judgement.verdict));
}

char *cli_summary_json(const struct cli_summary *summary)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return NULL;
    fprintf(out, "{\n  \"program\": \"%s\"", cli_program()->name);
    write_text_member(out, "version", VMC_VERSION);
    write_text_member(out, "status", summary->status);
    write_text_member(out, "config", summary->config);
    write_text_member(out, "output", summary->output);
    write_number_member(out, "threads", (double)summary->threads, true);
    write_number_member(out, "ranks", (double)summary->ranks, true);
    write_rows(out, summary->result);
    write_known(out, summary);
    fputs("\n}\n", out);
    return fclose(out) == 0 ? text : NULL;
}

char *cli_estimate_json(const struct run_estimate *estimate, size_t threads)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return NULL;
    fprintf(out, "{\n  \"program\": \"%s\"", cli_program()->name);
    write_text_member(out, "version", VMC_VERSION);
    write_text_member(out, "status", "valid");
    write_number_member(out, "threads", (double)threads, true);
    write_number_member(out, "n_parameters", (double)estimate->n_parameters, true);
    write_number_member(out, "walkers", (double)estimate->walkers, true);
    write_number_member(out, "draws", (double)estimate->draws, true);
    write_number_member(out, "memory", estimate->memory, false);
    write_number_member(out, "memory_per_walker", estimate->memory_per_walker, false);
    write_number_member(out, "file_size", estimate->file_size, false);
    write_number_member(out, "iterations", (double)estimate->iterations, true);
    write_number_member(out, "iteration_time", estimate->iteration_time, false);
    write_number_member(out, "draw_time", estimate->draw_time, false);
    write_number_member(out, "cpu_time", estimate->cpu_time, false);
    write_number_member(out, "wall_time", estimate->wall_time, false);
    fputs("\n}\n", out);
    return fclose(out) == 0 ? text : NULL;
}
