// SPDX-License-Identifier: GPL-3.0-or-later
#include "run/ensemble.h"
#include "run/compatibility.h"

#include "base/memory.h"
#include "base/rows.h"
#include "vmc/observables.h"
#include "vmc/rng.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

// Rows of one thread's scratch, in the order in which a draw uses them. The frame for trial moves is the thread's too;
// it changes places with that of a block whose walkers all accept.
struct rows {
    double *trial, *sampler, *factor, *control, *energy, *c, *controlled, *du, *features, *weight, *plain, *moments;
};

static size_t claim_rows(double *scratch, size_t *at, size_t rows, double **out)
{
    *out = scratch ? scratch + *at * WALKERS : NULL;
    return *at += rows;
}

static size_t lay_out(const struct ensemble *ensemble, double *scratch, struct rows *rows)
{
    size_t at = 0;
    const struct wavefunction *wavefunction = &ensemble->wavefunction;
    claim_rows(scratch, &at, wavefunction->n_rows, &rows->trial);
    const size_t sampler = ensemble->sampler->n_scratch_rows(ensemble->sampler_state, wavefunction),
                 diffusion = ensemble->diffuses ? sampler_diffusion_rows(wavefunction) : 0;
    claim_rows(scratch, &at, sampler > diffusion ? sampler : diffusion, &rows->sampler);
    claim_rows(scratch, &at, wavefunction->n_scratch_rows, &rows->factor);
    claim_rows(scratch, &at, controls_scratch_rows(&ensemble->controls), &rows->control);
    claim_rows(scratch, &at, ENERGY_ROWS, &rows->energy);
    claim_rows(scratch, &at, CONTROLS_MOST, &rows->c);
    if (ensemble->controls.n_functions > 0)
        claim_rows(scratch, &at, CONTROLLED_ROWS, &rows->controlled);
    else
        rows->controlled = rows->energy;
    claim_rows(scratch, &at, wavefunction->n_coordinates, &rows->du);
    claim_rows(scratch, &at, wavefunction->n_features, &rows->features);
    claim_rows(scratch, &at, 1, &rows->weight);
    claim_rows(scratch, &at, 1, &rows->plain);
    return claim_rows(scratch, &at, MOMENT_ROWS, &rows->moments);
}

static size_t first_block(const struct ensemble *ensemble, size_t group)
{
    return group * ensemble->n_blocks / ensemble->n_groups;
}
static size_t first_group(const struct ensemble *ensemble, size_t rank)
{
    return rank * ensemble->n_groups / team_ranks(ensemble->team);
}

static double *rung_numbers(const struct ensemble *ensemble, size_t rung)
{
    return ensemble->rungs + rung * ensemble->rung_row;
}

static struct sampler_rung rung_at(const struct ensemble *ensemble, size_t rung)
{
    double *numbers = rung_numbers(ensemble, rung);
    return (struct sampler_rung){ ensemble->temperature[rung], rung ? numbers[RUNG_STEP] : ensemble->step,
                                  numbers + RUNG_OWN };
}

static void begin_rungs(struct ensemble *ensemble)
{
    for (size_t r = 0; r < ensemble->n_rungs; r++) {
        double *numbers = rung_numbers(ensemble, r);
        numbers[RUNG_STEP] = ensemble->step;
        if (ensemble->sampler->begin)
            ensemble->sampler->begin(ensemble->sampler_state, &ensemble->wavefunction.system, numbers + RUNG_OWN);
    }
}

static bool allocate(struct ensemble *ensemble, struct error *error)
{
    struct rows rows;
    const size_t frame = ensemble->wavefunction.n_rows;
    const size_t blocks = ensemble->n_blocks * ensemble->n_rungs, m = ensemble->wavefunction.n_coordinates;
    ensemble->block = calloc(blocks, sizeof *ensemble->block);
    ensemble->frames = memory_rows(frame * blocks);
    ensemble->trial = calloc(ensemble->threads, sizeof *ensemble->trial);
    ensemble->random = (uint64_t *)memory_rows(RNG_ROWS * blocks);
    ensemble->log_psi = memory_doubles(2 * ensemble->n_walkers);
    ensemble->scratch_doubles = lay_out(ensemble, NULL, &rows) * WALKERS;
    ensemble->scratch = memory_doubles(ensemble->threads * ensemble->scratch_doubles);
    ensemble->group_gradients = memory_doubles(ensemble->n_groups * ensemble->wavefunction.n_parameters);
    ensemble->rungs = memory_doubles(ensemble->n_rungs * ensemble->rung_row);
    ensemble->moments = memory_doubles(ensemble->sampler->learn ? 2 * m * (ensemble->n_groups + 1) : 1);
    bool good = ensemble->rungs && ensemble->moments && ensemble->block && ensemble->frames && ensemble->trial &&
                ensemble->random && ensemble->scratch && ensemble->log_psi && ensemble->group_gradients;
    for (size_t g = 0; g < ensemble->n_groups; g++) {
        struct ensemble_group *group = &ensemble->group[g];
        group->first_block = first_block(ensemble, g);
        group->n_blocks = first_block(ensemble, g + 1) - group->first_block;
        group->gradient_sums = memory_rows(ensemble->wavefunction.n_sum_rows);
        group->control_sums = memory_rows(controls_sum_rows(&ensemble->controls));
        good = good && group->gradient_sums && group->control_sums;
    }
    if (!good)
        return error_add(error, ERROR_INTERNAL, "no memory for %zu walkers (%.3g GB asked); use fewer: sampler.walkers",
                         ensemble->n_walkers, (double)ensemble_memory(ensemble) * 1e-9);
    for (size_t t = 0; t < ensemble->threads; t++)
        ensemble->trial[t] = ensemble->scratch + t * ensemble->scratch_doubles;
    for (size_t k = 0; k < blocks; k++)
        ensemble->block[k] = (struct block){ .current = ensemble->frames + k * frame * WALKERS,
                                             .trial = ensemble->trial[0],
                                             .random = ensemble->random + k * RNG_ROWS * WALKERS };
    begin_rungs(ensemble);
    return true;
}

static bool choose_controls(struct ensemble *ensemble, const struct settings *settings, struct error *error)
{
    size_t index[CONTROL_TYPES_MOST], n = 0;
    for (size_t k = 0; control_type_at(k) && n < CONTROL_TYPES_MOST; k++)
        if (settings_chooses(settings, SETTINGS_CONTROL, k))
            index[n++] = k;
    return controls_build(&ensemble->controls, &ensemble->hamiltonian, &ensemble->wavefunction, n, index, error);
}

// Without this a wave function without nodes gives the energy of bosons, and one with them no upper bound. Where no two
// particles have the same spin there is nothing to be antisymmetric in.
static bool check_symmetry(const struct ensemble *ensemble, const struct settings *settings, struct error *error)
{
    const struct system *system = &settings->system;
    const size_t down = system->particles - system->spin_up, alike = system->spin_up > down ? system->spin_up : down;
    struct factor_traits traits;
    wavefunction_traits(&ensemble->wavefunction, &traits);
    if (system->statistics == STATISTICS_BOSONS)
        return traits.symmetry != FACTOR_ANTISYMMETRIC ||
               error_add(
                   error, ERROR_CONFIG,
                   "[system] statistics: bosons, but the wave function is antisymmetric; take fermions, or leave the "
                   "antisymmetric factor out");
    if (alike < 2 || traits.symmetry == FACTOR_ANTISYMMETRIC ||
        (traits.has_nodes && settings->wavefunction.allow_unsymmetric))
        return true;
    if (traits.has_nodes)
        return error_add(
            error, ERROR_CONFIG,
            "[wavefunction] factors: one of them is not symmetric under the exchange of particles with the same spin, "
            "and the product is no state of fermions; leave it out, or set allow_unsymmetric = yes (the energy is no "
            "upper bound then)");
    return error_add(
        error, ERROR_CONFIG,
        "[system] statistics: fermions need an antisymmetric factor in [wavefunction] factors; without one the "
        "energy would be that of bosons");
}

// What looks at psi itself needs its sign.
static bool check_observables(const struct ensemble *ensemble, const struct settings *settings, struct error *error)
{
    const struct param_names *kinds = &settings->chosen[SETTINGS_OBSERVABLE].members;
    for (size_t k = 0; k < kinds->n && !kinds->is_auto; k++)
        if (observable_type_at(kinds->index[k])->frames && !wavefunction_knows_sign(&ensemble->wavefunction))
            return error_add(error, ERROR_CONFIG,
                             "[observables] kinds: %s needs the sign of the wave function, which determinants with "
                             "backflow do not give one particle at a time; leave it out, or set slater.backflow = none",
                             observable_name(kinds->index[k]));
    return true;
}

static void choose_factors(const struct settings *settings, struct ensemble_factors *factors)
{
    const struct settings_choice *chosen = &settings->chosen[SETTINGS_FACTOR];
    factors->n = chosen->members.n;
    for (size_t f = 0; f < factors->n; f++) {
        factors->type[f] = factor_type_at(chosen->members.index[f]);
        factors->state[f] = chosen->state[f];
    }
}

static bool build_model(const struct settings *settings, const struct ensemble_factors *factors,
                        struct hamiltonian *hamiltonian, struct wavefunction *wavefunction, struct error *error)
{
    if (!hamiltonian_build(hamiltonian, &settings->system,
                           interaction_type_at(settings_index(settings, SETTINGS_INTERACTION)),
                           settings_state(settings, SETTINGS_INTERACTION), error))
        return false;
    struct factor_surroundings asked = { .power = hamiltonian_power(hamiltonian), .core = hamiltonian->contact.core };
    for (size_t class = 0; class < PAIR_CLASSES; class ++)
        asked.slope[class] = hamiltonian_slope(hamiltonian, class);
    return wavefunction_build(wavefunction, &settings->system, &asked, factors->n, factors->type,
                              (void **)(uintptr_t)factors->state, error);
}

bool ensemble_build_model(const struct settings *settings, struct hamiltonian *hamiltonian,
                          struct wavefunction *wavefunction, struct error *error)
{
    struct ensemble_factors factors;
    choose_factors(settings, &factors);
    return build_model(settings, &factors, hamiltonian, wavefunction, error);
}

bool ensemble_build(struct ensemble *ensemble, const struct settings *settings, size_t threads, struct error *error)
{
    struct ensemble_factors factors;
    choose_factors(settings, &factors);
    return ensemble_build_product(ensemble, settings, &factors, threads, error);
}

bool ensemble_build_product(struct ensemble *ensemble, const struct settings *settings,
                            const struct ensemble_factors *factors, size_t threads, struct error *error)
{
    *ensemble = (struct ensemble){ .threads = threads,
                                   .thin = settings->sampler.thin,
                                   .n_walkers = settings->sampler.walkers,
                                   .n_blocks = settings->sampler.walkers / WALKERS,
                                   .sampler = sampler_type_at(settings_index(settings, SETTINGS_SAMPLER)),
                                   .sampler_state = settings_state(settings, SETTINGS_SAMPLER) };
    ensemble->n_groups = ensemble->n_blocks < GROUPS_MOST ? ensemble->n_blocks : GROUPS_MOST;
    ensemble->end_group = ensemble->n_groups;
    ensemble->end_block = ensemble->n_blocks;
    if (!build_model(settings, factors, &ensemble->hamiltonian, &ensemble->wavefunction, error))
        return false;
    ensemble->step = isnan(settings->sampler.step)
                         ? ensemble->sampler->first_step(ensemble->sampler_state, &settings->system)
                         : settings->sampler.step;
    ensemble->spread = settings->sampler.spread;
    ensemble->diffuses = settings->sampler.warm_up == WARM_UP_DIFFUSION;
    ensemble->n_rungs = settings->sampler.temperatures.n;
    memcpy(ensemble->temperature, settings->sampler.temperatures.value,
           ensemble->n_rungs * sizeof *ensemble->temperature);
    if (ensemble->sampler->n_numbers)
        ensemble->n_sampler_numbers = ensemble->sampler->n_numbers(&settings->system);
    ensemble->rung_row = RUNG_OWN + ensemble->n_sampler_numbers;
    if (check_symmetry(ensemble, settings, error) && check_observables(ensemble, settings, error) &&
        compatibility_check(&ensemble->hamiltonian, &ensemble->wavefunction, error) &&
        choose_controls(ensemble, settings, error) &&
        ensemble->sampler->suits(ensemble->sampler_state, &ensemble->wavefunction, error) && allocate(ensemble, error))
        return true;
    ensemble_finish(ensemble);
    return false;
}

void ensemble_finish(struct ensemble *ensemble)
{
    for (size_t g = 0; g < ensemble->n_groups; g++) {
        memory_free(ensemble->group[g].gradient_sums);
        memory_free(ensemble->group[g].control_sums);
    }
    memory_free(ensemble->group_gradients);
    memory_free(ensemble->rungs);
    memory_free(ensemble->moments);
    free(ensemble->offset);
    memory_free(ensemble->scratch);
    memory_free(ensemble->log_psi);
    memory_free(ensemble->random);
    memory_free(ensemble->frames);
    free(ensemble->trial);
    free(ensemble->block);
    wavefunction_finish(&ensemble->wavefunction);
    *ensemble = (struct ensemble){ 0 };
}

bool ensemble_join(struct ensemble *ensemble, const struct team *team, struct error *error)
{
    if (!team)
        return true;
    ensemble->team = team;
    ensemble->first_group = first_group(ensemble, team->rank);
    ensemble->end_group = first_group(ensemble, team->rank + 1);
    ensemble->first_block = first_block(ensemble, ensemble->first_group);
    ensemble->end_block = first_block(ensemble, ensemble->end_group);
    ensemble->offset = calloc(team->ranks + 1, sizeof *ensemble->offset);
    return ensemble->offset || error_add(error, ERROR_INTERNAL, "no memory for %zu processes", team->ranks);
}

void ensemble_move_groups(const struct ensemble *ensemble, void *base, size_t size, enum team_way way)
{
    for (size_t r = 0; ensemble->team && r <= ensemble->team->ranks; r++)
        ensemble->offset[r] = first_group(ensemble, r) * size;
    team_move(ensemble->team, &(struct team_parts){ base, 1, ensemble->n_groups * size, ensemble->offset }, way);
}

void ensemble_move_blocks(const struct ensemble *ensemble, const struct ensemble_rows *rows, enum team_way way)
{
    for (size_t r = 0; ensemble->team && r <= ensemble->team->ranks; r++)
        ensemble->offset[r] = first_block(ensemble, first_group(ensemble, r)) * rows->size;
    team_move(ensemble->team, &(struct team_parts){ rows->base, rows->rows, rows->stride, ensemble->offset }, way);
}

size_t ensemble_memory(const struct ensemble *ensemble)
{
    const size_t frame = ensemble->wavefunction.n_rows,
                 group = ensemble->wavefunction.n_sum_rows + controls_sum_rows(&ensemble->controls);
    const size_t rows = (frame + RNG_ROWS) * ensemble->n_blocks * ensemble->n_rungs + group * ensemble->n_groups;
    return sizeof(double) * (WALKERS * rows + ensemble->threads * ensemble->scratch_doubles);
}

// The first particles of a walker that are further apart than a core, up to the one that is closer to some of them.
static size_t count_apart(const struct system *system, double core, size_t w, const double *x, size_t p)
{
    for (; p < system->particles; p++)
        for (size_t q = 0; q < p; q++) {
            double square = 0;
            for (size_t d = 0; d < system->dimensions; d++) {
                const double step = x[(p * system->dimensions + d) * WALKERS + w] -
                                    x[(q * system->dimensions + d) * WALKERS + w];
                square += step * step;
            }
            if (square <= core * core)
                return p;
        }
    return p;
}

// Where psi has a core, walkers must not begin inside: particles that are too close to an earlier one are drawn again,
// from a Gaussian that grows, so that any number of spheres finds room. Numbers come from the walkers' own streams.
static void spread_apart(const struct system *system, double core, double spread, struct block *block)
{
    const double margin = 1.05 * core;
    size_t apart[WALKERS], settled = 0;
    double width[WALKERS], draw[DIMENSIONS_MOST * WALKERS] __attribute__((aligned(64)));
    for (size_t w = 0; w < WALKERS; w++) {
        width[w] = spread;
        apart[w] = count_apart(system, margin, w, block->current, 1);
        settled += apart[w] == system->particles;
    }
    while (settled < WALKERS) {
        rng_normals(block->random, system->dimensions, draw);
        for (size_t w = 0; w < WALKERS; w++) {
            if (apart[w] == system->particles)
                continue;
            for (size_t d = 0; d < system->dimensions; d++)
                block->current[(apart[w] * system->dimensions + d) * WALKERS + w] = width[w] *
                                                                                    sqrt(0.5 / system->omega[d]) *
                                                                                    draw[d * WALKERS + w];
            const size_t now = count_apart(system, margin, w, block->current, apart[w]);
            width[w] = now == apart[w] ? 1.02 * width[w] : spread;
            apart[w] = now;
            settled += apart[w] == system->particles;
        }
    }
}

// Coordinates normally distributed with the width of the bare trap's ground state, times the spread asked for.
void ensemble_start(struct ensemble *ensemble, uint64_t seed)
{
    const struct system *system = &ensemble->wavefunction.system;
    const size_t m = ensemble->wavefunction.n_coordinates;
    struct factor_traits traits;
    wavefunction_traits(&ensemble->wavefunction, &traits);
    for (size_t j = 0; j < ensemble->n_rungs * ensemble->n_blocks; j++) {
        const size_t k = j % ensemble->n_blocks, rung = j / ensemble->n_blocks;
        struct block *block = &ensemble->block[j];
        if (k < ensemble->first_block || k >= ensemble->end_block)
            continue;
        rng_start_block(block->random, seed, ((uint64_t)rung << 40) + k * WALKERS);
        rng_normals(block->random, m, block->current);
        for (size_t i = 0; i < m; i++)
            for (size_t w = 0; w < WALKERS; w++)
                block->current[i * WALKERS + w] *= ensemble->spread * sqrt(0.5 / system->omega[i % system->dimensions]);
        if (traits.core > 0)
            spread_apart(system, traits.core, ensemble->spread, block);
        block->evaluated = false;
    }
}

static void take_fresh(const struct ensemble *ensemble, struct block *block)
{
    wavefunction_evaluate(&ensemble->wavefunction, block->current);
    block->evaluated = true;
    block->movable = block->updated = false;
}

bool ensemble_take(struct ensemble *ensemble, const double *theta)
{
    if (!wavefunction_prepare(&ensemble->wavefunction, theta))
        return false;
    if (ensemble->sampler->prepare && !ensemble->sampler->prepare(ensemble->sampler_state, &ensemble->wavefunction))
        return false;
#pragma omp parallel for num_threads((int)ensemble->threads) schedule(static)
    for (size_t k = ensemble->first_block; k < ensemble->end_block; k++)
        for (size_t r = 0; r < ensemble->n_rungs; r++)
            take_fresh(ensemble, &ensemble->block[r * ensemble->n_blocks + k]);
    return true;
}

static void take_scratch(const struct ensemble *ensemble, struct rows *rows)
{
    const size_t thread = (size_t)omp_get_thread_num();
    lay_out(ensemble, ensemble->scratch + thread * ensemble->scratch_doubles, rows);
    rows->trial = ensemble->trial[thread];
}

bool ensemble_foresee(struct ensemble *ensemble, const double *theta_back)
{
    const size_t m = ensemble->wavefunction.n_coordinates;
    for (size_t k = ensemble->first_block; k < ensemble->end_block; k++)
        wavefunction_log(&ensemble->wavefunction, ensemble->block[k].current, ensemble->log_psi + k * WALKERS);
    if (!wavefunction_prepare(&ensemble->wavefunction, theta_back))
        return false;
#pragma omp parallel for num_threads((int)ensemble->threads) schedule(static)
    for (size_t k = ensemble->first_block; k < ensemble->end_block; k++) {
        struct rows rows;
        take_scratch(ensemble, &rows);
        rows_copy(m, ensemble->block[k].current, rows.trial);
        wavefunction_weigh(&ensemble->wavefunction, rows.trial);
        wavefunction_log(&ensemble->wavefunction, rows.trial, ensemble->log_psi + ensemble->n_walkers + k * WALKERS);
    }
    return true;
}

struct strain_sums {
    double linear, linear2, quadratic, quadratic2;
};

// Near a node that a step moves, at distance d, ln psi changes like 1/d to first and 1/d^2 to second order, whose
// variance is infinite: with `bounded` no walker's quadratic part counts for more than its linear one.
static void add_strain(const struct ensemble *ensemble, size_t block, bool bounded, struct strain_sums *sums)
{
    const double *before = ensemble->log_psi + block * WALKERS, *back = before + ensemble->n_walkers;
    double after[WALKERS];
    wavefunction_log(&ensemble->wavefunction, ensemble->block[block].current, after);
    for (size_t w = 0; w < WALKERS; w++) {
        const double linear = 0.5 * (after[w] - back[w]), bend = 0.5 * (after[w] + back[w]) - before[w];
        const double quadratic = bounded ? fmax(-fabs(linear), fmin(fabs(linear), bend)) : bend;
        sums->linear += linear;
        sums->linear2 += linear * linear;
        sums->quadratic += quadratic;
        sums->quadratic2 += quadratic * quadratic;
    }
}

struct ensemble_strain ensemble_strain(struct ensemble *ensemble)
{
    struct strain_sums sums[GROUPS_MOST] = { { 0 } }, total = { 0 };
    struct factor_traits traits;
    wavefunction_traits(&ensemble->wavefunction, &traits);
    for (size_t g = ensemble->first_group; g < ensemble->end_group; g++)
        for (size_t k = 0; k < ensemble->group[g].n_blocks; k++)
            add_strain(ensemble, ensemble->group[g].first_block + k, traits.has_nodes, &sums[g]);
    ensemble_move_groups(ensemble, sums, sizeof *sums, TEAM_GATHER_ALL);
    for (size_t g = 0; g < ensemble->n_groups; g++) {
        total.linear += sums[g].linear;
        total.linear2 += sums[g].linear2;
        total.quadratic += sums[g].quadratic;
        total.quadratic2 += sums[g].quadratic2;
    }
    const double n = (double)ensemble->n_walkers;
    return (struct ensemble_strain){ (total.linear2 - total.linear * total.linear / n) / n,
                                     (total.quadratic2 - total.quadratic * total.quadratic / n) / n };
}

static void give_scratch(struct ensemble *ensemble, const struct rows *rows)
{
    ensemble->trial[omp_get_thread_num()] = rows->trial;
}

static size_t sweep(const struct ensemble *ensemble, const struct sampler_rung *rung, struct block *block,
                    struct rows *rows)
{
    block->evaluated = true;  // a sampler that leaves the frame without gradients says so
    block->trial = rows->trial;
    const size_t accepted = ensemble->sampler->sweep(ensemble->sampler_state, rung, &ensemble->wavefunction, block,
                                                     rows->sampler);
    rows->trial = block->trial;
    return accepted;
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

// One block of walkers at all temperatures.
struct ladder {
    struct block block[RUNGS_MOST];
    struct sampler_rung rung[RUNGS_MOST];
    size_t accepted[RUNGS_MOST], swapped[RUNGS_MOST - 1];
};

static void take_ladder(const struct ensemble *ensemble, size_t k, struct ladder *ladder)
{
    for (size_t r = 0; r < ensemble->n_rungs; r++) {
        ladder->block[r] = ensemble->block[r * ensemble->n_blocks + k];
        ladder->rung[r] = rung_at(ensemble, r);
        ladder->accepted[r] = ladder->block[r].divergent = 0;
    }
    for (size_t r = 0; r + 1 < ensemble->n_rungs; r++)
        ladder->swapped[r] = 0;
}

static void give_ladder(struct ensemble *ensemble, size_t k, const struct ladder *ladder)
{
    for (size_t r = 0; r < ensemble->n_rungs; r++)
        ensemble->block[r * ensemble->n_blocks + k] = ladder->block[r];
}

static void sweep_ladder(const struct ensemble *ensemble, struct ladder *ladder, struct rows *rows)
{
    for (size_t r = 0; r < ensemble->n_rungs; r++)
        ladder->accepted[r] += sweep(ensemble, &ladder->rung[r], &ladder->block[r], rows);
    // from the hottest down, so that a configuration may come all the way
    for (size_t r = ensemble->n_rungs - 1; r-- > 0;)
        ladder->swapped[r] += sampler_swap(&ensemble->wavefunction, ensemble->temperature + r, &ladder->block[r],
                                           &ladder->block[r + 1]);
}

static void refresh_ladder(const struct ensemble *ensemble, struct ensemble_group *group, struct ladder *ladder)
{
    for (size_t r = 0; r < ensemble->n_rungs; r++)
        refresh(ensemble, group, &ladder->block[r]);
}

static bool is_cut(const struct ensemble *ensemble) { return __atomic_load_n(&ensemble->was_cut, __ATOMIC_RELAXED); }

static bool cut(struct ensemble *ensemble)
{
    if (!ensemble->cut || is_cut(ensemble))
        return is_cut(ensemble);
    if (!ensemble->cut(ensemble->cut_context))
        return false;
    __atomic_store_n(&ensemble->was_cut, true, __ATOMIC_RELAXED);
    return true;
}

// Where one process is cut, all are; how many moves were accepted in all.
static uint64_t join_cut(struct ensemble *ensemble, uint64_t accepted)
{
    uint64_t values[] = { accepted, ensemble->was_cut };
    team_sum(ensemble->team, values, 2);
    ensemble->was_cut = values[1] > 0;
    return values[0];
}

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
        acceptance[r] = (double)join_cut(ensemble, accepted[r]) / moves;
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
    join_cut(ensemble, 0);
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

// Samples of one pass that the coefficients of the control variates are fitted to.
enum { FIT_SAMPLES_MOST = 1 << 15 };

struct pass {
    size_t draws;
    unsigned what;
    ensemble_visit *visit;
    void *context;
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
    const bool controlled = ensemble->controls.n_functions > 0, slopes = controlled && (what & PASS_GRADIENT);
    const size_t fit_every = 1 + draws * ensemble->n_walkers / FIT_SAMPLES_MOST;
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
        if (!block->evaluated)
            (block->movable ? wavefunction_evaluate_moved : wavefunction_evaluate)(wavefunction, block->current);
        block->evaluated = true;
        if (controlled)
            controls_evaluate(&ensemble->controls, &ensemble->hamiltonian, wavefunction, block->current, rows->energy,
                              rows->c, slopes ? rows->du : NULL);
        else
            estimator_energy(&ensemble->hamiltonian, wavefunction, block->current, rows->energy);
        if (controlled)
            controls_apply(&ensemble->controls, !(what & PASS_GRADIENT), rows->energy, rows->c, rows->controlled);
        const size_t bad = replace_bad_walkers(ensemble, rows);
        group->sums.bad += (double)bad;
        moments_add(ensemble->reference, rows->energy, rows->controlled, rows->moments);
        if (controlled && (what & PASS_CONTROLS) && t % fit_every == 0)
            controls_gather(&ensemble->controls, rows->energy, rows->c, rows->control, group->control_sums);
        if (what & PASS_GRADIENT) {
            if (wavefunction->wants_plain)
                moments_centre(rows->energy + ENERGY_LOCAL * WALKERS, bad ? rows->weight : NULL, rows->plain);
            moments_centre(rows->controlled, bad ? rows->weight : NULL, rows->weight);
            wavefunction_accumulate(wavefunction, block->current, rows->weight, rows->plain, slopes ? rows->du : NULL,
                                    rows->factor, group->gradient_sums);
        }
        if (what & PASS_FEATURES)
            wavefunction_features(wavefunction, block->current, rows->features);
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
    const struct pass pass = { draws, what, visit, context };
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
    join_cut(ensemble, 0);
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

bool ensemble_fit(struct ensemble *ensemble)
{
    double moments[GROUPS_MOST][FIT_MOMENTS] = { { 0 } }, total[FIT_MOMENTS] = { 0 };
    if (ensemble->controls.n_functions == 0)
        return false;
    for (size_t g = ensemble->first_group; g < ensemble->end_group; g++)
        controls_reduce(&ensemble->controls, ensemble->group[g].control_sums, moments[g]);
    ensemble_move_groups(ensemble, moments, sizeof *moments, TEAM_GATHER_ALL);
    for (size_t g = 0; g < ensemble->n_groups; g++)
        for (size_t k = 0; k < FIT_MOMENTS; k++)
            total[k] += moments[g][k];
    return controls_fit(&ensemble->controls, total);
}
