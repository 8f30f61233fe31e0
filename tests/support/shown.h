// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers and results files in few words, for records.
#ifndef VMC_TEST_SHOWN_H
#define VMC_TEST_SHOWN_H

#include <stddef.h>
#include <stdio.h>

// " 3.1415926536", " nan"
void shown_number(FILE *out, double value);
// Two sums over the finite ones, with weights that no exchange leaves as they are, and how many are not finite.
void shown_numbers(FILE *out, size_t n, const double *values);
// Every data set of an HDF5 file but for settings and what is known of the machine: its name, shape, and its numbers or
// its text.
void shown_file(FILE *out, const char *path);

#endif
