// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers, lengths of time, wrapping, and the two ways out of the program: results to stdout in one piece, messages to
// stderr. Everything is ASCII unless a name from outside is not, so that no terminal or log garbles it.
#include "cli/text.h"

#include "cli/program.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { PLACES_MOST = 17 };  // a double has no more

// --- numbers ---

// Decimal exponent of the leading digit, after rounding to `digits` digits: 0.0996 has -1 with one digit.
static int leading_exponent(double x, int digits)
{
    char text[40];
    snprintf(text, sizeof text, "%.*e", digits - 1, x);
    return atoi(strchr(text, 'e') + 1);
}

// Two digits for an error that starts with 1, or would after rounding: one digit alone could be off by half.
static int error_digits(double error)
{
    char one[40], two[40];
    snprintf(one, sizeof one, "%.0e", error);
    snprintf(two, sizeof two, "%.1e", error);
    return one[0] == '1' || two[0] == '1' ? 2 : 1;
}

void cli_number(double value, double error, char text[CLI_NUMBER_SIZE])
{
    if (!isfinite(value) || !(isfinite(error) && error > 0)) {
        snprintf(text, CLI_NUMBER_SIZE, "%.9g", value);
        return;
    }
    // of an exact state: nothing scatters but roundings, and digits of those mean nothing
    if (error < DBL_EPSILON * fabs(value)) {
        snprintf(text, CLI_NUMBER_SIZE, "%.15g", value);
        return;
    }
    int scale = leading_exponent(fmax(fabs(value), error), 3), shift = scale < -3 || scale > 6 ? scale : 0;
    char exponent[16] = "";
    if (shift != 0)
        snprintf(exponent, sizeof exponent, "e%+03d", shift);
    // in two steps, so that 10^-shift does not overflow for the smallest numbers
    double half = pow(10, -shift / 2), rest = pow(10, -shift + shift / 2);
    value = value * half * rest;
    error = error * half * rest;
    int places = error_digits(error) - 1 - leading_exponent(error, 1);
    places = places < 0 ? 0 : places > PLACES_MOST ? PLACES_MOST : places;
    double unit = pow(10, places), units = nearbyint(error * unit);
    if (units < unit)
        snprintf(text, CLI_NUMBER_SIZE, "%.*f(%.0f)%s", places, value, units, exponent);
    else
        snprintf(text, CLI_NUMBER_SIZE, "%.*f(%.*f)%s", places, value, places, error, exponent);
}

void cli_duration(double seconds, char text[CLI_NUMBER_SIZE])
{
    static const struct {
        double large, small;
        const char *format;
    } steps[] = { { 86400, 3600, "%.0f d %.0f h" }, { 3600, 60, "%.0f h %.0f min" }, { 60, 1, "%.0f min %.0f s" } };
    if (!isfinite(seconds) || seconds < 9.95) {
        snprintf(text, CLI_NUMBER_SIZE, "%.2g s", seconds);
        return;
    }
    for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
        double whole = round(seconds / steps[k].small) * steps[k].small;
        if (whole >= steps[k].large) {
            double large = floor(whole / steps[k].large);
            snprintf(text, CLI_NUMBER_SIZE, steps[k].format, large,
                     round((whole - large * steps[k].large) / steps[k].small));
            return;
        }
    }
    snprintf(text, CLI_NUMBER_SIZE, "%.0f s", seconds);
}

void cli_bytes(double bytes, char text[CLI_NUMBER_SIZE])
{
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
    size_t k = 0;
    for (; bytes >= 999.5 && k + 1 < sizeof units / sizeof units[0]; k++)
        bytes /= 1000;
    snprintf(text, CLI_NUMBER_SIZE, bytes < 9.95 && k > 0 ? "%.1f %s" : "%.0f %s", bytes, units[k]);
}

// --- terminals ---

size_t cli_width(FILE *stream)
{
    struct winsize size = { .ws_col = 0 };
    if (isatty(fileno(stream)) && ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

bool cli_is_terminal(FILE *stream)
{
    const char *term = getenv("TERM");
    return isatty(fileno(stream)) && !(term && strcmp(term, "dumb") == 0);
}

void cli_wrap(FILE *out, size_t column, size_t indent, size_t width, const char *text)
{
    bool fresh = true;
    while (*(text += strspn(text, " "))) {
        size_t length = strcspn(text, " "), letters = 0;
        for (size_t k = 0; k < length; k++)
            letters += ((unsigned char)text[k] & 0xc0) != 0x80;  // UTF-8: columns, not bytes
        if (!fresh && column + 1 + letters > width) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
            fresh = true;
        }
        fprintf(out, "%s%.*s", fresh ? "" : " ", (int)length, text);
        column += letters + !fresh;
        fresh = false;
        text += length;
    }
    fprintf(out, "\n");
}

// --- out of the program ---

bool cli_print(const char *text, struct error *error)
{
    size_t left = cli_program()->silent ? 0 : strlen(text);
    while (left > 0) {
        ssize_t n = write(STDOUT_FILENO, text, left);
        if (n < 0 && errno == EAGAIN)
            poll(&(struct pollfd){ .fd = STDOUT_FILENO, .events = POLLOUT }, 1, -1);
        else if (n < 0 && errno == EPIPE)
            return true;
        else if (n < 0 && errno != EINTR)
            return error_add(error, ERROR_WRITE, "standard output: %s", strerror(errno));
        text += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

bool cli_print_text(char *text, struct error *error)
{
    const bool good = text && cli_print(text, error);
    if (!text && (!error || error->n_messages == 0))
        error_add(error, ERROR_INTERNAL, "not enough memory");
    free(text);
    return good;
}

bool cli_print_stream(FILE *stream, char **text, struct error *error)
{
    if (fclose(stream) != 0) {
        free(*text);
        *text = NULL;
    }
    return cli_print_text(*text, error);
}

void cli_report_notes(const struct error *notes, const char *prefix)
{
    char *copy = notes->text ? strdup(notes->text) : NULL, *rest = copy;
    for (char *line; (line = strsep(&rest, "\n"));)
        cli_note("%s%s", prefix, line);
    free(copy);
}

// File names and values come from outside: their control characters must not reach a terminal.
static void put_clean(const char *text, size_t length)
{
    for (size_t k = 0; k < length; k++)
        fputc(iscntrl((unsigned char)text[k]) && text[k] != '\n' ? '?' : text[k], stderr);
}

static void put_prefix(bool bad)
{
    bool colour = bad && cli_is_terminal(stderr) && !(getenv("NO_COLOR") && *getenv("NO_COLOR"));
    fprintf(stderr, colour ? "\033[1;31m%s:\033[0m " : "%s: ", cli_program()->name);
}

void cli_report(const struct error *error)
{
    if (cli_program()->silent)
        return;
    for (const char *line = error->text; line;) {
        size_t length = strcspn(line, "\n");
        if (error->kind != ERROR_CONFIG)  // those start with file and line, as editors like them
            put_prefix(true);
        put_clean(line, length);
        fputc('\n', stderr);
        line = line[length] ? line + length + 1 : NULL;
    }
    if (error->n_messages > 1 && error->kind == ERROR_CONFIG) {
        put_prefix(true);
        fprintf(stderr, "%zu mistakes in the configuration\n", error->n_messages);
    }
}

void cli_note(const char *format, ...)
{
    char text[4096];
    va_list arguments;
    if (cli_program()->silent)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put_prefix(false);
    put_clean(text, strlen(text));
    fputc('\n', stderr);
}
