// SPDX-License-Identifier: GPL-3.0-or-later
// Histograms of positions and pair distances: bins and normalisation by hand, densities and mean distances against closed forms, and honest
// errors. Seeds are fixed. Single comparisons are held to 4.5 standard errors of 31 batches or more: were the seeds not fixed, false alarms in
// 1e-4 of them (Student, widened); what is said of many bins at once has its own bounds beside it.
#include "support/model.h"

#include "vmc/observables.h"

#include <gsl/gsl_sf_bessel.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { BINS_LEAST = 30 };

// ---- by hand

static void put(double *x, size_t row, double value)
{
    for (size_t w = 0; w < WALKERS; w++)
        x[row * WALKERS + w] = value;
}

// 2 particles in 2D without a force: edges at 0, 0.025, … 5 (radius), 0, 0.05, … 10 (distance), -5 … 5 in 64 (x and y)
static void test_bins(void **state)
{
    (void)state;
    const struct hamiltonian hamiltonian = { .system = { 2, 2, { 1, 1 } }, .type = interaction_type_at(0) };
    _Alignas(64) double x[4 * WALKERS];
    struct observables observables;
    struct error error = { 0 };
    assert_true(observables_build(&observables, &hamiltonian, 3, &error));
    assert_int_equal(observables.n_batches, 48);
    const struct observables_histogram *histogram = observables.histogram;
    put(x, 0, 1.06), put(x, 1, 0), put(x, 2, -2), put(x, 3, 0.01);  // r = 1.06 and 2.000025, distance 3.0600163
    observables_add(&observables, 1, x);
    put(x, 0, 6), put(x, 1, 0), put(x, 2, -5.5), put(x, 3, NAN);    // both outside, and so is the pair
    observables_add(&observables, 2, x);
    double value[4096], off[4096], sum, mean;
    assert_true(observables_samples(&observables) == 64);
    for (size_t which = 0; which < OBSERVABLES; which++) {
        const size_t bins = observables_bins(&histogram[which]);
        observables_density(&observables, which, value, off);
        sum = observables_outside(&observables, which);
        for (size_t k = 0; k < bins; k++)
            sum += value[k] * observables_volume(&observables, which, k);
        assert_true(fabs(sum - (which == OBSERVABLE_PAIR ? 1 : 2)) < 1e-12);
        assert_true(observables_outside(&observables, which) == (which == OBSERVABLE_PAIR ? 0.5 : 1));
        const size_t first = which == OBSERVABLE_RADIAL ? 42 : which == OBSERVABLE_PAIR ? 61 : 38 * 64 + 32;
        const size_t second = which == OBSERVABLE_RADIAL ? 80 : which == OBSERVABLE_PAIR ? 61 : 19 * 64 + 32;
        for (size_t k = 0; k < bins; k++)
            assert_true((value[k] > 0) == (k == first || k == second));
        assert_true(fabs(value[first] * observables_volume(&observables, which, first) - 0.5) < 1e-12);
    }
    const double pi = 3.14159265358979323846;
    assert_true(fabs(observables_volume(&observables, OBSERVABLE_RADIAL, 42) - pi * (1.075 * 1.075 - 1.05 * 1.05)) < 1e-12);
    assert_true(fabs(observables_edge(&histogram[OBSERVABLE_PAIR].axis[0], 200) - 10) < 1e-12);
    observables_finish(&observables);
    // half of one batch is left: the distance by hand, without the broken pair
    assert_true(observables_build(&observables, &hamiltonian, 1, &error));
    put(x, 0, 1), put(x, 1, 2), put(x, 2, 4), put(x, 3, 6);
    observables_add(&observables, 0, x);
    observables_distance(&observables, &mean, &sum);
    assert_true(fabs(mean - 5) < 1e-12 && sum < 1e-12);
    observables_finish(&observables);
}

// Without a force five lengths of the weakest axis; with one, as much as the particles push one another apart: 2 P lambda / omega^2 = R^3.
static void test_reach(void **state)
{
    (void)state;
    const double strength = 1;
    struct hamiltonian hamiltonian = { .system = { 16, 3, { 0.25, 1, 4 } }, .type = interaction_type_at(0), .state = &strength };
    struct observables observables;
    struct error error = { 0 };
    for (size_t charged = 0; charged < 2; charged++) {
        hamiltonian.type = interaction_type_at(charged);  // none, coulomb
        assert_true(observables_build(&observables, &hamiltonian, 32, &error));
        const struct observables_histogram *histogram = observables.histogram;
        const double radius = observables_edge(&histogram[OBSERVABLE_RADIAL].axis[0], histogram[OBSERVABLE_RADIAL].axis[0].bins);
        assert_true(fabs(radius - 10 - (charged ? 8 : 0)) <= 0.5);  // (2 16 / 0.0625)^(1/3) = 8, in steps of 0.5
        assert_true(fabs(histogram[OBSERVABLE_PLANE].axis[1].low + 5 + (charged ? pow(32, 1.0 / 3) : 0)) <= 0.25);
        assert_int_equal(observables.n_batches, 32);
        observables_finish(&observables);
    }
}

// ---- against closed forms

enum { EVERY = 4 };

static void visit(const struct ensemble_draw *draw, void *context)
{
    if (draw->draw % EVERY == 0)
        observables_add(context, draw->group, draw->x);
}

static void observe(struct model *model, size_t draws, struct observables *observables)
{
    struct error error = { 0 };
    struct ensemble_sums sums;
    assert_true(observables_build(observables, &model->ensemble.hamiltonian, model->ensemble.n_groups, &error));
    ensemble_pass(&model->ensemble, EVERY * draws, 0, visit, observables, &sums);
}

// Integral over a bin of the exact density.
typedef double bin_content(const void *context, const struct observables *observables, size_t which, size_t bin);

// Every bin with a fair share of the counts within 4.5 errors; the mean of z^2 over them near 1, so that the errors are neither too large nor
// too small. Bins of independent draws are almost independent, and the mean scatters by sqrt(2 / bins); bins of a chain that seldom crosses
// between two humps go up and down together, as if they were a few: `alike` bins count as one.
static void compare_bins(const char *name, const struct observables *observables, size_t which, bin_content *content, const void *context,
                         double alike)
{
    const size_t bins = observables_bins(&observables->histogram[which]);
    double *value = calloc(2 * bins, sizeof *value), *error = value + bins, square = 0, worst = 0, total = 0;
    size_t compared = 0;
    observables_density(observables, which, value, error);
    for (size_t k = 0; k < bins; k++) {
        const double exact = content(context, observables, which, k), volume = observables_volume(observables, which, k);
        total += exact;
        if (exact * observables_samples(observables) < 1000)
            continue;
        const double z = (value[k] * volume - exact) / (error[k] * volume);
        worst = fmax(worst, fabs(z));
        square += z * z;
        compared++;
    }
    print_message("%-32s %-18s %4zu bins: largest |z| %.2f, mean z^2 %.3f\n", name, observables->histogram[which].name, compared, worst,
                  square / (double)compared);
    assert_true(fabs(total + observables_outside(observables, which) -
                     (which == OBSERVABLE_PAIR ? 1 : (double)observables->system.particles)) < 1e-3);
    assert_true(compared >= BINS_LEAST);
    assert_true(worst < 4.5);
    assert_true(fabs(square / (double)compared - 1) < 4.5 * sqrt(2 * alike / (double)compared));
    free(value);
}

// Share of exp(-r^2 / s^2) within r, normalised, in D dimensions.
static double within(size_t dimensions, double r, double s)
{
    const double t = r / s;
    if (dimensions == 1)
        return erf(t);
    return dimensions == 2 ? -expm1(-t * t) : erf(t) - 1.1283791670955126 * t * exp(-t * t);
}

// The trap's ground state, exp(-omega r^2); distances have twice the variance.
static double trap_content(const void *context, const struct observables *observables, size_t which, size_t bin)
{
    const double omega = *(const double *)context;
    const size_t dimensions = observables->system.dimensions;
    const struct observables_axis *axis = observables->histogram[which].axis;
    if (which == OBSERVABLE_PLANE) {
        double share = 1;
        for (size_t a = 0; a < 2; a++) {
            const size_t k = a == 0 ? bin / axis[1].bins : bin % axis[1].bins;
            share *= 0.5 * (erf(observables_edge(&axis[a], k + 1) * sqrt(omega)) - erf(observables_edge(&axis[a], k) * sqrt(omega)));
        }
        return share * (double)observables->system.particles;
    }
    const double s = sqrt((which == OBSERVABLE_PAIR ? 2 : 1) / omega), count = which == OBSERVABLE_PAIR ? 1 : (double)observables->system.particles;
    return count * (within(dimensions, observables_edge(axis, bin + 1), s) - within(dimensions, observables_edge(axis, bin), s));
}

static void trap_model(struct model *model, size_t dimensions, double omega, const char *const *overrides)
{
    static const double zero[16];
    const double sigma[3] = { 1 / sqrt(omega), 1 / sqrt(omega), 1 / sqrt(omega) };
    const struct oracle_rbm rbm = { .particles = 2, .dimensions = dimensions, .hidden = 1, .amplitude = 1, .envelope = true, .a = zero, .b = zero,
                                    .w = zero, .sigma = sigma, .omega = { omega, omega, omega } };
    model_build(model, &rbm, overrides, 2);
}

static void test_trap(void **state)
{
    (void)state;
    const double omega = 0.6;
    for (size_t dimensions = 1; dimensions <= 3; dimensions++) {
        struct model model;
        struct observables observables;
        char name[16] = "trap, 1D";
        name[6] = (char)('0' + dimensions);
        trap_model(&model, dimensions, omega, (const char *const[]){ "sampler.method=gibbs", NULL });
        ensemble_burn_in(&model.ensemble, 10, false);
        observe(&model, 200, &observables);
        compare_bins(name, &observables, OBSERVABLE_RADIAL, trap_content, &omega, 1);
        compare_bins(name, &observables, OBSERVABLE_PAIR, trap_content, &omega, 1);
        if (dimensions > 1)
            compare_bins(name, &observables, OBSERVABLE_PLANE, trap_content, &omega, 1);
        observables_finish(&observables);
        model_finish(&model);
    }
}

// ---- Boltzmann machines, whose |psi|^2 is a mixture of Gaussians

// The mixture, weights normalised.
struct mixture {
    size_t n, m;
    double *weight, *mean;  // [n], [n, m]
    double deviation[3];    // of a coordinate, per dimension
};

static void mixture_build(struct mixture *mixture, const struct oracle_rbm *rbm)
{
    long double mean[64], total = 0;
    *mixture = (struct mixture){ .n = oracle_components(rbm), .m = oracle_coordinates(rbm) };
    mixture->weight = calloc(mixture->n, sizeof(double));
    mixture->mean = calloc(mixture->n * mixture->m, sizeof(double));
    for (size_t d = 0; d < rbm->dimensions; d++)
        mixture->deviation[d] = (double)(1 / sqrtl(oracle_precision(rbm, d)));
    for (size_t k = 0; k < mixture->n; k++) {
        const long double weight = expl(oracle_component(rbm, k, mean));
        total += weight;
        mixture->weight[k] = (double)weight;
        for (size_t i = 0; i < mixture->m; i++)
            mixture->mean[k * mixture->m + i] = (double)mean[i];
    }
    for (size_t k = 0; k < mixture->n; k++)
        mixture->weight[k] /= (double)total;
}

static void mixture_finish(struct mixture *mixture)
{
    free(mixture->weight);
    free(mixture->mean);
}

static double normal_between(double low, double high, double mean, double deviation)
{
    return 0.5 * (erf((high - mean) / (deviation * sqrt(2))) - erf((low - mean) / (deviation * sqrt(2))));
}

static double mixture_plane(const void *context, const struct observables *observables, size_t which, size_t bin)
{
    const struct mixture *mixture = context;
    const struct observables_axis *axis = observables->histogram[which].axis;
    const size_t dimensions = observables->system.dimensions;
    double sum = 0;
    for (size_t k = 0; k < mixture->n; k++)
        for (size_t p = 0; p < observables->system.particles; p++) {
            double share = mixture->weight[k];
            for (size_t a = 0; a < 2; a++) {
                const size_t at = a == 0 ? bin / axis[1].bins : bin % axis[1].bins;
                share *= normal_between(observables_edge(&axis[a], at), observables_edge(&axis[a], at + 1),
                                        mixture->mean[k * mixture->m + p * dimensions + a], mixture->deviation[a]);
            }
            sum += share;
        }
    return sum;
}

// In one dimension distances from the centre and of pairs are folded normals.
static double mixture_line(const void *context, const struct observables *observables, size_t which, size_t bin)
{
    const struct mixture *mixture = context;
    const struct observables_axis *axis = observables->histogram[which].axis;
    const double low = observables_edge(axis, bin), high = observables_edge(axis, bin + 1);
    double sum = 0;
    for (size_t k = 0; k < mixture->n; k++) {
        const double *mean = mixture->mean + k * mixture->m, s = mixture->deviation[0];
        for (int side = -1; side <= 1; side += 2) {
            const double from = side > 0 ? low : -high, to = side > 0 ? high : -low;
            for (size_t p = 0; which == OBSERVABLE_RADIAL && p < mixture->m; p++)
                sum += mixture->weight[k] * normal_between(from, to, mean[p], s);
            if (which == OBSERVABLE_PAIR)
                sum += mixture->weight[k] * normal_between(from, to, mean[1] - mean[0], s * sqrt(2));
        }
    }
    return sum;
}

// Mean length of a Gaussian vector of mean length `shift` and standard deviation s per component: folded normal, Rice, and in 3D
// s sqrt(2/pi) e^(-t^2/2) + s (t + 1/t) erf(t / sqrt 2), t = shift / s.
static double mean_length(size_t dimensions, double shift, double s)
{
    const double t = shift / s, gauss = sqrt(2 / 3.14159265358979323846) * exp(-0.5 * t * t), q = 0.25 * t * t;
    if (dimensions == 1)
        return s * (gauss + t * erf(t / sqrt(2)));
    if (dimensions == 2)
        return s * sqrt(3.14159265358979323846 / 2) * ((1 + 2 * q) * gsl_sf_bessel_I0_scaled(q) + 2 * q * gsl_sf_bessel_I1_scaled(q));
    return s * (gauss + (t > 1e-8 ? (t + 1 / t) * erf(t / sqrt(2)) : sqrt(2 / 3.14159265358979323846)));
}

static double mixture_distance(const struct mixture *mixture, const struct oracle_rbm *rbm)
{
    double sum = 0, pairs = 0;
    for (size_t p = 1; p < rbm->particles; p++)
        for (size_t q = 0; q < p; q++, pairs++)
            for (size_t k = 0; k < mixture->n; k++) {
                const double *mean = mixture->mean + k * mixture->m;
                double square = 0;
                for (size_t d = 0; d < rbm->dimensions; d++) {
                    const double step = mean[p * rbm->dimensions + d] - mean[q * rbm->dimensions + d];
                    square += step * step;
                }
                sum += mixture->weight[k] * mean_length(rbm->dimensions, sqrt(square), mixture->deviation[0] * sqrt(2));
            }
    return sum / pairs;
}

// Correlated chains: every set of the oracle with one width in all directions (closed form of <r>).
static void test_machines(void **state)
{
    (void)state;
    for (size_t s = 0; s < oracle_n_sets; s++) {
        const struct oracle_rbm *rbm = &oracle_sets[s].rbm;
        struct mixture mixture;
        struct model model;
        struct observables observables;
        double mean, error;
        if (rbm->particles < 2 || (rbm->dimensions > 1 && rbm->sigma[0] != rbm->sigma[1]) || rbm->omega[0] != rbm->omega[rbm->dimensions - 1])
            continue;
        mixture_build(&mixture, rbm);
        model_build(&model, rbm, (const char *const[]){ "sampler.method=langevin", "measure.controls=none", NULL }, 2);
        ensemble_burn_in(&model.ensemble, 200, true);
        observe(&model, 200, &observables);
        observables_distance(&observables, &mean, &error);
        const double exact = mixture_distance(&mixture, rbm);
        print_message("%-32s <r12> %.5f exact %.5f error %.1e z %+.2f\n", oracle_sets[s].name, mean, exact, error, (mean - exact) / error);
        assert_true(fabs(mean - exact) < 4.5 * error && error < 0.01);
        if (rbm->dimensions == 2)
            compare_bins(oracle_sets[s].name, &observables, OBSERVABLE_PLANE, mixture_plane, &mixture, 8);
        if (rbm->dimensions == 1) {
            compare_bins(oracle_sets[s].name, &observables, OBSERVABLE_RADIAL, mixture_line, &mixture, 8);
            compare_bins(oracle_sets[s].name, &observables, OBSERVABLE_PAIR, mixture_line, &mixture, 8);
        }
        observables_finish(&observables);
        model_finish(&model);
        mixture_finish(&mixture);
    }
}

// Two particles that do not see each other, in 2D: <r12> = sqrt(pi / (2 omega)). 400 short runs of 32, 64 and 96 walkers in turn: z has variance
// 1 (its 3-sigma bounds are 0.79 and 1.21), the error holds the truth in 68.27 % of them (61.3 to 75.2).
static void test_honest(void **state)
{
    (void)state;
    enum { RUNS = 400 };
    double square = 0, held = 0;
    for (size_t run = 0; run < RUNS; run++) {
        static const char *const walkers[] = { "sampler.walkers=32", "sampler.walkers=64", "sampler.walkers=96" };
        struct model model;
        struct observables observables;
        double mean, error;
        trap_model(&model, 2, 1, (const char *const[]){ walkers[run % 3], "sampler.method=langevin", "sampler.step=0.3", NULL });
        ensemble_start(&model.ensemble, 1000 + run);
        ensemble_take(&model.ensemble, model.theta);
        ensemble_burn_in(&model.ensemble, 20, false);
        observe(&model, 20, &observables);
        observables_distance(&observables, &mean, &error);
        const double z = (mean - sqrt(3.14159265358979323846 / 2)) / error;
        square += z * z / RUNS;
        held += fabs(z) < 1 ? 100.0 / RUNS : 0;
        observables_finish(&observables);
        model_finish(&model);
    }
    print_message("<r12> of %d runs: variance of z %.3f, within one error %.1f %%\n", RUNS, square, held);
    assert_true(square > 0.79 && square < 1.21);
    assert_true(held > 61.3 && held < 75.2);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_bins), cmocka_unit_test(test_reach), cmocka_unit_test(test_trap),
                                        cmocka_unit_test(test_machines), cmocka_unit_test(test_honest) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
