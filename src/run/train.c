// SPDX-License-Identifier: GPL-3.0-or-later
// Training: per iteration a pass over all walkers, one step of the optimiser, and a look back where that step went
// wrong.
#include "run/phases.h"

#include "base/memory.h"
#include "run/checkpoint.h"
#include "run/course.h"
#include "run/metric_size.h"
#include "run/revive.h"
#include "run/settle.h"
#include "run/stages.h"
#include "run/starts.h"
#include "run/stop.h"
#include "run/train_exact.h"
#include "run/trust.h"

#include <math.h>
#include <string.h>

enum { STEPS_BACK_IN_A_ROW_MOST = 12 };
// Walkers that have found another maximum of |psi|^2 do not come back with the parameters: after so many steps back the
// higher energy is that of the wave function, and training goes on from there.
enum { STEPS_BACK_BELIEVED = 4 };
enum { SWEEPS_AFTER_STEP_BACK = 20 };
static double variance(double sum, double sum2, double n) { return fmax(0, (sum2 - sum * sum / n) / n); }

static size_t metric_every(const struct run *run, size_t draws)
{
    return metric_size_every(run->ensemble.wavefunction.n_parameters, run->ensemble.n_walkers, draws, run->metric.room);
}

static bool exploded(const struct run *run, const struct ensemble_sums *sums)
{
    return course_exploded(&run->history, run->ensemble.reference + sums->energy / sums->samples,
                           variance(sums->energy, sums->energy2, sums->samples));
}

// Iterations in which it is seen whether the gradient's control variates are worth their cost: the first, and 8, 16,
// 32, …
static bool compares_gradients(size_t iteration)
{
    return iteration == 0 || (iteration >= 8 && (iteration & (iteration - 1)) == 0);
}

// The pass of one iteration; false when its numbers cannot be used.
static bool run_iteration(struct run *run, size_t draws, struct ensemble_sums *sums)
{
    struct ensemble *ensemble = &run->ensemble;
    struct metric_visit visit = { &run->metric, draws, run->metric.room ? metric_every(run, draws) : 1 };
    const unsigned what = PASS_GRADIENT | PASS_CONTROLS | (compares_gradients(run->history.n) ? PASS_OTHER : 0);
    if (run->metric.room)
        ensemble_pass(ensemble, draws, what, metric_gather, &visit, sums);
    else
        ensemble_pass(ensemble, draws, what, NULL, NULL, sums);
    if (!run->ensemble.was_cut)
        ensemble_learn(ensemble, sums, isnan(run->settings->sampler.step));
    ensemble_gradient(ensemble, sums->samples, run->gradient);
    stages_hold(run, run->gradient);
    const double steepness = course_norm(ensemble->wavefunction.n_parameters, run->gradient);
    const bool good = isfinite(steepness) && isfinite(sums->energy2) && sums->bad <= 0.01 * sums->samples &&
                      (run->training.backs >= STEPS_BACK_BELIEVED || !exploded(run, sums));
    if (run->ensemble.was_cut)
        return false;
    run->training.bad += (size_t)sums->bad;
    if (good) {
        if (what & PASS_OTHER)
            ensemble_choose_gradient(ensemble);
        ensemble_fit(ensemble);
        ensemble->reference += sums->energy / sums->samples;
    }
    return good;
}

static double error_of(const struct run *run, const struct ensemble_sums *sums)
{
    const double walkers = (double)run->ensemble.n_walkers, mean = sums->energy / sums->samples;
    return sqrt(fmax(0, sums->walker2 / walkers - mean * mean) / (walkers - 1));
}

// `reference` is the one the sums were taken with.
static void append_history(struct run *run, const struct ensemble_sums *sums, double reference, double rate,
                           double slope)
{
    struct history *history = &run->history;
    const size_t k = history->n, n = run->ensemble.wavefunction.n_parameters;
    history->energy[k] = reference + sums->energy / sums->samples;
    history->energy_error[k] = error_of(run, sums);
    history->variance[k] = variance(sums->local, sums->local2, sums->samples);
    history->estimator_variance[k] = variance(sums->energy, sums->energy2, sums->samples);
    history->acceptance[k] = sums->accepted / sums->moves;
    history->gradient_norm[k] = course_norm(n, run->gradient);
    history->learning_rate[k] = rate;
    history->bad[k] = sums->bad;
    history->samples[k] = sums->samples;
    history->expected[k] = run->training.fresh > 0 ? run->training.expected : NAN;
    history->slope[k] = slope;
    history->damping[k] = run->training.damping;
    if (k % history->stride == 0 && n > 0)
        memcpy(history->parameters + history->n_kept++ * n, run->theta, n * sizeof *run->theta);
    history->n++;
}

// Methods without a metric take their steps in reduced coordinates (vmc/factor.h).
static bool reduced_step(struct run *run, const struct optimizer_type *type, const void *state,
                         struct optimizer_step step)
{
    const size_t n = step.n_parameters;
    double *gradient = run->reduced, *delta = gradient + n;
    memcpy(gradient, run->gradient, n * sizeof *gradient);
    memset(delta, 0, n * sizeof *delta);
    wavefunction_reduce_gradient(&run->ensemble.wavefunction, gradient);
    step.gradient = gradient;
    step.theta = delta;
    if (!type->step(state, &step))
        return false;
    wavefunction_restore_step(&run->ensemble.wavefunction, delta);
    for (size_t k = 0; k < n; k++)
        run->theta[k] += delta[k];
    return true;
}

// One process alone takes the step: how BLAS rounds is a matter of the machine.
static bool own_step(struct run *run, size_t draws, size_t fresh, double rate)
{
    const struct optimizer_type *type = optimizer_type_at(settings_index(run->settings, SETTINGS_OPTIMIZER));
    const struct optimizer_metric *metric = NULL;
    if (run->metric.room) {
        const size_t every = metric_every(run, draws);
        metric = metric_ready(&run->metric, (draws + every - 1) / every * run->ensemble.n_walkers);
        if (course_is_quiet(&run->history))
            run->metric.operators.n_directions = 1;
    }
    const struct optimizer_step step = {
        run->ensemble.wavefunction.n_parameters,
        fresh,
        rate,
        run->gradient,
        metric,
        run->memory,
        run->theta,
        draws * run->ensemble.n_walkers,
        run->training.damping,
    };
    const void *state = settings_state(run->settings, SETTINGS_OPTIMIZER);
    return !type->needs_metric ? reduced_step(run, type, state, step) : metric && type->step(state, &step);
}

// The leading process gets the features of all.
static void gather_metric(struct run *run, size_t draws)
{
    const size_t every = metric_every(run, draws), kept = (draws + every - 1) / every;
    ensemble_move_blocks(&run->ensemble,
                         &(struct ensemble_rows){ run->metric.features, run->ensemble.wavefunction.n_features,
                                                  run->metric.room * sizeof(double), kept * WALKERS * sizeof(double) },
                         TEAM_GATHER);
}

// False where memory ran out; `good`: whether the step could be computed.
static bool step(struct run *run, size_t draws, size_t fresh, double rate, bool *good, struct error *error)
{
    const struct team *team = run->options->team;
    if (run->metric.room)
        gather_metric(run, draws);
    course_clip(run->settings->optimizer.clip, run->ensemble.wavefunction.n_parameters, run->gradient);
    memory_ran_out();  // whatever lacked before has been dealt with
    *good = team_leads(team) && own_step(run, draws, fresh, rate);
    bool has_memory = !memory_ran_out();
    team_share(team, good, sizeof *good);
    team_share(team, &has_memory, sizeof has_memory);
    team_share(team, run->theta, run->ensemble.wavefunction.n_parameters * sizeof *run->theta);
    return *good || has_memory || error_add(error, ERROR_INTERNAL, "no memory for a step of training");
}

static void keep_good(struct run *run)
{
    memcpy(run->good_theta, run->theta, run->ensemble.wavefunction.n_parameters * sizeof *run->theta);
}

// Back to the last parameters that were fine, for a shorter step from there.
static void step_back(struct run *run)
{
    memcpy(run->theta, run->good_theta, run->ensemble.wavefunction.n_parameters * sizeof *run->theta);
    memset(run->memory, 0, run->n_memory * sizeof *run->memory);
    ensemble_take(&run->ensemble, run->theta);
    ensemble_burn_in(&run->ensemble, SWEEPS_AFTER_STEP_BACK,
                     false);  // the walkers had followed the other wave function
    run->training.steps_back++;
}

// Parameters of one iteration scatter with the noise of its gradient: those used from here on are the mean over the
// last window, where the energy no longer falls.
static void average(struct run *run)
{
    const size_t n = run->ensemble.wavefunction.n_parameters;
    if (!course_is_exact(&run->history))
        memcpy(run->theta, run->mean_theta, n * sizeof *run->theta);
    if (!ensemble_take(&run->ensemble, run->theta)) {
        memcpy(run->theta, run->good_theta, n * sizeof *run->theta);
        ensemble_take(&run->ensemble, run->theta);
    }
}

static size_t metric_samples(const struct run *run, size_t draws)
{
    const size_t every = metric_every(run, draws);
    return (draws + every - 1) / every * run->ensemble.n_walkers;
}

// How much longer a step takes after a refinement.
static double step_growth(const struct run *run)
{
    const struct optimizer_type *type = optimizer_type_at(settings_index(run->settings, SETTINGS_OPTIMIZER));
    const void *state = settings_state(run->settings, SETTINGS_OPTIMIZER);
    const size_t parameters = run->ensemble.wavefunction.n_parameters, draws = run->training.draws;
    if (!run->metric.room || !type->operations)
        return 1;
    const size_t walkers = run->ensemble.n_walkers, refined = settle_growth(run, draws) * draws;
    return type->operations(state, parameters, refined * walkers, metric_samples(run, refined)) /
           type->operations(state, parameters, draws * walkers, metric_samples(run, draws));
}

double train_time_most(const struct run *run, double pass, double step, size_t done)
{
    const struct settings_optimizer *optimizer = &run->settings->optimizer;
    const struct training *training = &run->training;
    const size_t total = optimizer->iterations, earliest = training->since + 2 * training->window;
    const bool may_refine = optimizer->stop == STOP_PLATEAU && training->refined < SETTLE_REFINEMENTS &&
                            total > earliest;
    const size_t plain = !may_refine       ? total - done
                         : earliest > done ? earliest - done
                                           : 0,
                 refined = total - done - plain;
    const size_t starts = starts_short(run) ? starts_wanted(run) - training->start : 0;
    return (double)(plain + starts * starts_iterations_most(run)) * (pass + step) +
           (double)refined * ((double)settle_growth(run, training->draws) * pass + step_growth(run) * step);
}

static void report_progress(const struct run *run)
{
    const struct history *history = &run->history;
    const struct pace *pace = &run->pace;
    const size_t k = history->n - 1, total = run->settings->optimizer.iterations;
    const double n = (double)pace->n;
    const double left = pace->n > 0 ? train_time_most(run, pace->pass / n, pace->step / n, history->n) : NAN;
    run_report(run, &(struct run_progress){ RUN_TRAIN, history->n, total, history->energy[k], history->energy_error[k],
                                            history->variance[k], history->acceptance[k], left, 0, stages_name(run) });
}

static bool give_up(struct run *run, struct error *error)
{
    memcpy(run->theta, run->good_theta, run->ensemble.wavefunction.n_parameters * sizeof *run->theta);
    run->hopeless = true;
    return error_add(
        error, ERROR_INTERNAL,
        "training, iteration %zu: energies or gradients are not finite, even after %d steps back to the "
        "last good parameters; "
        "use a smaller optimizer.learning_rate or other starting parameters. The last good state is saved.",
        run->history.n + 1, STEPS_BACK_IN_A_ROW_MOST);
}

static bool take_step_back(struct run *run, size_t *backs, double *shortened, struct error *error)
{
    if (++*backs > STEPS_BACK_IN_A_ROW_MOST)
        return give_up(run, error);
    step_back(run);
    *shortened *= 0.5;
    return true;
}

// The running mean of the parameters since the last refinement. Those of plain gradients drift too fast for a long
// memory.
static void gather_mean(struct run *run, size_t count, size_t window)
{
    const size_t memory = run->metric.room > 0 ? course_memory(count, window, course_is_quiet(&run->history)) : window;
    course_average(run->ensemble.wavefunction.n_parameters, run->mean_theta, run->theta, count, memory);
}

// Nodes make the energy stiff: longer steps do not fail but oscillate, with a period of two, around energies that are
// too high. Measured for quantum dots of 6, 12 and 20 electrons: 0.1, 0.08 and 0.06 / omega are good.
static double share_of_rate(const struct run *run)
{
    struct factor_traits traits;
    wavefunction_traits(&run->ensemble.wavefunction, &traits);
    return traits.has_nodes ? 0.5 * fmin(1, sqrt(6 / (double)run->settings->system.particles)) : 1;
}

static double own_rate(const struct run *run)
{
    const struct settings_optimizer *optimizer = &run->settings->optimizer;
    const struct optimizer_type *type = optimizer_type_at(settings_index(run->settings, SETTINGS_OPTIMIZER));
    const struct system *system = &run->settings->system;
    double product = 1;
    for (size_t d = 0; d < system->dimensions; d++)
        product *= system->omega[d];
    if (!isnan(optimizer->learning_rate))
        return optimizer->learning_rate;
    const double rate = type->needs_metric ? share_of_rate(run) * type->learning_rate : type->learning_rate;
    return type->rate_is_time ? rate / pow(product, 1 / (double)system->dimensions) : rate;
}

static bool run_iteration_until_good(struct run *run, struct training *training, struct ensemble_sums *sums,
                                     struct error *error)
{
    if (run_iteration(run, training->draws, sums)) {
        training->backs = 0;
        training->shortened = fmin(1.1 * training->shortened, training->longest);
        return true;
    }
    do {
        if (run->ensemble.was_cut || !take_step_back(run, &training->backs, &training->shortened, error))
            return false;
        training->fresh = 0;
    } while (!run_iteration(run, training->draws, sums));
    return true;
}

// With as many draws as the last pass had, which left the samples of the metric.
static bool step_until_good(struct run *run, size_t draws, size_t iteration, struct error *error)
{
    struct training *training = &run->training;
    const struct settings_optimizer *optimizer = &run->settings->optimizer;
    for (;;) {
        bool good;
        const double rate = training->shortened * course_rate(optimizer, training->rate, iteration);
        if (!step(run, draws, training->fresh++, rate, &good, error))
            return false;
        if (good && trust_take(run))
            return true;
        if (!take_step_back(run, &training->backs, &training->shortened, error) || run->ensemble.was_cut)
            return false;
        training->fresh = 0;
    }
}

// Steps of plain gradients know nothing of the curvature: where they are too long for it, the energy swings, and with
// momentum ever further. Beyond what noise explains, compared with the lowest so far (the lowest of a thousand lies
// three standard errors low), the method forgets what it remembers and goes on at half the rate, for good.
static void calm(struct run *run)
{
    struct training *training = &run->training;
    const bool metric = run->metric.room > 0;
    if (metric ? !trust_overshoots(&run->history, training->since) : !course_swings(&run->history, training->since))
        return;
    memset(run->memory, 0, run->n_memory * sizeof *run->memory);
    training->fresh = training->averaged = 0;
    training->longest *= 0.5;
    training->shortened = fmin(training->shortened, training->longest);
    training->since = run->history.n;
}

// Where the room for parameters is full, every other row goes, and from here on every other iteration. True when
// something moved: what was saved no longer fits.
static bool make_room(struct run *run)
{
    struct history *history = &run->history;
    const size_t n = run->ensemble.wavefunction.n_parameters;
    if (history->n_kept < history->room || history->n % history->stride != 0)
        return false;
    for (size_t k = 1; k < history->room / 2; k++)
        memcpy(history->parameters + k * n, history->parameters + 2 * k * n, n * sizeof *history->parameters);
    history->n_kept = history->room / 2;
    history->stride *= 2;
    return true;
}

// Units with less than this influence begin anew instead of a step; `n_units`: how many. False after a cut, or without
// memory.
static bool revive(struct run *run, double influence, size_t *n_units, struct error *error)
{
    const struct team *team = run->options->team;
    const size_t n = run->ensemble.wavefunction.n_parameters;
    gather_metric(run, run->training.draws);
    memory_ran_out();  // whatever lacked before has been dealt with
    size_t units = team_leads(team) ? revive_units(run, metric_samples(run, run->training.draws), influence) : 0;
    bool has_memory = !memory_ran_out();
    team_share(team, &units, sizeof units);
    team_share(team, &has_memory, sizeof has_memory);
    *n_units = units;
    if (!has_memory)
        return error_add(error, ERROR_INTERNAL, "no memory for hidden units that are to begin anew");
    if (units == 0)
        return true;
    team_share(team, run->theta, n * sizeof *run->theta);
    if (!ensemble_take(&run->ensemble, run->theta)) {
        memcpy(run->theta, run->good_theta, n * sizeof *run->theta);
        ensemble_take(&run->ensemble, run->theta);
    }
    memset(run->memory, 0, run->n_memory * sizeof *run->memory);
    ensemble_burn_in(&run->ensemble, SWEEPS_AFTER_STEP_BACK, false);
    run->training.averaged = run->training.fresh = 0;
    return !run->ensemble.was_cut;
}

static bool revive_where_due(struct run *run, bool settled, size_t *n_units, struct error *error)
{
    const double influence = settle_revives_below(run, settled);
    if (influence == 0)
        return true;
    if (!revive(run, influence, n_units, error))
        return false;
    if (influence == REVIVE_IDLE && *n_units > 0) {
        settle_has_revived(run);
        run_note(run, "%zu hidden units without influence begin anew after %zu iterations", *n_units, run->history.n);
    }
    return true;
}

// One iteration; all of it or nothing.
static bool iterate(struct run *run, struct error *error)
{
    struct training *training = &run->training;
    struct pace *pace = &run->pace;
    const double start = run_wall(), start_cpu = run_cpu();
    struct ensemble_sums sums;
    const size_t k = run->history.n;
    const double now = training->shortened * course_rate(&run->settings->optimizer, training->rate, k),
                 reference = run->ensemble.reference;
    if (!run_iteration_until_good(run, training, &sums, error))
        return false;
    const double slope = trust_slope(run);
    keep_good(run);
    append_history(run, &sums, reference, now, slope);
    gather_mean(run, training->averaged++, training->window);
    calm(run);
    report_progress(run);
    const double passed = run_wall(), passed_cpu = run_cpu();
    const size_t draws = training->draws;
    const bool at_last = stages_at_last(run), settled = settle_nothing_left(run);
    size_t revived = 0;
    if (!revive_where_due(run, settled, &revived, error))
        return false;
    if (revived > 0)
        return true;
    if (starts_short(run) && starts_over(run, starts_long(run) ? settle_is_due(run, settled) : at_last && settled))
        return starts_next(run, error);
    if (!(at_last && !starts_short(run) && settle_is_over(run, settled)) && !step_until_good(run, draws, k, error))
        return false;
    if (!at_last)
        settle_leave_stage(run, settled);
    training->expected = trust_slope(run);
    if (training->draws != draws)
        *pace = (struct pace){ 0 };
    const double more[] = { passed - start, run_wall() - passed, passed_cpu - start_cpu, run_cpu() - passed_cpu };
    double *const times[] = { &pace->pass, &pace->step, &pace->pass_cpu, &pace->step_cpu };
    for (size_t j = 0; training->draws == draws && j < 4; j++)
        *times[j] += more[j];
    pace->n += training->draws == draws;
    return true;
}

static bool prepare_metric(struct run *run, struct error *error)
{
    const struct optimizer_type *type = optimizer_type_at(settings_index(run->settings, SETTINGS_OPTIMIZER));
    const size_t walkers = run->ensemble.n_walkers, draws = (run->settings->optimizer.samples + walkers - 1) / walkers;
    const size_t grown = settle_growth(run, draws) * draws * walkers,
                 room = metric_size_room(run->ensemble.wavefunction.n_parameters, walkers, grown);
    if (!type->needs_metric || run->metric.room > 0)
        return true;
    const bool good = metric_build(&run->metric, &run->ensemble.wavefunction, room) ||
                      error_add(
                          error, ERROR_INTERNAL,
                          "no memory for the samples of stochastic reconfiguration; use fewer: optimizer.samples");
    return team_agree(run->options->team, good, error);
}

bool run_train(struct run *run, struct error *error)
{
    const struct settings_optimizer *optimizer = &run->settings->optimizer;
    struct training *training = &run->training;
    run->pace = (struct pace){ 0 };
    if (!prepare_metric(run, error))
        return false;
    training->rate = own_rate(run);
    training->window = optimizer_type_at(settings_index(run->settings, SETTINGS_OPTIMIZER))->plateau_window;
    if (run->stage == STAGE_TRAINING_BURN_IN)
        starts_reset(run);
    run->metric.stage = training->stage;
    if (!(training->damping > 0))
        training->damping = 1;  // a file of format 1 has none
    run->stage = STAGE_TRAINING;
    if (train_exact_asked(run->settings) && run->history.n < optimizer->iterations && !training->over &&
        (!run_boundary(run, error) || !train_exact(run, error)))
        return false;
    while (!train_exact_asked(run->settings) && run->history.n < optimizer->iterations && !training->over) {
        if (make_room(run))
            checkpoint_take(run);
        if (!run_boundary(run, error) || !iterate(run, error))
            return false;
    }
    training->converged = train_exact_asked(run->settings) ? training->over : settle_converged(run);
    run->stage = STAGE_TRAINED;
    checkpoint_take(run);
    average(run);
    return true;
}
