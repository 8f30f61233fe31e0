// SPDX-License-Identifier: GPL-3.0-or-later
// How many samples the metric of an iteration is made of (docs/optimizers.md, "What a step costs").
#ifndef VMC_RUN_METRIC_SIZE_H
#define VMC_RUN_METRIC_SIZE_H

#include <stddef.h>

// There is always room for so many samples, which cannot tell more directions than these apart.
enum { METRIC_SAMPLES_LEAST = 1 << 11 };

// Samples to make room for: K parameters, `walkers` walkers, `grown` samples an iteration once they have grown. A
// multiple of `walkers`, which divide `grown`.
size_t metric_size_room(size_t parameters, size_t walkers, size_t grown);
// Of the draws of a pass every how many one is kept, where there is room for so many samples; at least 1.
size_t metric_size_every(size_t parameters, size_t walkers, size_t draws, size_t room);

#endif
