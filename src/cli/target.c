// SPDX-License-Identifier: GPL-3.0-or-later
// The output: refused before hours of work where it could not be written after them (its lock is made in the same
// folder). A complete file is moved aside under a free name without a moment in which another run could take that name
// (RENAME_NOREPLACE).
#include "cli/target.h"

#include "vmc/sweep.h"
#include "vmc/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEPT_MOST = 9999 };

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool cli_target_choose(struct cli_target *target, const char *output, const char *config, struct error *error)
{
    const char *base = base_of(config);
    *target = (struct cli_target){ .lock = NULL };
    int length = output ? snprintf(target->path, sizeof target->path, "%s", output)
                        : snprintf(target->path, sizeof target->path, "%.*s.h5", (int)sweep_stem(base), base);
    if (length < 0 || (size_t)length >= sizeof target->path)
        return error_add(error, ERROR_WRITE, "the name of the output is longer than %d bytes", PATH_MAX - 1);
    return true;
}

static bool same_file(const char *a, const char *b)
{
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

static bool check_kind(const char *path, const struct stat *status, struct error *error)
{
    if (S_ISDIR(status->st_mode))
        return error_add(error, ERROR_WRITE, "%s: cannot be written: it is a folder; name a file in it with --output",
                         path);
    if (!S_ISREG(status->st_mode))
        return error_add(error, ERROR_WRITE,
                         "%s: cannot be written: it is no ordinary file; choose another place with --output", path);
    return true;
}

// True where the file at `path` is a complete results file; else says why it must not be overwritten.
static bool check_complete(const char *path, struct error *error)
{
    struct error why = { 0 };
    struct record_file *file = record_open(path, false, &why);
    char *status = file ? record_read_attribute(file, "/", "status", &why) : NULL;
    bool complete = status && strcmp(status, "complete") == 0;
    if (!complete && status)
        error_add(
            error, ERROR_EXISTS,
            "%s: holds an unfinished run (status: %s); go on with --resume, choose another --output, or overwrite it "
            "with --force",
            path, status);
    else if (!complete)
        error_add(error, ERROR_EXISTS,
                  "%s: is there already and is no results file that could be read (%s); choose another --output, or "
                  "overwrite it with --force",
                  path, why.text ? why.text : "no status");
    free(status);
    record_close(file);
    error_clear(&why);
    return complete;
}

// Moves the file to the next free name.
static bool move_aside(struct cli_target *target, struct error *error)
{
    const size_t stem = sweep_stem(target->path);
    for (int k = 1; k <= KEPT_MOST; k++) {
        int length = snprintf(target->kept, sizeof target->kept, "%.*s.%d%s", (int)stem, target->path, k,
                              target->path + stem);
        if (length < 0 || (size_t)length >= sizeof target->kept)
            break;
        if (renameat2(AT_FDCWD, target->path, AT_FDCWD, target->kept, RENAME_NOREPLACE) == 0)
            return true;
        bool old_kernel = errno == EINVAL || errno == ENOSYS;  // or a file system that lacks it
        if (old_kernel && access(target->kept, F_OK) != 0 && rename(target->path, target->kept) == 0)
            return true;
        if (!old_kernel && errno != EEXIST)
            break;
    }
    int reason = errno;
    target->kept[0] = '\0';
    return error_add(error, reason == EEXIST ? ERROR_EXISTS : ERROR_WRITE,
                     "%s: holds a complete run that could not be moved out of the way (%s); choose another --output",
                     target->path, strerror(reason));
}

static bool check_path(const struct cli_target *target, const char *config, bool *there, struct error *error)
{
    struct stat status;
    *there = lstat(target->path, &status) == 0;
    if (!*there && errno != ENOENT)
        return error_add(error, ERROR_WRITE, "%s: cannot be written: %s; choose another place with --output",
                         target->path, strerror(errno));
    if (*there && stat(target->path, &status) == 0 && !check_kind(target->path, &status, error))
        return false;
    if (*there && same_file(target->path, config))
        return error_add(error, ERROR_EXISTS, "%s: is the configuration itself; choose another --output", target->path);
    if (*base_of(target->path) == '\0')
        return error_add(error, ERROR_WRITE,
                         "%s: cannot be written: it names a folder; name a file in it with --output", target->path);
    return true;
}

// A complete run has nothing to write: there a lock that cannot be made is no reason to refuse it. The run decides.
static struct record_lock *take_lock(struct cli_target *target, bool may_be_complete, struct error *error)
{
    struct error why = { 0 };
    struct record_lock *lock = record_lock_take(target->path, &why);
    if (!lock && may_be_complete && why.kind == ERROR_WRITE && why.text)
        target->unwritable = strdup(why.text);
    if (!lock && !target->unwritable)
        error_add(error, why.kind, "%s", why.text ? why.text : target->path);
    error_clear(&why);
    return lock;
}

bool cli_target_prepare(struct cli_target *target, const char *config, enum cli_target_use use, struct error *error)
{
    bool there;
    if (!check_path(target, config, &there, error))
        return false;
    // what is there is looked at twice: first without leaving a trace
    if (there && use == CLI_TARGET_NEW && access(target->path, R_OK) == 0 && !check_complete(target->path, error))
        return false;
    if (!(target->lock = take_lock(target, there && use == CLI_TARGET_RESUME, error)))
        return target->unwritable != NULL;
    there = access(target->path, F_OK) == 0;
    if (there && use == CLI_TARGET_NEW)
        return check_complete(target->path, error) && move_aside(target, error);
    return true;
}

void cli_target_finish(struct cli_target *target)
{
    if (*target->kept && access(target->path, F_OK) != 0 && rename(target->kept, target->path) == 0)
        target->kept[0] = '\0';
    record_lock_release(target->lock);
    target->lock = NULL;
    free(target->unwritable);
    target->unwritable = NULL;
}
