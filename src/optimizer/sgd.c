// SPDX-License-Identifier: GPL-3.0-or-later
// Stochastic gradient descent, plain and with momentum (Polyak, USSR Comput. Math. Math. Phys. 4, 1 (1964)):
//     v <- mu v - eta grad E,   theta <- theta + v       (plain: mu = 0)
// Check: eta = 0.1, mu = 0.9, a constant gradient 1: theta moves by -0.1, then by -0.19.
#include "vmc/optimizer.h"

struct momentum {
    double momentum;
};

extern const struct optimizer_type optimizer_sgd, optimizer_momentum;

static const struct param no_params[] = { PARAM_END };
static const struct param momentum_params[] = {
    PARAM_REAL(momentum, momentum, .range = { 0, 1, false, true }, .fallback = "0.9",
               .help = "share of the last step that is taken again"),
    PARAM_END,
};

static size_t no_memory(const void *state, size_t n)
{
    (void)state;
    (void)n;
    return 0;
}

static size_t one_each(const void *state, size_t n)
{
    (void)state;
    return n;
}

static bool sgd_step(const void *state, const struct optimizer_step *step)
{
    (void)state;
    for (size_t k = 0; k < step->n_parameters; k++)
        step->theta[k] -= step->rate * step->gradient[k];
    return true;
}

static bool momentum_step(const void *state, const struct optimizer_step *step)
{
    const struct momentum *momentum = state;
    for (size_t k = 0; k < step->n_parameters; k++) {
        step->memory[k] = momentum->momentum * step->memory[k] - step->rate * step->gradient[k];
        step->theta[k] += step->memory[k];
    }
    return true;
}

const struct optimizer_type optimizer_sgd = {
    .name = "sgd",
    .summary = "stochastic gradient descent",
    .state_size = 1,
    .params = no_params,
    .learning_rate = 0.5,
    .rate_is_time = true,
    .plateau_window = 60,
    .n_memory = no_memory,
    .step = sgd_step,
};

const struct optimizer_type optimizer_momentum = {
    .name = "momentum",
    .summary = "gradient descent with momentum",
    .state_size = sizeof(struct momentum),
    .params = momentum_params,
    .learning_rate = 0.05,
    .rate_is_time = true,
    .remembers_step = true,
    .plateau_window = 60,
    .n_memory = one_each,
    .step = momentum_step,
};
