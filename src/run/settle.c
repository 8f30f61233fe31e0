// SPDX-License-Identifier: GPL-3.0-or-later
#include "run/settle.h"

#include "run/course.h"
#include "run/metric_size.h"
#include "run/revive.h"
#include "run/stages.h"
#include "run/starts.h"
#include "run/trust.h"

#include <math.h>

// A stage of training lasts so many windows of the plateau at most, and no more than this part of all iterations.
enum { STAGE_WINDOWS_MOST = 2, STAGE_SHARE = 4 };
// Part of the energy that may be left to gain.
static const double part_left = 1.5e-4;

size_t settle_growth(const struct run *run, size_t draws)
{
    enum { LEAST = 2, MOST = 8, OPERATIONS = 150000000 };
    const double samples = (double)(draws * run->ensemble.n_walkers),
                 paid = OPERATIONS / samples / (double)(1 + run->ensemble.wavefunction.n_parameters);
    return paid >= MOST ? MOST : paid >= LEAST ? (size_t)paid : LEAST;
}

// What is left to gain as slopes tell it, and as the energy itself does: that which is known better.
static void note_gain(struct training *training, const struct trust_gain *slopes, const struct course_fall *fall,
                      double n)
{
    const double gain = fmax(0, slopes->mean) * n, error = slopes->error * n, further = n / (double)fall->n,
                 fallen = fmax(0, fall->gain) * further, uncertain = fall->error * further;
    const bool by_slopes = gain + 2 * error <= fallen + 2 * uncertain;
    training->gain = by_slopes ? gain : fallen;
    training->gain_error = by_slopes ? error : uncertain;
}

// The same in every process, and after a run was cut as before.
static size_t directions(const struct run *run)
{
    const size_t all = run->metric.room > 0 ? metric_directions(&run->ensemble.wavefunction) : 0;
    return course_is_quiet(&run->history) ? 0 : all;
}

// The one time that `since` moves before the samples grow without a shorter step (`calm` in train.c).
static bool has_revived(const struct training *training)
{
    return training->refined == 0 && training->since > 0 && training->longest == 1;
}

static bool is_early(const struct run *run)
{
    const struct training *training = &run->training;
    const bool fine = training->refined == SETTLE_REFINEMENTS;
    const size_t all = run->history.n, own = all - training->since,
                 done = fine                    ? own
                        : has_revived(training) ? 2 * own
                                                : all;
    const bool waits = fine ? !starts_short(run) : starts_short(run) ? starts_long(run) : !starts_were_long(run);
    return waits && course_is_early(directions(run), revive_applies(run), done, fine);
}

// What the last steps would gain is lost in its noise, or too little. Plain gradients are lost in the noise near
// saddles too, where natural ones still point the way (16 hidden units wait at 3.097 for some hundred iterations):
// without a metric there is no telling.
// With many parameters a step is mostly noise, and slopes tell too little. Successive samples of the same walkers share
// some of that noise, which feigns a slope: before the samples grow, it is enough that the energy itself stands still.
// And at the end of a step the noise has bent the slope downwards by what it cost, which hides a valley: where that is
// seen, the energy must stand still at the end as well.
bool settle_nothing_left(struct run *run)
{
    struct training *training = &run->training;
    const struct history *history = &run->history;
    const size_t window = training->window, since = training->since;
    const struct trust_gain gain = trust_gain(history, window, since);
    if (gain.n == 0 || is_early(run))
        return false;
    const struct course_fall fall = course_fall(history, window, since),
                             slow = course_long_fall(history, window, since);
    const double n = (double)history->n, energy = fabs(history->energy[history->n - 1]);
    const bool fine = training->refined == SETTLE_REFINEMENTS, still = course_falls_little(history, &fall, part_left),
               lost = course_gains_little(history, &gain) ||
                      (gain.mean <= gain.error && course_on_plateau(history, window, since)),
               bent = gain.mean < -3 * gain.error && -gain.mean * (double)(history->n - since) > part_left * energy;
    note_gain(training, &gain, &fall, n);
    if (run->metric.room == 0 || course_vanishes(history, since))
        return false;
    const bool falls_on = course_falls_on(history, &fall, part_left) || course_falls_on(history, &slow, part_left);
    return fine ? lost && (still || !bent) && !falls_on : lost || still;
}

// What has joined has settled, or has had its time: the next parameters join.
void settle_leave_stage(struct run *run, bool settled)
{
    struct training *training = &run->training;
    const size_t done = run->history.n - training->since, windows = STAGE_WINDOWS_MOST * training->window,
                 share = run->settings->optimizer.iterations / STAGE_SHARE;
    if (!settled && done < windows && done < share)
        return;
    stages_advance(run);
    training->since = run->history.n;
    training->averaged = 0;
    training->damping = 1;  // as at the start: what joins has not been tried yet
}

// Its samples have grown although it had not settled: what little time it has had since then proves nothing.
static bool grew_late(const struct run *run)
{
    const size_t since = run->training.since;
    return run->training.refined == SETTLE_REFINEMENTS &&
           course_is_late(directions(run), revive_applies(run), since, run->settings->optimizer.iterations - since);
}

// There are more directions than the metric has samples: it is zero along the rest, and steps there are as long as the
// shift lets them be. More of them lead nowhere.
static bool is_blind(const struct run *run) { return directions(run) > METRIC_SAMPLES_LEAST && !is_early(run); }

// It may have settled or not: noise hides what it could still gain.
static bool is_hidden(const struct run *run)
{
    const struct course_fall fall = course_fall(&run->history, run->training.window, run->training.since);
    return run->metric.room > 0 && course_hides_fall(&run->history, &fall, part_left) && !is_early(run);
}

static bool is_late(const struct run *run)
{
    const size_t done = run->history.n, left = run->settings->optimizer.iterations - done;
    return course_is_late(directions(run), revive_applies(run), done, left);
}

// What came from a long start has spent its iterations of few samples there.
static bool has_had_its_time(const struct run *run)
{
    const size_t done = run->history.n;
    return starts_were_long(run) && done >= run->training.window;
}

bool settle_is_due(const struct run *run, bool settled)
{
    return run->training.refined < SETTLE_REFINEMENTS && run->settings->optimizer.stop == STOP_PLATEAU &&
           (settled || is_blind(run) || is_hidden(run) || is_late(run) || has_had_its_time(run));
}

bool settle_may_revive(struct run *run, bool settled)
{
    return run->training.since == 0 && !starts_were_long(run) && !is_late(run) && settle_is_due(run, settled);
}

double settle_revives_below(struct run *run, bool settled)
{
    if (starts_short(run) && !starts_long(run))
        return 0;
    if (stages_at_last(run) && revive_applies(run) && settle_may_revive(run, settled))
        return REVIVE_IDLE;
    return revive_watches(run) ? REVIVE_DEAD : 0;
}

void settle_has_revived(struct run *run) { run->training.since = run->history.n; }

// True when training is over: nothing is left to gain. Before that it goes on with more samples, which show slopes that
// the noise hid.
bool settle_is_over(struct run *run, bool settled)
{
    struct training *training = &run->training;
    if (run->settings->optimizer.stop != STOP_PLATEAU || !(settled || settle_is_due(run, settled)))
        return false;
    if (grew_late(run))
        return false;
    if (training->refined == SETTLE_REFINEMENTS) {
        // where units begin anew, the mean of the parameters does too
        training->converged = training->over = training->averaged >= training->window;
        return training->over;
    }
    training->refined++;
    training->draws *= settle_growth(run, training->draws);
    training->longest *= 0.5;
    training->shortened = fmin(training->shortened, training->longest);
    training->since = run->history.n;
    training->averaged = 0;
    return false;
}

bool settle_converged(struct run *run)
{
    const struct training *training = &run->training;
    return training->over || (!grew_late(run) && stages_at_last(run) && settle_nothing_left(run) &&
                              (training->refined == SETTLE_REFINEMENTS || run->settings->optimizer.stop == STOP_NEVER));
}
