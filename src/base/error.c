// SPDX-License-Identifier: GPL-3.0-or-later
// Errors as values: one growing text, a line per message. Lack of memory loses text but never the kind or the count.
#include "vmc/error.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Joins old text and new line; on failure the old text stays.
static void append(struct error *error, const char *line, const char *end)
{
    size_t old = error->text ? strlen(error->text) + 1 : 0;  // + 1: the newline between them
    size_t length = strlen(line), more = strlen(end);
    char *text = realloc(error->text, old + length + more + 1);
    if (!text)
        return;
    if (old > 0)
        text[old - 1] = '\n';
    memcpy(text + old, line, length);
    memcpy(text + old + length, end, more + 1);
    error->text = text;
}

// What a terminal would take for a command, and pieces of characters: messages repeat what they complain of, and cut
// it.
static void make_printable(char *line)
{
    for (size_t length = strlen(line), n; length > 0; line += n, length -= n) {
        n = utf8_length(line, length);
        if (n == 0 || (n == 1 && (((unsigned char)*line < 0x20 && *line != '\n' && *line != '\t') || *line == 0x7f))) {
            *line = '?';
            n = 1;
        }
    }
}

// What fails since memory ran out looks like something else to those who notice: a file that could not be read like a
// damaged one.
static const char short_of_memory[] = " (memory ran out)";

bool error_add(struct error *error, enum error_kind kind, const char *format, ...)
{
    if (!error)
        return false;
    const bool is_short = memory_ran_out() && kind != ERROR_INTERNAL;
    if (error->n_messages++ == 0)
        error->kind = is_short ? ERROR_INTERNAL : kind;
    char *line = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&line, format, arguments);
    va_end(arguments);
    if (length < 0)
        return false;
    make_printable(line);
    append(error, line, is_short ? short_of_memory : "");
    free(line);
    return false;
}

void error_clear(struct error *error)
{
    if (!error)
        return;
    free(error->text);
    *error = (struct error){ 0 };
}
