// SPDX-License-Identifier: GPL-3.0-or-later
// The nearest name to a mistyped word.
//
// Damerau-Levenshtein distance in its restricted form (optimal string alignment): the fewest insertions, deletions,
// substitutions and swaps of neighbours, no piece touched twice.  Check: "omgea" and "omega" are 1 apart, "sampels" and
// "samples" 1, "hiden" and "hidden" 1.
#include "vmc/config.h"

#include <ctype.h>
#include <string.h>

enum { WORD_MOST = 64 };  // longer words are no typing errors of a name

static int lower(char c) { return tolower((unsigned char)c); }

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// Three rows of the table are enough: this one, the one before, and the one before that for swaps.
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t rows[3][WORD_MOST + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= m; j++)
        last[j] = before[j] = j;
    for (size_t i = 1; i <= n; i++) {
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            bool same = lower(a[i - 1]) == lower(b[j - 1]);
            now[j] = smaller(smaller(last[j], now[j - 1]) + 1, last[j - 1] + !same);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
                now[j] = smaller(now[j], before[j - 2] + 1);
        }
        size_t *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[m];
}

const char *config_nearest(const char *word, const char *const *names)
{
    size_t length = strlen(word), limit = length < 3 ? 1 : length / 3, best = limit + 1;
    const char *nearest = NULL;
    if (length == 0 || length > WORD_MOST)
        return NULL;
    for (; *names; names++) {
        size_t other = strlen(*names);
        size_t apart = other > WORD_MOST ? best : distance(word, length, *names, other);
        if (apart < best) {
            best = apart;
            nearest = *names;
        }
    }
    return nearest;
}
