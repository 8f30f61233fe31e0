// SPDX-License-Identifier: GPL-3.0-or-later
// Maximum likelihood of a Boltzmann machine on samples (docs/learning.md). Prints nothing; tells the caller through
// callbacks.
#ifndef VMC_LEARN_H
#define VMC_LEARN_H

#include "vmc/error.h"
#include "vmc/machine.h"
#include "vmc/settings.h"

#include <stdbool.h>
#include <stddef.h>

// ---- data: samples by rows
struct learn_data {
    size_t n, m;        // samples, coordinates
    size_t dimensions;  // of data with the shape [sample, particle, dimension]; 0: not known
    double *values;     // [n, m]
};
// "file.h5:dataset", or a text file: numbers separated by commas, semicolons or white space, one sample per line, names
// of the columns in a first line if one likes, comments from # on. Looked for beside `config` (may be NULL) where it is
// not in the current folder. Every value must be finite and fit the kind, and no column may be constant. ERROR_INPUT
// with line and column.
bool learn_data_read(struct learn_data *data, const char *where, const char *config, enum machine_kind kind,
                     struct error *error);
void learn_data_finish(struct learn_data *data);

// ---- likelihood
struct learn_partition {
    double ln_z, error;       // error: 0 where it was summed
    double effective_chains;  // of annealed importance sampling
    bool exact;
};
// Sum over states, or annealed importance sampling (Neal, Stat. Comput. 11, 125 (2001); Salakhutdinov and Murray, ICML
// (2008)) from a machine without couplings whose biases are `start_a` [M] (NULL: 0). `theta`: of the machine.
struct learn_annealing {
    size_t chains, steps, threads;
    uint64_t seed;
    const double *start_a;
    bool (*stop)(void *context);  // may be NULL
    void *context;
};
// False: stopped, or no memory (then with an error).
bool learn_anneal(const struct machine_shape *shape, const double *theta, const struct learn_annealing *annealing,
                  struct learn_partition *partition, struct error *error);
// ln Z as a sum over states, and the mean of d ln p~/d theta over the model [n_parameters] unless NULL. ERROR_CONFIG
// where there are too many states.
bool learn_sum(const struct machine *machine, size_t threads, double *ln_z, double *gradient, struct error *error);
// Mean of ln p~ over samples [n, M], and its gradient.
bool learn_mean(const struct machine *machine, size_t n, const double *samples, size_t threads, double *value,
                double *gradient, struct error *error);

// ---- the job
enum learn_phase { LEARN_ITERATIONS, LEARN_PARTITION, LEARN_POSTERIOR };
struct learn_progress {
    enum learn_phase phase;
    size_t done, total;
    double log_likelihood;  // per training sample; NAN where not known
    double seconds_left;    // NAN where not known yet
};

struct learn_options {
    size_t threads;
    const char *config, *output, *config_text, *command;
    void (*progress)(const struct learn_progress *progress, void *context);  // may be NULL
    bool (*stop)(void *context);                                             // may be NULL
    void (*note)(const char *text, void *context);                           // may be NULL
    void *context;
    double max_time;  // s; 0: none
    bool resume;
    struct record_lock *lock;  // may be NULL
};

struct learn_result {
    size_t n_train, n_held_out, n_visible, n_hidden, n_parameters, iterations;
    const char *end;                                      // "converged", "iterations", "stopped"; static text
    double train, train_error, held_out, held_out_error;  // ln p per sample; errors: spread over samples / sqrt n
    struct learn_partition partition;
    double acceptance, gradient_norm;
    double wall_time, cpu_time;  // s
    bool was_complete;
    // spins: couplings; with a posterior its mean, width, their errors and R-hat
    size_t n_couplings;
    double *estimate, *mean, *mean_error, *width, *width_error, *r_hat;  // [n_couplings], owned; mean … NULL: none
    double posterior_acceptance;
};
void learn_result_finish(struct learn_result *result);

// What a file of vmc learn says.
struct learn_reading {
    struct settings settings;
    struct learn_result result;
    char *status, *created, *version, *end;  // owned
    bool built;
};
// False with nothing to finish.
bool learn_read(const char *path, struct learn_reading *reading, struct error *error);
void learn_reading_finish(struct learn_reading *reading);

// ERROR_STOPPED: as wished, or since the time was over; resuming goes on with the same bits.
bool learn_execute(const struct settings *settings, const struct learn_options *options, struct learn_result *result,
                   struct error *error);
// Reads the data and builds the machine; memory in bytes.
bool learn_check(const struct settings *settings, const struct learn_options *options, struct learn_result *result,
                 double *memory, struct error *error);

#endif
