// SPDX-License-Identifier: GPL-3.0-or-later
// Means with honest errors from correlated series of many walkers (docs/theory.md, section 5).
#ifndef VMC_STATISTICS_H
#define VMC_STATISTICS_H

#include "vmc/error.h"

#include <stdbool.h>
#include <stddef.h>

// values[c * draws + t]: draw t of chain c. Every value is itself the mean over `block` consecutive draws.
struct series {
    size_t chains, draws, block;
    const double *values;
};

struct statistics {
    double mean;
    double error;     // standard error of the mean, correlations included (reblocking over all chains); with few blocks
                      // widened by Student's factor, so that mean +- error holds the truth in 68.27 % of
                      // runs
    double variance;  // of the values as they stand in the series
    double autocorrelation_time;   // integrated, in draws, from the autocovariances: that of the values times `block`
    double error_autocorrelation;  // error of the mean from the autocorrelation time: the cross-check
    double effective_samples;      // of the mean, Vehtari et al. (2021), on half chains
    double r_hat;  // rank-normalised split-R-hat, Vehtari et al. (2021); NAN for fewer than 4 draws per chain, 1 for a
                   // constant series, INFINITY where every half chain stands still at another value
    size_t worst_chain;     // its mean is the furthest from the median of all chain means:
    double worst_distance;  // by so many (robust) standard deviations of a chain mean; 0 for fewer than 16 chains
    size_t level;           // blocks of 2^level values gave the error
    bool plateau;  // the blocking test found a plateau; else `error` is that of the largest blocks: the scatter of
                   // whole chains where there are 4 or more of them
};

// Any number of chains >= 1 and draws >= 1. Constant series (and single values) give error 0. Errors only for lack of
// memory. Non-finite values are the caller's to keep out; they give NAN everywhere. Some 40 bytes of scratch per value.
bool statistics_analyse(const struct series *series, struct statistics *out, struct error *error);
// mean, variance, error, level and plateau alone, at a fraction of the cost; the rest is NAN.
bool statistics_estimate(const struct series *series, struct statistics *out, struct error *error);

#endif
