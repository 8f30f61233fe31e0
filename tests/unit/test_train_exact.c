// SPDX-License-Identifier: GPL-3.0-or-later
// optimizer.method = exact reaches the known floors, from the seed alone, and goes on where a shorter training ended.
#include "support/model.h"
#include "vmc/record.h"
#include "vmc/run.h"
#include "vmc/verify.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FEW "optimizer.method=exact", "sampler.method=exact", "sampler.walkers=64", "measure.samples=6400"
static char folder[] = "/tmp/vmc_train_exact_XXXXXX", path[2][64];

static bool run(const struct oracle_rbm *rbm, const char *const *overrides, size_t file, bool resume,
                struct run_result *result, struct error *error)
{
    struct settings settings;
    model_settings(&settings, rbm, overrides);
    const struct run_options options = { .threads = 1, .output = path[file], .resume = resume };
    const bool good = run_execute(&settings, &options, result, error);
    settings_finish(&settings);
    return good;
}

static double energy_of(size_t file)
{
    struct run_verification found;
    assert_true(run_verify(path[file], &found, NULL));
    return found.part[0].exact;
}

static void test_floors(void **state)
{
    (void)state;
    for (size_t k = 0; k < oracle_n_optima; k++) {
        struct run_result result;
        struct error error = { 0 };
        assert_true(run(&oracle_optima[k].rbm, (const char *const[]){ FEW, NULL }, 0, false, &result, &error));
        const double energy = energy_of(0);
        print_message("%-18s %.10f, %+.1e from the floor, %3.0f iterations, %.3f s\n", oracle_optima[k].name, energy,
                      energy - oracle_optima[k].energy, result.iterations, result.training_cpu_time);
        assert_true(fabs(energy - oracle_optima[k].energy) < 1e-9);
        assert_string_equal(result.training_end, "converged");
    }
}

// A training that was too short, made longer, has the bits of one that was long at once; another seed has not.
static void test_longer(void **state)
{
    (void)state;
    const struct oracle_rbm *rbm = &oracle_optimum_find("rbm-amp-s1-h2")->rbm;
    struct run_result result;
    struct error error = { 0 };
    assert_true(run(rbm, (const char *const[]){ FEW, "optimizer.iterations=12", NULL }, 0, false, &result, &error));
    assert_string_equal(result.training_end, "iterations");
    const double short_energy = energy_of(0);
    assert_true(run(rbm, (const char *const[]){ FEW, "optimizer.iterations=400", NULL }, 0, true, &result, &error));
    const double longer = energy_of(0), measured = result.energy;
    assert_true(run(rbm, (const char *const[]){ FEW, "optimizer.iterations=400", NULL }, 1, false, &result, &error));
    assert_true(longer < short_energy);
    assert_true(longer == energy_of(1) && measured == result.energy);
    unlink(path[1]);
    assert_true(run(rbm, (const char *const[]){ FEW, "optimizer.iterations=400", "run.seed=2", NULL }, 1, false,
                    &result, &error));
    assert_true(measured != result.energy);
}

static double trained_energy(size_t file, size_t iteration)
{
    struct error error = { 0 };
    double energy[16];
    size_t rank, extent[3];
    struct record_file *record = record_open(path[file], false, &error);
    assert_non_null(record);
    assert_true(record_shape(record, "/training/energy", &rank, extent, &error));
    assert_true(rank == 1 && iteration < extent[0] && extent[0] <= 16);
    assert_true(record_read_reals(record, "/training/energy", extent[0], energy, &error));
    record_close(record);
    return energy[iteration];
}

// The first start is the wave function that was loaded.
static void test_loaded(void **state)
{
    (void)state;
    const struct oracle_rbm *rbm = &oracle_optimum_find("rbm-amp-s1-h2")->rbm;
    struct run_result result;
    struct error error = { 0 };
    char load[80];
    snprintf(load, sizeof load, "wavefunction.load=%s", path[0]);
    unlink(path[0]);
    assert_true(run(rbm, (const char *const[]){ FEW, "optimizer.iterations=12", NULL }, 0, false, &result, &error));
    unlink(path[1]);
    assert_true(
        run(rbm, (const char *const[]){ FEW, load, "optimizer.starts=1", "optimizer.iterations=3", "run.seed=5", NULL },
            1, false, &result, &error));
    assert_true(fabs(trained_energy(1, 0) - energy_of(0)) < 1e-12 * fabs(energy_of(0)));
    assert_true(energy_of(1) < energy_of(0));
}

// Of machines with more than 1,000 terms the third start is grown unit by unit, which nobody cuts here. More starts
// never end higher.
static void test_grown(void **state)
{
    (void)state;
    static const char *const starts[] = { "optimizer.starts=2", "optimizer.starts=3" };
    double energy[2];
    for (size_t k = 0; k < 2; k++) {
        struct run_result result;
        struct error error = { 0 };
        unlink(path[k]);
        assert_true(run(&oracle_set_find("amplitude-2p2d")->rbm,
                        (const char *const[]){ FEW, "rbm.hidden=7", "optimizer.iterations=6", starts[k], NULL }, k,
                        false, &result, &error));
        assert_string_equal(result.training_end, "iterations");
        energy[k] = energy_of(k);
    }
    print_message("two starts %.10f, a third that is grown %.10f\n", energy[0], energy[1]);
    assert_true(energy[1] <= energy[0]);
}

static void test_refused(void **state)
{
    (void)state;
    struct run_result result;
    struct error error = { 0 };
    const char *const overrides[] = { "optimizer.method=exact", "rbm.hidden=13", "sampler.walkers=32", NULL };
    assert_false(run(&oracle_set_find("amplitude-2p2d")->rbm, overrides, 0, false, &result, &error));
    assert_int_equal(error.kind, ERROR_CONFIG);
    assert_non_null(strstr(error.text, "[optimizer] method = exact: the closed form is a sum of 3^13"));
    error_clear(&error);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    for (int k = 0; k < 2; k++)
        snprintf(path[k], sizeof path[k], "%s/%d.h5", folder, k);
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_floors), cmocka_unit_test(test_longer),
                                        cmocka_unit_test(test_loaded), cmocka_unit_test(test_grown),
                                        cmocka_unit_test(test_refused) };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path[0]);
    unlink(path[1]);
    rmdir(folder);
    return failed;
}
