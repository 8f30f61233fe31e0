// SPDX-License-Identifier: GPL-3.0-or-later
// Sites against closed forms, and the start that has units there, in the file it ends in.
#include "run/sites.h"
#include "vmc/run.h"
#include "vmc/settings.h"

#include <hdf5_hl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { COORDINATES_MOST = 200, OVERRIDES_MOST = 16 };
static char path[] = "/tmp/vmc-test-sites-XXXXXX";

static void settle(struct settings *settings, struct config *config, const char *const *override)
{
    static const char text[] = "[system]\nparticles = 3\ndimensions = 2\ninteraction = coulomb\n";
    struct error error = { 0 };
    assert_true(config_parse(config, "f.ini", text, strlen(text), &error));
    for (; *override; override++)
        assert_true(config_set(config, *override, &error));
    if (!settings_build(settings, config, &error, NULL))
        fail_msg("%s", error.text);
}

static void find(const char *const *override, unsigned seed, double *site)
{
    struct settings settings;
    struct config config;
    struct hamiltonian hamiltonian;
    struct error error = { 0 };
    struct rng rng;
    settle(&settings, &config, override);
    rng_start(&rng, seed, 7);
    assert_true(hamiltonian_build(&hamiltonian, &settings.system,
                                  interaction_type_at(settings_index(&settings, SETTINGS_INTERACTION)),
                                  settings_state(&settings, SETTINGS_INTERACTION), &error));
    assert_true(system_coordinates(&settings.system) <= COORDINATES_MOST);
    assert_true(sites_find(&hamiltonian, &rng, site));
    settings_finish(&settings);
    config_finish(&config);
}

static double distance(const double *site, size_t dimensions, size_t p, size_t q)
{
    double square = 0;
    for (size_t d = 0; d < dimensions; d++)
        square += pow(site[p * dimensions + d] - site[q * dimensions + d], 2);
    return sqrt(square);
}

// Two particles with lambda / r at distance r: (r^2 + s^2)^(3/2) = 2 lambda / omega^2 along the axis of the weakest
// trap. Three make a triangle: 3 lambda / omega^2. s^2 = (1 - 1/D) sum 1/omega.
static void test_few(void **state)
{
    (void)state;
    double site[COORDINATES_MOST];
    find((const char *[]){ "interaction.strength=10", NULL }, 1, site);
    for (size_t p = 0; p < 3; p++)
        assert_true(fabs(distance(site, 2, p, (p + 1) % 3) - sqrt(pow(30, 2.0 / 3) - 1)) < 1e-6);
    find((const char *[]){ "system.particles=2", "system.omega=1, 0.5", "interaction.strength=3", NULL }, 2, site);
    assert_true(fabs(distance(site, 2, 0, 1) - sqrt(pow(6 / 0.25, 2.0 / 3) - 1.5)) < 1e-6);
    assert_true(fabs(site[0]) < 1e-6 && fabs(site[2]) < 1e-6 && fabs(site[1] + site[3]) < 1e-6);
    find((const char *[]){ "system.particles=2", "system.dimensions=3", "system.omega=2", "interaction.strength=40",
                           NULL },
         3, site);
    assert_true(fabs(distance(site, 3, 0, 1) - sqrt(pow(80 / 4.0, 2.0 / 3) - 1)) < 1e-6);
    // on a line there is nothing across it: three at -x, 0, x, with x^3 = 5/4 lambda / omega^2
    find((const char *[]){ "system.dimensions=1", "wavefunction.factors=rbm, pade-jastrow", "interaction.strength=2",
                           NULL },
         4, site);
    double outer = 0, inner = INFINITY;
    for (size_t p = 0; p < 3; p++) {
        outer = fmax(outer, fabs(site[p]));
        inner = fmin(inner, fabs(site[p]));
    }
    assert_true(fabs(outer - cbrt(2.5)) < 1e-6 && inner < 1e-6);
}

// Where particles attract each other, or not at all, all are at the centre.
static void test_together(void **state)
{
    (void)state;
    static const char *const forces[] = { "system.interaction=harmonic", "system.interaction=none" };
    for (size_t k = 0; k < 2; k++) {
        double site[COORDINATES_MOST];
        find((const char *[]){ forces[k], "system.particles=20", NULL }, 5, site);
        for (size_t i = 0; i < 40; i++)
            assert_true(fabs(site[i]) < 1e-6);
    }
}

// Many: the force on every particle vanishes, written out once more.
static void test_many(void **state)
{
    (void)state;
    enum { PARTICLES = 60 };
    double site[COORDINATES_MOST], largest = 0, farthest = 0;
    find((const char *[]){ "system.particles=60", "system.dimensions=3", "system.omega=1, 0.8, 0.6", NULL }, 6, site);
    const double omega[] = { 1, 0.8, 0.6 }, spread = 2.0 / 3 * (1 + 1 / 0.8 + 1 / 0.6);
    for (size_t p = 0; p < PARTICLES; p++)
        for (size_t d = 0; d < 3; d++) {
            double force = -omega[d] * omega[d] * site[3 * p + d];
            for (size_t q = 0; q < PARTICLES; q++)
                if (q != p)
                    force += (site[3 * p + d] - site[3 * q + d]) / pow(pow(distance(site, 3, p, q), 2) + spread, 1.5);
            largest = fmax(largest, fabs(force));
            farthest = fmax(farthest, fabs(site[3 * p + d]));
        }
    print_message("60 particles: force left %.1e, farthest %.3f\n", largest, farthest);
    assert_true(largest < 1e-2 && farthest > 2);
}

// The second of two starts of many particles: units 0 to P-1 displace one particle each by 1.5 / sqrt(omega), the next
// P a particle and its nearest neighbour, in opposite directions. Biases are small, so that a + sum_j w_j / 2 are
// sites.
static void test_units(void **state)
{
    (void)state;
    enum { P = 12, M = 2 * P, N = 2 * P };
    const double length = 1.5 / sqrt(0.25);
    struct settings settings;
    struct config config;
    struct run_result result;
    struct error error = { 0 };
    double a[M], b[N], w[M][N], site[M];
    settle(&settings, &config,
           (const char *[]){ "system.particles=12", "system.omega=0.25", "rbm.hidden=24", "optimizer.starts=2",
                             "optimizer.iterations=1", "optimizer.learning_rate=1e-9", "measure.samples=4096", NULL });
    if (!run_execute(&settings, &(struct run_options){ .output = path, .threads = 1 }, &result, &error))
        fail_msg("%s", error.text);
    settings_finish(&settings);
    config_finish(&config);
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0 && H5LTread_dataset_double(file, "/wavefunction/rbm/a", a) >= 0 &&
                H5LTread_dataset_double(file, "/wavefunction/rbm/b", b) >= 0 &&
                H5LTread_dataset_double(file, "/wavefunction/rbm/w", w[0]) >= 0);
    H5Fclose(file);
    double directions[2] = { 0 };
    for (size_t i = 0; i < M; i++) {
        site[i] = a[i];
        for (size_t j = 0; j < N; j++)
            site[i] += 0.5 * w[i][j];
    }
    for (size_t p = 0; p < P; p++)
        for (size_t d = 0; d < 2; d++) {
            double force = -0.0625 * site[2 * p + d];
            for (size_t q = 0; q < P; q++)
                if (q != p)
                    force += (site[2 * p + d] - site[2 * q + d]) / pow(pow(distance(site, 2, p, q), 2) + 4, 1.5);
            assert_true(fabs(force) < 2e-3);
        }
    for (size_t j = 0; j < N; j++) {
        const size_t p = j % P;
        size_t nearest = p;
        assert_true(fabs(b[j]) < 0.9);  // six standard deviations
        for (size_t q = 0; q < P; q++)
            if (q != p && (nearest == p || distance(site, 2, p, q) < distance(site, 2, p, nearest)))
                nearest = q;
        const double x = w[2 * p][j], y = w[2 * p + 1][j], size = hypot(x, y),
                     expected = length * (j < P ? 1 : sqrt(0.5));
        assert_true(fabs(size - expected) < 0.25);
        directions[0] += x * x / (size * size);
        directions[1] += y * y / (size * size);
        for (size_t q = 0; q < P; q++) {
            const bool partner = j >= P && q == nearest;
            assert_true(q == p || (fabs(w[2 * q][j] + (partner ? x : 0)) < 0.4 &&
                                   fabs(w[2 * q + 1][j] + (partner ? y : 0)) < 0.4));
        }
    }
    assert_true(directions[0] > N / 4.0 && directions[1] > N / 4.0);
}

int main(void)
{
    const int descriptor = mkstemp(path);
    if (descriptor < 0 || close(descriptor) || unlink(path))
        return EXIT_FAILURE;
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_few), cmocka_unit_test(test_together),
                                        cmocka_unit_test(test_many), cmocka_unit_test(test_units) };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
