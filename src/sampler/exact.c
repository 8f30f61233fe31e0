// SPDX-License-Identifier: GPL-3.0-or-later
// Independent draws from an RBM. With K = 2c copies of the hidden layer, |psi_rbm|^2 = F^K is a mixture of (K + 1)^N
// normal distributions, one per vector n of counts n_j = 0 .. K (docs/theory.md, section 8):
//     mean a_i + u_i,  u_i = (1/K) sum_j w_ij n_j,  variance sigma_i^2 / K,
//     ln weight = sum_j [ b_j n_j + ln binomial(K, n_j) ] + sum_i (K / (2 sigma_i^2)) u_i (2 a_i + u_i)   (but for a
//     constant).
// A draw takes a component by its weight, then normal numbers. Beside other factors J it is a proposal that does not
// depend on x: accepted with min(1, |J'/J|^2). Check by hand: N = M = 1, a = b = 0, w = sigma = 1, amplitude: ln
// weights 0, ln 2 + 1/4, 1.
#include "sampler/accept.h"
#include "sampler/copies.h"
#include "vmc/rng.h"
#include "vmc/sampler.h"

#include <math.h>
#include <string.h>

// 8 hidden units in the amplitude form, 12 in the probability form
enum { TERMS_MOST = 6561, TERM_ROWS = (TERMS_MOST + WALKERS - 1) / WALKERS };

struct exact {
    size_t copies, terms;
    double cumulative[TERM_ROWS * WALKERS];  // sums of the weights so far, relative to the heaviest
};

static const struct param params[] = { PARAM_END };

extern const struct sampler_type sampler_exact;

static size_t copies_of(const struct rbm *rbm) { return rbm->c == 1 ? 2 : 1; }

static bool suits(const void *state, const struct wavefunction *wavefunction, struct error *error)
{
    (void)state;
    const size_t f = copies_find_rbm(wavefunction);
    if (f == wavefunction->n_factors)
        return error_add(
            error, ERROR_CONFIG,
            "[sampler] method = exact: it draws from the normal distributions an RBM consists of, and [wavefunction] "
            "factors has no rbm; use langevin or metropolis");
    const struct rbm *rbm = wavefunction->factor[f].state;
    if (!rbm->envelope)
        return error_add(
            error, ERROR_CONFIG,
            "[sampler] method = exact: the RBM's Gaussian was dropped since another factor carries the trap's; "
            "use rbm.envelope = yes, or sampler.method = langevin");
    const size_t base = copies_of(rbm) + 1;
    const double terms = pow((double)base, (double)rbm->hidden);
    if (terms > TERMS_MOST)
        return error_add(error, ERROR_CONFIG,
                         "[sampler] method = exact: with %zu hidden units |psi|^2 has %zu^%zu = %.*g normal "
                         "distributions in it, and at most "
                         "%d are allowed (%s units in this representation); use gibbs or langevin",
                         rbm->hidden, base, rbm->hidden, terms < 1e15 ? 15 : 3, terms, TERMS_MOST,
                         base == 3 ? "8" : "12");
    return true;
}

// counts [N], normals [M], a uniform row, the mask
static size_t n_scratch_rows(const void *state, const struct wavefunction *wavefunction)
{
    (void)state;
    const size_t f = copies_find_rbm(wavefunction);
    const size_t hidden = f < wavefunction->n_factors ? ((const struct rbm *)wavefunction->factor[f].state)->hidden : 0;
    return hidden + wavefunction->n_coordinates + 2;
}

static size_t moves_per_sweep(const void *state, const struct system *system)
{
    (void)state;
    (void)system;
    return 1;
}

// Term number t has n_j = digit j of t in base K + 1.
static double log_weight(const struct rbm *rbm, size_t copies, size_t term)
{
    size_t count[16], n = rbm->hidden;  // TERMS_MOST allows 12
    double sum = 0;
    for (size_t j = 0; j < n; j++, term /= copies + 1) {
        count[j] = term % (copies + 1);
        sum += rbm->b[j] * (double)count[j] + (copies == 2 && count[j] == 1 ? 0.6931471805599453 : 0);
    }
    for (size_t i = 0; i < rbm->n_coordinates; i++) {
        double pull = 0;
        for (size_t j = 0; j < n; j++)
            pull += rbm->w[i * n + j] * (double)count[j];
        pull /= (double)copies;
        sum += 0.5 * (double)copies * rbm->inverse_variance[i] * pull * (2 * rbm->a[i] + pull);
    }
    return sum;
}

// Weights by an exponential of our own: the same bits on every processor.
static void exponentiate(size_t n_rows, double most, double *values)
{
    for (size_t r = 0; r < n_rows; r++) {
        pack row[ROW_PACKS];
        memcpy(row, values + r * WALKERS, sizeof row);
        for (size_t l = 0; l < ROW_PACKS; l++)
            row[l] = pack_exp(row[l] - most);
        memcpy(values + r * WALKERS, row, sizeof row);
    }
}

static bool prepare(void *state, const struct wavefunction *wavefunction)
{
    struct exact *exact = state;
    const struct rbm *rbm = wavefunction->factor[copies_find_rbm(wavefunction)].state;
    double most = -INFINITY;
    exact->copies = copies_of(rbm);
    exact->terms = 1;
    for (size_t j = 0; j < rbm->hidden; j++)
        exact->terms *= exact->copies + 1;
    const size_t n_rows = (exact->terms + WALKERS - 1) / WALKERS;
    for (size_t t = 0; t < n_rows * WALKERS; t++) {
        exact->cumulative[t] = t < exact->terms ? log_weight(rbm, exact->copies, t) : most;
        if (!isfinite(exact->cumulative[t]))
            return false;
        most = fmax(most, exact->cumulative[t]);
    }
    exponentiate(n_rows, most, exact->cumulative);
    for (size_t t = 1; t < exact->terms; t++)
        exact->cumulative[t] += exact->cumulative[t - 1];
    return true;
}

// The first term up to which the weights add up to `level`.
static size_t find_term(const struct exact *exact, double level)
{
    size_t low = 0, high = exact->terms - 1;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (exact->cumulative[middle] < level)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void draw_counts(const struct exact *exact, size_t hidden, const double *uniform, double *rows)
{
    for (size_t w = 0; w < WALKERS; w++) {
        size_t term = find_term(exact, uniform[w] * exact->cumulative[exact->terms - 1]);
        for (size_t j = 0; j < hidden; j++, term /= exact->copies + 1)
            rows[j * WALKERS + w] = (double)(term % (exact->copies + 1));
    }
}

static size_t sweep(const void *state, const struct sampler_rung *rung, const struct wavefunction *wavefunction,
                    struct block *block, double *scratch)
{
    const size_t f = copies_find_rbm(wavefunction), m = wavefunction->n_coordinates;
    const struct rbm *rbm = wavefunction->factor[f].state;
    double *counts = scratch, *normals = rows_at(scratch, rbm->hidden), *uniform = rows_at(normals, m),
           *mask = rows_at(normals, m + 1);
    (void)rung;
    rng_uniforms(block->random, 1, uniform);
    draw_counts(state, rbm->hidden, uniform, counts);
    rng_normals(block->random, m, normals);
    copies_draw_visible(rbm, counts, normals, block->trial);
    wavefunction_evaluate(wavefunction, block->trial);
    size_t accepted = WALKERS;
    if (wavefunction->n_factors > 1) {
        rng_uniforms(block->random, 1, uniform);
        accepted = accept_mask(wavefunction, block->current, block->trial, uniform, NULL, f, mask);
    }
    accept_frame(wavefunction, accepted, mask, block);
    return accepted;
}

const struct sampler_type sampler_exact = {
    .name = "exact",
    .summary = "independent draws from the normal distributions an RBM consists of (few hidden units)",
    .state_size = sizeof(struct exact),
    .params = params,
    .has_step = false,
    .redraws = true,
    .suits = suits,
    .prepare = prepare,
    .independent = true,
    .n_scratch_rows = n_scratch_rows,
    .moves_per_sweep = moves_per_sweep,
    .sweep = sweep,
};
