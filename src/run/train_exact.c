// SPDX-License-Identifier: GPL-3.0-or-later
// Training without noise: descents of the closed form (vmc/referee.h) from several starts. Nothing of it is random but
// the starts, which follow from the seed, so a run that was cut begins its training anew and ends with the same bits.
// One process does all of it.
#include "run/train_exact.h"

#include "base/memory.h"
#include "run/kept.h"
#include "run/starting_point.h"
#include "run/starts.h"
#include "vmc/referee.h"
#include "vmc/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// A descent ends once the gradient's length over |E| is below the tolerance, or the energy falls by less than the level
// times |E| in ten iterations. That of the lowest start then goes on to the end. (Nearly level stretches lead past
// saddles: no coarser levels than these.)
static const struct {
    double tolerance, level;
} COARSE = { 1e-7, 1e-10 }, FINE = { 1e-9, 1e-13 };
enum { ALL_AXES = DIMENSIONS_MOST };
// How many times as wide as the first start the next ones are, along all axes or one: two units are best told apart
// from afar where the trap is not round, four where it is weak, six near 0, and six with a width per axis along one of
// them; docs/referee.md has the shares of starts that end lowest.
static const struct widening {
    double factor;
    size_t axis;
} wider[] = { { 1, ALL_AXES },  { 10, ALL_AXES }, { 1, ALL_AXES },  { 1, ALL_AXES },
              { 30, ALL_AXES }, { 1, ALL_AXES },  { 10, ALL_AXES }, { 1, ALL_AXES } },
  wider_by_axis[] = { { 1, ALL_AXES },  { 10, ALL_AXES }, { 15, 0 }, { 5, 1 },
                      { 30, ALL_AXES }, { 1, ALL_AXES },  { 15, 0 }, { 5, 1 } };
enum { WIDER_CYCLE = sizeof wider / sizeof *wider };
// Iterations that a descent hardly exceeds, for the estimate; units that a grown start begins with.
enum { ITERATIONS_MANY = 1000, FIRST_UNITS = 2 };
// Starts where nothing is said, by the work that an evaluation is: in the plane four units are 81, six are 729.
// Machines with more than DEAR terms have few starts, some of them grown.
enum { STARTS_CHEAP = 32, STARTS_USUAL = 16, STARTS_DEAR = 8, STARTS_MANY_TERMS = 4, CHEAP = 100, DEAR = 1000 };
// A descent is given up when it has had so many iterations, and at the rate of the last ones would need many times more
// to come below the lowest end so far; not with a width per axis, whose descents rest on many saddles on their way.
enum { GIVE_UP_AFTER = 100, GIVE_UP_WINDOW = 20, GIVE_UP_WINDOWS = 10 };

bool train_exact_asked(const struct settings *settings)
{
    return settings->optimizer.iterations > 0 && !optimizer_type_at(settings_index(settings, SETTINGS_OPTIMIZER))->step;
}

static size_t n_starts(const struct run *run, const struct referee *referee)
{
    const size_t starts = run->settings->optimizer.starts;
    if (starts != PARAM_COUNT_AUTO)
        return starts;
    const double work = referee_work(referee);
    return referee_terms(referee) > DEAR ? STARTS_MANY_TERMS
           : work <= CHEAP               ? STARTS_CHEAP
           : work <= DEAR                ? STARTS_USUAL
           : referee_widths(referee) > 1 ? STARTS_USUAL
                                         : STARTS_DEAR;
}

static struct referee *create(const struct run *run, struct error *error)
{
    struct error why = { 0 };
    struct referee *referee = referee_create(&run->ensemble.wavefunction, &run->ensemble.hamiltonian, &why);
    if (!referee)
        error_add(error, why.kind, "[optimizer] method = exact: %s; use optimizer.method = sr",
                  why.text ? why.text : "no memory");
    error_clear(&why);
    return referee;
}

bool train_exact_suits(const struct run *run, struct error *error)
{
    struct referee *referee = create(run, error);
    referee_destroy(referee);
    return referee != NULL;
}

double train_exact_seconds(const struct run *run)
{
    struct referee_energy energy;
    struct referee *referee = create(run, NULL);
    const size_t iterations = run->settings->optimizer.iterations, descents = referee ? n_starts(run, referee) : 0;
    const double start = run_cpu();
    if (referee)
        referee_evaluate(referee, run->theta, &energy, run->gradient);
    referee_destroy(referee);
    return (run_cpu() - start) * (double)descents *
           (double)(iterations < ITERATIONS_MANY ? iterations : ITERATIONS_MANY);
}

// One descent as it goes.
struct trace {
    struct run *run;
    size_t start, n;
    double *energy, *gradient_norm;  // [iterations]
    double best;                     // of the starts before, NAN for the first
    size_t n_best;                   // starts that ended there
    bool gives_up;
};

static bool is_hopeless(const struct trace *trace, size_t iteration, double energy)
{
    return trace->gives_up && iteration >= GIVE_UP_AFTER &&
           energy - trace->best > GIVE_UP_WINDOWS * (trace->energy[iteration - GIVE_UP_WINDOW] - energy);
}

static bool look(void *context, size_t iteration, double energy, double gradient_norm, const double *theta)
{
    struct trace *trace = context;
    struct run *run = trace->run;
    const size_t most = run->settings->optimizer.iterations;
    (void)theta;
    if (iteration < most) {
        trace->energy[iteration] = energy;
        trace->gradient_norm[iteration] = gradient_norm;
        trace->n = iteration + 1;
    }
    run_report(run, &(struct run_progress){ RUN_TRAIN, iteration, most, fmin(energy, trace->best), 0, NAN, NAN, NAN, 0,
                                            NULL });
    if (run->ensemble.cut && run->ensemble.cut(run->ensemble.cut_context))
        run->ensemble.was_cut = true;
    return !run->ensemble.was_cut && !(iteration < most && is_hopeless(trace, iteration, energy));
}

// The course of the best descent so far, and the parameters it began with; or its continuation, whose beginning is the
// last row there is.
static void remember(struct run *run, const struct trace *trace, size_t first, const double *start)
{
    struct history *history = &run->history;
    const size_t n = run->ensemble.wavefunction.n_parameters;
    const size_t skipped = first > 0;
    for (size_t k = skipped; k < trace->n; k++) {
        const size_t row = first + k - skipped;
        for (const struct kept_column *column = kept_columns; column->name; column++)
            (*kept_column_of(history, column))[row] = NAN;  // what only samples have
        history->energy[row] = trace->energy[k];
        history->gradient_norm[row] = trace->gradient_norm[k];
        history->energy_error[row] = history->estimator_variance[row] = history->bad[row] = history->samples[row] = 0;
    }
    history->n = first + trace->n - skipped;
    history->n_kept = n > 0 && history->n > 0;
    history->stride = history->n > 0 ? history->n : 1;
    if (first == 0 && history->n_kept)
        memcpy(history->parameters, start, n * sizeof *start);
}

// Looks at a descent that only leads to a starting point.
static bool look_on(void *context, size_t iteration, double energy, double gradient_norm, const double *theta)
{
    struct run *run = ((struct trace *)context)->run;
    (void)iteration, (void)energy, (void)gradient_norm, (void)theta;
    if (run->ensemble.cut && run->ensemble.cut(run->ensemble.cut_context))
        run->ensemble.was_cut = true;
    return !run->ensemble.was_cut;
}

// Of machines with more than DEAR terms every fourth start is grown, and with a width to train another one has its
// units shared out.
static bool starting_point(struct trace *trace, struct referee *referee, double *theta)
{
    const struct run *run = trace->run;
    const struct wavefunction *wavefunction = &run->ensemble.wavefunction;
    const struct referee_descent limits = { .iterations = run->settings->optimizer.iterations,
                                            .tolerance = COARSE.tolerance,
                                            .level = COARSE.level,
                                            .look = look_on,
                                            .context = trace };
    struct rng rng;
    if (trace->start == 0) {
        memcpy(theta, run->good_theta, wavefunction->n_parameters * sizeof *theta);
        return true;
    }
    rng_start(&rng, run->settings->run.seed, UINT64_MAX - trace->start);
    wavefunction_start(wavefunction, rng_uniform, &rng, theta);
    if (trace->start % 4 == 2 && referee_terms(referee) > DEAR)
        return referee_grow(referee, &limits, FIRST_UNITS, rng_uniform, &rng, theta);
    if (trace->start % 4 == 3 && referee_terms(referee) > DEAR && starting_point_share_out(run, &rng, theta))
        return true;
    const struct widening *widening = (referee_widths(referee) > 1 ? wider_by_axis : wider) +
                                      trace->start % WIDER_CYCLE;
    referee_widen(referee, widening->factor, widening->axis, theta);
    return true;
}

static bool descend(struct referee *referee, struct trace *trace, size_t iterations, double tolerance, double level,
                    double *theta, struct referee_descent *descent)
{
    *descent = (struct referee_descent){
        .iterations = iterations, .tolerance = tolerance, .level = level, .look = look, .context = trace
    };
    trace->n = 0;
    const bool good = referee_descend(referee, descent, theta, NULL);
    return good && !descent->stopped;
}

// The lowest end goes on, as many iterations as are left.
static void finish_best(struct run *run, struct referee *referee, struct trace *trace)
{
    const size_t first = run->history.n, left = run->settings->optimizer.iterations - first;
    struct referee_descent descent;
    if (left == 0 || !descend(referee, trace, left, FINE.tolerance, FINE.level, run->theta, &descent))
        return;
    run->training.over = descent.done < left;
    remember(run, trace, first, NULL);
}

// Ends of descents differ by what their tolerance leaves.
static bool is_same_end(double energy, double other) { return fabs(energy - other) <= 1e-7 * fabs(other); }

static bool has_memory(struct error *error)
{
    return !memory_ran_out() || error_add(error, ERROR_INTERNAL, "no memory for training");
}

// theta, begun: [K] each
static bool descend_all(struct run *run, struct referee *referee, struct trace *trace, double *theta, double *begun,
                        struct error *error)
{
    const size_t n = run->ensemble.wavefunction.n_parameters, most = run->settings->optimizer.iterations;
    const size_t starts = n_starts(run, referee);
    trace->gives_up = referee_widths(referee) <= 1;
    memory_ran_out();  // whatever lacked before has been dealt with
    for (trace->start = 0; trace->start < starts && !run->ensemble.was_cut; trace->start++) {
        struct referee_descent descent;
        if (!starting_point(trace, referee, begun))
            continue;
        memcpy(theta, begun, n * sizeof *theta);
        if (!descend(referee, trace, most, COARSE.tolerance, COARSE.level, theta, &descent))
            continue;
        if (is_same_end(descent.energy, trace->best))
            trace->n_best++;
        else if (!(descent.energy > trace->best))
            trace->n_best = 1;
        if (descent.energy >= trace->best)
            continue;
        trace->best = descent.energy;
        run->training.over = descent.done < most;
        memcpy(run->theta, theta, n * sizeof *theta);
        remember(run, trace, 0, begun);
    }
    if (!has_memory(error))
        return false;
    if (isnan(trace->best) && !run->ensemble.was_cut)
        return error_add(error, ERROR_INTERNAL,
                         "training: the closed form has no finite energy at any start; use a smaller rbm.init_scale or "
                         "another rbm.sigma");
    if (!run->ensemble.was_cut && starts > 1 && trace->n_best == 1)
        run_note(
            run,
            "training: the lowest of %zu starts was reached by one alone; there may be a lower minimum, which more "
            "of them would find (optimizer.starts)",
            starts);
    if (!run->ensemble.was_cut)
        finish_best(run, referee, trace);
    return !run->ensemble.was_cut && has_memory(error);
}

static bool minimise(struct run *run, struct error *error)
{
    const size_t n = run->ensemble.wavefunction.n_parameters, most = run->settings->optimizer.iterations;
    struct referee *referee = create(run, error);
    struct trace trace = {
        .run = run,
        .energy = memory_doubles(most),
        .gradient_norm = memory_doubles(most),
        .best = NAN,
    };
    double *theta = memory_doubles(n), *begun = memory_doubles(n);
    const bool good = referee &&
                      ((trace.energy && trace.gradient_norm && theta && begun) ||
                       error_add(error, ERROR_INTERNAL, "no memory for training")) &&
                      descend_all(run, referee, &trace, theta, begun, error);
    referee_destroy(referee);
    memory_free(trace.energy);
    memory_free(trace.gradient_norm);
    memory_free(theta);
    memory_free(begun);
    return good;
}

// What the first process found, to all.
static void share(struct run *run)
{
    const struct team *team = run->options->team;
    struct history *history = &run->history;
    const size_t n = run->ensemble.wavefunction.n_parameters;
    team_share(team, &run->training, sizeof run->training);
    team_share(team, run->theta, n * sizeof *run->theta);
    team_share(team, &history->n, sizeof history->n);
    team_share(team, &history->n_kept, sizeof history->n_kept);
    team_share(team, &history->stride, sizeof history->stride);
    for (const struct kept_column *column = kept_columns; column->name; column++)
        team_share(team, *kept_column_of(history, column), history->n * sizeof(double));
    team_share(team, history->parameters, history->n_kept * n * sizeof *history->parameters);
}

bool train_exact(struct run *run, struct error *error)
{
    const struct team *team = run->options->team;
    bool good = !team_leads(team) || minimise(run, error);
    team_share(team, &run->ensemble.was_cut, sizeof run->ensemble.was_cut);
    if (run->ensemble.was_cut || !team_agree(team, good, error))
        return false;
    share(run);
    memcpy(run->mean_theta, run->theta, run->ensemble.wavefunction.n_parameters * sizeof *run->theta);
    return true;
}
