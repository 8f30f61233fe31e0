// SPDX-License-Identifier: GPL-3.0-or-later
// Every optimiser of the list on a quadratic with known minimum, and the hand-checked first steps of each.
#include "optimizer/sr.h"
#include "vmc/optimizer.h"
#include "vmc/rng.h"

#include <gsl/gsl_errno.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 6 };
static const double curvature[N] = { 0.5, 1, 2, 3, 5, 8 }, minimum[N] = { 1, -2, 0.5, 0, 3, -1 };

// Samples whose derivatives are independent normal numbers of the quadratic's own curvatures: S = diag(curvature), up
// to their number. The natural gradient then sees a round bowl.
enum { SAMPLES = 4000 };
struct samples {
    size_t n, k;
    double *q;  // centred derivatives [n][k]
};

static void samples_apply(void *context, const double *v, double *out)
{
    const struct samples *samples = context;
    for (size_t i = 0; i < samples->n; i++) {
        out[i] = 0;
        for (size_t k = 0; k < samples->k; k++)
            out[i] += samples->q[i * samples->k + k] * v[k];
    }
}

static void samples_transpose(void *context, const double *y, double *out)
{
    const struct samples *samples = context;
    for (size_t k = 0; k < samples->k; k++)
        out[k] = 0;
    for (size_t i = 0; i < samples->n; i++)
        for (size_t k = 0; k < samples->k; k++)
            out[k] += samples->q[i * samples->k + k] * y[i];
}

static void samples_matrix(void *context, double *out)
{
    const struct samples *samples = context;
    memset(out, 0, samples->k * samples->k * sizeof *out);
    for (size_t i = 0; i < samples->n; i++)
        for (size_t k = 0; k < samples->k; k++)
            for (size_t l = 0; l < samples->k; l++)
                out[k * samples->k + l] += samples->q[i * samples->k + k] * samples->q[i * samples->k + l] /
                                           (double)samples->n;
}

static void samples_scale(void *context, double *out)
{
    const struct samples *samples = context;
    for (size_t k = 0; k < samples->k; k++) {
        out[k] = 0;
        for (size_t i = 0; i < samples->n; i++)
            out[k] += samples->q[i * samples->k + k] * samples->q[i * samples->k + k] / (double)samples->n;
    }
}

static void samples_gram(void *context, const double *weight, double *out)
{
    const struct samples *samples = context;
    for (size_t i = 0; i < samples->n; i++)
        for (size_t j = 0; j < samples->n; j++) {
            out[i * samples->n + j] = 0;
            for (size_t k = 0; k < samples->k; k++)
                out[i * samples->n + j] += weight[k] * samples->q[i * samples->k + k] * samples->q[j * samples->k + k];
        }
}

// Columns with the spread sqrt(spread_k), mixed with a neighbour, centred.
static struct samples samples_make(size_t n, size_t k, const double *spread, double mix)
{
    struct samples samples = { n, k, calloc(n * k, sizeof(double)) };
    struct rng rng;
    rng_start(&rng, 21, n);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < k; c++) {
            samples.q[i * k + c] = sqrt(spread[c]) * sqrt(-2 * log(rng_uniform(&rng))) *
                                   cos(6.283185307179586 * rng_uniform(&rng));
            if (c > 0)
                samples.q[i * k + c] += mix * samples.q[i * k + c - 1];
        }
    for (size_t c = 0; c < k; c++) {
        double mean = 0;
        for (size_t i = 0; i < n; i++)
            mean += samples.q[i * k + c] / (double)n;
        for (size_t i = 0; i < n; i++)
            samples.q[i * k + c] -= mean;
    }
    return samples;
}

static struct optimizer_metric samples_metric(struct samples *samples)
{
    return (struct optimizer_metric){ samples->k,        samples->n,     samples,      samples_scale, samples_apply,
                                      samples_transpose, samples_matrix, samples_gram, NULL,          NULL };
}

static void *defaults(const struct optimizer_type *type)
{
    void *state = calloc(1, type->state_size);
    char why[PARAM_TEXT_SIZE];
    for (const struct param *row = type->params; row->key; row++)
        assert_true(param_parse(row, row->fallback, state, why));
    return state;
}

static double distance(const double *theta)
{
    double sum = 0;
    for (size_t k = 0; k < N; k++)
        sum += (theta[k] - minimum[k]) * (theta[k] - minimum[k]);
    return sqrt(sum);
}

static void descend(const struct optimizer_type *type, size_t steps, double noise, double *theta)
{
    void *state = defaults(type);
    double *memory = calloc(type->n_memory(state, N) + 1, sizeof *memory);
    struct samples samples = samples_make(SAMPLES, N, curvature, 0);
    const struct optimizer_metric metric = samples_metric(&samples);
    struct rng rng;
    rng_start(&rng, 1, 1);
    for (size_t t = 0; t < steps; t++) {
        double gradient[N];
        for (size_t k = 0; k < N; k++)
            gradient[k] = curvature[k] * (theta[k] - minimum[k]) + noise * (2 * rng_uniform(&rng) - 1);
        const struct optimizer_step step = { N,        t,       type->learning_rate / (1 + 0.003 * (double)t),
                                             gradient, &metric, memory,
                                             theta,    8192,    1 };
        assert_true(type->step(state, &step));
    }
    free(samples.q);
    free(memory);
    free(state);
}

static void test_quadratic(void **state)
{
    (void)state;
    for (size_t k = 0; optimizer_type_at(k); k++) {
        double quiet[N] = { 0 }, noisy[N] = { 0 };
        if (!optimizer_type_at(k)->step)
            continue;
        descend(optimizer_type_at(k), 3000, 0, quiet);
        descend(optimizer_type_at(k), 3000, 0.5, noisy);
        print_message("%s: %.1e, with noise %.1e\n", optimizer_name(k), distance(quiet), distance(noisy));
        assert_true(distance(quiet) < 1e-3);
        assert_true(distance(noisy) < 0.2);  // uniform noise of 0.5 in 6 gradients, at a tenth of the first rate
    }
}

static const struct optimizer_type *find(const char *name)
{
    size_t k = 0;
    while (strcmp(optimizer_name(k), name) != 0)
        k++;
    return optimizer_type_at(k);
}

static void two_steps(const char *name, double first, double second)
{
    const struct optimizer_type *type = find(name);
    void *state = defaults(type);
    double memory[8] = { 0 }, theta[1] = { 0 };
    const double gradient[1] = { 1 };
    assert_true(type->step(state, &(struct optimizer_step){ 1, 0, 0.1, gradient, NULL, memory, theta, 8192, 1 }));
    assert_true(fabs(theta[0] - first) < 1e-9);
    assert_true(type->step(state, &(struct optimizer_step){ 1, 1, 0.1, gradient, NULL, memory, theta, 8192, 1 }));
    assert_true(fabs(theta[0] - second) < 1e-9);
    free(state);
}

static void set(const struct optimizer_type *type, void *state, const char *key, const char *text)
{
    char why[PARAM_TEXT_SIZE];
    assert_true(param_parse(param_find(type->params, key), text, state, why));
}

// One step of sr from theta = 0 with a solver; force = Q^T e of some e, or any.
static void one_step(const char *solver, const char *momentum, const struct optimizer_metric *metric,
                     const double *gradient, double *theta)
{
    const struct optimizer_type *type = find("sr");
    void *state = defaults(type);
    set(type, state, "solver", solver);
    set(type, state, "tolerance", "1e-13");
    set(type, state, "max_step", "1e9");
    set(type, state, "momentum", momentum);
    double *memory = calloc(metric->n_parameters, sizeof *memory);
    memset(theta, 0, metric->n_parameters * sizeof *theta);
    for (size_t t = 0; t < 2; t++)
        assert_true(type->step(
            state, &(struct optimizer_step){ metric->n_parameters, t, 0.1, gradient, metric, memory, theta, 8192, 1 }));
    free(memory);
    free(state);
}

enum { MANY = 60, FEW = 25 };

// More and fewer parameters than samples; forces of the form Q^T e: the three solvers take one and the same step.
static void test_solvers_agree(void **state)
{
    (void)state;
    static const char *const solvers[] = { "cholesky", "cg", "minsr" }, *const momenta[] = { "0", "0.8" };
    for (size_t shape = 0; shape < 4; shape++) {
        const size_t n = shape % 2 ? FEW : MANY, k = shape % 2 ? MANY : FEW;
        double spread[MANY], gradient[MANY], e[MANY], theta[3][MANY], largest = 0, apart = 0;
        for (size_t i = 0; i < MANY; i++) {
            spread[i] = pow(10, -3 + 6 * (double)i / MANY);
            e[i] = sin(1.0 + (double)i);
        }
        struct samples samples = samples_make(n, k, spread, 0.4);
        const struct optimizer_metric metric = samples_metric(&samples);
        samples_transpose(&samples, e, gradient);
        for (size_t s = 0; s < 3; s++)
            one_step(solvers[s], momenta[shape / 2], &metric, gradient, theta[s]);
        for (size_t i = 0; i < k; i++) {
            largest = fmax(largest, fabs(theta[0][i]));
            apart = fmax(apart, fmax(fabs(theta[1][i] - theta[0][i]), fabs(theta[2][i] - theta[0][i])));
        }
        print_message("%zu samples, %zu parameters, momentum %s: apart by %.1e of %.1e\n", n, k, momenta[shape / 2],
                      apart, largest);
        assert_true(apart < 1e-8 * largest);
        free(samples.q);
    }
}

// theta_k = c_k phi_k: a step in phi is the same step in theta for sr, another one for plain descent.
static void test_rescaling(void **state)
{
    (void)state;
    const double spread[N] = { 1, 1, 1, 1, 1, 1 }, factor[N] = { 1, 1e3, 1e-3, 5, 0.1, 1e5 };
    double gradient[N], scaled[N], theta[N], phi[N], plain[N], plain_scaled[N];
    struct samples samples = samples_make(200, N, spread, 0.5), other = samples_make(200, N, spread, 0.5);
    for (size_t i = 0; i < 200; i++)
        for (size_t k = 0; k < N; k++)
            other.q[i * N + k] *= factor[k];
    for (size_t k = 0; k < N; k++) {
        gradient[k] = 1 + (double)k;
        scaled[k] = gradient[k] * factor[k];
        plain[k] = plain_scaled[k] = 0;
    }
    const struct optimizer_metric one = samples_metric(&samples), two = samples_metric(&other);
    one_step("cholesky", "0", &one, gradient, theta);
    one_step("cholesky", "0", &two, scaled, phi);
    assert_true(find("sgd")->step(NULL, &(struct optimizer_step){ N, 0, 0.1, gradient, NULL, NULL, plain, 8192, 1 }));
    assert_true(
        find("sgd")->step(NULL, &(struct optimizer_step){ N, 0, 0.1, scaled, NULL, NULL, plain_scaled, 8192, 1 }));
    double worst = 0, worst_plain = 0;
    for (size_t k = 0; k < N; k++) {
        worst = fmax(worst, fabs(phi[k] * factor[k] / theta[k] - 1));
        worst_plain = fmax(worst_plain, fabs(plain_scaled[k] * factor[k] / plain[k] - 1));
    }
    print_message("sr differs by %.1e, sgd by %.1e\n", worst, worst_plain);
    assert_true(worst < 1e-9 && worst_plain > 1);
    free(samples.q);
    free(other.q);
}

// A metric of rank one, and parameters without any influence: regularised, never a crash.
static void test_singular(void **state)
{
    (void)state;
    static const char *const solvers[] = { "cholesky", "cg", "minsr" };
    struct samples samples = samples_make(50, N, curvature, 0);
    for (size_t i = 0; i < 50; i++)
        for (size_t k = 1; k < N; k++)
            samples.q[i * N + k] = k < 3 ? samples.q[i * N] : 0;
    const double gradient[N] = { 1, 1, 1, 0, 0, 0 };
    const struct optimizer_metric metric = samples_metric(&samples);
    for (size_t s = 0; s < 3; s++) {
        double theta[N];
        one_step(solvers[s], "0", &metric, gradient, theta);
        for (size_t k = 0; k < N; k++)
            assert_true(isfinite(theta[k]) && fabs(theta[k]) < 10 && (k < 3 || theta[k] == 0));
        assert_true(theta[0] < 0 && fabs(theta[0] - theta[2]) < 1e-6 * fabs(theta[0]));
    }
    free(samples.q);
}

static void test_first_steps(void **state)
{
    (void)state;
    two_steps("sgd", -0.1, -0.2);
    two_steps("momentum", -0.1, -0.29);
    two_steps("adam", -0.1, -0.2);
}

// ---- GSL's handler of errors

static int handled;

static void handler(const char *reason, const char *file, int line, int code)
{
    (void)reason, (void)file, (void)line, (void)code;
    __atomic_add_fetch(&handled, 1, __ATOMIC_RELAXED);
}

// Eigenvalues 3 and -1: no Cholesky factor, and GSL complains.
static void indefinite(void *context, double *out)
{
    (void)context;
    memcpy(out, (const double[]){ 1, 2, 2, 1 }, 4 * sizeof *out);
}

static void *solve_often(void *unused)
{
    const struct optimizer_metric metric = { .n_samples = 1, .n_parameters = 2, .matrix = indefinite };
    const double ones[2] = { 1, 1 };
    double delta[2];
    const struct sr_problem problem = { .metric = &metric, .force = ones, .scale = ones, .delta = delta };
    for (int k = 0; k < 2000; k++)
        if (sr_cholesky(&problem))
            return unused;
    return NULL;
}

// The library neither ends the process where GSL meets an error, nor leaves another handler behind, in whatever order
// threads come and go.
static void test_gsl_handler(void **state)
{
    pthread_t threads[4];
    gsl_error_handler_t *before = gsl_set_error_handler(handler);
    for (size_t k = 0; k < 4; k++)
        assert_int_equal(pthread_create(&threads[k], NULL, solve_often, state), 0);
    for (size_t k = 0; k < 4; k++) {
        void *wrong = state;
        assert_int_equal(pthread_join(threads[k], &wrong), 0);
        assert_null(wrong);
    }
    assert_int_equal(handled, 0);
    assert_ptr_equal(gsl_set_error_handler(before), handler);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_quadratic),     cmocka_unit_test(test_first_steps),
                                        cmocka_unit_test(test_solvers_agree), cmocka_unit_test(test_rescaling),
                                        cmocka_unit_test(test_singular),      cmocka_unit_test(test_gsl_handler) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
