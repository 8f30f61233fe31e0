// SPDX-License-Identifier: GPL-3.0-or-later
// Several processes that make one run: what they must be able to do together. All call the same of these functions in
// the same order, with the same sizes, but for `wish`. Who they are and how they talk is not known here (src/mpi has
// MPI).
#ifndef VMC_TEAM_H
#define VMC_TEAM_H

#include "vmc/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// An array of which everyone has a part: of each of its rows, `stride` bytes apart, bytes [offset[r], offset[r + 1])
// are those of rank r.
struct team_parts {
    void *base;
    size_t rows, stride;
    const size_t *offset;  // [ranks + 1]
};
// To rank 0 from everyone; to everyone from everyone; from rank 0 to each its own.
enum team_way { TEAM_GATHER, TEAM_GATHER_ALL, TEAM_DEAL };

struct team {
    size_t rank, ranks;
    void *context;
    void (*move)(void *context, const struct team_parts *parts, enum team_way way);
    void (*share)(void *context, size_t root, void *bytes, size_t size);  // those of `root` go to all
    void (*sum)(void *context, uint64_t *values, size_t n);               // over the ranks
    // By any thread, at any time: the others will hear of `mine`; returns the strongest wish heard of so far. 0: none.
    int (*wish)(void *context, int mine);
};

// For a caller that is alone, `team` is NULL: it leads, and nothing happens.
bool team_leads(const struct team *team);
size_t team_ranks(const struct team *team);
void team_move(const struct team *team, const struct team_parts *parts, enum team_way way);
void team_share(const struct team *team, void *bytes, size_t size);  // those of rank 0
void team_sum(const struct team *team, uint64_t *values, size_t n);
int team_wish(const struct team *team, int mine);
// Whether anyone's is true.
bool team_any(const struct team *team, bool mine);
// Whether it is good with all. If not, everyone has the error of the first who failed; `error` may be NULL.
bool team_agree(const struct team *team, bool good, struct error *error);

#endif
