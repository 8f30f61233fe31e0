// SPDX-License-Identifier: GPL-3.0-or-later
// Doing something first in a child, where a crash or an endless loop hurts nobody. For files without a seal: HDF5 1.10.8 crashes or hangs
// over some damaged ones (11 and 3 of 6,000 in the oldest format, which has no checksums).
#include "record/private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

// In the child: die quietly and in time, whatever the caller's handlers are.
static void child_prepare(unsigned seconds)
{
    static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU };
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
    }
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++)
        signal(fatal[i], SIG_DFL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    setrlimit(RLIMIT_CPU, &(struct rlimit){ seconds, seconds + 1 });
}

bool record_trial(void (*work)(void *context), void *context, unsigned seconds)
{
    int ends[2];
    char done = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    pid_t child = fork();
    if (child == 0) {
        child_prepare(seconds);
        work(context);
        _exit(write(ends[1], "", 1) == 1 ? 0 : 1);
    }
    close(ends[1]);
    ssize_t n = child > 0 ? 0 : -1;
    while (child > 0 && (n = read(ends[0], &done, 1)) < 0 && errno == EINTR)
        ;
    close(ends[0]);
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    return n == 1;
}
