// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/fermions.h"

#include "vmc/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fermions fermions_build(const char *text)
{
    struct fermions fermions = { .built = false };
    struct config config;
    struct rng rng;
    assert_true(config_parse(&config, "f.ini", text, strlen(text), &fermions.error));
    assert_true(settings_build(&fermions.model.settings, &config, &fermions.error, NULL));
    config_finish(&config);
    fermions.built = ensemble_build(&fermions.model.ensemble, &fermions.model.settings, 1, &fermions.error);
    if (!fermions.built) {
        settings_finish(&fermions.model.settings);
        return fermions;
    }
    fermions.model.theta = calloc(fermions.model.ensemble.wavefunction.n_parameters + 1, sizeof(double));
    rng_start(&rng, 11, 0);
    wavefunction_start(&fermions.model.ensemble.wavefunction, rng_uniform, &rng, fermions.model.theta);
    ensemble_start(&fermions.model.ensemble, 3);
    assert_true(ensemble_take(&fermions.model.ensemble, fermions.model.theta));
    return fermions;
}

void fermions_finish(struct fermions *fermions)
{
    if (fermions->built)
        model_finish(&fermions->model);
    error_clear(&fermions->error);
}

struct fermions fermions_build_moved(const char *text)
{
    struct fermions fermions = fermions_build(text);
    struct rng rng;
    if (!fermions.built)
        fail_msg("%s-> %s", text, fermions.error.text);
    rng_start(&rng, 5, 0);
    for (size_t k = 0; k < fermions.model.ensemble.wavefunction.n_parameters; k++)
        fermions.model.theta[k] += 0.1 * (rng_uniform(&rng) - 0.5);
    assert_true(ensemble_take(&fermions.model.ensemble, fermions.model.theta));
    return fermions;
}
