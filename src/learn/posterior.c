// SPDX-License-Identifier: GPL-3.0-or-later
// Hamiltonian Monte Carlo (Duane et al., Phys. Lett. B 195, 216 (1987)) of the parameters given the data:
//     U(theta) = -n ( <ln p~>_data - ln Z ) + |theta|^2 / (2 width^2),
// in coordinates q_k = (theta_k - mode_k) sqrt(U''_kk), where the posterior is about as wide in every direction.
// Lengths of trajectories are drawn anew each time, so that none closes on itself; the step is tuned in the first
// quarter as many trajectories again, which are dropped.
#include "learn/state.h"

#include "vmc/rng.h"
#include "vmc/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHAINS = 64, WARM_UP_LEAST = 50 };
static const double FIRST_STEP = 0.3, BEST_ACCEPTANCE = 0.85, QUARTER_TURN = 1.5707963267948966;

struct walk {
    struct learn *learn;
    size_t n;
    double *mode, *width;                                 // [K]
    double *q, *p, *force, *trial, *trial_force, *theta;  // [K]
    double energy;                                        // U at q
    double step, accepted;
};

// U at q, and its force.
static double energy_at(struct walk *walk, const double *q, double *force)
{
    const double samples = (double)walk->learn->n_train;
    for (size_t k = 0; k < walk->n; k++)
        walk->theta[k] = walk->mode[k] + walk->width[k] * q[k];
    const double value = learn_objective(walk->learn, walk->theta, force);
    for (size_t k = 0; k < walk->n; k++)
        force[k] *= samples * walk->width[k];
    return -samples * value;
}

static double kinetic(const struct walk *walk)
{
    double sum = 0;
    for (size_t k = 0; k < walk->n; k++)
        sum += 0.5 * walk->p[k] * walk->p[k];
    return sum;
}

// One trajectory; the acceptance probability.
static double travel(struct walk *walk, struct rng *random)
{
    const size_t n = walk->n, bytes = n * sizeof(double);
    const double time = QUARTER_TURN * (0.5 + rng_uniform(random)), step = walk->step;
    const size_t steps = (size_t)fmax(1, round(time / step));
    double energy = walk->energy;
    for (size_t k = 0; k < n; k++)
        walk->p[k] = learn_normal(random);
    const double before = walk->energy + kinetic(walk);
    memcpy(walk->trial, walk->q, bytes);
    memcpy(walk->trial_force, walk->force, bytes);
    for (size_t s = 0; s < steps; s++) {
        for (size_t k = 0; k < n; k++) {
            walk->p[k] += 0.5 * step * walk->trial_force[k];
            walk->trial[k] += step * walk->p[k];
        }
        energy = energy_at(walk, walk->trial, walk->trial_force);
        for (size_t k = 0; k < n; k++)
            walk->p[k] += 0.5 * step * walk->trial_force[k];
    }
    const double probability = fmin(1, exp(before - energy - kinetic(walk)));
    if (rng_uniform(random) < probability) {  // false for NAN
        memcpy(walk->q, walk->trial, bytes);
        memcpy(walk->force, walk->trial_force, bytes);
        walk->energy = energy;
    }
    return probability > 0 ? probability : 0;
}

// Widths from second differences of U at the mode.
static void find_widths(struct walk *walk)
{
    struct learn *learn = walk->learn;
    const double samples = (double)learn->n_train, least = samples * learn->precision;
    for (size_t k = 0; k < walk->n; k++) {
        const double h = 0.01 / sqrt(samples + least), at = learn->theta[k];
        memcpy(walk->theta, learn->theta, walk->n * sizeof(double));
        walk->theta[k] = at + h;
        learn_objective(learn, walk->theta, walk->force);
        const double up = walk->force[k];
        walk->theta[k] = at - h;
        learn_objective(learn, walk->theta, walk->force);
        walk->width[k] = 1 / sqrt(fmax(least, samples * (walk->force[k] - up) / (2 * h)));
    }
}

static bool walk_chain(struct walk *walk, size_t chain, struct error *error)
{
    struct learn *learn = walk->learn;
    const size_t draws = learn->posterior_draws, warm_up = draws / 4 > WARM_UP_LEAST ? draws / 4 : WARM_UP_LEAST;
    struct rng random;
    rng_start(&random, learn->settings->run.seed, LEARN_STREAM_POSTERIOR + chain);
    walk->step = FIRST_STEP / sqrt(sqrt((double)walk->n));
    // spread out wider than the posterior, so that R-hat has something to see
    for (size_t k = 0; k < walk->n; k++)
        walk->q[k] = 2 * learn_normal(&random);
    walk->energy = energy_at(walk, walk->q, walk->force);
    for (size_t t = 0; t < warm_up + draws; t++) {
        if (learn_wants_stop(learn))
            return false;
        const double acceptance = travel(walk, &random);
        if (t < warm_up) {
            walk->step *= exp((acceptance - BEST_ACCEPTANCE) / sqrt((double)t + 1));
            continue;
        }
        walk->accepted += acceptance;
        for (size_t k = 0; k < walk->n; k++)
            learn->posterior[(k * CHAINS + chain) * draws + t - warm_up] = walk->mode[k] + walk->width[k] * walk->q[k];
    }
    (void)error;
    return true;
}

// Mean and width of a parameter; `scratch` [chains draws].
static bool analyse(struct learn *learn, size_t k, double *scratch, struct error *error)
{
    const size_t n = CHAINS * learn->posterior_draws;
    const double *values = learn->posterior + k * n;
    struct learn_result *result = learn->result;
    struct statistics mean, square;
    if (!statistics_analyse(&(struct series){ CHAINS, learn->posterior_draws, 1, values }, &mean, error))
        return false;
    for (size_t t = 0; t < n; t++)
        scratch[t] = (values[t] - mean.mean) * (values[t] - mean.mean);
    if (!statistics_analyse(&(struct series){ CHAINS, learn->posterior_draws, 1, scratch }, &square, error))
        return false;
    result->mean[k] = mean.mean;
    result->mean_error[k] = mean.error;
    result->width[k] = sqrt(square.mean);
    result->width_error[k] = square.error / (2 * result->width[k]);
    result->r_hat[k] = mean.r_hat;
    return true;
}

static bool take_memory(struct learn *learn, struct walk *walk, double **room, struct error *error)
{
    const size_t n = learn->n_parameters, values = CHAINS * learn->posterior_draws;
    struct learn_result *result = learn->result;
    double **const results[] = { &result->mean, &result->mean_error, &result->width, &result->width_error,
                                 &result->r_hat };
    learn->posterior = malloc(n * values * sizeof(double));
    *room = calloc(8 * n + values, sizeof(double));
    bool good = learn->posterior && *room;
    for (size_t k = 0; k < sizeof results / sizeof *results; k++)
        good = (*results[k] = calloc(n, sizeof(double))) && good;
    if (!good)
        return error_add(error, ERROR_INTERNAL, "no memory for %zu samples of the posterior", values);
    double **const vectors[] = { &walk->mode,  &walk->width, &walk->q,           &walk->p,
                                 &walk->force, &walk->trial, &walk->trial_force, &walk->theta };
    for (size_t k = 0; k < sizeof vectors / sizeof *vectors; k++)
        *vectors[k] = *room + values + k * n;
    return true;
}

// What was not sampled to its end is no posterior.
static void forget(struct learn *learn)
{
    struct learn_result *result = learn->result;
    double **const results[] = { &learn->posterior, &result->mean,        &result->mean_error,
                                 &result->width,    &result->width_error, &result->r_hat };
    for (size_t k = 0; k < sizeof results / sizeof *results; k++) {
        free(*results[k]);
        *results[k] = NULL;
    }
}

bool learn_sample_posterior(struct learn *learn, struct error *error)
{
    struct walk walk = { .learn = learn, .n = learn->n_parameters };
    double *room = NULL;
    learn->posterior_chains = CHAINS;
    learn->posterior_draws = (learn->own->posterior_samples + CHAINS - 1) / CHAINS;
    bool good = take_memory(learn, &walk, &room, error);
    if (good) {
        memcpy(walk.mode, learn->theta, walk.n * sizeof(double));
        find_widths(&walk);
    }
    for (size_t c = 0; good && c < CHAINS; c++) {
        learn_report(learn, LEARN_POSTERIOR, c, CHAINS);
        good = walk_chain(&walk, c, error);
    }
    for (size_t k = 0; good && k < walk.n; k++)
        good = analyse(learn, k, room, error);
    learn->result->n_couplings = walk.n;
    if (good)
        learn->result->posterior_acceptance = walk.accepted / (double)(CHAINS * learn->posterior_draws);
    else
        forget(learn);
    free(room);
    return good;
}
