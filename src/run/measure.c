// SPDX-License-Identifier: GPL-3.0-or-later
// Measuring: draws with the parameters frozen, until there are as many as wanted or the error is small enough.
#include "run/phases.h"

#include "run/checkpoint.h"
#include "run/conclude.h"
#include "run/series.h"
#include "run/stop.h"

#include <math.h>

// Draws between two looks at progress and target.
enum { CHUNK_DRAWS = 64 };

static void add_sums(struct ensemble_sums *to, const struct ensemble_sums *from)
{
    const double *source = (const double *)from;
    double *target = (double *)to;
    for (size_t k = 0; k < sizeof *to / sizeof(double); k++)
        target[k] += source[k];
}

static double mean_of_squares(double sum, double sum2, double n)
{
    return fmax(0, (sum2 - sum * sum / n) / (n > 1 ? n - 1 : 1));
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
    series_share(run, SERIES_ENERGY, TEAM_GATHER);
    if (!team_agree(team,
                    !team_leads(team) ||
                        series_analyse(run, 1, &(struct series_term){ SERIES_ENERGY, 1 }, false, &energy, error),
                    error))
        return false;
    *reached = team_leads(team) && energy.error <= run->settings->measure.target_error;
    *reached = team_any(team, *reached);
    return true;
}

// seconds: since there were `first` draws
static void report_progress(const struct run *run, double seconds, size_t first)
{
    const struct measured *measured = &run->measured;
    const struct ensemble_sums *sums = &measured->sums;
    const size_t done = measured->draws * measured->block + measured->partial, total = series_draws_wanted(run);
    const double mean = sums->energy / sums->samples,
                 variance = mean_of_squares(sums->energy, sums->energy2, sums->samples);
    run_report(run, &(struct run_progress){
                        RUN_MEASURE, done < total ? done : total, total, run->ensemble.reference + mean,
                        sqrt(variance / sums->samples), mean_of_squares(sums->local, sums->local2, sums->samples),
                        sums->accepted / sums->moves,
                        seconds / (double)(done - first) * (double)(total - (done < total ? done : total)),
                        run->ensemble.n_walkers, NULL });
}

static bool chunk(struct run *run, size_t draws)
{
    struct measured *measured = &run->measured;
    struct ensemble_sums sums;
    series_make_room(run, draws);
    ensemble_pass(&run->ensemble, draws, 0, series_record, measured, &sums);
    if (run->ensemble.was_cut)
        return false;
    add_sums(&measured->sums, &sums);
    measured->draws += (measured->partial + draws) / measured->block;
    measured->partial = (measured->partial + draws) % measured->block;
    measured->chunks++;
    return true;
}

// Whole chunks, the same ones however many samples are asked for. Only the last is cut to what is wanted (whole
// values): the state before it is kept, where a longer run goes on.
bool run_measure(struct run *run, struct error *error)
{
    struct measured *measured = &run->measured;
    series_reach(run);
    const double start = run_wall();
    const size_t first = series_draws(measured);
    for (;;) {
        bool reached, moved = false;
        if (!run_boundary(run, error) || !precise_enough(run, &reached, error))
            return false;
        const size_t done = measured->draws * measured->block + measured->partial;
        if (reached || done >= series_draws_wanted(run))
            break;
        if (measured->draws == measured->room) {
            series_halve(run);
            moved = true;
        }
        const size_t left = (series_draws_wanted(run) + measured->block - 1) / measured->block * measured->block - done;
        const size_t room = (measured->room - measured->draws) * measured->block - measured->partial;
        const size_t whole = room < CHUNK_DRAWS ? room : CHUNK_DRAWS;
        if (moved || left < whole)
            checkpoint_take(run);
        if (!chunk(run, left < whole ? left : whole))
            return false;
        report_progress(run, run_wall() - start, first);
        if (left < whole)
            return run_conclude(run, error);
    }
    checkpoint_take(run);
    return run_conclude(run, error);
}
