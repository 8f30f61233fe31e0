// SPDX-License-Identifier: GPL-3.0-or-later
// Passes of threads over samples, chains and states. Work is cut into groups that do not depend on the number of
// threads, and sums of the groups are merged in their order: so are the bits.
#ifndef VMC_LEARN_PASSES_H
#define VMC_LEARN_PASSES_H

#include "learn/chains.h"
#include "vmc/machine.h"

struct passes {
    const struct machine *machine;
    size_t threads, n_groups, n_moments;
    double *moments;   // [n_groups, n_moments]
    double *sums;      // [n_groups, 2]
    double **scratch;  // [threads]: rows of the machine's scratch, of a block, and one more
};
bool passes_build(struct passes *passes, const struct machine *machine, size_t threads, struct error *error);
void passes_finish(struct passes *passes);

// Moments of n samples [., M], those of `index` or the first ones where it is NULL; returns the sum of ln p~, and of
// its square in *squares unless NULL. `moments` may be NULL.
double passes_samples(struct passes *passes, const double *samples, const size_t *index, size_t n, double *moments,
                      double *squares);
// `steps` sweeps of all chains, then their moments; returns the number of accepted proposals of Metropolis.
enum passes_negative { PASSES_GIBBS, PASSES_METROPOLIS };
double passes_chains(struct passes *passes, enum passes_negative negative, size_t steps, struct chains *chains,
                     double *moments);
// h of every chain, given x.
void passes_draw_hidden(struct passes *passes, struct chains *chains);
// ln Z, and the model's moments (of total weight 1) unless NULL.
double passes_states(struct passes *passes, size_t n_states, double *moments);

#endif
