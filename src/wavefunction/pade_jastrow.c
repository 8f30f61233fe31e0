// SPDX-License-Identifier: GPL-3.0-or-later
// Pade-Jastrow factor, phi = prod_{p<q} exp(a r / (1 + beta r)) with a cusp a and a range beta > 0 per class of pair
// (docs/theory.md, eq. 2.12). With t = 1 / (1 + beta r):
//     f = a r t,   f'/r = a t^2 / r,   f'' + (D - 1) f'/r = a t^2 [ (D - 1) / r - 2 beta t ],
//     df/d ln beta = -a beta r^2 t^2,   (d/dr df/d ln beta) / r = -2 a beta t^3
// The parameters are ln beta, one per class that the system has. The slope a at contact is that which the pair force
// asks for (Kato, Commun. Pure Appl. Math. 10, 151 (1957); in D dimensions lambda / (D - 1), between parallel spins
// lambda / (D + 1)), and stays fixed.
// Check: a = beta = r = 1: t = 1/2, f = 1/2, f' = 1/4, f'' = -1/4.
#include "base/rows.h"
#include "vmc/units.h"
#include "vmc/wavefunction.h"
#include "wavefunction/pair_row.h"

#include <math.h>

struct pade_jastrow {
    struct param_reals beta, cusp;  // as set: none (auto), one for both classes, or antiparallel's after parallel's
    bool train;
    size_t n_classes, column[PAIR_CLASSES];  // classes that the system has, and the place of each among them
    double first_beta[PAIR_CLASSES], beta_used[PAIR_CLASSES], cusp_used[PAIR_CLASSES];  // [n_classes]
};

extern const struct factor_type factor_pade_jastrow;

static const struct param params[] = {
    PARAM_REALS(pade_jastrow, beta, .range = PARAM_ABOVE(0), .most = PAIR_CLASSES, .may_be_auto = true,
                .fallback = "auto", .unit = UNIT_PER_LENGTH,
                .help = "beta in exp(a r / (1 + beta r)), one value or parallel, antiparallel spins: fixed, or where "
                        "training starts; auto: 0.6 sqrt(omega)"),
    PARAM_REALS(pade_jastrow, cusp, .range = PARAM_ANY, .most = PAIR_CLASSES, .may_be_auto = true, .fallback = "auto",
                .unit = UNIT_PER_LENGTH,
                .help = "a in exp(a r / (1 + beta r)), one value or parallel, antiparallel spins; auto: the cusp of "
                        "the pair force"),
    PARAM_BOOL(pade_jastrow, train, .fallback = "yes", .help = "train beta"),
    PARAM_END,
};

// What was set for a class; NAN: auto.
static double of_class(const struct param_reals *list, size_t class)
{
    return list->n == 0 ? NAN : list->value[list->n == 1 || class == PAIR_PARALLEL ? 0 : 1];
}

static bool build(void *state, const struct system *system, const struct factor_surroundings *surroundings,
                  struct error *error)
{
    struct pade_jastrow *jastrow = state;
    double size = 0;
    jastrow->n_classes = 0;
    for (size_t class = PAIR_CLASSES; class -- > 0;) {
        const double beta = of_class(&jastrow->beta, class), cusp = of_class(&jastrow->cusp, class);
        const bool present = system_class_pairs(system, class) > 0;
        const size_t k = jastrow->column[class] = present ? jastrow->n_classes++ : PAIR_CLASSES;
        if (!present)
            continue;
        jastrow->first_beta[k] = isnan(beta) ? 0.6 * system_inverse_length(system) : beta;
        jastrow->cusp_used[k] = isnan(cusp) ? surroundings->slope[class] : cusp;
        size += fabs(jastrow->cusp_used[k]);
    }
    if (size == 0 && system->particles > 1 && jastrow->cusp.n == 0)
        return error_add(error, ERROR_CONFIG,
                         "[pade-jastrow] cusp = auto: this pair force has no cusp, and the factor "
                         "would be 1; give a value, or leave the factor out of wavefunction.factors");
    return true;
}

static const struct factor_numbers beta_rows = {
    .name = "beta",
    .long_name = "beta in exp(a r / (1 + beta r)), parallel before antiparallel spins",
    .unit = UNIT_PER_LENGTH,
    .setting = offsetof(struct pade_jastrow, first_beta),
    .train = offsetof(struct pade_jastrow, train),
    .value = offsetof(struct pade_jastrow, beta_used),
    .count = offsetof(struct pade_jastrow, n_classes),
    .label = "pair_class",
    .logarithm = true,
};

static size_t views(const void *state, struct factor_view view[FACTOR_VIEWS_MOST])
{
    const struct pade_jastrow *jastrow = state;
    *view =
        (struct factor_view){ .name = "cusp", .long_name = "a in exp(a r / (1 + beta r))", .unit = UNIT_PER_LENGTH };
    view->rank = 1;
    view->extent[0] = jastrow->n_classes;
    view->label[0] = "pair_class";
    view->fixed = jastrow->cusp_used;
    return 1;
}

static void traits(const void *state, struct factor_traits *traits)
{
    const struct pade_jastrow *jastrow = state;
    *traits = (struct factor_traits){ .symmetry = FACTOR_SYMMETRIC };
    for (size_t class = 0; class < PAIR_CLASSES; class ++)
        if (jastrow->column[class] < PAIR_CLASSES)
            traits->contact[class].slope = jastrow->cusp_used[jastrow->column[class]];
}

static void pair_values(const void *state, const struct pairs *pairs, double *value)
{
    const struct pade_jastrow *jastrow = state;
    for (size_t k = 0; k < pairs->n; k++) {
        const size_t c = jastrow->column[pairs->class[k]];
        const pack a = pack_all(jastrow->cusp_used[c]), beta = pack_all(jastrow->beta_used[c]);
        for (size_t l = k * ROW_PACKS; l < (k + 1) * ROW_PACKS; l++) {
            const pack r = ((const pack *)pairs->r2)[l] * ((const pack *)pairs->inverse)[l];
            ((pack *)value)[l] += a * r / pack_fma(beta, r, pack_all(1.0));
        }
    }
}

// A sum of r / (1 + beta r) as one running fraction, so that many pairs take one division.
struct fraction {
    pack above, below;
};
// Until it is divided: 1 + beta r is far below 2^30, and so their product a normal number.
enum { FRACTION_MOST = 32 };

PACK_INLINE void fraction_add(pack beta, pack r, struct fraction *sum)
{
    const pack b = pack_fma(beta, r, pack_all(1.0)), share = r * sum->below;
    sum->above = pack_fma(sum->above, b, share);
    sum->below *= b;
}

// Fractions of both classes at some walkers, and what was divided already.
struct fractions {
    struct fraction here[TILE_PACKS], other[TILE_PACKS];  // of the class at hand, and of the other one
    size_t class, count;
    pack total[TILE_PACKS];
};

PACK_INLINE void fractions_clear(struct fractions *sums)
{
    ROWS_UNROLLED
    for (size_t s = 0; s < TILE_PACKS; s++)
        sums->here[s] = sums->other[s] = (struct fraction){ pack_all(0.0), pack_all(1.0) };
    sums->count = 0;
}

// a_0 n_0 / d_0 + a_1 n_1 / d_1 by one division
PACK_INLINE void fractions_divide(const struct pade_jastrow *jastrow, struct fractions *sums)
{
    const pack a = pack_all(jastrow->cusp_used[sums->class]), b = pack_all(jastrow->cusp_used[1 - sums->class]);
    ROWS_UNROLLED
    for (size_t s = 0; s < TILE_PACKS; s++) {
        const struct fraction *here = &sums->here[s], *other = &sums->other[s];
        const pack above = pack_fma(a * here->above, other->below, b * other->above * here->below);
        sums->total[s] += above / (here->below * other->below);
    }
    fractions_clear(sums);
}

// Makes room for a piece of pairs of class c.
PACK_INLINE void fractions_turn(const struct pade_jastrow *jastrow, size_t c, const struct pair_piece *piece,
                                struct fractions *sums)
{
    const size_t n = piece->end - piece->first;
    if (sums->count + n > FRACTION_MOST)
        fractions_divide(jastrow, sums);
    if (c != sums->class)
        ROWS_UNROLLED
    for (size_t s = 0; s < TILE_PACKS; s++) {
        const struct fraction kept = sums->here[s];
        sums->here[s] = sums->other[s];
        sums->other[s] = kept;
    }
    sums->class = c;
    sums->count += n;
}

PACK_INLINE void fractions_begin(struct fractions *sums)
{
    fractions_clear(sums);
    sums->class = 0;
    ROWS_UNROLLED
    for (size_t s = 0; s < TILE_PACKS; s++)
        sums->total[s] = pack_all(0.0);
}

PACK_INLINE size_t column_of(const struct pade_jastrow *jastrow, const struct pair_row *row,
                             const struct pair_piece *piece)
{
    return jastrow->column[system_pair_class(row->system, row->p, piece->first)];
}

PACK_INLINE void sum_row(size_t dimensions, const struct pade_jastrow *jastrow, const struct pair_row *row,
                         double *kept, double *sum)
{
    for (size_t l = 0; l < ROW_PACKS; l += TILE_PACKS) {
        struct pair_row_own own;
        struct pair_piece piece = pair_piece_before(row);
        struct fractions sums;
        pack *to = (pack *)kept + l;
        pair_row_load(dimensions, TILE_PACKS, row, l, &own);
        fractions_begin(&sums);
        while (pair_piece_next(row, &piece)) {
            const size_t c = column_of(jastrow, row, &piece);
            const pack beta = pack_all(jastrow->beta_used[c]);
            fractions_turn(jastrow, c, &piece, &sums);
            for (size_t q = piece.first; q < piece.end; q++, to += kept ? ROW_PACKS : 0)
                ROWS_UNROLLED
            for (size_t s = 0; s < TILE_PACKS; s++) {
                const pack r = pack_sqrt(pair_row_square(dimensions, row, &own, q, l, s));
                fraction_add(beta, r, &sums.here[s]);
                if (kept)
                    to[s] = r;
            }
        }
        fractions_divide(jastrow, &sums);
        ROWS_UNROLLED
        for (size_t s = 0; s < TILE_PACKS; s++)
            ((pack *)sum)[l + s] += sums.total[s];
    }
}

static PACK_HOT void pair_row(const void *state, const struct pair_row *row, double *kept, double *sum)
{
    if (kept)
        PAIR_ROW_BY_DIMENSIONS(row->system->dimensions, sum_row, state, row, kept, sum)
    else
        PAIR_ROW_BY_DIMENSIONS(row->system->dimensions, sum_row, state, row, NULL, sum)
}

static PACK_HOT void pair_kept(const void *state, const struct system *system, size_t p, const double *kept,
                               double *sum)
{
    const struct pade_jastrow *jastrow = state;
    const struct pair_row row = { .system = system, .p = p, .end = system->particles };
    for (size_t l = 0; l < ROW_PACKS; l += TILE_PACKS) {
        struct pair_piece piece = pair_piece_before(&row);
        struct fractions sums;
        fractions_begin(&sums);
        while (pair_piece_next(&row, &piece)) {
            const size_t c = column_of(jastrow, &row, &piece);
            const pack beta = pack_all(jastrow->beta_used[c]);
            fractions_turn(jastrow, c, &piece, &sums);
            for (size_t q = piece.first; q < piece.end; q++) {
                const pack *r = (const pack *)rows_at_const(kept, pair_row_of(p, q)) + l;
                ROWS_UNROLLED
                for (size_t s = 0; s < TILE_PACKS; s++)
                    fraction_add(beta, r[s], &sums.here[s]);
            }
        }
        fractions_divide(jastrow, &sums);
        ROWS_UNROLLED
        for (size_t s = 0; s < TILE_PACKS; s++)
            ((pack *)sum)[l + s] += sums.total[s];
    }
}

PACK_INLINE pack divisor(pack beta, pack r) { return pack_fma(beta, r, pack_all(1.0)); }

// The terms of a piece: pushes on both particles of every pair, and the sums. q = 1 / (r (1 + beta r)) gives 1 / r and
// t.
PACK_INLINE void add_piece(size_t dimensions, const struct pade_jastrow *jastrow, const struct pair_row *row,
                           const struct pair_piece *piece, const double *kept, double *gradient, double *sums)
{
    const size_t c = column_of(jastrow, row, piece);
    const pack a = pack_all(jastrow->cusp_used[c]), beta = pack_all(jastrow->beta_used[c]),
               axes = pack_all((double)dimensions - 1), scale = -a * beta;
    struct pair_ahead ahead;
    pair_ahead_begin(dimensions, row, piece, kept, divisor, beta, &ahead);
    for (size_t l = 0, k = 0; l < ROW_PACKS; l++) {
        struct pair_row_own own;
        // of r t, t^2 / r, t^3, r^2 t^2, 1 / r
        pack value = pack_all(0.0), steep = value, cube = value, square = value, inverse = value;
        pack *mine = (pack *)rows_at(gradient, row->p * dimensions) + l, push[DIMENSIONS_MOST], *to = (pack *)sums + l;
        pair_row_load(dimensions, 1, row, l, &own);
        for (size_t d = 0; d < dimensions; d++)
            push[d] = mine[d * ROW_PACKS];
        for (size_t q = piece->first; q < piece->end; q++, k++) {
            const pack *there = (const pack *)rows_at_const(row->x, q * dimensions) + l;
            pack *other = (pack *)rows_at(gradient, q * dimensions) + l;
            pair_ahead_step(dimensions, kept, divisor, beta, &ahead);
            const pack r = ahead.r[k], quotient = ahead.quotient[k], one = divisor(beta, r) * quotient,
                       t = r * quotient, rt = r * t, t2 = t * t, pull = t2 * one, slope = a * pull;
            value += rt;
            steep += pull;
            cube = pack_fma(t2, t, cube);
            square = pack_fma(rt, rt, square);
            inverse += one;
            for (size_t d = 0; d < dimensions; d++) {
                const pack force = slope * (own.x[d][0] - there[d * ROW_PACKS]);
                push[d] += force;
                other[d * ROW_PACKS] -= force;
            }
        }
        for (size_t d = 0; d < dimensions; d++)
            mine[d * ROW_PACKS] = push[d];
        to[PAIR_SUM_INVERSE * ROW_PACKS] += inverse;
        to[PAIR_SUM_VALUE * ROW_PACKS] = pack_fma(a, value, to[PAIR_SUM_VALUE * ROW_PACKS]);
        to[PAIR_SUM_CURVATURE * ROW_PACKS] = pack_fma(a, pack_fma(axes, steep, -2.0 * beta * cube),
                                                      to[PAIR_SUM_CURVATURE * ROW_PACKS]);
        if (jastrow->train)
            to[(PAIR_SUMS + c) * ROW_PACKS] = pack_fma(scale, square, to[(PAIR_SUMS + c) * ROW_PACKS]);
    }
}

PACK_INLINE void sum_terms(size_t dimensions, const struct pade_jastrow *jastrow, const struct pair_row *row,
                           const double *kept, double *gradient, double *sums)
{
    struct pair_piece piece = pair_piece_before(row);
    while (pair_piece_next(row, &piece))
        add_piece(dimensions, jastrow, row, &piece, kept ? rows_at_const(kept, piece.first - row->first) : NULL,
                  gradient, sums);
}

static PACK_HOT void pair_row_terms(const void *state, const struct pair_row *row, const double *r, double *gradient,
                                    double *sums)
{
    if (r)
        PAIR_ROW_BY_DIMENSIONS(row->system->dimensions, sum_terms, state, row, r, gradient, sums)
    else
        PAIR_ROW_BY_DIMENSIONS(row->system->dimensions, sum_terms, state, row, NULL, gradient, sums)
}

static PACK_HOT void pair_terms(const void *state, const struct pairs *pairs, double *value, double *slope,
                                double *curvature)
{
    const struct pade_jastrow *jastrow = state;
    const pack axes = pack_all((double)pairs->dimensions - 1);
    for (size_t l = 0; l < ROW_PACKS; l += LINE) {
        pack sum[LINE], bend[LINE];
        for (size_t s = 0; s < LINE; s++) {
            sum[s] = ((const pack *)value)[l + s];
            bend[s] = ((const pack *)curvature)[l + s];
        }
        for (size_t k = 0; k < pairs->n; k++) {
            const size_t c = jastrow->column[pairs->class[k]];
            const pack a = pack_all(jastrow->cusp_used[c]), beta = pack_all(jastrow->beta_used[c]), twice = 2.0 * beta;
            for (size_t s = 0, at = k * ROW_PACKS + l; s < LINE; s++, at++) {
                const pack inverse = ((const pack *)pairs->inverse)[at], r = ((const pack *)pairs->r2)[at] * inverse;
                const pack t = 1.0 / pack_fma(beta, r, pack_all(1.0)), steep = a * t * t;
                sum[s] = pack_fma(a * r, t, sum[s]);
                ((pack *)slope)[at] = pack_fma(steep, inverse, ((pack *)slope)[at]);
                bend[s] = pack_fma(steep, pack_fma(axes, inverse, -(twice * t)), bend[s]);
            }
        }
        for (size_t s = 0; s < LINE; s++) {
            ((pack *)value)[l + s] = sum[s];
            ((pack *)curvature)[l + s] = bend[s];
        }
    }
}

static PACK_HOT void pair_derivatives(const void *state, const struct pairs *pairs, const double *along, double *o,
                                      double *response)
{
    const struct pade_jastrow *jastrow = state;
    for (size_t l = 0; l < ROW_PACKS; l += LINE)
        for (size_t k = 0; k < pairs->n; k++) {
            const size_t c = jastrow->column[pairs->class[k]], row = c * ROW_PACKS + l;
            const pack beta = pack_all(jastrow->beta_used[c]), scale = -jastrow->cusp_used[c] * beta;
            for (size_t s = 0, at = k * ROW_PACKS + l; s < LINE; s++, at++) {
                const pack r2 = ((const pack *)pairs->r2)[at],
                           t = 1.0 / pack_fma(beta, r2 * ((const pack *)pairs->inverse)[at], pack_all(1.0));
                const pack steep = scale * t * t;
                ((pack *)o)[row + s] = pack_fma(steep, r2, ((pack *)o)[row + s]);
                if (along)
                    ((pack *)response)[row + s] = pack_fma(2.0 * steep * t, ((const pack *)along)[at],
                                                           ((pack *)response)[row + s]);
            }
        }
}

const struct factor_type factor_pade_jastrow = {
    .name = "pade-jastrow",
    .summary = "Pade-Jastrow pair correlation, exp(a r / (1 + beta r)) over pairs",
    .state_size = sizeof(struct pade_jastrow),
    .params = params,
    .build = build,
    .numbers = &beta_rows,
    .views = views,
    .traits = traits,
    .pair_values = pair_values,
    .pair_row = pair_row,
    .pair_kept = pair_kept,
    .pair_row_terms = pair_row_terms,
    .pair_terms = pair_terms,
    .pair_derivatives = pair_derivatives,
};
