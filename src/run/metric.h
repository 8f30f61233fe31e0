// SPDX-License-Identifier: GPL-3.0-or-later
// The metric of an iteration's samples: the factors' features, kept as [feature][sample], behind the optimiser's
// operators.
#ifndef VMC_RUN_METRIC_H
#define VMC_RUN_METRIC_H

#include "run/ensemble.h"
#include "vmc/optimizer.h"

struct metric {
    const struct wavefunction *wavefunction;
    size_t room, n_samples;  // samples there is memory for; samples of the last pass
    size_t stage;            // of training: parameters of later ones have not joined
    bool all_joined;         // there are none of those
    double *features;        // [n_features][room]
    double *mean;            // <O> [K]
    double *work;
    double *condition;  // of the factors' preconditioners
    struct optimizer_metric operators;
};

// Directions that noise can move apart. Two particles with 256 hidden units have 1284 parameters, but units that look
// at so few coordinates are much alike: what x_i and x_i x_k span counts, and parameters beyond it add little.
size_t metric_directions(const struct wavefunction *wavefunction);
bool metric_build(struct metric *metric, const struct wavefunction *wavefunction, size_t samples);
void metric_finish(struct metric *metric);
// ensemble_visit: takes the features of one draw of one block. `context` is a struct metric_visit.
struct metric_visit {
    struct metric *metric;
    size_t draws, every;  // draws per block of the pass, and every how many one is kept
};
void metric_gather(const struct ensemble_draw *draw, void *context);
// After a pass: <O>, and the operators for the optimiser.
const struct optimizer_metric *metric_ready(struct metric *metric, size_t n_samples);

#endif
