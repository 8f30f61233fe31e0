// SPDX-License-Identifier: GPL-3.0-or-later
// Samples of the metric cost operations in proportion to the parameters. As many are taken as all samples of an
// iteration pay for, and several times the parameters where that is not too many. Fewer samples than directions make a
// metric that is zero along the rest: steps are too long there, by as much as the shift is small. While it is large, in
// iterations of few samples, that does little harm; once the samples have grown, an eighth of them are taken.
#include "run/metric_size.h"

#include "run/settle.h"

enum { OPERATIONS = 1 << 17, SAMPLES_MOST = 1 << 13 };
enum { PER_PARAMETER = 6, SHARE = 8 };

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }
static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static size_t needed(size_t parameters) { return PER_PARAMETER * (1 + parameters); }

size_t metric_size_room(size_t parameters, size_t walkers, size_t samples)
{
    const size_t grown = SETTLE_SAMPLES * samples, cheap = OPERATIONS / (1 + parameters),
                 usual = larger(METRIC_SAMPLES_LEAST, smaller(cheap, SAMPLES_MOST)),
                 most = larger(usual, smaller(grown / SHARE, needed(parameters)));
    return grown <= most ? grown : larger(most / walkers * walkers, walkers);
}

size_t metric_size_every(size_t parameters, size_t walkers, size_t draws, size_t room)
{
    const size_t paid = larger(OPERATIONS / 2 / (1 + parameters), draws * walkers / SHARE),
                 wanted = larger(paid, smaller(needed(parameters), METRIC_SAMPLES_LEAST)),
                 kept = larger(1, smaller(wanted, room) / walkers);
    return (draws + kept - 1) / kept;
}
