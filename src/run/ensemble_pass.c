// SPDX-License-Identifier: GPL-3.0-or-later
#include "run/ensemble_parts.h"
#include "run/worth.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

uint64_t ensemble_join_cut(struct ensemble *ensemble, uint64_t accepted)
{
    uint64_t values[] = { accepted, ensemble->was_cut };
    team_sum(ensemble->team, values, 2);
    ensemble->was_cut = values[1] > 0;
    return values[0];
}

// Walkers whose energies are not finite: counted, and given the mean of the others so that no sum is spoilt; returns
// how many. If there are any, `weight` marks them with 0.
static size_t replace_bad_walkers(const struct ensemble *ensemble, const struct rows *rows)
{
    size_t bad = 0;
    if (moments_finite(rows->energy, rows->controlled))
        return 0;
    for (size_t w = 0; w < WALKERS; w++) {
        const bool good = isfinite(rows->controlled[w]) && isfinite(rows->energy[w]);
        rows->weight[w] = good;
        bad += !good;
    }
    double *groups[] = { rows->energy, rows->controlled };
    const size_t counts[] = { ENERGY_ROWS, CONTROLLED_ROWS };
    for (size_t g = 0; g < 2; g++)
        for (size_t k = 0; k < counts[g]; k++) {
            double *row = groups[g] + k * WALKERS, sum = 0;
            for (size_t w = 0; w < WALKERS; w++)
                sum += rows->weight[w] > 0 && isfinite(row[w]) ? row[w] : 0;
            for (size_t w = 0; w < WALKERS; w++)
                if (!(rows->weight[w] > 0) || !isfinite(row[w]))
                    row[w] = bad < WALKERS ? sum / (double)(WALKERS - bad) : ensemble->reference;
        }
    const size_t m = ensemble->wavefunction.n_coordinates;
    for (size_t w = 0; w < WALKERS; w++)
        for (size_t k = 0; !(rows->weight[w] > 0) && k < (m > CONTROLS_MOST ? m : CONTROLS_MOST); k++) {
            if (k < m)
                rows->du[k * WALKERS + w] = 0;
            if (k < CONTROLS_MOST)
                rows->c[k * WALKERS + w] = 0;
        }
    return bad;
}

static void add_moments(const struct rows *rows, size_t draws, bool controlled, struct ensemble_sums *sums)
{
    struct moments moments = { 0 };
    moments_reduce(rows->moments, (double)draws, controlled, &moments);
    sums->energy += moments.energy;
    sums->energy2 += moments.energy2;
    sums->local += moments.local;
    sums->local2 += moments.local2;
    sums->walker2 += moments.walker2;
}

// Rounding that updates by one-particle moves gather in weights and caches goes: at the start of every pass, so that
// between passes coordinates and streams are all there is to know, and every so many sweeps.
enum { REFRESH_SWEEPS = 64 };

static void refresh(const struct ensemble *ensemble, struct ensemble_group *group, struct block *block)
{
    if (!block->updated)
        return;
    const double drift = wavefunction_refresh(&ensemble->wavefunction, true, block->current);
    block->updated = block->evaluated = false;
    block->movable = true;
    group->drift = fmax(group->drift, drift);
}

static void refresh_ladder(const struct ensemble *ensemble, struct ensemble_group *group, struct ladder *ladder)
{
    for (size_t r = 0; r < ensemble->n_rungs; r++)
        refresh(ensemble, group, &ladder->block[r]);
}

// Samples of one pass that the coefficients of the control variates are fitted to; in training, where they follow psi
// from pass to pass, a few thousand do.
enum { FIT_SAMPLES_MOST = 1 << 15, FIT_SAMPLES_TRAINING = 1 << 12 };

struct pass {
    size_t draws;
    unsigned what;
    ensemble_visit *visit;
    void *context;
    struct controls controls;  // in use
};

// Block number k of group number g. Block and group are the thread's own copies: those in the ensemble share cache
// lines with their neighbours.
static void draw_block(struct ensemble *ensemble, const struct pass *pass, size_t g, size_t k, struct rows *rows,
                       struct ensemble_group *group, struct ladder *ladder)
{
    struct block *const block = &ladder->block[0];
    const size_t draws = pass->draws;
    const unsigned what = pass->what;
    const struct wavefunction *wavefunction = &ensemble->wavefunction;
    const struct controls *controls = &pass->controls;
    const bool controlled = ensemble->controls.n_functions > 0, other = group->other_sums && (what & PASS_OTHER),
               slopes = controlled && (what & PASS_GRADIENT) && (other || !ensemble->plain_gradient);
    const size_t fitted = what & PASS_GRADIENT ? FIT_SAMPLES_TRAINING : FIT_SAMPLES_MOST,
                 fit_every = 1 + draws * ensemble->n_walkers / fitted;
    memset(rows->moments, 0, MOMENT_ROWS * WALKERS * sizeof(double));
    refresh_ladder(ensemble, group, ladder);
    for (size_t t = 0, sweeps = 0; t < draws; t++) {
        for (size_t s = 0; s < ensemble->thin && !cut(ensemble); s++) {
            sweep_ladder(ensemble, ladder, rows);
            if (++sweeps % REFRESH_SWEEPS == 0)
                refresh_ladder(ensemble, group, ladder);
        }
        if (is_cut(ensemble))
            return;
        const bool moved = !block->evaluated && block->movable;
        if (!block->evaluated)
            (moved ? wavefunction_evaluate_moved : wavefunction_evaluate)(wavefunction, block->current);
        block->evaluated = true;
        if (controlled)
            controls_evaluate(controls, &ensemble->hamiltonian, wavefunction, block->current, moved, rows->energy,
                              rows->c, slopes ? rows->du : NULL);
        else
            estimator_energy(&ensemble->hamiltonian, wavefunction, block->current, rows->energy);
        if (controlled)
            controls_apply(controls, !(what & PASS_GRADIENT), rows->energy, rows->c, rows->controlled);
        const size_t bad = replace_bad_walkers(ensemble, rows);
        group->sums.bad += (double)bad;
        moments_add(ensemble->reference, rows->energy, rows->controlled, rows->moments);
        if (controlled && (what & PASS_CONTROLS) && t % fit_every == 0)
            controls_gather(controls, rows->energy, rows->c, rows->control, group->control_sums);
        if (what & PASS_GRADIENT) {
            const bool plain = controlled && ensemble->plain_gradient;
            if (wavefunction->wants_plain || plain || other)
                moments_centre(rows->energy + ENERGY_LOCAL * WALKERS, bad ? rows->weight : NULL, rows->plain);
            if (plain || other)
                wavefunction_accumulate(wavefunction, block->current, rows->plain, rows->plain, NULL, rows->factor,
                                        plain ? group->gradient_sums : group->other_sums);
            moments_centre(rows->controlled, bad ? rows->weight : NULL, rows->weight);
            if (!plain || other)
                wavefunction_accumulate(wavefunction, block->current, rows->weight, rows->plain,
                                        slopes ? rows->du : NULL, rows->factor,
                                        plain ? group->other_sums : group->gradient_sums);
        }
        if (pass->visit)
            pass->visit(
                &(struct ensemble_draw){ g, k, t, rows->energy, rows->controlled, block->current, rows->features, bad },
                pass->context);
    }
    add_moments(rows, draws, controlled, &group->sums);
}

static void add_ladder(const struct ensemble *ensemble, const struct ladder *ladder, struct ensemble_sums *sums)
{
    sums->accepted += (double)ladder->accepted[0];
    sums->divergent += (double)ladder->block[0].divergent;
    for (size_t r = 0; r < ensemble->n_rungs; r++)
        sums->rung_accepted[r] += (double)ladder->accepted[r];
    for (size_t r = 0; r + 1 < ensemble->n_rungs; r++)
        sums->swapped[r] += (double)ladder->swapped[r];
}

void ensemble_pass(struct ensemble *ensemble, size_t draws, unsigned what, ensemble_visit *visit, void *context,
                   struct ensemble_sums *total)
{
    const struct pass pass = { draws, what, visit, context, worth_in_use(ensemble) };
    const size_t moves = ensemble->sampler->moves_per_sweep(ensemble->sampler_state, &ensemble->wavefunction.system) *
                         ensemble->thin * draws;
#pragma omp parallel for num_threads((int)ensemble->threads) schedule(dynamic, 1)
    for (size_t g = ensemble->first_group; g < ensemble->end_group; g++) {
        struct rows rows;
        struct ensemble_group own = ensemble->group[g], *group = &own;
        take_scratch(ensemble, &rows);
        group->sums = (struct ensemble_sums){ 0 };
        if (what & PASS_GRADIENT)
            memset(group->gradient_sums, 0, ensemble->wavefunction.n_sum_rows * WALKERS * sizeof(double));
        if (group->other_sums && (what & PASS_OTHER))
            memset(group->other_sums, 0, ensemble->wavefunction.n_sum_rows * WALKERS * sizeof(double));
        if (what & PASS_CONTROLS)
            memset(group->control_sums, 0, controls_sum_rows(&ensemble->controls) * WALKERS * sizeof(double));
        for (size_t k = group->first_block; k < group->first_block + group->n_blocks; k++) {
            struct ladder ladder;
            take_ladder(ensemble, k, &ladder);
            draw_block(ensemble, &pass, g, k, &rows, group, &ladder);
            give_ladder(ensemble, k, &ladder);
            add_ladder(ensemble, &ladder, &group->sums);
        }
        give_scratch(ensemble, &rows);
        group->sums.samples = (double)(group->n_blocks * WALKERS * draws);
        group->sums.moves = (double)(group->n_blocks * WALKERS * moves);
        ensemble->group[g] = own;
    }
    struct ensemble_sums sums[GROUPS_MOST];
    for (size_t g = ensemble->first_group; g < ensemble->end_group; g++)
        sums[g] = ensemble->group[g].sums;
    for (size_t g = ensemble->first_group; g < ensemble->end_group; g++)
        ensemble->drift = fmax(ensemble->drift, ensemble->group[g].drift);
    ensemble_join_cut(ensemble, 0);
    ensemble_move_groups(ensemble, sums, sizeof *sums, TEAM_GATHER_ALL);
    *total = (struct ensemble_sums){ 0 };
    for (size_t g = 0; g < ensemble->n_groups; g++) {
        const double *from = (const double *)&sums[g];
        double *to = (double *)total;
        for (size_t k = 0; k < sizeof *total / sizeof(double); k++)
            to[k] += from[k];
    }
}

void ensemble_gradient(const struct ensemble *ensemble, double samples, double *gradient)
{
    const size_t n = ensemble->wavefunction.n_parameters;
    double *const gradients = ensemble->group_gradients;
    memset(gradients, 0, ensemble->n_groups * n * sizeof *gradients);
    for (size_t g = ensemble->first_group; g < ensemble->end_group; g++)
        wavefunction_collect(&ensemble->wavefunction, ensemble->group[g].gradient_sums, gradients + g * n);
    ensemble_move_groups(ensemble, gradients, n * sizeof *gradients, TEAM_GATHER_ALL);
    memset(gradient, 0, n * sizeof *gradient);
    for (size_t g = 0; g < ensemble->n_groups; g++)
        for (size_t k = 0; k < n; k++)
            gradient[k] += gradients[g * n + k];
    for (size_t k = 0; k < n; k++)
        gradient[k] *= 2 / samples;
}

enum { FIT_MOMENTS = (CONTROLS_MOST + CONTROLLED_QUANTITIES + 1) * (CONTROLS_MOST + CONTROLLED_QUANTITIES + 2) / 2 };

static void gather_moments(const struct ensemble *ensemble, double total[FIT_MOMENTS])
{
    const size_t n = controls_moments(&ensemble->controls);
    double moments[GROUPS_MOST * FIT_MOMENTS];  // [n_groups][n]
    memset(moments, 0, ensemble->n_groups * n * sizeof *moments);
    for (size_t g = ensemble->first_group; g < ensemble->end_group; g++)
        controls_reduce(&ensemble->controls, ensemble->group[g].control_sums, moments + g * n);
    ensemble_move_groups(ensemble, moments, n * sizeof *moments, TEAM_GATHER_ALL);
    for (size_t g = 0; g < ensemble->n_groups; g++)
        for (size_t k = 0; k < n; k++)
            total[k] += moments[g * n + k];
}

bool ensemble_fit(struct ensemble *ensemble)
{
    double total[FIT_MOMENTS] = { 0 };
    if (ensemble->controls.n_functions == 0)
        return false;
    gather_moments(ensemble, total);
    return controls_fit(&ensemble->controls, total);
}

void ensemble_fit_for_good(struct ensemble *ensemble)
{
    double total[FIT_MOMENTS] = { 0 };
    if (ensemble->controls.n_functions == 0)
        return;
    gather_moments(ensemble, total);
    if (controls_fit(&ensemble->controls, total))
        worth_choose(ensemble, total);
}

// Sums of a gradient over the groups' samples, [group, K], and from these the variance of a group's mean, [K].
static void find_variances(const struct ensemble *ensemble, bool other, double *variance)
{
    const size_t n = ensemble->wavefunction.n_parameters, groups = ensemble->n_groups;
    double *const gradients = ensemble->group_gradients;
    memset(gradients, 0, groups * n * sizeof *gradients);
    for (size_t g = ensemble->first_group; g < ensemble->end_group; g++)
        wavefunction_collect(&ensemble->wavefunction,
                             other ? ensemble->group[g].other_sums : ensemble->group[g].gradient_sums,
                             gradients + g * n);
    ensemble_move_groups(ensemble, gradients, n * sizeof *gradients, TEAM_GATHER_ALL);
    for (size_t k = 0; k < n; k++) {
        double sum = 0, sum2 = 0;
        for (size_t g = 0; g < groups; g++) {
            const double mean = gradients[g * n + k] / (double)ensemble->group[g].n_blocks;
            sum += mean;
            sum2 += mean * mean;
        }
        variance[k] = fmax(0, sum2 - sum * sum / (double)groups);
    }
}

enum { GROUPS_LEAST = 8 };  // that a variance is taken over

void ensemble_choose_gradient(struct ensemble *ensemble)
{
    const size_t n = ensemble->wavefunction.n_parameters;
    double share = 0, *variance = memory_doubles(2 * n);
    size_t counted = 0;
    const bool able = variance && ensemble->group[0].other_sums && ensemble->n_groups >= GROUPS_LEAST;
    if (able) {
        find_variances(ensemble, ensemble->plain_gradient, variance);
        find_variances(ensemble, !ensemble->plain_gradient, variance + n);
        for (size_t k = 0; k < n; k++)
            if (variance[k] + variance[n + k] > 0) {
                share += variance[k] / (variance[k] + variance[n + k]);
                counted++;
            }
    }
    if (able && counted > 0)
        ensemble->plain_gradient = !worth_gradient(ensemble, share / fmax(1e-300, (double)counted - share));
    memory_free(variance);
}
