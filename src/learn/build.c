// SPDX-License-Identifier: GPL-3.0-or-later
// Builds one job: samples read, split, moved and scaled; the machine; memory.
//
// Real samples are moved and scaled to centre 0 and width 1, so that no default depends on units; parameters in the
// file are those of the samples as they came.
#include "learn/state.h"

#include "base/memory.h"
#include "vmc/record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 512, STATES_PER_ITERATION = 1 << 20 };

// ---- build

static uint64_t digest(const struct learn_data *data)
{
    uint64_t hash = 0xcbf29ce484222325;  // FNV-1a on words
    for (size_t k = 0; k < data->n * data->m; k++) {
        uint64_t word;
        memcpy(&word, &data->values[k], sizeof word);
        hash = (hash ^ word) * 0x100000001b3;
        hash ^= hash >> 29;
    }
    return hash ^ data->n ^ data->m << 32;
}

// A share of the samples, at random, for the end. The others stay in their order.
static bool split(struct learn *learn, const struct learn_data *data, struct error *error)
{
    const size_t held = (size_t)floor(learn->own->held_out * (double)data->n + 0.5), m = data->m;
    struct rng random;
    learn->n_held = held < data->n - 1 ? held : data->n - 2;
    learn->n_train = data->n - learn->n_held;
    learn->train = malloc(learn->n_train * m * sizeof(double));
    learn->held = malloc((learn->n_held * m + 1) * sizeof(double));
    if (!learn->train || !learn->held)
        return error_add(error, ERROR_INTERNAL, "no memory for %zu samples", data->n);
    rng_start(&random, learn->settings->run.seed, LEARN_STREAM_SPLIT);
    size_t left = learn->n_held, train = 0, out = 0;
    for (size_t k = 0; k < data->n; k++) {
        const bool take = left > 0 && rng_uniform(&random) * (double)(data->n - k) < (double)left;
        memcpy(take ? learn->held + out++ * m : learn->train + train++ * m, data->values + k * m, m * sizeof(double));
        left -= take;
    }
    return true;
}

static void standardise(struct learn *learn, double *samples, size_t n)
{
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < learn->m; i++)
            samples[k * learn->m + i] = (samples[k * learn->m + i] - learn->centre[i]) / learn->scale[i];
}

// Means of coordinates, and one width for all, or one per dimension.
static bool find_scale(struct learn *learn, size_t dimensions, size_t widths, struct error *error)
{
    double square[MACHINE_WIDTHS_MOST] = { 0 };
    learn->centre = calloc(learn->m, sizeof(double));
    learn->scale = calloc(learn->m, sizeof(double));
    if (!learn->centre || !learn->scale)
        return error_add(error, ERROR_INTERNAL, "not enough memory");
    for (size_t i = 0; i < learn->m; i++) {
        double sum = 0;
        learn->scale[i] = 1;
        if (learn->own->visible != MACHINE_GAUSSIAN)
            continue;
        learn->centre[i] = learn_column_mean(learn->train, learn->n_train, learn->m, i);
        for (size_t k = 0; k < learn->n_train; k++)
            sum += pow(learn->train[k * learn->m + i] - learn->centre[i], 2);
        square[widths == 1 ? 0 : i % dimensions] += sum / (double)learn->n_train;
    }
    const double shared = (double)learn->m / (double)widths;
    for (size_t i = 0; i < learn->m && learn->own->visible == MACHINE_GAUSSIAN; i++) {
        learn->scale[i] = sqrt(square[widths == 1 ? 0 : i % dimensions] / shared);
        learn->ln_volume += log(learn->scale[i]);
    }
    for (size_t i = 0; i < learn->m; i++)
        if (!(learn->scale[i] > 0 && isfinite(learn->scale[i]) && isfinite(learn->centre[i])))
            return error_add(error, ERROR_INPUT, "%s: column %zu has no finite spread among the samples to learn from",
                             learn->own->data, i + 1);
    standardise(learn, learn->train, learn->n_train);
    standardise(learn, learn->held, learn->n_held);
    return true;
}

// Two spins that are always equal, or always opposite, want an infinite coupling.
static bool check_spins(struct learn *learn, struct error *error)
{
    for (size_t i = 0; i < learn->m; i++)
        for (size_t k = i + 1; k < learn->m; k++) {
            double sum = 0;
            for (size_t s = 0; s < learn->n_train; s++)
                sum += learn->train[s * learn->m + i] * learn->train[s * learn->m + k];
            if (fabs(sum) == (double)learn->n_train)
                return error_add(error, ERROR_INPUT,
                                 "%s: columns %zu and %zu are %s in all samples, so that the likelihood grows with "
                                 "their coupling for ever; give a width to hold it, learn.prior = 1",
                                 learn->own->data, i + 1, k + 1, sum > 0 ? "equal" : "opposite");
        }
    return true;
}

static bool find_shape(const struct learn *learn, const struct learn_data *data, struct machine_shape *shape,
                       struct error *error)
{
    const struct settings_learn *own = learn->own;
    const bool gaussian = own->visible == MACHINE_GAUSSIAN;
    const size_t dimensions = own->dimensions != PARAM_COUNT_AUTO                           ? own->dimensions
                              : data->dimensions > 0 && data->dimensions <= DIMENSIONS_MOST ? data->dimensions
                                                                                            : 1;
    *shape = (struct machine_shape){ .kind = (enum machine_kind)own->visible,
                                     .visible = data->m,
                                     .hidden = own->visible == MACHINE_SPINS ? 0 : own->hidden,
                                     .copies = gaussian && own->representation == LEARN_AMPLITUDE ? 2 : 1,
                                     .dimensions = gaussian ? dimensions : 1 };
    if (own->visible == MACHINE_SPINS && data->m < 2)
        return error_add(error, ERROR_INPUT, "%s: has one column; spins are coupled in pairs, so two are needed",
                         own->data);
    if (gaussian && data->m % dimensions != 0)
        return error_add(error, ERROR_CONFIG, "[learn] dimensions = %zu: %zu coordinates are no multiple of it",
                         dimensions, data->m);
    if (gaussian && own->sigma.n > 1 && own->sigma.n != dimensions)
        return error_add(error, ERROR_CONFIG,
                         "[learn] sigma: %zu values for %zu dimensions; give one value, or one per dimension",
                         own->sigma.n, dimensions);
    return true;
}

static bool check_states(struct learn *learn, struct error *error)
{
    const struct machine_shape *shape = &learn->machine.shape;
    learn->n_states = machine_states(shape);
    if (learn->own->negative != NEGATIVE_EXACT || (learn->n_states > 0 && learn->n_states <= STATES_PER_ITERATION))
        return true;
    return error_add(error, ERROR_CONFIG,
                     "[learn] negative = exact: %zu visible and %zu hidden units have more than %d states of their "
                     "smaller layer; use fewer units, or negative = gibbs",
                     shape->visible, shape->hidden, STATES_PER_ITERATION);
}

// A width in units of the scaled samples, where it is not learned.
static void fix_widths(const struct learn *learn, struct machine_shape *shape)
{
    const struct param_reals *given = &learn->own->sigma;
    for (size_t d = 0; d < shape->dimensions; d++)
        shape->sigma[d] = given->n == 0 ? sqrt((double)shape->copies)
                                        : given->value[given->n == 1 ? 0 : d] / learn->scale[d];
}

// Of one training sample. The estimate has no prior unless one is given, or nothing else holds the parameters.
double learn_prior_precision(const struct learn *learn, bool posterior)
{
    const struct settings_learn *own = learn->own;
    const double width = isnan(own->prior) ? 1 : own->prior;
    return !isnan(own->prior) || posterior || !own->partition ? 1 / (width * width * (double)learn->n_train) : 0;
}

static bool take_memory(struct learn *learn, struct error *error)
{
    const size_t k = learn->n_parameters, moments = learn->passes.n_moments;
    const void *state = settings_state(learn->settings, SETTINGS_LEARNER);
    learn->n_memory = learn->method->step ? learn->method->n_memory(state, k) : learn_descend_memory(k);
    learn->theta = memory_doubles(k);
    learn->gradient = memory_doubles(k);
    learn->data_gradient = memory_doubles(k);
    learn->scratch = memory_doubles(3 * k);
    learn->memory = memory_doubles(learn->n_memory);
    learn->data_moments = memory_doubles(moments);
    learn->model_moments = memory_doubles(moments);
    learn->order = malloc(learn->n_train * sizeof *learn->order);
    learn->order_epoch = SIZE_MAX;
    if (!learn->theta || !learn->gradient || !learn->data_gradient || !learn->scratch || !learn->memory ||
        !learn->data_moments || !learn->model_moments || !learn->order)
        return error_add(error, ERROR_INTERNAL, "no memory to learn a machine of %zu parameters", k);
    return learn->own->negative == NEGATIVE_EXACT ||
           chains_build(&learn->chains, &learn->machine.shape, learn->own->chains, learn->settings->run.seed, 0, error);
}

// Chains start at samples, which lie where the model will put its weight.
static void start_chains(struct learn *learn)
{
    struct rng random;
    rng_start(&random, learn->settings->run.seed, LEARN_STREAM_SPLIT + 1);
    for (size_t b = 0; b < learn->chains.n_blocks; b++)
        for (size_t w = 0; w < 32; w++) {
            const double *sample = learn->train + rng_next(&random) % learn->n_train * learn->m;
            for (size_t i = 0; i < learn->m; i++)
                chains_x(&learn->chains, b)[i * 32 + w] = sample[i];
        }
}

bool learn_build(struct learn *learn, struct error *error)
{
    const struct settings_learn *own = learn->own;
    struct learn_data data;
    struct machine_shape shape;
    learn->created = calloc(32, 1);
    if (!learn->created)
        return error_add(error, ERROR_INTERNAL, "no memory to begin with");
    if (!learn_data_read(&data, own->data ? own->data : "", learn->options->config, (enum machine_kind)own->visible,
                         error))
        return false;
    record_now(learn->created);
    learn->m = data.m;
    learn->digest = digest(&data);
    bool good = find_shape(learn, &data, &shape, error) && split(learn, &data, error);
    learn_data_finish(&data);
    const size_t widths = own->visible != MACHINE_GAUSSIAN ? 0 : own->sigma.n > 1 ? own->sigma.n : 1;
    good = good && find_scale(learn, shape.dimensions, widths > 0 ? widths : 1, error);
    if (!good)
        return false;
    learn->precision = learn_prior_precision(learn, false);
    if (own->visible == MACHINE_SPINS && learn->precision == 0 && !check_spins(learn, error))
        return false;
    shape.widths = own->train_sigma ? widths : 0;
    fix_widths(learn, &shape);
    if (!machine_build(&learn->machine, &shape, error) || !check_states(learn, error) ||
        !passes_build(&learn->passes, &learn->machine, learn->options->threads, error))
        return false;
    learn->n_parameters = learn->machine.n_parameters;
    learn->method = settings_learner(settings_index(learn->settings, SETTINGS_LEARNER));
    learn->n_starts = learn->method->step || shape.hidden == 0 ? 1 : own->starts;
    const size_t batch = own->samples != PARAM_COUNT_AUTO  ? own->samples
                         : own->negative == NEGATIVE_EXACT ? learn->n_train
                                                           : BATCH;
    learn->batch = batch < learn->n_train ? batch : learn->n_train;
    if (!take_memory(learn, error))
        return false;
    *learn->result = (struct learn_result){ .n_train = learn->n_train,
                                            .n_held_out = learn->n_held,
                                            .n_visible = learn->m,
                                            .n_hidden = shape.hidden,
                                            .n_parameters = learn->n_parameters,
                                            .acceptance = NAN,
                                            .gradient_norm = NAN,
                                            .train = NAN,
                                            .train_error = NAN,
                                            .held_out = NAN,
                                            .held_out_error = NAN,
                                            .posterior_acceptance = NAN,
                                            .partition = { .ln_z = NAN, .error = NAN, .effective_chains = NAN } };
    learn_start(learn, 0, learn->theta);
    start_chains(learn);
    const bool good_start = machine_prepare(&learn->machine, learn->theta);
    passes_draw_hidden(&learn->passes, &learn->chains);
    return good_start || error_add(error, ERROR_INTERNAL, "the parameters to start from are not finite");
}

void learn_finish(struct learn *learn)
{
    double *const rows[] = { learn->theta,  learn->gradient,     learn->data_gradient, learn->scratch,
                             learn->memory, learn->data_moments, learn->model_moments };
    void *const plain[] = { learn->train, learn->held,    learn->centre,   learn->scale,
                            learn->order, learn->created, learn->posterior };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        memory_free(rows[k]);
    for (size_t k = 0; k < sizeof plain / sizeof *plain; k++)
        free(plain[k]);
    for (size_t c = 0; c < LEARN_COLUMNS; c++)
        free(learn->history[c]);
    chains_finish(&learn->chains);
    passes_finish(&learn->passes);
    machine_finish(&learn->machine);
}
