// SPDX-License-Identifier: GPL-3.0-or-later
// Commands on a configuration with a [sweep] section.
#ifndef VMC_CLI_SWEEP_H
#define VMC_CLI_SWEEP_H

#include "cli/options.h"
#include "cli/progress.h"
#include "vmc/config.h"
#include "vmc/run.h"
#include "vmc/settings.h"

// One point, as a run of its own.
struct cli_sweep_point {
    const struct config *config;
    const struct settings *settings;
    const char *output;
    bool force;       // whatever is at `output` may be overwritten
    bool resume;      // continue the run there
    double max_time;  // s of wall time left for it; 0: any
    struct cli_progress *progress;
    struct run_result *result;
};

struct cli_sweep_work;

struct cli_sweep {
    const struct cli_options *options;
    const struct config *config;  // with the overrides
    size_t threads;
    const struct team *team;  // of those that run a point together; NULL: alone
    // How a point is run and estimated; `context` is passed on.
    bool (*run)(const struct cli_sweep_point *point, void *context, struct error *error);
    bool (*check)(const struct cli_sweep_point *point, void *context, struct run_estimate *estimate,
                  struct error *error);
    void *context;
    bool (*act)(const struct cli_sweep_work *work, struct error *error);  // what is done with the points
};

// Reads and checks the sweep, then acts on it. `well_read`: the file had no errors of form.
bool cli_sweep_act(const struct cli_sweep *sweep, bool well_read, struct error *error);

#endif
