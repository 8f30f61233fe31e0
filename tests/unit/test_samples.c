// SPDX-License-Identifier: GPL-3.0-or-later
// Samples for `vmc learn`, as text and as data sets, for every kind of machine, against a record: what is read, and
// every word of what is refused.
//
//     test_samples RECORD            compares
//     test_samples RECORD --write    records anew
#define H5_USE_110_API
#include "support/recorded.h"
#include "vmc/learn.h"
#include "vmc/record.h"

#include <hdf5.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const texts[] = {
    "1,2\n3,4\n5,7\n",
    "1,2\n3,4",
    "1 2\n3 4\n5 7\n",
    "1\t2\n3\t4\n 5 \t 7 \n",
    "1;2\n3;4\n5;7\n",
    " 1 , 2 \r\n3,\t4\r\n5,7\r\n",
    "x,y\n1,2\n3,4\n",
    "x y\n1 2\n3 4\n",
    "x,1\n1,2\n3,4\n",
    "x,\n1,2\n3,4\n",
    "x,y\nz,w\n1,2\n3,4\n",
    "# x\n\n1,2 # y\n   \n3,4\n#\n",
    "1,2\n# no more\n3,5#,7\n",
    "1\n2\n3\n",
    "1,2\n3\n",
    "1\n3,4\n",
    "1,2,3\n3,4\n5,6,7,8\n",
    "1,2,\n3,4,\n",
    "1,,2\n3,,4\n",
    "1  2\n3 ,4\n",
    "1,2;3\n4,5;6\n",
    "1;2,3\n4;5,6\n",
    "1.5e3,-2E-3\n+3,.5\n5.,-0\n",
    "0x10,2\n3,4\n",
    "3,0X10\n3,4\n",
    "1,2\n3,nan\n4,5\n",
    "1,2\n-inf,3\n4,1e999\n",
    "1,2\n1.5x,3\n4, 5 6\n",
    "1,abc\ndef,2\nghi,jkl\n1,mno\n",
    "1,abc\ndef,2\nghi,jkl\n1,mno\npqr,1\n",
    "a b c d e f\n1 2 x 3 y z\n",
    "a b c d e f g\n1 2 x 3 y z u v w 1\n",
    "1,a\n2,b\n3,c\n4,d\n5,e\n6,f\n7,g\n",
    "1,5\n2,5\n3,5\n",
    "5,1\n5,2\n",
    "5,1\n4,1\n5,1\n",
    "1,2\n",
    "1,2\n1,2\n",
    "",
    "\n",
    "# nothing\n",
    "x,y\n",
    "0,1\n1,0\n1,1\n",
    "1,-1\n-1,1\n1,1\n",
    "0,1\n1,2\n1,0.5\n",
    "-1,1\n1,0\n-1,0.5\n",
    "0,1\n1,-1\n0,-0.999\n",
    "0 1\n1 0\n0 -0\n",
    "1,2\n'3',4\n5,6\n",
    "1,2\n3,0123456789012345678901234567890123456789012345678901234567890123456789x\n5,6\n",
};
enum { TEXTS = sizeof texts / sizeof *texts };
static const char *const kinds[] = {
    [MACHINE_GAUSSIAN] = "gaussian", [MACHINE_BINARY] = "binary", [MACHINE_SPINS] = "spins"
};
enum { KINDS = 3 };

static void say(FILE *out, const char *where, const char *config, enum machine_kind kind)
{
    struct learn_data data;
    struct error error = { 0 };
    fprintf(out, "%.60s%s%s, %s: ", where, config ? ", " : "", config ? config : "", kinds[kind]);
    const bool good = learn_data_read(&data, where, config, kind, &error);
    fprintf(out, "%s, %zu of %zu in %zu dimensions\n", good ? "read" : "refused", data.n, data.m, data.dimensions);
    if (good) {
        char *values = NULL;
        size_t length;
        FILE *to = open_memstream(&values, &length);
        for (size_t k = 0; k < data.n * data.m; k++)
            fprintf(to, " %.17g", data.values[k]);
        fclose(to);
        if (length < 80)
            fprintf(out, "   %s\n", values);
        else
            fprintf(out, "    %016" PRIx64 "\n", recorded_number(values));
        free(values);
    }
    if (error.text && strlen(error.text) < 2000)
        fprintf(out, "    %d %s\n", (int)error.kind, error.text);
    else if (error.text)
        fprintf(out, "    %d, %zu bytes: %016" PRIx64 "\n", (int)error.kind, strlen(error.text),
                recorded_number(error.text));
    if (!good && data.values)
        fprintf(out, "    values although refused\n");
    learn_data_finish(&data);
    error_clear(&error);
}

static void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *file = fopen(path, "w");
    if (!file || fwrite(bytes, 1, n, file) != n || fclose(file) != 0)
        abort();
}

static void record_texts(FILE *out)
{
    for (size_t k = 0; k < TEXTS; k++) {
        fprintf(out, "== text %zu\n", k);
        write_file("x.csv", texts[k], strlen(texts[k]));
        for (int kind = 0; kind < KINDS; kind++)
            say(out, "x.csv", NULL, (enum machine_kind)kind);
    }
    fprintf(out, "== a NUL byte\n");
    write_file("x.csv", "1,2\n3,\0004\n5,6\n", 14);
    say(out, "x.csv", NULL, MACHINE_GAUSSIAN);
}

// As many lines as there is room for at first, one fewer and one more; the same of twice the room.
static void record_lengths(FILE *out)
{
    static const size_t lengths[] = { 2, 3, 1023, 1024, 1025, 2047, 2048, 2049, 5000 };
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        fprintf(out, "== %zu lines\n", lengths[k]);
        FILE *file = fopen("x.csv", "w");
        for (size_t line = 0; file && line < lengths[k]; line++)
            fprintf(file, "%zu,%zu,1%s\n", line, line * line % 17, line + 1 == lengths[k] ? ".5" : "");
        fclose(file);
        say(out, "x.csv", NULL, MACHINE_GAUSSIAN);
        if (k > 3)
            continue;
        file = fopen("x.csv", "w");
        for (size_t line = 0; file && line < lengths[k]; line++)
            fprintf(file, "%zu,2\n", line);
        fclose(file);
        say(out, "x.csv", NULL, MACHINE_GAUSSIAN);
    }
}

// Where a file is looked for, and what it is taken for.
static void record_places(FILE *out)
{
    static char long_name[2 * PATH_MAX], just_fits[PATH_MAX];
    static const char *const wheres[] = { "x.csv", "z.csv",      "./x.csv",   "below/z.csv", "nix.csv",    "below",
                                          "",      "a:b.csv",    "nix.h5:a",  "x.csv:a",     "x.h5",       "x.hdf5",
                                          "x.nc",  "below/x.h5", "x.h5x",     "/dev/null",   "/nix/x.csv", ":",
                                          "x.h5:", ".h5",        "below/y.h5" };
    static const char *const configs[] = { NULL, "l.ini", "below/l.ini", "./below/../below/l.ini", "nix/l.ini" };
    fprintf(out, "== places\n");
    write_file("x.csv", "1,2\n3,4\n", 8);
    write_file("a:b.csv", "5,2\n3,4\n", 8);
    write_file("below/x.csv", "7,2\n3,4\n", 8);
    write_file("below/z.csv", "6,2\n3,4\n", 8);
    for (size_t k = 0; k < sizeof wheres / sizeof *wheres; k++)
        for (size_t c = 0; c < sizeof configs / sizeof *configs; c++)
            say(out, wheres[k], configs[c], MACHINE_GAUSSIAN);
    memset(long_name, 'n', sizeof long_name - 1);
    memset(just_fits, 'n', sizeof just_fits - 1);
    for (size_t c = 0; c < 3; c++) {
        say(out, long_name, configs[c], MACHINE_GAUSSIAN);
        say(out, just_fits, configs[c], MACHINE_GAUSSIAN);
    }
    memcpy(just_fits + PATH_MAX - 3, ":a", 2);
    memcpy(long_name + 3000, ":a", 2);
    say(out, just_fits, NULL, MACHINE_GAUSSIAN);
    say(out, long_name, NULL, MACHINE_GAUSSIAN);
    // longer than a path may be, of which the message shows what there is room for
    char *longest = malloc(PATH_MAX + 8);
    for (size_t n = PATH_MAX - 6; n < PATH_MAX + 4; n++) {
        memset(longest, 'a', n);
        memcpy(longest + n - 4, ":set", 5);
        say(out, longest, NULL, MACHINE_GAUSSIAN);
    }
    free(longest);
}

static void add_set(hid_t file, const char *name, hid_t type, int rank, const hsize_t *extent, const double *values)
{
    hid_t space = H5Screate_simple(rank, extent, NULL);
    hid_t set = H5Dcreate(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (set < 0 || (values && H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0))
        abort();
    H5Dclose(set);
    H5Sclose(space);
}

static void record_sets(FILE *out)
{
    static const double plain[] = { 1, 2, 4, 3, 5, 7, 8, 0, 9, 6, 11, 10 }, states[] = { 0, 1, 1, 0, 1, 1 },
                        spins[] = { 1, -1, -1, 1, 1, 1 }, flat[] = { 1, 2, 1, 3, 1, 4 },
                        wrong[] = { 0.5, NAN, INFINITY, 2, -1, 0, 7, 3, 0, 1, 4, 5 };
    static const char *const names[] = { "x.h5:one",    "x.h5:/one",   "x.h5:two",   "x.h5:three",      "x.h5:four",
                                         "x.h5:single", "x.h5:states", "x.h5:spins", "x.h5:flat",       "x.h5:wrong",
                                         "x.h5:none",   "x.h5:whole",  "x.h5:group", "x.h5:group/deep", "x.h5:nix",
                                         "x.h5:",       "x.h5:lone",   "x.h5:narrow" };
    fprintf(out, "== data sets\n");
    hid_t file = H5Fcreate("x.h5", H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    add_set(file, "one", H5T_NATIVE_DOUBLE, 1, (hsize_t[]){ 12 }, plain);
    add_set(file, "two", H5T_NATIVE_DOUBLE, 2, (hsize_t[]){ 4, 3 }, plain);
    add_set(file, "three", H5T_NATIVE_DOUBLE, 3, (hsize_t[]){ 2, 2, 3 }, plain);
    add_set(file, "four", H5T_NATIVE_DOUBLE, 4, (hsize_t[]){ 2, 2, 3, 1 }, plain);
    add_set(file, "whole", H5T_NATIVE_INT, 2, (hsize_t[]){ 6, 2 }, plain);
    add_set(file, "states", H5T_NATIVE_FLOAT, 2, (hsize_t[]){ 3, 2 }, states);
    add_set(file, "spins", H5T_NATIVE_SCHAR, 2, (hsize_t[]){ 3, 2 }, spins);
    add_set(file, "flat", H5T_NATIVE_DOUBLE, 2, (hsize_t[]){ 3, 2 }, flat);
    add_set(file, "wrong", H5T_NATIVE_DOUBLE, 2, (hsize_t[]){ 4, 3 }, wrong);
    add_set(file, "none", H5T_NATIVE_DOUBLE, 2, (hsize_t[]){ 0, 3 }, NULL);
    add_set(file, "narrow", H5T_NATIVE_DOUBLE, 2, (hsize_t[]){ 3, 0 }, NULL);
    add_set(file, "lone", H5T_NATIVE_DOUBLE, 2, (hsize_t[]){ 1, 3 }, plain);
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t set = H5Dcreate(file, "single", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dclose(set);
    H5Sclose(space);
    hid_t group = H5Gcreate(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    add_set(group, "deep", H5T_NATIVE_DOUBLE, 2, (hsize_t[]){ 6, 2 }, plain);
    H5Gclose(group);
    H5Fclose(file);
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        for (int kind = 0; kind < KINDS; kind++)
            say(out, names[k], NULL, (enum machine_kind)kind);
    say(out, "x.h5:two", "below/l.ini", MACHINE_GAUSSIAN);
    if (rename("x.h5", "below/y.h5") != 0)
        abort();
    say(out, "y.h5:two", "below/l.ini", MACHINE_GAUSSIAN);
    say(out, "y.h5:two", "l.ini", MACHINE_GAUSSIAN);
}

int main(int argc, char **argv)
{
    char *now = NULL, folder[] = "/tmp/vmc-samples-XXXXXX", record[PATH_MAX];
    size_t length = 0;
    if (argc < 2 || !realpath(argv[1], record) || !mkdtemp(folder) || chdir(folder) != 0 || mkdir("below", 0700) != 0)
        return 2;
    record_prepare_hdf5();
    FILE *out = open_memstream(&now, &length);
    record_texts(out);
    record_lengths(out);
    record_places(out);
    record_sets(out);
    fclose(out);
    const int status = recorded_judge(record, argc > 2 && strcmp(argv[2], "--write") == 0, now);
    free(now);
    char command[sizeof folder + 16];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 ? status : 2;
}
