// SPDX-License-Identifier: GPL-3.0-or-later
// sampler.method = auto: the sampler with the lowest error^2 x CPU time for the product at hand, from measurements
// (docs/samplers.md). What follows from the choice is as if its name had been written: the resolved configuration has
// it, and a resumed run keeps it.
#include "settings/parts.h"

#include <string.h>

// The first row that fits decides. A step that is given is a time, as it has always been: then the last one does.
static const struct rule {
    size_t least;  // particles
    const char *method;
} rules[] = {
    { 13, "metropolis" },
    { 0, "langevin" },
};
enum { RULES = sizeof rules / sizeof *rules };

static size_t sampler_index(const char *name)
{
    size_t k = 0;
    while (sampler_name(k) && strcmp(sampler_name(k), name) != 0)
        k++;
    return k;
}

size_t settings_best_sampler(const struct settings_binder *binder)
{
    struct settings scratch = { 0 };
    char why[PARAM_TEXT_SIZE];
    const struct config_entry *entry = config_find(binder->config, "system", "particles");
    const struct config_entry *step = config_find(binder->config, "sampler", "step");
    const struct settings_fixed *section = settings_fixed_find("system");
    const struct param *row = param_find(section->params, "particles");
    size_t k = 0;
    if (!entry || !param_parse(row, entry->value, (char *)&scratch + section->offset, why))
        scratch.system_section.particles = 1;  // refused later
    if (step && strcmp(step->value, "auto") != 0)
        k = RULES - 1;
    while (k + 1 < RULES && scratch.system_section.particles < rules[k].least)
        k++;
    return sampler_index(rules[k].method);
}
