// SPDX-License-Identifier: GPL-3.0-or-later
// Builds the question to the table of known values from the settings, key by key, so that a new interaction or factor
// needs nothing here.
#include "cli/known.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { VALUES_MOST = 64, NAME_SIZE = 64 };

struct question {
    struct reference_query query;
    bool trains;  // parameters move at all in this run
    size_t n;
    struct reference_value values[VALUES_MOST];
    char names[VALUES_MOST][NAME_SIZE];
    char factors[PARAM_TEXT_SIZE], interaction[PARAM_TEXT_SIZE], representation[PARAM_TEXT_SIZE];
};

static bool is_key(const struct settings_value *value, const char *section, const char *key)
{
    return (!section || strcmp(value->section, section) == 0) && strcmp(value->row->key, key) == 0;
}

static void collect_rbm(struct question *question, const struct settings_value *value)
{
    struct reference_query *query = &question->query;
    double numbers[PARAM_LIST_MOST];
    char text[PARAM_TEXT_SIZE];
    size_t n = param_numbers(value->row, value->state, numbers);
    param_print(value->row, value->state, text);
    if (is_key(value, NULL, "representation"))
        memcpy(question->representation, text, sizeof text);
    else if (is_key(value, NULL, "train_sigma"))
        query->train_sigma = strcmp(text, "yes") == 0;
    else if (is_key(value, NULL, "hidden"))
        query->hidden = (size_t)numbers[0];
    else if (is_key(value, NULL, "sigma"))
        for (size_t d = 0; d < DIMENSIONS_MOST; d++)
            query->sigma[d] = numbers[n > d ? d : 0];  // NaN: auto
}

static void collect_number(struct question *question, const struct settings_value *value)
{
    double numbers[PARAM_LIST_MOST];
    if (question->n == VALUES_MOST || param_numbers(value->row, value->state, numbers) != 1)
        return;
    snprintf(question->names[question->n], NAME_SIZE, "%s.%s", value->section, value->row->key);
    question->values[question->n] = (struct reference_value){ question->names[question->n], numbers[0] };
    question->n++;
}

// Whether a factor's own `train` key says no.
struct freeze {
    const char *factor;
    bool frozen;
};

static void find_frozen(const struct settings_value *value, void *context)
{
    struct freeze *freeze = context;
    if (is_key(value, freeze->factor, "train") && value->row->kind == PARAM_KIND_BOOL)
        freeze->frozen = !*(const bool *)(const void *)((const char *)value->state + value->row->offset);
}

static bool is_frozen(const struct settings *settings, const char *factor)
{
    struct freeze freeze = { .factor = factor };
    settings_each(settings, find_frozen, &freeze);
    return freeze.frozen;
}

struct walk {
    const struct settings *settings;
    struct question *question;
};

static void collect_value(const struct settings_value *value, void *context)
{
    const struct walk *walk = context;
    struct question *question = walk->question;
    if (is_key(value, "system", "interaction"))
        param_print(value->row, value->state, question->interaction);
    else if (is_key(value, "wavefunction", "factors"))
        param_print(value->row, value->state, question->factors);
    else if (strcmp(value->section, "rbm") == 0)
        collect_rbm(question, value);
    else if (strcmp(value->section, "interaction") == 0)
        collect_number(question, value);
    const struct param_names *factors = &walk->settings->chosen[SETTINGS_FACTOR].members;
    for (size_t k = 0; k < factors->n; k++)
        if (strcmp(factor_name(factors->index[k]), value->section) == 0 &&
            (!question->trains || is_frozen(walk->settings, value->section)))
            collect_number(question, value);
}

// sigma = auto is the width that is exact for the bare trap (docs/theory.md, section 2).
static void resolve_sigma(struct question *question, const struct system *system)
{
    double copies = strcmp(question->representation, "probability") == 0 ? 2 : 1;
    for (size_t d = 0; d < system->dimensions; d++)
        if (isnan(question->query.sigma[d]))
            question->query.sigma[d] = 1 / sqrt(copies * system->omega[d]);
}

size_t cli_known_energies(const struct settings *settings, struct reference_match *matches, size_t most)
{
    struct question question = { .trains = settings->optimizer.iterations > 0 };
    question.query.system = settings->system;
    question.query.fermions = settings->system.statistics == STATISTICS_FERMIONS;
    question.query.spin_up = settings->system.spin_up;
    settings_each(settings, collect_value, &(struct walk){ settings, &question });
    resolve_sigma(&question, &settings->system);
    question.query.interaction = question.interaction;
    question.query.factors = question.factors;
    question.query.representation = question.representation;
    question.query.values = question.values;
    question.query.n_values = question.n;
    size_t n = reference_lookup(&question.query, "energy", matches, most);
    return n < most ? n : most;
}
