// SPDX-License-Identifier: GPL-3.0-or-later
// Optimisers see a force and, where they ask for it, the metric S; never a wave function.
#ifndef VMC_OPTIMIZER_H
#define VMC_OPTIMIZER_H

#include "vmc/error.h"
#include "vmc/param.h"

#include <stdbool.h>
#include <stddef.h>

struct optimizer_type {
    const char *name, *summary;
    size_t state_size;
    const struct param *params;    // the keys of [optimizer] that are its own
    double learning_rate;          // default of this method
    // doubles of memory it keeps between steps (saved in checkpoints), zero at the start
    size_t (*n_memory)(const void *state, size_t n_parameters);
    // theta <- theta + step. gradient: dE/dtheta. `iteration` counts from 0. rate: the scheduled learning rate.
    void (*step)(const void *state, size_t n, size_t iteration, double rate, const double *gradient, double *memory, double *theta);
};

const struct optimizer_type *optimizer_type_at(size_t index);
const char *optimizer_name(size_t index);

#endif
