// SPDX-License-Identifier: GPL-3.0-or-later
// How many threads a run takes: processors it may use, a container's share of them, what the environment asks for. The
// files that tell of shares, and the number of processors, are given here by the test in place of the machine's.
#include "cli/threads.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define GROUPS "/sys/fs/cgroup"
#define V1 GROUPS "/cpu/cpu.cfs_"

enum { FILES_MOST = 4 };

static struct machine {
    const char *files[FILES_MOST][2];  // path and content
    size_t allowed;                    // processors in the mask; 0: the kernel does not say
    long online;
} machine;

FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fopen64(const char *path, const char *mode);  // what fopen is where offsets of files have 64 bits
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
long __wrap_sysconf(int name);

FILE *__wrap_fopen(const char *path, const char *mode)
{
    for (size_t k = 0; k < FILES_MOST && machine.files[k][0]; k++)
        if (strcmp(machine.files[k][0], path) == 0)
            return fmemopen((char *)(uintptr_t)machine.files[k][1], strlen(machine.files[k][1]), mode);
    errno = ENOENT;
    return NULL;
}

FILE *__wrap_fopen64(const char *path, const char *mode) { return __wrap_fopen(path, mode); }

int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
    assert_int_equal(pid, 0);
    CPU_ZERO_S(size, set);
    for (size_t k = 0; k < machine.allowed; k++)
        CPU_SET_S(k, size, set);
    return machine.allowed > 0 ? 0 : -1;
}

long __wrap_sysconf(int name)
{
    assert_int_equal(name, _SC_NPROCESSORS_ONLN);
    return machine.online;
}

#define MAX(group, text)             \
    {                                \
        GROUPS group "cpu.max", text \
    }
#define QUOTA(text)         \
    {                       \
        V1 "quota_us", text \
    }
#define PERIOD(text)         \
    {                        \
        V1 "period_us", text \
    }
#define MASK "processors this process may use"
#define RANKS "processors that several ranks share"
#define SHARE "the control group's share of processors"
#define ME                               \
    {                                    \
        "/proc/self/cgroup", "0::/a/b\n" \
    }

static void test_threads(void **state)
{
    (void)state;
    static const struct {
        struct machine machine;
        const char *slurm, *omp;
        size_t sharing, local, n;
        const char *reason;
    } cases[] = {
        { { .allowed = 8, .online = 16 }, NULL, NULL, 1, 1, 8, MASK },
        { { .allowed = 0, .online = 6 }, NULL, NULL, 1, 1, 6, MASK },
        { { .allowed = 0, .online = 1 }, NULL, NULL, 1, 1, 1, MASK },
        { { .allowed = 0, .online = -1 }, NULL, NULL, 1, 1, 1, MASK },
        // ranks share the mask and the group, each to at least one thread
        { { .allowed = 8 }, NULL, NULL, 2, 2, 4, RANKS },
        { { .allowed = 8 }, NULL, NULL, 3, 1, 2, RANKS },
        { { .allowed = 8 }, NULL, NULL, 8, 1, 1, RANKS },
        { { .allowed = 8 }, NULL, NULL, 9, 1, 1, RANKS },
        // the environment, from both sides of the mask, and what is no number
        { { .allowed = 8 }, NULL, "7", 1, 1, 7, "OMP_NUM_THREADS" },
        { { .allowed = 8 }, NULL, "8", 1, 1, 8, MASK },
        { { .allowed = 8 }, NULL, "9", 1, 1, 8, MASK },
        { { .allowed = 8 }, NULL, "0", 1, 1, 8, MASK },
        { { .allowed = 8 }, NULL, "", 1, 1, 8, MASK },
        { { .allowed = 8 }, NULL, "/2", 1, 1, 8, MASK },
        { { .allowed = 8 }, NULL, ":2", 1, 1, 8, MASK },
        { { .allowed = 8 }, NULL, "-2", 1, 1, 8, MASK },
        { { .allowed = 16 }, NULL, "9", 1, 1, 9, "OMP_NUM_THREADS" },
        { { .allowed = 8 }, NULL, "4,2", 1, 1, 4, "OMP_NUM_THREADS" },
        { { .allowed = 8 }, "5", "6", 1, 1, 5, "SLURM_CPUS_PER_TASK" },
        { { .allowed = 8 }, "5", "5", 1, 1, 5, "SLURM_CPUS_PER_TASK" },
        { { .allowed = 8 }, "6", "5", 1, 1, 5, "OMP_NUM_THREADS" },
        { { .allowed = 5000 }, NULL, "4095", 1, 1, 4095, "OMP_NUM_THREADS" },
        { { .allowed = 5000 }, NULL, "9999", 1, 1, 4096, "OMP_NUM_THREADS" },
        // groups of version 2: quota and period of the process's own group, and of all above it; parts count whole
        { { .files = { ME, MAX("/a/b/", "200000 100000") }, .allowed = 8 }, NULL, NULL, 1, 1, 2, SHARE },
        { { .files = { ME, MAX("/a/b/", "200001 100000") }, .allowed = 8 }, NULL, NULL, 1, 1, 3, SHARE },
        { { .files = { ME, MAX("/a/b/", "50000 100000") }, .allowed = 8 }, NULL, NULL, 1, 1, 1, SHARE },
        { { .files = { ME, MAX("/a/b/", "max 100000") }, .allowed = 8 }, NULL, NULL, 1, 1, 8, MASK },
        { { .files = { ME, MAX("/a/b/", "200000") }, .allowed = 8 }, NULL, NULL, 1, 1, 8, MASK },
        { { .files = { ME, MAX("/a/b/", "0 100000") }, .allowed = 8 }, NULL, NULL, 1, 1, 8, MASK },
        { { .files = { ME, MAX("/a/b/", "200000 0") }, .allowed = 8 }, NULL, NULL, 1, 1, 8, MASK },
        { { .files = { ME, MAX("/a/b/", "4095 1") }, .allowed = 5000 }, NULL, NULL, 1, 1, 4095, SHARE },
        { { .files = { ME, MAX("/a/b/", "4096 1") }, .allowed = 5000 }, NULL, NULL, 1, 1, 5000, MASK },
        { { .files = { ME, MAX("/a/b/", "6 1"), MAX("/a/", "3 1") }, .allowed = 8 }, NULL, NULL, 1, 1, 3, SHARE },
        { { .files = { ME, MAX("/a/b/", "3 1"), MAX("/", "6 1") }, .allowed = 8 }, NULL, NULL, 1, 1, 3, SHARE },
        { { .files = { ME, MAX("/", "4 1") }, .allowed = 8 }, NULL, NULL, 1, 1, 4, SHARE },
        { { .files = { ME, { "/sys/fs/cpu.max", "4 1" } }, .allowed = 8 }, NULL, NULL, 1, 1, 8, MASK },
        { { .files = { { "/proc/self/cgroup", "0::/\n" }, MAX("/", "4 1") }, .allowed = 8 },
          NULL,
          NULL,
          1,
          1,
          4,
          SHARE },
        { { .files = { { "/proc/self/cgroup", "2:cpu:/x\n0::/c\n1:b:/y\n" }, MAX("/c/", "5 1") }, .allowed = 8 },
          NULL,
          NULL,
          1,
          1,
          5,
          SHARE },
        { { .files = { { "/proc/self/cgroup", "2:cpu:/x\n" }, { GROUPS "/x/cpu.max", "5 1" } }, .allowed = 8 },
          NULL,
          NULL,
          1,
          1,
          8,
          MASK },
        { { .files = { ME, MAX("/a/b/", "5 1") }, .allowed = 8 }, NULL, NULL, 1, 2, 2, SHARE },
        { { .files = { ME, MAX("/a/b/", "5 1") }, .allowed = 8 }, NULL, NULL, 1, 6, 1, SHARE },
        { { .files = { ME, MAX("/a/b/", "5 1") }, .allowed = 8 }, "5", NULL, 1, 1, 5, SHARE },
        // groups of version 1, alone and beside the others
        { { .files = { QUOTA("250000\n"), PERIOD("100000\n") }, .allowed = 8 }, NULL, NULL, 1, 1, 3, SHARE },
        { { .files = { QUOTA("-1\n"), PERIOD("100000\n") }, .allowed = 8 }, NULL, NULL, 1, 1, 8, MASK },
        { { .files = { QUOTA("250000\n") }, .allowed = 8 }, NULL, NULL, 1, 1, 8, MASK },
        { { .files = { ME, MAX("/a/b/", "2 1"), QUOTA("3\n"), PERIOD("1\n") }, .allowed = 8 },
          NULL,
          NULL,
          1,
          1,
          2,
          SHARE },
        { { .files = { ME, MAX("/a/b/", "4 1"), QUOTA("3\n"), PERIOD("1\n") }, .allowed = 8 },
          NULL,
          NULL,
          1,
          1,
          3,
          SHARE },
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        machine = cases[k].machine;
        unsetenv("SLURM_CPUS_PER_TASK");
        unsetenv("OMP_NUM_THREADS");
        if (cases[k].slurm)
            setenv("SLURM_CPUS_PER_TASK", cases[k].slurm, 1);
        if (cases[k].omp)
            setenv("OMP_NUM_THREADS", cases[k].omp, 1);
        const struct cli_threads threads = cli_threads_default(cases[k].sharing, cases[k].local);
        if (threads.n != cases[k].n || strcmp(threads.reason, cases[k].reason) != 0)
            fail_msg("case %zu: %zu threads (%s), not %zu (%s)", k, threads.n, threads.reason, cases[k].n,
                     cases[k].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_threads) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
