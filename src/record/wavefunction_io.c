// SPDX-License-Identifier: GPL-3.0-or-later
// /wavefunction/<factor>/<view> in both directions. Logarithms of parameters (ln sigma) stand in the file as their
// values.
#include "record/private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 256, SHAPE_SIZE = 96 };
static const double fixed_tolerance = 1e-12;  // relative: a value that went through text

// One view of one factor on its way.
struct transfer {
    const struct factor *factor;
    const struct factor_view *view;
    size_t n;
    char path[PATH_SIZE];
};

static struct transfer transfer_of(const struct factor *factor, const struct factor_view *view)
{
    struct transfer transfer = { .factor = factor, .view = view, .n = 1 };
    for (size_t d = 0; d < view->rank; d++)
        transfer.n *= view->extent[d];
    snprintf(transfer.path, PATH_SIZE, "/wavefunction/%s/%s", factor->type->name, view->name);
    return transfer;
}

static const char *representation_of(const struct factor *factor)
{
    return factor->type->representation != NULL ? factor->type->representation(factor->state) : NULL;
}

static void view_add(struct record *record, const struct transfer *transfer, const double *parameters)
{
    const struct factor_view *view = transfer->view;
    const double *from = view->fixed != NULL ? view->fixed : parameters + view->first;
    double *values = memory_take((transfer->n > 0 ? transfer->n : 1) * sizeof *values);
    struct record_array array = {
        .path = transfer->path,
        .unit = view->unit != NULL ? view->unit : "1",
        .long_name = view->long_name,
        .rank = view->rank,
        .values = values,
    };
    if (values == NULL) {
        error_add(&record->error, ERROR_INTERNAL, "out of memory while gathering results");
        return;
    }
    for (size_t i = 0; i < transfer->n; i++)
        values[i] = view->logarithm && view->fixed == NULL ? exp(from[view->shared ? 0 : i])
                                                           : from[view->shared ? 0 : i];
    for (size_t d = 0; d < view->rank; d++)
        array.axis[d] = (struct record_axis){
            .name = view->label[d], .extent = view->extent[d], .unit = "1", .long_name = view->label[d]
        };
    record_add_copy(record, &array);
    free(values);
}

void record_add_wavefunction(struct record *record, const struct wavefunction *wavefunction, const double *theta)
{
    const struct system *system = &wavefunction->system;
    if (record == NULL)
        return;
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        struct factor_view view[FACTOR_VIEWS_MOST];
        char path[PATH_SIZE];
        size_t n_views = factor_views(factor, view);
        for (size_t i = 0; i < n_views; i++) {
            struct transfer transfer = transfer_of(factor, &view[i]);
            view_add(record, &transfer, theta + factor->first_parameter);
            for (size_t d = 0; d < view[i].rank; d++)
                if (strcmp(view[i].label[d], "coordinate") == 0 &&
                    view[i].extent[d] == system->particles * system->dimensions)
                    record_add_coordinates(record, transfer.path, system->particles, system->dimensions);
        }
        snprintf(path, sizeof path, "/wavefunction/%s", factor->type->name);
        if (representation_of(factor) != NULL)
            record_add_attribute(record, path, "representation", representation_of(factor));
        else if (n_views == 0)
            record_add_attribute(record, path, "long_name", factor->type->summary);  // so that the group is there
    }
}

static void shape_print(size_t rank, const size_t *extent, char text[SHAPE_SIZE])
{
    int n = snprintf(text, SHAPE_SIZE, "[");
    for (size_t d = 0; d < rank; d++)
        n += snprintf(text + n, (size_t)(SHAPE_SIZE - n), d > 0 ? ", %zu" : "%zu", extent[d]);
    snprintf(text + n, (size_t)(SHAPE_SIZE - n), "]");
}

// The configuration key that sets the length of an axis.
static void key_of(const struct factor_type *type, const char *label, char *text, size_t size)
{
    if (type->params != NULL && param_find(type->params, label) != NULL)
        snprintf(text, size, "%s.%s", type->name, label);
    else if (strncmp(label, "dimension", 9) == 0)
        snprintf(text, size, "system.dimensions");
    else if (strncmp(label, "particle", 8) == 0)
        snprintf(text, size, "system.particles");
    else if (strncmp(label, "coordinate", 10) == 0)
        snprintf(text, size, "system.particles or system.dimensions");
    else
        snprintf(text, size, "[%s]", type->name);
}

// A file with fewer hidden units will do: b and w say nothing of the others.
static bool axis_fits(const struct factor_view *view, size_t d, size_t extent)
{
    return extent == view->extent[d] || (extent < view->extent[d] && strcmp(view->label[d], "hidden") == 0);
}

// extent: what the file has
static bool shape_check(struct record_file *file, const struct transfer *transfer, size_t extent[RECORD_RANK_MOST],
                        struct error *error)
{
    const struct factor_view *view = transfer->view;
    size_t rank, d = 0;
    char found[SHAPE_SIZE], wanted[SHAPE_SIZE], key[PATH_SIZE];
    if (!record_shape(file, transfer->path, &rank, extent, error))
        return false;
    while (d < view->rank && rank == view->rank && axis_fits(view, d, extent[d]))
        d++;
    if (d == view->rank && rank == view->rank)
        return true;
    shape_print(rank, extent, found);
    shape_print(view->rank, view->extent, wanted);
    key_of(transfer->factor->type, view->rank > 0 ? view->label[d] : view->name, key, sizeof key);
    return error_add(error, ERROR_CONFIG,
                     "%s: %s has the shape %s, this configuration needs %s; change %s, or load another file",
                     file->path, transfer->path, found, wanted, key);
}

static bool values_check(const struct record_file *file, const struct transfer *transfer, const double *values,
                         struct error *error)
{
    for (size_t i = 0; i < transfer->n; i++) {
        if (!isfinite(values[i]))
            return error_add(error, ERROR_DAMAGED, "%s: %s holds a value that is not finite (number %zu)", file->path,
                             transfer->path, i);
        if (transfer->view->logarithm && values[i] <= 0)
            return error_add(error, ERROR_DAMAGED, "%s: %s holds %g (number %zu), which must be above 0", file->path,
                             transfer->path, values[i], i);
    }
    return true;
}

static bool fixed_check(const struct record_file *file, const struct transfer *transfer, const double *values,
                        struct error *error)
{
    const struct factor_view *view = transfer->view;
    for (size_t i = 0; i < transfer->n; i++)
        if (!(fabs(values[i] - view->fixed[i]) <= fixed_tolerance * fabs(view->fixed[i])))
            return error_add(
                error, ERROR_CONFIG,
                "%s: %s is %.17g (number %zu), this configuration has %.17g; set %s.%s to the value in the file",
                file->path, transfer->path, values[i], i, view->fixed[i], transfer->factor->type->name, view->name);
    return true;
}

static bool values_take(struct record_file *file, const struct transfer *transfer, double *values, double *parameters,
                        struct error *error)
{
    const struct factor_view *view = transfer->view;
    if (!record_read_reals(file, transfer->path, transfer->n, values, error) ||
        !values_check(file, transfer, values, error))
        return false;
    if (view->fixed != NULL)
        return fixed_check(file, transfer, values, error);
    for (size_t i = 0; i < transfer->n; i++)
        if (view->shared && !(fabs(values[i] - values[0]) <= fixed_tolerance * fabs(values[0])))
            return error_add(
                error, ERROR_CONFIG,
                "%s: %s has different values, this configuration has one for all; give one value each: %s.%s",
                file->path, transfer->path, transfer->factor->type->name, view->name);
    for (size_t i = 0; i < (view->shared ? 1 : transfer->n); i++)
        parameters[view->first + i] = view->logarithm ? log(values[i]) : values[i];
    return true;
}

static bool is_smaller(const struct factor_view *view, const size_t *extent)
{
    bool smaller = false;
    for (size_t d = 0; d < view->rank; d++)
        smaller = smaller || extent[d] < view->extent[d];
    return smaller;
}

// Units that the file does not have begin as any start would have them, with weights that are ten times smaller: psi
// changes by less than energies are known to. Weights 0 would leave it as it is, but the gradients of all new units are
// then one and the same but for a factor, and they go on as one.
static const double grown_weight = 0.1;

static bool smaller_take(struct record_file *file, const struct transfer *transfer, const size_t *extent,
                         double *parameters, struct error *error)
{
    const struct factor_view *view = transfer->view;
    struct transfer stored = *transfer;
    const size_t rows = view->rank == 2 ? extent[0] : 1, columns = extent[view->rank - 1],
                 wide = view->extent[view->rank - 1];
    stored.n = rows * columns;
    double *values = memory_take((stored.n > 0 ? stored.n : 1) * sizeof *values), *to = parameters + view->first;
    bool good = values != NULL ? record_read_reals(file, stored.path, stored.n, values, error) &&
                                     values_check(file, &stored, values, error)
                               : error_add(error, ERROR_INTERNAL, "%s: out of memory", file->path);
    for (size_t r = 0; good && r < rows; r++)
        for (size_t c = 0; c < wide; c++)
            if (c < columns)
                to[r * wide + c] = values[r * columns + c];
            else if (view->rank == 2)
                to[r * wide + c] *= grown_weight;
    free(values);
    return good;
}

static bool view_load(struct record_file *file, const struct transfer *transfer, double *parameters,
                      struct error *error)
{
    if (!record_has(file, transfer->path))
        return transfer->view->fixed != NULL ||
               error_add(error, ERROR_CONFIG, "%s: %s is missing, which the factor '%s' of wavefunction.factors needs",
                         file->path, transfer->path, transfer->factor->type->name);
    size_t extent[RECORD_RANK_MOST];
    if (!shape_check(file, transfer, extent, error))
        return false;
    if (is_smaller(transfer->view, extent))
        return smaller_take(file, transfer, extent, parameters, error);
    double *values = memory_take((transfer->n > 0 ? transfer->n : 1) * sizeof *values);
    bool good = values != NULL ? values_take(file, transfer, values, parameters, error)
                               : error_add(error, ERROR_INTERNAL, "%s: out of memory", file->path);
    free(values);
    return good;
}

static bool representation_check(struct record_file *file, const struct factor *factor, struct error *error)
{
    const char *wanted = representation_of(factor), *name = factor->type->name;
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "/wavefunction/%s", name);
    if (wanted == NULL || !record_has(file, path) ||
        H5Aexists_by_name(file->file, path, "representation", H5P_DEFAULT) <= 0)
        return true;
    char *found = record_read_attribute(file, path, "representation", error);
    bool good = found != NULL &&
                (strcmp(found, wanted) == 0 || error_add(error, ERROR_CONFIG,
                                                         "%s: %s has the representation '%s', this configuration "
                                                         "'%s'; set %s.representation = %s",
                                                         file->path, path, found, wanted, name, found));
    free(found);
    return good;
}

static bool factor_load(struct record_file *file, const struct factor *factor, double *parameters, struct error *error)
{
    struct factor_view view[FACTOR_VIEWS_MOST];
    size_t n_views = factor_views(factor, view);
    bool good = representation_check(file, factor, error);
    for (size_t i = 0; i < n_views; i++) {
        struct transfer transfer = transfer_of(factor, &view[i]);
        good = view_load(file, &transfer, parameters, error) && good;
    }
    return good;
}

// A factor in the file that the configuration does not have would silently make another wave function.
static bool factors_check(const struct record_file *file, const struct wavefunction *wavefunction, struct error *error)
{
    static const char folder[] = "/wavefunction/";
    bool good = true;
    for (size_t i = 0; i < file->table.n; i++) {
        const struct record_entry *entry = &file->table.entry[i];
        const char *name = entry->path + sizeof folder - 1;
        bool known = strncmp(entry->path, folder, sizeof folder - 1) != 0 || !entry->is_group ||
                     strchr(name, '/') != NULL;
        for (size_t f = 0; f < wavefunction->n_factors; f++)
            known = known || strcmp(wavefunction->factor[f].type->name, name) == 0;
        if (!known)
            good = error_add(error, ERROR_CONFIG, "%s: has the factor '%s', which wavefunction.factors does not name",
                             file->path, name);
    }
    return good;
}

bool record_lacks_units(struct record_file *file, const struct wavefunction *wavefunction)
{
    bool lacks = false;
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        struct factor_view view[FACTOR_VIEWS_MOST];
        const size_t n_views = factor_views(&wavefunction->factor[f], view);
        for (size_t i = 0; i < n_views; i++) {
            const struct transfer transfer = transfer_of(&wavefunction->factor[f], &view[i]);
            size_t rank, extent[RECORD_RANK_MOST];
            lacks = lacks ||
                    (record_has(file, transfer.path) && record_shape(file, transfer.path, &rank, extent, NULL) &&
                     rank == view[i].rank && is_smaller(&view[i], extent));
        }
    }
    return lacks;
}

bool record_load_wavefunction(struct record_file *file, const struct wavefunction *wavefunction, double *theta,
                              struct error *error)
{
    size_t n = wavefunction->n_parameters;
    double *loaded = memory_take((n > 0 ? n : 1) * sizeof *loaded);
    if (loaded == NULL)
        return error_add(error, ERROR_INTERNAL, "%s: out of memory", file->path);
    memcpy(loaded, theta, n * sizeof *loaded);
    bool good = factors_check(file, wavefunction, error);
    for (size_t f = 0; f < wavefunction->n_factors; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        good = factor_load(file, factor, loaded + factor->first_parameter, error) && good;
    }
    if (good)
        memcpy(theta, loaded, n * sizeof *loaded);
    free(loaded);
    return good;
}
