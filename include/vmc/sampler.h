// SPDX-License-Identifier: GPL-3.0-or-later
// Samplers of |psi|^2 (docs/theory.md, section 4).
#ifndef VMC_SAMPLER_H
#define VMC_SAMPLER_H

#include "vmc/error.h"
#include "vmc/param.h"
#include "vmc/walkers.h"
#include "vmc/wavefunction.h"

// Up to here u^T of a uniform number u stays above what a hard core has as its weight.
#define SAMPLER_TEMPERATURE_MOST 16

// How walkers are sampled, besides what the keys of the configuration say. With parallel tempering every temperature
// has a rung of its own.
struct sampler_rung {
    double temperature;  // T of |psi|^(2/T)
    double step;
    double *numbers;  // [n_numbers] of the sampler's own
};

// What a sampler may learn from while draws are discarded or parameters still change: never while measuring.
struct sampler_lesson {
    size_t n_coordinates;
    double acceptance;             // since the last lesson
    const double *mean, *squares;  // over the walkers: of x, and of (x - mean)^2; [n_coordinates]
    double progress;               // through the burn-in, 0 to 1; in training NAN
    bool tune;                     // false: the step is given
};

struct sampler_type {
    const char *name, *summary;
    size_t state_size;
    const struct param *params;  // the keys of [sampler] that are its own
    bool has_step;               // false: there is nothing to tune, and the next three are absent
    const char *step_unit;
    // Acceptance to tune for, and a first guess of the step.
    double (*best_acceptance)(const void *state, const struct system *system);
    double (*first_step)(const void *state, const struct system *system);
    // False with the reason when it cannot serve this wave function. NULL: it serves all.
    bool (*suits)(const void *state, const struct wavefunction *wavefunction, struct error *error);
    // Takes numbers into the state that follow from the parameters in use; due after every wavefunction_prepare, before
    // the next sweep. False when there are none. NULL: the sampler needs none.
    bool (*prepare)(void *state, const struct wavefunction *wavefunction);
    bool independent;  // a draw does not depend on the one before, where the wave function is an RBM and nothing else
    bool redraws;      // proposes places as an RBM alone would have them
    size_t (*n_scratch_rows)(const void *state, const struct wavefunction *wavefunction);
    size_t (*moves_per_sweep)(const void *state, const struct system *system);
    // One sweep of one block; returns accepted moves, summed over the walkers. `block->current` must have its weight
    // and caches (wavefunction_evaluate) from the same parameters.
    size_t (*sweep)(const void *state, const struct sampler_rung *rung, const struct wavefunction *wavefunction,
                    struct block *block, double *scratch);
    bool tempers;  // can sample |psi|^(2/T)
    // ---- for samplers that learn more than a step; NULL: none of this.
    // Numbers kept with the run: first a width per coordinate, which the results file keeps and another run can begin
    // from, then whatever `learn` needs.
    size_t (*n_numbers)(const struct system *system);
    void (*begin)(const void *state, const struct system *system, double *numbers);
    // Sweeps from one lesson to the next in burn-in.
    size_t lesson_sweeps;
    void (*learn)(const void *state, const struct sampler_lesson *lesson, struct sampler_rung *rung);
};

// Exchanges the configurations of walkers at two temperatures where that is accepted; returns how many. Both frames
// have their weights. Uniform numbers are the colder walkers'.
size_t sampler_swap(const struct wavefunction *wavefunction, const double temperature[2], struct block *cold,
                    struct block *hot);

// Jumps between maxima of |psi|^2 that lie apart, by displacements that the factors know (vmc/factor.h).
struct sampler_jumps {
    size_t n, most;
    double *displacement;  // [n][M], of the parameters in use; room for `most`
};
bool sampler_jumps_build(struct sampler_jumps *jumps, const struct wavefunction *wavefunction);
void sampler_jumps_finish(struct sampler_jumps *jumps);
void sampler_jumps_take(struct sampler_jumps *jumps, const struct wavefunction *wavefunction);  // after its prepare
// After that: adds those that only a search finds, and returns how many.
size_t sampler_jumps_seek(struct sampler_jumps *jumps, const struct wavefunction *wavefunction);
// Each walker tries one; returns how many were accepted. scratch: SAMPLER_JUMP_ROWS rows.
enum { SAMPLER_JUMP_ROWS = 4 };
size_t sampler_jump(const struct sampler_jumps *jumps, const struct wavefunction *wavefunction, double temperature,
                    struct block *block, double *scratch);

// One trajectory of momentum diffusion at a temperature, approximate: for warming up. scratch: sampler_diffusion_rows.
size_t sampler_diffusion_rows(const struct wavefunction *wavefunction);
void sampler_diffuse(const struct wavefunction *wavefunction, double temperature, struct block *block, double *scratch);

const struct sampler_type *sampler_type_at(size_t index);
const char *sampler_name(size_t index);

#endif
