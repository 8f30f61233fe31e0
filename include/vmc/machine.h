// SPDX-License-Identifier: GPL-3.0-or-later
// Boltzmann machines as probability distributions of data (docs/learning.md): the unnormalised ln p~, the moments its
// gradient is made of, Markov chains, and exact sums over all states of the smaller layer.
//
//     gaussian  p~(x) = [ exp(-sum_i (x_i - a_i)^2 / (2 sigma_i^2)) prod_j (1 + e^theta_j) ]^K,
//               theta_j = b_j + sum_i x_i w_ij / sigma_i^2, x real, K = 1 (|psi|^2 = F) or 2 (psi = F)
//     binary    p~(x) = exp(sum_i a_i x_i) prod_j (1 + e^theta_j),   theta_j = b_j + sum_i x_i w_ij,   x_i = 0 or 1
//     spins     p~(x) = exp(sum_{i<k} w_ik x_i x_k),   x_i = -1 or 1, no hidden units
//
// Blocks of 32 states, one row of 32 doubles per coordinate, as walkers are (vmc/layout.h).
#ifndef VMC_MACHINE_H
#define VMC_MACHINE_H

#include "vmc/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum machine_kind { MACHINE_GAUSSIAN, MACHINE_BINARY, MACHINE_SPINS, MACHINE_KINDS };
enum { MACHINE_WIDTHS_MOST = 3 };

struct machine_shape {
    enum machine_kind kind;
    size_t visible, hidden;             // M, N; spins: N = 0
    size_t copies;                      // K; 1 but for the Gaussian machine
    size_t dimensions;                  // D: coordinate i has width sigma[i % D]
    size_t widths;                      // of them that are parameters: 0, 1 (one for all) or D
    double sigma[MACHINE_WIDTHS_MOST];  // the widths where they are no parameters
};

// Parameters theta: a [M], b [N], w [M, N], ln sigma [widths]; spins: w_ik for i < k, row by row.
struct machine {
    struct machine_shape shape;
    size_t n_parameters;
    size_t stride;  // of a row of products: the number of hidden units (spins: of spins) rounded up to 8
    double *a, *b, *w, *sigma;
    double *forward, *backward;  // [N, M]: w_ij / sigma_i^2; [M, N]: w_ij; spins: both halves of w
    double *centre;              // [M] of the Gaussian, in the form that rows_multiply adds
};

const char *machine_kind_name(size_t kind);
size_t machine_parameters(const struct machine_shape *shape);
bool machine_build(struct machine *machine, const struct machine_shape *shape, struct error *error);
void machine_finish(struct machine *machine);
// False where a parameter is not finite.
bool machine_prepare(struct machine *machine, const double *theta);

// ---- moments: sums over states of x_i s_j [M, stride] (spins: x_i x_k), x_i, x_i^2 [M each], s_j = <h_j given x> / K
// [N]; 64-byte aligned. The gradient of the mean of ln p~ is a linear function of them.
size_t machine_moments(const struct machine *machine);
// out [n_parameters]: of the mean over `weight` states.
void machine_gradient(const struct machine *machine, const double *moments, double weight, double *out);

// ---- blocks. x: [M] rows; scratch: machine_scratch_rows rows.
size_t machine_scratch_rows(const struct machine *machine);
// out: a row of ln p~.
void machine_weigh(const struct machine *machine, const double *x, double *out, double *scratch);
// Adds the first n states of the block to the moments, and writes their ln p~ (0 for the others) into the row `out`
// unless it is NULL. Rows of x beyond n must be 0.
void machine_add(const struct machine *machine, size_t n, const double *x, double *moments, double *out,
                 double *scratch);
// Gibbs sampling: h given x, then x given h; h: [N] rows. Spins: one sweep, spin by spin; there is no h.
void machine_draw_hidden(const struct machine *machine, uint64_t *random, const double *x, double *h, double *scratch);
void machine_draw_visible(const struct machine *machine, uint64_t *random, const double *h, double *x, double *scratch);
// As machine_add for a whole block, and draws h for the next x by the way, which saves theta a second time.
void machine_add_and_draw(const struct machine *machine, uint64_t *random, const double *x, double *h, double *moments,
                          double *scratch);
// One sweep: every coordinate is proposed a change, a flip or a normal step of 2.4 sigma / sqrt K. Returns the number
// of accepted ones among 32 M.
size_t machine_metropolis(const struct machine *machine, uint64_t *random, double *x, double *scratch);

// ---- exact sums over the states of the hidden layer, (K + 1)^N of them, or of the visible one of a binary machine or
// spins where that is smaller.
enum { MACHINE_STATES_MOST = 1 << 24 };
// Number of states; 0 where there are more than MACHINE_STATES_MOST.
size_t machine_states(const struct machine_shape *shape);
// A part of a sum: exp(ln_scale) times (total, moments).
struct machine_sum {
    double ln_scale, total;
    double *moments;  // [machine_moments], NULL: not asked for
};
// Adds states first to last - 1; `sum` starts as { -INFINITY, 0, zeros }. scratch: machine_states_scratch doubles.
size_t machine_states_scratch(const struct machine *machine);
void machine_add_states(const struct machine *machine, size_t first, size_t last, struct machine_sum *sum,
                        double *scratch);
void machine_merge(const struct machine *machine, const struct machine_sum *part, struct machine_sum *sum);

#endif
