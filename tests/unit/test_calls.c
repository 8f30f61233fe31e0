// SPDX-License-Identifier: GPL-3.0-or-later
// System calls that do not do what they are asked: interrupted, done by halves, or failed with a given error. The calls
// of the library are this program's own here, and each of them can be told what to do next.
#include "support/sample.h"
#include "record/private.h"
#include "vmc/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { HALF = -1, NOTHING = -2 };  // instead of an error: half of what is asked; an end that comes too early
enum call { OPEN, READ, WRITE, FSYNC, CLOSE, LINK, RENAME, CHOWN, CALLS };
static struct {
    int wait, times, error;  // after so many calls, so many of them
    size_t calls;
} plan[CALLS];

static void forget(void) { memset(plan, 0, sizeof plan); }

static void plan_for(enum call call, int wait, int times, int error)
{
    plan[call].wait = wait;
    plan[call].times = times;
    plan[call].error = error;
}

// 0: as always.
static int next(enum call call)
{
    plan[call].calls++;
    if (plan[call].times == 0 || plan[call].wait-- > 0)
        return 0;
    plan[call].wait = 0;
    plan[call].times--;
    return plan[call].error;
}

static int refuse(int error)
{
    errno = error;
    return -1;
}

int open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    const unsigned mode = flags & O_CREAT ? va_arg(more, unsigned) : 0;
    va_end(more);
    const int error = next(OPEN);
    return error ? refuse(error) : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

ssize_t read(int fd, void *bytes, size_t size)
{
    const int error = next(READ);
    errno = error == NOTHING ? EINTR : errno;  // left by an earlier call
    return error == NOTHING ? 0
           : error > 0      ? refuse(error)
                            : syscall(SYS_read, fd, bytes, error == HALF ? (size + 1) / 2 : size);
}

// What _FORTIFY_SOURCE, with which Ubuntu's compiler comes, makes of read.
ssize_t __read_chk(int fd, void *bytes, size_t size, size_t room);
ssize_t __read_chk(int fd, void *bytes, size_t size, size_t room)
{
    assert_true(size <= room);
    return read(fd, bytes, size);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    const int error = next(WRITE);
    errno = error == NOTHING ? EINTR : errno;  // left by an earlier call
    return error == NOTHING ? 0
           : error > 0      ? refuse(error)
                            : syscall(SYS_write, fd, bytes, error == HALF ? (size + 1) / 2 : size);
}

int fsync(int fd)
{
    const int error = next(FSYNC);
    return error ? refuse(error) : (int)syscall(SYS_fsync, fd);
}

int close(int fd)
{
    const int error = next(CLOSE), result = (int)syscall(SYS_close, fd);
    return error ? refuse(error) : result;
}

int link(const char *from, const char *to)
{
    const int error = next(LINK);
    return error ? refuse(error) : (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int rename(const char *from, const char *to)
{
    const int error = next(RENAME);
    return error ? refuse(error) : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int chown(const char *path, uid_t owner, gid_t group)
{
    const int error = next(CHOWN);
    return error ? refuse(error) : (int)syscall(SYS_fchownat, AT_FDCWD, path, owner, group, 0);
}

static const char words[] = "all of it, to the last byte";

static void holds(const char *path, const char *text)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    forget();
    assert_int_equal(record_read_file(path, &bytes, &size), 0);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(bytes, text, size);
    free(bytes);
}

static void files_are_written(void **state)
{
    (void)state;
    static const struct {
        enum call call;
        int wait, times, error, wanted;
    } rows[] = { { WRITE, 0, 1, EINTR, 0 },     { WRITE, 0, 3, EINTR, 0 }, { WRITE, 0, 1, HALF, 0 },
                 { WRITE, 0, 4, HALF, 0 },      { WRITE, 0, 1, EIO, EIO }, { WRITE, 0, 1, ENOSPC, ENOSPC },
                 { WRITE, 0, 1, NOTHING, EIO }, { FSYNC, 0, 1, EIO, EIO }, { FSYNC, 0, 1, EINTR, EINTR },
                 { CLOSE, 0, 1, EIO, EIO },     { CLOSE, 0, 1, EINTR, 0 }, { OPEN, 0, 1, EACCES, EACCES },
                 { OPEN, 0, 1, EMFILE, EMFILE } };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        const char *path = sample_path("written");
        forget();
        plan_for(rows[k].call, rows[k].wait, rows[k].times, rows[k].error);
        assert_int_equal(record_write_file(path, words, strlen(words)), rows[k].wanted);
        assert_int_equal(plan[CLOSE].calls, rows[k].call != OPEN);
        if (rows[k].wanted == 0)
            holds(path, words);
        forget();
        unlink(path);
    }
    // the first error is the one that is told
    const char *path = sample_path("written");
    plan_for(FSYNC, 0, 1, ENOSPC);
    plan_for(CLOSE, 0, 1, EIO);
    assert_int_equal(record_write_file(path, words, strlen(words)), ENOSPC);
    forget();
    assert_int_equal(record_write_file(path, words, strlen(words)), EEXIST);
    assert_int_equal(record_remove(path), 0);
    assert_int_equal(record_remove(path), ENOENT);
    assert_int_equal(record_replace(path, sample_path("other")), ENOENT);
    assert_int_equal(record_link(path, sample_path("other")), ENOENT);
    assert_int_equal(record_write_file(path, "", 0), 0);
    holds(path, "");
}

static void files_are_read(void **state)
{
    (void)state;
    static const struct {
        int times, error, wanted;
    } rows[] = {
        { 1, EINTR, 0 }, { 3, EINTR, 0 }, { 2, HALF, 0 }, { 5, HALF, 0 }, { 1, EIO, EIO }, { 1, NOTHING, EIO }
    };
    const char *path = sample_path("read");
    unsigned char *bytes;
    size_t size;
    forget();
    assert_int_equal(record_write_file(path, words, strlen(words)), 0);
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        forget();
        plan_for(READ, 0, rows[k].times, rows[k].error);
        const int failure = record_read_file(path, &bytes, &size);
        assert_int_equal(failure, rows[k].wanted);
        assert_true((bytes != NULL) == (failure == 0));
        assert_int_equal(plan[CLOSE].calls, 1);
        if (bytes)
            assert_memory_equal(bytes, words, strlen(words));
        free(bytes);
    }
    forget();
    plan_for(OPEN, 0, 1, EACCES);
    assert_int_equal(record_read_file(path, &bytes, &size), EACCES);
    assert_int_equal(record_read_file(sample_folder, &bytes, &size), EISDIR);
    assert_int_equal(record_read_file("/dev/null", &bytes, &size), ENODEV);
    assert_int_equal(record_read_file(sample_path("nowhere"), &bytes, &size), ENOENT);
    assert_null(bytes);
}

static void folders_are_flushed(void **state)
{
    (void)state;
    static const struct {
        enum call call;
        int error, wanted;
    } rows[] = { { OPEN, EACCES, 0 },  { OPEN, EMFILE, EMFILE }, { FSYNC, EIO, EIO },
                 { FSYNC, EINVAL, 0 }, { FSYNC, ENOTSUP, 0 },    { FSYNC, ENOSPC, ENOSPC } };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        forget();
        plan_for(rows[k].call, 0, 1, rows[k].error);
        assert_int_equal(record_sync_folder(sample_folder), rows[k].wanted);
        assert_int_equal(plan[CLOSE].calls, rows[k].call != OPEN);
    }
    forget();
    assert_int_equal(record_sync_folder(sample_folder), 0);
    assert_int_equal(plan[FSYNC].calls, 1);
    assert_int_equal(record_sync_folder(sample_path("nowhere")), ENOENT);
}

// A file system without second names has a lock all the same; any other failure is told.
static void locks_without_links(void **state)
{
    (void)state;
    static const int none[] = { EPERM, EOPNOTSUPP, ENOSYS, EMLINK };
    char path[SAMPLE_PATH_SIZE], lock_path[SAMPLE_PATH_SIZE + 8];
    struct error error = { 0 };
    snprintf(path, sizeof path, "%s", sample_path("l.h5"));
    snprintf(lock_path, sizeof lock_path, "%s.lock", path);
    for (size_t k = 0; k < sizeof none / sizeof *none; k++) {
        forget();
        plan_for(LINK, 0, 100, none[k]);
        struct record_lock *lock = record_lock_take(path, &error);
        assert_non_null(lock);
        assert_int_equal(access(lock_path, F_OK), 0);
        assert_null(record_lock_take(path, &error));
        assert_int_equal(error.kind, ERROR_EXISTS);
        assert_true(record_lock_held(lock, NULL));
        record_lock_release(lock);
        assert_int_equal(access(lock_path, F_OK), -1);
        error_clear(&error);
    }
    // the text cannot be written: nothing is left that looks like a lock
    forget();
    plan_for(LINK, 0, 100, EPERM);
    plan_for(WRITE, 1, 1, ENOSPC);
    assert_null(record_lock_take(path, &error));
    assert_int_equal(error.kind, ERROR_WRITE);
    assert_non_null(strstr(error.text, "No space left"));
    assert_int_equal(access(lock_path, F_OK), -1);
    error_clear(&error);
    forget();
    plan_for(LINK, 0, 100, EACCES);
    assert_null(record_lock_take(path, &error));
    assert_int_equal(error.kind, ERROR_WRITE);
    error_clear(&error);
    // one that is gone when it is looked at, and one that comes in between
    forget();
    plan_for(LINK, 0, 1, EEXIST);
    struct record_lock *taken = record_lock_take(path, &error);
    assert_non_null(taken);
    assert_int_equal(plan[LINK].calls, 2);
    plan_for(LINK, 0, 1, ENOENT);
    assert_null(record_lock_take(path, &error));
    assert_int_equal(error.kind, ERROR_EXISTS);
    assert_int_equal(plan[LINK].calls, 4);
    error_clear(&error);
    record_lock_release(taken);
    plan_for(LINK, 0, 1, ENOENT);
    assert_null(record_lock_take(path, &error));
    assert_int_equal(error.kind, ERROR_WRITE);
    error_clear(&error);
    // written anew where it was lost, or where nothing can be written; then it counts as held
    forget();
    struct record_lock *lock = record_lock_take(path, NULL);
    sample_spill(lock_path, (const unsigned char *)"damaged", 7);
    plan_for(RENAME, 0, 1, EIO);
    assert_true(record_lock_held(lock, NULL));
    assert_int_equal(plan[RENAME].calls, 2);
    unlink(lock_path);
    plan_for(WRITE, 0, 100, ENOSPC);
    assert_true(record_lock_held(lock, NULL));
    assert_int_equal(access(lock_path, F_OK), -1);
    forget();
    assert_true(record_lock_held(lock, NULL));
    assert_int_equal(access(lock_path, F_OK), 0);
    record_lock_release(lock);
}

// What a call that fails while results are put in place leaves behind: the old file, and no temporary.
static void results_stay(void **state)
{
    (void)state;
    static const struct {
        enum call call;
        int wait, error;
        bool good;
    } rows[] = { { FSYNC, 0, EIO, false }, { FSYNC, 1, EIO, false },  { FSYNC, 1, EINVAL, true },
                 { LINK, 0, EPERM, true }, { RENAME, 0, EIO, false }, { WRITE, 0, ENOSPC, false } };
    char path[SAMPLE_PATH_SIZE];
    snprintf(path, sizeof path, "%s", sample_path("r.h5"));
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        struct error error = { 0 };
        forget();
        sample_publish(path, "yesterday");
        struct record *record = sample_record("today");
        plan_for(rows[k].call, rows[k].wait, 1, rows[k].error);
        assert_int_equal(record_publish(record, path, &error), rows[k].good);
        forget();
        if (!rows[k].good) {
            assert_int_equal(error.kind, ERROR_WRITE);
            assert_non_null(strstr(error.text, strerror(rows[k].error)));
        }
        struct record_file *file = sample_open(path, false);
        sample_has_attribute(file, "/", "created", rows[k].good ? "today" : "yesterday");
        record_close(file);
        char command[2 * SAMPLE_PATH_SIZE];
        snprintf(command, sizeof command, "test -z \"$(ls %s | grep tmp)\"", sample_folder);
        assert_int_equal(system(command), 0);
        record_destroy(record);
        error_clear(&error);
    }
}

// A group that is not this process's own but that it may give files to, or its own where there is none.
static gid_t another_group(void)
{
    gid_t groups[64];
    const int n = getgroups(64, groups);
    for (int k = 0; k < n; k++)
        if (groups[k] != getegid())
            return groups[k];
    return geteuid() == 0 ? getegid() + 1 : getegid();
}

// New results are as open as the old ones were; where the group cannot be kept, ours may do no more than everybody.
static void results_stay_as_open(void **state)
{
    (void)state;
    static const mode_t modes[] = { 0600, 0640, 0660, 0644, 0664, 0666, 0604, 0606, 0670, 0657, 0775, 0615 };
    const gid_t group = another_group();
    if (group == getegid()) {
        print_message("left out: there is no other group to give files to\n");
        skip();
    }
    char path[SAMPLE_PATH_SIZE];
    snprintf(path, sizeof path, "%s", sample_path("open.h5"));
    for (size_t k = 0; k < 2 * sizeof modes / sizeof *modes; k++) {
        const mode_t mode = modes[k / 2], user = mode & 0700, ours = mode >> 3 & 7, others = mode & 7;
        const bool kept = k % 2;
        struct stat now;
        forget();
        sample_publish(path, "yesterday");
        assert_int_equal(chown(path, (uid_t)-1, group), 0);
        assert_int_equal(chmod(path, mode), 0);
        plan_for(CHOWN, 0, !kept, EPERM);
        sample_publish(path, "today");
        assert_int_equal(stat(path, &now), 0);
        assert_int_equal(now.st_gid == group, kept);
        assert_int_equal(now.st_mode & 07777, kept ? mode : user | (ours & others) << 3 | others);
        forget();
        unlink(path);
    }
}

static void configurations_are_read(void **state)
{
    (void)state;
    static const struct {
        enum call call;
        int times, error, wanted;
    } rows[] = { { READ, 1, EINTR, 0 },       { READ, 4, EINTR, 0 },      { READ, 3, HALF, 0 },
                 { READ, 1, EIO, EIO },       { OPEN, 0, 0, 0 },          { READ, 1, ENXIO, ENXIO },
                 { OPEN, 1, EACCES, EACCES }, { OPEN, 1, EMFILE, EMFILE } };
    static const char text[] = "[system]\nparticles = 2\n[run]\nseed = 7";
    const char *path = sample_path("c.ini");
    forget();
    assert_int_equal(record_write_file(path, text, strlen(text)), 0);
    alarm(20);  // one that does not see the end would go on for ever
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        struct config config;
        struct error error = { 0 };
        forget();
        plan_for(rows[k].call, 0, rows[k].times, rows[k].error);
        errno = EINTR;
        assert_int_equal(config_read(&config, path, &error), rows[k].wanted == 0);
        if (rows[k].wanted == 0)
            assert_int_equal(config.n_entries, 2);
        else
            assert_non_null(strstr(error.text, strerror(rows[k].wanted)));
        assert_int_equal(plan[CLOSE].calls, !(rows[k].call == OPEN && rows[k].times));
        config_finish(&config);
        error_clear(&error);
    }
    // a file may have the number of a standard stream that is closed
    struct config config;
    const int kept = dup(0);
    forget();
    close(0);
    forget();
    assert_true(config_read(&config, path, NULL));
    assert_int_equal(plan[CLOSE].calls, 1);
    assert_int_equal(fcntl(0, F_GETFD), -1);
    config_finish(&config);
    unsigned char *bytes = NULL;
    size_t size;
    assert_int_equal(record_read_file(path, &bytes, &size), 0);
    free(bytes);
    assert_int_equal(record_write_file(sample_path("zero"), "x", 1), 0);
    assert_int_equal(record_sync_folder(sample_folder), 0);
    assert_int_equal(plan[CLOSE].calls, 4);
    if (kept >= 0) {
        assert_int_equal(dup2(kept, 0), 0);
        close(kept);
    }
    alarm(0);
}

int main(void)
{
    record_prepare_hdf5();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_written),      cmocka_unit_test(files_are_read),
        cmocka_unit_test(folders_are_flushed),    cmocka_unit_test(locks_without_links),
        cmocka_unit_test(results_stay),           cmocka_unit_test(results_stay_as_open),
        cmocka_unit_test(configurations_are_read)
    };
    return cmocka_run_group_tests(tests, sample_set_up, sample_tear_down);
}
