// SPDX-License-Identifier: GPL-3.0-or-later
// Memory runs out in a run: every piece that is asked for is refused while it is built, trained, measured, foreseen, or
// its file read back. (`memory` is for files that are written.)
#include "support/refusal.h"

#include "run/conclude.h"
#include "run/file.h"
#include "run/phases.h"
#include "run/state.h"
#include "run/stop.h"
#include "vmc/diagnose.h"
#include "vmc/record.h"
#include "vmc/run.h"
#include "vmc/verify.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char shortest[] = "system.particles=2 system.dimensions=2 system.interaction=coulomb sampler.walkers=32 "
                               "sampler.burn_in=3 optimizer.iterations=3 optimizer.samples=32 measure.samples=96 "
                               "optimizer.starts=1 observables.kinds=none";

// Settings are made beforehand: `refused` is for them.
static struct settings settings;

static void prepare(const char *more)
{
    char text[1000], *rest = text;
    struct config config = { 0 };
    struct error error = { 0 };
    snprintf(text, sizeof text, "%s %s", shortest, more);
    for (char *word; (word = strsep(&rest, " "));)
        if (*word && !config_set(&config, word, &error))
            fail_msg("%s", error.text);
    if (!settings_build(&settings, &config, &error, NULL))
        fail_msg("%s", error.text);
    config_finish(&config);
}

static void append_number(char **result, double value)
{
    char text[40];
    snprintf(text, sizeof text, " %.9g", value);
    refusal_append(result, text);
}

static bool make_run(char **result, struct error *error)
{
    struct run_result found;
    const struct run_options options = { .threads = 1 };
    const bool good = run_execute(&settings, &options, &found, error);
    if (good) {
        append_number(result, found.energy);
        append_number(result, found.energy_error);
        append_number(result, found.virial_ratio_error);
        append_number(result, found.iterations);
        append_number(result, found.converged);
    }
    return good;
}

// What there is after a step of training, with a state to go on from.
static struct run *begun;

enum { PUBLISHED = 30 };  // pieces: what a record begins with, and the names of parameters; `memory` has all

static bool make_publishing(char **result, struct error *error)
{
    const bool good = run_publish(begun, "stopped", error);
    if (good)
        append_number(result, begun->result->iterations);
    return good;
}

static bool make_reading(char **result, struct error *error)
{
    struct run_reading reading;
    const bool good = run_reading_open(&reading, "o.h5", error);
    if (good) {
        append_number(result, reading.result.energy);
        append_number(result, reading.evidence.closed_form);
        run_reading_finish(&reading);
    }
    return good;
}

static bool make_verification(char **result, struct error *error)
{
    struct run_verification found;
    const bool good = run_verify("o.h5", &found, error);
    if (good)
        append_number(result, found.part[0].exact);
    return good;
}

static bool make_estimate(char **result, struct error *error)
{
    struct run_estimate estimate;
    const struct run_options options = { .threads = 1 };
    const bool good = run_check(&settings, &options, &estimate, error);
    if (good)
        append_number(result, estimate.file_size);
    return good;
}

static void check(const char *more, refusal_maker *make)
{
    prepare(more);
    const char *wrong = refusal_check(make);
    settings_finish(&settings);
    if (wrong)
        fail_msg("%s: %s", more, wrong);
}

static void test_runs(void **state)
{
    (void)state;
    static const char *const more[] = {
        "optimizer.starts=2 measure.positions=40",
        "optimizer.solver=cg sampler.method=hmc observables.kinds=density-radial,one-body",
        "optimizer.solver=minsr sampler.method=metropolis sampler.temperatures=1,1.5",
        "optimizer.starts=3 optimizer.method=exact sampler.method=exact rbm.train_sigma=yes",
        "optimizer.starts=1 optimizer.method=exact sampler.method=exact rbm.hidden=1 optimizer.iterations=90",
        "optimizer.method=adam wavefunction.factors=gaussian,pade-jastrow measure.target_error=0.5",
        "optimizer.solver=cholesky optimizer.samples=288 sampler.walkers=288",
    };
    for (size_t k = 0; k < sizeof more / sizeof *more; k++)
        check(more[k], make_run);
}

static void test_estimates(void **state)
{
    (void)state;
    check("", make_estimate);
}

static void test_publishing(void **state)
{
    (void)state;
    const struct run_options options = { .threads = 1, .output = "p.h5", .command = "vmc" };
    struct run_result result;
    prepare("optimizer.iterations=2 sampler.temperatures=1,1.5");
    struct run run = { .settings = &settings, .options = &options, .result = &result };
    run_clear(&result);
    assert_true(run_build(&run, NULL) && run_begin(&run, NULL));
    run_stop_prepare(&run);
    assert_true(run_burn_in(&run, NULL) && run_train(&run, NULL) && run_boundary(&run, NULL));
    begun = &run;
    const char *wrong = refusal_check_first(make_publishing, PUBLISHED);
    run_finish(&run);
    settings_finish(&settings);
    remove("p.h5");
    if (wrong)
        fail_msg("%s", wrong);
}

static bool make_lock(char **result, struct error *error)
{
    remove("l.h5.lock");  // whoever cannot read it any more does not know that it is its own
    struct record_lock *lock = record_lock_take("l.h5", error);
    const bool held = lock && record_lock_held(lock, error);
    if (held)
        refusal_append(result, "held");
    record_lock_release(lock);
    return held;
}

static void test_locks(void **state)
{
    (void)state;
    check("", make_lock);
}

static void test_files(void **state)
{
    (void)state;
    struct run_result result;
    const struct run_options options = { .threads = 1, .output = "o.h5", .command = "vmc" };
    prepare("rbm.train_sigma=yes");
    assert_true(run_execute(&settings, &options, &result, NULL));
    settings_finish(&settings);
    check("", make_reading);
    check("", make_verification);
}

// With `all` behind it, what takes seconds: files, too.
int main(int argc, char **argv)
{
    const bool all = argc > 1 && strcmp(argv[1], "all") == 0;
    char folder[] = "/tmp/vmc-refused-XXXXXX";
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_runs), cmocka_unit_test(test_estimates),
                                        cmocka_unit_test(test_publishing), cmocka_unit_test(test_locks) },
                            more[] = { cmocka_unit_test(test_files) };
    record_prepare_hdf5();
    if (!mkdtemp(folder) || chdir(folder) != 0)
        return 2;
    const int status = all ? cmocka_run_group_tests(more, NULL, NULL) : cmocka_run_group_tests(tests, NULL, NULL);
    remove("o.h5");
    remove("l.h5.lock");
    return chdir("/") == 0 && rmdir(folder) == 0 ? status : 2;
}
