// SPDX-License-Identifier: GPL-3.0-or-later
// Minimises the closed form by GSL's BFGS (vector_bfgs2). GSL's method remembers one step; a descent to a minimum whose
// curvatures differ by 1e6 takes thousands of those. So the inverse Hessian H is built up beside it, by the BFGS
// formula from all steps, and every few iterations GSL begins anew in coordinates z in which H is 1: x = origin + L z,
// H = L L^T. x are parameters in units in which a, b, w and ln sigma are alike: lengths over the starting width.
#include "vmc/referee.h"

#include "base/gsl_guard.h"
#include "base/memory.h"
#include "referee/parts.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_multimin.h>
#include <math.h>
#include <string.h>

// Iterations over which the fall of the energy is looked at, and between new coordinates; restarts along the gradient
// where a line search finds nothing lower; what stands for the energy of parameters that have none.
enum { WINDOW = 10, RENEWAL = 5, RESTARTS = 2 };
static const double no_energy = 1e30;
// A search along a line ends once the slope has fallen to this share: nearly always at the first step, which is cheaper
// than exact lines.
static const double line_search = 0.9;

struct problem {
    struct referee *referee;
    size_t n, evaluations;
    double *unit, *theta, *gradient;  // [n] each
    double energy;
    bool known;                             // energy and gradient are those at `here`
    gsl_vector *here, *slope;               // x and dE/dx
    gsl_vector *origin, *point, *push;      // x at z = 0, the last point that was reached and dE/dx there
    gsl_vector *step, *change, *image, *z;  // scratch, and z = 0
    gsl_matrix *inverse, *root;             // H and L
    bool scaled;
};

// ---- energy and slope

static void evaluate(struct problem *problem, const gsl_vector *z)
{
    struct referee_energy energy;
    bool same = problem->known;
    gsl_vector_memcpy(problem->step, z);
    gsl_blas_dtrmv(CblasLower, CblasNoTrans, CblasNonUnit, problem->root, problem->step);
    gsl_vector_add(problem->step, problem->origin);
    for (size_t k = 0; k < problem->n; k++)
        same = same && gsl_vector_get(problem->step, k) == gsl_vector_get(problem->here, k);
    if (same)
        return;
    gsl_vector_memcpy(problem->here, problem->step);
    for (size_t k = 0; k < problem->n; k++)
        problem->theta[k] = gsl_vector_get(problem->here, k) * problem->unit[k];
    problem->evaluations++;
    problem->known = true;
    const bool good = referee_evaluate(problem->referee, problem->theta, &energy, problem->gradient);
    problem->energy = good ? energy.energy : no_energy;
    for (size_t k = 0; k < problem->n; k++)
        gsl_vector_set(problem->slope, k, good ? problem->gradient[k] * problem->unit[k] : 0);
}

static double value(const gsl_vector *z, void *context)
{
    evaluate(context, z);
    return ((const struct problem *)context)->energy;
}

static void slope(const gsl_vector *z, void *context, gsl_vector *gradient)
{
    const struct problem *problem = context;
    evaluate(context, z);
    gsl_vector_memcpy(gradient, problem->slope);
    gsl_blas_dtrmv(CblasLower, CblasTrans, CblasNonUnit, problem->root, gradient);
}

static void both(const gsl_vector *z, void *context, double *energy, gsl_vector *gradient)
{
    *energy = value(z, context);
    slope(z, context, gradient);
}

// ---- coordinates

// H += (1 + y H y/(s y)) s s/(s y) - (s (H y) + (H y) s)/(s y), for a step s along which the slope changed by y.
static void learn(struct problem *problem)
{
    double along, bend, stiff;
    gsl_blas_ddot(problem->step, problem->change, &along);
    gsl_blas_ddot(problem->change, problem->change, &stiff);
    if (!(along > 1e-10 * gsl_blas_dnrm2(problem->step) * sqrt(stiff)))
        return;
    if (!problem->scaled) {
        gsl_matrix_set_identity(problem->inverse);
        gsl_matrix_scale(problem->inverse, along / stiff);
        problem->scaled = true;
    }
    gsl_blas_dsymv(CblasLower, 1, problem->inverse, problem->change, 0, problem->image);
    gsl_blas_ddot(problem->change, problem->image, &bend);
    gsl_blas_dsyr2(CblasLower, -1 / along, problem->step, problem->image, problem->inverse);
    gsl_blas_dsyr(CblasLower, (1 + bend / along) / along, problem->step, problem->inverse);
}

// Takes the point that was reached.
static void reach(struct problem *problem, const gsl_multimin_fdfminimizer *minimizer, bool first)
{
    evaluate(problem, minimizer->x);
    gsl_vector_memcpy(problem->step, problem->here);
    gsl_vector_memcpy(problem->change, problem->slope);
    gsl_vector_sub(problem->step, problem->point);
    gsl_vector_sub(problem->change, problem->push);
    if (!first)
        learn(problem);
    gsl_vector_memcpy(problem->point, problem->here);
    gsl_vector_memcpy(problem->push, problem->slope);
}

// Begins anew where the last one ended: in coordinates of H, or those of x where there is no H or it is not positive.
static void renew(struct problem *problem, gsl_multimin_fdfminimizer *minimizer, gsl_multimin_function_fdf *function,
                  double first_step, bool plain)
{
    gsl_vector_memcpy(problem->origin, problem->point);
    gsl_matrix_memcpy(problem->root, problem->inverse);
    plain = plain || !problem->scaled || gsl_linalg_cholesky_decomp1(problem->root) != GSL_SUCCESS;
    if (plain) {
        gsl_matrix_set_identity(problem->root);
        problem->scaled = false;
    }
    if (!plain) {  // a whole Newton step, but for none longer than 1 in x
        gsl_vector_memcpy(problem->step, problem->push);
        gsl_blas_dtrmv(CblasLower, CblasTrans, CblasNonUnit, problem->root, problem->step);
        first_step = gsl_blas_dnrm2(problem->step);
        gsl_blas_dtrmv(CblasLower, CblasNoTrans, CblasNonUnit, problem->root, problem->step);
        first_step /= fmax(1, gsl_blas_dnrm2(problem->step));
    }
    gsl_vector_set_zero(problem->z);
    gsl_multimin_fdfminimizer_set(minimizer, function, problem->z, first_step, line_search);
}

// ---- the descent

static bool look(struct problem *problem, struct referee_descent *descent)
{
    descent->energy = problem->energy;
    descent->gradient_norm = gsl_blas_dnrm2(problem->push);
    for (size_t k = 0; k < problem->n; k++)
        problem->theta[k] = gsl_vector_get(problem->point, k) * problem->unit[k];
    descent->stopped = descent->look && !descent->look(descent->context, descent->done, descent->energy,
                                                       descent->gradient_norm, problem->theta);
    return !descent->stopped;
}

static void descend(struct problem *problem, struct referee_descent *descent, gsl_multimin_fdfminimizer *minimizer)
{
    gsl_multimin_function_fdf function = { value, slope, both, problem->n, problem };
    double before[WINDOW];
    size_t restarts = 0, since = 0;
    renew(problem, minimizer, &function, 0.1, true);
    reach(problem, minimizer, true);
    while (look(problem, descent) && descent->done < descent->iterations &&
           descent->gradient_norm > descent->tolerance * fabs(descent->energy)) {
        double *then = &before[descent->done % WINDOW];
        if (descent->done >= WINDOW && *then - descent->energy < descent->level * fabs(descent->energy))
            break;
        *then = descent->energy;
        const bool moved = gsl_multimin_fdfminimizer_iterate(minimizer) == GSL_SUCCESS;
        if (moved) {
            descent->done++;
            reach(problem, minimizer, false);
        } else if (restarts++ == RESTARTS) {
            break;
        }
        if (!moved || ++since == RENEWAL) {
            renew(problem, minimizer, &function, 1e-3, !moved);
            since = 0;
        }
    }
}

static bool allocate(struct problem *problem)
{
    const size_t n = problem->n;
    gsl_vector **vectors[] = { &problem->here, &problem->slope,  &problem->origin, &problem->point, &problem->push,
                               &problem->step, &problem->change, &problem->image,  &problem->z };
    bool good = true;
    for (size_t k = 0; k < sizeof vectors / sizeof *vectors; k++)
        good = (*vectors[k] = gsl_vector_calloc(n)) && good;
    good = (problem->inverse = gsl_matrix_calloc(n, n)) && good;
    good = (problem->root = gsl_matrix_calloc(n, n)) && good;
    good = (problem->unit = memory_doubles(n)) && good;
    good = (problem->theta = memory_doubles(n)) && good;
    return (problem->gradient = memory_doubles(n)) && good;
}

static void finish(struct problem *problem)
{
    gsl_vector *vectors[] = { problem->here, problem->slope,  problem->origin, problem->point, problem->push,
                              problem->step, problem->change, problem->image,  problem->z };
    for (size_t k = 0; k < sizeof vectors / sizeof *vectors; k++)
        gsl_vector_free(vectors[k]);
    gsl_matrix_free(problem->inverse);
    gsl_matrix_free(problem->root);
    memory_free(problem->unit);
    memory_free(problem->theta);
    memory_free(problem->gradient);
}

bool referee_descend(struct referee *referee, struct referee_descent *descent, double *theta, struct error *error)
{
    struct problem problem = { .referee = referee, .n = referee_parameters(referee) };
    gsl_guard_begin();
    gsl_multimin_fdfminimizer *minimizer = gsl_multimin_fdfminimizer_alloc(gsl_multimin_fdfminimizer_vector_bfgs2,
                                                                           problem.n);
    bool good = (allocate(&problem) && minimizer) ||
                error_add(error, ERROR_INTERNAL, "no memory to minimise over %zu parameters", problem.n);
    descent->done = descent->evaluations = 0;
    descent->stopped = false;
    if (good) {
        referee_units(referee, theta, problem.unit);
        for (size_t k = 0; k < problem.n; k++)
            gsl_vector_set(problem.point, k, theta[k] / problem.unit[k]);
        descend(&problem, descent, minimizer);
        memcpy(theta, problem.theta, problem.n * sizeof *theta);
        descent->evaluations = problem.evaluations;
        good = descent->energy < no_energy ||
               error_add(error, ERROR_INTERNAL, "the closed form has no finite value where the descent began");
    }
    gsl_multimin_fdfminimizer_free(minimizer);
    finish(&problem);
    gsl_guard_end();
    return good;
}
