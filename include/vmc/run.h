// SPDX-License-Identifier: GPL-3.0-or-later
// A whole run: walkers, training, measuring, publishing. Prints nothing; tells the caller through callbacks.
#ifndef VMC_RUN_H
#define VMC_RUN_H

#include "vmc/error.h"
#include "vmc/judge.h"
#include "vmc/settings.h"
#include "vmc/team.h"

#include <stdbool.h>
#include <stddef.h>

enum run_phase { RUN_BURN_IN, RUN_TRAIN, RUN_MEASURE };

struct run_progress {
    enum run_phase phase;
    size_t done, total;  // iterations in training, draws per walker in measuring, sweeps in burn-in
    double energy, energy_error, variance, acceptance;  // NAN where not known yet
    double seconds_left;                                // NAN where not known yet
    size_t walkers;                                     // in measuring: a draw of all of them is so many samples
    const char *stage;                                  // of training; NULL: there is only one
};

// What a caller wishes while a run goes on. Stopping is clean: results so far and a checkpoint are published.
// RUN_STOP_NOW does not wait for the end of a pass.
enum run_wish { RUN_GO_ON, RUN_STOP, RUN_STOP_NOW };

struct record_lock;

struct run_options {
    size_t threads;           // at least 1
    const char *output;       // path of the results file
    const char *config_text;  // the INI as read, for the record; may be NULL
    const char *command;      // "vmc", …: the program's name for the record
    void (*progress)(const struct run_progress *progress,
                     void *context);       // may be NULL; called from one thread, a few times per second
    enum run_wish (*wish)(void *context);  // may be NULL; called very often, from any thread
    void (*note)(
        const char *text,
        void *context);  // may be NULL; one line of text worth telling: a checkpoint that could not be written, …
    void *context;
    double max_time;           // s of wall time after which the run has stopped cleanly; 0: none
    bool resume;               // go on from the file at `output` where there is one
    struct record_lock *lock;  // on `output`, may be NULL: asked before every publishing. Where it is lost, results go
                               // under the next free name
    const char *unwritable;    // why `output` cannot be written, NULL where it can: then only a run that is complete
                               // already is good (ERROR_WRITE)
    const double *exact;  // NULL, or an energy that no wave function of the system gets below, to judge the result by
    const struct team
        *team;  // NULL: one process. Else all of the team call run_execute alike; only the first touches files, and
                // needs progress, note and lock. All of them get the same error, but only the first the result.
};

// What a run yields; NAN where a quantity does not exist. run_result_rows describes the members for summary, JSON and
// file alike.
struct run_result {
    double energy, energy_error, variance, estimator_variance, local_energy, local_energy_error;
    double kinetic, kinetic_error, kinetic_gradient, kinetic_gradient_error, trap, trap_error, pair, pair_error;
    double virial_ratio, virial_ratio_error, acceptance, step, autocorrelation_time, autocorrelation_error,
        effective_samples, r_hat;
    double n_samples, n_bad, n_bad_training;  // whole numbers
    double swap_acceptance;                   // between neighbouring temperatures, the least
    double divergences;                       // whole number: trajectories of hmc
    double iterations, steps_back;            // whole numbers: training iterations done, steps taken back
    double converged;                         // 0 or 1: nothing is left to gain beyond the noise of training
    double training_gain,
        training_gain_error;     // what as many iterations again would still gain, by the slopes of the last ones
    double wall_time, cpu_time;  // s
    double training_cpu_time, measuring_cpu_time;
    double n_parameters, memory_per_walker;
    bool plateau;   // the error bar's blocking found a plateau
    bool no_bound;  // fermions with a factor that is not symmetric: the energy may lie below that of their ground state
    const char *stop_reason;         // why training ended, in words; static text
    const char *training_end;        // the same in one word: converged, iterations, stopped, failed; static text
    struct run_judgement judgement;  // verdict NONE where nothing was judged
    bool was_complete;               // resumed where there was nothing left to do: the numbers are those of the file
};
struct run_result_row {
    const char *name;  // data set name and JSON key
    size_t offset;     // of a double in struct run_result
    bool whole;        // a whole number
    const char *unit;  // NULL: the sampler's, of its step
    const char *long_name;
    unsigned since;  // format of the results file from which on every file has it; 0: the first
};
extern const struct run_result_row run_result_rows[];  // ends with name NULL

// What `--check` tells.
struct run_estimate {
    double memory, memory_per_walker, file_size;  // bytes
    double cpu_time, wall_time;  // s, at most: the run is a little shorter, or much where training ends on a plateau
    double iteration_time, draw_time;  // s of CPU time, of one iteration before any plateau and one draw of all
                                       // walkers; NAN: there is none
    size_t n_parameters, walkers, draws, iterations;
};

// ERROR_STOPPED: as wished, or since the time was over; resuming continues with the same bits as a run in one go.
// Resuming a complete run does nothing, unless measure.samples or optimizer.iterations grew or measure.target_error
// shrank: then it is extended.
bool run_execute(const struct settings *settings, const struct run_options *options, struct run_result *result,
                 struct error *error);
// Before settings are built for a run that is resumed: keys that the configuration does not give get the values that
// the results file at `path`, where there is one, was begun with, and notes say so.
void run_recall(struct config *config, const char *path, const struct team *team, struct error *notes);
// Whether a results file was made with these settings. A key that the file lacks had its default.
struct record_file;
bool run_same_settings(struct record_file *file, const struct settings *settings);
bool run_check(const struct settings *settings, const struct run_options *options, struct run_estimate *estimate,
               struct error *error);

#endif
