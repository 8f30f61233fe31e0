// SPDX-License-Identifier: GPL-3.0-or-later
// Known values of known systems, from data/reference.csv: what to compare a run with, and where the number comes from.
#ifndef VMC_REFERENCE_H
#define VMC_REFERENCE_H

#include "vmc/system.h"

#include <stdbool.h>
#include <stddef.h>

enum reference_kind {
    REFERENCE_EXACT,            // of the Hamiltonian: no wave function gets below
    REFERENCE_MINIMUM,          // the lowest this very ansatz can reach with all its parameters trained
    REFERENCE_FIXED_PARAMETER,  // of this ansatz at these parameters, untrained
    REFERENCE_LITERATURE        // published by others, by whatever method
};

// A configuration key with a number, "interaction.softening" or "gaussian.alpha".
struct reference_value {
    const char *name;
    double value;
};

struct reference_query {
    struct system system;
    bool fermions;            // spin 1/2; false: bosons
    size_t spin_up;           // fermions: how many of them
    const char *interaction;  // "none", "coulomb", …
    size_t n_values;          // every key of the interaction, and those of factors whose parameters are not trained
    const struct reference_value *values;
    // The ansatz; factors NULL where there is none to speak of.
    const char *factors;         // as in the configuration, "rbm, pade-jastrow"; order does not matter
    const char *representation;  // of the rbm, the next four too
    size_t hidden;
    double sigma[DIMENSIONS_MOST];  // not looked at when trained
    bool train_sigma;
};

struct reference_match {
    const char *id;
    enum reference_kind kind;
    double value, uncertainty;
    bool upper_bound;    // a minimum that is known from above only: the best found
    const char *ansatz;  // factors or method behind the value, NULL where it is exact
    const char *source;
};

// Rows for this query and quantity ("energy", "variance", "kinetic", "trap", "pair", "mean_distance"), by kind in the
// order above, then in the order of the file: fills at most `most` matches and returns how many there are in all.
//
// A row matches when
// - particles, dimensions and trap agree (frequencies to 1e-9), where the row does not leave them open;
// - the interaction has the same name and all values the row names agree to 1e-9; at strength 0 (or kappa 0) an
// interaction counts as none;
// - statistics agree: rows for bosons serve bosons, rows for fermions serve equally many spins up and down, and rows
// for two particles in the
//   symmetric spatial state ("any" in the file: the singlet of two electrons is the ground state of two bosons) serve
//   both;
// - kind minimum: the same factors, representation, number of hidden units and sigma (or both train it);
//   kind fixed-parameter: also the values of the factors' parameters; exact and literature values match any ansatz.
size_t reference_lookup(const struct reference_query *query, const char *quantity, struct reference_match *matches,
                        size_t most);

// "exact", "minimum", "fixed-parameter", "literature"
const char *reference_kind_name(enum reference_kind kind);

// How many rows the table has; for tests.
size_t reference_rows(void);

#endif
