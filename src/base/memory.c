// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/memory.h"

#include "vmc/wavefunction.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

double *memory_doubles(size_t n)
{
    if (n > SIZE_MAX / (2 * sizeof(double)))
        return NULL;
    const size_t bytes = (n * sizeof(double) + 63) / 64 * 64;
    double *memory = aligned_alloc(64, bytes ? bytes : 64);
    if (memory)
        memset(memory, 0, bytes ? bytes : 64);
    return memory;
}

double *memory_rows(size_t n) { return n > SIZE_MAX / WALKERS ? NULL : memory_doubles(n * WALKERS); }

void memory_free(void *pointer) { free(pointer); }
