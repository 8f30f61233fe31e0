// SPDX-License-Identifier: GPL-3.0-or-later
// Histograms of positions and pair distances: bins and normalisation by hand, densities and mean distances against
// closed forms, and honest errors. Seeds are fixed. Single comparisons are held to 4.5 standard errors of 31 batches or
// more: were the seeds not fixed, false alarms in 1e-4 of them (Student, widened); what is said of many bins at once
// has its own bounds beside it.
#include "support/model.h"

#include "vmc/observables.h"

#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
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

// x alone; pairs are computed from it
static struct configuration at_x(const struct observables *observables, const double *x)
{
    return (struct configuration){ .geometry = &observables->geometry, .x = x };
}

static void add(struct observables *observables, size_t group, const double *x)
{
    const struct configuration at = at_x(observables, x);
    observables_add(observables, group, &at);
}

static const size_t all_kinds[] = { 0, 1, 2, 3 };
static void build(struct observables *observables, const struct system *system, size_t bins, size_t n_groups,
                  double range)
{
    static const struct observables_extent nothing;
    struct error error = { 0 };
    assert_null(observable_name(5));
    assert_true(observables_build(observables, system, NULL, 4, all_kinds, bins, n_groups, &error));
    observables_reach(observables, range, &nothing);
}

enum { RADIAL, PLANE, PAIR, STRANGER };  // histograms of bosons in 2D and 3D, in the order of the list

// 2 particles in 2D: edges at 0, 0.025, ... 5 (radius), 0, 0.05, ... 10 (distance), -5 ... 5 in 100 (x and y)
static void test_bins(void **state)
{
    (void)state;
    const struct system system = { .particles = 2, .dimensions = 2, .omega = { 1, 1 }, .spin_up = 2 };
    _Alignas(64) double x[4 * WALKERS];
    struct observables observables;
    build(&observables, &system, 200, 3, 5);
    assert_int_equal(observables.n_batches, 48);
    assert_int_equal(observables.n_histograms, 4);
    const struct observables_histogram *histogram = observables.histogram;
    put(x, 0, 1.06), put(x, 1, 0), put(x, 2, -2), put(x, 3, 0.01);  // r = 1.06 and 2.000025, distance 3.0600163
    add(&observables, 1, x);
    put(x, 0, 6), put(x, 1, 0), put(x, 2, -5.5), put(x, 3, NAN);  // both outside, and so is the pair
    add(&observables, 2, x);
    double value[10000], off[10000], sum, mean;
    assert_true(observables_samples(&observables) == 64);
    for (size_t which = 0; which < observables.n_histograms; which++) {
        const size_t bins = observables_bins(&histogram[which]);
        observables_density(&observables, which, value, off);
        sum = observables_outside(&observables, which);
        for (size_t k = 0; k < bins; k++)
            sum += value[k] * observables_volume(&observables, which, k);
        assert_true(fabs(sum - (which >= PAIR ? 1 : 2)) < 1e-12);
        assert_true(observables_outside(&observables, which) == (which >= PAIR ? 0.5 : 1));
        const size_t first = which == RADIAL ? 42 : which >= PAIR ? 61 : 60 * 100 + 50;
        const size_t second = which == RADIAL ? 80 : which >= PAIR ? 61 : 30 * 100 + 50;
        for (size_t k = 0; k < bins; k++)
            assert_true((value[k] > 0) == (k == first || k == second) && off[k] > 0);
        assert_true(fabs(value[first] * observables_volume(&observables, which, first) - 0.5) < 1e-12);
    }
    const double pi = 3.14159265358979323846;
    assert_true(fabs(observables_volume(&observables, RADIAL, 42) - pi * (1.075 * 1.075 - 1.05 * 1.05)) < 1e-12);
    assert_true(fabs(observables_edge(&histogram[PAIR].axis[0], 200) - 10) < 1e-12);
    // walkers that are all alike have pairs of strangers like their own
    observables_over(&observables, 0, value, off);
    assert_true(fabs(value[61] - 1) < 1e-12 && isnan(value[60]) && off[61] > 0);
    observables_finish(&observables);
    // half of one batch is left: the distance by hand, without the broken pair
    build(&observables, &system, 200, 1, 5);
    put(x, 0, 1), put(x, 1, 2), put(x, 2, 4), put(x, 3, 6);
    add(&observables, 0, x);
    observables_mean(&observables, observables_find_mean(&observables, "mean_distance"), &mean, &sum);
    assert_true(fabs(mean - 5) < 1e-12 && sum < 1e-12);
    observables_mean(&observables, observables_find_mean(&observables, "mean_square_radius"), &mean, &sum);
    assert_true(fabs(mean - 0.5 * (5 + 52)) < 1e-12);
    observables_mean(&observables, observables_find_mean(&observables, "mean_radius"), &mean, &sum);
    assert_true(fabs(mean - 0.5 * (sqrt(5) + sqrt(52))) < 1e-12);
    observables_finish(&observables);
}

// What lies on an edge belongs to the bin above it, and on the last one outside: edges at -4, -3.75, ... 4 in x and y,
// at 0, 0.125, ... 4 (radius), which are all exact.
static void test_edges(void **state)
{
    (void)state;
    const struct system system = { .particles = 1, .dimensions = 2, .omega = { 1, 1 }, .spin_up = 1 };
    const double places[] = { -4, -3.75, 0, 3.75, 3.9999999, 4, nextafter(-4, -5) };
    _Alignas(64) double x[2 * WALKERS];
    for (size_t k = 0; k < sizeof places / sizeof *places; k++)
        for (size_t axis = 0; axis < 2; axis++) {
            struct observables observables;
            double value[32 * 32], off[32 * 32];
            build(&observables, &system, 64, 1, 4);
            put(x, axis, places[k]), put(x, 1 - axis, 0.125);
            add(&observables, 0, x);
            observables_density(&observables, PLANE, value, off);
            const bool inside = places[k] >= -4 && places[k] < 4;
            const size_t bin = inside ? (size_t)floor((places[k] + 4) / 0.25) : 0;
            assert_true(observables_outside(&observables, PLANE) == !inside);
            for (size_t b = 0; b < (size_t)32 * 32; b++)
                assert_true((value[b] > 0) == (inside && b == (axis == 0 ? bin * 32 + 16 : 16 * 32 + bin)));
            observables_finish(&observables);
        }
    for (size_t k = 0; k < 2; k++) {
        struct observables observables;
        double value[64], off[64];
        build(&observables, &system, 64, 1, 4);
        put(x, 0, k == 0 ? 0 : 4), put(x, 1, 0);
        add(&observables, 0, x);
        observables_density(&observables, RADIAL, value, off);
        assert_true((value[0] > 0) == (k == 0) && observables_outside(&observables, RADIAL) == k);
        observables_finish(&observables);
    }
}

// Axes end a quarter beyond where walkers were seen, each where it was; or where one says.
static void test_reach(void **state)
{
    (void)state;
    const struct system system = { .particles = 2, .dimensions = 2, .omega = { 1, 4 }, .spin_up = 2 };
    _Alignas(64) double x[4 * WALKERS];
    struct observables observables;
    struct observables_extent seen = { { 0 } };
    build(&observables, &system, 50, 32, NAN);
    assert_true(fabs(observables.histogram[PLANE].axis[1].low + 2.5) <
                1e-12);  // nothing seen: five lengths of the trap
    put(x, 0, 3), put(x, 1, 0), put(x, 2, -1), put(x, 3, 0.5);
    x[5] = -4, x[3 * WALKERS + 7] = INFINITY;  // one walker further out, one that is lost
    const struct configuration at = at_x(&observables, x);
    observables_widen(&at, &seen);
    assert_true(seen.reach[0] == 4 && seen.reach[1] == 0.5 && fabs(seen.reach[EXTENT_RADIUS] - 4) < 1e-12);
    assert_true(fabs(seen.reach[EXTENT_PAIR] - sqrt(16 + 0.25)) < 1e-12);
    observables_reach(&observables, NAN, &seen);
    assert_true(fabs(observables.histogram[PLANE].axis[0].low + 5) < 1e-12 &&
                fabs(observables.histogram[PLANE].axis[1].low + 0.625) < 1e-12);
    assert_true(fabs(observables_edge(&observables.histogram[PAIR].axis[0], 50) - 1.25 * sqrt(16.25)) < 1e-12);
    observables_reach(&observables, 7, &seen);
    assert_true(observables.extent.reach[1] == 7 && observables.extent.reach[EXTENT_PAIR] == 14);
    // no distance, or none that is finite: five lengths of the trap
    seen.reach[0] = INFINITY, seen.reach[1] = 0, seen.reach[EXTENT_RADIUS] = INFINITY, seen.reach[EXTENT_PAIR] = 0;
    observables_reach(&observables, NAN, &seen);
    assert_true(observables.extent.reach[0] == 5 && observables.extent.reach[1] == 2.5 &&
                observables.extent.reach[EXTENT_RADIUS] == 5 && observables.extent.reach[EXTENT_PAIR] == 5);
    // nothing counted: nothing there, and nothing that is no number
    double value[50 * 50], error[50 * 50], mean, spread;
    for (size_t which = 0; which < observables.n_histograms; which++) {
        value[0] = error[0] = value[49] = error[49] = 1;
        observables_density(&observables, which, value, error);
        assert_true(value[0] == 0 && error[0] == 0 && value[49] == 0 && error[49] == 0);
        assert_true(observables_outside(&observables, which) == 0);
    }
    for (size_t which = 0; which < observables.n_means; which++) {
        observables_mean(&observables, which, &mean, &spread);
        assert_true(mean == 0 && spread == 0);
    }
    assert_true(observables_samples(&observables) == 0);
    observables_finish(&observables);
}

// Fermions: pairs of each class by themselves, and they add up to all; one class alone has no histogram of its own.
static void test_classes(void **state)
{
    (void)state;
    struct system system = {
        .particles = 3, .dimensions = 1, .omega = { 1 }, .statistics = STATISTICS_FERMIONS, .spin_up = 2
    };
    _Alignas(64) double x[3 * WALKERS];
    struct observables observables;
    double value[10], error[10];
    build(&observables, &system, 10, 32, 5);  // distances in bins of 1
    const size_t alike = observables_find(&observables, "pair_distribution_parallel"),
                 unlike = observables_find(&observables, "pair_distribution_antiparallel");
    assert_true(alike != SIZE_MAX && unlike != SIZE_MAX && observables_find(&observables, "density_2d") == SIZE_MAX);
    put(x, 0, 0), put(x, 1, 1.5), put(x, 2, -4);  // up, up, down: distances 1.5 | 4, 5.5
    add(&observables, 3, x);
    observables_density(&observables, alike, value, error);
    for (size_t k = 0; k < 10; k++)
        assert_true(fabs(2 * value[k] - (k == 1)) < 1e-12);
    observables_density(&observables, unlike, value, error);
    for (size_t k = 0; k < 10; k++)
        assert_true(fabs(2 * value[k] - (k == 4 || k == 5)) < 1e-12);
    observables_density(&observables, observables_find(&observables, "pair_distribution"), value, error);
    assert_true(fabs(2 * value[1] - 1) < 1e-12 && fabs(2 * value[4] - 1) < 1e-12);
    observables_finish(&observables);
    system.spin_up = 3;
    build(&observables, &system, 10, 32, 5);
    assert_int_equal(observables.n_histograms, 3);
    observables_finish(&observables);
    system.particles = 1, system.spin_up = 1;
    build(&observables, &system, 10, 32, 5);
    assert_int_equal(observables.n_histograms, 1);
    assert_true(observables_find_mean(&observables, "mean_distance") == SIZE_MAX);
    observables_finish(&observables);
}

// ---- against closed forms

enum { EVERY = 4 };

struct watch {
    struct observables *observables;
    const struct wavefunction *wavefunction;
};

static void visit(const struct ensemble_draw *draw, void *context)
{
    const struct watch *watch = context;
    const struct configuration at = wavefunction_configuration(watch->wavefunction, draw->x);
    if (draw->draw % EVERY == 0)
        observables_add(watch->observables, draw->group, &at);
}

static void look(const struct ensemble_draw *draw, void *context)
{
    const struct watch *watch = context;
    const struct configuration at = wavefunction_configuration(watch->wavefunction, draw->x);
    observables_widen(&at, &watch->observables->extent);
}

static void observe(struct model *model, size_t draws, struct observables *observables)
{
    struct error error = { 0 };
    struct ensemble_sums sums;
    struct watch watch = { observables, &model->ensemble.wavefunction };
    const size_t threads = model->ensemble.threads;
    assert_true(observables_build(observables, &model->settings.system, NULL, 4, all_kinds, 100,
                                  model->ensemble.n_groups, &error));
    model->ensemble.threads = 1;  // one extent for all
    ensemble_pass(&model->ensemble, 8, 0, look, &watch, &sums);
    model->ensemble.threads = threads;
    const struct observables_extent seen = observables->extent;
    observables_reach(observables, NAN, &seen);
    ensemble_pass(&model->ensemble, EVERY * draws, 0, visit, &watch, &sums);
}

// Integral over a bin of the exact density.
typedef double bin_content(const void *context, const struct observables *observables, size_t which, size_t bin);

static bool is_pair(const struct observables *observables, size_t which)
{
    return observables->histogram[which].axis[0].extent == EXTENT_PAIR;
}

// Every bin with a fair share of the counts within 4.5 errors; the mean of z^2 over them near 1, so that the errors are
// neither too large nor too small. Bins of independent draws are almost independent, and the mean scatters by sqrt(2 /
// bins); bins of a chain that seldom crosses between two humps go up and down together, as if they were a few: `alike`
// bins count as one.
static void compare_bins(const char *name, const struct observables *observables, size_t which, bin_content *content,
                         const void *context, double alike)
{
    const size_t bins = observables_bins(&observables->histogram[which]);
    double *value = calloc(2 * bins, sizeof *value), *error = value + bins, square = 0, worst = 0, total = 0;
    size_t compared = 0, sparse = 0;
    double sparse_square = 0;
    observables_density(observables, which, value, error);
    for (size_t k = 0; k < bins; k++) {
        const double exact = content(context, observables, which, k),
                     volume = observables_volume(observables, which, k);
        total += exact;
        const double z = (value[k] * volume - exact) / (error[k] * volume),
                     counted = exact * observables_samples(observables);
        if (counted > 1 && counted < 100) {
            sparse_square += z * z;
            sparse++;
        }
        if (counted < 1000)
            continue;
        worst = fmax(worst, fabs(z));
        square += z * z;
        compared++;
    }
    print_message("%-32s %-18s %4zu bins: largest |z| %.2f, mean z^2 %.3f; %zu with few counts %.3f\n", name,
                  observables->histogram[which].name, compared, worst, square / (double)compared, sparse,
                  sparse > 0 ? sparse_square / (double)sparse : NAN);
    assert_true(fabs(total - observables->histogram[which].total) < 1e-3);
    assert_true(compared >= BINS_LEAST);
    assert_true(worst < 4.5);
    assert_true(fabs(square / (double)compared - 1) < 4.5 * sqrt(2 * alike / (double)compared));
    // Counts of 1 to 100 that are Poisson's have mean z^2 between 0.5 and 1.15 with the count that is added (1.3 and
    // more without it); skewed as they are, single ones scatter by 1.5.
    assert_true(sparse < 20 || sparse_square / (double)sparse < 1.15 + 4.5 * 1.5 * sqrt(alike / (double)sparse));
    free(value);
}

typedef double ratio_value(const void *context, double r);

// Where there is enough to divide by, within 4.5 errors and honest all in all.
static void compare_ratio(const char *name, const struct observables *observables, ratio_value *exact,
                          const void *context)
{
    const struct observables_ratio *ratio = &observables->ratio[0];
    const struct observables_axis *axis = &observables->histogram[ratio->over].axis[0];
    const size_t bins = axis->bins;
    double *value = calloc(3 * bins, sizeof *value), *error = value + bins, *under = value + 2 * bins,
           *unused = calloc(bins, sizeof *unused);
    double worst = 0, square = 0, compared = 0;
    observables_over(observables, 0, value, error);
    observables_density(observables, ratio->under, under, unused);
    for (size_t k = 0; k < bins; k++) {
        if (under[k] * observables_volume(observables, ratio->under, k) * observables_samples(observables) < 300)
            continue;
        const double z = (value[k] - exact(context, observables_edge(axis, k) + 0.5 * axis->width)) / error[k];
        worst = fmax(worst, fabs(z));
        square += z * z;
        compared++;
    }
    print_message("%-32s %-18s %4.0f bins: largest |z| %.2f, mean z^2 %.3f\n", name, ratio->name, compared, worst,
                  square / compared);
    assert_true(compared >= BINS_LEAST && worst < 4.5 && fabs(square / compared - 1) < 4.5 * sqrt(2 / compared));
    free(value);
    free(unused);
}

static double one(const void *context, double r)
{
    (void)context;
    (void)r;
    return 1;
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
    if (observables->histogram[which].n_axes == 2) {
        double share = 1;
        for (size_t a = 0; a < 2; a++) {
            const size_t k = a == 0 ? bin / axis[1].bins : bin % axis[1].bins;
            share *= 0.5 * (erf(observables_edge(&axis[a], k + 1) * sqrt(omega)) -
                            erf(observables_edge(&axis[a], k) * sqrt(omega)));
        }
        return share * (double)observables->system.particles;
    }
    const double s = sqrt((is_pair(observables, which) ? 2 : 1) / omega),
                 count = is_pair(observables, which) ? 1 : (double)observables->system.particles;
    return count * (within(dimensions, observables_edge(axis, bin + 1), s) -
                    within(dimensions, observables_edge(axis, bin), s));
}

static void trap_model(struct model *model, size_t dimensions, double omega, const char *const *overrides)
{
    static const double zero[16];
    const double sigma[3] = { 1 / sqrt(omega), 1 / sqrt(omega), 1 / sqrt(omega) };
    const struct oracle_rbm rbm = { .particles = 2,
                                    .dimensions = dimensions,
                                    .hidden = 1,
                                    .amplitude = 1,
                                    .envelope = true,
                                    .a = zero,
                                    .b = zero,
                                    .w = zero,
                                    .sigma = sigma,
                                    .omega = { omega, omega, omega } };
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
        compare_bins(name, &observables, RADIAL, trap_content, &omega, 1);
        compare_bins(name, &observables, observables_find(&observables, "pair_distribution"), trap_content, &omega, 1);
        compare_bins(name, &observables, observables_find(&observables, "pair_distribution_uncorrelated"), trap_content,
                     &omega, 1);
        compare_ratio(name, &observables, one, NULL);
        if (dimensions > 1)
            compare_bins(name, &observables, PLANE, trap_content, &omega, 1);
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
            for (size_t p = 0; which == RADIAL && p < mixture->m; p++)
                sum += mixture->weight[k] * normal_between(from, to, mean[p], s);
            if (is_pair(observables, which))
                sum += mixture->weight[k] * normal_between(from, to, mean[1] - mean[0], s * sqrt(2));
        }
    }
    return sum;
}

// Mean length of a Gaussian vector of mean length `shift` and standard deviation s per component: folded normal, Rice,
// and in 3D s sqrt(2/pi) e^(-t^2/2) + s (t + 1/t) erf(t / sqrt 2), t = shift / s.
static double mean_length(size_t dimensions, double shift, double s)
{
    const double t = shift / s, gauss = sqrt(2 / 3.14159265358979323846) * exp(-0.5 * t * t), q = 0.25 * t * t;
    if (dimensions == 1)
        return s * (gauss + t * erf(t / sqrt(2)));
    if (dimensions == 2)
        return s * sqrt(3.14159265358979323846 / 2) *
               ((1 + 2 * q) * gsl_sf_bessel_I0_scaled(q) + 2 * q * gsl_sf_bessel_I1_scaled(q));
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

// Densities of every sampler at the same parameters, each against the mixture that `exact` draws from.
static void test_samplers(void **state)
{
    (void)state;
    static const char *const sets[] = { "amplitude-displaced", "probability-2p2d" };
    static const char *const ways[][3] = { { "sampler.method=exact" },
                                           { "sampler.method=gibbs" },
                                           { "sampler.method=langevin" },
                                           { "sampler.method=metropolis", "sampler.move=particle" },
                                           { "sampler.method=metropolis", "sampler.move=all" },
                                           { "sampler.method=hmc" },
                                           { "sampler.method=metropolis", "sampler.temperatures=1, 1.6, 2.5" } };
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++)
        for (size_t k = 0; k < sizeof ways / sizeof *ways; k++) {
            const struct oracle_rbm *rbm = &oracle_set_find(sets[s])->rbm;
            struct mixture mixture;
            struct model model;
            struct observables observables;
            char name[128];
            snprintf(name, sizeof name, "%s, %s", sets[s], ways[k][0] + 15);
            mixture_build(&mixture, rbm);
            model_build(&model, rbm, (const char *const[]){ "measure.controls=none", ways[k][0], ways[k][1], NULL }, 2);
            ensemble_burn_in(&model.ensemble, 200, isnan(model.settings.sampler.step));
            observe(&model, 200, &observables);
            compare_bins(name, &observables, PLANE, mixture_plane, &mixture, 8);
            observables_finish(&observables);
            model_finish(&model);
            mixture_finish(&mixture);
        }
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
        if (rbm->particles < 2 || (rbm->dimensions > 1 && rbm->sigma[0] != rbm->sigma[1]) ||
            rbm->omega[0] != rbm->omega[rbm->dimensions - 1])
            continue;
        mixture_build(&mixture, rbm);
        model_build(&model, rbm, (const char *const[]){ "sampler.method=langevin", "measure.controls=none", NULL }, 2);
        ensemble_burn_in(&model.ensemble, 200, true);
        observe(&model, 200, &observables);
        observables_mean(&observables, observables_find_mean(&observables, "mean_distance"), &mean, &error);
        const double exact = mixture_distance(&mixture, rbm);
        print_message("%-32s <r12> %.5f exact %.5f error %.1e z %+.2f\n", oracle_sets[s].name, mean, exact, error,
                      (mean - exact) / error);
        assert_true(fabs(mean - exact) < 4.5 * error && error < 0.01);
        if (rbm->dimensions == 2)
            compare_bins(oracle_sets[s].name, &observables, PLANE, mixture_plane, &mixture, 8);
        if (rbm->dimensions == 1) {
            compare_bins(oracle_sets[s].name, &observables, RADIAL, mixture_line, &mixture, 8);
            compare_bins(oracle_sets[s].name, &observables, observables_find(&observables, "pair_distribution"),
                         mixture_line, &mixture, 8);
        }
        observables_finish(&observables);
        model_finish(&model);
        mixture_finish(&mixture);
    }
}

// Two particles that do not see each other, in 2D: <r12> = sqrt(pi / (2 omega)). 400 short runs of 32, 64 and 96
// walkers in turn: z has variance 1 (its 3-sigma bounds are 0.79 and 1.21), the error holds the truth in 68.27 % of
// them (61.3 to 75.2).
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
        trap_model(&model, 2, 1,
                   (const char *const[]){ walkers[run % 3], "sampler.method=langevin", "sampler.step=0.3", NULL });
        ensemble_start(&model.ensemble, 1000 + run);
        ensemble_take(&model.ensemble, model.theta);
        ensemble_burn_in(&model.ensemble, 20, false);
        observe(&model, 20, &observables);
        observables_mean(&observables, observables_find_mean(&observables, "mean_distance"), &mean, &error);
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

// ---- an interacting state that is known: two electrons in 2D at omega = 1, psi = (1 + r) exp(-(r1^2 + r2^2) / 2)
// (Taut 1993)

// Share of pairs nearer than r: integral of s (1 + s)^2 exp(-s^2 / 2).
static double taut_within(double r)
{
    const double pi = 3.14159265358979323846, e = exp(-0.5 * r * r);
    return (3 - (1 + 2 * r + r * r + 2) * e + sqrt(2 * pi) * erf(r / sqrt(2))) / (3 + sqrt(2 * pi));
}

static double taut_content(const void *context, const struct observables *observables, size_t which, size_t bin)
{
    (void)context;
    const struct observables_axis *axis = observables->histogram[which].axis;
    return taut_within(observables_edge(axis, bin + 1)) - taut_within(observables_edge(axis, bin));
}

// Independent draws: the centre of mass normal with variance 1/4, the distance by rejection.
static void taut_draw(gsl_rng *random, double *x, size_t w)
{
    double r, height;
    do {
        r = 8 * gsl_rng_uniform(random);
        height = r * (1 + r) * (1 + r) * exp(-0.5 * r * r);
    } while (4.2 * gsl_rng_uniform(random) > height);  // the largest is 4.18, at r = 1.77
    const double angle = 6.28318530717958647692 * gsl_rng_uniform(random);
    const double centre[2] = { gsl_ran_gaussian(random, 0.5), gsl_ran_gaussian(random, 0.5) },
                 half[2] = { 0.5 * r * cos(angle), 0.5 * r * sin(angle) };
    for (size_t d = 0; d < 2; d++) {
        x[d * WALKERS + w] = centre[d] + half[d];
        x[(2 + d) * WALKERS + w] = centre[d] - half[d];
    }
}

static void test_known(void **state)
{
    (void)state;
    enum { GROUPS = 32, LOOKS = 400 };
    const double pi = 3.14159265358979323846;
    const struct system system = { .particles = 2, .dimensions = 2, .omega = { 1, 1 }, .spin_up = 2 };
    const struct {
        const char *name;
        double value;
    } means[] = { { "mean_distance", (4 + 4 * sqrt(pi / 2)) / (3 + sqrt(2 * pi)) },
                  { "mean_square_radius", 0.5 + 0.25 * (10 + 6 * sqrt(pi / 2)) / (3 + sqrt(2 * pi)) } };
    struct observables observables;
    _Alignas(64) double x[4 * WALKERS];
    gsl_rng *random = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_rng_set(random, 3);
    build(&observables, &system, 100, GROUPS, 4);
    for (size_t g = 0; g < GROUPS; g++)
        for (size_t k = 0; k < LOOKS; k++) {
            for (size_t w = 0; w < WALKERS; w++)
                taut_draw(random, x, w);
            add(&observables, g, x);
        }
    for (size_t k = 0; k < 2; k++) {
        double mean, error;
        observables_mean(&observables, observables_find_mean(&observables, means[k].name), &mean, &error);
        print_message("%-18s %.5f exact %.5f z %+.2f\n", means[k].name, mean, means[k].value,
                      (mean - means[k].value) / error);
        assert_true(fabs(mean - means[k].value) < 4.5 * error && error < 3e-3);
    }
    compare_bins("two electrons", &observables, PAIR, taut_content, NULL, 1);
    gsl_rng_free(random);
    observables_finish(&observables);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_bins),     cmocka_unit_test(test_edges),
                                        cmocka_unit_test(test_reach),    cmocka_unit_test(test_classes),
                                        cmocka_unit_test(test_known),    cmocka_unit_test(test_trap),
                                        cmocka_unit_test(test_machines), cmocka_unit_test(test_samplers),
                                        cmocka_unit_test(test_honest) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
