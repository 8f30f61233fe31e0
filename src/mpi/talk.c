// SPDX-License-Identifier: GPL-3.0-or-later
#include "mpi/talk.h"

#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

enum { TAG_WISH = 1, TAG_PART, WISHES = 3 };
enum { PIECE = 1 << 30 };                           // bytes: counts of MPI are ints
enum { TRIES_BUSY = 500, TRIES_YIELDING = 20000 };  // of a wait, before it yields the processor, and before it sleeps
static const int64_t LOOK_INTERVAL = 2000000, NAP = 50000;  // ns

// ---- wishes

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME_COARSE, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

// Asked very often, by every thread. A clock that was set back makes it due.
static bool is_due(const struct talk *talk, int64_t time)
{
    const int64_t since = time - __atomic_load_n(&talk->looked, __ATOMIC_RELAXED);
    return since < 0 || since >= LOOK_INTERVAL ||
           __atomic_load_n(&talk->own, __ATOMIC_RELAXED) > __atomic_load_n(&talk->told, __ATOMIC_RELAXED);
}

static int load(const int *value) { return __atomic_load_n(value, __ATOMIC_RELAXED); }

static void raise_to(int *value, int least)
{
    if (load(value) < least)
        __atomic_store_n(value, least, __ATOMIC_RELAXED);
}

// The messages are not waited for: nobody needs to be listening.
static void pass_on_wish(struct talk *talk)
{
    static const int level[WISHES] = { 0, 1, 2 };
    const int own = load(&talk->own);
    if (own <= talk->told)
        return;
    for (int r = 0; r < talk->ranks; r++) {
        MPI_Request request;
        if (r == talk->rank)
            continue;
        MPI_Isend(&level[own], 1, MPI_INT, r, TAG_WISH, talk->wishes, &request);
        MPI_Request_free(&request);
    }
    __atomic_store_n(&talk->told, own, __ATOMIC_RELAXED);
    talk->sent++;
}

static void hear(struct talk *talk)
{
    for (int there = 1, level; there;) {
        MPI_Iprobe(MPI_ANY_SOURCE, TAG_WISH, talk->wishes, &there, MPI_STATUS_IGNORE);
        if (!there)
            break;
        MPI_Recv(&level, 1, MPI_INT, MPI_ANY_SOURCE, TAG_WISH, talk->wishes, MPI_STATUS_IGNORE);
        raise_to(&talk->heard, level);
        talk->received++;
    }
}

static int wish(void *context, int mine)
{
    struct talk *talk = context;
    const bool may = talk->any_thread || pthread_equal(pthread_self(), talk->main);
    raise_to(&talk->own, mine < WISHES ? mine : WISHES - 1);
    const int64_t time = now();
    if (may && is_due(talk, time) && !__atomic_exchange_n(&talk->busy, true, __ATOMIC_ACQUIRE)) {
        pass_on_wish(talk);
        hear(talk);
        __atomic_store_n(&talk->looked, time, __ATOMIC_RELAXED);
        __atomic_store_n(&talk->busy, false, __ATOMIC_RELEASE);
    }
    const int own = load(&talk->own), heard = load(&talk->heard);
    return own > heard ? own : heard;
}

// ---- numbers, between passes: by the main thread alone

static void wait_for(struct talk *talk, MPI_Request *request)
{
    for (int done = 0, tries = 0;;) {
        MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (done)
            return;
        wish(talk, talk->ask());
        if (tries < TRIES_YIELDING)
            tries++;
        if (tries == TRIES_YIELDING)
            nanosleep(&(struct timespec){ .tv_nsec = NAP }, NULL);
        else if (tries > TRIES_BUSY)
            sched_yield();
    }
}

static void share(void *context, size_t root, void *bytes, size_t size)
{
    struct talk *talk = context;
    MPI_Request request;
    for (size_t at = 0; at < size; at += PIECE) {
        MPI_Ibcast((char *)bytes + at, (int)(size - at < PIECE ? size - at : PIECE), MPI_BYTE, (int)root, talk->work,
                   &request);
        wait_for(talk, &request);
    }
}

static void sum(void *context, uint64_t *values, size_t n)
{
    struct talk *talk = context;
    MPI_Request request;
    MPI_Iallreduce(MPI_IN_PLACE, values, (int)n, MPI_UINT64_T, MPI_SUM, talk->work, &request);
    wait_for(talk, &request);
}

// One part between rank 0 and its owner, by both of them; in pieces of so many rows, or of so many bytes of the only
// row.
static void carry(struct talk *talk, const struct team_parts *parts, size_t owner, enum team_way way)
{
    const size_t width = parts->offset[owner + 1] - parts->offset[owner], rows = width > 0 ? parts->rows : 0;
    const size_t per_piece = rows == 1 || PIECE / width < 1 ? 1 : PIECE / width, most = per_piece == 1 ? PIECE : width;
    const int peer = talk->rank == 0 ? (int)owner : 0;
    const bool sends = (talk->rank == 0) == (way == TEAM_DEAL);
    for (size_t row = 0; row < rows; row += per_piece)
        for (size_t at = 0; at < width; at += most) {
            char *place = (char *)parts->base + row * parts->stride + parts->offset[owner] + at;
            const int count = (int)(rows - row < per_piece ? rows - row : per_piece),
                      length = (int)(width - at < most ? width - at : most);
            MPI_Datatype type;
            MPI_Request request;
            MPI_Type_create_hvector(count, length, (MPI_Aint)parts->stride, MPI_BYTE, &type);
            MPI_Type_commit(&type);
            if (sends)
                MPI_Isend(place, 1, type, peer, TAG_PART, talk->work, &request);
            else
                MPI_Irecv(place, 1, type, peer, TAG_PART, talk->work, &request);
            wait_for(talk, &request);
            MPI_Type_free(&type);
        }
}

// To all from all; the parts of one row follow each other.
static void spread(struct talk *talk, const struct team_parts *parts, int *counts, int *places)
{
    MPI_Request request;
    for (int r = 0; r < talk->ranks; r++) {
        counts[r] = (int)(parts->offset[r + 1] - parts->offset[r]);
        places[r] = (int)parts->offset[r];
    }
    for (size_t row = 0; row < parts->rows; row++) {
        MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_BYTE, (char *)parts->base + row * parts->stride, counts, places, MPI_BYTE,
                        talk->work, &request);
        wait_for(talk, &request);
    }
}

static void move(void *context, const struct team_parts *parts, enum team_way way)
{
    struct talk *talk = context;
    if (way != TEAM_GATHER_ALL) {
        for (int owner = 1; owner < talk->ranks; owner++)
            if (talk->rank == 0 || talk->rank == owner)
                carry(talk, parts, (size_t)owner, way);
    } else if (parts->offset[talk->ranks] <= INT_MAX) {
        spread(talk, parts, talk->numbers, talk->numbers + talk->ranks);
    } else {
        for (size_t row = 0; row < parts->rows; row++)
            for (int owner = 0; owner < talk->ranks; owner++)
                share(talk, (size_t)owner, (char *)parts->base + row * parts->stride + parts->offset[owner],
                      parts->offset[owner + 1] - parts->offset[owner]);
    }
}

// ---- from beginning to end

void talk_start(struct talk *talk, bool any_thread, int (*ask)(void))
{
    *talk = (struct talk){ .any_thread = any_thread, .main = pthread_self(), .ask = ask };
    MPI_Comm_dup(MPI_COMM_WORLD, &talk->work);
    MPI_Comm_dup(MPI_COMM_WORLD, &talk->wishes);
    MPI_Comm_rank(talk->work, &talk->rank);
    MPI_Comm_size(talk->work, &talk->ranks);
    talk->numbers = calloc(2 * (size_t)talk->ranks, sizeof *talk->numbers);
    if (!talk->numbers)
        MPI_Abort(MPI_COMM_WORLD, ERROR_INTERNAL);
}

static int nobody(void) { return 0; }

void talk_finish(struct talk *talk)
{
    talk->ask = nobody;
    talk->told = WISHES;  // nothing more is told from here on
    uint64_t all = talk->sent;
    sum(talk, &all, 1);
    while (talk->received < all - talk->sent)
        hear(talk);
    free(talk->numbers);
    MPI_Comm_free(&talk->work);
    MPI_Comm_free(&talk->wishes);
}

struct team talk_team(struct talk *talk)
{
    return (struct team){ (size_t)talk->rank, (size_t)talk->ranks, talk, move, share, sum, wish };
}
