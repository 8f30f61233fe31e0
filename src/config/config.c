// SPDX-License-Identifier: GPL-3.0-or-later
// A strict INI reader.
//
// Why our own: inih (r55) cuts lines at 200 bytes and at NUL, reads a directory as an empty file, takes `key : value`,
// junk after `]` and `# comment` silently into the value, and accepts duplicates.  Guarding against all of that from
// outside means splitting and counting lines, stripping comments and keeping names ourselves, which leaves it nothing
// to do.  This reader records where every entry is and collects all errors, so that one run shows every mistake in a
// file.
//
// Grammar, line by line: blank | `;` or `#` comment | `[section]` | `key = value`, each with an optional comment after
// white space.
#include "vmc/config.h"

#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_SHOWN = 80 };  // bytes of a name repeated in a message

// A piece of text that does not end with NUL.
struct span {
    const char *start;
    size_t length;
};

struct reader {
    struct config *config;
    struct error *error;
    size_t line, n_complaints;
    const char *section;  // of the lines being read; NULL before the first
};

// --- spans ---

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static struct span trim(struct span span)
{
    for (; span.length > 0 && is_blank(span.start[0]); span.length--)
        span.start++;
    while (span.length > 0 && is_blank(span.start[span.length - 1]))
        span.length--;
    return span;
}

static struct span span_first(struct span span, size_t length) { return (struct span){ span.start, length }; }

static struct span span_after(struct span span, size_t skipped)
{
    return (struct span){ span.start + skipped, span.length - skipped };
}

// Position of the byte, or the length if it is not there.
static size_t find(struct span span, char c)
{
    const char *found = span.length > 0 ? memchr(span.start, c, span.length) : NULL;
    return found ? (size_t)(found - span.start) : span.length;
}

// Position of a comment (`;` or `#` at the start or after white space), or the length if there is none.
static size_t find_comment(struct span span)
{
    for (size_t k = 0; k < span.length; k++)
        if ((span.start[k] == ';' || span.start[k] == '#') && (k == 0 || is_blank(span.start[k - 1])))
            return k;
    return span.length;
}

static bool equal(struct span span, const char *text)
{
    return strlen(text) == span.length && memcmp(span.start, text, span.length) == 0;
}

static char *copy(struct span span) { return strndup(span.start, span.length); }

// NULL, or what is wrong with the bytes of a line or value.
static const char *invalid_bytes(struct span span)
{
    while (span.length > 0) {
        unsigned char c = (unsigned char)span.start[0];
        size_t n = utf8_length(span.start, span.length);
        if (c == 0)
            return "holds a NUL byte; allowed: UTF-8 text (is this a configuration file?)";
        if (n == 0)
            return "is not valid UTF-8; save the file as UTF-8";
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return "holds a control character; allowed: printable UTF-8 text and tabs";
        span = span_after(span, n);
    }
    return NULL;
}

// --- entries ---

// Appends an item of `size` zero bytes; NULL when out of memory.
static void *grow(void **items, size_t *n, size_t size)
{
    void *larger = realloc(*items, (*n + 1) * size);
    if (!larger)
        return NULL;
    *items = larger;
    void *item = (char *)larger + (*n)++ * size;
    memset(item, 0, size);
    return item;
}

static bool out_of_memory(struct error *error)
{
    return error_add(error, ERROR_INTERNAL, "not enough memory for the configuration");
}

static struct config_entry *add_entry(struct config *config, struct span section, struct span key, struct span value)
{
    void *entries = config->entries;
    struct config_entry *entry = grow(&entries, &config->n_entries, sizeof *entry);
    config->entries = entries;
    if (!entry)
        return NULL;
    entry->section = copy(section);
    entry->key = copy(key);
    entry->value = copy(value);
    if (entry->section && entry->key && entry->value)
        return entry;
    free(entry->section);
    free(entry->key);
    free(entry->value);
    config->n_entries--;
    return NULL;
}

static struct config_entry *find_entry(const struct config *config, struct span section, struct span key)
{
    for (size_t k = 0; k < config->n_entries; k++)
        if (equal(section, config->entries[k].section) && equal(key, config->entries[k].key))
            return &config->entries[k];
    return NULL;
}

static struct span span_of(const char *text) { return (struct span){ text, strlen(text) }; }

const struct config_entry *config_find(const struct config *config, const char *section, const char *key)
{
    return find_entry(config, span_of(section), span_of(key));
}

const struct config_section *config_find_section(const struct config *config, const char *section)
{
    for (size_t k = 0; k < config->n_sections; k++)
        if (strcmp(config->sections[k].name, section) == 0)
            return &config->sections[k];
    return NULL;
}

// --- lines ---

// "file:line: [section] key: what", as far as section and key are known. Always false.
__attribute__((format(printf, 3, 4))) static bool complain(struct reader *reader, struct span key, const char *format,
                                                           ...)
{
    char what[512], section[KEY_SHOWN + 3] = "", name[KEY_SHOWN + 1] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    if (reader->section)
        snprintf(section, sizeof section, "[%.*s]", KEY_SHOWN, reader->section);
    if (key.length > 0)
        snprintf(name, sizeof name, "%.*s", (int)(key.length < KEY_SHOWN ? key.length : KEY_SHOWN), key.start);
    reader->n_complaints++;
    return error_add(reader->error, ERROR_CONFIG, "%s:%zu: %s%s%s%s%s", reader->config->file, reader->line, section,
                     *section && *name ? " " : "", name, *section || *name ? ": " : "", what);
}

static const struct span no_key = { NULL, 0 };

static bool read_section(struct reader *reader, struct span line)
{
    size_t end = find(line, ']');
    struct span name = trim(span_after(span_first(line, end), 1));
    reader->section = NULL;
    if (end == line.length)
        name = trim(span_first(name, find_comment(name)));
    if (name.length == 0) {
        reader->section = "";
        return complain(reader, no_key, "a section without a name; write `[section]`");
    }
    void *sections = reader->config->sections;
    struct config_section *section = grow(&sections, &reader->config->n_sections, sizeof *section);
    reader->config->sections = sections;
    if (!section || !(section->name = copy(name))) {
        reader->config->n_sections -= section != NULL;
        return out_of_memory(reader->error);
    }
    section->line = reader->line;
    reader->section = section->name;
    const struct config_section *earlier = config_find_section(reader->config, section->name);
    if (earlier != section)
        complain(reader, no_key, "the section was opened before, in line %zu; move its keys there", earlier->line);
    if (end == line.length)
        return complain(reader, no_key, "`]` is missing; write `[section]`");
    struct span rest = trim(span_after(line, end + 1));
    if (rest.length > 0 && find_comment(rest) != 0)
        return complain(reader, no_key, "'%.*s' after `]`; a section stands alone on its line",
                        (int)(rest.length < 60 ? rest.length : 60), rest.start);
    return true;
}

// Splits at `=`. A line without one is reported, then split where it was probably meant to be, so that its value is
// checked too.
static bool split(struct reader *reader, struct span line, struct span *key, struct span *value)
{
    size_t equals = find(line, '='), colon = find(line, ':'), cut = equals;
    bool good = true;
    if (colon < equals)
        cut = colon;
    else if (equals == line.length)
        for (cut = 0; cut < line.length && !is_blank(line.start[cut]);)
            cut++;
    *key = trim(span_first(line, cut));
    if (cut != equals)
        good = complain(reader, *key, "`%s`; write `key = value`", cut == colon ? "key : value" : "= is missing");
    else if (equals == line.length)
        good = complain(reader, *key, "`=` and a value are missing; write `key = value`");
    *value = trim(cut < line.length ? span_after(line, cut + 1) : span_after(line, cut));
    return good;
}

static bool read_entry(struct reader *reader, struct span line)
{
    struct span key, value;
    struct config *config = reader->config;
    line = trim(span_first(line, find_comment(line)));
    bool good = split(reader, line, &key, &value);
    value = trim(span_first(value, find_comment(value)));
    if (!good && (key.length == 0 || value.length == 0))
        return false;
    if (key.length == 0)
        return complain(reader, key, "no key before `=`; write `key = value`");
    if (!reader->section)
        return complain(reader, key, "a key before any section; write `[section]` above it");
    const struct config_entry *earlier = find_entry(config, span_of(reader->section), key);
    if (earlier)
        return complain(reader, key, "given twice, first in line %zu; keep one of them", earlier->line);
    struct config_entry *entry = add_entry(config, span_of(reader->section), key, value);
    if (!entry)
        return out_of_memory(reader->error);
    entry->origin = config->file;
    entry->line = reader->line;
    return true;
}

static void read_line(struct reader *reader, struct span line)
{
    if (line.length > 0 && line.start[line.length - 1] == '\r')
        line.length--;
    if (line.length > CONFIG_LINE_MOST) {
        complain(reader, no_key, "a line of %zu bytes; allowed: at most %d", line.length, CONFIG_LINE_MOST);
        return;
    }
    const char *wrong = invalid_bytes(line);
    line = trim(line);
    if (wrong)
        complain(reader, no_key, "the line %s", wrong);
    else if (line.length > 0 && line.start[0] == '[')
        read_section(reader, line);
    else if (line.length > 0 && find_comment(line) > 0)
        read_entry(reader, line);
}

// False after so many mistakes or keys that the rest is not worth reading.
static bool may_continue(struct reader *reader)
{
    bool many = reader->n_complaints >= CONFIG_COMPLAINTS_MOST;
    if (!many && reader->config->n_entries < CONFIG_ENTRIES_MOST)
        return true;
    reader->config->cut = true;
    return complain(reader, no_key, "%s; the rest of the file was not read",
                    many ? "too many mistakes" : "too many keys for a configuration");
}

static bool read_text(struct config *config, struct span text, struct error *error)
{
    struct reader reader = { .config = config, .error = error };
    size_t before = error ? error->n_messages : 0;
    if (text.length >= 3 && memcmp(text.start, "\xef\xbb\xbf", 3) == 0)
        text = span_after(text, 3);
    while (text.length > 0) {
        size_t end = find(text, '\n');
        reader.line++;
        read_line(&reader, span_first(text, end));
        text = span_after(text, end < text.length ? end + 1 : end);
        if (text.length > 0 && !may_continue(&reader))
            break;
    }
    return reader.n_complaints == 0 && (!error || error->n_messages == before);
}

bool config_parse(struct config *config, const char *name, const char *text, size_t length, struct error *error)
{
    *config = (struct config){ .file = strdup(name), .text = malloc(length + 1) };
    if (!config->file || !config->text)
        return out_of_memory(error);
    if (length > 0)
        memcpy(config->text, text, length);
    config->text[length] = '\0';
    return read_text(config, (struct span){ config->text, length }, error);
}

// --- files ---

static bool refuse_file(const char *path, int reason, struct error *error)
{
    const char *remedy = reason == ENOENT || reason == ENOTDIR ? "check the name and the folder"
                         : reason == EISDIR                    ? "give the configuration file inside it"
                         : reason == EACCES                    ? "ask for permission to read it (chmod u+r)"
                                                               : "check the disk, or copy the file elsewhere";
    return error_add(error, ERROR_INPUT, "%s: cannot be read: %s; %s", path, strerror(reason), remedy);
}

// Reads to the end, or one byte beyond the cap: /dev/zero has no end.
static ssize_t read_all(int descriptor, char *text, size_t most)
{
    size_t length = 0;
    while (length < most) {
        ssize_t n = read(descriptor, text + length, most - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        length += (size_t)n;
    }
    return (ssize_t)length;
}

bool config_read(struct config *config, const char *path, struct error *error)
{
    *config = (struct config){ 0 };
    bool good = false;
    char *text = malloc(CONFIG_FILE_MOST + 1);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t length = 0;
    if (!text)
        out_of_memory(error);
    else if (descriptor < 0 || (length = read_all(descriptor, text, CONFIG_FILE_MOST + 1)) < 0)
        refuse_file(path, errno, error);
    else if (length > CONFIG_FILE_MOST)
        error_add(error, ERROR_CONFIG,
                  "%s: larger than %d bytes; allowed: a configuration of at most that (is it another kind of file?)",
                  path, CONFIG_FILE_MOST);
    else
        good = config_parse(config, path, text, (size_t)length, error);
    if (descriptor >= 0)
        close(descriptor);
    free(text);
    return good;
}

// --- overrides ---

static bool override_entry(struct config *config, struct span section, struct span key, struct span value)
{
    struct config_entry *entry = find_entry(config, section, key);
    if (!entry) {
        entry = add_entry(config, section, key, value);
    } else {
        char *text = copy(value);
        if (!text)
            return false;
        if (entry->source == CONFIG_BY_FILE)
            entry->file_value = entry->value;
        else
            free(entry->value);
        entry->value = text;
    }
    if (!entry)
        return false;
    entry->origin = "--set";
    entry->line = 0;
    entry->source = CONFIG_BY_SET;
    return true;
}

static int shown_length(struct span span) { return (int)(span.length < KEY_SHOWN ? span.length : KEY_SHOWN); }

static bool refuse_set(struct span section, struct span key, struct error *error, const char *what, const char *why)
{
    return error_add(error, ERROR_USAGE, "--set %.*s.%.*s: %s%s", shown_length(section), section.start,
                     shown_length(key), key.start, what, why);
}

bool config_set(struct config *config, const char *assignment, struct error *error)
{
    struct span whole = span_of(assignment), name = span_first(whole, find(whole, '='));
    size_t dot = find(name, '.');
    struct span section = trim(span_first(name, dot)),
                key = dot < name.length ? trim(span_after(name, dot + 1)) : no_key;
    struct span value = name.length < whole.length ? trim(span_after(whole, name.length + 1)) : no_key;
    const char *wrong = invalid_bytes(whole);
    if (name.length == whole.length || section.length == 0 || key.length == 0)
        return error_add(error, ERROR_USAGE,
                         "--set %.200s: not of the form SECTION.KEY=VALUE, as in --set system.particles=2", assignment);
    if (wrong)
        return refuse_set(section, key, error, "the value ", wrong);
    if (whole.length > CONFIG_LINE_MOST)
        return refuse_set(section, key, error, "", "longer than 4096 bytes");
    if (find_comment(value) < value.length)
        return refuse_set(section, key, error, "", "a comment (`;` or `#`) has no place in a value");
    return override_entry(config, section, key, value) || out_of_memory(error);
}

void config_finish(struct config *config)
{
    for (size_t k = 0; k < config->n_entries; k++) {
        struct config_entry *entry = &config->entries[k];
        free(entry->section);
        free(entry->key);
        free(entry->value);
        free(entry->file_value);
    }
    for (size_t k = 0; k < config->n_sections; k++)
        free(config->sections[k].name);
    free(config->entries);
    free(config->sections);
    free(config->file);
    free(config->text);
    *config = (struct config){ 0 };
}
