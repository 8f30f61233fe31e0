// SPDX-License-Identifier: GPL-3.0-or-later
// A team of MPI processes. Whoever waits for the others listens meanwhile for signals and for wishes, and leaves the
// processor to others after a while.
#ifndef VMC_MPI_TALK_H
#define VMC_MPI_TALK_H

#include "vmc/team.h"

#include <mpi.h>
#include <pthread.h>

struct talk {
    MPI_Comm work, wishes;  // ours alone, so that messages of the two never meet
    int rank, ranks;
    bool any_thread;  // MPI may be called from any thread, one at a time; else from the main one only
    pthread_t main;
    int (*ask)(void);         // the wish of this process's user
    int own, told, heard;     // wishes: this process's, what of it was told, the strongest of the others
    uint64_t sent, received;  // messages, of which each goes to all others
    int64_t looked;           // ns, the last look for messages
    bool busy;                // a thread is talking
    int *numbers;             // [2, ranks], of use in a move
};

void talk_start(struct talk *talk, bool any_thread, int (*ask)(void));
// Takes in what the others still told, and ends.
void talk_finish(struct talk *talk);
struct team talk_team(struct talk *talk);

#endif
