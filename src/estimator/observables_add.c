// SPDX-License-Identifier: GPL-3.0-or-later
// Counting positions and distances: the part of the observables that works in a run's loop (the rest is in observables.c).
#include "vmc/observables.h"

#include <math.h>

size_t observables_bins(const struct observables_histogram *histogram)
{
    size_t bins = histogram->n_axes > 0;
    for (size_t a = 0; a < histogram->n_axes; a++)
        bins *= histogram->axis[a].bins;
    return bins;
}

// bin[w] = bin[w] times the bins of this axis + its bin, or `outside`; what is outside stays so.
static void locate(const struct observables_axis *axis, const double *value, unsigned outside, unsigned bin[WALKERS])
{
    const double low = axis->low, scale = 1 / axis->width, bins = (double)axis->bins;
    const unsigned stride = (unsigned)axis->bins;
    for (size_t w = 0; w < WALKERS; w++) {
        const double at = (value[w] - low) * scale;
        const bool inside = at >= 0 && at < bins;
        const unsigned number = bin[w] * stride + (unsigned)(int)(inside ? at : 0);
        bin[w] = inside && bin[w] != outside ? number : outside;
    }
}

static void count(struct observables *observables, size_t group, size_t which, const double *first, const double *second)
{
    const struct observables_histogram *histogram = &observables->histogram[which];
    const size_t lanes = WALKERS / observables->parts;
    const unsigned outside = (unsigned)observables_bins(histogram);
    unsigned bin[WALKERS] = { 0 };
    uint64_t *counter = observables->count + group * observables->parts * observables->n_counters + histogram->first;
    locate(&histogram->axis[0], first, outside, bin);
    if (second)
        locate(&histogram->axis[1], second, outside, bin);
    for (size_t w = 0; w < WALKERS; w += lanes, counter += observables->n_counters)
        for (size_t lane = 0; lane < lanes; lane++)
            counter[bin[w + lane]]++;
}

// |a - b|, or |a| where b is NULL; D rows each
static void separation(size_t dimensions, const double *a, const double *b, double *out)
{
    for (size_t w = 0; w < WALKERS; w++)
        out[w] = 0;
    for (size_t d = 0; d < dimensions; d++)
        for (size_t w = 0; w < WALKERS; w++) {
            const double step = a[d * WALKERS + w] - (b ? b[d * WALKERS + w] : 0);
            out[w] += step * step;
        }
    for (size_t w = 0; w < WALKERS; w++)
        out[w] = sqrt(out[w]);
}

void observables_add(struct observables *observables, size_t group, const double *x)
{
    const size_t particles = observables->system.particles, dimensions = observables->system.dimensions;
    const size_t lanes = WALKERS / observables->parts, first = group * observables->parts;
    double r[WALKERS], sum[WALKERS] = { 0 };
    for (size_t p = 0; p < particles; p++) {
        const double *here = x + p * dimensions * WALKERS;
        separation(dimensions, here, NULL, r);
        count(observables, group, OBSERVABLE_RADIAL, r, NULL);
        if (dimensions > 1)
            count(observables, group, OBSERVABLE_PLANE, here, here + WALKERS);
        for (size_t q = 0; q < p; q++) {
            separation(dimensions, here, x + q * dimensions * WALKERS, r);
            count(observables, group, OBSERVABLE_PAIR, r, NULL);
            for (size_t w = 0; w < WALKERS; w++)
                sum[w] += r[w];
        }
    }
    for (size_t w = 0; w < WALKERS; w++)
        observables->distance[first + w / lanes] += sum[w];
    for (size_t part = 0; part < observables->parts; part++)
        observables->samples[first + part] += (double)lanes;
}
