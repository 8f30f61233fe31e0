// SPDX-License-Identifier: GPL-3.0-or-later
// A start that is grown: the lowest minimum found of a machine with one hidden unit less, and a unit added to it. As a
// unit without weights changes nothing, the minimum cannot lie higher; but such a unit is a stationary point too, so
// units with weights drawn at random are tried. Smaller machines cost so much less that all of theirs descend to the
// end.
#include "vmc/referee.h"

#include "base/memory.h"
#include "referee/parts.h"

#include <math.h>
#include <string.h>

// Candidates for a unit, and the iterations that the last unit's are tried for.
enum { CANDIDATES = 6, TRIED = 25 };

// theta of N units as that of N + 1, the last one with weights w_ij = sigma_i times normal numbers of this width, and
// weighed about as the rest is: b = -sum_i w_i (w_i/2 + a_i)/sigma_i^2.
static void add_unit(const struct referee *referee, double width, double (*uniform)(void *random), void *random,
                     const double *theta, double *larger)
{
    const size_t m = referee_coordinates(referee), n = referee_units_used(referee),
                 rest = referee_parameters(referee) - (m + n + m * n);
    double bias = 0;
    memcpy(larger, theta, (m + n) * sizeof *theta);
    for (size_t i = 0; i < m; i++) {
        const double sigma = referee_width(referee, theta, i),
                     w = width * sigma * sqrt(-2 * log(uniform(random))) * cos(6.283185307179586 * uniform(random));
        memcpy(larger + m + n + 1 + i * (n + 1), theta + m + n + i * n, n * sizeof *theta);
        larger[m + n + 1 + i * (n + 1) + n] = w;
        bias -= w * (0.5 * w + theta[i]) / (sigma * sigma);
    }
    larger[m + n] = bias;
    memcpy(larger + m + n + 1 + m * (n + 1), theta + m + n + m * n, rest * sizeof *theta);
}

// theta of N units without all but the first n.
static void keep_units(const struct referee *referee, size_t n, const double *theta, double *smaller)
{
    const size_t m = referee_coordinates(referee), hidden = referee_units_used(referee),
                 rest = referee_parameters(referee) - (m + hidden + m * hidden);
    memcpy(smaller, theta, (m + n) * sizeof *theta);
    for (size_t i = 0; i < m; i++)
        memcpy(smaller + m + n + i * n, theta + m + hidden + i * hidden, n * sizeof *theta);
    memcpy(smaller + m + n + m * n, theta + m + hidden + m * hidden, rest * sizeof *theta);
}

struct growth {
    struct referee *referee;
    const struct referee_descent *limits;
    double (*uniform)(void *random);
    void *random;
    double *theta, *candidate;
};

static bool descend(const struct growth *growth, size_t iterations, double *theta, double *energy)
{
    struct referee_descent descent = *growth->limits;
    descent.iterations = iterations < descent.iterations ? iterations : descent.iterations;
    const bool good = referee_descend(growth->referee, &descent, theta, NULL);
    *energy = descent.energy;
    return good && !descent.stopped;
}

// From the parameters of n units in `growth->theta` to those of n + 1: of the candidate that is lowest.
static bool add_best_unit(const struct growth *growth, size_t n, size_t iterations, double *lowest)
{
    double best = INFINITY, energy;
    for (int k = 0; k < CANDIDATES; k++) {
        const double width = exp(-1.5 + 2.5 * growth->uniform(growth->random));
        referee_use(growth->referee, n);
        add_unit(growth->referee, width, growth->uniform, growth->random, growth->theta, growth->candidate);
        referee_use(growth->referee, n + 1);
        if (descend(growth, iterations, growth->candidate, &energy) && energy < best) {
            best = energy;
            memcpy(lowest, growth->candidate, referee_parameters(growth->referee) * sizeof *lowest);
        }
    }
    return isfinite(best);
}

bool referee_grow(struct referee *referee, const struct referee_descent *limits, size_t first,
                  double (*uniform)(void *random), void *random, double *theta)
{
    const size_t hidden = referee_units_used(referee);
    struct growth growth = { referee,
                             limits,
                             uniform,
                             random,
                             memory_doubles(referee_parameters(referee)),
                             memory_doubles(referee_parameters(referee)) };
    double energy;
    bool good = growth.theta && growth.candidate;
    if (good)
        keep_units(referee, first < hidden ? first : hidden, theta, growth.theta);
    referee_use(referee, first < hidden ? first : hidden);
    good = good && descend(&growth, limits->iterations, growth.theta, &energy);
    for (size_t n = first; good && n < hidden; n++) {
        good = add_best_unit(&growth, n, n + 1 < hidden ? limits->iterations : TRIED, theta);
        if (good)
            memcpy(growth.theta, theta, referee_parameters(referee) * sizeof *theta);
    }
    referee_use(referee, hidden);
    memory_free(growth.theta);
    memory_free(growth.candidate);
    return good;
}
