// SPDX-License-Identifier: GPL-3.0-or-later
// What is read from the course of a training at its bounds, against a record: histories of few numbers, most of them
// sums of powers of two, so that both sides of a comparison are often the same to the bit. In `recorded decisions`,
// whose histories are like those of runs, they hardly ever are.
//
//     test_bounds RECORD            compares
//     test_bounds RECORD --write    records anew
//     test_bounds --show            prints
#include "support/recorded.h"
#include "support/tally.h"

#include "run/course.h"
#include "run/trust.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 600 };
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define EACH(index, array) for (size_t index = 0; index < COUNT(array); index++)

// Before the first of them stands what would be believed, were it read.
static double energies[ROOM + 1] = { 1 }, variances[ROOM + 1] = { 1e-15 }, energy_error[ROOM], slope[ROOM],
                              expected[ROOM];
static double *const energy = energies + 1, *const variance = variances + 1;

static struct history history_of(size_t n, double all_energies, double all_errors, double all_variances)
{
    for (size_t k = 0; k < n; k++) {
        energy[k] = all_energies;
        energy_error[k] = all_errors;
        variance[k] = all_variances;
        slope[k] = expected[k] = 0;
    }
    return (struct history){ .n = n,
                             .energy = energy,
                             .energy_error = energy_error,
                             .estimator_variance = variance,
                             .slope = slope,
                             .expected = expected };
}

// Answers, one bit each, and how many were yes.
struct answers {
    uint64_t bits;
    size_t n, yes;
};

static void answer(struct answers *answers, bool yes)
{
    answers->bits = (answers->bits ^ yes) * 1099511628211u + yes;
    answers->n++;
    answers->yes += yes;
}

static void say(FILE *out, const char *name, const struct answers *answers)
{
    fprintf(out, "%s %zu of %zu %08" PRIx64 "\n", name, answers->yes, answers->n, answers->bits >> 32);
}

// ---- falls

static void say_falls(FILE *out)
{
    static const double parts[] = { 0.125, 0.25, 1 }, gains[] = { -1, 0, 0.125, 0.25, 0.5, 1 },
                        errors[] = { 0, 0.0625, 0.125, 0.25, 0.5, INFINITY }, lasts[] = { 0, 1, -1, 2 };
    static const size_t ns[] = { 0, 1, 12, 239, 240, 241 }, times[] = { 1, 2 };
    struct answers little = { 0 }, on = { 0 }, hidden = { 0 };
    EACH(p, parts)
    EACH(g, gains)
    EACH(e, errors)
    EACH(l, lasts)
    EACH(k, ns)
    EACH(t, times)
    {
        const struct course_fall fall = { gains[g], errors[e], ns[k] };
        const struct history history = history_of(ns[k] > 0 ? times[t] * ns[k] : 1, lasts[l], 0, 0);
        answer(&little, course_falls_little(&history, &fall, parts[p]));
        answer(&on, course_falls_on(&history, &fall, parts[p]));
        answer(&hidden, course_hides_fall(&history, &fall, parts[p]));
    }
    say(out, "falls little", &little);
    say(out, "falls on", &on);
    say(out, "hides its fall", &hidden);
}

// What is too short for a fall, and what just is not.
static void say_lengths(FILE *out)
{
    for (size_t window = 1; window < 6; window++)
        for (size_t n = 1; n < 16; n++)
            for (size_t since = 0; since < 3 && since <= n; since++) {
                const struct history history = history_of(n, 0, 0, 0);
                for (size_t k = 0; k < n; k++) {
                    energy[k] = (double)(k * k % 7);
                    slope[k] = k % (2 + window % 2) ? 0.5 : NAN;  // half of them, or two thirds
                }
                const struct course_fall fall = course_fall(&history, window, since),
                                         slow = course_long_fall(&history, window, since);
                const struct trust_gain gain = trust_gain(&history, window, since);
                fprintf(out, "length %zu %zu %zu: %zu %zu %zu", window, n, since, fall.n, slow.n, gain.n);
                tally_array(out, 5, (double[]){ fall.gain, fall.error, slow.gain, gain.mean, gain.error });
                fputc('\n', out);
            }
}

// ---- gains, plateaus, steps too far

static void say_gains(FILE *out)
{
    static const double means[] = { -1, 0, 1e-7, 3e-5, 0.3, 0.3 * 0x1p-14 }, errors[] = { 0, 0.5e-7, 1.5e-5, INFINITY },
                        lasts[] = { 0, 1, -1, 2 }, noises[] = { 0, 0x1p-14, 1 };
    static const size_t ns[] = { 1, 2, 4 };
    struct answers answers = { 0 };
    EACH(m, means)
    EACH(e, errors)
    EACH(l, lasts)
    EACH(s, noises)
    EACH(k, ns)
    {
        const struct history history = history_of(ns[k], lasts[l], noises[s], 0);
        const struct trust_gain gain = { means[m], errors[e], 5 };
        answer(&answers, course_gains_little(&history, &gain));
    }
    say(out, "gains little", &answers);
}

// All histories of four energies from 0 to 3.
static void say_plateaus(FILE *out)
{
    struct answers plateau = { 0 }, later = { 0 };
    for (size_t all = 0; all < 256; all++) {
        struct history history = history_of(5, 0, 0, 0);
        for (size_t k = 0; k < 5; k++)
            energy[k] = (double)(all >> 2 * (k % 4) & 3);
        answer(&later, course_on_plateau(&history, 2, 1));
        answer(&later, course_on_plateau(&history, 2, 2));
        history.n = 4;
        answer(&plateau, course_on_plateau(&history, 2, 0));
    }
    say(out, "on a plateau", &plateau);
    say(out, "on a plateau since", &later);
}

static void say_explosions(FILE *out)
{
    static const double lasts[] = { 0, 1, -2 }, noises[] = { 0, 0.0625, 0.125 }, spreads[] = { 0, 0.25, 1 },
                        rises[] = { -1, 0, 1e-4, 0.5, 1, 1.25, 1.75, 2.25, 3, 3.5 },
                        grown[] = { 0, 2.5, 5, 10, 10.5, 20 };
    struct answers answers = { 0 };
    EACH(l, lasts)
    EACH(s, noises)
    EACH(v, spreads)
    EACH(r, rises)
    EACH(g, grown)
    {
        const struct history history = history_of(2, lasts[l], noises[s], spreads[v]);
        const double most = sqrt(spreads[v]) + 20 * noises[s] + 1e-4 * fabs(lasts[l]);
        answer(&answers, course_exploded(&history, lasts[l] + rises[r], grown[g]));
        answer(&answers, course_exploded(&history, lasts[l] + most, grown[g]));
    }
    const struct history none = { 0 };
    answer(&answers, course_exploded(&none, 1, 1));
    say(out, "exploded", &answers);
}

// ---- variances that vanish, energies that swing, steps that overshoot

static void say_variances(FILE *out)
{
    static const double bounds[] = { 1e-5, 1e-9, 1e-12, 1e-20, 0 };
    static const double before[] = { 0.5, 1, 2, 4, 1e12 };
    struct answers vanishes = { 0 }, quiet = { 0 }, exact = { 0 };
    EACH(b, bounds)
    for (int side = -1; side <= 1; side++)
        EACH(l, before)
    for (size_t since = 0; since < 4; since++)
        for (size_t n = 5; n < 8; n++) {
            const double now = side == 0 ? bounds[b] : nextafter(bounds[b], (double)side);
            struct history history = history_of(n, 1, 0, before[l] * now);
            variance[n - 1] = now;
            answer(&vanishes, course_vanishes(&history, since));
            variance[n - 5] = 0.25 * now;
            answer(&vanishes, course_vanishes(&history, since));
            answer(&quiet, course_is_quiet(&history));
            answer(&exact, course_is_exact(&history));
            history.n = 0;
            answer(&quiet, course_is_quiet(&history));
            answer(&exact, course_is_exact(&history));
        }
    say(out, "vanishes", &vanishes);
    say(out, "is quiet", &quiet);
    say(out, "is exact", &exact);
}

static void say_swings(FILE *out)
{
    static const double rises[] = { 0, 1e-3, 0.75, 1.5, 1.5 + 1e-3, 3, 3.75, 4 }, lowest[] = { 0, 1, -1 },
                        noises[] = { 0, 0.125, 0.25, 0.5 };
    struct answers answers = { 0 };
    EACH(r, rises)
    EACH(l, lowest)
    EACH(first, noises)
    EACH(last, noises)
    for (size_t since = 0; since < 4; since++) {
        const struct history history = history_of(4, 8, 0, 0);
        energy[1] = lowest[l];
        energy_error[1] = noises[first];
        energy[2] = lowest[l] + 0.5;
        energy[3] = lowest[l] + rises[r];
        energy_error[3] = noises[last];
        answer(&answers, course_swings(&history, since));
    }
    say(out, "swings", &answers);
}

static void say_overshoots(FILE *out)
{
    static const double found[] = { 1, 0, -0.5, -0.8, -1 };
    struct answers answers = { 0 };
    EACH(f, found)
    for (int side = -1; side <= 1; side++)
        for (size_t n = 8; n < 12; n++)
            for (size_t since = 0; since < 4; since++)
                for (size_t lacking = 0; lacking < 3; lacking++) {
                    const struct history history = history_of(n, 0, 0, 0);
                    for (size_t k = 0; k < n; k++)
                        expected[k] = n - k > 8 ? 64 : 0.125;
                    slope[n - 8] = side == 0 ? found[f] : nextafter(found[f], (double)(2 * side));
                    if (lacking > 0)
                        (lacking == 1 ? slope : expected)[n - 1] = NAN;
                    answer(&answers, trust_overshoots(&history, since));
                }
    say(out, "overshoots", &answers);
}

int main(int argc, char **argv)
{
    char *now = NULL;
    size_t length = 0;
    if (argc < 2)
        return 2;
    FILE *out = open_memstream(&now, &length);
    say_falls(out);
    say_lengths(out);
    say_gains(out);
    say_plateaus(out);
    say_explosions(out);
    say_variances(out);
    say_swings(out);
    say_overshoots(out);
    fclose(out);
    return recorded_status(argc, argv, now);
}
