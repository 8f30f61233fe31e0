// SPDX-License-Identifier: GPL-3.0-or-later
// One fault each that a sanitizer has to find.
#include <stdlib.h>

#ifdef FAULT_LEAK
static char *volatile left;
#endif

int main(int argc, char **argv)
{
    int *x = calloc((size_t)argc + 3, sizeof *x), sum = 2147483600, n = argc + 3, more = argc;
    (void)argv;
#ifdef FAULT_BEYOND
    n++;
#endif
#ifdef FAULT_OVERFLOW
    more += 1000;
#endif
#ifdef FAULT_SHIFT
    more <<= 40 * argc;
#endif
#ifdef FAULT_LEAK
    left = malloc((size_t)n);
    left = argv[0];
#endif
    for (int k = 0; k < n; k++)
        sum += x[k];
    sum += more;
    free(x);
    return sum == 0;
}
