// SPDX-License-Identifier: GPL-3.0-or-later
#include "run/revive.h"

#include "base/memory.h"
#include "run/starting_point.h"

#include <math.h>

// Per particle. Where there are more, others can do what these did.
enum { UNITS_MOST = 2 };
// Of the weights that a unit begins with again, in units of 1 / (trap's length). Once the samples have grown there is
// no time for a new task: what is left of it disturbs nothing.
static double new_weight(const struct run *run) { return run->training.refined == 0 ? 1 : 0.1; }

// The machine whose units may begin anew.
static bool find_machine(const struct run *run, struct starting_point_machine *at)
{
    return run->metric.room > 0 && run->settings->system.particles > 2 &&
           starting_point_matters(&run->ensemble.wavefunction) && starting_point_machine(run, run->theta, at);
}

bool revive_applies(const struct run *run)
{
    struct starting_point_machine at;
    return find_machine(run, &at) && at.hidden <= UNITS_MOST * run->settings->system.particles;
}

bool revive_watches(const struct run *run)
{
    enum { EVERY = 16 };
    struct starting_point_machine at;
    const size_t done = run->history.n;
    return done % EVERY == 0 && done + run->training.window <= run->settings->optimizer.iterations &&
           find_machine(run, &at);
}

// Over samples [n].
static double mean(const double *row, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += row[k];
    return sum / (double)n;
}
static double mean_influence(const double *sigmoid, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += sigmoid[k] * (1 - sigmoid[k]);
    return sum / (double)n;
}

// Adds the squared weights that unit j has on each particle; returns the particle with the least.
static void add_service(const struct run *run, const struct starting_point_machine *at, size_t j, double *service)
{
    const size_t m = run->ensemble.wavefunction.n_coordinates, dimensions = run->settings->system.dimensions;
    for (size_t i = 0; i < m; i++)
        service[i / dimensions] += at->w[i * at->hidden + j] * at->w[i * at->hidden + j];
}
static size_t least_served(size_t particles, const double *service)
{
    size_t least = 0;
    for (size_t p = 1; p < particles; p++)
        if (service[p] < service[least])
            least = p;
    return least;
}

// Its weights along the particle's mean position, with the sigmoid at 1/2 there and nothing displaced.
static void begin_at(const struct run *run, const struct starting_point_machine *at, size_t j, size_t particle,
                     const double *position)
{
    const size_t m = run->ensemble.wavefunction.n_coordinates, dimensions = run->settings->system.dimensions,
                 first = particle * dimensions;
    double square = 0;
    for (size_t d = 0; d < dimensions; d++)
        square += position[first + d] * position[first + d];
    for (size_t i = 0; i < m; i++)
        at->w[i * at->hidden + j] = 0;
    at->b[j] = 0;
    for (size_t d = 0; d < dimensions; d++) {
        const size_t i = first + d;
        const double length = 1 / sqrt(sqrt(2 * run->ensemble.hamiltonian.stiffness[d])),
                     along = square > 0 ? position[i] / sqrt(square) : d == 0;
        at->w[i * at->hidden + j] = new_weight(run) * length * along;
        at->b[j] -= at->w[i * at->hidden + j] * position[i] / at->variance[d];
        at->a[i] -= 0.5 * at->w[i * at->hidden + j];
    }
}

size_t revive_units(struct run *run, size_t n_samples, double influence)
{
    struct starting_point_machine at;
    const struct metric *metric = &run->metric;
    const size_t m = run->ensemble.wavefunction.n_coordinates, particles = run->settings->system.particles;
    double *position = memory_doubles(m + particles), *service = position + m;
    if (!position || !starting_point_machine(run, run->theta, &at)) {
        memory_free(position);
        return 0;
    }
    size_t n = 0;
    const double *x = metric->features + run->ensemble.wavefunction.factor[0].first_feature * metric->room,
                 *sigmoid = x + (m + 1) * metric->room;  // features of an RBM: x [M], 1, s [N], ...
    for (size_t i = 0; i < m; i++)
        position[i] = mean(x + i * metric->room, n_samples);
    for (size_t p = 0; p < particles; p++)
        service[p] = 0;
    for (size_t j = 0; j < at.hidden; j++)
        if (!(mean_influence(sigmoid + j * metric->room, n_samples) < influence))
            add_service(run, &at, j, service);
    for (size_t j = 0; j < at.hidden; j++)
        if (mean_influence(sigmoid + j * metric->room, n_samples) < influence) {
            const double level = mean(sigmoid + j * metric->room, n_samples);
            for (size_t i = 0; i < m; i++)
                at.a[i] += level * at.w[i * at.hidden + j];
            begin_at(run, &at, j, least_served(particles, service), position);
            add_service(run, &at, j, service);
            n++;
        }
    memory_free(position);
    return n;
}
