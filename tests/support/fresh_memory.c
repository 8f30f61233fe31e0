// SPDX-License-Identifier: GPL-3.0-or-later
// Linked into a test: with glibc, memory that malloc gives is full of ones, which no double is: what reads it before it
// was written computes with NAN. (The variable MALLOC_PERTURB_ takes no byte that would give ones. Pieces below 1 KB
// that were in use before have zeros instead.)
#include <stdlib.h>

#ifdef __GLIBC__
#include <malloc.h>

__attribute__((constructor)) static void fill_fresh_memory(void) { mallopt(M_PERTURB, 0x100); }
#endif
