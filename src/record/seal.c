// SPDX-License-Identifier: GPL-3.0-or-later
// What is checked on the bare bytes before HDF5 sees them. The library trusts some of what it reads: damage to the heap
// that holds the strings makes 1.10.8 loop for ever or read beyond its memory. So a file ends with a seal of 64 bytes
// behind the end that HDF5 knows:
//     "\nsealed siphash-2-4-128:" + 32 hexadecimal digits of all bytes before + 8 zero bytes
// Readers of HDF5 never look there. Tools that change the file or write it anew (h5py, h5repack) drop it; then trial.c
// and the digest are what remains.
#include "record/private.h"

#include <string.h>

static const char mark[] = "\nsealed siphash-2-4-128:";
enum { MARK_SIZE = sizeof mark - 1, HEX_SIZE = 32 };

void record_seal_end(struct record_hash *hash, unsigned char seal[RECORD_SEAL_SIZE])
{
    char hex[HEX_SIZE + 1];
    record_hash_end(hash, hex);
    memset(seal, 0, RECORD_SEAL_SIZE);
    memcpy(seal, mark, MARK_SIZE);
    memcpy(seal + MARK_SIZE, hex, HEX_SIZE);
}

void record_seal_make(const unsigned char *bytes, size_t size, unsigned char seal[RECORD_SEAL_SIZE])
{
    struct record_hash hash;
    record_hash_start(&hash);
    record_hash_add(&hash, bytes, size);
    record_seal_end(&hash, seal);
}

enum record_seal record_seal_check(const unsigned char *bytes, size_t size)
{
    unsigned char seal[RECORD_SEAL_SIZE];
    if (size < RECORD_SEAL_SIZE || memcmp(bytes + size - RECORD_SEAL_SIZE, mark, MARK_SIZE) != 0)
        return RECORD_SEAL_NONE;
    size -= RECORD_SEAL_SIZE;
    record_seal_make(bytes, size, seal);
    return memcmp(bytes + size, seal, RECORD_SEAL_SIZE) == 0 ? RECORD_SEAL_GOOD : RECORD_SEAL_BROKEN;
}
