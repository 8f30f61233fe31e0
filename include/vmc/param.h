// SPDX-License-Identifier: GPL-3.0-or-later
// Parameter tables: one row per configuration key. The same row parses and range-checks the INI entry, prints the help,
// writes the resolved value with its unit into the results file and feeds the manual.
#ifndef VMC_PARAM_H
#define VMC_PARAM_H

#include "vmc/error.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum param_kind {
    PARAM_KIND_END = 0,
    PARAM_KIND_REAL,    // double; NAN when `may_be_auto` and the text is "auto"
    PARAM_KIND_COUNT,   // size_t; "1e6" and "1000000" both read; PARAM_COUNT_AUTO when `may_be_auto` and the text is
                        // "auto"
    PARAM_KIND_SEED,    // uint64_t
    PARAM_KIND_BOOL,    // bool; yes/no, true/false, on/off
    PARAM_KIND_CHOICE,  // size_t index into the names
    PARAM_KIND_REALS,   // struct param_reals
    PARAM_KIND_NAMES,   // struct param_names: a comma-separated list of choices, each at most once; "auto" (all) and
                        // "none" where allowed
    PARAM_KIND_TEXT     // char *, owned by the state; NULL when empty (a path, …)
};

enum { PARAM_LIST_MOST = 8, PARAM_NAMES_MOST = 16 };
#define PARAM_COUNT_AUTO SIZE_MAX

struct param_reals {
    size_t n;  // 0 when the text is "auto"
    double value[PARAM_LIST_MOST];
};
struct param_names {
    size_t n;
    size_t index[PARAM_NAMES_MOST];
    bool is_auto;  // the text is "auto", and the list has all there are
};

struct param_range {
    double low, high;
    bool low_open, high_open;
};

struct param {
    const char *key;
    enum param_kind kind;
    size_t offset;                        // into the state the table describes
    struct param_range range;             // numbers; every item of a list; left out: any (counts: >= 0)
    size_t multiple;                      // counts: must be a multiple of this, where it is not 0
    size_t most;                          // lists: at most this many items; 0 = PARAM_LIST_MOST or PARAM_NAMES_MOST
    bool may_be_auto, may_be_none;        // the word "auto" is allowed; for names also "none"
    const char *fallback;                 // default, as a user would write it; NULL: the key is required
    const char *unit;                     // NULL: a pure number or no number at all
    const char *help;                     // one sentence
    const char *(*choice)(size_t index);  // choices: the name of this index, NULL past the last
    const char *applies;  // NULL, or when the key counts, as another one of its section: "schedule = inverse"
};

#define PARAM_ANY                       \
    {                                   \
        -INFINITY, INFINITY, true, true \
    }
#define PARAM_AT_LEAST(x)          \
    {                              \
        (x), INFINITY, false, true \
    }
#define PARAM_ABOVE(x)            \
    {                             \
        (x), INFINITY, true, true \
    }
#define PARAM_WITHIN(x, y)     \
    {                          \
        (x), (y), false, false \
    }
#define PARAM_ABOVE_BELOW(x, y) \
    {                           \
        (x), (y), true, true    \
    }

#define PARAM_ROW(type, member, kind_, ...)                                                 \
    {                                                                                       \
        .key = #member, .kind = kind_, .offset = offsetof(struct type, member), __VA_ARGS__ \
    }
#define PARAM_REAL(type, member, ...) PARAM_ROW(type, member, PARAM_KIND_REAL, __VA_ARGS__)
#define PARAM_COUNT(type, member, ...) PARAM_ROW(type, member, PARAM_KIND_COUNT, __VA_ARGS__)
#define PARAM_SEED(type, member, ...) PARAM_ROW(type, member, PARAM_KIND_SEED, __VA_ARGS__)
#define PARAM_BOOL(type, member, ...) PARAM_ROW(type, member, PARAM_KIND_BOOL, __VA_ARGS__)
#define PARAM_CHOICE(type, member, ...) PARAM_ROW(type, member, PARAM_KIND_CHOICE, __VA_ARGS__)
#define PARAM_REALS(type, member, ...) PARAM_ROW(type, member, PARAM_KIND_REALS, __VA_ARGS__)
#define PARAM_NAMES(type, member, ...) PARAM_ROW(type, member, PARAM_KIND_NAMES, __VA_ARGS__)
#define PARAM_TEXT(type, member, ...) PARAM_ROW(type, member, PARAM_KIND_TEXT, __VA_ARGS__)
#define PARAM_END                           \
    {                                       \
        .key = NULL, .kind = PARAM_KIND_END \
    }

// Longest text of a printed value, range or list of choices.
enum { PARAM_TEXT_SIZE = 512 };

// Parses `text` by the row and stores it in `state`. On failure returns false and puts into `why` (PARAM_TEXT_SIZE
// bytes) what is wrong and what is allowed, e.g. "'0.05abc' is not a number; allowed: a real number > 0"; the state is
// untouched then.
bool param_parse(const struct param *row, const char *text, void *state, char *why);

// The value in `state` as text that param_parse reads back to the same bits.
void param_print(const struct param *row, const void *state, char text[PARAM_TEXT_SIZE]);

// What is allowed, in words: "a real number > 0", "one of none, coulomb, soft-coulomb", "yes or no", ….
void param_describe(const struct param *row, char text[PARAM_TEXT_SIZE]);

// Frees the texts the rows own.
void param_release(const struct param *rows, void *state);

// Numeric values of a row for the results file: at most PARAM_LIST_MOST, NAN for auto; returns how many; 0 for texts,
// choices and booleans.
size_t param_numbers(const struct param *row, const void *state, double value[PARAM_LIST_MOST]);

// The row with this key, or NULL.
const struct param *param_find(const struct param *rows, const char *key);

#endif
