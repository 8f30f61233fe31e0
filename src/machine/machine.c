// SPDX-License-Identifier: GPL-3.0-or-later
// Shapes, parameters and gradients. With <.> a mean over states:
//     gaussian  d<ln p~>/da_i = K (<x_i> - a_i) / sigma_i^2,   db_j = K <s_j>,   dw_ij = K <x_i s_j> / sigma_i^2,
//               dln sigma_d = K sum_{i in d} [ <(x_i - a_i)^2> - 2 sum_j w_ij <x_i s_j> ] / sigma_d^2
//     binary    <x_i>, <s_j>, <x_i s_j>
//     spins     <x_i x_k>
#include "vmc/machine.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

const char *machine_kind_name(size_t kind)
{
    static const char *const names[MACHINE_KINDS] = {
        [MACHINE_GAUSSIAN] = "gaussian", [MACHINE_BINARY] = "binary", [MACHINE_SPINS] = "spins"
    };
    return kind < MACHINE_KINDS ? names[kind] : NULL;
}

size_t machine_parameters(const struct machine_shape *shape)
{
    const size_t m = shape->visible, n = shape->hidden;
    return shape->kind == MACHINE_SPINS ? m * (m - 1) / 2 : m + n + m * n + shape->widths;
}

bool machine_build(struct machine *machine, const struct machine_shape *shape, struct error *error)
{
    const size_t m = shape->visible, n = shape->kind == MACHINE_SPINS ? m : shape->hidden;
    *machine =
        (struct machine){ .shape = *shape, .n_parameters = machine_parameters(shape), .stride = (n + 7) / 8 * 8 };
    struct {
        double **array;
        size_t size;
    } arrays[] = { { &machine->a, m },     { &machine->b, n },           { &machine->w, m * n },
                   { &machine->sigma, m }, { &machine->forward, m * n }, { &machine->backward, m * n },
                   { &machine->centre, m } };
    bool good = true;
    for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++)
        good = (*arrays[k].array = memory_doubles(arrays[k].size)) && good;
    if (good)
        return true;
    machine_finish(machine);
    return error_add(error, ERROR_INTERNAL, "no memory for a machine of %zu visible and %zu hidden units", m,
                     shape->hidden);
}

void machine_finish(struct machine *machine)
{
    double *const owned[] = { machine->a,       machine->b,        machine->w,     machine->sigma,
                              machine->forward, machine->backward, machine->centre };
    for (size_t k = 0; k < sizeof owned / sizeof *owned; k++)
        memory_free(owned[k]);
    *machine = (struct machine){ .n_parameters = 0 };
}

static double prepare_spins(struct machine *machine, const double *theta)
{
    const size_t m = machine->shape.visible;
    double sum = 0;
    for (size_t i = 0; i < m; i++)
        for (size_t k = i + 1; k < m; k++, theta++) {
            machine->forward[i * m + k] = machine->forward[k * m + i] = *theta;
            machine->backward[i * m + k] = machine->backward[k * m + i] = *theta;
            sum += *theta;
        }
    return sum;
}

static double prepare_layers(struct machine *machine, const double *theta)
{
    const struct machine_shape *shape = &machine->shape;
    const size_t m = shape->visible, n = shape->hidden;
    const double *width = theta + m + n + m * n;
    double sum = 0;
    memcpy(machine->a, theta, m * sizeof *theta);
    memcpy(machine->b, theta + m, n * sizeof *theta);
    memcpy(machine->w, theta + m + n, m * n * sizeof *theta);
    memcpy(machine->backward, machine->w, m * n * sizeof *theta);
    for (size_t i = 0; i < m; i++) {
        const size_t d = shape->dimensions > 0 ? i % shape->dimensions : 0;
        machine->sigma[i] = shape->kind != MACHINE_GAUSSIAN ? 1
                            : shape->widths == 0            ? shape->sigma[d]
                                                            : exp(width[shape->widths == 1 ? 0 : d]);
        const double stiffness = 1 / (machine->sigma[i] * machine->sigma[i]);
        for (size_t j = 0; j < n; j++)
            machine->forward[j * m + i] = machine->w[i * n + j] * stiffness;
        sum += stiffness + machine->sigma[i];
    }
    for (size_t k = 0; k < machine->n_parameters; k++)
        sum += theta[k];
    return sum;
}

bool machine_prepare(struct machine *machine, const double *theta)
{
    return isfinite((machine->shape.kind == MACHINE_SPINS ? prepare_spins : prepare_layers)(machine, theta));
}

size_t machine_moments(const struct machine *machine)
{
    const struct machine_shape *shape = &machine->shape;
    return (shape->visible * machine->stride + 2 * shape->visible + shape->hidden + 7) / 8 * 8;
}

static void gradient_of_spins(const struct machine *machine, const double *products, double weight, double *out)
{
    for (size_t i = 0; i < machine->shape.visible; i++)
        for (size_t k = i + 1; k < machine->shape.visible; k++)
            *out++ = products[i * machine->stride + k] / weight;
}

void machine_gradient(const struct machine *machine, const double *moments, double weight, double *out)
{
    const struct machine_shape *shape = &machine->shape;
    const size_t m = shape->visible, n = shape->hidden;
    const double *products = moments, *x = products + m * machine->stride, *square = x + m, *s = square + m;
    const double k = (double)shape->copies;
    double *b = out + m, *w = b + n, *width = w + m * n;
    if (shape->kind == MACHINE_SPINS) {
        gradient_of_spins(machine, products, weight, out);
        return;
    }
    for (size_t j = 0; j < n; j++)
        b[j] = k * s[j] / weight;
    for (size_t d = 0; d < shape->widths; d++)
        width[d] = 0;
    for (size_t i = 0; i < m; i++) {
        const double a = machine->a[i], stiffness = 1 / (machine->sigma[i] * machine->sigma[i]);
        double spread = (square[i] - 2 * a * x[i]) / weight + a * a;
        out[i] = shape->kind == MACHINE_GAUSSIAN ? k * stiffness * (x[i] / weight - a) : x[i] / weight;
        for (size_t j = 0; j < n; j++) {
            const double product = products[i * machine->stride + j] / weight;
            w[i * n + j] = k * stiffness * product;
            spread -= 2 * machine->w[i * n + j] * product;
        }
        if (shape->widths > 0)
            width[shape->widths == 1 ? 0 : i % shape->dimensions] += k * stiffness * spread;
    }
}
