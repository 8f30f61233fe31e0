// SPDX-License-Identifier: GPL-3.0-or-later
// The energy of an RBM and its gradient as sums over the Gaussians of |psi|^2 = F^K, K = 2c (docs/theory.md, section
// 8). Pairs (h, h') of hidden configurations (amplitude form) whose counts n_j = h_j + h'_j agree have the same
// overlap: (K + 1)^N terms, with
//     u_i = (1/K) sum_j w_ij n_j,   centre m_i = a_i + u_i,   variance sigma_i^2/K,
//     L = sum_j [ b_j n_j + ln binomial(K, n_j) ] + sum_i (K/(2 sigma_i^2)) u_i (2 a_i + u_i),
//     e = sum_i [ K/(8 sigma_i^2) + omega_i^2/2 (m_i^2 + sigma_i^2/K) ] - sum_j k_j B_j + sum_{p<q} <v>,
//     k_j = sum_i w_ij^2/(8 sigma_i^4),
// B_j = 1 where n_j = 1 and else 0 (K = 2), or the mean of s_j (1 - s_j) (K = 1);  E = sum e^L e / sum e^L,
// dE = < de + (e - E) dL >.
// The terms are the leaves of a tree with a level for every hidden unit, so that one costs O(M), not O(M N): u is added
// up on the way down, and on the way back the sums of a subtree are multiplied with the n_j that it has in common.
// Check by hand: N = M = 1, a = b = 0, w = sigma = omega = 1, amplitude:
//     E = [1/2 + e (1/2 + 1/2) + 2 e^(1/4) (1/2 + 1/8 - 1/8)]/(1 + e + 2 e^(1/4)).
#include "vmc/referee.h"

#include "base/memory.h"
#include "referee/parts.h"
#include "wavefunction/rbm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HIDDEN_MOST = 19, PAIR_MEANS_MOST = 200000000 };
// Terms so much lighter than the heaviest one add nothing.
static const double negligible = -90;

struct totals {
    double trap, pair, kinetic;  // of weight times …
    double stretch[DIMENSIONS_MOST],
        stretch_energy[DIMENSIONS_MOST];  // sum_i in d (K/(2 sigma^2)) u (2 a + u), and times e
    double by_variance[DIMENSIONS_MOST];  // of the pair energy
};

struct referee {
    size_t particles, dimensions, coordinates, hidden, copies, widths, terms;  // P, D, M, N, K
    double omega[DIMENSIONS_MOST], sigma[DIMENSIONS_MOST];
    const double *a, *b, *w;   // of the theta at hand
    double *stiffness, *pull;  // omega_i^2, K/(2 sigma_i^2) [M]
    struct referee_pair pair;
    double *by_unit;   // w_ij/K, by hidden unit [N M]
    double *flatness;  // k_j [N]
    double *u;         // one row per level [(N + 1) M]
    double *sums;      // one row per level, of a subtree: 1, e, de/dm_i [M], u_i [M], e u_i [M]
    size_t n_sums;
    double *force, *by_delta;   // de/dm_i of a term [M]; of a pair [D]
    size_t count[HIDDEN_MOST];  // n_j on the way
    double most;                // the largest L
    bool with_gradient;
    // sums over all terms, by hidden unit
    double *counts, *counts_energy;              // n_j, e n_j [N]
    double *bell, *bell_centre, *bell_variance;  // B_j, dB_j by the centre and the variance of theta_j [N]
    double *bell_position;                       // dB_j by its centre times m_i [N M]
    double *moved;                               // n_j times de/dm_i, u_i, e u_i [N 3 M]
    struct totals totals;
};

// ---- one term

static double width2(const struct referee *referee, size_t d) { return referee->sigma[d] * referee->sigma[d]; }

// But for its constant part. Leaves the forces of the trap.
static double trap_energy(struct referee *referee, const double *u)
{
    double sum = 0;
    for (size_t i = 0; i < referee->coordinates; i++) {
        const double m = referee->a[i] + u[i];
        referee->force[i] = referee->stiffness[i] * m;
        sum += referee->force[i] * m;
    }
    return 0.5 * sum;
}

static double pair_energy(struct referee *referee, const double *u, double weight)
{
    const size_t dimensions = referee->dimensions;
    double sum = 0, mean, delta[DIMENSIONS_MOST];
    for (size_t p = 1; referee->pair.mean && p < referee->particles; p++)
        for (size_t q = 0; q < p; q++) {
            const size_t i = p * dimensions, k = q * dimensions;
            for (size_t d = 0; d < dimensions; d++)
                delta[d] = referee->a[i + d] + u[i + d] - referee->a[k + d] - u[k + d];
            referee->pair.mean(&referee->pair, delta, &mean, referee->by_delta);
            sum += mean;
            for (size_t d = 0; d < dimensions; d++) {
                referee->force[i + d] += referee->by_delta[d];
                referee->force[k + d] -= referee->by_delta[d];
                referee->totals.by_variance[d] += weight * referee->pair.by_variance[d];
            }
        }
    return sum;
}

// What the hidden units take from the kinetic energy: probability form, where theta_j is normally distributed within a
// term.
static double bells(struct referee *referee, const double *u, double weight)
{
    const size_t m = referee->coordinates, dimensions = referee->dimensions;
    double sum = 0;
    for (size_t j = 0; j < referee->hidden; j++) {
        const double *w = referee->by_unit + j * m;  // K = 1
        double centre = referee->b[j], variance = 0;
        for (size_t i = 0; i < m; i++) {
            const double v = w[i] / width2(referee, i % dimensions);
            centre += v * (referee->a[i] + u[i]);
            variance += v * w[i];
        }
        const struct referee_bell bell = referee_bell(centre, variance);
        sum -= referee->flatness[j] * bell.mean;
        referee->bell[j] += weight * bell.mean;
        referee->bell_centre[j] += weight * bell.by_centre;
        referee->bell_variance[j] += weight * bell.by_variance;
        for (size_t i = 0; referee->with_gradient && i < m; i++) {
            referee->force[i] -= referee->flatness[j] * bell.by_centre * w[i] / width2(referee, i % dimensions);
            referee->bell_position[j * m + i] += weight * bell.by_centre * (referee->a[i] + u[i]);
        }
    }
    return sum;
}

// Amplitude form: the units with n_j = 1.
static double halves(struct referee *referee, double weight)
{
    double sum = 0;
    for (size_t j = 0; j < referee->hidden; j++)
        if (referee->count[j] == 1) {
            sum -= referee->flatness[j];
            referee->bell[j] += weight;
        }
    return sum;
}

static void keep_stretch(struct referee *referee, const double *u, double weight, double energy)
{
    for (size_t i = 0, d = 0; i < referee->coordinates; i++, d = d + 1 == referee->dimensions ? 0 : d + 1) {
        const double stretch = weight * referee->pull[i] * u[i] * (2 * referee->a[i] + u[i]);
        referee->totals.stretch[d] += stretch;
        referee->totals.stretch_energy[d] += stretch * energy;
    }
}

static void add_term(struct referee *referee, const double *u, double log_weight, double *sums)
{
    const size_t m = referee->coordinates;
    if (log_weight - referee->most < negligible) {
        memset(sums, 0, referee->n_sums * sizeof *sums);
        return;
    }
    const double weight = exp(log_weight - referee->most);
    const double trap = trap_energy(referee, u), pair = pair_energy(referee, u, weight);
    const double kinetic = referee->copies == 2 ? halves(referee, weight) : bells(referee, u, weight),
                 energy = trap + pair + kinetic;
    referee->totals.trap += weight * trap;
    referee->totals.pair += weight * pair;
    referee->totals.kinetic += weight * kinetic;
    sums[0] = weight;
    sums[1] = weight * energy;
    if (!referee->with_gradient)
        return;
    if (referee->widths > 0)
        keep_stretch(referee, u, weight, energy);
    for (size_t i = 0; i < m; i++) {
        sums[2 + i] = weight * referee->force[i];
        sums[2 + m + i] = weight * u[i];
        sums[2 + 2 * m + i] = sums[1] * u[i];
    }
}

// ---- the tree

static double gaussian_part(const struct referee *referee, const double *u)
{
    double sum = 0;
    for (size_t i = 0; i < referee->coordinates; i++)
        sum += referee->pull[i] * u[i] * (2 * referee->a[i] + u[i]);
    return sum;
}

// The row of u below, for one count more than `u` has.
static void shift(const struct referee *referee, size_t level, size_t count, const double *u, double *below)
{
    const double *w = referee->by_unit + level * referee->coordinates;
    for (size_t i = 0; i < referee->coordinates; i++)
        below[i] = u[i] + (double)count * w[i];
}

static double own_log(const struct referee *referee, size_t level, size_t count)
{
    return referee->b[level] * (double)count + (referee->copies == 2 && count == 1 ? 0.69314718055994531 : 0);
}

static void find_most(struct referee *referee, size_t level, double log_weight)
{
    const double *u = referee->u + level * referee->coordinates;
    if (level == referee->hidden) {
        log_weight += gaussian_part(referee, u);
        if (!(log_weight <= referee->most))
            referee->most = log_weight;
        return;
    }
    for (size_t count = 0; count <= referee->copies; count++) {
        shift(referee, level, count, u, referee->u + (level + 1) * referee->coordinates);
        find_most(referee, level + 1, log_weight + own_log(referee, level, count));
    }
}

static void walk(struct referee *referee, size_t level, double log_weight)
{
    const double *u = referee->u + level * referee->coordinates;
    double *sums = referee->sums + level * referee->n_sums, *below = sums + referee->n_sums;
    const size_t n_moved = 3 * referee->coordinates, n = referee->with_gradient ? referee->n_sums : 2;
    if (level == referee->hidden) {
        add_term(referee, u, log_weight + gaussian_part(referee, u), sums);
        return;
    }
    memset(sums, 0, n * sizeof *sums);
    for (size_t count = 0; count <= referee->copies; count++) {
        referee->count[level] = count;
        shift(referee, level, count, u, referee->u + (level + 1) * referee->coordinates);
        walk(referee, level + 1, log_weight + own_log(referee, level, count));
        for (size_t k = 0; k < n; k++)
            sums[k] += below[k];
        if (count == 0 || !referee->with_gradient)
            continue;
        referee->counts[level] += (double)count * below[0];
        referee->counts_energy[level] += (double)count * below[1];
        for (size_t k = 0; k < n_moved; k++)
            referee->moved[level * n_moved + k] += (double)count * below[2 + k];
    }
}

// ---- parameters in, energy and gradient out

static size_t n_plain(const struct referee *referee)
{
    return referee->coordinates * (1 + referee->hidden) + referee->hidden;
}

static void take(struct referee *referee, const double *theta)
{
    const size_t m = referee->coordinates, n = referee->hidden;
    double variance[DIMENSIONS_MOST];
    referee->a = theta;
    referee->b = theta + m;
    referee->w = theta + m + n;
    for (size_t d = 0; d < referee->dimensions; d++) {
        if (referee->widths > 0)
            referee->sigma[d] = exp(theta[n_plain(referee) + (referee->widths == 1 ? 0 : d)]);
        variance[d] = 2 * width2(referee, d) / (double)referee->copies;
    }
    for (size_t i = 0; i < m; i++)
        referee->pull[i] = 0.5 * (double)referee->copies / width2(referee, i % referee->dimensions);
    referee_pair_set(&referee->pair, variance);
    for (size_t j = 0; j < n; j++) {
        referee->flatness[j] = 0;
        for (size_t i = 0; i < m; i++) {
            const double w = referee->w[i * n + j], v = w / width2(referee, i % referee->dimensions);
            referee->by_unit[j * m + i] = w / (double)referee->copies;
            referee->flatness[j] += v * v / 8;
        }
    }
}

static void clear(struct referee *referee)
{
    const size_t m = referee->coordinates, n = referee->hidden;
    struct {
        double *values;
        size_t size;
    } sums[] = { { referee->counts, n },        { referee->counts_energy, n },
                 { referee->bell, n },          { referee->bell_centre, n },
                 { referee->bell_variance, n }, { referee->bell_position, n * m },
                 { referee->moved, 3 * n * m }, { referee->u, m } };
    for (size_t k = 0; k < sizeof sums / sizeof *sums; k++)
        memset(sums[k].values, 0, sums[k].size * sizeof(double));
    referee->totals = (struct totals){ 0 };
    referee->most = -INFINITY;
}

// d by a_i, b_j and w_ij. The explicit part of k_j B_j: dk_j = 2 w_ij/(8 sigma^4); B_j by w_ij at fixed centres:
// dcentre = m_i/sigma^2, dvariance = 2 w_ij/sigma^2. `energy`: the mean of e as the terms have it.
static void plain_gradient(const struct referee *referee, double norm, double energy, double *gradient)
{
    const size_t m = referee->coordinates, n = referee->hidden;
    const double *sums = referee->sums, copies = (double)referee->copies;
    for (size_t i = 0; i < m; i++) {
        const double s2 = width2(referee, i % referee->dimensions);
        gradient[i] = (sums[2 + i] + copies / s2 * (sums[2 + 2 * m + i] - energy * sums[2 + m + i])) / norm;
        for (size_t j = 0; j < n; j++) {
            const double *moved = referee->moved + 3 * m * j, w = referee->w[i * n + j], k = referee->flatness[j];
            const double covariance = referee->a[i] * (referee->counts_energy[j] - energy * referee->counts[j]) +
                                      moved[2 * m + i] - energy * moved[m + i];
            double own = -w / (4 * s2 * s2) * referee->bell[j];
            if (copies < 2)
                own -= k * (referee->bell_position[j * m + i] + 2 * w * referee->bell_variance[j]) / s2;
            gradient[m + n + i * n + j] = (moved[i] / copies + covariance / s2 + own) / norm;
        }
    }
    for (size_t j = 0; j < n; j++) {
        const double own = copies < 2 ? -referee->flatness[j] * referee->bell_centre[j] : 0;
        gradient[m + j] = (referee->counts_energy[j] - energy * referee->counts[j] + own) / norm;
    }
}

// d by ln sigma_d of one dimension
static double width_gradient(const struct referee *referee, double norm, double energy, size_t d)
{
    const size_t m = referee->coordinates, n = referee->hidden;
    const double s2 = width2(referee, d), copies = (double)referee->copies, particles = (double)referee->particles;
    const struct totals *totals = &referee->totals;
    double sum = -2 * (totals->stretch_energy[d] - energy * totals->stretch[d]) +
                 totals->by_variance[d] * 4 * s2 / copies;
    for (size_t j = 0; j < n; j++)
        for (size_t i = d; i < m; i += referee->dimensions) {
            const double w = referee->w[i * n + j], k = referee->flatness[j];
            sum += w * w / (2 * s2 * s2) * referee->bell[j];
            if (copies < 2)
                sum += 2 * k * w / s2 * (referee->bell_position[j * m + i] + w * referee->bell_variance[j]);
        }
    return sum / norm + particles * (referee->omega[d] * referee->omega[d] * s2 / copies - copies / (4 * s2));
}

// What all terms have in common.
static void add_constants(const struct referee *referee, struct referee_energy *energy)
{
    for (size_t i = 0; i < referee->coordinates; i++) {
        energy->kinetic += 0.25 * referee->pull[i];
        energy->trap += 0.25 * referee->stiffness[i] / referee->pull[i];
    }
}

static double log_volume(const struct referee *referee)
{
    double sum = 0;
    for (size_t d = 0; d < referee->dimensions; d++)
        sum += 0.5 * (double)referee->particles * log(6.283185307179586 * width2(referee, d) / (double)referee->copies);
    return sum;
}

bool referee_evaluate(struct referee *referee, const double *theta, struct referee_energy *out, double *gradient)
{
    take(referee, theta);
    clear(referee);
    find_most(referee, 0, 0);
    referee->with_gradient = gradient != NULL;
    if (isfinite(referee->most))
        walk(referee, 0, 0);
    const double norm = isfinite(referee->most) ? referee->sums[0] : NAN, mean = referee->sums[1] / norm;
    const struct totals *totals = &referee->totals;
    *out = (struct referee_energy){ .kinetic = totals->kinetic / norm,
                                    .trap = totals->trap / norm,
                                    .pair = totals->pair / norm,
                                    .log_norm = referee->most + log(norm) + log_volume(referee) };
    add_constants(referee, out);
    out->energy = out->kinetic + out->trap + out->pair;
    bool good = isfinite(out->energy) && isfinite(out->log_norm);
    if (!gradient || !good)
        return good;
    plain_gradient(referee, norm, mean, gradient);
    for (size_t d = 0; d < referee->widths; d++)
        gradient[n_plain(referee) + d] = 0;
    for (size_t d = 0; referee->widths > 0 && d < referee->dimensions; d++)
        gradient[n_plain(referee) + (referee->widths == 1 ? 0 : d)] += width_gradient(referee, norm, mean, d);
    for (size_t k = 0; k < n_plain(referee) + referee->widths; k++)
        good = good && isfinite(gradient[k]);
    return good;
}

double referee_width(const struct referee *referee, const double *theta, size_t i)
{
    const size_t d = i % referee->dimensions;
    return referee->widths > 0 ? exp(theta[n_plain(referee) + (referee->widths == 1 ? 0 : d)]) : referee->sigma[d];
}

void referee_units(const struct referee *referee, const double *theta, double *unit)
{
    const size_t m = referee->coordinates, n = referee->hidden, plain = n_plain(referee);
    for (size_t k = 0; k < plain + referee->widths; k++) {
        const size_t i = k < m ? k : k >= m + n && k < plain ? (k - m - n) / n : m;
        unit[k] = i < m ? referee_width(referee, theta, i) : 1;
    }
}

void referee_widen(const struct referee *referee, double factor, size_t axis, double *theta)
{
    const size_t weights = referee->coordinates + referee->hidden;
    for (size_t k = 0; k < n_plain(referee); k++)
        if (axis >= referee->dimensions ||
            (k >= weights && (k - weights) / referee->hidden % referee->dimensions == axis))
            theta[k] *= factor;
}

size_t referee_widths(const struct referee *referee) { return referee->widths; }

size_t referee_terms(const struct referee *referee) { return referee->terms; }

// As measured, with gradient: a term of the probability form has a quadrature over theta_j, one of the amplitude form
// has one where the widths differ.
double referee_work(const struct referee *referee)
{
    const double term = referee->copies == 1 ? 36 : referee->widths > 1 ? 25 : referee->dimensions == 3 ? 1.6 : 1;
    return term * (double)referee->terms;
}

size_t referee_coordinates(const struct referee *referee) { return referee->coordinates; }

size_t referee_units_used(const struct referee *referee) { return referee->hidden; }

void referee_use(struct referee *referee, size_t hidden)
{
    referee->hidden = hidden;
    referee->terms = 1;
    for (size_t j = 0; j < hidden; j++)
        referee->terms *= referee->copies + 1;
}

size_t referee_parameters(const struct referee *referee) { return n_plain(referee) + referee->widths; }

// ---- building

static bool refuse(const struct wavefunction *wavefunction, const struct hamiltonian *hamiltonian, struct error *error)
{
    for (size_t f = 0; f < wavefunction->n_factors; f++)
        if (wavefunction->factor[f].type != &factor_rbm)
            return error_add(error, ERROR_CONFIG,
                             "the closed form is known for an RBM alone; this wave function has the factor %s",
                             wavefunction->factor[f].type->name);
    const struct rbm *rbm = wavefunction->factor[0].state;
    const double particles = (double)wavefunction->system.particles,
                 terms = pow(rbm->c == 1 ? 3 : 2, (double)rbm->hidden);
    if (terms > REFEREE_TERMS_MOST)
        return error_add(error, ERROR_CONFIG,
                         "the closed form is a sum of %d^%zu = %.6g terms with %zu hidden units; at most %d are "
                         "allowed (%d units in this "
                         "representation)",
                         rbm->c == 1 ? 3 : 2, rbm->hidden, terms, rbm->hidden, REFEREE_TERMS_MOST,
                         rbm->c == 1 ? 12 : 19);
    if (hamiltonian->type->pair_energy && terms * particles * (particles - 1) / 2 > PAIR_MEANS_MOST)
        return error_add(error, ERROR_CONFIG,
                         "the closed form would take %.3g mean pair energies (%zu particles, %zu hidden units); at "
                         "most %.3g are allowed",
                         terms * particles * (particles - 1) / 2, wavefunction->system.particles, rbm->hidden,
                         (double)PAIR_MEANS_MOST);
    if (!rbm->envelope ||
        wavefunction->n_parameters != rbm->n_coordinates * (1 + rbm->hidden) + rbm->hidden + rbm->n_widths)
        return error_add(error, ERROR_CONFIG,
                         "the closed form is known for a plain RBM only: a Gaussian of its own, and all weights free");
    return true;
}

static bool allocate(struct referee *referee)
{
    const size_t m = referee->coordinates, n = referee->hidden;
    struct {
        double **array;
        size_t size;
    } arrays[] = { { &referee->by_unit, n * m },   { &referee->stiffness, m },
                   { &referee->pull, m },          { &referee->flatness, n },
                   { &referee->u, (n + 1) * m },   { &referee->sums, (n + 2) * referee->n_sums },
                   { &referee->force, m },         { &referee->by_delta, DIMENSIONS_MOST },
                   { &referee->counts, n },        { &referee->counts_energy, n },
                   { &referee->bell, n },          { &referee->bell_centre, n },
                   { &referee->bell_variance, n }, { &referee->bell_position, n * m },
                   { &referee->moved, 3 * n * m } };
    bool good = true;
    for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++)
        good = (*arrays[k].array = memory_doubles(arrays[k].size)) && good;
    return good;
}

struct referee *referee_create(const struct wavefunction *wavefunction, const struct hamiltonian *hamiltonian,
                               struct error *error)
{
    if (!refuse(wavefunction, hamiltonian, error))
        return NULL;
    const struct rbm *rbm = wavefunction->factor[0].state;
    const struct system *system = &wavefunction->system;
    struct referee *referee = memory_take_zeroed(1, sizeof *referee);
    if (!referee) {
        error_add(error, ERROR_INTERNAL, "no memory for the closed form");
        return NULL;
    }
    *referee = (struct referee){ .particles = system->particles,
                                 .dimensions = system->dimensions,
                                 .coordinates = rbm->n_coordinates,
                                 .hidden = rbm->hidden,
                                 .copies = rbm->c == 1 ? 2 : 1,
                                 .widths = rbm->n_widths,
                                 .terms = 1,
                                 .n_sums = 2 + 3 * rbm->n_coordinates };
    for (size_t j = 0; j < rbm->hidden; j++)
        referee->terms *= referee->copies + 1;
    memcpy(referee->omega, system->omega, sizeof referee->omega);
    memcpy(referee->sigma, rbm->sigma, sizeof referee->sigma);
    const bool known = referee_pair_build(&referee->pair, hamiltonian);
    if (known && allocate(referee)) {
        for (size_t i = 0; i < referee->coordinates; i++)
            referee->stiffness[i] = system->omega[i % system->dimensions] * system->omega[i % system->dimensions];
        return referee;
    }
    error_add(error, known ? ERROR_INTERNAL : ERROR_CONFIG,
              known ? "no memory for the closed form%s" : "the closed form does not know the mean of the pair force %s",
              known ? "" : hamiltonian->type->name);
    referee_destroy(referee);
    return NULL;
}

void referee_destroy(struct referee *referee)
{
    if (!referee)
        return;
    double *owned[] = {
        referee->by_unit, referee->stiffness,   referee->pull,          referee->flatness,      referee->u,
        referee->sums,    referee->force,       referee->by_delta,      referee->counts,        referee->counts_energy,
        referee->bell,    referee->bell_centre, referee->bell_variance, referee->bell_position, referee->moved,
    };
    for (size_t k = 0; k < sizeof owned / sizeof *owned; k++)
        memory_free(owned[k]);
    referee_pair_finish(&referee->pair);
    free(referee);
}
