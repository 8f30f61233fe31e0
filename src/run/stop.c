// SPDX-License-Identifier: GPL-3.0-or-later
// Saving, publishing and stopping at the boundaries between passes. What the clock says decides only when that happens:
// no number depends on it.
#include "run/stop.h"

#include "run/checkpoint.h"
#include "run/conclude.h"
#include "run/file.h"

#include <math.h>
#include <time.h>

// s. A pass that would end within GRACE is waited for, a longer one is cut and its part is lost; so states are taken
// often enough that not much more than one pass is ever lost.
static const double GRACE = 0.5, SAVE_INTERVAL = 0.25;
// s, and s per byte of the file: what publishing takes where it has not been seen yet.
static const double PUBLISHING = 0.1, PUBLISHING_BYTE = 25e-9;

static double clock_coarse(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static enum run_wish wish_at(const struct run *run, double now)
{
    const struct run_options *options = run->options;
    const enum run_wish wish = options->wish ? options->wish(options->context) : RUN_GO_ON;
    return (enum run_wish)team_wish(options->team,
                                    wish == RUN_GO_ON && now >= run->stop.deadline ? RUN_STOP : (int)wish);
}

static double load_time(const double *time)
{
    double value;
    __atomic_load(time, &value, __ATOMIC_RELAXED);
    return value;
}

static void store_time(double *time, double value) { __atomic_store(time, &value, __ATOMIC_RELAXED); }

static bool cut(void *context)
{
    struct run *run = context;
    const double now = clock_coarse();
    const enum run_wish wish = wish_at(run, now);
    if (wish != RUN_STOP)
        return wish == RUN_STOP_NOW;
    if (!(load_time(&run->stop.asked) > 0))
        store_time(&run->stop.asked, now);
    return now - load_time(&run->stop.asked) > GRACE;
}

// What publishing takes, at least as long as it has taken so far, and a pass to end; but some of a short time is for
// getting on.
static void set_deadline(struct run *run)
{
    const struct measured *measured = &run->measured;
    const double most = run->options->max_time, walkers = (double)run->ensemble.n_walkers;
    const double state = 2 * walkers * (double)(run->ensemble.wavefunction.n_coordinates + 4),
                 series = SERIES * walkers * (double)measured->draws;
    const double guess = PUBLISHING + PUBLISHING_BYTE * sizeof(double) * (state + series);
    const double margin = GRACE + fmax(guess, 1.5 * run->stop.publishing);
    run->stop.deadline = most > 0 && team_leads(run->options->team) ? run->wall_start + most - fmin(margin, 0.5 * most)
                                                                    : INFINITY;
}

void run_stop_prepare(struct run *run)
{
    const double now = run_wall();
    run->stop = (struct stop){ .saved = now, .published = now };
    set_deadline(run);
    run->ensemble.cut = cut;
    run->ensemble.cut_context = run;
}

// A checkpoint that cannot be written is no reason to lose the run: the next one may be. A lock that another run holds
// is.
static bool publish(struct run *run, double start, struct error *error)
{
    struct error why = { 0 };
    if (run->stage == STAGE_MEASURING && run->measured.draws > 0)
        run_conclude(run, NULL);
    const bool good = run_publish(run, "running", &why), lost = why.kind == ERROR_EXISTS;
    run->stop.published = run_wall();
    run->stop.publishing = fmax(run->stop.publishing, run->stop.published - start);
    if (lost)
        error_add(error, ERROR_EXISTS, "%s", why.text);
    else if (!good)
        run_note(run, "a checkpoint could not be written (%s); the run goes on",
                 why.text ? why.text : "no reason known");
    error_clear(&why);
    return !lost;
}

bool run_boundary(struct run *run, struct error *error)
{
    struct stop *stop = &run->stop;
    const double now = run_wall();
    set_deadline(run);
    // the first process's clock counts, and anyone's wish
    const bool leads = team_leads(run->options->team);
    uint64_t count[] = {
        wish_at(run, now) != RUN_GO_ON,
        leads && run->options->output && now - stop->published >= run->settings->run.checkpoint_interval,
        leads && now - stop->saved > SAVE_INTERVAL,
    };
    team_sum(run->options->team, count, 3);
    const bool wished = count[0] > 0, due = count[1] > 0, save = count[2] > 0;
    const size_t which = run->stage < STAGE_MEASURING_BURN_IN ? CHECKPOINT_TRAINING : CHECKPOINT_MEASURING;
    if (wished || due || save || !run->checkpoint[which].there) {
        checkpoint_take(run);
        stop->saved = now;
    }
    stop->stopped = wished;
    return !wished && (!due || publish(run, now, error));
}
