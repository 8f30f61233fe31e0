// SPDX-License-Identifier: GPL-3.0-or-later
// The build of the kernels that the loader picked is the best one this processor has, unless the first argument names
// another level.
#include "vmc/level.h"

#include <stdio.h>
#include <string.h>

static const char *best(void)
{
#if defined __x86_64__
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return "x86-64-v4";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
        __builtin_cpu_supports("bmi2"))
        return "x86-64-v3";
    return "x86-64";
#else
    return "portable";
#endif
}

int main(int argc, char **argv)
{
    const char *wanted = argc > 1 ? argv[1] : best();
    printf("%s, %zu walkers at once; wanted %s\n", level_name(), level_pack_width(), wanted);
    return strcmp(level_name(), wanted) != 0;
}
