// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/memory.h"

#include "vmc/layout.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LARGE = 1 << 20 };

// Whole pages of a large piece are left to the system, which gives zeroed ones when they are first touched: what
// belongs to the walkers of other processes takes no memory.
static void clear(char *memory, size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), head = (page - (uintptr_t)memory % page) % page;
    if (bytes < LARGE || madvise(memory + head, (bytes - head) / page * page, MADV_DONTNEED) != 0) {
        memset(memory, 0, bytes);
        return;
    }
    const size_t tail = head + (bytes - head) / page * page;
    memset(memory, 0, head);
    memset(memory + tail, 0, bytes - tail);
}

static _Atomic bool ran_out;

static void *noted(void *piece)
{
    if (!piece)
        ran_out = true;
    return piece;
}

double *memory_doubles(size_t n)
{
    if (n > SIZE_MAX / (2 * sizeof(double)))
        return NULL;
    const size_t bytes = n > 0 ? (n * sizeof(double) + 63) / 64 * 64 : 64;
    double *memory = noted(aligned_alloc(64, bytes));
    if (memory)
        clear((char *)memory, bytes);
    return memory;
}

double *memory_rows(size_t n) { return n > SIZE_MAX / WALKERS ? NULL : memory_doubles(n * WALKERS); }

void memory_free(void *pointer) { free(pointer); }

void *memory_take(size_t size) { return noted(malloc(size)); }

void *memory_take_zeroed(size_t n, size_t size) { return noted(calloc(n, size)); }

void *memory_grow(void *piece, size_t size) { return noted(realloc(piece, size)); }

char *memory_text(const char *text) { return noted(strdup(text)); }

char *memory_text_part(const char *text, size_t most) { return noted(strndup(text, most)); }

bool memory_ran_out(void)
{
    const bool was = ran_out;
    ran_out = false;
    return was;
}
