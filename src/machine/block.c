// SPDX-License-Identifier: GPL-3.0-or-later
// Blocks of 32 states: ln p~, moments, Gibbs and Metropolis sweeps. One pass over the weights gives theta for 32
// states.
#include "vmc/machine.h"

#include "base/rows.h"
#include "vmc/rng.h"

#include <math.h>
#include <string.h>

// Scratch: theta [N or M], s [N or M], normals or uniforms [M + N], the transposed s, three rows.
static size_t wide(const struct machine *machine)
{
    const struct machine_shape *shape = &machine->shape;
    return shape->kind == MACHINE_SPINS ? shape->visible : shape->hidden;
}

size_t machine_scratch_rows(const struct machine *machine)
{
    return 2 * wide(machine) + machine->shape.visible + machine->shape.hidden + machine->stride + 4;
}

static void find_angles(const struct machine *machine, const double *x, double *theta)
{
    rows_multiply(wide(machine), machine->shape.visible, machine->forward,
                  &(struct rows_start){ .bias = machine->shape.kind == MACHINE_SPINS ? NULL : machine->b }, x, theta);
}

// s_j = 1 / (1 + e^-theta_j), in place of theta; and the row sum_j ln(1 + e^theta_j) unless NULL.
static void find_sigmoids(size_t n, double *theta, double *softplus)
{
    enum { AT_ONCE = 32 };  // a product of factors up to 2 stays far from overflow
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack sum = pack_all(0.0), product = pack_all(1.0);
        for (size_t j = 0; j < n; j++) {
            pack *at = (pack *)theta + j * ROW_PACKS + l;
            const pack t = *at, e = pack_exp_minus_abs(t), r = 1.0 / (1.0 + e);
            *at = pack_select_sign(t, e * r, r);
            if (!softplus)
                continue;
            sum += pack_max(t, pack_all(0.0));
            product = pack_fma(product, e, product);
            if (j % AT_ONCE == AT_ONCE - 1) {
                sum += pack_log(product);
                product = pack_all(1.0);
            }
        }
        if (softplus)
            ((pack *)softplus)[l] = sum + pack_log(product);
    }
}

// The part of ln p~ that the visible units have alone, added to the row `out` after it was multiplied by K.
static void add_visible(const struct machine *machine, const double *x, double *out)
{
    const struct machine_shape *shape = &machine->shape;
    const bool gaussian = shape->kind == MACHINE_GAUSSIAN;
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack sum = ((pack *)out)[l];
        for (size_t i = 0; i < shape->visible; i++) {
            const pack at = ((const pack *)x)[i * ROW_PACKS + l];
            const pack distance = at - machine->a[i];
            sum = gaussian
                      ? pack_fma(distance * distance, pack_all(-0.5 / (machine->sigma[i] * machine->sigma[i])), sum)
                      : pack_fma(at, pack_all(machine->a[i]), sum);
        }
        ((pack *)out)[l] = sum * (double)shape->copies;
    }
}

// ln p~ = 1/2 sum_i x_i sum_k w_ik x_k
static void weigh_spins(const struct machine *machine, const double *x, const double *field, double *out)
{
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack sum = pack_all(0.0);
        for (size_t i = 0; i < machine->shape.visible; i++)
            sum = pack_fma(((const pack *)x)[i * ROW_PACKS + l], ((const pack *)field)[i * ROW_PACKS + l], sum);
        ((pack *)out)[l] = 0.5 * sum;
    }
}

void machine_weigh(const struct machine *machine, const double *x, double *out, double *scratch)
{
    find_angles(machine, x, scratch);
    if (machine->shape.kind == MACHINE_SPINS) {
        weigh_spins(machine, x, scratch, out);
        return;
    }
    find_sigmoids(machine->shape.hidden, scratch, out);
    add_visible(machine, x, out);
}

// Rows beyond the first n states are set to zero.
static void mask(size_t n, size_t n_rows, double *rows)
{
    for (size_t k = 0; k < n_rows && n < WALKERS; k++)
        memset(rows + k * WALKERS + n, 0, (WALKERS - n) * sizeof *rows);
}

static void add_moments(const struct machine *machine, const double *x, const double *s, double *moments,
                        double *turned)
{
    const struct machine_shape *shape = &machine->shape;
    const size_t m = shape->visible, n = shape->hidden, width = wide(machine);
    double *products = moments, *sum = products + m * machine->stride, *square = sum + m, *hidden = square + m;
    for (size_t i = 0; i < m; i++) {
        double squares[WALKERS] __attribute__((aligned(64)));
        for (size_t l = 0; l < ROW_PACKS; l++) {
            const pack at = ((const pack *)x)[i * ROW_PACKS + l];
            ((pack *)squares)[l] = at * at;
        }
        sum[i] += pack_sum_row(rows_at_const(x, i));
        square[i] += pack_sum_row(squares);
    }
    for (size_t j = 0; j < n; j++)
        hidden[j] += pack_sum_row(rows_at_const(s, j));
    rows_transpose(width, s, machine->stride, turned);
    rows_rank_update(m, width, machine->stride, x, turned, products);
}

void machine_add(const struct machine *machine, size_t n, const double *x, double *moments, double *out,
                 double *scratch)
{
    double *s = scratch, *turned = rows_at(s, wide(machine));
    if (machine->shape.kind == MACHINE_SPINS) {
        if (out) {
            find_angles(machine, x, s);
            weigh_spins(machine, x, s, out);
        }
        add_moments(machine, x, x, moments, turned);
        return;
    }
    find_angles(machine, x, s);
    find_sigmoids(machine->shape.hidden, s, out);
    if (out) {
        add_visible(machine, x, out);
        mask(n, 1, out);
    }
    mask(n, machine->shape.hidden, s);
    add_moments(machine, x, s, moments, turned);
}

// n_j of K copies from one uniform number u in (0, 1] each: K = 1: n = [u <= s]; K = 2: P(n = 2) = s^2, P(n >= 1) = 1 -
// (1 - s)^2.
static void draw_units(const struct machine *machine, uint64_t *random, const double *s, double *h)
{
    const pack one = pack_all(1.0), zero = pack_all(0.0);
    rng_uniforms(random, machine->shape.hidden, h);
    for (size_t k = 0; k < machine->shape.hidden * ROW_PACKS; k++) {
        const pack u = ((const pack *)h)[k], p = ((const pack *)s)[k], q = 1.0 - p;
        ((pack *)h)[k] = machine->shape.copies == 2
                             ? (pack)(pack_select(u <= p * p, one, zero) + pack_select(u <= 1.0 - q * q, one, zero))
                             : pack_select(u <= p, one, zero);
    }
}

void machine_draw_hidden(const struct machine *machine, uint64_t *random, const double *x, double *h, double *scratch)
{
    if (machine->shape.kind == MACHINE_SPINS)
        return;
    find_angles(machine, x, scratch);
    find_sigmoids(machine->shape.hidden, scratch, NULL);
    draw_units(machine, random, scratch, h);
}

static void draw_gaussian(const struct machine *machine, uint64_t *random, const double *h, double *x, double *normals)
{
    const struct machine_shape *shape = &machine->shape;
    const pack share = pack_all(1 / (double)shape->copies);
    rows_multiply(shape->visible, shape->hidden, machine->backward, &(struct rows_start){ .bias = NULL }, h, x);
    rng_normals(random, shape->visible, normals);
    for (size_t i = 0; i < shape->visible; i++) {
        const pack width = pack_all(machine->sigma[i] / sqrt((double)shape->copies));
        for (size_t l = 0; l < ROW_PACKS; l++) {
            pack *at = (pack *)x + i * ROW_PACKS + l;
            *at = pack_fma(width, ((const pack *)normals)[i * ROW_PACKS + l],
                           pack_fma(*at, share, pack_all(machine->a[i])));
        }
    }
}

static void draw_binary(const struct machine *machine, uint64_t *random, const double *h, double *x, double *uniform)
{
    const struct machine_shape *shape = &machine->shape;
    const pack one = pack_all(1.0), zero = pack_all(0.0);
    rows_multiply(shape->visible, shape->hidden, machine->backward, &(struct rows_start){ .bias = machine->a }, h, x);
    find_sigmoids(shape->visible, x, NULL);
    rng_uniforms(random, shape->visible, uniform);
    for (size_t k = 0; k < shape->visible * ROW_PACKS; k++)
        ((pack *)x)[k] = pack_select(((const pack *)uniform)[k] <= ((const pack *)x)[k], one, zero);
}

// Heat bath, spin by spin: p(x_i = 1) = 1 / (1 + e^-2 f_i), f_i = sum_k w_ik x_k.
static void draw_spins(const struct machine *machine, uint64_t *random, double *x, double *scratch)
{
    const size_t m = machine->shape.visible;
    double *field = scratch, *uniform = rows_at(scratch, m);
    rng_uniforms(random, m, uniform);
    for (size_t i = 0; i < m; i++) {
        rows_multiply(1, m, machine->forward + i * m, &(struct rows_start){ .bias = NULL }, x, field);
        for (size_t l = 0; l < ROW_PACKS; l++)
            ((pack *)field)[l] *= 2.0;
        find_sigmoids(1, field, NULL);
        for (size_t l = 0; l < ROW_PACKS; l++)
            ((pack *)x)[i * ROW_PACKS + l] = pack_select(
                ((const pack *)uniform)[i * ROW_PACKS + l] <= ((const pack *)field)[l], pack_all(1.0), pack_all(-1.0));
    }
}

void machine_draw_visible(const struct machine *machine, uint64_t *random, const double *h, double *x, double *scratch)
{
    switch (machine->shape.kind) {
    case MACHINE_GAUSSIAN: draw_gaussian(machine, random, h, x, scratch); break;
    case MACHINE_BINARY: draw_binary(machine, random, h, x, scratch); break;
    default: draw_spins(machine, random, x, scratch);
    }
}

void machine_add_and_draw(const struct machine *machine, uint64_t *random, const double *x, double *h, double *moments,
                          double *scratch)
{
    machine_add(machine, WALKERS, x, moments, NULL, scratch);
    if (machine->shape.kind != MACHINE_SPINS)
        draw_units(machine, random, scratch, h);
}

// ln of what p~ changes by when x_i becomes `moved`, for layers: theta is moved too, into `trial`.
static void change_of_layers(const struct machine *machine, size_t i, const double *x, const double *moved,
                             const double *theta, double *trial, double *change)
{
    const struct machine_shape *shape = &machine->shape;
    const double stiffness = 1 / (machine->sigma[i] * machine->sigma[i]);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        const pack old = ((const pack *)x)[i * ROW_PACKS + l], new = ((const pack *)moved)[l], step = new - old;
        // -(new - a)^2 + (old - a)^2 = -(new - old)(new + old - 2 a)
        ((pack *)change)[l] = shape->kind == MACHINE_GAUSSIAN
                                  ? step * (new + old - 2 * machine->a[i]) * (-0.5 * stiffness)
                                  : step * machine->a[i];
        for (size_t j = 0; j < shape->hidden; j++)
            ((pack *)trial)[j * ROW_PACKS + l] = pack_fma(pack_all(machine->forward[j * shape->visible + i]), step,
                                                          ((const pack *)theta)[j * ROW_PACKS + l]);
    }
}

static void soft_sum(size_t n, const double *theta, double *copy, double *out)
{
    rows_copy(n, theta, copy);
    find_sigmoids(n, copy, out);
}

static size_t count(const double *mask_row)
{
    size_t n = 0;
    for (size_t w = 0; w < WALKERS; w++)
        n += mask_row[w] != 0;
    return n;
}

// Where the uniform number is at most e^change. `accepted`: a row, -1 where accepted and 0 elsewhere.
static void decide(const double *change, const double *uniform, double *accepted)
{
    for (size_t l = 0; l < ROW_PACKS; l++)
        ((pack *)accepted)[l] = pack_select(((const pack *)uniform)[l] <= pack_exp(((const pack *)change)[l]),
                                            pack_all(-1.0), pack_all(0.0));
}

static void propose(const struct machine *machine, uint64_t *random, size_t i, const double *x, double *moved)
{
    const struct machine_shape *shape = &machine->shape;
    const pack width = pack_all(2.4 * machine->sigma[i] / sqrt((double)shape->copies));
    if (shape->kind == MACHINE_GAUSSIAN)
        rng_normals(random, 1, moved);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        const pack old = ((const pack *)x)[i * ROW_PACKS + l];
        if (shape->kind == MACHINE_GAUSSIAN)
            ((pack *)moved)[l] = pack_fma(width, ((const pack *)moved)[l], old);
        else
            ((pack *)moved)[l] = 1.0 - old;
    }
}

static size_t sweep_layers(const struct machine *machine, uint64_t *random, double *x, double *scratch)
{
    const struct machine_shape *shape = &machine->shape;
    const size_t n = shape->hidden;
    double *theta = scratch, *trial = rows_at(theta, n), *copy = rows_at(trial, n), *row = rows_at(copy, n);
    double *moved = row, *change = rows_at(row, 1), *now = rows_at(row, 2), *then = rows_at(row, 3);
    size_t accepted = 0;
    find_angles(machine, x, theta);
    soft_sum(n, theta, copy, now);
    for (size_t i = 0; i < shape->visible; i++) {
        double uniform[WALKERS] __attribute__((aligned(64))), mask_row[WALKERS] __attribute__((aligned(64)));
        propose(machine, random, i, x, moved);
        rng_uniforms(random, 1, uniform);
        change_of_layers(machine, i, x, moved, theta, trial, change);
        soft_sum(n, trial, copy, then);
        for (size_t l = 0; l < ROW_PACKS; l++)
            ((pack *)change)[l] = (((pack *)change)[l] + (((pack *)then)[l] - ((pack *)now)[l])) *
                                  (double)shape->copies;
        decide(change, uniform, mask_row);
        rows_blend(1, mask_row, moved, rows_at(x, i));
        rows_blend(1, mask_row, then, now);
        rows_blend(n, mask_row, trial, theta);
        accepted += count(mask_row);
    }
    return accepted;
}

// Flipping spin i changes ln p~ by -2 x_i f_i.
static size_t sweep_spins(const struct machine *machine, uint64_t *random, double *x, double *scratch)
{
    const size_t m = machine->shape.visible;
    double *change = scratch, *moved = rows_at(scratch, 1), *uniform = rows_at(scratch, 2),
           *mask_row = rows_at(scratch, 3);
    size_t accepted = 0;
    for (size_t i = 0; i < m; i++) {
        rows_multiply(1, m, machine->forward + i * m, &(struct rows_start){ .bias = NULL }, x, change);
        for (size_t l = 0; l < ROW_PACKS; l++) {
            const pack old = ((const pack *)x)[i * ROW_PACKS + l];
            ((pack *)moved)[l] = -old;
            ((pack *)change)[l] *= -2.0 * old;
        }
        rng_uniforms(random, 1, uniform);
        decide(change, uniform, mask_row);
        rows_blend(1, mask_row, moved, rows_at(x, i));
        accepted += count(mask_row);
    }
    return accepted;
}

size_t machine_metropolis(const struct machine *machine, uint64_t *random, double *x, double *scratch)
{
    return (machine->shape.kind == MACHINE_SPINS ? sweep_spins : sweep_layers)(machine, random, x, scratch);
}
