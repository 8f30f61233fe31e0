// SPDX-License-Identifier: GPL-3.0-or-later
// How many threads a run takes where nobody says.
#ifndef VMC_CLI_THREADS_H
#define VMC_CLI_THREADS_H

#include <stddef.h>

struct cli_threads {
    size_t n;
    const char *reason;  // static text: what set the limit
};

// The least of: processors this process may run on, the control group's share of them (rounded up), SLURM_CPUS_PER_TASK
// and OMP_NUM_THREADS. Processors that `sharing` processes may use alike are divided among them, and the control
// group's share among the `local` ones of this machine.
struct cli_threads cli_threads_default(size_t sharing, size_t local);

#endif
