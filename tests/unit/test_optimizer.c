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
#include <stdio.h>
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
                out[k * samples->k + l] += samples->q[i * samples->k + k] * samples->q[i * samples->k + l];
    for (size_t k = 0; k < samples->k * samples->k; k++)
        out[k] /= (double)samples->n;
}

static void samples_scale(void *context, double *out)
{
    const struct samples *samples = context;
    for (size_t k = 0; k < samples->k; k++) {
        out[k] = 0;
        for (size_t i = 0; i < samples->n; i++)
            out[k] += samples->q[i * samples->k + k] * samples->q[i * samples->k + k];
        out[k] /= (double)samples->n;
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
    return (struct optimizer_metric){
        samples->k, samples->n, samples, samples_scale, samples_apply, samples_transpose, samples_matrix, samples_gram,
        NULL,       NULL,       0
    };
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

// ---- written a second time, in long double

// x of a x = b, by Gauss-Jordan elimination; a and b are overwritten.
static void eliminate(size_t n, long double a[][N], long double *b)
{
    for (size_t p = 0; p < n; p++)
        for (size_t i = 0; i < n; i++) {
            const long double share = i == p ? 0 : a[i][p] / a[p][p];
            for (size_t j = 0; j < n && i != p; j++)
                a[i][j] -= share * a[p][j];
            b[i] -= share * b[p];
        }
    for (size_t p = 0; p < n; p++)
        b[p] /= a[p][p];
}

struct naive_sr {
    double shift, shift_decay, shift_least, max_step, momentum;
};

// delta = mu last + (S + shift diag S)^-1 (-rate g / 2 - S mu last), no longer than max_step in S
static void naive_sr(const struct naive_sr *sr, const struct samples *samples, double damping, size_t t, double rate,
                     const double *gradient, long double *last, long double *theta)
{
    long double metric[N][N] = { { 0 } }, a[N][N], b[N], length = 0;
    const long double now = (long double)sr->shift * damping * powl(sr->shift_decay, (long double)t),
                      floor = sr->shift < sr->shift_least ? sr->shift : sr->shift_least,
                      shift = now > floor ? now : floor;
    for (size_t i = 0; i < samples->n; i++)
        for (size_t k = 0; k < N; k++)
            for (size_t l = 0; l < N; l++)
                metric[k][l] += (long double)samples->q[i * N + k] * samples->q[i * N + l] / (long double)samples->n;
    for (size_t k = 0; k < N; k++) {
        b[k] = -0.5L * rate * gradient[k];
        for (size_t l = 0; l < N; l++) {
            a[k][l] = metric[k][l] + (k == l ? shift * metric[k][k] : 0);
            b[k] -= sr->momentum * metric[k][l] * last[l];
        }
    }
    eliminate(N, a, b);
    for (size_t k = 0; k < N; k++)
        last[k] = b[k] + sr->momentum * last[k];
    for (size_t k = 0; k < N; k++)
        for (size_t l = 0; l < N; l++)
            length += last[k] * metric[k][l] * last[l];
    for (size_t k = 0; k < N; k++) {
        last[k] *= sqrtl(length) > sr->max_step ? sr->max_step / sqrtl(length) : 1;
        theta[k] += last[k];
    }
}

// Eight steps with gradients that change their signs and lengths, of every key of sr in turn.
static void test_sr(void **state)
{
    (void)state;
    static const struct naive_sr keys[] = { { 0.01, 1, 3e-4, 1e9, 0 },   { 0.5, 0.6, 0.1, 1e9, 0 },
                                            { 0.01, 1, 3e-4, 0.05, 0 },  { 0.01, 1, 3e-4, 1e9, 0.8 },
                                            { 0.2, 0.9, 0.3, 0.1, 0.5 }, { 0, 1, 3e-4, 1e9, 0.3 } };
    const struct optimizer_type *type = find("sr");
    struct samples samples = samples_make(300, N, curvature, 0.4);
    const struct optimizer_metric metric = samples_metric(&samples);
    for (size_t c = 0; c < sizeof keys / sizeof *keys; c++) {
        static const char *const names[] = { "shift", "shift_decay", "shift_least", "max_step", "momentum" };
        const double values[] = { keys[c].shift, keys[c].shift_decay, keys[c].shift_least, keys[c].max_step,
                                  keys[c].momentum };
        void *own = defaults(type);
        double memory[N] = { 0 }, theta[N] = { 0 };
        long double last[N] = { 0 }, expected[N] = { 0 };
        for (size_t k = 0; k < 5; k++) {
            char text[32];
            snprintf(text, sizeof text, "%.17g", values[k]);
            set(type, own, names[k], text);
        }
        for (size_t t = 0; t < 8; t++) {
            double gradient[N];
            const double damping = t % 3 == 2 ? 4 : 1, rate = 0.1 / (1 + (double)t);
            for (size_t k = 0; k < N; k++)
                gradient[k] = (2 + (double)k) * cos(1 + (double)(3 * k + 2 * t));
            assert_true(type->step(
                own, &(struct optimizer_step){ N, t, rate, gradient, &metric, memory, theta, 8192, damping }));
            naive_sr(&keys[c], &samples, damping, t, rate, gradient, last, expected);
            for (size_t k = 0; k < N; k++) {
                assert_true(fabs((double)(theta[k] - expected[k])) < 1e-10 * fmax(1e-3, fabs(theta[k])));
                assert_true(fabs((double)(memory[k] - last[k])) < 1e-10 * fmax(1e-3, fabs(memory[k])));
            }
        }
        free(own);
    }
    free(samples.q);
}

// auto for 6 parameters and 40 or 4800 samples: the shift begins with the larger of 0.01 and 6 / 40 = 0.15 and falls to
// 6 / 600 of that, 3e-4 at least; the momentum is 0.9 * 6 / 600. More than 0.3 is never asked for: 12 samples. Of 3
// directions half as much each.
static void test_sr_auto(void **state)
{
    (void)state;
    static const struct {
        size_t n_samples, n_directions;
        struct naive_sr expected;
    } cases[] = { { 40, 0, { 0.15, 1, 1.5e-3, 1e9, 9e-3 } },
                  { 4800, 0, { 0.01, 1, 3e-4, 1e9, 9e-3 } },
                  { 12, 0, { 0.3, 1, 3e-3, 1e9, 9e-3 } },
                  { 40, 3, { 0.075, 1, 3.75e-4, 1e9, 4.5e-3 } } };
    const struct optimizer_type *type = find("sr");
    struct samples samples = samples_make(300, N, curvature, 0.4);
    struct optimizer_metric metric = samples_metric(&samples);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        void *own = defaults(type);
        double memory[N] = { 0 }, theta[N] = { 0 };
        long double last[N] = { 0 }, expected[N] = { 0 };
        metric.n_directions = cases[c].n_directions;
        set(type, own, "max_step", "1e9");
        for (size_t t = 0; t < 6; t++) {
            double gradient[N];
            const double damping = pow(0.2, (double)t);
            for (size_t k = 0; k < N; k++)
                gradient[k] = (2 + (double)k) * cos(1 + (double)(3 * k + 2 * t));
            assert_true(type->step(own, &(struct optimizer_step){ N, t, 0.1, gradient, &metric, memory, theta,
                                                                  cases[c].n_samples, damping }));
            naive_sr(&cases[c].expected, &samples, damping, t, 0.1, gradient, last, expected);
            for (size_t k = 0; k < N; k++)
                assert_true(fabs((double)(theta[k] - expected[k])) < 1e-10 * fmax(1e-3, fabs(theta[k])));
        }
        free(own);
    }
    free(samples.q);
}

static void test_descents(void **state)
{
    (void)state;
    long double mean[N] = { 0 }, square[N] = { 0 }, speed[N] = { 0 }, expected[3][N] = { { 0 } };
    double theta[3][N] = { { 0 } }, memory[3][2 * N] = { { 0 } };
    static const char *const names[] = { "sgd", "momentum", "adam" };
    for (size_t t = 0; t < 12; t++) {
        double gradient[N];
        const double rate = 0.1 / (1 + 0.1 * (double)t);
        for (size_t k = 0; k < N; k++) {
            gradient[k] = (1 + (double)(k * k)) * cos(2 + (double)(k + 3 * t));
            mean[k] = 0.9L * mean[k] + 0.1L * gradient[k];
            square[k] = 0.99L * square[k] + 0.01L * gradient[k] * gradient[k];
            speed[k] = 0.9L * speed[k] - (long double)rate * gradient[k];
            expected[0][k] -= (long double)rate * gradient[k];
            expected[1][k] += speed[k];
            expected[2][k] -= rate * mean[k] / (1 - powl(0.9L, (long double)(t + 1))) /
                              sqrtl(square[k] / (1 - powl(0.99L, (long double)(t + 1))));
        }
        for (size_t m = 0; m < 3; m++) {
            void *own = defaults(find(names[m]));
            assert_true(find(names[m])->step(
                own, &(struct optimizer_step){ N, t, rate, gradient, NULL, memory[m], theta[m], 8192, 1 }));
            for (size_t k = 0; k < N; k++)
                assert_true(fabs((double)(theta[m][k] - expected[m][k])) < 1e-8);
            free(own);
        }
    }
    assert_int_equal(find("sgd")->n_memory(NULL, N), 0);
    assert_int_equal(find("momentum")->n_memory(NULL, N), N);
    assert_int_equal(find("adam")->n_memory(NULL, N), 2 * N);
    assert_int_equal(find("sr")->n_memory(NULL, N), N);
}

// Operations counted by hand. K parameters, n samples in the metric: n K^2 + K^3 / 3 by Cholesky, where that is less
// than 12 iterations of conjugate gradients of two products each, n K multiplications and additions, 2.5 times as slow.
static void test_operations(void **state)
{
    (void)state;
    const struct optimizer_type *type = find("sr");
    void *own = defaults(type);
    assert_true(fabs(type->operations(own, 30, 4000, 1000) / (1000 * 900 + 9000) - 1) < 1e-12);
    assert_true(fabs(type->operations(own, 115, 1000, 1000) / (1000 * 13225 + 1520875.0 / 3) - 1) < 1e-12);
    assert_true(fabs(type->operations(own, 116, 1000, 1000) / (10.0 * 1000 * 116 * 12) - 1) < 1e-12);
    assert_true(fabs(type->operations(own, 500, 8000, 1000) / (10.0 * 1000 * 500 * 40) - 1) < 1e-12);
    set(type, own, "solver", "cg");
    assert_true(fabs(type->operations(own, 500, 8000, 1000) / (10.0 * 1000 * 500 * 1000) - 1) < 1e-12);
    set(type, own, "solver", "cholesky");
    assert_true(fabs(type->operations(own, 600, 8000, 1000) / (1000 * 3.6e5 + 7.2e7) - 1) < 1e-12);
    set(type, own, "solver", "minsr");
    assert_true(fabs(type->operations(own, 400, 8000, 300) / (4 * 9e4 * 20 + 9e6 + 9e6) - 1) < 1e-12);
    free(own);
}

// Conjugate gradients end at the residual asked for, and after so many iterations at the latest.
static void test_tolerance(void **state)
{
    (void)state;
    double spread[N] = { 1e-4, 1e-2, 1, 1, 1e2, 1e4 }, scale[N], ones[N], delta[N], image[N], samples_of[300];
    struct samples samples = samples_make(300, N, spread, 0.6);
    const struct optimizer_metric metric = samples_metric(&samples);
    samples_scale(&samples, scale);
    for (size_t k = 0; k < N; k++)
        ones[k] = sqrt(scale[k]);
    double before = INFINITY;
    for (double tolerance = 0.3; tolerance > 1e-6; tolerance *= 1e-2) {
        double rest = 0;
        assert_true(sr_conjugate_gradients(&(struct sr_problem){ &metric, 1e-3, tolerance, 1000, ones, scale, delta }));
        samples_apply(&samples, delta, samples_of);
        samples_transpose(&samples, samples_of, image);
        for (size_t k = 0; k < N; k++)
            rest += pow((ones[k] - image[k] / 300 - 1e-3 * scale[k] * delta[k]) / sqrt(scale[k]), 2) / N;
        assert_true(sqrt(rest) <= tolerance * (1 + 1e-6) && rest <= before);
        before = rest;
    }
    // one iteration alone is a step along the force, as long as the parabola says: f.f / f.(S + shift) f
    double up = 0, down = 0, v[N];
    assert_true(sr_conjugate_gradients(&(struct sr_problem){ &metric, 1e-3, 1e-9, 1, ones, scale, delta }));
    for (size_t k = 0; k < N; k++)
        v[k] = ones[k] / scale[k];
    samples_apply(&samples, v, samples_of);
    for (size_t i = 0; i < 300; i++)
        down += samples_of[i] * samples_of[i] / 300;
    for (size_t k = 0; k < N; k++) {
        up += ones[k] * v[k];
        down += 1e-3 * scale[k] * v[k] * v[k];
    }
    for (size_t k = 0; k < N; k++)
        assert_true(fabs(delta[k] / (up / down * v[k]) - 1) < 1e-9);
    free(samples.q);
}

// S = ((1, 1), (1, 1)) and f = (1, 1): no factor without a little more on the diagonal, of which x = (1, 1) / 2 shows
// nothing above 1e-11.
static void singular(void *context, double *out)
{
    (void)context;
    memcpy(out, (const double[]){ 1, 1, 1, 1 }, 4 * sizeof *out);
}

// S = ((1, 1 + 5e-11), (1 + 5e-11, 1)): an eigenvalue of -5e-11, so that 1e-12 more on the diagonal is not enough, and
// 1e-10 more is. For f = (1, -1) x = (1, -1) / (-5e-11 + 1e-10).
static void nearly_singular(void *context, double *out)
{
    (void)context;
    memcpy(out, (const double[]){ 1, 1 + 5e-11, 1 + 5e-11, 1 }, 4 * sizeof *out);
}

static void test_little_more(void **state)
{
    (void)state;
    const struct optimizer_metric metric = { .n_samples = 1, .n_parameters = 2, .matrix = singular };
    const double ones[2] = { 1, 1 };
    double delta[2];
    assert_true(sr_cholesky(&(struct sr_problem){ .metric = &metric, .force = ones, .scale = ones, .delta = delta }));
    assert_true(fabs(delta[0] + delta[1] - 1) < 1e-11 && fabs(delta[0] - delta[1]) < 0.1);
    const struct optimizer_metric other = { .n_samples = 1, .n_parameters = 2, .matrix = nearly_singular };
    const double force[2] = { 1, -1 };
    assert_true(sr_cholesky(&(struct sr_problem){ .metric = &other, .force = force, .scale = ones, .delta = delta }));
    for (int k = 0; k < 2; k++)
        assert_true(fabs(delta[k] * 5e-11 - force[k]) < 1e-4);
}

// One parameter alone: -r g / (2 S (1 + shift)), S = 2 and shift = 0.01 with every solver; and none, where nothing
// happens.
static void test_one_parameter(void **state)
{
    (void)state;
    static const char *const solvers[] = { "auto", "cholesky", "cg", "minsr" };
    double q[4] = { 2, -2, 0, 0 };
    struct samples samples = { 4, 1, q };
    const struct optimizer_metric metric = samples_metric(&samples);
    for (size_t s = 0; s < 4; s++) {
        void *own = defaults(find("sr"));
        set(find("sr"), own, "solver", solvers[s]);
        set(find("sr"), own, "shift", "0.01");
        double theta = 3, memory = 0, gradient = 0.5;
        assert_true(
            find("sr")->step(own, &(struct optimizer_step){ 1, 0, 0.1, &gradient, &metric, &memory, &theta, 8192, 1 }));
        assert_true(fabs(theta - (3 - 0.1 * 0.5 / (2 * 2 * 1.01))) < 1e-12);
        assert_true(find("sr")->step(own, &(struct optimizer_step){ 0, 0, 0.1, NULL, &metric, NULL, &theta, 8192, 1 }));
        free(own);
    }
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

// A metric that is not finite anywhere, by one sample: no solver takes a step, and the parameters stay.
static void test_not_finite(void **state)
{
    (void)state;
    static const double spread[4] = { 1, 2, 0.5, 3 }, gradient[4] = { 1, -1, 2, 0.5 },
                        wrong[] = { INFINITY, -INFINITY, NAN };
    const struct optimizer_type *type = find("sr");
    const char *const solvers[] = { "cholesky", "cg", "minsr" };
    for (size_t s = 0; s < 3; s++)
        for (size_t k = 0; k < 3 * 4; k++) {
            struct samples samples = samples_make(12, 4, spread, 0.3);
            samples.q[4 * 7 + k % 4] = wrong[k / 4];
            const struct optimizer_metric metric = samples_metric(&samples);
            void *own = defaults(type);
            set(type, own, "solver", solvers[s]);
            double theta[4] = { 1, 2, 3, 4 }, memory[4] = { 0 };
            assert_false(
                type->step(own, &(struct optimizer_step){ 4, 0, 0.1, gradient, &metric, memory, theta, 8192, 1 }));
            for (size_t j = 0; j < 4; j++)
                assert_true(theta[j] == (double)(j + 1) && memory[j] == 0);
            free(own);
            free(samples.q);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_quadratic),     cmocka_unit_test(test_first_steps),
                                        cmocka_unit_test(test_solvers_agree), cmocka_unit_test(test_rescaling),
                                        cmocka_unit_test(test_singular),      cmocka_unit_test(test_sr),
                                        cmocka_unit_test(test_sr_auto),       cmocka_unit_test(test_descents),
                                        cmocka_unit_test(test_operations),    cmocka_unit_test(test_tolerance),
                                        cmocka_unit_test(test_little_more),   cmocka_unit_test(test_one_parameter),
                                        cmocka_unit_test(test_gsl_handler),   cmocka_unit_test(test_not_finite) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
