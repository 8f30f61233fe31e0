// SPDX-License-Identifier: GPL-3.0-or-later
// vmc-mpi: the program `vmc` as several processes.
#include "cli/program.h"
#include "cli/signals.h"
#include "mpi/talk.h"
#include "version.h"
#include "vmc/level.h"

#include <ctype.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CPUS_MOST = 1 << 16, BUILD_SIZE = 200 };

static struct talk talk;
static struct team team;
static char library[MPI_MAX_LIBRARY_VERSION_STRING];

static int ask(void) { return (int)cli_signals_wish(NULL); }

// "Open MPI v4.1.4", "MPICH 4.0.2": up to the first comma or the end of the first line, blanks in one.
static void name_library(void)
{
    int length;
    size_t n = 0;
    MPI_Get_library_version(library, &length);
    library[strcspn(library, ",\n")] = '\0';
    for (const char *from = library; *from; from++)
        if (!isspace((unsigned char)*from))
            library[n++] = *from;
        else if (n > 0 && library[n - 1] != ' ')
            library[n++] = ' ';
    library[n > 0 && library[n - 1] == ' ' ? n - 1 : n] = '\0';
    char *word = strstr(library, " Version:");
    if (word)
        memmove(word, word + strlen(" Version:"), strlen(word + strlen(" Version:")) + 1);
}

// Before there is MPI the environment tells: texts are printed once.
static bool is_another(void)
{
    static const char *const names[] = { "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID" };
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        if (getenv(names[k]))
            return atoi(getenv(names[k])) > 0;
    return false;
}

// How many processes there are on this machine, and how many of them have just the processors of this one.
static void count_neighbours(struct cli_program *program)
{
    const size_t size = CPU_ALLOC_SIZE(CPUS_MOST);
    MPI_Comm machine;
    int n, rank;
    MPI_Comm_split_type(talk.work, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
    MPI_Comm_size(machine, &n);
    MPI_Comm_rank(machine, &rank);
    char *masks = calloc((size_t)n, size), *mine = masks + (size_t)rank * size;
    if (!masks || sched_getaffinity(0, size, (cpu_set_t *)(void *)mine) != 0)
        MPI_Abort(talk.work, ERROR_INTERNAL);
    MPI_Allgather(MPI_IN_PLACE, 0, MPI_BYTE, masks, (int)size, MPI_BYTE, machine);
    program->local = (size_t)n;
    program->sharing = 0;
    for (int r = 0; r < n; r++)
        program->sharing += memcmp(masks + (size_t)r * size, mine, size) == 0;
    free(masks);
    MPI_Comm_free(&machine);
}

// Everyone decides alike from the same numbers, which takes one build of the program, and processors that round alike:
// all with FMA, or none.
static bool check_builds(struct error *error)
{
    char mine[BUILD_SIZE] = "", first[BUILD_SIZE];
    snprintf(mine, sizeof mine, "%s, revision %s, processors %s fused multiply-add", VMC_VERSION, VMC_GIT_REVISION,
             strcmp(level_name(), "x86-64") == 0 ? "without" : "with");
    memcpy(first, mine, sizeof first);
    team_share(&team, first, sizeof first);
    const bool same = memcmp(first, mine, sizeof first) == 0;
    if (!same)
        error_add(
            error, ERROR_INTERNAL,
            "rank %zu is not what rank 0 is (%s; rank 0: %s); start one program everywhere, on one kind of processor",
            team.rank, mine, first);
    return team_agree(&team, same, error);
}

static bool start(struct cli_program *program, struct error *error)
{
    int level;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level);
    talk_start(&talk, level >= MPI_THREAD_SERIALIZED, ask);
    team = talk_team(&talk);
    program->silent = team.rank > 0;
    program->team = team.ranks > 1 ? &team : NULL;
    count_neighbours(program);
    return check_builds(error);
}

static void finish(struct cli_program *program)
{
    (void)program;
    talk_finish(&talk);
    MPI_Finalize();
}

int main(int argc, char **argv)
{
    struct cli_program program = { .name = "vmc-mpi",
                                   .mpi = library,
                                   .silent = is_another(),
                                   .sharing = 1,
                                   .local = 1,
                                   .start = start,
                                   .finish = finish };
    name_library();
    program.slurm_mpi = strncmp(library, "Open MPI", 8) == 0 ? "pmix" : "pmi2";
    return cli_main(argc, argv, &program);
}
