// SPDX-License-Identifier: GPL-3.0-or-later
#include "run/checkpoint.h"
#include "run/worth.h"

#include "run/kept.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 128 };
static const char *const groups[CHECKPOINTS] = {
    [CHECKPOINT_TRAINING] = "training",
    [CHECKPOINT_MEASURING] = "measuring",
};

// ---- what belongs to a state

double checkpoint_number(const struct checkpoint *checkpoint, size_t offset)
{
    for (size_t k = 0; kept_numbers[k].name; k++)
        if (kept_numbers[k].offset == offset)
            return checkpoint->number[k];
    return NAN;
}

size_t checkpoint_last(const struct run *run)
{
    return run->checkpoint[CHECKPOINT_MEASURING].there ? CHECKPOINT_MEASURING : CHECKPOINT_TRAINING;
}

static unsigned place_of(double stage)
{
    return stage < STAGE_MEASURING_BURN_IN ? IN_TRAINING : stage < STAGE_MEASURING ? IN_BURN_IN : IN_MEASURING;
}

static bool has_array(const struct run *run, const struct checkpoint *checkpoint, const struct kept_array *array)
{
    if (array->partial && !(CHECKPOINT_NUMBER(checkpoint, measured.partial) > 0))
        return false;
    return array->where & place_of(CHECKPOINT_NUMBER(checkpoint, stage)) && kept_array_count(run, array) > 0;
}

// ---- in memory

// Of blocks and groups, those of this process.
static void units_of(const struct run *run, const struct kept_array *array, size_t *first, size_t *end)
{
    const struct ensemble *ensemble = &run->ensemble;
    *first = array->scope == OF_BLOCKS ? ensemble->first_block : array->scope == OF_GROUPS ? ensemble->first_group : 0;
    *end = array->scope == OF_BLOCKS ? ensemble->end_block : array->scope == OF_GROUPS ? ensemble->end_group : 1;
}

static void array_copy(struct run *run, const struct kept_array *array, double *kept, bool restore)
{
    const struct kept_parts parts = kept_array_parts(run, array);
    size_t first, end;
    units_of(run, array, &first, &end);
    for (size_t row = 0; row < parts.rows; row++)
        for (size_t unit = first; unit < end; unit++) {
            double *part = kept_array_part(run, array, row, unit),
                   *copy = kept + (row * parts.units + unit) * parts.size;
            memcpy(restore ? part : copy, restore ? copy : part, parts.size * sizeof *part);
        }
}

static void arrays_copy(struct run *run, const struct checkpoint *checkpoint, bool restore)
{
    for (size_t k = 0; kept_arrays[k].name; k++)
        if (has_array(run, checkpoint, &kept_arrays[k]))
            array_copy(run, &kept_arrays[k], checkpoint->array[k], restore);
}

void checkpoint_take(struct run *run)
{
    struct checkpoint *checkpoint =
        &run->checkpoint[run->stage < STAGE_MEASURING_BURN_IN ? CHECKPOINT_TRAINING : CHECKPOINT_MEASURING];
    for (size_t k = 0; kept_numbers[k].name; k++)
        checkpoint->number[k] = kept_number_get(run, &kept_numbers[k]);
    arrays_copy(run, checkpoint, false);
    checkpoint->there = true;
}

static void restore_totals(struct controls *controls)
{
    for (size_t k = 0; k < controls->n_functions; k++) {
        controls->total[k] = 0;
        for (size_t q = 0; q < CONTROLLED_QUANTITIES; q++)
            controls->total[k] += controls->coefficient[q][k];
    }
}

bool checkpoint_restore(struct run *run, size_t which, struct error *error)
{
    const struct checkpoint *checkpoint = &run->checkpoint[which];
    const unsigned place = place_of(CHECKPOINT_NUMBER(checkpoint, stage));
    for (size_t k = 0; kept_numbers[k].name; k++)
        if (kept_numbers[k].where & place)
            kept_number_set(run, &kept_numbers[k], checkpoint->number[k]);
    arrays_copy(run, checkpoint, true);
    restore_totals(&run->ensemble.controls);
    run->ensemble.without_pairs = run->stage == STAGE_MEASURING && worth_dropped(&run->ensemble);
    observables_place_axes(&run->measured.observables);
    return ensemble_take(&run->ensemble, run->theta) ||
           error_add(error, ERROR_DAMAGED, "%s: the saved parameters make no finite wave function",
                     run->options->output);
}

// ---- between the processes of a team

void checkpoint_move(struct run *run, size_t which, enum team_way way)
{
    const struct team *team = run->options->team;
    struct checkpoint *checkpoint = &run->checkpoint[which];
    if (way == TEAM_DEAL) {
        team_share(team, &checkpoint->there, sizeof checkpoint->there);
        team_share(team, checkpoint->number, sizeof checkpoint->number);
    }
    for (size_t k = 0; checkpoint->there && kept_arrays[k].name; k++)
        if (has_array(run, checkpoint, &kept_arrays[k]))
            kept_array_move(run, &kept_arrays[k], checkpoint->array[k], way);
}

// ---- to and from the file

static const char *path_of(char path[PATH_SIZE], size_t which, const char *name)
{
    snprintf(path, PATH_SIZE, "/checkpoint/%s/%s", groups[which], name);
    return path;
}

static void add_array(const struct run *run, struct record *record, const char *path, const struct kept_array *array,
                      const void *values)
{
    struct record_array to = { .path = path, .unit = "1", .long_name = array->long_name };
    to.rank = kept_array_axes(run, array, to.axis);
    if (array->type == KEPT_REALS) {
        to.values = values;
        record_add_array(record, &to);
    } else {
        (array->type == KEPT_COUNTS ? record_add_counts : record_add_words)(record, &to, values);
    }
    for (size_t d = 0; d < to.rank; d++)
        if (array->axis[d] == AXIS_COORDINATE)
            record_add_coordinates(record, path, run->settings->system.particles, run->settings->system.dimensions);
}

static void add_state(const struct run *run, struct record *record, size_t which)
{
    const struct checkpoint *checkpoint = &run->checkpoint[which];
    const unsigned place = place_of(CHECKPOINT_NUMBER(checkpoint, stage));
    char path[PATH_SIZE];
    for (size_t k = 0; kept_numbers[k].name; k++) {
        const struct kept_number *number = &kept_numbers[k];
        const char *unit = kept_number_unit(run, number);
        path_of(path, which, number->name);
        if (number->where & place && number->type == KEPT_REAL)
            record_add_real(record, path, unit, number->long_name, checkpoint->number[k]);
        else if (number->where & place)
            record_add_count(record, path, unit, number->long_name, (uint64_t)checkpoint->number[k]);
    }
    for (size_t k = 0; kept_arrays[k].name; k++)
        if (has_array(run, checkpoint, &kept_arrays[k]))
            add_array(run, record, path_of(path, which, kept_arrays[k].name), &kept_arrays[k], checkpoint->array[k]);
}

// No more iterations can be done where training ended on a plateau; and where its rate depends on their number none can
// be added.
static bool training_over(const struct run *run)
{
    const struct checkpoint *training = &run->checkpoint[CHECKPOINT_TRAINING];
    return CHECKPOINT_NUMBER(training, stage) == STAGE_TRAINED &&
           (CHECKPOINT_NUMBER(training, training.over) > 0 || run->settings->optimizer.schedule == SCHEDULE_COSINE);
}

void checkpoint_add(const struct run *run, struct record *record)
{
    for (size_t which = 0; which < CHECKPOINTS; which++)
        if (run->checkpoint[which].there &&
            !(which == CHECKPOINT_TRAINING && checkpoint_last(run) == CHECKPOINT_MEASURING && training_over(run)))
            add_state(run, record, which);
}

static bool strange(const struct run *run, const char *path, struct error *error)
{
    return error_add(error, ERROR_DAMAGED, "%s: %s holds a value that cannot be", run->options->output, path);
}

// A number that came with a later format than the file's is what it is at the start of a run.
static bool load_number(struct run *run, struct record_file *file, size_t which, size_t k, struct error *error)
{
    const struct kept_number *number = &kept_numbers[k];
    double *value = &run->checkpoint[which].number[k];
    char path[PATH_SIZE];
    path_of(path, which, number->name);
    if (record_format(file) < number->since && !record_has(file, path)) {
        *value = kept_number_get(run, number);
        return true;
    }
    if (!record_read_reals(file, path, 1, value, error))
        return false;
    const bool whole = number->type == KEPT_REAL || (*value >= 0 && *value < 0x1p53 && *value == floor(*value));
    return (isfinite(*value) && whole) || strange(run, path, error);
}

static bool load_numbers(struct run *run, struct record_file *file, size_t which, struct error *error)
{
    struct checkpoint *checkpoint = &run->checkpoint[which];
    const size_t stage = 0;  // the first row says which others there are
    if (!load_number(run, file, which, stage, error))
        return false;
    for (size_t k = 0; kept_numbers[k].name; k++)
        if (kept_numbers[k].where & place_of(checkpoint->number[stage]) && !load_number(run, file, which, k, error))
            return false;
    return true;
}

// What memory is addressed by.
static bool check_numbers(const struct run *run, size_t which, struct error *error)
{
    const struct checkpoint *checkpoint = &run->checkpoint[which];
#define NUMBER(member) CHECKPOINT_NUMBER(checkpoint, member)
    const bool training = which == CHECKPOINT_TRAINING,
               early = NUMBER(stage) == STAGE_TRAINING_BURN_IN || NUMBER(stage) == STAGE_MEASURING_BURN_IN;
    const double first = training ? STAGE_TRAINING_BURN_IN : STAGE_MEASURING_BURN_IN,
                 last = training ? STAGE_TRAINED : STAGE_MEASURING;
    bool good = NUMBER(stage) >= first && NUMBER(stage) <= last &&
                NUMBER(tuning.done) <= (double)run->settings->sampler.burn_in && NUMBER(history.stride) >= 1 &&
                NUMBER(history.n_kept) <= (double)run->history.room && NUMBER(history.n_kept) <= NUMBER(history.n) &&
                NUMBER(history.n) <= (double)run->settings->optimizer.iterations;
    if (training && !early)
        good = good && NUMBER(training.draws) >= 1 && NUMBER(training.longest) > 0 && NUMBER(training.shortened) > 0 &&
               NUMBER(training.stage) < FACTOR_STAGES;
    if (!training && !early)
        good = good && NUMBER(measured.block) >= 1 && NUMBER(measured.partial) < NUMBER(measured.block) &&
               NUMBER(measured.draws) <= NUMBER(measured.room) && NUMBER(measured.room) <= (double)run->measured.room &&
               NUMBER(measured.position_stride) >= 1;
#undef NUMBER
    return good || strange(run, groups[which], error);
}

bool checkpoint_load(struct run *run, struct record_file *file, size_t which, struct error *error)
{
    struct checkpoint *checkpoint = &run->checkpoint[which];
    char path[PATH_SIZE];
    if (!record_has(file, path_of(path, which, "stage")))
        return true;
    if (!load_numbers(run, file, which, error) || !check_numbers(run, which, error))
        return false;
    for (size_t k = 0; kept_arrays[k].name; k++) {
        const struct kept_array *array = &kept_arrays[k];
        if (!has_array(run, checkpoint, array) ||
            (record_format(file) < array->since && !record_has(file, path_of(path, which, array->name))))
            continue;
        path_of(path, which, array->name);
        const size_t n = kept_array_count(run, array);
        if (!(array->type == KEPT_REALS ? record_read_reals(file, path, n, checkpoint->array[k], error)
                                        : record_read_words(file, path, n, checkpoint->array[k], error)))
            return false;
    }
    return checkpoint->there = true;
}
