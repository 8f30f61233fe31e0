// SPDX-License-Identifier: GPL-3.0-or-later
// What one move displaces: the key `move` of the samplers that know both.
#ifndef VMC_SAMPLER_MOVES_H
#define VMC_SAMPLER_MOVES_H

#include "vmc/system.h"

#include <stdbool.h>

enum { MOVE_AUTO, MOVE_PARTICLE, MOVE_ALL };

static inline const char *move_name(size_t k)
{
    static const char *const names[] = { [MOVE_AUTO] = "auto", [MOVE_PARTICLE] = "particle", [MOVE_ALL] = "all" };
    return k < sizeof names / sizeof *names ? names[k] : NULL;
}

// auto: all particles at once where there are no more than `most_at_once` (docs/samplers.md).
static inline bool move_is_single(size_t move, const struct system *system, size_t most_at_once)
{
    return move == MOVE_PARTICLE || (move == MOVE_AUTO && system->particles > most_at_once);
}

#endif
