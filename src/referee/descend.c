// SPDX-License-Identifier: GPL-3.0-or-later
// Minimises the closed form by GSL's BFGS (vector_bfgs2), in units in which a, b, w and ln sigma are alike: lengths
// over the starting width.
#include "vmc/referee.h"

#include "base/memory.h"
#include "referee/parts.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_multimin.h>
#include <math.h>
#include <string.h>

// Iterations over which the fall of the energy is looked at; restarts along the gradient where a line search finds
// nothing lower; what stands for the energy of parameters that have none.
enum { WINDOW = 10, RESTARTS = 2 };
static const double no_energy = 1e30;
// A search along a line ends once the slope has fallen to this share: nearly always at the first step, which is cheaper
// than exact lines.
static const double line_search = 0.9;

struct problem {
    struct referee *referee;
    size_t n, evaluations;
    double *unit, *theta, *gradient, *last;  // [n] each; `last`: where energy and gradient were taken
    double energy;
    bool known;
};

static void evaluate(struct problem *problem, const gsl_vector *x)
{
    struct referee_energy energy;
    bool same = problem->known;
    for (size_t k = 0; k < problem->n; k++) {
        same = same && problem->last[k] == gsl_vector_get(x, k);
        problem->last[k] = gsl_vector_get(x, k);
        problem->theta[k] = problem->last[k] * problem->unit[k];
    }
    if (same)
        return;
    problem->evaluations++;
    problem->known = true;
    const bool good = referee_evaluate(problem->referee, problem->theta, &energy, problem->gradient);
    problem->energy = good ? energy.energy : no_energy;
    for (size_t k = 0; k < problem->n; k++)
        problem->gradient[k] = good ? problem->gradient[k] * problem->unit[k] : 0;
}

static double value(const gsl_vector *x, void *context)
{
    evaluate(context, x);
    return ((const struct problem *)context)->energy;
}

static void slope(const gsl_vector *x, void *context, gsl_vector *gradient)
{
    const struct problem *problem = context;
    evaluate(context, x);
    for (size_t k = 0; k < problem->n; k++)
        gsl_vector_set(gradient, k, problem->gradient[k]);
}

static void both(const gsl_vector *x, void *context, double *energy, gsl_vector *gradient)
{
    *energy = value(x, context);
    slope(x, context, gradient);
}

static double length(const gsl_vector *v)
{
    double sum = 0;
    for (size_t k = 0; k < v->size; k++)
        sum += gsl_vector_get(v, k) * gsl_vector_get(v, k);
    return sqrt(sum);
}

static bool look(struct problem *problem, struct referee_descent *descent, const gsl_multimin_fdfminimizer *minimizer)
{
    descent->energy = minimizer->f;
    descent->gradient_norm = length(minimizer->gradient);
    for (size_t k = 0; k < problem->n; k++)
        problem->theta[k] = gsl_vector_get(minimizer->x, k) * problem->unit[k];
    descent->stopped = descent->look && !descent->look(descent->context, descent->done, descent->energy,
                                                       descent->gradient_norm, problem->theta);
    return !descent->stopped;
}

static void descend(struct problem *problem, struct referee_descent *descent, gsl_multimin_fdfminimizer *minimizer,
                    gsl_vector *x)
{
    gsl_multimin_function_fdf function = { value, slope, both, problem->n, problem };
    double before[WINDOW];
    size_t restarts = 0;
    gsl_multimin_fdfminimizer_set(minimizer, &function, x, 0.1, line_search);
    while (look(problem, descent, minimizer) && descent->done < descent->iterations &&
           descent->gradient_norm > descent->tolerance * fabs(descent->energy)) {
        double *then = &before[descent->done % WINDOW];
        if (descent->done >= WINDOW && *then - descent->energy < descent->level * fabs(descent->energy))
            break;
        *then = descent->energy;
        if (gsl_multimin_fdfminimizer_iterate(minimizer) == GSL_SUCCESS) {
            descent->done++;
            continue;
        }
        if (restarts++ == RESTARTS)
            break;
        gsl_vector_memcpy(x, minimizer->x);
        gsl_multimin_fdfminimizer_set(minimizer, &function, x, 1e-3, line_search);
    }
}

bool referee_descend(struct referee *referee, struct referee_descent *descent, double *theta, struct error *error)
{
    const size_t n = referee_parameters(referee);
    struct problem problem = {
        .referee = referee,
        .n = n,
        .unit = memory_doubles(n),
        .theta = memory_doubles(n),
        .gradient = memory_doubles(n),
        .last = memory_doubles(n),
    };
    gsl_vector *x = gsl_vector_alloc(n);
    gsl_multimin_fdfminimizer *minimizer = gsl_multimin_fdfminimizer_alloc(gsl_multimin_fdfminimizer_vector_bfgs2, n);
    bool good = (problem.unit && problem.theta && problem.gradient && problem.last && x && minimizer) ||
                error_add(error, ERROR_INTERNAL, "no memory to minimise over %zu parameters", n);
    descent->done = descent->evaluations = 0;
    descent->stopped = false;
    if (good) {
        referee_units(referee, theta, problem.unit);
        for (size_t k = 0; k < n; k++)
            gsl_vector_set(x, k, theta[k] / problem.unit[k]);
        descend(&problem, descent, minimizer, x);
        memcpy(theta, problem.theta, n * sizeof *theta);
        descent->evaluations = problem.evaluations;
        good = descent->energy < no_energy ||
               error_add(error, ERROR_INTERNAL, "the closed form has no finite value where the descent began");
    }
    gsl_multimin_fdfminimizer_free(minimizer);
    gsl_vector_free(x);
    memory_free(problem.unit);
    memory_free(problem.theta);
    memory_free(problem.gradient);
    memory_free(problem.last);
    return good;
}
