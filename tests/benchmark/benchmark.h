// SPDX-License-Identifier: GPL-3.0-or-later
// Cases, clock and computed limit of the benchmark.
#ifndef BENCHMARK_H
#define BENCHMARK_H

#include "support/model.h"

#include "naive.h"

// Coulomb repulsion, omega = sigma = 1, amplitude form.
struct benchmark_case {
    const char *name;
    size_t particles, dimensions, hidden;
    double target;       // ns per Langevin step with E_L and O, asked for on AVX-512; AVX2: three times that. 0: none
    double least_ratio;  // computed limit over measured time, asked for
};
extern const struct benchmark_case benchmark_cases[];  // ends with name NULL

// A case with its parameters.
struct benchmark_set {
    struct benchmark_case size;
    struct oracle_rbm rbm;
    double *values;
};
void benchmark_set_build(struct benchmark_set *set, const struct benchmark_case *size);
void benchmark_set_finish(struct benchmark_set *set);

// Walkers in equilibrium for a method: "metropolis", "langevin" or "gibbs"; step tuned. `overrides` as for model_build.
void benchmark_model(struct model *model, const struct benchmark_set *set, enum naive_method method, size_t walkers,
                     size_t threads, const char *controls);
extern const char *const benchmark_methods[3];

// CPU seconds of this thread, of all threads; seconds of the wall clock.
double benchmark_thread_time(void);
double benchmark_process_time(void);
double benchmark_wall_time(void);
// ns per walker and draw: the least of several passes, which together take about `seconds` of that clock. clock: one of
// the above.
double benchmark_pass(struct model *model, size_t thin, unsigned what, double (*clock)(void), double seconds);
// ns per step of the naive program.
double benchmark_naive(const struct benchmark_set *set, enum naive_method method, double step, size_t thin,
                       double seconds);

// 10^9 fused operations per second and core at the level of the kernels in use, two per multiply-add.
double benchmark_peak(void);
// ns per step by the operation counts of docs/performance.md, at that peak. thin: energies and derivatives every
// thin-th step.
double benchmark_limit(const struct benchmark_case *size, enum naive_method method, size_t thin, double peak);

#endif
