// SPDX-License-Identifier: GPL-3.0-or-later
// One text, from its bytes to settled settings, and what must hold of every text:
//
// - taken: no message; the resolved configuration reads back without a message or a note, and resolves to the same
// text;
// - refused: a message per complaint, of a kind that is the user's; each begins with its place, "file:line" where the
// file says it, and is a
//   line that the reader itself would take: UTF-8, without control characters, not endless.
#include "faults/fuzz.h"

#include "cli/known.h"
#include "vmc/sweep.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char NAME[] = "f.ini", SET[] = "; --set ";
enum { SETS_MOST = 8, POINTS_MOST = 8, KNOWN_MOST = 4, PLACE_SIZE = 400 };

void fuzz_wrong(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    _exit(3);
}

// --- messages ---

static size_t count_lines(const char *text)
{
    size_t n = 1;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void check_bytes(const char *line)
{
    struct config config;
    char *comment = NULL;
    if (asprintf(&comment, ";%s", line) < 0)
        abort();
    if (!config_parse(&config, NAME, comment, strlen(comment), NULL))
        fuzz_wrong("a message that is no proper line: %s", line);
    config_finish(&config);
    free(comment);
}

static bool begins(const char *line, const char *with) { return strncmp(line, with, strlen(with)) == 0; }

// A message without a line about an entry that has one.
static bool hides_line(const char *line, const struct config *config)
{
    char place[PLACE_SIZE];
    for (size_t k = 0; k < config->n_entries; k++) {
        const struct config_entry *entry = &config->entries[k];
        if (entry->source != CONFIG_BY_FILE)
            continue;
        snprintf(place, sizeof place, "%s: [%.80s] %.80s: ", NAME, entry->section, entry->key);
        if (begins(line, place))
            return true;
    }
    return false;
}

static void check_place(const char *line, const struct config *config, size_t n_lines)
{
    size_t n = strlen(NAME);
    if (begins(line, "--set"))
        return;
    if (!begins(line, NAME) || line[n] != ':')
        fuzz_wrong("a message without its place: %s", line);
    if (line[n + 1] == ' ' && hides_line(line, config))
        fuzz_wrong("a message without the line: %s", line);
    if (line[n + 1] == ' ')
        return;
    char *end;
    size_t number = strtoul(line + n + 1, &end, 10);
    if (number < 1 || number > n_lines || *end != ':')
        fuzz_wrong("a message with the wrong line: %s", line);
}

static void check_messages(const struct error *error, bool good, const struct config *config, size_t n_lines)
{
    if (good != (error->n_messages == 0) || good != (error->text == NULL) || good != (error->kind == ERROR_NONE))
        fuzz_wrong("%s with %zu messages of kind %d: %s", good ? "taken" : "refused", error->n_messages,
                   (int)error->kind, error->text ? error->text : "none");
    if (good)
        return;
    if (error->kind != ERROR_CONFIG && error->kind != ERROR_USAGE)
        fuzz_wrong("an error of kind %d: %s", (int)error->kind, error->text);
    if (count_lines(error->text) != error->n_messages)
        fuzz_wrong("%zu messages in %zu lines: %s", error->n_messages, count_lines(error->text), error->text);
    char *copy = strdup(error->text), *rest = copy;
    for (char *line; (line = strsep(&rest, "\n"));) {
        check_bytes(line);
        check_place(line, config, n_lines);
    }
    free(copy);
}

// --- settings ---

static char *print(const struct settings *settings)
{
    char *text = settings_print(settings);
    if (!text)
        fuzz_wrong("settings that do not print");
    return text;
}

static void check_known(const struct settings *settings)
{
    struct reference_match known[KNOWN_MOST];
    if (cli_known_energies(settings, known, KNOWN_MOST) > KNOWN_MOST)
        fuzz_wrong("more known energies than asked for");
}

static void check_settings(const struct settings *settings)
{
    struct config config;
    struct settings again;
    struct error error = { 0 }, notes = { 0 };
    char *text = print(settings);
    bool read = config_parse(&config, "resolved", text, strlen(text), &error);
    config.job = settings->job;
    if (!settings_build(&again, &config, &error, &notes) || !read)
        fuzz_wrong("a resolved configuration that is refused: %s\n%s", error.text, text);
    if (notes.text)
        fuzz_wrong("a resolved configuration with notes: %s\n%s", notes.text, text);
    char *second = print(&again);
    if (strcmp(text, second) != 0)
        fuzz_wrong("a resolved configuration that resolves to another one:\n%s\n%s", text, second);
    free(text);
    free(second);
    settings_finish(&again);
    config_finish(&config);
    if (settings->job == CONFIG_RUN)
        check_known(settings);
}

// Settings of a text that was not read to its end are good for their complaints only.
static bool judge_run(const struct config *config, struct error *error)
{
    struct settings settings;
    struct error notes = { 0 };
    bool good = settings_build(&settings, config, error, &notes);
    if (good && !config->cut)
        check_settings(&settings);
    if (good)
        settings_finish(&settings);
    error_clear(&notes);
    return good;
}

// --- sweeps ---

static void judge_point(const struct sweep *sweep, const struct config *config, size_t point, struct error *error)
{
    struct config one;
    char path[64];
    if (!sweep_output("results.h5", point, path, sizeof path))
        fuzz_wrong("no output for point %zu", point);
    for (size_t a = 0; a < sweep->n_axes; a++)
        if (*sweep_value(sweep, a, point) == '\0')
            fuzz_wrong("a sweep with an empty value");
    if (!sweep_point(sweep, config, point, &one, error))
        fuzz_wrong("point %zu cannot be made: %s", point, error->text);
    judge_run(&one, error);
    config_finish(&one);
}

// The ends of a large sweep, all of a small one.
static bool judge_sweep(const struct config *config, struct error *error, size_t n_lines)
{
    struct sweep sweep;
    struct error notes = { 0 }, own = { 0 };
    bool good = sweep_read(&sweep, config, error);
    for (size_t k = 0; good && k < sweep.n_points;
         k += k + 1 < POINTS_MOST || k + 2 > sweep.n_points ? 1 : sweep.n_points - 1 - k) {
        struct error said = { 0 };
        judge_point(&sweep, config, k, &said);
        check_messages(&said, said.n_messages == 0, config, n_lines);
        own.n_messages += said.n_messages;
        error_clear(&said);
    }
    if (good && sweep.n_points <= POINTS_MOST) {
        bool fresh = error->n_messages == 0;
        good = sweep_check(&sweep, config, error, &notes);
        if (fresh && good != (own.n_messages == 0))
            fuzz_wrong("a sweep is %s, and its points complain %zu times", good ? "taken" : "refused", own.n_messages);
    }
    sweep_finish(&sweep);
    error_clear(&notes);
    return good;
}

// --- the whole ---

// Overrides of the text, into an empty configuration first, as the program does.
static bool read_sets(struct config *config, const char *text, struct error *error)
{
    struct config none = { 0 };
    const char *at = text;
    bool good = true;
    for (size_t n = 0; n < SETS_MOST && (at = strstr(at, SET)); n++) {
        at += strlen(SET);
        char *assignment = strndup(at, strcspn(at, "\n"));
        struct error first = { 0 };
        bool fit = config_set(&none, assignment, &first);
        if (config_set(config, assignment, error) != fit)
            fuzz_wrong("an override is judged in two ways: %s", assignment);
        good = good && fit;
        error_clear(&first);
        free(assignment);
    }
    config_finish(&none);
    return good;
}

// The same text for vmc learn.
static void judge_learning(const struct config *config, size_t n_lines)
{
    struct config other = *config;
    struct error error = { 0 };
    other.job = CONFIG_LEARN;
    judge_run(&other, &error);
    check_messages(&error, error.n_messages == 0, config, n_lines);
    error_clear(&error);
}

void fuzz_judge(const char *text, size_t length)
{
    struct config config;
    struct error error = { 0 };
    bool good = config_parse(&config, NAME, text, length, &error);
    size_t n_lines = 1;
    for (size_t k = 0; k < length; k++)
        n_lines += text[k] == '\n';
    check_messages(&error, good, &config, n_lines);
    good = read_sets(&config, config.text, &error) && good;
    good = (sweep_asked(&config) ? judge_sweep(&config, &error, n_lines) : judge_run(&config, &error)) && good;
    check_messages(&error, good, &config, n_lines);
    if (!sweep_asked(&config))
        judge_learning(&config, n_lines);
    error_clear(&error);
    config_finish(&config);
}
