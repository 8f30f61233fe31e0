// SPDX-License-Identifier: GPL-3.0-or-later
// The [sweep] section: which points it makes, what each of them is, and every way to get it wrong.
#include "vmc/settings.h"
#include "vmc/sweep.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char base[] = "[system]\nparticles = 2\ndimensions = 2\n";

struct outcome {
    struct config config;
    struct sweep sweep;
    struct error error, notes;
    bool good;
};

static void take(struct outcome *outcome, const char *text, const char *set)
{
    *outcome = (struct outcome){ .good = false };
    bool read = config_parse(&outcome->config, "f.ini", text, strlen(text), &outcome->error);
    if (set)
        assert_true(config_set(&outcome->config, set, &outcome->error));
    outcome->good = sweep_read(&outcome->sweep, &outcome->config, &outcome->error) && read &&
                    sweep_check(&outcome->sweep, &outcome->config, &outcome->error, &outcome->notes);
}

static void finish(struct outcome *outcome)
{
    sweep_finish(&outcome->sweep);
    assert_true(outcome->sweep.n_axes == 0 && outcome->sweep.n_points == 0);
    config_finish(&outcome->config);
    error_clear(&outcome->error);
    error_clear(&outcome->notes);
}

static void start(struct outcome *outcome, const char *section, const char *set)
{
    char text[4000];
    snprintf(text, sizeof text, "%s%s", base, section);
    take(outcome, text, set);
    if (!outcome->good)
        fail_msg("%s\n-> %s", text, outcome->error.text);
}

static struct settings settings_of(const struct outcome *outcome, size_t point)
{
    struct config config;
    struct settings settings;
    struct error error = { 0 };
    assert_true(sweep_point(&outcome->sweep, &outcome->config, point, &config, &error));
    assert_true(settings_build(&settings, &config, &error, NULL));
    config_finish(&config);
    return settings;
}

static void product_with_the_last_key_fastest(void **unused)
{
    struct outcome outcome;
    (void)unused;
    start(&outcome, "[sweep]\nsystem.omega = 0.5 | 1 | 2\nsampler.walkers = 32:128:4\n", NULL);
    assert_int_equal(outcome.sweep.n_points, 12);
    for (size_t k = 0; k < 12; k++) {
        static const double omega[] = { 0.5, 1, 2 };
        struct settings settings = settings_of(&outcome, k);
        assert_true(settings.system.omega[0] == omega[k / 4]);
        assert_int_equal(settings.sampler.walkers, 32 + 32 * (k % 4));
        assert_int_equal(settings.run.seed, 1 + k);
        settings_finish(&settings);
    }
    finish(&outcome);
}

static void ranges(void **unused)
{
    static const struct {
        const char *text, *values;
    } cases[] = { { "0.1:0.5:5", "0.1 0.2 0.3 0.4 0.5" },
                  { "1:2:2", "1 2" },
                  { "2:1:3", "2 1.5 1" },
                  { "0.3333333333333333:1:3", "0.3333333333333333 0.666666666667 1" },
                  { "1e-3:1e-2:4 | 7", "0.001 0.004 0.007 0.01 7" },
                  { "5", "5" } };
    (void)unused;
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct outcome outcome;
        char section[200], values[200] = "";
        snprintf(section, sizeof section, "[sweep]\nsystem.omega = %s\n", cases[k].text);
        start(&outcome, section, NULL);
        for (size_t j = 0; j < outcome.sweep.n_points; j++) {
            strcat(values, j > 0 ? " " : "");
            strcat(values, sweep_value(&outcome.sweep, 0, j));
        }
        assert_string_equal(values, cases[k].values);
        finish(&outcome);
    }
}

static void seeds(void **unused)
{
    struct outcome outcome;
    (void)unused;
    start(&outcome, "[run]\nseed = 40\n[sweep]\nsystem.omega = 1 | 2 | 3\n", NULL);
    struct settings settings = settings_of(&outcome, 2);
    assert_int_equal(settings.run.seed, 42);
    settings_finish(&settings);
    finish(&outcome);

    start(&outcome, "[sweep]\nsystem.omega = 1 | 2\nrun.seed = 7 | 9\n", NULL);
    settings = settings_of(&outcome, 3);
    assert_int_equal(settings.run.seed, 9);
    settings_finish(&settings);
    finish(&outcome);

    start(&outcome, "[sweep]\nsystem.omega = 1 | 2 | 3\n", "run.seed=18446744073709551615");
    settings = settings_of(&outcome, 2);
    assert_true(settings.run.seed == 1);  // round the end
    settings_finish(&settings);
    finish(&outcome);
}

static void overrides(void **unused)
{
    struct outcome outcome;
    (void)unused;
    start(&outcome, "[sweep]\nsystem.omega = 1 | 2\n", "sweep.system.omega=1:3:3");
    assert_int_equal(outcome.sweep.n_points, 3);
    finish(&outcome);
    start(&outcome, "", "sweep.system.omega=1|2");
    assert_true(sweep_asked(&outcome.config) && outcome.sweep.n_points == 2);
    finish(&outcome);
    take(&outcome, "[system]\nparticles = 2\ndimensions = 2\n[sweep]\nsystem.omega = 1 | 2\n", "system.omega=3");
    assert_false(outcome.good);
    assert_string_equal(outcome.error.text,
                        "--set: [system] omega: this key is swept; change the sweep with --set sweep.system.omega=...");
    finish(&outcome);
    take(&outcome, base, NULL);
    assert_false(sweep_asked(&outcome.config));
    finish(&outcome);
}

static void required_keys_may_be_swept(void **unused)
{
    struct outcome outcome;
    (void)unused;
    take(&outcome, "[sweep]\nsystem.particles = 1 | 2\nsystem.dimensions = 1 | 3\n", NULL);
    assert_true(outcome.good);
    finish(&outcome);
}

// What a point does not use because the sweep chose otherwise is no mistake.
static void sections_of_other_points(void **unused)
{
    static const char *const sections[] = {
        "[gaussian]\nalpha = 2\n[sweep]\nwavefunction.factors = rbm | gaussian\n",
        "[sweep]\nwavefunction.factors = rbm | gaussian\ngaussian.alpha = 0.5 | 1\n",
        "[interaction]\nstrength = 2\nsoftening = 0.5\n[sweep]\nsystem.interaction = none | coulomb | soft-coulomb\n",
        "[sweep]\nsystem.interaction = none | coulomb | soft-coulomb\ninteraction.softening = 0.5 | 1\n"
    };
    (void)unused;
    for (size_t k = 0; k < sizeof sections / sizeof sections[0]; k++) {
        struct outcome outcome;
        start(&outcome, sections[k], NULL);
        finish(&outcome);
    }
}

static void mistakes(void **unused)
{
    static const struct {
        const char *section, *said;
    } cases[] = {
        { "[sweep]\n", "f.ini:4: [sweep]: no key to sweep" },
        { "[swep]\nsystem.omega = 1 | 2\n", "did you mean 'sweep'?" },
        { "[sweep]\nomega = 1 | 2\n",
          "f.ini:5: [sweep] omega: write section.key = v1 | v2 | ...; did you mean 'system.omega'?" },
        { "[sweep]\nsystem.omgea = 1 | 2\n",
          "f.ini:5: [system] omgea: there is no such key; allowed: particles, dimensions, omega, interaction, "
          "statistics, spin_up; did you mean 'omega'?" },
        { "[sweep]\nsytem.omega = 1 | 2\n", "f.ini:5: [sytem] omega: there is no such section" },
        { "[sweep]\nsystem.omega = 1 | -2\n",
          "f.ini:5: [system] omega: '-2' is out of range; allowed: one to 3 real numbers > 0" },
        { "[sweep]\nsampler.walkers = 32 | 50\n",
          "f.ini:5: [sampler] walkers: '50' is not a multiple of 32: take 32 or 64" },
        { "[sweep]\nrbm.hidden = 1:4:3\n", "f.ini:5: [rbm] hidden: '2.5' is not a whole number" },
        { "[sweep]\nsystem.omega = 1 |\n", "f.ini:5: [sweep] system.omega: a value is missing" },
        { "[sweep]\nwavefunction.load = a.h5 |;b.h5\n",
          "f.ini:5: [sweep] wavefunction.load: ';b.h5' would be read as a comment" },
        { "[sweep]\nsystem.omega = 1 | 2 | 1\n", "f.ini:5: [sweep] system.omega: '1' is given twice" },
        { "[sweep]\nsystem.omega = 1:x:3\n",
          "f.ini:5: [sweep] system.omega: '1:x:3' is not a range start:stop:count: stop: 'x' is not a number" },
        { "[sweep]\nsystem.omega = 1:2:1\n", "count: '1' is out of range; allowed: a whole number from 2 to 10000" },
        { "[sweep]\nsystem.omega = 1:2\n", "f.ini:5: [system] omega: '1:2' is not a number" },
        { "[sweep]\nsystem.omega = 1:2:200\nrbm.hidden = 1:51:51\n",
          "f.ini:6: [sweep] rbm.hidden: this key brings the sweep to more than 10000 points" },
        { "[sweep]\nsweep.system.omega = 1 | 2\n", "a sweep of a sweep" },
        { "[sweep]\nrbm.hidden = 2,4\n",
          "f.ini:5: [sweep] rbm.hidden: '2,4' has commas; separate the values of a sweep by |" },
        { "[sweep]\nsampler.method = metropolis, gibbs\n", "separate the values of a sweep by |" },
        { "[rbm]\nhidden = 2 | 4\n", "f.ini:5: [rbm] hidden: '2 | 4' is not a number; allowed: a whole number" },
        { "[rbm]\nhidden = 2 | 4\n", "; for several values write rbm.hidden = 2 | 4 in [sweep]" },
        { "[sweep]\nsystem.omega = 1 | -2 | 3\n", "separated by commas (point 1)" },
        { "[sweep]\nsystem.omega = 1 | -2\nrbm.hidden = 1 | 2\n", "(point 2 and 1 more)" },
        { "[sweep]\ngaussian.alpha = 1 | 2\n", "f.ini:5: [gaussian] alpha: the factor gaussian is not in use" },
        { "[gaussian]\nalpha = 1\n[sweep]\nsystem.omega = 1 | 2\n", "f.ini:4: [gaussian]: not in use" },
        { "[interaction]\nstrength = 1\n[sweep]\nsystem.omega = 1 | 2\n", "f.ini:4: [interaction]: not in use" }
    };
    (void)unused;
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct outcome outcome;
        char text[1000];
        snprintf(text, sizeof text, "%s%s", base, cases[k].section);
        take(&outcome, text, NULL);
        // "[swep]" alone is for settings_build: there is nothing to sweep
        if (!sweep_asked(&outcome.config)) {
            struct settings settings;
            error_clear(&outcome.error);
            assert_false(settings_build(&settings, &outcome.config, &outcome.error, NULL));
        }
        if (outcome.good || outcome.error.n_messages != 1 || !strstr(outcome.error.text, cases[k].said))
            fail_msg("%s\n-> %s\nexpected: %s", text, outcome.error.text ? outcome.error.text : "taken", cases[k].said);
        assert_int_equal(outcome.error.kind, ERROR_CONFIG);
        finish(&outcome);
    }
}

// Whatever the number of points that share it.
static void each_mistake_once(void **unused)
{
    struct outcome outcome;
    (void)unused;
    take(&outcome,
         "[system]\nparticles = 2\ndimensions = 2\nomgea = 1\n[sweep]\nrbm.hidden = 1 | 0.5 | 2\nsystem.omega = "
         "1:2:10\nsampler.thin = 1 | 0\n",
         NULL);
    assert_false(outcome.good);
    assert_int_equal(outcome.error.n_messages, 3);
    // what all points share names none of them
    assert_null(strstr(strtok(outcome.error.text, "\n"), "(point"));
    finish(&outcome);
    // nor does the only point there is
    take(&outcome, "[system]\nparticles = 2\ndimensions = 2\n[sweep]\nsystem.omega = -2\n", NULL);
    assert_false(outcome.good);
    assert_null(strstr(outcome.error.text, "(point"));
    finish(&outcome);
}

static void outputs(void **unused)
{
    char path[32];
    (void)unused;
    assert_true(sweep_output("a/b.c/x.h5", 7, path, sizeof path));
    assert_string_equal(path, "a/b.c/x-0007.h5");
    assert_true(sweep_output("a.b/x", 1234, path, sizeof path));
    assert_string_equal(path, "a.b/x-1234");
    assert_false(sweep_output("a-rather-long-name-for-a-file.h5", 0, path, sizeof path));
    assert_true(sweep_output("x.h5", 0, path, sizeof "x-0000.h5"));
    assert_false(sweep_output("x.h5", 0, path, sizeof "x-0000.h5" - 1));
    // what comes before the ending: names that are all ending have none
    static const struct {
        const char *path;
        size_t stem;
    } stems[] = { { "x.h5", 1 },    { "a.b/x", 5 }, { "a.b/x.y.h5", 7 }, { ".x", 2 },   { "a/.x", 4 },
                  { "a/.x.h5", 4 }, { "x.", 1 },    { "", 0 },           { "a.b/", 4 }, { "/x.h5", 2 } };
    for (size_t k = 0; k < sizeof stems / sizeof *stems; k++)
        assert_int_equal(sweep_stem(stems[k].path), stems[k].stem);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(product_with_the_last_key_fastest),
                                        cmocka_unit_test(ranges),
                                        cmocka_unit_test(seeds),
                                        cmocka_unit_test(overrides),
                                        cmocka_unit_test(required_keys_may_be_swept),
                                        cmocka_unit_test(sections_of_other_points),
                                        cmocka_unit_test(mistakes),
                                        cmocka_unit_test(each_mistake_once),
                                        cmocka_unit_test(outputs) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
