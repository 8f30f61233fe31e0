// SPDX-License-Identifier: GPL-3.0-or-later
// Means with honest errors: puts together reblocking (reblock.c), the autocorrelation time (autocorrelation.c) and
// R-hat (rhat.c). values[chains][draws], as in vmc/statistics.h; docs/statistics.md says what each figure may be
// trusted for.
// Check: chains = 1, values 1 2 3 4: mean 2.5, variance 5/3.

#include "statistics_parts.h"

#include "base/gsl_guard.h"

#include <gsl/gsl_cdf.h>
#include <math.h>

// Sums are taken about the first value: exact for a constant series, and no digits are lost to a large offset.
static double mean_of(const struct series *series)
{
    const double origin = series->values[0];
    double sum = 0;
    for (size_t c = 0; c < series->chains; c++) {
        double chain = 0;
        for (size_t t = 0; t < series->draws; t++)
            chain += series->values[c * series->draws + t] - origin;
        sum += chain;
    }
    return origin + sum / (double)(series->chains * series->draws);
}

static double variance_of(const struct series *series, double mean)
{
    const size_t n = series->chains * series->draws;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (series->values[i] - mean) * (series->values[i] - mean);
    return n > 1 ? sum / (double)(n - 1) : 0;
}

static bool constant(const struct series *series)
{
    const size_t n = series->chains * series->draws;
    for (size_t i = 1; i < n; i++)
        if (series->values[i] != series->values[0])
            return false;
    return true;
}

double statistics_student(double freedom)
{
    // Beyond 1e4 the factor is 1 to 5e-5, and GSL's inverse loses more than that.
    if (!(freedom < 1e4))
        return 1;
    gsl_guard_begin();
    const double factor = gsl_cdf_tdist_Pinv(gsl_cdf_ugaussian_P(1), freedom);
    gsl_guard_end();
    return factor;
}

// What both entries begin with; *more: there is something to analyse further.
static bool estimate(const struct series *series, struct statistics *out, bool *more, struct error *error)
{
    const size_t n = series->chains * series->draws;
    *out = (struct statistics){ .mean = mean_of(series),
                                .effective_samples = (double)n,
                                .r_hat = series->draws < 4 ? NAN : 1,
                                .autocorrelation_time = (double)series->block };
    *more = !constant(series);
    if (!*more) {
        out->plateau = n > 1;
        return true;
    }
    out->variance = variance_of(series, out->mean);
    if (!isfinite(out->variance)) {  // not our contract, but a caller's slip must end in NAN and not in a number
        *more = false;
        out->error = out->error_autocorrelation = out->autocorrelation_time = out->effective_samples = out->r_hat =
            out->worst_distance = NAN;
        return true;
    }
    return statistics_reblock(series, out->mean, out, error);
}

bool statistics_estimate(const struct series *series, struct statistics *out, struct error *error)
{
    bool more;
    const bool good = estimate(series, out, &more, error);
    out->error_autocorrelation = out->autocorrelation_time = out->effective_samples = out->r_hat = out->worst_distance =
        NAN;
    return good;
}

bool statistics_analyse(const struct series *series, struct statistics *out, struct error *error)
{
    bool more;
    if (!estimate(series, out, &more, error))
        return false;
    return !more ||
           (statistics_autocorrelate(series, out->mean, out, error) && statistics_mix(series, out->mean, out, error));
}
