// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzzes the reading of configurations: the config and settings code is compiled with the address and
// undefined-behaviour sanitizers and calls __sanitizer_cov_trace_pc at every basic block. A changed text that takes a
// new path joins the texts to be changed.
//
//   fuzz_config [--seconds T] [--seed N] [--keep FOLDER] FOLDER...
//
// All files of the folders are judged first, and with T = 0 that is all. --keep writes the texts that between them take
// all paths seen, cut to what they need. Ends with 1 and the text in a file where something is wrong: a report by a
// sanitizer, memory not given back, a text that takes longer than TEXT_SECONDS, or a rule of fuzz_judge.c broken. A
// process of its own does the work, so that the text survives it.
#include "faults/fuzz.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATHS = 1 << 16, TEXT_SECONDS = 20, LEVELS = 8, SHORT = 1024 };

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
void __sanitizer_cov_trace_pc(void);
size_t __sanitizer_get_current_allocated_bytes(void);  // gcc 12 comes without the header

// Leaks are found by counting, text by text, which works where a tracer is not allowed too. No text needs as much as 64
// MB at once.
const char *__asan_default_options(void)
{
    return "detect_leaks=0:max_allocation_size_mb=64:allocator_may_return_null=0:quarantine_size_mb=8";
}
const char *__ubsan_default_options(void) { return "print_stacktrace=1"; }

// --- paths: steps from one basic block to the next, by hash ---

static unsigned char steps[PATHS];  // of the text being judged: how often, up to 255
static uintptr_t last;
static unsigned char seen[PATHS];  // of all texts: a bit for once, twice, up to 4, 8, …, times

__attribute__((no_sanitize("address", "undefined"))) void __sanitizer_cov_trace_pc(void)
{
    const uintptr_t here = ((uintptr_t)__builtin_return_address(0) - (uintptr_t)&fuzz_judge) * 0x9e3779b97f4a7c15 >> 40;
    unsigned char *step = &steps[(here ^ last) % PATHS];
    *step = (unsigned char)(*step + (*step < 255));
    last = here >> 1;
}

static unsigned char level(unsigned char count)
{
    int k = 0;
    for (; count > 1 << k && k < LEVELS - 1;)
        k++;
    return (unsigned char)(count == 0 ? 0 : 1 << k);
}

// --- texts ---

struct text {
    char *bytes;
    size_t length;
};
static struct text *texts;
static size_t n_texts;

// What is worked on and how far it is, for the parent to see.
static struct shared {
    size_t runs, paths;
    double slowest;
    size_t length;
    char text[FUZZ_TEXT_MOST];
} * shared;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void add_text(const char *bytes, size_t length)
{
    struct text *larger = realloc(texts, (n_texts + 1) * sizeof *texts);
    char *copy = malloc(length + 1);
    if (!larger || !copy)
        abort();
    memcpy(copy, bytes, length);
    texts = larger;
    texts[n_texts++] = (struct text){ copy, length };
}

// Bytes of memory that are not given back. The C library keeps some for itself at first: what stays is what every turn
// takes anew.
static void judge_once(size_t length)
{
    size_t before = __sanitizer_get_current_allocated_bytes(), kept = 0;
    for (int turn = 0; turn < 3; turn++) {
        fuzz_judge(shared->text, length);
        size_t after = __sanitizer_get_current_allocated_bytes();
        kept = after > before ? after - before : 0;
        before = after;
        if (kept == 0)
            return;
    }
    fuzz_wrong("%zu bytes of memory are not given back", kept);
}

// Judges the text in `shared`; steps has its path.
static void judge(size_t length)
{
    memset(steps, 0, sizeof steps);
    last = 0;
    shared->length = length;
    shared->runs++;
    alarm(TEXT_SECONDS);
    const double start = now();
    judge_once(length);
    const double time = now() - start;
    alarm(0);
    if (time > shared->slowest)
        shared->slowest = time;
}

// Whether the text takes a new step, or is short and takes a known one more often than others: it is worth being
// changed.
static bool is_new(void)
{
    bool found = false, more = false;
    for (size_t k = 0; k < PATHS; k++) {
        if (steps[k] == 0 || (seen[k] & level(steps[k])))
            continue;
        found = found || seen[k] == 0;
        more = true;
        shared->paths += seen[k] == 0;
        seen[k] |= level(steps[k]);
    }
    return found || (more && shared->length <= SHORT);
}

static void judge_text(const struct text *text)
{
    memcpy(shared->text, text->bytes, text->length);
    judge(text->length);
}

// --- files ---

static void read_file(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *in = fopen(path, "rb");
    size_t length = in ? fread(shared->text, 1, FUZZ_TEXT_MOST, in) : 0;
    if (!in)
        return;
    fclose(in);
    add_text(shared->text, length);
}

static int plain_file(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static void read_folder(const char *folder)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, plain_file, alphasort);
    if (n < 0)
        fuzz_wrong("%s: cannot be read", folder);
    for (int k = 0; k < n; k++) {
        read_file(folder, entries[k]->d_name);
        free(entries[k]);
    }
    free(entries);
}

static bool write_file(const char *folder, const char *bytes, size_t length, char *path, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t k = 0; k < length; k++)
        hash = (hash ^ (unsigned char)bytes[k]) * 0x100000001b3;
    snprintf(path, size, "%s/%08x.ini", folder, (unsigned)(hash >> 32));
    FILE *out = fopen(path, "wb");
    bool good = out && fwrite(bytes, 1, length, out) == length;
    return out && fclose(out) == 0 && good;
}

// --- the texts worth keeping: each time the one with the most steps that are not kept yet ---

static unsigned char kept[PATHS], wanted[PATHS];

// Of all texts, a bit per step.
static unsigned char *all_paths(void)
{
    unsigned char *paths = calloc(n_texts, PATHS / 8);
    if (!paths)
        abort();
    for (size_t t = 0; t < n_texts; t++) {
        judge_text(&texts[t]);
        for (size_t k = 0; k < PATHS; k++)
            if (steps[k] > 0)
                paths[t * (PATHS / 8) + k / 8] |= (unsigned char)(1 << k % 8);
    }
    return paths;
}

static size_t count_new(const unsigned char *path)
{
    size_t n = 0;
    for (size_t k = 0; k < PATHS; k++)
        n += (path[k / 8] >> k % 8 & 1) != 0 && !kept[k];
    return n;
}

static struct text *most_new(const unsigned char *paths)
{
    size_t best = 0, most = 0;
    for (size_t t = 0; t < n_texts; t++) {
        const size_t n = count_new(paths + t * (PATHS / 8));
        if (n > most || (n == most && n > 0 && texts[t].length < texts[best].length)) {
            best = t;
            most = n;
        }
    }
    return most > 0 ? &texts[best] : NULL;
}

static bool still_wanted(void)
{
    for (size_t k = 0; k < PATHS; k++)
        if (wanted[k] && steps[k] == 0)
            return false;
    return true;
}

// Takes out whatever it can do without: halves, quarters, … single bytes.
static void shorten(struct text *text)
{
    for (size_t n = (text->length + 1) / 2; n > 0; n = n > 1 ? (n + 1) / 2 : 0)
        for (size_t at = 0; at + n <= text->length;) {
            memcpy(shared->text, text->bytes, at);
            memcpy(shared->text + at, text->bytes + at + n, text->length - at - n);
            judge(text->length - n);
            if (!still_wanted()) {
                at += n;
                continue;
            }
            text->length -= n;
            memcpy(text->bytes, shared->text, text->length);
        }
}

static void keep(const char *folder)
{
    char path[4096];
    unsigned char *paths = all_paths();
    for (struct text *text; (text = most_new(paths));) {
        judge_text(text);
        for (size_t k = 0; k < PATHS; k++)
            wanted[k] = steps[k] > 0 && !kept[k];
        shorten(text);
        judge_text(text);
        for (size_t k = 0; k < PATHS; k++)
            kept[k] |= steps[k] > 0;
        if (!write_file(folder, text->bytes, text->length, path, sizeof path))
            fuzz_wrong("%s: cannot be written", path);
    }
    free(paths);
}

// --- the loop ---

static void tell(double time)
{
    printf("%6.0f s  %9zu texts judged  %6zu steps seen  %5zu texts to change  slowest %.0f ms\n", time, shared->runs,
           shared->paths, n_texts, 1e3 * shared->slowest);
    fflush(stdout);
}

// Half of the time one of the latest, and mostly the shorter one of two: it is judged faster.
static const struct text *pick(uint64_t *random)
{
    const size_t latest = n_texts < 64 ? n_texts : 64;
    const struct text *picked = NULL;
    for (size_t k = fuzz_random(random, 4) > 0 ? 2 : 1; k > 0; k--) {
        const size_t at = fuzz_random(random, 2) > 0 ? fuzz_random(random, n_texts)
                                                     : n_texts - 1 - fuzz_random(random, latest);
        if (!picked || texts[at].length < picked->length)
            picked = &texts[at];
    }
    return picked;
}

static void fuzz(double seconds, uint64_t random)
{
    const double start = now();
    double told = 1;
    for (double time; (time = now() - start) < seconds;) {
        const struct text *text = pick(&random), *other = pick(&random);
        memcpy(shared->text, text->bytes, text->length);
        judge(fuzz_mutate(&random, shared->text, text->length, other->bytes, other->length));
        if (is_new())
            add_text(shared->text, shared->length);
        if (time >= told) {
            tell(time);
            told *= 2;
        }
    }
    tell(seconds);
}

struct task {
    double seconds;
    uint64_t seed;
    const char *keep;
};

static int work(const struct task *task, char **folders)
{
    for (; *folders; folders++)
        read_folder(*folders);
    if (n_texts == 0)
        fuzz_wrong("no texts to begin with");
    for (size_t k = 0; k < n_texts; k++) {
        judge_text(&texts[k]);
        is_new();
    }
    tell(0);
    if (shared->paths == 0)
        fuzz_wrong("the code under test does not say where it goes");
    if (task->seconds > 0)
        fuzz(task->seconds, task->seed);
    if (task->keep)
        keep(task->keep);
    return 0;
}

static int tell_finding(const struct task *task, int status)
{
    char path[4096];
    if (WIFSIGNALED(status))
        fprintf(stderr, "ended by signal %d%s\n", WTERMSIG(status),
                WTERMSIG(status) == SIGALRM ? ": it takes too long" : "");
    bool written = write_file(".", shared->text, shared->length, path, sizeof path);
    fprintf(stderr, "finding: seed %llu, text %zu, %zu bytes %s %s\n", (unsigned long long)task->seed, shared->runs,
            shared->length, written ? "in" : "that could not be written to", path);
    return 1;
}

int main(int argc, char **argv)
{
    struct task task = { .seed = (uint64_t)time(NULL) };
    for (; argc > 2 && argv[1][0] == '-'; argc -= 2, argv += 2) {
        if (strcmp(argv[1], "--seconds") == 0)
            task.seconds = strtod(argv[2], NULL);
        else if (strcmp(argv[1], "--seed") == 0)
            task.seed = strtoull(argv[2], NULL, 10);
        else if (strcmp(argv[1], "--keep") == 0)
            task.keep = argv[2];
        else
            break;
    }
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || argc < 2 || argv[1][0] == '-') {
        fprintf(stderr, "usage: fuzz_config [--seconds T] [--seed N] [--keep FOLDER] FOLDER...\n");
        return 2;
    }
    printf("seed %llu\n", (unsigned long long)task.seed);
    fflush(stdout);
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        return work(&task, argv + 1);
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return 2;
    return status == 0 ? 0 : tell_finding(&task, status);
}
