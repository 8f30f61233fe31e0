// SPDX-License-Identifier: GPL-3.0-or-later
#include "run/stages.h"

static bool has_parameters(const struct run *run, size_t stage)
{
    const struct wavefunction *wavefunction = &run->ensemble.wavefunction;
    for (size_t k = 0; k < wavefunction->n_parameters; k++)
        if (wavefunction_stage(wavefunction, k) == stage)
            return true;
    return false;
}

static size_t next_stage(const struct run *run, size_t from)
{
    for (size_t stage = from; stage < FACTOR_STAGES; stage++)
        if (has_parameters(run, stage))
            return stage;
    return FACTOR_STAGES;
}

static bool wanted(const struct run *run)
{
    const char *load = run->settings->wavefunction.load;
    return run->settings->optimizer.stages && !(load && *load);
}

static void enter(struct run *run, size_t stage) { run->training.stage = run->metric.stage = stage; }

void stages_begin(struct run *run)
{
    const size_t first = wanted(run) ? next_stage(run, 0) : FACTOR_LAST;
    enter(run, first < FACTOR_STAGES ? first : FACTOR_LAST);
}

bool stages_at_last(const struct run *run) { return next_stage(run, run->training.stage + 1) == FACTOR_STAGES; }

void stages_advance(struct run *run) { enter(run, next_stage(run, run->training.stage + 1)); }

void stages_hold(const struct run *run, double *gradient)
{
    const struct wavefunction *wavefunction = &run->ensemble.wavefunction;
    for (size_t k = 0; k < wavefunction->n_parameters; k++)
        if (wavefunction_stage(wavefunction, k) > run->training.stage)
            gradient[k] = 0;
}

const char *stages_name(const struct run *run)
{
    static const char *const names[FACTOR_STAGES] = {
        [FACTOR_FIRST] = "pairs", [FACTOR_BACKFLOW] = "backflow", [FACTOR_UNITS] = "units"
    };
    const size_t first = next_stage(run, 0);
    const bool several = first < FACTOR_STAGES && next_stage(run, first + 1) < FACTOR_STAGES;
    return several && wanted(run) ? names[run->training.stage] : NULL;
}
