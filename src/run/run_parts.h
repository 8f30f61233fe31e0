// SPDX-License-Identifier: GPL-3.0-or-later
// What the files of a run share: the state of a run, and its phases.
#ifndef VMC_RUN_RUN_PARTS_H
#define VMC_RUN_RUN_PARTS_H

#include "run/ensemble.h"
#include "run/metric.h"
#include "vmc/observables.h"
#include "vmc/record.h"
#include "vmc/run.h"

// Training as it went, per iteration.
struct history {
    size_t n;                             // iterations recorded
    double *energy, *energy_error, *variance, *estimator_variance, *acceptance, *gradient_norm, *learning_rate;
    size_t stride, n_kept;                // every stride-th iteration keeps its parameters
    double *parameters;                   // [n_kept, K]
};

// The series behind the result: [walker, draw], every value the mean over `block` consecutive draws.
enum { SERIES_ENERGY, SERIES_LOCAL, SERIES_KINETIC, SERIES_TRAP, SERIES_PAIR, SERIES_KINETIC_GRADIENT, SERIES_VIRIAL, SERIES };
struct measured {
    size_t block, capacity, draws;        // draws per value; values per walker there is room for; values per walker so far
    double *values[SERIES];               // [walkers, capacity]
    struct ensemble_sums sums;
    struct observables observables;
};

struct run {
    const struct settings *settings;
    const struct run_options *options;
    struct ensemble ensemble;
    double *theta, *good_theta, *gradient, *memory, *mean_theta;
    size_t n_memory;
    struct history history;
    struct measured measured;
    struct metric metric;                 // room 0: the optimiser needs none
    struct run_result *result;
    double wall_start, cpu_start;
};

double run_wall(void);                    // s
double run_cpu(void);                     // s, of the process
void run_tell(const struct run *run, const struct run_progress *progress);

bool run_train(struct run *run, struct error *error);
bool run_measure(struct run *run, struct error *error);
bool run_publish(const struct run *run, const char *status, struct error *error);

#endif
