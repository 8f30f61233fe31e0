// SPDX-License-Identifier: GPL-3.0-or-later
// --help, --version, vmc help. Everything about commands and options comes from the rows that read them, so the help is
// always up to date.
#include "cli/help.h"

#include "cli/keys.h"
#include "cli/program.h"
#include "cli/text.h"
#include "version.h"
#include "vmc/level.h"
#include "vmc/record.h"

#include <gsl/gsl_version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_COLUMN = 28, WIDTH = 80 };

static const char about_mpi[] = "This is vmc with its walkers spread over the ranks of an MPI job. Results are those "
                                "of vmc to the last bit, on any number of "
                                "ranks and threads. Rank 0 writes and prints, and does alone whatever is not a run. "
                                "Signals, exit status and files are those of vmc, too.";
static const char about[] = "Variational Monte Carlo for trapped particles: builds the system and the wave function "
                            "that a configuration describes, trains the wave "
                            "function, measures its energy, and writes everything to one HDF5 file.";
static const struct {
    const char *heading, *text;
} endings[] = {
    { "Exit status", "0 done; 1 a fault was found; 2 wrong usage; 65 damaged results file; 66 input file missing or "
                     "unreadable; 70 internal error, or non-finite "
                     "numbers; 73 the output would be overwritten, or another run is writing it; 74 could not write; "
                     "75 stopped before the end, --resume "
                     "continues; 78 bad configuration." },
    { "Signals", "SIGINT, SIGTERM, SIGUSR1, SIGUSR2 and SIGXCPU stop a run cleanly." },
    { "Environment",
      "OMP_NUM_THREADS and SLURM_CPUS_PER_TASK limit the default number of threads; NO_COLOR switches colours off." }
};

static void write_paragraph(FILE *out, const char *text)
{
    cli_wrap(out, 0, 0, WIDTH, text);
    fputc('\n', out);
}

// "  left     right", the right part wrapped; on a line of its own where the left one is long.
static void write_entry(FILE *out, const char *left, const char *right)
{
    const int used = fprintf(out, "  %s", left), pad = used + 2 > OPTION_COLUMN ? 0 : OPTION_COLUMN - used;
    fprintf(out, pad > 0 ? "%*s" : "\n%*s", pad > 0 ? pad : OPTION_COLUMN, "");
    cli_wrap(out, OPTION_COLUMN, OPTION_COLUMN, WIDTH, right);
}

// The options in `wanted`; no heading where there are none.
static void write_options(FILE *out, const char *heading, unsigned wanted)
{
    if (wanted)
        fprintf(out, "%s:\n", heading);
    for (unsigned k = 0; k < CLI_OPTIONS; k++) {
        const struct cli_option_row *row = &cli_option_rows[k];
        char left[80], letter[8] = "";
        if (row->letter)
            snprintf(letter, sizeof letter, "-%c, ", row->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, row->name, row->value ? " " : "",
                 row->value ? row->value : "");
        if (wanted & CLI_BIT(k))
            write_entry(out, left, row->help);
    }
    if (wanted)
        fputc('\n', out);
}

static void write_usage(FILE *out, const char *start, const struct cli_command *command)
{
    fprintf(out, "%s%s%s%s %s%s\n", start, cli_program()->name, *command->words ? " " : "", command->words,
            command->arguments, command->options ? " [options]" : "");
}

static void write_all_usage(FILE *out)
{
    const struct cli_program *program = cli_program();
    if (program->mpi)
        fprintf(out,
                "Usage: mpirun -n RANKS vmc-mpi --config FILE [options]\n       srun --mpi=%s vmc-mpi --config FILE "
                "[options]\n",
                program->slurm_mpi);
    for (const struct cli_command *command = program->mpi ? cli_commands + 1 : cli_commands; command->words; command++)
        write_usage(out, command == cli_commands ? "Usage: " : "       ", command);
    fputc('\n', out);
}

static void write_everything(FILE *out)
{
    const struct cli_program *program = cli_program();
    char text[1000], heading[2 * CLI_COMMAND_SIZE], name[CLI_COMMAND_SIZE];
    write_all_usage(out);
    write_paragraph(out, program->mpi ? about_mpi : about);
    if (program->mpi)
        fprintf(out, "MPI library: %s\n\n", program->mpi);
    fputs("Commands:\n", out);
    for (const struct cli_command *command = cli_commands; command->words; command++) {
        snprintf(text, sizeof text, "%s%s%s", command->words, *command->words ? " " : "", command->arguments);
        write_entry(out, text, command->help);
    }
    fputc('\n', out);
    write_options(out, "Options", cli_commands->options | CLI_TEXTS);
    for (const struct cli_command *command = cli_commands + 1; command->words; command++) {
        snprintf(heading, sizeof heading, "Further options of %s", cli_command_name(command, name));
        write_options(out, heading, command->options & ~cli_commands->options);
    }
    for (size_t k = 0; k < sizeof endings / sizeof *endings; k++) {
        fprintf(out, "%s:\n", endings[k].heading);
        write_paragraph(out, endings[k].text);
    }
    fprintf(out, "Example:\n%s\n",
            program->mpi ? "mpirun -n 2 vmc-mpi --config configs/twoparticles.ini"
                         : "vmc configs/twoparticles.ini --set rbm.hidden=4");
}

static void write_one(FILE *out, const struct cli_command *command)
{
    write_usage(out, "Usage: ", command);
    fputc('\n', out);
    write_paragraph(out, command->help);
    write_options(out, "Options", command->options);
}

// Of one command, or of the program: NULL, or the main job.
static char *help_text(const struct cli_command *command)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return NULL;
    if (command && *command->words)
        write_one(out, command);
    else
        write_everything(out);
    return fclose(out) == 0 ? text : NULL;
}

static char *version_text(void)
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
                          program->name, VMC_VERSION, VMC_GIT_REVISION, VMC_COMPILER, record_hdf5_version(),
                          gsl_version, program->mpi ? "MPI              " : "", program->mpi ? program->mpi : "",
                          program->mpi ? "\n" : "", level_name(), level_pack_width(),
                          level_pack_width() == 1 ? "" : "s");
    return length < 0 ? NULL : text;
}

// "sweep" is the first word of several commands, and a section.
static char *topic_text(const char *topic, struct error *error)
{
    char *text = NULL;
    size_t length = 0, n = 0;
    FILE *out = open_memstream(&text, &length);
    for (const struct cli_command *command = cli_commands + 1; out && command->words; command++)
        if (strncmp(command->words, topic, strlen(topic)) == 0 && strchr(" ", command->words[strlen(topic)])) {
            write_one(out, command);
            n++;
        }
    char *keys = cli_keys_text(topic, cli_width(stdout), n == 0 ? error : NULL);
    if (out && keys) {
        fputs(keys, out);
        n++;
    }
    free(keys);
    if (out && fclose(out) == 0 && n > 0)
        return text;
    free(text);
    return NULL;
}

bool cli_help(const struct cli_options *options, struct error *error)
{
    size_t n_own;
    if (options->n_words == 0)
        return cli_print_text(help_text(NULL), error);
    if (options->n_words == 1)
        return cli_print_text(topic_text(options->words[0], error), error);
    const struct cli_command *command = cli_command_find(options->n_words, options->words, &n_own, error);
    if (command && n_own < options->n_words)
        return error_add(error, ERROR_USAGE, "one topic at a time; unexpected argument '%.200s'",
                         options->words[n_own == 0 ? 1 : n_own]);
    return command && cli_print_text(help_text(command), error);
}

bool cli_help_act(const struct cli_options *options, struct error *error)
{
    if (options->help)
        return cli_print_text(help_text(options->command), error);
    if (options->version)
        return cli_print_text(version_text(), error);
    return cli_print_text(cli_keys_text(options->section, cli_width(stdout), error), error);
}
