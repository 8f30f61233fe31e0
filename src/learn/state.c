// SPDX-License-Identifier: GPL-3.0-or-later
// What all files of this room stand on: clocks, callbacks, the history, the objective and where it starts.
#include "learn/state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double learn_wall(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double learn_cpu(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

bool learn_wants_stop(struct learn *learn)
{
    const struct learn_options *options = learn->options;
    return (options->stop && options->stop(options->context)) || learn_wall() >= learn->deadline;
}

void learn_report(struct learn *learn, enum learn_phase phase, size_t done, size_t total)
{
    const double *known = learn->history[COLUMN_LOG_LIKELIHOOD], spent = learn_wall() - learn->wall_start;
    if (!learn->options->progress)
        return;
    struct learn_progress now = { phase, done, total, NAN, NAN };
    for (size_t k = learn->n_history; k > 0 && isnan(now.log_likelihood); k--)
        now.log_likelihood = known[k - 1];
    if (done > 0 && phase == LEARN_ITERATIONS)
        now.seconds_left = spent / (double)done * (double)(total - done);
    learn->options->progress(&now, learn->options->context);
}

void learn_note(const struct learn *learn, const char *text)
{
    if (learn->options->note)
        learn->options->note(text, learn->options->context);
}

bool learn_remember(struct learn *learn, const double column[LEARN_COLUMNS], struct error *error)
{
    if (learn->n_history == learn->history_room) {
        const size_t room = learn->history_room > 0 ? 2 * learn->history_room : 1024;
        for (size_t c = 0; c < LEARN_COLUMNS; c++) {
            double *more = realloc(learn->history[c], room * sizeof *more);
            if (!more)
                return error_add(error, ERROR_INTERNAL, "no memory for the history of %zu iterations", room);
            learn->history[c] = more;
        }
        learn->history_room = room;
    }
    for (size_t c = 0; c < LEARN_COLUMNS; c++)
        learn->history[c][learn->n_history] = column[c];
    learn->n_history++;
    return true;
}

// ---- objective

double learn_objective(struct learn *learn, const double *theta, double *gradient)
{
    const size_t k = learn->n_parameters;
    double value = 0, ln_z = 0;
    if (!machine_prepare(&learn->machine, theta))
        return -INFINITY;
    if (!learn->data_known)
        value = passes_samples(&learn->passes, learn->train, NULL, learn->n_train, learn->data_moments, NULL) /
                (double)learn->n_train;
    machine_gradient(&learn->machine, learn->data_moments, (double)learn->n_train, gradient);
    // spins: ln p~ is linear in the couplings
    for (size_t i = 0; learn->data_known && i < k; i++)
        value += theta[i] * gradient[i];
    learn->data_known = learn->machine.shape.kind == MACHINE_SPINS;
    if (learn->own->partition) {
        ln_z = passes_states(&learn->passes, learn->n_states, learn->model_moments);
        machine_gradient(&learn->machine, learn->model_moments, 1, learn->data_gradient);
    }
    for (size_t i = 0; i < k; i++) {
        gradient[i] -= (learn->own->partition ? learn->data_gradient[i] : 0) + learn->precision * theta[i];
        value -= 0.5 * learn->precision * theta[i] * theta[i];
    }
    return value - ln_z;
}

// ---- start

double learn_normal(struct rng *random)
{
    const double radius = sqrt(-2 * log(rng_uniform(random)));
    return radius * cos(6.283185307179586 * rng_uniform(random));
}

double learn_column_mean(const double *samples, size_t n, size_t m, size_t i)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += samples[k * m + i];
    return sum / (double)n;
}

// Biases of a machine without couplings that has the data's means.
double learn_bias(const struct learn *learn, size_t i)
{
    if (learn->machine.shape.kind != MACHINE_BINARY)
        return 0;
    const double n = (double)learn->n_train, mean = learn_column_mean(learn->train, learn->n_train, learn->m, i);
    const double within = fmin(fmax(mean, 0.5 / n), 1 - 0.5 / n);
    return log(within / (1 - within));
}

// Small random weights; visible biases that make up for units which are half on.
void learn_start(struct learn *learn, size_t start, double *theta)
{
    const struct machine_shape *shape = &learn->machine.shape;
    const size_t m = shape->visible, n = shape->hidden;
    const double copies = (double)shape->copies, scale = learn->own->init_scale;
    double *w = theta + m + n;
    struct rng random;
    rng_start(&random, learn->settings->run.seed, LEARN_STREAM_START + start);
    memset(theta, 0, learn->n_parameters * sizeof *theta);
    if (shape->kind == MACHINE_SPINS)
        return;
    for (size_t j = 0; j < n; j++)
        theta[m + j] = 0;
    for (size_t i = 0; i < m; i++) {
        theta[i] = learn_bias(learn, i);
        for (size_t j = 0; j < n; j++) {
            w[i * n + j] = scale * learn_normal(&random);
            theta[i] -= 0.5 * w[i * n + j];
        }
    }
    for (size_t d = 0; d < shape->widths; d++) {
        const struct param_reals *given = &learn->own->sigma;
        theta[m + n + m * n + d] = given->n == 0 ? 0.5 * log(copies)
                                                 : log(given->value[given->n == 1 ? 0 : d] / learn->scale[d]);
    }
}

void learn_result_finish(struct learn_result *result)
{
    double **const owned[] = { &result->estimate, &result->mean,        &result->mean_error,
                               &result->width,    &result->width_error, &result->r_hat };
    for (size_t k = 0; k < sizeof owned / sizeof *owned; k++) {
        free(*owned[k]);
        *owned[k] = NULL;
    }
}
