// SPDX-License-Identifier: GPL-3.0-or-later
// Time that goes by looks at it, and a name of the process that is always the same: what a program writes about itself
// can then be recorded. Linked into a test, this takes the place of the C library's functions, in shared libraries too.
#ifndef VMC_TEST_CLOCK_H
#define VMC_TEST_CLOCK_H

enum { CLOCK_PROCESS = 4711 };

// From here on it is 2 February 2020, 20:20:20 UTC, and each look takes `step` seconds, half of it of the processor.
void clock_begin(double step);
// At this look, counted from 1, the process gets a signal, so many times.
void clock_interrupt(unsigned look, int signal, unsigned times);

#endif
