// SPDX-License-Identifier: GPL-3.0-or-later
// Wave functions in results files: what is written loads again, whatever does not fit is refused, and other programs'
// files will do.
#include "support/sample.h"
#include "vmc/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- a small product of factors to write and load ----

struct toy {
    size_t hidden;
    bool train_sigma;
    double sigma[2];
    const char *representation;
};
static const struct param toy_params[] = {
    PARAM_COUNT(toy, hidden, PARAM_AT_LEAST(1), .fallback = "2", .help = "hidden units"), PARAM_END
};

static size_t toy_n_parameters(const void *state)
{
    const struct toy *toy = state;
    return 3 * toy->hidden + (toy->train_sigma ? 2 : 0);
}

static size_t toy_views(const void *state, struct factor_view view[FACTOR_VIEWS_MOST])
{
    const struct toy *toy = state;
    view[0] = (struct factor_view){
        .name = "b", .long_name = "biases", .rank = 1, .extent = { toy->hidden, 0 }, .label = { "hidden", NULL }
    };
    view[1] = (struct factor_view){ .name = "w",
                                    .long_name = "weights",
                                    .unit = UNIT_LENGTH,
                                    .rank = 2,
                                    .extent = { 2, toy->hidden },
                                    .label = { "coordinate", "hidden" },
                                    .first = toy->hidden };
    view[2] = (struct factor_view){ .name = "sigma",
                                    .long_name = "widths",
                                    .unit = UNIT_LENGTH,
                                    .rank = 1,
                                    .extent = { 2, 0 },
                                    .label = { "dimension", NULL },
                                    .first = 3 * toy->hidden,
                                    .logarithm = toy->train_sigma,
                                    .fixed = toy->train_sigma ? NULL : toy->sigma };
    return 3;
}

static const char *toy_representation(const void *state) { return ((const struct toy *)state)->representation; }

static const struct factor_type toy_type = { .name = "rbm",
                                             .summary = "toy",
                                             .params = toy_params,
                                             .n_parameters = toy_n_parameters,
                                             .views = toy_views,
                                             .representation = toy_representation };

static struct wavefunction toy_wavefunction(struct toy *toy)
{
    struct wavefunction wavefunction = { .n_factors = 1, .n_parameters = toy_n_parameters(toy) };
    wavefunction.factor[0] =
        (struct factor){ .type = &toy_type, .state = toy, .n_parameters = wavefunction.n_parameters };
    return wavefunction;
}

static void write_toy(const char *path, struct toy *toy, const double *theta)
{
    struct wavefunction wavefunction = toy_wavefunction(toy);
    struct record *record = record_create();
    record_add_attribute_count(record, "/", "format_version", RECORD_FORMAT_VERSION);
    record_add_wavefunction(record, &wavefunction, theta);
    assert_true(record_publish(record, path, NULL));
    record_destroy(record);
}

// Loads and returns the kind of the error; the message must hold the word.
static enum error_kind load_toy(const char *path, struct toy *toy, double *theta, const char *word)
{
    struct error error = { 0 };
    struct wavefunction wavefunction = toy_wavefunction(toy);
    struct record_file *file = sample_open(path, true);
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
    const char *path = sample_path("toy.h5");
    double theta[16], found[16] = { 0 }, value[2];
    for (int i = 0; i < 16; i++)
        theta[i] = sin(i + 1.0);
    struct toy trained = { .hidden = 2, .train_sigma = true, .representation = "amplitude" };
    write_toy(path, &trained, theta);
    assert_int_equal(load_toy(path, &trained, found, NULL), ERROR_NONE);
    assert_memory_equal(found, theta, 6 * sizeof *theta);
    assert_true(fabs(found[6] - theta[6]) < 1e-15 && fabs(found[7] - theta[7]) < 1e-15);
    struct record_file *file = sample_open(path, false);
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
    bigger.hidden = 1;
    assert_int_equal(
        load_toy(path, &bigger, untouched,
                 "/wavefunction/rbm/w has the shape [2, 2], this configuration needs [2, 1]; change rbm.hidden"),
        ERROR_CONFIG);
    bigger.hidden = 3;  // a unit more: its bias stays what it was, its weights a tenth
    double grown[16] = { 0, 0, 7, 8, 8, 8, 8, 8, 8, 8, 8 };
    assert_int_equal(load_toy(path, &bigger, grown, NULL), ERROR_NONE);
    for (size_t i = 0; i < 2; i++) {
        assert_true(grown[i] == theta[i]);
        assert_true(grown[3 + i] == theta[2 + i] && grown[6 + i] == theta[4 + i]);
    }
    assert_true(grown[2] == 7 && grown[5] == 0.1 * 8 && grown[8] == 0.1 * 8);
    other.representation = "probability";
    assert_int_equal(load_toy(path, &other, untouched, "rbm.representation = amplitude"), ERROR_CONFIG);
    for (int i = 0; i < 16; i++)
        assert_true(untouched[i] == 0);
    theta[1] = NAN;
    write_toy(path, &trained, theta);
    assert_int_equal(load_toy(path, &trained, untouched, "not finite"), ERROR_DAMAGED);
}

static void foreign_write(hid_t file, const char *path, hid_t type, int rank, const hsize_t *extent,
                          const double *values)
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
    const char *path = sample_path("foreign.h5");
    const double b[2] = { 1, -2 }, w[4] = { 0.5, 0.25, -0.5, 8 }, sigma[2] = { 1, 2 };
    double found[16] = { 0 };
    struct toy toy = { .hidden = 2, .train_sigma = true, .representation = "amplitude" };
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    foreign_write(file, "/wavefunction/rbm/b", H5T_STD_I16BE, 1, (hsize_t[]){ 2 }, b);
    foreign_write(file, "/wavefunction/rbm/w", H5T_IEEE_F32BE, 2, (hsize_t[]){ 2, 2 }, w);
    H5Fflush(file, H5F_SCOPE_GLOBAL);
    assert_int_equal(load_toy(path, &toy, found, "/wavefunction/rbm/sigma is missing"), ERROR_CONFIG);
    foreign_write(file, "/wavefunction/rbm/sigma", H5T_STD_U8LE, 1, (hsize_t[]){ 2 }, sigma);
    hid_t type = H5Tcopy(H5T_C_S1), scalar = H5Screate(H5S_SCALAR),
          group = H5Gopen2(file, "/wavefunction/rbm", H5P_DEFAULT);
    H5Tset_size(type, 9);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    hid_t attribute = H5Acreate2(group, "representation", type, scalar, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, type, "amplitude");
    H5Aclose(attribute);
    H5Gclose(group);
    H5Fclose(file);
    assert_int_equal(load_toy(path, &toy, found, NULL), ERROR_NONE);
    assert_true(found[0] == 1 && found[1] == -2 && found[2] == 0.5 && found[5] == 8 && found[6] == 0 &&
                found[7] == log(2));
    toy.representation = "probability";
    assert_int_equal(load_toy(path, &toy, found, "amplitude"), ERROR_CONFIG);

    file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    H5Gclose(H5Gcreate2(file, "/wavefunction/slater", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(file);
    assert_int_equal(load_toy(path, &toy, found, "slater"), ERROR_CONFIG);
    H5Sclose(scalar);
    H5Tclose(type);
}

int main(void)
{
    record_prepare_hdf5();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wave_functions_travel),
        cmocka_unit_test(foreign_files_load),
    };
    return cmocka_run_group_tests(tests, sample_set_up, sample_tear_down);
}
