// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a wave function can be right for a Hamiltonian: from what its factors declare of themselves and what the pair
// force does at contact.
#ifndef VMC_RUN_COMPATIBILITY_H
#define VMC_RUN_COMPATIBILITY_H

#include "vmc/hamiltonian.h"
#include "vmc/sampler.h"
#include "vmc/wavefunction.h"

// False with the remedy where the energy would be infinite, or that of something else. After the factors are built.
bool compatibility_check(const struct hamiltonian *hamiltonian, const struct wavefunction *wavefunction,
                         struct error *error);
// Says what is legal, but leaves the local energy with a pole where two particles meet: one line per class of pairs.
void compatibility_note(const struct hamiltonian *hamiltonian, const struct wavefunction *wavefunction,
                        void (*note)(const char *text, void *context), void *context);
// Says where a sampler reaches badly what psi allows.
void compatibility_note_sampler(const struct sampler_type *sampler, const struct wavefunction *wavefunction,
                                void (*note)(const char *text, void *context), void *context);

#endif
