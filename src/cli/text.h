// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers, lengths of time and texts as a person reads them.
#ifndef VMC_CLI_TEXT_H
#define VMC_CLI_TEXT_H

#include "vmc/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { CLI_NUMBER_SIZE = 64 };

// "3.0652(7)": the error in units of the last digit shown, one digit of it, two where it starts with 1; "12.3(1.4)"
// where it is 1 or larger; "1.52(3)e-07" far from 1. An error that is NaN, infinite, 0 or less than a rounding of the
// value is left out, a value that is not finite prints as "nan", "inf".
void cli_number(double value, double error, char text[CLI_NUMBER_SIZE]);
// "0.52 s", "12 s", "3 min 20 s", "2 h 5 min", "3 d 4 h"
void cli_duration(double seconds, char text[CLI_NUMBER_SIZE]);
// "512 B", "1.2 kB", "34 MB"
void cli_bytes(double bytes, char text[CLI_NUMBER_SIZE]);

// Columns of the terminal behind the stream; 80 where there is none.
size_t cli_width(FILE *stream);
// Whether control sequences may go there: a terminal that is not "dumb".
bool cli_is_terminal(FILE *stream);
// The words of `text`, wrapped at `width`; all lines but the first are indented. `column` is where the first one
// starts.
void cli_wrap(FILE *out, size_t column, size_t indent, size_t width, const char *text);

// Writes to stdout at once. A closed pipe is no error: the reader has seen enough. ERROR_WRITE otherwise.
bool cli_print(const char *text, struct error *error);
// Prints a text and frees it; NULL: memory was short, unless the error says otherwise already.
bool cli_print_text(char *text, struct error *error);
// The same of a text that was written to a memory stream, which it closes.
bool cli_print_stream(FILE *stream, char **text, struct error *error);
// Every line of the notes on stderr, after this prefix.
void cli_report_notes(const struct error *notes, const char *prefix);
// Every message of the error on stderr.
void cli_report(const struct error *error);
// One line on stderr, "vmc: …".
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
