// SPDX-License-Identifier: GPL-3.0-or-later
#include "run/course.h"

#include "run/metric_size.h"

#include <math.h>

double course_rate(const struct settings_optimizer *optimizer, double rate, size_t iteration)
{
    const double t = (double)iteration;
    if (optimizer->schedule == SCHEDULE_INVERSE)
        return rate / (1 + optimizer->decay * t);
    if (optimizer->schedule == SCHEDULE_COSINE)
        return rate * 0.5 * (1 + cos(3.141592653589793 * t / (double)optimizer->iterations));
    return rate;
}

double course_norm(size_t n, const double *v)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += v[k] * v[k];
    return sqrt(sum);
}

void course_clip(double most, size_t n, double *v)
{
    const double length = course_norm(n, v);
    for (size_t k = 0; most > 0 && length > most && k < n; k++)
        v[k] *= most / length;
}

void course_average(size_t n, double *mean, const double *value, size_t count, size_t window)
{
    const double weight = 1.0 / (double)(count < window ? count + 1 : window);
    for (size_t k = 0; k < n; k++)
        mean[k] += weight * (value[k] - mean[k]);
}

size_t course_memory(size_t count, size_t window, bool quiet)
{
    enum { SHARE = 4, MOST = 100 };
    const size_t quarter = count / SHARE < MOST ? count / SHARE : MOST;
    return quiet ? 1 + quarter : quarter > window ? quarter : window;
}

bool course_exploded(const struct history *history, double mean, double variance)
{
    if (history->n == 0)
        return false;
    const double last = history->energy[history->n - 1], spread = history->estimator_variance[history->n - 1];
    // where control variates leave no spread at all, a rise that is small beside the energy is no explosion
    const double least = sqrt(spread) + 20 * history->energy_error[history->n - 1] + 1e-4 * fabs(last);
    return mean - last > least && variance > 10 * spread;
}

bool course_on_plateau(const struct history *history, size_t window, size_t since)
{
    double mean[2] = { 0 }, spread[2] = { 0 };
    if (history->n < since + 2 * window)
        return false;
    for (size_t half = 0; half < 2; half++) {
        const double *energy = history->energy + history->n - 2 * window + half * window;
        for (size_t k = 0; k < window; k++)
            mean[half] += energy[k] / (double)window;
        for (size_t k = 0; k < window; k++)
            spread[half] += (energy[k] - mean[half]) * (energy[k] - mean[half]) / (double)(window * (window - 1));
    }
    return mean[0] - mean[1] < sqrt(spread[0] + spread[1]);
}

bool course_gains_little(const struct history *history, const struct trust_gain *gain)
{
    const double energy = fabs(history->energy[history->n - 1]), noise = history->energy_error[history->n - 1];
    const double little = fmax(1e-7 * energy, fmin(3e-5 * energy, 0.3 * noise));
    return (gain->mean + 2 * gain->error) * (double)history->n < little;
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

// Iterations that so many directions take before the samples grow. Where there are more of them than the metric has
// samples, more iterations lead nowhere; and where iterations run out, fewer have to do.
static size_t hasty(size_t directions)
{
    enum { SHARE = 4, MOST = 250 };
    return smaller(directions / SHARE, MOST);
}
static size_t coarse_patience(size_t directions, bool patient)
{
    enum { SHARE = 3, MOST = 500 };
    return patient && directions <= METRIC_SAMPLES_LEAST ? smaller(directions / SHARE, MOST) : hasty(directions);
}

// And after.
static size_t fine_patience(size_t directions, bool patient)
{
    enum { SHARE = 10, MOST = 80, MOST_OF_MANY = 240 };
    const size_t many = directions / (patient ? 10 : 20);
    return larger(smaller(directions / SHARE, MOST), smaller(many, MOST_OF_MANY));
}

bool course_is_early(size_t directions, bool patient, size_t done, bool fine)
{
    return done < (fine ? fine_patience(directions, patient) : coarse_patience(directions, patient));
}

bool course_is_late(size_t directions, bool patient, size_t done, size_t left)
{
    enum { WORTH_IT = 24 };
    const size_t last = fine_patience(directions, patient);
    return last >= WORTH_IT && left <= last && done >= hasty(directions);
}

// Where a valley ends has nothing to do with how long it was: no more iterations than these.
enum { FALL_MOST = 240 };

static struct course_fall fall_of(const struct history *history, size_t window, size_t since, size_t most)
{
    struct course_fall fall = { 0, INFINITY, 0 };
    if (history->n < since + window || window < 3)
        return fall;
    const size_t half = (history->n - since) / 2, last = smaller(half, most), n = larger(last, window);
    const double *energy = history->energy + history->n - n, middle = 0.5 * (double)(n - 1), count = (double)n,
                 spread = count * (count * count - 1) / 12;
    double mean = 0, slope = 0, left = 0;
    for (size_t k = 0; k < n; k++)
        mean += energy[k] / count;
    for (size_t k = 0; k < n; k++)
        slope += ((double)k - middle) * (energy[k] - mean) / spread;
    for (size_t k = 0; k < n; k++) {
        const double off = energy[k] - mean - ((double)k - middle) * slope;
        left += off * off / (count - 2);
    }
    return (struct course_fall){ -slope * count, sqrt(left / spread) * count, n };
}

struct course_fall course_fall(const struct history *history, size_t window, size_t since)
{
    return fall_of(history, window, since, FALL_MOST);
}

struct course_fall course_long_fall(const struct history *history, size_t window, size_t since)
{
    return fall_of(history, window, since, history->n);
}

bool course_falls_little(const struct history *history, const struct course_fall *fall, double part)
{
    return fall->n > 0 && fmax(0, fall->gain) + 2 * fall->error < part * fabs(history->energy[history->n - 1]);
}

bool course_falls_on(const struct history *history, const struct course_fall *fall, double part)
{
    const double further = (double)history->n / (double)fall->n;
    return fall->n > 0 && fall->gain > 2 * fall->error &&
           further * (fall->gain + 2 * fall->error) > part * fabs(history->energy[history->n - 1]);
}

bool course_hides_fall(const struct history *history, const struct course_fall *fall, double part)
{
    return fall->n >= FALL_MOST && 2 * fall->error >= part * fabs(history->energy[history->n - 1]);
}

// The variance in units of the energy's square.
static double share_of_variance(const struct history *history, size_t k)
{
    return history->estimator_variance[k] / (history->energy[k] * history->energy[k]);
}

bool course_vanishes(const struct history *history, size_t since)
{
    enum { BACK = 4 };
    if (history->n < since + BACK + 1)
        return false;
    const double now = share_of_variance(history, history->n - 1);
    return now < 1e-9 && now > 1e-20 && now < 0.5 * share_of_variance(history, history->n - 1 - BACK);
}

bool course_is_quiet(const struct history *history)
{
    return history->n > 0 && share_of_variance(history, history->n - 1) < 1e-5;
}

bool course_is_exact(const struct history *history)
{
    return history->n > 0 && share_of_variance(history, history->n - 1) < 1e-12;
}

bool course_swings(const struct history *history, size_t since)
{
    size_t lowest = since;
    const size_t last = history->n - 1;
    for (size_t k = since; k < last; k++)
        if (history->energy[k] < history->energy[lowest])
            lowest = k;
    const double noise = hypot(history->energy_error[last], history->energy_error[lowest]);
    return last > since &&
           history->energy[last] - history->energy[lowest] > 6 * noise + 1e-3 * fabs(history->energy[lowest]);
}
