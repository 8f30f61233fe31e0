// SPDX-License-Identifier: GPL-3.0-or-later
// Look-up in the table made from data/reference.csv. Every row is tried: there are some sixty.
// Check: two particles in 2D, omega = 1, Coulomb strength 1 gives energy 3, Taut, Phys. Rev. A 48, 3561 (1993).
#include "vmc/reference.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

enum { VALUES_MOST = 4, OMEGA_ANY = 0, OMEGA_ANISOTROPIC = 4 };
enum statistics_kind { REFERENCE_ANY, REFERENCE_BOSONS, REFERENCE_FERMIONS };

// What the formulas of the table may name.
struct terms {
    double P, D, omega, omega_x, omega_y, omega_z, kappa, lambda, alpha;
};

struct row {
    const char *id;
    size_t particles, dimensions;  // 0: any
    size_t n_omega;                // frequencies given, or OMEGA_…
    double omega[DIMENSIONS_MOST];
    enum statistics_kind statistics;
    const char *interaction;
    size_t n_values, n_system_values;            // the system's values come first
    struct reference_value values[VALUES_MOST];  // NAN: any, but it must be known
    const char *factors, *representation;        // NULL: not asked
    size_t hidden;                               // 0: not asked
    bool hidden_or_more;
    double (*sigma)(const struct terms *t);  // NULL: not asked
    bool train_sigma;
    const char *quantity;
    double (*value)(const struct terms *t);
    double (*uncertainty)(const struct terms *t);
    bool upper_bound;
    enum reference_kind kind;
    const char *source;
};

#include "reference_table.h"

enum { ROWS = sizeof rows / sizeof *rows };

static bool same(double a, double b) { return fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b)); }

// NAN when the query does not say.
static double query_value(const struct reference_query *query, const char *name)
{
    for (size_t k = 0; k < query->n_values; k++)
        if (strcmp(query->values[k].name, name) == 0)
            return query->values[k].value;
    return NAN;
}

static bool values_match(const struct row *row, size_t first, size_t end, const struct reference_query *query)
{
    for (size_t k = first; k < end; k++) {
        const double value = query_value(query, row->values[k].name);
        if (isnan(value) || (!isnan(row->values[k].value) && !same(value, row->values[k].value)))
            return false;
    }
    return true;
}

static bool isotropic(const struct system *system)
{
    for (size_t d = 1; d < system->dimensions; d++)
        if (!same(system->omega[d], system->omega[0]))
            return false;
    return true;
}

static bool trap_matches(const struct row *row, const struct system *system)
{
    if (row->n_omega == OMEGA_ANY || row->n_omega == OMEGA_ANISOTROPIC)
        return isotropic(system) == (row->n_omega == OMEGA_ANY);
    for (size_t d = 0; d < system->dimensions; d++)
        if (!same(system->omega[d], row->omega[row->n_omega == 1 ? 0 : d]))
            return false;
    return true;
}

static const char *interaction(const struct reference_query *query)
{
    const bool off = query_value(query, "interaction.strength") == 0 || query_value(query, "interaction.kappa") == 0;
    return off ? "none" : query->interaction;
}

static bool system_matches(const struct row *row, const struct reference_query *query)
{
    const struct system *system = &query->system;
    const bool closed = 2 * query->spin_up == system->particles;
    if (query->fermions ? row->statistics == REFERENCE_BOSONS || !closed : row->statistics == REFERENCE_FERMIONS)
        return false;
    return (row->particles == 0 || row->particles == system->particles) &&
           (row->dimensions == 0 || row->dimensions == system->dimensions) && trap_matches(row, system) &&
           strcmp(row->interaction, interaction(query)) == 0 && values_match(row, 0, row->n_system_values, query);
}

// The next name of a list separated by '*', ',' or blanks; returns its length and moves *list to its end.
static size_t next_name(const char **list, const char **name)
{
    const char *c = *list;
    while (*c && (*c == '*' || *c == ',' || isspace((unsigned char)*c)))
        c++;
    *name = c;
    while (*c && *c != '*' && *c != ',' && !isspace((unsigned char)*c))
        c++;
    *list = c;
    return (size_t)(c - *name);
}

static bool list_has(const char *list, const char *name, size_t length)
{
    const char *other;
    for (size_t n; (n = next_name(&list, &other)) > 0;)
        if (n == length && memcmp(name, other, n) == 0)
            return true;
    return false;
}

static bool list_within(const char *list, const char *other)
{
    const char *name;
    for (size_t n; (n = next_name(&list, &name)) > 0;)
        if (!list_has(other, name, n))
            return false;
    return true;
}

static bool sigma_matches(const struct row *row, const struct reference_query *query, const struct terms *terms)
{
    if (row->train_sigma || query->train_sigma)
        return row->train_sigma && query->train_sigma;
    for (size_t d = 0; row->sigma && d < query->system.dimensions; d++)
        if (!same(row->sigma(terms), query->sigma[d]))
            return false;
    return true;
}

static bool ansatz_matches(const struct row *row, const struct reference_query *query, const struct terms *terms)
{
    if (row->kind == REFERENCE_EXACT || row->kind == REFERENCE_LITERATURE)
        return true;
    if (!query->factors || !list_within(row->factors, query->factors) || !list_within(query->factors, row->factors))
        return false;
    if (row->kind == REFERENCE_FIXED_PARAMETER && !values_match(row, row->n_system_values, row->n_values, query))
        return false;
    if (!row->representation)
        return true;
    const bool units = query->hidden == row->hidden || (row->hidden_or_more && query->hidden > row->hidden);
    return query->representation && strcmp(row->representation, query->representation) == 0 && units &&
           sigma_matches(row, query, terms);
}

static struct terms query_terms(const struct reference_query *query)
{
    const struct system *system = &query->system;
    const double alpha = query_value(query, "gaussian.alpha");
    return (struct terms){ .P = (double)system->particles,
                           .D = (double)system->dimensions,
                           .omega = system->omega[0],
                           .omega_x = system->omega[0],
                           .omega_y = system->dimensions > 1 ? system->omega[1] : 0,
                           .omega_z = system->dimensions > 2 ? system->omega[2] : 0,
                           .kappa = query_value(query, "interaction.kappa"),
                           .lambda = query_value(query, "interaction.lambda"),
                           .alpha = alpha };
}

size_t reference_lookup(const struct reference_query *query, const char *quantity, struct reference_match *matches,
                        size_t most)
{
    const struct terms terms = query_terms(query);
    size_t n = 0;
    for (int kind = REFERENCE_EXACT; kind <= REFERENCE_LITERATURE; kind++)
        for (const struct row *row = rows; row < rows + ROWS; row++) {
            if ((int)row->kind != kind || strcmp(row->quantity, quantity) != 0 || !system_matches(row, query) ||
                !ansatz_matches(row, query, &terms))
                continue;
            if (n < most)
                matches[n] = (struct reference_match){ .id = row->id,
                                                       .kind = row->kind,
                                                       .value = row->value(&terms),
                                                       .uncertainty = row->uncertainty(&terms),
                                                       .upper_bound = row->upper_bound,
                                                       .ansatz = row->factors,
                                                       .source = row->source };
            n++;
        }
    return n;
}

const char *reference_kind_name(enum reference_kind kind)
{
    static const char *const names[] = { "exact", "minimum", "fixed-parameter", "literature" };
    return names[kind];
}

size_t reference_rows(void) { return ROWS; }
