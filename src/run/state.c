// SPDX-License-Identifier: GPL-3.0-or-later
// Clocks, notes and accounts of a run.
#include "run/state.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static double clock_now(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double run_wall(void) { return clock_now(CLOCK_MONOTONIC); }
double run_cpu(void) { return clock_now(CLOCK_PROCESS_CPUTIME_ID); }

void run_note(const struct run *run, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    if (!run->options->note)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    run->options->note(text, run->options->context);
}

void run_report(const struct run *run, const struct run_progress *progress)
{
    if (run->options->progress)
        run->options->progress(progress, run->options->context);
}

bool run_trains(const struct run *run)
{
    return run->settings->optimizer.iterations > 0 && run->ensemble.wavefunction.n_parameters > 0;
}

const char *run_stop_reason(const struct run *run)
{
    if (run->settings->optimizer.iterations == 0)
        return "no training asked";
    if (run->history.n == 0 && run->ensemble.wavefunction.n_parameters == 0)
        return "nothing to train, the wave function has no free parameters";
    if (run->hopeless)
        return "non-finite numbers";
    if (run->training.over || run->training.converged)
        return RUN_REASON_CONVERGED;
    return run->history.n == run->settings->optimizer.iterations ? "all iterations done, not converged"
                                                                 : "not done yet";
}

const char *run_training_end(const struct run *run)
{
    if (run->hopeless)
        return "failed";
    if (run->training.over || run->training.converged)
        return "converged";
    return run->history.n == run->settings->optimizer.iterations ? "iterations" : "stopped";
}

// s, of all processes since the run began
static double cpu_spent(const struct run *run)
{
    uint64_t nanoseconds = (uint64_t)(1e9 * (run_cpu() - run->cpu_start));
    team_sum(run->options->team, &nanoseconds, 1);
    return 1e-9 * (double)nanoseconds;
}

void run_account(struct run *run)
{
    struct run_result *result = run->result;
    const double now = cpu_spent(run), spent = now - run->cpu_mark;
    *(run->stage < STAGE_MEASURING_BURN_IN ? &result->training_cpu_time : &result->measuring_cpu_time) += spent;
    run->cpu_mark = now;
    result->wall_time = run->wall_before + run_wall() - run->wall_start;
    result->cpu_time = run->cpu_before + now;
    result->step = run->ensemble.sampler->has_step ? run->ensemble.step : NAN;
    result->iterations = (double)run->history.n;
    result->steps_back = (double)run->training.steps_back;
    result->n_bad_training = (double)run->training.bad;
    result->n_bad = run->measured.sums.bad;
    result->divergences = run->measured.sums.divergent;
    const bool known = run->history.n > 0 && run->training.gain_error >= 0;
    result->converged = run->training.converged;
    result->training_gain = known ? run->training.gain : NAN;
    result->training_gain_error = known ? run->training.gain_error : NAN;
    result->stop_reason = run_stop_reason(run);
    result->training_end = run_training_end(run);
}
