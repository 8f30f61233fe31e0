// SPDX-License-Identifier: GPL-3.0-or-later
// The table of what is kept of a run: every quantity once, with its name, unit and words, and where it belongs. Memory,
// checkpoints, the results file, resuming, ranks and estimates read these rows; a new quantity is a row here and a
// member of the struct it stands in.
//
//   run_result_rows   numbers of /result                    (vmc/run.h)
//   kept_columns      per iteration, /training              struct history
//   kept_series       per draw and walker, /measurement     struct measured
//   kept_numbers      single numbers of /checkpoint         struct run
//   kept_arrays       arrays of /checkpoint                 struct run
#ifndef VMC_RUN_KEPT_H
#define VMC_RUN_KEPT_H

#include "run/state.h"

// A results file of a format before `since` may lack the row: then it is NaN, or in a checkpoint what it is at the
// start of a run.

struct kept_column {
    const char *name;
    size_t offset;  // of a double * in struct history
    unsigned since;
    const char *unit, *long_name;
};
extern const struct kept_column kept_columns[];  // ends with name NULL

struct kept_series {
    const char *name;
    bool controlled;  // the row is one of the controlled energies, else of the plain ones
    size_t row;
    size_t mean, error;  // in struct run_result, or KEPT_NOWHERE
    unsigned since;
    const char *unit, *long_name;
};
extern const struct kept_series kept_series[SERIES];
#define KEPT_NOWHERE SIZE_MAX

// The states a number or an array belongs to: those of training, of burn-in before measuring, and of measuring.
enum { IN_TRAINING = 1, IN_BURN_IN = 2, IN_MEASURING = 4, IN_ALL = 7 };

// double; double, size_t, bool, enum run_stage of whole numbers
enum kept_type { KEPT_REAL, KEPT_WHOLE, KEPT_COUNT, KEPT_FLAG, KEPT_STAGE };
struct kept_number {
    const char *name;
    enum kept_type type;
    size_t offset;  // in struct run
    unsigned where, since;
    const char *unit, *long_name;  // unit NULL: the sampler's, of its step
};
extern const struct kept_number kept_numbers[];  // ends with name NULL

enum kept_axis {
    AXIS_NONE,
    AXIS_PARAMETER,
    AXIS_MEMORY,
    AXIS_BLOCK,
    AXIS_COORDINATE,
    AXIS_WORD,
    AXIS_LANE,
    AXIS_QUANTITY,
    AXIS_FUNCTION,
    AXIS_SERIES,
    AXIS_CHAIN,
    AXIS_BATCH,
    AXIS_COUNTER,
    AXIS_MEAN,
    AXIS_GROUP,
    AXIS_LEVEL,
    AXIS_POWER,
    AXIS_KEPT,
    AXIS_PLACE,
    AXIS_RUNG,
    AXIS_HOT_RUNG,
    AXIS_STREAMS,
    AXIS_RUNG_NUMBER
};
// Who knows what: all processes the same; the first alone; each its own blocks, or groups of blocks.
enum kept_scope { OF_ALL, OF_FIRST, OF_BLOCKS, OF_GROUPS };
// Numbers; whole ones that count something; opaque state. All of 8 bytes.
enum kept_values { KEPT_REALS, KEPT_COUNTS, KEPT_WORDS };
struct kept_array {
    const char *name;
    enum kept_values type;
    unsigned where, since;
    enum kept_scope scope;
    enum kept_axis axis[3];
    // Where it stands in the run: in parts, one per row (the first axis, where `rows`) and per block or group. A
    // pointer at this offset in struct run to all of it, or a function.
    bool rows, partial;  // partial: there only while a value of the series is under way
    size_t offset;
    void *(*part)(struct run *run, size_t row, size_t unit);
    const char *long_name;
};
extern const struct kept_array kept_arrays[];  // ends with name NULL

// Values of a row.
double **kept_column_of(const struct history *history, const struct kept_column *column);
double *kept_result_at(struct run_result *result, size_t offset);
double kept_number_get(const struct run *run, const struct kept_number *number);
void kept_number_set(struct run *run, const struct kept_number *number, double value);
const char *kept_number_unit(const struct run *run, const struct kept_number *number);
// The shape of an array: rank, and axes as the file has them.
size_t kept_array_axes(const struct run *run, const struct kept_array *array, struct record_axis axis[3]);
size_t kept_array_count(const struct run *run, const struct kept_array *array);
// Its parts: so many rows of so many units (blocks, groups, or 1), `size` values each.
struct kept_parts {
    size_t rows, units, size;
};
struct kept_parts kept_array_parts(const struct run *run, const struct kept_array *array);
void *kept_array_part(struct run *run, const struct kept_array *array, size_t row, size_t unit);
// The values of an array, as the file has them, between the processes of a team: the walkers' part to the first
// (TEAM_GATHER), or all of it from there (TEAM_DEAL).
void kept_array_move(const struct run *run, const struct kept_array *array, void *values, enum team_way way);

// Room for parameters, history and states, and the end of it and of the series'. (What large pieces of it are not used
// take no memory.)
bool kept_allocate(struct run *run, struct error *error);
void kept_release(struct run *run);
// Bytes of all that is kept, with so many values per walker in the series.
double kept_bytes(const struct run *run, double values);

#endif
