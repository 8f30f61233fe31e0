// SPDX-License-Identifier: GPL-3.0-or-later
// Memory that runs out while a test does something: every piece that it asks for is refused in turn. Linked into a
// test, this takes the place of the C library's functions. What libraries ask for that are not ours and end the process
// (OpenMP) or are tried elsewhere (HDF5, GSL) is given.
#ifndef VMC_TEST_REFUSAL_H
#define VMC_TEST_REFUSAL_H

#include "vmc/error.h"

#include <stdbool.h>

// True and what came of it as text (which is freed here), or false and an error.
typedef bool refusal_maker(char **result, struct error *error);
// Adds to the text, whether memory is refused now or not.
void refusal_append(char **all, const char *piece);
// Makes it once as it is, then with each piece refused, alone and with all later ones: what succeeds has the whole
// result, what fails says so and speaks of memory, and all that was taken is given back. NULL, or what is wrong.
const char *refusal_check(refusal_maker *make);
// Only the first pieces.
const char *refusal_check_first(refusal_maker *make, long most);

#endif
