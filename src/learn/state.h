// SPDX-License-Identifier: GPL-3.0-or-later
// What the files of this room share: the state of one job.
#ifndef VMC_LEARN_STATE_H
#define VMC_LEARN_STATE_H

#include "learn/passes.h"
#include "vmc/learn.h"
#include "vmc/rng.h"

// Streams of random numbers, from the seed: chains of the negative phase have 0, 1, …
#define LEARN_STREAM_START ((uint64_t)1 << 41)
#define LEARN_STREAM_SPLIT ((uint64_t)1 << 42)
#define LEARN_STREAM_EPOCH ((uint64_t)1 << 43)
#define LEARN_STREAM_POSTERIOR ((uint64_t)1 << 44)

enum learn_column {
    COLUMN_LOG_LIKELIHOOD,
    COLUMN_GRADIENT_NORM,
    COLUMN_LEARNING_RATE,
    COLUMN_ACCEPTANCE,
    LEARN_COLUMNS
};

struct learn {
    const struct settings *settings;
    const struct settings_learn *own;
    const struct learn_options *options;
    struct learn_result *result;
    const struct optimizer_type *method;

    // samples: real ones with their centre at 0 and their width at 1
    size_t m, n_train, n_held, batch;
    double *train, *held, *centre, *scale;  // [n_train, M], [n_held, M], [M], [M]
    double ln_volume;                       // sum_i ln scale_i: ln p(x) = ln p of the scaled x - ln_volume
    uint64_t digest;                        // of the samples as read

    struct machine machine;
    struct passes passes;
    size_t n_parameters, n_states;  // states of the smaller layer; 0: too many to be summed
    double precision;               // of the prior, per training sample: 1 / (n_train prior^2); 0: none

    double *theta, *gradient, *memory;
    size_t n_memory;
    double *data_moments, *model_moments, *data_gradient, *scratch;  // scratch [3 K]
    bool data_known;  // spins: the moments of all training samples are those in data_moments
    struct chains chains;
    size_t iteration, n_starts;
    bool converged;
    size_t *order, order_epoch;  // a permutation of the training samples; order_epoch SIZE_MAX: none yet

    size_t n_history, history_room;
    double *history[LEARN_COLUMNS];

    double *posterior;  // [n_parameters][chains][draws], NULL: not sampled
    size_t posterior_chains, posterior_draws;

    char *created;
    double wall_start, cpu_start, wall_before, cpu_before, deadline, saved;  // s
};

double learn_wall(void), learn_cpu(void);  // s
bool learn_wants_stop(struct learn *learn);
// The objective per training sample at `theta`, and its gradient: <ln p~> over all samples - ln Z - prior.
double learn_objective(struct learn *learn, const double *theta, double *gradient);
double learn_normal(struct rng *random);
// Mean of column i of samples [n, m].
double learn_column_mean(const double *samples, size_t n, size_t m, size_t i);
// Visible bias of a machine without couplings that has the data's mean.
double learn_bias(const struct learn *learn, size_t i);
void learn_note(const struct learn *learn, const char *text);
// Parameters to start from, of start number k.
void learn_start(struct learn *learn, size_t k, double *theta);
void learn_report(struct learn *learn, enum learn_phase phase, size_t done, size_t total);
bool learn_remember(struct learn *learn, const double column[LEARN_COLUMNS], struct error *error);

// Reads the samples and builds everything else (build.c).
bool learn_build(struct learn *learn, struct error *error);
void learn_finish(struct learn *learn);
// Of the estimate or the posterior, per training sample: 1 / (n width^2); 0: there is no prior.
double learn_prior_precision(const struct learn *learn, bool posterior);

// All iterations; saves and stops on the way (iterate.c).
bool learn_iterate(struct learn *learn, struct error *error);
void learn_account(struct learn *learn);

// Limited-memory BFGS, one step per call (descend.c). False: no step was taken, since the end is reached.
size_t learn_descend_memory(size_t n_parameters);
bool learn_descend(struct learn *learn, double column[LEARN_COLUMNS]);
// Takes the best of all starts at the end.
void learn_descend_finish(struct learn *learn);

// Hamiltonian Monte Carlo of the parameters (posterior.c). False: stopped, or no memory (then with an error).
bool learn_sample_posterior(struct learn *learn, struct error *error);

// The results file (file.c).
bool learn_publish(struct learn *learn, const char *status, struct error *error);
enum learn_resumed { LEARN_FRESH, LEARN_CONTINUED, LEARN_COMPLETE, LEARN_FAILED };
enum learn_resumed learn_resume(struct learn *learn, struct error *error);

#endif
