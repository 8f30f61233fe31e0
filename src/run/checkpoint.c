// SPDX-License-Identifier: GPL-3.0-or-later
// States of a run. Between passes all there is to know of the walkers is their coordinates and random streams: everything else of a frame
// follows from x and theta. Histories and series only grow, so a state holds how much of them belongs to it; they stand in /training and
// /measurement.
#include "run/run_parts.h"

#include "base/memory.h"
#include "vmc/rng.h"
#include "vmc/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IN_TRAINING = 1, IN_MEASURING = 2, IN_BOTH = 3, PATH_SIZE = 128 };
static const char *const groups[CHECKPOINTS] = { [CHECKPOINT_TRAINING] = "training", [CHECKPOINT_MEASURING] = "measuring" };

// ---- the single numbers

#define ROW(member, where, whole, unit, long_name) { #member, offsetof(struct checkpoint_numbers, member), where, whole, unit, long_name }
static const struct row {
    const char *name;
    size_t offset;
    int where;
    bool whole;
    const char *unit, *long_name;
} rows[] = {
    ROW(stage, IN_BOTH, true, "1", "0: burn-in before training, 1: training, 2: trained, 3: burn-in before measuring, 4: measuring"),
    ROW(burn_in, IN_BOTH, true, "sweeps", "sweeps of the burn-in done"),
    ROW(tuning_sum, IN_BOTH, false, "1", "sum of ln step over the last half of the burn-in"),
    ROW(tuning_count, IN_BOTH, true, "1", "terms of that sum"),
    ROW(iterations, IN_BOTH, true, "1", "training iterations done"),
    ROW(stride, IN_BOTH, true, "1", "iterations from one kept set of parameters to the next"),
    ROW(kept, IN_BOTH, true, "1", "sets of parameters kept"),
    ROW(shortened, IN_TRAINING, false, "1", "factor of the learning rate after steps taken back"),
    ROW(longest, IN_TRAINING, false, "1", "factor of the learning rate after refinements"),
    ROW(draws, IN_TRAINING, true, "1", "draws per walker and iteration"),
    ROW(since, IN_TRAINING, true, "1", "iteration from which a plateau is looked for"),
    ROW(backs, IN_TRAINING, true, "1", "steps taken back in a row"),
    ROW(fresh, IN_TRAINING, true, "1", "steps since the optimiser's memory was empty"),
    ROW(refined, IN_TRAINING, true, "1", "refinements so far"),
    ROW(averaged, IN_TRAINING, true, "1", "iterations in the mean of the parameters"),
    ROW(steps_back, IN_BOTH, true, "1", "training steps taken back"),
    ROW(bad, IN_BOTH, true, "1", "samples of training without a finite energy"),
    ROW(over, IN_BOTH, true, "1", "1: training ended since the energy no longer fell"),
    ROW(step, IN_BOTH, false, "1", "step of the sampler"),
    ROW(reference, IN_BOTH, false, UNIT_ENERGY, "energy that sums are taken relative to"),
    ROW(range, IN_BOTH, false, UNIT_PER_LENGTH, "beta of the pair functions among the control variates"),
    ROW(chunks, IN_MEASURING, true, "1", "passes done"),
    ROW(values, IN_MEASURING, true, "1", "values per walker in the series"),
    ROW(partial, IN_MEASURING, true, "1", "draws in the value under way"),
    ROW(block, IN_MEASURING, true, "1", "draws per value"),
    ROW(sum_samples, IN_MEASURING, true, "1", "samples drawn"),
    ROW(sum_bad, IN_MEASURING, true, "1", "samples without a finite energy"),
    ROW(sum_accepted, IN_MEASURING, true, "1", "moves accepted"),
    ROW(sum_moves, IN_MEASURING, true, "1", "moves tried"),
    ROW(sum_energy, IN_MEASURING, false, UNIT_ENERGY, "sum of controlled energies"),
    ROW(sum_energy2, IN_MEASURING, false, UNIT_ENERGY_SQUARED, "sum of their squares"),
    ROW(sum_local, IN_MEASURING, false, UNIT_ENERGY, "sum of local energies"),
    ROW(sum_local2, IN_MEASURING, false, UNIT_ENERGY_SQUARED, "sum of their squares"),
    ROW(sum_walker2, IN_MEASURING, false, UNIT_ENERGY_SQUARED, "sum of squares of the walkers' means"),
};
enum { ROWS = sizeof rows / sizeof *rows };
// The sums as struct ensemble_sums orders them.
_Static_assert(offsetof(struct checkpoint_numbers, sum_walker2) - offsetof(struct checkpoint_numbers, sum_samples) + sizeof(double) ==
                   sizeof(struct ensemble_sums), "a row per sum");

static size_t which_now(const struct run *run) { return run->stage < STAGE_MEASURING_BURN_IN ? CHECKPOINT_TRAINING : CHECKPOINT_MEASURING; }

static void numbers_take(const struct run *run, struct checkpoint_numbers *to)
{
    const struct course *course = &run->course;
    const struct measured *measured = &run->measured;
    *to = (struct checkpoint_numbers){
        .stage = run->stage, .burn_in = (double)run->tuning.done, .tuning_sum = run->tuning.sum, .tuning_count = run->tuning.count,
        .iterations = (double)run->history.n, .stride = (double)run->history.stride, .kept = (double)run->history.n_kept,
        .shortened = course->shortened, .longest = course->longest, .draws = (double)course->draws, .since = (double)course->since,
        .backs = (double)course->backs, .fresh = (double)course->fresh, .refined = (double)course->refined, .averaged = (double)course->averaged,
        .steps_back = (double)course->steps_back, .bad = (double)course->bad, .over = course->over,
        .step = run->ensemble.step, .reference = run->ensemble.reference, .range = run->ensemble.controls.range,
        .chunks = (double)measured->chunks, .values = (double)measured->draws, .partial = (double)measured->partial, .block = (double)measured->block };
    memcpy(&to->sum_samples, &measured->sums, sizeof measured->sums);
}

static void numbers_restore(struct run *run, const struct checkpoint_numbers *from)
{
    struct course *course = &run->course;
    struct measured *measured = &run->measured;
    run->stage = (enum run_stage)from->stage;
    run->tuning = (struct ensemble_tuning){ (size_t)from->burn_in, from->tuning_sum, from->tuning_count };
    run->history.n = (size_t)from->iterations;
    run->history.stride = (size_t)from->stride;
    run->history.n_kept = (size_t)from->kept;
    *course = (struct course){ .rate = course->rate, .window = course->window, .shortened = from->shortened, .longest = from->longest,
                               .draws = (size_t)from->draws, .since = (size_t)from->since, .backs = (size_t)from->backs,
                               .fresh = (size_t)from->fresh, .refined = (size_t)from->refined, .averaged = (size_t)from->averaged,
                               .steps_back = (size_t)from->steps_back, .bad = (size_t)from->bad, .over = from->over > 0 };
    run->ensemble.step = from->step;
    run->ensemble.reference = from->reference;
    run->ensemble.controls.range = from->range;
    if (run->stage != STAGE_MEASURING)
        return;
    measured->chunks = (size_t)from->chunks;
    measured->draws = (size_t)from->values;
    measured->partial = (size_t)from->partial;
    measured->block = (size_t)from->block;
    memcpy(&measured->sums, &from->sum_samples, sizeof measured->sums);
}

// ---- arrays

// Every array of a state: where it stands, its shape, and in which states it is.
struct array {
    const char *name, *long_name;
    double **values;
    int where;
    size_t rank;
    struct record_axis axis[3];
};
enum { ARRAYS = 10 };

static size_t count_of(const struct array *array)
{
    size_t n = 1;
    for (size_t d = 0; d < array->rank; d++)
        n *= array->axis[d].extent;
    return n;
}

static void describe(const struct run *run, struct checkpoint *checkpoint, struct array out[ARRAYS])
{
    const struct ensemble *ensemble = &run->ensemble;
    const struct observables *observables = &run->measured.observables;
    const struct record_axis parameter = { "parameter", ensemble->wavefunction.n_parameters, "1", "position in the parameter vector", NULL };
    const struct record_axis memory = { "memory", run->n_memory, "1", "position in the optimiser's memory", NULL };
    const struct record_axis block = { "walker_block", ensemble->n_blocks, "1", "block of walkers", NULL };
    const struct record_axis coordinate = { "coordinate", ensemble->wavefunction.n_coordinates, "1", "coordinate", NULL };
    const struct record_axis lane = { "lane", WALKERS, "1", "walker of the block", NULL };
    const struct record_axis quantity = { "quantity", CONTROLLED_QUANTITIES, "1", "kinetic, trap, pair", NULL };
    const struct record_axis function = { "function", ensemble->controls.n_functions, "1", "control function", NULL };
    const struct record_axis series = { "series", SERIES, "1", "energy, local energy, kinetic, trap, pair, kinetic by gradient, virial", NULL };
    const struct record_axis chain = { "chain", ensemble->n_walkers, "1", "walker", NULL };
    const struct record_axis batch = { "batch", observables->n_batches, "1", "batch of walkers", NULL };
    const struct record_axis counter = { "counter", observables->n_counters, "1", "bin of all histograms", NULL };
    const struct array all[ARRAYS] = {
        { "parameters", "parameters", &checkpoint->theta, IN_BOTH, 1, { parameter } },
        { "good_parameters", "the last parameters that gave finite numbers", &checkpoint->good_theta, IN_TRAINING, 1, { parameter } },
        { "mean_parameters", "mean of the parameters since the last refinement", &checkpoint->mean_theta, IN_TRAINING, 1, { parameter } },
        { "optimizer_memory", "what the optimiser remembers", &checkpoint->memory, IN_TRAINING, 1, { memory } },
        { "positions", "coordinates of the walkers", &checkpoint->x, IN_BOTH, 3, { block, coordinate, lane } },
        { "controls", "coefficients of the control variates", &checkpoint->controls, IN_BOTH, 2, { quantity, function } },
        { "value_under_way", "part of the value that is not complete yet", &checkpoint->column, IN_MEASURING, 2, { series, chain } },
        { "observables_count", "counters of the histograms", &checkpoint->count, IN_MEASURING, 2, { batch, counter } },
        { "observables_distance", "sums of distances", &checkpoint->distance, IN_MEASURING, 1, { batch } },
        { "observables_samples", "configurations seen", &checkpoint->samples, IN_MEASURING, 1, { batch } } };
    memcpy(out, all, sizeof all);
}

static size_t random_words(const struct run *run) { return run->ensemble.n_blocks * RNG_ROWS * WALKERS; }

// Memory for what has none yet; the observables' comes when there are any. How much is missing is told in `missing`.
static bool reserve(const struct run *run, struct checkpoint *checkpoint, size_t *missing, struct error *error)
{
    struct array array[ARRAYS];
    bool good = true;
    describe(run, checkpoint, array);
    *missing = !checkpoint->random;
    for (size_t k = 0; k < ARRAYS; k++)
        if (!*array[k].values && count_of(&array[k]) > 0) {
            good = (*array[k].values = memory_doubles(count_of(&array[k]))) && good;
            ++*missing;
        }
    if (!checkpoint->random)
        good = (checkpoint->random = (uint64_t *)memory_doubles(random_words(run))) && good;
    return good || error_add(error, ERROR_INTERNAL, "no memory to keep a state of the walkers");
}

// The same by all processes.
static bool reserve_all(const struct run *run, struct checkpoint *checkpoint, struct error *error)
{
    size_t missing;
    const bool good = reserve(run, checkpoint, &missing, error);
    return missing == 0 || team_agree(run->options->team, good, error);
}

void checkpoint_drop(struct checkpoint *checkpoint)
{
    double *const owned[] = { checkpoint->theta, checkpoint->good_theta, checkpoint->mean_theta, checkpoint->memory, checkpoint->x,
                              (double *)checkpoint->random, checkpoint->controls, checkpoint->column, checkpoint->count, checkpoint->distance,
                              checkpoint->samples };
    for (size_t k = 0; k < sizeof owned / sizeof *owned; k++)
        memory_free(owned[k]);
    *checkpoint = (struct checkpoint){ 0 };
}

static void copy(double *to, const double *from, size_t n)
{
    if (n > 0)
        memcpy(to, from, n * sizeof *to);
}

static void walkers_copy(const struct run *run, const struct checkpoint *checkpoint, bool restore)
{
    const size_t m = run->ensemble.wavefunction.n_coordinates * WALKERS, words = RNG_ROWS * WALKERS;
    for (size_t k = run->ensemble.first_block; k < run->ensemble.end_block; k++) {
        const struct block *block = &run->ensemble.block[k];
        double *x = checkpoint->x + k * m;
        uint64_t *random = checkpoint->random + k * words;
        memcpy(restore ? block->current : x, restore ? x : block->current, m * sizeof *x);
        memcpy(restore ? block->random : random, restore ? random : block->random, words * sizeof *random);
    }
}

static void controls_copy(struct run *run, const struct checkpoint *checkpoint, bool restore)
{
    struct controls *controls = &run->ensemble.controls;
    const size_t n = controls->n_functions;
    for (size_t q = 0; n > 0 && q < CONTROLLED_QUANTITIES; q++)
        copy(restore ? controls->coefficient[q] : checkpoint->controls + q * n, restore ? checkpoint->controls + q * n : controls->coefficient[q], n);
    for (size_t k = 0; restore && k < n; k++) {
        controls->total[k] = 0;
        for (size_t q = 0; q < CONTROLLED_QUANTITIES; q++)
            controls->total[k] += controls->coefficient[q][k];
    }
}

// The values under way, and the observables.
static void measured_copy(struct run *run, const struct checkpoint *checkpoint, bool restore)
{
    struct measured *measured = &run->measured;
    struct observables *observables = &measured->observables;
    const size_t walkers = run->ensemble.n_walkers, counters = observables->n_batches * observables->n_counters;
    for (size_t k = 0; k < SERIES && measured->values[k] && measured->draws < measured->capacity; k++)
        for (size_t b = run->ensemble.first_block; b < run->ensemble.end_block; b++) {
            double *row = measured->values[k] + (b * measured->capacity + measured->draws) * WALKERS, *kept = checkpoint->column + k * walkers + b * WALKERS;
            if (!restore && measured->partial == 0)
                memset(kept, 0, WALKERS * sizeof *kept);  // there is none; what the row holds is older
            else
                copy(restore ? row : kept, restore ? kept : row, WALKERS);
        }
    for (size_t k = 0; k < counters; k++)
        if (restore)
            observables->count[k] = (uint64_t)checkpoint->count[k];
        else
            checkpoint->count[k] = (double)observables->count[k];
    copy(restore ? observables->distance : checkpoint->distance, restore ? checkpoint->distance : observables->distance, observables->n_batches);
    copy(restore ? observables->samples : checkpoint->samples, restore ? checkpoint->samples : observables->samples, observables->n_batches);
}

bool checkpoint_take(struct run *run, struct error *error)
{
    const size_t which = which_now(run), n = run->ensemble.wavefunction.n_parameters;
    struct checkpoint *checkpoint = &run->checkpoint[which];
    if (!reserve_all(run, checkpoint, error))
        return false;
    numbers_take(run, &checkpoint->numbers);
    copy(checkpoint->theta, run->theta, n);
    copy(checkpoint->good_theta, run->good_theta, n);
    copy(checkpoint->mean_theta, run->mean_theta, n);
    copy(checkpoint->memory, run->memory, run->n_memory);
    walkers_copy(run, checkpoint, false);
    controls_copy(run, checkpoint, false);
    if (run->stage == STAGE_MEASURING)
        measured_copy(run, checkpoint, false);
    return checkpoint->there = true;
}

bool checkpoint_restore(struct run *run, size_t which, struct error *error)
{
    const size_t n = run->ensemble.wavefunction.n_parameters;
    struct checkpoint *checkpoint = &run->checkpoint[which];
    numbers_restore(run, &checkpoint->numbers);
    copy(run->theta, checkpoint->theta, n);
    if (which == CHECKPOINT_TRAINING) {
        copy(run->good_theta, checkpoint->good_theta, n);
        copy(run->mean_theta, checkpoint->mean_theta, n);
        copy(run->memory, checkpoint->memory, run->n_memory);
    }
    walkers_copy(run, checkpoint, true);
    controls_copy(run, checkpoint, true);
    if (run->stage == STAGE_MEASURING)
        measured_copy(run, checkpoint, true);
    return ensemble_take(&run->ensemble, run->theta) ||
           error_add(error, ERROR_DAMAGED, "%s: the saved parameters make no finite wave function", run->options->output);
}

// ---- to and from the file

static bool belongs(int where, size_t which) { return where & (which == CHECKPOINT_TRAINING ? IN_TRAINING : IN_MEASURING); }

// Nothing has been measured yet during burn-in.
static bool has(const struct checkpoint *checkpoint, const struct array *array, size_t which)
{
    const bool early = checkpoint->numbers.stage == STAGE_MEASURING_BURN_IN && array->where == IN_MEASURING;
    return belongs(array->where, which) && !early && count_of(array) > 0;
}

static void place(char path[PATH_SIZE], size_t which, const char *name) { snprintf(path, PATH_SIZE, "/checkpoint/%s/%s", groups[which], name); }

static void add_one(const struct run *run, struct record *record, size_t which)
{
    struct checkpoint checkpoint = run->checkpoint[which];
    struct array array[ARRAYS];
    char path[PATH_SIZE];
    for (size_t k = 0; k < ROWS; k++) {
        const double value = *(const double *)((const char *)&checkpoint.numbers + rows[k].offset);
        place(path, which, rows[k].name);
        if (belongs(rows[k].where, which) && rows[k].whole)
            record_add_count(record, path, rows[k].unit, rows[k].long_name, (uint64_t)value);
        else if (belongs(rows[k].where, which))
            record_add_real(record, path, rows[k].unit, rows[k].long_name, value);
    }
    describe(run, &checkpoint, array);
    for (size_t k = 0; k < ARRAYS; k++) {
        if (!has(&checkpoint, &array[k], which))
            continue;
        struct record_array to = { .path = path, .unit = "1", .long_name = array[k].long_name, .rank = array[k].rank, .values = *array[k].values };
        place(path, which, array[k].name);
        memcpy(to.axis, array[k].axis, sizeof to.axis);
        record_add_array(record, &to);
    }
    place(path, which, "random");
    record_add_words(record, path, "states of the random streams: [block, word, walker of the block]", random_words(run), checkpoint.random);
}

// ---- between the processes of a team

static void move_walkers(const struct run *run, const struct checkpoint *checkpoint, bool measuring, enum team_way way)
{
    const struct ensemble *ensemble = &run->ensemble;
    const struct observables *observables = &run->measured.observables;
    const size_t row = WALKERS * sizeof(double), number = observables->parts * sizeof(double);
    ensemble_move_blocks(ensemble, &(struct ensemble_rows){ checkpoint->x, 1, 0, ensemble->wavefunction.n_coordinates * row }, way);
    ensemble_move_blocks(ensemble, &(struct ensemble_rows){ checkpoint->random, 1, 0, RNG_ROWS * row }, way);
    if (!measuring)
        return;
    ensemble_move_blocks(ensemble, &(struct ensemble_rows){ checkpoint->column, SERIES, ensemble->n_blocks * row, row }, way);
    ensemble_move_groups(ensemble, checkpoint->count, observables->n_counters * number, way);
    ensemble_move_groups(ensemble, checkpoint->distance, number, way);
    ensemble_move_groups(ensemble, checkpoint->samples, number, way);
}

bool checkpoint_move(struct run *run, size_t which, enum team_way way, struct error *error)
{
    const struct team *team = run->options->team;
    struct checkpoint *checkpoint = &run->checkpoint[which];
    const size_t size = run->ensemble.wavefunction.n_parameters * sizeof(double);
    if (way == TEAM_DEAL) {
        size_t missing;
        team_share(team, &checkpoint->there, sizeof checkpoint->there);
        if (!checkpoint->there)
            return true;
        if (!team_agree(team, reserve(run, checkpoint, &missing, error), error))
            return false;
        team_share(team, &checkpoint->numbers, sizeof checkpoint->numbers);
        team_share(team, checkpoint->theta, size);
        team_share(team, checkpoint->good_theta, size);
        team_share(team, checkpoint->mean_theta, size);
        team_share(team, checkpoint->controls, CONTROLLED_QUANTITIES * run->ensemble.controls.n_functions * sizeof(double));
    }
    if (checkpoint->there)
        move_walkers(run, checkpoint, checkpoint->numbers.stage == STAGE_MEASURING, way);
    return true;
}

void checkpoint_add(const struct run *run, struct record *record)
{
    for (size_t which = 0; which < CHECKPOINTS; which++) {
        const struct checkpoint_numbers *numbers = &run->checkpoint[which].numbers;
        const bool of_no_use = numbers->stage == STAGE_TRAINED && numbers->over > 0;  // no more iterations would be done
        if (run->checkpoint[which].there && !of_no_use)
            add_one(run, record, which);
    }
}

static bool strange(const struct run *run, const char *path, struct error *error)
{
    return error_add(error, ERROR_DAMAGED, "%s: %s holds a value that cannot be", run->options->output, path);
}

static bool load_numbers(struct run *run, struct record_file *file, size_t which, struct error *error)
{
    struct checkpoint_numbers *numbers = &run->checkpoint[which].numbers;
    char path[PATH_SIZE];
    for (size_t k = 0; k < ROWS; k++) {
        double *value = (double *)((char *)numbers + rows[k].offset);
        if (!belongs(rows[k].where, which))
            continue;
        place(path, which, rows[k].name);
        if (!record_read_reals(file, path, 1, value, error))
            return false;
        if (!isfinite(*value) || (rows[k].whole && !(*value >= 0 && *value < 0x1p53 && *value == floor(*value))))
            return strange(run, path, error);
    }
    return true;
}

// What memory is addressed by.
static bool check_numbers(const struct run *run, size_t which, struct error *error)
{
    const struct checkpoint_numbers *n = &run->checkpoint[which].numbers;
    const bool training = which == CHECKPOINT_TRAINING, early = n->stage == STAGE_TRAINING_BURN_IN || n->stage == STAGE_MEASURING_BURN_IN;
    const double first = training ? STAGE_TRAINING_BURN_IN : STAGE_MEASURING_BURN_IN, last = training ? STAGE_TRAINED : STAGE_MEASURING;
    const double iterations = (double)run->settings->optimizer.iterations;
    bool good = n->stage >= first && n->stage <= last && n->burn_in <= (double)run->settings->sampler.burn_in && n->stride >= 1 &&
                n->kept <= (double)run->history.room && n->kept <= n->iterations && n->iterations <= iterations;
    if (training && !early)
        good = good && n->draws >= 1 && n->longest > 0 && n->shortened > 0;
    if (!training && !early)
        good = good && n->block >= 1 && n->partial < n->block;
    return good || strange(run, groups[which], error);
}

bool checkpoint_load(struct run *run, struct record_file *file, size_t which, struct error *error)
{
    struct checkpoint *checkpoint = &run->checkpoint[which];
    struct array array[ARRAYS];
    char path[PATH_SIZE];
    size_t missing;
    place(path, which, "stage");
    if (!record_has(file, path))
        return true;
    if (!load_numbers(run, file, which, error) || !check_numbers(run, which, error) || !reserve(run, checkpoint, &missing, error))
        return false;
    describe(run, checkpoint, array);
    for (size_t k = 0; k < ARRAYS; k++) {
        place(path, which, array[k].name);
        if (has(checkpoint, &array[k], which) && !record_read_reals(file, path, count_of(&array[k]), *array[k].values, error))
            return false;
    }
    place(path, which, "random");
    return checkpoint->there = record_read_words(file, path, random_words(run), checkpoint->random, error);
}
