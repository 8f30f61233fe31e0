// SPDX-License-Identifier: GPL-3.0-or-later
// Every pair force against its formula, and r dv/dr by a difference, in long double: on all walkers of a block, with
// distances stored and computed anew, for few pairs and for more than fit a tile; who meets whom; contacts, the slopes
// and powers that follow from them, and systems that are refused.
#include "base/rows.h"
#include "vmc/hamiltonian.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PARTICLES_MOST = 24, STATE_MOST = 64 };

static long double none(long double r, const double *key) { return 0 * r * key[0]; }
static long double coulomb(long double r, const double *key) { return key[0] / r; }
static long double soft(long double r, const double *key) { return key[0] / sqrtl(r * r + key[1] * key[1]); }
static long double harmonic(long double r, const double *key) { return 0.5L * key[0] * r * r; }
static long double inverse(long double r, const double *key) { return key[0] * (key[0] - 1) / (r * r); }
static long double gaussian(long double r, const double *key)
{
    return key[0] * expl(-0.5L * r * r / (key[1] * key[1]));
}

static const struct force {
    const char *name, *keys[2], *texts[2];
    double values[2];
    long double (*v)(long double r, const double *key);
    bool virial;  // known
    struct interaction_contact contact;
} forces[] = {
    { "none", { 0 }, { 0 }, { 0, 0 }, none, true, { .inverse = 0 } },
    { "coulomb", { "strength" }, { "1.7" }, { 1.7, 0 }, coulomb, true, { .inverse = 1.7 } },
    { "soft-coulomb", { "strength", "softening" }, { "1.3", "0.4" }, { 1.3, 0.4 }, soft, true, { .inverse = 0 } },
    { "harmonic", { "kappa" }, { "0.6" }, { 0.6, 0 }, harmonic, true, { .inverse = 0 } },
    { "harmonic", { "kappa" }, { "-0.01" }, { -0.01, 0 }, harmonic, true, { .inverse = 0 } },
    { "inverse-square", { "lambda" }, { "2.5" }, { 2.5, 0 }, inverse, true, { .inverse_square = 3.75 } },
    { "gaussian", { "height", "width" }, { "-2", "0.7" }, { -2, 0.7 }, gaussian, true, { .inverse = 0 } },
    { "hard-sphere", { "diameter" }, { "0.02" }, { 0.02, 0 }, none, false, { .core = 0.02, .node = true } },
};
enum { FORCES = sizeof forces / sizeof *forces };

static const struct interaction_type *type_of(const char *name)
{
    size_t k = 0;
    while (strcmp(interaction_name(k), name) != 0)
        k++;
    return interaction_type_at(k);
}

static void fill(const struct force *force, const struct interaction_type *type, void *state)
{
    char why[PARAM_TEXT_SIZE];
    memset(state, 0, STATE_MOST);
    assert_true(type->state_size <= STATE_MOST);
    for (size_t k = 0; k < 2 && force->keys[k]; k++)
        assert_true(param_parse(param_find(type->params, force->keys[k]), force->texts[k], state, why));
}

static struct system system_of(size_t particles, size_t dimensions)
{
    return (struct system){
        .particles = particles, .dimensions = dimensions, .omega = { 1.1, 0.7, 1.9 }, .spin_up = particles
    };
}

// x within a unit or so, different for every walker.
static void place(double *x, size_t coordinates)
{
    for (size_t i = 0; i < coordinates; i++)
        for (size_t w = 0; w < WALKERS; w++)
            x[i * WALKERS + w] = 1.5 * sin(1.0 + 1.7 * (double)i + 0.37 * (double)w + 0.11 * (double)(i * w));
}

static long double distance(const struct system *system, const double *x, size_t w, size_t p, size_t q)
{
    long double sum = 0;
    for (size_t d = 0; d < system->dimensions; d++) {
        const long double apart = (long double)x[(p * system->dimensions + d) * WALKERS + w] -
                                  x[(q * system->dimensions + d) * WALKERS + w];
        sum += apart * apart;
    }
    return sqrtl(sum);
}

// Rounding of a sum whose terms add up to `size`.
static void near(double found, long double expected, long double size)
{
    assert_true(fabsl(found - expected) < 1e-12L * (1 + size));
}

static void check(const struct force *force, const struct interaction_type *type, const void *state,
                  const struct system *system, bool kept)
{
    static _Alignas(64) double x[PARTICLES_MOST * 3 * WALKERS], out[POTENTIAL_ROWS * WALKERS],
        rows[2 * PARTICLES_MOST * PARTICLES_MOST * WALKERS];
    struct hamiltonian hamiltonian;
    struct geometry geometry;
    struct error error = { 0 };
    assert_true(hamiltonian_build(&hamiltonian, system, type, state, &error));
    geometry_build(&geometry, system, kept);
    place(x, system_coordinates(system));
    assert_true(geometry_rows(&geometry) * WALKERS <= sizeof rows / sizeof *rows);
    geometry_update(&geometry, x, rows);
    const struct configuration at = { &geometry, x, geometry.stored ? rows : NULL, NULL };
    hamiltonian_potential(&hamiltonian, &at, NULL, NULL, out);
    for (size_t w = 0; w < WALKERS; w++) {
        long double trap = 0, pair = 0, virial = 0, size = 0;
        for (size_t i = 0; i < system_coordinates(system); i++) {
            const long double pull = (long double)system->omega[i % system->dimensions] * x[i * WALKERS + w];
            trap += 0.5L * pull * pull;
        }
        for (size_t p = 0; p < system->particles; p++)
            for (size_t q = 0; q < p; q++) {
                const long double r = distance(system, x, w, p, q), h = 1e-4L * r;
                const long double slope = (8 * (force->v(r + h, force->values) - force->v(r - h, force->values)) -
                                           (force->v(r + 2 * h, force->values) - force->v(r - 2 * h, force->values))) /
                                          (12 * h);
                pair += force->v(r, force->values);
                size += fabsl(force->v(r, force->values)) + fabsl(r * slope);
                virial += r * slope;
            }
        near(out[POTENTIAL_TRAP * WALKERS + w], trap, trap);
        near(out[POTENTIAL_PAIR * WALKERS + w], pair, size);
        near(out[POTENTIAL_VIRIAL * WALKERS + w], 2 * trap + (force->virial ? virial : 0), 10 * size + trap);
    }
}

static void test_forces(void **state)
{
    (void)state;
    static const size_t particles[] = { 1, 2, 3, 7, PARTICLES_MOST };  // 24: 276 pairs are not stored
    for (size_t f = 0; f < FORCES; f++)
        for (size_t n = 0; n < sizeof particles / sizeof *particles; n++)
            for (size_t dimensions = 1; dimensions <= 3; dimensions++)
                for (int kept = 0; kept < 2; kept++) {
                    _Alignas(16) char own[STATE_MOST];
                    const struct interaction_type *type = type_of(forces[f].name);
                    const struct system system = system_of(particles[n], dimensions);
                    fill(&forces[f], type, own);
                    check(&forces[f], type, own, &system, kept);
                }
}

static void test_contacts(void **state)
{
    (void)state;
    for (size_t f = 0; f < FORCES; f++)
        for (size_t dimensions = 1; dimensions <= 3; dimensions++) {
            _Alignas(16) char own[STATE_MOST];
            struct hamiltonian hamiltonian;
            struct error error = { 0 };
            const struct system system = system_of(3, dimensions);
            const struct interaction_contact *found = &hamiltonian.contact, *expected = &forces[f].contact;
            const double lambda = expected->inverse, d = (double)dimensions;
            fill(&forces[f], type_of(forces[f].name), own);
            assert_true(hamiltonian_build(&hamiltonian, &system, type_of(forces[f].name), own, &error));
            assert_true(found->inverse == lambda && fabs(found->inverse_square - expected->inverse_square) < 1e-14);
            assert_true(found->core == expected->core);
            assert_true(found->node == (expected->node || (lambda > 0 && dimensions == 1)));
            assert_int_equal(hamiltonian_has_pairs(&hamiltonian), f != 0 && f != FORCES - 1);
            // cusps: lambda / (D - 1) between opposite spins, lambda / (D + 1) between equal ones; on a line lambda / 2
            assert_true(fabs(hamiltonian_slope(&hamiltonian, PAIR_ANTIPARALLEL) -
                             (dimensions == 1 ? lambda / 2 : lambda / (d - 1))) < 1e-14);
            assert_true(fabs(hamiltonian_slope(&hamiltonian, PAIR_PARALLEL) - lambda / (d + 1)) < 1e-14);
            // the larger root of mu (mu + D - 2) = g
            const double mu = hamiltonian_power(&hamiltonian);
            if (expected->core > 0)  // r^mu (r - a) / r has no curvature at r = a: 2 (mu - 1) + D - 1 = 0
                assert_true(2 * (mu - 1) + d - 1 == 0);
            else
                assert_true(fabs(mu * (mu + d - 2) - expected->inverse_square) < 1e-12 && 2 * mu + d - 2 >= 0);
        }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *key, *text;
        size_t particles, dimensions;
        bool good;
    } cases[] = {
        { "harmonic", "kappa", "-0.16", 3, 2, true },   // 0.49 > 0.48
        { "harmonic", "kappa", "-0.17", 3, 2, false },  // 0.49 < 0.51
        { "harmonic", "kappa", "-0.39", 3, 1, true },   // 1.21 > 1.17
        { "harmonic", "kappa", "-0.41", 3, 1, false },  // 1.21 < 1.23
        // 2 kappa is the square of 1.1 to the bit: nothing is bound there either
        { "harmonic", "kappa", "-0.6050000000000001", 2, 1, false },
        { "harmonic", "kappa", "-9", 1, 2, true },           // no pairs
        { "hard-sphere", "diameter", "0", 3, 1, true },      // points on a line
        { "hard-sphere", "diameter", "0", 3, 2, false },     //
        { "hard-sphere", "diameter", "0", 2, 2, false },     // one pair
        { "hard-sphere", "diameter", "0", 1, 2, true },      //
        { "hard-sphere", "diameter", "0.1", 3, 2, true },    //
        { "inverse-square", "lambda", "0.9", 3, 2, false },  // it attracts
        { "inverse-square", "lambda", "0.9", 2, 2, false },  // one pair
        { "inverse-square", "lambda", "1", 3, 2, true },     //
        { "inverse-square", "lambda", "0.9", 1, 2, true },   //
        { "inverse-square", "lambda", "0.9", 3, 1, true },   //
        { "inverse-square", "lambda", "0.9", 3, 3, true },   //
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        _Alignas(16) char own[STATE_MOST];
        struct hamiltonian hamiltonian;
        struct error error = { 0 };
        const struct force force = { .name = cases[k].name, .keys = { cases[k].key }, .texts = { cases[k].text } };
        const struct system system = system_of(cases[k].particles, cases[k].dimensions);
        fill(&force, type_of(force.name), own);
        assert_int_equal(hamiltonian_build(&hamiltonian, &system, type_of(force.name), own, &error), cases[k].good);
        assert_int_equal(error.kind, cases[k].good ? ERROR_NONE : ERROR_CONFIG);
        error_clear(&error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_forces), cmocka_unit_test(test_contacts),
                                        cmocka_unit_test(test_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
