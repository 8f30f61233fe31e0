// SPDX-License-Identifier: GPL-3.0-or-later
// A results file beside the closed form of its wave function's energy (docs/referee.md).
#ifndef VMC_VERIFY_H
#define VMC_VERIFY_H

#include "vmc/error.h"

#include <stdbool.h>
#include <stddef.h>

// Energy, kinetic, trap and pair energy; and the mean of half the squared gradient of ln psi, the kinetic energy once
// more: it has no control variates, which take many a fault of a sampler out of the other means again.
enum { VERIFY_PARTS = 5 };

struct run_verification {
    struct verified_part {
        const char *name;               // "energy", … as in /result
        const char *title;              // "kinetic energy"
        double exact, measured, error;  // the error is that of the measured mean
        double deviation;               // their difference in errors; what rounding explains is 0
    } part[VERIFY_PARTS];
    size_t terms, worst;  // Gaussians in the sum; the part that is furthest off
    double n_samples;
};

// Deviations beyond this are a fault: without one, a file in 3000 or so has any.
#define VERIFY_LIMIT 4.0

// Reads the file and evaluates the closed form at its parameters. ERROR_CONFIG with the reason where that does not
// apply. A deviation is no error.
bool run_verify(const char *path, struct run_verification *out, struct error *error);

#endif
