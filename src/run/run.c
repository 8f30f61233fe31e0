// SPDX-License-Identifier: GPL-3.0-or-later
// A run from beginning to end.
#include "run/run_parts.h"

#include "base/memory.h"
#include "vmc/rng.h"
#include "vmc/units.h"

#include <cblas.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROW(member, whole_, unit_, long_name_) { #member, offsetof(struct run_result, member), whole_, unit_, long_name_ }
const struct run_result_row run_result_rows[] = {
    ROW(energy, false, UNIT_ENERGY, "energy"),
    ROW(energy_error, false, UNIT_ENERGY, "standard error of the energy, correlations included"),
    ROW(variance, false, UNIT_ENERGY_SQUARED, "variance of the local energy"),
    ROW(estimator_variance, false, UNIT_ENERGY_SQUARED, "variance of what was averaged: the local energy with its control variates"),
    ROW(local_energy, false, UNIT_ENERGY, "mean of the plain local energy"),
    ROW(local_energy_error, false, UNIT_ENERGY, "standard error of the plain mean; not to be believed where the variance is infinite"),
    ROW(kinetic, false, UNIT_ENERGY, "kinetic energy"),
    ROW(kinetic_error, false, UNIT_ENERGY, "standard error of the kinetic energy"),
    ROW(kinetic_gradient, false, UNIT_ENERGY, "kinetic energy by the other estimator, the mean of half the squared gradient of ln psi"),
    ROW(kinetic_gradient_error, false, UNIT_ENERGY, "standard error of that"),
    ROW(trap, false, UNIT_ENERGY, "energy in the trap"),
    ROW(trap_error, false, UNIT_ENERGY, "standard error of the trap energy"),
    ROW(pair, false, UNIT_ENERGY, "energy of the pair force"),
    ROW(pair_error, false, UNIT_ENERGY, "standard error of the pair energy"),
    ROW(virial_ratio, false, "1", "twice the kinetic energy over the virial of the potential; 1 for an exact state"),
    ROW(acceptance, false, "1", "share of moves accepted while measuring"),
    ROW(step, false, "1", "step of the sampler in use"),
    ROW(autocorrelation_time, false, "draws", "integrated autocorrelation time of the energy"),
    ROW(autocorrelation_error, false, UNIT_ENERGY, "standard error of the energy by the autocorrelation time"),
    ROW(effective_samples, false, "1", "samples that as many independent ones would be worth"),
    ROW(r_hat, false, "1", "rank-normalised split R-hat over the walkers"),
    ROW(n_samples, true, "1", "samples drawn"),
    ROW(n_bad, true, "1", "samples without a finite energy, left out"),
    ROW(iterations, true, "1", "training iterations done"),
    ROW(steps_back, true, "1", "training steps taken back"),
    ROW(n_parameters, true, "1", "parameters of the wave function"),
    ROW(memory_per_walker, true, "byte", "memory per walker"),
    ROW(wall_time, false, "s", "wall time"),
    ROW(cpu_time, false, "s", "CPU time of all threads"),
    ROW(training_cpu_time, false, "s", "CPU time of training"),
    ROW(measuring_cpu_time, false, "s", "CPU time of measuring"),
    { .name = NULL }
};

static double clock_now(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double run_wall(void) { return clock_now(CLOCK_MONOTONIC); }
double run_cpu(void) { return clock_now(CLOCK_PROCESS_CPUTIME_ID); }

void run_note(const struct run *run, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    if (!run->options->note)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    run->options->note(text, run->options->context);
}

void run_tell(const struct run *run, const struct run_progress *progress)
{
    if (run->options->progress)
        run->options->progress(progress, run->options->context);
}

static bool allocate_history(struct run *run)
{
    struct history *history = &run->history;
    const size_t n = run->settings->optimizer.iterations, parameters = run->ensemble.wavefunction.n_parameters;
    // the parameters of every iteration, or of every stride-th, in less than 10 MB; a room that is even, so that it can be halved
    const size_t row = (parameters ? parameters : 1) * sizeof(double);
    history->stride = 1;
    history->room = row < 2500000 ? 10000000 / row / 2 * 2 : 4;
    double **columns[] = { &history->energy, &history->energy_error, &history->variance, &history->estimator_variance, &history->acceptance,
                           &history->gradient_norm, &history->learning_rate };
    bool good = (history->parameters = memory_doubles((n < history->room ? n : history->room) * parameters)) != NULL;
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++)
        good = (*columns[k] = memory_doubles(n)) && good;
    return good;
}

static bool allocate(struct run *run, struct error *error)
{
    const size_t n = run->ensemble.wavefunction.n_parameters;
    run->n_memory = optimizer_type_at(settings_index(run->settings, SETTINGS_OPTIMIZER))->n_memory(settings_state(run->settings, SETTINGS_OPTIMIZER), n);
    run->theta = memory_doubles(n);
    run->good_theta = memory_doubles(n);
    run->mean_theta = memory_doubles(n);
    run->gradient = memory_doubles(n);
    run->memory = memory_doubles(run->n_memory);
    if (run->theta && run->good_theta && run->mean_theta && run->gradient && run->memory && allocate_history(run))
        return true;
    return error_add(error, ERROR_INTERNAL, "no memory for training %zu parameters", n);
}

static void finish(struct run *run)
{
    struct history *history = &run->history;
    double *owned[] = { run->theta, run->good_theta, run->mean_theta, run->gradient, run->memory, history->energy, history->energy_error,
                        history->variance, history->estimator_variance, history->acceptance, history->gradient_norm, history->learning_rate,
                        history->parameters };
    for (size_t k = 0; k < sizeof owned / sizeof *owned; k++)
        memory_free(owned[k]);
    for (size_t k = 0; k < SERIES; k++)
        memory_free(run->measured.values[k]);
    observables_finish(&run->measured.observables);
    for (size_t k = 0; k < CHECKPOINTS; k++)
        checkpoint_drop(&run->checkpoint[k]);
    metric_finish(&run->metric);
    ensemble_finish(&run->ensemble);
}

static bool starting_parameters(struct run *run, struct error *error)
{
    struct rng rng;
    const char *path = run->settings->wavefunction.load;
    rng_start(&rng, run->settings->run.seed, UINT64_MAX);
    wavefunction_start(&run->ensemble.wavefunction, rng_uniform, &rng, run->theta);
    if (!path)
        return true;
    struct record_file *file = record_open(path, true, error);
    const bool good = file && record_load_wavefunction(file, &run->ensemble.wavefunction, run->theta, error);
    record_close(file);
    return good;
}

static bool build(struct run *run, struct error *error)
{
    openblas_set_num_threads(1);  // bits must not depend on threads; the walkers are what runs in parallel
    const struct team *team = run->options->team;
    const bool built = ensemble_build(&run->ensemble, run->settings, run->options->threads, error) && ensemble_join(&run->ensemble, team, error);
    if (!team_agree(team, built, error))
        return false;
    if (team_ranks(team) > run->ensemble.n_groups)
        run_note(run, "%zu ranks for %zu groups of walkers: some have nothing to do; use fewer ranks or more sampler.walkers", team_ranks(team),
                 run->ensemble.n_groups);
    run->result->n_parameters = (double)run->ensemble.wavefunction.n_parameters;
    // without the threads' scratch, so that it does not depend on how many there are
    const size_t scratch = run->ensemble.threads * run->ensemble.scratch_doubles * sizeof(double);
    run->result->memory_per_walker = (double)((ensemble_memory(&run->ensemble) - scratch) / run->ensemble.n_walkers);
    return team_agree(team, allocate(run, error), error);
}

static bool begin(struct run *run, struct error *error)
{
    const struct team *team = run->options->team;
    if (!team_agree(team, !team_leads(team) || starting_parameters(run, error), error))
        return false;
    team_share(team, run->theta, run->ensemble.wavefunction.n_parameters * sizeof *run->theta);
    ensemble_start(&run->ensemble, run->settings->run.seed);
    run->stage = run->settings->optimizer.iterations > 0 ? STAGE_TRAINING_BURN_IN : STAGE_MEASURING_BURN_IN;
    return ensemble_take(&run->ensemble, run->theta) ||
           error_add(error, ERROR_INTERNAL, "the starting parameters make no finite wave function; use a smaller rbm.init_scale or another rbm.sigma");
}

// Sweeps that are discarded; then a few draws tell the energy's rough value and the coefficients of the control variates. 32 draws of 32
// walkers give 1024 samples at least.
enum { FIT_DRAWS = 32, FIT_SAMPLES = 32768 };

static bool burn_in(struct run *run, struct error *error)
{
    struct ensemble *ensemble = &run->ensemble;
    const size_t sweeps = ensemble_is_independent(ensemble) ? 0 : run->settings->sampler.burn_in;
    struct ensemble_sums sums;
    do {
        run_tell(run, &(struct run_progress){ RUN_BURN_IN, run->tuning.done, sweeps, NAN, NAN, NAN, NAN, NAN });
        if (!run_boundary(run, error))
            return false;
        if (run->tuning.done < sweeps)
            ensemble_burn_in_part(ensemble, sweeps, isnan(run->settings->sampler.step), &run->tuning);
        if (ensemble->was_cut)
            return false;
    } while (run->tuning.done < sweeps);
    const size_t draws = FIT_DRAWS * ensemble->n_walkers > FIT_SAMPLES ? 1 + FIT_SAMPLES / ensemble->n_walkers : FIT_DRAWS;
    ensemble_pass(ensemble, draws, PASS_CONTROLS, NULL, NULL, &sums);
    if (ensemble->was_cut)
        return false;
    ensemble_fit(ensemble);
    if (isfinite(sums.energy))
        ensemble->reference += sums.energy / sums.samples;
    run->tuning = (struct ensemble_tuning){ 0 };
    return true;
}

// From the stage the run is in, to the end.
static bool execute(struct run *run, struct error *error)
{
    if (run->stage == STAGE_TRAINING_BURN_IN && !burn_in(run, error))
        return false;
    if (run->stage < STAGE_MEASURING_BURN_IN) {
        if (!run_train(run, error))
            return false;
        run_account(run);
        run->stage = STAGE_MEASURING_BURN_IN;
    }
    if (run->stage == STAGE_MEASURING_BURN_IN) {
        if (!burn_in(run, error))
            return false;
        run->stage = STAGE_MEASURING;
    }
    return run_measure(run, error);
}

const char *run_stop_reason(const struct run *run)
{
    if (run->settings->optimizer.iterations == 0)
        return "no training asked";
    if (run->hopeless)
        return "non-finite numbers";
    return run->course.over ? RUN_REASON_PLATEAU : run->history.n == run->settings->optimizer.iterations ? "all iterations done" : "not done yet";
}

// s, of all processes since the run began
static double cpu_spent(const struct run *run)
{
    uint64_t nanoseconds = (uint64_t)(1e9 * (run_cpu() - run->cpu_start));
    team_sum(run->options->team, &nanoseconds, 1);
    return 1e-9 * (double)nanoseconds;
}

void run_account(struct run *run)
{
    struct run_result *result = run->result;
    const double now = cpu_spent(run), spent = now - run->cpu_mark;
    *(run->stage < STAGE_MEASURING_BURN_IN ? &result->training_cpu_time : &result->measuring_cpu_time) += spent;
    run->cpu_mark = now;
    result->wall_time = run->wall_before + run_wall() - run->wall_start;
    result->cpu_time = run->cpu_before + now;
    result->step = run->ensemble.sampler->has_step ? run->ensemble.step : NAN;
    result->iterations = (double)run->history.n;
    result->steps_back = (double)run->course.steps_back;
    result->n_bad = (double)run->course.bad + run->measured.sums.bad;
    result->stop_reason = run_stop_reason(run);
}

static void clear(struct run_result *result)
{
    *result = (struct run_result){ .stop_reason = "not started" };
    for (const struct run_result_row *row = run_result_rows; row->name; row++)
        if (!row->whole)
            *(double *)((char *)result + row->offset) = NAN;
    result->training_cpu_time = result->measuring_cpu_time = 0;
}

static const char *phase(const struct run *run, char text[96])
{
    const struct measured *measured = &run->measured;
    if (run->stage == STAGE_TRAINING_BURN_IN || run->stage == STAGE_MEASURING_BURN_IN)
        snprintf(text, 96, "during burn-in before %s", run->stage == STAGE_TRAINING_BURN_IN ? "training" : "measuring");
    else if (run->stage < STAGE_MEASURING_BURN_IN)
        snprintf(text, 96, "in training, after %zu of at most %zu iterations", run->history.n, run->settings->optimizer.iterations);
    else
        snprintf(text, 96, "in measuring, after %zu draws per walker", measured->draws * measured->block + measured->partial);
    return text;
}

// Back to the last state where a pass was cut, and the results so far.
static void settle(struct run *run)
{
    if (run->ensemble.was_cut) {
        run->ensemble.was_cut = false;
        checkpoint_restore(run, run->checkpoint[CHECKPOINT_MEASURING].there ? CHECKPOINT_MEASURING : CHECKPOINT_TRAINING, NULL);
    }
    if (run->stage == STAGE_MEASURING && run->measured.draws > 0)
        run_conclude(run, NULL);
}

// Executes and publishes.
static bool complete(struct run *run, struct error *error)
{
    char text[96];
    const char *output = run->options->output;
    run_stop_prepare(run);
    const bool done = execute(run, error), stopped = !done && (run->stop.stopped || run->ensemble.was_cut);
    const bool lost = !done && !stopped && error && error->kind == ERROR_EXISTS;
    if (stopped)
        settle(run);
    run_account(run);
    if (output && !lost && !run_publish(run, done ? "complete" : "stopped", error))
        return false;
    if (stopped)
        error_add(error, ERROR_STOPPED, "%s%sstopped %s%s", output ? output : "", output ? ": " : "", phase(run, text),
                  output ? "; what there is has been saved, and --resume goes on from there" : "");
    return done;
}

bool run_execute(const struct settings *settings, const struct run_options *options, struct run_result *result, struct error *error)
{
    struct run run = { .settings = settings, .options = options, .result = result, .wall_start = run_wall(), .cpu_start = run_cpu() };
    enum run_resumed resumed = RESUME_FRESH;
    clear(result);
    bool good = build(&run, error);
    if (good && options->resume && options->output)
        resumed = run_resume(&run, error);
    good = good && resumed != RESUME_FAILED;
    if (good && resumed != RESUME_COMPLETE)
        good = (resumed == RESUME_CONTINUED || begin(&run, error)) && complete(&run, error);
    finish(&run);
    return good;
}

// CPU time of one draw of all walkers: the least of a few, since the first pass meets cold memory.
static double draw_seconds(struct ensemble *ensemble, unsigned what)
{
    struct ensemble_sums sums;
    double least = INFINITY;
    for (int k = 0; k < 12 && (k == 0 || least < 0.005); k++) {
        const size_t draws = k ? 4 : 1;
        const double start = run_cpu();
        ensemble_pass(ensemble, draws, what, NULL, NULL, &sums);
        least = fmin(least, (run_cpu() - start) / (double)draws);
    }
    return least;
}

// CPU time is extrapolated from a few draws of this very run, for all iterations and samples that are allowed.
bool run_check(const struct settings *settings, const struct run_options *options, struct run_estimate *estimate, struct error *error)
{
    struct run_result result;
    struct run run = { .settings = settings, .options = options, .result = &result };
    clear(&result);
    const bool good = build(&run, error) && begin(&run, error);
    if (good) {
        const struct ensemble *ensemble = &run.ensemble;
        const double walkers = (double)ensemble->n_walkers, parameters = (double)ensemble->wavefunction.n_parameters;
        const double draws = ceil((double)settings->measure.samples / walkers), kept = fmin(draws, (double)run_series_room(ensemble->n_walkers));
        const double training = (double)settings->optimizer.iterations * ceil((double)settings->optimizer.samples / walkers);
        const double train = draw_seconds(&run.ensemble, PASS_GRADIENT | PASS_CONTROLS), measure = draw_seconds(&run.ensemble, 0);
        *estimate = (struct run_estimate){ .memory_per_walker = result.memory_per_walker, .n_parameters = ensemble->wavefunction.n_parameters,
                                           .walkers = ensemble->n_walkers, .draws = (size_t)draws };
        estimate->memory = (double)ensemble_memory(ensemble) + SERIES * 8.0 * walkers * kept + (double)settings->optimizer.iterations * 80 + 1e7;
        estimate->file_size = SERIES * 8.0 * walkers * kept + fmin(1e7, 8.0 * parameters * (double)settings->optimizer.iterations) + 1e5;
        estimate->cpu_time = train * training + measure * (draws + 2 * (double)settings->sampler.burn_in + 64);
    }
    finish(&run);
    return good;
}
