// SPDX-License-Identifier: GPL-3.0-or-later
// A results file read back: its settings, its result and what it takes to judge them.
#ifndef VMC_DIAGNOSE_H
#define VMC_DIAGNOSE_H

#include "vmc/judge.h"
#include "vmc/run.h"

struct run_reading {
    struct settings settings;
    struct run_result result;
    struct run_evidence evidence;                     // of the above; its `exact` is NAN, for the caller to fill in
    char *status, *created, *version, *reason, *end;  // owned
    double *series;                                   // owned
};

// ERROR_INPUT, ERROR_DAMAGED; ERROR_CONFIG where the file holds no results of one run. On failure nothing is left to
// finish.
bool run_reading_open(struct run_reading *reading, const char *path, struct error *error);
void run_reading_finish(struct run_reading *reading);

#endif
