// SPDX-License-Identifier: GPL-3.0-or-later
// Shared by the commands on sweeps.
#ifndef VMC_CLI_SWEEP_PARTS_H
#define VMC_CLI_SWEEP_PARTS_H

#include "cli/sweep.h"
#include "cli/table.h"
#include "vmc/sweep.h"

#include <limits.h>

// A sweep, and the points of it that are asked for: first to last.
struct cli_sweep_work {
    const struct cli_sweep *job;
    struct sweep sweep;
    char output[PATH_MAX];  // "<stem>.h5", from which file names of points are made
    size_t first, last;
};

// State of the results of a point.
enum cli_sweep_state { CLI_POINT_ABSENT, CLI_POINT_COMPLETE, CLI_POINT_UNFINISHED, CLI_POINT_DAMAGED, CLI_POINT_OTHER };
struct cli_sweep_file {
    enum cli_sweep_state state;
    char damage[400];  // CLI_POINT_DAMAGED: what is wrong
    double value[64];  // as run_result_rows, NAN where it is not in the file
    size_t n_values;
    char verdict[12];  // "good", "doubtful", "bad"; empty: none
};
// Reads the file; never fails.
void cli_sweep_inspect(struct cli_sweep_file *file, const char *path, const struct settings *settings);
const char *cli_sweep_state_name(enum cli_sweep_state state);

// Path of a point's file; settings of a point, with its configuration. Both are to be finished where it succeeds.
bool cli_sweep_path(const struct cli_sweep_work *work, size_t point, char path[PATH_MAX], struct error *error);
// (those that it was begun with, where there is a file and the configuration does not say otherwise: team as for
// run_recall)
bool cli_sweep_settings(const struct cli_sweep_work *work, size_t point, const struct team *team, struct config *config,
                        struct settings *settings, struct error *error);

// "point" and the swept keys, in the heading and in the row of a point.
void cli_sweep_heading(const struct cli_sweep_work *work, struct cli_table *table);
void cli_sweep_row(const struct cli_sweep_work *work, size_t point, struct cli_table *table);
// "point 3 (omega = 0.5, hidden = 4)"
void cli_sweep_title(const struct cli_sweep_work *work, size_t point, char *text, size_t size);
// `{ "point": 3, "values": {…}, "status": …, "config": …, "output": …`, without the brace at the end.
void cli_sweep_json_start(const struct cli_sweep_work *work, size_t point, const char *status, FILE *out);

// Runs the points asked for, or with --check or --print-config checks or prints them.
bool cli_sweep_default(const struct cli_sweep_work *work, struct error *error);
bool cli_sweep_list(const struct cli_sweep_work *work, struct error *error);
bool cli_sweep_check(const struct cli_sweep_work *work, struct error *error);
bool cli_sweep_run(const struct cli_sweep_work *work, struct error *error);
bool cli_sweep_script(const struct cli_sweep_work *work, struct error *error);

#endif
