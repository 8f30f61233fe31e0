// SPDX-License-Identifier: GPL-3.0-or-later
// sampler.method = auto: the sampler with the lowest error^2 x CPU time for the product at hand, from measurements
// (docs/samplers.md). What follows from the choice is as if its name had been written: the resolved configuration has
// it, and a resumed run keeps it.
#include "settings/parts.h"

#include <string.h>

// Factors without a cheap way to move one particle: what belongs to one of them is computed anew for all.
static const struct whole {
    const char *section, *key;
} wholes[] = { { "slater", "backflow" }, { "slater", "mixing" }, { "rbm", "sharing" } };
// … but with these values.
static const char *const cheap[] = { "none", "pairs", "no", "false", "off" };

// The first row that fits decides. A step that is given is a time, as it has always been: then the last one does.
static const struct rule {
    const char *factor;  // one of the product; NULL: any
    bool alone;          // the only one
    size_t least;        // particles
    const char *method;
} rules[] = {
    { "slater", false, 6, "metropolis" }, { "hard-core", false, 0, "langevin" }, { "rbm", true, 13, "hmc" },
    { NULL, false, 13, "metropolis" },    { NULL, false, 0, "langevin" },
};
// Who says how particles are to be moved means a sampler that does.
static const char *const of_moves[] = { "move", "proposal" };
enum { RULES = sizeof rules / sizeof *rules };

static size_t sampler_index(const char *name)
{
    size_t k = 0;
    while (sampler_name(k) && strcmp(sampler_name(k), name) != 0)
        k++;
    return k;
}

static bool moves_as_a_whole(const struct config *config)
{
    for (size_t k = 0; k < sizeof wholes / sizeof *wholes; k++) {
        const struct config_entry *entry = config_find(config, wholes[k].section, wholes[k].key);
        bool is_cheap = !entry;
        for (size_t c = 0; entry && c < sizeof cheap / sizeof *cheap; c++)
            is_cheap = is_cheap || strcmp(entry->value, cheap[c]) == 0;
        if (!is_cheap)
            return true;
    }
    return false;
}

static bool has_factor(const struct config *config, const char *name)
{
    const struct config_entry *entry = config_find(config, "wavefunction", "factors");
    const size_t length = strlen(name);
    for (const char *at = entry ? entry->value : ""; (at = strstr(at, name)); at += length) {
        const bool begins = at == entry->value || strchr(" ,", at[-1]), ends = !at[length] || strchr(" ,", at[length]);
        if (begins && ends)
            return true;
    }
    return false;
}

// Where no product is given there is an RBM.
static bool stands_alone(const struct config *config, const char *name)
{
    const struct config_entry *entry = config_find(config, "wavefunction", "factors");
    return strcmp(entry ? entry->value : "rbm", name) == 0;
}

static bool says_how_to_move(const struct config *config)
{
    bool says = false;
    for (size_t k = 0; k < sizeof of_moves / sizeof *of_moves; k++)
        says = says || config_find(config, "sampler", of_moves[k]);
    return says;
}

static bool fits(const struct rule *rule, const struct config *config, size_t particles)
{
    return particles >= rule->least && (!rule->alone || !says_how_to_move(config)) &&
           (!rule->factor || (rule->alone ? stands_alone : has_factor)(config, rule->factor));
}

static void read_count(const struct config *config, const char *key, struct settings *settings)
{
    char why[PARAM_TEXT_SIZE];
    const struct config_entry *entry = config_find(config, "system", key);
    const struct settings_fixed *section = settings_fixed_find("system");
    if (entry)  // what cannot be read is refused later
        (void)param_parse(param_find(section->params, key), entry->value, (char *)settings + section->offset, why);
}

size_t settings_best_sampler(const struct settings_binder *binder)
{
    struct settings scratch = { 0 };
    const struct config_entry *step = config_find(binder->config, "sampler", "step");
    size_t k = 0;
    read_count(binder->config, "particles", &scratch);
    read_count(binder->config, "dimensions", &scratch);
    if ((step && strcmp(step->value, "auto") != 0) || moves_as_a_whole(binder->config))
        k = RULES - 1;
    else if (scratch.system_section.dimensions == 1 && has_factor(binder->config, "hard-core"))
        return sampler_index("metropolis");  // little room: steps of all rods at once are too short for walkers to mix
    while (k + 1 < RULES && !fits(&rules[k], binder->config, scratch.system_section.particles))
        k++;
    return sampler_index(rules[k].method);
}
