// SPDX-License-Identifier: GPL-3.0-or-later
// --help, --version and --help-config. Keys are explained from the same rows that read them, so the help cannot fall behind.
#include "cli/help.h"

#include "cli/program.h"
#include "cli/text.h"
#include "version.h"
#include "vmc/level.h"
#include "vmc/record.h"
#include "vmc/settings.h"

#include <gsl/gsl_version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INDENT = 4, ROWS_MOST = 64, NARROWEST = 40 };

static const char usage[] =
    "Usage: vmc --config FILE [options]\n"
    "       vmc sweep list|script FILE [options]\n"
    "       vmc merge OUT.h5 IN.h5... [--force]\n";

static const char usage_mpi[] =
    "Usage: mpirun -n RANKS vmc-mpi --config FILE [options]\n"
    "       srun --mpi=%s vmc-mpi --config FILE [options]\n"
    "       vmc-mpi sweep list|script FILE [options]\n"
    "       vmc-mpi merge OUT.h5 IN.h5... [--force]\n"
    "\n"
    "This is vmc with its walkers spread over the ranks of an MPI job; the library is\n"
    "%s. Results have the same bits on any number of ranks and threads,\n"
    "and are those of vmc. Rank 0 writes and prints; everything but running is done\n"
    "by it alone. Stopping, exit status and files are those of vmc too.\n";

static const char help[] =
    "\n"
    "Variational Monte Carlo for trapped particles: builds the system and the wave\n"
    "function the configuration describes, trains it, measures its energy and writes\n"
    "everything into one HDF5 file.\n"
    "\n"
    "  --config FILE             the configuration (INI); see --help-config\n"
    "  -s, --set SECTION.KEY=VALUE\n"
    "                            override one entry; repeatable, the last one wins\n"
    "  -o, --output FILE         results file; default: the configuration's name with\n"
    "                            .h5, in the current folder. A complete file already\n"
    "                            there is kept as NAME.1.h5 (next free number)\n"
    "  --force                   overwrite an unfinished or foreign file at --output\n"
    "  --resume                  go on from an unfinished run at --output; a complete\n"
    "                            one is extended where more samples are asked\n"
    "  --max-time DURATION       stop cleanly before so much wall time: 90s, 30m, 2h\n"
    "  --task K, --task A-B      of a configuration with a [sweep] section: run point\n"
    "                            K (from 0), or points A to B; else all, one after\n"
    "                            the other. Point K goes to NAME-K.h5 (four\n"
    "                            digits); one complete there already is skipped\n"
    "  -t, --threads N           default: as many as this process may use\n"
    "  --check                   validate, estimate memory, file size and time, exit\n"
    "  --print-config            print the configuration with all defaults, exit\n"
    "  --help-config [SECTION]   explain every key of the configuration, exit\n"
    "  --json                    results on stdout as JSON\n"
    "  -q, --quiet               only errors, and the JSON where asked for\n"
    "  -v, --verbose             say more about what is done\n"
    "  --progress WHEN           auto: one updating line on a terminal, else a line\n"
    "                            every 30 s; always: also at every start and end of a\n"
    "                            phase; never\n"
    "  -h, --help                this text\n"
    "  -V, --version             version, and what the program is built from\n"
    "\n"
    "Commands:\n"
    "  sweep list FILE           the points of a sweep, and what there is of them\n"
    "  sweep script FILE         a job array for Slurm on stdout; --per-job N points\n"
    "                            in a job, --time LIMIT of a job (default 01:00:00),\n"
    "                            --threads, --set and --output as for the run\n"
    "  merge OUT.h5 IN.h5...     many results files into one, with a table of\n"
    "                            settings and results, also written as OUT.csv\n"
    "\n"
    "Exit status: 0 done; 2 wrong usage; 65 a damaged results file; 66 an input file\n"
    "is missing or unreadable; 70 internal error or non-finite numbers; 73 the output\n"
    "would be overwritten, or another run is writing it; 74 could not write;\n"
    "75 stopped before the end, --resume continues; 78 bad configuration.\n"
    "\n"
    "SIGINT, SIGTERM, SIGUSR1, SIGUSR2 and SIGXCPU stop a run cleanly.\n"
    "\n"
    "Environment: OMP_NUM_THREADS and SLURM_CPUS_PER_TASK limit the default number of\n"
    "threads; NO_COLOR switches colours off.\n"
    "\n"
    "Example: ";
static const char example[] = "vmc --config configs/twoparticles.ini --set rbm.hidden=4\n";
static const char example_mpi[] = "mpirun -n 2 vmc-mpi --config configs/twoparticles.ini\n";

char *cli_help_text(void)
{
    const struct cli_program *program = cli_program();
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return NULL;
    if (program->mpi)
        fprintf(out, usage_mpi, program->slurm_mpi, program->mpi);
    else
        fputs(usage, out);
    fputs(help, out);
    fputs(program->mpi ? example_mpi : example, out);
    return fclose(out) == 0 ? text : NULL;
}

char *cli_version_text(void)
{
    const struct cli_program *program = cli_program();
    char *text = NULL;
    int length = asprintf(&text,
                          "%s %s\n"
                          "revision         %s\n"
                          "compiler         %s\n"
                          "HDF5             %s\n"
                          "GSL              %s\n"
                          "%s%s%s"
                          "instruction set  %s, %zu number%s at a time\n",
                          program->name, VMC_VERSION, VMC_GIT_REVISION, VMC_COMPILER, record_hdf5_version(), gsl_version,
                          program->mpi ? "MPI              " : "", program->mpi ? program->mpi : "", program->mpi ? "\n" : "", level_name(),
                          level_pack_width(), level_pack_width() == 1 ? "" : "s");
    return length < 0 ? NULL : text;
}

static void write_indented(FILE *out, size_t width, const char *text)
{
    fprintf(out, "%*s", INDENT, "");
    cli_wrap(out, INDENT, INDENT + 2, width, text);
}

static void write_key(FILE *out, const struct param *row, size_t width)
{
    char allowed[PARAM_TEXT_SIZE], text[2 * PARAM_TEXT_SIZE + 200];
    const char *fallback = !row->fallback ? "" : *row->fallback ? row->fallback : "nothing";
    param_describe(row, allowed);
    snprintf(text, sizeof text, "%s%s%s; %s%s", allowed, row->unit ? "; unit: " : "", row->unit ? row->unit : "",
             row->fallback ? "default: " : "required", fallback);
    fprintf(out, "  %s\n", row->key);
    write_indented(out, width, row->help ? row->help : "");
    write_indented(out, width, text);
}

static void write_row(FILE *out, const struct settings_schema_row *row, size_t width)
{
    char text[400];
    if (row->when)
        snprintf(text, sizeof text, "with %s = %s: %s", row->when, row->owner, row->summary ? row->summary : "");
    else
        snprintf(text, sizeof text, "%s", row->summary);
    int used = fprintf(out, "[%s]  ", row->section);
    cli_wrap(out, (size_t)used, INDENT, width, text);
    for (const struct param *key = row->params; key->key; key++)
        write_key(out, key, width);
    fputc('\n', out);
}

// [sweep] has no keys of its own.
static void write_sweep(FILE *out, size_t width)
{
    int used = fprintf(out, "[%s]  ", SETTINGS_SWEEP);
    cli_wrap(out, (size_t)used, INDENT, width, "many runs from one file: the points are the product of these lists, the last key fastest, counted from 0");
    fprintf(out, "  section.key\n");
    write_indented(out, width, "a key of any other section, say system.omega, and its values");
    write_indented(out, width, "v1 | v2 | ..., or start:stop:count with both ends in; the seed of point K is run.seed + K unless it is swept");
    fputc('\n', out);
}

static bool refuse_section(const char *section, const struct settings_schema_row *rows, size_t n, struct error *error)
{
    const char *names[ROWS_MOST + 2] = { NULL };
    char list[PARAM_TEXT_SIZE] = "";
    size_t used = 0;
    for (size_t k = 0; k < n; k++) {
        names[k] = rows[k].section;
        if ((k == 0 || strcmp(rows[k].section, rows[k - 1].section) != 0) && used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", k > 0 ? ", " : "", rows[k].section);
    }
    names[n] = SETTINGS_SWEEP;
    const char *nearest = config_nearest(section, names);
    return error_add(error, ERROR_USAGE, "--help-config: there is no section '%s'; allowed: %s, " SETTINGS_SWEEP "%s%s%s", section, list,
                     nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

char *cli_help_config_text(const char *section, size_t width, struct error *error)
{
    struct settings_schema_row rows[ROWS_MOST];
    size_t n = settings_schema(rows, ROWS_MOST), shown = 0, length = 0;
    char *text = NULL;
    FILE *out = open_memstream(&text, &length);
    if (!out) {
        error_add(error, ERROR_INTERNAL, "not enough memory");
        return NULL;
    }
    n = n < ROWS_MOST ? n : ROWS_MOST;
    width = width < NARROWEST ? NARROWEST : width;
    for (size_t k = 0; k < n; k++)
        if (!section || strcmp(section, rows[k].section) == 0) {
            write_row(out, &rows[k], width);
            shown++;
        }
    if (!section || strcmp(section, SETTINGS_SWEEP) == 0) {
        write_sweep(out, width);
        shown++;
    }
    fclose(out);
    if (shown > 0)
        return text;
    free(text);
    refuse_section(section, rows, n, error);
    return NULL;
}
