// SPDX-License-Identifier: GPL-3.0-or-later
#include "run/publish_parts.h"

#include "run/series.h"
#include "vmc/units.h"

#include <gsl/gsl_eigen.h>
#include <gsl/gsl_sort_vector.h>
#include <math.h>
#include <stdio.h>

enum { PATH_SIZE = 96 };

// ---- histograms and means

// Middles of the bins as the axis' coordinate, and the edges beside them; axes shared by several histograms are added
// once.
static double *add_axis(struct record *record, const struct observables_axis *from, bool again,
                        struct record_axis *axis, double *numbers)
{
    char path[PATH_SIZE], name[48];
    double *middles = numbers, *edges = numbers + from->bins;
    for (size_t k = 0; k <= from->bins; k++)
        edges[k] = observables_edge(from, k);
    for (size_t k = 0; k < from->bins; k++)
        middles[k] = 0.5 * (edges[k] + edges[k + 1]);
    *axis = (struct record_axis){ from->name, from->bins, UNIT_LENGTH, from->long_name, middles };
    snprintf(name, sizeof name, "%s_edges", from->name);
    snprintf(path, sizeof path, "/observables/%s", name);
    if (!again)
        record_add_array(record, &(struct record_array){ path,
                                                         UNIT_LENGTH,
                                                         "edges of the bins",
                                                         1,
                                                         { { .name = name,
                                                             .extent = from->bins + 1,
                                                             .unit = UNIT_LENGTH,
                                                             .long_name = "edges of the bins",
                                                             .values = edges } },
                                                         edges });
    return edges + from->bins + 1;
}

static bool shown_before(const struct observables *observables, size_t which)
{
    const struct observables_histogram *histogram = &observables->histogram[which];
    for (size_t k = 0; k < which; k++)
        if (observables->histogram[k].n_axes == histogram->n_axes &&
            observables->histogram[k].axis[0].name == histogram->axis[0].name)
            return true;
    return false;
}

static void add_pair_of_arrays(struct record *record, struct record_array array, const char *name,
                               const char *error_name, const double *value, const double *error)
{
    char path[PATH_SIZE];
    array.path = path;
    array.values = value;
    snprintf(path, sizeof path, "/observables/%s", name);
    record_add_array(record, &array);
    snprintf(path, sizeof path, "/observables/%s_error", name);
    array.long_name = error_name;
    array.values = error;
    record_add_array(record, &array);
}

static const char *const error_words = "standard error, from the scatter between batches of walkers";

static double *add_histogram(struct record *record, const struct observables *observables, size_t which,
                             double *numbers)
{
    const struct observables_histogram *histogram = &observables->histogram[which];
    const size_t bins = observables_bins(histogram);
    double *value = numbers, *error = numbers + bins;
    char path[PATH_SIZE];
    struct record_array array = { .unit = histogram->unit,
                                  .long_name = histogram->long_name,
                                  .rank = histogram->n_axes };
    observables_density(observables, which, value, error);
    numbers = error + bins;
    for (size_t a = 0; a < histogram->n_axes; a++)
        numbers = add_axis(record, &histogram->axis[a], shown_before(observables, which), &array.axis[a], numbers);
    add_pair_of_arrays(record, array, histogram->name, error_words, value, error);
    snprintf(path, sizeof path, "/observables/%s_outside", histogram->name);
    record_add_real(record, path, "1", "mean number of particles or pairs beyond the edges",
                    observables_outside(observables, which));
    return numbers;
}

static double *add_ratio(struct record *record, const struct observables *observables, size_t which, double *numbers)
{
    const struct observables_ratio *ratio = &observables->ratio[which];
    const struct observables_axis *axis = &observables->histogram[ratio->over].axis[0];
    double *value = numbers, *error = numbers + axis->bins;
    struct record_array array = { .unit = "1", .long_name = ratio->long_name, .rank = 1 };
    observables_over(observables, which, value, error);
    numbers = add_axis(record, axis, true, &array.axis[0], error + axis->bins);
    add_pair_of_arrays(record, array, ratio->name, error_words, value, error);
    return numbers;
}

static void add_mean(struct record *record, const struct observables *observables, size_t which)
{
    const struct observables_mean *mean = &observables->mean[which];
    char path[PATH_SIZE], words[128];
    double value, error;
    observables_mean(observables, which, &value, &error);
    snprintf(path, sizeof path, "/observables/%s", mean->name);
    record_add_real(record, path, mean->unit, mean->long_name, value);
    snprintf(path, sizeof path, "/observables/%s_error", mean->name);
    snprintf(words, sizeof words, "standard error: %s", mean->long_name);
    record_add_real(record, path, mean->unit, words, error);
}

// Eigenvalues in descending order of a symmetric matrix [n, n], which is overwritten.
static void find_eigenvalues(size_t n, double *matrix, double *values)
{
    gsl_eigen_symm_workspace *workspace = gsl_eigen_symm_alloc(n);
    gsl_matrix_view view = gsl_matrix_view_array(matrix, n, n);
    gsl_vector_view out = gsl_vector_view_array(values, n);
    gsl_eigen_symm(&view.matrix, &out.vector, workspace);
    gsl_sort_vector(&out.vector);
    gsl_vector_reverse(&out.vector);
    gsl_eigen_symm_free(workspace);
}

// Natural occupations: eigenvalues, less the bias that noise in the elements gives them, and their errors, both by the
// jackknife over batches.
static void find_occupations(const struct observables *observables, size_t which, double *value, double *error)
{
    const size_t n = observables->matrix[which].n, batches = observables->n_batches;
    double matrix[ONE_BODY_STATES_MOST * ONE_BODY_STATES_MOST], unused[ONE_BODY_STATES_MOST * ONE_BODY_STATES_MOST],
        without[ONE_BODY_STATES_MOST], sum[ONE_BODY_STATES_MOST] = { 0 }, square[ONE_BODY_STATES_MOST] = { 0 };
    observables_matrix(observables, which, SIZE_MAX, matrix, unused);
    find_eigenvalues(n, matrix, value);
    for (size_t b = 0; b < batches; b++) {
        observables_matrix(observables, which, b, matrix, unused);
        find_eigenvalues(n, matrix, without);
        for (size_t k = 0; k < n; k++) {
            sum[k] += without[k] - value[k];
            square[k] += (without[k] - value[k]) * (without[k] - value[k]);
        }
    }
    for (size_t k = 0; k < n; k++)
        error[k] = observables_widening(observables) *
                   sqrt((double)(batches - 1) * (square[k] - sum[k] * sum[k] / (double)batches) / (double)batches);
    for (size_t k = 0; k < n; k++)
        value[k] -= (double)(batches - 1) * sum[k] / (double)batches;
}

static double *add_matrix(struct record *record, const struct observables *observables, size_t which, double *numbers)
{
    const struct observables_matrix *matrix = &observables->matrix[which];
    const size_t n = matrix->n, dimensions = observables->system.dimensions;
    const struct record_axis state = { "state", n, "1", "oscillator state of the trap", NULL },
                             partner = { "state_2", n, "1", "oscillator state of the trap", NULL },
                             natural = { "natural", n, "1", "natural orbital", NULL };
    unsigned char quanta[ONE_BODY_STATES_MOST][DIMENSIONS_MOST];
    double *value = numbers, *error = numbers + n * n, *occupation = error + n * n, *quantum = occupation + 2 * n;
    observables_matrix(observables, which, SIZE_MAX, value, error);
    find_occupations(observables, which, occupation, occupation + n);
    observables_one_body_states(dimensions, quanta);
    for (size_t k = 0; k < n; k++)
        for (size_t d = 0; d < dimensions; d++)
            quantum[k * dimensions + d] = quanta[k][d];
    add_pair_of_arrays(
        record,
        (struct record_array){ .unit = "1", .long_name = matrix->long_name, .rank = 2, .axis = { state, partner } },
        matrix->name, error_words, value, error);
    add_pair_of_arrays(record,
                       (struct record_array){ .unit = "1",
                                              .long_name = "natural occupations: eigenvalues of the one-body density "
                                                           "matrix; the largest over P is the condensate's share",
                                              .rank = 1,
                                              .axis = { natural } },
                       "natural_occupation", "standard error, jackknife over batches of walkers", occupation,
                       occupation + n);
    record_add_array(record,
                     &(struct record_array){ "/observables/one_body_quanta",
                                             "1",
                                             "quanta of the oscillator state",
                                             2,
                                             { state, { "dimension", dimensions, "1", "dimension of space", NULL } },
                                             quantum });
    return quantum + n * dimensions;
}

static double *add_observables(struct record *record, const struct observables *observables, double *numbers)
{
    const double samples = observables_samples(observables);
    if (!(samples > 0) || observables->n_types == 0)
        return numbers;
    for (size_t k = 0; k < observables->n_histograms; k++)
        numbers = add_histogram(record, observables, k, numbers);
    for (size_t k = 0; k < observables->n_ratios; k++)
        numbers = add_ratio(record, observables, k, numbers);
    for (size_t k = 0; k < observables->n_means; k++)
        add_mean(record, observables, k);
    for (size_t k = 0; k < observables->n_matrices; k++)
        numbers = add_matrix(record, observables, k, numbers);
    record_add_count(record, "/observables/n_samples", "1", "configurations that were looked at", (uint64_t)samples);
    return numbers;
}

static size_t observables_room(const struct observables *observables)
{
    size_t n = 1;
    for (size_t k = 0; k < observables->n_histograms; k++) {
        n += 2 * observables_bins(&observables->histogram[k]);
        for (size_t a = 0; a < observables->histogram[k].n_axes; a++)
            n += 2 * observables->histogram[k].axis[a].bins + 1;
    }
    for (size_t k = 0; k < observables->n_ratios; k++)
        n += 4 * observables->histogram[observables->ratio[k].over].axis[0].bins + 1;
    for (size_t k = 0; k < observables->n_matrices; k++)
        n += observables->matrix[k].n * (2 * observables->matrix[k].n + 2 + DIMENSIONS_MOST);
    return n;
}

// ---- the blocking curve

// The levels that every walker has a whole block of.
static size_t n_levels(const struct measured *measured)
{
    size_t n = 0;
    while (n < MOMENT_LEVELS && series_draws(measured) >> n > 0)
        n++;
    return n;
}

enum { CURVE_ROWS = 4 };

static double *add_blocking(struct record *record, const struct run *run, double *numbers)
{
    static const struct {
        const char *path, *unit, *long_name;
    } rows[CURVE_ROWS] = { { "/measurement/blocking/draws", "draws", "draws in a block" },
                           { "/measurement/blocking/blocks", "1", "blocks of all walkers" },
                           { "/measurement/blocking/error", UNIT_ENERGY,
                             "error of the mean energy if blocks were independent: too small until they are" },
                           { "/measurement/blocking/error_error", UNIT_ENERGY, "uncertainty of that error" } };
    const struct measured *measured = &run->measured;
    const size_t n = n_levels(measured);
    const struct record_axis axis = { "level", n, "1", "times that neighbours were averaged", NULL };
    for (size_t level = 0; level < n; level++) {
        const double blocks = (double)(run->ensemble.n_walkers * (series_draws(measured) >> level));
        double sum = 0, square = 0;
        for (size_t g = 0; g < run->ensemble.n_groups; g++) {
            const double *sums = measured->level_sums + (g * MOMENT_LEVELS + level) * LEVEL_SUMS;
            sum += sums[0];
            square += sums[1];
        }
        // draws that fill no whole block are in the mean all the same
        const double filled = blocks * exp2((double)level) / (double)(run->ensemble.n_walkers * series_draws(measured));
        const double error = sqrt(filled * fmax(0, square / blocks - sum / blocks * (sum / blocks)) / (blocks - 1));
        const double row[CURVE_ROWS] = { exp2((double)level), blocks, error, error / sqrt(2 * (blocks - 1)) };
        for (size_t k = 0; k < CURVE_ROWS; k++)
            numbers[k * n + level] = row[k];
    }
    for (size_t k = 0; k < CURVE_ROWS; k++)
        record_add_array(record, &(struct record_array){
                                     rows[k].path, rows[k].unit, rows[k].long_name, 1, { axis }, numbers + k * n });
    return numbers + CURVE_ROWS * n;
}

// ---- configurations

static size_t n_positions(const struct run *run)
{
    const struct measured *measured = &run->measured;
    const size_t draws = measured->ensemble ? series_draws(measured) : 0;
    const size_t there = draws > 0 && measured->position_rows > 0
                             ? ((draws - 1) / measured->position_stride + 1) * run->ensemble.n_walkers
                             : 0;
    return there < run->settings->measure.positions ? there : run->settings->measure.positions;
}

// Spread evenly over what is kept, draw by draw.
static void add_positions(struct record *record, const struct run *run, double *numbers)
{
    const struct measured *measured = &run->measured;
    const size_t n = n_positions(run), m = run->ensemble.wavefunction.n_coordinates, walkers = run->ensemble.n_walkers;
    const struct system *system = &run->settings->system;
    if (n == 0)
        return;
    const size_t there = ((series_draws(measured) - 1) / measured->position_stride + 1) * walkers;
    for (size_t s = 0; s < n; s++) {
        const size_t flat = (size_t)((double)s * (double)there / (double)n), walker = flat % walkers;
        const double *from = series_positions_of(measured, flat / walkers, walker / WALKERS) + walker % WALKERS;
        for (size_t i = 0; i < m; i++)
            numbers[s * m + i] = from[i * WALKERS];
    }
    record_add_array(record,
                     &(struct record_array){ "/positions",
                                             UNIT_LENGTH,
                                             "configurations drawn from |psi|^2",
                                             3,
                                             { { "sample", n, "1", "configuration", NULL },
                                               { "particle", system->particles, "1", "particle", NULL },
                                               { "dimension", system->dimensions, "1", "dimension of space", NULL } },
                                             numbers });
}

// ---- all of it

size_t publish_room(const struct run *run)
{
    return observables_room(&run->measured.observables) + CURVE_ROWS * MOMENT_LEVELS +
           n_positions(run) * run->ensemble.wavefunction.n_coordinates;
}

void publish_observed(struct record *record, const struct run *run, double *numbers)
{
    if (!run->measured.values[0] || series_draws(&run->measured) == 0)
        return;
    numbers = add_observables(record, &run->measured.observables, numbers);
    numbers = add_blocking(record, run, numbers);
    add_positions(record, run, numbers);
}

void publish_gather(struct run *run)
{
    const struct measured *measured = &run->measured;
    const struct ensemble *ensemble = &run->ensemble;
    const size_t positions = ensemble->wavefunction.n_coordinates * WALKERS * sizeof(double);
    ensemble_move_blocks(ensemble,
                         &(struct ensemble_rows){ measured->positions, measured->position_rows,
                                                  ensemble->n_blocks * positions, positions },
                         TEAM_GATHER);
}
