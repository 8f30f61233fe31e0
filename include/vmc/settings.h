// SPDX-License-Identifier: GPL-3.0-or-later
// Everything a run is made from: the configuration bound to the parameter tables, all defaults filled in.
#ifndef VMC_SETTINGS_H
#define VMC_SETTINGS_H

#include "vmc/config.h"
#include "vmc/estimator.h"
#include "vmc/hamiltonian.h"
#include "vmc/optimizer.h"
#include "vmc/sampler.h"
#include "vmc/wavefunction.h"

struct settings_system {      // [system]
    size_t particles, dimensions;
    struct param_reals omega; // one, or one per dimension
    size_t interaction;       // index into the interactions
    size_t statistics;        // STATISTICS_BOSONS or STATISTICS_FERMIONS
    size_t spin_up;           // PARAM_COUNT_AUTO: half, rounded up
};
struct settings_wavefunction { // [wavefunction]
    struct param_names factors;
    bool allow_unsymmetric;
    char *load;
};
struct settings_sampler {      // [sampler], the keys all methods share
    size_t method;
    size_t walkers;            // multiple of 32
    double step;               // NAN: auto
    size_t burn_in, thin;      // sweeps
};
struct settings_optimizer {    // [optimizer], the keys all methods share
    size_t method;
    size_t iterations, samples;
    double learning_rate;      // NAN: auto, the method's own default
    size_t schedule;           // enum settings_schedule
    double decay;
    double clip;               // longest gradient; 0: no limit
    size_t stop;               // enum settings_stop
};
enum settings_schedule { SCHEDULE_CONSTANT, SCHEDULE_INVERSE, SCHEDULE_COSINE };
enum settings_stop { STOP_PLATEAU, STOP_NEVER };
struct settings_measure {      // [measure]
    size_t samples;
    double target_error;       // 0: none
    struct param_names controls; // SETTINGS_CONTROLS_AUTO, SETTINGS_CONTROLS_NONE, or SETTINGS_CONTROLS_FIRST + index into the control variates
};
enum { SETTINGS_CONTROLS_AUTO, SETTINGS_CONTROLS_NONE, SETTINGS_CONTROLS_FIRST };
struct settings_run {          // [run]
    uint64_t seed;
    double checkpoint_interval; // s
};

struct settings {
    struct settings_system system_section;
    struct settings_wavefunction wavefunction;
    struct settings_sampler sampler;
    struct settings_optimizer optimizer;
    struct settings_measure measure;
    struct settings_run run;
    struct system system;                    // from system_section, omega spread over the dimensions
    // states of the chosen descriptors, calloc'ed, params bound; owned
    void *interaction_state;
    size_t n_factors;
    const struct factor_type *factor_type[FACTORS_MOST];
    void *factor_state[FACTORS_MOST];
    void *sampler_state;
    void *optimizer_state;
};

// The sections in order, with every key there is: the fixed ones, each followed by those of the interactions ("interaction", several times),
// factors, samplers and optimisers that have keys of their own.
struct settings_schema_row {
    const char *section;
    const char *summary;
    const char *when;          // NULL: always; else the choice it belongs to: "system.interaction"
    const char *owner;         // … and the name chosen there: "coulomb"
    const struct param *params;
};
// Fills at most `most` rows and returns how many there are.
size_t settings_schema(struct settings_schema_row *rows, size_t most);

// A section that is no part of a run's settings: it makes many configurations of one (vmc/sweep.h). settings_build passes over it.
#define SETTINGS_SWEEP "sweep"

// Binds; all complaints at once, each "file:line: [section] key: what is wrong; allowed: …; did you mean 'x'?". On failure nothing is left to
// finish. Notes (keys of another method, ignored) are appended to `notes`, one per line, which may be NULL.
bool settings_build(struct settings *settings, const struct config *config, struct error *error, struct error *notes);
void settings_finish(struct settings *settings);

// Every key in use with its resolved value, in schema order: calls `visit` once per key.
struct settings_value {
    const char *section;
    const struct param *row;
    const void *state;         // param_print(row, state, …) gives the text
};
void settings_each(const struct settings *settings, void (*visit)(const struct settings_value *value, void *context), void *context);

// The resolved configuration as a valid INI with units in comments; malloc'ed.
char *settings_print(const struct settings *settings);

#endif
