// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/shown.h"

#include "support/recorded.h"

#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LONG_TEXT = 80 };

void shown_number(FILE *out, double value)
{
    if (isnan(value))
        fputs(" nan", out);
    else
        fprintf(out, " %#.11g", value);
}

void shown_numbers(FILE *out, size_t n, const double *values)
{
    double sum = 0, other = 0;
    size_t odd = 0;
    for (size_t k = 0; k < n; k++) {
        const double weight = 1 + fmod(0.6180339887498949 * (double)(k + 1), 1);
        if (!isfinite(values[k])) {
            odd++;
            continue;
        }
        sum += weight * values[k];
        other += (2.5 - weight) * fabs(values[k]);
    }
    shown_number(out, sum);
    shown_number(out, other);
    if (odd > 0)
        fprintf(out, " (%zu not finite)", odd);
}

static void show_text(FILE *out, hid_t set, hid_t type)
{
    char *text = NULL;
    const hid_t space = H5Dget_space(set);
    const bool varies = H5Tis_variable_str(type) > 0;
    const size_t size = H5Tget_size(type);
    if (H5Sget_simple_extent_npoints(space) != 1) {
        fputs(" texts", out);
    } else {
        if (!varies)
            text = calloc(size + 1, 1);
        if (H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, varies ? (void *)&text : text) < 0 || !text)
            fputs(" unreadable", out);
        else if (strlen(text) > LONG_TEXT || strchr(text, '\n'))
            fprintf(out, " %zu bytes %016llx", strlen(text), (unsigned long long)recorded_number(text));
        else
            fprintf(out, " '%s'", text);
    }
    if (varies)
        H5free_memory(text);
    else
        free(text);
    H5Sclose(space);
}

// Words are exact.
static void show_words(FILE *out, hid_t set, size_t n)
{
    unsigned long long *words = calloc(n + 1, sizeof *words), sum = 14695981039346656037u;
    H5Dread(set, H5T_NATIVE_ULLONG, H5S_ALL, H5S_ALL, H5P_DEFAULT, words);
    for (size_t k = 0; k < n; k++)
        sum = (sum ^ words[k]) * 1099511628211u;
    fprintf(out, n == 1 ? " %llu" : " words %016llx", n == 1 ? words[0] : sum);
    free(words);
}

static herr_t show_set(hid_t file, const char *name, const H5O_info_t *info, void *context)
{
    FILE *out = context;
    if (info->type != H5O_TYPE_DATASET || (strncmp(name, "config/", 7) == 0 && strncmp(name, "config/re", 9) != 0))
        return 0;
    const hid_t set = H5Dopen2(file, name, H5P_DEFAULT), type = H5Dget_type(set), space = H5Dget_space(set);
    hsize_t extent[8] = { 0 };
    const int rank = H5Sget_simple_extent_dims(space, extent, NULL);
    const size_t n = (size_t)H5Sget_simple_extent_npoints(space);
    const bool is_text = H5Tget_class(type) == H5T_STRING;
    fprintf(out, "  %s", name);
    if (!is_text || strncmp(name, "provenance/", 11) != 0) {
        for (int d = 0; d < rank; d++)
            fprintf(out, "%s%llu", d > 0 ? "x" : " ", (unsigned long long)extent[d]);
        fputc(':', out);
        if (is_text) {
            show_text(out, set, type);
        } else if (H5Tget_class(type) == H5T_INTEGER) {
            show_words(out, set, n);
        } else {
            double *values = calloc(n + 1, sizeof *values);
            H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
            shown_numbers(out, n, values);
            free(values);
        }
    }
    fputc('\n', out);
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(set);
    return 0;
}

void shown_file(FILE *out, const char *path)
{
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0) {
        fprintf(out, "  no file\n");
        return;
    }
    H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, show_set, out, H5O_INFO_BASIC);
    H5Fclose(file);
}
