// SPDX-License-Identifier: GPL-3.0-or-later
// One job of maximum likelihood: theta <- theta + eta ( <d ln p~>_data - <d ln p~>_model ), where the second mean comes
// from persistent chains (Tieleman, ICML (2008)) or from a sum over states.
//
// Real samples are moved and scaled to centre 0 and width 1 first, so that no default depends on units; parameters in
// the file are those of the samples as they came.
#include "learn/state.h"

#include "base/memory.h"
#include "vmc/record.h"
#include "vmc/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double SUM_OPERATIONS_MOST = 4e9;  // states times weights, at the end of a job

// ---- the end

static bool stopped_at_end(struct learn *learn, struct error *error)
{
    if (error && error->kind != ERROR_NONE)
        return false;
    learn_account(learn);
    learn->result->end = "stopped";
    return learn_publish(learn, "stopped", error) &&
           error_add(error, ERROR_STOPPED, "stopped after all iterations; go on with --resume");
}

static bool stop_annealing(void *context) { return learn_wants_stop(context); }

static bool find_partition(struct learn *learn, struct error *error)
{
    struct learn_partition *partition = &learn->result->partition;
    const double operations = (double)learn->n_states * (double)(learn->passes.n_moments);
    if (!machine_prepare(&learn->machine, learn->theta))
        return error_add(error, ERROR_INTERNAL, "parameters are not finite");
    learn_report(learn, LEARN_PARTITION, 0, 1);
    if (learn->n_states > 0 && operations < SUM_OPERATIONS_MOST) {
        *partition = (struct learn_partition){ .ln_z = passes_states(&learn->passes, learn->n_states, NULL),
                                               .effective_chains = NAN,
                                               .exact = true };
        return true;
    }
    double *start = calloc(learn->m, sizeof *start);
    for (size_t i = 0; start && i < learn->m; i++)
        start[i] = learn_bias(learn, i);
    const struct learn_annealing annealing = { .chains = learn->own->ais_chains,
                                               .steps = learn->own->ais_steps,
                                               .threads = learn->options->threads,
                                               .seed = learn->settings->run.seed,
                                               .start_a = start,
                                               .stop = stop_annealing,
                                               .context = learn };
    const bool good = learn_anneal(&learn->machine.shape, learn->theta, &annealing, partition, error);
    free(start);
    return good || stopped_at_end(learn, error);
}

// Mean of ln p and its standard error from the spread over samples.
static void judge(struct learn *learn, const double *samples, size_t n, double *mean, double *error)
{
    double squares;
    if (n == 0)
        return;
    const double sum = passes_samples(&learn->passes, samples, NULL, n, NULL, &squares), average = sum / (double)n;
    *mean = average - learn->result->partition.ln_z - learn->ln_volume;
    *error = n > 1 ? sqrt(fmax(0, squares / (double)n - average * average) / (double)(n - 1)) : NAN;
}

static bool copy_estimate(struct learn *learn, struct error *error)
{
    if (learn->machine.shape.kind != MACHINE_SPINS && !learn->own->posterior)
        return true;
    learn->result->n_couplings = learn->n_parameters;
    learn->result->estimate = malloc(learn->n_parameters * sizeof(double));
    if (!learn->result->estimate)
        return error_add(error, ERROR_INTERNAL, "not enough memory");
    memcpy(learn->result->estimate, learn->theta, learn->n_parameters * sizeof(double));
    return true;
}

static bool conclude(struct learn *learn, struct error *error)
{
    struct learn_result *result = learn->result;
    if (!find_partition(learn, error))
        return false;
    judge(learn, learn->train, learn->n_train, &result->train, &result->train_error);
    judge(learn, learn->held, learn->n_held, &result->held_out, &result->held_out_error);
    if (learn->n_history > 0) {
        result->gradient_norm = learn->history[COLUMN_GRADIENT_NORM][learn->n_history - 1];
        result->acceptance = learn->history[COLUMN_ACCEPTANCE][learn->n_history - 1];
    }
    if (!result->partition.exact && result->partition.effective_chains < 0.1 * (double)learn->own->ais_chains)
        learn_note(learn, "annealed importance sampling rests on few of its chains, and ln Z may be far too low; raise "
                          "learn.ais_steps");
    if (!learn->own->partition)
        learn_note(learn,
                   "partition = no: ln Z was left out, so this is no maximum of the likelihood; the parameters grow "
                   "with the number of samples");
    if (!copy_estimate(learn, error))
        return false;
    if (learn->own->posterior) {
        learn->precision = learn_prior_precision(learn, true);
        if (!learn_sample_posterior(learn, error))
            return stopped_at_end(learn, error);
    }
    learn_account(learn);
    return learn_publish(learn, "complete", error);
}

static bool begin(struct learn *learn, const struct settings *settings, const struct learn_options *options,
                  struct learn_result *result, struct error *error)
{
    *learn = (struct learn){ .settings = settings,
                             .own = &settings->learn,
                             .options = options,
                             .result = result,
                             .wall_start = learn_wall(),
                             .cpu_start = learn_cpu() };
    *result = (struct learn_result){ .end = NULL };
    learn->saved = learn->wall_start;
    learn->deadline = options->max_time > 0 ? learn->wall_start + options->max_time : INFINITY;
    return learn_build(learn, error);
}

bool learn_execute(const struct settings *settings, const struct learn_options *options, struct learn_result *result,
                   struct error *error)
{
    struct learn learn;
    bool good = begin(&learn, settings, options, result, error);
    if (good) {
        const enum learn_resumed resumed = options->resume ? learn_resume(&learn, error) : LEARN_FRESH;
        result->was_complete = resumed == LEARN_COMPLETE;
        good = good && resumed != LEARN_FAILED &&
               (resumed == LEARN_COMPLETE || (learn_iterate(&learn, error) && conclude(&learn, error)));
    }
    learn_finish(&learn);
    return good;
}

bool learn_check(const struct settings *settings, const struct learn_options *options, struct learn_result *result,
                 double *memory, struct error *error)
{
    struct learn learn;
    const bool good = begin(&learn, settings, options, result, error);
    if (good) {
        const double samples = (double)((learn.n_train + learn.n_held) * learn.m + learn.n_train),
                     chains = (double)(learn.chains.n_blocks * 32 * (learn.m + learn.machine.shape.hidden + 4)),
                     moments = (double)(learn.passes.n_moments * (learn.passes.n_groups + 2));
        *memory = 8 * (2 * samples + chains + moments + (double)(6 * learn.n_parameters + learn.n_memory));
    }
    learn_finish(&learn);
    return good;
}
