// SPDX-License-Identifier: GPL-3.0-or-later
// Loaded before the program: normal random numbers that are 1e-3 too wide. `vmc verify` must find that.
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

enum { WALKERS = 32 };

void rng_normals(uint64_t *rows, size_t n, double *out);

void rng_normals(uint64_t *rows, size_t n, double *out)
{
    static void (*real)(uint64_t *, size_t, double *);
    if (!real)
        real = (void (*)(uint64_t *, size_t, double *))(uintptr_t)dlsym(RTLD_NEXT, "rng_normals");
    real(rows, n, out);
    for (size_t k = 0; k < n * WALKERS; k++)
        out[k] *= 1.001;
}
