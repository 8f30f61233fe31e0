// SPDX-License-Identifier: GPL-3.0-or-later
// Samples of the metric cost operations in proportion to the parameters. As many are taken as all samples of an
// iteration pay for, and several times the parameters where that is not too many. Fewer samples than directions make a
// metric that is zero along the rest: steps are too long there, by as much as the shift is small. While it is large, in
// iterations of few samples, that does little harm; once the samples have grown, an eighth of them are taken, and up to
// a quarter where there are more parameters than that.
#include "run/metric_size.h"

enum { OPERATIONS = 1 << 17, SAMPLES_MOST = 1 << 13 };
enum { PER_PARAMETER = 6, SHARE = 8, SHARE_MOST = 4 };

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }
static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static size_t needed(size_t parameters) { return PER_PARAMETER * (1 + parameters); }
static size_t share(size_t parameters, size_t samples)
{
    return larger(samples / SHARE, smaller(samples / SHARE_MOST, parameters));
}

size_t metric_size_room(size_t parameters, size_t walkers, size_t grown)
{
    const size_t cheap = OPERATIONS / (1 + parameters),
                 usual = larger(METRIC_SAMPLES_LEAST, smaller(cheap, SAMPLES_MOST)),
                 most = larger(usual, smaller(share(parameters, grown), needed(parameters)));
    return grown <= most ? grown : larger(most / walkers * walkers, walkers);
}

size_t metric_size_every(size_t parameters, size_t walkers, size_t draws, size_t room)
{
    const size_t paid = larger(OPERATIONS / 2 / (1 + parameters), share(parameters, draws * walkers)),
                 wanted = larger(paid, smaller(needed(parameters), METRIC_SAMPLES_LEAST)),
                 kept = larger(1, smaller(wanted, room) / walkers);
    return (draws + kept - 1) / kept;
}
