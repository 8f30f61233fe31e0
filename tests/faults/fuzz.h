// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzzing of configurations: what the files of fuzz_config share.
#ifndef VMC_TESTS_FUZZ_H
#define VMC_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

enum { FUZZ_TEXT_MOST = 1 << 15 };

// Does with a text what the program does up to settled settings, and looks whether it was done right. Lines `; --set
// section.key=value` are overrides too. Ends the process with a message where something is wrong.
void fuzz_judge(const char *text, size_t length);
__attribute__((noreturn, format(printf, 1, 2))) void fuzz_wrong(const char *format, ...);

// A number below n, which is not 0.
size_t fuzz_random(uint64_t *state, size_t n);
// Changes the text somehow, with pieces of another one at times, and returns its new length, at most FUZZ_TEXT_MOST.
size_t fuzz_mutate(uint64_t *random, char *text, size_t length, const char *other, size_t other_length);

#endif
