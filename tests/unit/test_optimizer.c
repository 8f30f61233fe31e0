// SPDX-License-Identifier: GPL-3.0-or-later
// Every optimiser of the list on a quadratic with known minimum, and the hand-checked first steps of each.
#include "vmc/optimizer.h"
#include "vmc/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 6 };
static const double curvature[N] = { 0.5, 1, 2, 3, 5, 8 }, minimum[N] = { 1, -2, 0.5, 0, 3, -1 };

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
    struct rng rng;
    rng_start(&rng, 1, 1);
    for (size_t t = 0; t < steps; t++) {
        double gradient[N];
        for (size_t k = 0; k < N; k++)
            gradient[k] = curvature[k] * (theta[k] - minimum[k]) + noise * (2 * rng_uniform(&rng) - 1);
        type->step(state, N, t, type->learning_rate / (1 + 0.003 * (double)t), gradient, memory, theta);
    }
    free(memory);
    free(state);
}

static void test_quadratic(void **state)
{
    (void)state;
    for (size_t k = 0; optimizer_type_at(k); k++) {
        double quiet[N] = { 0 }, noisy[N] = { 0 };
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
    type->step(state, 1, 0, 0.1, gradient, memory, theta);
    assert_true(fabs(theta[0] - first) < 1e-9);
    type->step(state, 1, 1, 0.1, gradient, memory, theta);
    assert_true(fabs(theta[0] - second) < 1e-9);
    free(state);
}

static void test_first_steps(void **state)
{
    (void)state;
    two_steps("sgd", -0.1, -0.2);
    two_steps("momentum", -0.1, -0.29);
    two_steps("adam", -0.1, -0.2);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_quadratic), cmocka_unit_test(test_first_steps) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
