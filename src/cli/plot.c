// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli/plot.h"

#include "plot_script.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// Exit code of the command; -1 where it could not be run. `quiet`: what it says is nobody's business.
static int run(char *const *words, bool quiet)
{
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
        const int nowhere = quiet ? open("/dev/null", O_WRONLY) : -1;
        if (nowhere >= 0) {
            dup2(nowhere, STDOUT_FILENO);
            dup2(nowhere, STDERR_FILENO);
        }
        execvp(words[0], words);
        _exit(127);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// The first Python that has what the script needs; an environment of the user's may hide that of the system.
static char *find_python(void)
{
    static char first[] = "python3", second[] = "/usr/bin/python3", option[] = "-c", test[] = "import matplotlib, h5py";
    char *const pythons[] = { first, second };
    for (size_t k = 0; k < sizeof pythons / sizeof *pythons; k++)
        if (run((char *const[]){ pythons[k], option, test, NULL }, true) == 0)
            return pythons[k];
    return NULL;
}

bool cli_plot(const struct cli_options *options, struct error *error)
{
    enum { WORDS_BEFORE = 16 };
    char *python = find_python();
    if (!python)
        return error_add(error, ERROR_INPUT,
                         "pictures are made by Python with matplotlib and h5py, and there is none; install them "
                         "(Debian: apt install "
                         "python3-matplotlib python3-h5py; elsewhere: pip install matplotlib h5py)");
    const char **words = calloc(WORDS_BEFORE + options->n_words, sizeof *words);
    size_t n = 0;
    if (!words)
        return error_add(error, ERROR_INTERNAL, "not enough memory");
    const char *const before[] = {
        python,          "-c",
        plot_script,     options->output ? "--output" : NULL,
        options->output, options->what ? "--what" : NULL,
        options->what,   options->by ? "--by" : NULL,
        options->by,
    };
    for (size_t k = 0; k < sizeof before / sizeof *before; k++)
        if (before[k])
            words[n++] = before[k];
    words[n++] = "--";
    for (size_t k = 0; k < options->n_words; k++)
        words[n++] = options->words[k];
    const int code = run((char *const *)(uintptr_t)words, false);
    free(words);
    return code == 0 || error_add(error, ERROR_INPUT, "no picture was made");
}
