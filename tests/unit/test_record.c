// SPDX-License-Identifier: GPL-3.0-or-later
// The results file: what is written is read back, in the same bytes each time; what is no such file is refused.
#include "support/sample.h"
#include "vmc/merge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void assert_refused(const char *path, bool foreign, enum error_kind kind, const char *word)
{
    struct error error = { 0 };
    assert_null(record_open(path, foreign, &error));
    assert_int_equal(error.kind, kind);
    assert_non_null(strstr(error.text, path));
    if (strstr(error.text, word) == NULL)
        fail_msg("'%s' lacks '%s'", error.text, word);
    error_clear(&error);
}

static void siphash_agrees_with_its_authors(void **state)
{
    (void)state;
    struct record_hash hash;
    unsigned char bytes[64];
    char hex[33], pieces[33];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    record_hash_start(&hash);
    record_hash_end(&hash, hex);
    assert_string_equal(hex, "a3817f04ba25a8e66df67214c7550293");
    record_hash_start(&hash);
    record_hash_add(&hash, bytes, 1);
    record_hash_end(&hash, hex);
    assert_string_equal(hex, "da87c1d86b99af44347659119b22fc45");
    for (size_t cut = 0; cut <= 63; cut++) {
        record_hash_start(&hash);
        record_hash_add(&hash, bytes, cut);
        record_hash_add(&hash, bytes + cut, 63 - cut);
        record_hash_end(&hash, pieces);
        if (cut > 0)
            assert_string_equal(pieces, hex);
        memcpy(hex, pieces, sizeof hex);
    }
}

#define BAD "\xef\xbf\xbd"  // in place of a byte that is no UTF-8

static void all_is_read_back(void **state)
{
    (void)state;
    struct error error = { 0 };
    const char *path = sample_path("all.h5");
    uint64_t count = 0, found[SAMPLE_WORDS];
    size_t rank, extent[3];
    double value;
    sample_publish(path, "today");
    struct record_file *file = sample_open(path, false);
    sample_has_reals(file, "/training/energy", SAMPLE_ITERATIONS, sample_energy);
    sample_has_reals(file, "/measurement/energy", SAMPLE_CHAINS * SAMPLE_DRAWS, sample_series);
    sample_has_reals(file, "/observables/radius", SAMPLE_ITERATIONS, sample_edges);
    sample_has_reals(file, "/result/energy", 1, &(double){ 3.0652 });
    sample_has_reals(file, "/config/sample/omega", 1, &(double){ 0.5 });
    sample_has_reals(file, "/config/sample/list", 3, (double[]){ 1, 2, 4 });
    assert_true(record_read_reals(file, "/result/nan", 1, &value, &error) && isnan(value));
    assert_true(record_read_reals(file, "/config/sample/sigma", 1, &value, &error) && isnan(value));
    assert_true(record_read_reals(file, "/observables/nothing", 0, NULL, &error));
    assert_true(record_read_reals(file, "/measurement/draw", SAMPLE_DRAWS, (double[SAMPLE_DRAWS]){ 0 }, &error));
    assert_true(record_read_count(file, "/result/n_samples", &count, &error) && count == 1234567);
    assert_true(record_read_count(file, "/provenance/seed", &count, &error) && count == UINT64_MAX - 1);
    assert_true(record_read_count(file, "/config/sample/count", &count, &error) && count == 7);
    assert_true(record_read_count(file, "/config/sample/flag", &count, &error) && count == 1);
    assert_true(record_read_count(file, "/config/sample/seed", &count, &error) && count == UINT64_MAX);
    assert_true(record_read_words(file, "/checkpoint/random", SAMPLE_WORDS, found, &error));
    assert_memory_equal(found, sample_words, sizeof sample_words);
    assert_true(record_shape(file, "/measurement/energy", &rank, extent, &error) && rank == 2 &&
                extent[0] == SAMPLE_CHAINS && extent[1] == SAMPLE_DRAWS);
    assert_true(record_shape(file, "/result/energy", &rank, extent, &error) && rank == 0);
    sample_has_text(file, "/config/text", "[system]\nparticles = 2 ; \xce\xb1\n");
    sample_has_text(file, "/config/empty", "");
    sample_has_text(file, "/config/latin1",
                    "caf" BAD ", \xe2\x82\xac\xf0\x9d\x84\x9e, " BAD BAD ", " BAD BAD BAD ", " BAD BAD BAD BAD);
    sample_has_text(file, "/config/sample/choice", "green");
    sample_has_attribute(file, "/", "status", "complete");
    sample_has_attribute(file, "/measurement", "note", "blocks of 4 draws");
    sample_has_attribute(file, "/empty/group", "note", "nothing in it");
    sample_has_attribute(file, "/config/sample/sigma", "setting", "auto");
    sample_has_attribute(file, "/config/sample/list", "text", "1, 2, 4");
    sample_has_attribute(file, "/config/sample/omega", "units", "omega_0");
    sample_has_attribute(file, "/training/energy", "long_name", "energy");
    assert_true(record_has(file, "/training") && record_has(file, "/") && !record_has(file, "/training/none"));
    assert_null(error.text);
    record_close(file);
}

// As other programs write them: padded with blanks, which do not belong to the text, or with zeros, where they do.
static void texts_of_fixed_length_are_read(void **state)
{
    (void)state;
    static const struct {
        H5T_str_t padding;
        const char *stored, *meant;
    } texts[] = { { H5T_STR_NULLTERM, "ab  \0\0\0\0", "ab  " }, { H5T_STR_NULLPAD, "ab  cdef", "ab  cdef" },
                  { H5T_STR_NULLPAD, "ab   \0\0\0", "ab   " }, { H5T_STR_SPACEPAD, "ab  cd  ", "ab  cd" },
                  { H5T_STR_SPACEPAD, "        ", "" } };
    enum { N_TEXTS = sizeof texts / sizeof *texts };
    const char *path = sample_path("fixed.h5");
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), scalar = H5Screate(H5S_SCALAR);
    char name[N_TEXTS][8];
    for (size_t k = 0; k < N_TEXTS; k++) {
        char stored[9] = { 0 };
        memcpy(stored, texts[k].stored, 8);
        snprintf(name[k], sizeof name[k], "text%zu", k);
        hid_t type = H5Tcopy(H5T_C_S1);
        assert_true(H5Tset_size(type, 8) >= 0 && H5Tset_strpad(type, texts[k].padding) >= 0);
        hid_t attribute = H5Acreate2(file, name[k], type, scalar, H5P_DEFAULT, H5P_DEFAULT);
        assert_true(H5Awrite(attribute, type, stored) >= 0);
        H5Aclose(attribute);
        H5Tclose(type);
    }
    H5Sclose(scalar);
    H5Fclose(file);
    struct record_file *read = sample_open(path, true);
    for (size_t k = 0; k < N_TEXTS; k++)
        sample_has_attribute(read, "/", name[k], texts[k].meant);
    record_close(read);
}

static void wrong_reads_are_told(void **state)
{
    (void)state;
    const char *path = sample_path("wrong.h5");
    double value;
    uint64_t count;
    size_t rank, extent[3];
    sample_publish(path, "today");
    struct record_file *file = sample_open(path, false);
    struct error error = { 0 };
    assert_false(record_read_reals(file, "/result/none", 1, &value, &error));
    assert_false(record_read_reals(file, "/result", 1, &value, &error));
    assert_false(record_read_reals(file, "/config/text", 1, &value, &error));
    assert_false(record_read_reals(file, "/training/energy", 1, &value, &error));
    assert_false(record_read_count(file, "/result/energy", &count, &error));
    assert_false(record_shape(file, "/config/text", &rank, extent, &error));
    assert_null(record_read_text(file, "/result/energy", &error));
    assert_null(record_read_text(file, "/training/name", &error));
    assert_null(record_read_attribute(file, "/", "none", &error));
    assert_null(record_read_attribute(file, "/none", "none", &error));
    assert_int_equal(error.n_messages, 10);
    assert_int_equal(error.kind, ERROR_DAMAGED);
    error_clear(&error);
    record_close(file);
}

static void mistakes_are_told(void **state)
{
    (void)state;
    const struct record_axis axis = { "x", 3, "1", "x", NULL }, other = { "x", 4, "1", "x", NULL };
    struct error error = { 0 };
    struct record *record = record_create();
    record_add_real(record, "/result/energy", "1", "twice", 1);
    record_add_real(record, "/result/energy", "1", "twice", 1);
    record_add_real(record, "no slash", "1", "twice", 1);
    record_add_array(record, &(struct record_array){ "/a/one", "1", "", 1, { axis }, sample_energy });
    record_add_array(record, &(struct record_array){ "/a/two", "1", "", 1, { other }, sample_energy });
    assert_false(record_publish(record, sample_path("mistake.h5"), &error));
    assert_int_equal(error.kind, ERROR_INTERNAL);
    assert_non_null(strstr(error.text, "twice"));
    assert_non_null(strstr(error.text, "no slash"));
    assert_non_null(strstr(error.text, "two meanings"));
    assert_int_not_equal(access(sample_path("mistake.h5"), F_OK), 0);
    error_clear(&error);
    record_destroy(record);
    assert_false(record_publish(NULL, sample_path("mistake.h5"), NULL));
}

static void equal_content_gives_equal_files(void **state)
{
    (void)state;
    size_t sizes[3];
    unsigned char *bytes[3];
    char *digest[3];
    for (int i = 0; i < 3; i++) {
        char *path = sample_path("equal.h5");
        sample_publish(path, i == 2 ? "tomorrow" : "today");
        struct record_file *file = sample_open(path, false);
        digest[i] = record_read_attribute(file, "/", "digest", NULL);
        record_close(file);
        bytes[i] = sample_slurp(path, &sizes[i]);
    }
    assert_string_equal(digest[0], digest[1]);
    assert_string_not_equal(digest[0], digest[2]);
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
    for (int i = 0; i < 3; i++) {
        free(bytes[i]);
        free(digest[i]);
    }
}

static void h5dump_and_h5repack_agree(void **state)
{
    (void)state;
    char command[4 * SAMPLE_PATH_SIZE];
    sample_publish(sample_path("dump.h5"), "today");
    if (system("command -v h5dump >/dev/null && command -v h5repack >/dev/null") != 0) {
        print_message("left out: there are no h5dump and h5repack\n");
        skip();
    }
    snprintf(command, sizeof command, "h5dump %s >/dev/null && h5repack %s %s", sample_path("dump.h5"),
             sample_path("dump.h5"), sample_path("repacked.h5"));
    assert_int_equal(system(command), 0);
    record_close(sample_open(sample_path("repacked.h5"), false));
}

static void other_files_are_refused(void **state)
{
    (void)state;
    const char *path = sample_path("other.h5");
    static const unsigned char text[600] = "no HDF5 at all";
    assert_refused(sample_path("missing.h5"), false, ERROR_INPUT, "No such file");
    assert_refused(sample_folder, false, ERROR_INPUT, "directory");
    sample_spill(path, text, 0);
    assert_refused(path, false, ERROR_DAMAGED, "no HDF5 file");
    sample_spill(path, text, sizeof text);
    assert_refused(path, true, ERROR_DAMAGED, "no HDF5 file");
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(path, false, ERROR_INPUT, "no regular file");
    unlink(path);

    struct record *record = record_create();
    record_add_attribute_count(record, "/", "format_version", RECORD_FORMAT_VERSION + 1);
    assert_true(record_publish(record, path, NULL));
    assert_refused(path, false, ERROR_DAMAGED, "newer");
    record_destroy(record);
    record = record_create();
    record_add_real(record, "/x", "1", "x", 1);
    assert_true(record_publish(record, path, NULL));
    assert_refused(path, false, ERROR_DAMAGED, "no results file");
    record_destroy(record);

    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
    assert_refused(path, false, ERROR_DAMAGED, "no results file");
    record_close(sample_open(path, true));
}

// ---- many files ----

static double cpu_since(clock_t start) { return (double)(clock() - start) / CLOCKS_PER_SEC; }

// What merging does per input takes as long with the last one as with the first. Were it to search all that is there
// already, as it did, each part would take more than half a minute; it takes less than half a second.
static void merging_is_linear(void **state)
{
    (void)state;
    enum { ITEMS = 100000, ROWS = 6000, CELLS = 80 };
    static struct record_row rows[ROWS];
    static struct record_cell cells[ROWS][CELLS];
    static char names[CELLS][32];
    char path[64];
    clock_t start = clock();
    struct record *record = record_create();
    for (int k = 0; k < ITEMS; k++) {
        snprintf(path, sizeof path, "/runs/%04d/result/energy", k);
        record_add_real(record, path, "1", "energy", k);
    }
    assert_int_equal(record->n_items, ITEMS);
    assert_int_equal(record->error.n_messages, 0);
    record_add_real(record, "/runs/0007/result/energy", "1", "energy", 7);
    assert_int_equal(record->error.n_messages, 1);  // twice
    assert_true(cpu_since(start) < 10);
    record_destroy(record);

    start = clock();
    struct record_columns columns;
    for (int r = 0; r < ROWS; r++) {
        for (int c = 0; c < CELLS; c++) {
            snprintf(names[c], sizeof names[c], "section.key%d", c);
            cells[r][c] = (struct record_cell){ .name = names[c],
                                                .text = c == 5 && r == ROWS - 1 ? "2" : "1",
                                                .is_setting = true };
        }
        rows[r] = (struct record_row){
            .file = "x.h5", .status = "complete", .verdict = "good", .n = CELLS, .cell = cells[r]
        };
    }
    assert_true(record_columns_build(&columns, rows, ROWS, NULL));
    assert_int_equal(columns.n, 4);  // file, status, verdict, and what differs
    assert_string_equal(columns.column[3].name, "section.key5");
    assert_true(cpu_since(start) < 10);
    record_columns_finish(&columns);
}

// Three files with 300 settings and 20 results, of which some differ, others are the same, and one is only in the last:
// the table, written a second time. Texts with commas, quotes and line ends stand between quotes.
static const char *setting_of(int file, int key, bool quoted)
{
    static char text[64];
    const int value = key % 3 == 0 ? 7 : key * (file + 2);
    snprintf(text, sizeof text,
             key % 5 == 1   ? quoted ? "\"%d, \"\"word\"\"\"" : "%d, \"word\""
             : key % 5 == 2 ? quoted ? "\"%d\nline\"" : "%d\nline"
                            : "%d word",
             value);
    return text;
}

enum { TABLE_FILES = 3, TABLE_SETTINGS = 300, TABLE_RESULTS = 20 };

static void publish_row(const char *path, int file)
{
    struct error error = { 0 };
    struct record *record = record_create();
    char name[32], *text;
    record_add_heading(record, file == 1 ? "stopped" : "complete", NULL, "vmc");
    for (int key = 0; key < TABLE_SETTINGS; key++) {
        snprintf(name, sizeof name, "k%03d", key);
        text = (char *)(uintptr_t)setting_of(file, key, false);
        const struct param row = { .key = name, .kind = PARAM_KIND_TEXT, .help = "a text" };
        record_add_setting(record, "section", &row, &text);
    }
    for (int r = 0; r < TABLE_RESULTS + (file == 2); r++) {
        snprintf(name, sizeof name, "/result/r%02d", r);
        if (r % 2)
            record_add_count(record, name, "1", "whole", (uint64_t)(r + file));
        else
            record_add_real(record, name, "1", "real", r == 4 ? NAN : r + 0.25 * file);
    }
    if (file == 0)
        record_add_text(record, "/result/verdict", "verdict", "good");
    assert_true(record_publish(record, path, &error));
    record_destroy(record);
}

static void write_expected(FILE *out, char paths[TABLE_FILES][SAMPLE_PATH_SIZE])
{
    fputs("run,file,status,verdict", out);
    for (int key = 0; key < TABLE_SETTINGS; key++)
        if (key % 3 != 0)
            fprintf(out, ",section.k%03d", key);
    fputs(",r02,r05", out);  // named: first
    for (int r = 0; r <= TABLE_RESULTS; r++)
        if (r != 2 && r != 5)
            fprintf(out, ",r%02d", r);
    for (int file = 0; file < TABLE_FILES; file++) {
        fprintf(out, "\n%d,\"%s\",%s,%s", file, paths[file], file == 1 ? "stopped" : "complete",
                file == 0 ? "good" : "");
        for (int key = 0; key < TABLE_SETTINGS; key++)
            if (key % 3 != 0)
                fprintf(out, ",%s", setting_of(file, key, true));
        for (int k = -2; k <= TABLE_RESULTS; k++) {
            const int r = k == -2 ? 2 : k == -1 ? 5 : k;
            if (k == 2 || k == 5)
                continue;
            fputc(',', out);
            if (r < TABLE_RESULTS || file == 2)
                r == 4 ? 0 : fprintf(out, "%g", r + (r % 2 ? 1 : 0.25) * file);
        }
    }
    fputc('\n', out);
}

static void tables_are_right(void **state)
{
    (void)state;
    char paths[TABLE_FILES][SAMPLE_PATH_SIZE], name[32], output[SAMPLE_PATH_SIZE], table[SAMPLE_PATH_SIZE];
    const char *inputs[TABLE_FILES];
    struct error error = { 0 }, notes = { 0 };
    for (int file = 0; file < TABLE_FILES; file++) {
        snprintf(name, sizeof name, "row, %d.h5", file);
        snprintf(paths[file], sizeof paths[file], "%s", sample_path(name));
        inputs[file] = paths[file];
        publish_row(paths[file], file);
    }
    snprintf(output, sizeof output, "%s", sample_path("rows.h5"));
    snprintf(table, sizeof table, "%s", sample_path("rows.csv"));
    assert_false(record_is_merged(paths[0]));
    const struct record_merge merge = { output, table, TABLE_FILES, inputs,
                                        (const char *const[]){ "r02", "nothing", "r05", NULL } };
    if (!record_merge(&merge, &error, &notes))
        fail_msg("%s", error.text);
    assert_true(record_is_merged(output));
    assert_int_equal(notes.n_messages, 1);
    assert_non_null(strstr(notes.text, "row, 1.h5: unfinished (status: stopped)"));
    char *expected = NULL;
    size_t length, size;
    FILE *out = open_memstream(&expected, &length);
    write_expected(out, paths);
    fclose(out);
    char *found = (char *)sample_slurp(table, &size);
    assert_int_equal(size, length);
    assert_memory_equal(found, expected, length);
    free(found);
    free(expected);
    // a merged file is none to merge, nor is a foreign one
    inputs[1] = output;
    assert_false(record_merge(&merge, &error, &notes));
    assert_non_null(strstr(error.text, "is itself merged"));
    error_clear(&error);
    inputs[1] = sample_path("foreign.h5");
    H5Fclose(H5Fcreate(inputs[1], H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    assert_false(record_merge(&merge, &error, &notes));
    assert_non_null(strstr(error.text, "no results file of this program"));
    error_clear(&error);
    error_clear(&notes);
}

// Each of two files that are open at once has its own numbers.
static void files_are_told_apart(void **state)
{
    (void)state;
    char path[2][300];
    struct record_file *file[2];
    for (int k = 0; k < 2; k++) {
        struct record *record = record_create();
        snprintf(path[k], sizeof path[k], "%s", sample_path(k == 0 ? "first.h5" : "second.h5"));
        record_add_heading(record, "complete", NULL, "test");
        record_add_real(record, "/result/energy", "1", "a number", 1 + k);
        assert_true(record_publish(record, path[k], NULL));
        record_destroy(record);
    }
    for (int k = 0; k < 2; k++)
        assert_non_null(file[k] = record_open(path[k], false, NULL));
    for (int k = 0; k < 2; k++) {
        double value = 0;
        assert_true(record_read_reals(file[k], "/result/energy", 1, &value, NULL) && value == 1 + k);
    }
    record_close(file[0]);
    record_close(file[1]);
}

int main(int argc, char **argv)
{
    record_prepare_hdf5();
    if (argc == 2) {  // only leave a sample, for readers in other languages
        sample_set_up(NULL);
        sample_tear_down(NULL);
        sample_publish(argv[1], "today");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_agrees_with_its_authors),
        cmocka_unit_test(all_is_read_back),
        cmocka_unit_test(texts_of_fixed_length_are_read),
        cmocka_unit_test(wrong_reads_are_told),
        cmocka_unit_test(mistakes_are_told),
        cmocka_unit_test(files_are_told_apart),
        cmocka_unit_test(equal_content_gives_equal_files),
        cmocka_unit_test(h5dump_and_h5repack_agree),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(merging_is_linear),
        cmocka_unit_test(tables_are_right),
    };
    return cmocka_run_group_tests(tests, sample_set_up, sample_tear_down);
}
