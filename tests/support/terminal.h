// SPDX-License-Identifier: GPL-3.0-or-later
// Pseudo-terminals, for what is written to a screen.

#ifndef VMC_TESTS_TERMINAL_H
#define VMC_TESTS_TERMINAL_H

struct terminal {
    int ours, theirs;  // descriptors: what is written to `theirs` is read from `ours`
};

// Of 24 lines and so many columns; `flags` are those of posix_openpt. Where there are none, as in a container without
// /dev/pts, the test is skipped with that reason (exit code 77).
struct terminal terminal_open(unsigned short columns, int flags);

void terminal_resize(const struct terminal *terminal, unsigned short columns);

#endif
