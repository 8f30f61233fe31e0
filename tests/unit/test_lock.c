// SPDX-License-Identifier: GPL-3.0-or-later
// The lock and the temporaries of a results file where other hosts, containers and network file systems come in. System
// calls that the library makes are this program's own here, so that another host, a lying `link` and the moment before
// a rename can be had.
#include "support/sample.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *host = "alpha";
static bool link_lies;               // says EEXIST although it has done its work, as NFS may when an answer was lost
static void (*before_rename)(void);  // called once, when the next file has been flushed
static char renamed_from[SAMPLE_PATH_SIZE];
static int beats_faster = 1;
static bool forks_fail;
static int synced_files, synced_folders, synced_late;  // late: folders since the last rename

int gethostname(char *name, size_t size)
{
    snprintf(name, size, "%s", host);
    return 0;
}

int link(const char *from, const char *to)
{
    const int result = (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (result != 0 || !link_lies)
        return result;
    errno = EEXIST;
    return -1;
}

int rename(const char *from, const char *to)
{
    snprintf(renamed_from, sizeof renamed_from, "%s", from);
    synced_late = 0;
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

pid_t fork(void)
{
    if (!forks_fail)
        return _Fork();
    errno = EAGAIN;
    return -1;
}

int fsync(int descriptor)
{
    void (*call)(void) = before_rename;
    before_rename = NULL;
    struct stat what;
    const bool folder = fstat(descriptor, &what) == 0 && S_ISDIR(what.st_mode);
    synced_files += !folder;
    synced_folders += folder;
    synced_late += folder;
    const int result = (int)syscall(SYS_fsync, descriptor);
    if (call)
        call();
    return result;
}

int poll(struct pollfd *descriptors, nfds_t n, int timeout)
{
    const int wait = timeout / beats_faster;
    const struct timespec time = { wait / 1000, wait % 1000 * 1000000L };
    return ppoll(descriptors, n, &time, NULL);
}

static const char *output(void) { return sample_path("x.h5"); }

static const char *lock_path(void) { return sample_path("x.h5.lock"); }

static void spill(const char *path, const char *text) { sample_spill(path, (const unsigned char *)text, strlen(text)); }

static void put_foreign_lock(void)
{
    spill(lock_path(), "host elsewhere\nplace other/1\npid 99\nstarted 1\njob -\nrestart 0\n");
}

static bool exists(const char *path) { return access(path, F_OK) == 0; }

static void age(const char *path, long seconds)
{
    const struct timespec then = { time(NULL) - seconds, 0 }, times[2] = { then, then };
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static double age_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return difftime(time(NULL), status.st_mtime);
}

static struct record_lock *take(void)
{
    struct error error = { 0 };
    struct record_lock *lock = record_lock_take(output(), &error);
    if (!lock)
        fail_msg("%s", error.text);
    return lock;
}

static void assert_refused(const char *word)
{
    struct error error = { 0 };
    assert_null(record_lock_take(output(), &error));
    assert_int_equal(error.kind, ERROR_EXISTS);
    if (!strstr(error.text, word) || !strstr(error.text, lock_path()) || !strstr(error.text, "--output") ||
        !strstr(error.text, "remove the lock"))
        fail_msg("'%s' does not say enough", error.text);
    error_clear(&error);
}

// ---- a lock that is not as it was

static void damaged_locks_are_written_anew(void **state)
{
    (void)state;
    struct error error = { 0 };
    struct record_lock *lock = take();
    static const char *const damage[] = { "", "host alpha\nplace", "\xff\xfe nonsense" };
    for (size_t k = 0; k < sizeof damage / sizeof *damage; k++) {
        spill(lock_path(), damage[k]);
        assert_true(record_lock_held(lock, &error));
        assert_refused("process ");
    }
    assert_int_equal(remove(lock_path()), 0);
    assert_true(record_lock_held(lock, &error));
    assert_refused("process ");
    record_lock_release(lock);
    assert_false(exists(lock_path()));
}

// Nobody can be named; after two minutes without a sign of life it is not believed any more.
static void nameless_locks(void **state)
{
    (void)state;
    spill(lock_path(), "");
    assert_refused("names no process");
    age(lock_path(), 200);
    record_lock_release(take());
    assert_false(exists(lock_path()));
}

// A job that was queued again knows that its earlier self is gone; no other job does.
static void jobs_come_back(void **state)
{
    (void)state;
    static const struct {
        const char *holder, *job, *restart;
        bool gone;
    } rows[] = { { "job 7\nrestart 0\n", "7", "1", true },  { "job 7\nrestart 0\n", "7", NULL, false },
                 { "job 7\nrestart 1\n", "7", "1", false }, { "job 7\nrestart 1\n", "7", "2", true },
                 { "job 8\nrestart 0\n", "7", "1", false }, { "job -\nrestart 0\n", NULL, "1", false },
                 { "job 7\nrestart 0\n", "", "1", false } };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        char text[200];
        snprintf(text, sizeof text, "host elsewhere\nplace other/1\npid 99\nstarted 1\n%s", rows[k].holder);
        spill(lock_path(), text);
        rows[k].job ? setenv("SLURM_JOB_ID", rows[k].job, 1) : unsetenv("SLURM_JOB_ID");
        rows[k].restart ? setenv("SLURM_RESTART_COUNT", rows[k].restart, 1) : unsetenv("SLURM_RESTART_COUNT");
        if (rows[k].gone)
            record_lock_release(take());
        else
            assert_refused("process 99 on elsewhere");
        remove(lock_path());
    }
    // what it says of itself, in one word
    setenv("SLURM_JOB_ID", "a b~\x7f", 1);
    unsetenv("SLURM_RESTART_COUNT");
    struct record_lock *lock = take();
    size_t size;
    char *text = (char *)sample_slurp(lock_path(), &size);
    assert_true(size > 21 && memcmp(text + size - 21, "\njob a_b~_\nrestart 0\n", 21) == 0);
    free(text);
    record_lock_release(lock);
    unsetenv("SLURM_JOB_ID");
}

static void foreign_locks_are_lost(void **state)
{
    (void)state;
    struct error error = { 0 };
    struct record_lock *lock = take();
    put_foreign_lock();
    assert_false(record_lock_held(lock, &error));
    assert_int_equal(error.kind, ERROR_EXISTS);
    assert_non_null(strstr(error.text, "process 99 on elsewhere"));
    record_lock_release(lock);
    assert_true(exists(lock_path()));  // it is not ours to remove
    assert_int_equal(remove(lock_path()), 0);
    error_clear(&error);
}

static void lock_is_looked_at_before_the_rename(void **state)
{
    (void)state;
    struct error error = { 0 };
    size_t size, size_after;
    sample_publish(output(), "today");
    unsigned char *old = sample_slurp(output(), &size);
    struct record_lock *lock = take();
    struct record *record = sample_record("tomorrow");
    before_rename = put_foreign_lock;
    assert_false(record_publish_locked(record, output(), lock, &error));
    assert_int_equal(error.kind, ERROR_EXISTS);
    unsigned char *now = sample_slurp(output(), &size_after);
    assert_int_equal(size, size_after);
    assert_memory_equal(old, now, size);
    record_destroy(record);
    record_lock_release(lock);
    remove(lock_path());
    error_clear(&error);
    free(old);
    free(now);
}

// What is published is on the disk before it takes the place of what was there, and its name after that.
static void published_files_are_flushed(void **state)
{
    (void)state;
    struct error error = { 0 };
    struct record *record = record_create();
    record_add_attribute_count(record, "/", "format_version", RECORD_FORMAT_VERSION);
    synced_files = synced_folders = synced_late = 0;
    assert_true(record_publish(record, output(), &error));
    assert_true(synced_files >= 1);
    assert_int_equal(synced_folders, synced_late);
    assert_true(synced_late >= 1);
    record_destroy(record);
}

// ---- signs of life

// Nobody calls anything, as during a long step of the optimiser.
static void lock_is_kept_alive(void **state)
{
    (void)state;
    beats_faster = 1000;
    struct record_lock *lock = take();
    for (int beat = 0; beat < 2; beat++) {
        age(lock_path(), 3600);
        for (int k = 0; k < 6000 && age_of(lock_path()) > 1800; k++)  // a minute, on machines that are busy
            nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
        assert_true(age_of(lock_path()) < 1800);
    }
    assert_true(record_lock_held(lock, NULL));
    record_lock_release(lock);
    beats_faster = 1;
}

static void zombies_hold_nothing(void **state)
{
    (void)state;
    int ends[2];
    char byte;
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        if (record_lock_take(output(), NULL) && write(ends[1], "", 1) == 1)
            pause();
        _exit(1);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_refused("process ");
    kill(child, SIGKILL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);  // it has ended, and stays a zombie
    record_lock_release(take());
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ends[0]);
}

// ---- network file systems and other hosts

static void link_that_lies(void **state)
{
    (void)state;
    link_lies = true;
    struct record_lock *lock = take();
    assert_refused("process ");
    record_lock_release(lock);
    link_lies = false;
    assert_false(exists(lock_path()));
}

// Two containers, each with a process 1, in one folder: what one writes now the other does not remove.
static void temporaries_of_other_hosts_stay(void **state)
{
    (void)state;
    char theirs[SAMPLE_PATH_SIZE];
    sample_publish(output(), "today");
    snprintf(theirs, sizeof theirs, "%s", renamed_from);
    assert_non_null(strstr(theirs, "x.h5.tmp."));
    spill(theirs, "being written");
    host = "beta";
    sample_publish(output(), "tomorrow");
    assert_string_not_equal(theirs, renamed_from);
    assert_true(exists(theirs));
    record_lock_release(take());
    assert_true(exists(theirs));
    age(theirs, 2 * 86400);  // nothing is written for that long
    sample_publish(output(), "tomorrow");
    assert_false(exists(theirs));
    host = "alpha";
    spill(theirs, "of an earlier process with this number");
    sample_publish(output(), "today");
    assert_false(exists(theirs));
}

// A file without a seal is tried in a child first. That there can be none says nothing about the file.
static void failed_forks_are_no_damage(void **state)
{
    (void)state;
    struct error error = { 0 };
    size_t size;
    sample_publish(output(), "today");
    unsigned char *bytes = sample_slurp(output(), &size);
    sample_spill(output(), bytes, size - RECORD_SEAL_SIZE);
    struct record_file *file = record_open(output(), false, &error);
    assert_non_null(file);
    record_close(file);
    forks_fail = true;
    file = record_open(output(), false, &error);
    forks_fail = false;
    assert_null(file);
    assert_int_equal(error.kind, ERROR_INTERNAL);
    assert_non_null(strstr(error.text, "Resource temporarily unavailable"));
    assert_null(strstr(error.text, "damaged"));
    error_clear(&error);
    free(bytes);
}

int main(void)
{
    record_prepare_hdf5();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_locks_are_written_anew),
        cmocka_unit_test(nameless_locks),
        cmocka_unit_test(foreign_locks_are_lost),
        cmocka_unit_test(jobs_come_back),
        cmocka_unit_test(lock_is_looked_at_before_the_rename),
        cmocka_unit_test(published_files_are_flushed),
        cmocka_unit_test(lock_is_kept_alive),
        cmocka_unit_test(zombies_hold_nothing),
        cmocka_unit_test(link_that_lies),
        cmocka_unit_test(temporaries_of_other_hosts_stay),
        cmocka_unit_test(failed_forks_are_no_damage),
    };
    return cmocka_run_group_tests(tests, sample_set_up, sample_tear_down);
}
