// SPDX-License-Identifier: GPL-3.0-or-later
// Distribution of the distance of two particles, of all pairs and of each class of them where there are two; and g,
// that over the distribution of particles that know nothing of one another: of two different walkers, which are
// independent, each with the density of this very state.
// Check: without a force g = 1.
#include "vmc/observables.h"
#include "vmc/units.h"

#include "base/rows.h"

#include <math.h>

extern const struct observable_type observable_pairs;

// own[0]: all pairs; own[1 + class]: those of a class, where there are two classes. The strangers of each come right
// behind it.
enum { OWN_ALL, OWN_CLASS };

static const char *refuse(const struct system *system)
{
    return system->particles < 2 ? "needs two particles or more" : NULL;
}

static bool has_classes(const struct system *system)
{
    return system_class_pairs(system, PAIR_PARALLEL) > 0 && system_class_pairs(system, PAIR_ANTIPARALLEL) > 0;
}

struct words {
    const char *name, *long_name, *stranger, *stranger_long, *g, *g_long;
};
static const struct words all = {
    "pair_distribution",
    "distribution of the vector between two particles; its integral is the number of pairs",
    "pair_distribution_uncorrelated",
    "the same of particles of different walkers, which are independent",
    "g",
    "pair distribution over the uncorrelated one; 1 where particles do not heed one another",
};
static const struct words classes[PAIR_CLASSES] = {
    [PAIR_ANTIPARALLEL] = { "pair_distribution_antiparallel",
                            "distribution of the vector between two particles of opposite spin",
                            "pair_distribution_uncorrelated_antiparallel",
                            "the same of particles of different walkers, which are independent", "g_antiparallel",
                            "pair distribution over the uncorrelated one, particles of opposite spin" },
    [PAIR_PARALLEL] = { "pair_distribution_parallel",
                        "distribution of the vector between two particles of the same spin",
                        "pair_distribution_uncorrelated_parallel",
                        "the same of particles of different walkers, which are independent", "g_parallel",
                        "pair distribution over the uncorrelated one, particles of the same spin" },
};

static size_t add(struct observables *observables, const char *name, const char *long_name, double pairs,
                  bool strangers)
{
    static const char *const units[] = { UNIT_PER_LENGTH, UNIT_PER_LENGTH "^2", UNIT_PER_LENGTH "^3" };
    return observables_add_histogram(
        observables, &(struct observables_histogram){ .name = name,
                                                      .long_name = long_name,
                                                      .unit = units[observables->system.dimensions - 1],
                                                      .n_axes = 1,
                                                      .shells = true,
                                                      .total = pairs,
                                                      .strangers = strangers,
                                                      .axis = { { .name = "distance",
                                                                  .long_name = "distance between two particles",
                                                                  .extent = EXTENT_PAIR,
                                                                  .bins = observables->bins } } });
}

// Both histograms of a kind of pairs, next to one another.
static size_t add_both(struct observables *observables, const struct words *words, size_t pairs)
{
    const size_t own = add(observables, words->name, words->long_name, (double)pairs, false);
    const size_t strangers = add(observables, words->stranger, words->stranger_long, (double)pairs, true);
    observables_add_ratio(observables, &(struct observables_ratio){ words->g, words->g_long, own, strangers });
    return own;
}

static void describe(struct observables *observables, size_t own[4])
{
    const struct system *system = &observables->system;
    own[OWN_ALL] = add_both(observables, &all, system_pairs(system));
    for (size_t class = 0; class < PAIR_CLASSES; class ++)
        own[OWN_CLASS + class] = has_classes(system)
                                     ? add_both(observables, &classes[class], system_class_pairs(system, class))
                                     : SIZE_MAX;
}

static void count(const struct observables *observables, const size_t own[4], const struct observables_place *place,
                  const struct pairs *pairs, size_t shift)
{
    double r[WALKERS];
    for (size_t k = 0; k < pairs->n; k++) {
        for (size_t w = 0; w < WALKERS; w++)
            r[w] = sqrt(rows_at_const(pairs->r2, k)[w]);
        observables_count(observables, place, own[OWN_ALL] + shift, r, NULL);
        if (own[OWN_CLASS] != SIZE_MAX)
            observables_count(observables, place, own[OWN_CLASS + pairs->class[k]] + shift, r, NULL);
    }
}

static void count_pairs(const struct observables *observables, const size_t own[4],
                        const struct observables_place *place, const struct pairs *pairs)
{
    count(observables, own, place, pairs, 0);
}

static void count_strangers(const struct observables *observables, const size_t own[4],
                            const struct observables_place *place, const struct pairs *pairs)
{
    count(observables, own, place, pairs, 1);
}

const struct observable_type observable_pairs = {
    .name = "pair-distribution",
    .summary = "distribution of the distance of two particles, and g, it over the uncorrelated one",
    .refuse = refuse,
    .describe = describe,
    .pairs = count_pairs,
    .strangers = count_strangers
};
