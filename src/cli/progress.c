// SPDX-License-Identifier: GPL-3.0-or-later
// The progress line. Called a few times per second; what is shown how often is decided here.
#include "cli/progress.h"

#include "cli/program.h"
#include "cli/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const double PLAIN_INTERVAL = 30, UPDATE_INTERVAL = 0.1;  // s

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

enum { PART_ENERGY, PART_VARIANCE, PART_ACCEPTANCE, PART_LEFT, PARTS };

static void write_parts(const struct run_progress *now, char part[PARTS][CLI_NUMBER_SIZE + 8])
{
    char number[CLI_NUMBER_SIZE];
    memset(part, 0, PARTS * sizeof part[0]);
    if (isfinite(now->energy)) {
        cli_number(now->energy, now->energy_error, number);
        snprintf(part[PART_ENERGY], sizeof part[0], "  E = %s", number);
    }
    if (isfinite(now->variance))
        snprintf(part[PART_VARIANCE], sizeof part[0], "  var %.2g", now->variance);
    if (isfinite(now->acceptance))
        snprintf(part[PART_ACCEPTANCE], sizeof part[0], "  acc %.2f", now->acceptance);
    if (isfinite(now->seconds_left)) {
        cli_duration(now->seconds_left, number);
        if (now->seconds_left < 9.95)
            snprintf(number, sizeof number, "%.0f s", now->seconds_left);
        // training may end long before its last iteration
        snprintf(part[PART_LEFT], sizeof part[0], now->phase == RUN_TRAIN ? "  ETA < %s" : "  ETA %s", number);
    }
}

// "45056", "4.5e6"
static void write_count(double count, char text[CLI_NUMBER_SIZE])
{
    const int power = count >= 1e5 ? (int)floor(log10(count) + 1e-12) : 0;
    if (power == 0)
        snprintf(text, CLI_NUMBER_SIZE, "%.0f", count);
    else
        snprintf(text, CLI_NUMBER_SIZE, "%.2ge%d", count / pow(10, power), power);
}

// "train backflow 120/300", "measuring 1.5 %, 4.5e6 of 3e8 samples"
static void write_phase(const struct run_progress *now, char text[2 * CLI_NUMBER_SIZE])
{
    static const char *const phases[] = {
        [RUN_BURN_IN] = "burn-in", [RUN_TRAIN] = "train", [RUN_MEASURE] = "measuring"
    };
    char done[CLI_NUMBER_SIZE], total[CLI_NUMBER_SIZE];
    const double share = now->total > 0 ? 100 * (double)now->done / (double)now->total : 100;
    if (now->phase != RUN_MEASURE) {
        snprintf(text, 2 * CLI_NUMBER_SIZE, "%s%s%.12s %zu/%zu", phases[now->phase], now->stage ? " " : "",
                 now->stage ? now->stage : "", now->done, now->total);
        return;
    }
    const double walkers = now->walkers > 0 ? (double)now->walkers : 1;
    write_count(walkers * (double)now->done, done);
    write_count(walkers * (double)now->total, total);
    snprintf(text, 2 * CLI_NUMBER_SIZE,
             share < 9.95 ? "%s %.1f %%, %.20s of %.20s samples" : "%s %.0f %%, %.20s of %.20s samples",
             phases[now->phase], share, done, total);
}

void cli_progress_line(const struct run_progress *now, size_t columns, char line[CLI_LINE_SIZE])
{
    static const int least_first[] = { PART_VARIANCE, PART_ACCEPTANCE, PART_LEFT, PART_ENERGY };
    char part[PARTS][CLI_NUMBER_SIZE + 8], phase[2 * CLI_NUMBER_SIZE];
    columns = columns < CLI_LINE_SIZE ? columns : CLI_LINE_SIZE - 1;
    write_parts(now, part);
    write_phase(now, phase);
    for (size_t dropped = 0;; dropped++) {
        int length = snprintf(line, CLI_LINE_SIZE, "%s%s%s%s%s", phase, part[PART_ENERGY], part[PART_VARIANCE],
                              part[PART_ACCEPTANCE], part[PART_LEFT]);
        if (length <= (int)columns || dropped == PARTS)
            break;
        part[least_first[dropped]][0] = '\0';
    }
    line[columns] = '\0';
}

void cli_progress_start(struct cli_progress *progress, enum cli_progress_mode mode, bool quiet)
{
    *progress = (struct cli_progress){ .last = seconds(), .quiet = quiet };
    progress->never = mode == CLI_PROGRESS_NEVER || cli_program()->silent || (quiet && mode != CLI_PROGRESS_ALWAYS);
    progress->always = mode == CLI_PROGRESS_ALWAYS;
    progress->updating = !progress->never && cli_is_terminal(stderr);
}

// The line over the old one; blanks instead of an erase sequence, so that it works on every terminal.
static void update_line(struct cli_progress *progress, const char *line)
{
    size_t length = strlen(line);
    fprintf(stderr, "\r%s%*s", line, (int)(progress->shown > length ? progress->shown - length : 0), "");
    fflush(stderr);
    progress->shown = length;
}

static void print_line(struct cli_progress *progress, const char *line)
{
    fprintf(stderr, "%s\n", line);
    progress->pending[0] = '\0';
}

void cli_progress_name(struct cli_progress *progress, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(progress->name, sizeof progress->name, format, arguments);
    va_end(arguments);
    progress->started = false;
}

static void named_line(const struct cli_progress *progress, const struct run_progress *now, size_t columns,
                       char line[CLI_LINE_SIZE])
{
    char rest[CLI_LINE_SIZE];
    size_t taken = strlen(progress->name);
    cli_progress_line(now, columns > taken ? columns - taken : 0, rest);
    if (snprintf(line, columns < CLI_LINE_SIZE ? columns + 1 : CLI_LINE_SIZE, "%s%s", progress->name, rest) < 0)
        line[0] = '\0';
}

// turn: a phase begins, and what was last known of the one before is told
static void show(struct cli_progress *progress, const char *line, bool turn)
{
    const double time = seconds();
    const bool due = time - progress->last >= (progress->updating ? UPDATE_INTERVAL : PLAIN_INTERVAL) ||
                     (turn && (progress->always || progress->updating));
    if (progress->always && !progress->updating && turn && *progress->pending)
        print_line(progress, progress->pending);
    if (!due) {
        snprintf(progress->pending, sizeof progress->pending, "%s", line);
        return;
    }
    progress->last = time;
    if (progress->updating)
        update_line(progress, line);
    else
        print_line(progress, line);
}

void cli_progress_show(const struct run_progress *now, void *context)
{
    struct cli_progress *progress = context;
    char line[CLI_LINE_SIZE];
    if (progress->never)
        return;
    const bool turn = !progress->started || progress->phase != now->phase;
    // one column stays free: a full line wraps on some terminals
    named_line(progress, now, progress->updating ? cli_width(stderr) - 1 : CLI_LINE_SIZE - 1, line);
    progress->started = true;
    progress->phase = now->phase;
    show(progress, line, turn);
}

void cli_progress_text(struct cli_progress *progress, const char *text)
{
    char line[CLI_LINE_SIZE];
    const size_t width = progress->updating ? cli_width(stderr) : CLI_LINE_SIZE;
    if (progress->never)
        return;
    snprintf(line, width < CLI_LINE_SIZE ? width : CLI_LINE_SIZE, "%s", text);
    show(progress, line, false);
}

void cli_progress_note(const char *text, void *context)
{
    struct cli_progress *progress = context;
    if (progress->quiet)
        return;
    if (progress->updating && progress->shown > 0) {
        update_line(progress, "");
        fputs("\r", stderr);
    }
    cli_note("%s", text);
}

void cli_progress_end(struct cli_progress *progress)
{
    if (progress->updating && progress->shown > 0) {
        update_line(progress, "");
        fputs("\r", stderr);
    } else if (progress->always && !progress->updating && *progress->pending) {
        print_line(progress, progress->pending);
    }
    progress->shown = 0;
}
