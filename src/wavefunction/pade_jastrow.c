// SPDX-License-Identifier: GPL-3.0-or-later
// Pade-Jastrow factor, phi = prod_{p<q} exp(a r / (1 + beta r)) with a cusp a and a range beta > 0 per class of pair
// (docs/theory.md, eq. 2.12). With t = 1 / (1 + beta r):
//     f = a r t,   f'/r = a t^2 / r,   f'' + (D - 1) f'/r = a t^2 [ (D - 1) / r - 2 beta t ],
//     df/d ln beta = -a beta r^2 t^2,   (d/dr df/d ln beta) / r = -2 a beta t^3
// The parameters are ln beta, one per class that the system has. The slope a at contact is that which the pair force
// asks for (Kato, Commun. Pure Appl. Math. 10, 151 (1957); in D dimensions lambda / (D - 1), between parallel spins
// lambda / (D + 1)), and stays fixed.
// Check: a = beta = r = 1: t = 1/2, f = 1/2, f' = 1/4, f'' = -1/4.
#include "wavefunction/pade_jastrow.h"
#include "wavefunction/pair_row.h"

#include "base/rows.h"
#include "vmc/units.h"
#include "vmc/wavefunction.h"

#include <math.h>

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
    .pair_row = pade_jastrow_row,
    .pair_kept = pade_jastrow_kept,
    .pair_row_terms = pade_jastrow_row_terms,
    .pair_terms = pair_terms,
    .pair_derivatives = pair_derivatives,
};
