// SPDX-License-Identifier: GPL-3.0-or-later
#include "wavefunction/orbitals.h"

#include "base/memory.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static long find(const struct orbitals *orbitals, const size_t quantum[DIMENSIONS_MOST])
{
    for (size_t k = 0; k < orbitals->n_functions; k++)
        if (memcmp(orbitals->quantum[k], quantum, sizeof orbitals->quantum[k]) == 0)
            return (long)k;
    return ORBITALS_NONE;
}

// Appends what lowering leads to, until nothing new comes; false when there is no room.
static bool close_downward(struct orbitals *orbitals)
{
    for (size_t k = 0; k < orbitals->n_functions; k++)
        for (size_t d = 0; d < orbitals->dimensions; d++) {
            size_t quantum[DIMENSIONS_MOST];
            memcpy(quantum, orbitals->quantum[k], sizeof quantum);
            orbitals->lower[d][k] = ORBITALS_NONE;
            if (quantum[d]-- == 0)
                continue;
            orbitals->lower[d][k] = find(orbitals, quantum);
            if (orbitals->lower[d][k] != ORBITALS_NONE)
                continue;
            if (orbitals->n_functions == ORBITALS_FUNCTIONS_MOST)
                return false;
            orbitals->lower[d][k] = (long)orbitals->n_functions;
            memcpy(orbitals->quantum[orbitals->n_functions++], quantum, sizeof quantum);
        }
    return true;
}

// Everything else from the quantum numbers of the n orbitals.
static bool complete(struct orbitals *orbitals)
{
    orbitals->n_functions = orbitals->n;
    orbitals->homogeneous = true;
    if (!close_downward(orbitals))
        return false;
    for (size_t d = 0; d < DIMENSIONS_MOST; d++)
        for (size_t k = 0; k < orbitals->n; k++) {
            const size_t n = orbitals->quantum[k][d];
            const long once = n > 1 ? orbitals->lower[d][k] : ORBITALS_NONE,
                       twice = once == ORBITALS_NONE ? once : orbitals->lower[d][once];
            orbitals->sum[d] += (double)n;
            orbitals->top[d] = n > orbitals->top[d] ? n : orbitals->top[d];
            orbitals->homogeneous = orbitals->homogeneous && (twice == ORBITALS_NONE || twice < (long)orbitals->n);
        }
    return true;
}

// --- filling by energy ---

struct level {
    long long energy;  // in units so small that levels which differ differ here, and so large that equal ones do not
    size_t quantum[DIMENSIONS_MOST];
};

static int compare(const void *a, const void *b)
{
    const struct level *left = a, *right = b;
    if (left->energy != right->energy)
        return left->energy < right->energy ? -1 : 1;
    for (size_t d = 0; d < DIMENSIONS_MOST; d++)  // more quanta in the first dimension come first
        if (left->quantum[d] != right->quantum[d])
            return left->quantum[d] > right->quantum[d] ? -1 : 1;
    return 0;
}

// All states that can be among the `n` lowest: below one with quanta n_d there are prod_d (n_d + 1) - 1 others.
static size_t list_levels(const struct system *system, size_t n, struct level *level)
{
    double least = INFINITY;
    size_t found = 0, most[DIMENSIONS_MOST];
    for (size_t d = 0; d < DIMENSIONS_MOST; d++) {
        most[d] = d < system->dimensions ? n : 1;
        least = d < system->dimensions ? fmin(least, system->omega[d]) : least;
    }
    for (size_t i = 0; i < most[0]; i++)
        for (size_t j = 0; j < most[1] && (i + 1) * (j + 1) <= n; j++)
            for (size_t k = 0; k < most[2] && (i + 1) * (j + 1) * (k + 1) <= n; k++) {
                const size_t quantum[DIMENSIONS_MOST] = { i, j, k };
                double energy = 0;
                for (size_t d = 0; d < system->dimensions; d++)
                    energy += system->omega[d] / least * (double)quantum[d];
                if (level) {
                    level[found].energy = llround(fmin(energy * 1e8, 9e18));
                    memcpy(level[found].quantum, quantum, sizeof quantum);
                }
                found++;
            }
    return found;
}

bool orbitals_fill(struct orbitals *orbitals, const struct system *system, size_t n, size_t *below, size_t *above)
{
    // enough to see where the shell above ends: no shell of so few levels is larger than they are together, plus a row
    // per dimension
    const size_t wanted = 2 * n + 16, size = list_levels(system, wanted, NULL);
    struct level *level = memory_take_zeroed(size, sizeof *level);
    *orbitals = (struct orbitals){ .n = n, .dimensions = system->dimensions };
    *below = *above = 0;
    if (!level || n > ORBITALS_MOST) {
        free(level);
        return false;
    }
    list_levels(system, wanted, level);
    qsort(level, size, sizeof *level, compare);
    for (size_t k = 0; k < n; k++)
        memcpy(orbitals->quantum[k], level[k].quantum, sizeof level[k].quantum);
    for (size_t k = 1; k < wanted && k < size && *above == 0; k++)
        if (level[k].energy > level[k - 1].energy)
            *(k < n ? below : above) = k;
    free(level);
    return (n == 0 || *above == n) && complete(orbitals);
}

// --- quantum numbers from text ---

// One number, and the spaces before it.
static bool read_number(const char **text, size_t *number)
{
    while (isspace((unsigned char)**text))
        ++*text;
    if (!isdigit((unsigned char)**text))
        return false;
    for (*number = 0; isdigit((unsigned char)**text) && *number <= ORBITALS_QUANTUM_MOST; ++*text)
        *number = 10 * *number + (size_t)(**text - '0');
    return *number <= ORBITALS_QUANTUM_MOST;
}

static bool read_orbital(struct orbitals *orbitals, const char **text)
{
    size_t *quantum = orbitals->quantum[orbitals->n_functions];
    for (size_t d = 0; d < orbitals->dimensions; d++)
        if (!read_number(text, &quantum[d]))
            return false;
    while (isspace((unsigned char)**text))
        ++*text;
    return **text == ',' || **text == '\0';
}

bool orbitals_read(struct orbitals *orbitals, const struct system *system, size_t n, const char *key, const char *text,
                   struct error *error)
{
    static const char *const example[] = { "0, 1", "0 0, 1 0, 0 1", "0 0 0, 1 0 0, 0 1 0" };
    *orbitals = (struct orbitals){ .n = n, .dimensions = system->dimensions };
    for (const char *at = text; *at; at += *at == ',') {
        if (orbitals->n_functions == ORBITALS_MOST)
            return error_add(error, ERROR_CONFIG, "[slater] %s: more than %d orbitals", key, ORBITALS_MOST);
        if (!read_orbital(orbitals, &at))
            return error_add(
                error, ERROR_CONFIG,
                "[slater] %s = %s: number %zu is no orbital; give %zu quantum number%s from 0 to %d each, such as %s",
                key, text, orbitals->n_functions + 1, system->dimensions, system->dimensions > 1 ? "s" : "",
                ORBITALS_QUANTUM_MOST, example[system->dimensions - 1]);
        if (find(orbitals, orbitals->quantum[orbitals->n_functions]) != ORBITALS_NONE)
            return error_add(
                error, ERROR_CONFIG,
                "[slater] %s = %s: number %zu is there twice, which makes the wave function zero; leave one out", key,
                text, orbitals->n_functions + 1);
        orbitals->n_functions++;
    }
    if (orbitals->n_functions != n)
        return error_add(error, ERROR_CONFIG,
                         "[slater] %s = %s: %zu orbital%s for %zu particle%s of this spin; give one each, or auto", key,
                         text, orbitals->n_functions, orbitals->n_functions == 1 ? "" : "s", n, n == 1 ? "" : "s");
    return complete(orbitals) ||
           error_add(error, ERROR_CONFIG, "[slater] %s = %s: quantum numbers too large", key, text);
}
