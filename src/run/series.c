// SPDX-License-Identifier: GPL-3.0-or-later
#include "run/series.h"

#include "base/memory.h"
#include "run/kept.h"

// Values kept per series over all walkers. More would cost more to analyse and to publish than they tell.
enum { SERIES_VALUES = 1 << 16, SERIES_DRAWS_LEAST = 16 };
// Every so many draws the histograms are filled: neighbours tell them little that is new, and so they cost next to nothing.
enum { OBSERVABLES_DRAWS = 16 };

size_t series_draws_wanted(const struct run *run)
{
    const size_t walkers = run->ensemble.n_walkers;
    return (run->settings->measure.samples + walkers - 1) / walkers;
}

size_t series_room(size_t walkers)
{
    const size_t even = SERIES_VALUES / walkers / 2 * 2;
    return even < SERIES_DRAWS_LEAST ? SERIES_DRAWS_LEAST : even;
}

// The room does not depend on how many samples are asked for: so runs of any length go the same way.
bool series_prepare(struct run *run, struct error *error)
{
    struct measured *measured = &run->measured;
    const size_t walkers = run->ensemble.n_walkers, draws = series_draws_wanted(run);
    bool good = true;
    measured->block = 1;
    measured->room = series_room(walkers);
    measured->capacity = draws < measured->room ? draws : measured->room;
    for (size_t k = 0; k < SERIES; k++)
        good = (measured->values[k] = memory_doubles(walkers * measured->capacity)) && good;
    if (!good)
        return error_add(error, ERROR_INTERNAL, "no memory for the series of %zu draws; use fewer: measure.samples", draws);
    return observables_build(&measured->observables, &run->ensemble.hamiltonian, run->ensemble.n_groups, error);
}

// The row of one value of a block of walkers.
static double *value_row(const struct measured *measured, size_t which, size_t block, size_t value)
{
    return measured->values[which] + (block * measured->capacity + value) * WALKERS;
}

void series_record(const struct ensemble_draw *draw, void *context)
{
    struct measured *measured = context;
    const double share = 1 / (double)measured->block;
    const size_t at = measured->partial + draw->draw, value = measured->draws + at / measured->block;
    for (size_t k = 0; k < SERIES; k++) {
        const double *from = (kept_series[k].controlled ? draw->controlled : draw->energy) + kept_series[k].row * WALKERS;
        moments_record(share, at % measured->block == 0, from, value_row(measured, k, draw->block, value));
    }
    if (draw->draw % OBSERVABLES_DRAWS == 0)
        observables_add(&measured->observables, draw->group, draw->x);
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

bool series_analyse(const struct run *run, size_t n, const struct series_term *terms, bool whole, struct statistics *out, struct error *error)
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
