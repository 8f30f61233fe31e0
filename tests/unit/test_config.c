// SPDX-License-Identifier: GPL-3.0-or-later
// The INI reader: what it takes, what it refuses and with which words.
#include "vmc/config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char *value_of(const struct config *config, const char *section, const char *key)
{
    const struct config_entry *entry = config_find(config, section, key);
    return entry ? entry->value : NULL;
}

static bool parse(struct config *config, const char *text, struct error *error)
{
    return config_parse(config, "f.ini", text, strlen(text), error);
}

static void takes_what_is_promised(void **unused)
{
    static const char text[] = "\xef\xbb\xbf; comment\r\n# another\r\n\r\n  [ system ]  ; the system\r\n"
                               "particles=2\r\n\tdimensions = 3 # three\r\nload = caf\xc3\xa9;x#y = z\r\nempty "
                               "=\r\nnothing = ; said\r\n[run]\nseed = 1";
    struct config config;
    struct error error = { 0 };
    (void)unused;
    assert_true(parse(&config, text, &error));
    assert_string_equal(value_of(&config, "system", "particles"), "2");
    assert_string_equal(value_of(&config, "system", "dimensions"), "3");
    assert_string_equal(value_of(&config, "system", "load"), "caf\xc3\xa9;x#y = z");
    assert_string_equal(value_of(&config, "system", "empty"), "");
    assert_string_equal(value_of(&config, "system", "nothing"), "");
    assert_string_equal(value_of(&config, "run", "seed"), "1");
    assert_int_equal(config_find(&config, "run", "seed")->line, 11);
    assert_int_equal(config.n_sections, 2);
    assert_int_equal(config_find_section(&config, "run")->line, 10);
    assert_string_equal(config.text, text);
    config_finish(&config);
}

static void refuses_with_place_and_reason(void **unused)
{
    static const struct {
        const char *text;
        size_t length;
        const char *said;
    } cases[] = { { "[a]\nb = 1\0 2\n", 13, "f.ini:2: [a]: the line holds a NUL byte" },
                  { "[a] x\n", 0, "f.ini:1: [a]: 'x' after `]`" },
                  { "[a]]\n", 0, "f.ini:1: [a]: ']' after `]`" },
                  { "[a\n", 0, "f.ini:1: [a]: `]` is missing" },
                  { "[]\n", 0, "f.ini:1: []: a section without a name" },
                  { "[a]\nb : 1\n", 0, "f.ini:2: [a] b: `key : value`; write `key = value`" },
                  { "[a]\nb: 1 = 2\n", 0, "f.ini:2: [a] b: `key : value`" },
                  { "[a]\nb 1\n", 0, "f.ini:2: [a] b: `= is missing`" },
                  { "[a]\nb\n", 0, "f.ini:2: [a] b: `=` and a value are missing" },
                  { "[a]\n= 1\n", 0, "f.ini:2: [a]: no key before `=`" },
                  { "b = 1\n", 0, "f.ini:1: b: a key before any section" },
                  { "[a]\nb = 1\nb = 2\n", 0, "f.ini:3: [a] b: given twice, first in line 2" },
                  { "[a]\nb = 1\n  b = 2\n", 0, "f.ini:3: [a] b: given twice, first in line 2" },
                  { "[a]\n[b]\n[a]\n", 0, "f.ini:3: [a]: the section was opened before, in line 1" },
                  { "[a]\nb = \xff\n", 0, "f.ini:2: [a]: the line is not valid UTF-8" },
                  { "[a]\nb = \xc0\x80\n", 0, "not valid UTF-8" },
                  { "[a]\nb = \xed\xa0\x80\n", 0, "not valid UTF-8" },
                  { "[a]\nb = \xf4\x90\x80\x80\n", 0, "not valid UTF-8" },
                  { "[a]\nb = \xe2\x82\n", 0, "not valid UTF-8" },
                  { "[a]\nb = \x1b[31m\n", 0, "holds a control character" },
                  { "[a]\rb = 1\r", 0, "holds a control character" } };
    (void)unused;
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct config config;
        struct error error = { 0 };
        size_t length = cases[k].length ? cases[k].length : strlen(cases[k].text);
        assert_false(config_parse(&config, "f.ini", cases[k].text, length, &error));
        assert_int_equal(error.kind, ERROR_CONFIG);
        if (!strstr(error.text, cases[k].said))
            fail_msg("%s\nexpected: %s", error.text, cases[k].said);
        config_finish(&config);
        error_clear(&error);
    }
}

static void gathers_all_complaints(void **unused)
{
    struct config config;
    struct error error = { 0 };
    (void)unused;
    assert_false(parse(&config, "x = 1\n[a\nb : 1\nc = 2\nc = 3\n[a]\n", &error));
    assert_int_equal(error.n_messages, 5);
    // what could be made out is there
    assert_string_equal(value_of(&config, "a", "b"), "1");
    assert_string_equal(value_of(&config, "a", "c"), "2");
    config_finish(&config);
    error_clear(&error);
}

static void line_lengths(void **unused)
{
    char text[CONFIG_LINE_MOST + 16];
    struct config config;
    struct error error = { 0 };
    (void)unused;
    memset(text, 'x', sizeof text);
    memcpy(text, "[a]\nk=", 6);
    text[4 + CONFIG_LINE_MOST] = '\r';  // the longest line that is allowed, and CRLF on top
    text[5 + CONFIG_LINE_MOST] = '\n';
    assert_true(config_parse(&config, "f.ini", text, 6 + CONFIG_LINE_MOST, &error));
    config_finish(&config);
    text[4 + CONFIG_LINE_MOST] = 'x';
    assert_false(config_parse(&config, "f.ini", text, 6 + CONFIG_LINE_MOST, &error));
    assert_non_null(strstr(error.text, "f.ini:2: [a]: a line of 4097 bytes; allowed: at most 4096"));
    config_finish(&config);
    error_clear(&error);
}

static void much_junk_ends_soon(void **unused)
{
    size_t length = CONFIG_FILE_MOST;
    char *text = malloc(length);
    struct config config;
    struct error error = { 0 };
    (void)unused;
    assert_non_null(text);
    for (size_t k = 0; k < length; k++)
        text[k] = k % 2 ? '\n' : 'x';
    assert_false(config_parse(&config, "f.ini", text, length, &error));
    assert_int_equal(error.n_messages, CONFIG_COMPLAINTS_MOST + 1);
    assert_true(config.cut);
    assert_non_null(strstr(error.text, "the rest of the file was not read"));
    config_finish(&config);
    error_clear(&error);
    // distinct keys are no mistakes of form each, but there are too many of them
    size_t used = (size_t)sprintf(text, "[a]\n");
    for (int k = 0; used + 32 < length; k++)
        used += (size_t)sprintf(text + used, "k%d=\n", k);
    assert_false(config_parse(&config, "f.ini", text, used, &error));
    assert_int_equal(error.n_messages, 1);
    config_finish(&config);
    error_clear(&error);
    free(text);
}

static void unreadable_files(void **unused)
{
    static const struct {
        const char *path;
        enum error_kind kind;
        const char *said;
    } cases[] = { { "/nowhere/at/all.ini", ERROR_INPUT, "No such file or directory; check the name and the folder" },
                  { "/", ERROR_INPUT, "Is a directory; give the configuration file inside it" },
                  { "/dev/null/x", ERROR_INPUT, "Not a directory; check the name and the folder" },
                  { "/proc/self/mem", ERROR_INPUT, "error; check the disk, or copy the file elsewhere" },
                  { "/dev/zero", ERROR_CONFIG, "larger than 1048576 bytes" } };
    (void)unused;
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct config config;
        struct error error = { 0 };
        assert_false(config_read(&config, cases[k].path, &error));
        assert_int_equal(error.kind, cases[k].kind);
        assert_non_null(strstr(error.text, cases[k].path));
        assert_non_null(strstr(error.text, cases[k].said));
        assert_null(config.file);
        config_finish(&config);
        error_clear(&error);
    }
}

static void reads_files_of_others(void **unused)
{
    char path[] = "/tmp/vmc-test-config-XXXXXX";
    const int descriptor = mkstemp(path);
    const uid_t self = geteuid();
    struct config config;
    struct error error = { 0 };
    (void)unused;
    assert_true(descriptor >= 0 && fchmod(descriptor, 0) == 0);
    close(descriptor);
    if (self == 0 && seteuid(65534) != 0) {  // root may read everything
        print_message("left out: root cannot become another user here\n");
        skip();
    }
    const bool good = config_read(&config, path, &error);
    if (self == 0)
        assert_int_equal(seteuid(0), 0);
    unlink(path);
    assert_false(good);
    assert_non_null(strstr(error.text, "ask for permission to read it (chmod u+r)"));
    error_clear(&error);
    config_finish(&config);
}

static void reads_files(void **unused)
{
    char path[] = "/tmp/vmc-test-config-XXXXXX";
    int descriptor = mkstemp(path);
    struct config config;
    struct error error = { 0 };
    (void)unused;
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, "[a]\nb = 1\n", 10), 10);
    close(descriptor);
    assert_true(config_read(&config, path, &error));
    assert_string_equal(config.file, path);
    assert_string_equal(value_of(&config, "a", "b"), "1");
    config_finish(&config);
    unlink(path);
    assert_true(config_read(&config, "/dev/null", &error));
    assert_int_equal(config.n_entries, 0);
    config_finish(&config);
}

static void overrides(void **unused)
{
    static const char *const malformed[] = { "",    "=",           "a",      "a=1",      ".b=1",     "a.=1",
                                             "a.b", "a.b = 1 # x", "a.b=;x", "a.b=\x01", "a.b=\xff", " . = " };
    struct config config;
    struct error error = { 0 };
    (void)unused;
    assert_true(parse(&config, "[a]\nb = 1\n", &error));
    assert_true(config_set(&config, "a.b=2", &error));
    assert_true(config_set(&config, " a . b = x=y.z ", &error));
    assert_true(config_set(&config, "c.d=", &error));
    assert_true(config_set(&config, "c.d=5", &error));
    const struct config_entry *entry = config_find(&config, "a", "b");
    assert_string_equal(entry->value, "x=y.z");
    assert_string_equal(entry->file_value, "1");
    assert_string_equal(entry->origin, "--set");
    assert_int_equal(entry->line, 0);
    assert_string_equal(value_of(&config, "c", "d"), "5");
    assert_null(config_find(&config, "c", "d")->file_value);
    assert_null(config_find_section(&config, "c"));
    for (size_t k = 0; k < sizeof malformed / sizeof malformed[0]; k++) {
        assert_false(config_set(&config, malformed[k], &error));
        assert_int_equal(error.kind, ERROR_USAGE);
        error_clear(&error);
    }
    config_finish(&config);
}

static void nearest_names(void **unused)
{
    static const char *const names[] = { "omega", "particles", "dimensions", "hidden", "samples", "rbm", NULL };
    static const struct {
        const char *word, *nearest;
    } cases[] = { { "omgea", "omega" },
                  { "omeg", "omega" },
                  { "Omega", "omega" },
                  { "OMEGA", "omega" },
                  { "particels", "particles" },
                  { "hiden", "hidden" },
                  { "sampels", "samples" },
                  { "rb", "rbm" },
                  { "x", NULL },
                  { "", NULL },
                  { "completely", NULL },
                  { "dimension", "dimensions" },
                  { "oemag", NULL } };
    char longest[200];
    (void)unused;
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        const char *nearest = config_nearest(cases[k].word, names);
        if (cases[k].nearest ? !nearest || strcmp(nearest, cases[k].nearest) != 0 : nearest != NULL)
            fail_msg("%s: %s", cases[k].word, nearest ? nearest : "none");
    }
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_null(config_nearest(longest, names));
}

// Random bytes out of a hostile alphabet: no crash, no hang, and what is taken is well-formed.
static void random_texts(void **unused)
{
    static const char alphabet[] = "[]=;#: \t\n\r\0ab.\xc3\xa9\xff\xef\xbb\xbf";
    uint64_t word = 1234567;
    (void)unused;
    for (int trial = 0; trial < 50000; trial++) {
        char text[64];
        struct config config;
        struct error error = { 0 };
        word ^= word << 13, word ^= word >> 7, word ^= word << 17;
        size_t length = word % sizeof text;
        for (size_t k = 0; k < length; k++) {
            word ^= word << 13, word ^= word >> 7, word ^= word << 17;
            text[k] = alphabet[word % (sizeof alphabet - 1)];
        }
        bool good = config_parse(&config, "f.ini", text, length, &error);
        assert_true(good == (error.n_messages == 0));
        for (size_t k = 0; k < config.n_entries; k++)
            assert_true(config.entries[k].key[0] != '\0');
        config_finish(&config);
        error_clear(&error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(takes_what_is_promised),
                                        cmocka_unit_test(refuses_with_place_and_reason),
                                        cmocka_unit_test(gathers_all_complaints),
                                        cmocka_unit_test(line_lengths),
                                        cmocka_unit_test(much_junk_ends_soon),
                                        cmocka_unit_test(unreadable_files),
                                        cmocka_unit_test(reads_files_of_others),
                                        cmocka_unit_test(reads_files),
                                        cmocka_unit_test(overrides),
                                        cmocka_unit_test(nearest_names),
                                        cmocka_unit_test(random_texts) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
