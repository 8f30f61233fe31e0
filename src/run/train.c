// SPDX-License-Identifier: GPL-3.0-or-later
// Training: per iteration a pass over all walkers, one step of the optimiser, and a look back where that step went wrong.
#include "run/run_parts.h"

#include <math.h>
#include <string.h>

enum { STEPS_BACK_IN_A_ROW_MOST = 12 };
// Energies of the last 2 PLATEAU_WINDOW iterations decide whether the energy still falls.
enum { PLATEAU_WINDOW = 60 };

static double scheduled_rate(const struct settings_optimizer *optimizer, double rate, size_t iteration)
{
    const double t = (double)iteration;
    if (optimizer->schedule == SCHEDULE_INVERSE)
        return rate / (1 + optimizer->decay * t);
    if (optimizer->schedule == SCHEDULE_COSINE)
        return rate * 0.5 * (1 + cos(3.141592653589793 * t / (double)optimizer->iterations));
    return rate;
}

static double norm(size_t n, const double *v)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += v[k] * v[k];
    return sqrt(sum);
}

// The pass of one iteration; false when its numbers cannot be used.
static bool look(struct run *run, size_t draws, struct ensemble_sums *sums)
{
    struct ensemble *ensemble = &run->ensemble;
    ensemble_pass(ensemble, draws, PASS_GRADIENT | PASS_CONTROLS, NULL, NULL, sums);
    ensemble_gradient(ensemble, sums->samples, run->gradient);
    const bool good = isfinite(norm(ensemble->wavefunction.n_parameters, run->gradient)) && isfinite(sums->energy2) && sums->bad <= 0.01 * sums->samples;
    run->result->n_bad += sums->bad;
    if (good) {
        ensemble_fit(ensemble);
        ensemble->reference += sums->energy / sums->samples;
    }
    return good;
}

static double variance(double sum, double sum2, double n) { return fmax(0, (sum2 - sum * sum / n) / n); }

// `reference` is the one the sums were taken with.
static void remember(struct run *run, const struct ensemble_sums *sums, double reference, double rate)
{
    struct history *history = &run->history;
    const size_t k = history->n, n = run->ensemble.wavefunction.n_parameters;
    const double walkers = (double)run->ensemble.n_walkers, mean = sums->energy / sums->samples;
    history->energy[k] = reference + mean;
    history->energy_error[k] = sqrt(fmax(0, sums->walker2 / walkers - mean * mean) / (walkers - 1));
    history->variance[k] = variance(sums->local, sums->local2, sums->samples);
    history->estimator_variance[k] = variance(sums->energy, sums->energy2, sums->samples);
    history->acceptance[k] = sums->accepted / sums->moves;
    history->gradient_norm[k] = norm(n, run->gradient);
    history->learning_rate[k] = rate;
    if (k % history->stride == 0)
        memcpy(history->parameters + history->n_kept++ * n, run->theta, n * sizeof *run->theta);
    history->n++;
}

// Mean energies of the last two windows, the later one no lower than the earlier by more than their error.
static bool on_plateau(const struct history *history)
{
    const size_t w = PLATEAU_WINDOW, n = history->n;
    double mean[2] = { 0 }, spread[2] = { 0 };
    if (n < 2 * w)
        return false;
    for (size_t half = 0; half < 2; half++) {
        const double *energy = history->energy + n - 2 * w + half * w;
        for (size_t k = 0; k < w; k++)
            mean[half] += energy[k] / (double)w;
        for (size_t k = 0; k < w; k++)
            spread[half] += (energy[k] - mean[half]) * (energy[k] - mean[half]) / (double)(w * (w - 1));
    }
    return mean[0] - mean[1] < 0.5 * sqrt(spread[0] + spread[1]);
}

static void step(struct run *run, size_t iteration, double rate)
{
    const struct optimizer_type *type = optimizer_type_at(run->settings->optimizer.method);
    type->step(run->settings->optimizer_state, run->ensemble.wavefunction.n_parameters, iteration, rate, run->gradient, run->memory, run->theta);
}

static void keep_good(struct run *run)
{
    memcpy(run->good_theta, run->theta, run->ensemble.wavefunction.n_parameters * sizeof *run->theta);
}

// Back to the last parameters that were fine, for a shorter step from there.
static void step_back(struct run *run)
{
    memcpy(run->theta, run->good_theta, run->ensemble.wavefunction.n_parameters * sizeof *run->theta);
    memset(run->memory, 0, run->n_memory * sizeof *run->memory);
    ensemble_take(&run->ensemble, run->theta);
    run->result->steps_back++;
}

// Parameters of one iteration scatter with the noise of its gradient: those used from here on are the mean over the last window, where the
// energy no longer falls.
static void average(struct run *run)
{
    const size_t n = run->ensemble.wavefunction.n_parameters;
    memcpy(run->theta, run->mean_theta, n * sizeof *run->theta);
    if (!ensemble_take(&run->ensemble, run->theta)) {
        memcpy(run->theta, run->good_theta, n * sizeof *run->theta);
        ensemble_take(&run->ensemble, run->theta);
    }
}

static void tell(const struct run *run, double seconds)
{
    const struct history *history = &run->history;
    const size_t k = history->n - 1, total = run->settings->optimizer.iterations;
    run_tell(run, &(struct run_progress){ RUN_TRAIN, history->n, total, history->energy[k], history->energy_error[k], history->variance[k],
                                          history->acceptance[k], seconds / (double)history->n * (double)(total - history->n) });
}

static bool give_up(struct run *run, struct error *error)
{
    run->result->stop_reason = "non-finite numbers";
    return error_add(error, ERROR_INTERNAL,
                     "training, iteration %zu: energies or gradients are not finite, even after %d steps back to the last good parameters; "
                     "use a smaller optimizer.learning_rate or another rbm.sigma. The last good state is saved.",
                     run->history.n + 1, STEPS_BACK_IN_A_ROW_MOST);
}

static bool retreat(struct run *run, size_t *backs, double *shortened, struct error *error)
{
    if (++*backs > STEPS_BACK_IN_A_ROW_MOST)
        return give_up(run, error);
    step_back(run);
    *shortened *= 0.5;
    return true;
}

// The running mean of the parameters, with a memory of one window.
static void gather_mean(struct run *run, size_t *count)
{
    const size_t n = run->ensemble.wavefunction.n_parameters, total = run->settings->optimizer.iterations;
    const size_t window = total < 2 * PLATEAU_WINDOW ? (total + 3) / 4 : PLATEAU_WINDOW;
    const double weight = 1.0 / (double)(*count < window ? *count + 1 : window);  // exponential memory of one window
    for (size_t k = 0; k < n; k++)
        run->mean_theta[k] += weight * (run->theta[k] - run->mean_theta[k]);
    ++*count;
}

bool run_train(struct run *run, struct error *error)
{
    const struct settings_optimizer *optimizer = &run->settings->optimizer;
    const struct optimizer_type *type = optimizer_type_at(optimizer->method);
    const size_t draws = (optimizer->samples + run->ensemble.n_walkers - 1) / run->ensemble.n_walkers;
    const double rate = isnan(optimizer->learning_rate) ? type->learning_rate : optimizer->learning_rate, start = run_wall();
    double shortened = 1;
    size_t backs = 0, averaged = 0, fresh = 0;  // fresh: iterations since the optimiser's memory was empty
    keep_good(run);
    run->result->stop_reason = optimizer->iterations ? "all iterations done" : "no training asked";
    for (size_t k = 0; k < optimizer->iterations; k++) {
        struct ensemble_sums sums;
        const double now = shortened * scheduled_rate(optimizer, rate, k), reference = run->ensemble.reference;
        if (look(run, draws, &sums)) {
            backs = 0;
        } else {
            do {
                if (!retreat(run, &backs, &shortened, error))
                    return false;
                fresh = 0;
            } while (!look(run, draws, &sums));
        }
        keep_good(run);
        remember(run, &sums, reference, now);
        gather_mean(run, &averaged);
        tell(run, run_wall() - start);
        if (optimizer->stop == STOP_PLATEAU && on_plateau(&run->history)) {
            run->result->stop_reason = "the energy no longer falls";
            break;
        }
        step(run, fresh++, shortened * scheduled_rate(optimizer, rate, k));
        while (!ensemble_take(&run->ensemble, run->theta)) {
            if (!retreat(run, &backs, &shortened, error))
                return false;
            fresh = 0;
            step(run, fresh++, shortened * scheduled_rate(optimizer, rate, k));
        }
    }
    run->result->iterations = (double)run->history.n;
    if (run->history.n > 0)
        average(run);
    return true;
}
