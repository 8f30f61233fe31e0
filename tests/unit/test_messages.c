// SPDX-License-Identifier: GPL-3.0-or-later
// Every word of what is said about settings, against a record: of the texts in tests/faults/corpus, whole; of every key
// with values of many kinds, from both sides of what it takes, misspelt, and without what it belongs to, what was
// accepted (o) or refused (x) and a number for the messages.
//
//     test_messages RECORD CORPUS            compares
//     test_messages RECORD CORPUS --write    records anew
//     test_messages RECORD CORPUS KEY        prints what is said about section.key
#include "support/recorded.h"
#include "vmc/settings.h"
#include "vmc/sweep.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MOST = 400, TEXT_MOST = 1 << 20 };

static const char *const values[] = { "",         "x",       "0",          "1",     "-1",      "2",       "3",
                                      "31",       "32",      "1000",       "0.5",   "1.5",     "1e-3",    "1e3",
                                      "1e400",    "nan",     "inf",        "yes",   "no",      "auto",    "none",
                                      "1, 2",     "1,,2",    "1, 2, 3, 4", "2, 1",  "1e9",     "1e18",    "1e20",
                                      "0x10",     "+1",      "1 2",        "1;2",   "0.999",   "1.001",   "a, b, rbm",
                                      "../x.y",   "-0",      "1e-320",     "1:2:3", "4096",    "1, 2, 2", "1, 3, 2",
                                      "1, 2, 16", "1.5, 2",  "64",         "33",    "2 ; two", " 3 ",     "\t3",
                                      "0.5, 0.7", "sr, adam" };
enum { VALUES = sizeof values / sizeof *values };

// What comes of a text: settings as they are printed, or complaints; then notes. Good settings return true.
static bool judge(const char *name, const char *text, size_t length, const char *const *sets, FILE *out)
{
    struct config config;
    struct sweep sweep = { 0 };
    struct settings settings;
    struct error error = { 0 }, notes = { 0 };
    bool good = config_parse(&config, name, text, length, &error);
    config.job = strstr(text, "[learn]") ? CONFIG_LEARN : CONFIG_RUN;
    for (; sets && *sets; sets++)
        good = config_set(&config, *sets, &error) && good;
    if (good && sweep_asked(&config))
        good = sweep_read(&sweep, &config, &error) && sweep_check(&sweep, &config, &error, &notes);
    else if (settings_build(&settings, &config, &error, &notes)) {
        char *printed = settings_print(&settings);
        fputs(good ? printed : "", out);
        free(printed);
        settings_finish(&settings);
    } else
        good = false;
    if (error.text)
        fprintf(out, "%d %s\n", (int)error.kind, error.text);
    if (notes.text)
        fprintf(out, "note: %s\n", notes.text);
    sweep_finish(&sweep);
    config_finish(&config);
    error_clear(&error);
    error_clear(&notes);
    return good;
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }
static int is_text(const struct dirent *entry) { return strstr(entry->d_name, ".ini") != NULL; }

// Of good texts only how much there is to print, which `settings` tests.
static void record_corpus(const char *folder, FILE *out)
{
    static char text[TEXT_MOST + 1];
    struct dirent **entries;
    const int n = scandir(folder, &entries, is_text, by_name);
    for (int k = 0; k < n; k++) {
        char path[4096], *said = NULL;
        size_t length = 0;
        snprintf(path, sizeof path, "%s/%s", folder, entries[k]->d_name);
        FILE *in = fopen(path, "r"), *to = open_memstream(&said, &length);
        const size_t size = in ? fread(text, 1, TEXT_MOST, in) : 0;
        text[size] = '\0';
        const bool good = judge(entries[k]->d_name, text, size, NULL, to);
        fclose(to);
        fprintf(out, "== %s\n", entries[k]->d_name);
        if (good)
            fprintf(out, "good: %016" PRIx64 "\n", recorded_number(said));
        else
            fputs(said, out);
        fclose(in);
        free(said);
        free(entries[k]);
    }
    free(n >= 0 ? entries : NULL);
}

// A learning configuration for its keys, one of fermions with everything for the others.
static const char *base_of(const char *section)
{
    return strcmp(section, "learn") == 0
               ? "[learn]\ndata = x.csv\n"
               : "[system]\nparticles = 4\ndimensions = 2\ninteraction = coulomb\n[sampler]\nwalkers = 64\n";
}

static void record_key(const struct settings_schema_row *row, const char *key, const char *only, FILE *out)
{
    char name[120], owner[200] = "", set[400], misspelt[120], marks[2 * VALUES + 2] = "", *said = NULL;
    size_t length = 0;
    snprintf(name, sizeof name, "%s.%s", row->section, key);
    if (only && strcmp(only, name) != 0)
        return;
    if (row->owner && row->when)
        snprintf(owner, sizeof owner, "%s=%s", row->when, row->owner);
    FILE *to = open_memstream(&said, &length);
    const char *base = base_of(row->section);
    for (size_t owned = 0; owned < (*owner ? 2 : 1); owned++)
        for (size_t k = 0; k < VALUES; k++) {
            snprintf(set, sizeof set, "%s=%s", name, values[k]);
            fprintf(to, "-- %s %s\n", set, owned ? owner : "");
            const bool good = judge("f.ini", base, strlen(base), (const char *[]){ set, owned ? owner : NULL, NULL },
                                    to);
            strcat(marks, good ? "o" : "x");
        }
    snprintf(misspelt, sizeof misspelt, "%s", name);
    misspelt[strlen(misspelt) - 1] = '\0';  // its last letter
    snprintf(set, sizeof set, "%s=1", misspelt);
    judge("f.ini", base, strlen(base), (const char *[]){ set, NULL }, to);
    fclose(to);
    fprintf(out, "%s%s%s %s %016" PRIx64 "\n", name, *owner ? " with " : "", owner, marks, recorded_number(said));
    if (only)
        fputs(said, out);
    free(said);
}

static void record_keys(const char *only, FILE *out)
{
    static struct settings_schema_row rows[ROWS_MOST];
    const size_t n = settings_schema(rows, ROWS_MOST);
    if (n > ROWS_MOST)
        abort();
    for (size_t k = 0; k < n; k++)
        for (const struct param *param = rows[k].params; param && param->key; param++)
            record_key(&rows[k], param->key, only, out);
}

int main(int argc, char **argv)
{
    char *now = NULL;
    size_t length = 0;
    if (argc < 3)
        return 2;
    const bool writes = argc > 3 && strcmp(argv[3], "--write") == 0;
    if (argc > 3 && !writes) {
        record_keys(argv[3], stdout);
        return 0;
    }
    FILE *out = open_memstream(&now, &length);
    record_corpus(argv[2], out);
    record_keys(NULL, out);
    fclose(out);
    const int status = recorded_judge(argv[1], writes, now);
    free(now);
    return status;
}
