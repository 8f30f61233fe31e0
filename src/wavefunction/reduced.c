// SPDX-License-Identifier: GPL-3.0-or-later
// Reduced coordinates, free of units: lengths count in 1 / sqrt(omega), omega the geometric mean of the trap's
// frequencies, so that the steps of methods without a metric mean the same in any trap. A factor may have coordinates
// of its own.
// Check: a length in a trap of omega = 4: the gradient 1 becomes 1/2, a step of 1 becomes 1/2; of an inverse length, 2.
#include "vmc/units.h"
#include "vmc/wavefunction.h"

#include <math.h>
#include <string.h>

// The power of a length that a unit is.
static int power(const char *unit)
{
    static const struct {
        const char *unit;
        int power;
    } powers[] = { { UNIT_LENGTH, 1 }, { UNIT_PER_LENGTH, -1 }, { UNIT_PER_LENGTH "^2", -2 } };
    for (size_t k = 0; unit && k < sizeof powers / sizeof *powers; k++)
        if (strcmp(unit, powers[k].unit) == 0)
            return powers[k].power;
    return 0;
}

static double length(const struct system *system)
{
    double product = 1;
    for (size_t d = 0; d < system->dimensions; d++)
        product *= system->omega[d];
    return pow(product, -0.5 / (double)system->dimensions);
}

// Lengths alone: that matrix is its own transpose.
static void scale(const struct wavefunction *wavefunction, const struct factor *factor, double *values)
{
    struct factor_view view[FACTOR_VIEWS_MOST];
    const size_t n_views = factor_views(factor, view);
    for (size_t i = 0; i < n_views; i++) {
        size_t n = view[i].fixed || view[i].logarithm ? 0 : 1;
        for (size_t d = 0; d < view[i].rank && !view[i].shared; d++)
            n *= view[i].extent[d];
        for (size_t k = 0; k < n; k++)
            values[view[i].first + k] *= pow(length(&wavefunction->system), power(view[i].unit));
    }
}

void wavefunction_reduce_gradient(const struct wavefunction *wavefunction, double *gradient)
{
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        if (factor->type->reduce_gradient)
            factor->type->reduce_gradient(factor->state, gradient + factor->first_parameter);
        else
            scale(wavefunction, factor, gradient + factor->first_parameter);
    }
}

void wavefunction_restore_step(const struct wavefunction *wavefunction, double *step)
{
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        if (factor->type->restore_step)
            factor->type->restore_step(factor->state, step + factor->first_parameter);
        else
            scale(wavefunction, factor, step + factor->first_parameter);
    }
}
