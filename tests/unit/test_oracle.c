// SPDX-License-Identifier: GPL-3.0-or-later
// The oracles against one another and against known numbers: what they say is trusted by every other test.
#include "../oracle/oracle.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COORDINATES_MOST = 16, PARAMETERS_MOST = 128 };

static const long double pi = 3.14159265358979323846264338327950288L;
static const double zeros[64];
static const double ones[] = { 1, 1, 1 };

// |value - expected| <= tolerance max(1, |expected|), or say what and where
static void near(const char *what, const char *where, long double value, long double expected, long double tolerance)
{
    if (fabsl(value - expected) <= tolerance * fmaxl(1, fabsl(expected)))
        return;
    fail_msg("%s of %s: %.15Lg, expected %.15Lg (off by %.2Le)", what, where, value, expected, value - expected);
}

// splitmix64 and Box-Muller
static double uniform(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

static double normal(uint64_t *state)
{
    const double radius = sqrt(-2 * log(uniform(state)));
    return radius * cos(2 * (double)pi * uniform(state));
}

// Two particles or so in the plain trap with w = 0
static struct oracle_rbm plain(size_t particles, size_t dimensions, int amplitude, const double *sigma, double omega)
{
    return (struct oracle_rbm){ .particles = particles,
                                .dimensions = dimensions,
                                .hidden = 2,
                                .amplitude = amplitude,
                                .envelope = true,
                                .a = zeros,
                                .b = zeros,
                                .w = zeros,
                                .sigma = sigma,
                                .omega = { omega, omega, omega } };
}

// ln psi by the sum over hidden configurations and by the factorised marginal
static void test_log_psi(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (size_t k = 0; k < oracle_n_sets; k++)
        for (int draw = 0; draw < 50; draw++) {
            long double x[COORDINATES_MOST];
            for (size_t i = 0; i < COORDINATES_MOST; i++)
                x[i] = (draw < 40 ? 2 : 200) * normal(&random);
            near("ln psi", oracle_sets[k].name, oracle_log_psi_sum(&oracle_sets[k].rbm, x),
                 oracle_log_psi_softplus(&oracle_sets[k].rbm, x), 1e-17L);
        }
}

static void compare_derivatives(const struct oracle_set *set, const double *x, const long double *wide)
{
    const struct oracle_rbm *rbm = &set->rbm;
    long double numeric[PARAMETERS_MOST];
    double formula[PARAMETERS_MOST];
    near("Laplacian", set->name, oracle_gradient(rbm, wide, numeric), oracle_analytic_gradient(rbm, x, formula),
         1e-11L);
    for (size_t i = 0; i < oracle_coordinates(rbm); i++)
        near("gradient", set->name, numeric[i], formula[i], 1e-12L);
    oracle_derivatives(rbm, wide, numeric);
    oracle_analytic_derivatives(rbm, x, formula);
    for (size_t k = 0; k < oracle_parameters(rbm); k++)
        near("O", set->name, numeric[k], formula[k], 1e-11L);
    const struct oracle_local one = oracle_local_energy(rbm, wide), two = oracle_analytic_local_energy(rbm, x);
    near("E_L", set->name, one.energy, two.energy, 1e-11L);
    near("kinetic", set->name, one.kinetic, two.kinetic, 1e-11L);
    near("kinetic by gradient", set->name, one.kinetic_gradient, two.kinetic_gradient, 1e-11L);
}

// Finite differences against formulas
static void test_derivatives(void **state)
{
    (void)state;
    uint64_t random = 2;
    for (size_t k = 0; k < oracle_n_sets; k++)
        for (int draw = 0; draw < 10; draw++) {
            double x[COORDINATES_MOST];
            long double wide[COORDINATES_MOST];
            for (size_t i = 0; i < COORDINATES_MOST; i++)
                wide[i] = x[i] = 1.5 * normal(&random);
            compare_derivatives(&oracle_sets[k], x, wide);
        }
}

// r dv/dr and the trap's part, by scaling all coordinates
static void test_virial(void **state)
{
    (void)state;
    const long double x[COORDINATES_MOST] = { 0.3L, -0.7L, 1.1L, 0.4L, -0.9L, 0.2L, -0.5L, 0.8L, 1.3L }, step = 1e-5L;
    for (size_t k = 0; k < oracle_n_sets; k++) {
        struct oracle_local here, there[2];
        for (int side = 0; side < 2; side++) {
            long double scaled[COORDINATES_MOST];
            for (size_t i = 0; i < COORDINATES_MOST; i++)
                scaled[i] = x[i] * (side == 0 ? 1 - step : 1 + step);
            oracle_potential(&oracle_sets[k].rbm, scaled, &there[side]);
        }
        oracle_potential(&oracle_sets[k].rbm, x, &here);
        near("virial", oracle_sets[k].name, here.virial,
             (there[1].trap + there[1].pair - there[0].trap - there[0].pair) / (2 * step), 1e-8L);
    }
}

// <1/r> for variances u, v and mean (d, f) in the plane: the radial integral by hand, the angle by equal steps
static long double polar(long double u, long double v, long double d, long double f)
{
    const int steps = 2000;
    long double sum = 0;
    for (int k = 0; k < steps; k++) {
        const long double c = cosl(2 * pi * k / steps), s = sinl(2 * pi * k / steps);
        const long double a = c * c / u + s * s / v, b = c * d / u + s * f / v;
        sum += sqrtl(pi / (2 * a)) * expl(b * b / (2 * a) - d * d / (2 * u) - f * f / (2 * v)) *
               erfcl(-b / sqrtl(2 * a));
    }
    return sum / (steps * sqrtl(u * v));
}

// int dz N(z; delta, v) / sqrt(z^2 + eps^2), directly
static long double on_a_line(long double delta, long double v, long double softening)
{
    const long double step = sqrtl(v) / 400;
    long double sum = 0;
    for (int k = -4000; k <= 4000; k++) {
        const long double z = delta + k * step;
        sum += expl(-(k * step) * (k * step) / (2 * v)) / sqrtl(z * z + softening * softening);
    }
    return sum * step / sqrtl(2 * pi * v);
}

static void test_pair(void **state)
{
    (void)state;
    static const long double distances[] = { 0, 1e-8L, 0.01L, 0.5L, 1, 3, 12 };
    for (size_t k = 0; k < sizeof distances / sizeof *distances; k++) {
        const long double d = distances[k], delta[] = { 0.6L * d, -0.8L * d, 0 };
        static const long double equal[] = { 0.7L, 0.7L, 0.7L }, oval[] = { 0.3L, 1.4L }, line[] = { 0.7L };
        near("<1/r>", "2D", oracle_pair_quadrature(2, delta, equal, 0), oracle_pair_closed(2, d, 0.7L), 1e-16L);
        near("<1/r>", "3D", oracle_pair_quadrature(3, delta, equal, 0), oracle_pair_closed(3, d, 0.7L), 1e-16L);
        near("<1/r>", "oval 2D", oracle_pair_quadrature(2, delta, oval, 0), polar(0.3L, 1.4L, delta[0], delta[1]),
             1e-15L);
        near("<v>", "soft 1D", oracle_pair_quadrature(1, delta, line, 0.5L), on_a_line(delta[0], 0.7L, 0.5L), 1e-15L);
    }
    const long double apart[] = { 0, 0, 0 }, equal[] = { 2, 2, 2 };
    near("<1/r>", "2D at one place", oracle_pair_quadrature(2, apart, equal, 0), sqrtl(pi) / 2, 1e-17L);
    near("<1/r>", "3D at one place", oracle_pair_quadrature(3, apart, equal, 0), 1 / sqrtl(pi), 1e-17L);
}

// w = 0: free bosons omega D P / 2; psi = prod exp(-g r^2): P D (g/2 + omega^2 / (8 g)); two electrons 2 omega +
// sqrt(pi omega / 2)
static void test_known(void **state)
{
    (void)state;
    static const double half_root[] = { 0.70710678118654757, 0.70710678118654757, 0.70710678118654757 },
                        narrow[] = { 0.8, 0.8, 0.8 };
    for (size_t p = 1; p <= 4; p++)
        for (size_t d = 1; d <= 3; d++) {
            const struct oracle_rbm amplitude = plain(p, d, 1, ones, 1), probability = plain(p, d, 0, half_root, 1);
            const struct oracle_rbm off = plain(p, d, 1, narrow, 0.7);
            const long double m = (long double)(p * d), g = 1 / (2 * 0.64L);
            near("E", "free, amplitude", oracle_exact(&amplitude).energy, m / 2, 1e-15L);
            near("E", "free, probability", oracle_exact(&probability).energy, m / 2, 1e-15L);
            near("E", "Gaussian", oracle_exact(&off).energy, m * (g / 2 + 0.49L / (8 * g)), 1e-15L);
        }
    struct oracle_rbm pair = plain(2, 2, 1, ones, 1);
    pair.interaction = ORACLE_COULOMB;
    pair.strength = 1;
    near("E", "two electrons", oracle_exact(&pair).energy, 2 + sqrtl(pi / 2), 1e-16L);
    near("E", "two electrons, printed", oracle_exact(&pair).energy, 3.25331413732L, 1e-11L);
    pair.particles = 3;
    near("E", "three Gaussians", oracle_exact(&pair).energy, 3 + 3 * sqrtl(pi / 2), 1e-16L);
}

// psi = exp(-(x + 3/2)^2 / 2) + e^0.2 exp(-(x - 3/2)^2 / 2) by hand: with overlap q = e^(-9/4), f = e^0.2
//   norm 1 + f^2 + 2 f q, T norm = (1 + f^2) / 4 + 2 f q (1/4 - 9/8), trap norm = (1 + f^2) (9/4 + 1/2) / 2 + 2 f q / 4
//     (times sqrt pi)
static void test_bumps(void **state)
{
    (void)state;
    const struct oracle_set *set = oracle_set_find("amplitude-bumps");
    const long double f = expl(set->rbm.b[0]), q = expl(-9 / 4.0L), norm = 1 + f * f + 2 * f * q;
    const struct oracle_mean mean = oracle_exact(&set->rbm);
    near("norm", set->name, mean.log_norm, logl(norm * sqrtl(pi)), 1e-17L);
    near("kinetic", set->name, mean.kinetic, ((1 + f * f) / 4 - 2 * f * q * 7 / 8) / norm, 1e-17L);
    near("trap", set->name, mean.trap, ((1 + f * f) * 11 / 8 + f * q / 2) / norm, 1e-17L);
}

// Closed forms against brute force on a grid, and the grid against itself with a longer step. The soft pair has branch
// points at r = +-i softening, which want short steps.
static double grid_step(const struct oracle_rbm *rbm) { return oracle_coordinates(rbm) > 2 ? 0.75 : 0.1; }

static void compare_grid(const struct oracle_set *set)
{
    const struct oracle_mean exact = oracle_exact(&set->rbm),
                             grid = oracle_trapezoid(&set->rbm, grid_step(&set->rbm), NULL);
    const struct oracle_mean coarse = oracle_trapezoid(&set->rbm, 1.33 * grid_step(&set->rbm), NULL);
    near("kinetic on two grids", set->name, coarse.kinetic, grid.kinetic, 1e-7L);
    near("norm", set->name, grid.log_norm, exact.log_norm, 1e-10L);
    near("kinetic", set->name, grid.kinetic, exact.kinetic, 1e-9L);
    near("trap", set->name, grid.trap, exact.trap, 1e-9L);
    if (set->rbm.interaction != ORACLE_COULOMB)
        near("pair", set->name, grid.pair, exact.pair, 1e-9L);
}

static void test_grid(void **state)
{
    (void)state;
    for (size_t k = 0; k < oracle_n_sets; k++)
        if (oracle_coordinates(&oracle_sets[k].rbm) <= 4)
            compare_grid(&oracle_sets[k]);
}

// d<E>/d parameter: differences of <E> against 2 (<E_L O> - <E_L><O>) on the grid. No Coulomb on a grid: it is switched
// off.
static void test_energy_gradient(void **state)
{
    (void)state;
    for (size_t k = 0; k < oracle_n_sets; k++) {
        struct oracle_rbm rbm = oracle_sets[k].rbm;
        long double differences[PARAMETERS_MOST];
        double covariance[PARAMETERS_MOST];
        if (oracle_coordinates(&rbm) > 4)
            continue;
        if (rbm.interaction == ORACLE_COULOMB)
            rbm.interaction = ORACLE_NONE;
        oracle_energy_gradient(&rbm, differences);
        (void)oracle_trapezoid(&rbm, grid_step(&rbm), covariance);
        for (size_t i = 0; i < oracle_parameters(&rbm); i++)
            near("dE", oracle_sets[k].name, differences[i], covariance[i], 2e-9L);
    }
}

// Independent draws of the mixture; the parts of E_L and its gradient must average to the closed forms. Finds what a
// grid cannot (pair part, 3D).
enum { KINETIC, KINETIC_GRADIENT, TRAP, PAIR, QUANTITIES };

struct moments {
    double mean, square;
};

static void mixture_draw(const struct oracle_rbm *rbm, const double *cumulative, uint64_t *random, double *x)
{
    long double mean[COORDINATES_MOST];
    const double where = uniform(random) * cumulative[oracle_components(rbm) - 1];
    size_t index = 0;
    while (cumulative[index] < where)
        index++;
    (void)oracle_component(rbm, index, mean);
    for (size_t i = 0; i < oracle_coordinates(rbm); i++)
        x[i] = (double)mean[i] + normal(random) / sqrt((double)oracle_precision(rbm, i % rbm->dimensions));
}

static double *mixture_cumulative(const struct oracle_rbm *rbm)
{
    long double mean[COORDINATES_MOST];
    double *cumulative = calloc(oracle_components(rbm), sizeof *cumulative), sum = 0;
    assert_non_null(cumulative);
    for (size_t index = 0; index < oracle_components(rbm); index++)
        cumulative[index] = sum += exp((double)oracle_component(rbm, index, mean));
    return cumulative;
}

static void draw_many(const struct oracle_rbm *rbm, int draws, struct moments *moments)
{
    uint64_t random = 3;
    double *cumulative = mixture_cumulative(rbm), x[COORDINATES_MOST];
    for (int n = 0; n < draws; n++) {
        mixture_draw(rbm, cumulative, &random, x);
        const struct oracle_local local = oracle_analytic_local_energy(rbm, x);
        const long double value[QUANTITIES] = { local.kinetic, local.kinetic_gradient, local.trap, local.pair };
        for (int q = 0; q < QUANTITIES; q++) {
            moments[q].mean += (double)value[q] / draws;
            moments[q].square += (double)(value[q] * value[q]) / draws;
        }
    }
    free(cumulative);
}

static void test_draws(void **state)
{
    (void)state;
    static const char *const names[] = { "kinetic", "kinetic by gradient", "trap", "pair" };
    const int draws = 50000;
    for (size_t k = 0; k < oracle_n_sets; k++) {
        struct moments moments[QUANTITIES] = { { 0, 0 } };
        const struct oracle_mean exact = oracle_exact(&oracle_sets[k].rbm);
        const long double expected[QUANTITIES] = { exact.kinetic, exact.kinetic, exact.trap, exact.pair };
        draw_many(&oracle_sets[k].rbm, draws, moments);
        for (int q = 0; q < QUANTITIES; q++) {
            const double error = sqrt(fmax(0, moments[q].square - moments[q].mean * moments[q].mean) / draws);
            if (fabs(moments[q].mean - (double)expected[q]) > 4.5 * error + 1e-12)
                fail_msg("%s of %s: %g +- %g, expected %Lg", names[q], oracle_sets[k].name, moments[q].mean, error,
                         expected[q]);
        }
    }
}

// Where sigma is free, the overall scale is optimal too, and the virial theorem holds: 2 T = 2 trap - pair.
static void check_virial(const struct oracle_optimum *optimum)
{
    const struct oracle_mean mean = oracle_exact(&optimum->rbm);
    near("virial", optimum->name, 2 * mean.kinetic, 2 * mean.trap - mean.pair, 1e-12L);
}

// Stored optima: the gradient vanishes, the energies are those of the reference table.
static void test_optima(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        long double energy;
    } reference[] = { { "rbm-amp-s1-h1", 3.14192630L },   { "rbm-amp-s1-h2", 3.07861376L },
                      { "rbm-prob-s-h1", 3.12899271L },   { "rbm-prob-s-h2", 3.06493177L },
                      { "rbm-amp-free-h2", 3.07440694L }, { "rbm-prob-free-h2", 3.06009148L },
                      { "rbm-amp-w01-h2", 0.46768853L },  { "rbm-3d-h3", 2.01575279L } };
    for (size_t k = 0; k < sizeof reference / sizeof *reference; k++) {
        const struct oracle_optimum *optimum = oracle_optimum_find(reference[k].name);
        long double gradient[PARAMETERS_MOST];
        assert_non_null(optimum);
        near("minimum", optimum->name, optimum->energy, reference[k].energy, 6e-9L);
        near("minimum as stored", optimum->name, oracle_exact(&optimum->rbm).energy, optimum->energy, 1e-14L);
        oracle_energy_gradient(&optimum->rbm, gradient);
        for (size_t i = 0; i < oracle_parameters(&optimum->rbm); i++)
            near("gradient", optimum->name, gradient[i], 0, 1e-12L);
        if (optimum->rbm.train_sigma)
            check_virial(optimum);
    }
}

// From a random start the minimiser falls to the stored value.
static void test_minimise(void **state)
{
    (void)state;
    static const char *const names[] = { "rbm-amp-s1-h1", "rbm-amp-s1-h2",
                                         "rbm-prob-s-h1" };  // any start of these ends there
    uint64_t random = 4;
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        const struct oracle_optimum *optimum = oracle_optimum_find(names[k]);
        double theta[PARAMETERS_MOST];
        for (size_t i = 0; i < oracle_parameters(&optimum->rbm); i++)
            theta[i] = normal(&random);
        near("minimum found", optimum->name, oracle_minimise(&optimum->rbm, theta), optimum->energy, 1e-12L);
    }
}

// The flat order: a value put in comes out, a shift moves one parameter only.
static void test_flat_order(void **state)
{
    (void)state;
    const struct oracle_rbm *rbm = &oracle_set_find("probability-bare")->rbm;
    struct oracle_copy copy;
    double before[PARAMETERS_MOST], after[PARAMETERS_MOST];
    oracle_copy_init(&copy, rbm);
    oracle_copy_get(&copy, before);
    assert_int_equal(oracle_parameters(rbm), 4 + 3 + 12 + 2 + 1);
    assert_true(before[4] == rbm->b[0] && before[4 + 3 + 2 * 3 + 1] == rbm->w[2 * 3 + 1]);
    assert_true(fabs(before[19] - log(rbm->sigma[0])) < 1e-15 && before[21] == rbm->gaussian_alpha);
    for (size_t k = 0; k < oracle_parameters(rbm); k++) {
        oracle_copy_shift(&copy, rbm, k, 0.25);
        oracle_copy_get(&copy, after);
        for (size_t i = 0; i < oracle_parameters(rbm); i++)
            near("parameter", "shift", after[i] - before[i], i == k ? 0.25L : 0, 1e-15L);
    }
    oracle_copy_set(&copy, before);
    near("E", "restored", oracle_exact(&copy.rbm).energy, oracle_exact(rbm).energy, 1e-15L);
    oracle_copy_finish(&copy);
}

// What takes a second each only with the argument "all".
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_flat_order),  cmocka_unit_test(test_log_psi),
                                        cmocka_unit_test(test_derivatives), cmocka_unit_test(test_virial),
                                        cmocka_unit_test(test_pair),        cmocka_unit_test(test_known),
                                        cmocka_unit_test(test_bumps),       cmocka_unit_test(test_optima) },
                            slow[] = { cmocka_unit_test(test_grid), cmocka_unit_test(test_energy_gradient),
                                       cmocka_unit_test(test_draws), cmocka_unit_test(test_minimise) };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return argc > 1 && strcmp(argv[1], "all") == 0 ? failed + cmocka_run_group_tests(slow, NULL, NULL) : failed;
}
