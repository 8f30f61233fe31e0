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

#include <math.h>

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

static size_t n_move_rows(const void *state) { return slater_n_move_rows(state); }
static size_t n_kept_rows(const void *state) { return slater_n_kept_rows(state); }
static size_t n_cache_rows(const void *state) { return slater_n_cache_rows(state); }

// --- derivatives ---

// O of one pack, and where `along` is not NULL grad u . grad O; spread and its slope: sum omega x^2, sum omega x du
static pack derivative(const struct slater *slater, size_t l, const double *x, const double *cache, const double *du,
                       pack *along)
{
    const double *kept = rows_at_const(cache, slater_n_move_rows(slater));
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

// O where nothing else is asked: the sums over coordinates by tiles of walkers, in the order in which derivative()
// takes them.
static PACK_HOT void accumulate_plain(const struct slater *slater, const double *x, const double *c, double *sums)
{
    const double *orbitals[2] = { slater->orbitals[0].sum, slater->orbitals[1].sum },
                 sum = orbitals[0][0] + orbitals[0][1] + orbitals[0][2] + orbitals[1][0] + orbitals[1][1] +
                       orbitals[1][2];
    const pack half = pack_all(0.5 / slater->value), all = pack_all(sum);
    _Alignas(64) double spread[WALKERS];
    rows_sum_squares(slater->n_coordinates, slater->omega, slater->dimensions, NULL, x, spread);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        const pack o = pack_fma(half, all, -0.5 * ((const pack *)spread)[l]);
        ((pack *)sums)[l] = pack_fma(((const pack *)c)[l], o, ((pack *)sums)[l]);
    }
}

static void accumulate(const void *state, const double *x, const double *cache, const double *c, const double *du,
                       double *scratch, double *sums)
{
    (void)scratch;
    if (n_parameters(state) > 0 && !du && ((const struct slater *)state)->homogeneous) {
        accumulate_plain(state, x, c, sums);
        return;
    }
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
    .evaluate = slater_evaluate,
    .derivatives = derivatives,
    .finish = slater_finish,
    .n_cache_rows = n_cache_rows,
    .weigh = slater_weigh,
    .ratio = slater_ratio,
    .sign = slater_sign,
    .accept = slater_accept,
    .particle_gradient = slater_particle_gradient,
    .n_move_rows = n_move_rows,
    .n_kept_rows = n_kept_rows,
    .accumulate = accumulate,
    .collect = collect,
    .n_sum_rows = n_parameters,
    .describe = slater_describe,
};
