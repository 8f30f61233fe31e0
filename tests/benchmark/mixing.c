// SPDX-License-Identifier: GPL-3.0-or-later
// How long walkers take to agree: CPU time until R-hat < 1.01 from dispersed starts, for warm-ups and samplers
// (docs/samplers.md).
//
//     time_mixing mixture|scales|FILE.ini SPREAD MOST [section.key=value;...]...
//
// Every further argument is one way. A burn-in of B sweeps is followed by draws until R-hat of the first coordinate,
// the last one and the energy (of ln|psi|^2 in its place, where the target is no wave function of a trap) are below
// 1.01; B is 50, 200, 800 and 3200, and the shortest sum of both counts, in s of CPU time on one thread. Ways that take
// longer than MOST s are given up.
#include "support/targets.h"
#include "vmc/rng.h"
#include "vmc/statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { QUANTITIES = 3, ROUND = 50, DRAWS_MOST = 25600 };

struct record {
    size_t chains, draws;
    double *values;  // [quantity][chain][DRAWS_MOST]
    size_t last;     // coordinate
};

static void keep(const struct ensemble_draw *draw, void *context)
{
    struct record *record = context;
    for (size_t w = 0; w < WALKERS; w++) {
        const double found[QUANTITIES] = { draw->x[w], draw->x[record->last * WALKERS + w],
                                           draw->controlled[CONTROLLED_ENERGY_ROW * WALKERS + w] };
        for (size_t q = 0; q < QUANTITIES; q++)
            record->values[(q * record->chains + draw->block * WALKERS + w) * DRAWS_MOST + record->draws + draw->draw] =
                found[q];
    }
}

static double worst_r_hat(const struct record *record)
{
    double worst = 0, *packed = malloc(record->chains * record->draws * sizeof *packed);
    for (size_t q = 0; packed && q < QUANTITIES; q++) {
        struct statistics statistics;
        for (size_t c = 0; c < record->chains; c++)
            memcpy(packed + c * record->draws, record->values + (q * record->chains + c) * DRAWS_MOST,
                   record->draws * sizeof *packed);
        statistics_analyse(&(struct series){ record->chains, record->draws, 1, packed }, &statistics, NULL);
        worst = fmax(worst, statistics.variance > 1e-16 ? statistics.r_hat : 0);
    }
    free(packed);
    return worst;
}

static double cpu(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// The configuration, with the way's entries.
static bool read_settings(struct settings *settings, const char *path, const char *spread, const char *way,
                          size_t burn_in)
{
    static const char *const own[][2] = {
        { "mixture", "[system]\nparticles = 1\ndimensions = 2\n" },
        { "scales", "[system]\nparticles = 20\ndimensions = 2\n" },
    };
    struct config config;
    struct error error = { 0 };
    char words[1000], line[200], *rest = words;
    bool good = false, read = false;
    for (size_t k = 0; k < 2; k++)
        if (strcmp(path, own[k][0]) == 0)
            read = good = config_parse(&config, path, own[k][1], strlen(own[k][1]), &error);
    if (!read)
        good = config_read(&config, path, &error);
    snprintf(words, sizeof words, "%s", way);
    for (char *word; good && (word = strsep(&rest, ";"));)
        good = !*word || config_set(&config, word, &error);
    snprintf(line, sizeof line, "sampler.spread=%s", spread);
    good = good && config_set(&config, line, &error) && config_set(&config, "sampler.walkers=128", &error);
    snprintf(line, sizeof line, "sampler.burn_in=%zu", burn_in);
    good = good && config_set(&config, line, &error) && settings_build(settings, &config, &error, NULL);
    if (!good)
        fprintf(stderr, "%s\n", error.text ? error.text : "no message");
    config_finish(&config);
    return good;
}

static bool build(struct target *target, const char *path)
{
    struct error error = { 0 };
    const struct factor_type *own = strcmp(path, "mixture") == 0  ? &target_mixture
                                    : strcmp(path, "scales") == 0 ? &target_scales
                                                                  : NULL;
    const struct ensemble_factors factors = { 1, { own }, { &target->state } };
    const bool good = own ? ensemble_build_product(&target->ensemble, &target->settings, &factors, 1, &error)
                          : ensemble_build(&target->ensemble, &target->settings, 1, &error);
    if (!good) {
        fprintf(stderr, "%s\n", error.text ? error.text : "no message");
        return false;
    }
    struct rng rng;
    double *theta = calloc(target->ensemble.wavefunction.n_parameters + 1, sizeof *theta);
    rng_start(&rng, target->settings.run.seed, UINT64_MAX);
    wavefunction_start(&target->ensemble.wavefunction, rng_uniform, &rng, theta);
    ensemble_start(&target->ensemble, target->settings.run.seed);
    const bool taken = ensemble_take(&target->ensemble, theta);
    free(theta);
    return taken;
}

// s of CPU time with a burn-in of so many sweeps; INFINITY beyond `most`.
static double time_once(const char *path, const char *spread, const char *way, size_t burn_in, double most,
                        double *r_hat)
{
    struct target target = { 0 };
    struct ensemble_sums sums;
    if (!read_settings(&target.settings, path, spread, way, burn_in) || !build(&target, path))
        exit(1);
    struct record record = { .chains = target.ensemble.n_walkers,
                             .last = target.ensemble.wavefunction.n_coordinates - 1 };
    record.values = malloc(QUANTITIES * record.chains * DRAWS_MOST * sizeof *record.values);
    double spent = 0, start = cpu();
    ensemble_burn_in(&target.ensemble, burn_in, true);
    spent += cpu() - start;
    *r_hat = NAN;
    while (record.values && record.draws < DRAWS_MOST && spent < most) {
        const size_t draws = record.draws ? record.draws : ROUND;
        start = cpu();
        const size_t room = DRAWS_MOST - record.draws, n = draws < room ? draws : room;
        ensemble_pass(&target.ensemble, n, 0, keep, &record, &sums);
        spent += cpu() - start;
        record.draws += n;
        *r_hat = worst_r_hat(&record);
        if (*r_hat < 1.01)
            break;
    }
    free(record.values);
    target_finish(&target);
    return *r_hat < 1.01 ? spent : INFINITY;
}

int main(int argc, char **argv)
{
    for (int way = 4; way < argc; way++) {
        const double most = strtod(argv[3], NULL);
        double best = INFINITY, r_hat;
        size_t with = 0;
        for (size_t burn_in = 50; burn_in <= 3200; burn_in *= 4) {
            const double spent = time_once(argv[1], argv[2], argv[way], burn_in, most, &r_hat);
            if (spent < best) {
                best = spent;
                with = burn_in;
            } else if (isfinite(best))
                break;
        }
        if (isfinite(best))
            printf("%s | %s | %.2g s (burn-in %zu)\n", argv[1], argv[way], best, with);
        else
            printf("%s | %s | more than %.0f s, R-hat %.3f at last\n", argv[1], argv[way], most, r_hat);
        fflush(stdout);
    }
    return argc < 5;
}
