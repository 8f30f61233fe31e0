// SPDX-License-Identifier: GPL-3.0-or-later
// Settings into /config/<section>/<key>, from the same table rows that read them. A list of one value is a scalar.
#include "record/private.h"

#include <math.h>
#include <stdio.h>

enum { PATH_SIZE = 512 };

static void reals_add(struct record *record, const char *path, const struct param *row, const char *unit,
                      const void *state)
{
    double value[PARAM_LIST_MOST] = { NAN };
    size_t n = param_numbers(row, state, value);
    if (n <= 1) {
        record_add_real(record, path, unit, row->help, n == 1 ? value[0] : NAN);
        return;
    }
    char name[128];
    snprintf(name, sizeof name, "%s_index", row->key);
    record_add_copy(record,
                    &(struct record_array){
                        .path = path,
                        .unit = unit,
                        .long_name = row->help,
                        .rank = 1,
                        .axis = { { .name = name, .extent = n, .unit = "1", .long_name = "number of the value" } },
                        .values = value });
}

void record_add_setting(struct record *record, const char *section, const struct param *row, const void *state)
{
    char path[PATH_SIZE], text[PARAM_TEXT_SIZE];
    const char *unit = row->unit != NULL ? row->unit : "1";
    const void *member = (const char *)state + row->offset;
    snprintf(path, sizeof path, "/config/%s/%s", section, row->key);
    param_print(row, state, text);

    switch (row->kind) {
    case PARAM_KIND_REAL:
    case PARAM_KIND_REALS: {
        double value[PARAM_LIST_MOST];
        size_t n = param_numbers(row, state, value);
        reals_add(record, path, row, unit, state);
        if (row->may_be_auto && (n == 0 || isnan(value[0])))
            record_add_attribute(record, path, "setting", "auto");
        break;
    }
    case PARAM_KIND_COUNT: {
        int64_t count = (int64_t) * (const size_t *)member;
        record_add_number(record, path, RECORD_INT64, unit, row->help, &count, sizeof count);
        if (count < 0)
            record_add_attribute(record, path, "setting", "auto");
        break;
    }
    case PARAM_KIND_SEED:
        record_add_number(record, path, RECORD_UINT64, unit, row->help, member, sizeof(uint64_t));
        break;
    case PARAM_KIND_BOOL: {
        int8_t flag = *(const bool *)member;
        record_add_number(record, path, RECORD_INT8, unit, row->help, &flag, sizeof flag);
        record_add_attribute(record, path, "values", "0 = no, 1 = yes");
        break;
    }
    case PARAM_KIND_CHOICE:
    case PARAM_KIND_NAMES:
    case PARAM_KIND_TEXT: record_add_text(record, path, row->help, text); break;
    case PARAM_KIND_END: return;
    }
    record_add_attribute(record, path, "text", text);
}
