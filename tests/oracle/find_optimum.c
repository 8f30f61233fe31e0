// SPDX-License-Identifier: GPL-3.0-or-later
// Not part of the tests: made the numbers of optimum.c.  find_optimum NAME STARTS  tries STARTS random starts and
// prints the best set.
#include "oracle.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double one[] = { 1, 1, 1 }, half_root[] = { 0.70710678118654757, 0.70710678118654757 };
static const double root_two[] = { 1.4142135623730951, 1.4142135623730951, 1.4142135623730951 };
static const double root_ten[] = { 3.1622776601683795, 3.1622776601683795 };
static const double zeros[64];

#define RBM(D, N, AMPLITUDE, SIGMA, OMEGA, TRAIN)                                                                \
    {                                                                                                            \
        .particles = 2, .dimensions = D, .hidden = N, .amplitude = AMPLITUDE, .envelope = true, .a = zeros,      \
        .b = zeros, .w = zeros, .sigma = SIGMA, .omega = { OMEGA, OMEGA, OMEGA }, .interaction = ORACLE_COULOMB, \
        .strength = 1, .train_sigma = TRAIN                                                                      \
    }

static const struct oracle_set problems[] = {
    { "rbm-amp-s1-h1", "", RBM(2, 1, 1, one, 1, false) },
    { "rbm-amp-s1-h2", "", RBM(2, 2, 1, one, 1, false) },
    { "rbm-prob-s-h1", "", RBM(2, 1, 0, half_root, 1, false) },
    { "rbm-prob-s-h2", "", RBM(2, 2, 0, half_root, 1, false) },
    { "rbm-amp-free-h2", "", RBM(2, 2, 1, one, 1, true) },
    { "rbm-prob-free-h2", "", RBM(2, 2, 0, half_root, 1, true) },
    { "rbm-amp-w01-h2", "", RBM(2, 2, 1, root_ten, 0.1, false) },
    { "rbm-3d-h3", "", RBM(3, 3, 1, root_two, 0.5, false) },
};

// splitmix64; sums of 12 uniforms are normal enough for a start
static double uniform(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static void start(const struct oracle_rbm *rbm, uint64_t *state, double *theta)
{
    struct oracle_copy copy;
    oracle_copy_init(&copy, rbm);
    oracle_copy_get(&copy, theta);
    oracle_copy_finish(&copy);
    const size_t m = oracle_coordinates(rbm), n_free = m + rbm->hidden + m * rbm->hidden;
    for (size_t k = 0; k < n_free; k++) {
        double sum = -6;
        for (int i = 0; i < 12; i++)
            sum += uniform(state);
        theta[k] = sum * (k >= m && k < m + rbm->hidden ? 1 : rbm->sigma[0]);
    }
}

static void print(const struct oracle_rbm *rbm, const char *name, const double *theta, double energy)
{
    struct oracle_copy copy;
    oracle_copy_init(&copy, rbm);
    oracle_copy_set(&copy, theta);
    long double *gradient = calloc(oracle_parameters(rbm), sizeof *gradient), most = 0;
    oracle_energy_gradient(&copy.rbm, gradient);
    for (size_t k = 0; k < oracle_parameters(rbm); k++)
        most = fmaxl(most, fabsl(gradient[k]));
    free(gradient);
    const size_t m = oracle_coordinates(rbm), n = rbm->hidden;
    const size_t length[] = { m, n, m * n, rbm->dimensions };
    const char *part[] = { "a", "b", "w", "sigma" };
    printf("// %s: largest gradient %.1Le\n", name, most);
    for (size_t p = 0, at = 0; p < 4; at += length[p++]) {
        printf("static const double %s[] = {", part[p]);
        for (size_t k = 0; k < length[p]; k++)
            printf("%s%.17g", k > 0 ? ", " : "", copy.values[at + k]);
        printf("};\n");
    }
    printf("energy %.15f\n", energy);
    oracle_copy_finish(&copy);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    double theta[64] = { 0 }, best[64] = { 0 }, least = INFINITY;
    uint64_t state = 1;
    const struct oracle_set *problem = problems;
    while (problem < problems + sizeof problems / sizeof *problems && strcmp(problem->name, argv[1]) != 0)
        problem++;
    if (problem == problems + sizeof problems / sizeof *problems)
        return 2;
    for (int k = 0; k < atoi(argv[2]); k++) {
        start(&problem->rbm, &state, theta);
        const double energy = oracle_minimise(&problem->rbm, theta);
        fprintf(stderr, "%s %d %.12f\n", problem->name, k, energy);
        if (isfinite(energy) && energy < least) {
            least = energy;
            memcpy(best, theta, sizeof best);
        }
    }
    print(&problem->rbm, problem->name, best, least);
    return 0;
}
