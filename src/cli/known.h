// SPDX-License-Identifier: GPL-3.0-or-later
// Known values of the system in these settings.
#ifndef VMC_CLI_KNOWN_H
#define VMC_CLI_KNOWN_H

#include "vmc/reference.h"
#include "vmc/settings.h"

// Fills at most `most` matches for the energy, exact ones first; returns how many it filled.
size_t cli_known_energies(const struct settings *settings, struct reference_match *matches, size_t most);

#endif
