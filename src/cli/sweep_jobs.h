// SPDX-License-Identifier: GPL-3.0-or-later
// Pieces of work side by side, each in a process of its own.
#ifndef VMC_CLI_SWEEP_JOBS_H
#define VMC_CLI_SWEEP_JOBS_H

#include <stdbool.h>
#include <stddef.h>

struct cli_jobs {
    size_t first, last, most;                                     // numbers of the pieces; at most so many at once
    void (*work)(size_t k, void *context);                        // in the process of its own, which ends then
    bool (*ended)(size_t k, int signal, void *context);           // signal: what killed it, or 0. False: begin no more
    void (*waiting)(size_t done, size_t running, void *context);  // now and then
    void *context;
};

// Everything begun is at its end on return. Signals that ask the program to stop are passed on, each once; the
// processes are asked to stop too when this one dies.
void cli_jobs_run(const struct cli_jobs *jobs);

#endif
