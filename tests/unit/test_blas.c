// SPDX-License-Identifier: GPL-3.0-or-later
// GSL calls whichever CBLAS the loader meets first. This program is linked as vmc is, and asks which one that would be:
// OpenBLAS, whose matrix products are an order of magnitude faster than those of GSL's own.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmc/run.h"

int main(void)
{
    static const char *const names[] = { "cblas_dgemm", "cblas_dsyrk", "cblas_ddot" };
    int wrong = 0;
    printf("with the library's %s\n", run_result_rows[0].name);  // or the linker leaves the library out
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        void *symbol = dlsym(RTLD_DEFAULT, names[k]);
        Dl_info info;
        if (!symbol || !dladdr(symbol, &info)) {
            printf("%s: not loaded\n", names[k]);
            wrong++;
            continue;
        }
        char *path = realpath(info.dli_fname, NULL);
        printf("%s: %s\n", names[k], path ? path : info.dli_fname);
        wrong += !strstr(path ? path : info.dli_fname, "openblas");
        free(path);
    }
    return wrong;
}
