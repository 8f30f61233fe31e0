// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli/verify.h"

#include "cli/json.h"
#include "cli/text.h"
#include "vmc/units.h"
#include "vmc/verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void write_table(FILE *out, const char *path, const struct run_verification *found)
{
    fprintf(out, "%s: %zu terms in the closed form, %.0f samples\n", path, found->terms, found->n_samples);
    fprintf(out, "%-30s%16s%16s%10s%8s\n", "in " UNIT_ENERGY, "closed form", "Monte Carlo", "off by", "errors");
    for (size_t k = 0; k < VERIFY_PARTS; k++) {
        const struct verified_part *part = &found->part[k];
        char number[CLI_NUMBER_SIZE];
        cli_number(part->measured, part->error, number);
        fprintf(out, "%-30s%16.10f%16s%10.1e%8.2f\n", part->title, part->exact, number, part->measured - part->exact,
                part->deviation);
    }
}

static void write_json(FILE *out, const char *path, const struct run_verification *found)
{
    fputs("{\"file\": ", out);
    cli_json_string(out, path);
    fprintf(out, ", \"terms\": %zu", found->terms);
    for (size_t k = 0; k < VERIFY_PARTS; k++) {
        const struct verified_part *part = &found->part[k];
        const struct {
            const char *name;
            double value;
        } members[] = { { "closed_form", part->exact },
                        { "monte_carlo", part->measured },
                        { "error", part->error },
                        { "deviation", part->deviation } };
        fprintf(out, ", \"%s\": {", part->name);
        for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
            fprintf(out, "%s\"%s\": ", i > 0 ? ", " : "", members[i].name);
            cli_json_number(out, members[i].value, false);
        }
        fputs("}", out);
    }
    fputs("}\n", out);
}

static bool print(const struct cli_options *options, const char *path, const struct run_verification *found,
                  struct error *error)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return error_add(error, ERROR_INTERNAL, "not enough memory");
    (options->json ? write_json : write_table)(out, path, found);
    const bool good = fclose(out) == 0 && cli_print(text, error);
    free(text);
    return good;
}

static bool verify(const struct cli_options *options, const char *path, struct error *error)
{
    struct run_verification found;
    if (!run_verify(path, &found, error))
        return false;
    if ((!options->quiet || options->json) && !print(options, path, &found, error))
        return false;
    const struct verified_part *worst = &found.part[found.worst];
    return fabs(worst->deviation) <= VERIFY_LIMIT ||
           error_add(error, ERROR_FAULT,
                     "%s: the %s lies %.1f standard errors from the closed form; at most %.0f are allowed", path,
                     worst->title, fabs(worst->deviation), VERIFY_LIMIT);
}

bool cli_verify(const struct cli_options *options, struct error *error)
{
    bool good = true;
    for (size_t k = 0; k < options->n_words; k++)
        good = verify(options, options->words[k], error) && good;
    return good;
}
