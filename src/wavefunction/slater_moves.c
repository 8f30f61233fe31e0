// SPDX-License-Identifier: GPL-3.0-or-later
// Moves of one particle.
#include "wavefunction/pair_row.h"
#include "wavefunction/shells.h"
#include "wavefunction/slater.h"

#include <math.h>

PACK_INLINE void ratio_of(const struct slater *slater, size_t spin, size_t n, size_t p, const double *x,
                          const double *b, double *trial)
{
    const struct orbitals *orbitals = &slater->orbitals[spin];
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack functions[ORBITALS_MOST], sum = pack_all(0.0);
        slater_functions(slater, orbitals, n, 1, (const pack *)x + p * slater->dimensions * ROW_PACKS + l, functions);
        for (size_t k = 0; k < n; k++) {
            ((pack *)trial)[k * ROW_PACKS + l] = functions[k];
            sum = pack_fma(functions[k], ((const pack *)b)[rows_by_lines(n * n, k, l)], sum);
        }
        ((pack *)trial)[n * ROW_PACKS + l] = sum;
    }
}

PACK_INLINE void shells_ratio(const struct slater *slater, size_t top, size_t p, const double *x, const double *b,
                              double *trial)
{
    const size_t n = shells_orbitals(top);
    const pack *here = (const pack *)rows_at_const(x, 2 * p);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack functions[SHELLS_MOST];
        shells_functions(top, slater->scale[0] * here[l], slater->scale[1] * here[l + ROW_PACKS], functions);
        SHELLS_UNROLLED
        for (size_t k = 0; k < n; k++)
            ((pack *)trial)[k * ROW_PACKS + l] = functions[k];
        ((pack *)trial)[n * ROW_PACKS + l] = shells_dot(n, functions, 1, (const pack *)b + rows_by_lines(n * n, 0, l),
                                                        LINE, pack_all(0.0));
    }
}

// Rows q and, if there are two, another of B, of one pack: B_kq -= B_kp (sum_j phi'_j B_jq) / R. Rows in registers are
// read once, and two rows share what they read of phi' and B_p.
PACK_INLINE void update_rows(size_t n, size_t height, const pack *functions, const pack *own, pack share, pack *one,
                             pack *two)
{
    pack row[2][ORBITALS_MOST], sum[2][2];
    SHELLS_UNROLLED
    for (size_t r = 0; r < height; r++)
        sum[r][0] = sum[r][1] = pack_all(0.0);
    SHELLS_UNROLLED
    for (size_t k = 0; k < n; k++)
        SHELLS_UNROLLED
    for (size_t r = 0; r < height; r++) {
        row[r][k] = (r > 0 ? two : one)[k * LINE];
        sum[r][k % 2] = pack_fma(functions[k * ROW_PACKS], row[r][k], sum[r][k % 2]);
    }
    SHELLS_UNROLLED
    for (size_t r = 0; r < height; r++)
        sum[r][0] = (sum[r][0] + sum[r][1]) * share;
    SHELLS_UNROLLED
    for (size_t k = 0; k < n; k++)
        SHELLS_UNROLLED
    for (size_t r = 0; r < height; r++)
        (r > 0 ? two : one)[k * LINE] = pack_fma(sum[r][0], own[k * LINE], row[r][k]);
}

// B of the walkers of the mask, a line of them: the other rows as above, B_kp /= R. `height` rows at once.
PACK_INLINE void update_line(size_t n, size_t height, size_t p, const pack_bits *mask, const pack *functions, pack *b)
{
    pack inverse[LINE], *own = b + p * n * LINE;
    for (size_t l = 0; l < LINE; l++)
        inverse[l] = pack_select(mask[l] < 0, 1.0 / functions[n * ROW_PACKS + l], pack_all(0.0));
    for (size_t q = 0, next; q < n; q = next) {
        next = q + 1;
        if (q == p)
            continue;
        next += next == p;
        pack *one = b + q * n * LINE, *two = b + next * n * LINE;
        if (height > 1 && next < n) {
            for (size_t l = 0; l < LINE; l++)
                update_rows(n, 2, functions + l, own + l, -inverse[l], one + l, two + l);
            next++;
        } else {
            for (size_t l = 0; l < LINE; l++)
                update_rows(n, 1, functions + l, own + l, -inverse[l], one + l, NULL);
            next = q + 1;
        }
    }
    for (size_t l = 0; l < LINE; l++) {
        const pack scale = pack_select(mask[l] < 0, inverse[l], pack_all(1.0));
        for (size_t k = 0; k < n; k++)
            own[k * LINE + l] *= scale;
    }
}

PACK_INLINE void update(size_t n, size_t height, size_t p, const double *mask, const double *trial, double *b)
{
    for (size_t l = 0; l < ROW_PACKS; l += LINE)
        update_line(n, height, p, (const pack_bits *)mask + l, (const pack *)trial + l,
                    (pack *)b + rows_by_lines(n * n, 0, l));
}

// The usual numbers of orbitals, known to the compiler.
#define BY_NUMBER(number, call) \
    switch (number) {           \
    case 1: call(1); break;     \
    case 3: call(3); break;     \
    case 6: call(6); break;     \
    case 10: call(10); break;   \
    default: call(number);      \
    }

#define BY_SHELL(top, call) \
    switch (top) {          \
    case 0: call(0); break; \
    case 1: call(1); break; \
    case 2: call(2); break; \
    default: call(3);       \
    }

PACK_HOT void slater_ratio(const void *state, size_t p, const double *old_x, const double *old_weight,
                           const double *old_cache, const struct configuration *at, double *weight, double *cache)
{
    const struct slater *slater = state;
    const size_t spin = p >= slater->first_particle[1], n = slater->orbitals[spin].n;
    double *trial = rows_at(cache, slater_trial_row(slater));
    const double *b = rows_line_at_const(rows_at_const(old_cache, slater->first_row[spin]),
                                         (p - slater->first_particle[spin]) * n);
#define RATIO(number) ratio_of(slater, spin, number, p, at->x, b, trial)
#define SHELLS_RATIO(top) shells_ratio(slater, top, p, at->x, b, trial)
    if (slater->shells)
        BY_SHELL(slater->top_shell[spin], SHELLS_RATIO)
    else
        BY_NUMBER(n, RATIO)
    for (size_t l = 0; l < ROW_PACKS; l++) {
        const pack change = ((const pack *)trial)[n * ROW_PACKS + l];
        pack spread = pack_all(0.0);
        for (size_t d = 0; d < slater->dimensions; d++) {
            const size_t k = (p * slater->dimensions + d) * ROW_PACKS + l;
            const pack now = ((const pack *)at->x)[k], before = ((const pack *)old_x)[k];
            spread = pack_fma(slater->omega[d] * (now - before), now + before, spread);
        }
        ((pack *)weight)[l] = ((const pack *)old_weight)[l] * (change * change);
        ((pack *)weight)[ROW_PACKS + l] = pack_fma(pack_all(-slater->value), spread,
                                                   ((const pack *)old_weight)[ROW_PACKS + l]);
        slater_tidy((pack *)weight + l, (pack *)weight + ROW_PACKS + l);
    }
}

void slater_sign(const void *state, size_t p, const double *trial_cache, double *row)
{
    const struct slater *slater = state;
    const size_t n = slater->orbitals[p >= slater->first_particle[1]].n;
    const double *ratio = rows_at_const(trial_cache, slater_trial_row(slater) + n);
    for (size_t w = 0; w < WALKERS; w++)
        row[w] = copysign(1, ratio[w]) * row[w];
}

PACK_HOT void slater_accept(const void *state, size_t p, const double *mask, const double *trial_cache, double *cache)
{
    const struct slater *slater = state;
    const size_t spin = p >= slater->first_particle[1], n = slater->orbitals[spin].n,
                 own = p - slater->first_particle[spin];
    const double *trial = rows_at_const(trial_cache, slater_trial_row(slater));
    double *b = rows_at(cache, slater->first_row[spin]);
#define UPDATE(number) update(number, (number) <= 6 ? 2 : 1, own, mask, trial, b)
    BY_NUMBER(n, UPDATE)
}

// G_p - alpha omega x_p; after a move of p, B_kp is what it was over R
void slater_particle_gradient(const void *state, size_t p, const struct configuration *at, const double *cache,
                              const double *trial, double *gradient)
{
    const struct slater *slater = state;
    const size_t spin = p >= slater->first_particle[1], n = slater->orbitals[spin].n,
                 own = p - slater->first_particle[spin];
    const struct orbitals *orbitals = &slater->orbitals[spin];
    const double *b = rows_line_at_const(rows_at_const(cache, slater->first_row[spin]), own * n),
                 *ratio = trial ? rows_at_const(trial, slater_trial_row(slater) + n) : NULL;
    for (size_t l = 0; l < ROW_PACKS; l++) {
        const pack *x = (const pack *)at->x + p * slater->dimensions * ROW_PACKS + l,
                   inverse = 1.0 / (trial ? ((const pack *)ratio)[l] : pack_all(1.0));
        pack functions[ORBITALS_FUNCTIONS_MOST];
        slater_functions(slater, orbitals, orbitals->n_functions, 1, x, functions);
        for (size_t d = 0; d < slater->dimensions; d++) {
            pack sum = pack_all(0.0), *out = (pack *)gradient + d * ROW_PACKS + l;
            for (size_t k = 0; k < n; k++)
                if (orbitals->lower[d][k] != ORBITALS_NONE)
                    sum = pack_fma(functions[orbitals->lower[d][k]], ((const pack *)b)[rows_by_lines(n * n, k, l)],
                                   sum);
            *out += pack_fma(slater->scale[d] * sum, inverse, -slater->value * slater->omega[d] * x[d * ROW_PACKS]);
        }
    }
}
