// SPDX-License-Identifier: GPL-3.0-or-later
// The progress of a run on stderr: one updating line on a terminal, else now and then a plain line.
#ifndef VMC_CLI_PROGRESS_H
#define VMC_CLI_PROGRESS_H

#include "cli/options.h"
#include "vmc/run.h"

enum { CLI_LINE_SIZE = 200 };

struct cli_progress {
    bool updating, always, never, quiet;
    bool started;
    enum run_phase phase;
    size_t shown;                 // columns the line now covers
    double last;                  // s, when something was shown last (or the run began)
    char name[96];                // stands before every line; empty: nothing
    char pending[CLI_LINE_SIZE];  // the newest line that was not shown, for the end of a phase; empty: none
};

void cli_progress_start(struct cli_progress *progress, enum cli_progress_mode mode, bool quiet);
// For run_options.progress; context: struct cli_progress *.
void cli_progress_show(const struct run_progress *now, void *context);
// What is being run now, of several.
void cli_progress_name(struct cli_progress *progress, const char *format, ...) __attribute__((format(printf, 2, 3)));
// For run_options.note: a line of text that stays, above the progress line.
void cli_progress_note(const char *text, void *context);
// Another line than that of a run, shown as often.
void cli_progress_text(struct cli_progress *progress, const char *text);
// Clears the line.
void cli_progress_end(struct cli_progress *progress);

// "train 120/300  E = 3.0652(7)  var 0.031  acc 0.57  ETA < 2 s", in at most `columns` columns: what matters least is
// left out first.
void cli_progress_line(const struct run_progress *now, size_t columns, char line[CLI_LINE_SIZE]);

#endif
