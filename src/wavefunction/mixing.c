// SPDX-License-Identifier: GPL-3.0-or-later
// Orbitals that see their particle's surroundings, slater.mixing: those of every shell below the highest are multiplied
// by a number that depends on them,
//     A_pk = phi_k(x'_p) (1 + M_sp),   M_sp = sum_F kappa_sF F(p),   s the shell of orbital k,
// F the features of wavefunction/surroundings.h. The shares M are coordinates of the orbitals beside x': with
// T^s_pq = sum_{k in s} phi_k(x'_p) B_kq all formulas of backflow.c hold with a, b = (p, d) or (p, s) and rows
// grad_r M_sp of J:
//     grad = … + sum_sp T^s_pp grad M_sp,   d/d kappa_sF = sum_p T^s_pp F(p),
//     Laplacian = … + sum_sp T^s_pp Laplacian M_sp + sum_ab F_ab (J J^T)_ab,
//     F_(pd)(qs) = delta_pq sum_{k in s} (d_d phi_k)(x'_p) B_kp - T^d_pq T^s_qp,   F_(ps)(qu) = - T^s_pq T^u_qp.
// A shell is the orbitals with the same sum of quantum numbers. The highest is left as it is: common factors of all
// orbitals are the business of others.
#include "wavefunction/backflow.h"

#include <string.h>

static size_t degree_of(const struct orbitals *orbitals, size_t dimensions, size_t k)
{
    size_t sum = 0;
    for (size_t d = 0; d < dimensions; d++)
        sum += orbitals->quantum[k][d];
    return sum;
}

// Shells that occur, lowest first; false where there are too many.
static bool list_degrees(const struct slater *slater, size_t degree[MIXED_MOST + 1], size_t *n)
{
    *n = 0;
    for (size_t spin = 0; spin < SPINS; spin++)
        for (size_t k = 0; k < slater->orbitals[spin].n; k++) {
            const size_t own = degree_of(&slater->orbitals[spin], slater->dimensions, k);
            size_t at = 0;
            while (at < *n && degree[at] < own)
                at++;
            if (at < *n && degree[at] == own)
                continue;
            if (*n == MIXED_MOST + 1)
                return false;
            memmove(degree + at + 1, degree + at, (*n - at) * sizeof *degree);
            degree[at] = own;
            ++*n;
        }
    return true;
}

bool mixing_build(struct slater *slater, struct error *error)
{
    size_t degree[MIXED_MOST + 2], n;
    if (!list_degrees(slater, degree, &n))
        return error_add(error, ERROR_CONFIG,
                         "[slater] mixing: the orbitals are of more than %d shells; use mixing = no", MIXED_MOST + 1);
    slater->n_mixed = 0;
    for (size_t spin = 0; spin < SPINS; spin++) {
        const struct orbitals *orbitals = &slater->orbitals[spin];
        size_t top = 0;
        for (size_t k = 0; k < orbitals->n; k++) {
            const size_t own = degree_of(orbitals, slater->dimensions, k);
            top = own > top ? own : top;
        }
        for (size_t k = 0; k < orbitals->n; k++) {
            const size_t own = degree_of(orbitals, slater->dimensions, k);
            slater->shell[spin][k] = SHELL_NONE;
            for (size_t s = 0; s < n && own < top; s++)
                if (degree[s] == own) {
                    slater->shell[spin][k] = s;
                    slater->n_mixed = s + 1 > slater->n_mixed ? s + 1 : slater->n_mixed;
                }
        }
    }
    return slater->n_mixed > 0 ||
           error_add(error, ERROR_CONFIG,
                     "[slater] mixing: orbitals of lower shells are mixed, and all are of one shell; use mixing = no");
}

void mixing_look(struct flow *flow, bool slopes)
{
    const struct surroundings_shape *shape = &flow->surroundings;
    const struct slater *slater = flow->slater;
    for (size_t p = 0; p < flow->particles; p++) {
        struct surroundings here;
        struct surroundings_pull pull[MIXED_MOST];
        struct surroundings_around around;
        memset(pull, 0, sizeof pull);
        memset(&around, 0, sizeof around);
        surroundings_look(shape, p, flow->l, flow->x, &here);
        memcpy(flow->feature[p], here.feature, sizeof here.feature);
        for (size_t s = 0; s < slater->n_mixed; s++) {
            const double *kappa = slater->kappa + s * shape->n;
            flow->share[p][s] = pack_all(1.0);
            for (size_t f = 0; f < shape->n; f++) {
                flow->share[p][s] = pack_fma(pack_all(kappa[f]), here.feature[f], flow->share[p][s]);
                *(f < shape->classes ? &pull[s].v[f] : &pull[s].y[f - shape->classes]) = pack_all(kappa[f]);
            }
            surroundings_aim(shape, &here, &pull[s]);
            flow->bend[p][s] = pack_all(0.0);
            memset(flow->pull[s][p][p], 0, sizeof flow->pull[s][p][p]);
        }
        for (size_t q = 0; slopes && q < flow->particles; q++) {
            struct surroundings_pair pair;
            if (q == p)
                continue;
            surroundings_meet(shape, p, q, flow->l, flow->x, &pair);
            surroundings_gather(shape, &pair, &around);
            for (size_t s = 0; s < slater->n_mixed; s++) {
                pack n[DIMENSIONS_MOST];
                surroundings_slope(shape, &pull[s], &pair, n);
                flow->bend[p][s] = surroundings_bend(shape, &pull[s], &pair, flow->bend[p][s]);
                for (size_t d = 0; d < flow->dimensions; d++) {
                    flow->pull[s][p][q][d] = -n[d];
                    flow->pull[s][p][p][d] += n[d];
                }
            }
        }
        for (size_t s = 0; slopes && s < slater->n_mixed; s++)
            flow->bend[p][s] += surroundings_products(shape, &pull[s], &around);
    }
}

void mixing_apply(const struct flow *flow, size_t spin, size_t p, pack *functions)
{
    const size_t *shell = flow->slater->shell[spin];
    for (size_t k = 0; k < flow->slater->orbitals[spin].n; k++)
        if (shell[k] != SHELL_NONE)
            functions[k] *= flow->share[p][shell[k]];
}

// sum_r (J_pr grad_r M_sq)_d, the part of J J^T between x' of p and the share of q
static void between(const struct flow *flow, size_t p, size_t q, size_t s, pack out[DIMENSIONS_MOST])
{
    for (size_t d = 0; d < flow->dimensions; d++)
        out[d] = pack_all(0.0);
    for (size_t r = 0; r < flow->particles; r++) {
        const bool own = r == p;
        if (!own && !flow_acts(flow, p, r))
            continue;
        for (size_t d = 0; d < flow->dimensions; d++)
            for (size_t j = 0; j < flow->dimensions; j++) {
                const pack left = flow_j_const(flow, flow->dimensions, p, r)[flow_at(d, j)];
                out[d] = pack_fma(left, flow->pull[s][q][r][j], out[d]);
            }
    }
}

void mixing_find_parts(struct flow *flow, size_t spin, size_t p, const pack *functions)
{
    const struct slater *slater = flow->slater;
    const struct orbitals *orbitals = &slater->orbitals[spin];
    const size_t n = orbitals->n, first = slater->first_particle[spin], *shell = slater->shell[spin];
    for (size_t s = 0; s < slater->n_mixed; s++) {
        pack both[DIMENSIONS_MOST];
        for (size_t q = 0; q < n; q++) {
            pack sum = pack_all(0.0);
            for (size_t k = 0; k < n; k++)
                if (shell[k] == s)
                    sum = pack_fma(functions[k], flow->b[q * n + k], sum);
            flow->part[s][p][q] = sum;
        }
        flow->response[first + p][s] = flow->part[s][p][p];
        between(flow, first + p, first + p, s, both);
        for (size_t d = 0; d < flow->dimensions; d++) {
            pack sum = pack_all(0.0);
            for (size_t k = 0; k < n; k++)
                if (shell[k] == s && orbitals->lower[d][k] != ORBITALS_NONE)
                    sum = pack_fma(functions[orbitals->lower[d][k]], flow->b[p * n + k], sum);
            flow->laplacian = pack_fma(2.0 * slater->scale[d] * slater->length * sum, both[d], flow->laplacian);
        }
    }
}

static pack between_shares(const struct flow *flow, size_t p, size_t s, size_t q, size_t u)
{
    pack sum = pack_all(0.0);
    for (size_t r = 0; r < flow->particles; r++)
        for (size_t d = 0; d < flow->dimensions; d++)
            sum = pack_fma(flow->pull[s][p][r][d], flow->pull[u][q][r][d], sum);
    return sum;
}

void mixing_add_products(struct flow *flow, size_t spin)
{
    const struct slater *slater = flow->slater;
    const size_t n = slater->orbitals[spin].n, first = slater->first_particle[spin];
    pack sum = pack_all(0.0);
    for (size_t p = 0; p < n; p++)
        for (size_t q = 0; q < n; q++)
            for (size_t s = 0; s < slater->n_mixed; s++) {
                pack both[DIMENSIONS_MOST];
                between(flow, first + p, first + q, s, both);
                for (size_t d = 0; d < flow->dimensions; d++)
                    sum = pack_fma(2.0 * flow_t(flow, flow->dimensions, n, p, q)[d] * flow->part[s][q][p], both[d],
                                   sum);
                for (size_t u = 0; u < slater->n_mixed; u++)
                    sum = pack_fma(flow->part[s][p][q] * flow->part[u][q][p],
                                   between_shares(flow, first + p, s, first + q, u), sum);
            }
    flow->laplacian -= sum;
}

void mixing_finish(struct flow *flow, pack gradient[FLOW_PARTICLES_MOST][DIMENSIONS_MOST])
{
    for (size_t s = 0; s < flow->slater->n_mixed; s++)
        for (size_t p = 0; p < flow->particles; p++) {
            const pack response = flow->response[p][s];
            flow->laplacian = pack_fma(response, flow->bend[p][s], flow->laplacian);
            for (size_t r = 0; r < flow->particles; r++)
                for (size_t d = 0; d < flow->dimensions; d++)
                    gradient[r][d] = pack_fma(response, flow->pull[s][p][r][d], gradient[r][d]);
        }
}

void mixing_derivatives(const struct flow *flow, pack *out)
{
    for (size_t s = 0; s < flow->slater->n_mixed; s++)
        for (size_t f = 0; f < flow->surroundings.n; f++, out += ROW_PACKS) {
            pack sum = pack_all(0.0);
            for (size_t p = 0; p < flow->particles; p++)
                sum = pack_fma(flow->response[p][s], flow->feature[p][f], sum);
            *out = sum;
        }
}
