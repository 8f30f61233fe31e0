// SPDX-License-Identifier: GPL-3.0-or-later
// One writer per results file. The lock is a small text beside it, made whole under another name and linked into place (which fails where
// there is one, on network file systems too). Kernel locks are not used: not every cluster has them.
//
// Whoever finds a lock judges it. On the same machine, in the same process namespace and since the same start of it, the process number and
// its starting time tell whether the holder lives. Elsewhere only the signs of life do: the lock's time stamp, set anew about every half minute, is
// compared with that of a file just made, so that clocks need not agree. A Slurm job that was requeued knows that its earlier self is gone.
#include "record/private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_SIZE = 1024, WORD_SIZE = 128, TRIES = 8 };
static const double SILENCE_MOST = 600;  // s

struct record_lock {
    char *path, *temporary, *aside;
    char text[TEXT_SIZE];
};

struct holder {
    char host[WORD_SIZE], place[WORD_SIZE], job[WORD_SIZE];  // place: start of the machine and process namespace; job: "-" for none
    long pid, restart;
    unsigned long long started;
};

// ---- who

// The first word of a file.
static void word_of_file(const char *path, char word[WORD_SIZE])
{
    FILE *file = fopen(path, "re");
    if (!file || fscanf(file, "%63s", word) != 1)
        strcpy(word, "unknown");
    if (file)
        fclose(file);
}

// Clock ticks after the start of the machine (field 22 of proc(5) stat; the name in field 2 may hold anything); 0: not known.
static unsigned long long start_of(long pid)
{
    char path[64], line[2048];
    unsigned long long started = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "re");
    char *at = file && fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    if (!at || sscanf(at + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu", &started) != 1)
        started = 0;
    if (file)
        fclose(file);
    return started;
}

static void words_only(char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            *text = '_';
}

static struct holder myself(void)
{
    struct holder self = { .pid = (long)getpid() };
    char boot[WORD_SIZE], namespace[48] = "";
    const char *job = getenv("SLURM_JOB_ID"), *restart = getenv("SLURM_RESTART_COUNT");
    if (gethostname(self.host, sizeof self.host - 1) != 0 || !*self.host)
        strcpy(self.host, "unknown");
    word_of_file("/proc/sys/kernel/random/boot_id", boot);
    if (readlink("/proc/self/ns/pid", namespace, sizeof namespace - 1) < 0)
        strcpy(namespace, "unknown");
    snprintf(self.place, sizeof self.place, "%.60s/%s", boot, namespace);
    snprintf(self.job, sizeof self.job, "%s", job && *job ? job : "-");
    self.restart = restart ? strtol(restart, NULL, 10) : 0;
    self.started = start_of(self.pid);
    words_only(self.host);
    words_only(self.place);
    words_only(self.job);
    return self;
}

static const char format_out[] = "host %s\nplace %s\npid %ld\nstarted %llu\njob %s\nrestart %ld\n";
static const char format_in[] = "host %127s place %127s pid %ld started %llu job %127s restart %ld";

static bool read_holder(const char *path, struct holder *holder, char text[TEXT_SIZE])
{
    unsigned char *bytes;
    size_t size;
    if (record_read_file(path, &bytes, &size) != 0)
        return false;
    size = size < TEXT_SIZE ? size : TEXT_SIZE - 1;
    memcpy(text, bytes, size);
    text[size] = '\0';
    free(bytes);
    if (sscanf(text, format_in, holder->host, holder->place, &holder->pid, &holder->started, holder->job, &holder->restart) != 6)
        *holder = (struct holder){ .host = "unknown", .job = "-" };
    return true;
}

// ---- judging

static bool lives(const struct holder *holder)
{
    if (kill((pid_t)holder->pid, 0) != 0 && errno == ESRCH)
        return false;
    const unsigned long long started = start_of(holder->pid);
    return started == 0 || holder->started == 0 || started == holder->started;
}

static bool is_stale(const struct holder *holder, double silence)
{
    const struct holder self = myself();
    if (holder->pid > 0 && strcmp(holder->host, self.host) == 0 && strcmp(holder->place, self.place) == 0)
        return !lives(holder);
    if (strcmp(holder->job, "-") != 0 && strcmp(holder->job, self.job) == 0 && holder->restart < self.restart)
        return true;
    return silence > SILENCE_MOST;
}

static bool refuse(const char *path, const struct holder *holder, double silence, struct error *error)
{
    const bool has_job = strcmp(holder->job, "-") != 0;
    return error_add(error, ERROR_EXISTS, "%s: another run is writing it: process %ld on %s%s%s, last sign of life %.0f s ago; wait for its end, or "
                     "choose another --output", path, holder->pid, holder->host, has_job ? ", job " : "", has_job ? holder->job : "", silence < 0 ? 0 : silence);
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
    struct record_lock *lock = calloc(1, sizeof *lock);
    char *real = realpath(path, NULL);
    const struct holder self = myself();
    if (!lock || asprintf(&lock->path, "%s.lock", real ? real : path) < 0 || asprintf(&lock->temporary, "%s.tmp.%ld", lock->path, self.pid) < 0 ||
        asprintf(&lock->aside, "%s.old", lock->temporary) < 0) {
        lock_free(lock);
        lock = NULL;
    } else {
        snprintf(lock->text, sizeof lock->text, format_out, self.host, self.place, self.pid, self.started, self.job, self.restart);
    }
    free(real);
    return lock;
}

// Moves a lock that was judged stale away; false where it was another one by then, which goes back.
static bool displace(const struct record_lock *lock, const char *judged)
{
    struct holder holder;
    char text[TEXT_SIZE] = "";
    if (record_replace(lock->path, lock->aside) != 0)
        return errno == ENOENT;
    const bool same = read_holder(lock->aside, &holder, text) && strcmp(text, judged) == 0;
    if (!same)
        record_link(lock->aside, lock->path);
    record_remove(lock->aside);
    return same;
}

enum taken { TAKEN, TRY_AGAIN, REFUSED };

// The one that is there. `now` is the file system's.
static enum taken challenge(const struct record_lock *lock, const char *path, const struct timespec *now, struct error *error)
{
    struct holder holder;
    struct stat status;
    char text[TEXT_SIZE];
    if (stat(lock->path, &status) != 0 || !read_holder(lock->path, &holder, text))
        return TRY_AGAIN;
    const double silence = (double)(now->tv_sec - status.st_mtim.tv_sec) + 1e-9 * (double)(now->tv_nsec - status.st_mtim.tv_nsec);
    if (!is_stale(&holder, silence)) {
        refuse(path, &holder, silence, error);
        return REFUSED;
    }
    displace(lock, text);
    return TRY_AGAIN;
}

static enum taken try(const struct record_lock *lock, const char *path, struct error *error)
{
    struct stat status;
    record_remove(lock->temporary);
    int failure = record_write_note(lock->temporary, lock->text);
    if (failure == 0 && stat(lock->temporary, &status) != 0)
        failure = errno;
    if (failure == 0)
        failure = record_link(lock->temporary, lock->path);
    record_remove(lock->temporary);
    if (failure == EPERM || failure == EOPNOTSUPP || failure == ENOSYS || failure == EMLINK)  // a file system without second names
        failure = record_write_note(lock->path, lock->text);
    if (failure == 0)
        return TAKEN;
    if (failure == EEXIST)
        return challenge(lock, path, &status.st_mtim, error);
    if (failure == ENOENT && access(lock->path, F_OK) == 0)
        return TRY_AGAIN;
    error_add(error, ERROR_WRITE, "%s: cannot be written: %s; %schoose another place with --output", path, strerror(failure),
              failure == ENOENT ? "make the folder first, or " : "");
    return REFUSED;
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
        taken = try(lock, path, error);
    if (taken == TRY_AGAIN)
        error_add(error, ERROR_EXISTS, "%s: another run is about to write it; choose another --output", path);
    if (taken == TAKEN) {
        record_remove_leftovers(path);
        return lock;
    }
    lock_free(lock);
    return NULL;
}

// ---- keeping

static bool is_mine(const struct record_lock *lock, struct holder *holder)
{
    char text[TEXT_SIZE];
    return read_holder(lock->path, holder, text) && strcmp(text, lock->text) == 0;
}

void record_lock_beat(const struct record_lock *lock)
{
    struct holder holder;
    if (lock && is_mine(lock, &holder))
        utimensat(AT_FDCWD, lock->path, NULL, 0);
}

bool record_lock_held(struct record_lock *lock, struct error *error)
{
    struct holder holder = { .host = "unknown" };
    if (is_mine(lock, &holder))
        return true;
    if (access(lock->path, F_OK) != 0 && errno == ENOENT && record_write_note(lock->path, lock->text) == 0)
        return true;  // someone tidied up
    if (access(lock->path, F_OK) != 0)
        return true;  // it cannot be read or made now: whoever came would meet the same
    return error_add(error, ERROR_EXISTS, "%s: has been taken over by process %ld on %s, since this run gave no sign of life for long; this run ends "
                     "without touching the results", lock->path, holder.pid, holder.host);
}

void record_lock_release(struct record_lock *lock)
{
    struct holder holder;
    if (lock && is_mine(lock, &holder))
        record_remove(lock->path);
    lock_free(lock);
}
