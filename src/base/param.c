// SPDX-License-Identifier: GPL-3.0-or-later
// Parameter tables: text to value and back, and the words for what is allowed.
//
// Numbers are read and written in the C locale whatever the caller's locale is, and a printed real is the shortest text
// that reads back to the same bits: %.15g where it does, else %.16g, else %.17g.  Check: 0.1 prints "0.1", 0.1 + 0.2
// prints "0.30000000000000004".
#include "vmc/param.h"

#include "base/memory.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { QUOTE_MOST = 60 };                 // bytes of a user's value repeated in a message
static const double EXACT_MOST = 0x1p53;  // beyond it a double no longer holds every whole number

// Bounded text: what does not fit is cut.
struct writer {
    char *text;
    size_t used, size;
};

__attribute__((format(printf, 2, 3))) static void write_text(struct writer *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(out->text + out->used, out->size - out->used, format, arguments);
    va_end(arguments);
    if (length > 0)
        out->used += (size_t)length;
    if (out->used >= out->size)
        out->used = out->size - 1;
}

static struct writer writer_on(char text[PARAM_TEXT_SIZE])
{
    text[0] = '\0';
    return (struct writer){ text, 0, PARAM_TEXT_SIZE };
}

// The user's text in quotes, shortened (never inside a UTF-8 character) and with control characters made visible.
static void write_quoted(struct writer *out, const char *text)
{
    size_t length = strlen(text), shown = length;
    if (length > QUOTE_MOST)
        for (shown = QUOTE_MOST; shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80;)
            shown--;
    write_text(out, "'");
    for (size_t k = 0; k < shown; k++)
        write_text(out, "%c", iscntrl((unsigned char)text[k]) ? '?' : text[k]);
    write_text(out, "%s'", shown < length ? "..." : "");
}

// --- what is allowed, in words ---

static bool is_limited(struct param_range range)
{
    return range.low != 0 || range.high != 0 || range.low_open || range.high_open;
}

static void print_real(char *text, size_t size, double value)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", NULL), callers = uselocale(c);
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, value);
        if (digits == 17 || strtod(text, NULL) == value)
            break;
    }
    uselocale(callers);
    if (c)
        freelocale(c);
}

static void write_real(struct writer *out, double value)
{
    char text[40];
    print_real(text, sizeof text, value);
    write_text(out, "%s", text);
}

static void write_range(struct writer *out, struct param_range range)
{
    bool low = is_limited(range) && isfinite(range.low), high = is_limited(range) && isfinite(range.high);
    if (low && high && !range.low_open && !range.high_open) {
        write_text(out, " from ");
        write_real(out, range.low);
        write_text(out, " to ");
        write_real(out, range.high);
        return;
    }
    if (low) {
        write_text(out, range.low_open ? " > " : " >= ");
        write_real(out, range.low);
    }
    if (high) {
        write_text(out, low ? " and" : "");
        write_text(out, range.high_open ? " < " : " <= ");
        write_real(out, range.high);
    }
}

static void write_choices(struct writer *out, const struct param *row)
{
    for (size_t k = 0; row->choice(k); k++)
        write_text(out, "%s%s", k > 0 ? ", " : "", row->choice(k));
}

static size_t list_most(const struct param *row)
{
    const size_t most = row->kind == PARAM_KIND_NAMES ? PARAM_NAMES_MOST : PARAM_LIST_MOST;
    return row->most > 0 && row->most < most ? row->most : most;
}

static void write_allowed(struct writer *out, const struct param *row)
{
    if (row->may_be_auto)
        write_text(out, row->may_be_none ? "auto, " : "auto or ");
    if (row->may_be_none)
        write_text(out, "none or ");
    switch (row->kind) {
    case PARAM_KIND_END: break;
    case PARAM_KIND_REAL:
        write_text(out, "a real number");
        write_range(out, row->range);
        break;
    case PARAM_KIND_COUNT:
        write_text(out, "a whole number");
        write_range(out, is_limited(row->range) ? row->range : (struct param_range)PARAM_AT_LEAST(0));
        if (row->multiple > 0)
            write_text(out, ", a multiple of %zu", row->multiple);
        break;
    case PARAM_KIND_SEED: write_text(out, "a whole number from 0 to %" PRIu64, UINT64_MAX); break;
    case PARAM_KIND_BOOL: write_text(out, "yes or no (also true, false, on, off)"); break;
    case PARAM_KIND_CHOICE:
        write_text(out, "one of ");
        write_choices(out, row);
        break;
    case PARAM_KIND_REALS:
        if (list_most(row) == 2)
            write_text(out, "one or two real numbers");
        else
            write_text(out, "one to %zu real numbers", list_most(row));
        write_range(out, row->range);
        write_text(out, ", separated by commas");
        break;
    case PARAM_KIND_NAMES:
        write_text(out, list_most(row) == 1 ? "one of " : "one or more of ");
        write_choices(out, row);
        write_text(out, list_most(row) == 1 ? "" : ", separated by commas, each at most once");
        break;
    case PARAM_KIND_TEXT: write_text(out, "a text of at most %d bytes, or nothing", PARAM_TEXT_SIZE - 1); break;
    }
}

void param_describe(const struct param *row, char text[PARAM_TEXT_SIZE])
{
    struct writer out = writer_on(text);
    write_allowed(&out, row);
}

// --- complaints; all return false ---

static bool complain(const struct param *row, const char *text, const char *what, char *why)
{
    struct writer out = writer_on(why);
    if (*text == '\0') {
        write_text(&out, "has no value");
    } else {
        write_quoted(&out, text);
        write_text(&out, " %s", what);
    }
    write_text(&out, "; allowed: ");
    write_allowed(&out, row);
    return false;
}

static bool complain_multiple(const struct param *row, const char *text, size_t value, char *why)
{
    char what[120];
    size_t below = value / row->multiple * row->multiple, above = below + row->multiple;
    if (below > 0 && (double)below >= row->range.low)
        snprintf(what, sizeof what, "is not a multiple of %zu: take %zu or %zu", row->multiple, below, above);
    else
        snprintf(what, sizeof what, "is not a multiple of %zu: take %zu", row->multiple, above);
    return complain(row, text, what, why);
}

// --- text to value ---

static bool in_range(struct param_range range, double value)
{
    if (!is_limited(range))
        return true;
    return (range.low_open ? value > range.low : value >= range.low) &&
           (range.high_open ? value < range.high : value <= range.high);
}

// NULL, or what is wrong. Decimal numbers only: strtod alone would take "nan", "0x1p3" and leading white space as well.
static const char *read_real(const char *text, double *value)
{
    if (*text == '\0' || text[strspn(text, "+-.0123456789eE")] != '\0')
        return "is not a number";
    locale_t c = newlocale(LC_ALL_MASK, "C", NULL), callers = uselocale(c);
    char *end = NULL;
    *value = strtod(text, &end);
    uselocale(callers);
    if (c)
        freelocale(c);
    if (end == text || *end != '\0')
        return "is not a number";
    return isfinite(*value) ? NULL : "is too large";
}

static const char *read_digits(const char *text, uint64_t *value)
{
    if (*text == '\0' || text[strspn(text, "0123456789")] != '\0')
        return "is not a whole number";
    errno = 0;
    unsigned long long digits = strtoull(text, NULL, 10);
    *value = digits;
    return errno == ERANGE ? "is too large" : NULL;
}

static const char *read_count(const char *text, size_t *value)
{
    uint64_t digits = 0;
    const char *wrong = read_digits(text, &digits);
    if (!wrong) {
        *value = (size_t)digits;
        return digits <= SIZE_MAX ? NULL : "is too large";
    }
    double real = 0;
    const char *not_real = read_real(text, &real);
    if (not_real)
        return not_real;
    if (real < 0 || real != floor(real))
        return real < 0 ? "is negative" : "is not a whole number";
    if (real > EXACT_MOST)
        return "is too large";
    *value = (size_t)real;
    return NULL;
}

static bool parse_real(const struct param *row, const char *text, void *member, char *why)
{
    double value = NAN;
    if (!(row->may_be_auto && strcmp(text, "auto") == 0)) {
        const char *wrong = read_real(text, &value);
        if (wrong)
            return complain(row, text, wrong, why);
        if (!in_range(row->range, value))
            return complain(row, text, "is out of range", why);
    }
    *(double *)member = value;
    return true;
}

static bool parse_count(const struct param *row, const char *text, void *member, char *why)
{
    size_t value = PARAM_COUNT_AUTO;
    if (!(row->may_be_auto && strcmp(text, "auto") == 0)) {
        const char *wrong = read_count(text, &value);
        if (wrong)
            return complain(row, text, wrong, why);
        if (!in_range(row->range, (double)value) || (row->may_be_auto && value == PARAM_COUNT_AUTO))
            return complain(row, text, "is out of range", why);
        if (row->multiple > 0 && value % row->multiple != 0)
            return complain_multiple(row, text, value, why);
    }
    *(size_t *)member = value;
    return true;
}

static bool parse_seed(const struct param *row, const char *text, void *member, char *why)
{
    uint64_t value = 0;
    const char *wrong = read_digits(text, &value);
    if (wrong)
        return complain(row, text, wrong, why);
    *(uint64_t *)member = value;
    return true;
}

static bool parse_bool(const struct param *row, const char *text, void *member, char *why)
{
    static const char *const words[] = { "no", "yes", "false", "true", "off", "on" };
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++)
        if (strcasecmp(text, words[k]) == 0) {
            *(bool *)member = k % 2 == 1;
            return true;
        }
    return complain(row, text, "is neither yes nor no", why);
}

// Index of the name, or SIZE_MAX.
static size_t choice_index(const struct param *row, const char *name)
{
    for (size_t k = 0; row->choice(k); k++)
        if (strcmp(row->choice(k), name) == 0)
            return k;
    return SIZE_MAX;
}

static bool parse_choice(const struct param *row, const char *text, void *member, char *why)
{
    size_t index = choice_index(row, text);
    if (index == SIZE_MAX)
        return complain(row, text, "is not known", why);
    *(size_t *)member = index;
    return true;
}

// The next item of a comma-separated list, trimmed; false past the last one. One too long for `size` must not pass for
// its first digits.
static bool next_item(const char **list, char *item, size_t size)
{
    if (!*list)
        return false;
    const char *start = *list + strspn(*list, " \t"), *comma = strchr(start, ','),
               *end = comma ? comma : start + strlen(start);
    *list = comma ? comma + 1 : NULL;
    while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    size_t length = (size_t)(end - start);
    if (length < size)
        snprintf(item, size, "%.*s", (int)length, start);
    else
        snprintf(item, size, "(an item of %zu bytes)", length);
    return true;
}

static bool parse_reals(const struct param *row, const char *text, void *member, char *why)
{
    struct param_reals values = { 0 };
    char item[PARAM_TEXT_SIZE];
    const char *list = row->may_be_auto && strcmp(text, "auto") == 0 ? NULL : text;
    while (next_item(&list, item, sizeof item)) {
        if (values.n == list_most(row))
            return complain(row, text, "has too many items", why);
        const char *wrong = read_real(item, &values.value[values.n]);
        if (wrong)
            return complain(row, *item ? item : text, *item ? wrong : "has an empty item", why);
        if (!in_range(row->range, values.value[values.n++]))
            return complain(row, item, "is out of range", why);
    }
    *(struct param_reals *)member = values;
    return true;
}

static bool names_hold(const struct param_names *names, size_t index)
{
    for (size_t k = 0; k < names->n; k++)
        if (names->index[k] == index)
            return true;
    return false;
}

// "auto" and "none" say it all: neither goes with other names.
static bool is_keyword(const struct param *row, const char *text)
{
    return (row->may_be_auto && strcmp(text, "auto") == 0) || (row->may_be_none && strcmp(text, "none") == 0);
}

static bool parse_names(const struct param *row, const char *text, void *member, char *why)
{
    struct param_names names = { .is_auto = row->may_be_auto && strcmp(text, "auto") == 0 };
    char item[PARAM_TEXT_SIZE];
    const char *list = is_keyword(row, text) ? NULL : text;
    for (; names.is_auto && names.n < PARAM_NAMES_MOST && row->choice(names.n); names.n++)
        names.index[names.n] = names.n;
    while (next_item(&list, item, sizeof item)) {
        size_t index = choice_index(row, item);
        if (is_keyword(row, item))
            return complain(row, item, "stands alone", why);
        if (index == SIZE_MAX)
            return complain(row, *item ? item : text, *item ? "is not known" : "has an empty item", why);
        if (names_hold(&names, index))
            return complain(row, item, "is given twice", why);
        if (names.n == list_most(row))
            return complain(row, text, "has too many items", why);
        names.index[names.n++] = index;
    }
    *(struct param_names *)member = names;
    return true;
}

static bool parse_text(const struct param *row, const char *text, void *member, char *why)
{
    if (strlen(text) >= PARAM_TEXT_SIZE)
        return complain(row, text, "is too long", why);
    char *copy = NULL;
    if (*text != '\0' && !(copy = memory_text(text)))
        return complain(row, text, "does not fit into memory", why);
    char **owned = member;
    free(*owned);
    *owned = copy;
    return true;
}

bool param_parse(const struct param *row, const char *text, void *state, char *why)
{
    static bool (*const parse[])(const struct param *, const char *, void *, char *) = {
        [PARAM_KIND_REAL] = parse_real,   [PARAM_KIND_COUNT] = parse_count,   [PARAM_KIND_SEED] = parse_seed,
        [PARAM_KIND_BOOL] = parse_bool,   [PARAM_KIND_CHOICE] = parse_choice, [PARAM_KIND_REALS] = parse_reals,
        [PARAM_KIND_NAMES] = parse_names, [PARAM_KIND_TEXT] = parse_text
    };
    why[0] = '\0';
    return parse[row->kind](row, text, (char *)state + row->offset, why);
}

// --- value to text ---

static void write_names(struct writer *out, const struct param *row, const struct param_names *names)
{
    if (names->is_auto || names->n == 0)
        write_text(out, names->is_auto ? "auto" : row->may_be_none ? "none" : "");
    for (size_t k = 0; !names->is_auto && k < names->n; k++)
        write_text(out, "%s%s", k > 0 ? ", " : "", row->choice(names->index[k]));
}

static void write_reals(struct writer *out, const struct param_reals *values)
{
    if (values->n == 0)
        write_text(out, "auto");
    for (size_t k = 0; k < values->n; k++) {
        write_text(out, "%s", k > 0 ? ", " : "");
        write_real(out, values->value[k]);
    }
}

void param_print(const struct param *row, const void *state, char text[PARAM_TEXT_SIZE])
{
    struct writer out = writer_on(text);
    const void *member = (const char *)state + row->offset;
    switch (row->kind) {
    case PARAM_KIND_END: break;
    case PARAM_KIND_REAL:
        if (isnan(*(const double *)member))
            write_text(&out, "auto");
        else
            write_real(&out, *(const double *)member);
        break;
    case PARAM_KIND_COUNT:
        if (row->may_be_auto && *(const size_t *)member == PARAM_COUNT_AUTO)
            write_text(&out, "auto");
        else
            write_text(&out, "%zu", *(const size_t *)member);
        break;
    case PARAM_KIND_SEED: write_text(&out, "%" PRIu64, *(const uint64_t *)member); break;
    case PARAM_KIND_BOOL: write_text(&out, "%s", *(const bool *)member ? "yes" : "no"); break;
    case PARAM_KIND_CHOICE: write_text(&out, "%s", row->choice(*(const size_t *)member)); break;
    case PARAM_KIND_REALS: write_reals(&out, member); break;
    case PARAM_KIND_NAMES: write_names(&out, row, member); break;
    case PARAM_KIND_TEXT: write_text(&out, "%s", *(char *const *)member ? *(char *const *)member : ""); break;
    }
}

// --- the rest ---

void param_release(const struct param *rows, void *state)
{
    for (; rows && rows->key; rows++)
        if (rows->kind == PARAM_KIND_TEXT) {
            char **owned = (char **)(void *)((char *)state + rows->offset);
            free(*owned);
            *owned = NULL;
        }
}

size_t param_numbers(const struct param *row, const void *state, double value[PARAM_LIST_MOST])
{
    const void *member = (const char *)state + row->offset;
    const struct param_reals *reals = member;
    value[0] = NAN;
    switch (row->kind) {
    case PARAM_KIND_REAL: value[0] = *(const double *)member; return 1;
    case PARAM_KIND_COUNT:
        value[0] = row->may_be_auto && *(const size_t *)member == PARAM_COUNT_AUTO ? NAN
                                                                                   : (double)*(const size_t *)member;
        return 1;
    case PARAM_KIND_SEED: value[0] = (double)*(const uint64_t *)member; return 1;
    case PARAM_KIND_REALS: memcpy(value, reals->value, reals->n * sizeof value[0]); return reals->n > 0 ? reals->n : 1;
    case PARAM_KIND_END:
    case PARAM_KIND_BOOL:
    case PARAM_KIND_CHOICE:
    case PARAM_KIND_NAMES:
    case PARAM_KIND_TEXT: break;
    }
    return 0;
}

const struct param *param_find(const struct param *rows, const char *key)
{
    for (; rows && rows->key; rows++)
        if (strcmp(rows->key, key) == 0)
            return rows;
    return NULL;
}
