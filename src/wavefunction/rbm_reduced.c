// SPDX-License-Identifier: GPL-3.0-or-later
// Reduced coordinates of an RBM, in which plain gradients fare alike with any number of units and in any trap. Lengths
// are in units of l_i = sigma_i / sqrt c, which is 1 / sqrt(omega) where sigma is the trap's. Sigmoids count from their
// values mu_j = 1 / (1 + e^-b_j) at x = 0, the centre of the trap (Montavon and Mueller, in Neural Networks: Tricks of
// the Trade, Springer (2012); Melchior, Fischer and Wiskott, J. Mach. Learn. Res. 17, 99 (2016)), and ln sigma, which
// stretches M / n_widths coordinates at once, in units of s = 1 / sqrt(2 M / n_widths):
//     a_i = l_i ( a'_i - sum_j mu_j w'_ij ),   w_ij = l_i w'_ij,   ln sigma = s t'
// Without mu the weights of all units displace the wave function together: along (a_i, w_i1, …, w_iN) the energy curves
// as omega (1 + N / 4), which bounds the rate, and all other directions wait. Now it curves as omega, whatever N.
// Check: sigma = 2, amplitude, b = 0, one unit: the gradient (a, b, w) = (1, 0, 3) becomes (2, 0, 5), and the step (0,
// 0, 1) becomes (-1, 0, 2).
#include "wavefunction/rbm.h"

#include <math.h>

// a is no parameter of psi where others carry the trap.
static double at_centre(const struct rbm *rbm, size_t j) { return rbm->envelope ? 1 / (1 + exp(-rbm->b[j])) : 0; }

static double unit(const struct rbm *rbm, size_t i) { return rbm->sigma[i % rbm->dimensions] / sqrt(rbm->c); }

static void scale(const struct rbm *rbm, double *values)
{
    const size_t m = rbm->n_coordinates, n = rbm->hidden, n_widths = rbm->n_widths;
    double *a = values, *w = values + m + n, *sigma = values + rbm_sigma_offset(rbm);
    for (size_t i = 0; i < m; i++) {
        a[i] *= unit(rbm, i);
        for (size_t j = 0; j < n; j++)
            w[i * n + j] *= unit(rbm, i);
    }
    for (size_t d = 0; d < n_widths; d++)
        sigma[d] *= sqrt((double)n_widths / (double)(2 * m));
}

void rbm_reduce_gradient(const void *state, double *gradient)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    double *a = gradient, *w = gradient + m + n;
    for (size_t j = 0; j < n; j++) {
        const double centre = at_centre(rbm, j);
        for (size_t i = 0; i < m; i++)
            w[i * n + j] -= centre * a[i];
    }
    scale(rbm, gradient);
}

void rbm_restore_step(const void *state, double *step)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    double *a = step, *w = step + m + n;
    scale(rbm, step);
    for (size_t j = 0; j < n; j++) {
        const double centre = at_centre(rbm, j);
        for (size_t i = 0; i < m; i++)
            a[i] -= centre * w[i * n + j];
    }
}
