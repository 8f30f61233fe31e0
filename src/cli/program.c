// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli/program.h"

static const struct cli_program vmc = { .name = "vmc", .sharing = 1, .local = 1 };
static const struct cli_program *current = &vmc;

const struct cli_program *cli_program(void) { return current; }
void cli_program_set(const struct cli_program *program) { current = program; }
