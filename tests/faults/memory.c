// SPDX-License-Identifier: GPL-3.0-or-later
// Preloaded into the program: memory runs out. Of what the program and its libraries ask for themselves (not HDF5, GSL
// or the C library on their behalf) the piece with number MEMORY_AT is refused, and all later ones where MEMORY_ON is
// set. MEMORY_COUNT: a file that gets the number of pieces, and of those that were refused, when the program ends.
// MEMORY_SITES: a file that gets, piece by piece, who asked: the places of the two innermost calls, as a number that is
// the same in every process.
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// what glibc calls them for those who put something before them
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *piece, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static long pieces, refused;

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("MEMORY_COUNT");
    FILE *out = path ? fopen(path, "w") : NULL;
    if (out) {
        fprintf(out, "%ld %ld\n", pieces, refused);
        fclose(out);
    }
}

enum { CALLS = 2, SKIPPED = 3 };  // skipped: note_site, refuses, and what takes malloc's place

static void note_site(void)
{
    static FILE *out;
    const char *path = getenv("MEMORY_SITES");
    void *call[SKIPPED + CALLS];
    if (!path || !(out = out ? out : fopen(path, "w")))
        return;
    const int n = backtrace(call, SKIPPED + CALLS);
    uint64_t site = 0;
    for (int k = SKIPPED; k < n; k++) {
        Dl_info from;
        if (dladdr(call[k], &from) && from.dli_fname && strstr(from.dli_fname, "vmc"))
            site = (site ^ (uint64_t)((char *)call[k] - (char *)from.dli_fbase)) * 1099511628211u;
    }
    fprintf(out, "%llx\n", (unsigned long long)site);
    fflush(out);
}

static _Bool refuses(const void *caller)
{
    static long at = -1;
    Dl_info from;
    if (!dladdr(caller, &from) || !from.dli_fname || !strstr(from.dli_fname, "vmc"))
        return 0;
    if (at < 0)
        at = getenv("MEMORY_AT") ? strtol(getenv("MEMORY_AT"), NULL, 10) : 0;
    note_site();
    const long n = __atomic_add_fetch(&pieces, 1, __ATOMIC_RELAXED);
    if (at <= 0 || !(n == at || (n > at && getenv("MEMORY_ON"))))
        return 0;
    __atomic_add_fetch(&refused, 1, __ATOMIC_RELAXED);
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size) { return refuses(__builtin_return_address(0)) ? NULL : __libc_malloc(size); }

void *calloc(size_t n, size_t size) { return refuses(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size); }

void *realloc(void *piece, size_t size)
{
    return refuses(__builtin_return_address(0)) ? NULL : __libc_realloc(piece, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return refuses(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
}

static char *copy(const char *text, size_t length)
{
    char *to = __libc_malloc(length + 1);
    if (to) {
        memcpy(to, text, length);
        to[length] = 0;
    }
    return to;
}

char *strdup(const char *text) { return refuses(__builtin_return_address(0)) ? NULL : copy(text, strlen(text)); }

char *strndup(const char *text, size_t most)
{
    return refuses(__builtin_return_address(0)) ? NULL : copy(text, strnlen(text, most));
}
