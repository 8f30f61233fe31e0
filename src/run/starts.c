// SPDX-License-Identifier: GPL-3.0-or-later
// Several starts. An energy has more than one minimum, and which of them is found depends on the starting parameters
// (docs/optimizers.md). A short training is like any other, but it ends after STARTS_ITERATIONS, or at its first
// plateau where nobody asked for several, and its history is forgotten. Of large machines whose units may begin anew
// (run/revive.h) such a beginning does not tell how low they will come: they go on until their samples are to grow.
// Walkers stay where they are and are given a burn-in to follow. All that is to be remembered stands in the table of
// what is kept, so a run can be cut and resumed in any of the starts.
#include "run/starts.h"

#include "run/checkpoint.h"
#include "run/revive.h"
#include "run/stages.h"
#include "run/starting_point.h"

#include <math.h>
#include <string.h>

// Where nobody says: an RBM that is alone has starting weights that decide between minima and saddles, one in four of
// them badly, and is cheap while it is small. There are M + N + MN parameters with the widths fixed; two units or fewer
// on two particles have one minimum. Large machines begin at sites twice. Parameters that are loaded are where they
// should be, but for units that are added to fewer ones: those are in the minimum of the fewer, and the other starts
// are fresh.
enum { STARTS_USUAL = 6, STARTS_LARGE = 3, STARTS_LEAST = 2 };
enum { FIRST_WINDOWS = 2 };

static size_t usual(const struct run *run)
{
    const struct wavefunction *wavefunction = &run->ensemble.wavefunction;
    const size_t index = settings_index(run->settings, SETTINGS_OPTIMIZER), n = wavefunction->n_parameters;
    const bool tried = optimizer_type_at(index)->needs_metric && run->settings->optimizer.stop == STOP_PLATEAU &&
                       starting_point_matters(wavefunction),
               few = n <= 3 * (wavefunction->n_coordinates + 1);
    if (!tried || (few && run->settings->system.particles < 3))
        return 1;
    if (few || (n > STARTING_POINT_SMALL && run->settings->system.particles < 3))
        return STARTS_LEAST;
    return n > STARTING_POINT_SMALL ? STARTS_LARGE : STARTS_USUAL;
}

void starts_skip(struct run *run)
{
    if (run->settings->optimizer.starts == PARAM_COUNT_AUTO)
        run->training.start = STARTS_USUAL;
}

size_t starts_wanted(const struct run *run)
{
    const size_t starts = run->settings->optimizer.starts;
    return starts == PARAM_COUNT_AUTO ? usual(run) : starts;
}

static bool has_long_ones(const struct run *run)
{
    return run->settings->optimizer.starts == PARAM_COUNT_AUTO && usual(run) == STARTS_LARGE && revive_applies(run);
}

// The first one, which is narrow unless its parameters were loaded, tells at once.
bool starts_long(const struct run *run)
{
    return starts_short(run) && has_long_ones(run) && run->training.start > 0;
}

bool starts_were_long(const struct run *run)
{
    return run->training.start == STARTS_LARGE && run->training.best_start > 0 && has_long_ones(run);
}

size_t starts_iterations_most(const struct run *run)
{
    return has_long_ones(run) ? run->settings->optimizer.iterations : STARTS_ITERATIONS;
}

bool starts_over(const struct run *run, bool settled)
{
    const size_t all = run->settings->optimizer.iterations,
                 wanted = !has_long_ones(run)        ? STARTS_ITERATIONS
                         : run->training.start == 0 ? FIRST_WINDOWS * run->training.window
                                                     : all;
    return run->history.n >= (all < wanted ? all : wanted) ||
           (settled && run->settings->optimizer.starts == PARAM_COUNT_AUTO);
}

bool starts_short(const struct run *run) { return starts_wanted(run) > 1 && run->training.start < starts_wanted(run); }

void starts_reset(struct run *run)
{
    struct training *training = &run->training;
    const size_t walkers = run->ensemble.n_walkers;
    training->shortened = training->longest = training->damping = 1;
    training->gain = training->expected = 0;
    training->gain_error = -1;  // not known yet
    training->draws = (run->settings->optimizer.samples + walkers - 1) / walkers;
    training->since = training->backs = training->fresh = training->refined = training->averaged = 0;
    run->history.n = run->history.n_kept = 0;
    run->history.stride = 1;
    stages_begin(run);
    run->pace = (struct pace){ 0 };
    memset(run->memory, 0, run->n_memory * sizeof *run->memory);
    memcpy(run->good_theta, run->theta, run->ensemble.wavefunction.n_parameters * sizeof *run->theta);
}

// Of the last window of iterations.
static double mean_energy(const struct run *run)
{
    const struct history *history = &run->history;
    const size_t window = run->training.window, n = history->n < window ? history->n : window;
    double sum = 0;
    for (size_t k = history->n - n; k < history->n; k++)
        sum += history->energy[k] / (double)n;
    return sum;
}

bool starts_next(struct run *run, struct error *error)
{
    struct training *training = &run->training;
    const size_t n = run->ensemble.wavefunction.n_parameters;
    const double energy = mean_energy(run);
    if (training->start == 0 || energy < training->best_energy) {
        training->best_energy = energy;
        training->best_start = training->start;
        training->best_damping = training->damping;
        memcpy(run->best_theta, run->good_theta, n * sizeof *run->theta);
    }
    run_note(run, "start %zu of %zu: %.5f after %zu iterations; lowest %.5f", training->start + 1, starts_wanted(run),
             energy, run->history.n, training->best_energy);
    training->start++;
    if (!starts_short(run))
        memcpy(run->theta, run->best_theta, n * sizeof *run->theta);
    else if (!starting_point_find(run, training->start, run->theta))
        return error_add(error, ERROR_INTERNAL, "no memory for the starting parameters");
    team_share(run->options->team, run->theta, n * sizeof *run->theta);
    if (!ensemble_take(&run->ensemble, run->theta))
        return error_add(error, ERROR_INTERNAL,
                         "start %zu of %zu makes no finite wave function; use a smaller rbm.init_scale or another "
                         "rbm.sigma",
                         training->start + 1, starts_wanted(run));
    ensemble_burn_in(&run->ensemble, run->settings->sampler.burn_in, isnan(run->settings->sampler.step));
    if (run->ensemble.was_cut)
        return false;
    starts_reset(run);
    if (!starts_short(run)) {
        training->damping = training->best_damping;
        while (!stages_at_last(run))
            stages_advance(run);
    }
    checkpoint_take(run);  // rows of the history are written anew: what was saved before no longer fits them
    return true;
}
