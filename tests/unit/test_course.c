// SPDX-License-Identifier: GPL-3.0-or-later
// How a training goes: every criterion at both sides of its bound, on histories that were planted, with the bounds
// written out by hand.
#include "run/course.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ITERATIONS = 640 };
struct planted {
    struct history history;
    double energy[ITERATIONS], error[ITERATIONS], spread[ITERATIONS];
};

static void plant(struct planted *planted, size_t n)
{
    memset(planted, 0, sizeof *planted);
    planted->history = (struct history){
        .n = n, .energy = planted->energy, .energy_error = planted->error, .estimator_variance = planted->spread
    };
}

static void near(double a, double b) { assert_true(fabs(a - b) < 1e-13 * fmax(1, fabs(b))); }

// r / (1 + d t); r (1 + cos(pi t / n)) / 2: r at the start, a half of it half way, nothing at the end
static void test_rate(void **state)
{
    (void)state;
    struct settings_optimizer optimizer = { .schedule = SCHEDULE_CONSTANT, .decay = 0.5, .iterations = 60 };
    near(course_rate(&optimizer, 0.3, 17), 0.3);
    optimizer.schedule = SCHEDULE_INVERSE;
    near(course_rate(&optimizer, 0.3, 0), 0.3);
    near(course_rate(&optimizer, 0.3, 4), 0.1);
    near(course_rate(&optimizer, 0.3, 10), 0.05);
    optimizer.schedule = SCHEDULE_COSINE;
    near(course_rate(&optimizer, 0.3, 0), 0.3);
    near(course_rate(&optimizer, 0.3, 20), 0.225);
    near(course_rate(&optimizer, 0.3, 30), 0.15);
    near(course_rate(&optimizer, 0.3, 40), 0.075);
    near(course_rate(&optimizer, 0.3, 60), 0);
}

// A variance that falls by a third every iteration, in units of E^2 = 9: from 1e-9 down to 1e-20, and no slower than by
// half in four iterations.
static void test_vanishes(void **state)
{
    (void)state;
    static const struct {
        double last, ratio;
        bool vanishes, exact;
    } cases[] = {
        { 0.9e-9, 1.5, true, false }, { 1.1e-9, 1.5, false, false }, { 1.1e-12, 1.5, true, false },
        { 0.9e-12, 1.5, true, true }, { 1.1e-20, 1.5, true, true },  { 0.9e-20, 1.5, false, true },
        { 1e-15, 1.2, true, true },   { 1e-15, 1.18, false, true },  { 1e-15, 0.9, false, true },
    };
    struct planted planted;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        plant(&planted, 8);
        for (size_t k = 0; k < 8; k++) {
            planted.energy[k] = -3;
            planted.spread[k] = 9 * cases[c].last * pow(cases[c].ratio, (double)(7 - k));
        }
        assert_int_equal(course_vanishes(&planted.history, 0), cases[c].vanishes);
        assert_int_equal(course_vanishes(&planted.history, 3), cases[c].vanishes);
        assert_false(course_vanishes(&planted.history, 4));  // too few since then
        assert_int_equal(course_is_exact(&planted.history), cases[c].exact);
        assert_true(course_is_quiet(&planted.history));
    }
    planted.spread[7] = 9 * 0.99e-5;
    assert_true(course_is_quiet(&planted.history));
    planted.spread[7] = 9 * 1.01e-5;
    assert_false(course_is_quiet(&planted.history));
    const struct history empty = { 0 };  // before the first iteration there is nothing to look at
    assert_false(course_is_quiet(&empty) || course_is_exact(&empty) || course_vanishes(&empty, 0) ||
                 course_exploded(&empty, 1e9, 1e9));
}

static void test_clip(void **state)
{
    (void)state;
    double v[] = { 2, -3, 6 };  // of length 7
    near(course_norm(3, v), 7);
    near(course_norm(2, v), sqrt(13));
    near(course_norm(0, v), 0);
    course_clip(0, 3, v);  // no bound
    course_clip(7.5, 3, v);
    assert_true(v[0] == 2 && v[1] == -3 && v[2] == 6);
    course_clip(3.5, 3, v);
    near(v[0], 1);
    near(v[1], -1.5);
    near(v[2], 3);
}

// The mean of the first `window` values, then exponential forgetting: each new value has the weight 1/window.
static void test_average(void **state)
{
    (void)state;
    double mean[] = { 100, -100 }, sum[] = { 0, 0 };
    for (size_t k = 0; k < 5; k++) {
        const double value[] = { 1.0 + (double)(k * k), 3.0 - 2.0 * (double)k };
        course_average(2, mean, value, k, 5);
        for (size_t j = 0; j < 2; j++) {
            sum[j] += value[j];
            near(mean[j], sum[j] / (double)(k + 1));
        }
    }
    const double before[] = { mean[0], mean[1] }, value[] = { 11, 7 };
    course_average(2, mean, value, 5, 5);
    near(mean[0], before[0] * 0.8 + 11 * 0.2);
    near(mean[1], before[1] * 0.8 + 7 * 0.2);
    course_average(1, mean, value, 500, 5);
    near(mean[0], (before[0] * 0.8 + 11 * 0.2) * 0.8 + 11 * 0.2);
    near(mean[1], before[1] * 0.8 + 7 * 0.2);
}

// A quarter of what is in the mean so far, between the window and 100.
static void test_memory(void **state)
{
    (void)state;
    static const size_t row[][3] = { { 0, 12, 12 },    { 51, 12, 12 },    { 52, 12, 13 },    { 399, 12, 99 },
                                     { 400, 12, 100 }, { 4000, 12, 100 }, { 4000, 120, 120 } };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        assert_int_equal(course_memory(row[k][0], row[k][1], false), row[k][2]);
        assert_int_equal(course_memory(row[k][0], row[k][1], true), 1 + (row[k][0] < 400 ? row[k][0] / 4 : 100));
    }
}

// The bound: spread 0.25 (0.5), twenty errors of 0.01 (0.2), 1e-4 of the energy -30 (0.003): 0.703 above -30.
static void test_exploded(void **state)
{
    (void)state;
    struct planted planted;
    plant(&planted, 3);
    assert_false(course_exploded(&(struct history){ 0 }, 1e9, 1e9));  // nothing to compare with
    planted.energy[0] = planted.energy[1] = 1e6;                      // only the last iteration counts
    planted.spread[0] = planted.spread[1] = 1e6;
    planted.energy[2] = -30;
    planted.spread[2] = 0.25;
    planted.error[2] = 0.01;
    static const struct {
        double mean, variance;
        bool exploded;
    } cases[] = { { -29.2965, 2.6, true }, { -29.2975, 2.6, false }, { -29.2965, 2.4, false },
                  { -20, 2.51, true },     { -20, 2.49, false },     { -40, 100, false },
                  { 100, 1e6, true },      { -30, 1e6, false },      { -29.31, 1e6, false } };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        assert_int_equal(course_exploded(&planted.history, cases[k].mean, cases[k].variance), cases[k].exploded);
    // without any spread a rise of 1e-4 of the energy counts, whatever its sign
    planted.spread[2] = planted.error[2] = 0;
    assert_true(course_exploded(&planted.history, -29.9969, 1e-9));
    assert_false(course_exploded(&planted.history, -29.9971, 1e-9));
    planted.energy[2] = 30;
    assert_false(course_exploded(&planted.history, 30.0029, 1e-9));
    assert_true(course_exploded(&planted.history, 30.0031, 1e-9));
    // at the bounds themselves it has not: 1 above 0 for a spread of 1, and ten times that
    planted.energy[2] = 0;
    planted.spread[2] = 1;
    assert_false(course_exploded(&planted.history, 1, 11) || course_exploded(&planted.history, 2, 10));
    assert_true(course_exploded(&planted.history, 1.0000001, 11) && course_exploded(&planted.history, 2, 10.000001));
}

// Two windows of 10, each scattering by +-a around its mean: the mean's variance is 10 a^2 / (10 * 9) = a^2 / 9, the
// error of the difference sqrt(a^2 + b^2) / 3.
static void plateau(struct planted *planted, size_t n, double first, double second, double a, double b)
{
    plant(planted, n);
    for (size_t k = 0; k < n; k++)
        planted->energy[k] = 1e3 + 1e2 * (double)k;
    for (size_t k = 0; k < 10; k++) {
        planted->energy[n - 20 + k] = first + (k % 2 ? a : -a);
        planted->energy[n - 10 + k] = second + (k % 2 ? b : -b);
    }
}

static void test_plateau(void **state)
{
    (void)state;
    struct planted planted;
    for (int k = 0; k < 2; k++) {  // sqrt(0.9 + 1.6) / 3 with a^2 = 0.9, b^2 = 1.6, or the other way round
        const double a = sqrt(k ? 0.9 : 1.6), b = sqrt(k ? 1.6 : 0.9), error = sqrt(2.5) / 3;
        plateau(&planted, 30, 5 + 0.99 * error, 5, a, b);
        assert_true(course_on_plateau(&planted.history, 10, 0));
        plateau(&planted, 30, 5 + 1.01 * error, 5, a, b);
        assert_false(course_on_plateau(&planted.history, 10, 0));
        plateau(&planted, 30, 5, 6, a, b);  // it rises
        assert_true(course_on_plateau(&planted.history, 10, 0));
    }
    plateau(&planted, 30, 5, 5, 1, 1);  // two windows since `since`
    assert_true(course_on_plateau(&planted.history, 10, 10));
    assert_false(course_on_plateau(&planted.history, 10, 11));
    assert_false(course_on_plateau(&planted.history, 16, 0));
    plateau(&planted, 20, 5, 5, 1, 1);
    assert_true(course_on_plateau(&planted.history, 10, 0));
}

// As many iterations again, 20 of them, gain 20 (mean + 2 error): beside 3e-5 of the energy, or 0.3 of an iteration's
// noise where that is less, but no less than 1e-7 of the energy.
static void test_gains_little(void **state)
{
    (void)state;
    struct planted planted;
    static const struct {
        double energy, noise, little;
    } cases[] = { { 20, 1, 6e-4 }, { -20, 1, 6e-4 }, { 20, 1e-3, 3e-4 }, { -20, 1e-3, 3e-4 }, { 20, 1e-9, 2e-6 } };
    plant(&planted, 20);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        planted.energy[18] = planted.error[18] = 1e3;  // only the last iteration counts
        planted.energy[19] = cases[k].energy;
        planted.error[19] = cases[k].noise;
        const double all = cases[k].little / 20;
        const struct trust_gain gains[] = { { 0.99 * all, 0, 10 },          { 0, 0.495 * all, 10 },
                                            { 0.5 * all, 0.245 * all, 10 }, { 1.01 * all, 0, 10 },
                                            { 0, 0.505 * all, 10 },         { 0.5 * all, 0.255 * all, 10 } };
        for (size_t j = 0; j < 6; j++)
            assert_int_equal(course_gains_little(&planted.history, &gains[j]), j < 3);
    }
}

// K / 4 iterations before the samples grow, 250 at most, or with patience K / 3, 500 at most, where there are no more
// than 2048 directions; K / 10 more then, 80 at most, or K / 20 where that is more (with patience K / 10), 240 at most,
// for which the last are kept where they are 24 and more, if K / 4 iterations were done, 250 at most.
static void test_early(void **state)
{
    (void)state;
    static const struct {
        size_t directions, coarse[2], fine[2];
    } rows[] = { { 1, { 0, 0 }, { 0, 0 } },
                 { 20, { 5, 6 }, { 2, 2 } },
                 { 600, { 150, 200 }, { 60, 60 } },
                 { 1400, { 250, 466 }, { 80, 140 } },
                 { 1600, { 250, 500 }, { 80, 160 } },
                 { 2048, { 250, 500 }, { 102, 204 } },
                 { 2049, { 250, 250 }, { 102, 204 } },
                 { 3000, { 250, 250 }, { 150, 240 } },
                 { 5000, { 250, 250 }, { 240, 240 } } };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        for (size_t p = 0; p < 2; p++) {
            for (size_t done = 0; done < 600; done++) {
                assert_int_equal(course_is_early(rows[k].directions, p, done, false), done < rows[k].coarse[p]);
                assert_int_equal(course_is_early(rows[k].directions, p, done, true), done < rows[k].fine[p]);
            }
            for (size_t done = 0; done <= 1000; done++)
                assert_int_equal(course_is_late(rows[k].directions, p, done, 1000 - done),
                                 k >= 2 && 1000 - done <= rows[k].fine[p]);
        }
    for (size_t done = 0; done <= 160; done++)
        assert_int_equal(course_is_late(600, true, done, 160 - done), done >= 150);
    for (size_t done = 0; done <= 300; done++)
        assert_int_equal(course_is_late(1600, false, done, 300 - done), done >= 250);
}

// A line through the last half since iteration 6, through a window at least and 240 at most, that falls by 0.1 per
// iteration, with
// +-0.02 about it in the order - + + -, which bends no line: over n iterations the gain is 0.1 n, the scatter sqrt(n
// 4e-4 / (n - 2)), the error n of it over the root of n (n^2 - 1) / 12.
static void test_falls(void **state)
{
    (void)state;
    struct planted planted;
    static const size_t all[] = { 470, 640, 38, 18, 14 }, used[] = { 232, 240, 16, 8, 8 };
    for (size_t c = 0; c < 5; c++) {
        const double n = (double)used[c];
        plant(&planted, all[c]);
        for (size_t k = 0; k < all[c]; k++) {
            const size_t from = all[c] - used[c], place = (k - from) % 4;
            planted.energy[k] = k < from ? 1e3 : 50 - 0.1 * (double)k + (place == 0 || place == 3 ? -0.02 : 0.02);
        }
        const struct course_fall fall = course_fall(&planted.history, 8, 6);
        assert_int_equal(fall.n, used[c]);
        assert_true(fabs(fall.gain - 0.1 * n) < 1e-10);
        assert_true(fabs(fall.error - n * sqrt(4e-4 * n / (n - 2) / (n * (n * n - 1) / 12))) < 1e-10);
    }
    assert_int_equal(course_fall(&planted.history, 8, 7).n, 0);  // seven since then
    assert_int_equal(course_fall(&planted.history, 3, 6).n, 4);  // a line and what scatters about it take three points
    assert_int_equal(course_fall(&planted.history, 2, 6).n, 0);
    assert_true(isinf(course_fall(&planted.history, 2, 6).error));
    assert_false(course_falls_little(&planted.history, &(struct course_fall){ 0, 0, 0 }, 1));
    planted.energy[13] = -50;
    static const struct course_fall little[] = { { 0.0049, 0, 8 }, { 0.002, 0.0014, 8 }, { -1, 0.0024, 8 } },
                                    much[] = { { 0.0051, 0, 8 }, { 0.002, 0.0016, 8 }, { -1, 0.0026, 8 } };
    for (size_t k = 0; k < 3; k++) {
        assert_true(course_falls_little(&planted.history, &little[k], 1e-4));
        assert_false(course_falls_little(&planted.history, &much[k], 1e-4));
    }
}

// At -50 after 14 iterations: by more than two errors, and with two errors by more than 1e-4 of it, 5e-3, in 14
// iterations again, which are 14/8 as many as the line has. 2 errors hide 5e-3 where the line has all the 240 points
// that it may have.
static void test_falls_on(void **state)
{
    (void)state;
    struct planted planted;
    plant(&planted, 14);
    planted.energy[13] = -50;
    static const struct course_fall on[] = { { 0.002, 0.00045, 8 }, { 0.5, 0.24, 8 } },
                                    over[] = { { 0.0019, 0.00045, 8 }, { 0.5, 0.26, 8 }, { -1, 0.1, 8 }, { 0, 0, 0 } },
                                    hidden = { 0, 0.0026, 240 }, seen = { 0, 0.0024, 240 }, few = { 0, 0.0026, 239 };
    for (size_t k = 0; k < 2; k++)
        assert_true(course_falls_on(&planted.history, &on[k], 1e-4));
    for (size_t k = 0; k < 4; k++)
        assert_false(course_falls_on(&planted.history, &over[k], 1e-4));
    assert_true(course_hides_fall(&planted.history, &hidden, 1e-4));
    assert_false(course_hides_fall(&planted.history, &seen, 1e-4) || course_hides_fall(&planted.history, &few, 1e-4));
}

// The lowest is -4 with error 0.03, the last has error 0.04: 6 * 0.05 + 1e-3 * 4 = 0.304 above.
static void test_swings(void **state)
{
    (void)state;
    struct planted planted;
    for (size_t place = 5; place < 12; place++) {
        plant(&planted, 12);
        for (size_t k = 0; k < 12; k++) {
            planted.energy[k] = k < 5 ? -100 : -3.8;
            planted.error[k] = 0.5;
        }
        planted.energy[11] = -4 + 0.303;
        planted.error[11] = 0.04;
        if (place < 11) {
            planted.energy[place] = -4;
            planted.error[place] = 0.03;
            assert_false(course_swings(&planted.history, 5));
            planted.energy[11] = -4 + 0.305;
            assert_true(course_swings(&planted.history, 5));
        }
        assert_false(course_swings(&planted.history, 11));  // it alone
        assert_true(course_swings(&planted.history, 4));    // with the -100
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_rate),         cmocka_unit_test(test_vanishes),
                                        cmocka_unit_test(test_clip),         cmocka_unit_test(test_average),
                                        cmocka_unit_test(test_memory),       cmocka_unit_test(test_exploded),
                                        cmocka_unit_test(test_plateau),      cmocka_unit_test(test_early),
                                        cmocka_unit_test(test_falls),        cmocka_unit_test(test_falls_on),
                                        cmocka_unit_test(test_gains_little), cmocka_unit_test(test_swings) };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
