// SPDX-License-Identifier: GPL-3.0-or-later
// [learn]: values that contradict each other.
#include "settings/parts.h"

#include <math.h>

static const char section[] = "learn";

struct rule {
    bool broken;
    const char *key, *what;
};

void settings_bind_learn(struct settings_binder *binder)
{
    const struct settings_learn *learn = &binder->settings->learn;
    const bool gaussian = learn->visible == MACHINE_GAUSSIAN, exact = learn->negative == NEGATIVE_EXACT;
    const struct optimizer_type *method = settings_learner(settings_index(binder->settings, SETTINGS_LEARNER));
    const struct rule rules[] = {
        { !method->step && !exact, "method",
          "it follows the exact likelihood; allowed: negative = exact, or another method" },
        { gaussian && !learn->partition, "partition",
          "without ln Z a Gaussian machine has nothing to hold its width; allowed: yes, or visible = binary or spins" },
        { gaussian && learn->posterior, "posterior",
          "sampled for machines of binary units; allowed: no, or visible = binary or spins" },
        { gaussian && !isnan(learn->prior), "prior",
          "only parameters of binary units and spins have one; allowed: auto, or visible = binary or spins" },
        { !learn->partition && !exact, "negative",
          "without ln Z there is no mean over the model to sample; allowed: exact, or partition = yes" },
        { learn->posterior && !exact, "negative",
          "the posterior needs the exact likelihood; allowed: exact, or posterior = no" },
    };
    if (binder->failed || binder->config->cut)
        return;
    for (size_t k = 0; k < sizeof rules / sizeof *rules; k++)
        if (rules[k].broken) {
            const struct config_entry entry = settings_entry(binder, section, rules[k].key);
            settings_complain(binder, &entry, NULL, "%s", rules[k].what);
        }
}
