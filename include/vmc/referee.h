// SPDX-License-Identifier: GPL-3.0-or-later
// Energies without samples (docs/referee.md): norm, kinetic, trap and pair energy of an RBM in closed form, their
// gradient, and the parameters of the lowest energy. |psi|^2 = F^K, K = 2c, is a sum of (K + 1)^N Gaussians, so it is
// for few hidden units.
#ifndef VMC_REFEREE_H
#define VMC_REFEREE_H

#include "vmc/error.h"
#include "vmc/hamiltonian.h"
#include "vmc/wavefunction.h"

#include <stdbool.h>
#include <stddef.h>

enum { REFEREE_TERMS_MOST = 531441 };  // 3^12: 12 hidden units in the amplitude form, 19 in the probability form

struct referee_energy {
    double energy, kinetic, trap, pair;
    double log_norm;  // ln of the integral of psi^2
};

struct referee;
// Keeps nothing of its arguments. NULL where the closed form does not apply: ERROR_CONFIG with the reason.
struct referee *referee_create(const struct wavefunction *wavefunction, const struct hamiltonian *hamiltonian,
                               struct error *error);
void referee_destroy(struct referee *referee);
size_t referee_terms(const struct referee *referee);
// What an evaluation costs, in terms of the amplitude form in the plane.
double referee_work(const struct referee *referee);

// theta as the wave function has it; gradient NULL, or dE/dtheta. False when a number is not finite, or when weights
// are so large that the quadratures do not resolve their Gaussians.
bool referee_evaluate(struct referee *referee, const double *theta, struct referee_energy *out, double *gradient);

// Widths among the parameters: 0, 1 or one per axis.
size_t referee_widths(const struct referee *referee);

// Starting parameters further from 0: all but the widths by this factor; where `axis` is one of the dimensions, only
// the weights along it.
void referee_widen(const struct referee *referee, double factor, size_t axis, double *theta);

// Descends by a quasi-Newton method (BFGS) to the next minimum from theta, which is replaced by it.
struct referee_descent {
    size_t iterations;  // at most
    double tolerance;   // ends once the gradient (a, b, w and ln sigma in units of sigma, 1, sigma and 1) is shorter
                        // than this times |E|
    double level;       // and once the energy falls by less than this times |E| in 10 iterations
    // After every iteration; false ends the descent, and `stopped` says so. May be NULL.
    bool (*look)(void *context, size_t iteration, double energy, double gradient_norm, const double *theta);
    void *context;
    // filled in
    double energy, gradient_norm;
    size_t done, evaluations;
    bool stopped;
};
bool referee_descend(struct referee *referee, struct referee_descent *descent, double *theta, struct error *error);

// Starting parameters that are the minimum of a machine with one unit less, and one more unit; that minimum in turn was
// found from one with less, down to the `first` units of theta, which is replaced. `limits`: of each descent. False
// where `look` ended it, or numbers were not finite.
bool referee_grow(struct referee *referee, const struct referee_descent *limits, size_t first,
                  double (*uniform)(void *random), void *random, double *theta);

#endif
