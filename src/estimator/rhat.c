// SPDX-License-Identifier: GPL-3.0-or-later
// Rank-normalised split-R-hat: Vehtari, Gelman, Simpson, Carpenter and Buerkner, Bayesian Analysis 16, 667 (2021), "V".
// Chains are halved (an odd draw in the middle is left out), all values replaced by normal scores of their ranks (V eq.
// 14; ties share their mean rank), and R-hat = sqrt(var+ / W) taken of them (V eq. 1-4). The same for the distance from
// the median (V section 4.2), which sees chains that agree in their mean but not in their width. The larger of the two
// is reported. One bad chain in a thousand does not move R-hat. It stands out in the chain means: its distance from
// their median, in units of 1.4826 times the median of such distances (the standard deviation if Gaussian, and the bad
// chain does not stretch it).
// Check: two chains that never meet have the R-hat of sorted ranks, far above 1; constant values have 1.
//
// Cost: one radix sort; the order of the distances follows from it by merging the values below the median with those
// above. Beyond 262,144 values every s-th draw is taken: ranking more costs more than it tells (and takes 36 bytes per
// value).

#include "statistics_parts.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DIGIT_BITS = 8, DIGITS = 1 << DIGIT_BITS, KEY_BITS = 64, CHAINS_LEAST = 16 };

static const size_t values_most = (size_t)1 << 18;

struct ranked {
    double value;
    size_t half;
};  // half = 2 * chain + (0 or 1)

struct ranking {
    size_t n, n_halves, length;     // n = n_halves * length
    struct ranked *sorted, *spare;  // [n]
    double *score;                  // [n / 2 + 1]: normal score of rank i + 1 from the lower end
    double *sum, *square;           // [n_halves]
};

static void ranking_finish(struct ranking *ranking)
{
    free(ranking->sorted);
    free(ranking->spare);
    free(ranking->score);
    free(ranking->sum);
    free(ranking->square);
}

static bool ranking_init(struct ranking *ranking, size_t n_halves, size_t length)
{
    const size_t n = n_halves * length;
    *ranking = (struct ranking){ .n = n,
                                 .n_halves = n_halves,
                                 .length = length,
                                 .sorted = calloc(n, sizeof(struct ranked)),
                                 .spare = calloc(n, sizeof(struct ranked)),
                                 .score = calloc(n / 2 + 1, sizeof(double)),
                                 .sum = calloc(n_halves, sizeof(double)),
                                 .square = calloc(n_halves, sizeof(double)) };
    return ranking->sorted && ranking->spare && ranking->score && ranking->sum && ranking->square;
}

// An unsigned integer that orders like the double (-0 before 0: still neighbours, and equal when ties are looked for).
static uint64_t key_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

// One pass of the radix sort, stable, from `from` to `to`. False when all have the same digit and nothing was moved.
static bool sort_digit(size_t n, unsigned shift, const struct ranked *from, struct ranked *to)
{
    size_t start[DIGITS + 1] = { 0 };
    for (size_t i = 0; i < n; i++)
        start[(key_of(from[i].value) >> shift) % DIGITS + 1]++;
    for (size_t d = 0; d < DIGITS; d++)
        if (start[d + 1] == n)
            return false;
    for (size_t d = 0; d < DIGITS; d++)
        start[d + 1] += start[d];
    for (size_t i = 0; i < n; i++)
        to[start[(key_of(from[i].value) >> shift) % DIGITS]++] = from[i];
    return true;
}

static void ranking_exchange(struct ranking *ranking)
{
    struct ranked *sorted = ranking->sorted;
    ranking->sorted = ranking->spare;
    ranking->spare = sorted;
}

static void ranking_sort(struct ranking *ranking)
{
    for (unsigned shift = 0; shift < KEY_BITS; shift += DIGIT_BITS)
        if (sort_digit(ranking->n, shift, ranking->sorted, ranking->spare))
            ranking_exchange(ranking);
}

// Every stride-th draw of both halves.
static void ranking_fill(struct ranking *ranking, const struct series *series, size_t stride)
{
    for (size_t half = 0; half < ranking->n_halves; half++) {
        const double *x = series->values + half / 2 * series->draws + half % 2 * (series->draws - series->draws / 2);
        for (size_t t = 0; t < ranking->length; t++)
            ranking->sorted[half * ranking->length + t] = (struct ranked){ x[t * stride], half };
    }
}

// sorted[] becomes the distances from the median, again in order. They are counted from the two values beside the
// median, half their gap further: both lie equally far from it, whatever their mean would be rounded to, and share a
// rank.
static void ranking_fold(struct ranking *ranking)
{
    const struct ranked *x = ranking->sorted;
    const size_t n = ranking->n, middle = n / 2;  // n is even
    const double lower = x[middle - 1].value, upper = x[middle].value, nearest = upper / 2 - lower / 2;
    for (size_t i = 0, below = middle, above = middle; i < n; i++)
        if (above == n || (below > 0 && lower - x[below - 1].value <= x[above].value - upper)) {
            below--;
            ranking->spare[i] = (struct ranked){ nearest + (lower - x[below].value), x[below].half };
        } else {
            ranking->spare[i] = (struct ranked){ nearest + (x[above].value - upper), x[above].half };
            above++;
        }
    ranking_exchange(ranking);
}

// V eq. 14.
static double score_of(double rank, size_t n) { return gsl_cdf_ugaussian_Pinv((rank - 0.375) / ((double)n + 0.25)); }

// Mean score rank of the equal values first <= i < end, ranks from 1.
static double tied_score(const struct ranking *ranking, size_t first, size_t end)
{
    if (end - first > 1)
        return score_of((double)(first + 1 + end) / 2, ranking->n);
    return first < ranking->n / 2 ? ranking->score[first] : -ranking->score[ranking->n - 1 - first];
}

// Sums of scores and of their squares over every half.
static void score_sums(struct ranking *ranking)
{
    memset(ranking->sum, 0, ranking->n_halves * sizeof *ranking->sum);
    memset(ranking->square, 0, ranking->n_halves * sizeof *ranking->square);
    for (size_t first = 0, end; first < ranking->n; first = end) {
        for (end = first + 1; end < ranking->n && ranking->sorted[end].value == ranking->sorted[first].value;)
            end++;
        const double score = tied_score(ranking, first, end);
        for (size_t i = first; i < end; i++) {
            ranking->sum[ranking->sorted[i].half] += score;
            ranking->square[ranking->sorted[i].half] += score * score;
        }
    }
}

static double r_hat_of(struct ranking *ranking)
{
    score_sums(ranking);
    const double count = (double)ranking->n_halves, length = (double)ranking->length;
    double within = 0, between = 0, mean = 0;
    for (size_t h = 0; h < ranking->n_halves; h++)
        mean += ranking->sum[h] / length / count;
    for (size_t h = 0; h < ranking->n_halves; h++) {
        const double own = ranking->sum[h] / length;
        within += fmax(ranking->square[h] - length * own * own, 0) / (length - 1) / count;
        between += (own - mean) * (own - mean) / (count - 1);  // B / length
    }
    if (within <= 1e-14 * between)  // every half stands still: at the same value, or nowhere near the others
        return between > 0 ? INFINITY : 1;
    return sqrt((length - 1) / length + between / within);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Sorts x[n].
static double median_of(size_t n, double *x)
{
    qsort(x, n, sizeof *x, compare);
    return x[(n - 1) / 2] / 2 + x[n / 2] / 2;
}

// scratch[chains]
static void worst_chain(const struct series *series, const double *chain_mean, double *scratch, struct statistics *out)
{
    const size_t n = series->chains;
    memcpy(scratch, chain_mean, n * sizeof *scratch);
    const double median = median_of(n, scratch);
    double most = 0;
    for (size_t c = 0; c < n; c++) {
        scratch[c] = fabs(chain_mean[c] - median);
        if (scratch[c] > most) {
            most = scratch[c];
            out->worst_chain = c;
        }
    }
    const double spread = 1.4826 * median_of(n, scratch);
    out->worst_distance = most > 0 ? most / spread : 0;
}

static bool worst_fill(const struct series *series, double mean, struct statistics *out)
{
    if (series->chains < CHAINS_LEAST)
        return true;
    double *chain_mean = calloc(2 * series->chains, sizeof *chain_mean);
    if (!chain_mean)
        return false;
    for (size_t c = 0; c < series->chains; c++)
        for (size_t t = 0; t < series->draws; t++)
            chain_mean[c] += (series->values[c * series->draws + t] - mean) / (double)series->draws;
    worst_chain(series, chain_mean, chain_mean + series->chains, out);
    free(chain_mean);
    return true;
}

// Of draws >= 4.
static bool r_hat_fill(const struct series *series, struct statistics *out)
{
    size_t stride = 1;
    while (series->chains * (series->draws / stride) > values_most && series->draws / 2 / (2 * stride) >= 64)
        stride *= 2;
    struct ranking ranking;
    const bool ok = ranking_init(&ranking, 2 * series->chains, series->draws / 2 / stride);
    if (ok) {
        for (size_t i = 0; i < ranking.n / 2; i++)
            ranking.score[i] = score_of((double)i + 1, ranking.n);
        ranking_fill(&ranking, series, stride);
        ranking_sort(&ranking);
        const double bulk = r_hat_of(&ranking);
        ranking_fold(&ranking);
        out->r_hat = fmax(bulk, r_hat_of(&ranking));
    }
    ranking_finish(&ranking);
    return ok;
}

bool statistics_mix(const struct series *series, double mean, struct statistics *out, struct error *error)
{
    out->r_hat = NAN;
    return (worst_fill(series, mean, out) && (series->draws < 4 || r_hat_fill(series, out))) ||
           error_add(error, ERROR_INTERNAL, "out of memory for R-hat of %zu chains of %zu values", series->chains,
                     series->draws);
}
