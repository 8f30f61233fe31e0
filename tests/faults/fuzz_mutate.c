// SPDX-License-Identifier: GPL-3.0-or-later
// Changes to texts: of bytes, of chunks, and of whole lines made from the program's own tables and from numbers that
// programs stumble over.
#include "faults/fuzz.h"

#include "vmc/settings.h"

#include <stdio.h>
#include <string.h>

enum { SCHEMA_MOST = 128, CHUNK_MOST = 256, LINE_MOST = 4400, CHANGES_MOST = 5 };

// A text being changed.
struct draft {
    uint64_t *random;
    char *text;
    size_t length;
    const char *other;
    size_t other_length;
};

static const char *const nasty[] = {
    "1e309",
    "-1e309",
    "-0",
    "nan",
    "inf",
    "0x10",
    "0x1p3",
    "1e-320",
    "4.9406564584124654e-324",
    "1.7976931348623157e308",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775808",
    "4294967296",
    "1e19",
    "1e20",
    "0.5e1",
    "1e",
    ".",
    "-",
    "+1",
    "1,",
    ",",
    ",,",
    "1, 1, 1, 1, 1, 1, 1, 1, 1",
    "auto",
    "AUTO",
    "none",
    "yes",
    "off",
    "no",
    "0",
    "1",
    "2",
    "3",
    "32",
    "33",
    "1000000",
    "0.1",
    "1 | 2",
    "0:1:3",
    "1:2:101",
    "0:0:2",
    "1:1e308:5",
    "-1e308:1e308:3",
    "1:2:1e9",
    "|",
    "||",
    "::",
    "1|",
    "a:b:c",
    "a ; b",
    "a;b",
    "x|;y",
    "#",
    ";",
    "= =",
    "[",
    "]",
    "[]",
    "[ ]",
    "\r\n",
    "\r",
    "\t",
    "\v",
    "\xef\xbb\xbf",
    "\xc3\xa9",
    "\xe2\x82\xac",
    "\xf0\x9f\x98\x80",
    "\xc0\x80",
    "\xed\xa0\x80",
    "\xf4\x90\x80\x80",
    "\xe2\x82",
    "\xff",
    "\x7f",
    "\x1b[31m",
    "%s%n",
    "../x.h5",
    "sweep.",
    ".",
    "run.seed",
    "sweep.system.omega",
    "; --set ",
    "\n; --set system.omega=2\n",
    "\n; --set sweep.run.seed=1|2\n",
};

size_t fuzz_random(uint64_t *state, size_t n)
{
    // splitmix64
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (size_t)((z ^ (z >> 31)) % n);
}

static size_t random_below(struct draft *draft, size_t n) { return fuzz_random(draft->random, n); }

// --- bytes and chunks ---

// Puts bytes at a place, in the room of `gone` bytes there; what does not fit is left out.
static void replace(struct draft *draft, size_t at, size_t gone, const char *bytes, size_t n)
{
    size_t kept = draft->length - gone;
    if (n > FUZZ_TEXT_MOST - kept)
        n = FUZZ_TEXT_MOST - kept;
    memmove(draft->text + at + n, draft->text + at + gone, draft->length - at - gone);
    memcpy(draft->text + at, bytes, n);
    draft->length = kept + n;
}

static void insert(struct draft *draft, size_t at, const char *bytes, size_t n) { replace(draft, at, 0, bytes, n); }

static void flip(struct draft *draft)
{
    if (draft->length > 0)
        draft->text[random_below(draft, draft->length)] ^= (char)(1 << random_below(draft, 8));
}

static void add_byte(struct draft *draft)
{
    char byte = (char)random_below(draft, 256);
    insert(draft, random_below(draft, draft->length + 1), &byte, 1);
}

static size_t chunk(struct draft *draft, size_t at, size_t length)
{
    size_t n = 1 + random_below(draft, random_below(draft, 4) > 0 ? 8 : CHUNK_MOST);
    return n < length - at ? n : length - at;
}

static void cut(struct draft *draft)
{
    size_t at = random_below(draft, draft->length + 1);
    replace(draft, at, chunk(draft, at, draft->length), "", 0);
}

static void copy(struct draft *draft)
{
    char piece[CHUNK_MOST];
    size_t at = random_below(draft, draft->length + 1), n = chunk(draft, at, draft->length);
    memcpy(piece, draft->text + at, n);
    insert(draft, random_below(draft, draft->length + 1), piece, n);
}

// The head of this text and the tail of the other.
static void splice(struct draft *draft)
{
    size_t head = random_below(draft, draft->length + 1), tail = random_below(draft, draft->other_length + 1);
    replace(draft, head, draft->length - head, draft->other + tail, draft->other_length - tail);
}

// --- lines ---

static size_t line_start(const struct draft *draft, size_t at)
{
    while (at > 0 && draft->text[at - 1] != '\n')
        at--;
    return at;
}

static size_t line_length(const struct draft *draft, size_t start)
{
    const char *end = memchr(draft->text + start, '\n', draft->length - start);
    return end ? (size_t)(end - draft->text) + 1 - start : draft->length - start;
}

static void repeat_line(struct draft *draft)
{
    char line[CHUNK_MOST];
    size_t start = line_start(draft, random_below(draft, draft->length + 1)), n = line_length(draft, start);
    size_t times = random_below(draft, 16) > 0 ? 1 : 1 + random_below(draft, 1200);
    if (n == 0 || n > sizeof line)
        return;
    memcpy(line, draft->text + start, n);
    while (times-- > 0)
        insert(draft, start, line, n);
}

static void drop_line(struct draft *draft)
{
    size_t start = line_start(draft, random_below(draft, draft->length + 1));
    replace(draft, start, line_length(draft, start), "", 0);
}

// One and the same byte over and over.
static void lengthen(struct draft *draft)
{
    static const char fill[] = " a0;=[.,|\xc3";
    char bytes[LINE_MOST];
    size_t n = 1 + random_below(draft, random_below(draft, 4) > 0 ? CHUNK_MOST : LINE_MOST);
    memset(bytes, fill[random_below(draft, sizeof fill - 1)], n);
    insert(draft, random_below(draft, draft->length + 1), bytes, n);
}

// --- words ---

static const char *any_nasty(struct draft *draft) { return nasty[random_below(draft, sizeof nasty / sizeof nasty[0])]; }

static const struct param *any_row(struct draft *draft, const char **section)
{
    static struct settings_schema_row schema[SCHEMA_MOST];
    size_t n = settings_schema(schema, SCHEMA_MOST), rows = 0;
    const struct settings_schema_row *one = &schema[random_below(draft, n < SCHEMA_MOST ? n : SCHEMA_MOST)];
    while (one->params[rows].key)
        rows++;
    *section = one->section;
    return &one->params[random_below(draft, rows)];
}

static const char *any_choice(struct draft *draft, const struct param *row)
{
    size_t n = 0;
    while (row->choice(n))
        n++;
    return row->choice(random_below(draft, n));
}

static const char *any_value(struct draft *draft, const struct param *row)
{
    switch (random_below(draft, 3)) {
    case 0: return row->fallback ? row->fallback : "2";
    case 1: return row->choice ? any_choice(draft, row) : any_nasty(draft);
    default: return any_nasty(draft);
    }
}

static void add_word(struct draft *draft)
{
    const char *section, *words[4];
    const struct param *row = any_row(draft, &section);
    words[0] = section;
    words[1] = row->key;
    words[2] = any_value(draft, row);
    words[3] = any_nasty(draft);
    const char *word = words[random_below(draft, 4)];
    size_t at = random_below(draft, draft->length + 1),
           gone = random_below(draft, 2) > 0 ? chunk(draft, at, draft->length) : 0;
    replace(draft, at, gone, word, strlen(word));
}

// A line that means something: an entry, an entry with its section, an axis of a sweep, an override.
static void add_line(struct draft *draft)
{
    char line[CHUNK_MOST];
    const char *section;
    const struct param *row = any_row(draft, &section);
    const char *value = any_value(draft, row), *more = any_value(draft, row);
    int n = 0;
    switch (random_below(draft, 6)) {
    case 0: n = snprintf(line, sizeof line, "%s = %s\n", row->key, value); break;
    case 1: n = snprintf(line, sizeof line, "[%s]\n%s = %s, %s\n", section, row->key, value, more); break;
    case 2: n = snprintf(line, sizeof line, "%s.%s = %s | %s\n", section, row->key, value, more); break;
    case 3: n = snprintf(line, sizeof line, "[sweep]\n%s.%s = %s|%s\n", section, row->key, value, more); break;
    case 4: n = snprintf(line, sizeof line, "; --set %s.%s=%s\n", section, row->key, value); break;
    default: n = snprintf(line, sizeof line, "[%s]\n%s = %s\n", section, row->key, value);
    }
    insert(draft, line_start(draft, random_below(draft, draft->length + 1)), line,
           (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

// The value of an entry that is there.
static void change_value(struct draft *draft)
{
    const char *section;
    size_t start = line_start(draft, random_below(draft, draft->length + 1)), n = line_length(draft, start);
    const char *equals = memchr(draft->text + start, '=', n), *value = any_value(draft, any_row(draft, &section));
    if (!equals)
        return;
    size_t at = (size_t)(equals - draft->text) + 1, end = start + n - (draft->text[start + n - 1] == '\n');
    replace(draft, at, end - at, value, strlen(value));
}

size_t fuzz_mutate(uint64_t *random, char *text, size_t length, const char *other, size_t other_length)
{
    static void (*const changes[])(struct draft *) = { flip,        add_byte,  cut,          copy,        splice,
                                                       repeat_line, drop_line, lengthen,     add_word,    add_word,
                                                       add_line,    add_line,  change_value, change_value };
    struct draft draft = { random, text, length, other, other_length };
    for (size_t n = 1 + random_below(&draft, CHANGES_MOST); n > 0; n--)
        changes[random_below(&draft, sizeof changes / sizeof changes[0])](&draft);
    return draft.length;
}
