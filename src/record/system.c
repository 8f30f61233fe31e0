// SPDX-License-Identifier: GPL-3.0-or-later
// The system calls of publishing, all in one place. Every function returns 0 or an errno.
#include "record/private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITE_PIECE = 1 << 24 };

static int bytes_write(int fd, const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, bytes, size < WRITE_PIECE ? size : WRITE_PIECE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

int record_write_file(const char *path, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return errno;
    int failure = bytes_write(fd, bytes, size);
    if (failure == 0 && fsync(fd) != 0)
        failure = errno;
    if (close(fd) != 0 && failure == 0 && errno != EINTR)
        failure = errno;
    return failure;
}

int record_replace(const char *from, const char *to) { return rename(from, to) == 0 ? 0 : errno; }

int record_remove(const char *path) { return unlink(path) == 0 ? 0 : errno; }

int record_link(const char *from, const char *to) { return link(from, to) == 0 ? 0 : errno; }

// Makes a rename last. A folder that may not be opened for reading, or a file system that cannot flush folders, is no
// failure.
int record_sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES ? 0 : errno;
    int failure = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return failure == EINVAL || failure == ENOTSUP ? 0 : failure;
}

static int bytes_read(int fd, unsigned char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = read(fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;  // EIO: it became shorter while being read
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

int record_read_file(const char *path, unsigned char **bytes, size_t *size)
{
    struct stat status;
    int failure = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a FIFO must not block
    *bytes = NULL;
    if (fd < 0)
        return errno;
    if (fstat(fd, &status) != 0)
        failure = errno;
    else if (!S_ISREG(status.st_mode))
        failure = S_ISDIR(status.st_mode) ? EISDIR : ENODEV;
    if (failure != 0)
        goto out;
    *size = (size_t)status.st_size;
    *bytes = memory_take(*size > 0 ? *size : 1);
    failure = *bytes == NULL ? ENOMEM : bytes_read(fd, *bytes, *size);
    if (failure != 0) {
        free(*bytes);
        *bytes = NULL;
    }
out:
    close(fd);
    return failure;
}
