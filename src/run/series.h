// SPDX-License-Identifier: GPL-3.0-or-later
// The series behind the result (struct measured): their memory, order and statistics.
#ifndef VMC_RUN_SERIES_H
#define VMC_RUN_SERIES_H

#include "run/state.h"
#include "vmc/statistics.h"

// Draws per walker that are asked for; values per walker after which the block doubles.
size_t series_draws_wanted(const struct run *run);
size_t series_room(const struct run *run);
// Room for the series and the histograms.
bool series_prepare(struct run *run, struct error *error);
// For so many values per walker at least, as a file of an earlier version may have; before there are any.
bool series_grow(struct run *run, size_t least, struct error *error);
// ensemble_visit: how far the walkers are, before measuring; `context` is the struct measured. Then where the
// histograms end, unless it is known.
void series_see(const struct ensemble_draw *draw, void *context);
void series_reach(struct run *run);
// Room for so many draws more among the positions.
void series_make_room(struct run *run, size_t draws);
// ensemble_visit: takes one draw of one block; `context` is the struct measured. Called from several threads, each for
// walkers of its own.
void series_record(const struct ensemble_draw *draw, void *context);
// The room is full and more is wanted: neighbours are averaged.
void series_halve(struct run *run);
// A series as the statistics and the file have it: [walker, draw], the draws there are; and back, `draws` of them.
void series_by_walker(const struct run *run, size_t which, double *out);
void series_take(struct run *run, size_t which, size_t draws, const double *by_walker);
// One of the series to the first process, or from it; all of them to it.
void series_share(const struct run *run, size_t which, enum team_way way);
void series_gather(struct run *run);
// Statistics of a weighted sum of series; `whole`: all that can be known, else mean and error.
struct series_term {
    size_t which;
    double weight;
};
bool series_analyse(const struct run *run, size_t n, const struct series_term *terms, bool whole,
                    struct statistics *out, struct error *error);

#endif
