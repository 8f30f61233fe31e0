// SPDX-License-Identifier: GPL-3.0-or-later
// What a run yielded, word by word: every line of the summary, with what makes it appear and what does not, from both
// sides of each bound; and the same as JSON.
#include "cli/json.h"
#include "cli/summary.h"
#include "vmc/settings.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct scene {
    struct config config;
    struct settings settings;
    struct run_result result;
    struct cli_summary summary;
    struct reference_match known[2];
};

// Two bosons in a plane, ten iterations, 6,400 samples of 64 walkers.
static void begin(struct scene *scene, const char *more)
{
    char text[400];
    struct error error = { 0 };
    *scene = (struct scene){ 0 };
    snprintf(text, sizeof text, "[system]\nparticles = 2\ndimensions = 2\n%s", more);
    assert_true(config_parse(&scene->config, "f.ini", text, strlen(text), &error));
    if (!settings_build(&scene->settings, &scene->config, &error, NULL))
        fail_msg("%s", error.text);
    scene->settings.sampler.walkers = 64;
    scene->result = (struct run_result){ .energy = 3.1,
                                         .energy_error = 0.01,
                                         .variance = 0.25,
                                         .estimator_variance = NAN,
                                         .kinetic = 1.5,
                                         .kinetic_error = 0.02,
                                         .trap = NAN,
                                         .pair = NAN,
                                         .virial_ratio = NAN,
                                         .acceptance = 0.5,
                                         .autocorrelation_time = 2,
                                         .effective_samples = 123456.7,
                                         .r_hat = NAN,
                                         .swap_acceptance = NAN,
                                         .iterations = 10,
                                         .training_gain = NAN,
                                         .n_samples = 6400,
                                         .stop_reason = "done",
                                         .plateau = true,
                                         .wall_time = 2,
                                         .cpu_time = 3 };
    scene->summary = (struct cli_summary){ .settings = &scene->settings,
                                           .result = &scene->result,
                                           .output = "o.h5",
                                           .status = "complete",
                                           .threads = 2,
                                           .threads_in_all = 2,
                                           .ranks = 1,
                                           .known = scene->known };
}

static void end(struct scene *scene)
{
    settings_finish(&scene->settings);
    config_finish(&scene->config);
}

static void expect_text(const struct scene *scene, const char *expected)
{
    char *text = cli_summary_text(&scene->summary, 200);
    assert_string_equal(text, expected);
    free(text);
}

// Whether the line is there, alone on it.
static void expect_line(const struct scene *scene, bool there, const char *line)
{
    char *text = cli_summary_text(&scene->summary, 400), whole[600];
    snprintf(whole, sizeof whole, "%s\n", line);
    const char *found = strstr(text, whole);
    if ((found && (found == text || found[-1] == '\n')) != there)
        fail_msg("\"%s\" should%s be in\n%s", line, there ? "" : " not", text);
    free(text);
}

static void test_whole(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "");
    expect_text(&scene,
                "system                2 bosons in 2 dimensions, or two electrons in their singlet: the same wave "
                "function\n"
                "energy                3.100(10) hbar omega_0\n"
                "variance              0.25 (hbar omega_0)^2\n"
                "kinetic energy        1.50(2) hbar omega_0\n"
                "acceptance            0.5\n"
                "autocorrelation time  2 draws\n"
                "effective samples     123457\n"
                "training              10 iterations; done\n"
                "wall time             2 s\n"
                "CPU time              3 s\n"
                "threads               2\n"
                "results               o.h5\n");
    scene.summary.output = NULL;
    expect_line(&scene, true, "results               not saved under the name asked for");
    scene.result.effective_samples = 99999;
    expect_line(&scene, true, "effective samples     99999");
    scene.result.effective_samples = 1e5;
    expect_line(&scene, true, "effective samples     100000");
    scene.result.effective_samples = 1e15;
    expect_line(&scene, true, "effective samples     1e+15");
    end(&scene);
    begin(&scene, "statistics = fermions\ninteraction = coulomb\n[wavefunction]\nfactors = slater\n");
    expect_line(&scene, true, "system                2 fermions in 2 dimensions, 1 with spin up");
    end(&scene);
}

static void test_systems(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "");
    scene.settings.system.particles = 1;
    expect_line(&scene, true, "system                1 boson in 2 dimensions");
    scene.settings.system.dimensions = 1;
    expect_line(&scene, true, "system                1 boson in 1 dimension");
    scene.settings.system.particles = 3;
    expect_line(&scene, true, "system                3 bosons in 1 dimension");
    end(&scene);
}

static void test_training(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "");
    scene.result.steps_back = 1;
    expect_line(&scene, true, "training              10 iterations; done; 1 training step undone");
    scene.result.steps_back = 2;
    expect_line(&scene, true, "training              10 iterations; done; 2 training steps undone");
    scene.result.steps_back = 0;
    scene.result.iterations = 1;
    scene.result.stop_reason = NULL;
    expect_line(&scene, true, "training              1 iteration");
    scene.result.training_gain = 0.001;
    scene.result.training_gain_error = NAN;
    expect_line(&scene, false, "still to gain         at most 0.001 hbar omega_0 in as many iterations again");
    scene.result.training_gain_error = 0.0005;
    expect_line(&scene, true, "still to gain         at most 0.002 hbar omega_0 in as many iterations again");
    scene.result.iterations = 0;
    scene.result.stop_reason = "nothing to train";
    expect_line(&scene, false, "still to gain         at most 0.002 hbar omega_0 in as many iterations again");
    expect_line(&scene, false, "training              nothing to train");
    scene.result.converged = 1;
    expect_line(&scene, true, "training              nothing to train");
    scene.result.stop_reason = NULL;
    expect_line(&scene, false, "training              ");
    scene.result.n_bad_training = 3;
    expect_line(&scene, true, "in training           3 samples were not finite and are left out");
    scene.result.n_bad = 4;
    expect_line(&scene, true, "caution               4 of 6400 samples were not finite and are left out");
    scene.result.n_bad = scene.result.n_bad_training = 0;
    expect_line(&scene, false, "in training           0 samples were not finite and are left out");
    expect_line(&scene, false, "caution               0 of 6400 samples were not finite and are left out");
    end(&scene);
}

// 100 draws of each walker: sure where they are 50 autocorrelation times.
static void test_cautions(void **state)
{
    (void)state;
    static const char few[] =
        "caution               too few draws for a sure error bar, which may be too small; raise measure.samples";
    struct scene scene;
    begin(&scene, "");
    scene.result.plateau = false;
    expect_line(&scene, false, few);
    scene.result.autocorrelation_time = 2.01;
    expect_line(&scene, true, few);
    scene.result.autocorrelation_time = NAN;
    expect_line(&scene, true, few);
    scene.result.energy_error = 0;
    expect_line(&scene, false, few);
    scene.result.energy_error = 0.01;
    scene.result.plateau = true;
    expect_line(&scene, false, few);
    scene.result.plateau = false;
    scene.result.judgement.verdict = VERDICT_BAD;
    expect_line(&scene, false, few);
    expect_line(&scene, true, "verdict               bad");
    scene.result.judgement.n = 2;
    scene.result.judgement.finding[0].verdict = VERDICT_BAD;
    scene.result.judgement.finding[1].verdict = VERDICT_DOUBTFUL;
    scene.result.judgement.finding[0].name = "a";
    scene.result.judgement.finding[1].name = "b";
    strcpy(scene.result.judgement.finding[0].what, "first");
    strcpy(scene.result.judgement.finding[1].what, "second");
    scene.result.judgement.finding[0].remedy = "do this";
    scene.result.judgement.finding[1].remedy = "do that";
    expect_line(&scene, true, "bad                   a: first; do this");
    expect_line(&scene, true, "doubtful              b: second; do that");
    scene.result.judgement.verdict = VERDICT_NONE;
    expect_line(&scene, false, "bad                   a: first; do this");
    static const char bound[] = "caution               the energy is no upper bound: a factor is not symmetric under "
                                "exchange of fermions with the same spin";
    expect_line(&scene, false, bound);
    scene.result.no_bound = true;
    expect_line(&scene, true, bound);
    end(&scene);
}

static void test_known(void **state)
{
    (void)state;
    static const struct {
        struct reference_match known;
        double energy, error;
        const char *line;
    } cases[] = {
        { { .kind = REFERENCE_EXACT, .value = 3, .uncertainty = NAN },
          3.029,
          0.01,
          "exact value           3; this run agrees within 2.9 standard errors (no source)" },
        { { .kind = REFERENCE_EXACT, .value = 3, .uncertainty = NAN },
          3.031,
          0.01,
          "exact value           3; this run is 0.031(10) above (no source)" },
        { { .kind = REFERENCE_EXACT, .value = 3, .uncertainty = NAN },
          2.969,
          0.01,
          "exact value           3; this run is 0.031(10) below (no source)" },
        { { .kind = REFERENCE_EXACT, .value = 3, .uncertainty = NAN },
          3,
          0.01,
          "exact value           3; this run agrees within 0.1 standard errors (no source)" },
        { { .kind = REFERENCE_EXACT, .value = 3, .uncertainty = NAN },
          3,
          0,
          "exact value           3; this run is 0 above (no source)" },
        { { .kind = REFERENCE_EXACT, .value = 3, .uncertainty = NAN },
          NAN,
          0.01,
          "exact value           3; this run has measured nothing yet (no source)" },
        // errors of both add up in squares: 0.05
        { { .kind = REFERENCE_LITERATURE, .value = 3, .uncertainty = 0.04, .ansatz = "dmc", .source = "Who" },
          3.099,
          0.03,
          "published value       3.00(4); this run agrees within 2.0 standard errors (dmc; Who)" },
        { { .kind = REFERENCE_FIXED_PARAMETER, .value = 3, .uncertainty = NAN, .source = "Who" },
          3.1,
          0.01,
          "value of ansatz       3; this run is 0.100(10) above (Who)" },
        { { .kind = REFERENCE_MINIMUM, .value = 3, .uncertainty = NAN, .ansatz = "rbm" },
          3.1,
          0.01,
          "minimum of ansatz     3; this run is 0.100(10) above (rbm; no source)" },
        { { .kind = REFERENCE_MINIMUM, .value = 3, .uncertainty = NAN, .upper_bound = true },
          3.1,
          0.01,
          "best known of ansatz  3; this run is 0.100(10) above (no source)" },
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct scene scene;
        begin(&scene, "");
        scene.known[0] = cases[k].known;
        scene.summary.n_known = 1;
        scene.result.energy = cases[k].energy;
        scene.result.energy_error = cases[k].error;
        expect_line(&scene, true, cases[k].line);
        end(&scene);
    }
}

// Above a minimum by more than ten standard errors, and by more than three in a thousand.
static void test_above_minimum(void **state)
{
    (void)state;
    static const struct {
        double energy, error, iterations;
        enum reference_kind kind;
        const char *above, *errors;  // NULL: no word of it
    } cases[] = {
        { 3.1, 0.0099, 10, REFERENCE_MINIMUM, "0.1", "10" },     { 3.1, 0.0101, 10, REFERENCE_MINIMUM, NULL, NULL },
        { 3.0091, 1e-4, 10, REFERENCE_MINIMUM, "0.0091", "91" }, { 3.0089, 1e-4, 10, REFERENCE_MINIMUM, NULL, NULL },
        { 3.1, 0.005, 0, REFERENCE_MINIMUM, NULL, NULL },        { 3.1, 0.005, 1, REFERENCE_MINIMUM, "0.1", "20" },
        { 2.9, 0.005, 10, REFERENCE_MINIMUM, NULL, NULL },       { 3.1, 0.005, 10, REFERENCE_EXACT, NULL, NULL },
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct scene scene;
        char line[400];
        begin(&scene, "");
        scene.known[0] = (struct reference_match){ .kind = REFERENCE_EXACT, .value = 2, .uncertainty = NAN };
        scene.known[1] = (struct reference_match){ .kind = cases[k].kind, .value = 3, .uncertainty = NAN };
        scene.summary.n_known = 2;
        scene.result.energy = cases[k].energy;
        scene.result.energy_error = cases[k].error;
        scene.result.iterations = cases[k].iterations;
        snprintf(
            line, sizeof line,
            "caution               the energy lies %s above the minimum of ansatz, %s standard errors: training has "
            "not reached it; allow more optimizer.iterations, or begin from another run.seed",
            cases[k].above ? cases[k].above : "", cases[k].errors ? cases[k].errors : "");
        if (cases[k].above)
            expect_line(&scene, true, line);
        else {
            char *text = cli_summary_text(&scene.summary, 400);
            assert_null(strstr(text, "training has not reached it"));
            free(text);
        }
        end(&scene);
    }
}

static void test_threads(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "");
    scene.summary.threads_reason = "as told";
    expect_line(&scene, true, "threads               2 (as told)");
    scene.summary.mpi = "Some MPI";
    scene.summary.ranks = 3;
    scene.summary.threads_in_all = 6;
    expect_line(&scene, true, "ranks                 3 (Some MPI)");
    expect_line(&scene, true, "threads               2 per rank (as told)");
    scene.summary.threads_in_all = 5;
    expect_line(&scene, true, "threads               5 in all (as told)");
    scene.summary.threads = 0;
    expect_line(&scene, false, "threads               5 in all (as told)");
    end(&scene);
}

static void test_divergences(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "[sampler]\nmethod = hmc\nthin = 3\n");
    scene.result.divergences = 7;
    expect_line(&scene, true, "divergences           7 of 19200 trajectories");
    end(&scene);
}

static void test_estimate(void **state)
{
    (void)state;
    struct run_estimate estimate = { .memory = 3e6,
                                     .memory_per_walker = 400,
                                     .file_size = 2e6,
                                     .iteration_time = 0.5,
                                     .draw_time = 0.25,
                                     .cpu_time = 100,
                                     .wall_time = 50,
                                     .n_parameters = 9,
                                     .walkers = 64,
                                     .iterations = 20,
                                     .draws = 100 };
    char *text = cli_estimate_text(&estimate, 1);
    assert_string_equal(text,
                        "configuration         valid\n"
                        "parameters            9\n"
                        "walkers               64\n"
                        "memory                3.0 MB (400 B per walker)\n"
                        "results file          at most 2.0 MB\n"
                        "per iteration         0.5 s of CPU time, 20 iterations at most\n"
                        "per draw              0.25 s of CPU time, 100 draws per walker\n"
                        "in all                at most 1 min 40 s of CPU time, and 50 s by the clock on 1 thread\n");
    free(text);
    estimate.iteration_time = NAN;
    text = cli_estimate_text(&estimate, 2);
    assert_null(strstr(text, "per iteration"));
    assert_non_null(strstr(text, "by the clock on 2 threads\n"));
    free(text);
}

static void test_json(void **state)
{
    (void)state;
    struct scene scene;
    begin(&scene, "");
    scene.summary.n_known = 2;
    scene.known[0] = (struct reference_match){
        .kind = REFERENCE_MINIMUM, .value = 3, .uncertainty = 0.5, .upper_bound = true, .ansatz = "rbm", .source = "Who"
    };
    scene.known[1] = (struct reference_match){ .kind = REFERENCE_EXACT, .value = 0.1, .uncertainty = NAN };
    char *text = cli_summary_json(&scene.summary);
    static const char *const there[] = {
        "\n  \"status\": \"complete\",",
        "\n  \"config\": null,",
        "\n  \"output\": \"o.h5\",",
        "\n  \"threads\": 2,",
        "\n  \"ranks\": 1,",
        "\n  \"energy\": 3.1,",
        "\n  \"trap\": null,",
        "\n  \"iterations\": 10,",
        "\n  \"plateau\": true,",
        "\n  \"stop_reason\": \"done\",",
        "\n  \"training_end\": null,",
        "\n  \"verdict\": null,",
        "\n  \"known\": [\n    { \"kind\": \"minimum\", \"value\": 3, \"uncertainty\": 0.5, \"upper_bound\": true, "
        "\"ansatz\": \"rbm\", \"source\": \"Who\" },\n    { \"kind\": \"exact\", \"value\": 0.1, \"uncertainty\": "
        "null, "
        "\"upper_bound\": false, \"ansatz\": null, \"source\": \"\" }\n  ]\n}\n",
    };
    for (size_t k = 0; k < sizeof there / sizeof *there; k++)
        if (!strstr(text, there[k]))
            fail_msg("no %s in %s", there[k], text);
    free(text);
    scene.summary.n_known = 0;
    scene.result.plateau = false;
    scene.result.judgement.verdict = VERDICT_GOOD;
    text = cli_summary_json(&scene.summary);
    assert_non_null(strstr(text, "\n  \"plateau\": false,"));
    assert_non_null(strstr(text, "\n  \"verdict\": \"good\","));
    assert_non_null(strstr(text, "\n  \"known\": []\n}\n"));
    free(text);
    end(&scene);
}

static void test_json_parts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *json;
    } strings[] = { { "", "\"\"" },
                    { "a \"b\" \\c", "\"a \\\"b\\\" \\\\c\"" },
                    { "\n\x1f \x7f~", "\"\\u000a\\u001f \\u007f~\"" },
                    { "\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e.", "\"\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e.\"" },
                    { "\xc3", "\"\\ufffd\"" },
                    { "\xe2\x82", "\"\\ufffd\\ufffd\"" },
                    { "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" } };
    static const struct {
        double value;
        bool whole;
        const char *json;
    } numbers[] = { { 0.1, false, "0.1" },
                    { 1.0 / 3, false, "0.3333333333333333" },
                    { 0.1 + 0.2, false, "0.30000000000000004" },
                    { 1e20, false, "1e+20" },
                    { 1e17, true, "100000000000000000" },
                    { 1e17, false, "1e+17" },
                    { -1e17, true, "-100000000000000000" },
                    { 1e18, true, "1e+18" },
                    { NAN, true, "null" },
                    { -INFINITY, false, "null" } };
    char out[100];
    for (size_t k = 0; k < sizeof strings / sizeof *strings; k++) {
        FILE *file = fmemopen(out, sizeof out, "w");
        cli_json_string(file, strings[k].text);
        fclose(file);
        assert_string_equal(out, strings[k].json);
    }
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
        FILE *file = fmemopen(out, sizeof out, "w");
        cli_json_number(file, numbers[k].value, numbers[k].whole);
        fclose(file);
        assert_string_equal(out, numbers[k].json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),    cmocka_unit_test(test_systems),     cmocka_unit_test(test_training),
        cmocka_unit_test(test_cautions), cmocka_unit_test(test_known),       cmocka_unit_test(test_above_minimum),
        cmocka_unit_test(test_threads),  cmocka_unit_test(test_divergences), cmocka_unit_test(test_estimate),
        cmocka_unit_test(test_json),     cmocka_unit_test(test_json_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
