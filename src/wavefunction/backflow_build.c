// SPDX-License-Identifier: GPL-3.0-or-later
// Backflow's parameters: alpha where it is trained, lambda, ln length where it is trained, kappa.
#include "wavefunction/backflow.h"

#include <math.h>
#include <string.h>

struct flow_strengths backflow_strengths(const struct slater *slater)
{
    struct flow_strengths strengths = { .per_class = slater->backflow == BACKFLOW_TWO_SCALES ? FLOW_SCALES : 1 };
    for (size_t class = PAIR_CLASSES; class -- > 0;) {
        strengths.acts[class] = system_class_pairs(&slater->system, class) > 0 &&
                                (slater->backflow == BACKFLOW_TWO_SCALES ||
                                 (slater->backflow == BACKFLOW_EXPONENTIAL && class == PAIR_ANTIPARALLEL));
        strengths.column[class] = strengths.n;
        strengths.n += strengths.acts[class] ? strengths.per_class : 0;
    }
    return strengths;
}

bool backflow_trains_length(const struct slater *slater)
{
    return slater->backflow == BACKFLOW_EXPONENTIAL && slater->train_backflow_length;
}

static size_t n_kappa(const struct slater *slater)
{
    return slater->mixing ? slater->n_mixed * surroundings_shape(&slater->system, true).n : 0;
}

size_t backflow_n_parameters(const void *state)
{
    const struct slater *slater = state;
    return (size_t)slater->train + backflow_strengths(slater).n + backflow_trains_length(slater) + n_kappa(slater);
}

bool backflow_build(void *state, const struct system *system, const struct factor_surroundings *surroundings,
                    struct error *error)
{
    struct slater *slater = state;
    if (system->particles > FLOW_PARTICLES_MOST)
        return error_add(error, ERROR_CONFIG, "[slater] %s: %zu particles, and at most %d are possible; use %s",
                         slater->backflow != BACKFLOW_NONE ? "backflow" : "mixing", system->particles,
                         FLOW_PARTICLES_MOST, slater->backflow != BACKFLOW_NONE ? "backflow = none" : "mixing = no");
    if (!slater_build(slater, system, surroundings, error) || (slater->mixing && !mixing_build(slater, error)))
        return false;
    return slater->backflow == BACKFLOW_NONE || backflow_strengths(slater).n > 0 ||
           error_add(error, ERROR_CONFIG,
                     "[slater] backflow = exponential: it acts between antiparallel spins, and there are none; use "
                     "two-scales");
}

size_t backflow_views(const void *state, struct factor_view view[FACTOR_VIEWS_MOST])
{
    const struct slater *slater = state;
    const size_t strengths = backflow_strengths(slater).n, features = surroundings_shape(&slater->system, true).n;
    size_t n = slater_views(state, view), first = slater->train;
    if (strengths > 0)
        view[n++] = (struct factor_view){ .name = "lambda",
                                          .long_name = "strengths of the backflow, parallel before antiparallel spins",
                                          .rank = 1,
                                          .extent = { strengths, 0 },
                                          .label = { "backflow", NULL },
                                          .first = first };
    first += strengths;
    if (backflow_trains_length(slater))
        view[n++] = (struct factor_view){ .name = "backflow_length",
                                          .long_name = "range of the backflow, in lengths of the trap",
                                          .first = first++,
                                          .logarithm = true };
    if (slater->mixing)
        view[n++] =
            (struct factor_view){ .name = "kappa",
                                  .long_name = "weights of the surroundings' features in the orbitals of a shell",
                                  .rank = 2,
                                  .extent = { slater->n_mixed, features },
                                  .label = { "shell", "feature" },
                                  .first = first };
    return n;
}

// Nothing pulls at the length before there are strengths.
enum factor_stage backflow_stage(const void *state, size_t parameter)
{
    const struct slater *slater = state;
    return parameter < slater->train                                  ? FACTOR_FIRST
           : parameter - slater->train < backflow_strengths(slater).n ? FACTOR_BACKFLOW
                                                                      : FACTOR_UNITS;
}

// No backflow and no mixing: a start that is as good as any.
void backflow_start(const void *state, double (*uniform)(void *random), void *random, double *theta)
{
    const struct slater *slater = state;
    (void)uniform;
    (void)random;
    memset(theta, 0, backflow_n_parameters(state) * sizeof *theta);
    if (slater->train)
        theta[0] = slater->alpha;
    if (backflow_trains_length(slater))
        theta[slater->train + backflow_strengths(slater).n] = log(slater->backflow_length);
}

bool backflow_prepare(void *state, const double *theta)
{
    struct slater *slater = state;
    const size_t strengths = backflow_strengths(slater).n, kappas = n_kappa(slater);
    bool good = slater_take_alpha(slater, slater->train ? theta[0] : slater->alpha);
    theta += slater->train;
    for (size_t k = 0; k < strengths; k++) {
        slater->lambda[k] = theta[k];
        good = good && isfinite(slater->lambda[k]);
    }
    theta += strengths;
    slater->range = backflow_trains_length(slater) ? exp(*theta++) : slater->backflow_length;
    for (size_t k = 0; k < kappas; k++) {
        slater->kappa[k] = theta[k];
        good = good && isfinite(slater->kappa[k]);
    }
    return good && isfinite(slater->range) && slater->range > 0;
}

void backflow_traits(const void *state, struct factor_traits *traits)
{
    slater_traits(state, traits);
    traits->scalable = false;
}
