// SPDX-License-Identifier: GPL-3.0-or-later
// Adam, Kingma and Ba, ICLR (2015), arXiv:1412.6980, algorithm 1:
//     m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2,   theta <- theta - eta m^ / (sqrt(v^) + eps),  m^, v^ corrected for their start at 0
// Check: the first step is eta in every direction, against the sign of the gradient.
#include "vmc/optimizer.h"

#include <math.h>

struct adam {
    double beta1, beta2;
};

extern const struct optimizer_type optimizer_adam;

static const struct param params[] = {
    PARAM_REAL(adam, beta1, .range = { 0, 1, false, true }, .fallback = "0.9", .help = "memory of the mean gradient"),
    PARAM_REAL(adam, beta2, .range = { 0, 1, false, true }, .fallback = "0.99", .help = "memory of the mean squared gradient"),
    PARAM_END
};

static size_t n_memory(const void *state, size_t n)
{
    (void)state;
    return 2 * n;
}

static void step(const void *state, size_t n, size_t iteration, double rate, const double *gradient, double *memory, double *theta)
{
    const struct adam *adam = state;
    double *mean = memory, *square = memory + n;
    const double t = (double)iteration + 1, c1 = 1 - pow(adam->beta1, t), c2 = 1 - pow(adam->beta2, t);
    for (size_t k = 0; k < n; k++) {
        mean[k] = adam->beta1 * mean[k] + (1 - adam->beta1) * gradient[k];
        square[k] = adam->beta2 * square[k] + (1 - adam->beta2) * gradient[k] * gradient[k];
        theta[k] -= rate * (mean[k] / c1) / (sqrt(square[k] / c2) + 1e-10);
    }
}

const struct optimizer_type optimizer_adam = {
    .name = "adam", .summary = "gradient descent with a rate of its own per parameter", .state_size = sizeof(struct adam), .params = params,
    .learning_rate = 0.02, .n_memory = n_memory, .step = step };
