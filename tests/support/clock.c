// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/clock.h"

#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

static const time_t DATE = 1580674820;
static const double BEGIN = 1000;  // s of a monotonic clock
static double now = 1000, step;
static unsigned looks, cut_at, cut_times;
static int cut_by;

void clock_begin(double of)
{
    now = BEGIN;
    step = of;
    looks = cut_at = 0;
}

void clock_interrupt(unsigned look, int signal, unsigned times)
{
    cut_at = look;
    cut_by = signal;
    cut_times = times;
}

int clock_gettime(clockid_t id, struct timespec *time)
{
    const double seconds = id == CLOCK_PROCESS_CPUTIME_ID ? 0.5 * now
                           : id == CLOCK_REALTIME         ? (double)DATE + now - BEGIN
                                                          : now;
    now += step;
    if (++looks == cut_at)
        for (unsigned k = 0; k < cut_times; k++)
            raise(cut_by);
    time->tv_sec = (time_t)floor(seconds);
    time->tv_nsec = (long)((seconds - floor(seconds)) * 1e9);
    return 0;
}

time_t time(time_t *out)
{
    if (out)
        *out = DATE;
    return DATE;
}

pid_t getpid(void) { return CLOCK_PROCESS; }

pid_t getppid(void) { return CLOCK_PROCESS; }
