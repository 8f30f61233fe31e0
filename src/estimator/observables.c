// SPDX-License-Identifier: GPL-3.0-or-later
// What stands behind the observables: their memory, and densities and means with errors. Counters are whole numbers,
// one set per batch of walkers: the order of adding shows nowhere. A batch b has seen w_b configurations and counted
// y_b; with W = sum w_b
//     mean = sum y_b / W,   error^2 = n / (n - 1) ( sum (y_b - w_b mean)^2 + f ) / W^2
// where f is the variance that one count more brings: how much more the counts of all bins scatter than independent
// ones would, at least 1. A ratio y / u is treated alike, with u_b for w_b.
// Check: P = 1, D = 1, psi = exp(-x^2 / 2): n(r) = exp(-r^2) / sqrt(pi), 0.5642 at the centre.
#include "vmc/observables.h"

#include "base/memory.h"
#include "statistics_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCHES_LEAST = 32 };
static const double pi = 3.14159265358979323846;

// ---- building

static void add_type(struct observables *observables, const struct observable_type *type)
{
    if ((type->refuse && type->refuse(&observables->system)) || (type->frames && !observables->wavefunction))
        return;
    observables->type[observables->n_types] = type;
    type->describe(observables, observables->own[observables->n_types++]);
    observables->wants_pairs = observables->wants_pairs || (type->pairs && observables->system.particles > 1);
    observables->wants_strangers = observables->wants_strangers || type->strangers;
    observables->wants_frames = observables->wants_frames || type->frames;
}

bool observables_build(struct observables *observables, const struct system *system,
                       const struct wavefunction *wavefunction, size_t n, const size_t *index, size_t bins,
                       size_t n_groups, struct error *error)
{
    *observables = (struct observables){ .system = *system, .wavefunction = wavefunction, .bins = bins, .parts = 1 };
    geometry_build(&observables->geometry, system, false);
    for (size_t k = 0; k < n && observables->n_types < OBSERVABLE_TYPES_MOST; k++)
        add_type(observables, observable_type_at(index[k]));
    while (observables->parts * n_groups < BATCHES_LEAST)
        observables->parts *= 2;
    observables->n_batches = observables->parts * n_groups;
    observables->count = calloc(observables->n_batches * observables->n_counters + 1, sizeof *observables->count);
    observables->sum = memory_doubles(observables->n_batches * observables->n_sums);
    observables->scratch = memory_rows(observables->wants_frames ? 2 * n_groups * wavefunction->n_rows : 0);
    observables->samples = memory_doubles(observables->n_batches);
    if (observables->count && observables->sum && observables->samples && observables->scratch)
        return true;
    observables_finish(observables);
    return error_add(error, ERROR_INTERNAL, "no memory for the histograms of positions; use fewer observables.bins");
}

void observables_finish(struct observables *observables)
{
    free(observables->count);
    memory_free(observables->sum);
    memory_free(observables->samples);
    memory_free(observables->scratch);
    *observables = (struct observables){ 0 };
}

// ---- where the axes end

void observables_place_axes(struct observables *observables)
{
    for (size_t k = 0; k < observables->n_histograms; k++)
        for (size_t a = 0; a < observables->histogram[k].n_axes; a++) {
            struct observables_axis *axis = &observables->histogram[k].axis[a];
            const double end = observables->extent.reach[axis->extent];
            axis->low = axis->symmetric ? -end : 0;
            axis->width = (end - axis->low) / (double)axis->bins;
        }
}

void observables_reach(struct observables *observables, double range, const struct observables_extent *seen)
{
    static const double margin = 1.25;
    for (size_t k = 0; k < EXTENTS; k++) {
        const double far = margin * seen->reach[k],
                     natural = k < DIMENSIONS_MOST ? 5 / sqrt(fmax(observables->system.omega[k], 1e-300)) : 5;
        const double own = far > 0 && isfinite(far) ? far : natural;  // walkers that all sit in the centre tell nothing
        observables->extent.reach[k] = isnan(range) ? own : k == EXTENT_PAIR ? 2 * range : range;
    }
    observables_place_axes(observables);
}

// ---- results

double observables_samples(const struct observables *observables)
{
    double sum = 0;
    for (size_t b = 0; b < observables->n_batches; b++)
        sum += observables->samples[b];
    return sum;
}

double observables_edge(const struct observables_axis *axis, size_t k) { return axis->low + axis->width * (double)k; }

static double ball(size_t dimensions, double radius)
{
    return dimensions == 1   ? 2 * radius
           : dimensions == 2 ? pi * radius * radius
                             : 4 * pi / 3 * radius * radius * radius;
}

double observables_volume(const struct observables *observables, size_t which, size_t bin)
{
    const struct observables_histogram *histogram = &observables->histogram[which];
    const size_t dimensions = observables->system.dimensions;
    if (!histogram->shells)
        return histogram->axis[0].width * histogram->axis[1].width;
    return ball(dimensions, observables_edge(&histogram->axis[0], bin + 1)) -
           ball(dimensions, observables_edge(&histogram->axis[0], bin));
}

static double counts(const struct observables *observables, size_t batch, size_t counter)
{
    return (double)observables->count[batch * observables->n_counters + counter];
}

// What the counts of a batch are shares of: configurations, or of strangers all that were met.
static double weight(const struct observables *observables, size_t which, size_t batch)
{
    const struct observables_histogram *histogram = &observables->histogram[which];
    double sum = 0;
    if (!histogram->strangers)
        return observables->samples[batch];
    for (size_t k = 0; k <= observables_bins(histogram); k++)
        sum += counts(observables, batch, histogram->first + k);
    return sum / histogram->total;
}

// sum of (y - ratio w)^2 over the batches, times n / (n - 1)
static double scatter(size_t n, const double *y, const double *w, double ratio)
{
    double square = 0;
    for (size_t b = 0; b < n; b++)
        square += (y[b] - ratio * w[b]) * (y[b] - ratio * w[b]);
    return square * (double)n / (double)(n - 1);
}

static double sum_of(size_t n, const double *values)
{
    double sum = 0;
    for (size_t b = 0; b < n; b++)
        sum += values[b];
    return sum;
}

static void gather(const struct observables *observables, size_t counter, double *y)
{
    for (size_t b = 0; b < observables->n_batches; b++)
        y[b] = counts(observables, b, counter);
}

enum { BATCHES_MOST = 128 };

void observables_density(const struct observables *observables, size_t which, double *value, double *error)
{
    const struct observables_histogram *histogram = &observables->histogram[which];
    const size_t n = observables->n_batches, bins = observables_bins(histogram);
    double w[BATCHES_MOST], y[BATCHES_MOST], scattered = 0, counted = 0;
    for (size_t b = 0; b < n; b++)
        w[b] = weight(observables, which, b);
    const double all = sum_of(n, w), widening = statistics_student((double)n - 1);
    memset(value, 0, bins * sizeof *value);
    memset(error, 0, bins * sizeof *error);
    if (!(all > 0))
        return;
    for (size_t k = 0; k < bins; k++) {
        gather(observables, histogram->first + k, y);
        const double total = sum_of(n, y);
        value[k] = total / all;
        error[k] = scatter(n, y, w, value[k]);
        scattered += error[k];
        counted += total;
    }
    const double one = counted > 0 ? fmax(1, scattered / counted) : 1;
    for (size_t k = 0; k < bins; k++) {
        const double volume = observables_volume(observables, which, k);
        value[k] /= volume;
        error[k] = widening * sqrt(error[k] + one) / (all * volume);
    }
}

void observables_over(const struct observables *observables, size_t ratio, double *value, double *error)
{
    const struct observables_ratio *pair = &observables->ratio[ratio];
    const struct observables_histogram *over = &observables->histogram[pair->over],
                                       *under = &observables->histogram[pair->under];
    const size_t n = observables->n_batches;
    double y[BATCHES_MOST], u[BATCHES_MOST], w_over[BATCHES_MOST], w_under[BATCHES_MOST];
    for (size_t b = 0; b < n; b++) {
        w_over[b] = weight(observables, pair->over, b);
        w_under[b] = weight(observables, pair->under, b);
    }
    // what makes densities of counts
    const double scale = sum_of(n, w_under) / sum_of(n, w_over), widening = statistics_student((double)n - 1);
    for (size_t k = 0; k < observables_bins(over); k++) {
        gather(observables, over->first + k, y);
        gather(observables, under->first + k, u);
        const double met = sum_of(n, u), share = sum_of(n, y) / met;
        value[k] = met > 0 ? scale * share : NAN;
        error[k] = met > 0 ? scale * widening * sqrt(scatter(n, y, u, share) + 1 + share * share) / met : NAN;
    }
}

double observables_outside(const struct observables *observables, size_t which)
{
    const struct observables_histogram *histogram = &observables->histogram[which];
    double sum = 0, all = 0;
    for (size_t b = 0; b < observables->n_batches; b++) {
        sum += counts(observables, b, histogram->first + observables_bins(histogram));
        all += weight(observables, which, b);
    }
    return all > 0 ? sum / all : 0;
}

// Mean of a sum over the batches but one.
static void mean_of_sum(const struct observables *observables, size_t sum, size_t left_out, double *mean, double *error)
{
    double y[BATCHES_MOST], w[BATCHES_MOST];
    size_t n = 0;
    for (size_t b = 0; b < observables->n_batches; b++)
        if (b != left_out) {
            y[n] = observables->sum[b * observables->n_sums + sum];
            w[n++] = observables->samples[b];
        }
    const double samples = sum_of(n, w);
    *mean = *error = 0;
    if (!(samples > 0))
        return;
    *mean = sum_of(n, y) / samples;
    *error = statistics_student((double)n - 1) * sqrt(scatter(n, y, w, *mean)) / samples;
}

void observables_mean(const struct observables *observables, size_t which, double *mean, double *error)
{
    const double share = observables->mean[which].share;
    mean_of_sum(observables, observables->mean[which].first, SIZE_MAX, mean, error);
    *mean *= share;
    *error *= share;
}

double observables_widening(const struct observables *observables)
{
    return statistics_student((double)observables->n_batches - 1);
}

void observables_matrix(const struct observables *observables, size_t which, size_t left_out, double *value,
                        double *error)
{
    const struct observables_matrix *matrix = &observables->matrix[which];
    for (size_t k = 0; k < matrix->n * matrix->n; k++)
        mean_of_sum(observables, matrix->first + k, left_out, &value[k], &error[k]);
}

size_t observables_find(const struct observables *observables, const char *histogram)
{
    for (size_t k = 0; k < observables->n_histograms; k++)
        if (strcmp(observables->histogram[k].name, histogram) == 0)
            return k;
    return SIZE_MAX;
}

size_t observables_find_mean(const struct observables *observables, const char *mean)
{
    for (size_t k = 0; k < observables->n_means; k++)
        if (strcmp(observables->mean[k].name, mean) == 0)
            return k;
    return SIZE_MAX;
}
