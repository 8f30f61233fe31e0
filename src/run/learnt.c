// SPDX-License-Identifier: GPL-3.0-or-later
#include "run/learnt.h"

#include "vmc/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void learnt_add(const struct run *run, struct record *record)
{
    const struct ensemble *ensemble = &run->ensemble;
    const struct record_axis rung = { "rung", ensemble->n_rungs, "1", "temperature", NULL },
                             pair = { "pair", ensemble->n_rungs - 1, "1", "temperature and the next higher one", NULL },
                             number = { "rung_number", ensemble->rung_row, "1", "position", NULL },
                             coordinate = { "coordinate", ensemble->wavefunction.n_coordinates, "1", "coordinate",
                                            NULL };
    const struct record_array all[] = {
        { "/sampler/temperature", "1", "temperature T of |psi|^(2/T)", 1, { rung }, ensemble->temperature },
        { "/sampler/learnt",
          "1",
          "of every temperature: step, its tuning, widths, what else the sampler needs",
          2,
          { rung, number },
          ensemble->rungs },
        { "/sampler/width",
          UNIT_LENGTH,
          "widths of the coordinates: inverse square roots of the masses",
          1,
          { coordinate },
          ensemble->rungs + RUNG_OWN },
        { "/sampler/swap_acceptance",
          "1",
          "share of exchanges accepted with the next higher temperature",
          1,
          { pair },
          run->measured.swap_share },
    };
    const bool learns = ensemble->sampler->learn, tempers = ensemble->n_rungs > 1;
    const bool has[] = { learns || tempers, learns || tempers, learns, tempers && run->stage == STAGE_MEASURING };
    record_add_text(record, "/sampler/method", "how configurations were drawn", ensemble->sampler->name);
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        if (has[k])
            record_add_array(record, &all[k]);
    if (learns)
        record_add_coordinates(record, "/sampler/width", run->settings->system.particles,
                               run->settings->system.dimensions);
}

static bool is_alike(const struct run *run, struct record_file *file)
{
    const struct ensemble *ensemble = &run->ensemble;
    size_t rank, extent[3];
    double temperature[RUNGS_MOST];
    char *method = record_has(file, "/sampler/method") ? record_read_text(file, "/sampler/method", NULL) : NULL;
    bool alike = method && strcmp(method, ensemble->sampler->name) == 0 && record_has(file, "/sampler/learnt") &&
                 record_shape(file, "/sampler/learnt", &rank, extent, NULL) && rank == 2 &&
                 extent[0] == ensemble->n_rungs && extent[1] == ensemble->rung_row &&
                 record_read_reals(file, "/sampler/temperature", ensemble->n_rungs, temperature, NULL);
    for (size_t r = 0; alike && r < ensemble->n_rungs; r++)
        alike = temperature[r] == ensemble->temperature[r];
    free(method);
    return alike;
}

static bool is_sound(const struct run *run, const double *values)
{
    const struct ensemble *ensemble = &run->ensemble;
    for (size_t r = 0; r < ensemble->n_rungs; r++) {
        const double *row = values + r * ensemble->rung_row;
        bool sound = true;
        for (size_t k = 0; k < ensemble->rung_row; k++)
            sound = sound && isfinite(row[k]);
        for (size_t i = 0; i < ensemble->wavefunction.n_coordinates; i++)
            sound = sound && row[RUNG_OWN + i] > 0;
        if (!sound || !(row[RUNG_STEP] > 0))
            return false;
    }
    return true;
}

bool learnt_load(struct run *run, struct record_file *file, struct error *error)
{
    struct ensemble *ensemble = &run->ensemble;
    const size_t n = ensemble->n_rungs * ensemble->rung_row;
    if (!ensemble->sampler->learn || !is_alike(run, file))
        return true;
    double *values = calloc(n, sizeof *values);
    bool good = values || error_add(error, ERROR_INTERNAL, "no memory to read what the sampler had learnt");
    good = good && record_read_reals(file, "/sampler/learnt", n, values, error);
    if (good && !is_sound(run, values))
        good = error_add(error, ERROR_DAMAGED, "%s: /sampler/learnt holds a value that cannot be",
                         run->settings->wavefunction.load);
    if (good) {
        memcpy(ensemble->rungs, values, n * sizeof *values);
        if (isnan(run->settings->sampler.step))
            ensemble->step = ensemble->rungs[RUNG_STEP];
        for (size_t r = 0; r < ensemble->n_rungs && !isnan(run->settings->sampler.step); r++)
            ensemble->rungs[r * ensemble->rung_row + RUNG_STEP] = ensemble->step;
        ensemble->learnt = true;
        run_note(run, "%s: its step and widths are used, and burn-in learns no others",
                 run->settings->wavefunction.load);
    }
    free(values);
    return good;
}

void learnt_share(struct run *run)
{
    struct ensemble *ensemble = &run->ensemble;
    const struct team *team = run->options->team;
    team_share(team, ensemble->rungs, ensemble->n_rungs * ensemble->rung_row * sizeof *ensemble->rungs);
    team_share(team, &ensemble->step, sizeof ensemble->step);
    team_share(team, &ensemble->learnt, sizeof ensemble->learnt);
}
