// SPDX-License-Identifier: GPL-3.0-or-later
// Measuring: draws with the parameters frozen, their series, and the result with its errors.
#include "run/run_parts.h"

#include "base/memory.h"
#include "vmc/statistics.h"

#include <math.h>

// Values kept per series over all walkers, and draws between two looks at progress and target. More values would cost more to analyse and to
// publish than they tell.
enum { SERIES_VALUES = 1 << 16, SERIES_DRAWS_LEAST = 16, CHUNK_DRAWS = 64 };
// Every so many draws the histograms are filled: neighbours tell them little that is new, and so they cost next to nothing.
enum { OBSERVABLES_DRAWS = 16 };

static size_t draws_wanted(const struct run *run)
{
    const size_t walkers = run->ensemble.n_walkers;
    return (run->settings->measure.samples + walkers - 1) / walkers;
}

size_t run_series_room(size_t walkers)
{
    const size_t even = SERIES_VALUES / walkers / 2 * 2;
    return even < SERIES_DRAWS_LEAST ? SERIES_DRAWS_LEAST : even;
}

// The room does not depend on how many samples are asked for: so runs of any length go the same way.
bool run_measure_prepare(struct run *run, struct error *error)
{
    struct measured *measured = &run->measured;
    const size_t walkers = run->ensemble.n_walkers, draws = draws_wanted(run);
    if (measured->values[0])
        return true;
    measured->block = 1;
    measured->room = run_series_room(walkers);
    measured->capacity = draws < measured->room ? draws : measured->room;
    bool good = true;
    for (size_t k = 0; k < SERIES; k++)
        good = (measured->values[k] = memory_doubles(walkers * measured->capacity)) && good;
    if (!observables_build(&measured->observables, &run->ensemble.hamiltonian, run->ensemble.n_groups, error))
        return false;
    return good || error_add(error, ERROR_INTERNAL, "no memory for the series of %zu draws; use fewer: measure.samples", draws);
}

// The row of one value of a block of walkers.
static double *value_row(const struct measured *measured, size_t which, size_t block, size_t value)
{
    return measured->values[which] + (block * measured->capacity + value) * WALKERS;
}

// Called from several threads, each for walkers of its own.
static void record_draw(const struct ensemble_draw *draw, void *context)
{
    struct measured *measured = context;
    const double share = 1 / (double)measured->block, *const from[SERIES] = {
        [SERIES_ENERGY] = draw->controlled, [SERIES_KINETIC] = draw->controlled + WALKERS, [SERIES_TRAP] = draw->controlled + 2 * WALKERS,
        [SERIES_PAIR] = draw->controlled + 3 * WALKERS, [SERIES_LOCAL] = draw->energy + ENERGY_LOCAL * WALKERS,
        [SERIES_KINETIC_GRADIENT] = draw->energy + ENERGY_KINETIC_GRADIENT * WALKERS, [SERIES_VIRIAL] = draw->energy + ENERGY_VIRIAL * WALKERS };
    const size_t at = measured->partial + draw->draw;
    const bool first = at % measured->block == 0;
    for (size_t k = 0; k < SERIES; k++)
        moments_record(share, first, from[k], value_row(measured, k, draw->block, measured->draws + at / measured->block));
    if (draw->draw % OBSERVABLES_DRAWS == 0)
        observables_add(&measured->observables, draw->group, draw->x);
}

void run_series_by_walker(const struct run *run, size_t which, double *out)
{
    const size_t draws = run->measured.draws;
    for (size_t k = 0; k < run->ensemble.n_blocks; k++)
        for (size_t t = 0; t < draws; t++) {
            const double *row = value_row(&run->measured, which, k, t);
            for (size_t w = 0; w < WALKERS; w++)
                out[(k * WALKERS + w) * draws + t] = row[w];
        }
}

void run_series_take(struct run *run, size_t which, size_t draws, const double *by_walker)
{
    for (size_t k = 0; k < run->ensemble.n_blocks; k++)
        for (size_t t = 0; t < draws; t++) {
            double *row = value_row(&run->measured, which, k, t);
            for (size_t w = 0; w < WALKERS; w++)
                row[w] = by_walker[(k * WALKERS + w) * draws + t];
        }
}

static void add_sums(struct ensemble_sums *to, const struct ensemble_sums *from)
{
    const double *source = (const double *)from;
    double *target = (double *)to;
    for (size_t k = 0; k < sizeof *to / sizeof(double); k++)
        target[k] += source[k];
}

// `whole`: all that can be known, else mean and error.
static bool analyse(const struct run *run, size_t which, bool whole, struct statistics *out, struct error *error)
{
    const struct measured *measured = &run->measured;
    const size_t walkers = run->ensemble.n_walkers, draws = measured->draws;
    double *packed = memory_doubles(walkers * draws);
    if (!packed)
        return error_add(error, ERROR_INTERNAL, "no memory to analyse the series");
    run_series_by_walker(run, which, packed);
    const bool good = (whole ? statistics_analyse : statistics_estimate)(&(struct series){ walkers, draws, measured->block, packed }, out, error);
    memory_free(packed);
    return good;
}

static double mean_of_squares(double sum, double sum2, double n) { return fmax(0, (sum2 - sum * sum / n) / (n > 1 ? n - 1 : 1)); }

static bool conclude(struct run *run, struct error *error)
{
    struct run_result *result = run->result;
    const struct ensemble_sums *sums = &run->measured.sums;
    struct statistics energy, other;
    if (!analyse(run, SERIES_ENERGY, true, &energy, error))
        return false;
    result->energy = energy.mean;
    result->energy_error = energy.error;
    result->autocorrelation_error = energy.error_autocorrelation;
    result->r_hat = energy.r_hat;
    result->plateau = energy.plateau;
    const struct { size_t series; double *mean, *error; } rest[] = {
        { SERIES_KINETIC, &result->kinetic, &result->kinetic_error },
        { SERIES_KINETIC_GRADIENT, &result->kinetic_gradient, &result->kinetic_gradient_error },
        { SERIES_TRAP, &result->trap, &result->trap_error },
        { SERIES_PAIR, &result->pair, &result->pair_error },
        { SERIES_LOCAL, &result->local_energy, &result->local_energy_error },
        { SERIES_VIRIAL, &result->virial_ratio, NULL },
    };
    for (size_t k = 0; k < sizeof rest / sizeof *rest; k++) {
        if (!analyse(run, rest[k].series, false, &other, error))
            return false;
        *rest[k].mean = other.mean;
        if (rest[k].error)
            *rest[k].error = other.error;
    }
    result->virial_ratio = 2 * result->kinetic / result->virial_ratio;
    result->variance = mean_of_squares(sums->local, sums->local2, sums->samples);
    result->estimator_variance = mean_of_squares(sums->energy, sums->energy2, sums->samples);
    // times and samples are those of draws, whose variance is larger than that of values that are means over several
    const double averaged = run->measured.block > 1 && result->estimator_variance > 0 ? energy.variance / result->estimator_variance : 1;
    result->autocorrelation_time = energy.autocorrelation_time * averaged;
    result->effective_samples = energy.effective_samples / averaged;
    result->acceptance = sums->accepted / sums->moves;
    result->n_samples = sums->samples;
    result->n_bad = (double)run->course.bad + sums->bad;
    if (sums->bad > 0.01 * sums->samples || !isfinite(result->energy))
        return error_add(error, ERROR_INTERNAL, "measuring: %.0f of %.0f samples have no finite energy; the wave function is not usable", sums->bad,
                         sums->samples);
    return true;
}

bool run_conclude(struct run *run, struct error *error)
{
    const struct team *team = run->options->team;
    run_share_all_series(run);
    return team_agree(team, !team_leads(team) || conclude(run, error), error);
}

// Whether the error asked for is reached; looked at after 2 to 8, 10, 12, 14, 16, 20, … chunks.
static bool precise_enough(const struct run *run, bool *reached, struct error *error)
{
    struct statistics energy;
    *reached = false;
    size_t power = run->measured.chunks;
    while (power > 7 && power % 2 == 0)
        power /= 2;
    if (!(run->settings->measure.target_error > 0) || power < 2 || power > 7)
        return true;
    const struct team *team = run->options->team;
    run_share_series(run, SERIES_ENERGY, TEAM_GATHER);
    if (!team_agree(team, !team_leads(team) || analyse(run, SERIES_ENERGY, false, &energy, error), error))
        return false;
    *reached = team_leads(team) && energy.error <= run->settings->measure.target_error;
    *reached = team_any(team, *reached);
    return true;
}

// seconds: since there were `first` draws
static void tell(const struct run *run, double seconds, size_t first)
{
    const struct measured *measured = &run->measured;
    const struct ensemble_sums *sums = &measured->sums;
    const size_t done = measured->draws * measured->block + measured->partial, total = draws_wanted(run);
    const double mean = sums->energy / sums->samples, variance = mean_of_squares(sums->energy, sums->energy2, sums->samples);
    run_tell(run, &(struct run_progress){ RUN_MEASURE, done < total ? done : total, total, run->ensemble.reference + mean,
                                          sqrt(variance / sums->samples), mean_of_squares(sums->local, sums->local2, sums->samples),
                                          sums->accepted / sums->moves, seconds / (double)(done - first) * (double)(total - (done < total ? done : total)) });
}

// The room is full and more is wanted: neighbours are averaged.
static void make_room(struct run *run)
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

static bool chunk(struct run *run, size_t draws)
{
    struct measured *measured = &run->measured;
    struct ensemble_sums sums;
    ensemble_pass(&run->ensemble, draws, 0, record_draw, measured, &sums);
    if (run->ensemble.was_cut)
        return false;
    add_sums(&measured->sums, &sums);
    measured->draws += (measured->partial + draws) / measured->block;
    measured->partial = (measured->partial + draws) % measured->block;
    measured->chunks++;
    return true;
}

// Whole chunks, the same ones however many samples are asked for. Only the last is cut to what is wanted (whole values): the state before it is
// kept, where a longer run goes on.
bool run_measure(struct run *run, struct error *error)
{
    struct measured *measured = &run->measured;
    if (!team_agree(run->options->team, run_measure_prepare(run, error), error))
        return false;
    const double start = run_wall();
    const size_t first = measured->draws * measured->block + measured->partial;
    for (;;) {
        bool reached, moved = false;
        if (!run_boundary(run, error) || !precise_enough(run, &reached, error))
            return false;
        const size_t done = measured->draws * measured->block + measured->partial;
        if (reached || done >= draws_wanted(run))
            return checkpoint_take(run, error) && run_conclude(run, error);
        if (measured->draws == measured->room) {
            make_room(run);
            moved = true;
        }
        const size_t left = (draws_wanted(run) + measured->block - 1) / measured->block * measured->block - done;
        const size_t room = (measured->room - measured->draws) * measured->block - measured->partial;
        const size_t whole = room < CHUNK_DRAWS ? room : CHUNK_DRAWS;
        if ((moved || left < whole) && !checkpoint_take(run, error))
            return false;
        if (!chunk(run, left < whole ? left : whole))
            return false;
        tell(run, run_wall() - start, first);
        if (left < whole)
            return run_conclude(run, error);
    }
}
