// SPDX-License-Identifier: GPL-3.0-or-later
// The closed form of an RBM's energy against sums, quadratures and finite differences that share no code with it.
#include "referee/parts.h"
#include "support/model.h"
#include "vmc/referee.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool all;  // every shape, not a fourth of them
static bool few;  // an eighth
enum { VALUES_MOST = 400 };

static struct referee *referee_of(const struct model *model)
{
    struct error error = { 0 };
    struct referee *referee = referee_create(&model->ensemble.wavefunction, &model->ensemble.hamiltonian, &error);
    if (!referee)
        print_error("%s\n", error.text);
    assert_non_null(referee);
    return referee;
}

static struct referee_energy energy_of(const struct oracle_rbm *rbm, double *gradient)
{
    struct model model;
    struct referee_energy energy;
    model_build(&model, rbm, (const char *const[]){ "sampler.walkers=32", NULL }, 1);
    struct referee *referee = referee_of(&model);
    assert_true(referee_evaluate(referee, model.theta, &energy, gradient));
    referee_destroy(referee);
    model_finish(&model);
    return energy;
}

static double apart(double a, long double b) { return (double)fabsl(a - b) / fmax(1, (double)fabsl(b)); }

static double worst_part(const struct referee_energy *found, const struct oracle_mean *exact)
{
    return fmax(fmax(apart(found->kinetic, exact->kinetic), apart(found->trap, exact->trap)),
                fmax(fmax(apart(found->pair, exact->pair), apart(found->energy, exact->energy)),
                     apart(found->log_norm, exact->log_norm)));
}

static bool plain(const struct oracle_rbm *rbm) { return rbm->envelope && !(rbm->gaussian_alpha > 0); }

static void test_sets(void **state)
{
    (void)state;
    size_t n = 0;
    for (size_t s = 0; s < oracle_n_sets; s++) {
        if (!plain(&oracle_sets[s].rbm))
            continue;
        const struct oracle_mean exact = oracle_exact(&oracle_sets[s].rbm);
        const struct referee_energy found = energy_of(&oracle_sets[s].rbm, NULL);
        const double worst = worst_part(&found, &exact);
        print_message("%-24s E = %.12f, parts and ln norm apart by %.1e\n", oracle_sets[s].name, found.energy, worst);
        assert_true(worst < 1e-12);
        n++;
    }
    assert_true(n >= 8);
}

// A grid over all coordinates, where there are four at most and the force is not singular.
static void test_grid(void **state)
{
    (void)state;
    static const char *const names[] = { "amplitude-soft", "probability-soft", "amplitude-bumps", "amplitude-2p2d",
                                         "probability-anisotropic" };
    for (size_t k = 0; k < sizeof names / sizeof *names; k += all ? 1 : few ? 4 : 2) {
        struct oracle_rbm rbm = oracle_set_find(names[k])->rbm;
        if (rbm.interaction == ORACLE_COULOMB)
            rbm.interaction = ORACLE_NONE;
        double found_gradient[VALUES_MOST], gradient[VALUES_MOST], worst = 0;
        const struct oracle_mean exact = oracle_trapezoid(&rbm, rbm.dimensions == 1 ? 0.1 : 0.5, gradient);
        const struct referee_energy found = energy_of(&rbm, found_gradient);
        for (size_t i = 0; i < oracle_parameters(&rbm); i++)
            worst = fmax(worst, fabs(found_gradient[i] - gradient[i]));
        print_message("%-24s against a grid: parts %.1e, gradient %.1e\n", names[k], worst_part(&found, &exact), worst);
        assert_true(worst_part(&found, &exact) < 1e-10);
        assert_true(worst < 1e-8);
    }
}

// Random machines: one to six particles, every dimension, both forms, shared and separate widths, all forces.
struct drawn_machine {
    struct oracle_rbm rbm;
    double a[18], b[8], w[144], sigma[3];
};

static double random_within(uint64_t *state, double low, double high)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return low + (high - low) * (double)(*state >> 11) * 0x1p-53;
}

static void make(struct drawn_machine *machine, uint64_t *state, size_t particles, size_t dimensions, size_t hidden,
                 bool amplitude, bool separate, double reach)
{
    const size_t m = particles * dimensions;
    for (size_t i = 0; i < m; i++)
        machine->a[i] = random_within(state, -1, 1);
    for (size_t j = 0; j < hidden; j++)
        machine->b[j] = random_within(state, -1, 1);
    for (size_t k = 0; k < m * hidden; k++)
        machine->w[k] = random_within(state, -reach, reach);
    for (size_t d = 0; d < 3; d++)
        machine->sigma[d] = separate ? random_within(state, 0.5, 1.3) : 0.85;
    machine->rbm = (struct oracle_rbm){ .particles = particles,
                                        .dimensions = dimensions,
                                        .hidden = hidden,
                                        .amplitude = amplitude,
                                        .envelope = true,
                                        .a = machine->a,
                                        .b = machine->b,
                                        .w = machine->w,
                                        .sigma = machine->sigma,
                                        .omega = { 1, separate ? 1.4 : 1, separate ? 0.6 : 1 },
                                        .interaction = dimensions == 1 ? ORACLE_SOFT : ORACLE_COULOMB,
                                        .strength = 1.2,
                                        .softening = 0.3,
                                        .train_sigma = true };
}

// The gradient by central differences of the oracle's energy, in long double: some 1e-12.
static double worst_slope(const struct oracle_rbm *rbm, const double *gradient)
{
    long double truth[VALUES_MOST];
    double worst = 0;
    oracle_energy_gradient(rbm, truth);
    for (size_t k = 0; k < oracle_parameters(rbm); k++)
        worst = fmax(worst, (double)fabsl(gradient[k] - truth[k]));
    return worst;
}

static void test_gradient(void **state)
{
    (void)state;
    static const struct {
        size_t particles, dimensions, hidden;
        bool amplitude, separate;
        double reach;
    } cases[] = { { 2, 2, 4, true, false, 1 },  { 2, 2, 4, true, true, 1 },  { 2, 3, 3, true, false, 1 },
                  { 2, 3, 3, true, true, 1 },   { 2, 1, 4, true, false, 1 }, { 2, 2, 4, false, false, 1 },
                  { 2, 2, 3, false, true, 1 },  { 2, 3, 3, false, true, 1 }, { 3, 1, 3, false, false, 1 },
                  { 3, 2, 2, true, true, 1 },   { 4, 3, 2, true, false, 1 }, { 6, 2, 2, true, false, 1 },
                  { 6, 3, 2, false, false, 1 }, { 1, 3, 3, true, true, 1 },  { 1, 1, 1, false, false, 1 },
                  { 2, 2, 3, true, true, 6 },   { 2, 2, 3, false, true, 6 } };
    uint64_t random = 5;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct drawn_machine machine;
        double gradient[VALUES_MOST];
        make(&machine, &random, cases[c].particles, cases[c].dimensions, cases[c].hidden, cases[c].amplitude,
             cases[c].separate, cases[c].reach);
        if (!all && c % (few ? 8 : 4) != 0)
            continue;
        const struct oracle_mean exact = oracle_exact(&machine.rbm);
        const struct referee_energy found = energy_of(&machine.rbm, gradient);
        const double parts = worst_part(&found, &exact), slopes = worst_slope(&machine.rbm, gradient);
        print_message("%zu particles in %zuD, %zu units, %s, |w| < %g: parts %.1e, gradient %.1e\n", cases[c].particles,
                      cases[c].dimensions, cases[c].hidden, cases[c].amplitude ? "amplitude" : "probability",
                      cases[c].reach, parts, slopes);
        assert_true(parts < 1e-11);
        assert_true(slopes < 1e-9 * fmax(1, fabs(found.energy)));
    }
}

// Harmonic and Gaussian pair forces, known by their names and keys, against sums over a grid.
struct force {
    double kappa, height, width;
};
static const struct param harmonic_params[] = { PARAM_REAL(force, kappa), PARAM_END };
static const struct param gaussian_params[] = { PARAM_REAL(force, height), PARAM_REAL(force, width), PARAM_END };
static void no_energy(const void *state, size_t n, const double *r2, const double *inverse, double *out)
{
    (void)state, (void)n, (void)r2, (void)inverse, (void)out;
}
static const struct interaction_type forces[] = {
    { .name = "harmonic", .params = harmonic_params, .pair_energy = no_energy },
    { .name = "gaussian", .params = gaussian_params, .pair_energy = no_energy }
};

static double force_on_grid(size_t kind, const struct force *force, const double *delta, const double *variance)
{
    double sum = 0, norm = 0;
    for (double x = -8; x <= 8; x += 0.25)
        for (double y = -8; y <= 8; y += 0.25) {
            const double rx = delta[0] + sqrt(variance[0]) * x, ry = delta[1] + sqrt(variance[1]) * y,
                         r2 = rx * rx + ry * ry;
            const double weight = exp(-0.5 * (x * x + y * y));
            sum += weight * (kind == 0 ? 0.5 * force->kappa * r2
                                       : force->height * exp(-0.5 * r2 / (force->width * force->width)));
            norm += weight;
        }
    return sum / norm;
}

static void test_forces(void **state)
{
    (void)state;
    const struct force force = { 1.7, -2.3, 0.9 };
    const double step = 1e-4;
    for (size_t kind = 0; kind < 2; kind++) {
        struct referee_pair pair;
        const struct hamiltonian hamiltonian = { .system = { .particles = 2, .dimensions = 2 },
                                                 .type = &forces[kind],
                                                 .state = &force };
        double delta[] = { 0.8, -1.1 }, variance[] = { 0.6, 1.3 }, mean, by_delta[DIMENSIONS_MOST];
        assert_true(referee_pair_build(&pair, &hamiltonian));
        referee_pair_set(&pair, variance);
        pair.mean(&pair, delta, &mean, by_delta);
        assert_true(fabs(mean - force_on_grid(kind, &force, delta, variance)) < 1e-12);
        for (size_t d = 0; d < 2; d++) {
            double slope[2];
            for (size_t k = 0; k < 2; k++) {
                double *shifted = k ? variance : delta, before = shifted[d], up;
                shifted[d] = before + step;
                up = force_on_grid(kind, &force, delta, variance);
                shifted[d] = before - step;
                slope[k] = (up - force_on_grid(kind, &force, delta, variance)) / (2 * step);
                shifted[d] = before;
            }
            assert_true(fabs(slope[0] - by_delta[d]) < 1e-7 && fabs(slope[1] - pair.by_variance[d]) < 1e-7);
        }
        referee_pair_finish(&pair);
    }
}

// One width for all dimensions: its slope is the sum of theirs.
static void test_shared_width(void **state)
{
    (void)state;
    struct drawn_machine machine;
    struct settings settings;
    struct ensemble ensemble;
    struct referee_energy energy, shared_energy;
    struct error error = { 0 };
    double separate[VALUES_MOST], shared[VALUES_MOST], theta[VALUES_MOST];
    uint64_t random = 8;
    make(&machine, &random, 2, 3, 3, true, false, 1);
    const size_t n = oracle_parameters(&machine.rbm) - 3;
    energy = energy_of(&machine.rbm, separate);
    model_settings(&settings, &machine.rbm, (const char *const[]){ "rbm.sigma=0.85", NULL });
    assert_true(ensemble_build(&ensemble, &settings, 1, &error));
    assert_int_equal(ensemble.wavefunction.n_parameters, n + 1);
    struct oracle_copy copy;
    oracle_copy_init(&copy, &machine.rbm);
    oracle_copy_get(&copy, theta);
    oracle_copy_finish(&copy);
    struct referee *referee = referee_create(&ensemble.wavefunction, &ensemble.hamiltonian, &error);
    assert_true(referee_evaluate(referee, theta, &shared_energy, shared));
    assert_true(fabs(shared_energy.energy - energy.energy) < 1e-14);
    assert_true(fabs(shared[n] - (separate[n] + separate[n + 1] + separate[n + 2])) < 1e-13);
    assert_true(fabs(shared[n]) > 0.1);
    referee_destroy(referee);
    ensemble_finish(&ensemble);
    settings_finish(&settings);
}

// Where the closed form does not apply, the reason is said.
static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *set, *override, *reason;
    } cases[] = { { "amplitude-gaussian", "rbm.hidden=2", "the factor gaussian" },
                  { "amplitude-2p2d", "rbm.hidden=13", "3^13 = 1.59432e+06 terms with 13 hidden units" },
                  { "probability-2p2d", "rbm.hidden=20", "2^20" },
                  { "amplitude-3p3d", "system.particles=500", "mean pair energies" } };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct settings settings;
        struct ensemble ensemble;
        struct error error = { 0 };
        const char *const overrides[] = { cases[k].override, k == 3 ? "rbm.hidden=8" : NULL, NULL };
        model_settings(&settings, &oracle_set_find(cases[k].set)->rbm, overrides);
        assert_true(ensemble_build(&ensemble, &settings, 1, &error));
        assert_null(referee_create(&ensemble.wavefunction, &ensemble.hamiltonian, &error));
        assert_int_equal(error.kind, ERROR_CONFIG);
        assert_non_null(strstr(error.text, cases[k].reason));
        error_clear(&error);
        ensemble_finish(&ensemble);
        settings_finish(&settings);
    }
}

// Means of g = 1/(4 cosh^2(theta/2)), g' and g''/2 over a Gaussian, by steps of a fiftieth of a standard deviation and
// of theta; a Gaussian without a width is its centre.
static void test_bell(void **state)
{
    (void)state;
    static const double centres[] = { 0, 0.7, -3, 30 }, variances[] = { 0, 1e-6, 0.04, 0.25, 0.9, 1.1, 4, 100, 1e4 };
    for (size_t i = 0; i < sizeof centres / sizeof *centres; i++)
        for (size_t j = 0; j < sizeof variances / sizeof *variances; j++) {
            const double width = sqrt(variances[j]), step = width > 1 ? 0.02 / width : 0.02;
            long double sum[3] = { 0 }, norm = 0;
            for (long k = width > 0 ? (long)(-9 / step) : 0; (double)k * step <= (width > 0 ? 9 : 0); k++) {
                const long double z = (long double)k * step, theta = centres[i] + width * z,
                                  g = 0.25L / powl(coshl(theta / 2), 2), weight = expl(-z * z / 2);
                norm += weight;
                sum[0] += weight * g;
                sum[1] -= weight * g * tanhl(theta / 2);
                sum[2] += weight * g * (1 - 6 * g) / 2;
            }
            const struct referee_bell bell = referee_bell(centres[i], variances[j]);
            const double found[] = { bell.mean, bell.by_centre, bell.by_variance };
            for (size_t k = 0; k < 3; k++)
                if (!(fabsl(found[k] - sum[k] / norm) < 1e-13L))
                    fail_msg("centre %g, variance %g: %.16g, not %.16Lg", centres[i], variances[j], found[k],
                             sum[k] / norm);
        }
}

int main(int argc, char **argv)
{
    all = argc > 1 && strcmp(argv[1], "all") == 0;
    few = argc > 1 && strcmp(argv[1], "few") == 0;
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_bell),   cmocka_unit_test(test_sets),
                                        cmocka_unit_test(test_grid),   cmocka_unit_test(test_gradient),
                                        cmocka_unit_test(test_forces), cmocka_unit_test(test_shared_width),
                                        cmocka_unit_test(test_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
