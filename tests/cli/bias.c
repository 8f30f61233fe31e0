// SPDX-License-Identifier: GPL-3.0-or-later
// The kernels' random numbers, with normal ones that are 1e-3 too wide. With the other kernels as they are it makes a
// library that is loaded in their place. `vmc verify` must find that.
#define rng_normals rng_normals_as_they_are
#include "../../src/rng/rng.c"
#undef rng_normals

void rng_normals(uint64_t *rows, size_t n, double *out);
void rng_normals(uint64_t *rows, size_t n, double *out)
{
    rng_normals_as_they_are(rows, n, out);
    for (size_t k = 0; k < n * WALKERS; k++)
        out[k] *= 1.001;
}
