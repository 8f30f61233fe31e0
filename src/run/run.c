// SPDX-License-Identifier: GPL-3.0-or-later
// A run from beginning to end.
#include "run/run_parts.h"

#include "base/memory.h"
#include "vmc/rng.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROW(member, whole_, unit_, long_name_) { #member, offsetof(struct run_result, member), whole_, unit_, long_name_ }
const struct run_result_row run_result_rows[] = {
    ROW(energy, false, "hbar omega", "energy"),
    ROW(energy_error, false, "hbar omega", "standard error of the energy, correlations included"),
    ROW(variance, false, "(hbar omega)^2", "variance of the local energy"),
    ROW(estimator_variance, false, "(hbar omega)^2", "variance of what was averaged: the local energy with its control variates"),
    ROW(local_energy, false, "hbar omega", "mean of the plain local energy"),
    ROW(local_energy_error, false, "hbar omega", "standard error of the plain mean; not to be believed where the variance is infinite"),
    ROW(kinetic, false, "hbar omega", "kinetic energy"),
    ROW(kinetic_error, false, "hbar omega", "standard error of the kinetic energy"),
    ROW(kinetic_gradient, false, "hbar omega", "kinetic energy by the other estimator, the mean of half the squared gradient of ln psi"),
    ROW(kinetic_gradient_error, false, "hbar omega", "standard error of that"),
    ROW(trap, false, "hbar omega", "energy in the trap"),
    ROW(trap_error, false, "hbar omega", "standard error of the trap energy"),
    ROW(pair, false, "hbar omega", "energy of the pair force"),
    ROW(pair_error, false, "hbar omega", "standard error of the pair energy"),
    ROW(virial_ratio, false, "1", "twice the kinetic energy over the virial of the potential; 1 for an exact state"),
    ROW(acceptance, false, "1", "share of moves accepted while measuring"),
    ROW(step, false, "1", "step of the sampler in use"),
    ROW(autocorrelation_time, false, "draws", "integrated autocorrelation time of the energy"),
    ROW(autocorrelation_error, false, "hbar omega", "standard error of the energy by the autocorrelation time"),
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

void run_tell(const struct run *run, const struct run_progress *progress)
{
    if (run->options->progress)
        run->options->progress(progress, run->options->context);
}

static bool allocate_history(struct run *run)
{
    struct history *history = &run->history;
    const size_t n = run->settings->optimizer.iterations, parameters = run->ensemble.wavefunction.n_parameters;
    // the parameters of every iteration, or of every stride-th, in less than 10 MB
    history->stride = 1 + n * parameters * sizeof(double) / 10000000;
    double **columns[] = { &history->energy, &history->energy_error, &history->variance, &history->estimator_variance, &history->acceptance,
                           &history->gradient_norm, &history->learning_rate };
    bool good = (history->parameters = memory_doubles((n / history->stride + 1) * parameters)) != NULL;
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++)
        good = (*columns[k] = memory_doubles(n)) && good;
    return good;
}

static bool allocate(struct run *run, struct error *error)
{
    const size_t n = run->ensemble.wavefunction.n_parameters;
    run->n_memory = optimizer_type_at(run->settings->optimizer.method)->n_memory(run->settings->optimizer_state, n);
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
    if (!ensemble_build(&run->ensemble, run->settings, run->options->threads, error))
        return false;
    run->result->n_parameters = (double)run->ensemble.wavefunction.n_parameters;
    // without the threads' scratch, so that it does not depend on how many there are
    const size_t scratch = run->ensemble.threads * run->ensemble.scratch_doubles * sizeof(double);
    run->result->memory_per_walker = (double)((ensemble_memory(&run->ensemble) - scratch) / run->ensemble.n_walkers);
    if (!allocate(run, error) || !starting_parameters(run, error))
        return false;
    ensemble_start(&run->ensemble, run->settings->run.seed);
    return ensemble_take(&run->ensemble, run->theta) ||
           error_add(error, ERROR_INTERNAL, "the starting parameters make no finite wave function; use a smaller rbm.init_scale or another rbm.sigma");
}

// Sweeps that are discarded; then a few draws tell the energy's rough value and the coefficients of the control variates. 32 draws of 32
// walkers give 1024 samples at least.
enum { FIT_DRAWS = 32, FIT_SAMPLES = 32768 };

static void burn_in(struct run *run)
{
    struct ensemble *ensemble = &run->ensemble;
    const size_t sweeps = run->settings->sampler.burn_in;
    struct ensemble_sums sums;
    run_tell(run, &(struct run_progress){ RUN_BURN_IN, 0, sweeps, NAN, NAN, NAN, NAN, NAN });
    ensemble_burn_in(ensemble, sweeps, isnan(run->settings->sampler.step));
    const size_t draws = FIT_DRAWS * ensemble->n_walkers > FIT_SAMPLES ? 1 + FIT_SAMPLES / ensemble->n_walkers : FIT_DRAWS;
    ensemble_pass(ensemble, draws, PASS_CONTROLS, NULL, NULL, &sums);
    ensemble_fit(ensemble);
    if (isfinite(sums.energy))
        ensemble->reference += sums.energy / sums.samples;
}

static bool execute(struct run *run, struct error *error)
{
    struct run_result *result = run->result;
    double start = run_cpu();
    if (run->settings->optimizer.iterations > 0) {
        burn_in(run);
        if (!run_train(run, error))
            return false;
    } else {
        result->stop_reason = "no training asked";
    }
    result->training_cpu_time = run_cpu() - start;
    start = run_cpu();
    burn_in(run);
    if (!run_measure(run, error))
        return false;
    result->measuring_cpu_time = run_cpu() - start;
    return true;
}

static void clear(struct run_result *result)
{
    *result = (struct run_result){ .stop_reason = "not started" };
    for (const struct run_result_row *row = run_result_rows; row->name; row++)
        if (!row->whole)
            *(double *)((char *)result + row->offset) = NAN;
}

bool run_execute(const struct settings *settings, const struct run_options *options, struct run_result *result, struct error *error)
{
    struct run run = { .settings = settings, .options = options, .result = result, .wall_start = run_wall(), .cpu_start = run_cpu() };
    clear(result);
    if (!build(&run, error)) {
        finish(&run);
        return false;
    }
    const bool done = execute(&run, error);
    result->step = run.ensemble.sampler->has_step ? run.ensemble.step : NAN;
    result->wall_time = run_wall() - run.wall_start;
    result->cpu_time = run_cpu() - run.cpu_start;
    const bool saved = !options->output || run_publish(&run, done ? "complete" : "stopped", error);
    finish(&run);
    return done && saved;
}

// CPU time is extrapolated from a few draws of this very run.
bool run_check(const struct settings *settings, const struct run_options *options, struct run_estimate *estimate, struct error *error)
{
    struct run_result result;
    struct run run = { .settings = settings, .options = options, .result = &result };
    struct ensemble_sums sums;
    clear(&result);
    const bool good = build(&run, error);
    if (good) {
        const struct ensemble *ensemble = &run.ensemble;
        const double walkers = (double)ensemble->n_walkers, parameters = (double)ensemble->wavefunction.n_parameters;
        const double draws = ceil((double)settings->measure.samples / walkers), kept = fmin(draws, fmax(64, 1048576 / walkers));
        const double training = (double)settings->optimizer.iterations * ceil((double)settings->optimizer.samples / walkers);
        double start = run_cpu();
        ensemble_pass(&run.ensemble, 1, PASS_GRADIENT | PASS_CONTROLS, NULL, NULL, &sums);
        const double one = run_cpu() - start;
        *estimate = (struct run_estimate){ .memory_per_walker = result.memory_per_walker, .n_parameters = ensemble->wavefunction.n_parameters,
                                           .walkers = ensemble->n_walkers, .draws = (size_t)draws };
        estimate->memory = (double)ensemble_memory(ensemble) + SERIES * 8.0 * walkers * kept + (double)settings->optimizer.iterations * 80 + 1e7;
        estimate->file_size = 5 * 8.0 * walkers * kept + fmin(1e7, 8.0 * parameters * (double)settings->optimizer.iterations) + 1e5;
        estimate->cpu_time = one * (training + draws + 2 * (double)settings->sampler.burn_in + 64);
    }
    finish(&run);
    return good;
}
