// SPDX-License-Identifier: GPL-3.0-or-later
// What commands say from beginning to end, against a record: runs, sweeps, merged tables, verdicts, pictures, learning,
// refusals; beside a terminal and on one. Each is a call of the program in a process of its own. Time goes by looks at
// the clock, a stand-in for gnuplot keeps what it is told. Numbers count to eight digits.
//
//     test_commands RECORD            compares
//     test_commands RECORD --write    records anew
#include "support/clock.h"
#include "support/recorded.h"
#include "support/shown.h"

#include "cli/plot_parts.h"
#include "cli/program.h"
#include "vmc/level.h"
#include "vmc/record.h"

#include <ctype.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS = 40, TEXT_SIZE = 1 << 18, SECONDS = 60, LONGEST = 4000 };

static char folder[] = "/tmp/vmc-commands-XXXXXX", program[PATH_MAX];

// ---- a machine of six processors, whose control groups say nothing

int sched_getaffinity(pid_t process, size_t size, cpu_set_t *set)
{
    (void)process;
    CPU_ZERO_S(size, set);
    for (size_t k = 0; k < 6; k++)
        CPU_SET_S(k, size, set);
    return 0;
}

FILE *fopen(const char *path, const char *mode)
{
    static FILE *(*real)(const char *, const char *);
    if (strncmp(path, "/sys/fs/cgroup", 14) == 0 || strcmp(path, "/proc/self/cgroup") == 0)
        return NULL;
    if (!real) {
        void *found = dlsym(RTLD_NEXT, "fopen");
        memcpy(&real, &found, sizeof real);
    }
    return real(path, mode);
}

// ---- files

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
}

static const char run_ini[] =
    "[system]\nparticles = 2\ndimensions = 2\ninteraction = coulomb\n[wavefunction]\nfactors = rbm\n[rbm]\nhidden = "
    "1\n[optimizer]\nmethod = adam\niterations = 3\n[sampler]\nmethod = langevin\nwalkers = 32\nburn_in = "
    "8\n[measure]\nsamples = "
    "640\n[run]\nseed = 3\n";
static const char short_ini[] =
    "[system]\nparticles = 2\ndimensions = %s\n%s[wavefunction]\nfactors = gaussian\n[optimizer]\niterations = "
    "0\n[sampler]\nmethod = "
    "metropolis\nwalkers = 32\nburn_in = 4\n[measure]\nsamples = 320\n[observables]\nrange = 3\nbins = 4\n%s";

static void write_files(void)
{
    char text[2000];
    write_file("run.ini", run_ini);
    snprintf(text, sizeof text, short_ini, "2", "interaction = soft-coulomb\n",
             "[sweep]\ngaussian.alpha = 0.8 | 1\nrun.seed = 1 | 2\n");
    write_file("sweep.ini", text);
    snprintf(text, sizeof text, short_ini, "3", "omega = 1, 1, 2\n", "[sweep]\nsampler.thin = 1:3:2\n");
    write_file("thin.ini", text);
    snprintf(text, sizeof text, short_ini, "2", "", "");
    write_file("bare.ini", text);
    snprintf(text, sizeof text, short_ini, "2", "", "[sweep]\nsystem.omega = 1 | -1 | x\n");
    write_file("bad-sweep.ini", text);
    write_file("bad.ini", "[system]\nparticles = x\nparticle = 1\n[nothing]\na\n");
    write_file("empty.ini", "");
    write_file(
        "learn.ini",
        "[learn]\ndata = x.csv\nvisible = binary\nnegative = exact\nmethod = exact\nhidden = 1\niterations = 12\n");
    write_file("spins.ini", "[learn]\ndata = y.csv\nvisible = spins\nnegative = exact\nmethod = exact\niterations = "
                            "12\nposterior = yes\nposterior_samples = 64\n");
    write_file("learn-sweep.ini", "[learn]\ndata = x.csv\n[sweep]\nlearn.hidden = 1 | 2\n");
    FILE *x = fopen("x.csv", "w"), *y = fopen("y.csv", "w");
    for (unsigned k = 0; k < 40; k++) {
        fprintf(x, "%u,%u,%u\n", k * k % 17 < 8, k * 5 % 13 < 7, k % 3 == 0);
        fprintf(y, "%d,%d,%d\n", k * k % 17 < 8 ? 1 : -1, k * 5 % 13 < 7 ? 1 : -1, k % 3 == 0 ? -1 : 1);
    }
    fclose(x);
    fclose(y);
    if (mkdir("bin", 0700) != 0 || mkdir("folder", 0700) != 0)
        abort();
    write_file("bin/gnuplot", "#!/bin/sh\n[ \"$1\" = --version ] && echo gnuplot && echo of no use >&2 && exit 0\ncp "
                              "\"$1\" told\n: > \"$(sed -n \"s/^set "
                              "output '\\(.*\\)'/\\1/p\" \"$1\")\"\n[ ! -e no-picture ]\n");
    if (chmod("bin/gnuplot", 0700) != 0)
        abort();
}

// ---- one command

struct command {
    const char *words;       // separated by blanks; %: a blank within one
    unsigned short columns;  // of a terminal; 0: beside one
    const char *also;        // what is done before: see prepare
};

static void prepare(const char *what)
{
    if (!what)
        return;
    char text[400];
    snprintf(text, sizeof text, "%s", what);
    if (system(text) != 0)
        abort();
}

static void become_program(const struct command *command)
{
    static const struct cli_program silent = {
        .name = "vmc-mpi", .mpi = "Test MPI 1.0", .slurm_mpi = "pmix", .sharing = 1, .local = 1
    };
    char text[2000], *words[WORDS] = { (char *)(uintptr_t) "vmc" }, *rest = text;
    int n = 1;
    snprintf(text, sizeof text, "%s", command->words);
    for (char *word; (word = strsep(&rest, " ")) && n + 1 < WORDS;)
        if (*word) {
            for (char *c = word; *c; c++)
                *c = *c == '%' ? ' ' : *c;
            words[n++] = word;
        }
    setrlimit(RLIMIT_CPU, &(struct rlimit){ SECONDS, SECONDS });
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    clock_begin(0.003);
    struct cli_program own = { .name = "vmc", .sharing = 1, .local = 1 };
    if (strcmp(words[n > 1 ? 1 : 0], "MPI") == 0) {
        own = silent;
        words[1] = words[0];
        fflush(NULL);
        const int code = cli_main(n - 1, words + 1, &own);
        fflush(NULL);
        _exit(code);
    }
    const int code = cli_main(n, words, &own);
    fflush(NULL);
    _exit(code);
}

static size_t read_some(int from, char *text)
{
    size_t used = 0;
    for (ssize_t n; used + 1 < TEXT_SIZE && (n = read(from, text + used, TEXT_SIZE - 1 - used)) > 0;)
        used += (size_t)n;
    text[used] = '\0';
    return used;
}

static int ask(const struct command *command, char said[TEXT_SIZE])
{
    int terminal = -1, status, out = -1;
    if (command->columns > 0) {
        const struct winsize size = { .ws_row = 24, .ws_col = command->columns };
        terminal = posix_openpt(O_RDWR | O_NOCTTY);
        if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0)
            abort();
        out = open(ptsname(terminal), O_RDWR | O_NOCTTY);
        ioctl(out, TIOCSWINSZ, &size);
    } else {
        out = open("said", O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
    }
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
        close(out);
        become_program(command);
    }
    if (terminal >= 0) {
        close(out);
        read_some(terminal, said);
        close(terminal);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        abort();
    if (terminal < 0) {
        lseek(out, 0, SEEK_SET);
        read_some(out, said);
        close(out);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// ---- what is shown of it

// The length of "13 MB", or of a number of bytes in JSON: memory in use is that of all libraries.
static size_t memory_at(const char *text)
{
    const size_t digits = strspn(text, "0123456789.");
    if (strncmp(text, "\"memory\": ", 10) == 0)
        return 10 + strspn(text + 10, "0123456789.");
    return digits > 0 && strncmp(text + digits, " MB", 3) == 0 ? digits + 3 : 0;
}

// The folder and the program have other names elsewhere; commas and brackets stand apart, so that numbers are words.
static void show_clean(FILE *out, const char *text)
{
    for (size_t n; *text; text += n) {
        n = 1;
        if (strncmp(text, folder, strlen(folder)) == 0) {
            fputs("FOLDER", out);
            n = strlen(folder);
        } else if (strncmp(text, program, strlen(program)) == 0) {
            fputs("PROGRAM", out);
            n = strlen(program);
        } else if (strncmp(text, "vmc-plot-", 9) == 0) {
            fputs("vmc-plot-", out);
            n = 15;
        } else if (strncmp(text, level_name(), strlen(level_name())) == 0) {
            fputs("LEVEL", out);
            n = strlen(level_name());
        } else if (memory_at(text) > 0) {
            fputs("MEMORY", out);
            n = memory_at(text);
        } else if (*text == '\r' || *text == '\033') {
            fputs(*text == '\r' ? "<" : "ESC", out);
        } else if (strchr(",{}[]()", *text)) {
            fprintf(out, " %c ", *text);
        } else {
            fputc(*text, out);
        }
    }
}

static void show(FILE *out, const char *text)
{
    char *clean = NULL;
    size_t length = 0;
    FILE *own = open_memstream(&clean, &length);
    show_clean(own, text);
    fclose(own);
    if (length <= LONGEST)
        fputs(clean, out);
    else
        fprintf(out, "%zu bytes %016llx\n", length, (unsigned long long)recorded_number(clean));
    if (length > 0 && length <= LONGEST && clean[length - 1] != '\n')
        fputc('\n', out);
    free(clean);
}

// What gnuplot was told: words as they are, numbers as two sums.
static void say_told(FILE *out)
{
    static char text[TEXT_SIZE];
    FILE *file = fopen("told", "r");
    if (!file)
        return;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    unlink("told");
    static double values[TEXT_SIZE / 2];
    size_t lines = 0, count = 0;
    for (char *line = text; *line; lines++) {
        const size_t n = strcspn(line, "\n");
        char *end = line, *next;
        if (isdigit((unsigned char)*line) || *line == '-') {
            for (double value; value = strtod(end, &next), next != end && next <= line + n; end = next)
                values[count++] = value;
        } else {
            fprintf(out, "  | %.*s\n", (int)n, line);
        }
        line += n + (line[n] == '\n');
    }
    fprintf(out, "  | %zu lines:", lines);
    shown_numbers(out, count, values);
    fputc('\n', out);
}

#define GNUPLOT " --with gnuplot"
static const struct command commands[] = {
    { "run.ini -o run.h5 -t 1", 0, NULL },
    { "run.ini -o run.h5 -t 1", 0, NULL },  // kept as run.1.h5
    { "run.ini -o run.h5 -t 1 --resume", 0, NULL },
    { "run.ini -o run.h5 -t 1 --resume -s measure.samples=960 --json", 0, NULL },
    { "run.ini -o run.h5 -t 1 --force -v --progress always", 0, NULL },
    { "run.ini -o part.h5 -t 1 --max-time 0.2", 0, NULL },
    { "run.ini -o part.h5 -t 1", 0, NULL },
    { "run.ini -o part.h5 -t 1 --resume --max-time 0.2 --json", 0, NULL },
    { "run.ini -o part.h5 -t 1 --resume -v", 0, NULL },
    { "run.ini -o none.h5 -t 1 --resume", 0, NULL },
    { "run.ini -o run.h5 -t 1 --resume -s run.seed=4", 0, NULL },
    { "run.ini --check -t 1", 0, NULL },
    { "run.ini --check --json -t 1", 0, NULL },
    { "run.ini --print-config", 0, NULL },
    { "run.ini --print-config -s rbm.hidden=3 -s wavefunction.factors=rbm,pade-jastrow", 0, NULL },
    { "bare.ini -o bare.h5 -t 1", 0, NULL },
    { "run.ini -o folder -t 1", 0, NULL },
    { "run.ini -o folder/ -t 1", 0, NULL },
    { "run.ini -o nowhere/x.h5 -t 1", 0, NULL },
    { "run.ini -o run.ini -t 1", 0, NULL },
    { "run.ini -o x.csv -t 1", 0, NULL },
    { "run.ini -s nonsense -s a.b -s .c=1 -t 1", 0, NULL },
    { "run.ini -s system.particles=x -t 1", 0, NULL },
    { "run.ini --task 1 -t 1", 0, NULL },
    { "run.ini -j 2 -t 1", 0, NULL },
    { "run.ini --resume --force", 0, NULL },
    { "nowhere.ini -t 1", 0, NULL },
    { "bad.ini -t 1", 0, NULL },
    { "empty.ini -t 1", 0, NULL },
    { "folder -t 1", 0, NULL },
    { "bare.ini bare.ini", 0, NULL },
    // on a terminal
    { "run.ini -o run.h5 -t 1 --force", 60, NULL },
    { "run.ini -o run.h5 -t 1 --force --max-time 0.2", 120, NULL },
    { "run.ini -o run.h5 -t 1 --force -v", 80, NULL },
    { "bad.ini -t 1", 80, NULL },
    { "show run.h5", 50, NULL },
    { "sweep.ini -t 1 -o tty.h5 --task 0-1", 70, NULL },
    { "help merge", 30, NULL },
    { "--help-config measure", 47, NULL },
    // sweeps
    { "sweep list sweep.ini", 0, NULL },
    { "sweep.ini -o sweep.h5 -t 1 --check", 0, NULL },
    { "sweep.ini -o sweep.h5 -t 1 --check --json", 0, NULL },
    { "sweep.ini -o sweep.h5 -t 1 --task 1-2", 0, NULL },
    { "sweep.ini -o sweep.h5 -t 1 --progress always", 0, NULL },
    { "sweep.ini -o sweep.h5 -t 1", 0, NULL },
    { "sweep.ini -o sweep.h5 -t 1 --json", 0, NULL },
    { "sweep list sweep.ini -o sweep.h5", 0, NULL },
    { "sweep list sweep.ini -o sweep.h5 --json --task 1-3", 0, NULL },
    { "sweep list sweep.ini -o sweep.h5 -s measure.samples=640", 0, NULL },
    { "sweep.ini -o sweep.h5 -t 1 --task 0 --force", 0, NULL },
    { "sweep.ini -o sweep.h5 -t 1 --task 3 -s measure.samples=640", 0, NULL },
    { "sweep.ini -o sweep.h5 -t 1 --json", 0,
      "printf damage | dd of=sweep-0002.h5 bs=1 seek=3000 conv=notrunc 2>/dev/null" },
    { "sweep.ini -o sweep.h5 -t 1 -q", 0, NULL },
    { "sweep.ini -o sweep.h5 --task 4", 0, NULL },
    { "sweep.ini -o sweep.h5 --task 2-1", 0, NULL },
    { "sweep.ini --print-config", 0, NULL },
    { "sweep.ini --print-config --task 3", 0, NULL },
    { "sweep.ini -o cut.h5 -t 1 --max-time 0.3", 0, NULL },
    { "sweep.ini -o cut.h5 -t 1 --max-time 0.3 --json", 0, NULL },
    { "sweep list sweep.ini -o cut.h5", 0, NULL },
    { "sweep.ini -o cut.h5 -t 1", 0, NULL },
    { "sweep.ini -o pair.h5 -t 1 -j 2 --progress never", 0, NULL },
    { "sweep.ini -o nowhere/pair.h5 -t 1 -j 2 --task 1", 0, NULL },
    { "sweep.ini -o nowhere/pair.h5 -t 1", 0, NULL },
    { "bad-sweep.ini -t 1", 0, NULL },
    { "bad-sweep.ini -t 1 --task 0", 0, NULL },
    { "sweep list bare.ini", 0, NULL },
    { "sweep script sweep.ini", 0, NULL },
    { "sweep script sweep.ini -o a%b/c.h5 -s rbm.hidden=it's --per-job 3 --time 2-0 -t 4 --task 1-3", 0, NULL },
    { "sweep script sweep.ini -s sweep.run.seed=1:501:501", 0, NULL },
    { "sweep script sweep.ini -s sweep.run.seed=1:500:500", 0, NULL },
    { "MPI sweep script sweep.ini -o s.h5 --per-job 2", 0, NULL },
    { "thin.ini -o thin.h5 -t 1", 0, NULL },
    // merged tables
    { "merge all.h5 sweep-0000.h5 sweep-0001.h5 sweep-0002.h5 sweep-0003.h5", 0, NULL },
    { "merge all.h5 all.h5 sweep-0000.h5", 0, NULL },
    { "merge all.h5 sweep-0000.h5 sweep-0001.h5 sweep-0000.h5", 0, NULL },
    { "merge all.h5 all.h5", 0, NULL },
    { "merge all.h5 nowhere.h5", 0, NULL },
    { "merge all.csv sweep-0000.h5", 0, NULL },
    { "merge run.h5 sweep-0000.h5", 0, NULL },
    { "merge nowhere/all.h5 sweep-0000.h5", 0, NULL },
    { "merge folder sweep-0000.h5", 0, NULL },
    { "merge other.h5 sweep-0000.h5", 0, ": > other.csv" },
    { "merge other.h5 sweep-0000.h5 --force -q", 0, NULL },
    { "merge cut-all.h5 part.h5 run.h5", 0, NULL },
    { "merge all", 0, NULL },
    { "merge thin-all.h5 thin-0000.h5 thin-0001.h5", 0, NULL },
    // files
    { "show run.h5 bare.h5", 0, NULL },
    { "show sweep-0000.h5 nowhere.h5 bare.h5", 0, NULL },
    { "show all.h5", 0, NULL },
    { "show x.csv", 0, NULL },
    { "diagnose run.h5 bare.h5", 0, NULL },
    { "diagnose run.h5 --json", 0, NULL },
    { "diagnose run.h5 bare.h5 -q", 0, NULL },
    { "diagnose nowhere.h5 all.h5", 0, NULL },
    { "verify run.h5", 0, NULL },
    { "verify run.h5 --json", 0, NULL },
    { "verify run.h5 -q", 0, NULL },
    { "verify bare.h5 nowhere.h5", 0, NULL },
    { "run.ini -o begun.h5 -t 1 --max-time 0.06 -q", 0, NULL },
    { "show begun.h5", 0, NULL },
    { "diagnose begun.h5", 0, NULL },
    { "verify begun.h5", 0, NULL },
    { "bare.ini -o half.h5 -t 1 --max-time 0.25 -s measure.samples=64000 -q", 0, NULL },
    { "diagnose half.h5", 0, NULL },
    { "show half.h5", 0, NULL },
    // threads: of six processors, shared by points, as the environment says
    { "bare.ini -o six.h5 -v", 0, NULL },
    { "sweep.ini -o three.h5 -v --task 1 -j 2", 0, NULL },
    { "sweep.ini -o one.h5 -v --task 1 -j 9", 0, NULL },
    // pictures
    { "plot run.h5" GNUPLOT, 0, NULL },
    { "plot run.h5 -o a.svg --what training" GNUPLOT, 0, NULL },
    { "plot run.h5 bare.h5 -o a.pdf" GNUPLOT, 0, NULL },
    { "plot run.h5 bare.h5 sweep-0000.h5 part.h5 --what blocking" GNUPLOT, 0, NULL },
    { "plot bare.h5 --what series" GNUPLOT, 0, NULL },
    { "plot bare.h5 run.h5 --what density" GNUPLOT, 0, NULL },
    { "plot bare.h5 run.h5 --what plane" GNUPLOT, 0, NULL },
    { "plot thin-0000.h5 --what pairs" GNUPLOT, 0, NULL },
    { "plot begun.h5" GNUPLOT, 0, NULL },
    { "plot run.h5 --what nothing" GNUPLOT, 0, NULL },
    { "plot run.h5 -o a.jpg" GNUPLOT, 0, NULL },
    { "plot run.h5 -o a" GNUPLOT, 0, NULL },
    { "plot nowhere.h5" GNUPLOT, 0, NULL },
    { "plot run.h5 --with pencil", 0, NULL },
    { "plot run.h5 --follow" GNUPLOT, 0, NULL },
    { "plot run.h5 -o nowhere/a.png" GNUPLOT, 0, NULL },
    { "plot run.h5" GNUPLOT, 0, ": > no-picture" },
    { "plot all.h5" GNUPLOT, 0, "rm no-picture" },
    { "plot all.h5 --by run.seed" GNUPLOT, 0, NULL },
    { "plot all.h5 --by gaussian.alpha,run.seed" GNUPLOT, 0, NULL },
    { "plot all.h5 --by nothing" GNUPLOT, 0, NULL },
    { "plot all.h5 --by system.interaction" GNUPLOT, 0, NULL },
    { "plot thin-all.h5 -o thin.svg" GNUPLOT, 0, NULL },
    { "plot other.h5" GNUPLOT, 0, NULL },
    { "plot cut-all.h5" GNUPLOT, 0, NULL },
    { "plot all.h5" GNUPLOT, 0, "mv all.csv gone.csv" },
    // learning
    { "learn learn.ini -t 1", 0, NULL },
    { "learn learn.ini -t 1", 0, NULL },
    { "learn learn.ini -t 1 --resume", 0, NULL },
    { "learn learn.ini -t 1 --json --force", 0, NULL },
    { "learn learn.ini -t 1 -q --force", 0, NULL },
    { "learn learn.ini -t 1 --progress always --force -s learn.iterations=40 -s learn.method=adam", 0, NULL },
    { "learn spins.ini -t 1 -o spins.h5", 0, NULL },
    { "learn spins.ini -t 1 -o spins.h5 --json --force", 0, NULL },
    { "learn spins.ini -t 1 -o cut-spins.h5 --max-time 0.1", 0, NULL },
    { "learn spins.ini -t 1 -o cut-spins.h5 --resume", 0, NULL },
    { "learn spins.ini --check -t 1", 0, NULL },
    { "learn spins.ini --check --json -t 1", 0, NULL },
    { "learn learn.ini --print-config", 0, NULL },
    { "learn learn-sweep.ini -t 1", 0, NULL },
    { "learn bare.ini -t 1", 0, NULL },
    { "show learn.h5 spins.h5", 0, NULL },
    { "diagnose learn.h5", 0, NULL },
    { "verify learn.h5", 0, NULL },
    { "plot learn.h5" GNUPLOT, 0, NULL },
    // texts
    { "", 0, NULL },
    { "--help", 0, NULL },
    { "help", 0, NULL },
    { "help sweep", 0, NULL },
    { "help sweep list", 0, NULL },
    { "help sweep nothing", 0, NULL },
    { "help learn", 0, NULL },
    { "help rbm", 0, NULL },
    { "help nothing", 0, NULL },
    { "help show merge", 0, NULL },
    { "help show merge plot", 0, NULL },
    { "plot --help", 0, NULL },
    { "sweep script --help", 0, NULL },
    { "--help-config", 0, NULL },
    { "--help-config=sampler", 0, NULL },
    { "--help-config nothing", 0, NULL },
    { "sweep", 0, NULL },
    { "shwo run.h5", 0, NULL },
    { "show", 0, NULL },
    { "MPI --help", 0, NULL },
    { "MPI help merge", 0, NULL },
    { "MPI bare.ini -o mpi.h5 -t 1", 0, NULL },
};

int main(int argc, char **argv)
{
    static char said[TEXT_SIZE];
    char *now = NULL, record[PATH_MAX], path[PATH_MAX + 20];
    size_t length = 0;
    if (argc < 2)
        return 2;
    if (strcmp(level_name(), "x86-64") == 0) {
        printf("skipped: without fused multiply-adds runs have other bits\n");
        return 77;
    }
    if (!realpath(argv[1], record) || !realpath("/proc/self/exe", program) || !mkdtemp(folder) || chdir(folder) != 0)
        return 2;
    snprintf(path, sizeof path, "%s/bin:/usr/bin:/bin", folder);
    setenv("PATH", path, 1);
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    unsetenv("OMP_NUM_THREADS");
    unsetenv("SLURM_CPUS_PER_TASK");
    record_prepare_hdf5();
    write_files();
    FILE *out = open_memstream(&now, &length);
    for (size_t k = 0; k < sizeof commands / sizeof *commands; k++) {
        prepare(commands[k].also);
        const int code = ask(&commands[k], said);
        fprintf(out, "== %s%s: %d\n", commands[k].words, commands[k].columns > 0 ? " (terminal)" : "", code);
        show(out, said);
        say_told(out);
    }
    fclose(out);
    const int status = recorded_judge_nearly(record, argc > 2, now, 1e-8);
    free(now);
    char command[sizeof folder + 16];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 ? status : 2;
}
