// SPDX-License-Identifier: GPL-3.0-or-later
// What backflow (backflow.c) and the mixing of orbitals (mixing.c) know of one pack of walkers. Lengths are those of
// the trap, 1/sqrt(omega).
#ifndef VMC_WAVEFUNCTION_BACKFLOW_H
#define VMC_WAVEFUNCTION_BACKFLOW_H

#include "wavefunction/slater.h"

enum { FLOW_PARTICLES_MOST = 40, FLOW_SCALES = 2 };
// On every loop over dimensions or parts of a block: one that gcc leaves a loop keeps them in memory.
#define FLOW_UNROLLED _Pragma("GCC unroll 6")
#define FLOW_BLOCK(dimensions) ((dimensions) * ((dimensions) + 1) / 2)  // numbers of a symmetric matrix

typedef pack flow_matrix[DIMENSIONS_MOST][DIMENSIONS_MOST];

// Strengths of the backflow: those of parallel spins come first.
struct flow_strengths {
    size_t n, per_class, column[PAIR_CLASSES];
    bool acts[PAIR_CLASSES];
};

// Sums over the neighbours q of a particle, of d = x_p - x_q: one per strength, (eta / lambda) d; [ eta'' + (D + 1)
// eta'/r ] d; and where the length is trained eta r d.
enum { FIELDS_MOST = BACKFLOW_MOST + 2 };

struct flow {
    const struct slater *slater;
    struct flow_strengths strengths;
    size_t particles, dimensions, n_fields, l;
    const double *x;
    // What there is of these lies side by side, whatever room there would be.
    pack j[FLOW_PARTICLES_MOST * FLOW_PARTICLES_MOST * FLOW_BLOCK(DIMENSIONS_MOST)];  // see flow_j
    pack field[FLOW_PARTICLES_MOST * FIELDS_MOST * DIMENSIONS_MOST];                  // [p][field][D]
    pack functions[FLOW_PARTICLES_MOST * ORBITALS_MOST];                              // A of the spin at hand, [p][k]
    pack b[FLOW_PARTICLES_MOST * FLOW_PARTICLES_MOST];                                // of it, [p][k]
    pack t[FLOW_PARTICLES_MOST * FLOW_PARTICLES_MOST * DIMENSIONS_MOST];              // see flow_t
    pack moved[FLOW_PARTICLES_MOST][DIMENSIONS_MOST];                                 // y of x'
    pack slope[FLOW_PARTICLES_MOST][DIMENSIONS_MOST];                                 // G
    pack laplacian;
    // of mixing, per shell of orbitals that are mixed
    struct surroundings_shape surroundings;
    pack feature[FLOW_PARTICLES_MOST][SURROUNDINGS_MOST];
    pack share[FLOW_PARTICLES_MOST][MIXED_MOST];                                       // 1 + M
    pack bend[FLOW_PARTICLES_MOST][MIXED_MOST];                                        // Laplacian of M
    pack pull[MIXED_MOST][FLOW_PARTICLES_MOST][FLOW_PARTICLES_MOST][DIMENSIONS_MOST];  // grad_r M_p as [p][r]
    pack part[MIXED_MOST][FLOW_PARTICLES_MOST][FLOW_PARTICLES_MOST];                   // T^M_pq of the spin at hand
    pack response[FLOW_PARTICLES_MOST][MIXED_MOST];                                    // T^M_pp
};

// J_pq, symmetric [D][D] of which one triangle is kept: -K_pq, or for p = q what is left of 1. Not set for pairs on
// which no backflow acts.
PACK_INLINE pack *flow_j(struct flow *flow, size_t dimensions, size_t p, size_t q)
{
    return flow->j + (p * flow->particles + q) * FLOW_BLOCK(dimensions);
}
PACK_INLINE const pack *flow_j_const(const struct flow *flow, size_t dimensions, size_t p, size_t q)
{
    return flow->j + (p * flow->particles + q) * FLOW_BLOCK(dimensions);
}
PACK_INLINE size_t flow_at(size_t i, size_t j) { return i > j ? i * (i + 1) / 2 + j : j * (j + 1) / 2 + i; }

// T_pq [D] of a spin with n particles
PACK_INLINE const pack *flow_t(const struct flow *flow, size_t dimensions, size_t n, size_t p, size_t q)
{
    return flow->t + (p * n + q) * dimensions;
}

PACK_INLINE pack *flow_field(struct flow *flow, size_t dimensions, size_t p, size_t k)
{
    return flow->field + (p * flow->n_fields + k) * dimensions;
}

// The particles r with blocks J_pr, those on which p acts, for all p of a spin: all there are, p itself among them, or
// those of the other spin, or none.
struct flow_range {
    size_t first, end;
};
static inline struct flow_range flow_range(const struct flow *flow, size_t spin)
{
    const struct slater *slater = flow->slater;
    const size_t other = slater->first_particle[SPINS - 1 - spin];
    if (flow->strengths.acts[PAIR_PARALLEL])
        return (struct flow_range){ 0, flow->particles };
    if (flow->strengths.acts[PAIR_ANTIPARALLEL])
        return (struct flow_range){ other, other + slater->orbitals[SPINS - 1 - spin].n };
    return (struct flow_range){ 0, 0 };
}

static inline bool flow_acts(const struct flow *flow, size_t p, size_t q)
{
    return flow->strengths.acts[system_pair_class(&flow->slater->system, p, q)];
}

// backflow_build.c
struct flow_strengths backflow_strengths(const struct slater *slater);
bool backflow_trains_length(const struct slater *slater);
size_t backflow_n_parameters(const void *state);
bool backflow_build(void *state, const struct system *system, const struct factor_surroundings *surroundings,
                    struct error *error);
size_t backflow_views(const void *state, struct factor_view view[FACTOR_VIEWS_MOST]);
enum factor_stage backflow_stage(const void *state, size_t parameter);
void backflow_start(const void *state, double (*uniform)(void *random), void *random, double *theta);
bool backflow_prepare(void *state, const double *theta);
void backflow_traits(const void *state, struct factor_traits *traits);

// Kernels in which the number of dimensions is known to the compiler.
#define BY_DIMENSIONS(flow, call, ...)                     \
    do                                                     \
        switch ((flow)->dimensions) {                      \
        case 1: call(1, flow, __VA_ARGS__); break;         \
        case 2: call(2, flow, __VA_ARGS__); break;         \
        default: call(DIMENSIONS_MOST, flow, __VA_ARGS__); \
        }                                                  \
    while (false)

// backflow_pairs.c: x', and for `slopes` J but for its blocks J_pp, and all fields.
void backflow_move(struct flow *flow, bool slopes);
// Once G is known: the gradient, what pairs add to the Laplacian, and O.
void backflow_gather(struct flow *flow, pack gradient[FLOW_PARTICLES_MOST][DIMENSIONS_MOST], pack o[BACKFLOW_MOST + 1]);

// Which shells of orbitals are mixed; an error where there is none below the highest, or too many.
bool mixing_build(struct slater *slater, struct error *error);
// Shares of the orbitals; with `slopes` their gradients and Laplacians.
void mixing_look(struct flow *flow, bool slopes);
// The orbitals, or derivatives of the orbitals, [n] at particle p, times their shares.
void mixing_apply(const struct flow *flow, size_t spin, size_t p, pack *functions);
// T^M of particle p, whose functions are given, and the share of F_ab that is diagonal in the particles; slope: of
// orbitals as [d][k], not mixed.
void mixing_find_parts(struct flow *flow, size_t spin, size_t p, const pack *functions);
// - sum_ab T^a_pq T^b_qp (J J^T)_ab of a spin, where a or b is a share
void mixing_add_products(struct flow *flow, size_t spin);
// What is left of the Laplacian, and the gradient.
void mixing_finish(struct flow *flow, pack gradient[FLOW_PARTICLES_MOST][DIMENSIONS_MOST]);
// O of kappa, rows from `out` on.
void mixing_derivatives(const struct flow *flow, pack *out);

#endif
