// SPDX-License-Identifier: GPL-3.0-or-later
// Stochastic reconfiguration, the natural gradient of a wave function (Sorella, Phys. Rev. Lett. 80, 4558 (1998)):
//     (S + shift D) delta = -eta grad E / 2,   theta <- theta + delta,   at most max_step long in the metric: delta^T S
//     delta <= max_step^2
// D is the scale of diag S, so that the step does not depend on how parameters are scaled. With momentum mu the step
// starts from mu times the last one and corrects it (SPRING; Goldshlager, Abrahamsen and Lin, J. Comput. Phys. 516,
// 113351 (2024)):
//     delta = mu delta_last + (S + shift D)^-1 ( -eta grad E / 2 - S mu delta_last )
// Check: one parameter with S = D = 4, shift 0, eta = 1, gradient 2: the step is -1/4.
#include "optimizer/sr.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct sr {
    double shift, shift_decay, shift_least, max_step, momentum, tolerance;
    size_t solver;
};
enum { ITERATIONS_LEAST = 12, ITERATIONS_PER_SAMPLE = 5, ITERATIONS_MOST = 1000 };
enum { SOLVER_AUTO, SOLVER_CHOLESKY, SOLVER_CG, SOLVER_MINSR };

static const double shift_first = 1e-2, shift_last = 3e-4, noise_most = 0.3, many_directions = 600,
                    momentum_usual = 0.9;

extern const struct optimizer_type optimizer_sr;

static const char *const solvers[] = { "auto", "cholesky", "cg", "minsr" };
static const char *solver_name(size_t k) { return k < sizeof solvers / sizeof *solvers ? solvers[k] : NULL; }

static const struct param params[] = {
    PARAM_REAL(sr, shift, .range = PARAM_AT_LEAST(0), .may_be_auto = true, .fallback = "auto",
               .help = "added to the metric, relative to its diagonal, in the first iteration; auto: 1e-2, or K / n "
                       "where that is more, for n samples and K parameters, M (M + 1) of M coordinates at most"),
    PARAM_REAL(sr, shift_decay, .range = { 0, 1, true, false }, .fallback = "1",
               .help = "the shift is multiplied by this after every iteration"),
    PARAM_REAL(sr, shift_least, .range = PARAM_AT_LEAST(0), .may_be_auto = true, .fallback = "auto",
               .help = "the shift does not fall below this; auto: K / n from K = 600 on, K / 600 of that for fewer, "
                       "and 3e-4 at least"),
    PARAM_REAL(sr, max_step, .range = PARAM_ABOVE(0), .fallback = "0.1",
               .help = "longest step in the metric of the wave function"),
    PARAM_REAL(sr, momentum, .range = { 0, 1, false, true }, .may_be_auto = true, .fallback = "auto",
               .help = "share of the last step that the next one starts from (SPRING); auto: 0.9 from K = 600 on, "
                       "and K / 600 of that for fewer"),
    PARAM_CHOICE(sr, solver, .choice = solver_name, .fallback = "auto",
                 .help = "how the step is solved for; auto: the cheapest"),
    PARAM_REAL(sr, tolerance, .range = { 0, 1, true, true }, .fallback = "0.03",
               .help = "relative residual at which cg ends"),
    PARAM_END,
};

static size_t n_memory(const void *state, size_t n)
{
    (void)state;
    return n;
}

// Operation counts, in units of those of matrix products; the thin ones of conjugate gradients take about 2.5 times as
// long. Their iterations are some ten before the residual is below the noise of the force, see `iterations_most`.
static size_t cheapest(size_t parameters, size_t samples)
{
    const double k = (double)parameters, n = (double)samples;
    return n * k * k + k * k * k / 3 <= 2.5 * ITERATIONS_LEAST * 4 * n * k ? SOLVER_CHOLESKY : SOLVER_CG;
}

// As many iterations as sampling takes time for: a sample costs about as much as 2.5 passes over its derivatives, and
// one iteration two passes over those of the metric. A step that ends early is one with a larger shift.
static size_t iterations_most(const struct optimizer_step *step)
{
    const size_t most = ITERATIONS_PER_SAMPLE * step->n_samples / step->metric->n_samples;
    return most > ITERATIONS_LEAST ? most : ITERATIONS_LEAST;
}

static double operations(const void *state, size_t parameters, size_t samples, size_t metric_samples)
{
    const struct sr *sr = state;
    const double k = (double)parameters, n = (double)metric_samples;
    const struct optimizer_step step = { .n_samples = samples,
                                         .metric = &(struct optimizer_metric){ .n_samples = metric_samples } };
    switch (sr->solver == SOLVER_AUTO ? cheapest(parameters, metric_samples) : sr->solver) {
    case SOLVER_CHOLESKY: return n * k * k + k * k * k / 3;
    case SOLVER_MINSR: return 4 * n * n * sqrt(k) + n * n * n / 3 + 100 * n * n;
    default: return 2.5 * 4 * n * k * (double)(sr->solver == SOLVER_AUTO ? iterations_most(&step) : ITERATIONS_MOST);
    }
}

static bool solve(const struct sr *sr, const struct sr_problem *problem)
{
    const size_t solver = sr->solver == SOLVER_AUTO
                              ? cheapest(problem->metric->n_parameters, problem->metric->n_samples)
                              : sr->solver;
    return solver == SOLVER_CHOLESKY ? sr_cholesky(problem)
           : solver == SOLVER_CG     ? sr_conjugate_gradients(problem)
                                     : sr_minimum_norm(problem);
}

// Parameters without influence on any sample (O varies by less than 1e-8) get an absolute scale: nothing pulls at them,
// and nothing divides by zero.
static void mend_scale(size_t n, double *scale)
{
    for (size_t k = 0; k < n; k++)
        if (!(scale[k] > 1e-16))
            scale[k] = 1e-16;
}

// sqrt(delta^T S delta) = |Q delta| / sqrt n
static double length(const struct optimizer_metric *metric, const double *delta, double *samples)
{
    double sum = 0;
    metric->apply(metric->context, delta, samples);
    for (size_t k = 0; k < metric->n_samples; k++)
        sum += samples[k] * samples[k];
    return sqrt(sum / (double)metric->n_samples);
}

static void add_momentum(double momentum, const struct optimizer_metric *metric, const double *last, double *force,
                         double *work, double *samples)
{
    for (size_t k = 0; k < metric->n_parameters; k++)
        work[k] = momentum * last[k];
    metric->apply(metric->context, work, samples);
    metric->transpose(metric->context, samples, work);
    for (size_t k = 0; k < metric->n_parameters; k++)
        force[k] -= work[k] / (double)metric->n_samples;
}

// Noise of the gradient has the metric's shape: along a direction of eigenvalue s a step of n samples is as uncertain
// as it is long where s is about K / n of the mean. With many parameters, most of a step is of that kind.
static double directions(const struct optimizer_step *step)
{
    return (double)(step->metric->n_directions ? step->metric->n_directions : step->n_parameters);
}
static double noise_share(const struct optimizer_step *step)
{
    return fmin(noise_most, directions(step) / (double)step->n_samples);
}
static double crowd(const struct optimizer_step *step) { return fmin(1, directions(step) / many_directions); }

static double shift_of(const struct sr *sr, const struct optimizer_step *step)
{
    const double noise = noise_share(step), first = isnan(sr->shift) ? fmax(shift_first, noise) : sr->shift,
                 least = isnan(sr->shift_least) ? fmax(shift_last, crowd(step) * noise) : sr->shift_least;
    return fmax(first * step->damping * pow(sr->shift_decay, (double)step->iteration), fmin(first, least));
}

static double momentum_of(const struct sr *sr, const struct optimizer_step *step)
{
    return isnan(sr->momentum) ? momentum_usual * crowd(step) : sr->momentum;
}

static bool take_step(const void *state, const struct optimizer_step *step)
{
    const struct sr *sr = state;
    const struct optimizer_metric *metric = step->metric;
    const size_t n = step->n_parameters;
    double *work = memory_take_zeroed(4 * n + metric->n_samples, sizeof *work);
    if (!work || n == 0) {
        free(work);
        return n == 0;
    }
    double *force = work, *scale = force + n, *delta = scale + n, *spare = delta + n, *samples = spare + n;
    for (size_t k = 0; k < n; k++)
        force[k] = -0.5 * step->rate * step->gradient[k];
    const double momentum = momentum_of(sr, step);
    if (momentum > 0)
        add_momentum(momentum, metric, step->memory, force, spare, samples);
    metric->scale(metric->context, scale);
    mend_scale(n, scale);
    const double shift = shift_of(sr, step);
    const bool good = solve(sr,
                            &(struct sr_problem){ metric, shift, sr->tolerance,
                                                  sr->solver == SOLVER_AUTO ? iterations_most(step) : ITERATIONS_MOST,
                                                  force, scale, delta });
    for (size_t k = 0; good && k < n; k++)
        delta[k] += momentum * step->memory[k];
    const double norm = good ? length(metric, delta, samples) : NAN,
                 factor = norm > sr->max_step ? sr->max_step / norm : 1;
    for (size_t k = 0; isfinite(norm) && k < n; k++) {
        step->memory[k] = factor * delta[k];
        step->theta[k] += factor * delta[k];
    }
    free(work);
    return isfinite(norm);
}

const struct optimizer_type optimizer_sr = {
    .name = "sr",
    .summary = "stochastic reconfiguration: the natural gradient",
    .state_size = sizeof(struct sr),
    .params = params,
    .learning_rate = 0.2,
    .rate_is_time = true,
    .needs_metric = true,
    .remembers_step = true,
    .plateau_window = 12,
    .n_memory = n_memory,
    .operations = operations,
    .step = take_step,
};
