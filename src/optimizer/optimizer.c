// SPDX-License-Identifier: GPL-3.0-or-later
// The list of optimisers.
#include "vmc/optimizer.h"

#include "base/list.h"

#define OPTIMIZERS(X) X(optimizer, sgd) X(optimizer, momentum) X(optimizer, adam) X(optimizer, sr) X(optimizer, exact)
LIST(optimizer, OPTIMIZERS)
