// SPDX-License-Identifier: GPL-3.0-or-later
// Steps follow from derivatives: the metric knows by how much the wave function changes to first order in them. How far
// that holds is seen on the walkers, for which ln psi is known before the step, after it, and after its opposite: from
// the parts that are linear and quadratic in it. Where the quadratic part is not small the shift of the metric grows,
// which shortens steps along the directions that hardly change ln psi to first order, and where it is very small the
// shift falls, as in the method of Levenberg and Marquardt. A change so large that the walkers no longer stand for the
// new wave function is not taken at all: of n of them exp(-4 v) n are worth counting, v the variance of the change of
// ln psi.
//
// The slope of the energy at the end of a step is that by the gradient of the next iteration, which owes nothing to the
// noise in the step. Where nothing is left but noise, such slopes have mean 0 or less (Pflug, Monatsh. Math. 110, 297
// (1990); Chee and Toulis, AISTATS 2018, arXiv:1710.06382).
#include "run/trust.h"

#include <math.h>

// Quadratic over linear part: beyond which the step is not taken, the shift grows, or falls; and by what, within
// limits.
static const double hopeless = 1, too_long = 0.5, too_short = 0.15, grow = 1.5, shrink = 0.7, damping_most = 1e3,
                    damping_least = 1e-2;
static const double change_most = 0.15;  // variance of ln psi's change
enum { SHORTENED_MOST = 16 };
// Variance of ln psi's change that may be rounding: below, there is nothing to compare.
static const double rounding = 1e-24;

double trust_slope(const struct run *run)
{
    double sum = 0;
    for (size_t k = 0; k < run->ensemble.wavefunction.n_parameters; k++)
        sum -= run->gradient[k] * (run->theta[k] - run->good_theta[k]);
    return run->training.fresh > 0 ? sum : NAN;
}

// The step and its opposite.
static bool tried(struct run *run, struct ensemble_strain *strain)
{
    double *back = run->step_back;
    for (size_t k = 0; k < run->ensemble.wavefunction.n_parameters; k++)
        back[k] = 2 * run->good_theta[k] - run->theta[k];
    if (!ensemble_foresee(&run->ensemble, back) || !ensemble_take(&run->ensemble, run->theta))
        return false;
    *strain = ensemble_strain(&run->ensemble);
    return isfinite(strain->linear + strain->quadratic);
}

static void damp(struct training *training, double factor)
{
    training->damping = fmax(damping_least, fmin(damping_most, factor * training->damping));
}

static void halve(struct run *run)
{
    const struct optimizer_type *type = optimizer_type_at(settings_index(run->settings, SETTINGS_OPTIMIZER));
    for (size_t k = 0; k < run->ensemble.wavefunction.n_parameters; k++) {
        run->theta[k] = 0.5 * (run->theta[k] + run->good_theta[k]);
        if (type->remembers_step)
            run->memory[k] *= 0.5;
    }
}

bool trust_take(struct run *run)
{
    for (int k = 0; k < SHORTENED_MOST; k++) {
        struct ensemble_strain strain;
        const bool good = tried(run, &strain);
        const double ratio = good ? sqrt(strain.quadratic / fmax(strain.linear, rounding)) : INFINITY;
        if (good && ratio < hopeless && strain.linear + strain.quadratic < change_most) {
            damp(&run->training, ratio > too_long ? grow : ratio < too_short ? shrink : 1);
            return true;
        }
        halve(run);
        damp(&run->training, 2);
        if (run->metric.room == 0)
            run->training.shortened *= 0.5;  // no shift shortens its steps
        if (!ensemble_take(&run->ensemble, run->good_theta))
            return false;
    }
    return false;
}

// A mode of energy gap D shrinks by 1 - rate D per step, noise and all, and so does the slope along the step: below -1
// it grows and swings from side to side.
static const double turned = -0.8;
enum { OVERSHOOT_STEPS = 8 };

bool trust_overshoots(const struct history *history, size_t since)
{
    double expected = 0, found = 0;
    if (history->n < since + OVERSHOOT_STEPS + 1)
        return false;
    for (size_t k = history->n - OVERSHOOT_STEPS; k < history->n; k++)
        if (isfinite(history->expected[k]) && isfinite(history->slope[k])) {
            expected += history->expected[k];
            found += history->slope[k];
        }
    return found < turned * expected;
}

struct trust_gain trust_gain(const struct history *history, size_t window, size_t since)
{
    struct trust_gain gain = { 0, INFINITY, 0 };
    const size_t half = (history->n - since) / 2, first = history->n - (half > window ? half : window);
    double sum = 0, sum2 = 0;
    if (history->n < since + window)
        return gain;
    for (size_t k = first; k < history->n; k++)
        if (isfinite(history->slope[k])) {
            sum += history->slope[k];
            sum2 += history->slope[k] * history->slope[k];
            gain.n++;
        }
    if (2 * gain.n < window)
        return gain;
    const double n = (double)gain.n;
    gain.mean = sum / n;
    gain.error = sqrt(fmax(0, sum2 / n - gain.mean * gain.mean) / (n - 1));
    return gain;
}
