// SPDX-License-Identifier: GPL-3.0-or-later
// The least <E> over all parameters: BFGS until doubles show no more progress (gradient ~ 1e-8), then Newton steps with
// the gradient alone. Rotations of space leave directions in which nothing changes; Newton leaves those alone.
#include "oracle.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_eigen.h>
#include <gsl/gsl_multimin.h>
#include <math.h>
#include <stdlib.h>

static double value(const gsl_vector *theta, void *params)
{
    struct oracle_copy *copy = params;
    oracle_copy_set(copy, theta->data);
    return (double)oracle_exact(&copy->rbm).energy;
}

static void slope(const gsl_vector *theta, void *params, gsl_vector *gradient)
{
    struct oracle_copy *copy = params;
    long double *wide = calloc(theta->size, sizeof *wide);
    if (wide == NULL)
        abort();
    oracle_copy_set(copy, theta->data);
    oracle_energy_gradient(&copy->rbm, wide);
    for (size_t k = 0; k < theta->size; k++)
        gsl_vector_set(gradient, k, (double)wide[k]);
    free(wide);
}

static void both(const gsl_vector *theta, void *params, double *energy, gsl_vector *gradient)
{
    *energy = value(theta, params);
    slope(theta, params, gradient);
}

static void descend(struct oracle_copy *copy, gsl_vector *theta)
{
    gsl_multimin_function_fdf function = { value, slope, both, theta->size, copy };
    gsl_multimin_fdfminimizer *search = gsl_multimin_fdfminimizer_alloc(gsl_multimin_fdfminimizer_vector_bfgs2,
                                                                        theta->size);
    gsl_multimin_fdfminimizer_set(search, &function, theta, 0.1, 0.1);
    for (int k = 0; k < 2000; k++)
        if (gsl_multimin_fdfminimizer_iterate(search) != 0 ||
            gsl_multimin_test_gradient(search->gradient, 1e-7) == GSL_SUCCESS)
            break;
    gsl_vector_memcpy(theta, search->x);
    gsl_multimin_fdfminimizer_free(search);
}

// H_kl = d g_k / d theta_l by central differences
static void hessian(struct oracle_copy *copy, gsl_vector *theta, gsl_vector *gradient, gsl_matrix *matrix)
{
    const double step = 0x1p-10;
    for (size_t l = 0; l < theta->size; l++) {
        const double kept = gsl_vector_get(theta, l);
        gsl_vector_view column = gsl_matrix_column(matrix, l);
        gsl_vector_set(theta, l, kept + step);
        slope(theta, copy, &column.vector);
        gsl_vector_set(theta, l, kept - step);
        slope(theta, copy, gradient);
        gsl_vector_sub(&column.vector, gradient);
        gsl_vector_scale(&column.vector, 1 / (2 * step));
        gsl_vector_set(theta, l, kept);
    }
}

// theta -= H^-1 g in the space of the eigenvalues that are not (nearly) 0
static void newton(struct oracle_copy *copy, gsl_vector *theta)
{
    const size_t n = theta->size;
    gsl_matrix *matrix = gsl_matrix_alloc(n, n), *vectors = gsl_matrix_alloc(n, n);
    gsl_vector *values = gsl_vector_alloc(n), *gradient = gsl_vector_alloc(n);
    gsl_eigen_symmv_workspace *workspace = gsl_eigen_symmv_alloc(n);
    hessian(copy, theta, gradient, matrix);
    gsl_eigen_symmv(matrix, values, vectors, workspace);
    slope(theta, copy, gradient);
    for (size_t k = 0; k < n; k++) {
        gsl_vector_view direction = gsl_matrix_column(vectors, k);
        double along;
        gsl_blas_ddot(&direction.vector, gradient, &along);
        if (gsl_vector_get(values, k) > 1e-4)
            gsl_blas_daxpy(-along / gsl_vector_get(values, k), &direction.vector, theta);
    }
    gsl_eigen_symmv_free(workspace);
    gsl_vector_free(values);
    gsl_vector_free(gradient);
    gsl_matrix_free(matrix);
    gsl_matrix_free(vectors);
}

double oracle_minimise(const struct oracle_rbm *rbm, double *theta)
{
    struct oracle_copy copy;
    oracle_copy_init(&copy, rbm);
    gsl_vector_view view = gsl_vector_view_array(theta, oracle_parameters(rbm));
    descend(&copy, &view.vector);
    for (int k = 0; k < 3; k++)
        newton(&copy, &view.vector);
    const double energy = value(&view.vector, &copy);
    oracle_copy_finish(&copy);
    return energy;
}
