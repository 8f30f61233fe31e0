// SPDX-License-Identifier: GPL-3.0-or-later
#include "run/compatibility.h"
#include "run/worth.h"
#include "run/ensemble_parts.h"

#include "base/memory.h"
#include "vmc/observables.h"
#include "vmc/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t claim_rows(double *scratch, size_t *at, size_t rows, double **out)
{
    *out = scratch ? scratch + *at * WALKERS : NULL;
    return *at += rows;
}

size_t ensemble_lay_out(const struct ensemble *ensemble, double *scratch, struct rows *rows)
{
    size_t at = 0;
    const struct wavefunction *wavefunction = &ensemble->wavefunction;
    claim_rows(scratch, &at, wavefunction->n_rows, &rows->trial);
    const size_t sampler = ensemble->sampler->n_scratch_rows(ensemble->sampler_state, wavefunction),
                 diffusion = ensemble->diffuses ? sampler_diffusion_rows(wavefunction) : 0,
                 most = sampler > diffusion ? sampler : diffusion;
    claim_rows(scratch, &at, most > SAMPLER_JUMP_ROWS ? most : SAMPLER_JUMP_ROWS, &rows->sampler);
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
    ensemble->scratch_doubles = ensemble_lay_out(ensemble, NULL, &rows) * WALKERS;
    ensemble->scratch = memory_doubles(ensemble->threads * ensemble->scratch_doubles);
    ensemble->group_gradients = memory_doubles(ensemble->n_groups * ensemble->wavefunction.n_parameters);
    ensemble->rungs = memory_doubles(ensemble->n_rungs * ensemble->rung_row);
    ensemble->moments = memory_doubles(ensemble->sampler->learn ? 2 * m * (ensemble->n_groups + 1) : 1);
    bool good = ensemble->rungs && ensemble->moments && ensemble->block && ensemble->frames && ensemble->trial &&
                ensemble->random && ensemble->scratch && ensemble->log_psi && ensemble->group_gradients &&
                sampler_jumps_build(&ensemble->jumps, &ensemble->wavefunction);
    for (size_t g = 0; g < ensemble->n_groups; g++) {
        struct ensemble_group *group = &ensemble->group[g];
        group->first_block = first_block(ensemble, g);
        group->n_blocks = first_block(ensemble, g + 1) - group->first_block;
        group->gradient_sums = memory_rows(ensemble->wavefunction.n_sum_rows);
        group->control_sums = memory_rows(controls_sum_rows(&ensemble->controls));
        if (!worth_all_of_gradient(ensemble))
            group->other_sums = memory_rows(ensemble->wavefunction.n_sum_rows);
        good = good && group->gradient_sums && group->control_sums &&
               (worth_all_of_gradient(ensemble) || group->other_sums);
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
    ensemble->may_drop = control_type_at(n) == NULL;  // auto chooses all there are
    return controls_build(&ensemble->controls, &ensemble->hamiltonian, &ensemble->wavefunction, n, index, error);
}

static const char *unsymmetric_factor(const struct wavefunction *wavefunction)
{
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        struct factor_traits traits;
        factor->type->traits(factor->state, &traits);
        if (traits.symmetry == FACTOR_UNSYMMETRIC)
            return factor->type->name;
    }
    return "one of them";
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
            "[wavefunction] factors: %s is not symmetric under the exchange of particles with the same spin, and the "
            "product is no state of fermions; leave it out, let all particles share its weights (rbm.sharing = "
            "environment), or set allow_unsymmetric = yes (the energy is no upper bound then)",
            unsymmetric_factor(&ensemble->wavefunction));
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

static double choose_step(const struct ensemble *ensemble, const struct settings *settings)
{
    if (!isnan(settings->sampler.step))
        return settings->sampler.step;
    return ensemble->sampler->has_step ? ensemble->sampler->first_step(ensemble->sampler_state, &settings->system) : 0;
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
    ensemble->step = choose_step(ensemble, settings);
    ensemble->spread = settings->sampler.spread;
    ensemble->diffuses = settings->sampler.warm_up == WARM_UP_DIFFUSION;
    ensemble->may_jump = settings->sampler.jumps;
    ensemble->n_rungs = settings->sampler.temperatures.n;
    memcpy(ensemble->temperature, settings->sampler.temperatures.value,
           ensemble->n_rungs * sizeof *ensemble->temperature);
    if (ensemble->sampler->n_numbers)
        ensemble->n_sampler_numbers = ensemble->sampler->n_numbers(&settings->system);
    ensemble->rung_row = RUNG_OWN + ensemble->n_sampler_numbers;
    if (check_symmetry(ensemble, settings, error) && check_observables(ensemble, settings, error) &&
        compatibility_check(&ensemble->hamiltonian, &ensemble->wavefunction, error) &&
        choose_controls(ensemble, settings, error) &&
        (!ensemble->sampler->suits ||
         ensemble->sampler->suits(ensemble->sampler_state, &ensemble->wavefunction, error)) &&
        allocate(ensemble, error))
        return true;
    ensemble_finish(ensemble);
    return false;
}

void ensemble_finish(struct ensemble *ensemble)
{
    for (size_t g = 0; g < ensemble->n_groups; g++) {
        memory_free(ensemble->group[g].gradient_sums);
        memory_free(ensemble->group[g].control_sums);
        memory_free(ensemble->group[g].other_sums);
    }
    sampler_jumps_finish(&ensemble->jumps);
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
                 group = (worth_all_of_gradient(ensemble) ? 1 : 2) * ensemble->wavefunction.n_sum_rows +
                         controls_sum_rows(&ensemble->controls);
    const size_t rows = (frame + RNG_ROWS) * ensemble->n_blocks * ensemble->n_rungs + group * ensemble->n_groups;
    return sizeof(double) * (WALKERS * rows + ensemble->threads * ensemble->scratch_doubles);
}
