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
#include "support/terminal.h"

#include "cli/plot_parts.h"
#include "cli/program.h"
#include "record/private.h"
#include "vmc/level.h"
#include "vmc/record.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
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

// ---- a nap is as long as the processes take that were begun; files that come while one follows them

static int signal_after;  // at the first nap; 0: none
static pid_t begun[64];
static size_t n_begun;

pid_t fork(void)
{
    static pid_t (*real)(void);
    if (!real) {
        void *found = dlsym(RTLD_NEXT, "fork");
        memcpy(&real, &found, sizeof real);
    }
    const pid_t process = real();
    if (process == 0)
        n_begun = 0;
    else if (process > 0)
        begun[n_begun++ % (sizeof begun / sizeof *begun)] = process;
    return process;
}

static void await_children(void)
{
    siginfo_t about;
    for (size_t k = 0; k < n_begun && k < sizeof begun / sizeof *begun; k++)
        while (waitid(P_PID, (id_t)begun[k], &about, WEXITED | WNOWAIT) != 0 && errno == EINTR)
            continue;
}

int nanosleep(const struct timespec *length, struct timespec *left)
{
    (void)left;
    await_children();
    if (signal_after)
        raise(signal_after);
    signal_after = 0;
    // who waits for a file waits half a second
    if (length->tv_nsec == 500000000 && rename("next.h5", "follow.h5") != 0 && rename("last.h5", "follow.h5") != 0)
        _exit(98);
    return 0;
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
    write_file(
        "bin/gnuplot",
        "#!/bin/sh\n[ \"$1\" = --version ] && { [ -e no-gnuplot ] && exit 1; echo gnuplot; echo of no use >&2; exit "
        "0; }\n[ -e die ] && kill -9 $$\ncp "
        "\"$1\" told\n: > \"$(sed -n \"s/^set "
        "output '\\(.*\\)'/\\1/p\" \"$1\")\"\n[ ! -e no-picture ]\n");
    write_file("bin/python3", "#!/bin/sh\ncase \"$2\" in import*) exit 0;; esac\nshift 2\nprintf '%s\\n' \"$@\" > "
                              "told\n[ ! -e no-picture ]\n");
    if (chmod("bin/gnuplot", 0700) != 0 || chmod("bin/python3", 0700) != 0)
        abort();
}

// ---- one command

struct command {
    const char
        *words;  // separated by blanks; %: a blank within one; ^N^: "./" so often that it takes N bytes; '': none
    unsigned short columns;  // of a terminal; 0: beside one
    const char *also;        // what a shell does before; a data set of odd.h5 that is a text, the rest being run.h5
    unsigned cut_at, times;  // a look at the clock at which the program gets a signal, so many times; 0: none
    int signal;
    double step;       // s that a look at the clock takes; 0: 0.003
    int signal_after;  // that it gets where it first waits for others, all of which are at their end; 0: none
    int ignored;       // signal that whoever starts it ignores; 0: none
    unsigned room;     // bytes that a file may have; 0: any
};

// As another program might leave it: a text in place of numbers, and no digest.
static void write_odd(const char *from, const char *path, const char *set)
{
    char text[200];
    snprintf(text, sizeof text, "cp %s %s && truncate -s -%d %s", from, path, RECORD_SEAL_SIZE, path);
    if (system(text) != 0)
        abort();
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), type = H5Tcopy(H5T_C_S1),
                space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, 8);
    H5Adelete(file, "digest");
    H5Ldelete(file, set, H5P_DEFAULT);
    const hid_t id = H5Dcreate2(file, set, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, "nonsense") < 0)
        abort();
    H5Dclose(id);
    H5Sclose(space);
    H5Tclose(type);
    H5Fclose(file);
    unsigned char *bytes, seal[RECORD_SEAL_SIZE];
    size_t size;
    FILE *end = fopen(path, "a");
    if (record_read_file(path, &bytes, &size) != 0 || !end)
        abort();
    record_seal_make(bytes, size, seal);
    fwrite(seal, 1, sizeof seal, end);
    fclose(end);
    free(bytes);
}

static void prepare(const char *what)
{
    if (!what)
        return;
    if (*what == '/') {
        write_odd("run.h5", "odd.h5", what);
        return;
    }
    if (system(what) != 0)
        abort();
}

static void write_words(const char *words, char *text)
{
    while (*words) {
        if (*words != '^') {
            *text++ = *words++;
            continue;
        }
        char *end;
        for (long k = strtol(words + 1, &end, 10); k > 0; k--)
            *text++ = "/."[k % 2 == 0];
        words = end + 1;
    }
    *text = '\0';
}

static void become_program(const struct command *command)
{
    static const struct cli_program silent = {
        .name = "vmc-mpi", .mpi = "Test MPI 1.0", .slurm_mpi = "pmix", .sharing = 1, .local = 1
    };
    static char text[20000];
    char *words[WORDS] = { (char *)(uintptr_t) "vmc" }, *rest = text;
    int n = 1;
    write_words(command->words, text);
    for (char *word; (word = strsep(&rest, " ")) && n + 1 < WORDS;)
        if (*word) {
            for (char *c = word; *c; c++)
                *c = *c == '%' ? ' ' : *c;
            words[n++] = strcmp(word, "''") == 0 ? word + 2 : word;
        }
    setrlimit(RLIMIT_CPU, &(struct rlimit){ SECONDS, SECONDS });
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    if (command->room > 0) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){ command->room, command->room });
    }
    if (command->ignored)
        signal(command->ignored, SIG_IGN);
    signal_after = command->signal_after;
    clock_begin(command->step > 0 ? command->step : 0.003);
    clock_interrupt(command->cut_at, command->signal, command->times);
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
    const bool on_terminal = command->columns > 0;
    const struct terminal terminal = on_terminal ? terminal_open(command->columns, 0) : (struct terminal){ -1, -1 };
    const int out = on_terminal ? terminal.theirs : open("said", O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
    int status;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
        close(out);
        become_program(command);
    }
    if (on_terminal) {
        close(out);
        read_some(terminal.ours, said);
        close(terminal.ours);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        abort();
    if (!on_terminal) {
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

// The length of "0 s ago".
static size_t age_at(const char *text)
{
    const size_t digits = strspn(text, "0123456789");
    return digits > 0 && strncmp(text + digits, " s ago", 6) == 0 ? digits + 6 : 0;
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
        } else if (age_at(text) > 0) {
            fputs("SOME TIME ago", out);
            n = age_at(text);
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
    { .words = "run.ini -o run.h5 -t 1" },
    { .words = "run.ini -o run.h5 -t 1" },  // kept as run.1.h5
    { .words = "run.ini -o run.h5 -t 1 --resume" },
    { .words = "run.ini -o run.h5 -t 1 --resume -s measure.samples=960 --json" },
    { .words = "run.ini -o run.h5 -t 1 --force -v --progress always" },
    { .words = "run.ini -o part.h5 -t 1 --max-time 0.2" },
    { .words = "run.ini -o part.h5 -t 1" },
    { .words = "run.ini -o part.h5 -t 1 --resume --max-time 0.2 --json" },
    { .words = "run.ini -o part.h5 -t 1 --resume -v" },
    { .words = "run.ini -o none.h5 -t 1 --resume" },
    { .words = "run.ini -o run.h5 -t 1 --resume -s run.seed=4" },
    { .words = "run.ini --check -t 1" },
    { .words = "run.ini --check --json -t 1" },
    { .words = "run.ini --print-config" },
    { .words = "run.ini --print-config -s rbm.hidden=3 -s wavefunction.factors=rbm,pade-jastrow" },
    { .words = "bare.ini -o bare.h5 -t 1" },
    { .words = "run.ini -o folder -t 1" },
    { .words = "run.ini -o folder/ -t 1" },
    { .words = "run.ini -o nowhere/x.h5 -t 1" },
    { .words = "run.ini -o run.ini -t 1" },
    { .words = "run.ini -o x.csv -t 1" },
    { .words = "run.ini -s nonsense -s a.b -s .c=1 -t 1" },
    { .words = "run.ini -s system.particles=x -t 1" },
    { .words = "run.ini --task 1 -t 1" },
    { .words = "run.ini -j 2 -t 1" },
    { .words = "run.ini --resume --force" },
    { .words = "nowhere.ini -t 1" },
    { .words = "bad.ini -t 1" },
    { .words = "empty.ini -t 1" },
    { .words = "folder -t 1" },
    { .words = "bare.ini bare.ini" },
    // on a terminal
    { .words = "run.ini -o run.h5 -t 1 --force", .columns = 60 },
    { .words = "run.ini -o run.h5 -t 1 --force --max-time 0.2", .columns = 120 },
    { .words = "run.ini -o run.h5 -t 1 --force -v", .columns = 80 },
    { .words = "bad.ini -t 1", .columns = 80 },
    { .words = "show run.h5", .columns = 50 },
    { .words = "sweep.ini -t 1 -o tty.h5 --task 0-1", .columns = 70 },
    { .words = "help merge", .columns = 30 },
    { .words = "--help-config measure", .columns = 47 },
    // sweeps
    { .words = "sweep list sweep.ini" },
    { .words = "sweep.ini -o sweep.h5 -t 1 --check" },
    { .words = "sweep.ini -o sweep.h5 -t 1 --check --json" },
    { .words = "sweep.ini -o sweep.h5 -t 1 --task 1-2" },
    { .words = "sweep.ini -o sweep.h5 -t 1 --progress always" },
    { .words = "sweep.ini -o sweep.h5 -t 1" },
    { .words = "sweep.ini -o sweep.h5 -t 1 --json" },
    { .words = "sweep list sweep.ini -o sweep.h5" },
    { .words = "sweep list sweep.ini -o sweep.h5 --json --task 1-3" },
    { .words = "sweep list sweep.ini -o sweep.h5 -s measure.samples=640" },
    { .words = "sweep.ini -o sweep.h5 -t 1 --task 0 --force" },
    { .words = "sweep.ini -o sweep.h5 -t 1 --task 3 -s measure.samples=640" },
    { .words = "sweep.ini -o sweep.h5 -t 1 --json",
      .also = "printf damage | dd of=sweep-0002.h5 bs=1 seek=3000 conv=notrunc 2>/dev/null" },
    { .words = "sweep.ini -o sweep.h5 -t 1 -q" },
    { .words = "sweep.ini -o sweep.h5 --task 4" },
    { .words = "sweep.ini -o sweep.h5 --task 2-1" },
    { .words = "sweep.ini --print-config" },
    { .words = "sweep.ini --print-config --task 3" },
    { .words = "sweep.ini -o cut.h5 -t 1 --max-time 0.3" },
    { .words = "sweep.ini -o cut.h5 -t 1 --max-time 0.3 --json" },
    { .words = "sweep list sweep.ini -o cut.h5" },
    { .words = "sweep.ini -o cut.h5 -t 1" },
    { .words = "sweep.ini -o pair.h5 -t 1 -j 2 --task 1-2 --progress never" },
    { .words = "sweep.ini -o nowhere/pair.h5 -t 1 -j 2 --task 1" },
    { .words = "sweep.ini -o nowhere/pair.h5 -t 1" },
    { .words = "bad-sweep.ini -t 1" },
    { .words = "bad-sweep.ini -t 1 --task 0" },
    { .words = "sweep list bare.ini" },
    { .words = "sweep script sweep.ini" },
    { .words = "sweep script sweep.ini -o a%b/it's.h5 --per-job 3 --time 2-0 -t 4 --task 1-3" },
    { .words = "sweep script sweep.ini -s sweep.run.seed=1:501:501" },
    { .words = "sweep script sweep.ini -s sweep.run.seed=1:500:500" },
    { .words = "MPI sweep script sweep.ini -o s.h5 --per-job 2" },
    { .words = "thin.ini -o thin.h5 -t 1" },
    // signals: one, a second one that does not wait, in sweeps, on a terminal
    { .words = "run.ini -o cut-1.h5 -t 1", .cut_at = 40, .times = 1, .signal = SIGTERM },
    { .words = "run.ini -o cut-1.h5 -t 1 --resume -q", .cut_at = 40, .times = 1, .signal = SIGTERM },
    { .words = "run.ini -o cut-2.h5 -t 1 --json", .cut_at = 60, .times = 2, .signal = SIGUSR1 },
    { .words = "run.ini -o cut-3.h5 -t 1", .columns = 70, .cut_at = 60, .times = 2, .signal = SIGINT },
    { .words = "run.ini -o cut-4.h5 -t 1", .cut_at = 60, .times = 3, .signal = SIGINT },
    { .words = "run.ini -o cut-4.h5 -t 1 --force", .cut_at = 60, .times = 1, .signal = SIGUSR2 },
    { .words = "run.ini -o cut-4.h5 -t 1 --force", .cut_at = 60, .times = 1, .signal = SIGHUP },
    { .words = "run.ini -o cut-4.h5 -t 1 --force", .cut_at = 60, .times = 1, .signal = SIGXCPU },
    { .words = "sweep.ini -o cut-5.h5 -t 1", .cut_at = 90, .times = 1, .signal = SIGTERM },
    { .words = "learn learn.ini -t 1 -o cut-6.h5", .cut_at = 12, .times = 1, .signal = SIGTERM },
    { .words = "sweep.ini -o slow.h5 -t 1 --progress always --task 0-2", .step = 0.1 },
    // a point that fails, and a signal after that
    { .words = "sweep.ini -o mixed.h5 -t 1 -q --task 0 -s sampler.burn_in=5" },
    { .words = "sweep.ini -o mixed.h5 -t 1", .cut_at = 110, .times = 1, .signal = SIGTERM },
    { .words = "sweep.ini -o mixed.h5 -t 1" },
    // merged tables
    { .words = "merge all.h5 sweep-0000.h5 sweep-0001.h5 sweep-0002.h5 sweep-0003.h5" },
    { .words = "merge all.h5 all.h5 sweep-0000.h5" },
    { .words = "merge all.h5 sweep-0000.h5 sweep-0001.h5 sweep-0000.h5" },
    { .words = "merge all.h5 all.h5" },
    { .words = "merge all.h5 nowhere.h5" },
    { .words = "merge all.csv sweep-0000.h5" },
    { .words = "merge run.h5 sweep-0000.h5" },
    { .words = "merge nowhere/all.h5 sweep-0000.h5" },
    { .words = "merge folder sweep-0000.h5" },
    { .words = "merge other.h5 sweep-0000.h5", .also = ": > other.csv" },
    { .words = "merge other.h5 sweep-0000.h5 --force -q" },
    { .words = "merge cut-all.h5 part.h5 run.h5" },
    { .words = "merge all" },
    { .words = "merge thin-all.h5 thin-0000.h5 thin-0001.h5" },
    // files
    { .words = "show run.h5 bare.h5" },
    { .words = "show sweep-0000.h5 nowhere.h5 bare.h5" },
    { .words = "show all.h5" },
    { .words = "show x.csv" },
    { .words = "diagnose run.h5 bare.h5" },
    { .words = "diagnose run.h5 --json" },
    { .words = "diagnose run.h5 bare.h5 -q" },
    { .words = "diagnose nowhere.h5 all.h5" },
    { .words = "verify run.h5" },
    { .words = "verify run.h5 --json" },
    { .words = "verify run.h5 -q" },
    { .words = "verify bare.h5 nowhere.h5" },
    { .words = "run.ini -o begun.h5 -t 1 --max-time 0.06 -q" },
    { .words = "show begun.h5" },
    { .words = "diagnose begun.h5" },
    { .words = "verify begun.h5" },
    { .words = "bare.ini -o half.h5 -t 1 --max-time 0.25 -s measure.samples=64000 -q" },
    { .words = "diagnose half.h5" },
    { .words = "show half.h5" },
    // threads: of six processors, shared by points, as the environment says
    { .words = "bare.ini -o six.h5 -v" },
    { .words = "sweep.ini -o three.h5 -v --task 1 -j 2" },
    { .words = "sweep.ini -o one.h5 -v --task 1 -j 9" },
    // pictures
    { .words = "plot run.h5" GNUPLOT },
    { .words = "plot run.h5 -o a.svg --what training" GNUPLOT },
    { .words = "plot run.h5 bare.h5 -o a.pdf" GNUPLOT },
    { .words = "plot run.h5 bare.h5 sweep-0000.h5 part.h5 --what blocking" GNUPLOT },
    { .words = "plot bare.h5 --what series" GNUPLOT },
    { .words = "plot bare.h5 run.h5 --what density" GNUPLOT },
    { .words = "plot bare.h5 run.h5 --what plane" GNUPLOT },
    { .words = "plot thin-0000.h5 --what pairs" GNUPLOT },
    { .words = "plot begun.h5" GNUPLOT },
    { .words = "plot run.h5 --what nothing" GNUPLOT },
    { .words = "plot run.h5 -o a.jpg" GNUPLOT },
    { .words = "plot run.h5 -o a" GNUPLOT },
    { .words = "plot nowhere.h5" GNUPLOT },
    { .words = "plot run.h5 --with pencil" },
    { .words = "plot run.h5 --follow" GNUPLOT },
    { .words = "plot run.h5 -o nowhere/a.png" GNUPLOT },
    { .words = "plot run.h5" GNUPLOT, .also = ": > no-picture" },
    { .words = "plot all.h5" GNUPLOT, .also = "rm no-picture" },
    { .words = "plot all.h5 --by run.seed" GNUPLOT },
    { .words = "plot all.h5 --by gaussian.alpha,run.seed" GNUPLOT },
    { .words = "plot all.h5 --by nothing" GNUPLOT },
    { .words = "plot all.h5 --by system.interaction" GNUPLOT },
    { .words = "plot thin-all.h5 -o thin.svg" GNUPLOT },
    { .words = "plot other.h5" GNUPLOT },
    { .words = "plot cut-all.h5" GNUPLOT },
    { .words = "plot all.h5" GNUPLOT, .also = "mv all.csv gone.csv" },
    // Python
    { .words = "plot run.h5 bare.h5" },
    { .words = "plot run.h5 -o a.svg --what training --with matplotlib" },
    { .words = "plot all.h5 --by a.b,c.d --what sweep --with auto" },
    { .words = "plot run.h5", .also = ": > no-picture" },
    // learning
    { .words = "learn learn.ini -t 1", .also = "rm no-picture" },
    { .words = "learn learn.ini -t 1" },
    { .words = "learn learn.ini -t 1 --resume" },
    { .words = "learn learn.ini -t 1 --json --force" },
    { .words = "learn learn.ini -t 1 -q --force" },
    { .words = "learn learn.ini -t 1 --progress always --force -s learn.iterations=40 -s learn.method=adam" },
    { .words = "learn spins.ini -t 1 -o spins.h5" },
    { .words = "learn spins.ini -t 1 -o spins.h5 --json --force" },
    { .words = "learn spins.ini -t 1 -o cut-spins.h5 --max-time 0.1" },
    { .words = "learn spins.ini -t 1 -o cut-spins.h5 --resume" },
    { .words = "learn spins.ini --check -t 1" },
    { .words = "learn spins.ini --check --json -t 1" },
    { .words = "learn learn.ini --print-config" },
    { .words = "learn learn-sweep.ini -t 1" },
    { .words = "learn bare.ini -t 1" },
    { .words = "show learn.h5 spins.h5" },
    { .words = "diagnose learn.h5" },
    { .words = "verify learn.h5" },
    { .words = "plot learn.h5" GNUPLOT },
    // texts
    { .words = "" },
    { .words = "--help" },
    { .words = "help" },
    { .words = "help sweep" },
    { .words = "help sweep list" },
    { .words = "help sweep nothing" },
    { .words = "help learn" },
    { .words = "help rbm" },
    { .words = "help nothing" },
    { .words = "help show merge" },
    { .words = "help show merge plot" },
    { .words = "plot --help" },
    { .words = "sweep script --help" },
    { .words = "--help-config" },
    { .words = "--help-config=sampler" },
    { .words = "--help-config nothing" },
    { .words = "sweep" },
    { .words = "shwo run.h5" },
    { .words = "show" },
    { .words = "MPI --help" },
    { .words = "MPI help merge" },
    { .words = "MPI bare.ini -o mpi.h5 -t 1" },
    // names that just fit a path, and one byte more
    { .words = "bare.ini -o ^4084^long-fits.h5 -t 1 -q" },
    { .words = "bare.ini -o ^4088^fits.h5 -t 1 -q" },
    { .words = "bare.ini -o ^4088^fits1.h5 -t 1 -q" },
    { .words = "bare.ini -o ^4080^six.h5 -t 1 -q" },
    { .words = "sweep list sweep.ini -o ^4084^abc.h5" },
    { .words = "sweep list sweep.ini -o ^4084^abcd.h5" },
    { .words = "sweep.ini -o ^4084^abcd.h5 -t 1 --task 1" },
    { .words = "sweep script sweep.ini -o ^4084^abcd.h5" },
    { .words = "merge ^4088^joined all.h5 -q" },
    { .words = "merge ^4084^joined.h all.h5 -q" },
    { .words = "merge ^4084^joined sweep-0000.h5 -q" },
    { .words = "merge ^4086^joined sweep-0000.h5 -q" },
    { .words = "learn learn.ini -o ^4088^fits.h5 -t 1 -q" },
    { .words = "learn learn.ini -o ^4088^fits1.h5 -t 1 -q" },
    { .words = "run.ini -s learn.data=^4000^x.csv -t 1" },
    { .words = "^4090^x.ini -t 1" },
    // words that are empty, options that stand alone
    { .words = "bare.ini -o ''" },
    { .words = "--config ''" },
    { .words = "''" },
    { .words = "bare.ini -s ''" },
    { .words = "sweep script sweep.ini --time ''" },
    { .words = "sweep script sweep.ini --time 1:00:00" },
    { .words = "sweep script sweep.ini --time 1h" },
    { .words = "sweep script sweep.ini --task 2-2 --per-job 4" },
    { .words = "sweep.ini --task 3-3 -t 1 --check" },
    { .words = "sweep.ini --task 1-x" },
    { .words = "bare.ini -s sweep.system.particles=2|3 --print-config --task 1" },
    { .words = "sweep list bare.ini -s sweep.system.particles=2|3" },
    // lists of which one entry cannot be
    { .words = "bare.ini --check -q -t 1 -s system.dimensions=1 -s observables.kinds=density-radial,density-2d" },
    { .words = "bare.ini --check -q -t 1 -s system.particles=1 -s observables.kinds=pair-distribution,density-2d" },
    { .words = "run.ini --check -q -t 1 -s sampler.method=gibbs -s sampler.temperatures=1,2" },
    { .words = "run.ini --check -q -t 1 -s sampler.temperatures=1,1" },
    { .words = "run.ini --check -q -t 1 -s sampler.temperatures=2,3" },
    { .words = "sweep list sweep.ini --task 000000000000000000000000000000000000000000000000000000000000001" },
    { .words = "sweep list sweep.ini --task 0000000000000000000000000000000000000000000000000000000000000001" },
    { .words = "bare.ini -Z" },
    { .words = "bare.ini --c" },
    { .words = "bare.ini --json=1" },
    { .words = "bare.ini -s a.b=1 -s x -s y" },
    { .words = "sweep.ini -s x -s nothing.at=1 --check" },
    // quiet or not
    { .words = "bare.ini -o bare.h5 -t 1 -q -v" },
    { .words = "bare.ini -o bare.h5 -t 1 -q --resume" },
    { .words = "bare.ini --check -q -t 1" },
    { .words = "sweep.ini -o sweep.h5 -t 1 -q -v --task 1" },
    { .words = "sweep.ini -o sweep.h5 -t 1 -q --json --task 2", .also = "echo damage > sweep-0002.h5" },
    { .words = "learn learn.ini -t 1 -q" },
    { .words = "learn learn.ini -t 1 -q --resume" },
    { .words = "learn learn.ini -t 1 -q -o cut-7.h5", .cut_at = 12, .times = 1, .signal = SIGTERM },
    { .words = "diagnose bare.h5 -q --json" },
    { .words = "verify bare.h5 -q --json" },
    { .words = "sweep.ini -o quiet.h5 -t 1 -q --task 1-2", .cut_at = 30, .times = 1, .signal = SIGTERM },
    // one point of a sweep, points side by side, one of which is killed, signals when all have ended
    { .words = "sweep.ini -o sweep.h5 -t 1 --task 1-3" },
    { .words = "sweep.ini -o single.h5 -t 1 --task 2 --progress always" },
    { .words = "sweep.ini -o beside.h5 -t 1 -j 2 --task 1-3", .columns = 70, .step = 0.6 },
    { .words = "sweep.ini -o beside.h5 -t 1 -j 3 --progress always --json" },
    { .words = "sweep.ini -o ended.h5 -t 1 -j 2 --task 1-2 -q", .signal_after = SIGTERM },
    { .words = "sweep.ini -o killed.h5 -t 1 -j 2 --task 0-1 -q", .cut_at = 50, .times = 1, .signal = SIGKILL },
    // disks that are full, points that others work on
    { .words = "bare.ini -o full.h5 -t 1", .room = 20000 },
    { .words = "bare.ini -o full.h5 -t 1 --json", .room = 20000 },
    { .words = "sweep.ini -o full.h5 -t 1", .room = 20000 },
    { .words = "sweep.ini -o full.h5 -t 1 --json --task 2-3", .room = 20000 },
    { .words = "sweep.ini -o full.h5 -t 1 -j 2 --task 0-1 -q", .also = "cp sweep-0000.h5 full-0000.h5", .room = 20000 },
    { .words = "learn learn.ini -o full.h5 -t 1", .room = 20000 },
    { .words = "merge full.h5 sweep-0000.h5", .room = 20000 },
    { .words = "plot run.h5 -o full.png" GNUPLOT, .room = 2000 },
    { .words = "sweep.ini -o held.h5 -t 1 -q --task 0-1",
      .also =
          "printf 'host elsewhere\\nplace there\\npid 12\\nstarted 34\\njob 5\\nrestart 0\\n' > held-0001.h5.lock" },
    { .words = "sweep.ini -o held.h5 -t 1 -q --task 1" },
    { .words = "sweep.ini -o held.h5 -t 1 -q --task 1-2", .also = "cp held-0001.h5.lock held-0002.h5.lock" },
    { .words = "sweep.ini -o held.h5 -t 1 -q --task 0-2",
      .also = "rm held-0000.h5",
      .cut_at = 30,
      .times = 1,
      .signal = SIGTERM },
    { .words = "bare.ini -o held-0001.h5 -t 1" },
    // signals that whoever starts it ignores
    { .words = "bare.ini -o hup.h5 -t 1 -q", .cut_at = 30, .times = 1, .signal = SIGHUP, .ignored = SIGHUP },
    { .words = "bare.ini -o int.h5 -t 1 -q", .cut_at = 30, .times = 3, .signal = SIGINT, .ignored = SIGINT },
    { .words = "bare.ini -o term.h5 -t 1 -q", .cut_at = 30, .times = 1, .signal = SIGTERM, .ignored = SIGTERM },
    // foreign files in the way
    { .words = "bare.ini -o all.h5 -t 1 --resume", .also = "cp all.h5 t.h5" },
    { .words = "learn learn.ini -o all.h5 -t 1 --resume" },
    { .words = "bare.ini -o learn.h5 -t 1 --resume" },
    { .words = "bare.ini -o all.h5 -t 1 -q" },
    { .words = "bare.ini -o learn.h5 -t 1 -q" },
    { .words = "learn learn.ini -o hup.h5 -t 1" },
    { .words = "merge learn-all.h5 learn.h5" },
    { .words = "merge pipe.h5 sweep-0000.h5", .also = "mkfifo pipe.h5" },
    { .words = "bare.ini -o pipe.h5 -t 1" },
    { .words = "merge dangling.h5 sweep-0000.h5 -q", .also = "ln -s nowhere/at-all dangling.csv" },
    // pictures of files in folders, of names without an end, that cannot be drawn or put there
    { .words = "plot folder/a.b.h5 ./bare.h5 --what series" GNUPLOT,
      .also = "cp run.h5 folder/a.b.h5; cp run.h5 noend" },
    { .words = "plot noend --what training" GNUPLOT },
    { .words = "plot folder/../noend --what training" GNUPLOT },
    { .words = "plot run.h5 -o folder.png --what training" GNUPLOT, .also = "mkdir folder.png" },
    { .words = "plot run.h5 --what training" GNUPLOT, .also = ": > die" },
    { .words = "plot run.h5 --what training" GNUPLOT, .also = "rm die; : > no-gnuplot" },
    { .words = "plot bare.h5 bare.h5 bare.h5 bare.h5 bare.h5 bare.h5 bare.h5 bare.h5 bare.h5 --what series" GNUPLOT,
      .also = "rm no-gnuplot" },
    { .words = "plot run.h5 thin-0000.h5 run.h5 --what plane -o three.svg" GNUPLOT },
    { .words = "plot run.h5 bare.h5 run.h5 bare.h5 --what plane -o four.svg" GNUPLOT },
    // a file that comes, and is drawn anew until its run has ended; without a status
    { .words = "plot follow.h5 --follow --what training" GNUPLOT, .also = "cp cut-4.h5 next.h5; cp run.h5 last.h5" },
    { .words = "plot run.h5 follow.h5 --follow --what training" GNUPLOT,
      .also = "mv follow.h5 last.h5; cp cut-4.h5 follow.h5" },
    { .words = "plot x.csv --follow" GNUPLOT },
    // numbers that cannot be read
    { .words = "plot odd.h5 --what training" GNUPLOT, .also = "/result/energy" },
    { .words = "plot odd.h5 --what training" GNUPLOT, .also = "/training/energy_error" },
    { .words = "plot odd.h5 run.h5 --what blocking" GNUPLOT, .also = "/measurement/blocking/draws" },
    { .words = "plot odd.h5 run.h5 --what series" GNUPLOT, .also = "/measurement/draw" },
    { .words = "plot odd.h5 run.h5 --what series" GNUPLOT, .also = "/measurement/energy" },
    { .words = "plot odd.h5 run.h5 --what density" GNUPLOT, .also = "/observables/density_radial" },
    { .words = "plot odd.h5 run.h5 --what plane" GNUPLOT, .also = "/observables/x" },
    { .words = "plot odd.h5 run.h5 --what plane" GNUPLOT, .also = "/observables/y" },
    { .words = "plot odd.h5 run.h5 --what plane" GNUPLOT, .also = "/observables/density_2d" },
    { .words = "show odd.h5", .also = "/result/energy" },
    { .words = "diagnose odd.h5" },
    { .words = "merge odd-all.h5 odd.h5 run.h5" },
    // tables of all kinds; the merged file beside them is the same
    { .words = "plot t.h5" GNUPLOT,
      .also = "printf 'file,a.x,b.y,energy,energy_error\\n\"p,1\",1,\"u,\"\"v\"\"\",2,0.1\\nq,2,w,3,0.2\\nr,2,w,3.5,0."
              "1\\ns,2,w,4.5,0.3' > t.csv" },
    { .words = "plot t.h5 --by b.y" GNUPLOT },
    { .words = "plot t.h5 --by a.x,file" GNUPLOT },
    { .words = "plot t.h5 --by energy,a.x,b.y" GNUPLOT },
    { .words = "plot t.h5 --by a" GNUPLOT },
    { .words = "plot t.h5" GNUPLOT, .also = "printf 'a.x,energy\\n1,2\\n2,3\\n' > t.csv" },
    { .words = "plot t.h5" GNUPLOT, .also = "printf 'a.x,energy_error\\n1,2\\n2,3\\n' > t.csv" },
    { .words = "plot t.h5" GNUPLOT, .also = "printf 'a.x,energy,energy_error\\n' > t.csv" },
    { .words = "plot t.h5 --by a.x" GNUPLOT },
    { .words = "plot t.h5" GNUPLOT, .also = "printf 'a.x,energy,energy_error\\n1,2,3\\n' > t.csv" },
    { .words = "plot t.h5 --by a.x" GNUPLOT },
    { .words = "plot t.h5" GNUPLOT,
      .also = "printf 'a.x,run.seed,energy,energy_error\\n1,1,2,.1\\n1,2\\n13,1,2,.1\\n' > t.csv" },
    { .words = "plot t.h5" GNUPLOT, .also = "printf 'a.x,energy,energy_error\\n1,2,.1\\n14,2,.1\\n' > t.csv" },
    { .words = "plot t.h5" GNUPLOT,
      .also = "printf 'a.x,energy,energy_error\\n1.5,2,.1\\n3,2,.1\\n-2,1,.1\\n' > t.csv" },
    { .words = "plot t.h5" GNUPLOT, .also = "printf 'a.x,energy,energy_error\\nup,2,.1\\ndown,2,.1\\n' > t.csv" },
    { .words = "plot t.h5" GNUPLOT, .also = ": > t.csv" },
    { .words = "plot t.h5 --by a.x,b.y -o sixteen.svg" GNUPLOT,
      .also = "(echo a.x,b.y,c.z,energy,energy_error; seq -f '1,2,%g,3,.1' 16) > t.csv" },
    { .words = "plot t.h5 --by a.x,b.y -o seventeen.svg" GNUPLOT, .also = "echo 1,2,17,3,.1 >> t.csv" },
    { .words = "plot t.h5 --by a.x,b.y -o three.pdf" GNUPLOT,
      .also = "(echo a.x,b.y,c.z,energy,energy_error; seq -f '1,2,%g,3,.1' 3) > t.csv" },
    { .words = "plot t.h5 --by a.x,b.y -o four.pdf" GNUPLOT, .also = "echo 1,2,4,3,.1 >> t.csv" },
    { .words = "plot t.h5 -o long.svg" GNUPLOT,
      .also = "(seq -f '_%04g' -s . 30 | tr '\\n' ,; echo energy,energy_error; echo 1,2,.1; echo 2,2,.1) > t.csv" },
    { .words = "plot t.h5 -o wide.svg" GNUPLOT,
      .also = "(echo \"$(seq -f 'a.c%g,' -s '' 197)a.x,energy,energy_error\"; seq -s , 200; seq -s , 2 201) > t.csv" },
    { .words = "om.ini -o om.h5 -t 1 -q",
      .also = "(cat bare.ini; printf '[sweep]\\nsystem.omega = 1 | 2\\n') > om.ini" },
    { .words = "merge om.h5 om-0000.h5 om-0001.h5 -q" },
    { .words = "plot om.h5 -o om.svg" GNUPLOT },
    { .words = "run.ini -o dot.h5 -t 1 -q -s system.particles=6 -s system.statistics=fermions -s "
               "wavefunction.factors=slater -s "
               "optimizer.iterations=0 -s measure.samples=64" },
    { .words = "plot dot.h5 run.h5 --what training" GNUPLOT },
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
    // whoever starts this may ignore some of them
    const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGXCPU };
    for (size_t k = 0; k < sizeof signals / sizeof *signals; k++)
        signal(signals[k], SIG_DFL);
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
