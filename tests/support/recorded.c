// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/recorded.h"

#include <math.h>
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

FILE *recorded_begin(struct recorded_part *part, FILE *record)
{
    *part = (struct recorded_part){ .record = record };
    FILE *own = open_memstream(&part->text, &part->length);
    if (!own)
        abort();
    return own;
}

void recorded_end(struct recorded_part *part, FILE *own, const char *name, bool shows)
{
    fclose(own);
    if (shows)
        fprintf(part->record, "== %s\n%s", name, part->text);
    else
        fprintf(part->record, "%s: %zu bytes, %016llx\n", name, part->length,
                (unsigned long long)recorded_number(part->text));
    free(part->text);
}

// Words are equal; where there is a tolerance, numbers with a point nearly, relative to 1 where they are smaller.
static bool same(const char *old, const char *now, double tolerance)
{
    char *end_old, *end_now;
    while (*old && *now) {
        const size_t a = strcspn(old, " "), b = strcspn(now, " ");
        const double x = strtod(old, &end_old), y = strtod(now, &end_now);
        const bool real = tolerance > 0 && memchr(old, '.', a) && end_old == old + a && end_now == now + b;
        if (real ? !(fabs(x - y) <= tolerance * fmax(1, fabs(x))) : a != b || strncmp(old, now, a) != 0)
            return false;
        old += a + (old[a] != '\0');
        now += b + (now[b] != '\0');
    }
    return *old == *now;
}

static int compare(char *old, char *now, double tolerance)
{
    int apart = 0;
    while (apart < SHOWN && (old || now)) {
        const char *a = old ? strsep(&old, "\n") : NULL, *b = now ? strsep(&now, "\n") : NULL;
        if (!a || !b || !same(a, b, tolerance)) {
            printf("- %s\n+ %s\n", a ? a : "(end)", b ? b : "(end)");
            apart++;
        }
    }
    return apart;
}

int recorded_judge_nearly(const char *path, bool writes, char *now, double tolerance)
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
    const int apart = writes ? 0 : compare(old, now, tolerance);
    if (apart > 0)
        printf("[  FAILED  ] %s: if that is wanted, record anew with --write\n", path);
    return apart > 0;
}

int recorded_judge(const char *path, bool writes, char *now) { return recorded_judge_nearly(path, writes, now, 0); }

int recorded_status(int argc, char **argv, char *now)
{
    const bool shows = strcmp(argv[1], "--show") == 0;
    if (shows)
        fputs(now, stdout);
    const int status = shows ? 0
                             : recorded_judge_nearly(argv[1], argc > 2 && strcmp(argv[2], "--write") == 0, now, 1e-8);
    free(now);
    return status;
}
