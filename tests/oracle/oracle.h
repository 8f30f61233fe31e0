// SPDX-License-Identifier: GPL-3.0-or-later
// Oracles: naive, slow, accurate answers about a Gaussian-binary RBM that the tests hold the program against. No code
// is shared with it.
//
//   E(x,h) = sum_i (x_i - a_i)^2 / (2 sigma_i^2) - sum_j h_j (b_j + sum_i x_i w_ij / sigma_i^2),   F(x) = sum_h
//   exp(-E), psi = F^c exp(-1/2 alpha sum_i omega_i x_i^2),   c = 1 (amplitude) or 1/2 (probability); `envelope` false
//   drops the first sum of E.
//
// Flat order of parameters: a[M], b[N], w[M N] (w_ij at i N + j), ln sigma[D] if train_sigma, alpha if gaussian_alpha
// is not 0.
#ifndef ORACLE_H
#define ORACLE_H

#include <stdbool.h>
#include <stddef.h>

enum oracle_interaction { ORACLE_NONE, ORACLE_COULOMB, ORACLE_SOFT };

struct oracle_rbm {
    size_t particles, dimensions, hidden;  // P, D, N; M = P D coordinates, x[p D + d]
    int amplitude;                         // 1: psi = F, 0: psi = sqrt F
    bool envelope;
    const double *a, *b, *w, *sigma;  // [M], [N], [M N], [D]
    double omega[3];
    double gaussian_alpha;  // 0: no such factor
    enum oracle_interaction interaction;
    double strength, softening;  // lambda / r, lambda / sqrt(r^2 + softening^2)
    bool train_sigma;            // ln sigma[D] count as parameters
};

size_t oracle_coordinates(const struct oracle_rbm *rbm);
size_t oracle_parameters(const struct oracle_rbm *rbm);

// A copy that can be changed. values: a | b | w | sigma, one after the other.
struct oracle_copy {
    struct oracle_rbm rbm;
    double *values;
};
void oracle_copy_init(struct oracle_copy *copy, const struct oracle_rbm *rbm);
void oracle_copy_finish(struct oracle_copy *copy);
// Makes the copy equal to `rbm` but for parameter k of the flat order, to which `step` is added (ln sigma: sigma times
// e^step).
void oracle_copy_shift(struct oracle_copy *copy, const struct oracle_rbm *rbm, size_t k, double step);
// Flat vector in and out.
void oracle_copy_set(struct oracle_copy *copy, const double *theta);
void oracle_copy_get(const struct oracle_copy *copy, double *theta);

// ln psi. `sum` adds up all 2^N hidden configurations (N <= 20), `softplus` uses the factorised marginal; the plain one
// takes the first for N <= 12, else the second.
long double oracle_log_psi_sum(const struct oracle_rbm *rbm, const long double *x);
long double oracle_log_psi_softplus(const struct oracle_rbm *rbm, const long double *x);
long double oracle_log_psi(const struct oracle_rbm *rbm, const long double *x);

// What a local energy consists of. kinetic = -1/2 (|g|^2 + l), kinetic_gradient = 1/2 |g|^2, virial = sum_i x_i
// dV/dx_i.
struct oracle_local {
    long double kinetic, kinetic_gradient, trap, pair, virial, energy;
};
// trap, pair and virial only.
void oracle_potential(const struct oracle_rbm *rbm, const long double *x, struct oracle_local *local);

// By central differences of oracle_log_psi, 8th order, in long double: errors of some 1e-13 (O of ln sigma 1e-12).
// g[M]; returns the Laplacian of ln psi.
long double oracle_gradient(const struct oracle_rbm *rbm, const long double *x, long double *gradient);
void oracle_derivatives(const struct oracle_rbm *rbm, const long double *x, long double *o);  // O_k [parameters]
struct oracle_local oracle_local_energy(const struct oracle_rbm *rbm, const long double *x);

// The same from formulas, in double: a second, independent way.
double oracle_analytic_gradient(const struct oracle_rbm *rbm, const double *x, double *gradient);
void oracle_analytic_derivatives(const struct oracle_rbm *rbm, const double *x, double *o);
struct oracle_local oracle_analytic_local_energy(const struct oracle_rbm *rbm, const double *x);

// Exact expectation values.
struct oracle_mean {
    long double kinetic, trap, pair, energy;
    long double log_norm;  // ln of the integral of psi^2
};
// <1/sqrt(rho^2 + softening^2)> over a Gaussian vector rho with mean delta[D] and variance[D]: by quadrature, and
// (softening 0, equal variances, D = 2 or 3) in closed form.
long double oracle_pair_quadrature(size_t dimensions, const long double *delta, const long double *variance,
                                   long double softening);
long double oracle_pair_closed(size_t dimensions, long double distance, long double variance);
// Closed forms and one-dimensional quadratures: any P and D, hidden <= ~10, all digits of a double.
struct oracle_mean oracle_exact(const struct oracle_rbm *rbm);
// d<E>/d parameter by central differences of it, to some 1e-12.
void oracle_energy_gradient(const struct oracle_rbm *rbm, long double *gradient);

// One component of |psi|^2 as a mixture of Gaussians (see exact.c): (2c + 1)^N of them.
size_t oracle_components(const struct oracle_rbm *rbm);
long double oracle_component(const struct oracle_rbm *rbm, size_t index,
                             long double *mean);                               // mean[M]; returns ln weight
long double oracle_precision(const struct oracle_rbm *rbm, size_t dimension);  // 1 / variance, of every component

// Brute force for M <= 4: trapezoid rule on a grid with `step` in units of the components' standard deviation. Not for
// bare Coulomb pairs, whose pair part comes out as NaN (and the energy without it). `gradient` (NULL or [parameters]):
// 2 (<E_L O> - <E_L><O>).
struct oracle_mean oracle_trapezoid(const struct oracle_rbm *rbm, double step, double *gradient);

// Minimum of oracle_exact over all parameters from the given start (theta [parameters], overwritten): BFGS, then
// Newton. Returns <E>.
double oracle_minimise(const struct oracle_rbm *rbm, double *theta);

// Named parameter sets. `known`: where the exact energy comes from.
struct oracle_set {
    const char *name, *known;
    struct oracle_rbm rbm;
};
extern const struct oracle_set oracle_sets[];
extern const size_t oracle_n_sets;
const struct oracle_set *oracle_set_find(const char *name);  // NULL: none

// Variational minima; `name` is the id in data/reference.csv, `energy` the value at the stored parameters.
struct oracle_optimum {
    const char *name;
    struct oracle_rbm rbm;
    double energy;
};
extern const struct oracle_optimum oracle_optima[];
extern const size_t oracle_n_optima;
const struct oracle_optimum *oracle_optimum_find(const char *name);

#endif
