// SPDX-License-Identifier: GPL-3.0-or-later
// Doing something first in a child, where a crash or an endless loop hurts nobody. For files without a seal: HDF5
// 1.10.8 crashes or hangs over some damaged ones (11 and 3 of 6,000 in the oldest format, which has no checksums).
#include "record/private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

// What the child says within so many ms: 1 at the end of its work, 0 when it dies before.
static ssize_t hear(int end, int milliseconds)
{
    struct pollfd said = { .fd = end, .events = POLLIN };
    char done;
    ssize_t n;
    while ((n = poll(&said, 1, milliseconds)) < 0 && errno == EINTR)
        ;
    if (n <= 0)
        return 0;
    while ((n = read(end, &done, 1)) < 0 && errno == EINTR)
        ;
    return n;
}

enum record_trial record_trial(void (*work)(void *context), void *context, unsigned seconds)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return RECORD_TRIAL_NONE;
    const pid_t child = fork();
    const int reason = errno;
    if (child == 0) {
        child_prepare(seconds);
        work(context);
        _exit(write(ends[1], "", 1) == 1 ? 0 : 1);
    }
    close(ends[1]);
    const ssize_t n = child > 0 ? hear(ends[0], 10000 * (int)(seconds < 10000 ? seconds : 10000)) : 0;
    close(ends[0]);
    if (child < 0) {
        errno = reason;
        return RECORD_TRIAL_NONE;
    }
    if (n != 1)
        kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    return n == 1 ? RECORD_TRIAL_GOOD : RECORD_TRIAL_BAD;
}
