// SPDX-License-Identifier: GPL-3.0-or-later
// Training without samples: the run minimises the energy in closed form by a quasi-Newton method, from several starts
// (src/run/train_exact.c).
#include "vmc/optimizer.h"

extern const struct optimizer_type optimizer_exact;

static const struct param params[] = {
    PARAM_END,
};

static size_t n_memory(const void *state, size_t n)
{
    (void)state;
    (void)n;
    return 0;
}

const struct optimizer_type optimizer_exact = {
    .name = "exact",
    .summary = "BFGS on the energy in closed form (an RBM of few hidden units)",
    .state_size = 1,
    .params = params,
    .learning_rate = 1,
    .plateau_window = 1,
    .n_memory = n_memory,
};
