// SPDX-License-Identifier: GPL-3.0-or-later
// What a test writes into a record, and dice: numbers to eleven digits, arrays as a sum in which every element has a
// weight of its own, texts as a number.
#ifndef VMC_TEST_TALLY_H
#define VMC_TEST_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// Dice: the same on every machine. A throw; one in n; a number from 0 to 1; about normal; one of the values.
struct dice {
    uint64_t state;
};
struct dice dice_begin(uint64_t seed);
size_t dice_below(struct dice *dice, size_t n);
bool dice_one_in(struct dice *dice, size_t n);
double dice_uniform(struct dice *dice);
double dice_normal(struct dice *dice);
const char *dice_text(struct dice *dice, size_t n, const char *const *texts);
double dice_value(struct dice *dice, size_t n, const double *values);
#define DICE_TEXT(dice, ...) \
    dice_text(dice, sizeof(const char *[]){ __VA_ARGS__ } / sizeof(char *), (const char *const[]){ __VA_ARGS__ })
#define DICE_VALUE(dice, ...) \
    dice_value(dice, sizeof(double[]){ __VA_ARGS__ } / sizeof(double), (const double[]){ __VA_ARGS__ })

// Whole numbers have no point, and are compared exactly.
void tally_number(FILE *out, double value);
void tally_whole(FILE *out, size_t value);
// n, how many are no numbers, the weighted sum.
void tally_array(FILE *out, size_t n, const double *values);
void tally_words(FILE *out, size_t n, const uint64_t *values);
// Many numbers in a few: sums of what has the sign of a number and the size of ln(1 + |x|), so that large ones do not
// drown small ones, each with a weight of its own.
enum { TALLY_FOLDS = 5 };
struct tally_fold {
    size_t n;
    double sum[TALLY_FOLDS];
};
void tally_fold(struct tally_fold *fold, double value);
void tally_fold_array(struct tally_fold *fold, size_t n, const double *values);
void tally_folded(FILE *out, const struct tally_fold *fold);
// Its letters, and a sum of the numbers in it.
void tally_text(FILE *out, const char *text);

#endif
