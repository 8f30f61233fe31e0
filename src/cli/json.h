// SPDX-License-Identifier: GPL-3.0-or-later
// Pieces of JSON (RFC 8259).
#ifndef VMC_CLI_JSON_H
#define VMC_CLI_JSON_H

#include <stdbool.h>
#include <stdio.h>

// In quotes; bytes that are no UTF-8 are replaced.
void cli_json_string(FILE *out, const char *text);
// Reads back to the same bits; NaN and infinity are null. `whole`: without exponent.
void cli_json_number(FILE *out, double value, bool whole);

#endif
