// SPDX-License-Identifier: GPL-3.0-or-later
// The list of samplers.
#include "vmc/sampler.h"

#include "base/list.h"

#define SAMPLERS(X) X(sampler, metropolis) X(sampler, langevin) X(sampler, gibbs) X(sampler, hmc) X(sampler, exact)
LIST(sampler, SAMPLERS)
