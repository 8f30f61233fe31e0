// SPDX-License-Identifier: GPL-3.0-or-later
// Counting positions and distances: the part of the observables that works in a run's loop (the rest is in
// observables.c).
#include "vmc/observables.h"

#include "base/list.h"
#include "base/rows.h"

#include <math.h>

#define OBSERVABLES(X)    \
    X(observable, radial) \
    X(observable, plane) X(observable, pairs) X(observable, distances) X(observable, one_body)
LIST(observable, OBSERVABLES)

size_t observables_bins(const struct observables_histogram *histogram)
{
    size_t bins = histogram->n_axes > 0;
    for (size_t a = 0; a < histogram->n_axes; a++)
        bins *= histogram->axis[a].bins;
    return bins;
}

// ---- what descriptors ask for

size_t observables_add_histogram(struct observables *observables, const struct observables_histogram *histogram)
{
    const size_t which = observables->n_histograms++;
    observables->histogram[which] = *histogram;
    observables->histogram[which].first = observables->n_counters;
    observables->n_counters += observables_bins(histogram) + 1;
    return which;
}

void observables_add_ratio(struct observables *observables, const struct observables_ratio *ratio)
{
    observables->ratio[observables->n_ratios++] = *ratio;
}

size_t observables_add_mean(struct observables *observables, const struct observables_mean *mean)
{
    observables->mean[observables->n_means] = *mean;
    observables->mean[observables->n_means].first = observables->n_sums++;
    return observables->n_means++;
}

size_t observables_add_matrix(struct observables *observables, const struct observables_matrix *matrix)
{
    observables->matrix[observables->n_matrices] = *matrix;
    observables->matrix[observables->n_matrices].first = observables->n_sums;
    observables->n_sums += matrix->n * matrix->n;
    return observables->n_matrices++;
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

void observables_count(const struct observables *observables, const struct observables_place *place, size_t which,
                       const double *first, const double *second)
{
    const struct observables_histogram *histogram = &observables->histogram[which];
    const unsigned outside = (unsigned)observables_bins(histogram);
    unsigned bin[WALKERS] = { 0 };
    uint64_t *counter = place->count + histogram->first;
    locate(&histogram->axis[0], first, outside, bin);
    if (second)
        locate(&histogram->axis[1], second, outside, bin);
    for (size_t w = 0; w < WALKERS; w += place->lanes, counter += observables->n_counters)
        for (size_t lane = 0; lane < place->lanes; lane++)
            counter[bin[w + lane]]++;
}

void observables_sum(const struct observables *observables, const struct observables_place *place, size_t sum,
                     const double *values)
{
    double *to = place->sum + sum;
    for (size_t w = 0; w < WALKERS; w += place->lanes, to += observables->n_sums)
        for (size_t lane = 0; lane < place->lanes; lane++)
            *to += values[w + lane];
}

// A look under way, for the visitors of the geometry.
struct look {
    const struct observables *observables;
    struct observables_place place;
};

static void show_pairs(const struct pairs *pairs, void *context)
{
    const struct look *look = context;
    for (size_t k = 0; k < look->observables->n_types; k++)
        if (look->observables->type[k]->pairs)
            look->observables->type[k]->pairs(look->observables, look->observables->own[k], &look->place, pairs);
}

static void show_strangers(const struct pairs *pairs, void *context)
{
    const struct look *look = context;
    for (size_t k = 0; k < look->observables->n_types; k++)
        if (look->observables->type[k]->strangers)
            look->observables->type[k]->strangers(look->observables, look->observables->own[k], &look->place, pairs);
}

// Particle p of every walker among the others of the next walker.
static void visit_strangers(const struct look *look, const struct configuration *at, size_t p)
{
    const size_t dimensions = look->observables->system.dimensions;
    _Alignas(64) double own[DIMENSIONS_MOST * WALKERS];
    for (size_t d = 0; d < dimensions; d++)
        for (size_t w = 0; w < WALKERS; w++)
            own[d * WALKERS + w] = at->x[(p * dimensions + d) * WALKERS + (w + 1) % WALKERS];
    geometry_visit_particle(&look->observables->geometry, p, own, at->x, show_strangers, (void *)(uintptr_t)look);
}

void observables_add(struct observables *observables, size_t group, const struct configuration *at)
{
    const size_t first = group * observables->parts, lanes = WALKERS / observables->parts;
    const struct look look = {
        observables,
        { .count = observables->count + first * observables->n_counters,
          .sum = observables->sum + first * observables->n_sums,
          .batches = observables->parts,
          .lanes = lanes,
          .look = (uint64_t)(observables->samples[first] / (double)lanes),
          .scratch = observables->wants_frames
                         ? rows_at(observables->scratch, 2 * group * observables->wavefunction->n_rows)
                         : NULL },
    };
    for (size_t k = 0; k < observables->n_types; k++) {
        if (observables->type[k]->particles)
            observables->type[k]->particles(observables, observables->own[k], &look.place, at->x);
        if (observables->type[k]->frames)
            observables->type[k]->frames(observables, observables->own[k], &look.place, at->x);
    }
    if (observables->wants_pairs)
        geometry_visit(at, show_pairs, (void *)(uintptr_t)&look);
    // the particles take turns, by the looks of the group so far
    if (observables->wants_strangers)
        visit_strangers(&look, at, (size_t)(look.place.look % observables->system.particles));
    for (size_t part = 0; part < observables->parts; part++)
        observables->samples[first + part] += (double)lanes;
}

// ---- how far walkers are

static void widen(const double *row, double *reach)
{
    for (size_t w = 0; w < WALKERS; w++)
        if (isfinite(row[w]))
            *reach = fmax(*reach, fabs(row[w]));
}

static void widen_pairs(const struct pairs *pairs, void *context)
{
    struct observables_extent *extent = context;
    double r[WALKERS];
    for (size_t k = 0; k < pairs->n; k++) {
        for (size_t w = 0; w < WALKERS; w++)
            r[w] = sqrt(rows_at_const(pairs->r2, k)[w]);
        widen(r, &extent->reach[EXTENT_PAIR]);
    }
}

void observables_widen(const struct configuration *at, struct observables_extent *extent)
{
    const struct system *system = &at->geometry->system;
    for (size_t p = 0; p < system->particles; p++) {
        double r[WALKERS] = { 0 };
        for (size_t d = 0; d < system->dimensions; d++) {
            const double *row = at->x + (p * system->dimensions + d) * WALKERS;
            widen(row, &extent->reach[EXTENT_AXIS + d]);
            for (size_t w = 0; w < WALKERS; w++)
                r[w] += row[w] * row[w];
        }
        for (size_t w = 0; w < WALKERS; w++)
            r[w] = sqrt(r[w]);
        widen(r, &extent->reach[EXTENT_RADIUS]);
    }
    if (system->particles > 1)
        geometry_visit(at, widen_pairs, extent);
}
