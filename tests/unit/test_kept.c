// SPDX-License-Identifier: GPL-3.0-or-later
// The table of what is kept of a run, row by row: names are told apart, parts of an array make up all of it, and a
// state that was taken comes back to the last bit, whatever has happened to the run in between.
#include "support/model.h"

#include "run/checkpoint.h"
#include "run/kept.h"
#include "run/series.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct bench {
    struct model model;
    struct run_options options;
    struct run_result result;
    struct run run;
};

static void bench_start(struct bench *bench)
{
    *bench = (struct bench){ .options = { .threads = 2 } };
    model_build(&bench->model, &oracle_set_find("amplitude-2p2d")->rbm,
                (const char *const[]){ "sampler.walkers=96", "optimizer.iterations=7", "optimizer.method=adam",
                                       "measure.samples=1000", "measure.positions=192", NULL },
                2);
    bench->run = (struct run){ .settings = &bench->model.settings,
                               .options = &bench->options,
                               .ensemble = bench->model.ensemble,
                               .result = &bench->result,
                               .n_memory = 5 };
    assert_true(series_prepare(&bench->run, NULL) && kept_allocate(&bench->run, NULL));
}

static void bench_finish(struct bench *bench)
{
    kept_release(&bench->run);
    observables_finish(&bench->run.measured.observables);
    model_finish(&bench->model);
}

static void assert_other_names(const char *one, const char *other)
{
    if (strcmp(one, other) == 0)
        fail_msg("two rows have the name %s", one);
}

// A name has one row of its kind, a member one row.
static void test_names(void **state)
{
    (void)state;
    for (const struct run_result_row *row = run_result_rows; row->name; row++)
        for (const struct run_result_row *other = run_result_rows; other != row; other++) {
            assert_other_names(row->name, other->name);
            assert_int_not_equal(row->offset, other->offset);
        }
    for (const struct kept_column *row = kept_columns; row->name; row++)
        for (const struct kept_column *other = kept_columns; other != row; other++) {
            assert_other_names(row->name, other->name);
            assert_int_not_equal(row->offset, other->offset);
        }
    for (const struct kept_number *row = kept_numbers; row->name; row++)
        for (const struct kept_number *other = kept_numbers; other != row; other++) {
            assert_other_names(row->name, other->name);
            assert_int_not_equal(row->offset, other->offset);
        }
    for (const struct kept_array *row = kept_arrays; row->name; row++) {
        for (const struct kept_array *other = kept_arrays; other != row; other++)
            assert_other_names(row->name, other->name);
        for (const struct kept_number *other = kept_numbers; other->name; other++)
            assert_other_names(row->name, other->name);  // they share a group of the file
    }
    for (size_t k = 0; k < SERIES; k++)
        assert_true(kept_series[k].name && kept_series[k].long_name && kept_series[k].unit);
}

static void test_parts(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench);
    for (const struct kept_array *array = kept_arrays; array->name; array++) {
        const struct kept_parts parts = kept_array_parts(&bench.run, array);
        assert_int_equal(parts.rows * parts.units * parts.size, kept_array_count(&bench.run, array));
        if (kept_array_count(&bench.run, array) > 0)  // a run without temperatures has no hot walkers
            assert_true(parts.size > 0 && parts.rows > 0);
    }
    bench_finish(&bench);
}

// Another version may have begun a series with more room than this one would give it: it keeps that room, and never
// less.
static void test_room(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench);
    struct measured *measured = &bench.run.measured;
    const size_t room = series_room(&bench.run), draws = series_draws_wanted(&bench.run);
    assert_true(measured->room == room && room % 2 == 0 && measured->capacity == draws && draws < room);
    for (size_t least = 0; least <= room; least++)
        assert_true(series_grow(&bench.run, least, NULL) && measured->room == room);
    for (size_t more = 1; more < 9; more++)  // pairs of values are merged where it is full: it is even
        assert_true(series_grow(&bench.run, room + more, NULL) && measured->room == room + (more + 1) / 2 * 2);
    bench_finish(&bench);
}

// Fills every part of every array, and every number, from a stream of numbers; or compares with what stands there.
static void go_over(struct run *run, unsigned where, uint64_t seed, bool compare)
{
    const size_t keep_addresses = run->measured.draws;
    for (const struct kept_number *number = kept_numbers; number->name; number++, seed += 7) {
        const double value = number->type == KEPT_REAL || number->type == KEPT_WHOLE ? (double)seed
                                                                                     : (double)(seed % 2);
        if (number->type == KEPT_STAGE || !(number->where & where) ||
            number->offset == offsetof(struct run, measured.draws) ||
            number->offset == offsetof(struct run, measured.partial))
            continue;
        if (!compare)
            kept_number_set(run, number, value);
        else if (kept_number_get(run, number) != value)
            fail_msg("%s did not come back", number->name);
    }
    run->measured.draws = keep_addresses;
    for (const struct kept_array *array = kept_arrays; array->name; array++) {
        const struct kept_parts parts = kept_array_parts(run, array);
        for (size_t row = 0; array->where & where && row < parts.rows; row++)
            for (size_t unit = 0; unit < parts.units; unit++) {
                double *part = kept_array_part(run, array, row, unit);
                for (size_t k = 0; k < parts.size; k++, seed++) {
                    const double value = 1e-3 * (double)(seed % 1000);
                    if (compare && memcmp(&part[k], &value, sizeof value) != 0)
                        fail_msg("%s did not come back: row %zu, unit %zu, number %zu", array->name, row, unit, k);
                    part[k] = value;
                }
            }
    }
}

static void test_states_come_back(void **state)
{
    (void)state;
    static const struct {
        enum run_stage stage;
        unsigned where;
        size_t which;
    } cases[] = { { STAGE_TRAINING, IN_TRAINING, CHECKPOINT_TRAINING },
                  { STAGE_MEASURING_BURN_IN, IN_BURN_IN, CHECKPOINT_MEASURING },
                  { STAGE_MEASURING, IN_MEASURING, CHECKPOINT_MEASURING } };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct bench bench;
        bench_start(&bench);
        struct run *run = &bench.run;
        run->stage = cases[k].stage;
        run->measured.draws = 3;
        run->measured.partial = 1;  // a value is under way
        go_over(run, cases[k].where, 12345, false);
        checkpoint_take(run);
        assert_true(run->checkpoint[cases[k].which].there && checkpoint_last(run) == cases[k].which);
        go_over(run, cases[k].where, 999, false);
        run->stage = STAGE_TRAINED;
        run->measured.draws = 2;
        if (cases[k].where != IN_MEASURING)
            run->measured.draws = 3;  // no part of that state
        assert_true(checkpoint_restore(run, cases[k].which, NULL));
        assert_int_equal(run->stage, cases[k].stage);
        assert_int_equal(run->measured.draws, 3);
        go_over(run, cases[k].where, 12345, true);
        bench_finish(&bench);
    }
}

// The estimate is the sum of what is allocated.
static void test_bytes(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench);
    const struct run *run = &bench.run;
    const double one = kept_bytes(run, 1), two = kept_bytes(run, 2);
    assert_true(two - one == 8.0 * SERIES * 96);
    size_t columns = 0, states = 0;
    for (const struct kept_column *column = kept_columns; column->name; column++)
        columns += 7;
    for (size_t which = 0; which < CHECKPOINTS; which++)
        for (size_t k = 0; kept_arrays[k].name; k++)
            states += run->checkpoint[which].array[k] ? kept_array_count(run, &kept_arrays[k]) : 0;
    assert_true(one == 8.0 * (double)(SERIES * 96 + 7 * run->ensemble.wavefunction.n_parameters + columns + states));
    bench_finish(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_names), cmocka_unit_test(test_parts),
                                        cmocka_unit_test(test_room), cmocka_unit_test(test_states_come_back),
                                        cmocka_unit_test(test_bytes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
