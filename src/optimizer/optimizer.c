// SPDX-License-Identifier: GPL-3.0-or-later
// The list of optimisers.
#include "vmc/optimizer.h"

#define OPTIMIZERS(X) X(sgd) X(momentum) X(adam) X(sr)

#define DECLARE(name) extern const struct optimizer_type optimizer_##name;
#define ENTRY(name) &optimizer_##name,
OPTIMIZERS(DECLARE)
static const struct optimizer_type *const optimizer_types[] = { OPTIMIZERS(ENTRY) };

const struct optimizer_type *optimizer_type_at(size_t index)
{
    return index < sizeof optimizer_types / sizeof *optimizer_types ? optimizer_types[index] : NULL;
}

const char *optimizer_name(size_t index)
{
    const struct optimizer_type *type = optimizer_type_at(index);
    return type ? type->name : NULL;
}
