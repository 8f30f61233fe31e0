// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli/sweep_jobs.h"

#include "cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct piece {
    pid_t process;  // 0: none
    size_t k;
};

// A process group of its own: a Ctrl-C at the terminal comes to the first process alone, which passes it on.
static pid_t begin(const struct cli_jobs *jobs, size_t k)
{
    const pid_t parent = getpid(), process = fork();
    if (process != 0)
        return process;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() == parent)
        jobs->work(k, jobs->context);
    _exit(0);
}

static void pass_on(const struct cli_jobs *jobs, const struct piece *pieces, unsigned *passed)
{
    const unsigned wish = (unsigned)cli_signals_wish(NULL);
    for (; *passed < wish; ++*passed)
        for (size_t j = 0; j < jobs->most; j++)
            if (pieces[j].process > 0)
                kill(pieces[j].process, SIGTERM);
}

// True where the piece came to its end, and its place is free.
static bool look_after(const struct cli_jobs *jobs, struct piece *piece, bool *go_on)
{
    int status;
    const pid_t found = waitpid(piece->process, &status, WNOHANG);
    if (found == 0 || (found < 0 && errno == EINTR))
        return false;
    piece->process = 0;
    *go_on = jobs->ended(piece->k, found > 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0, jobs->context) && *go_on;
    return true;
}

void cli_jobs_run(const struct cli_jobs *jobs)
{
    static const struct timespec pause = { 0, 50000000 };
    struct piece *pieces = calloc(jobs->most, sizeof *pieces);
    size_t next = jobs->first, running = 0, done = 0;
    unsigned passed = 0;
    bool go_on = pieces != NULL;
    while ((go_on && next <= jobs->last) || running > 0) {
        for (size_t j = 0; j < jobs->most; j++) {
            if (pieces[j].process > 0 && look_after(jobs, &pieces[j], &go_on)) {
                running--;
                done++;
            }
            if (pieces[j].process > 0 || !go_on || next > jobs->last || cli_signals_wish(NULL) != RUN_GO_ON)
                continue;
            const pid_t process = begin(jobs, next);
            if (process < 0)  // no more processes: later, when one has ended
                break;
            pieces[j] = (struct piece){ process, next++ };
            running++;
        }
        pass_on(jobs, pieces, &passed);
        if (cli_signals_wish(NULL) != RUN_GO_ON)
            go_on = false;
        jobs->waiting(done, running, jobs->context);
        nanosleep(&pause, NULL);
    }
    free(pieces);
}
