// SPDX-License-Identifier: GPL-3.0-or-later
// Several starts of a training, and how long it waits before it refines. Starts are held against the lowest energy in
// closed form. Bosons without hidden units are a product of Gaussians around centres, with
//     E = P (1 / (2 sigma^2) + sigma^2 / 2) + sum_p a_p^2 / 2 + sum_{p<q} <1/r_pq>   (omega = 1, two dimensions),
//     <1/r> = sqrt(pi / 2) / sigma  exp(-z) I_0(z),  z = (a_p - a_q)^2 / (4 sigma^2).
// All centres at 0 are a saddle, at which some trainings end; the minimum is a triangle.
#include "support/model.h"

#include "vmc/run.h"

#include <gsl/gsl_sf_bessel.h>
#include <hdf5_hl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static bool all;  // what is short, where false

enum { STARTS_MOST = 8 };
struct seen {
    size_t n, iterations[STARTS_MOST];
    double energy[STARTS_MOST];
};

static const char text[] =
    "[system]\nparticles = 3\ndimensions = 2\ninteraction = coulomb\n[rbm]\nhidden = 0\nsigma = 1\n"
    "[measure]\nsamples = 4e5\n";
static char path[] = "/tmp/vmc-test-starts-XXXXXX";

// Centres at the corners of a triangle of this side, |a_p|^2 = side^2 / 3
static double energy_of_triangle(double side)
{
    const double z = side * side / 4;
    return 3 + side * side / 2 + 3 * sqrt(M_PI / 2) * gsl_sf_bessel_I0_scaled(z);
}

static void take_note(const char *line, void *context)
{
    struct seen *seen = context;
    size_t start, of, after;
    double energy, lowest;
    if (sscanf(line, "start %zu of %zu: %lf after %zu iterations; lowest %lf", &start, &of, &energy, &after, &lowest) ==
        5) {
        assert_in_range(start, 1, STARTS_MOST);
        assert_int_equal(start, seen->n + 1);
        seen->iterations[seen->n] = after;
        seen->energy[seen->n++] = energy;
    }
}

static void train(const char *const *override, struct seen *seen, struct run_result *result)
{
    struct config config;
    struct settings settings;
    struct error error = { 0 };
    *seen = (struct seen){ 0 };
    assert_true(config_parse(&config, "f.ini", text, strlen(text), &error));
    for (; *override; override++)
        assert_true(config_set(&config, *override, &error));
    if (!settings_build(&settings, &config, &error, NULL))
        fail_msg("%s", error.text);
    if (!run_execute(&settings,
                     &(struct run_options){ .output = path, .threads = 1, .note = take_note, .context = seen }, result,
                     &error))
        fail_msg("%s", error.text);
    settings_finish(&settings);
    config_finish(&config);
}

static void test_apart(void **state)
{
    (void)state;
    struct seen seen;
    struct run_result result;
    double lowest = INFINITY;
    for (double side = 0; side < 4; side += 1e-3)
        lowest = fmin(lowest, energy_of_triangle(side));
    assert_true(lowest < energy_of_triangle(0) - 0.3);
    train((const char *[]){ "run.seed=3", NULL }, &seen, &result);
    print_message("saddle %.5f, first start %.5f; triangle %.5f, found %.5f(%.5f)\n", energy_of_triangle(0),
                  seen.energy[0], lowest, result.energy, result.energy_error);
    assert_int_equal(seen.n, 2);
    assert_true(result.energy_error < 2e-3);  // about 1e-3; four of them are exceeded once in 16,000 builds
    assert_true(result.energy < lowest + 4 * result.energy_error + 1e-4);
    assert_true(result.energy > lowest - 4 * result.energy_error);
}

// A start that is asked for is of the same kinds: the first narrow, all others with particles apart.
static void test_asked(void **state)
{
    (void)state;
    struct seen seen;
    struct run_result result;
    train((const char *[]){ "optimizer.starts=4", "optimizer.iterations=1", "optimizer.learning_rate=1e-6", NULL },
          &seen, &result);
    assert_int_equal(seen.n, 4);
    assert_true(fabs(seen.energy[0] - energy_of_triangle(0)) < 0.05);
    for (size_t k = 1; k < seen.n; k++)
        assert_true(fabs(seen.energy[k] - energy_of_triangle(0)) > 0.1);
}

// With a width to train, units that are shared out between centre of mass and relative motion lead to the lowest
// minimum that is known (closed form 0.44775484); the next ones lie at 0.44840 and above, 20 errors away, and no other
// start came below them. The noiseless training has such a start, too, and ends there to all digits (in ci).
static void test_shared_out(void **state)
{
    (void)state;
    static const char *const methods[] = { "optimizer.method=sr", "optimizer.method=exact" };
    for (size_t k = 0; k < (all ? 2 : 1); k++) {
        struct seen seen;
        struct run_result result;
        train((const char *[]){ "system.particles=2", "system.omega=0.1", "rbm.hidden=8", "rbm.sigma=auto",
                                "rbm.train_sigma=yes", methods[k], NULL },
              &seen, &result);
        print_message("%s: %.6f(%.6f)\n", methods[k], result.energy, result.energy_error);
        assert_true(result.energy_error < 6e-5);
        assert_true(fabs(result.energy - 0.44775484) < 4 * result.energy_error + (k == 0 ? 2e-5 : 0));
    }
}

// One for two particles with two units, six for small machines, three for large ones (two particles: two), one where
// something else is trained
static void test_number(void **state)
{
    (void)state;
    static const struct {
        const char *override[4];
        size_t n;
    } rows[] = { { { "system.particles=2", "rbm.hidden=2", NULL }, 0 },
                 { { "system.particles=2", "rbm.hidden=3", NULL }, 6 },
                 { { "system.particles=3", "rbm.hidden=2", NULL }, 2 },
                 { { "system.particles=12", "rbm.hidden=23", NULL }, 6 },
                 { { "system.particles=12", "rbm.hidden=24", NULL }, 3 },
                 { { "system.particles=12", "rbm.hidden=25", NULL }, 3 },
                 { { "system.particles=2", "rbm.hidden=200", NULL }, 2 },
                 { { "rbm.hidden=8", "optimizer.method=adam", NULL }, 0 },
                 { { "rbm.hidden=8", "wavefunction.factors=rbm, pade-jastrow", NULL }, 0 } };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        struct seen seen;
        struct run_result result;
        const char *override[8] = { "optimizer.iterations=1", "optimizer.samples=32", "measure.samples=64",
                                    "sampler.burn_in=10" };
        memcpy(override + 4, rows[k].override, sizeof rows[k].override);
        train(override, &seen, &result);
        if (seen.n != rows[k].n)
            fail_msg("%s, %s: %zu starts, %zu expected", rows[k].override[0], rows[k].override[1], seen.n, rows[k].n);
    }
}

// Iterations before the samples grow.
static size_t iterations_before(size_t iterations)
{
    double *samples = calloc(iterations, sizeof *samples);
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(samples && file >= 0 && H5LTread_dataset_double(file, "/training/samples", samples) >= 0);
    H5Fclose(file);
    size_t n = 0;
    while (n < iterations && samples[n] == samples[0])
        n++;
    free(samples);
    return n;
}

// Of a large machine whose units may begin anew the first start is over after two windows, and the others when their
// samples are to grow: after M (M + 1) / 3 = 200 iterations at least, with 340 in any case, and half as many more where
// units began anew. Those of the one that goes on grow after one window.
static void test_long(void **state)
{
    (void)state;
    struct seen seen;
    struct run_result result;
    train((const char *[]){ "system.particles=12", "rbm.hidden=24", "optimizer.iterations=400", "optimizer.samples=512",
                            "sampler.walkers=128", "sampler.burn_in=20", "measure.samples=640", NULL },
          &seen, &result);
    assert_int_equal(seen.n, 3);
    print_message("%zu, %zu, %zu iterations\n", seen.iterations[0], seen.iterations[1], seen.iterations[2]);
    print_message("%f, %f, %f\n", seen.energy[0], seen.energy[1], seen.energy[2]);
    assert_int_equal(seen.iterations[0], 24);
    for (size_t k = 1; k < 3; k++)
        assert_in_range(seen.iterations[k], 200, 440);
    assert_true(seen.energy[0] > fmax(seen.energy[1], seen.energy[2]));
    assert_int_equal(iterations_before((size_t)result.iterations), 12);
    // where a number of starts is asked for they are short
    train((const char *[]){ "system.particles=12", "rbm.hidden=24", "optimizer.starts=2", "optimizer.iterations=30",
                            "optimizer.samples=64", "sampler.walkers=64", "measure.samples=640", NULL },
          &seen, &result);
    assert_int_equal(seen.n, 2);
    assert_true(seen.iterations[0] == 30 && seen.iterations[1] == 30);
}

// Noise hides what is left along many directions: K / 3 iterations at least before the samples grow, K no more than
// M (M + 1) = 272. (Without that, these three seeds had theirs grow after 65, 60 and 53.)
static void test_patience(void **state)
{
    (void)state;
    enum { DIRECTIONS = 272 };
    for (size_t seed = 1; seed <= (all ? 3 : 1); seed++) {
        char text_of_seed[32];
        struct seen seen;
        struct run_result result;
        snprintf(text_of_seed, sizeof text_of_seed, "run.seed=%zu", seed);
        train((const char *[]){ "system.particles=8", "rbm.hidden=16", "optimizer.starts=1",
                                "optimizer.learning_rate=0.5", "optimizer.iterations=130", "measure.samples=1000",
                                text_of_seed, NULL },
              &seen, &result);
        const size_t n = iterations_before((size_t)result.iterations);
        print_message("seed %zu: samples grow after %zu iterations\n", seed, n);
        assert_true(n >= DIRECTIONS / 3);
    }
}

int main(int argc, char **argv)
{
    all = argc > 1 && strcmp(argv[1], "all") == 0;
    const int descriptor = mkstemp(path);
    if (descriptor < 0 || close(descriptor) || unlink(path))
        return EXIT_FAILURE;
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_apart), cmocka_unit_test(test_asked),
                                        cmocka_unit_test(test_shared_out), cmocka_unit_test(test_number),
                                        cmocka_unit_test(test_long),
                                        cmocka_unit_test(test_patience) };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
