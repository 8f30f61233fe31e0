// SPDX-License-Identifier: GPL-3.0-or-later
// sampler.method = auto: the sampler with the lowest error^2 x CPU time for the product at hand, from measurements (docs/samplers.md). What follows
// from the choice is as if its name had been written: the resolved configuration has it, and a resumed run keeps it.
#include "settings/parts.h"

#include <stdlib.h>
#include <string.h>

// Hidden units up to which all their combinations are listed: 729 normal distributions in the amplitude form.
enum { HIDDEN_MOST = 6 };
enum { NO_HIDDEN, SOME_HIDDEN, ALL_HIDDEN };

// The first row that fits decides.
static const struct rule {
    const char *factor;    // one that the product must have; NULL: any
    bool alone;            // and no other
    int hidden;            // what is drawn of the hidden units
    size_t least;          // particles
    const char *method;
} rules[] = {
    { "rbm", true, ALL_HIDDEN, 7, "exact" },
    { "rbm", true, SOME_HIDDEN, 1, "gibbs" },
    { NULL, false, NO_HIDDEN, 1, "langevin" },
    { NULL, false, NO_HIDDEN, 0, NULL },
};

static size_t sampler_index(const char *name)
{
    size_t k = 0;
    while (sampler_name(k) && strcmp(sampler_name(k), name) != 0)
        k++;
    return k;
}

static const struct config_entry *given(const struct settings_binder *binder, const char *section, const char *key, const char *fallback)
{
    const struct config_entry *entry = config_find(binder->config, section, key);
    return entry && strcmp(entry->value, fallback) != 0 ? entry : NULL;
}

// Draws of hidden units take an RBM with its Gaussian, whose weights are its own; all their combinations at once, few of them.
static bool draws_hidden(const struct settings_binder *binder, bool all)
{
    const struct config_entry *hidden = given(binder, "rbm", "hidden", "2");
    const struct config_entry *envelope = given(binder, "rbm", "envelope", "auto");
    return !given(binder, "rbm", "sharing", "none") && !(envelope && strcmp(envelope->value, "no") == 0) &&
           !(all && hidden && strtod(hidden->value, NULL) > HIDDEN_MOST);
}

// Whether the method has the keys that the configuration gives.
static bool has_keys(const struct settings_binder *binder, const struct sampler_type *type)
{
    return (type->has_step || !given(binder, "sampler", "step", "auto")) &&
           (param_find(type->params, "move") || !given(binder, "sampler", "move", "auto"));
}

static bool fits(const struct settings_binder *binder, const struct rule *rule, size_t particles)
{
    const struct param_names *factors = &binder->settings->chosen[SETTINGS_FACTOR].members;
    bool found = !rule->factor;
    for (size_t k = 0; k < factors->n && !found; k++)
        found = strcmp(factor_name(factors->index[k]), rule->factor) == 0;
    return found && particles >= rule->least && !(rule->alone && factors->n > 1) &&
           (!rule->hidden || draws_hidden(binder, rule->hidden == ALL_HIDDEN)) &&
           has_keys(binder, sampler_type_at(sampler_index(rule->method)));
}

size_t settings_best_sampler(const struct settings_binder *binder)
{
    struct settings scratch = { 0 };
    char why[PARAM_TEXT_SIZE];
    const struct config_entry *entry = config_find(binder->config, "system", "particles");
    const struct settings_fixed *section = settings_fixed_find("system");
    const struct rule *rule = rules;
    const struct param *row = param_find(section->params, "particles");
    if (!entry || !param_parse(row, entry->value, (char *)&scratch + section->offset, why))
        scratch.system_section.particles = 1;  // refused later
    while (rule[1].method && !fits(binder, rule, scratch.system_section.particles))
        rule++;
    return sampler_index(rule->method);
}
