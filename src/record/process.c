// SPDX-License-Identifier: GPL-3.0-or-later
// Which process this is, and whether another one lives. A number alone says little: machines of a cluster and
// containers of one machine use the same ones. So a process is known by its host, the start of that machine and the
// process namespace ("place"), its number, and when it began.
#include "record/private.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOST_PART = 24, BOOT_PART = 8 };  // of names of files, whose length is limited

// The first word of a file.
static void word_of_file(const char *path, char word[RECORD_WORD_SIZE])
{
    FILE *file = fopen(path, "re");
    if (!file || fscanf(file, "%63s", word) != 1)
        strcpy(word, "unknown");
    if (file)
        fclose(file);
}

struct process_state {
    char state;  // 'R', 'S', …; 'Z' for one that has ended and waits for its parent to ask; 0: not known
    long threads;
    unsigned long long started;  // clock ticks after the start of the machine; 0: not known
};

// Fields 3, 20 and 22 of proc(5) stat; the name in field 2 may hold anything.
static struct process_state state_of(long pid)
{
    char path[64], line[2048];
    struct process_state state = { 0 };
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "re");
    char *at = file && fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    if (!at || sscanf(at + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %ld %*s %llu",
                      &state.state, &state.threads, &state.started) != 3)
        state = (struct process_state){ 0 };
    if (file)
        fclose(file);
    return state;
}

static void words_only(char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~' || *text == '/')
            *text = '_';
}

struct record_process record_process_self(void)
{
    struct record_process self = { .pid = (long)getpid() };
    char boot[RECORD_WORD_SIZE], namespace[48] = "";
    if (gethostname(self.host, sizeof self.host - 1) != 0 || !*self.host)
        strcpy(self.host, "unknown");
    word_of_file("/proc/sys/kernel/random/boot_id", boot);
    if (readlink("/proc/self/ns/pid", namespace, sizeof namespace - 1) < 0)
        strcpy(namespace, "unknown");
    words_only(self.host);
    words_only(boot);
    words_only(namespace);
    snprintf(self.place, sizeof self.place, "%.60s/%s", boot, namespace);
    self.started = state_of(self.pid).started;
    return self;
}

bool record_process_lives(long pid, unsigned long long started)
{
    if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
        return false;
    const struct process_state state = state_of(pid);
    if (state.state == 'X' || (state.state == 'Z' && state.threads <= 1))  // with more threads it is still ending
        return false;
    return state.started == 0 || started == 0 || state.started == started;
}

// "node17.1d9f7c3a.4026531836": host, start of the machine, process namespace.
static void home_of(const struct record_process *process, char home[RECORD_WORD_SIZE])
{
    const char *slash = strrchr(process->place, '/'), *digits = slash ? slash + strcspn(slash, "0123456789") : "";
    const int boot = (int)strcspn(process->place, "/");  // shorter where it is not known
    snprintf(home, RECORD_WORD_SIZE, "%.*s.%.*s.%.*s", HOST_PART, process->host, boot < BOOT_PART ? boot : BOOT_PART,
             process->place, (int)strspn(digits, "0123456789"), digits);
}

char *record_process_temporary(const char *path)
{
    const struct record_process self = record_process_self();
    char home[RECORD_WORD_SIZE], *name = NULL;
    home_of(&self, home);
    return asprintf(&name, "%s.tmp.%s.%ld", path, home, self.pid) < 0 ? NULL : name;
}

// The number behind the last full stop; 0 where there is none.
static long number_behind(const char *text, size_t length)
{
    char digits[16] = "";
    size_t n = 0;
    while (n < length && text[length - n - 1] >= '0' && text[length - n - 1] <= '9')
        n++;
    if (n == 0 || n >= sizeof digits || (n < length && text[length - n - 1] != '.'))
        return 0;
    memcpy(digits, text + length - n, n);
    const long number = strtol(digits, NULL, 10);
    return number > INT_MAX ? 0 : number;
}

enum record_temporary record_process_judge(const char *name)
{
    const struct record_process self = record_process_self();
    const char *end = name + strlen(name);
    char home[RECORD_WORD_SIZE];
    if (end - name > 4 && strcmp(end - 4, ".old") == 0)
        end -= 4;
    const long pid = number_behind(name, (size_t)(end - name));
    if (pid <= 0)
        return RECORD_TEMPORARY_NONE;
    home_of(&self, home);
    const size_t length = strlen(home);
    const bool here = strncmp(name, home, length) == 0 && name[length] == '.' &&
                      memchr(name + length + 1, '.', (size_t)(end - name) - length - 1) == NULL;
    if (!here)
        return RECORD_TEMPORARY_ELSEWHERE;
    // this process has just begun with the file: what bears its number is of an earlier one
    return pid == self.pid || !record_process_lives(pid, 0) ? RECORD_TEMPORARY_DEAD : RECORD_TEMPORARY_ALIVE;
}
