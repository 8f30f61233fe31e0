// SPDX-License-Identifier: GPL-3.0-or-later
#include "run/kept.h"

#include "base/memory.h"
#include "vmc/rng.h"
#include "vmc/units.h"

#include <stdlib.h>

// ---- results

#define SINCE(format, member, ...)                                        \
    {                                                                     \
#member, offsetof(struct run_result, member), __VA_ARGS__, format \
    }
#define ROW(...) SINCE(1, __VA_ARGS__)
#define NEW(...) SINCE(2, __VA_ARGS__)
const struct run_result_row run_result_rows[] = {
    ROW(energy, false, UNIT_ENERGY, "energy"),
    ROW(energy_error, false, UNIT_ENERGY, "standard error of the energy, correlations included"),
    ROW(variance, false, UNIT_ENERGY_SQUARED, "variance of the local energy"),
    ROW(estimator_variance, false, UNIT_ENERGY_SQUARED,
        "variance of what was averaged: the local energy with its control variates"),
    ROW(local_energy, false, UNIT_ENERGY, "mean of the plain local energy"),
    ROW(local_energy_error, false, UNIT_ENERGY,
        "standard error of the plain mean; not to be believed where the variance is infinite"),
    ROW(kinetic, false, UNIT_ENERGY, "kinetic energy"),
    ROW(kinetic_error, false, UNIT_ENERGY, "standard error of the kinetic energy"),
    ROW(kinetic_gradient, false, UNIT_ENERGY,
        "kinetic energy by the other estimator, the mean of half the squared gradient of ln psi"),
    ROW(kinetic_gradient_error, false, UNIT_ENERGY, "standard error of that"),
    ROW(trap, false, UNIT_ENERGY, "energy in the trap"),
    ROW(trap_error, false, UNIT_ENERGY, "standard error of the trap energy"),
    ROW(pair, false, UNIT_ENERGY, "energy of the pair force"),
    ROW(pair_error, false, UNIT_ENERGY, "standard error of the pair energy"),
    ROW(virial_ratio, false, "1", "twice the kinetic energy over the virial of the potential; 1 for an exact state"),
    NEW(virial_ratio_error, false, "1", "standard error of the virial ratio, with the correlations of its parts"),
    ROW(acceptance, false, "1", "share of moves accepted while measuring"),
    ROW(step, false, NULL, "step of the sampler in use"),
    NEW(swap_acceptance, false, "1",
        "share of exchanges accepted between neighbouring temperatures, the least of the ladder"),
    NEW(divergences, true, "1", "trajectories of hmc that diverged, and were rejected, while measuring"),
    ROW(autocorrelation_time, false, "draws", "integrated autocorrelation time of the energy"),
    ROW(autocorrelation_error, false, UNIT_ENERGY, "standard error of the energy by the autocorrelation time"),
    ROW(effective_samples, false, "1", "samples that as many independent ones would be worth"),
    ROW(r_hat, false, "1", "rank-normalised split R-hat over the walkers"),
    ROW(n_samples, true, "1", "samples drawn"),
    ROW(n_bad, true, "1", "samples without a finite energy, left out, while measuring"),
    NEW(n_bad_training, true, "1", "samples without a finite energy, left out, in training"),
    ROW(iterations, true, "1", "training iterations done"),
    ROW(steps_back, true, "1", "training steps taken back"),
    NEW(converged, true, "1", "1: training ended with nothing left to gain beyond its noise"),
    NEW(training_gain, false, UNIT_ENERGY,
        "what as many training iterations again would still gain, by the last ones' slopes or energies"),
    NEW(training_gain_error, false, UNIT_ENERGY, "standard error of that"),
    ROW(n_parameters, true, "1", "parameters of the wave function"),
    ROW(memory_per_walker, true, "byte", "memory per walker"),
    ROW(wall_time, false, "s", "wall time"),
    ROW(cpu_time, false, "s", "CPU time of all threads"),
    ROW(training_cpu_time, false, "s", "CPU time of training"),
    ROW(measuring_cpu_time, false, "s", "CPU time of measuring"),
    { .name = NULL },
};
#undef ROW
#undef NEW
#undef SINCE

double *kept_result_at(struct run_result *result, size_t offset) { return (double *)(void *)((char *)result + offset); }

// ---- history

#define ROW(member, since_, unit_, long_name_)                               \
    {                                                                        \
#member, offsetof(struct history, member), since_, unit_, long_name_ \
    }
const struct kept_column kept_columns[] = {
    ROW(energy, 1, UNIT_ENERGY, "energy"),
    ROW(energy_error, 1, UNIT_ENERGY, "standard error of the energy, from the scatter between walkers"),
    ROW(variance, 1, UNIT_ENERGY_SQUARED, "variance of the local energy"),
    ROW(estimator_variance, 1, UNIT_ENERGY_SQUARED, "variance of the controlled local energy"),
    ROW(acceptance, 1, "1", "share of accepted moves"),
    ROW(gradient_norm, 1, UNIT_ENERGY, "Euclidean norm of the energy gradient"),
    ROW(learning_rate, 1, "1", "learning rate of the step that followed"),
    ROW(bad, 2, "1", "samples without a finite energy, left out"),
    ROW(samples, 2, "1", "samples drawn"),
    ROW(expected, 2, UNIT_ENERGY, "what the step that led here was to gain, by the gradient at its beginning"),
    ROW(slope, 2, UNIT_ENERGY,
        "what another step like the last one would gain, by the gradient at its end; of mean 0 when converged"),
    ROW(damping, 2, "1", "factor of the metric's shift"),
    { .name = NULL },
};
#undef ROW

double **kept_column_of(const struct history *history, const struct kept_column *column)
{
    return (double **)(void *)((char *)(uintptr_t)history + column->offset);
}

// ---- series

#define RESULT(member) offsetof(struct run_result, member), offsetof(struct run_result, member##_error)
const struct kept_series kept_series[SERIES] = {
    [SERIES_ENERGY] = { "energy", true, CONTROLLED_ENERGY_ROW, RESULT(energy), 1, UNIT_ENERGY,
                        "what was averaged: local energy with control variates" },
    [SERIES_LOCAL] = { "local_energy", false, ENERGY_LOCAL, RESULT(local_energy), 1, UNIT_ENERGY, "local energy" },
    [SERIES_KINETIC] = { "kinetic", true, CONTROLLED_ROW + CONTROLLED_KINETIC, RESULT(kinetic), 1, UNIT_ENERGY,
                         "kinetic energy with control variates" },
    [SERIES_TRAP] = { "trap", true, CONTROLLED_ROW + CONTROLLED_TRAP, RESULT(trap), 1, UNIT_ENERGY,
                      "trap energy with control variates" },
    [SERIES_PAIR] = { "pair", true, CONTROLLED_ROW + CONTROLLED_PAIR, RESULT(pair), 1, UNIT_ENERGY,
                      "pair energy with control variates" },
    [SERIES_KINETIC_GRADIENT] = { "kinetic_gradient", false, ENERGY_KINETIC_GRADIENT, RESULT(kinetic_gradient), 1,
                                  UNIT_ENERGY, "half the squared gradient of ln psi" },
    [SERIES_VIRIAL] = { "virial", false, ENERGY_VIRIAL, KEPT_NOWHERE, KEPT_NOWHERE, 1, UNIT_ENERGY,
                        "sum over coordinates of x dV/dx" },
};
#undef RESULT

// ---- numbers of a state

#define SINCE(format, name, type, member, where, ...)                        \
    {                                                                        \
        name, type, offsetof(struct run, member), where, format, __VA_ARGS__ \
    }
#define ROW(...) SINCE(1, __VA_ARGS__)
#define NEW(...) SINCE(2, __VA_ARGS__)
#define LATER(...) SINCE(3, __VA_ARGS__)  // files of format 2 need not have it
const struct kept_number kept_numbers[] = {
    ROW("stage", KEPT_STAGE, stage, IN_ALL, "1",
        "0: burn-in before training, 1: training, 2: trained, 3: burn-in before measuring, 4: measuring"),
    ROW("burn_in", KEPT_COUNT, tuning.done, IN_ALL, "sweeps", "sweeps of the burn-in done"),
    ROW("tuning_sum", KEPT_REAL, tuning.sum, IN_ALL, "1", "sum of ln step over the last half of the burn-in"),
    ROW("tuning_count", KEPT_WHOLE, tuning.count, IN_ALL, "1", "terms of that sum"),
    ROW("iterations", KEPT_COUNT, history.n, IN_ALL, "1", "training iterations done"),
    ROW("stride", KEPT_COUNT, history.stride, IN_ALL, "1", "iterations from one kept set of parameters to the next"),
    ROW("kept", KEPT_COUNT, history.n_kept, IN_ALL, "1", "sets of parameters kept"),
    ROW("shortened", KEPT_REAL, training.shortened, IN_TRAINING, "1",
        "factor of the learning rate after steps taken back"),
    ROW("longest", KEPT_REAL, training.longest, IN_TRAINING, "1", "factor of the learning rate after refinements"),
    ROW("draws", KEPT_COUNT, training.draws, IN_TRAINING, "1", "draws per walker and iteration"),
    ROW("since", KEPT_COUNT, training.since, IN_TRAINING, "1", "iteration from which a plateau is looked for"),
    ROW("backs", KEPT_COUNT, training.backs, IN_TRAINING, "1", "steps taken back in a row"),
    ROW("fresh", KEPT_COUNT, training.fresh, IN_TRAINING, "1", "steps since the optimiser's memory was empty"),
    ROW("refined", KEPT_COUNT, training.refined, IN_TRAINING, "1", "refinements so far"),
    ROW("averaged", KEPT_COUNT, training.averaged, IN_TRAINING, "1", "iterations in the mean of the parameters"),
    NEW("start", KEPT_COUNT, training.start, IN_TRAINING, "1", "short trainings done"),
    LATER("plain_gradient", KEPT_FLAG, ensemble.plain_gradient, IN_TRAINING, "1",
          "1: the gradient does without control variates, which are not worth their cost"),
    LATER("best_start", KEPT_COUNT, training.best_start, IN_TRAINING, "1", "the one of them that ended lowest"),
    NEW("best_energy", KEPT_REAL, training.best_energy, IN_TRAINING, UNIT_ENERGY,
        "the lowest that one of them ended at"),
    NEW("best_damping", KEPT_REAL, training.best_damping, IN_TRAINING, "1", "factor of the metric's shift then"),
    NEW("expected", KEPT_REAL, training.expected, IN_TRAINING, UNIT_ENERGY, "what the last step was to gain"),
    NEW("training_stage", KEPT_COUNT, training.stage, IN_TRAINING, "1",
        "0: pair factors are trained, 1: backflow too, 2: all"),
    NEW("damping", KEPT_REAL, training.damping, IN_TRAINING, "1", "factor of the metric's shift"),
    ROW("steps_back", KEPT_COUNT, training.steps_back, IN_ALL, "1", "training steps taken back"),
    ROW("bad", KEPT_COUNT, training.bad, IN_ALL, "1", "samples of training without a finite energy"),
    ROW("over", KEPT_FLAG, training.over, IN_ALL, "1", "1: training ended by itself, with nothing left to gain"),
    NEW("converged", KEPT_FLAG, training.converged, IN_ALL, "1", "1: nothing was left to gain when training ended"),
    NEW("gain", KEPT_REAL, training.gain, IN_ALL, UNIT_ENERGY, "what as many iterations again would still gain"),
    NEW("gain_error", KEPT_REAL, training.gain_error, IN_ALL, UNIT_ENERGY, "standard error of that"),
    ROW("step", KEPT_REAL, ensemble.step, IN_ALL, NULL, "step of the sampler"),
    NEW("warm", KEPT_FLAG, ensemble.warm, IN_ALL, "1", "1: the first burn-in is over"),
    NEW("learnt", KEPT_FLAG, ensemble.learnt, IN_ALL, "1", "1: the sampler has learnt its step and widths"),
    ROW("reference", KEPT_REAL, ensemble.reference, IN_ALL, UNIT_ENERGY, "energy that sums are taken relative to"),
    ROW("range", KEPT_REAL, ensemble.controls.range, IN_ALL, UNIT_PER_LENGTH,
        "beta of the pair functions among the control variates"),
    ROW("chunks", KEPT_COUNT, measured.chunks, IN_MEASURING, "1", "passes done"),
    ROW("values", KEPT_COUNT, measured.draws, IN_MEASURING, "1", "values per walker in the series"),
    ROW("partial", KEPT_COUNT, measured.partial, IN_MEASURING, "1", "draws in the value under way"),
    ROW("block", KEPT_COUNT, measured.block, IN_MEASURING, "1", "draws per value"),
    ROW("sum_samples", KEPT_WHOLE, measured.sums.samples, IN_MEASURING, "1", "samples drawn"),
    ROW("sum_bad", KEPT_WHOLE, measured.sums.bad, IN_MEASURING, "1", "samples without a finite energy"),
    ROW("sum_accepted", KEPT_WHOLE, measured.sums.accepted, IN_MEASURING, "1", "moves accepted"),
    ROW("sum_moves", KEPT_WHOLE, measured.sums.moves, IN_MEASURING, "1", "moves tried"),
    ROW("sum_energy", KEPT_REAL, measured.sums.energy, IN_MEASURING, UNIT_ENERGY, "sum of controlled energies"),
    ROW("sum_energy2", KEPT_REAL, measured.sums.energy2, IN_MEASURING, UNIT_ENERGY_SQUARED, "sum of their squares"),
    ROW("sum_local", KEPT_REAL, measured.sums.local, IN_MEASURING, UNIT_ENERGY, "sum of local energies"),
    ROW("sum_local2", KEPT_REAL, measured.sums.local2, IN_MEASURING, UNIT_ENERGY_SQUARED, "sum of their squares"),
    ROW("sum_walker2", KEPT_REAL, measured.sums.walker2, IN_MEASURING, UNIT_ENERGY_SQUARED,
        "sum of squares of the walkers' means"),
    NEW("sum_divergent", KEPT_WHOLE, measured.sums.divergent, IN_MEASURING, "1", "trajectories that diverged"),
    NEW("room", KEPT_COUNT, measured.room, IN_MEASURING, "1", "values per walker after which neighbours are averaged"),
    NEW("position_stride", KEPT_COUNT, measured.position_stride, IN_MEASURING, "draws",
        "from one kept configuration to the next"),
    NEW("reach_x", KEPT_REAL, measured.observables.extent.reach[0], IN_MEASURING, UNIT_LENGTH,
        "end of the histograms' axis along x"),
    NEW("reach_y", KEPT_REAL, measured.observables.extent.reach[1], IN_MEASURING, UNIT_LENGTH,
        "end of the histograms' axis along y"),
    NEW("reach_z", KEPT_REAL, measured.observables.extent.reach[2], IN_MEASURING, UNIT_LENGTH,
        "end of the histograms' axis along z"),
    NEW("reach_radius", KEPT_REAL, measured.observables.extent.reach[EXTENT_RADIUS], IN_MEASURING, UNIT_LENGTH,
        "end of the histograms' radius"),
    NEW("reach_pair", KEPT_REAL, measured.observables.extent.reach[EXTENT_PAIR], IN_MEASURING, UNIT_LENGTH,
        "end of the histograms' pair distance"),
    { .name = NULL },
};
#undef ROW
#undef NEW
#undef LATER
#undef SINCE
_Static_assert(sizeof kept_numbers / sizeof *kept_numbers <= KEPT_NUMBERS_MOST + 1, "room in a checkpoint");

double kept_number_get(const struct run *run, const struct kept_number *number)
{
    const void *member = (const char *)run + number->offset;
    switch (number->type) {
    case KEPT_COUNT: return (double)*(const size_t *)member;
    case KEPT_FLAG: return *(const bool *)member;
    case KEPT_STAGE: return *(const enum run_stage *)member;
    default: return *(const double *)member;
    }
}

void kept_number_set(struct run *run, const struct kept_number *number, double value)
{
    void *member = (char *)run + number->offset;
    switch (number->type) {
    case KEPT_COUNT: *(size_t *)member = (size_t)value; return;
    case KEPT_FLAG: *(bool *)member = value > 0; return;
    case KEPT_STAGE: *(enum run_stage *)member = (enum run_stage)value; return;
    default: *(double *)member = value;
    }
}

const char *kept_number_unit(const struct run *run, const struct kept_number *number)
{
    const char *unit = number->unit ? number->unit : run->ensemble.sampler->step_unit;
    return unit ? unit : "1";
}

// ---- arrays of a state

static void *position_part(struct run *run, size_t row, size_t block)
{
    (void)row;
    return run->ensemble.block[block].current;  // the coordinates are a frame's first rows
}

static void *hot_position_part(struct run *run, size_t row, size_t block)
{
    return run->ensemble.block[(row + 1) * run->ensemble.n_blocks + block].current;
}

static void *hot_random_part(struct run *run, size_t row, size_t block)
{
    return run->ensemble.block[(row + 1) * run->ensemble.n_blocks + block].random;
}

static void *swap_part(struct run *run, size_t row, size_t unit)
{
    (void)row;
    (void)unit;
    return run->measured.sums.swapped;
}

static void *control_part(struct run *run, size_t quantity, size_t unit)
{
    (void)unit;
    return run->ensemble.controls.coefficient[quantity];
}

static void *value_part(struct run *run, size_t series, size_t block)
{
    const struct measured *measured = &run->measured;
    return measured->values[series] + (block * measured->capacity + measured->draws) * WALKERS;
}

static void *pending_part(struct run *run, size_t level, size_t block)
{
    return run->measured.pending + (level * run->ensemble.n_blocks + block) * WALKERS;
}

static void *configuration_part(struct run *run, size_t row, size_t block)
{
    const struct ensemble *ensemble = &run->ensemble;
    return run->measured.positions +
           (row * ensemble->n_blocks + block) * ensemble->wavefunction.n_coordinates * WALKERS;
}

#define ROW(since_, name_, type_, where_, scope_, long_name_, ...)                                                \
    {                                                                                                             \
        .name = name_, .type = type_, .where = where_, .since = since_, .scope = scope_, .long_name = long_name_, \
        __VA_ARGS__                                                                                               \
    }
#define AT(member) .offset = offsetof(struct run, member)
#define AXES(...) .axis = { __VA_ARGS__ }
const struct kept_array kept_arrays[] = {
    ROW(1, "parameters", KEPT_REALS, IN_ALL, OF_ALL, "parameters", AXES(AXIS_PARAMETER), AT(theta)),
    ROW(1, "good_parameters", KEPT_REALS, IN_TRAINING, OF_ALL, "the last parameters that gave finite numbers",
        AXES(AXIS_PARAMETER), AT(good_theta)),
    ROW(1, "mean_parameters", KEPT_REALS, IN_TRAINING, OF_ALL, "mean of the parameters since the last refinement",
        AXES(AXIS_PARAMETER), AT(mean_theta)),
    ROW(2, "best_parameters", KEPT_REALS, IN_TRAINING, OF_ALL, "those of the best short training", AXES(AXIS_PARAMETER),
        AT(best_theta)),
    ROW(1, "optimizer_memory", KEPT_REALS, IN_TRAINING, OF_FIRST, "what the optimiser remembers", AXES(AXIS_MEMORY),
        AT(memory)),
    ROW(1, "positions", KEPT_REALS, IN_ALL, OF_BLOCKS, "coordinates of the walkers",
        AXES(AXIS_BLOCK, AXIS_COORDINATE, AXIS_LANE), .part = position_part),
    ROW(1, "random", KEPT_WORDS, IN_ALL, OF_BLOCKS, "states of the random streams",
        AXES(AXIS_BLOCK, AXIS_WORD, AXIS_LANE), AT(ensemble.random)),
    ROW(2, "rungs", KEPT_REALS, IN_ALL, OF_ALL, "of every temperature: step, its tuning, what the sampler learnt",
        AXES(AXIS_RUNG, AXIS_RUNG_NUMBER), AT(ensemble.rungs)),
    ROW(2, "hot_positions", KEPT_REALS, IN_ALL, OF_BLOCKS, "coordinates of the walkers at the other temperatures",
        AXES(AXIS_HOT_RUNG, AXIS_BLOCK, AXIS_PLACE), .rows = true, .part = hot_position_part),
    ROW(2, "hot_random", KEPT_WORDS, IN_ALL, OF_BLOCKS, "states of the random streams at the other temperatures",
        AXES(AXIS_HOT_RUNG, AXIS_BLOCK, AXIS_STREAMS), .rows = true, .part = hot_random_part),
    ROW(2, "swapped", KEPT_REALS, IN_MEASURING, OF_ALL, "exchanges accepted with the next higher temperature",
        AXES(AXIS_HOT_RUNG), .part = swap_part),
    ROW(1, "controls", KEPT_REALS, IN_ALL, OF_ALL, "coefficients of the control variates",
        AXES(AXIS_QUANTITY, AXIS_FUNCTION), .rows = true, .part = control_part),
    ROW(1, "value_under_way", KEPT_REALS, IN_MEASURING, OF_BLOCKS, "part of the value that is not complete yet",
        AXES(AXIS_SERIES, AXIS_CHAIN), .rows = true, .partial = true, .part = value_part),
    ROW(2, "histogram_counts", KEPT_COUNTS, IN_MEASURING, OF_GROUPS, "counters of the histograms",
        AXES(AXIS_BATCH, AXIS_COUNTER), AT(measured.observables.count)),
    ROW(2, "histogram_sums", KEPT_REALS, IN_MEASURING, OF_GROUPS, "sums of distances", AXES(AXIS_BATCH, AXIS_MEAN),
        AT(measured.observables.sum)),
    ROW(2, "histogram_samples", KEPT_REALS, IN_MEASURING, OF_GROUPS, "configurations seen", AXES(AXIS_BATCH),
        AT(measured.observables.samples)),
    ROW(2, "level_sums", KEPT_REALS, IN_MEASURING, OF_GROUPS, "sums of block means and of their squares",
        AXES(AXIS_GROUP, AXIS_LEVEL, AXIS_POWER), AT(measured.level_sums)),
    ROW(2, "level_halves", KEPT_REALS, IN_MEASURING, OF_BLOCKS, "block means that wait for their other half",
        AXES(AXIS_LEVEL, AXIS_CHAIN), .rows = true, .part = pending_part),
    ROW(2, "configurations", KEPT_REALS, IN_MEASURING, OF_BLOCKS, "configurations kept",
        AXES(AXIS_KEPT, AXIS_BLOCK, AXIS_PLACE), .rows = true, .part = configuration_part),
    { .name = NULL },
};
#undef ROW
#undef AT
#undef AXES
_Static_assert(sizeof kept_arrays / sizeof *kept_arrays <= KEPT_ARRAYS_MOST + 1, "room in a checkpoint");
_Static_assert(sizeof(double) == sizeof(uint64_t), "values of 8 bytes");

static struct record_axis axis_of(const struct run *run, enum kept_axis which)
{
    const struct ensemble *ensemble = &run->ensemble;
    const struct observables *observables = &run->measured.observables;
    const struct {
        const char *name;
        size_t extent;
        const char *long_name;
    } axes[] = {
        [AXIS_NONE] = { NULL, 0, NULL },
        [AXIS_PARAMETER] = { "parameter", ensemble->wavefunction.n_parameters, "position in the parameter vector" },
        [AXIS_MEMORY] = { "memory", run->n_memory, "position in the optimiser's memory" },
        [AXIS_BLOCK] = { "walker_block", ensemble->n_blocks, "block of walkers" },
        [AXIS_COORDINATE] = { "coordinate", ensemble->wavefunction.n_coordinates, "coordinate" },
        [AXIS_WORD] = { "word", RNG_ROWS, "word of a stream's state" },
        [AXIS_LANE] = { "lane", WALKERS, "walker of the block" },
        [AXIS_QUANTITY] = { "quantity", CONTROLLED_QUANTITIES, "kinetic, trap, pair" },
        [AXIS_FUNCTION] = { "function", ensemble->controls.n_functions, "control function" },
        [AXIS_SERIES] = { "series", SERIES, "series, in the order of the program's table" },
        [AXIS_CHAIN] = { "chain", ensemble->n_walkers, "walker" },
        [AXIS_BATCH] = { "batch", observables->n_batches, "batch of walkers" },
        [AXIS_MEAN] = { "mean", observables->n_sums, "mean or element of a matrix" },
        [AXIS_GROUP] = { "group", ensemble->n_groups, "group of blocks" },
        [AXIS_LEVEL] = { "level", MOMENT_LEVELS, "blocks of 2^level draws" },
        [AXIS_POWER] = { "power", LEVEL_SUMS, "of the mean, less one" },
        [AXIS_KEPT] = { "row", run->measured.position_rows, "draws kept" },
        [AXIS_PLACE] = { "place", ensemble->wavefunction.n_coordinates * WALKERS, "coordinate, walker of the block" },
        [AXIS_RUNG] = { "rung", ensemble->n_rungs, "temperature" },
        [AXIS_RUNG_NUMBER] = { "rung_number", ensemble->rung_row, "step, tuning, the sampler's own" },
        [AXIS_HOT_RUNG] = { "hot_rung", ensemble->n_rungs - 1, "temperature above 1" },
        [AXIS_STREAMS] = { "stream", RNG_ROWS * WALKERS, "word of a stream's state, walker of the block" },
        [AXIS_COUNTER] = { "counter", observables->n_counters, "bin of all histograms" },
    };
    return (struct record_axis){ axes[which].name, axes[which].extent, "1", axes[which].long_name, NULL };
}

size_t kept_array_axes(const struct run *run, const struct kept_array *array, struct record_axis axis[3])
{
    size_t rank = 0;
    for (; rank < 3 && array->axis[rank] != AXIS_NONE; rank++)
        axis[rank] = axis_of(run, array->axis[rank]);
    return rank;
}

size_t kept_array_count(const struct run *run, const struct kept_array *array)
{
    struct record_axis axis[3];
    size_t n = 1;
    for (size_t rank = kept_array_axes(run, array, axis); rank-- > 0;)
        n *= axis[rank].extent;
    return n;
}

struct kept_parts kept_array_parts(const struct run *run, const struct kept_array *array)
{
    struct kept_parts parts = { .rows = array->rows ? axis_of(run, array->axis[0]).extent : 1, .units = 1 };
    if (array->scope == OF_BLOCKS)
        parts.units = run->ensemble.n_blocks;
    if (array->scope == OF_GROUPS)
        parts.units = run->ensemble.n_groups;
    parts.size = parts.rows > 0 ? kept_array_count(run, array) / (parts.rows * parts.units) : 0;
    return parts;
}

void *kept_array_part(struct run *run, const struct kept_array *array, size_t row, size_t unit)
{
    if (array->part)
        return array->part(run, row, unit);
    double *all = *(double **)(void *)((char *)run + array->offset);
    return all + unit * kept_array_parts(run, array).size;
}

void kept_array_move(const struct run *run, const struct kept_array *array, void *values, enum team_way way)
{
    const struct kept_parts parts = kept_array_parts(run, array);
    const size_t size = parts.size * sizeof(double);
    if (array->scope == OF_ALL && way == TEAM_DEAL)
        team_share(run->options->team, values, kept_array_count(run, array) * sizeof(double));
    if (array->scope == OF_BLOCKS)
        ensemble_move_blocks(&run->ensemble, &(struct ensemble_rows){ values, parts.rows, parts.units * size, size },
                             way);
    if (array->scope == OF_GROUPS)
        ensemble_move_groups(&run->ensemble, values, size, way);
}

// ---- memory

// The parameters of every iteration, or of every stride-th, in less than 10 MB; a room that is even, so that it can be
// halved.
enum { PARAMETER_BYTES = 10000000, PARAMETER_ROOM_LEAST = 4 };

static size_t parameter_room(size_t n_parameters)
{
    const size_t row = (n_parameters ? n_parameters : 1) * sizeof(double);
    return row < PARAMETER_BYTES / PARAMETER_ROOM_LEAST ? PARAMETER_BYTES / row / 2 * 2 : PARAMETER_ROOM_LEAST;
}

// Sets of parameters there is memory for.
static size_t parameter_rows(const struct run *run)
{
    const size_t room = parameter_room(run->ensemble.wavefunction.n_parameters),
                 iterations = run->settings->optimizer.iterations;
    return iterations < room ? iterations : room;
}

static bool has_state(const struct kept_array *array, size_t which)
{
    return array->where & (which == CHECKPOINT_TRAINING ? IN_TRAINING : IN_BURN_IN | IN_MEASURING);
}

static bool allocate_states(struct run *run)
{
    bool good = true;
    for (size_t which = 0; which < CHECKPOINTS; which++)
        for (size_t k = 0; kept_arrays[k].name; k++)
            if (has_state(&kept_arrays[k], which))
                good = (run->checkpoint[which].array[k] = memory_doubles(kept_array_count(run, &kept_arrays[k]))) &&
                       good;
    return good;
}

bool kept_allocate(struct run *run, struct error *error)
{
    struct history *history = &run->history;
    const size_t n = run->ensemble.wavefunction.n_parameters;
    double **const vectors[] = { &run->theta,      &run->good_theta, &run->mean_theta,
                                 &run->best_theta, &run->gradient,   &run->step_back };
    bool good = (run->memory = memory_doubles(run->n_memory)) != NULL;
    good = (run->reduced = memory_doubles(2 * n)) && good;
    for (size_t k = 0; k < sizeof vectors / sizeof *vectors; k++)
        good = (*vectors[k] = memory_doubles(n)) && good;
    history->stride = 1;
    history->room = parameter_room(n);
    good = (history->parameters = memory_doubles(parameter_rows(run) * n)) && good;
    for (const struct kept_column *column = kept_columns; column->name; column++)
        good = (*kept_column_of(history, column) = memory_doubles(run->settings->optimizer.iterations)) && good;
    if (!good)
        return error_add(error, ERROR_INTERNAL, "no memory for training %zu parameters", n);
    return allocate_states(run) ||
           error_add(error, ERROR_INTERNAL, "no memory to keep a state of the walkers; use fewer: sampler.walkers");
}

void kept_release(struct run *run)
{
    double *const vectors[] = {
        run->theta,     run->good_theta, run->mean_theta, run->best_theta,         run->gradient,
        run->step_back, run->reduced,    run->memory,     run->history.parameters,
    };
    for (size_t k = 0; k < sizeof vectors / sizeof *vectors; k++)
        memory_free(vectors[k]);
    for (const struct kept_column *column = kept_columns; column->name; column++)
        memory_free(*kept_column_of(&run->history, column));
    for (size_t k = 0; k < SERIES; k++)
        memory_free(run->measured.values[k]);
    for (size_t k = 0; k < CHECKPOINTS * KEPT_ARRAYS_MOST; k++)
        memory_free(run->checkpoint[k / KEPT_ARRAYS_MOST].array[k % KEPT_ARRAYS_MOST]);
    memory_free(run->measured.pending);
    memory_free(run->measured.level_sums);
    memory_free(run->measured.positions);
}

double kept_bytes(const struct run *run, double values)
{
    double doubles = SERIES * values * (double)run->ensemble.n_walkers +
                     (double)(parameter_rows(run) * run->ensemble.wavefunction.n_parameters);
    for (const struct kept_column *column = kept_columns; column->name; column++)
        doubles += (double)run->settings->optimizer.iterations;
    for (const struct kept_array *array = kept_arrays; array->name; array++)
        for (size_t which = 0; which < CHECKPOINTS; which++)
            doubles += has_state(array, which) ? (double)kept_array_count(run, array) : 0;
    return sizeof(double) * doubles;
}
