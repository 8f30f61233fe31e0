// SPDX-License-Identifier: GPL-3.0-or-later
// Training from a random start with nothing but the defaults of the optimiser: particles in a bare trap reach omega D P
// / 2, and the plain machine for two electrons in 2D its lowest energy, whichever sampler draws. First argument, if
// any: only the tests whose name holds it.
#include "support/model.h"

#include "vmc/run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct run_result train(const struct oracle_rbm *rbm, const char *const *overrides)
{
    struct settings settings;
    struct run_result result;
    struct error error = { 0 };
    model_settings(&settings, rbm, overrides);
    if (!run_execute(&settings, &(struct run_options){ .threads = 2 }, &result, &error))
        fail_msg("%s", error.text);
    settings_finish(&settings);
    return result;
}

// Within `slack` of the lowest energy, below it by no more than 4 errors (false alarms 3e-5 each, were the seeds not
// fixed), and precise enough to say so.
static bool arrived(const char *name, const struct run_result *result, double lowest, double slack, double error)
{
    const double off = result->energy - lowest;
    const bool good = fabs(off) < slack && off > -4 * result->energy_error - 1e-12 && result->energy_error < error;
    print_message("%-44s E = %.6f +- %.1e, lowest %.6f, off %+.1e; %.0f iterations (%s), %.1f s of CPU time%s\n", name,
                  result->energy, result->energy_error, lowest, off, result->iterations, result->stop_reason,
                  result->cpu_time, good ? "" : "  MISSED");
    return good;
}

static void test_trap(void **state)
{
    (void)state;
    static const size_t particles[] = { 1, 2, 10 };
    static const double omega[] = { 1, 0.5 };
    size_t missed = 0;
    for (size_t k = 0; k < 3; k++)
        for (size_t dimensions = 1; dimensions <= 3; dimensions++)
            for (size_t o = 0; o < 2; o++) {
                static const double zero[64];
                const double sigma[3] = { 1 / sqrt(omega[o]), 1 / sqrt(omega[o]), 1 / sqrt(omega[o]) };
                const struct oracle_rbm rbm = { .particles = particles[k],
                                                .dimensions = dimensions,
                                                .hidden = 2,
                                                .amplitude = 1,
                                                .envelope = true,
                                                .a = zero,
                                                .b = zero,
                                                .w = zero,
                                                .sigma = sigma,
                                                .omega = { omega[o], omega[o], omega[o] } };
                const double exact = 0.5 * omega[o] * (double)(particles[k] * dimensions);
                const struct run_result result = train(&rbm, (const char *const[]){ "measure.samples=2e5", NULL });
                char name[64];
                snprintf(name, sizeof name, "trap of %.1f, %zu particles in %zuD", omega[o], particles[k], dimensions);
                missed += !arrived(name, &result, exact, 1e-3 * exact, 1e-3 * exact);
            }
    assert_int_equal(missed, 0);
}

static void test_electrons(void **state)
{
    (void)state;
    static const char *const names[] = { "rbm-amp-s1-h2", "rbm-prob-s-h2" };
    static const char *const samplers[][2] = { { "sampler.method=metropolis", "sampler.move=particle" },
                                               { "sampler.method=metropolis", "sampler.move=all" },
                                               { "sampler.method=langevin", NULL },
                                               { "sampler.method=gibbs", NULL } };
    size_t missed = 0;
    for (size_t k = 0; k < 2; k++)
        for (size_t s = 0; s < 4; s++) {
            const struct oracle_optimum *optimum = oracle_optimum_find(names[k]);
            const char *const overrides[] = { "measure.samples=2e6", samplers[s][0], samplers[s][1], NULL };
            const struct run_result result = train(&optimum->rbm, overrides);
            char name[96];
            snprintf(name, sizeof name, "%s, %s %s", names[k], samplers[s][0] + 15,
                     samplers[s][1] ? samplers[s][1] + 13 : "");
            missed += !arrived(name, &result, optimum->energy, 1e-3, 5e-4);
        }
    assert_int_equal(missed, 0);
}

// Two electrons in the bare trap's Gaussian: E = 2 + <1/r> = 2 + sqrt(pi / 2), the distance being normal with variance
// 1 in both directions. An untrained machine is near it however many units it has.
static void test_start(void **state)
{
    (void)state;
    static const size_t hidden[] = { 1, 2, 30, 1000 };
    const double bare = 2 + sqrt(acos(0));
    size_t missed = 0;
    for (size_t k = 0; k < 4; k++)
        for (int amplitude = 0; amplitude < 2; amplitude++) {
            static const double zero[4000];
            const double sigma[3] = { amplitude > 0 ? 1 : sqrt(0.5), amplitude ? 1 : sqrt(0.5), 0 };
            const struct oracle_rbm rbm = { .particles = 2,
                                            .dimensions = 2,
                                            .hidden = hidden[k],
                                            .amplitude = amplitude,
                                            .envelope = true,
                                            .interaction = ORACLE_COULOMB,
                                            .strength = 1,
                                            .a = zero,
                                            .b = zero,
                                            .w = zero,
                                            .sigma = sigma,
                                            .omega = { 1, 1, 1 } };
            const struct run_result result = train(
                &rbm, (const char *const[]){ "optimizer.iterations=0", "measure.samples=1e5", NULL });
            print_message("%zu units, %s: starts at %.4f, bare trap %.4f\n", hidden[k],
                          amplitude ? "amplitude" : "probability", result.energy, bare);
            missed += fabs(result.energy - bare) < 0.03 * bare ? (size_t)0 : 1;
        }
    assert_int_equal(missed, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_start), cmocka_unit_test(test_trap),
                                        cmocka_unit_test(test_electrons) };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
