// SPDX-License-Identifier: GPL-3.0-or-later
// Control variates (docs/theory.md, section 6). For any smooth u whose flux |psi|^2 grad u vanishes at infinity and
// where particles meet,
//     C_u = -1/2 Laplacian u - grad u . grad ln|psi| = -1/2 |psi|^-2 div(|psi|^2 grad u)
// has mean exactly 0 under |psi|^2, so a quantity plus sum_u kappa_u C_u keeps its mean: Assaraf and Caffarel, Phys.
// Rev. Lett. 83, 4682 (1999); Mira, Solgi and Imparato, Stat. Comput. 23, 653 (2013). kappa comes from least squares on
// earlier samples and is then frozen.
#include "vmc/estimator.h"

#include "base/list.h"
#include "base/rows.h"

#include <math.h>

#define CONTROLS(X) X(control, linear) X(control, quadratic) X(control, cusp) X(control, pair)
LIST(control, CONTROLS)

// A function of the trap's scale: beta = 0.6 sqrt(omega) at the start.
static double first_range(const struct system *system) { return 0.6 * system_inverse_length(system); }

static bool add_type(struct controls *controls, const struct hamiltonian *hamiltonian,
                     const struct wavefunction *wavefunction, const struct control_type *type)
{
    const size_t n = type->n_functions(&controls->system), first = controls->n_functions;
    if (!type->applies(hamiltonian, wavefunction))
        return true;
    if (controls->n_types == CONTROL_TYPES_MOST || first + n > CONTROLS_MOST)
        return false;
    controls->type[controls->n_types] = type;
    controls->first_function[controls->n_types++] = first;
    controls->n_functions += n;
    for (size_t k = 0; type->fixed && k < n; k++)
        for (size_t q = 0; q < CONTROLLED_QUANTITIES; q++)
            controls->is_fixed[first + k] = type->fixed(hamiltonian, wavefunction, k, q,
                                                        &controls->coefficient[q][first + k]);
    return true;
}

static void sum_coefficients(struct controls *controls)
{
    for (size_t k = 0; k < controls->n_functions; k++) {
        controls->total[k] = 0;
        for (size_t q = 0; q < CONTROLLED_QUANTITIES; q++)
            controls->total[k] += controls->coefficient[q][k];
    }
}

bool controls_build(struct controls *controls, const struct hamiltonian *hamiltonian,
                    const struct wavefunction *wavefunction, size_t n, const size_t *index, struct error *error)
{
    *controls = (struct controls){ .system = wavefunction->system, .range = first_range(&wavefunction->system) };
    for (size_t k = 0; k < n; k++)
        if (!add_type(controls, hamiltonian, wavefunction, control_type_at(index[k])))
            return error_add(error, ERROR_CONFIG,
                             "[measure] controls: more than %d functions; name fewer control variates", CONTROLS_MOST);
    sum_coefficients(controls);
    return true;
}

static size_t n_moment_variables(const struct controls *controls);

// z of the fit
size_t controls_scratch_rows(const struct controls *controls) { return n_moment_variables(controls); }

struct evaluation {
    const struct controls *controls;
    const double *x, *gradient;
    double *c, *du;
};

static PACK_HOT void visit_pairs(const struct pairs *pairs, void *context)
{
    const struct evaluation *e = context;
    for (size_t t = 0; t < e->controls->n_types; t++) {
        const size_t first = e->controls->first_function[t];
        if (e->controls->type[t]->evaluate_pairs)
            e->controls->type[t]->evaluate_pairs(e->controls, e->controls->total + first, pairs, e->x, e->gradient,
                                                 rows_at(e->c, first), e->du);
    }
}

PACK_HOT void controls_evaluate(const struct controls *controls, const struct hamiltonian *hamiltonian,
                                const struct wavefunction *wavefunction, const double *frame, bool moved,
                                double *energy, double *c, double *du)
{
    const double *gradient = rows_at_const(frame, wavefunction->row_gradient);
    struct configuration at = wavefunction_configuration(wavefunction, frame);
    const bool known = hamiltonian_knows_pairs(hamiltonian, &at);
    bool reads_pairs = false;
    at.distances = moved ? wavefunction_distances(wavefunction, frame) : NULL;
    if (du)
        rows_fill(wavefunction->n_coordinates, 0, du);
    for (size_t t = 0; t < controls->n_types; t++) {
        const size_t first = controls->first_function[t];
        if (controls->type[t]->evaluate)
            controls->type[t]->evaluate(controls, controls->total + first, frame, gradient, rows_at(c, first), du);
        else if (known)
            controls->type[t]->evaluate_all(controls, controls->total + first, &at, gradient, rows_at(c, first), du);
        else
            rows_fill(controls->type[t]->n_functions(&controls->system), 0, rows_at(c, first));
        reads_pairs = reads_pairs || (!known && controls->type[t]->evaluate_pairs);
    }
    struct evaluation evaluation = { controls, frame, gradient, c, du };
    hamiltonian_potential(hamiltonian, &at, reads_pairs ? visit_pairs : NULL, &evaluation,
                          rows_at(energy, ENERGY_TRAP));
    estimator_assemble(wavefunction, frame, energy);
}

static const size_t controlled_source[CONTROLLED_QUANTITIES] = { ENERGY_KINETIC, ENERGY_TRAP, ENERGY_PAIR };

// out[0] = energy[0] + sum_k coefficient[k] c[k]
static PACK_HOT void apply_row(size_t n, const double *coefficient, const double *energy, const double *c, double *out)
{
    for (size_t l = 0; l < ROW_PACKS; l += TILE_PACKS) {
        pack sum[TILE_PACKS];
        for (size_t p = 0; p < TILE_PACKS; p++)
            sum[p] = ((const pack *)energy)[l + p];
        for (size_t k = 0; k < n; k++)
            for (size_t p = 0; p < TILE_PACKS; p++)
                sum[p] = pack_fma(pack_all(coefficient[k]), ((const pack *)c)[k * ROW_PACKS + l + p], sum[p]);
        for (size_t p = 0; p < TILE_PACKS; p++)
            ((pack *)out)[l + p] = sum[p];
    }
}

PACK_HOT void controls_apply(const struct controls *controls, bool parts, const double *energy, const double *c,
                             double *out)
{
    const size_t n = controls->n_functions;
    apply_row(n, controls->total, rows_at_const(energy, ENERGY_LOCAL), c, rows_at(out, CONTROLLED_ENERGY_ROW));
    for (size_t q = 0; parts && q < CONTROLLED_QUANTITIES; q++)
        apply_row(n, controls->coefficient[q], rows_at_const(energy, controlled_source[q]), c,
                  rows_at(out, CONTROLLED_ROW + q));
}

// ---- fitting: moments of z = (1, C of the fitted functions, the quantities with what is fixed already added)

static size_t n_fitted(const struct controls *controls)
{
    size_t n = 0;
    for (size_t k = 0; k < controls->n_functions; k++)
        n += !controls->is_fixed[k];
    return n;
}

static size_t n_moment_variables(const struct controls *controls)
{
    return 1 + n_fitted(controls) + CONTROLLED_QUANTITIES;
}

size_t controls_moments(const struct controls *controls)
{
    const size_t n = n_moment_variables(controls);
    return n * (n + 1) / 2;
}

// products z_i z_j in columns, row by row to the diagonal's tile
size_t controls_sum_rows(const struct controls *controls)
{
    const size_t n = n_moment_variables(controls);
    return (n * n * COLUMNS + WALKERS - 1) / WALKERS;
}

static void make_variables(const struct controls *controls, const double *energy, const double *c, double *z)
{
    size_t at = 1;
    double *quantity = rows_at(z, 1 + n_fitted(controls));
    rows_fill(1, 1, z);
    for (size_t q = 0; q < CONTROLLED_QUANTITIES; q++)
        rows_copy(1, rows_at_const(energy, controlled_source[q]), rows_at(quantity, q));
    for (size_t k = 0; k < controls->n_functions; k++) {
        if (!controls->is_fixed[k]) {
            rows_copy(1, rows_at_const(c, k), rows_at(z, at++));
            continue;
        }
        for (size_t q = 0; q < CONTROLLED_QUANTITIES; q++)
            for (size_t l = 0; l < ROW_PACKS; l++) {
                pack *out = (pack *)quantity + q * ROW_PACKS + l;
                *out = pack_fma(pack_all(controls->coefficient[q][k]), ((const pack *)c)[k * ROW_PACKS + l], *out);
            }
    }
}

void controls_gather(const struct controls *controls, const double *energy, const double *c, double *scratch,
                     double *sums)
{
    const size_t n = n_moment_variables(controls);
    make_variables(controls, energy, c, scratch);
    for (size_t i = 0, height; i < n; i += height) {
        height = rows_piece(n - i, TILE_ROWS);
        rows_outer(height, i + height, n, rows_at_const(scratch, i), scratch, sums + i * n * COLUMNS);
    }
}

void controls_reduce(const struct controls *controls, const double *sums, double *moments)
{
    const size_t n = n_moment_variables(controls);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            *moments++ += rows_column_total(sums + (i * n + j) * COLUMNS);
}

enum { FIT_MOST = CONTROLS_MOST };

static double moment(const double *moments, size_t i, size_t j)
{
    return i >= j ? moments[i * (i + 1) / 2 + j] : moments[j * (j + 1) / 2 + i];
}

static double covariance(const double *moments, size_t i, size_t j)
{
    return (moment(moments, i, j) - moment(moments, i, 0) * moment(moments, j, 0) / moments[0]) / moments[0];
}

// Scaled covariance of the fitted C, Cholesky with a small ridge; functions that never vary, or that others make up,
// drop out.
static void factorise(size_t n, const double *moments, double scale[FIT_MOST], double factor[FIT_MOST][FIT_MOST])
{
    for (size_t i = 0; i < n; i++) {
        const double variance = covariance(moments, 1 + i, 1 + i);
        scale[i] = variance > 1e-24 ? 1 / sqrt(variance) : 0;
        for (size_t j = 0; j <= i; j++) {
            double sum = covariance(moments, 1 + i, 1 + j) * scale[i] * scale[j] + (i == j ? 1e-10 : 0);
            for (size_t k = 0; k < j; k++)
                sum -= factor[i][k] * factor[j][k];
            if (i != j)
                factor[i][j] = factor[j][j] > 0 ? sum / factor[j][j] : 0;
            else
                factor[i][i] = sum > 1e-8 ? sqrt(sum) : 0;
        }
    }
}

static void solve(size_t n, double factor[FIT_MOST][FIT_MOST], double x[FIT_MOST])
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            x[i] -= factor[i][k] * x[k];
        x[i] = factor[i][i] > 0 ? x[i] / factor[i][i] : 0;
    }
    for (size_t i = n; i-- > 0;) {
        for (size_t k = i + 1; k < n; k++)
            x[i] -= factor[k][i] * x[k];
        x[i] = factor[i][i] > 0 ? x[i] / factor[i][i] : 0;
    }
}

bool controls_fit(struct controls *controls, const double *moments)
{
    const size_t n = n_fitted(controls);
    double scale[FIT_MOST], factor[FIT_MOST][FIT_MOST] = { { 0 } }, found[CONTROLLED_QUANTITIES][FIT_MOST] = { { 0 } };
    if (!(moments[0] > 10 * (double)(n + 1)))
        return false;
    factorise(n, moments, scale, factor);
    for (size_t q = 0; q < CONTROLLED_QUANTITIES; q++) {
        for (size_t i = 0; i < n; i++)
            found[q][i] = -scale[i] * covariance(moments, 1 + i, 1 + n + q);
        solve(n, factor, found[q]);
        for (size_t i = 0; i < n; i++)
            if (!isfinite(found[q][i] *= scale[i]))
                return false;
    }
    for (size_t k = 0, i = 0; k < controls->n_functions; k++)
        if (!controls->is_fixed[k]) {
            for (size_t q = 0; q < CONTROLLED_QUANTITIES; q++)
                controls->coefficient[q][k] = found[q][i];
            i++;
        }
    sum_coefficients(controls);
    return true;
}
