// SPDX-License-Identifier: GPL-3.0-or-later
// A results file with something of every kind in it, in a folder of its own, for the tests of the record.
#ifndef SAMPLE_H
#define SAMPLE_H

#include "record/private.h"

// what cmocka.h asks for
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SAMPLE_ITERATIONS = 40, SAMPLE_CHAINS = 3, SAMPLE_DRAWS = 50, SAMPLE_WORDS = 12, SAMPLE_PATH_SIZE = 512 };

extern char sample_folder[SAMPLE_PATH_SIZE];
extern double sample_energy[SAMPLE_ITERATIONS], sample_series[SAMPLE_CHAINS * SAMPLE_DRAWS],
    sample_edges[SAMPLE_ITERATIONS];
extern uint64_t sample_words[SAMPLE_WORDS];

// cmocka's: make and remove the folder.
int sample_set_up(void **state);
int sample_tear_down(void **state);

// A file of the folder; good for three more calls.
char *sample_path(const char *name);
unsigned char *sample_slurp(const char *path, size_t *size);
void sample_spill(const char *path, const unsigned char *bytes, size_t size);

struct record *sample_record(const char *created);
void sample_publish(const char *path, const char *created);

// Opens or fails the test; so do the others where the file holds something else.
struct record_file *sample_open(const char *path, bool foreign);
void sample_has_text(struct record_file *file, const char *path, const char *wanted);
void sample_has_attribute(struct record_file *file, const char *path, const char *name, const char *wanted);
void sample_has_reals(struct record_file *file, const char *path, size_t n, const double *wanted);

#endif
