// SPDX-License-Identifier: GPL-3.0-or-later
#define H5_USE_110_API  // H5Ovisit2 of HDF5 1.12 and later
#include "support/contents.h"

#include "support/recorded.h"
#include "support/tally.h"

#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 256 };

// Of each group at the top of the file.
struct contents {
    FILE *out;
    char group[NAME_SIZE];
    struct tally_fold fold;
};

static void end_group(struct contents *contents)
{
    if (contents->fold.n > 0) {
        fprintf(contents->out, "/%s", contents->group);
        tally_folded(contents->out, &contents->fold);
        fputc('\n', contents->out);
    }
    contents->fold = (struct tally_fold){ 0 };
}

static void look_at_text(struct contents *contents, const char *text)
{
    tally_fold(&contents->fold, 1e-4 * (double)(recorded_number(text ? text : "") % 10000));
}

// Units, long names and the like.
static herr_t look_at_note(hid_t set, const char *name, const H5A_info_t *info, void *context)
{
    struct contents *contents = context;
    const hid_t id = H5Aopen(set, name, H5P_DEFAULT), type = H5Aget_type(id);
    const H5T_class_t class = H5Tget_class(type);
    look_at_text(contents, name);
    if (class == H5T_STRING && H5Tis_variable_str(type) > 0) {
        char *text = NULL;
        H5Aread(id, type, &text);
        look_at_text(contents, text);
        H5free_memory(text);
    } else if (class == H5T_STRING) {
        char *text = calloc(info->data_size + 1, 1);
        H5Aread(id, type, text);
        look_at_text(contents, text);
        free(text);
    }
    H5Tclose(type);
    H5Aclose(id);
    return 0;
}

static herr_t look_at(hid_t file, const char *path, const H5O_info_t *info, void *context)
{
    struct contents *contents = context;
    if (info->type != H5O_TYPE_DATASET || strncmp(path, "provenance", 10) == 0 || strcmp(path, "result/r_hat") == 0)
        return 0;
    if (strncmp(path, contents->group, strlen(contents->group)) != 0 || path[strlen(contents->group)] != '/') {
        end_group(contents);
        snprintf(contents->group, sizeof contents->group, "%.*s", (int)strcspn(path, "/"), path);
    }
    const hid_t set = H5Dopen2(file, path, H5P_DEFAULT), type = H5Dget_type(set), space = H5Dget_space(set);
    const size_t n = (size_t)H5Sget_simple_extent_npoints(space);
    const H5T_class_t class = H5Tget_class(type);
    look_at_text(contents, path);
    H5Aiterate2(set, H5_INDEX_NAME, H5_ITER_INC, NULL, look_at_note, contents);
    if (class == H5T_FLOAT || class == H5T_INTEGER) {
        double *values = calloc(n + 1, sizeof *values);
        H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
        tally_fold_array(&contents->fold, n, values);
        free(values);
    }
    if (class == H5T_STRING && H5Tis_variable_str(type) > 0) {
        char **texts = calloc(n + 1, sizeof *texts);
        H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts);
        for (size_t k = 0; k < n; k++)
            look_at_text(contents, texts[k]);
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, texts);
        free(texts);
    }
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(set);
    return 0;
}

void contents_say(FILE *out, const char *path)
{
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    struct contents contents = { .out = out };
    if (file < 0)
        return;
    H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, look_at, &contents, H5O_INFO_BASIC);
    end_group(&contents);
    H5Fclose(file);
}
