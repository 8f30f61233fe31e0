// SPDX-License-Identifier: GPL-3.0-or-later
// What the files of the factor slater share.
#ifndef VMC_WAVEFUNCTION_SLATER_H
#define VMC_WAVEFUNCTION_SLATER_H

#include "base/rows.h"
#include "vmc/wavefunction.h"
#include "wavefunction/inverse.h"
#include "wavefunction/orbitals.h"
#include "wavefunction/surroundings.h"

enum { SPINS = 2 };
enum { BACKFLOW_NONE, BACKFLOW_EXPONENTIAL, BACKFLOW_TWO_SCALES };
enum { BACKFLOW_MOST = 4 };                        // strengths: two per class of pairs
enum { MIXED_MOST = 5, SHELL_NONE = MIXED_MOST };  // shells of orbitals that are mixed

struct slater {
    double alpha;  // starting value, or the fixed one
    bool train;
    char *orbitals_up, *orbitals_down;
    size_t backflow;
    double backflow_length;  // 1 / sqrt(omega): the starting value, or the fixed one
    bool train_backflow_length, mixing;
    double range;                                  // backflow_length in use
    double lambda[BACKFLOW_MOST];                  // strengths in use
    double kappa[MIXED_MOST * SURROUNDINGS_MOST];  // of mixing, in use: [shell, feature]
    size_t n_mixed, shell[SPINS][ORBITALS_MOST];   // of an orbital: its mixed shell, or SHELL_NONE
    double length;                                 // 1 / sqrt(omega), omega the geometric mean
    struct system system;
    size_t n_coordinates, dimensions;
    double omega[DIMENSIONS_MOST];
    struct orbitals *orbitals;                       // [SPINS]
    size_t first_particle[SPINS], first_row[SPINS];  // of each spin: its first particle, its inverse in the cache
    double *quantum[SPINS];                          // [n, D], for the results file
    bool homogeneous;                                // both determinants are
    bool shells;                                     // both spins fill shells that shells.h knows
    size_t top_shell[SPINS];                         // then: the highest one
    double value;                                    // alpha in use
    double scale[DIMENSIONS_MOST];                   // y = scale x
};

// p_n(y) of `side` packs, n = 0 … top, as [n][side].
PACK_INLINE void slater_powers(size_t side, size_t top, const pack *from, pack *out)
{
    // 1 / n for the first few: a division would take longer than all the rest
    static const double shares[] = { 0, 1, 1 / 2.0, 1 / 3.0, 1 / 4.0, 1 / 5.0, 1 / 6.0, 1 / 7.0, 1 / 8.0 };
    enum { SHARES = sizeof shares / sizeof *shares };
    for (size_t s = 0; s < side; s++) {
        const pack y = from[s];
        out[s] = pack_all(1.0);
        if (top > 0)
            out[side + s] = y;
        for (size_t n = 1; n < top; n++) {
            const double share = n + 1 < SHARES ? shares[n + 1] : 1 / (double)(n + 1);
            out[(n + 1) * side + s] = (y * out[n * side + s] - out[(n - 1) * side + s]) * share;
        }
    }
}

// The first n functions of y [D][side] = sqrt(2 alpha omega_d) x_d.
PACK_INLINE void slater_products(const struct orbitals *orbitals, size_t n, size_t side, const pack *y, pack *out)
{
    pack table[DIMENSIONS_MOST][(ORBITALS_QUANTUM_MOST + 1) * 4];  // filled for the dimensions there are
    slater_powers(side, orbitals->top[0], y, table[0]);
    for (size_t d = 1; d < orbitals->dimensions; d++)
        slater_powers(side, orbitals->top[d], y + d * side, table[d]);
    for (size_t k = 0; k < n; k++)
        for (size_t s = 0; s < side; s++) {
            pack product = table[0][orbitals->quantum[k][0] * side + s];
            for (size_t d = 1; d < orbitals->dimensions; d++)
                product *= table[d][orbitals->quantum[k][d] * side + s];
            out[k * side + s] = product;
        }
}

// The same at a particle whose first coordinate is the row that begins at x.
PACK_INLINE void slater_functions(const struct slater *slater, const struct orbitals *orbitals, size_t n, size_t side,
                                  const pack *x, pack *out)
{
    pack y[DIMENSIONS_MOST * 4];
    for (size_t s = 0; s < side; s++) {
        y[s] = slater->scale[0] * x[s];
        for (size_t d = 1; d < orbitals->dimensions; d++)
            y[d * side + s] = slater->scale[d] * x[d * ROW_PACKS + s];
    }
    slater_products(orbitals, n, side, y, out);
}

// Powers of two beyond 2^±40 of a weight's mantissa go to its exponent.
PACK_INLINE void slater_tidy(pack *mantissa, pack *exponent)
{
    const pack_bits out = ((*mantissa > 0x1p40) | (*mantissa < 0x1p-40)) & (*mantissa > 0x1p-1000) &
                          (*mantissa < 0x1p1000);
    const pack power = pack_select(out, pack_exponent(pack_select(out, *mantissa, pack_all(1.0))), pack_all(0.0));
    *mantissa = pack_scale(*mantissa, -power);
    *mantissa = pack_select(*mantissa < 0x1p-60, pack_all(0.0), *mantissa);  // psi = 0 as far as numbers go
    *exponent = pack_fma(pack_all(0.6931471805599453), power, *exponent);
}

bool slater_build(void *state, const struct system *system, const struct factor_surroundings *surroundings,
                  struct error *error);
void slater_finish(void *state);
// Takes over alpha; false where it is none.
bool slater_take_alpha(struct slater *slater, double alpha);
// alpha, and the quantum numbers.
size_t slater_views(const void *state, struct factor_view view[FACTOR_VIEWS_MOST]);
void slater_traits(const void *state, struct factor_traits *traits);
void slater_describe(const void *state, char *text, size_t size);
// Rows of the cache: B of both spins; what open shells keep; of a trial, its orbitals and the ratio.
static inline size_t slater_most_orbitals(const struct slater *slater)
{
    return slater->orbitals[0].n > slater->orbitals[1].n ? slater->orbitals[0].n : slater->orbitals[1].n;
}
static inline size_t slater_n_move_rows(const struct slater *slater)
{
    return slater->first_row[1] + slater->orbitals[1].n * slater->orbitals[1].n;
}
static inline size_t slater_n_kept_rows(const struct slater *slater)
{
    return slater->homogeneous || !slater->train ? 0 : 1 + slater->n_coordinates;
}
static inline size_t slater_trial_row(const struct slater *slater)
{
    return slater_n_move_rows(slater) + slater_n_kept_rows(slater);
}
static inline size_t slater_n_cache_rows(const struct slater *slater)
{
    return slater_trial_row(slater) + slater_most_orbitals(slater) + 1;
}

void slater_weigh(const void *state, const struct configuration *at, double *weight, double *cache);
void slater_evaluate(const void *state, const struct configuration *at, unsigned how, double *weight, double *gradient,
                     double *laplacian, double *cache);
// kept: sum x G, its gradient [M]
void slater_keep_open_shells(const struct slater *slater, size_t l, const double *x, const double *cache, double *kept);
void slater_ratio(const void *state, size_t p, const double *old_x, const double *old_weight, const double *old_cache,
                  const struct configuration *at, double *weight, double *cache);
void slater_sign(const void *state, size_t p, const double *trial_cache, double *row);
void slater_accept(const void *state, size_t p, const double *mask, const double *trial_cache, double *cache);
void slater_particle_gradient(const void *state, size_t p, const struct configuration *at, const double *cache,
                              const double *trial, double *gradient);
// Mantissa and exponent rows of det^2 e^(-alpha sum omega x^2), of pack l
void slater_set_weight(const struct slater *slater, size_t l, const double *x, struct determinant determinant,
                       double *weight);

// With backflow or mixing, another factor under the same name (backflow.c).
extern const struct factor_type slater_backflow;

#endif
