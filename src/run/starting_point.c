// SPDX-License-Identifier: GPL-3.0-or-later
#include "run/starting_point.h"

#include "base/memory.h"
#include "run/sites.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <string.h>

bool starting_point_matters(const struct wavefunction *wavefunction)
{
    return wavefunction->n_factors == 1 && wavefunction->factor[0].type->has_minima;
}

// Starts are not all alike (docs/optimizers.md). The first is narrow and symmetric. All others have their particles
// apart, with centres a spread over the trap's length: where many repel each other, or a trap is weak, each keeps to a
// site in the lowest minima, and no symmetric start comes to those. Two of three of these are wide as well: weights and
// biases so many times as large find lower minima in strong traps, unless they are large already (units in opposite
// pairs).
static const double wider = 4, wide_already = 1;

static size_t numbers(const struct factor_view *view)
{
    size_t n = view->fixed || view->logarithm ? 0 : 1;
    for (size_t d = 0; d < view->rank; d++)
        n *= view->extent[d];
    return n;
}

static void widen(const struct factor *factor, double *theta)
{
    struct factor_view view[FACTOR_VIEWS_MOST];
    const size_t n_views = factor_views(factor, view);
    double widest = 0;
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < n_views && widest < wide_already; i++)
            for (size_t k = 0; k < numbers(&view[i]); k++)
                if (pass == 0 && strcmp(view[i].name, "b") == 0)  // biases have no unit
                    widest = fmax(widest, fabs(theta[view[i].first + k]));
                else if (pass == 1)
                    theta[view[i].first + k] *= wider;
}

static double draw_normal(struct rng *rng) { return gsl_cdf_ugaussian_Pinv(rng_uniform(rng)); }

// Centres get normal numbers of the trap's length 1 / sqrt(omega), less their mean over the particles.
static void set_apart(const struct run *run, struct rng *rng, const struct factor *factor, double *theta)
{
    const struct system *system = &run->settings->system;
    const size_t particles = system->particles, dimensions = system->dimensions;
    struct factor_view view[FACTOR_VIEWS_MOST];
    const size_t n_views = factor_views(factor, view);
    for (size_t i = 0; i < n_views; i++)
        for (size_t d = 0; strcmp(view[i].name, "a") == 0 && numbers(&view[i]) && d < dimensions; d++) {
            const double length = 1 / sqrt(sqrt(2 * run->ensemble.hamiltonian.stiffness[d]));
            double *a = theta + view[i].first + d, mean = 0;
            for (size_t p = 0; p < particles; p++) {
                const double step = length * draw_normal(rng);
                a[p * dimensions] += step;
                mean += step / (double)particles;
            }
            for (size_t p = 0; p < particles; p++)
                a[p * dimensions] -= mean;
        }
}

// Two particles separate into centre of mass and relative motion. Where the width is trained it is the best one for
// neither, and units have both to mend. This start shares them out, half to each motion, in directions as even as can
// be, with no unit in both: to the centre of mass along one axis after the other, biases of both signs on each; to
// relative motion around the circle in the plane, else in directions drawn at random, biases about 0. A unit never
// changes sides by itself (docs/optimizers.md, "Minima"). Of three particles and more no such start has ended lowest;
// of many units those along one axis add up to maxima far out.
static const double shared_w = 1.2, shared_b = 1.5, noise_b = 0.15;

// The unit direction number k of n in relative motion; [2 D].
static void relative_direction(size_t k, size_t n, double turn, size_t dimensions, struct rng *rng, double *out)
{
    const double angle = M_PI * (turn + (double)k / (double)n), plane[] = { cos(angle), sin(angle) };
    double square = 0;
    for (size_t d = 0; d < dimensions; d++) {
        out[d] = dimensions == 2 ? plane[d] : draw_normal(rng);
        out[dimensions + d] = -out[d];
        square += 2 * out[d] * out[d];
    }
    for (size_t i = 0; i < 2 * dimensions; i++)
        out[i] /= sqrt(square);
}

static void share_out(const struct run *run, struct rng *rng, size_t hidden, double *a, double *b, double *w)
{
    const size_t dimensions = run->settings->system.dimensions, m = 2 * dimensions, central = hidden / 2;
    const double turn = rng_uniform(rng);
    memset(a, 0, m * sizeof *a);
    for (size_t j = 0; j < hidden; j++) {
        const size_t axis = j % dimensions, on_axis = (central + dimensions - 1 - axis) / dimensions;
        double direction[2 * DIMENSIONS_MOST] = { 0 };
        b[j] = noise_b * draw_normal(rng);
        if (j < central)
            direction[axis] = direction[dimensions + axis] = sqrt(0.5);
        else
            relative_direction(j - central, hidden - central, turn, dimensions, rng, direction);
        if (j < central && on_axis > 1)
            b[j] += shared_b * (2 * (double)(j / dimensions) / (double)(on_axis - 1) - 1);
        for (size_t i = 0; i < m; i++) {
            const double length = 1 / sqrt(sqrt(2 * run->ensemble.hamiltonian.stiffness[i % dimensions]));
            w[i * hidden + j] = shared_w * length * direction[i];
            a[i] -= w[i * hidden + j] / (1 + exp(-b[j]));  // nothing is displaced
        }
    }
}

// Squares of the widths.
static void find_variances(const struct factor_view *view, const double *theta, double variance[DIMENSIONS_MOST])
{
    for (size_t d = 0; d < view->extent[0]; d++)
        variance[d] = view->fixed       ? view->fixed[d] * view->fixed[d]
                      : view->logarithm ? exp(2 * theta[view->first + (view->shared ? 0 : d)])
                                        : NAN;
}

bool starting_point_machine(const struct run *run, double *theta, struct starting_point_machine *at)
{
    struct factor_view view[FACTOR_VIEWS_MOST];
    const size_t n_views = factor_views(&run->ensemble.wavefunction.factor[0], view);
    *at = (struct starting_point_machine){ 0 };
    for (size_t i = 0; i < n_views; i++) {
        double *const here = theta + view[i].first;
        if (strcmp(view[i].name, "sigma") == 0) {
            at->width = view[i].logarithm;
            find_variances(&view[i], theta, at->variance);
        } else if (strcmp(view[i].name, "a") == 0 && numbers(&view[i]))
            at->a = here;
        else if (strcmp(view[i].name, "b") == 0 && numbers(&view[i])) {
            at->b = here;
            at->hidden = view[i].extent[0];
        } else if (strcmp(view[i].name, "w") == 0 && numbers(&view[i]))
            at->w = here;
    }
    return at->a && at->b && at->w;
}

bool starting_point_share_out(const struct run *run, struct rng *rng, double *theta)
{
    struct starting_point_machine at;
    if (!starting_point_machine(run, theta, &at) || !at.width || run->settings->system.particles != 2 ||
        at.hidden > 2 * run->ensemble.wavefunction.n_coordinates)
        return false;
    share_out(run, rng, at.hidden, at.a, at.b, at.w);
    return true;
}

// Three particles and more with as many units at least: in the lowest minima each particle keeps to a site and most
// units serve one or two of them. Units that begin spread over all particles get there one by one, if they do. So this
// start has particles at sites, and units in turn for single ones, p = 0, 1, ..., and for pairs of each with
// its nearest neighbour, then again for single ones and pairs with the second nearest.
static const double sited_w = 1.5, noise_w = 0.02;

// The neighbour of p at `rank` (0: the nearest).
static size_t neighbour(const double *site, size_t particles, size_t dimensions, size_t p, size_t rank)
{
    double last = -1;
    size_t found = p;
    for (size_t r = 0; r <= rank; r++) {
        double least = INFINITY;
        for (size_t q = 0; q < particles; q++) {
            double square = 0;
            for (size_t d = 0; d < dimensions; d++) {
                const double step = site[q * dimensions + d] - site[p * dimensions + d];
                square += step * step;
            }
            if (q != p && square > last && square < least) {
                least = square;
                found = q;
            }
        }
        last = least;
    }
    return found;
}

// Weights of unit j of so many, in units of the trap's length; [M].
static void unit_at_sites(const struct run *run, struct rng *rng, const double *site, size_t j, size_t hidden,
                          double *v)
{
    const size_t dimensions = run->settings->system.dimensions, particles = run->settings->system.particles,
                 p = j % particles, round = j / particles;
    double direction[DIMENSIONS_MOST], square = 0;
    for (size_t d = 0; d < dimensions; d++) {
        direction[d] = draw_normal(rng);
        square += direction[d] * direction[d];
    }
    for (size_t i = 0; i < particles * dimensions; i++)
        v[i] = noise_w * draw_normal(rng);
    const bool pair = round % 2 == 1;
    const size_t q = pair ? neighbour(site, particles, dimensions, p, round / 2) : p;
    const double length = sited_w * sqrt(pair ? 0.5 : 1) * fmin(1, sqrt(2 * (double)particles / (double)hidden));
    for (size_t d = 0; d < dimensions; d++) {
        const double step = length * direction[d] / sqrt(square);
        v[p * dimensions + d] += step;
        if (q != p)
            v[q * dimensions + d] -= step;
    }
}

// 1: done; 0: of no use; -1: no memory.
static int put_at_sites(const struct run *run, struct rng *rng, double *theta)
{
    const size_t m = run->ensemble.wavefunction.n_coordinates, dimensions = run->settings->system.dimensions,
                 particles = run->settings->system.particles;
    struct starting_point_machine at;
    if (!starting_point_machine(run, theta, &at) || particles < 3 || at.hidden < particles)
        return 0;
    double *site = memory_doubles(2 * m);
    if (!site || !sites_find(&run->ensemble.hamiltonian, rng, site)) {
        memory_free(site);
        return -1;
    }
    double *v = site + m;
    memcpy(at.a, site, m * sizeof *site);
    for (size_t j = 0; j < at.hidden; j++) {
        unit_at_sites(run, rng, site, j, at.hidden, v);
        at.b[j] = noise_b * draw_normal(rng);
        for (size_t i = 0; i < m; i++) {
            const double length = 1 / sqrt(sqrt(2 * run->ensemble.hamiltonian.stiffness[i % dimensions]));
            at.w[i * at.hidden + j] = length * v[i];
            at.a[i] -= 0.5 * length * v[i];
        }
    }
    memory_free(site);
    return 1;
}

enum { STARTS_ROUND = 6, START_SHARED_OUT = 4 };  // of so many the one with that number
enum { STARTS_TURN = 3, START_AT_SITES = 1 };

bool starting_point_find(const struct run *run, size_t start, double *theta)
{
    struct rng rng;
    const struct factor *first = &run->ensemble.wavefunction.factor[0];
    rng_start(&rng, run->settings->run.seed, UINT64_MAX - start);
    wavefunction_start(&run->ensemble.wavefunction, rng_uniform, &rng, theta);
    const bool apart = start > 0 && starting_point_matters(&run->ensemble.wavefunction), wide = apart && start % 3 != 1;
    if (apart && start % STARTS_ROUND == START_SHARED_OUT && starting_point_share_out(run, &rng, theta))
        return true;
    const bool large = run->ensemble.wavefunction.n_parameters > STARTING_POINT_SMALL;
    const int sited = apart && (large || start % STARTS_TURN == START_AT_SITES) ? put_at_sites(run, &rng, theta) : 0;
    if (sited != 0)
        return sited > 0;
    if (wide)
        widen(first, theta);
    if (apart)
        set_apart(run, &rng, first, theta);
    return true;
}
