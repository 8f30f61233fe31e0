// SPDX-License-Identifier: GPL-3.0-or-later
// What a run yielded, for people and for programs; malloc'ed texts, NULL when memory is short.
#ifndef VMC_CLI_SUMMARY_H
#define VMC_CLI_SUMMARY_H

#include "vmc/reference.h"
#include "vmc/run.h"

struct cli_summary {
    const struct settings *settings;
    const struct run_result *result;
    const char *config, *output;     // output: NULL where the results could not be saved under their name
    const char *status;              // "complete", "stopped", "unsaved"
    size_t threads, threads_in_all;  // of this process, of all
    const char *threads_reason;      // NULL: as told
    size_t ranks;
    const char *mpi;  // NULL: one process without it
    size_t n_known;
    const struct reference_match *known;
};

char *cli_summary_text(const struct cli_summary *summary, size_t width);
// Valid JSON whatever the numbers and names are: NaN and infinity are null, bytes that are no UTF-8 are replaced.
char *cli_summary_json(const struct cli_summary *summary);

char *cli_estimate_text(const struct run_estimate *estimate, size_t threads);
char *cli_estimate_json(const struct run_estimate *estimate, size_t threads);

#endif
