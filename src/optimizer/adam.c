// SPDX-License-Identifier: GPL-3.0-or-later
// Adam, Kingma and Ba, ICLR (2015), arXiv:1412.6980, algorithm 1:
//     m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2,   theta <- theta - eta m^ / (sqrt(v^) + eps),  m^, v^
//     corrected for their start at 0
// Check: the first step is eta in every direction, against the sign of the gradient.
#include "vmc/optimizer.h"

#include <math.h>

struct adam {
    double beta1, beta2;
};

extern const struct optimizer_type optimizer_adam;

static const struct param params[] = {
    PARAM_REAL(adam, beta1, .range = { 0, 1, false, true }, .fallback = "0.9", .help = "memory of the mean gradient"),
    PARAM_REAL(adam, beta2, .range = { 0, 1, false, true }, .fallback = "0.99",
               .help = "memory of the mean squared gradient"),
    PARAM_END,
};

static size_t n_memory(const void *state, size_t n)
{
    (void)state;
    return 2 * n;
}

static bool take_step(const void *state, const struct optimizer_step *step)
{
    const struct adam *adam = state;
    double *mean = step->memory, *square = step->memory + step->n_parameters;
    const double t = (double)step->iteration + 1, c1 = 1 - pow(adam->beta1, t), c2 = 1 - pow(adam->beta2, t);
    for (size_t k = 0; k < step->n_parameters; k++) {
        const double g = step->gradient[k];
        mean[k] = adam->beta1 * mean[k] + (1 - adam->beta1) * g;
        square[k] = adam->beta2 * square[k] + (1 - adam->beta2) * g * g;
        step->theta[k] -= step->rate * (mean[k] / c1) / (sqrt(square[k] / c2) + 1e-10);
    }
    return true;
}

const struct optimizer_type optimizer_adam = {
    .name = "adam",
    .summary = "gradient descent with a rate of its own per parameter",
    .state_size = sizeof(struct adam),
    .params = params,
    .learning_rate = 0.02,
    .plateau_window = 60,
    .n_memory = n_memory,
    .step = take_step,
};
