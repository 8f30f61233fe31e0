// SPDX-License-Identifier: GPL-3.0-or-later
// Optimisers see a force and, where they ask for it, the metric S; never a wave function (docs/theory.md, section 7).
#ifndef VMC_OPTIMIZER_H
#define VMC_OPTIMIZER_H

#include "vmc/error.h"
#include "vmc/param.h"

#include <stdbool.h>
#include <stddef.h>

// S_kl = <O_k O_l> - <O_k><O_l> over n samples, as operators on the centred derivatives Q = O - <O>, so that O is never
// stored.
struct optimizer_metric {
    size_t n_parameters, n_samples;  // K, n
    void *context;
    void (*scale)(void *context, double *out);  // out [K]: about S_kk; 0 for a parameter without influence
    void (*apply)(void *context, const double *v, double *out);      // out [n] = Q v
    void (*transpose)(void *context, const double *y, double *out);  // out [K] = Q^T y
    void (*matrix)(void *context, double *out);                      // out [K K] = S
    void (*gram)(void *context, const double *weight, double *out);  // out [n n] = Q diag(weight) Q^T, weight [K]
    // out [K] is about (S + shift D)^-1 in, both in coordinates in which the scale D is 1. `condition` comes first,
    // once per set of samples.
    bool (*condition)(void *context);
    void (*precondition)(void *context, double shift, const double *in, double *out);
    size_t n_directions;  // that noise can move apart from one another, about; 0: all K
};

struct optimizer_step {
    size_t n_parameters;
    size_t iteration;                       // since the memory was empty
    double rate;                            // scheduled learning rate
    const double *gradient;                 // dE/dtheta [K]
    const struct optimizer_metric *metric;  // NULL where the method does not need it
    double *memory;                         // n_memory doubles, zero at the start, kept between steps
    double *theta;                          // [K], in and out
    size_t n_samples;                       // that the gradient is the mean of
    double damping;                         // factor of the metric's shift
};

struct optimizer_type {
    const char *name, *summary;
    size_t state_size;
    const struct param *params;  // the keys of [optimizer] that are its own
    double learning_rate;        // default of this method
    bool rate_is_time;           // the rate is an imaginary time: the default is in units of 1/omega
    bool needs_metric;
    bool remembers_step;    // the memory begins with the last step: a step that is shortened is remembered so
    size_t plateau_window;  // iterations over which the energy is compared
    size_t (*n_memory)(const void *state, size_t n_parameters);
    // Operations of a step after so many samples, so many of them in the metric, for estimates; NULL where they do not
    // depend on that.
    double (*operations)(const void *state, size_t n_parameters, size_t n_samples, size_t n_metric);
    // theta <- theta + step. False when no step could be found (theta is untouched then). NULL: no sampled gradient is
    // followed; the run descends the closed form of the energy (vmc/referee.h).
    bool (*step)(const void *state, const struct optimizer_step *step);
};

const struct optimizer_type *optimizer_type_at(size_t index);
const char *optimizer_name(size_t index);

#endif
