// SPDX-License-Identifier: GPL-3.0-or-later
// Where an RBM has maxima that lie apart. With K = 2c copies of the hidden layer |psi_rbm|^2 is a mixture of Gaussians
// with centres a_i + (1/K) sum_j w_ij n_j (docs/theory.md, eqs. 4.8 and 4.9), so a unit whose copies all change sides
// displaces x by w_j.
#include "wavefunction/rbm.h"

#include <math.h>

// In standard deviations of one of the Gaussians. Midway between two that are as likely |psi|^2 has fallen to a
// fiftieth.
static const double apart = 6;

size_t rbm_n_jumps(const void *state) { return ((const struct rbm *)state)->hidden; }

bool rbm_jump(const void *state, size_t j, double *displacement)
{
    const struct rbm *rbm = state;
    double square = 0;
    for (size_t i = 0; i < rbm->n_coordinates; i++) {
        displacement[i] = rbm->w[i * rbm->hidden + j];
        square += pow(displacement[i] / rbm->spread[i % rbm->dimensions], 2);
    }
    return square > apart * apart;
}
