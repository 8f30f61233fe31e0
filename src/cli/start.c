// SPDX-License-Identifier: GPL-3.0-or-later
// The program from its first to its last moment. Exit codes are error kinds.
#include "cli/help.h"
#include "cli/options.h"
#include "cli/program.h"
#include "cli/text.h"

#include <fcntl.h>
#include <hdf5.h>
#include <signal.h>
#include <unistd.h>

// With 0, 1 or 2 closed the next file opened would take their place, and messages would end up in the results.
static void hold_standard_descriptors(void)
{
    int descriptor;
    do
        descriptor = open("/dev/null", O_RDWR);
    while (descriptor >= 0 && descriptor <= STDERR_FILENO);
    if (descriptor > STDERR_FILENO)
        close(descriptor);
}

// HDF5's handler at exit can crash after a failed close on a full disk, and must be off before its first call.
static void prepare_libraries(void)
{
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

// Only a run takes more than one process; the others of them have nothing to do then.
static bool act(const struct cli_options *options, struct error *error)
{
    if (options->given & CLI_TEXTS)
        return cli_help_act(options, error);
    return (!cli_options_run(options) && !team_leads(cli_program()->team)) || options->command->act(options, error);
}

// Texts take no processes, and no library of theirs.
static bool needs_start(const struct cli_options *options)
{
    return !(options->given & CLI_TEXTS) && options->command->act != cli_help;
}

int cli_main(int argc, char **argv, struct cli_program *program)
{
    struct cli_options options = { 0 };
    struct error error = { 0 };
    cli_program_set(program);
    hold_standard_descriptors();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files: the write fails and says so
    prepare_libraries();
    bool good = cli_options_parse(&options, argc, argv, &error);
    const bool start = good && program->start && needs_start(&options);
    good = good && (!start || program->start(program, &error)) && act(&options, &error);
    good = team_agree(program->team, good, &error);
    if (!good)
        cli_report(&error);
    if (start)
        program->finish(program);
    int code = good ? 0 : error.kind != ERROR_NONE ? (int)error.kind : ERROR_INTERNAL;
    cli_options_finish(&options);
    error_clear(&error);
    return code;
}
