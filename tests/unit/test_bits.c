// SPDX-License-Identifier: GPL-3.0-or-later
// Every kernel on fixed numbers against a record: a digest of its bits per product, force and system, where nothing
// but our own arithmetic is in them, and sums to ten digits where BLAS is. `recorded runs` compares whole runs to five
// digits; here a constant that moves the tenth digit shows as well.
//
//     test_bits RECORD            compares
//     test_bits RECORD --write    records anew
//     test_bits --show            prints each digest by itself
#include "support/recorded.h"

#include "base/memory.h"
#include "base/rows.h"
#include "run/ensemble.h"
#include "run/ensemble_parts.h"
#include "run/metric.h"
#include "vmc/level.h"
#include "vmc/observables.h"
#include "vmc/rng.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const forces[] = {
    "none",
    "coulomb\n[interaction]\nstrength = 1.3",
    "soft-coulomb\n[interaction]\nsoftening = 0.7",
    "hard-sphere\n[interaction]\ndiameter = 0.2",
    "harmonic\n[interaction]\nkappa = 0.3",
    "gaussian\n[interaction]\nheight = 1.5\nwidth = 0.7",
    "inverse-square\n[interaction]\nlambda = 1.4",
};
static const char *const products[] = {
    "rbm\n[rbm]\nhidden = 3\ninit_scale = 0.5",
    "rbm\n[rbm]\nhidden = 0",
    "rbm\n[rbm]\nhidden = 2\nsigma = 0.9\nrepresentation = probability\ntrain_sigma = yes",
    "rbm\n[rbm]\nhidden = 5\ntrain_sigma = yes\ninit_scale = 0.3",
    "gaussian\n[gaussian]\nalpha = 0.8",
    "gaussian, pade-jastrow\n[pade-jastrow]\nbeta = 0.4\ncusp = 0.5",
    "gaussian, gaussian-pair, pade-jastrow\n[gaussian-pair]\ngamma = 0.2",
    "gaussian, power\n[power]\nmu = 0.8",
    "gaussian, power",
    "gaussian, hard-core\n[hard-core]\ndiameter = 0.2",
    "gaussian, hard-core, gaussian-pair\n[hard-core]\ndiameter = 0.2",
    "gaussian, rbm\n[rbm]\nsharing = pairs\nhidden = 3",
    "gaussian, pade-jastrow, rbm\n[rbm]\nsharing = environment\nhidden = 4",
    "rbm, pade-jastrow\n[rbm]\nhidden = 4",
    "slater",
    "slater, pade-jastrow",
    "slater, power",
    "slater, rbm\n[rbm]\nsharing = pairs",
    "slater, pade-jastrow\n[slater]\nbackflow = exponential\ntrain_backflow_length = yes",
    "slater, pade-jastrow, rbm\n[slater]\nbackflow = two-scales\nmixing = yes\n[rbm]\nsharing = environment",
};
static const char *const systems[] = {
    "1\nparticles = 3",
    "2\nparticles = 3",
    "3\nparticles = 3\nomega = 1, 1.2, 0.7",
    "1\nparticles = 1",
    "2\nparticles = 6\nstatistics = fermions\nomega = 0.7",
    "1\nparticles = 4\nstatistics = fermions",
    "3\nparticles = 5\nstatistics = fermions\nspin_up = 4",
    "2\nparticles = 3\nstatistics = fermions\nspin_up = 3\nomega = 1, 1.3",
};
// more particles: tiles of pairs, sums over shells
static const char *const crowds[][3] = {
    { "none", "gaussian, pade-jastrow\n[pade-jastrow]\ncusp = 0.5", "2\nparticles = 21" },
    { "hard-sphere\n[interaction]\ndiameter = 0.1", "gaussian, hard-core", "3\nparticles = 20" },
    { "coulomb", "rbm, pade-jastrow\n[rbm]\nhidden = 9", "2\nparticles = 7" },
    { "coulomb", "gaussian, gaussian-pair, power\n[power]\nmu = 0.3", "3\nparticles = 21" },
    { "coulomb", "slater, pade-jastrow", "2\nparticles = 6\nstatistics = fermions" },
    { "coulomb", "slater, pade-jastrow", "2\nparticles = 12\nstatistics = fermions\nomega = 0.3" },
    { "coulomb", "slater, pade-jastrow", "2\nparticles = 20\nstatistics = fermions" },
    { "coulomb", "slater, pade-jastrow", "3\nparticles = 8\nstatistics = fermions" },
    { "coulomb", "slater, pade-jastrow, rbm\n[rbm]\nsharing = environment\nhidden = 3",
      "2\nparticles = 12\nstatistics = fermions" },
    { "coulomb", "slater, pade-jastrow\n[slater]\nbackflow = two-scales",
      "2\nparticles = 7\nstatistics = fermions\nspin_up = 6" },
    { "coulomb", "slater, rbm\n[slater]\nmixing = yes\n[rbm]\nsharing = pairs",
      "2\nparticles = 13\nstatistics = fermions\nspin_up = 10" },
    { "coulomb", "slater, pade-jastrow\n[slater]\norbitals_up = 0 0, 2 0, 1 3\norbitals_down = 0 1, 1 0",
      "2\nparticles = 5\nstatistics = fermions" },
    { "inverse-square", "slater, power", "1\nparticles = 5\nstatistics = fermions\nspin_up = 5" },
    { "soft-coulomb", "slater, gaussian-pair\n[gaussian-pair]\ngamma = 0.3",
      "3\nparticles = 8\nstatistics = fermions\nomega = 1, 1, 1.5" },
    { "none", "rbm\n[rbm]\nhidden = 11\ntrain_sigma = yes", "1\nparticles = 3" },
    { "none", "rbm\n[rbm]\nhidden = 10\ntrain_sigma = yes\nsigma = 0.8, 1.1", "2\nparticles = 2\nomega = 1, 1.2" },
    { "coulomb", "gaussian, pade-jastrow, rbm\n[rbm]\nsharing = environment\nhidden = 32", "2\nparticles = 3" },
    { "none", "slater", "3\nparticles = 20\nstatistics = fermions\nspin_up = 20" },
    { "coulomb", "slater, pade-jastrow", "3\nparticles = 20\nstatistics = fermions\nspin_up = 10" },
    { "coulomb", "gaussian, power\n[power]\nmu = 1", "1\nparticles = 4" },
    { "coulomb", "gaussian, pade-jastrow\n[pade-jastrow]\ntrain = no", "2\nparticles = 101" },
    { "none", "gaussian, hard-core\n[hard-core]\ndiameter = 0.001", "2\nparticles = 101" },
    { "none", "gaussian, pade-jastrow, gaussian-pair\n[pade-jastrow]\ncusp = 0.1", "1\nparticles = 101" },
    { "none", "rbm\n[rbm]\nhidden = 40", "2\nparticles = 5" },
    { "harmonic", "rbm\n[rbm]\nhidden = 300\ninit_scale = 0.1", "1\nparticles = 2" },
};
static const char *const samplers[] = {
    "langevin",
    "langevin\nmove = particle",
    "metropolis",
    "metropolis\nmove = all",
    "metropolis\nproposal = normal",
    "metropolis\nmove = all\nproposal = normal\ntemperatures = 1, 1.7, 3",
    "gibbs",
    "hmc",
    "hmc\ntrajectory = 0.4\ntemperatures = 1, 1.5\nwarm_up = momentum-diffusion",
    "exact",
    "langevin\ntemperatures = 1, 2\njumps = yes",
    "metropolis\ntemperatures = 1, 1.7, 3",
};
enum {
    FORCES = sizeof forces / sizeof *forces,
    PRODUCTS = sizeof products / sizeof *products,
    SYSTEMS = sizeof systems / sizeof *systems,
    CROWDS = sizeof crowds / sizeof *crowds,
    SAMPLERS = sizeof samplers / sizeof *samplers
};

// ---- digests

static void fold(uint64_t *digest, uint64_t word)
{
    *digest = (*digest ^ word) * 0x100000001b3;
    *digest ^= *digest >> 29;
}

static void take(uint64_t *digest, size_t n, const double *values)
{
    for (size_t k = 0; k < n; k++) {
        uint64_t word = 0x7ff8000000000000;  // what is no number has no bits to compare
        if (!isnan(values[k]))
            memcpy(&word, values + k, sizeof word);
        fold(digest, word);
    }
}

// What a case gives: in a group, all bits and all sums, each told only where one case is asked for.
struct book {
    FILE *out;
    bool shows;
    uint64_t bits;
    double sum;
};

static void say_bits(struct book *book, const char *name, uint64_t digest)
{
    fold(&book->bits, digest);
    if (book->shows)
        fprintf(book->out, "    %s %016" PRIx64 "\n", name, digest);
}

static void say(struct book *book, const char *name, size_t n, const double *values)
{
    uint64_t digest = 0;
    take(&digest, n, values);
    say_bits(book, name, digest);
}

// A sum that each value moves, over the sum of their sizes.
static void say_sum(struct book *book, const char *name, size_t n, const double *values)
{
    double sum = 0, size = 0;
    for (size_t k = 0; k < n; k++) {
        const double part = isfinite(values[k]) ? values[k] * (1 + (double)(k % 7)) : 0;
        sum += part;
        size += fabs(part);
    }
    book->sum += size > 0 ? sum / size : (double)n;
    if (book->shows)
        fprintf(book->out, "    %s %.12g of %.6g\n", name, sum, size);
}

static void close_group(struct book *book, const char *name)
{
    fprintf(book->out, " %s %08" PRIx32, name, (uint32_t)(book->bits ^ book->bits >> 32));
    if (book->sum != 0)
        fprintf(book->out, " %.10f", book->sum);
    book->bits = 0;
    book->sum = 0;
}

// ---- what one ensemble is asked

struct seen {
    const struct ensemble *ensemble;
    bool parts;
    uint64_t energy, controlled;
};

static void see(const struct ensemble_draw *draw, void *context)
{
    struct seen *seen = context;
    take(&seen->energy, (size_t)ENERGY_ROWS * WALKERS, draw->energy);
    take(&seen->controlled, (seen->parts ? (size_t)CONTROLLED_ROWS : 1) * WALKERS, draw->controlled);
}

static size_t known_rows(const struct wavefunction *wavefunction)
{
    return wavefunction->row_weight + 2 * wavefunction->n_weights;
}

static void say_pass(struct book *book, const char *name, struct ensemble *ensemble, unsigned what)
{
    struct seen seen = { ensemble, !(what & PASS_GRADIENT) && ensemble->controls.n_functions > 0, 0, 0 };
    struct ensemble_sums sums = { 0 };
    char text[32];
    ensemble_pass(ensemble, 3, what, see, &seen, &sums);
    snprintf(text, sizeof text, "%s.energy", name);
    say_bits(book, text, seen.energy);
    snprintf(text, sizeof text, "%s.controlled", name);
    say_bits(book, text, seen.controlled);
    snprintf(text, sizeof text, "%s.sums", name);
    say(book, text, sizeof sums / sizeof(double), &sums.samples);
    ensemble_learn(ensemble, &sums, true);
}

// Walkers, their sums and the gradient, with the step that is tuned and the control variates that are fitted meanwhile.
static void say_walk(struct book *book, struct ensemble *ensemble)
{
    const struct wavefunction *wavefunction = &ensemble->wavefunction;
    double *gradient = memory_doubles(wavefunction->n_parameters + 1);
    ensemble_burn_in(ensemble, 8, true);
    say(book, "step", 1, &ensemble->step);
    say(book, "rungs", ensemble->sampler->learn || ensemble->n_rungs > 1 ? ensemble->n_rungs * ensemble->rung_row : 0,
        ensemble->rungs);
    say_pass(book, "train", ensemble, PASS_GRADIENT | PASS_CONTROLS | PASS_OTHER);
    ensemble_gradient(ensemble, 3.0 * (double)ensemble->n_walkers, gradient);
    say(book, "gradient", wavefunction->n_parameters, gradient);
    ensemble_fit(ensemble);
    say(book, "fit", (size_t)CONTROLLED_QUANTITIES * CONTROLS_MOST, ensemble->controls.coefficient[0]);
    say_pass(book, "measure", ensemble, PASS_CONTROLS);
    say(book, "drift", 1, &ensemble->drift);
    uint64_t walkers = 0;
    for (size_t k = 0; k < ensemble->n_rungs * ensemble->n_blocks; k++) {
        take(&walkers, wavefunction->n_coordinates * WALKERS, ensemble->block[k].current);
        for (size_t w = 0; w < (size_t)RNG_ROWS * WALKERS; w++)
            fold(&walkers, ensemble->block[k].random[w]);
    }
    say_bits(book, "walkers", walkers);
    memory_free(gradient);
}

// ---- the kernels of the wave function, one after the other

static void say_moves(struct book *book, const struct ensemble *ensemble, double *frame, double *trial, double *spare)
{
    const struct wavefunction *wavefunction = &ensemble->wavefunction;
    const struct system *system = &wavefunction->system;
    const size_t d = system->dimensions, last = system->particles - 1;
    double *gradient = spare, *sign = rows_at(spare, d), *mask = rows_at(sign, 1), *scratch = rows_at(mask, 1);
    uint64_t ratio = 0, slope = 0, signs = 0;
    double drift = wavefunction_refresh(wavefunction, false, frame);
    rows_copy(wavefunction->n_coordinates, frame, trial);
    for (size_t k = 0; k < 3; k++) {
        const size_t p = k == 0 ? 0 : k == 1 ? last : system->particles / 2;
        for (size_t i = 0; i < d * WALKERS; i++)
            rows_at(trial, p * d)[i] += 0.25 - 0.015625 * (double)(i % WALKERS);
        for (size_t w = 0; w < WALKERS; w++) {
            const uint64_t bits = (w + k) % 3 ? ~(uint64_t)0 : 0;
            memcpy(mask + w, &bits, sizeof bits);
            sign[w] = 1;
        }
        rows_fill(d, 0, gradient);
        wavefunction_particle_gradient(wavefunction, p, frame, NULL, scratch, gradient);
        take(&slope, d * WALKERS, gradient);
        wavefunction_ratio(wavefunction, p, frame, trial);
        take(&ratio, 2 * wavefunction->n_weights * WALKERS, rows_at(trial, wavefunction->row_weight));
        rows_fill(d, 0, gradient);
        wavefunction_particle_gradient(wavefunction, p, frame, trial, scratch, gradient);
        take(&slope, d * WALKERS, gradient);
        if (wavefunction_knows_sign(wavefunction))
            wavefunction_sign(wavefunction, p, trial, sign);
        take(&signs, WALKERS, sign);
        wavefunction_accept(wavefunction, p, mask, trial, frame);
    }
    say_bits(book, "ratio", ratio);
    say_bits(book, "slope", slope);
    say_bits(book, "sign", signs);
    wavefunction_evaluate_moved(wavefunction, frame);
    say(book, "moved", known_rows(wavefunction) * WALKERS, frame);
    drift += wavefunction_refresh(wavefunction, true, frame);
    say(book, "refreshed", 1, &drift);
}

static void say_parameters(struct book *book, const struct ensemble *ensemble, const double *frame)
{
    const struct wavefunction *wavefunction = &ensemble->wavefunction;
    const size_t n = wavefunction->n_parameters, m = wavefunction->n_coordinates;
    double *o = memory_rows(n + 1), *sums = memory_rows(wavefunction->n_sum_rows + 1),
           *collected = memory_doubles(n + 1), *scratch = memory_rows(wavefunction->n_scratch_rows + 1),
           *features = memory_rows(wavefunction->n_features + 1);
    double log_psi[WALKERS];
    wavefunction_derivatives(wavefunction, frame, o);
    say(book, "derivatives", n * WALKERS, o);
    wavefunction_accumulate(wavefunction, frame, frame, rows_at_const(frame, m), frame, scratch, sums);
    wavefunction_accumulate(wavefunction, frame, frame, rows_at_const(frame, m), NULL, scratch, sums);
    wavefunction_collect(wavefunction, sums, collected);
    say(book, "collected", n, collected);
    wavefunction_reduce_gradient(wavefunction, collected);
    say(book, "reduced", n, collected);
    wavefunction_restore_step(wavefunction, collected);
    say(book, "restored", n, collected);
    wavefunction_features(wavefunction, frame, features);
    say(book, "features", wavefunction->n_features * WALKERS, features);
    wavefunction_log(wavefunction, frame, log_psi);
    say(book, "log", WALKERS, log_psi);
    size_t stages = 0;
    for (size_t k = 0; k < n; k++)
        stages = 3 * stages + wavefunction_stage(wavefunction, k);
    say_bits(book, "stages", stages);
    memory_free(o);
    memory_free(sums);
    memory_free(collected);
    memory_free(scratch);
    memory_free(features);
}

static void say_jumps(struct book *book, const struct ensemble *ensemble)
{
    const struct wavefunction *wavefunction = &ensemble->wavefunction;
    struct sampler_jumps jumps;
    if (!sampler_jumps_build(&jumps, wavefunction))
        return;
    sampler_jumps_take(&jumps, wavefunction);
    const size_t found = sampler_jumps_seek(&jumps, wavefunction);
    say_bits(book, "jumps", jumps.n);
    say_bits(book, "sought", found);
    say_sum(book, "jumps", jumps.n * wavefunction->n_coordinates, jumps.displacement);
    sampler_jumps_finish(&jumps);
}

static void say_warm_up(struct book *book, const struct ensemble *ensemble, double *frame, double *trial)
{
    const struct wavefunction *wavefunction = &ensemble->wavefunction;
    const size_t m = wavefunction->n_coordinates;
    double *scratch = memory_rows(sampler_diffusion_rows(wavefunction)), *hotter = memory_rows(wavefunction->n_rows);
    uint64_t *random = (uint64_t *)memory_rows(2 * RNG_ROWS);
    struct block cold = { .current = frame, .trial = trial, .random = random },
                 hot = { .current = hotter, .trial = trial, .random = random + RNG_ROWS * WALKERS };
    rng_start_block(random, 7, 200);
    rng_start_block(hot.random, 7, 300);
    for (size_t k = 0; k < m * WALKERS; k++)
        hotter[k] = -1.1 * frame[k];
    sampler_diffuse(wavefunction, 1, &cold, scratch);
    sampler_diffuse(wavefunction, 2.5, &hot, scratch);
    say_bits(book, "swapped", sampler_swap(wavefunction, (const double[]){ 1, 2.5 }, &cold, &hot));
    say(book, "diffused", m * WALKERS, frame);
    say(book, "hotter", m * WALKERS, hotter);
    memory_free(random);
    memory_free(hotter);
    memory_free(scratch);
}

// ---- the metric, which BLAS has a part in: sums

static void say_operators(struct book *book, const struct optimizer_metric *metric)
{
    const size_t k = metric->n_parameters, n = metric->n_samples;
    double *v = memory_doubles(k + n + 1), *y = memory_doubles(n + k + 1), *weight = memory_doubles(k + 1),
           *square = memory_doubles(k * k + n * n + 1);
    for (size_t i = 0; i < k; i++) {
        v[i] = 0.125 * (double)(i * 5 % 11) - 0.5;
        weight[i] = 1 + 0.25 * (double)(i % 3);
    }
    say_bits(book, "directions", metric->n_directions);
    metric->apply(metric->context, v, y);
    say_sum(book, "apply", n, y);
    metric->transpose(metric->context, y, square);
    say_sum(book, "transpose", k, square);
    metric->matrix(metric->context, square);
    say_sum(book, "matrix", k * k, square);
    metric->scale(metric->context, y);
    say_sum(book, "scale", k, y);
    for (size_t i = 0; i < k; i++)
        weight[i] = y[i] > 0 ? 1 / y[i] : 0;
    metric->gram(metric->context, weight, square);
    say_sum(book, "gram", n * n, square);
    if (metric->condition && metric->condition(metric->context)) {
        metric->precondition(metric->context, 0.1, v, y);
        say_sum(book, "precondition", k, y);
    }
    memory_free(v);
    memory_free(y);
    memory_free(weight);
    memory_free(square);
}

static void say_metric(struct book *book, struct ensemble *ensemble)
{
    const size_t n = 2 * ensemble->n_walkers;
    struct metric metric;
    struct ensemble_sums sums = { 0 };
    if (ensemble->wavefunction.n_parameters == 0 || !metric_build(&metric, &ensemble->wavefunction, n))
        return;
    ensemble_pass(ensemble, 3, 0, metric_gather, &(struct metric_visit){ &metric, 3, 2 }, &sums);
    say_operators(book, metric_ready(&metric, n));
    metric.stage = FACTOR_FIRST;
    say_operators(book, metric_ready(&metric, n));
    metric_finish(&metric);
}

// ---- observables

static void say_observables(struct book *book, const struct ensemble *ensemble)
{
    enum { BINS = 24, ROOM = 4 * BINS * BINS };
    const struct wavefunction *wavefunction = &ensemble->wavefunction;
    const bool knows = wavefunction_knows_sign(wavefunction);
    struct observables observables;
    struct observables_extent extent = { { 0 } };
    size_t index[OBSERVABLE_TYPES_MOST], n = 0;
    double value[ROOM], error[ROOM];
    for (size_t k = 0; observable_type_at(k); k++)
        if (knows || !observable_type_at(k)->frames)
            index[n++] = k;
    if (!observables_build(&observables, &wavefunction->system, knows ? wavefunction : NULL, n, index, BINS, 1, NULL))
        return;
    for (size_t b = 0; b < ensemble->n_blocks; b++) {
        const struct configuration at = wavefunction_configuration(wavefunction, ensemble->block[b].current);
        observables_widen(&at, &extent);
    }
    observables_reach(&observables, NAN, &extent);
    for (size_t b = 0; b < ensemble->n_blocks; b++) {
        const struct configuration at = wavefunction_configuration(wavefunction, ensemble->block[b].current);
        observables_add(&observables, 0, &at);
    }
    uint64_t counted = 0;
    for (size_t k = 0; k < observables.n_batches * observables.n_counters; k++)
        fold(&counted, observables.count[k]);
    say_bits(book, "counted", counted);
    say(book, "summed", observables.n_batches * observables.n_sums, observables.sum);
    say(book, "reach", EXTENTS, extent.reach);
    for (size_t k = 0; k < observables.n_histograms; k++) {
        observables_density(&observables, k, value, error);
        say_sum(book, observables.histogram[k].name, observables_bins(&observables.histogram[k]), value);
        say_sum(book, "error", observables_bins(&observables.histogram[k]), error);
        const double outside = observables_outside(&observables, k);
        say(book, "outside", 1, &outside);
    }
    for (size_t k = 0; k < observables.n_matrices; k++) {
        const size_t square = observables.matrix[k].n * observables.matrix[k].n;
        observables_matrix(&observables, k, SIZE_MAX, value, error);
        say_sum(book, observables.matrix[k].name, square, value);
        say_sum(book, "error", square, error);
        observables_matrix(&observables, k, 3, value, error);
        say_sum(book, "without", square, value);
    }
    observables_finish(&observables);
}

// ---- all of them

enum { KERNELS = 1, OBSERVED = 2 };

// Random starting parameters, and each a little further on, so that none of them is 0.
static bool take_parameters(struct ensemble *ensemble, double *theta)
{
    struct rng rng;
    rng_start(&rng, 5, 0);
    wavefunction_start(&ensemble->wavefunction, rng_uniform, &rng, theta);
    for (size_t k = 0; k < ensemble->wavefunction.n_parameters; k++)
        theta[k] += 0.015625 * (double)((int)(k * 7 % 11) - 5);
    ensemble_start(ensemble, 3);
    return ensemble_take(ensemble, theta);
}

static void see_pairs(const struct pairs *pairs, void *context)
{
    uint64_t *digest = context;
    fold(digest, pairs->n * 8 + pairs->dimensions);
    for (size_t k = 0; k < pairs->n; k++)
        fold(digest, (pairs->p[k] * 1024 + pairs->q[k]) * 2 + pairs->class[k]);
    take(digest, pairs->n * WALKERS, pairs->r2);
    take(digest, pairs->n * WALKERS, pairs->inverse);
}

// The potential of a block, and the force's kernels on rows of distances, whether or not the potential calls them.
static void say_force(struct book *book, const struct ensemble *ensemble, const double *frame)
{
    enum { N = 5 };
    const struct interaction_type *type = ensemble->hamiltonian.type;
    const void *state = ensemble->hamiltonian.state;
    const struct configuration at = wavefunction_configuration(&ensemble->wavefunction, frame);
    _Alignas(64) double r2[N * WALKERS], inverse[N * WALKERS], out[(N + POTENTIAL_ROWS) * WALKERS];
    hamiltonian_potential(&ensemble->hamiltonian, &at, NULL, NULL, out);
    say(book, "potential", (size_t)POTENTIAL_ROWS * WALKERS, out);
    uint64_t pairs = 0;
    hamiltonian_potential(&ensemble->hamiltonian, &at, see_pairs, &pairs, out);
    say(book, "potential, seen", (size_t)POTENTIAL_ROWS * WALKERS, out);
    for (size_t p = 0; p < ensemble->wavefunction.system.particles && p < 2; p++)
        geometry_visit_particle(&ensemble->wavefunction.geometry, p, frame, frame, see_pairs, &pairs);
    geometry_visit(&at, see_pairs, &pairs);
    say_bits(book, "pairs", pairs);
    for (size_t k = 0; k < (size_t)N * WALKERS; k++) {
        const double r = 0.0625 * (double)(k + 1);
        r2[k] = r * r;
        inverse[k] = 1 / r;
        out[k] = 0;
    }
    if (type->pair_energy)
        type->pair_energy(state, N, r2, inverse, out);
    say(book, "pair energy", (size_t)N * WALKERS, out);
    for (size_t add = 0; add < 2 && type->add_energies; add++)
        type->add_energies(state, N - add, r2, inverse, add > 0, out);
    say(book, "added energies", WALKERS, out);
    if (type->pair_virial)
        type->pair_virial(state, N, r2, inverse, out);
    say(book, "pair virial", (size_t)N * WALKERS, out);
    const double known[] = { hamiltonian_slope(&ensemble->hamiltonian, 0), hamiltonian_slope(&ensemble->hamiltonian, 1),
                             hamiltonian_power(&ensemble->hamiltonian),
                             type->of_inverse ? type->of_inverse(state) : 0 };
    say(book, "contact", sizeof known / sizeof *known, known);
}

static void say_kernels(struct book *book, const struct ensemble *ensemble)
{
    const struct wavefunction *wavefunction = &ensemble->wavefunction;
    double *frame = memory_rows(wavefunction->n_rows), *trial = memory_rows(wavefunction->n_rows),
           *spare = memory_rows(wavefunction->system.dimensions + 2 + wavefunction->n_particle_rows);
    rows_copy(wavefunction->n_coordinates, ensemble->block[0].current, frame);
    wavefunction_weigh(wavefunction, frame);
    say(book, "weight", 2 * wavefunction->n_weights * WALKERS, rows_at(frame, wavefunction->row_weight));
    wavefunction_evaluate(wavefunction, frame);
    say(book, "evaluated", known_rows(wavefunction) * WALKERS, frame);
    say_force(book, ensemble, frame);
    say_parameters(book, ensemble, frame);
    say_moves(book, ensemble, frame, trial, spare);
    say_jumps(book, ensemble);
    say_warm_up(book, ensemble, frame, trial);
    memory_free(frame);
    memory_free(trial);
    memory_free(spare);
}

static void say_name(FILE *out, const char *const parts[4])
{
    for (size_t k = 0; k < 4; k++) {
        for (const char *at = parts[k]; *at; at++)
            fputc(*at == '\n' ? ' ' : *at, out);
        fputs(k < 3 ? "; " : ":", out);
    }
}

static void say_all(struct book *book, struct ensemble *ensemble, unsigned what)
{
    if (what & KERNELS) {
        say_kernels(book, ensemble);
        close_group(book, "kernels");
        say_metric(book, ensemble);
        close_group(book, "metric");
    }
    say_walk(book, ensemble);
    close_group(book, "walk");
    if (what & OBSERVED) {
        say_observables(book, ensemble);
        close_group(book, "observed");
    }
    fputc('\n', book->out);
}

// Nothing where the parts do not go together, which is for `combinations`.
static void say_case(struct book *book, const char *force, const char *product, const char *system, const char *sampler,
                     unsigned what)
{
    char text[800];
    struct config config;
    struct settings settings;
    struct ensemble ensemble;
    struct error error = { 0 };
    snprintf(text, sizeof text,
             "[sampler]\nwalkers = 64\nmethod = %s\n[wavefunction]\nfactors = %s\n[system]\ndimensions = %s\n"
             "interaction = %s\n",
             sampler, product, system, force);
    bool good = config_parse(&config, "f.ini", text, strlen(text), &error) &&
                settings_build(&settings, &config, &error, NULL);
    if (good) {
        good = ensemble_build(&ensemble, &settings, 1, &error);
        double *theta = good ? memory_doubles(ensemble.wavefunction.n_parameters + 1) : NULL;
        if (good && take_parameters(&ensemble, theta)) {
            say_name(book->out, (const char *const[]){ system, force, product, sampler });
            say_all(book, &ensemble, what);
        }
        memory_free(theta);
        ensemble_finish(&ensemble);
        settings_finish(&settings);
    }
    if (error.text && book->shows)
        fprintf(book->out, "(%s)\n", error.text);
    config_finish(&config);
    error_clear(&error);
}

static void say_everything(struct book *book)
{
    for (size_t s = 0; s < SYSTEMS; s++)
        for (size_t p = 0; p < PRODUCTS; p++) {
            for (size_t f = 0; f < FORCES; f++)
                say_case(book, forces[f], products[p], systems[s], samplers[0], KERNELS | (f == 1 ? OBSERVED : 0));
            for (size_t k = 1; k < SAMPLERS; k++)
                say_case(book,
                         forces[k % 2 == 0             ? 0
                                : systems[s][0] == '1' ? 2
                                                       : 1],
                         products[p], systems[s], samplers[k], 0);
        }
    for (size_t c = 0; c < CROWDS; c++)
        for (size_t k = 0; k < 3; k++)
            say_case(book, crowds[c][0], crowds[c][1], crowds[c][2], samplers[k], k == 0 ? KERNELS | OBSERVED : 0);
    // steps begin and are tuned by how many coordinates move at once
    for (size_t n = 2; n < 8; n++)
        for (size_t k = 0; k < SAMPLERS; k++) {
            char system[32];
            snprintf(system, sizeof system, "1\nparticles = %zu", n);
            say_case(book, forces[0], products[0], system, samplers[k], 0);
        }
    // backflow computes its ratio from all of the trial, whoever moves one particle
    for (size_t k = 0; k < SAMPLERS; k++)
        say_case(book, forces[0], "slater, rbm\n[slater]\nbackflow = exponential\n[rbm]\nenvelope = yes\nhidden = 3",
                 "2\nparticles = 2\nstatistics = fermions", samplers[k], 0);
}

int main(int argc, char **argv)
{
    char *now = NULL;
    size_t length = 0;
    if (argc < 2)
        return 2;
    if (strcmp(argv[1], "--show") == 0) {
        say_everything(&(struct book){ .out = stdout, .shows = true });
        return 0;
    }
    if (strcmp(level_name(), "x86-64") == 0) {
        puts("skipped: this processor has no fused multiply-add, and other bits");
        return 77;
    }
    FILE *out = open_memstream(&now, &length);
    say_everything(&(struct book){ .out = out });
    fclose(out);
    const int status = recorded_judge_nearly(argv[1], argc > 2, now, 1e-8);
    free(now);
    return status;
}
