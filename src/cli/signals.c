// SPDX-License-Identifier: GPL-3.0-or-later
// A handler may only touch what is lock-free and atomic: it counts. Whoever waits for the run looks at the count.
#include "cli/signals.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum { THIRD = 3 };
static const struct {
    int number;
    const char *name;
} caught[] = { { SIGINT, "SIGINT" },   { SIGTERM, "SIGTERM" }, { SIGHUP, "SIGHUP" },
               { SIGUSR1, "SIGUSR1" }, { SIGUSR2, "SIGUSR2" }, { SIGXCPU, "SIGXCPU" } };
static volatile sig_atomic_t count, first, interrupts, announces;

// write() may be called here, and a person who has pressed Ctrl-C sees at once that it was heard.
static void announce(int number)
{
    static const char at_keyboard[] = "\nvmc: stopping and saving (Ctrl-C again: do not wait)\n",
                      otherwise[] = "vmc: stopping and saving\n";
    const char *text = number == SIGINT ? at_keyboard : otherwise;
    const ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

void cli_signals_announce(bool wanted) { announces = wanted; }

static void handle(int number)
{
    if (__atomic_add_fetch(&count, 1, __ATOMIC_RELAXED) == 1)
        first = number;
    if (announces && count == 1)
        announce(number);
    // someone at the keyboard who insists; the file there is whole at any moment
    if (number == SIGINT && __atomic_add_fetch(&interrupts, 1, __ATOMIC_RELAXED) >= THIRD) {
        signal(SIGINT, SIG_DFL);
        raise(SIGINT);
    }
}

void cli_signals_catch(void)
{
    struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART }, old;
    sigemptyset(&action.sa_mask);
    for (size_t k = 0; k < sizeof caught / sizeof *caught; k++) {
        const bool ignored = sigaction(caught[k].number, NULL, &old) == 0 && old.sa_handler == SIG_IGN;
        if (!(ignored &&
              (caught[k].number == SIGINT || caught[k].number == SIGHUP)))  // a shell's background job; nohup
            sigaction(caught[k].number, &action, NULL);
    }
}

enum run_wish cli_signals_wish(void *unused)
{
    (void)unused;
    const int n = count;
    return n == 0 ? RUN_GO_ON : n == 1 ? RUN_STOP : RUN_STOP_NOW;
}

const char *cli_signals_name(void)
{
    for (size_t k = 0; k < sizeof caught / sizeof *caught; k++)
        if (caught[k].number == first)
            return caught[k].name;
    return NULL;
}
