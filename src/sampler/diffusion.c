// SPDX-License-Identifier: GPL-3.0-or-later
// Momentum diffusion: approximate motion for warming up (docs/theory.md, eq. 4.13), which asks for |psi|^2 alone. With
// U = -ln|psi|^2 / T, coordinates in widths of the bare trap and momenta drawn standard normal, H0 = U + 1/2 |p|^2, a
// step is
//     p += -h g + sqrt(h) s xi - h gamma p,   gamma = k (H - H0) / max(1, M / 2),   x += h p:
// g is the gradient by simultaneous perturbation, the mean over two draws of D (U(x + c D) - U(x - c D)) / (2 c), D =
// +-1 per coordinate (Spall, IEEE Trans. Autom. Control 37, 332 (1992)); xi is standard normal; gamma is a cruise
// control, which brakes above the energy of the start and drives below it. A step that changes H by more than a bound
// is taken back and p drawn anew: there psi has nodes, cores or cliffs. Of the points of the trajectory one is taken
// with weight exp(-((H - H0) / delta)^2 - U), by the largest of ln weight - ln(-ln u).
//
// Nothing here keeps |psi|^2 exactly: sweeps of an exact sampler have to follow.
#include "base/rows.h"
#include "vmc/rng.h"
#include "vmc/sampler.h"

#include <math.h>

// Measured (docs/samplers.md).
static const double REACH = 0.2, STEP = 0.2, NOISE = 0.3, CRUISE = 1, DELTA = 4, BOUND = 4;
enum { STEPS = 20, DRAWS = 2 };

struct rows {
    double *x, *old, *p, *g, *side, *best, *noise, *u, *h, *old_u, *start, *key, *other;
};

size_t sampler_diffusion_rows(const struct wavefunction *wavefunction) { return 7 * wavefunction->n_coordinates + 6; }

static struct rows lay_out(size_t m, double *scratch)
{
    double *rest = rows_at(scratch, 7 * m);
    return (struct rows){ scratch,
                          rows_at(scratch, m),
                          rows_at(scratch, 2 * m),
                          rows_at(scratch, 3 * m),
                          rows_at(scratch, 4 * m),
                          rows_at(scratch, 5 * m),
                          rows_at(scratch, 6 * m),
                          rest,
                          rows_at(rest, 1),
                          rows_at(rest, 2),
                          rows_at(rest, 3),
                          rows_at(rest, 4),
                          rows_at(rest, 5) };
}

struct motion {
    const struct wavefunction *wavefunction;
    double temperature, *frame;
    uint64_t *random;
    struct rows rows;
};

static double width_of(const struct motion *motion, size_t i)
{
    const struct system *system = &motion->wavefunction->system;
    return sqrt(0.5 / system->omega[i % system->dimensions]);
}

// U at x + reach * side, x and side in rows of M; side NULL: at x.
static void find_potential(const struct motion *motion, double reach, const double *side, double *out)
{
    const struct wavefunction *wavefunction = motion->wavefunction;
    for (size_t i = 0; i < wavefunction->n_coordinates; i++) {
        const pack width = pack_all(width_of(motion, i)), far = pack_all(reach);
        for (size_t k = i * ROW_PACKS; k < (i + 1) * ROW_PACKS; k++) {
            const pack x = ((const pack *)motion->rows.x)[k];
            ((pack *)motion->frame)[k] = width * (side ? pack_fma(far, ((const pack *)side)[k], x) : x);
        }
    }
    wavefunction_weigh(wavefunction, motion->frame);
    const pack share = pack_all(-1 / motion->temperature);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack sum = pack_all(0.0);
        for (size_t f = 0; f < wavefunction->n_weights; f++) {
            const double *weight = rows_at_const(motion->frame, wavefunction->row_weight + 2 * f);
            sum += pack_log(((const pack *)weight)[l]) + ((const pack *)rows_at_const(weight, 1))[l];
        }
        ((pack *)out)[l] = share * sum;
    }
}

// Into g.
static void estimate_gradient(const struct motion *motion)
{
    const struct rows *rows = &motion->rows;
    const size_t n = motion->wavefunction->n_coordinates * ROW_PACKS;
    rows_fill(motion->wavefunction->n_coordinates, 0, rows->g);
    for (int draw = 0; draw < DRAWS; draw++) {
        double forward[WALKERS] __attribute__((aligned(64))), backward[WALKERS] __attribute__((aligned(64)));
        rng_uniforms(motion->random, motion->wavefunction->n_coordinates, rows->side);
        for (size_t k = 0; k < n; k++)
            ((pack *)rows->side)[k] = pack_select(((const pack *)rows->side)[k] > 0.5, pack_all(1.0), pack_all(-1.0));
        find_potential(motion, REACH, rows->side, forward);
        find_potential(motion, -REACH, rows->side, backward);
        for (size_t k = 0; k < n; k++) {
            const pack slope = (((const pack *)forward)[k % ROW_PACKS] - ((const pack *)backward)[k % ROW_PACKS]) *
                               (1 / (2 * REACH * DRAWS));
            ((pack *)rows->g)[k] = pack_fma(slope, ((const pack *)rows->side)[k], ((const pack *)rows->g)[k]);
        }
    }
}

// H = u + 1/2 |p|^2 into h
static void find_energy(const struct motion *motion, const double *p, double *h)
{
    rows_sum_squares(motion->wavefunction->n_coordinates, NULL, 0, NULL, p, h);
    for (size_t l = 0; l < ROW_PACKS; l++)
        ((pack *)h)[l] = pack_fma(pack_all(0.5), ((const pack *)h)[l], ((const pack *)motion->rows.u)[l]);
}

static void push(const struct motion *motion)
{
    const struct rows *rows = &motion->rows;
    const size_t m = motion->wavefunction->n_coordinates;
    const pack kick = pack_all(-STEP), shake = pack_all(NOISE * sqrt(STEP)), step = pack_all(STEP);
    const double scale = -STEP * CRUISE / fmax(1, 0.5 * (double)m);
    rng_normals(motion->random, m, rows->noise);
    for (size_t k = 0; k < m * ROW_PACKS; k++) {
        const size_t l = k % ROW_PACKS;
        pack *p = (pack *)rows->p + k, *x = (pack *)rows->x + k;
        // no more than half of it in one step
        const pack brake = pack_max(pack_all(-0.5), pack_min(pack_all(0.5), scale * (((const pack *)rows->h)[l] -
                                                                                     ((const pack *)rows->start)[l])));
        const pack pushed = pack_fma(kick, ((const pack *)rows->g)[k], pack_fma(brake, *p, *p));
        *p = pack_fma(shake, ((const pack *)rows->noise)[k], pushed);
        *x = pack_fma(step, *p, *x);
    }
}

// Where H jumped, back to where the step began, with other momenta.
static void take_back(const struct motion *motion, const double *before)
{
    const struct rows *rows = &motion->rows;
    const size_t m = motion->wavefunction->n_coordinates;
    pack mask[ROW_PACKS];
    for (size_t l = 0; l < ROW_PACKS; l++) {
        const pack jump = pack_abs(((const pack *)rows->h)[l] - ((const pack *)before)[l]);
        mask[l] = (pack) ~(jump <= BOUND);  // no number: jumped
    }
    rng_normals(motion->random, m, rows->noise);
    rows_blend(m, (const double *)mask, rows->old, rows->x);
    rows_blend(m, (const double *)mask, rows->noise, rows->p);
    rows_blend(1, (const double *)mask, rows->old_u, rows->u);
    find_energy(motion, rows->p, rows->h);
}

// The point is the one taken where its key is the largest so far.
static void consider(const struct motion *motion)
{
    const struct rows *rows = &motion->rows;
    pack mask[ROW_PACKS];
    rng_uniforms(motion->random, 1, rows->other);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        const pack off = (((const pack *)rows->h)[l] - ((const pack *)rows->start)[l]) * (1 / DELTA);
        // - ln(-ln u), u away from 1
        const pack u = pack_min(((const pack *)rows->other)[l], pack_all(1 - 0x1p-50));
        const pack key = -pack_log(-pack_log(u)) - off * off - ((const pack *)rows->u)[l];
        mask[l] = (pack)(key > ((const pack *)rows->key)[l]);
        ((pack *)rows->key)[l] = pack_select((pack_bits)mask[l], key, ((const pack *)rows->key)[l]);
    }
    rows_blend(motion->wavefunction->n_coordinates, (const double *)mask, rows->x, rows->best);
}

// Coordinates in widths of the trap from those of the frame, or the other way round.
static void scale_coordinates(const struct motion *motion, bool back, double *rows, double *frame)
{
    for (size_t i = 0; i < motion->wavefunction->n_coordinates; i++)
        for (size_t w = 0; w < WALKERS; w++) {
            const size_t k = i * WALKERS + w;
            if (back)
                frame[k] = rows[k] * width_of(motion, i);
            else
                rows[k] = frame[k] / width_of(motion, i);
        }
}

void sampler_diffuse(const struct wavefunction *wavefunction, double temperature, struct block *block, double *scratch)
{
    const size_t m = wavefunction->n_coordinates;
    const struct motion motion = { wavefunction, temperature, block->trial, block->random, lay_out(m, scratch) };
    const struct rows *rows = &motion.rows;
    double before[WALKERS] __attribute__((aligned(64)));
    scale_coordinates(&motion, false, rows->x, block->current);
    rng_normals(block->random, m, rows->p);
    find_potential(&motion, 0, NULL, rows->u);
    find_energy(&motion, rows->p, rows->h);
    rows_copy(1, rows->h, rows->start);
    rows_fill(1, -INFINITY, rows->key);
    rows_copy(m, rows->x, rows->best);
    for (int step = 0; step < STEPS; step++) {
        consider(&motion);
        rows_copy(m, rows->x, rows->old);
        rows_copy(1, rows->u, rows->old_u);
        rows_copy(1, rows->h, before);
        estimate_gradient(&motion);
        push(&motion);
        find_potential(&motion, 0, NULL, rows->u);
        find_energy(&motion, rows->p, rows->h);
        take_back(&motion, before);
    }
    consider(&motion);
    scale_coordinates(&motion, true, rows->best, block->current);
    wavefunction_evaluate(wavefunction, block->current);
    block->evaluated = true;
    block->movable = block->updated = block->remembered = false;
}
