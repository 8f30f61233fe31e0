// SPDX-License-Identifier: GPL-3.0-or-later
// The [sweep] section: one configuration that stands for many. Each entry `section.key = v1 | v2 | …` or
// `start:stop:count` is an axis; the points are all combinations, counted from 0; the last axis varies fastest.
#ifndef VMC_SWEEP_H
#define VMC_SWEEP_H

#include "vmc/config.h"
#include "vmc/error.h"

#include <stdbool.h>
#include <stddef.h>

// The number of a point has four digits.
enum { SWEEP_POINTS_MOST = 10000, SWEEP_AXES_MOST = 16 };

struct sweep_axis {
    char *section, *key;  // owned
    const char *origin;   // of the entry, borrowed from the configuration
    size_t line;
    size_t n;
    char **values;  // owned, as they would stand in an INI
};

struct sweep {
    size_t n_axes;
    struct sweep_axis axes[SWEEP_AXES_MOST];
    size_t n_points;
    bool seed_swept;  // else the seed of point K is that of the configuration plus K
};

// Whether the file has the section, or --set gives an entry of it.
bool sweep_asked(const struct config *config);
// Reads the section, without checking the values yet. ERROR_CONFIG with all errors at once; sweep_finish is due in
// every case. Origins are borrowed from the configuration, which must outlive the sweep.
bool sweep_read(struct sweep *sweep, const struct config *config, struct error *error);
void sweep_finish(struct sweep *sweep);

// The value of an axis at a point.
const char *sweep_value(const struct sweep *sweep, size_t axis, size_t point);
// The configuration of one point; config_finish is due where it succeeds.
bool sweep_point(const struct sweep *sweep, const struct config *config, size_t point, struct config *out,
                 struct error *error);
// Checks every point with settings_build; each error and note is given once, with the points it is about unless it is
// about all.
bool sweep_check(const struct sweep *sweep, const struct config *config, struct error *error, struct error *notes);
// Bytes of a path before the extension of its last part, which ".h5" alone is not: the stem of all names made of it.
size_t sweep_stem(const char *path);
// "<stem>-0007.h5" of the output "<stem>.h5"; false where it does not fit.
bool sweep_output(const char *output, size_t point, char *path, size_t size);

#endif
