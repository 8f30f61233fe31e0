// SPDX-License-Identifier: GPL-3.0-or-later
// The metric's operators, which never store O, against O itself: from the kernels' derivatives, sample by sample.
#include "support/product.h"

#include "run/metric.h"
#include "run/metric_size.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DRAWS = 5, EVERY = 2, KEPT = 3 };

struct collect {
    struct metric_visit visit;
    struct model *model;
    double *o;  // [n][K]
};

static void gather(const struct ensemble_draw *draw, void *context)
{
    struct collect *collect = context;
    const struct wavefunction *wavefunction = &collect->model->ensemble.wavefunction;
    const size_t k = wavefunction->n_parameters;
    metric_gather(draw, &collect->visit);
    if (draw->draw % EVERY)
        return;
    double *rows = aligned_alloc(64, (k + 1) * WALKERS * sizeof(double));
    wavefunction_derivatives(wavefunction, collect->model->ensemble.block[draw->block].current, rows);
    for (size_t w = 0; w < WALKERS; w++)
        for (size_t i = 0; i < k; i++)
            collect->o[((draw->block * KEPT + draw->draw / EVERY) * WALKERS + w) * k + i] = rows[i * WALKERS + w];
    free(rows);
}

static double worst_difference(size_t n, const double *a, const double *b)
{
    double worst = 0, largest = 0;
    for (size_t k = 0; k < n; k++) {
        worst = fmax(worst, fabs(a[k] - b[k]));
        largest = fmax(largest, fabs(b[k]));
    }
    return worst / (largest + 1e-300);
}

static void compare(const struct oracle_set *set)
{
    struct model model;
    struct ensemble_sums sums;
    struct metric metric;
    model_build(&model, &set->rbm, (const char *const[]){ "sampler.walkers=64", "sampler.method=langevin", NULL }, 1);
    const size_t k = model.ensemble.wavefunction.n_parameters, n = KEPT * 64;
    assert_true(metric_build(&metric, &model.ensemble.wavefunction, n));
    struct collect collect = { { &metric, DRAWS, EVERY }, &model, calloc(n * k, sizeof(double)) };
    ensemble_burn_in(&model.ensemble, 50, true);
    ensemble_pass(&model.ensemble, DRAWS, 0, gather, &collect, &sums);
    const struct optimizer_metric *operators = metric_ready(&metric, n);
    double *o = collect.o, *memory = calloc(2 * n * n + 2 * k * k + 8 * (n + k), sizeof(double));
    double *found = memory, *truth = found + n * n + k * k + n + k, *v = truth + n * n + k * k + n + k, *y = v + k,
           *weight = y + n;
    for (size_t c = 0; c < k; c++) {
        double mean = 0;
        for (size_t i = 0; i < n; i++)
            mean += o[i * k + c] / (double)n;
        for (size_t i = 0; i < n; i++)
            o[i * k + c] -= mean;
        v[c] = sin(1.0 + (double)c);
    }
    for (size_t i = 0; i < n; i++) {
        y[i] = cos(1.0 + (double)i);
        truth[i] = 0;
        for (size_t c = 0; c < k; c++)
            truth[i] += o[i * k + c] * v[c];
    }
    operators->apply(operators->context, v, found);
    assert_true(worst_difference(n, found, truth) < 1e-11);
    memset(truth, 0, k * sizeof *truth);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < k; c++)
            truth[c] += o[i * k + c] * y[i];
    operators->transpose(operators->context, y, found);
    assert_true(worst_difference(k, found, truth) < 1e-11);
    for (size_t c = 0; c < k; c++)
        for (size_t d = 0; d < k; d++) {
            truth[c * k + d] = 0;
            for (size_t i = 0; i < n; i++)
                truth[c * k + d] += o[i * k + c] * o[i * k + d] / (double)n;
        }
    operators->matrix(operators->context, found);
    assert_true(worst_difference(k * k, found, truth) < 1e-11);
    for (size_t form = 0; form < 2; form++) {  // weights that factorise, as `scale` gives them, and any
        operators->scale(operators->context, weight);
        for (size_t c = 0; c < k; c++) {
            assert_true(weight[c] > 0 || truth[c * k + c] < 1e-20);
            weight[c] = form ? 1 + fabs(sin(5.0 * (double)c)) : weight[c] > 0 ? 1 / weight[c] : 1;
        }
        double *exact = calloc(n * n, sizeof *exact);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                for (size_t c = 0; c < k; c++)
                    exact[i * n + j] += weight[c] * o[i * k + c] * o[j * k + c];
        operators->gram(operators->context, weight, found);
        assert_true(worst_difference(n * n, found, exact) < 1e-10);
        free(exact);
    }
    free(memory);
    free(o);
    metric_finish(&metric);
    model_finish(&model);
}

static void test_operators(void **state)
{
    (void)state;
    for (size_t s = 0; s < oracle_n_sets; s++) {
        print_message("%s\n", oracle_sets[s].name);
        compare(&oracle_sets[s]);
    }
}

// Where coordinates and sigmoids are independent of each other the metric is the product that the preconditioner takes
// it for: 30 units with weights 0, of 6 free particles, so that s is 1/(1 + e^-b) on all samples. Then P (S + shift D)
// P is P up to the noise of the means.
static void test_precondition(void **state)
{
    (void)state;
    enum { UNITS = 30, COORDINATES = 12, WALKERS_USED = 2048 };
    static double zero[UNITS * COORDINATES], b[UNITS];
    const double sigma[3] = { 1, 1, 1 }, shift = 1e-2;
    for (size_t j = 0; j < UNITS; j++)
        b[j] = -1 + 0.07 * (double)j;
    const struct oracle_rbm rbm = { .particles = 6,
                                    .dimensions = 2,
                                    .hidden = UNITS,
                                    .amplitude = true,
                                    .envelope = true,
                                    .a = zero,
                                    .b = b,
                                    .w = zero,
                                    .sigma = sigma,
                                    .omega = { 1, 1, 1 } };
    struct model model;
    struct ensemble_sums sums;
    struct metric metric;
    model_build(&model, &rbm, (const char *const[]){ "sampler.walkers=2048", "sampler.method=langevin", NULL }, 1);
    const size_t k = model.ensemble.wavefunction.n_parameters;
    assert_true(metric_build(&metric, &model.ensemble.wavefunction, WALKERS_USED));
    struct metric_visit visit = { &metric, 1, 1 };
    ensemble_burn_in(&model.ensemble, 50, true);
    ensemble_pass(&model.ensemble, 1, 0, metric_gather, &visit, &sums);
    const struct optimizer_metric *operators = metric_ready(&metric, WALKERS_USED);
    double *memory = calloc(5 * k + WALKERS_USED, sizeof *memory), *scale = memory, *v = scale + k, *p = v + k,
           *scaled = p + k, *back = scaled + k;
    double *samples = back + k, before = 0, after = 0;
    operators->scale(operators->context, scale);
    assert_true(operators->condition(operators->context));
    for (size_t i = 0; i < k; i++)
        v[i] = i < COORDINATES || i >= COORDINATES + UNITS ? sin(1.0 + (double)(i * i)) : 0;
    operators->precondition(operators->context, shift, v, p);
    for (size_t i = 0; i < k; i++)
        scaled[i] = p[i] / sqrt(scale[i]);
    operators->apply(operators->context, scaled, samples);
    operators->transpose(operators->context, samples, back);
    for (size_t i = 0; i < k; i++) {
        before += v[i] * p[i];
        after += (back[i] / (WALKERS_USED * sqrt(scale[i])) + shift * p[i]) * p[i];
    }
    print_message("v P (S + shift D) P v over v P v: %.4f\n", after / before);
    assert_true(fabs(after / before - 1) < 0.05);
    free(memory);
    metric_finish(&metric);
    model_finish(&model);
}

// Shared units with weights 0 are constants: ln psi does not depend on them, the metric has nothing there, and noise in
// the gradient would drive biases off without end. The scale is 0.01 then, and what matters keeps its variance.
static void unused_units_stay(const struct product_row *row)
{
    struct model model;
    struct ensemble_sums sums;
    struct metric metric;
    product_build(&model, row, (const char *const[]){ "sampler.walkers=64", NULL }, 1);
    struct wavefunction *wavefunction = &model.ensemble.wavefunction;
    const size_t k = wavefunction->n_parameters, n = 64;
    double *memory = calloc(k + k * k, sizeof *memory), *scale = memory, *matrix = scale + k;
    size_t units = 0, others = 0;
    for (size_t i = 0; i < k; i++)
        if (wavefunction_stage(wavefunction, i) == FACTOR_UNITS)
            model.theta[i] = 0;
    assert_true(ensemble_take(&model.ensemble, model.theta));
    assert_true(metric_build(&metric, wavefunction, n));
    metric.stage = FACTOR_LAST;
    struct metric_visit visit = { &metric, 1, 1 };
    ensemble_pass(&model.ensemble, 1, 0, metric_gather, &visit, &sums);
    const struct optimizer_metric *operators = metric_ready(&metric, n);
    operators->scale(operators->context, scale);
    operators->matrix(operators->context, matrix);
    for (size_t i = 0; i < k; i++) {
        const bool idle = matrix[i * k + i] < 1e-20;
        units += idle;
        others += !idle;
        assert_true(idle ? scale[i] == 1e-2 : scale[i] >= matrix[i * k + i] * (1 - 1e-9));
        assert_true(wavefunction_stage(wavefunction, i) == FACTOR_UNITS || scale[i] <= matrix[i * k + i] * (1 + 1e-9));
    }
    assert_true(units > 0 && others > 0);
    free(memory);
    metric_finish(&metric);
    model_finish(&model);
}

static void test_unused_units(void **state)
{
    size_t tried = 0;
    (void)state;
    for (size_t r = 0; r < n_product_rows; r++)
        if (strstr(product_rows[r].ini, "sharing = ") && !strstr(product_rows[r].ini, "mixing")) {
            print_message("%s\n", product_rows[r].name);
            unused_units_stay(&product_rows[r]);
            tried++;
        }
    assert_true(tried > 2);
}

static bool own_matrix(const void *state, size_t n, size_t stride, const double *features, size_t room, double *work,
                       double *out)
{
    (void)state, (void)n, (void)stride, (void)features, (void)room, (void)work;
    *out = -42;
    return true;
}

// The way of a factor's own serves where no other factor has parameters, wherever it stands.
static void test_own_matrix(void **state)
{
    static const struct {
        const char *factors;
        size_t rbm;
        bool own;
    } cases[] = { { "factors = pade-jastrow, rbm\n[pade-jastrow]\ntrain = no\n", 1, true },
                  { "factors = rbm, pade-jastrow\n[pade-jastrow]\ntrain = no\n", 0, true },
                  { "factors = pade-jastrow, rbm\n", 1, false },
                  { "factors = rbm, pade-jastrow\n", 0, false } };
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        char ini[300];
        struct model model;
        struct ensemble_sums sums;
        struct metric metric;
        snprintf(ini, sizeof ini,
                 "[system]\nparticles = 2\ndimensions = 2\ninteraction = coulomb\n[sampler]\nwalkers = 64\n"
                 "[wavefunction]\n%s", cases[c].factors);
        product_build(&model, &(struct product_row){ .name = cases[c].factors, .ini = ini }, NULL, 1);
        struct wavefunction *wavefunction = &model.ensemble.wavefunction;
        struct factor *factor = &wavefunction->factor[cases[c].rbm];
        const size_t k = wavefunction->n_parameters;
        struct factor_type type = *factor->type;
        double *matrix = calloc(k * k, sizeof *matrix);
        assert_non_null(type.matrix);
        assert_true(metric_build(&metric, wavefunction, 64));
        struct metric_visit visit = { &metric, 1, 1 };
        ensemble_pass(&model.ensemble, 1, 0, metric_gather, &visit, &sums);
        const struct optimizer_metric *operators = metric_ready(&metric, 64);
        const struct factor_type *before = factor->type;
        type.matrix = own_matrix;
        factor->type = &type;
        operators->matrix(operators->context, matrix);
        factor->type = before;
        assert_true((matrix[0] == -42) == cases[c].own);
        free(matrix);
        metric_finish(&metric);
        model_finish(&model);
    }
}

// By hand: 2^17 / (K + 1) samples, 2048 at least and 8192 at most, or an eighth of those of an iteration that have
// grown where 6 (K + 1) are not more; of a pass an eighth, 2^16 / (K + 1) or 6 (K + 1) up to 2048, whichever is most.
static void test_how_many_samples(void **state)
{
    (void)state;
    static const struct {
        size_t parameters, walkers, samples, growth, room, every, every_grown;
    } rows[] = {
        { 20, 1024, 8192, 8, 6144, 3, 11 },     // 6241 are cheap, 3120 are taken
        { 300, 1024, 8192, 8, 2048, 8, 32 },    // 1806 are needed
        { 600, 256, 8192, 8, 3584, 4, 19 },     // 3606 are needed
        { 1680, 1024, 8192, 8, 8192, 4, 8 },    // 10086 are needed
        { 5550, 256, 8192, 8, 8192, 4, 8 },     //
        { 5550, 256, 65536, 8, 33280, 8, 16 },  // 33306 are needed
        { 5550, 1024, 8192, 3, 5120, 4, 5 },    // 6144 would be a quarter
        { 5550, 64, 128, 8, 1024, 1, 1 },       // all there are
        { 5550, 4096, 4096, 8, 4096, 1, 8 },    // a draw at least
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        const size_t room = metric_size_room(rows[k].parameters, rows[k].walkers, rows[k].growth * rows[k].samples),
                     draws = rows[k].samples / rows[k].walkers;
        assert_int_equal(room, rows[k].room);
        assert_int_equal(metric_size_every(rows[k].parameters, rows[k].walkers, draws, room), rows[k].every);
        assert_int_equal(metric_size_every(rows[k].parameters, rows[k].walkers, rows[k].growth * draws, room),
                         rows[k].every_grown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_how_many_samples), cmocka_unit_test(test_operators),
                                        cmocka_unit_test(test_precondition), cmocka_unit_test(test_unused_units),
                                        cmocka_unit_test(test_own_matrix) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
