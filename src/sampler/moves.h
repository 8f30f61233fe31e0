// SPDX-License-Identifier: GPL-3.0-or-later
// What one move displaces: the key `move` of the samplers that know both.
#ifndef VMC_SAMPLER_MOVES_H
#define VMC_SAMPLER_MOVES_H

#include <stddef.h>

enum { MOVE_PARTICLE, MOVE_ALL };

static inline const char *move_name(size_t k) { return k == MOVE_PARTICLE ? "particle" : k == MOVE_ALL ? "all" : NULL; }

#endif
