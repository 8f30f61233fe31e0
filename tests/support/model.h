// SPDX-License-Identifier: GPL-3.0-or-later
// The program's own objects for an oracle's parameter set: by way of INI text, as a user would make them.
#ifndef MODEL_H
#define MODEL_H

#include "oracle/oracle.h"
#include "run/ensemble.h"
#include "vmc/settings.h"

// `lines`: further INI text, NULL-terminated list of "section.key=value" overrides.
void model_settings(struct settings *settings, const struct oracle_rbm *rbm, const char *const *overrides);
// Settings and walkers at the set's parameters.
struct model {
    struct settings settings;
    struct ensemble ensemble;
    double *theta;
};
void model_build(struct model *model, const struct oracle_rbm *rbm, const char *const *overrides, size_t threads);
void model_finish(struct model *model);

// Means over a pass with errors from the scatter of the walkers' means, which are independent.
enum { MODEL_ENERGY, MODEL_LOCAL, MODEL_KINETIC, MODEL_KINETIC_GRADIENT, MODEL_TRAP, MODEL_PAIR, MODEL_QUANTITIES };
struct model_mean {
    double mean[MODEL_QUANTITIES], error[MODEL_QUANTITIES];
};
void model_measure(struct model *model, size_t draws, struct model_mean *out);

#endif
