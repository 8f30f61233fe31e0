// SPDX-License-Identifier: GPL-3.0-or-later
// Brute force: expectation values as sums over a tensor grid. For analytic, decaying integrands the trapezoid rule
// converges exponentially in 1/step: a Gaussian of standard deviation s leaves e^(-2 pi^2 (s/h)^2), the zeros of F at
// theta_j = +-i pi, which matter where |grad F|^2 / F is integrated, e^(-2 pi^2 / (h |w_j| / sigma^2)). Halve the step
// to see. The grid's ends stand 7 deviations outside the outermost component: what is beyond is below 1e-11. Points
// with less than 1e-14 of the largest weight are left out.
#include "oracle.h"

#include <math.h>
#include <stdlib.h>

enum { AXES_MOST = 4 };

struct grid {
    size_t axes, points[AXES_MOST], total;
    double start[AXES_MOST], step[AXES_MOST];
};

// The range of the components' means along axis i, and 7 deviations more
static void span(const struct oracle_rbm *rbm, size_t i, double *low, double *high)
{
    long double mean[AXES_MOST];
    const double margin = 7 / sqrt((double)oracle_precision(rbm, i % rbm->dimensions));
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t index = 0; index < oracle_components(rbm); index++) {
        (void)oracle_component(rbm, index, mean);
        *low = fmin(*low, (double)mean[i] - margin);
        *high = fmax(*high, (double)mean[i] + margin);
    }
}

static struct grid grid_over(const struct oracle_rbm *rbm, double step)
{
    struct grid grid = { .axes = oracle_coordinates(rbm), .total = 1 };
    for (size_t i = 0; i < grid.axes; i++) {
        double high;
        span(rbm, i, &grid.start[i], &high);
        grid.step[i] = step / sqrt((double)oracle_precision(rbm, i % rbm->dimensions));
        grid.points[i] = (size_t)ceil((high - grid.start[i]) / grid.step[i]) + 1;
        grid.total *= grid.points[i];
    }
    return grid;
}

static void grid_point(const struct grid *grid, size_t index, double *x)
{
    for (size_t i = 0; i < grid->axes; i++) {
        x[i] = grid->start[i] + (double)(index % grid->points[i]) * grid->step[i];
        index /= grid->points[i];
    }
}

struct sums {
    double norm, kinetic, trap, pair, energy;
    double *o, *energy_o;  // sums of O_k and E_L O_k
    double *here;          // O_k
};

// ln psi, factorised, in double for speed
static double log_psi(const struct oracle_rbm *rbm, const double *x)
{
    double log_f = 0, log_gaussian = 0;
    for (size_t i = 0; i < oracle_coordinates(rbm); i++) {
        const double u = (x[i] - rbm->a[i]) / rbm->sigma[i % rbm->dimensions];
        log_f -= rbm->envelope ? u * u / 2 : 0;
        log_gaussian -= rbm->gaussian_alpha * rbm->omega[i % rbm->dimensions] * x[i] * x[i] / 2;
    }
    for (size_t j = 0; j < rbm->hidden; j++) {
        double theta = rbm->b[j];
        for (size_t i = 0; i < oracle_coordinates(rbm); i++)
            theta += x[i] * rbm->w[i * rbm->hidden + j] /
                     (rbm->sigma[i % rbm->dimensions] * rbm->sigma[i % rbm->dimensions]);
        log_f += fmax(theta, 0) + log1p(exp(-fabs(theta)));
    }
    return (rbm->amplitude ? 1 : 0.5) * log_f + log_gaussian;
}

static void add(const struct oracle_rbm *rbm, const double *x, double log_scale, struct sums *sums)
{
    const double weight = exp(2 * (log_psi(rbm, x) - log_scale));
    if (weight < 1e-14)  // far from everything
        return;
    const struct oracle_local local = oracle_analytic_local_energy(rbm, x);
    const double pair = rbm->interaction == ORACLE_SOFT ? (double)local.pair : 0,
                 energy = (double)(local.kinetic + local.trap) + pair;
    sums->norm += weight;
    sums->kinetic += weight * (double)local.kinetic_gradient;
    sums->trap += weight * (double)local.trap;
    sums->pair += weight * pair;
    sums->energy += weight * energy;
    if (sums->here == NULL)
        return;
    oracle_analytic_derivatives(rbm, x, sums->here);
    for (size_t k = 0; k < oracle_parameters(rbm); k++) {
        sums->o[k] += weight * sums->here[k];
        sums->energy_o[k] += weight * energy * sums->here[k];
    }
}

static double *zeros(size_t count)
{
    double *out = calloc(count, sizeof *out);
    if (out == NULL)
        abort();
    return out;
}

// ln psi near its largest value: at the mean of the heaviest component
static double scale(const struct oracle_rbm *rbm)
{
    long double mean[AXES_MOST], most = -(long double)INFINITY;
    for (size_t index = 0; index < oracle_components(rbm); index++) {
        (void)oracle_component(rbm, index, mean);
        most = fmaxl(most, oracle_log_psi_softplus(rbm, mean));
    }
    return (double)most;
}

struct oracle_mean oracle_trapezoid(const struct oracle_rbm *rbm, double step, double *gradient)
{
    struct oracle_mean mean = { 0 };
    if (oracle_coordinates(rbm) > AXES_MOST)
        abort();
    const struct grid grid = grid_over(rbm, step);
    const size_t count = gradient != NULL ? oracle_parameters(rbm) : 0;
    const double log_scale = scale(rbm);
    struct sums sums = { .o = zeros(count + 1), .energy_o = zeros(count + 1), .here = count > 0 ? zeros(count) : NULL };
    double x[AXES_MOST], volume = 1;
    for (size_t index = 0; index < grid.total; index++) {
        grid_point(&grid, index, x);
        add(rbm, x, log_scale, &sums);
    }
    for (size_t i = 0; i < grid.axes; i++)
        volume *= grid.step[i];
    for (size_t k = 0; k < count; k++)
        gradient[k] = 2 * (sums.energy_o[k] - sums.energy * sums.o[k] / sums.norm) / sums.norm;
    mean.kinetic = sums.kinetic / sums.norm;
    mean.trap = sums.trap / sums.norm;
    mean.pair = rbm->interaction == ORACLE_COULOMB ? (long double)NAN : sums.pair / sums.norm;
    mean.energy = sums.energy / sums.norm;
    mean.log_norm = log(sums.norm * volume) + 2 * log_scale;
    free(sums.o);
    free(sums.energy_o);
    free(sums.here);
    return mean;
}
