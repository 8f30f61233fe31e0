// SPDX-License-Identifier: GPL-3.0-or-later
// What the processes of a team tell one another of a run. Each knows its own walkers, their series and their counters, and all know the parameters,
// the sums and the course of training; the first reads and writes the file, and alone knows the optimiser's memory and the kept parameters.
#include "run/run_parts.h"

void run_share_series(const struct run *run, size_t which, enum team_way way)
{
    const struct measured *measured = &run->measured;
    ensemble_move_blocks(&run->ensemble, &(struct ensemble_rows){ measured->values[which], 1, 0, WALKERS * measured->capacity * sizeof(double) }, way);
}

void run_share_all_series(struct run *run)
{
    struct measured *measured = &run->measured;
    if (!run->options->team || !measured->values[0] || measured->gathered == 1 + measured->chunks)
        return;
    for (size_t k = 0; k < SERIES; k++)
        run_share_series(run, k, TEAM_GATHER);
    measured->gathered = 1 + measured->chunks;
}

void run_share_before_writing(struct run *run)
{
    const struct observables *observables = &run->measured.observables;
    const size_t number = observables->parts * sizeof(double);
    if (!run->options->team)
        return;
    for (size_t which = 0; which < CHECKPOINTS; which++)
        checkpoint_move(run, which, TEAM_GATHER, NULL);
    if (!(run->stage == STAGE_MEASURING && observables->n_batches > 0))
        return;
    run_share_all_series(run);
    ensemble_move_groups(&run->ensemble, observables->count, observables->n_counters * number, TEAM_GATHER);
    ensemble_move_groups(&run->ensemble, observables->distance, number, TEAM_GATHER);
    ensemble_move_groups(&run->ensemble, observables->samples, number, TEAM_GATHER);
}

static void share_history(struct run *run, size_t n)
{
    struct history *history = &run->history;
    double *const columns[] = { history->energy, history->energy_error, history->variance, history->estimator_variance, history->acceptance,
                                history->gradient_norm, history->learning_rate };
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++)
        team_share(run->options->team, columns[k], n * sizeof(double));
}

bool run_share_after_reading(struct run *run, struct error *error)
{
    const struct team *team = run->options->team;
    bool measured = run->measured.values[0] != NULL;
    if (!team)
        return true;
    team_share(team, &measured, sizeof measured);
    if (!team_agree(team, !measured || run_measure_prepare(run, error), error))
        return false;
    for (size_t which = 0; which < CHECKPOINTS; which++)
        if (!checkpoint_move(run, which, TEAM_DEAL, error))
            return false;
    const struct checkpoint *measuring = &run->checkpoint[CHECKPOINT_MEASURING];
    const struct checkpoint *last = measuring->there ? measuring : &run->checkpoint[CHECKPOINT_TRAINING];
    share_history(run, (size_t)last->numbers.iterations);
    for (size_t k = 0; last->numbers.stage == STAGE_MEASURING && k < SERIES; k++)
        run_share_series(run, k, TEAM_DEAL);
    return true;
}
