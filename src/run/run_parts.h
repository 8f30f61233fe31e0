// SPDX-License-Identifier: GPL-3.0-or-later
// What the files of a run share: the state of a run, and its phases.
#ifndef VMC_RUN_RUN_PARTS_H
#define VMC_RUN_RUN_PARTS_H

#include "run/checkpoint.h"
#include "run/ensemble.h"
#include "run/metric.h"
#include "vmc/observables.h"
#include "vmc/record.h"
#include "vmc/run.h"

// Training as it went, per iteration.
struct history {
    size_t n;                             // iterations recorded
    double *energy, *energy_error, *variance, *estimator_variance, *acceptance, *gradient_norm, *learning_rate;
    size_t stride, n_kept, room;          // every stride-th iteration keeps its parameters; there is room for so many: then the stride doubles
    double *parameters;                   // [n_kept, K]
};

// Where training stands.
struct course {
    double rate;                 // of the schedule
    double shortened, longest;   // factors of the rate: after steps back, from which it recovers; after refinements
    size_t draws;                // per iteration
    size_t window, since;        // of the plateau; the iteration it is looked for from
    size_t backs, fresh, refined, averaged;
    size_t steps_back, bad;      // in all: steps taken back, samples that were not finite
    bool over;                   // ended on a plateau
};

// The series behind the result, one row per value of a block of walkers, every value the mean over `block` consecutive draws. When the room is full and more draws
// are wanted, neighbours are averaged and the block doubles: a run that is extended ends with the same series as one that was longer at once.
enum { SERIES_ENERGY, SERIES_LOCAL, SERIES_KINETIC, SERIES_TRAP, SERIES_PAIR, SERIES_KINETIC_GRADIENT, SERIES_VIRIAL, SERIES };
struct measured {
    size_t block, room, capacity;         // draws per value; values per walker after which the block doubles; values there is memory for
    size_t draws, partial, chunks;        // values per walker so far; draws in the one under way; passes
    size_t gathered;                      // 1 + chunks when the first process last had all series
    double *values[SERIES];               // [block of walkers, capacity, lane]
    struct ensemble_sums sums;
    struct observables observables;
};

#define RUN_REASON_PLATEAU "the energy no longer falls"

enum run_stage { STAGE_TRAINING_BURN_IN, STAGE_TRAINING, STAGE_TRAINED, STAGE_MEASURING_BURN_IN, STAGE_MEASURING };

// When to save, publish and stop (stop.c). Times are those of the monotonic clock, s.
struct stop {
    double deadline;                      // of --max-time, what publishing takes allowed for; INFINITY: none
    double asked;                         // when the wish to stop was first seen in the middle of a pass; 0: not yet
    double saved, published, beaten;      // the last time a state was taken, a checkpoint published, a sign of life given
    double publishing;                    // s, the longest publishing so far
    bool stopped;
};

struct run {
    const struct settings *settings;
    const struct run_options *options;
    struct ensemble ensemble;
    double *theta, *good_theta, *gradient, *memory, *mean_theta;
    size_t n_memory;
    enum run_stage stage;
    struct ensemble_tuning tuning;        // of the burn-in under way
    struct course course;
    struct history history;
    struct measured measured;
    struct metric metric;                 // room 0: the optimiser needs none
    struct checkpoint checkpoint[CHECKPOINTS];
    struct stop stop;
    bool hopeless;                        // training met numbers that were not finite, and no step back helped
    struct run_result *result;
    double wall_start, wall_before;       // s; before: of earlier parts of this run
    double cpu_mark, cpu_start, cpu_before;  // mark: since the start, of all processes
};

double run_wall(void);                    // s
double run_cpu(void);                     // s, of the process
void run_tell(const struct run *run, const struct run_progress *progress);
void run_note(const struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
// CPU time since the last call goes to the phase the run is in; wall and CPU times of the result. By all processes at once, as is all that
// follows.
void run_account(struct run *run);

// False without an error: the run is to stop (run->stop.stopped), or a pass was cut short (run->ensemble.was_cut).
bool run_train(struct run *run, struct error *error);
bool run_measure(struct run *run, struct error *error);
// Values per walker after which the block doubles.
size_t run_series_room(size_t walkers);
// Room for the series, once.
bool run_measure_prepare(struct run *run, struct error *error);
// A series as the statistics and the file have it: [walker, draw], the draws there are; and back, `draws` of them.
void run_series_by_walker(const struct run *run, size_t which, double *out);
void run_series_take(struct run *run, size_t which, size_t draws, const double *by_walker);
// Results from the draws there are.
bool run_conclude(struct run *run, struct error *error);
bool run_publish(struct run *run, const char *status, struct error *error);
const char *run_stop_reason(const struct run *run);

// stop.c. A boundary is a point between two passes where the whole state is known: there a state is saved now and then, a checkpoint
// published when it is time, and the run stopped where that is wished. False: stopped, or an error.
bool run_boundary(struct run *run, struct error *error);
void run_stop_prepare(struct run *run);

// share.c. What a process of a team knows of a run is its own walkers', and what all know. One of the series to the first process, or from it;
// all that is to be written to it; all that was read from it.
void run_share_series(const struct run *run, size_t which, enum team_way way);
void run_share_all_series(struct run *run);
void run_share_before_writing(struct run *run);
bool run_share_after_reading(struct run *run, struct error *error);

// resume.c. Reads the file at the output: where the run goes on is then in stage and the rest of the state.
enum run_resumed { RESUME_FAILED, RESUME_FRESH, RESUME_CONTINUED, RESUME_COMPLETE };
enum run_resumed run_resume(struct run *run, struct error *error);

#endif
