// SPDX-License-Identifier: GPL-3.0-or-later
// Integrated autocorrelation time tau = 1 + 2 sum_t rho_t, the error of the mean it implies, and the effective sample
// size.
//
// tau, error: autocovariances averaged over all chains about the common mean, sum_c sum_i d_i d_(i+t) / (C (n - t)).
// That mean is taken from the same values, which lowers every one of them by var(mean) = V = g0 / (C n) (1 + 2 sum_t (1
// - t / n) rho_t): V is put back, and as it follows from them and from where the sum ends, found by iteration. With few
// draws per chain it is not small. Effective samples: Vehtari et al., Bayesian Analysis 16, 667 (2021), section 3.2, of
// the values themselves (no ranks), on half chains about their own means, with the scatter of those means added: chains
// that disagree have few.
//     rho_t = 1 - (c_0 - c_t) / (c_0 + B / length), c_t = mean autocovariance of a half, 1 / (length - t)
// They write W for the first c_0 and 1 / length in c_t, the same up to 1 / length, which makes short chains look better
// than independent; in c_0 - c_t the bias of the means cancels (the variogram of Gelman et al., Bayesian Data Analysis
// (2013), eq. 11.7).
//
// Both sums end by the initial monotone sequence (Geyer, Statistical Science 7, 473 (1992), section 3.3): of a
// reversible chain rho_2k + rho_2k+1 is positive and falls with k. It takes alternating chains, where a window in units
// of tau would close at once, and it closes by itself where noise begins.
// Check: x' = phi x + noise has tau = (1 + phi) / (1 - phi).

#include "statistics_parts.h"

#include "base/gsl_guard.h"

#include <gsl/gsl_fft_complex.h>
#include <math.h>
#include <stdlib.h>

// Equal pieces of every chain: the whole of it (per_chain 1), or its first and its last half (2; an odd draw in the
// middle is left out).
struct pieces {
    const struct series *series;
    size_t per_chain, length, count;
};

enum { PASSES = 4, PAIRS_LEAST = 8 };

static struct pieces pieces_of(const struct series *series, size_t per_chain)
{
    return (struct pieces){ series, per_chain, series->draws / per_chain, series->chains * per_chain };
}

static const double *piece(const struct pieces *pieces, size_t p)
{
    const size_t chain = p / pieces->per_chain, part = p % pieces->per_chain;
    return pieces->series->values + chain * pieces->series->draws + part * (pieces->series->draws - pieces->length);
}

// Mean of every piece, minus `origin`.
static void piece_means(const struct pieces *pieces, double origin, double *mean)
{
    for (size_t p = 0; p < pieces->count; p++) {
        const double *x = piece(pieces, p);
        double sum = 0;
        for (size_t t = 0; t < pieces->length; t++)
            sum += x[t] - origin;
        mean[p] = sum / (double)pieces->length;
    }
}

// Scratch of the transforms: n complex numbers, a power of two >= 2 * length, so that the correlations do not wrap
// around.
struct transform {
    size_t n;
    double *work, *power;
    gsl_fft_complex_wavetable *table;
    gsl_fft_complex_workspace *space;
};

static void transform_finish(struct transform *transform)
{
    free(transform->work);
    free(transform->power);
    if (transform->table)
        gsl_fft_complex_wavetable_free(transform->table);
    if (transform->space)
        gsl_fft_complex_workspace_free(transform->space);
}

static bool transform_init(struct transform *transform, size_t length)
{
    size_t n = 2;
    while (n < 2 * length)
        n *= 2;
    *transform = (struct transform){ .n = n,
                                     .work = calloc(2 * n, sizeof(double)),
                                     .power = calloc(n, sizeof(double)),
                                     .table = gsl_fft_complex_wavetable_alloc(n),
                                     .space = gsl_fft_complex_workspace_alloc(n) };
    return transform->work && transform->power && transform->table && transform->space;
}

// Adds the power of pieces p and p + 1: as real and imaginary part of one transform they give the sum of their
// autocovariances.
static void transform_add(struct transform *transform, const struct pieces *pieces, size_t p, double origin,
                          const double *mean)
{
    double *work = transform->work;
    for (size_t i = 0; i < 2 * transform->n; i++)
        work[i] = 0;
    for (size_t part = 0; part < 2 && p + part < pieces->count; part++) {
        const double *x = piece(pieces, p + part), own = mean ? mean[p + part] : 0;
        for (size_t t = 0; t < pieces->length; t++)
            work[2 * t + part] = (x[t] - origin) - own;
    }
    gsl_fft_complex_forward(work, 1, transform->n, transform->table, transform->space);
    for (size_t i = 0; i < transform->n; i++)
        transform->power[i] += work[2 * i] * work[2 * i] + work[2 * i + 1] * work[2 * i + 1];
}

// sum[t] = sum over pieces and i of d_i d_(i+t), t < length; d about `origin`, and about the piece's own mean where
// `mean` is given.
static bool covariance_sums(const struct pieces *pieces, double origin, const double *mean, double *sum)
{
    struct transform transform;
    gsl_guard_begin();
    const bool ready = transform_init(&transform, pieces->length);
    if (ready) {
        for (size_t p = 0; p < pieces->count; p += 2)
            transform_add(&transform, pieces, p, origin, mean);
        for (size_t i = 0; i < transform.n; i++) {
            transform.work[2 * i] = transform.power[i];
            transform.work[2 * i + 1] = 0;
        }
        gsl_fft_complex_forward(transform.work, 1, transform.n, transform.table, transform.space);
        for (size_t t = 0; t < pieces->length; t++)
            sum[t] = transform.work[2 * t] / (double)transform.n;
    }
    transform_finish(&transform);
    gsl_guard_end();
    return ready;
}

// From sums to means over the pairs.
static void covariances(const struct pieces *pieces, double *sum)
{
    for (size_t t = 0; t < pieces->length; t++)
        sum[t] /= (double)pieces->count * (double)(pieces->length - t);
}

// Lags with pairs enough to mean something.
static size_t lags_of(const struct pieces *pieces)
{
    size_t lags = pieces->length;
    while (lags > 1 && pieces->count * (pieces->length - lags + 1) < PAIRS_LEAST)
        lags--;
    return lags;
}

// rho_t = scale * covariance[t] + shift for 0 < t < lags, rho_0 = 1.
struct correlations {
    const double *covariance;
    size_t lags;
    double scale, shift;
};

static double correlation(const struct correlations *rho, size_t t)
{
    return t ? rho->scale * rho->covariance[t] + rho->shift : 1;
}

struct window {
    double tau;      // 1 + 2 sum rho_t
    double tapered;  // 1 + 2 sum (1 - t / n) rho_t = V C n / g0
    double width;    // 1 + 2 sum (1 - t / n): C n / width independent values' worth of information on V
};

static struct window initial_monotone(const struct correlations *rho, size_t length)
{
    struct window window = { -1, -1, -1 };
    const double n = (double)length;
    double last = INFINITY;
    size_t t = 0;
    for (; t < rho->lags; t += 2) {
        const bool whole = t + 1 < rho->lags;  // else the last lag stands alone
        const double even = correlation(rho, t), odd = whole ? correlation(rho, t + 1) : 0, pair = even + odd;
        if (!(pair > 0))
            break;
        const double shrink = pair > last ? last / pair : 1, taper = 1 - (double)t / n, next = taper - 1 / n;
        last = shrink * pair;
        window.tau += 2 * last;
        window.tapered += 2 * shrink * (taper * even + next * odd);
        window.width += 2 * (taper + (whole ? next : 0));
    }
    const double rest = t < rho->lags ? fmax(correlation(rho, t), 0) : 0;  // half of it balances an alternating sum
    window.tau += rest;
    window.tapered += (1 - (double)t / n) * rest;
    window.width = fmax(window.width, 1);
    return window;
}

// No fewer than values / log10(values) for one that is better than independent (Vehtari et al., section 3.2).
static double tau_bounded(double tau, double values) { return fmax(tau, 1 / fmax(log10(values), 1)); }

// covariance[t]: sums about the common mean.
static void tau_fill(const struct pieces *whole, double *covariance, struct statistics *out)
{
    const double values = (double)(whole->count * whole->length);
    covariances(whole, covariance);
    struct window window = { 1, 1, 1 };
    double variance = 0, tau = 1;  // V
    for (int pass = 0; pass < PASSES; pass++) {
        const double g0 = covariance[0] + variance;
        window = initial_monotone(&(struct correlations){ covariance, lags_of(whole), 1 / g0, variance / g0 },
                                  whole->length);
        tau = tau_bounded(window.tau, values);
        const double correlated = tau_bounded(window.tapered, values);
        variance = covariance[0] * correlated / fmax(values - correlated, values / 2);  // from g0 = c_0 + V
    }
    out->autocorrelation_time = tau * (double)whole->series->block;
    out->error_autocorrelation = statistics_student(fmax(values / window.width - 1, 1)) * sqrt(variance);
}

// covariance[t]: sums over half chains about their own means mean[].
static double effective_samples(const struct pieces *halves, double *covariance, const double *mean)
{
    const double count = (double)halves->count, length = (double)halves->length;
    double sum = 0, square = 0;
    for (size_t p = 0; p < halves->count; p++)
        sum += mean[p];
    for (size_t p = 0; p < halves->count; p++)
        square += (mean[p] - sum / count) * (mean[p] - sum / count);
    covariances(halves, covariance);
    const double all = covariance[0] + square / (count - 1);
    const struct correlations rho = { covariance, lags_of(halves), 1 / all, 1 - covariance[0] / all };
    return count * length / tau_bounded(initial_monotone(&rho, halves->length).tau, count * length);
}

bool statistics_autocorrelate(const struct series *series, double mean, struct statistics *out, struct error *error)
{
    const struct pieces whole = pieces_of(series, 1), halves = pieces_of(series, 2);
    double *covariance = calloc(series->draws, sizeof *covariance), *means = calloc(halves.count, sizeof *means);
    bool ok = covariance && means && covariance_sums(&whole, mean, NULL, covariance);
    if (ok) {
        tau_fill(&whole, covariance, out);
        out->effective_samples = (double)(series->chains * series->draws) * (double)series->block /
                                 out->autocorrelation_time;
    }
    if (ok && series->draws >= 4) {
        piece_means(&halves, mean, means);
        ok = covariance_sums(&halves, mean, means, covariance);
        if (ok)
            out->effective_samples = effective_samples(&halves, covariance, means);
    }
    free(covariance);
    free(means);
    return ok || error_add(error, ERROR_INTERNAL, "out of memory for the autocorrelations of %zu chains of %zu values",
                           series->chains, series->draws);
}
