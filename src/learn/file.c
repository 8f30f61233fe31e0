// SPDX-License-Identifier: GPL-3.0-or-later
// What vmc learn leaves behind: a results file like that of a run, whose /wavefunction group can be loaded.
#include "learn/state.h"

#include "base/memory.h"
#include "version.h"
#include "vmc/level.h"
#include "vmc/record.h"
#include "vmc/rng.h"
#include "vmc/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 256, POSTERIOR_VALUES_MOST = 1250000 };

// ---- the machine in the coordinates of the samples

// With x = centre + scale y and the same theta_j: sigma_x = scale sigma_y, w_x = scale w_y, a_x = centre + scale a_y,
// b_x = b_y - sum_i centre_i w_x,ij / sigma_x,i^2.
struct physical {
    double *a, *b, *w, *sigma;  // owned: [M], [N], [M, N] (spins: [M, M]), [D]
};

static void physical_finish(struct physical *physical)
{
    free(physical->a);
    free(physical->b);
    free(physical->w);
    free(physical->sigma);
}

static void take_spins(const struct learn *learn, struct physical *physical)
{
    const double *w = learn->theta;
    for (size_t i = 0; i < learn->m; i++)
        for (size_t k = i + 1; k < learn->m; k++)
            physical->w[i * learn->m + k] = physical->w[k * learn->m + i] = *w++;
}

static void take_layers(const struct learn *learn, struct physical *physical)
{
    const struct machine_shape *shape = &learn->machine.shape;
    const size_t m = shape->visible, n = shape->hidden;
    const double *theta = learn->theta, *width = theta + m + n + m * n;
    for (size_t d = 0; d < shape->dimensions; d++)
        physical->sigma[d] = learn->scale[d] *
                             (shape->widths > 0 ? exp(width[shape->widths == 1 ? 0 : d]) : shape->sigma[d]);
    for (size_t j = 0; j < n; j++)
        physical->b[j] = theta[m + j];
    for (size_t i = 0; i < m; i++) {
        const double sigma = physical->sigma[i % shape->dimensions];
        physical->a[i] = learn->centre[i] + learn->scale[i] * theta[i];
        for (size_t j = 0; j < n; j++) {
            const double w = physical->w[i * n + j] = learn->scale[i] * theta[m + n + i * n + j];
            if (shape->kind == MACHINE_GAUSSIAN)
                physical->b[j] -= learn->centre[i] * w / (sigma * sigma);
        }
    }
}

static bool physical_take(const struct learn *learn, struct physical *physical, struct error *error)
{
    const struct machine_shape *shape = &learn->machine.shape;
    const bool spins = shape->kind == MACHINE_SPINS;
    const size_t m = shape->visible, n = shape->hidden;
    *physical = (struct physical){ calloc(m, sizeof(double)), calloc(n + 1, sizeof(double)),
                                   calloc(m * (spins ? m : n) + 1, sizeof(double)),
                                   calloc(MACHINE_WIDTHS_MOST, sizeof(double)) };
    if (!physical->a || !physical->b || !physical->w || !physical->sigma)
        return error_add(error, ERROR_INTERNAL, "no memory to write the results");
    (spins ? take_spins : take_layers)(learn, physical);
    return true;
}

static void add_machine(struct record *record, const struct learn *learn, const struct physical *physical)
{
    const struct machine_shape *shape = &learn->machine.shape;
    const bool gaussian = shape->kind == MACHINE_GAUSSIAN, spins = shape->kind == MACHINE_SPINS;
    const char *group = gaussian ? "/wavefunction/rbm" : "/machine", *unit = gaussian ? UNIT_LENGTH : "1";
    const struct record_axis visible = { "coordinate", shape->visible, "1", "coordinate", NULL },
                             hidden = { "hidden", shape->hidden, "1", "hidden unit", NULL },
                             other = { "partner", shape->visible, "1", "coordinate", NULL },
                             dimension = { "dimension", shape->dimensions, "1", "dimension", NULL };
    char path[4][PATH_SIZE];
    static const char *const names[] = { "a", "b", "w", "sigma" };
    for (size_t k = 0; k < 4; k++)
        snprintf(path[k], PATH_SIZE, "%s/%s", group, names[k]);
    const struct record_array arrays[] = {
        { path[0], unit, "visible biases", 1, { visible }, physical->a },
        { path[1], "1", "hidden biases", 1, { hidden }, physical->b },
        { path[2],
          unit,
          spins ? "couplings" : "weights between coordinates and hidden units",
          2,
          { visible, spins ? other : hidden },
          physical->w },
        { path[3], unit, "width of the Gaussian per dimension", 1, { dimension }, physical->sigma },
    };
    for (size_t k = 0; k < 4; k++)
        if (spins ? k == 2 : gaussian || k < 3)
            record_add_array(record, &arrays[k]);
    if (gaussian) {
        record_add_attribute(record, group, "representation", shape->copies == 2 ? "amplitude" : "probability");
        for (size_t k = 0; k < 3; k += 2)
            record_add_coordinates(record, path[k], shape->visible / shape->dimensions, shape->dimensions);
    } else {
        record_add_attribute(record, group, "visible", machine_kind_name(shape->kind));
    }
}

// ---- the other groups

static void add_setting(const struct settings_value *value, void *context)
{
    record_add_setting(context, value->section, value->row, value->state);
}

static void add_config(struct record *record, const struct learn *learn)
{
    char *resolved = settings_print(learn->settings);
    record_add_text(record, "/config/text", "the configuration as it was read",
                    learn->options->config_text ? learn->options->config_text : "");
    record_add_text(record, "/config/resolved", "the configuration with every default filled in",
                    resolved ? resolved : "");
    free(resolved);
    settings_each(learn->settings, add_setting, record);
}

static void add_provenance(struct record *record, const struct learn *learn)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    record_add_text(record, "/provenance/git_revision", "revision of the source", VMC_GIT_REVISION);
    record_add_text(record, "/provenance/compiler", "compiler", VMC_COMPILER);
    record_add_text(record, "/provenance/flags", "compiler flags", VMC_FLAGS);
    record_add_text(record, "/provenance/hdf5_version", "HDF5 library", record_hdf5_version());
    record_add_text(record, "/provenance/host", "machine", host);
    record_add_text(record, "/provenance/instruction_set", "x86-64 level of the kernels", level_name());
    record_add_count(record, "/provenance/threads", "1", "threads", learn->options->threads);
    record_add_count(record, "/provenance/seed", "1", "seed of the random numbers", learn->settings->run.seed);
    record_add_real(record, "/provenance/wall_time", "s", "wall time", learn->result->wall_time);
    record_add_real(record, "/provenance/cpu_time", "s", "CPU time of all threads", learn->result->cpu_time);
}

static const struct {
    const char *path, *long_name;
} columns[LEARN_COLUMNS] = {
    [COLUMN_LOG_LIKELIHOOD] = { "/training/log_likelihood",
                                "ln p per sample of the iteration, before the step; NaN where ln Z was not summed" },
    [COLUMN_GRADIENT_NORM] = { "/training/gradient_norm", "norm of the gradient" },
    [COLUMN_LEARNING_RATE] = { "/training/learning_rate", "learning rate; NaN: found by a line search" },
    [COLUMN_ACCEPTANCE] = { "/training/acceptance", "accepted share of Metropolis proposals; NaN without them" },
};

static void add_training(struct record *record, const struct learn *learn)
{
    const struct record_axis iteration = { "iteration", learn->n_history, "1", "iteration", NULL };
    for (size_t c = 0; c < LEARN_COLUMNS && learn->n_history > 0; c++)
        record_add_array(record, &(struct record_array){
                                     columns[c].path, "1", columns[c].long_name, 1, { iteration }, learn->history[c] });
    record_add_text(record, "/training/end", "why learning ended: converged, iterations or stopped",
                    learn->result->end ? learn->result->end : "");
}

static const struct {
    const char *name;
    size_t offset;
    const char *long_name;
} numbers[] = {
    { "log_likelihood", offsetof(struct learn_result, train), "ln p per training sample" },
    { "log_likelihood_error", offsetof(struct learn_result, train_error), "its standard error, from the samples" },
    { "held_out", offsetof(struct learn_result, held_out), "ln p per held-out sample" },
    { "held_out_error", offsetof(struct learn_result, held_out_error), "its standard error, from the samples" },
    { "ln_partition", offsetof(struct learn_result, partition.ln_z), "ln Z; of real samples scaled to width 1" },
    { "ln_partition_error", offsetof(struct learn_result, partition.error), "its standard error; 0: summed exactly" },
    { "effective_chains", offsetof(struct learn_result, partition.effective_chains),
      "of annealed importance sampling; NaN: ln Z was summed" },
    { "acceptance", offsetof(struct learn_result, acceptance), "accepted share of Metropolis proposals" },
    { "posterior_acceptance", offsetof(struct learn_result, posterior_acceptance), "of Hamiltonian Monte Carlo" },
};
static const struct {
    const char *name;
    size_t offset;
    const char *long_name;
} counts[] = {
    { "n_train", offsetof(struct learn_result, n_train), "samples learned from" },
    { "n_held_out", offsetof(struct learn_result, n_held_out), "samples held out" },
    { "n_visible", offsetof(struct learn_result, n_visible), "visible units" },
    { "n_hidden", offsetof(struct learn_result, n_hidden), "hidden units" },
    { "n_parameters", offsetof(struct learn_result, n_parameters), "parameters" },
    { "iterations", offsetof(struct learn_result, iterations), "iterations done" },
};
enum { NUMBERS = sizeof numbers / sizeof *numbers, COUNTS = sizeof counts / sizeof *counts };

static const struct {
    const char *name;
    size_t offset;
    const char *long_name;
} vectors[] = {
    { "estimate", offsetof(struct learn_result, estimate), "estimates of the parameters" },
    { "mean", offsetof(struct learn_result, mean), "posterior means" },
    { "mean_error", offsetof(struct learn_result, mean_error), "their standard errors" },
    { "width", offsetof(struct learn_result, width), "posterior standard deviations" },
    { "width_error", offsetof(struct learn_result, width_error), "their standard errors" },
    { "r_hat", offsetof(struct learn_result, r_hat), "rank-normalised split R-hat" },
};
enum { VECTORS = sizeof vectors / sizeof *vectors };

static double *real_at(struct learn_result *result, size_t offset)
{
    return (double *)(void *)((char *)result + offset);
}
static double **vector_at(struct learn_result *result, size_t offset)
{
    return (double **)(void *)((char *)result + offset);
}
static size_t *count_at(struct learn_result *result, size_t offset)
{
    return (size_t *)(void *)((char *)result + offset);
}

static void add_result(struct record *record, const struct learn *learn)
{
    struct learn_result *result = learn->result;
    char path[PATH_SIZE];
    for (size_t k = 0; k < COUNTS; k++) {
        snprintf(path, sizeof path, "/result/%s", counts[k].name);
        record_add_count(record, path, "1", counts[k].long_name, *count_at(result, counts[k].offset));
    }
    for (size_t k = 0; k < NUMBERS; k++) {
        snprintf(path, sizeof path, "/result/%s", numbers[k].name);
        record_add_real(record, path, "1", numbers[k].long_name, *real_at(result, numbers[k].offset));
    }
    const struct record_axis parameter = { "parameter", result->n_couplings, "1", "parameter", NULL };
    for (size_t k = 0; k < VECTORS && result->n_couplings > 0; k++) {
        const double *values = *vector_at(result, vectors[k].offset);
        snprintf(path, sizeof path, "/posterior/%s", vectors[k].name);
        if (values)
            record_add_array(record,
                             &(struct record_array){ path, "1", vectors[k].long_name, 1, { parameter }, values });
    }
    const size_t draws = learn->posterior_draws, chains = learn->posterior_chains;
    if (learn->posterior && learn->n_parameters * draws * chains <= POSTERIOR_VALUES_MOST)
        record_add_array(record, &(struct record_array){ "/posterior/samples",
                                                         "1",
                                                         "samples of the parameters",
                                                         3,
                                                         { parameter,
                                                           { "chain", chains, "1", "chain", NULL },
                                                           { "draw", draws, "1", "draw of a chain", NULL } },
                                                         learn->posterior });
}

// ---- the checkpoint: arrays of doubles, and the words of the random streams

struct kept {
    const char *path, *long_name;
    double *values;
    size_t n;
};
enum { KEPT_MOST = 4 };

static size_t list_kept(const struct learn *learn, struct kept kept[KEPT_MOST])
{
    const struct chains *chains = &learn->chains;
    size_t n = 0;
    kept[n++] = (struct kept){ "/checkpoint/theta", "parameters in use", learn->theta, learn->n_parameters };
    kept[n++] = (struct kept){ "/checkpoint/optimizer", "memory of the optimiser", learn->memory, learn->n_memory };
    kept[n++] = (struct kept){ "/checkpoint/visible", "visible units of the chains", chains->x,
                               chains->n_blocks * chains->n_rows * 32 };
    kept[n++] = (struct kept){ "/checkpoint/hidden", "hidden units of the chains", chains->h,
                               chains->n_blocks * chains->n_hidden * 32 };
    return n;
}

static void add_checkpoint(struct record *record, const struct learn *learn)
{
    struct kept kept[KEPT_MOST];
    const size_t n = list_kept(learn, kept), words = learn->chains.n_blocks * RNG_ROWS * 32;
    for (size_t k = 0; k < n; k++) {
        char axis[PATH_SIZE];
        snprintf(axis, sizeof axis, "%s_value", strrchr(kept[k].path, '/') + 1);
        if (kept[k].n > 0)
            record_add_array(record, &(struct record_array){ kept[k].path,
                                                             "1",
                                                             kept[k].long_name,
                                                             1,
                                                             { { axis, kept[k].n, "1", "position", NULL } },
                                                             kept[k].values });
    }
    if (words > 0)
        record_add_words(record,
                         &(struct record_array){ "/checkpoint/random",
                                                 "1",
                                                 "states of the random streams",
                                                 1,
                                                 { { "word", words, "1", "position", NULL } },
                                                 NULL },
                         learn->chains.random);
    record_add_words(
        record,
        &(struct record_array){
            "/checkpoint/digest", "1", "digest of the samples", 1, { { "one", 1, "1", "position", NULL } }, NULL },
        &learn->digest);
    record_add_count(record, "/checkpoint/iteration", "1", "iterations done", learn->iteration);
    record_add_count(record, "/checkpoint/history", "1", "iterations remembered", learn->n_history);
    record_add_count(record, "/checkpoint/converged", "1", "1: nothing is left to gain", learn->converged);
}

bool learn_publish(struct learn *learn, const char *status, struct error *error)
{
    struct record *record = record_create();
    struct physical physical = { NULL };
    bool good = record ? physical_take(learn, &physical, error)
                       : error_add(error, ERROR_INTERNAL, "no memory to write the results");
    if (good) {
        record_add_heading(record, status, learn->created, learn->options->command ? learn->options->command : "vmc");
        add_config(record, learn);
        add_provenance(record, learn);
        add_training(record, learn);
        add_machine(record, learn, &physical);
        add_result(record, learn);
        add_checkpoint(record, learn);
        good = learn->options->lock ? record_publish_locked(record, learn->options->output, learn->options->lock, error)
                                    : record_publish(record, learn->options->output, error);
    }
    physical_finish(&physical);
    record_destroy(record);
    return good;
}

// ---- going on

struct comparison {
    const struct learn *learn;
    struct record_file *file;
    struct error *error;
    bool differs, grew;
};

static void compare(const struct settings_value *value, void *context)
{
    struct comparison *comparison = context;
    char text[PARAM_TEXT_SIZE], path[PATH_SIZE];
    if (comparison->differs || strcmp(value->row->key, "checkpoint_interval") == 0)
        return;
    param_print(value->row, value->state, text);
    snprintf(path, sizeof path, "/config/%s/%s", value->section, value->row->key);
    char *stored = record_has(comparison->file, path) ? record_read_attribute(comparison->file, path, "text", NULL)
                                                      : NULL;
    const bool more = strcmp(value->row->key, "iterations") == 0 && stored && strtod(text, NULL) > strtod(stored, NULL);
    if (stored && strcmp(stored, text) != 0 && !more) {
        comparison->differs = true;
        error_add(comparison->error, ERROR_CONFIG,
                  "[%s] %s = %s, but %s was begun with %s; give that value, or choose another --output", value->section,
                  value->row->key, text, comparison->learn->options->output, stored);
    }
    comparison->grew = comparison->grew || more;
    free(stored);
}

static bool read_history(struct learn *learn, struct record_file *file, struct error *error)
{
    uint64_t n;
    double none[LEARN_COLUMNS] = { 0 };
    if (!record_read_count(file, "/checkpoint/history", &n, error))
        return false;
    size_t rank, extent[3] = { 0 };
    if (n > 0 && !record_shape(file, columns[0].path, &rank, extent, error))
        return false;
    if (n > extent[0])
        return error_add(error, ERROR_DAMAGED, "%s: its history is shorter than its checkpoint says",
                         learn->options->output);
    for (uint64_t k = 0; k < n; k++)
        if (!learn_remember(learn, none, error))
            return false;
    for (size_t c = 0; c < LEARN_COLUMNS && n > 0; c++)
        if (!record_read_reals(file, columns[c].path, n, learn->history[c], error))
            return false;
    return true;
}

static bool read_checkpoint(struct learn *learn, struct record_file *file, struct error *error)
{
    struct kept kept[KEPT_MOST];
    const size_t n = list_kept(learn, kept), words = learn->chains.n_blocks * RNG_ROWS * 32;
    uint64_t iteration, converged, digest;
    if (!record_read_words(file, "/checkpoint/digest", 1, &digest, error))
        return false;
    if (digest != learn->digest)
        return error_add(error, ERROR_CONFIG, "%s: the samples are others than those %s was begun with",
                         learn->own->data, learn->options->output);
    bool good = record_read_count(file, "/checkpoint/iteration", &iteration, error) &&
                record_read_count(file, "/checkpoint/converged", &converged, error) &&
                record_read_reals(file, "/provenance/wall_time", 1, &learn->wall_before, error) &&
                record_read_reals(file, "/provenance/cpu_time", 1, &learn->cpu_before, error);
    for (size_t k = 0; good && k < n; k++)
        good = kept[k].n == 0 || record_read_reals(file, kept[k].path, kept[k].n, kept[k].values, error);
    good = good && (words == 0 || record_read_words(file, "/checkpoint/random", words, learn->chains.random, error)) &&
           read_history(learn, file, error);
    learn->iteration = good ? (size_t)iteration : 0;
    learn->converged = good && converged;
    return good;
}

// Results of a job, the times and the end left out.
static bool read_result(struct learn_result *result, struct record_file *file, struct error *error)
{
    char path[PATH_SIZE];
    bool good = true;
    for (size_t k = 0; good && k < COUNTS; k++) {
        uint64_t value;
        snprintf(path, sizeof path, "/result/%s", counts[k].name);
        if ((good = record_read_count(file, path, &value, error)))
            *count_at(result, counts[k].offset) = (size_t)value;
    }
    for (size_t k = 0; good && k < NUMBERS; k++) {
        snprintf(path, sizeof path, "/result/%s", numbers[k].name);
        good = record_read_reals(file, path, 1, real_at(result, numbers[k].offset), error);
    }
    result->partition.exact = result->partition.error == 0;
    const bool sampled = record_has(file, "/posterior/mean"),
               estimated = sampled || record_has(file, "/posterior/estimate");
    for (size_t k = 0; good && k < VECTORS; k++) {
        snprintf(path, sizeof path, "/posterior/%s", vectors[k].name);
        if (k == 0 ? !estimated : !sampled)
            continue;
        double *values = *vector_at(result, vectors[k].offset) = calloc(result->n_parameters, sizeof *values);
        result->n_couplings = result->n_parameters;
        good = (values || error_add(error, ERROR_INTERNAL, "no memory to read %s", path)) &&
               record_read_reals(file, path, result->n_parameters, values, error);
    }
    return good;
}

bool learn_read(const char *path, struct learn_reading *reading, struct error *error)
{
    struct config config = { .job = CONFIG_LEARN };
    struct learn_result *result = &reading->result;
    struct record_file *file = record_open(path, false, error);
    *reading = (struct learn_reading){ .status = NULL };
    char *resolved = file ? record_read_text(file, "/config/resolved", error) : NULL;
    bool good = resolved && config_parse(&config, path, resolved, strlen(resolved), error);
    config.job = CONFIG_LEARN;
    good = good && settings_build(&reading->settings, &config, error, NULL);
    reading->built = good;
    good = good && read_result(result, file, error) &&
           record_read_reals(file, "/provenance/wall_time", 1, &result->wall_time, error) &&
           record_read_reals(file, "/provenance/cpu_time", 1, &result->cpu_time, error) &&
           (reading->status = record_read_attribute(file, "/", "status", error)) &&
           (reading->created = record_read_attribute(file, "/", "created", error)) &&
           (reading->version = record_read_attribute(file, "/", "version", error)) &&
           (reading->end = record_read_text(file, "/training/end", error));
    result->end = reading->end;
    config_finish(&config);
    free(resolved);
    record_close(file);
    if (!good)
        learn_reading_finish(reading);
    return good;
}

void learn_reading_finish(struct learn_reading *reading)
{
    learn_result_finish(&reading->result);
    if (reading->built)
        settings_finish(&reading->settings);
    free(reading->status);
    free(reading->created);
    free(reading->version);
    free(reading->end);
    *reading = (struct learn_reading){ .status = NULL };
}

enum learn_resumed learn_resume(struct learn *learn, struct error *error)
{
    if (access(learn->options->output, F_OK) != 0) {
        if (learn->options->note)
            learn->options->note("there is no file to resume from; starting afresh", learn->options->context);
        return LEARN_FRESH;
    }
    struct record_file *file = record_open(learn->options->output, false, error);
    struct comparison comparison = { .learn = learn, .file = file, .error = error };
    char *status = file ? record_read_attribute(file, "/", "status", error) : NULL;
    bool good = status != NULL;
    if (good && !record_has(file, "/checkpoint/digest"))
        good = error_add(error, ERROR_CONFIG, "%s: is no file of vmc learn; choose another --output",
                         learn->options->output);
    if (good) {
        settings_each(learn->settings, compare, &comparison);
        good = !comparison.differs && read_checkpoint(learn, file, error);
    }
    const bool complete = good && strcmp(status, "complete") == 0 && (!comparison.grew || learn->converged);
    if (complete) {
        good = read_result(learn->result, file, error);
        learn->result->end = learn->converged ? "converged" : "iterations";
        learn->result->wall_time = learn->wall_before;
        learn->result->cpu_time = learn->cpu_before;
    }
    char *created = good ? record_read_attribute(file, "/", "created", NULL) : NULL;
    if (created) {
        free(learn->created);
        learn->created = created;
    }
    free(status);
    record_close(file);
    return !good ? LEARN_FAILED : complete ? LEARN_COMPLETE : LEARN_CONTINUED;
}
