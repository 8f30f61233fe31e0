// SPDX-License-Identifier: GPL-3.0-or-later
// The list of samplers.
#include "vmc/sampler.h"

#define SAMPLERS(X) X(metropolis) X(langevin) X(gibbs)

#define DECLARE(name) extern const struct sampler_type sampler_##name;
#define ENTRY(name) &sampler_##name,
SAMPLERS(DECLARE)
static const struct sampler_type *const sampler_types[] = { SAMPLERS(ENTRY) };

const struct sampler_type *sampler_type_at(size_t index)
{
    return index < sizeof sampler_types / sizeof *sampler_types ? sampler_types[index] : NULL;
}

const char *sampler_name(size_t index)
{
    const struct sampler_type *type = sampler_type_at(index);
    return type ? type->name : NULL;
}
