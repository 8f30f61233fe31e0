// SPDX-License-Identifier: GPL-3.0-or-later
// Binding a configuration to the tables: every key, every way to get one wrong.
#include "vmc/settings.h"
#include "vmc/wavefunction.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS_MOST = 64, SETS_MOST = 3 };

static const char base[] = "[system]\nparticles = 2\ndimensions = 2\n";

struct outcome {
    bool built;
    struct settings settings;
    struct error error, notes;
};

static struct outcome build(const char *text, const char *const *sets)
{
    struct outcome outcome = { .built = false };
    struct config config;
    bool read = config_parse(&config, "f.ini", text, strlen(text), &outcome.error);
    for (; sets && *sets; sets++)
        assert_true(config_set(&config, *sets, &outcome.error));
    outcome.built = settings_build(&outcome.settings, &config, &outcome.error, &outcome.notes) && read;
    config_finish(&config);
    return outcome;
}

static void finish(struct outcome *outcome)
{
    settings_finish(&outcome->settings);
    error_clear(&outcome->error);
    error_clear(&outcome->notes);
}

static void expect_error(const char *text, const char *const *sets, size_t n, const char *said)
{
    struct outcome outcome = build(text, sets);
    if (outcome.built || outcome.error.n_messages != n || !strstr(outcome.error.text, said))
        fail_msg("%s\n-> %s\nexpected %zu: %s", text, outcome.error.text ? outcome.error.text : "taken", n, said);
    assert_int_equal(outcome.error.kind, ERROR_CONFIG);
    finish(&outcome);
}

static void expect_note(const char *text, const char *const *sets, const char *said)
{
    struct outcome outcome = build(text, sets);
    if (!outcome.built)
        fail_msg("%s\n-> %s", text, outcome.error.text);
    if (said ? !outcome.notes.text || !strstr(outcome.notes.text, said) : outcome.notes.text != NULL)
        fail_msg("%s\n-> note %s", text, outcome.notes.text ? outcome.notes.text : "none");
    finish(&outcome);
}

#define SETS(...) \
    (const char *const[]) { __VA_ARGS__, NULL }

// `auto` in words means what it means as the default: in the file, by --set, and over another choice of the file.
static void auto_in_words_chooses(void **unused)
{
    static const struct {
        const char *text, *set, *method;
    } cases[] = {
        { "[system]\nparticles = 2\ndimensions = 2\n", "run.seed=1", "langevin" },
        { "[system]\nparticles = 2\ndimensions = 2\n[sampler]\nmethod = auto\n", "run.seed=1", "langevin" },
#define SMALL "[system]\nparticles = 6\ndimensions = 2\nstatistics = fermions\n[wavefunction]\nfactors = slater\n"
        { SMALL, "run.seed=1", "metropolis" },
        { SMALL, "slater.backflow=exponential", "langevin" },
        { "[system]\nparticles = 20\ndimensions = 3\ninteraction = hard-sphere\n[wavefunction]\nfactors = gaussian, "
          "hard-core\n",
          "sampler.method=auto", "langevin" },
        { "[system]\nparticles = 20\ndimensions = 2\n[sampler]\nmethod = gibbs\n", "sampler.method=auto", "hmc" },
#define BOSONS "[system]\nparticles = 13\ndimensions = 3\n"
        { BOSONS, "run.seed=1", "hmc" },
        { BOSONS, "wavefunction.factors=rbm", "hmc" },
        { BOSONS, "system.particles=12", "langevin" },
        { BOSONS, "sampler.move=particle", "metropolis" },
        { BOSONS, "sampler.proposal=normal", "metropolis" },
        { BOSONS, "sampler.step=0.1", "langevin" },
        { BOSONS, "rbm.sharing=environment", "langevin" },
        { BOSONS, "wavefunction.factors=gaussian", "metropolis" },
        { BOSONS, "wavefunction.factors=rbm, pade-jastrow", "metropolis" },
        { BOSONS, "wavefunction.factors=gaussian, rbm", "metropolis" },
#define DOT "[system]\nparticles = 20\ndimensions = 2\nstatistics = fermions\n[wavefunction]\nfactors = slater\n"
        { DOT, "run.seed=1", "metropolis" },
        { DOT "[slater]\nbackflow = two-scales\n", "run.seed=1", "langevin" },
        { DOT "[slater]\nbackflow = two-scales\n", "slater.backflow=none", "metropolis" },
        { DOT "[slater]\nmixing = off\n", "run.seed=1", "metropolis" },
        { DOT, "slater.mixing=true", "langevin" },
        { "[system]\nparticles = 30\ndimensions = 2\n[wavefunction]\nfactors = gaussian, rbm\n[rbm]\nsharing = none\n",
          "rbm.sharing=environment", "langevin" },
#define RODS "[system]\nparticles = 3\ndimensions = 1\n[wavefunction]\nfactors = gaussian, hard-core\n"
        { RODS, "run.seed=1", "metropolis" },
        { RODS, "system.dimensions=3", "langevin" },
        { RODS, "wavefunction.factors=gaussian", "langevin" },
        { RODS, "sampler.step=0.1", "langevin" },
    };
    (void)unused;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct outcome outcome = build(cases[k].text, SETS(cases[k].set));
        assert_true(outcome.built);
        const struct settings_choice *sampler = &outcome.settings.chosen[SETTINGS_SAMPLER];
        assert_int_equal(sampler->members.n, 1);
        assert_string_equal(sampler_name(sampler->members.index[0]), cases[k].method);
        assert_non_null(sampler->state[0]);
        finish(&outcome);
    }
}

static void defaults_fill_everything(void **unused)
{
    struct outcome outcome = build(base, NULL);
    const struct settings *settings = &outcome.settings;
    (void)unused;
    assert_true(outcome.built);
    assert_int_equal(settings->system.particles, 2);
    assert_true(settings->system.omega[0] == 1 && settings->system.omega[1] == 1);
    assert_int_equal(settings->chosen[SETTINGS_FACTOR].members.n, 1);
    assert_string_equal(factor_name(settings->chosen[SETTINGS_FACTOR].members.index[0]), "rbm");
    assert_string_equal(sampler_name(settings_index(settings, SETTINGS_SAMPLER)), "langevin");
    assert_int_equal(settings->sampler.walkers, 1024);
    assert_true(isnan(settings->sampler.step));
    assert_int_equal(settings->sampler.thin, 1);
    finish(&outcome);
}

static void omega_spreads(void **unused)
{
    struct outcome outcome = build("[system]\nparticles = 2\ndimensions = 3\nomega = 1, 2, 3\n", NULL);
    (void)unused;
    assert_true(outcome.built && outcome.settings.system.omega[2] == 3);
    finish(&outcome);
    outcome = build("[system]\nparticles = 2\ndimensions = 3\nomega = 2\n", NULL);
    assert_true(outcome.built && outcome.settings.system.omega[2] == 2);
    finish(&outcome);
    expect_error("[system]\nparticles = 2\ndimensions = 3\nomega = 1, 2\n", NULL, 1,
                 "f.ini:4: [system] omega: 2 values for 3 dimensions; allowed: one");
    expect_error("[system]\nparticles = 2\ndimensions = 2\nomega = 1, 2, 3\n", NULL, 1, "3 values for 2 dimensions");
}

static void single_mistakes(void **unused)
{
    static const struct {
        const char *more, *said;
    } cases[] = {
        { "omgea = 1\n", "f.ini:4: [system] omgea: there is no such key; allowed: particles, dimensions, omega, "
                         "interaction, statistics, spin_up; did you mean 'omega'?" },
        { "omega = 0\n", "f.ini:4: [system] omega: '0' is out of range; allowed: one to 3 real numbers > 0" },
        { "interaction = coulmb\n",
          "f.ini:4: [system] interaction: 'coulmb' is not known; allowed: one of none, coulomb" },
        { "interaction = coulmb\n", "; did you mean 'coulomb'?" },
        { "[sytem]\nx = 1\n", "f.ini:4: [sytem]: there is no such section; allowed: system, " },
        { "[sytem]\nx = 1\n", "; did you mean 'system'?" },
        { "[nothinglikeit]\n", "f.ini:4: [nothinglikeit]: there is no such section; allowed: " },
        { "[sampler]\nwalkers = 1000\n",
          "f.ini:5: [sampler] walkers: '1000' is not a multiple of 32: take 992 or 1024; allowed: " },
        { "[sampler]\nwalkers = 0\n", "[sampler] walkers: '0' is out of range; allowed: a whole number from 32" },
        { "[sampler]\nthin = 0\n", "[sampler] thin: '0' is out of range" },
        { "[sampler]\nstep = 0\n", "[sampler] step: '0' is out of range; allowed: auto or a real number > 0" },
        { "[sampler]\nstep = aut\n", "; did you mean 'auto'?" },
        { "[sampler]\nmethod = metropolsi\n", "; did you mean 'metropolis'?" },
        { "[sampler]\nmethod = importance\n", "; did you mean 'langevin'?" },
        { "[sampler]\nimportance = yes\n", "; did you mean 'method = langevin'?" },
        { "[sampler]\ndt = 0.1\n", "; did you mean 'step'?" },
        { "[optimizer]\nlr = 0.1\n", "; did you mean 'learning_rate'?" },
        { "[sampler]\nlearning_rate = 1\n",
          "[sampler] learning_rate: there is no such key here; it belongs in [optimizer]; allowed: method" },
        { "hidden = 2\n",  // vmc learn has such a key, too, in a section that comes first
          "[system] hidden: there is no such key here; it belongs in [rbm]; allowed: particles" },
        { "[optimizer]\nlearning_rate = 0.05abc\n",
          "f.ini:5: [optimizer] learning_rate: '0.05abc' is not a number; allowed: auto or a real number > 0" },
        { "[wavefunction]\nfactors = rmb\n", "; did you mean 'rbm'?" },
        { "[wavefunction]\nfactors = rbm, gausian\n", "'gausian' is not known; allowed: one or more of rbm, gaussian" },
        { "[wavefunction]\nfactors = rbm, gausian\n", "; did you mean 'gaussian'?" },
        { "[wavefunction]\nfactors = rbm, rbm\n", "'rbm' is given twice" },
        { "[gaussian]\nalpha = 1\n",
          "f.ini:4: [gaussian]: not in use, since [wavefunction] factors = rbm; allowed: remove the section" },
        { "[gaussian]\n", "f.ini:4: [gaussian]: not in use" },
        { "[interaction]\nstrength = 1\n",
          "f.ini:4: [interaction]: not in use, since [system] interaction = none; allowed: remove" },
        { "[interaction]\n", "f.ini:4: [interaction]: not in use" },
        { "interaction = coulomb\n[interaction]\nsoftening = 1\n",
          "f.ini:6: [interaction] softening: a key of interaction = soft-coulomb, but [system] interaction = coulomb; "
          "allowed: strength" },
        { "interaction = coulomb\n[interaction]\nstrenght = 1\n", "; did you mean 'strength'?" },
        { "[rbm]\nhiden = 3\n", "f.ini:5: [rbm] hiden: there is no such key; allowed: hidden" },
        { "[optimizer]\nmomentum = x\n", "[optimizer] momentum: 'x' is not a number" },
        { "[measure]\ncontrols = none, cusp\n", "[measure] controls: 'none' stands alone" },
        { "[run]\nseed = -1\n",
          "[run] seed: '-1' is not a whole number; allowed: a whole number from 0 to 18446744073709551615" }
    };
    (void)unused;
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        char text[1000];
        snprintf(text, sizeof text, "%s%s", base, cases[k].more);
        expect_error(text, NULL, 1, cases[k].said);
    }
}

static void missing_keys(void **unused)
{
    (void)unused;
    expect_error("", NULL, 2,
                 "f.ini: [system] particles: missing, and it has no default; allowed: a whole number from 1");
    expect_error("\n[system]\nparticles = 2\n", NULL, 1, "f.ini:2: [system] dimensions: missing");
    expect_note("", SETS("system.particles=2", "system.dimensions=1"), NULL);
}

static void all_mistakes_at_once(void **unused)
{
    (void)unused;
    expect_error(
        "[system]\nparticles : 2\ndimensions = 9\nomgea = 1\n[sampler]\nwalkers = 33\n[gaussian]\nalpha = 0\n[x]\n",
        NULL, 7, "f.ini:2: [system] particles: `key : value`");
    // in the order of the lines, and a choice that cannot be read makes nothing else wrong
    expect_error("[system]\nparticles = 2\ndimensions = 2\ninteraction = coulmb\n[interaction]\nstrength = 2\n", NULL,
                 1, "coulmb");
    expect_error("[system]\nparticles = 2\ndimensions = 2\n[wavefunction]\nfactors = gausian\n[gaussian]\nalpha = 2\n",
                 NULL, 1, "gausian");
    expect_error("[system]\nparticles = 2\ndimensions = 2\n[sampler]\nmethod = x\nmove = all\n", NULL, 1,
                 "'x' is not known");
}

static void overrides_are_checked_alike(void **unused)
{
    (void)unused;
    expect_error(base, SETS("sampler.walkers=33"), 1,
                 "--set: [sampler] walkers: '33' is not a multiple of 32: take 32 or 64");
    expect_error(base, SETS("sampler.wlakers=64"), 1, "--set: [sampler] wlakers: there is no such key; allowed: ");
    expect_error(base, SETS("smapler.walkers=64"), 1, "--set: [smapler] walkers: there is no such section; allowed: ");
    expect_error(base, SETS("gaussian.alpha=1"), 1, "--set: [gaussian] alpha: the factor gaussian is not in use");
    expect_error(base, SETS("interaction.strength=1"), 1,
                 "--set: [interaction] strength: a key of interaction = coulomb, but");
    expect_note(base, SETS("system.interaction=coulomb", "interaction.strength=2"), NULL);
    expect_note(base, SETS("wavefunction.factors=rbm,gaussian", "gaussian.alpha=2"), NULL);
}

// Of any two factors, the section of the one that is not chosen.
static void every_idle_factor_is_refused(void **unused)
{
    (void)unused;
    size_t n = 0;
    for (size_t f = 0; factor_type_at(f); f++)
        for (size_t g = 0; factor_type_at(g); g++) {
            const char *chosen = factor_type_at(f)->name, *idle = factor_type_at(g)->name;
            char text[256], said[128];
            snprintf(text, sizeof text, "%s[wavefunction]\nfactors = %s\n[%s]\n", base, chosen, idle);
            snprintf(said, sizeof said, "[%s]: not in use, since [wavefunction] factors = %s", idle, chosen);
            struct outcome outcome = build(text, NULL);
            const bool found = outcome.error.text && strstr(outcome.error.text, said);
            if (found != (f != g))
                fail_msg("%s\n-> %s", text, outcome.error.text ? outcome.error.text : "taken");
            finish(&outcome);
            n += found;
        }
    assert_true(n >= 2);
}

// A section that is not in use is an error when the file says so by itself, not when an override changed the choice.
static void overrides_may_idle_sections(void **unused)
{
    static const char soft[] =
        "[system]\nparticles = 2\ndimensions = 1\ninteraction = soft-coulomb\n[interaction]\nsoftening = 0.5\n";
    static const char product[] =
        "[system]\nparticles = 2\ndimensions = 1\n[wavefunction]\nfactors = rbm, gaussian\n[gaussian]\nalpha = 2\n";
    static const char idle[] = "[system]\nparticles = 2\ndimensions = 1\n[gaussian]\nalpha = 2\n";
    (void)unused;
    expect_note(soft, SETS("system.interaction=none"),
                "f.ini:5: [interaction]: ignored, since --set makes it interaction = none");
    expect_note(soft, SETS("system.dimensions=2", "system.interaction=coulomb"),
                "f.ini:6: [interaction] softening: belongs to interaction = soft-coulomb");
    expect_error(soft, SETS("system.interaction=none", "interaction.softening=2"), 1,
                 "--set: [interaction] softening: a key of");
    expect_note(product, SETS("wavefunction.factors=rbm"), "f.ini:6: [gaussian]: ignored");
    expect_note(product, SETS("rbm.hidden=3"), NULL);
    expect_error(idle, SETS("system.particles=3"), 1, "f.ini:4: [gaussian]: not in use");
    expect_error(idle, SETS("wavefunction.factors=rbm"), 1, "f.ini:4: [gaussian]: not in use");
    expect_note(idle, SETS("wavefunction.factors=gaussian"), NULL);
}

static void keys_of_other_methods(void **unused)
{
    char text[500];
    (void)unused;
    snprintf(text, sizeof text, "%s[sampler]\nmethod = gibbs\nmove = all\n[optimizer]\nmethod = sgd\nmomentum = 0.5\n",
             base);
    expect_note(text, NULL,
                "f.ini:6: [sampler] move: belongs to method = metropolis and is ignored with method = gibbs");
    expect_note(text, NULL,
                "f.ini:9: [optimizer] momentum: belongs to method = momentum and is ignored with method = sgd");
    expect_note(text, SETS("sampler.method=metropolis", "optimizer.method=momentum"), NULL);
    snprintf(text, sizeof text, "%s[sampler]\nmethod = gibbs\nmove = al\n", base);
    expect_error(
        text, NULL, 1,
        "f.ini:6: [sampler] move: 'al' is not known; allowed: one of auto, particle, all; did you mean 'all'?");
}

static void keys_without_effect(void **unused)
{
    (void)unused;
    expect_note(base, SETS("sampler.method=gibbs", "sampler.step=0.1"),
                "--set: [sampler] step: is ignored with method = gibbs, which has no such parameter");
    expect_note(base, SETS("sampler.method=gibbs", "sampler.step=auto"), NULL);
    expect_note(base, SETS("sampler.step=0.1"), NULL);
    expect_note(base, SETS("optimizer.decay=0.1"),
                "--set: [optimizer] decay: belongs to schedule = inverse and is ignored with schedule = constant");
    expect_note(base, SETS("optimizer.decay=0.1", "optimizer.schedule=inverse"), NULL);
}

static void lists_with_words(void **unused)
{
    struct outcome outcome = build(base, NULL);
    (void)unused;
    assert_true(outcome.built && settings_chooses(&outcome.settings, SETTINGS_CONTROL, 0));
    finish(&outcome);
    outcome = build(base, SETS("measure.controls=none"));
    assert_true(outcome.built && outcome.settings.chosen[SETTINGS_CONTROL].members.n == 0 &&
                !settings_chooses(&outcome.settings, SETTINGS_CONTROL, 0));
    finish(&outcome);
    outcome = build(base, SETS("measure.controls=cusp"));
    assert_true(outcome.built && !settings_chooses(&outcome.settings, SETTINGS_CONTROL, 0) &&
                settings_chooses(&outcome.settings, SETTINGS_CONTROL, 2));
    finish(&outcome);
    expect_error(base, SETS("measure.controls=none, cusp"), 1,
                 "--set: [measure] controls: 'none' stands alone; allowed: auto, none or one or more of linear");
    expect_error(base, SETS("measure.controls=cusp, auto"), 1, "'auto' stands alone");
    expect_error(base, SETS("measure.controls=non"), 1, "did you mean 'none'?");
    expect_error(base, SETS("wavefunction.factors=none"), 1, "'none' is not known");
}

static void bare_coulomb_in_one_dimension(void **unused)
{
    (void)unused;
    expect_error("[system]\nparticles = 2\ndimensions = 2\ninteraction = hard-sphere\n[interaction]\ndiameter = 0\n",
                 NULL, 1, "f.ini:4: [system] interaction: hard-sphere: ");
    expect_error("[system]\nparticles = 2\ndimensions = 2\ninteraction = hard-sphere\n[interaction]\ndiameter = 0\n",
                 NULL, 1, "interaction.diameter above 0");
}

static void bosons_and_fermions(void **unused)
{
    struct outcome outcome = build(base, NULL);
    (void)unused;
    assert_true(outcome.built && outcome.settings.system.statistics == STATISTICS_BOSONS &&
                outcome.settings.system.spin_up == 2);
    finish(&outcome);
    outcome = build("[system]\nparticles = 5\ndimensions = 2\nstatistics = fermions\n", NULL);
    assert_true(outcome.built && outcome.settings.system.statistics == STATISTICS_FERMIONS &&
                outcome.settings.system.spin_up == 3);
    finish(&outcome);
    outcome = build(base, SETS("system.statistics=fermions", "system.spin_up=0"));
    assert_true(outcome.built && outcome.settings.system.spin_up == 0);
    finish(&outcome);
    expect_error(base, SETS("system.statistics=fermion"), 1,
                 "'fermion' is not known; allowed: one of bosons, fermions; did you mean 'fermions'?");
    expect_error("[system]\nparticles = 2\ndimensions = 2\nspin_up = 3\n", NULL, 1,
                 "f.ini:4: [system] spin_up: 3 of 2 particles; allowed: auto or");
    expect_note("[system]\nparticles = 2\ndimensions = 2\nspin_up = 1\n", NULL,
                "f.ini:4: [system] spin_up: belongs to statistics = fermions");
    expect_note(base, SETS("system.spin_up=auto"), NULL);
}

// --- what is printed reads back ---

static void expect_round_trip(const char *text, const char *const *sets)
{
    struct outcome first = build(text, sets);
    if (!first.built)
        fail_msg("%s", first.error.text);
    char *printed = settings_print(&first.settings);
    struct outcome second = build(printed, NULL);
    if (!second.built)
        fail_msg("%s\n%s", printed, second.error.text);
    assert_null(second.notes.text);
    char *again = settings_print(&second.settings);
    assert_string_equal(printed, again);
    assert_memory_equal(&first.settings.system, &second.settings.system, sizeof first.settings.system);
    assert_memory_equal(&first.settings.measure, &second.settings.measure, sizeof first.settings.measure);
    free(printed);
    free(again);
    finish(&first);
    finish(&second);
}

static void printed_settings_read_back(void **unused)
{
    char text[600];
    (void)unused;
    expect_round_trip(base, NULL);
    expect_round_trip(base, SETS("system.omega=0.1, 0.30000000000000004", "system.interaction=soft-coulomb",
                                 "interaction.softening=1e-3"));
    expect_round_trip(base, SETS("wavefunction.factors=gaussian, rbm", "wavefunction.load=some where/caf\xc3\xa9.h5",
                                 "rbm.sigma=1.5,2"));
    expect_round_trip(base, SETS("measure.controls=none"));
    // values that have no effect, and are noted when given
    expect_round_trip(base, SETS("system.spin_up=1"));
    expect_round_trip(base, SETS("optimizer.decay=0.1"));
    expect_round_trip(base, SETS("sampler.method=gibbs", "sampler.step=0.1"));
    expect_round_trip(base, SETS("wavefunction.factors=rbm", "rbm.vectors=no"));
    expect_round_trip(base, SETS("measure.controls=pair, cusp"));
    expect_round_trip(base,
                      SETS("run.seed=18446744073709551615", "measure.target_error=3e-308", "measure.samples=1e7"));
    for (size_t k = 0; sampler_name(k); k++) {
        snprintf(text, sizeof text, "sampler.method=%s", sampler_name(k));
        expect_round_trip(base, SETS(text));
    }
    for (size_t k = 0; optimizer_name(k); k++) {
        snprintf(text, sizeof text, "optimizer.method=%s", optimizer_name(k));
        expect_round_trip(base, SETS(text));
    }
}

// --- every key there is ---

struct keys {
    size_t n;
    struct settings_schema_row row[ROWS_MOST];
};

static struct keys all_keys(void)
{
    struct keys keys = { .n = 0 };
    keys.n = settings_schema(keys.row, ROWS_MOST);
    assert_true(keys.n > 0 && keys.n <= ROWS_MOST);
    return keys;
}

// A configuration in which this row's keys are in use, and its section is open last.
static void text_for(const struct settings_schema_row *row, char *text, size_t size)
{
    bool system = strcmp(row->section, "system") == 0;
    if (row->when && strcmp(row->when, "system.interaction") == 0)
        snprintf(text, size, "%sinteraction = %s\n[interaction]\n", base, row->owner);
    else if (row->when && strcmp(row->when, "wavefunction.factors") == 0)
        snprintf(text, size, "%s[wavefunction]\nfactors = %s\n[%s]\n", base, row->owner, row->section);
    else if (row->when)
        snprintf(text, size, "%s[%s]\nmethod = %s\n", base, row->section, row->owner);
    else
        snprintf(text, size, "%s%s%s%s", base, system ? "" : "[", system ? "" : row->section, system ? "" : "]\n");
}

static bool exists(const struct keys *keys, const char *section, const char *key)
{
    for (size_t k = 0; k < keys->n; k++)
        if (strcmp(keys->row[k].section, section) == 0 && param_find(keys->row[k].params, key))
            return true;
    return false;
}

static void every_default_is_valid_and_documented(void **unused)
{
    struct keys keys = all_keys();
    (void)unused;
    for (size_t k = 0; k < keys.n; k++)
        for (const struct param *row = keys.row[k].params; row->key; row++) {
            char text[1000], value[PARAM_TEXT_SIZE];
            assert_true(row->help && *row->help);
            param_describe(row, value);
            assert_true(*value);
            if (!row->fallback)
                continue;
            text_for(&keys.row[k], text, sizeof text);
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s = %s\n", row->key, row->fallback);
            if (strcmp(row->key, "method") == 0 || strcmp(row->key, "factors") == 0 || keys.row[k].when == NULL) {
                struct outcome outcome = build(text, NULL);
                if (!outcome.built)
                    fail_msg("%s\n%s", text, outcome.error.text);
                finish(&outcome);
            }
        }
}

static void expect_typo(const struct keys *keys, const struct settings_schema_row *row, const char *key,
                        const char *typo)
{
    char text[1000], said[200];
    if (exists(keys, row->section, typo) || strcmp(typo, key) == 0 || *typo == '\0' || strchr(" ;#[=", *typo))
        return;
    text_for(row, text, sizeof text);
    snprintf(text + strlen(text), sizeof text - strlen(text), "%s = 1\n", typo);
    struct outcome outcome = build(text, NULL);
    snprintf(said, sizeof said, "[%s] %s: there is no such key", row->section, typo);
    if (outcome.built || outcome.error.n_messages != 1 || !strstr(outcome.error.text, said) ||
        !strstr(outcome.error.text, "; did you mean '"))
        fail_msg("%s -> %s", typo, outcome.error.text ? outcome.error.text : "taken");
    finish(&outcome);
}

// Every key with a letter left out, doubled, wrong, or swapped with its neighbour.
static void every_typo_is_refused_with_a_hint(void **unused)
{
    struct keys keys = all_keys();
    (void)unused;
    for (size_t k = 0; k < keys.n; k++)
        for (const struct param *row = keys.row[k].params; row->key; row++) {
            size_t length = strlen(row->key);
            for (size_t at = 0; at < length; at++) {
                char typo[100];
                snprintf(typo, sizeof typo, "%.*s%s", (int)at, row->key, row->key + at + 1);
                expect_typo(&keys, &keys.row[k], row->key, typo);
                snprintf(typo, sizeof typo, "%.*s%c%s", (int)at + 1, row->key, row->key[at], row->key + at + 1);
                expect_typo(&keys, &keys.row[k], row->key, typo);
                snprintf(typo, sizeof typo, "%s", row->key);
                typo[at] = 'q';
                expect_typo(&keys, &keys.row[k], row->key, typo);
                snprintf(typo, sizeof typo, "%s", row->key);
                if (at + 1 < length) {
                    typo[at] = row->key[at + 1];
                    typo[at + 1] = row->key[at];
                }
                expect_typo(&keys, &keys.row[k], row->key, typo);
            }
        }
}

static void trailing_garbage_is_refused_everywhere(void **unused)
{
    struct keys keys = all_keys();
    (void)unused;
    for (size_t k = 0; k < keys.n; k++)
        for (const struct param *row = keys.row[k].params; row->key; row++) {
            char text[1000], said[200];
            if (row->kind == PARAM_KIND_TEXT || !row->fallback || strcmp(row->key, "method") == 0)
                continue;
            text_for(&keys.row[k], text, sizeof text);
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s = %s?\n", row->key, row->fallback);
            struct outcome outcome = build(text, NULL);
            snprintf(said, sizeof said, "[%s] %s: '", keys.row[k].section, row->key);
            if (outcome.built || !strstr(outcome.error.text, said) || !strstr(outcome.error.text, "; allowed: "))
                fail_msg("%s\n%s", text, outcome.error.text ? outcome.error.text : "taken");
            finish(&outcome);
        }
}

struct visited {
    size_t n;
    bool unit_seen;
};
static void visit(const struct settings_value *value, void *context)
{
    struct visited *visited = context;
    visited->n++;
    assert_non_null(value->section);
    if (value->row->unit)
        visited->unit_seen = true;
}

// A file for both jobs: each reads its own sections, refuses what is wrong in the other's, and says what it leaves out.
static void two_jobs_share_a_file(void **unused)
{
    (void)unused;
    const struct {
        const char *text, *error;
    } cases[] = {
        { "[learn]\ndata = x.csv\nvisible = binary\nnegative = exact\nmethod = exact\nposterior = yes\n", NULL },
        { "[system]\nparticles = 2\ndimensions = 2\n[learn]\ndata = x.csv\n", NULL },
        { "[learn]\nvisible = binary\n", "[learn] data: missing" },
        { "[learn]\ndata = x.csv\nmethod = sr\n", "f.ini:3: [learn] method: 'sr'" },
        { "[learn]\ndata = x.csv\nmethod = exact\n", "f.ini:3: [learn] method: it follows the exact likelihood" },
        { "[learn]\ndata = x.csv\nchains = 100\n", "f.ini:3: [learn] chains: " },
        { "[learn]\ndata = x.csv\npartition = no\n", "f.ini:3: [learn] partition: " },
        { "[learn]\ndata = x.csv\nvisible = spins\npartition = no\n", "[learn] negative: without ln Z" },
        { "[learn]\ndata = x.csv\nposterior = yes\n", "f.ini:3: [learn] posterior: " },
        { "[learn]\ndata = x.csv\nheld_out = 1\n", "f.ini:3: [learn] held_out: " },
        { "[learn]\ndata = x.csv\nmomentun = 1\n", "did you mean 'momentum'?" },
        { "[learn]\ndata = x.csv\n[run]\nhidden = 2\n",
          "[run] hidden: there is no such key here; it belongs in [learn]" },
        { "[learn]\ndata = x.csv\n[sampler]\nwalkers = 7\n", "f.ini:4: [sampler] walkers: " },
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct outcome outcome = { .built = false };
        struct config config;
        assert_true(config_parse(&config, "f.ini", cases[k].text, strlen(cases[k].text), NULL));
        config.job = CONFIG_LEARN;
        outcome.built = settings_build(&outcome.settings, &config, &outcome.error, &outcome.notes);
        assert_int_equal(outcome.built, cases[k].error == NULL);
        if (cases[k].error && !strstr(outcome.error.text, cases[k].error))
            fail_msg("%s", outcome.error.text);
        if (k == 1)
            assert_string_equal(outcome.notes.text, "f.ini:1: [system]: vmc learn does not read this section");
        config_finish(&config);
        finish(&outcome);
    }
    struct outcome run = build("[system]\nparticles = 2\ndimensions = 2\n[learn]\nhidden = 3\n", NULL);
    assert_true(run.built);
    assert_string_equal(run.notes.text, "f.ini:4: [learn]: only vmc learn reads this section");
    finish(&run);
    run = build("[system]\nparticles = 2\ndimensions = 2\n[learn]\nhidden = -3\n", NULL);
    assert_false(run.built);
    finish(&run);
}

static void each_visits_every_key_in_use(void **unused)
{
    struct outcome outcome = build(base, NULL);
    struct visited visited = { 0 };
    size_t expected = 0;
    (void)unused;
    settings_each(&outcome.settings, visit, &visited);
    struct keys keys = all_keys();
    for (size_t k = 0; k < keys.n; k++) {
        const struct settings_schema_row *row = &keys.row[k];
        bool used = !row->when || strcmp(row->owner, "rbm") == 0 ||
                    strcmp(row->owner, sampler_name(settings_index(&outcome.settings, SETTINGS_SAMPLER))) == 0 ||
                    strcmp(row->owner, optimizer_name(settings_index(&outcome.settings, SETTINGS_OPTIMIZER))) == 0;
        used = used && strcmp(row->section, "learn") != 0;
        for (const struct param *key = row->params; used && key->key; key++)
            expected++;
    }
    assert_int_equal(visited.n, expected);
    assert_true(visited.unit_seen);
    finish(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(defaults_fill_everything),
                                        cmocka_unit_test(auto_in_words_chooses),
                                        cmocka_unit_test(omega_spreads),
                                        cmocka_unit_test(single_mistakes),
                                        cmocka_unit_test(missing_keys),
                                        cmocka_unit_test(all_mistakes_at_once),
                                        cmocka_unit_test(overrides_are_checked_alike),
                                        cmocka_unit_test(overrides_may_idle_sections),
                                        cmocka_unit_test(keys_of_other_methods),
                                        cmocka_unit_test(bare_coulomb_in_one_dimension),
                                        cmocka_unit_test(bosons_and_fermions),
                                        cmocka_unit_test(keys_without_effect),
                                        cmocka_unit_test(lists_with_words),
                                        cmocka_unit_test(printed_settings_read_back),
                                        cmocka_unit_test(every_default_is_valid_and_documented),
                                        cmocka_unit_test(every_typo_is_refused_with_a_hint),
                                        cmocka_unit_test(trailing_garbage_is_refused_everywhere),
                                        cmocka_unit_test(two_jobs_share_a_file),
                                        cmocka_unit_test(every_idle_factor_is_refused),
                                        cmocka_unit_test(each_visits_every_key_in_use) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
