// SPDX-License-Identifier: GPL-3.0-or-later
// Lists of descriptors: every kind (factor, interaction, sampler, control, optimizer) has one, at the head of the file
// that serves the kind.
//     #define SAMPLERS(X) X(sampler, metropolis) X(sampler, langevin)
//     LIST(sampler, SAMPLERS)
// declares sampler_metropolis and sampler_langevin and defines sampler_type_at and sampler_name, which give NULL past
// the last.
#ifndef VMC_BASE_LIST_H
#define VMC_BASE_LIST_H

#include <stddef.h>

#define LIST_DECLARE(kind, name) extern const struct kind##_type kind##_##name;
#define LIST_ENTRY(kind, name) &kind##_##name,
#define LIST(kind, ITEMS)                                                       \
    ITEMS(LIST_DECLARE)                                                         \
    const struct kind##_type *kind##_type_at(size_t index)                      \
    {                                                                           \
        static const struct kind##_type *const types[] = { ITEMS(LIST_ENTRY) }; \
        return index < sizeof types / sizeof *types ? types[index] : NULL;      \
    }                                                                           \
    const char *kind##_name(size_t index)                                       \
    {                                                                           \
        const struct kind##_type *type = kind##_type_at(index);                 \
        return type ? type->name : NULL;                                        \
    }

#endif
