// SPDX-License-Identifier: GPL-3.0-or-later
// The results file: what is written is read back; damage, full disks and unwritable folders are told and change nothing.
#include "record/private.h"

#include <fcntl.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ITERATIONS = 40, CHAINS = 3, DRAWS = 50, WORDS = 12, PATH_SIZE = 512 };

static char folder[PATH_SIZE];
static double energy[ITERATIONS], series[CHAINS * DRAWS], edges[ITERATIONS];
static uint64_t words[WORDS];

static char *in_folder(const char *name)
{
    static char path[4][2 * PATH_SIZE];
    static unsigned turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

// ---- a small product of factors to write and load ----

struct toy {
    size_t hidden;
    bool train_sigma;
    double sigma[2];
    const char *representation;
};
static const struct param toy_params[] = { PARAM_COUNT(toy, hidden, PARAM_AT_LEAST(1), .fallback = "2", .help = "hidden units"), PARAM_END };

static size_t toy_n_parameters(const void *state)
{
    const struct toy *toy = state;
    return 3 * toy->hidden + (toy->train_sigma ? 2 : 0);
}

static size_t toy_views(const void *state, struct factor_view view[FACTOR_VIEWS_MOST])
{
    const struct toy *toy = state;
    view[0] = (struct factor_view){ .name = "b", .long_name = "biases", .rank = 1, .extent = { toy->hidden, 0 }, .label = { "hidden", NULL } };
    view[1] = (struct factor_view){ .name = "w", .long_name = "weights", .unit = "a_ho", .rank = 2, .extent = { 2, toy->hidden },
                                    .label = { "coordinate", "hidden" }, .first = toy->hidden };
    view[2] = (struct factor_view){ .name = "sigma", .long_name = "widths", .unit = "a_ho", .rank = 1, .extent = { 2, 0 },
                                    .label = { "dimension", NULL }, .first = 3 * toy->hidden, .logarithm = toy->train_sigma,
                                    .fixed = toy->train_sigma ? NULL : toy->sigma };
    return 3;
}

static const char *toy_representation(const void *state) { return ((const struct toy *)state)->representation; }

static const struct factor_type toy_type = { .name = "rbm", .summary = "toy", .params = toy_params, .n_parameters = toy_n_parameters,
                                             .views = toy_views, .representation = toy_representation };

static struct wavefunction toy_wavefunction(struct toy *toy)
{
    struct wavefunction wavefunction = { .n_factors = 1, .n_parameters = toy_n_parameters(toy) };
    wavefunction.factor[0] = (struct factor){ .type = &toy_type, .state = toy, .n_parameters = wavefunction.n_parameters };
    return wavefunction;
}

// ---- the sample ----

struct sample_settings {
    double omega, sigma;
    size_t count;
    uint64_t seed;
    bool flag;
    size_t choice;
    struct param_reals list;
    char *load;
};
static const char *colour(size_t index) { return index == 0 ? "red" : index == 1 ? "green" : NULL; }
static const struct param sample_params[] = {
    PARAM_REAL(sample_settings, omega, PARAM_ABOVE(0), .fallback = "1", .unit = "omega_0", .help = "trap frequency"),
    PARAM_REAL(sample_settings, sigma, PARAM_ABOVE(0), .may_be_auto = true, .fallback = "auto", .unit = "a_ho", .help = "width"),
    PARAM_COUNT(sample_settings, count, PARAM_AT_LEAST(0), .fallback = "7", .help = "a count"),
    PARAM_SEED(sample_settings, seed, PARAM_ANY, .fallback = "1", .help = "a seed"),
    PARAM_BOOL(sample_settings, flag, PARAM_ANY, .fallback = "yes", .help = "a flag"),
    PARAM_CHOICE(sample_settings, choice, PARAM_ANY, .fallback = "red", .choice = colour, .help = "a colour"),
    PARAM_REALS(sample_settings, list, PARAM_ANY, .fallback = "1", .unit = "omega_0", .help = "a list"),
    PARAM_TEXT(sample_settings, load, PARAM_ANY, .fallback = "", .help = "a path"),
    PARAM_END
};

static void add_settings(struct record *record)
{
    struct sample_settings settings = { .omega = 0.5, .sigma = NAN, .count = 7, .seed = UINT64_MAX, .flag = true, .choice = 1,
                                        .list = { .n = 3, .value = { 1, 2, 4 } } };
    for (const struct param *row = sample_params; row->key != NULL; row++)
        record_add_setting(record, "sample", row, &settings);
}

static struct record *sample(const char *created)
{
    static const char *const names[] = { "a_0", "\xc3\xa5ngstr\xc3\xb6m", "" };
    struct record *record = record_create();
    const struct record_axis iteration = { "iteration", ITERATIONS, "1", "training iteration", NULL };
    const struct record_axis chain = { "chain", CHAINS, "1", "walker", NULL }, draw = { "draw", DRAWS, "1", "draw", NULL };
    record_add_attribute(record, "/", "format_version", "1");
    record_add_attribute(record, "/", "status", "complete");
    record_add_attribute(record, "/", "created", created);
    add_settings(record);
    record_add_array(record, &(struct record_array){ "/training/energy", "hbar omega", "energy", 1, { iteration }, energy });
    record_add_array(record, &(struct record_array){ "/training/variance", "hbar^2 omega^2", "variance", 1, { iteration }, energy });
    record_add_array(record, &(struct record_array){ "/measurement/energy", "hbar omega", "energy", 2, { chain, draw }, series });
    record_add_array(record, &(struct record_array){ "/observables/radius", "a_ho", "radius", 1, { { "radius", ITERATIONS, "1", "", NULL } }, edges });
    record_add_array(record, &(struct record_array){ "/observables/density", "a_ho^-2", "density", 1, { { "radius", ITERATIONS, "1", "", NULL } }, energy });
    record_add_array(record, &(struct record_array){ "/observables/nothing", "1", "nothing", 1, { { "none", 0, "1", "", NULL } }, energy });
    record_add_real(record, "/result/energy", "hbar omega", "energy", 3.0652);
    record_add_real(record, "/result/nan", "1", "undefined", NAN);
    record_add_real(record, "/result/wall_time", "s", "wall time", 2.5);
    record_add_count(record, "/result/n_samples", "1", "samples", 1234567);
    record_add_count(record, "/provenance/seed", "1", "seed", UINT64_MAX - 1);
    record_add_text(record, "/config/text", "as read", "[system]\nparticles = 2 ; \xce\xb1\n");
    record_add_text(record, "/config/empty", "empty", "");
    record_add_text(record, "/config/latin1", "not UTF-8", "caf\xe9");
    record_add_texts(record, &(struct record_texts){ "/training/name", "names", { "parameter", 3, "1", "parameter", NULL }, names });
    record_add_words(record, "/checkpoint/random", "random streams", WORDS, words);
    record_add_attribute(record, "/measurement", "note", "blocks of 4 draws");
    record_add_attribute(record, "/empty/group", "note", "nothing in it");
    return record;
}

static void publish_sample(const char *path, const char *created)
{
    struct error error = { 0 };
    struct record *record = sample(created);
    bool good = record_publish(record, path, &error);
    if (!good)
        print_error("%s\n", error.text);
    assert_true(good);
    record_destroy(record);
}

static unsigned char *slurp(const char *path, size_t *size)
{
    unsigned char *bytes = NULL;
    assert_int_equal(record_read_file(path, &bytes, size), 0);
    return bytes;
}

static void spill(const char *path, const unsigned char *bytes, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static struct record_file *open_good(const char *path, bool foreign)
{
    struct error error = { 0 };
    struct record_file *file = record_open(path, foreign, &error);
    if (file == NULL)
        print_error("%s\n", error.text);
    assert_non_null(file);
    return file;
}

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

// ---- tests ----

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

static void check_text(struct record_file *file, const char *path, const char *wanted)
{
    struct error error = { 0 };
    char *text = record_read_text(file, path, &error);
    assert_non_null(text);
    assert_string_equal(text, wanted);
    free(text);
}

static void check_attribute(struct record_file *file, const char *path, const char *name, const char *wanted)
{
    struct error error = { 0 };
    char *text = record_read_attribute(file, path, name, &error);
    assert_non_null(text);
    assert_string_equal(text, wanted);
    free(text);
}

static void check_reals(struct record_file *file, const char *path, size_t n, const double *wanted)
{
    struct error error = { 0 };
    double *values = calloc(n, sizeof *values);
    assert_true(record_read_reals(file, path, n, values, &error));
    assert_memory_equal(values, wanted, n * sizeof *values);
    free(values);
}

static void all_is_read_back(void **state)
{
    (void)state;
    struct error error = { 0 };
    const char *path = in_folder("all.h5");
    uint64_t count = 0, found[WORDS];
    size_t rank, extent[3];
    double value;
    publish_sample(path, "today");
    struct record_file *file = open_good(path, false);
    check_reals(file, "/training/energy", ITERATIONS, energy);
    check_reals(file, "/measurement/energy", CHAINS * DRAWS, series);
    check_reals(file, "/observables/radius", ITERATIONS, edges);
    check_reals(file, "/result/energy", 1, &(double){ 3.0652 });
    check_reals(file, "/config/sample/omega", 1, &(double){ 0.5 });
    check_reals(file, "/config/sample/list", 3, (double[]){ 1, 2, 4 });
    assert_true(record_read_reals(file, "/result/nan", 1, &value, &error) && isnan(value));
    assert_true(record_read_reals(file, "/config/sample/sigma", 1, &value, &error) && isnan(value));
    assert_true(record_read_reals(file, "/observables/nothing", 0, NULL, &error));
    assert_true(record_read_reals(file, "/measurement/draw", DRAWS, (double[DRAWS]){ 0 }, &error));
    assert_true(record_read_count(file, "/result/n_samples", &count, &error) && count == 1234567);
    assert_true(record_read_count(file, "/provenance/seed", &count, &error) && count == UINT64_MAX - 1);
    assert_true(record_read_count(file, "/config/sample/count", &count, &error) && count == 7);
    assert_true(record_read_count(file, "/config/sample/flag", &count, &error) && count == 1);
    assert_true(record_read_count(file, "/config/sample/seed", &count, &error) && count == UINT64_MAX);
    assert_true(record_read_words(file, "/checkpoint/random", WORDS, found, &error));
    assert_memory_equal(found, words, sizeof words);
    assert_true(record_shape(file, "/measurement/energy", &rank, extent, &error) && rank == 2 && extent[0] == CHAINS && extent[1] == DRAWS);
    assert_true(record_shape(file, "/result/energy", &rank, extent, &error) && rank == 0);
    check_text(file, "/config/text", "[system]\nparticles = 2 ; \xce\xb1\n");
    check_text(file, "/config/empty", "");
    check_text(file, "/config/latin1", "caf\xef\xbf\xbd");
    check_text(file, "/config/sample/choice", "green");
    check_attribute(file, "/", "status", "complete");
    check_attribute(file, "/measurement", "note", "blocks of 4 draws");
    check_attribute(file, "/empty/group", "note", "nothing in it");
    check_attribute(file, "/config/sample/sigma", "setting", "auto");
    check_attribute(file, "/config/sample/list", "text", "1, 2, 4");
    check_attribute(file, "/config/sample/omega", "units", "omega_0");
    check_attribute(file, "/training/energy", "long_name", "energy");
    assert_true(record_has(file, "/training") && record_has(file, "/") && !record_has(file, "/training/none"));
    assert_null(error.text);
    record_close(file);
}

static void wrong_reads_are_told(void **state)
{
    (void)state;
    const char *path = in_folder("wrong.h5");
    double value;
    uint64_t count;
    size_t rank, extent[3];
    publish_sample(path, "today");
    struct record_file *file = open_good(path, false);
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
    record_add_array(record, &(struct record_array){ "/a/one", "1", "", 1, { axis }, energy });
    record_add_array(record, &(struct record_array){ "/a/two", "1", "", 1, { other }, energy });
    assert_false(record_publish(record, in_folder("mistake.h5"), &error));
    assert_int_equal(error.kind, ERROR_INTERNAL);
    assert_non_null(strstr(error.text, "twice"));
    assert_non_null(strstr(error.text, "no slash"));
    assert_non_null(strstr(error.text, "two meanings"));
    assert_int_not_equal(access(in_folder("mistake.h5"), F_OK), 0);
    error_clear(&error);
    record_destroy(record);
    assert_false(record_publish(NULL, in_folder("mistake.h5"), NULL));
}

static void equal_content_gives_equal_files(void **state)
{
    (void)state;
    size_t sizes[3];
    unsigned char *bytes[3];
    char *digest[3];
    for (int i = 0; i < 3; i++) {
        char *path = in_folder("equal.h5");
        publish_sample(path, i == 2 ? "tomorrow" : "today");
        struct record_file *file = open_good(path, false);
        digest[i] = record_read_attribute(file, "/", "digest", NULL);
        record_close(file);
        bytes[i] = slurp(path, &sizes[i]);
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
    char command[4 * PATH_SIZE];
    publish_sample(in_folder("dump.h5"), "today");
    if (system("command -v h5dump h5repack >/dev/null") != 0)
        skip();
    snprintf(command, sizeof command, "h5dump %s >/dev/null && h5repack %s %s", in_folder("dump.h5"), in_folder("dump.h5"), in_folder("repacked.h5"));
    assert_int_equal(system(command), 0);
    record_close(open_good(in_folder("repacked.h5"), false));
}

static void other_files_are_refused(void **state)
{
    (void)state;
    const char *path = in_folder("other.h5");
    static const unsigned char text[600] = "no HDF5 at all";
    assert_refused(in_folder("missing.h5"), false, ERROR_INPUT, "No such file");
    assert_refused(folder, false, ERROR_INPUT, "directory");
    spill(path, text, 0);
    assert_refused(path, false, ERROR_DAMAGED, "no HDF5 file");
    spill(path, text, sizeof text);
    assert_refused(path, true, ERROR_DAMAGED, "no HDF5 file");
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(path, false, ERROR_INPUT, "no regular file");
    unlink(path);

    struct record *record = record_create();
    record_add_attribute(record, "/", "format_version", "2");
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
    record_close(open_good(path, true));
}

// ---- wave functions ----

static void write_toy(const char *path, struct toy *toy, const double *theta)
{
    struct wavefunction wavefunction = toy_wavefunction(toy);
    struct record *record = record_create();
    record_add_attribute(record, "/", "format_version", "1");
    record_add_wavefunction(record, &wavefunction, theta);
    assert_true(record_publish(record, path, NULL));
    record_destroy(record);
}

// Loads and returns the kind of the error; the message must hold the word.
static enum error_kind load_toy(const char *path, struct toy *toy, double *theta, const char *word)
{
    struct error error = { 0 };
    struct wavefunction wavefunction = toy_wavefunction(toy);
    struct record_file *file = open_good(path, true);
    bool good = record_load_wavefunction(file, &wavefunction, theta, &error);
    enum error_kind kind = error.kind;
    if (word != NULL && (error.text == NULL || strstr(error.text, word) == NULL))
        fail_msg("'%s' lacks '%s'", error.text, word);
    if (good != (kind == ERROR_NONE))
        fail_msg("%s", error.text);
    error_clear(&error);
    record_close(file);
    return kind;
}

static void wave_functions_travel(void **state)
{
    (void)state;
    const char *path = in_folder("toy.h5");
    double theta[16], found[16] = { 0 }, value[2];
    for (int i = 0; i < 16; i++)
        theta[i] = sin(i + 1.0);
    struct toy trained = { .hidden = 2, .train_sigma = true, .representation = "amplitude" };
    write_toy(path, &trained, theta);
    assert_int_equal(load_toy(path, &trained, found, NULL), ERROR_NONE);
    assert_memory_equal(found, theta, 6 * sizeof *theta);
    assert_true(fabs(found[6] - theta[6]) < 1e-15 && fabs(found[7] - theta[7]) < 1e-15);
    struct record_file *file = open_good(path, false);
    assert_true(record_read_reals(file, "/wavefunction/rbm/sigma", 2, value, NULL));
    assert_true(value[0] == exp(theta[6]));
    record_close(file);

    double untouched[16] = { 0 };
    struct toy fixed = trained, bigger = trained, other = trained;
    fixed.train_sigma = false;
    fixed.sigma[0] = value[0] * (1 + 1e-14);
    fixed.sigma[1] = value[1];
    assert_int_equal(load_toy(path, &fixed, found, NULL), ERROR_NONE);
    fixed.sigma[1] *= 1 + 1e-9;
    assert_int_equal(load_toy(path, &fixed, untouched, "rbm.sigma"), ERROR_CONFIG);
    bigger.hidden = 3;
    assert_int_equal(load_toy(path, &bigger, untouched, "/wavefunction/rbm/w has the shape [2, 2], this configuration needs [2, 3]; change rbm.hidden"),
                     ERROR_CONFIG);
    other.representation = "probability";
    assert_int_equal(load_toy(path, &other, untouched, "rbm.representation = amplitude"), ERROR_CONFIG);
    for (int i = 0; i < 16; i++)
        assert_true(untouched[i] == 0);
    theta[1] = NAN;
    write_toy(path, &trained, theta);
    assert_int_equal(load_toy(path, &trained, untouched, "not finite"), ERROR_DAMAGED);
}

static void foreign_write(hid_t file, const char *path, hid_t type, int rank, const hsize_t *extent, const double *values)
{
    hid_t link = H5Pcreate(H5P_LINK_CREATE), space = H5Screate_simple(rank, extent, NULL);
    H5Pset_create_intermediate_group(link, 1);
    hid_t id = H5Dcreate2(file, path, type, space, link, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(id >= 0 && H5Dwrite(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(id);
    H5Sclose(space);
    H5Pclose(link);
}

static void foreign_files_load(void **state)
{
    (void)state;
    const char *path = in_folder("foreign.h5");
    const double b[2] = { 1, -2 }, w[4] = { 0.5, 0.25, -0.5, 8 }, sigma[2] = { 1, 2 };
    double found[16] = { 0 };
    struct toy toy = { .hidden = 2, .train_sigma = true, .representation = "amplitude" };
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    foreign_write(file, "/wavefunction/rbm/b", H5T_STD_I16BE, 1, (hsize_t[]){ 2 }, b);
    foreign_write(file, "/wavefunction/rbm/w", H5T_IEEE_F32BE, 2, (hsize_t[]){ 2, 2 }, w);
    H5Fflush(file, H5F_SCOPE_GLOBAL);
    assert_int_equal(load_toy(path, &toy, found, "/wavefunction/rbm/sigma is missing"), ERROR_CONFIG);
    foreign_write(file, "/wavefunction/rbm/sigma", H5T_STD_U8LE, 1, (hsize_t[]){ 2 }, sigma);
    hid_t type = H5Tcopy(H5T_C_S1), scalar = H5Screate(H5S_SCALAR), group = H5Gopen2(file, "/wavefunction/rbm", H5P_DEFAULT);
    H5Tset_size(type, 9);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    hid_t attribute = H5Acreate2(group, "representation", type, scalar, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, type, "amplitude");
    H5Aclose(attribute);
    H5Gclose(group);
    H5Fclose(file);
    assert_int_equal(load_toy(path, &toy, found, NULL), ERROR_NONE);
    assert_true(found[0] == 1 && found[1] == -2 && found[2] == 0.5 && found[5] == 8 && found[6] == 0 && found[7] == log(2));
    toy.representation = "probability";
    assert_int_equal(load_toy(path, &toy, found, "amplitude"), ERROR_CONFIG);

    file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    H5Gclose(H5Gcreate2(file, "/wavefunction/slater", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(file);
    assert_int_equal(load_toy(path, &toy, found, "slater"), ERROR_CONFIG);
    H5Sclose(scalar);
    H5Tclose(type);
}

// ---- damage ----

static uint64_t dice(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

// A reader's whole way through a file that opened: nothing may differ from what was written.
static void read_sample(struct record_file *file)
{
    double value[CHAINS * DRAWS];
    uint64_t count;
    char *text;
    check_reals(file, "/training/energy", ITERATIONS, energy);
    check_reals(file, "/measurement/energy", CHAINS * DRAWS, series);
    check_reals(file, "/result/energy", 1, &(double){ 3.0652 });
    assert_true(record_read_count(file, "/result/n_samples", &count, NULL) && count == 1234567);
    check_text(file, "/config/text", "[system]\nparticles = 2 ; \xce\xb1\n");
    check_attribute(file, "/", "status", "complete");
    assert_true(record_read_reals(file, "/measurement/draw", DRAWS, value, NULL) && value[DRAWS - 1] == DRAWS - 1);
    text = record_read_attribute(file, "/training/energy", "units", NULL);
    assert_string_equal(text, "hbar omega");
    free(text);
}

// One damaged file after another in a child: bits, bytes, zeroed stretches, cut ends. Returns the child's wait status.
static int damage(const unsigned char *good, size_t size, unsigned first, unsigned n, bool foreign)
{
    const pid_t child = fork();
    if (child != 0) {
        int status = -1;
        waitpid(child, &status, 0);
        return status;
    }
    alarm(300);
    unsigned char *bytes = malloc(size);
    char *path = in_folder("damaged.h5");
    unsigned opened = 0;
    for (unsigned i = first; i < first + n; i++) {
        uint64_t random = 0x9e3779b97f4a7c15 * (i + 1);
        for (int k = 0; k < 4; k++)
            dice(&random);
        memcpy(bytes, good, size);
        size_t kept = size, at = dice(&random) % size, length = 1 + dice(&random) % 64;
        switch (i % 4) {
        case 0: bytes[at] ^= (unsigned char)(1u << dice(&random) % 8); break;
        case 1: bytes[at] = (unsigned char)(bytes[at] + 1 + dice(&random) % 255); break;
        case 2: memset(bytes + at, i % 8 < 4 ? 0 : 0xff, length < size - at ? length : size - at); break;
        case 3: kept = i % 64 == 3 ? at : size; bytes[at] = (unsigned char)~bytes[at]; break;
        }
        bool same = kept == size && memcmp(bytes, good, size) == 0;
        spill(path, bytes, kept);
        struct record_file *file = record_open(path, foreign, NULL);
        if (file != NULL) {
            opened++;
            read_sample(file);
            record_close(file);
        }
        if (same && file == NULL)
            _exit(3);
    }
    free(bytes);
    _exit(opened == n ? 2 : 0);
}

static void damage_is_noticed(void **state)
{
    (void)state;
    size_t size;
    publish_sample(in_folder("sound.h5"), "today");
    unsigned char *bytes = slurp(in_folder("sound.h5"), &size);
    const char *more = getenv("VMC_TEST_MUTATIONS");
    unsigned n = more != NULL ? (unsigned)strtoul(more, NULL, 10) : 2000;
    assert_int_equal(damage(bytes, size, 0, n, false), 0);
    assert_int_equal(damage(bytes, size, n, n / 4, true), 0);
    assert_int_equal(damage(bytes, size - RECORD_SEAL_SIZE, 2 * n, n / 50, false), 0);  // the digest alone
    free(bytes);
}

// ---- publishing ----

static size_t files_in_folder(const char *pattern)
{
    char command[4 * PATH_SIZE], answer[32] = "";
    snprintf(command, sizeof command, "ls -A %s | grep -c -- '%s'", folder, pattern);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    char *line = fgets(answer, sizeof answer, pipe);
    pclose(pipe);
    return line != NULL ? (size_t)strtoul(answer, NULL, 10) : 0;
}

static void stale_temporaries_go(void **state)
{
    (void)state;
    char name[PATH_SIZE];
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
    snprintf(name, sizeof name, "stale.h5.tmp.%ld", (long)child);
    spill(in_folder(name), (const unsigned char *)"x", 1);
    snprintf(name, sizeof name, "stale.h5.tmp.%ld.old", (long)child);
    spill(in_folder(name), (const unsigned char *)"x", 1);
    snprintf(name, sizeof name, "stale.h5.tmp.%ld", (long)getpid());
    spill(in_folder(name), (const unsigned char *)"x", 1);
    snprintf(name, sizeof name, "stale.h5.tmp.%ld", (long)getppid());
    spill(in_folder(name), (const unsigned char *)"x", 1);
    spill(in_folder("stale.h5.tmp.notes"), (const unsigned char *)"x", 1);
    publish_sample(in_folder("stale.h5"), "today");
    assert_int_equal(files_in_folder("stale.h5.tmp"), 2);  // of a living process, and no temporary at all
}

static void readers_keep_what_they_hold(void **state)
{
    (void)state;
    const char *path = in_folder("held.h5");
    struct stat before, after;
    publish_sample(path, "today");
    hid_t held = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(held >= 0 && stat(path, &before) == 0);
    publish_sample(path, "tomorrow");
    assert_true(stat(path, &after) == 0 && before.st_ino != after.st_ino);
    struct record_file *file = open_good(path, false);
    check_attribute(file, "/", "created", "tomorrow");
    record_close(file);
    struct record_source source;
    hid_t root = H5Oopen(held, "/", H5P_DEFAULT);
    assert_true(record_source_attribute(&source, root, "created"));
    char *text = record_source_string(&source);
    assert_string_equal(text, "today");
    free(text);
    record_source_close(&source);
    H5Oclose(root);
    H5Fclose(held);
    assert_int_equal(files_in_folder("held.h5"), 1);
}

static void links_are_followed(void **state)
{
    (void)state;
    struct stat status;
    publish_sample(in_folder("real.h5"), "today");
    unlink(in_folder("link.h5"));
    assert_int_equal(symlink("real.h5", in_folder("link.h5")), 0);
    publish_sample(in_folder("link.h5"), "tomorrow");
    assert_true(lstat(in_folder("link.h5"), &status) == 0 && S_ISLNK(status.st_mode));
    struct record_file *file = open_good(in_folder("real.h5"), false);
    check_attribute(file, "/", "created", "tomorrow");
    record_close(file);
}

// Publishes over a good file in a child that `prepare` has put into trouble. The old file must stay, with no temporary beside it.
static void publish_in_trouble(void (*prepare)(void), const char *word)
{
    size_t size, size_after;
    const char *path = in_folder("old.h5");
    publish_sample(path, "today");
    unsigned char *before = slurp(path, &size);
    const pid_t child = fork();
    if (child == 0) {
        struct error error = { 0 };
        struct record *record = sample("tomorrow");
        prepare();
        bool good = record_publish(record, path, &error);
        record_destroy(record);
        _exit(!good && error.kind == ERROR_WRITE && strstr(error.text, word) != NULL && strstr(error.text, path) != NULL ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    unsigned char *after = slurp(path, &size_after);
    assert_int_equal(size, size_after);
    assert_memory_equal(before, after, size);
    assert_int_equal(files_in_folder("old.h5"), 1);
    free(before);
    free(after);
    publish_sample(path, "a retry");
}

static void small_files_only(void)
{
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 5000, 5000 });
}

static void no_more_files(void) { setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 3, 3 }); }

// Root may write everywhere: another user then.
static void unwritable_folder(void)
{
    if (geteuid() == 0 && (chmod(folder, 0755) != 0 || seteuid(65534) != 0))
        _exit(9);
    if (geteuid() != 65534 && chmod(folder, 0555) != 0)
        _exit(9);
}

static void trouble_leaves_the_old_file(void **state)
{
    (void)state;
    publish_in_trouble(small_files_only, "File too large");
    publish_in_trouble(no_more_files, "Too many open files");
    publish_in_trouble(unwritable_folder, "Permission denied");
    assert_int_equal(chmod(folder, 0755), 0);
}

static void odd_targets_are_refused(void **state)
{
    (void)state;
    struct error error = { 0 };
    struct record *record = sample("today");
    assert_int_equal(mkdir(in_folder("a_folder"), 0755), 0);
    assert_false(record_publish(record, in_folder("a_folder"), &error));
    assert_false(record_publish(record, in_folder("no/where.h5"), &error));
    assert_false(record_publish(record, "", &error));
    assert_int_equal(error.n_messages, 3);
    assert_int_equal(error.kind, ERROR_WRITE);
    assert_int_equal(files_in_folder("tmp"), files_in_folder("stale.h5.tmp"));
    error_clear(&error);
    record_destroy(record);
}

// A file system of 64 KiB, where we may make one.
static void full_disks_are_told(void **state)
{
    (void)state;
    char command[2 * PATH_SIZE], path[2 * PATH_SIZE];
    struct error error = { 0 };
    static double big[20000];
    mkdir(in_folder("small"), 0755);
    snprintf(command, sizeof command, "mount -t tmpfs -o size=96k none %s/small 2>/dev/null", folder);
    if (geteuid() != 0 || system(command) != 0)
        skip();
    for (size_t i = 0; i < 20000; i++)
        big[i] = sin((double)(i * i));
    snprintf(path, sizeof path, "%s/small/full.h5", folder);
    publish_sample(path, "today");
    struct record *record = sample("tomorrow");
    record_add_array(record, &(struct record_array){ "/big", "1", "big", 1, { { "n", 20000, "1", "n", NULL } }, big });
    bool good = record_publish(record, path, &error);
    record_destroy(record);
    struct record_file *file = record_open(path, false, NULL);
    char *created = file != NULL ? record_read_attribute(file, "/", "created", NULL) : NULL;
    record_close(file);
    size_t left = files_in_folder("small/full.h5.tmp");
    snprintf(command, sizeof command, "umount %s/small", folder);
    assert_int_equal(system(command), 0);
    assert_false(good);
    assert_int_equal(error.kind, ERROR_WRITE);
    assert_non_null(strstr(error.text, "No space left"));
    assert_non_null(created);
    assert_string_equal(created, "today");
    assert_int_equal(left, 0);
    free(created);
    error_clear(&error);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s/vmc_record_XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    for (size_t i = 0; i < ITERATIONS; i++) {
        energy[i] = 3 + 1 / (1 + (double)i);
        edges[i] = 0.1 * (double)i;
    }
    for (size_t i = 0; i < CHAINS * DRAWS; i++)
        series[i] = sin((double)(i * i));
    for (size_t i = 0; i < WORDS; i++)
        words[i] = UINT64_MAX / (i + 1);
    return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    char command[2 * PATH_SIZE];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

int main(int argc, char **argv)
{
    record_prepare_hdf5();
    if (argc == 2) {  // only leave a sample, for readers in other languages
        set_up(NULL);
        tear_down(NULL);
        publish_sample(argv[1], "today");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_agrees_with_its_authors), cmocka_unit_test(all_is_read_back), cmocka_unit_test(wrong_reads_are_told),
        cmocka_unit_test(mistakes_are_told), cmocka_unit_test(equal_content_gives_equal_files), cmocka_unit_test(h5dump_and_h5repack_agree),
        cmocka_unit_test(other_files_are_refused), cmocka_unit_test(wave_functions_travel), cmocka_unit_test(foreign_files_load),
        cmocka_unit_test(damage_is_noticed), cmocka_unit_test(stale_temporaries_go), cmocka_unit_test(readers_keep_what_they_hold),
        cmocka_unit_test(links_are_followed), cmocka_unit_test(trouble_leaves_the_old_file), cmocka_unit_test(odd_targets_are_refused),
        cmocka_unit_test(full_disks_are_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
