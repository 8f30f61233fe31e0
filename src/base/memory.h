// SPDX-License-Identifier: GPL-3.0-or-later
// Memory for rows: zeroed and aligned to 64 bytes, taken when a run is built and never in its loops. And small pieces,
// for reading and writing. Where there is no memory, a note is left.
#ifndef VMC_BASE_MEMORY_H
#define VMC_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

// n doubles; NULL when there is no memory (or n is absurd). At least one double is given.
double *memory_doubles(size_t n);
// n rows of WALKERS doubles.
double *memory_rows(size_t n);
// free, accepts NULL.
void memory_free(void *pointer);

// malloc, calloc, realloc, strdup, strndup; NULL is noted.
void *memory_take(size_t size);
void *memory_take_zeroed(size_t n, size_t size);
void *memory_grow(void *piece, size_t size);
char *memory_text(const char *text);
char *memory_text_part(const char *text, size_t most);
// Whether there was a NULL since the last question.
bool memory_ran_out(void);

#endif
