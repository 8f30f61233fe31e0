// SPDX-License-Identifier: GPL-3.0-or-later
#include "run/sites.h"

#include "base/memory.h"
#include "vmc/layout.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <string.h>

// Pairs are evaluated a row at a time: v at r^2 and a little above and below it, for the slope.
enum { STEPS = 200 };
static const double apart = 1e-4;

struct batch {
    _Alignas(64) double r2[3 * WALKERS], inverse[3 * WALKERS], v[3 * WALKERS];
    size_t n, first[WALKERS], second[WALKERS];
};

// Adds the energies of the pairs at hand, and their slopes to those of the positions.
static double take_batch(const struct hamiltonian *hamiltonian, const double *x, struct batch *batch, double *slope)
{
    const size_t dimensions = hamiltonian->system.dimensions;
    double energy = 0;
    for (size_t k = batch->n; k < WALKERS; k++)
        batch->r2[k] = 1;  // an empty place
    for (size_t k = 0; k < WALKERS; k++) {
        batch->r2[WALKERS + k] = batch->r2[k] * (1 - apart);
        batch->r2[2 * WALKERS + k] = batch->r2[k] * (1 + apart);
    }
    for (size_t k = 0; k < 3 * WALKERS; k++)
        batch->inverse[k] = 1 / sqrt(batch->r2[k]);
    hamiltonian->type->pair_energy(hamiltonian->state, 3, batch->r2, batch->inverse, batch->v);
    for (size_t k = 0; k < batch->n; k++) {
        const size_t p = batch->first[k] * dimensions, q = batch->second[k] * dimensions;
        const double along = (batch->v[2 * WALKERS + k] - batch->v[WALKERS + k]) /
                             (apart * batch->r2[k]);  // 2 dv/d(r^2)
        energy += batch->v[k];
        for (size_t d = 0; d < dimensions; d++) {
            slope[p + d] += along * (x[p + d] - x[q + d]);
            slope[q + d] -= along * (x[p + d] - x[q + d]);
        }
    }
    batch->n = 0;
    return energy;
}

static double energy_at(const struct hamiltonian *hamiltonian, const double *x, struct batch *batch, double *slope)
{
    const size_t particles = hamiltonian->system.particles, dimensions = hamiltonian->system.dimensions;
    double energy = 0, spread = 0;
    for (size_t d = 0; d < dimensions; d++)
        spread += (1 - 1 / (double)dimensions) / sqrt(2 * hamiltonian->stiffness[d]);
    for (size_t i = 0; i < particles * dimensions; i++) {
        slope[i] = 2 * hamiltonian->stiffness[i % dimensions] * x[i];
        energy += 0.5 * slope[i] * x[i];
    }
    batch->n = 0;
    for (size_t p = 0; hamiltonian->type->pair_energy && p < particles; p++)
        for (size_t q = p + 1; q < particles; q++) {
            double r2 = spread;
            for (size_t d = 0; d < dimensions; d++) {
                const double step = x[p * dimensions + d] - x[q * dimensions + d];
                r2 += step * step;
            }
            batch->r2[batch->n] = r2;
            batch->first[batch->n] = p;
            batch->second[batch->n++] = q;
            if (batch->n == WALKERS)
                energy += take_batch(hamiltonian, x, batch, slope);
        }
    return batch->n > 0 ? energy + take_batch(hamiltonian, x, batch, slope) : energy;
}

// Steepest descent; its step grows while the energy falls and shrinks where it rises.
static void descend(const struct hamiltonian *hamiltonian, double *x, double *work)
{
    const size_t n = hamiltonian->system.particles * hamiltonian->system.dimensions;
    struct batch batch;
    double *slope = work, *next = work + n, *next_slope = work + 2 * n, step = 0.1;
    double energy = energy_at(hamiltonian, x, &batch, slope);
    for (size_t k = 0; k < STEPS; k++) {
        for (size_t i = 0; i < n; i++)  // in the trap's units: curvatures are of the order of omega^2
            next[i] = x[i] - step * slope[i] / (2 * hamiltonian->stiffness[i % hamiltonian->system.dimensions]);
        const double there = energy_at(hamiltonian, next, &batch, next_slope);
        if (there < energy) {
            memcpy(x, next, n * sizeof *x);
            memcpy(slope, next_slope, n * sizeof *slope);
            energy = there;
        }
        step *= there < energy || there == energy ? 1.2 : 0.5;
    }
}

bool sites_find(const struct hamiltonian *hamiltonian, struct rng *rng, double *site)
{
    const size_t dimensions = hamiltonian->system.dimensions, n = hamiltonian->system.particles * dimensions;
    double *work = memory_doubles(3 * n);
    if (!work)
        return false;
    for (size_t i = 0; i < n; i++)
        site[i] = gsl_cdf_ugaussian_Pinv(rng_uniform(rng)) / sqrt(sqrt(2 * hamiltonian->stiffness[i % dimensions]));
    descend(hamiltonian, site, work);
    memory_free(work);
    return true;
}
