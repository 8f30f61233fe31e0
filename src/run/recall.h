// SPDX-License-Identifier: GPL-3.0-or-later
// Settings as a results file has them. What a file lacks, since it is older than the key, is the key's default.
#ifndef VMC_RUN_RECALL_H
#define VMC_RUN_RECALL_H

#include "vmc/record.h"
#include "vmc/settings.h"

// The text that the file has for a key; malloc'ed, NULL where it has none.
char *recall_text(struct record_file *file, const char *section, const struct param *row);
// Whether two texts say the same of a key. NULL stands for the default.
bool recall_same(const struct param *row, const char *one, const char *other);

// The configuration that a results file was made with. False: there is none, or no result.
bool recall_settings(struct record_file *file, const char *path, struct settings *settings, struct error *error);

#endif
