// SPDX-License-Identifier: GPL-3.0-or-later
// Memory runs out while a configuration is read, copied, changed, swept or turned into settings: every piece that is
// asked for is refused, alone and with all that follow. What then says that it succeeded has the whole result; what
// fails says so, speaks of memory, leaves things in order, and gives back all that it took.
#include "support/refusal.h"

#include "vmc/config.h"
#include "vmc/settings.h"
#include "vmc/sweep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// --- what is done ---

static const char text[] = "[system]\nparticles = 2 ; two\ndimensions = 2\ninteraction = coulomb\n[rbm]\nhidden = 3\n"
                           "[wavefunction]\nfactors = rbm, gaussian\n[run]\nseed = 5\n"
                           "[sweep]\nsystem.omega = 0.5 | 1:2:3\nrbm.hidden = 1 | 2\n";

// Settings of every kind: members whose defaults are texts, and those of the other job.
static const struct {
    enum config_job job;
    const char *text;
} kinds[] = { { CONFIG_RUN, text },
              { CONFIG_RUN, "[system]\nparticles = 6\ndimensions = 2\nstatistics = fermions\ninteraction = coulomb\n"
                            "[wavefunction]\nload = a.h5\nfactors = slater, pade-jastrow, rbm, gaussian\n"
                            "[slater]\norbitals_up = 0 0, 1 0, 0 1\n[sampler]\nmethod = hmc\n" },
              { CONFIG_LEARN, "[learn]\ndata = x.csv\n[run]\nseed = 5\n" } };

// Entries and sections as text. All of them are whole, whatever happened.
static void describe(const struct config *config, char **all)
{
    char line[500];
    for (size_t k = 0; k < config->n_sections; k++) {
        snprintf(line, sizeof line, "%zu [%s]\n", config->sections[k].line, config->sections[k].name);
        refusal_append(all, line);
    }
    for (size_t k = 0; k < config->n_entries; k++) {
        const struct config_entry *entry = &config->entries[k];
        snprintf(line, sizeof line, "%s:%zu: %s.%s=%s (%s) %d\n", entry->origin, entry->line, entry->section,
                 entry->key, entry->value, entry->file_value ? entry->file_value : "", (int)entry->source);
        refusal_append(all, line);
    }
}

static bool parse(struct config *config, struct error *error)
{
    return config_parse(config, "f.ini", text, sizeof text - 1, error);
}

// Sections and entries of a configuration that was cut short have what belongs to them.
static void check_whole(const struct config *config)
{
    assert_true(config->n_sections <= 5 && config->n_entries <= 12);
    for (size_t k = 0; k < config->n_sections; k++)
        assert_non_null(config->sections[k].name);
    for (size_t k = 0; k < config->n_entries; k++)
        assert_true(config->entries[k].section && config->entries[k].key && config->entries[k].value);
}

static bool make_parsed(char **result, struct error *error)
{
    struct config config;
    const bool good = parse(&config, error);
    check_whole(&config);
    describe(&config, result);
    config_finish(&config);
    return good;
}

static bool make_changed(char **result, struct error *error)
{
    static const struct config_assignment old = { "rbm", "hidden", "sweep", 3 },
                                          new = { "measure", "samples", "sweep", 4 };
    struct config config;
    const bool good = parse(&config, error) && config_set(&config, "rbm.hidden=7", error) &&
                      config_set(&config, "rbm.hidden=8", error) && config_set(&config, "run.threads=1", error) &&
                      config_assign(&config, &old, "9", error) && config_assign(&config, &new, "640", error) &&
                      (config_recall(&config, "run", "seed", "11") || error_add(error, ERROR_INTERNAL, "memory")) &&
                      (config_recall(&config, "run", "name", "x") || error_add(error, ERROR_INTERNAL, "memory"));
    if (good)
        describe(&config, result);
    config_finish(&config);
    return good;
}

static bool make_copied(char **result, struct error *error)
{
    struct config config, copied = { 0 };
    const bool good = parse(&config, error) && config_set(&config, "rbm.hidden=7", error) &&
                      config_copy(&copied, &config, error);
    if (good) {
        refusal_append(result, copied.file);
        refusal_append(result, copied.text);
        describe(&copied, result);
        config_finish(&copied);
    }
    config_finish(&config);
    return good;
}

static bool make_sweep(char **result, struct error *error)
{
    struct config config, point;
    struct sweep sweep;
    const bool parsed = parse(&config, error);
    const bool read = parsed && sweep_read(&sweep, &config, error);
    bool good = read && sweep_check(&sweep, &config, error, NULL);
    for (size_t k = 0; good && k < sweep.n_points; k += 3) {
        good = sweep_point(&sweep, &config, k, &point, error);
        if (good) {
            describe(&point, result);
            config_finish(&point);
        }
    }
    if (parsed)
        sweep_finish(&sweep);
    config_finish(&config);
    return good;
}

static size_t kind;

static bool make_settings(char **result, struct error *error)
{
    struct config config;
    struct settings settings;
    if (!config_parse(&config, "f.ini", kinds[kind].text, strlen(kinds[kind].text), error)) {
        config_finish(&config);
        return false;
    }
    config.job = kinds[kind].job;
    const bool built = settings_build(&settings, &config, error, NULL);
    char *printed = built ? settings_print(&settings) : NULL;
    if (printed)
        refusal_append(result, printed);
    if (built && !printed)
        error_add(error, ERROR_INTERNAL, "memory");
    free(printed);
    if (built)
        settings_finish(&settings);
    config_finish(&config);
    return printed != NULL;
}

static void check(refusal_maker *make)
{
    const char *wrong = refusal_check(make);
    if (wrong)
        fail_msg("%s", wrong);
}

static void test_parsed(void **state) { (void)state, check(make_parsed); }
static void test_changed(void **state) { (void)state, check(make_changed); }
static void test_copied(void **state) { (void)state, check(make_copied); }
static void test_sweep(void **state) { (void)state, check(make_sweep); }
static void test_settings(void **state)
{
    (void)state;
    for (kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        check(make_settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parsed), cmocka_unit_test(test_changed),  cmocka_unit_test(test_copied),
        cmocka_unit_test(test_sweep),  cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
