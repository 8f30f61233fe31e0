// SPDX-License-Identifier: GPL-3.0-or-later
// Known values are found for the systems they belong to, and for no others.
#include "vmc/reference.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 8 };

static struct reference_query two_particles(double omega)
{
    static const struct reference_value strength = { "interaction.strength", 1 };
    return (struct reference_query){ .system = { .particles = 2, .dimensions = 2, .omega = { omega, omega } },
                                     .interaction = "coulomb",
                                     .n_values = 1,
                                     .values = &strength };
}

static struct reference_query free_particles(size_t particles, size_t dimensions)
{
    return (struct reference_query){
        .system = { .particles = particles, .dimensions = dimensions, .omega = { 1, 1, 1 } }, .interaction = "none"
    };
}

// The only match of this kind, or the test fails.
static struct reference_match only(const struct reference_query *query, const char *quantity, enum reference_kind kind)
{
    struct reference_match matches[MOST], found = { 0 };
    const size_t n = reference_lookup(query, quantity, matches, MOST);
    size_t of_kind = 0;
    for (size_t k = 0; k < n; k++)
        if (matches[k].kind == kind) {
            found = matches[k];
            of_kind++;
        }
    assert_int_equal(of_kind, 1);
    assert_non_null(found.source);
    return found;
}

static void expect(const struct reference_query *query, enum reference_kind kind, double value)
{
    assert_true(fabs(only(query, "energy", kind).value - value) < 1e-12 * fmax(1, fabs(value)));
}

static size_t count(const struct reference_query *query) { return reference_lookup(query, "energy", NULL, 0); }

// Settings are the same up to rounding, to nine digits, and no further.
static void nearly_the_same(void **state)
{
    (void)state;
    static const struct {
        double off;
        bool same;
    } cases[] = { { 9e-10, true }, { -9e-10, true }, { 1.1e-9, false }, { -1.1e-9, false } };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct reference_query query = two_particles(1 + cases[k].off);
        assert_int_equal(count(&query) > 0, cases[k].same);
        query = two_particles((1 + cases[k].off) / 6);
        assert_int_equal(count(&query) > 0, cases[k].same);
        query = two_particles(1);
        const struct reference_value strength = { "interaction.strength", 1 + cases[k].off };
        query.values = &strength;
        assert_int_equal(count(&query) > 0, cases[k].same);
    }
}

static void exact_values(void **state)
{
    (void)state;
    struct reference_query query = two_particles(1);
    expect(&query, REFERENCE_EXACT, 3);
    assert_non_null(strstr(only(&query, "energy", REFERENCE_EXACT).source, "Taut"));
    // the singlet of two electrons is the same spatial state
    query.fermions = true;
    query.spin_up = 1;
    expect(&query, REFERENCE_EXACT, 3);
    query.spin_up = 2;
    assert_int_equal(count(&query), 0);
    query = two_particles(1. / 6);
    expect(&query, REFERENCE_EXACT, 2. / 3);
    query = two_particles(0.7);
    assert_int_equal(count(&query), 0);
}

static void parts_sum_up(void **state)
{
    (void)state;
    const struct reference_query query = two_particles(1);
    const double kinetic = only(&query, "kinetic", REFERENCE_EXACT).value,
                 trap = only(&query, "trap", REFERENCE_EXACT).value;
    const double pair = only(&query, "pair", REFERENCE_EXACT).value;
    assert_true(fabs(kinetic + trap + pair - 3) < 1e-13);
    assert_true(fabs(2 * kinetic - 2 * trap + pair) < 1e-13);  // virial
}

static void formulas(void **state)
{
    (void)state;
    struct reference_query query = free_particles(10, 3);
    expect(&query, REFERENCE_EXACT, 15);
    query.system.omega[2] = 2.5;
    expect(&query, REFERENCE_EXACT, 22.5);
    query = free_particles(12, 2);
    query.fermions = true;
    query.spin_up = 6;
    query.system.omega[0] = query.system.omega[1] = 0.5;
    expect(&query, REFERENCE_EXACT, 14);

    const struct reference_value alpha = { "gaussian.alpha", 0.5 }, kappa = { "interaction.kappa", 0.5 },
                                 lambda = { "interaction.lambda", 2 };
    query = free_particles(2, 3);
    query.factors = "gaussian";
    query.n_values = 1;
    query.values = &alpha;
    expect(&query, REFERENCE_FIXED_PARAMETER, 3.75);
    query = free_particles(6, 2);
    query.interaction = "harmonic";
    query.n_values = 1;
    query.values = &kappa;
    expect(&query, REFERENCE_EXACT, 11);                        // 1 + 5 sqrt(1 + 6 / 2)
    for (size_t dimensions = 2; dimensions <= 3; dimensions++)  // one trap frequency that differs from the others
        for (size_t d = 0; d < dimensions; d++) {
            struct reference_query apart = query;
            apart.system.dimensions = dimensions;
            assert_true(count(&apart) > 0);
            apart.system.omega[d] = 2;
            assert_int_equal(count(&apart), 0);
        }
    query.fermions = true;
    query.spin_up = 3;
    expect(&query, REFERENCE_EXACT, 19);
    query = free_particles(3, 1);
    query.interaction = "inverse-square";
    query.n_values = 1;
    query.values = &lambda;
    expect(&query, REFERENCE_EXACT, 7.5);
    query.interaction = "harmonic";  // its value is not known then
    assert_int_equal(count(&query), 0);
}

static void strength_counts(void **state)
{
    (void)state;
    struct reference_value strength = { "interaction.strength", 2 };
    struct reference_query query = two_particles(1);
    query.values = &strength;
    assert_int_equal(count(&query), 0);
    strength.value = 0;
    expect(&query, REFERENCE_EXACT, 2);
}

static void minima_of_machines(void **state)
{
    (void)state;
    struct reference_query query = two_particles(1);
    query.factors = "rbm";
    query.representation = "amplitude";
    query.sigma[0] = query.sigma[1] = 1;
    const double fixed[] = { 3.14192630, 3.07861376, 3.07861376 };
    for (size_t hidden = 1; hidden <= 3; hidden++) {
        query.hidden = hidden;
        expect(&query, REFERENCE_MINIMUM, fixed[hidden - 1]);
    }
    for (size_t d = 0; d < 2; d++) {  // another width in either dimension is another machine
        query.sigma[d] = 1.1;
        assert_int_equal(count(&query), 1);
        query.sigma[d] = 1;
    }
    query.sigma[1] = 1.1;
    query.train_sigma = true;
    expect(&query, REFERENCE_MINIMUM, 3.07053323);  // hidden = 3
    query.hidden = 9;
    assert_int_equal(count(&query), 1);
    query.hidden = 4;
    expect(&query, REFERENCE_MINIMUM, 3.05183061);
    query.hidden = 8;
    assert_true(only(&query, "energy", REFERENCE_MINIMUM).upper_bound);
    query.representation = "probability";
    query.train_sigma = false;
    query.sigma[0] = query.sigma[1] = sqrt(0.5);
    expect(&query, REFERENCE_MINIMUM, 3.06493177);
    query = two_particles(0.1);
    query.factors = "rbm";
    query.representation = "amplitude";
    query.hidden = 2;
    query.sigma[0] = query.sigma[1] = 1 / sqrt(0.1);
    expect(&query, REFERENCE_MINIMUM, 0.46768853);
}

static void factors_in_any_order(void **state)
{
    (void)state;
    struct reference_query query = two_particles(1);
    query.representation = "amplitude";
    query.hidden = 2;
    query.sigma[0] = query.sigma[1] = 1;
    static const char *const same[] = { "rbm, pade-jastrow", "pade-jastrow,rbm", "rbm*pade-jastrow" };
    for (size_t k = 0; k < sizeof same / sizeof *same; k++) {
        query.factors = same[k];
        expect(&query, REFERENCE_MINIMUM, 3.000032834);
    }
    query.factors = "pade-jastrow";
    assert_int_equal(count(&query), 1);
    query.factors = "xyz, pade-jastrow";  // as long as rbm
    assert_int_equal(count(&query), 1);
    query.factors = "rbms, pade-jastrow";  // begins like it
    assert_int_equal(count(&query), 1);
    query.factors = "rbm, pade-jastrow, gaussian-pair";
    assert_int_equal(count(&query), 1);
}

static void quantum_dot(void **state)
{
    (void)state;
    struct reference_value values[] = { { "interaction.strength", 1 },
                                        { "slater.alpha", 0.92294 },
                                        { "pade-jastrow.beta", 0.55872 } };
    struct reference_query query = two_particles(1);
    query.system.particles = 6;
    assert_int_equal(count(&query), 0);  // six bosons: not known
    query.fermions = true;
    query.spin_up = 3;
    query.factors = "slater, pade-jastrow";
    query.values = values;
    query.n_values = 3;
    expect(&query, REFERENCE_FIXED_PARAMETER, 20.19079);
    struct reference_match matches[MOST];
    const size_t n = reference_lookup(&query, "energy", matches, MOST);
    assert_int_equal(n, 3);
    assert_int_equal(matches[0].kind, REFERENCE_FIXED_PARAMETER);
    assert_string_equal(matches[1].ansatz, "dmc");
    assert_true(matches[1].value < matches[2].value);
    values[1].value = 0.9;
    assert_int_equal(count(&query), 2);
    query.spin_up = 4;
    assert_int_equal(count(&query), 0);
}

static void per_particle(void **state)
{
    (void)state;
    const struct reference_value values[] = { { "interaction.diameter", 0.0043 }, { "gaussian.alpha", 1 } };
    const struct reference_query query = { .system = { .particles = 100, .dimensions = 3, .omega = { 1, 1, 2.82843 } },
                                           .interaction = "hard-sphere",
                                           .factors = "gaussian,hard-core",
                                           .n_values = 2,
                                           .values = values };
    expect(&query, REFERENCE_FIXED_PARAMETER, 266.3584);
    assert_true(fabs(only(&query, "energy", REFERENCE_FIXED_PARAMETER).uncertainty - 0.0066) < 1e-12);
}

static void counts_past_the_room(void **state)
{
    (void)state;
    struct reference_query query = two_particles(1);
    query.factors = "rbm";
    query.representation = "amplitude";
    query.hidden = 2;
    query.sigma[0] = query.sigma[1] = 1;
    struct reference_match match;
    assert_int_equal(reference_lookup(&query, "energy", &match, 1), 2);
    assert_int_equal(match.kind, REFERENCE_EXACT);
    assert_int_equal(reference_lookup(&query, "entropy", &match, 1), 0);
    assert_true(reference_rows() >= 64);
    assert_string_equal(reference_kind_name(REFERENCE_FIXED_PARAMETER), "fixed-parameter");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearly_the_same),      cmocka_unit_test(exact_values),
        cmocka_unit_test(parts_sum_up),         cmocka_unit_test(formulas),
        cmocka_unit_test(strength_counts),      cmocka_unit_test(minima_of_machines),
        cmocka_unit_test(factors_in_any_order), cmocka_unit_test(quantum_dot),
        cmocka_unit_test(per_particle),         cmocka_unit_test(counts_past_the_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
