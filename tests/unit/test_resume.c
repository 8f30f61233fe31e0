// SPDX-License-Identifier: GPL-3.0-or-later
// Stopping and going on, through the library: a run stopped again and again by a wish ends with the result of one in
// one go; a complete one is extended to what a longer one would have been; any other configuration is refused; a walker
// that is not finite is counted. And the lock.
#include "support/runs.h"

#include "run/state.h"
#include "vmc/record.h"
#include "vmc/run.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_SIZE = 128 };
static char folder[] = "/tmp/vmc-test-resume-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[4][PATH_SIZE];
    static unsigned turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], PATH_SIZE, "%s/%s", folder, name);
    return path[turn];
}

static struct runs_outcome go(const char *const *overrides, struct run_options options)
{
    return runs_of(runs_set("amplitude-2p2d"), overrides, options.output, options);
}

// Everything but the times.
static void assert_same(const struct run_result *a, const struct run_result *b)
{
    for (const struct run_result_row *row = run_result_rows; row->name; row++)
        if (!strstr(row->name, "time") || strcmp(row->name, "autocorrelation_time") == 0)
            if (memcmp((const char *)a + row->offset, (const char *)b + row->offset, sizeof(double)) != 0)
                fail_msg("%s differs", row->name);
    assert_string_equal(a->stop_reason, b->stop_reason);
    assert_true(a->judgement.verdict == b->judgement.verdict && a->judgement.n == b->judgement.n);
    for (size_t k = 0; k < a->judgement.n; k++)
        assert_string_equal(a->judgement.finding[k].what, b->judgement.finding[k].what);
}

// Wishes to stop at the n-th question.
struct patience {
    long left;
    enum run_wish wish;
};

static enum run_wish ask(void *context)
{
    struct patience *patience = context;
    return __atomic_sub_fetch(&patience->left, 1, __ATOMIC_RELAXED) < 0 ? patience->wish : RUN_GO_ON;
}

#define SMALL \
    "sampler.walkers=64", "sampler.burn_in=25", "optimizer.method=adam", "optimizer.samples=320", "optimizer.stop=never"

// Pieces of some questions each: every one gets a little further, the last one ends. Parts of a pass that are cut are
// lost, so a piece is longer than any pass.
static bool all;  // every way to be stopped, not the first alone

static void test_pieces(void **state)
{
    (void)state;
    static const struct {
        long questions;
        enum run_wish wish;
    } ways[] = { { 250, RUN_STOP_NOW }, { 190, RUN_STOP }, { 131, RUN_STOP } };
    const char *const overrides[] = { SMALL, "optimizer.iterations=5", "measure.samples=6400", NULL };
    const struct runs_outcome whole = go(overrides, (struct run_options){ .output = in_folder("whole.h5") });
    assert_true(whole.good);
    for (size_t k = 0; k < (all ? sizeof ways / sizeof *ways : 1); k++) {
        struct runs_outcome piece = { .good = false };
        size_t pieces = 0;
        const char *path = in_folder("pieces.h5");
        remove(path);
        for (; !piece.good && pieces < 100; pieces++) {
            struct patience patience = { ways[k].questions, ways[k].wish };
            piece = go(
                overrides,
                (struct run_options){
                    .output = path, .resume = true, .wish = ask, .context = &patience, .threads = 1 + pieces % 3 });
            assert_true(piece.good || piece.kind == ERROR_STOPPED);
        }
        print_message("%zu pieces\n", pieces);
        assert_true(piece.good && pieces > 2);
        assert_same(&whole.result, &piece.result);
    }
}

// Cut after so many questions each time, in one way or the other, by threads of changing number.
static struct runs_outcome go_in_pieces(const char *const *overrides, long questions, size_t *pieces)
{
    struct runs_outcome piece = { .good = false };
    const char *path = in_folder("pieces.h5");
    remove(path);
    for (; !piece.good && *pieces < 200; ++*pieces) {
        struct patience patience = { questions, *pieces % 2 ? RUN_STOP_NOW : RUN_STOP };
        piece = go(overrides,
                   (struct run_options){
                       .output = path, .resume = true, .wish = ask, .context = &patience, .threads = 1 + *pieces % 3 });
        assert_true(piece.good || piece.kind == ERROR_STOPPED);
    }
    print_message("%zu pieces\n", *pieces);
    return piece;
}

// The same in any of several starts, whose iterations are forgotten; and the best goes on, not the last.
static void note_best(const char *text, void *context)
{
    double energy, lowest;
    size_t start, starts, after;
    if (sscanf(text, "start %zu of %zu: %lf after %zu iterations; lowest %lf", &start, &starts, &energy, &after,
               &lowest) == 5 &&
        energy == lowest)
        *(size_t *)context = start;
}

static void test_starts(void **state)
{
    (void)state;
    const char *const overrides[] = { "sampler.walkers=64",     "sampler.burn_in=25",     "optimizer.samples=320",
                                      "optimizer.iterations=6", "optimizer.starts=4",     "run.seed=4",
                                      "measure.samples=5000",   "observables.kinds=none", NULL };
    size_t best = 0, pieces = 0;
    const struct runs_outcome whole = go(
        overrides, (struct run_options){ .output = in_folder("whole.h5"), .note = note_best, .context = &best });
    print_message("start %zu was best\n", best);
    assert_true(whole.good && whole.result.iterations == 6);
    assert_true(best > 0 && best < 4);  // else whether it is remembered would not show
    const struct runs_outcome piece = go_in_pieces(overrides, 150, &pieces);
    assert_true(piece.good && pieces > 6);
    assert_same(&whole.result, &piece.result);
}

// And where hidden units begin anew between two iterations: starting weights so large leave some without influence.
struct anew {
    size_t times, units, after;
};
static void note_anew(const char *text, void *context)
{
    struct anew *anew = context;
    if (sscanf(text, "%zu hidden units without influence begin anew after %zu", &anew->units, &anew->after) == 2)
        anew->times++;
}

static void test_revived(void **state)
{
    (void)state;
    const char *const overrides[] = { "sampler.walkers=64",    "sampler.burn_in=25",
                                      "system.particles=3",    "rbm.hidden=6",
                                      "rbm.init_scale=1.8",    "optimizer.starts=1",
                                      "optimizer.samples=320", "optimizer.iterations=100",
                                      "measure.samples=5000",  NULL };
    struct anew anew = { 0 };
    size_t pieces = 0;
    const char *path = in_folder("whole.h5");
    const struct runs_outcome whole = go(overrides,
                                         (struct run_options){ .output = path, .note = note_anew, .context = &anew });
    print_message("%zu units begin anew after %zu iterations\n", anew.units, anew.after);
    assert_true(whole.good && anew.times == 1 && anew.units > 0);
    double samples[100];
    const size_t n = runs_array(path, "/training/samples", 100, samples);
    assert_true(n > anew.after + 12);
    for (size_t k = 0; k < anew.after + 12; k++)  // they have a window of the plateau at least to settle
        assert_true(samples[k] == samples[0]);
    // no step led there, and what was learnt of steps before is forgotten: nothing is expected of that iteration
    double expected[100];
    assert_int_equal(runs_array(path, "/training/expected", 100, expected), n);
    assert_true(isnan(expected[anew.after]) && anew.after % 16 != 0);
    size_t dead = 0;  // units that begin anew whenever they are found
    for (size_t k = 1; k < n; k++) {
        assert_true(!isnan(expected[k]) || k == anew.after || k % 16 == 0);
        dead += isnan(expected[k]) && k % 16 == 0;
    }
    assert_true(dead > 0);
    const struct runs_outcome piece = go_in_pieces(overrides, 100, &pieces);
    assert_true(piece.good && pieces > 2);
    assert_same(&whole.result, &piece.result);
}

// Functions of pairs that are not worth their cost stay out when a run goes on: beside springs, those of r^2 take all
// of the variance that a Gaussian has.
static void note_left_out(const char *text, void *context)
{
    if (strstr(text, "left out"))
        ++*(size_t *)context;
}

static void test_left_out(void **state)
{
    (void)state;
    const char *const overrides[] = { SMALL,
                                      "system.interaction=harmonic",
                                      "rbm.hidden=0",
                                      "optimizer.iterations=3",
                                      "measure.samples=15000",
                                      "observables.kinds=none",
                                      NULL };
    size_t left_out = 0, pieces = 0;
    const struct runs_outcome whole = go(
        overrides,
        (struct run_options){ .output = in_folder("whole.h5"), .note = note_left_out, .context = &left_out });
    assert_true(whole.good && left_out == 1);
    struct runs_outcome piece = { .good = false };
    const char *path = in_folder("pieces.h5");
    remove(path);
    for (; !piece.good && pieces < 100; pieces++) {
        struct patience patience = { 150, RUN_STOP };
        piece = go(overrides,
                   (struct run_options){ .output = path, .resume = true, .wish = ask, .context = &patience });
        assert_true(piece.good || piece.kind == ERROR_STOPPED);
    }
    print_message("%zu pieces\n", pieces);
    assert_true(piece.good && pieces > 2);
    assert_same(&whole.result, &piece.result);
}

// A wave function without free parameters.
static struct runs_outcome go_fixed(const char *iterations, const char *samples, struct run_options options)
{
    static const char ini[] =
        "[system]\nparticles = 2\ndimensions = 2\ninteraction = coulomb\n[wavefunction]\nfactors = "
        "gaussian\n[gaussian]\ntrain = no\n[sampler]\nwalkers = 64\nburn_in = 25\n";
    struct runs_outcome outcome = { .kind = ERROR_NONE };
    struct config config;
    struct settings settings;
    struct error error = { 0 };
    assert_true(config_parse(&config, "fixed.ini", ini, strlen(ini), &error));
    assert_true(config_set(&config, iterations, &error) && config_set(&config, samples, &error));
    assert_true(settings_build(&settings, &config, &error, NULL));
    options.threads = 1;
    outcome.good = run_execute(&settings, &options, &outcome.result, &error);
    outcome.kind = error.kind;
    error_clear(&error);
    settings_finish(&settings);
    config_finish(&config);
    return outcome;
}

static void note_nothing(const char *text, void *context)
{
    if (strstr(text, "no free parameters"))
        ++*(size_t *)context;
}

static bool has_training(const char *path)
{
    struct record_file *file = record_open(path, false, NULL);
    assert_non_null(file);
    const bool has = record_has(file, "/training/energy");
    record_close(file);
    return has;
}

// It is measured at once, on the walkers that a run without iterations has, and that is said; stopped and extended it
// has the bits of a run in one go, and more iterations are no more work.
static void test_nothing_to_train(void **state)
{
    (void)state;
    static const char few[] = "measure.samples=6400", many[] = "measure.samples=12800";
    const char *path = in_folder("pieces.h5"), *once = in_folder("once.h5"), *none = in_folder("whole.h5");
    size_t said = 0;
    const struct runs_outcome whole = go_fixed(
        "optimizer.iterations=50", many,
        (struct run_options){ .output = once, .note = note_nothing, .context = &said });
    assert_true(whole.good && said == 1 && whole.result.iterations == 0 && whole.result.converged == 1);
    assert_string_equal(whole.result.training_end, "converged");
    assert_non_null(strstr(whole.result.stop_reason, "no free parameters"));
    assert_true(whole.result.training_cpu_time == 0 && !has_training(once));
    const struct runs_outcome asked = go_fixed(
        "optimizer.iterations=0", many, (struct run_options){ .output = none, .note = note_nothing, .context = &said });
    assert_true(asked.good && said == 1 && asked.result.converged == 0);
    assert_memory_equal(&asked.result.energy, &whole.result.energy, sizeof(double));
    assert_memory_equal(&asked.result.energy_error, &whole.result.energy_error, sizeof(double));
    remove(path);
    size_t pieces = 0;
    for (struct runs_outcome piece = { .good = false }; !piece.good && pieces < 100; pieces++) {
        struct patience patience = { 60, pieces % 2 ? RUN_STOP_NOW : RUN_STOP };
        piece = go_fixed("optimizer.iterations=50", few,
                         (struct run_options){ .output = path, .resume = true, .wish = ask, .context = &patience });
        assert_true(piece.good || piece.kind == ERROR_STOPPED);
    }
    print_message("%zu pieces\n", pieces);
    assert_true(pieces > 2);
    const struct runs_outcome longer = go_fixed("optimizer.iterations=50", many,
                                                (struct run_options){ .output = path, .resume = true });
    assert_true(longer.good && !longer.result.was_complete && !has_training(path));
    assert_same(&whole.result, &longer.result);
    const struct runs_outcome again = go_fixed("optimizer.iterations=80", many,
                                               (struct run_options){ .output = path, .resume = true });
    assert_true(again.good && again.result.was_complete);
    assert_same(&whole.result, &again.result);
}

// Samples, iterations and the target in steps, over the point where the series' room is full and its block doubles.
static void test_extended(void **state)
{
    (void)state;
    static const char *const steps[][3] = {
        { "optimizer.iterations=0", "measure.samples=1", "measure.target_error=0" },
        { "optimizer.iterations=0", "measure.samples=5000", "measure.target_error=0" },
        { "optimizer.iterations=4", "measure.samples=5000", "measure.target_error=0" },
        { "optimizer.iterations=7", "measure.samples=5000", "measure.target_error=0" },
        { "optimizer.iterations=7", "measure.samples=1.1e6", "measure.target_error=0" }
    };
    const char *path = in_folder("steps.h5");
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
        const char *const overrides[] = { SMALL, steps[k][0], steps[k][1], steps[k][2], NULL };
        const struct runs_outcome longer = go(overrides,
                                              (struct run_options){ .output = path, .resume = true, .threads = 2 });
        const struct runs_outcome whole = go(overrides,
                                             (struct run_options){ .output = in_folder("once.h5"), .threads = 2 });
        assert_true(longer.good && whole.good && !longer.result.was_complete);
        assert_same(&whole.result, &longer.result);
        const struct runs_outcome again = go(overrides, (struct run_options){ .output = path, .resume = true });
        assert_true(again.good && again.result.was_complete);
        assert_same(&whole.result, &again.result);
        const double above = whole.result.energy + 10 * whole.result.energy_error;
        const struct runs_outcome below = go(overrides,
                                             (struct run_options){ .output = path, .resume = true, .exact = &above });
        assert_true(below.good && below.result.was_complete && below.result.judgement.verdict == VERDICT_BAD);
    }
}

static void test_target_shrinks(void **state)
{
    (void)state;
    static const char *const targets[] = { "measure.target_error=0.05", "measure.target_error=0.01",
                                           "measure.target_error=0.004", "measure.target_error=0" };
    const char *path = in_folder("target.h5");
    double before = 0;
    for (size_t k = 0; k < sizeof targets / sizeof *targets; k++) {
        const char *const overrides[] = {
            SMALL, "optimizer.iterations=0", "measure.samples=200000", "observables.kinds=none", targets[k], NULL
        };
        const struct runs_outcome longer = go(overrides, (struct run_options){ .output = path, .resume = true });
        const struct runs_outcome whole = go(overrides, (struct run_options){ .output = in_folder("once.h5") });
        assert_true(longer.good && whole.good);
        assert_same(&whole.result, &longer.result);
        assert_true(longer.result.n_samples >= before);
        before = longer.result.n_samples;
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *change, *said;
    } cases[] = { { "system.omega=2", "[system] omega" },
                  { "run.seed=2", "[run] seed" },
                  { "sampler.walkers=96", "[sampler] walkers" },
                  { "measure.samples=100", "[measure] samples" },
                  { "optimizer.iterations=1", "[optimizer] iterations" },
                  { "measure.target_error=0.1", "[measure] target_error" },
                  { "optimizer.learning_rate=0.5", "[optimizer] learning_rate" } };
    const char *path = in_folder("refused.h5");
    const char *const overrides[] = { SMALL, "optimizer.iterations=2", "measure.samples=640", NULL };
    assert_true(go(overrides, (struct run_options){ .output = path }).good);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const char *const changed[] = { SMALL, "optimizer.iterations=2", "measure.samples=640", cases[k].change, NULL };
        const struct runs_outcome outcome = go(changed, (struct run_options){ .output = path, .resume = true });
        assert_false(outcome.good);
        assert_int_equal(outcome.kind, ERROR_CONFIG);
        if (!strstr(outcome.text, cases[k].said))
            fail_msg("%s: %s", cases[k].change, outcome.text);
    }
    const char *const interval[] = { SMALL, "optimizer.iterations=2", "measure.samples=640",
                                     "run.checkpoint_interval=5", NULL };
    assert_true(go(interval, (struct run_options){ .output = path, .resume = true, .threads = 3 }).result.was_complete);
}

// A walker that got lost is noticed in the same pass, counted at every draw, and spoils no energy. (Its derivatives are
// no numbers: training sees that in the gradient, and steps back.)
static void test_lost_walker(void **state)
{
    (void)state;
    for (size_t walker = 0; walker < WALKERS; walker++) {  // in every place of a register
        struct model model;
        struct ensemble_sums sums;
        model_build(&model, &oracle_set_find("amplitude-2p2d")->rbm,
                    (const char *const[]){ "sampler.walkers=64", NULL }, 2);
        struct ensemble *ensemble = &model.ensemble;
        ensemble->block[1].current[walker] = NAN;
        wavefunction_evaluate(&ensemble->wavefunction, ensemble->block[1].current);
        ensemble_pass(ensemble, 10, PASS_GRADIENT | PASS_CONTROLS, NULL, NULL, &sums);
        assert_true(sums.bad == 10 && sums.samples == 640);
        assert_true(isfinite(sums.energy) && isfinite(sums.energy2) && isfinite(sums.local2) && isfinite(sums.walker2));
        model_finish(&model);
    }
}

// Samples that were not finite are told apart: those of training, and those behind the result.
static void test_bad_samples(void **state)
{
    (void)state;
    struct model model;
    model_build(&model, &oracle_set_find("amplitude-2p2d")->rbm, (const char *const[]){ "sampler.walkers=32", NULL },
                1);
    struct run_result result = { 0 };
    const struct run_options options = { .threads = 1 };
    struct run run = {
        .settings = &model.settings, .options = &options, .ensemble = model.ensemble, .result = &result
    };
    run.training.bad = 3;
    run.measured.sums.bad = 2;
    run_account(&run);
    assert_true(result.n_bad == 2 && result.n_bad_training == 3);
    model_finish(&model);
}

// ---- the lock

static void put_lock_at(const char *name, const char *host, long pid, const char *job, long restart, time_t age)
{
    FILE *out = fopen(in_folder(name), "w");
    fprintf(out, "host %s\nplace elsewhere\npid %ld\nstarted 1\njob %s\nrestart %ld\n", host, pid, job, restart);
    fclose(out);
    const time_t then = time(NULL) - age;
    const struct timespec times[2] = { { then, 0 }, { then, 0 } };
    assert_int_equal(utimensat(0, in_folder(name), times, 0), 0);
}

static void put_lock(const char *host, long pid, const char *job, long restart, time_t age)
{
    put_lock_at("x.h5.lock", host, pid, job, restart, age);
}

static bool can_take(char said[400])
{
    struct error error = { 0 };
    struct record_lock *lock = record_lock_take(in_folder("x.h5"), &error);
    snprintf(said, 400, "%s", error.text ? error.text : "");
    assert_true(lock || error.kind == ERROR_EXISTS);
    assert_true(!lock || record_lock_held(lock, NULL));
    record_lock_release(lock);
    error_clear(&error);
    return lock != NULL;
}

static void test_lock(void **state)
{
    (void)state;
    char said[400];
    int ends[2], done[2];
    char byte = 0;
    assert_true(can_take(said));
    assert_int_not_equal(access(in_folder("x.h5.lock"), F_OK), 0);
    assert_true(pipe(ends) == 0 && pipe(done) == 0);
    const pid_t holder = fork();
    if (holder == 0) {
        struct record_lock *lock = record_lock_take(in_folder("x.h5"), NULL);
        _exit(!lock || write(ends[1], "", 1) != 1 || read(done[0], &byte, 1) != 1);
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_false(can_take(said));
    char pid[32];
    snprintf(pid, sizeof pid, "process %ld", (long)holder);
    assert_non_null(strstr(said, pid));
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
    assert_int_equal(access(in_folder("x.h5.lock"), F_OK), 0);  // as a killed run leaves it
    assert_true(can_take(said));
    put_lock("elsewhere", 1, "-", 0, 30);
    assert_false(can_take(said));
    put_lock("elsewhere", 1, "-", 0, 3600);
    assert_true(can_take(said));
    setenv("SLURM_JOB_ID", "4711", 1);
    setenv("SLURM_RESTART_COUNT", "1", 1);
    put_lock("elsewhere", 1, "4711", 0, 5);
    assert_true(can_take(said));
    put_lock("elsewhere", 1, "4711", 1, 5);
    assert_false(can_take(said));
    assert_non_null(strstr(said, "job 4711"));
    put_lock("elsewhere", 1, "4712", 0, 5);
    assert_false(can_take(said));
    unsetenv("SLURM_JOB_ID");
    unsetenv("SLURM_RESTART_COUNT");
    remove(in_folder("x.h5.lock"));
    for (int k = 0; k < 2; k++) {
        close(ends[k]);
        close(done[k]);
    }
}

// A run whose lock was taken over does not touch the file; what it has goes beside it.
static void lose_lock(const char *name, const char *beside)
{
    struct error error = { 0 };
    char path[512], other[512], lock_name[64];
    snprintf(path, sizeof path, "%s", in_folder(name));
    snprintf(other, sizeof other, "%s", in_folder(beside));
    snprintf(lock_name, sizeof lock_name, "%s.lock", name);
    struct record_lock *lock = record_lock_take(path, &error);
    assert_non_null(lock);
    put_lock_at(lock_name, "elsewhere", 99, "-", 0, 0);
    const char *const overrides[] = { SMALL, "optimizer.iterations=2", "measure.samples=640",
                                      "run.checkpoint_interval=1e-9", NULL };
    const struct runs_outcome outcome = go(overrides, (struct run_options){ .output = path, .lock = lock });
    assert_int_equal(outcome.kind, ERROR_EXISTS);
    assert_non_null(strstr(outcome.text, "process 99 on elsewhere"));
    assert_int_not_equal(access(path, F_OK), 0);
    assert_non_null(strstr(outcome.text, other));
    struct record_file *file = record_open(other, false, NULL);
    char *status = file ? record_read_attribute(file, "/", "status", NULL) : NULL;
    assert_true(status && strcmp(status, "stopped") == 0);
    free(status);
    record_close(file);
    remove(other);
    record_lock_release(lock);
    assert_int_equal(access(in_folder(lock_name), F_OK), 0);
    remove(in_folder(lock_name));
    error_clear(&error);
}

static void test_lock_lost(void **state)
{
    (void)state;
    lose_lock("x.h5", "x.1.h5");
    lose_lock("x.y.h5", "x.y.1.h5");
    lose_lock("x", "x.1");
    lose_lock(".x", ".x.1");
}

static int make_folder(void **state)
{
    (void)state;
    record_prepare_hdf5();
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = { "whole.h5", "pieces.h5", "steps.h5", "once.h5", "target.h5", "refused.h5" };
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        remove(in_folder(names[k]));
    return rmdir(folder);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_pieces),         cmocka_unit_test(test_extended),
                                        cmocka_unit_test(test_starts),         cmocka_unit_test(test_revived),
                                        cmocka_unit_test(test_left_out),       cmocka_unit_test(test_nothing_to_train),
                                        cmocka_unit_test(test_target_shrinks), cmocka_unit_test(test_refused),
                                        cmocka_unit_test(test_lost_walker),    cmocka_unit_test(test_bad_samples),
                                        cmocka_unit_test(test_lock),           cmocka_unit_test(test_lock_lost) };
    all = argc > 1 && strcmp(argv[1], "all") == 0;
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
