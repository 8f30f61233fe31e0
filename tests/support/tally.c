// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/tally.h"

#include "support/recorded.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct dice dice_begin(uint64_t seed)
{
    struct dice dice = { seed };
    for (int k = 0; k < 4; k++)
        dice_below(&dice, 1);
    return dice;
}

size_t dice_below(struct dice *dice, size_t n)
{
    dice->state = dice->state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(dice->state >> 33) % n;
}

bool dice_one_in(struct dice *dice, size_t n) { return dice_below(dice, n) == 0; }

double dice_uniform(struct dice *dice) { return (double)dice_below(dice, 1 << 30) / (1 << 30); }

// No function of the C library whose last bit differs between machines.
double dice_normal(struct dice *dice)
{
    double sum = -6;
    for (int k = 0; k < 12; k++)
        sum += dice_uniform(dice);
    return sum;
}

const char *dice_text(struct dice *dice, size_t n, const char *const *texts) { return texts[dice_below(dice, n)]; }

double dice_value(struct dice *dice, size_t n, const double *values) { return values[dice_below(dice, n)]; }

void tally_number(FILE *out, double value)
{
    if (fabs(value) < 1e9 && !(value - floor(value) > 0))
        fprintf(out, " %.0f.", value);
    else if (isfinite(value))
        fprintf(out, " %#.11g", value);
    else
        fputs(isnan(value) ? " nan" : value > 0 ? " inf" : " -inf", out);
}

void tally_whole(FILE *out, size_t value) { fprintf(out, " %zu", value); }

// How many are no numbers, where they stand, and the sum of the others.
static double sum_of(size_t n, const double *values, size_t *none)
{
    double sum = 0, weight = 0.5;
    *none = 0;
    for (size_t k = 0; k < n; k++) {
        weight += 0.6180339887498949;
        weight -= weight > 1.5;
        if (fabs(values[k]) < 1e100)  // some have a sentinel beyond all numbers
            sum += weight * values[k];
        else
            *none += 1 + k;
    }
    return sum;
}

void tally_array(FILE *out, size_t n, const double *values)
{
    size_t none;
    const double sum = sum_of(n, values, &none);
    fprintf(out, " %zu/%zu", n, none);
    tally_number(out, sum);
}

void tally_fold(struct tally_fold *fold, double value)
{
    const double size = fabs(value) < 1e100 ? copysign(log1p(fabs(value)), value) : isnan(value) ? 0.7 : 0.9;
    fold->sum[fold->n % TALLY_FOLDS] += (1 + fmod(0.6180339887498949 * (double)fold->n, 1)) * size;
    fold->n++;
}

void tally_fold_array(struct tally_fold *fold, size_t n, const double *values)
{
    size_t none;
    const double sum = sum_of(n, values, &none);
    tally_fold(fold, (double)n + 0.01 * (double)none);
    tally_fold(fold, sum);
}

void tally_folded(FILE *out, const struct tally_fold *fold)
{
    tally_whole(out, fold->n);
    for (size_t k = 0; k < TALLY_FOLDS; k++)
        tally_number(out, fold->sum[k]);
}

void tally_words(FILE *out, size_t n, const uint64_t *values)
{
    uint64_t sum = 14695981039346656037u;
    for (size_t k = 0; k < n; k++)
        sum = (sum ^ values[k]) * 1099511628211u;
    fprintf(out, " %zu/%08" PRIx64, n, sum >> 32);
}

void tally_text(FILE *out, const char *text)
{
    char *words = strdup(text), *to = words;
    double sum = 0, weight = 1;
    for (const char *from = words; *from;) {
        char *end;
        const double value = isdigit((unsigned char)*from) ? strtod(from, &end) : NAN;
        if (!isdigit((unsigned char)*from)) {
            *to++ = *from++;
            continue;
        }
        sum += isfinite(value) ? weight * value : weight;
        weight += 0.375;
        *to++ = '#';
        from = end;
    }
    *to = '\0';
    fprintf(out, " %08" PRIx64, recorded_number(words) >> 32);
    tally_number(out, sum);
    free(words);
}
