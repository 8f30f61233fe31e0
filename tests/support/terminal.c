// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/terminal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

enum { SKIPPED = 77, LINES = 24 };

struct terminal terminal_open(unsigned short columns, int flags)
{
    struct terminal terminal = { .ours = posix_openpt(O_RDWR | O_NOCTTY | flags), .theirs = -1 };
    if (terminal.ours >= 0 && grantpt(terminal.ours) == 0 && unlockpt(terminal.ours) == 0)
        terminal.theirs = open(ptsname(terminal.ours), O_RDWR | O_NOCTTY);
    if (terminal.theirs < 0) {
        perror("skipped: no pseudo-terminal can be opened (mount -t devpts devpts /dev/pts)");
        exit(SKIPPED);
    }
    terminal_resize(&terminal, columns);
    return terminal;
}

void terminal_resize(const struct terminal *terminal, unsigned short columns)
{
    const struct winsize size = { .ws_row = LINES, .ws_col = columns };
    if (ioctl(terminal->theirs, TIOCSWINSZ, &size) != 0)
        abort();
}
