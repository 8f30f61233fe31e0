// SPDX-License-Identifier: GPL-3.0-or-later
// The results file of a run: written (publish.c) and read (resume.c). Only the first process has files.
#ifndef VMC_RUN_FILE_H
#define VMC_RUN_FILE_H

#include "run/state.h"

bool run_publish(struct run *run, const char *status, struct error *error);
// rescue.c. At the end; where the lock is lost, now or before, under another name: false then, with ERROR_EXISTS that
// says which.
bool run_publish_last(struct run *run, const char *status, bool lost, struct error *error);
// Reads the file at the output: where the run goes on is then in stage and the rest of the state.
enum run_resumed { RESUME_FAILED, RESUME_FRESH, RESUME_CONTINUED, RESUME_COMPLETE };
enum run_resumed run_resume(struct run *run, struct error *error);

#endif
