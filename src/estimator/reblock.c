// SPDX-License-Identifier: GPL-3.0-or-later
// Error of the mean by reblocking: Flyvbjerg and Petersen, J. Chem. Phys. 91, 461 (1989), "FP"; plateau found by the
// test of Jonsson, Phys. Rev. E 98, 043304 (2018). Blocks are formed within each chain, moments are pooled over all
// chains about the common mean.
//
// Level k: chains * m blocks of 2^k values, m = floor(draws / 2^k) >= 2, a chain's last values left over where they do
// not fill a block. Last level: one block per chain, all of its values: the scatter of independent chain means, honest
// however slow the chains are.
//
//   c0 = <d_i d_i>, c1 = <d_i d_(i+1)>, d = block - mean, N = chains * m blocks
//   N var(mean) = g0 + 2 w g1, w = 1 - 1/m, if blocks further apart than neighbours are uncorrelated       (FP eq. 8
//   for m blocks) c0 = g0 - var(mean), c1 = g1 - var(mean): the mean is taken from the same values
//     (FP eq. 11-13) => var(mean) = (c0 + 2 w c1) / (N - 1 - 2 w)
//
// Reblocking proper has w = 0, which makes the variance too small by the fraction tau / (2 * 2^k). In a few hundred
// effective samples the test does not see it (c1 / c0 up to 4 / sqrt(N) passes; measured at 200: errors 15 % too
// small), so the neighbours' term is kept. It costs a factor 1 + 2 w in degrees of freedom.
// Check: 1 chain, values 1 2 1 2 ...: c1 = -c0, var(mean) < 0 at level 0, exactly 0 at level 1.

#include "statistics_parts.h"

#include "base/gsl_guard.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

enum { LEVELS_MOST = 64, BLOCKS_PLATEAU = 32, BLOCKS_LEAST = 4 };

// Jonsson's own choice is 0.99 too.
static const double test_confidence = 0.99;

struct level {
    double blocks;  // N
    double length;  // values per block
    double weight;  // w
    double c0, c1;
    double test;  // this level's term of Jonsson's M
};

// blocks[chains][m]
static struct level level_of(size_t chains, size_t m, double length, const double *blocks)
{
    double sum = 0, square = 0, neighbours = 0;
    for (size_t i = 0; i < chains * m; i++)
        sum += blocks[i];
    const double n = (double)(chains * m), mean = sum / n;
    for (size_t c = 0; c < chains; c++) {
        double before = 0;
        for (size_t i = 0; i < m; i++) {
            const double now = blocks[c * m + i] - mean;
            square += now * now;
            neighbours += before * now;
            before = now;
        }
    }
    struct level level = { .blocks = n, .length = length, .weight = 1 - 1 / (double)m, .c0 = square / n };
    if (m > 1 && square > 0) {
        const double pairs = (double)(chains * (m - 1)),
                     independent = -level.c0 / (n - 1);  // c1 expected of independent blocks
        level.c1 = neighbours / pairs;
        const double r = (level.c1 - independent) / (square / (n - 1));
        level.test = pairs * r * r;
    }
    return level;
}

// Pairs of blocks become one, in place; the odd one at the end of a chain is left out.
static void merge(size_t chains, size_t m, double *blocks)
{
    const size_t half = m / 2;
    for (size_t c = 0; c < chains; c++)
        for (size_t i = 0; i < half; i++)
            blocks[c * half + i] = (blocks[c * m + 2 * i] + blocks[c * m + 2 * i + 1]) / 2;
}

static void chain_means(const struct series *series, double mean, double *blocks)
{
    for (size_t c = 0; c < series->chains; c++) {
        double sum = 0;
        for (size_t t = 0; t < series->draws; t++)
            sum += series->values[c * series->draws + t] - mean;
        blocks[c] = sum / (double)series->draws;
    }
}

// All levels, the last being whole chains. Returns their number.
static size_t levels_fill(const struct series *series, double mean, double *blocks, struct level levels[LEVELS_MOST])
{
    size_t k = 0;
    for (size_t i = 0; i < series->chains * series->draws; i++)
        blocks[i] = series->values[i] - mean;
    for (size_t m = series->draws; m > 1; m /= 2, k++) {
        levels[k] = level_of(series->chains, m, ldexp(1, (int)k), blocks);
        merge(series->chains, m, blocks);
    }
    chain_means(series, mean, blocks);
    levels[k] = level_of(series->chains, 1, (double)series->draws, blocks);
    return k + 1;
}

// Degrees of freedom of c0 + 2 w c1: for independent Gaussian blocks its relative variance is 2 (1 + 2 w) / N.
static double freedom(const struct level *level, double weight)
{
    return (level->blocks - 1 - 2 * weight) / (1 + 2 * weight);
}

// Variance of the mean of all values; the values left over count by 1 / their number.
static double mean_variance(const struct series *series, const struct level *level, double weight)
{
    const double used = level->blocks * level->length / (double)(series->chains * series->draws);
    return used * (level->c0 + 2 * weight * level->c1) / (level->blocks - 1 - 2 * weight);
}

static double quantile(size_t freedom)
{
    gsl_guard_begin();
    const double value = gsl_cdf_chisq_Pinv(test_confidence, (double)freedom);
    gsl_guard_end();
    return value;
}

// The first level whose blocks are enough and from which on Jonsson's M = sum of the tests stays below its chi-square
// quantile; n when there is none. Whole chains have no neighbours to test and are no plateau.
static size_t plateau_of(const struct series *series, size_t n, const struct level levels[])
{
    double sum[LEVELS_MOST + 1] = { 0 };
    for (size_t k = n; k-- > 0;)
        sum[k] = sum[k + 1] + levels[k].test;
    for (size_t k = 0; k + 1 < n && levels[k].blocks >= BLOCKS_PLATEAU; k++)
        if (sum[k] <= quantile(n - 1 - k) && mean_variance(series, &levels[k], levels[k].weight) > 0)
            return k;
    return n;
}

bool statistics_reblock(const struct series *series, double mean, struct statistics *out, struct error *error)
{
    double *blocks = malloc(series->chains * series->draws * sizeof *blocks);
    if (!blocks)
        return error_add(error, ERROR_INTERNAL, "out of memory for the statistics of %zu chains of %zu values",
                         series->chains, series->draws);
    struct level levels[LEVELS_MOST];
    const size_t n = levels_fill(series, mean, blocks, levels);
    free(blocks);

    size_t k = plateau_of(series, n, levels);
    out->plateau = k < n;
    double weight = out->plateau ? levels[k].weight : 0;
    if (!out->plateau)
        for (k = n - 1; k > 0 && levels[k].blocks < BLOCKS_LEAST;)
            k--;
    out->level = k;
    out->error = statistics_student(freedom(&levels[k], weight)) * sqrt(mean_variance(series, &levels[k], weight));
    return true;
}
