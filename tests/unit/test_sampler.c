// SPDX-License-Identifier: GPL-3.0-or-later
// Every sampler at fixed, non-trivial parameters against exact expectation values (closed forms and one-dimensional
// quadratures). Means of 1,024 independent walkers; their scatter gives the standard error. Each mean must lie within 4
// standard errors: false alarms in 6e-5 of comparisons, were the seeds not fixed. The standard error of the energies to
// reach is the first argument (default 4e-3; continuous integration takes 1e-3), the sets to look at the second
// (default all). "few" instead is for sanitizers: all of the code, but too few draws for means.
#include "support/model.h"
#include "vmc/rng.h"
#include "vmc/sampler.h"
#include "vmc/statistics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PILOT = 400 };
static double target_error = 4e-3;
static bool few;
static const char *only_sets;

static const struct {
    const char *name;
    const char *overrides[4];
} ways[] = {
    { "metropolis, one particle", { "sampler.method=metropolis", "sampler.move=particle" } },
    { "metropolis, all", { "sampler.method=metropolis", "sampler.move=all" } },
    { "metropolis, normal", { "sampler.method=metropolis", "sampler.proposal=normal" } },
    { "langevin, dt 0.05", { "sampler.method=langevin", "sampler.step=0.05" } },
    { "langevin, dt 0.3", { "sampler.method=langevin", "sampler.step=0.3" } },
    { "langevin, dt 1", { "sampler.method=langevin", "sampler.step=1" } },
    { "gibbs", { "sampler.method=gibbs" } },
    { "exact", { "sampler.method=exact" } },
    { "hmc", { "sampler.method=hmc" } },
    { "hmc, long trajectories", { "sampler.method=hmc", "sampler.trajectory=5" } },
    { "tempered metropolis", { "sampler.method=metropolis", "sampler.temperatures=1, 1.6, 2.5" } },
    { "tempered langevin", { "sampler.method=langevin", "sampler.temperatures=1, 1.6, 2.5" } },
    { "tempered hmc", { "sampler.method=hmc", "sampler.temperatures=1, 1.6, 2.5" } },
};

// The energy with its control variates; the plain estimators of finite variance; and a sampler that is wrong cannot
// hide behind controls, whose own means would then not be zero.
static void compare(const struct oracle_set *set, size_t way)
{
    struct model model;
    struct model_mean found;
    const struct oracle_mean exact = oracle_exact(&set->rbm);
    model_build(&model, &set->rbm, ways[way].overrides, 2);
    if (!ensemble_is_independent(&model.ensemble))
        ensemble_burn_in(&model.ensemble, few ? 10 : 300, isnan(model.settings.sampler.step));
    struct ensemble_sums sums;
    ensemble_pass(&model.ensemble, few ? 4 : 32, PASS_CONTROLS, NULL, NULL, &sums);
    ensemble_fit(&model.ensemble);
    if (few) {
        model_finish(&model);
        return;
    }
    model_measure(&model, PILOT, &found);  // says how many draws the error takes
    const double ratio = found.error[MODEL_ENERGY] / target_error;
    model_measure(&model, (size_t)(PILOT * fmax(1, 1.6 * ratio * ratio)), &found);
    const struct {
        const char *name;
        size_t quantity;
        long double exact;
    } rows[] = { { "energy", MODEL_ENERGY, exact.energy },
                 { "kinetic", MODEL_KINETIC, exact.kinetic },
                 { "kinetic 2", MODEL_KINETIC_GRADIENT, exact.kinetic },
                 { "trap", MODEL_TRAP, exact.trap },
                 { "pair", MODEL_PAIR, exact.pair } };
    print_message("%-24s %-24s step %.3g acceptance %.3f\n", set->name, ways[way].name, model.ensemble.step,
                  sums.accepted / sums.moves);
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        const double error = found.error[rows[k].quantity],
                     off = (double)(found.mean[rows[k].quantity] - rows[k].exact);
        print_message("    %-10s %.6f exact %.6Lf error %.1e z %+.2f\n", rows[k].name, found.mean[rows[k].quantity],
                      rows[k].exact, error, error > 0 ? off / error : 0);
        assert_true(fabs(off) <= 4 * error + 1e-12);
    }
    assert_true(found.error[MODEL_ENERGY] < target_error);
    model_finish(&model);
}

static void test_samplers(void **state)
{
    (void)state;
    for (size_t s = 0; s < oracle_n_sets; s++)
        for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
            const bool hidden = strcmp(ways[way].name, "gibbs") == 0 || strcmp(ways[way].name, "exact") == 0;
            if ((hidden && !oracle_sets[s].rbm.envelope) || (only_sets && !strstr(only_sets, oracle_sets[s].name)))
                continue;
            if ((way + s) % 5 != 0 && target_error > 2e-3)
                continue;  // every fifth, where time is short
            compare(&oracle_sets[s], way);
        }
}

// A step that is far off is brought to the acceptance asked for.
static void test_tuned_step(void **state)
{
    (void)state;
    static const char *const methods[] = { "sampler.method=metropolis", "sampler.method=langevin",
                                           "sampler.method=hmc" };
    static const double best[] = { 0.35, 0.7, 0.8 };  // of two, four and any number of coordinates
    for (size_t way = 0; way < sizeof methods / sizeof *methods; way++) {
        struct model model;
        struct ensemble_sums sums;
        const char *const overrides[] = { methods[way], "sampler.walkers=256", NULL };
        model_build(&model, &oracle_sets[0].rbm, overrides, 1);
        const double target = best[way];
        model.ensemble.step *= 40;
        ensemble_burn_in(&model.ensemble, 400, true);
        ensemble_pass(&model.ensemble, 200, 0, NULL, NULL, &sums);
        print_message("%s: step %.3g acceptance %.3f, best %.3f\n", overrides[0], model.ensemble.step,
                      sums.accepted / sums.moves, target);
        assert_true(fabs(sums.accepted / sums.moves - target) < 0.03);
        model_finish(&model);
    }
}

// |psi|^2 is a product of normal distributions with a twelfth to twice the widths that hmc begins with; it finds them,
// and goes on with them: the second burn-in learns nothing. Over 512 walkers and some 50 looks a variance scatters by
// about 1 %, a width by half of that.
static void test_widths(void **state)
{
    (void)state;
    static const double sigma[] = { 2, 1.0 / 12, 0.5 };
    double widths_asked[] = { sigma[0], sigma[1], sigma[2] };
    const struct oracle_rbm rbm = { .particles = 3,
                                    .dimensions = 3,
                                    .hidden = 1,
                                    .amplitude = true,
                                    .envelope = true,
                                    .omega = { 1, 1, 1 },
                                    .sigma = widths_asked };
    struct settings settings;
    struct ensemble ensemble;
    struct error error = { 0 };
    model_settings(&settings, &rbm, (const char *const[]){ "sampler.method=hmc", "sampler.walkers=512", NULL });
    assert_true(ensemble_build(&ensemble, &settings, 2, &error));
    double *theta = calloc(ensemble.wavefunction.n_parameters, sizeof *theta);
    ensemble_start(&ensemble, 5);
    assert_true(ensemble_take(&ensemble, theta));
    ensemble_burn_in(&ensemble, 200, true);
    const double *widths = ensemble.rungs + RUNG_OWN, step = ensemble.step;
    double found[9];
    for (size_t i = 0; i < 9; i++) {
        found[i] = widths[i] / (sigma[i % 3] / sqrt(2));
        print_message("width %zu: %.4f of the true one\n", i, found[i]);
        assert_true(fabs(found[i] - 1) < 0.04);
    }
    memcpy(found, widths, sizeof found);
    assert_true(ensemble.learnt);
    ensemble_burn_in(&ensemble, 100, true);
    assert_true(ensemble.step == step && memcmp(found, widths, sizeof found) == 0);
    // training goes on learning: another acceptance, another step
    struct ensemble_sums sums = { .moves = 1, .rung_accepted = { 0.3 } };
    ensemble_learn(&ensemble, &sums, true);
    assert_true(ensemble.step < step);
    ensemble_finish(&ensemble);
    settings_finish(&settings);
    free(theta);
}

enum { SERIES_DRAWS = 1500 };
static void keep_trap(const struct ensemble_draw *draw, void *context)
{
    for (size_t w = 0; w < WALKERS; w++)
        ((double *)context)[(draw->block * WALKERS + w) * SERIES_DRAWS + draw->draw] =
            draw->energy[ENERGY_TRAP * WALKERS + w];
}

// Where all coordinates swing with one period, a trajectory of just that length leads every walker back to where it
// began. Trajectories of lengths from half to one and a half of it do not: <cos^2> = 1/2, a time of about 3 draws.
static void test_lengths(void **state)
{
    (void)state;
    double sigma[] = { 1, 1, 1 };
    const struct oracle_rbm rbm = { .particles = 3,
                                    .dimensions = 3,
                                    .hidden = 1,
                                    .amplitude = true,
                                    .envelope = true,
                                    .omega = { 1, 1, 1 },
                                    .sigma = sigma };
    struct settings settings;
    struct ensemble ensemble;
    struct error error = { 0 };
    struct ensemble_sums sums;
    struct statistics statistics;
    model_settings(&settings, &rbm,
                   (const char *const[]){ "sampler.method=hmc", "sampler.walkers=64",
                                          "sampler.trajectory=6.283185307179586", "sampler.step=0.2", NULL });
    assert_true(ensemble_build(&ensemble, &settings, 2, &error));
    double *theta = calloc(ensemble.wavefunction.n_parameters, sizeof *theta),
           *series = calloc(64 * SERIES_DRAWS, sizeof *series);
    ensemble_start(&ensemble, 5);
    assert_true(ensemble_take(&ensemble, theta));
    ensemble_burn_in(&ensemble, 200, false);
    ensemble_pass(&ensemble, SERIES_DRAWS, 0, keep_trap, series, &sums);
    assert_true(statistics_analyse(&(struct series){ 64, SERIES_DRAWS, 1, series }, &statistics, NULL));
    print_message("one period for all: autocorrelation time %.2f draws\n", statistics.autocorrelation_time);
    assert_true(statistics.autocorrelation_time < 6);
    free(series);
    free(theta);
    ensemble_finish(&ensemble);
    settings_finish(&settings);
}

// Beyond twice the width leapfrog steps are not stable: every long trajectory gains energy without bound.
static void test_divergences(void **state)
{
    (void)state;
    struct model model;
    struct ensemble_sums sums;
    const char *const overrides[] = { "sampler.method=hmc", "sampler.walkers=64", "sampler.step=3",
                                      "sampler.trajectory=100", NULL };
    model_build(&model, &oracle_set_find("amplitude-2p2d")->rbm, overrides, 1);
    ensemble_pass(&model.ensemble, 20, 0, NULL, NULL, &sums);
    assert_true(sums.divergent == sums.moves && sums.accepted == 0 && sums.bad == 0);
    model.ensemble.step = 0.1;
    ensemble_pass(&model.ensemble, 20, 0, NULL, NULL, &sums);
    assert_true(sums.divergent == 0 && sums.accepted > 0.9 * sums.moves);
    model_finish(&model);
}

// Draws that are independent have an autocorrelation time of 1, from the first on; Gibbs draws between two separate
// peaks (the first set) have not. Over 96,000 values the estimate scatters by about 0.01; 4 of that are allowed.
static void test_independent(void **state)
{
    (void)state;
    static const char *const sets[] = { "amplitude-bumps", "probability-2p2d", "amplitude-displaced" };
    static const char *const methods[] = { "sampler.method=exact", "sampler.method=gibbs" };
    double *series = calloc(64 * SERIES_DRAWS, sizeof *series);
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
        double time[2];
        for (size_t k = 0; k < 2; k++) {
            struct model model;
            struct ensemble_sums sums;
            model_build(&model, &oracle_set_find(sets[s])->rbm,
                        (const char *const[]){ methods[k], "sampler.walkers=64", NULL }, 1);
            ensemble_pass(&model.ensemble, SERIES_DRAWS, 0, keep_trap, series, &sums);
            assert_true(sums.accepted == sums.moves);
            assert_true(sums.moves == sums.samples);  // of a machine alone all particles are drawn at once
            struct statistics statistics;
            assert_true(statistics_analyse(&(struct series){ 64, SERIES_DRAWS, 1, series }, &statistics, NULL));
            time[k] = statistics.autocorrelation_time;
            model_finish(&model);
        }
        print_message("%-20s autocorrelation time: exact %.4f, gibbs %.3f\n", sets[s], time[0], time[1]);
        assert_true(fabs(time[0] - 1) < 0.04);
        assert_true(s > 0 || time[1] > 1.15);
    }
    free(series);
}

// Too many normal distributions are refused with their count.
static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *representation, *hidden, *count;
    } cases[] = { { "rbm.representation=amplitude", "rbm.hidden=8", NULL },
                  { "rbm.representation=amplitude", "rbm.hidden=9", "3^9 = 19683" },
                  { "rbm.representation=probability", "rbm.hidden=12", NULL },
                  { "rbm.representation=probability", "rbm.hidden=13", "2^13 = 8192" },
                  { "rbm.representation=amplitude", "rbm.hidden=2000", "3^2000 = inf" } };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct settings settings;
        struct ensemble ensemble;
        struct error error = { 0 };
        const char *const overrides[] = { cases[k].representation, cases[k].hidden, "sampler.method=exact",
                                          "sampler.walkers=32", NULL };
        model_settings(&settings, &oracle_set_find("amplitude-2p2d")->rbm, overrides);
        const bool built = ensemble_build(&ensemble, &settings, 1, &error);
        assert_true(built == !cases[k].count);
        if (cases[k].count) {
            assert_int_equal(error.kind, ERROR_CONFIG);
            assert_non_null(strstr(error.text, cases[k].count));
        } else
            ensemble_finish(&ensemble);
        error_clear(&error);
        settings_finish(&settings);
    }
}

// ---- momentum diffusion, written a second time for one walker after the other

enum { COORDINATES = 4, STEPS = 20 };
struct naive {
    double x[COORDINATES], p[COORDINATES], best[COORDINATES], u, h, start, key;
};

// -ln |psi|^2 / T, by the oracle, at so many widths of the trap
static double potential(const struct oracle_rbm *rbm, double temperature, const double *x, double reach,
                        const double *side)
{
    long double place[COORDINATES];
    for (size_t i = 0; i < COORDINATES; i++)
        place[i] = sqrt(0.5 / rbm->omega[i % 2]) * (x[i] + (side ? reach * side[i * WALKERS] : 0));
    return (double)(-2 * oracle_log_psi(rbm, place) / temperature);
}

static double energy(const struct naive *walker)
{
    double sum = walker->u;
    for (size_t i = 0; i < COORDINATES; i++)
        sum += 0.5 * walker->p[i] * walker->p[i];
    return sum;
}

static void consider(struct naive *walker, double uniform)
{
    const double off = (walker->h - walker->start) / 4, key = -log(-log(uniform)) - off * off - walker->u;
    if (key > walker->key) {
        walker->key = key;
        memcpy(walker->best, walker->x, sizeof walker->x);
    }
}

// Of the 32 walkers of a block from their places and the same random numbers; returns how often a step was taken back.
static size_t diffuse(const struct oracle_rbm *rbm, double temperature, uint64_t *random, struct naive *walkers)
{
    _Alignas(64) double one[WALKERS], drawn[COORDINATES * WALKERS], sides[2 * COORDINATES * WALKERS],
        again[COORDINATES * WALKERS];
    size_t backs = 0;
    rng_normals(random, COORDINATES, drawn);
    for (size_t w = 0; w < WALKERS; w++) {
        struct naive *walker = &walkers[w];
        for (size_t i = 0; i < COORDINATES; i++)
            walker->p[i] = drawn[i * WALKERS + w];
        walker->u = potential(rbm, temperature, walker->x, 0, NULL);
        walker->start = walker->h = energy(walker);
        walker->key = -INFINITY;
    }
    for (size_t step = 0; step < STEPS; step++) {
        rng_uniforms(random, 1, one);
        for (size_t d = 0; d < 2; d++)
            rng_uniforms(random, COORDINATES, sides + d * COORDINATES * WALKERS);
        for (size_t k = 0; k < 2 * COORDINATES * WALKERS; k++)
            sides[k] = sides[k] > 0.5 ? 1 : -1;
        rng_normals(random, COORDINATES, drawn);
        rng_normals(random, COORDINATES, again);
        for (size_t w = 0; w < WALKERS; w++) {
            struct naive *walker = &walkers[w], before;
            double slope[COORDINATES] = { 0 };
            consider(walker, one[w]);
            before = *walker;
            for (size_t d = 0; d < 2; d++) {
                const double *side = sides + d * COORDINATES * WALKERS + w,
                             rise = potential(rbm, temperature, walker->x, 0.2, side) -
                                    potential(rbm, temperature, walker->x, -0.2, side);
                for (size_t i = 0; i < COORDINATES; i++)
                    slope[i] += rise * side[i * WALKERS] / (2 * 0.2) / 2;
            }
            const double brake = fmax(-0.5, fmin(0.5, -0.2 * (walker->h - walker->start) / (COORDINATES / 2)));
            for (size_t i = 0; i < COORDINATES; i++) {
                walker->p[i] += brake * walker->p[i] - 0.2 * slope[i] + 0.3 * sqrt(0.2) * drawn[i * WALKERS + w];
                walker->x[i] += 0.2 * walker->p[i];
            }
            walker->u = potential(rbm, temperature, walker->x, 0, NULL);
            walker->h = energy(walker);
            if (!(fabs(walker->h - before.h) <= 4)) {
                memcpy(walker->x, before.x, sizeof walker->x);
                walker->u = before.u;
                for (size_t i = 0; i < COORDINATES; i++)
                    walker->p[i] = again[i * WALKERS + w];
                walker->h = energy(walker);
                backs++;
            }
        }
    }
    rng_uniforms(random, 1, one);
    for (size_t w = 0; w < WALKERS; w++)
        consider(&walkers[w], one[w]);
    return backs;
}

static void test_diffusion(void **state)
{
    (void)state;
    static const double temperatures[] = { 1, 0.25 };
    for (size_t t = 0; t < 2; t++) {
        const struct oracle_rbm *rbm = &oracle_set_find("amplitude-2p2d")->rbm;
        struct model model;
        struct naive walkers[WALKERS];
        _Alignas(64) uint64_t random[RNG_ROWS * WALKERS];
        model_build(&model, rbm, (const char *const[]){ "sampler.walkers=32", NULL }, 1);
        const struct wavefunction *wavefunction = &model.ensemble.wavefunction;
        const size_t frame = wavefunction->n_rows * WALKERS * sizeof(double);
        struct block block = { .current = aligned_alloc(64, frame),
                               .trial = aligned_alloc(64, frame),
                               .random = random };
        double *scratch = aligned_alloc(64, sampler_diffusion_rows(wavefunction) * WALKERS * sizeof *scratch),
               worst = 0;
        memcpy(block.current, model.ensemble.block[0].current, frame);
        rng_start_block(random, 4, 0);
        for (size_t w = 0; w < WALKERS; w++)
            for (size_t i = 0; i < COORDINATES; i++)
                walkers[w].x[i] = block.current[i * WALKERS + w] / sqrt(0.5 / rbm->omega[i % 2]);
        const size_t backs = diffuse(rbm, temperatures[t], random, walkers);
        rng_start_block(random, 4, 0);
        sampler_diffuse(wavefunction, temperatures[t], &block, scratch);
        for (size_t w = 0; w < WALKERS; w++)
            for (size_t i = 0; i < COORDINATES; i++)
                worst = fmax(worst,
                             fabs(block.current[i * WALKERS + w] - sqrt(0.5 / rbm->omega[i % 2]) * walkers[w].best[i]));
        print_message("temperature %g: %zu of %d steps taken back, off by %.1e at most\n", temperatures[t], backs,
                      STEPS * WALKERS, worst);
        assert_true(worst < 1e-8 && (t == 0 || backs > 20));
        free(block.current);
        free(block.trial);
        free(scratch);
        model_finish(&model);
    }
}

// In training widths and step of hmc follow slowly: a twentieth of every square is new, and ln step goes by a fifth of
// what acceptance is off 0.8.
static void test_lesson_in_training(void **state)
{
    (void)state;
    struct model model;
    model_build(&model, &oracle_set_find("amplitude-2p2d")->rbm,
                (const char *const[]){ "sampler.method=hmc", "sampler.walkers=32", NULL }, 1);
    const struct ensemble *ensemble = &model.ensemble;
    double widths[64] = { 2, 0.5, 3, 1 };
    const double squares[4] = { 1, 9, INFINITY, 1 }, mean[4] = { 0 };
    struct sampler_rung rung = { .step = 0.2, .temperature = 1, .numbers = widths };
    ensemble->sampler->learn(ensemble->sampler_state,
                             &(struct sampler_lesson){ 4, 0.6, mean, squares, .progress = NAN, .tune = true }, &rung);
    assert_true(fabs(widths[0] - sqrt(0.95 * 4 + 0.05)) < 1e-14 && fabs(widths[1] - sqrt(0.95 / 4 + 0.45)) < 1e-14);
    assert_true(widths[2] == 3 && fabs(widths[3] - 1) < 1e-14);
    assert_true(fabs(rung.step - 0.2 * exp(-0.04)) < 1e-14);
    model_finish(&model);
}

// After an exchange neither frame is taken for more than either was: gradient, caches, and no rounding that updates
// left.
static void test_exchanged_frames(void **state)
{
    (void)state;
    struct model model;
    model_build(&model, &oracle_set_find("amplitude-2p2d")->rbm,
                (const char *const[]){ "sampler.method=metropolis", "sampler.walkers=64", NULL }, 1);
    struct block *const cold = &model.ensemble.block[0], *const hot = &model.ensemble.block[1];
    for (unsigned k = 0; k < 64; k++) {
        const bool a[3] = { k & 1, k & 2, k & 4 }, b[3] = { k & 8, k & 16, k & 32 };
        cold->evaluated = a[0], cold->movable = a[1], cold->updated = a[2];
        hot->evaluated = b[0], hot->movable = b[1], hot->updated = b[2];
        // equal temperatures: all change places
        const size_t swapped = sampler_swap(&model.ensemble.wavefunction, (const double[]){ 1, 1 }, cold, hot);
        assert_int_equal(swapped, WALKERS);
        for (const struct block *block = cold; block <= hot; block++) {
            assert_int_equal(block->evaluated, a[0] && b[0]);
            assert_int_equal(block->movable, a[1] && b[1]);
            assert_int_equal(block->updated, a[2] || b[2]);
        }
    }
    model_finish(&model);
}

// Weights of terms that overflow: a trial of the optimiser that only the exact sampler has to refuse.
static void test_weights_that_overflow(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        bool takes;
    } rows[] = { { "sampler.method=exact", false }, { "sampler.method=metropolis", true } };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        struct model model;
        const struct oracle_rbm *rbm = &oracle_set_find("amplitude-2p2d")->rbm;
        model_build(&model, rbm, (const char *const[]){ "system.interaction=none", rows[k].method, NULL }, 1);
        for (size_t i = 0; i < model.ensemble.wavefunction.n_parameters; i++)
            model.theta[i] = 3e153;  // squared it is a number, and sums of several squares are none
        assert_int_equal(ensemble_take(&model.ensemble, model.theta), rows[k].takes);
        model_finish(&model);
    }
}

int main(int argc, char **argv)
{
    few = argc > 1 && strcmp(argv[1], "few") == 0;
    if (argc > 1 && !few)
        target_error = strtod(argv[1], NULL);
    if (argc > 2)
        only_sets = argv[2];
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_samplers),
                                        cmocka_unit_test(test_tuned_step),
                                        cmocka_unit_test(test_widths),
                                        cmocka_unit_test(test_divergences),
                                        cmocka_unit_test(test_independent),
                                        cmocka_unit_test(test_refused),
                                        cmocka_unit_test(test_lengths),
                                        cmocka_unit_test(test_lesson_in_training),
                                        cmocka_unit_test(test_diffusion),
                                        cmocka_unit_test(test_exchanged_frames),
                                        cmocka_unit_test(test_weights_that_overflow) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
