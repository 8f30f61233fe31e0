// SPDX-License-Identifier: GPL-3.0-or-later
// Errors as values: a building function returns false and fills one struct error; nothing in the library prints or
// exits.
#ifndef VMC_ERROR_H
#define VMC_ERROR_H

#include <stdbool.h>
#include <stddef.h>

// The kinds are the exit codes of the program (sysexits.h where one fits), so that a caller of the library may use them
// too.
enum error_kind {
    ERROR_NONE = 0,
    ERROR_FAULT = 1,      // a diagnosis found a fault
    ERROR_USAGE = 2,      // wrong command line
    ERROR_DAMAGED = 65,   // a results file or checkpoint is damaged
    ERROR_INPUT = 66,     // an input file is missing or unreadable
    ERROR_INTERNAL = 70,  // internal error, or non-finite numbers beyond recovery
    ERROR_EXISTS = 73,    // the output is locked, or would be overwritten
    ERROR_WRITE = 74,     // output could not be written
    ERROR_STOPPED = 75,   // stopped before the end; resuming continues
    ERROR_CONFIG = 78     // bad configuration
};

struct error {
    enum error_kind kind;  // of the first message
    size_t n_messages;
    char *text;  // one message per line, no newline at the end; NULL when there is none
};

// Appends one message (printf format). Keeps the kind of the first. Always returns false, so that `return error_add(…)`
// reads well. `error` may be NULL: then nothing is kept.
bool error_add(struct error *error, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Frees the text and makes the error empty again.
void error_clear(struct error *error);

#endif
