// SPDX-License-Identifier: GPL-3.0-or-later
// The checks behind a verdict, one function each. A bound is chosen so that good runs stay within it: false alarms are
// counted in tests/unit/test_judge.c.
#include "vmc/judge.h"

#include "vmc/run.h"
#include "vmc/statistics.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct judge {
    const struct run_evidence *evidence;
    const struct run_result *result;
    struct run_judgement *judgement;
    struct statistics series;  // of the energy, where there is a series
    size_t n_stuck;
    bool constant;  // the energy is the same everywhere, as for an exact state: what scatters is rounding
};

const char *run_verdict_name(enum run_verdict verdict)
{
    static const char *const names[] = { "", "good", "doubtful", "bad" };
    return names[verdict];
}

static void find(struct judge *judge, enum run_verdict verdict, const char *name, const char *remedy,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));
static void find(struct judge *judge, enum run_verdict verdict, const char *name, const char *remedy,
                 const char *format, ...)
{
    struct run_judgement *judgement = judge->judgement;
    va_list arguments;
    if (judgement->verdict < verdict)
        judgement->verdict = verdict;
    if (judgement->n == FINDINGS_MOST)
        return;
    struct run_finding *finding = &judgement->finding[judgement->n++];
    *finding = (struct run_finding){ .verdict = verdict, .name = name, .remedy = remedy };
    va_start(arguments, format);
    vsnprintf(finding->what, sizeof finding->what, format, arguments);
    va_end(arguments);
}

static enum run_verdict worse_if(bool bad) { return bad ? VERDICT_BAD : VERDICT_DOUBTFUL; }

// ---- the numbers

static void check_finite(struct judge *judge)
{
    const struct run_result *result = judge->result;
    if (result->n_bad > 0)
        find(judge, worse_if(result->n_bad > 1e-3 * result->n_samples), "samples without a finite energy",
             "train with a smaller optimizer.learning_rate, or start from smaller weights (rbm.init_scale)",
             "%.0f of %.0f samples had no finite energy and were left out, so the average is not over all of |psi|^2",
             result->n_bad, result->n_samples);
}

static void check_bound(struct judge *judge)
{
    if (judge->result->no_bound)
        find(judge, VERDICT_DOUBTFUL, "no upper bound",
             "use factors that are symmetric under exchange of particles with the same spin",
             "a factor is not symmetric under exchange, so the energy may lie below that of any fermions");
}

// ---- the walkers

static void check_stuck(struct judge *judge)
{
    if (judge->n_stuck > 0)
        find(judge, VERDICT_BAD, "stuck walkers",
             "let the step be tuned (sampler.step = auto), or start walkers elsewhere with another run.seed",
             "%zu of %zu walkers never moved while measuring, so their energy counts as often as all that the others "
             "saw",
             judge->n_stuck, judge->evidence->chains);
}

// A walker that was somewhere odd for a few draws and came back is none apart: its own scatter explains its mean, or
// one value in four at most is odd, and its last value lies with the others.
static bool has_come_back(const struct judge *judge)
{
    const size_t n = judge->evidence->draws;
    const double *chain = judge->evidence->energy + judge->series.worst_chain * n;
    const double width = sqrt(judge->series.variance);
    double sum = 0, square = 0;
    size_t n_odd = 0;
    for (size_t t = 0; t < n; t++) {
        const double off = chain[t] - judge->series.mean;
        sum += off;
        square += off * off;
        n_odd += fabs(off) < 3 * width ? 0 : 1;
    }
    const double mean = sum / (double)n, scatter = fmax(0, square / (double)n - mean * mean),
                 last = fabs(chain[n - 1] - judge->series.mean);
    return (n >= 16 && fabs(mean) < 3 * sqrt(scatter / (double)n) && last < fabs(mean) + width) ||
           (n >= 4 && 4 * n_odd <= n && last < 3 * width);
}

// In 2,000 runs of good chains the largest distance was 6.6 robust deviations (docs/statistics.md), where chains are
// long. The mean of a short chain is as skewed as the energy itself: 14 was seen with 24 autocorrelation times in each.
static void check_lost(struct judge *judge)
{
    const double times = judge->evidence->draws_per_chain / fmax(1, judge->result->autocorrelation_time);
    const double far = judge->series.worst_distance, bound = 10 + 200 / fmax(1, times);
    if (far > bound && judge->n_stuck == 0 && !judge->constant && !has_come_back(judge))
        find(judge, worse_if(far > 2 * bound), "a walker apart from the others",
             "raise sampler.burn_in; if it comes back, the wave function grows somewhere far out",
             "walker %zu has a mean energy %.0f standard deviations from the middle of all: it diverges, or sits where "
             "no other went",
             judge->series.worst_chain, far);
}

// What good chains may show: their length in correlation times, and the scatter of a variance between so many of them.
// Chains of less than 50 times are no longer good ones, however well that explains their R-hat.
static double r_hat_bound(const struct judge *judge)
{
    const double chains = (double)judge->evidence->chains, values = fmax(1, (double)judge->evidence->draws / 2);
    const double slow = fmin(0.04, 2 * judge->result->autocorrelation_time / fmax(1, judge->evidence->draws_per_chain));
    return 1.01 + slow + 5 / sqrt(4 * fmax(1, chains)) / values;
}

static void check_agreement(struct judge *judge)
{
    const double r_hat = judge->result->r_hat, bound = r_hat_bound(judge);
    if (r_hat > bound && judge->n_stuck == 0 && !judge->constant)
        find(judge, worse_if(r_hat > 1 + 3 * (bound - 1)), "walkers disagree",
             "raise sampler.burn_in, and measure.samples so that every walker goes everywhere",
             "R-hat is %.3f, and chains of this length that sample the same distribution stay below %.3f: they have "
             "not forgotten where they began, or "
             "each stays in a part of its own",
             r_hat, bound);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Best separation of the sorted means into two groups, in standard deviations within them. A bell has 2.7 at its
// middle, a box 3.5.
static double separation(size_t n, const double *sorted, size_t *lower)
{
    double best = 0, sum = 0, square = 0, all = 0, all_square = 0;
    for (size_t k = 0; k < n; k++) {
        const double x = sorted[k] - sorted[0];
        all += x;
        all_square += x * x;
    }
    for (size_t k = 1; k < n; k++) {
        const double x = sorted[k - 1] - sorted[0], a = (double)k, b = (double)(n - k);
        sum += x;
        square += x * x;
        if (k < 2 + n / 20 || n - k < 2 + n / 20)  // a few outliers are no group
            continue;
        const double within = square - sum * sum / a + (all_square - square) - (all - sum) * (all - sum) / b;
        const double apart = ((all - sum) / b - sum / a) / sqrt(fmax(within, 1e-300) / (double)(n - 2));
        if (apart > best) {
            best = apart;
            *lower = k;
        }
    }
    return best;
}

static void check_modes(struct judge *judge)
{
    enum { CHAINS_LEAST = 16 };
    const struct run_evidence *evidence = judge->evidence;
    const size_t n = evidence->chains, draws = evidence->draws;
    size_t lower = 0;
    const bool asked = n >= CHAINS_LEAST && judge->n_stuck == 0 && !judge->constant;
    double *mean = asked ? calloc(n, sizeof *mean) : NULL;
    if (!mean)
        return;
    for (size_t c = 0; c < n; c++)
        for (size_t t = 0; t < draws; t++)
            mean[c] += evidence->energy[c * draws + t] / (double)draws;
    qsort(mean, n, sizeof *mean, by_value);
    const double apart = separation(n, mean, &lower);
    if (apart > 6)
        find(judge, VERDICT_BAD, "two groups of walkers",
             "raise sampler.burn_in and sampler.thin, or start again with another run.seed: walkers do not cross",
             "%zu walkers have energies clearly below those of the other %zu: |psi|^2 has two parts, and nothing says "
             "how much each should count",
             lower, n - lower);
    free(mean);
}

static void check_acceptance(struct judge *judge)
{
    const double acceptance = judge->result->acceptance;
    if (!judge->evidence->has_step || isnan(acceptance))
        return;
    if (acceptance < 0.15)
        find(judge, worse_if(acceptance < 0.02), "few moves accepted", "let the step be tuned: sampler.step = auto",
             "only %.2g %% of the moves were accepted: the step is too long, and walkers hardly move",
             100 * acceptance);
    if (acceptance > 0.97 && judge->result->autocorrelation_time > 10)
        find(judge, VERDICT_DOUBTFUL, "steps too short", "let the step be tuned: sampler.step = auto",
             "%.1f %% of the moves were accepted and draws are correlated over %.0f of them: walkers creep",
             100 * acceptance, judge->result->autocorrelation_time);
}

static void check_divergences(struct judge *judge)
{
    const struct run_result *result = judge->result;
    if (result->divergences > 1e-3 * result->n_samples)
        find(judge, VERDICT_DOUBTFUL, "divergent trajectories",
             "use a smaller sampler.step, or sampler.method = langevin",
             "%.0f trajectories gained or lost more energy than any that is followed well enough: they were rejected, "
             "and walkers may hardly come to where that happens",
             result->divergences);
}

static void check_swaps(struct judge *judge)
{
    if (judge->result->swap_acceptance < 0.05)
        find(judge, VERDICT_DOUBTFUL, "few exchanges between temperatures",
             "put more temperatures between those of sampler.temperatures",
             "between two neighbouring temperatures only %.2g %% of the exchanges were accepted: what is found at the "
             "higher ones hardly comes down",
             100 * judge->result->swap_acceptance);
}

// ---- the error bar

static void check_samples(struct judge *judge)
{
    const double effective = judge->result->effective_samples;
    if (effective < 400 && !judge->constant)
        find(judge, worse_if(effective < 100), "few effective samples", "raise measure.samples",
             "the samples are worth %.0f independent ones; below 400 the error bar itself is uncertain", effective);
}

static void check_errors(struct judge *judge)
{
    const struct run_result *result = judge->result;
    const double ratio = result->energy_error / result->autocorrelation_error, draws = judge->evidence->draws_per_chain;
    if (judge->constant || !(result->energy_error > 0))
        return;
    if (!result->plateau && !(draws >= 20 * result->autocorrelation_time))
        find(judge, VERDICT_DOUBTFUL, "short chains",
             "raise measure.samples, or use fewer sampler.walkers for the same samples",
             "each walker has %.0f draws, %.0f autocorrelation times, and blocks of no length are independent: the "
             "error bar may be too small",
             draws, draws / result->autocorrelation_time);
    else if (ratio > 1.5 || ratio < 1 / 2.0)
        find(judge, VERDICT_DOUBTFUL, "error bars disagree",
             "raise measure.samples; if they still disagree, look at the blocking curve with vmc plot",
             "reblocking gives %.2g times the error that the autocorrelation time gives: some correlation is longer "
             "than the other one sees",
             ratio);
}

// ---- physics

static void check_kinetic(struct judge *judge)
{
    const struct run_result *result = judge->result;
    const double apart = fabs(result->kinetic - result->kinetic_gradient),
                 error = hypot(result->kinetic_error, result->kinetic_gradient_error);
    if (judge->evidence->has_nodes || !(error > 0) || !(apart > 5 * error) || !(apart > 1e-9 * fabs(result->kinetic)))
        return;
    find(judge, worse_if(apart > 8 * error), "kinetic energies disagree", "raise sampler.burn_in and measure.samples",
         "the Laplacian and the gradient give kinetic energies %.1f standard errors apart, though both have the same "
         "mean under |psi|^2: that is not what was "
         "sampled",
         apart / error);
}

static void check_virial(struct judge *judge)
{
    const struct run_result *result = judge->result;
    const double apart = fabs(result->virial_ratio - 1);
    if (!judge->evidence->scalable || !judge->evidence->trained || !(apart > 0.02 + 5 * result->virial_ratio_error))
        return;
    find(judge, VERDICT_DOUBTFUL, "virial theorem", "train longer: raise optimizer.iterations",
         "2 <T> / <x dV/dx> is %.3f(%.0e) and not 1: stretching the wave function would lower its energy, so training "
         "is not at its end",
         result->virial_ratio, result->virial_ratio_error);
}

// Share of the energy that a better width would have to gain.
static const double WIDTH_GAIN = 0.02;

// Of E(s) = T e^2s + V e^-2s + …, psi stretched by e^-s, slope and curvature at s = 0 say how much the best s would
// gain: with the slope 2 T - <x dV/dx> = 2 T (1 - 1 / ratio) and the curvature 4 (T + V), what the pair force adds left
// out.
static void check_width(struct judge *judge)
{
    const struct run_result *result = judge->result;
    const double slope = 2 * result->kinetic * (1 - 1 / result->virial_ratio),
                 gain = slope * slope / (8 * (result->kinetic + result->trap));
    if (judge->evidence->scalable || judge->evidence->has_core || !judge->evidence->trained ||
        !(gain > WIDTH_GAIN * fabs(result->energy)))
        return;
    find(judge, VERDICT_DOUBTFUL, "width",
         "leave rbm.sigma and the like to auto, or train them: rbm.train_sigma, gaussian.train, slater.train",
         "2 <T> / <x dV/dx> is %.3g: the wave function, whose width is fixed, is too %s; stretching it would lower the "
         "energy by some %.2g hbar omega_0",
         result->virial_ratio, result->virial_ratio < 1 ? "wide" : "narrow", gain);
}

static void check_exact(struct judge *judge)
{
    const struct run_result *result = judge->result;
    const double exact = judge->evidence->exact, above = result->energy - exact;
    if (isnan(exact))
        return;
    if (above < -4 * result->energy_error - 1e-9 * fabs(exact) && !result->no_bound)
        find(judge, VERDICT_BAD, "below the exact energy",
             "measure again with another run.seed and more sampler.burn_in; if it stays, report it",
             "the energy lies %.1f standard errors below %.8g, which no wave function can",
             -above / result->energy_error, exact);
    if (above > 0.1 * fabs(exact))
        find(judge, VERDICT_DOUBTFUL, "far above the exact energy",
             "train longer, or with more rbm.hidden units or another factor (pade-jastrow)",
             "the energy is %.0f %% above the exact %.8g", 100 * above / fabs(exact), exact);
}

// 5 errors: in 1 of 2 million good runs, were errors normally distributed.
static void check_closed_form(struct judge *judge)
{
    const struct run_result *result = judge->result;
    const double exact = judge->evidence->closed_form, apart = result->energy - exact;
    if (!isfinite(exact) || fabs(apart) < 1e-9 * fmax(1, fabs(exact)) || !(fabs(apart) > 5 * result->energy_error))
        return;
    find(judge, VERDICT_BAD, "closed form",
         "measure again with more sampler.burn_in, or with sampler.temperatures, by which walkers find every part of "
         "|psi|^2; if it stays, report it",
         "the energy lies %.1f standard errors %s %.8g, that of this very wave function in closed form: samples or "
         "error "
         "bar are wrong",
         fabs(apart) / result->energy_error, apart > 0 ? "above" : "below", exact);
}

static void check_training(struct judge *judge)
{
    const struct run_result *result = judge->result;
    const double gain = result->training_gain;
    if (!judge->evidence->trained || !result->training_end)
        return;
    if (strcmp(result->training_end, "failed") == 0)
        find(judge, VERDICT_BAD, "training failed", "use a smaller optimizer.learning_rate or rbm.init_scale",
             "training met numbers that are not finite and no step back helped; what was measured is the last good "
             "wave function");
    else if (isfinite(gain) && gain > 5 * result->training_gain_error && gain > 3 * result->energy_error &&
             gain > 1e-3 * fabs(result->energy))
        find(judge, VERDICT_DOUBTFUL, "training not converged", "go on with --resume and more optimizer.iterations",
             "the energy still fell when training ended; as many iterations again may bring %.1g", gain);
    else if (!isfinite(gain) && strcmp(result->training_end, "iterations") == 0)
        find(judge, VERDICT_DOUBTFUL, "training not converged", "go on with --resume and more optimizer.iterations",
             "training did all iterations it was allowed, and nothing says that the energy no longer falls");
    // A training that ended converged has found its way back.
    if (strcmp(result->training_end, "converged") != 0 && result->steps_back > fmax(3, 0.05 * result->iterations))
        find(judge, VERDICT_DOUBTFUL, "training jumped", "use a smaller optimizer.learning_rate",
             "%.0f of %.0f training steps were undone since the energy jumped or was not finite", result->steps_back,
             result->iterations);
}

// ---- all of it

static void look_at_series(struct judge *judge)
{
    const struct run_evidence *evidence = judge->evidence;
    const struct series series = { evidence->chains, evidence->draws, 1, evidence->energy };
    if (evidence->chains * evidence->draws == 0 || !statistics_analyse(&series, &judge->series, NULL))
        return;
    for (size_t c = 0; c < evidence->chains && evidence->draws >= 4; c++) {
        const double *chain = evidence->energy + c * evidence->draws;
        size_t same = 1;
        while (same < evidence->draws && chain[same] == chain[0])
            same++;
        judge->n_stuck += same == evidence->draws;
    }
    judge->constant = !(judge->series.variance > 1e-20 * judge->series.mean * judge->series.mean);
    if (judge->constant)
        judge->n_stuck = 0;
}

void run_judge(const struct run_evidence *evidence, struct run_judgement *judgement)
{
    static void (*const checks[])(struct judge * judge) = {
        check_finite,     check_bound,       check_stuck, check_lost,        check_agreement, check_modes,
        check_acceptance, check_divergences, check_swaps, check_samples,     check_errors,    check_kinetic,
        check_virial,     check_width,       check_exact, check_closed_form, check_training
    };
    struct judge judge = { .evidence = evidence, .result = evidence->result, .judgement = judgement };
    judgement->verdict = VERDICT_GOOD;
    judgement->n = 0;
    look_at_series(&judge);
    for (size_t k = 0; k < sizeof checks / sizeof *checks; k++)
        checks[k](&judge);
}
