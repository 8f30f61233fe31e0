// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/sample.h"
#include "vmc/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char sample_folder[SAMPLE_PATH_SIZE];
double sample_energy[SAMPLE_ITERATIONS], sample_series[SAMPLE_CHAINS * SAMPLE_DRAWS], sample_edges[SAMPLE_ITERATIONS];
uint64_t sample_words[SAMPLE_WORDS];

char *sample_path(const char *name)
{
    static char path[4][2 * SAMPLE_PATH_SIZE];
    static unsigned turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", sample_folder, name);
    return path[turn];
}

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
    PARAM_REAL(sample_settings, sigma, PARAM_ABOVE(0), .may_be_auto = true, .fallback = "auto", .unit = UNIT_LENGTH,
               .help = "width"),
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
    struct sample_settings settings = { .omega = 0.5,
                                        .sigma = NAN,
                                        .count = 7,
                                        .seed = UINT64_MAX,
                                        .flag = true,
                                        .choice = 1,
                                        .list = { .n = 3, .value = { 1, 2, 4 } } };
    for (const struct param *row = sample_params; row->key != NULL; row++)
        record_add_setting(record, "sample", row, &settings);
}

struct record *sample_record(const char *created)
{
    static const char *const names[] = { "a_0", "\xc3\xa5ngstr\xc3\xb6m", "" };
    struct record *record = record_create();
    const struct record_axis iteration = { "iteration", SAMPLE_ITERATIONS, "1", "training iteration", NULL };
    const struct record_axis chain = { "chain", SAMPLE_CHAINS, "1", "walker", NULL },
                             draw = { "draw", SAMPLE_DRAWS, "1", "draw", NULL };
    const struct record_axis radius = { "radius", SAMPLE_ITERATIONS, "1", "", NULL };
    record_add_attribute_count(record, "/", "format_version", RECORD_FORMAT_VERSION);
    record_add_attribute(record, "/", "status", "complete");
    record_add_attribute(record, "/", "created", created);
    add_settings(record);
    record_add_array(
        record, &(struct record_array){ "/training/energy", UNIT_ENERGY, "energy", 1, { iteration }, sample_energy });
    record_add_array(record, &(struct record_array){
                                 "/training/variance", "hbar^2 omega^2", "variance", 1, { iteration }, sample_energy });
    record_add_array(record, &(struct record_array){
                                 "/measurement/energy", UNIT_ENERGY, "energy", 2, { chain, draw }, sample_series });
    record_add_array(
        record, &(struct record_array){ "/observables/radius", UNIT_LENGTH, "radius", 1, { radius }, sample_edges });
    record_add_array(record, &(struct record_array){
                                 "/observables/density", UNIT_LENGTH "^-2", "density", 1, { radius }, sample_energy });
    record_add_array(record,
                     &(struct record_array){
                         "/observables/nothing", "1", "nothing", 1, { { "none", 0, "1", "", NULL } }, sample_energy });
    record_add_real(record, "/result/energy", UNIT_ENERGY, "energy", 3.0652);
    record_add_real(record, "/result/nan", "1", "undefined", NAN);
    record_add_real(record, "/result/wall_time", "s", "wall time", 2.5);
    record_add_count(record, "/result/n_samples", "1", "samples", 1234567);
    record_add_count(record, "/provenance/seed", "1", "seed", UINT64_MAX - 1);
    record_add_text(record, "/config/text", "as read", "[system]\nparticles = 2 ; \xce\xb1\n");
    record_add_text(record, "/config/empty", "empty", "");
    record_add_text(record, "/config/latin1", "not UTF-8",
                    "caf\xe9, \xe2\x82\xac\xf0\x9d\x84\x9e, \xe2\x82, \xed\xa0\x80, \xc0\x80\xf4\x90");
    record_add_texts(
        record, &(struct record_texts){ "/training/name", "names", { "parameter", 3, "1", "parameter", NULL }, names });
    const struct record_axis word = { "word", SAMPLE_WORDS, "1", "word", NULL };
    record_add_words(record, &(struct record_array){ "/checkpoint/random", "1", "random streams", 1, { word }, NULL },
                     sample_words);
    record_add_attribute(record, "/measurement", "note", "blocks of 4 draws");
    record_add_attribute(record, "/empty/group", "note", "nothing in it");
    return record;
}

void sample_publish(const char *path, const char *created)
{
    struct error error = { 0 };
    struct record *record = sample_record(created);
    bool good = record_publish(record, path, &error);
    if (!good)
        print_error("%s\n", error.text);
    assert_true(good);
    record_destroy(record);
}

unsigned char *sample_slurp(const char *path, size_t *size)
{
    unsigned char *bytes = NULL;
    assert_int_equal(record_read_file(path, &bytes, size), 0);
    return bytes;
}

void sample_spill(const char *path, const unsigned char *bytes, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

struct record_file *sample_open(const char *path, bool foreign)
{
    struct error error = { 0 };
    struct record_file *file = record_open(path, foreign, &error);
    if (file == NULL)
        print_error("%s\n", error.text);
    assert_non_null(file);
    return file;
}

void sample_has_text(struct record_file *file, const char *path, const char *wanted)
{
    struct error error = { 0 };
    char *text = record_read_text(file, path, &error);
    assert_non_null(text);
    assert_string_equal(text, wanted);
    free(text);
}

void sample_has_attribute(struct record_file *file, const char *path, const char *name, const char *wanted)
{
    struct error error = { 0 };
    char *text = record_read_attribute(file, path, name, &error);
    assert_non_null(text);
    assert_string_equal(text, wanted);
    free(text);
}

void sample_has_reals(struct record_file *file, const char *path, size_t n, const double *wanted)
{
    struct error error = { 0 };
    double *values = calloc(n, sizeof *values);
    assert_true(record_read_reals(file, path, n, values, &error));
    assert_memory_equal(values, wanted, n * sizeof *values);
    free(values);
}

int sample_set_up(void **state)
{
    (void)state;
    snprintf(sample_folder, sizeof sample_folder, "%s/vmc_record_XXXXXX",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    for (size_t i = 0; i < SAMPLE_ITERATIONS; i++) {
        sample_energy[i] = 3 + 1 / (1 + (double)i);
        sample_edges[i] = 0.1 * (double)i;
    }
    for (size_t i = 0; i < SAMPLE_CHAINS * SAMPLE_DRAWS; i++)
        sample_series[i] = sin((double)(i * i));
    for (size_t i = 0; i < SAMPLE_WORDS; i++)
        sample_words[i] = UINT64_MAX / (i + 1);
    return mkdtemp(sample_folder) == NULL;
}

int sample_tear_down(void **state)
{
    (void)state;
    char command[2 * SAMPLE_PATH_SIZE];
    snprintf(command, sizeof command, "rm -rf '%s'", sample_folder);
    return system(command);
}
