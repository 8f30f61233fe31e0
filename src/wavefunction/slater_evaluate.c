// SPDX-License-Identifier: GPL-3.0-or-later
// Determinants from scratch: matrices, inverses, slopes.
#include "wavefunction/pair_row.h"
#include "wavefunction/shells.h"
#include "wavefunction/slater.h"

enum { CHUNK_MOST = PACK_WIDTH == 1 ? 8 : 4 };

// What a chunk of walkers, `side` packs from `l` on, gathers from both spins.
struct sums {
    pack pull[CHUNK_MOST], square[CHUNK_MOST];   // sum_i omega_i x_i G_i, sum_i G_i^2
    pack spread[CHUNK_MOST];                     // sum_i omega_i x_i^2, of shells that are known
    struct determinant determinant[CHUNK_MOST];  // of both spins
};

// The coordinates of particle p of a spin, from pack l on.
PACK_INLINE const pack *particle(const struct slater *slater, size_t spin, size_t p, const double *x, size_t l)
{
    return (const pack *)x + (slater->first_particle[spin] + p) * slater->dimensions * ROW_PACKS + l;
}

// A^T of a spin [k][p], which becomes B as [p][k].
PACK_INLINE void fill(const struct slater *slater, size_t spin, size_t n, size_t side, size_t l, const double *x,
                      pack *a)
{
    const struct orbitals *orbitals = &slater->orbitals[spin];
    pack functions[ORBITALS_MOST * 4];
    for (size_t p = 0; p < n; p++) {
        slater_functions(slater, orbitals, n, side, particle(slater, spin, p, x, l), functions);
        for (size_t k = 0; k < n; k++)
            for (size_t s = 0; s < side; s++)
                a[(k * n + p) * side + s] = functions[k * side + s];
    }
}

// One walker whose elimination went wrong, once more with pivots.
static void invert_with_pivots(const struct slater *slater, size_t spin, size_t side, size_t l, size_t s, int lane,
                               const double *x, pack *b, struct determinant *determinant)
{
    const struct orbitals *orbitals = &slater->orbitals[spin];
    const size_t n = orbitals->n;
    double a[ORBITALS_MOST * ORBITALS_MOST], inverse[ORBITALS_MOST * ORBITALS_MOST], mantissa, exponent;
    pack functions[ORBITALS_MOST];
    for (size_t p = 0; p < n; p++) {
        slater_functions(slater, orbitals, n, 1, particle(slater, spin, p, x, l + s), functions);
        for (size_t k = 0; k < n; k++)
            a[k * n + p] = functions[k][lane];
    }
    inverse_pivoted(n, a, inverse, &mantissa, &exponent);
    for (size_t k = 0; k < n * n; k++)
        b[k * side + s][lane] = inverse[k];
    determinant[s].mantissa[lane] = mantissa;
    determinant[s].exponent[lane] = exponent;
}

// Largest |sum_k A_pk B_kp - 1|; b as [p][k]
PACK_INLINE void find_residual(const struct slater *slater, size_t spin, size_t n, size_t side, size_t l,
                               const double *x, const pack *b, pack *residual)
{
    pack functions[ORBITALS_MOST * 4];
    for (size_t s = 0; s < side; s++)
        residual[s] = pack_all(0.0);
    for (size_t p = 0; p < n; p++) {
        slater_functions(slater, &slater->orbitals[spin], n, side, particle(slater, spin, p, x, l), functions);
        for (size_t s = 0; s < side; s++) {
            pack sum = pack_all(-1.0);
            for (size_t k = 0; k < n; k++)
                sum = pack_fma(functions[k * side + s], b[(p * n + k) * side + s], sum);
            sum = pack_abs(sum);
            residual[s] = pack_select(sum <= residual[s], residual[s], sum);  // a NAN stays
        }
    }
}

// B and the determinant of a spin for a chunk of walkers.
PACK_INLINE void invert(const struct slater *slater, size_t spin, size_t n, size_t side, size_t l, const double *x,
                        pack *b, struct determinant *determinant)
{
    pack residual[4];
    if (n == 3) {
        pack a[9 * 4];
        for (size_t p = 0; p < n; p++)
            slater_functions(slater, &slater->orbitals[spin], n, side, particle(slater, spin, p, x, l),
                             a + p * n * side);
        inverse_of_three(side, a, b, determinant);
        return;
    }
    fill(slater, spin, n, side, l, x, b);
    inverse_eliminate(n, side, b, determinant);
    find_residual(slater, spin, n, side, l, x, b, residual);
    for (size_t s = 0; s < side; s++)
        for (int lane = 0; lane < PACK_WIDTH; lane++)
            if (!(residual[s][lane] <= INVERSE_RESIDUAL))
                invert_with_pivots(slater, spin, side, l, s, lane, x, b, determinant);
}

// G of a spin into its rows, unscaled by nothing else: plus -alpha omega x, added where `add`.
PACK_INLINE void find_slopes(const struct slater *slater, size_t spin, size_t n, size_t side, size_t l, const double *x,
                             const pack *b, bool add, double *gradient, struct sums *sums)
{
    const struct orbitals *orbitals = &slater->orbitals[spin];
    pack functions[ORBITALS_FUNCTIONS_MOST * 4], pulled[4], squared[4];  // sums that stay in registers
    ROWS_UNROLLED
    for (size_t s = 0; s < side; s++) {
        pulled[s] = sums->pull[s];
        squared[s] = sums->square[s];
    }
    for (size_t p = 0; p < n; p++) {
        const size_t row = (slater->first_particle[spin] + p) * slater->dimensions;
        slater_functions(slater, orbitals, orbitals->n_functions, side, (const pack *)x + row * ROW_PACKS + l,
                         functions);
        for (size_t d = 0; d < slater->dimensions; d++) {
            const pack scale = pack_all(slater->scale[d]), omega = pack_all(slater->omega[d]),
                       drag = pack_all(-slater->value * slater->omega[d]);
            pack sum[4] = { { 0 } };
            for (size_t k = 0; k < n; k++) {
                const long lower = orbitals->lower[d][k];
                if (lower == ORBITALS_NONE)
                    continue;
                ROWS_UNROLLED
                for (size_t s = 0; s < side; s++)
                    sum[s] = pack_fma(functions[(size_t)lower * side + s], b[(p * n + k) * side + s], sum[s]);
            }
            ROWS_UNROLLED
            for (size_t s = 0; s < side; s++) {
                const pack here = ((const pack *)x)[(row + d) * ROW_PACKS + l + s], slope = scale * sum[s];
                pack *out = (pack *)gradient + (row + d) * ROW_PACKS + l + s;
                pulled[s] = pack_fma(omega * here, slope, pulled[s]);
                squared[s] = pack_fma(slope, slope, squared[s]);
                *out = pack_fma(drag, here, add ? (pack)(*out + slope) : slope);
            }
        }
    }
    ROWS_UNROLLED
    for (size_t s = 0; s < side; s++) {
        sums->pull[s] = pulled[s];
        sums->square[s] = squared[s];
    }
}

PACK_INLINE void copy_rows(size_t n, size_t side, size_t l, const pack *from, double *to)
{
    for (size_t k = 0; k < n; k++)
        for (size_t s = 0; s < side; s++)
            ((pack *)to)[rows_by_lines(n, k, l + s)] = from[k * side + s];
}

enum { WHAT_WEIGHT = 1, WHAT_SLOPES = 2, WHAT_ADD = 4 };  // what of a configuration is wanted

// One spin of a chunk; n is known to the compiler for the usual numbers.
PACK_INLINE void one_spin(const struct slater *slater, size_t spin, size_t n, size_t side, size_t l, const double *x,
                          unsigned what, double *gradient, double *cache, struct sums *sums)
{
    pack b[ORBITALS_MOST * ORBITALS_MOST];  // of which n n side are used; side > 1 for small n only
    double *rows = rows_at(cache, slater->first_row[spin]);
    if (what & WHAT_WEIGHT) {
        struct determinant determinant[4];
        invert(slater, spin, n, side, l, x, b, determinant);
        copy_rows(n * n, side, l, b, rows);
        for (size_t s = 0; s < side; s++) {
            sums->determinant[s].mantissa *= determinant[s].mantissa;
            sums->determinant[s].exponent += determinant[s].exponent;
        }
    } else {
        for (size_t k = 0; k < n * n; k++)
            for (size_t s = 0; s < side; s++)
                b[k * side + s] = ((const pack *)rows)[rows_by_lines(n * n, k, l + s)];
    }
    if (what & WHAT_SLOPES)
        find_slopes(slater, spin, n, side, l, x, b, what & WHAT_ADD, gradient, sums);
}

#define ONE_SPIN(n, side) one_spin(slater, spin, n, side, l, x, what, gradient, cache, sums)
// Packs side by side keep the processor busy while it divides.
static size_t chunk_of(const struct slater *slater)
{
    const size_t n = slater_most_orbitals(slater);
    return n <= 4 ? 4 : n <= 10 ? 2 : 1;
}

static PACK_HOT void few(const struct slater *slater, size_t spin, size_t l, const double *x, unsigned what,
                         double *gradient, double *cache, struct sums *sums)
{
    switch (slater->orbitals[spin].n) {
    case 0: break;
    case 1: ONE_SPIN(1, 4); break;
    case 2: ONE_SPIN(2, 4); break;
    case 3: ONE_SPIN(3, 4); break;
    default: ONE_SPIN(4, 4);
    }
}

static PACK_HOT void some(const struct slater *slater, size_t spin, size_t l, const double *x, unsigned what,
                          double *gradient, double *cache, struct sums *sums)
{
    switch (slater->orbitals[spin].n) {
    case 0: break;
    case 6: ONE_SPIN(6, 2); break;
    case 10: ONE_SPIN(10, 2); break;
    default: ONE_SPIN(slater->orbitals[spin].n, 2);
    }
}

static PACK_HOT void many(const struct slater *slater, size_t spin, size_t l, const double *x, unsigned what,
                          double *gradient, double *cache, struct sums *sums)
{
    ONE_SPIN(slater->orbitals[spin].n, 1);
}

// --- shells that are known, a cache line of walkers at a time ---

// A of one pack as [p][k], and A^T, which becomes B as [p][k] (not for three, whose B is made of A). sum omega x^2
// grows.
PACK_INLINE void shells_fill(const struct slater *slater, size_t spin, size_t top, const pack *x, pack *a, pack *b,
                             pack *spread)
{
    const size_t n = shells_orbitals(top), copied = n == 3 ? 0 : n;
    pack sum = *spread;  // in a register: what gcc keeps in memory waits for its store every time
    const pack *here = x + slater->first_particle[spin] * 2 * ROW_PACKS;
    for (size_t p = 0; p < n; p++, here += 2 * ROW_PACKS) {
        for (size_t d = 0; d < 2; d++)
            sum = pack_fma(slater->omega[d] * here[d * ROW_PACKS], here[d * ROW_PACKS], sum);
        shells_functions(top, slater->scale[0] * here[0], slater->scale[1] * here[ROW_PACKS], a + p * n);
        SHELLS_UNROLLED
        for (size_t k = 0; k < copied; k++)
            b[k * n + p] = a[p * n + k];
    }
    *spread = sum;
}

PACK_INLINE void shells_invert(const struct slater *slater, size_t spin, size_t top, size_t l, const double *x,
                               const pack *a, pack *b, struct determinant *determinant)
{
    const size_t n = shells_orbitals(top);
    pack residual = pack_all(0.0);
    if (n == 3) {
        inverse_of_three(1, a, b, determinant);
        return;
    }
    shells_eliminate(n, b, determinant);
    for (size_t p = 0; p < n; p++) {
        const pack off = pack_abs(shells_dot(n, a + p * n, 1, b + p * n, 1, pack_all(-1.0)));
        residual = pack_select(off <= residual, residual, off);  // a NAN stays
    }
    for (int lane = 0; lane < PACK_WIDTH; lane++)
        if (!(residual[lane] <= INVERSE_RESIDUAL))
            invert_with_pivots(slater, spin, 1, l, 0, lane, x, b, determinant);
}

// What find_slopes does, with B at b[(p n + k) stride] and A, unless NULL, known.
PACK_INLINE void shells_gradient(const struct slater *slater, size_t spin, size_t top, const pack *x, const pack *a,
                                 const pack *b, size_t stride, bool add, pack *gradient, pack *pull, pack *square)
{
    const size_t n = shells_orbitals(top), first = slater->first_particle[spin] * 2 * ROW_PACKS;
    pack pulled = *pull, squared = *square, omega[2], scale[2], drag[2];  // copies, which no store can change
    for (size_t d = 0; d < 2; d++) {
        omega[d] = pack_all(slater->omega[d]);
        scale[d] = pack_all(slater->scale[d]);
        drag[d] = pack_all(-slater->value * slater->omega[d]);
    }
    for (size_t p = 0, at = first; p < n; p++, at += 2 * ROW_PACKS) {
        pack functions[SHELLS_MOST], slope[2];
        if (!a)
            shells_functions(top, scale[0] * x[at], scale[1] * x[at + ROW_PACKS], functions);
        shells_slopes(top, a ? a + p * n : functions, b + p * n * stride, stride, slope);
        SHELLS_UNROLLED
        for (size_t d = 0; d < 2; d++) {
            const pack here = x[at + d * ROW_PACKS], push = scale[d] * slope[d];
            pack *out = gradient + at + d * ROW_PACKS;
            pulled = pack_fma(omega[d] * here, push, pulled);
            squared = pack_fma(push, push, squared);
            *out = pack_fma(drag[d], here, add ? (pack)(*out + push) : push);
        }
    }
    *pull = pulled;
    *square = squared;
}

PACK_INLINE void shells_spin(const struct slater *slater, size_t spin, size_t top, size_t l, const double *x,
                             unsigned what, double *gradient, double *cache, struct sums *sums)
{
    const size_t n = shells_orbitals(top);
    pack *rows = (pack *)rows_at(cache, slater->first_row[spin]) + rows_by_lines(n * n, 0, l),
         a[SHELLS_MOST * SHELLS_MOST], b[LINE][SHELLS_MOST * SHELLS_MOST];
    for (size_t s = 0; s < LINE; s++) {
        const pack *here = (const pack *)x + l + s;
        pack *slopes = (pack *)gradient + l + s;
        if (!(what & WHAT_WEIGHT)) {
            shells_gradient(slater, spin, top, here, NULL, rows + s, LINE, what & WHAT_ADD, slopes, &sums->pull[s],
                            &sums->square[s]);
            continue;
        }
        struct determinant determinant;
        shells_fill(slater, spin, top, here, a, b[s], &sums->spread[s]);
        shells_invert(slater, spin, top, l + s, x, a, b[s], &determinant);
        sums->determinant[s].mantissa *= determinant.mantissa;
        sums->determinant[s].exponent += determinant.exponent;
        if (what & WHAT_SLOPES)
            shells_gradient(slater, spin, top, here, a, b[s], 1, what & WHAT_ADD, slopes, &sums->pull[s],
                            &sums->square[s]);
    }
    for (size_t k = 0; (what & WHAT_WEIGHT) && k < n * n; k++)
        for (size_t s = 0; s < LINE; s++)
            rows[k * LINE + s] = b[s][k];
}

static PACK_HOT void line_of_shells(const struct slater *slater, size_t spin, size_t l, const double *x, unsigned what,
                                    double *gradient, double *cache, struct sums *sums)
{
#define SHELLS(top) shells_spin(slater, spin, top, l, x, what, gradient, cache, sums)
    switch (slater->orbitals[spin].n) {
    case 0: break;
    case 1: SHELLS(0); break;
    case 3: SHELLS(1); break;
    case 6: SHELLS(2); break;
    default: SHELLS(3);
    }
}

// |phi|^2 = det^2 e^(-alpha sum omega x^2)
PACK_INLINE void set_weight(const struct slater *slater, size_t l, pack spread, struct determinant determinant,
                            double *weight)
{
    determinant_normalise(&determinant);
    ((pack *)weight)[l] = determinant.mantissa * determinant.mantissa;
    ((pack *)weight)[ROW_PACKS + l] = pack_fma(pack_all(2 * 0.6931471805599453), determinant.exponent,
                                               -slater->value * spread);
}

void slater_set_weight(const struct slater *slater, size_t l, const double *x, struct determinant determinant,
                       double *weight)
{
    pack spread = pack_all(0.0);
    for (size_t i = 0, d = 0; i < slater->n_coordinates; i++, d = d + 1 < slater->dimensions ? d + 1 : 0) {
        const pack here = ((const pack *)x)[i * ROW_PACKS + l];
        spread = pack_fma(slater->omega[d] * here, here, spread);
    }
    set_weight(slater, l, spread, determinant, weight);
}

static PACK_HOT void visit(const struct slater *slater, const double *x, unsigned what, double *weight,
                           double *gradient, double *laplacian, double *cache)
{
    const size_t chunk = slater->shells ? LINE : chunk_of(slater);
    double constant = 0;
    for (size_t d = 0; d < slater->dimensions; d++)
        constant -= slater->value * slater->omega[d] *
                    ((double)(slater->n_coordinates / slater->dimensions) +
                     2 * (slater->orbitals[0].sum[d] + slater->orbitals[1].sum[d]));
    for (size_t l = 0; l < ROW_PACKS; l += chunk) {
        struct sums sums;
        for (size_t s = 0; s < chunk; s++) {
            sums.pull[s] = sums.square[s] = sums.spread[s] = sums.determinant[s].exponent = pack_all(0.0);
            sums.determinant[s].mantissa = pack_all(1.0);
        }
        for (size_t spin = 0; spin < SPINS; spin++)
            (slater->shells ? line_of_shells
             : chunk == 4   ? few
             : chunk == 2   ? some
                            : many)(slater, spin, l, x, what, gradient, cache, &sums);
        for (size_t s = 0; s < chunk; s++) {
            pack *out = (pack *)laplacian + l + s;
            if (what & WHAT_SLOPES)
                *out = (what & WHAT_ADD ? *out : pack_all(0.0)) +
                       pack_fma(pack_all(2 * slater->value), sums.pull[s], constant - sums.square[s]);
            if ((what & WHAT_WEIGHT) && slater->shells)
                set_weight(slater, l + s, sums.spread[s], sums.determinant[s], weight);
            else if (what & WHAT_WEIGHT)
                slater_set_weight(slater, l + s, x, sums.determinant[s], weight);
        }
    }
    if ((what & WHAT_SLOPES) && slater_n_kept_rows(slater) > 0)
        for (size_t l = 0; l < ROW_PACKS; l++)
            slater_keep_open_shells(slater, l, x, cache, rows_at(cache, slater_n_move_rows(slater)));
}

void slater_weigh(const void *state, const struct configuration *at, double *weight, double *cache)
{
    visit(state, at->x, WHAT_WEIGHT, weight, NULL, NULL, cache);
}

void slater_evaluate(const void *state, const struct configuration *at, unsigned how, double *weight, double *gradient,
                     double *laplacian, double *cache)
{
    visit(state, at->x, WHAT_SLOPES | (how & FACTOR_KEPT ? 0 : WHAT_WEIGHT) | (how & FACTOR_ADD ? WHAT_ADD : 0), weight,
          gradient, laplacian, cache);
}
