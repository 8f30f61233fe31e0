// SPDX-License-Identifier: GPL-3.0-or-later
// The layout of everything that is known about walkers. A block is WALKERS = 32 walkers side by side; a row is WALKERS
// doubles, one per walker, 64-byte aligned. The number does not depend on the machine, so that results do not either.
#ifndef VMC_LAYOUT_H
#define VMC_LAYOUT_H

enum { WALKERS = 32 };

#endif
