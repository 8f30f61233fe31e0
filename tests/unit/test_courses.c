// SPDX-License-Identifier: GPL-3.0-or-later
// Whole runs whose settings are thrown together by dice, against a record of eight digits: every number of a run's
// state, of its history and of its result, in the middle of it and at its end; the same after it was cut, went back to
// its last state and went on; what its file holds where it was stopped, resumed, extended and loaded from; what is
// foreseen of it. What is right is for other tests; this one notices a constant, a bound or a term that changes.
//
//     test_courses RECORD            compares
//     test_courses RECORD --write    records anew
//     test_courses --show            prints
//     test_courses --show 2/3        prints the second of every three
//
// Each look at the clock takes the same time here, so that what the clock decides is the same every time. OpenBLAS
// rounds differently on other machines, and walkers in strong forces make much of little: here GSL's own CBLAS takes
// its place, and rotations that of its eigenvectors. What is left are the C library's logarithms and the like: hence
// eight digits. With the baseline's kernels, which round otherwise, runs are others.
#include "support/clock.h"
#include "support/contents.h"
#include "support/recorded.h"
#include "support/tally.h"

#include "run/checkpoint.h"
#include "run/conclude.h"
#include "run/file.h"
#include "run/judged.h"
#include "run/kept.h"
#include "run/phases.h"
#include "run/series.h"
#include "run/stop.h"
#include "vmc/diagnose.h"
#include "vmc/level.h"
#include "vmc/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    STATES = 220,
    DESCENTS = 24,
    LONG = 10,
    FILES = 13,
    ESTIMATES = 30,
    FORESEEN_DESCENTS = 8,
    PRECISE = 30,
    PATH_SIZE = 256,
    TEXT_SIZE = 4096
};

// ---- settings

static const char *const systems[] = {
    "particles=2 dimensions=2 interaction=coulomb; rbm.hidden=2",
    "particles=2 dimensions=2 interaction=coulomb; rbm.hidden=4 rbm.train_sigma=yes rbm.sigma=0.9",
    "particles=3 dimensions=2 interaction=coulomb omega=1.3; rbm.hidden=6 rbm.init_scale=1.5",
    "particles=3 dimensions=1 interaction=soft-coulomb; rbm.hidden=3 interaction.softening=0.6",
    "particles=2 dimensions=2 omega=1,1.4; rbm.sigma=0.9,1.1 rbm.hidden=1 rbm.train_sigma=yes",
    "particles=2 dimensions=3 interaction=coulomb; rbm.representation=probability rbm.hidden=3",
    "particles=4 dimensions=2 interaction=coulomb; rbm.hidden=9 rbm.init_scale=2 interaction.strength=8",
    "particles=2 dimensions=3 interaction=coulomb; wavefunction.factors=rbm,pade-jastrow",
    "particles=3 dimensions=2 interaction=coulomb; wavefunction.factors=gaussian,rbm rbm.sharing=pairs",
    "particles=3 dimensions=2 interaction=coulomb; wavefunction.factors=gaussian,pade-jastrow gaussian.alpha=0.8",
    "particles=3 dimensions=1 interaction=inverse-square; interaction.lambda=2 "
    "wavefunction.factors=gaussian,power power.mu=2",
    "particles=4 dimensions=3 interaction=hard-sphere; interaction.diameter=0.3 "
    "wavefunction.factors=gaussian,hard-core gaussian.alpha=0.6",
    "particles=3 dimensions=3 interaction=harmonic omega=1,1.2,0.8; interaction.kappa=0.3 "
    "wavefunction.factors=gaussian,gaussian-pair gaussian.alpha=0.7",
    "particles=6 dimensions=2 interaction=coulomb statistics=fermions; wavefunction.factors=slater,pade-jastrow",
    "particles=4 dimensions=2 interaction=coulomb statistics=fermions spin_up=3; "
    "wavefunction.factors=slater,pade-jastrow slater.backflow=exponential",
    "particles=3 dimensions=2 interaction=coulomb statistics=fermions spin_up=3; "
    "wavefunction.factors=slater,rbm rbm.sharing=environment rbm.hidden=2",
    "particles=2 dimensions=2 statistics=fermions; "
    "wavefunction.factors=slater,rbm wavefunction.allow_unsymmetric=yes rbm.hidden=2",
    "particles=5 dimensions=2 interaction=gaussian; interaction.height=1.5 rbm.hidden=5",
    "particles=1 dimensions=1; wavefunction.factors=gaussian gaussian.alpha=0.8",
    "particles=1 dimensions=2 omega=0.7; rbm.hidden=0 rbm.train_sigma=yes rbm.sigma=1.4",
    "particles=2 dimensions=2 interaction=coulomb; wavefunction.factors=gaussian gaussian.alpha=0.5 gaussian.train=no",
    "particles=10 dimensions=3 interaction=coulomb; "
    "rbm.hidden=20 optimizer.iterations=6 optimizer.samples=32 sampler.walkers=32 optimizer.solver=minsr",
};
static const char *const samplers[] = {
    "metropolis",
    "metropolis sampler.move=all",
    "metropolis sampler.proposal=normal",
    "langevin",
    "langevin sampler.move=particle",
    "hmc",
    "hmc sampler.trajectory=0.7",
    "metropolis sampler.temperatures=1,1.5",
    "hmc sampler.temperatures=1,1.3,2.1",
    "langevin sampler.step=0.2",
    "metropolis sampler.step=0.7",
    "gibbs",
    "exact",
};
enum { FOR_MACHINES = 2 };  // samplers at the end
static const char *const methods[] = {
    "sr",
    "sr",
    "sr",
    "sr",
    "sr",
    "sr optimizer.solver=cg",
    "sr optimizer.solver=minsr optimizer.samples=32 sampler.walkers=32",
    "sr optimizer.momentum=0.6 optimizer.shift=0.05 optimizer.shift_decay=0.9 optimizer.shift_least=0.02",
    "sr optimizer.learning_rate=1.5 optimizer.max_step=2",
    "sgd",
    "sgd optimizer.learning_rate=0.9",
    "sgd optimizer.learning_rate=20",
    "momentum",
    "adam",
    "adam optimizer.learning_rate=0.4",
};
static const struct {
    const char *key, *values[6];
} more[] = {
    { "sampler.walkers", { "32", "32", "32", "64", "320", "1056" } },
    { "sampler.thin", { "1", "1", "2" } },
    { "sampler.burn_in", { "7", "20", "33", "0" } },
    { "sampler.spread", { "1", "1", "2" } },
    { "sampler.jumps", { "yes", "yes", "no" } },
    { "sampler.warm_up", { "plain", "plain", "momentum-diffusion" } },
    { "optimizer.iterations", { "5", "9", "20", "40", "70", "0" } },
    { "optimizer.samples", { "64", "64", "130" } },
    { "optimizer.schedule", { "constant", "constant", "inverse", "cosine" } },
    { "optimizer.clip", { "0", "0", "0.4" } },
    { "optimizer.starts", { "auto", "1", "1", "2" } },
    { "optimizer.stop", { "plateau", "plateau", "never" } },
    { "optimizer.stages", { "yes", "no" } },
    { "measure.samples", { "96", "640", "1500", "9000" } },
    { "measure.controls", { "auto", "auto", "auto", "none", "linear", "quadratic,pair" } },
    { "measure.positions", { "0", "7", "100" } },
    { "measure.series_values", { "1024", "16384" } },
    { "measure.target_error", { "0", "0", "0.08", "0.02" } },
    { "observables.kinds",
      { "none", "auto", "density-radial,one-body", "density-radial,distances", "density-2d,pair-distribution" } },
    { "observables.interval", { "1", "3" } },
    { "observables.bins", { "4", "9" } },
    { "observables.range", { "auto", "auto", "2.5" } },
};

// "a=1 b=2; c.d=3": the first ones are keys of [system].
static void set_all(struct config *config, const char *section, const char *text)
{
    char copy[TEXT_SIZE], line[TEXT_SIZE], *rest = copy;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *word; (word = strsep(&rest, " "));) {
        const size_t length = strlen(word);
        const bool last = length > 0 && word[length - 1] == ';';
        if (last)
            word[length - 1] = '\0';
        snprintf(line, sizeof line, "%s%s%s", section, *section ? "." : "", word);
        if (*word)
            config_set(config, line, NULL);
        if (last)
            section = "";
    }
}

enum {
    DESCENDED = 6,
    LARGE = 1
};  // systems at the beginning that have a closed form; one at the end that takes its time

static void throw_once(struct dice *dice, struct config *config, bool descends, bool large)
{
    char line[TEXT_SIZE];
    for (size_t k = 0; k < sizeof more / sizeof *more; k++) {
        size_t n = 0;
        while (n < 6 && more[k].values[n])
            n++;
        snprintf(line, sizeof line, "%s=%s", more[k].key, more[k].values[dice_below(dice, n)]);
        config_set(config, line, NULL);
    }
    const size_t n_systems = descends ? DESCENDED : sizeof systems / sizeof *systems - (large ? 0 : LARGE);
    const char *system = systems[dice_below(dice, n_systems)];
    const bool other = strstr(system, "wavefunction.factors");  // than an RBM alone, from which gibbs and exact draw
    const size_t n_samplers = sizeof samplers / sizeof *samplers - (other ? FOR_MACHINES : 0);
    set_all(config, "system", system);
    snprintf(line, sizeof line, "sampler.method=%s", samplers[dice_below(dice, n_samplers)]);
    set_all(config, "", line);
    const char *method = methods[dice_below(dice, sizeof methods / sizeof *methods)],
               *starts = DICE_TEXT(dice, "1", "2", "3", "5", "auto");
    snprintf(line, sizeof line, "optimizer.method=%s%s", descends ? "exact optimizer.starts=" : method,
             descends ? starts : "");
    set_all(config, "", line);
    snprintf(line, sizeof line, "run.seed=%zu", 1 + dice_below(dice, 1000));
    config_set(config, line, NULL);
}

// What is refused is for `messages`: most of the throws that would be are thrown again.
static void throw_settings(struct dice *dice, struct config *config, bool descends, bool large)
{
    bool good = false;
    for (int throws = 0; throws < 4 && !good; throws++) {
        struct settings settings;
        struct error error = { 0 };
        config_finish(config);
        *config = (struct config){ 0 };
        throw_once(dice, config, descends, large);
        good = settings_build(&settings, config, &error, NULL);
        if (good)
            settings_finish(&settings);
        error_clear(&error);
    }
}

// ---- what is watched while a run goes on

struct watch {
    struct run *run;  // NULL: out of sight
    size_t n_progress, n_notes;
    struct tally_fold progress;
    uint64_t words;
    long looks, wishes_at;  // at the wish; when it is to stop
    enum run_wish wish;
    bool stopped;
};

static void watch_progress(const struct run_progress *progress, void *context)
{
    struct watch *watch = context;
    const double values[] = { (double)progress->done, (double)progress->total,   progress->energy,
                              progress->energy_error, progress->variance,        progress->acceptance,
                              progress->seconds_left, (double)progress->walkers, (double)progress->phase + 3 };
    for (size_t k = 0; k < sizeof values / sizeof *values; k++)
        tally_fold(&watch->progress, values[k]);
    watch->n_progress++;
    watch->words = 31 * watch->words + recorded_number(progress->stage ? progress->stage : "-");
    if (watch->run)
        for (const struct kept_number *number = kept_numbers; number->name; number++)
            tally_fold(&watch->progress, kept_number_get(watch->run, number));
}

static void watch_note(const char *text, void *context)
{
    struct watch *watch = context;
    char letters[TEXT_SIZE], *to = letters;
    for (const char *c = text; *c && to < letters + sizeof letters - 1; c++)
        if (!strchr("0123456789.e+-", *c))
            *to++ = *c;
    *to = '\0';
    watch->n_notes++;
    watch->words = 31 * watch->words + recorded_number(letters);
}

static enum run_wish watch_wish(void *context)
{
    struct watch *watch = context;
    return watch->wishes_at > 0 && ++watch->looks >= watch->wishes_at ? watch->wish : RUN_GO_ON;
}

static void say_watch(FILE *out, const struct watch *watch)
{
    fprintf(out, "seen %zu %zu %08" PRIx64, watch->n_progress, watch->n_notes, watch->words >> 32);
    tally_folded(out, &watch->progress);
    fputc('\n', out);
}

// ---- what there is to say of a run

static void say_error(FILE *out, const struct error *error)
{
    fprintf(out, "error %d", (int)error->kind);
    tally_text(out, error->text ? error->text : "");
    fputc('\n', out);
}

// An exact state: what scatters is rounding, and what follows from that scatter is no number.
static bool is_exact(const struct run_result *result)
{
    return result->estimator_variance < 1e-9 * result->energy * result->energy;
}

static void say_result(FILE *out, const struct run_result *result)
{
    const size_t first = offsetof(struct run_result, virial_ratio_error), last = offsetof(struct run_result, r_hat);
    struct tally_fold fold = { 0 };
    for (const struct run_result_row *row = run_result_rows; row->name; row++) {
        const bool rank = strcmp(row->name, "r_hat") == 0,
                   noise = is_exact(result) && row->offset >= first && row->offset <= last;
        const double value = *kept_result_at((struct run_result *)(uintptr_t)result, row->offset);
        tally_fold(&fold, noise ? 0 : rank ? 1e-4 * round(1e4 * value) : value);
    }
    fputs("result", out);
    tally_number(out, result->energy);
    tally_number(out, result->energy_error);
    tally_folded(out, &fold);
    fprintf(out, " %d %d %d", is_exact(result) ? 0 : result->plateau, result->no_bound, result->was_complete);
    tally_text(out, result->stop_reason);
    tally_text(out, result->training_end ? result->training_end : "");
    fprintf(out, " %s", run_verdict_name(result->judgement.verdict));
    for (size_t k = 0; k < result->judgement.n && !is_exact(result); k++)
        fprintf(out, " %s,", result->judgement.finding[k].name);
    fputc('\n', out);
}

static void say_numbers(FILE *out, const struct run *run)
{
    struct tally_fold fold = { 0 };
    for (const struct kept_number *number = kept_numbers; number->name; number++)
        tally_fold(&fold, kept_number_get(run, number));
    tally_fold(&fold, run->ensemble.drift);
    tally_fold_array(&fold, RUNGS_MOST - 1, run->measured.swap_share);
    fprintf(out, "numbers %zu %zu %zu", run->history.n, run->training.refined, run->training.steps_back);
    tally_number(out, run->ensemble.reference);
    tally_folded(out, &fold);
    fputc('\n', out);
}

static void say_history(FILE *out, const struct run *run)
{
    const struct history *history = &run->history;
    struct tally_fold fold = { 0 };
    for (const struct kept_column *column = kept_columns; column->name; column++)
        tally_fold_array(&fold, history->n, *kept_column_of(history, column));
    tally_fold_array(&fold, history->n_kept * run->ensemble.wavefunction.n_parameters, history->parameters);
    fputs("history", out);
    tally_folded(out, &fold);
    fputc('\n', out);
}

static void say_state(FILE *out, struct run *run)
{
    const unsigned where = run->stage < STAGE_MEASURING_BURN_IN ? IN_TRAINING
                           : run->stage < STAGE_MEASURING       ? IN_BURN_IN
                                                                : IN_MEASURING;
    struct tally_fold fold = { 0 };
    uint64_t words = 0;
    for (const struct kept_array *array = kept_arrays; array->name; array++) {
        const struct kept_parts parts = kept_array_parts(run, array);
        if (!(array->where & where) || parts.size == 0 || (array->partial && run->measured.partial == 0))
            continue;
        for (size_t row = 0; row < parts.rows; row++)
            for (size_t unit = 0; unit < parts.units; unit++) {
                const double *part = kept_array_part(run, array, row, unit);
                if (array->type == KEPT_REALS)
                    tally_fold_array(&fold, parts.size, part);
                for (size_t k = 0; array->type != KEPT_REALS && k < parts.size; k++)
                    words = (words ^ ((const uint64_t *)(const void *)part)[k]) * 1099511628211u;
            }
    }
    for (size_t k = 0; k < SERIES && run->stage == STAGE_MEASURING; k++)
        for (size_t b = 0; b < run->ensemble.n_blocks; b++)
            tally_fold_array(&fold, run->measured.draws * WALKERS,
                             run->measured.values[k] + b * run->measured.capacity * WALKERS);
    fprintf(out, "state %08" PRIx64, words >> 32);
    tally_folded(out, &fold);
    fputc('\n', out);
}

// ---- runs before everybody's eyes

// As `execute` in run.c does it; the phases are said one by one.
static bool go(FILE *out, struct run *run, struct error *error)
{
    if (run->stage == STAGE_TRAINING_BURN_IN &&
        strcmp(optimizer_name(settings_index(run->settings, SETTINGS_OPTIMIZER)), "exact") != 0 &&
        !run_burn_in(run, error))
        return false;
    if (run->stage < STAGE_MEASURING_BURN_IN) {
        say_numbers(out, run);
        if (!run_train(run, error))
            return false;
        run_account(run);
        say_numbers(out, run);
        say_state(out, run);
        run->stage = STAGE_MEASURING_BURN_IN;
    }
    ensemble_seek(&run->ensemble, true);
    if (run->stage == STAGE_MEASURING_BURN_IN) {
        if (!run_burn_in(run, error))
            return false;
        run->stage = STAGE_MEASURING;
    }
    return run_measure(run, error);
}

// Cut at some look, it goes back to its last state and on from there.
static void go_with_cuts(FILE *out, struct run *run, struct watch *watch, struct dice *dice)
{
    struct error error = { 0 };
    size_t cuts = dice_one_in(dice, 2) ? 0 : 1 + dice_below(dice, 3);
    bool done = false;
    do {
        watch->wishes_at = cuts > 0 ? watch->looks + 1 + (long)dice_below(dice, 4000) : 0;
        watch->wish = dice_one_in(dice, 2) ? RUN_STOP : RUN_STOP_NOW;
        done = go(out, run, &error);
        if (!done && error.n_messages > 0)
            break;
        if (!done) {
            fprintf(out, "cut %d %d\n", run->ensemble.was_cut, run->stop.stopped);
            run->ensemble.was_cut = false;
            if (run->checkpoint[checkpoint_last(run)].there)
                checkpoint_restore(run, checkpoint_last(run), &error);
            say_state(out, run);
            cuts--;
        }
    } while (!done);
    run_account(run);
    run_judge_measured(run);
    say_error(out, &error);
    error_clear(&error);
}

static const char many_terms[] = "system.particles=2 system.dimensions=2 system.omega=1 system.interaction=coulomb "
                                 "rbm.representation=amplitude rbm.sigma=auto rbm.hidden=7 rbm.train_sigma=yes "
                                 "optimizer.starts=4 optimizer.iterations=4 measure.samples=64",
                  many_iterations[] = "system.particles=2 system.dimensions=2 system.omega=1 "
                                      "system.interaction=coulomb rbm.representation=amplitude rbm.sigma=auto "
                                      "rbm.hidden=3 rbm.train_sigma=no optimizer.starts=8 optimizer.iterations=300";

// Values of the series that are means over more draws than a pass has.
static const char longest[] = "system.particles=1 system.dimensions=1 wavefunction.factors=gaussian gaussian.alpha=0.7 "
                              "sampler.method=metropolis optimizer.iterations=0 sampler.walkers=64 "
                              "measure.series_values=1024 measure.samples=260000 observables.kinds=none",
                  longest_positions[] =
                      "system.particles=2 system.dimensions=1 sampler.walkers=64 optimizer.iterations=0 "
                      "measure.series_values=1024 measure.samples=90000 measure.positions=200";

// Some of whose descents are given up.
static const char *const slow_descents[] = {
    "rbm.hidden=2",
    "rbm.hidden=2 system.omega=0.3",
    "rbm.hidden=2 system.omega=1,1.5 rbm.init_scale=3",
    "rbm.hidden=3 rbm.init_scale=3",
};
enum { SLOW_DESCENTS = sizeof slow_descents / sizeof *slow_descents };

// After those thrown together there are some that descend the closed form, and long ones.
static bool begin(struct dice *dice, size_t number, struct config *config, struct settings *settings,
                  struct error *error)
{
    *config = (struct config){ 0 };
    throw_settings(dice, config, number >= STATES, number < STATES);
    if (number >= STATES + DESCENTS - 4 && number < STATES + DESCENTS)  // grown starts; descents that are given up
        set_all(config, "", number % 2 ? many_terms : many_iterations);
    if (number >= STATES + DESCENTS) {
        config_finish(config);
        *config = (struct config){ 0 };
        set_all(config, "", number % 2 ? longest : longest_positions);
        if (number >= STATES + DESCENTS + 2)
            set_all(config, "", "measure.samples=30000");
    }
    if (number >= STATES + DESCENTS + LONG) {
        config_finish(config);
        *config = (struct config){ 0 };
        set_all(config, "system", "particles=2 dimensions=2 interaction=coulomb omega=1; optimizer.method=exact");
        set_all(config, "",
                "optimizer.starts=12 optimizer.iterations=400 sampler.method=exact sampler.walkers=32 "
                "measure.samples=64 run.seed=3");
        set_all(config, "", slow_descents[number - STATES - DESCENTS - LONG]);
    }
    return settings_build(settings, config, error, NULL);
}

static void say_run(FILE *out, size_t number)
{
    struct dice dice = dice_begin(number);
    struct config config;
    struct settings settings;
    struct error error = { 0 };
    struct run_result result;
    struct watch watch = { 0 };
    fprintf(out, "run %zu\n", number);
    clock_begin(DICE_VALUE(&dice, 1e-5, 1e-4, 1e-3, 1e-2));
    if (begin(&dice, number, &config, &settings, &error)) {
        struct run_options options = { .threads = 1 + dice_below(&dice, 2),
                                       .note = watch_note,
                                       .context = &watch,
                                       .progress = watch_progress,
                                       .wish = watch_wish };
        struct run run = { .settings = &settings, .options = &options, .result = &result };
        options.threads = 1;
        run.wall_start = run_wall();
        run.cpu_start = run_cpu();
        run_clear(&result);
        watch.run = &run;
        if (run_build(&run, &error) && run_begin(&run, &error)) {
            if (dice_one_in(&dice, 3))
                run.history.room = 4;
            run_stop_prepare(&run);
            go_with_cuts(out, &run, &watch, &dice);
            say_watch(out, &watch);
            say_numbers(out, &run);
            say_history(out, &run);
            say_state(out, &run);
            say_result(out, &result);
        }
        run_finish(&run);
        settings_finish(&settings);
    }
    say_error(out, &error);
    error_clear(&error);
    config_finish(&config);
}

static void say_slow(FILE *out, size_t number) { say_run(out, STATES + DESCENTS + LONG + number); }

// ---- runs with files

static void say_reading(FILE *out, const char *path)
{
    struct run_reading reading;
    struct run_verification verification;
    struct error error = { 0 };
    if (run_reading_open(&reading, path, &error)) {
        const struct run_evidence *evidence = &reading.evidence;
        fprintf(out, "read %s %zu %zu %d%d%d%d%d", reading.status, evidence->chains, evidence->draws,
                evidence->has_step, evidence->has_nodes, evidence->has_core, evidence->scalable, evidence->trained);
        tally_number(out, evidence->draws_per_chain);
        tally_number(out, evidence->closed_form);
        tally_array(out, evidence->chains * evidence->draws, evidence->energy);
        fputc('\n', out);
        run_judge(evidence, &reading.result.judgement);
        say_result(out, &reading.result);
        run_reading_finish(&reading);
    }
    say_error(out, &error);
    error_clear(&error);
    if (run_verify(path, &verification, &error)) {
        fprintf(out, "verified %zu", verification.terms);
        for (size_t k = 0; k < VERIFY_PARTS; k++) {
            tally_number(out, verification.part[k].exact);
            tally_number(out, verification.part[k].measured);
        }
        fputc('\n', out);
    }
    say_error(out, &error);
    error_clear(&error);
}

// One part of it, and what it says.
static bool say_part(FILE *out, const char *path, const struct config *config, const char *setting, long wishes_at,
                     enum run_wish wish)
{
    struct config own = { 0 };
    struct settings settings;
    struct error error = { 0 }, notes = { 0 };
    struct run_result result;
    struct watch watch = { .wishes_at = wishes_at, .wish = wish };
    bool good = false;
    for (size_t k = 0; k < config->n_entries; k++) {
        char line[TEXT_SIZE];
        snprintf(line, sizeof line, "%s.%s=%s", config->entries[k].section, config->entries[k].key,
                 config->entries[k].value);
        config_set(&own, line, NULL);
    }
    set_all(&own, "", setting);
    run_recall(&own, path, NULL, &notes);
    if (settings_build(&settings, &own, &error, NULL)) {
        const struct run_options options = { .threads = 1,
                                             .output = path,
                                             .resume = true,
                                             .note = watch_note,
                                             .context = &watch,
                                             .progress = watch_progress,
                                             .wish = watch_wish,
                                             .command = "vmc",
                                             .max_time = wish == RUN_STOP && wishes_at % 3 == 0 ? 1 : 0 };
        good = run_execute(&settings, &options, &result, &error);
        settings_finish(&settings);
    }
    fprintf(out, "part %d\n", good);
    say_error(out, &error);
    say_error(out, &notes);
    say_watch(out, &watch);
    if (good)
        say_result(out, &result);
    error_clear(&error);
    error_clear(&notes);
    config_finish(&own);
    return good;
}

// ---- two processes, one after the other: what the first one shares is played to the second

struct tape {
    FILE *file;
    struct team team;
};

static void share(void *context, size_t root, void *bytes, size_t size)
{
    struct tape *tape = context;
    (void)root;
    if (tape->team.rank == 0)
        fwrite(bytes, 1, size, tape->file);
    else if (fread(bytes, 1, size, tape->file) != size)
        memset(bytes, 0, size);
}

static void sum(void *context, uint64_t *values, size_t n) { (void)context, (void)values, (void)n; }

static void say_recalled(FILE *out, const char *path)
{
    struct tape tape = { .file = tmpfile() };
    for (size_t rank = 0; rank < 2 && tape.file; rank++) {
        struct config config = { 0 };
        struct error notes = { 0 };
        struct tally_fold fold = { 0 };
        tape.team = (struct team){ .rank = rank, .ranks = 2, .context = &tape, .share = share, .sum = sum };
        rewind(tape.file);
        set_all(&config, "", "system.particles=2 system.dimensions=2 run.seed=3");
        run_recall(&config, path, &tape.team, &notes);
        for (size_t k = 0; k < config.n_entries; k++)
            tally_fold(&fold, (double)(recorded_number(config.entries[k].key) % 1000 +
                                       recorded_number(config.entries[k].value) % 1000));
        fprintf(out, "recalled %zu %zu", rank, notes.n_messages);
        tally_folded(out, &fold);
        fputc('\n', out);
        error_clear(&notes);
        config_finish(&config);
    }
    if (tape.file)
        fclose(tape.file);
}

static void say_files(FILE *out, size_t number)
{
    struct dice dice = dice_begin(1000 + number);
    struct config config = { 0 };
    static const char last[] = "r.h5", loaded[] = "l.h5";
    fprintf(out, "file %zu\n", number);
    clock_begin(DICE_VALUE(&dice, 1e-5, 1e-4, 1e-3));
    throw_settings(&dice, &config, false, false);
    bool done = false;
    for (int part = 0; part < 3 && !done; part++)
        done = say_part(out, last, &config, "", 1 + (long)dice_below(&dice, 3000),
                        dice_one_in(&dice, 2) ? RUN_STOP : RUN_STOP_NOW);
    contents_say(out, last);
    say_reading(out, last);
    say_recalled(out, last);
    done = done || say_part(out, last, &config, "", 0, RUN_GO_ON);
    for (int longer = 0; longer < 2; longer++)
        say_part(out, last, &config,
                 DICE_TEXT(&dice, "", "measure.samples=4000", "optimizer.iterations=45", "measure.target_error=0.01",
                           "optimizer.iterations=3", "sampler.thin=3", "measure.samples=4000 optimizer.iterations=44"),
                 0, RUN_GO_ON);
    contents_say(out, last);
    say_reading(out, last);
    char load[TEXT_SIZE];
    snprintf(
        load, sizeof load, "wavefunction.load=%s %s", last,
        DICE_TEXT(&dice, "", "rbm.hidden=7", "sampler.step=0.3", "sampler.temperatures=1,1.5", "optimizer.starts=2"));
    say_part(out, loaded, &config, load, 0, RUN_GO_ON);
    contents_say(out, loaded);
    remove(loaded);
    remove(last);
    config_finish(&config);
}

// ---- what a file holds while its run goes on

struct reader {
    const char *path;
    struct tally_fold fold;
    size_t n;
};

static void read_meanwhile(const struct run_progress *progress, void *context)
{
    struct reader *reader = context;
    struct run_reading reading;
    struct error error = { 0 };
    if (access(reader->path, F_OK) == 0 && run_reading_open(&reading, reader->path, &error)) {
        const struct run_result *result = &reading.result;
        const double values[] = { result->energy, result->energy_error, result->n_samples, result->acceptance,
                                  (double)reading.evidence.draws };
        tally_fold_array(&reader->fold, sizeof values / sizeof *values, values);
        reader->n += progress->done > 0;
        run_reading_finish(&reading);
    }
    error_clear(&error);
}

static void say_meanwhile(FILE *out, size_t number)
{
    struct reader reader = { .path = "m.h5" };
    struct config config = { 0 };
    struct settings settings;
    struct error error = { 0 };
    struct run_result result;
    clock_begin(1e-3);
    set_all(&config, "system", systems[number]);
    set_all(&config, "",
            "optimizer.iterations=12 optimizer.samples=64 measure.samples=12000 sampler.walkers=32 "
            "run.checkpoint_interval=0.03");
    fprintf(out, "meanwhile %zu", number);
    if (settings_build(&settings, &config, &error, NULL)) {
        const struct run_options options = {
            .threads = 1, .output = reader.path, .context = &reader, .progress = read_meanwhile
        };
        fprintf(out, " %d", run_execute(&settings, &options, &result, &error));
        fprintf(out, " %zu", reader.n);
        settings_finish(&settings);
    }
    tally_folded(out, &reader.fold);
    fputc('\n', out);
    say_error(out, &error);
    error_clear(&error);
    config_finish(&config);
    remove(reader.path);
}

// ---- what is foreseen

static void say_estimate(FILE *out, size_t number)
{
    struct dice dice = dice_begin(2000 + number);
    struct config config;
    struct settings settings;
    struct error error = { 0 };
    struct run_estimate estimate;
    const struct run_options options = { .threads = 1 };
    fprintf(out, "estimate %zu", number);
    clock_begin(DICE_VALUE(&dice, 1e-5, 1e-4, 1e-3, 1e-2));
    const size_t kind = number < ESTIMATES ? number : STATES + (number - ESTIMATES) * DESCENTS / FORESEEN_DESCENTS;
    if (begin(&dice, kind, &config, &settings, &error)) {
        if (run_check(&settings, &options, &estimate, &error)) {
            const double values[] = { estimate.memory_per_walker, estimate.file_size,      estimate.cpu_time,
                                      estimate.wall_time,         estimate.iteration_time, estimate.draw_time };
            for (size_t k = 0; k < sizeof values / sizeof *values; k++)
                tally_number(out, values[k]);
            fprintf(out, " %zu %zu %zu %zu", estimate.n_parameters, estimate.walkers, estimate.draws,
                    estimate.iterations);
        }
        settings_finish(&settings);
    }
    fputc('\n', out);
    say_error(out, &error);
    error_clear(&error);
    config_finish(&config);
}

// ---- a run that has lost its file, and another one that takes the name beside it just before

static size_t blind;  // so many looks for a file find none

// Takes the C library's place.
int access(const char *path, int mode)
{
    if (blind == 0)
        return faccessat(AT_FDCWD, path, mode, 0);
    blind--;
    errno = ENOENT;
    return -1;
}

static void say_taken(FILE *out, size_t looks)
{
    static const char *const names[] = { "r.h5", "r.1.h5", "r.1.h5.lock", "r.2.h5", "r.2.h5.lock" };
    struct config config = { 0 };
    struct settings settings;
    struct error error = { 0 };
    struct run_result result;
    set_all(&config, "system", systems[0]);
    set_all(&config, "", "optimizer.iterations=2 measure.samples=64 sampler.walkers=32");
    fprintf(out, "taken %zu", looks);
    if (settings_build(&settings, &config, &error, NULL)) {
        const struct run_options options = { .threads = 1, .output = names[0] };
        struct run run = { .settings = &settings, .options = &options, .result = &result };
        FILE *other = fopen(names[1], "w");
        if (other)
            fclose(other);
        run_clear(&result);
        if (run_build(&run, &error) && run_begin(&run, &error)) {
            run_stop_prepare(&run);
            blind = looks;
            fprintf(out, " %d", run_publish_last(&run, "stopped", true, &error));
            blind = 0;
        }
        run_finish(&run);
        settings_finish(&settings);
    }
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        fprintf(out, " %d", remove(names[k]) == 0);
    fputc('\n', out);
    say_error(out, &error);
    error_clear(&error);
    config_finish(&config);
}

// ---- how soon an error that was asked for is believed

static void say_precise(FILE *out, size_t number)
{
    struct config config = { 0 };
    struct settings settings;
    struct error error = { 0 };
    struct run_result result;
    char line[TEXT_SIZE];
    set_all(&config, "system", "particles=1 dimensions=1; wavefunction.factors=gaussian gaussian.alpha=0.9");
    set_all(
        &config, "",
        "optimizer.iterations=0 measure.samples=1e8 sampler.walkers=32 measure.controls=none observables.kinds=none");
    snprintf(line, sizeof line, "measure.target_error=%g", 1.5e-3 * pow(0.95, (double)number));
    if (number + 1 == PRECISE)  // no error at all is left, and none was asked for
        snprintf(line, sizeof line, "gaussian.alpha=1 measure.samples=40000");
    set_all(&config, "", line);
    fprintf(out, "precise %zu", number);
    if (settings_build(&settings, &config, &error, NULL)) {
        const struct run_options options = { .threads = 1 };
        if (run_execute(&settings, &options, &result, &error)) {
            tally_number(out, result.n_samples);
            tally_number(out, result.energy_error);
        }
        settings_finish(&settings);
    }
    fputc('\n', out);
    say_error(out, &error);
    error_clear(&error);
    config_finish(&config);
}

static const struct {
    void (*say)(FILE *out, size_t number);
    size_t n;
} kinds[] = { { say_run, STATES + DESCENTS + LONG },
              { say_files, FILES },
              { say_estimate, ESTIMATES + FORESEEN_DESCENTS },
              { say_meanwhile, 1 },
              { say_taken, 2 },
              { say_precise, PRECISE },
              { say_slow, SLOW_DESCENTS } };

int main(int argc, char **argv)
{
    char *now = NULL;
    size_t length = 0, share = 1, shares = 1, turn = 0;
    if (argc < 2 || (argc > 2 && argv[2][0] != '-' && sscanf(argv[2], "%zu/%zu", &share, &shares) != 2) || shares == 0)
        return 2;
    const bool shows = strcmp(argv[1], "--show") == 0;
    if (!shows && strcmp(level_name(), "x86-64") == 0) {
        puts("skipped: recorded with fused multiply-add, which this level does not have");
        return 77;
    }
    char folder[] = "/tmp/vmc-test-courses-XXXXXX", *here = getcwd(NULL, 0);
    record_prepare_hdf5();
    if (!here || !mkdtemp(folder) || chdir(folder) != 0)
        return 2;
    FILE *out = open_memstream(&now, &length);
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        for (size_t k = 0; k < kinds[kind].n; k++)
            if (turn++ % shares + 1 == share)
                kinds[kind].say(out, k);
    fclose(out);
    if (chdir(here) != 0 || rmdir(folder) != 0)
        perror(folder);
    free(here);
    return recorded_status(argc, argv, now);
}
