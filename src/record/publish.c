// SPDX-License-Identifier: GPL-3.0-or-later
// Publishing: image in memory -> temporary neighbour -> fsync -> rename -> fsync of the folder. A reader sees the old
// file or the new one. The old file is held by a second name until the folder is flushed, so that every failure leaves
// it in place.
#include "record/private.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct target {
    char *path;  // where the file really goes (a symbolic link is followed)
    char *folder;
    char *temporary;  // <path>.tmp.<this process>
    char *old;        // <path>.tmp.<this process>.old
};

static void target_finish(struct target *target)
{
    free(target->path);
    free(target->folder);
    free(target->temporary);
    free(target->old);
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return memory_text(".");
    return slash == path ? memory_text("/") : memory_text_part(path, (size_t)(slash - path));
}

static bool target_init(struct target *target, const char *path)
{
    *target = (struct target){ .path = realpath(path, NULL) };
    if (target->path == NULL)
        target->path = memory_text(path);
    if (target->path == NULL)
        return false;
    target->folder = folder_of(target->path);
    target->temporary = record_process_temporary(target->path);
    if (target->temporary == NULL || asprintf(&target->old, "%s.old", target->temporary) < 0)
        target->old = NULL;
    return target->folder != NULL && target->temporary != NULL && target->old != NULL;
}

// s. Whether a process of another host lives cannot be known from here, and a temporary lives no longer than it takes
// to write one file.
static const double AGE_MOST = 86400;

static bool is_old(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && difftime(time(NULL), status.st_mtime) > AGE_MOST;
}

// "<stem>.tmp.<process>" or "<stem>.tmp.<process>.old" (or those of "<stem>.lock") that nobody will ask for.
static bool is_stale(const char *name, const char *stem, const char *path)
{
    const size_t length = strlen(stem);
    if (strncmp(name, stem, length) != 0)
        return false;
    name += length;
    name += strncmp(name, ".lock", 5) == 0 ? 5 : 0;
    if (strncmp(name, ".tmp.", 5) != 0)
        return false;
    const enum record_temporary judged = record_process_judge(name + 5);
    return judged == RECORD_TEMPORARY_DEAD || (judged == RECORD_TEMPORARY_ELSEWHERE && is_old(path));
}

static void stale_remove(const struct target *target)
{
    const char *slash = strrchr(target->path, '/');
    const char *stem = slash != NULL ? slash + 1 : target->path;
    DIR *folder = opendir(target->folder);
    if (folder == NULL)
        return;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s", target->folder, entry->d_name) < 0)
            continue;
        if (is_stale(entry->d_name, stem, path))
            record_remove(path);
        free(path);
    }
    closedir(folder);
}

void record_remove_leftovers(const char *path)
{
    struct target target = { 0 };
    if (target_init(&target, path))
        stale_remove(&target);
    target_finish(&target);
}

static bool fail(struct error *error, const char *path, const char *what, int reason)
{
    return error_add(error, ERROR_WRITE, "%s: %s: %s", path, what, strerror(reason));
}

// The new file is as open to others as the old one was: its mode and, where this process may give files to it, its
// group. Where it may not, the new group may do no more than everybody.
static void take_mode(const char *from, const char *to)
{
    struct stat old, new;
    if (stat(from, &old) != 0 || stat(to, &new) != 0)
        return;
    mode_t mode = old.st_mode & 07777;
    if (old.st_gid != new.st_gid && chown(to, (uid_t)-1, old.st_gid) != 0)
        mode &= (mode_t)~070 | ((mode & 07) << 3);
    if (mode != (new.st_mode & 07777))
        (void)!chmod(to, mode);
}

// rename, and back again when the folder cannot be flushed.
static int exchange(const struct target *target)
{
    take_mode(target->path, target->temporary);
    bool kept = record_link(target->path, target->old) == 0;  // fails where there is no old file, or no second names
    int failure = record_replace(target->temporary, target->path);
    if (failure == 0) {
        failure = record_sync_folder(target->folder);
        if (failure != 0 && kept && record_replace(target->old, target->path) == 0)
            kept = false;
    }
    if (kept)
        record_remove(target->old);
    return failure;
}

bool record_place(const char *path, bool (*write)(const char *temporary, void *context, struct error *error),
                  void *context, struct record_lock *lock, struct error *error)
{
    struct target target;
    bool good = target_init(&target, path);
    if (!good)
        fail(error, path, "cannot name the temporary file", ENOMEM);
    if (good) {
        stale_remove(&target);
        good = write(target.temporary, context, error) && (lock == NULL || record_lock_held(lock, error));
        int failure = good ? exchange(&target) : 0;
        if (failure != 0)
            good = fail(error, path, "cannot put the results in place", failure);
        if (!good)
            record_remove(target.temporary);
    }
    target_finish(&target);
    return good;
}

struct image {
    const char *path;
    unsigned char *bytes;
    size_t size;
};

static bool image_write(const char *temporary, void *context, struct error *error)
{
    const struct image *image = context;
    int failure = record_write_file(temporary, image->bytes, image->size);
    return failure == 0 || fail(error, image->path, "cannot write the results", failure);
}

bool record_publish(const struct record *record, const char *path, struct error *error)
{
    return record_publish_locked(record, path, NULL, error);
}

bool record_publish_locked(const struct record *record, const char *path, struct record_lock *lock, struct error *error)
{
    struct image image = { .path = path };
    if (record == NULL)
        return fail(error, path, "cannot build the results", ENOMEM);
    if (record->error.n_messages > 0)
        return error_add(error, record->error.kind, "%s: %s", path,
                         record->error.text != NULL ? record->error.text : "out of memory");
    bool good = record_image(record, path, &image.bytes, &image.size, error) &&
                record_place(path, image_write, &image, lock, error);
    free(image.bytes);
    return good;
}
