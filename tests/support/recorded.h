// SPDX-License-Identifier: GPL-3.0-or-later
// Texts against a record: that nothing has changed unnoticed, not that it is right.
#ifndef VMC_TEST_RECORDED_H
#define VMC_TEST_RECORDED_H

#include <stdbool.h>
#include <stdint.h>

// A number for a text (FNV-1a).
uint64_t recorded_number(const char *text);
// The exit status of a test: whether `now` is what is recorded at `path`, or with `writes` could be recorded there. The
// first lines that are not the same are printed.
int recorded_judge(const char *path, bool writes, char *now);
// The same where numbers with a point may differ by `tolerance`, relative to the larger of 1 and the number.
int recorded_judge_nearly(const char *path, bool writes, char *now, double tolerance);

#endif
