// SPDX-License-Identifier: GPL-3.0-or-later
// Texts against a record: that nothing has changed unnoticed, not that it is right.
#ifndef VMC_TEST_RECORDED_H
#define VMC_TEST_RECORDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// A number for a text (FNV-1a).
uint64_t recorded_number(const char *text);
// A part of a record, of which the record keeps a digest, or all of it where everything is to be shown.
struct recorded_part {
    FILE *record;
    char *text;
    size_t length;
};
// Where to write the part.
FILE *recorded_begin(struct recorded_part *part, FILE *record);
void recorded_end(struct recorded_part *part, FILE *own, const char *name, bool shows);
// The exit status of a test: whether `now` is what is recorded at `path`, or with `writes` could be recorded there. The
// first lines that are not the same are printed.
int recorded_judge(const char *path, bool writes, char *now);
// The same where numbers with a point may differ by `tolerance`, relative to the larger of 1 and the number.
int recorded_judge_nearly(const char *path, bool writes, char *now, double tolerance);
// The same, to eight digits, for the arguments RECORD, RECORD --write and --show, which prints `now`; frees it.
int recorded_status(int argc, char **argv, char *now);

#endif
