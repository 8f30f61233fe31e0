// SPDX-License-Identifier: GPL-3.0-or-later
// Exact sums over the states n of one layer; the other one is summed or integrated in closed form. With u_i = sum_j
// w_ij n_j:
//     gaussian, hidden states  ln q(n) = sum_j [ b_j n_j + ln C(K, n_j) ] + sum_i [ a_i u_i / sigma_i^2 + u_i^2 / (2 K
//                              sigma_i^2) + 1/2 ln(2 pi sigma_i^2 / K) ],   <x_i> = a_i + u_i / K
//     binary, hidden states    ln q(h) = sum_j b_j h_j + sum_i ln(1 + e^(a_i + u_i)),   <x_i> = 1 / (1 + e^-(a_i +
//     u_i)) binary, visible states   ln q(x) = sum_i a_i x_i + sum_j ln(1 + e^theta_j) spins                    ln q(x)
//     = sum_{i<k} w_ik x_i x_k
// Check: two spins with w = 1 have Z = 4 cosh 1 = 6.17232.
#include "vmc/machine.h"

#include <math.h>
#include <string.h>

// Which layer is summed state by state, and how.
struct layers {
    bool visible;  // the states are those of the visible units
    size_t summed, other;
    size_t levels;          // states of a unit
    const double *weights;  // [summed, other] by strides
    size_t stride_summed, stride_other;
};

static struct layers layers_of(const struct machine_shape *shape)
{
    const size_t m = shape->visible, n = shape->hidden;
    if (shape->kind == MACHINE_SPINS)
        return (struct layers){ .visible = true, .summed = m, .other = m, .levels = 2 };
    if (shape->kind == MACHINE_BINARY && m < n)
        return (struct layers){ .visible = true, .summed = m, .other = n, .levels = 2 };
    return (struct layers){ .summed = n, .other = m, .levels = shape->copies + 1 };
}

static struct layers layers_with_weights(const struct machine *machine)
{
    struct layers layers = layers_of(&machine->shape);
    layers.weights = machine->shape.kind == MACHINE_SPINS ? machine->backward : machine->w;
    const size_t columns = machine->shape.kind == MACHINE_SPINS ? machine->shape.visible : machine->shape.hidden;
    layers.stride_summed = layers.visible ? columns : 1;
    layers.stride_other = layers.visible ? 1 : columns;
    return layers;
}

size_t machine_states(const struct machine_shape *shape)
{
    const struct layers layers = layers_of(shape);
    size_t states = 1;
    for (size_t k = 0; k < layers.summed; k++)
        if ((states *= layers.levels) > MACHINE_STATES_MOST)
            return 0;
    return states;
}

size_t machine_states_scratch(const struct machine *machine)
{
    const struct layers layers = layers_of(&machine->shape);
    return layers.summed + 2 * layers.other;
}

static double softplus(double t) { return fmax(t, 0) + log1p(exp(-fabs(t))); }
static double sigmoid(double t) { return t < 0 ? exp(t) / (1 + exp(t)) : 1 / (1 + exp(-t)); }

// The value of a unit that is in state `digit`.
static double value_of(const struct machine *machine, double digit)
{
    return machine->shape.kind == MACHINE_SPINS ? 2 * digit - 1 : digit;
}

static void move_unit(const struct machine *machine, const struct layers *layers, size_t k, double from, double to,
                      double *field)
{
    const double step = value_of(machine, to) - value_of(machine, from);
    for (size_t o = 0; o < layers->other; o++)
        field[o] += step * layers->weights[k * layers->stride_summed + o * layers->stride_other];
}

static void set_state(const struct machine *machine, const struct layers *layers, size_t state, double *digit,
                      double *field)
{
    memset(field, 0, layers->other * sizeof *field);
    for (size_t k = 0; k < layers->summed; k++, state /= layers->levels) {
        const double value = value_of(machine, digit[k] = (double)(state % layers->levels));
        for (size_t o = 0; o < layers->other; o++)
            field[o] += value * layers->weights[k * layers->stride_summed + o * layers->stride_other];
    }
}

static void next_state(const struct machine *machine, const struct layers *layers, double *digit, double *field)
{
    for (size_t k = 0; k < layers->summed; k++) {
        const double old = digit[k];
        digit[k] = old + 1 < (double)layers->levels ? old + 1 : 0;
        move_unit(machine, layers, k, old, digit[k], field);
        if (digit[k] > 0)
            return;
    }
}

// ln q of the state; mean [other] of the other layer.
static double weigh(const struct machine *machine, const struct layers *layers, const double *digit,
                    const double *field, double *mean)
{
    const struct machine_shape *shape = &machine->shape;
    const double copies = (double)shape->copies, *bias = layers->visible ? machine->a : machine->b;
    double sum = 0;
    for (size_t k = 0; k < layers->summed; k++)
        if (shape->kind == MACHINE_SPINS)
            sum += 0.5 * field[k] * (mean[k] = value_of(machine, digit[k]));
        else
            sum += bias[k] * digit[k] + (shape->copies == 2 && digit[k] == 1 ? 0.6931471805599453 : 0);
    for (size_t o = 0; o < layers->other && shape->kind != MACHINE_SPINS; o++) {
        const double u = field[o];
        if (shape->kind == MACHINE_GAUSSIAN) {
            const double variance = machine->sigma[o] * machine->sigma[o];
            mean[o] = machine->a[o] + u / copies;
            sum += (machine->a[o] * u + u * u / (2 * copies)) / variance +
                   0.5 * log(6.283185307179586 * variance / copies);
        } else {
            const double t = u + (layers->visible ? machine->b : machine->a)[o];
            mean[o] = sigmoid(t);
            sum += softplus(t);
        }
    }
    return sum;
}

static void add_moments(const struct machine *machine, const struct layers *layers, double weight, const double *digit,
                        const double *mean, double *moments)
{
    const struct machine_shape *shape = &machine->shape;
    const size_t m = shape->visible, n = shape->hidden, columns = shape->kind == MACHINE_SPINS ? m : n;
    const bool spins = shape->kind == MACHINE_SPINS;
    const double *x = layers->visible && !spins ? digit : mean, *h = spins ? mean : layers->visible ? mean : digit;
    double *products = moments, *sum = products + m * machine->stride, *square = sum + m, *hidden = square + m;
    const double share = weight / (double)shape->copies;
    for (size_t i = 0; i < m; i++) {
        const double spread = shape->kind == MACHINE_GAUSSIAN
                                  ? machine->sigma[i] * machine->sigma[i] / (double)shape->copies
                              : layers->visible ? 0
                                                : x[i] * (1 - x[i]);
        sum[i] += weight * x[i];
        square[i] += weight * (x[i] * x[i] + spread);
        for (size_t j = 0; j < columns; j++)
            products[i * machine->stride + j] += share * x[i] * h[j];
    }
    for (size_t j = 0; j < n; j++)
        hidden[j] += share * h[j];
}

static void rescale(const struct machine *machine, double ln_scale, struct machine_sum *sum)
{
    const double factor = exp(sum->ln_scale - ln_scale);
    sum->total *= factor;
    for (size_t k = 0; sum->moments && k < machine_moments(machine); k++)
        sum->moments[k] *= factor;
    sum->ln_scale = ln_scale;
}

void machine_add_states(const struct machine *machine, size_t first, size_t last, struct machine_sum *sum,
                        double *scratch)
{
    const struct layers layers = layers_with_weights(machine);
    double *digit = scratch, *field = digit + layers.summed, *mean = field + layers.other;
    set_state(machine, &layers, first, digit, field);
    for (size_t state = first; state < last; state++) {
        const double ln_weight = weigh(machine, &layers, digit, field, mean);
        if (ln_weight > sum->ln_scale)
            rescale(machine, ln_weight, sum);
        const double weight = exp(ln_weight - sum->ln_scale);
        sum->total += weight;
        if (sum->moments)
            add_moments(machine, &layers, weight, digit, mean, sum->moments);
        next_state(machine, &layers, digit, field);
    }
}

void machine_merge(const struct machine *machine, const struct machine_sum *part, struct machine_sum *sum)
{
    if (part->ln_scale > sum->ln_scale)
        rescale(machine, part->ln_scale, sum);
    const double factor = exp(part->ln_scale - sum->ln_scale);
    sum->total += factor * part->total;
    for (size_t k = 0; sum->moments && k < machine_moments(machine); k++)
        sum->moments[k] += factor * part->moments[k];
}
