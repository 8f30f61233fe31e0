// SPDX-License-Identifier: GPL-3.0-or-later
// Signals that ask a run to stop.
#ifndef VMC_CLI_SIGNALS_H
#define VMC_CLI_SIGNALS_H

#include "vmc/run.h"

// SIGINT (where it is not ignored), SIGTERM, SIGUSR1, SIGUSR2 and SIGXCPU from here on only ask the run to stop; a
// second one asks it not to wait for the end of a pass. The third SIGINT ends the process.
void cli_signals_catch(void);
// Whether the first one is answered on stderr, the moment it comes.
void cli_signals_announce(bool wanted);
// For run_options.wish.
enum run_wish cli_signals_wish(void *unused);
// "SIGTERM", the first that came; NULL: none.
const char *cli_signals_name(void);

#endif
