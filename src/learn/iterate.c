// SPDX-License-Identifier: GPL-3.0-or-later
// The iterations: theta <- theta + eta ( <d ln p~>_data - <d ln p~>_model ), where the second mean comes from
// persistent chains (Tieleman, ICML (2008)) or from a sum over states.
#include "learn/state.h"

#include "vmc/rng.h"

#include <math.h>
#include <string.h>

enum { STATES_NOW_AND_THEN = 1 << 14, LOOKS = 100 };

// ---- iterations

static void shuffle(struct learn *learn, size_t epoch)
{
    struct rng random;
    if (learn->order_epoch == epoch)
        return;
    rng_start(&random, learn->settings->run.seed, LEARN_STREAM_EPOCH + epoch);
    for (size_t k = 0; k < learn->n_train; k++)
        learn->order[k] = k;
    for (size_t k = learn->n_train - 1; k > 0; k--) {
        const size_t other = rng_next(&random) % (k + 1), kept = learn->order[k];
        learn->order[k] = learn->order[other];
        learn->order[other] = kept;
    }
    learn->order_epoch = epoch;
}

// Moments of the samples of this iteration, and the sum of ln p~ over them. What is left at the end of an epoch waits
// for no other: a batch lies within one epoch.
static double add_batch(struct learn *learn)
{
    const size_t per_epoch = learn->n_train / learn->batch, at = learn->iteration % per_epoch;
    if (learn->batch < learn->n_train)
        shuffle(learn, learn->iteration / per_epoch);
    return passes_samples(&learn->passes, learn->train,
                          learn->batch < learn->n_train ? learn->order + at * learn->batch : NULL, learn->batch,
                          learn->data_moments, NULL);
}

// The methods' own rates are those of energies. ln p bends more where the data are narrow: without a scale per
// parameter a tenth of the rate is stable where they are three times narrower in places than as a whole.
static double default_rate(const struct optimizer_type *method)
{
    return strcmp(method->name, "adam") == 0 ? method->learning_rate : 0.1 * method->learning_rate;
}

static double rate_at(const struct learn *learn)
{
    const struct settings_learn *own = learn->own;
    const double base = isnan(own->learning_rate) ? default_rate(learn->method) : own->learning_rate;
    const double t = (double)learn->iteration;
    switch ((enum settings_schedule)own->schedule) {
    case SCHEDULE_INVERSE: return base / (1 + own->decay * t);
    case SCHEDULE_COSINE: return 0.5 * base * (1 + cos(3.141592653589793 * t / (double)own->iterations));
    default: return base;
    }
}

// The mean over the model, and where it is summed ln Z as well.
static double add_model(struct learn *learn, double *acceptance)
{
    const struct settings_learn *own = learn->own;
    const double proposals = (double)(own->steps * own->chains * learn->m);
    if (!own->partition) {
        memset(learn->model_moments, 0, learn->passes.n_moments * sizeof(double));
        return 0;
    }
    if (own->negative == NEGATIVE_EXACT)
        return passes_states(&learn->passes, learn->n_states, learn->model_moments);
    const bool metropolis = own->negative == NEGATIVE_METROPOLIS;
    const double accepted = passes_chains(&learn->passes, metropolis ? PASSES_METROPOLIS : PASSES_GIBBS, own->steps,
                                          &learn->chains, learn->model_moments);
    if (metropolis)
        *acceptance = accepted / proposals;
    const size_t look = own->iterations / LOOKS + 1;
    return learn->n_states > 0 && learn->n_states <= STATES_NOW_AND_THEN && learn->iteration % look == 0
               ? passes_states(&learn->passes, learn->n_states, NULL)
               : NAN;
}

static bool step(struct learn *learn, double column[LEARN_COLUMNS], struct error *error)
{
    const size_t k = learn->n_parameters;
    const bool exact = learn->own->negative == NEGATIVE_EXACT;
    column[COLUMN_ACCEPTANCE] = NAN;
    if (!machine_prepare(&learn->machine, learn->theta))
        return error_add(error, ERROR_INTERNAL,
                         "parameters are no longer finite after %zu iterations; lower "
                         "learn.learning_rate, or give learn.clip",
                         learn->iteration);
    const double sum = add_batch(learn);
    const double ln_z = add_model(learn, &column[COLUMN_ACCEPTANCE]);
    const double model = exact || !learn->own->partition ? 1 : (double)learn->own->chains;
    machine_gradient(&learn->machine, learn->data_moments, (double)learn->batch, learn->data_gradient);
    memset(learn->gradient, 0, k * sizeof *learn->gradient);
    if (learn->own->partition)
        machine_gradient(&learn->machine, learn->model_moments, model, learn->gradient);
    double square = 0;
    for (size_t i = 0; i < k; i++) {
        learn->gradient[i] = learn->gradient[i] - learn->data_gradient[i] + learn->precision * learn->theta[i];
        square += learn->gradient[i] * learn->gradient[i];
    }
    if (!isfinite(square))
        return error_add(error, ERROR_INTERNAL,
                         "the gradient is no longer finite after %zu iterations; lower "
                         "learn.learning_rate, or give learn.clip",
                         learn->iteration);
    const double norm = sqrt(square),
                 shrink = learn->own->clip > 0 && norm > learn->own->clip ? learn->own->clip / norm : 1;
    for (size_t i = 0; i < k; i++)
        learn->gradient[i] *= shrink;
    const struct optimizer_step next = { .n_parameters = k,
                                         .iteration = learn->iteration,
                                         .rate = rate_at(learn),
                                         .gradient = learn->gradient,
                                         .memory = learn->memory,
                                         .theta = learn->theta,
                                         .n_samples = learn->batch,
                                         .damping = 1 };
    column[COLUMN_LOG_LIKELIHOOD] = sum / (double)learn->batch - ln_z - learn->ln_volume;
    column[COLUMN_GRADIENT_NORM] = norm;
    column[COLUMN_LEARNING_RATE] = next.rate;
    return learn->method->step(settings_state(learn->settings, SETTINGS_LEARNER), &next) ||
           error_add(error, ERROR_INTERNAL, "no step could be taken");
}

void learn_account(struct learn *learn)
{
    learn->result->iterations = learn->iteration;
    learn->result->wall_time = learn->wall_before + learn_wall() - learn->wall_start;
    learn->result->cpu_time = learn->cpu_before + learn_cpu() - learn->cpu_start;
}

// Saves where it is time, and whether to go on.
static bool boundary(struct learn *learn, struct error *error)
{
    const double now = learn_wall();
    if (learn_wants_stop(learn)) {
        learn_account(learn);
        learn->result->end = "stopped";
        return learn_publish(learn, "stopped", error) &&
               error_add(error, ERROR_STOPPED, "stopped after %zu of %zu iterations; go on with --resume",
                         learn->iteration, learn->own->iterations);
    }
    if (now - learn->saved < learn->settings->run.checkpoint_interval)
        return true;
    learn->saved = now;
    learn_account(learn);
    struct error why = { 0 };
    if (!learn_publish(learn, "running", &why))
        learn_note(learn, why.text);
    const bool lost = why.kind == ERROR_EXISTS;
    if (lost)
        error_add(error, why.kind, "%s", why.text);
    error_clear(&why);
    return !lost;
}

bool learn_iterate(struct learn *learn, struct error *error)
{
    const size_t most = learn->own->iterations * (learn->method->step ? 1 : learn->n_starts);
    double column[LEARN_COLUMNS];
    while (learn->iteration < most) {
        if (!boundary(learn, error))
            return false;
        if (learn->method->step ? !step(learn, column, error) : !learn_descend(learn, column))
            break;
        if (!learn_remember(learn, column, error))
            return false;
        learn->iteration++;
        if (learn->iteration % 16 == 0)
            learn_report(learn, LEARN_ITERATIONS, learn->iteration, most);
    }
    if (error && error->kind == ERROR_INTERNAL)
        return false;
    learn->result->end = learn->converged ? "converged" : "iterations";
    if (!learn->method->step && most > 0)
        learn_descend_finish(learn);
    for (size_t i = 0; i < learn->n_parameters; i++)
        if (!isfinite(learn->theta[i]))
            return error_add(error, ERROR_INTERNAL, "parameters are no longer finite; lower learn.learning_rate");
    return true;
}
