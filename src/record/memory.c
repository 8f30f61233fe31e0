// SPDX-License-Identifier: GPL-3.0-or-later
// HDF5 files in memory (core driver), without copies: writing leaves the driver's memory to us, reading lets it use
// ours. H5Fget_file_image would copy, and a file not yet closed is marked as open for writing, which readers refuse;
// H5LTopen_file_image loses memory at every call in 1.10.8.
#include "record/private.h"

#include <stdlib.h>
#include <string.h>

enum { IMAGE_STEP = 1 << 20 };

// ---- writing: `context` is where the finished image goes ----

static void *take(size_t size, H5FD_file_image_op_t operation, void *context)
{
    (void)operation, (void)context;
    return memory_take(size);
}

static void *grow(void *bytes, size_t size, H5FD_file_image_op_t operation, void *context)
{
    (void)operation, (void)context;
    return memory_grow(bytes, size);
}

// On closing, the file is complete: it is kept in place of being freed.
static herr_t keep(void *bytes, H5FD_file_image_op_t operation, void *context)
{
    unsigned char **image = context;
    if (operation == H5FD_FILE_IMAGE_OP_FILE_CLOSE)
        *image = bytes;
    else
        free(bytes);
    return 0;
}

// ---- reading: `context` is the image ----

static void *lend(size_t size, H5FD_file_image_op_t operation, void *context)
{
    (void)size, (void)operation;
    return context;
}

static void *lend_copy(void *to, const void *from, size_t size, H5FD_file_image_op_t operation, void *context)
{
    (void)operation, (void)context;
    return to == from ? to : memcpy(to, from, size);
}

static void *grow_never(void *bytes, size_t size, H5FD_file_image_op_t operation, void *context)
{
    (void)bytes, (void)size, (void)operation, (void)context;
    return NULL;
}

static herr_t give_back(void *bytes, H5FD_file_image_op_t operation, void *context)
{
    (void)bytes, (void)operation, (void)context;
    return 0;
}

// ---- both ----

static void *context_copy(void *context) { return context; }

static herr_t context_free(void *context)
{
    (void)context;
    return 0;
}

static hid_t access_create(H5FD_file_image_callbacks_t *callbacks, unsigned char *bytes, size_t size)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    callbacks->udata_copy = context_copy;
    callbacks->udata_free = context_free;
    if (access >= 0 && H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0 &&
        H5Pset_fapl_core(access, IMAGE_STEP, false) >= 0 && H5Pset_file_image_callbacks(access, callbacks) >= 0 &&
        (bytes == NULL || H5Pset_file_image(access, bytes, size) >= 0))
        return access;
    record_id_close(access);
    return -1;
}

hid_t record_access_write(unsigned char **image)
{
    H5FD_file_image_callbacks_t callbacks = {
        .image_malloc = take, .image_realloc = grow, .image_free = keep, .udata = image
    };
    return access_create(&callbacks, NULL, 0);
}

hid_t record_access_read(unsigned char *image, size_t size)
{
    H5FD_file_image_callbacks_t callbacks = {
        .image_malloc = lend,
        .image_memcpy = lend_copy,
        .image_realloc = grow_never,
        .image_free = give_back,
        .udata = image,
    };
    return access_create(&callbacks, image, size);
}
