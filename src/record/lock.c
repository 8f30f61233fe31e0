// SPDX-License-Identifier: GPL-3.0-or-later
// One writer per results file. The lock is a small text beside it, made whole and flushed under another name and linked
// into place (which fails where there is one, on network file systems too). Kernel locks are not used: not every
// cluster has them.
//
// Whoever finds a lock judges it. On the same machine, in the same process namespace and since the same start of it,
// the process number and its starting time tell whether the holder lives. Elsewhere only the signs of life do: the
// lock's time stamp, set anew every half minute by a thread of its own, is compared with that of a file just made, so
// that clocks need not agree. A Slurm job that was requeued knows that its earlier self is gone.
//
// A holder has lost its lock only where another's name can be read in it. One that is gone, empty or damaged is written
// anew.
#include "record/private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_SIZE = 1024, TRIES = 8, BEAT = 30000 };  // BEAT: ms
// s. A lock without a name in it is written anew by a holder that lives, at the next sign of life.
static const double SILENCE_MOST = 600, NAMELESS_MOST = 120;

struct holder {
    struct record_process process;
    char job[RECORD_WORD_SIZE];  // "-": none
    long restart;
};

struct record_lock {
    char *path, *temporary, *aside;
    struct holder self;
    char text[TEXT_SIZE];
    pthread_mutex_t mutex;  // between the signs of life and whoever looks at the lock
    pthread_t thread;
    int ends[2];  // of a pipe: closed when the thread is to end
    bool tended;
};

// ---- who

static struct holder myself(void)
{
    const char *job = getenv("SLURM_JOB_ID"), *restart = getenv("SLURM_RESTART_COUNT");
    struct holder self = { .process = record_process_self(), .restart = restart ? strtol(restart, NULL, 10) : 0 };
    snprintf(self.job, sizeof self.job, "%s", job && *job ? job : "-");
    for (char *c = self.job; *c; c++)
        if (*c <= ' ' || *c > '~')
            *c = '_';
    return self;
}

static const char format_out[] = "host %s\nplace %s\npid %ld\nstarted %llu\njob %s\nrestart %ld\n";
static const char format_in[] = "host %127s place %127s pid %ld started %llu job %127s restart %ld";

enum found { FOUND_NONE, FOUND_UNREADABLE, FOUND_NAMELESS, FOUND_HOLDER };

static enum found read_holder(const char *path, struct holder *holder, char text[TEXT_SIZE])
{
    unsigned char *bytes;
    size_t size;
    struct record_process *process = &holder->process;
    const int failure = record_read_file(path, &bytes, &size);
    text[0] = '\0';
    if (failure != 0)
        return failure == ENOENT ? FOUND_NONE : FOUND_UNREADABLE;
    size = size < TEXT_SIZE ? size : TEXT_SIZE - 1;
    memcpy(text, bytes, size);
    text[size] = '\0';
    free(bytes);
    if (sscanf(text, format_in, process->host, process->place, &process->pid, &process->started, holder->job,
               &holder->restart) == 6)
        return FOUND_HOLDER;
    return FOUND_NAMELESS;
}

static bool same_process(const struct record_process *a, const struct record_process *b)
{
    return a->pid == b->pid && a->started == b->started && strcmp(a->host, b->host) == 0 &&
           strcmp(a->place, b->place) == 0;
}

// ---- judging

static bool is_stale(const struct holder *holder, double silence)
{
    const struct holder self = myself();
    const struct record_process *process = &holder->process;
    if (process->pid > 0 && strcmp(process->host, self.process.host) == 0 &&
        strcmp(process->place, self.process.place) == 0)
        return !record_process_lives(process->pid, process->started);
    if (strcmp(holder->job, "-") != 0 && strcmp(holder->job, self.job) == 0 && holder->restart < self.restart)
        return true;
    return silence > SILENCE_MOST;
}

static void refuse(const struct record_lock *lock, const char *path, const struct holder *holder, double silence,
                   struct error *error)
{
    const bool has_job = strcmp(holder->job, "-") != 0;
    error_add(error, ERROR_EXISTS,
              "%s: another run is writing it: process %ld on %s%s%s, which holds the lock %s, last sign of life %.0f s "
              "ago; wait for "
              "its end, or choose another --output (if that process is surely gone, remove the lock)",
              path, holder->process.pid, holder->process.host, has_job ? ", job " : "", has_job ? holder->job : "",
              lock->path, silence < 0 ? 0 : silence);
}

static void refuse_nameless(const struct record_lock *lock, const char *path, struct error *error)
{
    error_add(error, ERROR_EXISTS,
              "%s: another run may be writing it: its lock %s is there and names no process; wait two minutes and try "
              "again, or "
              "choose another --output (if surely no run writes it, remove the lock)",
              path, lock->path);
}

// ---- taking

static void lock_free(struct record_lock *lock)
{
    if (!lock)
        return;
    free(lock->path);
    free(lock->temporary);
    free(lock->aside);
    free(lock);
}

static struct record_lock *lock_create(const char *path)
{
    struct record_lock *lock = memory_take_zeroed(1, sizeof *lock);
    char *real = realpath(path, NULL);
    const struct holder self = myself();
    if (!lock || asprintf(&lock->path, "%s.lock", real ? real : path) < 0 ||
        !(lock->temporary = record_process_temporary(lock->path)) ||
        asprintf(&lock->aside, "%s.old", lock->temporary) < 0) {
        lock_free(lock);
        lock = NULL;
    } else {
        const struct record_process *process = &self.process;
        lock->self = self;
        snprintf(lock->text, sizeof lock->text, format_out, process->host, process->place, process->pid,
                 process->started, self.job, self.restart);
    }
    free(real);
    return lock;
}

static bool same_file(const char *a, const char *b)
{
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

// The whole text under the other name; then that name's time is the file system's now.
static int prepare(const struct record_lock *lock, struct timespec *now)
{
    struct stat status;
    record_remove(lock->temporary);
    int failure = record_write_file(lock->temporary, lock->text, strlen(lock->text));
    if (failure == 0 && stat(lock->temporary, &status) != 0)
        failure = errno;
    if (failure == 0)
        *now = status.st_mtim;
    else
        record_remove(lock->temporary);
    return failure;
}

// Into place, where there is no lock. NFS may send an answer twice: then `link` says that the name is there, and it is
// our own.
static int put_in_place(const struct record_lock *lock, struct timespec *now)
{
    int failure = prepare(lock, now);
    if (failure != 0)
        return failure;
    failure = record_link(lock->temporary, lock->path);
    if (failure != 0 && same_file(lock->temporary, lock->path))
        failure = 0;
    record_remove(lock->temporary);
    if (failure == EPERM || failure == EOPNOTSUPP || failure == ENOSYS ||
        failure == EMLINK) {  // a file system without second names
        failure = record_write_file(lock->path, lock->text, strlen(lock->text));
        if (failure != 0 && failure != EEXIST)
            record_remove(lock->path);
    }
    return failure;
}

// Moves a lock that was judged stale away; false where it was another one by then, which goes back.
static bool displace(const struct record_lock *lock, enum found judged, const char *judged_text)
{
    struct holder holder;
    char text[TEXT_SIZE];
    if (record_replace(lock->path, lock->aside) != 0)
        return errno == ENOENT;
    const bool same = read_holder(lock->aside, &holder, text) == judged && strcmp(text, judged_text) == 0;
    if (!same)
        record_link(lock->aside, lock->path);
    record_remove(lock->aside);
    return same;
}

enum taken { TAKEN, TRY_AGAIN, REFUSED };

// The one that is there. `now` is the file system's.
static enum taken challenge(const struct record_lock *lock, const char *path, const struct timespec *now,
                            struct error *error)
{
    struct holder holder;
    struct stat status;
    char text[TEXT_SIZE];
    const enum found found = read_holder(lock->path, &holder, text);
    if (found == FOUND_NONE || stat(lock->path, &status) != 0)
        return TRY_AGAIN;
    const double silence = (double)(now->tv_sec - status.st_mtim.tv_sec) +
                           1e-9 * (double)(now->tv_nsec - status.st_mtim.tv_nsec);
    if (found == FOUND_HOLDER
            ? is_stale(&holder, silence)
            : S_ISREG(status.st_mode) && silence > (found == FOUND_NAMELESS ? NAMELESS_MOST : SILENCE_MOST)) {
        displace(lock, found, text);
        return TRY_AGAIN;
    }
    if (found == FOUND_HOLDER)
        refuse(lock, path, &holder, silence, error);
    else
        refuse_nameless(lock, path, error);
    return REFUSED;
}

static enum taken try_to_take(const struct record_lock *lock, const char *path, struct error *error)
{
    struct timespec now = { 0 };
    const int failure = put_in_place(lock, &now);
    if (failure == 0)
        return TAKEN;
    if (failure == EEXIST)
        return challenge(lock, path, &now, error);
    if (failure == ENOENT && access(lock->path, F_OK) == 0)
        return TRY_AGAIN;
    error_add(error, ERROR_WRITE, "%s: cannot be written: %s; %schoose another place with --output", path,
              strerror(failure), failure == ENOENT ? "make the folder first, or " : "");
    return REFUSED;
}

// ---- keeping

static bool is_mine(const struct record_lock *lock, enum found *found, struct holder *holder)
{
    char text[TEXT_SIZE];
    *found = read_holder(lock->path, holder, text);
    return *found == FOUND_HOLDER && same_process(&holder->process, &lock->self.process);
}

// Writes the lock anew where it is gone or names nobody; false where it is another's, who is then in `holder`.
static bool assert_hold(const struct record_lock *lock, struct holder *holder)
{
    struct timespec now;
    enum found found;
    for (int k = 0; k < TRIES; k++) {
        if (is_mine(lock, &found, holder))
            return true;
        if (found == FOUND_HOLDER)
            return false;
        const int failure = found == FOUND_NONE ? put_in_place(lock, &now) : prepare(lock, &now);
        if (found != FOUND_NONE && failure == 0 && record_replace(lock->temporary, lock->path) != 0)
            record_remove(lock->temporary);
    }
    return true;  // it cannot be written now: whoever came would meet the same
}

static void *tend(void *context)
{
    struct record_lock *lock = context;
    struct pollfd end = { .fd = lock->ends[0], .events = POLLIN };
    struct holder holder;
    for (int n; (n = poll(&end, 1, BEAT)) == 0 || (n < 0 && errno == EINTR);) {
        pthread_mutex_lock(&lock->mutex);
        if (n == 0 && assert_hold(lock, &holder))
            utimensat(AT_FDCWD, lock->path, NULL, 0);
        pthread_mutex_unlock(&lock->mutex);
    }
    return NULL;
}

// The thread takes no signals: they are for those who look at them.
static bool tend_start(struct record_lock *lock)
{
    sigset_t all, before;
    if (pipe2(lock->ends, O_CLOEXEC) != 0)
        return false;
    pthread_mutex_init(&lock->mutex, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    lock->tended = pthread_create(&lock->thread, NULL, tend, lock) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!lock->tended) {
        close(lock->ends[0]);
        close(lock->ends[1]);
        pthread_mutex_destroy(&lock->mutex);
    }
    return lock->tended;
}

static void tend_end(struct record_lock *lock)
{
    if (!lock->tended)
        return;
    close(lock->ends[1]);
    pthread_join(lock->thread, NULL);
    close(lock->ends[0]);
    pthread_mutex_destroy(&lock->mutex);
}

struct record_lock *record_lock_take(const char *path, struct error *error)
{
    struct record_lock *lock = lock_create(path);
    enum taken taken = TRY_AGAIN;
    if (!lock) {
        error_add(error, ERROR_INTERNAL, "%s: out of memory", path);
        return NULL;
    }
    for (int k = 0; k < TRIES && taken == TRY_AGAIN; k++)
        taken = try_to_take(lock, path, error);
    if (taken == TRY_AGAIN)
        error_add(error, ERROR_EXISTS, "%s: another run is about to write it; choose another --output", path);
    if (taken == TAKEN) {
        record_remove_leftovers(path);
        if (tend_start(lock))
            return lock;
        record_remove(lock->path);
        error_add(error, ERROR_INTERNAL, "%s: no thread could be started that keeps its lock", path);
    }
    lock_free(lock);
    return NULL;
}

bool record_lock_held(struct record_lock *lock, struct error *error)
{
    struct holder holder;
    pthread_mutex_lock(&lock->mutex);
    const bool held = assert_hold(lock, &holder);
    pthread_mutex_unlock(&lock->mutex);
    return held ||
           error_add(error, ERROR_EXISTS,
                     "%s: this run has lost its lock to process %ld on %s, since it gave no sign of life for long",
                     lock->path, holder.process.pid, holder.process.host);
}

void record_lock_release(struct record_lock *lock)
{
    enum found found;
    struct holder holder;
    if (!lock)
        return;
    tend_end(lock);
    if (is_mine(lock, &found, &holder))
        record_remove(lock->path);
    lock_free(lock);
}
