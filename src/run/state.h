// SPDX-License-Identifier: GPL-3.0-or-later
// The state of a run: what every file of this room works on. Which of it is kept, and how, stands in the table of
// kept.c.
#ifndef VMC_RUN_STATE_H
#define VMC_RUN_STATE_H

#include "run/ensemble.h"
#include "run/metric.h"
#include "vmc/observables.h"
#include "vmc/record.h"
#include "vmc/run.h"

// Training as it went, per iteration.
struct history {
    size_t n;  // iterations recorded
    double *energy, *energy_error, *variance, *estimator_variance, *acceptance, *gradient_norm, *learning_rate;
    double *bad, *samples, *expected, *slope, *damping;
    size_t stride, n_kept, room;  // every stride-th iteration keeps its parameters; room: then the stride doubles
    double *parameters;           // [n_kept, K]
};

// Where training stands.
struct training {
    double rate;                // of the schedule
    double shortened, longest;  // factors of the rate: after steps back, from which it recovers; after refinements
    size_t draws;               // per iteration
    size_t window, since;       // of the plateau; the iteration it is looked for from
    size_t backs, fresh, refined, averaged;
    size_t steps_back, bad;            // in all: steps taken back, samples that were not finite
    size_t stage;                      // enum factor_stage: parameters of later ones have not joined
    size_t start, best_start;          // short trainings done; the one that ended lowest
    double best_energy, best_damping;  // its energy; the damping then
    double damping;                    // factor of the metric's shift
    double expected;                   // slope of the energy at the beginning of the last step, along it
    bool over, converged;              // ended by itself; with nothing left to gain
    double gain, gain_error;           // what as many iterations again would still gain; error below 0: not known yet
};

// The series behind the result, one row per value of a block of walkers, every value the mean over `block` consecutive
// draws. When the room is full and more draws are wanted, neighbours are averaged and the block doubles: a run that is
// extended ends with the same series as one that was longer at once.
enum {
    SERIES_ENERGY,
    SERIES_LOCAL,
    SERIES_KINETIC,
    SERIES_TRAP,
    SERIES_PAIR,
    SERIES_KINETIC_GRADIENT,
    SERIES_VIRIAL,
    SERIES
};
struct measured {
    size_t block;                   // draws per value
    size_t room, capacity;          // values per walker after which the block doubles; there is memory for
    size_t draws, partial, chunks;  // values per walker so far; draws in the one under way; passes
    size_t gathered;                // 1 + chunks when the first process last had all series
    const struct ensemble *ensemble;
    size_t interval;  // draws from one look at the positions to the next
    bool was_seen;
    double *values[SERIES];  // [block of walkers, capacity, lane]
    struct ensemble_sums sums;
    double swap_share[RUNGS_MOST - 1];  // of exchanges accepted, between neighbouring temperatures
    struct observables observables;
    struct observables_extent seen[GROUPS_MOST];  // at the end of the burn-in, per group
    double *pending,
        *level_sums;  // reblocking (moments_block): [level, block of walkers, lane]; [group, level, LEVEL_SUMS]
    // Configurations kept: those of every stride-th draw; when there is no room for more, every other one is dropped
    // and the stride doubles.
    double *positions;  // [row, block of walkers, coordinate, lane]
    size_t position_rows, position_stride;
};
// Draws so far; configurations of a block that are kept, [M] rows.
static inline size_t series_draws(const struct measured *measured)
{
    return measured->draws * measured->block + measured->partial;
}
static inline double *series_positions_of(const struct measured *measured, size_t row, size_t block)
{
    return measured->positions +
           (row * measured->ensemble->n_blocks + block) * measured->ensemble->wavefunction.n_coordinates * WALKERS;
}

// What iterations take, since training began or the samples last grew. s, by the wall and of CPU time.
struct pace {
    size_t n;
    double pass, step, pass_cpu, step_cpu;
};

#define RUN_REASON_CONVERGED "converged, nothing left to gain beyond the noise"

enum run_stage { STAGE_TRAINING_BURN_IN, STAGE_TRAINING, STAGE_TRAINED, STAGE_MEASURING_BURN_IN, STAGE_MEASURING };

// A copy of what is kept (checkpoint.h): the last state of training, kept through measuring for a run that is to be
// trained on, and the last one of measuring.
enum { CHECKPOINT_TRAINING, CHECKPOINT_MEASURING, CHECKPOINTS };
enum { KEPT_NUMBERS_MOST = 64, KEPT_ARRAYS_MOST = 24 };
struct checkpoint {
    bool there;
    double number[KEPT_NUMBERS_MOST];  // as kept_numbers orders them
    void *array[KEPT_ARRAYS_MOST];     // as kept_arrays orders them; owned
};

// When to save, publish and stop (stop.c). Times are those of the monotonic clock, s.
struct stop {
    double deadline;          // of --max-time, what publishing takes allowed for; INFINITY: none
    double asked;             // when the wish to stop was first seen in the middle of a pass; 0: not yet
    double saved, published;  // the last time a state was taken, a checkpoint published
    double publishing;        // s, the longest publishing so far
    bool stopped;
};

struct run {
    const struct settings *settings;
    const struct run_options *options;
    struct ensemble ensemble;
    double *theta, *good_theta, *gradient, *memory, *mean_theta, *best_theta, *step_back;
    double *reduced;  // gradient and step in reduced coordinates [2 K]
    size_t n_memory;
    enum run_stage stage;
    struct ensemble_tuning tuning;  // of the burn-in under way
    struct training training;
    struct pace pace;
    struct history history;
    struct measured measured;
    struct metric metric;  // room 0: the optimiser needs none
    struct checkpoint checkpoint[CHECKPOINTS];
    struct stop stop;
    bool hopeless;  // training met numbers that were not finite, and no step back helped
    struct run_result *result;
    char created[32], started[32];   // UTC: when the results file was first written; when this part of the run began
    double wall_start, wall_before;  // s; before: of earlier parts of this run
    double cpu_mark, cpu_start, cpu_before;  // mark: since the start, of all processes
};

double run_wall(void);  // s
double run_cpu(void);   // s, of the process
void run_report(const struct run *run, const struct run_progress *progress);
void run_note(const struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Whether iterations are asked for, and parameters there for them.
bool run_trains(const struct run *run);
const char *run_stop_reason(const struct run *run);
const char *run_training_end(const struct run *run);
// CPU time since the last call goes to the phase the run is in; wall and CPU times of the result. By all processes at
// once, as is all that follows in this room.
void run_account(struct run *run);

#endif
