// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/product.h"

#include "support/ln_determinant.h"
#include "vmc/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long double distance(const struct system *system, const long double *x, size_t p, size_t q)
{
    long double sum = 0;
    for (size_t d = 0; d < system->dimensions; d++)
        sum += powl(x[p * system->dimensions + d] - x[q * system->dimensions + d], 2);
    return sqrtl(sum);
}

// -1/2 alpha sum omega x^2
static long double gaussian(const struct system *system, long double alpha, const long double *x)
{
    long double sum = 0;
    for (size_t i = 0; i < system_coordinates(system); i++)
        sum += system->omega[i % system->dimensions] * x[i] * x[i];
    return -alpha * sum / 2;
}

static long double gaussian_pair(const struct system *system, long double gamma, const long double *x)
{
    long double sum = 0;
    for (size_t p = 0; p < system->particles; p++)
        for (size_t q = 0; q < p; q++)
            sum -= gamma * powl(distance(system, x, p, q), 2);
    return sum;
}

// cusp and beta: parallel, antiparallel
static long double pade(const struct system *system, const long double cusp[2], const long double beta[2],
                        const long double *x)
{
    long double sum = 0;
    for (size_t p = 0; p < system->particles; p++)
        for (size_t q = 0; q < p; q++) {
            const bool parallel = system->statistics == STATISTICS_FERMIONS &&
                                  (p < system->spin_up) == (q < system->spin_up);
            const long double r = distance(system, x, p, q);
            sum += cusp[!parallel] * r / (1 + beta[!parallel] * r);
        }
    return sum;
}

// theta: a [M], b [N], w [M N]; sigma^2 = 1 / omega in the amplitude form
static long double rbm(const struct system *system, size_t hidden, bool envelope, const long double *theta,
                       const long double *x)
{
    const size_t m = system_coordinates(system);
    long double sum = 0;
    for (size_t i = 0; envelope && i < m; i++)
        sum -= system->omega[i % system->dimensions] * powl(x[i] - theta[i], 2) / 2;
    for (size_t j = 0; j < hidden; j++) {
        long double angle = theta[m + j];
        for (size_t i = 0; i < m; i++)
            angle += x[i] * theta[m + hidden + i * hidden + j] * system->omega[i % system->dimensions];
        sum += logl(1 + expl(angle));
    }
    return sum;
}

static long double hard_core(const struct system *system, long double a, const long double *x)
{
    long double sum = 0;
    for (size_t p = 0; p < system->particles; p++)
        for (size_t q = 0; q < p; q++)
            sum += logl(1 - a / distance(system, x, p, q));
    return sum;
}

static long double power(const struct system *system, long double mu, const long double *x)
{
    long double sum = 0;
    for (size_t p = 0; p < system->particles; p++)
        for (size_t q = 0; q < p; q++)
            sum += mu * logl(distance(system, x, p, q));
    return sum;
}

static long double log_gaussian(const struct system *system, const long double *theta, const long double *x)
{
    return gaussian(system, theta[0], x);
}

static long double log_harmonic(const struct system *system, const long double *theta, const long double *x)
{
    return gaussian(system, theta[0], x) + gaussian_pair(system, theta[1], x);
}

static long double log_harmonic_reversed(const struct system *system, const long double *theta, const long double *x)
{
    return gaussian_pair(system, theta[0], x) + gaussian(system, theta[1], x);
}

static long double log_jastrow(const struct system *system, const long double *theta, const long double *x)
{
    const long double cusp = 1 / (long double)(system->dimensions - 1), both[2] = { cusp, cusp }, beta = expl(theta[1]),
                      betas[2] = { beta, beta };
    return gaussian(system, theta[0], x) + pade(system, both, betas, x);
}

static long double log_fixed_cusp(const struct system *system, const long double *theta, const long double *x)
{
    const long double cusp[2] = { 0.3L, 0.3L }, beta[2] = { expl(theta[0]), expl(theta[0]) };
    return pade(system, cusp, beta, x) + gaussian(system, theta[1], x) + gaussian_pair(system, theta[2], x);
}

static long double log_rbm_jastrow(const struct system *system, const long double *theta, const long double *x)
{
    const size_t n = system_coordinates(system) * 4 + 3;  // hidden = 3
    const long double cusp[2] = { 1, 1 }, beta[2] = { expl(theta[n]), expl(theta[n]) };
    return rbm(system, 3, true, theta, x) + pade(system, cusp, beta, x);
}

// ln|det| of Hermite functions of the trap at alpha omega; H_n of physicists; share: NULL, or factors of orbital k at
// particle p
static long double determinant(const struct system *system, long double alpha, size_t first, size_t n,
                               const size_t (*quantum)[3], const long double *x, const long double (*share)[8])
{
    long double a[LN_DETERMINANT_MOST][LN_DETERMINANT_MOST], sum = 0;
    for (size_t p = 0; p < n; p++)
        for (size_t k = 0; k < n; k++) {
            a[p][k] = 1;
            for (size_t d = 0; d < system->dimensions; d++) {
                const long double y = sqrtl(alpha * system->omega[d]) * x[(first + p) * system->dimensions + d];
                long double hermite[8] = { 1, 2 * y };
                for (size_t m = 1; m < 7; m++)
                    hermite[m + 1] = 2 * y * hermite[m] - 2 * m * hermite[m - 1];
                a[p][k] *= hermite[quantum[k][d]];
            }
            a[p][k] *= share ? share[first + p][k] : 1;
        }
    return sum + ln_determinant(n, a);
}

static const size_t shells_2d[][3] = { { 0, 0 }, { 1, 0 }, { 0, 1 }, { 2, 0 }, { 1, 1 }, { 0, 2 } };
static const size_t shells_3d[][3] = { { 0, 0, 0 }, { 0, 0, 1 }, { 1, 0, 0 }, { 0, 1, 0 } };

static long double slater(const struct system *system, long double alpha, const long double *x)
{
    const size_t(*shells)[3] = system->dimensions == 3 ? shells_3d : shells_2d;
    return gaussian(system, alpha, x) + determinant(system, alpha, 0, system->spin_up, shells, x, NULL) +
           determinant(system, alpha, system->spin_up, system->particles - system->spin_up, shells, x, NULL);
}

static long double log_slater(const struct system *system, const long double *theta, const long double *x)
{
    return slater(system, theta[0], x);
}

static long double log_open_shells(const struct system *system, const long double *theta, const long double *x)
{
    static const size_t up[][3] = { { 0, 0, 0 }, { 2, 0, 0 }, { 1, 1, 0 } }, down[][3] = { { 1, 0, 0 }, { 0, 2, 3 } };
    return gaussian(system, theta[0], x) + determinant(system, theta[0], 0, 3, up, x, NULL) +
           determinant(system, theta[0], 3, 2, down, x, NULL);
}

static long double log_slater_pairs(const struct system *system, const long double *theta, const long double *x)
{
    return slater(system, theta[0], x) + gaussian_pair(system, theta[1], x);
}

// theta: alpha, ln beta of parallel and of antiparallel spins
static long double log_dot(const struct system *system, const long double *theta, const long double *x)
{
    const long double cusp = 1 / (long double)(system->dimensions - 1),
                      cusps[2] = { 1 / (long double)(system->dimensions + 1), cusp };
    const long double betas[2] = { expl(theta[1]), expl(theta[2]) };
    return slater(system, theta[0], x) + pade(system, cusps, betas, x);
}

static long double log_polarised(const struct system *system, const long double *theta, const long double *x)
{
    const long double cusps[2] = { 1 / (long double)(system->dimensions + 1), 0 }, betas[2] = { expl(theta[0]), 1 };
    return pade(system, cusps, betas, x) + slater(system, theta[1], x);
}

// Features of the surroundings of p: sums over distances per class, parallel spins first, then products of vectors
static void look_around(const struct system *system, size_t p, const long double *x, long double s[2], long double q[3])
{
    const size_t dimensions = system->dimensions, classes = system->statistics == STATISTICS_FERMIONS ? 2 : 1;
    long double omega = 1, g[2][3] = { { 0 } };
    s[0] = s[1] = q[0] = q[1] = q[2] = 0;
    for (size_t d = 0; d < dimensions; d++)
        omega *= system->omega[d];
    omega = powl(omega, 1 / (long double)dimensions);
    for (size_t other = 0; other < system->particles; other++) {
        const size_t c = classes == 2 && (p < system->spin_up) != (other < system->spin_up);
        const long double r2 = omega * powl(distance(system, x, p, other), 2);
        s[c] += r2 / (1 + r2);
        for (size_t d = 0; d < dimensions; d++)
            g[c][d] += sqrtl(omega) * (x[p * dimensions + d] - x[other * dimensions + d]) / (1 + 2.25L * r2);
    }
    for (size_t d = 0; d < dimensions; d++) {
        q[0] += g[0][d] * g[0][d];
        q[1] += g[1][d] * g[1][d];
        q[2] += g[0][d] * g[1][d];
    }
}

// Hidden units that all particles share; theta: b [K], v [K, classes], y [K, products]
static long double environment(const struct system *system, size_t units, bool vectors, const long double *theta,
                               const long double *x)
{
    const size_t classes = system->statistics == STATISTICS_FERMIONS ? 2 : 1, products = classes == 2 ? 3 : 1;
    long double sum = 0;
    for (size_t p = 0; p < system->particles; p++) {
        long double s[2], q[3];
        look_around(system, p, x, s, q);
        for (size_t k = 0; k < units; k++) {
            long double angle = theta[k];
            for (size_t c = 0; c < classes; c++)
                angle += theta[units + k * classes + c] * s[c];
            for (size_t j = 0; vectors && j < products; j++)
                angle += theta[units * (1 + classes) + k * products + j] * q[j];
            sum += logl(1 + expl(angle));
        }
    }
    return sum;
}

static long double log_environment(const struct system *system, const long double *theta, const long double *x)
{
    return slater(system, theta[0], x) + environment(system, 2, true, theta + 1, x);
}

static long double log_environment_bosons(const struct system *system, const long double *theta, const long double *x)
{
    return environment(system, 3, true, theta, x) / 2 + gaussian(system, theta[3 + 3 + 3], x);
}

static long double log_environment_distances(const struct system *system, const long double *theta,
                                             const long double *x)
{
    return environment(system, 2, false, theta, x) + gaussian(system, theta[4], x);
}

static long double log_shared_pairs(const struct system *system, const long double *theta, const long double *x)
{
    long double sum = slater(system, theta[0], x);
    for (size_t p = 0; p < system->particles; p++)
        for (size_t q = 0; q < p; q++)
            for (size_t k = 0; k < 2; k++)
                sum += logl(1 +
                            expl(theta[1 + k] + theta[3 + k] * system->omega[0] * powl(distance(system, x, p, q), 2)));
    return sum;
}

static long double log_spheres(const struct system *system, const long double *theta, const long double *x)
{
    return gaussian(system, theta[0], x) + hard_core(system, 0.1, x);
}

static long double log_small_spheres(const struct system *system, const long double *theta, const long double *x)
{
    return gaussian(system, theta[0], x) + hard_core(system, 0.0043, x);
}

static long double log_core_jastrow(const struct system *system, const long double *theta, const long double *x)
{
    const long double cusp[2] = { 0.3L, 0.3L }, beta[2] = { expl(theta[1]), expl(theta[1]) };
    return hard_core(system, 0.25, x) + gaussian(system, theta[0], x) + pade(system, cusp, beta, x);
}

static long double log_rbm_core(const struct system *system, const long double *theta, const long double *x)
{
    return rbm(system, 3, true, theta, x) + hard_core(system, 0.2, x);
}

static long double log_core_pair(const struct system *system, const long double *theta, const long double *x)
{
    return hard_core(system, 0.05, x) + gaussian(system, theta[0], x) + gaussian_pair(system, theta[1], x);
}

static long double log_square(const struct system *system, const long double *theta, const long double *x)
{
    return gaussian(system, theta[0], x) + power(system, 2, x);
}

static long double log_cube(const struct system *system, const long double *theta, const long double *x)
{
    return power(system, 3, x) + gaussian(system, theta[0], x);
}

static long double log_tonks(const struct system *system, const long double *theta, const long double *x)
{
    return gaussian(system, theta[0], x) + power(system, 1, x);
}

static long double log_trained_power(const struct system *system, const long double *theta, const long double *x)
{
    return gaussian(system, theta[0], x) + power(system, theta[1], x);
}

static long double log_trained_power_pair(const struct system *system, const long double *theta, const long double *x)
{
    return gaussian_pair(system, theta[0], x) + power(system, theta[1], x) + gaussian(system, theta[2], x);
}

static long double log_rbm_power(const struct system *system, const long double *theta, const long double *x)
{
    return rbm(system, 3, true, theta, x) + power(system, 2, x);
}

static long double log_line(const struct system *system, const long double *theta, const long double *x)
{
    const long double cusp[2] = { 0.5L, 0.5L }, beta[2] = { expl(theta[1]), expl(theta[1]) };
    return power(system, 1, x) + gaussian(system, theta[0], x) + pade(system, cusp, beta, x);
}

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"  // most have no cores

// Determinants of moved coordinates; lambda of the pairs: one of antiparallel spins, or two of parallel and two of
// antiparallel ones
static long double moved(const struct system *system, size_t n, long double alpha, const long double *lambda,
                         long double length, const long double (*share)[8], const long double *x)
{
    const size_t dimensions = system->dimensions;
    const size_t(*shells)[3] = dimensions == 3 ? shells_3d : shells_2d;
    long double y[64], omega = 1;
    for (size_t d = 0; d < dimensions; d++)
        omega *= system->omega[d];
    omega = powl(omega, 1 / (long double)dimensions);
    for (size_t p = 0; p < system->particles; p++)
        for (size_t d = 0; d < dimensions; d++) {
            y[p * dimensions + d] = x[p * dimensions + d];
            for (size_t q = 0; q < system->particles; q++) {
                const bool parallel = (p < system->spin_up) == (q < system->spin_up);
                const long double r = distance(system, x, p, q) * sqrtl(omega), *own = lambda + (parallel ? 0 : 2);
                const long double eta = n == 0   ? 0
                                        : n == 1 ? (parallel ? 0 : lambda[0] * expl(-r / length))
                                                 : own[0] / (1 + r * r / (0.667L * 0.667L)) + own[1] / (1 + r * r / 4);
                y[p * dimensions + d] += eta * (x[p * dimensions + d] - x[q * dimensions + d]);
            }
        }
    return gaussian(system, alpha, x) + determinant(system, alpha, 0, system->spin_up, shells, y, share) +
           determinant(system, alpha, system->spin_up, system->particles - system->spin_up, shells, y, share);
}

static long double log_backflow(const struct system *system, const long double *theta, const long double *x)
{
    return moved(system, 1, theta[0], theta + 1, 1.1L, NULL, x);
}

static long double log_backflow_scales(const struct system *system, const long double *theta, const long double *x)
{
    const long double cusp = 1 / (long double)(system->dimensions - 1),
                      cusps[2] = { 1 / (long double)(system->dimensions + 1), cusp };
    const long double betas[2] = { expl(theta[4]), expl(theta[5]) };
    return moved(system, 2, 1, theta, 0, NULL, x) + pade(system, cusps, betas, x);
}

// Orbitals of lower shells times 1 + kappa . features; kappa [shells, 5], shell by sum of quantum numbers, of which
// those below top[spin] are mixed
static void find_shares(const struct system *system, const size_t (*quantum)[3], const size_t top[2],
                        const long double *kappa, const long double *x, long double share[16][8])
{
    for (size_t p = 0; p < system->particles; p++) {
        long double s[2], q[3];
        look_around(system, p, x, s, q);
        for (size_t k = 0; k < 6; k++) {
            const size_t shell = quantum[k][0] + quantum[k][1] + quantum[k][2];
            const long double *own = kappa + 5 * shell;
            share[p][k] = 1;
            if (shell < top[p >= system->spin_up])
                share[p][k] += own[0] * s[0] + own[1] * s[1] + own[2] * q[0] + own[3] * q[1] + own[4] * q[2];
        }
    }
}

// theta: alpha, lambda, ln length, kappa of one shell
static long double log_mixed(const struct system *system, const long double *theta, const long double *x)
{
    static const size_t top[2] = { 1, 1 };
    long double share[16][8];
    find_shares(system, shells_2d, top, theta + 3, x, share);
    return moved(system, 1, theta[0], theta + 1, expl(theta[2]), (const long double(*)[8])share, x);
}

// theta: kappa of two shells, of which the spin with fewer particles has one; ln beta of both classes
static long double log_mixed_alone(const struct system *system, const long double *theta, const long double *x)
{
    static const size_t top[2] = { 2, 1 };
    const long double cusps[2] = { 1 / 3.0L, 1 }, betas[2] = { expl(theta[10]), expl(theta[11]) };
    long double share[16][8];
    find_shares(system, shells_2d, top, theta, x, share);
    return moved(system, 0, 1.1L, NULL, 0, (const long double(*)[8])share, x) + pade(system, cusps, betas, x);
}

// theta: alpha, four strengths, kappa of one shell
static long double log_mixed_scales(const struct system *system, const long double *theta, const long double *x)
{
    long double share[16][8] = { { 0 } };
    for (size_t p = 0; p < system->particles; p++) {
        long double s[2], q[3];
        look_around(system, p, x, s, q);
        for (size_t k = 0; k < 4; k++)
            share[p][k] = 1 + (k > 0 || p >= system->spin_up ? 0
                                                             : theta[5] * s[0] + theta[6] * s[1] + theta[7] * q[0] +
                                                                   theta[8] * q[1] + theta[9] * q[2]);
    }
    return moved(system, 2, theta[0], theta + 1, 0, (const long double(*)[8])share, x);
}

// the energies: closed forms and quadrature of data/reference.csv
const struct product_row product_rows[] = {
    { "gaussian",
      "[system]\nparticles = 3\ndimensions = 2\nomega = 0.8, 1.3\n[wavefunction]\nfactors = "
      "gaussian\n[gaussian]\nalpha = 0.9\n",
      log_gaussian, 1, true, 3 * (0.8 + 1.3) * (0.9 / 4 + 1 / (4 * 0.9)), 0 },
    { "harmonic pairs",
      "[system]\nparticles = 4\ndimensions = 3\ninteraction = harmonic\n[interaction]\nkappa = 0.75\n[wavefunction]\n"
      "factors = gaussian, gaussian-pair\n[gaussian-pair]\ngamma = 0.125\n",
      log_harmonic, 1, true, 10.5, 0 },
    { "harmonic pairs, streamed",
      "[system]\nparticles = 22\ndimensions = 1\ninteraction = harmonic\n[interaction]\nkappa = 1\n[wavefunction]\n"
      "factors = gaussian-pair, gaussian\n[gaussian-pair]\ngamma = 0.08626889825710725\n",
      log_harmonic_reversed, 0.4, true, 50.85623099478355, 0 },
    { "two electrons, 2D",
      "[system]\nparticles = 2\ndimensions = 2\ninteraction = coulomb\n[wavefunction]\nfactors = gaussian, "
      "pade-jastrow\n"
      "[gaussian]\nalpha = 0.988541\n[pade-jastrow]\nbeta = 0.398627\n",
      log_jastrow, 1, false, 3.000342672, 1e-9 },
    { "two electrons, 2D, omega 0.5",
      "[system]\nparticles = 2\ndimensions = 2\nomega = 0.5\ninteraction = coulomb\n[wavefunction]\n"
      "factors = gaussian, pade-jastrow\n[gaussian]\nalpha = 0.980945\n[pade-jastrow]\nbeta = 0.309834\n",
      log_jastrow, 1.4, false, 1.660200344, 1e-9 },
    { "two electrons, 3D",
      "[system]\nparticles = 2\ndimensions = 3\nomega = 0.5\ninteraction = coulomb\n[wavefunction]\n"
      "factors = gaussian, pade-jastrow\n[gaussian]\nalpha = 0.995408\n[pade-jastrow]\nbeta = 0.202722\n",
      log_jastrow, 1.4, false, 2.000061752, 1e-9 },
    { "three pair factors",
      "[system]\nparticles = 5\ndimensions = 3\nomega = 1, 1, 2.5\ninteraction = soft-coulomb\n[wavefunction]\n"
      "factors = pade-jastrow, gaussian, gaussian-pair\n[pade-jastrow]\ncusp = 0.3\nbeta = 0.7\n[gaussian-pair]\ngamma "
      "= -0.02\n",
      log_fixed_cusp, 0.8, false, 0, 0 },
    { "RBM and Jastrow",
      "[system]\nparticles = 4\ndimensions = 2\nomega = 0.7\ninteraction = coulomb\n[wavefunction]\nfactors = rbm, "
      "pade-jastrow\n"
      "[rbm]\nhidden = 3\ninit_scale = 0.4\n[pade-jastrow]\nbeta = 0.5\n",
      log_rbm_jastrow, 1, false, 0, 0 },
#define FERMIONS(particles, dimensions) \
    "[system]\nstatistics = fermions\nparticles = " particles "\ndimensions = " dimensions "\n"
    { "free fermions, 2D", FERMIONS("6", "2") "[wavefunction]\nfactors = slater\n[slater]\nalpha = 0.9\n", log_slater,
      1.4, true, 10 * (0.9 + 1 / 0.9) / 2, 0 },
    { "free fermions, 3D", FERMIONS("8", "3") "[wavefunction]\nfactors = slater\n[slater]\nalpha = 1.2\n", log_slater,
      1.4, true, 18 * (1.2 + 1 / 1.2) / 2, 0 },
    { "free fermions, open shells",
      FERMIONS("5", "3") "omega = 1, 1.3, 0.7\nspin_up = 3\n[wavefunction]\nfactors = slater\n[slater]\nalpha = 1.1\n"
                         "orbitals_up = 0 0 0, 2 0 0, 1 1 0\norbitals_down = 1 0 0, 0 2 3\n",
      log_open_shells, 1.4, true, (5 * 1.5 + 4 + 3 * 1.3 + 3 * 0.7) * (1.1 + 1 / 1.1) / 2, 0 },
    { "harmonic fermions",
      FERMIONS(
          "6",
          "2") "interaction = harmonic\n[interaction]\nkappa = 0.5\n[wavefunction]\nfactors = slater, gaussian-pair\n"
               "[gaussian-pair]\ngamma = 0.08333333333333333\n",
      log_slater_pairs, 1.4, true, 19, 0 },
    { "dot, 6 electrons",
      FERMIONS("6",
               "2") "interaction = coulomb\n[wavefunction]\nfactors = slater, pade-jastrow\n[slater]\nalpha = 0.92294\n"
                    "[pade-jastrow]\nbeta = 0.55872\n",
      log_dot, 1.4, false, 20.19079, 0.00028 },
    { "dot, 6 electrons, omega 0.28",
      FERMIONS("6", "2") "omega = 0.28\ninteraction = coulomb\n[wavefunction]\nfactors = slater, pade-jastrow\n"
                         "[slater]\nalpha = 0.87270\n[pade-jastrow]\nbeta = 0.32604\n",
      log_dot, 2.5, false, 7.62145, 0.00018 },
    { "dot, 6 polarised electrons",
      FERMIONS("6", "2") "spin_up = 6\ninteraction = coulomb\n[wavefunction]\nfactors = pade-jastrow, slater\n",
      log_polarised, 1.7, false, 0, 0 },
    { "shared units, 2D fermions",
      FERMIONS(
          "5",
          "2") "omega = 0.8, 1.3\nspin_up = 3\n[wavefunction]\nfactors = slater, rbm\n[rbm]\nsharing = environment\n",
      log_environment, 1.4, true, 0, 0 },
    { "shared units, 3D bosons",
      "[system]\nparticles = 4\ndimensions = 3\nomega = 0.7\n[wavefunction]\nfactors = rbm, gaussian\n[rbm]\nsharing = "
      "environment\n"
      "hidden = 3\nrepresentation = probability\n",
      log_environment_bosons, 1.4, true, 0, 0 },
    { "shared units, distances",
      "[system]\nparticles = 3\ndimensions = 1\n[wavefunction]\nfactors = rbm, gaussian\n[rbm]\nsharing = "
      "environment\nvectors = no\n",
      log_environment_distances, 1.4, true, 0, 0 },
    { "shared units, pairs",
      FERMIONS("6", "2") "omega = 0.7\n[wavefunction]\nfactors = slater, rbm\n[rbm]\nsharing = pairs\n",
      log_shared_pairs, 1.4, true, 0, 0 },
    // hard cores; the trial energies of two spheres by quadrature of the radial integral, of which all figures given
    // are good
    { "two hard spheres",
      "[system]\nparticles = 2\ndimensions = 3\ninteraction = hard-sphere\n[interaction]\ndiameter = "
      "0.1\n[wavefunction]\n"
      "factors = gaussian, hard-core\n",
      log_spheres, 1, false, 3.082558, 5e-7, 0.1, true },
    { "two small hard spheres",
      "[system]\nparticles = 2\ndimensions = 3\ninteraction = hard-sphere\n[wavefunction]\nfactors = gaussian, "
      "hard-core\n",
      log_small_spheres, 1, false, 3.0034360, 5e-8, 0.0043, true },
    { "hard cores and Jastrow",
      "[system]\nparticles = 4\ndimensions = 2\nomega = 0.8, 1.3\ninteraction = hard-sphere\n[interaction]\ndiameter = "
      "0.25\n"
      "[wavefunction]\nfactors = hard-core, gaussian, pade-jastrow\n[gaussian]\nalpha = 0.9\n[pade-jastrow]\ncusp = "
      "0.3\nbeta = 0.7\n",
      log_core_jastrow, 1.2, false, 0, 0, 0.25, true },
    { "RBM and hard cores",
      "[system]\nparticles = 3\ndimensions = 3\nomega = 0.7\ninteraction = hard-sphere\n[interaction]\ndiameter = 0.2\n"
      "[wavefunction]\nfactors = rbm, hard-core\n[rbm]\nhidden = 3\ninit_scale = 0.4\n",
      log_rbm_core, 1, false, 0, 0, 0.2, true },
    { "eight hard cores",
      "[system]\nparticles = 8\ndimensions = 3\nomega = 0.01\ninteraction = hard-sphere\n[interaction]\ndiameter = "
      "0.05\n"
      "[wavefunction]\nfactors = hard-core, gaussian, gaussian-pair\n[gaussian-pair]\ngamma = 0.0002\n",
      log_core_pair, 5, false, 0, 0, 0.05, true },
    // powers: Calogero's closed form, also of two particles in two and three dimensions, where the relative motion is
    // that of an oscillator
    { "Calogero, lambda 2",
      "[system]\nparticles = 5\ndimensions = 1\ninteraction = inverse-square\n[wavefunction]\nfactors = gaussian, "
      "power\n",
      log_square, 2, false, 22.5, 0, 0, true },
    { "Calogero, lambda 3",
      "[system]\nparticles = 3\ndimensions = 1\nomega = 0.7\ninteraction = inverse-square\n[interaction]\nlambda = "
      "3\n[wavefunction]\n"
      "factors = power, gaussian\n",
      log_cube, 2, false, 7.35, 0, 0, true },
    { "points that cannot pass",
      "[system]\nparticles = 4\ndimensions = 1\nomega = 1.3\ninteraction = hard-sphere\n[interaction]\ndiameter = 0\n"
      "[wavefunction]\nfactors = gaussian, power\n",
      log_tonks, 2, false, 10.4, 0, 0, true },
    { "inverse square, 2D",
      "[system]\nparticles = 2\ndimensions = 2\ninteraction = inverse-square\n[wavefunction]\nfactors = gaussian, "
      "power\n[power]\n"
      "train = yes\n",
      log_trained_power, 1, false, 3.414213562373095, 0, 0, true },
    { "inverse square, 3D",
      "[system]\nparticles = 2\ndimensions = 3\ninteraction = inverse-square\n[wavefunction]\nfactors = gaussian, "
      "power\n[power]\n"
      "train = yes\n",
      log_trained_power, 1, false, 4, 0, 0, true },
    { "power and Gaussians",
      "[system]\nparticles = 3\ndimensions = 3\ninteraction = inverse-square\n[interaction]\nlambda = "
      "1.5\n[wavefunction]\n"
      "factors = gaussian-pair, power, gaussian\n[power]\ntrain = yes\n[gaussian-pair]\ngamma = 0.05\n",
      log_trained_power_pair, 1, false, 0, 0, 0, true },
    { "RBM and power",
      "[system]\nparticles = 3\ndimensions = 1\nomega = 1.1\ninteraction = inverse-square\n[wavefunction]\nfactors = "
      "rbm, power\n"
      "[rbm]\nhidden = 3\ninit_scale = 0.4\n",
      log_rbm_power, 1.5, false, 0, 0, 0, true },
    { "electrons on a line",
      "[system]\nparticles = 3\ndimensions = 1\ninteraction = coulomb\n[wavefunction]\nfactors = power, gaussian, "
      "pade-jastrow\n",
      log_line, 1.5, false, 0, 0, 0, true },
    { "backflow, 2D",
      FERMIONS("6", "2") "omega = 1.3\n[wavefunction]\nfactors = slater\n[slater]\nbackflow = exponential\n",
      log_backflow, 1.4, false, .shift = 0.2 },
    { "backflow of two scales, 3D",
      FERMIONS("5", "3") "spin_up = 4\nomega = 0.9\ninteraction = coulomb\n[wavefunction]\nfactors = slater, "
                         "pade-jastrow\n[slater]\n"
                         "backflow = two-scales\ntrain = no\n",
      log_backflow_scales, 1.4, false, .shift = 0.1 },
    { "backflow and mixing, length trained",
      FERMIONS("6", "2") "omega = 0.8, 1.3\n[wavefunction]\nfactors = slater\n[slater]\nbackflow = exponential\n"
                         "train_backflow_length = yes\nmixing = yes\n",
      log_mixed, 1.4, false, .shift = 0.15 },
    { "mixing alone, two shells",
      FERMIONS("9", "2") "spin_up = 6\nomega = 0.9\ninteraction = coulomb\n[wavefunction]\nfactors = slater, "
                         "pade-jastrow\n[slater]\nalpha = 1.1\ntrain = no\nmixing = yes\n",
      log_mixed_alone, 1.4, false, .shift = 0.06 },
    { "mixing and backflow of two scales, 3D",
      FERMIONS("5", "3") "spin_up = 4\nomega = 0.9\n[wavefunction]\nfactors = slater\n[slater]\nbackflow = "
                         "two-scales\nmixing = yes\n",
      log_mixed_scales, 1.4, false, .shift = 0.1 },
};
const size_t n_product_rows = sizeof product_rows / sizeof *product_rows;

static void fail(const char *what, const struct error *error)
{
    fprintf(stderr, "%s: %s\n", what, error->text ? error->text : "no message");
    abort();
}

void product_build(struct model *model, const struct product_row *row, const char *const *overrides, size_t threads)
{
    struct config config;
    struct error error = { 0 };
    struct rng rng;
    if (!config_parse(&config, row->name, row->ini, strlen(row->ini), &error))
        fail(row->name, &error);
    for (; overrides && *overrides; overrides++)
        if (!config_set(&config, *overrides, &error))
            fail(*overrides, &error);
    if (!settings_build(&model->settings, &config, &error, NULL) ||
        !ensemble_build(&model->ensemble, &model->settings, threads, &error))
        fail(row->name, &error);
    config_finish(&config);
    model->theta = calloc(model->ensemble.wavefunction.n_parameters + 1, sizeof *model->theta);
    rng_start(&rng, 11, 0);
    wavefunction_start(&model->ensemble.wavefunction, rng_uniform, &rng, model->theta);
    for (size_t k = 0; k < model->ensemble.wavefunction.n_parameters; k++)
        model->theta[k] += row->shift;
    ensemble_start(&model->ensemble, model->settings.run.seed);
    if (!ensemble_take(&model->ensemble, model->theta))
        fail(row->name, &error);
}
