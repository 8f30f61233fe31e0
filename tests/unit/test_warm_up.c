// SPDX-License-Identifier: GPL-3.0-or-later
// Warm-up by momentum diffusion, followed by exact sweeps, on targets whose answers are known. Standard errors come
// from the walkers' scatter, or, where walkers have not gone everywhere, from as many independent ones; 4 of them are
// allowed: 6e-5 of comparisons fail by chance, were the seeds not fixed.
#include "support/targets.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double borders[] = { -INFINITY, 1.8, 4.2, 7.4, INFINITY };
enum { REGIONS = 4 };

static void count_regions(const struct ensemble_draw *draw, void *context)
{
    for (size_t w = 0; w < WALKERS; w++)
        for (size_t k = 0; k < REGIONS; k++)
            if (draw->x[w] >= borders[k] && draw->x[w] < borders[k + 1])
                ((double *)context)[(draw->block * WALKERS + w) * REGIONS + k]++;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Quantiles of x over the walkers as they stand, and those of the target.
static void print_quantiles(const char *when, const struct ensemble *ensemble)
{
    double *x = calloc(ensemble->n_walkers, sizeof *x);
    for (size_t k = 0; k < ensemble->n_walkers; k++)
        x[k] = ensemble->block[k / WALKERS].current[k % WALKERS];
    qsort(x, ensemble->n_walkers, sizeof *x, by_value);
    print_message("    %-28s", when);
    for (int percent = 5; percent < 100; percent += 10)
        print_message(" %6.2f", x[(size_t)percent * ensemble->n_walkers / 100]);
    print_message("\n");
    free(x);
}

static void print_exact_quantiles(void)
{
    print_message("    %-28s", "target");
    for (int percent = 5; percent < 100; percent += 10) {
        double low = -10, high = 20;
        while (high - low > 1e-6)
            *(target_mass(-INFINITY, 0.5 * (low + high)) < 0.01 * percent ? &low : &high) = 0.5 * (low + high);
        print_message(" %6.2f", low);
    }
    print_message("\n");
}

// 1,024 walkers: a share p that is right scatters by sqrt(p (1 - p) / 1024) at the worst, where walkers do not cross.
static void test_mixture(void **state)
{
    (void)state;
    static const char *const starts[] = { "from one point", "0.001", "dispersed", "12" };
    for (size_t k = 0; k < 2; k++) {
        struct target target;
        char ini[400];
        snprintf(ini, sizeof ini,
                 "[system]\nparticles = 1\ndimensions = 2\n[sampler]\nmethod = metropolis\nwalkers = 1024\nspread = "
                 "%s\ntemperatures = 1, 3.5\nburn_in = 400\nwarm_up = momentum-diffusion\n[run]\nseed = 3\n",
                 starts[2 * k + 1]);
        target_build(&target, &target_mixture, ini);
        print_message("%s\n", starts[2 * k]);
        print_exact_quantiles();
        print_quantiles("start", &target.ensemble);
        struct ensemble_tuning tuning = { 0 };
        while (tuning.done < 200)
            ensemble_burn_in_part(&target.ensemble, 400, true, &tuning);
        print_quantiles("after momentum diffusion", &target.ensemble);
        while (tuning.done < 400)
            ensemble_burn_in_part(&target.ensemble, 400, true, &tuning);
        struct ensemble_sums sums;
        double *counts = calloc(1024 * REGIONS, sizeof *counts);
        enum { DRAWS = 400 };
        ensemble_pass(&target.ensemble, DRAWS, 0, count_regions, counts, &sums);
        print_quantiles("after the exact phase", &target.ensemble);
        for (size_t r = 0; r < REGIONS; r++) {
            double mean = 0, square = 0;
            for (size_t w = 0; w < 1024; w++)
                mean += counts[w * REGIONS + r] / DRAWS / 1024;
            for (size_t w = 0; w < 1024; w++)
                square += pow(counts[w * REGIONS + r] / DRAWS - mean, 2);
            const double error = sqrt(square) / 1024, exact = target_mass(borders[r], borders[r + 1]);
            print_message("    region %zu: share %.4f, exact %.4f, error %.4f, z %+.2f\n", r, mean, exact, error,
                          (mean - exact) / error);
            assert_true(fabs(mean - exact) < 4 * error && error < 0.01);
        }
        free(counts);
        target_finish(&target);
    }
}

enum { SCALES = 40 };

static void add_squares(const struct ensemble_draw *draw, void *context)
{
    for (size_t i = 0; i < SCALES; i++) {
        const double width = target_width(i, SCALES);
        for (size_t w = 0; w < WALKERS; w++)
            ((double *)context)[(draw->block * WALKERS + w) * SCALES + i] += pow(draw->x[i * WALKERS + w] / width, 2);
    }
}

// Forty coordinates whose widths range over three orders of magnitude, from starting points that are alike in all of
// them: every variance is right within 4 standard errors.
static void test_scales(void **state)
{
    (void)state;
    enum { CHAINS = 64, DRAWS = 400 };
    static const char *const warm_ups[] = { "plain", "momentum-diffusion" };
    for (size_t k = 0; k < 2; k++) {
        struct target target;
        struct ensemble_sums sums;
        char ini[300];
        snprintf(ini, sizeof ini,
                 "[system]\nparticles = 20\ndimensions = 2\n[sampler]\nmethod = hmc\nwalkers = %d\nburn_in = "
                 "400\nwarm_up = %s\n",
                 CHAINS, warm_ups[k]);
        target_build(&target, &target_scales, ini);
        ensemble_burn_in(&target.ensemble, 400, true);
        double *squares = calloc(CHAINS * SCALES, sizeof *squares), worst = 0;
        ensemble_pass(&target.ensemble, DRAWS, 0, add_squares, squares, &sums);
        for (size_t i = 0; i < SCALES; i++) {
            double mean = 0, scatter = 0;
            for (size_t w = 0; w < CHAINS; w++)
                mean += squares[w * SCALES + i] / DRAWS / CHAINS;
            for (size_t w = 0; w < CHAINS; w++)
                scatter += pow(squares[w * SCALES + i] / DRAWS - mean, 2);
            const double z = (mean - 1) / (sqrt(scatter) / CHAINS);
            worst = fmax(worst, fabs(z));
            assert_true(fabs(mean - 1) < 0.1);
        }
        print_message(
            "%s: step %.3f, acceptance %.3f, width of the narrowest %.3e, variances off by %.2f errors at most\n",
            warm_ups[k], target.ensemble.step, sums.accepted / sums.moves, target.ensemble.rungs[RUNG_OWN], worst);
        assert_true(worst < 4);
        free(squares);
        target_finish(&target);
    }
}

// The mixture, which takes a while, with the argument "all"; trajectories by themselves are in test_sampler.c.
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_scales) }, slow[] = { cmocka_unit_test(test_mixture) };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return argc > 1 && strcmp(argv[1], "all") == 0 ? failed + cmocka_run_group_tests(slow, NULL, NULL) : failed;
}
