// SPDX-License-Identifier: GPL-3.0-or-later
// The walkers of a run and the passes over them. Blocks are dealt to a fixed number of groups; a thread takes whole
// groups, sums are kept per group and merged in order, so that results do not depend on the number of threads. Several
// processes have a stretch of the groups each; what the others' sums are is told after a pass, and merged in the same
// order.
#ifndef VMC_RUN_ENSEMBLE_H
#define VMC_RUN_ENSEMBLE_H

#include "vmc/estimator.h"
#include "vmc/settings.h"
#include "vmc/team.h"
#include "vmc/walkers.h"

enum { GROUPS_MOST = 64, RUNGS_MOST = PARAM_LIST_MOST };

// Per-walker and per-draw sums of a pass; energies relative to `reference` so that squares keep their digits.
struct ensemble_sums {
    double samples, bad, accepted, moves;
    double energy, energy2;            // controlled
    double local, local2;              // E_L itself
    double walker2;                    // squares of the walkers' means (controlled)
    double divergent;                  // trajectories
    double rung_accepted[RUNGS_MOST];  // moves accepted at every temperature
    double swapped[RUNGS_MOST - 1];    // configurations exchanged with the next temperature; once per sweep is tried
};

struct ensemble_group {
    size_t first_block, n_blocks;
    double *gradient_sums, *control_sums;  // rows
    double *other_sums;  // of the gradient without control variates, or with them, where it is the other one; or NULL
    struct ensemble_sums sums;
    double drift;  // see below
};

struct ensemble {
    struct wavefunction wavefunction;
    struct hamiltonian hamiltonian;
    struct controls controls;
    bool may_drop;        // control variates that are not worth their cost are left out (run/worth.h)
    bool without_pairs;   // the functions of pairs are, while measuring
    bool plain_gradient;  // the gradient does without any
    const struct sampler_type *sampler;
    void *sampler_state;
    double step;  // in use at T = 1
    // Parallel tempering: block k at temperature number r is block[r * n_blocks + k]; rung 0 has T = 1. Rows of
    // rung_row numbers: step, its tuning, then the sampler's own.
    size_t n_rungs, n_sampler_numbers, rung_row;
    double temperature[RUNGS_MOST];
    double spread;  // of the starting points, in widths of the trap
    double *rungs;
    bool may_jump, seeks;  // walkers try jumps between maxima that lie apart; also to those that a search finds
    struct sampler_jumps jumps;
    bool diffuses, warm;  // momentum diffusion is asked for; the first burn-in is over
    bool learnt;          // the sampler has had its lessons
    double *moments;      // [group, 2 n_coordinates], for lessons; NULL: it takes none
    size_t thin;
    size_t n_walkers, n_blocks, n_groups, threads;
    struct block *block;      // [n_rungs][n_blocks]
    double *frames, **trial;  // one frame per block; one per thread, which is in the scratch at first
    uint64_t *random;
    struct ensemble_group group[GROUPS_MOST];
    double *group_gradients;        // [group, parameter]
    const struct team *team;        // NULL: alone
    size_t first_group, end_group;  // this process's
    size_t first_block, end_block;
    size_t *offset;   // [ranks + 1], of use in team_move
    double *log_psi;  // ln |psi| of every walker before a step, and a step the other way [2][n_walkers]
    double *scratch;  // threads times scratch_doubles
    size_t scratch_doubles;
    double reference;  // an energy near the mean
    double drift;      // largest change of ln|psi|^2 when what one-particle moves had updated was computed from scratch
    // Asked between sweeps, by every thread: true cuts a pass or burn-in short. What it leaves behind is of no use
    // then, the walkers included.
    bool (*cut)(void *context);  // may be NULL
    void *cut_context;
    bool was_cut;  // stays so until it is cleared
};

enum { RUNG_STEP, RUNG_TUNING_SUM, RUNG_TUNING_COUNT, RUNG_OWN };

struct ensemble_rows {
    void *base;
    size_t rows, stride, size;  // bytes from row to row; bytes of one block in a row
};

// What a pass over the draws hands to a caller per draw and block, besides the sums. Rows of 32.
struct ensemble_draw {
    size_t group, block, draw;
    const double *energy;      // ENERGY_ROWS
    const double *controlled;  // CONTROLLED_ROWS; with PASS_GRADIENT only the first
    const double *x;           // the frame, which begins with the coordinates [M]
    double *spare;             // room for n_features rows (wavefunction_features)
    size_t bad;
};
typedef void ensemble_visit(const struct ensemble_draw *draw, void *context);

// What the settings describe, before there are walkers.
bool ensemble_build_model(const struct settings *settings, struct hamiltonian *hamiltonian,
                          struct wavefunction *wavefunction, struct error *error);
bool ensemble_build(struct ensemble *ensemble, const struct settings *settings, size_t threads, struct error *error);
// The same with other factors than those that the settings choose.
struct ensemble_factors {
    size_t n;
    const struct factor_type *type[FACTORS_MOST];
    void *state[FACTORS_MOST];
};
bool ensemble_build_product(struct ensemble *ensemble, const struct settings *settings,
                            const struct ensemble_factors *factors, size_t threads, struct error *error);
void ensemble_finish(struct ensemble *ensemble);
// From here on this process has its share of the groups only. Everything below is then done by all of the team at once.
bool ensemble_join(struct ensemble *ensemble, const struct team *team, struct error *error);
// What is known of each group, `size` bytes one after the other, and of each block, in rows `stride` bytes apart: to
// where it is needed.
void ensemble_move_groups(const struct ensemble *ensemble, void *base, size_t size, enum team_way way);
void ensemble_move_blocks(const struct ensemble *ensemble, const struct ensemble_rows *rows, enum team_way way);
size_t ensemble_memory(const struct ensemble *ensemble);  // bytes
// Fresh walkers from the trap's Gaussian, their particles outside one another's cores; streams from the seed.
void ensemble_start(struct ensemble *ensemble, uint64_t seed);
// New parameters: false when they make no wave function. Walkers keep their places and are evaluated anew.
bool ensemble_take(struct ensemble *ensemble, const double *theta);
// From here on walkers also jump to maxima that only a search finds, anew with all parameters, or no longer; how many
// these are now.
size_t ensemble_seek(struct ensemble *ensemble, bool seeks);
// How ln |psi| of the walkers answers to a step of the parameters: variances over them of the part that is linear in
// the step and of the part that is quadratic. `ensemble_foresee`, with the step taken backwards, comes before
// ensemble_take with it, `ensemble_strain` after.
struct ensemble_strain {
    double linear, quadratic;
};
bool ensemble_foresee(struct ensemble *ensemble, const double *theta_back);
struct ensemble_strain ensemble_strain(struct ensemble *ensemble);
// `sweeps` sweeps; with `tune` the step approaches the best acceptance and is frozen at the end.
void ensemble_burn_in(struct ensemble *ensemble, size_t sweeps, bool tune);
// The same in parts: a few sweeps, until `done` is all of them. In between the walkers' coordinates and streams are all
// there is to know.
struct ensemble_tuning {
    size_t done;        // sweeps
    double sum, count;  // of ln step over the last half
};
void ensemble_burn_in_part(struct ensemble *ensemble, size_t sweeps, bool tune, struct ensemble_tuning *tuning);
// After a pass of training: what the sampler learns from it.
void ensemble_learn(struct ensemble *ensemble, const struct ensemble_sums *sums, bool tune);
// Whether draws are independent of each other and of where the walkers began: then nothing is to be discarded.
bool ensemble_is_independent(const struct ensemble *ensemble);
// Draws with sums. what: which sums are taken besides those of struct ensemble_sums.
// PASS_OTHER: the gradient that is not in use, too.
enum { PASS_GRADIENT = 1, PASS_CONTROLS = 2, PASS_OTHER = 4 };
void ensemble_pass(struct ensemble *ensemble, size_t draws, unsigned what, ensemble_visit *visit, void *context,
                   struct ensemble_sums *total);
// After a pass: dE/dtheta [K], merged over the groups.
void ensemble_gradient(const struct ensemble *ensemble, double samples, double *gradient);
// After a pass with PASS_CONTROLS: new coefficients.
bool ensemble_fit(struct ensemble *ensemble);
// The same, and functions of pairs that are not worth their cost are left out from here on (`without_pairs`).
void ensemble_fit_for_good(struct ensemble *ensemble);
// After a pass with PASS_OTHER: whether the next ones take the gradient with control variates or the plain one, by
// their variances over the groups. Keeps what is in use where there are too few groups to say.
void ensemble_choose_gradient(struct ensemble *ensemble);

#endif
