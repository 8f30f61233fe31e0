// SPDX-License-Identifier: GPL-3.0-or-later
// Training in stages: parameters join in their order, keep their starting values to the bit until then, are said in the
// progress, and all at once where stages are not wanted; a run stopped in any stage ends with the bits of one in one
// go.
#include "support/model.h"

#include "vmc/run.h"

#include <hdf5_hl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// alpha, lambda, ln length, kappa [5], beta [2], b [2], v [2, 2], y [2, 3]
enum { PARAMETERS = 22, ITERATIONS = 16, SHARE = ITERATIONS / 4 };
static const size_t stage_of[PARAMETERS] = { 0, 1, 2, 2, 2, 2, 2, 2, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2 };

static const char text[] =
    "[system]\nparticles = 6\ndimensions = 2\nstatistics = fermions\ninteraction = coulomb\n"
    "[wavefunction]\nfactors = slater, pade-jastrow, rbm\n[slater]\nbackflow = exponential\nmixing = yes\n"
    "train_backflow_length = yes\n[rbm]\nsharing = environment\n[sampler]\nwalkers = 64\nburn_in = 20\n"
    "[optimizer]\niterations = 16\nsamples = 320\nstop = never\n[measure]\nsamples = 640\n";

static bool all;  // every solver, and many more stops

static char path[] = "/tmp/vmc-test-stages-XXXXXX";

struct seen {
    char stages[200];  // names, each where it is new
    bool stops;
    long left;  // questions until a wish to stop, where it stops
};

static void look(const struct run_progress *progress, void *context)
{
    struct seen *seen = context;
    const char *stage = progress->phase != RUN_TRAIN ? NULL : progress->stage ? progress->stage : "all";
    const size_t length = strlen(seen->stages);
    if (stage && (length < strlen(stage) || strcmp(seen->stages + length - strlen(stage), stage) != 0))
        snprintf(seen->stages + length, sizeof seen->stages - length, "%s%s", length > 0 ? ", " : "", stage);
}

static enum run_wish ask(void *context)
{
    struct seen *seen = context;
    return seen->stops && __atomic_sub_fetch(&seen->left, 1, __ATOMIC_RELAXED) < 0 ? RUN_STOP : RUN_GO_ON;
}

static bool go(const char *override, struct seen *seen, bool resume, struct run_result *result)
{
    struct config config;
    struct settings settings;
    struct error error = { 0 };
    assert_true(config_parse(&config, "f.ini", text, strlen(text), &error));
    assert_true(!override || config_set(&config, override, &error));
    assert_true(settings_build(&settings, &config, &error, NULL));
    const bool good = run_execute(
        &settings,
        &(struct run_options){
            .output = path, .resume = resume, .threads = 1, .progress = look, .wish = ask, .context = seen },
        result, &error);
    if (!good && error.kind != ERROR_STOPPED)
        fail_msg("%s", error.text);
    error_clear(&error);
    settings_finish(&settings);
    config_finish(&config);
    return good;
}

// The first iteration after which a parameter has another value.
static void find_joined(size_t joined[PARAMETERS])
{
    double value[ITERATIONS * PARAMETERS];
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    assert_true(H5LTread_dataset_double(file, "/training/parameters", value) >= 0);
    H5Fclose(file);
    for (size_t k = 0; k < PARAMETERS; k++)
        for (joined[k] = 1; joined[k] < ITERATIONS; joined[k]++)
            if (memcmp(&value[joined[k] * PARAMETERS + k], &value[k], sizeof(double)) != 0)
                break;
}

static void test_order(void **state)
{
    (void)state;
    struct run_result result;
    struct seen seen = { .stops = false };
    size_t joined[PARAMETERS];
    assert_true(go(NULL, &seen, false, &result));
    assert_string_equal(seen.stages, "pairs, backflow, units");
    assert_int_equal(result.n_parameters, PARAMETERS);
    find_joined(joined);
    for (size_t k = 0; k < PARAMETERS; k++)
        assert_int_equal(joined[k], stage_of[k] * SHARE + 1);
}

static void test_all_at_once(void **state)
{
    (void)state;
    struct run_result result;
    struct seen seen = { .stops = false };
    size_t joined[PARAMETERS];
    assert_true(go("optimizer.stages=no", &seen, false, &result));
    assert_string_equal(seen.stages, "all");
    find_joined(joined);
    for (size_t k = 0; k < PARAMETERS; k++)
        assert_int_equal(joined[k], k == 2 ? 2 : 1);  // nothing pulls at the length while lambda is 0
}

// Every solver leaves alone what has not joined.
static void test_solvers(void **state)
{
    (void)state;
    static const char *const solvers[] = { "optimizer.solver=cg", "optimizer.solver=minsr", "optimizer.method=adam" };
    for (size_t s = all ? 0 : 1; s < sizeof solvers / sizeof *solvers; s++) {
        struct run_result result;
        struct seen seen = { .stops = false };
        size_t joined[PARAMETERS];
        assert_true(go(solvers[s], &seen, false, &result));
        find_joined(joined);
        for (size_t k = 0; k < PARAMETERS; k++)
            if (joined[k] < stage_of[k] * SHARE + 1 || (joined[k] > stage_of[k] * SHARE + 1 && s < 2))
                fail_msg("%s: parameter %zu moves in iteration %zu", solvers[s], k, joined[k]);
    }
}

static void test_pieces(void **state)
{
    (void)state;
    struct run_result whole, piece;
    struct seen seen = { .stops = false };
    assert_true(go(NULL, &seen, false, &whole));
    remove(path);
    size_t pieces = 0;
    for (bool done = false; !done; pieces++) {
        assert_true(pieces < 200);
        seen.stops = true;
        seen.left = all ? 12 : 60;
        done = go(NULL, &seen, true, &piece);
    }
    assert_true(pieces > 4);
    for (const struct run_result_row *row = run_result_rows; row->name; row++)
        if (!strstr(row->name, "time") &&
            memcmp((const char *)&whole + row->offset, (const char *)&piece + row->offset, sizeof(double)) != 0)
            fail_msg("%s differs", row->name);
}

int main(int argc, char **argv)
{
    all = argc > 1 && strcmp(argv[1], "all") == 0;
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_order), cmocka_unit_test(test_all_at_once),
                                        cmocka_unit_test(test_solvers), cmocka_unit_test(test_pieces) };
    const int descriptor = mkstemp(path);
    if (descriptor < 0)
        return 1;
    close(descriptor);
    remove(path);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove(path);
    return failed;
}
