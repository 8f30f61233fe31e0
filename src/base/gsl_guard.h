// SPDX-License-Identifier: GPL-3.0-or-later
// GSL ends the process where something goes wrong, unless its handler of errors is off. A library must not: around
// calls that can fail the handler is off, and then again the one that the program had. Calls may overlap, in several
// threads too.
#ifndef VMC_BASE_GSL_GUARD_H
#define VMC_BASE_GSL_GUARD_H

void gsl_guard_begin(void);
void gsl_guard_end(void);

#endif
