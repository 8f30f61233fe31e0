// SPDX-License-Identifier: GPL-3.0-or-later
// The resolved settings, key by key and as an INI. Reading that INI gives the same settings to the last bit.
#include "settings/parts.h"

#include <stdio.h>
#include <string.h>

struct visitor {
    void (*visit)(const struct settings_value *value, void *context);
    void *context;
};

static void visit_rows(const struct visitor *visitor, const char *section, const struct param *rows, const void *state)
{
    for (; rows && rows->key; rows++)
        visitor->visit(&(struct settings_value){ section, rows, state }, visitor->context);
}

static void visit_chosen(const struct visitor *visitor, const struct settings *settings, enum settings_kind kind)
{
    const struct settings_choice *choice = &settings->chosen[kind];
    for (size_t k = 0; k < choice->members.n; k++) {
        struct settings_member member = settings_kinds[kind].member(choice->members.index[k]);
        visit_rows(visitor, settings_section_of(&settings_kinds[kind], &member), member.params, choice->state[k]);
    }
}

void settings_each(const struct settings *settings, void (*visit)(const struct settings_value *value, void *context),
                   void *context)
{
    const struct visitor visitor = { visit, context };
    for (const struct settings_fixed *fixed = settings_fixed; fixed->name; fixed++) {
        if (!settings_fixed_used(fixed, settings->job))
            continue;
        visit_rows(&visitor, fixed->name, fixed->params, (const char *)settings + fixed->offset);
        for (size_t kind = 0; kind < SETTINGS_KINDS; kind++)
            if (strcmp(settings_kinds[kind].chooser, fixed->name) == 0)
                visit_chosen(&visitor, settings, kind);
    }
}

struct printer {
    FILE *out;
    const char *section;
};

static void print_value(const struct settings_value *value, void *context)
{
    struct printer *printer = context;
    char text[PARAM_TEXT_SIZE];
    param_print(value->row, value->state, text);
    if (!printer->section || strcmp(printer->section, value->section) != 0)
        fprintf(printer->out, "%s[%s]\n", printer->section ? "\n" : "", value->section);
    printer->section = value->section;
    if (value->row->unit)
        fprintf(printer->out, "%s = %-*s  ; %s\n", value->row->key, (int)(28 - strlen(value->row->key)), text,
                value->row->unit);
    else
        fprintf(printer->out, "%s =%s%s\n", value->row->key, *text ? " " : "", text);
}

char *settings_print(const struct settings *settings)
{
    char *text = NULL;
    size_t length = 0;
    struct printer printer = { .out = open_memstream(&text, &length) };
    if (!printer.out)
        return NULL;
    settings_each(settings, print_value, &printer);
    return fclose(printer.out) == 0 ? text : NULL;
}
