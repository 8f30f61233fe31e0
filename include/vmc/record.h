// SPDX-License-Identifier: GPL-3.0-or-later
// The results file (HDF5): what stands in it, and publishing it whole (docs/results.md).
#ifndef VMC_RECORD_H
#define VMC_RECORD_H

#include "vmc/error.h"
#include "vmc/param.h"
#include "vmc/wavefunction.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Highest version of the file's layout that is understood, and the one written (root attribute "format_version", a
// whole number; in format 1 the text "1").
enum { RECORD_FORMAT_VERSION = 2 };

// A number or an array of doubles with its meaning. rank 0: scalar.
struct record_axis {
    const char *name;
    size_t extent;
    const char *unit;
    const char *long_name;
    const double *values; /* NULL: 0, 1, 2, … */
};
struct record_array {
    const char *path;  // "/training/energy"
    const char *unit;  // "1" for pure numbers
    const char *long_name;
    size_t rank;
    struct record_axis axis[3];  // axis names are data sets in the same group
    const double *values;        // row-major
};
struct record_text {
    const char *path;
    const char *long_name;
    const char *value;
};  // variable-length UTF-8 scalar
struct record_count {
    const char *path;
    const char *unit;
    const char *long_name;
    uint64_t value;
};  // integer scalar
struct record_texts {
    const char *path;
    const char *long_name;
    struct record_axis axis;
    const char *const *values;
};  // 1D array of strings

// A growing list of everything that goes into one file. Texts are copied; arrays of numbers, words and axis values are
// borrowed until record_publish returns. A mistake (a path twice, an axis with two extents, no memory) is kept and told
// by record_publish as ERROR_INTERNAL. An array named as its own axis ("/observables/radius" over "radius") is that
// axis. Axes without values count 0, 1, 2, ….
struct record;
struct record *record_create(void);
void record_destroy(struct record *record);
void record_add_array(struct record *record, const struct record_array *array);
// The same of whole numbers, the array's `values` being NULL: counts (compressed), or opaque state.
void record_add_counts(struct record *record, const struct record_array *array, const uint64_t *values);
void record_add_words(struct record *record, const struct record_array *array, const uint64_t *values);
// An axis 0, step, 2 step, … for arrays to come, by its path.
void record_add_ramp(struct record *record, const char *path, const char *long_name, size_t extent, size_t step);
// Beside an axis "coordinate" [particles times dimensions] of this group: which particle and which dimension each one
// is; and the attribute that makes xarray take them for coordinates of the array at `path`.
void record_add_coordinates(struct record *record, const char *path, size_t particles, size_t dimensions);
void record_add_real(struct record *record, const char *path, const char *unit, const char *long_name, double value);
void record_add_count(struct record *record, const char *path, const char *unit, const char *long_name, uint64_t value);
void record_add_text(struct record *record, const char *path, const char *long_name, const char *value);
void record_add_texts(struct record *record, const struct record_texts *texts);
// An attribute of a group ("/" too) or data set: a text, or a whole number.
void record_add_attribute(struct record *record, const char *path, const char *name, const char *value);
void record_add_attribute_count(struct record *record, const char *path, const char *name, uint64_t value);
// The root's attributes "format_version", "status", "created" (NULL: now), "modified" (now), "program" and "version".
void record_add_heading(struct record *record, const char *status, const char *created, const char *program);
// The present moment, in UTC: "2026-11-21T12:00:00Z".
void record_now(char text[32]);
// One row of a parameter table as data sets under /config/<section>/<key>, with unit and help.
void record_add_setting(struct record *record, const char *section, const struct param *row, const void *state);

// Writes everything to a temporary neighbour of `path`, flushes it to disk and renames it over `path`; a reader sees
// the old file or the whole new one. Adds the digest. On failure `path` is untouched and the temporary is removed.
// ERROR_WRITE.
bool record_publish(const struct record *record, const char *path, struct error *error);

// ---- who writes a file: <path>.lock names host, process and job. Two runs with one output are kept apart on one
// machine and on a shared file system; what a dead process left behind is recognised. The lock gets a sign of life
// every half minute by itself, whatever the run is doing.
struct record_lock;
// NULL: ERROR_EXISTS when another run holds it, saying which; ERROR_WRITE when no lock can be made. Removes temporaries
// of dead processes.
struct record_lock *record_lock_take(const char *path, struct error *error);
// False (ERROR_EXISTS) when another run has taken it over, since this one gave no sign of life for long. One that is
// gone, empty or damaged is written anew.
bool record_lock_held(struct record_lock *lock, struct error *error);
// As record_publish, and the lock is looked at once more before the file is put in place: ERROR_EXISTS where it was
// lost meanwhile.
bool record_publish_locked(const struct record *record, const char *path, struct record_lock *lock,
                           struct error *error);
void record_lock_release(struct record_lock *lock);

// Reading.
struct record_file;
// Opens and checks the digest. ERROR_INPUT: missing; ERROR_DAMAGED: not HDF5, foreign, digest wrong, newer format.
// `foreign_allowed`: any HDF5 file (wavefunction.load), digest checked only where there is one.
struct record_file *record_open(const char *path, bool foreign_allowed, struct error *error);
void record_close(struct record_file *file);
// Version of the file's layout; 0 for a foreign file.
unsigned record_format(const struct record_file *file);
bool record_has(struct record_file *file, const char *path);
// Extents (rank at most 3); false with ERROR_DAMAGED when it is no numeric array.
bool record_shape(struct record_file *file, const char *path, size_t *rank, size_t extent[3], struct error *error);
bool record_read_reals(struct record_file *file, const char *path, size_t n, double *values, struct error *error);
bool record_read_count(struct record_file *file, const char *path, uint64_t *value, struct error *error);
// Whole numbers; counts that format 1 kept as reals too.
bool record_read_words(struct record_file *file, const char *path, size_t n, uint64_t *words, struct error *error);
// malloc'ed
char *record_read_text(struct record_file *file, const char *path, struct error *error);
char *record_read_attribute(struct record_file *file, const char *path, const char *name, struct error *error);

// `/wavefunction/<factor>/…` in both directions, from the factors' views.
void record_add_wavefunction(struct record *record, const struct wavefunction *wavefunction, const double *theta);
// ERROR_CONFIG when shapes, representation or factors differ; ERROR_DAMAGED when values are not finite.
bool record_load_wavefunction(struct record_file *file, const struct wavefunction *wavefunction, double *theta,
                              struct error *error);
// Whether the file has fewer hidden units than the wave function.
bool record_lacks_units(struct record_file *file, const struct wavefunction *wavefunction);

// For the program, before anything else: HDF5 prints nothing by itself and does nothing in exit(), where it can crash
// after a failed close.
void record_prepare_hdf5(void);
// HDF5 version at run time, "1.10.8".
const char *record_hdf5_version(void);

#endif
