// SPDX-License-Identifier: GPL-3.0-or-later
// What a file may hold of a run's state and of what its sampler learnt, at both sides of every bound, against a record:
// what is taken from it, and what is said where it cannot be.
//
//     test_states RECORD            compares
//     test_states RECORD --write    records anew
//     test_states --show            prints
#include "support/recorded.h"
#include "support/tally.h"

#include "run/checkpoint.h"
#include "run/conclude.h"
#include "run/kept.h"
#include "run/learnt.h"
#include "run/phases.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char path[] = "s.h5";

struct made {
    struct settings settings;
    struct run_options options;
    struct run_result result;
    struct run run;
};

static void make(struct made *made, const char *text)
{
    char copy[1000], *rest = copy;
    struct config config = { 0 };
    struct error error = { 0 };
    snprintf(copy, sizeof copy,
             "system.particles=2 system.dimensions=2 system.interaction=coulomb rbm.hidden=2 sampler.walkers=32 "
             "sampler.burn_in=20 optimizer.iterations=30 optimizer.samples=64 measure.samples=960 "
             "observables.kinds=none wavefunction.load=%s %s",
             path, text);
    for (char *word; (word = strsep(&rest, " "));)
        config_set(&config, word, NULL);
    *made = (struct made){ .options = { .threads = 1, .output = path } };
    made->run = (struct run){ .settings = &made->settings, .options = &made->options, .result = &made->result };
    run_clear(&made->result);
    if (!settings_build(&made->settings, &config, &error, NULL) || !run_build(&made->run, &error)) {
        fprintf(stderr, "%s: %s\n", text, error.text);
        exit(2);
    }
    config_finish(&config);
}

static void unmake(struct made *made)
{
    run_finish(&made->run);
    settings_finish(&made->settings);
}

static void write_file(const struct run *run, void (*add)(const struct run *run, struct record *record))
{
    struct error error = { 0 };
    struct record *record = record_create();
    record_add_heading(record, "stopped", NULL, "vmc");
    add(run, record);
    if (!record_publish(record, path, &error)) {
        fprintf(stderr, "%s\n", error.text);
        exit(2);
    }
    record_destroy(record);
}

static struct record_file *open_file(void)
{
    struct record_file *file = record_open(path, false, NULL);
    if (!file)
        exit(2);
    return file;
}

static void say_error(FILE *out, struct error *error)
{
    fprintf(out, " %d %s\n", (int)error->kind, error->text ? error->text : "");
    error_clear(error);
}

// ---- states

static void load(FILE *out, struct run *run, size_t which)
{
    struct tally_fold fold = { 0 };
    struct error error = { 0 };
    struct record_file *file = open_file();
    run->checkpoint[which].there = false;
    fprintf(out, " %d %d", checkpoint_load(run, file, which, &error), run->checkpoint[which].there);
    for (size_t k = 0; kept_numbers[k].name; k++)
        tally_fold(&fold, run->checkpoint[which].number[k]);
    tally_folded(out, &fold);
    say_error(out, &error);
    record_close(file);
}

// Numbers that are looked at, and the largest that is good where there is one.
struct bound {
    size_t offset;
    double most;
};

static void say_number(FILE *out, struct run *run, size_t which, size_t k, double most)
{
    struct checkpoint *checkpoint = &run->checkpoint[which];
    const double own = checkpoint->number[k];
    const bool real = kept_numbers[k].type == KEPT_REAL;
    const double values[] = { own, own > 0 ? own - 1 : 7, most, most + 1, real ? NAN : 0 };
    double before[200];
    size_t n = 0;
    while (kept_numbers[n].name)
        n++;
    memcpy(before, checkpoint->number, n * sizeof *before);
    for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
        memcpy(checkpoint->number, before, n * sizeof *before);
        checkpoint->number[k] = values[v];
        checkpoint->there = true;
        write_file(run, checkpoint_add);
        fprintf(out, "state %d %s %g", (int)run->stage, kept_numbers[k].name, values[v]);
        load(out, run, which);
    }
    memcpy(checkpoint->number, before, n * sizeof *before);
}

// The state at a stage, with each of these numbers in turn at what bounds it, and beside that.
static void say_states(FILE *out, enum run_stage stage)
{
    static struct made made;
    make(&made, "");
    struct run *run = &made.run;
    const size_t which = stage < STAGE_MEASURING_BURN_IN ? CHECKPOINT_TRAINING : CHECKPOINT_MEASURING;
    const unsigned places[] = { IN_BURN_IN, IN_TRAINING, IN_TRAINING, IN_BURN_IN, IN_MEASURING };
    run->history.n = 7;
    run->history.n_kept = 3;
    run->history.stride = 4;
    run->measured.block = 3;
    run->measured.partial = 1;
    run->measured.draws = 2;
    run->measured.position_stride = 2;
    run->training.draws = 2;
    run->training.longest = run->training.shortened = 0.5;
    run->stage = stage;
    checkpoint_take(run);
    const struct bound bounds[] = { { offsetof(struct run, tuning.done), 20 },
                                    { offsetof(struct run, history.stride), 1 },
                                    { offsetof(struct run, history.n_kept), 7 },
                                    { offsetof(struct run, history.n), 30 },
                                    { offsetof(struct run, training.draws), 1 },
                                    { offsetof(struct run, training.longest), 0 },
                                    { offsetof(struct run, training.shortened), 0 },
                                    { offsetof(struct run, training.stage), FACTOR_STAGES - 1 },
                                    { offsetof(struct run, measured.block), 1 },
                                    { offsetof(struct run, measured.partial), 2 },
                                    { offsetof(struct run, measured.draws), (double)run->measured.room },
                                    { offsetof(struct run, measured.room), (double)run->measured.room },
                                    { offsetof(struct run, measured.position_stride), 1 },
                                    { offsetof(struct run, ensemble.step), -1 } };
    for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++)
        for (size_t k = 0; kept_numbers[k].name; k++)
            if (kept_numbers[k].offset == bounds[b].offset && kept_numbers[k].where & places[stage])
                say_number(out, run, which, k, bounds[b].most);
    unmake(&made);
}

// ---- what a sampler learnt

static void keep_note(const char *text, void *context)
{
    *(uint64_t *)context = 31 * *(uint64_t *)context + recorded_number(text);
}

static void say_load(FILE *out, const char *text)
{
    static struct made made;
    uint64_t words = 0;
    struct tally_fold fold = { 0 };
    struct error error = { 0 };
    make(&made, text);
    struct ensemble *ensemble = &made.run.ensemble;
    struct record_file *file = open_file();
    made.options.note = keep_note;
    made.options.context = &words;
    fprintf(out, "  %s: %d", text, learnt_load(&made.run, file, &error));
    tally_fold_array(&fold, ensemble->n_rungs * ensemble->rung_row, ensemble->rungs);
    tally_fold(&fold, ensemble->step);
    fprintf(out, " %d %08llx", ensemble->learnt, (unsigned long long)words >> 32);
    tally_folded(out, &fold);
    say_error(out, &error);
    record_close(file);
    unmake(&made);
}

static void say_learnt(FILE *out, const char *text, size_t place, double value)
{
    static const char *const others[] = {
        "sampler.method=metropolis",
        "sampler.method=metropolis sampler.step=0.3",
        "sampler.method=hmc",
        "sampler.method=hmc sampler.temperatures=1,1.5",
        "sampler.method=hmc sampler.temperatures=1,1.5 sampler.step=0.3",
        "sampler.method=hmc sampler.temperatures=1,1.6",
        "sampler.method=langevin sampler.temperatures=1,1.5,2",
    };
    static struct made made;
    make(&made, text);
    struct ensemble *ensemble = &made.run.ensemble;
    const size_t n = ensemble->n_rungs * ensemble->rung_row;
    for (size_t k = 0; k < n; k++)
        ensemble->rungs[k] = 0.1 + 0.01 * (double)k;
    if (place < n)
        ensemble->rungs[n - 1 - place] = value;
    write_file(&made.run, learnt_add);
    unmake(&made);
    fprintf(out, "learnt %s %zu %g\n", text, place, value);
    say_load(out, text);
    for (size_t k = 0; k < sizeof others / sizeof *others && place >= n; k++)
        say_load(out, others[k]);
}

static void say_all_learnt(FILE *out)
{
    static const char *const texts[] = { "sampler.method=metropolis sampler.temperatures=1,1.5", "sampler.method=hmc",
                                         "sampler.method=hmc sampler.temperatures=1,1.5" };
    static const double values[] = { 0, -1, NAN, INFINITY };
    enum { TEXTS = sizeof texts / sizeof *texts, VALUES = sizeof values / sizeof *values };
    for (size_t t = 0; t < TEXTS; t++)
        say_learnt(out, texts[t], SIZE_MAX, 0);
    for (size_t place = 0; place < 40; place++)
        say_learnt(out, texts[1 + place % 2], place / 2, values[place / 2 % VALUES]);
}

int main(int argc, char **argv)
{
    char *now = NULL, folder[] = "/tmp/vmc-test-states-XXXXXX", *here = getcwd(NULL, 0);
    size_t length = 0;
    if (argc < 2)
        return 2;
    record_prepare_hdf5();
    if (!here || !mkdtemp(folder) || chdir(folder) != 0)
        return 2;
    FILE *out = open_memstream(&now, &length);
    for (int stage = STAGE_TRAINING_BURN_IN; stage <= STAGE_MEASURING; stage++)
        if (stage != STAGE_TRAINED)  // looked at as the one before
            say_states(out, (enum run_stage)stage);
    say_all_learnt(out);
    fclose(out);
    remove(path);
    if (chdir(here) != 0 || rmdir(folder) != 0)
        perror(folder);
    free(here);
    return recorded_status(argc, argv, now);
}
