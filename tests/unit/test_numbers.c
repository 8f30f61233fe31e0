// SPDX-License-Identifier: GPL-3.0-or-later
// What GSL or BLAS have a part in, against a record of eight digits: statistics of series of many lengths and kinds,
// steps of every optimiser, energies and descents of the closed form. What is right is for other tests; this one
// notices a constant, a bound or a term that changes.
//
//     test_numbers RECORD            compares
//     test_numbers RECORD --write    records anew
#include "support/recorded.h"

#include "base/memory.h"
#include "run/ensemble.h"
#include "vmc/optimizer.h"
#include "vmc/referee.h"
#include "vmc/rng.h"
#include "vmc/statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say(FILE *out, double value)
{
    if (isnan(value))
        fputs(" nan", out);
    else
        fprintf(out, " %#.11g", value);
}

// ---- statistics

enum { KINDS = 8, DRAWS_MOST = 8192 };
static const char *const kinds[KINDS] = { "independent", "slow",     "alternating", "ties",
                                          "apart",       "drifting", "constant",    "wide" };

// Value t of a chain of each kind, from normal numbers and the value before.
static double value_of(size_t kind, size_t chain, size_t t, double normal, double last)
{
    switch (kind) {
    case 1: return 0.95 * last + normal;
    case 2: return -0.8 * last + normal;
    case 3: return floor(2 * normal);
    case 4: return normal + 3 * (double)(chain % 3);
    case 5: return normal + 0.05 * (double)t;
    case 6: return 4.5;
    case 7: return 1e6 + normal * (chain % 5 == 0 ? 8 : 1);
    default: return normal;
    }
}

static void fill(size_t kind, size_t chains, size_t draws, double *values)
{
    struct rng rng;
    for (size_t c = 0; c < chains; c++) {
        double last = 0;
        rng_start(&rng, 11 + kind, c);
        for (size_t t = 0; t < draws; t++) {
            double normal = -6;
            for (int k = 0; k < 12; k++)
                normal += rng_uniform(&rng);
            values[c * draws + t] = last = value_of(kind, c, t, normal, last);
        }
    }
}

static void say_statistics(FILE *out, size_t kind, size_t chains, size_t draws, size_t block)
{
    double *values = memory_doubles(chains * draws);
    struct statistics all, few;
    fill(kind, chains, draws, values);
    const struct series series = { chains, draws, block, values };
    if (statistics_analyse(&series, &all, NULL) && statistics_estimate(&series, &few, NULL)) {
        fprintf(out, "%s %zux%zu/%zu: %zu %d %zu", kinds[kind], chains, draws, block, all.level, all.plateau,
                all.worst_chain);
        const double found[] = { all.mean,
                                 all.error,
                                 all.variance,
                                 all.autocorrelation_time,
                                 all.error_autocorrelation,
                                 all.effective_samples,
                                 all.r_hat,
                                 all.worst_distance,
                                 few.mean + few.error };
        for (size_t k = 0; k < sizeof found / sizeof *found; k++)
            say(out, found[k]);
        fputc('\n', out);
    }
    memory_free(values);
}

static void say_series(FILE *out)
{
    static const size_t chains[] = { 1, 2, 3, 15, 16, 33 },
                        draws[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 17, 31, 64, 100, 257 };
    for (size_t kind = 0; kind < KINDS; kind++) {
        for (size_t c = 0; c < sizeof chains / sizeof *chains; c++)
            for (size_t d = 0; d < sizeof draws / sizeof *draws; d++)
                if ((c + d + kind) % 2 == 0)
                    say_statistics(out, kind, chains[c], draws[d], d % 3 + 1);
        say_statistics(out, kind, 5, 2000, 1);
    }
    for (size_t n = 9999; n < 10004; n++)  // Student's factor ends at 10,000 degrees of freedom
        say_statistics(out, 0, n, 1, 1);
    say_statistics(out, 1, 40, DRAWS_MOST, 1);  // more values than are ranked
}

// ---- optimisers: derivatives of samples as a table

struct table {
    size_t n, k;
    double q[60 * 80];
};

static void table_apply(void *context, const double *v, double *out)
{
    const struct table *table = context;
    for (size_t i = 0; i < table->n; i++) {
        out[i] = 0;
        for (size_t k = 0; k < table->k; k++)
            out[i] += table->q[i * table->k + k] * v[k];
    }
}

static void table_transpose(void *context, const double *y, double *out)
{
    const struct table *table = context;
    for (size_t k = 0; k < table->k; k++) {
        out[k] = 0;
        for (size_t i = 0; i < table->n; i++)
            out[k] += table->q[i * table->k + k] * y[i];
    }
}

static void table_matrix(void *context, double *out)
{
    const struct table *table = context;
    for (size_t k = 0; k < table->k; k++)
        for (size_t l = 0; l < table->k; l++) {
            double sum = 0;
            for (size_t i = 0; i < table->n; i++)
                sum += table->q[i * table->k + k] * table->q[i * table->k + l];
            out[k * table->k + l] = sum / (double)table->n;
        }
}

static void table_scale(void *context, double *out)
{
    const struct table *table = context;
    for (size_t k = 0; k < table->k; k++) {
        out[k] = 0;
        for (size_t i = 0; i < table->n; i++)
            out[k] += table->q[i * table->k + k] * table->q[i * table->k + k] / (double)table->n;
    }
}

static void table_gram(void *context, const double *weight, double *out)
{
    const struct table *table = context;
    for (size_t i = 0; i < table->n; i++)
        for (size_t j = 0; j < table->n; j++) {
            out[i * table->n + j] = 0;
            for (size_t k = 0; k < table->k; k++)
                out[i * table->n + j] += weight[k] * table->q[i * table->k + k] * table->q[j * table->k + k];
        }
}

static bool condition(void *context)
{
    (void)context;
    return true;
}

static void precondition(void *context, double shift, const double *in, double *out)
{
    for (size_t k = 0; k < ((const struct table *)context)->k; k++)
        out[k] = in[k] / (shift + 0.5 + 0.25 * (double)(k % 3));
}

static void table_fill(struct table *table, size_t n, size_t k)
{
    struct rng rng;
    rng_start(&rng, 3, n);
    table->n = n;
    table->k = k;
    for (size_t i = 0; i < n * k; i++)
        table->q[i] = (rng_uniform(&rng) - 0.5) * (1 + (double)(i % k)) * (i / k % 3 == 2 ? 1e-3 : 1);
    for (size_t i = 0; i < n; i++)  // one that changes nothing, and two that are alike
        table->q[i * k] = k > 4 ? 0 : table->q[i * k];
    for (size_t i = 0; i < n && k > 4; i++)
        table->q[i * k + 1] = table->q[i * k + 2];
}

static void say_steps(FILE *out, const struct optimizer_type *type, const char *text, size_t n, size_t k, bool prepares)
{
    static struct table table;
    char why[PARAM_TEXT_SIZE], *state = calloc(1, type->state_size);
    double *theta = calloc(k, sizeof *theta), *gradient = calloc(k, sizeof *gradient), *memory;
    table_fill(&table, n, k);
    for (const struct param *row = type->params; row->key; row++) {
        const char *own = strstr(text, row->key);
        char value[32] = "";
        if (own && (own == text || own[-1] == ' ') && own[strlen(row->key)] == '=')
            sscanf(own + strlen(row->key) + 1, "%31s", value);
        if (!param_parse(row, *value ? value : row->fallback, state, why))
            fprintf(out, "%s\n", why);
    }
    memory = calloc(type->n_memory(state, k), sizeof *memory);  // in just the memory it asks for
    const struct optimizer_metric metric = { k,
                                             n,
                                             &table,
                                             table_scale,
                                             table_apply,
                                             table_transpose,
                                             table_matrix,
                                             table_gram,
                                             prepares ? condition : NULL,
                                             prepares ? precondition : NULL,
                                             0 };
    fprintf(out, "%s %s %zux%zu%s:", type->name, text, n, k, prepares ? " prepared" : "");
    for (size_t step = 0; step < 4 && type->step; step++) {
        for (size_t i = 0; i < k; i++)
            gradient[i] = (step == 3 ? 1e-9 : 1) * (0.1 * (double)(i % 5) - 0.17 + 0.01 * (double)step);
        gradient[0] *= k > 4 ? 1e-16 : 1;  // along which nothing changes
        const bool good = type->step(state, &(struct optimizer_step){ .n_parameters = k,
                                                                      .iteration = step,
                                                                      .rate = 0.3,
                                                                      .gradient = gradient,
                                                                      .metric = &metric,
                                                                      .memory = memory,
                                                                      .theta = theta,
                                                                      .n_samples = n * (1 + step),
                                                                      .damping = 1 + (double)(step == 2) });
        double sum = 0, square = 0;
        for (size_t i = 0; i < k; i++) {
            sum += theta[i] * (1 + (double)(i % 7));
            square += theta[i] * theta[i];
        }
        fprintf(out, " %d", good);
        say(out, sum);
        say(out, square);
    }
    for (size_t samples = 100; type->operations && samples < 1000000; samples *= 20)
        say(out, type->operations(state, 40 * k, samples, samples / 4));
    fputc('\n', out);
    free(theta);
    free(gradient);
    free(memory);
    free(state);
}

static void say_optimizers(FILE *out)
{
    static const char *const texts[] = { "",
                                         "solver=cholesky shift=0.02",
                                         "solver=cg shift=0.02 tolerance=1e-9",
                                         "solver=cg momentum=0.5",
                                         "solver=minsr shift=0.02 momentum=0",
                                         "solver=minsr shift=1e-4",
                                         "shift=0 shift_least=0 solver=cholesky",
                                         "max_step=0.01",
                                         "shift=0.5 shift_decay=0.5 shift_least=0.2",
                                         "beta1=0.5",
                                         "momentum=0.3" };
    static const size_t shapes[][2] = { { 60, 4 }, { 50, 20 }, { 20, 40 }, { 2, 2 }, { 20, 80 } };
    for (size_t t = 0; optimizer_type_at(t); t++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
                for (size_t prepares = 0; prepares < 2; prepares++)
                    if ((!prepares || strstr(texts[k], "cg m")) && (!strstr(texts[k], "shift=0 ") || shapes[s][1] < 5))

                        say_steps(out, optimizer_type_at(t), texts[k], shapes[s][0], shapes[s][1], prepares);
}

// ---- the closed form

static void say_closed_form(FILE *out, const char *text)
{
    struct config config;
    struct settings settings;
    struct hamiltonian hamiltonian;
    struct wavefunction wavefunction;
    struct error error = { 0 };
    struct rng rng;
    if (config_parse(&config, "f.ini", text, strlen(text), &error) &&
        settings_build(&settings, &config, &error, NULL) &&
        ensemble_build_model(&settings, &hamiltonian, &wavefunction, &error)) {
        struct referee *referee = referee_create(&wavefunction, &hamiltonian, &error);
        const size_t n = wavefunction.n_parameters;
        double *theta = memory_doubles(n), *gradient = memory_doubles(n);
        struct referee_energy energy;
        rng_start(&rng, 9, 0);
        wavefunction_start(&wavefunction, rng_uniform, &rng, theta);
        for (const char *at = text; *at; at++)
            fputc(*at == '\n' ? ' ' : *at, out);
        for (int k = 0; referee && k < 3; k++) {
            if (k > 0)
                referee_widen(referee, 3, k > 1 ? 0 : DIMENSIONS_MOST, theta);
            fprintf(out, "%s %d", k ? "" : ":", referee_evaluate(referee, theta, &energy, NULL));
            fprintf(out, " %d", referee_evaluate(referee, theta, &energy, gradient));
            double sum = 0;
            for (size_t i = 0; i < n && isfinite(energy.energy); i++)
                sum += gradient[i] * (1 + (double)(i % 7));
            const double found[] = { energy.energy, energy.kinetic, energy.trap, energy.pair, energy.log_norm, sum };
            for (size_t i = 0; i < 6; i++)
                say(out, found[i]);
        }
        struct referee_descent descent = { .iterations = 6, .tolerance = 1e-9, .level = 1e-14 };
        if (referee && referee_descend(referee, &descent, theta, &error)) {
            fprintf(out, " %zu", descent.done);
            fprintf(out, " %.6f %.5f", descent.energy, descent.gradient_norm);
            fprintf(out, " %d", referee_grow(referee, &descent, 1, rng_uniform, &rng, theta));
            fprintf(out, " %d", referee_evaluate(referee, theta, &energy, NULL));
            fprintf(out, " %.5f %zu %.9g %zu", energy.energy, referee_terms(referee), referee_work(referee),
                    referee_widths(referee));
        }
        if (referee)
            referee_destroy(referee);
        fputc('\n', out);
        memory_free(theta);
        memory_free(gradient);
        wavefunction_finish(&wavefunction);
        settings_finish(&settings);
    }
    if (error.text)
        fprintf(out, "%s\n", error.text);
    config_finish(&config);
    error_clear(&error);
}

static void say_closed_forms(FILE *out)
{
    static const char *const forces[] = { "none", "coulomb", "soft-coulomb\n[interaction]\nsoftening = 0.6",
                                          "harmonic\n[interaction]\nkappa = 0.4",
                                          "gaussian\n[interaction]\nheight = 1.5\nwidth = 0.8" };
    static const char *const systems[] = { "1\nparticles = 2", "2\nparticles = 2\nomega = 0.8",
                                           "3\nparticles = 2\nomega = 1, 1.3, 0.8",
                                           "2\nparticles = 3\nomega = 1, 1.5" };
    static const char *const machines[] = { "hidden = 2\ninit_scale = 0.4",
                                            "hidden = 3\nrepresentation = probability\ninit_scale = 0.5",
                                            "hidden = 1\ntrain_sigma = yes\nsigma = 0.9",
                                            "hidden = 2\nrepresentation = probability\ntrain_sigma = yes" };
    char text[500];
    for (size_t f = 0; f < 5; f++)
        for (size_t s = 0; s < 4; s++)
            for (size_t m = 0; m < 4; m++) {
                if (f == 1 && s == 0)  // no such energy
                    continue;
                snprintf(text, sizeof text, "[system]\ndimensions = %s\ninteraction = %s\n[rbm]\n%s\n", systems[s],
                         forces[f], machines[m]);
                say_closed_form(out, text);
            }
    // Gaussians so far apart, or so unlike, that no quadrature resolves them
    static const char *const extremes[] = {
        "2\nparticles = 2\ninteraction = coulomb\n[rbm]\nhidden = 1\ninit_scale = 1e5",
        "2\nparticles = 2\ninteraction = coulomb\n[rbm]\nhidden = 1\ninit_scale = 1e2",
        "1\nparticles = 2\ninteraction = soft-coulomb\n[interaction]\nsoftening = 1e-6\n[rbm]\nhidden = 1\ninit_scale "
        "= 1e7",
        "3\nparticles = 2\ninteraction = coulomb\n[rbm]\nhidden = 1\nsigma = 1e-6, 1, 1e6",
        "1\nparticles = 2\n[rbm]\nhidden = 1\ninit_scale = 1e200"
    };
    for (size_t k = 0; k < sizeof extremes / sizeof *extremes; k++) {
        snprintf(text, sizeof text, "[system]\ndimensions = %s\n", extremes[k]);
        say_closed_form(out, text);
    }
}

int main(int argc, char **argv)
{
    char *now = NULL;
    size_t length = 0;
    if (argc < 2)
        return 2;
    FILE *out = open_memstream(&now, &length);
    say_series(out);
    say_optimizers(out);
    say_closed_forms(out);
    fclose(out);
    const int status = recorded_judge_nearly(argv[1], argc > 2, now, 1e-8);
    free(now);
    return status;
}
