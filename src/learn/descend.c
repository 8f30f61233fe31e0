// SPDX-License-Identifier: GPL-3.0-or-later
// Limited-memory BFGS (Liu and Nocedal, Math. Program. 45, 503 (1989)) on the exact likelihood, with a line search by
// bisection for the weak Wolfe conditions. All that it knows lies in learn->memory, so that a stopped descent goes on
// with the same bits.
#include "learn/state.h"

#include <math.h>
#include <string.h>

enum { PAIRS = 10, HALVINGS_MOST = 60, WINDOW = 20 };
static const double SUFFICIENT = 1e-4, CURVATURE = 0.9, SMALL_GRADIENT = 1e-10, ROUNDING = 1e-6;
// ln p of all samples together that WINDOW steps must gain: what the samples tell about a parameter is of order 1.
static const double SMALL_GAIN = 1e-2;

struct memory {
    double *start, *n_pairs, *began, *value, *best, *steps_done, *mark;  // numbers
    double *last_gradient, *best_theta, *steps, *changes;                // [K], [K], [PAIRS, K] each
};
enum { NUMBERS = 7 };

size_t learn_descend_memory(size_t n) { return NUMBERS + (2 + 2 * PAIRS) * n; }

static struct memory memory_of(const struct learn *learn)
{
    double *at = learn->memory, *vectors = at + NUMBERS;
    const size_t n = learn->n_parameters;
    return (struct memory){ at,
                            at + 1,
                            at + 2,
                            at + 3,
                            at + 4,
                            at + 5,
                            at + 6,
                            vectors,
                            vectors + n,
                            vectors + 2 * n,
                            vectors + (2 + PAIRS) * n };
}

static double dot(size_t n, const double *a, const double *b)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += a[k] * b[k];
    return sum;
}

static double largest(size_t n, const double *a)
{
    double most = 0;
    for (size_t k = 0; k < n; k++)
        most = fmax(most, fabs(a[k]));
    return most;
}

// direction <- (approximate inverse Hessian of -f) gradient, by the two-loop recursion
static void find_direction(const struct memory *memory, size_t n, const double *gradient, double *direction)
{
    const size_t pairs = (size_t)*memory->n_pairs;
    double alpha[PAIRS];
    memcpy(direction, gradient, n * sizeof *direction);
    for (size_t p = pairs; p-- > 0;) {
        const double *s = memory->steps + p * n, *y = memory->changes + p * n;
        alpha[p] = dot(n, s, direction) / dot(n, s, y);
        for (size_t k = 0; k < n; k++)
            direction[k] -= alpha[p] * y[k];
    }
    if (pairs > 0) {
        const double *s = memory->steps + (pairs - 1) * n, *y = memory->changes + (pairs - 1) * n;
        const double scale = dot(n, s, y) / dot(n, y, y);
        for (size_t k = 0; k < n; k++)
            direction[k] *= scale;
    }
    for (size_t p = 0; p < pairs; p++) {
        const double *s = memory->steps + p * n, *y = memory->changes + p * n;
        const double beta = dot(n, y, direction) / dot(n, s, y);
        for (size_t k = 0; k < n; k++)
            direction[k] += (alpha[p] - beta) * s[k];
    }
}

// s = theta - from, y = -(g - g_before): the oldest pair goes.
static void keep_pair(const struct memory *memory, size_t n, const double *theta, const double *from,
                      const double *gradient)
{
    size_t pairs = (size_t)*memory->n_pairs;
    if (pairs == PAIRS) {
        memmove(memory->steps, memory->steps + n, (PAIRS - 1) * n * sizeof(double));
        memmove(memory->changes, memory->changes + n, (PAIRS - 1) * n * sizeof(double));
        pairs--;
    }
    double *s = memory->steps + pairs * n, *y = memory->changes + pairs * n;
    for (size_t k = 0; k < n; k++) {
        s[k] = theta[k] - from[k];
        y[k] = memory->last_gradient[k] - gradient[k];
    }
    *memory->n_pairs = (double)pairs + (dot(n, s, y) > 0);
}

// Weak Wolfe conditions by bisection and doubling. theta, in and out; learn->gradient becomes that of the end.
static bool search_line(struct learn *learn, const struct memory *memory, const double *direction, double *from)
{
    const size_t n = learn->n_parameters;
    const double slope = dot(n, direction, memory->last_gradient), before = *memory->value;
    double low = 0, high = INFINITY;
    double t = *memory->n_pairs > 0 ? 1 : fmin(1, 1 / sqrt(dot(n, direction, direction)));
    memcpy(from, learn->theta, n * sizeof *from);
    for (int k = 0; k < HALVINGS_MOST && slope > 0; k++) {
        for (size_t i = 0; i < n; i++)
            learn->theta[i] = from[i] + t * direction[i];
        const double value = learn_objective(learn, learn->theta, learn->gradient);
        if (!(value >= before + SUFFICIENT * t * slope))
            high = t;
        else if (dot(n, direction, learn->gradient) > CURVATURE * slope)
            low = t;
        else {
            *memory->value = value;
            return true;
        }
        t = isinf(high) ? 2 * t : 0.5 * (low + high);
    }
    memcpy(learn->theta, from, n * sizeof *from);
    return false;
}

static void keep_best(struct learn *learn, const struct memory *memory)
{
    if (*memory->start > 0 && !(*memory->value > *memory->best))
        return;
    *memory->best = *memory->value;
    memcpy(memory->best_theta, learn->theta, learn->n_parameters * sizeof *learn->theta);
}

static void begin(struct learn *learn, const struct memory *memory)
{
    if (*memory->start > 0)
        learn_start(learn, (size_t)*memory->start, learn->theta);
    *memory->n_pairs = 0;
    *memory->value = learn_objective(learn, learn->theta, memory->last_gradient);
    *memory->began = 1;
    *memory->steps_done = 0;
    *memory->mark = *memory->value;
}

// Whether the last WINDOW steps brought next to nothing.
static bool has_stalled(const struct learn *learn, const struct memory *memory)
{
    *memory->steps_done += 1;
    if (fmod(*memory->steps_done, WINDOW) != 0)
        return false;
    const double gain = *memory->value - *memory->mark;
    *memory->mark = *memory->value;
    return gain * (double)learn->n_train < SMALL_GAIN;
}

// The end of one start, and whether it was the last.
static bool next_start(struct learn *learn, const struct memory *memory)
{
    keep_best(learn, memory);
    *memory->start += 1;
    *memory->began = 0;
    return (size_t)*memory->start >= learn->n_starts;
}

bool learn_descend(struct learn *learn, double column[LEARN_COLUMNS])
{
    const struct memory memory = memory_of(learn);
    const size_t n = learn->n_parameters;
    double *direction = learn->scratch, *from = learn->scratch + n;
    if ((size_t)*memory.start >= learn->n_starts)
        return false;  // resumed after the end
    if (*memory.began == 0)
        begin(learn, &memory);
    const double size = largest(n, memory.last_gradient);
    bool moved = size > SMALL_GRADIENT;
    if (moved) {
        find_direction(&memory, n, memory.last_gradient, direction);
        moved = search_line(learn, &memory, direction, from);
    }
    if (moved) {
        keep_pair(&memory, n, learn->theta, from, learn->gradient);
        memcpy(memory.last_gradient, learn->gradient, n * sizeof *learn->gradient);
    }
    const bool stalled = moved && has_stalled(learn, &memory);
    if (!moved || stalled) {
        learn->converged = stalled || size < ROUNDING;
        if (next_start(learn, &memory))
            return false;
    }
    column[COLUMN_LOG_LIKELIHOOD] = *memory.value - learn->ln_volume;
    column[COLUMN_GRADIENT_NORM] = sqrt(dot(n, memory.last_gradient, memory.last_gradient));
    column[COLUMN_LEARNING_RATE] = column[COLUMN_ACCEPTANCE] = NAN;
    return true;
}

void learn_descend_finish(struct learn *learn)
{
    const struct memory memory = memory_of(learn);
    if (*memory.began > 0)
        keep_best(learn, &memory);
    memcpy(learn->theta, memory.best_theta, learn->n_parameters * sizeof *learn->theta);
    // more iterations would go on from elsewhere than the last step ended
    if (learn->n_starts > 1)
        *memory.began = 0;
}
