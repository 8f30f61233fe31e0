// SPDX-License-Identifier: GPL-3.0-or-later
// Binds the entries of a configuration to the parameter tables.
//
// First, silently, every key gets its default and members are chosen of every kind; then one pass over the file checks
// sections and entries, so that errors come in the order of the lines. A choice that cannot be parsed leaves its kind
// undecided: keys that depend on it are checked for form, but none is reported as unused.
#include "settings/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- choices ---

static bool fill_defaults(const struct param *rows, void *state, struct error *error)
{
    char why[PARAM_TEXT_SIZE];
    for (; rows && rows->key; rows++)
        if (rows->fallback && !param_parse(rows, rows->fallback, state, why))
            return error_add(error, ERROR_INTERNAL, "the default of %s: %s", rows->key, why);
    return true;
}

// Chooses the members of one kind and sets up their states.
static bool choose_members(struct settings_binder *binder, enum settings_kind kind)
{
    struct settings_choice *choice = &binder->settings->chosen[kind];
    const struct settings_kind_row *row = &settings_kinds[kind];
    const struct config_entry *entry = config_find(binder->config, row->chooser, row->key);
    char why[PARAM_TEXT_SIZE];
    void *section = (char *)binder->settings + settings_fixed_find(row->chooser)->offset;
    binder->decided[kind] = !entry || param_parse(settings_chooser(row), entry->value, section, why);
    if (kind == SETTINGS_SAMPLER && choice->members.is_auto)
        choice->members = (struct param_names){ .n = 1, .index = { settings_best_sampler(binder) } };
    for (size_t k = 0; k < choice->members.n; k++) {
        struct settings_member member = row->member(choice->members.index[k]);
        choice->state[k] = calloc(1, member.state_size > 0 ? member.state_size : 1);
        if (!choice->state[k])
            return error_add(binder->error, ERROR_INTERNAL, "not enough memory for the settings");
        if (!fill_defaults(member.params, choice->state[k], binder->error))
            return false;
    }
    return true;
}

// --- missing keys, and values that contradict each other ---

static void require_keys(struct settings_binder *binder, const char *name, const struct param *rows)
{
    for (; rows && rows->key; rows++) {
        char location[SETTINGS_LOCATION_SIZE], allowed[PARAM_TEXT_SIZE], what[PARAM_TEXT_SIZE + 80];
        const struct config_section *section = config_find_section(binder->config, name);
        if (rows->fallback || config_find(binder->config, name, rows->key) || binder->config->cut)
            continue;
        param_describe(rows, allowed);
        snprintf(what, sizeof what, "missing, and it has no default; allowed: %s", allowed);
        settings_location(binder->config->file ? binder->config->file : "--set", section ? section->line : 0, name,
                          rows->key, location, sizeof location);
        settings_add_complaint(binder, name, location, what, NULL);
    }
}

static void require_all_keys(struct settings_binder *binder)
{
    for (const struct settings_fixed *fixed = settings_fixed; fixed->name; fixed++)
        if (settings_fixed_used(fixed, binder->settings->job))
            require_keys(binder, fixed->name, fixed->params);
    for (size_t kind = 0; kind < SETTINGS_KINDS; kind++) {
        const struct param_names *members = &binder->settings->chosen[kind].members;
        for (size_t k = 0; k < members->n && binder->decided[kind]; k++) {
            struct settings_member member = settings_kinds[kind].member(members->index[k]);
            if (settings_kind_used(kind, binder->settings->job))
                require_keys(binder, settings_section_of(&settings_kinds[kind], &member), member.params);
        }
    }
}

static void bind_spins(struct settings_binder *binder)
{
    struct settings *settings = binder->settings;
    const struct settings_system *section = &settings->system_section;
    const struct config_entry spin_up = settings_entry(binder, "system", "spin_up");
    if (section->spin_up != PARAM_COUNT_AUTO && section->spin_up > section->particles)
        settings_complain(binder, &spin_up, NULL,
                          "%zu of %zu particle%s; allowed: auto or a whole number from 0 to %zu", section->spin_up,
                          section->particles, section->particles == 1 ? "" : "s", section->particles);
    if (section->statistics == STATISTICS_FERMIONS)
        settings->system.spin_up = section->spin_up == PARAM_COUNT_AUTO ? (section->particles + 1) / 2
                                                                        : section->spin_up;
}

// A list says what is wanted, and what cannot be is refused; auto takes what there is.
static void bind_observables(struct settings_binder *binder)
{
    const struct param_names *kinds = &binder->settings->chosen[SETTINGS_OBSERVABLE].members;
    const struct config_entry entry = settings_entry(binder, "observables", "kinds");
    for (size_t k = 0; k < kinds->n && !kinds->is_auto; k++) {
        const struct observable_type *type = observable_type_at(kinds->index[k]);
        const char *reason = type->refuse ? type->refuse(&binder->settings->system) : NULL;
        if (reason)
            settings_complain(binder, &entry, NULL, "%s %s; allowed: auto, or a list without it", type->name, reason);
    }
}

static void bind_temperatures(struct settings_binder *binder)
{
    const struct param_reals *ladder = &binder->settings->sampler.temperatures;
    const struct config_entry entry = settings_entry(binder, "sampler", "temperatures");
    const struct param_names *chosen = &binder->settings->chosen[SETTINGS_SAMPLER].members;
    bool rising = ladder->n > 0 && ladder->value[0] == 1;
    for (size_t k = 1; k < ladder->n; k++)
        rising = rising && ladder->value[k] > ladder->value[k - 1];
    if (!rising)
        settings_complain(binder, &entry, NULL,
                          "the first temperature is 1, where draws are taken, and the others rise from there; allowed: "
                          "1, or a list like 1, 1.5, 2.2");
    else if (ladder->n > 1 && chosen->n == 1 && binder->decided[SETTINGS_SAMPLER] &&
             !sampler_type_at(chosen->index[0])->tempers)
        settings_complain(
            binder, &entry, NULL,
            "method = %s samples at T = 1 alone; allowed: 1, or another method: metropolis, langevin, hmc",
            sampler_name(chosen->index[0]));
}

static void bind_system(struct settings_binder *binder)
{
    struct settings *settings = binder->settings;
    const struct settings_system *section = &settings->system_section;
    const struct config_entry omega = settings_entry(binder, "system", "omega"),
                              interaction = settings_entry(binder, "system", "interaction");
    if (binder->system_failed || binder->config->cut)
        return;
    if (section->omega.n != 1 && section->omega.n != section->dimensions) {
        settings_complain(binder, &omega, NULL,
                          "%zu values for %zu dimension%s; allowed: one for all dimensions, or one per dimension",
                          section->omega.n, section->dimensions, section->dimensions > 1 ? "s" : "");
        return;
    }
    settings->system = (struct system){ .particles = section->particles,
                                        .dimensions = section->dimensions,
                                        .statistics = section->statistics,
                                        .spin_up = section->particles };
    bind_spins(binder);
    for (size_t d = 0; d < section->dimensions; d++)
        settings->system.omega[d] = section->omega.value[section->omega.n == 1 ? 0 : d];
    bind_observables(binder);
    const struct interaction_type *type = interaction_type_at(settings_index(settings, SETTINGS_INTERACTION));
    const char *reason = type->refuse ? type->refuse(settings_state(settings, SETTINGS_INTERACTION), &settings->system)
                                      : NULL;
    if (reason)
        settings_complain(binder, &interaction, NULL, "%s: %s", type->name, reason);
}

static void bind_run(struct settings_binder *binder)
{
    bind_system(binder);
    bind_temperatures(binder);
}

bool settings_build(struct settings *settings, const struct config *config, struct error *error, struct error *notes)
{
    struct settings_binder binder = { .settings = settings, .config = config, .error = error, .notes = notes };
    *settings = (struct settings){ .job = config->job };
    bool good = true;
    for (const struct settings_fixed *fixed = settings_fixed; good && fixed->name; fixed++)
        good = fill_defaults(fixed->params, (char *)settings + fixed->offset, error);
    for (size_t kind = 0; good && kind < SETTINGS_KINDS; kind++)
        good = choose_members(&binder, kind);
    if (good) {
        settings_bind(&binder);
        require_all_keys(&binder);
        (config->job == CONFIG_LEARN ? settings_bind_learn : bind_run)(&binder);
        if (!binder.failed)
            settings_drop_ignored(&binder);
    }
    if (good && !binder.failed)
        return true;
    settings_finish(settings);
    return false;
}

void settings_finish(struct settings *settings)
{
    for (size_t kind = 0; kind < SETTINGS_KINDS; kind++) {
        struct settings_choice *choice = &settings->chosen[kind];
        for (size_t k = 0; k < choice->members.n; k++) {
            if (choice->state[k])
                param_release(settings_kinds[kind].member(choice->members.index[k]).params, choice->state[k]);
            free(choice->state[k]);
        }
    }
    for (const struct settings_fixed *fixed = settings_fixed; fixed->name; fixed++)
        param_release(fixed->params, (char *)settings + fixed->offset);
    *settings = (struct settings){ 0 };
}
