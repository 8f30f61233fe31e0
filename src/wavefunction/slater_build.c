// SPDX-License-Identifier: GPL-3.0-or-later
// Slater determinants (slater.c): what does not depend on backflow, but for the kernels.
#include "wavefunction/slater.h"

#include "base/memory.h"
#include "wavefunction/shells.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const keys[SPINS] = { "orbitals_up", "orbitals_down" };

void slater_finish(void *state)
{
    struct slater *slater = state;
    for (size_t spin = 0; spin < SPINS; spin++) {
        memory_free(slater->quantum[spin]);
        slater->quantum[spin] = NULL;
    }
    free(slater->orbitals);
    slater->orbitals = NULL;
}

// Why auto fails, and what to do.
static bool refuse_open_shell(const struct system *system, size_t spin, size_t n, size_t below, size_t above,
                              struct error *error)
{
    char nearest[80];
    if (n > ORBITALS_MOST)
        return error_add(error, ERROR_CONFIG, "[slater] %s: %zu particles of one spin; at most %d are possible",
                         keys[spin], n, ORBITALS_MOST);
    snprintf(nearest, sizeof nearest, below > 0 ? "%zu or %zu" : "%zu", below > 0 ? below : above, above);
    return error_add(error, ERROR_CONFIG,
                     "[slater] %s = auto: %zu particles do not fill shells (nearest: %s); change system.particles or "
                     "system.spin_up, or list the quantum numbers "
                     "of the orbitals, as %s",
                     keys[spin], n, nearest,
                     system->dimensions == 1   ? "0, 1"
                     : system->dimensions == 2 ? "0 0, 1 0, 0 1"
                                               : "0 0 0, 1 0 0, 0 1 0");
}

static bool fill_spin(struct slater *slater, const struct system *system, size_t spin, struct error *error)
{
    const size_t n = spin == 0 ? system->spin_up : system->particles - system->spin_up;
    const char *text = spin == 0 ? slater->orbitals_up : slater->orbitals_down;
    struct orbitals *orbitals = &slater->orbitals[spin];
    size_t below, above;
    if (text && strcmp(text, "auto") != 0) {
        if (!orbitals_read(orbitals, system, n, keys[spin], text, error))
            return false;
    } else if (!orbitals_fill(orbitals, system, n, &below, &above))
        return refuse_open_shell(system, spin, n, below, above, error);
    slater->first_particle[spin] = spin == 0 ? 0 : system->spin_up;
    slater->first_row[spin] = spin == 0 ? 0 : system->spin_up * system->spin_up;
    slater->homogeneous = slater->homogeneous && orbitals->homogeneous;
    slater->quantum[spin] = memory_doubles(n * system->dimensions);
    for (size_t k = 0; slater->quantum[spin] && k < n; k++)
        for (size_t d = 0; d < system->dimensions; d++)
            slater->quantum[spin][k * system->dimensions + d] = (double)orbitals->quantum[k][d];
    return slater->quantum[spin] || error_add(error, ERROR_INTERNAL, "no memory for the orbitals");
}

// Whether the orbitals fill shells in the order of shells.h; `top` is then the highest.
static bool fills_shells(const struct orbitals *orbitals, size_t *top)
{
    *top = 0;
    while (shells_orbitals(*top) < orbitals->n)
        ++*top;
    bool good = orbitals->dimensions == 2 && *top <= SHELLS_TOP && shells_orbitals(*top) == orbitals->n;
    for (size_t s = 0; good && s <= *top; s++)
        for (size_t j = 0; j <= s; j++) {
            const size_t *quantum = orbitals->quantum[shells_index(s - j, j)];
            good = good && quantum[0] == s - j && quantum[1] == j;
        }
    return good || orbitals->n == 0;
}

bool slater_take_alpha(struct slater *slater, double alpha)
{
    slater->value = alpha;
    for (size_t d = 0; d < slater->dimensions; d++)
        slater->scale[d] = sqrt(2 * alpha * slater->omega[d]);
    return isfinite(alpha) && alpha > 0;
}

bool slater_build(void *state, const struct system *system, const struct factor_surroundings *surroundings,
                  struct error *error)
{
    struct slater *slater = state;
    (void)surroundings;
    if (system->statistics != STATISTICS_FERMIONS)
        return error_add(
            error, ERROR_CONFIG,
            "[slater]: determinants describe fermions; set system.statistics = fermions, or leave slater out of "
            "wavefunction.factors");
    slater->n_coordinates = system_coordinates(system);
    slater->dimensions = system->dimensions;
    slater->system = *system;
    slater->length = 1 / system_inverse_length(system);
    memcpy(slater->omega, system->omega, sizeof slater->omega);
    slater->homogeneous = true;
    slater->orbitals = calloc(SPINS, sizeof *slater->orbitals);
    slater_take_alpha(slater, slater->alpha);
    if (!slater->orbitals)
        return error_add(error, ERROR_INTERNAL, "no memory for the orbitals");
    const bool up = fill_spin(slater, system, 0, error);
    const bool both = fill_spin(slater, system, 1, error) && up;
    slater->shells = both && fills_shells(&slater->orbitals[0], &slater->top_shell[0]) &&
                     fills_shells(&slater->orbitals[1], &slater->top_shell[1]);
    return both;
}

size_t slater_views(const void *state, struct factor_view view[FACTOR_VIEWS_MOST])
{
    const struct slater *slater = state;
    size_t n = 0;
    view[n++] = (struct factor_view){ .name = "alpha",
                                      .long_name = "orbitals are those of the trap with alpha omega",
                                      .fixed = slater->train ? NULL : &slater->value };
    for (size_t spin = 0; spin < SPINS; spin++)
        if (slater->orbitals[spin].n > 0)
            view[n++] = (struct factor_view){
                .name = keys[spin],
                .long_name = spin == 0 ? "quantum numbers, spin up" : "quantum numbers, spin down",
                .rank = 2,
                .extent = { slater->orbitals[spin].n, slater->dimensions },
                .label = { spin == 0 ? "orbital_up" : "orbital_down", "dimension" },
                .fixed = slater->quantum[spin],
            };
    return n;
}

void slater_traits(const void *state, struct factor_traits *traits)
{
    const struct slater *slater = state;
    const size_t up = slater->orbitals[0].n, down = slater->orbitals[1].n;
    *traits = (struct factor_traits){ .symmetry = up > 1 || down > 1 ? FACTOR_ANTISYMMETRIC : FACTOR_SYMMETRIC,
                                      .has_nodes = up > 1 || down > 1,
                                      .scalable = slater->train,
                                      .contact[PAIR_PARALLEL].power = 1 };
}

// "orbitals of spin up: 0 0, 1 0, 0 1; spin down: 0 0, …"
void slater_describe(const void *state, char *text, size_t size)
{
    const struct slater *slater = state;
    size_t length = 0;
    for (size_t spin = 0; spin < SPINS; spin++) {
        const struct orbitals *orbitals = &slater->orbitals[spin];
        for (size_t k = 0; k < orbitals->n; k++)
            for (size_t d = 0; d < slater->dimensions && length < size; d++) {
                const char *before = k + d == 0 ? (spin == 0    ? "orbitals of spin up: "
                                                   : length > 0 ? "; spin down: "
                                                                : "orbitals of spin down: ")
                                     : d == 0   ? ", "
                                                : " ";
                length += (size_t)snprintf(text + length, size - length, "%s%zu", before, orbitals->quantum[k][d]);
            }
    }
}
