// SPDX-License-Identifier: GPL-3.0-or-later
// Publishing: image in memory -> temporary neighbour -> fsync -> rename -> fsync of the folder. A reader sees the old file or the new one.
// The old file is held by a second name until the folder is flushed, so that every failure leaves it in place.
#include "record/private.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct target {
    char *path;       // where the file really goes (a symbolic link is followed)
    char *folder;
    char *temporary;  // <path>.tmp.<pid>
    char *old;        // <path>.tmp.<pid>.old
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
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

static bool target_init(struct target *target, const char *path)
{
    *target = (struct target){ .path = realpath(path, NULL) };
    if (target->path == NULL)
        target->path = strdup(path);
    if (target->path == NULL)
        return false;
    target->folder = folder_of(target->path);
    if (asprintf(&target->temporary, "%s.tmp.%ld", target->path, (long)getpid()) < 0)
        target->temporary = NULL;
    if (asprintf(&target->old, "%s.tmp.%ld.old", target->path, (long)getpid()) < 0)
        target->old = NULL;
    return target->folder != NULL && target->temporary != NULL && target->old != NULL;
}

// "<stem>.tmp.<pid>" or "<stem>.tmp.<pid>.old" (or those of "<stem>.lock") of a process that is no more, or of this one (an earlier process had its number).
static bool is_stale(const char *name, const char *stem)
{
    size_t length = strlen(stem);
    char *end;
    if (strncmp(name, stem, length) != 0)
        return false;
    name += length;
    name += strncmp(name, ".lock", 5) == 0 ? 5 : 0;
    if (strncmp(name, ".tmp.", 5) != 0)
        return false;
    const char *digits = name + 5;
    errno = 0;
    long pid = strtol(digits, &end, 10);
    if (errno != 0 || end == digits || *digits < '0' || *digits > '9' || pid <= 0 || pid > INT_MAX || (*end != '\0' && strcmp(end, ".old") != 0))
        return false;
    return pid == (long)getpid() || (kill((pid_t)pid, 0) != 0 && errno == ESRCH);
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
        if (is_stale(entry->d_name, stem) && asprintf(&path, "%s/%s", target->folder, entry->d_name) >= 0) {
            record_remove(path);
            free(path);
        }
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

// rename, and back again when the folder cannot be flushed.
static int exchange(const struct target *target)
{
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

bool record_place(const char *path, bool (*write)(const char *temporary, void *context, struct error *error), void *context, struct error *error)
{
    struct target target;
    bool good = target_init(&target, path);
    if (!good)
        fail(error, path, "cannot name the temporary file", ENOMEM);
    if (good) {
        stale_remove(&target);
        good = write(target.temporary, context, error);
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
    struct image image = { .path = path };
    if (record == NULL)
        return fail(error, path, "cannot build the results", ENOMEM);
    if (record->error.n_messages > 0)
        return error_add(error, record->error.kind, "%s: %s", path, record->error.text != NULL ? record->error.text : "out of memory");
    bool good = record_image(record, path, &image.bytes, &image.size, error) && record_place(path, image_write, &image, error);
    free(image.bytes);
    return good;
}
