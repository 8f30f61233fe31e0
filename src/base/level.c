// SPDX-License-Identifier: GPL-3.0-or-later
// The level this very build of the kernels was compiled for. The library exists once per level under one name; the
// loader takes the best the processor has (docs/architecture.md, section 4).
#include "vmc/level.h"

#include "base/pack.h"

const char *level_name(void)
{
#if defined __AVX512F__ && defined __AVX512DQ__
    return "x86-64-v4";
#elif defined __AVX2__ && defined __FMA__
    return "x86-64-v3";
#elif defined __x86_64__
    return "x86-64";
#else
    return "portable";
#endif
}

size_t level_pack_width(void) { return PACK_WIDTH; }
