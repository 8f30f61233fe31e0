// SPDX-License-Identifier: GPL-3.0-or-later
// What follows from a team's few functions.
#include "vmc/team.h"

#include <stdlib.h>
#include <string.h>

bool team_leads(const struct team *team) { return !team || team->rank == 0; }
size_t team_ranks(const struct team *team) { return team ? team->ranks : 1; }

void team_move(const struct team *team, const struct team_parts *parts, enum team_way way)
{
    if (team && parts->rows > 0)
        team->move(team->context, parts, way);
}

void team_share(const struct team *team, void *bytes, size_t size)
{
    if (team && size > 0)
        team->share(team->context, 0, bytes, size);
}

void team_sum(const struct team *team, uint64_t *values, size_t n)
{
    if (team)
        team->sum(team->context, values, n);
}

int team_wish(const struct team *team, int mine) { return team ? team->wish(team->context, mine) : mine; }

bool team_any(const struct team *team, bool mine)
{
    uint64_t count = mine;
    team_sum(team, &count, 1);
    return count > 0;
}

// The lowest rank that failed; there is one. Each asks about a share of what is left, so that no memory is needed.
static size_t first_failed(const struct team *team, bool good)
{
    size_t first = 0, last = team->ranks - 1;
    while (first < last) {
        const size_t middle = first + (last - first) / 2;
        if (team_any(team, !good && team->rank >= first && team->rank <= middle))
            last = middle;
        else
            first = middle + 1;
    }
    return first;
}

bool team_agree(const struct team *team, bool good, struct error *error)
{
    struct {
        enum error_kind kind;
        char text[4096];
    } why = { ERROR_INTERNAL, "" };
    if (!team || !team_any(team, !good))
        return good;
    const size_t root = first_failed(team, good);
    if (error && error->kind != ERROR_NONE)
        why.kind = error->kind;
    if (error && error->text)
        strncpy(why.text, error->text, sizeof why.text - 1);
    team->share(team->context, root, &why, sizeof why);
    if (error && team->rank != root) {
        error_clear(error);
        error_add(error, why.kind, "%s", why.text);
    }
    return false;
}
