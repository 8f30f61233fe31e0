// SPDX-License-Identifier: GPL-3.0-or-later
// Everything a run is made from: the configuration bound to the parameter tables, all defaults filled in.
#ifndef VMC_SETTINGS_H
#define VMC_SETTINGS_H

#include "vmc/config.h"
#include "vmc/estimator.h"
#include "vmc/hamiltonian.h"
#include "vmc/machine.h"
#include "vmc/observables.h"
#include "vmc/optimizer.h"
#include "vmc/sampler.h"
#include "vmc/wavefunction.h"

// Kinds of descriptors that a configuration chooses from; one row of settings_kinds each (src/settings/schema.c).
enum settings_kind {
    SETTINGS_INTERACTION,
    SETTINGS_FACTOR,
    SETTINGS_SAMPLER,
    SETTINGS_OPTIMIZER,
    SETTINGS_CONTROL,
    SETTINGS_OBSERVABLE,
    SETTINGS_LEARNER,
    SETTINGS_KINDS
};
struct settings_choice {
    struct param_names members;     // indices into the kind's list
    void *state[PARAM_NAMES_MOST];  // of each, calloc'ed, params bound; owned
};

struct settings_system {  // [system]
    size_t particles, dimensions;
    struct param_reals omega;  // one, or one per dimension
    size_t statistics;         // STATISTICS_BOSONS or STATISTICS_FERMIONS
    size_t spin_up;            // PARAM_COUNT_AUTO: half, rounded up
};
struct settings_wavefunction {  // [wavefunction]
    bool allow_unsymmetric;
    char *load;
};
struct settings_sampler {             // [sampler], the keys all methods share
    size_t walkers;                   // multiple of 32
    double step;                      // NAN: auto
    size_t burn_in, thin;             // sweeps
    struct param_reals temperatures;  // from 1 up
    double spread;                    // of the starting points
    bool jumps;
    size_t warm_up;  // enum settings_warm_up
};
enum settings_warm_up { WARM_UP_PLAIN, WARM_UP_DIFFUSION };
struct settings_optimizer {  // [optimizer], the keys all methods share
    size_t iterations, samples;
    double learning_rate;  // NAN: auto, the method's own default
    size_t schedule;       // enum settings_schedule
    double decay;
    double clip;  // largest norm of the gradient; 0: no limit
    size_t stop;  // enum settings_stop
    bool stages;
    size_t starts;  // PARAM_COUNT_AUTO: as many as the method is best served with
};
enum settings_schedule { SCHEDULE_CONSTANT, SCHEDULE_INVERSE, SCHEDULE_COSINE };
enum settings_stop { STOP_PLATEAU, STOP_NEVER };
struct settings_measure {  // [measure]
    size_t samples;
    double target_error;   // 0: none
    size_t positions;      // configurations kept
    size_t series_values;  // kept per series, over all walkers
};
struct settings_observables {  // [observables]
    size_t bins, interval;     // draws from one look to the next
    double range;              // a_0; NAN: auto
};
struct settings_run {  // [run]
    uint64_t seed;
    double checkpoint_interval;  // s
};
struct settings_learn {  // [learn]
    char *data;
    size_t visible;  // enum machine_kind
    size_t hidden, dimensions;
    size_t representation;  // enum settings_representation
    struct param_reals sigma;
    bool train_sigma;
    double init_scale;
    size_t negative;  // enum settings_negative
    size_t steps, chains, iterations, samples;
    size_t starts;         // of method = exact
    double learning_rate;  // NAN: auto, the method's own default
    size_t schedule;       // enum settings_schedule
    double decay, clip;
    double held_out;  // share of the samples
    bool partition, posterior;
    double prior;  // NAN: auto
    size_t posterior_samples, ais_chains, ais_steps;
};
enum settings_negative { NEGATIVE_GIBBS, NEGATIVE_METROPOLIS, NEGATIVE_EXACT };
enum settings_representation { LEARN_PROBABILITY, LEARN_AMPLITUDE };

struct settings {
    enum config_job job;  // of the configuration
    struct settings_learn learn;
    struct settings_system system_section;
    struct settings_wavefunction wavefunction;
    struct settings_sampler sampler;
    struct settings_optimizer optimizer;
    struct settings_measure measure;
    struct settings_observables observables;
    struct settings_run run;
    struct system system;  // from system_section, omega spread over the dimensions
    struct settings_choice chosen[SETTINGS_KINDS];
};

// The chosen member, and its state, of a kind of which exactly one is chosen (interaction, sampler, optimizer).
static inline size_t settings_index(const struct settings *settings, enum settings_kind kind)
{
    return settings->chosen[kind].members.index[0];
}
static inline void *settings_state(const struct settings *settings, enum settings_kind kind)
{
    return settings->chosen[kind].state[0];
}
// Whether a member is chosen.
bool settings_chooses(const struct settings *settings, enum settings_kind kind, size_t member);

// The sections in order, with every key there is: the fixed ones, each followed by those of the members it chooses
// among that have keys of their own (so that "interaction" comes several times).
struct settings_schema_row {
    const char *section;
    const char *summary;
    const char *when;   // NULL: always; else the choice it belongs to: "system.interaction"
    const char *owner;  // … and the name chosen there: "coulomb"
    const struct param *params;
};
// Fills at most `most` rows and returns how many there are.
size_t settings_schema(struct settings_schema_row *rows, size_t most);

// Not part of a run's settings: it makes many configurations of one (vmc/sweep.h). settings_build ignores it.
#define SETTINGS_SWEEP "sweep"

// Reports all errors at once, each as "file:line: [section] key: what is wrong; allowed: …; did you mean 'x'?". On
// failure there is nothing to finish. Notes (keys of another method, ignored) are appended to `notes`, one per line; it
// may be NULL.
// What the configuration's job does not read is checked for form, and a note says so.
bool settings_build(struct settings *settings, const struct config *config, struct error *error, struct error *notes);
void settings_finish(struct settings *settings);

// What [learn] method chooses from: optimisers that need no metric. NULL past the last.
const struct optimizer_type *settings_learner(size_t index);

// Every key in use with its resolved value, in schema order: calls `visit` once per key.
struct settings_value {
    const char *section;
    const struct param *row;
    const void *state;  // param_print(row, state, …) gives the text
};
void settings_each(const struct settings *settings, void (*visit)(const struct settings_value *value, void *context),
                   void *context);

// The resolved configuration as a valid INI with units in comments; malloc'ed.
char *settings_print(const struct settings *settings);

#endif
