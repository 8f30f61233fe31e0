// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/targets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The way from the tail to the stinger is as wide as 0.2, and 0.4 off the axis at its end.
const struct mixture_part mixture_parts[MIXTURE_PARTS] = {
    { 0.5, { 0, 0 }, { 1, 1 } },
    { 0.1, { 3, 0 }, { 0.8, 0.2 } },
    { 0.1, { 5.5, 0.2 }, { 0.8, 0.2 } },
    { 0.3, { 9.5, 0.4 }, { 0.7, 0.2 } },
};

double target_mass(double from, double to)
{
    double mass = 0;
    for (size_t k = 0; k < MIXTURE_PARTS; k++) {
        const struct mixture_part *part = &mixture_parts[k];
        const double scale = part->width[0] * sqrt(2);
        mass += 0.5 * part->mass * (erf((to - part->centre[0]) / scale) - erf((from - part->centre[0]) / scale));
    }
    return mass;
}

double target_width(size_t coordinate, size_t n_coordinates)
{
    return exp(log(1000) * ((double)coordinate / (double)(n_coordinates - 1) - 1));
}

static size_t nothing(const void *state)
{
    (void)state;
    return 0;
}

static size_t no_views(const void *state, struct factor_view view[FACTOR_VIEWS_MOST])
{
    (void)state;
    (void)view;
    return 0;
}

static void start(const void *state, double (*uniform)(void *random), void *random, double *theta)
{
    (void)state;
    (void)uniform;
    (void)random;
    (void)theta;
}

static bool prepare(void *state, const double *theta)
{
    (void)state;
    (void)theta;
    return true;
}

static void traits(const void *state, struct factor_traits *traits)
{
    (void)state;
    *traits = (struct factor_traits){ .symmetry = FACTOR_UNSYMMETRIC };
}

static void derivatives(const void *state, const struct configuration *at, const double *cache, double *o)
{
    (void)state;
    (void)at;
    (void)cache;
    (void)o;
}

// p = sum of normal distributions, relative to the largest: ln psi = 1/2 ln p
static void mix(const void *state, const struct configuration *at, unsigned how, double *weight, double *gradient,
                double *laplacian, double *cache)
{
    (void)state;
    (void)cache;
    for (size_t w = 0; w < WALKERS; w++) {
        double exponent[MIXTURE_PARTS], most = -INFINITY, sum = 0, first[2] = { 0 }, second = 0;
        for (size_t k = 0; k < MIXTURE_PARTS; k++) {
            const struct mixture_part *part = &mixture_parts[k];
            exponent[k] = log(part->mass / (part->width[0] * part->width[1]));
            for (size_t d = 0; d < 2; d++)
                exponent[k] -= 0.5 * pow((at->x[d * WALKERS + w] - part->centre[d]) / part->width[d], 2);
            most = fmax(most, exponent[k]);
        }
        for (size_t k = 0; k < MIXTURE_PARTS; k++) {
            const struct mixture_part *part = &mixture_parts[k];
            const double share = exp(exponent[k] - most);
            sum += share;
            for (size_t d = 0; d < 2; d++) {
                const double square = part->width[d] * part->width[d],
                             slope = -(at->x[d * WALKERS + w] - part->centre[d]) / square;
                first[d] += share * slope;
                second += share * (slope * slope - 1 / square);
            }
        }
        const bool add = how & FACTOR_ADD;
        weight[w] = sum;
        weight[WALKERS + w] = most;
        for (size_t d = 0; d < 2; d++) {
            gradient[d * WALKERS + w] = (add ? gradient[d * WALKERS + w] : 0) + 0.5 * first[d] / sum;
            second -= first[d] * first[d] / sum;
        }
        laplacian[w] = (add ? laplacian[w] : 0) + 0.5 * second / sum;
    }
}

static void scale(const void *state, const struct configuration *at, unsigned how, double *weight, double *gradient,
                  double *laplacian, double *cache)
{
    const size_t n = system_coordinates(&at->geometry->system);
    const bool add = how & FACTOR_ADD;
    (void)state;
    (void)cache;
    for (size_t w = 0; w < 2 * WALKERS; w++)
        weight[w] = w < WALKERS;
    for (size_t w = 0; !add && w < WALKERS; w++)
        laplacian[w] = 0;
    for (size_t i = 0; i < n; i++) {
        const double width = target_width(i, n), inverse = 1 / (width * width);
        for (size_t w = 0; w < WALKERS; w++) {
            const double x = at->x[i * WALKERS + w];
            weight[WALKERS + w] -= 0.5 * inverse * x * x;
            gradient[i * WALKERS + w] = (add ? gradient[i * WALKERS + w] : 0) - 0.5 * inverse * x;
            laplacian[w] -= 0.5 * inverse;
        }
    }
}

#define COMMON                                                                                            \
    .carries_trap = true, .n_parameters = nothing, .views = no_views, .start = start, .prepare = prepare, \
    .traits = traits, .derivatives = derivatives
const struct factor_type target_mixture = { .name = "mixture", .evaluate = mix, COMMON };
const struct factor_type target_scales = { .name = "scales", .evaluate = scale, COMMON };

static void check(bool good, const struct error *error)
{
    if (good)
        return;
    fprintf(stderr, "target: %s\n", error->text ? error->text : "no message");
    abort();
}

void target_build(struct target *target, const struct factor_type *type, const char *ini)
{
    struct config config;
    struct error error = { 0 };
    check(config_parse(&config, "target", ini, strlen(ini), &error), &error);
    check(settings_build(&target->settings, &config, &error, NULL), &error);
    config_finish(&config);
    struct ensemble_factors factors = { 1, { type }, { &target->state } };
    check(ensemble_build_product(&target->ensemble, &target->settings, &factors, 1, &error), &error);
    ensemble_start(&target->ensemble, target->settings.run.seed);
    double none = 0;
    check(ensemble_take(&target->ensemble, &none), &error);
}

void target_finish(struct target *target)
{
    ensemble_finish(&target->ensemble);
    settings_finish(&target->settings);
}
