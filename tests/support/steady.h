// SPDX-License-Identifier: GPL-3.0-or-later
// What makes whole runs the same on all machines: a clock that stands but for looks at it, and eigenvectors by
// rotations in the place of LAPACK's. Linked into a test they go before those of the libraries.
#ifndef VMC_TEST_STEADY_H
#define VMC_TEST_STEADY_H

extern double steady_now, steady_look;  // s: what the clock shows, and what a look takes; CPU time is 0.7 of it

#endif
