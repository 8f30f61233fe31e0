// SPDX-License-Identifier: GPL-3.0-or-later
#include "run/series.h"

#include "base/memory.h"
#include "run/kept.h"

#include <math.h>
#include <string.h>

enum { SERIES_DRAWS_LEAST = 16 };

size_t series_draws_wanted(const struct run *run)
{
    const size_t walkers = run->ensemble.n_walkers;
    return (run->settings->measure.samples + walkers - 1) / walkers;
}

size_t series_room(const struct run *run)
{
    const size_t even = run->settings->measure.series_values / run->ensemble.n_walkers / 2 * 2;
    return even < SERIES_DRAWS_LEAST ? SERIES_DRAWS_LEAST : even;
}

static bool prepare_observables(struct run *run, struct error *error)
{
    const struct param_names *kinds = &run->settings->chosen[SETTINGS_OBSERVABLE].members;
    size_t index[PARAM_NAMES_MOST], n = 0;
    for (size_t k = 0; k < kinds->n; k++) {
        const bool on_request = observable_type_at(kinds->index[k])->on_request;
        if (!on_request || !kinds->is_auto)
            index[n++] = kinds->index[k];
    }
    return observables_build(&run->measured.observables, &run->settings->system, &run->ensemble.wavefunction, n, index,
                             run->settings->observables.bins, run->ensemble.n_groups, error);
}

// Twice what is wanted, so that half of it is left when every other one is dropped.
static bool prepare_positions(struct run *run)
{
    struct measured *measured = &run->measured;
    const struct ensemble *ensemble = &run->ensemble;
    measured->position_rows = 2 * ((run->settings->measure.positions + ensemble->n_walkers - 1) / ensemble->n_walkers);
    measured->position_stride = 1;
    measured->positions = memory_doubles(measured->position_rows * ensemble->n_walkers *
                                         ensemble->wavefunction.n_coordinates);
    return measured->positions != NULL;
}

static bool allocate_values(struct run *run, struct error *error)
{
    struct measured *measured = &run->measured;
    const size_t walkers = run->ensemble.n_walkers, draws = series_draws_wanted(run);
    bool good = true;
    measured->capacity = draws < measured->room ? draws : measured->room;
    for (size_t k = 0; k < SERIES; k++) {
        memory_free(measured->values[k]);
        good = (measured->values[k] = memory_doubles(walkers * measured->capacity)) && good;
    }
    return good ||
           error_add(error, ERROR_INTERNAL, "no memory for the series of %zu draws; use fewer: measure.samples", draws);
}

// The room does not depend on how many samples are asked for: so runs of any length go the same way.
bool series_prepare(struct run *run, struct error *error)
{
    struct measured *measured = &run->measured;
    measured->block = 1;
    measured->room = series_room(run);
    measured->ensemble = &run->ensemble;
    measured->interval = run->settings->observables.interval;
    measured->pending = memory_rows(MOMENT_LEVELS * run->ensemble.n_blocks);
    measured->level_sums = memory_doubles(MOMENT_LEVELS * LEVEL_SUMS * run->ensemble.n_groups);
    if (!measured->pending || !measured->level_sums || !prepare_positions(run))
        return error_add(error, ERROR_INTERNAL, "no memory for the configurations; use fewer: measure.positions");
    return allocate_values(run, error) && prepare_observables(run, error);
}

bool series_grow(struct run *run, size_t least, struct error *error)
{
    if (least <= run->measured.room)
        return true;
    run->measured.room = (least + 1) / 2 * 2;
    return allocate_values(run, error);
}

// The row of one value of a block of walkers.
static double *value_row(const struct measured *measured, size_t which, size_t block, size_t value)
{
    return measured->values[which] + (block * measured->capacity + value) * WALKERS;
}

static void record_level(struct measured *measured, const struct ensemble_draw *draw, size_t at)
{
    const struct ensemble *ensemble = measured->ensemble;
    moments_block(ensemble->reference, at, draw->controlled + CONTROLLED_ENERGY_ROW * WALKERS,
                  measured->pending + draw->block * WALKERS, ensemble->n_blocks * WALKERS,
                  measured->level_sums + draw->group * MOMENT_LEVELS * LEVEL_SUMS);
}

static void record_positions(struct measured *measured, const struct ensemble_draw *draw, size_t at)
{
    const struct wavefunction *wavefunction = &measured->ensemble->wavefunction;
    if (at % measured->interval == 0) {
        const struct configuration configuration = wavefunction_configuration(wavefunction,
                                                                              draw->x);  // x begins the frame
        observables_add(&measured->observables, draw->group, &configuration);
    }
    if (measured->position_rows > 0 && at % measured->position_stride == 0)
        memcpy(series_positions_of(measured, at / measured->position_stride, draw->block), draw->x,
               wavefunction->n_coordinates * WALKERS * sizeof(double));
}

void series_record(const struct ensemble_draw *draw, void *context)
{
    struct measured *measured = context;
    const double share = 1 / (double)measured->block;
    const size_t at = measured->partial + draw->draw, value = measured->draws + at / measured->block;
    for (size_t k = 0; k < SERIES; k++) {
        const double *from = (kept_series[k].controlled ? draw->controlled : draw->energy) +
                             kept_series[k].row * WALKERS;
        moments_record(share, at % measured->block == 0, from, value_row(measured, k, draw->block, value));
    }
    record_level(measured, draw, series_draws(measured) + draw->draw);
    record_positions(measured, draw, series_draws(measured) + draw->draw);
}

void series_make_room(struct run *run, size_t draws)
{
    struct measured *measured = &run->measured;
    const size_t size = run->ensemble.wavefunction.n_coordinates * WALKERS * sizeof(double);
    while (measured->position_rows > 0 &&
           (series_draws(measured) + draws - 1) / measured->position_stride >= measured->position_rows) {
        for (size_t row = 1; row < measured->position_rows / 2; row++)
            for (size_t b = run->ensemble.first_block; b < run->ensemble.end_block; b++)
                memcpy(series_positions_of(measured, row, b), series_positions_of(measured, 2 * row, b), size);
        measured->position_stride *= 2;
    }
}

// ---- where the histograms end

void series_see(const struct ensemble_draw *draw, void *context)
{
    struct measured *measured = context;
    const struct configuration at = wavefunction_configuration(&measured->ensemble->wavefunction, draw->x);
    observables_widen(&at, &measured->seen[draw->group]);
}

// Where nothing was seen, since a file of an older format does not say it: as far as the walkers are now.
static void see_now(struct run *run)
{
    const struct ensemble *ensemble = &run->ensemble;
    for (size_t g = ensemble->first_group; g < ensemble->end_group; g++)
        for (size_t b = ensemble->group[g].first_block;
             b < ensemble->group[g].first_block + ensemble->group[g].n_blocks; b++) {
            const struct configuration at = wavefunction_configuration(&ensemble->wavefunction,
                                                                       ensemble->block[b].current);
            observables_widen(&at, &run->measured.seen[g]);
        }
}

void series_reach(struct run *run)
{
    struct measured *measured = &run->measured;
    struct observables_extent all = { { 0 } };
    if (measured->observables.extent.reach[EXTENT_RADIUS] > 0)
        return;
    if (!measured->was_seen)
        see_now(run);
    ensemble_move_groups(&run->ensemble, measured->seen, sizeof *measured->seen, TEAM_GATHER_ALL);
    for (size_t g = 0; g < run->ensemble.n_groups; g++)
        for (size_t k = 0; k < EXTENTS; k++)
            all.reach[k] = fmax(all.reach[k], measured->seen[g].reach[k]);
    observables_reach(&measured->observables, run->settings->observables.range, &all);
}

void series_halve(struct run *run)
{
    struct measured *measured = &run->measured;
    for (size_t k = 0; k < SERIES; k++)
        for (size_t b = run->ensemble.first_block; b < run->ensemble.end_block; b++)
            for (size_t t = 0; t < measured->room / 2; t++) {
                const double *before = value_row(measured, k, b, 2 * t);
                double *row = value_row(measured, k, b, t);
                for (size_t w = 0; w < WALKERS; w++)
                    row[w] = 0.5 * (before[w] + before[WALKERS + w]);
            }
    measured->draws = measured->room / 2;
    measured->block *= 2;
    measured->gathered = 0;
}

void series_by_walker(const struct run *run, size_t which, double *out)
{
    const size_t draws = run->measured.draws;
    for (size_t k = 0; k < run->ensemble.n_blocks; k++)
        for (size_t t = 0; t < draws; t++) {
            const double *row = value_row(&run->measured, which, k, t);
            for (size_t w = 0; w < WALKERS; w++)
                out[(k * WALKERS + w) * draws + t] = row[w];
        }
}

void series_take(struct run *run, size_t which, size_t draws, const double *by_walker)
{
    for (size_t k = 0; k < run->ensemble.n_blocks; k++)
        for (size_t t = 0; t < draws; t++) {
            double *row = value_row(&run->measured, which, k, t);
            for (size_t w = 0; w < WALKERS; w++)
                row[w] = by_walker[(k * WALKERS + w) * draws + t];
        }
}

void series_share(const struct run *run, size_t which, enum team_way way)
{
    const struct measured *measured = &run->measured;
    const size_t size = WALKERS * measured->capacity * sizeof(double);
    ensemble_move_blocks(&run->ensemble, &(struct ensemble_rows){ measured->values[which], 1, 0, size }, way);
}

void series_gather(struct run *run)
{
    struct measured *measured = &run->measured;
    if (!run->options->team || measured->gathered == 1 + measured->chunks)
        return;
    for (size_t k = 0; k < SERIES; k++)
        series_share(run, k, TEAM_GATHER);
    measured->gathered = 1 + measured->chunks;
}

bool series_analyse(const struct run *run, size_t n, const struct series_term *terms, bool whole,
                    struct statistics *out, struct error *error)
{
    const struct measured *measured = &run->measured;
    const size_t walkers = run->ensemble.n_walkers, draws = measured->draws;
    const bool plain = n == 1 && terms->weight == 1;
    double *sum = memory_doubles(walkers * draws), *one = plain ? NULL : memory_doubles(walkers * draws);
    bool good = (sum && (plain || one)) || error_add(error, ERROR_INTERNAL, "no memory to analyse the series");
    for (size_t k = 0; good && k < n; k++) {
        series_by_walker(run, terms[k].which, plain ? sum : one);
        for (size_t i = 0; !plain && i < walkers * draws; i++)
            sum[i] = (k ? sum[i] : 0) + terms[k].weight * one[i];
    }
    const struct series series = { walkers, draws, measured->block, sum };
    good = good && (whole ? statistics_analyse : statistics_estimate)(&series, out, error);
    memory_free(sum);
    memory_free(one);
    return good;
}
