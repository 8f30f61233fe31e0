// SPDX-License-Identifier: GPL-3.0-or-later
// Where a training begins. Which minimum it ends in depends on it, so the starts of optimizer.starts differ in kind
// (docs/optimizers.md, "Minima" and "Particles apart").
#ifndef VMC_RUN_STARTING_POINT_H
#define VMC_RUN_STARTING_POINT_H

#include "run/state.h"
#include "vmc/rng.h"

// Machines of more parameters have few starts.
enum { STARTING_POINT_SMALL = 600 };

// Whether the starting parameters decide between minima: where an RBM is alone.
bool starting_point_matters(const struct wavefunction *wavefunction);
// The parameters that start number `start` begins with, from the run's seed. False without memory.
bool starting_point_find(const struct run *run, size_t start, double *theta);
// The plain RBM at the head of a wave function: its centres [M], biases [N] and weights [M][N] among the parameters.
struct starting_point_machine {
    double *a, *b, *w, variance[DIMENSIONS_MOST];  // the width's square
    size_t hidden;
    bool width;  // is trained, too
};
// False where one of a, b, w is not trained.
bool starting_point_machine(const struct run *run, double *theta, struct starting_point_machine *at);
// Parameters of a start whose units are shared out between the centre of mass and relative motion. False where that is
// of no use: the first factor must be an RBM of two particles with a width to train, and not many units.
bool starting_point_share_out(const struct run *run, struct rng *rng, double *theta);

#endif
