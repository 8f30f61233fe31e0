// SPDX-License-Identifier: GPL-3.0-or-later
// The handler is one for the whole process: the first who begins puts it aside, the last who ends puts it back.
#include "base/gsl_guard.h"

#include <gsl/gsl_errno.h>
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static size_t inside;
static gsl_error_handler_t *before;

void gsl_guard_begin(void)
{
    pthread_mutex_lock(&mutex);
    if (inside++ == 0)
        before = gsl_set_error_handler_off();
    pthread_mutex_unlock(&mutex);
}

void gsl_guard_end(void)
{
    pthread_mutex_lock(&mutex);
    if (--inside == 0)
        gsl_set_error_handler(before);
    pthread_mutex_unlock(&mutex);
}
