// SPDX-License-Identifier: GPL-3.0-or-later
// Several processes make the same run as one, to the bit, without MPI: forked processes that talk by way of shared
// memory, with as many ranks as there are blocks, fewer and more, stopped by one of them and gone on with by another
// number.
#include "support/runs.h"
#include "vmc/team.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROOM = 1 << 24, RANKS_MOST = 6 };

// ---- a team of forked processes

struct shared {
    pthread_barrier_t barrier;
    int wish;
    _Alignas(64) char bytes[ROOM];
};

struct member {
    struct team team;
    struct shared *shared;
    long questions;  // until this one wishes to stop
    enum run_wish wish;
};

static void meet(const struct member *member) { pthread_barrier_wait(&member->shared->barrier); }

static void share(void *context, size_t root, void *bytes, size_t size)
{
    const struct member *member = context;
    for (size_t at = 0; at < size; at += ROOM) {
        const size_t piece = size - at < ROOM ? size - at : ROOM;
        if (member->team.rank == root)
            memcpy(member->shared->bytes, (char *)bytes + at, piece);
        meet(member);
        if (member->team.rank != root)
            memcpy((char *)bytes + at, member->shared->bytes, piece);
        meet(member);
    }
}

static void sum(void *context, uint64_t *values, size_t n)
{
    const struct member *member = context;
    uint64_t *all = (uint64_t *)(void *)member->shared->bytes;
    memcpy(all + member->team.rank * n, values, n * sizeof *values);
    meet(member);
    memset(values, 0, n * sizeof *values);
    for (size_t r = 0; r < member->team.ranks; r++)
        for (size_t k = 0; k < n; k++)
            values[k] += all[r * n + k];
    meet(member);
}

static void move(void *context, const struct team_parts *parts, enum team_way way)
{
    const struct member *member = context;
    const size_t rank = member->team.rank, ranks = member->team.ranks, width = parts->offset[ranks];
    char *all = member->shared->bytes;
    const size_t at_once = width > 0 ? ROOM / width : parts->rows;
    assert_true(width <= ROOM);
    for (size_t row = 0; row < parts->rows; row++) {
        char *here = (char *)parts->base + row * parts->stride, *there = all + row % at_once * width;
        for (size_t r = 0; r < ranks; r++)
            if (way == TEAM_DEAL ? rank == 0 : rank == r)
                memcpy(there + parts->offset[r], here + parts->offset[r], parts->offset[r + 1] - parts->offset[r]);
        if (row % at_once != at_once - 1 && row + 1 < parts->rows)
            continue;
        meet(member);
        for (size_t back = row - row % at_once; back <= row; back++)
            for (size_t r = 0; r < ranks; r++)
                if (way == TEAM_DEAL ? rank > 0 && r == rank : r != rank && (way == TEAM_GATHER_ALL || rank == 0))
                    memcpy((char *)parts->base + back * parts->stride + parts->offset[r],
                           all + back % at_once * width + parts->offset[r], parts->offset[r + 1] - parts->offset[r]);
        meet(member);
    }
}

static int wish(void *context, int mine)
{
    const struct member *member = context;
    int *strongest = &member->shared->wish, now = __atomic_load_n(strongest, __ATOMIC_SEQ_CST);
    while (mine > now && !__atomic_compare_exchange_n(strongest, &now, mine, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        ;
    return mine > now ? mine : now;
}

static enum run_wish ask(void *context)
{
    struct member *member = context;
    return member->questions > 0 && --member->questions == 0 ? member->wish : RUN_GO_ON;
}

// ---- runs

static struct runs_outcome run_as(struct member *member, const char *set, const char *const *overrides,
                                  const char *output, bool resume)
{
    struct run_options options = { .resume = resume, .team = &member->team };
    if (member->questions > 0)
        options.wish = ask, options.context = member;
    return runs_of(runs_set(set), overrides, output, options);
}

// Rank 0 is this process. With questions > 0 the last one wishes to stop after so many.
static struct runs_outcome run_together(size_t ranks, long questions, const char *set, const char *const *overrides,
                                        const char *output, bool resume)
{
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_barrierattr_t attribute;
    pid_t child[RANKS_MOST];
    assert_true(shared != MAP_FAILED);
    pthread_barrierattr_init(&attribute);
    pthread_barrierattr_setpshared(&attribute, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&shared->barrier, &attribute, (unsigned)ranks);
    fflush(NULL);
    for (size_t r = 1; r <= ranks; r++) {
        struct member member = { { r % ranks, ranks, NULL, move, share, sum, wish }, shared, 0, RUN_STOP_NOW };
        if (r % ranks == ranks - 1)
            member.questions = questions;
        member.team.context = &member;
        if (r < ranks && (child[r] = fork()) > 0)
            continue;
        alarm(r < ranks ? 300 : 0);
        const struct runs_outcome outcome = run_as(&member, set, overrides, output, resume);
        if (r < ranks)
            _exit(outcome.good ? 0 : (int)outcome.kind);
        for (size_t other = 1; other < ranks; other++) {
            int status;
            assert_int_equal(waitpid(child[other], &status, 0), child[other]);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == (outcome.good ? 0 : (int)outcome.kind));
        }
        munmap(shared, sizeof *shared);
        return outcome;
    }
    abort();
}

static const struct {
    const char *set, *overrides[10];
} cases[] = {
    { "amplitude-3p3d",
      { "sampler.walkers=160", "optimizer.iterations=4", "optimizer.samples=640", "measure.samples=3200",
        "sampler.burn_in=20", "observables.kinds=auto", "measure.positions=30" } },
    { "amplitude-3p3d",
      { "sampler.walkers=288", "optimizer.iterations=3", "optimizer.starts=2", "measure.samples=6400",
        "sampler.burn_in=20", "sampler.temperatures=1, 1.5", "sampler.method=hmc" } },
    { "amplitude-2p2d",
      { "sampler.walkers=96", "optimizer.method=adam", "optimizer.iterations=8", "optimizer.samples=200",
        "measure.samples=200000", "measure.series_values=1024", "measure.target_error=0.01",
        "observables.kinds=auto" } },
    { "amplitude-2p2d",
      { "sampler.walkers=128", "sampler.method=exact", "optimizer.method=exact", "optimizer.starts=3",
        "optimizer.iterations=12", "measure.samples=1280" } },
    // stopped between passes of measuring: what there is of the series is dealt out again
    { "amplitude-2p2d",
      { "sampler.walkers=96", "optimizer.iterations=0", "sampler.burn_in=5", "measure.samples=73728",
        "measure.controls=none", "observables.kinds=none" } },
};
enum { CASES = sizeof cases / sizeof *cases };

static void expect_alike(const char *first, const char *second)
{
    const struct runs_comparison found = runs_compare(first, second);
    assert_int_equal(found.different, 0);
    assert_true(found.same > 80);
}

static void test_ranks(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        const char *alone = runs_path("alone.h5"), *together = runs_path("together.h5");
        assert_true(runs_of(runs_set(cases[c].set), cases[c].overrides, alone, (struct run_options){ 0 }).good);
        for (size_t ranks = 2; ranks <= RANKS_MOST; ranks += 2 + c % 2) {
            assert_true(run_together(ranks, 0, cases[c].set, cases[c].overrides, together, false).good);
            expect_alike(alone, together);
        }
    }
}

static void test_stopped(void **state)
{
    (void)state;
    for (size_t c = 0; c < CASES; c++) {
        const char *alone = runs_path("alone.h5"), *together = runs_path("together.h5");
        assert_true(runs_of(runs_set(cases[c].set), cases[c].overrides, alone, (struct run_options){ 0 }).good);
        size_t stopped = 0;
        struct runs_outcome outcome = { .good = false };
        remove(together);
        for (size_t ranks = 3; !outcome.good && stopped < 20; ranks = 5 - ranks, stopped += !outcome.good) {
            outcome = run_together(ranks, (c == 3 ? 40 : 150) * (1 + (long)stopped * (long)stopped), cases[c].set,
                                   cases[c].overrides, together, true);
            assert_true(outcome.good || outcome.kind == ERROR_STOPPED);
        }
        print_message("%s: stopped %zu times\n", cases[c].set, stopped);
        assert_true(outcome.good && stopped > 1);
        expect_alike(alone, together);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_ranks), cmocka_unit_test(test_stopped) };
    return cmocka_run_group_tests(tests, runs_make_folder, runs_remove_folder);
}
