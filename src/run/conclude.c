// SPDX-License-Identifier: GPL-3.0-or-later
#include "run/conclude.h"

#include "run/kept.h"
#include "run/series.h"

#include <math.h>

static double variance(double sum, double sum2, double n) { return fmax(0, (sum2 - sum * sum / n) / (n > 1 ? n - 1 : 1)); }

static bool conclude_energy(struct run *run, struct error *error)
{
    struct run_result *result = run->result;
    const struct ensemble_sums *sums = &run->measured.sums;
    struct statistics energy;
    if (!series_analyse(run, 1, &(struct series_term){ SERIES_ENERGY, 1 }, true, &energy, error))
        return false;
    result->energy = energy.mean;
    result->energy_error = energy.error;
    result->autocorrelation_error = energy.error_autocorrelation;
    result->r_hat = energy.r_hat;
    result->plateau = energy.plateau;
    result->variance = variance(sums->local, sums->local2, sums->samples);
    result->estimator_variance = variance(sums->energy, sums->energy2, sums->samples);
    // times and samples are those of draws, whose variance is larger than that of values that are means over several
    const double averaged = run->measured.block > 1 && result->estimator_variance > 0 ? energy.variance / result->estimator_variance : 1;
    result->autocorrelation_time = energy.autocorrelation_time * averaged;
    result->effective_samples = energy.effective_samples / averaged;
    return true;
}

static bool conclude_parts(struct run *run, struct error *error)
{
    struct statistics part;
    for (size_t k = 0; k < SERIES; k++) {
        if (k == SERIES_ENERGY || kept_series[k].mean == KEPT_NOWHERE)
            continue;
        if (!series_analyse(run, 1, &(struct series_term){ k, 1 }, false, &part, error))
            return false;
        *kept_result_at(run->result, kept_series[k].mean) = part.mean;
        *kept_result_at(run->result, kept_series[k].error) = part.error;
    }
    return true;
}

static bool conclude_virial(struct run *run, struct error *error)
{
    struct statistics virial;
    if (!series_analyse(run, 1, &(struct series_term){ SERIES_VIRIAL, 1 }, false, &virial, error))
        return false;
    run->result->virial_ratio = 2 * run->result->kinetic / virial.mean;
    return true;
}

static bool conclude(struct run *run, struct error *error)
{
    struct run_result *result = run->result;
    const struct ensemble_sums *sums = &run->measured.sums;
    if (!conclude_energy(run, error) || !conclude_parts(run, error) || !conclude_virial(run, error))
        return false;
    result->acceptance = sums->accepted / sums->moves;
    result->n_samples = sums->samples;
    result->n_bad = sums->bad;
    if (sums->bad > 0.01 * sums->samples || !isfinite(result->energy))
        return error_add(error, ERROR_INTERNAL, "measuring: %.0f of %.0f samples have no finite energy; the wave function is not usable", sums->bad,
                         sums->samples);
    return true;
}

bool run_conclude(struct run *run, struct error *error)
{
    const struct team *team = run->options->team;
    series_gather(run);
    return team_agree(team, !team_leads(team) || conclude(run, error), error);
}
