// SPDX-License-Identifier: GPL-3.0-or-later
// The last publishing of a run. A run that was suspended for long may find that another one has taken over its file:
// then what it has goes under the next free name beside it, "trap.h5" -> "trap.1.h5", and nothing of either is lost.
#include "run/file.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NAMES_MOST = 9999 };

static bool name_at(const char *output, int k, char path[PATH_MAX])
{
    const char *slash = strrchr(output, '/'), *base = slash ? slash + 1 : output, *dot = strrchr(base, '.');
    const size_t stem = dot && dot > base ? (size_t)(dot - output) : strlen(output);
    const int length = snprintf(path, PATH_MAX, "%.*s.%d%s", (int)stem, output, k, output + stem);
    return length > 0 && length < PATH_MAX;
}

// A name that nobody has, with its lock.
static struct record_lock *take_free_name(const char *output, char path[PATH_MAX], struct error *error)
{
    for (int k = 1; k <= NAMES_MOST && name_at(output, k, path); k++) {
        struct error why = { 0 };
        struct record_lock *lock = access(path, F_OK) == 0 ? NULL : record_lock_take(path, &why);
        if (lock && access(path, F_OK) != 0)
            return lock;
        record_lock_release(lock);
        const bool hopeless = why.n_messages > 0 && why.kind != ERROR_EXISTS;
        if (hopeless)
            error_add(error, why.kind, "%s", why.text ? why.text : path);
        error_clear(&why);
        if (hopeless)
            return NULL;
    }
    error_add(error, ERROR_WRITE, "%s: no free name for the results beside it", output);
    return NULL;
}

// By all processes at once; the first alone has files.
static bool rescue(struct run *run, const char *status, struct error *error)
{
    const struct run_options *options = run->options;
    const bool leads = team_leads(options->team), complete = strcmp(status, "complete") == 0;
    char path[PATH_MAX] = "";
    struct record_lock *lock = leads ? take_free_name(options->output, path, error) : NULL;
    if (!team_agree(options->team, !leads || lock, error))
        return false;
    struct run_options elsewhere = *options;
    elsewhere.output = path;
    elsewhere.lock = lock;
    run->options = &elsewhere;
    const bool good = run_publish(run, status, error);
    run->options = options;
    record_lock_release(lock);
    if (good && leads)
        error_add(error, ERROR_EXISTS, "%s: %s been saved as %s%s%s", options->output,
                  complete ? "the results have" : "what there is has", path,
                  complete ? "" : "; go on from there with --resume --output ", complete ? "" : path);
    return team_agree(options->team, !leads, error);
}

bool run_publish_last(struct run *run, const char *status, bool lost, struct error *error)
{
    struct error why = { 0 };
    bool good = !lost && run_publish(run, status, &why);
    if (why.n_messages > 0)
        error_add(error, why.kind, "%s", why.text ? why.text : run->options->output);
    if (!good && (lost || why.kind == ERROR_EXISTS))
        rescue(run, status, error);
    error_clear(&why);
    return good;
}
