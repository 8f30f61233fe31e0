// SPDX-License-Identifier: GPL-3.0-or-later
// Block Gibbs sampling of both representations (docs/theory.md, eqs. 4.8 and 4.9): with K = 2c copies of the hidden
// layer, |psi_rbm|^2 = F^K is the marginal of
//     n_j | x ~ Binomial(K, s_j),   x_i | n ~ Normal( a_i + (1/K) sum_j w_ij n_j, sigma_i^2 / K ).
// K = 1 is the textbook sampler (probability form), K = 2 serves the amplitude form.
//
// Beside other factors J the hidden units are drawn as before, since J does not depend on them; then one particle at a
// time is redrawn, given n, and accepted with min(1, |J'/J|^2). All at once, J would change by so much that beyond a
// few particles hardly any draw were accepted.
#include "sampler/accept.h"
#include "sampler/copies.h"
#include "vmc/rng.h"
#include "vmc/sampler.h"

struct gibbs {
    bool single;  // one particle at a time
};

static const struct param params[] = { PARAM_END };

extern const struct sampler_type sampler_gibbs;

static bool suits(const void *state, const struct wavefunction *wavefunction, struct error *error)
{
    (void)state;
    const size_t f = copies_find_rbm(wavefunction);
    if (f == wavefunction->n_factors)
        return error_add(
            error, ERROR_CONFIG,
            "[sampler] method = gibbs: it draws the hidden units of an RBM, and [wavefunction] factors has no rbm; "
            "use langevin or metropolis");
    const struct rbm *rbm = wavefunction->factor[f].state;
    if (!rbm->envelope)
        return error_add(
            error, ERROR_CONFIG,
            "[sampler] method = gibbs: the RBM's Gaussian was dropped since another factor carries the trap's; "
            "use rbm.envelope = yes, or sampler.method = langevin");
    return true;
}

static bool prepare(void *state, const struct wavefunction *wavefunction)
{
    ((struct gibbs *)state)->single = wavefunction->n_weights > 1;
    return true;
}

// hidden draws [N], normals [M], a uniform row, the mask; s_j [N] and new coordinates [M]
static size_t n_scratch_rows(const void *state, const struct wavefunction *wavefunction)
{
    (void)state;
    const size_t f = copies_find_rbm(wavefunction);
    const size_t hidden = f < wavefunction->n_factors ? ((const struct rbm *)wavefunction->factor[f].state)->hidden : 0;
    return 2 * (hidden + wavefunction->n_coordinates + 1);
}

static size_t moves_per_sweep(const void *state, const struct system *system)
{
    return ((const struct gibbs *)state)->single ? system->particles : 1;
}

// n_j from one uniform number u each: K = 1: n = [u <= s]; K = 2: P(n = 2) = s^2, P(n >= 1) = 1 - (1 - s)^2. In place
// of u.
static void draw_hidden(const struct rbm *rbm, const double *sigmoid, double *rows)
{
    const pack one = pack_all(1.0), zero = pack_all(0.0);
    for (size_t k = 0; k < rbm->hidden * ROW_PACKS; k++) {
        const pack u = ((const pack *)rows)[k], s = ((const pack *)sigmoid)[k], t = 1.0 - s;
        ((pack *)rows)[k] = rbm->c == 1
                                ? (pack)(pack_select(u <= s * s, one, zero) + pack_select(u <= 1.0 - t * t, one, zero))
                                : pack_select(u <= s, one, zero);
    }
}

// s_j = 1 / (1 + e^-theta_j), from the angles that one-particle moves keep
static void find_sigmoid(size_t n, const double *theta, double *out)
{
    for (size_t k = 0; k < n * ROW_PACKS; k++) {
        const pack t = ((const pack *)theta)[k], e = pack_exp_minus_abs(t), r = 1.0 / (1.0 + e);
        ((pack *)out)[k] = pack_select_sign(t, e * r, r);
    }
}

static size_t move_all(const struct wavefunction *wavefunction, size_t f, struct block *block, double *scratch)
{
    const size_t m = wavefunction->n_coordinates;
    const struct rbm *rbm = wavefunction->factor[f].state;
    const double *cache = rows_at(block->current, wavefunction->factor[f].first_cache_row);
    double *hidden = scratch, *normals = rows_at(scratch, rbm->hidden), *mask = rows_at(normals, m + 1);
    rng_uniforms(block->random, rbm->hidden, hidden);
    draw_hidden(rbm, rbm_sigmoid(rbm, cache), hidden);
    rng_normals(block->random, m, normals);
    copies_draw_visible(rbm, hidden, normals, block->trial);
    wavefunction_evaluate(wavefunction, block->trial);
    accept_frame(wavefunction, WALKERS, mask, block);
    return WALKERS;
}

static size_t move_particles(const struct wavefunction *wavefunction, size_t f, struct block *block, double *scratch)
{
    const size_t m = wavefunction->n_coordinates, n = wavefunction->system.dimensions;
    const struct rbm *rbm = wavefunction->factor[f].state;
    double *hidden = scratch, *normals = rows_at(scratch, rbm->hidden), *uniform = rows_at(normals, m),
           *mask = rows_at(normals, m + 1);
    double *sigmoid = rows_at(normals, m + 2), *x = rows_at(sigmoid, rbm->hidden);
    size_t accepted = 0;
    if (!block->movable)
        wavefunction_refresh(wavefunction, false, block->current);
    find_sigmoid(rbm->hidden, rows_at(block->current, wavefunction->factor[f].first_cache_row), sigmoid);
    rng_uniforms(block->random, rbm->hidden, hidden);
    draw_hidden(rbm, sigmoid, hidden);
    rng_normals(block->random, m, normals);
    copies_draw_visible(rbm, hidden, normals, x);
    rows_copy(m, block->current, block->trial);
    for (size_t p = 0; p < wavefunction->system.particles; p++) {
        rows_copy(n, rows_at(x, p * n), rows_at(block->trial, p * n));
        rng_uniforms(block->random, 1, uniform);
        wavefunction_ratio(wavefunction, p, block->current, block->trial);
        accepted += accept_mask(wavefunction, block->current, block->trial, uniform, NULL,
                                wavefunction->factor[f].weight, mask);
        wavefunction_accept(wavefunction, p, mask, block->trial, block->current);
    }
    block->evaluated = false;
    block->movable = block->updated = true;
    return accepted;
}

static size_t sweep(const void *state, const struct sampler_rung *rung, const struct wavefunction *wavefunction,
                    struct block *block, double *scratch)
{
    const size_t f = copies_find_rbm(wavefunction);
    (void)rung;
    return (((const struct gibbs *)state)->single ? move_particles : move_all)(wavefunction, f, block, scratch);
}

const struct sampler_type sampler_gibbs = {
    .name = "gibbs",
    .summary = "hidden and visible units drawn in turn (exact for an RBM alone)",
    .state_size = sizeof(struct gibbs),
    .params = params,
    .has_step = false,
    .redraws = true,
    .suits = suits,
    .prepare = prepare,
    .n_scratch_rows = n_scratch_rows,
    .moves_per_sweep = moves_per_sweep,
    .sweep = sweep,
};
