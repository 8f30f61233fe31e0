// SPDX-License-Identifier: GPL-3.0-or-later
// How a training goes, read from its history, and what its steps are made of: functions of their arguments alone.
#ifndef VMC_RUN_COURSE_H
#define VMC_RUN_COURSE_H

#include "run/state.h"
#include "run/trust.h"

// The learning rate of an iteration.
double course_rate(const struct settings_optimizer *optimizer, double rate, size_t iteration);
// |v|, and v shortened to length `most` where it is longer; 0: never.
double course_norm(size_t n, const double *v);
void course_clip(double most, size_t n, double *v);
// One step of a running mean with a memory of `window` values, `count` of which are in it already.
void course_average(size_t n, double *mean, const double *value, size_t count, size_t window);
// The window for parameters that scatter about a slow drift: a quarter of those in the mean so far, at least `window`
// and at most 100 ("polynomial-decay averaging": Shamir and Zhang, ICML 2013, arXiv:1212.1824). Where there is next to
// no noise, one more than a quarter: what came first soon counts for nothing.
size_t course_memory(size_t count, size_t window, bool quiet);

// A step that went much too far: the energy has risen to `mean`, by more than its spread (of the controlled estimator,
// whose variance is finite) and by far more than the noise, and the spread itself has grown to `variance`.
bool course_exploded(const struct history *history, double mean, double variance);
// Whether the energy no longer falls: means of the last two windows since iteration `since`, the later one no lower
// than the earlier by more than the error of their difference, as the scatter within them gives it.
bool course_on_plateau(const struct history *history, size_t window, size_t since);
// Whether what would be gained in as many iterations again is a small part of the energy, or of the noise of one
// iteration where that is less.
bool course_gains_little(const struct history *history, const struct trust_gain *gain);
// Noise forbids long steps along directions in which psi changes little, and with many parameters there are many: a
// training that goes through all of them takes so many iterations at least before its samples grow, and some more with
// the samples that let it see them (`fine`; `done` counts from there). `patient`: more of both, where units are few
// enough for each to have a task of its own (run/revive.h).
bool course_is_early(size_t directions, bool patient, size_t done, bool fine);
// Whether the iterations that are left are those that should have more samples, come what may: with many parameters the
// noise of the steps alone raises the energy by a part in a thousand.
bool course_is_late(size_t directions, bool patient, size_t done, size_t left);
// What the energy itself would fall by in as many iterations again as the last half of those since `since` (`window` at
// least, 240 at most), by a straight line through them; the error is that of their scatter about it. n 0: there are too
// few.
struct course_fall {
    double gain, error;
    size_t n;
};
struct course_fall course_fall(const struct history *history, size_t window, size_t since);
// The same over half of the iterations, however many these are: of slow falls it knows more.
struct course_fall course_long_fall(const struct history *history, size_t window, size_t since);
// Whether that is a small part of the energy, two errors allowed for.
bool course_falls_little(const struct history *history, const struct course_fall *fall, double part);
// Whether it falls by more than two errors, and may fall by more than that part of the energy in as many iterations
// again as there were, two errors allowed for.
bool course_falls_on(const struct history *history, const struct course_fall *fall, double part);
// Whether noise hides it, however still the energy stands: more iterations like the last 240 will not tell.
bool course_hides_fall(const struct history *history, const struct course_fall *fall, double part);
// Whether the wave function comes to an exact one: the estimator's variance is below 1e-9 of the square of the energy,
// above 1e-20 of it, and less than half of what it was four iterations ago, the first of them after `since`.
bool course_vanishes(const struct history *history, size_t since);
// Whether that variance is below 1e-5 of it: hardly any noise is left in the gradient.
bool course_is_quiet(const struct history *history);
// Whether that variance is below 1e-12 of the square of the energy: the last parameters are then better than any mean.
bool course_is_exact(const struct history *history);
// Whether the last energy is above the lowest one since iteration `since` by more than noise explains (the lowest of a
// thousand lies three standard errors low).
bool course_swings(const struct history *history, size_t since);

#endif
