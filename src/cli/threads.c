// SPDX-License-Identifier: GPL-3.0-or-later
// A container's share of processors does not show in the affinity mask: two threads per allowed processor would only
// wait for each other.
#include "cli/threads.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CPUS_MOST = 1 << 16, THREADS_MOST = 4096 };

static size_t from_affinity(void)
{
    size_t n = 0, size = CPU_ALLOC_SIZE(CPUS_MOST);
    cpu_set_t *set = CPU_ALLOC(CPUS_MOST);
    if (set && sched_getaffinity(0, size, set) == 0)
        n = (size_t)CPU_COUNT_S(size, set);
    if (set)
        CPU_FREE(set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? n : online > 0 ? (size_t)online : 1;
}

// The first number of a list such as "4,2"; 0 where there is none.
static size_t from_variable(const char *name)
{
    const char *text = getenv(name);
    if (!text || *text < '0' || *text > '9')
        return 0;
    unsigned long n = strtoul(text, NULL, 10);
    return n <= THREADS_MOST ? n : THREADS_MOST;
}

static size_t share(double quota, double period)
{
    double cpus = quota > 0 && period > 0 ? quota / period : 0;
    return cpus > 0 && cpus < THREADS_MOST ? (size_t)cpus + (cpus > (double)(size_t)cpus) : 0;
}

// Numbers in a file of one line; how many were read. "max" ends the line.
static int read_numbers(const char *path, double *a, double *b)
{
    FILE *file = fopen(path, "re");
    int n = file ? fscanf(file, "%lf %lf", a, b) : 0;
    if (file)
        fclose(file);
    return n;
}

static size_t smaller(size_t a, size_t b) { return a == 0 ? b : b == 0 ? a : a < b ? a : b; }

// The least share on the way from this group up to the root (control groups, version 2).
static size_t from_groups(const char *group)
{
    char path[PATH_MAX + 32], file[PATH_MAX + 64];
    size_t least = 0;
    snprintf(path, sizeof path, "/sys/fs/cgroup%s", strcmp(group, "/") == 0 ? "" : group);
    for (;;) {
        double quota = 0, period = 0;
        snprintf(file, sizeof file, "%s/cpu.max", path);
        if (read_numbers(file, &quota, &period) == 2)
            least = smaller(least, share(quota, period));
        char *slash = strrchr(path, '/');
        if (!slash || strcmp(path, "/sys/fs/cgroup") == 0)
            return least;
        *slash = '\0';
    }
}

static size_t from_quota(void)
{
    char line[PATH_MAX];
    size_t least = 0;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::/", 4) == 0)
            least = from_groups(line + 3);
    }
    if (file)
        fclose(file);
    double quota = 0, period = 0, none = 0;  // version 1, as a container sees it
    if (read_numbers("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", &quota, &none) == 1 &&
        read_numbers("/sys/fs/cgroup/cpu/cpu.cfs_period_us", &period, &none) == 1)
        least = smaller(least, share(quota, period));
    return least;
}

// A part for each, at least 1; 0 stays 0.
static size_t part(size_t n, size_t among) { return n == 0 || n >= among ? n / among : 1; }

struct cli_threads cli_threads_default(size_t sharing, size_t local)
{
    const char *affinity = sharing > 1 ? "processors that several ranks share" : "processors this process may use";
    const struct cli_threads limits[] = {
        { part(from_affinity(), sharing), affinity },
        { part(from_quota(), local), "the control group's share of processors" },
        { from_variable("SLURM_CPUS_PER_TASK"), "SLURM_CPUS_PER_TASK" },
        { from_variable("OMP_NUM_THREADS"), "OMP_NUM_THREADS" },
    };
    struct cli_threads least = limits[0];
    for (size_t k = 1; k < sizeof limits / sizeof limits[0]; k++)
        if (limits[k].n > 0 && limits[k].n < least.n)
            least = limits[k];
    return least;
}
