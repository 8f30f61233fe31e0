// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/refusal.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <limits.h>
#include <string.h>

// The names with __libc_ are what glibc calls them for those who put something before them.

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *piece, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *piece);

// volatile: a compiler that knows malloc takes for granted that it touches none of these
static volatile long asked, held;  // pieces asked for, and held, since `watched`
static volatile long at = -1;      // the piece that is refused, counted from 0
static volatile bool watched, on;  // on: with all later ones

// Whether a call comes from a library that is not ours.
static bool find_foreign(const void *caller)
{
    static const char *const libraries[] = { "libgomp", "libhdf5", "libgsl", "blas", "ld-linux", "libz." };
    Dl_info about;
    if (!dladdr(caller, &about) || !about.dli_fname)
        return false;
    for (size_t k = 0; k < sizeof libraries / sizeof *libraries; k++)
        if (strstr(about.dli_fname, libraries[k]))
            return true;
    return false;
}

static bool is_foreign(const void *caller)
{
    static struct {
        const void *caller;
        bool foreign;
    } known[512];  // of places that have called before
    const size_t k = (uintptr_t)caller % 509;
    if (known[k].caller != caller) {
        known[k].foreign = find_foreign(caller);
        known[k].caller = caller;
    }
    return known[k].foreign;
}

static bool refuses(bool foreign)
{
    if (!watched || foreign)
        return false;
    const long k = asked++;
    if (at < 0 || !(k == at || (on && k > at)))
        return false;
    errno = ENOMEM;
    return true;
}

// Pieces that are held. One of ours may be freed from anywhere: a call at the end of a function leaves no trace of it.
enum { BUCKETS = 512, SLOTS = 16 };
static void *pieces_held[BUCKETS][SLOTS];

static void **place_of(const void *piece, const void *there)
{
    void **bucket = pieces_held[(uintptr_t)piece / 16 % BUCKETS];
    for (size_t k = 0; k < SLOTS; k++)
        if (bucket[k] == there)
            return &bucket[k];
    return NULL;
}

static void *given(void *piece, bool foreign)
{
    if (!watched || !piece || foreign)
        return piece;
    void **place = place_of(piece, NULL);
    if (!place)
        abort();
    *place = piece;
    held++;
    return piece;
}

static void gone(void *piece)
{
    void **place = watched && piece ? place_of(piece, piece) : NULL;
    if (!place)
        return;
    *place = NULL;
    held--;
}

#define FOREIGN (watched && is_foreign(__builtin_return_address(0)))

void *malloc(size_t size)
{
    const bool foreign = FOREIGN;
    return refuses(foreign) ? NULL : given(__libc_malloc(size), foreign);
}

void *calloc(size_t n, size_t size)
{
    const bool foreign = FOREIGN;
    return refuses(foreign) ? NULL : given(__libc_calloc(n, size), foreign);
}

void *realloc(void *piece, size_t size)
{
    const bool foreign = FOREIGN;
    if (refuses(foreign))
        return NULL;
    void **place = watched && piece ? place_of(piece, piece) : NULL;
    void *larger = __libc_realloc(piece, size);
    if (place && larger)
        gone(piece);
    return place || !piece ? given(larger, foreign) : larger;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    const bool foreign = FOREIGN;
    return refuses(foreign) ? NULL : given(__libc_memalign(alignment, size), foreign);
}

// Asked for by whoever calls this, not by the C library.
char *strdup(const char *text)
{
    const bool foreign = FOREIGN;
    const size_t size = strlen(text) + 1;
    char *copy = refuses(foreign) ? NULL : given(__libc_malloc(size), foreign);
    return copy ? memcpy(copy, text, size) : NULL;
}

void free(void *piece)
{
    gone(piece);
    __libc_free(piece);
}

void refusal_append(char **all, const char *piece)
{
    const bool was = watched;
    watched = false;
    const size_t n = *all ? strlen(*all) : 0;
    *all = realloc(*all, n + strlen(piece) + 1);
    strcpy(*all + n, piece);
    watched = was;
}

static void forget(void)
{
    asked = held = 0;
    memset(pieces_held, 0, sizeof pieces_held);
}

static const char *wrong(const char *format, long k, long pieces, const char *what)
{
    static char text[600];
    snprintf(text, sizeof text, format, k, pieces, on ? ", and later ones" : "", what);
    return text;
}

// Of what the system refused it is the system that speaks; an error without memory for its text has its kind.
static bool says_memory(const struct error *error)
{
    if (!error->text)
        return error->kind != ERROR_NONE;
    return strstr(error->text, "Cannot allocate memory") ||
           (error->kind == ERROR_INTERNAL && strstr(error->text, "memory"));
}

// One piece refused; NULL, or what is wrong.
static const char *refuse(refusal_maker *make, long k, long pieces, const char *whole, long *failed)
{
    char *result = NULL;
    struct error error = { 0 };
    at = k;
    forget();
    watched = true;
    const bool done = make(&result, &error);
    const bool said = !done && says_memory(&error);
    const bool same = done && strcmp(result, whole) == 0;
    const char *found = said || same ? NULL
                                     : wrong("piece %ld of %ld is refused%s: %s", k, pieces,
                                             error.text ? error.text
                                             : done     ? "another result"
                                                        : "no word of it");
    error_clear(&error);
    watched = false;
    if (!found && held != 0)
        found = wrong("piece %ld of %ld is refused%s: something is %s", k, pieces, "left behind");
    *failed += !done;
    free(result);
    return found;
}

const char *refusal_check(refusal_maker *make) { return refusal_check_first(make, LONG_MAX); }

const char *refusal_check_first(refusal_maker *make, long most)
{
    char *whole = NULL;
    struct error error = { 0 };
    at = -1;
    free(NULL);
    for (int turn = 0; turn < 2; turn++) {  // what libraries take once for all is taken in the first turn
        free(whole);
        whole = NULL;
        forget();
        watched = true;
        const bool good = make(&whole, &error);
        watched = false;
        if (!good)
            return error.text ? error.text : "failed without a word";
    }
    if (held != 0)
        return "something is left behind";
    const long pieces = asked < most ? asked : most;
    long failed = 0;
    const char *found = NULL;
    for (int later = 0; later < 2 && !found; later++)
        for (long k = 0; k < pieces && !found; k++) {
            on = later;
            found = refuse(make, k, pieces, whole, &failed);
        }
    free(whole);
    return found ? found : failed > pieces / 2 ? NULL : "next to nothing was refused";
}
