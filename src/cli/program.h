// SPDX-License-Identifier: GPL-3.0-or-later
// Which program this is: `vmc`, or one that runs as several processes.
#ifndef VMC_CLI_PROGRAM_H
#define VMC_CLI_PROGRAM_H

#include "vmc/error.h"
#include "vmc/team.h"

struct cli_program {
    const char *name;         // "vmc"
    const char *mpi;          // name and version of the MPI library; NULL: none
    const char *slurm_mpi;    // what srun's --mpi has to be for it
    bool silent;              // another process prints
    const struct team *team;  // NULL: alone
    size_t sharing, local;    // processes with the same processors as this one; on this machine
    // Before a configuration is read, and at the end; NULL: nothing to do. `start` may fill in all of the above.
    bool (*start)(struct cli_program *program, struct error *error);
    void (*finish)(struct cli_program *program);
};

// main() of every program: the exit code.
int cli_main(int argc, char **argv, struct cli_program *program);
// What cli_main was given; `vmc`, alone, before that.
const struct cli_program *cli_program(void);
void cli_program_set(const struct cli_program *program);

#endif
