// SPDX-License-Identifier: GPL-3.0-or-later
// What a results file holds, but for its settings and where it came from: a line per group at its top.
#ifndef VMC_TEST_CONTENTS_H
#define VMC_TEST_CONTENTS_H

#include <stdio.h>

void contents_say(FILE *out, const char *path);

#endif
