// SPDX-License-Identifier: GPL-3.0-or-later
// Memory for rows: zeroed and aligned to 64 bytes, taken when a run is built and never in its loops.
#ifndef VMC_BASE_MEMORY_H
#define VMC_BASE_MEMORY_H

#include <stddef.h>

// n doubles; NULL when there is no memory (or n is absurd). At least one double is given.
double *memory_doubles(size_t n);
// n rows of WALKERS doubles.
double *memory_rows(size_t n);
// free, accepts NULL.
void memory_free(void *pointer);

#endif
