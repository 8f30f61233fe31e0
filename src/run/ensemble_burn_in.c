// SPDX-License-Identifier: GPL-3.0-or-later
#include "run/ensemble_parts.h"

#include <math.h>
#include <string.h>

// Means over the walkers of one temperature, and of the squares of the distances from them: [2][M].
static void find_moments(struct ensemble *ensemble, size_t rung, double *out)
{
    const size_t m = ensemble->wavefunction.n_coordinates, width = m * sizeof *out;
    double *const sums = ensemble->moments;
    memset(sums, 0, 2 * ensemble->n_groups * width);
    for (size_t g = ensemble->first_group; g < ensemble->end_group; g++)
        for (size_t k = 0; k < ensemble->group[g].n_blocks; k++) {
            const size_t block = rung * ensemble->n_blocks + ensemble->group[g].first_block + k;
            const double *x = ensemble->block[block].current;
            for (size_t i = 0; i < m * WALKERS; i++) {
                sums[2 * g * m + i / WALKERS] += x[i];
                sums[(2 * g + 1) * m + i / WALKERS] += x[i] * x[i];
            }
        }
    ensemble_move_groups(ensemble, sums, 2 * width, TEAM_GATHER_ALL);
    memset(out, 0, 2 * width);
    for (size_t g = 0; g < ensemble->n_groups; g++)
        for (size_t i = 0; i < 2 * m; i++)
            out[i] += sums[2 * g * m + i] / (double)ensemble->n_walkers;
    for (size_t i = 0; i < m; i++)
        out[m + i] = fmax(0, out[m + i] - out[i] * out[i]);
}

static void give_lesson(struct ensemble *ensemble, size_t r, double acceptance, double progress, bool tune)
{
    const size_t m = ensemble->wavefunction.n_coordinates;
    double *moments = ensemble->moments + 2 * m * ensemble->n_groups;
    struct sampler_rung rung = rung_at(ensemble, r);
    find_moments(ensemble, r, moments);
    ensemble->sampler->learn(ensemble->sampler_state,
                             &(struct sampler_lesson){ m, acceptance, moments, moments + m, progress, tune }, &rung);
    rung_numbers(ensemble, r)[RUNG_STEP] = rung.step;
    if (r == 0)
        ensemble->step = rung.step;
}

// A wave function that is trained asks for other steps than the one it began as: tuned in the trap's Gaussian, those of
// walkers in a stiff force end with one move in a thousand accepted.
void ensemble_learn(struct ensemble *ensemble, const struct ensemble_sums *sums, bool tune)
{
    const struct sampler_type *sampler = ensemble->sampler;
    const double target = sampler->has_step
                              ? sampler->best_acceptance(ensemble->sampler_state, &ensemble->wavefunction.system)
                              : NAN;
    for (size_t r = 0; r < ensemble->n_rungs; r++) {
        const double acceptance = sums->rung_accepted[r] / sums->moves;
        if (sampler->learn)
            give_lesson(ensemble, r, acceptance, NAN, tune);
        else if (sampler->has_step && tune && isfinite(acceptance))
            *(r ? &rung_numbers(ensemble, r)[RUNG_STEP] : &ensemble->step) *= exp(acceptance - target);
    }
}

// Acceptance at every temperature.
static void sweeps_acceptance(struct ensemble *ensemble, size_t sweeps, double *acceptance)
{
    size_t accepted[RUNGS_MOST] = { 0 };
    const double moves = (double)(sweeps * ensemble->n_walkers *
                                  ensemble->sampler->moves_per_sweep(ensemble->sampler_state,
                                                                     &ensemble->wavefunction.system));
#pragma omp parallel for num_threads((int)ensemble->threads) schedule(static) reduction(+ : accepted)
    for (size_t k = ensemble->first_block; k < ensemble->end_block; k++) {
        struct rows rows;
        struct ladder ladder;  // a thread's own while it is written to
        take_scratch(ensemble, &rows);
        take_ladder(ensemble, k, &ladder);
        for (size_t s = 0; s < sweeps && !cut(ensemble); s++)
            sweep_ladder(ensemble, &ladder, &rows);
        for (size_t r = 0; r < ensemble->n_rungs; r++) {
            take_fresh(ensemble, &ladder.block[r]);  // rounding that one-particle updates gathered goes
            accepted[r] += ladder.accepted[r];
        }
        give_ladder(ensemble, k, &ladder);
        give_scratch(ensemble, &rows);
    }
    for (size_t r = 0; r < ensemble->n_rungs; r++)
        acceptance[r] = (double)ensemble_join_cut(ensemble, accepted[r]) / moves;
}

// Windows of sweeps; ln step moves with the distance from the best acceptance, by less and less, and ends at the mean
// over the last half.
enum { TUNE_WINDOW = 10 };

static void tune_step(double gain, double off, bool second_half, bool last, double *step, double *sum, double *count)
{
    *step *= exp(fmax(-1, fmin(1, gain * off)));
    if (second_half) {
        *sum += log(*step);
        ++*count;
    }
    if (last && *count > 0)
        *step = exp(*sum / *count);
}

static void tune_rung(struct ensemble *ensemble, size_t r, size_t done, size_t sweeps, double acceptance,
                      struct ensemble_tuning *tuning)
{
    const double target = ensemble->sampler->best_acceptance(ensemble->sampler_state, &ensemble->wavefunction.system);
    const size_t windows = (sweeps + TUNE_WINDOW - 1) / TUNE_WINDOW, k = (done - 1) / TUNE_WINDOW;
    double *numbers = rung_numbers(ensemble, r);
    tune_step(2 / (1 + 0.1 * (double)k), acceptance - target, 2 * k >= windows, done == sweeps,
              r ? &numbers[RUNG_STEP] : &ensemble->step, r ? &numbers[RUNG_TUNING_SUM] : &tuning->sum,
              r ? &numbers[RUNG_TUNING_COUNT] : &tuning->count);
    if (done == sweeps)
        numbers[RUNG_TUNING_SUM] = numbers[RUNG_TUNING_COUNT] = 0;
}

// Approximate trajectories, at every temperature.
static void diffuse(struct ensemble *ensemble, size_t sweeps)
{
#pragma omp parallel for num_threads((int)ensemble->threads) schedule(static)
    for (size_t k = ensemble->first_block; k < ensemble->end_block; k++) {
        struct rows rows;
        struct ladder ladder;
        take_scratch(ensemble, &rows);
        take_ladder(ensemble, k, &ladder);
        for (size_t s = 0; s < sweeps && !cut(ensemble); s++)
            for (size_t r = 0; r < ensemble->n_rungs; r++) {
                ladder.block[r].trial = rows.trial;
                sampler_diffuse(&ensemble->wavefunction, ensemble->temperature[r], &ladder.block[r], rows.sampler);
            }
        give_ladder(ensemble, k, &ladder);
        give_scratch(ensemble, &rows);
    }
    ensemble_join_cut(ensemble, 0);
}

// A sampler that takes lessons has them once; they go on in training.
// Approximate sweeps, if there are any, come first, and only in the first burn-in; exact ones learn and are tuned as if
// there were no others.
void ensemble_burn_in_part(struct ensemble *ensemble, size_t sweeps, bool tune, struct ensemble_tuning *tuning)
{
    const bool learns = ensemble->sampler->learn && !ensemble->learnt;
    const size_t approximate = ensemble->diffuses && !ensemble->warm ? sweeps / 2 : 0,
                 end = tuning->done < approximate ? approximate : sweeps;
    const size_t window = learns ? ensemble->sampler->lesson_sweeps : TUNE_WINDOW;
    const size_t n = end - tuning->done < window ? end - tuning->done : window;
    double acceptance[RUNGS_MOST];
    if (tuning->done < approximate)
        diffuse(ensemble, n);
    else
        sweeps_acceptance(ensemble, n, acceptance);
    tuning->done += n;
    if (is_cut(ensemble))
        return;
    const size_t exact = tuning->done < approximate ? 0 : tuning->done - approximate;
    for (size_t r = 0; r < ensemble->n_rungs && exact > 0; r++) {
        if (learns)
            give_lesson(ensemble, r, acceptance[r], (double)exact / (double)(sweeps - approximate), tune);
        else if (tune && ensemble->sampler->has_step && !ensemble->sampler->learn)
            tune_rung(ensemble, r, exact, sweeps - approximate, acceptance[r], tuning);
    }
    if (tuning->done == sweeps) {
        ensemble->learnt = ensemble->learnt || learns;
        ensemble->warm = true;
    }
}

bool ensemble_is_independent(const struct ensemble *ensemble)
{
    return ensemble->sampler->independent && ensemble->wavefunction.n_factors == 1;
}

void ensemble_burn_in(struct ensemble *ensemble, size_t sweeps, bool tune)
{
    struct ensemble_tuning tuning = { 0 };
    while (tuning.done < sweeps && !is_cut(ensemble))
        ensemble_burn_in_part(ensemble, sweeps, tune, &tuning);
}
