// SPDX-License-Identifier: GPL-3.0-or-later
// Which build of the kernels the dynamic loader picked.
#ifndef VMC_LEVEL_H
#define VMC_LEVEL_H

#include <stddef.h>

// "x86-64-v4", "x86-64-v3" or "x86-64" on that processor family, else "portable".
const char *level_name(void);
// Walkers in one machine register: 8, 4, 2 or 1.
size_t level_pack_width(void);

#endif
