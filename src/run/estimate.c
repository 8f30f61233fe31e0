// SPDX-License-Identifier: GPL-3.0-or-later
// What a run will take, from a little of it: a short burn-in, a few iterations with all they have in them (the step of
// stochastic reconfiguration may be most of it), a few draws. Times per iteration and per draw are as measured; the
// total allows for as many iterations as may be, with as many samples as they may have, and half as much again.
#include "run/phases.h"

#include "run/kept.h"
#include "run/series.h"
#include "run/stop.h"
#include "run/train_exact.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ITERATIONS_MOST = 40, SWEEPS_MOST = 20, DRAWS_MOST = 64 };
// s of CPU time: what is spent on iterations and on draws where one does not take longer already.
static const double ITERATIONS_BUDGET = 0.6, DRAWS_BUDGET = 0.2;
static const double MARGIN = 1.5;
// s, and s per value of the series: starting, statistics and writing, whatever the run.
static const double ONCE = 0.3, PER_VALUE = 3e-6;
// Bytes of the file that are no numbers of the run: names, units, settings.
static const double FILE_OVERHEAD = 1e5;
// Bytes per value while an error is analysed: series in order, ranks, halves; and what HDF5 takes for a file in memory,
// beside its bytes.
static const double ANALYSIS = 64, HDF5_OVERHEAD = 4e6;

struct probe {
    const struct run *run;
    double start;  // s of CPU time
};

static enum run_wish wish(void *context)
{
    const struct probe *probe = context;
    return probe->run->pace.n >= 1 && run_cpu() - probe->start > ITERATIONS_BUDGET ? RUN_STOP : RUN_GO_ON;
}

// Bytes of this process in memory now.
static double resident(void)
{
    double pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%*s %lf", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return pages * (double)sysconf(_SC_PAGESIZE);
}

// The most that was in memory since the last call with `again`; 0 where the system does not say.
static double peak(bool again)
{
    double kilobytes = 0;
    char line[256];
    FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %lf", &kilobytes) == 1)
            break;
    if (file)
        fclose(file);
    if (again && (file = fopen("/proc/self/clear_refs", "we"))) {
        fputs("5", file);
        fclose(file);
    }
    return 1024 * kilobytes;
}

// ---- time

struct cost {
    double cpu, wall;  // s
};

static void add(struct cost *sum, double times, struct cost part)
{
    sum->cpu += times * part.cpu;
    sum->wall += times * part.wall;
}

// Of one draw as it is measured, histograms and series included; without the first, which meets cold memory.
static struct cost draw_cost(struct run *run)
{
    struct ensemble_sums sums;
    struct cost all = { 0 };
    size_t n = 0, draws = 1;
    const size_t room = run->measured.capacity < DRAWS_MOST ? run->measured.capacity : DRAWS_MOST;
    for (int k = 0; k == 0 || (k < 12 && all.cpu < DRAWS_BUDGET); k++) {
        series_make_room(run, draws);
        const double cpu = run_cpu(), wall = run_wall();
        ensemble_pass(&run->ensemble, draws, 0, series_record, &run->measured, &sums);
        const struct cost spent = { run_cpu() - cpu, run_wall() - wall };
        if (k == 0 && spent.cpu < DRAWS_BUDGET / 2) {
            draws = 4 < room ? 4 : room;
            continue;
        }
        add(&all, 1, spent);
        n += draws;
        draws = 2 * draws < room ? 2 * draws : room;
    }
    return (struct cost){ all.cpu / (double)n, all.wall / (double)n };
}

// Burn-in cut short and what follows it, and how much of it there is more.
static bool burn_in_cost(struct run *run, struct settings *few, struct cost *cost, struct error *error)
{
    const size_t sweeps = run->settings->sampler.burn_in;
    const struct settings *whole = run->settings;
    few->sampler.burn_in = sweeps < SWEEPS_MOST ? sweeps : SWEEPS_MOST;
    run->settings = few;
    const double cpu = run_cpu(), wall = run_wall();
    const bool good = run_burn_in(run, error);
    *cost = (struct cost){ run_cpu() - cpu, run_wall() - wall };
    run->settings = whole;
    return good;
}

// On to so many iterations in all, or until that has taken long enough. The iteration under way is waited for: a pass
// that is cut, as it would be where the machine is busy with other work, leaves nothing to measure draws with.
static bool train_to(struct run *run, struct settings *few, size_t iterations, struct error *error)
{
    few->optimizer.iterations = iterations;
    run->stage = run->history.n > 0 ? STAGE_TRAINING : run->stage;
    run_stop_prepare(run);
    run->ensemble.cut = NULL;
    return run_train(run, error) || run->stop.stopped;
}

// The first iteration meets cold memory, and does not count where there are others.
static bool train(struct run *run, struct settings *few, struct error *error)
{
    const struct settings *whole = run->settings;
    const size_t most = whole->optimizer.iterations < ITERATIONS_MOST ? whole->optimizer.iterations : ITERATIONS_MOST;
    struct probe probe = { .run = run, .start = run_cpu() };
    const struct run_options *options = run->options,
                             probing = { .threads = options->threads, .wish = wish, .context = &probe };
    few->optimizer.stop = STOP_NEVER;
    few->optimizer.starts = 1;
    run->settings = few;
    run->options = &probing;
    const bool good = train_to(run, few, 1, error) && (most == 1 || train_to(run, few, most, error));
    run->settings = whole;
    run->options = options;
    return good;
}

// All iterations there may be, on whatever training; one of them now.
static struct cost training_cost(struct run *run, struct cost *one)
{
    const struct pace *pace = &run->pace;
    const double n = (double)pace->n;
    if (pace->n == 0)
        return *one = (struct cost){ NAN, NAN };
    *one = (struct cost){ (pace->pass_cpu + pace->step_cpu) / n, (pace->pass + pace->step) / n };
    return (struct cost){ train_time_most(run, pace->pass_cpu / n, pace->step_cpu / n, 0),
                          train_time_most(run, pace->pass / n, pace->step / n, 0) };
}

// ---- all

static bool estimate_times(struct run *run, struct run_estimate *estimate, struct error *error)
{
    const struct settings *settings = run->settings;
    struct settings few = *settings;
    struct cost total = { ONCE, ONCE }, burn_in, iteration, training;
    const double sweeps = (double)settings->sampler.burn_in,
                 values = (double)(run->measured.capacity * run->ensemble.n_walkers);
    const bool trains = run_trains(run);
    run_stop_prepare(run);
    if (!burn_in_cost(run, &few, &burn_in, error) ||
        (trains && !train_exact_asked(settings) && !train(run, &few, error)))
        return false;
    training = training_cost(run, &iteration);
    if (trains && train_exact_asked(settings))
        training = (struct cost){
            train_exact_seconds(run),
            train_exact_seconds(run),
        };
    const struct cost draw = draw_cost(run);
    add(&total, trains ? 2 : 1, burn_in);
    const struct cost each = { burn_in.cpu / (1 + (double)few.sampler.burn_in),
                               burn_in.wall / (1 + (double)few.sampler.burn_in) };
    const bool dearer = settings->sampler.warm_up != WARM_UP_PLAIN && each.cpu > draw.cpu;
    add(&total, (trains ? 2 : 1) * (sweeps - (double)few.sampler.burn_in), dearer ? each : draw);
    add(&total, (double)series_draws_wanted(run), draw);
    add(&total, PER_VALUE, (struct cost){ values, values });
    if (isfinite(training.cpu))
        add(&total, 1, training);
    estimate->cpu_time = MARGIN * total.cpu;
    estimate->wall_time = MARGIN * total.wall;
    estimate->iteration_time = iteration.cpu;
    estimate->draw_time = draw.cpu;
    return true;
}

bool run_check(const struct settings *settings, const struct run_options *options, struct run_estimate *estimate,
               struct error *error)
{
    struct run_result result;
    struct run run = { .settings = settings, .options = options, .result = &result };
    run_clear(&result);
    peak(true);
    bool good = run_build(&run, error) && run_begin(&run, error);
    if (good) {
        const double values = (double)run.measured.capacity,
                     series = SERIES * sizeof(double) * values * (double)run.ensemble.n_walkers;
        *estimate = (struct run_estimate){ .memory_per_walker = result.memory_per_walker,
                                           .n_parameters = run.ensemble.wavefunction.n_parameters,
                                           .walkers = run.ensemble.n_walkers,
                                           .draws = series_draws_wanted(&run),
                                           .iterations = run_trains(&run) ? settings->optimizer.iterations : 0 };
        good = estimate_times(&run, estimate, error);
        estimate->file_size = kept_bytes(&run, values) + FILE_OVERHEAD;
        // after training: all series, and either the analysis of one of them or a copy of all and the file
        const double then = resident() + series +
                            fmax(ANALYSIS / SERIES / sizeof(double) * series,
                                 series + estimate->file_size + HDF5_OVERHEAD);
        estimate->memory = fmax(peak(false), then);
    }
    run_finish(&run);
    return good;
}
