// SPDX-License-Identifier: GPL-3.0-or-later
// Parameter rows: text to value and back.
#include "vmc/param.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct state {
    double real;
    size_t count;
    uint64_t seed;
    bool flag;
    size_t choice;
    struct param_reals reals;
    struct param_names names;
    char *text;
};

static const char *colour(size_t index)
{
    static const char *const names[] = { "red", "green", "blue" };
    return index < 3 ? names[index] : NULL;
}

static const struct param rows[] = {
    PARAM_REAL(state, real, .range = PARAM_ABOVE(0), .may_be_auto = true),
    PARAM_COUNT(state, count, .range = PARAM_WITHIN(32, 1e9), .multiple = 32),
    PARAM_SEED(state, seed, .help = ""),
    PARAM_BOOL(state, flag, .help = ""),
    PARAM_CHOICE(state, choice, .choice = colour),
    PARAM_REALS(state, reals, .range = PARAM_AT_LEAST(0), .most = 3, .may_be_auto = true),
    { .key = "pair",
      .kind = PARAM_KIND_REALS,
      .offset = offsetof(struct state, reals),
      .most = 2,
      .may_be_auto = true },
    { .key = "half", .kind = PARAM_KIND_COUNT, .offset = offsetof(struct state, count), .may_be_auto = true },
    PARAM_NAMES(state, names, .choice = colour),
    PARAM_TEXT(state, text, .help = ""),
    PARAM_END
};

static const struct param *row(const char *key) { return param_find(rows, key); }

static bool parses(const char *key, const char *text, struct state *state, char *why)
{
    return param_parse(row(key), text, state, why);
}

// What is refused, and a piece of what is said about it.
static void refused_texts(void **unused)
{
    static const struct {
        const char *key, *text, *said;
    } cases[] = { { "real", "0.05abc", "'0.05abc' is not a number; allowed: auto or a real number > 0" },
                  { "real", "", "has no value" },
                  { "real", "nan", "not a number" },
                  { "real", "inf", "not a number" },
                  { "real", "0x1p3", "not a number" },
                  { "real", " 1", "not a number" },
                  { "real", "1 ", "not a number" },
                  { "real", "1,5", "not a number" },
                  { "real", "1e999", "too large" },
                  { "real", "0", "out of range" },
                  { "real", "-1", "out of range" },
                  { "real", "1e-999", "out of range" },
                  { "real", "AUTO", "not a number" },
                  { "real", "--1", "not a number" },
                  { "real", "1e", "not a number" },
                  { "count", "1000", "take 992 or 1024" },
                  { "count", "33", "take 32 or 64" },
                  { "count", "0", "out of range" },
                  { "count", "-32", "is negative" },
                  { "count", "1.5", "not a whole number" },
                  { "count", "99999999999999999999999", "too large" },
                  { "count", "1e300", "too large" },
                  { "count", "2e9", "out of range" },
                  { "count", "64x", "not a number" },
                  { "seed", "-1", "not a whole number" },
                  { "seed", "18446744073709551616", "too large" },
                  { "seed", "1.0", "not a whole number" },
                  { "flag", "maybe", "yes or no" },
                  { "choice", "gren", "one of red, green, blue" },
                  { "choice", "Red", "'Red' is not known" },
                  { "reals", "1,2,3,4", "too many items" },
                  { "reals", "1,,2", "empty item" },
                  { "reals", "1,-2", "'-2' is out of range" },
                  { "reals", "1,auto", "'auto' is not a number" },
                  { "reals", "", "has no value" },
                  { "pair", "1,2,3", "too many items; allowed: auto or one or two real numbers, separated by commas" },
                  { "half", "aut", "'aut' is not a number; allowed: auto or a whole number >= 0" },
                  { "half", "18446744073709551615", "out of range" },
                  { "count", "auto", "not a number" },
                  { "names", "red, red", "given twice" },
                  { "names", "red, pink", "'pink' is not known" },
                  { "names", "", "has no value" },
                  { "names", "red,", "empty item" } };
    (void)unused;
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct state state, before;
        char why[PARAM_TEXT_SIZE];
        memset(&state, 0x5a, sizeof state);
        before = state;
        if (parses(cases[k].key, cases[k].text, &state, why))
            fail_msg("%s = %s was taken", cases[k].key, cases[k].text);
        if (!strstr(why, cases[k].said) || !strstr(why, "; allowed: "))
            fail_msg("%s = %s: %s", cases[k].key, cases[k].text, why);
        assert_memory_equal(&state, &before, sizeof state);
    }
}

static void taken_texts(void **unused)
{
    static const struct {
        const char *key, *text, *printed;
    } cases[] = { { "real", "auto", "auto" },
                  { "real", "0.1", "0.1" },
                  { "real", "+.5", "0.5" },
                  { "real", "1E-3", "0.001" },
                  { "count", "1e6", "1000000" },
                  { "count", "1000000", "1000000" },
                  { "count", "64", "64" },
                  { "count", "6.4e1", "64" },
                  { "seed", "18446744073709551615", "18446744073709551615" },
                  { "flag", "YES", "yes" },
                  { "flag", "off", "no" },
                  { "flag", "true", "yes" },
                  { "choice", "blue", "blue" },
                  { "reals", "1, 0.5", "1, 0.5" },
                  { "reals", "auto", "auto" },
                  { "pair", "0.5, -1", "0.5, -1" },
                  { "pair", "auto", "auto" },
                  { "half", "auto", "auto" },
                  { "half", "0", "0" },
                  { "half", "3", "3" },
                  { "reals", "1,2,\t3", "1, 2, 3" },
                  { "names", "blue ,red", "blue, red" },
                  { "text", "a b.h5", "a b.h5" },
                  { "text", "", "" } };
    (void)unused;
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct state state = { 0 };
        char text[PARAM_TEXT_SIZE];
        if (!parses(cases[k].key, cases[k].text, &state, text))
            fail_msg("%s = %s: %s", cases[k].key, cases[k].text, text);
        param_print(row(cases[k].key), &state, text);
        assert_string_equal(text, cases[k].printed);
        param_release(rows, &state);
    }
}

static uint64_t bits(double x)
{
    uint64_t word;
    memcpy(&word, &x, sizeof word);
    return word;
}

// Random bit patterns: printed and read back they are the same bits, in the fewest digits that do.
static void reals_keep_their_bits(void **unused)
{
    static const struct param any = PARAM_REAL(state, real, .range = PARAM_ANY);
    uint64_t word = 88172645463325252u;
    (void)unused;
    for (int k = 0; k < 200000; k++) {
        word ^= word << 13, word ^= word >> 7, word ^= word << 17;
        struct state in = { 0 }, out = { 0 };
        char text[PARAM_TEXT_SIZE], why[PARAM_TEXT_SIZE];
        memcpy(&in.real, &word, sizeof word);
        if (!isfinite(in.real))
            continue;
        param_print(&any, &in, text);
        assert_true(param_parse(&any, text, &out, why));
        assert_true(bits(in.real) == bits(out.real));
    }
    struct state state = { .real = 0.1 + 0.2 };
    char text[PARAM_TEXT_SIZE];
    param_print(&any, &state, text);
    assert_string_equal(text, "0.30000000000000004");
}

static void long_texts_are_cut_or_refused(void **unused)
{
    char text[5000], why[PARAM_TEXT_SIZE];
    struct state state = { 0 };
    (void)unused;
    memset(text, '1', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (const struct param *k = rows; k->key; k++) {
        assert_false(param_parse(k, text, &state, why));
        assert_true(strlen(why) < PARAM_TEXT_SIZE);
        assert_true(strstr(why, "...'") || strstr(why, "(an item of 4999 bytes)"));
    }
    // cut inside no UTF-8 character
    text[0] = 'x';
    for (size_t k = 1; k + 2 < sizeof text; k += 2)
        memcpy(text + k, "\xc3\xa9", 2);
    assert_false(parses("real", text, &state, why));
    assert_non_null(strstr(why, "\xc3\xa9...'"));
    // a leading digit beyond what an item may hold must not pass for the whole number
    memset(text, '0', sizeof text - 1);
    assert_false(parses("reals", text, &state, why));
}

static void numbers_of_rows(void **unused)
{
    struct state state = { .real = NAN, .count = 64, .seed = 7, .reals = { 2, { 1, 0.5 } } };
    double value[PARAM_LIST_MOST];
    (void)unused;
    assert_int_equal(param_numbers(row("real"), &state, value), 1);
    assert_true(isnan(value[0]));
    assert_int_equal(param_numbers(row("count"), &state, value), 1);
    assert_true(value[0] == 64);
    assert_int_equal(param_numbers(row("reals"), &state, value), 2);
    assert_true(value[1] == 0.5);
    assert_int_equal(param_numbers(row("half"), &state, value), 1);
    assert_true(value[0] == 64);
    state.count = PARAM_COUNT_AUTO;
    assert_int_equal(param_numbers(row("half"), &state, value), 1);
    assert_true(isnan(value[0]));
    state.reals.n = 0;
    assert_int_equal(param_numbers(row("reals"), &state, value), 1);
    assert_true(isnan(value[0]));
    assert_int_equal(param_numbers(row("text"), &state, value), 0);
    assert_int_equal(param_numbers(row("choice"), &state, value), 0);
    assert_null(row("colour"));
}

static void descriptions(void **unused)
{
    static const struct {
        struct param row;
        const char *words;
    } cases[] = { { PARAM_REAL(state, real, .range = PARAM_ANY), "a real number" },
                  { PARAM_REAL(state, real, .help = ""), "a real number" },
                  { PARAM_REAL(state, real, .range = PARAM_ABOVE_BELOW(0, 1)), "a real number > 0 and < 1" },
                  { PARAM_REAL(state, real, .range = PARAM_WITHIN(-1, 0.1)), "a real number from -1 to 0.1" },
                  { PARAM_COUNT(state, count, .help = ""), "a whole number >= 0" },
                  { PARAM_NAMES(state, names, .choice = colour),
                    "one or more of red, green, blue, separated by commas, each at most once" } };
    char text[PARAM_TEXT_SIZE];
    (void)unused;
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        param_describe(&cases[k].row, text);
        assert_string_equal(text, cases[k].words);
    }
}

static void errors_gather(void **unused)
{
    struct error error = { 0 };
    (void)unused;
    assert_false(error_add(&error, ERROR_CONFIG, "first %d", 1));
    assert_false(error_add(&error, ERROR_WRITE, "second"));
    assert_false(error_add(NULL, ERROR_WRITE, "nowhere"));
    assert_int_equal(error.kind, ERROR_CONFIG);
    assert_int_equal(error.n_messages, 2);
    assert_string_equal(error.text, "first 1\nsecond");
    error_clear(&error);
    assert_null(error.text);
    assert_int_equal(error.kind, ERROR_NONE);
}

// Whatever is repeated in a message, whole lines of UTF-8 come out.
static void errors_are_printable(void **unused)
{
    struct error error = { 0 };
    (void)unused;
    error_add(&error, ERROR_CONFIG, "\x1b[31m\x7f \xc3\xa9\t%.1s %s", "\xc3\xa9", "\xed\xa0\x80 \xf0\x9f\x98");
    assert_string_equal(error.text, "?[31m? \xc3\xa9\t? ??? ???");
    error_clear(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_texts),         cmocka_unit_test(taken_texts),
        cmocka_unit_test(reals_keep_their_bits), cmocka_unit_test(long_texts_are_cut_or_refused),
        cmocka_unit_test(numbers_of_rows),       cmocka_unit_test(descriptions),
        cmocka_unit_test(errors_gather),         cmocka_unit_test(errors_are_printable)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
