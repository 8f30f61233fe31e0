// SPDX-License-Identifier: GPL-3.0-or-later
// A run from beginning to end.
#include "run/checkpoint.h"
#include "run/compatibility.h"
#include "run/conclude.h"
#include "run/file.h"
#include "run/kept.h"
#include "run/learnt.h"
#include "run/phases.h"
#include "run/series.h"
#include "run/starts.h"
#include "run/stop.h"
#include "run/train_exact.h"
#include "vmc/rng.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void run_finish(struct run *run)
{
    kept_release(run);
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
    const bool good = file && record_load_wavefunction(file, &run->ensemble.wavefunction, run->theta, error) &&
                      learnt_load(run, file, error);
    if (good && !record_lacks_units(file, &run->ensemble.wavefunction))
        starts_skip(run);
    record_close(file);
    return good;
}

// What building the wave function chose, and what that means.
static void report_wavefunction(struct run *run)
{
    const struct wavefunction *wavefunction = &run->ensemble.wavefunction;
    struct factor_traits traits;
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        char text[400] = "";
        if (wavefunction->factor[f].type->describe)
            wavefunction->factor[f].type->describe(wavefunction->factor[f].state, text, sizeof text);
        if (*text)
            run_note(run, "%s: %s", wavefunction->factor[f].type->name, text);
    }
    wavefunction_traits(wavefunction, &traits);
    run->result->no_bound = traits.has_nodes && traits.symmetry == FACTOR_UNSYMMETRIC;
    if (run->result->no_bound)
        run_note(
            run,
            "a factor is not symmetric under exchange of fermions with the same spin: the energy is no upper bound");
}

bool run_build(struct run *run, struct error *error)
{
    openblas_set_num_threads(1);  // bits must not depend on threads; the walkers are what runs in parallel
    const struct team *team = run->options->team;
    const bool built = ensemble_build(&run->ensemble, run->settings, run->options->threads, error) &&
                       ensemble_join(&run->ensemble, team, error) &&
                       (!train_exact_asked(run->settings) || train_exact_suits(run, error));
    if (!team_agree(team, built, error))
        return false;
    if (team_ranks(team) > run->ensemble.n_groups)
        run_note(
            run,
            "%zu ranks for %zu groups of walkers: some have nothing to do; use fewer ranks or more sampler.walkers",
            team_ranks(team), run->ensemble.n_groups);
    report_wavefunction(run);
    if (run->options->note) {
        compatibility_note(&run->ensemble.hamiltonian, &run->ensemble.wavefunction, run->options->note,
                           run->options->context);
        compatibility_note_sampler(run->ensemble.sampler, &run->ensemble.wavefunction, run->options->note,
                                   run->options->context);
    }
    run->result->n_parameters = (double)run->ensemble.wavefunction.n_parameters;
    // without the threads' scratch, so that it does not depend on how many there are
    const size_t scratch = run->ensemble.threads * run->ensemble.scratch_doubles * sizeof(double);
    run->result->memory_per_walker = (double)((ensemble_memory(&run->ensemble) - scratch) / run->ensemble.n_walkers);
    const size_t index = settings_index(run->settings, SETTINGS_OPTIMIZER);
    run->n_memory = optimizer_type_at(index)->n_memory(settings_state(run->settings, SETTINGS_OPTIMIZER),
                                                       run->ensemble.wavefunction.n_parameters);
    return team_agree(team, series_prepare(run, error) && kept_allocate(run, error), error);
}

bool run_begin(struct run *run, struct error *error)
{
    const struct team *team = run->options->team;
    if (!team_agree(team, !team_leads(team) || starting_parameters(run, error), error))
        return false;
    team_share(team, run->theta, run->ensemble.wavefunction.n_parameters * sizeof *run->theta);
    team_share(team, &run->training.start, sizeof run->training.start);
    learnt_share(run);
    ensemble_start(&run->ensemble, run->settings->run.seed);
    run->stage = run_trains(run) ? STAGE_TRAINING_BURN_IN : STAGE_MEASURING_BURN_IN;
    if (!run_trains(run) && run->settings->optimizer.iterations > 0) {
        run->training.over = run->training.converged = true;  // there is nothing left to gain
        run_note(run, "the wave function has no free parameters: there is nothing to train, it is measured as it is");
    }
    return ensemble_take(&run->ensemble, run->theta) ||
           error_add(error, ERROR_INTERNAL,
                     "the starting parameters make no finite wave function; use a smaller rbm.init_scale or another "
                     "rbm.sigma");
}

// Sweeps that are discarded; then a few draws tell the energy's rough value and the coefficients of the control
// variates. 32 draws of 32 walkers give 1024 samples at least.
enum { FIT_DRAWS = 32, FIT_SAMPLES = 32768 };

bool run_burn_in(struct run *run, struct error *error)
{
    struct ensemble *ensemble = &run->ensemble;
    const size_t sweeps = ensemble_is_independent(ensemble) ? 0 : run->settings->sampler.burn_in;
    struct ensemble_sums sums;
    do {
        run_report(run,
                   &(struct run_progress){ RUN_BURN_IN, run->tuning.done, sweeps, NAN, NAN, NAN, NAN, NAN, 0, NULL });
        if (!run_boundary(run, error))
            return false;
        if (run->tuning.done < sweeps)
            ensemble_burn_in_part(ensemble, sweeps, isnan(run->settings->sampler.step), &run->tuning);
        if (ensemble->was_cut)
            return false;
    } while (run->tuning.done < sweeps);
    const size_t draws = FIT_DRAWS * ensemble->n_walkers > FIT_SAMPLES ? 1 + FIT_SAMPLES / ensemble->n_walkers
                                                                       : FIT_DRAWS;
    const bool last = run->stage == STAGE_MEASURING_BURN_IN;  // how far walkers go is where the histograms will end
    ensemble->without_pairs = false;
    ensemble_pass(ensemble, draws, PASS_CONTROLS, last ? series_see : NULL, &run->measured, &sums);
    run->measured.was_seen = last && !ensemble->was_cut;
    if (ensemble->was_cut)
        return false;
    if (last)
        ensemble_fit_for_good(ensemble);
    else
        ensemble_fit(ensemble);
    if (isfinite(sums.energy))
        ensemble->reference += sums.energy / sums.samples;
    if (ensemble->without_pairs)
        run_note(run, "control variates: functions of pairs would cost more than they gain, and are left out");
    run->tuning = (struct ensemble_tuning){ 0 };
    return true;
}

// Maxima of |psi|^2 that walkers would have to find by themselves, before they are to count.
static void seek_jumps(struct run *run)
{
    const size_t n = ensemble_seek(&run->ensemble, true);
    if (n > 0 && run->stage == STAGE_MEASURING_BURN_IN)
        run_note(run,
                 "|psi|^2 has %zu %s far from all others, which training may not have seen; walkers jump there, and if "
                 "the energy is poor, train with another run.seed or more optimizer.starts",
                 n, n == 1 ? "maximum" : "maxima");
}

// From the stage the run is in, to the end.
static bool execute(struct run *run, struct error *error)
{
    if (run->stage == STAGE_TRAINING_BURN_IN && !train_exact_asked(run->settings) && !run_burn_in(run, error))
        return false;
    if (run->stage < STAGE_MEASURING_BURN_IN) {
        if (!run_train(run, error))
            return false;
        run_account(run);
        run->stage = STAGE_MEASURING_BURN_IN;
    }
    seek_jumps(run);
    if (run->stage == STAGE_MEASURING_BURN_IN) {
        if (!run_burn_in(run, error))
            return false;
        run->stage = STAGE_MEASURING;
    }
    return run_measure(run, error);
}

void run_clear(struct run_result *result)
{
    *result = (struct run_result){ .stop_reason = "not started" };
    for (const struct run_result_row *row = run_result_rows; row->name; row++)
        if (!row->whole)
            *kept_result_at(result, row->offset) = NAN;
    result->training_cpu_time = result->measuring_cpu_time = 0;
}

static const char *phase(const struct run *run, char text[96])
{
    const struct measured *measured = &run->measured;
    if (run->stage == STAGE_TRAINING_BURN_IN || run->stage == STAGE_MEASURING_BURN_IN)
        snprintf(text, 96, "during burn-in before %s", run->stage == STAGE_TRAINING_BURN_IN ? "training" : "measuring");
    else if (run->stage < STAGE_MEASURING_BURN_IN)
        snprintf(text, 96, "in training, after %zu of at most %zu iterations", run->history.n,
                 run->settings->optimizer.iterations);
    else
        snprintf(text, 96, "in measuring, after %zu draws per walker",
                 measured->draws * measured->block + measured->partial);
    return text;
}

// Back to the last state where a pass was cut, and the results so far.
static void restore_last_state(struct run *run)
{
    if (run->ensemble.was_cut) {
        run->ensemble.was_cut = false;
        checkpoint_restore(run, checkpoint_last(run), NULL);
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
        restore_last_state(run);
    run_account(run);
    if (output && !run_publish_last(run, done ? "complete" : "stopped", lost, error))
        return false;
    if (stopped)
        error_add(error, ERROR_STOPPED, "%s%sstopped %s%s", output ? output : "", output ? ": " : "", phase(run, text),
                  output ? "; what there is has been saved, and --resume goes on from there" : "");
    return done;
}

bool run_execute(const struct settings *settings, const struct run_options *options, struct run_result *result,
                 struct error *error)
{
    struct run run = {
        .settings = settings, .options = options, .result = result, .wall_start = run_wall(), .cpu_start = run_cpu()
    };
    enum run_resumed resumed = RESUME_FRESH;
    run_clear(result);
    record_now(run.started);
    memcpy(run.created, run.started, sizeof run.created);
    bool good = run_build(&run, error);
    if (good && options->resume && options->output)
        resumed = run_resume(&run, error);
    good = good && resumed != RESUME_FAILED;
    if (good && resumed != RESUME_COMPLETE)
        good = team_agree(options->team,
                          !options->unwritable || error_add(error, ERROR_WRITE, "%s", options->unwritable), error);
    if (good && resumed != RESUME_COMPLETE)
        good = (resumed == RESUME_CONTINUED || run_begin(&run, error)) && complete(&run, error);
    run_finish(&run);
    return good;
}
