// SPDX-License-Identifier: GPL-3.0-or-later
// Preloaded into the program: things go wrong at the N-th call, so that every moment of a run can be tried. Set in the
// environment:
//
//   CUT_AT=N     at the N-th look of ours at the clock (there is one per block and sweep, and more at every boundary) …
//   CUT_HOW      … send oneself this signal (a number), or "time": from then on the clock runs ahead
//   CUT_TIMES    so many signals, default 1
//   CUT_RANK     only in the MPI process of this rank, or "all": in every MPI process (and not in what starts them)
//   CLOCK_STEP=N at every look of ours the clock is N us further, that of processor time 7/10 of that, however long it was
//   FAIL_AT=N    at the N-th call that makes, writes, flushes, closes, renames, links or removes a file of the run …
//   FAIL_HOW     … fail with this errno (a number), or "kill": SIGKILL before the call
//   FAIL_ON      set: all later calls fail too
//   SHIM_COUNT   file that gets the counts when the program ends: "<looks at the clock> <calls> <calls that failed>";
//   CUT_RANK counts here too
#undef _FILE_OFFSET_BITS  // open and open64 are two names here
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags);

enum { DESCRIPTORS = 1024 };
static long looks, calls, failed;
static _Bool ours[DESCRIPTORS];

static long number(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : otherwise;
}

// Whether things go wrong in this process at all.
static _Bool is_meant(void)
{
    const char *wanted = getenv("CUT_RANK"), *rank = getenv("OMPI_COMM_WORLD_RANK");
    if (!rank)
        rank = getenv("PMI_RANK");
    return !wanted || (rank && (strcmp(wanted, "all") == 0 || strcmp(wanted, rank) == 0));
}

// Into a pointer to a function, which C does not let a void pointer become.
static void real(const char *name, void *function)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found);
}

__attribute__((destructor)) static void report(void)
{
    const char *path = is_meant() ? getenv("SHIM_COUNT") : NULL;
    FILE *out = path ? fopen(path, "w") : NULL;
    if (out) {
        fprintf(out, "%ld %ld %ld\n", looks, calls, failed);
        fclose(out);
    }
}

// ---- the clock

// Whether the program or its library asks: other libraries look at the clock whenever they like.
static _Bool asks(const void *caller)
{
    Dl_info from;
    return dladdr(caller, &from) && from.dli_fname && strstr(from.dli_fname, "vmc");
}

// Time goes by looks.
static void step(clockid_t clock, long by, struct timespec *now)
{
    static long walls, cpus;
    const _Bool cpu = clock == CLOCK_PROCESS_CPUTIME_ID;
    const long long n = __atomic_add_fetch(cpu ? &cpus : &walls, 1, __ATOMIC_RELAXED), ns = n * by * (cpu ? 700 : 1000);
    *now = (struct timespec){ 1000 + ns / 1000000000, ns % 1000000000 };
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*gettime)(clockid_t, struct timespec *);
    static long at = -1, ahead, by;
    if (!gettime) {
        real("clock_gettime", &gettime);
        at = is_meant() ? number("CUT_AT", 0) : 0;
        by = number("CLOCK_STEP", 0);
    }
    const int result = gettime(clock, now);
    if (by > 0 && (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_PROCESS_CPUTIME_ID) &&
        asks(__builtin_return_address(0)))
        step(clock, by, now);
    if ((clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE) || !asks(__builtin_return_address(0)))
        return result;
    const long n = __atomic_add_fetch(&looks, 1, __ATOMIC_RELAXED);
    const char *how = getenv("CUT_HOW");
    if (at <= 0 || !how || n < at)
        return result;
    if (strcmp(how, "time") == 0)
        now->tv_sec += 10000000 + __atomic_add_fetch(&ahead, 1, __ATOMIC_RELAXED);
    else if (n == at)
        for (long k = number("CUT_TIMES", 1); k > 0; k--)
            kill(getpid(), (int)strtol(how, NULL, 10));
    return result;
}

// ---- files

static _Bool is_ours(const char *path) { return strstr(path, ".h5"); }

// True where this call is to fail, with errno set.
static _Bool fails(void)
{
    const long at = number("FAIL_AT", 0), n = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
    const char *how = getenv("FAIL_HOW");
    if (at <= 0 || !how || !(n == at || (n > at && getenv("FAIL_ON"))))
        return 0;
    if (strcmp(how, "kill") == 0)
        kill(getpid(), SIGKILL);
    __atomic_add_fetch(&failed, 1, __ATOMIC_RELAXED);
    errno = (int)strtol(how, NULL, 10);
    return 1;
}

static int open_by(const char *name, const char *path, int flags, mode_t mode)
{
    int (*open_real)(const char *, int, ...);
    real(name, &open_real);
    const _Bool watched = ((flags & O_ACCMODE) != O_RDONLY && is_ours(path)) || (flags & O_DIRECTORY);
    if (watched && fails())
        return -1;
    const int descriptor = open_real(path, flags, mode);
    if (descriptor >= 0 && descriptor < DESCRIPTORS)
        ours[descriptor] = watched;
    return descriptor;
}

static mode_t mode_of(int flags, va_list arguments) { return flags & O_CREAT ? va_arg(arguments, mode_t) : 0; }

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_by("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_by("open64", path, flags, mode);
}

static _Bool watched(int descriptor) { return descriptor >= 0 && descriptor < DESCRIPTORS && ours[descriptor]; }

ssize_t write(int descriptor, const void *bytes, size_t size)
{
    ssize_t (*write_real)(int, const void *, size_t);
    real("write", &write_real);
    return watched(descriptor) && fails() ? -1 : write_real(descriptor, bytes, size);
}

int fsync(int descriptor)
{
    int (*fsync_real)(int);
    real("fsync", &fsync_real);
    return watched(descriptor) && fails() ? -1 : fsync_real(descriptor);
}

// Closed in any case, as the kernel does.
int close(int descriptor)
{
    int (*close_real)(int);
    real("close", &close_real);
    const _Bool failing = watched(descriptor) && fails();
    const int reason = errno;
    if (descriptor >= 0 && descriptor < DESCRIPTORS)
        ours[descriptor] = 0;
    const int result = close_real(descriptor);
    if (!failing)
        return result;
    errno = reason;
    return -1;
}

int rename(const char *from, const char *to)
{
    int (*rename_real)(const char *, const char *);
    real("rename", &rename_real);
    return is_ours(to) && fails() ? -1 : rename_real(from, to);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    int (*rename_real)(int, const char *, int, const char *, unsigned);
    real("renameat2", &rename_real);
    return is_ours(to) && fails() ? -1 : rename_real(from_folder, from, to_folder, to, flags);
}

int link(const char *from, const char *to)
{
    int (*link_real)(const char *, const char *);
    real("link", &link_real);
    return is_ours(to) && fails() ? -1 : link_real(from, to);
}

int unlink(const char *path)
{
    int (*unlink_real)(const char *);
    real("unlink", &unlink_real);
    return is_ours(path) && fails() ? -1 : unlink_real(path);
}
