// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/recorded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MOST = 1 << 20, SHOWN = 10 };

uint64_t recorded_number(const char *text)
{
    uint64_t sum = 14695981039346656037u;
    for (; *text; text++)
        sum = (sum ^ (unsigned char)*text) * 1099511628211u;
    return sum;
}

static int compare(char *old, char *now)
{
    int apart = 0;
    while (apart < SHOWN && (old || now)) {
        const char *a = old ? strsep(&old, "\n") : NULL, *b = now ? strsep(&now, "\n") : NULL;
        if (!a || !b || strcmp(a, b) != 0) {
            printf("- %s\n+ %s\n", a ? a : "(end)", b ? b : "(end)");
            apart++;
        }
    }
    return apart;
}

int recorded_judge(const char *path, bool writes, char *now)
{
    static char old[TEXT_MOST];
    FILE *file = fopen(path, writes ? "w" : "r");
    if (!file) {
        perror(path);
        return 2;
    }
    if (writes)
        fputs(now, file);
    else
        old[fread(old, 1, sizeof old - 1, file)] = '\0';
    fclose(file);
    const int apart = writes ? 0 : compare(old, now);
    if (apart > 0)
        printf("[  FAILED  ] %s: if that is wanted, record anew with --write\n", path);
    return apart > 0;
}
