// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli/plot.h"

#include "cli/known.h"
#include "cli/plot_parts.h"
#include "cli/text.h"
#include "plot_script.h"
#include "vmc/diagnose.h"
#include "vmc/record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
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

// ---- who draws

struct painter {
    char *python;  // NULL: gnuplot
};

// The first Python that has what the script needs; an environment of the user's may hide that of the system.
static char *find_python(void)
{
    static char
        first[] = "python3",
        second[] = "/usr/bin/python3", option[] = "-c",
        test[] = "import sys, importlib.util as u; sys.exit(not (u.find_spec('matplotlib') and u.find_spec('h5py')))";
    char *const pythons[] = { first, second };
    for (size_t k = 0; k < sizeof pythons / sizeof *pythons; k++)
        if (run((char *const[]){ pythons[k], option, test, NULL }, true) == 0)
            return pythons[k];
    return NULL;
}

static bool has_gnuplot(void)
{
    static char name[] = "gnuplot", option[] = "--version";
    return run((char *const[]){ name, option, NULL }, true) == 0;
}

static bool find_painter(const struct cli_options *options, struct painter *painter, struct error *error)
{
    const char *with = options->with;
    const bool any = !with || strcmp(with, "auto") == 0;
    if (!any && strcmp(with, "matplotlib") != 0 && strcmp(with, "gnuplot") != 0)
        return error_add(error, ERROR_USAGE, "--with %s: allowed: auto, matplotlib, gnuplot", with);
    painter->python = any || strcmp(with, "matplotlib") == 0 ? find_python() : NULL;
    if (painter->python || ((any || strcmp(with, "gnuplot") == 0) && has_gnuplot()))
        return true;
    return error_add(error, ERROR_INPUT,
                     "pictures are made by Python with matplotlib and h5py, or by gnuplot, and %s; install one of them "
                     "(Debian: apt install python3-matplotlib python3-h5py, or gnuplot-nox; elsewhere: pip install "
                     "matplotlib h5py)",
                     any ? "neither is there" : "what --with names is not there");
}

// ---- known energies

static size_t find_lines(const struct cli_options *options, struct cli_plot_line lines[CLI_PLOT_LINES_MOST])
{
    enum { KNOWN_MOST = 4 };
    static const char *const labels[] = { [REFERENCE_EXACT] = "exact",
                                          [REFERENCE_MINIMUM] = "minimum of ansatz",
                                          [REFERENCE_FIXED_PARAMETER] = "value of ansatz",
                                          [REFERENCE_LITERATURE] = "published" };
    size_t n = 0;
    for (size_t k = 0; k < options->n_words; k++) {
        struct run_reading reading;
        struct reference_match known[KNOWN_MOST];
        if (!run_reading_open(&reading, options->words[k],
                              NULL))  // a merged file; what is damaged is told by the painter
            continue;
        const size_t found = cli_known_energies(&reading.settings, known, KNOWN_MOST);
        for (size_t i = 0; i < found && n < CLI_PLOT_LINES_MOST; i++) {
            lines[n].file = options->words[k];
            const char *method = known[i].kind == REFERENCE_LITERATURE ? known[i].ansatz : NULL;
            snprintf(lines[n].label, sizeof lines[n].label, "%s%s%s%s", labels[known[i].kind], method ? " (" : "",
                     method ? method : "", method ? ")" : "");
            snprintf(lines[n].value, sizeof lines[n].value, "%.9g", known[i].value);
            bool there = false;
            for (size_t j = 0; j < n; j++)
                there = there || strcmp(lines[j].value, lines[n].value) == 0;
            n += !there;
        }
        run_reading_finish(&reading);
    }
    return n;
}

// ---- one picture

static bool draw_with_python(const struct cli_options *options, char *python, const char *picture,
                             const struct cli_plot_line *lines, size_t n_lines)
{
    enum { WORDS_BEFORE = 16, WORDS_OF_LINE = 4 };
    const char **words = calloc(WORDS_BEFORE + options->n_words + WORDS_OF_LINE * n_lines, sizeof *words);
    size_t n = 0;
    if (!words)
        return false;
    const char *const before[] = {
        python,        "-c",
        plot_script,   "--output",
        picture,       options->what ? "--what" : NULL,
        options->what, options->by ? "--by" : NULL,
        options->by,
    };
    for (size_t k = 0; k < sizeof before / sizeof *before; k++)
        if (before[k])
            words[n++] = before[k];
    for (size_t k = 0; k < n_lines; k++) {
        words[n++] = "--known";
        words[n++] = lines[k].file;
        words[n++] = lines[k].label;
        words[n++] = lines[k].value;
    }
    words[n++] = "--";
    for (size_t k = 0; k < options->n_words; k++)
        words[n++] = options->words[k];
    const int code = run((char *const *)(uintptr_t)words, false);
    free(words);
    return code == 0;
}

static bool is_merged(const char *path)
{
    struct record_file *file = record_open(path, true, NULL);
    const bool merged = file && record_has(file, "/table");
    if (file)
        record_close(file);
    return merged;
}

// A neighbour in the same folder takes the picture's place, so that a viewer sees the old one or the new one.
static bool draw_with_gnuplot(const struct cli_options *options, const char *picture, const struct cli_plot_line *lines,
                              size_t n_lines, struct error *error)
{
    static char name[] = "gnuplot";
    char script[] = "/tmp/vmc-plot-XXXXXX", beside[PATH_MAX];
    const char *end = strrchr(picture, '.');
    snprintf(beside, sizeof beside, "%s.%ld%s", picture, (long)getpid(), end ? end : "");
    const int handle = mkstemp(script);
    FILE *out = handle >= 0 ? fdopen(handle, "w") : NULL;
    if (!out)
        return error_add(error, ERROR_WRITE, "%s: %s", script, strerror(errno));
    bool good = (is_merged(options->words[0]) ? cli_plot_sweep(options, out, beside, error)
                                              : cli_plot_panels(options, out, beside, lines, n_lines, error));
    if (fclose(out) != 0 && good)
        good = error_add(error, ERROR_WRITE, "%s: %s", script, strerror(errno));
    if (good && run((char *const[]){ name, script, NULL }, false) != 0)
        good = error_add(error, ERROR_WRITE, "%s: gnuplot could not draw it", picture);
    if (good && rename(beside, picture) != 0)
        good = error_add(error, ERROR_WRITE, "%s: %s", picture, strerror(errno));
    unlink(beside);
    unlink(script);
    return good;
}

static bool draw(const struct cli_options *options, const struct painter *painter, const char *picture,
                 struct error *error)
{
    struct cli_plot_line lines[CLI_PLOT_LINES_MOST];
    char text[PATH_MAX + 2];
    const size_t n = find_lines(options, lines);
    if (painter->python)
        return draw_with_python(options, painter->python, picture, lines, n) ||
               error_add(error, ERROR_INPUT, "no picture was made");
    if (!draw_with_gnuplot(options, picture, lines, n, error))
        return false;
    snprintf(text, sizeof text, "%s\n", picture);
    return cli_print(text, error);
}

// ---- following runs

static bool is_running(const char *path)
{
    struct record_file *file = record_open(path, true, NULL);
    char *status = file ? record_read_attribute(file, "/", "status", NULL) : NULL;
    const bool running = !status || strcmp(status, "running") == 0;
    free(status);
    if (file)
        record_close(file);
    return running;
}

// Changes when any of the files is written anew; 0 while one of them is not there.
static uint64_t find_state(const struct cli_options *options, const char **missing)
{
    uint64_t state = 1;
    *missing = NULL;
    for (size_t k = 0; k < options->n_words; k++) {
        struct stat about;
        if (stat(options->words[k], &about) != 0) {
            *missing = options->words[k];
            return 0;
        }
        state = 31 * state + (uint64_t)about.st_mtim.tv_sec * 1000000000u + (uint64_t)about.st_mtim.tv_nsec;
        state = 31 * state + (uint64_t)about.st_ino;
    }
    return state;
}

// Draws again whenever a file has changed, until no run is under way.
static bool follow(const struct cli_options *options, const struct painter *painter, const char *picture,
                   struct error *error)
{
    static const struct timespec pause = { 0, 500000000 };
    bool waited = false, ended = false;
    for (uint64_t seen = 0; !ended;) {
        const char *missing;
        const uint64_t state = find_state(options, &missing);
        if (missing && !waited)
            cli_note("waiting for %s", missing);
        waited = waited || missing;
        if (!missing && state != seen) {
            ended = true;
            for (size_t k = 0; k < options->n_words; k++)
                ended = ended && !is_running(options->words[k]);
            if (!draw(options, painter, picture, error))
                return false;
            seen = state;
        }
        if (!ended)
            nanosleep(&pause, NULL);
    }
    return true;
}

bool cli_plot(const struct cli_options *options, struct error *error)
{
    struct painter painter;
    char picture[PATH_MAX];
    const char *slash = strrchr(options->words[0], '/'), *name = slash ? slash + 1 : options->words[0],
               *end = strrchr(name, '.');
    snprintf(picture, sizeof picture, "%.*s.png", (int)(end ? end - name : (long)strlen(name)), name);
    if (!find_painter(options, &painter, error))
        return false;
    return (options->follow ? follow : draw)(options, &painter, options->output ? options->output : picture, error);
}
