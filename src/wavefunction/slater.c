// SPDX-License-Identifier: GPL-3.0-or-later
// Slater determinants for fermions of spin 1/2, one per spin, of orbitals of the trap at alpha omega_d (docs/theory.md,
// section 2):
//     phi = det[ phi_k(r_p) ]_up det[ phi_k(r_p) ]_down exp(-1/2 alpha sum_i omega_i x_i^2),   phi_k polynomials
//     (wavefunction/orbitals.h).
// With A_pk = phi_k(r_p), B = A^-1 and G_pd = sum_k (d_d phi_k)(r_p) B_kp, since Hermite's equation gives the second
// derivatives,
//     grad = G - alpha omega x,   Laplacian = 2 alpha sum_d omega_d ( sum_p x_pd G_pd - sum_k n_d(k) ) - sum G^2 -
//     alpha sum_i omega_i, d/d alpha = (1/2 alpha) sum_i x_i G_i - 1/2 sum_i omega_i x_i^2   (alpha scales the
//     polynomials' coordinates).
// Where the orbitals fill shells the determinants are homogeneous in every dimension: sum_p x_pd G_pd = sum_k n_d(k).
// Move rows of the cache: B of each spin as [p][k]. Kept rows, where shells are open: sum x G and its gradient [M]. Of
// a trial: the new orbitals [n] and the ratio of determinants. A move of particle p changes row p of A: R = sum_k
// phi_k(r'_p) B_kp, and B follows from Sherman and Morrison, Ann. Math. Stat. 21, 124 (1950).
// Check: two particles of one spin on a line, omega = alpha = 1, x = 1, 0: det ~ (x_1 - x_2): grad = (1 - 1, -1),
// Laplacian = -2 - 2.
#include "wavefunction/slater.h"

#include "wavefunction/pair_row.h"
#include "wavefunction/shells.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

extern const struct factor_type factor_slater;

static const char *backflow_name(size_t k)
{
    static const char *const names[] = {
        [BACKFLOW_NONE] = "none", [BACKFLOW_EXPONENTIAL] = "exponential", [BACKFLOW_TWO_SCALES] = "two-scales"
    };
    return k < sizeof names / sizeof *names ? names[k] : NULL;
}

static const struct param params[] = {
    PARAM_REAL(slater, alpha, .range = PARAM_ABOVE(0), .fallback = "1",
               .help = "orbitals are those of the trap with alpha omega: the value, or where training starts"),
    PARAM_BOOL(slater, train, .fallback = "yes", .help = "train alpha"),
    PARAM_TEXT(slater, orbitals_up, .fallback = "auto",
               .help = "quantum numbers per dimension of the orbitals of spin up, as 0 0, 1 0, 0 1; auto: the lowest, "
                       "which must fill shells"),
    PARAM_TEXT(slater, orbitals_down, .fallback = "auto", .help = "the same of spin down"),
    PARAM_CHOICE(slater, backflow, .choice = backflow_name, .fallback = "none",
                 .help = "orbitals see each particle moved by its neighbours: none; exponential: by antiparallel "
                         "spins; two-scales: by both"),
    PARAM_REAL(slater, backflow_length, .range = PARAM_ABOVE(0), .fallback = "1.1", .applies = "backflow = exponential",
               .help = "range of the exponential, in lengths of the trap"),
    PARAM_BOOL(slater, train_backflow_length, .fallback = "no", .applies = "backflow = exponential",
               .help = "train the range of the exponential"),
    PARAM_BOOL(slater, mixing, .fallback = "no",
               .help = "orbitals of lower shells are multiplied by 1 + kappa . features of each particle's "
                       "surroundings, kappa trained"),
    PARAM_END,
};

// With backflow or mixing the determinants are another factor under the same name.
static const struct factor_type *instead(const void *state)
{
    const struct slater *slater = state;
    return slater->backflow == BACKFLOW_NONE && !slater->mixing ? &factor_slater : &slater_backflow;
}

static size_t n_parameters(const void *state) { return ((const struct slater *)state)->train; }

static void start(const void *state, double (*uniform)(void *random), void *random, double *theta)
{
    (void)uniform;
    (void)random;
    if (n_parameters(state) > 0)
        theta[0] = ((const struct slater *)state)->alpha;
}

static bool prepare(void *state, const double *theta)
{
    struct slater *slater = state;
    return slater_take_alpha(slater, slater->train ? theta[0] : slater->alpha);
}

static size_t n_move_rows(const void *state)
{
    const struct slater *slater = state;
    return slater->first_row[1] + slater->orbitals[1].n * slater->orbitals[1].n;
}

static size_t n_kept_rows(const void *state)
{
    const struct slater *slater = state;
    return slater->homogeneous || !slater->train ? 0 : 1 + slater->n_coordinates;
}

static size_t most_orbitals(const struct slater *slater)
{
    return slater->orbitals[0].n > slater->orbitals[1].n ? slater->orbitals[0].n : slater->orbitals[1].n;
}

// First row of a trial: its orbitals, then the ratio.
static size_t trial_row(const struct slater *slater) { return n_move_rows(slater) + n_kept_rows(slater); }
static size_t n_cache_rows(const void *state) { return trial_row(state) + most_orbitals(state) + 1; }

// --- from scratch ---

enum { CHUNK_MOST = PACK_WIDTH == 1 ? 8 : 4 };

// What a chunk of walkers, `side` packs from `l` on, gathers from both spins.
struct sums {
    pack pull[CHUNK_MOST], square[CHUNK_MOST];   // sum_i omega_i x_i G_i, sum_i G_i^2
    struct determinant determinant[CHUNK_MOST];  // of both spins
};

// A^T of a spin [k][p], which becomes B as [p][k].
PACK_INLINE void fill(const struct slater *slater, size_t spin, size_t n, size_t side, size_t l, const double *x,
                      pack *a)
{
    const struct orbitals *orbitals = &slater->orbitals[spin];
    pack functions[ORBITALS_MOST * 4];
    for (size_t p = 0; p < n; p++) {
        slater_functions(slater, orbitals, n, side,
                         (const pack *)x + (slater->first_particle[spin] + p) * slater->dimensions * ROW_PACKS + l,
                         functions);
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
        slater_functions(slater, orbitals, n, 1,
                         (const pack *)x + (slater->first_particle[spin] + p) * slater->dimensions * ROW_PACKS + l + s,
                         functions);
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
        slater_functions(slater, &slater->orbitals[spin], n, side,
                         (const pack *)x + (slater->first_particle[spin] + p) * slater->dimensions * ROW_PACKS + l,
                         functions);
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
    pack functions[ORBITALS_FUNCTIONS_MOST * 4];
    for (size_t p = 0; p < n; p++) {
        const size_t row = (slater->first_particle[spin] + p) * slater->dimensions;
        slater_functions(slater, orbitals, orbitals->n_functions, side, (const pack *)x + row * ROW_PACKS + l,
                         functions);
        for (size_t d = 0; d < slater->dimensions; d++) {
            pack sum[4] = { { 0 } };
            for (size_t k = 0; k < n; k++) {
                const long lower = orbitals->lower[d][k];
                for (size_t s = 0; lower != ORBITALS_NONE && s < side; s++)
                    sum[s] = pack_fma(functions[(size_t)lower * side + s], b[(p * n + k) * side + s], sum[s]);
            }
            for (size_t s = 0; s < side; s++) {
                const pack here = ((const pack *)x)[(row + d) * ROW_PACKS + l + s], slope = slater->scale[d] * sum[s];
                pack *out = (pack *)gradient + (row + d) * ROW_PACKS + l + s;
                sums->pull[s] = pack_fma(slater->omega[d] * here, slope, sums->pull[s]);
                sums->square[s] = pack_fma(slope, slope, sums->square[s]);
                *out = pack_fma(pack_all(-slater->value * slater->omega[d]), here, add ? (pack)(*out + slope) : slope);
            }
        }
    }
}

// Of shells that are not full: W = sum x G = sum_d sum_k n_d(k) + sum_pk w_k(r_p) B_kp, w_k the functions two quanta
// below orbital k that are no orbitals, and d_qe W = sum_k (d_e w_k)(r_q) B_kq - sum_p [ sum_k w_k(r_p) B_kq ] [ sum_k
// (d_e phi_k)(r_q) B_kp ].
struct open_shell {
    const struct slater *slater;
    size_t spin, l;
    const double *x;
    const pack *b;                               // [p][k]
    pack lowered[ORBITALS_MOST][ORBITALS_MOST];  // sum_k w_k(r_p) B_kq as [p][q]
};

static void find_functions(const struct open_shell *shell, size_t p, pack *functions)
{
    const struct orbitals *orbitals = &shell->slater->orbitals[shell->spin];
    const size_t row = (shell->slater->first_particle[shell->spin] + p) * shell->slater->dimensions;
    slater_functions(shell->slater, orbitals, orbitals->n_functions, 1,
                     (const pack *)shell->x + row * ROW_PACKS + shell->l, functions);
}

static long below(const struct orbitals *orbitals, long k, size_t d)
{
    return k == ORBITALS_NONE ? k : orbitals->lower[d][k];
}

// w_k, or with e < D its derivative without the scale
static pack lowered_function(const struct orbitals *orbitals, size_t k, size_t e, const pack *functions)
{
    pack sum = pack_all(0.0);
    for (size_t d = 0; d < orbitals->dimensions; d++) {
        const long twice = below(orbitals, below(orbitals, (long)k, d), d);
        const long at = twice < (long)orbitals->n  ? ORBITALS_NONE
                        : e < orbitals->dimensions ? below(orbitals, twice, e)
                                                   : twice;
        if (at != ORBITALS_NONE)
            sum += functions[at];
    }
    return sum;
}

static void add_lowered(struct open_shell *shell, pack *total)
{
    const struct orbitals *orbitals = &shell->slater->orbitals[shell->spin];
    const size_t n = orbitals->n;
    pack functions[ORBITALS_FUNCTIONS_MOST];
    for (size_t p = 0; p < n; p++) {
        find_functions(shell, p, functions);
        memset(shell->lowered[p], 0, sizeof shell->lowered[p]);
        for (size_t k = 0; k < n; k++) {
            const pack w = lowered_function(orbitals, k, orbitals->dimensions, functions);
            for (size_t q = 0; q < n; q++)
                shell->lowered[p][q] = pack_fma(w, shell->b[q * n + k], shell->lowered[p][q]);
        }
        *total += shell->lowered[p][p];
    }
}

static void lowered_gradient(const struct open_shell *shell, double *gradient)
{
    const struct slater *slater = shell->slater;
    const struct orbitals *orbitals = &slater->orbitals[shell->spin];
    const size_t n = orbitals->n;
    pack functions[ORBITALS_FUNCTIONS_MOST];
    for (size_t q = 0; q < n; q++) {
        find_functions(shell, q, functions);
        for (size_t e = 0; e < slater->dimensions; e++) {
            pack sum = pack_all(0.0);
            for (size_t k = 0; k < n; k++)
                sum = pack_fma(lowered_function(orbitals, k, e, functions), shell->b[q * n + k], sum);
            for (size_t p = 0; p < n; p++) {
                pack slope = pack_all(0.0);
                for (size_t k = 0; k < n; k++)
                    if (orbitals->lower[e][k] != ORBITALS_NONE)
                        slope = pack_fma(functions[orbitals->lower[e][k]], shell->b[p * n + k], slope);
                sum -= shell->lowered[p][q] * slope;
            }
            ((pack *)gradient)[((slater->first_particle[shell->spin] + q) * slater->dimensions + e) * ROW_PACKS +
                               shell->l] = slater->scale[e] * sum;
        }
    }
}

// kept: sum x G, its gradient [M]
static void keep_open_shells(const struct slater *slater, size_t l, const double *x, const double *cache, double *kept)
{
    struct open_shell shell = { .slater = slater, .l = l, .x = x };
    pack total = pack_all(0.0), b[ORBITALS_MOST * ORBITALS_MOST];
    for (size_t spin = 0; spin < SPINS; spin++) {
        const size_t n = slater->orbitals[spin].n;
        for (size_t k = 0; k < n * n; k++)
            b[k] = ((const pack *)cache)[(slater->first_row[spin] + k) * ROW_PACKS + l];
        for (size_t d = 0; d < slater->dimensions; d++)
            total += slater->orbitals[spin].sum[d];
        shell.spin = spin;
        shell.b = b;
        add_lowered(&shell, &total);
        lowered_gradient(&shell, rows_at(kept, 1));
    }
    ((pack *)kept)[l] = total;
}

PACK_INLINE void copy_rows(size_t n, size_t side, size_t l, const pack *from, double *to)
{
    for (size_t k = 0; k < n; k++)
        for (size_t s = 0; s < side; s++)
            ((pack *)to)[k * ROW_PACKS + l + s] = from[k * side + s];
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
                b[k * side + s] = ((const pack *)rows)[k * ROW_PACKS + l + s];
    }
    if (what & WHAT_SLOPES)
        find_slopes(slater, spin, n, side, l, x, b, what & WHAT_ADD, gradient, sums);
}

#define ONE_SPIN(n, side) one_spin(slater, spin, n, side, l, x, what, gradient, cache, sums)
// Packs side by side keep the processor busy while it divides.
static size_t chunk_of(const struct slater *slater)
{
    const size_t n = most_orbitals(slater);
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

// A of one pack as [p][k], and A^T, which becomes B as [p][k].
PACK_INLINE void shells_fill(const struct slater *slater, size_t spin, size_t top, const pack *x, pack *a, pack *b)
{
    const size_t n = shells_orbitals(top);
    const pack *here = x + slater->first_particle[spin] * 2 * ROW_PACKS;
    for (size_t p = 0; p < n; p++, here += 2 * ROW_PACKS) {
        shells_functions(top, slater->scale[0] * here[0], slater->scale[1] * here[ROW_PACKS], a + p * n);
        SHELLS_UNROLLED
        for (size_t k = 0; k < n; k++)
            b[k * n + p] = a[p * n + k];
    }
}

PACK_INLINE void shells_invert(const struct slater *slater, size_t spin, size_t top, size_t l, const double *x,
                               const pack *a, pack *b, struct determinant *determinant)
{
    const size_t n = shells_orbitals(top);
    pack residual = pack_all(0.0);
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
    for (size_t p = 0, at = first; p < n; p++, at += 2 * ROW_PACKS) {
        pack functions[SHELLS_MOST], slope[2];
        if (!a)
            shells_functions(top, slater->scale[0] * x[at], slater->scale[1] * x[at + ROW_PACKS], functions);
        shells_slopes(top, a ? a + p * n : functions, b + p * n * stride, stride, slope);
        SHELLS_UNROLLED
        for (size_t d = 0; d < 2; d++) {
            const pack here = x[at + d * ROW_PACKS], push = slater->scale[d] * slope[d];
            pack *out = gradient + at + d * ROW_PACKS;
            *pull = pack_fma(slater->omega[d] * here, push, *pull);
            *square = pack_fma(push, push, *square);
            *out = pack_fma(pack_all(-slater->value * slater->omega[d]), here, add ? (pack)(*out + push) : push);
        }
    }
}

PACK_INLINE void shells_spin(const struct slater *slater, size_t spin, size_t top, size_t l, const double *x,
                             unsigned what, double *gradient, double *cache, struct sums *sums)
{
    const size_t n = shells_orbitals(top);
    pack *rows = (pack *)rows_at(cache, slater->first_row[spin]) + l, a[SHELLS_MOST * SHELLS_MOST],
         b[LINE][SHELLS_MOST * SHELLS_MOST];
    for (size_t s = 0; s < LINE; s++) {
        const pack *here = (const pack *)x + l + s;
        pack *slopes = (pack *)gradient + l + s;
        if (!(what & WHAT_WEIGHT)) {
            shells_gradient(slater, spin, top, here, NULL, rows + s, ROW_PACKS, what & WHAT_ADD, slopes, &sums->pull[s],
                            &sums->square[s]);
            continue;
        }
        struct determinant determinant;
        shells_fill(slater, spin, top, here, a, b[s]);
        shells_invert(slater, spin, top, l + s, x, a, b[s], &determinant);
        sums->determinant[s].mantissa *= determinant.mantissa;
        sums->determinant[s].exponent += determinant.exponent;
        if (what & WHAT_SLOPES)
            shells_gradient(slater, spin, top, here, a, b[s], 1, what & WHAT_ADD, slopes, &sums->pull[s],
                            &sums->square[s]);
    }
    for (size_t k = 0; (what & WHAT_WEIGHT) && k < n * n; k++)
        for (size_t s = 0; s < LINE; s++)
            rows[k * ROW_PACKS + s] = b[s][k];
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
void slater_set_weight(const struct slater *slater, size_t l, const double *x, struct determinant determinant,
                       double *weight)
{
    pack spread = pack_all(0.0);
    for (size_t i = 0, d = 0; i < slater->n_coordinates; i++, d = d + 1 < slater->dimensions ? d + 1 : 0) {
        const pack here = ((const pack *)x)[i * ROW_PACKS + l];
        spread = pack_fma(slater->omega[d] * here, here, spread);
    }
    determinant_normalise(&determinant);
    ((pack *)weight)[l] = determinant.mantissa * determinant.mantissa;
    ((pack *)weight)[ROW_PACKS + l] = pack_fma(pack_all(2 * 0.6931471805599453), determinant.exponent,
                                               -slater->value * spread);
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
            sums.pull[s] = sums.square[s] = sums.determinant[s].exponent = pack_all(0.0);
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
            if (what & WHAT_WEIGHT)
                slater_set_weight(slater, l + s, x, sums.determinant[s], weight);
        }
    }
    if ((what & WHAT_SLOPES) && n_kept_rows(slater) > 0)
        for (size_t l = 0; l < ROW_PACKS; l++)
            keep_open_shells(slater, l, x, cache, rows_at(cache, n_move_rows(slater)));
}

static void weigh(const void *state, const struct configuration *at, double *weight, double *cache)
{
    visit(state, at->x, WHAT_WEIGHT, weight, NULL, NULL, cache);
}

static void evaluate(const void *state, const struct configuration *at, unsigned how, double *weight, double *gradient,
                     double *laplacian, double *cache)
{
    visit(state, at->x, WHAT_SLOPES | (how & FACTOR_KEPT ? 0 : WHAT_WEIGHT) | (how & FACTOR_ADD ? WHAT_ADD : 0), weight,
          gradient, laplacian, cache);
}

// --- one particle ---

// Powers of two beyond 2^±40 of the mantissa go to the exponent.
static void tidy_weight(double *weight, size_t l)
{
    pack *mantissa = (pack *)weight + l, *exponent = (pack *)weight + ROW_PACKS + l;
    const pack_bits out = ((*mantissa > 0x1p40) | (*mantissa < 0x1p-40)) & (*mantissa > 0x1p-1000) &
                          (*mantissa < 0x1p1000);
    const pack power = pack_select(out, pack_exponent(pack_select(out, *mantissa, pack_all(1.0))), pack_all(0.0));
    *mantissa = pack_scale(*mantissa, -power);
    *mantissa = pack_select(*mantissa < 0x1p-60, pack_all(0.0), *mantissa);  // psi = 0 as far as numbers go
    *exponent = pack_fma(pack_all(0.6931471805599453), power, *exponent);
}

PACK_INLINE void ratio_of(const struct slater *slater, size_t spin, size_t n, size_t p, const double *x,
                          const double *old_cache, double *trial)
{
    const struct orbitals *orbitals = &slater->orbitals[spin];
    const double *b = rows_at_const(old_cache, slater->first_row[spin] + (p - slater->first_particle[spin]) * n);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack functions[ORBITALS_MOST], sum = pack_all(0.0);
        slater_functions(slater, orbitals, n, 1, (const pack *)x + p * slater->dimensions * ROW_PACKS + l, functions);
        for (size_t k = 0; k < n; k++) {
            ((pack *)trial)[k * ROW_PACKS + l] = functions[k];
            sum = pack_fma(functions[k], ((const pack *)b)[k * ROW_PACKS + l], sum);
        }
        ((pack *)trial)[n * ROW_PACKS + l] = sum;
    }
}

PACK_INLINE void shells_ratio(const struct slater *slater, size_t spin, size_t top, size_t p, const double *x,
                              const double *old_cache, double *trial)
{
    const size_t n = shells_orbitals(top);
    const pack *b = (const pack *)rows_at_const(old_cache,
                                                slater->first_row[spin] + (p - slater->first_particle[spin]) * n),
               *here = (const pack *)rows_at_const(x, 2 * p);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack functions[SHELLS_MOST];
        shells_functions(top, slater->scale[0] * here[l], slater->scale[1] * here[l + ROW_PACKS], functions);
        SHELLS_UNROLLED
        for (size_t k = 0; k < n; k++)
            ((pack *)trial)[k * ROW_PACKS + l] = functions[k];
        ((pack *)trial)[n * ROW_PACKS + l] = shells_dot(n, functions, 1, b + l, ROW_PACKS, pack_all(0.0));
    }
}

// Rows q and, if there are two, another of B, of one pack: B_kq -= B_kp (sum_j phi'_j B_jq) / R. Rows in registers are
// read once, and two rows share what they read of phi' and B_p.
PACK_INLINE void update_rows(size_t n, size_t height, const pack *functions, const pack *own, pack share, pack *one,
                             pack *two)
{
    pack row[2][ORBITALS_MOST], sum[2][2];
    SHELLS_UNROLLED
    for (size_t r = 0; r < height; r++)
        sum[r][0] = sum[r][1] = pack_all(0.0);
    SHELLS_UNROLLED
    for (size_t k = 0; k < n; k++)
        SHELLS_UNROLLED
    for (size_t r = 0; r < height; r++) {
        row[r][k] = (r > 0 ? two : one)[k * ROW_PACKS];
        sum[r][k % 2] = pack_fma(functions[k * ROW_PACKS], row[r][k], sum[r][k % 2]);
    }
    SHELLS_UNROLLED
    for (size_t r = 0; r < height; r++)
        sum[r][0] = (sum[r][0] + sum[r][1]) * share;
    SHELLS_UNROLLED
    for (size_t k = 0; k < n; k++)
        SHELLS_UNROLLED
    for (size_t r = 0; r < height; r++)
        (r > 0 ? two : one)[k * ROW_PACKS] = pack_fma(sum[r][0], own[k * ROW_PACKS], row[r][k]);
}

// B of the walkers of the mask: the other rows as above, B_kp /= R. `height` rows at once.
PACK_INLINE void update(size_t n, size_t height, size_t p, const double *mask, const double *trial, double *b)
{
    pack inverse[ROW_PACKS], *own = (pack *)b + p * n * ROW_PACKS;
    const pack *functions = (const pack *)trial;
    for (size_t l = 0; l < ROW_PACKS; l++)
        inverse[l] = pack_select(((const pack_bits *)mask)[l] < 0, 1.0 / functions[n * ROW_PACKS + l], pack_all(0.0));
    for (size_t q = 0, next; q < n; q = next) {
        next = q + 1;
        if (q == p)
            continue;
        next += next == p;
        pack *one = (pack *)b + q * n * ROW_PACKS, *two = (pack *)b + next * n * ROW_PACKS;
        if (height > 1 && next < n) {
            for (size_t l = 0; l < ROW_PACKS; l++)
                update_rows(n, 2, functions + l, own + l, -inverse[l], one + l, two + l);
            next++;
        } else {
            for (size_t l = 0; l < ROW_PACKS; l++)
                update_rows(n, 1, functions + l, own + l, -inverse[l], one + l, NULL);
            next = q + 1;
        }
    }
    for (size_t l = 0; l < ROW_PACKS; l++) {
        const pack scale = pack_select(((const pack_bits *)mask)[l] < 0, inverse[l], pack_all(1.0));
        for (size_t k = 0; k < n; k++)
            own[k * ROW_PACKS + l] *= scale;
    }
}

// The usual numbers of orbitals, known to the compiler.
#define BY_NUMBER(number, call) \
    switch (number) {           \
    case 1: call(1); break;     \
    case 3: call(3); break;     \
    case 6: call(6); break;     \
    case 10: call(10); break;   \
    default: call(number);      \
    }

#define BY_SHELL(top, call) \
    switch (top) {          \
    case 0: call(0); break; \
    case 1: call(1); break; \
    case 2: call(2); break; \
    default: call(3);       \
    }

static PACK_HOT void ratio(const void *state, size_t p, const double *old_x, const double *old_weight,
                           const double *old_cache, const struct configuration *at, double *weight, double *cache)
{
    const struct slater *slater = state;
    const size_t spin = p >= slater->first_particle[1], n = slater->orbitals[spin].n;
    double *trial = rows_at(cache, trial_row(slater));
#define RATIO(number) ratio_of(slater, spin, number, p, at->x, old_cache, trial)
#define SHELLS_RATIO(top) shells_ratio(slater, spin, top, p, at->x, old_cache, trial)
    if (slater->shells)
        BY_SHELL(slater->top_shell[spin], SHELLS_RATIO)
    else
        BY_NUMBER(n, RATIO)
    for (size_t l = 0; l < ROW_PACKS; l++) {
        const pack change = ((const pack *)trial)[n * ROW_PACKS + l];
        pack spread = pack_all(0.0);
        for (size_t d = 0; d < slater->dimensions; d++) {
            const size_t k = (p * slater->dimensions + d) * ROW_PACKS + l;
            const pack now = ((const pack *)at->x)[k], before = ((const pack *)old_x)[k];
            spread = pack_fma(slater->omega[d] * (now - before), now + before, spread);
        }
        ((pack *)weight)[l] = ((const pack *)old_weight)[l] * (change * change);
        ((pack *)weight)[ROW_PACKS + l] = pack_fma(pack_all(-slater->value), spread,
                                                   ((const pack *)old_weight)[ROW_PACKS + l]);
        tidy_weight(weight, l);
    }
}

static void sign(const void *state, size_t p, const double *trial_cache, double *row)
{
    const struct slater *slater = state;
    const size_t n = slater->orbitals[p >= slater->first_particle[1]].n;
    const double *ratio = rows_at_const(trial_cache, trial_row(slater) + n);
    for (size_t w = 0; w < WALKERS; w++)
        row[w] = copysign(1, ratio[w]) * row[w];
}

static PACK_HOT void accept(const void *state, size_t p, const double *mask, const double *trial_cache, double *cache)
{
    const struct slater *slater = state;
    const size_t spin = p >= slater->first_particle[1], n = slater->orbitals[spin].n,
                 own = p - slater->first_particle[spin];
    const double *trial = rows_at_const(trial_cache, trial_row(slater));
    double *b = rows_at(cache, slater->first_row[spin]);
#define UPDATE(number) update(number, (number) <= 6 ? 2 : 1, own, mask, trial, b)
    BY_NUMBER(n, UPDATE)
}

// G_p - alpha omega x_p; after a move of p, B_kp is what it was over R
static void particle_gradient(const void *state, size_t p, const struct configuration *at, const double *cache,
                              const double *trial, double *gradient)
{
    const struct slater *slater = state;
    const size_t spin = p >= slater->first_particle[1], n = slater->orbitals[spin].n,
                 own = p - slater->first_particle[spin];
    const struct orbitals *orbitals = &slater->orbitals[spin];
    const double *b = rows_at_const(cache, slater->first_row[spin] + own * n),
                 *ratio = trial ? rows_at_const(trial, trial_row(slater) + n) : NULL;
    for (size_t l = 0; l < ROW_PACKS; l++) {
        const pack *x = (const pack *)at->x + p * slater->dimensions * ROW_PACKS + l,
                   inverse = 1.0 / (trial ? ((const pack *)ratio)[l] : pack_all(1.0));
        pack functions[ORBITALS_FUNCTIONS_MOST];
        slater_functions(slater, orbitals, orbitals->n_functions, 1, x, functions);
        for (size_t d = 0; d < slater->dimensions; d++) {
            pack sum = pack_all(0.0), *out = (pack *)gradient + d * ROW_PACKS + l;
            for (size_t k = 0; k < n; k++)
                if (orbitals->lower[d][k] != ORBITALS_NONE)
                    sum = pack_fma(functions[orbitals->lower[d][k]], ((const pack *)b)[k * ROW_PACKS + l], sum);
            *out += pack_fma(slater->scale[d] * sum, inverse, -slater->value * slater->omega[d] * x[d * ROW_PACKS]);
        }
    }
}

// --- derivatives ---

// O of one pack, and where `along` is not NULL grad u . grad O; spread and its slope: sum omega x^2, sum omega x du
static pack derivative(const struct slater *slater, size_t l, const double *x, const double *cache, const double *du,
                       pack *along)
{
    const double *kept = rows_at_const(cache, n_move_rows(slater));
    const double half = 0.5 / slater->value, sum = slater->orbitals[0].sum[0] + slater->orbitals[0].sum[1] +
                                                   slater->orbitals[0].sum[2] + slater->orbitals[1].sum[0] +
                                                   slater->orbitals[1].sum[1] + slater->orbitals[1].sum[2];
    pack spread = pack_all(0.0), slope = pack_all(0.0), pull = pack_all(0.0);
    for (size_t i = 0, d = 0; i < slater->n_coordinates; i++, d = d + 1 < slater->dimensions ? d + 1 : 0) {
        const pack here = ((const pack *)x)[i * ROW_PACKS + l], scaled = slater->omega[d] * here;
        spread = pack_fma(scaled, here, spread);
        if (!du)
            continue;
        slope = pack_fma(scaled, ((const pack *)du)[i * ROW_PACKS + l], slope);
        if (!slater->homogeneous)
            pull = pack_fma(((const pack *)kept)[(i + 1) * ROW_PACKS + l], ((const pack *)du)[i * ROW_PACKS + l], pull);
    }
    if (along)
        *along = pack_fma(pack_all(half), pull, -slope);
    return pack_fma(pack_all(half), slater->homogeneous ? pack_all(sum) : ((const pack *)kept)[l], -0.5 * spread);
}

static void derivatives(const void *state, const struct configuration *at, const double *cache, double *o)
{
    for (size_t l = 0; n_parameters(state) > 0 && l < ROW_PACKS; l++)
        ((pack *)o)[l] = derivative(state, l, at->x, cache, NULL, NULL);
}

static void accumulate(const void *state, const double *x, const double *cache, const double *c, const double *du,
                       double *scratch, double *sums)
{
    (void)scratch;
    for (size_t l = 0; n_parameters(state) > 0 && l < ROW_PACKS; l++) {
        pack along = pack_all(0.0), *sum = (pack *)sums + l;
        const pack o = derivative(state, l, x, cache, du, du ? &along : NULL);
        *sum = pack_fma(((const pack *)c)[l], o, pack_fma(pack_all(-0.5), along, *sum));
    }
}

static void collect(const void *state, const double *sums, double *out)
{
    if (n_parameters(state) > 0)
        out[0] += pack_sum_row(sums);
}

const struct factor_type factor_slater = {
    .name = "slater",
    .summary = "Slater determinants of the trap's orbitals, one per spin",
    .state_size = sizeof(struct slater),
    .params = params,
    .instead = instead,
    .carries_trap = true,
    .build = slater_build,
    .n_parameters = n_parameters,
    .views = slater_views,
    .start = start,
    .prepare = prepare,
    .traits = slater_traits,
    .evaluate = evaluate,
    .derivatives = derivatives,
    .finish = slater_finish,
    .n_cache_rows = n_cache_rows,
    .weigh = weigh,
    .ratio = ratio,
    .sign = sign,
    .accept = accept,
    .particle_gradient = particle_gradient,
    .n_move_rows = n_move_rows,
    .n_kept_rows = n_kept_rows,
    .accumulate = accumulate,
    .collect = collect,
    .n_sum_rows = n_parameters,
    .describe = slater_describe,
};
