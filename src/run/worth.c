// SPDX-License-Identifier: GPL-3.0-or-later
// Of n samples that cost c each an estimator of variance v makes an error of sqrt(v / n): at a given time v c is what
// counts. A control variate that leaves v' and costs c' is kept where v' c' < v c.
//
// Operations per sample, multiplications with additions, counted in the kernels; divisions, roots and exponentials
// count as what they take. psi: 6 per parameter and 10 per coordinate, 120 per pair of a factor over pairs, P^3/2 + 4
// P^2 M of determinants; a sweep is half again as much, and 25 per coordinate. The 120 is set by CPU times of 50
// particles with a Pade-Jastrow factor (functions of pairs +20 %). Held against those of 6 particles in 3D with 12
// units: +22 % here, +20 to +29 % there.
#include "run/worth.h"

#include <math.h>
#include <string.h>

static double n_pairs(const struct system *system)
{
    return 0.5 * (double)system->particles * (double)(system->particles - 1);
}

static double psi_operations(const struct wavefunction *wavefunction)
{
    const double m = (double)wavefunction->n_coordinates, p = (double)wavefunction->system.particles;
    double sum = 10 * m;
    for (size_t f = 0; f < wavefunction->n_factors; f++)
        sum += wavefunction->factor[f].type->pair_values ? 120 * n_pairs(&wavefunction->system)
                                                         : 6 * (double)wavefunction->factor[f].n_parameters;
    struct factor_traits traits;
    wavefunction_traits(wavefunction, &traits);
    return traits.has_nodes ? sum + 0.5 * p * p * p + 4 * p * p * m : sum;
}

// A sample with its plain energy.
static double sample_operations(const struct ensemble *ensemble)
{
    const struct system *system = &ensemble->wavefunction.system;
    const double m = (double)ensemble->wavefunction.n_coordinates;
    return (double)ensemble->thin * (1.5 * psi_operations(&ensemble->wavefunction) + 25 * m) +
           (hamiltonian_has_pairs(&ensemble->hamiltonian) ? 12 * n_pairs(system) : 0);
}

static double pair_functions_operations(const struct ensemble *ensemble)
{
    const struct system *system = &ensemble->wavefunction.system;
    return (33 + 3 * (double)system->dimensions) * n_pairs(system) + 8 * (double)ensemble->controls.n_functions;
}

// The number of the family of functions of pairs, which is the last; n_types: there is none.
static size_t pair_family(const struct controls *controls)
{
    for (size_t t = 0; t < controls->n_types; t++)
        if (controls->type[t]->evaluate_pairs)
            return t;
    return controls->n_types;
}

bool worth_all(const struct ensemble *ensemble)
{
    const struct controls *controls = &ensemble->controls;
    bool needed = !ensemble->may_drop || controls->n_functions == 0;
    for (size_t k = 0; k < controls->n_functions; k++)
        for (size_t q = 0; q < CONTROLLED_QUANTITIES; q++)
            needed = needed || (controls->is_fixed[k] && fabs(controls->coefficient[q][k]) > 0);
    return needed;
}

bool worth_all_of_gradient(const struct ensemble *ensemble)
{
    const struct controls *controls = &ensemble->controls;
    bool needed = !ensemble->may_drop || controls->n_functions == 0;
    for (size_t k = 0; k < controls->n_functions; k++)
        needed = needed || (controls->is_fixed[k] && fabs(controls->total[k]) > 1e-12);
    return needed;
}

static struct controls without_pairs(const struct controls *controls)
{
    struct controls few = *controls;
    few.n_types = pair_family(controls);
    if (few.n_types < controls->n_types)
        few.n_functions = controls->first_function[few.n_types];
    return few;
}

struct controls worth_in_use(const struct ensemble *ensemble)
{
    return ensemble->without_pairs ? without_pairs(&ensemble->controls) : ensemble->controls;
}

bool worth_dropped(const struct ensemble *ensemble)
{
    const struct controls *controls = &ensemble->controls, few = without_pairs(controls);
    bool zero = !worth_all(ensemble) && few.n_functions < controls->n_functions;
    for (size_t k = few.n_functions; k < controls->n_functions; k++)
        for (size_t q = 0; q < CONTROLLED_QUANTITIES; q++)
            zero = zero && !(fabs(controls->coefficient[q][k]) > 0);
    return zero;
}

double worth_pairs_cost(const struct ensemble *ensemble)
{
    return pair_functions_operations(ensemble) / sample_operations(ensemble);
}

// Slopes of the pair functions, and a second product of samples and derivatives.
double worth_gradient_cost(const struct ensemble *ensemble)
{
    const double k = (double)ensemble->wavefunction.n_parameters;
    const struct controls *controls = &ensemble->controls;
    const bool has_pairs = pair_family(controls) < controls->n_types;
    const double slopes = (has_pairs ? 14 * n_pairs(&ensemble->wavefunction.system) : 0) +
                          4 * (double)ensemble->wavefunction.n_coordinates;
    return (slopes + 4 * k) /
           (sample_operations(ensemble) + 2 * k + (has_pairs ? pair_functions_operations(ensemble) : 0));
}

bool worth_gradient(const struct ensemble *ensemble, double ratio)
{
    return worth_all_of_gradient(ensemble) || ratio * (1 + worth_gradient_cost(ensemble)) < 1;
}

// ---- the energy

static double moment(const double *moments, size_t i, size_t j)
{
    return i >= j ? moments[i * (i + 1) / 2 + j] : moments[j * (j + 1) / 2 + i];
}

// Variance of the energy with its control variates, from the moments of z = (1, C_k, quantities).
static double variance_left(const struct controls *controls, const double *moments)
{
    const size_t n = controls->n_functions, variables = 1 + n + CONTROLLED_QUANTITIES;
    double sum = 0;
    for (size_t i = 1; i < variables; i++)
        for (size_t j = 1; j < variables; j++) {
            const double weights = (i <= n ? controls->total[i - 1] : 1) * (j <= n ? controls->total[j - 1] : 1);
            sum += weights * (moment(moments, i, j) - moment(moments, i, 0) * moment(moments, j, 0) / moments[0]) /
                   moments[0];
        }
    return fmax(0, sum);
}

void worth_choose(struct ensemble *ensemble, const double *moments)
{
    struct controls *controls = &ensemble->controls, few = without_pairs(controls);
    const size_t n = controls->n_functions, fewer = few.n_functions, left = n - fewer;
    double part[(CONTROLS_MOST + CONTROLLED_QUANTITIES + 1) * (CONTROLS_MOST + CONTROLLED_QUANTITIES + 2) / 2];
    if (worth_all(ensemble) || left == 0)
        return;
    double *to = part;
    for (size_t i = 0; i < 1 + fewer + CONTROLLED_QUANTITIES; i++)
        for (size_t j = 0; j <= i; j++)
            *to++ = moment(moments, i <= fewer ? i : i + left, j <= fewer ? j : j + left);
    if (!controls_fit(&few, part) ||
        variance_left(controls, moments) * (1 + worth_pairs_cost(ensemble)) < variance_left(&few, part))
        return;
    for (size_t q = 0; q < CONTROLLED_QUANTITIES; q++) {
        memcpy(controls->coefficient[q], few.coefficient[q], fewer * sizeof(double));
        memset(controls->coefficient[q] + fewer, 0, left * sizeof(double));
    }
    memcpy(controls->total, few.total, fewer * sizeof(double));
    memset(controls->total + fewer, 0, left * sizeof(double));
    ensemble->without_pairs = true;
}
