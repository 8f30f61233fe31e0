// SPDX-License-Identifier: GPL-3.0-or-later
#include "run/conclude.h"

#include "run/kept.h"
#include "run/series.h"

#include <math.h>

// Walkers that have not met: each of them has seen a part of |psi|^2 of its own, and is worth one sample at most,
// however many draws it has. Above this R-hat of all walkers' energies.
static const double APART = 1.1;

static double variance(double sum, double sum2, double n)
{
    return fmax(0, (sum2 - sum * sum / n) / (n > 1 ? n - 1 : 1));
}

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
    const double averaged = run->measured.block > 1 && result->estimator_variance > 0
                                ? energy.variance / result->estimator_variance
                                : 1;
    result->autocorrelation_time = energy.autocorrelation_time * averaged;
    result->effective_samples = energy.effective_samples / averaged;
    if (energy.r_hat > APART)
        result->effective_samples = fmin(result->effective_samples, (double)run->ensemble.n_walkers);
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

// R = 2 <T> / <W>, where W = sum x dV/dx is 2 V_trap + degree V_pair for a homogeneous force: of means with control
// variates then, since the plain V_pair of a Coulomb force has no variance in two dimensions. The error is that of the
// mean of (2 T - R W) / <W>, whatever is correlated with what.
static bool conclude_virial(struct run *run, struct error *error)
{
    struct run_result *result = run->result;
    const struct interaction_type *type = run->ensemble.hamiltonian.type;
    struct series_term terms[] = { { SERIES_KINETIC, 2 }, { SERIES_TRAP, 2 }, { SERIES_PAIR, type->degree } };
    const bool homogeneous = type->virial == VIRIAL_HOMOGENEOUS;
    const size_t n = homogeneous ? 3 : 2;
    struct statistics ratio, virial;
    result->virial_ratio = result->virial_ratio_error = NAN;
    if (type->virial == VIRIAL_NONE)
        return true;
    if (!homogeneous)
        terms[1] = (struct series_term){ SERIES_VIRIAL, 1 };
    if (!series_analyse(run, n - 1, terms + 1, false, &virial, error))
        return false;
    result->virial_ratio = 2 * result->kinetic / virial.mean;
    for (size_t k = 0; k < n; k++)
        terms[k].weight *= (k ? -result->virial_ratio : 1) / virial.mean;
    if (!series_analyse(run, n, terms, false, &ratio, error))
        return false;
    result->virial_ratio_error = ratio.error;
    return true;
}

static void conclude_swaps(struct run *run)
{
    struct measured *measured = &run->measured;
    const double tried = measured->sums.samples * (double)run->ensemble.thin;
    for (size_t r = 0; r + 1 < run->ensemble.n_rungs; r++) {
        measured->swap_share[r] = measured->sums.swapped[r] / tried;
        if (r == 0 || measured->swap_share[r] < run->result->swap_acceptance)
            run->result->swap_acceptance = measured->swap_share[r];
    }
}

static bool conclude(struct run *run, struct error *error)
{
    struct run_result *result = run->result;
    const struct ensemble_sums *sums = &run->measured.sums;
    if (!conclude_energy(run, error) || !conclude_parts(run, error) || !conclude_virial(run, error))
        return false;
    result->acceptance = sums->accepted / sums->moves;
    conclude_swaps(run);
    result->n_samples = sums->samples;
    result->n_bad = sums->bad;
    if (sums->bad > 0.01 * sums->samples || !isfinite(result->energy))
        return error_add(error, ERROR_INTERNAL,
                         "measuring: %.0f of %.0f samples have no finite energy; the wave function is not usable",
                         sums->bad, sums->samples);
    return true;
}

bool run_conclude(struct run *run, struct error *error)
{
    const struct team *team = run->options->team;
    series_gather(run);
    return team_agree(team, !team_leads(team) || conclude(run, error), error);
}
